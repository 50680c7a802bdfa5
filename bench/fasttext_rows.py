"""The rows of the suite `fasttext`: what is measured, beside what, and what must be reached."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bench.use_rows import SECONDS, THREADS, Goal

# How a row's figure is made, see README.md.
TIMES = "x the original's CPU-s"
MEMORY = "peak / the original's"
NANOSECONDS = "ns a word"
MICROSECONDS = "us a word"
RATE = "M tokens/s"
SMALLER_IS_BETTER = (MEMORY, NANOSECONDS, MICROSECONDS, SECONDS)

# How the answers of both are compared; see fasttext_answers.py.
PRECISION = "P@1"
SCORES = "scores"
LINES = "lines"
ERROR = "error"
BITS = "bits"

NO_GOAL = Goal()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    A row with a `command` is one command of fastText, run as a whole process by both sides: in it
    `@role` stands for a file of fasttext_files.py, `@output` for what the command makes.  A row
    with a `job` is one of use_worker.py, in a running process of ours alone; `settings` go to it,
    with `@role` in them too.  `answers` says what is compared, with the file `test` where one is
    needed.  `threads`: two threads against one are measured too.
    """

    name: str
    what: str
    command: str = ""
    job: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    unit: str = TIMES
    goal: Goal = NO_GOAL
    avx2: Goal = NO_GOAL
    answers: str = ""
    test: str = ""
    threads: bool = True
    gigabytes: float = 0.1  # of disk for its files

    @property
    def trains(self) -> bool:
        return self.command.startswith(("supervised", "skipgram", "cbow"))


TWO_THREADS = Goal(1.7, 1.9)
SUBWORDS = "-input @head -output @output -epoch 1 -dim 100 -minn 3 -maxn 6 -bucket 2000000"
COOKING = "-epoch 25 -lr {} -wordNgrams 2 -dim 50 -bucket 200000"
RATES = {
    "softmax": 1,
    "ova": 0.5,
    "hs": 1,
}  # the tutorial's; the original ends in NaN with ova and 1
SUPERVISED = "supervised -input @{} -output @output"


def cooking(loss: str, goal: Goal, avx2: Goal) -> Row:
    command = f"{SUPERVISED.format('cooking.train')} {COOKING.format(RATES[loss])} -loss {loss}"
    return Row(f"cooking-{loss}", f"supervised, cooking, 735 labels, 25 epochs, {loss}", command,
               goal=goal, avx2=avx2, answers=PRECISION, test="cooking.valid",
               gigabytes=0.5)  # fmt: skip


ROWS = (
    Row("skipgram", "skip-gram with 3 to 6 characters, dim 100", f"skipgram {SUBWORDS}",
        goal=Goal(8, 10), answers=SCORES, gigabytes=3),
    Row("cbow", "CBOW with 3 to 6 characters, dim 100", f"cbow {SUBWORDS}",
        goal=Goal(5, 10), answers=SCORES, gigabytes=3),
    Row("memory", "peak memory of the row skipgram", f"skipgram {SUBWORDS}", unit=MEMORY,
        goal=Goal(0.9, 0.6), avx2=Goal(0.9, 0.6), threads=False, gigabytes=3),
    cooking("softmax", Goal(9, 15), Goal(7, 9)),
    cooking("ova", Goal(9, 15), Goal(7, 9)),
    cooking("hs", Goal(8, 14), Goal()),
    Row("trec", "supervised, trec, 6 labels, 25 epochs",
        f"{SUPERVISED.format('trec.train')} -epoch 25 -lr 0.5 -wordNgrams 2 -bucket 200000",
        goal=Goal(8, 14), answers=PRECISION, test="trec.valid", gigabytes=0.5),
    Row("sst2", "supervised, sst2, 2 labels, 5 epochs",
        f"{SUPERVISED.format('sst2.train')} -epoch 5 -lr 0.5 -wordNgrams 2 -bucket 200000",
        goal=Goal(8, 14), answers=PRECISION, test="sst2.valid", gigabytes=0.5),
    Row("lines", "supervised, lines of 16 words, bigrams, 14 labels, dim 100",
        f"{SUPERVISED.format('lines')} -epoch 1 -wordNgrams 2 -dim 100 -lr 0.5",
        goal=Goal(4, 8), answers=PRECISION, test="lines.valid", gigabytes=3),
    Row("predict", "predict those lines", "predict @lines.bin @lines.words",
        goal=Goal(6, 9), answers=LINES, gigabytes=2),
    Row("predict-labels", "predict questions over 735 labels", "predict @cooking.bin @questions",
        goal=Goal(6, 9), answers=LINES, gigabytes=0.3),
    Row("quantize", "quantize 2 M rows x 100, -dsub 2",
        "quantize -input @lines.valid -output @output -dsub 2",
        goal=Goal(12, 30), answers=ERROR, gigabytes=3),
    Row("open", "open a .bin of 2 M buckets x 300, first unseen vector", job="open-unseen",
        settings={"file": "@large.bin"}, unit=SECONDS, goal=Goal(0.2, 0.05), threads=False,
        gigabytes=5),
    Row("ngram-ids", "ids of a word's n-grams", job="ngram-ids", settings={"words": "@words"},
        unit=NANOSECONDS, goal=Goal(60, 20)),
    Row("unseen", "vectors of unseen words, dim 300", job="unseen",
        settings={"file": "@large.bin", "words": "@unseen"}, unit=MICROSECONDS,
        goal=Goal(2, 1.4), answers=BITS, gigabytes=5),
    Row("lists", "lists of tokens to ids and counts", job="lists", settings={"file": "@corpus"},
        unit=RATE, goal=Goal(20, 35), threads=False),
    Row("lists-korean", "the same, Korean", job="lists", settings={"file": "@korean"},
        unit=RATE, goal=Goal(4, 5), threads=False),
)  # fmt: skip
NAMES = tuple(row.name for row in ROWS)
UNIT_OF_TWO = THREADS
