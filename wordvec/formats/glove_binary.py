"""The parameter file of GloVe's `glove -binary 1`, with its vocabulary file beside it.

2 V (D + 1) doubles and nothing else: V word rows, then V context rows, each D numbers and a bias.
V is the number of lines (`WORD COUNT`) of the vocabulary: NAME.vocab.txt or NAME.vocab beside
NAME.bin, else vocab.txt in the same folder, GloVe's default name.  What is read is word plus
context vector without biases, as glove's text file has it (-model 2).  What is written has zeros
for context vectors and biases: read by anybody it gives the same vectors, but it cannot be trained
further as if GloVe had made it.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import FormatError
from wordvec.formats import beside
from wordvec.formats.request import ReadRequest
from wordvec.formats.selection import chosen_rows, decoded_words, round_rows, words_at
from wordvec.formats.tensors import open_regular
from wordvec.vectors import Vectors

NAME = "glove-binary"
SUFFIXES = (".glove.bin",)
NEEDS_FILE = True
WRITES_FILES = True

_DOUBLE = np.dtype("<f8")
_STEP_BYTES = 4 << 20


def sniff(head: bytes) -> bool:
    """A file of plain doubles of the sizes that parameters have; there is nothing surer.

    Text, and float32 numbers of any usual size, give doubles far outside.
    """
    n_whole = len(head) // 8
    if n_whole < 4 or (len(head) < 1 << 12 and len(head) % 16):
        return False
    numbers = np.abs(np.frombuffer(head, _DOUBLE, n_whole))
    if not np.isfinite(numbers).all() or numbers.max() > 1e4:
        return False
    others = numbers[numbers > 0]
    if len(others) < 2:
        return False
    return bool(np.median(others) > 1e-5 and np.mean(others > 1e-9) > 0.99)


def open_file(path: str, request: ReadRequest) -> Vectors:
    """Read the sums of word and context vectors.  Raises FormatError.

    The sums are made in double and rounded once, so the matrix is always a copy.
    """
    stream, n_file_bytes = open_regular(path, "a parameter file of GloVe")
    with stream:
        vocab_path = beside.find_beside(path, _vocab_names(path), "WORD COUNT a line")
        words, counts = beside.split_counts(beside.read_lines(vocab_path))
        n_words = len(words)
        n_column_bytes = 2 * n_words * _DOUBLE.itemsize
        if n_words == 0 or n_file_bytes % n_column_bytes or n_file_bytes < 2 * n_column_bytes:
            expected = f"2 x {n_words} rows of doubles, as {vocab_path} has words"
            hint = "the file is cut short, or the vocabulary is of another model"
            raise FormatError(path, n_file_bytes, expected, f"{n_file_bytes} bytes", hint)
        area = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    parameters = np.frombuffer(area, _DOUBLE).reshape(2, n_words, -1)
    words = decoded_words(words, request)
    rows = chosen_rows(words, request)
    chosen = words_at(words, rows)
    matrix = np.empty((len(chosen), parameters.shape[2] - 1), request.dtype)
    for first, last in _steps(len(chosen), parameters.shape[2]):
        some = slice(first, last) if isinstance(rows, slice) else rows[first:last]
        sums = parameters[0, some, :-1] + parameters[1, some, :-1]
        round_rows(sums, matrix[first:last], path, chosen, first)
    return Vectors(chosen, matrix, None if counts is None else counts[rows])


def _vocab_names(path: str) -> list[str]:
    stem = path.removesuffix(".bin").removesuffix(".glove")
    folder = os.path.dirname(path)
    return [f"{stem}.vocab.txt", f"{stem}.vocab", os.path.join(folder, "vocab.txt")]


def _steps(n_rows: int, n_columns: int) -> Iterator[tuple[int, int]]:
    step = max(1, _STEP_BYTES // (n_columns * _DOUBLE.itemsize))
    for first in range(0, n_rows, step):
        yield first, min(first + step, n_rows)


def read_parameters(path: str, n_words: int, dim: int) -> NDArray[np.float64]:
    """A whole file of parameters or squared gradients, float64[2, n_words, dim + 1], read-only.

    FormatError when its size is not that of `n_words` words with `dim` numbers.
    """
    stream, n_file_bytes = open_regular(path, "a parameter file of GloVe")
    with stream:
        n_bytes = 2 * n_words * (dim + 1) * _DOUBLE.itemsize
        if n_file_bytes != n_bytes:
            expected = f"{n_bytes} bytes: 2 x {n_words} words x {dim + 1} doubles"
            hint = "it is cut short, or of another vocabulary or vector size"
            raise FormatError(path, None, expected, f"{n_file_bytes} bytes", hint)
        area = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    return np.frombuffer(area, _DOUBLE).reshape(2, n_words, dim + 1)


# -- writing ------------------------------------------------------------------------------------


def output_names(path: str) -> list[str]:
    """The files that `write_files` fills for a path: the parameters, the vocabulary."""
    return [path, _vocab_names(path)[0]]


def write_files(streams: list[BinaryIO], vectors: Vectors, path: str) -> None:
    """Write the vectors as word vectors, context vectors and biases of 0, and the vocabulary.

    Unknown counts are written as 0.  FormatError for words with white space and for no words.
    """
    if len(vectors) == 0:
        raise FormatError(path, None, "at least one word, which GloVe needs", "none")
    beside.write_lines(streams[1], vectors, path, with_counts=True)
    n_rows, dim = vectors.matrix.shape
    for first, last in _steps(n_rows, dim + 1):
        block = np.zeros((last - first, dim + 1), _DOUBLE)
        block[:, :-1] = vectors.matrix[first:last]
        streams[0].write(block.data.cast("B"))
    for first, last in _steps(n_rows, dim + 1):
        streams[0].write(bytes((last - first) * (dim + 1) * _DOUBLE.itemsize))


def write_parameters(stream: BinaryIO, blocks: Iterable[NDArray[Any]]) -> None:
    """Write blocks of rows of dim + 1 numbers, word rows first, as glove does."""
    for block in blocks:
        stream.write(np.ascontiguousarray(block, _DOUBLE).data.cast("B"))
