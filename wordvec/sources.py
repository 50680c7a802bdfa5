"""Where text comes from: files, folders, patterns, stdin, Python sentences, integer arrays.

`open_source` decides which of them it was given; a TextReader then hands out the text of files
and streams in chunks that end on a token boundary, to any number of threads.
"""

from __future__ import annotations

import bz2
import glob
import gzip
import importlib
import io
import lzma
import os
import re
import select
import sys
import threading
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt

from wordvec.errors import CorpusError
from wordvec.kernels.tokens import MAX_WORD_BYTES, PADDING, last_boundary

CHUNK_BYTES = 1 << 20
_POLL_SECONDS = 0.2
STDIN = "-"

# How compressed files begin.  Three letters alone do not make a text bzip2.
_BEGINNINGS = {
    "gzip": re.compile(rb"\x1f\x8b\x08"),
    "bzip2": re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)"),
    "xz": re.compile(rb"\xfd7zXZ\x00"),
    "zstd": re.compile(rb"\x28\xb5\x2f\xfd"),
}
_MAGIC_BYTES = 10
_ZSTD_READ_BYTES = 1 << 14  # small: it may unpack to much more


@dataclass(frozen=True)
class TextFiles:
    """Files (or stdin, as "-") to be read one after the other."""

    paths: list[str]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Sentences:
    """A Python iterable of sentences, read once."""

    sentences: Iterable[Any]


Source = TextFiles | Sentences


