/* Counting pairs of words within a window, exactly.
 *
 * Weights are whole numbers of a unit (1/lcm of the distances), so that sums do not depend on
 * their order.  Pairs of frequent words have a cell of 32 bits in the table; what a cell cannot
 * hold, and all other pairs, become events, kept by stripe (a range of rows) until they are sorted
 * and summed.  An event waits in 4 bytes where window and vocabulary allow, since fresh memory costs
 * more than the arithmetic, else in 8.  Ranks, rows and columns begin at 1. */
#ifndef WORDVEC_COOCCUR_H
#define WORDVEC_COOCCUR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    CODE_BITS = 12,       /* of an event: the distance, or CODE_CARRY */
    CODE_CARRY = 4095,    /* 2^32 units that a cell overflowed by */
    NARROW_BITS = 5,      /* of the code in an event of 4 bytes, where all ones are CODE_CARRY */
    NARROW_CARRY = 31,
    CODE_UNITS = 0,       /* of an entry: its value is in units; else the number of pairs */
    MAX_WINDOW = 4094,
    CHUNK_BYTES = 4096,
    LINK_BYTES = 8,       /* at the begin of a chunk: the address of the stripe's chunk before */
    PENDING = 64,         /* cells on their way from memory */
};

#if defined(__GNUC__) || defined(__clang__)
#define WV_PREFETCH(address) __builtin_prefetch((address), 1)
#define WV_RARE(condition) __builtin_expect(!!(condition), 0)
#else
#define WV_PREFETCH(address) ((void)0)
#define WV_RARE(condition) (condition)
#endif

typedef struct {
    int64_t n_words, max_product;
    int window, symmetric;
    int near;                   /* up to this distance weights are whole units */
    int column_bits;
    int is_narrow;              /* events wait in 4 bytes */
    const int64_t *row_start;   /* cell of (row, column): row_start[row] + column */
    const int64_t *row_begin;   /* first cell of a row; [n_words + 1]: the number of cells */
    const int32_t *stripe_of;   /* stripe of a row */
    const int64_t *first_rows;  /* first row of a stripe; [n_stripes]: n_words + 1 */
    const uint64_t *units;      /* by distance, and CODE_CARRY: 2^32 */
} pair_plan;

typedef struct {
    char *chunks;  /* aligned to CHUNK_BYTES; each begins with the address that `ends` had before */
    int64_t n_chunks, n_used;
    char **ends;   /* by stripe: where its next event goes; NULL: none yet */
} event_store;

typedef struct {
    uint64_t key, value; /* key: as an event's, the code in its low bits */
} pair_entry;

/* The caller has seen to it that a chunk is free. */
static inline void push_event(const pair_plan *plan, event_store *store, int64_t row,
                              int64_t column, int code) {
    int64_t stripe = plan->stripe_of[row];
    uint64_t pair = (uint64_t)(row - plan->first_rows[stripe]) << plan->column_bits
                    | (uint64_t)column;
    char *end = store->ends[stripe];
    if (WV_RARE(((uintptr_t)end & (CHUNK_BYTES - 1)) == 0)) {
        char *chunk = store->chunks + store->n_used++ * CHUNK_BYTES;
        *(uint64_t *)chunk = (uint64_t)(uintptr_t)end;
        end = chunk + LINK_BYTES;
    }
    if (plan->is_narrow) {
        *(uint32_t *)end = (uint32_t)(pair << NARROW_BITS) | ((uint32_t)code & NARROW_CARRY);
        store->ends[stripe] = end + sizeof(uint32_t);
    } else {
        *(uint64_t *)end = pair << CODE_BITS | (uint64_t)code;
        store->ends[stripe] = end + sizeof(uint64_t);
    }
}

static void widen_events(const uint32_t *narrow, int64_t n, uint64_t *out) {
    for (int64_t k = 0; k < n; k++) {
        uint64_t code = narrow[k] & NARROW_CARRY;
        out[k] = (uint64_t)(narrow[k] >> NARROW_BITS) << CODE_BITS
                 | (code == NARROW_CARRY ? CODE_CARRY : code);
    }
}

