"""Checkpoints: the state of a training in a file, from which a later run goes on.

The file is one of our own format (models/modelstate.py), so that vectors can be read from it, with
the weights and, among the settings:

    "training"  what the training is of: model, options, corpus; another training is refused
    "run"       trainer.RunState, and the sums of the workers
    "written"   with which instruction set and how many threads, which can change the last digits

With one thread, and in deterministic mode with any number, a training that is broken off and gone
on from its last checkpoint ends with the same bytes as one without a break.  Free-running threads
are stopped between two shards for a checkpoint, so that it is whole, but no two of their runs are
alike.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import time
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wordvec import __version__
from wordvec.corpus import EncodedCorpus
from wordvec.errors import CheckpointError, FormatError, OutputError, TrainingError
from wordvec.files import OutputFile
from wordvec.formats import own
from wordvec.formats.modelparts import MODEL_ENTRY
from wordvec.formats.request import ReadRequest
from wordvec.kernels import sgd, simd
from wordvec.memory import release_pages
from wordvec.models.modelstate import ModelState, Path, read_state, write_state
from wordvec.options import CheckpointOptions
from wordvec.trainer import RunState

if TYPE_CHECKING:
    from wordvec.models.network import Network
    from wordvec.models.watching import TrainingJob

KIND = "Checkpoint"
_FREE_TO_CHANGE = ("workers",)
_CHECK_IDS = 1 << 22

logger = logging.getLogger(__name__)

Sums = tuple[float, int, int, int]  # as kernels.sgd.Worker.sums


class Checkpoints:
    """Where, and how often, the state of a training is kept.

    path     the file; when it is there, training goes on from it, and CheckpointError names what
             differs when it is of another training.  Written whole or not at all.
    minutes  between two checkpoints, by default 10; tokens: trained between two, besides or instead
    resume   TrainingError when the file is not there
    tell     called with lines for a person, instead of logging them

    At the end of a training the file holds its last state, so that what fails after it costs
    nothing; `remove` deletes it.  A checkpoint that cannot be written is reported, and training
    goes on.
    """

    def __init__(
        self,
        path: Path,
        minutes: float = 0.0,
        tokens: int = 0,
        *,
        resume: bool = False,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self.path = os.fspath(path)
        self.options = CheckpointOptions(minutes, tokens, resume)
        self._tell = tell

    @classmethod
    def of(cls, given: Checkpoints | Path | None) -> Checkpoints | None:
        return given if given is None or isinstance(given, Checkpoints) else cls(given)

    def part(self, number: int) -> Checkpoints:
        """The same for one of several models that are trained one after the other, from 1: the
        first in the file itself, the others in PATH.2, PATH.3 ..."""
        if number == 1:
            return self
        how = self.options
        return Checkpoints(f"{self.path}.{number}", how.minutes, how.tokens, tell=self._tell)

    def check(self, options: Any = None) -> None:
        """Find out before the work what would be wrong: OutputError, TrainingError, FormatError,
        CheckpointError for other options (None: not known yet)."""
        OutputFile(self.path).discard()
        if self._exists():
            vectors = own.open_file(self.path, ReadRequest(mmap=True))
            entry = vectors.metadata.get(MODEL_ENTRY)
            settings = entry.get("settings") if isinstance(entry, dict) else None
            if not isinstance(settings, dict) or "training" not in settings:
                raise self._no_checkpoint("another file of vectors")
            if options is not None:
                self._compare_options(settings["training"], _identity_of_options(options))

    def _exists(self) -> bool:
        if os.path.exists(self.path):
            return True
        if self.options.resume:
            raise TrainingError(f"{self.path}: there is no checkpoint to go on from")
        return False

    def _no_checkpoint(self, found: str) -> FormatError:
        return FormatError(self.path, None, "a checkpoint", found, "name another file")

    def keeper(self, network: Network, job: TrainingJob, sums: Callable[[], Sums]) -> FileKeeper:
        """The trainer's keeper of a run; puts the weights of the file, if it is there, into the
        network.  `sums` gives those of all workers."""
        training = _identity(network, job)
        keeper = FileKeeper(self, network, training, job.options.workers, sums)
        if self._exists():
            state = read_state(self.path)
            if state.kind != KIND or not {"training", "run", "written"} <= set(state.settings):
                raise self._no_checkpoint(f"a {state.kind}")
            self._compare(state.settings["training"], training)
            self._take(state, network, keeper)
        return keeper

    def _compare_options(self, then: dict[str, Any], now: dict[str, Any]) -> None:
        if then.get("model") != now["model"]:
            raise CheckpointError(self.path, None, then.get("model"), now["model"], "options of")
        before = then.get("options", {})
        for name, value in now["options"].items():
            if before.get(name) != value:
                raise CheckpointError(self.path, name, before.get(name), value)

    def _compare(self, then: dict[str, Any], now: dict[str, Any]) -> None:
        self._compare_options(then, now)
        for name, value in now["corpus"].items():
            before = then.get("corpus", {}).get(name)
            if before != value:
                is_number = isinstance(value, int)
                shown = before if is_number else None
                raise CheckpointError(self.path, None, shown, value, name)
        for name in ("epochs before it", "locks"):
            if then.get(name) != now[name]:
                raise CheckpointError(self.path, None, then.get(name), now[name], name)

    def _take(self, state: ModelState, network: Network, keeper: FileKeeper) -> None:
        found = {"matrix": state.vectors, **state.arrays}
        for name, rows in _weights(network, keeper.training).items():
            saved = found.get(name)
            if saved is None or saved.shape != rows.shape or saved.dtype != np.float32:
                what = "none" if saved is None else f"{saved.dtype}{list(saved.shape)}"
                expected = f"{name} float32{list(rows.shape)}"
                raise FormatError(self.path, None, expected, what, "name another file")
            np.copyto(rows, saved)
        try:
            keeper.start = RunState(**state.settings["run"])
            loss, *counts = state.settings["sums"]
            keeper.sums_before = (float(loss), *map(int, counts))  # type: ignore[assignment]
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(self.path, None, "the state of a run", str(error)) from None
        self._tell_of_start(state.settings["written"], keeper)

    def _tell_of_start(self, written: dict[str, Any], keeper: FileKeeper) -> None:
        assert keeper.start is not None
        line = f"going on after {keeper.start.n_tokens_trained:,} tokens ({self.path})"
        reasons = []
        is_free = not keeper.training["options"].get("deterministic", False)
        if is_free and max(written["threads"], keeper.n_threads) > 1:
            reasons.append("several threads run freely")
        if written["simd"] != simd.active():
            reasons.append(f"it was begun with {written['simd']}, this is {simd.active()}")
        if reasons:
            line += f"; the bytes will not be those of a run without a break: {', '.join(reasons)}"
        self.tell(line, logging.INFO)

    def tell(self, line: str, level: int = logging.WARNING) -> None:
        if self._tell is not None:
            self._tell(line)
        else:
            logger.log(level, "%s", line)

    def remove(self) -> None:
        """Delete the file: what it was kept for is done."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)


