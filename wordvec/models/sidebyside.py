"""Shards trained side by side on the same weights: results that no number of threads changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wordvec.kernels import sampling, sgd
from wordvec.rounds import SIDE_BY_SIDE

if TYPE_CHECKING:
    from wordvec.corpus import EncodedCorpus
    from wordvec.options import Word2VecOptions

_ROWS_LOOKED_AT = 4096  # of the most frequent words, which make the lengths
_ROUNDS_BETWEEN_LOOKS = 32
_CURVATURE_OF_LOGISTIC = 0.25


class SideBySide:
    """The changes of a round's shards, and their way into the weights (rounds.Merger).

    Adding up what shards learned from the same weights is right where they seldom touch the same
    row.  The upper nodes of a Huffman tree are touched by nearly every word: each shard alone
    brings such a node close to where it should be, and the sum would carry it far beyond.  So of
    a node's changes the share (1 - exp(-W a)) / (W (1 - exp(-a))) is taken, W shards, each closing
    the part 1 - exp(-a) of the gap: a = rate x visits of the node by a shard x 1/4 x the squared
    length of what comes to it.  (`a` small: their sum; large: their mean.)
    """

    def __init__(self, model: sgd.Model, shard_tokens: int, damping: NodeDamping | None) -> None:
        self.shard_tokens = shard_tokens
        self.changes = [sgd.Changes(model, shard_tokens) for _ in range(SIDE_BY_SIDE)]
        self._damping = damping
        self._shares: NDArray[np.float32] | None = None

    def prepare(self, rate: float) -> None:
        if self._damping is not None:
            self._shares = self._damping.shares(rate)

    def add(self, n_places: int, part: int, n_parts: int) -> None:
        for changes in self.changes[:n_places]:
            changes.add(part, n_parts, self._shares)


class NodeDamping:
    """What share of the summed changes each Huffman node takes; see SideBySide.

    `in_rows`: the float32 input rows, looked at again every few rounds.
    """

    def __init__(
        self,
        corpus: EncodedCorpus,
        options: Word2VecOptions,
        in_rows: NDArray[np.float32],
        shard_tokens: int,
    ) -> None:
        counts = corpus.vocab.counts.astype(np.float64)
        kept = counts
        if options.sample > 0:
            thresholds = sampling.keep_thresholds(
                corpus.vocab.counts, options.sample, corpus.vocab.n_tokens
            )
            kept = counts * (thresholds / 2.0**32)
        starts, nodes, _ = sampling.huffman_paths(corpus.vocab.counts)
        visits = np.zeros(max(len(counts) - 1, 1))
        np.add.at(visits, nodes, np.repeat(kept, np.diff(starts)))
        # Pairs of a centre, and the squared length of the row in each against an input row's.
        context = options.window + 1.0
        if options.sg:
            scale = context
        else:
            scale = 1 / context if options.cbow_mean else context
        share_of_text = shard_tokens / max(len(corpus.ids), 1)
        self._steps = _CURVATURE_OF_LOGISTIC * scale * share_of_text * visits
        self._in_rows = in_rows[:_ROWS_LOOKED_AT]
        self._weights = kept[:_ROWS_LOOKED_AT] / kept[:_ROWS_LOOKED_AT].sum()
        self._n_rounds = 0
        self._squared_length = 0.0

    def shares(self, rate: float) -> NDArray[np.float32]:
        """float32[n_nodes] for a round at this learning rate."""
        if self._n_rounds % _ROUNDS_BETWEEN_LOOKS == 0:
            # einsum adds in one order on any number of threads, a matrix product might not.
            squares = np.einsum("ij,ij->i", self._in_rows, self._in_rows, dtype=np.float64)
            self._squared_length = float((squares * self._weights).sum())
        self._n_rounds += 1
        closed = np.maximum(rate * self._squared_length * self._steps, 1e-9)
        together = -np.expm1(-SIDE_BY_SIDE * closed) / (SIDE_BY_SIDE * -np.expm1(-closed))
        return np.asarray(together, np.float32)
