"""Node vectors: karate's factions, LINE's formula, the judges."""

import json
import signal
import subprocess
import time

import numpy as np
import pytest

import wordvec
from wordvec.errors import CorpusError, FormatError, OptionError, TrainingError
from wordvec.evaluate import links, logistic, nodes
from wordvec.graph import Graph
from wordvec.graphoptions import graph_options
from wordvec.kernels import sgd
from wordvec.memory import zero_rows
from wordvec.models.node2vec import Node2Vec

# Two groups of eight, all joined among themselves, and one edge between them.
PAIRS = [(f"{g}{a}", f"{g}{b}") for g in "xy" for a in range(8) for b in range(a)] + [("x0", "y0")]
SMALL = {"vector_size": 16, "walk_length": 20, "num_walks": 20, "window": 3, "workers": 1}


def separates(vectors):
    """Whether the groups are those of the vectors' first axis of difference."""
    rows = np.array([vectors[f"{g}{k}"] for g in "xy" for k in range(8)])
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    within = (rows[:8] @ rows[:8].T).mean() + (rows[8:] @ rows[8:].T).mean()
    return within / 2 > (rows[:8] @ rows[8:].T).mean() + 0.2


@pytest.mark.parametrize("method", ["node2vec", "deepwalk"])
@pytest.mark.parametrize("workers", [1, 3])
def test_groups_of_a_graph_come_apart(method, workers):
    model = Node2Vec(PAIRS, method=method, epochs=5, **{**SMALL, "workers": workers})
    assert separates(model.wv) and len(model.wv) == 16
    counts = [model.wv.get_vecattr(name, "count") for name in model.wv.index_to_key]
    assert counts == sorted(counts, reverse=True) and sum(counts) == 16 * 20 * 20
    assert np.array_equal(model.get_embedding()[0], model.wv["x1"])


@pytest.mark.parametrize("order", ["1", "2", "both"])
def test_line_of_each_order(order):
    model = Node2Vec(PAIRS, method="line", order=order, vector_size=16, samples=0.3, workers=1)
    assert separates(model.wv) and model.wv.index_to_key == list(model.graph.ids)
    if order == "both":
        halves = model.wv.vectors.reshape(16, 2, 8)
        np.testing.assert_allclose(np.linalg.norm(halves, axis=2), 1, rtol=1e-5)


def test_one_thread_one_seed_the_same_vectors():
    for method in ("node2vec", "deepwalk", "line"):
        settings = {"method": method, "workers": 1, "vector_size": 16}
        if method == "line":
            settings["samples"] = 0.01
        first, again, other = (
            Node2Vec(PAIRS, **settings, seed=seed).wv.vectors for seed in (1, 1, 2)
        )
        assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_isolated_nodes_keep_a_vector_and_rows_their_order():
    graph = Graph.from_edges(np.array([[0, 1], [1, 2]]), ids=["a", "b", "c", "alone"])
    model = Node2Vec(graph, rows="input", **SMALL)
    assert model.wv.index_to_key == ["a", "b", "c", "alone"] and model.wv["alone"].any()
    assert np.array_equal(model.get_embedding(), model.wv.vectors)


def test_what_may_be_a_graph(tmp_path):
    (tmp_path / "g.tsv").write_text("".join(f"{u}\t{v}\n" for u, v in PAIRS))
    expected = Node2Vec(PAIRS, **SMALL).wv
    assert np.array_equal(Node2Vec(tmp_path / "g.tsv", **SMALL).wv.vectors, expected.vectors)
    assert np.array_equal(wordvec.node2vec(PAIRS, **SMALL).vectors, expected.vectors)
    assert len(wordvec.deepwalk(PAIRS, workers=1)) == 16
    assert len(wordvec.line(PAIRS, workers=1, samples=0.01)) == 16
    expected.save(tmp_path / "v.npz")
    assert np.array_equal(wordvec.load(tmp_path / "v.npz")["x3"], expected["x3"])
    with pytest.raises(OptionError, match="delimiter"):
        Node2Vec(PAIRS, delimiter=",", **SMALL)
    with pytest.raises(TrainingError, match="fit"):
        Node2Vec().wv  # noqa: B018
    assert Node2Vec(**SMALL).fit(PAIRS).wv.vectors.shape == (16, 16)


