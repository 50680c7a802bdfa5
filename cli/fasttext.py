"""`wordvec fasttext`: the original's commands, flags, output lines and exit codes on our engine."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from .fasttext_usage import GENERAL, ON_STDOUT, USAGES
from .main import EXIT_ERROR

# command -> (module, function, smallest and largest number of arguments; None: flags)
COMMANDS: dict[str, tuple[str, str, tuple[int, int] | None]] = {
    "supervised": ("fasttext_train", "train", None),
    "skipgram": ("fasttext_train", "train", None),
    "cbow": ("fasttext_train", "train", None),
    "quantize": ("fasttext_train", "quantize", None),
    "test": ("fasttext_labels", "test", (2, 4)),
    "test-label": ("fasttext_labels", "test", (2, 4)),
    "predict": ("fasttext_labels", "predict", (2, 4)),
    "predict-prob": ("fasttext_labels", "predict", (2, 4)),
    "print-word-vectors": ("fasttext_words", "print_word_vectors", (1, 1)),
    "print-sentence-vectors": ("fasttext_words", "print_sentence_vectors", (1, 1)),
    "print-ngrams": ("fasttext_words", "print_ngrams", (2, 2)),
    "nn": ("fasttext_words", "nn", (1, 2)),
    "analogies": ("fasttext_words", "analogies", (1, 2)),
    "dump": ("fasttext_words", "dump", (2, 2)),
}


class OriginalCommand(click.Command):
    """Hands all arguments on as they are: the original's are none that click could parse."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args[:1] == ["--help"]:
            click.echo(self.get_help(ctx))
            ctx.exit()
        ctx.params = {"arguments": tuple(args)}
        return []

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return ["COMMAND", "[ARGUMENTS]"]


def fasttext(arguments: tuple[str, ...], /, **_: Any) -> int:
    """Subword vectors and text classifiers: commands, flags and output of the original fastText.

    Commands without arguments print their usage. Ctrl-C during training stops cleanly and writes
    the model reached so far (exit code 130). Beyond the original, supervised takes
    -autotune-seed N and -autotune-log FILE (trials as JSON lines).

    \b
    Examples:
      wordvec fasttext skipgram -input text.txt -output model
      wordvec fasttext supervised -input train.txt -output model -lr 0.5 -wordNgrams 2
      wordvec fasttext predict model.bin - 3
    """
    if not arguments or arguments[0] not in COMMANDS:
        sys.stderr.write(GENERAL)
        return EXIT_ERROR
    name, *rest = arguments
    module, function, limits = COMMANDS[name]
    if limits is not None and not limits[0] <= len(rest) <= limits[1]:
        (sys.stdout if name in ON_STDOUT else sys.stderr).write(USAGES[name])
        return EXIT_ERROR
    run = getattr(importlib.import_module(f".{module}", __package__), function)
    code: int = run(name, rest)
    return code


@click.pass_context
def _callback(ctx: click.Context, /, arguments: tuple[str, ...]) -> int:
    return fasttext(arguments)


command = OriginalCommand(
    "fasttext", callback=_callback, help=fasttext.__doc__, add_help_option=False
)
