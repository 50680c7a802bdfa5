/* The numbers of one line, without a branch that depends on them.
 *
 * First the ends of all tokens are found, 64 bytes at a time.  Then four numbers are read together:
 * one load each of the 16 bytes that END where the number ends, what lies before it set to zero,
 * the point taken out by a shuffle, the digits multiplied together pairwise.  Rounding is as in
 * number_parse.h.  Whatever is unusual (an exponent, more than 16 characters, a near tie) goes to
 * scan_number there.
 *
 * Eight numbers are in the making before the first is stored: where the processor does not let
 * loads pass stores (a defence against Spectre v4 that virtual machines often have), each number
 * alone would cost its whole latency, 18 ns instead of 5. */
#include "number_lines.h"
#include "number_parse.h"

#if WV_VECTOR_FLOATS > 4

#include <immintrin.h>

/* Read from byte n on it keeps the last n of 16 bytes. */
static const unsigned char keep_last[32] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
};

/* Row k takes byte k out and moves what is before it one to the right; 0x80 gives a zero. */
#define DROP(k, i) ((i) > (k) ? (i) : (i) == 0 ? 0x80 : (i)-1)
#define DROP_ROW(k)                                                                             \
    {DROP(k, 0),  DROP(k, 1),  DROP(k, 2),  DROP(k, 3),  DROP(k, 4),  DROP(k, 5),              \
     DROP(k, 6),  DROP(k, 7),  DROP(k, 8),  DROP(k, 9),  DROP(k, 10), DROP(k, 11),             \
     DROP(k, 12), DROP(k, 13), DROP(k, 14), DROP(k, 15)}
static const unsigned char drop_point[17][16] = {
    DROP_ROW(0),  DROP_ROW(1),  DROP_ROW(2),  DROP_ROW(3),  DROP_ROW(4),  DROP_ROW(5),
    DROP_ROW(6),  DROP_ROW(7),  DROP_ROW(8),  DROP_ROW(9),  DROP_ROW(10), DROP_ROW(11),
    DROP_ROW(12), DROP_ROW(13), DROP_ROW(14), DROP_ROW(15),
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, /* no point */
};

/* 10^-(digits after the point) by the place of the point among 16 bytes. */
static const double scale_of_point[17] = {
    1e-15, 1e-14, 1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8, 1e-7,
    1e-6,  1e-5,  1e-4,  1e-3,  1e-2,  1e-1,  1e0,  1e0,
};

/* One bit for each of 64 bytes that is a space, tab, newline or return. */
static inline uint64_t find_blanks(const unsigned char *text)
{
    /* The low half of a byte chooses what the byte must be to be a blank. */
    const __m256i blanks = _mm256_setr_epi8(
        ' ', 0, 0, 0, 0, 0, 0, 0, 0, '\t', '\n', 0, 0, '\r', 0, 0,
        ' ', 0, 0, 0, 0, 0, 0, 0, 0, '\t', '\n', 0, 0, '\r', 0, 0);
    __m256i low = _mm256_loadu_si256((const __m256i *)text);
    __m256i high = _mm256_loadu_si256((const __m256i *)(text + 32));
    uint32_t in_low = (uint32_t)_mm256_movemask_epi8(
        _mm256_cmpeq_epi8(_mm256_shuffle_epi8(blanks, low), low));
    uint32_t in_high = (uint32_t)_mm256_movemask_epi8(
        _mm256_cmpeq_epi8(_mm256_shuffle_epi8(blanks, high), high));
    return in_low | (uint64_t)in_high << 32;
}

/* The place of the lowest bit; anything for 0. */
static inline uint32_t lowest_bit(uint64_t bits)
{
    return (uint32_t)__builtin_ctzll(bits | (uint64_t)1 << 63);
}

/* edges[1], edges[2], ... are the places after the tokens of text .. newline, counted from text;
 * returns how many there are, or more than `most`. */
