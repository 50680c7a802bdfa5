"""GloVe (Pennington et al. 2014): training on co-occurrence records, in memory or from a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec import records
from wordvec.errors import DivergedError, FormatError, TrainingError
from wordvec.kernels import glove
from wordvec.memory import need_bytes, zero_rows
from wordvec.options import GloveOptions
from wordvec.progress import Progress, Reporter, silent
from wordvec.spill import TemporaryFile
from wordvec.trainer import Outcome, Schedule, run

LONGEST_SHARD = 1 << 16  # records
SHORTEST_SHARD = 1 << 9
SHARDS_PER_EPOCH = 64  # at least, where the records allow: threads must not run epochs apart
_HIGHEST_COST = 1e6  # of a record on average; weights that know nothing have one of 1 or so
_MOST_SKIPPED = 0.01
RARE_WORDS = 100  # whose mean is `<unk>`
_BLOCK_ROWS = 1 << 14
RecordSource = records.Records | str | os.PathLike[str] | TemporaryFile
AfterEpoch = Callable[[int, float, "Parameters"], None]


@dataclass(slots=True)
class Parameters:
    """Weights and sums of squared gradients: float32[n_words, 2 * half_row(dim)] each.

    A row is [dim numbers | bias | padding | as many sums of squares]; training changes it in place.
    """

    words: NDArray[np.float32]
    contexts: NDArray[np.float32]
    dim: int

    @classmethod
    def zeros(cls, n_words: int, dim: int) -> Parameters:
        """Weights of 0 and sums of squares of 1; WordvecError when there is no memory for them."""
        half = glove.half_row(dim)
        need_bytes(
            2 * n_words * 2 * half * 4,
            f"{n_words:,} words with {dim} numbers each",
            "use a smaller vector size or a smaller vocabulary",
        )
        made = cls(zero_rows(n_words, 2 * half), zero_rows(n_words, 2 * half), dim)
        for matrix in (made.words, made.contexts):
            matrix[:, half:] = 1
        return made

    @classmethod
    def start(cls, n_words: int, dim: int, seed: int) -> Parameters:
        """The start of Stanford's glove for the same seed, rounded to float32."""
        made = cls.zeros(n_words, dim)
        numbers = glove.StartNumbers(seed, dim)
        for block in made.blocks():
            drawn = np.empty(block.shape)
            numbers.fill(drawn.reshape(-1))
            block[:] = drawn
        return made

    @classmethod
    def of(
        cls,
        weights: NDArray[Any],
        squares: NDArray[Any] | None,
        names: tuple[str, str] = ("initial parameters", "squared gradients"),
    ) -> Parameters:
        """From float64[2, n_words, dim + 1]: the layout of glove's binary files.

        `squares` None: 1.0 everywhere.  TrainingError, with the name of the array, for weights
        that float32 cannot hold as finite numbers, and for sums of squares that are not positive
        too.
        """
        made = cls.zeros(weights.shape[1], weights.shape[2] - 1)
        made.take(weights, names[0])
        if squares is not None:
            made.take(squares, names[1], squares=True)
        return made

    def take(self, numbers: NDArray[Any], name: str, *, squares: bool = False) -> None:
        """Copy weights, or sums of squares, of the layout and with the errors of `of`."""
        first, end = self._columns(squares)
        low = float(np.finfo(np.float32).tiny) if squares else -np.inf
        expected = f"{name}: {'positive finite' if squares else 'finite'} numbers"
        for number, matrix in enumerate((self.words, self.contexts)):
            with np.errstate(over="ignore"):
                matrix[:, first:end] = numbers[number]
            _need_sound(matrix[:, first:end], low, number, expected)

    def __len__(self) -> int:
        return len(self.words)

    @property
    def weights(self) -> NDArray[np.float64]:
        """float64[2, n_words, dim + 1], a copy: word rows, context rows; last column: bias."""
        return np.stack([m[:, : self.dim + 1] for m in (self.words, self.contexts)]).astype("<f8")

    @property
    def squares(self) -> NDArray[np.float64]:
        """Sums of squared gradients in the layout of `weights`."""
        first, end = self._columns(squares=True)
        parts = [m[:, first:end] for m in (self.words, self.contexts)]
        return np.stack(parts).astype("<f8")

    def _columns(self, squares: bool) -> tuple[int, int]:
        first = glove.half_row(self.dim) if squares else 0
        return first, first + self.dim + 1

    def blocks(self, *, squares: bool = False) -> Iterator[NDArray[np.float32]]:
        """`weights` or `squares` piece by piece, float32[n, dim + 1]: words, then contexts."""
        first, end = self._columns(squares)
        for matrix in (self.words, self.contexts):
            for row in range(0, len(matrix), _BLOCK_ROWS):
                yield matrix[row : row + _BLOCK_ROWS, first:end]

    def text_rows(self, model: int, first: int, end: int) -> NDArray[np.float32]:
        """What glove's text file holds for words first to end, float32[end - first, n].

        model 0: word row, its bias, context row, its bias; 1: word row; 2: word plus context;
        3: word row, context row.
        """
        d = self.dim
        words, contexts = self.words[first:end], self.contexts[first:end]
        if model == 0:
            return np.hstack([words[:, : d + 1], contexts[:, : d + 1]])
        if model == 3:
            return np.hstack([words[:, :d], contexts[:, :d]])
        return words[:, :d].copy() if model == 1 else words[:, :d] + contexts[:, :d]

    def square_rows(self, first: int, end: int) -> NDArray[np.float32]:
        """What the text file of squared gradients holds: float32[end - first, 2 * (dim + 1)]."""
        left, right = self._columns(squares=True)
        return np.hstack([m[first:end, left:right] for m in (self.words, self.contexts)])

    def rare_row(self, model: int) -> NDArray[np.float32]:
        """`<unk>`: the mean of the last 100 words (of all when fewer), float32[1, n]."""
        rows = self.text_rows(model, max(0, len(self) - RARE_WORDS), len(self))
        mean: NDArray[np.float64] = rows.sum(axis=0, dtype=np.float64) / len(rows)
        return mean.astype(np.float32).reshape(1, -1)


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
    """`outcome.epoch_losses`: the mean loss per record (Stanford's `cost`) of each epoch begun."""

    parameters: Parameters
    outcome: Outcome
    n_epochs_done: int  # whole ones, with those of earlier runs
    n_skipped: int = 0  # records whose step was not finite, over all epochs

    @property
    def costs(self) -> list[float]:
        return self.outcome.epoch_losses

    @property
    def interrupted(self) -> bool:
        return self.outcome.interrupted


