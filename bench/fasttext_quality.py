"""Suite fasttext-quality: are our subword vectors as good as fastText's, over several seeds?

fastText runs with 12 threads: with fewer than 10 most of its input rows start at zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench import quality, rivals, texts
from bench.fasttext import ENOUGH_THREADS
from bench.measure import BenchError, run_program
from bench.report import Record, Results
from bench.speed import HERE, WORKER, worker_result

ALGORITHMS = ("subword-skipgram", "subword-cbow")
# Measure -> how many points our mean may lie under the original's.
ALLOWED = {"analogy": 1.0, "WS-353-ALL": 1.5, "MEN-TR-3k": 0.7, "RW-STANFORD": 1.0}


def run_trial(
    trial: quality.Trial,
    program: list[str],
    text: Path,
    work: Path,
    evaluation: Path,
    n_epochs: int,
) -> Record:  # fmt: skip
    """Train once, score the vectors of the vocabulary, throw them away."""
    output = work / f"vectors-{trial.tool}-{trial.algorithm}-{trial.seed}"
    n_threads = ENOUGH_THREADS if trial.tool == "original" else "1"
    files = [trial.algorithm.removeprefix("subword-"), "-input", str(text), "-output", str(output)]
    command = [*program, *files, "-epoch", str(n_epochs), "-seed", str(trial.seed), "-verbose", "0",
               "-thread", n_threads]  # fmt: skip
    run = run_program(command, work)
    vectors = f"{output.name}.vec"
    scored = run_program([*WORKER, str(HERE / "evaluate.py"), vectors, str(evaluation)], work)
    for suffix in (".vec", ".bin"):
        output.with_name(output.name + suffix).unlink()
    return {
        "record": "quality", "tool": trial.tool, "algorithm": trial.algorithm, "seed": trial.seed,
        "variant": "", "epochs": n_epochs, "corpus_bytes": text.stat().st_size,
        "cpu_s": run.cpu_s, "scores": worker_result(scored), "command": command,
    }  # fmt: skip


def suite(
    results: Results, plan: quality.Plan, text: Path, work: Path, evaluation: Path,
    ours: list[str], known: Sequence[Path],
) -> None:  # fmt: skip
    """Train what is not known yet, score it, and hold it against the gate."""
    if not (evaluation / "questions-words.txt").is_file():
        raise BenchError(f"{evaluation}: no questions-words.txt; name the folder with --evaluation")
    n_bytes = text.stat().st_size
    for algorithm in plan.algorithms:
        theirs = [record for record in quality.known_trials(known, plan.n_epochs, n_bytes)
                  if record["algorithm"] == algorithm]  # fmt: skip
        if not theirs:
            original = [rivals.find_fasttext(texts.cache_folder()).program]
            for seed in range(1, plan.n_seeds + 1):
                trial = quality.Trial("original", algorithm, seed)
                record = run_trial(trial, original, text, work, evaluation, plan.n_epochs)
                results.add(record)
                theirs.append(record)
        mine = []
        for seed in range(1, plan.n_seeds + 1):
            trial = quality.Trial("wordvec", algorithm, seed)
            record = run_trial(trial, ours, text, work, evaluation, plan.n_epochs)
            results.add(record)
            mine.append(record)
        for line in quality.gate(mine, theirs, ALLOWED):
            results.add(line)
