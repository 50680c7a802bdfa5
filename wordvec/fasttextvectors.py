"""Vectors of a fastText model: rows are made from the model when they are asked for.

A word's row is the mean of its own and its n-grams' rows, so a file has no matrix of words to
map; it is made at the first query that needs all of it.  Single words, seen or not, never do.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.fasttextmodel import SENTENCE_END, DenseRows, FastTextModel
from wordvec.subwords import Subwords, ngrams_of_words, packed_words
from wordvec.vectors import Matrix, Row, Vectors
from wordvec.words import WordList


class ModelSubwords(Subwords):
    """The n-gram rows of a model, also of a pruned or quantised one."""

    def __init__(self, model: FastTextModel) -> None:
        rows = np.empty((0, model.dim), np.float32)
        if isinstance(model.input, DenseRows) and model.dictionary.pruned is None:
            rows = model.input.matrix[model.dictionary.n_words :]
        self.model = model
        self.rules = model.args.rules
        self.dim = model.dim
        self.rows = rows
        self.row_of_bucket = None
        self.seed = None
        self.finish = None

    def can_build(self, word: str) -> bool:
        return len(self.model.row_ids(word, -1)) > 0

    def row_of(self, word: str) -> Row:
        return self.model.vector(self.model.row_ids(word, -1))

    def rows_of(self, words: Sequence[str], n_threads: int = 1) -> Matrix:
        starts, ids = self._row_ids(words, n_threads)
        out = np.empty((len(words), self.dim), np.float32)
        self.model.input.means(starts, ids, out, n_threads)
        return out

    def _row_ids(
        self, words: Sequence[str], n_threads: int = 1
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        if SENTENCE_END in words or self.model.dictionary.pruned is not None:
            return self.model.word_rows(words, n_threads, np.full(len(words), -1))
        starts, buckets = ngrams_of_words(*packed_words(words), self.rules, n_threads)
        buckets += np.int32(self.model.dictionary.n_words)
        return starts, buckets

    def dense_rows(self, first: int, end: int) -> Matrix:
        n_words = self.model.dictionary.n_words
        places = self.model.dictionary.row_of_bucket(self.rules.bucket)
        if places is None:
            return np.array(self.model.input.block(n_words + first, n_words + end))
        out = np.zeros((end - first, self.dim), np.float32)
        there = np.flatnonzero(places[first:end] >= 0)
        out[there] = self.model.input.rows(n_words + places[first:end][there])
        return out


class ModelRows(Vectors):
    """What FastTextVectors and the KeyedVectors of a model share.

    model  FastTextModel; its arrays may be views of the mapped file
    """

    model: FastTextModel
    _is_changed = False
    _made: Matrix | None = None

    @property
    def matrix(self) -> Matrix:
        """float32[n_words, dim], made now if need be."""
        if self._made is None:
            self._made = self.model.vocabulary_vectors(_n_cores())
        return self._made

    @matrix.setter
    def matrix(self, matrix: Matrix) -> None:
        self._made = matrix

    @property
    def dim(self) -> int:
        """Numbers per row."""
        return self.model.dim if self._made is None else int(self._made.shape[1])

    @property
    def fits_model(self) -> bool:
        """Whether words and rows are still those of the model, so that it can stand for them."""
        return not self._is_changed and len(self) == self.model.dictionary.n_words

    def attach(self, model: FastTextModel) -> None:
        """Become the vectors of a model; what was the matrix is forgotten."""
        self.model = model
        self.subwords = ModelSubwords(model)
        self._made = None

    def matrix_changed(self) -> None:
        super().matrix_changed()
        self._is_changed = True

    def _row(self, row: int) -> Row:
        """One row; the whole matrix is not made for it."""
        if self._made is not None:
            return super()._row(row)
        word = self.model.dictionary.words.word_bytes(row)
        out = self.model.vector(self.model.row_ids(word, row))
        out.flags.writeable = False
        return out


class FastTextVectors(ModelRows):
    """Words and rows of a model; unseen words get vectors from their n-grams."""

    def __init__(self, model: FastTextModel, metadata: dict[str, Any] | None = None) -> None:
        words = model.dictionary.only_words()
        counts = model.dictionary.counts[: len(words)]
        super().__init__(words, placeholder(words, model.dim), counts, metadata)
        self.attach(model)


def placeholder(words: WordList, dim: int) -> Matrix:
    """A matrix of this shape without memory, for constructors."""
    return np.broadcast_to(np.float32(0), (len(words), dim))


def _n_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
