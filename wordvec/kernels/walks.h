/* Random walks over rows of neighbours (CSR): uniform, by weight, node2vec (Grover and Leskovec
 * 2016) and node2vec+ (Liu et al. 2023).
 *
 * At v after t, neighbour x is taken with probability in proportion to alpha(t, v, x) w(v, x):
 *
 *   node2vec    1/p if x = t;  1 if there is an edge t->x;  else 1/q
 *   node2vec+   1/p if x = t;  1 if w(t, x) >= theta_x;  else min(1, 1/q) if w(v, x) < theta_v;
 *               else 1/q + (1 - 1/q) w(t, x) / theta_x
 *
 * by rejection: x is drawn from w(v, .) by the alias table of row v and accepted with probability
 * alpha / M, M = max(1, 1/p, 1/q), which needs no table for pairs of nodes.  After REJECTIONS tries
 * the whole row is weighed once; that is exact, since tries are independent.
 *
 * Every walk has a stream of its own, started from its number: walks do not depend on who makes
 * them, or in which order. */
#ifndef WORDVEC_WALKS_H
#define WORDVEC_WALKS_H

#include <stdint.h>

#include "random.h"

enum { REJECTIONS = 32, SHUFFLE_ROUNDS = 4 };
enum { KEY_OF_ORDER = 11, KEY_OF_WALK = 12 };

typedef struct {
    uint32_t threshold; /* the slot itself when 32 random bits are below, else ... */
    uint32_t other;     /* ... this slot of the row */
} row_alias;

typedef struct {
    int64_t n_nodes;
    const int64_t *starts;     /* [n_nodes + 1] */
    const int32_t *neighbours; /* sorted in each row */
    const float *weights;      /* beside the neighbours; NULL: all 1 */
    const row_alias *aliases;  /* beside the neighbours; NULL without weights */
    const float *thetas;       /* [n_nodes], node2vec+; NULL: node2vec */
    int is_first_order;        /* p = q = 1: where the walk comes from does not matter */
    double back, out;          /* 1/p, 1/q */
    double bound;              /* M */
    uint64_t seed;
    int64_t length; /* nodes of a walk, at most */
} walk_graph;

static inline double uniform_of(uint64_t draw) { return (double)(draw >> 11) * 0x1p-53; }

/* A place in row v, which is not empty, in proportion to the weights. */
static inline int64_t draw_place(const walk_graph *graph, int32_t v, uint64_t *stream)
{
    int64_t first = graph->starts[v];
    uint64_t draw = wv_next(stream);
    uint32_t slot = wv_below(draw, (uint32_t)(graph->starts[v + 1] - first));
    if (graph->aliases) {
        row_alias alias = graph->aliases[first + slot];
        slot = (uint32_t)draw < alias.threshold ? slot : alias.other;
    }
    return first + slot;
}

/* The place of x in row t, or -1. */
static inline int64_t find_edge(const walk_graph *graph, int32_t t, int32_t x)
{
    const int32_t *row = graph->neighbours + graph->starts[t];
    int64_t n = graph->starts[t + 1] - graph->starts[t], low = 0;
    if (n == 0)
        return -1;
    while (n > 1) { /* the last one that is not above x, without branches to mispredict */
        int64_t half = n / 2;
        low += row[low + half] <= x ? half : 0;
        n -= half;
    }
    return row[low] == x ? graph->starts[t] + low : -1;
}

static inline double alpha_of(const walk_graph *graph, int32_t t, int32_t v, int64_t place)
{
    int32_t x = graph->neighbours[place];
    if (x == t)
        return graph->back;
    int64_t edge = find_edge(graph, t, x);
    if (!graph->thetas)
        return edge >= 0 ? 1 : graph->out;
    if (edge >= 0 && graph->weights[edge] >= graph->thetas[x])
        return 1;
    if (graph->weights[place] < graph->thetas[v])
        return graph->out < 1 ? graph->out : 1;
    if (edge < 0)
        return graph->out;
    return graph->out + (1 - graph->out) * graph->weights[edge] / graph->thetas[x];
}

/* The place drawn from the row as a whole. */
static int64_t draw_exactly(const walk_graph *graph, int32_t t, int32_t v, uint64_t *stream)
{
    int64_t first = graph->starts[v], end = graph->starts[v + 1], last = first;
    double total = 0;
    for (int64_t k = first; k < end; k++)
        total += alpha_of(graph, t, v, k) * (graph->weights ? graph->weights[k] : 1);
    double rest = uniform_of(wv_next(stream)) * total;
    for (int64_t k = first; k < end; k++) {
        double share = alpha_of(graph, t, v, k) * (graph->weights ? graph->weights[k] : 1);
        if (share > 0)
            last = k; /* what rounding leaves over belongs to the last one */
        rest -= share;
        if (rest < 0)
            break;
    }
    return last;
}

