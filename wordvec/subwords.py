"""Subwords: rows of character n-grams, and the vectors of unseen words that they make."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wordvec.kernels import subwords as kernel
from wordvec.threads import Stop, run_workers

_WORDS_A_PIECE = 1024

Bytes = NDArray[np.uint8]
Starts = NDArray[np.int64]
Numbers = NDArray[np.int32]
Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class NgramRules:
    """Which character n-grams a word has: min_n to max_n characters of `<word>`, in `bucket`
    buckets by fastText's hash.  No n-grams when max_n is 0 or below min_n, or bucket is 0."""

    min_n: int = 3
    max_n: int = 6
    bucket: int = 2_000_000

    @property
    def has_ngrams(self) -> bool:
        return self.bucket > 0 and self.max_n >= max(self.min_n, 1)


def word_bytes(word: str) -> bytes:
    """The bytes of a word as they stood in the text."""
    return word.encode("utf-8", "surrogateescape")


def packed_words(words: Sequence[str]) -> tuple[Bytes, Starts]:
    """(arena, starts): the bytes of words side by side, word i from starts[i] to starts[i + 1]."""
    text = "".join(words)
    if text.isascii():  # one encoding instead of one a word
        arena = np.frombuffer(text.encode(), np.uint8)
        lengths = map(len, words)
    else:
        encoded = [word_bytes(word) for word in words]
        arena = np.frombuffer(b"".join(encoded), np.uint8)
        lengths = map(len, encoded)
    starts = np.zeros(len(words) + 1, np.int64)
    np.cumsum(np.fromiter(lengths, np.int64, len(words)), out=starts[1:])
    return arena, starts


def ngram_texts(word: str, rules: NgramRules) -> list[str]:
    """The n-grams of a word in the order of their buckets; pieces of invalid UTF-8 escaped."""
    data = b"<" + word_bytes(word) + b">"
    begins = [i for i, byte in enumerate(data) if byte & 0xC0 != 0x80]
    ends = [*begins[1:], len(data)]
    n_chars = len(begins)
    return [
        data[begins[i] : ends[i + n - 1]].decode("utf-8", "surrogateescape")
        for i in range(n_chars)
        for n in range(max(rules.min_n, 1), rules.max_n + 1)
        if i + n <= n_chars and not (n == 1 and i in (0, n_chars - 1))
    ]


def ngrams_of_word(word: bytes, rules: NgramRules) -> Numbers:
    """int32[n]: the buckets of one word's n-grams, a new array."""
    if not rules.has_ngrams:
        return np.zeros(0, np.int32)
    return kernel.buckets_of_word(word, rules.min_n, rules.max_n, rules.bucket)


def ngrams_of_words(
    arena: Bytes,
    starts: Starts,
    rules: NgramRules,
    n_threads: int = 1,
    without: int | None = None,
) -> tuple[Starts, Numbers]:
    """Buckets of the n-grams of many words: word i is arena[starts[i]:starts[i + 1]].

    The word `without` gets none.  Returns (ngram_starts int64[n + 1], buckets int32[...]), new
    arrays.  MemoryError.
    """
    n_words = len(starts) - 1
    ngram_starts = np.zeros(n_words + 1, np.int64)
    if not rules.has_ngrams or n_words == 0:
        return ngram_starts, np.zeros(0, np.int32)
    kernel.count_ngrams(arena, starts, 0, n_words, ngram_starts[1:], rules.min_n, rules.max_n)
    if without is not None:
        ngram_starts[without + 1] = 0
    np.cumsum(ngram_starts, out=ngram_starts)
    buckets = np.empty(ngram_starts[-1], np.int32)

    def fill(first: int, end: int) -> None:
        kernel.ngram_buckets(
            arena, starts, first, end, ngram_starts, buckets,
            rules.min_n, rules.max_n, rules.bucket,
        )  # fmt: skip

    _in_pieces(n_words, n_threads, fill)
    return ngram_starts, buckets


def means_of_rows(
    rows: Matrix, starts: Starts, numbers: Numbers, out: Matrix, *, n_threads: int = 1,
    seed: int = 0,
) -> None:  # fmt: skip
    """out[w] = mean of rows[numbers[starts[w]:starts[w + 1]]]; see kernels.subwords.mean_rows."""

    def fill(first: int, end: int) -> None:
        kernel.mean_rows(rows, out.shape[1], starts, numbers, first, end, out[first:end], seed)

    _in_pieces(len(starts) - 1, n_threads, fill)


def _in_pieces(n_words: int, n_threads: int, fill: Callable[[int, int], None]) -> None:
    """fill(first, end) over all words, by several threads where there are many."""
    if n_threads == 1 or n_words <= _WORDS_A_PIECE:
        fill(0, n_words)
        return

    def work(number: int, stop: Stop) -> None:
        for first in range(number * _WORDS_A_PIECE, n_words, n_threads * _WORDS_A_PIECE):
            if stop.requested:
                return
            fill(first, min(first + _WORDS_A_PIECE, n_words))

    if run_workers(work, n_threads).interrupted:
        raise KeyboardInterrupt


@dataclass(frozen=True, slots=True)
class Finish:
    """What was done to trained vectors: their mean subtracted; then, with `unit`, each divided by
    its length; then zeros appended up to `width` numbers (the places of another model's rows).

    mean  float32[dim], of all vectors of the vocabulary
    """

    mean: NDArray[np.float32]
    unit: bool = False
    width: int = 0

    def apply(self, rows: Matrix) -> Matrix:
        """Rows float32[n, dim] as float32[n, max(dim, width)]; `rows` may be changed."""
        rows -= self.mean
        if self.unit:
            lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
            rows /= np.where(lengths > 0, lengths, 1)[:, None]
        n_more = self.width - rows.shape[1]
        return np.pad(rows, ((0, 0), (0, n_more))) if n_more > 0 else rows


