"""Logistic regression with an L2 penalty, by Newton's method: a judge of vectors, exact and small.

Minimises |w|^2 / 2 + C sum log(1 + exp(-y (w x + b))) over w and b, y = +1 or -1; b is free.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_STEP_ROWS = 8192
_MAX_STEPS = 100
_TOLERANCE = 1e-8  # of the squared Newton decrement, beside the objective


def fit_logistic(
    rows: NDArray[np.float64], labels: NDArray[np.bool_], cost: float = 1.0
) -> NDArray[np.float64]:
    """float64[dim + 1]: w and, last, b.

    rows float64[n, dim], labels bool[n]; both kinds must be there, else b has no optimum.
    """
    if labels.all() or not labels.any():
        raise ValueError("logistic regression needs examples of both kinds")
    signs = np.where(labels, 1.0, -1.0)
    weights = np.zeros(rows.shape[1] + 1)
    objective = _objective(rows, signs, weights, cost)
    for _ in range(_MAX_STEPS):
        gradient, hessian = _derivatives(rows, signs, weights, cost)
        step = np.linalg.solve(hessian, gradient)
        decrement = float(gradient @ step)
        if decrement <= _TOLERANCE * max(objective, 1.0):
            break
        length = 1.0
        while length > 1e-10:
            moved = weights - length * step
            value = _objective(rows, signs, moved, cost)
            if value <= objective - 1e-4 * length * decrement:
                break
            length /= 2
        else:
            break  # rounding is all that is left
        weights, objective = moved, value
    return weights


def scores_of(rows: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64[n]: w x + b."""
    return np.asarray(rows @ weights[:-1] + weights[-1])


def _objective(
    rows: NDArray[np.float64], signs: NDArray[np.float64], weights: NDArray[np.float64], cost: float
) -> float:
    losses = np.logaddexp(0, -signs * scores_of(rows, weights))
    return float(0.5 * weights[:-1] @ weights[:-1] + cost * losses.sum())


def _derivatives(
    rows: NDArray[np.float64], signs: NDArray[np.float64], weights: NDArray[np.float64], cost: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    dim = rows.shape[1]
    gradient = np.concatenate([weights[:-1], [0.0]])
    hessian = np.zeros((dim + 1, dim + 1))
    hessian[np.arange(dim), np.arange(dim)] = 1
    hessian[dim, dim] = 1e-12  # all examples far from the border
    for first in range(0, len(rows), _STEP_ROWS):
        some, sign = rows[first : first + _STEP_ROWS], signs[first : first + _STEP_ROWS]
        chance = 1 / (1 + np.exp(np.minimum(sign * scores_of(some, weights), 700)))
        pull = -cost * sign * chance
        spread = cost * chance * (1 - chance)
        gradient[:-1] += pull @ some
        gradient[-1] += pull.sum()
        scaled = some * spread[:, None]
        hessian[:-1, :-1] += some.T @ scaled
        column = scaled.sum(axis=0)
        hessian[:-1, -1] += column
        hessian[-1, :-1] += column
        hessian[-1, -1] += spread.sum()
    return gradient, hessian
