/* Lines of text as the rows of a classifier: words, their character n-grams, word n-grams; labels.
 *
 * The numbers are fastText's, which its files depend on: rows 0 .. n_words - 1 are words, n_words + b
 * is bucket b.  A line's rows: for each word its row and its character n-grams (an unknown word has
 * only these), then for each word the n-grams that begin there, shortest first.  A word n-gram is
 * hashed from the 32-bit hashes of its words, known or not, widened with their sign.
 */
#ifndef WORDVEC_LINE_ROWS_H
#define WORDVEC_LINE_ROWS_H

#include <stdint.h>
#include <string.h>

#include "subwords.h"
#include "token_masks.h"
#include "word_index.h"

/* What a dictionary entry is, besides the row of a word: a label is LABEL_CODE - its number. */
enum { UNKNOWN_WORD = -1, LEFT_OUT = -2, LABEL_CODE = -3 };

/* Row numbers of buckets that have no row of their own (subwords.h, wv_row_source). */
enum { DROP_BUCKET = 0, START_OF_BUCKET = 1 };

typedef struct {
    int32_t n_words, word_ngrams;
    uint32_t n_buckets;           /* 0: no n-grams of any kind */
    uint64_t reciprocal;          /* 2^64 / n_buckets, rounded down */
    const int32_t *row_of_bucket; /* row - n_words, or -1; NULL: bucket b has row b */
    int32_t without_row;          /* DROP_BUCKET or START_OF_BUCKET */
    const int32_t *codes;         /* of each entry: row of a word or one of the above */
    const uint32_t *hashes;       /* of each entry */
    const int64_t *ngram_starts;  /* of each entry; NULL: no character n-grams */
    const int32_t *ngram_buckets;
} wv_line_rules;

typedef struct {
    int32_t *rows, *labels;
    uint32_t *hashes; /* of the words of the line */
    int64_t n_rows, n_labels, n_hashes;
    int64_t rows_room, labels_room, hashes_room;
} wv_line_output;

static inline uint32_t bucket_of_sequence(const wv_line_rules *rules, uint64_t hash)
{
#if defined(__SIZEOF_INT128__)
    uint64_t quotient = (uint64_t)(((unsigned __int128)hash * rules->reciprocal) >> 64);
    uint64_t rest = hash - quotient * rules->n_buckets; /* the quotient may be 1 too small */
    return (uint32_t)(rest >= rules->n_buckets ? rest - rules->n_buckets : rest);
#else
    return (uint32_t)(hash % rules->n_buckets);
#endif
}

static inline void add_bucket(const wv_line_rules *rules, uint32_t bucket, wv_line_output *out)
{
    int32_t row = (int32_t)bucket;
    if (rules->row_of_bucket != NULL) {
        row = rules->row_of_bucket[bucket];
        if (row < 0) {
            if (rules->without_row == START_OF_BUCKET)
                out->rows[out->n_rows++] = -1 - (int32_t)bucket;
            return;
        }
    }
    out->rows[out->n_rows++] = rules->n_words + row;
}

/* One word or label of the dictionary; 0 when there is no room. */
static inline int add_entry(const wv_line_rules *rules, int64_t entry, wv_line_output *out)
{
    int32_t code = rules->codes[entry];
    if (code <= LABEL_CODE) {
        if (out->n_labels == out->labels_room)
            return 0;
        out->labels[out->n_labels++] = LABEL_CODE - code;
        return 1;
    }
    if (code == LEFT_OUT)
        return 1;
    int64_t first = 0, end = 0;
    if (rules->ngram_starts != NULL)
        first = rules->ngram_starts[entry], end = rules->ngram_starts[entry + 1];
    if (out->n_rows + 1 + end - first > out->rows_room || out->n_hashes == out->hashes_room)
        return 0;
    if (code >= 0)
        out->rows[out->n_rows++] = code;
    for (int64_t i = first; i < end; i++)
        add_bucket(rules, (uint32_t)rules->ngram_buckets[i], out);
    out->hashes[out->n_hashes++] = rules->hashes[entry];
    return 1;
}

