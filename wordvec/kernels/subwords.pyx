"""Character n-grams: words -> bucket numbers (fastText's), and means of rows.

Nothing here starts a thread; every function over words takes a range of them and runs without the
GIL, so that several threads can share the work.  Words come as an arena: word i is
arena[starts[i]:starts[i + 1]].
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

import numpy as np

from wordvec.kernels import simd


cdef extern from "random.h":
    uint64_t wv_key(uint64_t seed, uint64_t a, uint64_t b) noexcept nogil


cdef extern from "subwords.h" nogil:
    enum:
        WV_NGRAM_PADDING
        WV_START_OF_WORD
        WV_START_OF_BUCKET
        WV_HASH_START
    ctypedef struct wv_ngram_rules:
        int64_t shortest
        int64_t longest
        uint32_t n_buckets
        uint32_t reciprocal
    ctypedef struct wv_ngram_job:
        const uint8_t *arena
        int64_t n_arena_bytes
        const int64_t *starts
        const int64_t *ngram_starts
        int64_t first
        int64_t end
        const wv_ngram_rules *rules
        int32_t *buckets
        uint8_t *scratch
    ctypedef struct wv_row_source:
        const float *rows
        int64_t stride
        int64_t dim
        uint64_t seed
    ctypedef struct wv_subword_ops:
        int64_t (*ngrams_of)(const wv_ngram_job *) noexcept nogil
        void (*mean_rows)(const wv_row_source *, const int64_t *, const int32_t *, int64_t,
                          int64_t, float *, int64_t) noexcept nogil
        void (*start_row)(float *, int64_t, uint64_t, float) noexcept nogil
    const wv_subword_ops wv_subword_ops_baseline
    uint32_t wv_hash_step(uint32_t, uint8_t) noexcept
    int64_t wv_n_characters(const uint8_t *, int64_t) noexcept
    int64_t wv_n_characters_of_16(const uint8_t *, int64_t) noexcept
    int64_t wv_n_ngrams(int64_t, const wv_ngram_rules *) noexcept
    float wv_start_value(uint64_t, int64_t, float) noexcept
    float wv_start_scale(int64_t) noexcept


cdef extern from *:
    """
    static const wv_subword_ops *wv_subword_ops_of(int level)
    {
    #if defined(__x86_64__)
        if (level == 2)
            return &wv_subword_ops_avx512;
        if (level == 1)
            return &wv_subword_ops_avx2;
    #endif
        (void)level;
        return &wv_subword_ops_baseline;
    }
    """
    const wv_subword_ops *wv_subword_ops_of(int level) noexcept


MAX_BUCKETS = 2**31 - 1


cdef wv_ngram_rules _rules(int64_t min_n, int64_t max_n, int64_t n_buckets) except *:
    cdef wv_ngram_rules rules
    if not 1 <= n_buckets <= MAX_BUCKETS:
        raise ValueError(f"n_buckets must be 1 to {MAX_BUCKETS}, found {n_buckets}")
    rules.shortest = max(min_n, 1)
    rules.longest = max(max_n, 0)
    rules.n_buckets = <uint32_t>n_buckets
    rules.reciprocal = <uint32_t>min((<int64_t>1 << 32) // n_buckets, 0xFFFFFFFF)
    return rules


cdef int _check_words(const uint8_t[::1] arena, const int64_t[::1] starts, int64_t first,
                      int64_t end) except -1:
    cdef int64_t i
    if not 0 <= first <= end < starts.shape[0]:
        raise ValueError(f"words {first} to {end} of {starts.shape[0] - 1}")
    for i in range(first, end):
        if not 0 <= starts[i] <= starts[i + 1] <= arena.shape[0]:
            raise ValueError(f"word {i} lies outside the arena of {arena.shape[0]} bytes")
    return 0


def hash_bytes(const uint8_t[::1] word not None):
    """fastText's 32-bit hash of some bytes: FNV-1a with sign-extended bytes (subwords.h)."""
    cdef uint32_t value = WV_HASH_START
    cdef Py_ssize_t i
    for i in range(word.shape[0]):
        value = wv_hash_step(value, word[i])
    return value


