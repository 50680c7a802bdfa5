"""RowStore: words and matrix as a reader finds them, block by block."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import FormatError
from wordvec.formats.blocks import BlockReader
from wordvec.formats.request import ReadRequest
from wordvec.vectors import Matrix, Vectors
from wordvec.words import WordList

_CHUNK_BYTES = 64 << 20


class RowStore:
    """The words and the matrix as they are read.

    When the size of the file bears out the number of rows, the matrix is allocated once; else it
    grows by chunks as far as rows really come, so that a lying header costs nothing, and they are
    put together at the end, one after the other.  Rows that are to be chosen or turned into
    float16 pass through arrays of the caller's.
    """

    def __init__(
        self, reader: BlockReader, n_rows: int, dim: int, trusted: bool, request: ReadRequest
    ) -> None:
        self.path = reader.path
        self.request = request
        self.n_rows = n_rows  # that the caller wants to look at
        self.dim = dim
        self.n_kept = 0
        self._wanted = None if request.wanted is None else _word_list_of(request.wanted)
        self.is_direct = (
            request.wanted is None and request.dtype == np.float32 and request.on_rows is None
        )
        self._chunk_rows = max(1, _CHUNK_BYTES // (request.dtype.itemsize * dim))
        if reader.n_bytes is not None:  # a number takes two bytes of a file at least
            self._chunk_rows = min(self._chunk_rows, 1 + reader.n_bytes // (2 * dim))
        if trusted and request.wanted is None:
            self._chunk_rows = max(1, n_rows)
        self._chunks: list[NDArray[Any]] = []
        self._words: dict[int, tuple[NDArray[np.uint8], NDArray[np.uint64]]] = {}
        self._lock = threading.Lock()

    def rows_from(self, row: int, n_rows: int) -> NDArray[Any]:
        """Rows of the matrix from `row` on, up to `n_rows`, at least one."""
        number, first = divmod(row, self._chunk_rows)
        with self._lock:
            while len(self._chunks) <= number:
                self._chunks.append(np.empty((self._chunk_rows, self.dim), self.request.dtype))
            chunk: NDArray[Any] = self._chunks[number]
        rows: NDArray[Any] = chunk[first : first + n_rows]
        return rows

    def keep(
        self, block: int, row: int, rows: Matrix, words: NDArray[np.uint8], ends: NDArray[np.uint64]
    ) -> None:
        """Words and rows that were read as block number `block`, of which `row` is the first.

        `rows` is what `rows_from` gave when `is_direct`, else an array of the caller's; words and
        ends become the store's.
        """
        if self._wanted is not None:
            found = self._wanted.find_words(WordList(words, ends))
            chosen = np.flatnonzero(found >= 0)
            names = WordList(words, ends)
            kept = WordList.of_bytes([names.word_bytes(k) for k in chosen.tolist()])
            rows, words, ends, row = rows[chosen], kept.data, kept.ends, self.n_kept
        if self.request.encoding != "utf-8" or self.request.errors != "surrogateescape":
            words, ends = self._recoded(words, ends)
        if self.request.on_rows is not None:
            self.request.on_rows(block, rows)
        elif not self.is_direct:
            self._copy(row, rows)
        with self._lock:
            self._words[block] = words, ends
            self.n_kept += len(ends)

    def _copy(self, row: int, rows: Matrix) -> None:
        done = 0
        while done < len(rows):
            into = self.rows_from(row + done, len(rows) - done)
            part = rows[done : done + len(into)]
            with np.errstate(over="ignore"):
                into[:] = part
            if into.dtype != np.float32:
                self._check_half(part, into, row + done)
            done += len(into)

    def _check_half(self, rows: Matrix, into: NDArray[Any], row: int) -> None:
        lost = np.isinf(into) & np.isfinite(rows)
        if lost.any():
            k, column = np.argwhere(lost)[0]
            raise FormatError(
                self.path,
                None,
                f"numbers of size {np.finfo(into.dtype).max:g} at most for float16",
                f"{rows[k, column]:g} in row {row + k}",
                hint="load it as float32",
            )

    def _recoded(
        self, words: NDArray[np.uint8], ends: NDArray[np.uint64]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint64]]:
        if not len(words) or (self.request.encoding in ("utf-8", "utf8") and words.max() < 128):
            return words, ends
        names = WordList(words, ends)
        texts = [
            names.word_bytes(row).decode(self.request.encoding, self.request.errors)
            for row in range(len(names))
        ]
        recoded = WordList.of(texts)
        return recoded.data, recoded.ends

    def finish(self) -> Vectors:
        """What was read, as Vectors; the store is empty afterwards."""
        words = _joined([self._words[block] for block in sorted(self._words)])
        n_rows, chunks = self.n_kept, self._chunks
        if self.request.on_rows is not None:
            nothing = np.zeros(self.dim, self.request.dtype)
            return Vectors(words, np.broadcast_to(nothing, (n_rows, self.dim)))
        if not chunks:
            return Vectors(words, np.empty((0, self.dim), self.request.dtype))
        if len(chunks) == 1 and n_rows == len(chunks[0]):
            return Vectors(words, chunks.pop())
        matrix = np.empty((n_rows, self.dim), self.request.dtype)
        for row in range(0, n_rows, self._chunk_rows):
            chunk = chunks.pop(0)  # freed when it is copied
            matrix[row : row + len(chunk)] = chunk[: n_rows - row]
        return Vectors(words, matrix)


def _word_list_of(words: frozenset[str]) -> WordList:
    encoded = []
    for word in words:
        try:
            encoded.append(word.encode("utf-8", "surrogateescape"))
        except UnicodeEncodeError:
            continue  # no file can hold it
    return WordList.of_bytes(encoded)


def _joined(pieces: list[tuple[NDArray[np.uint8], NDArray[np.uint64]]]) -> WordList:
    if not pieces:
        return WordList.of([])
    offset = 0
    ends = []
    for words, word_ends in pieces:
        ends.append(word_ends + np.uint64(offset))
        offset += len(words)
    return WordList(np.concatenate([words for words, _ in pieces]), np.concatenate(ends))


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
