/* Lines of an edge list or an adjacency list to pairs of node numbers.
 *
 * Node ids are byte strings, numbered by first appearance in a word_table (from 1; the numbers
 * given out here are from 0).  A line that cannot be read ends the parse with an error code and the
 * line's number in the text. */
#ifndef WORDVEC_EDGES_LINES_H
#define WORDVEC_EDGES_LINES_H

#include <float.h>
#include <math.h>

#include "number_parse.h"
#include "tokens_table.h"

enum { LINE_OK = 0, LINE_ONE_FIELD, LINE_NO_WEIGHT, LINE_BAD_WEIGHT, LINE_NEGATIVE_WEIGHT };
enum { WEIGHT_TEXT_BYTES = 120 };

typedef struct {
    int delimiter;  /* a byte between fields, or -1: any run of blanks */
    int adjacency;  /* lines are a node and its neighbours */
    int weighted;   /* the third field is a weight */
    int drop_loops;
    uint64_t place; /* in the order of all chunks, of the first id of this text */
} line_rules;

typedef struct {
    int64_t n_edges, n_lines;
    int64_t n_zero_weights; /* edges of weight 0, left out */
    int64_t n_loops;        /* left out */
    int64_t n_third_fields; /* ignored */
    int error;
    int64_t field_begin, field_end; /* the field that is wrong */
} line_counts;

typedef struct {
    word_table *table;
    const uint8_t *text;
    const line_rules *rules;
    line_counts *counts;
    int32_t *pairs;
    float *weights;
    uint64_t n_tokens;
    int32_t source; /* of the targets to come */
    int n_batch;
    token_span spans[BATCH_TOKENS];
    uint8_t is_source[BATCH_TOKENS];
    float batch_weights[BATCH_TOKENS];
} line_state;

typedef struct {
    int64_t begin, end;
} text_span;

static inline int is_blank(uint8_t c) { return c == ' ' || c == '\t' || c == '\r'; }

static inline text_span stripped(const uint8_t *text, text_span span)
{
    while (span.begin < span.end && is_blank(text[span.begin]))
        span.begin++;
    while (span.begin < span.end && is_blank(text[span.end - 1]))
        span.end--;
    return span;
}

/* The field at *position of a line that ends at `end`; moves *position behind it. */
static inline text_span next_field(const uint8_t *text, int64_t *position, int64_t end,
                                   int delimiter)
{
    text_span field;
    if (delimiter < 0) {
        while (*position < end && is_blank(text[*position]))
            ++*position;
        field.begin = *position;
        while (*position < end && !is_blank(text[*position]))
            ++*position;
        field.end = *position;
        return field;
    }
    field.begin = *position;
    while (*position < end && text[*position] != delimiter)
        ++*position;
    field.end = *position;
    *position += *position < end;
    return stripped(text, field);
}

/* The number in a field; 0 when it is none. */
static int read_weight(const uint8_t *text, text_span field, float *weight)
{
    unsigned char copy[WEIGHT_TEXT_BYTES + NUMBER_PADDING + 1] = {0};
    int64_t length = field.end - field.begin;
    if (length > WEIGHT_TEXT_BYTES)
        return 0;
    memcpy(copy, text + field.begin, (size_t)length);
    copy[length] = '\n';
    struct number_scan scan = scan_number(copy);
    if (scan.status == NUMBER_BAD || scan.end != copy + length)
        return 0;
    *weight = scan.status == NUMBER_READY ? scan.value : (float)strtod((char *)copy, NULL);
    return 1;
}