def count_ngrams(
    const uint8_t[::1] arena not None, const int64_t[::1] starts not None,
    int64_t first, int64_t end, int64_t[::1] counts not None, int64_t min_n, int64_t max_n,
):
    """counts[i - first] = number of n-grams of word i, for first <= i < end."""
    cdef wv_ngram_rules rules = _rules(min_n, max_n, 1)
    cdef const uint8_t *bytes = &arena[0] if arena.shape[0] else NULL
    cdef int64_t i, n_chars, length
    cdef int64_t n_ngrams_of[64]
    _check_words(arena, starts, first, end)
    if counts.shape[0] < end - first:
        raise ValueError(f"counts has {counts.shape[0]} places for {end - first} words")
    with nogil:
        for n_chars in range(64):
            n_ngrams_of[n_chars] = wv_n_ngrams(n_chars, &rules)
        for i in range(first, end):
            length = starts[i + 1] - starts[i]
            if length <= 16 and starts[i] + 16 <= arena.shape[0]:
                n_chars = 2 + wv_n_characters_of_16(bytes + starts[i], length)
            else:
                n_chars = 2 + wv_n_characters(bytes + starts[i], length)
            if n_chars < 64:
                counts[i - first] = n_ngrams_of[n_chars]
            else:
                counts[i - first] = wv_n_ngrams(n_chars, &rules)


def ngram_buckets(
    const uint8_t[::1] arena not None, const int64_t[::1] starts not None,
    int64_t first, int64_t end, const int64_t[::1] ngram_starts not None,
    int32_t[::1] buckets not None, int64_t min_n, int64_t max_n, int64_t n_buckets,
):
    """Buckets of the n-grams of the words first to end, written to `buckets`.

    Those of word i go to buckets[ngram_starts[i]:ngram_starts[i + 1]], whose length must be what
    count_ngrams gave, or 0 for a word to be left out.  Order: by start, then by length.
    MemoryError without room for the longest word.
    """
    cdef wv_ngram_rules rules = _rules(min_n, max_n, n_buckets)
    cdef const wv_subword_ops *ops = wv_subword_ops_of(simd.active_level())
    cdef int64_t i, longest = 0, misfit
    cdef wv_ngram_job job
    _check_words(arena, starts, first, end)
    if ngram_starts.shape[0] != starts.shape[0]:
        raise ValueError(f"ngram_starts: expected {starts.shape[0]}, found {ngram_starts.shape[0]}")
    for i in range(first, end):
        longest = max(longest, starts[i + 1] - starts[i])
        if not 0 <= ngram_starts[i] <= ngram_starts[i + 1] <= buckets.shape[0]:
            raise ValueError(f"ngram_starts do not fit the n-grams of word {i}")
    if first == end or ngram_starts[first] == ngram_starts[end]:
        return
    job.scratch = <uint8_t *>malloc(longest + 2 + WV_NGRAM_PADDING)
    if job.scratch == NULL:
        raise MemoryError(f"no memory for a word of {longest} bytes")
    job.arena = &arena[0] if arena.shape[0] else job.scratch
    job.n_arena_bytes = arena.shape[0]
    job.starts = &starts[0]
    job.ngram_starts = &ngram_starts[0]
    job.first = first
    job.end = end
    job.rules = &rules
    job.buckets = &buckets[0]
    with nogil:
        memset(job.scratch, 0, longest + 2 + WV_NGRAM_PADDING)
        misfit = ops.ngrams_of(&job)
    free(job.scratch)
    if misfit >= 0:
        raise ValueError(f"ngram_starts do not fit the n-grams of word {misfit}")


