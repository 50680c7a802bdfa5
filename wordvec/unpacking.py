"""One file of text as a stream of bytes: plain or compressed, on disk, a pipe or stdin.

What a file is packed with is seen by its first bytes, never by its name.
"""

from __future__ import annotations

import importlib
import io
import os
import re
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

from wordvec.errors import CorpusError

STDIN = "-"
_POLL_SECONDS = 0.2
_PACKED_READ_BYTES = 1 << 20
# What an unpacker is asked for at once.  Where the data are damaged, what it had ready of such a
# piece is lost, and the offset in the message is too small by that.
_PIECE_BYTES = 1 << 14

# How compressed files begin.  Three letters alone do not make a text bzip2.
_BEGINNINGS = {
    "gzip": re.compile(rb"\x1f\x8b\x08"),
    "bzip2": re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)"),
    "xz": re.compile(rb"\xfd7zXZ\x00"),
    "zstd": re.compile(rb"\x28\xb5\x2f\xfd"),
}
MAGIC_BYTES = 10
_ZSTD_READ_BYTES = 1 << 14  # small: it may unpack to much more


def compression_of(head: bytes) -> str:
    """gzip, bzip2, xz or zstd by the first MAGIC_BYTES of a file, else ""."""
    for name, beginning in _BEGINNINGS.items():
        if beginning.match(head):
            return name
    return ""


def damage_errors() -> tuple[type[Exception], ...]:
    """What unpackers raise for damaged data.  zlib and lzma take a millisecond each to import;
    what nobody has imported cannot have raised anything."""
    known = (("zlib", "error"), ("lzma", "LZMAError"))
    there = [getattr(sys.modules[name], error) for name, error in known if name in sys.modules]
    return (EOFError, *there)


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
        while len(self._head) < MAGIC_BYTES:
            more = self._read(MAGIC_BYTES - len(self._head))
            if not more:
                break
            self._head += more

    def _read(self, n_bytes: int) -> bytes:
        import select

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


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting for the writer of a named pipe; reading waits, and can be stopped."""
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
    os.set_blocking(descriptor, True)
    return descriptor


class UnpackedFile:
    """One file being read, unpacked on the way; CorpusError when it cannot be."""

    def __init__(self, path: str, stop_requested: Callable[[], bool]) -> None:
        self.path = path
        self.compression = ""
        self.raw: BinaryIO
        self.offset = 0  # of the next byte, unpacked
        try:
            # A copy of stdin, so that closing it leaves sys.stdin alone.
            file = os.dup(sys.stdin.fileno()) if path == STDIN else path
            self.raw = open(file, "rb", buffering=0, opener=_open_at_once)  # noqa: SIM115
        except OSError as error:
            raise CorpusError(f"{path}: {error.strerror or error}") from error
        try:
            self.stream = self._unpacked(stop_requested)
        except OSError as error:
            self.raw.close()
            raise CorpusError(f"{path}: {error.strerror or error}") from error
        except BaseException:
            self.raw.close()
            raise

    def _unpacked(self, stop_requested: Callable[[], bool]) -> Any:
        whole: Any
        if self.raw.seekable():
            head = self.raw.read(MAGIC_BYTES)
            self.raw.seek(0)
            whole = self.raw
        else:
            pipe = _Pipe(self.raw, stop_requested)
            head = pipe.head
            whole = pipe
        self.compression = compression_of(head)
        if self.compression:
            whole = io.BufferedReader(whole, _PACKED_READ_BYTES)
        if self.compression == "gzip":
            import gzip

            return gzip.GzipFile(fileobj=whole, mode="rb")
        if self.compression == "bzip2":
            import bz2

            return bz2.BZ2File(whole)
        if self.compression == "xz":
            import lzma

            return lzma.LZMAFile(whole)
        if self.compression == "zstd":
            return ZstdStream(self.path, whole)
        return whole

    def fill(self, buffer: memoryview) -> int:
        """Read until the buffer is full or the file ends; the bytes read."""
        n_bytes = 0
        # Not readinto where something is unpacked: it gathers, and an error would lose it all.
        read, piece = self.stream.readinto, len(buffer)
        if self.compression and self.compression != "zstd":
            read, piece = self.stream.readinto1, _PIECE_BYTES
        try:
            while n_bytes < len(buffer):
                n_read = read(buffer[n_bytes : n_bytes + piece])
                if not n_read:
                    break
                n_bytes += n_read
        except (OSError, ValueError) as error:  # gzip's and bz2's way of saying it
            raise self._error(error, self.offset + n_bytes) from error
        except damage_errors() as error:
            raise self._error(error, self.offset + n_bytes) from error
        except ReadingStopped:
            raise
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


class ZstdStream(io.RawIOBase):
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
            try:
                self._unpacked = memoryview(self._frame.decompress(self._packed))
            except self._library.ZstdError as error:
                raise OSError(str(error)) from error
            self._packed = b""
            if self._frame.eof:
                self._packed = self._frame.unused_data
                self._frame = None
        n_bytes = min(len(buffer), len(self._unpacked))
        buffer[:n_bytes] = self._unpacked[:n_bytes]
        self._unpacked = self._unpacked[n_bytes:]
        return n_bytes
