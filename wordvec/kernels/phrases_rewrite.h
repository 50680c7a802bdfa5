/* Writing a text again with its phrases joined, from ids: word2phrase's second pass. */
#ifndef WORDVEC_PHRASES_REWRITE_H
#define WORDVEC_PHRASES_REWRITE_H

#include "phrases_keys.h"

#define COPY_BYTES 64 /* more than any word; readable behind every one */

enum { JOINS_NEXT = 1, JOINS_BEFORE = 2 };

/* A word in one number, so that it costs one cache line beside its bytes. */
typedef uint64_t packed_word; /* offset << 16 | length << 8 | JOINS_... */

/* Pairs that join: open addressing, 0 is free. */
typedef struct {
    uint64_t *pairs;
    uint64_t n_slots;
} pair_set;

static inline int set_holds(const pair_set *set, uint64_t pair) {
    uint64_t place = hash_of_pair(pair) >> 20 & (set->n_slots - 1);
    for (; set->pairs[place] != 0; place = (place + 1) & (set->n_slots - 1))
        if (set->pairs[place] == pair) return 1;
    return 0;
}

static inline int set_init(pair_set *set, const uint64_t *pairs, int64_t n) {
    set->n_slots = 16;
    while (set->n_slots < 2 * (uint64_t)n) set->n_slots *= 2;
    set->pairs = calloc(set->n_slots, sizeof *set->pairs);
    if (set->pairs == NULL) return -1;
    for (int64_t k = 0; k < n; k++) {
        uint64_t place = hash_of_pair(pairs[k]) >> 20 & (set->n_slots - 1);
        while (set->pairs[place] != 0 && set->pairs[place] != pairs[k])
            place = (place + 1) & (set->n_slots - 1);
        set->pairs[place] = pairs[k];
    }
    return 0;
}

typedef struct {
    const packed_word *words;
    const uint8_t *arena;
    pair_set set;
    pair_rules rules;
    int joins_all;   /* a negative threshold: a score of 0 is above it */
    int joins_on;    /* min_count 0: dividing by 0 joins what follows a joined word */
    const int64_t *after_newline; /* counts of "</s>_word" by row, or NULL: all are 0 */
    const int64_t *counts;        /* by row; only used with after_newline */
} join_rules;

/* Where a text stands: the token before (0: a line's end), the word before it, whether that was
 * joined to its own predecessor. */
typedef struct {
    int32_t token, word;
    int joined;
} join_state;

/* After a newline word2phrase looks for the string "</s>_word"; the count of the word before the
 * newline serves as that of the first word.  Such strings exist only if the text holds words that
 * begin with "</s>_". */
static inline int joins_after_newline(const join_rules *rules, const join_state *state,
                                      int32_t row) {
    double min_count = rules->rules.min_count, pair = (double)rules->after_newline[row];
    if (state->word == 0 || pair == 0 || pair < min_count) return 0;
    double first = (double)rules->counts[state->word], second = (double)rules->counts[row];
    if (first < min_count || second < min_count) return 0;
    if (state->joined) first = 0;
    if (first < min_count) return 0;
    return scores_above(pair, first, second, &rules->rules);
}

static inline int joins_pair(const join_rules *rules, int32_t first, int32_t second) {
    return (rules->words[first] & JOINS_NEXT) && (rules->words[second] & JOINS_BEFORE) &&
           set_holds(&rules->set, (uint64_t)(uint32_t)first << 32 | (uint32_t)second);
}

static inline int joins(const join_rules *rules, const join_state *state, int32_t row) {
    if (rules->joins_all) return 1;
    if (state->token == 0)
        return rules->after_newline != NULL && joins_after_newline(rules, state, row);
    if (state->joined) return rules->joins_on;
    return joins_pair(rules, state->token, row);
}

/* Bytes written to `out`, which needs room for n * (2 + MAX_PHRASE_WORD_BYTES) + COPY_BYTES. */
static inline int64_t rewrite_ids(const join_rules *rules, const int32_t *ids, int64_t n,
                                  const int32_t *remap, join_state *state, uint8_t *out,
                                  int64_t *n_joined) {
    join_state now = *state;
    uint8_t *to = out;
    for (int64_t k = 0; k < n; k++) {
        int32_t row = remap[ids[k]];
        if (row == 0) {
            *to++ = '\n';
            now.token = 0;
            continue;
        }
        now.joined = joins(rules, &now, row);
        now.token = now.word = row;
        *n_joined += now.joined;
        packed_word word = rules->words[row];
        const uint8_t *text = rules->arena + (word >> 16);
        uint32_t length = (uint32_t)(word >> 8) & 0xFF;
        *to++ = now.joined ? '_' : ' ';
        memcpy(to, text, 16);
        if (length > 16) memcpy(to + 16, text + 16, COPY_BYTES - 16);
        to += length;
    }
    *state = now;
    return to - out;
}

/* The state after these ids without writing them.  Only from the last place that depends on
 * nothing before it, usually a few words back: that is what lets threads share a text. */
static inline void skip_ids(const join_rules *rules, const int32_t *ids, int64_t n,
                            const int32_t *remap, join_state *state) {
    join_state now = *state;
    int64_t from = rules->after_newline != NULL ? 0 : n;
    while (from > 0) {
        int32_t row = remap[ids[--from]];
        int32_t before = from > 0 ? remap[ids[from - 1]] : 0;
        int is_plain = row == 0 || (from > 0 && before != 0 && !rules->joins_on &&
                                    !rules->joins_all && !joins_pair(rules, before, row));
        if (is_plain) {
            now.token = row;
            now.word = row ? row : now.word;
            now.joined = 0;
            from++;
            break;
        }
    }
    for (int64_t k = from; k < n; k++) {
        int32_t row = remap[ids[k]];
        if (row != 0) {
            now.joined = joins(rules, &now, row);
            now.word = row;
        }
        now.token = row;
    }
    *state = now;
}

#endif
