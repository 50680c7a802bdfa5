/* The loops of wv_subword_ops, written once; included by subwords_baseline.c and its siblings. */
#include "simd_vector.h"
#include "subwords.h"

/* Rows of a mapped file begin at any byte. */
typedef float VF_UNALIGNED __attribute__((vector_size(VN * 4), aligned(1)));

/* Any word, byte after byte. */
static void ngrams_of_any(const uint8_t *word, int64_t n_bytes, const wv_ngram_rules *rules,
                             int32_t *buckets)
{
    int64_t n_found = 0;
    for (int64_t start = 0; start < n_bytes; start++) {
        if (wv_continues(word[start]))
            continue;
        uint32_t hash = WV_HASH_START;
        int64_t i = start;
        for (int64_t n = 1; n <= rules->longest && i < n_bytes; n++) {
            do
                hash = wv_hash_step(hash, word[i++]);
            while (i < n_bytes && wv_continues(word[i]));
            if (n >= rules->shortest && !(n == 1 && (start == 0 || i == n_bytes)))
                buckets[n_found++] = (int32_t)wv_bucket_of(hash, rules);
        }
    }
}

typedef uint32_t VU __attribute__((vector_size(VN * 4), aligned(VN * 4)));
typedef uint8_t VB __attribute__((vector_size(VN), aligned(1)));

/* High halves of the products of 32-bit numbers. */
WV_INLINE VU v_multiply_high(VU a, VU b)
{
#if VN == 16
    __m512i even = _mm512_mul_epu32((__m512i)a, (__m512i)b);
    __m512i odd = _mm512_mul_epu32(_mm512_srli_epi64((__m512i)a, 32), (__m512i)b);
    return (VU)_mm512_mask_blend_epi32(0xAAAA, _mm512_srli_epi64(even, 32), odd);
#elif VN == 8
    __m256i even = _mm256_mul_epu32((__m256i)a, (__m256i)b);
    __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64((__m256i)a, 32), (__m256i)b);
    return (VU)_mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA);
#else
    VU high;
    for (int lane = 0; lane < VN; lane++)
        high[lane] = (uint32_t)(((uint64_t)a[lane] * b[lane]) >> 32);
    return high;
#endif
}

/* wv_bucket_of for a vector of hashes. */
WV_INLINE VU v_bucket_of(VU hash, VU n_buckets, VU reciprocal)
{
    VU rest = hash - v_multiply_high(hash, reciprocal) * n_buckets, less = rest - n_buckets;
    VU is_small = (VU)(rest < less);
    return (rest & is_small) | (less & ~is_small);
}

#if VN > 4
/* Transposes four vectors in place so that those of one lane lie together: lane s of vector k
 * comes to number 4 * (s / 4) + k of vector s % 4. */
WV_INLINE void v_transpose_by_4(VU *v)
{
#if VN == 16
#define UNPACK(name, a, b) (VU) _mm512_unpack##name((__m512i)(a), (__m512i)(b))
#else
#define UNPACK(name, a, b) (VU) _mm256_unpack##name((__m256i)(a), (__m256i)(b))
#endif
    VU low01 = UNPACK(lo_epi32, v[0], v[1]), high01 = UNPACK(hi_epi32, v[0], v[1]);
    VU low23 = UNPACK(lo_epi32, v[2], v[3]), high23 = UNPACK(hi_epi32, v[2], v[3]);
    v[0] = UNPACK(lo_epi64, low01, low23);
    v[1] = UNPACK(hi_epi64, low01, low23);
    v[2] = UNPACK(lo_epi64, high01, high23);
    v[3] = UNPACK(hi_epi64, high01, high23);
#undef UNPACK
}
#endif

/* One byte a character and n-grams of 2 or more: VN starts side by side.  The lengths are
 * constants where that pays. */
