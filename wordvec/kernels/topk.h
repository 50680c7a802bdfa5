/* The k rows nearest to each of many directions: what the scans and the final scoring work on.
 *
 * A scan does not score: it *bounds*.  For each row and query it knows |estimate - cosine| <=
 * margin.  A row whose upper bound (estimate + margin) reaches the k-th best lower bound so far is
 * noted; in the end the noted rows that still reach it are scored in float64 (topk_select.h).  So
 * the answer is exact, and the same, whichever scan and instruction set found the candidates.
 */
#ifndef WORDVEC_TOPK_H
#define WORDVEC_TOPK_H

#include <stdint.h>

enum {
    WV_TILE_QUERIES = 6,   /* queries whose estimates stay in registers together */
    WV_MOST_TILE_ROWS = 64,
    WV_PLANE_ROWS = 16,    /* rows of one block of a plane */
    WV_PLANE_LIMIT = 127,  /* codes of rows and queries lie in -127 .. 127 ... */
    WV_PLANE_SHIFT = 128,  /* ... and rows are stored with this added, as unsigned bytes */
    WV_NARROW_LIMIT = 64,  /* queries' codes where sums of two products must fit 16 bits:
                              2 * 255 * 64 = 32,640 <= 32,767 */
};

/* Rows shorter or longer than this are left out of the scans and always scored in float64. */
#define WV_SHORTEST_NORM 0x1p-100f
#define WV_LONGEST_NORM 0x1p+120f

/* Rounding of the scaling to length 1 and of the last few operations on an estimate. */
#define WV_FLOAT_SLACK 1e-6f
#define WV_PLANE_SLACK 1e-5f

typedef struct {
    const void *data;   /* float, or IEEE half when is_half */
    int64_t n_rows, dim;
    int64_t stride;     /* numbers from row to row */
    int is_half;
    const float *norms; /* [n_rows] lengths of the rows */
} wv_rows;

/* Rows of length 1 as 8-bit codes: row = scale * code + rest, |rest| <= error.  Blocks of 16 rows,
 * each [n_quads][16 rows][4 bytes], so that one instruction advances 16 estimates by 4 numbers. */
typedef struct {
    const uint8_t *codes;
    const float *scales, *errors; /* [rows, rounded up to 64]; error -infinity: not in the scan */
    int64_t n_quads;              /* (dim + 3) / 4 */
    float longest;                /* of scale * code over all rows */
} wv_plane;

typedef struct {
    int64_t n, dim;
    int64_t stride;       /* floats from query to query, a multiple of 16; padding is 0 */
    const float *units;   /* [n rounded up to 6 + 6][stride], length 1 */
    const int8_t *codes;  /* [same][4 * n_quads] for the plane */
    const float *scales, *margins; /* [same] unit = scale * code + rest; margins: from the rest */
    const int32_t *starts;         /* [same] -WV_PLANE_SHIFT * sum of the codes */
    const int64_t *excluded_starts; /* [n + 1] */
    const int64_t *excluded;        /* rows not wanted, ascending for each query */
    int64_t k;
} wv_queries;

/* The candidates of one query. */
typedef struct {
    float *lowers; /* heap of the k best lower bounds, the smallest first */
    int64_t n_lowers, lowers_capacity;
    int64_t *rows;
    float *uppers;
    int64_t n, capacity;
} wv_top;

/* One thread's work.  thresholds[q]: the k-th best lower bound so far; +infinity for padding. */
typedef struct {
    const wv_rows *rows;
    const wv_plane *plane;
    const wv_queries *queries;
    int64_t first, last; /* rows asked for */
    wv_top *tops;        /* [n] */
    float *thresholds;   /* [n rounded up to 6 + 6] */
    float *scratch;      /* wv_scratch_floats(dim) */
    int failed;          /* out of memory */
} wv_scan;

typedef struct {
    /* Note the candidates among rows first .. last; a multiple of 64 first.  Row by row (few
     * queries), rows turned to columns (many), or from the plane. */
    void (*scan_rows)(wv_scan *, int64_t first, int64_t last);
    void (*scan_columns)(wv_scan *, int64_t first, int64_t last);
    void (*scan_plane)(wv_scan *, int64_t first, int64_t last);
    /* Codes, scales and errors of rows first .. last (first a multiple of 64). */
    void (*pack_plane)(const wv_rows *, int64_t first, int64_t last, uint8_t *codes,
                       float *scales, float *errors, float *scratch);
    /* float64 scalar products of the listed rows with `direction` (and with themselves). */
    void (*exact_products)(const wv_rows *, const float *direction, const int64_t *listed,
                           int64_t n, double *products, double *squares, float *scratch);
    int plane_query_limit; /* largest code of a query that scan_plane takes */
} wv_topk_ops;

extern const wv_topk_ops wv_topk_ops_baseline;
#if defined(__x86_64__)
extern const wv_topk_ops wv_topk_ops_avx2;
extern const wv_topk_ops wv_topk_ops_avx512;
extern const wv_topk_ops wv_topk_ops_vnni;
#endif

static inline int64_t wv_padded_dim(int64_t dim) { return (dim + 15) / 16 * 16; }

/* Scratch rows are 16 floats longer than they need be: a power of two would put them all into the
 * same few places of the cache. */
static inline int64_t wv_scratch_stride(int64_t dim) { return wv_padded_dim(dim) + 16; }

static inline int64_t wv_scratch_floats(int64_t dim)
{
    return wv_scratch_stride(dim) * (16 + WV_MOST_TILE_ROWS);
}

static inline int wv_in_scan(float norm)
{
    return norm >= WV_SHORTEST_NORM && norm <= WV_LONGEST_NORM;
}

#endif
