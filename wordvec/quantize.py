"""Product quantisation: rows in a byte per part, and fastText's `quantize` for whole models.

A row is cut into parts of `dsub` numbers, each kept as the number of one of 256 centroids; with
`qnorm` rows are scaled to length 1 first and their lengths kept in another byte.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import OptionError, WordvecError
from wordvec.fasttextmodel import (
    SENTENCE_END,
    DenseRows,
    FastTextDictionary,
    FastTextModel,
    Matrix,
    Rows,
)
from wordvec.kernels import pq
from wordvec.threads import Stop, run_workers
from wordvec.words import WordList

N_CENTROIDS = pq.N_CENTROIDS
N_ROUNDS = 25
MAX_SAMPLE = 65536  # rows that k-means looks at
OUTPUT_DSUB = 2  # the original never uses another for the output matrix
SEED = 1234
_BLOCK_ROWS = 4096
_LIST_ROWS = 1024

Codes = NDArray[np.uint8]
# Trains a pruned model again in place; a classifier's (or tests') business.
Retrain = Callable[[FastTextModel], FastTextModel]


@dataclass
class ProductQuantizer:
    """Centroids float32[dim * 256], part p's from p * 256 * dsub on (the layout of files)."""

    dim: int
    dsub: int
    centroids: NDArray[np.float32]

    @property
    def n_parts(self) -> int:
        return pq.n_parts_of(self.dim, self.dsub)

    def part(self, number: int) -> Matrix:
        """float32[256, width]: the centroids of one part, a view."""
        start = number * N_CENTROIDS * self.dsub
        width = min(self.dsub, self.dim - number * self.dsub)
        return self.centroids[start : start + N_CENTROIDS * width].reshape(N_CENTROIDS, width)

    @classmethod
    def train(
        cls, sample: Matrix, dsub: int, n_threads: int = 1, seed: int = SEED
    ) -> ProductQuantizer:
        """k-means in each part over float32[n, dim], n at least 256; same seed, same centroids."""
        made = cls(sample.shape[1], dsub, np.zeros(sample.shape[1] * N_CENTROIDS, np.float32))

        def fit(part: int) -> None:
            centroids = made.part(part)
            rows = sample[:, part * dsub : part * dsub + centroids.shape[1]]
            pq.train_part(rows, centroids, seed, part, N_ROUNDS)

        _spread(made.n_parts, n_threads, fit)
        return made


