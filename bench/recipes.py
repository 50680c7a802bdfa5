"""Suite train-recipes: `wordvec train` from text to file, against the goals of its presets.

Mean: of analogy, WS-353, MEN, SimLex and Rare Words.  One thread, so that CPU time is comparable.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from pathlib import Path

from bench.measure import run_program
from bench.quality import HERE, WORKER, worker_result
from bench.report import Record, Results

PARTS = ("analogy", "WS-353-ALL", "MEN-TR-3k", "SIMLEX-999", "RW-STANFORD")
# Preset -> measure -> what it must reach on enwiki17m.
GOALS = {
    "fast": {"mean": 49.0},
    "default": {"mean": 57.0},
    "best": {"mean": 57.7},
    "semantic": {"mean": 57.3, "sem": 48.0},
}
PLAN_LIMITS = {"plan_cpu": 0.25, "plan_memory": 0.10}  # largest share by which the plan may be off


def run_preset(
    preset: str, seed: int, text: Path, work: Path, evaluation: Path, ours: Sequence[str]
) -> Record:
    """Train, score, and hold the plan against what happened."""
    output = f"vectors-{preset}-{seed}.wordvec"
    command = [*ours, "train", str(text), "-o", output, "--preset", preset, "--workers", "1",
               "--seed", str(seed), "--json"]  # fmt: skip
    run = run_program(command, work)
    told = json.loads(run.output[run.output.index("{") :])
    scores = worker_result(
        run_program([*WORKER, str(HERE / "evaluate.py"), output, str(evaluation)], work)
    )
    n_bytes = (work / output).stat().st_size
    (work / output).unlink()
    expected = told["expected"]
    return {
        "record": "recipe", "preset": preset, "seed": seed, "cpu_s": run.cpu_s,
        "wall_s": run.wall_s, "max_rss_bytes": run.max_rss_bytes, "n_bytes": n_bytes,
        "scores": scores, "mean": statistics.mean(scores[name] for name in PARTS),
        "sem": scores["sem"], "held_out_losses": told["held_out_losses"],
        "plan_cpu": abs(expected["cpu_seconds"] / told["training_cpu_seconds"] - 1),
        "plan_memory": abs(expected["n_bytes"] / run.max_rss_bytes - 1), "command": command,
    }  # fmt: skip


def recipes_suite(
    results: Results,
    presets: Sequence[str],
    n_seeds: int,
    text: Path,
    work: Path,
    evaluation: Path,
    ours: Sequence[str],
) -> None:
    for preset in presets:
        records = []
        for seed in range(1, n_seeds + 1):
            records.append(run_preset(preset, seed, text, work, evaluation, ours))
            results.add(records[-1])
        wanted = {name: (goal, 1) for name, goal in GOALS[preset].items()}
        wanted |= {name: (limit, -1) for name, limit in PLAN_LIMITS.items()}
        for measure, (goal, sign) in wanted.items():
            values = [float(record[measure]) for record in records]
            mean = statistics.mean(values)
            results.add({
                "record": "gate", "algorithm": preset, "variant": "train", "measure": measure,
                "ours": mean, "original": goal, "difference": mean - goal, "allowed": 0.0,
                "ours_spread": max(values) - min(values), "original_spread": 0.0,
                "seeds": str(n_seeds), "verdict": "pass" if sign * (mean - goal) >= 0 else "fail",
            })  # fmt: skip
