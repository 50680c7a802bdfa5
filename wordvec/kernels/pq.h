/* Product quantiser: what the loops of every instruction set (pq_body.h) share. */
#ifndef WORDVEC_PQ_H
#define WORDVEC_PQ_H

#include <stdint.h>

#define WV_PQ_CENTROIDS 256
#define WV_PQ_BLOCK 64 /* points that are looked at together; arrays of points are padded to it */

typedef struct wv_pq_ops {
    /* codes[i] = number of the nearest of 256 centroids, the lowest of equal ones, for n points (a
     * multiple of WV_PQ_BLOCK).  points [d][stride]: coordinates side by side, 64-byte aligned.
     * table [256][1 + d]: half the squared length of a centroid, then its coordinates negated.
     * False if a point was not finite. */
    int (*assign)(const float *points, int64_t stride, int64_t n, int64_t d, const float *table,
                  uint8_t *codes);
} wv_pq_ops;

extern const wv_pq_ops wv_pq_ops_baseline;
#if defined(__x86_64__)
extern const wv_pq_ops wv_pq_ops_avx2;
extern const wv_pq_ops wv_pq_ops_avx512;
#endif

#endif
