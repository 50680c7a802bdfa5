"""Product quantiser: kernels against plain twins, and models that are quantised."""

import io

import fasttext_bytes as book
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wordvec
from wordvec.errors import OptionError, WordvecError
from wordvec.fasttextmodel import DenseRows, FastTextArgs, FastTextDictionary, FastTextModel
from wordvec.formats import fasttext_bin
from wordvec.kernels import pq, simd
from wordvec.quantize import (
    ProductQuantizer,
    QuantizedRows,
    prune_model,
    quantize_model,
    quantize_rows,
    row_lengths,
    select_rows,
)
from wordvec.words import WordList


@pytest.fixture(params=simd.available())
def level(request):
    before = simd.active()
    simd.use(request.param)
    yield request.param
    simd.use(before)


def normal(n, dim, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)


def squares(rows, centroids):
    """float64[n, 256]: squared distances."""
    return ((rows[:, None, :].astype(np.float64) - centroids[None]) ** 2).sum(2)


@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 33, 63, 64, 65, 300])
@pytest.mark.parametrize(("dim", "dsub"), [(1, 1), (4, 2), (5, 2), (9, 3), (8, 4), (7, 7), (11, 5)])
def test_codes_are_the_nearest_centroids(level, n, dim, dsub):
    rows, centroids = normal(n, dim, 1), normal(256, dim, 2).ravel()
    quantizer = ProductQuantizer(dim, dsub, centroids)
    codes = np.full((n, quantizer.n_parts), 77, np.uint8)
    pq.encode(rows, centroids, dsub, codes)
    for part in range(quantizer.n_parts):
        own = quantizer.part(part)
        found = squares(rows[:, part * dsub : part * dsub + own.shape[1]], own)
        chosen = found[np.arange(n), codes[:, part]]
        np.testing.assert_allclose(chosen, found.min(axis=1), rtol=1e-4, atol=1e-6)


def test_the_first_of_equal_centroids_wins(level):
    centroids = np.zeros(256 * 2, np.float32)
    codes = np.empty((70, 1), np.uint8)
    pq.encode(normal(70, 2), centroids, 2, codes)
    assert not codes.any()


def test_rows_far_from_zero_are_told_apart(level):
    """Distances are taken from the centroids' mean: 1000 +- 0.01 keeps its digits."""
    rows = normal(2000, 2) * np.float32(0.01) + np.float32(1000)
    quantizer = ProductQuantizer.train(rows, 2)
    codes = np.empty((2000, 1), np.uint8)
    pq.encode(rows, quantizer.centroids, 2, codes)
    error = squares(rows, quantizer.part(0))[np.arange(2000), codes[:, 0]].mean()
    assert error < 0.02 * rows.astype(np.float64).var(axis=0).sum()


def test_rows_at_odd_bytes_and_with_padding(level):
    rows, centroids = normal(70, 5), normal(256, 5, 3).ravel()
    raw = np.frombuffer(b"xyz" + rows.tobytes(), np.uint8)[3:].view(np.float32).reshape(70, 5)
    assert not raw.flags.aligned
    padded = np.zeros((70, 16), np.float32)
    padded[:, :5] = rows
    found = [np.empty((70, 3), np.uint8) for _ in range(3)]
    for matrix, codes in zip((rows, raw, padded[:, :5]), found, strict=True):
        pq.encode(matrix, centroids, 2, codes)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(level, bad):
    rows = normal(300, 4)
    rows[299, 3] = bad
    with pytest.raises(ValueError, match="not finite"):
        pq.encode(rows, normal(256, 4).ravel(), 2, np.empty((300, 2), np.uint8))
    for qnorm in (False, True):
        with pytest.raises(WordvecError, match="not finite"):
            quantize_rows(DenseRows(rows), qnorm=qnorm)


@pytest.mark.parametrize("width", [1, 2, 3])
def test_kmeans_is_as_good_as_a_plain_one(level, width):
    rows = normal(3000, width, 4)
    centroids = np.zeros((256, width), np.float32)
    pq.train_part(rows, centroids, 1)
    error = squares(rows, centroids).min(axis=1).mean()
    assert error < 1.05 * plain_kmeans_error(rows)