def buckets_of_word(
    const uint8_t[::1] word not None, int64_t min_n, int64_t max_n, int64_t n_buckets
):
    """int32[n], new: the buckets of one word's n-grams, as ngram_buckets gives them.  MemoryError."""
    cdef wv_ngram_rules rules = _rules(min_n, max_n, n_buckets)
    cdef int64_t length = word.shape[0], n = 0
    cdef int64_t starts[2]
    cdef int64_t ngram_starts[2]
    cdef wv_ngram_job job
    cdef int32_t[::1] buckets
    if length:
        n = wv_n_ngrams(2 + wv_n_characters(&word[0], length), &rules)
    else:
        n = wv_n_ngrams(2, &rules)
    made = np.empty(n, np.int32)
    if n == 0:
        return made
    buckets = made
    starts[0], starts[1] = 0, length
    ngram_starts[0], ngram_starts[1] = 0, n
    job.scratch = <uint8_t *>malloc(length + 2 + WV_NGRAM_PADDING)
    if job.scratch == NULL:
        raise MemoryError(f"no memory for a word of {length} bytes")
    memset(job.scratch, 0, length + 2 + WV_NGRAM_PADDING)
    job.arena = &word[0] if length else job.scratch
    job.n_arena_bytes = length
    job.starts = starts
    job.ngram_starts = ngram_starts
    job.first, job.end = 0, 1
    job.rules = &rules
    job.buckets = &buckets[0]
    cdef int64_t misfit = wv_subword_ops_of(simd.active_level()).ngrams_of(&job)
    free(job.scratch)
    assert misfit < 0
    return made


def bucket_uses(
    const int64_t[::1] ngram_starts not None, const int32_t[::1] buckets not None,
    const int64_t[::1] counts not None, int64_t[::1] uses not None,
):
    """uses[b] += counts[i] for every n-gram of word i that lies in bucket b."""
    cdef int64_t i, k, n = counts.shape[0]
    _check_lists(ngram_starts, buckets, n, uses.shape[0])
    with nogil:
        for i in range(n):
            for k in range(ngram_starts[i], ngram_starts[i + 1]):
                uses[buckets[k]] += counts[i]


def word_rows(
    const int64_t[::1] ngram_starts not None, const int32_t[::1] buckets not None,
    const int32_t[::1] row_of_bucket not None, int64_t[::1] starts not None,
    int32_t[::1] rows not None,
):
    """Input rows of every word: its own number, then n_words + row_of_bucket of its n-grams.

    Word i's rows go to rows[starts[i]:starts[i + 1]]; starts (int64[n_words + 1]) is filled too.
    rows needs n_words + len(buckets) places.
    """
    cdef int64_t i, k, n_words = ngram_starts.shape[0] - 1, n = 0
    _check_lists(ngram_starts, buckets, n_words, row_of_bucket.shape[0])
    if starts.shape[0] != n_words + 1 or rows.shape[0] != n_words + buckets.shape[0]:
        raise ValueError("starts or rows have the wrong length")
    with nogil:
        for i in range(n_words):
            starts[i] = n
            rows[n] = <int32_t>i
            n += 1
            for k in range(ngram_starts[i], ngram_starts[i + 1]):
                rows[n] = <int32_t>n_words + row_of_bucket[buckets[k]]
                n += 1
        starts[n_words] = n


cdef int _check_lists(const int64_t[::1] starts, const int32_t[::1] numbers, int64_t n_lists,
                      int64_t limit) except -1:
    """Lists numbers[starts[i]:starts[i + 1]] that fill `numbers`, each number below `limit`."""
    cdef int64_t i
    cdef bint fits = starts.shape[0] == n_lists + 1 and starts[0] == 0
    fits = fits and starts[n_lists] == numbers.shape[0]
    if fits:
        with nogil:
            for i in range(n_lists):
                fits = fits and starts[i] <= starts[i + 1]
            for i in range(numbers.shape[0]):
                fits = fits and 0 <= numbers[i] < limit
    if not fits:
        raise ValueError(f"expected {n_lists} lists of numbers from 0 to {limit - 1}")
    return 0


