/* A hash index over words that lie one after the other in memory, or in a mapped file.
 *
 * Word i is data[ends[i - 1] .. ends[i]] (from 0 for the first).  The index is two arrays of n_slots
 * (a power of two, at least twice the words): the row of a word, or EMPTY_INDEX_SLOT, and one byte
 * of its hash, so that a probe that meets another word mostly costs no look at it.  Collisions go
 * to the next slot.  Of equal words only the first has a slot.
 *
 * Arrays that come from a file may hold anything: every row, offset and number of steps is checked
 * before it is used. */
#ifndef WORDVEC_WORD_INDEX_H
#define WORDVEC_WORD_INDEX_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { EMPTY_INDEX_SLOT = -1, NO_SUCH_WORD = -1, DAMAGED_INDEX = -2 };
enum { INDEX_BATCH = 32 };

typedef struct {
    const uint8_t *data;
    const uint64_t *ends;
    int64_t n_words;
    uint64_t n_bytes; /* of data */
    int32_t *slots;   /* NULL until there is an index */
    uint8_t *tags;
    uint64_t n_slots;
} indexed_words;

typedef struct {
    const uint8_t *bytes; /* NULL when the offsets of the word make no sense */
    uint64_t n_bytes;
} word_span;

static inline word_span span_of_word(const indexed_words *words, int64_t row)
{
    uint64_t begin = row ? words->ends[row - 1] : 0, end = words->ends[row];
    word_span none = {NULL, 0};
    if (begin > end || end > words->n_bytes)
        return none;
    word_span word = {words->data + begin, end - begin};
    return word;
}

/* Up to 8 bytes as they lie, zeros behind them: two loads that overlap, for a memcpy of a length
 * that is not known costs a call. */
static inline uint64_t load_some(const uint8_t *bytes, size_t n_bytes)
{
    uint64_t value = 0;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (n_bytes == 8) {
        memcpy(&value, bytes, 8);
    } else if (n_bytes >= 4) {
        uint32_t first, last;
        memcpy(&first, bytes, 4);
        memcpy(&last, bytes + n_bytes - 4, 4);
        value = first | (uint64_t)last << 8 * (n_bytes - 4);
    } else if (n_bytes) {
        value = bytes[0] | (uint64_t)bytes[n_bytes / 2] << 8 * (n_bytes / 2) |
                (uint64_t)bytes[n_bytes - 1] << 8 * (n_bytes - 1);
    }
#else
    memcpy(&value, bytes, n_bytes);
#endif
    return value;
}

static inline int are_equal(const uint8_t *a, const uint8_t *b, uint64_t n_bytes)
{
    uint64_t difference = 0;
    if (n_bytes > 32)
        return !memcmp(a, b, n_bytes);
    for (; n_bytes > 8; a += 8, b += 8, n_bytes -= 8)
        difference |= load_some(a, 8) ^ load_some(b, 8);
    return !(difference | (load_some(a, n_bytes) ^ load_some(b, n_bytes)));
}

