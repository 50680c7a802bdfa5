"""What quantising a model of word vectors costs: the error of its rows, its scores on sets."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wordvec.evaluate import (
    AnalogySet,
    EvaluationSet,
    WordPairs,
    evaluate_analogies,
    evaluate_categories,
    evaluate_pairs,
)
from wordvec.fasttextmodel import FastTextModel
from wordvec.vectors import Vectors

_BLOCK_ROWS = 1 << 14


@dataclass(frozen=True)
class SetLoss:
    """Scores of one set, before and after: the share of right analogies, Spearman's correlation
    with people, or the purity of categories; None where nothing could be scored."""

    name: str
    kind: str
    before: float | None
    after: float | None


def row_error(model: FastTextModel, quantized: FastTextModel) -> float:
    """|quantised rows - rows| / |rows|, over all input rows that `quantized` has, which was made
    from `model` without training it again; NaN for rows of zeros."""
    of_model = _rows_kept(model, quantized)
    of_error = of_rows = 0.0
    for first in range(0, len(of_model), _BLOCK_ROWS):
        end = min(first + _BLOCK_ROWS, len(of_model))
        rows = model.input.rows(of_model[first:end]).astype(np.float64)
        error = rows - quantized.input.rows(np.arange(first, end))
        of_error += float((error * error).sum())
        of_rows += float((rows * rows).sum())
    return math.sqrt(of_error / of_rows) if of_rows else math.nan


def _rows_kept(model: FastTextModel, quantized: FastTextModel) -> NDArray[np.int64]:
    """Row of `model` for each row of `quantized`."""
    old, new = model.dictionary, quantized.dictionary
    if new.pruned is None or old.pruned is not None:  # nothing was cut
        return np.arange(quantized.input.n_rows)
    words = old.words.find_words(new.only_words()).astype(np.int64)
    buckets = np.empty(len(new.pruned), np.int64)
    buckets[new.pruned[:, 1]] = new.pruned[:, 0]
    return np.concatenate([words, old.n_words + buckets])


def score_losses(
    model: FastTextModel, quantized: FastTextModel, sets: Iterable[EvaluationSet]
) -> tuple[list[SetLoss], int]:
    """(scores of both, words of the model that are left out of them because nothing of these, no
    n-gram either, is left in a pruned one)."""
    words = list(model.dictionary.only_words())
    rows = model.vocabulary_vectors()
    rows_after = np.concatenate(
        [quantized.word_vectors(words[first : first + _BLOCK_ROWS])
         for first in range(0, len(words), _BLOCK_ROWS)]
    )  # fmt: skip
    kept = np.flatnonzero(rows_after.any(axis=1))
    if len(kept) < len(words):
        words, rows, rows_after = [words[k] for k in kept.tolist()], rows[kept], rows_after[kept]
    before, after = Vectors(words, rows), Vectors(words, rows_after)
    losses = []
    for item in sets:
        kind, score = _score(before, item)
        losses.append(SetLoss(item.name, kind, score, _score(after, item)[1]))
    return losses, model.dictionary.n_words - len(kept)


def _score(vectors: Vectors, item: EvaluationSet) -> tuple[str, float | None]:
    if isinstance(item, AnalogySet):
        return "analogies", evaluate_analogies(vectors, item).total.accuracy
    if isinstance(item, WordPairs):
        return "similarity", evaluate_pairs(vectors, item).spearman
    return "categories", evaluate_categories(vectors, item).purity
