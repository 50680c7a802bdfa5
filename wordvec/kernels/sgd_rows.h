/* Where the rows of a pass over a shard lie: shared, or a worker's copies of the busiest. */
#ifndef WORDVEC_SGD_ROWS_H
#define WORDVEC_SGD_ROWS_H

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

/* Row `number` of a matrix: the worker's copy where it has one, else the shared row. */
WV_INLINE float *row_of(const wv_pass *pass, const wv_hot *hot, int32_t number)
{
    uint32_t among_hot = (uint32_t)(number - hot->first);
    if (among_hot < pass->n_hot)
        return hot->rows + (int64_t)among_hot * pass->model->stride;
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

/* Asks for a row while the next block is computed; at once when the list is full. */
WV_INLINE void prefetch_soon(wv_pass *pass, const float *row)
{
    if (pass->ahead.n < WV_AHEAD_MAX)
        pass->ahead.rows[pass->ahead.n++] = row;
    else
        prefetch_row(row, pass->model->stride);
}

#endif
