/* The producers of blocks: skip-gram and CBOW, negative sampling and hierarchical softmax.
 *
 * Directions as in word2vec.c: input rows belong to context words, output rows to the centre word,
 * its noise words, or the nodes of its Huffman path.  Included once per instruction set.
 */
#include "sgd.h"
#include "sgd_block.h"
#include "sgd_position.h"
#include "sgd_rows.h"
#include "sgd_shard.h"
#include "sgd_subword.h"

/* Makes ready what enters the windows of the centres from here on: the input row of a word, or the
 * hidden vectors of a subword model. */
WV_INLINE void prepare_entering(wv_pass *pass, int64_t centre)
{
    const wv_model *model = pass->model;
    const wv_worker *worker = pass->worker;
    if (model->subword_starts) {
        move_ring(pass, centre);
        return;
    }
    int64_t entering = centre + WV_PREFETCH_CENTRES + model->window;
    if (entering >= worker->end_centre)
        return;
    if (worker->in.claims)
        prefetch_soon(pass, worker->claimed[entering]);
    else
        prefetch_soon(pass, input_row(pass, worker->kept[entering]));
}

/* The input row of the word at a position of the list, or its hidden vector. */
WV_INLINE float *context_row(const wv_pass *pass, int64_t position)
{
    if (pass->model->subword_starts)
        return ring_row(pass, position);
    if (pass->worker->in.claims)
        return pass->worker->claimed[position];
    return input_row(pass, pass->worker->kept[position]);
}

/* Input rows of the centre's context words into worker->stream_rows; returns their number. */
WV_INLINE int64_t gather_context(const wv_pass *pass, int64_t centre)
{
    const wv_worker *worker = pass->worker;
    int64_t n = 0;
    for (int64_t i = worker->context_first[centre]; i <= worker->context_last[centre]; i++) {
        worker->stream_rows[n] = context_row(pass, i);
        n += i != centre;
    }
    return n;
}

WV_INLINE int contains(const int32_t *words, int n, int32_t word)
{
    int found = 0;
    for (int i = 0; i < n; i++)
        found |= words[i] == word;
    return found;
}

/* A centre's sets of noise words in the ring of drawn ones, each `negative` long. */
WV_INLINE int32_t *negatives_of(const wv_pass *pass, int64_t centre)
{
    const wv_model *model = pass->model;
    return pass->worker->negatives + (centre & 3) * model->n_sets * model->negative;
}

/* How many of its sets a centre needs. */
WV_INLINE int sets_of(const wv_pass *pass, int64_t centre)
{
    int32_t group = pass->model->group;
    if (!group)
        return 1;
    int32_t n_context = pass->worker->context_last[centre] - pass->worker->context_first[centre];
    return (n_context + group - 1) / group;
}

/* Draws the noise words that context words of a centre will share, and prefetches their rows.
 * Distinct where a few tries allow it: what is still equal is left out when it is used. */
WV_INLINE void draw_shared(wv_pass *pass, int64_t centre)
{
    const wv_model *model = pass->model;
    wv_worker *worker = pass->worker;
    int32_t *words = negatives_of(pass, centre);
    for (int set = sets_of(pass, centre); set > 0; set--, words += model->negative) {
        for (int k = 0; k < model->negative; k++) {
            int n_tries = 0;
            do {
                words[k] = model->negatives == WV_NEGATIVES_RECYCLED
                               ? draw_recycled(model, worker)
                               : draw_noise(model, worker);
            } while (contains(words, k, words[k]) && ++n_tries < 4);
            prefetch_soon(pass, row_ahead(pass, &worker->out, words[k]));
        }
    }
    prefetch_soon(pass, row_ahead(pass, &worker->out, worker->kept[centre]));
}

/* ---- skip-gram, noise words shared by the window ---- */

/* One set of up to 5 noise words, for some context rows of a word: the output rows stay in
 * registers and the context rows stream past. */