@pytest.mark.parametrize(
    "settings, option",
    [
        ({"p": 0}, "p"), ({"q": -1}, "q"), ({"p": float("nan")}, "p"), ({"p": 1e7}, "p"),
        ({"walk_length": 0}, "walk_length"), ({"num_walks": 0}, "num_walks"),
        ({"gamma": float("nan")}, "gamma"), ({"extend": True, "directed": True}, "extend"),
        ({"method": "line", "order": "3"}, "order"), ({"method": "line", "samples": 0}, "samples"),
        ({"method": "line", "samples": -1}, "samples"), ({"method": "line", "hs": 1}, "hs"),
        ({"method": "line", "order": "both", "vector_size": 15}, "vector_size"),
        ({"method": "deepwalk", "p": 2}, "method"), ({"method": "x"}, "method"),
        ({"negative": 0}, "negative"), ({"unknown": 1}, "unknown"), ({"workers": 0}, "workers"),
    ],
)  # fmt: skip
def test_options_are_checked_before_the_graph_is_read(settings, option):
    with pytest.raises(OptionError) as caught:
        Node2Vec("/no/such/file", **settings)
    assert caught.value.option == option


def test_defaults_are_those_of_the_methods():
    deep = graph_options("deepwalk")
    assert (deep.walk_length, deep.window, deep.vector_size, deep.hs, deep.negative) == (
        40,
        5,
        64,
        1,
        0,
    )
    assert graph_options("deepwalk", negative=5).hs == 0
    assert graph_options(alpha=1e-5).min_alpha == 1e-5


# -- the kernel of pairs -------------------------------------------------------------------------


def rows(n, dim, seed):
    made = zero_rows(n, sgd.padded(dim))
    made[:, :dim] = np.random.default_rng(seed).normal(0, 0.3, (n, dim))
    return made


@pytest.mark.parametrize("n_pairs", [0, 1, 3, 15, 16, 17, 33, 300])
@pytest.mark.parametrize("dim", [1, 16, 33])
@pytest.mark.parametrize("one_matrix", [False, True])
def test_pairs_are_trained_as_the_formula_says(level, n_pairs, dim, one_matrix):
    """Noise is drawn from one node alone, so that the twin knows it."""
    n, noise = 9, 8
    aliases = np.stack([np.zeros(n), np.full(n, noise)], axis=1).astype(np.uint32)
    inputs = rows(n, dim, 1)
    outputs = inputs if one_matrix else rows(n, dim, 2)
    random = np.random.default_rng(n_pairs)
    ends = random.integers(0, n, (2, n_pairs)).astype(np.int32)
    twin_in, twin_out = inputs.astype(np.float64), outputs.astype(np.float64)
    if one_matrix:
        twin_out = twin_in
    for i, j in ends.T:
        if one_matrix and i == j:
            continue
        targets = [(j, 1.0)] + [(noise, 0.0)] * (2 if j != noise else 0)
        if one_matrix:
            targets = [(node, label) for node, label in targets if node != i]
        u = twin_in[i].copy()
        step = np.zeros_like(u)
        gradients = [
            0.1 * (label - 1 / (1 + np.exp(-twin_out[node] @ u))) for node, label in targets
        ]
        for (node, _), gradient in zip(targets, gradients, strict=True):
            step += gradient * twin_out[node]
            twin_out[node] += gradient * u
        twin_in[i] += step
    model = sgd.Model(inputs, outputs, aliases=aliases, negative=2, negatives="pair")
    sgd.Worker(model, 1).train_pairs(ends[0], ends[1], 5, 0.1)
    np.testing.assert_allclose(inputs, twin_in, atol=2e-5)
    np.testing.assert_allclose(outputs, twin_out, atol=2e-5)


