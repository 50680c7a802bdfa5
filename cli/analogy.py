"""`wordvec analogy`: A is to B as C is to what?"""

from __future__ import annotations

from collections.abc import Sequence

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


@click.command("analogy")
@click.argument("file", metavar="FILE")
@click.argument("words", metavar="[A B C]", nargs=-1)
@count_option("Answers to show.")
@click.option(
    "--method",
    type=click.Choice(["3cosadd", "3cosmul", "pairwise"]),
    default="3cosadd",
    show_default=True,
    help="Rule: cos(x, b - a + c); the product of the three cosines; or cos(x - c, b - a).",
)
@output_options
@file_options
def command(
    file: str,
    words: tuple[str, ...],
    k: int,
    method: str,
    as_json: bool | None,
    format: str | None,
    limit: int | None,
    allow_pickle: bool,
) -> int:
    """A is to B as C is to what?  The K best answers from the vectors of FILE.

    The three words come from the command line, else three a line from standard input, else from a
    prompt.

    \b
      wordvec analogy vectors.bin man king woman
      wordvec analogy vectors.bin < questions.txt > answers.jsonl

    Exit code 1 when a word given on the command line is not in FILE.
    """
    if len(words) not in (0, 3):
        raise click.UsageError(f"expected three words A B C, or none; found {len(words)}")
    import numpy as np

    from wordvec.evaluate import fourth_words

    vectors = load_vectors(file, format, limit, allow_pickle)

    def ask(queries: Sequence[str]) -> list[Answer]:
        answers: list[Answer] = [{} for _ in queries]
        rows_of: dict[int, list[int]] = {}
        for place, query in enumerate(queries):
            # Tabs separate words that hold blanks, as those of the command line may.
            parts = query.split("\t") if "\t" in query else query.split()
            query = " ".join(parts)
            if len(parts) != 3:
                error = f"expected three words A B C, found {len(parts)}"
                answers[place] = {"query": query, "error": error}
                continue
            rows, unknown = rows_or_error(vectors, parts, query)
            answers[place] = unknown or {"query": query}
            if unknown is None:
                rows_of[place] = rows
        questions = np.array(list(rows_of.values()), np.int64).reshape(-1, 3)
        found = fourth_words(vectors, questions, min(k, len(vectors)), method)
        for place, rows, scores in zip(rows_of, *found, strict=True):
            answers[place]["neighbours"] = neighbours(vectors, rows, scores, "score")
        return answers

    return converse(ask, ["\t".join(words)] if words else [], as_json, "a b c> ")