WV_INLINE void update_outputs_fixed(wv_pass *pass, int32_t word, const int32_t *noise,
                                    float *const *contexts, int64_t n_context, const int n_outputs)
{
    const wv_model *model = pass->model;
    wv_worker *worker = pass->worker;
    const int columns = columns_of(n_outputs);
    float labels[16] __attribute__((aligned(64))), mask[16] __attribute__((aligned(64)));
    for (int i = 0; i < 16; i++) {
        labels[i] = i % columns == 0;
        mask[i] = i % columns < n_outputs;
    }
    float *outputs[WV_FIXED_MAX];
    outputs[0] = output_row(pass, word);
    for (int k = 0; k < n_outputs - 1; k++) {
        outputs[k + 1] = output_row(pass, noise[k]);
        if (noise[k] == word || contains(noise, k, noise[k])) {
            /* no update; and its store must not undo that of the same row */
            outputs[k + 1] = worker->spare_row + k * model->stride;
            for (int i = k + 1; i < 16; i += columns)
                mask[i] = 0;
        }
    }
    update_rows(n_outputs, outputs, n_context, contexts, model->stride, worker->scores, labels,
                mask, 0, pass->rate, &pass->loss, &pass->ahead);
}

/* All context rows of a centre, group by group. */
WV_INLINE void update_window_outputs_fixed(wv_pass *pass, int64_t centre, const int n_outputs)
{
    const wv_model *model = pass->model;
    const wv_worker *worker = pass->worker;
    int64_t n_context = gather_context(pass, centre), group = model->group ? model->group : n_context;
    const int32_t *noise = negatives_of(pass, centre);
    for (int64_t first = 0; first < n_context; first += group, noise += model->negative) {
        int64_t n = n_context - first < group ? n_context - first : group;
        update_outputs_fixed(pass, worker->kept[centre], noise, worker->stream_rows + first, n,
                             n_outputs);
    }
}

/* The centre's output row and its usable noise rows into `rows`; returns their number. */
WV_INLINE int64_t gather_outputs(const wv_pass *pass, int32_t word, const int32_t *noise,
                                 float **rows)
{
    const wv_model *model = pass->model;
    int64_t n = 0;
    rows[n++] = output_row(pass, word);
    for (int k = 0; k < model->negative; k++)
        if (noise[k] != word)
            rows[n++] = output_row(pass, noise[k]);
    return n;
}

/* Takes context words of a centre from *next on, distinct ones, at most `most`; returns how many. */
WV_INLINE int take_batch(const wv_pass *pass, int64_t centre, int64_t *next, int most, float **rows)
{
    const wv_worker *worker = pass->worker;
    int n = 0;
    for (; *next <= worker->context_last[centre] && n < most; ++*next) {
        if (*next == centre)
            continue;
        float *row = context_row(pass, *next);
        for (int i = 0; i < n; i++)
            if (rows[i] == row)
                return n;
        rows[n++] = row;
    }
    return n;
}

/* More noise words: up to 6 context rows stay in registers and the output rows stream past. */
static void update_window_contexts_fixed(wv_pass *pass, int64_t centre)
{
    const wv_model *model = pass->model;
    wv_worker *worker = pass->worker;
    float *contexts[WV_FIXED_MAX];
    const int32_t *noise = negatives_of(pass, centre);
    const int most = model->group && model->group < WV_FIXED_MAX ? model->group : WV_FIXED_MAX;
    int64_t next = worker->context_first[centre];
    int n, n_sets_left = sets_of(pass, centre);
    int64_t n_outputs = gather_outputs(pass, worker->kept[centre], noise, worker->stream_rows);
    while ((n = take_batch(pass, centre, &next, most, contexts)) > 0) {
        for (int64_t s = 0; s < n_outputs; s++)
            label_stream_row(worker, n, s, s == 0);
        update_rows_any(n, contexts, n_outputs, worker->stream_rows, model->stride, worker,
                        pass->rate, &pass->loss, &pass->ahead);
        if (--n_sets_left > 0) { /* batches cut short by equal rows may be more than the sets */
            noise += model->negative;
            n_outputs = gather_outputs(pass, worker->kept[centre], noise, worker->stream_rows);
        }
    }
}

