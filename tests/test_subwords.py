"""n-gram buckets, start values, means of rows and the vectors of unseen words."""

import numpy as np
import pytest
import reference_subwords as twin
from hypothesis import given, settings
from hypothesis import strategies as st

from wordvec.kernels import simd
from wordvec.kernels import subwords as kernel
from wordvec.keyedvectors import KeyedVectors
from wordvec.subwords import NgramRules, Subwords, means_of_rows, ngrams_of_word, ngrams_of_words
from wordvec.vectors import Vectors

WORDS = st.one_of(
    st.text(alphabet="abcdefghijklmnop", max_size=40).map(str.encode),
    st.text(max_size=12).map(lambda s: s.encode("utf-8", "surrogatepass")),
    st.binary(max_size=20),
)


def packed(words):
    starts = np.zeros(len(words) + 1, np.int64)
    np.cumsum([len(word) for word in words], out=starts[1:])
    return np.frombuffer(b"".join(words), np.uint8), starts


@pytest.mark.parametrize(
    ("text", "value"),
    [("a", 3826002220), ("king", 3658736598), ("</s>", 3617362777), ("é", 1023043777),
     ("日本", 4164387409)],
)  # fmt: skip
def test_hash_values_of_the_original(text, value):
    assert kernel.hash_bytes(text.encode()) == value == twin.fnv(text.encode())


def test_buckets_of_the_original():
    subwords = Subwords(NgramRules(2, 3, 2_000_000), np.zeros((2_000_000, 1), np.float32), 1)
    found = dict(zip(subwords.ngrams("été"), subwords.buckets_of("été").tolist(), strict=True))
    assert found == {
        "<é": 36627, "<ét": 1908133, "ét": 452975, "été": 187927, "té": 41387, "té>": 1291535,
        "é>": 1996781,
    }  # fmt: skip
    assert subwords.ngrams("été") == ["<é", "<ét", "ét", "été", "té", "té>", "é>"]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(WORDS, max_size=8),
    st.integers(0, 8),
    st.integers(0, 20),
    st.sampled_from([1, 2, 3, 1000, 2_000_000, 2**31 - 1]),
    st.sampled_from(simd.available()),
)
def test_buckets_equal_the_twin(words, min_n, max_n, bucket, level):
    before = simd.active()
    simd.use(level)
    try:
        starts, buckets = ngrams_of_words(*packed(words), NgramRules(min_n, max_n, bucket))
    finally:
        simd.use(before)
    expected = [[twin.fnv(g) % bucket for g in twin.ngrams(w, min_n, max_n)] for w in words]
    assert np.diff(starts).tolist() == [len(one) for one in expected]
    assert buckets.tolist() == [number for one in expected for number in one]


