/* Adding what shards have changed to the rows that they share. */
#ifndef WORDVEC_SGD_CHANGES_H
#define WORDVEC_SGD_CHANGES_H

#include "sgd.h"

enum { WV_CHANGES_AHEAD = 4 };

/* Adds the changes, or the given share of each row's, of the rows whose number leaves the remainder `part` when divided by
 * `n_parts`.  Every row is added to by one part alone, in the order of the calls: so the sums do
 * not depend on how many threads share the parts. */
static void wv_add_changes(float *shared, const wv_claims *claims, int64_t stride,
                           const float *shares, int32_t part, int32_t n_parts)
{
    for (int64_t slot = 0; slot < claims->n; slot++) {
        int32_t number = claims->numbers[slot];
        if (number % n_parts != part)
            continue;
        /* a row of this part, more often than not soon enough */
        int64_t ahead = slot + WV_CHANGES_AHEAD * n_parts;
        if (ahead < claims->n)
            for (int64_t c = 0; c < stride; c += 16)
                __builtin_prefetch(shared + (int64_t)claims->numbers[ahead] * stride + c, 1);
        float *restrict row = shared + (int64_t)number * stride;
        const float *restrict change = claims->rows + slot * stride;
        const float share = shares ? shares[number] : 1.0f;
        for (int64_t c = 0; c < stride; c++)
            row[c] += share * change[c];
    }
}

#endif
