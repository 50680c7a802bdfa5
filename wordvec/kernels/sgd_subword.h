/* The hidden vectors of subword models: a word's input is the mean of its rows, its own and those
 * of its n-grams (Bojanowski et al. 2017).
 *
 * A word's hidden vector h = (1/n) sum r_i is computed once, when the word enters the windows, into
 * a ring of buffers, with a copy.  The update (sgd_block.h) trains the buffer in place as if it
 * were an input row.  When the word leaves the windows, the whole change (buffer - copy) is added
 * to each of its n rows, which moves their mean by just that change.  So rows are read and written
 * once per word and not, as in fastText, once per pair of words.
 */
#ifndef WORDVEC_SGD_SUBWORD_H
#define WORDVEC_SGD_SUBWORD_H

#include "sgd_rows.h"

WV_INLINE float *ring_row(const wv_pass *pass, int64_t position)
{
    const wv_worker *worker = pass->worker;
    return worker->ring + (position & worker->ring_mask) * pass->model->stride;
}

WV_INLINE float *ring_row_before(const wv_pass *pass, int64_t position)
{
    const wv_worker *worker = pass->worker;
    return worker->ring_before + (position & worker->ring_mask) * pass->model->stride;
}

/* Numbers of the rows of the word at a position; *n_rows tells how many. */
WV_INLINE const int32_t *rows_at(const wv_pass *pass, int64_t position, int64_t *n_rows)
{
    const wv_model *model = pass->model;
    const int64_t *start = model->subword_starts + pass->worker->kept[position];
    *n_rows = start[1] - start[0];
    return model->subword_rows + start[0];
}

WV_INLINE float *subword_row(const wv_pass *pass, int32_t number)
{
    return row_of(pass, &pass->worker->in, number);
}

/* Asks for the numbers of a word's rows, and some words before that for where they are: neither
 * array fits the second-level cache. */
WV_INLINE void prefetch_row_numbers(const wv_pass *pass, int64_t position)
{
    const wv_model *model = pass->model;
    const wv_worker *worker = pass->worker;
    if (position + WV_PREFETCH_NUMBERS < worker->n_listed)
        __builtin_prefetch(model->subword_starts + worker->kept[position + WV_PREFETCH_NUMBERS]);
    if (position >= worker->n_listed)
        return;
    const int32_t *rows = model->subword_rows + model->subword_starts[worker->kept[position]];
    __builtin_prefetch(rows);
    __builtin_prefetch(rows + 16);
}

WV_INLINE void prefetch_subwords(wv_pass *pass, int64_t position)
{
    prefetch_row_numbers(pass, position + WV_PREFETCH_NUMBERS);
    if (position >= pass->worker->n_listed)
        return;
    int64_t n_rows;
    const int32_t *rows = rows_at(pass, position, &n_rows);
    for (int64_t i = 0; i < n_rows; i++)
        prefetch_soon(pass, row_ahead(pass, &pass->worker->in, rows[i]));
}

/* `n` vectors, a constant, from column c on, of the mean of the rows. */
WV_INLINE void mean_of_columns(const wv_pass *pass, const int n, const int32_t *rows,
                               int64_t n_rows, int64_t c, float *hidden, float *before)
{
    VF sums[8];
    const VF share = v_set(1.0f / (float)n_rows);
#pragma GCC unroll 8
    for (int k = 0; k < n; k++)
        sums[k] = v_zero();
    for (int64_t i = 0; i < n_rows; i++) {
        const float *row = subword_row(pass, rows[i]) + c;
#pragma GCC unroll 8
        for (int k = 0; k < n; k++)
            sums[k] += v_load(row + k * VN);
    }
#pragma GCC unroll 8
    for (int k = 0; k < n; k++) {
        v_store(hidden + c + k * VN, sums[k] * share);
        v_store(before + c + k * VN, sums[k] * share);
    }
}

static void enter_ring(const wv_pass *pass, int64_t position)
{
    const int64_t stride = pass->model->stride;
    int64_t n_rows, c = 0;
    const int32_t *rows = rows_at(pass, position, &n_rows);
    float *hidden = ring_row(pass, position), *before = ring_row_before(pass, position);
    for (; c + 8 * VN <= stride; c += 8 * VN)
        mean_of_columns(pass, 8, rows, n_rows, c, hidden, before);
    for (; c + 4 * VN <= stride; c += 4 * VN)
        mean_of_columns(pass, 4, rows, n_rows, c, hidden, before);
    switch ((stride - c) / VN) {
    case 3:
        mean_of_columns(pass, 3, rows, n_rows, c, hidden, before);
        break;
    case 2:
        mean_of_columns(pass, 2, rows, n_rows, c, hidden, before);
        break;
    case 1:
        mean_of_columns(pass, 1, rows, n_rows, c, hidden, before);
        break;
    default:
        break;
    }
}

