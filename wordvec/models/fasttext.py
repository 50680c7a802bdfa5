"""Skip-gram and CBOW over words and their character n-grams (Bojanowski et al. 2017).

A word's input is the mean of its own row and the rows of its n-grams, which lie in hashed buckets.
While training, only buckets that an n-gram of the vocabulary reaches have rows; the others keep
start values that are a function of (seed, bucket, column), so a file that needs them can be
written at any time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.corpus import EncodedCorpus, TokenRules
from wordvec.formats.gensim_model import SavedModel
from wordvec.kernels import sgd
from wordvec.kernels import subwords as kernel
from wordvec.memory import need_bytes, zero_rows
from wordvec.models import restoring
from wordvec.models.modelstate import ModelState
from wordvec.models.network import Network, tree_of
from wordvec.models.onlinemodel import BATCH_WORDS, OnlineModel
from wordvec.models.watching import TrainingJob, spread_locks
from wordvec.models.word2vec import Weights, hot_rows, kernel_model, train_model
from wordvec.options import FastTextOptions
from wordvec.progress import Reporter, silent
from wordvec.subwords import NgramRules, Subwords, means_of_rows, ngrams_of_words
from wordvec.trainer import Outcome
from wordvec.vocab import SEPARATOR, Vocab
from wordvec.wordchoice import TrimRule


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


def input_rows(
    vocab: Vocab, rules: NgramRules, n_threads: int = 1, every_bucket: bool = False
) -> InputRows:
    """Number the rows of words and of all buckets that their n-grams reach, or of every bucket.

    The end of a sentence, `</s>`, has no n-grams.
    """
    arena, starts, counts = vocab.arrays()
    separator = vocab.index(SEPARATOR) if SEPARATOR in vocab else None
    ngram_starts, buckets = ngrams_of_words(arena, starts, rules, n_threads, separator)
    row_of_bucket = np.full(rules.bucket if rules.has_ngrams else 0, -1, np.int32)
    bucket_of_row = np.arange(len(row_of_bucket), dtype=np.int32)
    if not every_bucket:
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
    need_bytes(
        (n_rows + (bool(options.negative) + options.hs) * n_words) * stride * 4,
        f"{n_words:,} words and {len(inputs.bucket_of_row):,} n-grams with {dim} numbers each",
        "use a smaller vector size, fewer buckets or a larger minimum count",
    )
    in_rows = zero_rows(n_rows, stride)
    kernel.start_rows(in_rows[:n_words, :dim], options.seed)
    kernel.start_rows(
        in_rows[n_words:, :dim], options.seed, numbers=inputs.bucket_of_row, of_buckets=True
    )
    return Weights(
        in_rows,
        zero_rows(n_words, stride) if options.negative else None,
        zero_rows(n_words, stride) if options.hs and n_words > 1 else None,
    )


def train_subwords(
    corpus: EncodedCorpus, options: FastTextOptions, reporter: Reporter = silent
) -> TrainedSubwords:
    """Train word and n-gram rows on an encoded corpus; the arrays belong to the result.

    TrainingError when training diverges.  After a first Ctrl-C the result holds the vectors so
    far and `interrupted` is true.
    """
    rules = NgramRules(options.min_n, options.max_n, options.bucket)
    n_words, dim = len(corpus.vocab), options.vector_size
    inputs = input_rows(corpus.vocab, rules, options.workers)
    weights = start_weights(n_words, inputs, options)
    n_hot = hot_rows(n_words, weights.in_rows.shape[1], len(corpus.ids), options.workers)
    model = kernel_model(
        corpus,
        options,
        weights,
        n_hot,
        corpus.n_tokens_read,
        (inputs.starts, inputs.rows) if len(inputs.bucket_of_row) else None,
    )
    rows_of_word = len(inputs.rows) / n_words
    outcome, n_cuts = train_model(corpus, options, model, reporter, 2 * dim * rows_of_word)
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
        outcome=outcome,
        n_cuts=n_cuts,
    )


def new_network(
    vocab: Vocab,
    options: FastTextOptions,
    n_text_tokens: int,
    is_sorted: bool,
    every_bucket: bool = False,
) -> Network:
    """Fresh weights for a vocabulary.  WordvecError when they exceed the machine's memory."""
    inputs = input_rows(vocab, rules_of(options), options.workers, every_bucket)
    weights = start_weights(len(vocab), inputs, options)
    paths = tree_of(vocab.counts, is_sorted) if weights.node_rows is not None else None
    return Network(vocab, weights, inputs, paths, n_text_tokens, is_sorted)


def rules_of(options: FastTextOptions) -> NgramRules:
    return NgramRules(options.min_n, options.max_n, options.bucket)


def train_network(network: Network, job: TrainingJob) -> tuple[Outcome, int]:
    """Train a network with n-grams on, in place; the outcome and the number of sentence cuts."""
    corpus, options, weights, inputs = job.corpus, job.options, network.weights, network.inputs
    assert inputs is not None
    n_words = len(network.vocab)
    n_hot = hot_rows(n_words, weights.in_rows.shape[1], len(corpus.ids), options.workers)
    is_subword = len(inputs.bucket_of_row) > 0 or job.locks is not None
    model = kernel_model(
        corpus,
        options,
        weights,
        n_hot,
        network.n_text_tokens,
        (inputs.starts, inputs.rows) if is_subword else None,
        network.paths,
        job.locks,
    )
    per_token = 2 * options.vector_size * (len(inputs.rows) / n_words)
    return train_model(
        corpus, options, model, job.reporter, per_token, job.watcher, job.first_epoch
    )


