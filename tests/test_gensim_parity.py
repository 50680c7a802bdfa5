"""KeyedVectors beside gensim's own, method by method, on the same vectors."""

import contextlib
import inspect
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordvec.keyedvectors import KeyedVectors, prep_vectors, pseudorandom_weak_vector

keyedvectors = pytest.importorskip("gensim.models.keyedvectors")
pytestmark = [
    pytest.mark.rivals,
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

N, DIM = 80, 12


def matrix_like(kind: str) -> np.ndarray:
    rng = np.random.default_rng(3)
    rows = rng.normal(0, 1, (N, DIM))
    if kind == "trained":  # a common direction, groups of neighbours, long rows for common words
        centres = rng.normal(0, 1, (8, DIM)) + 0.8
        rows = centres[np.arange(N) % 8] + 0.3 * rows
        rows *= np.linspace(3, 0.5, N)[:, None]
    if kind == "duplicates":
        rows[40:] = rows[:40]
    return rows.astype(np.float32)


KINDS = ["random", "trained"]
WORDS = [f"w{k}" for k in range(N - 4)] + ["größe", "🙂", "Paris", "paris"]
COUNTS = np.arange(N, 0, -1) * 3


def pair_of(rows: np.ndarray) -> tuple[KeyedVectors, Any]:
    found = []
    for kind in (KeyedVectors, keyedvectors.KeyedVectors):
        vectors = kind(rows.shape[1])
        vectors.add_vectors(WORDS[: len(rows)], rows.copy())
        for word, count in zip(WORDS[: len(rows)], COUNTS, strict=False):
            vectors.set_vecattr(word, "count", int(count))
        found.append(vectors)
    return found[0], found[1]


@pytest.fixture(params=KINDS)
def both(request: pytest.FixtureRequest) -> tuple[KeyedVectors, Any]:
    return pair_of(matrix_like(request.param))


def outcome(vectors: Any, name: str, args: Any, options: Any) -> Any:
    try:
        return getattr(vectors, name)(*args, **options)
    except Exception as error:
        return error


def same(a: Any, b: Any, tolerance: float = 2e-6) -> bool:
    if isinstance(b, Exception):
        return type(a) is type(b) and str(a) == str(b)
    if isinstance(b, (list, tuple)):
        return (
            isinstance(a, (list, tuple))
            and len(a) == len(b)
            and all(same(x, y, tolerance) for x, y in zip(a, b, strict=True))
        )
    if isinstance(b, np.ndarray):
        return (
            a.shape == b.shape
            and a.dtype == b.dtype
            and np.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)
        )
    if isinstance(b, (float, np.floating)):
        return type(a) is type(b) and (
            bool(np.isnan(a) and np.isnan(b)) or a == b or abs(a - b) <= tolerance * max(1, abs(b))
        )
    return type(a) is type(b) and bool(a == b)


