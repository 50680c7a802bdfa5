"""Suites train, ids and memory: what training costs beside the rivals, in interleaved rounds."""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import rivals, texts
from bench.measure import BenchError, Run, run_program
from bench.report import Record, Results, judge, ratio_record, say

HERE = Path(__file__).resolve().parent
MB = 1e6
ONE_BLAS_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
WORKER = [sys.executable, "-P"]  # -P: this folder's module names must not hide others


@dataclass(frozen=True, slots=True)
class Entry:
    """One program with its options, run once in every round of its group."""

    name: str
    program: str  # original, wordvec or gensim
    extra: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    n_threads: int = 1


@dataclass(frozen=True, slots=True)
class Goal:
    """A ratio of two entries of one group: what must be reached and what is aimed at."""

    name: str
    over: str
    under: str
    must: float
    aim: float
    unit: str = "words_per_cpu_s"


ORIGINAL = Entry("original", "original")
OURS = Entry("default", "wordvec")
PAIR = Entry("pair", "wordvec", ("-negatives", "pair"))
AVX2 = Entry("avx2", "wordvec", environment={"WORDVEC_SIMD": "avx2"})
TWO_THREADS = Entry("2 threads", "wordvec", n_threads=2)
GENSIM = Entry("gensim", "gensim")

# Group (an algorithm of rivals.ALGORITHMS) -> the programs of one round in order, and the goals.
GROUPS: dict[str, tuple[list[Entry], list[Goal]]] = {
    "sgns-d100": (
        [ORIGINAL, OURS, PAIR, AVX2, TWO_THREADS, GENSIM],
        [
            Goal("skip-gram, negative 5, dim 100", "default", "original", 20, 28),
            Goal("the same, negatives per pair", "pair", "original", 6, 9),
            Goal("forced AVX2 against the default", "avx2", "default", 0.5, 0.65),
            Goal("two threads against one", "2 threads", "default", 1.8, 1.9, "wall_words_per_s"),
            Goal("against gensim, dim 100", "default", "gensim", 8, 12),
        ],
    ),
    "sgns-d300": (
        [ORIGINAL, OURS, PAIR, GENSIM],
        [
            Goal("skip-gram, negative 5, dim 300", "default", "original", 18, 24),
            Goal("the same, dim 300, negatives per pair", "pair", "original", 5, 7),
            Goal("against gensim, dim 300", "default", "gensim", 8, 12),
        ],
    ),
    "cbow-d100": (
        [ORIGINAL, OURS],
        [Goal("CBOW, negative 5, dim 100", "default", "original", 12, 16)],
    ),
    "hs-d100": (
        [ORIGINAL, OURS],
        [Goal("skip-gram, hierarchical softmax", "default", "original", 2.4, 3.3)],
    ),
}


@dataclass(slots=True)
class Job:
    """A text with what has to be known about it before a program can be measured on it."""

    path: Path
    n_train_words: int  # words of the vocabulary and line ends, once through the text
    n_lines: int
    n_epochs: int
    n_vocabulary_words: int  # sum of the vocabulary's counts; more than a cut text holds


@dataclass(slots=True)
class Bench:
    """One run of a suite: the programs, the texts, where results go."""

    results: Results
    work: Path
    ours: list[str]
    original: Path
    vocabulary: Path
    ours_job: Job
    rival_job: Job
    vocabulary_cpu_s: dict[tuple[str, str], float] = field(default_factory=dict)

    def job(self, entry: Entry) -> Job:
        return self.ours_job if entry.program == "wordvec" else self.rival_job

    def command(self, entry: Entry, group: str) -> list[str]:
        job = self.job(entry)
        options = rivals.train_options(group, job.n_epochs, entry.n_threads)
        # The original keeps file names in 100 bytes: it gets short names inside the work folder.
        files = ["-train", job.path.name, "-read-vocab", self.vocabulary.name]
        program = [*self.ours, "word2vec"] if entry.program == "wordvec" else [str(self.original)]
        return [*program, *files, *options, *entry.extra]


def make_text(source: Path, work: Path, name: str, max_tokens: int) -> Path:
    """`source` under a short name in the work folder, cut to `max_tokens` (0: whole)."""
    target = work / name
    if max_tokens:
        return texts.write_head(source, target, max_tokens)
    target.symlink_to(source)
    return target


