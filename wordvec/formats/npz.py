"""NumPy's archive .npz: vectors, words and counts, without any pickle.

    vectors  float16, float32 or float64[n, dim]     also read: matrix, embeddings, data
    words    fixed-width strings [n]                 also read: vocab, keys, index_to_key, IDs
    counts   int64[n], if known

Words that such strings cannot hold or would blow up (very long ones, a NUL at the end) are
written as words_bytes uint8[n_bytes] and words_ends uint64[n] instead of words.  Always read into
memory: numbers inside a zip archive cannot be mapped.
"""

from __future__ import annotations

import contextlib
import json
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import FormatError
from wordvec.formats.npy import (
    ArrayHeader,
    array_header,
    check_matrix,
    read_array_header,
    write_matrix,
)
from wordvec.formats.request import ReadRequest
from wordvec.formats.selection import (
    chosen_rows,
    decoded_words,
    select_vectors,
)
from wordvec.formats.tensors import open_regular, printable
from wordvec.vectors import Vectors
from wordvec.words import WordList

NAME = "npz"
SUFFIXES = (".npz",)
NEEDS_FILE = True

_MATRIX_NAMES = ("vectors", "matrix", "embeddings", "data")  # the last: PecanPy
_WORD_NAMES = ("words", "vocab", "keys", "index_to_key", "IDs")
_MAX_STRING_LETTERS = 64
_STEP_WORDS = 1 << 14
_MAX_INFLATION = 1032  # of deflate: no honest archive promises more
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError,
           OverflowError, OSError)  # fmt: skip


def sniff(head: bytes) -> bool:
    return head.startswith(b"PK\x03\x04") and b".npy" in head[:512]


# -- reading ------------------------------------------------------------------------------------


def open_file(path: str, request: ReadRequest) -> Vectors:
    """Read the arrays of an archive.  Raises FormatError."""
    stream, n_file_bytes = open_regular(path, "a NumPy archive")
    with stream, _damage_named(path), zipfile.ZipFile(stream) as archive:
        members = {
            info.filename.removesuffix(".npy"): info
            for info in archive.infolist()
            if info.filename.endswith(".npy")
        }
        for info in members.values():
            _check_member(info, path, n_file_bytes)
        words = _read_words(archive, members, path)
        matrix_name = _first_of(members, _MATRIX_NAMES)
        if matrix_name is None:
            raise _lacks(path, "vectors", members)
        matrix = _read_array(archive, members[matrix_name], path, is_matrix=True)
        counts = None
        if "counts" in members:
            counts = _read_array(archive, members["counts"], path)
            if counts.dtype.kind not in "iu" or counts.shape != (len(words),):
                found = f"{counts.dtype}{counts.shape}"
                raise FormatError(path, None, f"counts: int64[{len(words)}]", found)
            counts = counts.astype(np.int64)
    if len(words) != len(matrix):
        raise FormatError(path, None, f"{len(matrix)} words for the rows", str(len(words)))
    words = decoded_words(words, request)
    return select_vectors(words, matrix, chosen_rows(words, request), request, path, counts)


@contextlib.contextmanager
def _damage_named(path: str) -> Iterator[None]:
    try:
        yield
    except FormatError:
        raise
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno is not None and error.errno != 22:
            raise
        message = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise FormatError(path, None, "a whole zip archive", message, "fetch it again") from error


def _check_member(info: zipfile.ZipInfo, path: str, n_file_bytes: int) -> None:
    fits = info.compress_size <= n_file_bytes
    if not fits or info.file_size > _MAX_INFLATION * info.compress_size + 64:
        expected = f"a size of {info.filename[:60]!r} that the archive can hold"
        raise FormatError(path, info.header_offset, expected, f"{info.file_size} bytes")


def _first_of(members: dict[str, zipfile.ZipInfo], names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in members), None)


def _lacks(path: str, what: str, members: dict[str, zipfile.ZipInfo]) -> FormatError:
    held = printable(", ".join(sorted(members))) or "none"
    return FormatError(path, None, f"an archive with the array {what}", f"the arrays {held}")


def _read_words(
    archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], path: str
) -> WordList:
    if "words_bytes" in members and "words_ends" in members:
        data = _read_array(archive, members["words_bytes"], path)
        ends = _read_array(archive, members["words_ends"], path)
        is_list = data.dtype == np.uint8 and data.ndim == ends.ndim == 1 and ends.dtype.kind in "iu"
        if not is_list or (int(ends[-1]) if len(ends) else 0) != len(data):
            raise FormatError(path, None, "words_ends that end with the last of words_bytes",
                              f"{data.dtype}{data.shape}, {ends.dtype}{ends.shape}")  # fmt: skip
        ends = ends.astype(np.uint64)
        if len(ends) and bool((ends[1:] < ends[:-1]).any()):
            raise FormatError(path, None, "words_ends that grow", "some that fall")
        return WordList(data, ends)
    name = _first_of(members, _WORD_NAMES)
    if name is None:
        raise _lacks(path, "words", members)
    strings = _read_array(archive, members[name], path)
    if strings.dtype.kind not in "US" or strings.ndim != 1:
        expected = f"strings [n] in {name}"
        raise FormatError(path, None, expected, f"{strings.dtype}{strings.shape}")
    if strings.dtype.kind == "S":
        listed = [word.decode("utf-8", "surrogateescape") for word in strings.tolist()]
    else:
        listed = strings.tolist()
    return WordList.of(listed)


