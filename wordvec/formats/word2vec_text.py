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
from typing import BinaryIO

from wordvec.errors import FormatError
from wordvec.formats.blocks import HEADER, BlockReader
from wordvec.formats.lines import LineReading, no_newline
from wordvec.formats.request import ReadRequest
from wordvec.formats.rows import read_first_line
from wordvec.formats.writing import text_rows, write_records
from wordvec.kernels import numbers
from wordvec.vectors import Vectors

NAME = "word2vec-text"
SUFFIXES: tuple[str, ...] = (".txt",)
ROUNDED_TO = "%.6f"

UNKNOWN = b"<unk> "

NUMBER = re.compile(rb"[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|inf|nan)", re.IGNORECASE)


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
    n_numbers = sum(NUMBER.fullmatch(token) is not None for token in tokens)
    return n_numbers * 2 >= max(1, n_expected, len(tokens))


def read(reader: BlockReader, request: ReadRequest) -> Vectors:
    """Read words and float32[n_words, dim]; each number is the float32 nearest to its text.

    Words may occur twice; "0 100" with no lines is a valid file.  Raises FormatError.
    """
    store, n_rows = read_first_line(reader, request, lambda dim: 2 * dim + 1)
    reading = LineReading(reader, store)
    n_read = reading.run()
    if n_read < store.n_rows:
        raise _cut_short(reader, n_read, n_rows)
    if store.n_rows < n_rows:
        return store.finish()
    has_unknown = _unknown_follows(reader)
    if has_unknown and request.n_wanted(n_rows + 1) > n_rows:
        store.n_rows += 1
        if reading.run() < store.n_rows:
            raise no_newline(reader, "the line of <unk>")
        has_unknown = False
    if not has_unknown:  # that `limit` leaves out
        reader.expect_end(store.n_rows)
    return store.finish()


def _unknown_follows(reader: BlockReader) -> bool:
    """GloVe's `-write-header 1` does not count the line of `<unk>` that it adds at the end."""
    while reader.stop - reader.start < len(UNKNOWN) and reader.fill():
        pass
    return reader.buffer.startswith(UNKNOWN, reader.start, reader.stop)


def _cut_short(reader: BlockReader, n_read: int, n_rows: int) -> FormatError:
    if reader.start == reader.stop:
        found = f"the end of the file after {n_read}"
        return reader.error(f"{n_rows} words", found, hint="the file is cut short")
    return no_newline(reader, f"word {n_read + 1} of {n_rows}")


def write(stream: BinaryIO, vectors: Vectors, path: str = "output") -> None:
    """Write what word2vec.c writes with `-binary 0`, byte for byte.

    Not finite numbers are written as printf does (inf, -inf, nan, -nan).
    """
    stream.write(f"{vectors.matrix.shape[0]} {vectors.matrix.shape[1]}\n".encode("ascii"))
    style = text_rows(numbers.STYLE_FIXED6_AND_SPACE)
    write_records(stream, vectors, path, style, numbers.MAX_NUMBER_BYTES)
