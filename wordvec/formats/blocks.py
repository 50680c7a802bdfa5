"""What the readers of vector files share: blocks of a stream, headers, checked sizes.

Everything goes through blocks of 1 MB, which the cache holds: Ctrl-C is answered between two of
them, and nothing but the matrix is ever as large as the file.
"""

from __future__ import annotations

import os
import re
import stat
from typing import BinaryIO

import numpy as np

from wordvec.errors import FormatError
from wordvec.kernels import numbers
from wordvec.unpacking import damage_errors

BLOCK_BYTES = 1 << 20
_SPARE_BYTES = 1 << 10  # so that a file's end is seen without a larger buffer
_MAX_HEADER_BYTES = 256
_MAX_RECORD_BYTES = 1 << 30
HEADER = re.compile(rb"[ \t]*(\d+)[ \t]+(\d+)[ \t]*\r?\n")


class BlockReader:
    """A stream read into one reused buffer: `buffer[start:stop]` is what was read and not used.

    `buffer` has numbers.PADDING spare bytes after `stop`.  `path` is for messages.  `n_bytes` is
    the size of the whole stream, None when unknown (compressed, a pipe).  `packing` says what
    the file is packed with, "" when it is not.
    """

    def __init__(
        self, stream: BinaryIO, path: str, n_bytes: int | None = None, packing: str = ""
    ) -> None:
        self.stream = stream
        self.path = path
        self.n_bytes = n_bytes
        self.packing = packing
        n_block = BLOCK_BYTES if n_bytes is None else min(BLOCK_BYTES, n_bytes + _SPARE_BYTES)
        self.buffer = bytearray(n_block + numbers.PADDING)
        self.start = 0
        self.stop = 0
        self.at_end = False
        self._buffer_offset = 0  # of buffer[0] in the stream

    @property
    def offset(self) -> int:
        """The offset of `buffer[start]` in the (unpacked) stream."""
        return self._buffer_offset + self.start

    def head(self, n_bytes: int) -> bytes:
        """What comes next, up to `n_bytes`; it stays there to be read."""
        while self.stop - self.start < n_bytes and self.fill():
            pass
        return bytes(self.buffer[self.start : min(self.stop, self.start + n_bytes)])

    def fill(self) -> bool:
        """Read more behind what is there; False at the end of the stream."""
        n_kept = self.stop - self.start
        buffer = self.buffer
        if n_kept > len(buffer) // 2:  # a record larger than the block
            if n_kept > _MAX_RECORD_BYTES:
                raise self.error("one word and its numbers within 1 GiB", "no end of it")
            buffer = bytearray(2 * len(buffer))
        buffer[:n_kept] = memoryview(self.buffer)[self.start : self.stop]
        self._buffer_offset += self.start
        self.buffer, self.start, self.stop = buffer, 0, n_kept
        room = memoryview(buffer)[n_kept : len(buffer) - numbers.PADDING]
        try:
            n_read = self.stream.readinto(room)  # type: ignore[attr-defined]
        except damage_errors() as error:
            raise self._damaged(error) from error
        except OSError as error:
            if error.errno is not None:
                raise
            raise self._damaged(error) from error  # gzip and bz2 report damage as OSError
        self.stop += n_read or 0
        self.at_end = not n_read
        return not self.at_end

    def _damaged(self, error: Exception) -> FormatError:
        message = str(error) or type(error).__name__
        return self.error("a whole compressed file", message, hint="fetch or pack it again")

    def hand_over(self, stop: int, spare: bytearray) -> bytearray:
        """Give the buffer away, used up to `stop`; what follows moves to a new one, which is
        `spare` if that is large enough."""
        given = self.buffer
        if len(spare) < len(given):
            spare = bytearray(len(given))
        n_kept = self.stop - stop
        spare[:n_kept] = memoryview(given)[stop : self.stop]
        self._buffer_offset += stop
        self.buffer, self.start, self.stop = spare, 0, n_kept
        return given

    def error(
        self, expected: str, found: str, at: int | None = None, hint: str = ""
    ) -> FormatError:
        """A FormatError at position `at` of the buffer, or at `start`."""
        offset = self._buffer_offset + (self.start if at is None else at)
        return FormatError(self.path, offset, expected, found, hint)

    def excerpt(self, at: int) -> str:
        """A few bytes of the buffer, for a message."""
        text = bytes(self.buffer[at : min(at + 24, self.stop)])
        return repr(text)[1:] if text else "the end of the file"

    def read_header(self) -> tuple[int, int]:
        """Read the line `n_rows dim`; both are not yet checked against the size."""
        while (end := self.buffer.find(b"\n", self.start, self.stop)) < 0:
            if self.stop - self.start > _MAX_HEADER_BYTES or not self.fill():
                break
        if self.start == self.stop:
            raise self.error("a first line with the number of words and of dimensions", "no bytes")
        match = HEADER.match(self.buffer, self.start, max(end + 1, self.start))
        if match is None or match.end() - self.start > _MAX_HEADER_BYTES:
            raise self.error(
                "a first line with the number of words and of dimensions",
                self.excerpt(self.start),
                hint="is this a file in the word2vec format?",
            )
        n_rows, dim = int(match[1]), int(match[2])
        if dim < 1:
            raise self.error("at least one dimension", str(dim), at=match.start(2))
        self.start = match.end()
        return n_rows, dim

    def check_size(self, n_rows: int, dim: int, n_row_bytes: int) -> None:
        """Refuse a header that promises more than the file can hold, or than memory can."""
        promised = f"room for {n_rows} words of {dim} dimensions"
        if self.n_bytes is not None:
            n_left = self.n_bytes - self.offset
            if n_rows * n_row_bytes > n_left + 1:  # the last newline may be missing
                raise self.error(
                    promised,
                    f"only {n_left} bytes",
                    hint="the file is cut short, or its first line is wrong",
                )
        if n_rows * dim * 4 > np.iinfo(np.intp).max:
            raise self.error("a first line that fits memory", promised)

    def expect_end(self, n_rows: int) -> None:
        """Nothing but newlines and blanks may follow."""
        while True:
            rest = bytes(self.buffer[self.start : self.stop])
            blank = len(rest) - len(rest.lstrip(b" \t\r\n"))
            if blank < len(rest):
                at = self.start + blank
                raise self.error(
                    f"the end of the file after {n_rows} words",
                    self.excerpt(at),
                    at=at,
                    hint="the number of words or of dimensions in the first line is wrong",
                )
            self.start = self.stop
            if not self.fill():
                return


def size_of(stream: BinaryIO) -> int | None:
    """The size in bytes of an open regular file, else None."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, AttributeError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
