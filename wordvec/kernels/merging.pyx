# distutils: language = c
"""What comes after counting: sorted runs of words, their merge, and provisional ids made final.

Nothing here opens a file or starts a thread.  Every function runs without the GIL and may be
called by several threads at once as long as no two share an object.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from wordvec.kernels.tokens cimport TEXT_PADDING, WordTable, word_table

import numpy as np


cdef extern from "merging_runs.h" nogil:
    enum:
        MERGE_DONE
    ctypedef struct sortable_word:
        pass
    ctypedef struct run_reader:
        const uint8_t* bytes
        int64_t n_bytes
        int is_last_buffer
    ctypedef struct run_merger:
        run_reader* runs
        int32_t* heap
        int32_t n_runs
        uint64_t min_count
        uint8_t* arena
        uint64_t* starts
        uint64_t* counts
        uint64_t* first_seen
        int64_t n_words
    sortable_word* sorted_words(const word_table*)
    int64_t write_records(const word_table*, const sortable_word*, int64_t, int64_t*, uint8_t*,
                          int64_t)
    void run_refilled(run_merger*, int32_t)
    int32_t merge_step(run_merger*)
    int64_t remap_records(const word_table*, const uint8_t*, int64_t, int32_t, int32_t*)


cdef extern from "merging_sentences.h" nogil:
    ctypedef struct sentence_state:
        int64_t n_ids
        int64_t n_sentences
        int64_t last_start
        int32_t separator_row
    int64_t remap_ids(const int32_t*, int64_t, const int32_t*, sentence_state*, int32_t*, int64_t*)


cdef class RunWriter:
    """Gives the words of a table in byte order as records; do not count into it meanwhile."""

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


def remap_of_records(WordTable table not None, const uint8_t[::1] records, Py_ssize_t n_bytes,
                     int32_t[::1] remap, int32_t first_id):
    """remap[id in the run] = (id in the table) - first_id for the whole records of a buffer.

    The buffer needs PADDING bytes behind records[:n_bytes].  Returns the bytes used; words
    unknown there leave their place in `remap` as it is.
    """
    if not 0 <= n_bytes or n_bytes + TEXT_PADDING > records.shape[0]:
        raise ValueError(f"{n_bytes} bytes and padding do not fit in {records.shape[0]}")
    cdef int64_t n_used = 0
    if n_bytes:
        with nogil:
            n_used = remap_records(&table.table, &records[0], n_bytes, first_id, &remap[0])
    return n_used


cdef class SentenceRemapper:
    """Provisional ids, block after block in corpus order, to final ids and sentence starts.

    `separator_row`: the final id that each end of a sentence leaves as its last word; -1: none.
    """

    cdef sentence_state state

    def __cinit__(self, int32_t separator_row=-1):
        memset(&self.state, 0, sizeof(self.state))
        self.state.separator_row = separator_row

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
