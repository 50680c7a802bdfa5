"""How good a classifier is on labelled lines: precision, recall, F1, curves, all probabilities."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from wordvec.fasttextmodel import FastTextModel
from wordvec.models.labelling import Block, Labeller, line_chunks

Counts = NDArray[np.int64]
Reals = NDArray[np.float64]


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


@dataclass
class Meter:
    """Answers beside the truth, over the lines that have a known label and something to go by.

    n_lines        such lines
    gold, predicted, right   int64[n_labels]: labels in the lines (as often as they stand there),
                   labels answered, and those of them that were right
    labels, scores, is_right   int32, float32, bool [n answers]: every answer, in the lines' order;
                   scores are probabilities, at most 1.  Empty unless they were to be kept
    """

    n_lines: int
    gold: Counts
    predicted: Counts
    right: Counts
    labels: NDArray[np.int32]
    scores: NDArray[np.float32]
    is_right: NDArray[np.bool_]

    # -- whole ------------------------------------------------------------------------------------

    @property
    def precision(self) -> float:
        """Right answers / answers; NaN without answers."""
        return _ratio(int(self.right.sum()), int(self.predicted.sum()))

    @property
    def recall(self) -> float:
        """Right answers / labels in the lines; NaN without labels."""
        return _ratio(int(self.right.sum()), int(self.gold.sum()))

    @property
    def f1(self) -> float:
        right, others = int(self.right.sum()), int(self.predicted.sum() + self.gold.sum())
        return _ratio(2 * right, others)

    # -- by label ---------------------------------------------------------------------------------

    def label_precision(self, label: int) -> float:
        """NaN for a label that was never answered."""
        return _ratio(int(self.right[label]), int(self.predicted[label]))

    def label_recall(self, label: int) -> float:
        """NaN for a label that no line has."""
        return _ratio(int(self.right[label]), int(self.gold[label]))

    def label_f1(self, label: int) -> float:
        """NaN for a label that neither the lines nor the answers have."""
        return _ratio(2 * int(self.right[label]), int(self.predicted[label] + self.gold[label]))

    # -- curves -----------------------------------------------------------------------------------

    def score_vs_true(self, label: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(scores, 1 or 0 for right or wrong) of the answers that name a label, scores rising."""
        own = np.flatnonzero(self.labels == label)
        order = np.lexsort((self.is_right[own], self.scores[own]))
        return self.scores[own][order], self.is_right[own][order].astype(np.float32)

    def precision_recall_curve(self, label: int | None = None) -> tuple[Reals, Reals]:
        """(precision, recall), float64, one point for each different score from the highest on, up
        to full recall; then (1, 0).  Of one label or all; empty without answers."""
        if label is None:
            scores, is_right, n_gold = self.scores, self.is_right, int(self.gold.sum())
        else:
            own = self.labels == label
            scores, is_right = self.scores[own], self.is_right[own]
            n_gold = int(self.gold[label])
        if not len(scores):
            return np.zeros(0), np.zeros(0)
        order = np.argsort(-scores, kind="stable")
        scores = scores[order]
        right = np.cumsum(is_right[order])
        last_of_ties = np.append(np.flatnonzero(scores[1:] != scores[:-1]), len(scores) - 1)
        right, answered = right[last_of_ties], last_of_ties + 1.0
        n_points = min(int(np.searchsorted(right, n_gold)) + 1, len(right))
        right, answered = right[:n_points], answered[:n_points]
        recall = right / n_gold if n_gold else np.full(n_points, math.nan)
        return np.append(right / answered, 1.0), np.append(recall, 0.0)

    def precision_at_recall(self, recall: float, label: int | None = None) -> float:
        """The best precision with at least this recall; 0 when none has it."""
        precisions, recalls = self.precision_recall_curve(label)
        return float(precisions[recalls >= recall].max(initial=0.0))

    def recall_at_precision(self, precision: float, label: int | None = None) -> float:
        """The best recall with at least this precision; 0 when none has it."""
        precisions, recalls = self.precision_recall_curve(label)
        return float(recalls[precisions >= precision].max(initial=0.0))


