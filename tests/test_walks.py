"""Walks against their definition, and for any number of threads."""

import collections
import itertools

import numpy as np
import pytest
import reference_graphs as reference

from wordvec.errors import OptionError
from wordvec.graph import Graph
from wordvec.graphoptions import graph_options
from wordvec.kernels import walks as kernel
from wordvec.walks import WalkSource


def random_graph(n_nodes, chance, seed, weighted):
    random = np.random.default_rng(seed)
    pairs = [
        (u, v) for u, v in itertools.combinations(range(n_nodes), 2) if random.random() < chance
    ]
    weights = (random.random(len(pairs)) * 3 + 0.05).astype(np.float32) if weighted else None
    graph = Graph.from_edges(
        np.array(pairs, np.int32), weights, ids=[str(k) for k in range(n_nodes)]
    )
    edges = [
        (u, v, 1.0 if weights is None else float(weights[k])) for k, (u, v) in enumerate(pairs)
    ]
    return graph, reference.rows_of(edges)


def all_walks(graph, **settings):
    source = WalkSource(graph, graph_options(**settings))
    ids, starts = source.walks(0, source.n_walks)
    return [ids[a:b].tolist() for a, b in itertools.pairwise(starts.tolist())]


def chi_square_per_freedom(walks, rows, p, q, theta=None):
    seen = collections.Counter()
    for walk in walks:
        seen.update(zip(walk, walk[1:], walk[2:], strict=False))
    total, freedom = 0.0, 0
    for t, v in {(t, v) for t, v, _ in seen}:
        expected = reference.chances(rows, t, v, p, q, theta)
        n = sum(seen[t, v, x] for x in expected)
        if n * min(expected.values()) < 5:
            continue
        total += sum((seen[t, v, x] - n * c) ** 2 / (n * c) for x, c in expected.items())
        freedom += len(expected) - 1
        assert all(x in expected for (a, b, x) in seen if (a, b) == (t, v))
    assert freedom > 100
    return total / freedom


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("p, q", [(1, 1), (4, 0.5), (0.25, 2), (0.02, 1), (1, 0.02)])
def test_steps_have_the_chances_of_node2vec(p, q, weighted):
    graph, rows = random_graph(12, 0.45, 1, weighted)
    walks = all_walks(graph, p=p, q=q, num_walks=300, seed=3)
    assert abs(chi_square_per_freedom(walks, rows, p, q) - 1) < 0.25


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, -5.0])
def test_steps_have_the_chances_of_node2vec_plus(gamma):
    graph, rows = random_graph(12, 0.45, 2, True)
    theta = reference.thetas(rows, gamma)
    found = kernel.noise_thresholds(graph.starts, graph.weights, gamma)
    np.testing.assert_allclose(found, [theta[k] for k in range(12)], rtol=1e-6, atol=1e-7)
    walks = all_walks(graph, p=2, q=0.3, num_walks=300, seed=5, extend=True, gamma=gamma)
    assert abs(chi_square_per_freedom(walks, rows, 2, 0.3, theta) - 1) < 0.25


def test_a_wrong_definition_is_found():
    graph, rows = random_graph(12, 0.45, 1, True)
    walks = all_walks(graph, p=4, q=0.5, num_walks=300)
    assert chi_square_per_freedom(walks, rows, 1, 1) > 2


def test_without_weights_node2vec_plus_is_node2vec():
    graph, _ = random_graph(12, 0.45, 1, False)
    same = np.ones(graph.n_stored, np.float32) * np.float32(0.1)
    weighted = Graph(graph.ids, graph.starts, graph.neighbours, same)
    plain = all_walks(weighted, p=4, q=0.5, num_walks=50)
    assert all_walks(weighted, p=4, q=0.5, num_walks=50, extend=True) == plain


def test_direction_is_from_where_the_walk_comes():
    """The edge that counts leads from t to x: with t->v, v->x, x->t alone it is 1/q."""
    edges = [("t", "v"), ("v", "x"), ("x", "t"), ("v", "y"), ("t", "y"), ("y", "t")]
    graph = Graph.from_edges(edges, directed=True)
    walks = all_walks(graph, q=1e6, num_walks=50)
    names = list(graph.ids)
    after = collections.Counter(
        names[c] for w in walks for a, b, c in zip(w, w[1:], w[2:], strict=False)
        if (names[a], names[b]) == ("t", "v")
    )  # fmt: skip
    assert after["y"] > 40 and after["x"] == 0


