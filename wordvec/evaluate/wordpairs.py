"""Word similarity: do cosines order pairs of words as people do?"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import FormatError
from wordvec.evaluate.columns import Columns, find_columns, number_of, split
from wordvec.evaluate.correlation import Interval, bootstrap_intervals, pearson, spearman
from wordvec.evaluate.lines import Line, excerpt, name_of, read_lines
from wordvec.evaluate.lookup import Lookup

if TYPE_CHECKING:
    from wordvec.vectors import Vectors

_N_SAMPLE_LINES = 200


@dataclass(frozen=True, slots=True)
class WordPairs:
    """Pairs of words and what people said of each.

    scores  float64[n_pairs], higher is more similar, on any scale
    header  the file's first line if it is no pair
    """

    name: str
    pairs: list[tuple[str, str]]
    scores: NDArray[np.float64]
    header: str | None = None

    def words(self) -> Iterator[str]:
        return itertools.chain.from_iterable(self.pairs)


@dataclass(frozen=True, slots=True)
class SimilarityScore:
    """How well cosines agree with people.

    A pair is out of vocabulary when one of its words has no row, or one that is not finite; such
    pairs are left out of the correlations.  `oov_share` is their share of `n_pairs`.  The
    correlations are None for fewer than two pairs, or when one side is constant; the intervals
    are None unless asked for.
    """

    name: str
    n_pairs: int
    n_used: int
    n_oov: int
    oov_share: float
    spearman: float | None
    pearson: float | None
    spearman_interval: Interval | None = None
    pearson_interval: Interval | None = None


def read_pairs(path: str | os.PathLike[str]) -> WordPairs:
    """Read a word similarity set; its layout is found from its first lines.

    Lines that begin with # are comments.  FormatError names the line that does not fit.
    """
    path = os.fspath(path)
    lines = (line for line in read_lines(path) if not line.text.startswith("#"))
    sample = list(itertools.islice(lines, _N_SAMPLE_LINES))
    columns = find_columns(sample)
    if columns is None:
        expected = "two words and a score in each line, between tabs, semicolons, commas or blanks"
        found = excerpt(sample[0].text) if sample else "no lines"
        raise FormatError(path, None, expected, found, line=sample[0].number if sample else None)
    header = sample[0].text if columns.has_header else None
    pairs, scores = [], []
    for line in itertools.chain(sample[1:] if columns.has_header else sample, lines):
        pair, score = _parse(path, line, columns)
        pairs.append(pair)
        scores.append(score)
    return WordPairs(name_of(path), pairs, np.array(scores, np.float64), header)


def _parse(path: str, line: Line, columns: Columns) -> tuple[tuple[str, str], float]:
    fields = split(line.text, columns.delimiter)
    n_needed = max(columns.first, columns.second, columns.score) + 1
    if len(fields) < n_needed:
        found = f"{len(fields)} in {excerpt(line.text)}"
        raise FormatError(path, None, f"at least {n_needed} columns", found, line=line.number)
    score = number_of(fields[columns.score])
    if score is None:
        expected = f"a score in column {columns.score + 1}"
        found = f"{fields[columns.score]!r} in {excerpt(line.text)}"
        raise FormatError(path, None, expected, found, line=line.number)
    first, second = fields[columns.first], fields[columns.second]
    if not first or not second:
        raise FormatError(path, None, "two words", excerpt(line.text), line=line.number)
    if columns.strips_tags:
        first, second = first[:-2], second[:-2]
    return (first, second), score


def evaluate_pairs(
    vectors: Vectors,
    pairs: WordPairs,
    *,
    restrict: int | None = None,
    ignore_case: bool = True,
    n_resamples: int = 0,
    seed: int = 1,
    confidence: float = 0.95,
    lookup: Lookup | None = None,
) -> SimilarityScore:
    """Correlate the cosines of `pairs` with their scores.

    `restrict` takes words beyond the first so many rows for unknown.  `n_resamples` asks for
    bootstrap intervals over the used pairs, from a generator seeded by `seed`.  A `lookup` that
    knows the words of several sets spares passes over the vocabulary; it brings its own rule for
    case.
    """
    cosines = pair_cosines(vectors, pairs, restrict, ignore_case, lookup)
    used = np.isfinite(cosines)
    human, ours = pairs.scores[used], cosines[used]
    intervals: tuple[Interval, Interval] | tuple[None, None] = (None, None)
    if n_resamples:
        intervals = bootstrap_intervals(human, ours, n_resamples, seed, confidence)
    n_pairs, n_used = len(cosines), int(used.sum())
    return SimilarityScore(
        pairs.name,
        n_pairs,
        n_used,
        n_pairs - n_used,
        (n_pairs - n_used) / n_pairs if n_pairs else 0.0,
        _or_none(spearman(human, ours)),
        _or_none(pearson(human, ours)),
        *intervals,
    )


def pair_cosines(
    vectors: Vectors,
    pairs: WordPairs,
    restrict: int | None = None,
    ignore_case: bool = True,
    lookup: Lookup | None = None,
) -> NDArray[np.float64]:
    """float64[n_pairs]: the cosine of each pair, nan where a word is out of vocabulary.

    A row of length zero has cosine 0 with everything, as in gensim.
    """
    lookup = lookup or Lookup(vectors, pairs.words(), ignore_case)
    rows = np.array(
        [[lookup.row(word, restrict) for word in pair] for pair in pairs.pairs], np.int64
    ).reshape(-1, 2)
    known = (rows >= 0).all(axis=1)
    cosines = np.full(len(rows), np.nan)
    if not known.any():
        return cosines
    a, b = (np.asarray(vectors.matrix[rows[known, side]], np.float64) for side in (0, 1))
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        lengths = np.sqrt(np.einsum("ij,ij->i", a, a) * np.einsum("ij,ij->i", b, b))
        cosines[known] = np.einsum("ij,ij->i", a, b) / np.where(lengths == 0, 1, lengths)
    return cosines


def _or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None
