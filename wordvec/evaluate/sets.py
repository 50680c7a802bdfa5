"""Evaluation sets as users name them: files and folders, of whichever kind."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass

from wordvec.errors import FormatError, OptionError
from wordvec.evaluate.categories import Categories, read_categories
from wordvec.evaluate.columns import find_columns, find_delimiter, split
from wordvec.evaluate.lines import Line, excerpt, read_lines
from wordvec.evaluate.questions import (
    BATS_FILE,
    AnalogySet,
    bats_files,
    read_msr,
    read_questions,
    read_word_relations,
)
from wordvec.evaluate.wordpairs import WordPairs, read_pairs

EvaluationSet = AnalogySet | WordPairs | Categories

READERS: dict[str, Callable[[str], EvaluationSet]] = {
    "questions": read_questions,
    "msr": read_msr,
    "bats": read_word_relations,
    "similarity": read_pairs,
    "categories": read_categories,
}
_N_SAMPLE_LINES = 200


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file of a folder that is no evaluation set, and why."""

    path: str
    reason: str


def read_set(path: str | os.PathLike[str], layout: str | None = None) -> EvaluationSet:
    """Read one set: a file, or a folder of BATS.

    `layout` is a key of READERS; without it the content decides.  FormatError when there is none.
    """
    path = os.fspath(path)
    layout = layout or find_layout(path)
    if layout not in READERS:
        raise OptionError("layout", " or ".join(map(repr, READERS)), layout)
    return READERS[layout](path)


def read_sets(
    path: str | os.PathLike[str], layout: str | None = None
) -> tuple[list[EvaluationSet], list[LeftOut]]:
    """Read a file, or every set in a folder (by name; not in folders below it, unless BATS).

    Files of a folder that are no sets, such as a README, are given back with the reason; a
    folder without any set is a FormatError, and so is a file that is none.
    """
    path = os.fspath(path)
    if not os.path.isdir(path):
        return [read_set(path, layout)], []
    if layout == "bats" or (layout is None and bats_files(path)):
        return [read_word_relations(path)], []
    sets: list[EvaluationSet] = []
    left_out: list[LeftOut] = []
    for name in sorted(os.listdir(path)):
        file = os.path.join(path, name)
        if name.startswith(".") or not os.path.isfile(file) or name.endswith(".answers"):
            continue  # .answers: read with its .questions
        try:
            sets.append(read_set(file, layout))
        except FormatError as error:
            left_out.append(LeftOut(file, str(error)))
    if not sets:
        found = "no files" if not left_out else f"{len(left_out)} other files, the first: "
        found += left_out[0].reason if left_out else ""
        raise FormatError(path, None, "a folder with evaluation sets", found)
    return sets, left_out


def find_layout(path: str) -> str:
    """The layout of a set, from its first lines and, where these do not tell, its name."""
    if os.path.isdir(path):
        return "bats"
    if path.endswith((".questions", ".answers")):
        return "msr"
    sample = list(itertools.islice(read_lines(path), _N_SAMPLE_LINES))
    if not sample:
        raise FormatError(path, None, "an evaluation set", "no lines")
    if any(line.text.startswith(":") for line in sample):
        return "questions"
    lines = [line for line in sample if not line.text.startswith("#")]
    if find_columns(lines) is not None:
        return "similarity"
    if _count(lines, " ") == 4:
        return "questions"
    delimiter = find_delimiter(lines, 2)
    if delimiter is not None and _count(lines, delimiter) == 2 and not _is_prose(lines, delimiter):
        return _two_columns(path, lines, delimiter)
    raise FormatError(
        path,
        None,
        "an evaluation set (analogies: four words a line, word similarity: two words and a score, "
        "categories: a word and its category)",
        excerpt(sample[0].text),
        line=sample[0].number,
    )


def _count(lines: list[Line], delimiter: str) -> int | None:
    """The number of fields that all lines have; None when they differ."""
    counts = {len(split(line.text, delimiter)) for line in lines}
    return counts.pop() if len(counts) == 1 else None


def _is_prose(lines: list[Line], delimiter: str) -> bool:
    """Whether what looks like columns is a sentence with a comma: only tabs hold blanks apart."""
    return delimiter in ",;" and any(
        " " in field for x in lines for field in split(x.text, delimiter)
    )


def _two_columns(path: str, lines: list[Line], delimiter: str) -> str:
    """Categories repeat; the answers of a relation seldom do, and may have alternatives."""
    if BATS_FILE.match(os.path.basename(path)):
        return "bats"
    answers = [split(line.text, delimiter)[1] for line in lines]
    if any("/" in answer for answer in answers):
        return "bats"
    return "categories" if 2 * len(set(answers)) <= len(answers) else "bats"
