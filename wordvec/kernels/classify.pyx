"""The classifier's inner loops: training over lines, scores and best labels.

Nothing here starts a thread; every long call releases the GIL.
"""

from libc.math cimport exp, fmaxf, sqrt
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t, uintptr_t
from libc.string cimport memcpy, memset

from wordvec.kernels import simd


cdef extern from "classify.h" nogil:
    enum:
        WV_LOSS_HS
        WV_LOSS_NS
        WV_LOSS_SOFTMAX
        WV_LOSS_OVA
        WV_DIM_STEP
        WV_BATCH_MAX
        WV_SCORED_LABELS
        WV_UNDECIDED
    ctypedef struct wv_classifier:
        int64_t n_labels, dim, stride, label_stride
        float *in_rows
        float *labels
        int32_t loss, transposed, batch
        const int64_t *path_starts
        const int32_t *path_nodes
        const uint8_t *path_codes
        const uint32_t *noise
        int32_t negative
        const float *label_weights
        int32_t prefetches
        int32_t whole_gradients
    ctypedef struct wv_line_shard:
        int64_t n_lines
        const int64_t *row_starts
        const int64_t *label_starts
        const int64_t *label_ends
        const int64_t *token_starts
        const int32_t *rows
        const int32_t *labels
        const float *weights
        double rate, rate_step
        uint64_t key
    ctypedef struct wv_line_worker:
        float *hidden
        float *gradient
        float *scores
        int64_t n_scores
        int32_t *picked
        float *targets
        double loss
        int64_t n_examples
    ctypedef struct wv_label_tree:
        const int32_t *left
        const int32_t *right
        int64_t n_nodes
    ctypedef struct wv_question:
        int64_t k
        float threshold
        const float *sigmoid_table
        wv_label_tree tree
    ctypedef struct wv_file_rows:
        const float *rows
        int64_t stride
    ctypedef struct wv_classify_ops:
        void (*train)(const wv_classifier *, wv_line_worker *, const wv_line_shard *) noexcept nogil
        void (*means)(const wv_classifier *, wv_line_worker *, const wv_file_rows *,
                      const wv_line_shard *, int64_t, int64_t) noexcept nogil
        void (*predict)(const wv_classifier *, wv_line_worker *, int64_t, const wv_question *,
                        int32_t *, float *) noexcept nogil
        void (*score)(const wv_classifier *, wv_line_worker *, int64_t) noexcept nogil
        void (*score_file_rows)(const wv_classifier *, wv_line_worker *, const wv_file_rows *,
                                int64_t, int64_t, float *) noexcept nogil
        void (*best_by_scores)(const wv_classifier *, const float *, float,
                               const wv_line_shard *, int32_t *) noexcept nogil
    const wv_classify_ops wv_classify_ops_baseline


cdef extern from *:
    """
    #include <stdlib.h>
    static const wv_classify_ops *wv_classify_ops_of(int level)
    {
    #if defined(__x86_64__)
        if (level == 2)
            return &wv_classify_ops_avx512;
        if (level == 1)
            return &wv_classify_ops_avx2;
    #endif
        (void)level;
        return &wv_classify_ops_baseline;
    }
    static void *wv_zeroed_lines(size_t n_bytes)
    {
        size_t rounded = (n_bytes + 127) / 64 * 64;
        void *memory = aligned_alloc(64, rounded);
        if (memory != NULL)
            memset(memory, 0, rounded);
        return memory;
    }
    """
    const wv_classify_ops *wv_classify_ops_of(int level) noexcept
    void *wv_zeroed_lines(size_t n_bytes) noexcept
    void free(void *) noexcept


LOSSES = {"hs": WV_LOSS_HS, "ns": WV_LOSS_NS, "softmax": WV_LOSS_SOFTMAX, "ova": WV_LOSS_OVA}
MAX_BATCH = WV_BATCH_MAX
DIM_STEP = WV_DIM_STEP
PAD = 16
DEEPEST_TREE = 92
SCORED_LABELS = WV_SCORED_LABELS  # most labels of `score_rows`

# Of input rows that mostly lie in caches: fetching those ahead takes a tenth longer, beyond it saves
# a tenth.
cdef int64_t CACHED_BYTES = 32 << 20

cdef float[513] _sigmoid_table


