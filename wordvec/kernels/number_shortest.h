/* float32 to the shortest decimal that reads back as the same float, laid out as NumPy's str() did
 * up to version 2.2 (later ones print float32 from 10^6 on with an exponent; word vectors do not
 * come near).
 *
 * The method is Schubfach (R. Giulietti, "The Schubfach way to render doubles", 2020).  A float is
 * c * 2^q; every number between the middles to its two neighbours reads back as it.  These two
 * borders and the float itself, four times enlarged, are multiplied by one power of ten 10^-k, so
 * that the interval holds between 2 and 20 whole numbers.  The product keeps whether anything was
 * cut off as its last bit (sticky), which is enough to compare exactly.  Of the multiples of ten
 * inside the interval there is at most one, and it is shorter; else the whole number nearest to
 * the float is taken, ties to even.  A middle belongs to the float with the even coefficient. */
#ifndef WORDVEC_NUMBER_SHORTEST_H
#define WORDVEC_NUMBER_SHORTEST_H

#include "number_format.h"

/* "-3.4028235e+38", "-1234567890000000.0", and bytes that are written ahead. */
enum { SHORTEST_MAX_BYTES = 40 };

/* 10^e for e = -32 .. 46, scaled to 64 bits: floor(10^e * 2^(63 - floor(log2 10^e))) + 1, and
 * exactly 2^63 for e = 0. */
static const uint64_t scaled_powers_of_ten[79] = {
    0xCFB11EAD453994BB, 0x81CEB32C4B43FCF5, 0xA2425FF75E14FC32, 0xCAD2F7F5359A3B3F,
    0xFD87B5F28300CA0E, 0x9E74D1B791E07E49, 0xC612062576589DDB, 0xF79687AED3EEC552,
    0x9ABE14CD44753B53, 0xC16D9A0095928A28, 0xF1C90080BAF72CB2, 0x971DA05074DA7BEF,
    0xBCE5086492111AEB, 0xEC1E4A7DB69561A6, 0x9392EE8E921D5D08, 0xB877AA3236A4B44A,
    0xE69594BEC44DE15C, 0x901D7CF73AB0ACDA, 0xB424DC35095CD810, 0xE12E13424BB40E14,
    0x8CBCCC096F5088CC, 0xAFEBFF0BCB24AAFF, 0xDBE6FECEBDEDD5BF, 0x89705F4136B4A598,
    0xABCC77118461CEFD, 0xD6BF94D5E57A42BD, 0x8637BD05AF6C69B6, 0xA7C5AC471B478424,
    0xD1B71758E219652C, 0x83126E978D4FDF3C, 0xA3D70A3D70A3D70B, 0xCCCCCCCCCCCCCCCD,
    0x8000000000000000, 0xA000000000000001, 0xC800000000000001, 0xFA00000000000001,
    0x9C40000000000001, 0xC350000000000001, 0xF424000000000001, 0x9896800000000001,
    0xBEBC200000000001, 0xEE6B280000000001, 0x9502F90000000001, 0xBA43B74000000001,
    0xE8D4A51000000001, 0x9184E72A00000001, 0xB5E620F480000001, 0xE35FA931A0000001,
    0x8E1BC9BF04000001, 0xB1A2BC2EC5000001, 0xDE0B6B3A76400001, 0x8AC7230489E80001,
    0xAD78EBC5AC620001, 0xD8D726B7177A8001, 0x878678326EAC9001, 0xA968163F0A57B401,
    0xD3C21BCECCEDA101, 0x84595161401484A1, 0xA56FA5B99019A5C9, 0xCECB8F27F4200F3B,
    0x813F3978F8940985, 0xA18F07D736B90BE6, 0xC9F2C9CD04674EDF, 0xFC6F7C4045812297,
    0x9DC5ADA82B70B59E, 0xC5371912364CE306, 0xF684DF56C3E01BC7, 0x9A130B963A6C115D,
    0xC097CE7BC90715B4, 0xF0BDC21ABB48DB21, 0x96769950B50D88F5, 0xBC143FA4E250EB32,
    0xEB194F8E1AE525FE, 0x92EFD1B8D0CF37BF, 0xB7ABC627050305AE, 0xE596B7B0C643C71A,
    0x8F7E32CE7BEA5C70, 0xB35DBF821AE4F38C, 0xE0352F62A19E306F,
};

static inline int floor_log2_of_power_of_ten(int e) { return e * 1741647 >> 19; }

/* floor(power * factor / 2^64), with the last bit set if more than the table's error was cut. */
static inline uint32_t multiply_sticky(uint64_t power, uint32_t factor)
{
    wide_whole product = (wide_whole)power * factor;
    return (uint32_t)(product >> 64) | ((uint32_t)((uint64_t)product >> 32) > 1);
}

