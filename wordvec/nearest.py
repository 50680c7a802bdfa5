"""The rows nearest to some directions by cosine: exact, many directions at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.kernels import topk
from wordvec.plane import Plane, by_workers, kernel_rows, n_cores, piece_rows

# More queries than this and it pays to turn blocks of rows to columns.
MOST_QUERIES_BY_ROWS = 12
# Queries of one pass over the matrix: their codes and thresholds stay in the cache.
_MOST_QUERIES = 2048
_MOST_CANDIDATES = 1 << 23  # rows wanted by all queries of one pass together, for memory
_PIECE_PRODUCTS = 1 << 26  # multiplications per kernel call: some milliseconds


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
    plane: Plane | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The `n` rows of first..last with the largest cosine to each direction.

    matrix      float32 or float16[n_rows, dim]; only read, never copied as a whole
    norms       float32[n_rows]: the length of each row, as plane.row_norms gives it
    directions  float32[n_directions, dim], of any length
    excluded    for each direction the rows that are not wanted
    n_threads   None: all cores.  The answer does not depend on it.
    plane       of this matrix: faster, with the same answer

    Returns rows int64[n_directions, n], best first, and their cosines float32[n_directions, n];
    ordered by the float64 cosine, ties by lower row.  Rows without a direction (all zero, or not
    finite) are left out; places that stay empty have row -1 and cosine nan, as have all places of
    a query without a direction.  Ctrl-C is answered within a fraction of a second.
    """
    directions = np.ascontiguousarray(directions, dtype=np.float32)
    if directions.ndim != 2 or directions.shape[1] != matrix.shape[1]:
        raise ValueError(
            f"directions: expected float32[n, {matrix.shape[1]}], found shape {directions.shape}"
        )
    if excluded is not None and len(excluded) != len(directions):
        raise ValueError(f"{len(excluded)} lists of excluded rows for {len(directions)} directions")
    last = len(matrix) if last is None else min(last, len(matrix))
    first, n = max(first, 0), max(n, 0)
    found = np.full((len(directions), n), -1, dtype=np.int64)
    cosines = np.full((len(directions), n), np.nan, dtype=np.float32)
    if first >= last or n == 0 or matrix.shape[1] == 0:
        return found, cosines
    rows = kernel_rows(matrix, norms)
    k = min(n, last - first)
    outside = rows.outside(first, last)
    step = max(1, min(_MOST_QUERIES, _MOST_CANDIDATES // k))
    live = _with_a_direction(directions)
    for begin in range(0, len(live), step):
        part = live[begin : begin + step]
        starts, listed = _flat(excluded, part)
        queries = topk.Queries(
            directions[part], k, starts, listed, None if plane is None else plane.kernel
        )
        answer = found[part], cosines[part]
        _search(rows, queries, (first, last), outside, answer, n_threads, plane)
        found[part], cosines[part] = answer
    return found, cosines


def _search(
    rows: topk.Rows,
    queries: topk.Queries,
    limits: tuple[int, int],
    outside: NDArray[np.int64],
    answer: tuple[NDArray[np.int64], NDArray[np.float32]],
    n_threads: int | None,
    plane: Plane | None,
) -> None:
    """Scan the rows between the limits for all queries at once and fill in the answer."""
    found, cosines = answer
    first, last = limits
    n_queries = len(found)
    kernel = None if plane is None else plane.kernel
    method = method_for(n_queries) if plane is None else "plane"
    n_threads = n_cores() if n_threads is None else max(1, n_threads)
    scans: list[topk.Scan] = []

    def scanner() -> Callable[[int, int], None]:
        scan = topk.Scan(rows, queries, method, first, last, kernel)
        scans.append(scan)
        return scan.run

    def finish(start: int, end: int) -> None:
        topk.finish(scans, outside, start, end, found, cosines)

    begin = first // topk.BLOCK_ROWS * topk.BLOCK_ROWS
    products = n_queries * rows.dim  # of one row
    piece = piece_rows(min(_PIECE_PRODUCTS // products, (last - begin) // n_threads // 4))
    if (last - begin) * products < _PIECE_PRODUCTS // 16:
        piece = last - begin  # so little that starting threads would take longer
    by_workers(scanner, range(begin, last), piece, n_threads)
    piece = max(16, -(-n_queries // (8 * n_threads)))
    by_workers(lambda: finish, range(n_queries), piece, n_threads)


def method_for(n_queries: int) -> str:
    """How to scan without a plane."""
    return "rows" if n_queries <= MOST_QUERIES_BY_ROWS else "columns"


def _with_a_direction(directions: NDArray[np.float32]) -> NDArray[np.int64]:
    """The numbers of those that are finite and not all zero."""
    exact = directions.astype(np.float64)
    squares = np.einsum("ij,ij->i", exact, exact)
    return np.flatnonzero(np.isfinite(squares) & (squares > 0))


def _flat(
    excluded: Sequence[Sequence[int]] | None, part: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the list of each query in `part` starts, and the lists themselves, each ascending."""
    starts = np.zeros(len(part) + 1, dtype=np.int64)
    if excluded is None:
        return starts, np.empty(0, dtype=np.int64)
    lists = [excluded[number] for number in part]
    lengths = [len(rows) for rows in lists]
    np.cumsum(lengths, out=starts[1:])
    listed = np.fromiter(chain.from_iterable(lists), dtype=np.int64, count=int(starts[-1]))
    query = np.repeat(np.arange(len(part)), lengths)
    return starts, listed[np.lexsort((listed, query))]
