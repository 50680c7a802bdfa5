/* Provisional ids to final ids, and where the sentences begin. */
#ifndef WORDVEC_MERGING_SENTENCES_H
#define WORDVEC_MERGING_SENTENCES_H

#include <stdint.h>

typedef struct {
    int64_t n_ids;       /* kept so far, over all blocks */
    int64_t n_sentences; /* closed so far */
    int64_t last_start;  /* where the open sentence began */
    int32_t separator_row; /* id of the word that ends a sentence, or -1: it leaves none */
} sentence_state;

/* `remap` gives the final id or -1.  Writes kept ids to `out`; after each non-empty sentence its
 * end goes to `ends`.  Whether a word is kept decides no branch, the end of a sentence does: once
 * in tens of words that costs less than asking for every word without one.  Returns the number
 * of ids written. */
static int64_t remap_ids(const int32_t *block, int64_t n_block, const int32_t *remap,
                         sentence_state *state, int32_t *out, int64_t *ends) {
    const int64_t n_before = state->n_ids;
    int64_t n_kept = 0, n_ends = 0, last_start = state->last_start;
    for (int64_t k = 0; k < n_block; k++) {
        int32_t id = block[k];
        if (id == 0) {
            out[n_kept] = state->separator_row;
            n_kept += state->separator_row >= 0;
            ends[n_ends] = n_before + n_kept;
            n_ends += n_before + n_kept > last_start;
            last_start = n_before + n_kept;
            continue;
        }
        int32_t final = remap[id];
        out[n_kept] = final;
        n_kept += final >= 0;
    }
    state->n_ids = n_before + n_kept;
    state->n_sentences += n_ends;
    state->last_start = last_start;
    return n_kept;
}

#endif
