"""What the original query tools have in common: their argument, their prompt, their tables."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from .main import complain

if TYPE_CHECKING:
    from wordvec.vectors import Vectors

EXIT_NO_FILE = 255  # the originals return -1 from main
N_SHOWN = 40
RULE = b"-" * 72
HELP_FLAGS = ("--help", "-h", "-help")


class OriginalQuery(click.Command):
    """A command of the form `tool FILE [MORE]`; no arguments print the usage and exit 0."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] in HELP_FLAGS:
            click.echo(self.get_help(ctx))
            ctx.exit()
        n_taken = len(self.params)
        if len(args) > n_taken:
            # The originals never look at them; scripts may have grown some.
            complain(f"{ctx.command_path}: note: ignored: {' '.join(args[n_taken:])}")
        # Not an option, even if the name begins with a dash.
        return super().parse_args(ctx, ["--", *args[:n_taken]])

    def get_help_option(self, ctx: click.Context) -> None:
        return None


def query_command(name: str, callback: Callable[..., Any], *more: click.Parameter) -> OriginalQuery:
    """The click command `name FILE [more]` that calls `callback(ctx, file, ...)`."""
    file = click.Argument(["file"], metavar="FILE", type=click.Path())
    return OriginalQuery(
        name,
        params=[file, *more],
        callback=click.pass_context(callback),
        help=callback.__doc__,
        add_help_option=False,
    )


def load_vectors(ctx: click.Context, path: str, n_words: int | None = None) -> Vectors:
    """The vectors of a file in any format; ends the command as the originals do without a file."""
    import wordvec

    try:
        return wordvec.load(path, limit=n_words)
    except OSError as error:
        sys.stdout.buffer.write(b"Input file not found\n")
        sys.stdout.flush()
        complain(f"{ctx.command_path}: {path}: {error.strerror or error}")
        ctx.exit(EXIT_NO_FILE)


def answer_lines(prompt: bytes, answer: Callable[[list[bytes]], Iterable[bytes]]) -> None:
    """Prompt, read a line, write its answer; until a line EXIT or the end of input.

    The originals do not notice the end of input and print for ever.
    """
    out, lines = sys.stdout.buffer, standard_input()
    while True:
        out.write(prompt)
        out.flush()
        line = lines.readline()
        if not line and sys.stdout.isatty():
            out.write(b"\n")  # Ctrl-D: the shell's prompt belongs on a line of its own
        if not line or line.removesuffix(b"\n") == b"EXIT":
            break
        for piece in answer(tokens_of(line.removesuffix(b"\n"))):
            out.write(piece)
    out.flush()


def standard_input() -> BinaryIO:
    """Standard input; an empty stream when the process was started without one."""
    return io.BytesIO() if sys.stdin is None else sys.stdin.buffer


def tokens_of(line: bytes) -> list[bytes]:
    """The words of a query line, split as in the originals.

    One space ends a word, and the byte after it always belongs to the next one, even if it is a
    space: `a  b` gives `a` and ` b`, which no vocabulary holds.  A blank line is one empty word
    (the originals would read what the previous line left in the buffer).
    """
    tokens: list[bytes] = []
    start = 0
    while True:
        end = line.find(b" ", start + 1)
        if end < 0:
            return [*tokens, line[start:]]
        tokens.append(line[start:end])
        start = end + 1


def row_of(vectors: Vectors, word: bytes) -> int | None:
    """The row of a word given as bytes, which need not be UTF-8; None if it is absent."""
    try:
        return vectors.index_of(word.decode("utf-8", "surrogateescape"))
    except KeyError:
        return None


def word_line(word: bytes, position: int) -> bytes:
    return b"\nWord: %b  Position in vocabulary: %d\n" % (word, position)


def table(
    vectors: Vectors, title: bytes, found: list[tuple[int, float]], floor: float
) -> Iterable[bytes]:
    """The heading and N_SHOWN lines; those that stay empty show `floor`, the score to beat."""
    yield b"\n%50b%b\n%b\n" % (b"Word", title, RULE)
    for row, score in found:
        word = os.fsencode(vectors.words[row])
        yield b"%50b\t\t%f\n" % (word, score)
    for _ in range(N_SHOWN - len(found)):
        yield b"%50b\t\t%f\n" % (b"", floor)
