"""Analogies: how many questions do the vectors answer rightly?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wordvec.evaluate.answering import fourth_words
from wordvec.evaluate.lookup import Lookup
from wordvec.evaluate.questions import SEMANTIC, SYNTACTIC, AnalogySet, Question

if TYPE_CHECKING:
    from wordvec.vectors import Vectors

# gensim looks at five candidates for one that is no case variant of a question's word.
_N_CANDIDATES = 5


@dataclass(frozen=True, slots=True)
class SectionScore:
    """`n_seen` of `n_total` questions had all their words; the other `n_skipped` are not counted
    as wrong.  `accuracy` is n_correct / n_seen, None when nothing was seen."""

    name: str
    kind: str | None
    n_correct: int
    n_seen: int
    n_skipped: int
    n_total: int
    accuracy: float | None


@dataclass(frozen=True, slots=True)
class AnalogyScore:
    """The sections of a set, and their sums: all of them, the semantic and the syntactic ones.

    `restrict` and `ignore_case` are as asked for; `n_invalid` counts lines that were no question.
    """

    name: str
    method: str
    restrict: int | None
    ignore_case: bool
    total: SectionScore
    semantic: SectionScore
    syntactic: SectionScore
    sections: tuple[SectionScore, ...]
    n_invalid: int


def evaluate_analogies(
    vectors: Vectors,
    questions: AnalogySet,
    *,
    method: str = "3cosadd",
    restrict: int | None = None,
    ignore_case: bool = True,
    lookup: Lookup | None = None,
) -> AnalogyScore:
    """Answer every question whose words are among the first `restrict` rows.

    The answer is looked for among the same rows, without the question's own.  The rule is that of
    gensim's evaluate_word_analogies, and so are the numbers: with `ignore_case` words are compared
    in upper case, and a case variant of a question's word is no answer.  (The original
    compute-accuracy leaves out the three rows alone; in a vocabulary of one case both agree.)
    A `lookup` that knows the words of several sets spares passes over the vocabulary; it brings
    its own rule for case.
    """
    lookup = lookup or Lookup(vectors, questions.words(), ignore_case)
    every = [question for section in questions.sections for question in section.questions]
    seen, correct = answer(vectors, every, lookup, method=method, restrict=restrict)
    sections = []
    first = 0
    for section in questions.sections:
        part = slice(first, first + len(section.questions))
        first = part.stop
        sections.append(_score(section.name, section.kind, seen[part], correct[part]))
    return AnalogyScore(
        questions.name,
        method,
        restrict,
        lookup.ignore_case,
        _sum("total", None, sections),
        _sum(SEMANTIC, SEMANTIC, [s for s in sections if s.kind == SEMANTIC]),
        _sum(SYNTACTIC, SYNTACTIC, [s for s in sections if s.kind == SYNTACTIC]),
        tuple(sections),
        questions.n_invalid,
    )


def answer(
    vectors: Vectors,
    questions: Sequence[Question],
    lookup: Lookup,
    *,
    method: str = "3cosadd",
    restrict: int | None = None,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(seen, correct), both bool[n_questions]: whether all words of a question have rows, and
    whether the first candidate is an accepted one.  `lookup` must know the questions' words."""
    rows = np.full((len(questions), 3), -1, np.int64)
    seen = np.zeros(len(questions), np.bool_)
    for k, question in enumerate(questions):
        b = next((row for form in question.b if (row := lookup.row(form, restrict)) >= 0), -1)
        rows[k] = lookup.row(question.a, restrict), b, lookup.row(question.c, restrict)
        seen[k] = rows[k].min() >= 0 and any(lookup.row(d, restrict) >= 0 for d in question.d)
    correct = np.zeros(len(questions), np.bool_)
    places = np.flatnonzero(seen)
    found, _ = fourth_words(vectors, rows[places], _N_CANDIDATES, method, restrict)
    keys = {row: lookup.key(vectors.words[row]) for row in _distinct(found, rows[places])}
    for k, candidates in zip(places.tolist(), found.tolist(), strict=True):
        given = {keys[row] for row in rows[k].tolist()}
        best = next((keys[r] for r in candidates if r >= 0 and keys[r] not in given), None)
        correct[k] = best is not None and best in {lookup.key(d) for d in questions[k].d}
    return seen, correct


def _distinct(*arrays: NDArray[np.int64]) -> list[int]:
    rows = np.unique(np.concatenate([array.reshape(-1) for array in arrays]))
    return [int(row) for row in rows if row >= 0]


def _score(
    name: str, kind: str | None, seen: NDArray[np.bool_], correct: NDArray[np.bool_]
) -> SectionScore:
    return _section(name, kind, int(correct.sum()), int(seen.sum()), len(seen))


def _sum(name: str, kind: str | None, sections: Sequence[SectionScore]) -> SectionScore:
    n_correct, n_seen, n_total = (
        sum(getattr(section, count) for section in sections)
        for count in ("n_correct", "n_seen", "n_total")
    )
    return _section(name, kind, n_correct, n_seen, n_total)


def _section(
    name: str, kind: str | None, n_correct: int, n_seen: int, n_total: int
) -> SectionScore:
    accuracy = n_correct / n_seen if n_seen else None
    return SectionScore(name, kind, n_correct, n_seen, n_total - n_seen, n_total, accuracy)
