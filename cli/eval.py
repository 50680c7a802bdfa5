"""`wordvec eval`: score files of vectors on evaluation sets, side by side."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from .asking import file_options, load_vectors
from .scores import text_of
from .speech import json_line, note, say

if TYPE_CHECKING:
    from wordvec.evaluate import EvaluationSet, Lookup
    from wordvec.vectors import Vectors

DEFAULT_RESTRICT = 300_000  # gensim's
_OVERLAP = 10


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be scored, and how."""

    sets: list[EvaluationSet]
    restrict: int | None
    method: str
    ignore_case: bool
    n_resamples: int
    seed: int
    overlap: int


@dataclass(slots=True)
class FileScores:
    """All about one file of vectors: `scores` has one entry for each set, in their order."""

    path: str
    n_words: int
    dim: int
    scores: list[Any] = field(default_factory=list)
    overlap_with_first: Any = None


@click.command("eval")
@click.argument("paths", metavar="FILE... [SET...]", nargs=-1, required=True)
@click.option(
    "-s",
    "--set",
    "sets",
    metavar="SET",
    multiple=True,
    help="An evaluation set, whatever its content looks like (may be repeated).",
)
@click.option(
    "--layout",
    type=click.Choice(["questions", "msr", "bats", "similarity", "categories"]),
    help="The layout of all sets; found by their content otherwise.",
)
@click.option(
    "--restrict",
    type=click.IntRange(min=0),
    default=DEFAULT_RESTRICT,
    metavar="N",
    show_default=True,
    help="Analogies: ask about, and look for answers among, the first N words; 0: all.",
)
@click.option(
    "--method",
    type=click.Choice(["3cosadd", "3cosmul", "pairwise"]),
    default="3cosadd",
    show_default=True,
    help="Analogies: the rule.",
)
@click.option(
    "--case-sensitive",
    is_flag=True,
    help="Tell upper and lower case apart; else the first word that fits counts.",
)
@click.option(
    "--bootstrap",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Word similarity: 95 % intervals from N resamples of the pairs (try 1000).",
)
@click.option(
    "--overlap",
    type=click.IntRange(min=1),
    metavar="K",
    help="Share of equal words among the K nearest, between the first FILE and each "
    "other one (done with K = 10 when there is no SET).",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    metavar="N",
    help="Of the bootstrap and of k-means.",
)
@click.option("--sections", is_flag=True, help="Analogies: every section too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object with all counts.")
@file_options
def command(
    paths: tuple[str, ...],
    sets: tuple[str, ...],
    layout: str | None,
    restrict: int,
    method: str,
    case_sensitive: bool,
    bootstrap: int,
    overlap: int | None,
    seed: int,
    sections: bool,
    as_json: bool,
    format: str | None,
    limit: int | None,
    allow_pickle: bool,
) -> int:
    """Score the vectors of each FILE on each SET, side by side.

    A SET is a file or a folder: analogy questions (Google's, MSR's, BATS), word similarity (two
    words and a score, in any columns) or categories (word and category).  What is a FILE and what
    a SET is seen from the content; a folder is always a SET.

    \b
      wordvec eval vectors.bin questions-words.txt wordsim353.tsv
      wordvec eval old.bin new.bin evaluation-sets/ --bootstrap 1000
      wordvec eval old.bin new.bin                  how far do neighbours agree?
    """
    files, found_sets = tell_apart(paths)
    set_paths = [*found_sets, *sets]
    if not files:
        raise click.UsageError(f"no file of word vectors among {', '.join(paths)}")
    if not set_paths and len(files) == 1:
        raise click.UsageError(
            "nothing to score: name an evaluation set (a file such as questions-words.txt, or a "
            "folder), or a second file of vectors to compare neighbours with"
        )
    job = Job(
        read_all_sets(set_paths, layout),
        restrict or None,
        method,
        not case_sensitive,
        bootstrap,
        seed,
        overlap or (0 if set_paths else _OVERLAP),
    )
    first: Vectors | None = None
    results = []
    for path in files:
        vectors = load_vectors(path, format, limit, allow_pickle)
        results.append(score_file(path, vectors, first, job))
        if job.overlap and first is None:
            first = vectors
        del vectors  # before the next file is loaded
    if as_json:
        say(json_line(report(results, job), indent=2))
    else:
        say("\n".join(text_of(results, job, sections)))
    return 0