def _fill_table():
    cdef int i
    cdef float x
    for i in range(513):  # fastText computes x and the exponential in float32 and double
        x = <float>(i * 2 * 8) / 512 - 8
        _sigmoid_table[i] = <float>(1.0 / (1.0 + exp(-x)))


_fill_table()


def padded(n):
    """n rounded up to a whole cache line of floats."""
    return (n + PAD - 1) // PAD * PAD


cdef int _take_lines(const int64_t[::1] row_starts, const int32_t[::1] ids, uint64_t n_rows,
                     wv_line_shard *lines) except -1:
    """Lines as rows, checked."""
    cdef int64_t n = row_starts.shape[0] - 1, i
    cdef bint fits = n >= 0 and row_starts[0] >= 0 and row_starts[n] <= ids.shape[0]
    if fits:
        with nogil:
            for i in range(n):
                fits = fits & (row_starts[i] <= row_starts[i + 1])
            if fits:
                for i in range(row_starts[0], row_starts[n]):
                    fits = fits & (<uint32_t>ids[i] < n_rows)
    if not fits:
        raise ValueError("row_starts or ids lie outside the rows")
    lines.n_lines = n
    lines.row_starts = &row_starts[0]
    lines.rows = &ids[0] if ids.shape[0] else NULL
    return 0


cdef float *_aligned(float[:, ::1] rows, str name) except? NULL:
    if rows.shape[0] == 0 or rows.shape[1] == 0:
        return NULL
    if <uintptr_t>&rows[0, 0] % 64:
        raise ValueError(f"{name}: rows must begin on a cache line")
    return &rows[0, 0]


cdef class Classifier:
    """The weights and settings of one classifier, for Workers.

    labels: float32, C order, 64-byte aligned: [rounded up dim][padded(n_labels)] when
    `transposed`, else [n_labels, or n_labels - 1 for hs, at least 1][padded(dim)].
    in_rows: float32[n_rows, padded(dim)], aligned; None when only means are scored.
    Both are changed in place by training and stay the caller's.
    loss: a key of LOSSES.  batch: lines whose gradients are taken at once, 1 to MAX_BATCH.
    hs: `paths` (starts, nodes, codes) as from sampling.huffman_paths.  ns: `noise`, an alias table,
    and `negative`.  label_weights: float32[n_labels] or None.  whole_gradients: every row of a line
    takes the line's whole gradient (fastText's skipgram and cbow), not its share of it.
    ValueError when something does not fit.
    """

    cdef wv_classifier model
    cdef readonly int64_t n_rows
    cdef readonly str loss
    cdef object _keep
    cdef const int32_t[::1] _left
    cdef const int32_t[::1] _right

    def __init__(
        self, float[:, ::1] labels not None, int64_t dim, int64_t n_labels, str loss, *,
        float[:, ::1] in_rows=None, bint transposed=False, int batch=1, paths=None,
        const uint32_t[:, ::1] noise=None, int negative=5, const float[::1] label_weights=None,
        bint whole_gradients=False,
    ):
        cdef int64_t stride = padded(dim), n_out = n_labels
        if dim < 1 or n_labels < 1 or not 1 <= batch <= WV_BATCH_MAX:
            raise ValueError(f"dim {dim}, {n_labels} labels, batch {batch}")
        self.loss = loss
        self.model.loss = LOSSES[loss]
        self.model.dim = dim
        self.model.n_labels = n_labels
        self.model.stride = stride
        self.model.label_stride = padded(n_labels)
        self.model.batch = batch
        self.model.transposed = transposed
        self.model.whole_gradients = whole_gradients
        if transposed:
            if loss not in ("softmax", "ova"):
                raise ValueError("only softmax and ova go over all labels")
            n_out = (dim + WV_DIM_STEP - 1) // WV_DIM_STEP * WV_DIM_STEP
            stride = self.model.label_stride
        elif loss == "hs":
            n_out = max(n_labels - 1, 1)
        if labels.shape[0] != n_out or labels.shape[1] != stride:
            raise ValueError(f"labels: expected float32[{n_out}, {stride}]")
        self.model.labels = _aligned(labels, "labels")
        if in_rows is not None:
            if in_rows.shape[1] != self.model.stride:
                raise ValueError(f"in_rows: expected {self.model.stride} columns")
            self.n_rows = in_rows.shape[0]
            self.model.in_rows = _aligned(in_rows, "in_rows")
            self.model.prefetches = self.n_rows * self.model.stride * 4 > CACHED_BYTES
        if label_weights is not None:
            if label_weights.shape[0] != n_labels:
                raise ValueError(f"label_weights: expected {n_labels}")
            self.model.label_weights = &label_weights[0]
        if loss == "hs":
            self._use_tree(paths, n_labels)
        if loss == "ns" and noise is not None:
            if noise.shape[0] != n_labels or noise.shape[1] != 2 or negative < 0:
                raise ValueError(f"noise: expected uint32[{n_labels}, 2]")
            self.model.noise = &noise[0, 0]
            self.model.negative = negative
        self._keep = (labels, in_rows, label_weights, paths, noise)

    def _use_tree(self, paths, int64_t n_labels):
        cdef const int64_t[::1] starts = paths[0]
        cdef const int32_t[::1] nodes = paths[1]
        cdef const uint8_t[::1] codes = paths[2]
        cdef int64_t n_nodes = n_labels - 1, label, i, child
        import numpy as np
        left_array = np.full(max(n_nodes, 1), -1, np.int32)
        right_array = np.full(max(n_nodes, 1), -1, np.int32)
        cdef int32_t[::1] left = left_array
        cdef int32_t[::1] right = right_array
        if starts.shape[0] != n_labels + 1 or starts[0] != 0 or starts[n_labels] > nodes.shape[0]:
            raise ValueError("paths do not fit the labels")
        for label in range(n_labels):
            if not 0 <= starts[label + 1] - starts[label] <= DEEPEST_TREE:
                raise ValueError(f"the path of label {label} is too long")
            for i in range(starts[label], starts[label + 1]):
                if not 0 <= nodes[i] < n_nodes:
                    raise ValueError(f"node {nodes[i]} of {n_nodes}")
                child = nodes[i + 1] if i + 1 < starts[label + 1] else -1 - label
                if codes[i]:
                    right[nodes[i]] = <int32_t>child
                else:
                    left[nodes[i]] = <int32_t>child
        self._left, self._right = left_array, right_array
        if n_nodes:
            self.model.path_starts = &starts[0]
            self.model.path_nodes = &nodes[0]
            self.model.path_codes = &codes[0]
        else:
            self.model.path_starts = &starts[0]

    @property
    def n_labels(self):
        return self.model.n_labels


