"""Classes of nodes from their vectors: DeepWalk's and node2vec's protocol, made exact."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import CorpusError, FormatError, OptionError
from wordvec.evaluate.logistic import fit_logistic, scores_of
from wordvec.vectors import Vectors


@dataclass(slots=True)
class NodeLabels:
    """Labels of nodes, several by several lines; `path` is where they come from."""

    path: str
    labels: dict[str, list[str]]

    @property
    def n_lines(self) -> int:
        return sum(map(len, self.labels.values()))


@dataclass(slots=True)
class NodeScore:
    """Macro and micro F1 of each split; `n_unknown` labelled nodes have no vector."""

    macro: list[float]
    micro: list[float]
    n_nodes: int
    n_classes: int
    n_unknown: int
    train_share: float
    notes: list[str] = field(default_factory=list)

    @property
    def macro_mean(self) -> float:
        return float(np.mean(self.macro))

    @property
    def micro_mean(self) -> float:
        return float(np.mean(self.micro))


def natural_key(name: str) -> tuple[int, str]:
    """Sorts by length, then by spelling: numbers by their size."""
    return len(name), name


def read_labels(path: str | os.PathLike[str]) -> NodeLabels:
    """Read lines `node label`, separated by a tab, else by blanks; # begins a comment.

    FormatError with the line, CorpusError for a file that cannot be read or has no labels.
    """
    name = os.fspath(path)
    found: dict[str, dict[str, None]] = {}
    try:
        with open(name, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                text = line.strip(" \t\r\n")
                if not text or text.startswith(("#", "%")):
                    continue
                fields = (
                    [part.strip() for part in text.split("\t")] if "\t" in text else text.split()
                )
                if len(fields) < 2 or not fields[0] or not fields[1]:
                    raise FormatError(
                        name, None, "a node and a label", repr(text[:60]), line=number
                    )
                for label in fields[1:]:
                    found.setdefault(fields[0], {})[label] = None
    except OSError as error:
        raise CorpusError(f"{name}: {error.strerror or error}") from error
    if not found:
        raise CorpusError(f"{name}: no labels")
    return NodeLabels(name, {node: list(labels) for node, labels in found.items()})


def evaluate_nodes(
    vectors: Vectors, labels: NodeLabels, *, train_share: float = 0.5, n_splits: int = 10
) -> NodeScore:
    """Train one logistic regression for each class on part of the nodes, predict the others'.

    Split s trains on the first int(train_share n) of RandomState(s).permutation(n) nodes; each
    other node gets as many classes as it has.  CorpusError when no labelled node has a vector.
    """
    if not 0 < train_share < 1:
        raise OptionError("train", "a share between 0 and 1", train_share)
    if n_splits < 1:
        raise OptionError("splits", "a number of at least 1", n_splits)
    known = [node for node in labels.labels if node in vectors]
    n_unknown = len(labels.labels) - len(known)
    if len(known) < 2:
        raise CorpusError(
            f"{labels.path}: {len(known)} of {len(labels.labels):,} nodes have a vector"
        )
    known.sort(key=natural_key)
    classes = sorted({label for node in known for label in labels.labels[node]}, key=natural_key)
    place = {label: k for k, label in enumerate(classes)}
    truth = np.zeros((len(known), len(classes)), bool)
    for row, node in enumerate(known):
        truth[row, [place[label] for label in labels.labels[node]]] = True
    features = np.array([vectors[node] for node in known], np.float64)
    score = NodeScore([], [], len(known), len(classes), n_unknown, train_share)
    for split in range(n_splits):
        order = np.random.RandomState(split).permutation(len(known))
        n_train = int(train_share * len(known))
        macro, micro = _score_split(features, truth, order[:n_train], order[n_train:])
        score.macro.append(macro)
        score.micro.append(micro)
    return score


def _score_split(
    features: NDArray[np.float64],
    truth: NDArray[np.bool_],
    train: NDArray[np.int64],
    test: NDArray[np.int64],
) -> tuple[float, float]:
    scores = np.empty((len(test), truth.shape[1]))
    for k in range(truth.shape[1]):
        positive = truth[train, k]
        if not positive.any():
            scores[:, k] = -np.inf
        elif positive.all():
            scores[:, k] = np.inf
        else:
            scores[:, k] = scores_of(features[test], fit_logistic(features[train], positive))
    return f1_scores(truth[test], predicted(scores, truth[test].sum(axis=1)))


def predicted(scores: NDArray[np.float64], n_classes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """bool[n, c]: the n_classes[i] highest scores of each row, ties to the earlier class."""
    ranks = np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1, kind="stable")
    return np.asarray(ranks < n_classes[:, None])


def f1_scores(truth: NDArray[np.bool_], found: NDArray[np.bool_]) -> tuple[float, float]:
    """Macro and micro F1; 0 for a class that neither is nor was predicted."""
    hits = (truth & found).sum(axis=0)
    total = truth.sum(axis=0) + found.sum(axis=0)
    macro = np.divide(2 * hits, total, out=np.zeros(len(hits)), where=total > 0).mean()
    return float(macro), float(2 * hits.sum() / max(total.sum(), 1))
