/* Counting pairs of neighbouring words: word2phrase's statistics, over ids.
 *
 * A pair is one number, first << 32 | second.  Counting them in one big table would miss the cache
 * at every pair, so they are first dealt out by their hash into parts (written one after the other,
 * which memory likes), and each part is then counted in a table that fits the cache.  The parts
 * share nothing: threads take them from a queue, and parts that outgrow the memory go to disk.
 *
 * word2phrase counts strings, "first_second" cut at 59 bytes, in one table with the words.  For
 * nearly all pairs that is the same as counting pairs of ids.  It differs where two pairs, or a
 * pair and a word, share a string: "a_b" + "c" and "a" + "b_c", the word "new_york", two long
 * words.  Such pairs are recognised by flags of their words (shares_key), never left out, and
 * handed over for counting by string (phrases_keys.h). */
#ifndef WORDVEC_PHRASES_PAIRS_H
#define WORDVEC_PHRASES_PAIRS_H

#include "tokens_table.h"

#define CHUNK_PAIRS 2048
#define MAX_KEY_BYTES 59 /* word2phrase cuts "first_second" there */
#define PREFETCH_PAIRS 8
#define MIN_TABLE_SLOTS 1024

enum {
    WORD_KEPT = 1,     /* counted min_count times or more */
    WORD_BEGINS = 2,   /* may be the first word of a pair whose string is shared */
    WORD_ENDS = 4,     /* may be the second word of one */
    WORD_INFLATED = 8, /* its string is a pair's too, whose count it shares */
};

typedef struct {
    double count; /* whole numbers below 2^53, so exact */
    uint8_t flags;
    uint8_t length; /* bytes */
} phrase_word;

typedef struct {
    double min_count, threshold, n_words;
    int filters; /* leave out what provably scores too low; their number is then unknown */
} pair_rules;

typedef struct pair_chunk {
    struct pair_chunk *next;
    uint64_t pairs[CHUNK_PAIRS];
} pair_chunk;

/* One thread's pairs, dealt out into parts. */
typedef struct {
    pair_chunk **chunks; /* newest first */
    uint32_t *n_in_newest;
    int64_t *n_pairs;
    int64_t n_chunks;
    uint32_t n_parts; /* a power of two */
    int bits;         /* its logarithm */
} pair_sink;

static inline uint64_t hash_of_pair(uint64_t pair) {
    pair ^= pair >> 29;
    pair *= UINT64_C(0x9E3779B97F4A7C15);
    pair ^= pair >> 32;
    return pair * UINT64_C(0xD6E8FEB86659FD93);
}

static inline int sink_init(pair_sink *sink, int bits) {
    memset(sink, 0, sizeof *sink);
    sink->bits = bits;
    sink->n_parts = (uint32_t)1 << bits;
    sink->chunks = calloc(sink->n_parts, sizeof *sink->chunks);
    sink->n_in_newest = calloc(sink->n_parts, sizeof *sink->n_in_newest);
    sink->n_pairs = calloc(sink->n_parts, sizeof *sink->n_pairs);
    return sink->chunks && sink->n_in_newest && sink->n_pairs ? 0 : -1;
}

static inline void sink_clear_part(pair_sink *sink, uint32_t part) {
    while (sink->chunks[part] != NULL) {
        pair_chunk *next = sink->chunks[part]->next;
        free(sink->chunks[part]);
        sink->chunks[part] = next;
        sink->n_chunks--;
    }
    sink->n_in_newest[part] = 0;
    sink->n_pairs[part] = 0;
}

static inline void sink_free(pair_sink *sink) {
    if (sink->chunks && sink->n_in_newest && sink->n_pairs)
        for (uint32_t part = 0; part < sink->n_parts; part++) sink_clear_part(sink, part);
    free(sink->chunks);
    free(sink->n_in_newest);
    free(sink->n_pairs);
    memset(sink, 0, sizeof *sink);
}

