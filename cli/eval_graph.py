"""`wordvec eval graph`: how much node vectors know of classes, and of hidden edges."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from wordvec.graphoptions import GRAPH_FORMATS, GRAPH_METHODS

from .asking import file_options, load_vectors
from .graph import setting_options
from .graph_run import Job, n_threads_of, tell_notes, usage_errors
from .speech import json_line, say, table

if TYPE_CHECKING:
    from wordvec.evaluate.links import LinkScore
    from wordvec.evaluate.nodes import NodeScore

LINK_NAMES = {
    "cosine": "cosine",
    "dot": "dot product",
    "hadamard": "logistic regression on products",
    "degree": "no vectors: degree product",
    "adamic_adar": "no vectors: Adamic-Adar",
}


@click.command("graph")
@click.argument("paths", metavar="[VECTORS...]", nargs=-1)
@click.option("--labels", metavar="FILE", help="Lines `node label`; several by several lines.")
@click.option(
    "--train", "train_share", type=float, default=0.5, show_default=True, metavar="SHARE",
    help="Share of the labelled nodes that the judge learns from.",
)  # fmt: skip
@click.option(
    "--splits", "n_splits", type=click.IntRange(min=1), metavar="N",
    help="Splits to average over (default: 10 of labels, 3 of links).",
)  # fmt: skip
@click.option("--links", metavar="GRAPH", help="Hide a fifth of the edges, train, find them.")
@click.option("--method", type=click.Choice(GRAPH_METHODS), default="node2vec", help="Of --links.")
@click.option("--graph-format", type=click.Choice(GRAPH_FORMATS), help="Of --links.")
@click.option("--delimiter", metavar="CHAR", help="Of --links.")
@click.option("--fresh-negatives", is_flag=True, help="Of --links.")
@click.option("--workers", type=click.IntRange(min=0, max=4096), default=0, help="Of --links.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object with all counts.")
@file_options
@setting_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    paths: tuple[str, ...],
    labels: str | None,
    train_share: float,
    n_splits: int | None,
    links: str | None,
    method: str,
    graph_format: str | None,
    delimiter: str | None,
    fresh_negatives: bool,
    workers: int,
    as_json: bool,
    format: str | None,
    limit: int | None,
    allow_pickle: bool,
    **settings: Any,
) -> int:
    """Score node vectors: classes by logistic regression, or links that were hidden.

    \b
      wordvec eval graph nodes.txt --labels groups.tsv
      wordvec eval graph --links friends.tsv --p 4

    Labels: DeepWalk's and node2vec's protocol, on raw vectors; split s is drawn from seed s, so
    that splits of several files are the same. Links: vectors are trained, with the flags of
    `wordvec graph`, on the graph without the hidden edges; beside pairs drawn evenly there are
    pairs that are as busy as edges, and what needs no vectors.
    """
    if bool(labels) == bool(links) or bool(labels) != bool(paths):
        raise click.UsageError("expected VECTORS... --labels FILE, or --links GRAPH", ctx)
    # Small matrices: BLAS's threads would only wait for each other.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if fresh_negatives:
        settings["negatives"] = "pair"
    job = Job(links or "", "", method, settings, {"format": graph_format, "delimiter": delimiter},
              workers=workers, command="wordvec eval graph")  # fmt: skip
    with usage_errors(job, ctx):
        if links:
            result = score_links(job, n_splits or 3)
            text = link_text(result)
            report: Any = {"links": [dataclasses.asdict(score) for score in result]}
        else:
            options = (format, limit, allow_pickle)
            scores = score_labels(paths, labels or "", train_share, n_splits or 10, options)
            text = label_text(scores)
            report = {"labels": {path: dataclasses.asdict(s) for path, s in scores.items()}}
    say(json_line(report, indent=2) if as_json else "\n".join(text))
    return 0


def score_labels(
    paths: tuple[str, ...],
    labels_path: str,
    train_share: float,
    n_splits: int,
    options: tuple[str | None, int | None, bool],
) -> dict[str, NodeScore]:
    from wordvec.evaluate.nodes import evaluate_nodes, read_labels

    labels = read_labels(labels_path)
    return {
        path: evaluate_nodes(
            load_vectors(path, *options), labels, train_share=train_share, n_splits=n_splits
        )
        for path in paths
    }


def label_text(scores: dict[str, NodeScore]) -> list[str]:
    rows = [["vectors", "macro F1", "micro F1", "nodes", "classes", "without vector"]]
    for path, score in scores.items():
        rows.append([path, f"{score.macro_mean:.4f}", f"{score.micro_mean:.4f}",
                     f"{score.n_nodes:,}", str(score.n_classes), str(score.n_unknown)])  # fmt: skip
    score = next(iter(scores.values()))
    n_splits = len(score.macro)
    return [
        *table(rows),
        f"splits 0 to {n_splits - 1}, {score.train_share:.0%} to learn from; macro of each: "
        + " ".join(f"{value:.3f}" for value in score.macro),
    ]


def score_links(job: Job, n_splits: int) -> list[LinkScore]:
    from wordvec.evaluate.links import evaluate_links
    from wordvec.graph import Graph
    from wordvec.graphoptions import graph_options
    from wordvec.models.node2vec import Node2Vec, as_graph

    options = graph_options(job.method, workers=n_threads_of(job.workers), **job.settings)
    graph = as_graph(job.source, options, **job.reading)
    tell_notes(job, graph)

    def train(names: list[str], edges: Any) -> Any:
        part = Graph.from_edges(edges.astype(np.int32), ids=names, n_threads=options.workers)
        return Node2Vec(part, **dataclasses.asdict(options)).wv

    return [evaluate_links(graph.edges(), list(graph.ids), train, k) for k in range(n_splits)]


def link_text(scores: list[LinkScore]) -> list[str]:
    rows = [["area under the curve", "pairs drawn evenly", "degree-matched pairs"]]
    for name, text in LINK_NAMES.items():
        means = [
            np.mean([getattr(s, kind)[name] for s in scores]) for kind in ("uniform", "matched")
        ]
        rows.append([text, *(f"{mean:.3f}" for mean in means)])
    n = scores[0].n_test
    return [*table(rows), f"splits 0 to {len(scores) - 1}; {n:,} hidden edges in the first"]