VECTOR = np.linspace(-1, 1, DIM).astype(np.float32)
QUERIES: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("__str__", (), {}),
    ("__len__", (), {}),
    ("__contains__", ("w3",), {}),
    ("__contains__", (3,), {}),
    ("__contains__", (-1,), {}),
    ("__contains__", (N,), {}),
    ("__contains__", (["w3"],), {}),
    ("__getitem__", ("none",), {}),
    ("__getitem__", ([],), {}),
    ("__getitem__", (["w3", "w3", 5],), {}),
    ("__getitem__", (["w3", "none"],), {}),
    ("__getitem__", (np.int32(4),), {}),
    ("get_index", ("none", 0), {}),
    ("get_index", (-1,), {}),
    ("get_vector", ("none",), {"norm": True}),
    ("get_vector", ("w7",), {"norm": True}),
    ("get_vecattr", ("w3", "count"), {}),
    ("get_vecattr", ("none", "count"), {}),
    ("get_vecattr", ("w3", "none"), {}),
    ("set_vecattr", ("w3", "count", 1.5), {}),
    ("set_vecattr", ("none", "count", 1), {}),
    ("get_normed_vectors", (), {}),
    ("get_mean_vector", ([],), {}),
    ("get_mean_vector", (["none"],), {}),
    ("get_mean_vector", ("w1",), {}),
    ("get_mean_vector", (["w1", "none", VECTOR],), {"pre_normalize": False}),
    ("get_mean_vector", (["w1", "w2"],), {"weights": [0.5, -3.0], "post_normalize": True}),
    ("get_mean_vector", (["w1", "w2"],), {"weights": np.float32([0, 0])}),
    ("get_mean_vector", (["w1"],), {"weights": [1, 2]}),
    ("get_mean_vector", (["none"],), {"ignore_missing": False}),
    ("most_similar", ("w3",), {}),
    ("most_similar", (3,), {}),
    ("most_similar", (["w1", "w2"], ["w3"]), {}),
    ("most_similar", ([("w1", 0.3), "w2"], [("w3", -0.7)]), {"topn": 4}),
    ("most_similar", ([(VECTOR, 0.3), "w2"],), {"topn": 4}),
    ("most_similar", (VECTOR,), {"topn": 4}),
    ("most_similar", (matrix_like("random")[:3],), {"topn": 4}),
    ("most_similar", (), {"negative": "w3", "topn": 2}),
    ("most_similar", (), {}),
    ("most_similar", ([],), {}),
    ("most_similar", ("none",), {}),
    ("most_similar", (["w1", "none"],), {}),
    ("most_similar", ("w3",), {"topn": 0}),
    ("most_similar", ("w3",), {"topn": -2}),
    ("most_similar", ("none",), {"topn": 0}),
    ("most_similar", ("w3",), {"topn": 1000}),
    ("most_similar", ("w3",), {"topn": None}),
    ("most_similar", ("w3",), {"topn": None, "clip_start": 7, "clip_end": 20}),
    ("most_similar", ("w3",), {"topn": 5, "clip_start": 7, "clip_end": 20}),
    ("most_similar", ("w3",), {"topn": 5, "clip_start": 7, "clip_end": 9}),
    ("most_similar", ("w3",), {"topn": 5, "clip_end": 10_000}),
    ("most_similar", ("w3",), {"topn": 5, "clip_start": -10}),
    ("most_similar", ("w3",), {"topn": 5, "restrict_vocab": 20, "clip_start": 30}),
    ("most_similar", ("w70",), {"topn": 5, "restrict_vocab": 20}),
    ("most_similar", (["w3", "w3"],), {"topn": 5}),
    ("most_similar", (VECTOR[1:],), {"topn": 5}),
    ("similar_by_word", ("w3",), {"topn": 3, "restrict_vocab": 30}),
    ("similar_by_key", ("none",), {}),
    ("similar_by_vector", (VECTOR,), {"topn": 3}),
    ("similar_by_vector", (VECTOR,), {"topn": None}),
    ("most_similar_cosmul", ("w3",), {}),
    ("most_similar_cosmul", (["w1", "w2"], ["w3"]), {}),
    ("most_similar_cosmul", (["w1", VECTOR], "w3"), {"topn": 3}),
    ("most_similar_cosmul", (["w1", "w2"], ["w3"]), {"topn": None}),
    ("most_similar_cosmul", (["w1", "w2"], ["w3"]), {"topn": 0}),
    ("most_similar_cosmul", (), {}),
    ("most_similar_cosmul", ([], ["w3"]), {}),
    ("most_similar_cosmul", ("none",), {}),
    ("rank_by_centrality", (["w1", "w2", "w3"],), {}),
    ("rank_by_centrality", (["w1", "w2", "none"],), {"use_norm": False}),
    ("rank_by_centrality", ([],), {}),
    ("doesnt_match", (["w1", "w9", "w17", "w3"],), {}),
    ("doesnt_match", (["w1"],), {}),
    ("doesnt_match", (["none"],), {}),
    ("cosine_similarities", (VECTOR, matrix_like("random")), {}),
    ("cosine_similarities", (VECTOR * 0, matrix_like("random")), {}),
    ("distances", ("w1",), {}),
    ("distances", ("w1", ["w2", "w3"]), {}),
    ("distances", (VECTOR, ("w2",)), {}),
    ("distances", (VECTOR,), {}),
    ("distances", ("none",), {}),
    ("distances", ("w1", ["none"]), {}),
    ("distance", ("w1", "w2"), {}),
    ("distance", ("w1", "none"), {}),
    ("similarity", ("w1", "w2"), {}),
    ("similarity", ("w1", 2), {}),
    ("similarity", ("none", "w2"), {}),
    ("n_similarity", (["w1", "w2"], ["w3"]), {}),
    ("n_similarity", (["w1", "none"], ["w3"]), {}),
    ("n_similarity", (["none"], ["w3"]), {}),
    ("n_similarity", ([], ["w3"]), {}),
    ("most_similar_to_given", ("w1", ["w2", "w9", "w3"]), {}),
    ("most_similar_to_given", ("w1", []), {}),
    ("most_similar_to_given", ("w1", ["none"]), {}),
    ("closer_than", ("w1", "w2"), {}),
    ("closer_than", ("w1", "w1"), {}),
    ("closer_than", ("w1", "none"), {}),
    ("words_closer_than", ("w1", "w2"), {}),
    ("rank", ("w1", "w2"), {}),
    ("rank", ("w1", "w1"), {}),
    ("rank", ("none", "w1"), {}),
    ("relative_cosine_similarity", ("w1", "w2"), {}),
    ("relative_cosine_similarity", ("w1", "w2"), {"topn": 3}),
    ("relative_cosine_similarity", ("w1", "w2"), {"topn": 0}),
    ("similarity_unseen_docs", ("w1",), {}),
    ("word_vec", ("w1",), {}),
    ("init_sims", (), {}),
    ("fill_norms", (), {"force": True}),
    ("log_accuracy", ({"section": "s", "correct": [1], "incorrect": []},), {}),
    ("log_evaluate_word_pairs", ((0.5, 0.1), (0.5, 0.1), 3.0, "file"), {}),
]


