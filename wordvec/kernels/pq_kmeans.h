/* k-means in one sub-space, codes of rows, and means of coded rows. */
#ifndef WORDVEC_PQ_KMEANS_H
#define WORDVEC_PQ_KMEANS_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pq.h"
#include "random.h"

#define WV_PQ_START_POINTS 8192 /* looked at to start from */
#define WV_PQ_SPLIT 1e-7f /* an empty cluster takes half of another, moved apart by this */

/* The product and the sum are rounded one after the other, as in the original: no fused ones. */
#if defined(__clang__)
#define WV_NO_CONTRACTION
#define WV_CONTRACT_OFF _Pragma("clang fp contract(off)")
#else
#define WV_NO_CONTRACTION __attribute__((optimize("fp-contract=off")))
#define WV_CONTRACT_OFF
#endif

/* The table of wv_pq_ops.assign for centroids [256][d], moved by -center. */
static void wv_pq_table(const float *centroids, int64_t d, const float *center, float *table)
{
    for (int k = 0; k < WV_PQ_CENTROIDS; k++, centroids += d, table += 1 + d) {
        double square = 0;
        for (int64_t j = 0; j < d; j++) {
            double x = (double)centroids[j] - center[j];
            square += x * x;
            table[1 + j] = (float)-x;
        }
        table[0] = (float)(square / 2);
    }
}

/* The mean of 256 centroids: distances are computed from there, where float32 is finest. */
static void wv_pq_center(const float *centroids, int64_t d, float *center)
{
    for (int64_t j = 0; j < d; j++) {
        double sum = 0;
        for (int k = 0; k < WV_PQ_CENTROIDS; k++)
            sum += centroids[k * d + j];
        center[j] = (float)(sum / WV_PQ_CENTROIDS);
    }
}

/* Centroids = means of their points; empty ones take half of a cluster drawn by its size. */
static void wv_pq_move(const float *points, int64_t stride, int64_t n, int64_t d,
                       const uint8_t *codes, float *centroids, double *sums, uint64_t *random)
{
    int64_t sizes[WV_PQ_CENTROIDS] = {0};
    memset(sums, 0, (size_t)(WV_PQ_CENTROIDS * d) * sizeof *sums);
    for (int64_t i = 0; i < n; i++)
        sizes[codes[i]]++;
    for (int64_t j = 0; j < d; j++)
        for (int64_t i = 0; i < n; i++)
            sums[codes[i] * d + j] += points[j * stride + i];
    for (int k = 0; k < WV_PQ_CENTROIDS; k++)
        for (int64_t j = 0; j < d && sizes[k]; j++)
            centroids[k * d + j] = (float)(sums[k * d + j] / (double)sizes[k]);
    for (int k = 0; k < WV_PQ_CENTROIDS; k++) {
        if (sizes[k])
            continue;
        int64_t n_spare = 0; /* points beyond the first of their cluster: one of them is drawn */
        for (int i = 0; i < WV_PQ_CENTROIDS; i++)
            n_spare += sizes[i] > 1 ? sizes[i] - 1 : 0;
        if (n_spare == 0)
            return;
        int64_t drawn = (int64_t)(wv_next(random) % (uint64_t)n_spare);
        int from = 0;
        for (;; from++) {
            int64_t own = sizes[from] > 1 ? sizes[from] - 1 : 0;
            if (drawn < own)
                break;
            drawn -= own;
        }
        for (int64_t j = 0; j < d; j++) {
            float step = j % 2 ? WV_PQ_SPLIT : -WV_PQ_SPLIT;
            centroids[k * d + j] = centroids[from * d + j] + step;
            centroids[from * d + j] -= step;
        }
        sizes[k] = sizes[from] / 2;
        sizes[from] -= sizes[k];
    }
}

/* Squared distances of m points (a multiple of 64, coordinates [d][m]) to the nearest centroid so
 * far, with one more to look at, and their sums by 64. */
