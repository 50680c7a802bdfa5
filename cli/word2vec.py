"""`wordvec word2vec`: the original's flags, output lines and exit codes on our engine."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from wordvec.options import CheckpointOptions, ValidationOptions, Word2VecOptions, spec_of

from .flags import (
    SIZE,
    SWITCH,
    FileSet,
    OriginalCommand,
    Value,
    file_flag,
    is_inside,
    option_flags,
    options_from_flags,
    whole_number,
)
from .main import EXIT_ERROR, EXIT_INTERRUPTED
from .validation import in_flags, lines_of, validation_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from wordvec.corpus import EncodedCorpus
    from wordvec.files import OutputFile
    from wordvec.models.checkpoints import Checkpoints
    from wordvec.models.validating import Validation
    from wordvec.progress import Progress
    from wordvec.traininglog import EpochRecord
    from wordvec.vocab import Vocab

TOKENS_PER_COUNT_LINE = 1_000_000
# The original drops its rarest words when its hash table is 70 % full; kept here, and nowhere
# else, so that the vocabularies of huge corpora agree.
PRUNE_AT_WORDS = 21_000_000
ALPHA_CBOW = 0.05
ALPHA_SKIP_GRAM = 0.025
# The original lets the rate fall to this share of its start.
MIN_ALPHA_SHARE = 1e-4

INVERTED = {"sg": "1: continuous bag of words, 0: skip-gram"}
FLAG_OF_VALIDATION = {
    "share": "-validate", "measure": "-measure", "patience": "-patience",
    "least_gain": "-least-gain", "probes": "-probe", "log": "-log",
}  # fmt: skip
DEFAULT_TEXTS = {
    "alpha": f"{ALPHA_CBOW} with CBOW, {ALPHA_SKIP_GRAM} with skip-gram",
    "min_alpha": f"{MIN_ALPHA_SHARE} x -alpha",
}


@dataclass(frozen=True)
class Job:
    """What was asked for, beside the model's own options."""

    train: str
    output: str | None
    save_vocab: str | None
    read_vocab: str | None
    ids: str | None
    checkpoint: str | None
    memory: int | None
    classes: int
    debug: int
    binary: bool
    log: str | None
    validation: Validation | None = None

    @property
    def console(self) -> BinaryIO:
        """Where the output lines go: stdout, unless a file is to go there."""
        taken = "-" in (self.output, self.save_vocab)
        return sys.stderr.buffer if taken else sys.stdout.buffer


FLAGS: list[click.Parameter] = [
    file_flag("-train", "train", "the text: a file (also .gz .bz2 .xz .zst), or - for stdin"),
    file_flag("-output", "output", "where the vectors go; without it only the vocabulary is made"),
    *option_flags(Word2VecOptions, INVERTED, DEFAULT_TEXTS),
    click.Option(
        ["-classes", "classes"], type=whole_number(0, 2**31 - 1), metavar="N", default=0,
        help="write N k-means classes of the words instead of vectors (default 0: vectors)",
    ),
    click.Option(
        ["-debug", "debug"], type=whole_number(0, 100), metavar="N", default=2,
        help="0: one line, 1: and the vocabulary's size, 2: and progress (default 2)",
    ),
    click.Option(
        ["-binary", "binary"], type=SWITCH, metavar="0|1", default=False,
        help="1: binary vector file (default 0: text)",
    ),
    file_flag("-save-vocab", "save_vocab", "write the vocabulary here"),
    file_flag("-read-vocab", "read_vocab", "take the vocabulary from here; nothing is counted"),
    click.Option(
        ["-memory", "memory"], type=SIZE, metavar="BYTES", default=None,
        help="budget for the text's ids and counts, such as 4G; more goes to files "
        "(default: half of the machine's memory)",
    ),
    file_flag("-ids", "ids", "keep the text's ids here, and reuse them next time"),
    file_flag("-checkpoint", "checkpoint", "keep the state of the training here until it is over, "
              "and go on from it when it is there (default with one of the next three: "
              "OUTPUT.checkpoint)"),
    *option_flags(CheckpointOptions, {}, {}),
    *option_flags(ValidationOptions, {}, {}),
    click.Option(
        ["-measure", "measure"], type=Value("NAME", "a name", lambda text: text or None),
        metavar="NAME", help=spec_of(ValidationOptions, "measure").help,
    ),
    file_flag("-probe", "probes", "evaluation sets to score on after each epoch: files or "
              f"folders, {os.pathsep} between them"),
    file_flag("-log", "log", "JSON lines, one for each epoch, for wordvec plot"),
]  # fmt: skip


