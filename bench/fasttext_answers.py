"""Suite fasttext: are the answers of both sides the same, or as good?"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

from bench.fasttext_rows import BITS, ERROR, LINES, PRECISION, SCORES
from bench.measure import BenchError, run_program
from bench.report import Record

ALLOWED_POINTS = 0.005  # our mean P@1 may lie under the original's by so much
LEAST_SEEDS = 3  # for a verdict about means
ALLOWED_ERROR = 1.01  # of the quantised rows, against the original's
LEAST_EQUAL_LINES = 0.999  # scores of two labels may be equal but for rounding
SCORED = ("analogy", "WS-353-ALL", "MEN-TR-3k", "RW-STANFORD")
EVALUATE = [sys.executable, "-P", str(Path(__file__).resolve().parent / "evaluate.py")]


def precision(program: Sequence[str], model: Path, test: Path, work: Path) -> float:
    """P@1 as `fasttext test` says it."""
    said = run_program([*program, "test", str(model), str(test)], work).output
    for line in said.splitlines():
        name, _, value = line.partition("\t")
        if name == "P@1":
            return float(value)
    raise BenchError(f"{program[0]} test {model}: no P@1 in {said!r}")


def scores(vectors: Path, evaluation: Path, work: Path) -> Record:
    """Some of the scores of evaluate.py; none where the judges' files or their words are absent."""
    if not (evaluation / "questions-words.txt").is_file():
        return {}
    run = run_program([*EVALUATE, str(vectors), str(evaluation)], work)
    found: Record = json.loads(run.output.splitlines()[-1])
    return {name: found[name] for name in SCORED if name in found}


def equal_lines(one: Path, other: Path) -> float:
    """The share of lines that are equal in two files."""
    with one.open("rb") as first, other.open("rb") as second:
        pairs = [a == b for a, b in zip_longest(first, second)]
    return statistics.fmean(pairs) if pairs else 1.0


def agreement(answers: str, ours: Sequence[Record], theirs: Sequence[Record]) -> Record:
    """{same: yes, no or -, quality: "ours / theirs"} of the runs of one row.

    `ours` are the runs with every instruction set; each run holds its answer under "answer".
    """
    mine, its = ([run["answer"] for run in side if "answer" in run] for side in (ours, theirs))
    if not mine:
        return {"same": "-"}
    if answers in (BITS, ""):
        distinct = {json.dumps(answer) for answer in [*mine, *its]}
        n_answers = len(mine) + len(its)
        return {"same": "-" if n_answers < 2 else "yes" if len(distinct) == 1 else "no"}
    if answers == LINES:
        return {"same": "yes" if min(mine) >= LEAST_EQUAL_LINES else "no",
                "quality": f"{100 * min(mine):.3f} % of lines equal"}  # fmt: skip
    if not its:
        return {"same": "-"}
    if answers == SCORES:
        names = [name for name in SCORED if name in mine[-1] and name in its[-1]]
        both = (f"{name} {mine[-1][name]} / {its[-1][name]}" for name in names)
        return {"same": "-", "quality": ", ".join(both)}
    mean, reference = statistics.fmean(mine), statistics.fmean(its)
    if answers == ERROR:
        is_good = mean <= ALLOWED_ERROR * reference
        return {"same": "yes" if is_good else "no",
                "quality": f"error {mean:.4g} / {reference:.4g}"}  # fmt: skip
    assert answers == PRECISION
    is_judged = len(its) >= LEAST_SEEDS
    is_good = mean >= reference - ALLOWED_POINTS
    return {"same": ("yes" if is_good else "no") if is_judged else "-",
            "quality": f"P@1 {mean:.3f} / {reference:.3f}"}  # fmt: skip
