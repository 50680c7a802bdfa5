"""Training kernels for skip-gram and CBOW: a Model that threads share, a Worker for each.

Python checks and owns the arrays; everything per word is C (sgd_body.h).  `Worker.train` runs
without the GIL for one shard, a few milliseconds of work.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

import numpy as np

from wordvec.kernels import simd


cdef extern from "<stdlib.h>":
    int posix_memalign(void **memory, size_t alignment, size_t size) noexcept


cdef extern from "sgd.h":
    enum:
        WV_NEGATIVES_RECYCLED
        WV_NEGATIVES_WINDOW
        WV_NEGATIVES_PAIR
        WV_FIXED_MAX
        WV_PAIR_RING
    ctypedef struct wv_alias:
        uint32_t threshold
        uint32_t other
    ctypedef struct wv_model:
        float *in_rows
        float *out_rows
        float *node_rows
        int64_t stride
        int64_t n_words
        const uint32_t *keep
        const wv_alias *aliases
        const int64_t *path_starts
        const int32_t *path_nodes
        const uint8_t *path_codes
        int32_t longest_path
        const int64_t *subword_starts
        const int32_t *subword_rows
        const float *locks
        int32_t window
        int32_t negative
        int32_t negatives
        int32_t group
        int32_t n_sets
        int32_t use_cbow
        int32_t cbow_mean
        int32_t shrink_windows
        int32_t max_sentence
        int32_t hs_batch
        float *position_rows
        int32_t n_hot
    ctypedef struct wv_claims:
        float *rows
        int32_t *numbers
        int64_t n
        int64_t capacity
    ctypedef struct wv_hot:
        float *shared
        int32_t first
        int64_t n
        float *rows
        float *received
        wv_claims *claims
        int32_t *slots
    ctypedef struct wv_worker:
        uint64_t stream
        wv_hot in_copies "in"
        wv_hot out
        wv_hot nodes
        wv_hot positions
        int32_t *kept
        float **claimed
        int32_t *context_first
        int32_t *context_last
        int64_t first_centre
        int64_t end_centre
        float *ring
        float *ring_before
        int64_t ring_mask
        int32_t *negatives
        float **stream_rows
        float *scores
        float *labels
        float *mask
        float *hidden
        float *hidden_before
        float *spare_row
        double loss
        int64_t n_examples
        int64_t n_kept
        int64_t n_cuts
    ctypedef struct wv_shard:
        const int32_t *ids
        const int64_t *starts
        int64_t n_sentences
        int64_t first
        int64_t end
        uint64_t epoch_key
        uint64_t shard_key
        float rate
    ctypedef struct wv_pairs:
        const int32_t *inputs
        const int32_t *outputs
        int64_t n
        uint64_t key
        float rate
    ctypedef struct wv_sgd_ops:
        void (*train_shard)(const wv_model *, wv_worker *, const wv_shard *) noexcept nogil
        void (*train_pairs)(const wv_model *, wv_worker *, const wv_pairs *) noexcept nogil
        double (*update_block)(wv_worker *, int, float **, int64_t, float **, const float *,
                               int64_t, float) noexcept nogil
    const wv_sgd_ops wv_sgd_ops_baseline


cdef extern from "sgd_changes.h":
    void wv_add_changes(float *shared, const wv_claims *claims, int64_t stride,
                        const float *shares, int32_t part, int32_t n_parts) noexcept nogil


cdef extern from "sgd_examples.h" nogil:
    ctypedef struct wv_example_counts:
        int64_t n_examples
        int64_t n_rows
    ctypedef struct wv_example_lists:
        int64_t *row_starts
        int32_t *rows
        int32_t *centres
        int32_t *words
    void prepare_shard(const wv_model *, wv_worker *, const wv_shard *) noexcept
    wv_example_counts count_shard_examples(const wv_model *, const wv_worker *) noexcept
    void list_shard_examples(const wv_model *, const wv_worker *, wv_example_lists *) noexcept
    int64_t list_shard_sentences(const wv_model *, const wv_shard *, uint8_t *, int32_t *,
                                 int64_t *, int64_t *) noexcept
    int64_t n_tokens_of_sentences(const wv_shard *) noexcept
    uint64_t wv_stream(uint64_t) noexcept


cdef extern from *:
    """
    static const wv_sgd_ops *wv_sgd_ops_of(int level)
    {
    #if defined(__x86_64__)
        if (level == 2)
            return &wv_sgd_ops_avx512;
        if (level == 1)
            return &wv_sgd_ops_avx2;
    #endif
        (void)level;
        return &wv_sgd_ops_baseline;
    }
    """
    const wv_sgd_ops *wv_sgd_ops_of(int level) noexcept


NEGATIVES = {
    "recycled": WV_NEGATIVES_RECYCLED,
    "window": WV_NEGATIVES_WINDOW,
    "group": WV_NEGATIVES_WINDOW,
    "pair": WV_NEGATIVES_PAIR,
}
GROUP_WORDS = 5  # context words that share noise words with "group"
FLOATS_PER_LINE = 16  # rows start on cache lines and end on them


def padded(int64_t dim):
    """Floats from row to row: dim rounded up to whole cache lines of 16 floats."""
    return (dim + FLOATS_PER_LINE - 1) // FLOATS_PER_LINE * FLOATS_PER_LINE


cdef void *_new_block(int64_t n_bytes) except NULL:
    """Zeroed memory on a 128-byte boundary, so that no two threads share a cache line."""
    cdef void *memory = NULL
    cdef size_t size = <size_t>((n_bytes + 127) // 128 * 128 + 128)
    if posix_memalign(&memory, 128, size):
        raise MemoryError(f"no memory for {n_bytes} bytes of a worker's scratch")
    memset(memory, 0, size)
    return memory


cdef float *_rows(float[:, ::1] rows, int64_t n_rows, int64_t stride, str name) except? NULL:
    if rows is None:
        return NULL
    if rows.shape[0] < n_rows or rows.shape[1] != stride:
        raise ValueError(
            f"{name}: expected at least {n_rows} rows of {stride} floats, "
            f"found {rows.shape[0]} of {rows.shape[1]}"
        )
    if rows.shape[0] == 0:
        raise ValueError(f"{name}: no rows")
    if <size_t>&rows[0, 0] % 64:
        raise ValueError(f"{name}: rows must start on a 64-byte boundary")
    return &rows[0, 0]


cdef class Model:
    """Weights and settings that all workers share.

    in_rows, out_rows, node_rows: float32[n_rows, stride], C order, 64-byte aligned, stride a
    multiple of 16 with zero padding; changed in place by training, without locks.  out_rows goes
    with negative sampling, node_rows with hierarchical softmax; None switches either off.
    keep: uint32[n_words] thresholds or None.  aliases: uint32[n_words, 2].  paths: the three
    arrays of sampling.huffman_paths.  subwords: (starts int64[n_words + 1], rows int32[...]): word
    w's input is the mean of the rows[starts[w]:starts[w + 1]] of in_rows, which may have any number
    of them; None: word w has row w alone.  locks: float32[rows of in_rows], needs subwords: what
    training adds to a row is multiplied by its lock (0: the row stays).  hs_batch: context words, 1 to 6, that take one step along
    a Huffman path together; 3 costs no quality that seeds would not and is a third faster than 1.
    n_hot: rows of each matrix that every worker keeps copies of (sgd.h); words must come in order
    of frequency, and with subwords the rows from n_words on, if any, in order of use.
    position_rows: float32[2 window, stride], which CBOW multiplies the rows of the context with
    (sgd_position.h); changed in place.  The arrays are kept alive, not copied.
    """

    cdef wv_model model
    cdef const wv_sgd_ops *ops
    cdef readonly str level
    cdef int64_t n_input_rows, most_subwords
    cdef tuple _owners

    def __init__(
        self,
        float[:, ::1] in_rows not None,
        float[:, ::1] out_rows=None,
        float[:, ::1] node_rows=None,
        *,
        float[:, ::1] position_rows=None,
        const uint32_t[::1] keep=None,
        const uint32_t[:, ::1] aliases=None,
        paths=None,
        subwords=None,
        const float[::1] locks=None,
        int window=5,
        int negative=5,
        str negatives="recycled",
        bint use_cbow=False,
        bint cbow_mean=True,
        bint shrink_windows=True,
        int max_sentence=0,
        int hs_batch=3,
        int n_hot=0,
    ):
        cdef int64_t n_words = in_rows.shape[0], stride = in_rows.shape[1]
        subword_arrays = ()
        self.n_input_rows = n_words
        self.most_subwords = 1
        if subwords is not None:
            subword_arrays = self._set_subwords(subwords, in_rows.shape[0])
            n_words = subword_arrays[0].shape[0] - 1
        if stride % FLOATS_PER_LINE:
            raise ValueError(f"rows of {stride} floats: expected a multiple of {FLOATS_PER_LINE}")
        if window < 1 or negative < 0 or max_sentence < 0:
            raise ValueError("window must be at least 1, negative and max_sentence at least 0")
        if not 1 <= hs_batch <= WV_FIXED_MAX:
            raise ValueError(f"hs_batch must be 1 to {WV_FIXED_MAX}, found {hs_batch}")
        self.model.in_rows = _rows(in_rows, 1, stride, "in_rows")
        self.model.n_words = n_words
        self.model.stride = stride
        self.model.window = window
        self.model.negative = negative
        self.model.negatives = NEGATIVES[negatives]
        self.model.n_sets = 1
        if negatives == "group" and not use_cbow:
            self.model.group = GROUP_WORDS
            self.model.n_sets = (2 * window + GROUP_WORDS - 1) // GROUP_WORDS
        self.model.use_cbow = use_cbow
        self.model.cbow_mean = cbow_mean
        self.model.shrink_windows = shrink_windows
        self.model.max_sentence = max_sentence
        self.model.hs_batch = hs_batch
        if not 0 <= n_hot < n_words:
            raise ValueError(f"n_hot must be 0 to {n_words - 1}, found {n_hot}")
        self.model.n_hot = n_hot
        if keep is not None:
            if keep.shape[0] != n_words:
                raise ValueError(f"keep: expected {n_words} thresholds, found {keep.shape[0]}")
            self.model.keep = &keep[0]
        if negative and out_rows is not None:
            if aliases is None or aliases.shape[0] != n_words or aliases.shape[1] != 2:
                raise ValueError(f"aliases: expected uint32[{n_words}, 2]")
            if np.asarray(aliases)[:, 1].max() >= n_words:
                raise ValueError("aliases: a word number is out of range")
            self.model.out_rows = _rows(out_rows, n_words, stride, "out_rows")
            self.model.aliases = <const wv_alias *>&aliases[0, 0]
        path_arrays = ()
        if node_rows is not None and n_words > 1:
            path_arrays = self._set_paths(paths, n_words)
            self.model.node_rows = _rows(node_rows, n_words - 1, stride, "node_rows")
        if locks is not None:
            if subwords is None or locks.shape[0] != in_rows.shape[0]:
                raise ValueError(f"locks: expected {in_rows.shape[0]}, and subwords with them")
            self.model.locks = &locks[0]
        if position_rows is not None:
            if not use_cbow or position_rows.shape[0] != 2 * window:
                raise ValueError(f"position_rows: expected {2 * window} rows, for CBOW")
            self.model.position_rows = _rows(position_rows, 2 * window, stride, "position_rows")
        self.level = simd.active()
        self.ops = wv_sgd_ops_of(simd.active_level())
        self._owners = (
            np.asarray(in_rows),
            None if out_rows is None else np.asarray(out_rows),
            None if node_rows is None else np.asarray(node_rows),
            None if position_rows is None else np.asarray(position_rows),
            None if keep is None else np.asarray(keep),
            None if aliases is None else np.asarray(aliases),
            path_arrays,
            subword_arrays,
            None if locks is None else np.asarray(locks),
        )

    cdef tuple _set_subwords(self, subwords, int64_t n_rows):
        starts_array, rows_array = subwords
        cdef const int64_t[::1] starts = starts_array
        cdef const int32_t[::1] rows = rows_array
        if (
            starts.shape[0] < 2 or starts[0] != 0 or np.diff(starts_array).min() < 1
            or starts[starts.shape[0] - 1] != rows.shape[0]
            or rows_array.min() < 0 or rows_array.max() >= n_rows
        ):
            raise ValueError(f"subwords: every word needs rows, numbered 0 to {n_rows - 1}")
        self.model.subword_starts = &starts[0]
        self.model.subword_rows = &rows[0]
        self.most_subwords = np.diff(starts_array).max()
        return (starts_array, rows_array)

    cdef tuple _set_paths(self, paths, int64_t n_words):
        starts_array, nodes_array, codes_array = paths
        cdef const int64_t[::1] starts = starts_array
        cdef const int32_t[::1] nodes = nodes_array
        cdef const uint8_t[::1] codes = codes_array
        lengths = np.diff(starts_array)
        if (
            starts.shape[0] != n_words + 1 or starts[0] != 0 or lengths.min() < 1
            or starts[n_words] != nodes.shape[0] or codes.shape[0] != nodes.shape[0]
            or nodes_array.min() < 0 or nodes_array.max() > n_words - 2
        ):
            raise ValueError("paths do not fit the number of words")
        self.model.path_starts = &starts[0]
        self.model.path_nodes = &nodes[0]
        self.model.path_codes = &codes[0]
        self.model.longest_path = lengths.max()
        return (starts_array, nodes_array, codes_array)


cdef class Tokens:
    """The corpus as the kernels read it: ids int32[n_tokens], starts int64[n_sentences + 1].

    Checked once here, so that the loops need not: every id below n_words, starts rising from 0 to
    n_tokens.  The arrays (memory-mapped ones too) are kept alive, not copied.  `release`, if
    given, is called with a number of tokens whenever those before it have been looked at.
    """

    cdef const int32_t[::1] ids
    cdef const int64_t[::1] starts
    cdef readonly int64_t n_tokens
    cdef readonly int64_t n_words

    def __init__(
        self, const int32_t[::1] ids not None, const int64_t[::1] starts not None,
        int64_t n_words, release=None,
    ):
        cdef int64_t i, first, end, n = ids.shape[0], n_sentences = starts.shape[0] - 1
        cdef int32_t low = 0, high = 0
        cdef bint rising = True
        for first in range(0, n, 1 << 20):
            end = min(first + (1 << 20), n)
            with nogil:
                for i in range(first, end):
                    low = min(low, ids[i])
                    high = max(high, ids[i])
            if release is not None:
                release(end)
        with nogil:
            for i in range(n_sentences):
                rising = rising and starts[i] <= starts[i + 1]
        if n_sentences < 0 or not rising or starts[0] != 0 or starts[n_sentences] != n:
            raise ValueError(f"starts must rise from 0 to the number of tokens, {n}")
        if n and (low < 0 or high >= n_words):
            raise ValueError(f"ids must lie from 0 to {n_words - 1}; found {low} to {high}")
        self.ids = ids
        self.starts = starts
        self.n_tokens = n
        self.n_words = n_words


cdef int32_t *_no_slots(int64_t n_rows) except NULL:
    cdef int32_t *slots = <int32_t *>_new_block(n_rows * 4)
    memset(slots, 255, n_rows * 4)  # -1 everywhere
    return slots


cdef class Changes:
    """What training on one shard changes, apart from the rows of the model.

    Shards that are trained from the same state, each with its own Changes, can be trained in any
    order and by any number of workers.  Adding their changes in a fixed order then gives the same
    rows, bit for bit.  `longest_shard` is the largest number of tokens that a shard will have.
    """

    cdef wv_claims in_rows, out, nodes
    cdef readonly Model model
    cdef readonly int64_t longest_shard

    def __cinit__(self, Model model not None, int64_t longest_shard):
        cdef wv_model *shared = &model.model
        cdef int64_t n_listed = longest_shard + 2 * shared.window, n_outputs = 1 + shared.n_sets * shared.negative
        self.model = model
        self.longest_shard = longest_shard
        if shared.negatives == WV_NEGATIVES_PAIR:
            n_outputs = 1 + 2 * shared.window * shared.negative
        self._make_room(&self.in_rows, n_listed * model.most_subwords, model.n_input_rows)
        if shared.out_rows != NULL:
            self._make_room(&self.out, longest_shard * n_outputs, shared.n_words)
        if shared.node_rows != NULL:
            self._make_room(&self.nodes, longest_shard * shared.longest_path, shared.n_words - 1)

    cdef _make_room(self, wv_claims *claims, int64_t most, int64_t n_rows):
        claims.capacity = min(most, n_rows)
        cdef size_t n_bytes = claims.capacity * self.model.model.stride * 4
        cdef void *memory = NULL
        claims.numbers = <int32_t *>malloc(claims.capacity * 4 + 4)
        if claims.numbers == NULL or posix_memalign(&memory, 128, n_bytes + 128):
            raise MemoryError(f"no memory for {n_bytes} bytes of changes")
        claims.rows = <float *>memory  # what no shard touches takes no pages

    def __dealloc__(self):
        free(self.in_rows.rows)
        free(self.in_rows.numbers)
        free(self.out.rows)
        free(self.out.numbers)
        free(self.nodes.rows)
        free(self.nodes.numbers)

    def clear(self):
        """Forget the changes."""
        self.in_rows.n = self.out.n = self.nodes.n = 0

    def add(self, int32_t part=0, int32_t n_parts=1, const float[::1] node_shares=None):
        """Add the changes to the model's rows: of every `n_parts`-th row, from `part` on.

        node_shares: float32[rows of node_rows], what part of a node's change is taken; None: all.
        Parts may run at the same time; calls for one part must follow the order of the shards.
        Runs without the GIL.
        """
        cdef wv_model *model = &self.model.model
        if not 0 <= part < n_parts:
            raise ValueError(f"part {part} of {n_parts}")
        cdef const float *shares = NULL
        if node_shares is not None and model.node_rows != NULL:
            if node_shares.shape[0] < model.n_words - 1:
                raise ValueError(f"node_shares: expected {model.n_words - 1} numbers")
            shares = &node_shares[0]
        with nogil:
            wv_add_changes(model.in_rows, &self.in_rows, model.stride, NULL, part, n_parts)
            wv_add_changes(model.out_rows, &self.out, model.stride, NULL, part, n_parts)
            wv_add_changes(model.node_rows, &self.nodes, model.stride, shares, part, n_parts)


cdef wv_shard _shard_of(Tokens tokens, int64_t first, int64_t end, uint64_t epoch_key,
                        uint64_t shard_key, float rate):
    cdef wv_shard shard
    shard.ids = &tokens.ids[0]
    shard.starts = &tokens.starts[0]
    shard.n_sentences = tokens.starts.shape[0] - 1
    shard.first = first
    shard.end = end
    shard.epoch_key = epoch_key
    shard.shard_key = shard_key
    shard.rate = rate
    return shard


cdef class Worker:
    """One thread's generator, scratch and sums.  Not to be shared between threads.

    `longest_shard` is the largest number of tokens that `train` will be given.
    """

    cdef wv_worker *worker
    cdef readonly Model model
    cdef readonly int64_t longest_shard
    cdef int64_t n_listed_most

    def __cinit__(self, Model model not None, int64_t longest_shard):
        cdef int64_t window = model.model.window, stride = model.model.stride
        cdef int64_t n_kept = longest_shard + 2 * window + 16
        self.n_listed_most = n_kept
        # What one block can hold: all context words, all outputs, or a whole path.
        cdef int64_t n_stream = max(
            2 * window + 2, model.model.negative + 2, model.model.longest_path + 1
        ) + 16
        cdef wv_worker *worker = <wv_worker *>_new_block(sizeof(wv_worker))
        self.worker = worker
        self.model = model
        self.longest_shard = longest_shard
        worker.kept = <int32_t *>_new_block(n_kept * 4)
        worker.context_first = <int32_t *>_new_block(n_kept * 4)
        worker.context_last = <int32_t *>_new_block(n_kept * 4)
        cdef int64_t n_sets = max(<int64_t>WV_PAIR_RING, 4 * <int64_t>model.model.n_sets)
        worker.negatives = <int32_t *>_new_block(n_sets * (model.model.negative + 1) * 4)
        worker.stream_rows = <float **>_new_block(n_stream * sizeof(float *))
        worker.scores = <float *>_new_block((n_stream * 8 + 32) * 4)
        worker.labels = <float *>_new_block((n_stream * 8 + 32) * 4)
        worker.mask = <float *>_new_block((n_stream * 8 + 32) * 4)
        worker.hidden = <float *>_new_block(stride * 4)
        worker.hidden_before = <float *>_new_block(stride * 4)
        worker.spare_row = <float *>_new_block(stride * WV_FIXED_MAX * 4)

        cdef int64_t n_ring = 1, n_words = model.model.n_words
        if model.model.subword_starts != NULL:
            while n_ring < 2 * window + 2:
                n_ring *= 2
            worker.ring = <float *>_new_block(n_ring * stride * 4)
            worker.ring_before = <float *>_new_block(n_ring * stride * 4)
            worker.ring_mask = n_ring - 1

        cdef int64_t n_copied = min(model.model.n_hot, n_words - 1), first_input = 0
        if model.model.subword_starts != NULL and model.n_input_rows >= n_words + n_copied:
            first_input = n_words  # the busiest rows are those of n-grams
        self._copy_hot(&worker.in_copies, model.model.in_rows, first_input, n_copied)
        self._copy_hot(&worker.out, model.model.out_rows, 0, n_copied)
        # The root, on everybody's path, is the last node.
        self._copy_hot(
            &worker.nodes, model.model.node_rows, model.model.n_words - 1 - n_copied, n_copied
        )
        self._copy_hot(&worker.positions, model.model.position_rows, 0, 2 * window)

    cdef _copy_hot(self, wv_hot *hot, float *shared, int64_t first, int64_t n_copied):
        cdef int64_t n_bytes = n_copied * self.model.model.stride * 4
        hot.shared = shared
        hot.n = n_copied
        if shared == NULL or n_copied == 0:
            return
        hot.first = <int32_t>first
        hot.rows = <float *>_new_block(n_bytes)
        hot.received = <float *>_new_block(n_bytes)
        memcpy(hot.rows, shared + first * self.model.model.stride, n_bytes)
        memcpy(hot.received, hot.rows, n_bytes)

    def __dealloc__(self):
        cdef wv_worker *worker = self.worker
        if worker == NULL:
            return
        free(worker.in_copies.slots)
        free(worker.out.slots)
        free(worker.nodes.slots)
        free(worker.in_copies.rows)
        free(worker.in_copies.received)
        free(worker.out.rows)
        free(worker.out.received)
        free(worker.nodes.rows)
        free(worker.nodes.received)
        free(worker.positions.rows)
        free(worker.positions.received)
        free(worker.ring)
        free(worker.ring_before)
        free(worker.kept)
        free(worker.claimed)
        free(worker.context_first)
        free(worker.context_last)
        free(worker.negatives)
        free(worker.stream_rows)
        free(worker.scores)
        free(worker.labels)
        free(worker.mask)
        free(worker.hidden)
        free(worker.hidden_before)
        free(worker.spare_row)
        free(worker)

    def train(
        self, Tokens tokens not None, int64_t first, int64_t end,
        uint64_t epoch_key, uint64_t shard_key, float rate, Changes changes=None,
    ):
        """Train once on the tokens [first, end) as centre words, with learning rate `rate`.

        `epoch_key` decides which tokens of the epoch are dropped by subsampling; `shard_key`
        starts the generator for windows and noise words.  With `changes` the model's rows stay as
        they are, and `changes` (what it held is forgotten) takes the steps.  Runs without the GIL.
        """
        cdef wv_shard shard
        self._check_shard(tokens, first, end)
        if changes is not None:
            self._check_changes(changes, end - first)
            changes.clear()
        if first == end:
            return
        shard = _shard_of(tokens, first, end, epoch_key, shard_key, rate)
        self._claim(changes)
        with nogil:
            self.model.ops.train_shard(&self.model.model, self.worker, &shard)
        self._claim(None)

    def train_pairs(
        self, const int32_t[::1] inputs not None, const int32_t[::1] outputs not None,
        uint64_t key, float rate,
    ):
        """Train single examples: input row inputs[k] shall predict outputs[k] and not the noise
        words, which are drawn for each of them.  Negative sampling, no copies of hot rows.
        """
        cdef wv_pairs pairs
        cdef int64_t n = inputs.shape[0], k, n_words = self.model.model.n_words
        cdef bint inside = True
        if outputs.shape[0] != n or self.model.model.out_rows == NULL or self.model.model.n_hot:
            raise ValueError("as many outputs as inputs, output rows, and no hot rows are needed")
        for k in range(n):
            inside = inside and 0 <= inputs[k] < n_words and 0 <= outputs[k] < n_words
        if not inside:
            raise ValueError(f"pairs must lie from 0 to {n_words - 1}")
        if n == 0:
            return
        pairs.inputs, pairs.outputs, pairs.n = &inputs[0], &outputs[0], n
        pairs.key, pairs.rate = key, rate
        with nogil:
            self.model.ops.train_pairs(&self.model.model, self.worker, &pairs)

    cdef int _check_shard(self, Tokens tokens, int64_t first, int64_t end) except -1:
        if not 0 <= first <= end <= tokens.n_tokens or end - first > self.longest_shard:
            raise ValueError(f"shard {first}..{end} of {tokens.n_tokens} tokens is out of range")
        if tokens.n_words > self.model.model.n_words:
            raise ValueError(
                f"tokens of {tokens.n_words} words for a model of {self.model.model.n_words}"
            )
        return 0

    def _check_changes(self, Changes changes, int64_t n_tokens):
        if changes.model is not self.model or n_tokens > changes.longest_shard:
            raise ValueError(
                f"changes are for shards of {changes.longest_shard} tokens of one model; this one "
                f"has {n_tokens}, or another model"
            )
        if self.model.model.n_hot or self.model.model.position_rows != NULL:
            raise ValueError("a model with n_hot > 0 or position_rows keeps no changes apart")
        cdef wv_model *model = &self.model.model
        if self.worker.in_copies.slots == NULL:
            self.worker.in_copies.slots = _no_slots(self.model.n_input_rows)
            self.worker.claimed = <float **>_new_block(self.n_listed_most * sizeof(float *))
        if model.out_rows != NULL and self.worker.out.slots == NULL:
            self.worker.out.slots = _no_slots(model.n_words)
        if model.node_rows != NULL and self.worker.nodes.slots == NULL:
            self.worker.nodes.slots = _no_slots(model.n_words)

    cdef _claim(self, Changes changes):
        self.worker.in_copies.claims = NULL if changes is None else &changes.in_rows
        self.worker.out.claims = NULL if changes is None else &changes.out
        self.worker.nodes.claims = NULL if changes is None else &changes.nodes

    def examples(
        self, Tokens tokens not None, int64_t first, int64_t end,
        uint64_t epoch_key, uint64_t shard_key, bint whole_sentences=False,
    ):
        """What `train` would train on, as lists for losses over all words: (row_starts
        int64[n + 1], rows int32, label_starts int64[n], label_ends int64[n], labels int32).

        Example i: the mean of the rows rows[row_starts[i]:row_starts[i + 1]] shall predict
        labels[label_starts[i]:label_ends[i]]: one word, or, with `whole_sentences`, the different
        kept words of the sentence.  Skip-gram: rows of the centre, a word of its context; CBOW: all
        rows of the context, the centre (fastText's direction).  Sentences must not be cut
        (max_sentence 0).
        """
        cdef wv_shard shard
        cdef wv_example_counts counts
        cdef wv_example_lists lists
        cdef const wv_model *model = &self.model.model
        cdef int64_t[::1] row_starts, sentence_starts, sentence_ends
        cdef int32_t[::1] rows, centres, words, sentence_words
        cdef uint8_t[::1] seen
        cdef int64_t n_sentence_words, n_centres
        self._check_shard(tokens, first, end)
        if model.max_sentence:
            raise ValueError("examples: sentences must not be cut")
        if first == end:
            raise ValueError("examples: no tokens")
        shard = _shard_of(tokens, first, end, epoch_key, shard_key, 0)
        with nogil:
            self.worker.stream = wv_stream(shard_key)
            prepare_shard(model, self.worker, &shard)
            counts = count_shard_examples(model, self.worker)
        row_starts = np.empty(counts.n_examples + 1, np.int64)
        rows = np.empty(counts.n_rows + 1, np.int32)
        centres = np.empty(counts.n_examples + 1, np.int32)
        words = np.empty(counts.n_examples + 1, np.int32)
        lists.row_starts, lists.rows = &row_starts[0], &rows[0]
        lists.centres, lists.words = &centres[0], &words[0]
        with nogil:
            list_shard_examples(model, self.worker, &lists)
        n = counts.n_examples
        if not whole_sentences:
            numbers = np.arange(n + 1)
            return (np.asarray(row_starts), np.asarray(rows)[:counts.n_rows], numbers[:n], numbers[1:],
                    np.asarray(words)[:n])
        n_centres = self.worker.end_centre - self.worker.first_centre
        seen = np.zeros(model.n_words, np.uint8)
        sentence_words = np.empty(n_tokens_of_sentences(&shard) + 1, np.int32)
        sentence_starts = np.empty(n_centres + 1, np.int64)
        sentence_ends = np.empty(n_centres + 1, np.int64)
        with nogil:
            n_sentence_words = list_shard_sentences(
                model, &shard, &seen[0], &sentence_words[0], &sentence_starts[0], &sentence_ends[0]
            )
        of_examples = np.asarray(centres)[:n]
        return (np.asarray(row_starts), np.asarray(rows)[:counts.n_rows],
                np.asarray(sentence_starts)[of_examples],
                np.asarray(sentence_ends)[of_examples],
                np.asarray(sentence_words)[:n_sentence_words])

    @property
    def loss(self):
        """Sum of the losses of all examples so far, float64; NaN once a score was NaN."""
        return self.worker.loss

    @property
    def n_examples(self):
        """Examples so far: pairs (skip-gram) or centre words with a context (CBOW)."""
        return self.worker.n_examples

    def take_loss(self):
        """(loss, n_examples) so far, which start again from 0: sums of one shard to the last bit."""
        taken = self.worker.loss, self.worker.n_examples
        self.worker.loss, self.worker.n_examples = 0.0, 0
        return taken

    @property
    def n_kept(self):
        """Tokens that subsampling kept so far."""
        return self.worker.n_kept

    @property
    def n_cuts(self):
        """Sentences cut at max_sentence so far."""
        return self.worker.n_cuts

    def sums(self):
        """(loss, n_examples, n_kept, n_cuts) so far."""
        return self.loss, self.n_examples, self.n_kept, self.n_cuts

    def set_sums(self, double loss, int64_t n_examples, int64_t n_kept, int64_t n_cuts):
        """Go on from these sums."""
        self.worker.loss = loss
        self.worker.n_examples = n_examples
        self.worker.n_kept = n_kept
        self.worker.n_cuts = n_cuts

    def contexts(self):
        """What the last shard was cut into, for tests: (centres, kept words).

        Each centre is (position, word, first, last) in the list of kept words, which also holds
        the words borrowed from before and after the shard; its context is first..last without
        itself.
        """
        cdef int64_t i, start = self.worker.first_centre, end = self.worker.end_centre
        cdef int64_t last = -1
        centres = []
        for i in range(start, end):
            centres.append(
                (i, self.worker.kept[i], self.worker.context_first[i], self.worker.context_last[i])
            )
            last = max(last, self.worker.context_last[i])
        return centres, [self.worker.kept[i] for i in range(last + 1)]


def update_block(
    float[:, ::1] fixed not None, float[:, ::1] stream not None,
    const float[:, ::1] labels not None, float rate,
):
    """The one update, for tests: changes both sets of rows in place, returns the summed loss.

    fixed: float32[F, stride], 1 <= F <= 6, distinct; stream: float32[S, stride]; labels:
    float32[S, F] of 0 and 1.  Rows 64-byte aligned, stride a multiple of 16.  Formula: sgd_block.h.
    """
    cdef int64_t n_fixed = fixed.shape[0], n_stream = stream.shape[0], stride = fixed.shape[1], i
    if not 1 <= n_fixed <= WV_FIXED_MAX or stream.shape[1] != stride or stride % FLOATS_PER_LINE:
        raise ValueError("fixed rows: 1 to 6, both sets of one stride, a multiple of 16")
    if labels.shape[0] != n_stream or labels.shape[1] != n_fixed:
        raise ValueError(f"labels: expected float32[{n_stream}, {n_fixed}]")
    if n_stream == 0:
        return 0.0
    model = Model(stream, negative=0, window=max(n_stream, 1))
    cdef Worker worker = Worker(model, 1)
    cdef float *fixed_rows[6]
    cdef float *first_fixed = _rows(fixed, 1, stride, "fixed")
    cdef float *first_stream = _rows(stream, 1, stride, "stream")
    for i in range(n_fixed):
        fixed_rows[i] = first_fixed + i * stride
    for i in range(n_stream):
        worker.worker.stream_rows[i] = first_stream + i * stride
    return worker.model.ops.update_block(
        worker.worker, <int>n_fixed, fixed_rows, n_stream, worker.worker.stream_rows,
        &labels[0, 0], stride, rate,
    )
