"""What GloVe's four tools share: their manner of flags, and lines on stderr."""

from __future__ import annotations

import errno
import math
import os
import sys
from typing import Any

import click

from .flags import OriginalCommand, Value, whole_number
from .main import EXIT_ERROR
from .numerals import read_number

GIBIBYTE = 1 << 30
MOST_THREADS = 8


class GloveCommand(OriginalCommand):
    """A flag without its value is told in the words of GloVe's tools.

    `runs_alone`: without arguments the tool runs, instead of showing its help.
    """

    no_value_text = "No argument given for {}"

    def __init__(self, name: str, *, runs_alone: bool = False, **settings: Any) -> None:
        super().__init__(name, **settings)
        self.needs_arguments = not runs_alone

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BaseException:
            _lines.end()  # the error's line is one of its own
            raise


class _Lines:
    """What the tools say on stderr; a line of theirs may stand unfinished."""

    unfinished = False

    def tell(self, text: str) -> None:
        self.unfinished = not text.endswith("\n")
        sys.stderr.buffer.write(text.encode("utf-8", "surrogateescape"))
        sys.stderr.buffer.flush()

    def end(self) -> None:
        if self.unfinished:
            self.tell("\n")


_lines = _Lines()
tell = _lines.tell


def need_readable(what: str, name: str) -> None:
    """End with the original's three lines when a file cannot be read."""
    try:
        if os.path.isdir(name):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        os.close(os.open(name, os.O_RDONLY))
    except OSError as error:
        tell(f"Unable to open {what} {name}.\nErrno: {error.errno}\n")
        tell(f"Error description: {error.strerror}\n")
        raise click.exceptions.Exit(EXIT_ERROR) from None


def _read_memory(text: str) -> float | None:
    size = read_number(text)
    return size if size is not None and 0 < size < math.inf else None


MEMORY = Value("GIB", "a size in GiB above 0, such as 4.0", _read_memory)
NAME = Value("FILE", "a file name", lambda text: text or None)


def verbose_flag(levels: str) -> click.Option:
    return click.Option(
        ["-verbose", "verbose"], type=whole_number(0, 2**31 - 1), metavar="N", default=2,
        help=f"{levels} (default 2); messages go to stderr",
    )  # fmt: skip


def threads_flag(help: str) -> click.Option:
    return click.Option(
        ["-threads", "threads"], type=whole_number(1, 4096), metavar="N", default=None,
        help=f"{help} (default: the processor's cores, at most {MOST_THREADS})",
    )  # fmt: skip


def n_threads_of(threads: int | None) -> int:
    return threads or min(len(os.sched_getaffinity(0)), MOST_THREADS)


def n_bytes_of(gibibytes: float) -> int:
    """-memory in bytes; at least one."""
    return max(1, int(min(gibibytes, 2.0**30) * GIBIBYTE))


def folder_of(prefix: str) -> str:
    """Where temporary files go: the folder that the original's prefix names."""
    return os.path.dirname(prefix) or "."
