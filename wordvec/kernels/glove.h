/* Weighted least squares with AdaGrad over co-occurrence records (GloVe; Pennington et al. 2014).
 *
 * A row of a matrix is 2 * half floats: half = [dim numbers | bias | padding of 0], then as many
 * sums of squared gradients (padding 1).  One record (i, j, x), f = min(1, (x / x_max)^alpha):
 *
 *     diff = w_i . c_j + b_i + d_j - ln x        loss = f diff^2 / 2        fd = f diff
 *     t = clip(fd c_j) eta    w_i -= t / sqrt(G_i)    G_i += t^2     (c_j likewise, old values)
 *     b -= fd / sqrt(G_b)     G_b += fd^2     (no eta, no clip: as GloVe since 2019)
 *
 * Finite parameters and positive sums of squares at the start keep every step finite: a step is at
 * most clip * eta / sqrt(G), and G only grows.  So only diff and fd are tested.
 */
#ifndef WORDVEC_GLOVE_H
#define WORDVEC_GLOVE_H

#include <stdint.h>

#define WV_GLOVE_AHEAD 8 /* records whose rows are on their way from memory */

typedef struct { /* a record as in files; row and column count from 1 */
    int32_t row, column;
    double value;
} wv_glove_pair;

typedef struct { /* a record ready for training; row and column count from 0 */
    int32_t row, column;
    float log_value, weight;
} wv_glove_example;

typedef struct {
    float *words, *contexts; /* 64-byte aligned */
    int64_t dim, half;       /* half: floats, a multiple of 16 above dim */
    float eta, clip;
} wv_glove_model;

/* Trains the examples in order; returns the summed loss. *n_skipped counts non-finite ones. */
typedef double (*wv_glove_train)(const wv_glove_model *, const wv_glove_example *, int64_t n,
                                 int64_t *n_skipped);

double wv_glove_train_baseline(const wv_glove_model *, const wv_glove_example *, int64_t, int64_t *);
#if defined(__x86_64__)
double wv_glove_train_avx2(const wv_glove_model *, const wv_glove_example *, int64_t, int64_t *);
double wv_glove_train_avx512(const wv_glove_model *, const wv_glove_example *, int64_t, int64_t *);
#endif

static inline wv_glove_train wv_glove_train_of(int level)
{
#if defined(__x86_64__)
    if (level == 2)
        return wv_glove_train_avx512;
    if (level == 1)
        return wv_glove_train_avx2;
#endif
    (void)level;
    return wv_glove_train_baseline;
}

#endif
