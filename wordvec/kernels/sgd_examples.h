/* The examples of a shard as lists, for losses that go over the whole vocabulary (classify.h):
 * which input rows, which words to be predicted.
 *
 * In fastText's direction: with skip-gram the rows of the centre word predict each word of its
 * context, with CBOW the rows of all context words predict the centre.  One-vs-all takes every
 * word of the sentence for right, as fastText does.
 */
#ifndef WORDVEC_SGD_EXAMPLES_H
#define WORDVEC_SGD_EXAMPLES_H

#include <string.h>

#include "sgd_shard.h"

typedef struct {
    int64_t n_examples, n_rows;
} wv_example_counts;

/* Where the lists go: rows of example i are rows[row_starts[i]] ... rows[row_starts[i + 1] - 1]. */
typedef struct {
    int64_t *row_starts; /* [n_examples + 1] */
    int32_t *rows;       /* [n_rows] */
    int32_t *centres;    /* [n_examples]: number of the centre word, from 0 */
    int32_t *words;      /* [n_examples]: the word that is predicted */
    int64_t n_examples, n_rows;
} wv_example_lists;

static int64_t n_rows_of_word(const wv_model *model, int32_t word)
{
    return model->subword_starts ? model->subword_starts[word + 1] - model->subword_starts[word]
                                 : 1;
}

static void append_rows(const wv_model *model, int32_t word, wv_example_lists *lists)
{
    if (!model->subword_starts) {
        lists->rows[lists->n_rows++] = word;
        return;
    }
    int64_t start = model->subword_starts[word], n = n_rows_of_word(model, word);
    memcpy(lists->rows + lists->n_rows, model->subword_rows + start, (size_t)n * sizeof(int32_t));
    lists->n_rows += n;
}

static void append_example(int32_t centre, int32_t word, wv_example_lists *lists)
{
    lists->centres[lists->n_examples] = centre;
    lists->words[lists->n_examples++] = word;
    lists->row_starts[lists->n_examples] = lists->n_rows;
}

/* How many examples and rows the prepared shard makes. */
static wv_example_counts count_shard_examples(const wv_model *model, const wv_worker *worker)
{
    wv_example_counts counts = {0, 0};
    for (int64_t i = worker->first_centre; i < worker->end_centre; i++) {
        int64_t n_context = worker->context_last[i] - worker->context_first[i];
        if (!model->use_cbow) {
            counts.n_examples += n_context;
            counts.n_rows += n_context * n_rows_of_word(model, worker->kept[i]);
            continue;
        }
        counts.n_examples += n_context > 0;
        for (int64_t c = worker->context_first[i]; c <= worker->context_last[i]; c++)
            counts.n_rows += c == i ? 0 : n_rows_of_word(model, worker->kept[c]);
    }
    return counts;
}

static void list_shard_examples(const wv_model *model, const wv_worker *worker,
                                wv_example_lists *lists)
{
    lists->n_examples = lists->n_rows = 0;
    lists->row_starts[0] = 0;
    for (int64_t i = worker->first_centre; i < worker->end_centre; i++) {
        const int32_t centre = (int32_t)(i - worker->first_centre), word = worker->kept[i];
        for (int64_t c = worker->context_first[i]; c <= worker->context_last[i]; c++) {
            if (c == i)
                continue;
            append_rows(model, model->use_cbow ? worker->kept[c] : word, lists);
            if (!model->use_cbow)
                append_example(centre, worker->kept[c], lists);
        }
        if (model->use_cbow && worker->context_last[i] > worker->context_first[i])
            append_example(centre, word, lists);
    }
}

/* The different kept words of each sentence of the shard to `words`; for each of its centres,
 * ends[centre] and starts[centre] tell where those of its sentence lie.  seen[n_words] is scratch
 * of zeros and left so; words needs room for all tokens of these sentences.  Returns their number. */
static int64_t list_shard_sentences(const wv_model *model, const wv_shard *shard, uint8_t *seen,
                                    int32_t *words, int64_t *starts, int64_t *ends)
{
    int64_t sentence = sentence_of(shard, shard->first), n_words = 0, centre = 0;
    for (; sentence < shard->n_sentences && shard->starts[sentence] < shard->end; sentence++) {
        int64_t from = n_words;
        int64_t n_centres = 0;
        for (int64_t p = shard->starts[sentence]; p < shard->starts[sentence + 1]; p++) {
            if (!is_kept(model, shard, p))
                continue;
            n_centres += p >= shard->first && p < shard->end;
            int32_t word = shard->ids[p];
            words[n_words] = word;
            n_words += !seen[word];
            seen[word] = 1;
        }
        for (int64_t i = from; i < n_words; i++)
            seen[words[i]] = 0;
        for (; n_centres > 0; n_centres--, centre++) {
            starts[centre] = from;
            ends[centre] = n_words;
        }
    }
    return n_words;
}

/* Tokens of all sentences that the shard touches. */
static int64_t n_tokens_of_sentences(const wv_shard *shard)
{
    int64_t first = sentence_of(shard, shard->first), last = sentence_of(shard, shard->end - 1);
    return shard->starts[last + 1] - shard->starts[first];
}

#endif
