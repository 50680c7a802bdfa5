/* Position-weighted CBOW (Mikolov et al. 2018, "Advances in Pre-Training Distributed Word
 * Representations", 2.2): every place p of the window has a vector d_p, and the input is
 *     h = sum over p of share_p (d_p * u_p)
 * by columns, u_p being the row (or hidden vector) of the word there and share_p its share in the
 * mean.  With the step s of h, as everywhere undivided for the words (word2vec.c):
 *     u_p += s * d_p        d_p += share_p (s * u_p)        (both from the old values)
 * Each worker trains a copy of the d_p, which all of its centres change, and exchanges it with the
 * others after each shard.
 */
#ifndef WORDVEC_SGD_POSITION_H
#define WORDVEC_SGD_POSITION_H

#include "sgd_rows.h"
#include "sgd_subword.h"

WV_INLINE float *position_row(const wv_pass *pass, int64_t centre, int64_t position)
{
    int64_t place = pass->model->window + position - centre;
    return pass->worker->positions.rows + (place - (position > centre)) * pass->model->stride;
}

/* The word at a position: its row or hidden vector, and its share in the mean or sum. */
WV_INLINE float *word_at(const wv_pass *pass, int64_t position, float per_row, float *share)
{
    int64_t n_rows = 1;
    *share = per_row;
    if (!pass->model->subword_starts)
        return input_row(pass, pass->worker->kept[position]);
    rows_at(pass, position, &n_rows);
    *share = per_row * (float)n_rows;
    return ring_row(pass, position);
}

/* What a row counts in the mean or sum of the context, which has `n_context` words. */
WV_INLINE float share_of_row(const wv_pass *pass, int64_t centre, int64_t n_context)
{
    if (!pass->model->cbow_mean)
        return 1.0f;
    return 1.0f / (float)(pass->model->subword_starts ? rows_of_context(pass, centre) : n_context);
}

WV_INLINE VF v_size(VF x) { return v_from_bits(v_bits(x) & 0x7FFFFFFF); }

/* Are all lanes below WV_SCORE_SANE?  Products of two or three such numbers do not overflow. */
WV_INLINE int is_sane(VF sizes)
{
    int all = 1;
    for (int lane = 0; lane < VN; lane++)
        all &= sizes[lane] < WV_SCORE_SANE;
    return all;
}

/* h into worker->hidden and ->hidden_before; 0 when it, or what it is made of, diverged. */
static int sum_positions(const wv_pass *pass, int64_t centre, int64_t n_context)
{
    const int64_t stride = pass->model->stride;
    wv_worker *worker = pass->worker;
    const float per_row = share_of_row(pass, centre, n_context);
    VF top = v_zero();
    for (int64_t c = 0; c < stride; c += VN)
        v_store(worker->hidden + c, v_zero());
    for (int64_t i = worker->context_first[centre]; i <= worker->context_last[centre]; i++) {
        if (i == centre)
            continue;
        float share;
        const float *word = word_at(pass, i, per_row, &share), *place = position_row(pass, centre, i);
        for (int64_t c = 0; c < stride; c += VN) {
            VF u = v_load(word + c), d = v_load(place + c);
            top = v_max(v_max(top, v_size(u)), v_size(d));
            v_store(worker->hidden + c, v_fma(v_set(share) * d, u, v_load(worker->hidden + c)));
        }
    }
    for (int64_t c = 0; c < stride; c += VN) {
        VF h = v_load(worker->hidden + c);
        v_store(worker->hidden_before + c, h);
        top = v_max(top, v_size(h));
    }
    return is_sane(top);
}

/* The step of h to words and places; 0, and nothing is changed, when it diverged. */
static int spread_positions(const wv_pass *pass, int64_t centre, int64_t n_context)
{
    const wv_model *model = pass->model;
    wv_worker *worker = pass->worker;
    const float per_row = share_of_row(pass, centre, n_context);
    int64_t n_parts = model->subword_starts ? rows_of_context(pass, centre) : n_context;
    const VF of_words = v_set(model->cbow_mean ? 1.0f : 1.0f / (float)n_parts);
    VF top = v_zero();
    for (int64_t c = 0; c < model->stride; c += VN)
        top = v_max(top, v_size(v_load(worker->hidden + c) - v_load(worker->hidden_before + c)));
    if (!is_sane(top))
        return 0;
    for (int64_t i = worker->context_first[centre]; i <= worker->context_last[centre]; i++) {
        if (i == centre)
            continue;
        float share;
        float *word = word_at(pass, i, per_row, &share), *place = position_row(pass, centre, i);
        for (int64_t c = 0; c < model->stride; c += VN) {
            VF step = of_words * (v_load(worker->hidden + c) - v_load(worker->hidden_before + c));
            VF u = v_load(word + c), d = v_load(place + c);
            v_store(word + c, v_fma(step, d, u));
            v_store(place + c, v_fma(v_set(share) * step, u, d));
        }
    }
    return 1;
}

#endif
