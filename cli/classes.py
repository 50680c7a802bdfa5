"""The original word2vec's k-means over finished vectors (`-classes`), rule for rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

N_ITERATIONS = 10
# A word whose dot products all lie at or below this goes to class 0, as in the original.
LOWEST_SCORE = np.float32(-10)
ROWS_PER_BLOCK = 4096


def classes_of(vectors: NDArray[np.float32], n_classes: int) -> NDArray[np.int64]:
    """Class 0..n_classes-1 of every row of `vectors` (float32[n_words, dim], only read).

    Word i starts in class i mod n_classes.  Ten times: a centroid is the sum of its words
    divided by their number plus one (the original starts the sizes at 1), scaled to unit
    length; each word then goes to the centroid with the largest dot product, the lowest number
    winning ties.
    """
    n_words = len(vectors)
    classes = np.arange(n_words, dtype=np.int64) % n_classes
    for _ in range(N_ITERATIONS):
        centroids, is_empty = _centroids(vectors, classes, n_classes)
        for start in range(0, n_words, ROWS_PER_BLOCK):
            block = slice(start, start + ROWS_PER_BLOCK)
            scores = vectors[block] @ centroids.T
            # The original's centroid of an empty class is 0/0, and NaN is never the larger.
            scores[:, is_empty] = -np.inf
            best = scores.argmax(axis=1)
            best[scores.max(axis=1) <= LOWEST_SCORE] = 0
            classes[block] = best
    return classes


def _centroids(
    vectors: NDArray[np.float32], classes: NDArray[np.int64], n_classes: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Unit centroids, float32[n_classes, dim], and which of them are 0 (as of empty classes)."""
    sizes = np.bincount(classes, minlength=n_classes).astype(np.float32) + 1
    centroids = np.zeros((n_classes, vectors.shape[1]), np.float32)
    order = np.argsort(classes, kind="stable")
    present, firsts = np.unique(classes[order], return_index=True)
    bounds = [*firsts.tolist(), len(order)]
    for number, k in enumerate(present.tolist()):
        members = order[bounds[number] : bounds[number + 1]]
        centroids[k] = vectors[members].sum(axis=0, dtype=np.float32)
    centroids /= sizes[:, None]
    lengths = np.sqrt((centroids * centroids).sum(axis=1, dtype=np.float32))
    is_empty = ~(lengths > 0)
    centroids[~is_empty] /= lengths[~is_empty, None]
    return centroids, is_empty


def write_classes(out: BinaryIO, words: Iterable[str], classes: NDArray[np.int64]) -> None:
    """`WORD CLASS` lines in vocabulary order, without a header."""
    for word, k in zip(words, classes.tolist(), strict=True):
        out.write(f"{word} {k}\n".encode("utf-8", "surrogateescape"))