static void wv_pq_come_nearer(const float *points, int64_t m, int64_t d, const float *centroid,
                              float *nearest, double *block_sums)
{
    for (int64_t first = 0; first < m; first += WV_PQ_BLOCK) {
        float square[WV_PQ_BLOCK] = {0}, sum = 0;
        for (int64_t j = 0; j < d; j++)
            for (int i = 0; i < WV_PQ_BLOCK; i++) {
                float x = points[j * m + first + i] - centroid[j];
                square[i] += x * x;
            }
        for (int i = 0; i < WV_PQ_BLOCK; i++) {
            nearest[first + i] = square[i] < nearest[first + i] ? square[i] : nearest[first + i];
            sum += nearest[first + i];
        }
        block_sums[first / WV_PQ_BLOCK] = sum;
    }
}

/* A point drawn by its squared distance; by chance alone when all are at centroids already. */
static int64_t wv_pq_draw(const float *nearest, const double *block_sums, int64_t m,
                          uint64_t *random)
{
    double total = 0;
    for (int64_t b = 0; b < m / WV_PQ_BLOCK; b++)
        total += block_sums[b];
    uint64_t bits = wv_next(random);
    if (!(total > 0) || total - total != 0)
        return (int64_t)(bits % (uint64_t)m);
    double left = (double)(bits >> 11) * 0x1p-53 * total;
    int64_t block = 0, i = 0;
    while (block < m / WV_PQ_BLOCK - 1 && left >= block_sums[block])
        left -= block_sums[block++];
    while (i < WV_PQ_BLOCK - 1 && left >= nearest[block * WV_PQ_BLOCK + i])
        left -= nearest[block * WV_PQ_BLOCK + i++];
    return block * WV_PQ_BLOCK + i;
}

/* Centroids to start from, among at most WV_PQ_START_POINTS points: each drawn by its squared
 * distance from those before (k-means++, Arthur and Vassilvitskii 2007).  Trained rows are many
 * short and few long ones; drawn evenly, too few of the long ones get a centroid of their own, and
 * 25 rounds do not mend that.  `near`: room for that many points and their distances. */
static void wv_pq_start(const float *points, int64_t stride, int64_t n, int64_t d, float *near,
                        float *centroids, uint64_t *random)
{
    const int64_t all = stride < WV_PQ_START_POINTS ? stride : WV_PQ_START_POINTS;
    double block_sums[WV_PQ_START_POINTS / WV_PQ_BLOCK];
    float *nearest = near + d * all;
    for (int64_t i = 0; i < all; i++) {
        int64_t from = all < stride ? (int64_t)((double)n / (double)all * (double)i) : i % n;
        for (int64_t j = 0; j < d; j++)
            near[j * all + i] = points[j * stride + from];
        nearest[i] = HUGE_VALF;
    }
    int64_t chosen = (int64_t)(wv_next(random) % (uint64_t)all);
    for (int64_t k = 0; k < WV_PQ_CENTROIDS; k++) {
        for (int64_t j = 0; j < d; j++)
            centroids[k * d + j] = near[j * all + chosen];
        wv_pq_come_nearer(near, all, d, centroids + k * d, nearest, block_sums);
        chosen = wv_pq_draw(nearest, block_sums, all, random);
    }
}

/* 64-byte aligned floats, zeroed; to be freed with free().  NULL without memory. */
static float *wv_pq_floats(int64_t n)
{
    size_t n_bytes = ((size_t)n * sizeof(float) + 63) & ~(size_t)63;
    float *made = aligned_alloc(64, n_bytes ? n_bytes : 64);
    if (made)
        memset(made, 0, n_bytes);
    return made;
}

/* centroids [256][d] for columns [0, d) of n rows, n >= 256.  0, -1 without memory, -2 when a
 * number is not finite. */
