"""scikit-learn estimators over texts: a classifier and a vectoriser.

    from wordvec.sklearn import TextClassifier
    TextClassifier(epochs=25, alpha=1.0, word_ngrams=2).fit(texts, labels).predict(texts)

X is a sequence of texts (str) everywhere, not a matrix; a line break in one counts as a blank.
Needs the extra: pip install 'wordvec[sklearn]'.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import MissingExtraError
from wordvec.fasttext.model import FastText, load_model
from wordvec.models.classifier import train_supervised
from wordvec.models.wordmodel import train_unsupervised
from wordvec.models.wordqueries import sentence_vectors, tokens_of
from wordvec.options import ClassifierOptions, FastTextOptions

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
    from sklearn.utils.validation import check_is_fitted
except ImportError as error:
    raise MissingExtraError("wordvec.sklearn", "sklearn", "scikit-learn") from error

# No text holds this by chance, so no word of it is taken for a label.
LABEL_PREFIX = "\u2063label\u2063"
# What fastText adds to each probability.
_ADDED = np.float32(1e-5)


def _texts(X: Any) -> list[str]:
    """The texts as lines.  ValueError, TypeError for what is none."""
    if isinstance(X, str):
        raise ValueError("Iterable over raw text documents expected, string object received.")
    made = []
    for number, text in enumerate(X):
        if not isinstance(text, str):
            raise TypeError(f"X[{number}]: expected a text (str), found {type(text).__name__}")
        made.append(text.replace("\n", " "))
    if not made:
        raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required.")
    return made


def _workers(n_jobs: int | None) -> int:
    """scikit-learn's meaning: None is one, -1 all cores, -2 all but one."""
    n_cores = os.cpu_count() or 1
    if n_jobs is None:
        return 1
    return max(1, n_jobs if n_jobs > 0 else n_cores + 1 + n_jobs)


def _seed(random_state: Any) -> int:
    if random_state is None or isinstance(random_state, (int, np.integer)):
        return int(random_state or 0)
    return int(random_state.randint(2**31 - 1))


