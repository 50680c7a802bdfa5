"""GloVe's text format: word2vec's without the first line.

    word SPACE number SPACE ... number NEWLINE        one line per word, numbers by `%f`

The first line tells the number of dimensions; its word has no space.  Other words may hold spaces
(the published 840B file has some: ". . ."): where the first space does not end the word, the last
`dim` fields are the numbers.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import FormatError
from wordvec.formats.blocks import HEADER, BlockReader
from wordvec.formats.lines import LineReading, no_newline
from wordvec.formats.request import ReadRequest
from wordvec.formats.rows import RowStore
from wordvec.formats.word2vec_text import NUMBER
from wordvec.formats.writing import BLOCK_BYTES, encoded_words, text_rows, write_records
from wordvec.kernels import numbers
from wordvec.vectors import Vectors
from wordvec.words import WordList

NAME = "glove-text"
SUFFIXES: tuple[str, ...] = (".glove", ".glove.txt")
ROUNDED_TO = "%.6f"

UNKNOWN = b"<unk>"  # stands for rare words in a last line that glove adds

_MIN_NUMBERS = 2  # in a first line without a newline in what is seen of it


def sniff(head: bytes) -> bool:
    """Could a file that starts with `head` (some kB) be of this format?

    After its first word the first line must hold nothing but numbers: two, or one if the second
    line is such a line as well.
    """
    if HEADER.match(head):
        return False
    line, newline, rest = head.partition(b"\n")
    n_numbers = _n_numbers(line, bool(newline))
    if n_numbers >= _MIN_NUMBERS:
        return True
    second, newline, _ = rest.partition(b"\n")
    return n_numbers == 1 and bool(newline) and _n_numbers(second, True) == 1


def _n_numbers(line: bytes, is_whole: bool) -> int:
    """How many numbers follow the word; 0 when other things do."""
    tokens = line.partition(b" ")[2].split()
    if not is_whole:
        tokens = tokens[:-1]
    return len(tokens) if all(map(NUMBER.fullmatch, tokens)) else 0


def read(reader: BlockReader, request: ReadRequest, spaces_allowed: bool = True) -> Vectors:
    """Read words and float32[n_words, dim]; each number is the float32 nearest to its text.

    The end of the file tells the number of words.  `spaces_allowed`: in words.  Raises
    FormatError.
    """
    dim = _read_dim(reader)
    store = RowStore(reader, request.n_wanted(sys.maxsize), dim, False, request)
    n_read = LineReading(reader, store, spaces_allowed).run()
    if n_read < store.n_rows and reader.start < reader.stop:
        raise no_newline(reader, f"word {n_read + 1}")
    return store.finish()


def _read_dim(reader: BlockReader) -> int:
    while (end := reader.buffer.find(b"\n", reader.start, reader.stop)) < 0:
        if not reader.fill():
            break
    if reader.start == reader.stop:
        raise reader.error("a word and its numbers", "no bytes")
    if end < 0:
        raise no_newline(reader, "word 1")
    dim = len(bytes(reader.buffer[reader.start : end]).partition(b" ")[2].split())
    if dim < 1:
        raise reader.error("a word and its numbers", reader.excerpt(reader.start))
    return dim


def write(stream: BinaryIO, vectors: Vectors, path: str = "output") -> None:
    """Write what GloVe writes for the same numbers, byte for byte.

    FormatError for no words, which the format cannot tell from no vectors, and for a first word
    with a space, which would be read as one dimension more.
    """
    words = encoded_words(vectors.words, path)
    if not len(words):
        raise FormatError(path, None, "one word at least, for a file without a first line", "none")
    if b" " in words.word_bytes(0):
        found = f"{words[0]!r:.200}"
        raise FormatError(path, None, "a first word without spaces", found)
    style = text_rows(numbers.STYLE_FIXED6)
    write_records(stream, vectors, path, style, numbers.MAX_NUMBER_BYTES, spaces_allowed=True)


def write_training(
    stream: BinaryIO,
    words: WordList,
    rows_of: Callable[[int, int], NDArray[np.float32]],
    unknown: NDArray[np.float32] | None = None,
    header: tuple[int, int] | None = None,
) -> None:
    """Write what glove itself writes: rows_of(first, end) is float32[end - first, n].

    unknown  float32[1, n]: a last line `<unk>`, which the header does not count
    header   (words, dimensions) for a first line
    """
    if header is not None:
        stream.write(b"%d %d\n" % header)
    n_numbers = rows_of(0, 1).shape[1]
    n_block = max(1, BLOCK_BYTES // (n_numbers * numbers.MAX_NUMBER_BYTES))
    for first in range(0, len(words), n_block):
        _write_rows(stream, words, first, rows_of(first, min(first + n_block, len(words))))
    if unknown is not None:
        _write_rows(stream, WordList.of_bytes([UNKNOWN]), 0, unknown)


def _write_rows(stream: BinaryIO, words: WordList, first: int, rows: NDArray[np.float32]) -> None:
    ends = words.ends
    n_bytes = int(ends[first + len(rows) - 1]) - (int(ends[first - 1]) if first else 0)
    out = bytearray(n_bytes + len(rows) * (2 + rows.shape[1] * numbers.MAX_NUMBER_BYTES))
    n = numbers.write_text_rows(words.data, ends, first, rows, out, numbers.STYLE_FIXED6)
    stream.write(memoryview(out)[:n])
