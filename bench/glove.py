"""Suite glove: GloVe's tools beside Stanford's, whole processes, in interleaved rounds.

A row is one step.  Each run of it is a program that reads files of this suite and writes one;
what it costs is that process's CPU-seconds, start and files included.  Rows of training are in
glove_training.py.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.measure import Run, run_program
from bench.report import Record, Results, say
from bench.use import best, verdict
from bench.use_rows import THREADS, TIMES, Goal

WORKER = [sys.executable, "-P", str(Path(__file__).resolve().parent / "glove_worker.py")]
# With it a program's standard input and output are files, and the shell is gone.
REDIRECTED = ["/bin/sh", "-c", 'exec "$@" < "$BENCH_INPUT" > "$BENCH_OUTPUT"', "sh"]
OURS, TWO, STANFORD = "wordvec", "two threads", "Stanford"
SAME = "same records"
NO_GOAL = Goal()
COUNTING = ["-window-size", "10", "-memory", "4", "-verbose", "0"]


@dataclass(slots=True)
class Bench:
    """One call of the suite: its programs and the folder of its files."""

    text: Path
    work: Path
    ours: list[str]
    stanford: Path  # folder of the four tools
    made: set[str] = field(default_factory=set)

    def tool(
        self, who: str, tool: str, options: Sequence[str], source: Path | str, target: str
    ) -> Run:
        """Run one of the tools: `source` on its standard input, its output to file `target`."""
        program = [str(self.stanford / tool)] if who == STANFORD else [*self.ours, "glove", tool]
        environment = {"BENCH_INPUT": str(source), "BENCH_OUTPUT": target}
        (self.work / target).unlink(missing_ok=True)
        return run_program([*REDIRECTED, *program, *options], self.work, environment)

    def vocab(self) -> str:
        """The vocabulary file, made at the first call; ours and Stanford's are the same bytes."""
        options = ["-min-count", "5", "-verbose", "0"]
        return self._once("vocab.txt", "vocab_count", options, self.text)

    def records(self) -> str:
        """Stanford's own records, made at the first call."""
        options = [*COUNTING, "-vocab-file", self.vocab()]
        return self._once("records.bin", "cooccur", options, self.text)

    def shuffled(self) -> str:
        """The same records in Stanford's order for seed 1, made at the first call."""
        options = ["-memory", "4", "-seed", "1", "-verbose", "0"]
        return self._once("shuffled.bin", "shuffle", options, self.records())

    def _once(self, target: str, tool: str, options: Sequence[str], source: Path | str) -> str:
        if target not in self.made:
            say(f"making {target}")
            self.tool(STANFORD, tool, options, source, target)
            self.made.add(target)
        return target

    def compared(self, one: str, other: str) -> Record:
        """What glove_worker.py says of two files of records."""
        found: Record = json.loads(run_program([*WORKER, one, other], self.work).output)
        return found


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: `job` runs it once for one of `entries` and gives what it cost.

    `check` looks at what the runs of a round left behind and says whether they agree.
    """

    name: str
    what: str
    job: Callable[[Bench, str], Record]
    unit: str = TIMES
    goal: Goal = NO_GOAL
    entries: tuple[str, ...] = (OURS, STANFORD)
    check: Callable[[Bench], Record] | None = None


def cost_of(run: Run) -> Record:
    return {"cpu_s": run.cpu_s, "wall_s": run.wall_s, "max_rss_bytes": run.max_rss_bytes,
            "load_before": run.load_before}  # fmt: skip


def file_of(step: str, who: str) -> str:
    return f"{step}-{who.replace(' ', '-')}"


def _threads(who: str) -> list[str]:
    return [] if who == STANFORD else ["-threads", "2" if who == TWO else "1"]


def count_words(bench: Bench, who: str) -> Record:
    options = ["-min-count", "5", "-verbose", "0", *_threads(who)]
    return cost_of(bench.tool(who, "vocab_count", options, bench.text, file_of("vocab", who)))


def count_pairs(bench: Bench, who: str) -> Record:
    options = [*COUNTING, "-vocab-file", bench.vocab(), *_threads(who)]
    return cost_of(bench.tool(who, "cooccur", options, bench.text, file_of("pairs", who)))


def shuffle(bench: Bench, who: str) -> Record:
    options = ["-memory", "4", "-seed", "1", "-verbose", "0"]
    return cost_of(bench.tool(who, "shuffle", options, bench.records(), file_of("shuffled", who)))


BUDGETS = {"256 MB": "0.25", "16 GB": "16"}


def count_within(bench: Bench, budget: str) -> Record:
    options = [*COUNTING, "-vocab-file", bench.vocab(), "-threads", "1"]
    options[options.index("-memory") + 1] = BUDGETS[budget]
    return cost_of(bench.tool(OURS, "cooccur", options, bench.text, file_of("pairs", budget)))


def same_vocab(bench: Bench) -> Record:
    one, other = ((bench.work / file_of("vocab", who)).read_bytes() for who in (OURS, STANFORD))
    return {"same": "yes" if one == other else "no", "n_words": one.count(b"\n")}


def same_pairs(bench: Bench) -> Record:
    """The same pairs in the same order; values but for the order of additions, and for the first
    record, which Stanford's cooccur doubles when nothing overflowed."""
    found = bench.compared(file_of("pairs", OURS), file_of("pairs", STANFORD))
    same = found["same_pairs"] and found["largest_difference"] < 1e-9
    return {"same": "yes" if same else "no", **found}


