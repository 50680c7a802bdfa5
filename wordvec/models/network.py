"""A network that can be trained on and can grow: the vocabulary, its weights, its Huffman tree.

Word2Vec and FastText differ only in `inputs`, which rows make up a word.  What a run of training
needs besides is made anew for each run from the counts of the vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wordvec.kernels import sampling, sgd
from wordvec.memory import zero_rows
from wordvec.subwords import NgramRules, Subwords, means_of_rows
from wordvec.vocab import Vocab, pack_words

if TYPE_CHECKING:  # they make networks
    from wordvec.models.fasttext import InputRows
    from wordvec.models.word2vec import Weights

# int64[n_words + 1], int32[...], uint8[...]: see sampling.huffman_paths
Paths = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.uint8]]


LINE_BYTES = 64


@dataclass
class Network:
    """All that training changes, and what it needs to go on.

    vocab          words by row; falling by count unless words were added later
    weights        see models.word2vec.Weights; owned here and changed in place
    inputs         FastText: which rows of weights.in_rows make up each word; None: row w is word w
    paths          the Huffman tree as sampling.huffman_paths gives it; None without one
    n_text_tokens  words of all text that was counted; what counts are shares of for subsampling
    is_sorted      whether the words come in order of their counts
    """

    vocab: Vocab
    weights: Weights
    inputs: InputRows | None
    paths: Paths | None
    n_text_tokens: int
    is_sorted: bool = True

    def align(self) -> None:
        """Copy what does not lie on the boundaries that the kernels need: weights that came out of
        a pickle or a deep copy."""
        weights = self.weights
        for name in ("in_rows", "out_rows", "node_rows", "position_rows"):
            rows = getattr(weights, name)
            if rows is not None and rows.ctypes.data % LINE_BYTES:
                setattr(weights, name, padded_rows(rows))

    def word_vectors(self, dim: int, n_threads: int = 1) -> NDArray[np.float32]:
        """float32[n_words, dim]: a view of the weights, or new means of rows."""
        if self.inputs is None:
            return self.weights.in_rows[:, :dim]
        means = zero_rows(len(self.vocab), dim)
        return self.fill_means(means, n_threads)

    def fill_means(self, means: NDArray[np.float32], n_threads: int) -> NDArray[np.float32]:
        """Write the mean of each word's rows into `means`, and return it."""
        assert self.inputs is not None
        starts, rows = self.inputs.starts, self.inputs.rows
        means_of_rows(self.weights.in_rows, starts, rows, means, n_threads=n_threads)
        return means

    def subwords(self, rules: NgramRules, dim: int, seed: int) -> Subwords:
        """The n-gram rows; they stay the network's and change with training."""
        assert self.inputs is not None
        return Subwords(
            rules,
            self.weights.in_rows[len(self.vocab) :],
            dim,
            row_of_bucket=self.inputs.row_of_bucket if rules.has_ngrams else None,
            seed=seed,
        )


def tree_of(counts: NDArray[np.int64], is_sorted: bool) -> Paths:
    """The Huffman tree of words in any order."""
    if is_sorted:
        return sampling.huffman_paths(counts)
    order = np.argsort(-counts, kind="stable")
    starts, nodes, codes = sampling.huffman_paths(counts[order])
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    lengths = np.diff(starts)[place]
    new_starts = np.concatenate([[0], np.cumsum(lengths)])
    take = np.repeat(starts[place] - new_starts[:-1], lengths) + np.arange(new_starts[-1])
    return new_starts, nodes[take], codes[take]


def move_weights(network: Network, fresh: Network) -> Network:
    """`fresh` with what `network` has learned.

    fresh has the words of the other in its first rows and new ones behind; it is changed and
    returned.  New rows stay as they start.  The old Huffman tree stays as it is: it and the tree
    of the new words become the two branches of a new root.
    """
    n_old, n_words = len(network.vocab), len(fresh.vocab)
    old, new = network.weights, fresh.weights
    new.in_rows[:n_old] = old.in_rows[:n_old]
    if network.inputs is not None and fresh.inputs is not None:
        old_rows = network.inputs.row_of_bucket[fresh.inputs.bucket_of_row]
        moved = np.flatnonzero(old_rows >= 0)
        new.in_rows[n_words + moved] = old.in_rows[n_old + old_rows[moved]]
    for mine, others in ((new.out_rows, old.out_rows), (new.node_rows, old.node_rows)):
        if mine is not None and others is not None:
            mine[: min(len(others), n_old)] = others[:n_old]
    if new.position_rows is not None and old.position_rows is not None:
        new.position_rows[:] = old.position_rows
    if network.paths is not None and n_old > 1:
        fresh.paths = network.paths
        if n_words > n_old:
            tree = tree_of(fresh.vocab.counts[n_old:], False)
            fresh.paths = joined_trees(network.paths, tree)
    return fresh


def joined_trees(old: Paths, new: Paths) -> Paths:
    """One tree of two: the old one keeps its nodes, then come the new one's, then the root."""
    n_old, n_new = len(old[0]) - 1, len(new[0]) - 1
    root = n_old + n_new - 2
    starts = [np.zeros(1, np.int64)]
    nodes, codes = [], []
    for side, (first, (part_starts, part_nodes, part_codes)) in enumerate(
        ((0, old), (n_old - 1, new))
    ):
        n = len(part_starts) - 1
        nodes.append(np.insert(part_nodes + np.int32(first), part_starts[:-1], root))
        codes.append(np.insert(part_codes, part_starts[:-1], side))
        starts.append(starts[-1][-1] + part_starts[1:] + np.arange(1, n + 1))
    return (
        np.concatenate(starts),
        np.concatenate(nodes).astype(np.int32, copy=False),
        np.concatenate(codes).astype(np.uint8, copy=False),
    )


def extended(vocab: Vocab, words: Sequence[str], counts: NDArray[np.int64]) -> Vocab:
    """The vocabulary with further words and with these counts for all."""
    arena, starts, _ = vocab.arrays()
    arena = arena[: int(starts[-1])]
    if words:
        more, more_starts = pack_words([w.encode("utf-8", "surrogateescape") for w in words])
        arena = np.concatenate([arena, more])
        starts = np.concatenate([starts, starts[-1] + more_starts[1:]])
    return Vocab(arena, starts, counts, has_separator=vocab.has_separator)


def untrained_loss(n_words: int, negative: int, hs: int) -> float:
    """Mean loss per example while all output rows are zero: log 2 for each of them.

    Paths of frequent words are shorter than the balanced ones that are counted here.
    """
    n_outputs = negative + 1.0 if negative else 0.0
    if hs:
        n_outputs += max(1.0, math.log2(max(n_words, 2)))
    return max(n_outputs, 1.0) * math.log(2)


def kept_tokens(network: Network, n_tokens: int, sample: float) -> int:
    """How many of so many tokens of the text subsampling leaves, on average."""
    counts = network.vocab.counts
    if sample <= 0 or not counts.sum():
        return n_tokens
    n_text = network.vocab.n_tokens if network.inputs is None else network.n_text_tokens
    keep = sampling.keep_thresholds(counts, sample, n_text) / 2.0**32
    return round(n_tokens * float((counts * keep).sum() / counts.sum()))


def padded_rows(rows: NDArray[np.float32], n_rows: int | None = None) -> NDArray[np.float32]:
    """A copy with the padding that the kernels want; with `n_rows`, zeros behind or cut."""
    n_rows = len(rows) if n_rows is None else n_rows
    made = zero_rows(n_rows, sgd.padded(rows.shape[1]))
    made[: min(n_rows, len(rows)), : rows.shape[1]] = rows[:n_rows]
    return made