static inline uint64_t load_little_endian(const uint8_t *bytes, size_t n_bytes)
{
    uint64_t value = load_some(bytes, n_bytes);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

/* The hash "wordvec-mx64", the same on every machine; files name it, so it must never change.
 * For each 8 bytes, little-endian and zero-padded at the end: h = (h ^ x) * M, h ^= h >> 32. */
static inline uint64_t hash_word(const uint8_t *word, uint64_t n_bytes, uint64_t seed)
{
    const uint64_t multiplier = UINT64_C(0xD6E8FEB86659FD93);
    uint64_t hash = seed ^ n_bytes * UINT64_C(0x9E3779B97F4A7C15);
    for (; n_bytes >= 8; word += 8, n_bytes -= 8) {
        hash = (hash ^ load_little_endian(word, 8)) * multiplier;
        hash ^= hash >> 32;
    }
    if (n_bytes) {
        hash = (hash ^ load_little_endian(word, n_bytes)) * multiplier;
        hash ^= hash >> 32;
    }
    hash *= multiplier;
    return hash ^ hash >> 32;
}

static inline uint64_t first_slot(uint64_t hash, uint64_t n_slots)
{
    return hash >> 8 & (n_slots - 1);
}

/* The slot of a word or the empty one where it belongs; n_slots when neither exists, or when what
 * was met on the way is damaged. */
static inline uint64_t find_slot(const indexed_words *words, word_span word, uint64_t hash)
{
    uint64_t mask = words->n_slots - 1;
    uint64_t slot = first_slot(hash, words->n_slots);
    for (uint64_t n_steps = 0; n_steps <= mask; n_steps++, slot = (slot + 1) & mask) {
        int32_t row = words->slots[slot];
        if (row == EMPTY_INDEX_SLOT)
            return slot;
        if (words->tags[slot] != (uint8_t)hash)
            continue;
        if (row < 0 || row >= words->n_words)
            break;
        word_span other = span_of_word(words, row);
        if (other.bytes == NULL)
            break;
        if (other.n_bytes == word.n_bytes && are_equal(other.bytes, word.bytes, word.n_bytes))
            return slot;
    }
    return words->n_slots;
}

static inline int64_t find_word(const indexed_words *words, word_span word, uint64_t hash)
{
    uint64_t slot = find_slot(words, word, hash);
    return slot == words->n_slots ? DAMAGED_INDEX : words->slots[slot];
}

/* Rows of up to INDEX_BATCH words.  What a look-up reads one after the other, slot, offset and
 * spelling, is asked for of all words before the first needs it. */
static void find_batch(const indexed_words *words, const word_span *batch, int n, uint64_t seed,
                       int64_t *rows)
{
    uint64_t hashes[INDEX_BATCH];
    for (int k = 0; k < n; k++) {
        hashes[k] = hash_word(batch[k].bytes, batch[k].n_bytes, seed);
        uint64_t slot = first_slot(hashes[k], words->n_slots);
        __builtin_prefetch(words->slots + slot);
        __builtin_prefetch(words->tags + slot);
    }
    for (int k = 0; k < n; k++) {
        uint64_t slot = first_slot(hashes[k], words->n_slots);
        int32_t row = words->slots[slot];
        int is_likely = words->tags[slot] == (uint8_t)hashes[k] && row > 0 && row < words->n_words;
        rows[k] = is_likely ? row : 0;
        __builtin_prefetch(words->ends + rows[k]);
    }
    for (int k = 0; k < n; k++) {
        uint64_t begin = rows[k] ? words->ends[rows[k] - 1] : 0;
        __builtin_prefetch(words->data + (begin < words->n_bytes ? begin : 0));
    }
    for (int k = 0; k < n; k++)
        rows[k] = find_word(words, batch[k], hashes[k]);
}

/* Fill slots (all empty) and tags; 0, or DAMAGED_INDEX when the offsets make no sense. */
static int fill_index(indexed_words *words, uint64_t seed)
{
    for (int64_t first = 0; first < words->n_words; first += INDEX_BATCH) {
        int64_t n = words->n_words - first < INDEX_BATCH ? words->n_words - first : INDEX_BATCH;
        word_span batch[INDEX_BATCH];
        uint64_t hashes[INDEX_BATCH];
        for (int64_t k = 0; k < n; k++) {
            batch[k] = span_of_word(words, first + k);
            if (batch[k].bytes == NULL)
                return DAMAGED_INDEX;
            hashes[k] = hash_word(batch[k].bytes, batch[k].n_bytes, seed);
            uint64_t slot = first_slot(hashes[k], words->n_slots);
            __builtin_prefetch(words->slots + slot, 1);
            __builtin_prefetch(words->tags + slot, 1);
        }
        for (int64_t k = 0; k < n; k++) {
            uint64_t slot = find_slot(words, batch[k], hashes[k]);
            if (slot == words->n_slots)
                return DAMAGED_INDEX;
            if (words->slots[slot] == EMPTY_INDEX_SLOT) {
                words->slots[slot] = (int32_t)(first + k);
                words->tags[slot] = (uint8_t)hashes[k];
            }
        }
    }
    return 0;
}

#endif
