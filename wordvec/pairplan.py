"""How the pairs of one corpus are kept while they are counted: units, cells, stripes."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from wordvec.corpus import EncodedCorpus
from wordvec.kernels.cooccur import (
    BITS_OF_NARROW_PAIR,
    LARGEST_NARROW_WINDOW,
    LARGEST_WINDOW,
    PairPlan,
)
from wordvec.options import CooccurOptions

_N_CODES = 4096
_CARRY = _N_CODES - 1
_LAST_NEAR = 22  # lcm(1..22) = 232792560; with both directions on the diagonal below 2^32
_ROWS_PER_STRIPE = 1 << 20
_FEWEST_ROWS_PER_STRIPE = 1 << 7  # shorter stripes cost more memory than narrow events save
_COST_PER_STRIPE = 1 << 18
_MOST_STRIPES = 4096

_Numbers = npt.NDArray[np.int64]

assert LARGEST_WINDOW == _CARRY - 1


def _units(options: CooccurOptions) -> tuple[int, int, npt.NDArray[np.uint64]]:
    """(near, scale, units by distance); see PairPlan."""
    units = np.zeros(_N_CODES, dtype=np.uint64)
    units[_CARRY] = 1 << 32
    if not options.distance_weighting:
        units[1 : options.window + 1] = 1
        return options.window, 1, units
    near = min(options.window, _LAST_NEAR)
    scale = math.lcm(*range(1, near + 1))
    units[1 : near + 1] = [scale // distance for distance in range(1, near + 1)]
    return near, scale, units


def cells_of_rows(n_words: int, max_product: int, symmetric: bool) -> _Numbers:
    """int64[n_words]: cells of the rows 1, 2, ..."""
    rows = np.arange(1, n_words + 1, dtype=np.int64)
    last = np.minimum(max_product // rows, n_words)
    return np.maximum(last - rows + 1, 0) if symmetric else last


def best_product(n_words: int, n_cells: int, symmetric: bool) -> int:
    """The largest product of ranks for which `n_cells` cells are enough."""
    low, high = 0, n_words * n_words
    while low < high:
        middle = (low + high + 1) // 2
        if int(cells_of_rows(n_words, middle, symmetric).sum()) <= n_cells:
            low = middle
        else:
            high = middle - 1
    return low


def make_plan(corpus: EncodedCorpus, options: CooccurOptions, max_product: int) -> PairPlan:
    n_words = len(corpus.vocab)
    near, scale, units = _units(options)
    cells = cells_of_rows(n_words, max_product, options.symmetric)
    row_begin = np.zeros(n_words + 2, dtype=np.int64)
    row_begin[1] = 1  # cell 0 belongs to no pair
    np.cumsum(cells, out=row_begin[2:])
    row_begin[2:] += 1
    first_column = np.ones(n_words + 2, dtype=np.int64)
    if options.symmetric:
        first_column[:] = np.arange(n_words + 2)
    stripe_of, first_rows = _stripes(corpus, options, max_product)
    return PairPlan(
        n_words=n_words,
        max_product=max_product,
        window=options.window,
        symmetric=options.symmetric,
        near=near,
        scale=float(scale),
        row_start=row_begin - first_column,
        row_begin=row_begin,
        stripe_of=stripe_of,
        first_rows=first_rows,
        units=units,
    )


def _stripes(
    corpus: EncodedCorpus, options: CooccurOptions, max_product: int
) -> tuple[npt.NDArray[np.int32], _Numbers]:
    """Rows cut into ranges of about the same number of records, by an upper limit for these."""
    n_words = len(corpus.vocab)
    rows = np.arange(1, n_words + 1, dtype=np.int64)
    in_cells = np.minimum(max_product // rows, n_words)
    counts = np.clip(corpus.vocab.counts, 1, n_words)
    others = np.minimum(n_words - in_cells, counts * 2 * options.window)
    cost = np.cumsum(in_cells + others + 16)
    n_wanted = min(max(int(cost[-1]) // _COST_PER_STRIPE, 1), _MOST_STRIPES)
    share = (cost - 1) * n_wanted // int(cost[-1])
    # Rows of a stripe must fit their bits.
    share += (rows - 1) // _rows_per_stripe(n_words, options.window) * _MOST_STRIPES
    begins = np.concatenate([[True], share[1:] != share[:-1]])
    stripe_of = np.zeros(n_words + 2, dtype=np.int32)
    stripe_of[1 : n_words + 1] = np.cumsum(begins) - 1
    first_rows = np.append(rows[begins], n_words + 1)
    return stripe_of, first_rows


def _rows_per_stripe(n_words: int, window: int) -> int:
    """At most so many, for the sake of narrow events where these are possible."""
    n_rows = 1 << max(BITS_OF_NARROW_PAIR - n_words.bit_length(), 0)
    is_narrow = window <= LARGEST_NARROW_WINDOW and n_rows >= _FEWEST_ROWS_PER_STRIPE
    return n_rows if is_narrow else _ROWS_PER_STRIPE
