"""What the readers and writers of vector files share: blocks, headers, checked sizes.

Everything goes through blocks of a few MB, so that Ctrl-C is answered between two of them and
nothing but the matrix is ever as large as the file.
"""

from __future__ import annotations

import lzma
import os
import re
import stat
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import FormatError
from wordvec.formats.request import ReadRequest
from wordvec.kernels import numbers
from wordvec.vectors import Vectors

BLOCK_BYTES = 4 << 20
_FIRST_MATRIX_BYTES = 64 << 20
_MAX_HEADER_BYTES = 256
_MAX_RECORD_BYTES = 1 << 30
HEADER = re.compile(rb"[ \t]*(\d+)[ \t]+(\d+)[ \t]*\r?\n")

Matrix = NDArray[np.float32]


@runtime_checkable
class WordTable(Protocol):
    """Words that are kept as bytes, such as a vocabulary's."""

    def __len__(self) -> int: ...
    def word_bytes(self, index: int, /) -> bytes: ...


Words = Sequence[str] | WordTable


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
        self.buffer = bytearray(BLOCK_BYTES + numbers.PADDING)
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
        except (EOFError, zlib.error, lzma.LZMAError) as error:
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


class RowStore:
    """The words and the matrix as they are read.

    When the size of the file is known the matrix is allocated once; else it grows in place as far
    as rows really come, so that a lying header costs nothing.  Rows that are to be chosen or
    turned into float16 pass through a small block of their own.
    """

    def __init__(
        self, reader: BlockReader, n_rows: int, dim: int, trusted: bool, request: ReadRequest
    ) -> None:
        self.reader = reader
        self.request = request
        self.n_rows = n_rows  # that the caller wants to look at
        self.n_read = 0
        self.words: list[str] = []
        first_rows = max(1, _FIRST_MATRIX_BYTES // (4 * dim))
        self._staging: Matrix | None = None
        if request.wanted is not None or request.dtype != np.float32:
            staged_rows = max(1, min(n_rows, BLOCK_BYTES // (4 * dim)))
            self._staging = np.empty((staged_rows, dim), dtype=np.float32)
            trusted = trusted and request.wanted is None
        first = n_rows if trusted else min(n_rows, first_rows)
        self.matrix: Matrix = np.empty((first, dim), dtype=request.dtype)
        self._blob = bytearray(1)

    @property
    def dim(self) -> int:
        return int(self.matrix.shape[1])

    def free_rows(self) -> Matrix:
        """float32 rows that are to be filled next, at least one unless all are read."""
        if self._staging is not None:
            return self._staging[: self.n_rows - self.n_read]
        self._reserve(1)
        return self.matrix[len(self.words) : self.n_rows]

    def _reserve(self, n_more: int) -> None:
        n_needed = min(len(self.words) + n_more, self.n_rows)
        if n_needed > len(self.matrix):
            n_rows = min(self.n_rows, max(n_needed, 2 * len(self.matrix)))
            # realloc: large arrays are moved by remapping pages, not by copying
            self.matrix.resize((n_rows, self.dim), refcheck=False)

    def word_buffer(self, n_bytes: int) -> bytearray:
        """At least `n_bytes` for the words of the next rows, each followed by a newline."""
        if len(self._blob) < n_bytes:
            self._blob = bytearray(n_bytes)
        return self._blob

    def take_rows(self, n_rows: int, n_word_bytes: int) -> None:
        """Count `n_rows` of free_rows as read, their words in the first bytes of word_buffer."""
        blob = bytes(self._blob[:n_word_bytes])
        encoding, errors = self.request.encoding, self.request.errors
        words = blob.decode(encoding, errors).split("\n")[:-1] if n_rows else []
        if len(words) != n_rows:  # a codec that swallowed a newline
            pieces = blob.split(b"\n")[:-1]
            words = [piece.decode(encoding, errors) for piece in pieces]
        if self._staging is not None:
            words = self._keep(words, self._staging[:n_rows])
        self.words += words
        self.n_read += n_rows

    def _keep(self, words: list[str], rows: Matrix) -> list[str]:
        wanted = self.request.wanted
        if wanted is not None:
            chosen = [k for k, word in enumerate(words) if word in wanted]
            rows, words = rows[chosen], [words[k] for k in chosen]
        self._reserve(len(words))
        into = self.matrix[len(self.words) : len(self.words) + len(words)]
        with np.errstate(over="ignore"):
            into[:] = rows
        if into.dtype != np.float32:
            lost = np.isinf(into) & np.isfinite(rows)
            if lost.any():
                row, column = np.argwhere(lost)[0]
                raise FormatError(
                    self.reader.path,
                    None,
                    f"numbers of size {np.finfo(into.dtype).max:g} at most for float16",
                    f"{rows[row, column]:g} in the row of {words[row]!r:.60}",
                    hint="load it as float32",
                )
        return words

    def finish(self) -> Vectors:
        """What was read, as Vectors."""
        if len(self.matrix) != len(self.words):
            self.matrix.resize((len(self.words), self.dim), refcheck=False)
        return Vectors(self.words, self.matrix)


def read_first_line(
    reader: BlockReader, request: ReadRequest, row_bytes: Callable[[int], int]
) -> tuple[RowStore, int]:
    """(store for the rows that are looked at, rows in the file) as the first line has them.

    `row_bytes(dim)` is the least that a row takes in the file.
    """
    n_rows, dim = reader.read_header()
    n_wanted = request.n_wanted(n_rows)
    reader.check_size(n_wanted, dim, row_bytes(dim))
    return RowStore(reader, n_wanted, dim, reader.n_bytes is not None, request), n_rows


def word_blocks(
    words: Words, matrix: Matrix, n_word_overhead: int, n_number_bytes: int, path: str
) -> Iterator[tuple[bytes, Matrix, int]]:
    """Cut rows into blocks of about BLOCK_BYTES: (words, rows, bytes that may be needed).

    The words of a block are encoded, each followed by a newline.  Refuses words that hold a space
    or a newline, which would be read back as something else.
    """
    if matrix.ndim != 2 or matrix.dtype not in (np.float32, np.float16):
        raise TypeError(f"matrix: expected float32[n, dim], found {matrix.dtype}{matrix.shape}")
    if len(words) != len(matrix):
        raise ValueError(f"{len(words)} words for {len(matrix)} rows")
    n_row_bytes = matrix.shape[1] * n_number_bytes + n_word_overhead
    n_block_rows = max(1, BLOCK_BYTES // n_row_bytes)
    for first in range(0, len(matrix), n_block_rows):
        rows = np.asarray(matrix[first : first + n_block_rows], dtype=np.float32)
        blob = _encode_words(words, first, len(rows), path)
        if rows.shape[1] > 1 and rows.strides[1] != rows.itemsize:
            rows = np.ascontiguousarray(rows)
        yield blob, rows, len(blob) + len(rows) * n_row_bytes


def _encode_words(words: Words, first: int, n_words: int, path: str) -> bytes:
    rows = range(first, first + n_words)
    if isinstance(words, WordTable):
        blob = b"\n".join(words.word_bytes(row) for row in rows) + b"\n"
    else:
        text = "\n".join(words[row] for row in rows) + "\n"
        try:
            blob = text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            found = f"{text[error.start : error.end]!r}"
            raise FormatError(path, None, "words that UTF-8 can hold", found) from error
    if b" " in blob or blob.count(b"\n") != n_words:
        for row in rows:
            word = words.word_bytes(row) if isinstance(words, WordTable) else words[row]
            piece = word.encode("utf-8", "surrogateescape") if isinstance(word, str) else word
            if b" " in piece or b"\n" in piece:
                raise FormatError(
                    path,
                    None,
                    "words without spaces and newlines",
                    f"word {row}: {word!r}",
                    hint="the word2vec formats cannot hold it; replace the space, for example by _",
                )
    return blob


def size_of(stream: BinaryIO) -> int | None:
    """The size in bytes of an open regular file, else None."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, AttributeError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
