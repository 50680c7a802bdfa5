"""Scores of vectors, held against their definitions, scipy and gensim."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordvec import Vectors, evaluate
from wordvec.evaluate import AnalogySet, Categories, Lookup, Question, Section, WordPairs
from wordvec.kmeans import spherical_kmeans

NUMBER_PAIRS = st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), max_size=30)


def some_vectors(n_words: int = 60, dim: int = 8, seed: int = 1) -> Vectors:
    matrix = np.random.default_rng(seed).normal(size=(n_words, dim)).astype(np.float32)
    return Vectors([f"w{k}" for k in range(n_words)], matrix)


@given(NUMBER_PAIRS)
def test_spearman_matches_its_definition(pairs):
    def rank(values, value):
        below, equal = sum(v < value for v in values), values.count(value)
        return below + (equal + 1) / 2

    a, b = ([pair[side] for pair in pairs] for side in (0, 1))
    ranks = np.array([[rank(side, value) for value in side] for side in (a, b)], dtype=float)
    found = evaluate.spearman(np.array(a), np.array(b))
    if len(pairs) < 2 or ranks.std(axis=1).min() == 0:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(np.corrcoef(ranks)[0, 1], abs=1e-12)


@settings(deadline=None)  # scipy takes a while to import
@given(NUMBER_PAIRS)
def test_correlations_are_scipys(pairs):
    stats = pytest.importorskip("scipy.stats")
    a, b = np.array(pairs, dtype=float).reshape(-1, 2).T
    if len(pairs) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return
    assert evaluate.spearman(a, b) == pytest.approx(stats.spearmanr(a, b)[0], abs=1e-12)
    assert evaluate.pearson(a, b) == pytest.approx(stats.pearsonr(a, b)[0], abs=1e-12)


def test_bootstrap_is_that_of_resampled_pairs():
    rng = np.random.default_rng(3)
    a = rng.integers(0, 6, 40).astype(float)  # ties
    b = a + rng.normal(size=40)
    rank, plain = evaluate.bootstrap_intervals(a, b, 200, seed=5)
    again = np.random.default_rng(5)
    drawn = [again.integers(0, 40, 40) for _ in range(200)]
    for interval, statistic in ((rank, evaluate.spearman), (plain, evaluate.pearson)):
        values = [statistic(a[rows], b[rows]) for rows in drawn]
        ends = np.quantile(values, [0.025, 0.975])
        assert (interval.low, interval.high) == pytest.approx(ends, abs=1e-9)
        assert interval.n_resamples == 200
    assert (rank, plain) == evaluate.bootstrap_intervals(a, b, 200, seed=5)
    assert rank != evaluate.bootstrap_intervals(a, b, 200, seed=6)[0]


def test_bootstrap_of_nothing():
    rank, plain = evaluate.bootstrap_intervals(np.empty(0), np.empty(0), 10)
    assert np.isnan(rank.low) and plain.n_resamples == 0


def answers_one_by_one(vectors, question, method, restrict):
    """The definition of the three rules, in float64."""
    units = vectors.matrix[:restrict].astype(np.float64)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    a, b, c = units[list(question)]
    if method == "3cosadd":
        scores = units @ (b - a + c) / np.linalg.norm(b - a + c)
    elif method == "3cosmul":
        plus = [(1 + units @ x) / 2 for x in (a, b, c)]
        scores = plus[1] * plus[2] / (plus[0] + 1e-6)
    else:
        with np.errstate(invalid="ignore"):
            offsets = units - c
            offsets /= np.linalg.norm(offsets, axis=1, keepdims=True)
        scores = offsets @ (b - a) / np.linalg.norm(b - a)
    scores[list(question)] = -np.inf
    return np.argsort(-scores, kind="stable"), scores


@pytest.mark.parametrize("method", evaluate.METHODS)
@pytest.mark.parametrize("restrict", [None, 20, 5])
def test_fourth_words_are_those_of_the_rule(method, restrict, monkeypatch):
    monkeypatch.setattr("wordvec.analogies._BLOCK_ROWS", 17)
    monkeypatch.setattr("wordvec.analogies._BLOCK_COSINES", 1)
    vectors = some_vectors()
    n_rows = restrict or len(vectors)
    rng = np.random.default_rng(2)
    questions = np.array([rng.choice(n_rows, 3, replace=False) for _ in range(40)], np.int64)
    rows, scores = evaluate.fourth_words(vectors, questions, 4, method, restrict)
    assert rows.shape == scores.shape == (40, 4)
    for question, found, given_scores in zip(questions, rows, scores, strict=True):
        order, right = answers_one_by_one(vectors, question, method, n_rows)
        n_found = min(4, n_rows - 3)
        assert found[:n_found].tolist() == order[:n_found].tolist()
        assert given_scores[:n_found] == pytest.approx(right[found[:n_found]], rel=1e-4)
        assert (found[n_found:] == -1).all() and np.isnan(given_scores[n_found:]).all()


@pytest.mark.parametrize("method", evaluate.METHODS)
def test_equal_rows_go_to_the_lower_one_and_zero_rows_nowhere(method):
    vectors = some_vectors(40)
    vectors.matrix[10:] = vectors.matrix[9]  # all the same
    vectors.matrix[5] = 0
    vectors.matrix[6, 0] = np.nan
    vectors.matrix_changed()
    rows, _ = evaluate.fourth_words(vectors, np.array([[0, 1, 2]]), 37, method)
    found = [row for row in rows[0].tolist() if row >= 0]
    assert {5, 6, 0, 1, 2}.isdisjoint(found) and len(found) == 35
    same = [row for row in found if row >= 9]
    assert same == sorted(same)


def test_unknown_methods_are_errors():
    with pytest.raises(ValueError, match="3cosadd"):
        evaluate.fourth_words(some_vectors(), np.zeros((1, 3), np.int64), 1, "4cosadd")


def royal() -> Vectors:
    words = ["man", "King", "king", "woman", "queen", "QUEEN", "other"]
    matrix = np.zeros((7, 4), np.float32)
    matrix[[0, 1, 2], 0] = matrix[[3, 4, 5], 1] = 1
    matrix[[1, 2, 4, 5], 2] = 1
    matrix[5, 3] = 0.5  # the variant is a little further
    matrix[6, 3] = 1
    return Vectors(words, matrix)


def one(*words: str, kind: str | None = None) -> AnalogySet:
    a, b, c, d = words
    return AnalogySet("x", [Section("s", kind, [Question(a, (b,), c, tuple(d.split("/")))])])


def test_case_is_ignored_or_not():
    vectors = royal()
    right = one("MAN", "KING", "Woman", "Queen")
    score = evaluate.evaluate_analogies(vectors, right)
    assert (score.total.n_correct, score.total.n_seen, score.total.accuracy) == (1, 1, 1.0)
    score = evaluate.evaluate_analogies(vectors, right, ignore_case=False)
    assert (score.total.n_seen, score.total.n_skipped, score.total.accuracy) == (0, 1, None)
    assert json.loads(json.dumps(asdict(score)))["sections"][0]["n_total"] == 1


def test_any_form_of_the_answer_counts():
    vectors = royal()
    for answers, n_correct in (("other/queen", 1), ("other", 0), ("absent/queen", 1)):
        questions = one("man", "king", "woman", answers)
        assert evaluate.evaluate_analogies(vectors, questions).total.n_correct == n_correct
    assert evaluate.evaluate_analogies(vectors, one("man", "king", "woman", "no")).total.n_seen == 0


def test_restrict_hides_words():
    vectors = royal()
    questions = one("man", "king", "woman", "queen")
    assert evaluate.evaluate_analogies(vectors, questions, restrict=4).total.n_seen == 0
    assert evaluate.evaluate_analogies(vectors, questions, restrict=5).total.n_correct == 1


def test_similarity_counts_and_cosines():
    vectors = some_vectors()
    vectors.matrix[3] = 0
    vectors.matrix[4, 0] = np.inf
    pairs = WordPairs(
        "x",
        [("w0", "W1"), ("w1", "w1"), ("w2", "absent"), ("w3", "w0"), ("w4", "w0")],
        np.array([1.0, 5, 2, 3, 4]),
    )
    cosines = evaluate.pair_cosines(vectors, pairs)
    assert cosines[0] == pytest.approx(vectors.similarity("w0", "w1"), abs=1e-6)
    assert cosines[1] == pytest.approx(1) and cosines[3] == 0
    assert np.isnan(cosines[[2, 4]]).all()
    score = evaluate.evaluate_pairs(vectors, pairs, n_resamples=20)
    assert (score.n_pairs, score.n_used, score.n_oov, score.oov_share) == (5, 3, 2, 0.4)
    assert score.spearman_interval.confidence == 0.95
    assert evaluate.evaluate_pairs(vectors, pairs, ignore_case=False).n_used == 2
    assert evaluate.evaluate_pairs(vectors, pairs, restrict=1).n_oov == 5


def test_a_set_without_usable_pairs_has_no_correlation():
    pairs = WordPairs("x", [("no", "nothing")], np.array([1.0]))
    score = evaluate.evaluate_pairs(some_vectors(), pairs, n_resamples=5)
    assert (score.spearman, score.pearson, score.oov_share) == (None, None, 1.0)


def test_purity_matches_its_definition():
    clusters, categories = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 0])
    assert evaluate.purity(clusters, categories) == pytest.approx((2 + 2 + 1) / 6)


def test_k_means_finds_what_is_apart():
    rng = np.random.default_rng(0)
    centres = np.eye(5, dtype=np.float32)
    rows = np.repeat(centres, 20, axis=0) + rng.normal(scale=0.1, size=(100, 5)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    classes = spherical_kmeans(rows, 5, seed=1)
    assert evaluate.purity(classes, np.repeat(np.arange(5), 20)) == 1
    assert (classes == spherical_kmeans(rows, 5, seed=1)).all()
    assert len(set(spherical_kmeans(np.repeat(rows[:1], 4, axis=0), 3).tolist())) == 1
    with pytest.raises(ValueError, match="n_classes"):
        spherical_kmeans(rows, 101)


def test_categories_score():
    words = ["red", "blue", "dog", "cat", "zero"]
    vectors = Vectors(words, np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1], [0, 0]], np.float32))
    members = [("red", "c"), ("blue", "c"), ("dog", "a"), ("cat", "a"), ("zero", "a"), ("no", "z")]
    score = evaluate.evaluate_categories(vectors, Categories("x", members))
    assert (score.n_words, score.n_used, score.n_oov, score.n_categories) == (6, 4, 2, 2)
    assert score.purity == 1
    nothing = evaluate.evaluate_categories(vectors, Categories("x", [("no", "z")]))
    assert (nothing.purity, nothing.n_oov, nothing.n_categories) == (None, 1, 0)


def test_overlap_matches_sets_of_neighbours():
    first, second = some_vectors(40), some_vectors(40, seed=9)
    second.words = second.words[::-1]
    second = Vectors(second.words, second.matrix)
    score = evaluate.neighbour_overlap(first, second, k=5, n_frequent=30)
    shared = [w for w in first.words[:30] if w in second.words[:30]]
    assert score.n_shared == score.n_used == len(shared) == 20
    near = [
        [
            {word for word, _ in Vectors(shared, v[shared]).similar(query, 5)}
            for query in shared
        ]
        for v in (first, second)
    ]  # fmt: skip
    expected = np.mean([len(a & b) / len(a | b) for a, b in zip(*near, strict=True)])
    assert score.jaccard == pytest.approx(expected)
    assert evaluate.neighbour_overlap(first, first, k=3).jaccard == 1
    stranger = Vectors(["x"], np.ones((1, 3), np.float32))
    assert evaluate.neighbour_overlap(first, stranger).jaccard is None


def test_soundness_counts_what_is_wrong():
    words = ["a", "b", "a", "", "\udcff"]
    matrix = np.array([[3, 4], [0, 0], [np.nan, 1], [np.inf, 0], [1, 0]], np.float32)
    found = evaluate.soundness(Vectors(words, matrix))
    assert asdict(found.norms) == {"min": 0, "median": 1, "max": 5}
    assert (found.n_duplicates, found.duplicate_examples) == (1, ("a",))
    assert (found.n_zero_rows, found.zero_examples) == (1, ("b",))
    assert (found.n_nonfinite_rows, found.nonfinite_examples) == (2, ("a", ""))
    assert found.n_odd_words == 2
    empty = evaluate.soundness(Vectors([], np.empty((0, 2), np.float32)))
    assert empty.norms.min is None and empty.n_words == 0


def test_first_of_equal_words_counts_when_case_is_ignored():
    vectors = royal()
    assert Lookup(vectors, ["KING", "x"]).row("kinG") == 1
    assert Lookup(vectors, ["king"], ignore_case=False).row("king") == 2
    assert Lookup(vectors, ["KING"]).row("KING", restrict=1) == -1


def test_same_counts_as_gensim(tmp_path: Path):
    models = pytest.importorskip("gensim.models")
    rng = np.random.default_rng(4)
    words = [f"w{k}" for k in range(50)] + ["W3", "w60", "W60"]
    matrix = rng.normal(size=(len(words), 6)).astype(np.float32)
    matrix[50] = matrix[3] + 0.01  # a case variant close by, as real ones are
    theirs = models.KeyedVectors(6)
    theirs.add_vectors(words, matrix)
    path = tmp_path / "questions.txt"
    lines = [": family"]
    lines += [" ".join(rng.choice([*words, "absent"], 4)) for _ in range(150)]
    lines += [": gram1"] + [" ".join(rng.choice(words[:8], 4)).upper() for _ in range(150)]
    ours = Vectors(words, matrix)
    for _ in range(150):  # questions that have a right answer
        a, b, c = rng.choice(30, 3, replace=False)
        d = ours.analogy(words[a], words[b], words[c], 1)[0][0]
        lines.append(f"{words[a]} {words[b]} {words[c]} {d}")
    path.write_text("\n".join(lines) + "\n")
    for restrict, ignore_case in ((300, True), (300, False), (30, True)):
        total, sections = theirs.evaluate_word_analogies(
            str(path), restrict_vocab=restrict, case_insensitive=ignore_case
        )
        questions = evaluate.read_questions(path)
        score = evaluate.evaluate_analogies(
            ours, questions, restrict=restrict, ignore_case=ignore_case
        )
        expected = [(len(s["correct"]), len(s["incorrect"])) for s in sections]
        found = [(s.n_correct, s.n_seen - s.n_correct) for s in (*score.sections, score.total)]
        assert found == expected and score.total.n_correct > 0
        assert score.total.accuracy == pytest.approx(total)
