"""The tables of `wordvec eval`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .speech import printable, table, thousands

if TYPE_CHECKING:
    from .eval import FileScores, Job

METHOD_NAMES = {"3cosadd": "3CosAdd", "3cosmul": "3CosMul", "pairwise": "pairwise direction"}
NONE = "-"


def text_of(results: Sequence[FileScores], job: Job, with_sections: bool) -> list[str]:
    """All scores as lines for people: a table for each kind of set, a group of columns for each
    file."""
    from wordvec.evaluate import AnalogyScore, CategoryScore, SimilarityScore

    marks = [f"[{k}]" for k in range(1, len(results) + 1)]
    lines = [
        f"{mark} {printable(result.path)}: {thousands(result.n_words)} words, "
        f"{result.dim} dimensions"
        for mark, result in zip(marks, results, strict=True)
    ]
    # The scores of one set stand at the same place in every file.
    by_set = list(zip(*(result.scores for result in results), strict=True))
    case = "case ignored" if job.ignore_case else "case matters"
    titles: dict[type, tuple[str, Callable[..., list[list[str]]]]] = {
        AnalogyScore: (
            f"Analogies: right answers in % by {METHOD_NAMES[job.method]}, {among(job.restrict)}, "
            f"{case}",
            lambda group: analogy_rows(group, with_sections),
        ),
        SimilarityScore: (
            f"Word similarity: correlation x 100 of cosines and people's scores, {case}",
            lambda group: similarity_rows(group, job.n_resamples > 0),
        ),
        CategoryScore: (f"Categories: purity in % of k-means clusters, {case}", category_rows),
    }
    for kind, (title, rows_of) in titles.items():
        groups = [group for group in by_set if isinstance(group[0], kind)]
        if groups:
            lines += ["", title, *side_by_side([rows_of(group) for group in groups], marks)]
    if by_set:
        lines += ["", *oov_lines(job)]
    return lines + overlap_lines(results, marks)


def among(restrict: int | None) -> str:
    return "among all words" if restrict is None else f"among the first {thousands(restrict)} words"


def oov_lines(job: Job) -> list[str]:
    lines = ["OOV, out of vocabulary: the share, in %, of entries with a word that the file lacks"]
    if job.restrict is not None:
        lines[0] += ","
        lines.append(f"or, for analogies, that is not among its first {thousands(job.restrict)}.")
    else:
        lines[0] += "."
    return [*lines, "They are left out of the scores: compare files whose OOV is alike."]


def side_by_side(groups: list[list[list[Any]]], marks: list[str]) -> list[str]:
    """Rows of [name, size, [cells of file 1], [cells of file 2], ...] as lines.

    The first row of every group is its header; they are the same, so one is shown.
    """
    header = groups[0][0]
    rows = [header, *(row for group in groups for row in group[1:])]
    n_cells = len(header[2])
    lines = []
    if len(marks) > 1:
        lines.append(["", ""] + [cell for mark in marks for cell in [mark] + [""] * (n_cells - 1)])
    for row in rows:
        lines.append([*row[:2], *(cell for cells in row[2:] for cell in cells)])
    return table(lines)


def analogy_rows(group: Sequence[Any], with_sections: bool) -> list[list[Any]]:
    header = ["set", "questions", *[["right", "OOV"] for _ in group]]
    rows: list[list[Any]] = [
        header,
        section_row(printable(group[0].name), [s.total for s in group]),
    ]
    for kind in ("semantic", "syntactic"):
        parts = [getattr(score, kind) for score in group]
        if parts[0].n_total and parts[0].n_total < group[0].total.n_total:
            rows.append(section_row(f"  {kind}", parts))
    if with_sections and len(group[0].sections) > 1:
        for same in zip(*(score.sections for score in group), strict=True):
            rows.append(section_row(f"    {printable(same[0].name)}", same))
    return rows


def section_row(name: str, parts: Sequence[Any]) -> list[Any]:
    cells = [[percent(p.accuracy), percent(p.n_skipped / max(1, p.n_total))] for p in parts]
    return [name, str(parts[0].n_total), *cells]


def similarity_rows(group: Sequence[Any], with_intervals: bool) -> list[list[Any]]:
    names = ["Spearman", "95 %"] if with_intervals else ["Spearman"]
    names += ["Pearson", "95 %"] if with_intervals else ["Pearson"]
    cells = []
    for score in group:
        row = [percent(score.spearman), between(score.spearman_interval)]
        row += [percent(score.pearson), between(score.pearson_interval)]
        row = row if with_intervals else row[::2]
        cells.append([*row, percent(score.oov_share)])
    header = ["set", "pairs", *[[*names, "OOV"] for _ in group]]
    return [header, [printable(group[0].name), str(group[0].n_pairs), *cells]]


def category_rows(group: Sequence[Any]) -> list[list[Any]]:
    header = ["set", "words", *[["purity", "clusters", "OOV"] for _ in group]]
    cells = [[percent(s.purity), str(s.n_categories), percent(s.oov_share)] for s in group]
    return [header, [printable(group[0].name), str(group[0].n_words), *cells]]


def overlap_lines(results: Sequence[FileScores], marks: list[str]) -> list[str]:
    lines: list[str] = []
    for mark, result in zip(marks, results, strict=True):
        overlap = result.overlap_with_first
        if overlap is None:
            continue
        if not lines:
            lines += [
                "",
                f"Neighbour overlap with [1]: mean Jaccard, in %, of the {overlap.k} nearest among "
                "the shared words",
                f"(shared: among the first {thousands(overlap.n_frequent)} of both)",
            ]
        lines.append(f"{mark}  {percent(overlap.jaccard)}  over {overlap.n_used} words")
    return lines


def percent(share: float | None) -> str:
    return NONE if share is None else f"{100 * share:.1f}"


def between(interval: Any) -> str:
    if interval is None or interval.low != interval.low:
        return NONE
    return f"{100 * interval.low:.1f} to {100 * interval.high:.1f}"
