"""Packed files: unpacked on the way in by what they hold, packed on the way out by name."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import importlib
import importlib.util
import lzma
import os
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

from wordvec.errors import CorpusError, FormatError, MissingExtraError
from wordvec.formats.blocks import BlockReader, size_of
from wordvec.unpacking import MAGIC_BYTES, ZstdStream, compression_of

SUFFIXES = (".gz", ".bz2", ".xz", ".zst")


@contextlib.contextmanager
def open_reader(path: str) -> Iterator[BlockReader]:
    """Open a vector file, unpacked if it is packed; the size is known if it is not."""
    if os.path.isdir(path):
        raise FormatError(path, None, "a file of word vectors", "a folder")
    with contextlib.ExitStack() as stack:
        stream: BinaryIO = stack.enter_context(open(path, "rb"))
        packing = compression_of(stream.peek(MAGIC_BYTES)[:MAGIC_BYTES])  # type: ignore[attr-defined]
        n_bytes = size_of(stream)
        if packing:
            stream = stack.enter_context(_unpacked(stream, packing, path))
            n_bytes = None
        yield BlockReader(stream, path, n_bytes, packing)


def _unpacked(stream: BinaryIO, packing: str, path: str) -> BinaryIO:
    if packing == "gzip":
        return cast(BinaryIO, gzip.GzipFile(fileobj=stream))
    if packing == "bzip2":
        return cast(BinaryIO, bz2.BZ2File(stream))
    if packing == "xz":
        return cast(BinaryIO, lzma.LZMAFile(stream))
    try:
        return cast(BinaryIO, ZstdStream(path, stream))
    except CorpusError:
        raise MissingExtraError("unpacking .zst files", "zst", "zstandard") from None


def split_suffix(path: str) -> tuple[str, str]:
    """(name without the suffix of a packed file, that suffix or "")."""
    stem, suffix = os.path.splitext(path)
    return (stem, suffix) if suffix in SUFFIXES else (path, "")


def check_suffix(suffix: str) -> None:
    """MissingExtraError when files of this suffix cannot be written here."""
    if suffix == ".zst" and importlib.util.find_spec("zstandard") is None:
        raise MissingExtraError("writing .zst files", "zst", "zstandard")


@contextlib.contextmanager
def packed(stream: BinaryIO, suffix: str) -> Iterator[BinaryIO]:
    """A stream that packs into `stream` as the suffix says; "" for as it is."""
    if suffix == "":
        yield stream
        return
    packing: Any
    if suffix == ".gz":  # without name and time: the same vectors give the same bytes
        packing = gzip.GzipFile("", "wb", compresslevel=6, fileobj=stream, mtime=0)
    elif suffix == ".bz2":
        packing = bz2.BZ2File(stream, "wb")
    elif suffix == ".xz":
        packing = lzma.LZMAFile(stream, "wb")  # noqa: SIM115
    else:
        library: Any = importlib.import_module("zstandard")
        packing = library.ZstdCompressor(level=6).stream_writer(stream, closefd=False)
    with packing:
        yield packing
