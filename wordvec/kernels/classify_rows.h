/* Means of input rows and gradients back to them; scores and updates of the label matrix.
 * Included by classify_body.h, once per instruction set. */

/* ---- input rows: n vectors of columns at a time, n a constant, sums in registers ---- */

WV_INLINE void mean_vectors(const int n, const float *rows, int64_t stride, const int32_t *ids,
                            int64_t n_ids, float *out)
{
    VF sums[8];
    const VF share = v_set((float)(1.0 / (double)n_ids));
#pragma GCC unroll 8
    for (int v = 0; v < n; v++)
        sums[v] = v_zero();
    for (int64_t i = 0; i < n_ids; i++) {
        const float *row = rows + ids[i] * stride;
#pragma GCC unroll 8
        for (int v = 0; v < n; v++)
            sums[v] += v_load(row + v * VN);
    }
#pragma GCC unroll 8
    for (int v = 0; v < n; v++)
        v_store(out + v * VN, sums[v] * share);
}

WV_INLINE void add_vectors(const int n, float *rows, int64_t stride, const int32_t *ids,
                           int64_t n_ids, float share_of_row, const float *gradient)
{
    VF step[8];
    const VF share = v_set(share_of_row);
#pragma GCC unroll 8
    for (int v = 0; v < n; v++)
        step[v] = v_load(gradient + v * VN) * share;
    for (int64_t i = 0; i < n_ids; i++) {
        float *row = rows + ids[i] * stride;
#pragma GCC unroll 8
        for (int v = 0; v < n; v++)
            v_store(row + v * VN, v_load(row + v * VN) + step[v]);
    }
}

#define BY_COLUMNS(function, rows, stride, ids, n_ids, vector)                                  \
    do {                                                                                       \
        int64_t n_vectors_ = (stride) / VN, at_ = 0;                                            \
        for (; at_ + 8 <= n_vectors_; at_ += 8)                                                 \
            function(8, (rows) + at_ * VN, stride, ids, n_ids, (vector) + at_ * VN);            \
        for (; at_ + 4 <= n_vectors_ && n_vectors_ - at_ != 7; at_ += 4)                        \
            function(4, (rows) + at_ * VN, stride, ids, n_ids, (vector) + at_ * VN);            \
        switch (n_vectors_ - at_) {                                                             \
        case 1: function(1, (rows) + at_ * VN, stride, ids, n_ids, (vector) + at_ * VN); break; \
        case 2: function(2, (rows) + at_ * VN, stride, ids, n_ids, (vector) + at_ * VN); break; \
        case 3: function(3, (rows) + at_ * VN, stride, ids, n_ids, (vector) + at_ * VN); break; \
        case 7: function(7, (rows) + at_ * VN, stride, ids, n_ids, (vector) + at_ * VN); break; \
        }                                                                                      \
    } while (0)

static void mean_of_rows(const wv_classifier *model, const int32_t *ids, int64_t n_ids, float *out)
{
    BY_COLUMNS(mean_vectors, model->in_rows, model->stride, ids, n_ids, out);
}

static void add_to_rows(const wv_classifier *model, const int32_t *ids, int64_t n_ids,
                        const float *gradient)
{
    const float share = model->whole_gradients ? 1.0f : (float)(1.0 / (double)n_ids);
#define ADD_VECTORS(n, rows, stride, ids, n_ids, gradient) \
    add_vectors(n, rows, stride, ids, n_ids, share, gradient)
    BY_COLUMNS(ADD_VECTORS, model->in_rows, model->stride, ids, n_ids, gradient);
#undef ADD_VECTORS
}

/* ---- the same for rows as they lie in files, of any length and alignment ---- */

typedef float VF_UNALIGNED __attribute__((vector_size(VN * 4), aligned(1)));

/* n vectors of columns from column c on, the last of them at column `last`, which may overlap. */
WV_INLINE void mean_of_columns(const int n, const wv_file_rows *rows, const int32_t *ids,
                               int64_t n_ids, int64_t c, int64_t last, float *out)
{
    VF sums[8];
    const VF share = v_set((float)(1.0 / (double)n_ids));
#pragma GCC unroll 8
    for (int v = 0; v < n; v++)
        sums[v] = v_zero();
    for (int64_t i = 0; i < n_ids; i++) {
        const float *row = rows->rows + ids[i] * rows->stride;
#pragma GCC unroll 8
        for (int v = 0; v < n - 1; v++)
            sums[v] += *(const VF_UNALIGNED *)(row + c + v * VN);
        sums[n - 1] += *(const VF_UNALIGNED *)(row + last);
    }
#pragma GCC unroll 8
    for (int v = 0; v < n - 1; v++)
        *(VF_UNALIGNED *)(out + c + v * VN) = sums[v] * share;
    *(VF_UNALIGNED *)(out + last) = sums[n - 1] * share;
}