def open_source(source: Any) -> Source:
    """Decide what was given.

    A str or os.PathLike is a path, a pattern with * ? or [, a folder (all files in it and below,
    in the order of their names; hidden ones are left out) or "-" for stdin.  A list or tuple of
    these is several files; strings in a list are taken for paths only if all of them exist.
    Anything else must be an iterable of sentences (lists or tuples of str) or integer arrays.
    Raises CorpusError for what is missing or cannot be meant.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        raise CorpusError("the corpus is bytes; expected a path or an iterable of sentences")
    if isinstance(source, str | os.PathLike):
        return _files_of([os.fspath(source)])
    if isinstance(source, list | tuple) and source:
        if all(isinstance(item, os.PathLike) for item in source):
            return _files_of([os.fspath(item) for item in source])
        if all(isinstance(item, str | os.PathLike) for item in source):
            return _listed_strings([os.fspath(item) for item in source])
    if isinstance(source, np.ndarray) and source.ndim == 1 and source.dtype != object:
        raise CorpusError("the corpus is one 1-D array; expected a 2-D array or a list of arrays")
    if not isinstance(source, Iterable):
        raise CorpusError(
            f"the corpus is {type(source).__name__}; expected a path or an iterable of sentences"
        )
    return Sentences(source)


def _listed_strings(items: list[str]) -> TextFiles:
    missing = [item for item in items if item != STDIN and not os.path.exists(item)]
    if not missing:
        return _files_of(items)
    if len(missing) < len(items):
        raise CorpusError(f"{missing[0]}: no such file")
    raise CorpusError(
        f"the corpus is a list of strings ({items[0]!r:.40} ...) and no file has such a name; "
        "expected a list of sentences, each a list of words, or a list of existing files"
    )


def _files_of(names: list[str]) -> TextFiles:
    paths: list[str] = []
    notes: list[str] = []
    for name in names:
        if name == STDIN or os.path.isfile(name):
            paths.append(name)
        elif os.path.isdir(name):
            paths += _files_in_folder(name, notes)
        elif os.path.exists(name):
            paths.append(name)  # a named pipe or a device
        elif any(mark in name for mark in "*?["):
            matches = sorted(p for p in glob.glob(name, recursive=True) if not os.path.isdir(p))
            if not matches:
                raise CorpusError(f"{name}: no file matches")
            paths += matches
        else:
            raise CorpusError(f"{name}: no such file")
    return TextFiles(paths, notes)


def _files_in_folder(folder: str, notes: list[str]) -> list[str]:
    paths: list[str] = []
    n_hidden = 0
    for place, folders, names in os.walk(folder):
        n_hidden += sum(name.startswith(".") for name in names + folders)
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths += [os.path.join(place, name) for name in names if not name.startswith(".")]
    if not paths:
        raise CorpusError(f"{folder}: the folder holds no files")
    if n_hidden:
        notes.append(f"{folder}: {n_hidden} hidden files or folders left out")
    return sorted(paths)


# ---- opening one file -------------------------------------------------------------------------


class ReadingStopped(Exception):
    """Somebody asked to stop while a pipe had nothing to say."""


class _Pipe(io.RawIOBase):
    """A stream that cannot go back but for its first bytes, and may keep its reader waiting.

    It asks `stop_requested` several times a second, so that Ctrl-C does not wait for the writer.
    """

    def __init__(self, raw: BinaryIO, stop_requested: Callable[[], bool]) -> None:
        self._raw = raw
        self._stop_requested = stop_requested
        self._head = b""
        while len(self._head) < _MAGIC_BYTES:
            more = self._read(_MAGIC_BYTES - len(self._head))
            if not more:
                break
            self._head += more

    def _read(self, n_bytes: int) -> bytes:
        while not select.select([self._raw], [], [], _POLL_SECONDS)[0]:
            if self._stop_requested():
                raise ReadingStopped
        return self._raw.read(n_bytes)

    @property
    def head(self) -> bytes:
        return self._head

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._head[: len(buffer)] or self._read(len(buffer))
        self._head = self._head[len(data) :]
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _OpenFile:
    """One file being read, unpacked on the way."""

    def __init__(self, path: str, stop_requested: Callable[[], bool]) -> None:
        self.path = path
        self.compression = ""
        self.raw: BinaryIO
        self.offset = 0  # of the next byte, unpacked
        try:
            # A copy of stdin, so that closing it leaves sys.stdin alone.
            file = os.dup(sys.stdin.fileno()) if path == STDIN else path
            self.raw = open(file, "rb", buffering=0)  # noqa: SIM115
            self.stream = self._unpacked(stop_requested)
        except OSError as error:
            raise CorpusError(f"{path}: {error.strerror or error}") from error

    def _unpacked(self, stop_requested: Callable[[], bool]) -> Any:
        whole: Any
        if self.raw.seekable():
            head = self.raw.read(_MAGIC_BYTES)
            self.raw.seek(0)
            whole = self.raw
        else:
            pipe = _Pipe(self.raw, stop_requested)
            head = pipe.head
            whole = pipe
        for name, beginning in _BEGINNINGS.items():
            if beginning.match(head):
                self.compression = name
        if self.compression:
            whole = io.BufferedReader(whole, CHUNK_BYTES)
        if self.compression == "gzip":
            return gzip.GzipFile(fileobj=whole, mode="rb")
        if self.compression == "bzip2":
            return bz2.BZ2File(whole)
        if self.compression == "xz":
            return lzma.LZMAFile(whole)
        if self.compression == "zstd":
            return _ZstdStream(self.path, whole)
        return whole

    def fill(self, buffer: memoryview) -> int:
        """Read until the buffer is full or the file ends; the bytes read."""
        n_bytes = 0
        try:
            while n_bytes < len(buffer):
                n_read = self.stream.readinto(buffer[n_bytes:])
                if not n_read:
                    break
                n_bytes += n_read
        except (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError) as error:
            raise self._error(error, self.offset + n_bytes) from error
        except ReadingStopped:
            raise
        except Exception as error:
            if self.compression != "zstd":  # zstandard has an error class of its own
                raise
            raise self._error(error, self.offset + n_bytes) from error
        self.offset += n_bytes
        return n_bytes

    def _error(self, error: Exception, offset: int) -> CorpusError:
        if not self.compression:
            return CorpusError(f"{self.path}: cannot be read: {error}")
        what = "ends too early" if isinstance(error, EOFError) else f"is damaged ({error})"
        return CorpusError(
            f"{self.path}: the {self.compression} data {what} after {offset} unpacked bytes"
        )

    def raw_position(self) -> int:
        """Bytes of the file itself read so far; for progress."""
        try:
            return self.raw.tell()
        except (OSError, ValueError):
            return self.offset

    def close(self) -> None:
        self.stream.close()
        self.raw.close()


class _ZstdStream(io.RawIOBase):
    """Frame after frame unpacked.  The library's own reader takes a cut file for a whole one."""

    def __init__(self, path: str, stream: BinaryIO) -> None:
        try:
            self._library: Any = importlib.import_module("zstandard")
        except ImportError:
            raise CorpusError(
                f"{path}: this is zstd; reading it needs an extra: pip install 'wordvec[zst]'"
            ) from None
        self._stream = stream
        self._frame: Any = None
        self._packed = b""
        self._unpacked = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._unpacked:
            if not self._packed:
                self._packed = self._stream.read(_ZSTD_READ_BYTES)
            if not self._packed:
                if self._frame is not None:
                    raise EOFError
                return 0
            if self._frame is None:
                self._frame = self._library.ZstdDecompressor().decompressobj()
            self._unpacked = memoryview(self._frame.decompress(self._packed))
            self._packed = b""
            if self._frame.eof:
                self._packed = self._frame.unused_data
                self._frame = None
        n_bytes = min(len(buffer), len(self._unpacked))
        buffer[:n_bytes] = self._unpacked[:n_bytes]
        self._unpacked = self._unpacked[n_bytes:]
        return n_bytes


