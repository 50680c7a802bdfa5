"""Suite graphs: node vectors by whole programs, one thread, judged by `wordvec eval graph`."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measure import BenchError, Run, run_program
from bench.report import Record, Results, judge

WORKER = [sys.executable, "-P", str(Path(__file__).resolve().parent / "graph_worker.py")]
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
PECANPY_CPU_S = 30.0  # of PecanPy 2.0.9 on PPI, p = 4, one worker, where it cannot be run


@dataclass(slots=True)
class Bench:
    """Where things are, and how often to train."""

    data: Path  # folder of the graphs
    work: Path
    ours: Sequence[str]
    n_seeds: int
    pecanpy: str | None
    n_nodes: int = 1_000_000
    n_edges: int = 20_000_000

    def graph(self, name: str) -> str:
        found = sorted(self.data.glob(f"{name}.edges*"))
        if not found:
            raise BenchError(f"no {name}.edges in {self.data}")
        return str(found[0])

    def train(self, name: str, seed: int, flags: Sequence[str]) -> Run:
        command = [*self.ours, "graph", self.graph(name), "-o", "nodes.wordvec", "--workers", "1"]
        return run_program([*command, "--seed", str(seed), *flags], self.work)

    def macro(self, name: str, n_splits: int, vectors: str = "nodes.wordvec") -> float:
        labels = str(self.data / f"{name}.labels")
        told = self.told([*self.ours, "eval", "graph", vectors, "--labels", labels, "--splits",
                          str(n_splits), "--json"])  # fmt: skip
        return statistics.mean(told["labels"][vectors]["macro"])

    def told(self, command: Sequence[str]) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(run_program(command, self.work, ONE_THREAD).output)
        return found


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: `figure` gives what is judged, and what else is worth knowing."""

    name: str
    what: str
    must: float
    aim: float
    figure: Callable[[Bench], tuple[float, Record]]
    lower: bool = False  # a smaller figure is better


def classes(name: str, n_splits: int, *flags: str) -> Callable[[Bench], tuple[float, Record]]:
    """Macro F1, mean of the seeds."""

    def figure(bench: Bench) -> tuple[float, Record]:
        scores, cpu = [], []
        for seed in range(1, bench.n_seeds + 1):
            cpu.append(bench.train(name, seed, flags).cpu_s)
            scores.append(bench.macro(name, n_splits))
        return statistics.mean(scores), {"scores": scores, "cpu_s": min(cpu)}

    return figure


def links(kind: str, score: str) -> Callable[[Bench], tuple[float, Record]]:
    """Area under the curve on PPI, mean of splits 0, 1, 2."""

    def figure(bench: Bench) -> tuple[float, Record]:
        told = bench.told([*bench.ours, "eval", "graph", "--links", bench.graph("ppi"), "--workers",
                           "1", "--json"])  # fmt: skip
        found = {name: statistics.mean(split[kind][name] for split in told["links"])
                 for name in told["links"][0][kind]}  # fmt: skip
        return found[score], {"others": found}

    return figure


def against_pecanpy(bench: Bench) -> tuple[float, Record]:
    """Its CPU-seconds over ours, start to end, p = 4."""
    flags = ["--p", "4"]
    ours = min(bench.train("ppi", seed, flags).cpu_s for seed in range(1, bench.n_seeds + 1))
    if bench.pecanpy is None:
        return PECANPY_CPU_S / ours, {"cpu_s": ours, "other": PECANPY_CPU_S, "measured": False}
    peer = run_program([bench.pecanpy, "--input", bench.graph("ppi"), "--output", "peer.emb", "--p",
                        "4", "--workers", "1"], bench.work, ONE_THREAD)  # fmt: skip
    quality = {"macro": bench.macro("ppi", 10), "other_macro": bench.macro("ppi", 10, "peer.emb")}
    return peer.cpu_s / ours, {"cpu_s": ours, "other": peer.cpu_s, "measured": True, **quality}


