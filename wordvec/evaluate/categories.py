"""Categorisation: do clusters of the vectors agree with categories that people made?"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import FormatError
from wordvec.evaluate.columns import find_delimiter, split
from wordvec.evaluate.lines import excerpt, name_of, read_lines
from wordvec.evaluate.lookup import Lookup, unit_rows
from wordvec.kmeans import spherical_kmeans

if TYPE_CHECKING:
    from wordvec.vectors import Vectors

_N_SAMPLE_LINES = 200


@dataclass(frozen=True, slots=True)
class Categories:
    """Words and the category of each."""

    name: str
    members: list[tuple[str, str]]

    def words(self) -> Iterator[str]:
        return (word for word, _ in self.members)


@dataclass(frozen=True, slots=True)
class CategoryScore:
    """`purity`: the share of the used words that are in their cluster's most common category,
    None when no word could be used.  There are as many clusters as used categories.

    Words without a row, or whose row has no direction, are out of vocabulary.
    """

    name: str
    n_words: int
    n_used: int
    n_oov: int
    oov_share: float
    n_categories: int
    purity: float | None


def read_categories(path: str | os.PathLike[str]) -> Categories:
    """Read lines `word TAB category` (or commas, semicolons, blanks); # begins a comment.

    FormatError names a line that does not have two columns.
    """
    path = os.fspath(path)
    lines = (line for line in read_lines(path) if not line.text.startswith("#"))
    sample = list(itertools.islice(lines, _N_SAMPLE_LINES))
    delimiter = find_delimiter(sample, 2) or " "
    members = []
    for line in itertools.chain(sample, lines):
        fields = split(line.text, delimiter)
        if len(fields) != 2 or not all(fields):
            found = excerpt(line.text)
            raise FormatError(path, None, "a word and its category", found, line=line.number)
        members.append((fields[0], fields[1]))
    if not members:
        raise FormatError(path, None, "words and their categories", "no lines")
    return Categories(name_of(path), members)


def purity(clusters: NDArray[np.int64], categories: NDArray[np.int64]) -> float:
    """The share of items that are in the most common category of their cluster; both int64[n]
    from 0.  nan for no items."""
    if not len(clusters):
        return float("nan")
    table = np.zeros((int(clusters.max()) + 1, int(categories.max()) + 1), np.int64)
    np.add.at(table, (clusters, categories), 1)
    return float(table.max(axis=1).sum()) / len(clusters)


def evaluate_categories(
    vectors: Vectors,
    categories: Categories,
    *,
    restrict: int | None = None,
    ignore_case: bool = True,
    seed: int = 1,
    lookup: Lookup | None = None,
) -> CategoryScore:
    """Cluster the words' rows by spherical k-means and score the clusters' purity.

    `restrict`, `ignore_case` and `lookup` as in evaluate_pairs; `seed` is k-means'.
    """
    lookup = lookup or Lookup(vectors, categories.words(), ignore_case)
    rows = np.array([lookup.row(word, restrict) for word in categories.words()], np.int64)
    known = np.flatnonzero(rows >= 0)
    units = unit_rows(vectors, rows[known])
    with np.errstate(invalid="ignore"):
        has_direction = np.isfinite(units).all(axis=1) & (units != 0).any(axis=1)
    used, units = known[has_direction], units[has_direction]
    labels = [categories.members[k][1] for k in used]
    names, numbers = np.unique(np.array(labels, dtype=object), return_inverse=True)
    score = None
    if len(used):
        clusters = spherical_kmeans(units, len(names), seed=seed)
        score = purity(clusters, numbers.reshape(-1).astype(np.int64))
    n_words = len(categories.members)
    n_oov = n_words - len(used)
    return CategoryScore(
        categories.name,
        n_words,
        len(used),
        n_oov,
        n_oov / n_words,
        len(names),
        score,
    )
