# distutils: language = c
"""Exact counts of pairs within a window; see cooccur.h for how they are kept.

Nothing here opens a file or starts a thread.  The methods that count run without the GIL; two
threads may work at once on different PairCounters.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

import numpy as np


cdef extern from "cooccur.h" nogil:
    enum:
        CODE_BITS, CODE_CARRY, NARROW_BITS, NARROW_CARRY, MAX_WINDOW, CHUNK_BYTES, PENDING
    ctypedef struct pair_plan:
        int64_t n_words
        int64_t max_product
        int window
        int symmetric
        int near
        int column_bits
        int is_narrow
        const int64_t* row_start
        const int64_t* row_begin
        const int32_t* stripe_of
        const int64_t* first_rows
        const uint64_t* units
    ctypedef struct event_store:
        char* chunks
        int64_t n_chunks
        int64_t n_used
        char** ends
    ctypedef struct pair_entry:
        uint64_t key
        uint64_t value
    ctypedef struct pair_record:
        int32_t row
        int32_t column
        double value
    ctypedef struct pair_cursor:
        int64_t position
        int64_t sentence
    int64_t gather_events(const pair_plan*, const event_store*, int64_t, uint64_t*)
    void count_window(const pair_plan*, event_store*, uint32_t*, const int32_t*, const int64_t*,
                      int64_t, pair_cursor*)
    int64_t add_cells(const pair_plan*, event_store*, uint32_t*, const uint32_t*, int64_t, int64_t)
    uint64_t* sort_events(uint64_t*, uint64_t*, int64_t, int, int)
    pair_entry* sort_entries(pair_entry*, pair_entry*, int64_t, int, int)
    int64_t sum_events(const pair_plan*, const uint64_t*, int64_t, pair_entry*)
    int64_t emit_stripe(const pair_plan*, const uint32_t*, double, int64_t, const pair_entry*,
                        int64_t, pair_record*)


LARGEST_WINDOW = MAX_WINDOW
BYTES_PER_CHUNK = CHUNK_BYTES
BITS_OF_NARROW_PAIR = 32 - NARROW_BITS
LARGEST_NARROW_WINDOW = NARROW_CARRY - 1


cdef class PairPlan:
    """How the pairs of one corpus are kept: which have a cell, which stripe a row belongs to.

    `row_start` and `row_begin` are int64[n_words + 2], `stripe_of` int32[n_words + 2],
    `first_rows` int64[n_stripes + 1], `units` uint64[CODES]: units by distance, 2^32 in the last
    place; `near` is the largest distance that `units` knows.  Row 0 is not used.  Where the window
    is at most LARGEST_NARROW_WINDOW, and a column and a row of any stripe have
    BITS_OF_NARROW_PAIR, events take `event_bytes` 4, else 8.
    """

    cdef pair_plan plan
    cdef readonly double scale
    cdef readonly int64_t n_cells, n_stripes, event_bytes
    cdef int first_bit
    cdef tuple owners

    def __cinit__(self, *, int64_t n_words, int64_t max_product, int window, bint symmetric,
                  int near, double scale, const int64_t[::1] row_start,
                  const int64_t[::1] row_begin, const int32_t[::1] stripe_of,
                  const int64_t[::1] first_rows, const uint64_t[::1] units):
        if not 1 <= window <= MAX_WINDOW or not 0 <= near <= MAX_WINDOW or n_words < 1:
            raise ValueError("window, near or n_words out of range")
        if (row_start.shape[0] != n_words + 2 or row_begin.shape[0] != n_words + 2
                or stripe_of.shape[0] != n_words + 2 or units.shape[0] != CODE_CARRY + 1):
            raise ValueError("an array of the plan has the wrong length")
        self.owners = (row_start, row_begin, stripe_of, first_rows, units)
        self.scale, self.n_cells = scale, row_begin[n_words + 1]
        self.n_stripes = first_rows.shape[0] - 1
        self.first_bit = 0 if near < window else CODE_BITS
        self.plan.n_words, self.plan.max_product = n_words, max_product
        self.plan.window, self.plan.symmetric, self.plan.near = window, symmetric, near
        self.plan.column_bits = int(n_words).bit_length()
        self.plan.row_start, self.plan.row_begin = &row_start[0], &row_begin[0]
        self.plan.stripe_of, self.plan.first_rows = &stripe_of[0], &first_rows[0]
        self.plan.units = &units[0]
        cdef int64_t stripe
        cdef int most_bits = 0
        for stripe in range(self.n_stripes):
            most_bits = max(most_bits, self.last_bit(stripe) - CODE_BITS)
        self.plan.is_narrow = (window <= LARGEST_NARROW_WINDOW
                               and most_bits <= BITS_OF_NARROW_PAIR)
        self.event_bytes = 4 if self.plan.is_narrow else 8

    @property
    def n_chunks_reserved(self):
        """Chunks that must be free for counting to go on."""
        return 4 * self.plan.window + 4 * PENDING

    cdef int last_bit(self, int64_t stripe) except -1:
        cdef int64_t n_rows = self.plan.first_rows[stripe + 1] - self.plan.first_rows[stripe]
        return CODE_BITS + self.plan.column_bits + int(n_rows - 1).bit_length()

    cdef int64_t n_cells_of(self, int64_t stripe) noexcept nogil:
        """An upper limit for the records that come from cells."""
        cdef int64_t row, n = 0
        for row in range(self.plan.first_rows[stripe], self.plan.first_rows[stripe + 1]):
            n += min(self.plan.max_product // row, self.plan.n_words)
        return n

    cdef int check_stripe(self, int64_t stripe) except -1:
        if not 0 <= stripe < self.n_stripes:
            raise IndexError(f"stripe {stripe} of {self.n_stripes}")
        return 0


cdef class PairCounter:
    """One thread's cells and events.

    `cells` is uint32[plan.n_cells] of zeros, `memory` uint64[] of zeros for the events; both are
    changed here.
    """

    cdef readonly PairPlan plan
    cdef event_store store
    cdef uint32_t[::1] cells
    cdef uint64_t[::1] memory

    def __cinit__(self, PairPlan plan not None, uint32_t[::1] cells not None,
                  uint64_t[::1] memory not None):
        cdef size_t start = <size_t>&memory[0]
        cdef size_t skipped = (CHUNK_BYTES - start % CHUNK_BYTES) % CHUNK_BYTES
        if cells.shape[0] != plan.n_cells:
            raise ValueError(f"{cells.shape[0]} cells, expected {plan.n_cells}")
        memset(&self.store, 0, sizeof(self.store))
        self.plan, self.cells, self.memory = plan, cells, memory
        self.store.chunks = <char*>(&memory[0] + skipped // 8)
        self.store.n_chunks = (8 * memory.shape[0] - <int64_t>skipped) // CHUNK_BYTES
        if self.store.n_chunks <= plan.n_chunks_reserved:
            raise ValueError("too little memory for the events")
        self.store.ends = <char**>calloc(plan.n_stripes, sizeof(char*))
        if self.store.ends == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.store.ends)

    def count(self, const int32_t[::1] ids, const int64_t[::1] starts, int64_t sentence,
              int64_t begin, int64_t end):
        """Count the pairs whose later word is at begin..end-1; `sentence` holds `begin`.

        Where it stopped: `end`, or before it when the events must be taken away first.
        """
        if not (0 <= begin <= end <= ids.shape[0] and 0 <= sentence < starts.shape[0] - 1):
            raise ValueError("positions outside the corpus")
        if starts[sentence] > begin or starts[starts.shape[0] - 1] < end:
            raise ValueError("the sentence does not hold the position")
        cdef pair_cursor cursor
        cdef int64_t k, n_words = self.plan.plan.n_words
        cursor.position, cursor.sentence = begin, sentence
        if begin == end:
            return end
        with nogil:
            for k in range(max(begin - self.plan.plan.window, 0), end):
                if ids[k] < 0 or ids[k] >= n_words:
                    break
            else:
                k = -1
            if k < 0:
                count_window(&self.plan.plan, &self.store, &self.cells[0], &ids[0], &starts[0],
                             end, &cursor)
        if k >= 0:
            raise ValueError(f"id {ids[k]} at {k}, expected 0 to {n_words - 1}")
        return cursor.position

    def add_cells_of(self, PairCounter target not None, PairCounter other not None,
                     int64_t begin, int64_t end):
        """Add cells of `other` to those of `target`; what they cannot hold becomes events here.
        Threads may do so at once for different ranges."""
        if other.plan is not self.plan or target.plan is not self.plan:
            raise ValueError("counters of different plans")
        if not 0 <= begin <= end <= self.plan.n_cells:
            raise ValueError("cells out of range")
        with nogil:
            begin = add_cells(&self.plan.plan, &self.store, &target.cells[0], &other.cells[0],
                              begin, end)
        return begin

    def n_events(self, int64_t stripe):
        """Events of a stripe waiting here."""
        self.plan.check_stripe(stripe)
        return gather_events(&self.plan.plan, &self.store, stripe, NULL)

    def clear_events(self):
        """Forget all events."""
        self.store.n_used = 0
        memset(self.store.ends, 0, self.plan.n_stripes * sizeof(char*))


cdef class StripeSorter:
    """Sorts and sums stripes one after the other; its memory is used again for the next."""

    cdef PairPlan plan
    cdef object event_memory, entry_memory, record_memory

    def __init__(self, PairPlan plan not None):
        self.plan = plan
        self.event_memory = np.empty(0, dtype=np.uint64)
        self.entry_memory = np.empty(0, dtype=np.uint64)
        self.record_memory = np.empty(0, dtype=np.float64)

    def entries(self, list counters, int64_t stripe, const uint64_t[:, ::1] spilled=None):
        """Sorted sums of a stripe's events in all counters and of entries from disk.

        uint64[n, 2] of keys and values; it is valid until the next call.
        """
        cdef int64_t n = 0, n_entries, n_spilled = spilled.shape[0] if spilled is not None else 0
        cdef PairCounter counter
        self.plan.check_stripe(stripe)
        for counter in counters:
            n += gather_events(&self.plan.plan, &counter.store, stripe, NULL)
        self.event_memory = with_room(self.event_memory, 2 * n)
        self.entry_memory = with_room(self.entry_memory, 4 * (n + n_spilled) + 2)
        cdef uint64_t[::1] events = self.event_memory
        cdef uint64_t[::1] words = self.entry_memory
        cdef uint64_t* gathered = &events[0] if n else NULL
        cdef uint64_t* sorted_events
        cdef pair_entry* entries = <pair_entry*>&words[0]
        cdef pair_entry* sorted_ones
        cdef int64_t done = 0, k
        cdef int first_bit = self.plan.first_bit, last_bit = self.plan.last_bit(stripe)
        for counter in counters:
            if n:
                done += gather_events(&self.plan.plan, &counter.store, stripe, gathered + done)
        with nogil:
            sorted_events = sort_events(gathered, gathered + n, n, first_bit, last_bit)
            n_entries = sum_events(&self.plan.plan, sorted_events, n, entries)
            for k in range(n_spilled):
                entries[n_entries + k].key = spilled[k, 0]
                entries[n_entries + k].value = spilled[k, 1]
            if n_spilled:
                n_entries += n_spilled
                sorted_ones = sort_entries(entries, entries + n_entries, n_entries, 0, last_bit)
            else:
                sorted_ones = entries
        first = (sorted_ones - entries) * 2
        return self.entry_memory[first : first + 2 * n_entries].reshape(-1, 2)

    def records(self, list counters, PairCounter cells not None, int64_t stripe,
                const uint64_t[:, ::1] spilled=None):
        """The records of a stripe in order; float64[n, 2], 16 bytes each: row and column (two
        int32), value.  Valid until the next call.  `cells` holds the summed cells."""
        cdef const uint64_t[:, ::1] entries = self.entries(counters, stripe, spilled)
        cdef int64_t n = entries.shape[0]
        cdef int64_t room = self.plan.n_cells_of(stripe) + n
        self.record_memory = with_room(self.record_memory, 2 * room + 2)
        cdef double[::1] out = self.record_memory
        cdef const pair_entry* first = <const pair_entry*>&entries[0, 0] if n else NULL
        with nogil:
            n = emit_stripe(&self.plan.plan, &cells.cells[0], self.plan.scale, stripe, first, n,
                            <pair_record*>&out[0])
        return self.record_memory[: 2 * n].reshape(-1, 2)


cdef with_room(array, int64_t n):
    """The array, or a larger one without its content."""
    if len(array) >= n:
        return array
    return np.empty(n + n // 4, dtype=array.dtype)
