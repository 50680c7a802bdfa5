/* The scans of wv_topk_ops, written once; included by topk_baseline.c and its siblings. */
#include <math.h>

#include "topk_select.h"
#include "topk_rows.h"
#include "topk_vector.h"

#if VN == 16
enum { TILE_VECTORS = 4 }; /* with 6 queries: 24 of 32 registers hold estimates */
#else
enum { TILE_VECTORS = 2 }; /* 12 of 16 */
#endif
enum { TILE_ROWS = TILE_VECTORS * VN, TQ = WV_TILE_QUERIES };

WV_INLINE const char *prefetch_lines(const char *next, const int n)
{
    WV_UNROLL
    for (int line = 0; line < n; line++, next += 64)
        __builtin_prefetch(next, 0, 3);
    return next;
}

/* Offer the rows whose bits are set; estimates[v * VN + i] belongs to row + v * apart + i. */
static __attribute__((noinline)) void offer_hits(wv_scan *scan, int64_t query, int64_t row,
                                                 int64_t apart, uint64_t hits,
                                                 const float *estimates, const float *errors,
                                                 float margin)
{
    for (; hits; hits &= hits - 1) {
        int i = __builtin_ctzll(hits);
        int64_t at = row + i / VN * apart + i % VN;
        float error = errors == NULL ? 0 : errors[at];
        wv_offer(scan, query, at, estimates[i] + margin, 2 * (margin + error));
    }
}

/* Tile of `n` queries x TILE_VECTORS times VN rows, `apart` rows from one to the next: compare the
 * estimates with what each query still needs. */
WV_INLINE void offer_tile(wv_scan *scan, int64_t query, const int n, int64_t row, int64_t apart,
                          VF estimates[TQ][TILE_VECTORS], const float *errors,
                          const float *margins, float slack)
{
    WV_UNROLL
    for (int q = 0; q < n; q++) {
        float margin = slack + (margins == NULL ? 0 : margins[query + q]);
        VF needed = v_set(scan->thresholds[query + q] - margin);
        uint64_t hits = 0;
        WV_UNROLL
        for (int v = 0; v < TILE_VECTORS; v++)
            hits |= v_at_least(estimates[q][v], needed) << (v * VN);
        if (__builtin_expect(hits != 0, 0)) {
            float stored[TILE_ROWS] __attribute__((aligned(64)));
            for (int v = 0; v < TILE_VECTORS; v++)
                v_store(stored + v * VN, estimates[q][v]);
            offer_hits(scan, query + q, row, apart, hits, stored, errors, margin);
        }
    }
}

/* ---- many queries: rows turned to columns ---- */

static float float_slack(int64_t dim) { return 6.6e-8f * (float)dim + WV_FLOAT_SLACK; }

WV_INLINE void columns_tile(wv_scan *scan, const float *columns, int64_t query, const int n,
                            int64_t row, const char *next)
{
    const wv_queries *queries = scan->queries;
    const float *unit = queries->units + query * queries->stride;
    int64_t dim = queries->dim, stride = queries->stride;
    VF sums[TQ][TILE_VECTORS];
    WV_UNROLL
    for (int q = 0; q < n; q++)
        WV_UNROLL
        for (int v = 0; v < TILE_VECTORS; v++)
            sums[q][v] = v_zero();
    for (int64_t k = 0; k < dim; k++) {
        VF column[TILE_VECTORS];
        if (next != NULL) /* a part of the rows after these */
            next = prefetch_lines(next, (TILE_ROWS + 15) / 16);
        WV_UNROLL
        for (int v = 0; v < TILE_VECTORS; v++)
            column[v] = v_load(columns + k * TILE_ROWS + v * VN);
        WV_UNROLL
        for (int q = 0; q < n; q++) {
            VF number = v_set(unit[q * stride + k]);
            WV_UNROLL
            for (int v = 0; v < TILE_VECTORS; v++)
                sums[q][v] = v_fma(column[v], number, sums[q][v]);
        }
    }
    offer_tile(scan, query, n, row, VN, sums, NULL, NULL, float_slack(dim));
}

/* Call tile(..., n, ...) with a constant n, so that its loops unroll. */
#define WITH_CONSTANT_N(tile, n, before, after)                                            \
    switch (n) {                                                                           \
    case 1: tile(WV_BEFORE before, 1, WV_AFTER after); break;                              \
    case 2: tile(WV_BEFORE before, 2, WV_AFTER after); break;                              \
    case 3: tile(WV_BEFORE before, 3, WV_AFTER after); break;                              \
    case 4: tile(WV_BEFORE before, 4, WV_AFTER after); break;                              \
    case 5: tile(WV_BEFORE before, 5, WV_AFTER after); break;                              \
    default: tile(WV_BEFORE before, 6, WV_AFTER after);                                    \
    }
#define WV_BEFORE(...) __VA_ARGS__
#define WV_AFTER(...) __VA_ARGS__

/* Queries of the next tile: 6 at a time, the last two tiles evened out (7 = 4 + 3, not 6 + 1). */
WV_INLINE int tile_queries(int64_t left)
{
    return left <= TQ ? (int)left : left < 2 * TQ ? (int)(left + 1) / 2 : TQ;
}

static void scan_columns(wv_scan *scan, int64_t first, int64_t last)
{
    int64_t dim = scan->queries->dim, stride = wv_scratch_stride(dim);
    float *rows = scan->scratch, *columns = rows + 16 * stride;
    for (int64_t row = first; row < last && !scan->failed; row += TILE_ROWS) {
        for (int v = 0; v < TILE_VECTORS; v++) {
            for (int r = 0; r < VN; r++)
                unit_row(scan->rows, row + v * VN + r, rows + r * stride);
            for (int64_t k = 0; k < dim; k += VN)
                v_turn(rows + k, stride, columns + k * TILE_ROWS + v * VN, TILE_ROWS);
        }
        int n = tile_queries(scan->queries->n);
        const char *next = row_bytes(scan->rows, row + TILE_ROWS);
        WITH_CONSTANT_N(columns_tile, n, (scan, columns, 0), (row, next))
        for (int64_t query = n; query < scan->queries->n;) {
            n = tile_queries(scan->queries->n - query);
            WITH_CONSTANT_N(columns_tile, n, (scan, columns, query), (row, NULL))
            query += n;
        }
    }
}

