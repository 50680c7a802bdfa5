/* A hash table from words (byte strings) to ids, built for counting text.
 *
 * Ids are given in order of first appearance: 0 is the end of a sentence (the empty word, and
 * "</s>" where the rules say so), words follow from 1.  A slot is half a cache line and holds all
 * that a common look-up needs: words of up to 16 bytes are stored in it whole, so that comparing
 * costs no second cache miss, and the count lies beside them.  Longer words keep a hash and their
 * last 8 bytes there and are compared in the arena.
 *
 * Collisions are resolved by linear probing at a load of at most 1/2.  Frequent words are met
 * early and so sit in their first slot.  The hash is not meant to resist somebody who builds
 * texts to make it slow. */
#ifndef WORDVEC_TOKENS_TABLE_H
#define WORDVEC_TOKENS_TABLE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#define WV_HAVE_MMAP 1
#endif

#if defined(__GNUC__) || defined(__clang__)
#define WV_ALWAYS_INLINE static inline __attribute__((always_inline))
#define WV_PREFETCH(address) __builtin_prefetch((address), 1, 3)
#define WV_UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#else
#define WV_ALWAYS_INLINE static inline
#define WV_PREFETCH(address) ((void)0)
#define WV_UNLIKELY(condition) (condition)
#endif

#define INLINE_WORD_BYTES 16
#define EMPTY_SLOT UINT32_MAX /* as length: no word is that long */
#define BATCH_TOKENS 128
#define TEXT_PADDING 64 /* readable bytes that must follow every text */
#define MIN_SLOTS 1024
#define HUGE_PAGE ((size_t)2 << 20)

typedef struct {
    uint64_t low, high;
} word_key;

typedef struct {
    word_key key; /* the word, zero-padded; for a long word: hash and last 8 bytes */
    uint64_t count;
    uint32_t length; /* bytes, or EMPTY_SLOT */
    int32_t id;
} word_slot;

/* One token of a text; length 0 marks the end of a sentence. */
typedef struct {
    uint32_t begin, length;
} token_span;

typedef struct {
    word_slot *slots;
    uint64_t n_slots; /* a power of two */
    uint64_t n_used;  /* occupied slots */
    uint8_t *arena;   /* all words one after the other, in id order */
    uint64_t arena_bytes, arena_capacity;
    uint64_t *word_starts; /* word of id i: arena[word_starts[i] .. word_starts[i + 1]] */
    uint64_t *first_seen;  /* place of its first token in the corpus */
    int32_t n_ids, ids_capacity;
    /* word2vec.c's reduction rule; see prune_words */
    int64_t prune_at, n_live;
    uint64_t min_reduce;
} word_table;

typedef enum { COUNT_WORDS, COUNT_AND_PRUNE, LOOK_UP } table_use;
enum { TABLE_OK = 0, TABLE_NO_MEMORY = -1, TABLE_TOO_MANY_WORDS = -2 };

/* ---- hashing ---- */

static const uint8_t KEY_MASK[2 * INLINE_WORD_BYTES] = {255, 255, 255, 255, 255, 255, 255, 255,
                                                        255, 255, 255, 255, 255, 255, 255, 255};
#define HASH_LOW UINT64_C(0x9E3779B97F4A7C15)
#define HASH_HIGH UINT64_C(0xD6E8FEB86659FD93)

