/* The one update: F fixed rows (in registers) against S stream rows, one logistic mini-batch.
 *
 *     Z[s][f] = stream[s] . fixed[f]
 *     G       = rate * mask * (label - sigmoid(Z))
 *     stream[s] += sum_f G[s][f] fixed[f]      fixed[f] += sum_s G[s][f] stream[s]
 *
 * both from the values before the block; the loss is  sum -log sigmoid(+-Z).  (Negative sampling:
 * Mikolov et al. 2013; one step for a whole window: Ji et al. 2016.)  Fixed rows must be distinct.
 * A stream row that occurs twice is correct up to the second gradient seeing the first step.
 *
 * Scores lie in rows of C columns, C = 1, 2, 4 or 8, the smallest that holds F, so that the
 * sigmoid runs over full vectors and the sums over lanes are taken VN at a time.
 */
#ifndef WORDVEC_SGD_BLOCK_H
#define WORDVEC_SGD_BLOCK_H

#include <math.h>

#include "sgd.h"
#include "simd_vector.h"

/* A running product of 1 + exp(-z), kept as mantissa and exponent, is cheaper than logarithms:
 * -log sigmoid(z) = log(1 + exp(-z)),  -log sigmoid(-z) = log(1 + exp(-z)) + z. */
typedef struct {
    VF mantissa; /* product, scaled into [1, 2) */
    VI exponent;
    VF linear;
    VI insane; /* not 0 once a score was beyond WV_SCORE_SANE, or no number */
} wv_loss;

/* Beyond this a score counts as diverged: its pair of rows is left as it was, so that rows stay
 * numbers, and the loss becomes NaN, which ends the training.  With rates up to 1e9 rows cannot
 * overflow before a score is that large. */
#define WV_SCORE_SANE 1e15f

typedef float VF_UNALIGNED __attribute__((vector_size(VN * 4), aligned(4)));

WV_INLINE void loss_start(wv_loss *loss)
{
    loss->mantissa = v_set(1.0f);
    loss->exponent = v_bits(v_zero());
    loss->linear = v_zero();
    loss->insane = v_bits(v_zero());
}

static double loss_total(const wv_loss *loss)
{
    double total = 0;
    for (int lane = 0; lane < VN; lane++)
        if (loss->insane[lane])
            return NAN;
    for (int lane = 0; lane < VN; lane++)
        total += log((double)loss->mantissa[lane]) + M_LN2 * loss->exponent[lane] +
                 (double)loss->linear[lane];
    return total;
}

/* Rows that coming blocks will need.  A burst of prefetches stalls once as many cache misses are
 * under way as the core can follow; spread over the arithmetic of a block they cost next to
 * nothing. */
enum { WV_AHEAD_MAX = 64 };
typedef struct {
    int64_t n;
    const float *rows[WV_AHEAD_MAX];
} wv_ahead;

/* Asks for column c of rows [first, end) of the list. */
WV_INLINE void prefetch_columns(const wv_ahead *ahead, int64_t first, int64_t end, int64_t c)
{
    if (VN < 16 && c % 16)
        return; /* this cache line was asked for */
    for (int64_t i = first; i < end; i++)
        v_prefetch(ahead->rows[i] + c);
}

WV_INLINE int columns_of(int n_fixed)
{
    return n_fixed <= 2 ? n_fixed : n_fixed <= 4 ? 4 : 8;
}

