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

from wordvec.errors import FormatError
from wordvec.formats.blocks import HEADER, BlockReader
from wordvec.formats.request import ReadRequest
from wordvec.formats.rows import RowStore, read_first_line
from wordvec.formats.writing import write_records
from wordvec.kernels import numbers
from wordvec.vectors import Matrix, Vectors

NAME = "word2vec-binary"
SUFFIXES: tuple[str, ...] = (".bin",)

_N_JUDGED, _MIN_JUDGED = 1000, 32  # numbers whose byte order is looked at

_DECIMAL = b"0123456789.,+-eE \t\r"
_LOOK_BYTES, _FEWEST_BYTES = 64, 8  # 8 bytes that are decimal by chance: once in 10**9 files


def sniff(head: bytes) -> bool:
    """Could a file that starts with `head` (some kB) be of this format?

    The header line is nearly all there is to see; ask for the text format first.  What it does not
    take, such as decimal commas, must not pass for the bytes of numbers: with a limit, nothing
    behind the first words would show that they are none.
    """
    match = HEADER.match(head)
    if match is None:
        return False
    record = head[match.end() :].partition(b" ")[2]
    line = record[:_LOOK_BYTES].partition(b"\n")[0]
    return len(line) < _FEWEST_BYTES or bool(line.strip(_DECIMAL))


def read(reader: BlockReader, request: ReadRequest) -> Vectors:
    """Read words and float32[n_words, dim], the bits as they are in the file.

    Words may occur twice; "0 100" with no records is a valid file.  Raises FormatError.
    """
    store, n_rows = read_first_line(reader, request, lambda dim: 4 * dim + 1)
    _read_records(reader, store, n_rows)
    if store.n_rows == n_rows:
        reader.expect_end(n_rows)
    return store.finish()


def _read_records(reader: BlockReader, store: RowStore, n_rows: int) -> None:
    n_read = n_blocks = 0
    n_record_bytes = 4 * store.dim + 1
    words = np.empty(0, dtype=np.uint8)
    scratch = np.empty((0, store.dim), dtype=np.float32)
    while n_read < store.n_rows:
        n_possible = (reader.stop - reader.start) // n_record_bytes
        n_possible = max(1, min(n_possible, store.n_rows - n_read))
        if len(words) < len(reader.buffer):
            words = np.empty(len(reader.buffer), dtype=np.uint8)
        if store.is_direct:
            rows = store.rows_from(n_read, n_possible)
        else:
            if len(scratch) < n_possible:
                scratch = np.empty((n_possible, store.dim), dtype=np.float32)
            rows = scratch[:n_possible]
        ends = np.empty(len(rows), dtype=np.uint64)
        n_new, n_word_bytes, position, problem = numbers.read_binary_rows(
            reader.buffer, reader.start, reader.stop, rows, words, ends
        )
        if sys.byteorder == "big":
            rows[:n_new].byteswap(inplace=True)
        if n_read == 0 and looks_byte_swapped(rows[:n_new]):
            raise reader.error(
                "little-endian numbers",
                "numbers that make sense only with their bytes swapped",
                hint="the file was written on a big-endian machine",
            )
        if n_new:
            kept = words[:n_word_bytes].copy()
            store.keep(n_blocks, n_read, rows[:n_new], kept, ends[:n_new])
        n_read += n_new
        n_blocks += 1
        reader.start = position
        if problem:
            raise reader.error(
                f"word {n_read + 1} of {n_rows} and a space",
                reader.excerpt(position),
                hint="a wrong number of dimensions in the first line?",
            )
        if n_read < store.n_rows and n_new < len(rows) and not reader.fill():
            raise _cut_short(reader, n_read, n_rows, store.dim)


def looks_byte_swapped(rows: Matrix) -> bool:
    """Whether hardly any of the first numbers has a size that word vectors have, but nearly all
    have with their bytes swapped."""
    some = rows.ravel()[:_N_JUDGED]
    some = some[some != 0]
    return (
        len(some) >= _MIN_JUDGED and _sane_share(some) < 0.5 and _sane_share(some.byteswap()) > 0.99
    )


def _sane_share(values: Matrix) -> float:
    with np.errstate(invalid="ignore"):
        sizes = np.abs(values)
        return float(np.mean((sizes > 1e-12) & (sizes < 1e6)))


def _cut_short(reader: BlockReader, n_read: int, n_rows: int, dim: int) -> FormatError:
    return reader.error(
        f"word {n_read + 1} of {n_rows} and {4 * dim} bytes",
        f"{reader.stop - reader.start} bytes",
        hint="the file is cut short",
    )


def write(stream: BinaryIO, vectors: Vectors, path: str = "output") -> None:
    """Write what word2vec.c writes with `-binary 1`, byte for byte."""
    matrix = vectors.matrix
    stream.write(f"{matrix.shape[0]} {matrix.shape[1]}\n".encode("ascii"))
    if sys.byteorder == "big":
        vectors = Vectors(vectors.words, np.asarray(matrix, dtype=np.float32).byteswap())
    write_records(stream, vectors, path, numbers.write_binary_rows, 4)
