"""The k rows nearest to each of many directions: scans that note candidates, exact scores for them.

Rows (the matrix) and Queries are shared by threads and only read; each thread has a Scan of its
own.  `Scan.run` works without the GIL on as many rows as it is given; `finish` turns the scans of
all threads into the answer, which depends neither on how the rows were split among them nor on
the instruction set (topk.h).
"""

from libc.math cimport sqrt
from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint16_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

import numpy as np

from wordvec.kernels import simd


cdef extern from "<stdlib.h>":
    int posix_memalign(void **memory, size_t alignment, size_t size) noexcept


cdef extern from "topk_finish.h" nogil:
    enum:
        WV_TILE_QUERIES
        WV_MOST_TILE_ROWS
        WV_PLANE_ROWS
    ctypedef struct wv_rows:
        const void *data
        int64_t n_rows
        int64_t dim
        int64_t stride
        int is_half
        const float *norms
    ctypedef struct wv_plane:
        const uint8_t *codes
        const float *scales
        const float *errors
        int64_t n_quads
        float longest
    ctypedef struct wv_queries:
        int64_t n
        int64_t dim
        int64_t stride
        const float *units
        const int8_t *codes
        const float *scales
        const float *margins
        const int32_t *starts
        const int64_t *excluded_starts
        const int64_t *excluded
        int64_t k
    ctypedef struct wv_top:
        pass
    ctypedef struct wv_scan:
        const wv_rows *rows
        const wv_plane *plane
        const wv_queries *queries
        int64_t first
        int64_t last
        wv_top *tops
        float *thresholds
        float *scratch
        int failed
    ctypedef struct wv_topk_ops:
        void (*scan_rows)(wv_scan *, int64_t, int64_t) noexcept nogil
        void (*scan_columns)(wv_scan *, int64_t, int64_t) noexcept nogil
        void (*scan_plane)(wv_scan *, int64_t, int64_t) noexcept nogil
        void (*pack_plane)(const wv_rows *, int64_t, int64_t, uint8_t *, float *, float *,
                           float *) noexcept nogil
        void (*exact_products)(const wv_rows *, const float *, const int64_t *, int64_t,
                               double *, double *, float *) noexcept nogil
        int plane_query_limit
    int64_t wv_padded_dim(int64_t) noexcept
    int64_t wv_scratch_floats(int64_t) noexcept
    int wv_unit_query(const float *, int64_t, int64_t, float *) noexcept
    double wv_query_codes(const float *, int64_t, int64_t, int, int8_t *, float *,
                          int32_t *) noexcept
    int64_t wv_rows_outside(const float *, int64_t, int64_t, int64_t *) noexcept
    int wv_finish(const wv_topk_ops *, wv_scan **, int, int64_t, const float *,
                  const int64_t *, int64_t, float *, int64_t *, float *) noexcept
    void wv_free_tops(wv_top *, int64_t) noexcept
    size_t sizeof_top "sizeof(wv_top)"


cdef extern from *:
    """
    static const wv_topk_ops *wv_topk_ops_of(int level, int vnni)
    {
    #if defined(__x86_64__)
        if (level == 2)
            return vnni ? &wv_topk_ops_vnni : &wv_topk_ops_avx512;
        if (level == 1)
            return &wv_topk_ops_avx2;
    #endif
        (void)level;
        (void)vnni;
        return &wv_topk_ops_baseline;
    }
    """
    const wv_topk_ops *wv_topk_ops_of(int level, int vnni) noexcept


BLOCK_ROWS = WV_MOST_TILE_ROWS  # pieces of a scan begin at multiples of this
METHODS = ("rows", "columns", "plane")


cdef const wv_topk_ops *_active_ops() except NULL:
    return wv_topk_ops_of(simd.active_level(), simd.vnni())


