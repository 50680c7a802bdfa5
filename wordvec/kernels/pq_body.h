/* The loop of wv_pq_ops, written once; included by pq_baseline.c and its siblings. */
#include "pq.h"
#include "simd_vector.h"

#define N_VECTORS 4 /* side by side: as many as AVX2 has registers for */

/* Where score < best: best = score and index = number. */
WV_INLINE void v_keep_lower(VF score, VI number, VF *best, VI *index)
{
#if VN == 16
    __mmask16 is_lower = _mm512_cmp_ps_mask((__m512)score, (__m512)*best, _CMP_LT_OQ);
    *index = (VI)_mm512_mask_mov_epi32((__m512i)*index, is_lower, (__m512i)number);
#elif VN == 8
    __m256 is_lower = _mm256_cmp_ps((__m256)score, (__m256)*best, _CMP_LT_OQ);
    *index = (VI)_mm256_blendv_ps((__m256)*index, (__m256)number, is_lower);
#else
    VI is_lower = score < *best;
    *index = (number & is_lower) | (*index & ~is_lower);
#endif
    *best = v_min(score, *best);
}

/* Nearest centroids of N_VECTORS * VN points, d a constant where that pays.  The squared distance
 * is 2 (|c|^2 / 2 - x.c) + |x|^2, of which the last term is the same for all centroids. */
WV_INLINE int assign_block(const float *points, int64_t stride, const int64_t d, const float *table,
                           uint8_t *codes)
{
    VF best[N_VECTORS];
    VI index[N_VECTORS];
    for (int v = 0; v < N_VECTORS; v++) {
        best[v] = v_set(__builtin_inff());
        index[v] = (VI){0};
    }
    VI number = {0};
    for (int k = 0; k < WV_PQ_CENTROIDS; k++, table += 1 + d, number += 1) {
        VF score[N_VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < N_VECTORS; v++)
            score[v] = v_set(table[0]);
#pragma GCC unroll 4
        for (int64_t j = 0; j < d; j++) {
            VF coordinate = v_set(table[1 + j]);
#pragma GCC unroll 4
            for (int v = 0; v < N_VECTORS; v++)
                score[v] = v_fma(v_load(points + j * stride + v * VN), coordinate, score[v]);
        }
#pragma GCC unroll 4
        for (int v = 0; v < N_VECTORS; v++)
            v_keep_lower(score[v], number, &best[v], &index[v]);
    }
    int is_finite = 1;
    for (int v = 0; v < N_VECTORS; v++)
        for (int lane = 0; lane < VN; lane++) {
            codes[v * VN + lane] = (uint8_t)index[v][lane];
            is_finite &= best[v][lane] - best[v][lane] == 0;
        }
    return is_finite;
}

static int assign(const float *points, int64_t stride, int64_t n, int64_t d, const float *table,
                  uint8_t *codes)
{
    int is_finite = 1;
    for (int64_t i = 0; i < n; i += N_VECTORS * VN) {
        if (d == 1)
            is_finite &= assign_block(points + i, stride, 1, table, codes + i);
        else if (d == 2)
            is_finite &= assign_block(points + i, stride, 2, table, codes + i);
        else if (d == 4)
            is_finite &= assign_block(points + i, stride, 4, table, codes + i);
        else
            is_finite &= assign_block(points + i, stride, d, table, codes + i);
    }
    return is_finite;
}

const wv_pq_ops WV_LEVEL_NAME(wv_pq_ops) = {assign};
