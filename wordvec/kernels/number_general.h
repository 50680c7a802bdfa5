/* float32 to decimal text as C's printf("%.5g") prints it: fastText's .vec files.
 *
 * x * 10^k with 10^4 <= x * 10^k < 10^5 is taken in double, where it is off by at most 10^-10; only
 * when it lies that near to the middle of two whole numbers, printf has to decide.  Nothing here
 * depends on the locale. */
#ifndef WORDVEC_NUMBER_GENERAL_H
#define WORDVEC_NUMBER_GENERAL_H

#include <math.h>
#include <stdio.h>

#include "number_format.h"
#include "number_parse.h" /* powers_of_ten */

/* Five digits and the exponent of ten of the first one, by the C library. */
static void general5_by_printf(double x, uint32_t *digits, int *exponent)
{
    char text[40];
    int length = snprintf(text, sizeof text, "%.4e", x);
    const char *e = text + length;
    while (*e != 'e')
        e--;
    *digits = (uint32_t)(text[0] - '0');
    for (int k = 4; k >= 1; k--) /* whatever the locale puts between them */
        *digits = *digits * 10 + (uint32_t)(e[-k] - '0');
    int size = 0;
    for (const char *p = e + 2; *p; p++)
        size = size * 10 + (*p - '0');
    *exponent = e[1] == '-' ? -size : size;
}

/* Write value; return the end.  At least FIXED6_MAX_BYTES must be free. */
static inline char *write_general5(char *out, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, 4);
    *out = '-';
    out += bits >> 31;
    bits &= 0x7FFFFFFF;
    if (bits >= 0x7F800000) {
        memcpy(out, bits > 0x7F800000 ? "nan" : "inf", 3);
        return out + 3;
    }
    if (bits == 0) {
        *out = '0';
        return out + 1;
    }
    double x = fabs((double)value);
    uint64_t x_bits;
    memcpy(&x_bits, &x, 8);
    int power = ((int)(x_bits >> 52) - 1023) * 1233 >> 12; /* floor of log10, or one less */
    power += x >= powers_of_ten[power + 1 + 64];
    double scaled = x * powers_of_ten[4 - power + 64];
    uint32_t digits = (uint32_t)scaled;
    double rest = scaled - digits;
    digits += rest > 0.5;
    if (fabs(rest - 0.5) < 1e-9)
        general5_by_printf(x, &digits, &power);
    if (digits == 100000) {
        digits = 10000;
        power++;
    }
    char text[8];
    write_8_digits(text, digits);
    const char *first = text + 3;
    int n_digits = 5;
    while (n_digits > 1 && first[n_digits - 1] == '0')
        n_digits--;
    if (power < -4 || power >= 5) {
        *out++ = *first;
        if (n_digits > 1) {
            *out++ = '.';
            memcpy(out, first + 1, (size_t)n_digits - 1);
            out += n_digits - 1;
        }
        *out++ = 'e';
        *out++ = power < 0 ? '-' : '+';
        int size = power < 0 ? -power : power;
        *out++ = (char)('0' + size / 10);
        *out++ = (char)('0' + size % 10);
        return out;
    }
    if (power < 0) {
        memcpy(out, "0.000", 5);
        memcpy(out + 1 - power, first, (size_t)n_digits);
        return out + 1 - power + n_digits;
    }
    memcpy(out, first, (size_t)power + 1);
    out += power + 1;
    if (n_digits > power + 1) {
        *out++ = '.';
        memcpy(out, first + power + 1, (size_t)(n_digits - power - 1));
        out += n_digits - power - 1;
    }
    return out;
}

#endif
