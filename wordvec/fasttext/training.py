"""train_supervised and train_unsupervised of the `fasttext` module."""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np

from wordvec.fasttext.model import FastText
from wordvec.fasttextmodel import FastTextModel
from wordvec.models.classifier import train_supervised as train_classifier
from wordvec.models.wordmodel import train_unsupervised as train_words
from wordvec.options import AutotuneOptions, ClassifierOptions, FastTextOptions
from wordvec.progress import Progress
from wordvec.tune import TUNED, autotune


def _default_threads() -> int:
    """The original's cores less one, but at least 1."""
    return max(1, (os.cpu_count() or 2) - 1)


# In the original's positional order.
_SHARED: dict[str, Any] = {
    "lr": 0.1, "dim": 100, "ws": 5, "epoch": 5, "minCount": 1, "minCountLabel": 0, "minn": 0,
    "maxn": 0, "neg": 5, "wordNgrams": 1, "loss": "softmax", "bucket": 2_000_000,
    "thread": None, "lrUpdateRate": 100, "t": 1e-4, "label": "__label__", "verbose": 2,
    "pretrainedVectors": "",
}  # fmt: skip
SUPERVISED: dict[str, Any] = {
    "input": None, **_SHARED, "seed": 0, "autotuneValidationFile": "", "autotuneMetric": "f1",
    "autotunePredictions": 1, "autotuneDuration": 300, "autotuneModelSize": "",
    "classWeights": None, "sampleWeights": None,  # ours, after all of the original's
}  # fmt: skip
UNSUPERVISED: dict[str, Any] = {
    "input": None, "model": "skipgram",
    **_SHARED | {"lr": 0.05, "minCount": 5, "minn": 3, "maxn": 6, "loss": "ns"},
}  # fmt: skip
ALIASES = {
    "min_count": "minCount", "word_ngrams": "wordNgrams", "lr_update_rate": "lrUpdateRate",
    "label_prefix": "label", "pretrained_vectors": "pretrainedVectors",
    "class_weights": "classWeights", "sample_weights": "sampleWeights",
}  # fmt: skip
# What a trained model object carries.
ATTRIBUTES = tuple(_SHARED)
LOSSES = ("ns", "hs", "softmax", "ova")
MODELS = {"cbow": 0, "skipgram": 1}
# Name here -> field of an options class.
_FIELDS = {
    "lr": "alpha", "dim": "vector_size", "ws": "window", "epoch": "epochs",
    "minCount": "min_count", "minn": "min_n", "maxn": "max_n", "neg": "negative",
    "wordNgrams": "word_ngrams", "bucket": "bucket", "thread": "workers",
    "lrUpdateRate": "lr_update_rate", "t": "sample",
}  # fmt: skip


def train_supervised(*args: Any, **kwargs: Any) -> FastText:
    """Train a classifier on a file of labelled lines.

    train_supervised(input, lr=0.1, dim=100, ws=5, epoch=5, minCount=1, minCountLabel=0, minn=0,
    maxn=0, neg=5, wordNgrams=1, loss="softmax", bucket=2000000, thread=cores-1,
    lrUpdateRate=100, t=1e-4, label="__label__", verbose=2, pretrainedVectors="", seed=0,
    autotuneValidationFile="", autotuneMetric="f1", autotunePredictions=1, autotuneDuration=300,
    autotuneModelSize="")

    Beyond the original: class_weights ({label: factor of its gradients}, or "balanced") and
    sample_weights (a factor for every line), as in wordvec.models.classifier.train_supervised.

    With a validation file the settings that are not given are searched for.  Ctrl-C gives the
    model so far.  TypeError for unknown or repeated arguments, ValueError for values that make
    no sense, WordvecError for files that cannot be used.
    """
    values, given = _arguments(SUPERVISED, args, kwargs)
    options = ClassifierOptions(
        **_fields(values), loss=values["loss"], min_count_label=values["minCountLabel"],
        label_prefix=values["label"], seed=values["seed"],
    )  # fmt: skip
    report = _Report(values["verbose"])
    training = {
        "pretrained": values["pretrainedVectors"] or None,
        "class_weights": values["classWeights"],
        "sample_weights": values["sampleWeights"],
    }
    model: FastTextModel
    if values["autotuneValidationFile"]:
        search = AutotuneOptions(
            metric=values["autotuneMetric"], predictions=values["autotunePredictions"],
            duration=values["autotuneDuration"], model_size=values["autotuneModelSize"],
            seed=values["seed"],
        )  # fmt: skip
        frozen = {field for field, flag in TUNED.items() if flag in given}
        tuned = autotune(
            values["input"], values["autotuneValidationFile"], options, search, frozen=frozen,
            training=training, reporter=report,
        )  # fmt: skip
        model = tuned.model
        for name, field in _FIELDS.items():
            values[name] = getattr(tuned.candidate.options, field)
    else:
        model = train_classifier(values["input"], options, reporter=report, **training)
    report.end()
    return FastText(model, _attributes(values))


