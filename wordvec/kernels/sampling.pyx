"""What is drawn and how often: subsampling, noise words, Huffman paths, start vectors.

All arrays returned are new and belong to the caller.
"""

from libc.math cimport pow, sqrt
from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t

import numpy as np


cdef extern from "random.h":
    uint64_t wv_key(uint64_t seed, uint64_t a, uint64_t b) noexcept nogil
    uint64_t wv_stream(uint64_t key) noexcept nogil
    uint64_t wv_next(uint64_t *stream) noexcept nogil


def key(uint64_t seed, uint64_t a, uint64_t b):
    """A 64-bit key for one purpose out of a seed and two numbers."""
    return wv_key(seed, a, b)


def keep_thresholds(const int64_t[::1] counts, double sample, double n_tokens):
    """uint32[n_words]: a token of word w stays when 32 random bits are <= thresholds[w].

    word2vec.c's rule: it stays with probability (sqrt(f / sample) + 1) * sample / f for a word
    that makes up the share f = count / n_tokens of the text.  (Its paper has another formula.)
    """
    cdef int64_t n = counts.shape[0], w
    result = np.empty(n, np.uint32)
    cdef uint32_t[::1] out = result
    cdef double limit = sample * n_tokens, chance
    for w in range(n):
        chance = 1.0
        if counts[w] > 0:
            chance = (sqrt(counts[w] / limit) + 1) * limit / counts[w]
        out[w] = <uint32_t>0xFFFFFFFF if chance >= 1 else <uint32_t>(chance * 4294967296.0)
    return result


def noise_weights(const int64_t[::1] counts, double exponent):
    """float64[n_words]: counts to the power of `exponent`, 0 where the count is 0."""
    cdef int64_t n = counts.shape[0], w
    result = np.zeros(n, np.float64)
    cdef double[::1] out = result
    for w in range(n):
        if counts[w] > 0:
            out[w] = pow(<double>counts[w], exponent)
    return result


def alias_table(const double[::1] weights):
    """uint32[n_words, 2] of (threshold, other word) for draws in proportion to `weights`.

    Vose's method.  Slot i is drawn uniformly; it gives i when 32 random bits are < threshold,
    else the other word.  A word of weight 0 is never drawn.  ValueError without any weight.
    """
    cdef int64_t n = weights.shape[0], n_small = 0, n_large = 0, w, small, large
    cdef double total = 0
    for w in range(n):
        if not weights[w] >= 0:
            raise ValueError(f"weight of word {w} is {weights[w]}; it must not be negative")
        total += weights[w]
    if not 0 < total < 1e300:
        raise ValueError(f"the noise distribution has no usable weight (sum {total})")
    table = np.zeros((n, 2), np.uint32)
    cdef uint32_t[:, ::1] out = table
    cdef double[::1] share = np.asarray(weights) * (n / total)
    cdef int64_t[::1] smalls = np.empty(n, np.int64), larges = np.empty(n, np.int64)
    for w in range(n):
        if share[w] < 1:
            smalls[n_small] = w
            n_small += 1
        else:
            larges[n_large] = w
            n_large += 1
    while n_small and n_large:
        n_small -= 1
        small, large = smalls[n_small], larges[n_large - 1]
        out[small, 0] = <uint32_t>(share[small] * 4294967296.0)
        out[small, 1] = <uint32_t>large
        share[large] -= 1 - share[small]
        if share[large] < 1:
            n_large -= 1
            smalls[n_small] = large
            n_small += 1
    # What is left over has share 1 but for rounding: whatever the bits, the slot's own word.
    while n_large:
        n_large -= 1
        out[larges[n_large], 0] = <uint32_t>0xFFFFFFFF
        out[larges[n_large], 1] = <uint32_t>larges[n_large]
    while n_small:
        n_small -= 1
        out[smalls[n_small], 0] = <uint32_t>0xFFFFFFFF
        out[smalls[n_small], 1] = <uint32_t>smalls[n_small]
    return table