static int sink_push(pair_sink *sink, uint64_t pair) {
    uint32_t part = sink->bits ? (uint32_t)(hash_of_pair(pair) >> (64 - sink->bits)) : 0;
    pair_chunk *chunk = sink->chunks[part];
    if (chunk == NULL || sink->n_in_newest[part] == CHUNK_PAIRS) {
        chunk = malloc(sizeof *chunk);
        if (chunk == NULL) return -1;
        chunk->next = sink->chunks[part];
        sink->chunks[part] = chunk;
        sink->n_in_newest[part] = 0;
        sink->n_chunks++;
    }
    chunk->pairs[sink->n_in_newest[part]++] = pair;
    sink->n_pairs[part]++;
    return 0;
}

static inline int shares_key(phrase_word first, phrase_word second) {
    return ((first.flags & WORD_BEGINS) && (second.flags & WORD_ENDS)) ||
           first.length + 1 + second.length >= MAX_KEY_BYTES;
}

/* A pair occurs at most as often as its rarer word.  The margin is for the original's float32,
 * which rounds six times, each by at most 2^-24. */
static inline int cannot_join(phrase_word first, phrase_word second, const pair_rules *rules) {
    double at_most = first.count < second.count ? first.count : second.count;
    return (at_most - rules->min_count) * rules->n_words * 1.00001 <=
           rules->threshold * first.count * second.count;
}

/* Deal out the pairs of `n` ids.  `remap` turns an id into a row of `words`; row 0 ends a line and
 * is passed over: word2phrase counts pairs across line breaks.  `*last` is the row of the word
 * before (0: none), and after the call the last one. */
static inline int scan_pairs(pair_sink *sink, const int32_t *ids, int64_t n, const int32_t *remap,
                             const phrase_word *words, const pair_rules *rules, int32_t *last) {
    int32_t before = *last;
    phrase_word first = words[before];
    for (int64_t k = 0; k < n; k++) {
        int32_t row = remap[ids[k]];
        if (row == 0) continue;
        phrase_word second = words[row];
        if (before != 0) {
            int wanted = shares_key(first, second) || ((first.flags & second.flags & WORD_KEPT) &&
                                                       !(rules->filters &&
                                                         cannot_join(first, second, rules)));
            if (wanted && sink_push(sink, (uint64_t)(uint32_t)before << 32 | (uint32_t)row))
                return -1;
        }
        first = second;
        before = row;
    }
    *last = before;
    return 0;
}

/* ---- counting one part ---- */

typedef struct {
    uint64_t pair; /* 0: free; row 0 is never part of a pair, so no pair is 0 */
    int64_t count;
} pair_slot;

typedef struct {
    pair_slot *slots;
    uint64_t n_slots, n_used, n_room;
} pair_table;

static inline uint64_t place_of_pair(const pair_table *table, uint64_t pair) {
    return (hash_of_pair(pair) >> 16) & (table->n_slots - 1);
}

/* An empty table with at least `n_slots`; memory is kept from part to part. */
static inline int pair_table_reset(pair_table *table, uint64_t n_slots) {
    if (table->n_room < n_slots) {
        free(table->slots);
        table->slots = malloc(n_slots * sizeof *table->slots);
        table->n_room = table->slots == NULL ? 0 : n_slots;
        if (table->slots == NULL) return -1;
    }
    table->n_slots = n_slots;
    table->n_used = 0;
    memset(table->slots, 0, n_slots * sizeof *table->slots);
    return 0;
}

/* Slots for that many pairs, of which a third, as a rule, are different ones. */
static inline uint64_t slots_for(int64_t n_pairs) {
    uint64_t n_slots = MIN_TABLE_SLOTS;
    while (3 * n_slots < 2 * (uint64_t)n_pairs) n_slots *= 2;
    return n_slots;
}