cdef class Lines:
    """Lines as rows and labels, checked once: every number below n_rows and n_labels.

    Rows of line i: rows[row_starts[i]:row_starts[i + 1]], its labels likewise, or, with label_ends
    (int64[n_lines]), labels[label_starts[i]:label_ends[i]], which lines may share.  Its tokens are
    numbered from token_starts[i] on (int64[n_lines + 1]).  weights: float32[n_lines] or None.
    Kept, not copied.
    """

    cdef const int64_t[::1] row_starts
    cdef const int32_t[::1] rows
    cdef const int64_t[::1] label_starts
    cdef const int64_t[::1] label_ends
    cdef const int32_t[::1] labels
    cdef const int64_t[::1] token_starts
    cdef const float[::1] weights
    cdef readonly int64_t n_lines, n_rows, n_labels

    def __init__(
        self, const int64_t[::1] row_starts not None, const int32_t[::1] rows not None,
        const int64_t[::1] label_starts not None, const int32_t[::1] labels not None,
        const int64_t[::1] token_starts not None, int64_t n_rows, int64_t n_labels,
        const float[::1] weights=None, const int64_t[::1] label_ends=None,
    ):
        cdef int64_t n = row_starts.shape[0] - 1, i, first_label = 0, end_label = labels.shape[0]
        cdef bint fits = n >= 0 and label_starts.shape[0] >= n + (label_ends is None)
        fits = fits and (label_ends is None or label_ends.shape[0] == n)
        fits = fits and token_starts.shape[0] == n + 1
        fits = fits and (weights is None or weights.shape[0] == n)
        fits = fits and row_starts[0] >= 0 and row_starts[n] <= rows.shape[0]
        if fits and label_ends is None:
            first_label, end_label, label_ends = label_starts[0], label_starts[n], label_starts[1:]
            fits = 0 <= first_label and end_label <= labels.shape[0]
        if fits:
            with nogil:
                for i in range(n):
                    fits = fits & (row_starts[i] <= row_starts[i + 1])
                    fits = fits & (0 <= label_starts[i] <= label_ends[i] <= labels.shape[0])
                if fits:
                    for i in range(row_starts[0], row_starts[n]):
                        fits = fits & (<uint32_t>rows[i] < <uint64_t>n_rows)
                    for i in range(first_label, end_label):
                        fits = fits & (<uint32_t>labels[i] < <uint64_t>n_labels)
        if not fits:
            raise ValueError("lines contradict each other, or lie outside the model")
        self.n_lines, self.n_rows, self.n_labels = n, n_rows, n_labels
        self.row_starts, self.rows = row_starts, rows
        self.label_starts, self.label_ends, self.labels = label_starts, label_ends, labels
        self.token_starts, self.weights = token_starts, weights


