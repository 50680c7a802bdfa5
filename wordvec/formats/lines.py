"""Lines `word number ... number` from a stream into a RowStore, on one core or several."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import FormatError
from wordvec.formats.blocks import BlockReader
from wordvec.formats.rows import RowStore
from wordvec.kernels import numbers
from wordvec.threads import Stop, run_workers
from wordvec.vectors import Matrix

MAX_THREADS = 8  # more than that the one stream cannot feed
_BYTES_PER_THREAD = 8 << 20


@dataclass
class LineBlock:
    """Whole lines: buffer[start:stop], where buffer[0] is byte `offset` of the stream."""

    number: int
    first_row: int
    n_rows: int
    buffer: bytearray
    start: int
    stop: int
    offset: int


class LineReading:
    """Reads whole lines until the store or the stream is at its end.

    Blocks are taken from the stream in order, one worker at a time, and parsed side by side: the
    newlines of a block tell which rows of the matrix are its own.
    """

    def __init__(self, reader: BlockReader, store: RowStore, spaces_allowed: bool = False) -> None:
        self.reader = reader
        self.store = store
        self.spaces_allowed = spaces_allowed
        self.n_rows = 0  # in the blocks so far
        self._n_blocks = 0
        self._lock = threading.Lock()
        self._errors: list[tuple[int, FormatError]] = []

    def run(self) -> int:
        """Read; the number of rows read.  The first error of the file is raised."""
        n_threads = self._n_threads()
        if n_threads == 1:
            self._work(0, Stop())
        elif run_workers(self._work, n_threads).interrupted:
            raise KeyboardInterrupt
        if self._errors:
            raise min(self._errors, key=lambda error: error[0])[1]
        return self.n_rows

    def _n_threads(self) -> int:
        if self.store.request.wanted is not None:  # which rows they are is known only in order
            return 1
        n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
        n_useful = MAX_THREADS
        if self.reader.n_bytes is not None:
            n_useful = self.reader.n_bytes // _BYTES_PER_THREAD
        return max(1, min(n_cores, n_useful, MAX_THREADS))

    def _work(self, number: int, stop: Stop) -> None:
        spare = bytearray(0)
        words = np.empty(0, dtype=np.uint8)
        scratch = np.empty((0, self.store.dim), dtype=np.float32)
        while not stop.requested:
            with self._lock:
                block = self._next_block(spare)
            if block is None:
                return
            spare = block.buffer
            if len(words) < len(spare):
                words = np.empty(len(spare), dtype=np.uint8)
            if not self.store.is_direct and len(scratch) < block.n_rows:
                scratch = np.empty((block.n_rows, self.store.dim), dtype=np.float32)
            try:
                self._parse(block, words, scratch)
            except FormatError as error:
                # Blocks before this one are being parsed to their end: one may fail as well.
                self._errors.append((block.number, error))
                stop.request()

    def _next_block(self, spare: bytearray) -> LineBlock | None:
        reader = self.reader
        n_left = self.store.n_rows - self.n_rows
        if n_left == 0 or self._errors:
            return None
        while True:
            n_rows, stop = numbers.count_lines(reader.buffer, reader.start, reader.stop, n_left)
            if n_rows:
                break
            if not reader.fill():
                return None
        start, offset = reader.start, reader.offset - reader.start
        buffer = reader.hand_over(stop, spare)
        block = LineBlock(self._n_blocks, self.n_rows, n_rows, buffer, start, stop, offset)
        self._n_blocks += 1
        self.n_rows += n_rows
        return block

    def _parse(self, block: LineBlock, words: NDArray[np.uint8], scratch: Matrix) -> None:
        store, position, n_done, n_bytes = self.store, block.start, 0, 0
        ends = np.empty(block.n_rows, dtype=np.uint64)
        rows: Matrix = scratch[: block.n_rows]
        while n_done < block.n_rows:  # more than once only at the border of two chunks
            if store.is_direct:
                rows = store.rows_from(block.first_row + n_done, block.n_rows - n_done)
            n_read, n_word_bytes, position, problem = numbers.read_text_rows(
                block.buffer, position, block.stop, rows, words[n_bytes:], ends[n_done:],
                self.spaces_allowed,
            )  # fmt: skip
            if problem:
                row = block.first_row + n_done + n_read + 1
                raise self._explain(block, problem, position, row)
            ends[n_done : n_done + n_read] += np.uint64(n_bytes)
            n_done += n_read
            n_bytes += n_word_bytes
        store.keep(block.number, block.first_row, rows, words[:n_bytes].copy(), ends)

    def _explain(self, block: LineBlock, problem: int, position: int, row: int) -> FormatError:
        text = bytes(block.buffer[position : min(position + 24, block.stop)])
        found, dim, hint = repr(text)[1:], self.store.dim, ""
        if problem == numbers.TOO_FEW_NUMBERS:
            expected, found = f"{dim} numbers for word {row}", "the end of the line"
        elif problem == numbers.TOO_MANY_NUMBERS:
            expected = f"the end of word {row} after {dim} numbers"
            hint = "a word with a space in it, or a wrong first line"
        else:
            expected, hint = f"a number of word {row}", "a word with a space in it?"
        path = self.reader.path
        return FormatError(path, block.offset + position, expected, found, hint)


def no_newline(reader: BlockReader, row: str) -> FormatError:
    """The error for a last line that does not end."""
    return reader.error(
        f"a newline at the end of {row}",
        "the end of the file",
        at=reader.stop,
        hint="the file is cut short; if it is whole, append a newline",
    )
