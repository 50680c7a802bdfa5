"""Graph: nodes with names and rows of neighbours (CSR), made from edges in any form.

Edges come as blocks of pairs of node numbers (EdgeBlocks), from files (wordvec.edgefiles) or
arrays; EdgeBlocks.graph puts them into rows, sorts and merges them, in several threads and with
the same result for any number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import CorpusError, OptionError
from wordvec.kernels import edges as kernel
from wordvec.kernels import walks
from wordvec.memory import need_bytes
from wordvec.spill import IdPieces, MemoryShare, fresh_ids
from wordvec.threads import run_workers
from wordvec.words import WordList

DUPLICATES = ("last", "sum")
# Edges beyond this wait on disk until the rows are made.
EDGE_MEMORY = 16 << 20
MAX_NODES = 2**31 - 1

Pairs = NDArray[np.int32]
Starts = NDArray[np.int64]


@dataclass
class Graph:
    """A graph as rows of neighbours.

    ids         names of the nodes, in order of first appearance
    starts      int64[n_nodes + 1]
    neighbours  int32[n_stored]: those of node u are neighbours[starts[u]:starts[u + 1]], rising;
                an undirected edge is stored in both rows, a self loop once
    weights     float32[n_stored], positive; None: all 1
    directed    whether only the direction u -> v of an edge is stored
    notes       one line for each thing that was dropped, merged or ignored

    The arrays belong to the graph and are not changed any more.
    """

    ids: WordList
    starts: Starts
    neighbours: NDArray[np.int32]
    weights: NDArray[np.float32] | None
    directed: bool = False
    notes: list[str] = field(default_factory=list)
    _aliases: NDArray[np.uint32] | None = field(default=None, repr=False)

    @property
    def n_nodes(self) -> int:
        return len(self.starts) - 1

    @property
    def n_stored(self) -> int:
        """Entries of all rows: an undirected edge between two nodes is two."""
        return len(self.neighbours)

    @property
    def n_isolated(self) -> int:
        """Nodes that no edge ends at, nor begins."""
        is_alone = np.diff(self.starts) == 0
        if self.directed and is_alone.any():
            is_alone[self.neighbours] = False
        return int(is_alone.sum())

    def __repr__(self) -> str:
        kind = "directed" if self.directed else "undirected"
        return f"<{kind} graph of {self.n_nodes:,} nodes, {self.n_stored:,} stored edges>"

    def strengths(self) -> NDArray[np.float64]:
        """float64[n_nodes]: the sum of the weights that leave each node."""
        if self.weights is None:
            return np.diff(self.starts).astype(np.float64)
        # reduceat would take the next row's first entry for an empty row.
        totals = np.zeros(self.n_nodes)
        filled = np.flatnonzero(np.diff(self.starts))
        if len(filled):
            totals[filled] = np.add.reduceat(self.weights, self.starts[filled], dtype=np.float64)
        return totals

    def aliases(self, n_threads: int = 1) -> NDArray[np.uint32] | None:
        """uint32[n_stored, 2]: the alias tables of the rows, made once; None without weights."""
        if self.weights is not None and self._aliases is None:
            weights = self.weights
            made = fresh_ids(2 * self.n_stored).view(np.uint32).reshape(-1, 2)
            in_ranges(
                self.starts,
                n_threads,
                lambda low, high: walks.row_aliases(self.starts, weights, made, low, high),
            )
            self._aliases = made
        return self._aliases

    def edges(self) -> Pairs:
        """int32[n, 2]: (u, v) of all edges, u <= v and each once unless directed."""
        sources = np.repeat(np.arange(self.n_nodes, dtype=np.int32), np.diff(self.starts))
        pairs = np.stack([sources, self.neighbours], axis=1)
        return pairs if self.directed else pairs[pairs[:, 0] <= pairs[:, 1]]

    @classmethod
    def from_edges(
        cls,
        edges: Any,
        weights: Any = None,
        *,
        ids: Sequence[str] | None = None,
        directed: bool = False,
        duplicates: str = "last",
        drop_loops: bool = False,
        n_threads: int = 1,
    ) -> Graph:
        """A graph of pairs: an integer array [n, 2], or an iterable of (u, v) or (u, v, weight).

        Without `ids` the nodes of an array are numbered by first appearance, and named by their
        numbers; with `ids` the numbers are places in it, and nodes without edges are kept.  Other
        names than numbers are taken as str.  CorpusError for what cannot be edges.
        """
        if not isinstance(edges, np.ndarray):
            edges, weights, ids = _numbered(edges, weights, ids)
        pairs = np.asarray(edges)
        if pairs.ndim != 2 or pairs.shape[1] != 2 or pairs.dtype.kind not in "iu":
            raise CorpusError(f"edges: expected integers [n, 2], found {pairs.dtype}{pairs.shape}")
        if len(pairs) and (pairs.min() < 0 or (ids is not None and pairs.max() >= len(ids))):
            raise CorpusError("edges: a node's number is negative or beyond the ids")
        if ids is None:
            pairs, ids = _by_appearance(pairs)
        checked = _checked_weights(weights, len(pairs))
        blocks = EdgeBlocks(directed, checked is not None, drop_loops, duplicates)
        kept = _kept_edges(blocks, np.ascontiguousarray(pairs, dtype=np.int32), checked)
        blocks.append(*kept)
        return blocks.graph(WordList.of(ids), n_threads)

    @classmethod
    def from_rows(
        cls,
        starts: Starts,
        neighbours: NDArray[np.int32],
        weights: NDArray[np.float32] | None = None,
        *,
        ids: Sequence[str] | None = None,
        directed: bool = False,
        duplicates: str = "last",
        drop_loops: bool = False,
        n_threads: int = 1,
    ) -> Graph:
        """A graph of rows (CSR) as other tools write them: in any order, with repeats and zeros.

        Undirected rows that hold both directions of every edge are taken as they are; others get
        the missing ones.  CorpusError for arrays that contradict each other.
        """
        rows = np.repeat(np.arange(len(starts) - 1, dtype=np.int32), np.diff(starts))
        names = [str(n) for n in range(len(starts) - 1)] if ids is None else ids
        pairs = np.stack([rows, neighbours.astype(np.int32, copy=False)], axis=1)
        settings: dict[str, Any] = {
            "ids": names, "duplicates": duplicates, "drop_loops": drop_loops,
            "n_threads": n_threads,
        }  # fmt: skip
        graph = cls.from_edges(pairs, weights, directed=True, **settings)
        if directed:
            return graph
        if kernel.is_symmetric(graph.starts, graph.neighbours, graph.weights):
            graph.directed = False
            return graph
        return cls.from_edges(pairs, weights, directed=False, **settings)


def in_ranges(starts: Starts, n_threads: int, work: Callable[[int, int], Any]) -> list[Any]:
    """`work(low, high)` for ranges of rows with about as many entries, one for each thread."""
    n_rows = len(starts) - 1
    n_parts = max(1, min(n_threads, n_rows))
    shares = np.linspace(0, int(starts[-1]), n_parts + 1)[1:-1]
    cuts = [0, *np.searchsorted(starts, shares).tolist(), n_rows]
    results: list[Any] = [None] * n_parts
    if n_parts == 1:
        return [work(0, n_rows)]

    def part(number: int, _: object) -> None:
        results[number] = work(min(cuts[number], n_rows), min(cuts[number + 1], n_rows))

    if run_workers(part, n_parts).interrupted:
        raise KeyboardInterrupt
    return results


class EdgeBlocks:
    """Edges on their way into rows: blocks in the order of the file, on disk beyond EDGE_MEMORY."""

    def __init__(self, directed: bool, weighted: bool, drop_loops: bool, duplicates: str) -> None:
        if duplicates not in DUPLICATES:
            raise OptionError("duplicates", " or ".join(map(repr, DUPLICATES)), duplicates)
        self.directed = directed
        self.weighted = weighted
        self.drop_loops = drop_loops
        self.sums = duplicates == "sum"
        self.share = MemoryShare(EDGE_MEMORY)
        self.pieces = IdPieces(self.share)
        self.blocks: list[tuple[int, Any, IdPieces]] = []
        self.numbers: list[Pairs] = []  # of each segment: its nodes' numbers in the graph
        self.degrees: list[Starts] = []  # of each segment, by its own numbers
        self.n_zero_weights = 0
        self.n_loops = 0
        self.n_third_fields = 0
        self.notes: list[str] = []

    def append(self, pairs: Pairs, weights: NDArray[np.float32] | None) -> None:
        """One block of edges whose numbers are the graph's."""
        flat = pairs.reshape(-1)
        self.keep(flat, weights, len(self.blocks), 0, self.pieces)

    def keep(
        self,
        flat: Pairs,
        weights: NDArray[np.float32] | None,
        number: int,
        segment: int,
        pieces: IdPieces,
    ) -> None:
        """Block `number` in the order of the edges; its nodes are those of a segment."""
        together = flat if weights is None else np.concatenate([flat, weights.view(np.int32)])
        if len(together):
            self.blocks.append((number, pieces.append(together, number, segment, False), pieces))

    def graph(self, ids: WordList, n_threads: int) -> Graph:
        """The rows of all edges.  WordvecError when they exceed the memory, CorpusError when there
        are no nodes or no edges."""
        n_nodes = len(ids)
        starts = self._room(n_nodes)
        n_places = int(starts[-1])
        if not n_nodes or not n_places:
            raise CorpusError("the graph has no edges" if n_nodes else "the graph has no nodes")
        has_weights = self.weighted or self.sums
        need_bytes(
            (8 if has_weights else 4) * n_places + 16 * n_nodes,
            f"{n_nodes:,} nodes with {n_places:,} stored edges",
            "take part of the graph",
        )
        neighbours = fresh_ids(n_places)
        weights = fresh_ids(n_places).view(np.float32) if has_weights else None
        cursors = starts[:-1].copy()
        for number, block, pieces in sorted(self.blocks, key=lambda item: item[0]):
            self._scatter(pieces.take(block), block.segment, starts, neighbours, weights, cursors,
                          n_threads)  # fmt: skip
            del number
        self.close()
        lengths = cursors
        counts = in_ranges(
            starts, n_threads,
            lambda low, high: kernel.merge_rows(
                starts, neighbours, weights, lengths, low, high, self.directed, self.sums
            ),
        )  # fmt: skip
        n_kept = kernel.pack_rows(starts, neighbours, weights, lengths)
        neighbours, weights = neighbours[:n_kept], None if weights is None else weights[:n_kept]
        if weights is not None and not np.isfinite(weights.sum(dtype=np.float64)):
            raise CorpusError("the sum of the weights of repeated edges is beyond all bounds")
        if weights is not None and (weights == 1).all():
            weights = None
        self._tell([sum(column) for column in zip(*counts, strict=True)])
        graph = Graph(ids, starts, neighbours, weights, self.directed, self.notes)
        if graph.n_isolated:
            self.notes.append(f"nodes without an edge: {graph.n_isolated:,}")
        return graph

    def _room(self, n_nodes: int) -> Starts:
        """Where the rows start before anything is merged."""
        degrees = np.zeros(n_nodes + 1, np.int64)
        if self.numbers:
            for numbers, own in zip(self.numbers, self.degrees, strict=True):
                degrees[numbers + 1] += own[: len(numbers)]
        else:
            for _, block, pieces in self.blocks:
                kernel.add_degrees(self._pairs_of(pieces.look(block)), degrees[1:], self.directed)
        return np.cumsum(degrees)

    def _pairs_of(self, together: Pairs) -> Pairs:
        return together[: len(together) // 3 * 2] if self.weighted else together

    def _scatter(
        self,
        together: Pairs,
        segment: int,
        starts: Starts,
        neighbours: Pairs,
        weights: NDArray[np.float32] | None,
        cursors: Starts,
        n_threads: int,
    ) -> None:
        pairs = self._pairs_of(together)
        given = together[len(pairs) :].view(np.float32) if self.weighted else None
        if weights is not None and given is None:
            given = np.ones(len(pairs) // 2, np.float32)
        if self.numbers:
            kernel.renumber(pairs, self.numbers[segment])
        in_ranges(
            starts, n_threads,
            lambda low, high: kernel.scatter(
                pairs, given, cursors, starts, neighbours, weights, low, high, self.directed
            ),
        )  # fmt: skip

    def _tell(self, counts: list[int]) -> None:
        n_repeats, n_conflicts, n_loops = counts
        if n_conflicts and not self.sums:
            self.notes.append(
                f"edges given again with another weight: {n_conflicts:,}; the last one counts"
            )
        elif n_repeats and self.sums:
            self.notes.append(f"edges given again: {n_repeats:,}; their weights are added up")
        if self.n_zero_weights:
            self.notes.append(f"edges of weight 0 left out: {self.n_zero_weights:,}")
        if self.n_loops:
            self.notes.append(f"self loops left out: {self.n_loops:,}")
        elif n_loops:
            self.notes.append(f"self loops: {n_loops:,}")
        if self.n_third_fields:
            self.notes.append("a third column is ignored; to read it as weights, ask for weighted")

    def close(self) -> None:
        for pieces in {id(p): p for _, _, p in self.blocks}.values():
            pieces.close()
        self.blocks = []


# -- edges from Python ---------------------------------------------------------------------------


def _numbered(edges: Iterable[Any], weights: Any, ids: Any) -> tuple[Any, Any, Any]:
    """Pairs or triples of names as (pairs, weights, ids)."""
    if isinstance(edges, str | bytes):
        raise CorpusError(f"edges: expected pairs, found a text: {edges!r:.60}")
    numbers = {} if ids is None else {str(name): k for k, name in enumerate(ids)}
    pairs: list[tuple[int, int]] = []
    given: list[float] = []
    for number, edge in enumerate(edges):
        try:
            u, v, *rest = edge
        except TypeError:
            raise CorpusError(f"edge {number}: expected (u, v), found {edge!r:.60}") from None
        if len(rest) > 1 or isinstance(edge, str):
            raise CorpusError(
                f"edge {number}: expected (u, v) or (u, v, weight), found {edge!r:.60}"
            )
        given += map(float, rest)
        both = [numbers.setdefault(str(name), len(numbers)) for name in (u, v)]
        pairs.append((both[0], both[1]))
    if given and (weights is not None or len(given) != len(pairs)):
        raise CorpusError("edges: all with a weight, or none")
    array = np.array(pairs, np.int32).reshape(-1, 2)
    return array, given or weights, list(numbers)


def _by_appearance(pairs: NDArray[Any]) -> tuple[Pairs, list[str]]:
    values, first, inverse = np.unique(pairs, return_index=True, return_inverse=True)
    if len(values) > MAX_NODES:
        raise CorpusError(f"{len(values):,} nodes are more than {MAX_NODES:,}")
    order = np.argsort(first, kind="stable")
    places = np.empty(len(values), np.int32)
    places[order] = np.arange(len(values), dtype=np.int32)
    return places[inverse.reshape(pairs.shape)], [str(values[k]) for k in order]


def _checked_weights(weights: Any, n_edges: int) -> NDArray[np.float32] | None:
    if weights is None:
        return None
    array = np.asarray(weights)
    if array.shape != (n_edges,) or array.dtype.kind not in "iufb":
        raise CorpusError(f"weights: expected {n_edges} numbers, found {array.dtype}{array.shape}")
    with np.errstate(over="ignore"):
        made = array.astype(np.float32)
    bad = np.flatnonzero(~(np.isfinite(made) & (made >= 0)))
    if len(bad):
        raise CorpusError(
            f"weight {bad[0]}: expected a number of at least 0, found {array[bad[0]]}"
        )
    return made


def _kept_edges(
    blocks: EdgeBlocks, pairs: Pairs, weights: NDArray[np.float32] | None
) -> tuple[Pairs, NDArray[np.float32] | None]:
    """Without loops where they are dropped, and without edges of weight 0."""
    kept = np.ones(len(pairs), bool)
    if weights is not None:
        kept &= weights > 0
        blocks.n_zero_weights += int((~kept).sum())
    if blocks.drop_loops:
        is_loop = (pairs[:, 0] == pairs[:, 1]) & kept
        blocks.n_loops += int(is_loop.sum())
        kept &= ~is_loop
    if kept.all():
        return pairs, weights
    return pairs[kept], None if weights is None else weights[kept]
