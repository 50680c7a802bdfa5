"""word2vec's text format with the shortest digits that give every number back, as gensim writes it.

    n_words SPACE dim NEWLINE
    word SPACE number SPACE ... number NEWLINE        one line per word

The layout is word2vec's, whose reader reads it; this module is for asking for such a file by name,
where the six decimals of word2vec-text would round.
"""

from __future__ import annotations

from typing import BinaryIO

from wordvec.formats import word2vec_text
from wordvec.formats.writing import text_rows, write_records
from wordvec.kernels import numbers
from wordvec.vectors import Vectors

NAME = "gensim-text"
SUFFIXES: tuple[str, ...] = ()

read = word2vec_text.read


def sniff(head: bytes) -> bool:
    """False: word2vec_text reads these files."""
    return False


def write(stream: BinaryIO, vectors: Vectors, path: str = "output") -> None:
    """Write what gensim writes for the same numbers, byte for byte; the words in their order."""
    stream.write(f"{vectors.matrix.shape[0]} {vectors.matrix.shape[1]}\n".encode("ascii"))
    style = text_rows(numbers.STYLE_SHORTEST)
    write_records(stream, vectors, path, style, numbers.MAX_NUMBER_BYTES)