def draw(const uint32_t[:, ::1] table, uint64_t seed, int64_t n_draws):
    """int32[n_draws] words drawn from an alias table, as the training kernels draw them."""
    result = np.empty(n_draws, np.int32)
    cdef int32_t[::1] out = result
    cdef uint64_t stream = wv_stream(wv_key(seed, 0, 0)), bits
    cdef uint64_t slot, n = <uint64_t>table.shape[0]
    cdef int64_t i
    for i in range(n_draws):
        bits = wv_next(&stream)
        slot = ((bits >> 32) * n) >> 32
        out[i] = <int32_t>(slot if <uint32_t>bits < table[slot, 0] else table[slot, 1])
    return result


def huffman_paths(const int64_t[::1] counts):
    """(starts int64[n_words + 1], nodes int32[...], codes uint8[...]) of word2vec's Huffman tree.

    Word w's path is nodes[starts[w]:starts[w + 1]] from the root down, with a 0 or 1 beside each
    node; inner nodes count from 0, the root is n_words - 2.  Counts must not increase from row 1
    on (row 0 may be the separator with any count).  Ties as in word2vec.c: a leaf is taken only
    when its count is strictly smaller than the next inner node's.  Trees of any depth.
    """
    cdef int64_t n = counts.shape[0], leaf, inner, made, side, pick, w, node, length, position
    cdef int64_t infinity = <int64_t>1 << 62
    if n < 2:
        return np.zeros(n + 1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.uint8)
    cdef int64_t[::1] sums = np.full(2 * n, infinity, np.int64)
    cdef int64_t[::1] parent = np.zeros(2 * n, np.int64)
    cdef uint8_t[::1] bit = np.zeros(2 * n, np.uint8)
    for w in range(n):
        sums[w] = counts[w]
    leaf, inner = n - 1, n
    for made in range(n, 2 * n - 1):
        sums[made] = 0
        pick = 0
        for side in range(2):
            # inner == made happens only while there are leaves left to take instead
            if leaf >= 0 and (inner >= made or sums[leaf] < sums[inner]):
                pick = leaf
                leaf -= 1
            else:
                pick = inner
                inner += 1
            sums[made] += sums[pick]
            parent[pick] = made
            bit[pick] = side
    starts_array = np.zeros(n + 1, np.int64)
    cdef int64_t[::1] starts = starts_array
    cdef int64_t root = 2 * n - 2
    for w in range(n):
        length = 0
        node = w
        while node != root:
            length += 1
            node = parent[node]
        starts[w + 1] = starts[w] + length
    nodes_array = np.empty(starts[n], np.int32)
    codes_array = np.empty(starts[n], np.uint8)
    cdef int32_t[::1] nodes = nodes_array
    cdef uint8_t[::1] codes = codes_array
    for w in range(n):
        position = starts[w + 1]
        node = w
        while node != root:
            position -= 1
            codes[position] = bit[node]
            node = parent[node]
            nodes[position] = <int32_t>(node - n)
    return starts_array, nodes_array, codes_array


def start_rows(float[:, :] rows, uint64_t seed, bint original):
    """Fill float32[n_rows, dim] in place with numbers from -0.5 / dim to 0.5 / dim.

    With `original` the numbers are word2vec.c's (with its seed 1): the low 16 bits of a linear
    congruential generator.  They repeat after 65,536 numbers, so with dim 128 every 512th word
    starts from the same vector; only the compatible command uses them.  Otherwise every row has
    a stream of its own, whatever the order in which rows are filled.
    """
    cdef int64_t n = rows.shape[0], dim = rows.shape[1], i, j
    cdef uint64_t state = seed
    cdef float low16 = 65536.0
    with nogil:
        for i in range(n):
            if not original:
                state = wv_stream(wv_key(seed, 1, <uint64_t>i))
            for j in range(dim):
                if original:
                    state = state * <uint64_t>25214903917 + 11
                    rows[i, j] = ((<float>(state & 0xFFFF)) / low16 - <float>0.5) / <float>dim
                else:
                    rows[i, j] = (
                        <float>(wv_next(&state) >> 40) * <float>(1.0 / 16777216.0) - <float>0.5
                    ) / <float>dim
