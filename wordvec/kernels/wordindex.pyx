"""Words as bytes, one after the other, and a hash index over them; in memory or in a mapped file.

The index is two arrays, `slots` int32[n_slots] and `tags` uint8[n_slots], as described in
word_index.h.  The hash is HASH_NAME with HASH_SEED: files that hold an index name both.
"""

from cpython.bytes cimport PyBytes_AsString, PyBytes_Size
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

import numpy as np


cdef extern from "Python.h":
    const char *PyUnicode_AsUTF8AndSize(object text, Py_ssize_t *n_bytes) except NULL

cdef extern from "word_index.h" nogil:
    enum: EMPTY_INDEX_SLOT, NO_SUCH_WORD, DAMAGED_INDEX, INDEX_BATCH
    ctypedef struct indexed_words:
        const uint8_t *data
        const uint64_t *ends
        int64_t n_words
        uint64_t n_bytes
        int32_t *slots
        uint8_t *tags
        uint64_t n_slots
    ctypedef struct word_span:
        const uint8_t *bytes
        uint64_t n_bytes
    word_span span_of_word(const indexed_words *words, int64_t row) noexcept
    uint64_t hash_word(const uint8_t *word, uint64_t n_bytes, uint64_t seed) noexcept
    int64_t find_word(const indexed_words *words, word_span word, uint64_t hash) noexcept
    void find_batch(const indexed_words *words, const word_span *batch, int n, uint64_t seed,
                    int64_t *rows) noexcept
    int fill_index(indexed_words *words, uint64_t seed) noexcept


HASH_NAME = "wordvec-mx64"
HASH_SEED = 0
MAX_WORDS = 2**31 - 1
cdef uint64_t _SEED = 0


def hash_bytes(const uint8_t[::1] word, uint64_t seed=0):
    """The hash HASH_NAME of a word's bytes, 64 bits."""
    cdef uint8_t nothing = 0
    return hash_word(&word[0] if word.shape[0] else &nothing, word.shape[0], seed)


