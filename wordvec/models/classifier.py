"""Training the text classifier (Joulin et al. 2017): the mean of a line's rows against labels.

The text becomes numbers once.  Where they fit the memory, the rows of all lines are formed once as
well, and only the buckets that they reach have rows while training; else each shard forms its
own.  Weights start as a function of (seed, row, column), so nothing depends on the number of
threads but the order in which shards meet the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import DivergedError, WordvecError
from wordvec.fasttextmodel import DenseRows, FastTextArgs, FastTextDictionary, FastTextModel
from wordvec.kernels import classify, sampling
from wordvec.kernels import labelled as kernel
from wordvec.kernels import subwords as subword_kernel
from wordvec.labelled import (
    LabelledText,
    LineRows,
    add_words,
    entry_rules,
    most_rows,
    read_labelled,
    rows_of_lines,
)
from wordvec.memory import need_bytes, physical_bytes, zero_rows
from wordvec.models.labelling import SHARDS_ALONE, Labeller, label_matrix, label_rows, line_chunks
from wordvec.models.lineweights import ClassWeights, LineWeights
from wordvec.models.pretrained import Pretrained, copy_vectors, vectors_of
from wordvec.options import ClassifierOptions
from wordvec.progress import Reporter, silent
from wordvec.subwords import NgramRules
from wordvec.threads import Stop, run_workers
from wordvec.trainer import Outcome, Schedule, run, shard_tokens_for

Matrix = NDArray[np.float32]

NS_EXPONENT = 0.5  # labels are drawn by the square root of their count, as in fastText
_START_ROWS = 1 << 16  # rows that a thread fills at a time


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
    lines = _lines_of(text, options, memory)
    in_rows = start_rows(lines, text.dictionary.n_words, options)
    if vectors is not None:
        copy_vectors(in_rows, text.dictionary.words, text.dictionary.n_words, vectors)
    job = TrainingJob(lines, text.starts, text.n_tokens, text.dictionary.n_labels, weights)
    return _train(job, in_rows, text.dictionary, options, reporter, text.notes)


def retrain(
    model: FastTextModel,
    path: str,
    options: ClassifierOptions,
    *,
    reporter: Reporter = silent,
) -> TrainedClassifier:
    """Train a model further on a file, with the dictionary and the (pruned) rows that it has.

    Of the options only epochs, alpha, batch, workers and seed count.  The result has matrices of
    its own; the model is not changed.  Errors as in train_supervised.
    """
    labeller = Labeller(model)
    blocks = [labeller.rows_of_text(chunk, True) for chunk in line_chunks(path)]
    row_starts, label_starts, token_starts = [np.zeros(1, np.int64) for _ in range(3)]
    for block in blocks:
        row_starts = np.concatenate([row_starts, block.row_starts[1:] + row_starts[-1]])
        label_starts = np.concatenate([label_starts, block.label_starts[1:] + label_starts[-1]])
    token_starts = row_starts + label_starts  # near enough to tokens for the rate
    n_tokens = int(token_starts[-1])
    if n_tokens == 0:
        raise WordvecError(f"{path}: no line of it has a word or label of the model")
    rows = np.concatenate([block.rows for block in blocks])
    labels = np.concatenate([block.labels for block in blocks])
    if isinstance(model.input, DenseRows) and model.input.row_of_bucket is not None:
        raise WordvecError("retraining needs all rows of the model: save and load it first")
    n_rows, dim = model.input.n_rows, model.dim
    in_rows = zero_rows(n_rows, classify.padded(dim))
    for first in range(0, n_rows, _START_ROWS):
        end = min(first + _START_ROWS, n_rows)
        in_rows[first:end, :dim] = model.input.block(first, end)
    settings = _options_of(model, options)
    lines = Numbered(LineRows(row_starts, rows, label_starts, labels), n_rows, None)
    job = TrainingJob(lines, token_starts, n_tokens, model.dictionary.n_labels, LineWeights())
    output = np.asarray(model.output.block(0, model.output.n_rows))
    trained = _train(job, in_rows, model.dictionary, settings, reporter, [], output)
    trained.args = model.args
    return trained


def _options_of(model: FastTextModel, options: ClassifierOptions) -> ClassifierOptions:
    args = model.args
    return ClassifierOptions(
        vector_size=args.dim, loss=args.loss, word_ngrams=args.word_ngrams, min_n=args.min_n,
        max_n=args.max_n, bucket=args.bucket, negative=args.negative, epochs=options.epochs,
        alpha=options.alpha, batch=options.batch, workers=options.workers, seed=options.seed,
    )  # fmt: skip


# ---- what is trained on -------------------------------------------------------------------------


@dataclass
class Numbered:
    """All lines as rows at once.

    Row n_words + k is that of bucket bucket_of_row[k]; None: of bucket k.
    """

    lines: LineRows
    n_rows: int
    bucket_of_row: NDArray[np.int32] | None
    text: LabelledText | None = None
    rules: kernel.LineRules | None = None


def _lines_of(text: LabelledText, options: ClassifierOptions, memory: int | None) -> Numbered:
    """The rows of all lines, or, where they exceed the memory, what forms them."""
    bucket, n_words = options.n_buckets, text.dictionary.n_words
    ngrams = NgramRules(options.min_n, options.max_n, bucket)
    rules = entry_rules(
        text.arena, text.entry_starts, text.codes, n_words, ngrams,
        options.word_ngrams if bucket else 1, n_threads=options.workers,
    )  # fmt: skip
    n_most = most_rows(text, ngrams, options.word_ngrams)
    if 4 * n_most > (memory or physical_bytes() // 2) // 2:
        starts, none = np.zeros(1, np.int64), np.zeros(0, np.int32)
        nothing = LineRows(starts, none, starts, none)
        return Numbered(nothing, n_words + bucket, None, text, rules)
    lines = rows_of_lines(text, rules, 0, text.n_lines, n_most)
    reached = np.zeros(bucket, np.uint8)
    if bucket:
        kernel.mark_buckets(lines.rows, n_words, reached)
    n_reached = int(np.count_nonzero(reached))
    if 2 * n_reached > bucket:
        return Numbered(lines, n_words + bucket, None)
    bucket_of_row = np.flatnonzero(reached).astype(np.int32)
    if bucket:
        kernel.renumber_buckets(lines.rows, n_words, _inverse(bucket_of_row, bucket))
    return Numbered(lines, n_words + n_reached, bucket_of_row)


def _inverse(bucket_of_row: NDArray[np.int32], bucket: int) -> NDArray[np.int32]:
    row_of_bucket = np.full(bucket, -1, np.int32)
    row_of_bucket[bucket_of_row] = np.arange(len(bucket_of_row), dtype=np.int32)
    return row_of_bucket


def start_rows(lines: Numbered, n_words: int, options: ClassifierOptions) -> Matrix:
    """Input rows as training begins, uniform in +-1 / dim, padded to cache lines.

    WordvecError when the machine has no memory for them.
    """
    dim, stride = options.vector_size, classify.padded(options.vector_size)
    need_bytes(
        lines.n_rows * stride * 4,
        f"{lines.n_rows:,} words and buckets with {dim} numbers each",
        "use a smaller vector size, fewer buckets or a larger minimum count",
    )
    rows = zero_rows(lines.n_rows, stride)

    def work(number: int, stop: Stop) -> None:
        for first in range(number * _START_ROWS, len(rows), options.workers * _START_ROWS):
            if stop.requested:
                return
            end = min(first + _START_ROWS, len(rows))
            _fill(rows[:, :dim], first, end, n_words, lines.bucket_of_row, options.seed)

    if run_workers(work, options.workers).interrupted:
        raise KeyboardInterrupt
    return rows


def _fill(
    rows: Matrix, first: int, end: int, n_words: int, buckets: NDArray[np.int32] | None, seed: int
) -> None:
    middle = min(max(n_words, first), end)
    subword_kernel.start_rows(rows[first:middle], seed, first_number=first)
    place = middle - n_words
    subword_kernel.start_rows(
        rows[middle:end], seed, of_buckets=True, first_number=max(place, 0),
        numbers=None if buckets is None else buckets[place : place + end - middle],
    )  # fmt: skip


# ---- training -----------------------------------------------------------------------------------


@dataclass
class TrainingJob:
    """Lines to train on: token_starts int64[n_lines + 1] says where each begins."""

    lines: Numbered
    token_starts: NDArray[np.int64]
    n_tokens: int
    n_labels: int
    weights: LineWeights
    _whole: classify.Lines | None = None

    def whole(self) -> classify.Lines | None:
        """All lines, checked once; None when shards form their own."""
        if self._whole is None and self.lines.rules is None:
            self._whole = _kernel_lines(self, self.lines.lines, 0, len(self.token_starts) - 1)
        return self._whole


class _LineWorker:
    """A trainer's worker: shards of tokens become whole lines."""

    def __init__(self, job: TrainingJob, model: classify.Classifier, rate_step: float) -> None:
        self._job = job
        self._worker = classify.Worker(model)
        self._rate_step = rate_step
        self._n_rows_guess = 0
        self._whole = job.whole()

    @property
    def loss(self) -> float:
        return self._worker.loss

    @property
    def n_examples(self) -> int:
        return self._worker.n_examples

    def train_shard(
        self, first: int, end: int, epoch_key: int, shard_key: int, rate: float
    ) -> None:
        """Train the lines that begin among the tokens first to end - 1."""
        starts = self._job.token_starts
        first_line, end_line = (int(np.searchsorted(starts[:-1], at)) for at in (first, end))
        if first_line == end_line:
            return
        rate -= self._rate_step * (int(starts[first_line]) - first)
        if self._whole is not None:
            self._worker.train_lines(
                self._whole, first_line, end_line, shard_key, rate, self._rate_step
            )
            return
        source = self._job.lines
        assert source.text is not None and source.rules is not None
        n_rows = max(self._n_rows_guess, 2 * (end - first))
        lines = rows_of_lines(source.text, source.rules, first_line, end_line, n_rows)
        self._n_rows_guess = max(n_rows, len(lines.rows))
        self._worker.train_lines(
            _kernel_lines(self._job, lines, first_line, end_line),
            0, end_line - first_line, shard_key, rate, self._rate_step,
        )  # fmt: skip


def _kernel_lines(job: TrainingJob, lines: LineRows, first: int, end: int) -> classify.Lines:
    of_lines = job.weights.of_lines
    return classify.Lines(
        lines.row_starts, lines.rows, lines.label_starts, lines.labels,
        job.token_starts[first : end + 1], job.lines.n_rows, job.n_labels,
        None if of_lines is None else of_lines[first:end],
    )  # fmt: skip


def _train(
    job: TrainingJob,
    in_rows: Matrix,
    dictionary: FastTextDictionary,
    options: ClassifierOptions,
    reporter: Reporter,
    notes: list[str],
    output: Matrix | None = None,
) -> TrainedClassifier:
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
            inverse = _inverse(buckets, options.n_buckets)
            rows = DenseRows(in_rows, dim, n_words, inverse, options.seed)
        out = DenseRows(label_rows(matrix, transposed, dim, n_labels))
        return TrainedClassifier(_args_of(options), dictionary, rows, out, outcome, notes)

    try:
        outcome = run(
            schedule,
            lambda: _LineWorker(job, kernel_model, rate_step),
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
