/* Training and asking a linear text classifier: the mean of a line's rows, scored against labels.
 *
 * Input rows are padded to 16 floats and aligned to 64 bytes.  The label matrix has one of two
 * shapes:
 *   transposed  [dim, rounded up to WV_DIM_STEP][labels, padded to 16]: one number of all labels
 *               side by side, so that no score needs a sum over lanes; for all labels at once
 *   row-major   [labels or inner nodes][stride]: for few labels, and where a line needs few rows
 *               (hierarchical softmax, negative sampling)
 * Padding is zero and stays zero.
 */
#ifndef WORDVEC_CLASSIFY_H
#define WORDVEC_CLASSIFY_H

#include <stdint.h>

enum { WV_LOSS_HS = 1, WV_LOSS_NS = 2, WV_LOSS_SOFTMAX = 3, WV_LOSS_OVA = 4 }; /* as in .bin files */
enum { WV_DIM_STEP = 4, WV_BATCH_MAX = 8 };
enum { WV_SCORED_LABELS = 15, WV_UNDECIDED = -2 }; /* classify_scored.h */

/* Beyond these a mean or score, or a gradient, counts as diverged.  Each is checked before it is
 * used, so that weights stay numbers; with rates and weights of lines up to 1e9 nothing overflows. */
#define WV_SCORE_SANE 1e15f
#define WV_GRADIENT_SANE 1e30f

typedef struct {
    int64_t n_labels, dim, stride, label_stride;
    float *in_rows;
    float *labels;
    int32_t loss, transposed, batch;
    /* hierarchical softmax: nodes and codes of label l from path_starts[l] on */
    const int64_t *path_starts;
    const int32_t *path_nodes;
    const uint8_t *path_codes;
    /* negative sampling: (threshold, alias) for each label, and how many to draw */
    const uint32_t *noise;
    int32_t negative;
    const float *label_weights; /* NULL: 1 each */
    int32_t prefetches;         /* 1: the rows are more than caches hold */
    int32_t whole_gradients;    /* 1: each row of a line takes all of its gradient, 0: its share */
} wv_classifier;

/* Lines as rows and labels: those of line i are rows[row_starts[i] .. row_starts[i + 1]] and
 * labels[label_starts[i] .. label_ends[i]]; lines may share labels. */
typedef struct {
    int64_t n_lines;
    const int64_t *row_starts, *label_starts, *label_ends, *token_starts;
    const int32_t *rows, *labels;
    const float *weights; /* NULL: 1 each */
    double rate, rate_step; /* learning rate at token_starts[0], and what a token takes off it */
    uint64_t key;           /* of the random draws */
} wv_line_shard;

/* One thread's memory, for batches of up to WV_BATCH_MAX lines. */
typedef struct {
    float *hidden, *gradient; /* [WV_BATCH_MAX][stride] */
    float *scores;            /* [WV_BATCH_MAX][n_scores] */
    int64_t n_scores;         /* room for the scores of one line, a multiple of 16 */
    int32_t *picked;          /* [n_scores]: rows of a path or of drawn labels */
    float *targets;           /* [n_scores] */
    double loss;
    int64_t n_examples;
} wv_line_worker;

/* The tree of a hierarchical softmax: children of inner node i, labels as -1 - label. */
typedef struct {
    const int32_t *left, *right;
    int64_t n_nodes;
} wv_label_tree;

typedef struct {
    int64_t k;
    float threshold;
    const float *sigmoid_table; /* 513 values over [-8, 8] */
    wv_label_tree tree;
} wv_question;

/* Input rows as a file has them. */
typedef struct {
    const float *rows;
    int64_t stride;
} wv_file_rows;

typedef struct {
    void (*train)(const wv_classifier *model, wv_line_worker *worker, const wv_line_shard *shard);
    /* Means of the rows of the lines first to first + n - 1 to worker->hidden, n <= WV_BATCH_MAX;
     * zeros for lines without any.  The rows may begin at any byte. */
    void (*means)(const wv_classifier *model, wv_line_worker *worker, const wv_file_rows *rows,
                  const wv_line_shard *lines, int64_t first, int64_t n);
    /* Best labels of n <= WV_BATCH_MAX lines whose means lie in worker->hidden: [n][k], places
     * not filled hold label -1. */
    void (*predict)(const wv_classifier *model, wv_line_worker *worker, int64_t n,
                    const wv_question *question, int32_t *best, float *probabilities);
    /* Raw scores of n <= WV_BATCH_MAX lines to worker->scores; not for trees. */
    void (*score)(const wv_classifier *model, wv_line_worker *worker, int64_t n);
    /* Row-major labels, at most WV_SCORED_LABELS: out[end - first][WV_SCORED_LABELS + 1], the
     * scores of each row, and its length. */
    void (*score_file_rows)(const wv_classifier *model, wv_line_worker *worker,
                            const wv_file_rows *rows, int64_t first, int64_t end, float *out);
    /* The best label of each line from these, or WV_UNDECIDED; label_length: that of the longest
     * label row. */
    void (*best_by_scores)(const wv_classifier *model, const float *row_scores,
                           float label_length, const wv_line_shard *lines, int32_t *best);
} wv_classify_ops;

extern const wv_classify_ops wv_classify_ops_baseline;
#if defined(__x86_64__)
extern const wv_classify_ops wv_classify_ops_avx2;
extern const wv_classify_ops wv_classify_ops_avx512;
#endif

#endif
