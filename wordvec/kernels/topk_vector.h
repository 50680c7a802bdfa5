/* What the scans need beyond simd_vector.h: comparisons to bits, turned blocks, 8-bit products. */
#ifndef WORDVEC_TOPK_VECTOR_H
#define WORDVEC_TOPK_VECTOR_H

#include "simd_vector.h"

#if defined(__clang__)
#define WV_UNROLL _Pragma("unroll")
#else
#define WV_UNROLL _Pragma("GCC unroll 16")
#endif

typedef float VF_UNALIGNED __attribute__((vector_size(VN * 4), aligned(4)));

WV_INLINE VF v_load_unaligned(const float *p) { return *(const VF_UNALIGNED *)p; }

typedef int32_t VI_UNALIGNED __attribute__((vector_size(VN * 4), aligned(1), may_alias));

WV_INLINE VI v_load_bytes(const uint8_t *p) { return *(const VI_UNALIGNED *)p; }

/* The first n < VN floats, then zeros; nothing behind them is read. */
WV_INLINE VF v_load_first(const float *p, int n)
{
#if VN == 16
    return (VF)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#else
    float part[VN] __attribute__((aligned(VN * 4))) = {0};
    for (int i = 0; i < n; i++)
        part[i] = p[i];
    return v_load(part);
#endif
}

/* Bit i is set where a[i] >= b[i]; unordered is not. */
WV_INLINE uint64_t v_at_least(VF a, VF b)
{
#if VN == 16
    return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_GE_OQ);
#elif VN == 8
    return (uint64_t)_mm256_movemask_ps(_mm256_cmp_ps((__m256)a, (__m256)b, _CMP_GE_OQ));
#else
    VI at_least = a >= b;
    return (uint64_t)((at_least[0] & 1) | (at_least[1] & 2) | (at_least[2] & 4) |
                      (at_least[3] & 8));
#endif
}

WV_INLINE VI v_set_int(int32_t x)
{
    VI zero = {0};
    return zero + x;
}

/* The nearest whole numbers of |x| < 2^22: adding 1.5 * 2^23 pushes the fraction out. */
WV_INLINE VI v_round(VF x)
{
    const VF magic = v_set(12582912.0f);
    return v_bits(x + magic) - v_bits(magic);
}

WV_INLINE VF v_abs(VF x) { return v_from_bits(v_bits(x) & 0x7fffffff); }

