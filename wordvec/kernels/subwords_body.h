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
#if VN == 16
    return (VU)_mm512_min_epu32((__m512i)rest, (__m512i)less);
#elif VN == 8
    return (VU)_mm256_min_epu32((__m256i)rest, (__m256i)less);
#else
    VU is_small = (VU)(rest < less);
    return (rest & is_small) | (less & ~is_small);
#endif
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

/* Any word, with "<" and ">" around it and WV_NGRAM_PADDING readable bytes behind, the first 8 of
 * them 0.  Returns 0, and writes nothing, when it has not `n_ngrams` n-grams. */
static int ngrams_of_word(const uint8_t *word, int64_t n_bytes, const wv_ngram_rules *rules,
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

#if VN > 4
/* Short words of one byte a character, n-grams of 3 to 6: the usual case, from registers alone.
 * A word that is first copied beside its "<" and ">" is read back across several stores, which
 * waits until they have left the store buffer: that took longer than the hashing. */
enum { SHORT_WORD = 14, MOST_SHORT_NGRAMS = 4 * SHORT_WORD - 6 };

/* Where the n-grams of start s begin among those of a word of n bytes, "<" and ">" included. */
static const uint8_t short_offset[SHORT_WORD + 3][16] = {
#define FULL(s, n) ((s) + 6 <= (n) ? 4 * (s) : AFTER_FULL((n) < 6 ? 0 : (n) - 5, s, n))
#define AFTER_FULL(f, s, n) (4 * (f) + PART((n) - 2 - (f), (s) - (f)))
/* d starts after the last full one there are parts - d + 1 more n-grams each. */
#define PART(parts, d) ((d) >= (parts) ? (parts) * ((parts) + 1) / 2 \
                                       : (d) * (parts) - (d) * ((d) - 1) / 2)
#define ROW(n) {FULL(0, n), FULL(1, n), FULL(2, n), FULL(3, n), FULL(4, n), FULL(5, n), \
                FULL(6, n), FULL(7, n), FULL(8, n), FULL(9, n), FULL(10, n), FULL(11, n), \
                FULL(12, n), FULL(13, n), FULL(14, n), FULL(15, n)}
    {0}, {0}, {0}, ROW(3), ROW(4), ROW(5), ROW(6), ROW(7), ROW(8), ROW(9), ROW(10), ROW(11),
    ROW(12), ROW(13), ROW(14), ROW(15), ROW(16),
#undef ROW
#undef FULL
#undef AFTER_FULL
#undef PART
};

/* Buckets of VN starts of a word, "<" and ">" included, from its first byte on. */
WV_INLINE void short_starts(__m128i word, VU n_buckets, VU reciprocal, const uint8_t *offset,
                            int32_t *buckets)
{
    VU found[4], hash = (VU){0} + WV_HASH_START;
#if VN == 16
#define WIDEN(bytes) (VU) _mm512_cvtepu8_epi32(bytes)
#else
#define WIDEN(bytes) (VU) _mm256_cvtepu8_epi32(bytes)
#endif
#define STEP(i) hash = (hash ^ WIDEN(_mm_srli_si128(word, i))) * 16777619u
    STEP(0);
    STEP(1);
    STEP(2);
    found[0] = v_bucket_of(hash, n_buckets, reciprocal);
    STEP(3);
    found[1] = v_bucket_of(hash, n_buckets, reciprocal);
    STEP(4);
    found[2] = v_bucket_of(hash, n_buckets, reciprocal);
    STEP(5);
    found[3] = v_bucket_of(hash, n_buckets, reciprocal);
#undef STEP
#undef WIDEN
    v_transpose_by_4(found);
    /* Four to each start, of which the next start covers what there is not: no branch. */
#if VN == 16
#define OF_START(s) _mm512_extracti32x4_epi32((__m512i)found[(s) % 4], (s) / 4)
#else
#define OF_START(s) _mm256_extracti128_si256((__m256i)found[(s) % 4], (s) / 4)
#endif
#define STORE(s) _mm_storeu_si128((__m128i *)(buckets + offset[s]), OF_START(s))
    STORE(0);
    STORE(1);
    STORE(2);
    STORE(3);
    STORE(4);
    STORE(5);
    STORE(6);
    STORE(7);
#if VN == 16
    if (offset[7] != offset[8]) {
        STORE(8);
        STORE(9);
        STORE(10);
        STORE(11);
        STORE(12);
        STORE(13);
    }
#endif
#undef STORE
#undef OF_START
}

