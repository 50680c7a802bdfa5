"""Vectors: words and their rows, looked up and compared.  No file work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from wordvec.subwords import Subwords

Matrix = NDArray[np.float32]
Row = NDArray[np.float32]

_BLOCK_NUMBERS = 1 << 22  # numbers of the matrix per step of a query: 16 MB


class Vectors:
    """Words, and one float32 row for each.

    words   list[str]; a word that occurs twice is looked up at its first row
    matrix  float32[n_words, dim]; not copied: it may be a view of padded rows, and belongs to
            whoever made it.  Call `matrix_changed` after changing it.
    counts  int64[n_words] or None: how often each word occurred in the training text
    subwords  Subwords or None: rows of n-grams, from which unseen words get vectors; may be set
    """

    subwords: Subwords | None = None

    def __init__(
        self,
        words: Sequence[str],
        matrix: Matrix,
        counts: NDArray[np.int64] | None = None,
    ) -> None:
        matrix = np.asarray(matrix)
        if matrix.ndim != 2 or matrix.dtype != np.float32:
            raise TypeError(f"matrix: expected float32[n, dim], found {matrix.dtype}{matrix.shape}")
        if len(words) != len(matrix):
            raise ValueError(f"{len(words)} words for {len(matrix)} rows")
        if counts is not None and len(counts) != len(words):
            raise ValueError(f"{len(counts)} counts for {len(words)} words")
        self.words = words if isinstance(words, list) else list(words)
        self.matrix: Matrix = matrix
        self.counts = None if counts is None else np.asarray(counts, dtype=np.int64)
        self._index: dict[str, int] | None = None
        self._norms: Row | None = None

    def __len__(self) -> int:
        return len(self.words)

    def __iter__(self) -> Iterator[str]:
        return iter(self.words)

    def __contains__(self, word: object) -> bool:
        """Has the word a row, or can one be built for it?"""
        return word in self.index or self._can_build(word)

    def _can_build(self, word: object) -> bool:
        return (
            self.subwords is not None and isinstance(word, str) and self.subwords.can_build(word)
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} words, {self.dim} dimensions)"

    @property
    def dim(self) -> int:
        """Numbers per row."""
        return int(self.matrix.shape[1])

    @property
    def index(self) -> dict[str, int]:
        """Word -> row.  Built on first use; do not change it."""
        if self._index is None:
            # From the last word to the first, so that the first of equal words stays.
            rows = range(len(self.words) - 1, -1, -1)
            self._index = dict(zip(reversed(self.words), rows, strict=True))
        return self._index

    @property
    def norms(self) -> Row:
        """float32[n_words]: the length of each row.  Computed on first use."""
        if self._norms is None:
            norms = np.empty(len(self.matrix), dtype=np.float32)
            for first, rows in self._blocks(0, len(self.matrix)):
                norms[first : first + len(rows)] = np.linalg.norm(rows, axis=1)
            self._norms = norms
        return self._norms

    def matrix_changed(self) -> None:
        """Forget what was computed from the matrix."""
        self._norms = None

    def index_of(self, word: str) -> int:
        """The row of `word`; KeyError if there is none."""
        row = self.index.get(word)
        if row is None:
            raise KeyError(f"word {word!r} not in vocabulary")
        return row

    @overload
    def __getitem__(self, word: str) -> Row: ...
    @overload
    def __getitem__(self, word: Sequence[str]) -> Matrix: ...
    def __getitem__(self, word: str | Sequence[str]) -> NDArray[np.float32]:
        """One word: its row, float32[dim], a read-only view.  A list: a copy, float32[n, dim].

        With `subwords`, an unseen word has the mean of its n-grams' rows.  KeyError for a word
        without either.
        """
        if isinstance(word, str):
            return self._unseen(word) if self._is_unseen(word) else self._row(self.index_of(word))
        if any(self._is_unseen(item) for item in word):
            return np.vstack([self[item] for item in word])
        return np.asarray(self.matrix[[self.index_of(item) for item in word]])

    def _is_unseen(self, word: str) -> bool:
        return word not in self.index and self._can_build(word)

    def _unseen(self, word: str) -> Row:
        assert self.subwords is not None
        row = self.subwords.row_of(word)
        row.flags.writeable = False
        return row

    def _row(self, row: int) -> Row:
        view: Row = self.matrix[row]
        view.flags.writeable = False
        return view

    def similar(self, query: str | Row, n: int = 10) -> list[tuple[str, float]]:
        """The `n` words whose rows have the largest cosine with a word's row or a vector.

        Best first, ties by lower row.  The query word itself is left out, and so are rows
        without a direction (all zero, or not finite).
        """
        if isinstance(query, str):
            row = self.index_of(query)
            return self._named(self._nearest(self._unit(row), n, [row]))
        return self._named(self._nearest(unit(query, self.dim), n))

    def similarity(self, a: str, b: str) -> float:
        """The cosine of two words' rows; nan if one is all zero."""
        first, second = self.index_of(a), self.index_of(b)
        return float(np.dot(self._unit(first), self._unit(second)))

    def analogy(self, a: str, b: str, c: str, n: int = 10) -> list[tuple[str, float]]:
        """a is to b as c is to what?  The words nearest to b - a + c of unit rows, without the
        three."""
        rows = [self.index_of(word) for word in (a, b, c)]
        target = self._unit(rows[1]) - self._unit(rows[0]) + self._unit(rows[2])
        return self._named(self._nearest(unit(target, self.dim), n, rows))

    def _unit(self, row: int) -> Row:
        return unit(self.matrix[row], self.dim)

    def _named(self, found: list[tuple[int, float]]) -> list[tuple[str, float]]:
        return [(self.words[row], cosine) for row, cosine in found]

    def _blocks(self, first: int, last: int) -> Iterator[tuple[int, Matrix]]:
        """(first row, rows) in pieces small enough that Ctrl-C is answered between them."""
        step = max(1, _BLOCK_NUMBERS // self.dim) if self.dim else max(1, last)
        for start in range(first, last, step):
            yield start, self.matrix[start : min(start + step, last)]

    def _cosines(self, direction: Row, first: int = 0, last: int | None = None) -> Row:
        """float32: the cosine of each row in first..last with a unit vector; nan where a row has
        no direction."""
        last = len(self.matrix) if last is None else min(last, len(self.matrix))
        cosines = np.empty(max(0, last - first), dtype=np.float32)
        for start, rows in self._blocks(first, last):
            cosines[start - first : start - first + len(rows)] = rows @ direction
        with np.errstate(divide="ignore", invalid="ignore"):
            cosines /= self.norms[first:last]
        return cosines

    def _nearest(
        self,
        direction: Row,
        n: int,
        excluded: Sequence[int] = (),
        first: int = 0,
        last: int | None = None,
    ) -> list[tuple[int, float]]:
        """The `n` best (row, cosine) of first..last without the rows in `excluded`."""
        scores = self._cosines(direction, first, last)
        scores[~np.isfinite(scores)] = -np.inf
        for row in excluded:
            if 0 <= row - first < len(scores):
                scores[row - first] = -np.inf
        if n < 1 or not len(scores):
            return []
        worst = -np.inf
        if n < len(scores):
            worst = np.partition(scores, len(scores) - n)[len(scores) - n]
        # All that reach the n-th best score, so that the order of equal ones is ours.
        rows = np.flatnonzero((scores >= worst) & (scores > -np.inf))
        best = rows[np.argsort(-scores[rows], kind="stable")][:n]
        return [(int(row) + first, float(scores[row])) for row in best]


def unit(vector: Row, dim: int) -> Row:
    """`vector` scaled to length 1, float32; all nan if its length is 0."""
    vector = np.asarray(vector, dtype=np.float32)
    if vector.shape != (dim,):
        raise ValueError(f"expected a vector of {dim} numbers, found shape {vector.shape}")
    length = np.sqrt(np.dot(vector.astype(np.float64), vector))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(vector / length, dtype=np.float32)
