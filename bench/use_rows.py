"""The rows of the suite `use`: what is measured, beside whom, and what must be reached."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

# How a row's figure is made, see README.md.
TIMES = "x the peer's CPU-s"
SECONDS = "CPU-s"
THREADS = "x one thread, wall"
MEMORY = "peak / matrix"


@dataclass(frozen=True, slots=True)
class Goal:
    """What must be reached and what is aimed at; None: nothing is asked."""

    must: float | None = None
    aim: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    `job` is a job of use_worker.py or `word2phrase`; `settings` go to it, and name the files by
    their role (text, binary, own, plane, trained).  `peer` is the settings of the peer's job of the
    same name; equal ones are run once.
    """

    name: str
    what: str
    job: str
    settings: dict[str, Any]
    unit: str = TIMES
    goal: Goal = Goal()
    avx2: Goal = Goal()
    peer: dict[str, Any] | None = field(default=None)


TEXT = {"file": "text", "binary": False}
BINARY = {"file": "binary", "binary": True}
PEER_WRITE = {"file": "text", "output": "written-by-peer"}
FLOAT32, INT8 = {"method": "float32"}, {"method": "int8"}

ROWS = (
    Row("read-text", "read word2vec text", "read", {"file": "text"},
        goal=Goal(25, 50), peer=TEXT),
    Row("write-text", "write it, shortest digits, bytes equal", "write",
        {"file": "text", "output": "written", "digits": "shortest"},
        goal=Goal(8, 13), peer=PEER_WRITE),
    Row("write-fixed", "write it, %f", "write",
        {"file": "text", "output": "written", "digits": "fixed"},
        goal=Goal(None, 20), peer=PEER_WRITE),
    Row("read-binary", "read word2vec binary, index on first use", "read", {"file": "binary"},
        goal=Goal(None, 20), peer=BINARY),
    Row("read-indexed", "read word2vec binary with its word index", "read",
        {"file": "binary", "index": True}, goal=Goal(8, 12), peer=BINARY),
    Row("open", "own format: open, look up 10 words", "look-up", {"file": "own", "n_words": 10},
        SECONDS, Goal(0.001, 0.0002)),
    Row("open-query", "own format: open, 10 nearest of 10 words, float32", "open-and-query",
        {"file": "own", "n_words": 10, **FLOAT32}, SECONDS, Goal(0.06, 0.05)),
    Row("open-query-int8", "the same with the int8 plane in the file", "open-and-query",
        {"file": "plane", "n_words": 10, **INT8}, SECONDS, Goal(0.03, 0.025)),
    Row("queries", "top 10 of many queries, float32", "queries",
        {"file": "own", **FLOAT32}, goal=Goal(14, 17), avx2=Goal(8, 9), peer={"file": "binary"}),
    Row("queries-int8", "the same, int8 (AVX2: 7 bits) scan", "queries",
        {"file": "plane", **INT8}, goal=Goal(50, 65), avx2=Goal(15, 18), peer={"file": "binary"}),
    Row("analogies", "analogy questions, float32", "analogies",
        {"file": "trained", "questions": "questions", **FLOAT32}, goal=Goal(14, 18),
        peer={"file": "trained", "questions": "questions"}),
    Row("analogies-int8", "the same, int8", "analogies",
        {"file": "trained", "questions": "questions", **INT8}, goal=Goal(25, 45),
        peer={"file": "trained", "questions": "questions"}),
    Row("word2phrase", "word2phrase, bytes equal", "word2phrase", {"file": "corpus"},
        goal=Goal(10, 18), peer={"file": "corpus"}),
    Row("memory", "peak memory: load binary and all queries", "queries", {"file": "binary"},
        MEMORY, Goal(1.2, 1.05)),
    *(
        Row(f"{name}-2", f"two threads: {what}", job, settings, THREADS, Goal(1.7, 1.9))
        for name, what, job, settings in (
            ("read-text", "read text", "read", {"file": "text"}),
            ("write-text", "write text, shortest digits", "write",
             {"file": "text", "output": "written", "digits": "shortest"}),
            ("queries", "queries, float32", "queries", {"file": "own", **FLOAT32}),
            ("queries-int8", "queries, int8", "queries", {"file": "plane", **INT8}),
            ("analogies", "analogies", "analogies",
             {"file": "trained", "questions": "questions", **FLOAT32}),
            ("word2phrase", "word2phrase", "word2phrase", {"file": "corpus"}),
        )
    ),
)  # fmt: skip
NAMES = tuple(row.name for row in ROWS)
