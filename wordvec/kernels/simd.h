/* Instruction sets: their names, how to find them, and the table of primitives each provides.
 *
 * A file NAME_LEVEL.c first includes simd_LEVEL.h, which switches the compiler to that
 * instruction set with a pragma (no -m flags), then the loops.  Nothing but the table it exports
 * is visible outside, so that the linker can never pick another level's copy of a function.
 */
#ifndef WORDVEC_SIMD_H
#define WORDVEC_SIMD_H

#include <stddef.h>
#include <stdint.h>

enum { WV_BASELINE = 0, WV_AVX2 = 1, WV_AVX512 = 2, WV_N_LEVELS = 3 };

typedef struct {
    /* sum of a[i] * b[i] over n floats */
    float (*dot)(const float *a, const float *b, int64_t n);
    /* y[i] += scale * x[i] */
    void (*axpy)(float scale, const float *x, float *y, int64_t n);
    /* out[i] = 1 / (1 + exp(-x[i])), x clipped to +-8, NaN kept */
    void (*sigmoid)(const float *x, float *out, int64_t n);
} wv_simd_ops;

extern const wv_simd_ops wv_simd_ops_baseline;
#if defined(__x86_64__)
extern const wv_simd_ops wv_simd_ops_avx2;
extern const wv_simd_ops wv_simd_ops_avx512;
#endif

/* 1 when this CPU and operating system can run the level. */
static inline int wv_level_available(int level)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    switch (level) {
    case WV_BASELINE:
        return 1;
    case WV_AVX2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case WV_AVX512:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("fma");
    default:
        return 0;
    }
#else
    return level == WV_BASELINE;
#endif
}

/* 1 when, besides AVX-512, the CPU multiplies 8-bit numbers (VNNI).  Not a level: most kernels have
 * no use for it. */
static inline int wv_vnni_available(void)
{
#if defined(__x86_64__)
    return wv_level_available(WV_AVX512) && __builtin_cpu_supports("avx512vnni");
#else
    return 0;
#endif
}

static inline const wv_simd_ops *wv_simd_ops_of(int level)
{
#if defined(__x86_64__)
    if (level == WV_AVX512)
        return &wv_simd_ops_avx512;
    if (level == WV_AVX2)
        return &wv_simd_ops_avx2;
#endif
    (void)level;
    return &wv_simd_ops_baseline;
}

#endif
