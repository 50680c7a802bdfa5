"""Counterparts of `fasttext.util`."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from wordvec.fasttext.model import FastText


def test(
    predictions: Sequence[Sequence[str]], labels: Sequence[Sequence[str]], k: int = 1
) -> tuple[float, float]:
    """(precision at k, recall at k) of answers beside the truth, as means over the lines."""
    precisions, recalls = [], []
    for predicted, true in zip(predictions, labels, strict=True):
        n_right = len(set(predicted[:k]) & set(true))
        precisions.append(n_right / k)
        recalls.append(n_right / max(len(set(true)), 1))
    return float(np.mean(precisions)), float(np.mean(recalls))


def find_nearest_neighbor(
    query: NDArray[Any],
    vectors: NDArray[Any],
    ban_set: Container[int],
    cossims: NDArray[Any] | None = None,
) -> int:
    """The row of `vectors` (of length 1) with the largest product with `query` that is not in
    `ban_set`; `cossims`, float[n], takes the products when given."""
    cossims = np.matmul(vectors, query, out=cossims)
    for row in np.argsort(-cossims, kind="stable").tolist():
        if row not in ban_set:
            return int(row)
    raise ValueError("all rows are in ban_set")


def reduce_model(ft_model: FastText, target_dim: int) -> FastText:
    """Reduce a model's dimension in place by principal components; returns it."""
    if ft_model.get_dimension() < target_dim or target_dim < 1:
        raise ValueError(
            f"target_dim: expected 1 to {ft_model.get_dimension()}, found {target_dim}"
        )
    made = [
        _reduced(matrix, target_dim)
        for matrix in (ft_model.get_input_matrix(), ft_model.get_output_matrix())
    ]
    ft_model.set_matrices(*made)
    return ft_model


def _reduced(matrix: NDArray[np.float32], target_dim: int) -> NDArray[np.float32]:
    covariance = np.cov(matrix, rowvar=False, dtype=np.float64).reshape(
        matrix.shape[1], matrix.shape[1]
    )
    values, axes = np.linalg.eigh(covariance)
    best = axes[:, np.argsort(-values)[:target_dim]]
    return np.asarray(matrix @ best, np.float32)


def download_model(
    lang_id: str, if_exists: str = "strict", dimension: int | None = None
) -> NoReturn:
    """Raises: wordvec downloads nothing."""
    raise NotImplementedError(
        f"wordvec downloads nothing; get cc.{lang_id}.300.bin.gz from fasttext.cc, unpack it and "
        "use load_model"
    )
