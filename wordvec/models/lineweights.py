"""Class and sample weights: factors of the classifier's gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import OptionError
from wordvec.fasttextmodel import FastTextDictionary
from wordvec.labelled import LabelledText

Matrix = NDArray[np.float32]
ClassWeights = Mapping[str, float] | str

MOST_WEIGHT = 1e9  # with the largest rate, gradients stay far from overflow


@dataclass
class LineWeights:
    """Factors of gradients: float32 per line and per label, None for 1."""

    of_lines: Matrix | None = None
    of_labels: Matrix | None = None

    @classmethod
    def of(
        cls,
        text: LabelledText,
        class_weights: ClassWeights | None,
        sample_weights: Sequence[float] | NDArray[Any] | None,
    ) -> LineWeights:
        """OptionError for weights that do not fit the text."""
        made = cls()
        if sample_weights is not None:
            made.of_lines = _line_weights(text.n_lines, sample_weights)
        if class_weights is not None:
            made.of_labels = _label_weights(text.dictionary, class_weights)
        return made


def _line_weights(n_lines: int, given: Sequence[float] | NDArray[Any]) -> Matrix:
    values = np.ascontiguousarray(given, np.float32)
    expected = f"{n_lines} numbers from 0 to 1e9, one a line"
    if values.shape != (n_lines,):
        found = f"{len(values)}" if values.ndim == 1 else f"an array of shape {values.shape}"
        raise OptionError("sample_weights", expected, found)
    if not _are_factors(values):
        wrong = int(np.argmin((values >= 0) & (values <= MOST_WEIGHT)))
        raise OptionError("sample_weights", expected, f"{values[wrong]} for line {wrong + 1}")
    return values


def _are_factors(values: Matrix) -> bool:
    return bool(((values >= 0) & (values <= MOST_WEIGHT)).all())


def _label_weights(dictionary: FastTextDictionary, given: ClassWeights) -> Matrix:
    counts = dictionary.counts[dictionary.n_words :]
    if isinstance(given, str):
        if given != "balanced":
            raise OptionError("class_weights", "'balanced' or a dict of labels", given)
        return np.asarray(counts.sum() / (len(counts) * counts), np.float32)
    weights = np.ones(len(counts), np.float32)
    for label, weight in given.items():
        number = dictionary.label_id(label)
        if number < 0:
            number = dictionary.label_id(dictionary.label_prefix + label)
        if number < 0:
            raise OptionError("class_weights", "labels of the text", label)
        weights[number] = weight
    if not _are_factors(weights):
        raise OptionError("class_weights", "numbers from 0 to 1e9", dict(given))
    return weights