/* Looks up the ids of the batch and writes its edges; an error of the table, or 0. */
static int flush_batch(line_state *state)
{
    int32_t ids[BATCH_TOKENS];
    line_counts *counts = state->counts;
    int status = resolve_batch(state->table, state->text, state->spans, state->n_batch,
                               state->rules->place + state->n_tokens, ids, COUNT_WORDS);
    if (status)
        return status;
    for (int k = 0; k < state->n_batch; k++) {
        if (state->is_source[k]) {
            state->source = ids[k] - 1;
            continue;
        }
        int32_t target = ids[k] - 1;
        if (state->rules->drop_loops && target == state->source) {
            counts->n_loops++;
            continue;
        }
        if (state->batch_weights[k] == 0) {
            counts->n_zero_weights++;
            continue;
        }
        state->pairs[2 * counts->n_edges] = state->source;
        state->pairs[2 * counts->n_edges + 1] = target;
        if (state->rules->weighted)
            state->weights[counts->n_edges] = state->batch_weights[k];
        counts->n_edges++;
    }
    state->n_tokens += (uint64_t)state->n_batch;
    state->n_batch = 0;
    return 0;
}

static inline int add_id(line_state *state, text_span id, int is_source, float weight)
{
    int status = state->n_batch == BATCH_TOKENS ? flush_batch(state) : 0;
    int k = state->n_batch++;
    state->spans[k].begin = (uint32_t)id.begin;
    state->spans[k].length = (uint32_t)(id.end - id.begin);
    state->is_source[k] = (uint8_t)is_source;
    state->batch_weights[k] = weight;
    return status;
}

static inline int wrong(line_state *state, int error, text_span field)
{
    state->counts->error = error;
    state->counts->field_begin = field.begin;
    state->counts->field_end = field.end;
    return 0;
}

/* One edge `u v [w]`. */
static int read_edge(line_state *state, int64_t position, int64_t end)
{
    const line_rules *rules = state->rules;
    text_span line = {position, end};
    text_span source = next_field(state->text, &position, end, rules->delimiter);
    text_span target = next_field(state->text, &position, end, rules->delimiter);
    text_span third = next_field(state->text, &position, end, rules->delimiter);
    float weight = 1;
    if (source.begin == source.end || target.begin == target.end)
        return wrong(state, LINE_ONE_FIELD, line);
    if (rules->weighted) {
        if (third.begin == third.end)
            return wrong(state, LINE_NO_WEIGHT, line);
        if (!read_weight(state->text, third, &weight) || !(fabsf(weight) <= FLT_MAX))
            return wrong(state, LINE_BAD_WEIGHT, third);
        if (weight < 0)
            return wrong(state, LINE_NEGATIVE_WEIGHT, third);
    } else {
        state->counts->n_third_fields += third.begin < third.end;
    }
    int status = add_id(state, source, 1, 0);
    return status ? status : add_id(state, target, 0, weight);
}

/* A node and its neighbours. */
static int read_neighbours(line_state *state, int64_t position, int64_t end)
{
    int is_source = 1;
    for (;;) {
        text_span id = next_field(state->text, &position, end, -1);
        if (id.begin == id.end)
            return 0;
        int status = add_id(state, id, is_source, 1);
        if (status)
            return status;
        is_source = 0;
    }
}

/* Reads text[:n_bytes], which ends with a newline and has TEXT_PADDING bytes behind it.  `pairs`
 * needs n_bytes + 2 places, `weights` half as many.  0, or an error of the table. */
static int read_lines(word_table *table, const uint8_t *text, int64_t n_bytes,
                      const line_rules *rules, line_counts *counts, int32_t *pairs, float *weights)
{
    line_state state;
    memset(counts, 0, sizeof *counts);
    state.table = table;
    state.text = text;
    state.rules = rules;
    state.counts = counts;
    state.pairs = pairs;
    state.weights = weights;
    state.n_tokens = 0;
    state.source = 0;
    state.n_batch = 0;
    for (int64_t position = 0; position < n_bytes && !counts->error;) {
        const uint8_t *newline = memchr(text + position, '\n', (size_t)(n_bytes - position));
        int64_t end = newline - text;
        text_span line = {position, end};
        line = stripped(text, line);
        uint8_t first = line.begin < line.end ? text[line.begin] : '#';
        counts->n_lines++;
        if (first != '#' && (first != '%' || rules->adjacency)) {
            int status = rules->adjacency ? read_neighbours(&state, position, end)
                                          : read_edge(&state, position, end);
            if (status)
                return status;
        }
        position = end + 1;
    }
    return state.n_batch ? flush_batch(&state) : 0;
}

#endif