def seconds(*flags: str) -> Callable[[Bench], tuple[float, Record]]:
    """CPU-seconds on BlogCatalog, unpacking and files included, best of the seeds."""

    def figure(bench: Bench) -> tuple[float, Record]:
        runs = [bench.train("blogcatalog", seed, flags) for seed in range(1, bench.n_seeds + 1)]
        best = min(run.cpu_s for run in runs)
        return best, {"cpu_s": best, "load": runs[0].load_before}

    return figure


def memory(bench: Bench) -> tuple[float, Record]:
    """Peak MB beside the arrays of the graph, reading and p, q walks in one process."""
    path = bench.work / "random.edges"
    run_program([*WORKER, "random", str(path), str(bench.n_nodes), str(bench.n_edges)], bench.work)
    run = run_program([*WORKER, "walks", str(path)], bench.work, ONE_THREAD)
    told = json.loads(run.output)
    path.unlink()
    beside = (run.max_rss_bytes - told["array_bytes"]) / 1e6
    return beside, {**told, "peak_mb": run.max_rss_bytes / 1e6}


def karate(bench: Bench) -> tuple[float, Record]:
    """Nodes of 34 in the wrong half, worst of five seeds."""
    told = bench.told([*WORKER, "karate", bench.graph("karate"), str(bench.data / "karate.labels")])
    return float(max(told["wrong"])), {"scores": told["wrong"]}


LINE_1 = ("--method", "line", "--order", "1", "--dim", "64", "--samples", "100", "--undirected")
ROWS = (
    Row("ppi", "PPI macro F1, p = q = 1, 10 splits", 0.175, 0.182, classes("ppi", 10)),
    Row("ppi-4", "the same, p = 4", 0.178, 0.186, classes("ppi", 10, "--p", "4")),
    Row("blogcatalog", "BlogCatalog macro F1, p = q = 1, 3 splits", 0.205, 0.213,
        classes("blogcatalog", 3)),
    Row("blogcatalog-4", "the same, p = q = 0.25", 0.222, 0.231,
        classes("blogcatalog", 3, "--p", "0.25", "--q", "0.25")),
    Row("line", "the same, LINE of first order, 64 numbers, 100 M edges", 0.23, 0.24,
        classes("blogcatalog", 3, *LINE_1)),
    Row("deepwalk", "the same, DeepWalk with 80 nodes, window 10, 128 numbers", 0.22, 0.228,
        classes("blogcatalog", 3, "--method", "deepwalk", "--walk-length", "80", "--window-size",
                "10", "--dim", "128")),
    Row("links", "PPI hidden links, logistic regression, AUC", 0.715, 0.75,
        links("uniform", "hadamard")),
    Row("links-matched", "the same, cosine, degree-matched pairs", 0.705, 0.73,
        links("matched", "cosine")),
    Row("pecanpy", "PPI start to end, times PecanPy's CPU-seconds", 6, 15, against_pecanpy),
    Row("blogcatalog-s", "BlogCatalog start to end, CPU-s", 8, 3.5, seconds(), lower=True),
    Row("blogcatalog-fresh-s", "the same, fresh noise", 24, 12, seconds("--fresh-negatives"),
        lower=True),
    Row("memory", "walks on 1 M nodes, 20 M edges: peak MB beside the graph", 200, 100, memory,
        lower=True),
    Row("karate", "karate club, 2-means: wrong of 34, worst of 5 seeds", 2, 1, karate, lower=True),
)  # fmt: skip
NAMES = tuple(row.name for row in ROWS)


def graphs_suite(results: Results, bench: Bench, names: Sequence[str]) -> None:
    for row in ROWS:
        if row.name in names:
            results.add(record_of(row, *row.figure(bench), bench.n_seeds))


def record_of(row: Row, figure: float, more: Record, n_seeds: int) -> Record:
    sign = -1 if row.lower else 1
    return {
        "record": "graph", "name": row.name, "what": row.what, "figure": figure, "must": row.must,
        "aim": row.aim, "seeds": n_seeds,
        "verdict": judge(sign * figure, sign * row.must, sign * row.aim), **more,
    }  # fmt: skip