/* Events of a stripe: their number, and to `out`, if it is not NULL, the events themselves: row in
 * the stripe, column, code. */
static int64_t gather_events(const pair_plan *plan, const event_store *store, int64_t stripe,
                             uint64_t *out) {
    const char *end = store->ends[stripe];
    int64_t n = 0, n_bytes = plan->is_narrow ? sizeof(uint32_t) : sizeof(uint64_t);
    while (end != NULL) {
        const char *chunk = (const char *)(((uintptr_t)end - 1) & ~(uintptr_t)(CHUNK_BYTES - 1));
        const char *first = chunk + LINK_BYTES;
        int64_t n_here = (end - first) / n_bytes;
        if (out != NULL && plan->is_narrow)
            widen_events((const uint32_t *)first, n_here, out + n);
        else if (out != NULL)
            memcpy(out + n, first, (size_t)n_here * sizeof *out);
        n += n_here;
        end = (const char *)(uintptr_t)*(const uint64_t *)chunk;
    }
    return n;
}

static void push_carry(const pair_plan *plan, event_store *store, int64_t cell) {
    int64_t low = 1, high = plan->n_words; /* the last row that begins at or before the cell */
    while (low < high) {
        int64_t middle = (low + high + 1) / 2;
        if (plan->row_begin[middle] <= cell) low = middle;
        else high = middle - 1;
    }
    int64_t column = cell - plan->row_start[low];
    push_event(plan, store, low, column, CODE_CARRY);
    if (plan->symmetric && column != low) push_event(plan, store, column, low, CODE_CARRY);
}

static inline void add_to_cell(const pair_plan *plan, event_store *store, uint32_t *cells,
                               uint32_t *cell, uint32_t units) {
    uint32_t sum = *cell + units;
    *cell = sum;
    if (WV_RARE(sum < units)) push_carry(plan, store, cell - cells);
}

typedef struct {
    int64_t position, sentence; /* the next target word, and the sentence it stands in */
} pair_cursor;

/* Count the pairs whose later word stands before `end`; stops early, at a word's beginning, when
 * the store might not hold the next one's pairs.  Cell 0 belongs to no pair. */
static void count_window(const pair_plan *plan, event_store *store, uint32_t *cells,
                         const int32_t *ids, const int64_t *starts, int64_t end,
                         pair_cursor *cursor) {
    const int window = plan->window, symmetric = plan->symmetric, near = plan->near;
    const int64_t max_product = plan->max_product, *row_start = plan->row_start;
    const int64_t n_reserved = 2 * (int64_t)(window + PENDING) + 2 * window;
    const uint64_t *units = plan->units;
    uint32_t *waiting[PENDING], weights[PENDING];
    unsigned n = 0;
    for (int k = 0; k < PENDING; k++) waiting[k] = cells, weights[k] = 0;
    int64_t p = cursor->position, sentence = cursor->sentence;
    for (; p < end && store->n_chunks - store->n_used > n_reserved; p++) {
        while (starts[sentence + 1] <= p) sentence++;
        int64_t first = starts[sentence], later = ids[p] + (int64_t)1;
        if (p - first > window) first = p - window;
        for (int64_t q = p - 1; q >= first; q--) {
            int64_t row = ids[q] + (int64_t)1, column = later;
            int distance = (int)(p - q), twice = 0;
            if (symmetric) {
                int64_t smaller = row < column ? row : column;
                twice = row == column; /* both directions fall on the diagonal */
                column = row < column ? column : row;
                row = smaller;
            }
            if (row * column <= max_product && distance <= near) {
                uint32_t *cell = cells + row_start[row] + column;
                WV_PREFETCH(cell);
                unsigned slot = n++ % PENDING;
                add_to_cell(plan, store, cells, waiting[slot], weights[slot]);
                waiting[slot] = cell;
                weights[slot] = (uint32_t)units[distance] << twice;
            } else {
                push_event(plan, store, row, column, distance);
                if (symmetric) push_event(plan, store, column, row, distance);
            }
        }
    }
    for (int k = 0; k < PENDING; k++) add_to_cell(plan, store, cells, waiting[k], weights[k]);
    cursor->position = p;
    cursor->sentence = sentence;
}

