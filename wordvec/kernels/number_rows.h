/* The numbers of one row as text, in the layouts of the programs that word vectors come from. */
#ifndef WORDVEC_NUMBER_ROWS_H
#define WORDVEC_NUMBER_ROWS_H

#include "number_format.h"
#include "number_general.h"
#include "number_shortest.h"

enum number_style { FIXED6_AND_SPACE, FIXED6, SHORTEST, GENERAL5_AND_SPACE };

/* Write n numbers with a space between two, and in two of the styles one after the last; return
 * the end.  At least n * FIXED6_MAX_BYTES must be free. */
static inline char *write_number_row(char *out, const float *values, ptrdiff_t n, int style)
{
    char *start = out;
    if (style == SHORTEST) {
        for (ptrdiff_t k = 0; k < n; k++) {
            out = write_shortest(out, values[k]);
            *out++ = ' ';
        }
    } else if (style == GENERAL5_AND_SPACE) {
        for (ptrdiff_t k = 0; k < n; k++) {
            out = write_general5(out, values[k]);
            *out++ = ' ';
        }
    } else {
        for (ptrdiff_t k = 0; k < n; k++) {
            out = write_fixed6(out, values[k]);
            *out++ = ' ';
        }
    }
    if (out > start && (style == SHORTEST || style == FIXED6))
        out--;
    return out;
}

#endif
