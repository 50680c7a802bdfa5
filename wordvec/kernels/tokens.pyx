# distutils: language = c
"""Text to ids: tokens, counts, and the merge of counts that outgrew memory.

Nothing here opens a file or starts a thread.  Every function runs without the GIL and may be
called by several threads at once as long as no two share a WordTable that is being counted into;
a table that is only looked up (`look_up=True`) may be shared.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memchr, memcpy, memset

import numpy as np


cdef extern from "Python.h":
    # NULL with an error set; left to the caller, so that the common case costs no more.
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* n_bytes)
    void PyErr_Clear()


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

    cdef word_table table
    cdef bint prunes
    cdef bint separator

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

    cdef chunk_rules rules_for(self, Py_ssize_t max_word_bytes, bint nul_ends_word, bint look_up,
                               uint64_t chunk_number):
        cdef chunk_rules rules
        rules.max_word_bytes = <uint32_t>max_word_bytes if max_word_bytes else EMPTY_SLOT
        rules.nul_ends_word = nul_ends_word
        if look_up:
            rules.use = LOOK_UP
        else:
            rules.use = COUNT_AND_PRUNE if self.prunes else COUNT_WORDS
        rules.place_in_corpus = chunk_number << 32
        return rules

    def encode_text(
        self,
        const uint8_t[::1] text,
        Py_ssize_t n_bytes,
        int32_t[::1] ids,
        *,
        uint64_t chunk_number=0,
        Py_ssize_t max_word_bytes=0,
        bint nul_ends_word=False,
        bint look_up=False,
    ):
        """Ids of the tokens of text[:n_bytes], written to `ids`; counts them unless `look_up`.

        The text must end with a separator, hold no carriage return, and have PADDING bytes behind
        it; `ids` needs n_bytes places.  With `look_up` unknown words get the id len(self) + 1.
        `chunk_number` orders the words of all chunks by first appearance.  Returns (n_ids,
        n_sentence_ends, n_cut, n_with_nul, n_empty): ids written; ends of sentences among them;
        words cut at `max_word_bytes` (0: never); words ended by a NUL byte; words that began with
        one and were left out.  Raises MemoryError and OverflowError; the table is then useless.
        """
        if not 0 <= n_bytes or n_bytes + TEXT_PADDING > text.shape[0]:
            raise ValueError(f"{n_bytes} bytes and padding do not fit in {text.shape[0]}")
        if n_bytes > ids.shape[0]:
            raise ValueError(f"ids has {ids.shape[0]} places, expected at least {n_bytes}")
        if n_bytes >= <Py_ssize_t>EMPTY_SLOT:
            raise ValueError(f"a chunk of {n_bytes} bytes is too long; the limit is 4 GiB")
        if n_bytes and text[n_bytes - 1] not in b" \t\n":
            raise ValueError("the text does not end with a separator")
        cdef chunk_rules rules = self.rules_for(max_word_bytes, nul_ends_word, look_up,
                                                chunk_number)
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
        cdef chunk_rules rules = self.rules_for(0, False, look_up, chunk_number)
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

    def sorted_run(self):
        """A RunWriter that gives this table's words in byte order; do not count meanwhile."""
        return RunWriter(self)

    def remap_records(self, const uint8_t[::1] records, Py_ssize_t n_bytes, int32_t[::1] remap,
                      int32_t first_id):
        """remap[id in the run] = (id here) - first_id for the whole records of a buffer.

        The buffer needs PADDING bytes behind records[:n_bytes].  Returns the bytes used; words
        unknown here leave their place in `remap` as it is.
        """
        if not 0 <= n_bytes or n_bytes + TEXT_PADDING > records.shape[0]:
            raise ValueError(f"{n_bytes} bytes and padding do not fit in {records.shape[0]}")
        cdef int64_t n_used = 0
        if n_bytes:
            with nogil:
                n_used = remap_records(&self.table, &records[0], n_bytes, first_id, &remap[0])
        return n_used


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


cdef class RunWriter:
    cdef WordTable owner
    cdef sortable_word* words
    cdef int64_t n_words
    cdef int64_t n_done

    def __cinit__(self, WordTable owner not None):
        self.owner = owner
        self.n_words = owner.table.n_ids - 1
        with nogil:
            self.words = sorted_words(&owner.table)
        if self.words == NULL:
            raise MemoryError("no memory to sort the words")

    def __dealloc__(self):
        free(self.words)

    def write_to(self, uint8_t[::1] buffer):
        """Fill the buffer with whole records; the bytes written, 0 at the end.

        Raises BufferError when the next record does not fit into the whole buffer.
        """
        cdef int64_t n_bytes
        if buffer.shape[0] == 0:
            raise BufferError("the buffer is empty")
        with nogil:
            n_bytes = write_records(&self.owner.table, self.words, self.n_words, &self.n_done,
                                    &buffer[0], buffer.shape[0])
        if n_bytes == 0 and self.n_done < self.n_words:
            raise BufferError("the next word does not fit into the buffer")
        return n_bytes


