"""The dictionary of a fastText file: entries of word, 0, count int64, type int8."""

from libc.stdint cimport int8_t, int64_t, uint8_t, uint64_t
from libc.string cimport memchr, memcpy

ENTRY_BYTES = 10  # of an entry without its word

cdef enum:
    CUT = 1
    WRONG_TYPE = 2

STOP_CUT = CUT
STOP_TYPE = WRONG_TYPE


def scan_entries(
    const uint8_t[::1] data not None, int64_t offset, int64_t first, int64_t n_words,
    uint64_t[::1] ends not None, int64_t[::1] counts not None, int64_t limit,
):
    """Walk entries first, first + 1 ... from data[offset] on, at most `limit` of them.

    Entry i must be a word (type 0) below n_words and a label (type 1) from there on.
    ends[i] = bytes of the words up to i together, counts[i] = its count.
    Returns (offset behind the last sound entry, its number + 1, 0 or STOP_CUT or STOP_TYPE).
    """
    cdef int64_t n = ends.shape[0], i = first, stop = data.shape[0], at = offset, n_bytes
    cdef int problem = 0
    cdef uint64_t end
    cdef const uint8_t *zero
    if counts.shape[0] != n or not 0 <= first <= n or not 0 <= offset <= stop:
        raise ValueError(f"entry {first} of {n} at byte {offset} of {stop}")
    if first == n:
        return at, first, 0
    end = ends[first - 1] if first else 0
    with nogil:
        while i < n and i - first < limit:
            zero = NULL
            if at < stop:
                zero = <const uint8_t *>memchr(&data[at], 0, stop - at)
            if zero == NULL:
                problem = CUT
                break
            n_bytes = zero - &data[at]
            if stop - at - n_bytes < 10:
                problem = CUT
                break
            if zero[9] != (i >= n_words):
                problem = WRONG_TYPE
                break
            end += n_bytes
            ends[i] = end
            memcpy(&counts[i], zero + 1, 8)
            at += n_bytes + 10
            i += 1
    return at, i, problem


def copy_words(
    const uint8_t[::1] data not None, int64_t offset, const uint64_t[::1] ends not None,
    uint8_t[::1] words not None,
):
    """words = the words of the entries that scan_entries found from data[offset] on."""
    cdef int64_t n = ends.shape[0], i, at = offset, n_bytes, done = 0
    if n == 0:
        return
    if words.shape[0] != <int64_t>ends[n - 1] or (
        not 0 <= offset <= data.shape[0] - 10 * n - words.shape[0]
    ):
        raise ValueError("the entries lie outside the data")
    with nogil:
        for i in range(n):
            n_bytes = <int64_t>ends[i] - done
            if n_bytes > 0:
                memcpy(&words[done], &data[at], n_bytes)
            done = <int64_t>ends[i]
            at += n_bytes + 10


def write_entries(
    const uint8_t[::1] words not None, const uint64_t[::1] ends not None,
    const int64_t[::1] counts not None, int64_t n_words, int64_t first, int64_t end,
    uint8_t[::1] out not None,
):
    """The entries first to end as a file holds them, written to `out`; returns the bytes used."""
    cdef int64_t i, at = 0, start, n_bytes
    if not 0 <= first <= end <= ends.shape[0] or counts.shape[0] != ends.shape[0]:
        raise ValueError(f"entries {first} to {end} of {ends.shape[0]}")
    if first == end:
        return 0
    start = ends[first - 1] if first else 0
    for i in range(first, end):
        if ends[i] < <uint64_t>(ends[i - 1] if i else 0) or ends[i] > <uint64_t>words.shape[0]:
            raise ValueError(f"word {i} lies outside the {words.shape[0]} bytes of words")
    if <int64_t>ends[end - 1] - start + 10 * (end - first) > out.shape[0]:
        raise ValueError(f"{out.shape[0]} bytes are too few for the entries")
    with nogil:
        for i in range(first, end):
            n_bytes = <int64_t>ends[i] - start
            if n_bytes:
                memcpy(&out[at], &words[start], n_bytes)
            start += n_bytes
            at += n_bytes
            out[at] = 0
            memcpy(&out[at + 1], &counts[i], 8)
            out[at + 9] = i >= n_words
            at += 10
    return at
