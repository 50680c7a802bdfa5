/* Decimal digits eight at a time in one 64-bit word, without SIMD. */
#ifndef WORDVEC_NUMBER_DIGITS_H
#define WORDVEC_NUMBER_DIGITS_H

#include <stdint.h>
#include <string.h>

/* The byte at the lowest address becomes the least significant byte on every host. */
static inline uint64_t little_endian64(uint64_t word)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return __builtin_bswap64(word);
#else
    return word;
#endif
}

static inline uint64_t load_8_bytes(const unsigned char *text)
{
    uint64_t word;
    memcpy(&word, text, 8);
    return little_endian64(word);
}

/* How many of the 8 characters, from the first on, are digits (0 to 8). */
static inline int count_leading_digits(uint64_t characters)
{
    /* Digits become 0..9.  Adding 0x76 then reaches 0x80 for everything from 10 on, and bytes that
     * were above 0x7F are marked by themselves.  A carry can only spoil bytes after the first
     * mark, which are not looked at. */
    uint64_t values = characters ^ 0x3030303030303030u;
    uint64_t marks = ((values + 0x7676767676767676u) | values) & 0x8080808080808080u;
    return marks ? __builtin_ctzll(marks) >> 3 : 8;
}

/* The number spelled by the first n_digits (0 to 8) of 8 characters. */
static inline uint32_t value_of_digits(uint64_t characters, int n_digits)
{
    uint64_t values = characters ^ 0x3030303030303030u;
    if (n_digits < 8)
        values = (values << 8) << (56 - 8 * n_digits); /* zeros come in front */
    values = values * 10 + (values >> 8);              /* pairs, in bytes 0, 2, 4, 6 */
    return (uint32_t)(((values & 0x000000FF000000FFu) * 0x000F424000000064u
                       + ((values >> 16) & 0x000000FF000000FFu) * 0x0000271000000001u) >> 32);
}

/* Write number < 10^8 as exactly 8 digits, zeros in front. */
static inline void write_8_digits(char *out, uint32_t number)
{
    /* Halves of 4 digits, then pairs, then digits; each division is a multiplication that is
     * exact for the range it sees (x * 10486 >> 20 for x < 10^4, x * 103 >> 10 for x < 100). */
    uint64_t word = ((uint64_t)(number % 10000) << 32) | number / 10000;
    uint64_t hundreds = ((word * 10486) >> 20) & 0x0000007F0000007Fu;
    word = ((word - 100 * hundreds) << 16) | hundreds;
    uint64_t tens = ((word * 103) >> 10) & 0x000F000F000F000Fu;
    word = ((word - 10 * tens) << 8) | tens;
    word = little_endian64(word | 0x3030303030303030u);
    memcpy(out, &word, 8);
}

/* The number of digits of number < 10^9; 1 for 0. */
static inline int count_digits(uint32_t number)
{
    return 1 + (number > 9) + (number > 99) + (number > 999) + (number > 9999) + (number > 99999)
           + (number > 999999) + (number > 9999999) + (number > 99999999);
}

#endif