static void skip_gram_shared(wv_pass *pass)
{
    const wv_worker *worker = pass->worker;
    const int n_outputs = pass->model->negative + 1;
    for (int64_t i = worker->first_centre - WV_PREFETCH_CENTRES; i < worker->end_centre; i++) {
        if (i + WV_PREFETCH_CENTRES < worker->end_centre)
            draw_shared(pass, i + WV_PREFETCH_CENTRES);
        prepare_entering(pass, i);
        if (i < worker->first_centre)
            continue;
        switch (n_outputs) {
        case 2:
            update_window_outputs_fixed(pass, i, 2);
            break;
        case 3:
            update_window_outputs_fixed(pass, i, 3);
            break;
        case 4:
            update_window_outputs_fixed(pass, i, 4);
            break;
        case 5:
            update_window_outputs_fixed(pass, i, 5);
            break;
        case 6:
            update_window_outputs_fixed(pass, i, 6);
            break;
        default:
            update_window_contexts_fixed(pass, i);
        }
    }
}

/* ---- skip-gram, noise words of their own for every pair ---- */

typedef struct {
    int64_t centre, context; /* positions in worker->kept; the next pair to prepare */
    uint64_t n_prepared, n_done;
    int32_t words[WV_PAIR_RING];
    float *inputs[WV_PAIR_RING];
} wv_pair_queue;

/* Prepares the next pair: draws its noise words and prefetches their rows.  0 at the end. */
WV_INLINE int prepare_pair(wv_pass *pass, wv_pair_queue *queue)
{
    const wv_model *model = pass->model;
    wv_worker *worker = pass->worker;
    while (queue->centre < worker->end_centre) {
        if (queue->context == queue->centre)
            queue->context++;
        if (queue->context <= worker->context_last[queue->centre])
            break;
        if (++queue->centre < worker->end_centre) {
            queue->context = worker->context_first[queue->centre];
            prepare_entering(pass, model->subword_starts ? queue->centre
                                                         : queue->centre - WV_PREFETCH_CENTRES + 1);
            prefetch_soon(pass, row_ahead(pass, &worker->out, worker->kept[queue->centre]));
        }
    }
    if (queue->centre >= worker->end_centre)
        return 0;
    int slot = (int)(queue->n_prepared++ % WV_PAIR_RING);
    queue->words[slot] = worker->kept[queue->centre];
    queue->inputs[slot] = context_row(pass, queue->context++);
    int32_t *noise = worker->negatives + slot * model->negative;
    for (int k = 0; k < model->negative; k++) {
        noise[k] = draw_noise(model, worker);
        prefetch_soon(pass, row_ahead(pass, &worker->out, noise[k]));
    }
    return 1;
}

static void skip_gram_pairs(wv_pass *pass)
{
    const wv_model *model = pass->model;
    wv_worker *worker = pass->worker;
    wv_pair_queue queue = {.centre = worker->first_centre};
    if (worker->first_centre >= worker->end_centre)
        return;
    queue.context = worker->context_first[queue.centre];
    prepare_entering(pass, queue.centre);
    /* As many pairs ahead as leave half of a 32 KB first-level cache for the rows in work. */
    int64_t bytes_of_pair = (model->negative + 1) * model->stride * (int64_t)sizeof(float);
    int64_t n_ahead = 16384 / bytes_of_pair;
    n_ahead = n_ahead < 2 ? 2 : n_ahead > WV_PAIR_RING - 1 ? WV_PAIR_RING - 1 : n_ahead;
    /* None ahead with a ring of hidden vectors: those of a pair not yet trained would leave. */
    const int ahead = !model->subword_starts;
    n_ahead = ahead ? n_ahead : 1;
    while (n_ahead-- > 0 && prepare_pair(pass, &queue)) {
    }
    while (queue.n_done < queue.n_prepared) {
        if (ahead)
            prepare_pair(pass, &queue);
        int slot = (int)(queue.n_done++ % WV_PAIR_RING);
        int64_t n_outputs = gather_outputs(
            pass, queue.words[slot], worker->negatives + slot * model->negative,
            worker->stream_rows);
        update_rows(1, &queue.inputs[slot], n_outputs, worker->stream_rows, model->stride,
                    worker->scores, worker->labels, worker->mask, 1, pass->rate, &pass->loss,
                    &pass->ahead);
        if (!ahead)
            prepare_pair(pass, &queue);
    }
}

