/* The loops of wv_classify_ops, written once; included by classify_baseline.c and its siblings. */
#include <math.h>

#include "classify.h"
#include "random.h"
#include "simd_vector.h"

#include "classify_rows.h"

/* exp(x) for x <= 0, not below exp(-60) so that nothing becomes a denormal, whose arithmetic is
 * slow: 2^f by its Taylor polynomial for |f| <= 1/2, relative error 2e-7. */
WV_INLINE VF v_exp(VF x)
{
    const VF magic = v_set(12582912.0f); /* 1.5 * 2^23: adding it rounds to a whole number */
    VF t = v_max(v_set(-60.0f), x) * v_set(1.44269504f);
    VF shifted = t + magic;
    VF f = t - (shifted - magic);
    VF p = v_set(1.54035304e-4f);
    p = v_fma(p, f, v_set(1.33335581e-3f));
    p = v_fma(p, f, v_set(9.61812911e-3f));
    p = v_fma(p, f, v_set(5.55041087e-2f));
    p = v_fma(p, f, v_set(2.40226507e-1f));
    p = v_fma(p, f, v_set(6.93147181e-1f));
    p = v_fma(p, f, v_set(1.0f));
    return v_from_bits(v_bits(p) + ((v_bits(shifted) - v_bits(magic)) << 23));
}

/* log(x) for x >= 1, for the loss: polynomial of degree 7 (least squares), absolute error 2e-6. */
WV_INLINE VF v_log(VF x)
{
    VI bits = v_bits(x);
    VF whole = __builtin_convertvector((bits >> 23) - 127, VF);
    VF m = v_from_bits((bits & 0x007FFFFF) | 0x3F800000) - v_set(1.0f);
    VF p = v_set(0.0104307406f);
    p = v_fma(p, m, v_set(-0.0541508789f));
    p = v_fma(p, m, v_set(0.133581069f));
    p = v_fma(p, m, v_set(-0.225368889f));
    p = v_fma(p, m, v_set(0.328145887f));
    p = v_fma(p, m, v_set(-0.499473084f));
    p = v_fma(p, m, v_set(0.999982362f));
    return v_fma(whole, v_set(0.69314718f), p * m);
}

WV_INLINE float sum_of_lanes(VF x)
{
    const float *lanes = (const float *)&x;
    float sum = 0;
    for (int i = 0; i < VN; i++)
        sum += lanes[i];
    return sum;
}

/* Are n numbers within +-limit?  n is a multiple of VN. */
static int are_sane(const float *numbers, int64_t n, float limit)
{
    VI insane = {0};
    for (int64_t i = 0; i < n; i += VN) {
        VF x = v_load(numbers + i);
        VF size = v_from_bits(v_bits(x) & 0x7FFFFFFF);
        insane |= ~(VI)(size < v_set(limit)); /* a NaN compares false */
    }
    const int32_t *lanes = (const int32_t *)&insane;
    int32_t any = 0;
    for (int i = 0; i < VN; i++)
        any |= lanes[i];
    return any == 0;
}

/* scores -> exp(score - largest), 0 in the padding; returns their sum and the largest. */
static float exponentials(float *scores, int64_t n, int64_t padded, float *largest)
{
    for (int64_t i = n; i < padded; i++)
        scores[i] = -2 * WV_SCORE_SANE; /* below any score */
    VF top = v_load(scores), sum = v_zero();
    for (int64_t i = VN; i < padded; i += VN)
        top = v_max(top, v_load(scores + i));
    const float *lanes = (const float *)&top;
    float most = lanes[0];
    for (int i = 1; i < VN; i++)
        most = lanes[i] > most ? lanes[i] : most;
    const VF shift = v_set(most);
    for (int64_t i = 0; i < padded; i += VN)
        v_store(scores + i, v_exp(v_load(scores + i) - shift));
    for (int64_t i = n; i < padded; i++)
        scores[i] = 0;
    for (int64_t i = 0; i < padded; i += VN)
        sum += v_load(scores + i);
    *largest = most;
    return sum_of_lanes(sum);
}

/* Scores become rate * (target - probability); returns the loss. */
static double softmax_gradient(const wv_classifier *model, float *scores, int64_t padded,
                               int32_t target, float rate)
{
    float largest, of_target = scores[target];
    float sum = exponentials(scores, model->n_labels, padded, &largest);
    const VF share = v_set(-rate / sum);
    for (int64_t i = 0; i < padded; i += VN)
        v_store(scores + i, v_load(scores + i) * share);
    scores[target] += rate;
    return (double)(logf(sum) - (of_target - largest));
}

