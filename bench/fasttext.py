"""Suite fasttext: subwords, classifier, prediction, quantising beside the original fastText.

A row of fasttext_rows.py is one command, run by both sides in interleaved rounds, or one job in a
running process of ours.  Round n is seed n + 1 on either side, so the rounds of a classifier are
also the seeds of its mean P@1.  This process stays small, see measure.py.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import fasttext_answers as answers
from bench.fasttext_files import Files, named_cores
from bench.fasttext_rows import (
    BITS,
    ERROR,
    LINES,
    MEMORY,
    MICROSECONDS,
    NANOSECONDS,
    PRECISION,
    RATE,
    SCORES,
    SMALLER_IS_BETTER,
    THREADS,
    TIMES,
    TWO_THREADS,
    Goal,
    Row,
)
from bench.measure import BenchError, Run, run_program
from bench.report import Record, Results, judge, say
from bench.rivals import FastText
from bench.use import run_job

ORIGINAL = "original"
GENSIM = "gensim"
INSTRUCTION_SETS = ("avx512", "avx2", "baseline")  # values of WORDVEC_SIMD
NOTHING: Record = {"same": "-"}
TWO = "two"  # two threads, default instruction set
ENOUGH_THREADS = "12"  # under 10 the original leaves most of its input rows at zero


@dataclass(slots=True)
class Plan:
    """What one call of the suite is to do."""

    rows: Sequence[Row]
    n_rounds: int
    columns: Sequence[str]  # default, or some of INSTRUCTION_SETS
    with_two_threads: bool
    original: FastText | None  # None when no row needs it
    ours: list[str]  # the command `wordvec fasttext`
    evaluation: Path
    has_gensim: bool


@dataclass(slots=True)
class Bench:
    """One call of the suite: what was measured so far, by command or job and by column."""

    plan: Plan
    results: Results
    files: Files
    runs: dict[tuple[str, str], list[Record]] = field(default_factory=dict)

    def of(self, row: Row, column: str) -> list[Record]:
        return self.runs.setdefault((row.command or row.name, column), [])

    def round(self, row: Row, number: int) -> None:
        """The original, then ours with every instruction set, then with two threads."""
        columns = list(self.plan.columns)
        if row.threads and self.plan.with_two_threads:
            columns.append(TWO)
        if needs_original(row):
            columns.insert(0, ORIGINAL)
        if row.job == "lists" and self.plan.has_gensim and number == 0:
            columns.append(GENSIM)
        for column in columns:
            kept = self.of(row, column)
            if len(kept) > number:
                continue  # another row has the same command
            if row.command:
                record = self.command(row, column, number)
            elif column == ORIGINAL:
                record = self.vectors_of_original(row)
            else:
                record = self.job(row, column)
            kept.append(record)
            head = {"record": "fasttext-run", "name": row.name, "entry": column, "round": number}
            self.results.add({**head, **record})

    def program(self, column: str) -> list[str]:
        if column != ORIGINAL:
            return self.plan.ours
        assert self.plan.original is not None
        return [self.plan.original.program]

    def job(self, row: Row, column: str) -> Record:
        """One job of use_worker.py; `answer` is its check."""
        settings = {key: str(self.files.path(value[1:])) for key, value in row.settings.items()}
        tool = GENSIM if column == GENSIM else "wordvec"
        task = {"tool": tool, "job": row.job, "n_threads": 2 if column == TWO else 1}
        record = run_job({**task, **settings}, self.files.work, environment_of(column))
        return {**record, "answer": record["check"]}

    def vectors_of_original(self, row: Row) -> Record:
        """The bits of the same vectors; no answer where its source is not there."""
        assert self.plan.original is not None
        if self.plan.original.vectors is None:
            return {"cpu_s": 0.0, "wall_s": 0.0}
        words, model = (self.files.path(row.settings[key][1:]) for key in ("words", "file"))
        output = self.files.work / "vectors"
        command = ["sh", "-c", 'exec "$0" "$1" < "$2"', self.plan.original.vectors, str(model)]
        run = run_program([*command, str(words)], self.files.work, output=output)
        digest = run_program(["sha256sum", str(output)], self.files.work).output.split()[0]
        output.unlink()
        return {**cost_of(run), "answer": digest}

    def command(self, row: Row, column: str, number: int) -> Record:
        """One command as a whole process, and what it answered."""
        is_original = column == ORIGINAL
        program = self.program(column)
        output = self.files.work / f"{column}-{row.name}"
        n_threads = 2 if column == TWO else 1
        words = self.files.fill(row.command, str(output))
        environment = environment_of(column)
        if row.command.startswith("predict"):  # which has no option for threads
            run = run_program([*program, *words], self.files.work, environment, output,
                              n_cores=n_threads)  # fmt: skip
        else:
            words += ["-thread", str(n_threads), "-verbose", "0"]
            if row.trains:
                words += ["-seed", str(number + 1)]
            else:  # quantize reads OUTPUT.bin
                output.with_suffix(".bin").symlink_to(self.files.path("lines.bin"))
            run = run_program([*program, *words], self.files.work, environment)
        record = cost_of(run)
        try:
            if column != TWO:
                answer = self.answer(row, column, number, output, words)
                record |= {} if answer is None else {"answer": answer}
        finally:
            if not (row.answers == LINES and is_original):  # kept to compare with
                for suffix in ("", ".bin", ".vec", ".ftz"):
                    output.with_name(output.name + suffix).unlink(missing_ok=True)
        return record

    def answer(self, row: Row, column: str, number: int, output: Path, words: list[str]) -> object:
        """What is compared of one run; None: nothing."""
        work, is_original = self.files.work, column == ORIGINAL
        program = self.program(column)
        if row.answers == PRECISION:
            if is_original:  # trained once more: its one-thread model is not its best
                again = words.copy()
                again[again.index("-thread") + 1] = ENOUGH_THREADS
                run_program([*program, *again], work)
            model = output.with_name(output.name + ".bin")
            return answers.precision(program, model, self.files.path(row.test), work)
        if row.answers == SCORES and number == 0:
            return answers.scores(
                output.with_name(output.name + ".vec"), self.plan.evaluation, work
            )
        if row.answers == LINES and not is_original:
            return answers.equal_lines(output, work / f"{ORIGINAL}-{row.name}")
        if row.answers == ERROR:
            task = {"tool": "wordvec", "job": "quantized-error",
                    "file": str(output.with_name(output.name + ".ftz")),
                    "whole": str(self.files.path("lines.bin"))}  # fmt: skip
            return run_job(task, work, {})["error"]
        return None


def needs_original(row: Row) -> bool:
    return bool(row.command) or row.answers == BITS


def environment_of(column: str) -> dict[str, str]:
    return {"WORDVEC_SIMD": column} if column in INSTRUCTION_SETS else {}


def cost_of(run: Run) -> Record:
    return {"cpu_s": run.cpu_s, "wall_s": run.wall_s, "max_rss_bytes": run.max_rss_bytes,
            "load_before": run.load_before, "command": run.command}  # fmt: skip


def fasttext_suite(plan: Plan, results: Results, files: Files) -> None:
    """Interleaved rounds of each row, then the row's line of the table."""
    if plan.original is not None:
        say(f"original: {plan.original.what}")
    bench = Bench(plan, results, files)
    if plan.with_two_threads and named_cores() < 2:
        say("left out: two threads (one core)")
        plan.with_two_threads = False
    for row in plan.rows:
        try:
            files.need_disk(row.gigabytes)
            for number in range(plan.n_rounds):
                bench.round(row, number)
        except BenchError as error:  # the other rows can still be measured
            results.add({"record": "fasttext", "name": row.name, "what": row.what,
                         "unit": row.unit, "verdict": "fail", "error": str(error)})  # fmt: skip
            continue
        results.add(line_of(row, bench))
        if row.threads and plan.with_two_threads:
            results.add(line_of_two(row, bench))


