/* Where the rows of a pass over a shard lie: shared, or a worker's copies of the busiest. */
#ifndef WORDVEC_SGD_ROWS_H
#define WORDVEC_SGD_ROWS_H

#include <string.h>

#include "sgd.h"
#include "sgd_block.h"

typedef struct {
    const wv_model *model;
    wv_worker *worker;
    uint32_t n_hot;
    float rate;
    wv_loss loss;
    wv_ahead ahead; /* rows to ask for while the next block is computed */
} wv_pass; /* one run over the prepared shard */

/* The shard's own copy of a row, made when it is first asked for. */
static __attribute__((noinline)) float *claim_row(const wv_hot *hot, int32_t number, int64_t stride)
{
    wv_claims *claims = hot->claims;
    int64_t slot = claims->n++;
    float *row = claims->rows + slot * stride;
    claims->numbers[slot] = number;
    hot->slots[number] = (int32_t)slot;
    memcpy(row, hot->shared + (int64_t)number * stride, stride * sizeof(float));
    return row;
}

/* Row `number` of a matrix: the worker's copy where it has one, else the shared row.  A worker
 * that claims its rows has a pass->n_hot above every number, so that the others pay nothing. */
WV_INLINE float *row_of(const wv_pass *pass, const wv_hot *hot, int32_t number)
{
    uint32_t among_hot = (uint32_t)(number - hot->first);
    if (among_hot < pass->n_hot) {
        if (!hot->claims)
            return hot->rows + (int64_t)among_hot * pass->model->stride;
        int32_t slot = hot->slots[number];
        if (slot < 0)
            return claim_row(hot, number, pass->model->stride);
        return hot->claims->rows + (int64_t)slot * pass->model->stride;
    }
    return hot->shared + (int64_t)number * pass->model->stride;
}

WV_INLINE float *input_row(const wv_pass *pass, int32_t word)
{
    return row_of(pass, &pass->worker->in, word);
}

WV_INLINE float *output_row(const wv_pass *pass, int32_t word)
{
    return row_of(pass, &pass->worker->out, word);
}

WV_INLINE float *node_row(const wv_pass *pass, int32_t node)
{
    return row_of(pass, &pass->worker->nodes, node);
}

WV_INLINE void prefetch_row(const float *row, int64_t stride)
{
    for (int64_t c = 0; c < stride; c += 16)
        v_prefetch(row + c);
}

/* Where a row lies that will soon be used.  One that is not claimed yet stays so: it would have to
 * be waited for. */
WV_INLINE const float *row_ahead(const wv_pass *pass, const wv_hot *hot, int32_t number)
{
    if (hot->claims && hot->slots[number] < 0)
        return hot->shared + (int64_t)number * pass->model->stride;
    return row_of(pass, hot, number);
}

enum { WV_CLAIMS_AHEAD = 8 };

/* Claims the input rows of all tokens of the list: many at a time are waited for together, and the
 * loops find them without a look at the slots. */
static void claim_inputs(const wv_pass *pass)
{
    const wv_worker *worker = pass->worker;
    for (int64_t i = 0; i < worker->n_listed; i++) {
        if (i + WV_CLAIMS_AHEAD < worker->n_listed)
            prefetch_row(row_ahead(pass, &worker->in, worker->kept[i + WV_CLAIMS_AHEAD]),
                         pass->model->stride);
        worker->claimed[i] = input_row(pass, worker->kept[i]);
    }
}

/* Claimed rows become their changes, and the worker forgets them. */
static void settle_claims(const wv_hot *hot, int64_t stride)
{
    if (!hot->claims)
        return;
    for (int64_t slot = 0; slot < hot->claims->n; slot++) {
        int32_t number = hot->claims->numbers[slot];
        float *row = hot->claims->rows + slot * stride;
        const float *shared = hot->shared + (int64_t)number * stride;
        for (int64_t c = 0; c < stride; c += VN)
            v_store(row + c, v_load(row + c) - v_load(shared + c));
        hot->slots[number] = -1;
    }
}

/* Asks for a row while the next block is computed; at once when the list is full. */
WV_INLINE void prefetch_soon(wv_pass *pass, const float *row)
{
    if (pass->ahead.n < WV_AHEAD_MAX)
        pass->ahead.rows[pass->ahead.n++] = row;
    else
        prefetch_row(row, pass->model->stride);
}

#endif