def _read_array(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: str, is_matrix: bool = False
) -> NDArray[Any]:
    with archive.open(info) as member:
        stream = cast(BinaryIO, member)
        header = read_array_header(stream, path, printable(info.filename))
        if is_matrix:
            check_matrix(header, path, printable(info.filename))
        n_promised = header.n_bytes + header.n_data_bytes
        if n_promised != info.file_size:
            expected = f"{n_promised} bytes of {info.filename[:60]!r}"
            raise FormatError(path, info.header_offset, expected, str(info.file_size))
        return _read_items(stream, header, path, info)


def _read_items(
    stream: BinaryIO, header: ArrayHeader, path: str, info: zipfile.ZipInfo
) -> NDArray[Any]:
    flat = np.empty(header.n_data_bytes, np.uint8)
    view = flat.data
    n_read = 0
    while n_read < len(view):
        n_more = stream.readinto(view[n_read : n_read + (4 << 20)])  # type: ignore[attr-defined]
        if not n_more:
            raise FormatError(path, info.header_offset, f"{len(view)} bytes", f"{n_read}")
        n_read += n_more
    stream.read(1)  # at the end zipfile compares its checksum
    if header.n_data_bytes == 0:  # strings of no letters as well
        return np.zeros(header.shape, header.dtype)
    items = flat.view(header.dtype)
    if header.is_fortran:
        return np.ascontiguousarray(items.reshape(header.shape[::-1]).T)
    return items.reshape(header.shape)


# -- writing ------------------------------------------------------------------------------------


def write(stream: BinaryIO, vectors: Vectors, path: str = "output") -> None:
    """Write an archive that numpy.load reads without pickles; stored, not packed.

    The same vectors give the same bytes.
    """
    words = vectors.words
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        with _member(archive, "vectors") as member:
            write_matrix(member, vectors.matrix)
        n_letters = _string_letters(words)
        if n_letters is None:
            with _member(archive, "words_bytes") as member:
                _write_vector(member, words.data)
            with _member(archive, "words_ends") as member:
                _write_vector(member, words.ends)
        else:
            with _member(archive, "words") as member:
                _write_strings(member, words, n_letters)
        if vectors.counts is not None:
            with _member(archive, "counts") as member:
                _write_vector(member, vectors.counts)
        if vectors.metadata:
            with _member(archive, "metadata") as member:
                _write_text(member, json.dumps(vectors.metadata, sort_keys=True, default=str))


def write_nodes(stream: BinaryIO, vectors: Vectors) -> None:
    """Write the archive that PecanPy writes: `IDs`, strings of any length, and `data`."""
    words = vectors.words
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        with _member(archive, "IDs") as member:
            _write_strings(member, words, max([1, *map(len, words)]))
        with _member(archive, "data") as member:
            write_matrix(member, vectors.matrix)


@contextlib.contextmanager
def _member(archive: zipfile.ZipFile, name: str) -> Iterator[BinaryIO]:
    info = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
    info.external_attr = 0o600 << 16
    with archive.open(info, "w", force_zip64=True) as member:
        yield cast(BinaryIO, member)


def _string_letters(words: WordList) -> int | None:
    """Letters of the longest word; None when fixed-width strings do not suit the words."""
    n_most = 1
    for word in words:
        n_most = max(n_most, len(word))
        if n_most > _MAX_STRING_LETTERS or word.endswith("\0"):
            return None
    return n_most


def _write_strings(stream: BinaryIO, words: WordList, n_letters: int) -> None:
    dtype = np.dtype(f"<U{n_letters}")
    stream.write(array_header(dtype, (len(words),)))
    for first in range(0, len(words), _STEP_WORDS):
        strings = np.array(words[first : first + _STEP_WORDS], dtype)
        stream.write(strings.tobytes())


def _write_vector(stream: BinaryIO, items: NDArray[Any]) -> None:
    dtype = items.dtype.newbyteorder("<")
    stream.write(array_header(dtype, items.shape))
    stream.write(np.ascontiguousarray(items, dtype).tobytes())


def _write_text(stream: BinaryIO, text: str) -> None:
    item = np.array(text, f"<U{max(1, len(text))}")
    stream.write(array_header(item.dtype, ()))
    stream.write(item.tobytes())