WV_INLINE void ngrams_in_lanes(const uint8_t *word, int64_t n_bytes, const int64_t shortest,
                                  const int64_t longest, const wv_ngram_rules *rules,
                                  int32_t *buckets)
{
    VU found[WV_NGRAM_LENGTHS];
    const VU n_buckets = (VU){0} + rules->n_buckets, reciprocal = (VU){0} + rules->reciprocal;
    const int64_t n_lengths = longest - shortest + 1;
    int32_t *out = buckets;
    for (int64_t first = 0; first + shortest <= n_bytes; first += VN) {
        VU hash = (VU){0} + WV_HASH_START;
#pragma GCC unroll 6
        for (int64_t i = 0; i < longest; i++) {
            hash ^= __builtin_convertvector(*(const VB *)(word + first + i), VU);
            hash *= 16777619u;
            if (i + 1 >= shortest)
                found[i + 1 - shortest] = v_bucket_of(hash, n_buckets, reciprocal);
        }
        int64_t n_starts = n_bytes - shortest + 1 - first;
        n_starts = n_starts < VN ? n_starts : VN;
        int64_t n_full = n_bytes - longest + 1 - first; /* starts with n-grams of all lengths */
        n_full = n_full < 0 ? 0 : n_full < n_starts ? n_full : n_starts;
        const uint32_t *of_lane = (const uint32_t *)found;
#if VN > 4
        if (n_lengths == 4) {
            v_transpose_by_4(found);
#define OF_START(s) (of_lane + (s) % 4 * VN + (s) / 4 * 4)
            for (int64_t lane = 0; lane < n_full; lane++, out += 4)
                memcpy(out, OF_START(lane), 4 * sizeof *out);
            for (int64_t lane = n_full; lane < n_starts; lane++)
                for (int64_t k = 0; first + lane + shortest + k <= n_bytes; k++)
                    *out++ = (int32_t)OF_START(lane)[k];
#undef OF_START
            continue;
        }
#endif
        for (int64_t lane = 0; lane < n_full; lane++, out += n_lengths)
            for (int64_t k = 0; k < n_lengths; k++)
                out[k] = (int32_t)of_lane[k * VN + lane];
        for (int64_t lane = n_full; lane < n_starts; lane++)
            for (int64_t k = 0; first + lane + shortest + k <= n_bytes; k++)
                *out++ = (int32_t)of_lane[k * VN + lane];
    }
}

static int ngrams_of(const uint8_t *word, int64_t n_bytes, const wv_ngram_rules *rules,
                     int64_t n_ngrams, int32_t *buckets)
{
    uint64_t all_bits = 0;
    for (int64_t i = 0; i < n_bytes; i += 8) { /* 8 bytes of padding are 0 */
        uint64_t eight;
        memcpy(&eight, word + i, 8);
        all_bits |= eight;
    }
    const int is_ascii = !(all_bits & 0x8080808080808080u);
    const int64_t n_chars = is_ascii ? n_bytes : 2 + wv_n_characters(word + 1, n_bytes - 2);
    const int64_t n_lengths = rules->longest - rules->shortest + 1;
    if (wv_n_ngrams(n_chars, rules) != n_ngrams)
        return 0;
    if (!is_ascii || rules->shortest < 2 || n_lengths > WV_NGRAM_LENGTHS ||
        rules->longest > WV_NGRAM_LONGEST)
        ngrams_of_any(word, n_bytes, rules, buckets);
    else if (rules->shortest == 3 && rules->longest == 6)
        ngrams_in_lanes(word, n_bytes, 3, 6, rules, buckets);
    else
        ngrams_in_lanes(word, n_bytes, rules->shortest, rules->longest, rules, buckets);
    return 1;
}

/* ---- means of rows ---- */

WV_INLINE void prefetch_numbered(const wv_row_source *source, int32_t number)
{
    const char *row = (const char *)(source->rows + (number < 0 ? 0 : number) * source->stride);
    for (int64_t byte = 0; byte < source->dim * 4; byte += 64)
        __builtin_prefetch(row + byte, 0, 3);
}

