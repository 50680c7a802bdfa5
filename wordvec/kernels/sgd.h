/* Skip-gram and CBOW, negative sampling and hierarchical softmax: what the loops work on.
 *
 * One update serves all of them (sgd_block.h).  A *model* is shared by the threads: they change
 * its weight rows without locks (Hogwild) and nothing else.  A *worker* belongs to one thread.
 */
#ifndef WORDVEC_SGD_H
#define WORDVEC_SGD_H

#include <stdint.h>

enum { WV_NEGATIVES_RECYCLED = 0, WV_NEGATIVES_WINDOW = 1, WV_NEGATIVES_PAIR = 2 };

enum {
    WV_FIXED_MAX = 6,    /* rows of a block that stay in registers */
    WV_POOL_SIZE = 256,  /* recycled negatives: slots of the pool ... */
    WV_POOL_USES = 8,    /* ... and how often each drawn word is used, on average */
    WV_PAIR_RING = 16,   /* pairs prepared ahead when every pair has its own negatives */
    WV_DRAWS_AHEAD = 16, /* noise draws made ahead, a power of 2 */
    WV_PREFETCH_CENTRES = 2,
    WV_PREFETCH_SUBWORDS = 1, /* centres by which a word's rows are asked for before it enters */
    WV_PREFETCH_NUMBERS = 2,  /* centres before that for their numbers */
};

/* Alias method (Walker 1977, Vose 1991): slot i gives i when 32 random bits are < threshold,
 * else the other word. */
typedef struct {
    uint32_t threshold;
    uint32_t other;
} wv_alias;

typedef struct {
    float *in_rows;   /* [n_words][stride]; with subwords rows of n-grams follow */
    float *out_rows;  /* [n_words][stride], negative sampling; NULL without */
    float *node_rows; /* [n_words - 1][stride], inner nodes of the Huffman tree; NULL without */
    int64_t stride;   /* floats from row to row, a multiple of 16; the padding is 0 and stays 0 */
    int64_t n_words;
    const uint32_t *keep;    /* [n_words]: a token stays when 32 random bits are <= this; or NULL */
    const wv_alias *aliases; /* [n_words], noise distribution */
    const int64_t *path_starts; /* [n_words + 1]: word w's path is nodes path_starts[w] ... */
    const int32_t *path_nodes;  /* from the root down */
    const uint8_t *path_codes;  /* 0 or 1 beside each node */
    int32_t longest_path;
    const int64_t *subword_starts; /* [n_words + 1]; NULL: a word has the one row of its number */
    const int32_t *subword_rows;   /* word w's input rows: subword_rows[subword_starts[w]] ... */
    const float *locks; /* [input rows]: share of each change that reaches the row; NULL: all */
    int32_t window;
    int32_t negative;
    int32_t negatives; /* WV_NEGATIVES_... */
    int32_t group;  /* skip-gram: context words that share noise words; 0: all of a window */
    int32_t n_sets; /* sets of noise words that a centre can need, hence */
    int32_t use_cbow;
    int32_t cbow_mean;
    int32_t shrink_windows;
    int32_t max_sentence; /* kept words after which a sentence is cut; 0: never */
    int32_t hs_batch;     /* context words that share one step along the Huffman path */
    float *position_rows; /* [2 window][stride], places before and after the centre; or NULL */
    int32_t n_hot;        /* rows of each matrix that every worker keeps a copy of; 0: none */
} wv_model;

/* The rows of a matrix that one shard has touched, when shards are trained side by side from the
 * same state (kernels.sgd.Changes): their copies while it trains, their changes afterwards. */
typedef struct {
    float *rows;      /* [capacity][stride] */
    int32_t *numbers; /* [capacity]: which row of the matrix each is */
    int64_t n;
    int64_t capacity; /* no shard can touch more */
} wv_claims;

/* A worker's copy of the n_hot busiest rows of a matrix.  Threads that write the same cache lines
 * spend their time passing them on; so each trains its own copy of these rows and adds its changes
 * to the shared ones after each shard (Vuurens et al. 2016 cache the hottest nodes likewise). */
typedef struct {
    float *shared;   /* the whole matrix */
    int32_t first;   /* number of the first copied row; the others follow */
    int64_t n;       /* how many were copied */
    float *rows;     /* [n][stride], trained in place of the shared rows; NULL: no copies */
    float *received; /* [n][stride], the same rows as they were last received */
    wv_claims *claims; /* not NULL: every row is copied when it is first touched, and no other kept */
    int32_t *slots;    /* [rows of the matrix]: where a row lies among the claims, else -1 */
} wv_hot;

typedef struct {
    wv_hot in, out, nodes; /* copies of in_rows, out_rows and node_rows */
    wv_hot positions;      /* a copy of all position_rows, if there are any */
    uint64_t stream;       /* window widths, slots of the pool */
    uint64_t noise_stream; /* noise words, and nothing else */
    uint64_t draws_ahead[WV_DRAWS_AHEAD];
    uint32_t n_draws;
    uint32_t pool[WV_POOL_SIZE];
    uint32_t n_pool_draws;
    /* the kept tokens of the shard, with the context of each as a range of this same list */
    int32_t *kept, *context_first, *context_last;
    int64_t first_centre, end_centre, n_listed;
    float **claimed; /* with claims: the input row of each token of the list, claimed beforehand */
    /* Subword models: hidden vectors of the words around the centre (sgd_subword.h). */
    float *ring, *ring_before; /* [ring_mask + 1][stride], by position in the list & ring_mask */
    int64_t ring_mask;
    int64_t first_in_ring, end_in_ring; /* positions */
    /* scratch */
    int32_t *negatives;  /* rings of drawn words */
    float **stream_rows; /* rows of the block at hand */
    float *scores;       /* block of scores, then gradients */
    float *labels, *mask;
    float *hidden, *hidden_before, *spare_row;
    /* sums since the last reset */
    double loss;
    int64_t n_examples;
    int64_t n_kept;
    int64_t n_cuts; /* sentences cut at max_sentence */
} wv_worker;

typedef struct {
    const int32_t *ids;    /* [n_tokens] */
    const int64_t *starts; /* [n_sentences + 1] */
    int64_t n_sentences;
    int64_t first, end;   /* the tokens that are centre words of this shard */
    uint64_t epoch_key;   /* decides which tokens of the epoch are kept, whoever looks */
    uint64_t shard_key;   /* starts the shard's own stream */
    float rate;
} wv_shard;

/* Examples that are given one by one: input row inputs[k] shall predict outputs[k]. */
typedef struct {
    const int32_t *inputs, *outputs; /* [n] */
    int64_t n;
    uint64_t key; /* starts the stream of noise words */
    float rate;
} wv_pairs;

typedef struct {
    /* Train every kept token of the shard once. */
    void (*train_shard)(const wv_model *, wv_worker *, const wv_shard *);
    /* Train single pairs, each with noise words of its own. */
    void (*train_pairs)(const wv_model *, wv_worker *, const wv_pairs *);
    /* One update of n_fixed (1 to 6) x n_stream rows, for tests: labels[s * n_fixed + f];
     * returns the summed loss.  Scratch as in wv_worker. */
    double (*update_block)(wv_worker *, int n_fixed, float *const *fixed, int64_t n_stream,
                           float *const *stream, const float *labels, int64_t stride, float rate);
} wv_sgd_ops;

extern const wv_sgd_ops wv_sgd_ops_baseline;
#if defined(__x86_64__)
extern const wv_sgd_ops wv_sgd_ops_avx2;
extern const wv_sgd_ops wv_sgd_ops_avx512;
#endif

#endif
