/* From a shard of ids to centres with their contexts: subsampling, sentence limits, windows. */
#ifndef WORDVEC_SGD_SHARD_H
#define WORDVEC_SGD_SHARD_H

#include "random.h"
#include "sgd.h"

/* Index of the sentence that holds token `position`. */
static int64_t sentence_of(const wv_shard *shard, int64_t position)
{
    int64_t low = 0, high = shard->n_sentences;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (shard->starts[middle] <= position)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static inline int is_kept(const wv_model *model, const wv_shard *shard, int64_t position)
{
    return !model->keep ||
           wv_bits_at(shard->epoch_key, position) <= model->keep[shard->ids[position]];
}

/* Appends the kept tokens of [position, end) to the list; returns its new length. */
static int64_t append_kept(const wv_model *model, const wv_shard *shard, int64_t position,
                           int64_t end, int32_t *kept, int64_t n)
{
    for (; position < end; position++) {
        kept[n] = shard->ids[position];
        n += is_kept(model, shard, position); /* a store always, no branch to mispredict */
    }
    return n;
}

/* Where to start so that up to `window` kept tokens lie before `position` in the sentence. */
static int64_t look_back(const wv_model *model, const wv_shard *shard, int64_t sentence_start,
                         int64_t position)
{
    int n_found = 0;
    while (position > sentence_start && n_found < model->window)
        n_found += is_kept(model, shard, --position);
    return position;
}

static int64_t look_ahead(const wv_model *model, const wv_shard *shard, int64_t position,
                          int64_t sentence_end)
{
    int n_found = 0;
    while (position < sentence_end && n_found < model->window)
        n_found += is_kept(model, shard, position++);
    return position;
}

/* Draws the windows of the centres [from, to), whose contexts may reach over [low, high). */
static void set_contexts(const wv_model *model, wv_worker *worker, int64_t from, int64_t to,
                         int64_t low, int64_t high)
{
    for (int64_t i = from; i < to; i++) {
        int32_t radius = model->window;
        if (model->shrink_windows)
            radius -= (int32_t)wv_below(wv_next(&worker->stream), (uint32_t)model->window);
        int64_t first = i - radius, last = i + radius;
        worker->context_first[i] = (int32_t)(first < low ? low : first);
        worker->context_last[i] = (int32_t)(last >= high ? high - 1 : last);
    }
}

/* As set_contexts for one sentence, cut after every max_sentence kept words. */
static void set_cut_contexts(const wv_model *model, wv_worker *worker, int64_t from, int64_t to)
{
    for (int64_t low = from; low < to; low += model->max_sentence) {
        int64_t high = low + model->max_sentence < to ? low + model->max_sentence : to;
        set_contexts(model, worker, low, high, low, high);
        worker->n_cuts += high < to;
    }
}

/* Fills the worker's list for the shard.  A sentence that goes on in the neighbouring shards lends
 * its words there as context, so where shards are cut changes nothing; only with max_sentence a
 * shard's border cuts too. */
static void prepare_shard(const wv_model *model, wv_worker *worker, const wv_shard *shard)
{
    int64_t sentence = sentence_of(shard, shard->first), position = shard->first, n = 0;
    worker->first_centre = worker->end_centre = 0;
    while (position < shard->end) {
        int64_t sentence_start = shard->starts[sentence];
        int64_t sentence_end = shard->starts[sentence + 1];
        int64_t end = sentence_end < shard->end ? sentence_end : shard->end;
        int64_t low = n;
        if (position > sentence_start && !model->max_sentence) {
            int64_t from = look_back(model, shard, sentence_start, position);
            worker->first_centre = n = append_kept(model, shard, from, position, worker->kept, n);
        }
        int64_t from = n;
        int64_t to = n = append_kept(model, shard, position, end, worker->kept, n);
        worker->end_centre = to;
        if (model->max_sentence) {
            set_cut_contexts(model, worker, from, to);
        } else {
            if (end < sentence_end) {
                int64_t until = look_ahead(model, shard, end, sentence_end);
                n = append_kept(model, shard, end, until, worker->kept, n);
            }
            set_contexts(model, worker, from, to, low, n);
        }
        position = end;
        sentence++;
    }
    worker->n_listed = n;
    worker->kept[n] = -1; /* the end, for whoever prefetches ahead */
    worker->n_kept += worker->end_centre - worker->first_centre;
}

static inline uint64_t prepare_draw(const wv_model *model, wv_worker *worker)
{
    uint64_t draw = wv_next(&worker->noise_stream);
    __builtin_prefetch(&model->aliases[wv_below(draw, (uint32_t)model->n_words)]);
    return draw;
}

static inline void start_noise(const wv_model *model, wv_worker *worker, uint64_t shard_key)
{
    worker->noise_stream = wv_stream(shard_key + 1);
    worker->n_draws = 0;
    for (int i = 0; i < WV_DRAWS_AHEAD; i++)
        worker->draws_ahead[i] = prepare_draw(model, worker);
}

/* Adds the worker's changes of its copies to the shared rows and takes the rows as they are now.
 * Two workers at the same row at the same moment may lose a change, as everywhere in Hogwild. */
static inline void exchange_hot(const wv_model *model, wv_hot *hot)
{
    if (!hot->rows)
        return;
    float *shared = hot->shared + hot->first * model->stride;
    for (int64_t i = 0; i < hot->n * model->stride; i++) {
        float now = shared[i] + (hot->rows[i] - hot->received[i]);
        shared[i] = hot->rows[i] = hot->received[i] = now;
    }
}

static inline void exchange_all(const wv_model *model, wv_worker *worker)
{
    exchange_hot(model, &worker->in);
    exchange_hot(model, &worker->out);
    exchange_hot(model, &worker->nodes);
    exchange_hot(model, &worker->positions);
}

/* One word from the noise distribution.  The alias table lies beyond the second-level cache, so
 * its entry is asked for WV_DRAWS_AHEAD draws before it is read. */
static inline int32_t draw_noise(const wv_model *model, wv_worker *worker)
{
    uint64_t *ahead = &worker->draws_ahead[worker->n_draws++ % WV_DRAWS_AHEAD];
    uint64_t draw = *ahead;
    *ahead = prepare_draw(model, worker);
    uint32_t slot = wv_below(draw, (uint32_t)model->n_words);
    wv_alias alias = model->aliases[slot];
    return (int32_t)((uint32_t)draw < alias.threshold ? slot : alias.other);
}

static inline void fill_pool(const wv_model *model, wv_worker *worker)
{
    for (int i = 0; i < WV_POOL_SIZE; i++)
        worker->pool[i] = (uint32_t)draw_noise(model, worker);
    worker->n_pool_draws = 0;
}

/* A word out of the pool; every WV_POOL_USES-th draw replaces the word in its slot.  The chance of
 * each word is that of a fresh draw, but its row has likely been used lately and is in cache. */
static inline int32_t draw_recycled(const wv_model *model, wv_worker *worker)
{
    uint32_t slot = (uint32_t)(wv_next(&worker->stream) >> 40) % WV_POOL_SIZE;
    int32_t word = (int32_t)worker->pool[slot];
    if (++worker->n_pool_draws % WV_POOL_USES == 0)
        worker->pool[slot] = (uint32_t)draw_noise(model, worker);
    return word;
}

#endif
