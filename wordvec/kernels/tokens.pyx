# distutils: language = c
"""Text to ids: tokens and their counts.

Nothing here opens a file or starts a thread.  Every function runs without the GIL and may be
called by several threads at once as long as no two share a WordTable that is being counted into;
a table that is only looked up (`look_up=True`) may be shared.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memchr, memcpy, memset

import numpy as np


cdef extern from "Python.h":
    # NULL with an error set; left to the caller, so that the common case costs no more.
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* n_bytes)
    void PyErr_Clear()


cdef extern from "tokens_scan.h" nogil:
    ctypedef struct byte_masks:
        uint64_t separators
        uint64_t newlines
    ctypedef struct chunk_rules:
        uint32_t max_word_bytes
        int nul_ends_word
        int keep_empty
        int whole_characters
        int use
        uint64_t place_in_corpus
    ctypedef struct chunk_counts:
        int64_t n_ids
        int64_t n_separators
        int64_t n_cut
        int64_t n_with_nul
        int64_t n_empty
    byte_masks masks_portable(const uint8_t*)
    byte_masks masks_of_64(const uint8_t*)
    int resolve_text(word_table*, const uint8_t*, uint32_t, const chunk_rules*, chunk_counts*,
                     int32_t*)
    int resolve_spans(word_table*, const uint8_t*, const token_span*, int, const chunk_rules*,
                      chunk_counts*, int32_t*)
    int64_t remove_carriage_returns(uint8_t*, int64_t)
    void controls_to_blanks(uint8_t*, int64_t)
    int64_t up_to_last_separator(const uint8_t*, int64_t)


PADDING = TEXT_PADDING  # bytes that must be readable behind every text
MAX_WORD_BYTES = 2**31 - 1


cdef int check_status(int status) except -1:
    if status >= 0:
        return 0
    if status == TABLE_TOO_MANY_WORDS:
        raise OverflowError("more than 2,147,483,645 different words")
    raise MemoryError("no memory for the table of words")


def remove_returns(uint8_t[::1] text, Py_ssize_t n_bytes):
    """Take every carriage return out of text[:n_bytes], in place; the new number of bytes."""
    if not 0 <= n_bytes <= text.shape[0]:
        raise ValueError(f"n_bytes is {n_bytes}, the text has {text.shape[0]}")
    cdef int64_t n_left = 0
    if n_bytes:
        with nogil:
            n_left = remove_carriage_returns(&text[0], n_bytes)
    return n_left


def blank_controls(uint8_t[::1] text, Py_ssize_t n_bytes):
    """Make blanks of the carriage returns, vertical tabs, form feeds and NULs of text[:n_bytes]."""
    if not 0 <= n_bytes <= text.shape[0]:
        raise ValueError(f"n_bytes is {n_bytes}, the text has {text.shape[0]}")
    if n_bytes:
        with nogil:
            controls_to_blanks(&text[0], n_bytes)


def last_boundary(const uint8_t[::1] text, Py_ssize_t begin, Py_ssize_t end):
    """Position just after the last separator of text[begin:end], or -1 when there is none."""
    if not 0 <= begin <= end <= text.shape[0]:
        raise ValueError(f"{begin}:{end} is outside a text of {text.shape[0]} bytes")
    cdef int64_t n_bytes = 0
    if end > begin:
        with nogil:
            n_bytes = up_to_last_separator(&text[begin], end - begin)
    return begin + n_bytes if n_bytes else -1


def find_nul(const uint8_t[::1] text, Py_ssize_t n_bytes):
    """Position of the first NUL byte of text[:n_bytes], or -1."""
    if not 0 <= n_bytes <= text.shape[0]:
        raise ValueError(f"n_bytes is {n_bytes}, the text has {text.shape[0]}")
    cdef const uint8_t* found = NULL
    if n_bytes:
        with nogil:
            found = <const uint8_t*>memchr(&text[0], 0, n_bytes)
    return -1 if found == NULL else found - &text[0]


def separator_masks(const uint8_t[::1] text, bint portable):
    """(separators, newlines) of the first 64 bytes as bit masks; for the tests of the kernel."""
    if text.shape[0] < 64:
        raise ValueError(f"expected at least 64 bytes, found {text.shape[0]}")
    cdef byte_masks masks = masks_portable(&text[0]) if portable else masks_of_64(&text[0])
    return masks.separators, masks.newlines


cdef class WordTable:
    """Words and their counts.  Id 0 ends a sentence; words have ids from 1, by first appearance.

    With `separator`, the word `</s>` in the text is the same as the end of a sentence.  With
    `prune_at`, word2vec.c's reduction rule applies: as soon as more than `prune_at` words
    (sentence end included) are held, the rarest are forgotten.
    """

    def __cinit__(self, *, bint separator=False, prune_at=None):
        memset(&self.table, 0, sizeof(self.table))
        self.separator = separator
        check_status(table_init(&self.table, separator))
        self.prunes = prune_at is not None
        if self.prunes:
            self.table.prune_at = prune_at

    def __dealloc__(self):
        table_free(&self.table)

    def __len__(self):
        """Number of different words, without the end of a sentence."""
        return self.table.n_ids - 1

    @property
    def n_memory_bytes(self):
        return table_bytes(&self.table)

    def encode_text(
        self,
        const uint8_t[::1] text,
        Py_ssize_t n_bytes,
        int32_t[::1] ids,
        *,
        uint64_t chunk_number=0,
        Py_ssize_t max_word_bytes=0,
        bint nul_ends_word=False,
        bint keep_empty=False,
        bint whole_characters=False,
        bint look_up=False,
    ):
        """Ids of the tokens of text[:n_bytes], written to `ids`; counts them unless `look_up`.

        The text must end with a separator, hold no carriage return, and have PADDING bytes behind
        it; `ids` needs n_bytes places.  With `look_up` unknown words get the id len(self) + 1.
        `chunk_number` orders the words of all chunks by first appearance.  Returns (n_ids,
        n_sentence_ends, n_cut, n_with_nul, n_empty): ids written; ends of sentences among them;
        words cut at `max_word_bytes` (0: never); words ended by a NUL byte; words that began with
        one and were left out or, with `keep_empty`, became the word of one NUL byte.  With
        `whole_characters` a UTF-8 character that is cut at max_word_bytes goes too.  Raises MemoryError and OverflowError; the table is then useless.
        """
        if not 0 <= n_bytes or n_bytes + TEXT_PADDING > text.shape[0]:
            raise ValueError(f"{n_bytes} bytes and padding do not fit in {text.shape[0]}")
        if n_bytes > ids.shape[0]:
            raise ValueError(f"ids has {ids.shape[0]} places, expected at least {n_bytes}")
        if n_bytes >= <Py_ssize_t>EMPTY_SLOT:
            raise ValueError(f"a chunk of {n_bytes} bytes is too long; the limit is 4 GiB")
        if n_bytes and text[n_bytes - 1] not in b" \t\n":
            raise ValueError("the text does not end with a separator")
        cdef chunk_rules rules = rules_for(self, max_word_bytes, nul_ends_word, look_up,
                                            chunk_number)
        rules.keep_empty = keep_empty
        rules.whole_characters = whole_characters
        cdef chunk_counts counts
        memset(&counts, 0, sizeof(counts))
        cdef int status = 0
        if n_bytes:
            with nogil:
                status = resolve_text(&self.table, &text[0], <uint32_t>n_bytes, &rules, &counts,
                                      &ids[0])
        check_status(status)
        return counts.n_ids, counts.n_separators, counts.n_cut, counts.n_with_nul, counts.n_empty

    def encode_staged(self, StagedTokens staged, int32_t[::1] ids, *, uint64_t chunk_number=0,
                      bint look_up=False):
        """As encode_text, for tokens that came as Python strings; (n_ids, n_sentence_ends)."""
        if staged.n_spans > ids.shape[0]:
            raise ValueError(f"ids has {ids.shape[0]} places, expected {staged.n_spans}")
        cdef chunk_rules rules = rules_for(self, 0, False, look_up, chunk_number)
        cdef chunk_counts counts
        memset(&counts, 0, sizeof(counts))
        cdef int status = 0
        if staged.n_spans:
            with nogil:
                status = resolve_spans(&self.table, staged.text, staged.spans,
                                       <int>staged.n_spans, &rules, &counts, &ids[0])
        check_status(status)
        return counts.n_ids, counts.n_separators

    def add_words(self, const uint8_t[::1] arena, const int64_t[::1] starts, Py_ssize_t first=0):
        """Add the words arena[starts[i]:starts[i + 1]], i >= first, in this order, count 0.

        A word that is there already keeps its id; returns the index of the first such word or -1.
        """
        cdef Py_ssize_t n_words = starts.shape[0] - 1, i, twice = -1
        cdef uint8_t padded[TEXT_PADDING]
        cdef const uint8_t* word
        cdef uint32_t length
        cdef int id, n_before
        check_word_starts(arena, starts)
        if first < 0:
            raise ValueError("first is negative")
        cdef const uint8_t* end = &arena[0] + arena.shape[0] if arena.shape[0] else padded
        check_status(reserve_words(&self.table, <uint64_t>max(n_words - first, 0)))
        with nogil:
            for i in range(first, n_words):
                length = <uint32_t>(starts[i + 1] - starts[i])
                word = &arena[0] + starts[i] if length else padded
                n_before = self.table.n_ids
                id = add_padded(&self.table, word, length, end)
                if id < 0:
                    break
                if self.table.n_ids == n_before and twice < 0:
                    twice = i
            else:
                id = 0
        check_status(id)
        return twice

    def find(self, bytes word not None):
        """Id of the word (0: the end of a sentence), or -1."""
        cdef uint8_t padded[2 * TEXT_PADDING]
        cdef Py_ssize_t length = len(word)
        cdef bytes long_word
        cdef const uint8_t* start = padded
        if length >= <Py_ssize_t>EMPTY_SLOT:
            return -1
        memset(padded, 0, sizeof(padded))
        if length <= TEXT_PADDING:
            memcpy(padded, <const char*>word, length)
        else:
            start = <const uint8_t*><const char*>word  # read whole words only
        cdef word_key key = key_of_word(start, <uint32_t>length)
        cdef word_slot* slot = find_slot(&self.table, start, <uint32_t>length, key,
                                         hash_of_key(key, <uint32_t>length))
        return -1 if slot.length == EMPTY_SLOT else slot.id

    def absorb(self, WordTable other not None):
        """Add the words and counts of `other`; int32[len(other) + 1]: its ids -> ids here."""
        local_to_own = np.zeros(other.table.n_ids, dtype=np.int32)
        cdef int32_t[::1] out = local_to_own
        cdef int status
        with nogil:
            status = table_absorb(&self.table, &other.table, &out[0])
        check_status(status)
        return local_to_own

    def counts(self):
        """int64[len(self) + 1]: occurrences by id; [0] counts the ends of sentences."""
        result = np.empty(self.table.n_ids, dtype=np.int64)
        cdef int64_t[::1] out = result
        with nogil:
            table_counts(&self.table, &out[0])
        return result

    def first_seen(self):
        """uint64[len(self) + 1]: where in the corpus each word was met first, by id."""
        result = np.empty(self.table.n_ids, dtype=np.uint64)
        cdef uint64_t[::1] out = result
        memcpy(&out[0], self.table.first_seen, self.table.n_ids * sizeof(uint64_t))
        return result

    def gather(self, const int64_t[::1] ids, bytes first=None):
        """(arena uint8, starts int64[n + 1]) of the words of `ids`, after the word `first`."""
        cdef Py_ssize_t n = ids.shape[0], i, extra = first is not None
        cdef int64_t length, n_bytes = len(first) if first is not None else 0
        for i in range(n):
            if not 0 <= ids[i] < self.table.n_ids:
                raise ValueError(f"id {ids[i]} is not in the table")
        starts_array = np.zeros(n + extra + 1, dtype=np.int64)
        cdef int64_t[::1] starts = starts_array
        if extra:
            starts[1] = n_bytes
        for i in range(n):
            n_bytes += self.table.word_starts[ids[i] + 1] - self.table.word_starts[ids[i]]
            starts[extra + i + 1] = n_bytes
        arena_array = np.empty(n_bytes, dtype=np.uint8)
        cdef uint8_t[::1] arena = arena_array
        if extra:
            arena_array[: len(first)] = np.frombuffer(first, dtype=np.uint8)
        with nogil:
            for i in range(n):
                length = starts[extra + i + 1] - starts[extra + i]
                if length:
                    memcpy(&arena[starts[extra + i]],
                           self.table.arena + self.table.word_starts[ids[i]], length)
        return arena_array, starts_array

cdef chunk_rules rules_for(WordTable table, Py_ssize_t max_word_bytes, bint nul_ends_word,
                           bint look_up, uint64_t chunk_number):
    cdef chunk_rules rules
    rules.max_word_bytes = <uint32_t>max_word_bytes if max_word_bytes else EMPTY_SLOT
    rules.nul_ends_word = nul_ends_word
    rules.keep_empty = False
    rules.whole_characters = False
    if look_up:
        rules.use = LOOK_UP
    else:
        rules.use = COUNT_AND_PRUNE if table.prunes else COUNT_WORDS
    rules.place_in_corpus = chunk_number << 32
    return rules


cdef int add_padded(word_table* table, const uint8_t* word, uint32_t length,
                    const uint8_t* end) noexcept nogil:
    """add_word for a word that may lie at the very end of its memory."""
    cdef uint8_t padded[2 * TEXT_PADDING]
    cdef const uint8_t* start = word
    if length <= TEXT_PADDING and (length == 0 or end - word < length + TEXT_PADDING):
        memset(padded, 0, sizeof(padded))
        memcpy(padded, word, length)
        start = padded
    # A long word is only read as a whole, so it needs no padding.
    return add_word(table, start, length, key_of_word(start, length), 0, 0)


cdef int check_word_starts(const uint8_t[::1] arena, const int64_t[::1] starts) except -1:
    cdef Py_ssize_t i, n_words = starts.shape[0] - 1
    if n_words < 0 or starts[0] < 0 or starts[n_words] > arena.shape[0]:
        raise ValueError("word starts lie outside the arena")
    for i in range(n_words):
        if not 0 <= starts[i + 1] - starts[i] <= MAX_WORD_BYTES:
            raise ValueError(f"word {i} has an impossible length")
    return 0


cdef class StagedTokens:
    """Tokens given as Python strings, copied here until WordTable.encode_staged takes them."""

    cdef uint8_t* text
    cdef token_span* spans
    cdef Py_ssize_t n_bytes, n_text, n_spans, n_spans_room
    cdef readonly Py_ssize_t n_empty  # empty strings left out

    def __cinit__(self):
        self.text = NULL
        self.spans = NULL
        self.n_bytes = self.n_text = self.n_spans = self.n_spans_room = self.n_empty = 0

    def __dealloc__(self):
        free(self.text)
        free(self.spans)

    @property
    def n_tokens(self):
        """Tokens and sentence ends waiting."""
        return self.n_spans

    @property
    def n_text_bytes(self):
        return self.n_bytes

    def clear(self):
        self.n_bytes = self.n_spans = 0

    cdef int grow(self, Py_ssize_t length) except -1:
        cdef Py_ssize_t room
        cdef void* memory
        if self.n_bytes + length + TEXT_PADDING > self.n_text:
            room = 2 * (self.n_bytes + length) + 4096
            if room >= <Py_ssize_t>EMPTY_SLOT:
                raise OverflowError("the sentence is longer than 2 GiB")
            memory = realloc(self.text, room)
            if memory == NULL:
                raise MemoryError
            self.text = <uint8_t*>memory
            self.n_text = room
        if self.n_spans == self.n_spans_room:
            room = 2 * self.n_spans + 1024
            memory = realloc(self.spans, room * sizeof(token_span))
            if memory == NULL:
                raise MemoryError
            self.spans = <token_span*>memory
            self.n_spans_room = room
        return 0

    cdef inline int append(self, const char* word, Py_ssize_t length) except -1:
        if (self.n_bytes + length + TEXT_PADDING > self.n_text
                or self.n_spans == self.n_spans_room):
            self.grow(length)
        memcpy(self.text + self.n_bytes, word, length)
        self.spans[self.n_spans].begin = <uint32_t>self.n_bytes
        self.spans[self.n_spans].length = <uint32_t>length
        self.n_bytes += length
        self.n_spans += 1
        return 0

    cdef int append_odd(self, object token) except -1:
        """A token that PyUnicode_AsUTF8AndSize refused."""
        if not isinstance(token, str):
            raise TypeError(f"a token is {type(token).__name__}, expected str: {token!r:.60}")
        encoded = token.encode("utf-8", "surrogateescape")
        return self.append(encoded, len(encoded))

    def add_sentence(self, sentence):
        """Append a list or tuple of str and the end of the sentence.

        Raises TypeError for a token that is not a str, UnicodeEncodeError for a surrogate that
        does not stand for an undecodable byte; OverflowError beyond 2 GiB.
        """
        cdef Py_ssize_t length = 0
        cdef const char* word
        for token in sentence:
            word = PyUnicode_AsUTF8AndSize(token, &length)
            if word == NULL:
                PyErr_Clear()
                self.append_odd(token)
            elif length == 0:
                self.n_empty += 1
            else:
                self.append(word, length)
        self.append(b"", 0)