/* The same for one logistic unit per label; scores are taken within +-20.  With q = 1 + exp(-z)
 * the loss of a negative is log q + z, of a positive log q; logarithms of four labels at once. */
static double ova_gradient(const wv_classifier *model, float *scores, int64_t padded,
                           const int32_t *labels, int64_t n_labels, float rate)
{
    const VF limit = v_set(20.0f), step = v_set(-rate);
    double of_positives = 0;
    VF sum = v_zero(), product = v_set(1.0f);
    for (int64_t i = 0; i < n_labels; i++)
        of_positives += fminf(20.0f, fmaxf(-20.0f, scores[labels[i]]));
    for (int64_t i = model->n_labels; i < padded; i++)
        scores[i] = -20.0f;
    for (int64_t i = 0; i < padded; i += VN) {
        VF z = v_max(-limit, v_min(limit, v_load(scores + i)));
        VF q = v_one_plus_exp_minus(z);
        v_store(scores + i, step / q);
        product *= q;
        sum += z;
        if ((i / VN & 3) == 3 || i + VN >= padded) {
            sum += v_log(product);
            product = v_set(1.0f);
        }
    }
    for (int64_t i = model->n_labels; i < padded; i++)
        scores[i] = 0;
    for (int64_t i = 0; i < n_labels; i++) {
        float weight = model->label_weights == NULL ? 1.0f : model->label_weights[labels[i]];
        float *g = scores + labels[i];
        *g = weight * (*g + rate);
    }
    return sum_of_lanes(sum) - of_positives;
}

/* Scores of drawn rows become gradients of the logistic loss against `targets`. */
static double logistic_gradient(float *scores, const float *targets, int64_t n, float rate)
{
    double loss = 0;
    for (int64_t first = 0; first < n; first += VN) {
        VF z = v_clip_scores(v_load(scores + first));
        VF q = v_one_plus_exp_minus(z), target = v_load(targets + first);
        v_store(scores + first, v_set(rate) * (target - v_set(1.0f) / q));
        VF losses = v_log(q) + (v_set(1.0f) - target) * z;
        const float *lanes = (const float *)&losses;
        for (int64_t i = first; i < n && i < first + VN; i++)
            loss += lanes[i - first];
    }
    return loss;
}

/* Rows and targets of one line: its path, or its label and drawn ones; returns their number. */
static int64_t pick_rows(const wv_classifier *model, wv_line_worker *worker, int32_t target,
                         uint64_t *stream)
{
    int64_t n = 0;
    if (model->loss == WV_LOSS_HS) {
        for (int64_t i = model->path_starts[target]; i < model->path_starts[target + 1]; i++) {
            worker->picked[n] = model->path_nodes[i];
            worker->targets[n++] = model->path_codes[i]; /* code 1: the right child */
        }
        return n;
    }
    worker->picked[n] = target;
    worker->targets[n++] = 1;
    if (model->n_labels < 2)
        return n; /* fastText would draw for ever */
    while (n <= model->negative) {
        uint64_t draw = wv_next(stream);
        uint32_t slot = wv_below(draw, (uint32_t)model->n_labels);
        uint32_t label = (uint32_t)draw < model->noise[2 * slot] ? slot : model->noise[2 * slot + 1];
        if ((int32_t)label == target)
            continue;
        worker->picked[n] = (int32_t)label;
        worker->targets[n++] = 0;
    }
    return n;
}

typedef struct {
    const int32_t *rows, *labels;
    int64_t n_rows, n_labels;
    int32_t target; /* the label drawn for this visit */
    float rate;
} line_visit;

/* Gradient of one line against row-major labels, which are updated; 0 when a score diverged. */
static int visit_rows(const wv_classifier *model, wv_line_worker *worker, const line_visit *visit,
                      uint64_t *stream)
{
    float *scores = worker->scores;
    const int all = model->loss == WV_LOSS_SOFTMAX || model->loss == WV_LOSS_OVA;
    const int32_t *ids = all ? NULL : worker->picked;
    int64_t n = all ? model->n_labels : pick_rows(model, worker, visit->target, stream);
    score_rows(model, worker->hidden, ids, n, scores);
    int64_t padded = (n + VN - 1) / VN * VN;
    if (!are_sane(scores, padded, WV_SCORE_SANE))
        return 0;
    if (model->loss == WV_LOSS_SOFTMAX)
        worker->loss += softmax_gradient(model, scores, padded, visit->target, visit->rate);
    else if (model->loss == WV_LOSS_OVA)
        worker->loss += ova_gradient(model, scores, padded, visit->labels, visit->n_labels,
                                     visit->rate);
    else
        worker->loss += logistic_gradient(scores, worker->targets, n, visit->rate);
    update_rows(model, worker->hidden, ids, n, scores, worker->gradient);
    return 1;
}

