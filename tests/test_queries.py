"""Vectors' searches beside plain NumPy: analogies by three rules, CSLS, batches, the plane."""

from typing import Any

import numpy as np
import pytest

from wordvec import vectors as vectors_module
from wordvec.errors import OptionError
from wordvec.kernels import simd
from wordvec.vectors import Vectors

N_WORDS, DIM = 2500, 10
WORDS = [f"w{k}" for k in range(N_WORDS)]


@pytest.fixture
def vectors() -> Vectors:
    rows = np.random.default_rng(3).normal(size=(N_WORDS, DIM)).astype(np.float32)
    rows *= np.random.default_rng(4).uniform(0.1, 9, (N_WORDS, 1)).astype(np.float32)
    rows[1300:1310] = rows[40]  # ties
    rows[7] = 0
    rows[8, 2] = np.nan
    return Vectors(WORDS, rows)


def units(vectors: Vectors) -> Any:
    exact = vectors.matrix.astype(np.float64)
    with np.errstate(all="ignore"):
        return exact / np.sqrt((exact**2).sum(axis=1, keepdims=True))


def score(method: str, x: Any, a: Any, b: Any, c: Any) -> Any:
    """One formula per rule, as in Levy & Goldberg 2014, table 1."""
    if method == "add":
        target = b - a + c
        return x @ target / np.linalg.norm(target)
    if method == "mul":
        return (1 + x @ b) / 2 * (1 + x @ c) / 2 / ((1 + x @ a) / 2 + 0.001)
    with np.errstate(all="ignore"):
        offset = x - c
        return offset @ (b - a) / np.linalg.norm(offset, axis=1) / np.linalg.norm(b - a)


@pytest.mark.parametrize("method", ["add", "mul", "pair"])
def test_analogies(vectors: Vectors, method: str) -> None:
    rng = np.random.default_rng(5)
    questions = rng.integers(20, N_WORDS, (300, 3))
    questions[0] = 41, 40, 43
    found, scores = vectors.analogy_rows(questions, 7, method=method, first=10, last=2400)
    unit = units(vectors)
    for row, (a, b, c) in enumerate(questions):
        expected = score(method, unit, unit[a], unit[b], unit[c])
        expected[[a, b, c, *range(10), *range(2400, N_WORDS)]] = np.nan
        order = np.argsort(-np.nan_to_num(expected, nan=-9), kind="stable")[:7]
        np.testing.assert_allclose(scores[row], expected[order], rtol=2e-6)
        np.testing.assert_allclose(scores[row], expected[found[row]], rtol=2e-6)
    named = vectors.analogies([("w41", "w40", "w43")], 7, method=method)[0]
    assert all(word not in ("w41", "w40", "w43") for word, _ in named) and len(named) == 7
    ties = [word for word, _ in named if 1300 <= int(word[1:]) < 1310]
    assert ties == sorted(ties)


@pytest.mark.parametrize("method", ["add", "mul", "pair"])
def test_analogies_without_an_answer(vectors: Vectors, method: str) -> None:
    questions = np.array([[7, 20, 21], [20, 8, 21], [20, 21, 22]])
    found, scores = vectors.analogy_rows(questions, 3, method=method)
    assert (found[:2] == -1).all() and np.isnan(scores[:2]).all() and (found[2] >= 0).all()
    assert vectors.analogies([], method=method) == []
    small = Vectors(["a", "b", "c", "d"], np.eye(4, dtype=np.float32))
    assert [w for w, _ in small.analogies([("a", "b", "c")], 9, method=method)[0]] == ["d"]
    assert small.analogy_rows(np.array([[0, 1, 2]]), 0, method=method)[0].shape == (1, 0)
    same_word = small.analogies([("a", "a", "b")], 9, method=method)[0]  # no offset: no direction
    assert [w for w, _ in same_word] == ([] if method == "pair" else ["c", "d"])
    with pytest.raises(OptionError, match="'add' or 'mul' or 'pair', found 'max'"):
        small.analogies([("a", "b", "c")], method="max")
    with pytest.raises(IndexError, match=r"outside 0 \.\. 3"):
        small.analogy_rows(np.array([[0, 1, 4]]), method=method)


