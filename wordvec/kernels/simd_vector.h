/* A vector of floats under one name on every instruction set; the loops are written with it once.
 *
 * VF is the vector type, VN its number of floats (16, 8 or 4).  Rows are padded to 16 floats and
 * aligned to 64 bytes, so aligned loads are used throughout and no loop has a scalar tail.
 */
#ifndef WORDVEC_SIMD_VECTOR_H
#define WORDVEC_SIMD_VECTOR_H

#include <stdint.h>
#include <string.h>
#if WV_VECTOR_FLOATS > 4
#include <immintrin.h>
#endif

#define WV_INLINE static inline __attribute__((always_inline))
#define VN WV_VECTOR_FLOATS

typedef float VF __attribute__((vector_size(VN * 4), aligned(VN * 4)));
typedef int32_t VI __attribute__((vector_size(VN * 4), aligned(VN * 4)));

WV_INLINE VF v_load(const float *p) { return *(const VF *)__builtin_assume_aligned(p, VN * 4); }
WV_INLINE void v_store(float *p, VF x) { *(VF *)__builtin_assume_aligned(p, VN * 4) = x; }
WV_INLINE VF v_zero(void) { return (VF){0}; }
WV_INLINE VI v_bits(VF x) { return (VI)x; }
WV_INLINE VF v_from_bits(VI x) { return (VF)x; }
WV_INLINE void v_prefetch(const void *p) { __builtin_prefetch(p, 1, 3); }

#if VN == 16
WV_INLINE VF v_set(float x) { return (VF)_mm512_set1_ps(x); }
WV_INLINE VF v_fma(VF a, VF b, VF c) { return (VF)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
/* min and max give b when a comparison is unordered, so that NaN in b survives. */
WV_INLINE VF v_min(VF a, VF b) { return (VF)_mm512_min_ps((__m512)a, (__m512)b); }
WV_INLINE VF v_max(VF a, VF b) { return (VF)_mm512_max_ps((__m512)a, (__m512)b); }
#elif VN == 8
WV_INLINE VF v_set(float x) { return (VF)_mm256_set1_ps(x); }
WV_INLINE VF v_fma(VF a, VF b, VF c) { return (VF)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
WV_INLINE VF v_min(VF a, VF b) { return (VF)_mm256_min_ps((__m256)a, (__m256)b); }
WV_INLINE VF v_max(VF a, VF b) { return (VF)_mm256_max_ps((__m256)a, (__m256)b); }
#else
WV_INLINE VF v_set(float x) { return (VF){x, x, x, x}; }
WV_INLINE VF v_fma(VF a, VF b, VF c) { return a * b + c; }
WV_INLINE VF v_select(VI mask, VF a, VF b) { return (VF)(((VI)a & mask) | ((VI)b & ~mask)); }
WV_INLINE VF v_min(VF a, VF b) { return v_select(a < b, a, b); }
WV_INLINE VF v_max(VF a, VF b) { return v_select(a > b, a, b); }
#endif

/* Scores beyond +-WV_SCORE_LIMIT count as the limit: the logistic is flat there (word2vec.c: 6). */
#define WV_SCORE_LIMIT 8.0f

WV_INLINE VF v_clip_scores(VF z)
{
    return v_max(v_set(-WV_SCORE_LIMIT), v_min(v_set(WV_SCORE_LIMIT), z));
}

/* 1 + exp(-z) for |z| <= 8: 2^t with t = -z log2(e) split into whole n and |f| <= 1/2, a
 * polynomial of degree 4 for 2^f (least squares, relative error below 3e-6), n added to the exponent. */
WV_INLINE VF v_one_plus_exp_minus(VF z)
{
    const VF magic = v_set(12582912.0f); /* 1.5 * 2^23: adding it rounds to a whole number */
    VF t = z * v_set(-1.44269504f);
    VF shifted = t + magic;
    VF f = t - (shifted - magic);
    VF p = v_set(0.0095828522f);
    p = v_fma(p, f, v_set(0.0559064259f));
    p = v_fma(p, f, v_set(0.240240986f));
    p = v_fma(p, f, v_set(0.693124193f));
    p = v_fma(p, f, v_set(1.0f));
    VI n = v_bits(shifted) - v_bits(magic);
    return v_set(1.0f) + v_from_bits(v_bits(p) + (n << 23));
}

/* Sums of the lanes of 16 vectors (VN 16), 8 (VN 8) or 4 (VN 4): sums[i] = sum of v[i]. */
#if VN == 16
WV_INLINE VF v_lane_sums(const VF *v)
{
#define HALVES(a, b)                                                                       \
    _mm512_add_ps(_mm512_shuffle_f32x4((__m512)(a), (__m512)(b), 0x44),                    \
                  _mm512_shuffle_f32x4((__m512)(a), (__m512)(b), 0xEE))
#define QUARTERS(a, b)                                                                     \
    _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xDD))
    __m512 u0 = QUARTERS(HALVES(v[0], v[4]), HALVES(v[8], v[12]));
    __m512 u1 = QUARTERS(HALVES(v[1], v[5]), HALVES(v[9], v[13]));
    __m512 u2 = QUARTERS(HALVES(v[2], v[6]), HALVES(v[10], v[14]));
    __m512 u3 = QUARTERS(HALVES(v[3], v[7]), HALVES(v[11], v[15]));
    __m512 w0 = _mm512_add_ps(_mm512_unpacklo_ps(u0, u1), _mm512_unpackhi_ps(u0, u1));
    __m512 w1 = _mm512_add_ps(_mm512_unpacklo_ps(u2, u3), _mm512_unpackhi_ps(u2, u3));
    return (VF)_mm512_add_ps(_mm512_shuffle_ps(w0, w1, 0x44), _mm512_shuffle_ps(w0, w1, 0xEE));
#undef HALVES
#undef QUARTERS
}
#elif VN == 8
WV_INLINE VF v_lane_sums(const VF *v)
{
#define HALVES(a, b)                                                                       \
    _mm256_add_ps(_mm256_permute2f128_ps((__m256)(a), (__m256)(b), 0x20),                  \
                  _mm256_permute2f128_ps((__m256)(a), (__m256)(b), 0x31))
    __m256 u0 = HALVES(v[0], v[4]), u1 = HALVES(v[1], v[5]);
    __m256 u2 = HALVES(v[2], v[6]), u3 = HALVES(v[3], v[7]);
    __m256 w0 = _mm256_add_ps(_mm256_unpacklo_ps(u0, u1), _mm256_unpackhi_ps(u0, u1));
    __m256 w1 = _mm256_add_ps(_mm256_unpacklo_ps(u2, u3), _mm256_unpackhi_ps(u2, u3));
    return (VF)_mm256_add_ps(_mm256_shuffle_ps(w0, w1, 0x44), _mm256_shuffle_ps(w0, w1, 0xEE));
#undef HALVES
}
#else
WV_INLINE VF v_lane_sums(const VF *v)
{
    VF a = v[0], b = v[1], c = v[2], d = v[3];
    return (VF){a[0], b[0], c[0], d[0]} + (VF){a[1], b[1], c[1], d[1]} +
           ((VF){a[2], b[2], c[2], d[2]} + (VF){a[3], b[3], c[3], d[3]});
}
#endif

#endif