@pytest.mark.parametrize("n_nodes", [1, 2, 3, 4, 5, 15, 16, 17, 33, 300])
def test_every_round_starts_once_from_every_node(n_nodes):
    orders = [kernel.shuffled_nodes(n_nodes, 7, k).tolist() for k in range(4)]
    assert all(sorted(order) == list(range(n_nodes)) for order in orders)
    if n_nodes > 10:
        assert len(set(map(tuple, orders))) == 4 and orders[0] != list(range(n_nodes))


@pytest.mark.parametrize("length", [1, 2, 16, 80])
def test_walks_stop_at_dead_ends_and_isolated_nodes(length):
    graph = Graph.from_edges(
        np.array([[0, 1], [1, 2]]), ids=["a", "b", "c", "alone"], directed=True
    )
    walks = all_walks(graph, walk_length=length, num_walks=3)
    assert len(walks) == 12
    for walk in walks:
        whole = {0: [0, 1, 2], 1: [1, 2], 2: [2], 3: [3]}[walk[0]]
        assert walk == whole[:length]
    assert graph.n_isolated == 1 and "nodes without an edge: 1" in graph.notes


@pytest.mark.parametrize("p", [1.0, 0.25])
def test_the_same_walks_for_any_number_of_threads(p):
    graph, _ = random_graph(40, 0.2, 4, True)
    found = []
    for n_threads, walks_at_once, keeps in ((1, 7, True), (3, 7, False), (4, 1000, True)):
        source = WalkSource(graph, graph_options(p=p, num_walks=5, walk_length=33))
        source.walks_at_once, source._keeps = walks_at_once, keeps
        source.count(n_threads)
        first = [source.walks(k, min(k + walks_at_once, source.n_walks))[0]
                 for k in range(0, source.n_walks, walks_at_once)]  # fmt: skip
        found.append(
            (np.concatenate(first).tolist(), source.order.tolist(), source.counts.tolist())
        )
    assert found[0] == found[1] == found[2]
    ids, _, counts = found[0]
    assert np.bincount(ids, minlength=40).tolist() == counts == sorted(counts, reverse=True)
    other = WalkSource(graph, graph_options(p=p, num_walks=5, walk_length=33, seed=2))
    assert other.walks(0, 200)[0].tolist() != ids


def test_edges_are_drawn_by_weight():
    from wordvec.kernels.sampling import alias_table

    graph, rows = random_graph(12, 0.45, 1, True)
    walker = kernel.Walker(graph.starts, graph.neighbours, graph.weights, graph.aliases())
    from_ends, to_ends = np.empty(400_000, np.int32), np.empty(400_000, np.int32)
    walker.draw_edges(alias_table(graph.strengths()), 5, from_ends, to_ends)
    seen = collections.Counter(zip(from_ends.tolist(), to_ends.tolist(), strict=True))
    total = sum(sum(row.values()) for row in rows.values())
    chi = sum((seen[u, v] - 400_000 * w / total) ** 2 / (400_000 * w / total)
              for u, row in rows.items() for v, w in row.items())  # fmt: skip
    assert sum(seen.values()) == 400_000 and 0.6 < chi / (graph.n_stored - 1) < 1.4


def test_walkers_refuse_what_does_not_fit():
    starts, neighbours = np.array([0, 1, 2]), np.array([1, 0], np.int32)
    weights = np.ones(2, np.float32)
    for arguments in (
        (np.array([0, 2, 1]), neighbours), (starts, np.array([1, 2], np.int32)),
        (starts, neighbours, weights),
    ):  # fmt: skip
        with pytest.raises(ValueError):
            kernel.Walker(*arguments)
    walker = kernel.Walker(starts, neighbours, length=10)
    with pytest.raises(ValueError, match="do not fit"):
        walker.walks(0, 2, np.empty(19, np.int32), np.empty(3, np.int64))
    graph = Graph.from_edges([("a", "b")], directed=True)
    with pytest.raises(OptionError, match="extend"):
        WalkSource(graph, graph_options(extend=True))


def test_walks_are_written_as_lines(tmp_path):
    graph = Graph.from_edges([("a", "b"), ("b", "c")])
    source = WalkSource(graph, graph_options(num_walks=2, walk_length=4))
    source.count(1)
    source.write(tmp_path / "walks.txt")
    lines = [line.split() for line in (tmp_path / "walks.txt").read_text().splitlines()]
    assert len(lines) == 6 and all(len(line) == 4 for line in lines)
    assert sorted(line[0] for line in lines) == sorted("aabbcc")
    assert all(
        {a, b} in ({"a", "b"}, {"b", "c"}) for line in lines for a, b in itertools.pairwise(line)
    )
