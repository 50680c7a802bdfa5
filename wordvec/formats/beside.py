"""Words that lie in a text file beside the file of vectors, one a line."""

from __future__ import annotations

import os
import re
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import FormatError
from wordvec.formats.tensors import open_regular
from wordvec.vectors import Vectors
from wordvec.words import WordList

_STEP_WORDS = 1 << 16
_COUNTED_LINE = re.compile(rb"(.*)[ \t](\d{1,18})\r?", re.DOTALL)


def find_beside(path: str, candidates: list[str], what: str) -> str:
    """The first of the files `candidates` that exists."""
    for name in candidates:
        if os.path.isfile(name):
            return name
    listed = ", ".join(os.path.basename(name) for name in candidates)
    raise FormatError(path, None, f"a file with the words beside it ({what})", f"none of {listed}")


def read_lines(path: str) -> WordList:
    """The lines of a file as words, without their newlines; the last one may lack its newline.

    Nothing is stripped: a word may be empty, or hold blanks and carriage returns.
    """
    stream, n_bytes = open_regular(path, "a file with one word a line")
    with stream:
        text = bytearray(n_bytes)
        n_read = 0
        while n_read < n_bytes:
            n_more = stream.readinto(memoryview(text)[n_read:])  # type: ignore[attr-defined]
            if not n_more:
                raise FormatError(path, n_read, f"{n_bytes} bytes", "the end of the file")
            n_read += n_more
    if text and not text.endswith(b"\n"):
        text += b"\n"
    data = np.frombuffer(text, np.uint8)
    is_newline = data == ord("\n")
    n_words = int(np.count_nonzero(is_newline))
    ends = (np.flatnonzero(is_newline) - np.arange(n_words)).astype(np.uint64)
    return WordList(data[~is_newline], ends)


def split_counts(lines: WordList) -> tuple[WordList, NDArray[np.int64] | None]:
    """(words, counts) when every line is a word, a blank and a number; else the lines as they are.

    Counts that are all 0 are unknown ones.
    """
    words: list[bytes] = []
    counts = np.empty(len(lines), np.int64)
    for row in range(len(lines)):
        match = _COUNTED_LINE.fullmatch(lines.word_bytes(row))
        if match is None:
            return lines, None
        words.append(match[1])
        counts[row] = int(match[2])
    ends = np.cumsum(np.fromiter(map(len, words), np.uint64, len(words)), dtype=np.uint64)
    made = WordList(np.frombuffer(b"".join(words), np.uint8), ends)
    return made, counts if counts.any() else None


def write_lines(stream: BinaryIO, vectors: Vectors, path: str, *, with_counts: bool) -> None:
    """One word a line, with its count (0 when unknown) behind a blank if asked for.

    FormatError for words that would be read back as something else.
    """
    words = vectors.words
    counts = vectors.counts
    forbidden = b" \t\n\r\v\f" if with_counts else b"\n"
    for first in range(0, len(words), _STEP_WORDS):
        lines = []
        for row in range(first, min(first + _STEP_WORDS, len(words))):
            word = words.word_bytes(row)
            if any(byte in forbidden for byte in word) or (with_counts and not word):
                kind = "without white space" if with_counts else "without newline"
                raise FormatError(
                    path, None, f"words {kind}", f"word {row}: {words[row]!r:.60}", "rename it"
                )
            if with_counts:
                word += b" %d" % (0 if counts is None else counts[row])
            lines.append(word + b"\n")
        stream.write(b"".join(lines))
