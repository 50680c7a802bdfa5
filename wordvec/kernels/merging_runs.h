/* Word counts that outgrow memory: sorted runs of records, and their merge.
 *
 * A segment's table is written as one run: its words in byte order, each as a record_head followed
 * by the bytes of the word, in the byte order of the machine (runs are temporary files).  Nothing
 * here reads or writes files: callers hand in buffers and are asked for more. */
#ifndef WORDVEC_MERGING_RUNS_H
#define WORDVEC_MERGING_RUNS_H

#include "tokens_table.h"

typedef struct {
    uint32_t length;
    int32_t id; /* in the segment */
    uint64_t count, first_seen;
} record_head;

/* Byte order, shorter first among equals. */
static inline int compare_words(const uint8_t *a, uint32_t a_length, const uint8_t *b,
                                uint32_t b_length) {
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    return order ? order : (a_length > b_length) - (a_length < b_length);
}

/* ---- writing one run ---- */

typedef struct {
    uint64_t prefix; /* first 8 bytes, most significant first: orders most pairs */
    const uint8_t *word;
    uint64_t count;
    uint32_t length;
    int32_t id;
} sortable_word;

static inline uint64_t prefix_of(const uint8_t *word, uint32_t length) {
    uint64_t prefix = 0;
    for (uint32_t k = 0; k < 8; k++) prefix = prefix << 8 | (k < length ? word[k] : 0);
    return prefix;
}

static int compare_sortable(const void *left, const void *right) {
    const sortable_word *a = left, *b = right;
    if (a->prefix != b->prefix) return a->prefix < b->prefix ? -1 : 1;
    return compare_words(a->word, a->length, b->word, b->length);
}

/* All words of a table in byte order (the separator, id 0, is not a word); NULL: no memory. */
static sortable_word *sorted_words(const word_table *table) {
    size_t n_words = (size_t)table->n_ids - 1, n = 0;
    sortable_word *words = malloc((n_words + 1) * sizeof *words);
    if (words == NULL) return NULL;
    for (uint64_t place = 0; place < table->n_slots; place++) {
        const word_slot *slot = &table->slots[place];
        if (slot->length == EMPTY_SLOT || slot->id == 0) continue;
        const uint8_t *word = word_of_id(table, slot->id);
        sortable_word item = {prefix_of(word, slot->length), word, slot->count, slot->length,
                              slot->id};
        words[n++] = item;
    }
    qsort(words, n, sizeof *words, compare_sortable);
    return words;
}

/* Records of words[*done ...] while they fit; returns the bytes written. */
static int64_t write_records(const word_table *table, const sortable_word *words, int64_t n_words,
                             int64_t *done, uint8_t *out, int64_t room) {
    int64_t n_bytes = 0;
    for (; *done < n_words; ++*done) {
        const sortable_word *item = &words[*done];
        int64_t n_record = (int64_t)sizeof(record_head) + item->length;
        if (n_bytes + n_record > room) break;
        record_head head = {item->length, item->id, item->count, table->first_seen[item->id]};
        memcpy(out + n_bytes, &head, sizeof head);
        memcpy(out + n_bytes + sizeof head, item->word, item->length);
        n_bytes += n_record;
    }
    return n_bytes;
}

/* ---- merging runs ---- */

typedef struct {
    const uint8_t *bytes; /* unread records; the caller owns the buffer */
    int64_t n_bytes;
    record_head head; /* of the current record, when has_record */
    const uint8_t *word;
    uint64_t prefix;
    int has_record, is_last_buffer;
} run_reader;

typedef struct {
    run_reader *runs;
    int32_t *heap; /* run numbers, smallest word on top */
    int32_t n_runs, n_heap;
    uint64_t min_count;
    /* the survivors, in byte order of their words */
    uint8_t *arena;
    uint64_t arena_capacity;
    uint64_t *starts; /* n_words + 1 */
    uint64_t *counts, *first_seen;
    int64_t n_words, capacity;
    /* the word being summed lies at the end of the arena */
    uint64_t open_length, open_count, open_first_seen;
    int has_open;
} run_merger;

enum { MERGE_DONE = -1, MERGE_NO_MEMORY = -2 };

/* Take the next record out of the buffer; 0 when it is not there as a whole. */
static int next_record(run_reader *run) {
    run->has_record = 0;
    if (run->n_bytes < (int64_t)sizeof(record_head)) return 0;
    memcpy(&run->head, run->bytes, sizeof run->head);
    int64_t n_record = (int64_t)sizeof(record_head) + run->head.length;
    if (run->n_bytes < n_record) return 0;
    run->word = run->bytes + sizeof(record_head);
    run->prefix = prefix_of(run->word, run->head.length);
    run->bytes += n_record;
    run->n_bytes -= n_record;
    run->has_record = 1;
    return 1;
}

static inline int run_before(const run_merger *merger, int32_t a, int32_t b) {
    const run_reader *left = &merger->runs[a], *right = &merger->runs[b];
    if (left->prefix != right->prefix) return left->prefix < right->prefix;
    return compare_words(left->word, left->head.length, right->word, right->head.length) < 0;
}

