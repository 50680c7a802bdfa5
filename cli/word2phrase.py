"""`wordvec word2phrase`: the original's flags, output lines and output bytes on our engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from wordvec.options import PhraseOptions

from .flags import (
    SIZE,
    OriginalCommand,
    file_flag,
    is_inside,
    option_flags,
    options_from_flags,
    whole_number,
)
from .main import EXIT_ERROR
from .word2vec import is_device, may_exist, remark, say, trained_files

if TYPE_CHECKING:
    from typing import BinaryIO

    from wordvec.progress import Progress

WORDS_PER_LINE = 1_000_000

FLAGS: list[click.Parameter] = [
    file_flag("-train", "train", "the text: a file (also .gz .bz2 .xz .zst), or - for stdin"),
    file_flag("-output", "output", "where the text with its phrases joined goes; - for stdout"),
    *option_flags(PhraseOptions, {}, {}),
    click.Option(
        ["-debug", "debug"], type=whole_number(0, 100), metavar="N", default=2,
        help="0: one line, 1: and how much was counted, 2: and progress (default 2)",
    ),
    click.Option(
        ["-memory", "memory"], type=SIZE, metavar="BYTES", default=None,
        help="budget for the text's ids, pairs and words, such as 4G; more goes to files "
        "(default: half of the machine's memory)",
    ),
]  # fmt: skip


@click.pass_context
def word2phrase(
    ctx: click.Context, /, train: str | None, output: str | None, debug: int, memory: int | None,
    **values: Any,
) -> int:  # fmt: skip
    """Join words that belong together: `new york` becomes `new_york`.

    Flags, defaults, output lines and the bytes of the output are those of the original
    word2phrase; unknown flags and values out of range are errors. Run it again on its output
    for phrases of more words.

    \b
    Example:
      wordvec word2phrase -train text.txt -output phrases.txt -threshold 100
    """
    from wordvec.files import OutputFile
    from wordvec.phrases import join_phrases

    options = options_from_flags(PhraseOptions, values, {}, ctx)
    check_files(train, output, ctx)
    console = _console(output)
    say(console, "Starting training using file ", train or "", "\n")
    if not train or not may_exist(train):
        say(console, "ERROR: training data file not found!\n")
        return EXIT_ERROR
    if output is None:  # the original crashes
        raise click.UsageError("-output: expected a file for the joined text, found none", ctx)
    report = OriginalProgress(debug, console)
    with OutputFile(output) as file:
        try:
            joined = join_phrases(
                train, file, options, memory=memory, count_kept=debug > 0, reporter=report,
                on_counted=report.counted,
            )  # fmt: skip
        except KeyboardInterrupt:
            raise KeyboardInterrupt("nothing was written") from None
        for note in joined.notes:
            remark(ctx.command_path, note)
    return 0


def _console(output: str | None) -> BinaryIO:
    """Where the output lines go: stdout, unless the text is to go there."""
    import sys

    return sys.stderr.buffer if output == "-" else sys.stdout.buffer


def check_files(train: str | None, output: str | None, ctx: click.Context) -> None:
    """The output may not replace the text, or lie where the next run would take it for text."""
    if output is None or is_device(output):
        return
    if trained_files(train).holds(output):
        raise click.UsageError(f"-output: {output!r} is the file of -train too", ctx)
    if train and train != "-" and is_inside(output, train):
        raise click.UsageError(
            f"-output: {output!r} lies in the folder of -train, where the next run would take it "
            "for text; name a file elsewhere", ctx,
        )  # fmt: skip


class OriginalProgress:
    """The original's progress records; each ends with a carriage return."""

    def __init__(self, debug: int, console: BinaryIO) -> None:
        self.debug = debug
        self.console = console
        self._n_lines = {"count": 0, "write": 0}

    def __call__(self, progress: Progress, /) -> None:
        is_count = progress.stage == "count"
        n_words = progress.n_tokens_read if is_count else progress.n_done
        n_lines = n_words // WORDS_PER_LINE
        if n_lines > self._n_lines[progress.stage] and self.debug > 1:
            if is_count:
                # Words alone: pairs are counted after all words are.
                sizes = f"Vocab size: {progress.n_distinct // 1000}K  \r"
                say(self.console, f"Words processed: {n_lines}M     {sizes}")
            else:
                say(self.console, f"Words written: {n_lines}M\r")
        self._n_lines[progress.stage] = n_lines

    def counted(self, n_kept: int | None, n_words: int) -> None:
        """The two lines between the passes.  The vocabulary's size is the number of words and
        pairs that occur -min-count times or more; the original prints about half of the rare
        ones on top, by a slip."""
        if self.debug > 0 and n_kept is not None:
            line = f"\nVocab size (unigrams + bigrams): {n_kept}\n"
            say(self.console, f"{line}Words in train file: {n_words}\n")


command = OriginalCommand(
    "word2phrase", params=FLAGS, callback=word2phrase, help=word2phrase.__doc__,
    add_help_option=False,
)  # fmt: skip
