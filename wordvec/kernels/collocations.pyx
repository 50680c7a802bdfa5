# distutils: language = c
"""Counts of words and phrases given as Python strings, and their scores: gensim's statistics.

Words and phrases ("new_york", "bank_of_america") are strings of one table, as in gensim: a word
that looks like a phrase shares its count.
"""

from libc.math cimport INFINITY, log
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memchr, memcmp, memcpy, memset

from wordvec.kernels.tokens cimport (
    COUNT_WORDS, EMPTY_SLOT, TABLE_TOO_MANY_WORDS, TEXT_PADDING, add_word, find_slot, hash_of_key,
    key_of_word, reserve_words, table_absorb, table_bytes, table_counts, table_free, table_init,
    token_span, word_key, word_slot, word_table,
)

import numpy as np


cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* n_bytes)
    void PyErr_Clear()


cdef extern from "tokens_scan.h" nogil:
    ctypedef struct chunk_rules:
        uint32_t max_word_bytes
        int nul_ends_word
        int keep_empty
        int whole_characters
        int use
        uint64_t place_in_corpus
    ctypedef struct chunk_counts:
        int64_t n_ids
    int resolve_spans(word_table*, const uint8_t*, const token_span*, int, const chunk_rules*,
                      chunk_counts*, int32_t*)


cdef enum:
    MOST_SPANS = 4096
    LONGEST_SENTENCE = 1 << 30

DEFAULT_SCORING = 0
NPMI_SCORING = 1


cdef struct scoring_rules:
    int kind
    double min_count
    double threshold
    double n_keys
    double n_words


cdef double score_of(const scoring_rules* rules, double pair, double first, double second) noexcept nogil:
    """gensim's scorers, operation by operation, so that the float64 results are its own."""
    cdef double p_first, p_second, p_pair
    if rules.kind == 0:
        return (pair - rules.min_count) / (first * second) * rules.n_keys
    if pair < rules.min_count:
        return -INFINITY
    p_first, p_second = first / rules.n_words, second / rules.n_words
    p_pair = pair / rules.n_words
    return log(p_pair / (p_first * p_second)) / -log(p_pair)


