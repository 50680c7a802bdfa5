/* Candidates of a query: noted during a scan, and thinned out. */
#ifndef WORDVEC_TOPK_SELECT_H
#define WORDVEC_TOPK_SELECT_H

#include <stdlib.h>
#include <string.h>

#include "topk.h"

static int wv_is_excluded(const wv_queries *queries, int64_t query, int64_t row)
{
    const int64_t *listed = queries->excluded + queries->excluded_starts[query];
    int64_t low = 0, high = queries->excluded_starts[query + 1] - queries->excluded_starts[query];
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (listed[middle] == row)
            return 1;
        if (listed[middle] < row)
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}

/* Keep `lower` among the k best; heap with the smallest at [0].  Returns -1 without memory. */
static int wv_keep_lower(wv_top *top, float lower, int64_t k)
{
    float *heap = top->lowers;
    int64_t place;
    if (top->n_lowers < k) {
        if (top->n_lowers == top->lowers_capacity) {
            int64_t capacity = top->lowers_capacity ? 2 * top->lowers_capacity : 16;
            heap = (float *)realloc(heap, sizeof(float) * (size_t)capacity);
            if (heap == NULL)
                return -1;
            top->lowers = heap;
            top->lowers_capacity = capacity;
        }
        place = top->n_lowers++;
        for (; place > 0 && heap[(place - 1) / 2] > lower; place = (place - 1) / 2)
            heap[place] = heap[(place - 1) / 2];
    } else {
        if (!(lower > heap[0]))
            return 0;
        for (place = 0;;) {
            int64_t child = 2 * place + 1;
            if (child >= k)
                break;
            if (child + 1 < k && heap[child + 1] < heap[child])
                child++;
            if (heap[child] >= lower)
                break;
            heap[place] = heap[child];
            place = child;
        }
    }
    heap[place] = lower;
    return 0;
}

/* Drop the candidates that cannot reach the threshold any more; make room when few went. */
static int wv_thin_out(wv_top *top, float threshold)
{
    int64_t n = 0;
    for (int64_t i = 0; i < top->n; i++)
        if (top->uppers[i] >= threshold) {
            top->uppers[n] = top->uppers[i];
            top->rows[n++] = top->rows[i];
        }
    top->n = n;
    if (2 * n < top->capacity)
        return 0;
    int64_t capacity = top->capacity ? 2 * top->capacity : 64;
    float *uppers = (float *)realloc(top->uppers, sizeof(float) * (size_t)capacity);
    if (uppers == NULL)
        return -1;
    top->uppers = uppers;
    int64_t *rows = (int64_t *)realloc(top->rows, sizeof(int64_t) * (size_t)capacity);
    if (rows == NULL)
        return -1;
    top->rows = rows;
    top->capacity = capacity;
    return 0;
}

/* Note a row whose cosine to a query lies in upper - width .. upper. */
static void wv_offer(wv_scan *scan, int64_t query, int64_t row, float upper, float width)
{
    wv_top *top = &scan->tops[query];
    if (row < scan->first || row >= scan->last || !wv_in_scan(scan->rows->norms[row]) ||
        wv_is_excluded(scan->queries, query, row))
        return;
    if (top->n == top->capacity && wv_thin_out(top, scan->thresholds[query])) {
        scan->failed = 1;
        return;
    }
    top->uppers[top->n] = upper;
    top->rows[top->n++] = row;
    if (wv_keep_lower(top, upper - width, scan->queries->k))
        scan->failed = 1;
    else if (top->n_lowers == scan->queries->k)
        scan->thresholds[query] = top->lowers[0];
}

#endif
