"""What a search makes as large as possible: autotune's metrics."""

from __future__ import annotations

import math
from dataclasses import dataclass

from wordvec.errors import WordvecError
from wordvec.fasttextmodel import FastTextModel
from wordvec.models.meters import Meter


@dataclass(frozen=True)
class Metric:
    """What is to be made as large as possible: "f1", "precision" (at recall `at`) or "recall" (at
    precision `at`), `at` from 0 to 1; of one label or all."""

    kind: str
    at: float = 0.0
    label: str | None = None

    @classmethod
    def parse(cls, text: str) -> Metric:
        """OptionError with the original's words."""
        name, *parts = text.split(":", 2)
        kinds = {"precisionAtRecall": "precision", "recallAtPrecision": "recall"}
        if name == "f1":
            label = ":".join(parts) if parts else None
            return cls("f1", 0.0, _label(text, label))
        if name not in kinds or not parts:
            raise WordvecError(f"Unknown metric : {text}")
        try:
            at = float(parts[0]) / 100
        except ValueError:
            raise WordvecError(f"Unknown metric : {text}") from None
        if not 0 <= at <= 1:
            raise WordvecError(f"Unknown metric : {text} (expected 0 to 100 percent)")
        return cls(kinds[name], at, _label(text, parts[1] if len(parts) > 1 else None))

    @property
    def needs_answers(self) -> bool:
        return self.kind != "f1"

    def number_of(self, model: FastTextModel) -> int | None:
        """The label's number; WordvecError when the model lacks it."""
        if self.label is None:
            return None
        number = model.dictionary.label_id(self.label)
        if number < 0:
            raise WordvecError(f"Unknown autotune metric label: {self.label}")
        return number

    def score(self, meter: Meter, label: int | None) -> float:
        """0 to 1; 0 where it is not defined."""
        if self.kind == "precision":
            value = meter.precision_at_recall(self.at, label)
        elif self.kind == "recall":
            value = meter.recall_at_precision(self.at, label)
        else:
            value = meter.f1 if label is None else meter.label_f1(label)
        return 0.0 if math.isnan(value) else value


def _label(metric: str, label: str | None) -> str | None:
    if label == "":
        raise WordvecError(f"Empty metric label : {metric}")
    return label
