"""Suite quality: are our vectors as good as the original's, over several seeds?"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench import rivals, texts
from bench.measure import BenchError, run_program
from bench.report import Record, Results, read_records
from bench.speed import HERE, WORKER, worker_result

# Measure -> how many points our mean may lie under the original's.
ALLOWED = {"analogy": 1.0, "WS-353-ALL": 1.5, "MEN-TR-3k": 0.7, "SIMLEX-999": 1.0}


@dataclass(frozen=True, slots=True)
class Trial:
    """One training to be scored: `variant` is empty for the default and for the original."""

    tool: str  # original or wordvec
    algorithm: str
    seed: int
    variant: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.tool, self.algorithm, self.variant


def run_trial(
    trial: Trial, program: list[str], text: Path, work: Path, evaluation: Path, n_epochs: int
) -> Record:
    """Train once with one thread, score the vectors, throw them away."""
    output = f"vectors-{trial.tool}-{trial.algorithm}-{trial.variant}-{trial.seed}"
    files = ["-train", text.name, "-output", output]
    command = [*program, *files, *rivals.train_options(trial.algorithm, n_epochs)]
    if trial.tool == "wordvec":
        command += ["-seed", str(trial.seed)]
    if trial.variant:
        command += ["-negatives", trial.variant]
    run = run_program(command, work)
    scored = run_program([*WORKER, str(HERE / "evaluate.py"), output, str(evaluation)], work)
    (work / output).unlink()
    return {
        "record": "quality", "tool": trial.tool, "algorithm": trial.algorithm, "seed": trial.seed,
        "variant": trial.variant, "epochs": n_epochs, "corpus_bytes": text.stat().st_size,
        "cpu_s": run.cpu_s, "scores": worker_result(scored), "command": command,
    }  # fmt: skip


def known_trials(paths: Sequence[Path], n_epochs: int, corpus_bytes: int) -> list[Record]:
    """Records of earlier trainings of the original on this very text and number of epochs."""
    records = [
        record
        for record in read_records(paths)
        if record.get("record") == "quality" and record["tool"] == "original"
    ]
    for record in records:
        found = (record["epochs"], record["corpus_bytes"])
        if found != (n_epochs, corpus_bytes):
            raise BenchError(
                f"the results given are of another text or length: expected {n_epochs} epochs of "
                f"{corpus_bytes} bytes, found {found[0]} of {found[1]}"
            )
    return records


def gate(
    ours: list[Record], original: list[Record], allowances: Mapping[str, float] = ALLOWED
) -> list[Record]:
    """One record for each measure: mean of our seeds against the mean of the original's."""
    records = []
    for measure, allowed in allowances.items():
        values, reference = (
            [float(record["scores"][measure]) for record in side if measure in record["scores"]]
            for side in (ours, original)
        )
        if not values or not reference:
            raise BenchError(f"no score {measure}: the text knows too few of its words")
        difference = statistics.mean(values) - statistics.mean(reference)
        records.append({
            "record": "gate", "algorithm": ours[0]["algorithm"],
            "variant": ours[0]["variant"] or "default", "measure": measure,
            "ours": statistics.mean(values), "original": statistics.mean(reference),
            "difference": difference, "allowed": -allowed,
            "ours_spread": max(values) - min(values),
            "original_spread": max(reference) - min(reference),
            "seeds": f"{len(values)} / {len(reference)}",
            "verdict": "pass" if difference >= -allowed else "fail",
        })  # fmt: skip
    return records


@dataclass(frozen=True, slots=True)
class Plan:
    """What the suite trains."""

    algorithms: Sequence[str]
    variants: Sequence[str]  # of wordvec; "" is the default
    n_seeds: int
    n_epochs: int
    n_jobs: int  # trainings at the same time; quality does not depend on it, CPU time may


def quality_suite(
    results: Results,
    plan: Plan,
    text: Path,
    work: Path,
    evaluation: Path,
    ours: list[str],
    known: Sequence[Path],
) -> None:
    """Train what is not known yet, score it, and hold it against the gate."""
    if not (evaluation / "questions-words.txt").is_file():
        raise BenchError(f"{evaluation}: no questions-words.txt; name the folder with --evaluation")
    short = work / "text"  # the original keeps file names in 100 bytes
    short.symlink_to(text)
    done = [
        record
        for record in known_trials(known, plan.n_epochs, text.stat().st_size)
        if record["algorithm"] in plan.algorithms
    ]
    known_algorithms = {record["algorithm"] for record in done}
    trials = [
        Trial("original", algorithm, seed)
        for algorithm in plan.algorithms
        if algorithm not in known_algorithms
        for seed in range(plan.n_seeds)
    ]
    programs = {
        seed: [str(rivals.build_original(texts.cache_folder(), seed))]
        for seed in {trial.seed for trial in trials}
    }
    trials += [
        Trial("wordvec", algorithm, seed, variant)
        for algorithm in plan.algorithms
        for variant in plan.variants
        for seed in range(1, plan.n_seeds + 1)
    ]

    def train(trial: Trial) -> Record:
        program = programs[trial.seed] if trial.tool == "original" else [*ours, "word2vec"]
        return run_trial(trial, program, short, work, evaluation, plan.n_epochs)

    with ThreadPoolExecutor(plan.n_jobs) as pool:
        try:
            for record in pool.map(train, trials):
                results.add(record)
                done.append(record)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # else hours of trainings would follow
            raise
    of: dict[tuple[str, str, str], list[Record]] = {}
    for record in done:
        of.setdefault((record["tool"], record["algorithm"], record["variant"]), []).append(record)
    for algorithm in plan.algorithms:
        for variant in plan.variants:
            for line in gate(of["wordvec", algorithm, variant], of["original", algorithm, ""]):
                results.add(line)


def show_rivals() -> str:
    """Build or find every rival and say what was found."""
    program = rivals.build_original(texts.cache_folder())
    flags = " ".join(rivals.COMPILE_FLAGS)
    lines = [
        f"word2vec.c 0.11.1, sha256 {rivals.SOURCES_SHA256['word2vec'][:16]}, {flags}: {program}"
    ]
    say_gensim = "import gensim; print('gensim', gensim.__version__, gensim.__file__)"
    try:
        lines.append(run_program([sys.executable, "-P", "-c", say_gensim], HERE).output)
    except BenchError:
        lines.append("gensim: not installed (pip install 'gensim>=4.3')")
    return "\n".join(lines)
