"""Skip-gram and CBOW over words and their character n-grams (Bojanowski et al. 2017).

A word's input is the mean of its own row and the rows of its n-grams, which lie in hashed buckets.
While training, only buckets that an n-gram of the vocabulary reaches have rows; the others keep
start values that are a function of (seed, bucket, column), so a file that needs them can be
written at any time.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.corpus import EncodedCorpus, read_corpus
from wordvec.errors import CorpusError, DivergedError
from wordvec.fasttextmodel import DenseRows, FastTextArgs
from wordvec.kernels import sgd
from wordvec.kernels import subwords as kernel
from wordvec.keyedvectors import KeyedVectors
from wordvec.memory import need_bytes, zero_rows
from wordvec.models.allwords import ALL_WORDS, AllWords, cut_sentences, train_all_words
from wordvec.models.pretrained import Pretrained, copy_vectors, vectors_of
from wordvec.models.vectormodel import VectorModel
from wordvec.models.word2vec import Weights, hot_rows, kernel_model, train_model
from wordvec.morewords import with_words
from wordvec.options import FastTextOptions
from wordvec.progress import Reporter, silent
from wordvec.subwords import NgramRules, Subwords, means_of_rows, ngrams_of_words
from wordvec.trainer import Outcome
from wordvec.vectors import Vectors
from wordvec.vocab import SEPARATOR, Vocab


@dataclass(slots=True)
class InputRows:
    """Which rows of the input matrix make up each word.

    Word w: rows[starts[w]:starts[w + 1]], its own row w first, then those of its n-grams in
    fastText's order.  Row n_words + k is that of bucket bucket_of_row[k]; the busiest come first.
    starts int64[n_words + 1], rows int32, bucket_of_row int32[n_reached].
    """

    starts: NDArray[np.int64]
    rows: NDArray[np.int32]
    bucket_of_row: NDArray[np.int32]
    row_of_bucket: NDArray[np.int32]  # int32[bucket], k or -1


@dataclass(slots=True)
class TrainedSubwords:
    """The result of train_subwords.

    vectors   float32[n_words, vector_size]: mean of each word's rows
    subwords  the n-gram rows: compact, with their buckets
    inputs    which rows make up each word
    weights   in_rows float32[n_words + n_reached, stride]: word rows, then n-gram rows
    n_cuts    sentences cut at max_sentence kept words, over all epochs
    """

    vectors: NDArray[np.float32]
    subwords: Subwords
    inputs: InputRows
    weights: Weights
    outcome: Outcome
    n_cuts: int

    @property
    def interrupted(self) -> bool:
        return self.outcome.interrupted

    @property
    def loss(self) -> float:
        return self.outcome.loss


def input_rows(vocab: Vocab, rules: NgramRules, n_threads: int = 1) -> InputRows:
    """Number the rows of words and of all buckets that their n-grams reach.

    The end of a sentence, `</s>`, has no n-grams.
    """
    arena, starts, counts = vocab.arrays()
    separator = vocab.index(SEPARATOR) if SEPARATOR in vocab else None
    ngram_starts, buckets = ngrams_of_words(arena, starts, rules, n_threads, separator)
    row_of_bucket = np.full(rules.bucket if rules.has_ngrams else 0, -1, np.int32)
    bucket_of_row = _busiest_first(ngram_starts, buckets, counts, len(row_of_bucket))
    row_of_bucket[bucket_of_row] = np.arange(len(bucket_of_row), dtype=np.int32)
    word_starts = np.empty(len(vocab) + 1, np.int64)
    rows = np.empty(len(vocab) + len(buckets), np.int32)
    kernel.word_rows(ngram_starts, buckets, row_of_bucket, word_starts, rows)
    return InputRows(word_starts, rows, bucket_of_row, row_of_bucket)


def _busiest_first(
    ngram_starts: NDArray[np.int64],
    buckets: NDArray[np.int32],
    counts: NDArray[np.int64],
    n_buckets: int,
) -> NDArray[np.int32]:
    """The buckets in use by how often training meets them, falling; ties by number."""
    uses = np.zeros(n_buckets, np.int64)
    # Every n-gram of the vocabulary counts, also of words that only a given vocabulary has.
    kernel.bucket_uses(ngram_starts, buckets, counts + 1, uses)
    reached = np.flatnonzero(uses)
    return reached[np.argsort(-uses[reached], kind="stable")].astype(np.int32)


def start_weights(n_words: int, inputs: InputRows, options: FastTextOptions) -> Weights:
    """Fresh weights: input rows uniform in +-1 / vector_size, output rows zero, as fastText.

    WordvecError when they exceed the machine's memory.
    """
    dim, stride = options.vector_size, sgd.padded(options.vector_size)
    n_rows = n_words + len(inputs.bucket_of_row)
    # The losses over all words train a transposed copy of the output rows.
    n_outputs = 2 if options.loss in ALL_WORDS else bool(options.n_noise) + options.hs
    need_bytes(
        (n_rows + n_outputs * n_words) * stride * 4,
        f"{n_words:,} words and {len(inputs.bucket_of_row):,} n-grams with {dim} numbers each",
        "use a smaller vector size, fewer buckets or a larger minimum count",
    )
    in_rows = zero_rows(n_rows, stride)
    kernel.start_rows(in_rows[:n_words, :dim], options.seed)
    kernel.start_rows(
        in_rows[n_words:, :dim], options.seed, numbers=inputs.bucket_of_row, of_buckets=True
    )
    position_rows = None
    if options.position_weights:  # from the plain mean on
        position_rows = zero_rows(2 * options.window, stride)
        position_rows[:, :dim] = 1
    return Weights(
        in_rows,
        zero_rows(n_words, stride) if options.n_noise or options.loss in ALL_WORDS else None,
        zero_rows(n_words - 1, stride) if options.hs and n_words > 1 else None,
        position_rows,
    )


def train_subwords(
    corpus: EncodedCorpus,
    options: FastTextOptions,
    reporter: Reporter = silent,
    pretrained: Vectors | None = None,
) -> TrainedSubwords:
    """Train word and n-gram rows on an encoded corpus; the arrays belong to the result.

    pretrained: vectors that the rows of their words start from (see `corpus_for`).  DivergedError,
    with the result so far as its model.  After a first Ctrl-C the result holds the vectors so far
    and `interrupted` is true.
    """
    rules = NgramRules(options.min_n, options.max_n, options.bucket)
    inputs = input_rows(corpus.vocab, rules, options.workers)
    weights = start_weights(len(corpus.vocab), inputs, options)
    if pretrained is not None:
        words = corpus.vocab.word_list()
        copy_vectors(weights.in_rows, words, len(words), pretrained)

    def result(outcome: Outcome | None, n_cuts: int) -> TrainedSubwords:
        return _result(rules, inputs, weights, options, outcome, n_cuts)

    try:
        return result(*_train_weights(corpus, options, inputs, weights, reporter))
    except DivergedError as error:
        error.model = result(None, 0)
        raise


def _train_weights(
    corpus: EncodedCorpus,
    options: FastTextOptions,
    inputs: InputRows,
    weights: Weights,
    reporter: Reporter,
) -> tuple[Outcome, int]:
    """Train the weights in place: (what the run did, sentences cut)."""
    n_words, dim = len(corpus.vocab), options.vector_size
    subwords = (inputs.starts, inputs.rows) if len(inputs.bucket_of_row) else None
    rows_of_word = len(inputs.rows) / n_words
    if options.loss not in ALL_WORDS:
        n_hot = hot_rows(n_words, weights.in_rows.shape[1], len(corpus.ids), options.workers)
        model = kernel_model(corpus, options, weights, n_hot, corpus.n_tokens_read, subwords)
        return train_model(corpus, options, model, reporter, 2 * dim * rows_of_word)
    assert weights.out_rows is not None
    output = AllWords.of(weights.out_rows, n_words, dim, options.loss)
    weights.out_rows = None
    cut, n_cuts = cut_sentences(corpus, options.max_sentence)
    model = kernel_model(
        cut, replace(options, max_sentence=0), weights, 0, corpus.n_tokens_read, subwords
    )
    try:
        outcome = train_all_words(
            cut, options, model, weights.in_rows, output, rows_of_word, reporter
        )
    finally:
        weights.out_rows = output.rows()
    return outcome, n_cuts * options.epochs


def _result(
    rules: NgramRules,
    inputs: InputRows,
    weights: Weights,
    options: FastTextOptions,
    outcome: Outcome | None,
    n_cuts: int,
) -> TrainedSubwords:
    n_words, dim = len(inputs.starts) - 1, options.vector_size
    vectors = zero_rows(n_words, dim)
    means_of_rows(weights.in_rows, inputs.starts, inputs.rows, vectors, n_threads=options.workers)
    return TrainedSubwords(
        vectors=vectors,
        subwords=Subwords(
            rules,
            weights.in_rows[n_words:],
            dim,
            row_of_bucket=inputs.row_of_bucket if rules.has_ngrams else None,
            seed=options.seed,
        ),
        inputs=inputs,
        weights=weights,
        outcome=outcome or Outcome(False, 0, 0.0, 0.0, []),
        n_cuts=n_cuts,
    )


def corpus_for(source: Any, options: FastTextOptions, more: Vectors | None, **reading: Any) -> Any:
    """EncodedCorpus of a source for training: `read_corpus` with the options' vocabulary.

    With `more`, pretrained vectors, their words belong to the vocabulary (morewords.with_words).
    reading: further arguments of read_corpus.
    """
    if isinstance(source, EncodedCorpus):
        if more is not None:
            raise CorpusError("pretrained vectors add words: give the text, not its ids")
        return source
    if more is None:
        return read_corpus(
            source, min_count=options.min_count, max_vocab=options.max_vocab, **reading
        )
    corpus = read_corpus(source, min_count=1, **reading)
    rules = reading.get("rules")
    return with_words(
        corpus,
        more.words,
        min_count=options.min_count,
        max_vocab=options.max_vocab,
        label_prefix=rules.label_prefix if rules is not None else "",
        memory=reading.get("memory"),
    )


def file_args(options: FastTextOptions, rules: NgramRules) -> FastTextArgs:
    """The settings of a training as a file holds them."""
    return FastTextArgs(
        dim=options.vector_size,
        window=options.window,
        epochs=options.epochs,
        min_count=options.min_count,
        negative=options.negative,
        word_ngrams=options.word_ngrams,
        loss=options.loss_name,
        kind="sg" if options.sg else "cbow",
        bucket=rules.bucket if rules.has_ngrams else 0,
        min_n=options.min_n,
        max_n=options.max_n,
        lr_update_rate=options.lr_update_rate,
        sample=options.sample,
    )


def file_output(weights: Weights, options: FastTextOptions, n_words: int) -> DenseRows:
    """The output rows as a file holds them, one for each word; a tree has one node less."""
    dim = options.vector_size
    trained = weights.node_rows if options.hs else weights.out_rows
    if trained is not None and len(trained) == n_words:
        return DenseRows(trained, dim)
    rows = zero_rows(n_words, sgd.padded(dim))
    if trained is not None:
        n = min(n_words, len(trained))
        rows[:n] = trained[:n]
    return DenseRows(rows, dim)


class FastText(VectorModel):
    """Vectors of words and of their n-grams, under gensim 4's names.

    sentences: an iterable of token lists (read once), or None.  corpus_file: anything that
    `wordvec.corpus.read_corpus` takes: a path, several, a folder, a glob, "-".  With neither, an
    untrained model is made that `train` can fill.  Options: see `FastTextOptions`, plus gensim's
    `max_final_vocab` for `max_vocab`.  rules: how text becomes words (FASTTEXT_RULES for the
    fasttext command's).  memory: bytes for the ids, half of the machine's by default; beyond it
    they go to disk.  reporter: called with Progress records.

    Ctrl-C during training ends it cleanly and returns the model so far, with `outcome.interrupted`
    true; a second Ctrl-C raises KeyboardInterrupt.  An unknown option is a TypeError.

    After training, `wv` holds the vectors and builds those of unseen words from their n-grams;
    `trained` the rows and weights, `options` the settings, `outcome` what the run did.
    """

    OPTIONS = FastTextOptions
    trained: TrainedSubwords | None = None

    def __init__(self, *args: Any, pretrained: Pretrained | None = None, **kwargs: Any) -> None:
        """pretrained: vectors that training starts from, as such or in a file that wordvec.load
        reads; their words join the vocabulary, as with fastText's -pretrainedVectors."""
        self._pretrained = pretrained
        self._start: Vectors | None = None
        super().__init__(*args, **kwargs)

    def _read(self, source: Any) -> EncodedCorpus:
        self._start = vectors_of(self._pretrained, self.options.vector_size)
        corpus: EncodedCorpus = corpus_for(
            source,
            self.options,
            self._start,
            rules=self._rules,
            n_threads=self.options.workers,
            memory=self._memory,
            ids_path=self._ids_path,
            reporter=self._reporter,
        )
        return corpus

    def _fit(self, corpus: EncodedCorpus) -> None:
        self.trained = train_subwords(corpus, self.options, self._reporter, self._start)
        self.outcome = self.trained.outcome
        self.wv = KeyedVectors.from_vectors(
            corpus.vocab.words, self.trained.vectors, corpus.vocab.counts
        )
        self.wv.subwords = self.trained.subwords

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the word vectors, without n-grams; `save_facebook_model` keeps those."""
        super().save(path)