cdef void *_new_block(int64_t n_bytes) except NULL:
    """Zeroed memory on a cache line."""
    cdef void *memory = NULL
    cdef size_t size = <size_t>((n_bytes + 127) // 128 * 128 + 128)
    if posix_memalign(&memory, 128, size):
        raise MemoryError(f"no memory for {n_bytes} bytes of a search's scratch")
    memset(memory, 0, size)
    return memory


cdef class Rows:
    """A matrix float32 or float16[n_rows, dim], kept alive and only read, and the lengths of its
    rows float32[n_rows].  Numbers of a row lie side by side; rows may be further apart."""

    cdef wv_rows rows
    cdef object _owners

    def __init__(self, matrix, const float[::1] norms not None):
        cdef const float[:, :] floats
        cdef const uint16_t[:, :] halves
        if matrix.shape[0] != norms.shape[0]:
            raise ValueError(f"{norms.shape[0]} lengths for {matrix.shape[0]} rows")
        n_bytes = matrix.itemsize
        if matrix.shape[0] and matrix.shape[1] and (
            (matrix.shape[1] > 1 and matrix.strides[1] != n_bytes) or matrix.strides[0] % n_bytes
        ):
            raise ValueError("the numbers of a row must lie side by side")
        self.rows.n_rows, self.rows.dim = matrix.shape
        self.rows.stride = matrix.strides[0] // n_bytes
        if matrix.shape[0] and matrix.shape[1]:
            if matrix.dtype == np.float16:
                halves = matrix.view(np.uint16)
                self.rows.data = &halves[0, 0]
                self.rows.is_half = 1
            else:
                floats = matrix
                self.rows.data = &floats[0, 0]
            self.rows.norms = &norms[0]
        self._owners = (matrix, norms)

    @property
    def dim(self):
        """Numbers per row."""
        return self.rows.dim

    def outside(self, int64_t first, int64_t last):
        """int64: rows of first..last that have a direction, but no estimate in any scan."""
        if not 0 <= first <= last <= self.rows.n_rows:
            raise ValueError(f"rows {first} .. {last} of {self.rows.n_rows}")
        cdef int64_t n
        with nogil:
            n = wv_rows_outside(self.rows.norms, first, last, NULL)
        listed = np.empty(n, dtype=np.int64)
        cdef int64_t[::1] view = listed
        if n:
            wv_rows_outside(self.rows.norms, first, last, &view[0])
        return listed

    def lengths(self, int64_t first, int64_t last, float[::1] out not None):
        """out[i] = length of row first + i: computed in float64, rounded to float32."""
        if not 0 <= first <= last <= self.rows.n_rows or out.shape[0] != last - first:
            raise ValueError(f"rows {first} .. {last} of {self.rows.n_rows} into {out.shape[0]}")
        cdef const wv_topk_ops *ops = _active_ops()
        cdef float *scratch = <float *>_new_block(4 * wv_scratch_floats(self.rows.dim))
        cdef double product = 0, square = 0
        cdef float nothing = 0
        cdef int64_t row
        # The product with itself is wanted alone: any direction will do for the other.
        cdef float *direction = scratch + wv_padded_dim(self.rows.dim)
        with nogil:
            for row in range(first, last):
                if self.rows.dim == 0:
                    out[row - first] = nothing
                    continue
                ops.exact_products(&self.rows, direction, &row, 1, &product, &square, scratch)
                out[row - first] = <float>sqrt(square)
        free(scratch)


cdef class Plane:
    """The rows as 8-bit codes (wv_plane), over arrays that the caller owns; see `pack`."""

    cdef wv_plane plane
    cdef readonly int64_t n_rows
    cdef readonly int64_t dim
    cdef object _owners

    def __init__(self, int64_t n_rows, int64_t dim, codes, scales, errors):
        cdef const uint8_t[::1] code_bytes = codes
        cdef const float[::1] row_scales = scales
        cdef const float[::1] row_errors = errors
        cdef int64_t n_padded = (n_rows + BLOCK_ROWS - 1) // BLOCK_ROWS * BLOCK_ROWS
        self.n_rows, self.dim = n_rows, dim
        self.plane.n_quads = (dim + 3) // 4
        if (code_bytes.shape[0], row_scales.shape[0], row_errors.shape[0]) != (
            n_padded * 4 * self.plane.n_quads, n_padded, n_padded
        ):
            raise ValueError(
                f"a plane of {n_rows} rows of {dim} numbers: expected "
                f"{n_padded * 4 * self.plane.n_quads} codes, {n_padded} scales and errors, found "
                f"{code_bytes.shape[0]}, {row_scales.shape[0]} and {row_errors.shape[0]}"
            )
        # |scale * code| <= |row| + |rest|
        self.plane.longest = 1 + 1e-5 + float(errors.max(initial=0))
        if n_padded and dim:
            self.plane.codes = &code_bytes[0]
            self.plane.scales = &row_scales[0]
            self.plane.errors = &row_errors[0]
        self._owners = (codes, scales, errors)

    @staticmethod
    def pack(Rows rows not None, int64_t first, int64_t last, uint8_t[::1] codes not None,
             float[::1] scales not None, float[::1] errors not None):
        """Fill in what belongs to rows first..last, both multiples of BLOCK_ROWS (rows behind the
        last one are padding).  Several threads may fill in different parts."""
        cdef int64_t dim = rows.rows.dim, n_padded = scales.shape[0]
        if (first % BLOCK_ROWS or last % BLOCK_ROWS or not 0 <= first < last <= n_padded or not dim
                or errors.shape[0] != n_padded
                or codes.shape[0] != n_padded * 4 * ((dim + 3) // 4)):
            raise ValueError(f"rows {first} .. {last} of a plane of {n_padded}")
        cdef const wv_topk_ops *ops = _active_ops()
        cdef float *scratch = <float *>_new_block(4 * wv_scratch_floats(dim))
        with nogil:
            ops.pack_plane(&rows.rows, first, last, &codes[0], &scales[0], &errors[0], scratch)
        free(scratch)


cdef class Queries:
    """Directions float32[n, dim] (all with a direction), the number k of rows wanted for each, and
    the excluded rows: excluded[starts[i]:starts[i + 1]], ascending, for query i."""

    cdef wv_queries queries
    cdef const wv_topk_ops *ops
    cdef void *block
    cdef const float[:, ::1] directions
    cdef object _owners

    def __init__(self, const float[:, ::1] directions not None, int64_t k,
                 const int64_t[::1] starts not None, const int64_t[::1] excluded not None,
                 Plane plane=None):
        cdef int64_t n = directions.shape[0], dim = directions.shape[1]
        cdef int64_t n_padded = n + 2 * WV_TILE_QUERIES, stride = wv_padded_dim(dim)
        cdef int64_t n_codes = (dim + 3) // 4 * 4, i
        if dim == 0 or k < 1 or starts.shape[0] != n + 1 or starts[n] != excluded.shape[0]:
            raise ValueError("queries need a dimension, k >= 1 and n + 1 starts")
        self.ops = _active_ops()
        self.block = _new_block(n_padded * (4 * stride + n_codes + 12))
        cdef float *units = <float *>self.block
        cdef float *scales = units + n_padded * stride
        cdef float *margins = scales + n_padded
        cdef int32_t *code_starts = <int32_t *>(margins + n_padded)
        cdef int8_t *codes = <int8_t *>(code_starts + n_padded)
        for i in range(n):
            if not wv_unit_query(&directions[i, 0], dim, stride, units + i * stride):
                raise ValueError(f"query {i} has no direction")
            if plane is not None:
                rest = wv_query_codes(units + i * stride, dim, n_codes, self.ops.plane_query_limit,
                                      codes + i * n_codes, &scales[i], &code_starts[i])
                margins[i] = rest * plane.plane.longest * (1 + 1e-5)
        self.directions = directions
        self.queries.n, self.queries.dim, self.queries.stride = n, dim, stride
        self.queries.units, self.queries.codes = units, codes
        self.queries.scales, self.queries.margins = scales, margins
        self.queries.starts = code_starts
        self.queries.excluded_starts = &starts[0]
        if excluded.shape[0]:
            self.queries.excluded = &excluded[0]
        self.queries.k = k
        self._owners = (starts, excluded)

    def __dealloc__(self):
        free(self.block)


cdef class Scan:
    """One thread's candidates for all queries among rows first..last; see the module."""

    cdef wv_scan scan
    cdef Rows rows
    cdef Queries queries
    cdef Plane plane
    cdef int method
    cdef int64_t n_tops

    def __init__(self, Rows rows not None, Queries queries not None, str method,
                 int64_t first, int64_t last, Plane plane=None):
        cdef int64_t n = queries.queries.n, i
        if rows.rows.dim != queries.queries.dim or not 0 <= first <= last <= rows.rows.n_rows:
            raise ValueError(f"rows {first} .. {last} of {rows.rows.n_rows}")
        if (method == "plane") != (plane is not None) or (plane is not None and (
                plane.n_rows, plane.dim) != (rows.rows.n_rows, rows.rows.dim)):
            raise ValueError("the method 'plane' needs the plane of these rows, others none")
        self.rows, self.queries, self.plane = rows, queries, plane
        self.method = METHODS.index(method)
        self.scan.rows, self.scan.queries = &rows.rows, &queries.queries
        if plane is not None:
            self.scan.plane = &plane.plane
        self.scan.first, self.scan.last = first, last
        self.n_tops = n
        self.scan.tops = <wv_top *>calloc(n if n else 1, sizeof_top)
        if self.scan.tops == NULL:
            raise MemoryError(f"no memory for the candidates of {n} queries")
        self.scan.scratch = <float *>_new_block(4 * wv_scratch_floats(rows.rows.dim))
        self.scan.thresholds = <float *>_new_block(4 * (n + 2 * WV_TILE_QUERIES))
        for i in range(n + 2 * WV_TILE_QUERIES):
            self.scan.thresholds[i] = -float("inf") if i < n else float("inf")

    def __dealloc__(self):
        wv_free_tops(self.scan.tops, self.n_tops)
        free(self.scan.thresholds)
        free(self.scan.scratch)

    def run(self, int64_t first, int64_t last):
        """Note candidates among rows first..last: first a multiple of BLOCK_ROWS, last too or the
        scan's last row.  No row may be scanned twice, by this or another thread."""
        if first % BLOCK_ROWS or (last % BLOCK_ROWS and last != self.scan.last):
            raise ValueError(f"rows {first} .. {last}: not whole blocks")
        if not 0 <= first <= last <= max(self.scan.last, self.rows.rows.n_rows):
            raise ValueError(f"rows {first} .. {last} of {self.rows.rows.n_rows}")
        cdef const wv_topk_ops *ops = self.queries.ops
        with nogil:
            if self.method == 0:
                ops.scan_rows(&self.scan, first, last)
            elif self.method == 1:
                ops.scan_columns(&self.scan, first, last)
            else:
                ops.scan_plane(&self.scan, first, last)
        if self.scan.failed:
            raise MemoryError("no memory for the candidates of a search")


def finish(list scans not None, const int64_t[::1] outside not None, int64_t first, int64_t last,
           int64_t[:, ::1] found not None, float[:, ::1] cosines not None):
    """The answers to queries first..last from the scans of all threads, once they are all done.

    found and cosines [n_queries, at least k]: best first, ties by lower row; places that stay empty
    are not touched.  `outside`: Rows.outside.  Threads may finish different queries at once.
    """
    cdef Scan scan = scans[0]
    cdef Queries queries = scan.queries
    if (not 0 <= first <= last <= queries.queries.n or found.shape[0] != queries.queries.n
            or cosines.shape[0] != found.shape[0] or cosines.shape[1] != found.shape[1]
            or found.shape[1] < queries.queries.k):
        raise ValueError("found and cosines: expected a row for each query, and k columns")
    cdef wv_scan **pointers = <wv_scan **>_new_block(8 * len(scans))
    cdef float *scratch = <float *>_new_block(4 * wv_scratch_floats(queries.queries.dim))
    cdef int n_scans = len(scans), failed = 0
    cdef int64_t query
    cdef const int64_t *listed = &outside[0] if outside.shape[0] else NULL
    for number in range(n_scans):
        pointers[number] = &(<Scan>scans[number]).scan
    with nogil:
        for query in range(first, last):
            if wv_finish(queries.ops, pointers, n_scans, query, &queries.directions[query, 0],
                         listed, outside.shape[0], scratch, &found[query, 0], &cosines[query, 0]):
                failed = 1
                break
    free(pointers)
    free(scratch)
    if failed:
        raise MemoryError("no memory to score the candidates of a search")
