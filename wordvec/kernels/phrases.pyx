# distutils: language = c
"""word2phrase's statistics and rewriting, over ids; see phrases_pairs.h for how pairs are counted.

Nothing here opens a file or starts a thread.  Everything runs without the GIL; several threads may
share a PhraseWords and a Rewriter, which are only read, but no PairSink and no PartCounter.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from wordvec.kernels.tokens cimport WordTable, table_free, table_init, word_table

import numpy as np


cdef extern from "phrases_pairs.h" nogil:
    enum:
        WORD_KEPT, WORD_BEGINS, WORD_ENDS, WORD_INFLATED, CHUNK_PAIRS
    ctypedef struct phrase_word:
        double count
        uint8_t flags
        uint8_t length
    ctypedef struct pair_rules:
        double min_count
        double threshold
        double n_words
        int filters
    ctypedef struct pair_chunk:
        pair_chunk* next
        uint64_t pairs[1]
    ctypedef struct pair_sink:
        pair_chunk** chunks
        uint32_t* n_in_newest
        int64_t* n_pairs
        int64_t n_chunks
        uint32_t n_parts
    ctypedef struct pair_slot:
        uint64_t pair
        int64_t count
    ctypedef struct pair_table:
        pair_slot* slots
    ctypedef struct pair_list:
        pair_slot* pairs
        int64_t n
    int sink_init(pair_sink*, int)
    void sink_clear_part(pair_sink*, uint32_t)
    void sink_free(pair_sink*)
    int scan_pairs(pair_sink*, const int32_t*, int64_t, const int32_t*, const phrase_word*,
                   const pair_rules*, int32_t*)
    int pair_table_reset(pair_table*, uint64_t)
    uint64_t slots_for(int64_t)
    int count_pairs(pair_table*, const uint64_t*, int64_t)
    int64_t count_of_pair(const pair_table*, uint64_t)
    int count_chunks(pair_table*, const pair_sink*, uint32_t)
    int64_t sort_counted(const pair_table*, const phrase_word*, const pair_rules*, pair_list*,
                         pair_list*, pair_list*)
    int scores_above(double, double, double, const pair_rules*)


cdef extern from "phrases_keys.h" nogil:
    enum:
        MAX_PHRASE_WORD_BYTES
    ctypedef struct word_texts:
        const uint8_t* arena
        const int64_t* starts
        int32_t n_rows
    int add_pair_key(word_table*, const word_texts*, int32_t, int32_t, uint64_t)
    int64_t count_of_pair_key(const word_table*, const word_texts*, int32_t, int32_t)
    int add_word_key(word_table*, const word_texts*, int32_t, uint64_t)
    int64_t count_of_word_key(const word_table*, const word_texts*, int32_t)
    int64_t count_kept_keys(const word_table*, double)
    int64_t flag_shared_words(const word_table*, const word_texts*, phrase_word*)


cdef extern from "phrases_rewrite.h" nogil:
    enum:
        COPY_BYTES, JOINS_NEXT, JOINS_BEFORE
    ctypedef struct pair_set:
        uint64_t* pairs
    ctypedef struct join_rules:
        const uint64_t* words
        const uint8_t* arena
        pair_set set
        pair_rules rules
        int joins_all
        int joins_on
        const int64_t* after_newline
        const int64_t* counts
    ctypedef struct join_state:
        int32_t token
        int32_t word
        int joined
    int set_init(pair_set*, const uint64_t*, int64_t)
    int64_t rewrite_ids(const join_rules*, const int32_t*, int64_t, const int32_t*, join_state*,
                        uint8_t*, int64_t*)
    void skip_ids(const join_rules*, const int32_t*, int64_t, const int32_t*, join_state*)


MAX_WORD_BYTES = MAX_PHRASE_WORD_BYTES  # longer words are cut
ARENA_PADDING = COPY_BYTES  # readable bytes behind the words


cdef int check_ids(const int32_t[::1] ids, const int32_t[::1] remap, Py_ssize_t n_rows) except -1:
    """All of the block's ids must have a row; a look at the two ends of what they can be."""
    cdef Py_ssize_t k
    cdef int bad = 0
    cdef uint32_t n_ids = <uint32_t>remap.shape[0]
    with nogil:
        for k in range(ids.shape[0]):
            bad |= <uint32_t>ids[k] >= n_ids
    if bad:
        raise ValueError(f"an id is outside 0..{n_ids - 1}")
    return 0


