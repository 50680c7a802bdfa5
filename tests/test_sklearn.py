"""The scikit-learn estimators."""

import pickle
import warnings

import numpy as np
import pytest
from fasttext_data import LABELS, labelled_lines

sklearn = pytest.importorskip("sklearn")

from sklearn.base import clone  # noqa: E402
from sklearn.model_selection import cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.utils.estimator_checks import check_estimator  # noqa: E402

from wordvec.sklearn import TextClassifier, TextVectorizer  # noqa: E402

LINES = labelled_lines(300)
TEXTS = [line.split(" ", 1)[1] for line in LINES]
CLASSES = [line.split(" ", 1)[0].removeprefix("__label__") for line in LINES]
CLASSIFIER = TextClassifier(epochs=20, alpha=0.5, vector_size=8)
VECTORIZER = TextVectorizer(vector_size=8, bucket=100, epochs=2)


@pytest.mark.parametrize("estimator", [CLASSIFIER, VECTORIZER], ids=lambda e: type(e).__name__)
def test_check_estimator(estimator):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that it skips what needs matrices
        check_estimator(estimator)


def test_classifier():
    model = clone(CLASSIFIER).fit(TEXTS, CLASSES)
    assert model.classes_.tolist() == sorted(LABELS)
    assert model.score(TEXTS, CLASSES) == 1.0
    probabilities = model.predict_proba(TEXTS[:7])
    assert probabilities.shape == (7, 3) and np.allclose(probabilities.sum(axis=1), 1)
    assert model.predict(["a line\nof two cat"]).tolist() == ["animal"]
    assert cross_val_score(CLASSIFIER, TEXTS, CLASSES, cv=3).mean() > 0.95


def test_classes_of_any_kind_and_words_like_labels():
    numbers = [sorted(LABELS).index(name) for name in CLASSES]
    texts = [f"__label__x {text}" for text in TEXTS]
    model = clone(CLASSIFIER).fit(texts, numbers)
    assert model.predict(texts).tolist() == numbers


def test_equal_runs_and_pickles():
    first, second = (clone(CLASSIFIER).fit(TEXTS, CLASSES) for _ in range(2))
    expected = first.predict_proba(TEXTS)
    assert (expected == second.predict_proba(TEXTS)).all()
    assert (expected == pickle.loads(pickle.dumps(first)).predict_proba(TEXTS)).all()


def test_weights():
    # Half of the equal texts say one thing, half another: the weight decides.
    texts, classes = ["same words"] * 200, ["a", "b"] * 100
    weights = [1.0, 5.0] * 100
    model = clone(CLASSIFIER).fit(texts, classes, sample_weight=weights)
    assert model.predict(texts[:1]).tolist() == ["b"]
    model = clone(CLASSIFIER).set_params(class_weight={"a": 5.0}).fit(texts, classes)
    assert model.predict(texts[:1]).tolist() == ["a"]


def test_vectorizer():
    vectorizer = clone(VECTORIZER).fit(TEXTS)
    made = vectorizer.transform([*TEXTS[:3], ""])
    assert made.shape == (4, 8) and made.dtype == np.float32 and not made[3].any()
    assert len(vectorizer.get_feature_names_out()) == 8
    assert (pickle.loads(pickle.dumps(vectorizer)).transform(TEXTS[:3]) == made[:3]).all()
    from sklearn.linear_model import LogisticRegression

    # Words that stand among their like, as words do.
    classes = sorted(LABELS) * 100
    texts = [" ".join(LABELS[name] * (1 + k % 3)) for k, name in enumerate(classes)]
    pipe = make_pipeline(clone(VECTORIZER).set_params(epochs=5), LogisticRegression(C=100))
    assert pipe.fit(texts, classes).score(texts, classes) > 0.9


def test_vectorizer_of_a_file(tmp_path):
    vectorizer = clone(VECTORIZER).fit(TEXTS)
    vectorizer.model_.save_model(tmp_path / "m.bin")
    other = TextVectorizer(model=str(tmp_path / "m.bin")).fit(TEXTS)
    assert (other.transform(TEXTS[:5]) == vectorizer.transform(TEXTS[:5])).all()


@pytest.mark.parametrize(("X", "error"), [("text", ValueError), ([], ValueError), ([1], TypeError)])
def test_bad_input(X, error):
    with pytest.raises(error):
        clone(CLASSIFIER).fit(X, ["a"] * len(X))
    with pytest.raises(ValueError, match="inconsistent"):
        clone(CLASSIFIER).fit(["a", "b"], ["c"])
