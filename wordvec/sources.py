"""Where text comes from: files, folders, patterns, stdin, Python sentences, integer arrays.

`open_source` decides which of them it was given; a TextReader then hands out the text of files
and streams in chunks that end on a token boundary, to any number of threads.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from wordvec.errors import CorpusError, CorpusTypeError, MissingCorpusError
from wordvec.kernels.tokens import MAX_WORD_BYTES, PADDING, last_boundary
from wordvec.linesentences import TextSentences
from wordvec.unpacking import STDIN, UnpackedFile

CHUNK_BYTES = 1 << 20


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
    LineSentence and its like stand for the files that they read, where those hold the same
    sentences.  Anything else must be an iterable of sentences (lists or tuples of str) or integer
    arrays.
    Raises CorpusError for what is missing or cannot be meant.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        raise CorpusTypeError("the corpus is bytes; expected a path or an iterable of sentences")
    if isinstance(source, str | os.PathLike):
        return _files_of([os.fspath(source)])
    if isinstance(source, list | tuple) and source:
        if all(isinstance(item, os.PathLike) for item in source):
            return _files_of([os.fspath(item) for item in source])
        if all(isinstance(item, str | os.PathLike) for item in source):
            return _listed_strings([os.fspath(item) for item in source])
    if isinstance(source, TextSentences):
        files = source.files()
        return Sentences(source) if files is None else _files_of(files)
    if isinstance(source, np.ndarray) and source.ndim == 1 and source.dtype != object:
        raise CorpusError("the corpus is one 1-D array; expected a 2-D array or a list of arrays")
    if not isinstance(source, Iterable):
        raise CorpusTypeError(
            f"the corpus is {type(source).__name__}; expected a path or an iterable of sentences"
        )
    return Sentences(source)


def _listed_strings(items: list[str]) -> TextFiles:
    missing = [item for item in items if item != STDIN and not os.path.exists(item)]
    if not missing:
        return _files_of(items)
    if len(missing) < len(items):
        raise MissingCorpusError(f"{missing[0]}: no such file")
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
            import glob

            matches = sorted(p for p in glob.glob(name, recursive=True) if not os.path.isdir(p))
            if not matches:
                raise CorpusError(f"{name}: no file matches")
            paths += matches
        else:
            raise MissingCorpusError(f"{name}: no such file")
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


def last_line_end(text: npt.NDArray[np.uint8], begin: int, end: int) -> int:
    """Position just after the last newline of text[begin:end], or -1 when there is none."""
    place = text[begin:end].tobytes().rfind(b"\n")
    return begin + place + 1 if place >= 0 else -1


class TextReader:
    """Hands out the chunks of several files in order; safe to share between threads.

    Chunks end on a token boundary or, with `whole_lines`, at the end of a line.

    Reading (and unpacking) happens under a lock in the thread that asks for a chunk, while the
    others work on theirs: memory stays at one chunk per thread, and no chunk depends on the
    number of threads.
    """

    def __init__(
        self, paths: list[str], chunk_bytes: int = CHUNK_BYTES, *, whole_lines: bool = False
    ) -> None:
        self.chunk_bytes = chunk_bytes
        self._boundary = last_line_end if whole_lines else last_boundary
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
        self._file: UnpackedFile | None = None
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

    @property
    def name(self) -> str:
        """The file, or how many they are; for messages."""
        return self._paths[0] if len(self._paths) == 1 else f"{len(self._paths)} files"

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
        self._file = UnpackedFile(path, self.stop_requested)
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
            boundary = self._boundary(buffer.bytes, n_bytes, n_bytes + n_read)
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
