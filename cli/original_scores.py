"""The scores of the original query tools, to the last bit of every printed digit.

`distance`, `word-analogy` and `compute-accuracy` scale every row to unit length and add up
products one after the other, all in float32.  A fast scan adds in another order, so its scores
differ in the last places, and with them the printed sixth decimal and the order of near ties.
Therefore the scan only proposes rows: all whose cosine lies so close to the last one shown that
rounding could decide.  Those few are then scored in the originals' own order of operations.

How close is close: let u = 2^-24.  A sum of dim products in float32 errs by at most
dim u |q| |row|, the row's float32 length by (dim/2 + 2) u of itself, each quotient by u.  So a
score lies within (1.5 dim + 8) u |q| of the true cosine x |q|, and two scores can change places
only if their cosines differ by less than twice that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from wordvec.vectors import Vectors

Matrix = NDArray[np.float32]
Rows = NDArray[np.int64]

ROWS_PER_BLOCK = 4096
MORE_CANDIDATES = 24  # asked for at once beyond those that are shown
# Outside of these lengths squares over- or underflow in float32 and the bound does not hold.
SHORTEST, LONGEST = 1e-15, 1e18


class OriginalScores:
    """Scores of queries against all rows of `vectors`, as the original tools compute them."""

    def __init__(self, vectors: Vectors) -> None:
        self.vectors = vectors
        # Twice the bound above, and the rounding of the cosines that it is compared with.
        self._slack = 2 * (1.5 * vectors.dim + 8) * 2.0**-24 + 1e-6
        norms = vectors.norms
        odd = np.flatnonzero(~((norms > SHORTEST) & (norms < LONGEST)))
        # A row of zeros becomes 0/0 in the originals: NaN is never the larger, it is not listed.
        kept = [rows[~np.isnan(self.units(rows)).any(axis=1)] for rows in _blocks(odd)]
        self._odd_rows: Rows = np.concatenate([odd[:0], *kept])

    def units(self, rows: Rows) -> Matrix:
        """float32[n, dim]: these rows scaled to length 1, added up and divided in float32."""
        picked = np.asarray(self.vectors.matrix[rows], np.float32)
        with np.errstate(all="ignore"):
            return np.asarray(picked / np.sqrt(_running_sum(picked * picked))[:, None])

    def scaled(self, query: Matrix) -> Matrix:
        """`query`, float32[dim], scaled to length 1 in the same manner; NaN if it is 0."""
        with np.errstate(all="ignore"):
            return np.asarray(query / np.sqrt(_running_sum((query * query)[None])[0]))

    def best(
        self, query: Matrix, n: int, excluded: Sequence[int], floor: float
    ) -> list[tuple[int, float]]:
        """The first `n` (row, score) above `floor`: best first, ties by lower row."""
        rows = self._candidates(query, n, excluded)
        scores = np.concatenate(
            [np.zeros(0, np.float32), *(self._scores(query, part) for part in _blocks(rows))]
        )
        above = scores > np.float32(floor)  # false for NaN
        rows, scores = rows[above], scores[above]
        order = np.argsort(-scores, kind="stable")[:n]
        return [(int(rows[place]), float(scores[place])) for place in order]

    def best_rows(self, queries: Matrix, excluded: Sequence[Sequence[int]]) -> Rows:
        """int64[n_queries]: the row with the largest score above 0 for each; -1 if there is none.

        queries float32[n_queries, dim]; the rows in `excluded` do not count.
        """
        answers = np.full(len(queries), -1, np.int64)
        usual = np.isfinite(queries).all(axis=1) & (queries != 0).any(axis=1)
        if len(self._odd_rows):
            usual[:] = False
        asked = np.flatnonzero(usual)
        clear = np.zeros(len(queries), bool)
        if len(asked):
            rows, cosines = self.vectors.nearest(
                queries[asked], 2, excluded=[excluded[number] for number in asked.tolist()]
            )
            runner_up = np.where(rows[:, 1] < 0, 0, np.maximum(cosines[:, 1], 0))
            clear[asked] = (rows[:, 0] >= 0) & (cosines[:, 0] - runner_up > self._slack)
            answers[asked] = rows[:, 0]
        for number in np.flatnonzero(~clear).tolist():
            found = self.best(queries[number], 1, excluded[number], 0.0)
            answers[number] = found[0][0] if found else -1
        return answers

    def _scores(self, query: Matrix, rows: Rows) -> Matrix:
        with np.errstate(all="ignore"):
            return _running_sum(self.units(rows) * query)

    def _candidates(self, query: Matrix, n: int, excluded: Sequence[int]) -> Rows:
        """Rows, ascending, among which the `n` with the best scores must be."""
        if np.isnan(query).any() or (not (query != 0).any() and self.vectors.dim):
            return np.zeros(0, np.int64)  # every score is NaN or 0: nothing would be listed
        if not np.isfinite(query).all():
            return np.setdiff1d(np.arange(len(self.vectors)), excluded)
        near = np.zeros(0, np.int64)
        n_asked = n + MORE_CANDIDATES
        while True:
            rows, cosines = self.vectors.nearest(query[None], n_asked, excluded=[excluded])
            near = rows[0][rows[0] >= 0]
            if len(near) < n_asked or cosines[0, n - 1] - cosines[0, -1] > self._slack:
                break
            n_asked *= 4
        odd = np.setdiff1d(self._odd_rows, excluded)
        return np.union1d(near, odd).astype(np.int64)


def _blocks(rows: Rows) -> Iterator[Rows]:
    for start in range(0, len(rows), ROWS_PER_BLOCK):
        yield rows[start : start + ROWS_PER_BLOCK]


def _running_sum(terms: Matrix) -> Matrix:
    """The sum of each line of `terms`, from left to right in float32: not NumPy's pairwise sum."""
    if terms.shape[1] == 0:
        return np.zeros(len(terms), np.float32)
    with np.errstate(all="ignore"):
        sums = np.add.accumulate(terms, axis=1, dtype=np.float32)[:, -1]
    return np.asarray(sums + np.float32(0))  # the originals start from 0: never -0