cdef class PhraseWords:
    """All words of a text by row, with their counts, and the rules for joining them.

    `arena` (uint8) and `starts` (int64[n_rows + 1]) hold the words, with ARENA_PADDING bytes
    behind the last; row 0 is the end of a line.  `counts` is int64[n_rows].  `table` holds the
    same words under the same numbers.  `n_words` is the number of words in the text.  With
    `filters`, pairs that cannot score above the threshold are left out of the counting.
    """

    cdef phrase_word* words
    cdef word_texts texts
    cdef pair_rules rules
    cdef const uint8_t[::1] arena
    cdef const int64_t[::1] starts
    cdef const int64_t[::1] raw_counts
    cdef int64_t n_with_mark  # words with a '_', or the empty one
    cdef readonly int32_t longest  # bytes of the longest word

    def __cinit__(self, const uint8_t[::1] arena, const int64_t[::1] starts,
                  const int64_t[::1] counts, WordTable table not None, *, double min_count,
                  double threshold, double n_words, bint filters):
        cdef Py_ssize_t row, n_rows = counts.shape[0]
        cdef int64_t length
        self.words = NULL
        if starts.shape[0] != n_rows + 1 or n_rows < 1 or n_rows > 2**31 - 1:
            raise ValueError(f"{starts.shape[0]} starts do not fit {n_rows} words")
        if starts[0] < 0 or starts[n_rows] + COPY_BYTES > arena.shape[0]:
            raise ValueError("the words and their padding do not lie in the arena")
        if table.table.n_ids != n_rows:
            raise ValueError(f"the table holds {table.table.n_ids} words, expected {n_rows}")
        self.arena, self.starts, self.raw_counts = arena, starts, counts
        self.texts.arena = &arena[0]
        self.texts.starts = &starts[0]
        self.texts.n_rows = <int32_t>n_rows
        self.rules.min_count, self.rules.threshold = min_count, threshold
        self.rules.n_words, self.rules.filters = n_words, filters
        self.words = <phrase_word*>calloc(n_rows, sizeof(phrase_word))
        if self.words == NULL:
            raise MemoryError
        self.longest = 0
        for row in range(1, n_rows):
            length = starts[row + 1] - starts[row]
            if not 1 <= length <= MAX_PHRASE_WORD_BYTES:
                raise ValueError(f"word {row} has {length} bytes")
            if arena[starts[row]] == 0:
                length = 0
            self.words[row].length = <uint8_t>length
            self.longest = max(self.longest, <int32_t>length)
            self.words[row].count = <double>counts[row]
            if counts[row] >= min_count:
                self.words[row].flags = WORD_KEPT
        with nogil:
            self.n_with_mark = flag_shared_words(&table.table, &self.texts, self.words)

    def __dealloc__(self):
        free(self.words)

    def begin_text(self, int32_t empty_row, int32_t first_row):
        """For texts that hold the empty word: word2phrase begins with the pair of an empty word
        and the text's first one, whose string is that of this pair."""
        for row in (empty_row, first_row):
            if not 0 < row < self.texts.n_rows:
                raise ValueError(f"row {row} is no word's")
        self.words[empty_row].flags |= WORD_BEGINS
        self.words[first_row].flags |= WORD_ENDS
        self.n_with_mark += 1

    @property
    def shares_strings(self):
        """May a pair's string be another pair's, or a word's, too?"""
        return self.n_with_mark > 0 or 2 * self.longest + 1 > MAX_PHRASE_WORD_BYTES

    def scores_above_each(self, const int64_t[::1] pairs, const int64_t[::1] first,
                          const int64_t[::1] second):
        """bool[n]: word2phrase's test, in float32, for n pairs: counts of the pair, of its first
        and of its second word."""
        cdef Py_ssize_t k, n = pairs.shape[0]
        if first.shape[0] != n or second.shape[0] != n:
            raise ValueError(f"{n} pairs, {first.shape[0]} and {second.shape[0]} words")
        result = np.zeros(n, dtype=np.uint8)
        cdef uint8_t[::1] out = result
        for k in range(n):
            out[k] = scores_above(<double>pairs[k], <double>first[k], <double>second[k],
                                  &self.rules)
        return result.view(bool)