/* ---- few queries: row by row ---- */

enum { MOST_GROUPS = 16, MOST_GROUP_QUERIES = 5 };

/* Products of R rows and Q queries, R * Q <= VN: lane r * Q + q. */
WV_INLINE VF products_of_rows(const float *const *rows, const int R, const float *unit,
                              int64_t stride, const int Q, int64_t dim)
{
    VF sums[VN], query[MOST_GROUP_QUERIES];
    WV_UNROLL
    for (int i = 0; i < VN; i++)
        sums[i] = v_zero();
    int64_t k = 0;
    for (; k + VN <= dim; k += VN) {
        WV_UNROLL
        for (int q = 0; q < Q; q++)
            query[q] = v_load(unit + q * stride + k);
        WV_UNROLL
        for (int r = 0; r < R; r++) {
            VF part = v_load_unaligned(rows[r] + k);
            WV_UNROLL
            for (int q = 0; q < Q; q++)
                sums[r * Q + q] = v_fma(part, query[q], sums[r * Q + q]);
        }
    }
    if (k < dim) {
        WV_UNROLL
        for (int r = 0; r < R; r++) {
            VF part = v_load_first(rows[r] + k, (int)(dim - k));
            WV_UNROLL
            for (int q = 0; q < Q; q++)
                sums[r * Q + q] = v_fma(part, v_load(unit + q * stride + k), sums[r * Q + q]);
        }
    }
    return v_lane_sums(sums);
}

/* What each lane of a group needs to be noted. */
static VF needed_by_group(const wv_scan *scan, int64_t query, int Q, float slack)
{
    float needed[VN] __attribute__((aligned(64)));
    for (int i = 0; i < VN; i++)
        needed[i] = scan->thresholds[query + i % Q] - slack;
    return v_load(needed);
}

/* Queries begin .. end (at most MOST_GROUPS groups of Q) against R rows at a time: one of each Rth
 * part of the rows.  So memory is read in R streams, each in order, which the processor fetches
 * ahead by itself at the full rate; neighbouring rows side by side, each line asked for in time,
 * took 1.3 times as long, for the first-level cache can wait for few lines at once. */
WV_INLINE void scan_row_groups(wv_scan *scan, int64_t first, int64_t last, int64_t begin,
                               int64_t end, const int R, const int Q)
{
    const wv_rows *matrix = scan->rows;
    const wv_queries *queries = scan->queries;
    int64_t dim = matrix->dim, scratch_stride = wv_scratch_stride(dim);
    float slack = float_slack(dim);
    VF needed[MOST_GROUPS];
    for (int64_t query = begin, group = 0; query < end; query += Q, group++)
        needed[group] = needed_by_group(scan, query, Q, slack);
    const int64_t part = (last - first + R - 1) / R;
    for (int64_t row = first; row < first + part && !scan->failed; row++) {
        const float *rows[VN];
        float scales[VN] __attribute__((aligned(64))) = {0};
        for (int r = 0; r < R; r++) {
            int64_t at = row + r * part < last ? row + r * part : last - 1;
            rows[r] = float_row(matrix, at, scan->scratch + r * scratch_stride);
            for (int q = 0; q < Q; q++)
                scales[r * Q + q] = 1.0f / matrix->norms[at];
        }
        for (int64_t query = begin, group = 0; query < end; query += Q, group++) {
            const float *unit = queries->units + query * queries->stride;
            VF estimates = products_of_rows(rows, R, unit, queries->stride, Q, dim) *
                           v_load(scales);
            uint64_t hits = v_at_least(estimates, needed[group]) & ((1u << (R * Q)) - 1);
            if (__builtin_expect(hits == 0, 1))
                continue;
            for (; hits; hits &= hits - 1) {
                int lane = __builtin_ctzll(hits), q = lane % Q, r = lane / Q;
                int64_t at = row + r * part;
                if (at < last && query + q < end)
                    wv_offer(scan, query + q, at, estimates[lane] + slack, 2 * slack);
            }
            needed[group] = needed_by_group(scan, query, Q, slack);
        }
    }
}

static void scan_rows(wv_scan *scan, int64_t first, int64_t last)
{
    int64_t n = scan->queries->n;
    if (last > scan->rows->n_rows)
        last = scan->rows->n_rows;
    if (n == 1) {
        scan_row_groups(scan, first, last, 0, 1, 4, 1); /* more streams: slower memory */
        return;
    }
    /* Of VN 16, take 5 queries at a time where that leaves fewer places of the last group empty. */
    int by_five = VN == 16 && (n + 4) / 5 * 5 < (n + 3) / 4 * 4;
    int64_t span = MOST_GROUPS * (by_five ? 5 : 4);
    for (int64_t begin = 0; begin < n; begin += span) {
        int64_t end = begin + span < n ? begin + span : n;
        if (by_five)
            scan_row_groups(scan, first, last, begin, end, VN / 5, 5);
        else
            scan_row_groups(scan, first, last, begin, end, VN / 4, 4);
    }
}

#include "topk_plane.h"

const wv_topk_ops TOPK_OPS_NAME = {
    scan_rows, scan_columns, scan_plane, pack_plane, exact_products, PLANE_QUERY_LIMIT,
};
