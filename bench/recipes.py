"""Suite recipes: `wordvec train` from text to file beside the originals with their own defaults.

All runs use one thread, so that CPU time is comparable; the originals run to their end.  Mean: of
analogies, WordSim-353, MEN, SimLex and Rare Words.  "first": the text's first 2 M tokens.
"""

from __future__ import annotations

import json
import shutil
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import rivals, texts
from bench.measure import BenchError, run_program
from bench.quality import HERE, WORKER, worker_result
from bench.report import Record, Results, judge, read_records, say

PARTS = {
    "analogy": "analogy", "WS": "WS-353-ALL", "MEN": "MEN-TR-3k", "SimLex": "SIMLEX-999",
    "RW": "RW-STANFORD", "sem": "sem", "syn": "syn",
}  # fmt: skip
MEAN_OF = tuple(PARTS)[:5]
FIRST_TOKENS = 2_000_000

WORD2VEC, SKIP_GRAM, FASTTEXT = "word2vec.c", "word2vec.c -cbow 0", "fastText skipgram"
ORIGINALS = (WORD2VEC, SKIP_GRAM, FASTTEXT)
# What is run of ours: the options after `wordvec train TEXT`.
OURS: dict[str, tuple[str, ...]] = {
    "fast": ("--preset", "fast"),
    "default": ("--preset", "default"),
    "default, dim 100": ("--preset", "default", "--dim", "100"),
    "best": ("--preset", "best"),
    "semantic": ("--preset", "semantic"),
}
TWO = "default, two threads"
NAMES = (*OURS, TWO, *ORIGINALS)


@dataclass(frozen=True, slots=True)
class Goal:
    """One row of the table: `measure` of one name, alone or against another's."""

    what: str
    name: str
    measure: str
    must: float
    aim: float
    against: str = ""
    how: str = ""  # difference or ratio
    text: str = "all"
    lower: bool = False


GOALS = [
    Goal("default: mean", "default", "mean", 57.0, 59.0),
    Goal("default: CPU, of word2vec.c's", "default", "cpu_s", 0.45, 0.33, WORD2VEC, "ratio",
         lower=True),
    Goal("default over fastText: mean", "default", "mean", 3.0, 5.0, FASTTEXT, "difference"),
    Goal("the same at dim 100", "default, dim 100", "mean", 0.7, 2.0, FASTTEXT, "difference"),
    Goal("fast: mean", "fast", "mean", 49.0, 50.0),
    Goal("fast: CPU, of word2vec.c's", "fast", "cpu_s", 1 / 12, 1 / 18, WORD2VEC, "ratio",
         lower=True),
    Goal("best: mean", "best", "mean", 57.7, 60.0),
    Goal("semantic: semantic analogies", "semantic", "sem", 48.0, 52.0),
    Goal("semantic: mean", "semantic", "mean", 57.3, 59.0),
    Goal("first 2 M tokens, default: mean", "default", "mean", 46.5, 48.0, text="first"),
    Goal("the same over word2vec.c", "default", "mean", 0.01, 5.0, WORD2VEC, "difference", "first"),
    Goal("the same over fastText", "default", "mean", 0.01, 5.0, FASTTEXT, "difference", "first"),
    Goal("two threads against one: wall", "default", "training_wall_s", 1.8, 1.9, TWO, "ratio",
         "first"),
]  # fmt: skip
# Largest share by which the plan may be off, over all runs: must, aim.
PLAN = {"plan_cpu": (0.25, 0.15), "plan_wall": (0.25, 0.15), "plan_memory": (0.10, 0.05)}


@dataclass(frozen=True, slots=True)
class Trial:
    name: str
    text: str  # all or first
    seed: int  # 0 for the originals, which have none

    def same_as(self, record: Record) -> bool:
        found = (record.get("name"), record.get("text"), record.get("seed"))
        return found == (self.name, self.text, self.seed)


@dataclass(frozen=True, slots=True)
class Bench:
    """Where things are: texts by name, the folder for vectors, the judges, the programs."""

    texts: dict[str, Path]
    work: Path
    evaluation: Path
    ours: Sequence[str]
    fasttext: str | None


def trials(names: Iterable[str], n_seeds: int) -> list[Trial]:
    """The short text, and on the whole text all names: the first seed of everything first."""
    found = []
    for seed in range(1, n_seeds + 1):
        for name in names:
            if name in ORIGINALS and seed == 1:
                found += [Trial(name, "first", 0), Trial(name, "all", 0)]
            elif name == TWO:
                found.append(Trial(name, "first", seed))
            elif name in OURS:
                found.append(Trial(name, "all", seed))
                found += [Trial(name, "first", seed)] if name == "default" else []
    return found


