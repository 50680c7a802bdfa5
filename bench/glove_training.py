"""Rows of the suite `glove` about training, and the quality of the vectors."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from bench.glove import (
    COUNTING,
    OURS,
    STANFORD,
    TWO,
    Bench,
    Row,
    file_of,
)
from bench.measure import BenchError, run_program
from bench.quality import gate
from bench.report import Record, Results
from bench.speed import HERE, WORKER, worker_result
from bench.use_rows import THREADS, Goal

N_ITERATIONS = 5
MODEL = ["-vector-size", "50", "-x-max", "100", "-verbose", "0"]
ITERATION = re.compile(rb"iter: (\d+), cost: ([\d.]+)")
LARGEST_COST_DIFFERENCE = 0.005  # of Stanford's cost
QUALITY_ITERATIONS = 15


def cpu_seconds_of(process: int) -> float:
    """User and system time that a running process has taken (Linux)."""
    fields = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run_glove(command: Sequence[str], folder: Path) -> Record:
    """Run glove, ours or Stanford's, and note what it cost when each iteration's line came.

    cpu_s, wall_s: of one iteration, mean of all but the first, whose line stands after reading
    and preparing; process_cpu_s: of the whole process.
    """
    load = os.getloadavg()[0]
    child = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    lines: list[tuple[float, float, float]] = []  # CPU-seconds, clock, cost
    said = b""
    assert child.stderr is not None
    with child.stderr as errors:
        for said in errors:
            if match := ITERATION.search(said):
                lines.append((cpu_seconds_of(child.pid), time.perf_counter(), float(match[2])))
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0 or len(lines) < 2:
        raise BenchError(f"`{' '.join(command)}` failed: {said.decode('utf-8', 'replace')}")
    n = len(lines) - 1
    return {
        "cpu_s": (lines[-1][0] - lines[0][0]) / n, "wall_s": (lines[-1][1] - lines[0][1]) / n,
        "process_cpu_s": usage.ru_utime + usage.ru_stime, "costs": [line[2] for line in lines],
        "max_rss_bytes": usage.ru_maxrss * 1024, "load_before": load, "command": list(command),
    }  # fmt: skip


def glove_command(bench: Bench, who: str, records: str, save: str) -> list[str]:
    program = (
        [str(bench.stanford / "glove")] if who == STANFORD else [*bench.ours, "glove", "glove"]
    )
    return [
        *program, *MODEL, "-input-file", records, "-vocab-file", bench.vocab(), "-save-file", save,
        "-threads", "2" if who == TWO else "1",
    ]  # fmt: skip


def iterate(bench: Bench, who: str) -> Record:
    """One iteration on the same records, in the same order, from the same start."""
    command = glove_command(bench, who, bench.shuffled(), file_of("vectors", who))
    found = run_glove([*command, "-iter", str(N_ITERATIONS), "-seed", "1"], bench.work)
    (bench.work / file_of("costs", who)).write_text(json.dumps(found["costs"]))
    return found


def same_costs(bench: Bench) -> Record:
    """Costs of all iterations within half a percent of each other."""
    ours, theirs = (
        json.loads((bench.work / file_of("costs", who)).read_text()) for who in (OURS, STANFORD)
    )
    difference = max(abs(a / b - 1) for a, b in zip(ours, theirs, strict=True))
    same = "yes" if difference <= LARGEST_COST_DIFFERENCE else "no"
    return {"same": same, "largest_cost_difference": difference, "costs": ours}


def whole_chain(bench: Bench, who: str) -> Record:
    """Text to vectors, five iterations: our one command; the sum of Stanford's four tools."""
    if who == OURS:
        options = ["--dim", "50", "--window", "10", "--iter", str(N_ITERATIONS), "--threads", "1",
                   "--min-count", "5", "--x-max", "100", "--seed", "1"]  # fmt: skip
        target = file_of("chain", who) + ".glove.txt"
        run = run_program(
            [*bench.ours, "glove", "train", str(bench.text), "-o", target, *options], bench.work
        )
        return {"cpu_s": run.cpu_s, "wall_s": run.wall_s, "max_rss_bytes": run.max_rss_bytes,
                "load_before": run.load_before}  # fmt: skip
    steps = [
        ("vocab_count", ["-min-count", "5", "-verbose", "0"], bench.text, "chain-vocab.txt"),
        ("cooccur", [*COUNTING, "-vocab-file", "chain-vocab.txt"], bench.text, "chain.bin"),
        ("shuffle", ["-memory", "4", "-seed", "1", "-verbose", "0"], "chain.bin", "chain-s.bin"),
    ]
    runs = [bench.tool(who, *step) for step in steps]
    command = glove_command(bench, who, "chain-s.bin", file_of("chain", who))
    last = run_glove([*command, "-iter", str(N_ITERATIONS), "-seed", "1"], bench.work)
    for name in ("chain.bin", "chain-s.bin"):
        (bench.work / name).unlink()
    return {
        "cpu_s": sum(run.cpu_s for run in runs) + last["process_cpu_s"],
        "wall_s": sum(run.wall_s for run in runs), "load_before": runs[0].load_before,
        "stages": [run.cpu_s for run in runs] + [last["process_cpu_s"]],
    }  # fmt: skip


ROWS = (
    Row("glove", "one iteration, same records and start, costs within 0.5 %", iterate,
        goal=Goal(12, 18), check=same_costs),
    Row("glove-2", "the same, two threads against one", iterate, THREADS, Goal(1.7, 1.9),
        (OURS, TWO)),
    Row("chain", "text to vectors, 5 iterations: `glove train` against the four tools",
        whole_chain, goal=Goal(10, 14)),
)  # fmt: skip


def glove_quality(
    bench: Bench, results: Results, n_seeds: int, evaluation: Path, known: Sequence[Record]
) -> None:
    """Vectors of 15 iterations, several seeds, the same records: ours against Stanford's.

    `known`: records of earlier runs of Stanford's, which are not trained again.
    """
    done: dict[str, list[Record]] = {OURS: [], STANFORD: list(known)}
    for who in (OURS, STANFORD):
        for seed in range(1, n_seeds + 1):
            if who == STANFORD and known:
                continue
            name = f"quality-{who}"
            command = [*glove_command(bench, who, bench.shuffled(), name), "-seed", str(seed)]
            run = run_glove([*command, "-iter", str(QUALITY_ITERATIONS)], bench.work)
            score = [*WORKER, str(HERE / "evaluate.py"), f"{name}.txt", str(evaluation)]
            scored = worker_result(run_program(score, bench.work))
            record = {
                "record": "quality", "tool": "original" if who == STANFORD else "wordvec",
                "algorithm": "glove-d50", "variant": "", "seed": seed,
                "epochs": QUALITY_ITERATIONS, "corpus_bytes": bench.text.stat().st_size,
                "scores": scored, "cpu_s": run["process_cpu_s"], "costs": run["costs"],
            }  # fmt: skip
            results.add(record)
            done[who].append(record)
    for line in gate(done[OURS], done[STANFORD]):
        results.add(line)
