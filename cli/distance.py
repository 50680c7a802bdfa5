"""`wordvec distance`: the nearest words of a word or a phrase, in the original tool's words."""

from __future__ import annotations

from collections.abc import Iterable

import click
import numpy as np

from .original_queries import (
    N_SHOWN,
    answer_lines,
    load_vectors,
    query_command,
    row_of,
    table,
    word_line,
)
from .original_scores import OriginalScores

PROMPT = b"Enter word or sentence (EXIT to break): "
TITLE = b"       Cosine distance"
FLOOR = -1.0


def distance(ctx: click.Context, file: str) -> int:
    """Show the 40 words nearest to each line of standard input.

    A line is a word or several; EXIT or the end of input ends it. Output is that of the
    original tool, byte for byte; FILE may be of any format that wordvec reads.

    \b
    Example:
      wordvec distance vectors.bin
      echo 'san francisco' | wordvec distance vectors.bin
    """
    vectors = load_vectors(ctx, file)
    scores = OriginalScores(vectors)

    def answer(tokens: list[bytes]) -> Iterable[bytes]:
        rows: list[int] = []
        for token in tokens:
            row = row_of(vectors, token)
            yield word_line(token, -1 if row is None else row)
            if row is None:
                yield b"Out of dictionary word!\n"
                return
            rows.append(row)
        units = scores.units(np.array(rows, np.int64))
        query = np.zeros(vectors.dim, np.float32)
        for unit in units:  # one after the other, as the original adds them
            query += unit
        found = scores.best(scores.scaled(query), N_SHOWN, rows, FLOOR)
        yield from table(vectors, TITLE, found, FLOOR)

    answer_lines(PROMPT, answer)
    return 0


command = query_command("distance", distance)
