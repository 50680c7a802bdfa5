"""GloVe (Pennington et al. 2014): training on co-occurrence records, in memory or from a file."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec import records
from wordvec.errors import FormatError, TrainingError
from wordvec.kernels import glove
from wordvec.memory import need_bytes, zero_rows
from wordvec.options import GloveOptions
from wordvec.progress import Reporter, silent
from wordvec.trainer import Schedule, run

SHARD_RECORDS = 1 << 16
RARE_WORDS = 100  # whose mean is `<unk>`
_Source = records.Records | str | os.PathLike[str]
Checkpoint = Callable[[int, "Parameters"], None]


@dataclass(slots=True)
class Parameters:
    """Weights and sums of squared gradients: float32[n_words, 2 * half_row(dim)] each.

    A row is [dim numbers | bias | padding | as many sums of squares]; training changes it in place.
    """

    words: NDArray[np.float32]
    contexts: NDArray[np.float32]
    dim: int

    @classmethod
    def start(cls, n_words: int, dim: int, seed: int) -> Parameters:
        """The start of Stanford's glove for the same seed, rounded to float32."""
        weights = np.empty((2, n_words, dim + 1))
        glove.start_parameters(weights.reshape(-1), seed, dim)
        return cls.of(weights, None)

    @classmethod
    def of(cls, weights: NDArray[np.float64], squares: NDArray[np.float64] | None) -> Parameters:
        """From float64[2, n_words, dim + 1]: the layout of glove's binary files.

        `squares` None: 1.0 everywhere.  TrainingError for weights that float32 cannot hold as
        finite numbers, and for sums of squares that are not positive too.
        """
        n_words, dim = weights.shape[1], weights.shape[2] - 1
        half = glove.half_row(dim)
        need_bytes(
            2 * n_words * 2 * half * 4,
            f"{n_words:,} words with {dim} numbers each",
            "use a smaller vector size or a smaller vocabulary",
        )
        matrices = [zero_rows(n_words, 2 * half) for _ in range(2)]
        for number, matrix in enumerate(matrices):
            with np.errstate(over="ignore"):
                matrix[:, : dim + 1] = weights[number]
                matrix[:, half:] = 1
                if squares is not None:
                    matrix[:, half : half + dim + 1] = squares[number]
            _need_sound(matrix[:, : dim + 1], -np.inf, number, "initial parameters: finite numbers")
            smallest = float(np.finfo(np.float32).tiny)
            part = matrix[:, half : half + dim + 1]
            _need_sound(part, smallest, number, "squared gradients: positive finite numbers")
        return cls(matrices[0], matrices[1], dim)

    @property
    def weights(self) -> NDArray[np.float64]:
        """float64[2, n_words, dim + 1], a copy: word rows, context rows; last column: bias."""
        return np.stack([m[:, : self.dim + 1] for m in (self.words, self.contexts)]).astype("<f8")

    def rows(self, model: int = 2) -> NDArray[np.float64]:
        """What glove's text file holds, float64[n_words + 1, n]; the last row is `<unk>`.

        model 0: word row, its bias, context row, its bias; 1: word row; 2: word plus context.
        `<unk>` is the mean of the last 100 words, or of all when there are fewer.
        """
        words, contexts = self.weights
        if model == 0:
            rows = np.hstack([words, contexts])
        else:
            rows = words[:, :-1] if model == 1 else words[:, :-1] + contexts[:, :-1]
        return np.vstack([rows, rows[-RARE_WORDS:].mean(axis=0)])

    @property
    def squares(self) -> NDArray[np.float64]:
        """Sums of squared gradients in the layout of `weights`."""
        half = glove.half_row(self.dim)
        parts = [m[:, half : half + self.dim + 1] for m in (self.words, self.contexts)]
        return np.stack(parts).astype("<f8")


def _need_sound(part: NDArray[np.float32], low: float, number: int, expected: str) -> None:
    good = np.isfinite(part) & (part >= low)
    if good.all():
        return
    row, column = np.unravel_index(int(np.argmin(good)), part.shape)
    kind = ("word", "context")[number]
    found = f"{part[row, column]:g} in {kind} row {row}, number {column}"
    raise TrainingError(f"{expected} are needed, found {found}")


@dataclass(slots=True)
class Trained:
    """`costs`: the mean loss per record of each epoch (Stanford's `cost`), float64."""

    parameters: Parameters
    costs: list[float]
    interrupted: bool
    n_skipped: int  # records whose step was not finite, over all epochs
    cpu_seconds: float


