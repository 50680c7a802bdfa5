"""Random walks over a Graph as a source of ids: made where they are needed, never written down.

Walks are numbered; walk k belongs to round k // n_nodes, and each round starts once from every
node, in an order of its own.  What a walk is depends on the seed and its number alone.
"""

from __future__ import annotations

import itertools
import os
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import OptionError
from wordvec.files import OutputFile
from wordvec.graph import Graph
from wordvec.graphoptions import GraphOptions
from wordvec.kernels import walks as kernel
from wordvec.progress import Progress, Reporter, silent
from wordvec.threads import Stop, run_workers

# Walks up to this many bytes stay in memory after they were counted; others are made again.
KEPT_BYTES = 64 << 20
_WALK_TOKENS = 1 << 14  # of one piece of work

Numbers = NDArray[np.int32]
Starts = NDArray[np.int64]


class WalkSource:
    """The walks of a graph under some options.

    After `count`, `numbers` int32[n_nodes] ranks the nodes by falling number of visits (equal
    ones by node), and `counts` int64[n_nodes] holds the visits in that order; from then on walks
    are given in these numbers, as training wants them.
    """

    def __init__(self, graph: Graph, options: GraphOptions) -> None:
        if options.extend and graph.directed:
            raise OptionError("extend", "an undirected graph", True)
        self.graph = graph
        self.length = options.walk_length
        self.n_walks = options.num_walks * graph.n_nodes
        self.walker = make_walker(graph, options)
        self.walks_at_once = max(1, _WALK_TOKENS // self.length)
        self.numbers: Numbers | None = None
        self.counts: Starts = np.zeros(graph.n_nodes, np.int64)
        self._kept: dict[int, tuple[Numbers, Starts]] = {}
        self._keeps = 4 * self.n_walks * self.length <= KEPT_BYTES

    @property
    def order(self) -> NDArray[np.int64]:
        """int64[n_nodes]: the node of each rank."""
        assert self.numbers is not None
        order = np.empty(len(self.numbers), np.int64)
        order[self.numbers] = np.arange(len(order))
        return order

    def count(self, n_threads: int, reporter: Reporter = silent) -> None:
        """Make all walks once and rank the nodes.  KeyboardInterrupt when interrupted."""
        visits = np.zeros(self.graph.n_nodes, np.int64)
        turns = itertools.count()
        lock = threading.Lock()
        n_done = 0

        def work(_: int, stop: Stop) -> None:
            nonlocal n_done
            while not stop.requested:
                with lock:
                    first = next(turns) * self.walks_at_once
                    n_done = min(first, self.n_walks)
                if first >= self.n_walks:
                    return
                end = min(first + self.walks_at_once, self.n_walks)
                self.walker.count_visits(first, end, visits)

        def kept_work(_: int, stop: Stop) -> None:
            nonlocal n_done
            own = np.zeros(len(visits), np.int64)
            while not stop.requested:
                with lock:
                    first = next(turns) * self.walks_at_once
                    n_done = min(first, self.n_walks)
                if first >= self.n_walks:
                    break
                ids, starts = self._made(first, min(first + self.walks_at_once, self.n_walks))
                self._kept[first] = ids, starts
                own += np.bincount(ids, minlength=len(own))
            with lock:
                visits[:] += own

        def tick() -> None:
            reporter(Progress("walks", "walks", n_done, self.n_walks, 0.0, 0.0))

        if run_workers(kept_work if self._keeps else work, n_threads, tick).interrupted:
            raise KeyboardInterrupt
        order = np.argsort(-visits, kind="stable")
        numbers = np.empty(len(order), np.int32)
        numbers[order] = np.arange(len(order), dtype=np.int32)
        self.numbers, self.counts = numbers, visits[order]
        for ids, _starts in self._kept.values():
            ids[:] = numbers[ids]

    def walks(self, first: int, end: int) -> tuple[Numbers, Starts]:
        """(ids, starts) of the walks [first, end); walk first + k is ids[starts[k]:starts[k+1]].

        Nodes before `count`, ranks after it.
        """
        if first in self._kept and end - first == len(self._kept[first][1]) - 1:
            return self._kept[first]
        return self._made(first, end)

    def _made(self, first: int, end: int) -> tuple[Numbers, Starts]:
        ids = np.empty((end - first) * self.length, np.int32)
        starts = np.empty(end - first + 1, np.int64)
        n = self.walker.walks(first, end, ids, starts, self.numbers)
        return ids[:n], starts

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write all walks as lines of node ids with a blank between them."""
        names = [self.graph.ids.word_bytes(k) for k in range(self.graph.n_nodes)]
        with OutputFile(path) as output:
            for first in range(0, self.n_walks, self.walks_at_once):
                end = min(first + self.walks_at_once, self.n_walks)
                ids = np.empty((end - first) * self.length, np.int32)
                starts = np.empty(end - first + 1, np.int64)
                self.walker.walks(first, end, ids, starts)
                for low, high in itertools.pairwise(starts.tolist()):
                    output.stream.write(
                        b" ".join(map(names.__getitem__, ids[low:high].tolist())) + b"\n"
                    )


def make_walker(graph: Graph, options: GraphOptions) -> kernel.Walker:
    """The walker that a method asks for; DeepWalk's takes no notice of weights."""
    settings: dict[str, Any] = {"length": options.walk_length, "seed": options.seed}
    if options.method == "deepwalk" or graph.weights is None:
        # Without weights node2vec+ is node2vec: no edge is below the mean of equal ones.
        return kernel.Walker(graph.starts, graph.neighbours, p=options.p, q=options.q, **settings)
    thetas = None
    if options.extend:
        thetas = kernel.noise_thresholds(graph.starts, graph.weights, options.gamma)
    return kernel.Walker(
        graph.starts, graph.neighbours, graph.weights, graph.aliases(options.workers), thetas,
        p=options.p, q=options.q, **settings,
    )  # fmt: skip