def plain_kmeans_error(rows):
    rng = np.random.default_rng(5)
    centroids = rows[rng.choice(len(rows), 256, replace=False)].astype(np.float64)
    for _ in range(25):
        codes = squares(rows, centroids).argmin(axis=1)
        for k in range(256):
            if (codes == k).any():
                centroids[k] = rows[codes == k].mean(axis=0)
    return squares(rows, centroids).min(axis=1).mean()


@pytest.mark.parametrize("n", [256, 257, 300])
def test_few_or_equal_rows(level, n):
    rows = normal(n, 3)
    coded = quantize_rows(DenseRows(rows), dsub=3)
    if n == 256:
        np.testing.assert_allclose(coded.block(0, n), rows, atol=1e-6)
    same = quantize_rows(DenseRows(np.ones((n, 3), np.float32)), qnorm=True)
    np.testing.assert_allclose(same.block(0, n), 1, atol=1e-4)
    zeros = quantize_rows(DenseRows(np.zeros((n, 3), np.float32)), qnorm=True)
    np.testing.assert_allclose(zeros.block(0, n), 0, atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.booleans(), st.integers(0, 5))
def test_means_are_sums_in_order(dim, dsub, qnorm, n_ids):
    dsub = min(dim, dsub)
    rows, content = book.coded(12, dim, dsub, dim * 10 + dsub, qnorm)
    rng = np.random.default_rng(dim)
    ids = rng.integers(0, 12, n_ids).astype(np.int32)
    coded = parsed(content, dim, dsub, qnorm)
    out = np.full((1, dim), 7, np.float32)
    coded.means(np.array([0, n_ids]), ids, out)
    np.testing.assert_array_equal(out[0], book.mean(rows, ids))