cdef class Worker:
    """One thread's memory for a Classifier; not to be shared by threads."""

    cdef wv_line_worker worker
    cdef readonly Classifier model
    cdef const wv_classify_ops *ops

    def __cinit__(self, Classifier model not None):
        cdef int64_t n_scores = padded(
            max(model.model.n_labels, model.model.negative + 1, DEEPEST_TREE)
        )
        self.model = model
        self.ops = wv_classify_ops_of(simd.active_level())
        cdef size_t rows = WV_BATCH_MAX * model.model.stride * sizeof(float)
        self.worker.n_scores = n_scores
        self.worker.hidden = <float *>wv_zeroed_lines(rows)
        self.worker.gradient = <float *>wv_zeroed_lines(rows)
        self.worker.scores = <float *>wv_zeroed_lines(WV_BATCH_MAX * n_scores * sizeof(float))
        self.worker.picked = <int32_t *>wv_zeroed_lines(n_scores * sizeof(int32_t))
        self.worker.targets = <float *>wv_zeroed_lines(n_scores * sizeof(float))
        if (
            self.worker.hidden == NULL or self.worker.gradient == NULL
            or self.worker.scores == NULL or self.worker.picked == NULL
            or self.worker.targets == NULL
        ):
            raise MemoryError(f"no memory for the scores of {n_scores} labels")

    def __dealloc__(self):
        free(self.worker.hidden)
        free(self.worker.gradient)
        free(self.worker.scores)
        free(self.worker.picked)
        free(self.worker.targets)

    @property
    def loss(self):
        """Sum of the losses of all lines so far, float64; NaN once a score overflowed."""
        return self.worker.loss

    @property
    def n_examples(self):
        """Lines trained so far, those without label or row not counted."""
        return self.worker.n_examples

    def train_lines(
        self, Lines lines not None, int64_t first, int64_t end, uint64_t key, double rate,
        double rate_step=0,
    ):
        """Train on the lines first to end - 1 with a learning rate of `rate`, which falls by
        `rate_step` with each token.

        When a score overflows, training stops before that line, nothing is written and `loss`
        becomes NaN.
        """
        cdef wv_line_shard shard
        cdef bint needs_paths = self.model.loss == "hs" and self.model.model.path_starts == NULL
        cdef bint needs_noise = self.model.loss == "ns" and self.model.model.noise == NULL
        if not 0 <= first <= end <= lines.n_lines:
            raise ValueError(f"lines {first} to {end} of {lines.n_lines}")
        if lines.n_rows > self.model.n_rows or lines.n_labels > self.model.model.n_labels:
            raise ValueError("the lines are of a larger model")
        if needs_paths or needs_noise:
            raise ValueError("the model has no tree or noise to train with")
        if first == end:
            return
        shard.n_lines = end - first
        shard.row_starts = &lines.row_starts[first]
        shard.label_starts = &lines.label_starts[first]
        shard.label_ends = &lines.label_ends[first]
        shard.token_starts = &lines.token_starts[first]
        shard.rows = &lines.rows[0] if lines.rows.shape[0] else NULL
        shard.labels = &lines.labels[0] if lines.labels.shape[0] else NULL
        shard.weights = NULL
        if lines.weights is not None:
            shard.weights = &lines.weights[first]
        shard.rate, shard.rate_step, shard.key = rate, rate_step, key
        with nogil:
            self.ops.train(&self.model.model, &self.worker, &shard)

    def predict(
        self, const float[:, :] means not None, float threshold, int32_t[:, ::1] best not None,
        float[:, ::1] probabilities not None,
    ):
        """The best labels of lines given as means of their rows, float32[n, dim].

        best, probabilities: [n, k], filled best first, ties by the lower label; labels below the
        threshold and places that stay free: -1 and 0.  Probabilities are fastText's, p + 1e-5.
        """
        cdef wv_question question
        cdef int64_t n = means.shape[0], first, count
        self._check_means(means)
        if self._ask(&question, n, threshold, best, probabilities) == 0:
            return
        with nogil:
            for first in range(0, n, 4):
                count = min(<int64_t>4, n - first)
                self._take(means, first, count)
                self.ops.predict(&self.model.model, &self.worker, count, &question,
                                 &best[first, 0], &probabilities[first, 0])

    cdef int _ask(self, wv_question *question, int64_t n, float threshold, int32_t[:, ::1] best,
                  float[:, ::1] probabilities) except -1:
        """Set up a question about n lines; 0 when there is nothing to answer."""
        cdef int64_t k = best.shape[1]
        if best.shape[0] != n or probabilities.shape[0] != n or probabilities.shape[1] != k:
            raise ValueError(f"best and probabilities: expected [{n}, k]")
        question.k, question.threshold = k, threshold
        question.sigmoid_table = _sigmoid_table
        question.tree.n_nodes = self.model.model.n_labels - 1
        if self.model.loss == "hs":
            question.tree.left = &self.model._left[0]
            question.tree.right = &self.model._right[0]
        return n > 0 and k > 0

    def predict_lines(
        self, const float[:, :] rows not None, const int64_t[::1] row_starts not None,
        const int32_t[::1] ids not None, float threshold, int32_t[:, ::1] best not None,
        float[:, ::1] probabilities not None,
    ):
        """`predict` for lines as rows of an input matrix: those of line i are
        ids[row_starts[i]:row_starts[i + 1]].

        rows: float32[n_rows, dim or more], columns side by side; it may begin at any byte, in
        a mapped file for instance.  The means are summed like kernels.subwords.mean_rows.
        """
        cdef wv_question question
        cdef wv_file_rows source
        cdef wv_line_shard lines
        cdef int64_t n = row_starts.shape[0] - 1, first, count, i
        self._take_rows(rows, &source)
        _take_lines(row_starts, ids, rows.shape[0], &lines)
        if self._ask(&question, n, threshold, best, probabilities) == 0:
            return
        with nogil:
            for first in range(0, n, 4):
                count = min(<int64_t>4, n - first)
                self.ops.means(&self.model.model, &self.worker, &source, &lines, first, count)
                for i in range(count, 4):
                    memset(self.worker.hidden + i * self.model.model.stride, 0,
                           self.model.model.stride * sizeof(float))
                self.ops.predict(&self.model.model, &self.worker, count, &question,
                                 &best[first, 0], &probabilities[first, 0])

    cdef int _take_rows(self, const float[:, :] rows, wv_file_rows *source) except -1:
        cdef int64_t dim = self.model.model.dim
        if rows.shape[1] < dim or (
            rows.shape[0] and (rows.strides[1] != 4 or rows.strides[0] % 4)
        ):
            raise ValueError(f"rows: expected float32[n, {dim}], side by side")
        source.rows = &rows[0, 0] if rows.shape[0] else NULL
        source.stride = rows.strides[0] // 4
        return 0

    def score_rows(self, const float[:, :] rows not None, int64_t first, int64_t end,
                   float[:, ::1] out not None):
        """out[first:end] = the scores of these input rows, as best_by_scores wants them.

        rows: as for predict_lines; out: float32[n_rows, SCORED_LABELS + 1].  For row-major labels,
        SCORED_LABELS at most, and no tree.
        """
        cdef wv_file_rows source
        self._take_rows(rows, &source)
        self._check_row_scores(out)
        if not 0 <= first <= end <= rows.shape[0] or out.shape[0] != rows.shape[0]:
            raise ValueError(f"rows {first} to {end} of {rows.shape[0]}, out has {out.shape[0]}")
        if first < end:
            with nogil:
                self.ops.score_file_rows(&self.model.model, &self.worker, &source, first, end,
                                         &out[first, 0])

    cdef int _check_row_scores(self, const float[:, ::1] scores) except -1:
        cdef const wv_classifier *model = &self.model.model
        if model.transposed or model.n_labels > WV_SCORED_LABELS or self.model.loss == "hs":
            raise ValueError(f"only up to {SCORED_LABELS} labels by rows, without a tree")
        if scores.shape[1] != WV_SCORED_LABELS + 1:
            raise ValueError(f"expected float32[n_rows, {SCORED_LABELS + 1}]")
        return 0

    def best_by_scores(
        self, const float[:, ::1] row_scores not None, const float[:, :] rows not None,
        const int64_t[::1] row_starts not None, const int32_t[::1] ids not None,
        int32_t[:, ::1] best not None,
    ):
        """The labels that `predict_lines` gives with k = 1 and no threshold, from the scores of
        rows; from the rows themselves where rounding might decide.  Returns how often that was.

        best: [n, 1]; any label for lines without rows.
        """
        cdef wv_question question
        cdef wv_file_rows source
        cdef wv_line_shard lines
        cdef int64_t n = row_starts.shape[0] - 1, i, l, c, n_undecided = 0
        cdef double squares
        cdef float length = 0, probability
        cdef const wv_classifier *model = &self.model.model
        self._check_row_scores(row_scores)
        self._take_rows(rows, &source)
        if row_scores.shape[0] != rows.shape[0]:
            raise ValueError(f"scores of {row_scores.shape[0]} rows for {rows.shape[0]}")
        _take_lines(row_starts, ids, rows.shape[0], &lines)
        if best.shape[0] != n or best.shape[1] != 1:
            raise ValueError(f"best: expected [{n}, 1]")
        if n == 0 or rows.shape[0] == 0:
            return 0
        question.k, question.threshold, question.sigmoid_table = 1, 0, _sigmoid_table
        with nogil:
            for l in range(model.n_labels):
                squares = 0
                for c in range(model.stride):
                    squares += <double>model.labels[l * model.stride + c] * (
                        model.labels[l * model.stride + c])
                length = fmaxf(length, <float>sqrt(squares))
            self.ops.best_by_scores(model, &row_scores[0, 0], length, &lines, &best[0, 0])
            for i in range(n):
                if best[i, 0] == WV_UNDECIDED:
                    self.ops.means(model, &self.worker, &source, &lines, i, 1)
                    self.ops.predict(model, &self.worker, 1, &question, &best[i, 0], &probability)
                    n_undecided += 1
        return n_undecided

    def scores(self, const float[:, :] means not None, float[:, ::1] out not None):
        """out[i, l] = mean i . label l, float32[n, n_labels]; not for hs."""
        cdef int64_t n = means.shape[0], n_labels = self.model.model.n_labels, first, count, b
        self._check_means(means)
        if self.model.loss == "hs":
            raise ValueError("a tree has no scores of labels")
        if out.shape[0] != n or out.shape[1] != n_labels:
            raise ValueError(f"out: expected float32[{n}, {n_labels}]")
        if n == 0:
            return
        with nogil:
            for first in range(0, n, 4):
                count = min(<int64_t>4, n - first)
                self._take(means, first, count)
                self.ops.score(&self.model.model, &self.worker, count)
                for b in range(count):
                    memcpy(&out[first + b, 0], self.worker.scores + b * self.worker.n_scores,
                           n_labels * sizeof(float))

    cdef int _check_means(self, const float[:, :] means) except -1:
        if means.shape[1] < self.model.model.dim or (means.shape[0] and means.strides[1] != 4):
            raise ValueError(f"means: expected float32[n, {self.model.model.dim}], side by side")
        return 0

    cdef void _take(self, const float[:, :] means, int64_t first, int64_t count) noexcept nogil:
        cdef int64_t stride = self.model.model.stride, b
        for b in range(count):
            memcpy(self.worker.hidden + b * stride, &means[first + b, 0],
                   self.model.model.dim * sizeof(float))
        for b in range(count, 4):
            memset(self.worker.hidden + b * stride, 0, stride * sizeof(float))
