/* Where the separators of a text are: one bit for each of 64 bytes. */
#ifndef WORDVEC_TOKEN_MASKS_H
#define WORDVEC_TOKEN_MASKS_H

#include <stdint.h>

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#define WV_HAVE_SSE2 1
#endif

typedef struct {
    uint64_t separators, newlines; /* bit k: byte k of the 64 */
} byte_masks;

static inline byte_masks masks_portable(const uint8_t *bytes) {
    byte_masks masks = {0, 0};
    for (int k = 0; k < 64; k++) {
        uint64_t newline = bytes[k] == '\n';
        uint64_t separator = newline | (bytes[k] == ' ') | (bytes[k] == '\t');
        masks.newlines |= newline << k;
        masks.separators |= separator << k;
    }
    return masks;
}

#ifdef WV_HAVE_SSE2
static inline byte_masks masks_sse2(const uint8_t *bytes) {
    const __m128i space = _mm_set1_epi8(' '), tab = _mm_set1_epi8('\t');
    const __m128i newline = _mm_set1_epi8('\n');
    byte_masks masks = {0, 0};
    for (int part = 0; part < 4; part++) {
        __m128i block = _mm_loadu_si128((const __m128i *)(bytes + 16 * part));
        __m128i ends_line = _mm_cmpeq_epi8(block, newline);
        __m128i blank = _mm_or_si128(_mm_cmpeq_epi8(block, space), _mm_cmpeq_epi8(block, tab));
        uint64_t lines = (uint32_t)_mm_movemask_epi8(ends_line);
        uint64_t blanks = (uint32_t)_mm_movemask_epi8(blank);
        masks.newlines |= lines << (16 * part);
        masks.separators |= (lines | blanks) << (16 * part);
    }
    return masks;
}
#define masks_of_64 masks_sse2
#else
#define masks_of_64 masks_portable
#endif

static inline int lowest_bit(uint64_t mask) {
#if defined(__GNUC__) || defined(__clang__)
    return __builtin_ctzll(mask);
#else
    int bit = 0;
    while (!(mask & 1)) mask >>= 1, bit++;
    return bit;
#endif
}

#endif
