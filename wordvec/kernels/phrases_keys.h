/* Pairs whose strings are shared: counted by string, as word2phrase counts everything. */
#ifndef WORDVEC_PHRASES_KEYS_H
#define WORDVEC_PHRASES_KEYS_H

#include "phrases_pairs.h"
#include "tokens_table.h"

#define MAX_PHRASE_WORD_BYTES 58

/* All words by row: arena[starts[row] .. starts[row + 1]].  A word that begins with a NUL byte is
 * the empty one.  Row 0 is the end of a line, "</s>" in a pair's string. */
typedef struct {
    const uint8_t *arena;
    const int64_t *starts;
    int32_t n_rows;
} word_texts;

static inline uint32_t copy_text(const word_texts *texts, int32_t row, uint8_t *out) {
    if (row == 0) {
        memcpy(out, "</s>", 4);
        return 4;
    }
    const uint8_t *word = texts->arena + texts->starts[row];
    uint32_t length = (uint32_t)(texts->starts[row + 1] - texts->starts[row]);
    if (length > 0 && word[0] == 0) return 0;
    memcpy(out, word, length);
    return length;
}

/* "first_second", cut; `first` -1 is the empty beginning of the text.  `key` needs
 * 2 * MAX_KEY_BYTES + TEXT_PADDING bytes. */
static inline uint32_t key_of_pair(const word_texts *texts, int32_t first, int32_t second,
                                   uint8_t *key) {
    memset(key, 0, 2 * MAX_KEY_BYTES + TEXT_PADDING);
    uint32_t length = first < 0 ? 0 : copy_text(texts, first, key);
    key[length++] = '_';
    length += copy_text(texts, second, key + length);
    if (length > MAX_KEY_BYTES) {
        memset(key + MAX_KEY_BYTES, 0, length - MAX_KEY_BYTES);
        length = MAX_KEY_BYTES;
    }
    return length;
}

/* Id of the pair's string after adding `count` to it, or an error code. */
static inline int add_pair_key(word_table *table, const word_texts *texts, int32_t first,
                               int32_t second, uint64_t count) {
    uint8_t key[2 * MAX_KEY_BYTES + TEXT_PADDING];
    uint32_t length = key_of_pair(texts, first, second, key);
    if (reserve_words(table, 1)) return TABLE_NO_MEMORY;
    return add_word(table, key, length, key_of_word(key, length), count, 0);
}

/* Count of the pair's string, 0 when it is not there. */
static inline int64_t count_of_pair_key(const word_table *table, const word_texts *texts,
                                        int32_t first, int32_t second) {
    uint8_t key[2 * MAX_KEY_BYTES + TEXT_PADDING];
    uint32_t length = key_of_pair(texts, first, second, key);
    word_key hashed = key_of_word(key, length);
    word_slot *slot = find_slot(table, key, length, hashed, hash_of_key(hashed, length));
    return slot->length == EMPTY_SLOT ? 0 : (int64_t)slot->count;
}

/* A word that holds a '_' counts as a string as well; others cannot be a pair's.  Its id, 0 for
 * another word, or an error code. */
static inline int add_word_key(word_table *table, const word_texts *texts, int32_t row,
                               uint64_t count) {
    const uint8_t *word = texts->arena + texts->starts[row];
    uint32_t length = (uint32_t)(texts->starts[row + 1] - texts->starts[row]);
    if (memchr(word, '_', length) == NULL) return 0;
    if (reserve_words(table, 1)) return TABLE_NO_MEMORY;
    return add_word(table, word, length, key_of_word(word, length), count, 0);
}

static inline int64_t count_of_word_key(const word_table *table, const word_texts *texts,
                                        int32_t row) {
    const uint8_t *word = texts->arena + texts->starts[row];
    uint32_t length = (uint32_t)(texts->starts[row + 1] - texts->starts[row]);
    word_key key = key_of_word(word, length);
    word_slot *slot = find_slot(table, word, length, key, hash_of_key(key, length));
    return slot->length == EMPTY_SLOT ? 0 : (int64_t)slot->count;
}

static inline int64_t count_kept_keys(const word_table *table, double min_count) {
    int64_t n_kept = 0;
    for (uint64_t place = 0; place < table->n_slots; place++) {
        const word_slot *slot = &table->slots[place];
        n_kept += slot->length != EMPTY_SLOT && slot->id != 0 && (double)slot->count >= min_count;
    }
    return n_kept;
}

/* Row of the word `bytes[:length]` in the table of all words, or -1; the empty word is the one
 * of a NUL byte. */
static inline int32_t row_of_text(const word_table *table, const uint8_t *bytes, uint32_t length) {
    uint8_t padded[MAX_PHRASE_WORD_BYTES + TEXT_PADDING];
    memset(padded, 0, sizeof padded);
    if (length > MAX_PHRASE_WORD_BYTES) return -1;
    memcpy(padded, bytes, length);
    if (length == 0) length = 1;
    word_key key = key_of_word(padded, length);
    word_slot *slot = find_slot(table, padded, length, key, hash_of_key(key, length));
    return slot->length == EMPTY_SLOT ? -1 : slot->id;
}

/* Set the flags of words that take part in shared strings; ids of `table` are rows.  Returns the
 * number of words with a '_' in them. */
static inline int64_t flag_shared_words(const word_table *table, const word_texts *texts,
                                        phrase_word *words) {
    int64_t n_with_mark = 0;
    for (int32_t row = 1; row < texts->n_rows; row++) {
        const uint8_t *word = texts->arena + texts->starts[row];
        uint32_t length = (uint32_t)(texts->starts[row + 1] - texts->starts[row]);
        if (memchr(word, '_', length) == NULL) continue;
        n_with_mark++;
        words[row].flags |= WORD_BEGINS | WORD_ENDS;
        for (uint32_t mark = 0; mark < length; mark++) {
            if (word[mark] != '_') continue;
            int32_t first = row_of_text(table, word, mark);
            int32_t second = row_of_text(table, word + mark + 1, length - mark - 1);
            if (first > 0) words[first].flags |= WORD_BEGINS;
            if (second > 0) words[second].flags |= WORD_ENDS;
            /* mark 0: the first word of the text follows an empty one. */
            if ((first > 0 || mark == 0) && second > 0) words[row].flags |= WORD_INFLATED;
        }
    }
    return n_with_mark;
}

#endif