cdef class RunMerger:
    """Sums the counts of `n_runs` sorted runs and keeps the words with `min_count` or more.

    Feed every run its first buffer, then call step() and feed the run it names, until it gives
    -1.  Words come out in byte order.
    """

    cdef run_merger merger
    cdef list buffers  # keeps what the readers point into alive

    def __cinit__(self, int32_t n_runs, uint64_t min_count):
        memset(&self.merger, 0, sizeof(self.merger))
        if n_runs < 1:
            raise ValueError(f"n_runs is {n_runs}, expected at least 1")
        self.merger.runs = <run_reader*>calloc(n_runs, sizeof(run_reader))
        self.merger.heap = <int32_t*>calloc(n_runs, sizeof(int32_t))
        if self.merger.runs == NULL or self.merger.heap == NULL:
            raise MemoryError
        self.merger.n_runs = n_runs
        self.merger.min_count = min_count
        self.buffers = [None] * n_runs

    def __dealloc__(self):
        free(self.merger.runs)
        free(self.merger.heap)
        free(self.merger.arena)
        free(self.merger.starts)
        free(self.merger.counts)
        free(self.merger.first_seen)

    def n_unread(self, int32_t run):
        """Bytes of the run's buffer that hold only the beginning of a record."""
        return self.merger.runs[run].n_bytes

    def feed(self, int32_t run, const uint8_t[::1] buffer, Py_ssize_t n_bytes, bint is_last):
        """Give a run its next buffer, beginning with the n_unread bytes of the one before.

        The buffer must hold a whole record, unless the run is at its end.
        """
        if not (0 <= run < self.merger.n_runs and 0 <= n_bytes <= buffer.shape[0]):
            raise ValueError("no such run, or more bytes than the buffer has")
        cdef run_reader* reader = &self.merger.runs[run]
        self.buffers[run] = buffer
        reader.bytes = &buffer[0] if buffer.shape[0] else NULL
        reader.n_bytes = n_bytes
        reader.is_last_buffer = is_last
        run_refilled(&self.merger, run)

    def step(self):
        """Merge on; the number of the run that needs a buffer, or -1 when all is done."""
        cdef int32_t run
        with nogil:
            run = merge_step(&self.merger)
        if run >= 0 or run == MERGE_DONE:
            return run
        raise MemoryError("no memory for the merged vocabulary")

    def words(self):
        """(arena uint8, starts int64[n + 1], counts int64[n], first_seen uint64[n])."""
        cdef int64_t n = self.merger.n_words
        starts_array = np.zeros(n + 1, dtype=np.int64)
        counts_array = np.zeros(n, dtype=np.int64)
        seen_array = np.zeros(n, dtype=np.uint64)
        cdef int64_t[::1] starts = starts_array
        cdef int64_t[::1] counts = counts_array
        cdef uint64_t[::1] seen = seen_array
        cdef uint8_t[::1] arena
        if n == 0:
            return np.zeros(0, dtype=np.uint8), starts_array, counts_array, seen_array
        memcpy(&starts[0], self.merger.starts, (n + 1) * sizeof(int64_t))
        memcpy(&counts[0], self.merger.counts, n * sizeof(int64_t))
        memcpy(&seen[0], self.merger.first_seen, n * sizeof(uint64_t))
        arena_array = np.empty(starts[n], dtype=np.uint8)
        arena = arena_array
        if starts[n]:
            memcpy(&arena[0], self.merger.arena, starts[n])
        return arena_array, starts_array, counts_array, seen_array


cdef class SentenceRemapper:
    """Provisional ids, block after block in corpus order, to final ids and sentence starts."""

    cdef sentence_state state

    def __cinit__(self):
        memset(&self.state, 0, sizeof(self.state))

    @property
    def n_ids(self):
        """Ids kept so far."""
        return self.state.n_ids

    @property
    def n_sentences(self):
        """Non-empty sentences closed so far."""
        return self.state.n_sentences

    def remap(self, const int32_t[::1] block, const int32_t[::1] remap, int32_t[::1] out,
              int64_t[::1] ends):
        """Write the final ids of a block to `out` and the ends of its sentences to `ends`.

        `remap` gives the final id or -1 (drop) and must cover every id of the block (not
        checked: the caller made both).  Empty sentences leave no trace.  Both outputs need a
        place for each id of the block; (n_ids, n_ends) written.
        """
        cdef Py_ssize_t n = block.shape[0]
        cdef int64_t n_kept = 0, n_sentences = self.state.n_sentences
        if out.shape[0] < n or ends.shape[0] < n:
            raise ValueError(f"the outputs have fewer than {n} places")
        if n:
            with nogil:
                n_kept = remap_ids(&block[0], n, &remap[0], &self.state, &out[0], &ends[0])
        return n_kept, self.state.n_sentences - n_sentences

    def end_sentence(self):
        """Close the open sentence (at the end of a file); True if it was not empty."""
        if self.state.n_ids == self.state.last_start:
            return False
        self.state.last_start = self.state.n_ids
        self.state.n_sentences += 1
        return True


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
