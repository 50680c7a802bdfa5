"""Lines of evaluation sets: small text files that people collect, edit and rename."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from typing import NamedTuple

from wordvec.errors import FormatError

# A longer line is no list of words: somebody named a corpus or a binary file.
MAX_LINE_BYTES = 1 << 16
BOM = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """One line that holds something: its number from 1, and its text without line end."""

    number: int
    text: str


def read_lines(path: str) -> Iterator[Line]:
    """The lines of a text file that are not blank; bytes that are not UTF-8 survive as
    surrogates.  FormatError for what is no text; OSError when it cannot be opened."""
    if os.path.isdir(path):
        raise FormatError(path, None, "a file", "a folder")
    with open(path, "rb") as stream:
        for number in itertools.count(1):
            raw = stream.readline(MAX_LINE_BYTES + 1)
            if not raw:
                return
            if number == 1:
                raw = raw.removeprefix(BOM)
            if len(raw) > MAX_LINE_BYTES:
                found = f"a line of more than {MAX_LINE_BYTES} bytes"
                raise FormatError(path, None, "an evaluation set", found, line=number)
            if b"\0" in raw:
                found = "a byte 0 (UTF-16, or a binary file)"
                raise FormatError(path, None, "text in UTF-8", found, line=number)
            text = raw.decode("utf-8", "surrogateescape").rstrip("\r\n")
            if text.strip():
                yield Line(number, text)


def excerpt(text: str) -> str:
    """A line as it is shown in a message."""
    return repr(text if len(text) <= 60 else text[:57] + "...")


def name_of(path: str) -> str:
    """A set is called as its file is, without folder and suffix."""
    return os.path.splitext(os.path.basename(os.path.normpath(path)))[0]
