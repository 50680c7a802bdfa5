"""fasttext supervised, skipgram, cbow and quantize: the commands that write models."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from .fasttext_flags import FlagError, Settings, complain_with_help, parse
from .main import EXIT_INTERRUPTED, CommandError
from .validation import lines_of, validation_of

if TYPE_CHECKING:
    from wordvec.errors import OptionError
    from wordvec.fasttextmodel import FastTextDictionary, FastTextModel
    from wordvec.files import OutputFile
    from wordvec.models.checkpoints import Checkpoints
    from wordvec.progress import Progress
    from wordvec.traininglog import EpochRecord

TOKENS_PER_LINE = 1_000_000
FLAG_OF_VALIDATION = {
    "share": "-validate", "measure": "-measure", "patience": "-patience",
    "least_gain": "-leastGain", "probes": "-probe", "log": "-log",
}  # fmt: skip


class OriginalProgress:
    """The original's records on stderr."""

    def __init__(self, verbose: int, n_threads: int) -> None:
        self.verbose = verbose
        self.n_threads = n_threads
        self._n_millions = 0

    def __call__(self, progress: Progress, /) -> None:
        if self.verbose < 2:
            self._last = progress
            return
        if progress.stage == "count":
            millions = progress.n_tokens_read // TOKENS_PER_LINE
            if millions > self._n_millions:
                self._n_millions = millions
                _stderr(f"\rRead {millions}M words")
        elif progress.stage == "train":
            _stderr(self.record(progress))

    def on_dictionary(self, dictionary: FastTextDictionary) -> None:
        if self.verbose > 0:
            _stderr(
                f"\rRead {dictionary.n_tokens // TOKENS_PER_LINE}M words\n"
                f"Number of words:  {dictionary.n_words}\n"
                f"Number of labels: {dictionary.n_labels}\n"
            )

    def end(self, n_tokens: int, seconds: float, loss: float) -> None:
        """The last record, all done."""
        if self.verbose > 0:
            speed = n_tokens / max(seconds, 1e-9) / self.n_threads
            _stderr(self._text(100.0, speed, 0.0, loss, 0) + "\n")

    def record(self, progress: Progress) -> str:
        done = progress.n_done / max(progress.n_total or 1, 1)
        seconds = max(progress.wall_seconds, 1e-9)
        left = int(seconds * (1 - done) / done) if done > 0 else 0
        speed = progress.n_done / seconds / self.n_threads
        return self._text(100 * done, speed, progress.rate or 0.0, progress.loss or 0.0, left)

    @staticmethod
    def _text(percent: float, speed: float, rate: float, loss: float, left: int) -> str:
        hours, rest = divmod(left, 3600)
        return (
            f"\rProgress: {percent:5.1f}% words/sec/thread: {int(speed):7d} lr: {rate:9.6f} "
            f"avg.loss: {loss:9.6f} ETA: {hours:3d}h{rest // 60:2d}m{rest % 60:2d}s"
        )