@pytest.mark.parametrize(
    ("name", "args", "options"), QUERIES, ids=[f"{k}-{q[0]}" for k, q in enumerate(QUERIES)]
)
def test_as_gensim(both: Any, name: str, args: Any, options: Any) -> None:
    found, expected = (outcome(vectors, name, args, options) for vectors in both)
    assert same(found, expected), (found, expected)


def test_queries_do_not_agree_by_being_empty(both: Any) -> None:
    """The comparison above must be able to fail."""
    assert not same(both[0].most_similar("w3"), both[1].most_similar("w4"))
    assert not same(outcome(both[0], "rank", ("x", "y"), {}), ValueError("Key 'x' not present"))


def test_every_public_name_is_there(both: Any) -> None:
    ours, theirs = both
    missing = [name for name in dir(theirs) if not name.startswith("_") and name not in dir(ours)]
    assert missing == ["lifecycle_events"] or missing == []


def test_arguments_have_the_same_names_and_defaults() -> None:
    for name, method in vars(keyedvectors.KeyedVectors).items():
        if name.startswith("_") or not inspect.isroutine(method) or name in ("save",):
            continue
        theirs = inspect.signature(getattr(keyedvectors.KeyedVectors, name)).parameters
        ours = inspect.signature(getattr(KeyedVectors, name)).parameters
        for place, (argument, parameter) in enumerate(theirs.items()):
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            assert list(ours)[place] == argument, (name, argument)
            assert ours[argument].default == parameter.default, (name, argument)


def scores_of(neighbours: Any) -> dict[str, float]:
    return {word: score for word, score in neighbours if not np.isnan(score)}


def test_duplicates_and_a_row_of_zeros() -> None:
    """Ties may come in another order, and nan is not listed; the rest is the same."""
    rows = matrix_like("duplicates")
    rows[7] = 0
    ours, theirs = pair_of(rows)
    for query in ("w3", "w43"):
        a, b = (vectors.most_similar(query, topn=N) for vectors in (ours, theirs))
        assert scores_of(a) == pytest.approx(scores_of(b), abs=2e-6)
        assert [s for _, s in a] == pytest.approx([s for _, s in b if not np.isnan(s)], abs=2e-6)
    assert ours.most_similar("w3", topn=1)[0][0] == "w43"
    for method, args in [
        ("distances", ("w3",)), ("distances", ("w7",)), ("similarity", ("w3", "w7")),
        ("distance", ("w7", "w7")), ("get_normed_vectors", ()), ("get_vector", ("w7", True)),
        ("closer_than", ("w3", "w7")), ("rank", ("w3", "w43")), ("n_similarity", (["w7"], ["w3"])),
        ("most_similar", ("w3", None, None)), ("get_mean_vector", (["w7", "w3"],)),
        ("doesnt_match", (["w3", "w43", "w5"],)),
    ]:  # fmt: skip
        found, expected = (outcome(vectors, method, args, {}) for vectors in (ours, theirs))
        assert same(found, expected), (method, found, expected)
    assert ours.most_similar("w7") == []  # gensim: ten times nan
    for vectors in (ours, theirs):
        vectors.unit_normalize_all()
    assert same(ours.vectors, theirs.vectors) and same(np.float64(ours.norms), theirs.norms)