class FastText(OnlineModel):
    """Vectors of words and of their n-grams, under gensim 4's names; see OnlineModel.

    sentences: an iterable of token lists, or None.  corpus_file: anything that
    `wordvec.corpus.read_corpus` takes: a path, several, a folder, a glob, "-".  With neither, an
    untrained model is made, for `build_vocab` and `train`.

    The arguments are gensim's in gensim's order; what they mean is in `FastTextOptions` and
    OnlineModel.  Ours besides: negatives, max_sentence, as_command and lr_update_rate (see
    there), max_vocab (keep only so many words), rules (how text becomes words; FASTTEXT_RULES for
    the fasttext command's), memory (bytes for the ids, half of the machine's by default; beyond it
    they go to disk), ids_path (keep them in this file), reporter (called with Progress records).

    After training, `wv` holds the vectors and builds those of unseen words from their n-grams;
    `trained` the rows and weights.  `wv` has gensim's min_n, max_n, bucket, vectors_vocab, and
    vectors_ngrams: views of the rows of words and of n-grams, but only for buckets in use.
    """

    OPTIONS = FastTextOptions
    trained: TrainedSubwords | None = None
    network_source: Callable[[], Network] | None = None  # of a model in a file, until it is needed

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
        as_command: bool = False,
        lr_update_rate: int = 100,
        compute_loss: bool = False,
        comment: str | None = None,
        max_vocab: int | None = None,
        rules: TokenRules = TokenRules(),  # noqa: B008 - frozen
        memory: int | None = None,
        ids_path: str | os.PathLike[str] | None = None,
        reporter: Reporter = silent,
        **unknown: Any,
    ) -> None:
        self._begin(locals())

    def _new_network(self, vocab: Vocab, n_text_tokens: int, is_sorted: bool) -> Network:
        return new_network(vocab, self.options, n_text_tokens, is_sorted)

    def _need_network(self, what: str) -> Network:
        if self.network is None and self.network_source is not None:
            self.network, self.network_source = self.network_source(), None
            self._show_words()
        return super()._need_network(what)

    def _train_network(self, job: TrainingJob) -> Outcome:
        assert self.network is not None and self.network.inputs is not None
        outcome, n_cuts = train_network(self.network, job)
        self.trained = TrainedSubwords(
            vectors=self.wv.matrix,
            subwords=self._subwords(self.network),
            inputs=self.network.inputs,
            weights=self.network.weights,
            outcome=outcome,
            n_cuts=n_cuts,
        )
        return outcome

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
        return super()._arrays(network) | {"word_rows": words}

    def _network_of_state(self, state: ModelState) -> Network:
        entry = state.settings["network"]
        vocab = restoring.vocab_of(state.words, state.counts)
        n_words, dim = len(vocab), self.vector_size
        arrays, buckets = state.arrays, np.zeros(0, np.int32)
        ngram_rows = np.zeros((0, dim), np.float32)
        if state.subwords is not None and state.subwords.row_of_bucket is not None:
            row_of_bucket, ngram_rows = state.subwords.row_of_bucket, state.subwords.rows
            reached = np.flatnonzero(row_of_bucket >= 0)
            buckets = np.empty(len(ngram_rows), np.int32)
            buckets[row_of_bucket[reached]] = reached
        network = self._new_network(vocab, int(entry["n_text_tokens"]), bool(entry["is_sorted"]))
        if len(buckets) == self.bucket:
            network = new_network(
                vocab, self.options, network.n_text_tokens, network.is_sorted, every_bucket=True
            )
        assert network.inputs is not None
        places = network.inputs.row_of_bucket[buckets]
        if len(places) != len(network.inputs.bucket_of_row) or (places < 0).any():
            raise ValueError(f"buckets: {len(buckets)} that the words do not reach")
        weights = network.weights
        if arrays["word_rows"].shape != (n_words, dim):
            raise ValueError(f"word_rows of {arrays['word_rows'].shape}")
        for rows, found in (
            (slice(n_words), arrays["word_rows"]), (n_words + places, ngram_rows),
        ):  # fmt: skip
            weights.in_rows[rows, :dim] = found
        if weights.out_rows is not None:
            weights.out_rows = restoring.checked_rows(arrays["out_rows"], (n_words, dim), "output")
        if weights.node_rows is not None:
            weights.node_rows = restoring.checked_rows(arrays["node_rows"], (n_words, dim), "nodes")
        network.paths = restoring.paths_of(arrays)
        return network

    def _network_of_gensim(self, saved: SavedModel) -> Network:
        counts = saved.vectors.counts
        words, ngrams = (saved.arrays.get(f"vectors_{name}") for name in ("vocab", "ngrams"))
        if counts is None or words is None or ngrams is None:
            raise ValueError("no counts, vectors_vocab or vectors_ngrams")
        vocab = restoring.vocab_of(saved.vectors.words, counts)
        network = new_network(vocab, self.options, vocab.n_tokens, False, every_bucket=True)
        weights, n_words, dim = network.weights, len(vocab), self.vector_size
        if words.shape != (n_words, dim) or ngrams.shape[1:] != (dim,):
            raise ValueError(f"rows of {words.shape} and {ngrams.shape}")
        weights.in_rows[:n_words, :dim] = words
        weights.in_rows[n_words:, :dim] = ngrams[: len(weights.in_rows) - n_words]
        weights.out_rows, weights.node_rows = restoring.gensim_outputs(saved, self.options)
        network.paths = restoring.gensim_paths(saved) if weights.node_rows is not None else None
        return network