/* Columns [c, c + n * VN) of the mean, n a constant. */
WV_INLINE void mean_columns(const wv_row_source *source, const int n, const int32_t *numbers,
                            int64_t n_rows, int64_t c, float *out)
{
    VF sums[8];
    const VF share = v_set((float)(1.0 / (double)n_rows));
#pragma GCC unroll 8
    for (int k = 0; k < n; k++)
        sums[k] = v_zero();
    for (int64_t i = 0; i < n_rows; i++) {
        float fresh[8 * VN];
        const float *row = fresh;
        if (numbers[i] < 0) {
            uint64_t key = wv_key(source->seed, WV_START_OF_BUCKET, (uint64_t)(-1 - numbers[i]));
            for (int k = 0; k < n * VN; k++)
                fresh[k] = wv_start_value(key, c + k, wv_start_scale(source->dim));
            /* Rounded before they are added, as if read from a file: no fused multiply-add. */
            __asm__("" : "+m"(fresh));
        } else {
            row = source->rows + numbers[i] * source->stride + c;
        }
#pragma GCC unroll 8
        for (int k = 0; k < n; k++)
            sums[k] += *(const VF_UNALIGNED *)(row + k * VN);
    }
#pragma GCC unroll 8
    for (int k = 0; k < n; k++)
        *(VF_UNALIGNED *)(out + c + k * VN) = sums[k] * share;
}

/* One column, for what is left of a row. */
static float mean_of_column(const wv_row_source *source, const int32_t *numbers, int64_t n_rows,
                            int64_t c)
{
    float sum = 0;
    for (int64_t i = 0; i < n_rows; i++) {
        if (numbers[i] < 0) {
            uint64_t key = wv_key(source->seed, WV_START_OF_BUCKET, (uint64_t)(-1 - numbers[i]));
            float fresh = wv_start_value(key, c, wv_start_scale(source->dim));
            __asm__("" : "+m"(fresh));
            sum += fresh;
        } else {
            float number;
            memcpy(&number, source->rows + numbers[i] * source->stride + c, sizeof number);
            sum += number;
        }
    }
    return sum * (float)(1.0 / (double)n_rows);
}

static void mean_rows(const wv_row_source *source, const int64_t *starts, const int32_t *numbers,
                      int64_t first, int64_t end, float *out, int64_t out_stride)
{
    const int64_t dim = source->dim;
    if (first < end)
        for (int64_t i = starts[first]; i < starts[first + 1]; i++)
            prefetch_numbered(source, numbers[i]);
    for (int64_t word = first; word < end; word++, out += out_stride) {
        const int32_t *own = numbers + starts[word];
        int64_t n_rows = starts[word + 1] - starts[word], c = 0;
        if (word + 1 < end)
            for (int64_t i = starts[word + 1]; i < starts[word + 2]; i++)
                prefetch_numbered(source, numbers[i]);
        if (n_rows == 0) {
            memset(out, 0, (size_t)dim * sizeof *out);
            continue;
        }
        for (; c + 8 * VN <= dim; c += 8 * VN)
            mean_columns(source, 8, own, n_rows, c, out);
        for (; c + 2 * VN <= dim; c += 2 * VN)
            mean_columns(source, 2, own, n_rows, c, out);
        for (; c + VN <= dim; c += VN)
            mean_columns(source, 1, own, n_rows, c, out);
        for (; c < dim; c++)
            out[c] = mean_of_column(source, own, n_rows, c);
    }
}

/* ---- start values ---- */

static void start_row(float *row, int64_t dim, uint64_t key, float scale)
{
    for (int64_t c = 0; c < dim; c++) /* the compiler makes vectors of it */
        row[c] = wv_start_value(key, c, scale);
}

const wv_subword_ops WV_LEVEL_NAME(wv_subword_ops) = {ngrams_of, mean_rows, start_row};