def test_batch(both: Any) -> None:
    ours, theirs = both
    queries = ["w1", ["w2", "w3"], VECTOR, [("w5", 2.0), VECTOR], 9]
    found = ours.most_similar_batch(queries, topn=4)
    assert same(found, [theirs.most_similar(query, topn=4) for query in queries])
    limited = ours.most_similar_batch(queries, topn=4, restrict_vocab=9)
    assert same(limited, [theirs.most_similar(q, topn=4, restrict_vocab=9) for q in queries])
    assert ours.most_similar_batch([]) == [] and ours.most_similar_batch(["w1"], topn=0) == [[]]
    assert len(ours.most_similar_batch(["w1"], topn=10_000)[0]) == N - 1
    with pytest.raises(KeyError, match="'none' not present in vocabulary"):
        ours.most_similar_batch(["w1", "none"])


def test_indexer(both: Any) -> None:
    class Indexer:
        def most_similar(self, vector: np.ndarray, topn: int) -> Any:
            return vector.copy(), topn

    assert same(*(v.most_similar("w3", indexer=Indexer()) for v in both))
    assert same(*(v.most_similar("w3", topn=None, indexer=Indexer()) for v in both))


def test_cosmul_keeps_to_restrict_vocab(both: Any) -> None:
    """gensim takes the argument and ignores it."""
    ours, theirs = both
    all_scores = theirs.most_similar_cosmul(["w1", "w2"], ["w3"], topn=N)
    expected = [(word, score) for word, score in all_scores if ours.get_index(word) < 30][:5]
    assert same(ours.most_similar_cosmul(["w1", "w2"], ["w3"], 5, restrict_vocab=30), expected)


# What changes vectors: the same steps for both


def steps_grow(v: Any) -> None:
    rows = np.random.default_rng(9).normal(0, 1, (11, DIM)).astype(np.float32)
    v.add_vectors(["a", "w1", "b"], rows[:3])
    v.add_vectors(["w2", "c"], rows[3:5].tolist(), replace=True)
    v.add_vector("d", rows[5])
    v["e"] = rows[6]
    v[["w5", "f"]] = rows[7:9]
    v.add_vectors("g", rows[9])
    v.add_vector(1000, rows[10])
    v.fill_norms(force=True)
    v.allocate_vecattrs()


def steps_attributes(v: Any) -> None:
    v.set_vecattr("w3", "kind", "noun")
    v.set_vecattr("w4", "weight", 0.5)
    v.allocate_vecattrs(["extra", "weight"], [int, np.float64])
    v.set_vecattr(3, "extra", 7)


def steps_sort(v: Any) -> None:
    for k, word in enumerate(WORDS):
        v.set_vecattr(word, "count", k % 7)
    v.sort_by_descending_frequency()
    v.fill_norms(force=True)


def steps_by_hand(v: Any) -> None:
    v.index_to_key.append("new")
    v.key_to_index["new"] = len(v.index_to_key) - 1
    v.vectors = np.vstack([v.vectors, VECTOR])
    v.norms = None


def steps_rename(v: Any) -> None:
    v.index_to_key = [word.upper() for word in v.index_to_key]
    v.key_to_index = {word: row for row, word in enumerate(v.index_to_key)}


def steps_resize(v: Any) -> None:
    v.index_to_key.extend(["x", "y"])
    v.key_to_index.update({"x": N, "y": N + 1})
    v.resize_vectors(seed=5)


STEPS = [steps_grow, steps_attributes, steps_sort, steps_by_hand, steps_rename, steps_resize]


@pytest.mark.parametrize("steps", STEPS)
def test_changes_as_gensim(both: Any, steps: Any) -> None:
    before = both[0].index_to_key[:]
    for vectors in both:
        vectors.most_similar("w3")
        steps(vectors)
    ours, theirs = both
    assert ours.index_to_key == theirs.index_to_key and ours.key_to_index == theirs.key_to_index
    assert same(ours.vectors, theirs.vectors) and len(ours) == len(theirs)
    assert sorted(ours.expandos) == sorted(theirs.expandos)
    for name in ours.expandos:
        assert ours.expandos[name].dtype == theirs.expandos[name].dtype
        assert ours.expandos[name].tolist() == theirs.expandos[name].tolist()
    assert before != ours.index_to_key or steps is steps_attributes
    query = ours.index_to_key[3]
    assert same(ours.most_similar(query), theirs.most_similar(query))