def prepare(
    results: Results, work: Path, text: Path, ours: list[str], n_epochs: int, rival_tokens: int
) -> Bench:
    """Build the original, count the vocabulary with it, cut the rivals' text, fill the page cache.

    `rival_tokens` 0 gives the rivals the whole text and `n_epochs` epochs; else they train one.
    """
    original = rivals.build_original(texts.cache_folder())
    ours_text = make_text(text, work, "text", 0)
    vocabulary = work / "vocabulary"
    count = [str(original), "-train", ours_text.name, "-min-count", "5"]
    run_program([*count, "-save-vocab", vocabulary.name], work)
    counts = texts.read_vocabulary(vocabulary)
    ours_job = rival_job = make_job(ours_text, counts, n_epochs)
    if rival_tokens:
        rival_job = make_job(make_text(text, work, "rival-text", rival_tokens), counts, 1)
    return Bench(results, work, ours, original, vocabulary, ours_job, rival_job)


def make_job(path: Path, counts: dict[bytes, int], n_epochs: int) -> Job:
    n_words = texts.count_train_words(path, counts)
    n_lines = sum(chunk.count(b"\n") for chunk in texts.token_chunks(path))
    return Job(path, n_words, n_lines, n_epochs, sum(counts.values()))


def measure_word2vec(bench: Bench, entry: Entry, group: str) -> Record:
    """One run of the original or of wordvec; the headline rate is the program's own meter."""
    command = bench.command(entry, group)
    job = bench.job(entry)
    key = (entry.program, job.path.name)
    if key not in bench.vocabulary_cpu_s:
        # Without -output both programs stop once the vocabulary is there.
        bench.vocabulary_cpu_s[key] = run_program(command, bench.work, entry.environment).cpu_s
    run = run_program([*command, "-output", "vectors"], bench.work, entry.environment)
    n_trained = job.n_train_words * job.n_epochs
    # The meter counts CPU-seconds of the whole process, and so per thread when there are several.
    return {
        "words_per_cpu_s": run.meter_words_per_cpu_s,
        "process_words_per_cpu_s": n_trained / max(run.cpu_s - bench.vocabulary_cpu_s[key], 1e-9),
        "wall_words_per_s": run.wall_words_per_s(job.n_vocabulary_words * job.n_epochs),
        "n_train_words": n_trained,
        "cpu_s": run.cpu_s,
        "wall_s": run.wall_s,
        "max_rss_bytes": run.max_rss_bytes,
        "load_before": run.load_before,
        "command": run.command,
        "environment": entry.environment,
    }


def worker_result(run: Run) -> Record:
    result: Record = json.loads(run.output.splitlines()[-1])
    return result


def measure_gensim(bench: Bench, group: str) -> Record:
    """One run of gensim; the rate counts the same words as the original's, over train() alone."""
    job = bench.rival_job
    size = int(rivals.ALGORITHMS[group].split("-size ")[1].split()[0])
    task = {
        "text": str(job.path),
        "vocabulary": str(bench.vocabulary),
        "size": size,
        "epochs": job.n_epochs,
        "words": job.n_train_words,
        "lines": job.n_lines,
    }
    run = run_program(
        [*WORKER, str(HERE / "gensim_worker.py"), json.dumps(task)], bench.work, ONE_BLAS_THREAD
    )
    used = worker_result(run)
    n_trained = job.n_train_words * job.n_epochs
    return {
        "words_per_cpu_s": n_trained / used["cpu_s"],
        "wall_words_per_s": n_trained / used["wall_s"],
        "n_train_words": n_trained,
        "cpu_s": run.cpu_s,
        "wall_s": run.wall_s,
        "max_rss_bytes": run.max_rss_bytes,
        "load_before": run.load_before,
        "version": used["version"],
    }


def runnable(entry: Entry) -> bool:
    """False, with a line that says why, when this machine cannot run the entry."""
    if entry is TWO_THREADS and (os.cpu_count() or 1) < 2:
        say("left out: two threads (this machine has one CPU)")
        return False
    if entry.program == "gensim" and not has_gensim():
        say("left out: gensim 4 or newer is not installed (pip install 'gensim>=4.3')")
        return False
    return True


