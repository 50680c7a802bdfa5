"""`wordvec nn`: the nearest neighbours of words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from .asking import (
    Answer,
    converse,
    file_options,
    load_vectors,
    neighbours,
    output_options,
    rows_or_error,
)


@click.command("nn")
@click.argument("file", metavar="FILE")
@click.argument("words", metavar="[WORD...]", nargs=-1)
@click.option(
    "-k",
    "k",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    metavar="N",
    help="Neighbours to show.",
)
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
    of their unit vectors.  A word that FILE lacks gets a vector from its parts, where FILE has
    n-grams (`wordvec train` writes them).

    \b
      wordvec nn vectors.bin king
      wordvec nn vectors.bin < words.txt > neighbours.jsonl

    Exit code 1 when a word given on the command line is not in FILE.
    """
    import numpy as np

    from wordvec.evaluate import unit_rows
    from wordvec.vectors import unit

    vectors = load_vectors(file, format, limit, allow_pickle)

    def ask(queries: Sequence[str]) -> list[Answer]:
        answers: list[Answer] = [{} for _ in queries]
        rows_of: dict[int, list[int]] = {}
        directions: list[Any] = []
        for place, query in enumerate(queries):
            # A word may hold blanks (phrases in some formats): the whole line comes first.
            parts = [query] if query in vectors else query.split() or [query]
            unseen = [word for word in parts if word not in vectors.words and word in vectors]
            seen = [word for word in parts if word not in unseen]
            rows, error = rows_or_error(vectors, seen, query)
            answers[place] = error or {"query": query}
            if error is None:
                rows_of[place] = rows
                built = [unit(vectors[word], vectors.dim) for word in unseen]
                directions.append(np.vstack([unit_rows(vectors, rows), *built]).sum(axis=0))
                if unseen:
                    answers[place]["built_from_subwords"] = unseen
        matrix = np.array(directions, np.float32).reshape(-1, vectors.dim)
        found = vectors.nearest(matrix, min(k, len(vectors)), list(rows_of.values()))
        for place, rows, scores in zip(rows_of, *found, strict=True):
            answers[place]["neighbours"] = neighbours(vectors, rows, scores, "cosine")
        return answers

    return converse(ask, words, as_json, "word> ")