def test_places_made_beforehand() -> None:
    pair = [kind(2, count=3) for kind in (KeyedVectors, keyedvectors.KeyedVectors)]
    for v in pair:
        assert len(v) == 3 and v.index_to_key == [None] * 3 and v.vectors.shape == (3, 2)
        assert v.add_vector("a", [1, 2]) == 0 and v.next_index == 1
        v.add_vectors(["z"], np.float32([[9, 9]]))
        assert v.add_vector("b", [3, 4]) == 1 and v.add_vector("c", [5, 6]) == 2
        assert v.add_vector("d", [7, 8]) == 4 and v.next_index == 5
        assert v.index_to_key == ["a", "b", "c", "z", "d"]
    assert same(pair[0].vectors, pair[1].vectors)
    assert same(pair[0].most_similar("a"), pair[1].most_similar("a"))


def test_vectors_for_all(both: Any) -> None:
    for options in ({}, {"copy_vecattrs": True}, {"allow_inference": False}):
        a, b = (v.vectors_for_all(["w9", "none", "w2", "w9"], **options) for v in both)
        assert a.index_to_key == b.index_to_key == ["w9", "w2"] and same(a.vectors, b.vectors)
        assert a.expandos["count"].tolist() == b.expandos["count"].tolist()
        assert same(a.most_similar("w9"), b.most_similar("w9")) and a.next_index == b.next_index
    assert len(both[0].vectors_for_all([])) == len(both[1].vectors_for_all([])) == 0


def test_start_vectors() -> None:
    for shape, prior in [((3, 4), None), ((5, 4), np.ones((2, 4), np.float32))]:
        assert same(prep_vectors(shape, prior, 7), keyedvectors.prep_vectors(shape, prior, 7))
    a, b = (
        f(5, "seed", hashfxn=len)
        for f in (pseudorandom_weak_vector, keyedvectors.pseudorandom_weak_vector)
    )
    assert same(a, b) and len(pseudorandom_weak_vector(4)) == 4


keys_strategy = st.one_of(st.sampled_from([*WORDS[:12], "none"]), st.integers(-2, 12))
items_strategy = st.lists(st.one_of(keys_strategy, st.tuples(keys_strategy, st.integers(-3, 3))))


@settings(deadline=None, max_examples=150)
@given(
    items_strategy, items_strategy, st.integers(-1, 20),
    st.one_of(st.none(), st.integers(1, 15)),
)  # fmt: skip
def test_any_query(positive: Any, negative: Any, topn: int, restrict: int | None) -> None:
    rows = matrix_like("random")[:12]
    ours, theirs = pair_of(rows)
    options = {"positive": positive, "negative": negative, "topn": topn, "restrict_vocab": restrict}
    with np.errstate(all="ignore"):
        a, b = (outcome(v, "most_similar", (), options) for v in (ours, theirs))
        if not isinstance(b, Exception) and not any(abs(score) > 1e-5 for _, score in b):
            return  # no direction: gensim lists rows with 0, or with what rounding left
    assert same(a, b, 1e-5) or (
        not isinstance(a, Exception) and scores_of(a) == pytest.approx(scores_of(b), abs=1e-5)
    ), (a, b)


# Evaluation


@pytest.fixture
def analogies(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    lines = [": first section"]
    for k in range(120):
        if k == 60:
            lines += [": second: with colon", "only three words", "w1 w2 w3 w4 w5", ""]
        words = [WORDS[i] for i in rng.integers(0, N, 4)]
        lines.append(" ".join(words) if k % 10 else "w1 none w2 w3")
    lines += ["W1 w9 W2 W10", "Paris w1 paris w2", ": empty"]
    path = tmp_path / "analogies.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case_insensitive", [True, False])
@pytest.mark.parametrize("dummy4unknown", [True, False])
@pytest.mark.parametrize("restrict_vocab", [300_000, 60, None])
def test_analogies_as_gensim(
    analogies: Path, kind: str, case_insensitive: bool, dummy4unknown: bool, restrict_vocab: Any
) -> None:
    rows = matrix_like(kind)
    if kind == "trained":  # so that some answers are right
        rows[:40] = np.repeat(rows[:8], 5, axis=0) + 0.01 * rows[40:]
    found = []
    for vectors in pair_of(rows):
        vectors.most_similar("w3")  # gensim computes norms first
        found.append(
            vectors.evaluate_word_analogies(
                analogies,
                restrict_vocab or 10**6,
                case_insensitive,
                dummy4unknown,
            )
        )
    assert found[0] == found[1]
    assert [s["section"] for s in found[0][1]][-1] == "Total accuracy" and len(found[0][1]) == 4