struct shortest_decimal {
    uint32_t digits; /* below 10^9, not a multiple of ten */
    int exponent;    /* of ten */
};

/* The decimal of coefficient * 2^exponent, coefficient from 1 to 2^24 - 1.  is_power_of_two: the
 * float below is only half as far away as the one above. */
static inline struct shortest_decimal find_shortest(uint32_t coefficient, int exponent,
                                                    int is_power_of_two)
{
    /* floor(log10 of 2^q), or of 3/4 * 2^q */
    int k = (exponent * 1262611 - (is_power_of_two ? 524031 : 0)) >> 22;
    int shift = exponent + floor_log2_of_power_of_ten(-k) + 1;
    uint64_t power = scaled_powers_of_ten[32 - k];
    uint32_t low = multiply_sticky(power, (4 * coefficient - 2 + is_power_of_two) << shift);
    uint32_t value = multiply_sticky(power, (4 * coefficient) << shift);
    uint32_t high = multiply_sticky(power, (4 * coefficient + 2) << shift);
    low += coefficient & 1;
    high -= coefficient & 1;

    struct shortest_decimal decimal = {value >> 2, k};
    uint32_t tens = decimal.digits / 10;
    int lower_ten_fits = low <= 40 * tens;
    int upper_ten_fits = 40 * tens + 40 <= high;
    if (decimal.digits >= 10 && lower_ten_fits != upper_ten_fits) {
        decimal.digits = tens + upper_ten_fits;
        decimal.exponent++;
    } else {
        uint32_t below = 4 * decimal.digits;
        int lower_fits = low <= below;
        int upper_fits = below + 4 <= high;
        if (lower_fits != upper_fits)
            decimal.digits += upper_fits;
        else
            decimal.digits += value > below + 2 || (value == below + 2 && (decimal.digits & 1));
    }
    while (decimal.digits % 10 == 0) {
        decimal.digits /= 10;
        decimal.exponent++;
    }
    return decimal;
}

/* Write value as NumPy's str(float32) does: plain from 1e-4 to below 1e16 with at least one digit
 * after the point, else d.ddde-05; nan has no sign.  At least SHORTEST_MAX_BYTES must be free. */
static inline char *write_shortest(char *out, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, 4);
    uint32_t fraction = bits & 0x7FFFFF;
    int exponent_bits = (int)(bits >> 23 & 255);
    if (exponent_bits == 255 && fraction) {
        memcpy(out, "nan", 3);
        return out + 3;
    }
    *out = '-';
    out += bits >> 31;
    if (exponent_bits == 255 || (bits << 1) == 0) {
        memcpy(out, exponent_bits ? "inf" : "0.0", 3);
        return out + 3;
    }
    struct shortest_decimal decimal = find_shortest(
        fraction | (exponent_bits ? 0x800000u : 0u), (exponent_bits ? exponent_bits : 1) - 150,
        fraction == 0 && exponent_bits > 1);

    /* 9 digits and room to copy more than there are */
    char digits[24] = {0};
    digits[0] = (char)('0' + decimal.digits / 100000000u);
    write_8_digits(digits + 1, decimal.digits % 100000000u);
    int n_digits = count_digits(decimal.digits);
    const char *first = digits + 9 - n_digits;
    int n_before_point = n_digits + decimal.exponent;

    if (n_before_point > 0 && n_before_point <= 16) {
        if (decimal.exponent < 0) {
            memcpy(out, first, 9);
            out[n_before_point] = '.';
            memcpy(out + n_before_point + 1, first + n_before_point, 9);
            return out + n_digits + 1;
        }
        memcpy(out, first, (size_t)n_digits);
        memset(out + n_digits, '0', (size_t)decimal.exponent);
        memcpy(out + n_before_point, ".0", 2);
        return out + n_before_point + 2;
    }
    /* NumPy compares with the double 1e-4: its nearest float is a little smaller, so it prints
     * 1e-04. */
    if (n_before_point <= 0 && (value >= 1e-4 || value <= -1e-4)) {
        memcpy(out, "0.000", 5);
        memcpy(out + 2 - n_before_point, first, 9);
        return out + 2 - n_before_point + n_digits;
    }
    *out++ = *first;
    if (n_digits > 1) {
        *out++ = '.';
        memcpy(out, first + 1, (size_t)(n_digits - 1));
        out += n_digits - 1;
    }
    int power = n_before_point - 1;
    *out++ = 'e';
    *out++ = power < 0 ? '-' : '+';
    power = power < 0 ? -power : power;
    *out++ = (char)('0' + power / 10);
    *out++ = (char)('0' + power % 10);
    return out;
}

#endif