static inline uint64_t load_u64(const uint8_t *bytes) {
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

/* High half of the 128-bit product folded onto its low half. */
static inline uint64_t multiply_fold(uint64_t a, uint64_t b) {
#if defined(__SIZEOF_INT128__)
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
#else
    uint64_t product = (a ^ (a >> 32)) * (b | 1);
    product ^= product >> 29;
    product *= HASH_HIGH;
    return product ^ (product >> 32);
#endif
}

static inline uint64_t hash_long_word(const uint8_t *word, uint32_t length) {
    uint64_t hash = HASH_LOW ^ length;
    uint32_t done = 0;
    for (; length - done > 16; done += 16)
        hash = multiply_fold(load_u64(word + done) ^ HASH_HIGH, load_u64(word + done + 8) ^ hash);
    const uint8_t *tail = word + length - 16; /* overlaps what was hashed before */
    return multiply_fold(load_u64(tail) ^ HASH_HIGH, load_u64(tail + 8) ^ hash);
}

/* `word` must have TEXT_PADDING readable bytes behind it. */
WV_ALWAYS_INLINE word_key key_of_word(const uint8_t *word, uint32_t length) {
    word_key key;
    if (WV_UNLIKELY(length > INLINE_WORD_BYTES)) {
        key.low = hash_long_word(word, length);
        key.high = load_u64(word + length - 8);
        return key;
    }
    const uint8_t *mask = KEY_MASK + INLINE_WORD_BYTES - length;
    key.low = load_u64(word) & load_u64(mask);
    key.high = load_u64(word + 8) & load_u64(mask + 8);
    return key;
}

WV_ALWAYS_INLINE uint64_t hash_of_key(word_key key, uint32_t length) {
    if (WV_UNLIKELY(length > INLINE_WORD_BYTES)) return key.low;
    return multiply_fold(key.low ^ HASH_LOW, key.high ^ HASH_HIGH ^ length);
}

/* ---- memory ---- */

/* Large tables come from the system and go back there: malloc would keep the old halves of growing
 * tables for itself. */
static inline int slots_are_mapped(uint64_t n_slots) {
#ifdef WV_HAVE_MMAP
    return n_slots * sizeof(word_slot) >= HUGE_PAGE;
#else
    (void)n_slots;
    return 0;
#endif
}

static inline word_slot *map_slots(size_t n_bytes) {
#ifdef WV_HAVE_MMAP
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    uint8_t *wide = mmap(NULL, n_bytes + HUGE_PAGE, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (wide == MAP_FAILED) return NULL;
    size_t before = (HUGE_PAGE - (uintptr_t)wide % HUGE_PAGE) % HUGE_PAGE;
    if (before) munmap(wide, before);
    munmap(wide + before + n_bytes, HUGE_PAGE - before);
#ifdef MADV_HUGEPAGE
    madvise(wide + before, n_bytes, MADV_HUGEPAGE); /* only a wish */
#endif
    return (word_slot *)(void *)(wide + before);
#else
    (void)n_bytes;
    return NULL;
#endif
}

static inline word_slot *allocate_slots(uint64_t n_slots) {
    size_t n_bytes = (size_t)n_slots * sizeof(word_slot);
    word_slot *slots = slots_are_mapped(n_slots) ? map_slots(n_bytes) : aligned_alloc(64, n_bytes);
    if (slots != NULL) memset(slots, 0xFF, n_bytes);
    return slots;
}

static inline void release_slots(word_slot *slots, uint64_t n_slots) {
#ifdef WV_HAVE_MMAP
    if (slots_are_mapped(n_slots)) {
        munmap(slots, (size_t)n_slots * sizeof(word_slot));
        return;
    }
#endif
    free(slots);
}

/* Memory the table holds, in bytes. */
static inline uint64_t table_bytes(const word_table *table) {
    return table->n_slots * sizeof(word_slot) + table->arena_capacity +
           (uint64_t)table->ids_capacity * 2 * sizeof(uint64_t);
}

static inline int grow_slots(word_table *table, uint64_t n_words) {
    uint64_t n_slots = table->n_slots ? table->n_slots : MIN_SLOTS;
    while (n_slots < 2 * n_words) n_slots *= 2;
    word_slot *slots = allocate_slots(n_slots);
    if (slots == NULL) return TABLE_NO_MEMORY;
    for (uint64_t old = 0; old < table->n_slots; old++) {
        const word_slot *slot = &table->slots[old];
        if (slot->length == EMPTY_SLOT) continue;
        uint64_t place = hash_of_key(slot->key, slot->length) & (n_slots - 1);
        while (slots[place].length != EMPTY_SLOT) place = (place + 1) & (n_slots - 1);
        slots[place] = *slot;
    }
    release_slots(table->slots, table->n_slots);
    table->slots = slots;
    table->n_slots = n_slots;
    return TABLE_OK;
}

/* Make sure that `n_words` more words find a slot. */
static inline int reserve_words(word_table *table, uint64_t n_words) {
    if (2 * (table->n_used + n_words) <= table->n_slots) return TABLE_OK;
    return grow_slots(table, table->n_used + n_words);
}

static int new_id(word_table *table, const uint8_t *word, uint32_t length, uint64_t first_seen) {
    if (table->n_ids == INT32_MAX - 1) return TABLE_TOO_MANY_WORDS;
    if (table->n_ids == table->ids_capacity) {
        int64_t wanted = table->ids_capacity ? 2 * (int64_t)table->ids_capacity : 512;
        int32_t capacity = (int32_t)(wanted < INT32_MAX ? wanted : INT32_MAX - 1);
        size_t n_starts = (size_t)capacity + 1;
        uint64_t *starts = realloc(table->word_starts, n_starts * sizeof *starts);
        if (starts == NULL) return TABLE_NO_MEMORY;
        table->word_starts = starts;
        uint64_t *seen = realloc(table->first_seen, (size_t)capacity * sizeof *seen);
        if (seen == NULL) return TABLE_NO_MEMORY;
        table->first_seen = seen;
        table->ids_capacity = capacity;
    }
    uint64_t end = table->arena_bytes + length;
    if (end + TEXT_PADDING > table->arena_capacity) {
        uint64_t capacity = 2 * end + 4096;
        uint8_t *arena = realloc(table->arena, capacity);
        if (arena == NULL) return TABLE_NO_MEMORY;
        table->arena = arena;
        table->arena_capacity = capacity;
    }
    memcpy(table->arena + table->arena_bytes, word, length);
    memset(table->arena + end, 0, TEXT_PADDING);
    table->word_starts[table->n_ids] = table->arena_bytes;
    table->word_starts[table->n_ids + 1] = end;
    table->first_seen[table->n_ids] = first_seen;
    table->arena_bytes = end;
    return table->n_ids++;
}

/* ---- look-up ---- */

static inline const uint8_t *word_of_id(const word_table *table, int32_t id) {
    return table->arena + table->word_starts[id];
}

/* The slot of the word, or the empty slot where it belongs. */
WV_ALWAYS_INLINE word_slot *find_slot(const word_table *table, const uint8_t *word,
                                      uint32_t length, word_key key, uint64_t place) {
    for (;; place++) {
        word_slot *slot = &table->slots[place & (table->n_slots - 1)];
        uint64_t difference = (slot->key.low ^ key.low) | (slot->key.high ^ key.high) |
                              (uint64_t)(slot->length ^ length);
        if (difference == 0 &&
            (length <= INLINE_WORD_BYTES || memcmp(word_of_id(table, slot->id), word, length) == 0))
            return slot;
        if (slot->length == EMPTY_SLOT) return slot;
    }
}

static inline void fill_slot(word_table *table, word_slot *slot, word_key key, uint32_t length,
                             int32_t id, uint64_t count) {
    slot->key = key;
    slot->length = length;
    slot->id = id;
    slot->count = count;
    table->n_used++;
}

/* Id of a word added with `count` occurrences, or an error code.  Room must be reserved. */
static int add_word(word_table *table, const uint8_t *word, uint32_t length, word_key key,
                    uint64_t count, uint64_t first_seen) {
    word_slot *slot = find_slot(table, word, length, key, hash_of_key(key, length));
    if (slot->length != EMPTY_SLOT) {
        slot->count += count;
        if (slot->id > 0 && first_seen < table->first_seen[slot->id])
            table->first_seen[slot->id] = first_seen;
        return slot->id;
    }
    int id = new_id(table, word, length, first_seen);
    if (id >= 0) fill_slot(table, slot, key, length, id, count);
    return id;
}

/* word2vec.c's ReduceVocab: drop every word counted at most min_reduce times, raise the limit.
 * A dropped word keeps its id with count 0; should it come back, it counts from 1 and takes its
 * place in the order anew, as in the original.  The end of a sentence is never dropped (the
 * original can lose it and then never ends a sentence again). */
static inline void prune_words(word_table *table) {
    int64_t n_live = 1;
    for (uint64_t place = 0; place < table->n_slots; place++) {
        word_slot *slot = &table->slots[place];
        if (slot->length == EMPTY_SLOT || slot->id == 0) continue;
        if (slot->count <= table->min_reduce) slot->count = 0;
        n_live += slot->count != 0;
    }
    table->n_live = n_live;
    table->min_reduce++;
}

/* Ids of `n` tokens (at most BATCH_TOKENS) of `text`; counts them unless `use` is LOOK_UP, where
 * an unknown word gets the id table->n_ids.  All slots are requested from memory before the first
 * is looked at.  Token k was first seen at `place_in_corpus + k`. */
WV_ALWAYS_INLINE int resolve_batch(word_table *table, const uint8_t *text, const token_span *spans,
                                   int n, uint64_t place_in_corpus, int32_t *ids,
                                   const table_use use) {
    word_key keys[BATCH_TOKENS];
    uint64_t places[BATCH_TOKENS];
    if (use != LOOK_UP) {
        int status = reserve_words(table, BATCH_TOKENS);
        if (status) return status;
    }
    const uint64_t last_slot = table->n_slots - 1;
    for (int k = 0; k < n; k++) {
        keys[k] = key_of_word(text + spans[k].begin, spans[k].length);
        places[k] = hash_of_key(keys[k], spans[k].length) & last_slot;
        WV_PREFETCH(&table->slots[places[k]]);
    }
    for (int k = 0; k < n; k++) {
        const uint8_t *word = text + spans[k].begin;
        const uint32_t length = spans[k].length;
        word_slot *slot = find_slot(table, word, length, keys[k], places[k]);
        if (use == LOOK_UP) {
            ids[k] = slot->length == EMPTY_SLOT ? table->n_ids : slot->id;
            continue;
        }
        if (WV_UNLIKELY(slot->length == EMPTY_SLOT)) {
            int id = new_id(table, word, length, place_in_corpus + (uint64_t)k);
            if (id < 0) return id;
            fill_slot(table, slot, keys[k], length, id, 0);
        }
        if (use == COUNT_AND_PRUNE && slot->count == 0 && slot->id != 0) {
            table->first_seen[slot->id] = place_in_corpus + (uint64_t)k;
            table->n_live++;
        }
        slot->count++;
        ids[k] = slot->id;
        if (use == COUNT_AND_PRUNE && table->n_live > table->prune_at) prune_words(table);
    }
    return TABLE_OK;
}

/* ---- life ---- */

static inline int table_init(word_table *table, int separator) {
    static const uint8_t separator_word[TEXT_PADDING] = "</s>";
    memset(table, 0, sizeof *table);
    table->min_reduce = 1;
    table->n_live = 1;
    if (grow_slots(table, 2)) return TABLE_NO_MEMORY;
    word_key key = key_of_word(separator_word, 0);
    int id = add_word(table, separator_word, 0, key, 0, 0);
    if (id < 0 || !separator) return id;
    key = key_of_word(separator_word, 4); /* "</s>" in the text is the same as a newline */
    word_slot *slot = find_slot(table, separator_word, 4, key, hash_of_key(key, 4));
    fill_slot(table, slot, key, 4, 0, 0);
    return TABLE_OK;
}

static inline void table_free(word_table *table) {
    release_slots(table->slots, table->n_slots);
    free(table->arena);
    free(table->word_starts);
    free(table->first_seen);
    memset(table, 0, sizeof *table);
}

static inline void table_counts(const word_table *table, int64_t *counts) {
    memset(counts, 0, (size_t)table->n_ids * sizeof *counts);
    for (uint64_t place = 0; place < table->n_slots; place++) {
        const word_slot *slot = &table->slots[place];
        if (slot->length != EMPTY_SLOT) counts[slot->id] += (int64_t)slot->count;
    }
}

/* Add the words of `other`; local_to_own[i] is the id here of its word i.  In slot order, whose
 * keys need no hashing anew. */
static inline int table_absorb(word_table *table, const word_table *other, int32_t *local_to_own) {
    for (uint64_t place = 0; place < other->n_slots; place++) {
        /* In small steps: most words of two tables are the same ones. */
        if (place % BATCH_TOKENS == 0 && reserve_words(table, BATCH_TOKENS))
            return TABLE_NO_MEMORY;
        const word_slot *slot = &other->slots[place];
        if (slot->length == EMPTY_SLOT) continue;
        int id = add_word(table, slot->id ? word_of_id(other, slot->id) : (const uint8_t *)"</s>",
                          slot->length, slot->key, slot->count, other->first_seen[slot->id]);
        if (id < 0) return id;
        local_to_own[slot->id] = id;
    }
    return TABLE_OK;
}

#endif