cdef class PairSink:
    """One thread's pairs of neighbouring words, dealt out into 2 ** bits parts."""

    cdef pair_sink sink
    cdef PhraseWords words

    def __cinit__(self, PhraseWords words not None, int bits):
        memset(&self.sink, 0, sizeof(self.sink))
        if not 0 <= bits <= 16:
            raise ValueError(f"bits is {bits}, expected 0 to 16")
        self.words = words
        if sink_init(&self.sink, bits):
            raise MemoryError

    def __dealloc__(self):
        sink_free(&self.sink)

    @property
    def n_memory_bytes(self):
        return self.sink.n_chunks * sizeof(uint64_t) * (CHUNK_PAIRS + 1)

    def scan(self, const int32_t[::1] ids, const int32_t[::1] remap, int32_t last):
        """Deal out the pairs of a block; remap[id] is a row.  `last` is the row of the word before
        the block, 0 for none; gives the last one."""
        cdef int status = 0
        cdef Py_ssize_t n = ids.shape[0]
        check_ids(ids, remap, self.words.texts.n_rows)
        if n:
            with nogil:
                status = scan_pairs(&self.sink, &ids[0], n, &remap[0], self.words.words,
                                    &self.words.rules, &last)
        if status:
            raise MemoryError("no memory for the pairs of words")
        return last

    def drain(self, uint32_t part):
        """uint64[n_pairs]: the pairs of a part, first << 32 | second; they are gone from here."""
        if part >= self.sink.n_parts:
            raise ValueError(f"part {part} of {self.sink.n_parts}")
        pairs = np.empty(self.sink.n_pairs[part], dtype=np.uint64)
        cdef uint64_t[::1] out = pairs
        cdef int64_t n = self.sink.n_in_newest[part], done = 0
        cdef pair_chunk* chunk = self.sink.chunks[part]
        while chunk != NULL:
            memcpy(&out[done], chunk.pairs, n * sizeof(uint64_t))
            done += n
            n = CHUNK_PAIRS
            chunk = chunk.next
        sink_clear_part(&self.sink, part)
        return pairs


cdef class PartCounter:
    """Counts part after part and keeps what matters of each."""

    cdef pair_table table
    cdef pair_list joined
    cdef pair_list shared
    cdef pair_list waiting
    cdef PhraseWords words
    cdef readonly int64_t n_kept  # plain pairs that occur min_count times or more

    def __cinit__(self, PhraseWords words not None):
        memset(&self.table, 0, sizeof(self.table))
        memset(&self.joined, 0, sizeof(self.joined))
        memset(&self.shared, 0, sizeof(self.shared))
        memset(&self.waiting, 0, sizeof(self.waiting))
        self.words = words
        self.n_kept = 0

    def __dealloc__(self):
        free(self.table.slots)
        free(self.joined.pairs)
        free(self.shared.pairs)
        free(self.waiting.pairs)

    def count(self, uint32_t part, list sinks, drained, const uint64_t[::1] watched,
              int64_t[::1] watched_counts):
        """Count one part of all sinks, which lose it, and of the arrays uint64[...] that were
        drained from them before.  A part's table holds all its different pairs.

        `watched_counts` gets the counts of the watched pairs that are in this part.
        """
        cdef Py_ssize_t k
        cdef PairSink sink
        cdef const uint64_t[::1] pairs
        cdef int status
        cdef int64_t n_kept
        cdef int64_t n_pairs = 0
        for sink in sinks:
            n_pairs += sink.sink.n_pairs[part]
        if pair_table_reset(&self.table, slots_for(n_pairs)):
            raise MemoryError("no memory for the pairs of words")
        for pairs in drained:
            if pairs.shape[0]:
                with nogil:
                    status = count_pairs(&self.table, &pairs[0], pairs.shape[0])
                if status:
                    raise MemoryError("no memory for the pairs of words")
        for sink in sinks:
            with nogil:
                status = count_chunks(&self.table, &sink.sink, part)
                sink_clear_part(&sink.sink, part)
            if status:
                raise MemoryError("no memory for the pairs of words")
        for k in range(watched.shape[0]):
            watched_counts[k] += count_of_pair(&self.table, watched[k])
        with nogil:
            n_kept = sort_counted(&self.table, self.words.words, &self.words.rules, &self.joined,
                                  &self.shared, &self.waiting)
        if n_kept < 0:
            raise MemoryError("no memory for the pairs of words")
        self.n_kept += n_kept

    def results(self):
        """(joined uint64[n], (shared uint64[n], counts int64[n]), (waiting, counts)).

        `joined`: pairs to be joined.  `shared`: pairs whose strings are shared.  `waiting`: pairs
        that hold a word whose count is not known yet, as its string is a pair's too.
        """
        return (arrays_of(&self.joined)[0], arrays_of(&self.shared), arrays_of(&self.waiting))