def train_unsupervised(*args: Any, **kwargs: Any) -> FastText:
    """Train word vectors on a file of text.

    train_unsupervised(input, model="skipgram", lr=0.05, dim=100, ws=5, epoch=5, minCount=5,
    minCountLabel=0, minn=3, maxn=6, neg=5, wordNgrams=1, loss="ns", bucket=2000000,
    thread=cores-1, lrUpdateRate=100, t=1e-4, label="__label__", verbose=2, pretrainedVectors="")

    Words that only the pretrained vectors have join the vocabulary.  Ctrl-C gives
    the model so far; errors as for train_supervised.
    """
    values, _ = _arguments(UNSUPERVISED, args, kwargs)
    if values["model"] not in MODELS:
        raise ValueError("Unrecognized model name")
    options = FastTextOptions(
        **_fields(values), sg=MODELS[values["model"]], loss=values["loss"], seed=0,
        ns_exponent=0.5, min_alpha=0.0, max_sentence=1025,
    )  # fmt: skip
    report = _Report(values["verbose"])
    model = train_words(
        values["input"], options, label_prefix=values["label"],
        min_count_label=values["minCountLabel"], reporter=report,
        pretrained=values["pretrainedVectors"] or None,
    )  # fmt: skip
    report.end()
    return FastText(model, _attributes(values))


def _arguments(
    defaults: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[dict[str, Any], set[str]]:
    """(all values, names that were given); TypeError, ValueError."""
    names = list(defaults)
    if len(args) > len(names):
        raise TypeError(f"expected at most {len(names)} arguments, found {len(args)}")
    given = dict(zip(names, args, strict=False))
    for alias, value in kwargs.items():
        name = ALIASES.get(alias, alias)
        if name not in defaults:
            raise TypeError(f"unexpected keyword argument '{alias}'")
        if name in given:
            raise TypeError(f"multiple values for argument '{name}'")
        given[name] = value
    if "input" not in given:
        raise TypeError("missing argument 'input'")
    values = defaults | given
    values["input"] = os.fspath(values["input"])
    if values["input"] != "-" and not os.path.exists(values["input"]):
        raise ValueError(f"{values['input']} cannot be opened for training!")
    if values["loss"] not in LOSSES:
        raise ValueError("Unrecognized loss name")
    if values["thread"] is None:
        values["thread"] = _default_threads()
    values["thread"] = max(1, values["thread"])
    for name in ("lr", "t"):  # float32 in the original, when given
        if name in given:
            values[name] = float(np.float32(values[name]))
    is_searched = bool(values.get("autotuneValidationFile"))
    if values["wordNgrams"] <= 1 and values["maxn"] == 0 and not is_searched:
        values["bucket"] = 0
    return values, set(given)


def _fields(values: dict[str, Any]) -> dict[str, Any]:
    return {field: values[name] for name, field in _FIELDS.items()}


def _attributes(values: dict[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in ATTRIBUTES}


class _Report:
    """Progress on stderr, when that is a terminal or much was asked for."""

    def __init__(self, verbose: int) -> None:
        self._is_wanted = verbose > 1 and sys.stderr is not None and sys.stderr.isatty()
        self._has_written = False

    def __call__(self, progress: Progress, /) -> None:
        if not self._is_wanted or progress.stage != "train":
            return
        done = 100 * progress.n_done / max(progress.n_total or 1, 1)
        sys.stderr.write(f"\rProgress: {done:5.1f}%")
        if progress.loss is not None:
            sys.stderr.write(f" lr: {progress.rate or 0.0:9.6f} avg.loss: {progress.loss:9.6f}")
        sys.stderr.flush()
        self._has_written = True

    def end(self) -> None:
        if self._has_written:
            sys.stderr.write("\n")
