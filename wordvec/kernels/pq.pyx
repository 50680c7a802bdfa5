"""Product quantiser: k-means in a sub-space, codes of rows, and means of coded rows.

A row of `dim` numbers is cut into parts of `dsub` (the last may be shorter), and each part is
kept as the number of the nearest of its 256 centroids.  The centroids of part p begin at number
p * 256 * dsub of a flat array, one after the other.  Nothing here starts a thread.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

from wordvec.kernels import simd


cdef extern from "random.h":
    uint64_t wv_key(uint64_t seed, uint64_t a, uint64_t b) noexcept nogil


cdef extern from "pq_kmeans.h" nogil:
    enum:
        WV_PQ_CENTROIDS
    ctypedef struct wv_pq_ops:
        pass
    ctypedef struct wv_pq_coder:
        pass
    ctypedef struct wv_pq_rows:
        const uint8_t *codes
        const float *centroids
        const uint8_t *norm_codes
        const float *norm_centroids
        int64_t dim
        int64_t dsub
        int64_t n_parts
    int wv_pq_kmeans(const wv_pq_ops *, const float *, int64_t, int64_t, int64_t, int64_t,
                     uint64_t, float *) noexcept
    int wv_pq_coder_make(wv_pq_coder *, const float *, int64_t, int64_t) noexcept
    void wv_pq_coder_free(wv_pq_coder *) noexcept
    int64_t wv_pq_encode(const wv_pq_ops *, wv_pq_coder *, const char *, int64_t, int64_t,
                         const float *, uint8_t *) noexcept
    void wv_pq_add(const char *, int64_t, int64_t, int64_t, int64_t, const float *,
                   const uint8_t *, int64_t, int64_t, double *, int64_t *) noexcept
    void wv_pq_mean(const wv_pq_rows *, const int32_t *, int64_t, float *) noexcept


cdef extern from *:
    """
    static const wv_pq_ops *wv_pq_ops_of(int level)
    {
    #if defined(__x86_64__)
        if (level == 2)
            return &wv_pq_ops_avx512;
        if (level == 1)
            return &wv_pq_ops_avx2;
    #endif
        (void)level;
        return &wv_pq_ops_baseline;
    }
    """
    const wv_pq_ops *wv_pq_ops_of(int level) noexcept


N_CENTROIDS = WV_PQ_CENTROIDS


def n_parts_of(int64_t dim, int64_t dsub):
    """How many parts a row has; ValueError unless both are at least 1."""
    if dim < 1 or dsub < 1:
        raise ValueError(f"dim {dim}, dsub {dsub}: expected at least 1")
    return dim // dsub + (dim % dsub != 0)


cdef int64_t _check(int64_t dim, int64_t dsub, int64_t n_centroid_numbers) except -1:
    cdef int64_t n_parts = n_parts_of(dim, dsub)
    if n_centroid_numbers != dim * WV_PQ_CENTROIDS:
        raise ValueError(f"{n_centroid_numbers} numbers for {WV_PQ_CENTROIDS} centroids of {dim}")
    return n_parts


def train_part(
    const float[:, :] rows not None, float[:, ::1] centroids not None, uint64_t seed=0,
    int64_t part=0, int64_t n_rounds=25,
):
    """k-means over the rows float32[n, d], n at least 256; fills centroids float32[256, d].

    Starts from rows drawn by (seed, part), far from each other.  ValueError for
    numbers that are not finite (or whose squares are not), MemoryError.
    """
    cdef const wv_pq_ops *ops = wv_pq_ops_of(simd.active_level())
    cdef int64_t n = rows.shape[0], d = rows.shape[1]
    cdef int result
    if n < WV_PQ_CENTROIDS or d < 1:
        raise ValueError(f"expected at least {WV_PQ_CENTROIDS} rows, found {n} of {d} numbers")
    if centroids.shape[0] != WV_PQ_CENTROIDS or centroids.shape[1] != d:
        raise ValueError(f"centroids: expected [{WV_PQ_CENTROIDS}, {d}]")
    if (d > 1 and rows.strides[1] != 4) or rows.strides[0] % 4:
        raise ValueError("the columns of a row must lie side by side")
    cdef uint64_t key = wv_key(seed, 0x7071, <uint64_t>part)
    with nogil:
        result = wv_pq_kmeans(ops, &rows[0, 0], rows.strides[0] // 4, n, d, n_rounds, key,
                              &centroids[0, 0])
    if result == -1:
        raise MemoryError(f"no memory for {n} points of {d} numbers")
    if result:
        raise ValueError("numbers that are not finite, or far too large")


cdef int _check_rows(
    const float[:, :] rows, const uint8_t[:, ::1] codes, int64_t n_parts, const float[::1] norms
) except -1:
    """ValueError when rows, codes and norms do not fit together."""
    cdef int64_t n = rows.shape[0]
    if codes.shape[0] != n or codes.shape[1] != n_parts:
        raise ValueError(f"codes: expected [{n}, {n_parts}], found {codes.shape[0]}")
    if norms is not None and norms.shape[0] != n:
        raise ValueError(f"{norms.shape[0]} norms for {n} rows")
    if rows.shape[1] > 1 and rows.strides[1] != 4:
        raise ValueError("the columns of a row must lie side by side")
    return 0


def encode(
    const float[:, :] rows not None, const float[::1] centroids not None, int64_t dsub,
    uint8_t[:, ::1] codes not None, const float[::1] norms=None,
):
    """codes[i] (uint8[n, n_parts]) = numbers of the centroids nearest to row i's parts.

    Rows float32[n, dim] at any byte, columns side by side; divided by norms[i] where norms are
    given and not 0.  ValueError for numbers that are not finite; MemoryError.
    """
    cdef const wv_pq_ops *ops = wv_pq_ops_of(simd.active_level())
    cdef wv_pq_coder coder
    cdef int64_t n = rows.shape[0], dim = rows.shape[1], bad = -1
    cdef int64_t n_parts = _check(dim, dsub, centroids.shape[0])
    _check_rows(rows, codes, n_parts, norms)
    if n == 0:
        return
    cdef bint has_memory
    cdef const float *norm = NULL
    if norms is not None:
        norm = &norms[0]
    with nogil:
        has_memory = wv_pq_coder_make(&coder, &centroids[0], dim, dsub)
        if has_memory:
            bad = wv_pq_encode(ops, &coder, <const char *>&rows[0, 0], rows.strides[0], n, norm,
                               &codes[0, 0])
        wv_pq_coder_free(&coder)
    if not has_memory:
        raise MemoryError("no memory for the tables of a product quantiser")
    if bad >= 0:
        raise ValueError(f"rows {bad} to {min(bad + 63, n - 1)}: numbers that are not finite, "
                         "or far too large")


def add_rows(
    const float[:, :] rows not None, int64_t dsub, const uint8_t[:, ::1] codes not None,
    int64_t first_part, int64_t end_part, double[::1] sums not None,
    int64_t[:, ::1] sizes not None, const float[::1] norms=None,
):
    """Adds parts first_part to end_part of each row to the cluster that its code names.

    sums: float64[dim * 256], laid out as centroids; sizes: int64[n_parts, 256]; both only grow, and
    only those parts, so that threads may share them part by part.  Rows and norms as for encode.
    """
    cdef int64_t n = rows.shape[0], dim = rows.shape[1]
    cdef int64_t n_parts = _check(dim, dsub, sums.shape[0])
    _check_rows(rows, codes, n_parts, norms)
    if sizes.shape[0] != n_parts or sizes.shape[1] != WV_PQ_CENTROIDS:
        raise ValueError(f"sizes: expected [{n_parts}, {WV_PQ_CENTROIDS}]")
    if not 0 <= first_part <= end_part <= n_parts:
        raise ValueError(f"parts {first_part} to {end_part} of {n_parts}")
    if n == 0:
        return
    cdef const float *norm = NULL
    if norms is not None:
        norm = &norms[0]
    with nogil:
        wv_pq_add(<const char *>&rows[0, 0], rows.strides[0], n, dim, dsub, norm, &codes[0, 0],
                  first_part, end_part, &sums[0], &sizes[0, 0])


def mean_rows(
    const uint8_t[:, ::1] codes not None, const float[::1] centroids not None, int64_t dsub,
    const int64_t[::1] starts not None, const int32_t[::1] ids not None,
    int64_t first, int64_t end, float[:, :] out not None,
    const uint8_t[::1] norm_codes=None, const float[::1] norm_centroids=None,
):
    """out[i - first] = mean of the coded rows ids[starts[i]:starts[i + 1]], first <= i < end.

    A row is its centroids, times its norm (norm_centroids[norm_codes[row]]) where those are given.
    Summed in their order in float32, products rounded first, then multiplied by 1 / n:
    fastText's bits.  Zeros where there is no id.  ValueError for ids that are no rows.
    """
    cdef wv_pq_rows source
    cdef int64_t i, n_rows = codes.shape[0], dim = out.shape[1]
    cdef int64_t n_parts = _check(dim, dsub, centroids.shape[0])
    cdef bint fits = True
    if codes.shape[1] != n_parts:
        raise ValueError(f"codes: expected {n_parts} a row, found {codes.shape[1]}")
    if (norm_codes is None) != (norm_centroids is None):
        raise ValueError("norm_codes and norm_centroids go together")
    if norm_codes is not None and (
        norm_codes.shape[0] != n_rows or norm_centroids.shape[0] != WV_PQ_CENTROIDS
    ):
        raise ValueError(f"expected {n_rows} norm_codes and {WV_PQ_CENTROIDS} norm_centroids")
    if not 0 <= first <= end < starts.shape[0] or out.shape[0] < end - first:
        raise ValueError(f"lists {first} to {end} of {starts.shape[0] - 1}, into {out.shape[0]}")
    if dim > 1 and out.strides[1] != 4:
        raise ValueError("the columns of a row must lie side by side")
    if first == end:
        return
    if starts[first] < 0 or starts[end] > ids.shape[0]:
        raise ValueError("starts do not fit the ids")
    with nogil:
        for i in range(first, end):
            fits = fits and starts[i] <= starts[i + 1]
        if fits:
            for i in range(starts[first], starts[end]):
                fits = fits and 0 <= ids[i] < n_rows
    if not fits:
        raise ValueError(f"an id is none of the {n_rows} rows, or starts fall")
    source.codes = &codes[0, 0] if n_rows else NULL
    source.centroids = &centroids[0]
    source.norm_codes = NULL
    source.norm_centroids = NULL
    if norm_codes is not None and n_rows:
        source.norm_codes = &norm_codes[0]
        source.norm_centroids = &norm_centroids[0]
    source.dim = dim
    source.dsub = dsub
    source.n_parts = n_parts
    cdef const int32_t *first_id = &ids[0] if ids.shape[0] else NULL
    with nogil:
        for i in range(first, end):
            wv_pq_mean(&source, first_id + starts[i], starts[i + 1] - starts[i],
                       &out[i - first, 0])
