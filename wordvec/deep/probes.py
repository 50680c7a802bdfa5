"""What embeddings are good for: labels from them, by logistic regression or a nearest neighbour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

Rows = NDArray[np.floating]


def standardised(train: Rows, test: Rows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both by the mean and deviation of `train`; a deviation of 0 counts as 1."""
    means, deviations = train.mean(axis=0, dtype=float), train.std(axis=0, dtype=float)
    deviations[deviations == 0] = 1
    return (train - means) / deviations, (test - means) / deviations


def logistic_accuracy(
    train: Rows, train_labels: Sequence[str], test: Rows, test_labels: Sequence[str],
    inverse_penalty: float = 1.0,
) -> float:  # fmt: skip
    """Share of `test` that a multinomial logistic regression trained on `train` gets right.

    Rows [n, d], standardised here; the objective is scikit-learn's: inverse_penalty * sum of the
    losses + half of the squared weights, the intercepts free.
    """
    names = sorted(set(train_labels))
    x, y = standardised(train, test)
    inputs = torch.from_numpy(x)
    targets = torch.tensor([names.index(label) for label in train_labels])
    weights = torch.zeros((len(names), x.shape[1]), dtype=torch.float64, requires_grad=True)
    intercepts = torch.zeros(len(names), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [weights, intercepts], max_iter=2000, tolerance_grad=1e-6, tolerance_change=1e-12,
        line_search_fn="strong_wolfe",
    )  # fmt: skip

    def objective() -> torch.Tensor:
        optimiser.zero_grad()
        losses = torch.nn.functional.cross_entropy(
            inputs @ weights.T + intercepts, targets, reduction="sum"
        )
        value = inverse_penalty * losses + 0.5 * (weights**2).sum()
        value.backward()
        return value

    optimiser.step(objective)
    with torch.no_grad():
        best = (torch.from_numpy(y) @ weights.T + intercepts).argmax(dim=1).tolist()
    return share_right([names[k] for k in best], test_labels)


def nearest_accuracy(
    train: Rows, train_labels: Sequence[str], test: Rows, test_labels: Sequence[str],
    by_cosine: bool = False,
) -> float:  # fmt: skip
    """Share of `test` whose nearest row of `train`, by Euclid or cosine, has its label."""
    x, y = np.asarray(train, float), np.asarray(test, float)
    if by_cosine:
        x, y = (rows / np.maximum(np.linalg.norm(rows, axis=1), 1e-30)[:, None] for rows in (x, y))
    squares = (x**2).sum(axis=1)
    found: list[str] = []
    for first in range(0, len(y), 1024):
        scores = y[first : first + 1024] @ x.T - squares / 2
        found += [train_labels[k] for k in scores.argmax(axis=1)]
    return share_right(found, test_labels)


def share_right(found: Sequence[str], labels: Sequence[str]) -> float:
    return float(np.mean([a == b for a, b in zip(found, labels, strict=True)]))
