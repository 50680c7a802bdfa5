"""The id cache: ids, sentence starts and vocabulary of a corpus in one file.

Layout (little-endian): MAGIC, zero bytes up to HEADER_BYTES; the sections one after the other,
each padded to 64 bytes; the directory (JSON: origin, counts, and name, type, offset, length and
checksum of every section); at the very end the directory's offset, length and checksum and MAGIC
again.  The file is only ever written as a whole, so a missing tail means that it was cut.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
import zlib
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from wordvec.errors import CorpusError, FormatError
from wordvec.files import OutputFile
from wordvec.vocab import Vocab

MAGIC = b"wordvec ids 1\n\x00\x00"
HEADER_BYTES = 64
_TAIL = struct.Struct("<QQI4x16s")
_TYPES = {"ids": "<i4", "starts": "<i8", "words": "|u1", "word_starts": "<i8", "counts": "<i8"}
_SAMPLE_BYTES = 1 << 16
_N_SAMPLES = 16
_CHECK_BYTES = 1 << 24


@dataclass
class Parts:
    """What is known about a corpus besides its ids and starts; see EncodedCorpus."""

    vocab: Vocab
    n_tokens_read: int
    n_tokens_kept: int
    n_sentences: int
    n_bytes: int
    notes: list[str]


def file_stamps(paths: list[str]) -> list[dict[str, Any]] | None:
    """Size, time of change and a hash of samples of each file; None unless all are regular.

    The samples (head, tail and places between) find other files of the same size; an edit that
    keeps size and samples changes the time.
    """
    import hashlib

    if not all(os.path.isfile(path) for path in paths):
        return None
    stamps = []
    for path in paths:
        try:
            with open(path, "rb") as stream:
                status = os.fstat(stream.fileno())
                digest = hashlib.sha256()
                last = max(status.st_size - _SAMPLE_BYTES, 0)
                for k in range(_N_SAMPLES):
                    stream.seek(last * k // (_N_SAMPLES - 1))
                    digest.update(stream.read(_SAMPLE_BYTES))
        except OSError as error:
            raise CorpusError(f"{path}: {error.strerror or error}") from error
        stamps.append(
            {"size": status.st_size, "mtime_ns": status.st_mtime_ns, "samples": digest.hexdigest()}
        )
    return stamps


class Writer:
    """Writes one id cache; ids come in pieces, the rest at the end."""

    def __init__(self, path: str) -> None:
        if sys.byteorder != "little":
            raise CorpusError(f"{path}: an id cache needs a little-endian machine")
        self._path = path
        self._output = OutputFile(path)
        self._offset = 0
        self._sections: dict[str, dict[str, Any]] = {}
        self._write(MAGIC.ljust(HEADER_BYTES, b"\0"))
        self._begin("ids")

    def _write(self, data: Any) -> None:
        self._output.stream.write(data)
        self._offset += memoryview(data).nbytes

    def _begin(self, name: str) -> None:
        self._write(b"\0" * (-self._offset % 64))
        self._sections[name] = {"type": _TYPES[name], "offset": self._offset, "length": 0, "crc": 0}

    def _append(self, name: str, array: npt.NDArray[Any]) -> None:
        section = self._sections[name]
        section["length"] += len(array)
        data = memoryview(cast(Any, np.ascontiguousarray(array)))
        section["crc"] = zlib.crc32(data, section["crc"])
        self._write(data)

    def append_ids(self, ids: npt.NDArray[np.int32]) -> None:
        self._append("ids", ids)

    def finish(
        self, starts: npt.NDArray[np.int64], parts: Parts, origin: dict[str, Any]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """Write the rest, put the file in its place; (ids, starts) mapped from it."""
        import json

        arena, word_starts, counts = parts.vocab.arrays()
        rest: list[tuple[str, npt.NDArray[Any]]] = [
            ("starts", starts), ("words", arena), ("word_starts", word_starts), ("counts", counts),
        ]  # fmt: skip
        for name, array in rest:
            self._begin(name)
            self._append(name, array)
        directory = json.dumps(
            {
                "origin": origin,
                "has_separator": parts.vocab.has_separator,
                "n_tokens_read": parts.n_tokens_read,
                "n_bytes": parts.n_bytes,
                "notes": parts.notes,
                "sections": self._sections,
            }
        ).encode()
        offset = self._offset
        self._write(directory)
        self._write(_TAIL.pack(offset, len(directory), zlib.crc32(directory), MAGIC))
        self._output.commit()
        memory = _mapped(self._path)
        return _section(memory, self._sections["ids"]), _section(memory, self._sections["starts"])

    def close(self) -> None:
        """Discard the file unless it was finished."""
        self._output.discard()


def _mapped(path: str) -> Any:
    with open(path, "rb") as stream:
        return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)


def _section(memory: Any, section: dict[str, Any]) -> npt.NDArray[Any]:
    return np.frombuffer(
        memory, dtype=section["type"], count=section["length"], offset=section["offset"]
    )


def read(
    path: str, origin: dict[str, Any]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64], Parts]:
    """(ids, starts, parts) of a cache that was made from `origin`; everything is checked.

    Raises FormatError when the file is damaged or something else, CorpusError when it was made
    from something else.
    """
    try:
        if os.path.getsize(path) < HEADER_BYTES + _TAIL.size:
            raise FormatError(path, 0, "an id cache", "a file too short for one", _ADVICE)
        memory = _mapped(path)
    except OSError as error:
        raise CorpusError(f"{path}: {error.strerror or error}") from error
    directory = _directory(path, memory)
    _compare(path, directory["origin"], origin)
    arrays = {}
    for name, section in directory["sections"].items():
        arrays[name] = _section(memory, section)
        _check_sum(path, name, arrays[name], section)
    # Copies: a vocabulary outlives the mapping of its corpus.
    vocab = Vocab(
        arrays["words"].copy(),
        arrays["word_starts"].copy(),
        arrays["counts"].copy(),
        has_separator=directory["has_separator"],
    )
    ids, starts = arrays["ids"], arrays["starts"]
    parts = Parts(
        vocab,
        directory["n_tokens_read"],
        len(ids),
        len(starts) - 1,
        directory["n_bytes"],
        directory["notes"],
    )
    return ids, starts, parts


_ADVICE = "delete it or name another file"


def _directory(path: str, memory: Any) -> dict[str, Any]:
    import json

    if memory[: len(MAGIC)] != MAGIC:
        raise FormatError(path, 0, "an id cache", repr(memory[:8]), _ADVICE)
    tail_offset = len(memory) - _TAIL.size
    offset, length, crc, magic = _TAIL.unpack(memory[tail_offset:])
    if magic != MAGIC or offset + length != tail_offset:
        raise FormatError(path, tail_offset, "the end of an id cache", "other bytes", _ADVICE)
    data = memory[offset : offset + length]
    if zlib.crc32(data) != crc:
        raise FormatError(path, offset, "an intact directory", "another checksum", _ADVICE)
    directory: dict[str, Any] = json.loads(data)
    for name, kind in _TYPES.items():
        section = directory["sections"][name]
        end = section["offset"] + section["length"] * np.dtype(kind).itemsize
        if section["type"] != kind or not HEADER_BYTES <= section["offset"] <= end <= offset:
            raise FormatError(path, offset, f"{name} inside the file", "another place", _ADVICE)
    return directory


def _check_sum(path: str, name: str, array: npt.NDArray[Any], section: dict[str, Any]) -> None:
    data = memoryview(cast(Any, array)).cast("B") if len(array) else memoryview(b"")
    crc = 0
    for first in range(0, len(data), _CHECK_BYTES):
        crc = zlib.crc32(data[first : first + _CHECK_BYTES], crc)
    if crc != section["crc"]:
        raise FormatError(path, section["offset"], f"intact {name}", "another checksum", _ADVICE)


def _compare(path: str, made: dict[str, Any], now: dict[str, Any]) -> None:
    for key in sorted(now.keys() | made.keys()):
        old, new = made.get(key), now.get(key)
        if old == new:
            continue
        if key == "corpus":
            difference = _corpus_difference(old, new)
        elif key == "vocabulary":
            difference = "another vocabulary"
        else:
            difference = f"{key} {old}, now {new}"
        raise CorpusError(f"{path}: made from {difference}; {_ADVICE}")


def _corpus_difference(old: list[dict[str, Any]] | None, new: list[dict[str, Any]] | None) -> str:
    if old is None or new is None:
        return "another corpus"
    if len(old) != len(new):
        return f"{len(old)} files, now {len(new)}"
    for number, (before, now) in enumerate(zip(old, new, strict=True), 1):
        if before["size"] != now["size"]:
            return f"a file {number} of {before['size']} bytes, now {now['size']}"
        if before["samples"] != now["samples"]:
            return f"a file {number} with other contents"
        if before["mtime_ns"] != now["mtime_ns"]:
            return f"a file {number} that has been written to since"
    return "another corpus"