@click.pass_context
def word2vec(ctx: click.Context, /, **values: Any) -> int:
    """Train word vectors: skip-gram or CBOW, negative sampling or hierarchical softmax.

    Flags, defaults, files and output lines are those of the original word2vec; unknown flags
    and values out of range are errors. Ctrl-C during training stops cleanly and writes the
    vectors reached so far (exit code 130).

    \b
    Example:
      wordvec word2vec -train text.txt -output vectors.txt -cbow 0 -size 100 -iter 5
    """
    validation = validation_of(
        {"log": values["log"]} | {k: values.pop(k) for k in FLAG_OF_VALIDATION if k != "log"},
        FLAG_OF_VALIDATION,
        lambda text: click.UsageError(text, ctx),
    )
    names = set(Job.__dataclass_fields__) - {"validation"}
    job = Job(**{name: values.pop(name) for name in names}, validation=validation)
    keeping = {name: values.pop(name) for name in CheckpointOptions.__dataclass_fields__}
    how_often = options_from_flags(CheckpointOptions, keeping, {}, ctx)
    if job.checkpoint is None and any(keeping.values()) and job.output:
        job = dataclasses.replace(job, checkpoint=f"{job.output}.checkpoint")
    if job.checkpoint is not None and job.validation is not None:
        raise click.UsageError(
            "-checkpoint and -validate: one run can have the one or the other", ctx
        )
    if values["alpha"] is None:
        values["alpha"] = ALPHA_CBOW if values["sg"] else ALPHA_SKIP_GRAM
    if values["min_alpha"] is None:
        values["min_alpha"] = values["alpha"] * MIN_ALPHA_SHARE
    options = options_from_flags(Word2VecOptions, values, INVERTED, ctx)
    check_files(job, ctx)
    return run_job(job, options, how_often, ctx.command_path)


def check_files(job: Job, ctx: click.Context) -> None:
    """No output may replace an input or another output, or be read as text the next time."""
    inputs = {"-train": trained_files(job.train), "-read-vocab": _named_files(job.read_vocab)}
    outputs = {
        "-output": job.output, "-save-vocab": job.save_vocab, "-ids": job.ids,
        "-checkpoint": job.checkpoint, "-log": job.log,
    }  # fmt: skip
    if job.checkpoint is not None and (job.checkpoint == "-" or is_device(job.checkpoint)):
        raise click.UsageError(f"-checkpoint: {job.checkpoint!r} is no file to go on from", ctx)
    earlier: dict[str, str] = {}
    for flag, name in outputs.items():
        if name is None:
            continue
        if not is_device(name):  # /dev/null may serve twice
            for other, files in inputs.items():
                # -read-vocab v -save-vocab v rewrites v in the original too.
                if (flag, other) != ("-save-vocab", "-read-vocab") and files.holds(name):
                    raise click.UsageError(f"{flag}: {name!r} is the file of {other} too", ctx)
            if job.train and job.train != "-" and is_inside(name, job.train):
                raise click.UsageError(
                    f"{flag}: {name!r} lies in the folder of -train, where the next run would "
                    "take it for text; name a file elsewhere", ctx,
                )  # fmt: skip
            for other, other_name in earlier.items():
                if FileSet([other_name]).holds(name):
                    raise click.UsageError(f"{flag}: {name!r} is the file of {other} too", ctx)
        earlier[flag] = name


def trained_files(train: str | list[PurePath] | None) -> FileSet:
    """The files that -train stands for; a missing one is reported later, as in the original."""
    from wordvec.errors import CorpusError
    from wordvec.sources import TextFiles, open_source

    try:
        source = open_source(train) if train else None
    except CorpusError:
        return FileSet(map(str, train)) if isinstance(train, list) else _named_files(train)
    paths = source.paths if isinstance(source, TextFiles) else []
    return FileSet([0 if path == "-" else path for path in paths])  # 0: stdin


