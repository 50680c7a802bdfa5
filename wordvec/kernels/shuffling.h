/* Shuffling arrays of 16-byte records in place.
 *
 * Fisher and Yates from the last place down.  Places are drawn in batches, ahead of the swaps:
 * they do not depend on the records, and the memory system can fetch them meanwhile. */
#ifndef WORDVEC_SHUFFLING_H
#define WORDVEC_SHUFFLING_H

#include <stdint.h>

#include "glibc_random.h"
#include "random.h"

typedef struct {
    uint64_t words[2];
} wv_record;

enum { SHUFFLE_BATCH = 64 };

/* x % n for x below 2^62: the quotient from a reciprocal is off by one at most (its relative error
 * is below 2^-51, and from 4096 on it has at most 50 bits), and much faster than a division. */
static inline int64_t remainder_of(int64_t x, int64_t n) {
    if (n < 4096) return (int64_t)((uint64_t)x % (uint64_t)n);
    int64_t quotient = (int64_t)((double)x * (1.0 / (double)n));
    int64_t rest = x - quotient * n;
    if (rest < 0) rest += n;
    if (rest >= n) rest -= n;
    return rest;
}

/* A number below n, as GloVe's shuffle draws it: its own rejection limit, high part first. */
static inline int64_t glibc_below(glibc_random *random, int64_t n) {
    const int64_t rand_max = 2147483647, top = (rand_max + 2) * rand_max;
    for (;;) {
        int64_t high = glibc_rand(random), draw = (rand_max + 1) * high + glibc_rand(random);
        /* The limit is above top - n: the second division is all but never needed. */
        if (draw < top - n || draw < top - top % n)
            return remainder_of(draw, n);
    }
}

static inline int64_t stream_below(uint64_t *stream, int64_t n) {
    return (int64_t)(((unsigned __int128)wv_next(stream) * (uint64_t)n) >> 64);
}

#define FISHER_YATES(name, generator, below)                                        \
    static void name(generator *random, wv_record *records, int64_t n) {            \
        int64_t places[SHUFFLE_BATCH];                                              \
        for (int64_t last = n - 1; last > 0;) {                                     \
            int n_batch = last < SHUFFLE_BATCH ? (int)last : SHUFFLE_BATCH;         \
            for (int k = 0; k < n_batch; k++) {                                     \
                places[k] = below(random, last - k + 1);                            \
                __builtin_prefetch(records + places[k], 1);                         \
            }                                                                       \
            for (int k = 0; k < n_batch; k++, last--) {                             \
                wv_record moved = records[places[k]];                               \
                records[places[k]] = records[last];                                 \
                records[last] = moved;                                              \
            }                                                                       \
        }                                                                           \
    }
FISHER_YATES(shuffle_like_glove, glibc_random, glibc_below)
FISHER_YATES(shuffle_by_stream, uint64_t, stream_below)

/* Sort records by buckets drawn at random: ends[b] is where bucket b ends in `out`. */
static void scatter_records(uint64_t *stream, const wv_record *records, int64_t n, int n_buckets,
                            int32_t *drawn, int64_t *ends, wv_record *out) {
    for (int b = 0; b < n_buckets; b++) ends[b] = 0;
    for (int64_t k = 0; k < n; k++) {
        drawn[k] = (int32_t)stream_below(stream, n_buckets);
        ends[drawn[k]]++;
    }
    int64_t total = 0;
    for (int b = 0; b < n_buckets; b++) {
        int64_t n_here = ends[b];
        ends[b] = total;
        total += n_here;
    }
    for (int64_t k = 0; k < n; k++) out[ends[drawn[k]]++] = records[k];
}

#endif