/* The word n-grams of the line; 0 when there is no room. */
static int end_line(const wv_line_rules *rules, wv_line_output *out)
{
    const int64_t n = out->n_hashes;
    out->n_hashes = 0;
    if (rules->word_ngrams < 2 || rules->n_buckets == 0)
        return 1;
    if (n * (rules->word_ngrams - 1) > out->rows_room - out->n_rows)
        return 0;
    for (int64_t i = 0; i < n; i++) {
        uint64_t hash = (uint64_t)(int64_t)(int32_t)out->hashes[i];
        for (int64_t j = i + 1; j < n && j < i + rules->word_ngrams; j++) {
            hash = hash * 116049371u + (uint64_t)(int64_t)(int32_t)out->hashes[j];
            add_bucket(rules, bucket_of_sequence(rules, hash), out);
        }
    }
    return 1;
}

/* ---- text ---- */

/* A word, or, with length 0, the end of a line. */
typedef struct {
    uint32_t begin, length;
} text_span;

typedef struct {
    const wv_line_rules *rules;
    const indexed_words *words; /* the dictionary, labels included */
    uint64_t seed;              /* of its index */
    const uint8_t *prefix;      /* of labels */
    int64_t prefix_bytes;
    int64_t separator;          /* entry of </s>, or -1 */
    uint32_t separator_hash;
    const wv_ngram_rules *ngrams; /* of unknown words; NULL: none */
    const wv_subword_ops *subwords;
    uint8_t *scratch; /* for the longest word of the text with WV_NGRAM_PADDING + 2 more */
} wv_line_reader;

typedef struct {
    int64_t n_lines, next; /* lines found, and the place in the text where the next begins */
    int64_t n_tokens;      /* of these lines, ends of lines included */
    int32_t is_full;       /* the line at `next` did not fit */
} wv_lines_found;

/* A word that the dictionary lacks. */
static int add_unknown(const wv_line_reader *reader, const uint8_t *word, int64_t n_bytes,
                       wv_line_output *out)
{
    const wv_line_rules *rules = reader->rules;
    if (n_bytes >= reader->prefix_bytes && !memcmp(word, reader->prefix, reader->prefix_bytes))
        return 1; /* a label that the model does not know */
    if (out->n_hashes == out->hashes_room)
        return 0;
    if (rules->word_ngrams > 1) {
        uint32_t hash = WV_HASH_START;
        for (int64_t i = 0; i < n_bytes; i++)
            hash = wv_hash_step(hash, word[i]);
        out->hashes[out->n_hashes++] = hash;
    }
    if (reader->ngrams == NULL)
        return 1;
    int64_t n = wv_n_ngrams(2 + wv_n_characters(word, n_bytes), reader->ngrams);
    if (2 * n > out->rows_room - out->n_rows)
        return 0;
    /* Behind the rows that they become, so that each is read before it is overwritten. */
    int32_t *buckets = out->rows + out->n_rows + n;
    const int64_t starts[2] = {0, n_bytes}, ngram_starts[2] = {0, n};
    const wv_ngram_job job = {
        .arena = word, .n_arena_bytes = n_bytes, .starts = starts, .ngram_starts = ngram_starts,
        .first = 0, .end = 1, .rules = reader->ngrams, .buckets = buckets,
        .scratch = reader->scratch,
    };
    reader->subwords->ngrams_of(&job);
    for (int64_t i = 0; i < n; i++)
        add_bucket(rules, (uint32_t)buckets[i], out);
    return 1;
}

static inline int add_separator(const wv_line_reader *reader, wv_line_output *out)
{
    if (reader->separator >= 0)
        return add_entry(reader->rules, reader->separator, out);
    if (out->n_hashes == out->hashes_room)
        return 0;
    out->hashes[out->n_hashes++] = reader->separator_hash;
    return 1;
}

enum { TOKENS_AT_ONCE = INDEX_BATCH };

typedef struct {
    int64_t *row_starts, *label_starts; /* one more than lines */
    int64_t lines_room;
} wv_line_ends;