static void sift_down(run_merger *merger, int32_t parent) {
    int32_t *heap = merger->heap;
    for (;;) {
        int32_t child = 2 * parent + 1;
        if (child >= merger->n_heap) return;
        if (child + 1 < merger->n_heap && run_before(merger, heap[child + 1], heap[child])) child++;
        if (!run_before(merger, heap[child], heap[parent])) return;
        int32_t swap = heap[child];
        heap[child] = heap[parent];
        heap[parent] = swap;
        parent = child;
    }
}

static void sift_up(run_merger *merger, int32_t child) {
    int32_t *heap = merger->heap;
    while (child > 0) {
        int32_t parent = (child - 1) / 2;
        if (!run_before(merger, heap[child], heap[parent])) return;
        int32_t swap = heap[child];
        heap[child] = heap[parent];
        heap[parent] = swap;
        child = parent;
    }
}

static int merger_reserve(run_merger *merger, uint32_t length) {
    if (merger->n_words + 2 > merger->capacity) {
        int64_t capacity = 2 * merger->capacity + 1024;
        uint64_t *starts = realloc(merger->starts, (size_t)capacity * sizeof *starts);
        if (starts) merger->starts = starts;
        uint64_t *counts = realloc(merger->counts, (size_t)capacity * sizeof *counts);
        if (counts) merger->counts = counts;
        uint64_t *seen = realloc(merger->first_seen, (size_t)capacity * sizeof *seen);
        if (seen) merger->first_seen = seen;
        if (!starts || !counts || !seen) return MERGE_NO_MEMORY;
        if (merger->n_words == 0) merger->starts[0] = 0;
        merger->capacity = capacity;
    }
    uint64_t end = merger->starts[merger->n_words] + length;
    if (end > merger->arena_capacity) {
        uint64_t capacity = end + end / 2 + 4096;
        uint8_t *arena = realloc(merger->arena, capacity);
        if (arena == NULL) return MERGE_NO_MEMORY;
        merger->arena = arena;
        merger->arena_capacity = capacity;
    }
    return 0;
}

static void close_word(run_merger *merger) {
    if (!merger->has_open) return;
    merger->has_open = 0;
    if (merger->open_count < merger->min_count) return; /* the next word overwrites it */
    int64_t word = merger->n_words++;
    merger->counts[word] = merger->open_count;
    merger->first_seen[word] = merger->open_first_seen;
    merger->starts[word + 1] = merger->starts[word] + merger->open_length;
}

static int sum_record(run_merger *merger, const run_reader *run) {
    const record_head *head = &run->head;
    if (merger->has_open) {
        const uint8_t *open_word = merger->arena + merger->starts[merger->n_words];
        if (merger->open_length == head->length && !memcmp(open_word, run->word, head->length)) {
            merger->open_count += head->count;
            if (head->first_seen < merger->open_first_seen)
                merger->open_first_seen = head->first_seen;
            return 0;
        }
        close_word(merger);
    }
    int status = merger_reserve(merger, head->length);
    if (status) return status;
    memcpy(merger->arena + merger->starts[merger->n_words], run->word, head->length);
    merger->open_length = head->length;
    merger->open_count = head->count;
    merger->open_first_seen = head->first_seen;
    merger->has_open = 1;
    return 0;
}

/* A run got its first or next buffer: put it on the heap unless it is at its end. */
static void run_refilled(run_merger *merger, int32_t run) {
    if (!next_record(&merger->runs[run])) return;
    merger->heap[merger->n_heap++] = run;
    sift_up(merger, merger->n_heap - 1);
}

/* Merge until a run needs its next buffer (returns its number) or all is done (MERGE_DONE). */
static int32_t merge_step(run_merger *merger) {
    while (merger->n_heap > 0) {
        int32_t top = merger->heap[0];
        run_reader *run = &merger->runs[top];
        int status = sum_record(merger, run);
        if (status) return status;
        if (next_record(run)) {
            sift_down(merger, 0);
            continue;
        }
        merger->heap[0] = merger->heap[--merger->n_heap];
        sift_down(merger, 0);
        if (!run->is_last_buffer) return top;
    }
    close_word(merger);
    return MERGE_DONE;
}

/* remap[segment id] = rank of the word in `table` (its id minus `first_id`), for the whole records
 * of a buffer; returns the bytes used.  Words that are not in the table are left alone. */
static int64_t remap_records(const word_table *table, const uint8_t *bytes, int64_t n_bytes,
                             int32_t first_id, int32_t *remap) {
    run_reader run = {.bytes = bytes, .n_bytes = n_bytes};
    while (next_record(&run)) {
        uint32_t length = run.head.length;
        word_key key = key_of_word(run.word, length);
        const word_slot *slot = find_slot(table, run.word, length, key, hash_of_key(key, length));
        if (slot->length != EMPTY_SLOT) remap[run.head.id] = slot->id - first_id;
    }
    return n_bytes - run.n_bytes;
}

#endif