def test_pairs_out_of_range_are_refused():
    model = sgd.Model(rows(4, 8, 1), rows(4, 8, 2), aliases=np.zeros((4, 2), np.uint32))
    worker = sgd.Worker(model, 1)
    for inputs, outputs in (([4], [0]), ([0], [-1]), ([0, 1], [0])):
        with pytest.raises(ValueError):
            worker.train_pairs(np.array(inputs, np.int32), np.array(outputs, np.int32), 1, 0.1)


# -- the judges ----------------------------------------------------------------------------------


def test_logistic_regression_is_at_its_optimum():
    random = np.random.default_rng(1)
    features = random.normal(size=(300, 7))
    labels = features[:, 0] + random.normal(size=300) > 0.8
    found = logistic.fit_logistic(features, labels)
    chances = 1 / (1 + np.exp(-logistic.scores_of(features, found)))
    gradient = features.T @ (chances - labels) + found[:-1]
    assert abs(gradient).max() < 1e-4 and abs((chances - labels).sum()) < 1e-4
    # Far apart: the penalty alone keeps the optimum finite.
    found = logistic.fit_logistic(np.array([[-9.0], [9.0]] * 40), np.arange(80) % 2 == 1)
    assert np.isfinite(found).all() and found[0] > 0
    with pytest.raises(ValueError, match="both kinds"):
        logistic.fit_logistic(features, np.ones(300, bool))


def test_f1_and_the_highest_classes():
    scores = np.array([[1.0, 1.0, 0], [0, -np.inf, 2], [1, np.inf, 0]])
    found = nodes.predicted(scores, np.array([1, 2, 1]))
    assert found.tolist() == [[True, False, False], [True, False, True], [False, True, False]]
    truth = np.array([[True, False, False], [False, False, True], [False, True, True]])
    macro, micro = nodes.f1_scores(truth, found)
    assert macro == pytest.approx((2 / 3 + 1 + 2 / 3) / 3) and micro == pytest.approx(
        2 * 3 / (4 + 4)
    )


def test_classes_of_nodes_and_bad_labels(tmp_path):
    vectors = Node2Vec(PAIRS, epochs=5, **SMALL).wv
    path = tmp_path / "labels.tsv"
    path.write_text(
        "# groups\n" + "".join(f"{g}{k}\t{g}\n" for g in "xy" for k in range(8)) + "who\tx\n"
    )
    score = nodes.evaluate_nodes(vectors, nodes.read_labels(path), n_splits=3)
    assert score.macro_mean > 0.7 and score.n_unknown == 1 and score.n_nodes == 16
    path.write_text("x1\n")
    with pytest.raises(FormatError, match="line 1"):
        nodes.read_labels(path)
    path.write_text("who\tx\n")
    with pytest.raises(CorpusError, match="0 of 1 nodes"):
        nodes.evaluate_nodes(vectors, nodes.read_labels(path))


def test_hidden_links():
    random = np.random.default_rng(3)
    edges = random.integers(0, 60, (400, 2))
    names = [str(k) for k in range(60)]
    hidden = links.split_links(edges, names, 0)
    known = {tuple(sorted(pair)) for pair in edges.tolist()}
    numbers = np.array([int(name) for name in hidden.names])
    for kind, is_edge in (("train", True), ("test", True), ("none", False), ("matched", False)):
        pairs = numbers[getattr(hidden, kind)]
        assert all((tuple(sorted(pair)) in known) == is_edge for pair in pairs.tolist()), kind
    assert len(hidden.none) == len(hidden.test) and len(hidden.train_none) == len(hidden.train)
    score = links.evaluate_links(
        edges, names, lambda n, e: dict(zip(n, random.normal(size=(len(n), 4)), strict=True))
    )
    assert set(score.uniform) == set(links.SCORES) and 0.3 < score.uniform["cosine"] < 0.7
    with pytest.raises(CorpusError, match="10 edges"):
        links.split_links(edges[:5], names, 0)
    assert links.auc(np.array([1.0, 2]), np.array([0.0, 1])) == 0.875


