"""Are vectors sound?  What goes wrong in files of vectors, counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from wordvec.vectors import Vectors

_BLOCK_NUMBERS = 1 << 20


@dataclass(frozen=True, slots=True)
class Norms:
    """Lengths of the rows that are finite; all None when there is none."""

    min: float | None
    median: float | None
    max: float | None


@dataclass(frozen=True, slots=True)
class Soundness:
    """n_duplicates     rows whose word stood earlier in the file already (they cannot be looked up)
    n_zero_rows      rows of length 0: they have no neighbours
    n_nonfinite_rows rows that hold inf or nan
    n_odd_words      words that are empty, or not UTF-8
    *_examples       the first few of each
    """

    n_words: int
    dim: int
    norms: Norms
    n_duplicates: int
    n_zero_rows: int
    n_nonfinite_rows: int
    n_odd_words: int
    duplicate_examples: tuple[str, ...]
    zero_examples: tuple[str, ...]
    nonfinite_examples: tuple[str, ...]


@dataclass(slots=True)
class RowLengths:
    """The length of every row, block by block, so that no row has to stay in memory."""

    lengths: list[NDArray[np.float64]] = field(default_factory=list)

    def add(self, rows: NDArray[np.floating[Any]]) -> None:
        """Take in a block of rows, float32 or float16[n, dim]; inf and nan give nan."""
        exact = rows.astype(np.float64)
        with np.errstate(invalid="ignore"):
            squares = np.einsum("ij,ij->i", exact, exact)
        self.lengths.append(np.where(np.isfinite(squares), np.sqrt(squares), np.nan))

    def all(self) -> NDArray[np.float64]:
        return np.concatenate(self.lengths) if self.lengths else np.empty(0)


def soundness(vectors: Vectors, n_examples: int = 3) -> Soundness:
    """Count what is wrong with vectors.  Reads every row once, in blocks."""
    found = RowLengths()
    for rows in row_blocks(vectors.matrix):
        found.add(rows)
    return soundness_of(vectors.words, vectors.dim, found.all(), n_examples)


def row_blocks(matrix: NDArray[Any]) -> Iterator[NDArray[Any]]:
    step = max(1, _BLOCK_NUMBERS // max(1, matrix.shape[1]))
    for first in range(0, len(matrix), step):
        yield matrix[first : first + step]


def soundness_of(
    words: Iterable[str], dim: int, lengths: NDArray[np.float64], n_examples: int = 3
) -> Soundness:
    """As `soundness`, from the words and the float64[n_words] lengths of their rows."""
    finite = lengths[np.isfinite(lengths)]
    norms = Norms(None, None, None)
    if len(finite):
        norms = Norms(float(finite.min()), float(np.median(finite)), float(finite.max()))
    hashes = np.empty(len(lengths), np.int64)
    n_odd = 0
    for row, word in enumerate(words):
        # Of equal words the hashes are equal; of others they are not (2^64 of them).
        hashes[row] = hash(word)
        n_odd += word == "" or (not word.isascii() and any("\ud800" <= c <= "\udfff" for c in word))
    first_of_each = np.unique(hashes, return_index=True)[1]
    again = np.ones(len(hashes), np.bool_)
    again[first_of_each] = False
    duplicates, zeros, nonfinite = (
        np.flatnonzero(fault).tolist() for fault in (again, lengths == 0, np.isnan(lengths))
    )
    wanted = {row for rows in (duplicates, zeros, nonfinite) for row in rows[:n_examples]}
    shown = {row: word for row, word in enumerate(words) if row in wanted} if wanted else {}

    def examples(rows: list[int]) -> tuple[str, ...]:
        return tuple(shown[row] for row in rows[:n_examples])

    return Soundness(
        n_words=len(lengths),
        dim=dim,
        norms=norms,
        n_duplicates=len(duplicates),
        n_zero_rows=len(zeros),
        n_nonfinite_rows=len(nonfinite),
        n_odd_words=n_odd,
        duplicate_examples=examples(duplicates),
        zero_examples=examples(zeros),
        nonfinite_examples=examples(nonfinite),
    )