/* Scores of `n_rows` stream rows; n_rows and n_fixed are constants where this is inlined. */
WV_INLINE void score_rows(const int n_rows, const int n_fixed, float *const *stream,
                          float *const *fixed, int64_t stride, float *scores,
                          const wv_ahead *ahead, int64_t ahead_first, int64_t ahead_end)
{
    const int columns = columns_of(n_fixed);
    const int n_sums = (n_rows * columns + VN - 1) / VN * VN;
    VF sums[32]; /* the most: 4 rows of 8 columns */
#pragma GCC unroll 32
    for (int i = 0; i < n_sums; i++)
        sums[i] = v_zero();
    for (int64_t c = 0; c < stride; c += VN) {
        VF x[6];
        prefetch_columns(ahead, ahead_first, ahead_end, c);
#pragma GCC unroll 16
        for (int r = 0; r < n_rows; r++)
            x[r] = v_load(stream[r] + c);
#pragma GCC unroll 6
        for (int f = 0; f < n_fixed; f++) {
            VF y = v_load(fixed[f] + c);
#pragma GCC unroll 16
            for (int r = 0; r < n_rows; r++)
                sums[r * columns + f] = v_fma(x[r], y, sums[r * columns + f]);
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < n_sums; i += VN)
        *(VF_UNALIGNED *)(scores + i) = v_lane_sums(sums + i);
}

/* All scores, as many rows at a time as the registers hold (32 with AVX-512, else 16); meanwhile
 * the first n_ahead rows of the list are asked for. */
WV_INLINE void score_block(const int n_fixed, int64_t n_stream, float *const *stream,
                           float *const *fixed, int64_t stride, float *scores,
                           const wv_ahead *ahead, int64_t n_ahead)
{
    const int columns = columns_of(n_fixed);
    int64_t s = 0;
#define SCORE(n_rows)                                                                       \
    do {                                                                                   \
        score_rows(n_rows, n_fixed, stream + s, fixed, stride, scores + s * columns,       \
                   ahead, n_ahead * s / n_stream, n_ahead * (s + n_rows) / n_stream);      \
        s += n_rows;                                                                       \
    } while (0)
    if (columns == 1) {
        while (n_stream - s >= 6)
            SCORE(6);
        if (n_stream - s >= 4)
            SCORE(4);
    } else if (VN == 16 || columns == 2) {
        while (n_stream - s >= 4)
            SCORE(4);
    }
    while (n_stream - s >= 2)
        SCORE(2);
    if (s < n_stream)
        SCORE(1);
#undef SCORE
}

/* 1 in the first n lanes, 0 in the others */
WV_INLINE VF v_first_lanes(int64_t n)
{
    static const float ones_then_zeros[2 * 16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    return *(const VF_UNALIGNED *)(ones_then_zeros + 16 - n);
}

/* Turns scores into gradients in place.  labels and mask hold a value per score when
 * `step` is 1, and one pattern of 16 floats, repeated, when it is 0. */
WV_INLINE void gradients_of_scores(int64_t n_scores, float *scores, const float *labels,
                                   const float *mask, const int step, float rate, wv_loss *loss)
{
    const VF one = v_set(1.0f);
    for (int64_t i = 0; i < n_scores; i += VN) {
        int64_t p = step ? i : i & 15;
        VF label = v_load(labels + p), weight = v_load(mask + p);
        if (i + VN > n_scores)
            weight *= v_first_lanes(n_scores - i);
        VF score = v_load(scores + i);
        VI sane = (VI)(v_from_bits(v_bits(score) & 0x7FFFFFFF) < v_set(WV_SCORE_SANE));
        VF z = v_clip_scores(score);
        VF d = v_one_plus_exp_minus(z);
        VF gradient = (label - one / d) * (weight * v_set(rate));
        v_store(scores + i, v_from_bits(v_bits(gradient) & sane));
        loss->insane |= ~sane & (VI)(weight > v_zero());
        VI bits = v_bits(loss->mantissa * v_fma(weight, d - one, one));
        loss->exponent += (bits >> 23) - 127;
        loss->mantissa = v_from_bits((bits & 0x007fffff) | 0x3f800000);
        loss->linear = v_fma(weight * (one - label), z, loss->linear);
    }
}

WV_INLINE void apply_gradients(const int n_fixed, int64_t n_stream, float *const *stream,
                               float *const *fixed, int64_t stride, const float *gradients,
                               const wv_ahead *ahead, int64_t n_asked_for)
{
    const int columns = columns_of(n_fixed);
    for (int64_t c = 0; c < stride; c += VN) {
        VF old[WV_FIXED_MAX], new[WV_FIXED_MAX];
        prefetch_columns(ahead, n_asked_for, ahead->n, c);
#pragma GCC unroll 6
        for (int f = 0; f < n_fixed; f++)
            old[f] = new[f] = v_load(fixed[f] + c);
        const float *g = gradients;
        for (int64_t s = 0; s < n_stream; s++, g += columns) {
            VF x = v_load(stream[s] + c), sum = x;
#pragma GCC unroll 6
            for (int f = 0; f < n_fixed; f++) {
                VF factor = v_set(g[f]);
                sum = v_fma(factor, old[f], sum);
                new[f] = v_fma(factor, x, new[f]);
            }
            v_store(stream[s] + c, sum);
        }
#pragma GCC unroll 6
        for (int f = 0; f < n_fixed; f++)
            v_store(fixed[f] + c, new[f]);
    }
}

WV_INLINE void update_rows(const int n_fixed, float *const *fixed, int64_t n_stream,
                           float *const *stream, int64_t stride, float *scores,
                           const float *labels, const float *mask, const int step, float rate,
                           wv_loss *loss, wv_ahead *ahead)
{
    const int64_t n_ahead = ahead->n / 3; /* the scores are a third of the arithmetic */
    score_block(n_fixed, n_stream, stream, fixed, stride, scores, ahead, n_ahead);
    gradients_of_scores(n_stream * columns_of(n_fixed), scores, labels, mask, step, rate, loss);
    apply_gradients(n_fixed, n_stream, stream, fixed, stride, scores, ahead, n_ahead);
    ahead->n = 0;
}


/* The same for an F known only at run time, labels and mask a value per score. */
static __attribute__((noinline)) void update_rows_any(int n_fixed, float *const *fixed,
                                                      int64_t n_stream, float *const *stream,
                                                      int64_t stride, wv_worker *worker,
                                                      float rate, wv_loss *loss,
                                                      wv_ahead *ahead)
{
#define UPDATE(n)                                                                           \
    case n:                                                                                \
        update_rows(n, fixed, n_stream, stream, stride, worker->scores, worker->labels,    \
                    worker->mask, 1, rate, loss, ahead);                                   \
        break
    switch (n_fixed) {
        UPDATE(1);
        UPDATE(2);
        UPDATE(3);
        UPDATE(4);
        UPDATE(5);
        UPDATE(6);
    default:
        break; /* checked by the callers */
    }
#undef UPDATE
}

/* labels[s] for every stream row, spread over the columns of worker->labels and ->mask. */
WV_INLINE void label_stream_row(wv_worker *worker, int n_fixed, int64_t s, float label)
{
    const int columns = columns_of(n_fixed);
    for (int f = 0; f < columns; f++) {
        worker->labels[s * columns + f] = label;
        worker->mask[s * columns + f] = f < n_fixed;
    }
}

#endif