def test_threads_give_the_same_buckets():
    words = [f"word{i}é".encode() for i in range(5000)]
    one = ngrams_of_words(*packed(words), NgramRules())
    for found, expected in zip(ngrams_of_words(*packed(words), NgramRules(), 4), one, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("length", [0, 1, 13, 14, 15, 16, 17, 29, 30, 31, 33, 300])
def test_words_of_awkward_length(level, length):
    word = bytes(97 + i * 7 % 26 for i in range(length))
    for min_n, max_n in [(3, 6), (2, 2), (1, 3), (6, 64), (3, 70), (5, 30)]:
        _, buckets = ngrams_of_words(*packed([word]), NgramRules(min_n, max_n, 99991))
        expected = [twin.fnv(g) % 99991 for g in twin.ngrams(word, min_n, max_n)]
        assert buckets.tolist() == expected


def test_no_ngrams():
    for rules in (NgramRules(3, 0, 10), NgramRules(3, 2, 10), NgramRules(3, 6, 0)):
        starts, buckets = ngrams_of_words(*packed([b"word"]), rules)
        assert starts.tolist() == [0, 0] and len(buckets) == 0


def test_ngram_buckets_checks_its_lists():
    arena, starts = packed([b"abc", b"de"])
    buckets = np.zeros(99, np.int32)
    with pytest.raises(ValueError, match="do not fit the n-grams of word 1"):
        kernel.ngram_buckets(arena, starts, 0, 2, np.array([0, 6, 99], np.int64), buckets, 3, 6, 10)
    with pytest.raises(ValueError, match="outside the arena"):
        kernel.count_ngrams(arena, starts + 1, 0, 2, np.zeros(2, np.int64), 3, 6)
    with pytest.raises(ValueError, match="n_buckets"):
        kernel.ngram_buckets(arena, starts, 0, 2, np.zeros(3, np.int64), buckets, 3, 6, 2**31)


@pytest.mark.parametrize("of_buckets", [False, True])
def test_start_rows(of_buckets):
    rows = np.zeros((4, 7), np.float32)
    numbers = np.array([5, 0, 1_999_999, 5], np.int32)
    kernel.start_rows(rows, 9, numbers=numbers, of_buckets=of_buckets)
    for row, number in zip(rows, numbers.tolist(), strict=True):
        np.testing.assert_allclose(row, twin.start_row(number, 7, 9, of_buckets), rtol=1e-6)
    again = np.zeros((2, 7), np.float32)
    kernel.start_rows(again, 9, first_number=5, of_buckets=of_buckets)
    np.testing.assert_array_equal(again[0], rows[0])
    many = np.zeros((1000, 50), np.float32)
    kernel.start_rows(many, 1, of_buckets=of_buckets)
    assert np.abs(many).max() <= 1 / 50 and abs(many.mean()) < 1e-3
    assert many.std() == pytest.approx(1 / 50 / np.sqrt(3), rel=0.02)


@pytest.mark.parametrize("dim", [1, 15, 16, 17, 33, 130, 300])
def test_mean_rows_in_order(level, dim):
    """Bit for bit: float32 sums in order, times the float nearest to 1 / n."""
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(50, dim + 3)).astype(np.float32)[:, 1:]  # not aligned
    starts = np.array([0, 3, 3, 4, 20], np.int64)
    numbers = rng.integers(0, 50, 20).astype(np.int32)
    out = np.full((4, dim), 7, np.float32)
    means_of_rows(rows, starts, numbers, out)
    for word in range(4):
        own = numbers[starts[word] : starts[word + 1]]
        expected = np.zeros(dim, np.float32)
        for number in own:
            expected += rows[number, :dim]
        if len(own):
            expected *= np.float32(1.0 / len(own))
        np.testing.assert_array_equal(out[word], expected)


def test_mean_rows_of_untouched_buckets(level):
    rows = np.ones((1, 40), np.float32)
    out = np.zeros((1, 40), np.float32)
    kernel.mean_rows(
        rows, 40, np.array([0, 2], np.int64), np.array([0, -1 - 17], np.int32), 0, 1, out, 4
    )
    np.testing.assert_allclose(out[0], (1 + twin.start_row(17, 40, 4, True)) / 2, rtol=1e-6)


def test_mean_rows_checks():
    rows, out = np.ones((2, 4), np.float32), np.zeros((1, 4), np.float32)
    starts = np.array([0, 1], np.int64)
    with pytest.raises(ValueError, match="beyond the 2 rows"):
        kernel.mean_rows(rows, 4, starts, np.array([2], np.int32), 0, 1, out)
    with pytest.raises(ValueError, match="5 columns"):
        kernel.mean_rows(rows, 5, starts, np.array([1], np.int32), 0, 1, out)
    with pytest.raises(ValueError, match="side by side"):
        kernel.mean_rows(rows[:, ::2], 2, starts, np.array([1], np.int32), 0, 1, out)


def compact(seed):
    """Rows for every third of 30 buckets."""
    rows = np.random.default_rng(3).normal(size=(10, 6)).astype(np.float32)
    row_of_bucket = np.full(30, -1, np.int32)
    row_of_bucket[::3] = np.arange(10)
    return Subwords(NgramRules(2, 4, 30), rows, 6, row_of_bucket=row_of_bucket, seed=seed)


