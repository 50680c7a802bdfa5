"""The names of the `fasttext` module: signatures, return types, errors, copies."""

import copy
import math
import pickle

import numpy as np
import pytest
from fasttext_data import labelled_lines

import wordvec.fasttext as fasttext
from wordvec.fasttext import training, util


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    path = tmp_path_factory.mktemp("labelled") / "train.txt"
    path.write_text("\n".join(labelled_lines(400)) + "\n")
    return str(path)


@pytest.fixture(scope="module")
def model(labelled):
    return fasttext.train_supervised(labelled, dim=8, lr=0.5, epoch=10, thread=1)


@pytest.fixture(scope="module")
def vectors(labelled):
    return fasttext.train_unsupervised(labelled, "cbow", dim=6, bucket=99, minCount=1, thread=1)


def test_exports():
    assert (fasttext.EOS, fasttext.BOW, fasttext.EOW) == ("</s>", "<", ">")
    assert fasttext.tokenize("a\tb\nc") == ["a", "b", "</s>", "c"]
    for name in ("cbow", "skipgram", "supervised"):
        with pytest.raises(Exception, match="not supported any more"):
            getattr(fasttext, name)("x")


def test_positional_order_and_defaults():
    names = ("input lr dim ws epoch minCount minCountLabel minn maxn neg wordNgrams loss bucket "
             "thread lrUpdateRate t label verbose pretrainedVectors seed autotuneValidationFile "
             "autotuneMetric autotunePredictions autotuneDuration autotuneModelSize")  # fmt: skip
    ours = ["classWeights", "sampleWeights"]  # behind all of the original's
    assert list(training.SUPERVISED) == [*names.split(), *ours]
    names = ("input model lr dim ws epoch minCount minCountLabel minn maxn neg wordNgrams loss "
             "bucket thread lrUpdateRate t label verbose pretrainedVectors")  # fmt: skip
    assert list(training.UNSUPERVISED) == names.split()
    expected = {"lr": 0.05, "minCount": 5, "minn": 3, "maxn": 6, "loss": "ns", "epoch": 5}
    assert expected.items() <= training.UNSUPERVISED.items()
    expected = {"lr": 0.1, "minCount": 1, "minn": 0, "maxn": 0, "loss": "softmax"}
    assert expected.items() <= training.SUPERVISED.items()


@pytest.mark.parametrize(
    ("train", "arguments", "error", "message"),
    [
        ("supervised", {"foo": 1}, TypeError, "unexpected keyword argument 'foo'"),
        ("supervised", {"min_count": 1, "minCount": 2}, TypeError, "multiple values"),
        ("supervised", {"loss": "one-vs-all"}, ValueError, "Unrecognized loss name"),
        ("unsupervised", {"model": "x"}, ValueError, "Unrecognized model name"),
        ("unsupervised", {"seed": 1}, TypeError, "unexpected keyword argument 'seed'"),
        ("unsupervised", {"autotuneDuration": 1}, TypeError, "unexpected keyword"),
        ("supervised", {"dim": 0}, ValueError, "vector_size"),
    ],
)
def test_bad_arguments(labelled, train, arguments, error, message):
    with pytest.raises(error, match=message):
        getattr(fasttext, f"train_{train}")(labelled, **arguments)


def test_aliases_and_attributes(labelled, tmp_path):
    model = fasttext.train_supervised(
        labelled, dim=3, min_count=2, word_ngrams=2, lr_update_rate=50, bucket=10, thread=1
    )
    assert (model.minCount, model.wordNgrams, model.lrUpdateRate, model.dim) == (2, 2, 50, 3)
    model.save_model(tmp_path / "m.bin")
    loaded = fasttext.load_model(str(tmp_path / "m.bin"))
    assert not hasattr(loaded, "minCount") and loaded.get_dimension() == 3


def test_no_buckets_without_ngrams(model):
    assert model.bucket == 0 and len(model.get_input_matrix()) == len(model.words)
    assert model.get_subword_id("abc") == -1