static inline int64_t draw_second_order(const walk_graph *graph, int32_t t, int32_t v,
                                        uint64_t *stream)
{
    if (graph->starts[v + 1] - graph->starts[v] == 1)
        return graph->starts[v];
    const double least = graph->out < 1 ? graph->out : 1, most = graph->out > 1 ? graph->out : 1;
    for (int n_tries = 0; n_tries < REJECTIONS; n_tries++) {
        int64_t place = draw_place(graph, v, stream);
        double level = uniform_of(wv_next(stream)) * graph->bound;
        if (graph->neighbours[place] != t) { /* most are decided without a look at row t */
            if (level < least)
                return place;
            if (level >= most)
                continue;
        }
        if (level < alpha_of(graph, t, v, place))
            return place;
    }
    return draw_exactly(graph, t, v, stream);
}

/* A walk from `node`; returns its number of nodes, fewer than graph->length at a dead end. */
static int64_t walk_from(const walk_graph *graph, int32_t node, uint64_t key, int32_t *nodes)
{
    uint64_t stream = wv_stream(key);
    int64_t n = 1;
    nodes[0] = node;
    while (n < graph->length) {
        int32_t v = nodes[n - 1];
        if (graph->starts[v] == graph->starts[v + 1])
            break;
        int64_t place = n == 1 || graph->is_first_order
                            ? draw_place(graph, v, &stream)
                            : draw_second_order(graph, nodes[n - 2], v, &stream);
        nodes[n++] = graph->neighbours[place];
    }
    return n;
}

/* The node at a position of a random order of 0 ... n_nodes - 1: a Feistel network over a range of
 * 4^half_bits numbers, walked until it falls into ours. */
static inline int32_t node_at(int64_t n_nodes, uint64_t key, int64_t position)
{
    int half_bits = 1;
    while (((int64_t)1 << (2 * half_bits)) < n_nodes)
        half_bits++;
    const uint64_t mask = ((uint64_t)1 << half_bits) - 1;
    uint64_t number = (uint64_t)position;
    do {
        uint64_t left = number >> half_bits, right = number & mask;
        for (int k = 0; k < SHUFFLE_ROUNDS; k++) {
            uint64_t mixed = wv_mix(key + (right + 1) * 0x9E3779B97F4A7C15ull + (uint64_t)k) & mask;
            uint64_t next = left ^ mixed;
            left = right;
            right = next;
        }
        number = left << half_bits | right;
    } while (number >= (uint64_t)n_nodes);
    return (int32_t)number;
}

/* The walk with this number: round number / n_nodes, the node at that place of the round's order. */
static inline int64_t walk_of_number(const walk_graph *graph, int64_t number, int32_t *nodes)
{
    uint64_t round = (uint64_t)(number / graph->n_nodes);
    int32_t node = node_at(graph->n_nodes, wv_key(graph->seed, KEY_OF_ORDER, round),
                           number % graph->n_nodes);
    uint64_t key = wv_key(wv_key(graph->seed, KEY_OF_WALK, round), 0, (uint64_t)node);
    return walk_from(graph, node, key, nodes);
}

/* Vose's alias table of one row; `shares` and `stack` hold as many places as the row. */
static inline void alias_row(const float *weights, int64_t n, double *shares, int32_t *stack,
                             row_alias *aliases)
{
    double total = 0;
    int64_t n_small = 0, n_large = 0; /* small ones from the bottom of the stack, large from the top */
    for (int64_t i = 0; i < n; i++)
        total += weights[i];
    for (int64_t i = 0; i < n; i++) {
        shares[i] = weights[i] * ((double)n / total);
        if (shares[i] < 1)
            stack[n_small++] = (int32_t)i;
        else
            stack[n - ++n_large] = (int32_t)i;
    }
    while (n_small && n_large) {
        int32_t small = stack[--n_small], large = stack[n - n_large];
        aliases[small].threshold = (uint32_t)(shares[small] * 4294967296.0);
        aliases[small].other = (uint32_t)large;
        shares[large] -= 1 - shares[small];
        if (shares[large] < 1) {
            n_large--;
            stack[n_small++] = large;
        }
    }
    while (n_large || n_small) { /* share 1 but for rounding */
        int32_t slot = n_large ? stack[n - n_large--] : stack[--n_small];
        aliases[slot].threshold = UINT32_MAX;
        aliases[slot].other = (uint32_t)slot;
    }
}

#endif
