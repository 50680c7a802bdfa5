"""Memory that can move to disk: blocks of provisional ids, and sorted runs of word counts.

All temporary files are nameless from the start, so nothing is left behind whatever happens.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt

from wordvec.errors import OutputError
from wordvec.kernels.merging import RunMerger, RunWriter, remap_of_records
from wordvec.kernels.tokens import PADDING, WordTable

PIECE_IDS = 1 << 20
_HUGE_PAGE_BYTES = 2 << 20
_RUN_BUFFER_BYTES = 1 << 18


def fresh_ids(n_ids: int) -> npt.NDArray[np.int32]:
    """Zeroed int32[n_ids] straight from the system: it goes back there when it is freed, and
    pages that are never written cost nothing."""
    n_bytes = 4 * max(n_ids, 1)
    # Private: Python's default is shared memory, whose pages are never huge.
    memory = mmap.mmap(-1, n_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if n_bytes >= _HUGE_PAGE_BYTES and hasattr(mmap, "MADV_HUGEPAGE"):
        try:
            memory.madvise(mmap.MADV_HUGEPAGE)
        except OSError:
            pass  # only a wish
    return np.frombuffer(memory, dtype=np.int32)[:n_ids]


class TemporaryFile:
    """A nameless file in `folder` (None: the one for temporary files); OutputError when it cannot
    grow."""

    def __init__(self, folder: str | None = None) -> None:
        import tempfile  # which takes its time, for what most texts do not need

        self.n_bytes = 0
        self._folder = folder
        try:
            self._file: BinaryIO = cast(BinaryIO, tempfile.TemporaryFile(buffering=0, dir=folder))  # noqa: SIM115
        except OSError as error:
            raise self._error(error) from error

    def _error(self, error: OSError) -> OutputError:
        import tempfile

        remedy = "set TMPDIR to a folder" if self._folder is None else "name another folder"
        return OutputError(
            f"{self._folder or tempfile.gettempdir()}: a temporary file cannot be written: "
            f"{error.strerror or error}; {remedy} with more room"
        )

    def append(self, data: Any) -> int:
        """Write the bytes at the end; the offset where they begin."""
        offset = self.n_bytes
        view = memoryview(data).cast("B")
        try:
            while len(view):
                n_written = os.pwrite(self._file.fileno(), view, self.n_bytes)
                self.n_bytes += n_written
                view = view[n_written:]
        except OSError as error:
            raise self._error(error) from error
        return offset

    def read_into(self, buffer: Any, offset: int) -> None:
        """Fill the buffer from `offset` on."""
        view = memoryview(buffer).cast("B")
        while len(view):
            n_read = os.preadv(self._file.fileno(), [view], offset)
            if n_read <= 0:
                raise OutputError("a temporary file lost its end")
            offset += n_read
            view = view[n_read:]

    def map_int64(self) -> npt.NDArray[np.int64]:
        """The whole file as int64, mapped into memory; it stays valid when the file is closed."""
        return np.frombuffer(self._map(), dtype=np.int64)

    def map_int32(self) -> npt.NDArray[np.int32]:
        """The whole file as int32, mapped into memory; it stays valid when the file is closed."""
        return np.frombuffer(self._map(), dtype=np.int32)

    def _map(self) -> Any:
        if not self.n_bytes:
            return b""
        return mmap.mmap(self._file.fileno(), self.n_bytes, access=mmap.ACCESS_READ)

    def close(self) -> None:
        self._file.close()


# ---- blocks of ids ----------------------------------------------------------------------------


class MemoryShare:
    """Bytes that several owners may hold in memory together."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0  # changed under the GIL by whole statements; a race costs one piece


class _Piece:
    """Memory for several blocks, or its place in the temporary file."""

    __slots__ = ("ids", "n_blocks", "n_ids", "offset")

    def __init__(self, room: int) -> None:
        self.ids: npt.NDArray[np.int32] | None = fresh_ids(room)
        self.n_ids = 0
        self.n_blocks = 0
        self.offset = -1


@dataclass(frozen=True)
class Block:
    """Ids of one chunk: where they are and what they belong to."""

    chunk_number: int
    segment: int
    ends_file: bool
    first: int
    n_ids: int
    piece: _Piece


