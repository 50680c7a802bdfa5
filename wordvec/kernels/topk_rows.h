/* Rows of the matrix as float32, scaled or not, and their float64 products. */
#ifndef WORDVEC_TOPK_ROWS_H
#define WORDVEC_TOPK_ROWS_H

#include <string.h>

#include "topk.h"

/* IEEE half to float by whole-number steps: exact, and no table or F16C is needed. */
static inline float float_of_half(uint16_t half)
{
    uint32_t bits = (uint32_t)(half & 0x7fff) << 13, exponent = bits & 0x0f800000;
    uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t normal = bits + (112u << 23);                     /* exponent 15 -> 127 */
    uint32_t special = bits + (224u << 23);                    /* infinite, nan: 31 -> 255 */
    uint32_t shifted = bits + (113u << 23), smallest = 113u << 23;
    float a, b, value;
    memcpy(&a, &shifted, 4);
    memcpy(&b, &smallest, 4);
    a -= b; /* subnormal: 2^-14 (1 + fraction) - 2^-14 */
    memcpy(&shifted, &a, 4);
    uint32_t result = exponent == 0 ? shifted : exponent == 0x0f800000 ? special : normal;
    result |= sign;
    memcpy(&value, &result, 4);
    return value;
}

static inline void floats_of_halves(const uint16_t *in, float *out, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = float_of_half(in[i]);
}

static inline const char *row_bytes(const wv_rows *rows, int64_t row)
{
    return (const char *)rows->data + row * rows->stride * (rows->is_half ? 2 : 4);
}

/* Row `row` as float32: in place, or converted into `scratch`. */
static inline const float *float_row(const wv_rows *rows, int64_t row, float *scratch)
{
    if (!rows->is_half)
        return (const float *)rows->data + row * rows->stride;
    floats_of_halves((const uint16_t *)rows->data + row * rows->stride, scratch, rows->dim);
    return scratch;
}

/* Row `row` scaled to length 1, filled up with zeros to a multiple of 16; all zeros when the scans
 * do not estimate it (no such row, no direction, extreme length). */
static inline void unit_row(const wv_rows *rows, int64_t row, float *out)
{
    int64_t dim = rows->dim, padded = wv_padded_dim(dim);
    if (row >= rows->n_rows || !wv_in_scan(rows->norms[row])) {
        memset(out, 0, sizeof(float) * (size_t)padded);
        return;
    }
    const float *in = float_row(rows, row, out);
    float scale = 1.0f / rows->norms[row];
    for (int64_t i = 0; i < dim; i++)
        out[i] = in[i] * scale;
    for (int64_t i = dim; i < padded; i++)
        out[i] = 0;
}

/* Sum of a[i] * b[i] in float64.  Products of two floats are exact there, and the order of the
 * additions is fixed (8 sums, i mod 8, then halves), so every instruction set gives the same. */
typedef double wv_8_doubles __attribute__((vector_size(64)));
typedef float wv_8_floats __attribute__((vector_size(32), aligned(4)));

static inline double exact_product(const float *a, const float *b, int64_t n)
{
    wv_8_doubles sums = {0};
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        sums += __builtin_convertvector(*(const wv_8_floats *)(a + i), wv_8_doubles) *
                __builtin_convertvector(*(const wv_8_floats *)(b + i), wv_8_doubles);
    for (int lane = 0; i < n; i++, lane++)
        sums[lane] += (double)a[i] * b[i];
    return ((sums[0] + sums[4]) + (sums[2] + sums[6])) +
           ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

static void exact_products(const wv_rows *rows, const float *direction, const int64_t *listed,
                           int64_t n, double *products, double *squares, float *scratch)
{
    enum { AHEAD = 4 };
    int64_t n_bytes = rows->dim * (rows->is_half ? 2 : 4);
    for (int64_t i = 0; i < n; i++) {
        if (i + AHEAD < n)
            for (int64_t byte = 0; byte < n_bytes; byte += 64)
                __builtin_prefetch(row_bytes(rows, listed[i + AHEAD]) + byte);
        const float *row = float_row(rows, listed[i], scratch);
        products[i] = exact_product(row, direction, rows->dim);
        squares[i] = exact_product(row, row, rows->dim);
    }
}

#endif
