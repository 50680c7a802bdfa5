"""k-means by cosine: the original word2vec's, rule for rule, and a careful one.

Both share the step that makes centroids.  Arrays in, arrays out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]
Classes = NDArray[np.int64]

N_ITERATIONS = 10
# A word whose dot products all lie at or below this goes to class 0, as in the original.
LOWEST_SCORE = np.float32(-10)
ROWS_PER_BLOCK = 4096
_MAX_ITERATIONS = 100


def word2vec_classes(vectors: Rows, n_classes: int) -> Classes:
    """Class 0..n_classes-1 of every row of `vectors` (float32[n_words, dim], only read).

    Word i starts in class i mod n_classes.  Ten times: a centroid is the sum of its words
    divided by their number plus one (the original starts the sizes at 1), scaled to unit
    length; each word then goes to the centroid with the largest dot product, the lowest number
    winning ties.
    """
    classes = np.arange(len(vectors), dtype=np.int64) % n_classes
    for _ in range(N_ITERATIONS):
        centroids, is_empty = _centroids(vectors, classes, n_classes)
        scores = _assign(vectors, centroids, is_empty, classes)
        classes[scores <= LOWEST_SCORE] = 0
    return classes


def spherical_kmeans(units: Rows, n_classes: int, n_starts: int = 10, seed: int = 1) -> Classes:
    """Class 0..n_classes-1 of every row of `units` (float32[n, dim] of length 1).

    The best, by the sum of cosines to the centroids, of `n_starts` runs from k-means++ seeds,
    each until no row changes its class.  The same seed gives the same classes.
    """
    if not 1 <= n_classes <= max(1, len(units)):
        raise ValueError(f"n_classes: expected 1 to {len(units)}, found {n_classes}")
    rng = np.random.default_rng(seed)
    best_classes, best_total = np.zeros(len(units), np.int64), -np.inf
    for _ in range(n_starts if len(units) else 0):
        centroids = units[_spread_seeds(units, n_classes, rng)]
        classes = np.full(len(units), -1, np.int64)
        is_empty = np.zeros(n_classes, np.bool_)
        for _ in range(_MAX_ITERATIONS):
            before = classes.copy()
            scores = _assign(units, centroids, is_empty, classes)
            if np.array_equal(before, classes):
                break
            centroids, is_empty = _centroids(units, classes, n_classes)
        total = float(scores.sum(dtype=np.float64))
        if total > best_total:
            best_classes, best_total = classes, total
    return best_classes


def _spread_seeds(units: Rows, n_seeds: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """k-means++: each further seed is drawn by its squared distance to the nearest one so far."""
    seeds = np.empty(n_seeds, np.int64)
    distances = np.ones(len(units))
    for k in range(n_seeds):
        total = distances.sum()
        share = distances / total if total > 0 else None  # None: only copies of seeds are left
        seeds[k] = rng.choice(len(units), p=share)
        to_seed = np.maximum(0, 2 - 2 * (units @ units[seeds[k]]).astype(np.float64))
        distances = to_seed if k == 0 else np.minimum(distances, to_seed)
    return seeds


def _assign(vectors: Rows, centroids: Rows, is_empty: NDArray[np.bool_], classes: Classes) -> Rows:
    """Write the class with the largest dot product into `classes`; gives these products."""
    best_scores = np.empty(len(vectors), np.float32)
    for start in range(0, len(vectors), ROWS_PER_BLOCK):
        block = slice(start, start + ROWS_PER_BLOCK)
        scores = vectors[block] @ centroids.T
        # The original's centroid of an empty class is 0/0, and NaN is never the larger.
        scores[:, is_empty] = -np.inf
        classes[block] = scores.argmax(axis=1)
        best_scores[block] = scores.max(axis=1)
    return best_scores


def _centroids(vectors: Rows, classes: Classes, n_classes: int) -> tuple[Rows, NDArray[np.bool_]]:
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
