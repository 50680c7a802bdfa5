"""Node vectors of graphs: node2vec, node2vec+, DeepWalk and LINE."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.edgefiles import read_graph
from wordvec.errors import OptionError, TrainingError
from wordvec.graph import Graph
from wordvec.graphoptions import GraphOptions, graph_options
from wordvec.keyedvectors import KeyedVectors
from wordvec.models.graphtraining import TrainedGraph, train_graph
from wordvec.progress import Reporter, silent

_READING = ("weighted", "directed", "delimiter", "implicit_ids", "duplicates", "format")


class Node2Vec:
    """Vectors of the nodes of a graph.

    graph     a Graph, a path of a file (see read_graph), a NetworkX graph, a SciPy sparse matrix,
              an integer array [n, 2] or an iterable of (u, v) or (u, v, weight); None: train later
              with `fit`
    method    "node2vec", "deepwalk" or "line"
    settings  any of GraphOptions (dimensions and iter are taken for vector_size and epochs), and
              for what is not yet a Graph: weighted, directed, duplicates, and of read_graph
              delimiter, implicit_ids, format

    `wv` holds the vectors: KeyedVectors with all queries and files.
    """

    def __init__(
        self,
        graph: Any = None,
        *,
        method: str = "node2vec",
        reporter: Reporter = silent,
        **settings: Any,
    ) -> None:
        for other, name in (("dimensions", "vector_size"), ("iter", "epochs")):
            if other in settings:
                settings[name] = settings.pop(other)
        self.reading = {name: settings.pop(name) for name in _READING if name in settings}
        self.options: GraphOptions = graph_options(method, **settings)
        check_together(self.options, bool(self.reading.get("directed")))
        self.reporter = reporter
        self.graph: Graph | None = None
        self.trained: TrainedGraph | None = None
        self._wv: KeyedVectors | None = None
        if graph is not None:
            self.fit(graph)

    def fit(self, graph: Any) -> Node2Vec:
        """Train on a graph; forgets what was trained before."""
        self.graph = as_graph(graph, self.options, **self.reading)
        self.trained = train_graph(self.graph, self.options, self.reporter)
        self._wv = vectors_of(self.graph, self.options, self.trained)
        return self

    @property
    def wv(self) -> KeyedVectors:
        """The vectors; TrainingError before anything was trained."""
        if self._wv is None:
            raise TrainingError("nothing has been trained yet: call fit with a graph")
        return self._wv

    def get_embedding(self) -> NDArray[np.float32]:
        """float32[n_nodes, dim]: a copy of the rows, in the order of the graph's nodes."""
        if self.trained is None:
            raise TrainingError("nothing has been trained yet: call fit with a graph")
        rows = np.empty_like(self.trained.vectors)
        rows[self.trained.order] = self.trained.vectors
        return rows

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the vectors; see KeyedVectors.save."""
        self.wv.save(path)


def node2vec(graph: Any, **settings: Any) -> KeyedVectors:
    """Vectors by biased walks (Grover and Leskovec 2016; extend=True: node2vec+)."""
    return Node2Vec(graph, method="node2vec", **settings).wv


def deepwalk(graph: Any, **settings: Any) -> KeyedVectors:
    """Vectors by uniform walks and hierarchical softmax (Perozzi et al. 2014)."""
    return Node2Vec(graph, method="deepwalk", **settings).wv


def line(graph: Any, **settings: Any) -> KeyedVectors:
    """Vectors by edges alone (Tang et al. 2015)."""
    return Node2Vec(graph, method="line", **settings).wv


def check_together(options: GraphOptions, directed: bool) -> None:
    """OptionError for options that contradict each other, before anything is read."""
    if options.extend and directed:
        raise OptionError("extend", "an undirected graph", True)


def as_graph(graph: Any, options: GraphOptions, **reading: Any) -> Graph:
    """What was given as a Graph; see Node2Vec.  LINE adds up repeated edges, and DeepWalk drops
    self loops, unless the graph is made already."""
    if isinstance(graph, Graph):
        return graph
    settings = {name: value for name, value in reading.items() if value is not None}
    settings.setdefault("duplicates", "sum" if options.method == "line" else "last")
    settings |= {"drop_loops": options.method == "deepwalk", "n_threads": options.workers}
    if isinstance(graph, str | os.PathLike):
        return read_graph(graph, **settings)
    for name in ("delimiter", "implicit_ids", "format"):
        if settings.pop(name, None):
            raise OptionError(name, "a file to read", reading[name])
    weighted = settings.pop("weighted", False)
    if hasattr(graph, "edges") and hasattr(graph, "is_directed"):
        return _of_networkx(graph, weighted, settings)
    if hasattr(graph, "tocsr"):
        rows = graph.tocsr()
        return Graph.from_rows(rows.indptr.astype(np.int64), rows.indices, rows.data, **settings)
    return Graph.from_edges(graph, **settings)


def _of_networkx(graph: Any, weighted: bool, settings: dict[str, Any]) -> Graph:
    settings.setdefault("directed", bool(graph.is_directed()))
    names = [str(node) for node in graph.nodes]
    places = {node: place for place, node in enumerate(graph.nodes)}
    edges = [(places[u], places[v]) for u, v in graph.edges()]
    weights = None
    if weighted:
        weights = [data.get("weight", 1.0) for _, _, data in graph.edges(data=True)]
    pairs = np.array(edges, np.int32).reshape(-1, 2)
    return Graph.from_edges(pairs, weights, ids=names, **settings)


def vectors_of(graph: Graph, options: GraphOptions, trained: TrainedGraph) -> KeyedVectors:
    """The trained rows under the nodes' names."""
    names = [graph.ids[k] for k in trained.order.tolist()]
    vectors = KeyedVectors.from_vectors(names, trained.vectors, trained.counts)
    vectors.metadata = {
        "made_by": f"wordvec graph --method {options.method}",
        "options": dataclasses.asdict(options),
        "graph": {"n_nodes": graph.n_nodes, "n_stored_edges": graph.n_stored,
                  "directed": graph.directed, "weighted": graph.weights is not None},
        "notes": graph.notes,
        "losses": [outcome.loss for outcome in trained.outcomes],
        "interrupted": trained.interrupted,
    }  # fmt: skip
    return vectors