/* Closes a line; 0 when there is no room. */
static inline int close_line(const wv_line_reader *reader, wv_line_output *out,
                             const wv_line_ends *ends, wv_lines_found *found, int64_t next)
{
    if (!end_line(reader->rules, out))
        return 0;
    found->n_lines++;
    ends->row_starts[found->n_lines] = out->n_rows;
    ends->label_starts[found->n_lines] = out->n_labels;
    found->next = next;
    return 1;
}

/* Words, and ends of lines (length 0), to rows; 0 when there is no room for more. */
static int add_spans(const wv_line_reader *reader, const uint8_t *text, const text_span *spans,
                     int n, wv_line_output *out, const wv_line_ends *ends, wv_lines_found *found,
                     int64_t *n_tokens)
{
    word_span words[TOKENS_AT_ONCE];
    int64_t rows[TOKENS_AT_ONCE];
    int n_words = 0;
    for (int k = 0; k < n; k++)
        if (spans[k].length) {
            words[n_words].bytes = text + spans[k].begin;
            words[n_words++].n_bytes = spans[k].length;
        }
    find_batch(reader->words, words, n_words, reader->seed, rows);
    n_words = 0;
    for (int k = 0; k < n; k++) {
        ++*n_tokens;
        if (spans[k].length == 0) {
            if (found->n_lines == ends->lines_room || !add_separator(reader, out) ||
                !close_line(reader, out, ends, found, (int64_t)spans[k].begin + 1))
                return 0;
            found->n_tokens = *n_tokens;
            continue;
        }
        int64_t entry = rows[n_words];
        const word_span *word = words + n_words++;
        int fits = entry >= 0 ? add_entry(reader->rules, entry, out)
                              : add_unknown(reader, word->bytes, (int64_t)word->n_bytes, out);
        if (!fits)
            return 0;
    }
    return 1;
}

/* Lines of text[begin:n_bytes], as many as fit; the last one without a newline only with
 * `ends_text`.  64 readable bytes must follow the text, and a blank must be the first of them. */
static void find_lines(const wv_line_reader *reader, const uint8_t *text, int64_t begin,
                       int64_t n_bytes, int ends_text, wv_line_output *out,
                       const wv_line_ends *ends, wv_lines_found *found)
{
    text_span spans[TOKENS_AT_ONCE + 2 * 64];
    int n = 0;
    int64_t n_tokens = 0, word_begin = begin;
    found->n_lines = found->n_tokens = 0;
    found->next = begin;
    found->is_full = 1;
    ends->row_starts[0] = ends->label_starts[0] = 0;
    for (int64_t block = begin; block <= n_bytes; block += 64) {
        byte_masks masks = masks_of_64(text + block);
        int64_t n_left = n_bytes - block + 1; /* with the blank behind the text */
        if (n_left < 64)
            masks.separators &= ~UINT64_C(0) >> (64 - n_left);
        for (uint64_t left = masks.separators; left; left &= left - 1) {
            int bit = lowest_bit(left);
            int64_t end = block + bit;
            spans[n].begin = (uint32_t)word_begin;
            spans[n].length = (uint32_t)(end - word_begin);
            n += end > word_begin;
            spans[n].begin = (uint32_t)end;
            spans[n].length = 0;
            n += (int)((masks.newlines >> bit) & 1);
            word_begin = end + 1;
        }
        int at = 0;
        for (; n - at >= TOKENS_AT_ONCE; at += TOKENS_AT_ONCE)
            if (!add_spans(reader, text, spans + at, TOKENS_AT_ONCE, out, ends, found, &n_tokens))
                return;
        n -= at;
        memmove(spans, spans + at, (size_t)n * sizeof *spans);
    }
    if (!add_spans(reader, text, spans, n, out, ends, found, &n_tokens))
        return;
    if (ends_text && n_tokens > found->n_tokens) { /* a last line without a newline */
        if (found->n_lines == ends->lines_room || !close_line(reader, out, ends, found, n_bytes))
            return;
        found->n_tokens = n_tokens;
    }
    if (ends_text)
        found->next = n_bytes;
    found->is_full = 0;
}

#endif
