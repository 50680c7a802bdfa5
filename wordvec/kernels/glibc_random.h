/* glibc's rand(), whose numbers decide what Stanford's tools do with a seed. */
#ifndef WORDVEC_GLIBC_RANDOM_H
#define WORDVEC_GLIBC_RANDOM_H

#include <stdint.h>
#include <string.h>

enum { GLIBC_LAG = 31, GLIBC_BLOCK = 993 };

/* glibc's rand(): r[i] = r[i - 3] + r[i - 31] mod 2^32, given out without the lowest bit. */
typedef struct {
    uint32_t words[GLIBC_LAG + GLIBC_BLOCK]; /* the 31 before, and a block */
    int next;                                /* in the block; GLIBC_BLOCK: all are used */
} glibc_random;

static void glibc_next_block(glibc_random *random) {
    uint32_t *words = random->words;
    memmove(words, words + GLIBC_BLOCK, GLIBC_LAG * sizeof *words);
    uint32_t a = words[GLIBC_LAG - 3], b = words[GLIBC_LAG - 2], c = words[GLIBC_LAG - 1];
    for (int k = GLIBC_LAG; k < GLIBC_LAG + GLIBC_BLOCK; k += 3) { /* the last three in registers */
        words[k] = a += words[k - GLIBC_LAG];
        words[k + 1] = b += words[k + 1 - GLIBC_LAG];
        words[k + 2] = c += words[k + 2 - GLIBC_LAG];
    }
    random->next = 0;
}

static inline int64_t glibc_rand(glibc_random *random) {
    if (random->next == GLIBC_BLOCK) glibc_next_block(random);
    return random->words[GLIBC_LAG + random->next++] >> 1;
}

static void glibc_seed(glibc_random *random, uint32_t seed) {
    int32_t word = seed ? (int32_t)seed : 1; /* as srand(); negative for seeds of 2^31 and more */
    uint32_t *last = random->words + GLIBC_BLOCK;
    for (int k = 0; k < GLIBC_LAG; k++) {
        last[k] = (uint32_t)word;
        int64_t product = 16807 * (int64_t)word % 2147483647;
        word = (int32_t)(product < 0 ? product + 2147483647 : product);
    }
    /* r[31..33] repeat r[0..2]; the recurrence begins at 34 and 310 numbers are thrown away. */
    uint32_t start[GLIBC_LAG + 3];
    memcpy(start, last, GLIBC_LAG * sizeof *start);
    memcpy(start + GLIBC_LAG, last, 3 * sizeof *start);
    memcpy(last, start + 3, GLIBC_LAG * sizeof *start);
    random->next = GLIBC_BLOCK;
    for (int k = 0; k < 310; k++) glibc_rand(random);
}

#endif