class _ArraySource:
    """Prepared examples in memory: logarithm and weight are computed once."""

    def __init__(self, array: records.Records, n_words: int, options: GloveOptions) -> None:
        for first in range(0, len(array), records.BLOCK_RECORDS):
            block = array[first : first + records.BLOCK_RECORDS]
            records.check_block(block, "the records", first, n_words)
        raw = np.ascontiguousarray(array).view(np.uint64).reshape(-1, 2)
        self.examples = np.empty_like(raw)
        glove.prepare(raw, self.examples, options.x_max, options.alpha)

    def part(self, first: int, end: int) -> NDArray[np.uint64]:
        return self.examples[first:end]


class _FileSource:
    """A file too large for memory: every part is read, checked and prepared when it is due."""

    def __init__(self, path: str | os.PathLike[str], n_words: int, options: GloveOptions) -> None:
        self.path, self.n_words, self.options = path, n_words, options

    def part(self, first: int, end: int) -> NDArray[np.uint64]:
        block = np.fromfile(self.path, records.RECORD, end - first, offset=16 * first)
        if len(block) < end - first:
            found = f"only {first + len(block)} records"
            raise FormatError(self.path, 16 * (first + len(block)), f"{end} records", found)
        records.check_block(block, os.fspath(self.path), first, self.n_words)
        examples = block.view(np.uint64).reshape(-1, 2)
        glove.prepare(examples, examples, self.options.x_max, self.options.alpha)
        return examples


class _Worker:
    """The kernel as the trainer wants it: one per thread, all on one Model."""

    def __init__(self, model: glove.Model, source: _ArraySource | _FileSource) -> None:
        self.model, self.source = model, source
        self.loss = 0.0
        self.n_examples = 0
        self.n_skipped = 0

    def train_shard(
        self, first: int, end: int, epoch_key: int, shard_key: int, rate: float
    ) -> None:
        loss, n_skipped = self.model.train(self.source.part(first, end))
        self.loss += loss
        self.n_examples += end - first
        self.n_skipped += n_skipped


def train_glove(
    source: _Source,
    n_words: int,
    options: GloveOptions,
    reporter: Reporter = silent,
    *,
    parameters: Parameters | None = None,
    memory: int | None = None,
    checkpoint_every: int = 0,
    checkpoint: Checkpoint | None = None,
) -> Trained:
    """Train on records in memory (records.RECORD[n]) or in a file, in their order.

    A file of more than `memory` bytes is streamed anew in every epoch, with the same result.
    `parameters` (changed in place) continues an earlier run.  `checkpoint(epoch, parameters)` is
    called after every `checkpoint_every` epochs.  After a first Ctrl-C the result holds the
    parameters so far.  FormatError for bad records, TrainingError for unsound parameters.
    """
    if parameters is None:
        parameters = Parameters.start(n_words, options.vector_size, options.seed)
    if len(parameters.words) != n_words or parameters.dim != options.vector_size:
        found = f"{len(parameters.words)} words with {parameters.dim} numbers"
        expected = f"{n_words} words with {options.vector_size} numbers"
        raise TrainingError(f"initial parameters: expected {expected}, found {found}")
    data: _ArraySource | _FileSource
    if isinstance(source, np.ndarray):
        data, n_records = _ArraySource(source, n_words, options), len(source)
    else:
        n_records = records.count_of_file(source)
        if memory is not None and 16 * n_records > memory:
            data = _FileSource(source, n_words, options)
        else:
            array = np.fromfile(Path(source), records.RECORD)
            data = _ArraySource(array, n_words, options)
    model = glove.Model(
        parameters.words, parameters.contexts, parameters.dim, options.eta, options.grad_clip
    )
    result = Trained(parameters, [], False, 0, 0.0)
    workers: list[_Worker] = []

    def make_worker() -> _Worker:
        workers.append(_Worker(model, data))
        return workers[-1]

    step = checkpoint_every if checkpoint is not None and checkpoint_every else options.epochs
    while len(result.costs) < options.epochs and not result.interrupted:
        n_epochs = min(step, options.epochs - len(result.costs))
        plan: dict[str, Any] = {"alpha": options.eta, "min_alpha": options.eta}
        schedule = Schedule(
            n_tokens=n_records, epochs=n_epochs, seed=options.seed,
            shard_tokens=SHARD_RECORDS, **plan,
        )  # fmt: skip
        outcome = run(schedule, make_worker, options.workers, reporter)
        result.costs += outcome.epoch_losses
        result.interrupted = outcome.interrupted
        result.cpu_seconds += outcome.cpu_seconds
        if not outcome.epoch_losses:
            break
        is_due = checkpoint_every > 0 and len(result.costs) % checkpoint_every == 0
        if checkpoint is not None and is_due and not result.interrupted:
            checkpoint(len(result.costs), parameters)
    result.n_skipped = sum(worker.n_skipped for worker in workers)
    return result