# -- the command ---------------------------------------------------------------------------------


@pytest.fixture
def inside(tmp_path, monkeypatch, capfdbinary):
    """The command in this process, in an empty folder: (exit code, stdout, stderr)."""
    from wordvec_cli import main

    def run(*arguments):
        monkeypatch.chdir(tmp_path)
        try:
            code, text = main.invoke([str(argument) for argument in arguments]), ""
        except Exception as error:
            code, text = main.exit_code_of(error), main.explain(error) + "\n"
        written = capfdbinary.readouterr()
        return code, written.out.decode(), written.err.decode() + text

    return run


@pytest.fixture
def edge_file(tmp_path):
    path = tmp_path / "g.tsv"
    path.write_text("".join(f"{u}\t{v}\n" for u, v in PAIRS))
    return path


def test_graph_and_its_scores(wordvec, edge_file, tmp_path):
    done = wordvec(
        "graph", edge_file, "-o", "v.emb", "--dimensions", "16", "--walks-out", "walks.txt"
    )
    assert done.returncode == 0, done.stderr
    assert b"16 nodes" in done.stdout and (tmp_path / "v.emb").read_text().startswith("16 16\n")
    assert (tmp_path / "walks.txt").read_text().count("\n") == 160
    (tmp_path / "l.tsv").write_text("".join(f"{g}{k}\t{g}\n" for g in "xy" for k in range(8)))
    done = wordvec("eval", "graph", "v.emb", "--labels", "l.tsv", "--json")
    assert json.loads(done.stdout)["labels"]["v.emb"]["n_classes"] == 2
    circle = "".join(f"{k} {(k + step) % 40}\n" for k in range(40) for step in (1, 2, 3))
    (tmp_path / "circle.txt").write_text(circle)
    done = wordvec("eval", "graph", "--links", "circle.txt", "--splits", "1", "--dim", "8")
    assert done.returncode == 0 and b"degree product" in done.stdout


@pytest.mark.parametrize(
    "arguments, piece",
    [
        (["--p", "0"], "--p: expected a number from 1e-06"),
        (["--walk-length", "0"], "--walk-length"),
        (["--extend", "--directed"], "--extend: expected an undirected graph"),
        (["--order", "1"], "only with --method line"),
        (["--method", "line", "--order", "3"], "'3' is not one of"),
        (["--method", "line", "--samples", "0"], "--samples"),
        (["--weighted"], "line 1: expected a weight in the third column"),
        (["--delimiter", "ab"], "--delimiter: expected one ASCII character"),
        (["--input", "other"], "name one graph"),
    ],
)
def test_bad_usage_exits_2_with_one_line(inside, edge_file, arguments, piece):
    code, _, errors = inside("graph", edge_file, "-o", "v.txt", *arguments)
    assert code == 2 and errors.count("\n") == 1 and piece in errors


def test_ids_with_blanks_are_refused_before_the_training(inside, tmp_path):
    (tmp_path / "b.tsv").write_text("New York\tLa Paz\nLa Paz\tx\n")
    for out in ("v.txt", "v.bin"):
        code, _, errors = inside("graph", "b.tsv", "-o", out, "--num-walks", "100000000")
        assert code == 2 and "'New York' holds a blank" in errors and ".npz" in errors
    assert inside("graph", "b.tsv", "-o", "v.npz")[0] == 0
    with np.load(tmp_path / "v.npz") as archive:
        assert sorted(archive["IDs"].tolist()) == ["La Paz", "New York", "x"]
        assert archive["data"].shape == (3, 128)