static inline int pair_table_grow(pair_table *table) {
    pair_table larger = {NULL, 0, 0, 0};
    if (pair_table_reset(&larger, 2 * table->n_slots)) return -1;
    for (uint64_t old = 0; old < table->n_slots; old++) {
        if (table->slots[old].pair == 0) continue;
        uint64_t place = place_of_pair(&larger, table->slots[old].pair);
        while (larger.slots[place].pair != 0) place = (place + 1) & (larger.n_slots - 1);
        larger.slots[place] = table->slots[old];
    }
    larger.n_used = table->n_used;
    free(table->slots);
    *table = larger;
    return 0;
}

static inline int count_pairs(pair_table *table, const uint64_t *pairs, int64_t n) {
    for (int64_t k = 0; k < n; k++) {
        uint64_t pair = pairs[k], place = place_of_pair(table, pair);
        if (k + PREFETCH_PAIRS < n)
            WV_PREFETCH(&table->slots[place_of_pair(table, pairs[k + PREFETCH_PAIRS])]);
        while (table->slots[place].pair != pair) {
            if (table->slots[place].pair == 0) {
                table->slots[place].pair = pair;
                if (2 * ++table->n_used > table->n_slots) {
                    if (pair_table_grow(table)) return -1;
                    place = place_of_pair(table, pair);
                    continue; /* found at its new place */
                }
                break;
            }
            place = (place + 1) & (table->n_slots - 1);
        }
        table->slots[place].count++;
    }
    return 0;
}

static inline int count_chunks(pair_table *table, const pair_sink *sink, uint32_t part) {
    uint32_t n = sink->n_in_newest[part];
    for (const pair_chunk *chunk = sink->chunks[part]; chunk != NULL; chunk = chunk->next) {
        if (count_pairs(table, chunk->pairs, n)) return -1;
        n = CHUNK_PAIRS;
    }
    return 0;
}

static inline int64_t count_of_pair(const pair_table *table, uint64_t pair) {
    uint64_t place = place_of_pair(table, pair);
    for (; table->slots[place].pair != 0; place = (place + 1) & (table->n_slots - 1))
        if (table->slots[place].pair == pair) return table->slots[place].count;
    return 0;
}

/* ---- what becomes of counted pairs ---- */

typedef struct {
    pair_slot *pairs;
    int64_t n, room;
} pair_list;

static inline int list_push(pair_list *list, pair_slot pair) {
    if (list->n == list->room) {
        int64_t room = list->room ? 2 * list->room : 256;
        pair_slot *pairs = realloc(list->pairs, (size_t)room * sizeof *pairs);
        if (pairs == NULL) return -1;
        list->pairs = pairs;
        list->room = room;
    }
    list->pairs[list->n++] = pair;
    return 0;
}

/* word2phrase's score and test, in its order of operations and in float32.  Dividing by a count
 * of 0 gives infinity, as there. */
static inline int scores_above(double pair, double first, double second, const pair_rules *rules) {
    float score = (float)(pair - rules->min_count) / (float)first;
    score = score / (float)second;
    score = score * (float)rules->n_words;
    return score > (float)rules->threshold;
}

/* Sort the pairs of a counted part: those that join; those whose strings are shared; those that
 * wait for the count of a word that shares a pair's string.  Returns how many plain pairs occur
 * min_count times or more, or -1 without memory. */
static inline int64_t sort_counted(const pair_table *table, const phrase_word *words,
                                   const pair_rules *rules, pair_list *joined, pair_list *shared,
                                   pair_list *waiting) {
    int64_t n_kept = 0;
    for (uint64_t place = 0; place < table->n_slots; place++) {
        pair_slot slot = table->slots[place];
        if (slot.pair == 0) continue;
        phrase_word first = words[slot.pair >> 32], second = words[(uint32_t)slot.pair];
        if (shares_key(first, second)) {
            if (list_push(shared, slot)) return -1;
            continue;
        }
        if ((double)slot.count < rules->min_count) continue;
        n_kept++;
        if ((first.flags | second.flags) & WORD_INFLATED) {
            if (list_push(waiting, slot)) return -1;
        } else if (scores_above((double)slot.count, first.count, second.count, rules)) {
            if (list_push(joined, slot)) return -1;
        }
    }
    return n_kept;
}

#endif