def _named_files(name: str | None) -> FileSet:
    return FileSet([name] if name else [])


def is_device(name: str) -> bool:
    return os.path.exists(name) and not os.path.isfile(name)


def run_job(job: Job, options: Word2VecOptions, how_often: CheckpointOptions, command: str) -> int:
    from wordvec.errors import RareWordsError
    from wordvec.files import OutputFile

    say(job.console, "Starting training using file ", job.train or "", "\n")
    if job.read_vocab and not os.path.exists(job.read_vocab):
        say(job.console, "Vocabulary file not found\n")
        return EXIT_ERROR
    if not job.train or not may_exist(job.train):
        say(job.console, "ERROR: training data file not found!\n")
        return EXIT_ERROR
    report = OriginalProgress(job.debug, job.console)
    with ExitStack() as outputs:

        def open_output(name: str | None) -> OutputFile | None:
            return outputs.enter_context(OutputFile(name)) if name else None

        checkpoints = open_checkpoints(job, options, how_often, command)
        vocab_file = open_output(job.save_vocab)
        vectors_file = open_output(job.output)
        try:
            vocab, corpus = read_text(job, options, report)
        except KeyboardInterrupt:
            raise KeyboardInterrupt("nothing was written") from None
        except RareWordsError as error:
            raise click.ClickException(error.message("-min-count")) from None
        if corpus is not None:
            for note in corpus.notes:
                remark(command, note)
        if job.debug > 0:
            sizes = f"Vocab size: {len(vocab)}\nWords in train file: {vocab.n_tokens}\n"
            say(job.console, sizes)
        if vocab_file is not None:
            vocab.write(vocab_file.stream, vocab_file.path)
            vocab_file.commit()
        if vectors_file is None or corpus is None:
            return 0
        with flag_named():
            return train_and_write(job, options, corpus, vectors_file, report, command, checkpoints)


def open_checkpoints(
    job: Job, options: Word2VecOptions, how_often: CheckpointOptions, command: str
) -> Checkpoints | None:
    """What is wrong with an earlier checkpoint is found before the text is read."""
    if job.checkpoint is None or job.output is None:
        return None
    from wordvec.models.checkpoints import Checkpoints

    checkpoints = Checkpoints(
        job.checkpoint, how_often.minutes, how_often.tokens, resume=how_often.resume,
        tell=lambda line: remark(command, line),
    )  # fmt: skip
    with flag_named():
        checkpoints.check(options)
    return checkpoints


@contextlib.contextmanager
def flag_named() -> Iterator[None]:
    """A checkpoint of other options is refused with the flag's name and values."""
    from wordvec.errors import CheckpointError

    try:
        yield
    except CheckpointError as error:
        if error.option is None:
            raise
        flag = spec_of(Word2VecOptions, error.option).flag or error.option
        if error.option in INVERTED:
            error.then, error.now = 1 - error.then, 1 - error.now
        raise click.ClickException(error.message(flag)) from None


def may_exist(source: str) -> bool:
    """False only when `source` is certainly missing (it may be stdin or a pattern)."""
    return source == "-" or any(c in source for c in "*?[") or os.path.exists(source)


def read_text(
    job: Job, options: Word2VecOptions, report: OriginalProgress
) -> tuple[Vocab, EncodedCorpus | None]:
    """The vocabulary, and the ids when there is something to train."""
    from wordvec.corpus import WORD2VEC_RULES, count_vocab, read_corpus
    from wordvec.vocab import Vocab

    vocab = None
    if job.read_vocab is not None:
        vocab = Vocab.read(job.read_vocab, min_count=options.min_count)
    counting: dict[str, Any] = {
        "prune_at": PRUNE_AT_WORDS if vocab is None else None,
        "rules": WORD2VEC_RULES,
        "min_count": options.min_count,
        "max_vocab": options.max_vocab,
        "n_threads": options.workers,
        "memory": job.memory,
        "reporter": report,
    }
    if job.output is None:
        return vocab or count_vocab(job.train, **counting), None
    corpus = read_corpus(job.train, vocab=vocab, ids_path=job.ids, **counting)
    return corpus.vocab, corpus