/* ---- pairs that are given one by one ---- */

/* The error reaches an input row once, after all its outputs.  Where both ends are rows of one
 * matrix (LINE's first order), an output that is the input row itself is left out: it would be
 * written twice in one update. */
static void train_pairs(const wv_model *model, wv_worker *worker, const wv_pairs *pairs)
{
    wv_pass pass = {.model = model, .worker = worker, .n_hot = 0, .rate = pairs->rate};
    const int64_t n_ahead = WV_PAIR_RING / 4;
    const int is_one_matrix = model->in_rows == model->out_rows;
    start_noise(model, worker, pairs->key);
    loss_start(&pass.loss);
    for (int64_t s = 0; s <= model->negative; s++)
        label_stream_row(worker, 1, s, s == 0);
    for (int64_t k = -n_ahead; k < pairs->n; k++) {
        int64_t next = k + n_ahead;
        if (next < pairs->n) {
            int32_t *noise = worker->negatives + next % WV_PAIR_RING * model->negative;
            for (int i = 0; i < model->negative; i++) {
                noise[i] = draw_noise(model, worker);
                prefetch_row(output_row(&pass, noise[i]), model->stride);
            }
            prefetch_row(input_row(&pass, pairs->inputs[next]), model->stride);
            prefetch_row(output_row(&pass, pairs->outputs[next]), model->stride);
        }
        if (k < 0 || (is_one_matrix && pairs->inputs[k] == pairs->outputs[k]))
            continue;
        float *input = input_row(&pass, pairs->inputs[k]);
        int64_t n_outputs =
            gather_outputs(&pass, pairs->outputs[k],
                           worker->negatives + k % WV_PAIR_RING * model->negative,
                           worker->stream_rows);
        if (is_one_matrix) {
            int64_t n_kept = 0;
            for (int64_t s = 0; s < n_outputs; s++) {
                worker->stream_rows[n_kept] = worker->stream_rows[s];
                n_kept += worker->stream_rows[s] != input;
            }
            n_outputs = n_kept;
        }
        update_rows(1, &input, n_outputs, worker->stream_rows, model->stride, worker->scores,
                    worker->labels, worker->mask, 1, pass.rate, &pass.loss, &pass.ahead);
        worker->n_examples++;
    }
    worker->loss += loss_total(&pass.loss);
}

/* ---- hierarchical softmax: the nodes of the centre's path stream past ---- */

/* Rows and labels of the path of `word` for blocks of n_fixed rows; returns the path's length. */
WV_INLINE int64_t gather_path(const wv_pass *pass, int32_t word)
{
    const wv_model *model = pass->model;
    int64_t start = model->path_starts[word], length = model->path_starts[word + 1] - start;
    for (int64_t s = 0; s < length; s++)
        pass->worker->stream_rows[s] =
            node_row(pass, model->path_nodes[start + s]);
    return length;
}

WV_INLINE void label_path(const wv_pass *pass, int32_t word, int n_fixed, int64_t length)
{
    const uint8_t *codes = pass->model->path_codes + pass->model->path_starts[word];
    for (int64_t s = 0; s < length; s++)
        label_stream_row(pass->worker, n_fixed, s, 1.0f - codes[s]);
}

