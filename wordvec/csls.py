"""CSLS: cosine corrected for hubs, the rows that are near to everything (Conneau et al. 2018).

csls(x, y) = 2 cos(x, y) - r(x) - r(y), where r is the mean cosine to the k nearest rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.nearest import nearest_rows
from wordvec.plane import Plane

NEIGHBOURS = 10
_ROWS_AT_ONCE = 2048


def neighbourhoods(
    matrix: NDArray[np.floating[Any]],
    norms: NDArray[np.float32],
    *,
    neighbours: int = NEIGHBOURS,
    n_threads: int | None = None,
    plane: Plane | None = None,
) -> NDArray[np.float32]:
    """float32[n_rows]: the mean cosine of each row to its nearest others; nan without any.

    Compares every row with every other: 70,000 rows take seconds, a million most of an hour.
    """
    means = np.empty(len(matrix), dtype=np.float32)
    for start in range(0, len(matrix), _ROWS_AT_ONCE):
        rows = range(start, min(start + _ROWS_AT_ONCE, len(matrix)))
        _, cosines = nearest_rows(
            matrix, norms, matrix[rows.start : rows.stop].astype(np.float32), neighbours,
            excluded=[[row] for row in rows], n_threads=n_threads, plane=plane,
        )  # fmt: skip
        means[rows.start : rows.stop] = _means(cosines)
    return means


def csls_rows(
    matrix: NDArray[np.floating[Any]],
    norms: NDArray[np.float32],
    directions: NDArray[np.float32],
    n: int,
    means: NDArray[np.float32],
    *,
    excluded: Sequence[Sequence[int]] | None = None,
    neighbours: int = NEIGHBOURS,
    n_threads: int | None = None,
    plane: Plane | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The `n` rows with the largest CSLS to each direction; `means` as neighbourhoods gives them.

    Arguments and result as in nearest_rows, with CSLS values instead of cosines.  Exact for the
    float32 cosines: rows are fetched in the order of the cosine until none behind can be better.
    """
    n = max(n, 0)
    rows = np.full((len(directions), n), -1, dtype=np.int64)
    values = np.full((len(directions), n), np.nan, dtype=np.float32)
    usable = np.isfinite(means)
    left = np.arange(len(directions))
    fetched = max(4 * n, neighbours, 64)
    if not n or not usable.any():
        return rows, values
    smallest = float(means[usable].min())
    while len(left):
        fetched = min(fetched, len(matrix))
        lists = None if excluded is None else [excluded[number] for number in left.tolist()]
        near, cosines = nearest_rows(
            matrix, norms, directions[left], fetched,
            excluded=lists, n_threads=n_threads, plane=plane,
        )  # fmt: skip
        own = _means(cosines[:, :neighbours])
        scores = 2 * cosines.astype(np.float64) - own[:, None] - means[near]
        # Behind what was fetched, cosines are no larger and means no smaller than this.
        beyond = 2 * cosines[:, -1].astype(np.float64) - own - smallest
        scores[(near < 0) | ~np.isfinite(scores)] = -np.inf
        undecided = []
        for place, query in enumerate(left):
            order = np.lexsort((near[place], -scores[place]))[:n]
            is_all = fetched == len(matrix) or near[place, -1] < 0
            if not is_all and not scores[place, order[-1]] > beyond[place]:
                undecided.append(query)
                continue
            order = order[scores[place, order] > -np.inf]
            rows[query, : len(order)] = near[place, order]
            values[query, : len(order)] = scores[place, order]
        left = np.array(undecided, dtype=np.int64)
        fetched *= 4
    return rows, values


def _means(cosines: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean of each row's numbers that are there; nan where none is."""
    there = ~np.isnan(cosines)
    sums = np.where(there, cosines, 0).sum(axis=1, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return np.asarray(sums / there.sum(axis=1), dtype=np.float32)
