"""Suite deterministic: what equal vectors for any number of threads cost in speed and quality."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import quality, rivals, speed
from bench.measure import Run, run_program
from bench.report import Record, Results, ratio_record

THREADS = (1, 2, 3, 8)  # whose vectors must be equal
ALLOWED = {"analogy": 1.0, "WS-353-ALL": 1.0, "MEN-TR-3k": 1.0}  # points under the free run
MODES = {"free": [], "deterministic": ["-deterministic", "1"]}
SLOWEST = 0.5  # of the free run's speed, both with two threads


@dataclass(frozen=True, slots=True)
class Plan:
    """What the suite trains: `n_head_tokens` of the text for the sums, the whole for the rest."""

    algorithms: Sequence[str]
    n_rounds: int  # each with a seed of its own
    n_epochs: int
    n_head_tokens: int


def deterministic_suite(
    results: Results, plan: Plan, text: Path, work: Path, evaluation: Path, ours: list[str]
) -> None:
    """Equal sums, the speed of both modes with two threads, and the scores of both."""
    head = speed.make_text(text, work, "head", plan.n_head_tokens)
    for algorithm in plan.algorithms:
        results.add(equal_sums(ours, algorithm, head, work))
    for algorithm in plan.algorithms:
        runs: dict[str, list[Record]] = {mode: [] for mode in MODES}
        for number in range(plan.n_rounds):
            for mode in MODES:
                record = trained(ours, algorithm, mode, number, text, work, evaluation, plan)
                results.add(record)
                runs[mode].append(record)
        for what, of in (("words/CPU-s", "words_per_cpu_s"), ("1 / wall s", "per_wall_s")):
            must = SLOWEST if of == "words_per_cpu_s" else None
            over, under = ([float(r[of]) for r in runs[m]] for m in ("deterministic", "free"))
            name = f"{algorithm}, deterministic / free, 2 threads, {what}"
            results.add(ratio_record(name, over, under, must, None))
        for record in quality.gate(runs["deterministic"], runs["free"], ALLOWED):
            results.add({**record, "variant": "deterministic against free"})


def train(
    ours: list[str],
    algorithm: str,
    mode: str,
    seed: int,
    text: Path,
    work: Path,
    n_epochs: int,
    n_threads: int,
) -> tuple[Run, Path]:
    output = work / f"vectors-{mode}"
    files = ["-train", str(text), "-output", output.name, "-ids", f"{text.name}.ids"]
    options = rivals.train_options(algorithm, n_epochs, n_threads)
    command = [*ours, "word2vec", *files, *options, *MODES[mode], "-seed", str(seed)]
    return run_program(command, work), output


def equal_sums(ours: list[str], algorithm: str, text: Path, work: Path) -> Record:
    sums = {}
    for n_threads in THREADS:
        _, output = train(ours, algorithm, "deterministic", 0, text, work, 1, n_threads)
        sums[n_threads] = hashlib.md5(output.read_bytes(), usedforsecurity=False).hexdigest()
        output.unlink()
    is_same = len(set(sums.values())) == 1
    return {
        "record": "sums", "algorithm": algorithm, "threads": ", ".join(map(str, THREADS)),
        "md5": sums[1] if is_same else sums, "verdict": "pass" if is_same else "fail",
    }  # fmt: skip


def trained(
    ours: list[str],
    algorithm: str,
    mode: str,
    seed: int,
    text: Path,
    work: Path,
    evaluation: Path,
    plan: Plan,
) -> Record:
    run, output = train(ours, algorithm, mode, seed, text, work, plan.n_epochs, 2)
    judge = [*speed.WORKER, str(speed.HERE / "evaluate.py"), output.name, str(evaluation)]
    scores = speed.worker_result(run_program(judge, work))
    output.unlink()
    return {
        "record": "deterministic", "algorithm": algorithm, "variant": mode, "seed": seed,
        "epochs": plan.n_epochs,
        "words_per_cpu_s": run.meter_words_per_cpu_s, "cpu_s": run.cpu_s, "wall_s": run.wall_s,
        "per_wall_s": 1 / run.wall_s, "load": run.load_before, "scores": scores,
        **{f"score {name}": scores.get(name) for name in ALLOWED}, "command": run.command,
    }  # fmt: skip