static inline ptrdiff_t find_token_ends(const unsigned char *text, const unsigned char *newline,
                                        uint32_t *edges, ptrdiff_t most)
{
    ptrdiff_t n_ends = 0, length = newline - text + 1;
    uint64_t blank_before = 1;
    for (ptrdiff_t at = 0; at < length && n_ends <= most; at += 64) {
        uint64_t blanks = find_blanks(text + at);
        uint64_t after_tokens = blanks & ~(blanks << 1 | blank_before);
        blank_before = blanks >> 63;
        if (length - at < 64)
            after_tokens &= ((uint64_t)1 << (length - at)) - 1;
        int n = __builtin_popcountll(after_tokens);
        uint32_t *out = edges + 1 + n_ends;
        for (int k = 0; k < 8; k++) { /* mostly 5 to 8: no branch */
            out[k] = (uint32_t)at + lowest_bit(after_tokens);
            after_tokens &= after_tokens - 1;
        }
        for (int k = 8; k < n; k++) {
            out[k] = (uint32_t)at + lowest_bit(after_tokens);
            after_tokens &= after_tokens - 1;
        }
        n_ends += n;
    }
    return n_ends;
}

/* One number as found in the text: its sign, and how many bytes follow. */
struct token {
    const unsigned char *end;
    uint32_t is_negative;
    uint32_t n_bytes; /* without the sign; 17 for more than 16 */
};

static inline struct token token_between(const unsigned char *text, const uint32_t *edges)
{
    const unsigned char *begin = text + (uint32_t)(edges[0] + 1);
    struct token token = {text + edges[1], *begin == '-', 0};
    size_t n_bytes = (size_t)(token.end - begin) - token.is_negative;
    token.n_bytes = n_bytes > 16 ? 17 : (uint32_t)n_bytes;
    return token;
}

static inline __m256i load_two(const unsigned char *low, const unsigned char *high)
{
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)low)),
                                   _mm_loadu_si128((const __m128i *)high), 1);
}

/* The digits of two numbers as eight groups of four each, the points taken out.  point[0..1] are
 * their places, 16 for none; `odd` is not 0 afterwards when there is something else. */
static inline __m256i digits_of_two(struct token a, struct token b, uint32_t point[2],
                                    uint32_t *odd)
{
    __m256i keep = load_two(keep_last + (a.n_bytes & 31 & -(a.n_bytes < 17)),
                            keep_last + (b.n_bytes & 31 & -(b.n_bytes < 17)));
    __m256i text = _mm256_and_si256(load_two(a.end - 16, b.end - 16), keep);
    uint32_t points = (uint32_t)_mm256_movemask_epi8(
        _mm256_cmpeq_epi8(text, _mm256_set1_epi8('.')));
    __m256i digits = _mm256_and_si256(_mm256_sub_epi8(text, _mm256_set1_epi8('0')), keep);
    __m256i at_most_9 = _mm256_min_epu8(digits, _mm256_set1_epi8(9));
    uint32_t others = ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(at_most_9, digits));
    uint32_t points_a = points & 0xFFFF, points_b = points >> 16;
    *odd |= (others ^ points) | (points_a & (points_a - 1)) | (points_b & (points_b - 1));
    *odd |= (a.n_bytes > 16) | (a.n_bytes <= (points_a != 0));
    *odd |= (b.n_bytes > 16) | (b.n_bytes <= (points_b != 0));
    point[0] = (uint32_t)__builtin_ctz(points_a | 1u << 16);
    point[1] = (uint32_t)__builtin_ctz(points_b | 1u << 16);
    digits = _mm256_shuffle_epi8(digits, load_two(drop_point[point[0]], drop_point[point[1]]));
    __m256i pairs = _mm256_maddubs_epi16(digits, _mm256_set1_epi16(0x010A));
    return _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00010064));
}

