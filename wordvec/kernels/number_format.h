/* float32 to decimal text, exactly as C's printf("%f") prints the float promoted to double.
 *
 * A finite float is c * 2^q with c < 2^24.  Below 2^24 in magnitude q <= 0, so that c * 10^6 fits
 * in 44 bits and the six decimals are one shift by -q, rounded half to even on the exact
 * remainder.  From 2^24 on the float is a whole number below 2^128 and needs no rounding.
 * Nothing here depends on the locale. */
#ifndef WORDVEC_NUMBER_FORMAT_H
#define WORDVEC_NUMBER_FORMAT_H

#include "number_digits.h"

/* "-340282346638528859811704183484516925440.000000" and a few bytes that are written ahead. */
enum { FIXED6_MAX_BYTES = 56 };

__extension__ typedef unsigned __int128 wide_whole;

static inline char *write_small_whole(char *out, uint32_t number) /* below 10^8 */
{
    if (number < 10) {
        *out = (char)('0' + number);
        return out + 1;
    }
    char digits[8];
    write_8_digits(digits, number);
    int n_digits = count_digits(number);
    memcpy(out, digits + 8 - n_digits, (size_t)n_digits);
    return out + n_digits;
}

static char *write_wide_whole(char *out, wide_whole number)
{
    char digits[40];
    char *first = digits + 40;
    do {
        first -= 8;
        write_8_digits(first, (uint32_t)(number % 100000000u));
        number /= 100000000u;
    } while (number);
    while (*first == '0')
        first++;
    size_t n_digits = (size_t)(digits + 40 - first);
    memcpy(out, first, n_digits);
    return out + n_digits;
}

/* Write value with six decimals; return the end.  At least FIXED6_MAX_BYTES must be free. */
static inline char *write_fixed6(char *out, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, 4);
    int exponent_bits = (int)(bits >> 23 & 255);
    uint32_t coefficient = (bits & 0x7FFFFF) | (exponent_bits ? 0x800000u : 0u);
    int exponent = (exponent_bits ? exponent_bits : 1) - 150;

    *out = '-';
    out += bits >> 31;
    if (__builtin_expect(exponent > 0, 0)) {
        if (exponent_bits == 255) { /* glibc prints the sign of nan as well */
            memcpy(out, bits & 0x7FFFFF ? "nan" : "inf", 3);
            return out + 3;
        }
        out = write_wide_whole(out, (wide_whole)coefficient << exponent);
        memcpy(out, ".000000", 7);
        return out + 7;
    }
    uint64_t millionths = 0;
    int shift = -exponent;
    if (shift < 64) { /* beyond, less than half a millionth */
        uint64_t scaled = (uint64_t)coefficient * 1000000u;
        uint64_t rest = scaled & (((uint64_t)1 << shift) - 1);
        uint64_t half = ((uint64_t)1 << shift) >> 1;
        millionths = scaled >> shift;
        millionths += (rest > half) | ((rest == half) & (shift > 0) & (millionths & 1));
    }
    uint32_t whole = (uint32_t)(millionths / 1000000u);
    char decimals[8];
    write_8_digits(decimals, (uint32_t)(millionths % 1000000u));
    out = write_small_whole(out, whole);
    *out = '.';
    memcpy(out + 1, decimals + 2, 6);
    return out + 7;
}

#endif
