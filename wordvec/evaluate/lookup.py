"""Rows of the words of evaluation sets, with upper and lower case told apart or not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from wordvec.vectors import Matrix, Vectors


def fold(word: str) -> str:
    """What words that differ in case alone have in common.  Upper case, as gensim and the
    original compute-accuracy compare (it differs from lower case for the German sharp s)."""
    return word.upper()


class Lookup:
    """Word -> row, for a known set of words.

    With `ignore_case` a word stands for the first row (the most frequent, in files that are
    sorted) that equals it but for case, as in gensim; an exact match further down does not count.
    Only the words asked for are kept, so that millions of others cost one pass and no memory.
    """

    def __init__(self, vectors: Vectors, words: Iterable[str], ignore_case: bool = True) -> None:
        self.ignore_case = ignore_case
        self._rows: dict[str, int] = {}
        if ignore_case:
            wanted = {fold(word) for word in words}
            for row, word in enumerate(vectors.words):
                key = fold(word)
                if key in wanted:
                    self._rows.setdefault(key, row)
        else:
            for word in set(words):
                if word in vectors.words:  # subwords would build rows for others
                    self._rows[word] = vectors.index_of(word)

    def key(self, word: str) -> str:
        """Two words are the same to this look-up if their keys are equal."""
        return fold(word) if self.ignore_case else word

    def row(self, word: str, restrict: int | None = None) -> int:
        """The row of `word`, which must be among those given; -1 when there is none below
        `restrict`."""
        row = self._rows.get(self.key(word), -1)
        return row if restrict is None or row < restrict else -1


def unit_rows(vectors: Vectors, rows: Iterable[int]) -> Matrix:
    """float32[n, dim]: copies of rows, each scaled to length 1.

    Rows of length zero stay zero, as in gensim; others without a direction hold nan.
    """
    chosen = np.asarray(vectors.matrix[np.asarray(list(rows), np.intp)], np.float32)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        lengths = np.sqrt(np.einsum("ij,ij->i", chosen, chosen, dtype=np.float64))
        units = chosen / np.where(lengths > 0, lengths, 1)[:, None]
    return np.asarray(units, np.float32)
