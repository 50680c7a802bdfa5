/* Finding tokens in bytes: word2vec's rules.
 *
 * Space, tab and newline separate; a newline also ends the sentence; every other byte, control
 * characters and bytes from 128 on included, belongs to its word.  Carriage returns must have
 * been taken out before (drop_carriage_returns): word2vec ignores them wherever they stand. */
#ifndef WORDVEC_TOKENS_SCAN_H
#define WORDVEC_TOKENS_SCAN_H

#include "tokens_table.h"
#include "token_masks.h"

typedef struct {
    uint32_t max_word_bytes; /* longer words are cut; UINT32_MAX: never */
    int nul_ends_word;       /* the rest of a word after a NUL byte is ignored */
    int keep_empty;          /* a word that begins with a NUL byte becomes that one byte */
    int whole_characters;    /* a word of max_word_bytes loses a UTF-8 character cut at its end */
    table_use use;
    uint64_t place_in_corpus; /* of the first token */
} chunk_rules;

typedef struct {
    int64_t n_ids;        /* written, sentence ends included */
    int64_t n_separators; /* sentence ends among them */
    int64_t n_cut;        /* words longer than max_word_bytes */
    int64_t n_with_nul;   /* words ended by a NUL byte */
    int64_t n_empty;      /* words that begin with the NUL byte and so vanish */
} chunk_counts;

/* Shorten words at their first NUL byte; words that begin with one are left out, or, with
 * `keep_empty`, cut to the NUL byte itself: no other word holds one then. */
static int end_words_at_nul(const uint8_t *text, token_span *spans, int n, int keep_empty,
                            chunk_counts *counts) {
    int n_left = 0;
    for (int k = 0; k < n; k++) {
        token_span span = spans[k];
        const uint8_t *word = text + span.begin;
        const uint8_t *nul = span.length ? memchr(word, 0, span.length) : NULL;
        if (nul != NULL) {
            span.length = (uint32_t)(nul - word);
            counts->n_with_nul++;
            if (span.length == 0) {
                counts->n_empty++;
                if (!keep_empty) continue;
                span.length = 1;
            }
        }
        spans[n_left++] = span;
    }
    return n_left;
}

/* GloVe's rule, for words of the greatest length: without the beginning of a UTF-8 character that
 * lacks bytes.  Words that are whole are left as they are. */
static uint32_t without_partial_character(const uint8_t *word, uint32_t length) {
    if (length < 4 || word[length - 1] < 0x80) return length;
    if (word[length - 1] >= 0xC0) return length - 1;
    if (word[length - 2] >= 0xE0) return length - 2;
    if ((word[length - 3] & 0xF8) == 0xF0) return length - 3;
    return length;
}

static inline int resolve_spans(word_table *table, const uint8_t *text, const token_span *spans,
                                int n, const chunk_rules *rules, chunk_counts *counts,
                                int32_t *ids) {
    for (int done = 0; done < n; done += BATCH_TOKENS) {
        int n_batch = n - done < BATCH_TOKENS ? n - done : BATCH_TOKENS;
        int32_t *out = ids + counts->n_ids;
        uint64_t place = rules->place_in_corpus + (uint64_t)counts->n_ids;
        int status;
        if (rules->use == COUNT_WORDS)
            status = resolve_batch(table, text, spans + done, n_batch, place, out, COUNT_WORDS);
        else if (rules->use == LOOK_UP)
            status = resolve_batch(table, text, spans + done, n_batch, place, out, LOOK_UP);
        else
            status = resolve_batch(table, text, spans + done, n_batch, place, out, COUNT_AND_PRUNE);
        if (status) return status;
        for (int k = 0; k < n_batch; k++) counts->n_separators += out[k] == 0;
        counts->n_ids += n_batch;
    }
    return TABLE_OK;
}

/* Ids of all tokens of a text that ends with a separator; needs room for n_bytes ids. */
static int resolve_text(word_table *table, const uint8_t *text, uint32_t n_bytes,
                        const chunk_rules *rules, chunk_counts *counts, int32_t *ids) {
    token_span spans[BATCH_TOKENS + 64 + 1];
    const uint32_t longest = rules->max_word_bytes;
    /* One look at the text saves one at every word. */
    const int has_nul = rules->nul_ends_word && memchr(text, 0, n_bytes) != NULL;
    uint32_t word_begin = 0;
    int n = 0, n_ended = 0;
    for (uint64_t block = 0; block < n_bytes; block += 64) {
        byte_masks masks = masks_of_64(text + block);
        if (n_bytes - block < 64) masks.separators &= ~UINT64_C(0) >> (64 - (n_bytes - block));
        for (uint64_t left = masks.separators; left; left &= left - 1) {
            int bit = lowest_bit(left);
            uint32_t end = (uint32_t)block + (uint32_t)bit, length = end - word_begin;
            int too_long = length > longest;
            counts->n_cut += too_long;
            spans[n].begin = word_begin;
            spans[n].length = too_long ? longest : length;
            if (length >= longest && rules->whole_characters)
                spans[n].length = without_partial_character(text + word_begin, longest);
            n += length > 0;
            spans[n].begin = end;
            spans[n].length = 0;
            n += (int)((masks.newlines >> bit) & 1);
            word_begin = end + 1;
        }
        if (n >= BATCH_TOKENS || block + 64 >= n_bytes) {
            int n_left = n;
            if (has_nul) /* but for those that were left over and are ended already */
                n_left = n_ended + end_words_at_nul(text, spans + n_ended, n - n_ended,
                                                    rules->keep_empty, counts);
            int n_now = block + 64 >= n_bytes || n_left < BATCH_TOKENS ? n_left : BATCH_TOKENS;
            int status = resolve_spans(table, text, spans, n_now, rules, counts, ids);
            if (status) return status;
            memmove(spans, spans + n_now, (size_t)(n_left - n_now) * sizeof *spans);
            n = n_ended = n_left - n_now;
        }
    }
    return TABLE_OK;
}

/* Remove every carriage return in place; the new number of bytes. */
static int64_t remove_carriage_returns(uint8_t *text, int64_t n_bytes) {
    uint8_t *end = text + n_bytes;
    uint8_t *from = memchr(text, '\r', (size_t)n_bytes);
    if (from == NULL) return n_bytes;
    uint8_t *to = from;
    while (from < end) {
        uint8_t *keep = from + 1; /* *from is a carriage return */
        uint8_t *next = keep < end ? memchr(keep, '\r', (size_t)(end - keep)) : NULL;
        if (next == NULL) next = end;
        memmove(to, keep, (size_t)(next - keep));
        to += next - keep;
        from = next;
    }
    return to - text;
}

/* fastText's other separators become blanks. */
static void controls_to_blanks(uint8_t *text, int64_t n_bytes) {
    for (int64_t i = 0; i < n_bytes; i++) {
        uint8_t byte = text[i];
        text[i] = (byte == '\r') | (byte == '\v') | (byte == '\f') | (byte == 0) ? ' ' : byte;
    }
}

/* Number of bytes up to and including the last separator. */
static int64_t up_to_last_separator(const uint8_t *text, int64_t n_bytes) {
    while (n_bytes > 0) {
        uint8_t byte = text[n_bytes - 1];
        if (byte == ' ' || byte == '\n' || byte == '\t') break;
        n_bytes--;
    }
    return n_bytes;
}

#endif
