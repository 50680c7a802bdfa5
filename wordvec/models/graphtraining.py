"""Training on graphs by the engine of words: walks are sentences, LINE's edges single pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import CorpusError
from wordvec.graph import Graph
from wordvec.graphoptions import GraphOptions
from wordvec.kernels import sampling, sgd
from wordvec.kernels import walks as kernel
from wordvec.memory import need_bytes, zero_rows
from wordvec.models.network import untrained_loss
from wordvec.models.word2vec import TYPICAL_PATH, hot_rows
from wordvec.progress import Reporter, silent
from wordvec.trainer import Outcome, Schedule, run, shard_tokens_for
from wordvec.walks import WalkSource, make_walker

EDGES_OF_SHARD = 8192
SAMPLES_OF_EDGE = 150  # LINE: edges drawn for every stored one
LEAST_SAMPLES = 1_000_000
MIN_RATE_SHARE = 1e-4  # LINE's rate falls to this share of its start
_KEY_OF_EDGES = 21


@dataclass(slots=True)
class TrainedGraph:
    """Vectors of nodes: row i of `vectors` float32[n_nodes, dim] is node order[i], and counts[i]
    int64 its visits (walks) or stored edges (LINE)."""

    vectors: NDArray[np.float32]
    order: NDArray[np.int64]
    counts: NDArray[np.int64]
    outcomes: list[Outcome]

    @property
    def interrupted(self) -> bool:
        return any(outcome.interrupted for outcome in self.outcomes)


def train_graph(graph: Graph, options: GraphOptions, reporter: Reporter = silent) -> TrainedGraph:
    """Node vectors of a graph.  After a first Ctrl-C while training, those so far."""
    if options.method == "line":
        return train_line(graph, options, reporter)
    return train_walks(walk_source(graph, options), options, reporter)


def _start_rows(n_nodes: int, dim: int, n_matrices: int, seed: int) -> NDArray[np.float32]:
    need_bytes(n_matrices * n_nodes * sgd.padded(dim) * 4,
               f"{n_nodes:,} nodes with {dim} numbers each", "use fewer dimensions")  # fmt: skip
    rows = zero_rows(n_nodes, sgd.padded(dim))
    sampling.start_rows(rows[:, :dim], seed, False)
    return rows


# -- walks ---------------------------------------------------------------------------------------


class _WalkWorker:
    """kernels.sgd.Worker on the walks of a source; tokens are places in walks of full length."""

    def __init__(self, model: sgd.Model, source: WalkSource) -> None:
        self.kernel = sgd.Worker(model, source.walks_at_once * source.length)
        self.source = source

    @property
    def loss(self) -> float:
        return self.kernel.loss

    @property
    def n_examples(self) -> int:
        return self.kernel.n_examples

    def train_shard(
        self, first: int, end: int, epoch_key: int, shard_key: int, rate: float
    ) -> None:
        length = self.source.length
        ids, starts = self.source.walks(first // length, -(-end // length))
        tokens = sgd.Tokens(ids, starts, self.source.graph.n_nodes)
        self.kernel.train(tokens, 0, len(ids), epoch_key, shard_key, rate)


def walk_source(graph: Graph, options: GraphOptions) -> WalkSource:
    """The walks that a training wants, in pieces that make its shards."""
    source = WalkSource(graph, options)
    n_outputs = (options.negative + 1) * bool(options.negative) + TYPICAL_PATH * options.hs
    multiply_adds = options.vector_size * options.window * n_outputs
    shard_tokens = shard_tokens_for(source.n_walks * source.length, multiply_adds)
    source.walks_at_once = max(1, shard_tokens // source.length)
    return source


def train_walks(
    source: WalkSource, options: GraphOptions, reporter: Reporter = silent
) -> TrainedGraph:
    """Skip-gram over the walks of a source, which is counted first unless it has been."""
    n_nodes, dim = source.graph.n_nodes, options.vector_size
    n_tokens = source.n_walks * source.length
    if source.numbers is None:
        source.count(options.workers, reporter)
    n_matrices = 1 + bool(options.negative) + options.hs
    in_rows = _start_rows(n_nodes, dim, n_matrices, options.seed)
    settings: dict[str, Any] = {}
    if options.negative:
        noise = sampling.noise_weights(source.counts, options.ns_exponent)
        settings["aliases"] = sampling.alias_table(noise)
        settings["out_rows"] = zero_rows(*in_rows.shape)
    if options.hs and n_nodes > 1:
        settings["node_rows"] = zero_rows(*in_rows.shape)
        settings["paths"] = sampling.huffman_paths(source.counts)
    model = sgd.Model(
        in_rows,
        window=options.window,
        negative=options.negative,
        negatives=options.negatives,
        n_hot=hot_rows(n_nodes, in_rows.shape[1], n_tokens, options.workers),
        **settings,
    )
    schedule = Schedule(
        n_tokens=n_tokens,
        epochs=options.epochs,
        alpha=options.alpha,
        min_alpha=options.min_alpha,
        seed=options.seed,
        shard_tokens=source.walks_at_once * source.length,
        untrained_loss=untrained_loss(n_nodes, options.negative, options.hs),
    )
    outcome = run(schedule, lambda: _WalkWorker(model, source), options.workers, reporter)
    order, counts, rows = source.order, source.counts, in_rows[:, :dim]
    if options.rows == "input":
        assert source.numbers is not None
        rows, counts = rows[source.numbers], counts[source.numbers]
        order = np.arange(n_nodes)
    return TrainedGraph(rows, order, counts, [outcome])


# -- LINE ----------------------------------------------------------------------------------------


class _EdgeWorker:
    """Draws the edges of a shard, and trains on them."""

    def __init__(
        self, model: sgd.Model, walker: kernel.Walker, sources: NDArray[np.uint32], n: int
    ) -> None:
        self.kernel = sgd.Worker(model, 1)
        self.walker = walker
        self.sources = sources
        self.ends_from = np.empty(n, np.int32)
        self.ends_to = np.empty(n, np.int32)

    @property
    def loss(self) -> float:
        return self.kernel.loss

    @property
    def n_examples(self) -> int:
        return self.kernel.n_examples

    def train_shard(
        self, first: int, end: int, epoch_key: int, shard_key: int, rate: float
    ) -> None:
        n = end - first
        ends_from, ends_to = self.ends_from[:n], self.ends_to[:n]
        key = sampling.key(shard_key, _KEY_OF_EDGES, 0)
        self.walker.draw_edges(self.sources, key, ends_from, ends_to)
        self.kernel.train_pairs(ends_from, ends_to, shard_key, rate)


def train_line(graph: Graph, options: GraphOptions, reporter: Reporter = silent) -> TrainedGraph:
    """LINE (Tang et al. 2015) of first or second order, or halves of unit length of both."""
    walker = make_walker(graph, options)
    strengths = graph.strengths()
    if not strengths.any():
        raise CorpusError("the graph has no edges to draw")
    sources = sampling.alias_table(strengths)
    noise = sampling.alias_table(_degrees(graph, strengths) ** options.ns_exponent)
    orders = ("1", "2") if options.order == "both" else (options.order,)
    dim = options.vector_size // len(orders)
    parts, outcomes = [], []
    for number, order in enumerate(orders):
        rows, outcome = _train_order(graph, options, order, dim, (walker, sources, noise),
                                     options.seed + number, reporter)  # fmt: skip
        parts.append(rows)
        outcomes.append(outcome)
    if len(parts) == 2:
        for rows in parts:
            norms = np.linalg.norm(rows, axis=1, keepdims=True)
            rows /= np.where(norms > 0, norms, 1)  # a row of zeros stays one
    vectors = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
    counts = np.diff(graph.starts)
    order_of_rows = np.arange(graph.n_nodes)
    if options.rows == "visits":
        order_of_rows = np.argsort(-counts, kind="stable")
        vectors, counts = vectors[order_of_rows], counts[order_of_rows]
    return TrainedGraph(vectors, order_of_rows, counts, outcomes)


def _degrees(graph: Graph, strengths: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64[n_nodes]: weights of the edges that leave and of those that enter each node."""
    entering = np.bincount(graph.neighbours, graph.weights, graph.n_nodes)
    return strengths + entering