def same_bytes(step: str, entries: tuple[str, str]) -> Callable[[Bench], Record]:
    def check(bench: Bench) -> Record:
        found = bench.compared(*(file_of(step, who) for who in entries))
        return {"same": "yes" if found["same_bytes"] else "no", **found}

    return check


BUDGET_NAMES = ("256 MB", "16 GB")
ROWS = (
    Row("vocab_count", "text to vocabulary, bytes equal", count_words, check=same_vocab),
    Row("cooccur", "text and vocabulary to records, window 10", count_pairs,
        goal=Goal(5, 6.5), check=same_pairs),
    Row("cooccur-2", "the same, two threads against one", count_pairs, THREADS, Goal(1.7, 1.9),
        (OURS, TWO), same_bytes("pairs", (OURS, TWO))),
    Row("budget", "records within 256 MB and 16 GB, bytes equal", count_within, SAME,
        entries=BUDGET_NAMES, check=same_bytes("pairs", BUDGET_NAMES)),
    Row("shuffle", "records shuffled with one seed, bytes equal", shuffle, goal=Goal(4, 5),
        check=same_bytes("shuffled", (OURS, STANFORD))),
)  # fmt: skip
NAMES = tuple(row.name for row in ROWS)


def glove_suite(bench: Bench, rows: Sequence[Row], n_rounds: int, results: Results) -> None:
    """Interleaved rounds of each row, then the row's line of the table."""
    for row in rows:
        if TWO in row.entries and len(os.sched_getaffinity(0)) < 2:
            say(f"left out: {row.name} (one core)")
            continue
        runs: dict[str, list[Record]] = {who: [] for who in row.entries}
        checks = []
        for number in range(n_rounds):
            for who in row.entries:
                result = row.job(bench, who)
                runs[who].append(result)
                head = {"record": "glove-run", "name": row.name, "entry": who, "round": number}
                results.add({**head, **result})
            if row.check is not None:
                checks.append(row.check(bench))
        results.add(line_of(row, runs, checks))


def line_of(row: Row, runs: dict[str, list[Record]], checks: Sequence[Record]) -> Record:
    """The row's line: best run over best run, and whether all rounds agreed."""
    first, second = row.entries
    key = "wall_s" if row.unit == THREADS else "cpu_s"
    line: Record = {
        "record": "glove", "name": row.name, "what": row.what, "unit": row.unit,
        "ours": best(runs[first], key), "other": best(runs[second], key), "against": second,
        "rounds": len(runs[first]), "must": row.goal.must, "aim": row.goal.aim,
    }  # fmt: skip
    line["figure"] = line["ours"] / line["other"]
    if row.unit == TIMES:
        line["figure"] = line["other"] / line["ours"]
    line["verdict"] = verdict(line["figure"], row.goal, TIMES)
    for check in checks:
        line |= {key: value for key, value in check.items() if line.get("same") != "no"}
    if line.get("same") == "no":
        line["verdict"] = "fail"
    return line