static void mean_of_file_rows(const wv_file_rows *rows, int64_t dim, const int32_t *ids,
                              int64_t n_ids, float *out)
{
    if (dim < VN) {
        for (int64_t c = 0; c < dim; c++) {
            float sum = 0;
            for (int64_t i = 0; i < n_ids; i++) {
                float number;
                memcpy(&number, rows->rows + ids[i] * rows->stride + c, sizeof number);
                sum += number;
            }
            out[c] = sum * (float)(1.0 / (double)n_ids);
        }
        return;
    }
    int64_t c = 0, n_left = (dim + VN - 1) / VN;
    for (; n_left > 8; n_left -= 8, c += 8 * VN)
        mean_of_columns(8, rows, ids, n_ids, c, c + 7 * VN, out);
    const int64_t last = dim - VN;
    switch (n_left) {
    case 1: mean_of_columns(1, rows, ids, n_ids, c, last, out); break;
    case 2: mean_of_columns(2, rows, ids, n_ids, c, last, out); break;
    case 3: mean_of_columns(3, rows, ids, n_ids, c, last, out); break;
    case 4: mean_of_columns(4, rows, ids, n_ids, c, last, out); break;
    case 5: mean_of_columns(5, rows, ids, n_ids, c, last, out); break;
    case 6: mean_of_columns(6, rows, ids, n_ids, c, last, out); break;
    case 7: mean_of_columns(7, rows, ids, n_ids, c, last, out); break;
    default: mean_of_columns(8, rows, ids, n_ids, c, last, out);
    }
}

WV_INLINE void prefetch_file_rows(const wv_file_rows *rows, int64_t dim, const int32_t *ids,
                                  int64_t n_ids)
{
    for (int64_t i = 0; i < n_ids; i++) {
        const char *row = (const char *)(rows->rows + ids[i] * rows->stride);
        for (int64_t byte = 0; byte < dim * 4; byte += 64)
            __builtin_prefetch(row + byte, 0, 3);
        __builtin_prefetch(row + dim * 4 - 1, 0, 3);
    }
}

WV_INLINE void prefetch_rows(const wv_classifier *model, const int32_t *ids, int64_t n_ids)
{
    for (int64_t i = 0; i < n_ids; i++) {
        const float *row = model->in_rows + ids[i] * model->stride;
        for (int64_t c = 0; c < model->stride; c += 16)
            v_prefetch(row + c);
    }
}

/* ---- transposed labels: scores ---- */

/* Scores of n_lines lines against n_vectors vectors of labels, both constants. */
WV_INLINE void score_vectors(const int n_lines, const int n_vectors, const wv_classifier *model,
                             const float *hidden, int64_t label, float *scores, int64_t n_scores)
{
    VF sums[16];
    const int64_t dim = model->dim, stride = model->stride, label_stride = model->label_stride;
    const float *weights = model->labels + label;
#pragma GCC unroll 16
    for (int i = 0; i < n_lines * n_vectors; i++)
        sums[i] = v_zero();
    for (int64_t d = 0; d < dim; d++, weights += label_stride) {
        VF h[8];
#pragma GCC unroll 8
        for (int b = 0; b < n_lines; b++)
            h[b] = v_set(hidden[b * stride + d]);
#pragma GCC unroll 16
        for (int v = 0; v < n_vectors; v++) {
            VF w = v_load(weights + v * VN);
#pragma GCC unroll 8
            for (int b = 0; b < n_lines; b++)
                sums[b * n_vectors + v] = v_fma(w, h[b], sums[b * n_vectors + v]);
        }
    }
#pragma GCC unroll 8
    for (int b = 0; b < n_lines; b++)
#pragma GCC unroll 16
        for (int v = 0; v < n_vectors; v++)
            v_store(scores + b * n_scores + label + v * VN, sums[b * n_vectors + v]);
}

/* `widest`, a constant, vectors of labels at a time; then 4, 2 and 1. */
WV_INLINE void score_labels(const int n_lines, const int widest, const wv_classifier *model,
                            const float *hidden, float *scores, int64_t n_scores)
{
    int64_t l = 0, n = model->label_stride;
    for (; l + widest * VN <= n; l += widest * VN)
        score_vectors(n_lines, widest, model, hidden, l, scores, n_scores);
    if (widest > 4)
        for (; l + 4 * VN <= n; l += 4 * VN)
            score_vectors(n_lines, 4, model, hidden, l, scores, n_scores);
    for (; l < n; l += VN)
        score_vectors(n_lines, 1, model, hidden, l, scores, n_scores);
}

/* ---- transposed labels: the update ---- */

/* n_dims numbers of all labels: gradient_b = sum of g_b[l] * o[l] with the o of before, then
 * o[l] += sum of g_b[l] * h_b. */
