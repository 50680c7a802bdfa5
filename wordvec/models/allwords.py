"""Softmax and one-vs-all over the whole vocabulary, for skip-gram and CBOW.

Every word is a label of the classifier's kernels: shards of text become lists of examples
(kernels.sgd.Worker.examples), which are trained as lines (kernels.classify).  A step costs as much
as the vocabulary is large, so these losses are for small ones.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from wordvec.corpus import EncodedCorpus
from wordvec.kernels import classify, sgd
from wordvec.memory import release_pages, zero_rows
from wordvec.models.labelling import SHARDS_ALONE, label_matrix, label_rows
from wordvec.options import FastTextOptions
from wordvec.progress import Reporter
from wordvec.trainer import Outcome, Schedule, Watcher, run, shard_tokens_for

BATCH = {"softmax": 2, "ova": 1}  # examples whose gradients are taken at once; more are less robust

ALL_WORDS = ("softmax", "ova")  # losses


@dataclasses.dataclass(slots=True)
class AllWords:
    """The output matrix of such a model in the kernel's shape.

    matrix  float32, a row or column for each word; changed by training
    """

    matrix: NDArray[np.float32]
    transposed: bool
    n_words: int
    dim: int

    @classmethod
    def of(cls, rows: NDArray[np.float32], n_words: int, dim: int, loss: str) -> AllWords:
        """From float32[n_words, dim or more], which is copied."""
        matrix, transposed = label_matrix(rows[:, :dim], n_words, loss)
        return cls(matrix, transposed, n_words, dim)

    def rows(self) -> NDArray[np.float32]:
        """float32[n_words, stride]: padded rows, a new array."""
        out = zero_rows(self.n_words, sgd.padded(self.dim))
        out[:, : self.dim] = label_rows(self.matrix, self.transposed, self.dim, self.n_words)
        return out


class _ExampleWorker:
    """A trainer's worker: shards of text become lines of the classifier."""

    def __init__(
        self,
        model: sgd.Model,
        classifier: classify.Classifier,
        tokens: sgd.Tokens,
        longest_shard: int,
        n_rows: int,
        release: Callable[[int], None],
    ) -> None:
        self._examples = sgd.Worker(model, longest_shard)
        self._worker = classify.Worker(classifier)
        self._tokens = tokens
        self._n_rows = n_rows
        self._n_words = classifier.n_labels
        self._whole_sentences = classifier.loss == "ova"
        self._release = release

    @property
    def loss(self) -> float:
        return self._worker.loss

    @property
    def n_examples(self) -> int:
        return self._worker.n_examples

    def train_shard(
        self, first: int, end: int, epoch_key: int, shard_key: int, rate: float
    ) -> None:
        row_starts, rows, label_starts, label_ends, labels = self._examples.examples(
            self._tokens, first, end, epoch_key, shard_key, self._whole_sentences
        )
        n = len(row_starts) - 1
        lines = classify.Lines(
            row_starts, rows, label_starts, labels, np.zeros(n + 1, np.int64),
            self._n_rows, self._n_words, label_ends=label_ends,
        )  # fmt: skip
        self._worker.train_lines(lines, 0, n, shard_key, rate)
        self._release(end)


def train_all_words(
    corpus: EncodedCorpus,
    options: FastTextOptions,
    model: sgd.Model,
    in_rows: NDArray[np.float32],
    output: AllWords,
    rows_of_word: float,
    reporter: Reporter,
    watcher: Watcher | None = None,
    first_epoch: int = 0,
) -> Outcome:
    """Train in_rows and output.matrix in place with options.loss, softmax or ova.

    model: what makes the examples; its max_sentence must be 0, see `cut_sentences`.
    rows_of_word: input rows of a word, on average.  DivergedError.
    """
    assert options.loss is not None
    tokens = sgd.Tokens(corpus.ids, corpus.starts, len(corpus.vocab))
    classifier = classify.Classifier(
        output.matrix, output.dim, output.n_words, options.loss, in_rows=in_rows,
        transposed=output.transposed, batch=BATCH[options.loss], whole_gradients=True,
    )  # fmt: skip
    n_examples = options.window + 1 if options.sg else 1  # of a token
    cost = n_examples * output.dim * (3.0 * output.n_words + 2 * rows_of_word)
    schedule = Schedule(
        tokens.n_tokens, options.epochs, options.alpha, options.min_alpha, options.seed,
        shard_tokens_for(tokens.n_tokens, cost), first_epoch,
    )  # fmt: skip

    def make_worker() -> _ExampleWorker:
        return _ExampleWorker(
            model, classifier, tokens, schedule.shard_tokens, len(in_rows),
            lambda n_tokens: release_pages(corpus.ids, n_tokens),
        )  # fmt: skip

    return run(
        schedule, make_worker, options.workers, reporter, SHARDS_ALONE[options.loss], watcher
    )


def cut_sentences(corpus: EncodedCorpus, most_tokens: int) -> tuple[EncodedCorpus, int]:
    """(corpus, cuts): sentences of more than `most_tokens` tokens cut into pieces of that length,
    counted before subsampling (fastText's line limit); 0: never."""
    lengths = np.diff(corpus.starts)
    if not most_tokens or not len(lengths) or int(lengths.max()) <= most_tokens:
        return corpus, 0
    n_pieces = -(-lengths // most_tokens)
    first = np.repeat(corpus.starts[:-1], n_pieces)
    number = np.arange(len(first)) - np.repeat(np.cumsum(n_pieces) - n_pieces, n_pieces)
    starts = np.concatenate([first + number * most_tokens, corpus.starts[-1:]]).astype(np.int64)
    return dataclasses.replace(corpus, starts=starts), int(len(first) - len(lengths))
