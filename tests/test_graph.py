"""Edges to rows: files in many forms, the clean-up table, bad input; beside a plain Python twin."""

import bz2
import gzip
import lzma
import zipfile

import numpy as np
import pytest
import reference_graphs as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from wordvec import edgefiles
from wordvec import graph as graphs
from wordvec.edgefiles import read_graph
from wordvec.errors import CorpusError, FormatError, OptionError, WordvecError
from wordvec.graph import Graph
from wordvec.kernels import edges as kernel


def rows_of(graph):
    """The graph as the twin has it."""
    names = list(graph.ids)
    found = {name: {} for name in names}
    for u, name in enumerate(names):
        for k in range(graph.starts[u], graph.starts[u + 1]):
            weight = 1.0 if graph.weights is None else float(graph.weights[k])
            found[name][names[graph.neighbours[k]]] = weight
        assert sorted(graph.neighbours[graph.starts[u] : graph.starts[u + 1]]) == list(
            graph.neighbours[graph.starts[u] : graph.starts[u + 1]]
        )
    return found


def read(tmp_path, text, name="graph.tsv", **settings):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_graph(path, **settings)


EDGES = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "cc", "a longer id than sixteen bytes", "é", "7"]),
        st.sampled_from(["a", "b", "cc", "x", "7"]),
        st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.25]),
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(EDGES, st.booleans(), st.booleans(), st.booleans(), st.integers(1, 3))
def test_lines_become_the_rows_of_the_twin(
    tmp_path_factory, edges, directed, sums, drop, n_threads
):
    path = tmp_path_factory.mktemp("graph") / "graph.tsv"
    path.write_text("".join(f"{u}\t{v}\t{w}\n" for u, v, w in edges))
    settings = {"directed": directed, "drop_loops": drop, "n_threads": n_threads,
                "duplicates": "sum" if sums else "last"}  # fmt: skip
    expected = reference.rows_of(edges, directed, sums, drop)
    if not any(expected.values()):
        with pytest.raises(CorpusError, match="no edges"):
            read_graph(path, weighted=True, **settings)
        return
    graph = read_graph(path, weighted=True, **settings)
    assert rows_of(graph) == expected and list(graph.ids) == list(expected)
    again = Graph.from_edges(edges, **settings)
    assert rows_of(again) == expected


