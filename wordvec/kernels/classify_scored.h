/* The best label of a line from scores of its rows.  Included by classify_body.h, once per
 * instruction set.
 *
 * A score is linear in the rows: label . mean of rows = mean of (label . row).  With up to
 * WV_SCORED_LABELS labels the scores of a row are one cache line, where the row itself is seven
 * (dim 100), and many lines are bound by fetching rows.
 *
 * Both ways round differently.  With u = 2^-24, n rows and `dim` columns, either score is within
 * (n + dim + 8) * u * |label| * mean |row| of the true one (Higham 2002, sum of products; Cauchy
 * and Schwarz), so two labels can only change places when their scores lie within four times that.
 * Such lines are left to the other way, and the answers are the same.  The length of a row stands
 * behind its scores, so that its mean comes with theirs. */

/* out[i - first] = scores of row i against all labels, and its length in the last place. */
static void score_file_rows(const wv_classifier *model, wv_line_worker *worker,
                            const wv_file_rows *rows, int64_t first, int64_t end, float *out)
{
    float *row = worker->hidden;
    memset(row, 0, (size_t)model->stride * sizeof *row);
    for (int64_t i = first; i < end; i++, out += WV_SCORED_LABELS + 1) {
        memcpy(row, rows->rows + i * rows->stride, (size_t)model->dim * sizeof *row);
        score_rows(model, row, NULL, model->n_labels, worker->scores);
        VF squares = v_zero();
        for (int64_t c = 0; c < model->stride; c += VN)
            squares = v_fma(v_load(row + c), v_load(row + c), squares);
        for (int64_t l = 0; l < WV_SCORED_LABELS; l++)
            out[l] = l < model->n_labels ? worker->scores[l] : 0.0f;
        out[WV_SCORED_LABELS] = sqrtf(sum_of_lanes(squares));
    }
}

/* best[i] of line i; WV_UNDECIDED where rounding might decide, or for a line without rows. */
static void best_by_scores(const wv_classifier *model, const float *row_scores, float label_length,
                           const wv_line_shard *lines, int32_t *best)
{
    enum { AHEAD = 128, WIDTH = WV_SCORED_LABELS + 1 };
    const int64_t end = lines->row_starts[lines->n_lines];
    for (int64_t i = 0; i < lines->n_lines; i++) {
        const int64_t n_rows = lines->row_starts[i + 1] - lines->row_starts[i];
        float scores[WIDTH];
        VF sums[WIDTH / VN];
        for (int v = 0; v < WIDTH / VN; v++)
            sums[v] = v_zero();
        for (int64_t k = lines->row_starts[i]; k < lines->row_starts[i + 1]; k++) {
            const int64_t soon = lines->rows[k + AHEAD < end ? k + AHEAD : k];
            __builtin_prefetch(row_scores + WIDTH * soon);
            const float *of_row = row_scores + WIDTH * (int64_t)lines->rows[k];
            for (int v = 0; v < WIDTH / VN; v++)
                sums[v] += *(const VF_UNALIGNED *)(of_row + v * VN);
        }
        for (int v = 0; v < WIDTH / VN; v++)
            *(VF_UNALIGNED *)(scores + v * VN) = sums[v];
        int32_t first = 0;
        float second_score = -INFINITY;
        for (int32_t l = 1; l < model->n_labels; l++) {
            if (scores[l] > scores[first]) {
                second_score = scores[first];
                first = l;
            } else if (scores[l] > second_score) {
                second_score = scores[l];
            }
        }
        /* sums, not means: on both sides */
        float doubt = 4.1f * 0x1p-24f * (float)(n_rows + model->dim + 8) * label_length *
                          scores[WV_SCORED_LABELS] + 1e-30f;
        best[i] = n_rows > 0 && scores[first] - second_score > doubt ? first : WV_UNDECIDED;
    }
}
