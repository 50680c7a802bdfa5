"""`wordvec word-analogy`: a is to b as c is to what, in the original tool's words."""

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

PROMPT = b"Enter three words (EXIT to break): "
TITLE = b"              Distance"
FLOOR = 0.0
SENTENCE_END = b"</s>"


def word_analogy(ctx: click.Context, file: str) -> int:
    """Show what is to the third word of a line as the second is to the first.

    Lines come from standard input; EXIT or the end of input ends it. Output is that of the
    original tool, byte for byte; FILE may be of any format that wordvec reads.

    \b
    Example:
      echo 'man king woman' | wordvec word-analogy vectors.bin
    """
    vectors = load_vectors(ctx, file)
    scores = OriginalScores(vectors)

    def answer(tokens: list[bytes]) -> Iterable[bytes]:
        if len(tokens) < 3:
            yield b"Only %d words were entered.. " % len(tokens)
            yield b"three words are needed at the input to perform the calculation\n"
            return
        rows: list[int] = []
        for token in tokens:
            row = row_of(vectors, token)
            yield word_line(token, row or 0)
            # Row 0 means absent to the original, where it always holds </s>.  Files of other
            # programs have a real word there: it can be asked for here.
            if row is None or (row == 0 and token == SENTENCE_END):
                yield b"Out of dictionary word!\n"
                return
            rows.append(row)
        a, b, c = scores.units(np.array(rows[:3], np.int64))
        query = scores.scaled(np.asarray(b - a + c))
        yield from table(vectors, TITLE, scores.best(query, N_SHOWN, rows, FLOOR), FLOOR)

    answer_lines(PROMPT, answer)
    return 0


command = query_command("word-analogy", word_analogy)