/* Gradients of up to model->batch lines against transposed labels: all from the values before
 * the batch, added up. */
static int visit_transposed(const wv_classifier *model, wv_line_worker *worker,
                            const line_visit *visits, int n_visits)
{
    const int n_lines = n_visits <= 2 ? n_visits : n_visits <= 4 ? 4 : 8;
    const int64_t padded = model->label_stride;
    for (int b = n_visits; b < n_lines; b++)
        memset(worker->hidden + b * model->stride, 0, (size_t)model->stride * sizeof(float));
    score_transposed(model, worker, n_lines);
    for (int b = 0; b < n_visits; b++)
        if (!are_sane(worker->scores + b * worker->n_scores, padded, WV_SCORE_SANE))
            return 0;
    for (int b = 0; b < n_lines; b++) {
        float *scores = worker->scores + b * worker->n_scores;
        if (b >= n_visits)
            memset(scores, 0, (size_t)padded * sizeof *scores);
        else if (model->loss == WV_LOSS_SOFTMAX)
            worker->loss += softmax_gradient(model, scores, padded, visits[b].target,
                                             visits[b].rate);
        else
            worker->loss += ova_gradient(model, scores, padded, visits[b].labels,
                                         visits[b].n_labels, visits[b].rate);
    }
    update_transposed(model, worker, n_lines);
    return 1;
}

/* Sees what line i needs; 0 when it has no label or no row. */
static int begin_visit(const wv_classifier *model, const wv_line_shard *shard, int64_t i,
                       uint64_t *stream, line_visit *visit)
{
    visit->rows = shard->rows + shard->row_starts[i];
    visit->n_rows = shard->row_starts[i + 1] - shard->row_starts[i];
    visit->labels = shard->labels + shard->label_starts[i];
    visit->n_labels = shard->label_ends[i] - shard->label_starts[i];
    if (visit->n_rows == 0 || visit->n_labels == 0)
        return 0;
    visit->target = visit->labels[0];
    if (visit->n_labels > 1 && model->loss != WV_LOSS_OVA)
        visit->target = visit->labels[wv_below(wv_next(stream), (uint32_t)visit->n_labels)];
    double rate = shard->rate -
                  shard->rate_step * (double)(shard->token_starts[i] - shard->token_starts[0]);
    if (shard->weights != NULL)
        rate *= shard->weights[i];
    if (model->label_weights != NULL && model->loss != WV_LOSS_OVA)
        rate *= model->label_weights[visit->target];
    visit->rate = (float)rate;
    return 1;
}

/* WV_INLINE: gcc leaves out the call of a function that does nothing but prefetch. */
WV_INLINE void prefetch_line(const wv_classifier *model, const wv_line_shard *shard, int64_t i)
{
    if (model->prefetches && i < shard->n_lines)
        prefetch_rows(model, shard->rows + shard->row_starts[i],
                      shard->row_starts[i + 1] - shard->row_starts[i]);
}

static void train(const wv_classifier *model, wv_line_worker *worker, const wv_line_shard *shard)
{
    uint64_t stream = wv_stream(shard->key);
    line_visit visits[WV_BATCH_MAX];
    const int batch = model->transposed ? model->batch : 1, ahead = batch + 1;
    for (int64_t i = 0; i < ahead; i++)
        prefetch_line(model, shard, i);
    for (int64_t i = 0; i < shard->n_lines;) {
        int n = 0;
        for (; i < shard->n_lines && n < batch; i++) {
            prefetch_line(model, shard, i + ahead);
            line_visit *visit = visits + n;
            if (!begin_visit(model, shard, i, &stream, visit))
                continue;
            mean_of_rows(model, visit->rows, visit->n_rows, worker->hidden + n * model->stride);
            n++;
        }
        if (n == 0)
            break;
        int sane = are_sane(worker->hidden, n * model->stride, WV_SCORE_SANE);
        if (sane)
            sane = model->transposed ? visit_transposed(model, worker, visits, n)
                                     : visit_rows(model, worker, visits, &stream);
        sane = sane && are_sane(worker->gradient, n * model->stride, WV_GRADIENT_SANE);
        if (!sane) {
            worker->loss = NAN; /* what was written so far are numbers */
            return;
        }
        for (int b = 0; b < n; b++)
            add_to_rows(model, visits[b].rows, visits[b].n_rows,
                        worker->gradient + b * model->stride);
        worker->n_examples += n;
    }
}

#include "classify_best.h"
#include "classify_scored.h"

const wv_classify_ops WV_LEVEL_NAME(wv_classify_ops) = {
    train, means, predict, score, score_file_rows, best_by_scores,
};