cdef class PhraseCounts:
    """How often each word and phrase occurs; `delimiter` is what joins the words of a phrase."""

    cdef word_table table
    cdef bytes joint
    cdef uint8_t* text
    cdef token_span* spans
    cdef int32_t* ids
    cdef Py_ssize_t n_bytes, n_room, n_spans
    cdef readonly str delimiter

    def __cinit__(self, str delimiter not None):
        memset(&self.table, 0, sizeof(self.table))
        self.text = NULL
        self.spans = NULL
        self.ids = NULL
        self.n_bytes = self.n_room = self.n_spans = 0
        self.delimiter = delimiter
        self.joint = delimiter.encode("utf-8", "surrogatepass")
        if table_init(&self.table, False):
            raise MemoryError
        self.spans = <token_span*>realloc(NULL, (MOST_SPANS + 2) * sizeof(token_span))
        self.ids = <int32_t*>realloc(NULL, (MOST_SPANS + 2) * sizeof(int32_t))
        if self.spans == NULL or self.ids == NULL:
            raise MemoryError

    def __dealloc__(self):
        table_free(&self.table)
        free(self.text)
        free(self.spans)
        free(self.ids)

    def __len__(self):
        """Different words and phrases."""
        self.flush()
        return self.table.n_ids - (self.count_at(b"", 0) == 0)

    @property
    def n_memory_bytes(self):
        return table_bytes(&self.table)

    cdef int64_t count_at(self, const char* word, Py_ssize_t length) except -1:
        """`word` needs no padding."""
        cdef uint8_t padded[2 * TEXT_PADDING]
        cdef const uint8_t* start = <const uint8_t*>word
        if length <= TEXT_PADDING:
            memset(padded, 0, sizeof(padded))
            memcpy(padded, word, length)
            start = padded
        cdef word_key key = key_of_word(start, <uint32_t>length)
        cdef word_slot* slot = find_slot(&self.table, start, <uint32_t>length, key,
                                         hash_of_key(key, <uint32_t>length))
        return 0 if slot.length == EMPTY_SLOT else <int64_t>slot.count

    def count(self, str key not None):
        """How often the word or phrase occurs; 0 for an unknown one."""
        self.flush()
        cdef bytes encoded = key.encode("utf-8", "surrogatepass")
        return self.count_at(encoded, len(encoded))

    cdef int append(self, object word) except -1:
        """Put a word behind those of its sentence, with the delimiter between: so that every
        phrase is one piece of the text."""
        cdef Py_ssize_t length = 0, joint = len(self.joint), room
        cdef bytes odd
        cdef void* memory
        cdef const char* start = NULL
        if isinstance(word, str):
            start = PyUnicode_AsUTF8AndSize(word, &length)
            if start == NULL:  # a surrogate
                PyErr_Clear()
        else:
            raise TypeError(f"a word is {type(word).__name__}, expected str: {word!r:.60}")
        if start == NULL:
            odd = word.encode("utf-8", "surrogatepass")
            start, length = odd, len(odd)
        if self.n_bytes + length + joint + TEXT_PADDING > self.n_room:
            room = 2 * (self.n_bytes + length + joint) + 4096
            if room >= LONGEST_SENTENCE:
                raise OverflowError("the sentence is longer than 1 GiB")
            memory = realloc(self.text, room)
            if memory == NULL:
                raise MemoryError
            self.text = <uint8_t*>memory
            self.n_room = room
        memcpy(self.text + self.n_bytes, start, length)
        memcpy(self.text + self.n_bytes + length, <const char*>self.joint, joint)
        self.n_bytes += length + joint
        return 0

    def add_sentence(self, sentence, connectors):
        """Count a sentence's words and phrases, connectors only inside of phrases; its number of
        words.  TypeError for a word that is no str."""
        cdef Py_ssize_t begin, first = -1, n_words = 0, joint = len(self.joint)
        cdef bint connects = bool(connectors)
        if self.n_bytes > 1 << 20:
            self.flush()
        for word in sentence:
            n_words += 1
            begin = self.n_bytes
            if connects and word in connectors:
                if first >= 0:
                    self.append(word)
                continue
            self.append(word)
            self.push_span(begin, self.n_bytes - joint)
            if first >= 0:
                self.push_span(first, self.n_bytes - joint)
            first = begin
            if self.n_spans >= MOST_SPANS:
                self.resolve()
        return n_words

    cdef inline void push_span(self, Py_ssize_t begin, Py_ssize_t end) noexcept:
        self.spans[self.n_spans].begin = <uint32_t>begin
        self.spans[self.n_spans].length = <uint32_t>(end - begin)
        self.n_spans += 1

    cdef int resolve(self) except -1:
        cdef chunk_rules rules
        cdef chunk_counts counts
        cdef int status
        if self.n_spans == 0:
            return 0
        memset(&rules, 0, sizeof(rules))
        memset(&counts, 0, sizeof(counts))
        rules.use = COUNT_WORDS
        with nogil:
            status = resolve_spans(&self.table, self.text, self.spans, <int>self.n_spans, &rules,
                                   &counts, self.ids)
        self.n_spans = 0
        if status == TABLE_TOO_MANY_WORDS:
            raise OverflowError("more than 2,147,483,645 different words and phrases")
        if status < 0:
            raise MemoryError("no memory for the words and phrases")
        return 0

    cpdef flush(self):
        """Count what is waiting; only between sentences."""
        self.resolve()
        self.n_bytes = 0

    @property
    def n_keys_at_most(self):
        """An upper limit for len(), at no cost."""
        return self.table.n_ids + self.n_spans

    def absorb(self, PhraseCounts other not None):
        """Add the counts of `other`, in its order."""
        self.flush()
        other.flush()
        for key, count in other.items():
            self.add(key, count)

    def add(self, str key not None, int64_t count):
        """Add to the count of a word or phrase."""
        cdef bytes encoded = key.encode("utf-8", "surrogatepass")
        cdef Py_ssize_t length = len(encoded)
        cdef bytes padded = encoded + bytes(TEXT_PADDING)
        cdef const uint8_t* start = <const uint8_t*><const char*>padded
        if count < 0:
            raise ValueError(f"{key!r} has the count {count}")
        cdef int status = reserve_words(&self.table, 1)
        if status >= 0:
            status = add_word(&self.table, start, <uint32_t>length,
                              key_of_word(start, <uint32_t>length), <uint64_t>count, 0)
        if status < 0:
            raise MemoryError("no memory for the words and phrases")

    cdef str key_at(self, int64_t id):
        cdef const uint8_t* start = self.table.arena + self.table.word_starts[id]
        cdef Py_ssize_t length = self.table.word_starts[id + 1] - self.table.word_starts[id]
        return (<bytes>(<const char*>start)[:length]).decode("utf-8", "surrogatepass")

    cdef object counts_by_id(self):
        counts = np.empty(self.table.n_ids, dtype=np.int64)
        cdef int64_t[::1] out = counts
        table_counts(&self.table, &out[0])
        return counts

    def items(self):
        """[(word or phrase, count)] in the order of their first appearance, but the empty word
        first."""
        self.flush()
        cdef const int64_t[::1] counts = self.counts_by_id()
        cdef int64_t id
        return [(self.key_at(id), counts[id]) for id in range(counts.shape[0])
                if id or counts[id]]

    def frequent(self, int64_t above):
        """A copy without what occurs `above` times or less."""
        cdef PhraseCounts result = PhraseCounts(self.delimiter)
        for key, count in self.items():
            if count > above:
                result.add(key, count)
        return result

    def export(self, int kind, double min_count, double threshold, double n_words):
        """{phrase: score} of all keys that hold the delimiter, taken apart at its first and last
        place, and score above the threshold."""
        cdef scoring_rules rules
        self.flush()
        if not self.joint:
            raise ValueError("empty separator")
        rules.kind, rules.min_count, rules.threshold = kind, min_count, threshold
        rules.n_keys, rules.n_words = len(self), n_words
        cdef const int64_t[::1] counts = self.counts_by_id()
        cdef int64_t id, first_count, second_count
        cdef Py_ssize_t first_end, second, length
        cdef const uint8_t* key
        cdef double score
        result = {}
        for id in range(1, counts.shape[0]):
            key = self.table.arena + self.table.word_starts[id]
            length = self.table.word_starts[id + 1] - self.table.word_starts[id]
            if not self.ends_of(key, length, &first_end, &second):
                continue
            if counts[id] <= 0:
                continue
            first_count = self.count_at(<const char*>key, first_end)
            if first_count <= 0:
                continue
            second_count = self.count_at(<const char*>key + second, length - second)
            if second_count <= 0:
                continue
            score = score_of(&rules, <double>counts[id], <double>first_count,
                             <double>second_count)
            if score > threshold:
                result[self.key_at(id)] = score
        return result

    cdef bint ends_of(self, const uint8_t* key, Py_ssize_t length, Py_ssize_t* first_end,
                      Py_ssize_t* second):
        """Where the first part of a key ends and the last begins, as str.split finds them."""
        cdef const uint8_t* joint = <const uint8_t*><const char*>self.joint
        cdef Py_ssize_t n_joint = len(self.joint), place = 0
        cdef bint found = False
        cdef const uint8_t* at
        while length - place >= n_joint:
            at = <const uint8_t*>memchr(key + place, joint[0], length - place - n_joint + 1)
            if at == NULL:
                break
            place = at - key
            if memcmp(at, joint, n_joint) == 0:
                if not found:
                    first_end[0] = place
                found = True
                place += n_joint
                second[0] = place
            else:
                place += 1
        return found

    def analyze(self, sentence, connectors, int kind, double min_count, double threshold,
                double n_words):
        """The sentence with its phrases joined: a list of str.  An empty word at which a phrase
        might begin vanishes, as in gensim."""
        cdef scoring_rules rules
        cdef Py_ssize_t begin, first_begin = 0, joint = len(self.joint)
        cdef int64_t count, first_count = 0, pair_count
        cdef bint connects = bool(connectors)
        cdef double score
        self.flush()
        rules.kind, rules.min_count, rules.threshold = kind, min_count, threshold
        rules.n_keys, rules.n_words = len(self), n_words
        result, first, between = [], None, []
        for word in sentence:
            if connects and word in connectors:
                if first:
                    between.append(word)
                    self.append(word)
                else:
                    result.append(word)
                continue
            begin = self.n_bytes
            self.append(word)
            count = self.count_at(<const char*>self.text + begin, self.n_bytes - joint - begin)
            if first:
                if first_count > 0 and count > 0:
                    pair_count = self.count_at(<const char*>self.text + first_begin,
                                               self.n_bytes - joint - first_begin)
                    if pair_count > 0:
                        score = score_of(&rules, <double>pair_count, <double>first_count,
                                         <double>count)
                        if score > threshold:
                            result.append(self.delimiter.join([first, *between, word]))
                            first, between = None, []
                            continue
                result.append(first)
                result += between
                between = []
            first, first_count, first_begin = word, count, begin
        if first:
            result.append(first)
            result += between
        self.n_bytes = 0
        return result
