"""Suite use: files, queries, analogies and word2phrase beside gensim and word2phrase.c.

A row of use_rows.py is one job; each run of it is a process of its own (use_worker.py).  Rounds
are interleaved: every job of ours, with the default instruction set and with AVX2, then its peer.
This process stays small, see measure.py.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import rivals, texts
from bench.measure import BenchError, run_program
from bench.report import Record, Results, judge, say
from bench.use_rows import MEMORY, SECONDS, THREADS, TIMES, Goal, Row

WORKER = [sys.executable, "-P", str(Path(__file__).resolve().parent / "use_worker.py")]
ONE_BLAS_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
AVX2 = {"WORDVEC_SIMD": "avx2"}
DIM = 300
TEXT_SHARE = 5  # the text file holds a fifth of the rows
N_QUERIES_SHARE = 1000  # one query for so many rows
N_PEER_QUERIES = 100  # the peer answers so many; its cost is scaled to all
BYTES_PER_ROW = 4 * DIM
WORKER_BYTES = 4 << 30
# word2phrase.c takes 500 M slots of 4 bytes for its hash, and what the text needs.
PHRASE_OPTIONS = ["-threshold", "100", "-min-count", "5", "-debug", "0"]


@dataclass(slots=True)
class Plan:
    """What one call of the suite is to do."""

    rows: Sequence[Row]
    n_rounds: int
    n_peer_rounds: int
    n_matrix_rows: int
    corpus: Path  # plain text
    questions: Path
    trained: Path | None  # word2vec binary; None: trained on the corpus when it is needed
    ours: list[str]


@dataclass(slots=True)
class Files:
    """The files of the suite by role; each is made when a job first needs it."""

    plan: Plan
    work: Path
    paths: dict[str, Path] = field(default_factory=dict)

    def path(self, role: str) -> str:
        if role not in self.paths:
            self.paths[role] = self._make(role)
        return str(self.paths[role])

    def _make(self, role: str) -> Path:
        if role == "questions":
            return self.plan.questions.resolve(strict=True)
        if role == "corpus":
            return self.plan.corpus
        if role == "trained":
            return self.plan.trained.resolve() if self.plan.trained else self._train()
        path = self.work / role
        if role.startswith("written"):
            return path
        say(f"making {role}")
        n = self.plan.n_matrix_rows
        task: Record = {"tool": "wordvec", "job": "make", "kind": role, "file": str(path)}
        if role == "text":
            task |= {"n": n // TEXT_SHARE, "dim": DIM}
        elif role == "binary":
            task |= {"n": n, "dim": DIM}
        else:
            task |= {"kind": "own", "source": self.path("binary"), "plane": role == "plane"}
        run_job(task, self.work, {})
        return path

    def _train(self) -> Path:
        """Vectors of the corpus: one epoch, dim 300; --vectors saves this."""
        say("training 300 dimensions for the analogies")
        options = rivals.train_options("sgns-d300", 1)
        files = ["-train", str(self.plan.corpus), "-output", "trained"]
        run_program([*self.plan.ours, "word2vec", *files, *options], self.work)
        return self.work / "trained"


def run_job(task: Record, work: Path, environment: dict[str, str]) -> Record:
    """Run one job of use_worker.py; its result, with the peak memory of the process."""
    run = run_program([*WORKER, json.dumps(task)], work, {**ONE_BLAS_THREAD, **environment})
    result: Record = json.loads(run.output.splitlines()[-1])
    return {**result, "max_rss_bytes": run.max_rss_bytes, "load_before": run.load_before}


def run_word2phrase(
    program: list[str], files: Files, output: str, n_threads: int, environment: dict[str, str]
) -> Record:
    """The whole process, start included; `check` is the digest of what it wrote."""
    names = ["-train", files.path("corpus"), "-output", output]
    command = [*WORKER, "exec", str(n_threads), *program, *names, *PHRASE_OPTIONS]
    run = run_program(command, files.work, environment)
    digest = run_program(["cksum", output], files.work).output.split()[:2]
    (files.work / output).unlink()
    return {"cpu_s": run.cpu_s, "wall_s": run.wall_s, "max_rss_bytes": run.max_rss_bytes,
            "check": digest, "load_before": run.load_before}  # fmt: skip


@dataclass(slots=True)
class Bench:
    """One call of the suite: what was measured so far, by row and by whom."""

    plan: Plan
    results: Results
    files: Files
    runs: dict[tuple[str, str], list[Record]] = field(default_factory=dict)
    peers: dict[str, list[Record]] = field(default_factory=dict)

    def ours(self, row: Row, column: str, number: int) -> None:
        """One run of a row; `column` is default, avx2 or two (threads)."""
        environment = AVX2 if column == "avx2" else {}
        n_threads = 2 if column == "two" else 1
        if row.job == "word2phrase":
            program = [*self.plan.ours, "word2phrase"]
            result = run_word2phrase(program, self.files, "phrases", n_threads, environment)
            result["simd"] = environment.get("WORDVEC_SIMD", "default")
        else:
            task = {"tool": "wordvec", "job": row.job, "n_threads": n_threads}
            result = run_job({**task, **self.settings(row.settings)}, self.files.work, environment)
        self.keep(self.runs.setdefault((row.name, column), []), row, column, number, result)

    def peer(self, row: Row, number: int) -> None:
        assert row.peer is not None
        kept = self.peers.setdefault(peer_key(row), [])
        if len(kept) > number:
            return  # another row has the same peer
        if row.job == "word2phrase":
            flags = ["-O3", "-march=native", "-funroll-loops"]
            program = [str(rivals.build_tool(texts.cache_folder(), "word2phrase", flags))]
            result = run_word2phrase(program, self.files, "phrases-peer", 1, {})
        else:
            task = {"tool": "gensim", "job": row.job}
            result = run_job({**task, **self.settings(row.peer)}, self.files.work, {})
        self.keep(kept, row, "peer", number, result)

    def settings(self, named: dict[str, Any]) -> Record:
        """A job's settings with paths for roles, and the words that are asked for."""
        settings = dict(named)
        for key in ("file", "output", "questions"):
            if key in settings:
                settings[key] = self.files.path(settings[key])
        n_queries = settings.pop("n_words", max(1, self.plan.n_matrix_rows // N_QUERIES_SHARE))
        settings["words"] = query_words(self.plan.n_matrix_rows, n_queries)
        settings["n_compared"] = min(n_queries, N_PEER_QUERIES)
        return settings

    def keep(self, kept: list[Record], row: Row, column: str, number: int, result: Record) -> None:
        kept.append(result)
        shown = {key: value for key, value in result.items() if key != "neighbours"}
        head = {"record": "use-run", "name": row.name, "entry": column, "round": number}
        self.results.add({**head, **shown})


def query_words(n_rows: int, n: int) -> list[str]:
    """Words spread over the whole file; the same for every program."""
    return [f"word{row}" for row in random.Random(1).sample(range(n_rows), n)]


def peer_key(row: Row) -> str:
    return json.dumps([row.job, row.peer], sort_keys=True)


def columns_of(row: Row) -> list[str]:
    return ["default", "two"] if row.unit == THREADS else ["default", "avx2"]


def runnable(row: Row, has_gensim: bool) -> bool:
    """False, with a line that says why, when this machine cannot run the row."""
    if row.unit == THREADS and len(os.sched_getaffinity(0)) < 2:
        say(f"left out: {row.name} (one core)")
        return False
    if row.peer is not None and row.job != "word2phrase" and not has_gensim:
        say(f"left out: {row.name} (gensim 4 or newer is not installed)")
        return False
    return True


def use_suite(plan: Plan, results: Results, work: Path, has_gensim: bool) -> None:
    """Interleaved rounds of each row, then the row's line of the table."""
    need_memory(plan.n_matrix_rows)
    bench = Bench(plan, results, Files(plan, work))
    for row in plan.rows:
        if not runnable(row, has_gensim):
            continue
        try:
            for number in range(plan.n_rounds):
                for column in columns_of(row):
                    bench.ours(row, column, number)
                if row.peer is not None and number < plan.n_peer_rounds:
                    bench.peer(row, number)
        except BenchError as error:  # the other rows can still be measured
            results.add({"record": "use", "name": row.name, "what": row.what, "unit": row.unit,
                         "verdict": "fail", "error": str(error)})  # fmt: skip
            continue
        peers = bench.peers.get(peer_key(row), []) if row.peer is not None else []
        results.add(line_of(row, {c: bench.runs[row.name, c] for c in columns_of(row)}, peers))


def need_memory(n_matrix_rows: int) -> None:
    """BenchError when this machine has not the memory that a job may take now."""
    if not os.path.exists("/proc/meminfo"):
        return
    lines = Path("/proc/meminfo").read_text().splitlines()
    free = next((int(f.split()[1]) << 10 for f in lines if f.startswith("MemAvailable")), None)
    needed = min(WORKER_BYTES, 3 * n_matrix_rows * BYTES_PER_ROW)
    if free is not None and free < needed:
        raise BenchError(f"{free / 1e9:.1f} GB of memory are free, a job may take "
                         f"{needed / 1e9:.1f} GB; --rows makes the files smaller")  # fmt: skip


def line_of(row: Row, ours: dict[str, list[Record]], peers: list[Record]) -> Record:
    """One line of the table: the best of the rounds on either side, and the verdicts."""
    line: Record = {
        "record": "use",
        "name": row.name,
        "what": row.what,
        "unit": row.unit,
        "rounds": len(ours["default"]),
        "must": row.goal.must,
        "aim": row.goal.aim,
    }
    default = ours["default"]
    if row.unit == THREADS:
        line["ours"], line["ours_two"] = (best(ours[c], "wall_s") for c in ("default", "two"))
        line["figure"] = line["ours"] / line["ours_two"]
        line["verdict"] = verdict(line["figure"], row.goal, row.unit)
        return line
    # Without AVX-512 the default is the AVX2 path, and what is asked of it counts.
    has_avx512 = default[0]["simd"] not in ("avx2", "baseline")
    goals = {"default": row.goal if has_avx512 else either(row.avx2, row.goal), "avx2": row.avx2}
    for column, suffix in (("default", ""), ("avx2", "_avx2")):
        runs, goal = ours[column], goals[column]
        line[f"ours{suffix}"] = best(runs, "cpu_s")
        if row.unit == MEMORY:
            peak = min(run["max_rss_bytes"] for run in runs)
            figure = peak / runs[0]["matrix_bytes"]
        elif row.unit == SECONDS:
            figure = best(runs, "cpu_s")
        else:
            figure = scaled_peer(peers, runs) / best(runs, "cpu_s")
        line[f"figure{suffix}"] = figure
        line[f"verdict{suffix}"] = verdict(figure, goal, row.unit)
    if row.unit == TIMES:
        line["peer"] = scaled_peer(peers, default)
        line["peer_rounds"] = len(peers)
    line["must_avx2"], line["aim_avx2"] = row.avx2.must, row.avx2.aim
    line |= agreement([*default, *ours["avx2"]], peers)
    if line["same"] == "no":
        line["verdict"] = "fail"
    return line


def verdict(figure: float, goal: Goal, unit: str) -> str:
    """`aim`, `must` or `missed`; `-` for a figure under an aim where nothing must be reached."""
    sign = -1 if unit in (MEMORY, SECONDS) else 1  # of these, smaller is better
    must, aim = (None if value is None else sign * value for value in (goal.must, goal.aim))
    if must is None and aim is not None:
        return "aim" if sign * figure >= aim else "-"
    return judge(sign * figure, must, aim)


def either(first: Goal, second: Goal) -> Goal:
    return first if first.must is not None else second


def best(runs: Sequence[Record], key: str) -> float:
    return min(float(run[key]) for run in runs)


def scaled_peer(peers: Sequence[Record], ours: Sequence[Record]) -> float:
    """The peer's CPU-seconds; for as many queries as ours, when it answered fewer."""
    share = ours[0].get("n_queries", 1) / peers[0].get("n_queries", 1)
    return best(peers, "cpu_s") * share


def agreement(ours: Sequence[Record], peers: Sequence[Record]) -> Record:
    """Whether all runs, the peer's too, gave one answer: yes, no, or - without anything to compare.

    Neighbours are compared as sets a query: gensim's float32 scores may swap near ties.  The share
    of equal sets is given, and 99 % of them must be equal.
    """
    everything = [*ours, *peers]
    checks = [json.dumps(run["check"], sort_keys=True) for run in everything if "check" in run]
    lists = [run["neighbours"] for run in everything if "neighbours" in run]
    found: Record = {"same": "-"}
    if len(checks) > 1:
        found["same"] = "yes" if len(set(checks)) == 1 else "no"
        found["checks"] = sorted(set(checks))
    if len(lists) > 1:
        shares = [
            sum(a == b for a, b in zip(lists[0], other, strict=False)) / max(1, len(other))
            for other in lists[1:]
        ]
        found["same"] = "yes" if min(shares) >= 0.99 else "no"
        found["share_of_equal_lists"] = min(shares)
    return found
