"""Candidates for the fourth word of an analogy, by three rules, for many questions at once.

With unit rows, of a question `a is to b as c is to x`:

    3cosadd   cos(x, b - a + c)                                   (Mikolov et al. 2013)
    3cosmul   s(x, b) s(x, c) / (s(x, a) + 1e-6), s = (1 + cos)/2  (Levy and Goldberg 2014)
    pairwise  cos(x - c, b - a)                                   (PairDirection, the same)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wordvec.evaluate.lookup import unit_rows

if TYPE_CHECKING:
    from wordvec.vectors import Matrix, Vectors

Rows = NDArray[np.int64]
Scores = NDArray[np.float32]

METHODS = ("3cosadd", "3cosmul", "pairwise")
_QUESTIONS_PER_BATCH = 2048  # for 3cosadd: directions of a few MB
_SCORES_PER_STEP = 1 << 22  # for the others: 16 MB of scores at a time
_ROWS_PER_STEP = 1 << 14
_EPSILON = np.float32(1e-6)  # gensim's


def fourth_words(
    vectors: Vectors, questions: Rows, n: int, method: str = "3cosadd", restrict: int | None = None
) -> tuple[Rows, Scores]:
    """The best rows for x, int64[n_questions, n], best first and without a, b and c; and what the
    rule gives them, float32 of the same shape.

    `questions` is int64[n_questions, 3], the rows of a, b and c.  x is looked for among the first
    `restrict` rows; ties go to the lower row; places that stay empty hold -1 and nan.
    """
    if method not in METHODS:
        raise ValueError(f"method: expected one of {', '.join(METHODS)}, found {method!r}")
    last = len(vectors) if restrict is None else min(restrict, len(vectors))
    n_batch = _QUESTIONS_PER_BATCH if method == "3cosadd" else _SCORES_PER_STEP // _ROWS_PER_STEP
    found = np.full((len(questions), n), -1, np.int64)
    scores = np.full((len(questions), n), np.nan, np.float32)
    for start in range(0, len(questions), n_batch):
        batch = questions[start : start + n_batch]
        if method == "3cosadd":
            a, b, c = (unit_rows(vectors, column) for column in batch.T)
            best = vectors.nearest(b - a + c, n, excluded=batch.tolist(), last=last)
        else:
            best = _best_rows(vectors, batch, n, method, last)
        found[start : start + n_batch], scores[start : start + n_batch] = best
    return found, scores


def _best_rows(
    vectors: Vectors, batch: Rows, n: int, method: str, last: int
) -> tuple[Rows, Scores]:
    terms = tuple(unit_rows(vectors, column) for column in batch.T)
    best = np.full((len(batch), n), -1, np.int64)
    best_scores = np.full((len(batch), n), -np.inf, np.float32)
    for first in range(0, last, _ROWS_PER_STEP):
        units = unit_rows(vectors, range(first, min(first + _ROWS_PER_STEP, last)))
        with np.errstate(all="ignore"):
            scores = _cosmul(units, *terms) if method == "3cosmul" else _pairwise(units, *terms)
        scores[:, ~units.any(axis=1)] = -np.inf  # rows without a direction
        scores[~np.isfinite(scores)] = -np.inf
        inside = (batch >= first) & (batch < first + len(units))
        scores[np.nonzero(inside)[0], batch[inside] - first] = -np.inf
        rows = _top(scores, n)
        # Those of earlier rows stand before those of later ones, and the sort is stable.
        both = np.concatenate([best, rows + first], axis=1)
        both_scores = np.concatenate([best_scores, np.take_along_axis(scores, rows, 1)], axis=1)
        order = np.argsort(-both_scores, axis=1, kind="stable")[:, :n]
        best = np.take_along_axis(both, order, 1)
        best_scores = np.take_along_axis(both_scores, order, 1)
    empty = best_scores == -np.inf
    best[empty], best_scores[empty] = -1, np.nan
    return best, best_scores


def _top(scores: Matrix, n: int) -> Rows:
    """int64[n_questions, min(n, n_rows)]: the places of the largest scores, ascending places
    among equal ones."""
    n = min(n, scores.shape[1])
    if n == 1:
        return np.asarray(scores.argmax(axis=1)[:, None])
    kept = np.argpartition(-scores, n - 1, axis=1)[:, :n]
    # Of scores that equal the worst kept one, the lowest places belong in: few, mended one by one.
    worst = np.take_along_axis(scores, kept, 1).min(axis=1, keepdims=True)
    for k in np.flatnonzero((scores >= worst).sum(axis=1) > n):
        kept[k] = np.argsort(-scores[k], kind="stable")[:n]
    kept.sort(axis=1)
    order = np.argsort(-np.take_along_axis(scores, kept, 1), axis=1, kind="stable")
    return np.asarray(np.take_along_axis(kept, order, 1))


def _cosmul(units: Matrix, a: Matrix, b: Matrix, c: Matrix) -> Matrix:
    scores = b @ units.T
    scores += 1
    other = c @ units.T
    other += 1
    scores *= other
    np.matmul(a, units.T, out=other)
    other += 1 + 2 * _EPSILON
    scores /= other
    scores *= 0.5  # above, (1 + cos) stands three times for its half
    return np.asarray(scores)


def _pairwise(units: Matrix, a: Matrix, b: Matrix, c: Matrix) -> Matrix:
    direction = b - a
    scores = direction @ units.T
    scores -= np.einsum("ij,ij->i", c, direction)[:, None]
    # |x - c| of unit rows, by their cosine.
    lengths = c @ units.T
    lengths *= -2
    lengths += 2
    np.maximum(lengths, 1e-6, out=lengths)  # a copy of c has no direction from c
    np.sqrt(lengths, out=lengths)
    scores /= lengths
    scores /= np.maximum(np.linalg.norm(direction, axis=1), 1e-12)[:, None]
    return np.asarray(scores)