def _train_order(
    graph: Graph,
    options: GraphOptions,
    order: str,
    dim: int,
    drawing: tuple[kernel.Walker, NDArray[np.uint32], NDArray[np.uint32]],
    seed: int,
    reporter: Reporter,
) -> tuple[NDArray[np.float32], Outcome]:
    walker, sources, noise = drawing
    in_rows = _start_rows(graph.n_nodes, dim, 2, seed)
    out_rows = in_rows if order == "1" else zero_rows(*in_rows.shape)
    model = sgd.Model(in_rows, out_rows, aliases=noise, negative=options.negative, negatives="pair")
    if options.samples is None:
        n_samples = max(SAMPLES_OF_EDGE * graph.n_stored, LEAST_SAMPLES)
    else:
        n_samples = max(1, round(options.samples * 1e6))
    schedule = Schedule(
        n_tokens=n_samples,
        epochs=1,
        alpha=options.alpha,
        min_alpha=options.alpha * MIN_RATE_SHARE,
        seed=seed,
        shard_tokens=min(EDGES_OF_SHARD, max(64, n_samples // 64)),
        untrained_loss=untrained_loss(graph.n_nodes, options.negative, 0),
    )
    outcome = run(
        schedule,
        lambda: _EdgeWorker(model, walker, sources, schedule.shard_tokens),
        options.workers,
        reporter,
    )
    return in_rows[:, :dim].copy(), outcome