def test_predict_of_one_text(model):
    labels, probabilities = model.predict("the big cat", k=2)
    assert labels[0] == "__label__animal" and isinstance(labels, tuple) and len(labels) == 2
    assert probabilities.dtype == np.float64 and probabilities.shape == (2,)
    assert len(model.predict("the big cat", k=-1)[0]) == 3
    assert model.predict("the big cat", k=3, threshold=0.9)[0] == ("__label__animal",)


def test_predict_of_several(model):
    texts = ["a rose", "the basalt", ""] * 2000
    labels, probabilities = model.predict(texts, k=2)
    assert labels[:2] == [list(model.predict(text, k=2)[0]) for text in texts[:2]]
    assert probabilities[0].dtype == np.float32 and len(labels) == len(probabilities) == 6000
    assert labels[:3] == labels[-3:] and all(isinstance(row, list) for row in labels)


def test_predict_errors(model, vectors):
    with pytest.raises(ValueError, match="one line at a time"):
        model.predict("a\nb")
    with pytest.raises(ValueError, match="one line at a time"):
        model.predict(["a", "b\n"])
    with pytest.raises(ValueError, match="1 or higher"):
        model.predict("a", k=0)
    with pytest.raises(ValueError, match="supervised"):
        vectors.predict("a")


def test_test_and_meters(model, labelled, tmp_path):
    assert model.test(labelled) == (400, 1.0, 1.0)
    path = tmp_path / "v"
    path.write_text("__label__animal cat\n__label__plant dog\n")
    scores = model.test_label(str(path))
    assert scores["__label__animal"] == pytest.approx(
        {"precision": 0.5, "recall": 1.0, "f1score": 2 / 3}
    )
    assert math.isnan(scores["__label__rock"]["f1score"])
    meter = model.get_meter(labelled)
    scores, gold = meter.score_vs_true("__label__plant")
    assert scores.shape == gold.shape == (400,) and set(gold) == {0.0, 1.0}
    precision, recall = meter.precision_recall_curve()
    assert (precision[-1], recall[-1]) == (1.0, 0.0) and precision.dtype == np.float64
    assert isinstance(meter.precision_at_recall(0.5), float)
    assert meter.recall_at_precision(0.5, "__label__rock") == 1.0
    for train in (fasttext.train_supervised, fasttext.train_unsupervised):
        with pytest.raises(ValueError, match=r"^nope cannot be opened for training!$"):
            train("nope")
    with pytest.raises(ValueError, match="cannot be opened"):
        model.test("none")


def test_words_and_rows(model, vectors):
    assert "cat" in model and "__label__plant" not in model and "unseen" not in model
    for vector in (vectors["unseen"], vectors.get_word_vector("cat"), vectors.get_input_vector(0),
                   vectors.get_sentence_vector("the cat")):  # fmt: skip
        assert vector.dtype == np.float32 and vector.shape == (6,)
    words, counts = vectors.get_words(include_freq=True)
    assert words == vectors.words and counts.dtype == np.int64 and len(counts) == 12
    assert vectors.get_labels() == vectors.words  # of a model without labels to predict
    labels, counts = model.get_labels(include_freq=True)
    assert labels == model.labels and counts.sum() == 400
    assert model.get_word_id("none") == -1 and model.get_label_id(labels[1]) == 1
    assert model.get_label_id("cat") < -1 and model.get_label_id("none") == -1
    pieces, rows = vectors.get_subwords("cat")
    assert pieces == ["cat", "<ca", "<cat", "<cat>", "cat", "cat>", "at>"]
    assert rows[1] == vectors.get_subword_id("<ca")
    mean = np.mean([vectors.get_input_vector(row) for row in rows], axis=0)
    assert vectors["cat"] == pytest.approx(mean, rel=1e-5)


