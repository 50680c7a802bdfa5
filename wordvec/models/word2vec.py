"""Skip-gram and CBOW (Mikolov et al. 2013) over a corpus of ids."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.corpus import EncodedCorpus, TokenRules
from wordvec.formats.gensim_model import SavedModel
from wordvec.kernels import sampling, sgd
from wordvec.memory import need_bytes, release_pages, zero_rows
from wordvec.models import restoring
from wordvec.models.checkpoints import Checkpoints, keeper_of
from wordvec.models.modelstate import ModelState
from wordvec.models.network import Network, Paths, padded_rows, tree_of, untrained_loss
from wordvec.models.onlinemodel import BATCH_WORDS, OnlineModel
from wordvec.models.sidebyside import RELEASE_TOKENS, train_in_rounds
from wordvec.models.validating import Validation
from wordvec.models.watching import TrainingJob
from wordvec.options import FastTextOptions, Word2VecOptions
from wordvec.progress import Reporter, silent
from wordvec.trainer import Outcome, Schedule, run, shard_tokens_for
from wordvec.vocab import Vocab
from wordvec.wordchoice import TrimRule

MOST_HOT_ROWS = 256
HOT_BYTES = 128 << 10  # of each matrix
MOST_THREADS_WITH_COPIES = 16
LEAST_TOKENS_FOR_COPIES = 200_000
TYPICAL_PATH = 16  # Huffman nodes of a word, for guessing the cost of a shard

Options = Word2VecOptions | FastTextOptions


@dataclass(slots=True)
class Weights:
    """The trained arrays, float32[n_words, stride], columns from vector_size on are padding.

    `out_rows` is None without negative sampling, `node_rows` without hierarchical softmax; the last
    row of that is not used.
    """

    in_rows: NDArray[np.float32]
    out_rows: NDArray[np.float32] | None
    node_rows: NDArray[np.float32] | None
    position_rows: NDArray[np.float32] | None = (
        None  # [2 window, stride] of a position-weighted CBOW
    )


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
        zero_rows(n_words, stride) if options.hs and n_words > 1 else None,
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
    paths: Paths | None = None,
    locks: NDArray[np.float32] | None = None,
) -> sgd.Model:
    """The shared kernel state: weights, samplers and the settings that the loops need.

    `n_text_tokens` is what word counts are shares of for subsampling, by default those of the
    vocabulary; `paths` the Huffman tree, by default that of the counts; `subwords` and `locks`: see
    kernels.sgd.Model.
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
        settings["paths"] = paths or sampling.huffman_paths(vocab.counts)
    if locks is not None:
        settings["locks"] = locks
    if weights.position_rows is not None:
        settings["position_rows"] = weights.position_rows
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
    checkpoints: Checkpoints | None = None,
) -> Trained:
    """Train word vectors on an encoded corpus; the weights belong to the result.

    `original_start` takes word2vec.c's start vectors (their low-bit generator repeats; see
    kernels.sampling.start_rows).  `checkpoints` keep the state of the training, and are gone on
    from when they are there (CheckpointError when they are of another one).  TrainingError when
    training diverges.  After a first Ctrl-C the result holds the vectors so far and `interrupted`
    is true.
    """
    weights = start_weights(len(corpus.vocab), options, original_start)
    network = Network(corpus.vocab, weights, None, None, corpus.vocab.n_tokens)
    outcome, n_cuts = train_network(
        network, TrainingJob(corpus, options, reporter, checkpoints=checkpoints)
    )
    return Trained(
        vectors=weights.in_rows[:, : options.vector_size],
        weights=weights,
        outcome=outcome,
        n_cuts=n_cuts,
    )


def train_model(
    network: Network, job: TrainingJob, model: sgd.Model, multiply_adds_of_input: float = 0.0
) -> tuple[Outcome, int]:
    """Train what `model` shares on the whole corpus; the outcome and the number of sentence cuts.

    `multiply_adds_of_input`: per token, besides the update itself.
    """
    corpus, options = job.corpus, job.options

    def release(n_tokens: int) -> None:
        release_pages(corpus.ids, n_tokens)

    tokens = sgd.Tokens(corpus.ids, corpus.starts, len(corpus.vocab), release)
    per_output = options.vector_size * (1 if not options.sg else options.window)
    n_outputs = (options.n_noise + 1) * bool(options.n_noise) + TYPICAL_PATH * options.hs
    multiply_adds = per_output * max(n_outputs, 1) + multiply_adds_of_input
    as_command = isinstance(options, FastTextOptions) and options.as_command
    n_unknown = corpus.n_tokens_read - corpus.n_tokens_kept if as_command else 0
    schedule = Schedule(
        n_tokens=tokens.n_tokens,
        epochs=options.epochs,
        alpha=options.alpha,
        min_alpha=options.min_alpha,
        seed=options.seed,
        shard_tokens=shard_tokens_for(tokens.n_tokens, max(1.0, multiply_adds)),
        first_epoch=job.first_epoch,
        untrained_loss=untrained_loss(len(corpus.vocab), options.n_noise, options.hs),
        n_extra_tokens=options.epochs * n_unknown,
        is_spread=options.spread or as_command,
    )
    if is_deterministic(options):
        return train_in_rounds(schedule, model, tokens, network, job, release)
    workers: list[_ShardWorker] = []
    keeper = keeper_of(network, job, lambda: [worker.kernel for worker in workers])

    def make_worker() -> _ShardWorker:
        workers.append(_ShardWorker(model, tokens, schedule.shard_tokens, release))
        if keeper is not None and len(workers) == 1:
            workers[0].kernel.set_sums(*keeper.sums_before)
        return workers[-1]

    outcome = run(
        schedule, make_worker, options.workers, job.reporter, watcher=job.watcher, keeper=keeper
    )
    outcome.n_tokens_kept = sum(worker.kernel.n_kept for worker in workers)
    return outcome, sum(worker.kernel.n_cuts for worker in workers)


