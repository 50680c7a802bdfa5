"""What gensim's word2vec files have of their own: shortest digits, no newline after a binary
record, a chosen order of words; counts in a file beside; no word twice.

Reading goes through word2vec_text and word2vec_binary, which take these files as well.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import FormatError
from wordvec.formats import writing
from wordvec.formats.writing import RowWriter, encoded_words, text_rows
from wordvec.kernels import numbers
from wordvec.vectors import Matrix
from wordvec.words import WordList

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
    write_rows: RowWriter = partial(numbers.write_binary_rows, newline=False)
    n_number_bytes = 4
    if not binary:
        write_rows = text_rows(numbers.STYLE_SHORTEST)
        n_number_bytes = numbers.MAX_NUMBER_BYTES
    for first in range(0, len(order), _STEP_ROWS):
        step = order[first : first + _STEP_ROWS]
        names = encoded_words([prefix + words[row] for row in step], path)
        rows = np.asarray(matrix[step], dtype=np.float32)
        if binary and sys.byteorder == "big":
            rows = rows.byteswap()
        yield from writing.records(names, rows, path, write_rows, n_number_bytes)


def drop_duplicates(words: WordList, matrix: Matrix) -> tuple[WordList, Matrix]:
    """Keep the first of equal words, with a warning for each other one."""
    first_rows = words.first_rows()
    is_first = first_rows == np.arange(len(words))
    if is_first.all():
        return words, matrix
    for row in np.flatnonzero(~is_first).tolist():
        logger.warning("duplicate word '%s' in word2vec file, ignoring all but first", words[row])
    kept = WordList.of_bytes([words.word_bytes(row) for row in np.flatnonzero(is_first).tolist()])
    return kept, np.asarray(matrix[is_first])


def counts_of(words: Sequence[str], path: str, encoding: str, errors: str) -> NDArray[np.int64]:
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
