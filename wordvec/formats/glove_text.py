"""GloVe's text format: word2vec's without the first line.

    word SPACE number SPACE ... number NEWLINE        one line per word, numbers by `%f`

The number of dimensions is the smallest number of fields, less one, among the first lines.  Words
may hold spaces (the published 840B file has some: ". . ."): where the first space does not end
the word, the last `dim` fields are the numbers.
"""

from __future__ import annotations

import sys
from typing import BinaryIO

from wordvec.errors import FormatError
from wordvec.formats.blocks import HEADER, BlockReader
from wordvec.formats.lines import LineReading, no_newline
from wordvec.formats.request import ReadRequest
from wordvec.formats.rows import RowStore
from wordvec.formats.word2vec_text import NUMBER
from wordvec.formats.writing import encoded_words, text_rows, write_records
from wordvec.kernels import numbers
from wordvec.vectors import Vectors

NAME = "glove-text"
SUFFIXES: tuple[str, ...] = (".glove",)

_HEAD_BYTES = 1 << 16
_MAX_HEAD_LINES = 100


def sniff(head: bytes) -> bool:
    """Could a file that starts with `head` (some kB) be of this format?

    Each of the first lines must end in the same number of numbers, two at least.
    """
    if HEADER.match(head):
        return False
    lines = head.split(b"\n")
    whole = lines[:-1] or lines  # a first line longer than the head
    dim = _dim_of(whole)
    if dim < 2 and not (dim == 1 and len(whole) > 1):
        return False
    if len(lines) == 1:
        return len(head) >= _HEAD_BYTES and all(map(NUMBER.fullmatch, head.split()[1:-1]))
    tails = (line.split()[-dim:] for line in whole[:_MAX_HEAD_LINES])
    return all(NUMBER.fullmatch(token) for tail in tails for token in tail)


def _dim_of(lines: list[bytes]) -> int:
    fields = (len(line.partition(b" ")[2].split()) for line in lines[:_MAX_HEAD_LINES])
    return min(fields, default=0)


def read(reader: BlockReader, request: ReadRequest) -> Vectors:
    """Read words and float32[n_words, dim]; each number is the float32 nearest to its text.

    The end of the file tells the number of words.  Raises FormatError.
    """
    dim = _read_dim(reader)
    store = RowStore(reader, request.n_wanted(sys.maxsize), dim, False, request)
    n_read = LineReading(reader, store, spaces_allowed=True).run()
    if n_read < store.n_rows and reader.start < reader.stop:
        raise no_newline(reader, f"word {n_read + 1}")
    return store.finish()


def _read_dim(reader: BlockReader) -> int:
    reader.head(_HEAD_BYTES)
    while reader.buffer.find(b"\n", reader.start, reader.stop) < 0:
        if not reader.fill():
            break
    if reader.start == reader.stop:
        raise reader.error("a word and its numbers", "no bytes")
    lines = bytes(reader.buffer[reader.start : reader.stop]).split(b"\n", _MAX_HEAD_LINES)
    if len(lines) == 1:
        raise no_newline(reader, "word 1")
    dim = _dim_of(lines[:-1])
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