static int wv_pq_kmeans(const wv_pq_ops *ops, const float *rows, int64_t row_stride, int64_t n,
                        int64_t d, int64_t n_rounds, uint64_t key, float *centroids)
{
    const int64_t stride = (n + WV_PQ_BLOCK - 1) / WV_PQ_BLOCK * WV_PQ_BLOCK;
    float *points = wv_pq_floats(stride * d), *table = wv_pq_floats(WV_PQ_CENTROIDS * (1 + d));
    float *zero = wv_pq_floats(d), *center = wv_pq_floats(d);
    double *sums = malloc((size_t)(WV_PQ_CENTROIDS * d) * sizeof *sums);
    uint8_t *codes = malloc((size_t)stride);
    float *near = wv_pq_floats((1 + d) * WV_PQ_START_POINTS);
    int result = points && table && zero && center && sums && codes && near ? 0 : -1;
    if (result == 0) {
        uint64_t random = wv_stream(key);
        for (int64_t j = 0; j < d; j++) {
            double sum = 0;
            for (int64_t i = 0; i < n; i++)
                sum += rows[i * row_stride + j];
            center[j] = (float)(sum / (double)n);
            for (int64_t i = 0; i < n; i++)
                points[j * stride + i] = rows[i * row_stride + j] - center[j];
        }
        wv_pq_start(points, stride, n, d, near, centroids, &random);
        for (int64_t round = 0; round < n_rounds; round++) {
            wv_pq_table(centroids, d, zero, table);
            if (!ops->assign(points, stride, stride, d, table, codes)) {
                result = -2;
                break;
            }
            wv_pq_move(points, stride, n, d, codes, centroids, sums, &random);
        }
        for (int64_t k = 0; k < WV_PQ_CENTROIDS; k++)
            for (int64_t j = 0; j < d; j++)
                centroids[k * d + j] += center[j];
    }
    free(points), free(table), free(zero), free(center), free(sums), free(codes), free(near);
    return result;
}

typedef struct wv_pq_coder {
    int64_t dim, dsub, n_parts;
    float *center; /* [dim] */
    float *tables; /* one after the other, part p's at p * 256 * (1 + dsub) */
    float *points; /* [dim][WV_PQ_BLOCK] */
} wv_pq_coder;

static int64_t wv_pq_width(const wv_pq_coder *coder, int64_t part)
{
    int64_t left = coder->dim - part * coder->dsub;
    return left < coder->dsub ? left : coder->dsub;
}

static void wv_pq_coder_free(wv_pq_coder *coder)
{
    free(coder->center), free(coder->tables), free(coder->points);
}

/* False without memory. */
static int wv_pq_coder_make(wv_pq_coder *coder, const float *centroids, int64_t dim, int64_t dsub)
{
    coder->dim = dim;
    coder->dsub = dsub;
    coder->n_parts = (dim + dsub - 1) / dsub;
    coder->center = wv_pq_floats(dim);
    coder->tables = wv_pq_floats(coder->n_parts * WV_PQ_CENTROIDS * (1 + dsub));
    coder->points = wv_pq_floats(dim * WV_PQ_BLOCK);
    if (!coder->center || !coder->tables || !coder->points)
        return 0;
    for (int64_t part = 0; part < coder->n_parts; part++) {
        const float *own = centroids + part * WV_PQ_CENTROIDS * dsub;
        float *center = coder->center + part * dsub;
        wv_pq_center(own, wv_pq_width(coder, part), center);
        wv_pq_table(own, wv_pq_width(coder, part), center,
                    coder->tables + part * WV_PQ_CENTROIDS * (1 + dsub));
    }
    return 1;
}

/* codes [n][n_parts] of n rows, divided by norms[i] if given and not zero.  The number of the
 * first block with a number that is not finite, or -1. */