@dataclass
class QuantizedRows:
    """Rows as codes; the same interface as DenseRows.

    codes       uint8[n_rows, n_parts]; may be a read-only view of a mapped file
    norm_codes  None, or uint8[n_rows]: which of norms.centroids each row's length is
    """

    codes: Codes
    quantizer: ProductQuantizer
    norm_codes: Codes | None = None
    norms: ProductQuantizer | None = None

    @property
    def is_quantized(self) -> bool:
        return True

    @property
    def n_rows(self) -> int:
        return len(self.codes)

    @property
    def dim(self) -> int:
        return self.quantizer.dim

    @property
    def n_bytes(self) -> int:
        """Bytes of codes and centroids."""
        n_norms = 0 if self.norm_codes is None else len(self.norm_codes) + 4 * N_CENTROIDS
        return self.codes.size + 4 * self.quantizer.centroids.size + n_norms

    def means(
        self, starts: NDArray[np.int64], ids: NDArray[np.int32], out: Matrix, n_threads: int = 1
    ) -> None:
        """out[i] = mean of the rows ids[starts[i]:starts[i + 1]], zeros for none; fastText's
        bits.  ValueError for ids that are no rows."""

        def fill(piece: int) -> None:
            first = piece * _LIST_ROWS
            end = min(first + _LIST_ROWS, n)
            pq.mean_rows(
                self.codes, self.quantizer.centroids, self.quantizer.dsub, starts, ids,
                first, end, out[first:end], self.norm_codes,
                None if self.norms is None else self.norms.centroids,
            )  # fmt: skip

        n = len(starts) - 1
        _spread(-(-n // _LIST_ROWS), n_threads, fill)

    def rows(self, ids: NDArray[np.integer]) -> Matrix:
        """float32[len(ids), dim]: these rows decoded.  IndexError for one that is none."""
        ids = np.asarray(ids)
        if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < self.n_rows:
            raise IndexError(f"rows {ids.min()} to {ids.max()} of {self.n_rows}")
        out = np.empty((len(ids), self.dim), np.float32)
        self.means(np.arange(len(ids) + 1), ids.astype(np.int32), out)
        return out

    def block(self, first: int, end: int) -> Matrix:
        """float32[end - first, dim]: rows side by side, decoded."""
        return self.rows(np.arange(first, end))

    def add_row(self, out: Matrix, row: int, scale: float = 1.0) -> None:
        """out += scale * the row, in float32."""
        out += np.float32(scale) * self.rows(np.array([row]))[0]


def quantize_rows(
    source: Rows, dsub: int = 2, qnorm: bool = False, n_threads: int = 1, seed: int = SEED
) -> QuantizedRows:
    """All rows of `source` as codes.  WordvecError for fewer than 256 rows, or for numbers that
    are not finite."""
    n, dim = source.n_rows, source.dim
    if dsub < 1:
        raise OptionError("dsub", "at least 1", dsub)
    if n < N_CENTROIDS:
        raise WordvecError(
            f"Matrix too small for quantization, must have at least {N_CENTROIDS} rows: it has {n}"
        )
    lengths = _finite(row_lengths(source, n_threads)) if qnorm else None
    chosen = np.arange(n)
    if n > MAX_SAMPLE:
        chosen = np.sort(np.random.default_rng(seed).choice(n, MAX_SAMPLE, replace=False))
    sample = source.rows(chosen)
    try:
        norms = norm_codes = None
        if lengths is not None:
            # A row of zeros stays as it is, as in the original.
            sample /= np.where(lengths[chosen] == 0, np.float32(1), lengths[chosen])[:, None]
            norms = ProductQuantizer.train(lengths[chosen, None], 1, 1, seed)
            norm_codes = _encode(DenseRows(lengths[:, None]), norms, None, n_threads)[:, 0].copy()
        quantizer = ProductQuantizer.train(sample, min(dsub, dim), n_threads, seed)
        codes = _encode(source, quantizer, lengths, n_threads)
        _move_centroids(source, quantizer, codes, lengths, n_threads)
    except ValueError as error:
        raise WordvecError(f"the matrix cannot be quantised: {error}") from error
    return QuantizedRows(codes, quantizer, norm_codes, norms)


def _encode(
    source: Rows,
    quantizer: ProductQuantizer,
    lengths: NDArray[np.float32] | None,
    n_threads: int,
) -> Codes:
    codes = np.empty((source.n_rows, quantizer.n_parts), np.uint8)

    def fill(piece: int) -> None:
        first = piece * _BLOCK_ROWS
        end = min(first + _BLOCK_ROWS, source.n_rows)
        pq.encode(
            source.block(first, end), quantizer.centroids, quantizer.dsub, codes[first:end],
            None if lengths is None else lengths[first:end],
        )  # fmt: skip

    _spread(-(-source.n_rows // _BLOCK_ROWS), n_threads, fill)
    return codes


def _move_centroids(
    source: Rows,
    quantizer: ProductQuantizer,
    codes: Codes,
    lengths: NDArray[np.float32] | None,
    n_threads: int,
) -> None:
    """Each centroid becomes the mean of all parts that it stands for.

    k-means has seen a sample; where a few long rows make most of the error, that sample misses
    most of them, and this takes some 5 % off the error for a pass over the rows.
    """
    n_parts, dsub = quantizer.n_parts, quantizer.dsub
    sums = np.zeros(quantizer.centroids.size, np.float64)
    sizes = np.zeros((n_parts, N_CENTROIDS), np.int64)
    n_groups = min(n_threads, n_parts)

    def add(group: int) -> None:
        first_part, end_part = (k * n_parts // n_groups for k in (group, group + 1))
        for first in range(0, source.n_rows, _BLOCK_ROWS):
            end = min(first + _BLOCK_ROWS, source.n_rows)
            pq.add_rows(
                source.block(first, end), dsub, codes[first:end], first_part, end_part, sums, sizes,
                None if lengths is None else lengths[first:end],
            )  # fmt: skip

    _spread(n_groups, n_threads, add)
    for part in range(n_parts):
        centroids = quantizer.part(part)
        start = part * N_CENTROIDS * dsub
        total = sums[start : start + centroids.size].reshape(centroids.shape)
        used = sizes[part] > 0
        centroids[used] = (total[used] / sizes[part][used, None]).astype(np.float32)


def row_lengths(source: Rows, n_threads: int = 1) -> NDArray[np.float32]:
    """float32[n_rows]: the length of each row, summed in float64."""
    lengths = np.empty(source.n_rows, np.float32)

    def fill(piece: int) -> None:
        first = piece * _BLOCK_ROWS
        end = min(first + _BLOCK_ROWS, source.n_rows)
        rows = source.block(first, end).astype(np.float64)
        lengths[first:end] = np.sqrt(np.einsum("ij,ij->i", rows, rows))

    _spread(-(-source.n_rows // _BLOCK_ROWS), n_threads, fill)
    return lengths


def _finite(lengths: NDArray[np.float32]) -> NDArray[np.float32]:
    if not np.isfinite(lengths).all():
        row = int(np.flatnonzero(~np.isfinite(lengths))[0])
        raise WordvecError(f"the matrix cannot be quantised: row {row} is not finite")
    return lengths


def _spread(n_pieces: int, n_threads: int, work: Callable[[int], None]) -> None:
    """work(0) to work(n_pieces - 1), by several threads where there are many."""
    n_threads = min(n_threads, n_pieces)
    if n_threads <= 1:
        for piece in range(n_pieces):
            work(piece)
        return

    def run(number: int, stop: Stop) -> None:
        for piece in range(number, n_pieces, n_threads):
            if stop.requested:
                return
            work(piece)

    if run_workers(run, n_threads).interrupted:
        raise KeyboardInterrupt


# -- whole models -------------------------------------------------------------------------------


def quantize_model(
    model: FastTextModel,
    *,
    dsub: int = 2,
    qnorm: bool = False,
    qout: bool = False,
    cutoff: int = 0,
    retrain: Retrain | None = None,
    n_threads: int = 1,
    seed: int = SEED,
) -> FastTextModel:
    """The model with quantised matrices, a new one; fastText's `quantize`.

    dsub     numbers in a part of an input row; an output row's always have 2
    qnorm    keep the lengths of rows apart
    qout     quantise the output matrix too
    cutoff   above 0 and below the number of rows: keep only so many, `</s>` and the longest
    retrain  trains the pruned model, still dense, again: called only after a cutoff
    A model of word vectors is quantised as well, which the original refuses; it reads the file.

    OptionError for options that make no sense, WordvecError for matrices with fewer than 256
    rows (both, before anything else is done) and for models that are quantised already.
    """
    if model.is_quantized:
        raise WordvecError("the model is quantised already")
    if cutoff < 0:
        raise OptionError("cutoff", "0, or how many rows to keep", cutoff)
    if dsub < 1:
        raise OptionError("dsub", "at least 1", dsub)
    is_pruned = 0 < cutoff < model.input.n_rows
    _check_size("input", min(cutoff, model.input.n_rows) if is_pruned else model.input.n_rows)
    if qout:
        _check_size("output", model.output.n_rows)
    if is_pruned:
        model = prune_model(model, cutoff, n_threads)
        if retrain is not None:
            model = retrain(model)
    return replace(
        model,
        input=quantize_rows(model.input, dsub, qnorm, n_threads, seed),
        output=quantize_rows(model.output, OUTPUT_DSUB, qnorm, n_threads, seed)
        if qout
        else model.output,
    )


def _check_size(name: str, n_rows: int) -> None:
    if n_rows < N_CENTROIDS:
        raise WordvecError(
            f"Matrix too small for quantization, must have at least {N_CENTROIDS} rows: "
            f"the {name} matrix has {n_rows}"
        )


def select_rows(model: FastTextModel, n_kept: int, n_threads: int = 1) -> NDArray[np.int64]:
    """int64[n_kept]: `</s>`, if it is a word, then the longest input rows, ties by number."""
    lengths = _finite(row_lengths(model.input, n_threads))
    order = np.argsort(-lengths, kind="stable")
    sentence_end = model.dictionary.word_id(SENTENCE_END)
    if sentence_end >= 0:
        order = np.concatenate([[sentence_end], order[order != sentence_end]])
    return order[:n_kept]


def prune_model(model: FastTextModel, n_kept: int, n_threads: int = 1) -> FastTextModel:
    """The model with only `n_kept` rows of its dense input matrix, in memory.

    Kept words keep their order and come first, kept n-grams follow by falling length; labels all
    stay.  The output rows of a model of word vectors follow its words.
    """
    old = model.dictionary
    if old.pruned is not None:
        raise WordvecError("the model is pruned already")
    if not model.is_supervised and model.args.loss == "hs":
        raise OptionError("cutoff", "0 for word vectors with hierarchical softmax", n_kept)
    chosen = select_rows(model, n_kept, n_threads)
    words = np.sort(chosen[chosen < old.n_words])
    buckets = chosen[chosen >= old.n_words] - old.n_words
    entries = np.concatenate([words, np.arange(old.n_words, len(old.words))])
    pruned = np.empty((len(buckets), 2), np.int32)
    pruned[:, 0] = buckets
    pruned[:, 1] = np.arange(len(buckets))
    dictionary = FastTextDictionary(
        words=WordList.of_bytes([old.words.word_bytes(k) for k in entries.tolist()]),
        counts=old.counts[entries],
        n_words=len(words),
        n_labels=old.n_labels,
        n_tokens=old.n_tokens,
        pruned=pruned,
        label_prefix=old.label_prefix,
    )
    rows = model.input.rows(np.concatenate([words, buckets + old.n_words]))
    output = model.output if model.is_supervised else DenseRows(model.output.rows(words))
    return replace(model, dictionary=dictionary, input=DenseRows(rows), output=output)
