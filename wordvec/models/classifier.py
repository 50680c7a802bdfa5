"""Training the text classifier (Joulin et al. 2017): the mean of a line's rows against labels.

The text becomes numbers once.  Weights start as a function of (seed, row, column), so nothing
depends on the number of threads but the order in which shards meet the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import DivergedError
from wordvec.fasttextmodel import DenseRows, FastTextArgs, FastTextDictionary, FastTextModel
from wordvec.kernels import classify, sampling
from wordvec.labelled import add_words, read_labelled
from wordvec.models.labelling import SHARDS_ALONE, label_matrix, label_rows
from wordvec.models.lineweights import ClassWeights, LineWeights
from wordvec.models.pretrained import Pretrained, copy_vectors, vectors_of
from wordvec.models.traininglines import (
    LineWorker,
    TrainingJob,
    inverse_of,
    lines_of,
    start_rows,
)
from wordvec.options import ClassifierOptions
from wordvec.progress import Reporter, silent
from wordvec.trainer import Outcome, Schedule, run, shard_tokens_for

Matrix = NDArray[np.float32]

NS_EXPONENT = 0.5  # labels are drawn by the square root of their count, as in fastText


@dataclass
class TrainedClassifier(FastTextModel):
    """A model as training leaves it.

    outcome  what the run did; `outcome.interrupted` after Ctrl-C
    notes    one line for each thing worth knowing about the text
    """

    outcome: Outcome | None = None
    notes: list[str] = field(default_factory=list)


def train_supervised(
    source: Any,
    options: ClassifierOptions | None = None,
    *,
    reporter: Reporter = silent,
    pretrained: Pretrained | None = None,
    class_weights: ClassWeights | None = None,
    sample_weights: Sequence[float] | NDArray[Any] | None = None,
    memory: int | None = None,
    on_dictionary: Callable[[FastTextDictionary], None] | None = None,
    **settings: Any,
) -> TrainedClassifier:
    """Train a classifier.

    source          file, files, folder or pattern of labelled lines, or an iterable of (labels,
                    text); not stdin
    options         or its fields as keywords
    pretrained      vectors of words to start from, as such or in a file that wordvec.load reads;
                    words that only they have join the dictionary
    class_weights   {label: factor of its gradients}, 1 for the others, or "balanced": all labels
                    weigh the same together.  With ova the factor is that of the label's positives
    sample_weights  a factor for every line, 0 or more
    memory          bytes for the numbers of the text, half of the machine's by default
    on_dictionary   called with the dictionary when the text is read, before training

    The first Ctrl-C ends training after the shards in hand and gives the model so far; the second
    raises KeyboardInterrupt.  CorpusError, OptionError, DivergedError (which holds the model from
    before), WordvecError for too little memory.
    """
    options = options or ClassifierOptions(**settings)
    vectors = vectors_of(pretrained, options.vector_size)
    text = read_labelled(source, options, reporter=reporter, memory=memory)
    if vectors is not None:
        add_words(text, vectors.words)
    if on_dictionary is not None:
        on_dictionary(text.dictionary)
    weights = LineWeights.of(text, class_weights, sample_weights)
    lines = lines_of(text, options, memory)
    if lines.rules is None:
        text.ids = np.zeros(0, np.int32)  # all lines are rows now; the weights get its memory
    in_rows = start_rows(lines, text.dictionary.n_words, options)
    if vectors is not None:
        copy_vectors(in_rows, text.dictionary.words, text.dictionary.n_words, vectors)
    job = TrainingJob(lines, text.starts, text.n_tokens, text.dictionary.n_labels, weights)
    return train_job(job, in_rows, text.dictionary, options, reporter, text.notes)


# ---- training -----------------------------------------------------------------------------------


def train_job(
    job: TrainingJob,
    in_rows: Matrix,
    dictionary: FastTextDictionary,
    options: ClassifierOptions,
    reporter: Reporter,
    notes: list[str],
    output: Matrix | None = None,
) -> TrainedClassifier:
    """Train on numbered lines, from `in_rows` (changed, and the result's) and `output` (zeros)."""
    dim, n_labels = options.vector_size, dictionary.n_labels
    if output is None:
        output = np.zeros((n_labels, dim), np.float32)
    matrix, transposed = label_matrix(output, n_labels, options.loss)
    kernel_model = _kernel_model(matrix, transposed, in_rows, dictionary, options, job.weights)
    schedule = Schedule(
        job.n_tokens, options.epochs, options.alpha, 0.0, options.seed,
        shard_tokens_for(job.n_tokens, _cost(options, n_labels)),
    )  # fmt: skip
    rate_step = options.alpha / (options.epochs * job.n_tokens)

    def result(outcome: Outcome | None) -> TrainedClassifier:
        n_words = dictionary.n_words
        buckets = job.lines.bucket_of_row
        rows = DenseRows(in_rows, dim)
        if buckets is not None and options.n_buckets:
            inverse = inverse_of(buckets, options.n_buckets)
            rows = DenseRows(in_rows, dim, n_words, inverse, job.lines.start_seed)
        out = DenseRows(label_rows(matrix, transposed, dim, n_labels))
        return TrainedClassifier(_args_of(options), dictionary, rows, out, outcome, notes)

    try:
        outcome = run(
            schedule,
            lambda: LineWorker(job, kernel_model, rate_step),
            options.workers,
            reporter,
            SHARDS_ALONE.get(options.loss, 0),
        )
    except DivergedError as error:
        error.model = result(None)
        raise
    return result(outcome)


def _cost(options: ClassifierOptions, n_labels: int) -> float:
    """Multiply-adds a token, roughly: half a dozen tokens to a line at least."""
    of_labels = {"hs": 20, "ns": options.negative + 1}.get(options.loss, n_labels)
    return options.vector_size * (2.0 * options.word_ngrams + 2.0 * of_labels / 6)


def _kernel_model(
    matrix: Matrix,
    transposed: bool,
    in_rows: Matrix,
    dictionary: FastTextDictionary,
    options: ClassifierOptions,
    weights: LineWeights,
) -> classify.Classifier:
    counts = np.ascontiguousarray(dictionary.counts[dictionary.n_words :], np.int64)
    settings: dict[str, Any] = {}
    if options.loss == "hs":
        settings["paths"] = sampling.huffman_paths(counts)
    elif options.loss == "ns":
        noise = sampling.noise_weights(counts, NS_EXPONENT)
        settings["noise"] = sampling.alias_table(noise).reshape(-1, 2)
    return classify.Classifier(
        matrix, options.vector_size, dictionary.n_labels, options.loss, in_rows=in_rows,
        transposed=transposed, batch=options.batch, negative=options.negative,
        label_weights=weights.of_labels, **settings,
    )  # fmt: skip


def _args_of(options: ClassifierOptions) -> FastTextArgs:
    return FastTextArgs(
        dim=options.vector_size, window=options.window, epochs=options.epochs,
        min_count=options.min_count, negative=options.negative, word_ngrams=options.word_ngrams,
        loss=options.loss, kind="sup", bucket=options.n_buckets, min_n=options.min_n,
        max_n=options.max_n, lr_update_rate=options.lr_update_rate, sample=options.sample,
    )  # fmt: skip