def command_of(bench: Bench, trial: Trial, output: str) -> tuple[list[str], str]:
    """(command, file of vectors that it makes)."""
    text = str(bench.texts[trial.text])
    if trial.name == FASTTEXT:
        assert bench.fasttext is not None
        files = ["-input", text, "-output", output]
        return [bench.fasttext, "skipgram", *files, "-thread", "1"], output + ".vec"
    if trial.name in ORIGINALS:
        program = str(rivals.build_original(texts.cache_folder()))
        flags = ["-cbow", "0"] if trial.name == SKIP_GRAM else []
        files = ["-train", text, "-output", output]
        return [program, *files, "-binary", "1", "-threads", "1", *flags], output
    name, n_threads = ("default", 2) if trial.name == TWO else (trial.name, 1)
    output += ".wordvec"
    return [*bench.ours, "train", text, "-o", output, *OURS[name], "--threads", str(n_threads),
            "--seed", str(trial.seed), "--json"], output  # fmt: skip


def run_trial(bench: Bench, trial: Trial) -> Record:
    """Train, score, and hold our plan against what happened."""
    command, output = command_of(bench, trial, f"vectors-{trial.text}-{trial.seed}")
    run = run_program(command, bench.work)
    judged = [*WORKER, str(HERE / "evaluate.py"), output, str(bench.evaluation)]
    scores = worker_result(run_program(judged, bench.work))
    for path in bench.work.glob("vectors-*"):
        path.unlink()
    parts = {short: scores[name] for short, name in PARTS.items()}
    record: Record = {
        "record": "recipe", "name": trial.name, "text": trial.text, "seed": trial.seed,
        "corpus_bytes": bench.texts[trial.text].stat().st_size, "cpu_s": run.cpu_s,
        "wall_s": run.wall_s, "max_rss_bytes": run.max_rss_bytes, "load_before": run.load_before,
        "mean": statistics.mean(parts[name] for name in MEAN_OF), **parts, "dim": scores["dim"],
        "scores": scores, "command": command,
    }  # fmt: skip
    if trial.name not in ORIGINALS:
        told = json.loads(run.output[run.output.index("{") :])
        expected, wall_s = told["expected"], told["training_wall_seconds"]
        record |= {
            "training_wall_s": wall_s, "training_cpu_s": told["training_cpu_seconds"],
            "expected": expected, "held_out_losses": told["held_out_losses"],
            "plan_cpu": expected["cpu_seconds"] / told["training_cpu_seconds"] - 1,
            "plan_wall": expected["wall_seconds"] / wall_s - 1,
            "plan_memory": expected["n_bytes"] / run.max_rss_bytes - 1,
        }  # fmt: skip
    return record


def rows(records: Sequence[Record]) -> list[Record]:
    """The rows of the table that the records are enough for."""
    found = []
    for goal in GOALS:
        ours = values(records, goal.name, goal.text, goal.measure)
        other = values(records, goal.against, goal.text, goal.measure)
        if not ours or (goal.against and not other):
            continue
        value = figure = statistics.mean(ours)
        if goal.how:
            base = statistics.mean(other)
            figure = value - base if goal.how == "difference" else value / base
        sign = -1 if goal.lower else 1
        found.append({
            "record": "recipe-row", "what": goal.what, "ours": value,
            "against": statistics.mean(other) if other else None, "figure": figure,
            "spread": max(ours) - min(ours), "must": goal.must, "aim": goal.aim,
            "seeds": len(ours), "verdict": judge(sign * figure, sign * goal.must, sign * goal.aim),
        })  # fmt: skip
    for measure, (must, aim) in PLAN.items():
        off = [abs(record[measure]) for record in records if measure in record]
        if off:
            found.append({
                "record": "recipe-row", "what": f"{measure}: worst of all runs", "ours": max(off),
                "figure": max(off), "spread": max(off) - min(off), "must": must, "aim": aim,
                "seeds": len(off), "verdict": judge(-max(off), -must, -aim),
            })  # fmt: skip
    return found


def values(records: Sequence[Record], name: str, text: str, measure: str) -> list[float]:
    return [
        float(record[measure])
        for record in records
        if record["name"] == name and record["text"] == text and measure in record
    ]


def recipes_suite(
    results: Results,
    names: Sequence[str],
    n_seeds: int,
    bench: Bench,
    earlier: Sequence[Path],
) -> None:
    """All trials but those that `earlier` results hold, then the rows."""
    known = [record for record in read_records(earlier) if record["record"] == "recipe"]
    done = []
    for trial in trials(names, n_seeds):
        size = bench.texts[trial.text].stat().st_size
        same = [r for r in known if trial.same_as(r) and r["corpus_bytes"] == size]
        if same:
            done.append(same[-1])
            results.add(same[-1])
        elif trial.name == FASTTEXT and bench.fasttext is None:
            say("no command `fasttext`: its rows are left out (--fasttext names one)")
        else:
            done.append(run_trial(bench, trial))
            results.add(done[-1])
    for row in rows(done):
        results.add(row)


def prepare(
    text: Path, work: Path, evaluation: Path, ours: Sequence[str], fasttext: str | None
) -> Bench:
    first = texts.write_head(text, work / "first.txt", FIRST_TOKENS)
    found = shutil.which(fasttext or "fasttext")
    if fasttext and found is None:
        raise BenchError(f"no command {fasttext}")
    return Bench({"all": text, "first": first}, work, evaluation, ours, found)
