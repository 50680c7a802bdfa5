"""Vectors of words that training starts from, for classifiers and for word vectors."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import OptionError
from wordvec.vectors import Vectors
from wordvec.words import WordList

Pretrained = str | os.PathLike[str] | Vectors

_STEP_ROWS = 1 << 16  # copied at a time


def vectors_of(pretrained: Pretrained | None, vector_size: int) -> Vectors | None:
    """The vectors themselves, read from a file of any format where that is what was given.

    OptionError when their size is another; what wordvec.load raises.
    """
    if pretrained is None or pretrained == "":
        return None
    from wordvec.formats import load  # slow to import, and seldom needed

    vectors = pretrained if isinstance(pretrained, Vectors) else load(pretrained)
    dim = vectors.matrix.shape[1]
    if dim != vector_size:
        raise OptionError("vector_size", f"{dim}, as the pretrained vectors", vector_size)
    return vectors


def copy_vectors(
    in_rows: NDArray[np.float32], words: WordList, n_words: int, vectors: Vectors
) -> None:
    """in_rows[w] becomes the vector of word w, for those of the first n_words that have one; of a
    word that is there twice the later one."""
    places = words.find_words(vectors.words)
    there = np.flatnonzero((places >= 0) & (places < n_words))
    dim = vectors.matrix.shape[1]
    for first in range(0, len(there), _STEP_ROWS):
        rows = there[first : first + _STEP_ROWS]
        in_rows[places[rows], :dim] = vectors.matrix[rows]
