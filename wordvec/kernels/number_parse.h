/* Decimal text to float32, correctly rounded (to nearest, ties to even), whatever the locale.
 *
 * The digits are kept exactly in a 64-bit integer w (19 digits; what is cut off is below 10^-18 of
 * the number) and the number is x = (double)w * 10^e, with 10^e from a table of correctly rounded
 * doubles.  Three roundings of half a unit each, and the cut, leave x within 4 units in the last
 * place of the true number.  Rounding x to float can therefore only go wrong when x lies within 4
 * units of the middle between two floats, which its low 29 bits show, or outside the range of
 * normal floats.  Those few (about 2 in 10^8 numbers) are reported as NUMBER_DOUBTFUL, and the
 * caller decides them with exact arithmetic. */
#ifndef WORDVEC_NUMBER_PARSE_H
#define WORDVEC_NUMBER_PARSE_H

#include "number_digits.h"

/* Bytes that must be readable after the last byte of the text. */
enum { NUMBER_PADDING = 64 };

enum number_status { NUMBER_READY, NUMBER_DOUBTFUL, NUMBER_BAD };

struct number_scan {
    enum number_status status;
    float value;              /* valid when NUMBER_READY */
    const unsigned char *end; /* after the number; when NUMBER_BAD, the byte that is wrong */
};

struct decimal {
    uint64_t digits;  /* the first 19 significant digits */
    int64_t exponent; /* of ten */
};

static const double powers_of_ten[129] = {
    1e-64, 1e-63, 1e-62, 1e-61, 1e-60, 1e-59, 1e-58, 1e-57, 1e-56, 1e-55, 1e-54, 1e-53, 1e-52,
    1e-51, 1e-50, 1e-49, 1e-48, 1e-47, 1e-46, 1e-45, 1e-44, 1e-43, 1e-42, 1e-41, 1e-40, 1e-39,
    1e-38, 1e-37, 1e-36, 1e-35, 1e-34, 1e-33, 1e-32, 1e-31, 1e-30, 1e-29, 1e-28, 1e-27, 1e-26,
    1e-25, 1e-24, 1e-23, 1e-22, 1e-21, 1e-20, 1e-19, 1e-18, 1e-17, 1e-16, 1e-15, 1e-14, 1e-13,
    1e-12, 1e-11, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1e0, 1e1, 1e2,
    1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22, 1e23, 1e24, 1e25, 1e26, 1e27, 1e28, 1e29, 1e30, 1e31, 1e32, 1e33,
    1e34, 1e35, 1e36, 1e37, 1e38, 1e39, 1e40, 1e41, 1e42, 1e43, 1e44, 1e45, 1e46, 1e47, 1e48,
    1e49, 1e50, 1e51, 1e52, 1e53, 1e54, 1e55, 1e56, 1e57, 1e58, 1e59, 1e60, 1e61, 1e62, 1e63,
    1e64,
};

static const uint64_t whole_powers_of_ten[9] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000,
};

/* Numbers end at white space; a zero byte is none. */
static inline int ends_number(unsigned char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* Append a run of digits to number; return its end.  in_fraction: 1 after the point, else 0. */
static inline const unsigned char *scan_digits(const unsigned char *text, struct decimal *number,
                                               int in_fraction)
{
    for (;;) {
        uint64_t characters = load_8_bytes(text);
        int n_digits = count_leading_digits(characters);
        if (__builtin_expect(number->digits < 100000000000u, 1)) { /* 11 + 8 digits fit */
            number->digits = number->digits * whole_powers_of_ten[n_digits]
                             + value_of_digits(characters, n_digits);
            number->exponent -= in_fraction ? n_digits : 0;
        } else {
            for (int k = 0; k < n_digits; k++) {
                if (number->digits < 1000000000000000000u) {
                    number->digits = number->digits * 10 + (text[k] - '0');
                    number->exponent -= in_fraction;
                } else {
                    number->exponent += !in_fraction; /* cut off */
                }
            }
        }
        text += n_digits;
        if (n_digits < 8)
            return text;
    }
}

/* If text starts with name (lower case) in any case, return its length, else 0. */
static inline int match_name(const unsigned char *text, const char *name)
{
    int n = 0;
    for (; name[n]; n++)
        if ((text[n] | 32) != name[n])
            return 0;
    return n;
}

static struct number_scan scan_named_number(const unsigned char *text, uint32_t sign_bit)
{
    struct number_scan scan = {NUMBER_BAD, 0, text};
    uint32_t bits = 0x7F800000u | sign_bit;
    int length = match_name(text, "infinity");
    if (!length)
        length = match_name(text, "inf");
    if (!length) {
        length = match_name(text, "nan");
        bits |= 0x400000u;
    }
    if (length && ends_number(text[length])) {
        memcpy(&scan.value, &bits, 4);
        scan.status = NUMBER_READY;
        scan.end = text + length;
    }
    return scan;
}

static inline enum number_status round_decimal(struct decimal number, uint32_t sign_bit,
                                               float *value)
{
    uint32_t bits = 0;
    if (number.digits) {
        if (number.exponent < -64 || number.exponent > 64)
            return NUMBER_DOUBTFUL;
        double x = (double)number.digits * powers_of_ten[number.exponent + 64];
        uint64_t x_bits;
        memcpy(&x_bits, &x, 8);
        uint32_t below_float = (uint32_t)x_bits & 0x1FFFFFFF;
        int exponent = (int)(x_bits >> 52) - 1023;
        if ((below_float - 0x10000000u + 4 <= 8) | (exponent < -126) | (exponent > 126))
            return NUMBER_DOUBTFUL;
        float magnitude = (float)x;
        memcpy(&bits, &magnitude, 4);
    }
    bits |= sign_bit; /* no branch: the signs of word vectors are random */
    memcpy(value, &bits, 4);
    return NUMBER_READY;
}

/* Read one number that ends at white space: [+-] digits [. digits] [e [+-] digits], where digits
 * on one side of the point are enough, or inf, infinity, nan in any case. */
static inline struct number_scan scan_number(const unsigned char *text)
{
    struct number_scan scan = {NUMBER_BAD, 0, text};
    struct decimal number = {0, 0};
    uint32_t sign_bit = (uint32_t)(*text == '-') << 31;
    text += (*text == '-') | (*text == '+');

    const unsigned char *first = text;
    text = scan_digits(text, &number, 0);
    ptrdiff_t n_digits = text - first;
    if (*text == '.') {
        first = ++text;
        text = scan_digits(text, &number, 1);
        n_digits += text - first;
        if (n_digits == 0) {
            scan.end = text;
            return scan;
        }
    } else if (n_digits == 0) {
        return scan_named_number(text, sign_bit);
    }
    if (__builtin_expect((*text | 32) == 'e', 0)) {
        int negative = text[1] == '-';
        text += 1 + (text[1] == '-' || text[1] == '+');
        struct decimal power = {0, 0};
        first = text;
        text = scan_digits(text, &power, 0);
        if (text == first) {
            scan.end = text;
            return scan;
        }
        /* Far beyond any float, and far from overflow when added. */
        int64_t size = power.digits > 1000000000u ? 1000000000 : (int64_t)power.digits;
        number.exponent += negative ? -size : size;
    }
    scan.end = text;
    if (ends_number(*text))
        scan.status = round_decimal(number, sign_bit, &scan.value);
    return scan;
}

#endif
