/* A line of numbers, read by one instruction set: see number_lines_body.h. */
#ifndef WORDVEC_NUMBER_LINES_H
#define WORDVEC_NUMBER_LINES_H

#include <stddef.h>
#include <stdint.h>

/* Room for edges of tokens that is needed beyond the numbers wanted. */
enum { LINE_SPARE_EDGES = 65 };
/* Bytes that must be readable before the first byte of a line, and after its newline. */
enum { LINE_FRONT_BYTES = 16, LINE_BACK_BYTES = 64 };

/* Read exactly `dim` numbers from text .. newline; 1 when that is what the line holds and all is
 * said, 0 when somebody slower has to look (which says nothing about the line).  `edges` is
 * room for dim + LINE_SPARE_EDGES. */
typedef int (*wv_read_numbers)(const unsigned char *text, const unsigned char *newline,
                               float *values, ptrdiff_t dim, uint32_t *edges);

int wv_read_line_baseline(const unsigned char *, const unsigned char *, float *, ptrdiff_t,
                          uint32_t *);
#if defined(__x86_64__)
int wv_read_line_avx2(const unsigned char *, const unsigned char *, float *, ptrdiff_t, uint32_t *);
int wv_read_line_avx512(const unsigned char *, const unsigned char *, float *, ptrdiff_t,
                        uint32_t *);
#endif

static inline wv_read_numbers wv_read_line_of(int level)
{
#if defined(__x86_64__)
    if (level == 2)
        return wv_read_line_avx512;
    if (level == 1)
        return wv_read_line_avx2;
#endif
    (void)level;
    return wv_read_line_baseline;
}

#endif