def is_deterministic(options: Options) -> bool:
    """Are the vectors to be the same for any number of threads?"""
    return isinstance(options, Word2VecOptions) and options.deterministic


def new_network(
    vocab: Vocab, options: Word2VecOptions, n_text_tokens: int, is_sorted: bool
) -> Network:
    """Fresh weights for a vocabulary.  WordvecError when they exceed the machine's memory."""
    weights = start_weights(len(vocab), options, False)
    paths = tree_of(vocab.counts, is_sorted) if weights.node_rows is not None else None
    return Network(vocab, weights, None, paths, n_text_tokens, is_sorted)


def train_network(network: Network, job: TrainingJob) -> tuple[Outcome, int]:
    """Train a network without n-grams on, in place; the outcome and the number of sentence cuts."""
    corpus, options, weights = job.corpus, job.options, network.weights
    n_words = len(network.vocab)
    n_threads = 1 if is_deterministic(options) else options.workers
    n_hot = hot_rows(n_words, weights.in_rows.shape[1], len(corpus.ids), n_threads)
    # The kernels scale by locks what they add to the rows of subwords: a word is its own.
    own_rows = None
    if job.locks is not None:
        own_rows = np.arange(n_words + 1, dtype=np.int64), np.arange(n_words, dtype=np.int32)
    if network.paths is None and weights.node_rows is not None:
        network.paths = sampling.huffman_paths(network.vocab.counts)
    model = kernel_model(corpus, options, weights, n_hot, None, own_rows, network.paths, job.locks)
    return train_model(network, job, model)


class Word2Vec(OnlineModel):
    """Word vectors from sentences or a file, under gensim 4's names; see OnlineModel.

    sentences: an iterable of token lists, or None.  corpus_file: anything that
    `wordvec.corpus.read_corpus` takes: a path, several, a folder, a glob, "-".  With neither, an
    untrained model is made, for `build_vocab` and `train`.

    The arguments are gensim's in gensim's order; what they mean is in `Word2VecOptions` and
    OnlineModel.  Ours besides: negatives, max_sentence, spread and deterministic (see there),
    max_vocab (keep only so many words), rules (how text becomes words), memory (bytes for the ids,
    half of the machine's by default; beyond it they go to disk), ids_path (keep them in this file),
    reporter (called with Progress records), checkpoints (see OnlineModel).
    """

    OPTIONS = Word2VecOptions

    def __init__(
        self,
        sentences: Any = None,
        corpus_file: Any = None,
        vector_size: int = 100,
        alpha: float = 0.025,
        window: int = 5,
        min_count: int = 5,
        max_vocab_size: int | None = None,
        sample: float = 1e-3,
        seed: int = 1,
        workers: int = 3,
        min_alpha: float = 1e-4,
        sg: int = 0,
        hs: int = 0,
        negative: int = 5,
        ns_exponent: float = 0.75,
        cbow_mean: int = 1,
        hashfxn: Callable[[str], int] = hash,
        epochs: int = 5,
        null_word: int = 0,
        trim_rule: TrimRule | None = None,
        sorted_vocab: int = 1,
        batch_words: int = BATCH_WORDS,
        compute_loss: bool = False,
        callbacks: Sequence[Any] = (),
        comment: str | None = None,
        max_final_vocab: int | None = None,
        shrink_windows: bool = True,
        *,
        negatives: str = "recycled",
        max_sentence: int = 0,
        deterministic: bool = False,
        spread: bool = False,
        max_vocab: int | None = None,
        rules: TokenRules = TokenRules(),  # noqa: B008 - frozen
        memory: int | None = None,
        ids_path: str | os.PathLike[str] | None = None,
        reporter: Reporter = silent,
        validation: Validation | None = None,
        checkpoints: Checkpoints | str | os.PathLike[str] | None = None,
        **unknown: Any,
    ) -> None:
        self._begin(locals())

    def _new_network(self, vocab: Vocab, n_text_tokens: int, is_sorted: bool) -> Network:
        return new_network(vocab, self.options, n_text_tokens, is_sorted)

    def _train_network(self, job: TrainingJob) -> Outcome:
        assert self.network is not None
        return train_network(self.network, job)[0]

    def _network_of_state(self, state: ModelState) -> Network:
        shape = (len(state.words), self.vector_size)
        weights = Weights(
            restoring.checked_rows(state.vectors, shape, "matrix"),
            *(
                restoring.checked_rows(state.arrays[name], shape, name) if is_used else None
                for name, is_used in (("out_rows", self.negative), ("node_rows", self.hs))
            ),
        )
        entry = state.settings["network"]
        return Network(
            restoring.vocab_of(state.words, state.counts),
            weights,
            None,
            restoring.paths_of(state.arrays),
            int(entry["n_text_tokens"]),
            bool(entry["is_sorted"]),
        )

    def _network_of_gensim(self, saved: SavedModel) -> Network:
        words, counts = saved.vectors.words, saved.vectors.counts
        if counts is None:
            raise ValueError("no counts of the words")
        in_rows = padded_rows(saved.vectors.matrix)
        weights = Weights(in_rows, *restoring.gensim_outputs(saved, self.options))
        paths = restoring.gensim_paths(saved) if weights.node_rows is not None else None
        vocab = restoring.vocab_of(words, counts)
        return Network(vocab, weights, None, paths, vocab.n_tokens, False)
