"""Suite iterables: lists of tokens in memory beside a file, and two threads beside one.

Sentences as they are, and the same words in sentences of five, on which gensim's queue starves.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench import texts
from bench.measure import run_program
from bench.quality import HERE, WORKER, worker_result
from bench.report import Record, Results, ratio_record

NAMES = ("lines", "five words")
WORDS_A_SENTENCE = 5
# (name of the row, what is compared with what, measure, must, aim)
CASES = {
    "file, 1": ("file", 1), "lists, 1": ("lists", 1), "lists, 2": ("lists", 2),
}  # fmt: skip
ROWS = [
    ("lists against the file, passes after the first, CPU", "lists, 1", "file, 1", "cpu_s", 0.8, 1),
    ("lists against the file, passes after the first, wall", "lists, 1", "file, 1", "wall_s",
     0.8, 1),
    ("lists against the file, the whole call, CPU", "lists, 1", "file, 1", "call_cpu_s", None,
     None),
    ("lists: two threads against one, wall", "lists, 2", "lists, 1", "wall_s", 1.7, 1.9),
]  # fmt: skip


def write_short_sentences(source: Path, target: Path) -> Path:
    """The words of a text, five to a line."""
    words = source.read_bytes().split()
    with target.open("wb") as file:
        for first in range(0, len(words), WORDS_A_SENTENCE):
            file.write(b" ".join(words[first : first + WORDS_A_SENTENCE]) + b"\n")
    return target


def run_case(case: str, text: Path, epochs: int, work: Path) -> Record:
    kind, workers = CASES[case]
    worker = [*WORKER, str(HERE / "iterables_worker.py"), str(text), kind]
    run = run_program([*worker, str(workers), str(epochs)], work)
    found: Record = worker_result(run)
    return {
        "record": "iterables", "text": text.name, "entry": case, **found,
        "words_per_cpu_s": found["n_tokens"] / found["cpu_s"],
        "words_per_s": found["n_tokens"] / found["wall_s"], "load_before": run.load_before,
    }  # fmt: skip


def rows(name: str, rounds: Sequence[dict[str, Record]]) -> list[Record]:
    """The ratios of one text, each within a round."""
    found = []
    for what, one, other, measure, must, aim in ROWS:
        over = [float(r[one]["n_tokens"] / r[one][measure]) for r in rounds]
        under = [float(r[other]["n_tokens"] / r[other][measure]) for r in rounds]
        found.append(ratio_record(f"{name}: {what}", over, under, must, aim))
    return found


def iterables_suite(
    results: Results,
    names: Sequence[str],
    text: Path,
    work: Path,
    n_rounds: int,
    n_epochs: int,
    n_tokens: int,
) -> None:
    """Every case once a round, on the first `n_tokens` of the text (0: all)."""
    head = texts.write_head(text, work / "lines.txt", n_tokens) if n_tokens else text
    for name in names:
        path = head
        if name != "lines":
            path = write_short_sentences(head, work / "five.txt")
        rounds: list[dict[str, Record]] = []
        for number in range(n_rounds):
            rounds.append({})
            for case in CASES:
                rounds[-1][case] = {**run_case(case, path, n_epochs, work), "round": number + 1}
                results.add(rounds[-1][case])
        for row in rows(name, rounds):
            results.add(row)
