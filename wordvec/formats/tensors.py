"""Safetensors files: the header, its checks, and the mapping of the tensors.

Layout: uint64 length of the header (little-endian), the header (JSON: name -> dtype, shape,
data_offsets; "__metadata__": str -> str; blanks may follow), then the tensors without gaps.
Nothing in a file is believed before it was compared with the file's size.
"""

from __future__ import annotations

import math
import mmap
import os
import stat
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import FormatError

MAX_HEADER_BYTES = 100_000_000  # the limit of the safetensors package
DTYPES = {
    "BOOL": "|b1", "U8": "|u1", "I8": "|i1", "U16": "<u2", "I16": "<i2", "U32": "<u4",
    "I32": "<i4", "U64": "<u8", "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8",
}  # fmt: skip
# Without a NumPy type: the bits, which `array` refuses to give out.
_FOREIGN_BYTES = {"BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1}
_ITEM_BYTES = _FOREIGN_BYTES | {name: np.dtype(code).itemsize for name, code in DTYPES.items()}
_FIELDS = {"dtype", "shape", "data_offsets"}
_NAMES = {np.dtype(code): name for name, code in DTYPES.items()}
_HOLDER = "__metadata__"
_STEP_BYTES = 4 << 20


@dataclass(slots=True)
class Tensor:
    """One tensor of a file; `start` and `stop` are offsets from the start of the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int

    @property
    def n_bytes(self) -> int:
        return self.stop - self.start

    def __str__(self) -> str:
        return printable(f"{self.name} {self.dtype}{list(self.shape)}")


@dataclass(frozen=True)
class Header:
    """What a checked header says.  `tensors` are in the order of the file; `n_bytes` counts the
    length field and the JSON text, and is where the first tensor starts."""

    tensors: dict[str, Tensor]
    metadata: dict[str, str]
    n_bytes: int


def printable(text: str, n_letters: int = 200) -> str:
    """Names out of a file for a message of one line."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[:n_letters])


def is_safetensors(head: bytes) -> bool:
    """Whether a file that starts so can be one: a small length, then a JSON object."""
    return head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") <= MAX_HEADER_BYTES


def dtype_name(dtype: np.dtype[Any]) -> str | None:
    """The safetensors name of a NumPy type in any byte order; None when there is none."""
    return _NAMES.get(dtype.newbyteorder("<"))


# -- reading ------------------------------------------------------------------------------------


def open_regular(path: str, what: str) -> tuple[BinaryIO, int]:
    """(stream, size) of a real file; FormatError for a folder, a pipe or a device."""
    # A named pipe would block in open() until somebody writes to it: ask first.
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        raise FormatError(path, None, what, "a folder")
    if not stat.S_ISREG(mode):
        hint = "this format needs a real file; copy it to one"
        raise FormatError(path, None, what, "a pipe or a device", hint)
    stream = open(path, "rb", buffering=0)  # noqa: SIM115
    return cast(BinaryIO, stream), os.fstat(stream.fileno()).st_size


def read_header(stream: BinaryIO, path: str, n_file_bytes: int) -> Header:
    """Read the header at the start of `stream` and check all of it against the file's size."""
    start = stream.read(8)
    if len(start) < 8:
        raise FormatError(path, 0, "8 bytes with the length of the header", f"{len(start)} bytes")
    n_json = int.from_bytes(start, "little")
    if not 2 <= n_json <= MAX_HEADER_BYTES:
        expected = f"a header of 2 to {MAX_HEADER_BYTES} bytes"
        raise FormatError(path, 0, expected, f"{n_json} bytes", "is this a safetensors file?")
    if 8 + n_json > n_file_bytes:
        expected, found = f"a header of {n_json} bytes", f"only {n_file_bytes - 8} bytes"
        raise FormatError(path, 8, expected, found, "the file is cut short")
    text = stream.read(n_json)
    if len(text) < n_json:
        raise FormatError(path, 8 + len(text), f"a header of {n_json} bytes", "the end of the file")
    entries, metadata = _parse(text, path)
    n_bytes = 8 + n_json
    tensors = [_tensor(name, entry, path, n_bytes) for name, entry in entries.items()]
    tensors.sort(key=lambda tensor: (tensor.start, tensor.stop))
    _check_places(tensors, path, n_bytes, n_file_bytes)
    return Header({tensor.name: tensor for tensor in tensors}, metadata, n_bytes)


def _parse(text: bytes, path: str) -> tuple[dict[str, Any], dict[str, str]]:
    import json

    try:
        # A name that occurs twice leaves a gap between the tensors, which is found below.
        found = json.loads(text.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise FormatError(path, 8 + error.start, "a header in UTF-8", "other bytes") from None
    except json.JSONDecodeError as error:
        offset = 8 + len(error.doc[: error.pos].encode("utf-8"))
        raise FormatError(path, offset, "a header in JSON", error.msg) from None
    except (RecursionError, ValueError) as error:  # nested too deeply, too many digits
        raise FormatError(path, 8, "a header in JSON", _first_line(error)) from None
    if not isinstance(found, dict):
        raise FormatError(path, 8, "a JSON object as header", type(found).__name__)
    metadata = found.pop(_HOLDER, {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise FormatError(path, 8, f"{_HOLDER} with strings as values", "something else")
    return found, metadata


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


def _tensor(name: str, entry: Any, path: str, n_header_bytes: int) -> Tensor:
    """One checked entry of the header.  (Messages are made only when they are needed: opening
    a file is a matter of a tenth of a millisecond.)"""
    if not isinstance(entry, dict) or entry.keys() != _FIELDS:
        raise _entry_error(path, f"dtype, shape and data_offsets of tensor {name!r:.60}", entry)
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    n_item_bytes = _ITEM_BYTES.get(dtype) if isinstance(dtype, str) else None
    if n_item_bytes is None:
        raise _entry_error(path, f"a known dtype of tensor {name!r:.60}", dtype)
    if not _are_sizes(shape) or len(shape) > 32:
        raise _entry_error(path, f"a shape of tensor {name!r:.60}", shape)
    if not _are_sizes(offsets) or len(offsets) != 2:
        raise _entry_error(path, f"two offsets of tensor {name!r:.60}", offsets)
    first, last = offsets
    n_bytes = math.prod(shape) * n_item_bytes
    if last - first != n_bytes:
        n_shown = str(n_bytes) if n_bytes < 1 << 64 else "more than 2**64"
        expected = f"{n_shown} bytes for tensor {name!r:.60}, {dtype}{shape!r:.60}"
        raise FormatError(path, 8, expected, f"{last - first} bytes")
    return Tensor(name, dtype, tuple(shape), n_header_bytes + first, n_header_bytes + last)


def _entry_error(path: str, expected: str, found: Any) -> FormatError:
    return FormatError(path, 8, expected, repr(found)[:60])


def _are_sizes(values: Any) -> bool:
    """Whether this is a list of integers that a 64-bit machine could mean."""
    if type(values) is not list:
        return False
    for value in values:  # noqa: SIM110  (twice as fast as all())
        if type(value) is not int or not 0 <= value < 1 << 63:
            return False
    return True


def _check_places(tensors: list[Tensor], path: str, n_header_bytes: int, n_file_bytes: int) -> None:
    """The tensors must follow one another without gaps up to the end of the file."""
    place = n_header_bytes
    for tensor in tensors:
        if tensor.stop > n_file_bytes:
            raise FormatError(
                path,
                min(tensor.start, n_file_bytes),
                f"tensor {tensor.name[:60]!r} up to byte {tensor.stop}",
                f"the end of the file at byte {n_file_bytes}",
                "the file is cut short, or its header is wrong",
            )
        if tensor.start != place:
            expected = f"tensor {tensor.name[:60]!r} at byte {place}"
            raise FormatError(path, place, expected, f"byte {tensor.start} in the header")
        place = tensor.stop
    if place != n_file_bytes:
        found = f"{n_file_bytes - place} more bytes"
        raise FormatError(path, place, "the end of the file", found)


class FileMap(mmap.mmap):
    """A read-only map of a whole file, which the arrays made from it keep open.

    Replacing the file by renaming (as every writer here does) leaves the map as it was.  A file
    that another program cuts short *in place* takes the pages away: reading them then kills the
    process (SIGBUS), and no check before can rule that out.  Where that may happen, load with
    mmap=False.
    """

    path: str
    header: Header
    descriptor: int = -1  # of the same file, for reading without the map
    verified: bool = False  # all checksums were compared since the file was opened

    def __del__(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def array(self, tensor: Tensor) -> NDArray[Any]:
        """The tensor, not copied and read-only, in this machine's byte order."""
        if tensor.dtype not in DTYPES:
            expected = f"a tensor {tensor.name!r} of a type that NumPy has"
            raise FormatError(self.path, tensor.start, expected, tensor.dtype)
        dtype = np.dtype(DTYPES[tensor.dtype])
        n_items = math.prod(tensor.shape)
        if n_items == 0:
            return np.empty(tensor.shape, dtype.newbyteorder("="))
        flat = np.frombuffer(self, dtype, n_items, tensor.start)
        if sys.byteorder == "big":  # pragma: no cover
            flat = flat.astype(dtype.newbyteorder("="))
        return flat.reshape(tensor.shape)

    def expect_random_access(self, tensor: Tensor) -> None:
        """No read-ahead around single items; whole pages of this tensor only."""
        first = -(-tensor.start // mmap.PAGESIZE) * mmap.PAGESIZE
        n_bytes = tensor.stop - first
        if n_bytes > 0 and hasattr(mmap, "MADV_RANDOM"):
            self.madvise(mmap.MADV_RANDOM, first, n_bytes)


def map_file(path: str, what: str) -> FileMap:
    """Map a safetensors file after checking its header."""
    stream, n_file_bytes = open_regular(path, what)
    with stream:
        header = read_header(stream, path, n_file_bytes)
        found = FileMap(stream.fileno(), n_file_bytes, access=mmap.ACCESS_READ)
        found.descriptor = os.dup(stream.fileno())
    found.path, found.header = path, header
    return found


def map_under(array: NDArray[Any]) -> FileMap | None:
    """The map that an array or a view of it comes from; None when it lies in memory."""
    owner: Any = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    if isinstance(owner, memoryview):
        owner = owner.obj
    return owner if isinstance(owner, FileMap) else None


# -- writing ------------------------------------------------------------------------------------


def byte_blocks(array: NDArray[Any]) -> Iterator[memoryview]:
    """The bytes of an array, row after row, little-endian, without copying more than a block."""
    if array.size == 0:
        return
    if array.ndim == 0:
        array = array.reshape(1)
    step = max(1, _STEP_BYTES // (array[:1].size * array.itemsize))
    for first in range(0, len(array), step):
        rows = array[first : first + step]
        yield np.ascontiguousarray(rows, rows.dtype.newbyteorder("<")).data.cast("B")


def header_bytes(
    tensors: Mapping[str, tuple[str, tuple[int, ...], int]],
    metadata: Mapping[str, str],
    alignment: int,
) -> bytes:
    """Length and header for tensors name -> (dtype, shape, n_bytes) in the order of the file.

    Filled with blanks, so that the first tensor starts at a multiple of `alignment`.
    """
    entries: dict[str, Any] = {_HOLDER: dict(metadata)}
    place = 0
    for name, (dtype, shape, n_bytes) in tensors.items():
        entries[name] = {
            "dtype": dtype,
            "shape": list(shape),
            "data_offsets": [place, place + n_bytes],
        }
        place += n_bytes
    import json

    text = json.dumps(entries, ensure_ascii=True, separators=(",", ":")).encode("ascii")
    text += b" " * (-(8 + len(text)) % alignment)
    if len(text) > MAX_HEADER_BYTES:
        raise ValueError(f"a header of {len(text)} bytes; at most {MAX_HEADER_BYTES} are allowed")
    return len(text).to_bytes(8, "little") + text
