"""Training a classifier further, with the dictionary and the (pruned) rows that it has."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import WordvecError
from wordvec.fasttextmodel import DenseRows, FastTextModel
from wordvec.kernels import classify
from wordvec.kernels import subwords as kernel
from wordvec.linerows import LineRows
from wordvec.memory import zero_rows
from wordvec.models.classifier import TrainedClassifier, train_job
from wordvec.models.labelling import Labeller, line_chunks
from wordvec.models.lineweights import LineWeights
from wordvec.models.traininglines import START_ROWS, Numbered, TrainingJob
from wordvec.options import ClassifierOptions
from wordvec.progress import Reporter, silent

Matrix = NDArray[np.float32]
Numbers = NDArray[np.int32]


def retrain(
    model: FastTextModel,
    path: str | os.PathLike[str],
    options: ClassifierOptions,
    *,
    reporter: Reporter = silent,
) -> TrainedClassifier:
    """Train a model further on a file, with the dictionary and the (pruned) rows that it has.

    Of the options only epochs, alpha, batch, workers and seed count.  The result has matrices of
    its own; the model is not changed.  Errors as in train_supervised, and WordvecError for a
    quantised model.
    """
    if model.is_quantized:
        raise WordvecError("a quantised model cannot be trained further")
    text = _lines_of(model, os.fspath(path))
    token_starts = text.row_starts + text.label_starts  # near enough to tokens for the rate
    n_tokens = int(token_starts[-1])
    if n_tokens == 0:
        raise WordvecError(f"{path}: no line of it has a word or label of the model")
    in_rows, buckets = _own_rows(model, text.rows)
    start_seed = model.input.seed if isinstance(model.input, DenseRows) else 0
    lines = Numbered(text, len(in_rows), buckets, start_seed)
    job = TrainingJob(lines, token_starts, n_tokens, model.dictionary.n_labels, LineWeights())
    output = np.asarray(model.output.block(0, model.output.n_rows))
    settings = _options_of(model, options)
    trained = train_job(job, in_rows, model.dictionary, settings, reporter, [], output)
    trained.args = model.args
    return trained


def _lines_of(model: FastTextModel, path: str) -> LineRows:
    """Rows as a Labeller numbers them: -1 - b for a bucket that a compact matrix has no row for."""
    labeller = Labeller(model)
    blocks = [labeller.rows_of_text(chunk, True) for chunk in line_chunks(path)]
    none, zero = np.zeros(0, np.int32), np.zeros(1, np.int64)
    return LineRows(
        np.concatenate([zero, *(np.diff(block.row_starts) for block in blocks)]).cumsum(),
        np.concatenate([none, *(block.rows for block in blocks)]),
        np.concatenate([zero, *(np.diff(block.label_starts) for block in blocks)]).cumsum(),
        np.concatenate([none, *(block.labels for block in blocks)]),
    )


def _own_rows(model: FastTextModel, rows: Numbers) -> tuple[Matrix, Numbers | None]:
    """(input rows to train, buckets of those behind the words' where not all have one).

    A compact matrix gets rows, as training begins with them, for the buckets among `rows` that it
    lacks; these become numbers of rows, in place.
    """
    source, dim, n_words = model.input, model.dim, model.dictionary.n_words
    if not isinstance(source, DenseRows) or source.row_of_bucket is None:
        in_rows = zero_rows(source.n_rows, classify.padded(dim))
        for first in range(0, source.n_rows, START_ROWS):
            end = min(first + START_ROWS, source.n_rows)
            in_rows[first:end, :dim] = source.block(first, end)
        return in_rows, None
    n_stored = len(source.matrix)
    lacking = np.unique(-1 - rows[rows < 0]).astype(np.int32)
    in_rows = zero_rows(n_stored + len(lacking), classify.padded(dim))
    in_rows[:n_stored, :dim] = source.matrix[:, :dim]
    kernel.start_rows(in_rows[n_stored:, :dim], source.seed, of_buckets=True, numbers=lacking)
    is_new = rows < 0
    rows[is_new] = n_stored + np.searchsorted(lacking, -1 - rows[is_new])
    stored = np.empty(n_stored - n_words, np.int32)
    there = np.flatnonzero(source.row_of_bucket >= 0)
    stored[source.row_of_bucket[there]] = there
    return in_rows, np.concatenate([stored, lacking])


def _options_of(model: FastTextModel, options: ClassifierOptions) -> ClassifierOptions:
    args = model.args
    return ClassifierOptions(
        vector_size=args.dim, loss=args.loss, word_ngrams=args.word_ngrams, min_n=args.min_n,
        max_n=args.max_n, bucket=args.bucket, negative=args.negative, epochs=options.epochs,
        alpha=options.alpha, batch=options.batch, workers=options.workers, seed=options.seed,
    )  # fmt: skip