def tell_apart(paths: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """(files of vectors, evaluation sets), each in the order given."""
    from wordvec.errors import FormatError
    from wordvec.evaluate import find_layout
    from wordvec.formats import HEAD_BYTES, open_reader, recognise

    files, sets = [], []
    for path in paths:
        if os.path.isdir(path):
            sets.append(path)
            continue
        if os.path.exists(path) and not os.path.isfile(path):
            files.append(path)  # a pipe cannot be read twice, once to see what it is
            continue
        try:
            with open_reader(path) as reader:
                recognise(path, reader.head(HEAD_BYTES), reader.packing)
            files.append(path)
            continue
        except FormatError as error:
            no_vectors = error
        try:
            find_layout(path)
        except FormatError:
            raise FormatError(
                path,
                None,
                f"{no_vectors.expected}, or an evaluation set (analogies, word similarity, "
                "categories)",
                no_vectors.found,
                "--set PATH takes it for a set and says what is wrong with it",
            ) from None
        sets.append(path)
    return files, sets


def read_all_sets(paths: list[str], layout: str | None) -> list[EvaluationSet]:
    from wordvec.evaluate import read_sets

    sets: list[EvaluationSet] = []
    for path in paths:
        found, left_out = read_sets(path, layout)
        sets += found
        for file in left_out:
            note(f"wordvec eval: note: left out, no evaluation set: {file.reason}")
    return sets


def score_file(path: str, vectors: Vectors, first: Vectors | None, job: Job) -> FileScores:
    from wordvec.evaluate import Lookup, neighbour_overlap

    result = FileScores(path, len(vectors), vectors.dim)
    if job.sets:
        every_word = (word for item in job.sets for word in item.words())
        lookup = Lookup(vectors, every_word, job.ignore_case)
        result.scores = [score(vectors, item, lookup, job) for item in job.sets]
    if first is not None and job.overlap:
        result.overlap_with_first = neighbour_overlap(first, vectors, job.overlap)
    return result


def score(vectors: Vectors, item: EvaluationSet, lookup: Lookup, job: Job) -> Any:
    from wordvec import evaluate

    if isinstance(item, evaluate.AnalogySet):
        return evaluate.evaluate_analogies(
            vectors, item, method=job.method, restrict=job.restrict, lookup=lookup
        )
    if isinstance(item, evaluate.WordPairs):
        return evaluate.evaluate_pairs(
            vectors, item, n_resamples=job.n_resamples, seed=job.seed, lookup=lookup
        )
    return evaluate.evaluate_categories(vectors, item, seed=job.seed, lookup=lookup)


def report(results: list[FileScores], job: Job) -> dict[str, Any]:
    """Everything, for programs.  Accuracies, correlations and shares are between 0 and 1 (or -1
    and 1), not per cent; null where there is none."""
    from wordvec import evaluate

    kinds = {
        evaluate.AnalogyScore: "analogies",
        evaluate.SimilarityScore: "similarity",
        evaluate.CategoryScore: "categories",
    }
    files = []
    for result in results:
        scores: dict[str, list[Any]] = {kind: [] for kind in kinds.values()}
        for item in result.scores:
            scores[kinds[type(item)]].append(finite(dataclasses.asdict(item)))
        overlap = result.overlap_with_first
        files.append(
            {
                "file": result.path,
                "n_words": result.n_words,
                "dim": result.dim,
                **scores,
                "overlap_with_first": None if overlap is None else dataclasses.asdict(overlap),
            }
        )
    return {
        "restrict": job.restrict,
        "method": job.method,
        "ignore_case": job.ignore_case,
        "n_resamples": job.n_resamples,
        "seed": job.seed,
        "files": files,
    }


def finite(value: Any) -> Any:
    """nan, which JSON has not, as None."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, float) and value != value:
        return None
    return value
