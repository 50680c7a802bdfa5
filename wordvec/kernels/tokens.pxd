"""The table of words, for the other token kernels, and its C side."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t


cdef extern from "tokens_table.h" nogil:
    enum:
        COUNT_WORDS, COUNT_AND_PRUNE, LOOK_UP, TABLE_TOO_MANY_WORDS, TEXT_PADDING, EMPTY_SLOT
        BATCH_TOKENS
    ctypedef struct word_key:
        uint64_t low
        uint64_t high
    ctypedef struct word_slot:
        uint64_t count
        uint32_t length
        int32_t id
    ctypedef struct token_span:
        uint32_t begin
        uint32_t length
    ctypedef struct word_table:
        uint8_t* arena
        uint64_t arena_bytes
        uint64_t* word_starts
        uint64_t* first_seen
        int32_t n_ids
        int64_t prune_at
    int table_init(word_table*, int separator)
    void table_free(word_table*)
    uint64_t table_bytes(const word_table*)
    void table_counts(const word_table*, int64_t* counts)
    int table_absorb(word_table*, const word_table* other, int32_t* local_to_own)
    int reserve_words(word_table*, uint64_t n_words)
    word_key key_of_word(const uint8_t*, uint32_t)
    uint64_t hash_of_key(word_key, uint32_t)
    word_slot* find_slot(const word_table*, const uint8_t*, uint32_t, word_key, uint64_t)
    int add_word(word_table*, const uint8_t*, uint32_t, word_key, uint64_t, uint64_t)


cdef class WordTable:
    cdef word_table table
    cdef bint prunes
    cdef bint separator
