"""A sample of a text that may be too long to read: pieces from all over its files.

What is packed (.gz and the like) can only be read from its beginning.
"""

from __future__ import annotations

import os
import random
import tempfile
from dataclasses import dataclass, field
from types import TracebackType
from typing import BinaryIO

from wordvec.errors import CorpusError, OutputError
from wordvec.sources import Sentences, TextFiles, open_source
from wordvec.unpacking import MAGIC_BYTES, STDIN, UnpackedFile, compression_of

SAMPLE_BYTES = 32 << 20
PIECE_BYTES = 1 << 16
_UNPACKED_AT_MOST = 6  # times the size of the packed file, for text
_PACKED_SUFFIXES = (".gz", ".bz2", ".xz", ".zst")
_MOST_NOTES = 5
_READ_AHEAD_BYTES = 1 << 19  # of a packed file, on average


@dataclass
class TextSample:
    """What was taken from a text.  Use it as a context manager: it removes its temporary file.

    source            what to read: the text itself when `is_whole`, else the sample's file
    n_text_bytes      of the whole text, unpacked (estimated where it is packed)
    n_sampled_bytes   of these in the sample
    n_pieces, n_without_newline   pieces that were taken, and those of them inside of one line
    """

    source: list[str]
    n_text_bytes: int
    n_sampled_bytes: int
    is_whole: bool
    n_files: int
    n_pieces: int = 0
    n_without_newline: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Of the text that is in the sample, 0 to 1."""
        return 1.0 if self.is_whole else min(1.0, self.n_sampled_bytes / max(self.n_text_bytes, 1))

    def close(self) -> None:
        if not self.is_whole and os.path.exists(self.source[0]):
            os.unlink(self.source[0])

    def __enter__(self) -> TextSample:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def take_sample(source: object, n_bytes: int = SAMPLE_BYTES, seed: int = 1) -> TextSample:
    """A sample of about `n_bytes` of the files that `source` names, in random order; the whole
    text when it is not much longer.

    The same for the same files and seed.  CorpusError for what is no regular file (a pipe gives
    its text only once), what cannot be read and what is empty; OutputError when there is no room
    for the temporary file.
    """
    opened = open_source(source)
    if isinstance(opened, Sentences):
        raise CorpusError("a plan is made for files: name the text")
    sizes = _sizes(opened)
    n_raw = sum(sizes)
    if n_raw <= n_bytes and all(
        not _is_packed(path) or n_raw * _UNPACKED_AT_MOST <= n_bytes for path in opened.paths
    ):
        return TextSample(opened.paths, n_raw, n_raw, True, len(sizes), notes=list(opened.notes))
    pieces = _Pieces(opened.paths, sizes, n_bytes, random.Random(seed))
    return pieces.write(list(opened.notes))


def _sizes(opened: TextFiles) -> list[int]:
    for path in opened.paths:
        if path == STDIN or not os.path.isfile(path):
            raise CorpusError(
                f"{path}: a plan needs a regular file: what a pipe gives can be read only once; "
                "save the text, or a good part of it, to a file first"
            )
    try:
        return [os.path.getsize(path) for path in opened.paths]
    except OSError as error:
        raise CorpusError(f"{error.filename}: {error.strerror}") from error


def _is_packed(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return bool(compression_of(file.read(MAGIC_BYTES)))
    except OSError as error:
        raise CorpusError(f"{path}: {error.strerror or error}") from error


@dataclass
class _Pieces:
    """Taking pieces: so many places, each in the next equal part of all bytes of the files.

    Only files with a place in them are opened.
    """

    paths: list[str]
    sizes: list[int]
    n_bytes: int
    random: random.Random
    pieces: list[bytes] = field(default_factory=list)
    n_without_newline: int = 0

    def write(self, notes: list[str]) -> TextSample:
        n_plain = n_packed = n_unpacked = 0.0
        n_unseen = 0  # of files that nobody looked into but that are packed by their names
        n_raw = sum(self.sizes)
        end = 0.0  # of the files so far, in places
        n_places = max(1, self.n_bytes // PIECE_BYTES)
        for path, size in zip(self.paths, self.sizes, strict=True):
            first, end = end, end + n_places * size / max(n_raw, 1)
            places = range(_rounded_up(first), _rounded_up(end))
            if not places:
                n_unseen += size * path.endswith(_PACKED_SUFFIXES)
                n_plain += size * (not path.endswith(_PACKED_SUFFIXES))
            elif _is_packed(path):
                n_packed += size
                n_unpacked += self._take_head(path, size, len(places))
                notes.append(f"{path}: only its beginning was read, since it is packed")
            else:
                n_plain += size
                width = max(end - first, 1e-9)
                self._take_places(path, size, [(k - first) / width for k in places], 1 / width)
        self.random.shuffle(self.pieces)
        n_sampled = sum(map(len, self.pieces))
        ratio = n_unpacked / n_packed if n_packed else 1.0
        n_text_bytes = round(n_plain + n_unpacked + n_unseen * ratio)
        if len(notes) > _MOST_NOTES:
            notes = [*notes[:_MOST_NOTES], f"and so of {len(notes) - _MOST_NOTES:,} more files"]
        return TextSample(
            [_file_of(self.pieces)], max(n_text_bytes, n_sampled), n_sampled, False,
            len(self.paths), len(self.pieces), self.n_without_newline, notes,
        )  # fmt: skip

    def _take_places(self, path: str, size: int, places: list[float], width: float) -> None:
        """A piece from somewhere in each of these parts (shares of the file) of this width."""
        if not places:
            return
        try:
            with open(path, "rb") as file:
                if size <= PIECE_BYTES:
                    self._add(file.read(size))
                    return
                last = -PIECE_BYTES
                for place in places:
                    at = int((place + self.random.random() * width) * size)
                    at = max(last + PIECE_BYTES, min(at, size - PIECE_BYTES))  # none twice
                    if at + PIECE_BYTES > size:
                        break
                    file.seek(at)
                    self._add_piece(file, at, size)
                    last = at
        except OSError as error:
            raise CorpusError(f"{path}: {error.strerror or error}") from error

    def _add_piece(self, file: BinaryIO, at: int, size: int) -> None:
        piece = file.read(PIECE_BYTES)
        if at > 0:  # it begins in a line, and in a word
            piece = piece[_first(piece, b"\n") :]
        if at + PIECE_BYTES < size:
            piece = piece[: _last(piece, b"\n")]
        self._add(piece)

    def _take_head(self, path: str, size: int, n_pieces: int) -> float:
        """Pieces from the beginning of a packed file; how long it is unpacked, estimated."""
        file = UnpackedFile(path, lambda: False)
        n_before = file.raw_position()
        try:
            buffer = bytearray(PIECE_BYTES)
            for _ in range(n_pieces):
                n = file.fill(memoryview(buffer))
                if n:
                    self._add(bytes(buffer[:n]))
                if n < PIECE_BYTES:
                    return file.offset
            # The unpacker has read on beyond what it has given out.
            n_raw = file.raw_position() - n_before
            n_raw -= min(n_raw // 2, _READ_AHEAD_BYTES)
            return size * file.offset / max(n_raw, 1)
        finally:
            file.close()

    def _add(self, piece: bytes) -> None:
        if not piece:
            return
        self.n_without_newline += b"\n" not in piece[:-1]
        self.pieces.append(piece)


def _rounded_up(number: float) -> int:
    return -int(-number // 1)


def _first(piece: bytes, newline: bytes) -> int:
    """Where the first whole line begins, or the first whole word where there is none."""
    place = piece.find(newline)
    if place < 0 or place + 1 == len(piece):
        found = [k for k in (piece.find(blank) for blank in (b" ", b"\t")) if k >= 0]
        place = min(found, default=-1)
    return place + 1


def _last(piece: bytes, newline: bytes) -> int:
    """Where the last whole line ends, or the last whole word."""
    place = piece.rfind(newline)
    if place < 0:
        place = max(piece.rfind(blank) for blank in (b" ", b"\t"))
    return place + 1 if place >= 0 else len(piece)


def _file_of(pieces: list[bytes]) -> str:
    """Write the pieces to a temporary file, a line end behind each."""
    path = ""
    try:
        descriptor, path = tempfile.mkstemp(prefix="wordvec-plan-", suffix=".txt")
        with os.fdopen(descriptor, "wb") as file:
            for piece in pieces:
                file.write(piece)
                if piece[-1:] != b"\n":
                    file.write(b"\n")
    except BaseException as error:
        if path:
            os.unlink(path)
        if not isinstance(error, OSError):
            raise
        raise OutputError(
            f"{tempfile.gettempdir()}: the sample cannot be written: {error.strerror or error}; "
            "set TMPDIR to a folder with more room"
        ) from error
    return path