WV_INLINE void prefetch_path(wv_pass *pass, int64_t centre)
{
    const wv_model *model = pass->model;
    if (centre >= pass->worker->end_centre)
        return;
    int32_t word = pass->worker->kept[centre];
    for (int64_t p = model->path_starts[word]; p < model->path_starts[word + 1]; p++)
        prefetch_soon(pass, row_ahead(pass, &pass->worker->nodes, model->path_nodes[p]));
}

static void skip_gram_paths(wv_pass *pass)
{
    const wv_model *model = pass->model;
    wv_worker *worker = pass->worker;
    for (int64_t i = worker->first_centre; i < worker->end_centre; i++) {
        prefetch_path(pass, i + 1);
        prepare_entering(pass, i);
        int32_t word = worker->kept[i];
        int64_t length = gather_path(pass, word), next = worker->context_first[i];
        float *contexts[WV_FIXED_MAX];
        int n;
        while ((n = take_batch(pass, i, &next, model->hs_batch, contexts)) > 0) {
            label_path(pass, word, n, length);
            update_rows_any(n, contexts, length, worker->stream_rows, model->stride, worker,
                            pass->rate, &pass->loss, &pass->ahead);
        }
    }
}

/* ---- CBOW: the mean (or sum) of the context rows is the one fixed row ---- */

WV_INLINE void sum_context(const wv_pass *pass, int64_t n_context)
{
    const wv_model *model = pass->model;
    wv_worker *worker = pass->worker;
    VF share = v_set(model->cbow_mean ? 1.0f / (float)n_context : 1.0f);
    for (int64_t c = 0; c < model->stride; c += VN) {
        VF sum = v_load(worker->stream_rows[0] + c);
        for (int64_t i = 1; i < n_context; i++)
            sum += v_load(worker->stream_rows[i] + c);
        sum *= share;
        v_store(worker->hidden + c, sum);
        v_store(worker->hidden_before + c, sum);
    }
}

/* The step of the hidden row goes to every context row: undivided for the mean (word2vec.c),
 * divided for the sum (gensim), where it would otherwise grow with the window. */
WV_INLINE void spread_step(const wv_pass *pass, int64_t centre)
{
    const wv_model *model = pass->model;
    wv_worker *worker = pass->worker;
    int64_t n_context = gather_context(pass, centre);
    int64_t n_parts = model->subword_starts ? rows_of_context(pass, centre) : n_context;
    VF share = v_set(model->cbow_mean ? 1.0f : 1.0f / (float)n_parts);
    for (int64_t c = 0; c < model->stride; c += VN) {
        VF step = share * (v_load(worker->hidden + c) - v_load(worker->hidden_before + c));
        for (int64_t i = 0; i < n_context; i++)
            v_store(worker->stream_rows[i] + c, v_load(worker->stream_rows[i] + c) + step);
    }
}

WV_INLINE void cbow_step(wv_pass *pass, int64_t centre, const int use_paths)
{
    const wv_model *model = pass->model;
    wv_worker *worker = pass->worker;
    int32_t word = worker->kept[centre];
    int64_t n_context = gather_context(pass, centre);
    if (n_context == 0)
        return;
    if (model->position_rows) {
        if (!sum_positions(pass, centre, n_context)) {
            pass->loss.insane = ~v_bits(v_zero());
            return;
        }
    } else if (model->subword_starts) {
        sum_ring(pass, centre);
    } else {
        sum_context(pass, n_context);
    }
    int64_t n_outputs;
    if (use_paths) {
        n_outputs = gather_path(pass, word);
        label_path(pass, word, 1, n_outputs);
    } else {
        n_outputs =
            gather_outputs(pass, word, negatives_of(pass, centre), worker->stream_rows);
    }
    update_rows(1, &worker->hidden, n_outputs, worker->stream_rows, model->stride, worker->scores,
                worker->labels, worker->mask, 1, pass->rate, &pass->loss, &pass->ahead);
    if (!model->position_rows)
        spread_step(pass, centre);
    else if (!spread_positions(pass, centre, n_context))
        pass->loss.insane = ~v_bits(v_zero());
}

