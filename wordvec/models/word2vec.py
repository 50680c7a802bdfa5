"""Skip-gram and CBOW (Mikolov et al. 2013) over a corpus of ids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.corpus import EncodedCorpus
from wordvec.kernels import sampling, sgd
from wordvec.keyedvectors import KeyedVectors
from wordvec.memory import need_bytes, release_pages, zero_rows
from wordvec.models.sidebyside import NodeDamping, SideBySide
from wordvec.models.vectormodel import VectorModel
from wordvec.options import FastTextOptions, Word2VecOptions
from wordvec.progress import Reporter, silent
from wordvec.rounds import run_rounds, shard_tokens_of_rounds
from wordvec.trainer import Outcome, Schedule, run, shard_tokens_for

RELEASE_TOKENS = 1 << 20  # ids of a corpus on disk that stay in memory behind the training
MOST_HOT_ROWS = 256
HOT_BYTES = 128 << 10  # of each matrix
MOST_THREADS_WITH_COPIES = 16
LEAST_TOKENS_FOR_COPIES = 200_000
TYPICAL_PATH = 16  # Huffman nodes of a word, for guessing the cost of a shard

Options = Word2VecOptions | FastTextOptions


@dataclass(slots=True)
class Weights:
    """The trained arrays, float32[n_words, stride], columns from vector_size on are padding.

    `out_rows` is None without negative sampling, `node_rows` without hierarchical softmax.
    """

    in_rows: NDArray[np.float32]
    out_rows: NDArray[np.float32] | None
    node_rows: NDArray[np.float32] | None


@dataclass(slots=True)
class Trained:
    """The result of train_vectors: `vectors` is a float32[n_words, vector_size] view."""

    vectors: NDArray[np.float32]
    weights: Weights
    outcome: Outcome
    n_cuts: int  # sentences cut at max_sentence kept words, over all epochs

    @property
    def interrupted(self) -> bool:
        return self.outcome.interrupted

    @property
    def loss(self) -> float:
        return self.outcome.loss


class _ShardWorker:
    """kernels.sgd.Worker bound to one corpus, as the trainer wants it."""

    def __init__(
        self,
        model: sgd.Model,
        tokens: sgd.Tokens,
        shard_tokens: int,
        release: Callable[[int], None],
    ) -> None:
        self.kernel = sgd.Worker(model, shard_tokens)
        self.tokens = tokens
        self.release = release

    @property
    def loss(self) -> float:
        return self.kernel.loss

    @property
    def n_examples(self) -> int:
        return self.kernel.n_examples

    def train_shard(
        self, first: int, end: int, epoch_key: int, shard_key: int, rate: float
    ) -> None:
        self.kernel.train(self.tokens, first, end, epoch_key, shard_key, rate)
        if first // RELEASE_TOKENS != end // RELEASE_TOKENS or end == self.tokens.n_tokens:
            self.release(end)


def start_weights(n_words: int, options: Word2VecOptions, original_start: bool) -> Weights:
    """Fresh weights: small random input rows, zero output rows (as word2vec.c).

    WordvecError when they exceed the machine's memory.
    """
    stride = sgd.padded(options.vector_size)
    n_matrices = 1 + bool(options.negative) + bool(options.hs)
    need_bytes(
        n_matrices * n_words * stride * 4,
        f"{n_words:,} words with {options.vector_size} numbers each",
        "use a smaller vector size or a larger minimum count",
    )
    in_rows = zero_rows(n_words, stride)
    sampling.start_rows(in_rows[:, : options.vector_size], options.seed, original_start)
    return Weights(
        in_rows,
        zero_rows(n_words, stride) if options.negative else None,
        zero_rows(n_words - 1, stride) if options.hs and n_words > 1 else None,
    )


def hot_rows(n_words: int, stride: int, n_tokens: int, n_threads: int) -> int:
    """Rows that every thread keeps a copy of: the busiest, as many as are quickly exchanged.

    None for one thread, which has nobody to share with; none for a small text, whose shards are
    too short for it; and none beyond 16 threads, since what many copies learn side by side would
    add up to steps too large.
    """
    if n_threads == 1 or n_threads > MOST_THREADS_WITH_COPIES or n_tokens < LEAST_TOKENS_FOR_COPIES:
        return 0
    return min(MOST_HOT_ROWS, HOT_BYTES // (4 * stride), n_words // 8)


def kernel_model(
    corpus: EncodedCorpus,
    options: Options,
    weights: Weights,
    n_hot: int,
    n_text_tokens: int | None = None,
    subwords: tuple[NDArray[np.int64], NDArray[np.int32]] | None = None,
) -> sgd.Model:
    """The shared kernel state: weights, samplers and the settings that the loops need.

    `n_text_tokens` is what word counts are shares of for subsampling, by default those of the
    vocabulary; `subwords`: see kernels.sgd.Model.
    """
    vocab = corpus.vocab
    settings: dict[str, Any] = {}
    if options.sample > 0:
        n_tokens = vocab.n_tokens if n_text_tokens is None else n_text_tokens
        settings["keep"] = sampling.keep_thresholds(vocab.counts, options.sample, n_tokens)
    if weights.out_rows is not None:
        noise = sampling.noise_weights(vocab.counts, options.ns_exponent)
        if vocab.has_separator:
            noise[0] = 0.0  # the sentence end is never a noise word (word2vec.c)
        if noise.sum() > 0:
            settings["aliases"] = sampling.alias_table(noise)
            settings["out_rows"] = weights.out_rows
    if weights.node_rows is not None:
        settings["node_rows"] = weights.node_rows
        settings["paths"] = sampling.huffman_paths(vocab.counts)
    return sgd.Model(
        weights.in_rows,
        subwords=subwords,
        window=options.window,
        negative=options.negative,
        negatives=options.negatives,
        use_cbow=not options.sg,
        cbow_mean=bool(options.cbow_mean),
        shrink_windows=options.shrink_windows,
        max_sentence=options.max_sentence,
        n_hot=n_hot,
        **settings,
    )


def train_vectors(
    corpus: EncodedCorpus,
    options: Word2VecOptions,
    reporter: Reporter = silent,
    *,
    original_start: bool = False,
) -> Trained:
    """Train word vectors on an encoded corpus; the weights belong to the result.

    `original_start` takes word2vec.c's start vectors (their low-bit generator repeats; see
    kernels.sampling.start_rows).  TrainingError when training diverges.  After a first Ctrl-C
    the result holds the vectors so far and `interrupted` is true.
    """
    weights = start_weights(len(corpus.vocab), options, original_start)
    n_threads = 1 if options.deterministic else options.workers
    n_hot = hot_rows(len(corpus.vocab), weights.in_rows.shape[1], len(corpus.ids), n_threads)
    model = kernel_model(corpus, options, weights, n_hot)
    if options.deterministic:
        outcome, n_cuts = _train_in_rounds(corpus, options, model, weights, reporter)
    else:
        outcome, n_cuts = train_model(corpus, options, model, reporter)
    return Trained(
        vectors=weights.in_rows[:, : options.vector_size],
        weights=weights,
        outcome=outcome,
        n_cuts=n_cuts,
    )


def train_model(
    corpus: EncodedCorpus,
    options: Options,
    model: sgd.Model,
    reporter: Reporter,
    multiply_adds_of_input: float = 0.0,
) -> tuple[Outcome, int]:
    """Train what `model` shares on the whole corpus; the outcome and the number of sentence cuts.

    `multiply_adds_of_input`: per token, besides the update itself.
    """

    def release(n_tokens: int) -> None:
        release_pages(corpus.ids, n_tokens)

    tokens = sgd.Tokens(corpus.ids, corpus.starts, len(corpus.vocab), release)
    per_output = options.vector_size * (1 if not options.sg else options.window)
    n_outputs = (options.negative + 1) * bool(options.negative) + TYPICAL_PATH * options.hs
    multiply_adds = per_output * max(n_outputs, 1) + multiply_adds_of_input
    schedule = Schedule(
        n_tokens=tokens.n_tokens,
        epochs=options.epochs,
        alpha=options.alpha,
        min_alpha=options.min_alpha,
        seed=options.seed,
        shard_tokens=shard_tokens_for(tokens.n_tokens, max(1.0, multiply_adds)),
    )
    workers: list[_ShardWorker] = []

    def make_worker() -> _ShardWorker:
        workers.append(_ShardWorker(model, tokens, schedule.shard_tokens, release))
        return workers[-1]

    outcome = run(schedule, make_worker, options.workers, reporter)
    return outcome, sum(worker.kernel.n_cuts for worker in workers)


class _RoundWorker(_ShardWorker):
    """A worker whose shards do not change the weights."""

    def __init__(
        self,
        model: sgd.Model,
        tokens: sgd.Tokens,
        shards: SideBySide,
        release: Callable[[int], None],
    ) -> None:
        super().__init__(model, tokens, shards.shard_tokens, release)
        self.changes = shards.changes

    def train_apart(
        self, place: int, first: int, end: int, epoch_key: int, shard_key: int, rate: float
    ) -> tuple[float, int]:
        changes = self.changes[place]
        self.kernel.train(self.tokens, first, end, epoch_key, shard_key, rate, changes)
        return self.kernel.take_loss()


def _train_in_rounds(
    corpus: EncodedCorpus,
    options: Word2VecOptions,
    model: sgd.Model,
    weights: Weights,
    reporter: Reporter,
) -> tuple[Outcome, int]:
    def release(n_tokens: int) -> None:
        release_pages(corpus.ids, n_tokens)

    tokens = sgd.Tokens(corpus.ids, corpus.starts, len(corpus.vocab), release)
    schedule = Schedule(
        n_tokens=tokens.n_tokens,
        epochs=options.epochs,
        alpha=options.alpha,
        min_alpha=options.min_alpha,
        seed=options.seed,
        shard_tokens=shard_tokens_of_rounds(tokens.n_tokens, options.epochs),
    )
    damping = None
    if weights.node_rows is not None:
        damping = NodeDamping(corpus, options, weights.in_rows, schedule.shard_tokens)
    shards = SideBySide(model, schedule.shard_tokens, damping)
    workers: list[_RoundWorker] = []

    def make_worker() -> _RoundWorker:
        workers.append(_RoundWorker(model, tokens, shards, release))
        return workers[-1]

    outcome = run_rounds(schedule, make_worker, shards, options.workers, reporter)
    return outcome, sum(worker.kernel.n_cuts for worker in workers)


class Word2Vec(VectorModel):
    """Word vectors from sentences or a file, under gensim 4's names.

    sentences: an iterable of token lists (read once), or None.  corpus_file: anything that
    `wordvec.corpus.read_corpus` takes: a path, several, a folder, a glob, "-".  With neither,
    an untrained model is made that `train` can fill.  Options: see `Word2VecOptions`, plus
    gensim's `max_final_vocab` for `max_vocab`.  rules: how text becomes words.  memory: bytes for
    the ids, half of the machine's by default; beyond it they go to disk.  reporter: called with
    Progress records.

    Ctrl-C during training ends it cleanly and returns the model so far, with `outcome.interrupted`
    true; a second Ctrl-C raises KeyboardInterrupt.  An unknown option is a TypeError.

    After training, `wv` holds the vectors, `options` the settings, `outcome` what the run did.
    """

    OPTIONS = Word2VecOptions

    def _fit(self, corpus: EncodedCorpus) -> None:
        trained = train_vectors(corpus, self.options, self._reporter)
        self.outcome = trained.outcome
        self.wv = KeyedVectors.from_vectors(
            corpus.vocab.words, trained.vectors, corpus.vocab.counts
        )
