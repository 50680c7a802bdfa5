"""What gensim's word2vec files have of their own: shortest digits, no newline after a binary
record, a chosen order of words; counts in a file beside; no word twice.

Reading goes through word2vec_text and word2vec_binary, which take these files as well.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import FormatError
from wordvec.formats.blocks import Matrix, word_blocks
from wordvec.kernels import numbers

logger = logging.getLogger(__name__)

_STEP_ROWS = 4096


def records(
    words: Sequence[str],
    matrix: Matrix,
    order: NDArray[np.intp],
    prefix: str,
    binary: bool,
    path: str,
) -> Iterator[bytes | memoryview]:
    """The bytes after the header for the rows in `order`, each word behind `prefix`.

    A piece is valid until the next one is asked for.  FormatError for words with a space, which
    gensim writes and then cannot read.
    """
    out = bytearray(1)
    for first in range(0, len(order), _STEP_ROWS):
        step = order[first : first + _STEP_ROWS]
        names = [prefix + words[row] for row in step]
        for blob, rows, n_bytes in word_blocks(
            names, matrix[step], 2, numbers.MAX_FIXED6_BYTES, path
        ):
            if binary:
                floats = rows.astype("<f4")
                for word, row in zip(blob.split(b"\n"), floats, strict=False):
                    yield word + b" " + row.tobytes()
                continue
            out = out if len(out) >= n_bytes else bytearray(n_bytes)
            yield memoryview(out)[: numbers.write_text_rows(blob, rows, out, shortest=True)]


def drop_duplicates(words: list[str], matrix: Matrix) -> tuple[list[str], Matrix]:
    """Keep the first of equal words, with a warning for each other one."""
    if len(set(words)) == len(words):
        return words, matrix
    first_rows: dict[str, int] = {}
    for row, word in enumerate(words):
        if first_rows.setdefault(word, row) != row:
            logger.warning("duplicate word '%s' in word2vec file, ignoring all but first", word)
    return list(first_rows), np.asarray(matrix[list(first_rows.values())])


def counts_of(words: list[str], path: str, encoding: str, errors: str) -> NDArray[np.int64]:
    """int64[n_words] from a file of counts; 0, with a warning, for words that it lacks."""
    table = read_counts(path, encoding, errors)
    for word in words:
        if word not in table:
            logger.warning("vocabulary file is incomplete: '%s' is missing", word)
    return np.array([table.get(word, 0) for word in words], dtype=np.int64)


def read_counts(path: str, encoding: str, errors: str) -> dict[str, int]:
    """Read lines `word count`, as word2vec.c's -save-vocab writes them."""
    table = {}
    offset = 0
    with open(path, "rb") as lines:
        for line in lines:
            fields = line.decode(encoding, errors).split(" ")
            if len(fields) != 2 or not fields[1].strip().isdecimal():
                raise FormatError(path, offset, "a word and its count", repr(line[:40])[1:])
            table[fields[0]] = int(fields[1])
            offset += len(line)
    return table
