"""Suite plan: what `wordvec plan` foretells beside what then happens.

Each job is planned, then run as a whole process.  Time is that of training alone, by the program's
own meter: on the clock and, where the meter tells, in CPU-seconds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import texts
from bench.measure import Run, run_program
from bench.report import Record, Results, judge

# Largest share by which a plan may be off: must, aim.
ALLOWED = {"memory": (0.10, 0.05), "cpu": (0.25, 0.15), "wall": (0.25, 0.15)}
SECOND_TEXT = Path("corpora") / "kowiki1m.txt.xz"


@dataclass(frozen=True, slots=True)
class Job:
    """One training: options of the plan, and the flags of the command."""

    name: str
    model: str
    epochs: int  # of the first text; the second, a sixteenth of it, gets four times as many
    threads: int
    plan: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


JOBS = (
    Job("word2vec", "word2vec", 2, 1),
    Job("word2vec, skip-gram, dim 300", "word2vec", 1, 2, ("--sg", "1", "--dim", "300"),
        ("-cbow", "0", "-size", "300")),
    Job("fasttext skipgram", "fasttext", 1, 2),
    Job("train, fast", "train", 2, 1, ("--preset", "fast"), ("--preset", "fast")),
    Job("train", "train", 1, 2),
)  # fmt: skip
NAMES = tuple(job.name for job in JOBS)


def planned(job: Job, text: Path, epochs: int, ours: Sequence[str], work: Path) -> Record:
    """What `wordvec plan` says."""
    options = ["--model", job.model, "--epochs", str(epochs), "--threads", str(job.threads)]
    run = run_program([*ours, "plan", str(text), *options, *job.plan, "--json"], work)
    found: Record = json.loads(run.output[run.output.index("{") :])
    return found | {"plan_cpu_s": run.cpu_s}


def command_of(job: Job, text: Path, epochs: int, ours: Sequence[str]) -> list[str]:
    threads, passes = str(job.threads), str(epochs)
    if job.model == "word2vec":
        files = ["-train", str(text), "-output", "vectors.bin", "-binary", "1"]
        return [*ours, "word2vec", *files, "-iter", passes, "-threads", threads, *job.flags]
    if job.model == "fasttext":
        files = ["-input", str(text), "-output", "vectors"]
        return [*ours, "fasttext", "skipgram", *files, "-epoch", passes, "-thread", threads,
                "-probe", "pairs.tsv", "-log", "log.jsonl", *job.flags]  # fmt: skip
    options = ["--epochs", passes, "--threads", threads, *job.flags]
    return [*ours, "train", str(text), "-o", "vectors.wordvec", *options, "--json"]


def happened(job: Job, run: Run, n_words: int, work: Path) -> dict[str, float | None]:
    """CPU and wall seconds of training; n_words: those trained, of all epochs."""
    if job.model == "word2vec":
        wall = run.wall_words_per_s(n_words)
        return {
            "cpu": n_words / run.meter_words_per_cpu_s,
            "wall": None if wall is None else n_words / wall,
        }
    if job.model == "fasttext":
        last = json.loads((work / "log.jsonl").read_text().splitlines()[-1])
        return {"cpu": last["cpu_seconds"], "wall": last["wall_seconds"]}
    told = json.loads(run.output[run.output.index("{") :])
    return {"cpu": told["training_cpu_seconds"], "wall": told["training_wall_seconds"]}


def compare(job: Job, text: Path, epochs: int, ours: Sequence[str], work: Path) -> Record:
    """One job planned and run."""
    plan = planned(job, text, epochs, ours, work)
    # The log, which tells the seconds, is written for those who measure something.
    (work / "pairs.tsv").write_text("the\tof\t3\nin\tand\t2\nto\tis\t1\n")
    run = run_program(command_of(job, text, epochs, ours), work)
    words = re.search(r"Words in train file: (\d+)", run.output)
    n_words = int(words[1]) * epochs if words else 0
    real = happened(job, run, n_words, work)
    for path in work.glob("vectors*"):
        path.unlink()
    record: Record = {
        "record": "plan", "name": job.name, "text": text.name, "epochs": epochs,
        "threads": job.threads, "share": plan["text"]["share"], "plan_cpu_s": plan["plan_cpu_s"],
        "planned_memory_mb": plan["memory"]["peak"] / 1e6, "peak_mb": run.max_rss_bytes / 1e6,
        "planned_cpu_s": plan["training_cpu_seconds"], "training_cpu_s": real["cpu"],
        "planned_wall_s": plan["training_seconds"], "training_wall_s": real["wall"],
        "load_before": run.load_before, "command": run.command,
    }  # fmt: skip
    record["memory"] = plan["memory"]["peak"] / run.max_rss_bytes - 1
    for measure, name in (("cpu", "training_cpu_seconds"), ("wall", "training_seconds")):
        seconds = real[measure]
        record[measure] = None if not seconds else plan[name] / seconds - 1
    return record


def rows(records: Sequence[Record]) -> list[Record]:
    """The largest error of each measure, over all jobs."""
    found = []
    for measure, (must, aim) in ALLOWED.items():
        off = [abs(record[measure]) for record in records if record[measure] is not None]
        if off:
            found.append({
                "record": "plan-row", "what": f"{measure}: worst of all jobs", "figure": max(off),
                "mean": sum(off) / len(off), "must": must, "aim": aim, "jobs": len(off),
                "verdict": judge(-max(off), -must, -aim),
            })  # fmt: skip
    return found


def plan_suite(
    results: Results, names: Sequence[str], text: Path, data: Path, work: Path, ours: Sequence[str]
) -> None:
    """All jobs on the text and on the Korean one, where that is there."""
    files = [(text, 1)]
    if (data / SECOND_TEXT).exists():
        files.append((texts.plain_text(data / SECOND_TEXT, texts.cache_folder()), 4))
    done = []
    for job in JOBS:
        if job.name in names:
            for path, factor in files:
                done.append(compare(job, path, job.epochs * factor, ours, work))
                results.add(done[-1])
    for row in rows(done):
        results.add(row)