def _stderr(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def train(command: str, arguments: list[str]) -> int:
    """supervised, skipgram, cbow."""
    try:
        settings = parse(command, arguments)
    except FlagError as error:
        return complain_with_help(error)
    if settings["evaluate"]:
        raise CommandError("-evaluate is for quantize")
    if settings["autotune-validation"]:
        if command != "supervised":
            raise CommandError("-autotune-validation is for supervised")
        from .fasttext_autotune import autotune

        return autotune(settings)
    if settings["autotune-modelsize"]:
        raise CommandError("-autotune-modelsize needs -autotune-validation")
    check_input(settings)
    return train_and_write(settings)


def check_input(settings: Settings) -> None:
    """The original's two messages, before anything is opened for writing."""
    if settings["input"] == "-":
        raise CommandError("Cannot use stdin for training!")
    if not may_be_read(settings["input"]):
        raise CommandError(f"{settings['input']} cannot be opened for training!")


def may_be_read(name: str) -> bool:
    return any(c in name for c in "*?[") or os.path.isdir(name) or os.access(name, os.R_OK)


def train_and_write(settings: Settings) -> int:
    from wordvec.errors import DivergedError
    from wordvec.files import OutputFile

    base = settings["output"]
    options = settings.options()
    names = [base + ".bin", base + ".vec", *([base + ".output"] if settings["saveOutput"] else [])]
    for name in names:
        if os.path.exists(name) and os.path.samefile(name, settings["input"]):
            raise CommandError(f"-output: {name!r} is the file of -input too")
    with ExitStack() as stack:
        outputs = [stack.enter_context(OutputFile(name)) for name in names]
        checkpoints = checkpoints_of(settings)
        try:
            model, interrupted = run_training(settings, options, checkpoints)
        except DivergedError as error:
            raise CommandError(
                f"{error}; nothing was written: lower -lr ({options.alpha:g})"
            ) from None
        write_outputs(model, outputs)
    if interrupted:
        print(f"fasttext {settings.command}: interrupted; the model so far is in {names[0]}",
              file=sys.stderr)  # fmt: skip
        if checkpoints is not None:
            tell(settings, f"the same command goes on from here ({checkpoints.path})")
        return EXIT_INTERRUPTED
    if checkpoints is not None:
        checkpoints.remove()
    return 0


def checkpoints_of(settings: Settings) -> Checkpoints | None:
    asked = settings.checkpoints()
    if asked is None:
        return None
    if settings.command == "supervised":
        raise CommandError("-checkpoint is for skipgram and cbow")
    from wordvec.models.checkpoints import Checkpoints

    path, how_often = asked
    if any(os.path.abspath(path) == os.path.abspath(settings["output"] + end)
           for end in (".bin", ".vec", ".output")):  # fmt: skip
        raise CommandError(f"-checkpoint: {path!r} is a file of -output too")
    if os.path.exists(path) and os.path.samefile(path, settings["input"]):
        raise CommandError(f"-checkpoint: {path!r} is the file of -input too")
    return Checkpoints(
        path, how_often.minutes, how_often.tokens, resume=how_often.resume,
        tell=lambda line: tell(settings, line),
    )  # fmt: skip


def tell(settings: Settings, line: str) -> None:
    _stderr(f"fasttext {settings.command}: {line}\n")


def run_training(
    settings: Settings, options: object, checkpoints: Checkpoints | None
) -> tuple[FastTextModel, bool]:
    """(model, whether Ctrl-C cut it short)."""
    from wordvec.errors import CheckpointError, OptionError
    from wordvec.options import ClassifierOptions, FastTextOptions, spec_of

    records: list[EpochRecord] = []
    validation = validation_of(
        {name: settings[flag[1:]] for name, flag in FLAG_OF_VALIDATION.items()},
        FLAG_OF_VALIDATION, CommandError,
    )  # fmt: skip
    if validation is not None and settings.command == "supervised":
        raise CommandError("-validate and -probe are for skipgram and cbow")
    try:
        if isinstance(options, ClassifierOptions):
            from wordvec.models.classifier import train_supervised

            report = OriginalProgress(settings["verbose"], options.workers)
            trained = train_supervised(
                settings["input"], options, reporter=report, on_dictionary=report.on_dictionary,
                **training_of(settings),
            )  # fmt: skip
            outcome, model = trained.outcome, trained
        else:
            from wordvec.models.wordmodel import train_unsupervised

            assert isinstance(options, FastTextOptions)
            report = OriginalProgress(settings["verbose"], options.workers)
            for flag in ("labelWeights", "lineWeights"):
                if settings[flag]:
                    raise CommandError(f"-{flag} is for supervised")
            words = train_unsupervised(
                settings["input"], options, label_prefix=settings["label"],
                validation=validation,
                min_count_label=settings["minCountLabel"], reporter=report,
                on_dictionary=report.on_dictionary,
                pretrained=settings["pretrainedVectors"] or None, checkpoints=checkpoints,
            )  # fmt: skip
            outcome, model = words.outcome, words  # type: ignore[assignment]
            records = words.validation_records
    except KeyboardInterrupt:
        raise KeyboardInterrupt("nothing was written") from None
    except OptionError as error:
        raise of_flags(error) from None
    except CheckpointError as error:
        if error.option is None or error.option not in FastTextOptions.__dataclass_fields__:
            raise
        flag = spec_of(FastTextOptions, error.option).flag or error.option
        raise CommandError(error.message(flag)) from None
    assert outcome is not None
    report.end(outcome.n_tokens_trained, outcome.wall_seconds, outcome.loss)
    for line in lines_of(records):
        print(line, file=sys.stderr)
    for note in trained_notes(model):
        print(f"note: {note}", file=sys.stderr)
    return model, outcome.interrupted


def training_of(settings: Settings) -> dict[str, Any]:
    """What supervised takes besides its options."""
    from wordvec.models.weightfiles import read_label_weights, read_line_weights

    labels, lines = settings["labelWeights"], settings["lineWeights"]
    class_weights: Any = labels or None
    if labels and labels != "balanced":
        class_weights = read_label_weights(labels)
    return {
        "pretrained": settings["pretrainedVectors"] or None,
        "class_weights": class_weights,
        "sample_weights": read_line_weights(lines) if lines else None,
    }


# Flags whose values only training can check, by the names of its arguments.
FLAG_OF_ARGUMENT = {
    "class_weights": "labelWeights", "sample_weights": "lineWeights", "vector_size": "dim",
}  # fmt: skip


def of_flags(error: OptionError) -> Exception:
    """The error, in terms of the flags."""
    flag = FLAG_OF_ARGUMENT.get(error.option) or FLAG_OF_VALIDATION.get(error.option, "-")[1:]
    if not flag:
        return error
    return CommandError(f"-{flag}: expected {error.expected}, found {error.found}")


def trained_notes(model: FastTextModel) -> list[str]:
    notes: list[str] = getattr(model, "notes", [])
    return notes


def write_outputs(model: FastTextModel, outputs: list[OutputFile]) -> None:
    """The model, its words' vectors, and what the third file, if any, holds.

    The model comes last and is lost: its memory becomes that of the file as it is written.
    """
    from wordvec.formats import fasttext_bin, fasttext_vec
    from wordvec.vectors import Vectors

    model_file, vectors_file, *rest = outputs
    vectors = Vectors(model.dictionary.only_words(), model.vocabulary_vectors())
    fasttext_vec.write(vectors_file.stream, vectors, vectors_file.path)
    for output in rest:
        fasttext_vec.write(output.stream, fasttext_bin.output_vectors(model), output.path)
    del vectors
    fasttext_bin.write_model(model_file.stream, model, model_file.path, consume=True)


def load(path: str) -> FastTextModel:
    """A model, with the original's message when there is no such file."""
    from wordvec.formats.fasttext_bin import read_model

    try:
        return read_model(path)
    except (FileNotFoundError, PermissionError):
        raise CommandError(f"{path} cannot be opened for loading!") from None
