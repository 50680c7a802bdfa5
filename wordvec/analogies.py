"""Analogies, a : b = c : what, many questions at once, by three rules (Levy & Goldberg 2014).

add   cosine of x with b - a + c (3CosAdd, Mikolov et al. 2013)
mul   cos(x, b) cos(x, c) / (cos(x, a) + epsilon), each cosine moved to 0 .. 1 (3CosMul)
pair  cosine of x - c with b - a (pair direction)

All with rows of length 1.

The last two are scored twice: a float32 matrix product over all rows gives each an upper bound, and
the few rows that reach the n-th best exact score are scored again in float64, which decides.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import OptionError
from wordvec.nearest import nearest_rows
from wordvec.plane import Plane, over_pieces

METHODS = ("add", "mul", "pair")
MUL_EPSILON = 0.001  # Levy & Goldberg's; gensim 4's most_similar_cosmul has 0.000001
_BLOCK_ROWS = 1024
_BLOCK_QUESTIONS = 1024
_BLOCK_COSINES = 1 << 24  # 64 MB of cosines of a question's words at a time
_GROUPS = 64
_SIZES = (1e-15, 1e15)  # lengths of rows whose float32 products keep their digits
_TINY = 1e-13  # squared distance below which rounding has eaten the direction of x - c

Rows64 = NDArray[np.int64]
Doubles = NDArray[np.float64]


def analogy_rows(
    matrix: NDArray[np.floating[Any]],
    norms: NDArray[np.float32],
    questions: Rows64,
    n: int,
    *,
    method: str = "add",
    epsilon: float = MUL_EPSILON,
    first: int = 0,
    last: int | None = None,
    n_threads: int | None = None,
    plane: Plane | None = None,
    further: NDArray[np.float32] | None = None,
) -> tuple[Rows64, NDArray[np.float32]]:
    """The `n` best rows of first..last for each question (a, b, c), int64[n_questions, 3], without
    the three; and their scores float32.

    Arguments and result as in nearest_rows: best first, ties by lower row, empty places -1 and nan.
    Questions with a row that has no direction stay empty.  Questions may name rows beyond the
    matrix: those of `further`, float32[n_further, dim], which are no answers.
    """
    if method not in METHODS:
        raise OptionError("method", " or ".join(map(repr, METHODS)), method)
    questions = np.asarray(questions, dtype=np.int64).reshape(-1, 3)
    given = _Given(matrix, further)
    if questions.size and not 0 <= questions.min() <= questions.max() < given.n_rows:
        raise IndexError(f"a question asks for a row outside 0 .. {given.n_rows - 1}")
    if method == "add":
        return nearest_rows(
            matrix, norms, _sums(given, questions), n,
            excluded=[[row for row in rows if row < len(matrix)] for rows in questions.tolist()],
            first=first, last=last, n_threads=n_threads, plane=plane,
        )  # fmt: skip
    last = len(matrix) if last is None else min(last, len(matrix))
    first, n = max(first, 0), max(n, 0)
    rows = np.full((len(questions), n), -1, dtype=np.int64)
    scores = np.full((len(questions), n), np.nan, dtype=np.float32)

    def answer(begin: int, end: int) -> None:
        part = questions[begin:end]
        best = _Best(matrix, given, part, n, method, epsilon)
        step = max(_BLOCK_ROWS, _BLOCK_COSINES // len(best.units))
        for start in range(first, last, step):
            stop = min(start + step, last)
            best.scan(start, norms[start:stop])
        rows[begin:end], scores[begin:end] = best.rows, best.scores

    if n and first < last:
        over_pieces(answer, len(questions), _BLOCK_QUESTIONS, n_threads)
        scores[rows < 0] = np.nan
    return rows, scores


def _units(matrix: NDArray[Any], rows: Rows64) -> Doubles:
    """float64: the rows scaled to length 1; nan where one has no direction."""
    exact = matrix[rows].astype(np.float64)
    with np.errstate(all="ignore"):
        exact /= np.sqrt(np.einsum("ij,ij->i", exact, exact))[:, None]
    return exact


class _Given:
    """The rows that questions may name: those of the matrix, and further ones behind them."""

    def __init__(self, matrix: NDArray[Any], further: NDArray[np.float32] | None) -> None:
        self.matrix = matrix
        self.further = matrix[:0] if further is None else further
        self.n_rows = len(matrix) + len(self.further)

    def units(self, rows: Rows64) -> Doubles:
        found = np.empty((len(rows), self.matrix.shape[1]))
        known = rows < len(self.matrix)
        found[known] = _units(self.matrix, rows[known])
        found[~known] = _units(self.further, rows[~known] - len(self.matrix))
        return found


def _sums(given: _Given, questions: Rows64) -> NDArray[np.float32]:
    """float32[n_questions, dim]: b - a + c of rows of length 1."""
    directions = np.empty((len(questions), given.matrix.shape[1]), dtype=np.float32)
    for start in range(0, len(questions), _BLOCK_ROWS):
        a, b, c = (given.units(rows) for rows in questions[start : start + _BLOCK_ROWS].T)
        directions[start : start + _BLOCK_ROWS] = b - a + c
    return directions


class _Best:
    """The best rows of each question among the rows scanned so far, in order, by "mul" or "pair".

    rows, scores  int64 and float64[n_questions, n], -1 and -inf where empty
    units         float64: the rows that the questions name, each once, of length 1
    """

    def __init__(
        self,
        matrix: NDArray[Any],
        given: _Given,
        questions: Rows64,
        n: int,
        method: str,
        epsilon: float,
    ) -> None:
        self.matrix = matrix
        self.questions = questions
        self.is_product = method == "mul"
        self.epsilon = epsilon
        distinct, places = np.unique(questions, return_inverse=True)
        self.places = places.reshape(-1, 3)
        self.units = given.units(distinct)
        has_direction = np.asarray(np.isfinite(self.units).all(axis=1))
        self.has_direction = has_direction[self.places].all(axis=1)
        self.rows = np.full((len(questions), n), -1, dtype=np.int64)
        self.scores = np.full((len(questions), n), -np.inf)

    def scan(self, start: int, norms: NDArray[np.float32]) -> None:
        """Take in the rows from `start` on, of the lengths `norms`, which come after all so far."""
        rows = self.matrix[start : start + len(norms)].astype(np.float32, copy=False)
        low, high = _SIZES
        is_usual = (norms >= low) & (norms <= high)
        # Rows of lengths that float32 products do not bear are scored exactly at once.
        odd = start + np.flatnonzero((norms > 0) & ~is_usual)
        with np.errstate(all="ignore"):
            cosines = self.units.astype(np.float32) @ rows.T
            cosines *= np.where(is_usual, 1 / norms, 0).astype(np.float32)
        cosines[:, ~is_usual] = 0
        slack = np.float32(1.2 * 6e-8 * (rows.shape[1] + 16))  # of a cosine in float32
        if self.is_product:  # from here on (1 + cosine) / 2
            cosines += 1
            cosines /= 2
            divisors = np.maximum(cosines - slack, 0)
            divisors += np.float32(self.epsilon)
            cosines += slack
        else:
            divisors = np.subtract(1 - 2 * slack, cosines, dtype=np.float32)
            divisors *= 2
            np.maximum(divisors, np.float32(1e-30), out=divisors)
            np.sqrt(divisors, out=divisors)
        np.divide(1, divisors, out=divisors)
        bounds = np.empty(len(norms), np.float32)
        for q in np.flatnonzero(self.has_direction).tolist():
            a, b, c = self.places[q].tolist()
            scale = 1.0
            if self.is_product:
                np.multiply(cosines[b], cosines[c], out=bounds)
                bounds *= divisors[a]
            else:
                offset = self.units[b] - self.units[a]
                scale = float(np.sqrt(offset @ offset))
                if scale == 0:
                    continue
                np.subtract(cosines[b], cosines[a], out=bounds)
                bounds += np.float32(4 * slack - offset @ self.units[c])
                # A bound below 0 would need the largest divisor; 0 is one too.
                np.maximum(bounds, 0, out=bounds)
                bounds *= divisors[c]
            for row in self.questions[q].tolist():
                if start <= row < start + len(norms):
                    bounds[row - start] = -1
            self._merge(q, start, bounds, scale, odd)

    def _merge(
        self, q: int, start: int, bounds: NDArray[np.float32], scale: float, odd: Rows64
    ) -> None:
        """Take in rows with upper bounds of their score times `scale`, and those in `odd`."""
        if self.rows[q, -1] < 0:
            # Any n rows give a first threshold; those of the largest bounds a good one.
            n = self.scores.shape[1]
            groups = bounds[: len(bounds) // _GROUPS * _GROUPS].reshape(_GROUPS, -1)
            least = -np.inf
            if groups.shape[1] > 4 * n:
                least = np.partition(groups.max(axis=0), -n)[-n]
            self._take(q, start + np.flatnonzero(bounds >= least))
        least = self.scores[q, -1] * scale
        least -= 2e-6 * abs(least)  # for the roundings of the bounds themselves
        if len(odd):
            self._take(q, odd)
        if bounds.max() >= least:
            self._take(q, start + np.flatnonzero(bounds >= least))

    def _take(self, q: int, numbers: Rows64) -> None:
        """Score rows exactly, and keep the best."""
        taken = np.concatenate([self.rows[q], self.questions[q]])
        numbers = numbers[~np.isin(numbers, taken)]
        scores = self._exact(q, numbers)
        rows = np.concatenate([self.rows[q], numbers])
        scores = np.concatenate([self.scores[q], scores])
        order = np.lexsort((rows, -scores))[: self.scores.shape[1]]
        self.scores[q] = scores[order]
        self.rows[q] = np.where(self.scores[q] > -np.inf, rows[order], -1)

    def _exact(self, q: int, numbers: Rows64) -> Doubles:
        """float64: the scores of rows; -inf where one has no direction."""
        a, b, c = self.units[self.places[q]]
        found = np.empty(len(numbers))
        for start in range(0, len(numbers), _BLOCK_ROWS):
            units = _units(self.matrix, numbers[start : start + _BLOCK_ROWS])
            # Not by a matrix product, whose last bits depend on a row's place.
            to_a, to_b, to_c = (np.einsum("ij,j->i", units, unit) for unit in (a, b, c))
            with np.errstate(all="ignore"):
                if self.is_product:
                    scores = (1 + to_b) / 2 * ((1 + to_c) / 2) / ((1 + to_a) / 2 + self.epsilon)
                else:
                    squares = 2 - 2 * to_c
                    squares[squares < _TINY] = np.nan
                    offset = b - a
                    scores = (to_b - to_a - offset @ c) / np.sqrt(squares * (offset @ offset))
            found[start : start + _BLOCK_ROWS] = np.where(np.isfinite(scores), scores, -np.inf)
        return found