/* Is word i one for this way?  If so, its n_ngrams buckets are written, and up to 4 numbers behind
 * them are undefined. */
WV_INLINE int short_word(const uint8_t *word, int64_t length, int64_t n_ngrams, VU n_buckets,
                         VU reciprocal, int32_t *buckets)
{
    static const uint8_t masks[32] = {255, 255, 255, 255, 255, 255, 255, 255,
                                      255, 255, 255, 255, 255, 255, 255, 255};
    static const uint8_t ends[32] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '>'};
    __m128i bytes = _mm_loadu_si128((const __m128i *)word);
    bytes = _mm_and_si128(bytes, _mm_loadu_si128((const __m128i *)(masks + 16 - length)));
    bytes = _mm_or_si128(bytes, _mm_loadu_si128((const __m128i *)(ends + 16 - length)));
    const uint8_t *offset = short_offset[length + 2];
    if (_mm_movemask_epi8(bytes) || offset[15] != n_ngrams)
        return 0;
    bytes = _mm_or_si128(_mm_slli_si128(bytes, 1), _mm_cvtsi32_si128('<'));
    short_starts(bytes, n_buckets, reciprocal, offset, buckets);
#if VN == 8
    if (length > 8) /* the starts 8 and on */
        short_starts(_mm_srli_si128(bytes, 8), n_buckets, reciprocal, offset + 8, buckets);
#endif
    return 1;
}
#endif

static int64_t ngrams_of(const wv_ngram_job *job)
{
    uint8_t *scratch = job->scratch;
    int64_t i = job->first;
    scratch[0] = '<';
#if VN > 4
    const wv_ngram_rules *rules = job->rules;
    const VU n_buckets = (VU){0} + rules->n_buckets, reciprocal = (VU){0} + rules->reciprocal;
    /* Words whose 16 bytes may be read, and behind whose buckets there are 4 of these words. */
    const int64_t last_read = job->n_arena_bytes - 16;
    const int64_t last_write = job->ngram_starts[job->end] - 4;
    const int is_usual = rules->shortest == 3 && rules->longest == 6;
#endif
    for (; i < job->end; i++) {
        const int64_t start = job->starts[i], length = job->starts[i + 1] - start;
        const int64_t n_ngrams = job->ngram_starts[i + 1] - job->ngram_starts[i];
        int32_t *buckets = job->buckets + job->ngram_starts[i];
        if (n_ngrams == 0)
            continue;
#if VN > 4
        if (is_usual && length <= SHORT_WORD && start <= last_read &&
            job->ngram_starts[i + 1] <= last_write &&
            short_word(job->arena + start, length, n_ngrams, n_buckets, reciprocal, buckets))
            continue;
#endif
        memcpy(scratch + 1, job->arena + start, (size_t)length);
        scratch[length + 1] = '>';
        memset(scratch + length + 2, 0, 8);
        if (!ngrams_of_word(scratch, length + 2, job->rules, n_ngrams, buckets))
            return i;
    }
    return -1;
}

/* ---- means of rows ---- */

/* Fetches a row that is read soon: all of it at once, since memory gives neighbouring lines much
 * faster than lines here and there, and into the second-level cache, for the rows of two words are
 * more than the first level holds (at 300 columns 1.5 times as fast as column by column into it). */
