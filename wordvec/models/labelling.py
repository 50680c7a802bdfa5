"""Asking a supervised model: the labels of lines, in blocks, by several threads.

    labels, probabilities = predict(model, ["first line", "second line"], k=3)

A `Labeller` keeps what every question needs (hashes, the label matrix in the shape that is quick
to score); make one and ask it often.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import OptionError, WordvecError
from wordvec.fasttextmodel import SENTENCE_END, DenseRows, FastTextModel
from wordvec.kernels import classify, sampling
from wordvec.kernels import labelled as kernel
from wordvec.kernels.tokens import PADDING, blank_controls
from wordvec.linerows import LineRows, entry_rules
from wordvec.memory import physical_bytes, zero_rows
from wordvec.sources import CHUNK_BYTES
from wordvec.subwords import means_of_rows
from wordvec.threads import Stop, run_workers
from wordvec.unpacking import UnpackedFile
from wordvec.words import HASH_SEED

MOST_LABELS_BY_ROWS = 16  # more are scored through the transposed matrix
# Visits of a row from which its scores are worth making; measured: one costs as much as 3 visits.
VISITS_PER_SCORED_ROW = 4
BYTES_PER_TOKEN = 8  # of a text, at most, for guesses
SCORED_ROWS = 1 << 15  # that a thread scores at a time

Labels = NDArray[np.int32]
Probabilities = NDArray[np.float32]
Matrix = NDArray[np.float32]


# Shards that one thread begins with, see trainer.run.
SHARDS_ALONE = {"softmax": 1, "ova": 1}


def label_matrix(rows: Matrix, n_labels: int, loss: str) -> tuple[Matrix, bool]:
    """The label matrix (float32[n, dim]) in the kernel's shape, and whether that is transposed."""
    dim = rows.shape[1]
    transposed = loss in ("softmax", "ova") and n_labels > MOST_LABELS_BY_ROWS
    if transposed:
        n_dims = -(-dim // classify.DIM_STEP) * classify.DIM_STEP
        made = zero_rows(n_dims, classify.padded(n_labels))
        made[:dim, :n_labels] = rows[:n_labels].T
    else:
        n_rows = max(n_labels - 1, 1) if loss == "hs" else n_labels
        made = zero_rows(n_rows, classify.padded(dim))
        made[:, :dim] = rows[:n_rows]
    return made, transposed


def label_rows(matrix: Matrix, transposed: bool, dim: int, n_labels: int) -> Matrix:
    """float32[n_labels, dim], as files have it, of a label matrix; the tree's one row short of
    that is filled with zeros."""
    out = np.zeros((n_labels, dim), np.float32)
    if transposed:
        out[:] = matrix[:dim, :n_labels].T
    else:
        out[: len(matrix)] = matrix[:, :dim]
    return out


@dataclass(slots=True)
class Block:
    """Answers for some lines in a row.

    first           number of the first line, from 0
    labels          int32[n, k]: best first, -1 where there are fewer
    probabilities   float32[n, k]: as fastText reports them, p + 1e-5; 0 where there are fewer;
                    NaN after Labeller.expect_only_labels
    gold_starts, gold   int64[n + 1], int32: labels that stand in the lines and the model knows
    n_rows          int64[n]: rows that each line has in the input matrix; 0: nothing to go by
    """

    first: int
    labels: Labels
    probabilities: Probabilities
    gold_starts: NDArray[np.int64]
    gold: Labels
    n_rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.n_rows)