# ---- chunks -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Chunk:
    """Text buffer[:n_bytes], which ends on a token boundary or at the end of its file.

    `offset` is the place of its first byte in the (unpacked) file.
    """

    number: int
    path: str
    offset: int
    n_bytes: int
    ends_file: bool


class ChunkBuffer:
    """Memory for one chunk with PADDING bytes behind it; grows for words that do not fit."""

    def __init__(self, n_bytes: int = CHUNK_BYTES) -> None:
        self.bytes: npt.NDArray[np.uint8] = np.zeros(n_bytes + PADDING, dtype=np.uint8)

    @property
    def room(self) -> int:
        return len(self.bytes) - PADDING

    def grow(self) -> None:
        larger = np.zeros(2 * self.room + PADDING, dtype=np.uint8)
        larger[: len(self.bytes)] = self.bytes
        self.bytes = larger


class TextReader:
    """Hands out the chunks of several files in order; safe to share between threads.

    Reading (and unpacking) happens under a lock in the thread that asks for a chunk, while the
    others work on theirs: memory stays at one chunk per thread, and no chunk depends on the
    number of threads.
    """

    def __init__(self, paths: list[str], chunk_bytes: int = CHUNK_BYTES) -> None:
        self.chunk_bytes = chunk_bytes
        self.n_bytes = 0  # unpacked bytes handed out
        self.notes: list[str] = []
        self.stop_requested: Callable[[], bool] = lambda: False
        self.n_raw_total: int | None = 0
        for path in paths:
            regular = path != STDIN and os.path.isfile(path)
            if not regular:
                self.n_raw_total = None
            elif self.n_raw_total is not None:
                self.n_raw_total += os.path.getsize(path)
        self._paths = paths
        self._next_path = 0
        self._n_raw_closed = 0
        self._file: _OpenFile | None = None
        self._carry = b""
        self._number = 0
        self._lock = threading.Lock()

    def next_chunk(self, buffer: ChunkBuffer) -> Chunk | None:
        """Fill the buffer with the next chunk; None at the end of the last file.

        Raises ReadingStopped when a pipe has nothing to say and `stop_requested` says so.
        """
        with self._lock:
            while True:
                if self._file is None:
                    if self._next_path == len(self._paths):
                        return None
                    self._open_next()
                chunk = self._read(buffer)
                if chunk is not None:
                    return chunk

    def n_raw_done(self) -> int:
        """Bytes of the files themselves read so far."""
        file = self._file
        return self._n_raw_closed + (file.raw_position() if file is not None else 0)

    def close(self) -> None:
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None
            self._next_path = len(self._paths)

    def _open_next(self) -> None:
        path = self._paths[self._next_path]
        self._next_path += 1
        self._file = _OpenFile(path, self.stop_requested)
        if self._file.compression:
            self.notes.append(f"{path}: unpacked as {self._file.compression}")

    def _read(self, buffer: ChunkBuffer) -> Chunk | None:
        file = self._file
        assert file is not None
        n_carried = len(self._carry)
        while buffer.room < max(self.chunk_bytes, n_carried + 1):
            buffer.grow()
        # The size is the reader's, not the buffer's: a buffer may have grown for a long word.
        n_wanted = max(self.chunk_bytes, n_carried + 1)
        buffer.bytes[:n_carried] = np.frombuffer(self._carry, dtype=np.uint8)
        offset = file.offset - n_carried
        n_bytes, boundary = n_carried, -1
        while True:
            n_read = file.fill(memoryview(cast(Any, buffer.bytes))[n_bytes:n_wanted])
            boundary = last_boundary(buffer.bytes, n_bytes, n_bytes + n_read)
            n_bytes += n_read
            if n_bytes < n_wanted:  # the end of the file
                self._carry = b""
                self._n_raw_closed += file.raw_position()
                file.close()
                self._file = None
                return self._chunk(file.path, offset, n_bytes, True)
            if boundary >= 0:
                self._carry = buffer.bytes[boundary:n_bytes].tobytes()
                return self._chunk(file.path, offset, boundary, False)
            if n_bytes > MAX_WORD_BYTES:
                raise CorpusError(
                    f"{file.path}: no space in the {n_bytes} bytes from byte {offset} on; "
                    "words of 2 GiB or more are not supported"
                )
            n_wanted *= 2
            while buffer.room < n_wanted:
                buffer.grow()

    def _chunk(self, path: str, offset: int, n_bytes: int, ends_file: bool) -> Chunk:
        chunk = Chunk(self._number, path, offset, n_bytes, ends_file)
        self._number += 1
        self.n_bytes += n_bytes
        return chunk
