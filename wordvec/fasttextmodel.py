"""A fastText model between its stages: what training makes, files hold and prediction reads.

Nothing here trains, predicts or knows a file.  Rows of the input matrix are numbered as in files:
row w is that of word w, row n_words + b that of bucket b (of n-grams of characters or of words),
or, in a pruned model, that of the bucket that `pruned` maps to b.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from wordvec.kernels import subwords as kernel
from wordvec.subwords import (
    NgramRules,
    means_of_rows,
    ngrams_of_word,
    ngrams_of_words,
    word_bytes,
)
from wordvec.words import WordList

LOSSES = ("hs", "ns", "softmax", "ova")  # numbers 1 to 4 of a file
KINDS = ("cbow", "sg", "sup")  # numbers 1 to 3 of a file
SENTENCE_END = "</s>"
SENTENCE_END_BYTES = b"</s>"

_STEP_WORDS = 1 << 16  # words whose n-grams are held at a time

Matrix = NDArray[np.float32]
Starts = NDArray[np.int64]
Ids = NDArray[np.int32]


@dataclass
class FastTextArgs:
    """The settings that a file holds; defaults are those of the skipgram command."""

    dim: int = 100
    window: int = 5
    epochs: int = 5
    min_count: int = 5
    negative: int = 5
    word_ngrams: int = 1
    loss: str = "ns"
    kind: str = "sg"
    bucket: int = 2_000_000
    min_n: int = 3
    max_n: int = 6
    lr_update_rate: int = 100
    sample: float = 1e-4

    @property
    def rules(self) -> NgramRules:
        """Which n-grams of characters a word has."""
        return NgramRules(self.min_n, self.max_n, self.bucket)


@dataclass
class FastTextDictionary:
    """Words, then labels, as a file lists them.

    words     WordList of n_words + n_labels entries: the words, then the labels
    counts    int64[n_words + n_labels]: how often each occurred
    n_tokens  all tokens of the text, with those too rare to be here
    pruned    None, or int32[n, 2]: (bucket, number b of its row n_words + b), in any order; the
              rows of all other buckets were cut away
    """

    words: WordList
    counts: NDArray[np.int64]
    n_words: int
    n_labels: int = 0
    n_tokens: int = 0
    pruned: Ids | None = None
    label_prefix: str = "__label__"  # no file holds it
    _row_of_bucket: Ids | None = field(default=None, repr=False, compare=False)

    def word_id(self, word: str | bytes) -> int:
        """The row of a word, -1 when it is none (a label is none)."""
        row = self.words.find(word)
        return row if row < self.n_words else -1

    def label_id(self, label: str | bytes) -> int:
        """0 to n_labels - 1, -1 when there is no such label."""
        return max(self.words.find(label) - self.n_words, -1)

    @property
    def labels(self) -> list[str]:
        return self.words[self.n_words :]

    def only_words(self) -> WordList:
        """The words without the labels."""
        if not self.n_labels:
            return self.words
        ends = self.words.ends[: self.n_words]
        return WordList(self.words.data[: int(ends[-1]) if self.n_words else 0], ends)

    def row_of_bucket(self, bucket: int) -> Ids | None:
        """int32[bucket]: number of each bucket's row, -1 where it was cut away; None: all are
        there."""
        if self.pruned is None:
            return None
        if self._row_of_bucket is None or len(self._row_of_bucket) != bucket:
            made = np.full(bucket, -1, np.int32)
            made[self.pruned[:, 0]] = self.pruned[:, 1]
            self._row_of_bucket = made
        return self._row_of_bucket


class Rows(Protocol):
    """The rows of a matrix, however they are kept: DenseRows, or quantize.QuantizedRows."""

    @property
    def n_rows(self) -> int: ...
    @property
    def dim(self) -> int: ...
    @property
    def is_quantized(self) -> bool: ...
    def rows(self, ids: NDArray[np.integer]) -> Matrix: ...
    def block(self, first: int, end: int) -> Matrix: ...
    def means(self, starts: Starts, ids: Ids, out: Matrix, n_threads: int = 1) -> None: ...
    def add_row(self, out: Matrix, row: int, scale: float = 1.0) -> None: ...


@dataclass
class DenseRows:
    """Rows of float32.

    matrix  float32[n_stored, dim or more]: columns side by side; it may be padded rows, or a
            read-only view of a mapped file whose numbers lie at any byte; belongs to its maker
    dim     numbers that count, the first of each row

    A compact matrix, as training makes it, has rows for the buckets that it met only; the others
    are the start values of `seed`:
    n_fixed        rows 0 to n_fixed - 1 stand for themselves (the words)
    row_of_bucket  int32[n_rows - n_fixed]: row n_fixed + b is stored at n_fixed +
                   row_of_bucket[b], nowhere when that is -1; None: every row is stored
    """

    matrix: Matrix
    dim: int = 0
    n_fixed: int = 0
    row_of_bucket: Ids | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        self.dim = self.dim or self.matrix.shape[1]
        if self.matrix.ndim != 2 or self.matrix.dtype != np.float32:
            found = f"{self.matrix.dtype}{self.matrix.shape}"
            raise TypeError(f"matrix: expected float32[n, {self.dim}], found {found}")
        if self.dim > self.matrix.shape[1]:
            raise ValueError(f"matrix: {self.matrix.shape[1]} columns for dim {self.dim}")

    @property
    def is_quantized(self) -> bool:
        return False

    @property
    def n_rows(self) -> int:
        if self.row_of_bucket is None:
            return len(self.matrix)
        return self.n_fixed + len(self.row_of_bucket)

    def _numbers(self, ids: NDArray[np.integer]) -> Ids:
        """Places in `matrix`, or -1 - bucket, as kernels.subwords.mean_rows takes them."""
        if self.row_of_bucket is None:
            return np.ascontiguousarray(ids, np.int32)
        buckets = np.asarray(ids) - self.n_fixed
        is_bucket = buckets >= 0
        places = self.row_of_bucket[np.where(is_bucket, buckets, 0)]
        there = np.where(places >= 0, places + self.n_fixed, -1 - buckets)
        return np.where(is_bucket, there, ids).astype(np.int32)

    def rows(self, ids: NDArray[np.integer]) -> Matrix:
        """float32[len(ids), dim]: these rows, a new array.  IndexError for one that is none."""
        ids = np.asarray(ids)
        if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < self.n_rows:
            raise IndexError(f"rows {ids.min()} to {ids.max()} of {self.n_rows}")
        if self.row_of_bucket is None:
            return np.array(self.matrix[ids, : self.dim])
        out = np.empty((len(ids), self.dim), np.float32)
        self.means(np.arange(len(ids) + 1), ids.astype(np.int32), out)
        return out

    def block(self, first: int, end: int) -> Matrix:
        """float32[end - first, dim]: rows side by side, a view where that is possible."""
        if self.row_of_bucket is None or end <= self.n_fixed:
            return self.matrix[first:end, : self.dim]
        out = np.empty((end - first, self.dim), np.float32)
        n_own = max(0, self.n_fixed - first)
        out[:n_own] = self.matrix[first : first + n_own, : self.dim]
        bucket = max(first - self.n_fixed, 0)
        rest = out[n_own:]
        kernel.start_rows(rest, self.seed, first_number=bucket, of_buckets=True)
        places = self.row_of_bucket[bucket : bucket + len(rest)]
        there = np.flatnonzero(places >= 0)
        rest[there] = self.matrix[self.n_fixed + places[there], : self.dim]
        return out

    def means(self, starts: Starts, ids: Ids, out: Matrix, n_threads: int = 1) -> None:
        """out[i] = mean of the rows ids[starts[i]:starts[i + 1]], zeros for none.

        Summed in their order in float32, then multiplied by 1 / n: fastText's bits.
        """
        numbers = self._numbers(ids)
        means_of_rows(self.matrix, starts, numbers, out, n_threads=n_threads, seed=self.seed)

    def add_row(self, out: Matrix, row: int, scale: float = 1.0) -> None:
        """out += scale * the row, in float32."""
        out += np.float32(scale) * self.rows(np.array([row]))[0]


@dataclass
class FastTextModel:
    """Settings, dictionary and the two matrices of a model.

    input   a row for each word and bucket (module docstring)
    output  a row for each label (kind "sup") or word; inner nodes of the tree with loss "hs"
    """

    args: FastTextArgs
    dictionary: FastTextDictionary
    input: Rows
    output: Rows

    @property
    def dim(self) -> int:
        return self.args.dim

    @property
    def is_quantized(self) -> bool:
        return self.input.is_quantized

    @property
    def is_supervised(self) -> bool:
        return self.args.kind == "sup"

    def ngram_rows(
        self, words: WordList, n_threads: int = 1, without: int | None = None
    ) -> tuple[Starts, Ids]:
        """(starts int64[n + 1], ids int32): input rows of the character n-grams of each word, in
        fastText's order; `without` is the number of a word that gets none."""
        ends = words.ends
        starts = np.zeros(len(words) + 1, np.int64)
        starts[1:] = ends
        ngram_starts, buckets = ngrams_of_words(
            words.data, starts, self.args.rules, n_threads, without
        )
        rows = self.dictionary.row_of_bucket(self.args.bucket)
        if rows is not None:
            ids = rows[buckets]
            kept = ids >= 0
            ngram_starts = np.concatenate([[0], np.cumsum(kept)])[ngram_starts].astype(np.int64)
            buckets = ids[kept]
        return ngram_starts, buckets + np.int32(self.dictionary.n_words)

    def row_ids(self, word: str | bytes, own: int | None = None) -> Ids:
        """int32: `word_rows` of a single word, faster."""
        data = word if isinstance(word, bytes) else word_bytes(word)
        if own is None:
            own = self.dictionary.word_id(data)
        own_ids = np.array([own] if own >= 0 else [], np.int32)
        if data == SENTENCE_END_BYTES:
            return own_ids
        ids = ngrams_of_word(data, self.args.rules)
        rows = self.dictionary.row_of_bucket(self.args.bucket)
        if rows is not None:
            ids = rows[ids]
            ids = ids[ids >= 0]
        ids += np.int32(self.dictionary.n_words)
        return np.concatenate([own_ids, ids]) if own >= 0 else ids

    def vector(self, ids: Ids) -> NDArray[np.float32]:
        """float32[dim]: the mean of some input rows, zeros for none; a new array."""
        out = np.empty((1, self.dim), np.float32)
        self.input.means(np.array([0, len(ids)], np.int64), ids, out)
        return np.asarray(out[0])

    def word_rows(
        self,
        words: Sequence[str] | WordList,
        n_threads: int = 1,
        own: NDArray[np.int64] | None = None,
    ) -> tuple[Starts, Ids]:
        """(starts int64[n + 1], ids int32): input rows of each word: its own if it has one, then
        those of its n-grams (`</s>` has none).  fastText's getSubwords.

        `own` is the number of each word, -1 for none, when the caller knows it.
        """
        words = WordList.of(words)
        if own is None:
            own = self.dictionary.words.find_words(words)
            own[own >= self.dictionary.n_words] = -1
        starts, ids = self.ngram_rows(words, n_threads)
        sentence_end = words.find(SENTENCE_END)
        has_ngrams = np.ones(len(words), np.bool_)
        if sentence_end >= 0:
            has_ngrams = words.first_rows() != sentence_end
        has_own = own >= 0
        n_ngrams = np.diff(starts)
        ids = ids[np.repeat(has_ngrams, n_ngrams)]
        n_ngrams[~has_ngrams] = 0
        found = np.zeros(len(words) + 1, np.int64)
        np.cumsum(n_ngrams + has_own, out=found[1:])
        all_ids = np.empty(found[-1], np.int32)
        is_own = np.zeros(found[-1], np.bool_)
        is_own[found[:-1][has_own]] = True
        all_ids[is_own] = own[has_own]
        all_ids[~is_own] = ids
        return found, all_ids

    def word_vectors(
        self,
        words: Sequence[str] | WordList,
        n_threads: int = 1,
        own: NDArray[np.int64] | None = None,
    ) -> Matrix:
        """float32[n, dim]: the vector of each word, seen or not: the mean of its rows, zeros when
        it has none; a new array.  `own` as in word_rows."""
        starts, ids = self.word_rows(words, n_threads, own)
        out = np.zeros((len(starts) - 1, self.dim), np.float32)
        self.input.means(starts, ids, out, n_threads)
        return out

    def vocabulary_vectors(self, n_threads: int = 1) -> Matrix:
        """float32[n_words, dim]: the vectors of the dictionary's words, a new array."""
        words = self.dictionary.only_words()
        out = np.zeros((len(words), self.dim), np.float32)
        for first in range(0, len(words), _STEP_WORDS):
            end = min(first + _STEP_WORDS, len(words))
            start = int(words.ends[first - 1]) if first else 0
            piece = WordList(
                words.data[start : int(words.ends[end - 1])],
                words.ends[first:end] - np.uint64(start),
            )
            starts, ids = self.word_rows(piece, n_threads, np.arange(first, end))
            self.input.means(starts, ids, out[first:end], n_threads)
        return out
