"""NumPy's array file NAME.npy with a file of words beside it, mapped into memory.

Words are read from NAME.words.txt, else NAME.vocab or NAME.vocab.txt (one word a line, or word
and count as word2vec and GloVe write them), and written to NAME.words.txt.  Counts and metadata
are not written.  Arrays of Python objects (pickles) are refused, always.
"""

from __future__ import annotations

import ast
import io
import mmap
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import FormatError
from wordvec.formats import beside
from wordvec.formats.request import ReadRequest
from wordvec.formats.selection import chosen_rows, decoded_words, select_vectors
from wordvec.formats.tensors import byte_blocks, open_regular
from wordvec.vectors import Vectors

NAME = "npy"
SUFFIXES = (".npy",)
NEEDS_FILE = True
WRITES_FILES = True

_MAGIC = b"\x93NUMPY"
_MAX_HEADER_BYTES = 1 << 16
WORD_SUFFIXES = (".words.txt", ".vocab", ".vocab.txt")


def sniff(head: bytes) -> bool:
    return head.startswith(_MAGIC)


@dataclass(frozen=True)
class ArrayHeader:
    """The header of a .npy file; `n_bytes` is where the numbers start."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    is_fortran: bool
    n_bytes: int

    @property
    def n_data_bytes(self) -> int:
        n_items = 1
        for size in self.shape:
            n_items *= size
        return n_items * self.dtype.itemsize


def read_array_header(stream: BinaryIO, path: str, what: str = "") -> ArrayHeader:
    """Read and check the header; `what` names the array inside an archive."""

    def error(offset: int, expected: str, found: str, hint: str = "") -> FormatError:
        return FormatError(path, offset, expected + (f" of {what}" if what else ""), found, hint)

    start = _read_up_to(stream, 12)
    if not start.startswith(_MAGIC) or len(start) < 12:
        raise error(0, "the header of a NumPy array", repr(start)[1:])
    version = start[6]
    if version not in (1, 2, 3):
        raise error(6, "version 1, 2 or 3 of NumPy's format", f"version {version}")
    n_size = 2 if version == 1 else 4
    n_header = int.from_bytes(start[8 : 8 + n_size], "little")
    if n_header > _MAX_HEADER_BYTES:
        raise error(8, f"at most {_MAX_HEADER_BYTES} bytes of header", str(n_header))
    text = start[8 + n_size :] + _read_up_to(stream, n_header - (4 - n_size))
    if len(text) < n_header:
        raise error(8 + n_size + len(text), f"{n_header} bytes of header", "the end of the file")
    try:
        found = ast.literal_eval(text[:n_header].decode("utf-8").strip())
        dtype, shape, is_fortran = found["descr"], found["shape"], found["fortran_order"]
        if not isinstance(dtype, str):
            raise ValueError("a structured array")
        dtype = np.dtype(dtype)
    except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, RecursionError) as cause:
        message = (str(cause).splitlines() or [""])[0][:80]
        raise error(10, "a header with descr, shape and fortran_order", message) from None
    if dtype.hasobject:
        hint = "save it again without objects: a pickle is never read"
        raise error(10, "an array of numbers or strings", "Python objects", hint)
    if not isinstance(shape, tuple) or not all(
        type(size) is int and 0 <= size < 1 << 62 for size in shape
    ):
        raise error(10, "a shape of sizes", repr(shape)[:60])
    if len(shape) > 32:
        raise error(10, "at most 32 dimensions", str(len(shape)))
    return ArrayHeader(dtype, shape, bool(is_fortran), 8 + n_size + n_header)


def _read_up_to(stream: BinaryIO, n_bytes: int) -> bytes:
    """`n_bytes`, or what there is before the end."""
    pieces = []
    while n_bytes > 0 and (piece := stream.read(n_bytes)):
        pieces.append(piece)
        n_bytes -= len(piece)
    return b"".join(pieces)


def check_matrix(header: ArrayHeader, path: str, what: str = "") -> None:
    """FormatError unless the header describes floats in rows."""
    if header.dtype.kind != "f" or header.dtype.itemsize not in (2, 4, 8):
        expected = f"float16, float32 or float64{' in ' + what if what else ''}"
        raise FormatError(path, 10, expected, str(header.dtype))
    if len(header.shape) != 2 or header.shape[1] < 1:
        expected = f"a matrix of words x dimensions{' in ' + what if what else ''}"
        raise FormatError(path, 10, expected, f"shape {header.shape}"[:80])


def open_file(path: str, request: ReadRequest) -> Vectors:
    """Map the array and read the words beside it.  Raises FormatError.

    Rows that lie one after another in the type that is wanted stay in the file (a read-only
    view); others are copied.
    """
    stream, n_file_bytes = open_regular(path, "a NumPy array")
    with stream:
        header = read_array_header(stream, path)
        check_matrix(header, path)
        n_promised = header.n_bytes + header.n_data_bytes
        if n_promised != n_file_bytes:
            expected = f"{n_promised} bytes for an array of {header.shape[0]} x {header.shape[1]}"
            raise FormatError(path, min(n_promised, n_file_bytes), expected, f"{n_file_bytes}")
        matrix = _mapped(stream, header)
    stem = path.removesuffix(".npy")
    source = beside.find_beside(path, [stem + s for s in WORD_SUFFIXES], "one a line")
    words = beside.read_lines(source)
    counts = None
    if not source.endswith(".words.txt"):
        words, counts = beside.split_counts(words)
    if len(words) != len(matrix):
        expected = f"{len(matrix)} words, as many as {path} has rows"
        raise FormatError(source, None, expected, f"{len(words)} lines")
    words = decoded_words(words, request)
    return select_vectors(words, matrix, chosen_rows(words, request), request, path, counts)


def _mapped(stream: BinaryIO, header: ArrayHeader) -> NDArray[Any]:
    n_rows, dim = header.shape
    if n_rows == 0:
        return np.empty((0, dim), header.dtype.newbyteorder("="))
    area = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    flat = np.frombuffer(area, header.dtype, n_rows * dim, header.n_bytes)
    if header.is_fortran:
        return np.ascontiguousarray(flat.reshape(dim, n_rows).T)
    matrix = flat.reshape(n_rows, dim)
    return matrix if matrix.flags.aligned else matrix.copy()


# -- writing ------------------------------------------------------------------------------------


def output_names(path: str) -> list[str]:
    """The files that `write_files` fills for a path: the array, the words."""
    return [path, path.removesuffix(".npy") + ".words.txt"]


def write_files(streams: list[BinaryIO], vectors: Vectors, path: str) -> None:
    """Write the matrix as a NumPy array and the words, one a line."""
    beside.write_lines(streams[1], vectors, path, with_counts=False)
    write_matrix(streams[0], vectors.matrix)


def array_header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    """The header of a C-ordered array."""
    stream = io.BytesIO()
    fields = {"descr": dtype.str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, fields)
    return stream.getvalue()


def write_matrix(stream: BinaryIO, matrix: NDArray[Any]) -> None:
    dtype = matrix.dtype.newbyteorder("<")
    stream.write(array_header(dtype, matrix.shape))
    for block in byte_blocks(matrix):
        stream.write(block)