class Subwords:
    """Rows of n-gram buckets, and vectors of words made from them: the mean of their n-grams' rows.

    rules          which n-grams, and into how many buckets
    rows           float32[n_rows, at least dim], columns side by side; not copied: it may be a
                   view of a mapped file or of padded rows, and belongs to whoever made it
    row_of_bucket  int32[bucket], -1 where a bucket has no row; None: row b is that of bucket b
    seed           buckets without a row count with the start values of this seed, which is what
                   a file would hold for them; None: they are left out (as in pruned models)
    finish         what was done to the vectors of words after training, and is done to those made
                   here; None: nothing
    """

    def __init__(
        self,
        rules: NgramRules,
        rows: Matrix,
        dim: int,
        *,
        row_of_bucket: Numbers | None = None,
        seed: int | None = None,
        finish: Finish | None = None,
    ) -> None:
        n_needed = rules.bucket if row_of_bucket is None else int(row_of_bucket.max(initial=-1)) + 1
        if rows.ndim != 2 or rows.dtype != np.float32 or rows.shape[1] < dim:
            raise TypeError(f"rows: expected float32[n, {dim}], found {rows.dtype}{rows.shape}")
        if rules.has_ngrams and len(rows) < n_needed:
            raise ValueError(f"rows: expected {n_needed}, found {len(rows)}")
        if row_of_bucket is not None and len(row_of_bucket) != rules.bucket:
            raise ValueError(f"row_of_bucket: {len(row_of_bucket)} for {rules.bucket} buckets")
        if finish is not None and finish.mean.shape != (dim,):
            raise ValueError(f"finish.mean: expected float32[{dim}], found {finish.mean.shape}")
        self.rules = rules
        self.rows = rows
        self.dim = dim
        self.finish = finish
        self.row_of_bucket = row_of_bucket
        self.seed = seed

    def __repr__(self) -> str:
        rules = self.rules
        return f"Subwords({rules.min_n} to {rules.max_n} characters, {len(self.rows)} rows)"

    def ngrams(self, word: str) -> list[str]:
        """The n-grams of a word, in the order of `buckets_of`."""
        return ngram_texts(word, self.rules) if self.rules.has_ngrams else []

    def buckets_of(self, word: str) -> Numbers:
        """int32[n]: the bucket of each n-gram of a word, repeated where n-grams repeat."""
        return ngrams_of_word(word_bytes(word), self.rules)

    def can_build(self, word: str) -> bool:
        """Has the word any n-gram with a row or start values?"""
        return len(self._numbers(self.buckets_of(word))) > 0

    def row_of(self, word: str) -> NDArray[np.float32]:
        """float32[dim]: the mean of the rows of the word's n-grams, zeros when it has none.

        With `finish`, what that makes of it (still zeros for a word without n-grams).
        """
        if self.finish is not None:
            return np.asarray(self.rows_of([word])[0])
        numbers = self._numbers(self.buckets_of(word))
        out = np.empty((1, self.dim), np.float32)
        starts = np.array([0, len(numbers)], np.int64)
        means_of_rows(self.rows, starts, numbers, out, seed=self.seed or 0)
        return np.asarray(out[0])

    def rows_of(self, words: Sequence[str], n_threads: int = 1) -> Matrix:
        """float32[n, dim]: `row_of` of each word, a new array."""
        arena, starts = packed_words(words)
        ngram_starts, buckets = ngrams_of_words(arena, starts, self.rules, n_threads)
        numbers = self._numbers(buckets)
        if len(numbers) < len(buckets):
            kept = self._has_row(buckets)
            ngram_starts = np.concatenate([[0], np.cumsum(kept)])[ngram_starts]
        out = np.empty((len(words), self.dim), np.float32)
        means_of_rows(
            self.rows, ngram_starts, numbers, out, n_threads=n_threads, seed=self.seed or 0
        )
        if self.finish is None:
            return out
        finished = self.finish.apply(out)
        finished[np.diff(ngram_starts) == 0] = 0.0
        return finished

    def _has_row(self, buckets: Numbers) -> NDArray[np.bool_]:
        assert self.row_of_bucket is not None
        return np.asarray(self.row_of_bucket[buckets] >= 0)

    def _numbers(self, buckets: Numbers) -> Numbers:
        """Row numbers as kernels.subwords.mean_rows takes them; without those left out."""
        if self.row_of_bucket is None:
            return buckets
        rows = self.row_of_bucket[buckets]
        if self.seed is None:
            return np.asarray(rows[rows >= 0])
        return np.where(rows >= 0, rows, -1 - buckets).astype(np.int32, copy=False)

    def dense_rows(self, first: int, end: int) -> Matrix:
        """float32[end - first, dim]: the rows of the buckets first to end, a new array.

        Buckets without a row hold their start values, or zeros without a seed.
        """
        if self.row_of_bucket is None:
            return np.array(self.rows[first:end, : self.dim])
        out = np.zeros((end - first, self.dim), np.float32)
        numbers = self.row_of_bucket[first:end]
        if self.seed is not None:
            kernel.start_rows(out, self.seed, first_number=first, of_buckets=True)
        there = np.flatnonzero(numbers >= 0)
        out[there] = self.rows[numbers[there], : self.dim]
        return out
