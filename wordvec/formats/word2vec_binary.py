"""word2vec's binary format.

    n_words SPACE dim NEWLINE
    word SPACE float32 x dim (little-endian) NEWLINE        one record per word

The reader takes files without the newline after each record (gensim's).  A word cannot begin with
or hold a newline: the original tools drop newlines there.
"""

from __future__ import annotations

import sys
from typing import BinaryIO

import numpy as np

from wordvec.formats.blocks import HEADER, BlockReader, read_first_line, word_blocks
from wordvec.formats.request import ReadRequest
from wordvec.kernels import numbers
from wordvec.vectors import Vectors

NAME = "word2vec-binary"
SUFFIXES = (".bin",)


def sniff(head: bytes) -> bool:
    """Could a file that starts with `head` (some kB) be of this format?

    The header line is all there is to see; ask for the text format first.
    """
    return HEADER.match(head) is not None


def read(reader: BlockReader, request: ReadRequest) -> Vectors:
    """Read words and float32[n_words, dim], the bits as they are in the file.

    Words may occur twice; "0 100" with no records is a valid file.  Raises FormatError.
    """
    store, n_rows = read_first_line(reader, request, lambda dim: 4 * dim + 1)
    n_wanted, dim = store.n_rows, store.dim
    while store.n_read < n_wanted:
        words = store.word_buffer(reader.stop - reader.start)
        rows = store.free_rows()
        n_read, n_word_bytes, position, problem = numbers.read_binary_rows(
            reader.buffer, reader.start, reader.stop, rows, words
        )
        if sys.byteorder == "big":
            rows[:n_read].byteswap(inplace=True)
        store.take_rows(n_read, n_word_bytes)
        reader.start = position
        if problem:
            raise reader.error(
                f"word {store.n_read + 1} of {n_rows} and a space",
                reader.excerpt(position),
                hint="a wrong number of dimensions in the first line?",
            )
        if store.n_read < n_wanted and n_read == 0 and not reader.fill():
            raise reader.error(
                f"word {store.n_read + 1} of {n_rows} and {4 * dim} bytes",
                f"{reader.stop - reader.start} bytes",
                hint="the file is cut short",
            )
    if n_wanted == n_rows:
        reader.expect_end(n_rows)
    return store.finish()


def write(stream: BinaryIO, vectors: Vectors, path: str = "output") -> None:
    """Write what word2vec.c writes with `-binary 1`, byte for byte."""
    words, matrix = vectors.words, vectors.matrix
    stream.write(f"{matrix.shape[0]} {matrix.shape[1]}\n".encode("ascii"))
    out = bytearray(1)
    for blob, rows, n_bytes in word_blocks(words, matrix, 2, 4, path):
        if sys.byteorder == "big":
            rows = np.ascontiguousarray(rows).byteswap()
        out = out if len(out) >= n_bytes else bytearray(n_bytes)
        stream.write(memoryview(out)[: numbers.write_binary_rows(blob, rows, out)])