cdef arrays_of(pair_list* pairs):
    keys, counts = np.empty(pairs.n, dtype=np.uint64), np.empty(pairs.n, dtype=np.int64)
    cdef uint64_t[::1] key_out = keys
    cdef int64_t[::1] count_out = counts
    cdef int64_t k
    for k in range(pairs.n):
        key_out[k] = pairs.pairs[k].pair
        count_out[k] = pairs.pairs[k].count
    return keys, counts


cdef class SharedKeys:
    """Counts by string of words with a '_' and of the pairs whose strings are shared."""

    cdef word_table table
    cdef PhraseWords words

    def __cinit__(self, PhraseWords words not None):
        cdef int32_t row
        cdef int status
        memset(&self.table, 0, sizeof(self.table))
        if table_init(&self.table, False):
            raise MemoryError
        self.words = words
        for row in range(1, words.texts.n_rows):
            status = add_word_key(&self.table, &words.texts, row, words.raw_counts[row])
            if status < 0:
                raise MemoryError("no memory for the strings of pairs")

    def __dealloc__(self):
        table_free(&self.table)

    def add(self, const uint64_t[::1] pairs, const int64_t[::1] counts):
        """Add counts to the strings of the pairs."""
        cdef Py_ssize_t k
        cdef int status = 0
        with nogil:
            for k in range(pairs.shape[0]):
                status = add_pair_key(&self.table, &self.words.texts, <int32_t>(pairs[k] >> 32),
                                      <int32_t>pairs[k], counts[k])
                if status < 0:
                    break
        if status < 0:
            raise MemoryError("no memory for the strings of pairs")

    def add_first(self, int32_t row):
        """The pair of the empty beginning and the text's first word."""
        if add_pair_key(&self.table, &self.words.texts, -1, row, 1) < 0:
            raise MemoryError("no memory for the strings of pairs")

    def counts_of(self, const uint64_t[::1] pairs):
        """int64[n]: counts of the pairs' strings."""
        result = np.zeros(pairs.shape[0], dtype=np.int64)
        cdef int64_t[::1] out = result
        cdef Py_ssize_t k
        with nogil:
            for k in range(pairs.shape[0]):
                out[k] = count_of_pair_key(&self.table, &self.words.texts,
                                           <int32_t>(pairs[k] >> 32), <int32_t>pairs[k])
        return result

    def counts_of_words(self):
        """int64[n_rows]: counts of the words, those of pairs with the same string included."""
        result = np.array(self.words.raw_counts)
        cdef int64_t[::1] out = result
        cdef int32_t row
        with nogil:
            for row in range(1, self.words.texts.n_rows):
                if self.words.words[row].flags & WORD_INFLATED:
                    out[row] = count_of_word_key(&self.table, &self.words.texts, row)
        return result

    def counts_after_newline(self):
        """int64[n_rows]: counts of the strings "</s>_word" by word."""
        result = np.zeros(self.words.texts.n_rows, dtype=np.int64)
        cdef int64_t[::1] out = result
        cdef int32_t row
        with nogil:
            for row in range(1, self.words.texts.n_rows):
                out[row] = count_of_pair_key(&self.table, &self.words.texts, 0, row)
        return result

    def n_kept(self):
        """Strings that occur min_count times or more."""
        return count_kept_keys(&self.table, self.words.rules.min_count)