static void cbow_shared(wv_pass *pass)
{
    const wv_worker *worker = pass->worker;
    for (int64_t i = worker->first_centre - WV_PREFETCH_CENTRES; i < worker->end_centre; i++) {
        if (i + WV_PREFETCH_CENTRES < worker->end_centre)
            draw_shared(pass, i + WV_PREFETCH_CENTRES);
        prepare_entering(pass, i);
        if (i >= worker->first_centre)
            cbow_step(pass, i, 0);
    }
}

static void cbow_paths(wv_pass *pass)
{
    const wv_worker *worker = pass->worker;
    for (int64_t i = worker->first_centre; i < worker->end_centre; i++) {
        prefetch_path(pass, i + 1);
        prepare_entering(pass, i);
        cbow_step(pass, i, 1);
    }
}

/* ---- the doors ---- */

/* Examples are pairs of centre and context (skip-gram) or centres that have a context (CBOW). */
static void count_examples(const wv_model *model, wv_worker *worker)
{
    for (int64_t i = worker->first_centre; i < worker->end_centre; i++) {
        int64_t n_context = worker->context_last[i] - worker->context_first[i];
        worker->n_examples += model->use_cbow ? n_context > 0 : n_context;
    }
}

/* Hierarchical softmax first, then negative sampling, as in word2vec.c when both are on; here each
 * passes over the whole shard. */
static void train_shard(const wv_model *model, wv_worker *worker, const wv_shard *shard)
{
    wv_pass pass = {
        .model = model, .worker = worker, .n_hot = (uint32_t)model->n_hot, .rate = shard->rate};
    if (worker->in.claims)
        pass.n_hot = UINT32_MAX;
    worker->stream = wv_stream(shard->shard_key);
    prepare_shard(model, worker, shard);
    count_examples(model, worker);
    if (worker->in.claims && !model->subword_starts)
        claim_inputs(&pass);
    loss_start(&pass.loss);
    if (model->node_rows) {
        start_ring(worker);
        if (model->use_cbow)
            cbow_paths(&pass);
        else
            skip_gram_paths(&pass);
        empty_ring(&pass);
    }
    if (model->out_rows) {
        start_noise(model, worker, shard->shard_key);
        if (model->negatives == WV_NEGATIVES_RECYCLED)
            fill_pool(model, worker);
        int64_t n_outputs = model->negative + 1;
        for (int64_t s = 0; s < n_outputs; s++)
            label_stream_row(worker, 1, s, s == 0);
        start_ring(worker);
        if (model->use_cbow)
            cbow_shared(&pass);
        else if (model->negatives == WV_NEGATIVES_PAIR)
            skip_gram_pairs(&pass);
        else
            skip_gram_shared(&pass);
        empty_ring(&pass);
    }
    worker->loss += loss_total(&pass.loss);
    if (worker->in.claims) {
        settle_claims(&worker->in, model->stride);
        settle_claims(&worker->out, model->stride);
        settle_claims(&worker->nodes, model->stride);
    } else if (model->n_hot || model->position_rows) {
        exchange_all(model, worker);
    }
}

static double update_block(wv_worker *worker, int n_fixed, float *const *fixed, int64_t n_stream,
                           float *const *stream, const float *labels, int64_t stride, float rate)
{
    wv_loss loss;
    wv_ahead nothing = {.n = 0};
    const int columns = columns_of(n_fixed);
    loss_start(&loss);
    for (int64_t s = 0; s < n_stream; s++) {
        label_stream_row(worker, n_fixed, s, 0);
        for (int f = 0; f < n_fixed; f++)
            worker->labels[s * columns + f] = labels[s * n_fixed + f];
    }
    update_rows_any(n_fixed, fixed, n_stream, stream, stride, worker, rate, &loss,
                    &nothing);
    return loss_total(&loss);
}

const wv_sgd_ops WV_LEVEL_NAME(wv_sgd_ops) = {train_shard, train_pairs, update_block};
