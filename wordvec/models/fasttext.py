"""Skip-gram and CBOW over words and their character n-grams (Bojanowski et al. 2017).

A word's input is the mean of its own row and the rows of its n-grams, which lie in hashed buckets.
While training, only buckets that an n-gram of the vocabulary reaches have rows; the others keep
start values that are a function of (seed, bucket, column), so a file that needs them can be
written at any time.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.corpus import EncodedCorpus, TokenRules, read_corpus
from wordvec.errors import CorpusError, DivergedError
from wordvec.fasttextmodel import DenseRows, FastTextArgs
from wordvec.formats.gensim_model import SavedModel
from wordvec.kernels import sgd
from wordvec.memory import zero_rows
from wordvec.models.allwords import ALL_WORDS
from wordvec.models.checkpoints import Checkpoints, refuse_both
from wordvec.models.modelstate import ModelState
from wordvec.models.network import Network
from wordvec.models.ngramnetwork import (
    InputRows,
    input_rows,
    network_of_gensim,
    network_of_state,
    new_network,
    rules_of,
    start_weights,
    train_network,
)
from wordvec.models.onlinemodel import BATCH_WORDS, OnlineModel
from wordvec.models.pretrained import Pretrained, copy_vectors, vectors_of
from wordvec.models.validating import NetworkWatcher, StopTraining, Validation, Validator
from wordvec.models.watching import TrainingJob, spread_locks
from wordvec.models.word2vec import Weights
from wordvec.morewords import with_words
from wordvec.options import FastTextOptions
from wordvec.progress import Reporter, silent
from wordvec.subwords import NgramRules, Subwords
from wordvec.trainer import Outcome
from wordvec.traininglog import EpochRecord
from wordvec.vectors import Vectors
from wordvec.vocab import Vocab
from wordvec.wordchoice import TrimRule

__all__ = [
    "FastText",
    "InputRows",
    "TrainedSubwords",
    "corpus_for",
    "file_args",
    "file_output",
    "input_rows",
    "new_network",
    "start_weights",
    "train_subwords",
]


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
    validation_records: list[EpochRecord] = field(default_factory=list)

    @property
    def interrupted(self) -> bool:
        return self.outcome.interrupted

    @property
    def loss(self) -> float:
        return self.outcome.loss


def train_subwords(
    corpus: EncodedCorpus,
    options: FastTextOptions,
    reporter: Reporter = silent,
    pretrained: Vectors | None = None,
    validation: Validation | None = None,
    checkpoints: Checkpoints | None = None,
) -> TrainedSubwords:
    """Train word and n-gram rows on an encoded corpus; the arrays belong to the result.

    pretrained: vectors that the rows of their words start from (see `corpus_for`).  checkpoints:
    see word2vec.train_vectors; with the losses ns and hs alone.  DivergedError, with the result so
    far as its model.  After a first Ctrl-C the result holds the vectors so far and `interrupted` is
    true.  validation: what to measure after each epoch, and when to stop; the result has the
    records.
    """
    network = new_network(corpus.vocab, options, corpus.n_tokens_read, True)
    if pretrained is not None:
        words = corpus.vocab.word_list()
        copy_vectors(network.weights.in_rows, words, len(words), pretrained)
    job = TrainingJob(corpus, options, reporter, checkpoints=checkpoints)
    refuse_both(validation, checkpoints)
    validator = None
    if validation is not None:
        validator = Validator(validation, corpus, options)
        job.corpus = validator.corpus
        job.watcher = NetworkWatcher(validator, network, lambda: _vectors_of(network, options))
    n_cuts = 0
    try:
        outcome, n_cuts = train_network(network, job)
    except StopTraining as stop:
        outcome = stop.outcome
    except DivergedError as error:
        error.model = _result(network, options, Outcome(False, 0, 0.0, 0.0, []), 0)
        raise
    finally:
        if validator is not None:
            validator.finish()
    result = _result(network, options, outcome, n_cuts)
    result.validation_records = [] if validator is None else validator.records
    return result


def _vectors_of(network: Network, options: FastTextOptions) -> Vectors:
    """What probes see: the vectors of the words as they are now."""
    matrix = network.word_vectors(options.vector_size, options.workers)
    vectors = Vectors(network.vocab.word_list(), matrix, network.vocab.counts)
    vectors.subwords = network.subwords(rules_of(options), options.vector_size, options.seed)
    return vectors


def _result(
    network: Network, options: FastTextOptions, outcome: Outcome, n_cuts: int
) -> TrainedSubwords:
    assert network.inputs is not None
    return TrainedSubwords(
        vectors=network.word_vectors(options.vector_size, options.workers),
        subwords=network.subwords(rules_of(options), options.vector_size, options.seed),
        inputs=network.inputs,
        weights=network.weights,
        outcome=outcome,
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


class FastText(OnlineModel):
    """Vectors of words and of their n-grams, under gensim 4's names; see OnlineModel.

    sentences: an iterable of token lists, or None.  corpus_file: anything that
    `wordvec.corpus.read_corpus` takes: a path, several, a folder, a glob, "-".  With neither, an
    untrained model is made, for `build_vocab` and `train`.

    The arguments are gensim's in gensim's order; what they mean is in `FastTextOptions` and
    OnlineModel.  Ours besides: negatives, loss, max_sentence, spread, as_command,
    position_weights and lr_update_rate (see there),
    pretrained (vectors to start from, as such or in a file that wordvec.load reads; the words of a
    constructor's text are joined by theirs, as with fastText's -pretrainedVectors), max_vocab (keep
    only so many words), rules (how text becomes words; FASTTEXT_RULES for the fasttext command's),
    memory (bytes for the ids, half of the machine's by default; beyond it they go to disk),
    ids_path (keep them in this file), reporter (called with Progress records), checkpoints (see
    OnlineModel).

    After training, `wv` holds the vectors and builds those of unseen words from their n-grams;
    `trained` the rows and weights.  `wv` has gensim's min_n, max_n, bucket, vectors_vocab, and
    vectors_ngrams: views of the rows of words and of n-grams, but only for buckets in use.
    """

    OPTIONS = FastTextOptions
    trained: TrainedSubwords | None = None
    network_source: Callable[[FastText], Network] | None = None  # of a file, until needed
    _pretrained: Pretrained | None = None
    _start: Vectors | None = None

    def __init__(
        self,
        sentences: Any = None,
        corpus_file: Any = None,
        sg: int = 0,
        hs: int = 0,
        vector_size: int = 100,
        alpha: float = 0.025,
        window: int = 5,
        min_count: int = 5,
        max_vocab_size: int | None = None,
        word_ngrams: int = 1,
        sample: float = 1e-3,
        seed: int = 1,
        workers: int = 3,
        min_alpha: float = 1e-4,
        negative: int = 5,
        ns_exponent: float = 0.75,
        cbow_mean: int = 1,
        hashfxn: Callable[[str], int] = hash,
        epochs: int = 5,
        null_word: int = 0,
        min_n: int = 3,
        max_n: int = 6,
        sorted_vocab: int = 1,
        bucket: int = 2_000_000,
        trim_rule: TrimRule | None = None,
        batch_words: int = BATCH_WORDS,
        callbacks: Sequence[Any] = (),
        max_final_vocab: int | None = None,
        shrink_windows: bool = True,
        *,
        negatives: str = "window",
        max_sentence: int = 0,
        spread: bool = False,
        as_command: bool = False,
        position_weights: bool = False,
        loss: str | None = None,
        lr_update_rate: int = 100,
        pretrained: Pretrained | None = None,
        compute_loss: bool = False,
        comment: str | None = None,
        max_vocab: int | None = None,
        rules: TokenRules = TokenRules(),  # noqa: B008 - frozen
        memory: int | None = None,
        ids_path: str | os.PathLike[str] | None = None,
        reporter: Reporter = silent,
        checkpoints: Checkpoints | str | os.PathLike[str] | None = None,
        validation: Validation | None = None,
        **unknown: Any,
    ) -> None:
        self._pretrained = pretrained
        self._begin(locals())

    def _read_corpus(self, source: Any, trim_rule: TrimRule | None) -> EncodedCorpus:
        self._start = vectors_of(self._pretrained, self.vector_size)
        if self._start is None:
            return super()._read_corpus(source, trim_rule)
        corpus: EncodedCorpus = corpus_for(
            source,
            self.options,
            self._start,
            rules=self._rules,
            n_threads=self.workers,
            memory=self._memory,
            ids_path=self._ids_path,
            reporter=self._reporter,
        )
        return corpus

    def _new_network(self, vocab: Vocab, n_text_tokens: int, is_sorted: bool) -> Network:
        network = new_network(vocab, self.options, n_text_tokens, is_sorted)
        start = self._start
        if start is None:
            start = vectors_of(self._pretrained, self.vector_size)
        if start is not None:
            copy_vectors(network.weights.in_rows, vocab.word_list(), len(vocab), start)
            self._start = None
        return network

    def _need_network(self, what: str) -> Network:
        if self.network is None and self.network_source is not None:
            self.network, self.network_source = self.network_source(self), None
            self._show_words()
        return super()._need_network(what)

    def _train_network(self, job: TrainingJob) -> Outcome:
        assert self.network is not None and self.network.inputs is not None
        try:
            outcome, n_cuts = train_network(self.network, job)
        except StopTraining as stop:
            self._set_trained(self.network, stop.outcome, 0)
            raise
        self._set_trained(self.network, outcome, n_cuts)
        return outcome

    def _set_trained(self, network: Network, outcome: Outcome, n_cuts: int) -> None:
        assert network.inputs is not None
        self.trained = TrainedSubwords(
            vectors=self.wv.matrix,
            subwords=self._subwords(network),
            inputs=network.inputs,
            weights=network.weights,
            outcome=outcome,
            n_cuts=n_cuts,
        )

    def _subwords(self, network: Network) -> Subwords:
        return network.subwords(rules_of(self.options), self.vector_size, self.seed)

    def _show_rows(self, matrix: NDArray[np.float32] | None = None) -> None:
        super()._show_rows(matrix)
        assert self.network is not None
        wv, n_words = self.wv, len(self.network.vocab)
        subwords = wv.subwords = self._subwords(self.network)
        rows = self.network.weights.in_rows[:, : self.vector_size]
        names = {"vectors_vocab": rows[:n_words], "vectors_ngrams": rows[n_words:]}
        names |= {name: getattr(self, name) for name in ("min_n", "max_n", "bucket")}
        wv.__dict__.update(names)
        if self.trained is not None:
            self.trained.vectors, self.trained.subwords = wv.matrix, subwords

    def _locks(self) -> NDArray[np.float32] | None:
        """Of words `wv.vectors_vocab_lockf`, of n-grams `wv.vectors_ngrams_lockf` (by bucket)."""
        assert self.network is not None and self.network.inputs is not None
        n_words, buckets = len(self.network.vocab), self.network.inputs.bucket_of_row
        of_words = spread_locks(self.wv.__dict__.get("vectors_vocab_lockf"), n_words)
        of_buckets = spread_locks(self.wv.__dict__.get("vectors_ngrams_lockf"), self.bucket)
        if of_words is None and of_buckets is None:
            return None
        locks = np.ones(n_words + len(buckets), np.float32)
        if of_words is not None:
            locks[:n_words] = of_words
        if of_buckets is not None:
            locks[n_words:] = of_buckets[buckets]
        return locks

    def _arrays(self, network: Network) -> dict[str, NDArray[Any]]:
        words = network.weights.in_rows[: len(network.vocab), : self.vector_size]
        found = super()._arrays(network) | {"word_rows": words}
        if network.weights.position_rows is not None:
            found["position_rows"] = network.weights.position_rows[:, : self.vector_size]
        return found

    def _untrained_loss(self) -> float:
        return math.inf if self.loss in ALL_WORDS else super()._untrained_loss()

    def _network_of_state(self, state: ModelState) -> Network:
        return network_of_state(state, self.options)

    def _network_of_gensim(self, saved: SavedModel) -> Network:
        return network_of_gensim(saved, self.options)