/* Adds the change to the rows, to each in the share that its lock lets through. */
static void add_locked(const wv_pass *pass, const int32_t *rows, int64_t n_rows,
                       const float *change)
{
    for (int64_t i = 0; i < n_rows; i++) {
        float *row = subword_row(pass, rows[i]);
        const VF share = v_set(pass->model->locks[rows[i]]);
        for (int64_t c = 0; c < pass->model->stride; c += VN)
            v_store(row + c, v_fma(share, v_load(change + c), v_load(row + c)));
    }
}

static void leave_ring(const wv_pass *pass, int64_t position)
{
    const int64_t stride = pass->model->stride;
    int64_t n_rows;
    const int32_t *rows = rows_at(pass, position, &n_rows);
    float *change = ring_row(pass, position);
    const float *before = ring_row_before(pass, position);
    for (int64_t c = 0; c < stride; c += VN)
        v_store(change + c, v_load(change + c) - v_load(before + c));
    if (pass->model->locks) {
        add_locked(pass, rows, n_rows, change);
        return;
    }
    for (int64_t i = 0; i < n_rows; i++) {
        float *row = subword_row(pass, rows[i]);
        for (int64_t c = 0; c < stride; c += VN)
            v_store(row + c, v_load(row + c) + v_load(change + c));
    }
}

/* Moves the ring to the next centre (one on, or the first): what its window cannot reach leaves,
 * what it can reach enters. */
WV_INLINE void move_ring(wv_pass *pass, int64_t centre)
{
    wv_worker *worker = pass->worker;
    const int64_t window = pass->model->window;
    int64_t end = centre + window + 1;
    if (end > worker->n_listed)
        end = worker->n_listed;
    prefetch_subwords(pass, centre + window + WV_PREFETCH_SUBWORDS);
    while (worker->first_in_ring < centre - window && worker->first_in_ring < worker->end_in_ring)
        leave_ring(pass, worker->first_in_ring++);
    while (worker->end_in_ring < end)
        enter_ring(pass, worker->end_in_ring++);
}

static void start_ring(wv_worker *worker) { worker->first_in_ring = worker->end_in_ring = 0; }

/* Without subwords the ring is always empty. */
static void empty_ring(const wv_pass *pass)
{
    wv_worker *worker = pass->worker;
    while (worker->first_in_ring < worker->end_in_ring)
        leave_ring(pass, worker->first_in_ring++);
}

/* ---- CBOW: the mean (or sum) of all rows of all context words ---- */

/* Rows of the context words of a centre, all together. */
WV_INLINE int64_t rows_of_context(const wv_pass *pass, int64_t centre)
{
    const wv_worker *worker = pass->worker;
    int64_t total = 0, n_rows;
    for (int64_t i = worker->context_first[centre]; i <= worker->context_last[centre]; i++) {
        rows_at(pass, i, &n_rows);
        total += i == centre ? 0 : n_rows;
    }
    return total;
}

/* Words with more rows weigh more, as in fastText. */
WV_INLINE void sum_ring(const wv_pass *pass, int64_t centre)
{
    const wv_model *model = pass->model;
    wv_worker *worker = pass->worker;
    const float per_row = model->cbow_mean ? 1.0f / (float)rows_of_context(pass, centre) : 1.0f;
    for (int64_t c = 0; c < model->stride; c += VN)
        v_store(worker->hidden + c, v_zero());
    for (int64_t i = worker->context_first[centre]; i <= worker->context_last[centre]; i++) {
        if (i == centre)
            continue;
        int64_t n_rows;
        rows_at(pass, i, &n_rows);
        const VF share = v_set(per_row * (float)n_rows);
        const float *hidden = ring_row(pass, i);
        for (int64_t c = 0; c < model->stride; c += VN)
            v_store(worker->hidden + c,
                    v_fma(share, v_load(hidden + c), v_load(worker->hidden + c)));
    }
    for (int64_t c = 0; c < model->stride; c += VN)
        v_store(worker->hidden_before + c, v_load(worker->hidden + c));
}

#endif