class _ArraySource:
    """Prepared examples in memory: logarithm and weight are computed once."""

    def __init__(
        self, array: records.Records, n_words: int, options: GloveOptions, consume: bool
    ) -> None:
        for first in range(0, len(array), records.BLOCK_RECORDS):
            block = array[first : first + records.BLOCK_RECORDS]
            records.check_block(block, "the records", first, n_words)
        raw = np.ascontiguousarray(array).view(np.uint64).reshape(-1, 2)
        self.examples = raw if consume else np.empty_like(raw)
        glove.prepare(raw, self.examples, options.x_max, options.alpha)

    def part(self, first: int, end: int) -> NDArray[np.uint64]:
        return self.examples[first:end]


class _FileSource:
    """A file too large for memory: every part is read, checked and prepared when it is due."""

    def __init__(
        self, file: str | os.PathLike[str] | TemporaryFile, n_words: int, options: GloveOptions
    ) -> None:
        self.file, self.n_words, self.options = file, n_words, options

    def part(self, first: int, end: int) -> NDArray[np.uint64]:
        name = "the records"
        if isinstance(self.file, TemporaryFile):
            raw = np.empty((end - first) * 2, np.uint64)
            self.file.read_into(raw, 16 * first)
            block = raw.view(records.RECORD)
        else:
            name = os.fspath(self.file)
            block = np.fromfile(self.file, records.RECORD, end - first, offset=16 * first)
        if len(block) < end - first:
            found = f"only {first + len(block)} records"
            raise FormatError(name, 16 * (first + len(block)), f"{end} records", found)
        records.check_block(block, name, first, self.n_words)
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
    source: RecordSource,
    n_words: int,
    options: GloveOptions,
    reporter: Reporter = silent,
    *,
    parameters: Parameters | None = None,
    memory: int | None = None,
    consume: bool = False,
    first_epoch: int = 0,
    after_epoch: AfterEpoch | None = None,
) -> Trained:
    """Train on records in memory (records.RECORD[n]) or in a file, in their order.

    A file of more than `memory` bytes, or a temporary one, is read anew in every epoch, with the
    same result.  `consume`: an array of records is overwritten instead of copied.  `parameters`
    (changed in place) continues an earlier run, of which `first_epoch` epochs are done;
    options.epochs counts those too.  `after_epoch(n_epochs_done, cost, parameters)` is called
    after every whole epoch.
    After a first Ctrl-C the result holds the parameters so far.  FormatError for bad records,
    TrainingError for none, and for unsound parameters; DivergedError when eta is too high.
    """
    if parameters is None:
        parameters = Parameters.start(n_words, options.vector_size, options.seed)
    if len(parameters) != n_words or parameters.dim != options.vector_size:
        found = f"{len(parameters)} words with {parameters.dim} numbers"
        expected = f"{n_words} words with {options.vector_size} numbers"
        raise TrainingError(f"initial parameters: expected {expected}, found {found}")
    data, n_records = _open_records(source, n_words, options, memory, consume)
    model = glove.Model(
        parameters.words, parameters.contexts, parameters.dim, options.eta, options.grad_clip
    )
    outcome = Outcome(False, 0, 0.0, 0.0, [])
    workers: list[_Worker] = []

    def make_worker() -> _Worker:
        workers.append(_Worker(model, data))
        return workers[-1]

    n_shard = max(SHORTEST_SHARD, min(LONGEST_SHARD, n_records // SHARDS_PER_EPOCH))
    n_left = options.epochs - first_epoch
    step = max(1, n_left) if after_epoch is None else 1
    while len(outcome.epoch_losses) < n_left and not outcome.interrupted:
        schedule = Schedule(
            n_tokens=n_records, epochs=step, seed=options.seed, shard_tokens=n_shard,
            alpha=options.eta, min_alpha=options.eta,
        )  # fmt: skip
        report = _whole_run(reporter, outcome, first_epoch, options.epochs, n_records)
        _add(outcome, run(schedule, make_worker, options.workers, report))
        _check_convergence(outcome, sum(worker.n_skipped for worker in workers), options)
        if after_epoch is not None and not outcome.interrupted:
            try:
                after_epoch(first_epoch + len(outcome.epoch_losses), outcome.loss, parameters)
            except KeyboardInterrupt:
                outcome.interrupted = True  # between two epochs
    n_done = first_epoch + outcome.n_tokens_trained // n_records
    return Trained(parameters, outcome, n_done, sum(worker.n_skipped for worker in workers))


def _check_convergence(outcome: Outcome, n_skipped: int, options: GloveOptions) -> None:
    """DivergedError for costs that no text gives, and where many steps were no numbers.

    A step that is not finite is left out, as in Stanford's glove; which alone would end with
    senseless vectors and a cost of nearly 0.
    """
    worst = max(outcome.epoch_losses, default=0.0)
    too_many = n_skipped > _MOST_SKIPPED * outcome.n_tokens_trained
    if too_many or not worst < _HIGHEST_COST:
        what = f"the cost reached {worst:.3g}"
        if too_many:
            what = f"{n_skipped:,} steps of {outcome.n_tokens_trained:,} were no numbers"
        raise DivergedError(
            f"training diverged at learning rate {options.eta:g}: {what}; GloVe's own rate is "
            f"{GloveOptions().eta:g}"
        )


def _open_records(
    source: RecordSource, n_words: int, options: GloveOptions, memory: int | None, consume: bool
) -> tuple[_ArraySource | _FileSource, int]:
    """The examples, and how many they are."""
    if isinstance(source, np.ndarray):
        if len(source) == 0:
            raise TrainingError("there are no co-occurrence records to train on")
        return _ArraySource(source, n_words, options, consume), len(source)
    if isinstance(source, TemporaryFile):
        return _FileSource(source, n_words, options), source.n_bytes // records.RECORD.itemsize
    n_records = records.count_of_file(source)
    if n_records == 0:
        raise TrainingError(f"{os.fspath(source)}: there are no co-occurrence records in it")
    if memory is not None and records.RECORD.itemsize * n_records > memory:
        return _FileSource(source, n_words, options), n_records
    array = np.fromfile(Path(source), records.RECORD, n_records)
    return _ArraySource(array, n_words, options, consume=True), n_records


def _add(outcome: Outcome, part: Outcome) -> None:
    outcome.interrupted = part.interrupted
    outcome.n_tokens_trained += part.n_tokens_trained
    outcome.wall_seconds += part.wall_seconds
    outcome.cpu_seconds += part.cpu_seconds
    outcome.epoch_losses += part.epoch_losses


def _whole_run(
    reporter: Reporter, before: Outcome, first_epoch: int, n_epochs: int, n_records: int
) -> Reporter:
    """Reports on one epoch as reports on the whole run, in records."""
    n_before, n_done = before.n_tokens_trained, first_epoch + len(before.epoch_losses)
    wall, cpu = before.wall_seconds, before.cpu_seconds

    def report(progress: Progress, /) -> None:
        reporter(
            replace(
                progress,
                unit="records",
                n_done=progress.n_done + n_before,
                n_total=(n_epochs - first_epoch) * n_records,
                n_tokens_read=0,
                wall_seconds=progress.wall_seconds + wall,
                cpu_seconds=progress.cpu_seconds + cpu,
                epoch=progress.epoch + n_done,
                n_epochs=n_epochs,
                rate=None,
            )
        )

    return report
