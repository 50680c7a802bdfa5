"""Which columns of a table hold the two words and the score: word similarity sets differ.

Seen in the wild: tabs (WordSim-353, RareWords, SimLex-999 with ten columns, SimVerb), blanks
(MEN, with `-n` after each word), commas (MTurk, multilingual SimLex) and semicolons (RG-65, with
comma as the decimal sign in some); with and without a header; parts of speech, identifiers and
the raters' own numbers in further columns.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wordvec.evaluate.lines import Line

Fields = list[str]
DELIMITERS = ("\t", ";", ",", " ")
# Columns with these names hold the score, whatever else is numeric; compared in lower case.
SCORE_NAMES = {
    "simlex999", "human (mean)", "human", "mean", "score", "similarity", "relatedness", "sim",
    "rating", "average", "avg", "gold",
}  # fmt: skip
PARTS_OF_SPEECH = {
    "n", "v", "a", "j", "r", "nn", "nns", "nnp", "vb", "jj", "rb", "noun", "verb", "adj", "adv",
    "adjective", "adverb",
}  # fmt: skip
POS_SUFFIX = re.compile(r".+-[nvjar]")
_MOST = 0.9  # a column is of a kind when this share of the sampled lines is


@dataclass(frozen=True, slots=True)
class Columns:
    """Where things are in a line.

    `delimiter` is a blank for any run of blanks and tabs; `has_header` says that the first line
    is none of the data; `strips_tags` that words end in a part of speech (`sun-n`).
    """

    delimiter: str
    first: int
    second: int
    score: int
    has_header: bool
    strips_tags: bool = False


def number_of(text: str) -> float | None:
    """The finite number that `text` is, with a point or a comma; else None."""
    text = text.strip()
    if re.fullmatch(r"[+-]?[0-9]*,[0-9]+", text):
        text = text.replace(",", ".")
    try:
        number = float(text)
    except ValueError:
        return None
    # Python reads 1_000 and non-ASCII digits, which are words here.
    plain = re.fullmatch(r"[-+.0-9eE]+", text) is not None
    return number if plain and math.isfinite(number) else None


def split(text: str, delimiter: str) -> Fields:
    """The fields of a line; quotes count where a comma or a semicolon separates."""
    if delimiter == " ":
        return text.split()
    if delimiter == "\t":
        return [field.strip() for field in text.split("\t")]
    try:
        return [field.strip() for field in next(csv.reader([text], delimiter=delimiter))]
    except (csv.Error, StopIteration):
        return [text]


def find_delimiter(sample: Sequence[Line], n_fields: int) -> str | None:
    """What separates at least `n_fields` fields in most lines; None when nothing does."""
    for delimiter in DELIMITERS:
        n_good = sum(len(split(line.text, delimiter)) >= n_fields for line in sample)
        if n_good and n_good >= _MOST * len(sample):
            return delimiter
    return None


def find_columns(sample: Sequence[Line]) -> Columns | None:
    """The columns of a word similarity set, from its first lines; None when it is none."""
    delimiter = find_delimiter(sample, 3)
    if delimiter is None:
        return None
    rows = [split(line.text, delimiter) for line in sample]
    body = rows[1:] or rows
    n_columns = max(map(len, body))
    numeric = {k for k in range(n_columns) if _most(body, k, _is_number)}
    tags = {k for k in range(n_columns) if _most(body, k, _is_tag)}
    words = [k for k in range(n_columns) if k not in numeric and k not in tags]
    if len(words) < 2:  # words such as `a` and `n` look like tags
        words = [k for k in range(n_columns) if k not in numeric]
    if len(words) < 2 or not numeric:
        return None
    first, second = words[:2]
    score = min((k for k in numeric if k > second), default=min(numeric))
    # A header has a name where all others have the score.
    has_header = len(rows) > 1 and (len(rows[0]) <= score or not _is_number(rows[0][score]))
    if has_header:
        named = [k for k in sorted(numeric) if k < len(rows[0])
                 and rows[0][k].lower() in SCORE_NAMES]  # fmt: skip
        score = named[0] if named else score
    strips = all(_every(body, k, POS_SUFFIX.fullmatch) for k in (first, second))
    return Columns(delimiter, first, second, score, has_header, strips)


def _is_number(text: str) -> bool:
    return number_of(text) is not None


def _is_tag(text: str) -> bool:
    return text.lower() in PARTS_OF_SPEECH


def _most(rows: Sequence[Fields], column: int, test: Callable[[str], object]) -> bool:
    n_good = sum(len(row) > column and bool(test(row[column])) for row in rows)
    return n_good > 0 and n_good >= _MOST * len(rows)


def _every(rows: Sequence[Fields], column: int, test: Callable[[str], object]) -> bool:
    return all(len(row) > column and bool(test(row[column])) for row in rows)