WV_INLINE void update_dims(const int n_lines, const int n_dims, const wv_classifier *model,
                           const float *hidden, const float *coefficients, int64_t n_scores,
                           int64_t d, float *gradient)
{
    VF sums[8], h[8];
    const int64_t stride = model->stride, label_stride = model->label_stride;
    float *weights = model->labels + d * label_stride;
#pragma GCC unroll 8
    for (int b = 0; b < n_lines; b++)
#pragma GCC unroll 4
        for (int t = 0; t < n_dims; t++) {
            sums[b * n_dims + t] = v_zero();
            h[b * n_dims + t] = v_set(hidden[b * stride + d + t]);
        }
    for (int64_t l = 0; l < label_stride; l += VN) {
        VF g[8];
#pragma GCC unroll 8
        for (int b = 0; b < n_lines; b++)
            g[b] = v_load(coefficients + b * n_scores + l);
#pragma GCC unroll 4
        for (int t = 0; t < n_dims; t++) {
            float *place = weights + t * label_stride + l;
            VF before = v_load(place), after = before;
#pragma GCC unroll 8
            for (int b = 0; b < n_lines; b++) {
                sums[b * n_dims + t] = v_fma(before, g[b], sums[b * n_dims + t]);
                after = v_fma(g[b], h[b * n_dims + t], after);
            }
            v_store(place, after);
        }
    }
    for (int b = 0; b < n_lines; b++)
        for (int t = 0; t < n_dims; t++) {
            const float *lanes = (const float *)&sums[b * n_dims + t];
            float sum = 0;
            for (int i = 0; i < VN; i++)
                sum += lanes[i];
            gradient[b * stride + d + t] = sum;
        }
}

WV_INLINE void update_labels(const int n_lines, const int n_dims, const wv_classifier *model,
                             wv_line_worker *worker)
{
    for (int64_t d = 0; d < model->dim; d += n_dims)
        update_dims(n_lines, n_dims, model, worker->hidden, worker->scores, worker->n_scores, d,
                    worker->gradient);
}

/* How many vectors of labels and numbers fit the registers, by lines of the batch. */
#if VN == 16
#define WIDEST(n_lines) ((n_lines) == 1 ? 16 : (n_lines) == 2 ? 8 : (n_lines) == 4 ? 4 : 2)
#define DIMS_OF(n_lines) ((n_lines) == 1 ? 4 : (n_lines) == 8 ? 1 : 2)
#else
#define WIDEST(n_lines) ((n_lines) == 1 ? 8 : (n_lines) == 2 ? 6 : (n_lines) == 4 ? 2 : 1)
#define DIMS_OF(n_lines) ((n_lines) == 1 ? 4 : (n_lines) == 2 ? 2 : 1)
#endif

static void score_transposed(const wv_classifier *model, wv_line_worker *w, int n_lines)
{
    switch (n_lines) {
    case 1: score_labels(1, WIDEST(1), model, w->hidden, w->scores, w->n_scores); break;
    case 2: score_labels(2, WIDEST(2), model, w->hidden, w->scores, w->n_scores); break;
    case 4: score_labels(4, WIDEST(4), model, w->hidden, w->scores, w->n_scores); break;
    default: score_labels(8, WIDEST(8), model, w->hidden, w->scores, w->n_scores);
    }
}

static void update_transposed(const wv_classifier *model, wv_line_worker *worker, int n_lines)
{
    switch (n_lines) {
    case 1: update_labels(1, DIMS_OF(1), model, worker); break;
    case 2: update_labels(2, DIMS_OF(2), model, worker); break;
    case 4: update_labels(4, DIMS_OF(4), model, worker); break;
    default: update_labels(8, DIMS_OF(8), model, worker);
    }
}

/* ---- row-major labels: n rows of the label matrix, those of `ids` or the first n ---- */

WV_INLINE float *label_row(const wv_classifier *model, const int32_t *ids, int64_t i)
{
    return model->labels + (ids == NULL ? i : ids[i]) * model->stride;
}

static void score_rows(const wv_classifier *model, const float *hidden, const int32_t *ids,
                       int64_t n, float *scores)
{
    for (int64_t first = 0; first < n; first += VN) {
        VF sums[VN];
        for (int i = 0; i < VN; i++)
            sums[i] = v_zero();
        for (int64_t i = first; i < n && i < first + VN; i++) {
            const float *row = label_row(model, ids, i);
            VF sum = v_zero();
            for (int64_t c = 0; c < model->stride; c += VN)
                sum = v_fma(v_load(row + c), v_load(hidden + c), sum);
            sums[i - first] = sum;
        }
        v_store(scores + first, v_lane_sums(sums));
    }
}

/* gradient = sum of g[i] * row i as it was; row i += g[i] * hidden. */
static void update_rows(const wv_classifier *model, const float *hidden, const int32_t *ids,
                        int64_t n, const float *coefficients, float *gradient)
{
    for (int64_t c = 0; c < model->stride; c += VN)
        v_store(gradient + c, v_zero());
    for (int64_t i = 0; i < n; i++) {
        float *row = label_row(model, ids, i);
        const VF g = v_set(coefficients[i]);
        for (int64_t c = 0; c < model->stride; c += VN) {
            VF before = v_load(row + c);
            v_store(gradient + c, v_fma(g, before, v_load(gradient + c)));
            v_store(row + c, v_fma(g, v_load(hidden + c), before));
        }
    }
}