cdef class PackedWords:
    """Words in `data` uint8[n_bytes] with end offsets `ends` uint64[n_words], perhaps indexed.

    The arrays are not copied and must not change.  ValueError for arrays that contradict each
    other: at once where that costs nothing, else when the word in question is asked for.
    """

    cdef readonly object data, ends, slots, tags
    cdef const uint8_t[::1] _data
    cdef const uint64_t[::1] _ends
    cdef const int32_t[::1] _slots
    cdef const uint8_t[::1] _tags
    cdef indexed_words _words

    def __init__(self, data, ends):
        self.data, self.ends = data, ends
        self._data, self._ends = data, ends
        self._words.n_words = self._ends.shape[0]
        self._words.n_bytes = self._data.shape[0]
        self._words.data = &self._data[0] if self._data.shape[0] else <const uint8_t *>b""
        self._words.ends = &self._ends[0] if self._ends.shape[0] else NULL
        if self._words.n_words > MAX_WORDS:
            raise ValueError(f"{self._words.n_words} words are more than {MAX_WORDS}")
        if self._words.n_words and self._ends[self._words.n_words - 1] > self._words.n_bytes:
            raise ValueError("the last word ends behind the bytes of all words")

    def __len__(self):
        return self._words.n_words

    cdef word_span _span(self, Py_ssize_t row) except *:
        if row < 0 or row >= self._words.n_words:
            raise IndexError(f"row {row} of {self._words.n_words} words")
        cdef word_span span = span_of_word(&self._words, row)
        if span.bytes == NULL:
            raise ValueError(f"the offsets of word {row} make no sense")
        return span

    def word_bytes(self, Py_ssize_t row):
        """The bytes of a word; `row` from 0."""
        cdef word_span span = self._span(row)
        return (<const char *>span.bytes)[:span.n_bytes]

    def word(self, Py_ssize_t row):
        """A word as str: UTF-8, surrogate escapes for what is not."""
        cdef word_span span = self._span(row)
        return (<const char *>span.bytes)[:span.n_bytes].decode("utf-8", "surrogateescape")

    def words(self, Py_ssize_t first, Py_ssize_t last, Py_ssize_t step=1):
        """list[str] of the words of range(first, last, step)."""
        cdef word_span span
        cdef Py_ssize_t row = first
        cdef list found = []
        while (row < last) if step > 0 else (row > last):
            span = self._span(row)
            found.append((<const char *>span.bytes)[:span.n_bytes].decode(
                "utf-8", "surrogateescape"))
            row += step
        return found

    # -- the index --------------------------------------------------------------------------------

    @property
    def has_index(self):
        return self.slots is not None

    def build_index(self):
        """Make `slots` and `tags`; about 50 ns a word."""
        cdef int64_t n_slots = 1
        while n_slots < 2 * self._words.n_words:
            n_slots *= 2
        slots = np.full(n_slots, EMPTY_INDEX_SLOT, dtype=np.int32)
        tags = np.zeros(n_slots, dtype=np.uint8)
        cdef int32_t[::1] slots_view = slots
        cdef uint8_t[::1] tags_view = tags
        cdef indexed_words words = self._words
        words.slots, words.tags, words.n_slots = &slots_view[0], &tags_view[0], n_slots
        cdef int problem
        with nogil:
            problem = fill_index(&words, _SEED)
        if problem:
            raise ValueError("the offsets of the words make no sense")
        self.use_index(slots, tags)

    def use_index(self, slots, tags):
        """Take an index that was made before, with HASH_NAME and HASH_SEED, over these words.

        What it holds is checked only as far as look-ups come across it.
        """
        cdef const int32_t[::1] slots_view = slots
        cdef const uint8_t[::1] tags_view = tags
        cdef Py_ssize_t n_slots = slots_view.shape[0]
        if n_slots < 1 or n_slots & (n_slots - 1) or n_slots <= self._words.n_words:
            if not (n_slots == 1 and self._words.n_words == 0):
                raise ValueError(f"{n_slots} slots for {self._words.n_words} words")
        if tags_view.shape[0] != n_slots:
            raise ValueError(f"{tags_view.shape[0]} tags for {n_slots} slots")
        self._slots, self._tags = slots_view, tags_view
        self._words.slots = <int32_t *>&self._slots[0]
        self._words.tags = <uint8_t *>&self._tags[0]
        self._words.n_slots = n_slots
        self.slots, self.tags = slots, tags

    cdef _need_index(self):
        if self.slots is None:
            self.build_index()

    def find(self, word):
        """The first row of a word (str or bytes), -1 when it is not there."""
        cdef word_span span
        self._need_index()
        if not isinstance(word, bytes):
            word = _utf8_of(word, &span)
        if word is None:
            return NO_SUCH_WORD
        if isinstance(word, bytes):
            span.bytes = <const uint8_t *>PyBytes_AsString(word)
            span.n_bytes = PyBytes_Size(word)
        cdef int64_t row = find_word(
            &self._words, span, hash_word(span.bytes, span.n_bytes, _SEED))
        if row == DAMAGED_INDEX:
            raise ValueError("the index of the words is damaged")
        return row

    def find_many(self, words):
        """int64[n]: the first row of each word (str or bytes), -1 where it is not there."""
        cdef list items = words if isinstance(words, list) else list(words)
        rows = np.empty(len(items), dtype=np.int64)
        cdef int64_t[::1] out = rows
        cdef Py_ssize_t first, k, n, n_items = len(items)
        cdef word_span batch[INDEX_BATCH]
        cdef list missing = []
        self._need_index()
        for first in range(0, n_items, INDEX_BATCH):
            n = min(<Py_ssize_t>INDEX_BATCH, n_items - first)
            kept = []  # the bytes that `batch` points to
            for k in range(n):
                item = items[first + k]
                if not isinstance(item, bytes):
                    item = _utf8_of(item, &batch[k])
                if item is None:
                    missing.append(first + k)
                    item = b""
                if isinstance(item, bytes):
                    batch[k].bytes = <const uint8_t *>PyBytes_AsString(item)
                    batch[k].n_bytes = PyBytes_Size(item)
                kept.append(item)
            find_batch(&self._words, batch, n, _SEED, &out[first])
        for k in missing:
            out[k] = NO_SUCH_WORD
        self._check_rows(out)
        return rows

    def find_words(self, PackedWords words not None):
        """int64[n]: as `find_many`, for words that are packed as well."""
        rows = np.empty(len(words), dtype=np.int64)
        cdef int64_t[::1] out = rows
        cdef int64_t first, k, n
        cdef word_span batch[INDEX_BATCH]
        self._need_index()
        for first in range(0, len(words), INDEX_BATCH):
            n = min(<int64_t>INDEX_BATCH, words._words.n_words - first)
            for k in range(n):
                batch[k] = words._span(first + k)
            find_batch(&self._words, batch, n, _SEED, &out[first])
        self._check_rows(out)
        return rows

    cdef _check_rows(self, int64_t[::1] rows):
        cdef Py_ssize_t k
        for k in range(rows.shape[0]):
            if rows[k] == DAMAGED_INDEX:
                raise ValueError("the index of the words is damaged")


cdef object _utf8_of(object word, word_span *span):
    """Point `span` to the UTF-8 of a str and give the str, which owns it; or give bytes when the
    str holds surrogate escapes; or None when no bytes can be that str."""
    cdef Py_ssize_t n_bytes
    if not isinstance(word, str):
        raise TypeError(f"a word is a str, not {type(word).__name__}")
    try:
        span.bytes = <const uint8_t *>PyUnicode_AsUTF8AndSize(word, &n_bytes)
        span.n_bytes = n_bytes
        return word
    except UnicodeEncodeError:
        pass
    try:
        return word.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return None
