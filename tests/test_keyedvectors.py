"""KeyedVectors by itself: what grows, what counts after a change, and gensim's evaluations.

test_gensim_parity compares with gensim, where that is installed.
"""

import copy
import gzip
import itertools
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import wordvec
from wordvec import movers, significance
from wordvec.errors import FormatError, MissingExtraError, OptionError
from wordvec.keyedvectors import KeyedVectors

# Pairs a..A, b..B: going from small to capital adds the same step everywhere.
GRID = np.float32([[k == row % 4 for k in range(4)] for row in range(8)])
GRID[4:, 3] += 2
GRID = np.hstack([GRID, np.full((8, 1), 0.25, dtype=np.float32)])
NAMES = ["a", "b", "c", "d", "up-a", "up-b", "up-c", "up-d"]


@pytest.fixture
def vectors() -> KeyedVectors:
    return KeyedVectors.from_vectors(NAMES, GRID.copy(), np.arange(80, 0, -10))


def test_list_and_dict_count_once_they_are_asked_for(vectors: KeyedVectors) -> None:
    assert vectors._keys is None and vectors._rows_by_key is None
    _ = vectors["a"], vectors.most_similar("a"), "b" in vectors, len(vectors), vectors.similar("a")
    assert vectors._keys is None and vectors._rows_by_key is None
    vectors.index_to_key[0] = "renamed"
    assert vectors.words[0] == "renamed" and next(iter(vectors)) == "renamed"
    assert vectors.key_to_index["renamed"] == 0 and "a" not in vectors
    vectors.key_to_index["also"] = 0
    assert np.array_equal(vectors["also"], GRID[0]) and vectors.index_of("also") == 0
    assert vectors.rows_of(["also", "none", "b"]).tolist() == [0, -1, 1]
    with pytest.raises(KeyError, match="word 'a' not in vocabulary"):
        vectors.index_of("a")
    assert vectors.index_to_key is vectors.index_to_key
    assert vectors.key_to_index is vectors.key_to_index


def test_equal_words_mean_the_first(vectors: KeyedVectors) -> None:
    twice = KeyedVectors.from_vectors(["x", "y", "x"], GRID[:3])
    assert twice.get_index("x") == 0 and twice.key_to_index == {"x": 0, "y": 1}
    assert list(twice.key_to_index) == ["x", "y"]


def test_adding_leaves_other_owners_alone(vectors: KeyedVectors) -> None:
    """Spare rows behind a matrix are never those of somebody else."""
    base = np.arange(40, dtype=np.float32).reshape(8, 5)
    vectors.vectors = base[:3]
    vectors.index_to_key[:] = NAMES[:3]
    vectors.key_to_index = {name: row for row, name in enumerate(NAMES[:3])}
    vectors.add_vector("new", [9] * 5)
    assert base[3].tolist() == [15, 16, 17, 18, 19]
    before = vectors.vectors
    vectors.add_vector("newer", [8] * 5)
    assert before.shape == (4, 5) and vectors.vectors[4].tolist() == [8] * 5
    twin = copy.copy(vectors)
    twin.index_to_key, twin.key_to_index = twin.index_to_key[:], dict(twin.key_to_index)
    for owner, value in ((twin, 1), (vectors, 2)):
        owner.add_vector(f"of {value}", [value] * 5)
    assert twin.vectors[5].tolist() == [1] * 5 and vectors.vectors[5].tolist() == [2] * 5


def test_copies_and_pickles(vectors: KeyedVectors) -> None:
    vectors.add_vector("new", [9] * 5)
    for twin in (copy.deepcopy(vectors), pickle.loads(pickle.dumps(vectors))):
        assert twin.most_similar("a", topn=3) == vectors.most_similar("a", topn=3)
        twin.add_vector("more", [1] * 5)
        assert len(twin) == 10 and len(vectors) == 9
        assert twin.get_vecattr("a", "count") == 80 and twin.get_vecattr("more", "count") == 0


