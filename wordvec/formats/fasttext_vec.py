"""fastText's .vec files: word2vec's text format with five digits a number.

    n_words SPACE dim NEWLINE
    word SPACE number SPACE ... number SPACE NEWLINE        one line per word, numbers by `%.5g`

Nothing in such a file tells it from word2vec's, whose reader reads it; this module is what the
name .vec means when a file is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from wordvec.formats.writing import text_rows, write_records
from wordvec.kernels import numbers
from wordvec.vectors import Vectors

if TYPE_CHECKING:
    from wordvec.formats.blocks import BlockReader
    from wordvec.formats.request import ReadRequest

NAME = "fasttext-vec"
SUFFIXES: tuple[str, ...] = (".vec",)
ROUNDED_TO = "%.5g"


def read(reader: BlockReader, request: ReadRequest) -> Vectors:
    """Word vectors, as word2vec's text format has them."""
    from wordvec.formats import word2vec_text  # not needed to write

    return word2vec_text.read(reader, request)


def sniff(head: bytes) -> bool:
    """False: word2vec_text reads these files."""
    return False


def write(stream: BinaryIO, vectors: Vectors, path: str = "output") -> None:
    """Write what fastText writes for the same numbers, byte for byte."""
    stream.write(f"{vectors.matrix.shape[0]} {vectors.matrix.shape[1]}\n".encode("ascii"))
    style = text_rows(numbers.STYLE_GENERAL5_AND_SPACE)
    write_records(stream, vectors, path, style, numbers.MAX_NUMBER_BYTES)