def _answers(block: Block) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """(line, label, score) of all answers to lines that count."""
    counts = (np.diff(block.gold_starts) > 0) & (block.n_rows > 0)
    given = (block.labels >= 0) & counts[:, None]
    lines = np.nonzero(given)[0]
    return lines, block.labels[given], np.minimum(block.probabilities[given], np.float32(1))


def measure(
    model: FastTextModel | Labeller,
    texts: str | Iterable[bytes],
    k: int = 1,
    threshold: float = 0.0,
    *,
    n_threads: int = 1,
    keep_answers: bool = False,
) -> Meter:
    """Ask for the labels of labelled lines and compare: a file ("-": stdin), or texts as for
    Labeller.blocks.  `keep_answers` for the curves: 9 bytes an answer."""
    labeller = model if isinstance(model, Labeller) else Labeller(model)
    chunks = line_chunks(texts) if isinstance(texts, str) else texts
    n = labeller.n_labels
    meter = Meter(
        0, np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64),
        np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(0, np.bool_),
    )  # fmt: skip
    kept = []
    for block in labeller.blocks(chunks, k, threshold, n_threads):
        counts = (np.diff(block.gold_starts) > 0) & (block.n_rows > 0)
        meter.n_lines += int(np.count_nonzero(counts))
        line_of_gold = np.repeat(np.arange(len(block)), np.diff(block.gold_starts))
        of_counted = counts[line_of_gold]
        line_of_gold, gold = line_of_gold[of_counted], block.gold[of_counted]
        lines, labels, scores = _answers(block)
        is_right = np.isin(lines * n + labels, line_of_gold * n + gold)
        meter.gold += np.bincount(gold, minlength=n)
        meter.predicted += np.bincount(labels, minlength=n)
        meter.right += np.bincount(labels[is_right], minlength=n)
        if keep_answers:
            kept.append((labels, scores, is_right))
    if kept:
        meter.labels, meter.scores, meter.is_right = (
            np.concatenate([piece[i] for piece in kept]) for i in range(3)
        )
    return meter


def all_probabilities(
    model: FastTextModel | Labeller, texts: str | Iterable[bytes], n_threads: int = 1
) -> Iterator[tuple[Block, NDArray[np.float32]]]:
    """(block, float32[n, n_labels]) for the lines of a file or texts: the probability of every
    label, as fastText reports it; 0 where a tree gave none (below 1e-5)."""
    labeller = model if isinstance(model, Labeller) else Labeller(model)
    chunks = line_chunks(texts, 1 << 17) if isinstance(texts, str) else texts
    for block in labeller.blocks(chunks, -1, 0.0, n_threads):
        dense = np.zeros((len(block), labeller.n_labels), np.float32)
        lines, places = np.nonzero(block.labels >= 0)
        dense[lines, block.labels[lines, places]] = block.probabilities[lines, places]
        yield block, dense


def write_probabilities(
    model: FastTextModel | Labeller,
    texts: str | Iterable[bytes],
    stream: TextIO,
    n_threads: int = 1,
) -> int:
    """Write one JSON object a line: {"line": 1, "labels": [...], "probabilities": {label: p}}.

    Lines count from 1.  Returns how many there were.
    """
    import json

    labeller = model if isinstance(model, Labeller) else Labeller(model)
    names = labeller.label_names
    n_lines = 0
    for block, dense in all_probabilities(labeller, texts, n_threads):
        for i, row in enumerate(dense.tolist()):
            gold = block.gold[block.gold_starts[i] : block.gold_starts[i + 1]].tolist()
            n_lines += 1
            json.dump(
                {
                    "line": n_lines,
                    "labels": [names[label] for label in gold],
                    "probabilities": dict(zip(names, row, strict=True)),
                },
                stream,
            )
            stream.write("\n")
    return n_lines