def keeper_of(
    network: Network, job: TrainingJob, workers: Callable[[], list[sgd.Worker]]
) -> FileKeeper | None:
    """The keeper of a job with checkpoints, for these workers."""

    def sums() -> Sums:
        parts = [worker.sums() for worker in workers()]
        loss, *counts = (sum(part[k] for part in parts) for k in range(4))
        return float(loss), *map(int, counts)  # type: ignore[return-value]

    return None if job.checkpoints is None else job.checkpoints.keeper(network, job, sums)


def refuse_both(validation: object, checkpoints: Checkpoints | None) -> None:
    """TrainingError: what validation remembers, the best weights above all, no checkpoint holds."""
    if validation is not None and checkpoints is not None:
        raise TrainingError("checkpoints and validation: one run can have the one or the other")


class FileKeeper:
    """Writes the state of one run to the file (trainer.Keeper)."""

    def __init__(
        self,
        checkpoints: Checkpoints,
        network: Network,
        training: dict[str, Any],
        n_threads: int,
        sums: Callable[[], Sums],
    ) -> None:
        self.start: RunState | None = None
        self.sums_before: Sums = (0.0, 0, 0, 0)
        self.training, self.n_threads = training, n_threads
        self._checkpoints, self._network, self._sums = checkpoints, network, sums
        self._last = time.monotonic()

    @property
    def every_tokens(self) -> int | None:
        return self._checkpoints.options.tokens or None

    def is_due(self) -> bool:
        return time.monotonic() - self._last >= self._checkpoints.options.seconds

    def save(self, state: RunState) -> None:
        """Write the file; what goes wrong is told, and the file that was there stays."""
        network = self._network
        arrays = _weights(network, self.training)
        settings = {
            "training": self.training,
            "run": dataclasses.asdict(state),
            "sums": self._sums(),
            "written": {
                "wordvec": __version__, "simd": simd.active(), "threads": self.n_threads,
            },
        }  # fmt: skip
        vocab, vectors = network.vocab, arrays.pop("matrix")
        made = ModelState(KIND, settings, vocab.words, vocab.counts, vectors, arrays)
        try:
            write_state(made, self._checkpoints.path)
        except OutputError as error:
            self._checkpoints.tell(f"no checkpoint was written, training goes on: {error}")
        self._last = time.monotonic()