def start_rows(
    float[:, :] rows not None, uint64_t seed, *, int64_t first_number=0,
    const int32_t[::1] numbers=None, bint of_buckets=False,
):
    """Fill float32[n, dim] in place with start values, uniform in +-1 / dim.

    Row i is that of word (or, `of_buckets`, of bucket) numbers[i], or first_number + i without
    `numbers`.  A value depends on seed, number and column alone, so rows may be made in any order,
    by any thread, or never.
    """
    cdef int64_t n = rows.shape[0], dim = rows.shape[1], i, j, number
    cdef uint64_t key
    cdef uint64_t purpose = WV_START_OF_BUCKET if of_buckets else WV_START_OF_WORD
    if numbers is not None and numbers.shape[0] != n:
        raise ValueError(f"{numbers.shape[0]} numbers for {n} rows")
    if n == 0 or dim == 0:
        return
    cdef float scale = wv_start_scale(dim)
    cdef const wv_subword_ops *ops = wv_subword_ops_of(simd.active_level())
    cdef bint side_by_side = rows.strides[1] == 4
    with nogil:
        for i in range(n):
            number = first_number + i if numbers is None else numbers[i]
            key = wv_key(seed, purpose, <uint64_t>number)
            if side_by_side:
                ops.start_row(&rows[i, 0], dim, key, scale)
                continue
            for j in range(dim):
                rows[i, j] = wv_start_value(key, j, scale)


def mean_rows(
    const float[:, :] rows not None, int64_t dim, const int64_t[::1] starts not None,
    const int32_t[::1] numbers not None, int64_t first, int64_t end, float[:, :] out not None,
    uint64_t seed=0,
):
    """out[i - first] = mean of rows[numbers[starts[i]:starts[i + 1]], :dim], first <= i < end.

    A number below 0 stands for bucket -1 - number with the start values of `seed` (start_rows).
    The sum is taken in the order of the numbers, in float32, and multiplied by 1 / n: fastText's
    bits.  Zeros where there is no number.  rows and out need columns side by side; rows may lie
    at any multiple of 4 bytes, in a mapped file for instance.
    """
    cdef const wv_subword_ops *ops = wv_subword_ops_of(simd.active_level())
    cdef wv_row_source source
    cdef int64_t i, n_rows = rows.shape[0]
    cdef bint fits = True
    if not 0 <= first <= end < starts.shape[0] or out.shape[0] < end - first:
        raise ValueError(f"words {first} to {end} of {starts.shape[0] - 1}, into {out.shape[0]}")
    if not 1 <= dim <= out.shape[1] or (n_rows and dim > rows.shape[1]):
        raise ValueError(f"{dim} columns, rows have {rows.shape[1]} and out {out.shape[1]}")
    if first == end:
        return
    if rows.strides[1] != 4 or out.strides[1] != 4 or rows.strides[0] % 4 or out.strides[0] % 4:
        raise ValueError("the columns of a row must lie side by side")
    if starts[first] < 0 or starts[end] > numbers.shape[0]:
        raise ValueError("starts do not fit the numbers")
    with nogil:
        for i in range(first, end):
            fits = fits and starts[i] <= starts[i + 1]
        if fits:
            for i in range(starts[first], starts[end]):
                fits = fits and numbers[i] < n_rows
    if not fits:
        raise ValueError(f"a number is beyond the {n_rows} rows, or starts fall")
    source.rows = &rows[0, 0] if n_rows else NULL
    source.stride = rows.strides[0] // 4
    source.dim = dim
    source.seed = seed
    cdef const int32_t *first_number = &numbers[0] if numbers.shape[0] else NULL
    with nogil:
        ops.mean_rows(&source, &starts[0], first_number, first, end, &out[0, 0],
                      out.strides[0] // 4)
