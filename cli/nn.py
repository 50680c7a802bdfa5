"""`wordvec nn`: the nearest neighbours of words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from .asking import (
    Answer,
    converse,
    count_option,
    file_options,
    load_vectors,
    neighbours,
    output_options,
    rows_or_error,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


@click.command("nn")
@click.argument("file", metavar="FILE")
@click.argument("words", metavar="[WORD...]", nargs=-1)
@count_option("Neighbours to show.")
@output_options
@file_options
def command(
    file: str,
    words: tuple[str, ...],
    k: int,
    as_json: bool | None,
    format: str | None,
    limit: int | None,
    allow_pickle: bool,
) -> int:
    """The K nearest neighbours, by cosine, of words in the vectors of FILE.

    Words come from the command line, else a query a line from standard input, else from a prompt.
    Several words in one query, between blanks, are asked for together: the neighbours of the sum
    of their unit vectors.

    \b
      wordvec nn vectors.bin king
      wordvec nn vectors.bin < words.txt > neighbours.jsonl

    A word that is not in FILE is built from its character n-grams where FILE holds those; the
    answer says so.  Exit code 1 when a word given on the command line has no vector.
    """
    import numpy as np

    from wordvec.evaluate import unit_rows
    from wordvec.vectors import unit

    vectors = load_vectors(file, format, limit, allow_pickle)

    def ask(queries: Sequence[str]) -> list[Answer]:
        answers: list[Answer] = [{} for _ in queries]
        rows_of: dict[int, list[int]] = {}
        sums: list[NDArray[np.float32]] = []
        for place, query in enumerate(queries):
            # A word may hold blanks (phrases in some formats): the whole line comes first.
            parts = [query] if query in vectors else query.split() or [query]
            built = [part for part in parts if part in vectors and part not in vectors.words]
            rows, error = rows_or_error(vectors, [p for p in parts if p not in built], query)
            answers[place] = error or {"query": query}
            if error is None:
                rows_of[place] = rows
                sums.append(unit_rows(vectors, rows).sum(axis=0))
                for word in built:
                    sums[-1] += unit(vectors[word], vectors.dim)
                if built:
                    answers[place]["built_from_ngrams"] = built
        directions = np.array(sums, np.float32).reshape(-1, vectors.dim)
        found = vectors.nearest(directions, min(k, len(vectors)), list(rows_of.values()))
        for place, rows, scores in zip(rows_of, *found, strict=True):
            answers[place]["neighbours"] = neighbours(vectors, rows, scores, "cosine")
        return answers

    return converse(ask, words, as_json, "word> ")
