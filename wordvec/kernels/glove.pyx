"""GloVe's training kernel: examples from records, and the update (glove.h has the formulas)."""

from libc.math cimport exp, log
from libc.stdint cimport int32_t, int64_t, uint64_t

from wordvec.kernels import simd


cdef extern from "glove.h":
    ctypedef struct wv_glove_pair:
        int32_t row
        int32_t column
        double value
    ctypedef struct wv_glove_example:
        int32_t row
        int32_t column
        float log_value
        float weight
    ctypedef struct wv_glove_model:
        float *words
        float *contexts
        int64_t dim
        int64_t half
        float eta
        float clip
    ctypedef double (*wv_glove_train)(
        const wv_glove_model *, const wv_glove_example *, int64_t, int64_t *
    ) noexcept nogil
    wv_glove_train wv_glove_train_of(int level) noexcept


def half_row(int64_t dim):
    """Floats of half a row: dim numbers and the bias, rounded up to whole cache lines of 16."""
    return (dim + 1 + 15) // 16 * 16


def prepare(const uint64_t[:, ::1] records, uint64_t[:, ::1] examples, double x_max, double alpha):
    """Fill `examples` with logarithm and weight of the records; both uint64[n, 2], 16 bytes a row.

    They may be the same array.  Records must have been checked: positive finite values, ranks
    from 1 (records.check_block).
    """
    cdef int64_t i, n = records.shape[0]
    cdef const wv_glove_pair *pairs
    cdef wv_glove_example *to
    cdef wv_glove_pair pair
    cdef double log_value, log_max = log(x_max)
    if records.shape[1] != 2 or examples.shape[1] != 2 or examples.shape[0] < n:
        raise ValueError("expected two arrays of 16 bytes a row, of one length")
    if n == 0:
        return
    pairs = <const wv_glove_pair *>&records[0, 0]
    to = <wv_glove_example *>&examples[0, 0]
    with nogil:
        for i in range(n):
            pair = pairs[i]
            log_value = log(pair.value)
            to[i].row = pair.row - 1
            to[i].column = pair.column - 1
            to[i].log_value = <float>log_value
            if pair.value > x_max:
                to[i].weight = 1
            else:
                to[i].weight = <float>exp(alpha * (log_value - log_max))


cdef class Model:
    """The two matrices that all threads share: float32[n_words, 2 * half_row(dim)], 64-byte aligned.

    Changed in place by training, without locks; kept alive, not copied.
    """

    cdef wv_glove_model model
    cdef wv_glove_train update
    cdef int64_t n_words
    cdef tuple _owners

    def __init__(
        self,
        float[:, ::1] words not None,
        float[:, ::1] contexts not None,
        int64_t dim,
        float eta,
        float clip,
    ):
        cdef int64_t half = half_row(dim)
        if dim < 1 or words.shape[0] < 1 or words.shape[0] != contexts.shape[0]:
            raise ValueError("expected two matrices of the same number of rows, at least one")
        if words.shape[1] != 2 * half or contexts.shape[1] != 2 * half:
            raise ValueError(f"expected rows of {2 * half} floats, found {words.shape[1]}")
        if <uint64_t>&words[0, 0] % 64 or <uint64_t>&contexts[0, 0] % 64:
            raise ValueError("rows must start on a 64-byte boundary")
        self.model.words = &words[0, 0]
        self.model.contexts = &contexts[0, 0]
        self.model.dim = dim
        self.model.half = half
        self.model.eta = eta
        self.model.clip = clip
        self.n_words = words.shape[0]
        self.update = wv_glove_train_of(simd.active_level())
        self._owners = (words, contexts)

    def train(self, const uint64_t[:, ::1] examples):
        """Train prepared examples, uint64[n, 2], in order, without the GIL.

        Returns the summed loss (float64) and how many were skipped as not finite.  IndexError
        for a row or column outside the matrices, before anything is changed.
        """
        cdef int64_t i, n = examples.shape[0], n_skipped = 0, n_outside = 0
        cdef const wv_glove_example *first
        cdef double loss
        if examples.shape[1] != 2:
            raise ValueError("expected 16 bytes a row")
        if n == 0:
            return 0.0, 0
        first = <const wv_glove_example *>&examples[0, 0]
        with nogil:
            for i in range(n):
                n_outside += not (
                    0 <= first[i].row < self.n_words and 0 <= first[i].column < self.n_words
                )
            if n_outside == 0:
                loss = self.update(&self.model, first, n, &n_skipped)
        if n_outside:
            raise IndexError(f"{n_outside} examples with words outside 0 to {self.n_words - 1}")
        return loss, n_skipped


cdef extern from "glibc_random.h":
    ctypedef struct glibc_random:
        pass
    void glibc_seed(glibc_random *random, unsigned int seed) noexcept nogil
    int64_t glibc_rand(glibc_random *random) noexcept nogil


cdef class StartNumbers:
    """The start of GloVe's own tool for `-seed`, piece by piece: (rand() / 2147483647 - 0.5) / dim."""

    cdef glibc_random random
    cdef int64_t dim

    def __init__(self, unsigned int seed, int64_t dim):
        if dim < 1:
            raise ValueError(f"dim: expected at least 1, found {dim}")
        glibc_seed(&self.random, seed)
        self.dim = dim

    def fill(self, double[::1] out not None):
        """The next len(out) numbers."""
        cdef int64_t i
        with nogil:
            for i in range(out.shape[0]):
                out[i] = (glibc_rand(&self.random) / 2147483647.0 - 0.5) / self.dim