@pytest.mark.parametrize("n_edges", [1, 15, 16, 17, 33, 300, 3000])
def test_chunks_and_threads_change_nothing(tmp_path, monkeypatch, n_edges):
    random = np.random.default_rng(n_edges)
    pairs = random.integers(0, max(3, n_edges // 5), (n_edges, 2))
    text = "".join(f"node{u} node{v} {w:.3f}\n" for (u, v), w in
                   zip(pairs.tolist(), random.random(n_edges) + 0.1, strict=True))  # fmt: skip
    whole = read(tmp_path, text, weighted=True)
    for chunk, limit, n_threads in ((100, 1 << 20, 3), (5000, 0, 2)):
        monkeypatch.setattr(edgefiles, "CHUNK_BYTES", chunk)
        monkeypatch.setattr(graphs, "EDGE_MEMORY", limit)
        graph = read(tmp_path, text, weighted=True, n_threads=n_threads)
        assert list(graph.ids) == list(whole.ids) and graph.notes == whole.notes
        for name in ("starts", "neighbours", "weights"):
            assert np.array_equal(getattr(graph, name), getattr(whole, name))


def test_long_rows_are_sorted_and_merged(tmp_path):
    random = np.random.default_rng(1)
    others = random.integers(1, 70_000, 30_000)
    edges = np.stack([np.zeros_like(others), others], axis=1)
    graph = Graph.from_edges(edges, ids=[str(k) for k in range(70_000)])
    assert np.array_equal(graph.neighbours[: graph.starts[1]], np.unique(others))


@pytest.mark.parametrize(
    "text, settings, expected",
    [
        ("# note\n% more\n\n  a b  \r\nb c", {}, {"a": "b", "b": "ac", "c": "b"}),
        ("a\tb\n", {}, {"a": "b", "b": "a"}),
        ("a,b\nb,c\n", {"name": "g.csv"}, {"a": "b", "b": "ac", "c": "b"}),
        ("a;b\n", {"delimiter": ";"}, {"a": "b", "b": "a"}),
        ("a b c\nd\n", {"format": "adjlist"}, {"a": "bc", "b": "a", "c": "a", "d": ""}),
        ("a b\n", {"directed": True}, {"a": "b", "b": ""}),
        ("a a\na b\n", {"drop_loops": True}, {"a": "b", "b": "a"}),
        ("</s> b\n\0 b\n", {}, {"</s>": "b", "b": ["</s>", "\0"], "\0": "b"}),
    ],
)
def test_forms_of_lists(tmp_path, text, settings, expected):
    graph = read(tmp_path, text, **settings)
    assert {u: set(row) for u, row in rows_of(graph).items()} == {
        u: set(v) for u, v in expected.items()
    }
    assert graph.weights is None


def test_ids_keep_their_bytes_and_blanks(tmp_path):
    graph = read(tmp_path, b" New York \tLa\xff Paz\n")
    assert list(graph.ids) == ["New York", "La\udcff Paz"]


@pytest.mark.parametrize(
    "suffix, pack", [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)]
)
def test_packed_files(tmp_path, suffix, pack):
    graph = read(tmp_path, pack(b"a,b\n"), name="g.csv" + suffix)
    assert list(graph.ids) == ["a", "b"]


def test_notes_say_what_was_done(tmp_path):
    text = "a b 1\nb a 2\nc c 1\nd e 0\na b 2\n"
    graph = read(tmp_path, text, weighted=True)
    assert rows_of(graph)["a"] == {"b": 2.0} and rows_of(graph)["d"] == {}
    assert graph.notes == [
        "edges given again with another weight: 1; the last one counts",
        "edges of weight 0 left out: 1", "self loops: 1", "nodes without an edge: 2",
    ]  # fmt: skip
    graph = read(tmp_path, text, weighted=True, duplicates="sum", drop_loops=True)
    assert rows_of(graph)["a"] == {"b": 5.0}
    assert "self loops left out: 1" in graph.notes
    assert read(tmp_path, "a b 9\n").notes[-1].startswith("a third column is ignored")


@pytest.mark.parametrize(
    "text, settings, line, piece",
    [
        ("a b\n\n#\nc\n", {}, 4, "an edge, two node ids, found 'c'"),
        ("a b\n\t\n", {"delimiter": "\t"}, 1, "an edge"),
        ("a\tb\nc\t\n", {}, 2, "an edge"),
        ("a b 1\na c\n", {"weighted": True}, 2, "a weight in the third column"),
        ("a b 1\na c x\n", {"weighted": True}, 2, "a finite number as weight, found 'x'"),
        ("a b nan\n", {"weighted": True}, 1, "a finite number"),
        ("a b inf\n", {"weighted": True}, 1, "a finite number"),
        ("a b 1e39\n", {"weighted": True}, 1, "a finite number"),
        ("a b -0.5\n", {"weighted": True}, 1, "a weight of at least 0, found '-0.5'"),
        ("a b " + "1" * 200 + "\n", {"weighted": True}, 1, "a finite number"),
    ],
)
def test_bad_lines_are_named(tmp_path, text, settings, line, piece):
    with pytest.raises(FormatError, match=f"line {line}: ") as caught:
        read(tmp_path, text, **settings)
    assert piece in str(caught.value) and "graph.tsv" in str(caught.value)


def test_a_bad_line_far_into_the_file_is_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(edgefiles, "CHUNK_BYTES", 100)
    with pytest.raises(FormatError, match="line 501: "):
        read(tmp_path, gzip.compress(b"a b\n" * 500 + b"alone\n"), n_threads=3)


@pytest.mark.parametrize("text", ["", "# nothing\n", "\n\n"])
def test_nothing_is_no_graph(tmp_path, text):
    with pytest.raises(CorpusError, match="no nodes"):
        read(tmp_path, text)
    with pytest.raises(CorpusError, match="no edges"):
        read(tmp_path, "a\n", format="adjlist")
    with pytest.raises(CorpusError, match="no such file"):
        read_graph(tmp_path / "missing")


@pytest.mark.parametrize("delimiter", ["", "ab", "\n", "é"])
def test_delimiters_are_one_character(tmp_path, delimiter):
    with pytest.raises(OptionError, match="delimiter"):
        read(tmp_path, "a b\n", delimiter=delimiter)


def save(path, **arrays):
    np.savez(path, **arrays)
    return path


CSR = {"data": np.ones(2), "indices": np.array([1, 0]), "indptr": np.array([0, 1, 2])}


def test_npz_of_scipy_and_pecanpy(tmp_path):
    path = save(tmp_path / "g.npz", format=b"csr", shape=[2, 2], **CSR)
    assert rows_of(read_graph(path)) == {"0": {"1": 1.0}, "1": {"0": 1.0}}
    path = save(tmp_path / "p.npz", IDs=np.array(["x", "y z"]), **CSR)
    assert rows_of(read_graph(path)) == {"x": {"y z": 1.0}, "y z": {"x": 1.0}}
    assert list(read_graph(path, implicit_ids=True).ids) == ["0", "1"]
    path = save(tmp_path / "d.npz", IDs=np.array(["x", "y"]), data=np.array([[0, 2.0], [0, 0]]))
    assert rows_of(read_graph(path)) == {"x": {"y": 2.0}, "y": {"x": 2.0}}
    assert rows_of(read_graph(path, directed=True)) == {"x": {"y": 2.0}, "y": {}}
    unsorted = {
        "data": np.array([1.0, 2, 3]),
        "indices": np.array([1, 0, 1]),
        "indptr": np.array([0, 3, 3]),
    }
    graph = read_graph(save(tmp_path / "u.npz", **unsorted), directed=True)
    assert rows_of(graph)["0"] == {"0": 2.0, "1": 3.0}


@pytest.mark.parametrize(
    "changed, key",
    [
        ({"format": b"csc"}, "format"),
        ({"indptr": None}, "indptr"),
        ({"indices": None}, "indices"),
        ({"indptr": np.array([0, 2, 1, 2])}, "indptr"),
        ({"indptr": np.array([1, 1, 2])}, "indptr"),
        ({"indptr": np.array([0, 1, 3])}, "indptr"),
        ({"indices": np.array([2, 0])}, "indices"),
        ({"indices": np.array([-1, 0])}, "indices"),
        ({"indices": np.array([1.0, 0])}, "indices"),
        ({"data": np.ones(3)}, "data"),
        ({"data": np.array([1, np.nan])}, "data"),
        ({"data": np.array([1, -1])}, "data"),
        ({"data": np.array([1, {}], object)}, "pickled"),
        ({"shape": np.array([2, 3])}, "shape"),
        ({"IDs": np.array(["a"])}, "IDs"),
        ({"IDs": np.array(["a", "a"])}, "IDs"),
    ],
)  # fmt: skip
def test_bad_archives_name_the_key(tmp_path, changed, key):
    arrays = {name: array for name, array in {**CSR, **changed}.items() if array is not None}
    with pytest.raises(FormatError, match=key):
        read_graph(save(tmp_path / "g.npz", **arrays))


def test_damaged_archives(tmp_path):
    for content in (b"", b"PK\x03\x04", b"no archive"):
        (tmp_path / "g.npz").write_bytes(content)
        with pytest.raises(WordvecError):
            read_graph(tmp_path / "g.npz")


def test_arrays_that_promise_too_much_take_no_memory(tmp_path):
    save(tmp_path / "g.npz", **CSR)
    with zipfile.ZipFile(tmp_path / "g.npz") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    lie = members["indices.npy"].replace(b"(2,)", b"(9999999999999,)")
    members["indices.npy"] = lie.replace(b" " * 12 + b"\n", b"\n")
    with zipfile.ZipFile(tmp_path / "g.npz", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(FormatError, match="whole arrays"):
        read_graph(tmp_path / "g.npz")


def test_mat_files(tmp_path):
    sparse = pytest.importorskip("scipy.sparse")
    from scipy.io import savemat

    matrix = sparse.csc_matrix(np.array([[0, 1.0, 0], [1, 0, 2], [0, 2, 0]]))
    savemat(tmp_path / "g.mat", {"network": matrix})
    assert rows_of(read_graph(tmp_path / "g.mat"))["1"] == {"0": 1.0, "2": 2.0}
    with pytest.raises(FormatError, match="variable other"):
        read_graph(tmp_path / "g.mat", matfile_variable="other")


def test_arrays_and_names(tmp_path):
    graph = Graph.from_edges(np.array([[7, 3], [3, 9]]))
    assert list(graph.ids) == ["7", "3", "9"] and graph.edges().tolist() == [[0, 1], [1, 2]]
    graph = Graph.from_edges([(1, "b", 2.0), ("b", "c", 3.0)])
    assert rows_of(graph)["b"] == {"1": 2.0, "c": 3.0} and graph.strengths().tolist() == [2, 5, 3]
    for bad in ("text", [("a",)], [("a", "b", 1, 2)], [1], np.zeros((2, 3), int), [("a", "b", -1)],
                [("a", "b", float("nan"))]):  # fmt: skip
        with pytest.raises((CorpusError, ValueError)):
            Graph.from_edges(bad)
    with pytest.raises(CorpusError, match="beyond"):
        Graph.from_edges(np.array([[0, 2]]), ids=["a", "b"])


def test_kernels_check_their_numbers():
    with pytest.raises(ValueError, match="nodes must lie"):
        kernel.add_degrees(np.array([0, 5], np.int32), np.zeros(2, np.int64), False)
    with pytest.raises(ValueError, match="newline"):
        from wordvec.kernels.tokens import WordTable

        kernel.parse_lines(WordTable(), np.zeros(200, np.uint8), 4, np.zeros(200, np.int32), None)