def line_of(row: Row, bench: Bench) -> Record:
    """One line of the table: figures of every instruction set, and the verdicts."""
    columns = list(bench.plan.columns)
    theirs = bench.of(row, ORIGINAL)
    line: Record = {
        "record": "fasttext", "name": row.name, "what": row.what, "unit": row.unit,
        "rounds": bench.plan.n_rounds, "must": row.goal.must, "aim": row.goal.aim,
        "must_avx2": row.avx2.must, "aim_avx2": row.avx2.aim,
        "original_what": bench.plan.original and bench.plan.original.what,
    }  # fmt: skip
    for column in columns:
        suffix = "" if column == "default" else f"_{column}"
        runs = bench.of(row, column)
        line[f"ours{suffix}"], line[f"figure{suffix}"] = figures(row, runs, theirs)
        goal = row.avx2 if column == "avx2" else row.goal
        line[f"verdict{suffix}"] = verdict(line[f"figure{suffix}"], goal, row.unit)
    if row.unit in (TIMES, MEMORY):
        key = "cpu_s" if row.unit == TIMES else "max_rss_bytes"
        line["peer"] = statistics.median(run[key] for run in theirs)
    ours = [run for column in columns for run in bench.of(row, column)]
    line |= answers.agreement(row.answers, ours, theirs) if row.job or row.answers else NOTHING
    if gensim := bench.of(row, GENSIM):
        line["peer"] = figures(row, gensim, [])[0]
    if line["same"] == "no":
        line["verdict"] = "fail"
    return line


def figures(row: Row, runs: Sequence[Record], theirs: Sequence[Record]) -> tuple[float, float]:
    """(ours, figure): medians of the rounds beside the original, the best of them in a process."""
    if row.unit in (TIMES, MEMORY):
        key = "cpu_s" if row.unit == TIMES else "max_rss_bytes"
        pairs = [(run[key], its[key]) for run, its in zip(runs, theirs, strict=True)]
        ratios = [its / run if row.unit == TIMES else run / its for run, its in pairs]
        return statistics.median(run[key] for run in runs), statistics.median(ratios)
    seconds = min(run["cpu_s"] for run in runs)
    if row.unit in (NANOSECONDS, MICROSECONDS):
        seconds *= (1e9 if row.unit == NANOSECONDS else 1e6) / runs[0]["n_words"]
    elif row.unit == RATE:
        seconds = runs[0]["n_tokens"] / seconds / 1e6
    return seconds, seconds


def line_of_two(row: Row, bench: Bench) -> Record:
    """Wall clock of one thread over that of two, within each round."""
    pairs = list(zip(bench.of(row, "default"), bench.of(row, TWO), strict=True))
    figure = statistics.median(one["wall_s"] / two["wall_s"] for one, two in pairs)
    return {
        "record": "fasttext", "name": f"{row.name}-2", "what": f"two threads: {row.what}",
        "unit": THREADS, "rounds": len(pairs), "ours": min(one["wall_s"] for one, _ in pairs),
        "ours_two": min(two["wall_s"] for _, two in pairs), "figure": figure, "same": "-",
        "must": TWO_THREADS.must, "aim": TWO_THREADS.aim,
        "verdict": verdict(figure, TWO_THREADS, THREADS),
    }  # fmt: skip


def verdict(figure: float, goal: Goal, unit: str) -> str:
    sign = -1 if unit in SMALLER_IS_BETTER else 1
    must, aim = (None if value is None else sign * value for value in (goal.must, goal.aim))
    return judge(sign * figure, must, aim)
