"""Vectors and KeyedVectors beside plain NumPy, and beside gensim itself."""

import gzip
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wordvec import formats
from wordvec import vectors as vectors_module
from wordvec.errors import FormatError, OptionError
from wordvec.formats import blocks, rows
from wordvec.keyedvectors import KeyedVectors
from wordvec.subwords import NgramRules, Subwords
from wordvec.vectors import Vectors

N_WORDS, DIM = 60, 17
WORDS = [f"w{k}" for k in range(N_WORDS - 2)] + ["größe", "🙂"]
PADDED = np.random.default_rng(7).normal(0, 1, (N_WORDS, 32)).astype(np.float32)
MATRIX = PADDED[:, :DIM]
COUNTS = np.arange(N_WORDS, 0, -1) * 3


@pytest.fixture
def vectors(monkeypatch: pytest.MonkeyPatch) -> Vectors:
    monkeypatch.setattr(vectors_module, "_BLOCK_NUMBERS", 7 * DIM)  # 9 blocks
    return Vectors(WORDS, MATRIX)


def twin_nearest(direction: np.ndarray, n: int, excluded: list[int]) -> list[tuple[str, float]]:
    exact = MATRIX.astype(np.float64)
    cosines = exact @ direction / np.linalg.norm(exact, axis=1) / np.linalg.norm(direction)
    order = [row for row in np.argsort(-cosines, kind="stable") if row not in excluded]
    return [(WORDS[row], cosines[row]) for row in order[:n]]


def same_list(found: Any, expected: Any) -> bool:
    assert [word for word, _ in found] == [word for word, _ in expected]
    return [score for _, score in found] == pytest.approx(
        [score for _, score in expected], abs=1e-6
    )


def test_lookup(vectors: Vectors) -> None:
    assert len(vectors) == N_WORDS and vectors.dim == DIM and list(vectors) == WORDS
    assert "größe" in vectors and "none" not in vectors and 3 not in vectors
    assert np.array_equal(vectors["w3"], MATRIX[3]) and vectors.index_of("🙂") == N_WORDS - 1
    assert np.shares_memory(vectors["w3"], PADDED)
    with pytest.raises(ValueError, match="read-only"):
        vectors["w3"][0] = 1
    assert PADDED.flags.writeable
    assert np.array_equal(vectors[["w3", "w1", "w3"]], MATRIX[[3, 1, 3]])
    assert vectors[[]].shape == (0, DIM)
    with pytest.raises(KeyError, match="word 'none' not in vocabulary"):
        vectors["none"]


def test_construction_checks() -> None:
    with pytest.raises(ValueError, match="1 words for 2 rows"):
        Vectors(["a"], MATRIX[:2])
    with pytest.raises(TypeError, match="float64"):
        Vectors(["a"], np.zeros((1, 2)))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="2 counts for 1 words"):
        Vectors(["a"], MATRIX[:1], np.array([1, 2]))


def test_rows_metadata_and_half_precision(vectors: Vectors) -> None:
    assert vectors.rows_of(["w3", "none", "w0"]).tolist() == [3, -1, 0]
    assert vectors.rows_of([]).dtype == np.int64
    assert vectors.metadata == {}
    assert Vectors(["a"], MATRIX[:1], metadata={"seed": 1}).metadata == {"seed": 1}
    half = Vectors(WORDS, MATRIX.astype(np.float16))
    assert half.matrix.dtype == np.float16
    assert half["w3"].dtype == half[["w3"]].dtype == half.norms.dtype == np.float32
    assert np.array_equal(half["w3"], half.matrix[3])
    assert half.similar("w9", 3)[0][0] == vectors.similar("w9", 1)[0][0]


def test_similar(vectors: Vectors) -> None:
    for n in (1, 5, N_WORDS - 1, 500):
        assert same_list(vectors.similar("w9", n), twin_nearest(MATRIX[9], n, [9]))
    query = np.linspace(-1, 1, DIM).astype(np.float32)
    assert same_list(vectors.similar(query, 4), twin_nearest(query, 4, []))
    assert vectors.similar("w9", 0) == []
    with pytest.raises(KeyError):
        vectors.similar("none")
    with pytest.raises(ValueError, match="17 numbers"):
        vectors.similar(query[1:])