def parsed(content, dim, dsub, qnorm):
    """QuantizedRows out of the bytes of fasttext_bytes.coded, 12 rows."""
    n_parts = -(-dim // dsub)
    data = np.frombuffer(content, np.uint8)
    at = 21 + 12 * n_parts
    codes = data[21:at].reshape(12, n_parts)
    centroids = data[at + 16 : at + 16 + 1024 * dim].view("<f4").copy()
    at += 16 + 1024 * dim
    if not qnorm:
        return QuantizedRows(codes, ProductQuantizer(dim, dsub, centroids))
    norms = ProductQuantizer(1, 1, data[at + 28 :].view("<f4").copy())
    return QuantizedRows(codes, ProductQuantizer(dim, dsub, centroids), data[at : at + 12], norms)


def test_wrong_arguments_are_refused_before_anything_is_touched():
    codes, centroids = np.zeros((5, 2), np.uint8), np.zeros(4 * 256, np.float32)
    starts, out = np.array([0, 1]), np.zeros((1, 4), np.float32)
    for ids in ([5], [-1]):
        with pytest.raises(ValueError, match="none of the 5 rows"):
            pq.mean_rows(codes, centroids, 2, starts, np.array(ids, np.int32), 0, 1, out)
    with pytest.raises(ValueError, match="starts"):
        pq.mean_rows(codes, centroids, 2, np.array([0, 2]), np.zeros(1, np.int32), 0, 1, out)
    with pytest.raises(ValueError, match="centroids"):
        pq.encode(out, centroids[:-1], 2, codes[:1])
    with pytest.raises(ValueError, match="codes"):
        pq.encode(out, centroids, 3, codes)
    with pytest.raises(ValueError, match="256 rows"):
        pq.train_part(out, np.zeros((256, 4), np.float32))
    with pytest.raises(ValueError, match="at least 1"):
        pq.n_parts_of(4, 0)


def test_threads_change_nothing():
    rows = DenseRows(normal(9000, 6))
    one, two = quantize_rows(rows, qnorm=True), quantize_rows(rows, qnorm=True, n_threads=2)
    np.testing.assert_array_equal(one.codes, two.codes)
    np.testing.assert_array_equal(one.norm_codes, two.norm_codes)
    np.testing.assert_array_equal(one.quantizer.centroids, two.quantizer.centroids)
    ids = np.arange(9000)
    out = np.empty((9000, 6), np.float32)
    two.means(np.arange(9001), ids.astype(np.int32), out, n_threads=2)
    np.testing.assert_array_equal(out, one.rows(ids))


# -- models -------------------------------------------------------------------------------------


def model(n_words=300, n_labels=260, bucket=200, dim=6, kind="sup", loss="softmax"):
    words = ["</s>", *(f"w{i}" for i in range(1, n_words))]
    labels = [f"__label__{i}" for i in range(n_labels)]
    counts = np.arange(n_words + n_labels)[::-1].copy()
    rows = normal(n_words + bucket, dim, 6)
    rows *= np.random.default_rng(7).uniform(0.1, 3, len(rows)).astype(np.float32)[:, None]
    return FastTextModel(
        FastTextArgs(dim=dim, bucket=bucket, kind=kind, loss=loss, min_n=2, max_n=3),
        FastTextDictionary(WordList.of(words + labels), counts, n_words, n_labels, 10**6),
        DenseRows(rows),
        DenseRows(normal(n_labels if kind == "sup" else n_words, dim, 8)),
    )


def test_selection_keeps_the_sentence_end_and_the_longest():
    whole = model()
    lengths = np.linalg.norm(whole.input.matrix.astype(np.float64), axis=1)
    np.testing.assert_allclose(row_lengths(whole.input), lengths, rtol=1e-6)
    chosen = select_rows(whole, 50)
    others = [row for row in np.argsort(-lengths, kind="stable") if row != 0]
    assert chosen.tolist() == [0, *others[:49]]


def test_pruning_renumbers_words_and_buckets():
    whole = model()
    small = prune_model(whole, 120)
    chosen = select_rows(whole, 120)
    words = sorted(row for row in chosen if row < 300)
    buckets = [row - 300 for row in chosen if row >= 300]
    names = [whole.dictionary.words[row] for row in words]
    assert small.dictionary.words == names + whole.dictionary.labels
    assert small.dictionary.n_words == len(words) and small.dictionary.n_labels == 260
    assert small.dictionary.pruned.tolist() == [[b, k] for k, b in enumerate(buckets)]
    np.testing.assert_array_equal(
        small.input.matrix, whole.input.matrix[words + [b + 300 for b in buckets]]
    )
    assert small.output is whole.output
    word = names[5]
    kept = {int(b) for b in buckets}
    expected = [row for row in whole.word_rows([word])[1] if row < 300 or row - 300 in kept]
    np.testing.assert_array_equal(
        whole.input.matrix[expected], small.input.matrix[small.word_rows([word])[1]]
    )


@pytest.mark.parametrize(
    "options", [{}, {"qnorm": True, "dsub": 4}, {"qout": True, "cutoff": 260},
                {"cutoff": 256, "qnorm": True, "qout": True, "dsub": 3}]
)  # fmt: skip
def test_quantised_models_are_written_and_read(tmp_path, options):
    whole = model()
    small = quantize_model(whole, **options)
    assert small.is_quantized and not whole.is_quantized
    assert small.output.is_quantized == options.get("qout", False)
    if small.output.is_quantized:
        assert small.output.quantizer.dsub == 2
    path = tmp_path / "m.ftz"
    fasttext_bin.save_model(small, path)
    again = fasttext_bin.read_model(path)
    words = ["w1", "</s>", "unseen", "w299"]
    np.testing.assert_array_equal(again.word_vectors(words), small.word_vectors(words))
    stream = io.BytesIO()
    fasttext_bin.write_model(stream, again)
    assert stream.getvalue() == path.read_bytes()


def test_retraining_gets_the_pruned_model_only_after_a_cutoff():
    seen = []

    def retrain(pruned):
        seen.append(pruned.input.n_rows)
        assert isinstance(pruned.input, DenseRows) and pruned.dictionary.pruned is not None
        pruned.input.matrix[:] *= 2
        return pruned

    whole = model()
    small = quantize_model(whole, cutoff=300, retrain=retrain)
    assert seen == [300]
    plain = quantize_model(whole, cutoff=300)
    ratio = np.linalg.norm(small.input.block(0, 300)) / np.linalg.norm(plain.input.block(0, 300))
    assert 1.9 < ratio < 2.1
    quantize_model(whole, retrain=retrain)
    quantize_model(whole, cutoff=10**6, retrain=retrain)
    assert seen == [300]


def test_word_vectors_are_quantised_too(tmp_path):
    whole = model(n_labels=0, kind="sg", loss="ns")
    small = quantize_model(whole, cutoff=400, qnorm=True)
    assert small.output.n_rows == small.dictionary.n_words
    fasttext_bin.save_model(small, tmp_path / "m.ftz")
    vectors = wordvec.load(tmp_path / "m.ftz")
    word = vectors.words[3]
    np.testing.assert_array_equal(vectors[word], small.word_vectors([word])[0])
    assert vectors["never"].shape == (6,)
    with pytest.raises(OptionError, match="cutoff"):
        quantize_model(model(n_labels=0, kind="sg", loss="hs"), cutoff=300)


def test_what_cannot_be_quantised():
    with pytest.raises(WordvecError, match="Matrix too small for quantization, must have at least"):
        quantize_model(model(n_words=20, bucket=0))
    with pytest.raises(WordvecError, match=r"output matrix has 3"):
        quantize_model(model(n_labels=3), qout=True)
    with pytest.raises(WordvecError, match="256 rows"):
        quantize_model(model(), cutoff=100)
    for options in ({"cutoff": -1}, {"dsub": 0}):
        with pytest.raises(OptionError):
            quantize_model(model(), **options)
    with pytest.raises(WordvecError, match="already"):
        quantize_model(quantize_model(model()))


@pytest.mark.parametrize(("dim", "dsub", "qnorm"), [(1, 1, False), (5, 2, True), (9, 4, False)])
def test_centroids_are_means_of_all_their_parts(monkeypatch, dim, dsub, qnorm):
    """Also of rows that k-means has not seen, a few of which are long; the error only falls."""
    monkeypatch.setattr("wordvec.quantize.MAX_SAMPLE", 1000)
    matrix = normal(6000, dim)
    matrix[::50] *= 20
    found = quantize_rows(DenseRows(matrix), dsub, qnorm=qnorm)
    lengths = row_lengths(DenseRows(matrix))[:, None]
    rows = (matrix / np.where(lengths == 0, 1, lengths) if qnorm else matrix).astype(np.float64)
    sample = np.sort(np.random.default_rng(1234).choice(6000, 1000, replace=False))
    by_sample = ProductQuantizer.train(rows[sample].astype(np.float32), dsub)
    errors = np.zeros(2)
    for part in range(found.quantizer.n_parts):
        own = rows[:, part * dsub : (part + 1) * dsub]
        codes = found.codes[:, part]
        for code in np.unique(codes):
            mean = own[codes == code].mean(axis=0)
            np.testing.assert_allclose(found.quantizer.part(part)[code], mean, atol=1e-5)
        for k, one in enumerate((found.quantizer, by_sample)):
            errors[k] += ((own - one.part(part)[codes]) ** 2).sum()
    assert errors[0] < errors[1]


def test_sums_of_clusters_refuse_what_does_not_fit():
    rows, codes = normal(3, 4), np.zeros((3, 2), np.uint8)
    sums, sizes = np.zeros(4 * 256), np.zeros((2, 256), np.int64)
    pq.add_rows(rows, 2, codes, 0, 1, sums, sizes)
    assert sizes[0, 0] == 3 and not sizes[1].any() and not sums[512:].any()
    np.testing.assert_allclose(sums[:2], rows[:, :2].sum(axis=0), rtol=1e-6)
    for wrong in (
        (rows, 2, codes[:2], 0, 1, sums, sizes), (rows, 3, codes, 0, 3, sums, sizes),
        (rows, 2, codes, 1, 3, sums, sizes), (rows, 2, codes, 0, 1, sums[1:], sizes),
        (rows, 2, codes, 0, 1, sums, sizes[:1]),
        (rows, 2, codes, 0, 1, sums, sizes, np.ones(2, np.float32)),
    ):  # fmt: skip
        with pytest.raises(ValueError):
            pq.add_rows(*wrong)
