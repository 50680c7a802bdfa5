"""The rows nearest to some directions by cosine: exact, many directions at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK_NUMBERS = 1 << 20


def nearest_rows(
    matrix: NDArray[np.floating[Any]],
    norms: NDArray[np.float32],
    directions: NDArray[np.float32],
    n: int,
    *,
    excluded: Sequence[Sequence[int]] | None = None,
    first: int = 0,
    last: int | None = None,
    n_threads: int | None = None,
    plane: Any = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The `n` rows of first..last with the largest cosine to each direction.

    matrix      float32 or float16[n_rows, dim]; only read
    norms       float32[n_rows]: the length of each row
    directions  float32[n_directions, dim], of any length
    excluded    for each direction the rows that are not wanted

    Returns rows int64[n_directions, n], best first, and their cosines float32[n_directions, n];
    ordered by the float64 cosine, ties by lower row.  Rows without a direction (all zero, or not
    finite) are left out; places that stay empty have row -1 and cosine nan, as have all places of
    a query without a direction.
    """
    directions = np.asarray(directions, dtype=np.float32)
    if directions.ndim != 2 or directions.shape[1] != matrix.shape[1]:
        raise ValueError(
            f"directions: expected float32[n, {matrix.shape[1]}], found shape {directions.shape}"
        )
    if excluded is not None and len(excluded) != len(directions):
        raise ValueError(f"{len(excluded)} lists of excluded rows for {len(directions)} directions")
    last = len(matrix) if last is None else min(last, len(matrix))
    first, n = max(first, 0), max(n, 0)
    rows = np.full((len(directions), n), -1, dtype=np.int64)
    cosines = np.full((len(directions), n), np.nan, dtype=np.float32)
    if first >= last or n == 0:
        return rows, cosines
    for number, direction in enumerate(directions):
        scores = _scores(matrix, direction, first, last)
        if excluded is not None:
            wanted = [row - first for row in excluded[number] if first <= row < last]
            scores[wanted] = np.nan
        scores[~np.isfinite(scores)] = -np.inf
        worst = -np.inf
        if n < len(scores):
            worst = np.partition(scores, len(scores) - n)[len(scores) - n]
        found = np.flatnonzero((scores >= worst) & (scores > -np.inf))
        found = found[np.argsort(-scores[found], kind="stable")][:n]
        rows[number, : len(found)] = found + first
        cosines[number, : len(found)] = scores[found]
    return rows, cosines


def _scores(
    matrix: NDArray[Any], direction: NDArray[np.float32], first: int, last: int
) -> NDArray[np.float64]:
    """float64[last - first]: cosines; nan where a row has no direction."""
    exact = direction.astype(np.float64)
    scores = np.empty(last - first)
    step = max(1, _BLOCK_NUMBERS // max(1, matrix.shape[1]))
    with np.errstate(all="ignore"):
        exact /= np.sqrt(exact @ exact)
        for start in range(first, last, step):
            rows = matrix[start : min(start + step, last)].astype(np.float64)
            products = rows @ exact / np.sqrt(np.einsum("ij,ij->i", rows, rows))
            scores[start - first : start - first + len(rows)] = products
    return scores
