"""The one place for writing outputs: all or nothing.

An OutputFile is opened before the hours of work, so that a missing folder is found at once.  It
is written beside its target under a temporary name and renamed over it when it is whole.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import re
import stat
import sys
from collections.abc import Iterator
from types import TracebackType
from typing import BinaryIO

from wordvec.errors import OutputError

_BUFFER_BYTES = 1 << 20
_MAX_NAME_BYTES = 255
_NO_DESCRIPTOR = -1

# Outputs that are neither committed nor discarded, for the interpreter's exit.
_unfinished: set[OutputFile] = set()


class OutputFile:
    """A file that appears under `path` whole or not at all.

    Opening creates `.NAME.XXXXXXXX.tmp` in the target's folder; `commit` flushes, syncs and
    renames it, `discard` removes it.  Both may be called again without effect.  As a context
    manager it commits, or discards on any exception (KeyboardInterrupt as well).  The file that
    was there before stays as it was until the rename; its mode bits and, where allowed, its owner
    are kept.  A symbolic link is followed.  What is not a regular file (a pipe, a device such as
    /dev/null, /dev/stdout) is written to directly, and "-" is standard output.

    `stream` is a buffered binary stream.  `n_bytes_expected` may be set for the message of a disk
    that fills up.  OutputError (one line) for everything that goes wrong,
    but BrokenPipeError when the reader of a pipe has left: no fault of anybody.
    """

    stream: BinaryIO

    def __init__(self, path: str | os.PathLike[str], n_bytes_expected: int | None = None) -> None:
        self.path = os.fspath(path)
        self.n_bytes_expected = n_bytes_expected
        self._process = os.getpid()
        self._finished = False
        self._discarded = False
        self._target: str | None = None
        self._temporary: str | None = None
        try:
            descriptor = self._open()
        except OSError as error:
            self._remove_temporary()
            raise self._error(_reason(error)) from error
        except BaseException:  # Ctrl-C
            self._remove_temporary()
            raise
        self._raw = _OutputDescriptor(descriptor, self)
        self.stream = io.BufferedWriter(self._raw, _BUFFER_BYTES)
        _unfinished.add(self)

    def _open(self) -> int:
        """Open what is to be written, and set `_target` and `_temporary` unless it is direct."""
        if self.path == "-":
            sys.stdout.flush()
            try:
                return os.dup(sys.stdout.fileno())
            except io.UnsupportedOperation:
                return _NO_DESCRIPTOR  # a test or a notebook has put its own object there
        number = _own_descriptor(self.path)
        if number is not None:
            sys.stdout.flush()  # what was printed before comes before
            return os.dup(number)
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            status = None
        if status is not None and stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError("it is a folder; give the name of a file")
        if status is not None and not stat.S_ISREG(status.st_mode):
            return os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)
        target = os.path.realpath(self.path)
        folder, name = os.path.split(target)
        if len(os.fsencode(name)) > _MAX_NAME_BYTES:
            raise OSError("the file name is too long")
        if self.path.endswith(os.sep) or not os.path.isdir(folder):
            missing = self.path if self.path.endswith(os.sep) else folder
            raise FileNotFoundError(f"folder {missing} does not exist; create it first")
        if status is not None and not os.access(target, os.W_OK):
            raise PermissionError("the file is there and may not be written to")
        descriptor = self._open_temporary(folder, name)
        self._target = target
        if status is not None:
            with contextlib.suppress(PermissionError):
                os.fchown(descriptor, status.st_uid, status.st_gid)
            with contextlib.suppress(PermissionError):
                os.fchmod(descriptor, stat.S_IMODE(status.st_mode))
        return descriptor

    def _open_temporary(self, folder: str, name: str) -> int:
        # 14 bytes are for the dots, the random part and the suffix; a cut character is harmless.
        stem = os.fsdecode(os.fsencode(name)[: _MAX_NAME_BYTES - 14])
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        while True:
            temporary = os.path.join(folder, f".{stem}.{os.urandom(4).hex()}.tmp")
            try:
                self._temporary = temporary
                return os.open(temporary, flags, 0o666)  # less the umask, as open() would
            except FileExistsError:
                self._temporary = None  # another's: not ours to remove

    def flush(self, *, sync: bool = True) -> None:
        """Hand all bytes to the disk without putting the file in place: of several files that
        belong together, none should appear before all are known to fit.  Errors as `commit`.
        """
        with self._or_discarded():
            self.stream.flush()
            if self._temporary is not None and sync:
                os.fsync(self._raw.descriptor)

    def commit(self, *, sync: bool = True) -> None:
        """Put the file in place.  On an error it is discarded and OutputError raised.

        Without `sync` the rename does not wait for the disk: whole after a crash of the program,
        not certainly after one of the machine.  For whoever must answer Ctrl-C at once.
        """
        if self._finished:
            if self._discarded:
                raise self._error("it was discarded and cannot be put in place")
            return
        self.flush(sync=sync)
        with self._or_discarded():
            self._raw.close_descriptor()
            if self._temporary is not None and self._target is not None:
                os.replace(self._temporary, self._target)
        self._temporary = None
        self._finish()

    @contextlib.contextmanager
    def _or_discarded(self) -> Iterator[None]:
        """An error inside discards the file, and is raised as OutputError."""
        try:
            yield
        except OSError as error:
            self.discard()
            if isinstance(error, (OutputError, BrokenPipeError)):
                raise
            raise self._error(_reason(error)) from error
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        """Close and remove the temporary file; what was there before stays."""
        if self._finished:
            return
        self._discarded = True
        with contextlib.suppress(OSError):
            self._raw.close_descriptor()
        self._remove_temporary()
        self._finish()

    def _finish(self) -> None:
        self._finished = True
        _unfinished.discard(self)
        self._raw.swallow = True  # what is still buffered has nowhere to go
        self.stream.close()

    def _remove_temporary(self) -> None:
        if self._temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(self._temporary)
            self._temporary = None

    def _error(self, reason: str) -> OutputError:
        name = "standard output" if self.path == "-" else self.path
        return OutputError(f"cannot write {name}: {reason}")

    def __enter__(self) -> OutputFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.commit()
        else:
            self.discard()


class _OutputDescriptor(io.RawIOBase):
    """The unbuffered end: counts bytes and turns the system's errors into OutputError."""

    def __init__(self, descriptor: int, output: OutputFile) -> None:
        self.descriptor = descriptor
        self.output = output
        self.n_bytes_written = 0
        self.swallow = False
        self._is_open = True

    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        view = memoryview(data).cast("B")  # type: ignore[arg-type]
        if self.swallow:
            return len(view)
        try:
            if self.descriptor == _NO_DESCRIPTOR:
                n_bytes = sys.stdout.buffer.write(view)
            else:
                n_bytes = os.write(self.descriptor, view)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise self.output._error(f"{_reason(error)} {self._progress()}") from error
        self.n_bytes_written += n_bytes
        return n_bytes

    def _progress(self) -> str:
        expected = self.output.n_bytes_expected
        done = f"after {self.n_bytes_written} bytes"
        if expected is not None:
            done = f"after {self.n_bytes_written} of {expected} bytes"
        return f"{done}; nothing was left behind" if self.output._temporary else done

    def close_descriptor(self) -> None:
        if self._is_open:
            self._is_open = False
            if self.descriptor != _NO_DESCRIPTOR:
                os.close(self.descriptor)


def _own_descriptor(path: str) -> int | None:
    """The number of the open file that `path` stands for, such as 1 for /dev/stdout.

    Opening such a path again would start at byte 0 of a redirected file, and renaming over it
    would cut the shell's redirection off.
    """
    names = {"/dev/stdout": 1, "/dev/stderr": 2}
    if path in names:
        return names[path]
    match = re.fullmatch(r"/(?:dev|proc/self)/fd/(\d+)", path)
    return int(match[1]) if match else None


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


def _discard_unfinished() -> None:
    """At exit; a forked child must not remove its parent's files."""
    for output in list(_unfinished):
        if output._process == os.getpid():
            output.discard()


atexit.register(_discard_unfinished)