def test_similarity_and_analogy(vectors: Vectors) -> None:
    exact = MATRIX.astype(np.float64) / np.linalg.norm(MATRIX, axis=1)[:, None]
    assert vectors.similarity("w1", "w2") == pytest.approx(exact[1] @ exact[2], abs=1e-6)
    assert vectors.similarity("w1", "w1") == pytest.approx(1)
    found = vectors.analogy("w1", "w2", "w3", 5)
    assert same_list(found, twin_nearest(exact[2] - exact[1] + exact[3], 5, [1, 2, 3]))


def test_ties_duplicates_and_rows_without_direction() -> None:
    rows = np.float32([[1, 0], [0, 1], [2, 0], [0, 0], [4, 0], [np.nan, 1], [-1, 0]])
    vectors = Vectors(["a", "b", "c", "zero", "a", "nan", "neg"], rows)
    assert vectors.index_of("a") == 0
    # The second "a" is another row; only the row that was asked about is left out.
    assert vectors.similar("a", 2) == [("c", 1.0), ("a", 1.0)]
    assert [word for word, _ in vectors.similar("a", 99)] == ["c", "a", "b", "neg"]
    assert np.isnan(vectors.similarity("a", "zero"))
    assert vectors.similar("zero") == []


def test_norms_are_kept_until_the_matrix_changes() -> None:
    rows = np.float32([[1, 0], [0, 1], [1, 1]])
    vectors = Vectors(["a", "b", "c"], rows)
    assert vectors.norms is vectors.norms
    rows[2] = [0, 9]
    vectors.matrix_changed()
    assert vectors.similar("b", 1) == [("c", 1.0)]


def test_empty() -> None:
    vectors = Vectors([], np.empty((0, 4), dtype=np.float32))
    assert len(vectors) == 0 and vectors.similar(np.ones(4, dtype=np.float32)) == []


# KeyedVectors


@pytest.fixture
def ours() -> KeyedVectors:
    return KeyedVectors.from_vectors(WORDS, MATRIX, COUNTS)


@pytest.fixture
def theirs() -> Any:
    gensim = pytest.importorskip("gensim.models")
    vectors = gensim.KeyedVectors(DIM, len(WORDS))
    for word, row, count in zip(WORDS, MATRIX, COUNTS, strict=True):
        vectors.add_vector(word, row)
        vectors.set_vecattr(word, "count", int(count))
    return vectors


QUERIES: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("get_vector", ("w3",), {}),
    ("get_vector", ("w3",), {"norm": True}),
    ("get_vector", (3,), {}),
    ("get_vector", ("none",), {}),
    ("get_vector", (999,), {}),
    ("__getitem__", ("w3",), {}),
    ("__getitem__", (3,), {}),
    ("__getitem__", (["w3", "w4"],), {}),
    ("__getitem__", ([],), {}),
    ("__getitem__", ("none",), {}),
    ("__contains__", ("w3",), {}),
    ("__contains__", ("none",), {}),
    ("__len__", (), {}),
    ("get_index", ("w3",), {}),
    ("get_index", ("none", 5), {}),
    ("get_index", ("none",), {}),
    ("has_index_for", ("none",), {}),
    ("get_vecattr", ("w3", "count"), {}),
    ("get_vecattr", ("w3", "none"), {}),
    ("get_mean_vector", (["w1", "none"],), {}),
    ("get_mean_vector", (["w1", "w2"], [1, -2]), {"post_normalize": True}),
    ("get_mean_vector", (["w1", "none"],), {"ignore_missing": False}),
    ("get_mean_vector", ([],), {}),
    ("get_mean_vector", (["w1"], [1, 2]), {}),
    ("most_similar", ("w3",), {}),
    ("most_similar", (["w1", "w2"], ["w3"]), {"topn": 3}),
    ("most_similar", (["w1", ("w2", 0.5)], "w3"), {"topn": 3}),
    ("most_similar", (MATRIX[3],), {"topn": 3}),
    ("most_similar", ([MATRIX[3], "w1"],), {"topn": 3}),
    ("most_similar", (3,), {"topn": 3}),
    ("most_similar", ("w3",), {"topn": 0}),
    ("most_similar", ("w3",), {"topn": None}),
    ("most_similar", ("w3",), {"topn": 3, "restrict_vocab": 20}),
    ("most_similar", ("w3",), {"topn": 3, "clip_start": 5, "clip_end": 25}),
    ("most_similar", ("none",), {}),
    ("most_similar", (), {}),
    ("similar_by_word", ("w3",), {"topn": 2}),
    ("similar_by_key", ("w3",), {"topn": 2}),
    ("similar_by_vector", (MATRIX[5],), {"topn": 2}),
    ("similarity", ("w1", "w2"), {}),
    ("similarity", ("w1", "none"), {}),
    ("distance", ("w1", "w2"), {}),
    ("distances", ("w1",), {}),
    ("distances", ("w1", ["w2", "w3"]), {}),
    ("distances", (MATRIX[1], ["w2"]), {}),
    ("n_similarity", (["w1", "w2"], ["w3"]), {}),
    ("n_similarity", ([], ["w3"]), {}),
    ("doesnt_match", (["w1", "w2", "w3", "none"],), {}),
    ("doesnt_match", (["none"],), {}),
    ("rank_by_centrality", (["w1", "w2", "w3"],), {}),
    ("get_normed_vectors", (), {}),
]


