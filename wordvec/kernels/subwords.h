/* Character n-grams of words as bucket numbers, and rows that are means of rows.
 *
 * An n-gram of a word w is a run of n characters of "<w>"; its bucket is a hash of its bytes modulo
 * the number of buckets, as in fastText, whose files depend on it bit for bit:
 *   - FNV-1a of 32 bits, except that each byte is widened with its sign (bytes from 128 on become
 *     0xFFFFFFxx before the exclusive or);
 *   - a character is a byte and the bytes 10xxxxxx that follow, valid UTF-8 or not;
 *   - by start, then by length; a single character at either end, "<" or ">", is left out.
 */
#ifndef WORDVEC_SUBWORDS_H
#define WORDVEC_SUBWORDS_H

#include <stdint.h>
#include <string.h>

#include "random.h"

enum {
    WV_NGRAM_LENGTHS = 16, /* lengths that the fast path can hold */
    WV_NGRAM_LONGEST = 64, /* characters of the longest n-gram that it takes */
    WV_NGRAM_PADDING = 16 + WV_NGRAM_LONGEST, /* readable bytes behind a word in the scratch */
};

typedef struct {
    int64_t shortest, longest; /* characters, shortest at least 1 */
    uint32_t n_buckets;        /* at least 1 */
    uint32_t reciprocal;       /* 2^32 / n_buckets, rounded down; see wv_bucket_of */
} wv_ngram_rules;

/* Rows float32[...][stride] of which the first `dim` columns are read.  Row numbers below 0 stand
 * for rows that were never stored: bucket -1 - number, with its start values. */
typedef struct {
    const float *rows;
    int64_t stride, dim;
    uint64_t seed;
} wv_row_source;

typedef struct {
    /* Buckets of the `n_ngrams` n-grams of a word of n_bytes, "<" and ">" included, with WV_NGRAM_PADDING
     * readable bytes behind, the first 8 of them 0.  Returns 0, and writes nothing, when
     * the word has another number of n-grams. */
    int (*ngrams_of)(const uint8_t *word, int64_t n_bytes, const wv_ngram_rules *rules,
                     int64_t n_ngrams, int32_t *buckets);
    /* out[w - first] = mean of the rows numbers[starts[w]:starts[w + 1]], for first <= w < end:
     * added up one after the other, then times the float nearest to 1 / n, which gives fastText's
     * bits; zeros for a word without rows. */
    void (*mean_rows)(const wv_row_source *source, const int64_t *starts, const int32_t *numbers,
                      int64_t first, int64_t end, float *out, int64_t out_stride);
    /* row[c] = wv_start_value(key, c, scale) for c < dim. */
    void (*start_row)(float *row, int64_t dim, uint64_t key, float scale);
} wv_subword_ops;

extern const wv_subword_ops wv_subword_ops_baseline;
#if defined(__x86_64__)
extern const wv_subword_ops wv_subword_ops_avx2;
extern const wv_subword_ops wv_subword_ops_avx512;
#endif

static inline int wv_continues(uint8_t byte) { return (byte & 0xC0) == 0x80; }

static inline uint32_t wv_hash_step(uint32_t hash, uint8_t byte)
{
    return (hash ^ (uint32_t)(int32_t)(int8_t)byte) * 16777619u;
}

#define WV_HASH_START 2166136261u

/* hash % n_buckets without a division: the quotient by the reciprocal is at most 1 too small. */
static inline uint32_t wv_bucket_of(uint32_t hash, const wv_ngram_rules *rules)
{
    uint32_t quotient = (uint32_t)(((uint64_t)hash * rules->reciprocal) >> 32);
    uint32_t rest = hash - quotient * rules->n_buckets, less = rest - rules->n_buckets;
    return rest < less ? rest : less; /* `less` wraps round when the rest was small enough */
}

/* Bytes that do not continue a character, 8 at a time: words are too short for vectors. */
static inline int64_t wv_n_characters(const uint8_t *word, int64_t n_bytes)
{
    int64_t n_chars = n_bytes, i = 0;
    for (; i + 8 <= n_bytes; i += 8) {
        uint64_t eight;
        memcpy(&eight, word + i, 8);
        uint64_t continued = (eight & ~(eight << 1) & 0x8080808080808080u) >> 7;
        n_chars -= (int64_t)((continued * 0x0101010101010101u) >> 56);
    }
    for (int k = 0; k < (int)(n_bytes & 7); k++)
        n_chars -= wv_continues(word[i + k]);
    return n_chars;
}

/* Number of n-grams of a word of n_chars characters, "<" and ">" included. */
static inline int64_t wv_n_ngrams(int64_t n_chars, const wv_ngram_rules *rules)
{
    int64_t n_ngrams = 0;
    for (int64_t n = rules->shortest; n <= rules->longest && n <= n_chars; n++)
        n_ngrams += n_chars - n + 1;
    return n_ngrams - (rules->shortest <= 1 && rules->longest >= 1 ? 2 : 0);
}

/* What a row that training has not changed holds in a column: uniform in +-1 / dim.  `key` is
 * wv_key(seed, purpose, number of the word or bucket). */
enum { WV_START_OF_WORD = 2, WV_START_OF_BUCKET = 3 };

static inline float wv_start_value(uint64_t key, int64_t column, float scale)
{
    return (float)(int32_t)wv_bits_at(key, column) * scale;
}

static inline float wv_start_scale(int64_t dim) { return 1.0f / 2147483648.0f / (float)dim; }

#endif