cdef class Rewriter:
    """Writes ids as text again, with the pairs of `joined` (uint64[n]) joined.

    `counts` (int64[n_rows]) and `after_newline` are for texts with words that begin with "</s>_";
    see joins_after_newline.  A state is (token, word, joined): rows of the token and of the word
    before, and whether that word was joined; START begins a text.
    """

    cdef join_rules rules
    cdef PhraseWords words
    cdef uint64_t[::1] packed
    cdef const int64_t[::1] counts
    cdef const int64_t[::1] after_newline

    START = (0, 0, 0)

    def __cinit__(self, PhraseWords words not None, const uint64_t[::1] joined,
                  const int64_t[::1] counts, after_newline=None):
        cdef Py_ssize_t k, n_rows = words.texts.n_rows
        memset(&self.rules, 0, sizeof(self.rules))
        self.words, self.counts = words, counts
        packed = np.zeros(n_rows, dtype=np.uint64)
        self.packed = packed
        for k in range(1, n_rows):
            self.packed[k] = (<uint64_t>words.starts[k] << 16
                              | <uint64_t>words.words[k].length << 8)
        for k in range(joined.shape[0]):
            if (joined[k] >> 32) >= <uint64_t>n_rows or <uint32_t>joined[k] >= <uint64_t>n_rows:
                raise ValueError(f"pair {joined[k]} is outside {n_rows} words")
            self.packed[joined[k] >> 32] |= JOINS_NEXT
            self.packed[<uint32_t>joined[k]] |= JOINS_BEFORE
        if counts.shape[0] != n_rows:
            raise ValueError(f"{counts.shape[0]} counts for {n_rows} words")
        if set_init(&self.rules.set, &joined[0] if joined.shape[0] else NULL, joined.shape[0]):
            raise MemoryError
        self.rules.words = &self.packed[0]
        self.rules.arena = words.texts.arena
        self.rules.rules = words.rules
        self.rules.counts = &counts[0]
        self.rules.joins_all = words.rules.threshold < 0
        self.rules.joins_on = words.rules.min_count == 0 and <float>words.rules.threshold < np.inf
        if after_newline is not None:
            self.after_newline = after_newline
            if self.after_newline.shape[0] != n_rows:
                raise ValueError(f"{self.after_newline.shape[0]} counts for {n_rows} words")
            self.rules.after_newline = &self.after_newline[0]

    def __dealloc__(self):
        free(self.rules.set.pairs)

    def room_for(self, Py_ssize_t n_ids):
        """Bytes that `write` may need."""
        return n_ids * (2 + MAX_PHRASE_WORD_BYTES) + COPY_BYTES

    def write(self, const int32_t[::1] ids, const int32_t[::1] remap, tuple state,
              uint8_t[::1] out):
        """(n_bytes written to `out`, n_joined, the state after the block)."""
        cdef join_state now = state_of(state)
        cdef int64_t n_joined = 0, n_bytes = 0
        check_ids(ids, remap, self.words.texts.n_rows)
        if out.shape[0] < self.room_for(ids.shape[0]):
            raise ValueError(f"out has {out.shape[0]} bytes for {ids.shape[0]} ids")
        if ids.shape[0]:
            with nogil:
                n_bytes = rewrite_ids(&self.rules, &ids[0], ids.shape[0], &remap[0], &now, &out[0],
                                      &n_joined)
        return n_bytes, n_joined, (now.token, now.word, now.joined)

    def skip(self, const int32_t[::1] ids, const int32_t[::1] remap, tuple state):
        """The state after the block, found from its last words where they decide it."""
        cdef join_state now = state_of(state)
        check_ids(ids, remap, self.words.texts.n_rows)
        if ids.shape[0]:
            with nogil:
                skip_ids(&self.rules, &ids[0], ids.shape[0], &remap[0], &now)
        return now.token, now.word, now.joined


cdef join_state state_of(tuple state):
    cdef join_state now
    now.token, now.word, now.joined = state
    return now
