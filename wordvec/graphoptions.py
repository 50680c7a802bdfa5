"""Every option of node vectors, declared once; see wordvec.options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wordvec.errors import OptionError
from wordvec.options import check_options, is_number, option

GRAPH_METHODS = ("node2vec", "deepwalk", "line")
GRAPH_FORMATS = ("edgelist", "adjlist", "npz", "mat")
LINE_ORDERS = ("1", "2", "both")
ROW_ORDERS = ("visits", "input")


@dataclass(frozen=True, slots=True)
class GraphOptions:
    """Hyper-parameters of node vectors.  Defaults are node2vec's; see graph_options for others."""

    method: str = option(
        "node2vec",
        "node2vec: biased walks; deepwalk: uniform walks and hierarchical softmax; line: edges",
        flag="--method",
        choices=GRAPH_METHODS,
    )
    vector_size: int = option(128, "numbers per node", flag="--dimensions", low=1, high=65536)
    walk_length: int = option(80, "nodes of a walk", flag="--walk-length", low=1, high=2**31 - 1)
    num_walks: int = option(10, "walks from every node", flag="--num-walks", low=1, high=2**31 - 1)
    window: int = option(
        10, "largest distance between centre and context in a walk", flag="--window-size", low=1,
        high=10000,
    )  # fmt: skip
    epochs: int = option(1, "passes over the walks", flag="--epochs", low=1)
    workers: int = option(3, "threads", flag="--workers", low=1, high=4096)
    p: float = option(
        1.0, "the larger, the rarer a walk goes straight back", flag="--p", low=1e-6, high=1e6
    )
    q: float = option(
        1.0, "the larger, the rarer a walk goes further away", flag="--q", low=1e-6, high=1e6
    )
    extend: bool = option(
        False, "node2vec+: what counts as an edge depends on its weight", flag="--extend",
        choices=(False, True),
    )  # fmt: skip
    gamma: float = option(
        0.0, "node2vec+: an edge below mean + gamma deviations of a node's weights is noise",
        flag="--gamma",
    )  # fmt: skip
    hs: int = option(0, "1: hierarchical softmax", flag="--hs", choices=(0, 1))
    negative: int = option(
        5, "noise nodes per example; 0 switches negative sampling off", flag="--negative",
        low=0, high=1000,
    )  # fmt: skip
    negatives: str = option(
        "group",
        "noise nodes are drawn for every 5 context nodes (group), once per centre (window), or "
        "afresh for every pair (pair)",
        choices=("group", "window", "pair"),
    )
    ns_exponent: float = option(
        0.75, "noise nodes are drawn by visits, or degree, to this power", flag="--ns-exponent",
        low=-10, high=10,
    )  # fmt: skip
    alpha: float = option(0.025, "learning rate at the start", flag="--rho", low=0)
    min_alpha: float = option(1e-4, "learning rate at the end of walks", low=0)
    seed: int = option(1, "seed of all random choices", flag="--seed", low=0, high=2**63 - 1)
    order: str = option(
        "2", "line: nodes are near that share an edge (1), or neighbours (2), or both side by side",
        choices=LINE_ORDERS,
    )  # fmt: skip
    samples: float | None = option(
        None, "line: millions of edges drawn (default: 150 for every stored edge)",
        flag="--samples", low=1e-6, high=1e12,
    )  # fmt: skip
    rows: str = option(
        "visits", "rows of the result by falling number of visits, or as the nodes were read",
        choices=ROW_ORDERS,
    )  # fmt: skip

    def __post_init__(self) -> None:
        # None stands for a default that is not a whole number: check_options would want one.
        samples = self.samples
        if samples is not None and not (is_number(samples) and 1e-6 <= samples <= 1e12):
            raise OptionError("samples", "a number of millions above 0", samples)
        object.__setattr__(self, "samples", None)
        check_options(self)
        object.__setattr__(self, "samples", None if samples is None else float(samples))
        if self.alpha > 0 and self.min_alpha > self.alpha:
            raise OptionError("min_alpha", f"at most alpha, {self.alpha:g}", self.min_alpha)
        if not self.negative and (not self.hs or self.method == "line"):
            raise OptionError("negative", "at least 1 without hierarchical softmax", 0)
        if self.method == "line" and self.hs:
            raise OptionError("hs", "0 with line", 1)
        if self.method == "line" and self.order == "both" and self.vector_size % 2:
            raise OptionError("vector_size", "an even number with order both", self.vector_size)
        if self.method != "node2vec" and (self.extend or self.p != 1 or self.q != 1):
            raise OptionError("method", "'node2vec' with p, q or extend", self.method)


_METHOD_DEFAULTS: dict[str, dict[str, Any]] = {
    "node2vec": {},
    "deepwalk": {"vector_size": 64, "walk_length": 40, "window": 5, "hs": 1, "negative": 0},
    "line": {"vector_size": 100, "rows": "input"},
}


def graph_options(method: str = "node2vec", **given: Any) -> GraphOptions:
    """GraphOptions with the defaults of node2vec, DeepWalk or LINE where nothing is given.

    DeepWalk has hierarchical softmax unless negative sampling is asked for.
    """
    if method not in GRAPH_METHODS:
        raise OptionError("method", " or ".join(map(repr, GRAPH_METHODS)), method)
    given = {name: value for name, value in given.items() if value is not None}
    unknown = sorted(set(given) - set(GraphOptions.__dataclass_fields__))
    if unknown:
        known = ", ".join(GraphOptions.__dataclass_fields__)
        raise OptionError(unknown[0], f"one of {known}", given[unknown[0]])
    settings = {**_METHOD_DEFAULTS[method], **given}
    if is_number(given.get("alpha")) and "min_alpha" not in given:
        settings["min_alpha"] = min(GraphOptions.__dataclass_fields__["min_alpha"].default,
                                    given["alpha"])  # fmt: skip
    if method == "deepwalk" and given.get("negative") and "hs" not in given:
        settings["hs"] = 0
    return GraphOptions(method=method, **settings)