/* The numbers between edges[0] .. edges[4]; `odd` is not 0 afterwards when they are not valid. */
static inline __m128 read_four(const unsigned char *text, const uint32_t *edges, uint32_t *odd)
{
    struct token t0 = token_between(text, edges), t1 = token_between(text, edges + 1);
    struct token t2 = token_between(text, edges + 2), t3 = token_between(text, edges + 3);
    uint32_t even[2], uneven[2]; /* places of the points of t0, t2 and of t1, t3 */
    __m256i fours = _mm256_packus_epi32(digits_of_two(t0, t2, even, odd),
                                        digits_of_two(t1, t3, uneven, odd));
    /* upper and lower eight digits of t0, t1 | t2, t3 */
    __m256i eights = _mm256_madd_epi16(fours, _mm256_set1_epi32(0x00012710));
    eights = _mm256_shuffle_epi32(eights, _MM_SHUFFLE(3, 1, 2, 0));
    eights = _mm256_permute4x64_epi64(eights, _MM_SHUFFLE(3, 1, 2, 0));
    __m256d upper = _mm256_cvtepi32_pd(_mm256_castsi256_si128(eights));
    __m256d lower = _mm256_cvtepi32_pd(_mm256_extracti128_si256(eights, 1));
    /* The product is exact, so that only the sum is rounded. */
    __m256d x = _mm256_add_pd(_mm256_mul_pd(upper, _mm256_set1_pd(1e8)), lower);
    x = _mm256_mul_pd(x, _mm256_setr_pd(scale_of_point[even[0]], scale_of_point[uneven[0]],
                                        scale_of_point[even[1]], scale_of_point[uneven[1]]));
    /* Within 4 units of the middle between two floats?  Here: -4 to 11.  Sixteen digits at most
     * lie between 10^-15 and 10^16 or are zero: there is no other trouble. */
    __m256i below_float = _mm256_and_si256(_mm256_castpd_si256(x), _mm256_set1_epi64x(0x1FFFFFFF));
    __m256i distance = _mm256_sub_epi64(below_float, _mm256_set1_epi64x(0x10000000 - 4));
    __m256i is_near = _mm256_cmpeq_epi64(_mm256_andnot_si256(_mm256_set1_epi64x(15), distance),
                                         _mm256_setzero_si256());
    *odd |= (uint32_t)_mm256_movemask_epi8(is_near);
    __m128i signs = _mm_setr_epi32((int)(t0.is_negative << 31), (int)(t1.is_negative << 31),
                                   (int)(t2.is_negative << 31), (int)(t3.is_negative << 31));
    return _mm_or_ps(_mm256_cvtpd_ps(x), _mm_castsi128_ps(signs));
}

/* Read the numbers first .. last one by one; 0 when one is not a number, or doubtful. */
static int read_unusual(const unsigned char *text, const uint32_t *edges, float *values,
                        ptrdiff_t first, ptrdiff_t last)
{
    for (ptrdiff_t k = first; k < last; k++) {
        const unsigned char *begin = text + (uint32_t)(edges[k] + 1);
        while (*begin == ' ' || *begin == '\t' || *begin == '\r') /* more than one blank */
            begin++;
        struct number_scan scan = scan_number(begin);
        if (scan.status != NUMBER_READY || scan.end != text + edges[k + 1])
            return 0;
        values[k] = scan.value;
    }
    return 1;
}

int WV_LEVEL_NAME(wv_read_line)(const unsigned char *text, const unsigned char *newline,
                                float *values, ptrdiff_t dim, uint32_t *edges)
{
    edges[0] = UINT32_MAX; /* as if a blank stood before the text */
    if (newline - text > INT32_MAX || find_token_ends(text, newline, edges, dim) != dim)
        return 0;
    if (dim < 8)
        return read_unusual(text, edges, values, 0, dim);
    for (ptrdiff_t k = 0; k < dim; k += 8) {
        if (k > dim - 8)
            k = dim - 8; /* some of the last ones twice */
        uint32_t odd = 0;
        __m128 four = read_four(text, edges + k, &odd);
        __m128 next_four = read_four(text, edges + k + 4, &odd);
        if (__builtin_expect(odd != 0, 0)) {
            if (!read_unusual(text, edges, values, k, k + 8))
                return 0;
            continue;
        }
        _mm_storeu_ps(values + k, four);
        _mm_storeu_ps(values + k + 4, next_four);
    }
    return 1;
}

#else /* no vectors: scan_number does it all, called by numbers.pyx */

int WV_LEVEL_NAME(wv_read_line)(const unsigned char *text, const unsigned char *newline,
                                float *values, ptrdiff_t dim, uint32_t *edges)
{
    (void)edges;
    for (ptrdiff_t k = 0; k < dim; k++) {
        while (*text == ' ' || *text == '\t')
            text++;
        struct number_scan scan = scan_number(text);
        if (scan.status != NUMBER_READY)
            return 0;
        values[k] = scan.value;
        text = scan.end;
    }
    while (*text == ' ' || *text == '\t' || *text == '\r')
        text++;
    return text == newline;
}

#endif