def test_analogies_that_cannot_be(both: Any, tmp_path: Path) -> None:
    (tmp_path / "headless").write_text("a b c d\n")
    (tmp_path / "empty").write_text(": s\n")
    for name in ("headless", "empty", "missing"):
        found = [outcome(v, "evaluate_word_analogies", (str(tmp_path / name),), {}) for v in both]
        assert type(found[0]) is type(found[1]) and isinstance(found[0], Exception)
        if name != "empty":
            assert str(found[0]) == str(found[1])


def test_analogies_by_another_function(both: Any, analogies: Path) -> None:
    ours = both[0]
    score, sections = ours.evaluate_word_analogies(
        analogies, similarity_function="most_similar_cosmul"
    )
    rights = set(sections[-1]["correct"])
    for a, b, c, d in [*list(rights), *sections[-1]["incorrect"]][:40]:
        rows = [next(w for w in WORDS if w.upper() == word) for word in (a, b, c)]
        found = ours.most_similar_cosmul(rows[1:], rows[:1], topn=5)
        answers = [w.upper() for w, _ in found if w.upper() not in (a, b, c)]
        assert ((a, b, c, d) in rights) == (bool(answers) and answers[0] == d)
    assert 0 <= score <= 1


@pytest.mark.parametrize("options", [
    {}, {"dummy4unknown": True}, {"case_insensitive": False}, {"restrict_vocab": 30},
    {"delimiter": " "},
])  # fmt: skip
def test_word_pairs_as_gensim(both: Any, tmp_path: Path, options: Any) -> None:
    rng = np.random.default_rng(2)
    delimiter = options.get("delimiter", "\t")
    lines = ["# comment", "", "w1 w2", "w1\tw2\tx", "w1\tw2\t1\t2"]
    for k in range(60):
        a, b = (WORDS[i] if i % 9 else "none" for i in rng.integers(0, N, 2))
        fields = [a.upper() if k % 5 == 0 else a, b, str(round(rng.uniform(0, 10), 1))]
        lines.append(delimiter.join(fields))
    path = tmp_path / "pairs.tsv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    found, expected = (v.evaluate_word_pairs(str(path), **options) for v in both)
    assert found[2] == expected[2]
    for a, b in zip(found[:2], expected[:2], strict=True):
        assert a.statistic == pytest.approx(b.statistic, abs=1e-6) and a[0] == a.statistic
        assert a.pvalue == pytest.approx(b.pvalue, rel=1e-4, abs=1e-12) and a[1] == a.pvalue
    assert found[0].statistic != 0


@pytest.mark.parametrize("text", ["", "no\n", "none\tw1\t3\n", "w1\tw2\t3\n", "a\tb\n" * 3])
def test_word_pairs_that_cannot_be(both: Any, tmp_path: Path, text: str) -> None:
    (tmp_path / "pairs").write_text(text)
    found = [outcome(v, "evaluate_word_pairs", (str(tmp_path / "pairs"),), {}) for v in both]
    assert isinstance(found[0], ValueError) and isinstance(found[1], ValueError)
    if "w2" not in text:
        assert str(found[0]) == str(found[1])


def test_old_gensims_evaluation_name(both: Any, analogies: Path) -> None:
    with pytest.warns(DeprecationWarning, match="evaluate_word_analogies"):
        sections = both[0].accuracy(analogies)
    assert sections[-1]["section"] == "total"


# Word Mover's Distance


def distance_of(vectors: Any, a: list[str], b: list[str], norm: bool) -> float:
    found: float = vectors.wmdistance(a, b, norm=norm)
    return found


DOCUMENTS = [
    (["w1", "w2", "w2", "none"], ["w3", "w4", "w1"]), (["w1"], ["w1"]), (["w1"], ["none"]),
    ([], ["w1"]), (["w1", "w2"], ["w2", "w1"]), (["w1"] * 3, ["w2"]),
    (WORDS[:30], WORDS[20:55]), ("w", "v"),
]  # fmt: skip