/* sums[begin..end) += added[begin..end); the first cell not added, for want of room for carries. */
static int64_t add_cells(const pair_plan *plan, event_store *store, uint32_t *sums,
                         const uint32_t *added, int64_t begin, int64_t end) {
    while (begin < end && store->n_chunks - store->n_used > 2 * PENDING) {
        int64_t stop = end - begin < PENDING ? end : begin + PENDING;
        for (; begin < stop; begin++)
            if (added[begin]) add_to_cell(plan, store, sums, sums + begin, added[begin]);
    }
    return begin;
}

/* ---- sorting ---------------------------------------------------------------------------------*/

#define DIGIT_BITS 12

/* Sorts words[0..n) by bits low..high-1, stable; the sorted ones lie in the array returned. */
#define RADIX_SORT(name, type, key_of)                                                          \
    static type *name(type *items, type *scratch, int64_t n, int low, int high) {               \
        int n_passes = (high - low + DIGIT_BITS - 1) / DIGIT_BITS;                              \
        if (n < 2 || n_passes < 1) return items;                                                \
        int n_bits = (high - low + n_passes - 1) / n_passes;                                    \
        uint64_t mask = (UINT64_C(1) << n_bits) - 1;                                            \
        for (int shift = low; shift < high; shift += n_bits) {                                  \
            int64_t places[1 << DIGIT_BITS] = {0}, total = 0;                                   \
            for (int64_t k = 0; k < n; k++) places[(key_of(items[k]) >> shift) & mask]++;       \
            for (uint64_t digit = 0; digit <= mask; digit++) {                                  \
                int64_t n_here = places[digit];                                                 \
                places[digit] = total;                                                          \
                total += n_here;                                                                \
            }                                                                                   \
            for (int64_t k = 0; k < n; k++)                                                     \
                scratch[places[(key_of(items[k]) >> shift) & mask]++] = items[k];               \
            type *sorted = scratch;                                                             \
            scratch = items;                                                                    \
            items = sorted;                                                                     \
        }                                                                                       \
        return items;                                                                           \
    }
#define KEY_OF_EVENT(event) (event)
#define KEY_OF_ENTRY(entry) ((entry).key)
RADIX_SORT(sort_events, uint64_t, KEY_OF_EVENT)
RADIX_SORT(sort_entries, pair_entry, KEY_OF_ENTRY)

/* Sorted events to entries: one in units for each pair, and one for each of its far distances. */
static int64_t sum_events(const pair_plan *plan, const uint64_t *events, int64_t n,
                          pair_entry *entries) {
    const uint64_t code_mask = (1 << CODE_BITS) - 1;
    int64_t n_entries = 0;
    for (int64_t first = 0, end; first < n; first = end) {
        uint64_t pair = events[first] >> CODE_BITS, units = 0, n_near = 0;
        for (end = first; end < n && events[end] >> CODE_BITS == pair; end++) {
            uint64_t code = events[end] & code_mask;
            if (code <= (uint64_t)plan->near || code == CODE_CARRY)
                units += plan->units[code], n_near++;
        }
        if (units) entries[n_entries++] = (pair_entry){pair << CODE_BITS | CODE_UNITS, units};
        if (n_near == (uint64_t)(end - first)) continue;
        for (int64_t k = first; k < end; k++) {
            uint64_t code = events[k] & code_mask;
            if (code <= (uint64_t)plan->near || code == CODE_CARRY) continue;
            if (n_entries && entries[n_entries - 1].key == events[k]) entries[n_entries - 1].value++;
            else entries[n_entries++] = (pair_entry){events[k], 1};
        }
    }
    return n_entries;
}