def test_neighbours(vectors):
    found = vectors.get_nearest_neighbors("cat", k=3)
    assert len(found) == 3 and "cat" not in [word for _, word in found]
    assert all(isinstance(similarity, float) for similarity, _ in found)
    query = vectors["cat"] / np.linalg.norm(vectors["cat"])
    best = max(
        (float(query @ vectors[w] / np.linalg.norm(vectors[w])), w)
        for w in vectors.words if w != "cat"
    )  # fmt: skip
    assert found[0][1] == best[1] and found[0][0] == pytest.approx(best[0], rel=1e-5)
    assert not {"cat", "dog", "oak"} & {w for _, w in vectors.get_analogies("cat", "dog", "oak")}


def test_lines(model):
    words, labels = model.get_line("the cat __label__plant __label__none new")
    assert (words, labels) == (["the", "cat", "new", "</s>"], ["__label__plant"])
    assert model.get_line(["a", "b"]) == ([["a", "</s>"], ["b", "</s>"]], [[], []])


@pytest.mark.parametrize(
    "make", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_copies(model, make):
    other = make(model)
    assert other.predict("the fern", k=-1)[0] == model.predict("the fern", k=-1)[0]
    assert (other.get_input_matrix() == model.get_input_matrix()).all()
    assert other.lr == model.lr
    other.set_matrices(other.get_input_matrix() * 0, other.get_output_matrix())
    assert not (other.get_input_matrix() == model.get_input_matrix()).all()


def test_matrices_and_reduction(model):
    other = copy.deepcopy(model)
    util.reduce_model(other, 3)
    assert other.get_dimension() == 3 and other["cat"].shape == (3,)
    with pytest.raises(ValueError, match="rows"):
        other.set_matrices(np.zeros((2, 3)), np.zeros((3, 3)))
    with pytest.raises(ValueError, match="target_dim"):
        util.reduce_model(other, 5)


def test_quantize(tmp_path):
    path = tmp_path / "t"
    path.write_text("\n".join(f"__label__{k % 3} w{k}" for k in range(600)) + "\n")
    model = fasttext.train_supervised(path, dim=6, lr=1.0, epoch=20, thread=1)
    with pytest.raises(ValueError, match="input file"):
        model.quantize(retrain=True)
    before = model.test(path)[1]
    model.quantize(input=str(path), cutoff=500, retrain=True, qnorm=True)
    assert model.is_quantized() and model.test(path)[1] > before - 0.3
    with pytest.raises(ValueError, match="Can't get quantized Matrix"):
        model.get_input_matrix()
    model.save_model(tmp_path / "m.ftz")
    assert fasttext.load_model(tmp_path / "m.ftz").test(path) == model.test(path)


def test_load_errors(tmp_path):
    with pytest.raises(ValueError, match="cannot be opened for loading!"):
        fasttext.load_model(tmp_path / "none")
    (tmp_path / "bad").write_bytes(b"text")
    with pytest.raises(ValueError, match="has wrong file format!"):
        fasttext.load_model(tmp_path / "bad")


def test_util():
    assert util.test([["a", "b"], ["c"]], [["a"], ["d", "c"]]) == (1.0, 0.75)
    rows = np.eye(3, dtype=np.float32)
    assert util.find_nearest_neighbor(rows[1] + 0.1 * rows[2], rows, {1}) == 2
    with pytest.raises(NotImplementedError):
        util.download_model("en")


def test_weights_and_explanations_beyond_the_original(tmp_path):
    path = tmp_path / "t"
    path.write_text("__label__a same words\n__label__b same words\n" * 100)
    settings = {"dim": 4, "lr": 0.5, "thread": 1}
    for weights in ({"class_weights": {"b": 9}}, {"sample_weights": [1, 9] * 100}):
        model = fasttext.train_supervised(path, **settings, **weights)
        assert model.predict("same words")[0] == ("__label__b",)
        why = model.explain("same words")
        assert (why.label, why.rival) == ("__label__b", "__label__a")
        assert {feature.text for feature in why.features} == {"same", "words", "</s>"}
        assert sum(feature.contribution for feature in why.features) == pytest.approx(why.margin)
        assert model.explain("same words", label="a").margin == pytest.approx(-why.margin)