class _TextInput:
    """The tags of estimators whose X is a sequence of texts."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags

    def _more_tags(self) -> dict[str, Any]:  # scikit-learn before 1.6
        return {"X_types": ["string"]}


class TextClassifier(_TextInput, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The classifier of Joulin et al. 2017.

    Parameters are those of wordvec.options.ClassifierOptions, and scikit-learn's `class_weight`
    (None, "balanced" or {class: weight}), `n_jobs` and `random_state`.  With n_jobs=None equal
    data give equal models.

    classes_  the classes in order; n_iter_ the epochs; model_ the wordvec.fasttext model
    """

    def __init__(
        self,
        *,
        vector_size: int = 100,
        epochs: int = 5,
        alpha: float = 0.1,
        loss: str = "softmax",
        min_count: int = 1,
        word_ngrams: int = 1,
        min_n: int = 0,
        max_n: int = 0,
        bucket: int = 2_000_000,
        negative: int = 5,
        class_weight: dict[Any, float] | str | None = None,
        n_jobs: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.vector_size = vector_size
        self.epochs = epochs
        self.alpha = alpha
        self.loss = loss
        self.min_count = min_count
        self.word_ngrams = word_ngrams
        self.min_n = min_n
        self.max_n = max_n
        self.bucket = bucket
        self.negative = negative
        self.class_weight = class_weight
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: Iterable[str], y: Any, sample_weight: Any = None) -> TextClassifier:
        """X: n texts; y: n classes; sample_weight: n numbers of at least 0."""
        texts, classes = _texts(X), np.asarray(y)
        if classes.ndim != 1 or len(classes) != len(texts):
            raise ValueError(
                f"Found input variables with inconsistent numbers of samples: {len(texts)} texts, "
                f"y of shape {classes.shape}"
            )
        self.classes_, numbers = np.unique(classes, return_inverse=True)
        names = [f"{LABEL_PREFIX}{number}" for number in range(len(self.classes_))]
        weights = self.class_weight
        if isinstance(weights, dict):
            places = {name: names[k] for k, name in enumerate(self.classes_.tolist())}
            weights = {places[name]: weight for name, weight in weights.items() if name in places}
        options = ClassifierOptions(
            vector_size=self.vector_size, epochs=self.epochs, alpha=self.alpha, loss=self.loss,
            min_count=self.min_count, word_ngrams=self.word_ngrams, min_n=self.min_n,
            max_n=self.max_n, bucket=self.bucket, negative=self.negative,
            workers=_workers(self.n_jobs), seed=_seed(self.random_state),
            label_prefix=LABEL_PREFIX,
        )  # fmt: skip
        model = train_supervised(
            [(names[number], text) for number, text in zip(numbers, texts, strict=True)],
            options, class_weights=weights, sample_weights=sample_weight,
        )  # fmt: skip
        if model.outcome is not None and model.outcome.interrupted:
            raise KeyboardInterrupt
        self.model_ = FastText(model)
        self.n_iter_ = self.epochs
        order = [int(name.removeprefix(LABEL_PREFIX)) for name in model.dictionary.labels]
        self._class_of_label = np.array(order, np.int64)
        return self

    def predict_proba(self, X: Iterable[str]) -> NDArray[np.float64]:
        """float64[n, n_classes], each row with the sum 1, columns as classes_."""
        check_is_fitted(self)
        texts = _texts(X)
        labels, scores = self.model_.labeller().predict(texts, -1, 0.0, _workers(self.n_jobs))
        made = np.zeros((len(texts), len(self.classes_)))
        lines, places = np.nonzero(labels >= 0)
        columns = self._class_of_label[labels[lines, places]]
        made[lines, columns] = np.maximum(scores[lines, places] - _ADDED, 1e-12)
        sums = made.sum(axis=1, keepdims=True)
        return np.where(sums > 0, made / np.where(sums > 0, sums, 1), 1 / len(self.classes_))

    def predict(self, X: Iterable[str]) -> NDArray[Any]:
        """The most probable class of each text."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])


class TextVectorizer(_TextInput, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Texts to vectors: means of the words' vectors, each of length 1.

    model: the path of a fastText model (.bin, .ftz), or None to train word vectors on the texts
    that `fit` is given, with the other parameters, which are FastTextOptions'.

    model_  the wordvec.fasttext model
    """

    def __init__(
        self,
        *,
        model: str | None = None,
        vector_size: int = 100,
        window: int = 5,
        epochs: int = 5,
        alpha: float = 0.05,
        sg: int = 1,
        min_count: int = 1,
        min_n: int = 3,
        max_n: int = 6,
        bucket: int = 2_000_000,
        n_jobs: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.model = model
        self.vector_size = vector_size
        self.window = window
        self.epochs = epochs
        self.alpha = alpha
        self.sg = sg
        self.min_count = min_count
        self.min_n = min_n
        self.max_n = max_n
        self.bucket = bucket
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: Iterable[str], y: Any = None) -> TextVectorizer:
        """X: texts; with a given model they are only checked."""
        texts = _texts(X)
        if self.model is not None:
            self.model_ = load_model(self.model)
        else:
            options = FastTextOptions(
                vector_size=self.vector_size, window=self.window, epochs=self.epochs,
                alpha=self.alpha, min_alpha=0.0, sg=self.sg, min_count=self.min_count,
                min_n=self.min_n, max_n=self.max_n, bucket=self.bucket, ns_exponent=0.5,
                workers=_workers(self.n_jobs), seed=_seed(self.random_state),
            )  # fmt: skip
            trained = train_unsupervised(
                [tokens_of(text) for text in texts], options, label_prefix=""
            )
            if trained.outcome is not None and trained.outcome.interrupted:
                raise KeyboardInterrupt
            self.model_ = FastText(trained)
        self.n_features_out_ = self.model_.get_dimension()
        return self

    def transform(self, X: Iterable[str]) -> NDArray[np.float32]:
        """float32[n, dimension], one row a text; zeros for a text without known words."""
        check_is_fitted(self)
        lines = "\n".join(_texts(X)) + "\n"
        model = self.model_.f
        return sentence_vectors(model, lines.encode("utf-8", "surrogateescape"))

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """textvectorizer0, textvectorizer1, ..."""
        check_is_fitted(self)
        return np.array([f"textvectorizer{k}" for k in range(self.n_features_out_)], object)
