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

/* Words first to end; word i is arena[starts[i]:starts[i + 1]] and its buckets go to
 * buckets[ngram_starts[i]:ngram_starts[i + 1]] (nothing for a word to be left out).  `scratch` has
 * 2 + WV_NGRAM_PADDING bytes more than the longest word. */
typedef struct {
    const uint8_t *arena;
    int64_t n_arena_bytes;
    const int64_t *starts, *ngram_starts;
    int64_t first, end;
    const wv_ngram_rules *rules;
    int32_t *buckets;
    uint8_t *scratch;
} wv_ngram_job;

/* Rows float32[...][stride] of which the first `dim` columns are read.  Row numbers below 0 stand
 * for rows that were never stored: bucket -1 - number, with its start values. */
typedef struct {
    const float *rows;
    int64_t stride, dim;
    uint64_t seed;
} wv_row_source;

typedef struct {
    /* Buckets of the n-grams of words; returns -1, or the first word that has another number of
     * n-grams than ngram_starts says, before which all is done. */
    int64_t (*ngrams_of)(const wv_ngram_job *job);
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

/* How many of 8 bytes continue a character. */
static inline int64_t wv_n_continued(uint64_t eight)
{
    uint64_t continued = (eight & ~(eight << 1) & 0x8080808080808080u) >> 7;
    return (int64_t)((continued * 0x0101010101010101u) >> 56);
}

/* Bytes that do not continue a character, 8 at a time: words are too short for vectors. */
static inline int64_t wv_n_characters(const uint8_t *word, int64_t n_bytes)
{
    int64_t n_chars = n_bytes, i = 0;
    for (; i + 8 <= n_bytes; i += 8) {
        uint64_t eight;
        memcpy(&eight, word + i, 8);
        n_chars -= wv_n_continued(eight);
    }
    for (int k = 0; k < (int)(n_bytes & 7); k++)
        n_chars -= wv_continues(word[i + k]);
    return n_chars;
}

/* The same without a loop, of at most 16 bytes where 16 may be read. */
static inline int64_t wv_n_characters_of_16(const uint8_t *word, int64_t n_bytes)
{
    uint64_t eight[2];
    memcpy(eight, word, 16);
    uint64_t low = n_bytes < 8 ? ((uint64_t)1 << 8 * n_bytes) - 1 : ~(uint64_t)0;
    uint64_t high = n_bytes < 16 ? ((uint64_t)1 << 8 * (n_bytes & 7)) - 1 : ~(uint64_t)0;
    high = n_bytes < 8 ? 0 : high;
    return n_bytes - wv_n_continued(eight[0] & low) - wv_n_continued(eight[1] & high);
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