def outcome(vectors: Any, name: str, args: Any, options: Any) -> Any:
    try:
        return getattr(vectors, name)(*args, **options)
    except Exception as error:
        return type(error), str(error)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, np.ndarray):
        return a.shape == b.shape and a.dtype == b.dtype and bool(np.allclose(a, b, atol=1e-6))
    if isinstance(a, (float, np.floating)):
        return type(a) is type(b) and bool(abs(a - b) < 1e-6)
    return bool(a == b)


@pytest.mark.rivals
@pytest.mark.parametrize(("name", "args", "options"), QUERIES)
def test_as_gensim(ours: Any, theirs: Any, name: str, args: Any, options: Any) -> None:
    found, expected = outcome(ours, name, args, options), outcome(theirs, name, args, options)
    assert same(found, expected), (found, expected)


@pytest.mark.rivals
@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize(
    "options", [{}, {"prefix": "p_"}, {"write_header": False}, {"total_vec": 9}]
)
def test_saved_bytes_are_gensims(
    tmp_path: Path, ours: Any, theirs: Any, binary: bool, options: Any
) -> None:
    rows = np.array(MATRIX)
    rows.flat[:9] = [0, -0.0, 1e-45, 1e-5, 1e-4, 123456.79, 999999, 3e38, 5]
    ours.vectors = rows
    theirs.vectors = rows.copy()
    for vectors in (ours, theirs):
        vectors.set_vecattr("w5", "count", 10_000)  # so that the order is not that of the rows
    for vectors, name in ((ours, "ours"), (theirs, "theirs")):
        path, vocabulary = str(tmp_path / name), str(tmp_path / f"{name}.vocab")
        vectors.save_word2vec_format(path, vocabulary, binary=binary, **options)
        vectors.save_word2vec_format(path, vocabulary, binary=binary, append=True, **options)
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()
    assert (tmp_path / "ours.vocab").read_bytes() == (tmp_path / "theirs.vocab").read_bytes()


@pytest.mark.rivals
@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("limit", [None, 3, 1000])
@pytest.mark.parametrize("with_vocabulary", [False, True])
def test_loads_as_gensim(
    tmp_path: Path, theirs: Any, binary: bool, limit: int | None, with_vocabulary: bool
) -> None:
    gensim = pytest.importorskip("gensim.models")
    path, vocabulary = str(tmp_path / "v"), str(tmp_path / "vocab")
    theirs.save_word2vec_format(path, vocabulary, binary=binary)
    options = {"binary": binary, "limit": limit, "fvocab": vocabulary if with_vocabulary else None}
    a = KeyedVectors.load_word2vec_format(path, **options)
    b = gensim.KeyedVectors.load_word2vec_format(path, **options)
    assert a.index_to_key == b.index_to_key and a.key_to_index == b.key_to_index
    assert np.array_equal(a.vectors, b.vectors) and a.vector_size == b.vector_size
    counts = [(x.get_vecattr(w, "count")) for x in (a, b) for w in a.index_to_key]
    assert counts[: len(a)] == counts[len(a) :]


