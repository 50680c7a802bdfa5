/* The GloVe update, written once; included once per instruction set. */
#include <math.h>

#include "glove.h"
#include "simd_vector.h"

/* 1 / sqrt(x), relative error below 1e-4 on every instruction set. */
#if VN == 16
WV_INLINE VF v_rsqrt(VF x) { return (VF)_mm512_rsqrt14_ps((__m512)x); }
#elif VN == 8
WV_INLINE VF v_rsqrt(VF x)
{
    VF r = (VF)_mm256_rsqrt_ps((__m256)x); /* 12 bits; one Newton step */
    return r * (v_set(1.5f) - v_set(0.5f) * x * r * r);
}
#else
WV_INLINE VF v_rsqrt(VF x)
{
    VF r;
    for (int lane = 0; lane < VN; lane++)
        r[lane] = 1.0f / __builtin_sqrtf(x[lane]);
    return r;
}
#endif

WV_INLINE VF v_pick(VI mask, VF a, VF b) { return (VF)(((VI)a & mask) | ((VI)b & ~mask)); }

WV_INLINE float v_sum(VF x)
{
#if VN == 16
    return _mm512_reduce_add_ps((__m512)x);
#else
    float total = 0;
    for (int lane = 0; lane < VN; lane++)
        total += x[lane];
    return total;
#endif
}

WV_INLINE void prefetch_pair(const wv_glove_model *model, const wv_glove_example *example)
{
    const float *word = model->words + (int64_t)example->row * 2 * model->half;
    const float *context = model->contexts + (int64_t)example->column * 2 * model->half;
    for (int64_t k = 0; k < 2 * model->half; k += 16) {
        v_prefetch(word + k);
        v_prefetch(context + k);
    }
}

/* One vector of a row: subtract the steps, add their squares. */
WV_INLINE void step(float *row, int64_t half, VF x, VF t)
{
    VF squares = v_load(row + half);
    v_store(row, x - t * v_rsqrt(squares));
    v_store(row + half, v_fma(t, t, squares));
}

double WV_LEVEL_NAME(wv_glove_train)(const wv_glove_model *model, const wv_glove_example *examples,
                                     int64_t n, int64_t *n_skipped)
{
    const int64_t half = model->half, last = model->dim / VN * VN; /* `last` holds the bias */
    const VF eta = v_set(model->eta), high = v_set(model->clip), low = v_set(-model->clip);
    VI is_bias = {0};
    is_bias[model->dim - last] = -1;
    double loss = 0;
    for (int64_t i = 0; i < n && i < WV_GLOVE_AHEAD; i++)
        prefetch_pair(model, examples + i);
    for (int64_t i = 0; i < n; i++) {
        if (i + WV_GLOVE_AHEAD < n)
            prefetch_pair(model, examples + i + WV_GLOVE_AHEAD);
        float *word = model->words + (int64_t)examples[i].row * 2 * half;
        float *context = model->contexts + (int64_t)examples[i].column * 2 * half;
        VF x = v_load(word + last), y = v_load(context + last);
        VF sums = v_fma(x, v_pick(is_bias, v_set(1.0f), y), v_pick(is_bias, y, v_zero()));
        for (int64_t k = 0; k < last; k += VN)
            sums = v_fma(v_load(word + k), v_load(context + k), sums);
        float diff = v_sum(sums) - examples[i].log_value, weighted = diff * examples[i].weight;
        if (!isfinite(diff) || !isfinite(weighted)) {
            ++*n_skipped;
            continue;
        }
        loss += 0.5 * (double)weighted * (double)diff;
        const VF fd = v_set(weighted);
        for (int64_t k = 0; k < last; k += VN) {
            VF a = v_load(word + k), b = v_load(context + k);
            step(word + k, half, a, v_max(low, v_min(high, fd * b)) * eta);
            step(context + k, half, b, v_max(low, v_min(high, fd * a)) * eta);
        }
        step(word + last, half, x, v_pick(is_bias, fd, v_max(low, v_min(high, fd * y)) * eta));
        step(context + last, half, y, v_pick(is_bias, fd, v_max(low, v_min(high, fd * x)) * eta));
    }
    return loss;
}