@pytest.mark.parametrize("seed", [None, 5])
def test_unseen_words_from_compact_rows(seed):
    subwords = compact(seed)
    dense = Subwords(subwords.rules, subwords.dense_rows(0, 30), 6)
    words = ["hello", "", "été", "a\udcff"]
    for word, row in zip(words, subwords.rows_of(words), strict=True):
        numbers = subwords.buckets_of(word)
        if seed is None:  # as if the n-grams without a row were not there
            numbers = numbers[numbers % 3 == 0]
        expected = dense.rows[numbers].mean(axis=0) if len(numbers) else np.zeros(6)
        np.testing.assert_allclose(row, expected, atol=1e-6)
        np.testing.assert_array_equal(subwords.row_of(word), row)
        assert subwords.can_build(word) == (len(numbers) > 0)
    assert len(subwords.buckets_of("")) == 1  # "<>"


def test_subwords_checks():
    with pytest.raises(ValueError, match="expected 30, found 3"):
        Subwords(NgramRules(2, 4, 30), np.zeros((3, 4), np.float32), 4)
    with pytest.raises(TypeError, match="float32"):
        Subwords(NgramRules(2, 4, 30), np.zeros((30, 4)), 4)
    with pytest.raises(ValueError, match="3 for 30 buckets"):
        Subwords(
            NgramRules(2, 4, 30), np.zeros((3, 4), np.float32), 4,
            row_of_bucket=np.zeros(3, np.int32),
        )  # fmt: skip


@pytest.mark.parametrize("make", [Vectors, KeyedVectors.from_vectors])
def test_vectors_of_unseen_words(make):
    vectors = make(["king", "x"], np.ones((2, 6), np.float32))
    assert "kings" not in vectors
    with pytest.raises(KeyError):
        vectors["kings"]
    vectors.subwords = compact(5)
    assert "kings" in vectors and "king" in vectors
    np.testing.assert_array_equal(vectors["kings"], vectors.subwords.row_of("kings"))
    np.testing.assert_array_equal(vectors["king"], np.ones(6))
    assert vectors[["king", "kings", "x"]].shape == (3, 6)
    assert not vectors["kings"].flags.writeable
    vectors.subwords = Subwords(NgramRules(9, 9, 30), np.zeros((30, 6), np.float32), 6)
    assert "kings" not in vectors  # no n-gram of 9 characters
    with pytest.raises(KeyError):
        vectors["kings"]


@given(st.binary(max_size=70), st.integers(0, 4), st.integers(0, 7), st.integers(1, 10**9))
def test_one_word_alone(word, min_n, max_n, bucket):
    rules = NgramRules(min_n, max_n, bucket)
    starts = np.array([0, len(word)], np.int64)
    of_many = ngrams_of_words(np.frombuffer(word, np.uint8), starts, rules)[1]
    assert np.array_equal(ngrams_of_word(word, rules), of_many)


@pytest.mark.parametrize("make", [Vectors, KeyedVectors.from_vectors])
def test_many_words_at_once_are_those_one_by_one(make):
    vectors = make(["king", "x"], np.ones((2, 6), np.float32))
    vectors.subwords = compact(5)
    words = ["kings", "king", "queens", "naïve", "x", "kings"]
    np.testing.assert_array_equal(vectors[words], [vectors[word] for word in words])
    assert vectors[words].flags.writeable
    vectors.subwords = Subwords(NgramRules(6, 6, 30), np.zeros((30, 6), np.float32), 6)
    np.testing.assert_array_equal(vectors[["queens", "x"]], [[0] * 6, [1] * 6])
    with pytest.raises(KeyError, match="abc"):  # no n-gram of 6 characters
        vectors[["king", "queens", "abc"]]


def test_keyed_vectors_compare_unseen_words():
    vectors = KeyedVectors.from_vectors(["king", "x"], np.eye(2, 6, dtype=np.float32))
    vectors.subwords = compact(5)
    assert not vectors.has_index_for("kings")
    assert [word for word, _ in vectors.most_similar("kings", topn=5)] != []
    row = vectors.subwords.row_of("kings")
    expected = row[0] / np.linalg.norm(row)
    assert vectors.similarity("kings", "king") == pytest.approx(expected, abs=1e-6)
    assert np.linalg.norm(vectors.get_vector("kings", norm=True)) == pytest.approx(1, abs=1e-6)
