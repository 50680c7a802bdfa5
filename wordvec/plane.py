"""A plane: the rows as 8-bit codes with proven bounds, for faster exact searches.

It costs a quarter of a float32 matrix and never changes an answer: what its scan cannot rule out
is scored in float64 from the rows themselves (kernels/topk).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.kernels import simd, topk
from wordvec.threads import Stop, run_workers

_SMALLEST_MATRIX = 1 << 21  # numbers: below, a search is quick anyway
_PIECE_NUMBERS = 1 << 22  # numbers per kernel call: some milliseconds


@dataclass(frozen=True)
class Plane:
    """The codes of a matrix's rows.  The arrays may be memory-mapped; they are only read.

    codes   uint8[padded * 4 * ceil(dim / 4)], padded = n_rows rounded up to 64; blocks of 16 rows,
            in each for every 4 numbers the 4 bytes of each row
    scales  float32[padded]: what one step of a row's codes stands for
    errors  float32[padded]: an upper bound of the length of what the codes miss
    """

    n_rows: int
    dim: int
    codes: NDArray[np.uint8]
    scales: NDArray[np.float32]
    errors: NDArray[np.float32]
    kernel: topk.Plane = field(repr=False, compare=False)

    @classmethod
    def from_arrays(
        cls,
        n_rows: int,
        dim: int,
        codes: NDArray[np.uint8],
        scales: NDArray[np.float32],
        errors: NDArray[np.float32],
    ) -> Plane:
        """A plane over arrays that were written from another one; ValueError when their lengths
        do not fit.  They must belong to the matrix: nothing checks that."""
        kernel = topk.Plane(n_rows, dim, codes, scales, errors)
        return cls(n_rows, dim, codes, scales, errors, kernel)

    @property
    def n_bytes(self) -> int:
        return self.codes.nbytes + self.scales.nbytes + self.errors.nbytes


def pack_plane(
    matrix: NDArray[np.floating[Any]], norms: NDArray[np.float32], n_threads: int | None = None
) -> Plane:
    """The plane of a matrix float32 or float16[n_rows, dim] whose rows have these lengths."""
    n_rows, dim = matrix.shape
    n_padded = -(-n_rows // topk.BLOCK_ROWS) * topk.BLOCK_ROWS
    codes = np.empty(n_padded * 4 * -(-dim // 4), dtype=np.uint8)
    scales, errors = np.zeros(n_padded, dtype=np.float32), np.zeros(n_padded, dtype=np.float32)
    if n_rows and dim:
        rows = kernel_rows(matrix, norms)
        over_pieces(
            lambda first, last: topk.Plane.pack(rows, first, last, codes, scales, errors),
            n_padded,
            piece_rows(_PIECE_NUMBERS // dim),
            n_threads,
        )
    return Plane.from_arrays(n_rows, dim, codes, scales, errors)


def plane_pays(matrix: NDArray[Any]) -> bool:
    """Whether a plane of this matrix makes searches faster on this machine whatever the rows are.

    Without VNNI queries have 7 bits, and the bounds of trained vectors leave many rows to be scored
    again: analogies on 70,000 of them took twice the time of the float32 scan.  A plane that was
    asked for is used all the same (random rows: half the time).
    """
    return matrix.size >= _SMALLEST_MATRIX and simd.vnni()


def row_norms(
    matrix: NDArray[np.floating[Any]], n_threads: int | None = None
) -> NDArray[np.float32]:
    """float32[n_rows]: the lengths of the rows, computed in float64."""
    n_rows, dim = matrix.shape
    norms = np.empty(n_rows, dtype=np.float32)
    rows = kernel_rows(matrix, norms)
    over_pieces(
        lambda first, last: rows.lengths(first, last, norms[first:last]),
        n_rows,
        piece_rows(_PIECE_NUMBERS // max(dim, 1)),
        n_threads,
    )
    return norms


def kernel_rows(matrix: NDArray[np.floating[Any]], norms: NDArray[np.float32]) -> topk.Rows:
    """The matrix as the kernels take it; copied only when its rows are scattered or foreign."""
    if matrix.dtype not in (np.float32, np.float16):
        raise TypeError(f"matrix: expected float32 or float16, found {matrix.dtype}")
    n_bytes = matrix.itemsize
    scattered = matrix.shape[1] > 1 and matrix.strides[1] != n_bytes
    if scattered or matrix.strides[0] % n_bytes or not matrix.flags.aligned:
        matrix = np.array(matrix, order="C")
    return topk.Rows(matrix, norms)


def piece_rows(n_rows: int) -> int:
    """About `n_rows`, as a multiple of what the kernels want pieces to begin at."""
    return max(1, n_rows // topk.BLOCK_ROWS) * topk.BLOCK_ROWS


def n_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def over_pieces(
    work: Callable[[int, int], object], n: int, piece: int, n_threads: int | None = None
) -> None:
    """work(first, last) for all pieces of 0..n, by `n_threads` threads (None: all cores).

    Ctrl-C is answered between pieces.  A single piece is done by the calling thread.
    """
    by_workers(lambda: work, range(n), piece, n_threads)


def by_workers(
    worker: Callable[[], Callable[[int, int], object]],
    span: range,
    piece: int,
    n_threads: int | None = None,
) -> None:
    """As over_pieces, for `span`, with a work = worker() of its own for each thread."""
    starts = span[::piece]
    if len(starts) <= 1:
        if len(span):
            worker()(span.start, span.stop)
        return
    todo = iter(starts)
    lock = threading.Lock()

    def run(number: int, stop: Stop) -> None:
        work = worker()
        while not stop.requested:
            with lock:
                first = next(todo, None)
            if first is None:
                return
            work(first, min(first + piece, span.stop))

    wanted = n_cores() if n_threads is None else max(1, n_threads)
    if run_workers(run, min(wanted, len(starts))).interrupted:
        raise KeyboardInterrupt
