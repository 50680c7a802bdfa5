"""Link prediction: are hidden edges nearer than pairs that are none?

With pairs drawn evenly, the product of the degrees alone often wins, since hidden edges lie at busy
nodes; so there are also pairs whose ends are as busy as those of edges, and both baselines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import CorpusError
from wordvec.evaluate.logistic import fit_logistic, scores_of
from wordvec.evaluate.nodes import natural_key

Pairs = NDArray[np.int64]
SCORES = ("cosine", "dot", "hadamard", "degree", "adamic_adar")
_TEST_SHARE = 0.2
_MOST_TRIES = 200


@dataclass(slots=True)
class LinkSplit:
    """Edges of one split as numbers of `names`, which has the nodes of the training graph.

    test, none, matched  int64[n, 2]: hidden edges, as many pairs that are none, and as many with
                         one end of an edge and one drawn by degree
    train, train_none    the same for the judge that learns
    """

    names: list[str]
    train: Pairs
    test: Pairs
    none: Pairs
    train_none: Pairs
    matched: Pairs
    n_dropped: int


@dataclass(slots=True)
class LinkScore:
    """Area under the curve by score, beside pairs drawn evenly and beside degree-matched ones."""

    split: int
    n_test: int
    n_dropped: int
    uniform: dict[str, float]
    matched: dict[str, float]


def split_links(edges: NDArray[Any], names: list[str], split: int) -> LinkSplit:
    """Hide a fifth of the edges.  edges int[n, 2]: places in `names`; direction, repeats and self
    loops count for nothing.  CorpusError when too few are left."""
    order = sorted(range(len(names)), key=lambda k: natural_key(names[k]))
    rank = np.empty(len(names), np.int64)
    rank[order] = np.arange(len(names))
    all_edges = np.sort(rank[np.asarray(edges, np.int64)], axis=1)
    all_edges = np.unique(all_edges[all_edges[:, 0] != all_edges[:, 1]], axis=0)
    if len(all_edges) < 10:
        raise CorpusError(f"link prediction needs 10 edges at least, found {len(all_edges)}")
    random = np.random.RandomState(split)
    shuffled = random.permutation(len(all_edges))
    n_test = int(_TEST_SHARE * len(all_edges))
    train = all_edges[np.sort(shuffled[n_test:])]
    test = all_edges[shuffled[:n_test]]
    nodes = np.unique(train)
    place = np.full(len(names), -1, np.int64)
    place[nodes] = np.arange(len(nodes))
    seen = (place[test] >= 0).all(axis=1)
    kept = place[test[seen]]
    whole = place[all_edges]
    whole = whole[(whole >= 0).all(axis=1)]
    taken = set(map(tuple, whole.tolist()))
    if not len(kept) or len(nodes) * (len(nodes) - 1) // 2 < 2 * len(taken) + len(train):
        raise CorpusError("link prediction: the graph has too few pairs that are no edges")
    none = _pairs_without_edge(random, len(nodes), len(kept), taken)
    train_none = _pairs_without_edge(random, len(nodes), len(train), taken)
    train = place[train]
    matched = _matched_pairs(random, kept, train, whole, len(nodes))
    return LinkSplit([names[order[k]] for k in nodes.tolist()], train, kept, none, train_none,
                     matched, n_test - len(kept))  # fmt: skip


def _pairs_without_edge(
    random: np.random.RandomState, n_nodes: int, n_wanted: int, taken: set[tuple[Any, ...]]
) -> Pairs:
    """Pairs drawn evenly; they join `taken`."""
    found: list[tuple[int, int]] = []
    while len(found) < n_wanted:
        a, b = sorted(random.randint(0, n_nodes, 2).tolist())
        if a == b or (a, b) in taken:
            continue
        taken.add((a, b))
        found.append((a, b))
    return np.array(found, np.int64)


def _matched_pairs(
    random: np.random.RandomState, test: Pairs, train: Pairs, whole: Pairs, n_nodes: int
) -> Pairs:
    """Of each hidden edge one end, with another that is drawn from the ends of training edges."""
    neighbours = neighbour_sets(whole, n_nodes)
    ends = train.reshape(-1)
    found = []
    for a in test[:, 0].tolist():
        for _ in range(_MOST_TRIES):
            b = int(ends[random.randint(len(ends))])
            if b != a and b not in neighbours[a]:
                found.append((a, b))
                break
    if not found:
        raise CorpusError("link prediction: every node is the neighbour of all others")
    return np.array(found, np.int64)


def neighbour_sets(edges: Pairs, n_nodes: int) -> list[set[int]]:
    """The neighbours of each node."""
    found: list[set[int]] = [set() for _ in range(n_nodes)]
    for a, b in edges.tolist():
        found[a].add(b)
        found[b].add(a)
    return found


def evaluate_links(
    edges: NDArray[Any],
    names: list[str],
    train: Callable[[list[str], Pairs], Any],
    split: int = 0,
) -> LinkScore:
    """Score one split.  `train(names, edges)` gives vectors (a mapping by name) of a graph with
    these edges, places in `names`."""
    hidden = split_links(edges, names, split)
    vectors = train(hidden.names, hidden.train)
    rows = np.array([vectors[name] for name in hidden.names], np.float64)
    sets = neighbour_sets(hidden.train, len(hidden.names))
    judge = _judge(rows, hidden)

    def scores(pairs: Pairs) -> dict[str, NDArray[np.float64]]:
        return _scores(pairs, rows, sets, judge)

    true = scores(hidden.test)
    other = [scores(hidden.none), scores(hidden.matched)]
    uniform, matched = ({name: auc(true[name], low[name]) for name in SCORES} for low in other)
    return LinkScore(split, len(hidden.test), hidden.n_dropped, uniform, matched)


def _judge(rows: NDArray[np.float64], hidden: LinkSplit) -> NDArray[np.float64]:
    """Logistic regression on products of both ends' numbers."""
    pairs = np.concatenate([hidden.train, hidden.train_none])
    is_edge = np.arange(len(pairs)) < len(hidden.train)
    return fit_logistic(rows[pairs[:, 0]] * rows[pairs[:, 1]], is_edge)


def _scores(
    pairs: Pairs,
    rows: NDArray[np.float64],
    neighbours: list[set[int]],
    judge: NDArray[np.float64],
) -> dict[str, NDArray[np.float64]]:
    products = rows[pairs[:, 0]] * rows[pairs[:, 1]]
    norms = np.linalg.norm(rows, axis=1)
    degrees = np.array([len(some) for some in neighbours], np.float64)
    dots = products.sum(axis=1)
    shared = np.zeros(len(pairs))
    for k, (a, b) in enumerate(pairs.tolist()):
        shared[k] = sum(1 / np.log(degrees[c]) for c in neighbours[a] & neighbours[b])
    return {
        "cosine": dots / np.maximum(norms[pairs[:, 0]] * norms[pairs[:, 1]], 1e-300),
        "dot": dots,
        "hadamard": scores_of(products, judge),
        "degree": degrees[pairs[:, 0]] * degrees[pairs[:, 1]],
        "adamic_adar": shared,
    }


def auc(high: NDArray[np.float64], low: NDArray[np.float64]) -> float:
    """The chance that one of `high` is above one of `low`; equal ones count half."""
    ordered = np.sort(low)
    below = np.searchsorted(ordered, high, "left") + np.searchsorted(ordered, high, "right")
    return float(below.sum() / (2 * len(high) * len(low)))
