"""word2vec's text format, as word2vec.c writes it and as its followers write it.

    n_words SPACE dim NEWLINE
    word SPACE number SPACE ... number SPACE NEWLINE        one line per word

Numbers are printed by `%f`: six decimals, so the text is not the float32 that was trained.  The
reader takes any decimal form (gensim writes the shortest digits), lines with or without the last
space, and CR LF.  The first space ends the word.  A file must end with a newline: without it
nobody can tell a whole number from one that was cut off.
"""

from __future__ import annotations

import re
import sys
from typing import BinaryIO

from wordvec.errors import FormatError
from wordvec.formats.blocks import (
    HEADER,
    BlockReader,
    RowStore,
    read_first_line,
    word_blocks,
)
from wordvec.formats.request import ReadRequest
from wordvec.kernels import numbers
from wordvec.vectors import Vectors

NAME = "word2vec-text"
SUFFIXES = (".txt", ".vec")

_NUMBER = re.compile(rb"[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|inf|nan)", re.IGNORECASE)


def sniff(head: bytes) -> bool:
    """Could a file that starts with `head` (some kB) be of this format?

    Half of the first row's numbers are enough, so that a damaged text file is reported as
    such, and not as a strange binary one.
    """
    match = HEADER.match(head)
    if match is None:
        return False
    line, newline, _ = head[match.end() :].partition(b"\n")
    word, space, values = line.partition(b" ")
    if not space:
        return bool(newline) or not word
    tokens = values.split()
    n_expected = int(match[2])
    if not newline:  # the head ends within the row, perhaps within its last token
        tokens = tokens[:-1] or tokens
        n_expected = len(values) // 32  # few numbers are longer
    n_numbers = sum(_NUMBER.fullmatch(token) is not None for token in tokens)
    return n_numbers * 2 >= max(1, n_expected, len(tokens))


def read(reader: BlockReader, request: ReadRequest) -> Vectors:
    """Read words and float32[n_words, dim]; each number is the float32 nearest to its text.

    Words may occur twice; "0 100" with no lines is a valid file.  Raises FormatError.
    """
    store, n_rows = read_first_line(reader, request, lambda dim: 2 * dim + 1)
    _read_rows(reader, store)
    if store.n_read < store.n_rows:
        raise _cut_short(reader, store.n_read, n_rows)
    if store.n_rows == n_rows:
        reader.expect_end(n_rows)
    return store.finish()


def read_headless(reader: BlockReader, request: ReadRequest) -> Vectors:
    """As `read`, for a file without the first line (GloVe's): the first row gives the dimensions,
    the end of the file the number of words."""
    dim = _dim_of_first_row(reader)
    store = RowStore(reader, request.n_wanted(sys.maxsize), dim, False, request)
    _read_rows(reader, store)
    if store.n_read < store.n_rows and reader.start < reader.stop:
        raise _no_newline(reader, f"word {store.n_read + 1}")
    return store.finish()


def _dim_of_first_row(reader: BlockReader) -> int:
    while (end := reader.buffer.find(b"\n", reader.start, reader.stop)) < 0:
        if not reader.fill():
            break
    if reader.start == reader.stop:
        raise reader.error("a word and its numbers", "no bytes")
    if end < 0:
        raise _no_newline(reader, "word 1")
    dim = len(bytes(reader.buffer[reader.start : end]).partition(b" ")[2].split())
    if dim < 1:
        raise reader.error("a word and its numbers", reader.excerpt(reader.start))
    return dim


def _read_rows(reader: BlockReader, store: RowStore) -> None:
    """Read whole lines until the store or the stream is at its end."""
    while store.n_read < store.n_rows:
        stop = reader.buffer.rfind(b"\n", reader.start, reader.stop) + 1
        if stop <= reader.start:
            if not reader.fill():
                return
            continue
        words = store.word_buffer(stop - reader.start)
        n_read, n_word_bytes, position, problem = numbers.read_text_rows(
            reader.buffer, reader.start, stop, store.free_rows(), words
        )
        if problem:
            row = store.n_read + n_read + 1
            raise _explain(reader, problem, position, row, store.dim)
        store.take_rows(n_read, n_word_bytes)
        reader.start = position


def _cut_short(reader: BlockReader, n_read: int, n_rows: int) -> FormatError:
    if reader.start == reader.stop:
        found = f"the end of the file after {n_read}"
        return reader.error(f"{n_rows} words", found, hint="the file is cut short")
    return _no_newline(reader, f"word {n_read + 1} of {n_rows}")


def _no_newline(reader: BlockReader, row: str) -> FormatError:
    return reader.error(
        f"a newline at the end of {row}",
        "the end of the file",
        at=reader.stop,
        hint="the file is cut short; if it is whole, append a newline",
    )


def _explain(reader: BlockReader, problem: int, position: int, row: int, dim: int) -> FormatError:
    if problem == numbers.TOO_FEW_NUMBERS:
        return reader.error(f"{dim} numbers for word {row}", "the end of the line", at=position)
    if problem == numbers.TOO_MANY_NUMBERS:
        found = reader.excerpt(position)
        hint = "a word with a space in it, or a wrong first line"
        return reader.error(f"the end of word {row} after {dim} numbers", found, position, hint)
    return reader.error(
        f"a number of word {row}", reader.excerpt(position), position, "a word with a space in it?"
    )


def write(stream: BinaryIO, vectors: Vectors, path: str = "output") -> None:
    """Write what word2vec.c writes with `-binary 0`, byte for byte.

    Not finite numbers are written as printf does (inf, -inf, nan, -nan).
    """
    words, matrix = vectors.words, vectors.matrix
    stream.write(f"{matrix.shape[0]} {matrix.shape[1]}\n".encode("ascii"))
    out = bytearray(1)
    for blob, rows, n_bytes in word_blocks(words, matrix, 2, numbers.MAX_FIXED6_BYTES, path):
        out = out if len(out) >= n_bytes else bytearray(n_bytes)
        stream.write(memoryview(out)[: numbers.write_text_rows(blob, rows, out)])