WV_INLINE void prefetch_row(const wv_row_source *source, int32_t number)
{
    const float *row = source->rows + (number < 0 ? 0 : number) * source->stride;
    for (int64_t c = 0; c < source->dim; c += 16)
        __builtin_prefetch(row + c, 0, 2);
    __builtin_prefetch(row + source->dim - 1, 0, 2);
}

/* WV_INLINE: gcc leaves out the call of a function that does nothing but prefetch. */
WV_INLINE void prefetch_rows(const wv_row_source *source, const int32_t *numbers, int64_t n_rows)
{
    for (int64_t i = 0; i < n_rows; i++)
        prefetch_row(source, numbers[i]);
}

/* The rows of one word, and of the word after it, which are fetched while the first columns of
 * this one are added up: as many as this one has, for more at once hold up the sums (1.2 times the
 * time). */
typedef struct {
    const int32_t *numbers, *next;
    int64_t n_rows, n_next;
} mean_of;

/* Columns [c, c + n * VN) of the mean, n a constant. */
WV_INLINE void mean_columns(const wv_row_source *source, const int n, const mean_of *word,
                            int64_t c, float *out)
{
    VF sums[10];
    const int32_t *numbers = word->numbers;
    const VF share = v_set((float)(1.0 / (double)word->n_rows));
#pragma GCC unroll 10
    for (int k = 0; k < n; k++)
        sums[k] = v_zero();
    for (int64_t i = 0; i < word->n_rows; i++) {
        float fresh[10 * VN];
        const float *row = fresh;
        if (c == 0 && i < word->n_next)
            prefetch_row(source, word->next[i]);
        if (numbers[i] < 0) {
            uint64_t key = wv_key(source->seed, WV_START_OF_BUCKET, (uint64_t)(-1 - numbers[i]));
            for (int k = 0; k < n * VN; k++)
                fresh[k] = wv_start_value(key, c + k, wv_start_scale(source->dim));
            /* Rounded before they are added, as if read from a file: no fused multiply-add. */
            __asm__("" : "+m"(fresh));
        } else {
            row = source->rows + numbers[i] * source->stride + c;
        }
#pragma GCC unroll 10
        for (int k = 0; k < n; k++)
            sums[k] += *(const VF_UNALIGNED *)(row + k * VN);
    }
#pragma GCC unroll 10
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
        prefetch_rows(source, numbers + starts[first], starts[first + 1] - starts[first]);
    for (int64_t word = first; word < end; word++, out += out_stride) {
        const int64_t n_rows = starts[word + 1] - starts[word];
        const int64_t n_next = word + 1 < end ? starts[word + 2] - starts[word + 1] : 0;
        const mean_of own = {numbers + starts[word], numbers + starts[word + 1], n_rows, n_next};
        int64_t c = 0;
        if (n_rows == 0) {
            memset(out, 0, (size_t)dim * sizeof *out);
            continue;
        }
        for (; c + 10 * VN <= dim; c += 10 * VN)
            mean_columns(source, 10, &own, c, out);
        for (; c + 4 * VN <= dim; c += 4 * VN)
            mean_columns(source, 4, &own, c, out);
        for (; c + VN <= dim; c += VN)
            mean_columns(source, 1, &own, c, out);
        if (c < dim && dim >= VN) /* some columns a second time, to the same bits */
            mean_columns(source, 1, &own, dim - VN, out);
        else
            for (; c < dim; c++)
                out[c] = mean_of_column(source, own.numbers, n_rows, c);
    }
}

/* ---- start values ---- */

static void start_row(float *row, int64_t dim, uint64_t key, float scale)
{
    for (int64_t c = 0; c < dim; c++) /* the compiler makes vectors of it */
        row[c] = wv_start_value(key, c, scale);
}

const wv_subword_ops WV_LEVEL_NAME(wv_subword_ops) = {ngrams_of, mean_rows, start_row};
