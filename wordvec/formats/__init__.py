"""Files of word vectors: load and save, and the table of formats.

A format is a module with NAME, SUFFIXES, sniff(head), read(reader) and write(stream, words,
matrix); it becomes known by one line in FORMATS.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import os
from collections.abc import Iterator
from typing import BinaryIO, Protocol, cast

from wordvec.errors import FormatError, OptionError
from wordvec.files import OutputFile
from wordvec.formats import word2vec_binary, word2vec_text
from wordvec.formats.blocks import BlockReader, Matrix, Words, size_of
from wordvec.vectors import Vectors


class VectorFormat(Protocol):
    NAME: str
    SUFFIXES: tuple[str, ...]

    def sniff(self, head: bytes) -> bool: ...
    def read(
        self, reader: BlockReader, limit: int | None = ..., encoding: str = ..., errors: str = ...
    ) -> tuple[list[str], Matrix]: ...
    def write(self, stream: BinaryIO, words: Words, matrix: Matrix, path: str = ...) -> None: ...


# Asked in this order: the strictest first.
FORMATS: tuple[VectorFormat, ...] = (
    cast(VectorFormat, word2vec_text),
    cast(VectorFormat, word2vec_binary),
)

_HEAD_BYTES = 1 << 16
_MAGIC = {".gz": b"\x1f\x8b", ".bz2": b"BZh", ".xz": b"\xfd7zXZ\x00", ".zst": b"\x28\xb5\x2f\xfd"}


def format_named(name: str) -> VectorFormat:
    """The format with this NAME; OptionError when there is none."""
    for vector_format in FORMATS:
        if name == vector_format.NAME:
            return vector_format
    raise OptionError("format", " or ".join(repr(f.NAME) for f in FORMATS), name)


def load(path: str | os.PathLike[str], format: str | None = None) -> Vectors:
    """Read a file of word vectors; its format is found by its content unless `format` names it.

    Files packed with gzip, bzip2, xz or zstd (that one needs the package zstandard) are unpacked
    on the way.  Raises FormatError, or the OSError of a file that cannot be opened.
    """
    name = os.fspath(path)
    with open_reader(name) as reader:
        while reader.stop < _HEAD_BYTES and reader.fill():
            pass
        head = bytes(reader.buffer[: min(reader.stop, _HEAD_BYTES)])
        words, matrix = (format_named(format) if format else _recognise(name, head)).read(reader)
    return Vectors(words, matrix)


def _recognise(path: str, head: bytes) -> VectorFormat:
    for vector_format in FORMATS:
        if vector_format.sniff(head):
            return vector_format
    known = " or ".join(vector_format.NAME for vector_format in FORMATS)
    found = repr(head[:40])[1:] if head else "an empty file"
    raise FormatError(path, 0, f"a file of word vectors ({known})", found)


@contextlib.contextmanager
def open_reader(path: str) -> Iterator[BlockReader]:
    """Open a vector file, unpacked if it is packed; the size is known if it is not."""
    if os.path.isdir(path):
        raise FormatError(path, None, "a file of word vectors", "a folder")
    with contextlib.ExitStack() as stack:
        stream: BinaryIO = stack.enter_context(open(path, "rb"))
        magic = stream.peek(8)[:8]  # type: ignore[attr-defined]
        n_bytes = size_of(stream)
        for suffix, start in _MAGIC.items():
            if magic.startswith(start):
                stream = stack.enter_context(_unpacked(stream, suffix))
                n_bytes = None
        yield BlockReader(stream, path, n_bytes)


def _unpacked(stream: BinaryIO, suffix: str) -> BinaryIO:
    if suffix == ".gz":
        return cast(BinaryIO, gzip.GzipFile(fileobj=stream))
    if suffix == ".bz2":
        return cast(BinaryIO, bz2.BZ2File(stream))
    if suffix == ".xz":
        return cast(BinaryIO, lzma.LZMAFile(stream))
    try:
        import zstandard  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise OptionError("path", "the package zstandard, to unpack .zst files", "none") from None
    reader = zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True)
    return cast(BinaryIO, io.BufferedReader(reader))


def save(vectors: Vectors, path: str | os.PathLike[str], format: str | None = None) -> None:
    """Write word vectors; the file appears whole or not at all.

    Without `format`, the suffix decides: .bin is word2vec's binary format, everything else its
    text format.  A further .gz, .bz2 or .xz packs it.  Raises OutputError, and FormatError for
    words that the format cannot hold.
    """
    name = os.fspath(path)
    stem, packing = os.path.splitext(name)
    if packing not in (".gz", ".bz2", ".xz"):
        stem, packing = name, ""
    if packing == "" and name.endswith(".zst"):
        raise OptionError("path", "a suffix .gz, .bz2 or .xz to pack the file", ".zst")
    chosen = format_named(format) if format else _format_for(stem)
    with OutputFile(name) as output, _packed(output.stream, packing) as stream:
        chosen.write(stream, vectors.words, vectors.matrix, name)


def _format_for(path: str) -> VectorFormat:
    for vector_format in FORMATS:
        if path.endswith(vector_format.SUFFIXES):
            return vector_format
    return cast(VectorFormat, word2vec_text)


@contextlib.contextmanager
def _packed(stream: BinaryIO, suffix: str) -> Iterator[BinaryIO]:
    if suffix == "":
        yield stream
        return
    packed: gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile
    if suffix == ".gz":  # without name and time: the same vectors give the same bytes
        packed = gzip.GzipFile("", "wb", compresslevel=6, fileobj=stream, mtime=0)
    elif suffix == ".bz2":
        packed = bz2.BZ2File(stream, "wb")
    else:
        packed = lzma.LZMAFile(stream, "wb")  # noqa: SIM115
    with packed:
        yield cast(BinaryIO, packed)
