"""Shards trained side by side on the same weights: results that no number of threads changes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wordvec.kernels import sampling, sgd
from wordvec.models.checkpoints import keeper_of
from wordvec.rounds import (
    ROUNDS_OF_TRAINING,
    SIDE_BY_SIDE,
    run_rounds,
    shard_tokens_of_rounds,
)
from wordvec.trainer import Outcome, Schedule

if TYPE_CHECKING:
    from wordvec.corpus import EncodedCorpus
    from wordvec.models.network import Network, Paths
    from wordvec.models.watching import TrainingJob
    from wordvec.options import Word2VecOptions

_ROWS_LOOKED_AT = 4096  # of the most frequent words, which make the lengths
_ROUNDS_LOOKED_AT = 256  # at the start, when rows grow fast; then every so many:
_ROUNDS_BETWEEN_LOOKS = 32
_CURVATURE_OF_LOGISTIC = 0.25
# Of skip-gram: the nodes near the root learn from every shard of a round the same, and with a whole
# window of pairs for each word they learn much; shorter shards waste less.
ROUNDS_WITH_NODES = 2 * ROUNDS_OF_TRAINING
RELEASE_TOKENS = 1 << 20  # ids of a corpus on disk that stay in memory behind the training


def train_in_rounds(
    schedule: Schedule,
    model: sgd.Model,
    tokens: sgd.Tokens,
    network: Network,
    job: TrainingJob,
    release: Callable[[int], None],
) -> tuple[Outcome, int]:
    """Train so that no number of threads changes a bit; the outcome and the number of cuts.

    schedule: of a free run; its shards become short enough.  model: of the network's weights.
    release: called with a number of tokens that are not looked at again in this epoch.
    """
    has_nodes = network.weights.node_rows is not None
    n_rounds = ROUNDS_WITH_NODES if has_nodes and job.options.sg else ROUNDS_OF_TRAINING
    n_shard = shard_tokens_of_rounds(schedule.n_tokens, schedule.epochs, n_rounds)
    schedule = dataclasses.replace(schedule, shard_tokens=n_shard)
    damping = None
    if has_nodes:
        assert network.paths is not None
        in_rows = network.weights.in_rows
        damping = NodeDamping(job.corpus, job.options, in_rows, network.paths, n_shard)
    merger = SideBySide(model, n_shard, damping)
    workers: list[_RoundWorker] = []

    keeper = keeper_of(network, job, lambda: [worker.kernel for worker in workers])

    def make_worker() -> _RoundWorker:
        workers.append(_RoundWorker(model, tokens, merger, release))
        if keeper is not None and len(workers) == 1:
            workers[0].kernel.set_sums(*keeper.sums_before)
        return workers[-1]

    n_threads = job.options.workers
    outcome = run_rounds(
        schedule, make_worker, merger, n_threads, job.reporter, job.watcher, keeper
    )
    outcome.n_tokens_kept = sum(worker.kernel.n_kept for worker in workers)
    return outcome, sum(worker.kernel.n_cuts for worker in workers)


class _RoundWorker:
    """kernels.sgd.Worker whose shards do not change the weights, as the rounds want it."""

    def __init__(
        self,
        model: sgd.Model,
        tokens: sgd.Tokens,
        merger: SideBySide,
        release: Callable[[int], None],
    ) -> None:
        self.kernel = sgd.Worker(model, merger.shard_tokens)
        self._tokens, self._changes, self._release = tokens, merger.changes, release

    def train_apart(
        self, place: int, first: int, end: int, epoch_key: int, shard_key: int, rate: float
    ) -> tuple[float, int]:
        changes = self._changes[place]
        self.kernel.train(self._tokens, first, end, epoch_key, shard_key, rate, changes)
        if first // RELEASE_TOKENS != end // RELEASE_TOKENS or end == self._tokens.n_tokens:
            self._release(end)
        return self.kernel.take_loss()


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

    def prepare(self, rate: float, n_shards: int) -> None:
        if self._damping is not None:
            self._shares = self._damping.shares(rate, n_shards)

    def state(self) -> dict[str, Any]:
        return {} if self._damping is None else self._damping.state()

    def restore(self, state: dict[str, Any]) -> None:
        if self._damping is not None:
            self._damping.restore(state)

    def add(self, n_places: int, part: int, n_parts: int) -> None:
        for changes in self.changes[:n_places]:
            changes.add(part, n_parts, self._shares)


class NodeDamping:
    """What share of the summed changes each Huffman node takes; see SideBySide.

    `in_rows`: the float32 input rows, whose lengths are looked at again and again.
    """

    def __init__(
        self,
        corpus: EncodedCorpus,
        options: Word2VecOptions,
        in_rows: NDArray[np.float32],
        paths: Paths,
        shard_tokens: int,
    ) -> None:
        counts = corpus.vocab.counts.astype(np.float64)
        kept = counts
        if options.sample > 0:
            thresholds = sampling.keep_thresholds(
                corpus.vocab.counts, options.sample, corpus.vocab.n_tokens
            )
            kept = counts * (thresholds / 2.0**32)
        starts, nodes, _ = paths
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
        self._weights = kept[:_ROWS_LOOKED_AT] / max(kept[:_ROWS_LOOKED_AT].sum(), 1.0)
        self._n_rounds = 0
        self._squared_length = 0.0

    def state(self) -> dict[str, Any]:
        return {"n_rounds": self._n_rounds, "squared_length": self._squared_length}

    def restore(self, state: dict[str, Any]) -> None:
        self._n_rounds = int(state["n_rounds"])
        self._squared_length = float(state["squared_length"])

    def shares(self, rate: float, n_shards: int) -> NDArray[np.float32]:
        """float32[n_nodes] for a round of so many shards at this learning rate."""
        if self._n_rounds < _ROUNDS_LOOKED_AT or self._n_rounds % _ROUNDS_BETWEEN_LOOKS == 0:
            # einsum adds in one order on any number of threads, a matrix product might not.
            squares = np.einsum("ij,ij->i", self._in_rows, self._in_rows, dtype=np.float64)
            self._squared_length = float((squares * self._weights).sum())
        self._n_rounds += 1
        closed = np.maximum(rate * self._squared_length * self._steps, 1e-9)
        together = -np.expm1(-n_shards * closed) / (n_shards * -np.expm1(-closed))
        return np.asarray(together, np.float32)
