/* The best labels of a line.  Included by classify_body.h, once per instruction set. */

static void means(const wv_classifier *model, wv_line_worker *worker, const wv_file_rows *rows,
                  const wv_line_shard *lines, int64_t first, int64_t n)
{
    enum { AHEAD = 3 };
    const int64_t *starts = lines->row_starts;
    for (int64_t i = first; i < first + n; i++) {
        float *out = worker->hidden + (i - first) * model->stride;
        const int64_t n_rows = starts[i + 1] - starts[i], next = i + AHEAD;
        if (next < lines->n_lines)
            prefetch_file_rows(rows, model->dim, lines->rows + starts[next],
                               starts[next + 1] - starts[next]);
        if (n_rows)
            mean_of_file_rows(rows, model->dim, lines->rows + starts[i], n_rows, out);
        else
            memset(out, 0, (size_t)model->stride * sizeof *out);
    }
}

static void score(const wv_classifier *model, wv_line_worker *worker, int64_t n)
{
    if (model->transposed) {
        int n_lines = n <= 2 ? (int)n : n <= 4 ? 4 : 8;
        score_transposed(model, worker, n_lines);
        return;
    }
    for (int64_t b = 0; b < n; b++)
        score_rows(model, worker->hidden + b * model->stride, NULL, model->n_labels,
                   worker->scores + b * worker->n_scores);
}

typedef struct {
    int32_t *labels;
    float *scores; /* falling; ties: the lower label first */
    int64_t k, n;
} best_list;

WV_INLINE int is_better(float score, int32_t label, float other, int32_t other_label)
{
    return score > other || (score == other && label < other_label);
}

WV_INLINE void offer(best_list *best, int32_t label, float score)
{
    int64_t at = best->n;
    if (at == best->k) {
        if (!is_better(score, label, best->scores[at - 1], best->labels[at - 1]))
            return;
        at--;
    } else {
        best->n++;
    }
    for (; at > 0 && is_better(score, label, best->scores[at - 1], best->labels[at - 1]); at--) {
        best->scores[at] = best->scores[at - 1];
        best->labels[at] = best->labels[at - 1];
    }
    best->scores[at] = score;
    best->labels[at] = label;
}

/* Long lists: a heap whose root is the worst, then sorted, in place of insertion. */
static void sift_down(best_list *best, int64_t at, int64_t n)
{
    float score = best->scores[at];
    int32_t label = best->labels[at];
    for (;;) {
        int64_t child = 2 * at + 1;
        if (child >= n)
            break;
        if (child + 1 < n && is_better(best->scores[child], best->labels[child],
                                       best->scores[child + 1], best->labels[child + 1]))
            child++;
        if (!is_better(score, label, best->scores[child], best->labels[child]))
            break;
        best->scores[at] = best->scores[child];
        best->labels[at] = best->labels[child];
        at = child;
    }
    best->scores[at] = score;
    best->labels[at] = label;
}

static void best_of_many(best_list *best, const float *scores, int64_t n_labels)
{
    best->n = best->k < n_labels ? best->k : n_labels;
    for (int64_t l = 0; l < best->n; l++) {
        best->scores[l] = scores[l];
        best->labels[l] = (int32_t)l;
    }
    for (int64_t i = best->n / 2; i-- > 0;)
        sift_down(best, i, best->n);
    for (int64_t l = best->n; l < n_labels; l++)
        if (is_better(scores[l], (int32_t)l, best->scores[0], best->labels[0])) {
            best->scores[0] = scores[l];
            best->labels[0] = (int32_t)l;
            sift_down(best, 0, best->n);
        }
    for (int64_t end = best->n - 1; end > 0; end--) {
        float score = best->scores[0];
        int32_t label = best->labels[0];
        best->scores[0] = best->scores[end];
        best->labels[0] = best->labels[end];
        best->scores[end] = score;
        best->labels[end] = label;
        sift_down(best, 0, end);
    }
}

enum { SHORT_LIST = 16 };

/* Blocks without any score above the k-th best are skipped whole. */
static void best_of_few(best_list *best, const float *scores, int64_t n_labels)
{
    int64_t l = 0;
    for (; l < n_labels && l < best->k; l++)
        offer(best, (int32_t)l, scores[l]);
    for (; l < n_labels && l % VN; l++)
        offer(best, (int32_t)l, scores[l]);
    for (; l + VN <= n_labels; l += VN) {
        VI above = (VI)(v_load(scores + l) > v_set(best->scores[best->n - 1]));
        const int32_t *lanes = (const int32_t *)&above;
        int32_t any = 0;
        for (int i = 0; i < VN; i++)
            any |= lanes[i];
        if (any)
            for (int i = 0; i < VN; i++)
                offer(best, (int32_t)l + i, scores[l + i]);
    }
    for (; l < n_labels; l++)
        offer(best, (int32_t)l, scores[l]);
}

