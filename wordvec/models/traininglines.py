"""What the classifier trains on: lines as rows of its input matrix, these rows as training begins,
and the worker that takes shards of lines.

Where they fit the memory, the rows of all lines are formed once, and only the buckets that they
reach have rows while training; else each shard forms its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wordvec.kernels import classify
from wordvec.kernels import labelled as kernel
from wordvec.kernels import subwords as subword_kernel
from wordvec.labelled import LabelledText, most_rows, rows_of_lines
from wordvec.linerows import LineRows, entry_rules
from wordvec.memory import need_bytes, physical_bytes, zero_rows
from wordvec.models.lineweights import LineWeights
from wordvec.options import ClassifierOptions
from wordvec.subwords import NgramRules
from wordvec.threads import Stop, run_workers

Matrix = NDArray[np.float32]

START_ROWS = 1 << 16  # rows that a thread fills at a time


@dataclass
class Numbered:
    """All lines as rows at once, or what forms them, with `lines` empty.

    Row n_words + k is that of bucket bucket_of_row[k]; None: of bucket k.  Other buckets keep the
    values that `start_seed` gives them.
    """

    lines: LineRows
    n_rows: int
    bucket_of_row: NDArray[np.int32] | None
    start_seed: int
    text: LabelledText | None = None
    rules: kernel.LineRules | None = None


def lines_of(text: LabelledText, options: ClassifierOptions, memory: int | None) -> Numbered:
    """The rows of all lines, or, where they exceed the memory, what forms them."""
    bucket, n_words = options.n_buckets, text.dictionary.n_words
    ngrams = NgramRules(options.min_n, options.max_n, bucket)
    rules = entry_rules(
        text.arena, text.entry_starts, text.codes, n_words, ngrams,
        options.word_ngrams if bucket else 1, n_threads=options.workers,
    )  # fmt: skip
    n_most = most_rows(text, ngrams, options.word_ngrams)
    if 4 * n_most > (memory or physical_bytes() // 2) // 2:
        starts, none = np.zeros(1, np.int64), np.zeros(0, np.int32)
        nothing = LineRows(starts, none, starts, none)
        return Numbered(nothing, n_words + bucket, None, options.seed, text, rules)
    lines = rows_of_lines(text, rules, 0, text.n_lines, n_most)
    row_of_bucket = np.full(bucket, -1, np.int32)
    most = bucket // 2
    n_reached = kernel.number_buckets(lines.rows, n_words, row_of_bucket, most) if bucket else 0
    if n_reached > most:
        return Numbered(lines, n_words + bucket, None, options.seed)
    if bucket:
        kernel.renumber_buckets(lines.rows, n_words, row_of_bucket)
    reached = np.flatnonzero(row_of_bucket >= 0).astype(np.int32)
    bucket_of_row = np.empty(n_reached, np.int32)
    bucket_of_row[row_of_bucket[reached]] = reached
    return Numbered(lines, n_words + n_reached, bucket_of_row, options.seed)


def inverse_of(bucket_of_row: NDArray[np.int32], bucket: int) -> NDArray[np.int32]:
    row_of_bucket = np.full(bucket, -1, np.int32)
    row_of_bucket[bucket_of_row] = np.arange(len(bucket_of_row), dtype=np.int32)
    return row_of_bucket


def start_rows(lines: Numbered, n_words: int, options: ClassifierOptions) -> Matrix:
    """Input rows as training begins, uniform in +-1 / dim, padded to cache lines.

    WordvecError when the machine has no memory for them.
    """
    dim, stride = options.vector_size, classify.padded(options.vector_size)
    need_bytes(
        lines.n_rows * stride * 4,
        f"{lines.n_rows:,} words and buckets with {dim} numbers each",
        "use a smaller vector size, fewer buckets or a larger minimum count",
    )
    rows = zero_rows(lines.n_rows, stride)

    def work(number: int, stop: Stop) -> None:
        for first in range(number * START_ROWS, len(rows), options.workers * START_ROWS):
            if stop.requested:
                return
            end = min(first + START_ROWS, len(rows))
            _fill(rows[:, :dim], first, end, n_words, lines.bucket_of_row, lines.start_seed)

    if run_workers(work, options.workers).interrupted:
        raise KeyboardInterrupt
    return rows


def _fill(
    rows: Matrix, first: int, end: int, n_words: int, buckets: NDArray[np.int32] | None, seed: int
) -> None:
    middle = min(max(n_words, first), end)
    subword_kernel.start_rows(rows[first:middle], seed, first_number=first)
    place = middle - n_words
    subword_kernel.start_rows(
        rows[middle:end], seed, of_buckets=True, first_number=max(place, 0),
        numbers=None if buckets is None else buckets[place : place + end - middle],
    )  # fmt: skip


@dataclass
class TrainingJob:
    """Lines to train on: token_starts int64[n_lines + 1] says where each begins."""

    lines: Numbered
    token_starts: NDArray[np.int64]
    n_tokens: int
    n_labels: int
    weights: LineWeights
    _whole: classify.Lines | None = None

    def whole(self) -> classify.Lines | None:
        """All lines, checked once; None when shards form their own."""
        if self._whole is None and self.lines.rules is None:
            self._whole = _kernel_lines(self, self.lines.lines, 0, len(self.token_starts) - 1)
        return self._whole


class LineWorker:
    """A trainer's worker: shards of tokens become whole lines."""

    def __init__(self, job: TrainingJob, model: classify.Classifier, rate_step: float) -> None:
        self._job = job
        self._worker = classify.Worker(model)
        self._rate_step = rate_step
        self._n_rows_guess = 0
        self._whole = job.whole()
        self._known_lines: dict[int, int] = {}  # of _line_at

    @property
    def loss(self) -> float:
        return self._worker.loss

    @property
    def n_examples(self) -> int:
        return self._worker.n_examples

    def train_shard(
        self, first: int, end: int, epoch_key: int, shard_key: int, rate: float
    ) -> None:
        """Train the lines that begin among the tokens first to end - 1."""
        starts = self._job.token_starts
        first_line, end_line = self._line_at(first), self._line_at(end)
        if first_line == end_line:
            return
        rate -= self._rate_step * (int(starts[first_line]) - first)
        if self._whole is not None:
            self._worker.train_lines(
                self._whole, first_line, end_line, shard_key, rate, self._rate_step
            )
            return
        source = self._job.lines
        assert source.text is not None and source.rules is not None
        n_rows = max(self._n_rows_guess, 2 * (end - first))
        lines = rows_of_lines(source.text, source.rules, first_line, end_line, n_rows)
        self._n_rows_guess = max(n_rows, len(lines.rows))
        self._worker.train_lines(
            _kernel_lines(self._job, lines, first_line, end_line),
            0, end_line - first_line, shard_key, rate, self._rate_step,
        )  # fmt: skip

    def _line_at(self, token: int) -> int:
        """The first line that begins at this token or after it.  Shards of all epochs begin at the
        same tokens; asking NumPy again took a tenth of the training of a short text."""
        line = self._known_lines.get(token)
        if line is None:
            line = int(self._job.token_starts[:-1].searchsorted(token))
            self._known_lines[token] = line
        return line


def _kernel_lines(job: TrainingJob, lines: LineRows, first: int, end: int) -> classify.Lines:
    of_lines = job.weights.of_lines
    return classify.Lines(
        lines.row_starts, lines.rows, lines.label_starts, lines.labels,
        job.token_starts[first : end + 1], job.lines.n_rows, job.n_labels,
        None if of_lines is None else of_lines[first:end],
    )  # fmt: skip
