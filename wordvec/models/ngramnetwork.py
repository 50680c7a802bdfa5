"""Networks whose words are made of n-grams: which rows, how they start, how they are trained."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import TrainingError
from wordvec.formats.gensim_model import SavedModel
from wordvec.kernels import sgd
from wordvec.kernels import subwords as kernel
from wordvec.memory import need_bytes, zero_rows
from wordvec.models import restoring
from wordvec.models.allwords import ALL_WORDS, AllWords, cut_sentences, train_all_words
from wordvec.models.modelstate import ModelState
from wordvec.models.network import Network, tree_of
from wordvec.models.watching import TrainingJob
from wordvec.models.word2vec import Weights, hot_rows, kernel_model, train_model
from wordvec.options import FastTextOptions
from wordvec.subwords import NgramRules, ngrams_of_words
from wordvec.trainer import Outcome
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
        zero_rows(n_words, stride) if options.hs and n_words > 1 else None,
        position_rows,
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
    if options.loss in ALL_WORDS:
        if job.checkpoints is not None:
            raise TrainingError(f"loss {options.loss} keeps no checkpoints; ns and hs do")
        return _train_all_words(network, job)
    n_words = len(network.vocab)
    n_hot = hot_rows(n_words, weights.in_rows.shape[1], len(corpus.ids), options.workers)
    model = kernel_model(
        corpus,
        options,
        weights,
        n_hot,
        network.n_text_tokens,
        _rows_of_words(inputs, job),
        network.paths,
        job.locks,
    )
    per_token = 2 * options.vector_size * (len(inputs.rows) / n_words)
    return train_model(network, job, model, per_token)


def _rows_of_words(
    inputs: InputRows, job: TrainingJob
) -> tuple[NDArray[np.int64], NDArray[np.int32]] | None:
    """What the kernels want; None when every word has but its own row."""
    has_more = len(inputs.bucket_of_row) > 0 or job.locks is not None
    return (inputs.starts, inputs.rows) if has_more else None


def _train_all_words(network: Network, job: TrainingJob) -> tuple[Outcome, int]:
    """The same with softmax or one-vs-all, which train a copy of the output rows: those of the
    network change at the end."""
    options, weights, inputs = job.options, network.weights, network.inputs
    assert inputs is not None and weights.out_rows is not None
    n_words = len(network.vocab)
    output = AllWords.of(weights.out_rows, n_words, options.vector_size, options.loss)
    cut, n_cuts = cut_sentences(job.corpus, options.max_sentence)
    model = kernel_model(
        cut,
        replace(options, max_sentence=0),
        Weights(weights.in_rows, None, None),
        0,
        network.n_text_tokens,
        _rows_of_words(inputs, job),
        None,
        job.locks,
    )
    try:
        outcome = train_all_words(
            cut, options, model, weights.in_rows, output, len(inputs.rows) / n_words,
            job.reporter, job.watcher, job.first_epoch,
        )  # fmt: skip
    finally:
        weights.out_rows = output.rows()
    return outcome, n_cuts * options.epochs


def network_of_state(state: ModelState, options: FastTextOptions) -> Network:
    """The network that FastText._arrays took apart.  KeyError, TypeError, ValueError."""
    entry = state.settings["network"]
    n_text_tokens, is_sorted = int(entry["n_text_tokens"]), bool(entry["is_sorted"])
    vocab = restoring.vocab_of(state.words, state.counts)
    n_words, dim, arrays = len(vocab), options.vector_size, state.arrays
    buckets, ngram_rows = np.zeros(0, np.int32), np.zeros((0, dim), np.float32)
    if state.subwords is not None and state.subwords.row_of_bucket is not None:
        row_of_bucket, ngram_rows = state.subwords.row_of_bucket, state.subwords.rows
        reached = np.flatnonzero(row_of_bucket >= 0)
        buckets = np.empty(len(ngram_rows), np.int32)
        buckets[row_of_bucket[reached]] = reached
    has_all = len(buckets) == options.bucket
    network = new_network(vocab, options, n_text_tokens, is_sorted, every_bucket=has_all)
    assert network.inputs is not None
    places = network.inputs.row_of_bucket[buckets]
    if len(places) != len(network.inputs.bucket_of_row) or (places < 0).any():
        raise ValueError(f"buckets: {len(buckets)} that the words do not reach")
    weights = network.weights
    if arrays["word_rows"].shape != (n_words, dim):
        raise ValueError(f"word_rows of {arrays['word_rows'].shape}")
    weights.in_rows[:n_words, :dim] = arrays["word_rows"]
    weights.in_rows[n_words + places, :dim] = ngram_rows
    if weights.out_rows is not None:
        weights.out_rows = restoring.checked_rows(arrays["out_rows"], (n_words, dim), "output")
    if weights.node_rows is not None:
        weights.node_rows = restoring.checked_rows(arrays["node_rows"], (n_words, dim), "nodes")
    if weights.position_rows is not None:
        shape = (len(weights.position_rows), dim)
        weights.position_rows = restoring.checked_rows(arrays["position_rows"], shape, "positions")
    network.paths = restoring.paths_of(arrays)
    return network


def network_of_gensim(saved: SavedModel, options: FastTextOptions) -> Network:
    """The network of a FastText of gensim's, with rows for every bucket.  ValueError."""
    counts = saved.vectors.counts
    words, ngrams = (saved.arrays.get(f"vectors_{name}") for name in ("vocab", "ngrams"))
    if counts is None or words is None or ngrams is None:
        raise ValueError("no counts, vectors_vocab or vectors_ngrams")
    vocab = restoring.vocab_of(saved.vectors.words, counts)
    network = new_network(vocab, options, vocab.n_tokens, False, every_bucket=True)
    weights, n_words, dim = network.weights, len(vocab), options.vector_size
    if words.shape != (n_words, dim) or ngrams.shape[1:] != (dim,):
        raise ValueError(f"rows of {words.shape} and {ngrams.shape}")
    weights.in_rows[:n_words, :dim] = words
    weights.in_rows[n_words:, :dim] = ngrams[: len(weights.in_rows) - n_words]
    weights.out_rows, weights.node_rows = restoring.gensim_outputs(saved, options)
    network.paths = restoring.gensim_paths(saved) if weights.node_rows is not None else None
    return network
