/* The primitives of wv_simd_ops, written once; included by simd_baseline.c and its siblings. */
#include "simd.h"
#include "simd_vector.h"

typedef float VF_UNALIGNED __attribute__((vector_size(VN * 4), aligned(4)));

static float dot(const float *a, const float *b, int64_t n)
{
    VF sums = v_zero();
    int64_t i = 0;
    for (; i + VN <= n; i += VN)
        sums = v_fma(*(const VF_UNALIGNED *)(a + i), *(const VF_UNALIGNED *)(b + i), sums);
    float total = 0;
    for (int lane = 0; lane < VN; lane++)
        total += sums[lane];
    for (; i < n; i++)
        total += a[i] * b[i];
    return total;
}

static void axpy(float scale, const float *x, float *y, int64_t n)
{
    int64_t i = 0;
    VF factor = v_set(scale);
    for (; i + VN <= n; i += VN)
        *(VF_UNALIGNED *)(y + i) =
            v_fma(factor, *(const VF_UNALIGNED *)(x + i), *(VF_UNALIGNED *)(y + i));
    for (; i < n; i++)
        y[i] += scale * x[i];
}

static void sigmoid(const float *x, float *out, int64_t n)
{
    for (int64_t i = 0; i < n; i += VN) {
        float part[VN] __attribute__((aligned(64))) = {0};
        size_t bytes = sizeof(float) * (size_t)(n - i < VN ? n - i : VN);
        memcpy(part, x + i, bytes);
        v_store(part, v_set(1.0f) / v_one_plus_exp_minus(v_clip_scores(v_load(part))));
        memcpy(out + i, part, bytes);
    }
}

const wv_simd_ops WV_LEVEL_NAME(wv_simd_ops) = {dot, axpy, sigmoid};
