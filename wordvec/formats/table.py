"""The table of formats, and load and save, which look into it.

A format is a module with NAME, SUFFIXES, sniff(head), write(stream, vectors, path) and either
read(reader, request), for what can come from any stream, or NEEDS_FILE = True and
open_file(path, request), for what is mapped into memory or read out of order.  It becomes known
by one line in FORMATS.

A format of several files has WRITES_FILES = True, output_names(path) and
write_files(streams, vectors, path) instead of write; one whose files fill a folder also has
IS_FOLDER = True and takes_folder(path).  One that rounds numbers has ROUNDED_TO = "%.6f" or alike.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
from collections.abc import Iterable
from operator import itemgetter
from typing import Any, BinaryIO, Protocol, cast

import numpy as np

from wordvec.errors import FormatError, OptionError, OutputError
from wordvec.files import OutputFile
from wordvec.formats import (
    arrow,
    contents,
    fasttext_bin,
    fasttext_vec,
    gensim_saved,
    gensim_text,
    glove_binary,
    glove_text,
    model2vec,
    npy,
    npz,
    own,
    packing,
    parquet,
    word2vec_binary,
    word2vec_text,
)
from wordvec.formats.blocks import BlockReader
from wordvec.formats.packing import open_reader
from wordvec.formats.request import ReadRequest
from wordvec.unpacking import MAGIC_BYTES, compression_of
from wordvec.vectors import Vectors

__all__ = [
    "FORMATS",
    "ReadRequest",
    "format_named",
    "format_to_write",
    "load",
    "open_reader",
    "read",
    "recognise",
    "save",
]


class VectorFormat(Protocol):
    """What every format module has; see the text of this module for what else it has."""

    NAME: str
    SUFFIXES: tuple[str, ...]

    def sniff(self, head: bytes) -> bool: ...


class OneFileFormat(VectorFormat, Protocol):
    def write(self, stream: BinaryIO, vectors: Vectors, path: str) -> None: ...


class FilesFormat(VectorFormat, Protocol):
    def output_names(self, path: str) -> list[str]: ...
    def write_files(self, streams: list[BinaryIO], vectors: Vectors, path: str) -> None: ...


class StreamFormat(VectorFormat, Protocol):
    def read(self, reader: BlockReader, request: ReadRequest) -> Vectors: ...


class FileFormat(VectorFormat, Protocol):
    NEEDS_FILE: bool

    def open_file(self, path: str, request: ReadRequest) -> Vectors: ...


# Asked in this order: the strictest first.
FORMATS: tuple[VectorFormat, ...] = (
    cast(VectorFormat, own),
    cast(VectorFormat, model2vec),  # takes every other safetensors file, to say what it holds
    cast(VectorFormat, npy),
    cast(VectorFormat, npz),
    cast(VectorFormat, parquet),
    cast(VectorFormat, arrow),
    cast(VectorFormat, fasttext_bin),
    cast(VectorFormat, gensim_saved),
    cast(VectorFormat, word2vec_text),
    cast(VectorFormat, word2vec_binary),
    cast(VectorFormat, glove_text),
    cast(VectorFormat, fasttext_vec),
    cast(VectorFormat, gensim_text),
    cast(VectorFormat, glove_binary),  # numbers without any header: only if nothing else fits
)

HEAD_BYTES = 1 << 16
_FIRST_BYTES = 1 << 12


def format_named(name: str) -> VectorFormat:
    """The format with this NAME; OptionError when there is none."""
    for vector_format in FORMATS:
        if name == vector_format.NAME:
            return vector_format
    raise OptionError("format", " or ".join(repr(f.NAME) for f in FORMATS), name)


def needs_file(vector_format: VectorFormat) -> bool:
    """Whether the format has open_file, and not read."""
    return bool(getattr(vector_format, "NEEDS_FILE", False))


def load(
    path: str | os.PathLike[str],
    format: str | None = None,
    *,
    limit: int | None = None,
    words: Iterable[str] | None = None,
    dtype: Any = np.float32,
    mmap: bool = True,
    allow_pickle: bool = False,
    verify: bool = False,
) -> Vectors:
    """Read a file of word vectors; its format is found by its content unless `format` names it.

    Files packed with gzip, bzip2, xz or zstd (that one needs the package zstandard) are unpacked
    on the way.

    limit         only the first so many words; the rest of the file is neither read nor checked
    words         of those, only these words, in the order of the file; words that the file lacks
                  are not in the result
    dtype         "float32", or "float16" for half the memory: rows rounded to 11 bits
    mmap          formats made for it stay in the file, and the matrix is a read-only view
    allow_pickle  read files that hold pickled objects, gensim's own: by an unpickler that can
                  make a few harmless classes and nothing else.  Off unless asked for.
    verify        compare all checksums first; only our own format has them

    Raises FormatError, or the OSError of a file that cannot be opened; OptionError for options
    that make no sense.
    """
    name = os.fspath(path)
    request = ReadRequest(
        limit=limit,
        wanted=None if words is None else _as_set(words),
        dtype=dtype,
        mmap=mmap,
        allow_pickle=allow_pickle,
        verify=verify,
    )
    return read(name, format, request)


def read(name: str, format: str | None, request: ReadRequest) -> Vectors:
    """`load` with its options as the formats get them."""
    found = None if format else _file_format(name)
    chosen = format_named(format) if format else found
    if request.verify and chosen not in (own, model2vec):  # model2vec says what else it is
        raise OptionError("verify", f"a file in the format {own.NAME!r}, with checksums", name)
    if found is not None:
        return found.open_file(name, request)
    if chosen is not None and needs_file(chosen) and _is_plain(name, chosen):
        return cast(FileFormat, chosen).open_file(name, request)
    with open_reader(name) as reader:
        if chosen is None:
            chosen = recognise(name, reader.head(HEAD_BYTES), reader.packing)
        if not needs_file(chosen):
            return cast(StreamFormat, chosen).read(reader, request)
        _need_plain_file(reader, chosen)
    return cast(FileFormat, chosen).open_file(name, request)


def _file_format(path: str) -> FileFormat | None:
    """The format of a folder, or of a file that one of the first of FORMATS knows at once.

    Without the buffers of a reader: opening a mapped file is a matter of a tenth of a ms.
    """
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        folders = (f for f in FORMATS if getattr(f, "IS_FOLDER", False))
        return next((cast(Any, f) for f in folders if cast(Any, f).takes_folder(path)), None)
    if not stat.S_ISREG(mode):
        return None
    with open(path, "rb", buffering=0) as stream:
        head = stream.read(_FIRST_BYTES)
    strict = itertools.takewhile(needs_file, FORMATS)
    return next((cast(FileFormat, f) for f in strict if f.sniff(head)), None)


def _is_plain(path: str, chosen: VectorFormat) -> bool:
    """Whether the path is a folder or file as it should be; packed ones and pipes are refused."""
    if os.path.isdir(path):
        return bool(getattr(chosen, "IS_FOLDER", False))
    if not stat.S_ISREG(os.stat(path).st_mode):
        return False
    with open(path, "rb", buffering=0) as stream:
        return not compression_of(stream.read(MAGIC_BYTES))


def _as_set(words: Iterable[str]) -> frozenset[str]:
    if isinstance(words, str):
        raise OptionError("words", "a list of words", words)
    return frozenset(words)


def recognise(path: str, head: bytes, packed_by: str = "") -> VectorFormat:
    """The format of a file that begins with `head` (unpacked); FormatError that says what the
    file is when it is none of FORMATS.  `path` and `packed_by` are for the message."""
    for vector_format in FORMATS:
        if vector_format.sniff(head):
            return vector_format
    known = " or ".join(vector_format.NAME for vector_format in FORMATS)
    found = contents.describe(head)
    if packed_by:
        found = f"{packed_by} of {found}"
    raise FormatError(path, 0, f"a file of word vectors ({known})", found)


def _need_plain_file(reader: BlockReader, chosen: VectorFormat) -> None:
    expected = f"a plain file, which {chosen.NAME} needs"
    if reader.packing:
        hint = "unpack it first"
        raise FormatError(reader.path, None, expected, f"{reader.packing} data", hint)
    if reader.n_bytes is None:
        hint = "copy it to a file first"
        raise FormatError(reader.path, None, expected, "a pipe or a device", hint)


def save(
    vectors: Vectors,
    path: str | os.PathLike[str],
    format: str | None = None,
    *,
    plane: bool | None = None,
) -> None:
    """Write word vectors; the file appears whole or not at all.

    `plane` (our own format only): whether the file gets the 8-bit copy of the rows that makes
    exact searches faster and costs a quarter of the matrix; None: if the file that the vectors
    come from had one.

    Without `format`, the suffix decides; one that no format claims means word2vec's text format.
    A further .gz, .bz2, .xz or .zst (that one needs the package zstandard) packs it.  Raises
    OutputError, and FormatError for words that the format cannot hold.
    """
    name = os.fspath(path)
    suffix = packing.split_suffix(name)[1]
    chosen = format_to_write(name, format)
    packing.check_suffix(suffix)
    if suffix and needs_file(chosen):
        raise OptionError("path", f"a name without {suffix}: {chosen.NAME} is not packed", name)
    if plane and chosen.NAME != own.NAME:
        raise OptionError("plane", f"the format {own.NAME!r}", chosen.NAME)
    own.verify_source(vectors)
    if plane is not None:
        vectors = own.with_plane(vectors) if plane else own.without_plane(vectors)
    if getattr(chosen, "WRITES_FILES", False):
        _save_files(vectors, name, cast(FilesFormat, chosen))
        return
    with OutputFile(name) as output, packing.packed(output.stream, suffix) as stream:
        cast(OneFileFormat, chosen).write(stream, vectors, name)


def _save_files(vectors: Vectors, path: str, chosen: FilesFormat) -> None:
    """All files are opened before the first is written, and put in place after the last is on
    the disk."""
    made_folder = False
    if getattr(chosen, "IS_FOLDER", False) and not os.path.isdir(path):
        try:
            os.mkdir(path)
        except OSError as error:
            raise OutputError(f"cannot make the folder {path}: {error.strerror}") from error
        made_folder = True
    try:
        with contextlib.ExitStack() as stack:
            outputs = [stack.enter_context(OutputFile(n)) for n in chosen.output_names(path)]
            chosen.write_files([output.stream for output in outputs], vectors, path)
            for output in outputs:
                output.flush()
    except BaseException:
        if made_folder:
            with contextlib.suppress(OSError):
                os.rmdir(path)
        raise


def format_to_write(path: str, name: str | None = None) -> VectorFormat:
    """The format of this NAME; without one, that with the longest suffix that fits the path:
    .glove.bin before .bin."""
    if name:
        return format_named(name)
    stem = packing.split_suffix(path)[0]
    suffixes = [(len(s), f) for f in FORMATS for s in f.SUFFIXES if stem.endswith(s)]
    return max(suffixes, key=itemgetter(0))[1] if suffixes else cast(VectorFormat, word2vec_text)