def _weights(network: Network, training: dict[str, Any]) -> dict[str, NDArray[np.float32]]:
    """All that training changes, by name, views without the padding."""
    weights, n_words = network.weights, len(network.vocab)
    dim = int(training["options"]["vector_size"])
    found = {
        "matrix": weights.in_rows[:n_words, :dim],
        "ngram_rows": weights.in_rows[n_words:, :dim],
    }
    for name in ("out_rows", "node_rows", "position_rows"):
        rows = getattr(weights, name)
        if rows is not None:
            found[name] = rows[:, :dim]
    if not len(found["ngram_rows"]):
        del found["ngram_rows"]
    return found


def _identity_of_options(options: Any) -> dict[str, Any]:
    values = dataclasses.asdict(options)
    for name in _FREE_TO_CHANGE:
        values.pop(name, None)
    return {"model": type(options).__name__.removesuffix("Options"), "options": values}


def _identity(network: Network, job: TrainingJob) -> dict[str, Any]:
    """What a training is of, as JSON."""
    locks = None if job.locks is None else _crc(job.locks, 0)
    return {
        **_identity_of_options(job.options),
        "corpus": _corpus_identity(job.corpus, network),
        "epochs before it": job.first_epoch,
        "locks": locks,
    }


def _corpus_identity(corpus: EncodedCorpus, network: Network) -> dict[str, Any]:
    """The differences that a person understands come first."""
    crc, n = 0, len(corpus.ids)
    for first in range(0, n, _CHECK_IDS):
        crc = _crc(corpus.ids[first : first + _CHECK_IDS], crc)
        release_pages(corpus.ids, min(first + _CHECK_IDS, n))
    crc = _crc(corpus.starts, crc)
    return {
        "words": len(network.vocab),
        "tokens": len(corpus.ids),
        "words read": corpus.n_tokens_read,
        "sentences": len(corpus.starts) - 1,
        "another vocabulary": network.vocab.digest().hexdigest(),
        "another text": f"{crc:08x}",
    }


def _crc(array: NDArray[Any], before: int) -> int:
    return zlib.crc32(memoryview(np.ascontiguousarray(array)).cast("B"), before)  # type: ignore[arg-type]
