"""Suite series: `wordvec series` on the archive's sets, labels from the vectors of the test files.

Needs PyTorch (pip install 'wordvec[deep]').  One thread; CPU-seconds of the whole process.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from pathlib import Path

from bench.measure import BenchError, run_program
from bench.report import Results, judge

MOST_CPU_S = 60.0
# Accuracy of a logistic regression on the vectors, mean of the seeds: must, aim.
GOALS = {
    "ItalyPowerDemand": (0.93, 0.955),
    "GunPoint": (0.955, 0.98),
    "BasicMotions": (0.97, 1.0),
    "ArrowHead": (0.0, 1.0),  # none: the values themselves do better
}
NAMES = (*GOALS, "conv")
FIRST_SEED = 0


def series_suite(
    results: Results, names: Sequence[str], n_seeds: int, folder: Path, work: Path,
    ours: Sequence[str],
) -> None:  # fmt: skip
    """A record for every seed, and one for every set with the means; "conv": its architecture."""
    archs = ["gru", *(["conv"] if "conv" in names else [])]
    for name in [name for name in names if name != "conv"]:
        train, test = (folder / f"{name}_{part}.ts" for part in ("TRAIN", "TEST"))
        if not train.exists():
            raise BenchError(f"no {train}")
        for arch in archs:
            found, seconds = [], []
            for seed in range(FIRST_SEED, FIRST_SEED + n_seeds):
                command = [*ours, "series", str(train), "--probe", str(test), "--seed", str(seed),
                           "--arch", arch, "--json"]  # fmt: skip
                run = run_program(command, work)
                probe = json.loads(run.output)["probe"]
                found.append(probe)
                seconds.append(run.cpu_s)
                results.add({
                    "record": "series", "name": name, "algorithm": arch, "seed": seed,
                    "cpu_s": run.cpu_s, "figure": probe["logistic"], "scores": probe,
                    "load_before": run.load_before,
                })  # fmt: skip
            mean = statistics.mean(probe["logistic"] for probe in found)
            verdict = judge(mean, *GOALS[name]) if max(seconds) <= MOST_CPU_S else "missed"
            results.add({
                "record": "series-row", "name": name, "algorithm": arch, "figure": mean,
                "must": GOALS[name][0], "aim": GOALS[name][1], "cpu_s": max(seconds),
                "raw": found[0]["nearest_raw"], "seeds": n_seeds, "verdict": verdict,
            })  # fmt: skip
