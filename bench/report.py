"""Results: JSON lines written as they come, and the Markdown table made from them."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Record = dict[str, Any]
MISSED = ("missed", "fail")  # verdicts that make the exit code 1


class Results:
    """Appends records to one JSON-lines file; each line is on disk before the next run begins."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.records: list[Record] = []
        self._file = path.open("a", encoding="utf-8")

    def add(self, record: Record) -> None:
        self.records.append(record)
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()
        say(one_line(record))


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def one_line(record: Record) -> str:
    shown = (
        "group",
        "entry",
        "name",
        "algorithm",
        "tool",
        "seed",
        "round",
        "words_per_cpu_s",
        "cpu_s",
        "figure",
        "figure_avx2",
        "text",
        "mean",
        "what",
        "error",
    )
    scores = record.get("scores", {})
    fields = [f"{key}={record[key]:.6g}" if isinstance(record[key], float)
              else f"{key}={record[key]}" for key in shown if key in record]  # fmt: skip
    fields += [f"{name}={scores[name]}" for name in scores if name in ("analogy", "WS-353-ALL")]
    if "verdict" in record:
        fields.append(str(record["verdict"]))
    return f"{record['record']}: {' '.join(fields)}"


def cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def machine(suite: str, corpus: Path) -> Record:
    """The first record of a run: where and on what it was measured."""
    return {
        "record": "machine",
        "suite": suite,
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "cpu": cpu_model(),
        "n_cpus": os.cpu_count(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "corpus": corpus.name,
        "corpus_bytes": corpus.stat().st_size,
    }


def judge(value: float, must: float | None, aim: float | None) -> str:
    """`aim`, `must` or `missed`; `-` when nothing is asked of this value."""
    if must is None:
        return "-"
    if aim is not None and value >= aim:
        return "aim"
    return "must" if value >= must else "missed"


def ratio_record(
    name: str, over: list[float], under: list[float], must: float | None, aim: float | None
) -> Record:
    """Compare two programs measured in the same rounds.

    `best_ratio` is best over best; `median_ratio` is the median of the ratios within a round and
    is what the verdict is about.
    """
    ratios = [a / b for a, b in zip(over, under, strict=True)]
    median = statistics.median(ratios)
    return {
        "record": "ratio",
        "name": name,
        "over_best": max(over),
        "under_best": max(under),
        "best_ratio": max(over) / max(under),
        "median_ratio": median,
        "ratios": ratios,
        "must": must,
        "aim": aim,
        "verdict": judge(median, must, aim),
    }


def missed(records: Iterable[Record]) -> bool:
    return any(
        record.get(key) in MISSED for record in records for key in ("verdict", "verdict_avx2")
    )


def number(value: Any) -> str:
    """A table cell: rates in thousands, small figures with three digits."""
    if value is None:
        return "-"
    if not isinstance(value, float):
        return str(value)
    return f"{value / 1000:,.0f} k" if abs(value) >= 10_000 else f"{value:.3g}"


def table(title: str, columns: dict[str, str], rows: list[Record]) -> str:
    """A Markdown table; `columns` maps heading to key.  Empty text without rows."""
    if not rows:
        return ""
    cells = [[number(row.get(key)) for key in columns.values()] for row in rows]
    lines = [list(columns), ["---"] * len(columns), *cells]
    return f"### {title}\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


COLUMNS: dict[str, tuple[str, dict[str, str]]] = {
    "machine": (
        "Machine",
        {"suite": "suite", "CPU": "cpu", "cores": "n_cpus", "load": "load", "corpus": "corpus",
         "time": "time"},
    ),
    "best": (
        "Best of the rounds",
        {"group": "group", "program": "entry", "words/CPU-s": "words_per_cpu_s",
         "words/CPU-s, whole run less vocabulary": "process_words_per_cpu_s",
         "words/s, wall clock": "wall_words_per_s", "rounds": "rounds"},
    ),
    "ratio": (
        "Ratios",
        {"what": "name", "best": "over_best", "against": "under_best", "best/best": "best_ratio",
         "median ratio": "median_ratio", "must": "must", "aim": "aim", "verdict": "verdict"},
    ),
    "memory": (
        "Memory",
        {"what": "name", "peak MB": "peak_mb", "limit MB": "limit_mb", "weights MB": "weights_mb",
         "tokens": "n_tokens", "words": "n_words", "verdict": "verdict"},
    ),
    "use": (
        "Files and queries",
        {"name": "name", "what": "what", "unit": "unit", "wordvec": "ours", "AVX2": "ours_avx2",
         "two threads": "ours_two", "peer": "peer", "figure": "figure",
         "figure, AVX2": "figure_avx2",
         "must": "must", "aim": "aim", "must, AVX2": "must_avx2", "aim, AVX2": "aim_avx2",
         "same answers": "same", "rounds": "rounds", "verdict": "verdict",
         "verdict, AVX2": "verdict_avx2"},
    ),
    "fasttext": (
        "fastText",
        {"name": "name", "what": "what", "unit": "unit", "wordvec": "ours", "AVX2": "ours_avx2",
         "two threads": "ours_two", "peer": "peer", "figure": "figure",
         "figure, AVX2": "figure_avx2", "must": "must", "aim": "aim", "must, AVX2": "must_avx2",
         "aim, AVX2": "aim_avx2", "answers, ours / theirs": "quality", "as good": "same",
         "rounds": "rounds", "verdict": "verdict", "verdict, AVX2": "verdict_avx2"},
    ),
    "glove": (
        "GloVe",
        {"name": "name", "what": "what", "unit": "unit", "wordvec": "ours", "against": "against",
         "its seconds": "other", "figure": "figure", "must": "must", "aim": "aim",
         "same answers": "same", "records": "n_records", "rounds": "rounds",
         "verdict": "verdict"},
    ),
    "graph": (
        "Graphs",
        {"name": "name", "what": "what", "figure": "figure", "must": "must", "aim": "aim",
         "CPU-s": "cpu_s", "seeds": "seeds", "verdict": "verdict"},
    ),
    "recipe": (
        "Runs of recipes and of the originals",
        {"name": "name", "text": "text", "seed": "seed", "dim": "dim", "CPU-s": "cpu_s",
         "mean": "mean", "analogies": "analogy", "semantic": "sem", "syntactic": "syn",
         "WS-353": "WS", "MEN": "MEN", "SimLex": "SimLex", "Rare Words": "RW",
         "plan, CPU": "plan_cpu", "plan, wall": "plan_wall", "plan, memory": "plan_memory"},
    ),
    "recipe-row": (
        "Recipes (means over the seeds)",
        {"what": "what", "ours": "ours", "against": "against", "figure": "figure",
         "spread of seeds": "spread", "must": "must", "aim": "aim", "seeds": "seeds",
         "verdict": "verdict"},
    ),
    "sums": (
        "Equal sums",
        {"algorithm": "algorithm", "threads": "threads", "md5": "md5", "verdict": "verdict"},
    ),
    "deterministic": (
        "Free and deterministic, two threads",
        {"algorithm": "algorithm", "mode": "variant", "seed": "seed",
         "words/CPU-s": "words_per_cpu_s", "CPU-s": "cpu_s", "wall s": "wall_s", "load": "load",
         "analogies": "score analogy", "WordSim": "score WS-353-ALL", "MEN": "score MEN-TR-3k"},
    ),
    "plan": (
        "Plans, and what then happened",
        {"job": "name", "text": "text", "read": "share", "epochs": "epochs", "threads": "threads",
         "planned MB": "planned_memory_mb", "peak MB": "peak_mb", "off": "memory",
         "planned CPU-s": "planned_cpu_s", "CPU-s": "training_cpu_s", "CPU off": "cpu",
         "planned s": "planned_wall_s", "s": "training_wall_s", "wall off": "wall",
         "load": "load_before", "CPU-s of planning": "plan_cpu_s"},
    ),
    "plan-row": (
        "How far plans are off",
        {"what": "what", "worst": "figure", "mean": "mean", "must": "must", "aim": "aim",
         "jobs": "jobs", "verdict": "verdict"},
    ),
    "gate": (
        "Quality gate (means over the seeds)",
        {"algorithm": "algorithm", "variant": "variant", "measure": "measure", "ours": "ours",
         "original": "original", "difference": "difference", "allowed": "allowed",
         "seeds": "seeds", "verdict": "verdict"},
    ),
}  # fmt: skip


def best_records(records: list[Record]) -> list[Record]:
    """The best round of each program of each group."""
    best: dict[tuple[str, str], Record] = {}
    for record in records:
        if record["record"] != "speed":
            continue
        key = (record["group"], record["entry"])
        kept = best.get(key)
        rounds = 1 + (kept["rounds"] if kept else 0)
        if kept is None or record["words_per_cpu_s"] > kept["words_per_cpu_s"]:
            kept = {**record, "record": "best"}
        best[key] = {**kept, "rounds": rounds}
    return list(best.values())


def markdown(records: list[Record]) -> str:
    """All tables that the records of one or several runs give."""
    everything = [*records, *best_records(records)]
    parts = [
        table(title, columns, [record for record in everything if record["record"] == kind])
        for kind, (title, columns) in COLUMNS.items()
    ]
    return "\n".join(part for part in parts if part)


def read_records(paths: Iterable[Path]) -> list[Record]:
    lines = (line for path in paths for line in path.read_text("utf-8").splitlines())
    return [json.loads(line) for line in lines if line.strip()]