def test_the_tools_take_their_flags(inside, edge_file, tmp_path):
    (tmp_path / "line.txt").write_text("".join(f"{u} {v} 1\n{v} {u} 1\n" for u, v in PAIRS))
    (tmp_path / "g.adjlist").write_text("".join(f"{u} {v}\n" for u, v in PAIRS))
    for arguments in (
        ("node2vec", "--inp", edge_file, "--output", "a.emb", "--dim", "8", "--workers", "2"),
        ("pecanpy", "--input", edge_file, "--output", "b.emb", "--mode", "PreComp", "--dimensions",
         "8", "--random_state", "3"),
        ("pecanpy", "--input", edge_file, "--output", "c.npz", "--task", "tocsr"),
        ("pecanpy", "--input", "c.npz", "--output", "d.npz", "--dimensions", "8", "--extend"),
        ("pecanpy", "--input", edge_file, "--output", "dense.npz", "--task", "todense"),
        ("deepwalk", "--input", "g.adjlist", "--output", "e.emb", "--representation-size", "8",
         "--undirected", "False"),
        ("line", "-train", "line.txt", "-output", "f.emb", "-size", "8", "-samples", "0.01"),
        ("line", "-train", "line.txt", "-output", "g.bin", "-size", "8", "-binary", "1", "-order",
         "1", "-samples", "0.01"),
    ):  # fmt: skip
        code, output, errors = inside("graph", *arguments)
        assert code == 0 and not output, errors
    from wordvec import load, read_graph

    for name in ("a.emb", "b.emb", "d.npz", "e.emb", "f.emb", "g.bin"):
        assert load(tmp_path / name).matrix.shape == (16, 8)
    plain = read_graph(edge_file)
    for name in ("c.npz", "dense.npz"):
        assert np.array_equal(read_graph(tmp_path / name).neighbours, plain.neighbours)


@pytest.mark.parametrize(
    "arguments, piece",
    [
        (("node2vec", "--input", "missing", "--output", "o"), "missing: no such file"),
        (("node2vec", "--dims", "3"), "unrecognized"),
        (("pecanpy", "--output", "o"), "--input"),
        (("pecanpy", "--input", "g.tsv", "--output", "o", "--mode", "PreCompFirstOrder", "--p",
          "2"),
         "expected --p 1 --q 1"),
        (("line", "-train", "g.tsv", "-output", "o"), "a weight in the third column"),
        (("line", "-train", "g.tsv", "-output", "o", "-order", "3"), "-order: expected 1 or 2"),
        (("deepwalk", "--input", "g.tsv", "--output", "o", "--format", "x"), "--format"),
    ],
)  # fmt: skip
def test_the_tools_say_what_is_wrong(inside, edge_file, arguments, piece):
    code, _, errors = inside("graph", *arguments)
    assert code == 2 and piece in errors and errors.count("\n") == 1


def test_ctrl_c_saves_what_is_there(command, command_environment, edge_file, tmp_path):
    process = subprocess.Popen(
        [*command, "graph", str(edge_file), "-o", "v.wordvec", "--epochs", "1000000"],
        cwd=tmp_path, env=command_environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert b"16 nodes" in process.stdout.readline()
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and b"interrupted; the vectors so far" in out
    vectors = wordvec.load(tmp_path / "v.wordvec")
    assert vectors.metadata["interrupted"] is True and np.isfinite(vectors.matrix).all()


def test_gensim_reads_node_vectors(inside, edge_file, tmp_path):
    gensim = pytest.importorskip("gensim.models")
    assert inside("graph", edge_file, "-o", "v.emb", "--dim", "8")[0] == 0
    found = gensim.KeyedVectors.load_word2vec_format(tmp_path / "v.emb")
    assert np.array_equal(found.vectors, wordvec.load(tmp_path / "v.emb").matrix)
