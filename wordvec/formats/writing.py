"""Vectors to a stream of records, block by block: what the writers of formats share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import FormatError
from wordvec.kernels import numbers
from wordvec.plane import n_cores, over_pieces
from wordvec.vectors import AnyMatrix, Matrix, Vectors
from wordvec.words import WordList

BLOCK_BYTES = 1 << 20
BLOCKS_AT_ONCE = 8  # that each thread makes before they are written
NUMBERS_FOR_THREADS = 1 << 21  # from which numbers become text by several threads

# Writes rows whose words are data, ends from `first` on into `out`; gives the bytes used.
RowWriter = Callable[[NDArray[np.uint8], NDArray[np.uint64], int, Matrix, Any], int]


def text_rows(style: int) -> RowWriter:
    """A writer of lines in one of the styles of kernels.numbers."""
    return lambda data, ends, first, rows, out: numbers.write_text_rows(
        data, ends, first, rows, out, style
    )


def write_records(
    stream: BinaryIO,
    vectors: Vectors,
    path: str,
    write_rows: RowWriter,
    n_number_bytes: int,
    spaces_allowed: bool = False,
) -> None:
    """Write a record for each word; FormatError for words that cannot be read back."""
    words = encoded_words(vectors.words, path)
    for piece in records(words, vectors.matrix, path, write_rows, n_number_bytes, spaces_allowed):
        stream.write(piece)


def encoded_words(words: Any, path: str) -> WordList:
    """Words of any kind as a WordList; FormatError when UTF-8 cannot hold them."""
    try:
        return WordList.of(words)
    except UnicodeEncodeError as error:
        found = repr(error.object[error.start : error.end])
        raise FormatError(path, None, "words that UTF-8 can hold", found) from error


def records(
    words: WordList,
    matrix: AnyMatrix,
    path: str,
    write_rows: RowWriter,
    n_number_bytes: int,
    spaces_allowed: bool = False,
) -> Iterator[memoryview]:
    """The records in pieces of about BLOCK_BYTES; each is valid until the next is asked for.

    Large matrices become text by all cores that this process may use, with the same bytes.
    """
    if matrix.ndim != 2 or matrix.dtype not in (np.float32, np.float16):
        raise TypeError(f"matrix: expected float32[n, dim], found {matrix.dtype}{matrix.shape}")
    if len(words) != len(matrix):
        raise ValueError(f"{len(words)} words for {len(matrix)} rows")
    n_row_bytes = matrix.shape[1] * n_number_bytes + 2
    n_block_rows = max(1, BLOCK_BYTES // n_row_bytes)
    is_text = n_number_bytes > matrix.itemsize
    n_threads = n_cores() if is_text and matrix.size >= NUMBERS_FOR_THREADS else 1
    outs = [bytearray(1) for _ in range(1 if n_threads == 1 else BLOCKS_AT_ONCE * n_threads)]
    blocks = range(0, len(matrix), n_block_rows)
    for at in range(0, len(blocks), len(outs)):
        firsts = blocks[at : at + len(outs)]
        end = min(firsts[-1] + n_block_rows, len(matrix))
        _check_words(words, firsts[0], end, path, spaces_allowed)
        sizes = [0] * len(firsts)

        def fill(number: int, _: int, firsts: range = firsts, sizes: list[int] = sizes) -> None:
            first = firsts[number]
            last = min(first + n_block_rows, len(matrix))
            rows = np.asarray(matrix[first:last], dtype=np.float32)
            if rows.shape[1] > 1 and rows.strides[1] != rows.itemsize:
                rows = np.ascontiguousarray(rows)
            n_bytes = int(words.ends[last - 1]) + (last - first) * n_row_bytes
            n_bytes -= int(words.ends[first - 1]) if first else 0
            if len(outs[number]) < n_bytes:
                outs[number] = bytearray(n_bytes)
            sizes[number] = write_rows(words.data, words.ends, first, rows, outs[number])

        over_pieces(fill, len(firsts), 1, n_threads)
        for out, size in zip(outs, sizes, strict=False):
            yield memoryview(out)[:size]


def _check_words(words: WordList, first: int, last: int, path: str, spaces_allowed: bool) -> None:
    row = numbers.find_unwritable(words.data, words.ends, first, last, spaces_allowed)
    if row < 0:
        return
    expected = "words without spaces and newlines"
    if spaces_allowed:
        expected = "words without newlines, and without a space at their end"
    raise FormatError(
        path,
        None,
        expected,
        f"word {row}: {words[row]!r:.200}",
        hint="the format cannot hold it; replace the space, for example by _",
    )
