"""How far vectors of the same words are from what they were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PERCENTS = (1, 5, 25, 50, 75, 95, 99)
_STEP_ROWS = 1 << 14

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Movement:
    """Cosines between vectors of words before and after; 1 where nothing changed.

    n_words      words that were compared: those whose vector was not zero
    n_moved      those whose vector is not the same to the last bit
    mean         of the cosines; NaN without words
    percentiles  percent of the words -> cosine that so many are below
    most_moved   (word, cosine) with the lowest cosines, lowest first
    """

    n_words: int
    n_moved: int
    mean: float
    percentiles: dict[int, float]
    most_moved: list[tuple[str, float]]


def movement(before: Matrix, after: Matrix, words: Sequence[str], n_shown: int = 20) -> Movement:
    """Compare float32[n, dim] arrays row by row; `words` are those of the rows."""
    cosines = np.empty(len(before), np.float64)
    n_moved = 0
    for first in range(0, len(before), _STEP_ROWS):
        old = before[first : first + _STEP_ROWS].astype(np.float64)
        new = after[first : first + _STEP_ROWS].astype(np.float64)
        is_same = (old == new).all(axis=1)
        n_moved += int((~is_same).sum())
        lengths = np.linalg.norm(old, axis=1) * np.linalg.norm(new, axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            found = np.einsum("ij,ij->i", old, new) / lengths
        cosines[first : first + _STEP_ROWS] = np.where(is_same & (lengths > 0), 1.0, found)
    known = np.flatnonzero(np.isfinite(cosines))
    if not len(known):
        return Movement(0, n_moved, float("nan"), {}, [])
    values = np.clip(cosines[known], -1, 1)
    order = np.argsort(values, kind="stable")[:n_shown]
    most = [(words[int(known[k])], float(values[k])) for k in order if values[k] < 1]
    points = np.percentile(values, PERCENTS)
    percentiles = {p: float(v) for p, v in zip(PERCENTS, points, strict=True)}
    return Movement(len(known), n_moved, float(values.mean()), percentiles, most)
