/* Random numbers of the kernels.
 *
 * A stream (xorshift64*, Vigna 2016) serves draws whose number depends on the text; a hash of
 * (key, position) serves decisions that must not depend on where a shard begins.
 */
#ifndef WORDVEC_RANDOM_H
#define WORDVEC_RANDOM_H

#include <stdint.h>

static inline uint64_t wv_mix(uint64_t z)
{ /* the finaliser of splitmix64: every input bit reaches every output bit */
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

/* A key for one purpose: mixes a seed with up to two more numbers. */
static inline uint64_t wv_key(uint64_t seed, uint64_t a, uint64_t b)
{
    return wv_mix(wv_mix(wv_mix(seed + 0x9E3779B97F4A7C15ull) + a) + 0xD1B54A32D192ED03ull * (b + 1));
}

/* Start of a stream; never 0, where xorshift would stay. */
static inline uint64_t wv_stream(uint64_t key) { return wv_mix(key) | 1; }

static inline uint64_t wv_next(uint64_t *stream)
{
    uint64_t x = *stream;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    *stream = x;
    return x * 0x2545F4914F6CDD1Dull;
}

/* A whole number from 0 to n - 1 out of the high 32 bits of a draw (bias below n / 2^32). */
static inline uint32_t wv_below(uint64_t draw, uint32_t n)
{
    return (uint32_t)(((draw >> 32) * n) >> 32);
}

/* 32 random bits that belong to one position of the text. */
static inline uint32_t wv_bits_at(uint64_t key, int64_t position)
{
    uint64_t z = key + (uint64_t)position * 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 32)) * 0xD6E8FEB86659FD93ull;
    z = (z ^ (z >> 32)) * 0xD6E8FEB86659FD93ull;
    return (uint32_t)(z >> 32);
}

#endif