/* Turn VN rows of VN floats, `stride` apart, to VN columns, each stored at out + i * out_stride. */
#if VN == 16
WV_INLINE void v_turn(const float *in, int64_t stride, float *out, int64_t out_stride)
{
    __m512 quads[4][4]; /* [group of 4 rows][c]: lane L holds column 4 L + c */
    WV_UNROLL
    for (int g = 0; g < 4; g++) {
        const float *p = in + 4 * g * stride;
        __m512 r0 = _mm512_load_ps(p), r1 = _mm512_load_ps(p + stride);
        __m512 r2 = _mm512_load_ps(p + 2 * stride), r3 = _mm512_load_ps(p + 3 * stride);
        __m512d a = _mm512_castps_pd(_mm512_unpacklo_ps(r0, r1));
        __m512d b = _mm512_castps_pd(_mm512_unpackhi_ps(r0, r1));
        __m512d c = _mm512_castps_pd(_mm512_unpacklo_ps(r2, r3));
        __m512d d = _mm512_castps_pd(_mm512_unpackhi_ps(r2, r3));
        quads[g][0] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
        quads[g][1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
        quads[g][2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
        quads[g][3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
    }
    WV_UNROLL
    for (int c = 0; c < 4; c++) {
        __m512 even01 = _mm512_shuffle_f32x4(quads[0][c], quads[1][c], 0x88);
        __m512 odd01 = _mm512_shuffle_f32x4(quads[0][c], quads[1][c], 0xDD);
        __m512 even23 = _mm512_shuffle_f32x4(quads[2][c], quads[3][c], 0x88);
        __m512 odd23 = _mm512_shuffle_f32x4(quads[2][c], quads[3][c], 0xDD);
        _mm512_store_ps(out + c * out_stride, _mm512_shuffle_f32x4(even01, even23, 0x88));
        _mm512_store_ps(out + (4 + c) * out_stride, _mm512_shuffle_f32x4(odd01, odd23, 0x88));
        _mm512_store_ps(out + (8 + c) * out_stride, _mm512_shuffle_f32x4(even01, even23, 0xDD));
        _mm512_store_ps(out + (12 + c) * out_stride, _mm512_shuffle_f32x4(odd01, odd23, 0xDD));
    }
}
#elif VN == 8
WV_INLINE void v_turn(const float *in, int64_t stride, float *out, int64_t out_stride)
{
    __m256 quads[2][4];
    WV_UNROLL
    for (int g = 0; g < 2; g++) {
        const float *p = in + 4 * g * stride;
        __m256 r0 = _mm256_load_ps(p), r1 = _mm256_load_ps(p + stride);
        __m256 r2 = _mm256_load_ps(p + 2 * stride), r3 = _mm256_load_ps(p + 3 * stride);
        __m256d a = _mm256_castps_pd(_mm256_unpacklo_ps(r0, r1));
        __m256d b = _mm256_castps_pd(_mm256_unpackhi_ps(r0, r1));
        __m256d c = _mm256_castps_pd(_mm256_unpacklo_ps(r2, r3));
        __m256d d = _mm256_castps_pd(_mm256_unpackhi_ps(r2, r3));
        quads[g][0] = _mm256_castpd_ps(_mm256_unpacklo_pd(a, c));
        quads[g][1] = _mm256_castpd_ps(_mm256_unpackhi_pd(a, c));
        quads[g][2] = _mm256_castpd_ps(_mm256_unpacklo_pd(b, d));
        quads[g][3] = _mm256_castpd_ps(_mm256_unpackhi_pd(b, d));
    }
    WV_UNROLL
    for (int c = 0; c < 4; c++) {
        _mm256_store_ps(out + c * out_stride,
                        _mm256_permute2f128_ps(quads[0][c], quads[1][c], 0x20));
        _mm256_store_ps(out + (4 + c) * out_stride,
                        _mm256_permute2f128_ps(quads[0][c], quads[1][c], 0x31));
    }
}
#else
WV_INLINE void v_turn(const float *in, int64_t stride, float *out, int64_t out_stride)
{
    for (int c = 0; c < VN; c++)
        v_store(out + c * out_stride,
                (VF){in[c], in[stride + c], in[2 * stride + c], in[3 * stride + c]});
}
#endif

/* sums[i] + the four products of the unsigned bytes of rows[i] with the signed ones of query[i]. */
WV_INLINE VI v_add_byte_products(VI sums, VI rows, VI query)
{
#if VN == 16 && defined(WV_VNNI)
#if defined(__clang__)
    return (VI)_mm512_dpbusd_epi32((__m512i)sums, (__m512i)rows, (__m512i)query);
#else
    /* gcc 12 moves a register before each such intrinsic */
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sums) : "v"(rows), "v"(query));
    return sums;
#endif
#elif VN == 16
    __m512i pairs = _mm512_maddubs_epi16((__m512i)rows, (__m512i)query);
    return sums + (VI)_mm512_madd_epi16(pairs, _mm512_set1_epi16(1));
#elif VN == 8
    __m256i pairs = _mm256_maddubs_epi16((__m256i)rows, (__m256i)query);
    return sums + (VI)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
#else
    WV_UNROLL
    for (int byte = 0; byte < 4; byte++)
        sums += (VI)((rows >> (8 * byte)) & 255) * ((query << (24 - 8 * byte)) >> 24);
    return sums;
#endif
}

#endif
