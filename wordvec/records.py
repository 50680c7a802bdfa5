"""Files of co-occurrence records as GloVe's tools pass them on: 16 bytes a record, no header.

Rows and columns are the ranks of words, from 1; values are positive and finite.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from wordvec.errors import FormatError, OutputError

RECORD = np.dtype([("row", "<i4"), ("column", "<i4"), ("value", "<f8")])
BLOCK_RECORDS = 1 << 18
_HINT = "was it cut off, or is it no co-occurrence file?"

Records = npt.NDArray[Any]  # structured: RECORD


def count_of_file(path: str | os.PathLike[str]) -> int:
    """Records in a regular file; FormatError when its size is no multiple of 16 bytes."""
    n_bytes = os.path.getsize(path)
    if n_bytes % RECORD.itemsize:
        raise no_whole_records(os.fspath(path), n_bytes)
    return n_bytes // RECORD.itemsize


def read_blocks(
    path: str | os.PathLike[str],
    n_words: int | None = None,
    *,
    stream: BinaryIO | None = None,
    block_records: int = BLOCK_RECORDS,
    check: bool = True,
) -> Iterator[Records]:
    """The records of a file, or of `stream` (`path` is for messages), in blocks.

    Every block is an array of its own, RECORD[block_records at most], and belongs to the caller.
    FormatError with the byte offset of the first record that is cut, or, with `check`, whose row
    or column is below 1 or above `n_words` (None: unknown), or whose value is not positive and
    finite.
    """
    name = os.fspath(path)
    if stream is None:
        with open(path, "rb") as file:
            yield from read_blocks(
                path, n_words, stream=file, block_records=block_records, check=check
            )
        return
    n_done = 0
    while True:
        block = np.empty(block_records, dtype=RECORD)
        n_bytes = fill(stream, block.view(np.uint8).data)
        n_records, n_rest = divmod(n_bytes, RECORD.itemsize)
        block = block[:n_records]
        if check and n_records:
            check_block(block, name, n_done, n_words)
        n_done += n_records
        if n_records:
            yield block
        if n_rest:
            raise no_whole_records(name, n_done * RECORD.itemsize + n_rest)
        if n_records < block_records:
            return


def fill(stream: BinaryIO, buffer: memoryview) -> int:
    """Read until the buffer is full or the stream ends; the bytes read."""
    n_bytes = 0
    while n_bytes < len(buffer):
        n_read = stream.readinto(buffer[n_bytes:])  # type: ignore[attr-defined]
        if not n_read:
            break
        n_bytes += n_read
    return n_bytes


def check_block(block: Records, path: str, first: int, n_words: int | None) -> None:
    """FormatError for the first bad record of a block whose first record is number `first`."""
    high = n_words if n_words is not None else np.iinfo(np.int32).max
    rows, columns, values = block["row"], block["column"], block["value"]
    with np.errstate(invalid="ignore"):
        good = (rows >= 1) & (rows <= high) & (columns >= 1) & (columns <= high)
        good &= (values > 0) & (values < np.inf)
    if good.all():
        return
    index = int(np.argmin(good))
    row, column, value = block[index].tolist()
    offset = (first + index) * RECORD.itemsize
    found = f"row {row}, column {column}, value {value:g}"
    if 1 <= row <= high and 1 <= column <= high:
        raise FormatError(path, offset, "a value that is positive and finite", found)
    limit = "at least 1" if n_words is None else f"from 1 to {n_words:,} (the vocabulary's size)"
    hint = "" if n_words is None else "do the records belong to this vocabulary?"
    raise FormatError(path, offset, f"word numbers {limit}", found, hint)


def no_whole_records(path: str, n_bytes: int) -> FormatError:
    """The error for `n_bytes` of a file that end inside a record."""
    whole = n_bytes // RECORD.itemsize * RECORD.itemsize
    return FormatError(
        path, whole, "records of 16 bytes", f"{n_bytes - whole} bytes at the end", _HINT
    )


def write_records(stream: BinaryIO, records: Records) -> None:
    """Append records to a stream."""
    if records.dtype != RECORD:
        raise OutputError(f"expected records of the type {RECORD}, found {records.dtype}")
    stream.write(np.ascontiguousarray(records).view(np.uint8).data)