@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize(("a", "b"), DOCUMENTS)
def test_word_movers_distance_as_gensim(both: Any, a: Any, b: Any, norm: bool) -> None:
    pytest.importorskip("ot")
    found, expected = (distance_of(v, a, b, norm) for v in both)
    assert found == pytest.approx(expected, abs=1e-6) and isinstance(found, float)


def test_word_movers_distance_by_scipy(both: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("scipy")
    from wordvec import movers

    ours = both[0]
    monkeypatch.setattr(movers, "transport_cost", movers._transport_cost_by_scipy)
    unit = ours.get_normed_vectors()
    assert ours.wmdistance(["w1"], ["w2"]) == pytest.approx(np.linalg.norm(unit[1] - unit[2]))
    # Two against two of equal weight: the better of the two ways to pair them.
    gaps = np.linalg.norm(unit[[1, 2]][:, None] - unit[[3, 4]][None], axis=2)
    best = min(gaps[0, 0] + gaps[1, 1], gaps[0, 1] + gaps[1, 0]) / 2
    assert ours.wmdistance(["w1", "w2"], ["w3", "w4"]) == pytest.approx(best)
    with contextlib.suppress(ImportError):
        import ot  # noqa: F401

        for a, b in DOCUMENTS:
            found, expected = (distance_of(v, list(a), list(b), True) for v in both)
            assert found == pytest.approx(expected, abs=1e-6)


# Files


def test_intersect_as_gensim(both: Any, tmp_path: Path) -> None:
    other = keyedvectors.KeyedVectors(DIM)
    other.add_vectors(["w5", "new", "w1"], np.float32([VECTOR, VECTOR, -VECTOR]))
    path = str(tmp_path / "other.txt")
    other.save_word2vec_format(path)
    for v in both:
        v.vectors_lockf = np.ones(N, dtype=np.float32)
        v.intersect_word2vec_format(path, lockf=0.25)
    ours, theirs = both
    assert same(ours.vectors, theirs.vectors) and same(ours.vectors_lockf, theirs.vectors_lockf)
    assert ours.lifecycle_events[-1]["event"] == "intersect_word2vec_format"
    other.save_word2vec_format(path + ".bin", binary=True)
    ours.vectors[:] = 0
    ours.intersect_word2vec_format(path + ".bin", binary=True)
    assert ours["w1"].tolist() == (-VECTOR).tolist() and not ours["w2"].any()
    (tmp_path / "narrow").write_text("1 2\nw1 1 2\n")
    found = [outcome(v, "intersect_word2vec_format", (str(tmp_path / "narrow"),), {}) for v in both]
    assert same(*found) and isinstance(found[0], ValueError)


def test_half_precision(both: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "v.bin")
    both[1].save_word2vec_format(path, binary=True)
    a, b = (
        kind.load_word2vec_format(path, binary=True, datatype=np.float16)
        for kind in (KeyedVectors, keyedvectors.KeyedVectors)
    )
    assert a.vectors.dtype == b.vectors.dtype == np.float16
    assert np.array_equal(a.vectors, b.vectors) and a["w3"].dtype == np.float32
    near = [word for word, _ in both[0].most_similar("w3", topn=3)]
    assert [word for word, _ in a.most_similar("w3", topn=3)] == near


def test_missing_words_are_logged_as_gensim(both: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for v in both:
            v.rank_by_centrality(["w1", "none"])
    assert len(caplog.records) == 2


def test_gensim_3_names_that_gensim_4_refuses(both: Any) -> None:
    ours, theirs = both
    for name in ("vocab", "index2word", "index2entity", "vectors_norm"):
        with pytest.raises(AttributeError):
            getattr(theirs, name)
        with pytest.warns(DeprecationWarning, match=f"`{name}`"):
            assert len(getattr(ours, name)) == N
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert "w3" in ours.vocab and "none" not in ours.vocab and list(ours.vocab) == WORDS
        assert ours.vocab["w3"].count == COUNTS[3] and ours.vocab["w3"].index == 3
        ours.vocab["w3"].count = 5
        assert ours.get_vecattr("w3", "count") == 5 and ours.counts[3] == 5
        assert same(ours.syn0norm, theirs.get_normed_vectors()) and ours.wv is ours
        with pytest.raises(AttributeError):
            _ = ours.vocab["w3"].sample_int
        with pytest.raises(KeyError):
            _ = ours.vocab["none"]
