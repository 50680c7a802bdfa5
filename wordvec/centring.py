"""Subtracting the mean of trained vectors, as a step that is recorded and can be undone.

All vectors of a trained model share a large common part, which says nothing about any of them;
without it cosines tell words apart better.  What was taken away stays with the vectors:

    tensors["training.mean"]     float32[dim]
    tensors["training.lengths"]  float32[n_words, n_parts], only where rows were scaled to length 1
    metadata["mean_removed"]     {"parts": how many numbers of a row come from each model}
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from wordvec.subwords import Finish, Subwords
from wordvec.vectors import Matrix, Vectors

MEAN, LENGTHS, RECORD = "training.mean", "training.lengths", "mean_removed"
_BLOCK_ROWS = 1 << 14


def centre(matrix: Matrix) -> NDArray[np.float32]:
    """Subtract the mean row in place; returns it, float32[dim]."""
    mean = np.zeros(matrix.shape[1], np.float64)
    for first in range(0, len(matrix), _BLOCK_ROWS):
        mean += matrix[first : first + _BLOCK_ROWS].sum(axis=0, dtype=np.float64)
    row = (mean / max(len(matrix), 1)).astype(np.float32)
    for first in range(0, len(matrix), _BLOCK_ROWS):
        matrix[first : first + _BLOCK_ROWS] -= row
    return row


def remove_mean(vectors: Vectors) -> None:
    """Subtract the mean from all rows, and from those that subwords make; changes the matrix.

    ValueError when that was done before.
    """
    if RECORD in vectors.metadata:
        raise ValueError("the mean of these vectors was removed already")
    mean = centre(vectors.matrix)
    vectors.matrix_changed()
    vectors.tensors[MEAN] = mean
    vectors.metadata[RECORD] = {"parts": [vectors.dim]}
    if vectors.subwords is not None:
        vectors.subwords = _finished(vectors.subwords, Finish(mean))


def side_by_side(matrices: Sequence[Matrix]) -> tuple[Matrix, NDArray[np.float32], Matrix]:
    """Rows of several models of the same words as one row each: every part without its mean and
    scaled to length 1.

    Returns (float32[n_words, sum of dims], means side by side, lengths float32[n_words, n_parts]).
    The matrices are changed.
    """
    width = sum(matrix.shape[1] for matrix in matrices)
    joined = np.empty((len(matrices[0]), width), np.float32)
    lengths = np.empty((len(joined), len(matrices)), np.float32)
    means, place = [], 0
    for part, matrix in enumerate(matrices):
        means.append(centre(matrix))
        lengths[:, part] = np.sqrt(np.einsum("ij,ij->i", matrix, matrix))
        scale = np.where(lengths[:, part] > 0, lengths[:, part], 1)[:, None]
        np.divide(matrix, scale, out=joined[:, place : place + matrix.shape[1]])
        place += matrix.shape[1]
    return joined, np.concatenate(means), lengths


def join_parts(vectors: Vectors, matrices: Sequence[Matrix], subwords: Subwords | None) -> None:
    """Make `vectors` those of `side_by_side`; unseen words get the first part alone, from
    `subwords`, and zeros for the others."""
    sizes = [matrix.shape[1] for matrix in matrices]
    vectors.matrix, mean, lengths = side_by_side(matrices)
    vectors.matrix_changed()
    vectors.tensors |= {MEAN: mean, LENGTHS: lengths}
    vectors.metadata[RECORD] = {"parts": sizes}
    if subwords is not None:
        finish = Finish(mean[: sizes[0]].copy(), unit=True, width=sum(sizes))
        vectors.subwords = _finished(subwords, finish)


def restore_mean(vectors: Vectors) -> None:
    """Undo `remove_mean` or `join_parts` (which leaves the parts side by side), up to rounding.

    The matrix is made anew.  ValueError when there is nothing to undo.
    """
    if RECORD not in vectors.metadata or MEAN not in vectors.tensors:
        raise ValueError("no mean was removed from these vectors")
    matrix = np.array(vectors.matrix, np.float32)
    lengths, place = vectors.tensors.get(LENGTHS), 0
    sizes = vectors.metadata[RECORD]["parts"]
    for part, size in enumerate(sizes):
        columns = matrix[:, place : place + size]
        if lengths is not None:
            columns *= np.asarray(lengths)[:, part, None]
        place += size
    matrix += vectors.tensors[MEAN]
    vectors.matrix = matrix
    vectors.matrix_changed()
    vectors.tensors = {k: t for k, t in vectors.tensors.items() if k not in (MEAN, LENGTHS)}
    del vectors.metadata[RECORD]
    if vectors.subwords is not None:
        one_part = len(sizes) == 1
        old = vectors.subwords.finish
        # Of several parts unseen words have only the first: its rows again, then zeros.
        zeros = np.zeros(vectors.subwords.dim, np.float32)
        width = 0 if one_part or old is None else old.width
        vectors.subwords = _finished(
            vectors.subwords, None if one_part else Finish(zeros, width=width)
        )


def _finished(subwords: Subwords, finish: Finish | None) -> Subwords:
    return Subwords(
        subwords.rules,
        subwords.rows,
        subwords.dim,
        row_of_bucket=subwords.row_of_bucket,
        seed=subwords.seed,
        finish=finish,
    )