def test_a_matrix_in_a_file_is_copied_before_it_changes(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", GRID)
    for change in (
        lambda v: v.add_vectors(["a"], [[1] * 5], replace=True),
        lambda v: v.unit_normalize_all(),
        lambda v: v.add_vector("new", [1] * 5),
    ):
        mapped = np.load(tmp_path / "m.npy", mmap_mode="r")
        vectors = KeyedVectors.from_vectors(NAMES, mapped)
        change(vectors)
        assert vectors.vectors.flags.writeable
        assert np.array_equal(np.load(tmp_path / "m.npy"), GRID)


@given(st.lists(st.tuples(st.sampled_from("abcdefg"), st.booleans()), max_size=30))
def test_any_order_of_adding(steps: list[tuple[str, bool]]) -> None:
    vectors = KeyedVectors(1)
    model: dict[str, float] = {}
    for number, (key, replace) in enumerate(steps):
        if replace:
            vectors[key] = np.float32([number])
            model[key] = number
        else:
            vectors.add_vector(key, [number])
            model.setdefault(key, number)
        vectors.set_vecattr(key, "seen", number)
    assert vectors.index_to_key == list(model)
    assert vectors.vectors[:, 0].tolist() == list(model.values())
    last = {key: number for number, (key, _) in enumerate(steps)}
    assert [vectors.get_vecattr(key, "seen") for key in model] == [last[key] for key in model]


def test_extras(vectors: KeyedVectors) -> None:
    extras = {"count": np.array([5, 6, 7]), "share": np.array([0.5, 0.25, 0.75])}
    vectors.add_vectors(["x", "a", "y"], np.ones((3, 5)), extras=extras)
    assert [vectors.get_vecattr(key, "count") for key in "axy"] == [80, 5, 7]
    vectors.add_vectors(["a"], [[2] * 5], {"share": np.array([0.1])}, replace=True)
    assert [vectors.get_vecattr(key, "share") for key in "abxy"] == [0.1, 0, 0.5, 0.75]
    with pytest.raises(ValueError, match="1 values of 'share' for 2 keys"):
        vectors.add_vectors(["p", "q"], np.ones((2, 5)), {"share": np.array([1.0])})
    with pytest.raises(ValueError):
        vectors.add_vectors(["p", "q"], np.ones((2, 4)))
    assert "p" not in vectors and len(vectors) == len(vectors.vectors) == 10


def test_what_norms_are_set_to(vectors: KeyedVectors) -> None:
    lengths = np.linalg.norm(GRID, axis=1)
    assert np.allclose(vectors.norms, lengths)
    vectors.vectors[0] *= 2
    vectors.norms = None
    assert vectors.norms[0] == pytest.approx(2 * lengths[0])
    vectors.vectors = GRID[:, :2].astype(np.float64)
    assert vectors.vectors.dtype == np.float32 and vectors.vector_size == 2
    with pytest.raises(ValueError, match="expected a matrix"):
        vectors.vectors = GRID[0]


def test_analogies(vectors: KeyedVectors, tmp_path: Path) -> None:
    lines = [": capitals"]
    for one, other in itertools.permutations("abc", 2):
        lines.append(f"{one} UP-{one} {other.upper()} up-{other}")
    lines += [": wrong", "a up-a b c", "a up-a b none", "too few words"]
    path = tmp_path / "questions.txt.gz"
    path.write_bytes(gzip.compress("\r\n".join(lines).encode()))
    score, sections = vectors.evaluate_word_analogies(path)
    assert [s["section"] for s in sections] == ["capitals", "wrong", "Total accuracy"]
    assert [len(s["correct"]) for s in sections] == [6, 0, 6] and score == 6 / 7
    assert sections[1]["incorrect"] == [("A", "UP-A", "B", "C")]
    score, sections = vectors.evaluate_word_analogies(path, dummy4unknown=True)
    assert score == 6 / 8 and len(sections[1]["incorrect"]) == 2
    score, sections = vectors.evaluate_word_analogies(path, case_insensitive=False)
    assert [len(s["correct"]) + len(s["incorrect"]) for s in sections] == [0, 1, 1]
    by_product = vectors.evaluate_word_analogies(path, similarity_function="most_similar_cosmul")
    assert by_product[0] == 6 / 7
    assert vectors.evaluate_word_analogies(path, restrict_vocab=3)[0] == 0
    with pytest.raises(ZeroDivisionError, match="no line with four words"):
        (tmp_path / "empty").write_text(": s\n")
        vectors.evaluate_word_analogies(tmp_path / "empty")
    with pytest.raises(ValueError, match="Missing section header before line #0"):
        (tmp_path / "headless").write_text("a b c d\n")
        vectors.evaluate_word_analogies(tmp_path / "headless")
    with pytest.raises(FormatError, match="a folder"):
        vectors.evaluate_word_analogies(tmp_path)


def test_word_pairs(vectors: KeyedVectors, tmp_path: Path) -> None:
    pairs = list(itertools.combinations(NAMES, 2))
    cosines = [float(vectors.similarity(a, b)) for a, b in pairs]
    rows = [f"{a},{b.upper()},{2 * c + 1}" for (a, b), c in zip(pairs, cosines, strict=True)]
    path = tmp_path / "pairs.csv"
    path.write_text("\n".join(["# words", *rows, "a,none,3", "a,b", ""]))
    pearson, spearman, unknown = vectors.evaluate_word_pairs(path, delimiter=",")
    assert pearson[0] == pytest.approx(1) and spearman[0] == pytest.approx(1)
    assert pearson.pvalue < 1e-100 and unknown == pytest.approx(100 / 29)
    with_unknown = vectors.evaluate_word_pairs(path, ",", dummy4unknown=True)
    assert with_unknown[0].statistic < 0.99 and with_unknown[2] == pytest.approx(100 / 29)
    with pytest.raises(ValueError, match="No valid similarity judgements"):
        vectors.evaluate_word_pairs(path)


def test_p_values() -> None:
    """From tables of critical values of Pearson's r, two-sided 5 % and 1 %."""
    for n, r, p in [(3, 0.997, 0.05), (5, 0.878, 0.05), (12, 0.576, 0.05), (102, 0.254, 0.01)]:
        assert significance.p_value(r, n) == pytest.approx(p, rel=0.03)
        assert significance.p_value(-r, n) == significance.p_value(r, n)
    assert significance.p_value(0, 50) == pytest.approx(1)
    assert significance.p_value(1, 50) == 0 and np.isnan(significance.p_value(np.nan, 50))
    # Student's t with one degree of freedom is Cauchy's distribution: the p-value is known.
    for r in (0.1, 0.5, 0.9):
        t = r / np.sqrt(1 - r * r)
        assert significance.p_value(r, 3) == pytest.approx(1 - 2 / np.pi * np.arctan(t))
    ties = significance.spearman(np.float64([1, 2, 2, 3]), np.float64([1, 3, 2, 2]))
    assert ties.correlation == pytest.approx(0.5)
    constant = significance.pearson(np.ones(4), np.arange(4.0))
    assert np.isnan(constant.statistic) and np.isnan(constant.pvalue)
    assert significance.pearson(np.float64([1, 2]), np.float64([5, 3])) == (-1, 1)


def test_word_movers_distance_without_its_packages(
    vectors: KeyedVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert vectors.wmdistance(["a"], ["none"]) == float("inf") and vectors.wmdistance("a", "a") == 0
    for name in ("ot", "scipy"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'wordvec\[wmd\]'"):
        vectors.wmdistance(["a", "b"], ["c"])
    with pytest.raises(ImportError):
        movers.transport_cost(np.ones(1), np.ones(1), np.ones((1, 1)))


def test_equal_vectors_are_infinitely_far(vectors: KeyedVectors) -> None:
    """gensim's choice, which scripts may look for."""
    vectors.add_vector("a again", vectors["a"])
    assert vectors.wmdistance(["a"], ["a again"]) == float("inf")


def test_saving_and_loading(vectors: KeyedVectors, tmp_path: Path) -> None:
    vectors.add_vector("new", [1] * 5)
    for name in ("kv", "kv.bin", "kv.txt"):
        vectors.save(tmp_path / name, sep_limit=10)
        found = KeyedVectors.load(tmp_path / name)
        assert found.index_to_key == vectors.index_to_key
        np.testing.assert_allclose(found.vectors, vectors.vectors, atol=1e-6)
        assert found.lifecycle_events and found.lifecycle_events[0]["event"] == "loaded"
        found.vectors[0] = 0
    KeyedVectors.load(tmp_path / "kv", mmap="r")
    with pytest.raises(OptionError, match="mmap"):
        KeyedVectors.load(tmp_path / "kv", mmap="r+")


def test_lifecycle_events_can_be_switched_off(vectors: KeyedVectors) -> None:
    vectors.add_lifecycle_event("first", detail=1)
    assert vectors.lifecycle_events and vectors.lifecycle_events[0]["detail"] == 1
    vectors.lifecycle_events = None
    vectors.add_lifecycle_event("second")
    assert vectors.lifecycle_events is None


def test_keys_that_are_no_words(vectors: KeyedVectors, tmp_path: Path) -> None:
    few = KeyedVectors(2, count=3)
    few.add_vector(10, [1, 2])
    few.add_vector("word", [3, 4])
    assert few[10].tolist() == [1, 2] and few[1].tolist() == [3, 4] and 2 in few and 3 not in few
    assert few.most_similar(10) == [("word", pytest.approx(11 / 5**0.5 / 5))]
    few.save_word2vec_format(tmp_path / "few")
    assert (tmp_path / "few").read_text() == "2 2\n10 1.0 2.0\nword 3.0 4.0\n"
    with pytest.raises(TypeError, match="unhashable"):
        vectors.get_index(["a"])  # type: ignore[arg-type]


OLD: dict[str, Any] = {"index2word": NAMES, "index2entity": NAMES, "syn0": GRID}


def test_old_names_that_can_be_set(vectors: KeyedVectors) -> None:
    for name, value in OLD.items():
        with pytest.warns(DeprecationWarning, match=name):
            setattr(vectors, name, value)
    vectors.vectors_norm = None
    with pytest.warns(DeprecationWarning, match="add_vectors"):
        vectors.add(["x"], [[1] * 5])
    with pytest.warns(DeprecationWarning, match="unit_normalize_all"):
        vectors.init_sims(replace=True)
    assert np.linalg.norm(vectors["x"]) == pytest.approx(1)
    with pytest.warns(DeprecationWarning, match="similar_by_key"):
        assert vectors.similar_by_entity("a", 1) == vectors.similar_by_key("a", 1)
    with pytest.warns(DeprecationWarning, match="get_vector"):
        assert np.linalg.norm(vectors.word_vec("b", use_norm=True)) == pytest.approx(1)


def test_what_was_made_of_the_old_rows_goes_when_they_are_normalised() -> None:
    """A plane's bounds are proven for the numbers it was made of, not for them rounded anew."""
    rng = np.random.default_rng(1)
    matrix = rng.standard_normal((2000, 40)).astype(np.float32)
    matrix[::2] /= 1000
    words = [f"w{row}" for row in range(len(matrix))]
    vectors = KeyedVectors.from_vectors(words, matrix)
    vectors.build_plane()
    vectors.neighbourhoods()
    expected = [vectors.most_similar(word) for word in words[:50]]
    vectors.unit_normalize_all()
    assert vectors.plane is None and vectors._neighbourhoods is None
    for word, neighbours in zip(words, expected, strict=False):
        assert [other for other, _ in vectors.most_similar(word)] == [w for w, _ in neighbours]


def test_load_keeps_what_the_file_holds_ready(tmp_path: Path) -> None:
    """Lengths and plane come with the file: no pass over all rows before the first answer."""
    matrix = np.random.default_rng(1).standard_normal((100, 8)).astype(np.float32)
    vectors = KeyedVectors.from_vectors([f"w{row}" for row in range(100)], matrix)
    vectors.tensors["extra"] = np.arange(3)
    wordvec.save(vectors, tmp_path / "v.wordvec", plane=True)
    found = KeyedVectors.load(tmp_path / "v.wordvec", mmap="r")
    assert found.plane is not None and found._norms is not None
    assert found.most_similar("w1") == vectors.most_similar("w1")
    found.save(tmp_path / "again.wordvec")
    assert (tmp_path / "again.wordvec").read_bytes() == (tmp_path / "v.wordvec").read_bytes()
    found.add_vector("new", np.ones(8))
    assert found.plane is None and found.most_similar("new") and len(found.norms) == 101