/* ---- records ---------------------------------------------------------------------------------*/

typedef struct {
    int32_t row, column;
    double value;
} pair_record;

/* Units of one pair from the cell and its entries, which begin at `*next`: the value. */
static inline double value_of_pair(const pair_plan *plan, uint64_t units, double scale,
                                   const pair_entry *entries, int64_t n, int64_t *next,
                                   uint64_t pair) {
    const uint64_t code_mask = (1 << CODE_BITS) - 1;
    int64_t k = *next;
    for (; k < n && entries[k].key == pair << CODE_BITS; k++) units += entries[k].value;
    double value = (double)units / scale;
    while (k < n && entries[k].key >> CODE_BITS == pair) { /* far distances, the nearest first */
        uint64_t key = entries[k].key, n_pairs = 0;
        for (; k < n && entries[k].key == key; k++) n_pairs += entries[k].value;
        value += (double)n_pairs / (double)(key & code_mask);
    }
    *next = k;
    return value;
}

/* Records of the cells of a row from column `first` up to `end`, which is not one of them: those
 * that are not empty.  Without a branch, as cells are empty at random. */
static inline int64_t emit_cells(const pair_plan *plan, const uint32_t *cells, double scale,
                                 int64_t row, int64_t first, int64_t end, pair_record *records) {
    const int64_t *row_start = plan->row_start;
    int64_t n = 0, column = first;
    if (plan->symmetric) /* below the diagonal: the cell of the pair turned round */
        for (; column < end && column < row; column++) {
            uint32_t units = cells[row_start[column] + row];
            records[n] = (pair_record){(int32_t)row, (int32_t)column, (double)units / scale};
            n += units != 0;
        }
    const uint32_t *of_row = cells + row_start[row];
    for (; column < end; column++) {
        uint32_t units = of_row[column];
        records[n] = (pair_record){(int32_t)row, (int32_t)column, (double)units / scale};
        n += units != 0;
    }
    return n;
}

static inline uint32_t units_in_cell(const pair_plan *plan, const uint32_t *cells, int64_t row,
                                     int64_t column) {
    if (plan->symmetric && column < row) return cells[plan->row_start[column] + row];
    return cells[plan->row_start[row] + column];
}

/* All pairs of a stripe, from its cells and its sorted entries, in order of row and column; the
 * number of records.  There must be room for every cell of its rows and every entry, and one. */
static int64_t emit_stripe(const pair_plan *plan, const uint32_t *cells, double scale,
                           int64_t stripe, const pair_entry *entries, int64_t n,
                           pair_record *records) {
    int64_t n_records = 0, next = 0;
    const uint64_t column_mask = (UINT64_C(1) << plan->column_bits) - 1;
    for (int64_t row = plan->first_rows[stripe]; row < plan->first_rows[stripe + 1]; row++) {
        uint64_t local = (uint64_t)(row - plan->first_rows[stripe]);
        int64_t done = 0, last = plan->max_product / row; /* of the columns that have a cell */
        if (last > plan->n_words) last = plan->n_words;
        while (next < n && entries[next].key >> CODE_BITS >> plan->column_bits == local) {
            uint64_t pair = entries[next].key >> CODE_BITS;
            int64_t column = (int64_t)(pair & column_mask), end = column <= last ? column : last + 1;
            if (done < last) {
                n_records += emit_cells(plan, cells, scale, row, done + 1, end, records + n_records);
                done = end - 1;
            }
            uint64_t units = 0;
            if (column <= last) units = units_in_cell(plan, cells, row, column), done = column;
            double value = value_of_pair(plan, units, scale, entries, n, &next, pair);
            records[n_records++] = (pair_record){(int32_t)row, (int32_t)column, value};
        }
        if (done < last)
            n_records += emit_cells(plan, cells, scale, row, done + 1, last + 1,
                                    records + n_records);
    }
    return n_records;
}

#endif
