# distutils: language = c
"""Uniform shuffles of 16-byte records in place: our own, and GloVe's with glibc's rand()."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

import numpy as np


cdef extern from "random.h" nogil:
    uint64_t wv_key(uint64_t, uint64_t, uint64_t)
    uint64_t wv_stream(uint64_t)


cdef extern from "glibc_random.h" nogil:
    ctypedef struct glibc_random:
        pass
    void glibc_seed(glibc_random*, uint32_t)
    int64_t glibc_rand(glibc_random*)


cdef extern from "shuffling.h" nogil:
    ctypedef struct wv_record:
        pass
    void shuffle_like_glove(glibc_random*, wv_record*, int64_t)
    void shuffle_by_stream(uint64_t*, wv_record*, int64_t)
    void scatter_records(uint64_t*, const wv_record*, int64_t, int, int32_t*, int64_t*, wv_record*)


cdef class GloveShuffler:
    """The original's shuffle: srand(seed), then two rand() for each record."""

    cdef glibc_random state

    def __cinit__(self, int64_t seed):
        glibc_seed(&self.state, <uint32_t>seed)

    def rand(self):
        """The next number of glibc's rand(): 0 to 2147483647."""
        return glibc_rand(&self.state)

    def shuffle(self, uint64_t[:, ::1] records not None):
        """Shuffle uint64[n, 2] in place."""
        check_width(records)
        if records.shape[0]:
            with nogil:
                shuffle_like_glove(&self.state, <wv_record*>&records[0, 0], records.shape[0])


cdef class Shuffler:
    """Our own shuffle: a stream of 64-bit numbers that `seed` and `purpose` determine."""

    cdef uint64_t state

    def __cinit__(self, uint64_t seed, uint64_t purpose=0):
        self.state = wv_stream(wv_key(seed, 0x676C6F7665, purpose))

    def shuffle(self, uint64_t[:, ::1] records not None):
        """Shuffle uint64[n, 2] in place."""
        check_width(records)
        if records.shape[0]:
            with nogil:
                shuffle_by_stream(&self.state, <wv_record*>&records[0, 0], records.shape[0])

    def scatter(self, const uint64_t[:, ::1] records not None, int n_buckets,
                uint64_t[:, ::1] out not None):
        """Write the records to `out` by bucket, drawn for each; int64[n_buckets]: their ends."""
        check_width(records)
        check_width(out)
        cdef int64_t n = records.shape[0]
        if n_buckets < 1 or out.shape[0] < n:
            raise ValueError("no bucket, or too little room")
        drawn_array = np.empty(max(n, 1), dtype=np.int32)
        ends_array = np.zeros(n_buckets, dtype=np.int64)
        cdef int32_t[::1] drawn = drawn_array
        cdef int64_t[::1] ends = ends_array
        if n:
            with nogil:
                scatter_records(&self.state, <const wv_record*>&records[0, 0], n, n_buckets,
                                &drawn[0], &ends[0], <wv_record*>&out[0, 0])
        return ends_array


cdef int check_width(const uint64_t[:, ::1] records) except -1:
    if records.shape[1] != 2:
        raise ValueError(f"records of {records.shape[1]} words, expected 2")
    return 0