@pytest.mark.rivals
@pytest.mark.parametrize("limit", [None, 1, 3, 1000])
@pytest.mark.parametrize("with_vocabulary", [False, True])
def test_loads_without_a_first_line_as_gensim(
    tmp_path: Path, theirs: Any, limit: int | None, with_vocabulary: bool
) -> None:
    gensim = pytest.importorskip("gensim.models")
    path, vocabulary = str(tmp_path / "v"), str(tmp_path / "vocab")
    theirs.save_word2vec_format(path, vocabulary, write_header=False)
    options = {
        "limit": limit, "fvocab": vocabulary if with_vocabulary else None, "no_header": True
    }  # fmt: skip
    a = KeyedVectors.load_word2vec_format(path, **options)
    b = gensim.KeyedVectors.load_word2vec_format(path, **options)
    assert a.index_to_key == b.index_to_key and len(a) == min(limit or 1000, N_WORDS)
    assert np.array_equal(a.vectors, b.vectors) and a.vectors.shape == (len(a), DIM)
    counts = [(x.get_vecattr(w, "count")) for x in (a, b) for w in a.index_to_key]
    assert counts[: len(a)] == counts[len(a) :]


@pytest.mark.rivals
@pytest.mark.parametrize("text", [b"a 1 2 3\nb 4 5\n", b"a 1 2\nb 3 4 5\n", b"a 1 x\n", b"a 1\n\n"])
def test_both_refuse_without_a_first_line(tmp_path: Path, text: bytes) -> None:
    gensim = pytest.importorskip("gensim.models")
    (tmp_path / "v").write_bytes(text)
    for kind in (KeyedVectors, gensim.KeyedVectors):
        with pytest.raises(ValueError):
            kind.load_word2vec_format(str(tmp_path / "v"), no_header=True)
        with pytest.raises(NotImplementedError, match="no_header"):
            kind.load_word2vec_format(str(tmp_path / "v"), no_header=True, binary=True)


def test_without_a_first_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "v.gz"

    def load(text: bytes, **options: Any) -> KeyedVectors:
        path.write_bytes(gzip.compress(text))
        return KeyedVectors.load_word2vec_format(path, no_header=True, **options)

    # Small blocks and a small first matrix: rows lie across blocks, and the matrix grows.
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 50)
    monkeypatch.setattr(rows, "_CHUNK_BYTES", 24)
    text = b"".join(b"w%d %d -%d.5 \r\n" % (k, k, k) for k in range(100))
    loaded = load(text)
    assert loaded.index_to_key == [f"w{k}" for k in range(100)]
    assert loaded.vectors.tolist() == [[k, -k - 0.5 if k else -0.5] for k in range(100)]
    assert load(text, limit=7).vectors.tolist() == loaded.vectors[:7].tolist()
    assert load(b"x 1\n" * 3).index_to_key == ["x"]
    for text, message in [
        (b"", "expected a word and its numbers, found no bytes"),
        (b"word\n", "a word and its numbers"),
        (b"a 1", "newline at the end of word 1"),
        (b"a 1 2\nb 3 4", "newline at the end of word 2"),
        (b"3 2\na 1 2\n", "words without spaces"),
        (
            b"a 1 2\nb 3\n",
            "2 numbers for word 2, found the end of the line",
        ),  # gensim takes the one number twice
    ]:
        with pytest.raises(FormatError, match=message):
            load(text)


@pytest.mark.rivals
def test_duplicates_and_bad_words_as_gensim(tmp_path: Path) -> None:
    gensim = pytest.importorskip("gensim.models")
    (tmp_path / "v").write_bytes(b"4 2\na 1 2\nb\xff 3 4\na 5 6\nc 7 8\n")
    for kind in (KeyedVectors, gensim.KeyedVectors):
        with pytest.raises(UnicodeDecodeError):
            kind.load_word2vec_format(str(tmp_path / "v"))
    a, b = (
        kind.load_word2vec_format(str(tmp_path / "v"), unicode_errors="ignore")
        for kind in (KeyedVectors, gensim.KeyedVectors)
    )
    # gensim 4.4 leaves None and a row of zeros at the end for each duplicate.
    assert a.index_to_key == b.index_to_key[:3] == ["a", "b", "c"]
    assert np.array_equal(a.vectors, b.vectors[:3])
    assert [a.get_vecattr(w, "count") for w in "abc"] == [b.get_vecattr(w, "count") for w in "abc"]


def test_old_names_warn_and_work(ours: KeyedVectors) -> None:
    for old, new, value in [("index2word", "index_to_key", WORDS), ("syn0", "vectors", MATRIX),
                            ("index2entity", "index_to_key", WORDS)]:  # fmt: skip
        with pytest.warns(DeprecationWarning, match=f"`{old}`.*{new}") as caught:
            assert np.array_equal(getattr(ours, old), value)
        assert caught[0].filename == __file__
    with pytest.warns(DeprecationWarning, match="key_to_index"):
        entry = ours.vocab["w3"]
    assert (entry.index, entry.count) == (3, COUNTS[3])
    with pytest.warns(DeprecationWarning, match="get_vector"):
        ours.word_vec("w3")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ours.index_to_key == ours.words and ours.vectors is ours.matrix