def train_and_write(
    job: Job,
    options: Word2VecOptions,
    corpus: EncodedCorpus,
    vectors_file: OutputFile,
    report: OriginalProgress,
    command: str,
    checkpoints: Checkpoints | None,
) -> int:
    from wordvec.errors import OptionError
    from wordvec.models.word2vec import train_vectors

    report.begin_training(options.alpha)
    records: list[EpochRecord] = []
    try:
        if job.validation is None:
            trained = train_vectors(
                corpus, options, reporter=report, original_start=True, checkpoints=checkpoints
            )
        else:
            from wordvec.models.validatedrun import train_vectors_validated

            trained, records = train_vectors_validated(
                corpus, options, job.validation, report, original_start=True
            )
    except OptionError as error:
        raise click.UsageError(in_flags(error, FLAG_OF_VALIDATION)) from None
    except KeyboardInterrupt:
        raise KeyboardInterrupt("no vectors were written") from None
    for line in lines_of(records):
        remark(command, line)
    if trained.n_cuts and options.max_sentence:
        remark(command, f"note: {trained.n_cuts} sentences, over all passes, were cut at "
               f"{options.max_sentence} words (-max-sentence 0: never)")  # fmt: skip
    write_result(job, corpus.vocab, trained.vectors, vectors_file)
    vectors_file.commit(sync=not trained.interrupted)
    if trained.interrupted:
        share = trained.outcome.n_tokens_trained / max(1, options.epochs * len(corpus.ids))
        remark(command, f"interrupted at {share:.1%}; the vectors so far are in {job.output}")
        if checkpoints is not None:
            remark(command, f"the same command goes on from here ({checkpoints.path})")
        return EXIT_INTERRUPTED
    if checkpoints is not None:
        checkpoints.remove()
    return 0


def write_result(job: Job, vocab: Vocab, vectors: NDArray[np.float32], to: OutputFile) -> None:
    from wordvec.formats import word2vec_binary, word2vec_text
    from wordvec.vectors import Vectors

    if job.classes > 0:
        from wordvec.kmeans import word2vec_classes

        from .classes import write_classes

        write_classes(to.stream, vocab.words, word2vec_classes(vectors, job.classes))
    elif job.binary:
        word2vec_binary.write(to.stream, Vectors(vocab, vectors), to.path)
    else:
        word2vec_text.write(to.stream, Vectors(vocab, vectors), to.path)


class OriginalProgress:
    """The original's progress records; each starts with a carriage return, none ends a line."""

    def __init__(self, debug: int, console: BinaryIO) -> None:
        self.debug = debug
        self.console = console
        self.n_count_lines = 0

    def begin_training(self, alpha: float) -> None:
        """The first record, which shows the rate at the start."""
        self._record(alpha, 0.0, 0.0)

    def __call__(self, progress: Progress, /) -> None:
        if progress.stage == "count":
            n_lines = progress.n_tokens_read // TOKENS_PER_COUNT_LINE
            if n_lines > self.n_count_lines and self.debug > 1:
                say(self.console, f"{n_lines}M\r")
            self.n_count_lines = n_lines
        elif progress.n_done > 0:
            n_total = (progress.n_total or 0) + 1
            thousands = progress.n_done / max(progress.cpu_seconds, 1e-6) / 1000
            self._record(progress.rate or 0.0, progress.n_done / n_total * 100, thousands)

    def _record(self, alpha: float, percent: float, thousands: float) -> None:
        if self.debug > 1:
            record = f"\rAlpha: {alpha:f}  Progress: {percent:.2f}%"
            say(self.console, f"{record}  Words/thread/sec: {thousands:.2f}k  ")


def say(out: BinaryIO, *parts: str) -> None:
    """At once and byte for byte: a file name need not be text in any encoding."""
    out.write(b"".join(os.fsencode(part) for part in parts))
    out.flush()


def remark(command: str, line: str) -> None:
    """To stderr, below a progress record that may stand unfinished on the same terminal."""
    start = "\n" if sys.stdout.isatty() and sys.stderr.isatty() else ""
    sys.stderr.buffer.write(os.fsencode(f"{start}{command}: {line}\n"))
    sys.stderr.flush()


command = OriginalCommand(
    "word2vec", params=FLAGS, callback=word2vec, help=word2vec.__doc__, add_help_option=False
)
