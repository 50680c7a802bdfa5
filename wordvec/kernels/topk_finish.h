/* Before and after the scans: queries prepared, candidates scored in float64 and sorted. */
#ifndef WORDVEC_TOPK_FINISH_H
#define WORDVEC_TOPK_FINISH_H

#include <math.h>

#include "topk_select.h"

typedef struct {
    double cosine;
    int64_t row;
} wv_scored;

/* The direction scaled to length 1 (out[stride], zeros behind dim); 0 when it has no direction. */
static int wv_unit_query(const float *direction, int64_t dim, int64_t stride, float *out)
{
    double squares = 0;
    for (int64_t i = 0; i < dim; i++)
        squares += (double)direction[i] * direction[i];
    if (!(squares > 0 && isfinite(squares)))
        return 0;
    double length = sqrt(squares);
    for (int64_t i = 0; i < stride; i++)
        out[i] = i < dim ? (float)(direction[i] / length) : 0.0f;
    return 1;
}

/* A query of length 1 as 8-bit codes in -limit .. limit; the length of what they miss. */
static double wv_query_codes(const float *unit, int64_t dim, int64_t n_codes, int limit,
                             int8_t *codes, float *scale, int32_t *start)
{
    float largest = 0;
    double rest = 0;
    int32_t sum = 0;
    for (int64_t i = 0; i < dim; i++)
        largest = fabsf(unit[i]) > largest ? fabsf(unit[i]) : largest;
    *scale = largest / (float)limit;
    for (int64_t i = 0; i < n_codes; i++) {
        double number = i < dim ? unit[i] : 0;
        int code = (int)rint(number / *scale);
        code = code > limit ? limit : code < -limit ? -limit : code;
        codes[i] = (int8_t)code;
        sum += code;
        rest += (number - (double)*scale * code) * (number - (double)*scale * code);
    }
    *start = -WV_PLANE_SHIFT * sum;
    return sqrt(rest);
}

/* Rows of first .. last with a direction that no scan estimates; listed when there is room. */
static int64_t wv_rows_outside(const float *norms, int64_t first, int64_t last, int64_t *listed)
{
    int64_t n = 0;
    for (int64_t row = first; row < last; row++)
        if ((norms[row] > 0 && norms[row] < WV_SHORTEST_NORM) || norms[row] > WV_LONGEST_NORM) {
            if (listed != NULL)
                listed[n] = row;
            n++;
        }
    return n;
}

static int wv_better_first(const void *a, const void *b)
{
    const wv_scored *x = (const wv_scored *)a, *y = (const wv_scored *)b;
    if (x->cosine != y->cosine)
        return x->cosine > y->cosine ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* The k-th best lower bound over all threads' scans; they are merged into the first. */
static int wv_merge_tops(wv_scan *const *scans, int n_scans, int64_t query, int64_t k)
{
    wv_scan *target = scans[0];
    wv_top *top = &target->tops[query];
    for (int s = 1; s < n_scans; s++) {
        const wv_top *other = &scans[s]->tops[query];
        for (int64_t i = 0; i < other->n_lowers; i++)
            if (wv_keep_lower(top, other->lowers[i], k))
                return -1;
    }
    if (top->n_lowers == k)
        target->thresholds[query] = top->lowers[0];
    float threshold = target->thresholds[query];
    for (int s = 1; s < n_scans; s++) {
        const wv_top *other = &scans[s]->tops[query];
        for (int64_t i = 0; i < other->n; i++) {
            if (!(other->uppers[i] >= threshold))
                continue;
            if (top->n == top->capacity && wv_thin_out(top, threshold))
                return -1;
            top->uppers[top->n] = other->uppers[i];
            top->rows[top->n++] = other->rows[i];
        }
    }
    return wv_thin_out(top, threshold);
}

/* The exact answer for one query: `found` rows, best first, and their cosines.
 * `outside`: rows of first .. last that no scan estimates.  Returns -1 without memory. */
static int wv_finish(const wv_topk_ops *ops, wv_scan *const *scans, int n_scans, int64_t query,
                     const float *direction, const int64_t *outside, int64_t n_outside,
                     float *scratch, int64_t *found, float *cosines)
{
    wv_scan *scan = scans[0];
    const wv_queries *queries = scan->queries;
    wv_top *top = &scan->tops[query];
    if (wv_merge_tops(scans, n_scans, query, queries->k))
        return -1;
    int64_t n = top->n + n_outside;
    size_t room = (size_t)(n ? n : 1);
    int64_t *listed = (int64_t *)malloc(room * sizeof(int64_t));
    double *products = (double *)malloc(room * 2 * sizeof(double));
    wv_scored *scored = (wv_scored *)malloc(room * sizeof(wv_scored));
    int status = -1;
    if (listed != NULL && products != NULL && scored != NULL) {
        double length;
        int64_t n_scored = 0;
        if (top->n)
            memcpy(listed, top->rows, sizeof(int64_t) * (size_t)top->n);
        n = top->n;
        for (int64_t i = 0; i < n_outside; i++)
            if (!wv_is_excluded(queries, query, outside[i]))
                listed[n++] = outside[i];
        wv_rows itself = {direction, 1, queries->dim, queries->dim, 0, NULL};
        int64_t zero = 0;
        ops->exact_products(&itself, direction, &zero, 1, products, &length, scratch);
        ops->exact_products(scan->rows, direction, listed, n, products, products + room,
                            scratch);
        for (int64_t i = 0; i < n; i++) {
            double cosine = products[i] / sqrt(products[room + (size_t)i]) / sqrt(length);
            if (isfinite(cosine))
                scored[n_scored++] = (wv_scored){cosine, listed[i]};
        }
        qsort(scored, (size_t)n_scored, sizeof *scored, wv_better_first);
        for (int64_t i = 0; i < n_scored && i < queries->k; i++) {
            found[i] = scored[i].row;
            cosines[i] = (float)scored[i].cosine;
        }
        status = 0;
    }
    free(listed);
    free(products);
    free(scored);
    return status;
}

static void wv_free_tops(wv_top *tops, int64_t n)
{
    for (int64_t i = 0; tops != NULL && i < n; i++) {
        free(tops[i].lowers);
        free(tops[i].rows);
        free(tops[i].uppers);
    }
    free(tops);
}

#endif
