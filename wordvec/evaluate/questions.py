"""Analogy sets: the Google, MSR and BATS layouts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from wordvec.errors import FormatError
from wordvec.evaluate.lines import Line, excerpt, name_of, read_lines

SEMANTIC, SYNTACTIC = "semantic", "syntactic"
# BATS names its 40 files I01 .. L10: inflection and derivation, encyclopedia and lexicon.
BATS_FILE = re.compile(r"([IDEL])\d\d\b")
_BATS_KINDS = {"I": SYNTACTIC, "D": SYNTACTIC, "E": SEMANTIC, "L": SEMANTIC}
# MSR's relations are pairs of part-of-speech tags, such as JJ_JJR and VB_VBPZ.
_TAG_RELATION = re.compile(r"[A-Z]{2,5}_[A-Z]{2,5}", re.IGNORECASE)


class Question(NamedTuple):
    """a is to b as c is to d; `b` and `d` hold every accepted form, best first."""

    a: str
    b: tuple[str, ...]
    c: str
    d: tuple[str, ...]


@dataclass(slots=True)
class Section:
    """Questions on one relation; `kind` is SEMANTIC, SYNTACTIC, or None when nobody says."""

    name: str
    kind: str | None
    questions: list[Question] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class AnalogySet:
    """`n_invalid` counts lines that were left out because they are no question; 0 unless the
    reader was told to go on after one."""

    name: str
    sections: list[Section]
    n_invalid: int = 0

    def words(self) -> Iterator[str]:
        for section in self.sections:
            for question in section.questions:
                yield question.a
                yield from question.b
                yield question.c
                yield from question.d

    def __len__(self) -> int:
        return sum(len(section.questions) for section in self.sections)


def read_questions(path: str | os.PathLike[str], skip_invalid: bool = False) -> AnalogySet:
    """Read `a b c d` lines, with `: SECTION` lines or without (Google's layout).

    Sections named gram... are syntactic and the others semantic, as in questions-words.txt; a
    file without section lines is one section, of no kind.  A line without four words is a
    FormatError; with `skip_invalid` it is counted and left out, as gensim does.
    """
    path = os.fspath(path)
    sections: list[Section] = []
    n_invalid = 0
    for line in read_lines(path):
        if line.text.startswith(":"):
            name = line.text.lstrip(": ").strip()
            kind = SYNTACTIC if name.startswith("gram") or _TAG_RELATION.fullmatch(name) else None
            sections.append(Section(name, kind or SEMANTIC))
            continue
        words = line.text.split()
        if len(words) != 4:
            n_invalid += 1
            if skip_invalid:
                continue
            raise _not(path, line, "four words, or a colon and the name of a section")
        if not sections:
            sections.append(Section(name_of(path), None))
        a, b, c, d = words
        sections[-1].questions.append(Question(a, (b,), c, (d,)))
    return _checked(path, AnalogySet(name_of(path), sections, n_invalid))


def read_msr(path: str | os.PathLike[str]) -> AnalogySet:
    """Read MSR's pair of files: NAME.questions with `a b c`, NAME.answers with `relation d`.

    `path` is either of them.  Every relation is a section.
    """
    stem = os.path.splitext(os.fspath(path))[0]
    names = stem + ".questions", stem + ".answers"
    questions, answers = (list(read_lines(name)) for name in names)
    if len(questions) != len(answers):
        found = f"{len(answers)} for {len(questions)} questions in {names[0]}"
        raise FormatError(names[1], None, "an answer to each question", found)
    sections: dict[str, Section] = {}
    for question, answer in zip(questions, answers, strict=True):
        words, right = question.text.split(), answer.text.split()
        if len(words) != 3:
            raise _not(names[0], question, "three words")
        if len(right) != 2:
            raise _not(names[1], answer, "a relation and the answer")
        relation, d = right
        kind = SYNTACTIC if _TAG_RELATION.fullmatch(relation) else None
        section = sections.setdefault(relation, Section(relation, kind))
        section.questions.append(Question(words[0], (words[1],), words[2], (d,)))
    return _checked(names[0], AnalogySet(name_of(stem), list(sections.values())))


def read_word_relations(path: str | os.PathLike[str]) -> AnalogySet:
    """Read BATS: a file of `a TAB b/b2/...` lines, or a folder of such files, one section each.

    Each ordered pair of lines of a file is a question, n * (n - 1) of them.  Every form of d
    counts as right; of b the first that the vectors know is used.
    """
    path = os.fspath(path)
    files = bats_files(path) if os.path.isdir(path) else [path]
    if not files:
        raise FormatError(path, None, "files named as BATS does (I01 ... L10)", "none")
    return _checked(path, AnalogySet(name_of(path), [_relation(name) for name in files]))


def bats_files(folder: str) -> list[str]:
    """The files of a folder, and of those below it, that have a name as BATS gives."""
    found = []
    for place, folders, files in os.walk(folder):
        folders.sort()
        found += [os.path.join(place, name) for name in sorted(files) if BATS_FILE.match(name)]
    return found


def _relation(path: str) -> Section:
    pairs: list[tuple[str, tuple[str, ...]]] = []
    for line in read_lines(path):
        words = line.text.split()
        forms = tuple(form for form in words[-1].split("/") if form)
        if len(words) != 2 or not forms:
            raise _not(path, line, "a word and the forms of its answer (a TAB b/b2)")
        pairs.append((words[0], forms))
    name = name_of(path)
    kind = BATS_FILE.match(name)
    questions = [
        Question(a, b, c, d)
        for k, (a, b) in enumerate(pairs)
        for m, (c, d) in enumerate(pairs)
        if k != m
    ]
    return Section(name, _BATS_KINDS[kind[1]] if kind else None, questions)


def _checked(path: str, questions: AnalogySet) -> AnalogySet:
    if not len(questions):
        raise FormatError(path, None, "analogy questions", "none")
    return questions


def _not(path: str, line: Line, expected: str) -> FormatError:
    return FormatError(path, None, expected, excerpt(line.text), line=line.number)
