"""Analogies, a : b = c : what, many questions at once, by three rules (Levy & Goldberg 2014).

add   cosine of x with b - a + c (3CosAdd, Mikolov et al. 2013)
mul   cos(x, b) cos(x, c) / (cos(x, a) + epsilon), each cosine moved to 0 .. 1 (3CosMul)
pair  cosine of x - c with b - a (pair direction)

All with rows of length 1.
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
_BLOCK_QUESTIONS = 256
_TINY = 1e-24  # squared distance below which x - c has no direction

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
) -> tuple[Rows64, NDArray[np.float32]]:
    """The `n` best rows of first..last for each question (a, b, c), int64[n_questions, 3], without
    the three; and their scores float32.

    Arguments and result as in nearest_rows: best first, ties by lower row, empty places -1 and nan.
    Questions with a row that has no direction stay empty.
    """
    if method not in METHODS:
        raise OptionError("method", " or ".join(map(repr, METHODS)), method)
    questions = np.asarray(questions, dtype=np.int64).reshape(-1, 3)
    if questions.size and not 0 <= questions.min() <= questions.max() < len(matrix):
        raise IndexError(f"a question asks for a row outside 0 .. {len(matrix) - 1}")
    if method == "add":
        directions = _sums(matrix, questions)
        return nearest_rows(
            matrix, norms, directions, n,
            excluded=questions.tolist(), first=first, last=last, n_threads=n_threads, plane=plane,
        )  # fmt: skip
    last = len(matrix) if last is None else min(last, len(matrix))
    first, n = max(first, 0), max(n, 0)
    rows = np.full((len(questions), n), -1, dtype=np.int64)
    scores = np.full((len(questions), n), np.nan, dtype=np.float32)

    def answer(begin: int, end: int) -> None:
        part = questions[begin:end]
        best = _Best(len(part), n)
        distinct, places = np.unique(part, return_inverse=True)
        given = _units(matrix, distinct)
        a, b, c = places.reshape(-1, 3).T
        for start in range(first, last, _BLOCK_ROWS):
            numbers = np.arange(start, min(start + _BLOCK_ROWS, last))
            cosines = given @ _units(matrix, numbers).T
            if method == "mul":
                found = _products(cosines, a, b, c, epsilon)
            else:
                found = _pair_cosines(cosines, given, a, b, c)
            for row in part.T:
                inside = np.flatnonzero((row >= start) & (row <= numbers[-1]))
                found[inside, row[inside] - start] = np.nan
            best.add(numbers, found)
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


def _sums(matrix: NDArray[Any], questions: Rows64) -> NDArray[np.float32]:
    """float32[n_questions, dim]: b - a + c of rows of length 1."""
    directions = np.empty((len(questions), matrix.shape[1]), dtype=np.float32)
    for start in range(0, len(questions), _BLOCK_ROWS):
        a, b, c = (_units(matrix, rows) for rows in questions[start : start + _BLOCK_ROWS].T)
        directions[start : start + _BLOCK_ROWS] = b - a + c
    return directions


def _products(cosines: Doubles, a: Rows64, b: Rows64, c: Rows64, epsilon: float) -> Doubles:
    moved = (1 + cosines) / 2
    return np.asarray(moved[b] * moved[c] / (moved[a] + epsilon))


def _pair_cosines(cosines: Doubles, given: Doubles, a: Rows64, b: Rows64, c: Rows64) -> Doubles:
    """cos(x - c, b - a) from the cosines of x with each."""
    offset = given[b] - given[a]
    with np.errstate(all="ignore"):
        along = cosines[b] - cosines[a] - np.einsum("ij,ij->i", offset, given[c])[:, None]
        squares = 2 - 2 * cosines[c]
        squares[squares < _TINY] = np.nan
        along /= np.sqrt(squares) * np.sqrt(np.einsum("ij,ij->i", offset, offset))[:, None]
    return np.asarray(along)


class _Best:
    """The best rows of each question so far, in order."""

    def __init__(self, n_questions: int, n: int) -> None:
        self.rows = np.full((n_questions, n), -1, dtype=np.int64)
        self.scores = np.full((n_questions, n), -np.inf)

    def add(self, numbers: Rows64, scores: Doubles) -> None:
        """Scores float64[n_questions, len(numbers)] of rows that come after those already seen."""
        scores[~np.isfinite(scores)] = -np.inf
        # Most blocks hold a new one for few questions; a later row needs more than the same score.
        for q in np.flatnonzero(scores.max(axis=1) > self.scores[:, -1]):
            n = len(self.rows[q])
            hits = np.flatnonzero(scores[q] > self.scores[q, -1])
            rows = np.concatenate([self.rows[q], numbers[hits]])
            merged = np.concatenate([self.scores[q], scores[q, hits]])
            order = np.argsort(-merged, kind="stable")[:n]
            self.rows[q], self.scores[q] = rows[order], merged[order]