def test_adding_vectors() -> None:
    vectors = KeyedVectors(2)
    assert len(vectors) == 0 and vectors.vector_size == 2
    vectors.add_vectors(["a", "b"], [[1, 0], [0, 1]])
    vectors.add_vectors(["b", "c", "c"], [[9, 9], [1, 1], [5, 5]])
    assert vectors.index_to_key == ["a", "b", "c"]
    assert vectors.vectors.tolist() == [[1, 0], [0, 1], [1, 1]]
    vectors["b"] = np.float32([3, 4])
    vectors.set_vecattr("b", "kind", "noun")
    assert vectors.add_vector("d", np.float32([0, 2])) == 3
    assert vectors.vectors.tolist() == [[1, 0], [3, 4], [1, 1], [0, 2]]
    assert vectors.get_vecattr("b", "kind") == "noun"
    assert vectors.most_similar("b", topn=1)[0][0] == "c"


def test_own_refusals(tmp_path: Path, ours: KeyedVectors) -> None:
    with pytest.raises(OptionError, match="datatype"):
        KeyedVectors(3, dtype=np.float64)
    (tmp_path / "v").write_bytes(b"2 2\na 1 2\n")
    with pytest.raises(FormatError, match="cut short"):
        KeyedVectors.load_word2vec_format(tmp_path / "v")
    with pytest.raises(FormatError, match="a word and its count"):
        KeyedVectors.load_word2vec_format(tmp_path / "v", fvocab=tmp_path / "v", limit=1)
    ours.counts = None
    with pytest.raises(ValueError, match="Cannot store vocabulary with 'count'"):
        ours.save_word2vec_format(tmp_path / "w", fvocab=tmp_path / "x")
    with pytest.raises(KeyError):
        ours.get_vecattr("w3", "count")


def test_unseen_words_are_asked_for_by_their_ngrams():
    rng = np.random.default_rng(5)
    words = ["king", "queen", "man", "woman", "zero"]
    vectors = Vectors(words, rng.standard_normal((5, 20)).astype(np.float32))
    with pytest.raises(KeyError, match="kingly"):
        vectors.similar("kingly")
    rules = NgramRules(3, 6, 50)
    vectors.subwords = Subwords(rules, rng.standard_normal((50, 20)).astype(np.float32), 20)
    built = vectors["kingly"]
    assert vectors.similar("kingly", 3) == vectors.similar(built, 3)
    assert vectors.similar(["king", "kingly"], 5)[0] == vectors.similar("king", 5)
    assert {word for word, _ in vectors.similar("kingly", 9)} == set(words)
    assert vectors.similarity("kingly", "kingly") == pytest.approx(1)
    matrix = np.vstack([vectors.matrix, built, vectors["manly"]])
    every = Vectors([*words, "kingly", "manly"], matrix)
    for method in ("add", "mul", "pair"):
        question = ("kingly", "queen", "manly")
        wanted = [f for f in every.analogies([question], 5, method=method)[0] if f[0] in words]
        found = vectors.analogies([question], 5, method=method)[0]
        assert [word for word, _ in found] == [word for word, _ in wanted]
        assert [score for _, score in found] == pytest.approx([score for _, score in wanted])
    with pytest.raises(KeyError):
        vectors.similar("")


@pytest.mark.parametrize("suffix", [".txt", ".bin", ".glove.txt"])
def test_rows_can_pass_without_being_kept(tmp_path, suffix, monkeypatch):
    monkeypatch.setattr(rows, "_CHUNK_BYTES", 1)
    numbers = np.arange(1, 4001, dtype=np.float32).reshape(1000, 4) / 8
    path = str(tmp_path / f"v{suffix}")
    formats.save(Vectors([f"w{k}" for k in range(1000)], numbers), path)
    seen = {}
    request = formats.ReadRequest(on_rows=lambda block, part: seen.update({block: part.copy()}))
    found = formats.read(path, None, request)
    assert (np.concatenate([seen[block] for block in sorted(seen)]) == numbers).all()
    assert list(found.words[:2]) == ["w0", "w1"] and found.matrix.shape == (1000, 4)
    assert found.matrix.strides[0] == 0  # no memory
