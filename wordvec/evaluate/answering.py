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

from wordvec.analogies import analogy_rows
from wordvec.evaluate.lookup import unit_rows

if TYPE_CHECKING:
    from wordvec.vectors import Vectors

Rows = NDArray[np.int64]
Scores = NDArray[np.float32]

METHODS = ("3cosadd", "3cosmul", "pairwise")
_QUESTIONS_PER_BATCH = 2048  # directions of a few MB
_EPSILON = 1e-6  # gensim's


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
    if method != "3cosadd":
        return analogy_rows(
            vectors.matrix, vectors.norms, questions, n,
            method="mul" if method == "3cosmul" else "pair", epsilon=_EPSILON, last=last,
        )  # fmt: skip
    found = np.full((len(questions), n), -1, np.int64)
    scores = np.full((len(questions), n), np.nan, np.float32)
    for start in range(0, len(questions), _QUESTIONS_PER_BATCH):
        batch = questions[start : start + _QUESTIONS_PER_BATCH]
        a, b, c = (unit_rows(vectors, column) for column in batch.T)
        best = vectors.nearest(b - a + c, n, excluded=batch.tolist(), last=last)
        found[start : start + len(batch)], scores[start : start + len(batch)] = best
    return found, scores