/* fastText's sigmoid: a table of 513 values, which files of it are read with. */
static float table_sigmoid(const float *table, float x)
{
    if (x < -8.0f)
        return 0.0f;
    if (x > 8.0f)
        return 1.0f;
    return table[(int64_t)((x + 8.0f) * 512.0f / 8.0f / 2.0f)];
}

/* Depth first, the likelier child first; a branch ends where no leaf of it can be among the best k,
 * or above the threshold.  Scores are logarithms. */
static void best_of_tree(const wv_classifier *model, const wv_question *question,
                         const float *hidden, best_list *best)
{
    enum { DEEPEST = 128 }; /* a Huffman tree over int64 counts is at most 92 deep */
    int32_t nodes[DEEPEST + 2];
    float scores[DEEPEST + 2];
    int n = 0;
    const float least = logf(question->threshold + 1e-5f);
    if (question->tree.n_nodes == 0) { /* a single label */
        offer(best, 0, 0.0f);
        return;
    }
    nodes[n] = (int32_t)question->tree.n_nodes - 1;
    scores[n++] = 0;
    while (n > 0) {
        int32_t node = nodes[--n];
        float so_far = scores[n];
        if (so_far < least || (best->n == best->k && so_far < best->scores[best->n - 1]))
            continue;
        if (node < 0) {
            offer(best, -1 - node, so_far);
            continue;
        }
        VF sum = v_zero();
        const float *row = model->labels + node * model->stride;
        for (int64_t c = 0; c < model->stride; c += VN)
            sum = v_fma(v_load(row + c), v_load(hidden + c), sum);
        float f = 1.0f / (1.0f + expf(-sum_of_lanes(sum)));
        int right_first = f > 0.5f;
        if (n + 2 > DEEPEST + 2)
            continue; /* cannot be: checked when the tree is made */
        int32_t left = question->tree.left[node], right = question->tree.right[node];
        float left_score = so_far + logf(1.0f - f + 1e-5f), right_score = so_far + logf(f + 1e-5f);
        nodes[n] = right_first ? left : right;
        scores[n++] = right_first ? left_score : right_score;
        nodes[n] = right_first ? right : left;
        scores[n++] = right_first ? right_score : left_score;
    }
}

/* Scores of the best labels -> probabilities as fastText reports them, p + 1e-5; those with p below
 * the threshold become -1, as do places that were not filled. */
static void report(const wv_classifier *model, const wv_question *question, float sum,
                   float largest, best_list *best)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < best->n; i++) {
        float p, s = best->scores[i];
        if (model->loss == WV_LOSS_HS) {
            best->scores[kept++] = expf(s);
            continue;
        }
        if (model->loss == WV_LOSS_SOFTMAX)
            p = expf(s - largest) / sum;
        else
            p = table_sigmoid(question->sigmoid_table, s);
        if (p < question->threshold)
            break; /* falling: all others are below it as well */
        best->scores[kept++] = p + 1e-5f;
    }
    for (int64_t i = kept; i < best->k; i++) {
        best->labels[i] = -1;
        best->scores[i] = 0;
    }
}

static float sum_of_exponentials(const float *scores, int64_t n, float *largest)
{
    float most = scores[0], sum = 0;
    for (int64_t i = 1; i < n; i++)
        most = scores[i] > most ? scores[i] : most;
    VF sums = v_zero();
    const VF shift = v_set(most);
    int64_t i = 0;
    for (; i + VN <= n; i += VN)
        sums += v_exp(v_load(scores + i) - shift);
    for (; i < n; i++)
        sum += expf(scores[i] - most);
    *largest = most;
    return sum + sum_of_lanes(sums);
}

static void predict(const wv_classifier *model, wv_line_worker *worker, int64_t n,
                    const wv_question *question, int32_t *labels, float *probabilities)
{
    if (model->loss != WV_LOSS_HS)
        score(model, worker, n);
    for (int64_t b = 0; b < n; b++) {
        const float *scores = worker->scores + b * worker->n_scores;
        best_list best = {labels + b * question->k, probabilities + b * question->k,
                          question->k, 0};
        float sum = 1, largest = 0;
        if (model->loss == WV_LOSS_HS) {
            best_of_tree(model, question, worker->hidden + b * model->stride, &best);
        } else {
            if (model->loss == WV_LOSS_SOFTMAX)
                sum = sum_of_exponentials(scores, model->n_labels, &largest);
            if (question->k <= SHORT_LIST)
                best_of_few(&best, scores, model->n_labels);
            else
                best_of_many(&best, scores, model->n_labels);
        }
        report(model, question, sum, largest, &best);
    }
}