class IdPieces:
    """The provisional ids of one worker, in the order of its chunks.

    Appended while counting; taken once, in the same order, afterwards.
    """

    def __init__(self, share: MemoryShare, piece_ids: int = PIECE_IDS) -> None:
        self._share = share
        self._piece_ids = piece_ids
        self._current: _Piece | None = None
        self._file: TemporaryFile | None = None
        self._loaded: tuple[_Piece, npt.NDArray[np.int32]] | None = None

    def append(
        self, ids: npt.NDArray[np.int32], chunk_number: int, segment: int, ends_file: bool
    ) -> Block:
        """Keep a copy of the ids."""
        piece = self._current
        if piece is None or piece.ids is None or piece.n_ids + len(ids) > len(piece.ids):
            self._close_piece()
            room = max(self._piece_ids, len(ids))
            piece = self._current = _Piece(room)
            self._share.used += 4 * room
        assert piece.ids is not None
        first = piece.n_ids
        piece.ids[first : first + len(ids)] = ids
        piece.n_ids += len(ids)
        piece.n_blocks += 1
        return Block(chunk_number, segment, ends_file, first, len(ids), piece)

    def _close_piece(self) -> None:
        """Move the full piece to disk when memory is short."""
        piece = self._current
        if piece is None or self._share.used <= self._share.limit:
            return
        assert piece.ids is not None
        if self._file is None:
            self._file = TemporaryFile()
        piece.offset = self._file.append(piece.ids[: piece.n_ids])
        self._share.used -= 4 * len(piece.ids)
        piece.ids = None

    def take(self, block: Block) -> npt.NDArray[np.int32]:
        """As `look`; frees what is behind the block."""
        ids = self.look(block)
        piece = block.piece
        piece.n_blocks -= 1
        if piece.n_blocks == 0 and piece.ids is not None:
            self._share.used -= 4 * len(piece.ids)
            piece.ids = None  # `ids` is the last reference
        return ids

    def look(self, block: Block) -> npt.NDArray[np.int32]:
        """The ids of a block; they stay where they are."""
        piece = block.piece
        if piece.ids is not None:
            ids = piece.ids
        else:
            if self._loaded is None or self._loaded[0] is not piece:
                assert self._file is not None
                buffer = np.empty(piece.n_ids, dtype=np.int32)
                self._file.read_into(buffer, piece.offset)
                self._loaded = (piece, buffer)
            ids = self._loaded[1]
        return ids[block.first : block.first + block.n_ids]

    def close(self) -> None:
        self._current = self._loaded = None
        if self._file is not None:
            self._file.close()


# ---- runs of word counts ----------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """One segment's words in byte order, somewhere in a temporary file."""

    file: TemporaryFile
    offset: int
    n_bytes: int
    n_words: int


def write_run(table: WordTable, file: TemporaryFile) -> Run:
    """Append the words of a table to the file as a sorted run."""
    writer = RunWriter(table)
    buffer = np.empty(_RUN_BUFFER_BYTES, dtype=np.uint8)
    offset = file.n_bytes
    while True:
        try:
            n_bytes = writer.write_to(buffer)
        except BufferError:  # one word longer than the buffer
            buffer = np.empty(2 * len(buffer), dtype=np.uint8)
            continue
        if not n_bytes:
            return Run(file, offset, file.n_bytes - offset, len(table))
        file.append(buffer[:n_bytes])


def _buffers(
    run: Run, n_buffer_bytes: int
) -> Generator[tuple[npt.NDArray[np.uint8], int, bool], int, None]:
    """(buffer, n_bytes, is_last) of a run.  Send back how many bytes at its end were not used;
    they begin the next buffer, which is larger when it held no whole record."""
    room = n_buffer_bytes
    buffer = np.empty(room + PADDING, dtype=np.uint8)
    position, end, n_kept = run.offset, run.offset + run.n_bytes, 0
    while True:
        n_read = min(room - n_kept, end - position)
        run.file.read_into(buffer[n_kept : n_kept + n_read], position)
        position += n_read
        n_bytes = n_kept + n_read
        n_kept = yield buffer, n_bytes, position == end
        if position == end:
            return
        kept = buffer[n_bytes - n_kept : n_bytes].copy()
        if n_kept == n_bytes:
            room *= 2
        buffer = np.empty(room + PADDING, dtype=np.uint8)
        buffer[:n_kept] = kept


def merge_runs(
    runs: list[Run], min_count: int, memory: int
) -> tuple[
    npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.uint64]
]:
    """Words of all runs with `min_count` or more: (arena, starts, counts, first_seen)."""
    n_buffer_bytes = max(4096, min(_RUN_BUFFER_BYTES, memory // len(runs)))
    merger = RunMerger(len(runs), max(min_count, 1))
    streams = [_buffers(run, n_buffer_bytes) for run in runs]

    def feed(number: int, first: bool) -> None:
        stream = streams[number]
        while True:
            n_before = merger.n_unread(number)
            buffer, n_bytes, is_last = next(stream) if first else stream.send(n_before)
            first = False
            merger.feed(number, buffer, n_bytes, is_last)
            if is_last or merger.n_unread(number) < n_bytes:
                return

    for number in range(len(runs)):
        feed(number, True)
    while (number := merger.step()) >= 0:
        feed(number, False)
    return merger.words()


def remap_of_run(run: Run, table: WordTable, first_id: int) -> npt.NDArray[np.int32]:
    """int32[n_words + 1]: the run's ids -> id in `table` minus `first_id`, -1 where not kept."""
    remap = np.full(run.n_words + 1, -1, dtype=np.int32)
    stream = _buffers(run, _RUN_BUFFER_BYTES)
    buffer, n_bytes, is_last = next(stream)
    while True:
        n_used = remap_of_records(table, buffer, n_bytes, remap, first_id)
        if is_last:
            return remap
        buffer, n_bytes, is_last = stream.send(n_bytes - n_used)
