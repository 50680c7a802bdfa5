"""The C side of the token kernels: tables, scanning, runs."""

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


cdef extern from "tokens_scan.h" nogil:
    ctypedef struct byte_masks:
        uint64_t separators
        uint64_t newlines
    ctypedef struct chunk_rules:
        uint32_t max_word_bytes
        int nul_ends_word
        int use
        uint64_t place_in_corpus
    ctypedef struct chunk_counts:
        int64_t n_ids
        int64_t n_separators
        int64_t n_cut
        int64_t n_with_nul
        int64_t n_empty
    ctypedef struct sentence_state:
        int64_t n_ids
        int64_t n_sentences
        int64_t last_start
    byte_masks masks_portable(const uint8_t*)
    byte_masks masks_of_64(const uint8_t*)
    int resolve_text(word_table*, const uint8_t*, uint32_t, const chunk_rules*, chunk_counts*,
                     int32_t*)
    int resolve_spans(word_table*, const uint8_t*, const token_span*, int, const chunk_rules*,
                      chunk_counts*, int32_t*)
    int64_t remove_carriage_returns(uint8_t*, int64_t)
    int64_t up_to_last_separator(const uint8_t*, int64_t)
    int64_t remap_ids(const int32_t*, int64_t, const int32_t*, sentence_state*, int32_t*, int64_t*)


cdef extern from "tokens_runs.h" nogil:
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
