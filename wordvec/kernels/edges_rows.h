/* Pairs of node numbers to rows of neighbours (CSR): count, scatter, sort and merge.
 *
 * Each function works on a range of rows, so that threads share nothing but what they read. */
#ifndef WORDVEC_EDGES_ROWS_H
#define WORDVEC_EDGES_ROWS_H

#include <stdint.h>
#include <string.h>

typedef struct {
    int64_t n_nodes;
    int64_t *starts; /* [n_nodes + 1] */
    int32_t *neighbours;
    float *weights; /* beside the neighbours, or NULL */
} csr_rows;

typedef struct {
    int64_t n_repeats;   /* edges given again (of an undirected one, both ways count once) */
    int64_t n_conflicts; /* of these, with another weight than before */
    int64_t n_loops;
} row_counts;

/* Puts the edges into the rows [low, high); cursors[u] is the next free place of row u. */
static void scatter_edges(const csr_rows *rows, const int32_t *pairs, const float *weights,
                          int64_t n_edges, int directed, int64_t low, int64_t high,
                          int64_t *cursors)
{
    for (int64_t e = 0; e < n_edges; e++) {
        int32_t u = pairs[2 * e], v = pairs[2 * e + 1];
        if (u >= low && u < high) {
            int64_t place = cursors[u]++;
            rows->neighbours[place] = v;
            if (weights)
                rows->weights[place] = weights[e];
        }
        if (!directed && u != v && v >= low && v < high) {
            int64_t place = cursors[v]++;
            rows->neighbours[place] = u;
            if (weights)
                rows->weights[place] = weights[e];
        }
    }
}

/* Sorts by the high half, keeping the order of equals; `other` is as long as `keys`. */
static uint64_t *sort_keys(uint64_t *keys, uint64_t *other, int64_t n)
{
    if (n <= 48) {
        for (int64_t i = 1; i < n; i++) {
            uint64_t key = keys[i];
            int64_t place = i;
            for (; place > 0 && keys[place - 1] >> 32 > key >> 32; place--)
                keys[place] = keys[place - 1];
            keys[place] = key;
        }
        return keys;
    }
    uint64_t differing = 0;
    for (int64_t i = 1; i < n; i++)
        differing |= keys[i] ^ keys[0];
    for (int shift = 32; shift < 64; shift += 8) {
        if (!(differing >> shift & 255))
            continue;
        int64_t places[256] = {0}, place = 0;
        for (int64_t i = 0; i < n; i++)
            places[keys[i] >> shift & 255]++;
        for (int digit = 0; digit < 256; digit++) {
            int64_t n_here = places[digit];
            places[digit] = place;
            place += n_here;
        }
        for (int64_t i = 0; i < n; i++)
            other[places[keys[i] >> shift & 255]++] = keys[i];
        uint64_t *sorted = other;
        other = keys;
        keys = sorted;
    }
    return keys;
}

/* Sorts row u and merges equal neighbours: the last weight given counts, or with `sum` all weights
 * add up.  Returns the new length; `scratch` holds twice the row. */
static int64_t merge_row(const csr_rows *rows, int64_t u, int directed, int sum, uint64_t *scratch,
                         row_counts *counts)
{
    int64_t first = rows->starts[u], n = rows->starts[u + 1] - first, n_kept = 0;
    int32_t *neighbours = rows->neighbours + first;
    float *weights = rows->weights ? rows->weights + first : NULL;
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits = 0;
        if (weights)
            memcpy(&bits, weights + i, 4);
        scratch[i] = (uint64_t)(uint32_t)neighbours[i] << 32 | bits;
    }
    const uint64_t *sorted = sort_keys(scratch, scratch + n, n);
    for (int64_t i = 0; i < n;) {
        int32_t v = (int32_t)(sorted[i] >> 32);
        double total = 0;
        float last = 0;
        int64_t begin = i;
        int counted = directed || v >= u;
        for (; i < n && (int32_t)(sorted[i] >> 32) == v; i++) {
            uint32_t bits = (uint32_t)sorted[i];
            float weight;
            memcpy(&weight, &bits, 4);
            counts->n_conflicts += counted && i > begin && weight != last;
            last = weight;
            total += weight;
        }
        counts->n_repeats += counted ? i - begin - 1 : 0;
        counts->n_loops += v == u;
        neighbours[n_kept] = v;
        if (weights)
            weights[n_kept] = sum ? (float)total : last;
        n_kept++;
    }
    return n_kept;
}

/* Closes the gaps behind rows that became shorter: starts and entries move to the front. */
static void close_gaps(const csr_rows *rows, const int64_t *lengths)
{
    int64_t place = 0;
    for (int64_t u = 0; u < rows->n_nodes; u++) {
        int64_t first = rows->starts[u];
        if (first != place) {
            size_t n = (size_t)lengths[u];
            memmove(rows->neighbours + place, rows->neighbours + first, n * sizeof(int32_t));
            if (rows->weights)
                memmove(rows->weights + place, rows->weights + first, n * sizeof(float));
        }
        rows->starts[u] = place;
        place += lengths[u];
    }
    rows->starts[rows->n_nodes] = place;
}

#endif