def test_csls(vectors: Vectors) -> None:
    unit = units(vectors).astype(np.float32)
    cosines = (unit @ unit.T).astype(np.float64)
    np.fill_diagonal(cosines, np.nan)
    means = np.sort(np.where(np.isnan(cosines), -9, cosines), axis=1)[:, -10:].mean(axis=1)
    usable = np.delete(np.arange(N_WORDS), [7, 8])
    np.testing.assert_allclose(vectors.neighbourhoods()[usable], means[usable], atol=1e-6)
    assert np.isnan(vectors.neighbourhoods()[[7, 8]]).all()
    queries = [20, 21, 1300, 999]
    found = vectors.similar([WORDS[row] for row in queries], 30, method="csls")
    hubs = 0
    for row, answer in zip(queries, found, strict=True):
        nearest = np.delete(cosines[row], row)
        own = np.sort(nearest[~np.isnan(nearest)])[-10:].mean()
        values = 2 * cosines[row] - own - means
        values[[7, 8, row]] = -np.inf
        order = np.argsort(-values)[:30]
        np.testing.assert_allclose([value for _, value in answer], values[order], atol=1e-5)
        plain = [word for word, _ in vectors.similar(WORDS[row], 30)]
        hubs += plain != [word for word, _ in answer]
    assert hubs  # the order is not that of the cosine
    assert vectors.similar("w7", method="csls") == []
    assert len(vectors.similar("w20", 9999, method="csls")) == N_WORDS - 3
    with pytest.raises(OptionError, match="'cosine' or 'csls', found 'dot'"):
        vectors.similar("w20", method="dot")
    assert Vectors(["a"], np.ones((1, 2), np.float32)).similar("a", method="csls") == []


def test_a_batch_is_what_single_queries_give(vectors: Vectors) -> None:
    words = [WORDS[row] for row in (20, 40, 7, 1305, 2499)]
    assert vectors.similar(words, 12) == [vectors.similar(word, 12) for word in words]
    rows = vectors.matrix[[20, 40]]
    assert vectors.similar(rows, 3) == [vectors.similar(row, 3) for row in rows]  # type: ignore
    assert vectors.similar(rows, 3)[0][0] == ("w20", 1.0)  # type: ignore[arg-type]
    assert vectors.similar([]) == []
    with pytest.raises(KeyError, match="none"):
        vectors.similar(["w1", "none"])
    with pytest.raises(ValueError, match="10 numbers, found shape"):
        vectors.similar([rows[0, 1:]])


def test_halves_are_searched_as_they_are(vectors: Vectors) -> None:
    halves = Vectors(WORDS, vectors.matrix.astype(np.float16))  # type: ignore[arg-type]
    floats = Vectors(WORDS, halves.matrix.astype(np.float32))
    assert halves.similar(["w20", "w40"], 9) == floats.similar(["w20", "w40"], 9)
    questions = [("w20", "w21", "w22")]
    assert halves.analogies(questions, 5) == floats.analogies(questions, 5)


def test_no_plane_by_itself_where_it_may_slow_searches_down() -> None:
    rows = np.random.default_rng(1).normal(size=(40_000, 60)).astype(np.float32)
    vectors = Vectors([f"w{k}" for k in range(len(rows))], rows)
    level, has_vnni = simd.active(), simd.vnni()
    simd.use(level, vnni=False)
    try:
        for _ in range(15):
            vectors.similar(vectors.words[:40], 5)
        assert vectors.plane is None
        expected = vectors.similar("w1", 5)
        vectors.build_plane()  # asked for, it is used
        assert vectors.similar("w1", 5) == expected
    finally:
        simd.use(level, vnni=has_vnni)


@pytest.mark.skipif(not simd.vnni(), reason="planes are not built by themselves without VNNI")
def test_the_plane_comes_when_it_pays_and_goes_with_the_matrix(monkeypatch: Any) -> None:
    rows = np.random.default_rng(1).normal(size=(40_000, 60)).astype(np.float32)
    words = [f"w{k}" for k in range(len(rows))]
    vectors, lean = Vectors(words, rows), Vectors(words, rows)
    lean.keep_plane = False
    asked = words[:40]
    expected = lean.similar(asked, 5)
    for _ in range(12):
        assert vectors.plane is None
        vectors.similar(asked, 5)
    assert vectors.similar(asked, 5) == expected and vectors.plane is not None
    assert vectors.plane.n_bytes < 0.35 * rows.nbytes
    singles = Vectors(words, rows)
    for word in words[:50]:
        assert singles.plane is None
        singles.similar(word, 1)
    assert singles.plane is not None
    rows[1] = rows[0]
    vectors.matrix_changed()
    assert vectors.plane is None and vectors.similar("w0", 1) == [("w1", 1.0)]
    vectors.build_plane()
    assert vectors.similar("w0", 1) == [("w1", 1.0)]
    for _ in range(15):
        lean.similar(asked, 5)
    assert lean.plane is None
    monkeypatch.setattr(vectors_module, "_QUERIES_FOR_PLANE", 1)
    small = Vectors(words[:9], rows[:9])
    small.similar(["w1"] * 20)
    assert small.plane is None  # too small to be worth it