static int64_t wv_pq_encode(const wv_pq_ops *ops, wv_pq_coder *coder, const char *rows,
                            int64_t row_bytes, int64_t n, const float *norms, uint8_t *codes)
{
    uint8_t found[WV_PQ_BLOCK];
    for (int64_t first = 0; first < n; first += WV_PQ_BLOCK) {
        int64_t n_here = n - first < WV_PQ_BLOCK ? n - first : WV_PQ_BLOCK;
        for (int64_t i = 0; i < n_here; i++) {
            const char *row = rows + (first + i) * row_bytes;
            float norm = norms && norms[first + i] != 0 ? norms[first + i] : 1;
            for (int64_t j = 0; j < coder->dim; j++) {
                float x;
                memcpy(&x, row + j * 4, 4); /* rows of a mapped file lie at any byte */
                coder->points[j * WV_PQ_BLOCK + i] = (norms ? x / norm : x) - coder->center[j];
            }
        }
        for (int64_t part = 0; part < coder->n_parts; part++) {
            const float *table = coder->tables + part * WV_PQ_CENTROIDS * (1 + coder->dsub);
            if (!ops->assign(coder->points + part * coder->dsub * WV_PQ_BLOCK, WV_PQ_BLOCK,
                             WV_PQ_BLOCK, wv_pq_width(coder, part), table, found))
                return first;
            for (int64_t i = 0; i < n_here; i++)
                codes[(first + i) * coder->n_parts + part] = found[i];
        }
    }
    return -1;
}

/* Adds the parts [first_part, end_part) of n rows, divided as in wv_pq_encode, to the sums
 * (laid out as centroids) and sizes [n_parts][256] of the clusters that their codes name. */
static void wv_pq_add(const char *rows, int64_t row_bytes, int64_t n, int64_t dim, int64_t dsub,
                      const float *norms, const uint8_t *codes, int64_t first_part,
                      int64_t end_part, double *sums, int64_t *sizes)
{
    const int64_t n_parts = (dim + dsub - 1) / dsub;
    for (int64_t i = 0; i < n; i++) {
        const char *row = rows + i * row_bytes;
        const float norm = norms && norms[i] != 0 ? norms[i] : 1;
        for (int64_t part = first_part; part < end_part; part++) {
            const int64_t left = dim - part * dsub, width = left < dsub ? left : dsub;
            const int64_t code = codes[i * n_parts + part];
            double *own = sums + part * WV_PQ_CENTROIDS * dsub + code * width;
            sizes[part * WV_PQ_CENTROIDS + code]++;
            for (int64_t j = 0; j < width; j++) {
                float x;
                memcpy(&x, row + (part * dsub + j) * 4, 4);
                own[j] += norms ? x / norm : x;
            }
        }
    }
}

typedef struct wv_pq_rows {
    const uint8_t *codes; /* [n][n_parts] */
    const float *centroids;
    const uint8_t *norm_codes; /* [n], or NULL */
    const float *norm_centroids;
    int64_t dim, dsub, n_parts;
} wv_pq_rows;

/* out[dim] = sum of the rows ids[0..n) times 1 / n; zeros for none. */
WV_NO_CONTRACTION static void wv_pq_mean(const wv_pq_rows *rows, const int32_t *ids, int64_t n,
                                         float *out)
{
    WV_CONTRACT_OFF
    const int64_t dsub = rows->dsub;
    memset(out, 0, (size_t)rows->dim * sizeof *out);
    for (int64_t i = 0; i < n; i++) {
        const uint8_t *codes = rows->codes + ids[i] * rows->n_parts;
        float norm = rows->norm_codes ? rows->norm_centroids[rows->norm_codes[ids[i]]] : 1;
        int64_t part = 0;
        if (dsub == 2)
            for (; part < rows->dim / 2; part++) {
                const float *c = rows->centroids + (part * WV_PQ_CENTROIDS + codes[part]) * 2;
                float a = norm * c[0], b = norm * c[1];
                out[part * 2] += a;
                out[part * 2 + 1] += b;
            }
        for (; part < rows->n_parts; part++) {
            int64_t left = rows->dim - part * dsub, width = left < dsub ? left : dsub;
            const float *c =
                rows->centroids + part * WV_PQ_CENTROIDS * dsub + codes[part] * width;
            for (int64_t j = 0; j < width; j++) {
                float x = norm * c[j];
                out[part * dsub + j] += x;
            }
        }
    }
    if (n) {
        const float share = (float)(1.0 / (double)n);
        for (int64_t j = 0; j < rows->dim; j++)
            out[j] *= share;
    }
}

#endif