class Labeller:
    """A supervised model, ready to be asked; safe to share between threads.

    WordvecError for a model that is not supervised.
    """

    def __init__(self, model: FastTextModel) -> None:
        if not model.is_supervised:
            raise WordvecError("Model needs to be supervised for prediction!")
        args, dictionary = model.args, model.dictionary
        self.model = model
        self.n_labels = dictionary.n_labels
        self.label_names = dictionary.labels
        words = dictionary.words
        starts = np.concatenate([[0], words.ends]).astype(np.int64)
        numbers = np.arange(len(words), dtype=np.int32)
        codes = np.where(
            numbers < dictionary.n_words,
            numbers,
            np.int32(kernel.CODE_OF_LABEL + dictionary.n_words) - numbers,
        ).astype(np.int32)
        self._compact = isinstance(model.input, DenseRows) and (
            model.input.row_of_bucket is not None
        )
        row_of_bucket = dictionary.row_of_bucket(args.bucket)
        if self._compact:
            assert isinstance(model.input, DenseRows)
            row_of_bucket = model.input.row_of_bucket
        data = words.data[: int(words.ends[-1]) if len(words) else 0]
        self.rules = entry_rules(
            data, starts, codes, dictionary.n_words, args.rules, args.word_ngrams,
            row_of_bucket=row_of_bucket, start_rows=self._compact,
        )  # fmt: skip
        index = words.word_index
        self.reader = kernel.LineReader(
            self.rules, words.data, words.ends, index.slots, index.tags, HASH_SEED,
            separator=words.find(SENTENCE_END),
            prefix=dictionary.label_prefix.encode("utf-8", "surrogateescape"),
            min_n=args.min_n, max_n=args.max_n,
        )  # fmt: skip
        self._classifier = self._make_classifier()
        self._row_scores: Matrix | None = None

    def _make_classifier(self) -> classify.Classifier:
        args, counts = self.model.args, self.model.dictionary.counts
        rows = self.model.output.block(0, self.model.output.n_rows)
        matrix, transposed = label_matrix(np.asarray(rows), self.n_labels, args.loss)
        of_labels = np.ascontiguousarray(counts[self.model.dictionary.n_words :], np.int64)
        paths = sampling.huffman_paths(of_labels) if args.loss == "hs" else None
        return classify.Classifier(
            matrix, args.dim, self.n_labels, args.loss, transposed=transposed, paths=paths
        )

    # -- text to means ----------------------------------------------------------------------------

    def rows_of_text(self, text: bytes | bytearray | memoryview, ends_text: bool) -> LineRows:
        """Rows and labels of whole lines; the row numbers are those of `means`."""
        pieces = list(self._pieces(text, ends_text))
        if len(pieces) == 1:
            return pieces[0]
        row_starts, label_starts = [np.zeros(1, np.int64)], [np.zeros(1, np.int64)]
        for piece in pieces:
            row_starts.append(piece.row_starts[1:] + row_starts[-1][-1])
            label_starts.append(piece.label_starts[1:] + label_starts[-1][-1])
        return LineRows(
            np.concatenate(row_starts), np.concatenate([p.rows for p in pieces]),
            np.concatenate(label_starts), np.concatenate([p.labels for p in pieces]),
        )  # fmt: skip

    def _pieces(self, text: bytes | bytearray | memoryview, ends_text: bool) -> Iterator[LineRows]:
        n_bytes = len(text)
        buffer = np.zeros(n_bytes + PADDING + 64, np.uint8)
        buffer[:n_bytes] = np.frombuffer(text, np.uint8)
        blank_controls(buffer, n_bytes)
        buffer[n_bytes:] = ord(" ")
        n_lines = int(np.count_nonzero(buffer[:n_bytes] == ord("\n"))) + 1
        room = n_bytes // 2 * self.model.args.word_ngrams + 1024
        begin = 0
        while True:
            row_starts, label_starts = np.empty((2, n_lines + 1), np.int64)
            rows, hashes = np.empty(room, np.int32), np.empty(n_bytes + 1, np.uint32)
            labels = np.empty(n_bytes // 2 + 1, np.int32)
            n_found, begin, _, is_full = self.reader.lines_of_text(
                buffer, begin, n_bytes, ends_text, rows, row_starts, labels, label_starts, hashes
            )
            if n_found or not is_full:
                yield LineRows(
                    row_starts[: n_found + 1], rows[: row_starts[n_found]],
                    label_starts[: n_found + 1], labels[: label_starts[n_found]],
                )  # fmt: skip
            if not is_full:
                return
            room *= 2

    def means(self, lines: LineRows) -> Matrix:
        """float32[n_lines, dim]: the mean of each line's rows, zeros for a line without any."""
        out = np.empty((len(lines.row_starts) - 1, self.model.dim), np.float32)
        if self._compact:
            assert isinstance(self.model.input, DenseRows)
            means_of_rows(
                self.model.input.matrix, lines.row_starts, lines.rows, out,
                seed=self.model.input.seed,
            )  # fmt: skip
        else:
            self.model.input.means(lines.row_starts, lines.rows, out)
        return out

    def scores(self, means: Matrix) -> Matrix:
        """float32[n, n_labels]: each label's score before softmax or sigmoid; not for hs."""
        out = np.empty((len(means), self.n_labels), np.float32)
        classify.Worker(self._classifier).scores(means, out)
        return out

    # -- questions --------------------------------------------------------------------------------

    def check(self, k: int) -> int:
        """Places of an answer: k, or all labels for -1.  OptionError for another k below 1."""
        if k == 0 or k < -1:
            raise OptionError("k", "1 or higher, or -1 for all labels", k)
        return self.n_labels if k == -1 else min(k, self.n_labels)

    def block(
        self,
        text: bytes | bytearray | memoryview,
        ends_text: bool = True,
        k: int = 1,
        threshold: float = 0.0,
        worker: classify.Worker | None = None,
        first: int = 0,
    ) -> Block:
        """Answers for the lines of a text, in one piece and one thread."""
        lines = self.rows_of_text(text, ends_text)
        n, k = len(lines.row_starts) - 1, self.check(k)
        labels, probabilities = np.empty((n, k), np.int32), np.empty((n, k), np.float32)
        worker = worker or classify.Worker(self._classifier)
        if self._row_scores is not None and k == 1 and threshold <= 0:
            assert isinstance(self.model.input, DenseRows)
            worker.best_by_scores(
                self._row_scores, self.model.input.matrix, lines.row_starts, lines.rows, labels
            )
            probabilities[:] = np.nan
        elif isinstance(self.model.input, DenseRows) and not self._compact:
            worker.predict_lines(
                self.model.input.matrix, lines.row_starts, lines.rows, threshold, labels,
                probabilities,
            )  # fmt: skip
        else:
            worker.predict(self.means(lines), threshold, labels, probabilities)
        n_rows = np.diff(lines.row_starts)
        nothing = n_rows == 0
        if nothing.any():
            labels[nothing], probabilities[nothing] = -1, 0
        return Block(first, labels, probabilities, lines.label_starts, lines.labels, n_rows)

    def expect_only_labels(self, n_bytes: int, n_threads: int = 1) -> None:
        """Texts of `n_bytes` together are to come, and only their best label is wanted: answers
        with k = 1 and no threshold have NaN for probabilities from now on.

        When it pays, all input rows are scored against the labels first; see
        kernels/classify_scored.h.  The labels stay the same.  KeyboardInterrupt.
        """
        rows = self.model.input
        if not isinstance(rows, DenseRows) or self._compact or self.model.args.loss == "hs":
            return
        n_visits = n_bytes // BYTES_PER_TOKEN * self.model.args.word_ngrams
        n_bytes_made = rows.n_rows * (classify.SCORED_LABELS + 1) * 4
        if (
            self.n_labels > classify.SCORED_LABELS
            or rows.dim <= 2 * classify.SCORED_LABELS  # a row is hardly longer than its scores
            or n_visits < VISITS_PER_SCORED_ROW * rows.n_rows
            or n_bytes_made > physical_bytes() // 8
        ):
            return
        scores = zero_rows(rows.n_rows, classify.SCORED_LABELS + 1)

        def work(number: int, stop: Stop) -> None:
            worker = classify.Worker(self._classifier)
            for first in range(number * SCORED_ROWS, len(scores), n_threads * SCORED_ROWS):
                if stop.requested:
                    return
                worker.score_rows(rows.matrix, first, min(first + SCORED_ROWS, len(scores)), scores)

        if run_workers(work, n_threads).interrupted:
            raise KeyboardInterrupt
        self._row_scores = scores

    def blocks(
        self, texts: Iterable[bytes], k: int = 1, threshold: float = 0.0, n_threads: int = 1
    ) -> Iterator[Block]:
        """Answers for the lines of texts that follow each other, each of whole lines (the last may
        lack its newline), in their order; see `line_chunks` for those of a file.

        KeyboardInterrupt when interrupted.
        """
        self.check(k)
        workers = [classify.Worker(self._classifier) for _ in range(n_threads)]
        first = 0
        texts = iter(texts)
        while batch := _take(texts, 1 if n_threads == 1 else 4 * n_threads):
            done: list[Block | None] = [None] * len(batch)
            if len(batch) == 1:
                done[0] = self.block(batch[0], True, k, threshold, workers[0])
            else:
                _answer(self, batch, done, k, threshold, workers)
            for block in done:
                assert block is not None
                block.first = first
                first += len(block)
                yield block

    def predict(
        self, lines: Sequence[str], k: int = 1, threshold: float = 0.0, n_threads: int = 1
    ) -> tuple[Labels, Probabilities]:
        """(labels int32[n, k], probabilities float32[n, k]) of lines, each with its `</s>`.

        Best first, ties by the lower label; -1 and 0 where fewer labels reach the threshold.
        ValueError for a line with a line break in it.
        """
        k = self.check(k)
        blocks = list(self.blocks(_texts_of(lines), k, threshold, n_threads))
        if not blocks:
            return np.empty((0, k), np.int32), np.empty((0, k), np.float32)
        return (
            np.concatenate([block.labels for block in blocks]),
            np.concatenate([block.probabilities for block in blocks]),
        )


def _answer(
    labeller: Labeller,
    texts: list[bytes],
    done: list[Block | None],
    k: int,
    threshold: float,
    workers: list[classify.Worker],
) -> None:
    jobs = deque(range(len(texts)))

    def work(number: int, stop: Stop) -> None:
        while not stop.requested:
            try:
                job = jobs.popleft()  # of a deque: one thread gets it, whatever the others do
            except IndexError:
                return
            done[job] = labeller.block(texts[job], True, k, threshold, workers[number])

    if run_workers(work, len(workers)).interrupted:
        raise KeyboardInterrupt


def _take(texts: Iterator[bytes], n: int) -> list[bytes]:
    return list(itertools.islice(texts, n))


def _texts_of(lines: Sequence[str]) -> Iterator[bytes]:
    pieces: list[bytes] = []
    n_bytes = 0
    for number, line in enumerate(lines):
        if "\n" in line:
            raise ValueError(f"line {number} holds a line break; predict takes one line at a time")
        pieces.append(line.encode("utf-8", "surrogateescape") + b"\n")
        n_bytes += len(pieces[-1])
        if n_bytes >= CHUNK_BYTES // 4:
            yield b"".join(pieces)
            pieces, n_bytes = [], 0
    if pieces:
        yield b"".join(pieces)


def line_chunks(path: str, n_bytes: int = CHUNK_BYTES // 2) -> Iterator[bytes]:
    """Whole lines of a file (or stdin, "-"; packed or not) in pieces of about n_bytes.

    CorpusError for a file that cannot be read.
    """
    file = UnpackedFile(path, lambda: False)
    try:
        carry = b""
        while True:
            buffer = bytearray(max(n_bytes, len(carry)) + n_bytes)
            buffer[: len(carry)] = carry
            room = memoryview(buffer)[len(carry) :]
            n_read = file.fill(room)
            n_there = len(carry) + n_read
            if n_read < len(room):
                if n_there:
                    yield bytes(memoryview(buffer)[:n_there])
                return
            end = buffer.rfind(b"\n", 0, n_there) + 1
            carry = bytes(memoryview(buffer)[end:n_there])
            if end:
                yield bytes(memoryview(buffer)[:end])
    finally:
        file.close()


def predict(
    model: FastTextModel,
    lines: Sequence[str],
    k: int = 1,
    threshold: float = 0.0,
    n_threads: int = 1,
) -> tuple[Labels, Probabilities]:
    """Labeller.predict of a model that is asked once."""
    return Labeller(model).predict(lines, k, threshold, n_threads)


def names_of(model: FastTextModel, labels: NDArray[Any]) -> list[list[str]]:
    """The labels of each line as text; places that were not filled are left out."""
    names = model.dictionary.labels
    return [[names[label] for label in row if label >= 0] for row in labels.tolist()]