def has_gensim() -> bool:
    """Whether this Python has gensim 4 or newer."""
    check = "import gensim; raise SystemExit(int(gensim.__version__.split('.')[0]) < 4)"
    try:
        run_program([*WORKER, "-c", check], HERE)
    except BenchError:
        return False
    return True


def train_suite(bench: Bench, groups: Sequence[str], n_rounds: int) -> None:
    """Interleaved rounds of each group, then its ratios."""
    for group in groups:
        entries, goals = GROUPS[group]
        entries = [entry for entry in entries if runnable(entry)]
        rounds: dict[str, list[Record]] = {entry.name: [] for entry in entries}
        for number in range(n_rounds):
            for entry in entries:
                if entry.program == "gensim":
                    measured = measure_gensim(bench, group)
                else:
                    measured = measure_word2vec(bench, entry, group)
                head = {"record": "speed", "group": group, "entry": entry.name, "round": number}
                bench.results.add({**head, **measured})
                rounds[entry.name].append(measured)
        for goal in goals:
            if goal.over in rounds and goal.under in rounds:
                bench.results.add(compare(goal, rounds[goal.over], rounds[goal.under]))


def compare(goal: Goal, over: list[Record], under: list[Record]) -> Record:
    """The ratio of one goal; for wall clock from the whole run where the meter came too seldom."""
    unit = goal.unit
    if any(record[unit] is None for record in (*over, *under)):
        unit = "whole run, wall clock"
        over, under = (
            [{unit: r["n_train_words"] / r["wall_s"]} for r in side] for side in (over, under)
        )
    record = ratio_record(
        goal.name, [r[unit] for r in over], [r[unit] for r in under], goal.must, goal.aim
    )
    return {**record, "unit": unit}


def ids_suite(results: Results, text: Path, work: Path, n_rounds: int) -> None:
    """Text to token ids, one thread: tokens per CPU-second of read_corpus, start-up left out."""
    n_tokens = texts.count_tokens(text)  # also brings the text into the page cache
    rates = []
    for number in range(n_rounds):
        run = run_program([*WORKER, str(HERE / "ids_worker.py"), str(text)], work)
        used = worker_result(run)
        rates.append(n_tokens / used["cpu_s"])
        results.add({
            "record": "speed", "group": "ids", "entry": "read_corpus", "round": number,
            "words_per_cpu_s": rates[-1], "wall_words_per_s": n_tokens / used["wall_s"],
            "n_tokens": n_tokens, **used,
        })  # fmt: skip
    must, aim = 20e6, 40e6
    median = statistics.median(rates)
    results.add({
        "record": "ratio", "name": "text to ids, tokens per CPU-second", "over_best": max(rates),
        "median_ratio": median, "ratios": rates, "must": must, "aim": aim,
        "verdict": judge(median, must, aim),
    })  # fmt: skip


def memory_limit_bytes(n_words: int, dim: int, n_tokens: int) -> float:
    """What a default run may use: weights (two float32 matrices, unpadded), ids, vocabulary."""
    weights = 2 * n_words * dim * 4
    return 1.15 * (weights + 4 * n_tokens + 20 * n_words + 64 * MB)


def memory_suite(results: Results, text: Path, work: Path, ours: list[str], n_epochs: int) -> None:
    """Peak resident size of a default run against the limit."""
    algorithm, dim = "sgns-d100", 100
    run = run_program(
        [*ours, "word2vec", "-train", str(text), "-output", "vectors", "-save-vocab", "vocabulary",
         *rivals.train_options(algorithm, n_epochs)],
        work,
    )  # fmt: skip
    counts = texts.read_vocabulary(work / "vocabulary")
    n_tokens = texts.count_train_words(text, counts)
    limit = memory_limit_bytes(len(counts), dim, n_tokens)
    results.add({
        "record": "memory", "name": algorithm, "max_rss_bytes": run.max_rss_bytes,
        "peak_mb": run.max_rss_bytes / MB, "limit_mb": limit / MB,
        "weights_mb": 2 * len(counts) * dim * 4 / MB, "n_tokens": n_tokens, "n_words": len(counts),
        "verdict": "pass" if run.max_rss_bytes <= limit else "fail", "command": run.command,
    })  # fmt: skip
