"""Our own format: one file, a safetensors file, mapped into memory instead of read.

Tensors, each from a page boundary (`pad.N`, zeros, lie between; the header is filled with blanks):

    words.bytes  U8[n_bytes]      the words, UTF-8 (other bytes as they came), one after another
    words.ends   I64[n]           where each word ends in words.bytes
    index.slots  I32[n_slots]     hash index of the words: row, or -1 for an empty slot
    index.tags   U8[n_slots]      some bits of the word's hash, so that few words are compared
    counts       I64[n]           if known
    matrix       F32 or F16[n, dim]
    norms        F32[n]           length of each row
    subwords.*                    rows of n-grams for unseen words, see formats/ngrams.py
    ...                           any further tensors (`Vectors.tensors`), such as plane.*
    checksums    I64[n_blocks]    CRC-32 of the header and of all that comes before, see checksums

and in the header's __metadata__: wordvec.format (the version of this layout), wordvec.writer,
wordvec.index and wordvec.checksums (how they are made), wordvec.metadata (JSON: where the vectors
come from), wordvec.subwords (JSON, with subwords.*).  All is little-endian.  Opening reads the
header only; a look-up touches the pages of one slot, tag, end, word and row.  Signed 64-bit ends,
since many readers of safetensors lack U64.
"""

from __future__ import annotations

import copy
import json
import logging
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from wordvec import __version__
from wordvec.errors import FormatError
from wordvec.formats.checksums import BLOCK_BYTES, BlockSums, Span, blocks_of, verify_blocks
from wordvec.formats.ngrams import NGRAM_TENSORS, can_store, subwords_of, tensors_of
from wordvec.formats.request import ReadRequest
from wordvec.formats.selection import chosen_rows, select_vectors
from wordvec.formats.tensors import (
    FileMap,
    Header,
    Tensor,
    byte_blocks,
    dtype_name,
    header_bytes,
    is_safetensors,
    map_file,
    map_under,
    printable,
)
from wordvec.plane import Plane
from wordvec.subwords import Subwords
from wordvec.vectors import Vectors
from wordvec.words import HASH_NAME, HASH_SEED, WordIndex, WordList

NAME = "wordvec"
SUFFIXES = (".wordvec", ".safetensors")
NEEDS_FILE = True
WHAT = "a file in wordvec's own format"

_VERSION = "1"
_VERSION_KEY = "wordvec.format"
_SUBWORDS_KEY = "wordvec.subwords"
_PAGE_BYTES = 4096
_MAX_WORDS = (1 << 31) - 1
_OWN_NAMES = frozenset(
    ["words.bytes", "words.ends", "index.slots", "index.tags", "counts", "matrix", "norms",
     "checksums"]
)  # fmt: skip
_PAD = "pad."
_PLANE = "plane."  # made from the matrix: may be left out and made again
_PLANE_ARRAYS = ("codes", "scales", "errors")  # of wordvec.plane.Plane

logger = logging.getLogger(__name__)


def sniff(head: bytes) -> bool:
    return is_safetensors(head) and f'"{_VERSION_KEY}"'.encode("ascii") in head


def is_own(header: Header) -> bool:
    """Whether a safetensors file is in this format, however long its header."""
    return _VERSION_KEY in header.metadata


# -- reading ------------------------------------------------------------------------------------


def open_file(path: str, request: ReadRequest) -> Vectors:
    """Open a file of this format, mapped unless the request says otherwise.

    The arrays are read-only views of the file.  With mmap=False, another dtype or chosen words
    they are copies; what is copied whole is verified first.  Further tensors come along with all
    words only; leaving them out is logged.  Raises FormatError.
    """
    return read_mapped(map_file(path, WHAT), request)


def read_mapped(mapped: FileMap, request: ReadRequest) -> Vectors:
    """The same for a map that is already open."""
    parts = _Parts.of(mapped)
    is_whole = request.limit is None and request.wanted is None
    is_copied = not request.mmap or parts.matrix.dtype != request.dtype
    if request.verify or (is_whole and is_copied):
        _verify(mapped)
    rows = chosen_rows(parts.words, request)
    vectors = select_vectors(
        parts.words, parts.matrix, rows, request, mapped.path, parts.counts, parts.metadata
    )
    is_same = vectors.matrix.dtype == parts.matrix.dtype
    if is_same and parts.norms is not None:
        vectors.set_norms(_copied(parts.norms[rows], request))
    vectors.subwords = _subwords(mapped, parts, request)
    kept = {
        k: t
        for k, t in parts.others.items()
        if k not in NGRAM_TENSORS and (is_same or not k.startswith(_PLANE))
    }
    if isinstance(rows, slice) and rows.stop == len(parts.words):
        vectors.tensors = {name: _copied(tensor, request) for name, tensor in kept.items()}
        vectors.plane = _plane(vectors, mapped)
    elif lost := [name for name in kept if not name.startswith(_PLANE)]:
        logger.warning("%s: read without %s, for not all words are", mapped.path, ", ".join(lost))
    return vectors


def _subwords(mapped: FileMap, parts: _Parts, request: ReadRequest) -> Subwords | None:
    """The n-gram rows in the file, which make vectors of unseen words; None when it has none."""
    if _SUBWORDS_KEY not in mapped.header.metadata:
        return None
    rules = _json_entry(mapped, _SUBWORDS_KEY)
    arrays = {name: parts.others.get(name) for name in NGRAM_TENSORS}
    try:
        return subwords_of(
            {k: _copied(a, request) for k, a in arrays.items() if a is not None},
            rules,
            parts.matrix.shape[1],
        )
    except (KeyError, TypeError, ValueError) as error:
        tensor = mapped.header.tensors.get(NGRAM_TENSORS[0])
        place = 8 if tensor is None else tensor.start
        expected = "rows of n-grams and their buckets that fit each other"
        raise FormatError(mapped.path, place, expected, printable(str(error))) from None


def _plane(vectors: Vectors, mapped: FileMap) -> Plane | None:
    """The plane in the file; None when it has none."""
    names = [_PLANE + name for name in _PLANE_ARRAYS]
    if names[0] not in vectors.tensors:
        return None
    for name, kind in zip(names, ("U8", "F32", "F32"), strict=True):
        _required(mapped, name, (kind,), (None,))
    arrays = [vectors.tensors[name] for name in names]
    try:
        return Plane.from_arrays(len(vectors), vectors.dim, *arrays)
    except ValueError as error:
        start = mapped.header.tensors[names[0]].start
        expected = f"a plane of {len(vectors)} rows"
        raise FormatError(mapped.path, start, expected, str(error)) from None


def with_plane(vectors: Vectors) -> Vectors:
    """The same vectors, to be written with their plane, which is built if there is none."""
    plane = vectors.build_plane()
    result = copy.copy(vectors)
    result.tensors = vectors.tensors | {_PLANE + n: getattr(plane, n) for n in _PLANE_ARRAYS}
    return result


def without_plane(vectors: Vectors) -> Vectors:
    """The same vectors, to be written without a plane."""
    result = copy.copy(vectors)
    result.tensors = {k: v for k, v in vectors.tensors.items() if not k.startswith(_PLANE)}
    return result


def _copied(array: NDArray[Any], request: ReadRequest) -> NDArray[Any]:
    return array if request.mmap else array.copy()


@dataclass
class _Parts:
    """What a file of this format holds, still mapped."""

    words: WordList
    matrix: NDArray[Any]
    counts: NDArray[np.int64] | None
    norms: NDArray[np.float32] | None
    others: dict[str, NDArray[Any]]
    metadata: dict[str, Any]

    @classmethod
    def of(cls, mapped: FileMap) -> _Parts:
        header = mapped.header
        version = header.metadata.get(_VERSION_KEY, "none")
        if version != _VERSION:
            expected = f"version {_VERSION} of wordvec's format"
            hint = "use a newer wordvec" if version.isdigit() else ""
            raise FormatError(mapped.path, 8, expected, f"version {version[:40]!r}", hint)
        matrix = _required(mapped, "matrix", ("F32", "F16"), (None, None))
        n, dim = matrix.shape
        if n > _MAX_WORDS or dim < 1:
            expected = f"at most {_MAX_WORDS} rows of at least one number"
            raise FormatError(mapped.path, matrix.start, expected, f"{n} rows of {dim}")
        data = _required(mapped, "words.bytes", ("U8",), (None,))
        ends = mapped.array(_required(mapped, "words.ends", ("I64",), (n,))).view(np.uint64)
        if (int(ends[-1]) if n else 0) != data.shape[0]:
            expected = f"the last word to end at byte {data.shape[0]} of words.bytes"
            raise FormatError(mapped.path, header.tensors["words.ends"].stop - 8, expected,
                              f"byte {int(ends[-1])}" if n else "no words")  # fmt: skip
        counts = norms = None
        if "counts" in header.tensors:
            counts = mapped.array(_required(mapped, "counts", ("I64",), (n,)))
        if "norms" in header.tensors:
            norms = mapped.array(_required(mapped, "norms", ("F32",), (n,)))
        others = {
            name: mapped.array(tensor)
            for name, tensor in header.tensors.items()
            if name not in _OWN_NAMES and not name.startswith(_PAD)
        }
        words = WordList(mapped.array(data), ends, _index(mapped, n))
        return cls(words, mapped.array(matrix), counts, norms, others, _metadata(mapped))


def _required(
    mapped: FileMap, name: str, dtypes: tuple[str, ...], shape: tuple[int | None, ...]
) -> Tensor:
    """The tensor of this name, which must have one of `dtypes` and the sizes in `shape`."""
    tensor = mapped.header.tensors.get(name)
    if tensor is not None and tensor.dtype in dtypes and _fits(tensor.shape, shape):
        return tensor
    wanted = "[" + ", ".join("any" if size is None else str(size) for size in shape) + "]"
    expected = f"a tensor {name} {' or '.join(dtypes)}{wanted}"
    if tensor is None:
        names = printable(", ".join(mapped.header.tensors)) or "none"
        raise FormatError(mapped.path, 8, expected, f"the tensors {names}")
    raise FormatError(mapped.path, tensor.start, expected, str(tensor))


def _fits(found: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(found) == len(wanted) and all(
        b is None or a == b for a, b in zip(found, wanted, strict=True)
    )


def _index(mapped: FileMap, n_words: int) -> WordIndex | None:
    """The index in the file; None when it has none, or one made with another hash."""
    tensors = mapped.header.tensors
    if "index.slots" not in tensors or _index_kind(mapped) != _made_with():
        return None
    slots = _required(mapped, "index.slots", ("I32",), (None,))
    tags = _required(mapped, "index.tags", ("U8",), slots.shape)
    n_slots = slots.shape[0]
    if n_slots < 2 * n_words or n_slots & (n_slots - 1) or not n_slots:
        expected = f"a power of two of index slots, at least {2 * n_words}"
        raise FormatError(mapped.path, slots.start, expected, str(n_slots))
    for tensor in (slots, tags):
        mapped.expect_random_access(tensor)
    return WordIndex(mapped.array(slots), mapped.array(tags))


def _index_kind(mapped: FileMap) -> Any:
    return _json_entry(mapped, "wordvec.index")


def _made_with() -> dict[str, Any]:
    return {"hash": HASH_NAME, "seed": HASH_SEED}


def _metadata(mapped: FileMap) -> dict[str, Any]:
    found = _json_entry(mapped, "wordvec.metadata")
    if not isinstance(found, dict):
        raise FormatError(mapped.path, 8, "wordvec.metadata to be a JSON object", repr(found)[:60])
    return found


def _json_entry(mapped: FileMap, key: str) -> Any:
    text = mapped.header.metadata.get(key, "{}")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise FormatError(mapped.path, 8, f"JSON in {key}", repr(text)[:60]) from None


# -- checksums ----------------------------------------------------------------------------------


def verify(path: str) -> None:
    """Read the whole file and compare every checksum; FormatError for any byte that changed."""
    _verify(map_file(path, WHAT))


def verify_source(vectors: Vectors) -> None:
    """Verify the mapped file that vectors come from, once, before they are written elsewhere."""
    mapped = map_under(vectors.matrix)
    if mapped is not None and not mapped.verified and is_own(mapped.header):
        _verify(mapped)


def _verify(mapped: FileMap) -> None:
    path, header = mapped.path, mapped.header
    if not is_own(header):
        raise FormatError(path, 8, WHAT, "another safetensors file, which has no checksums")
    sums = _required(mapped, "checksums", ("I64",), (None,))
    kind = _json_entry(mapped, "wordvec.checksums")
    last = list(header.tensors)[-1]
    if last != "checksums" or kind != _checksum_kind():
        raise FormatError(
            path, sums.start, "checksums as wordvec writes them", f"others ({kind!r:.60})",
            "another program has written this file anew",
        )  # fmt: skip
    verify_blocks(mapped.descriptor, path, _spans(header), mapped.array(sums))
    _check_vocabulary(_Parts.of(mapped), mapped)
    mapped.verified = True


def _check_vocabulary(parts: _Parts, mapped: FileMap) -> None:
    """What a right checksum does not show: a file that was written wrongly."""
    ends, place = parts.words.ends, mapped.header.tensors["words.ends"].start
    if len(ends) and bool((ends[1:] < ends[:-1]).any()):
        row = int(np.argmax(ends[1:] < ends[:-1])) + 1
        expected, found = "words that end one after another", f"word {row} to end before the last"
        raise FormatError(mapped.path, place + 8 * row, expected, found)
    tensor = mapped.header.tensors.get("index.slots")
    if tensor is not None:
        slots = mapped.array(tensor)
        if len(slots) and not -1 <= int(slots.min()) <= int(slots.max()) < len(ends):
            expected = f"index slots of -1 to {len(ends) - 1}"
            raise FormatError(mapped.path, tensor.start, expected, "others")


def _checksum_kind() -> dict[str, Any]:
    return {"algorithm": "crc32", "block_bytes": BLOCK_BYTES}


def _spans(header: Header) -> list[Span]:
    """The sections that have checksums: all but the checksums; padding counts as a section."""
    spans = [("the header", 0, header.n_bytes)]
    spans += [(t.name, t.start, t.stop) for t in header.tensors.values() if t.name != "checksums"]
    return spans


# -- writing ------------------------------------------------------------------------------------


def write(stream: BinaryIO, vectors: Vectors, path: str = "output") -> None:
    """Write vectors with their index, norms, counts, metadata and further tensors.

    The matrix goes through blocks of 4 MB; what is made anew is the index and the norms, if the
    vectors lack them.  The same vectors give the same bytes.  FormatError for words that UTF-8
    cannot hold and for metadata that JSON cannot.
    """
    if vectors.dim < 1:
        raise FormatError(path, None, "at least one dimension", "0")
    arrays = _with_padding(_sections(vectors, path), path)
    header = header_bytes(
        {name: (kind, array.shape, _n_bytes(array)) for name, (kind, array) in arrays.items()},
        _header_metadata(vectors, path),
        _PAGE_BYTES,
    )
    if len(header) > BLOCK_BYTES:  # it has one checksum
        raise FormatError(path, None, f"metadata of less than {BLOCK_BYTES} bytes", "more")
    sums = BlockSums()
    sums.add(memoryview(header))
    sums.end_section()
    stream.write(header)
    for name, (_, array) in arrays.items():
        if name == "checksums":
            array = np.array(sums.sums, np.int64)
        for block in byte_blocks(array):
            stream.write(block)
            sums.add(block)
        sums.end_section()


def _n_bytes(array: NDArray[Any]) -> int:
    return array.size * array.itemsize


def _sections(vectors: Vectors, path: str) -> dict[str, NDArray[Any]]:
    words = WordList.of(vectors.words)  # KeyedVectors may have a list
    index = words.word_index
    sections: dict[str, NDArray[Any]] = {
        "words.bytes": words.data[: int(words.ends[-1]) if len(words) else 0],
        "words.ends": words.ends.view(np.int64),
        "index.slots": index.slots,
        "index.tags": index.tags,
    }
    if vectors.counts is not None:
        sections["counts"] = vectors.counts
    sections["matrix"] = vectors.matrix
    sections["norms"] = vectors.norms
    if vectors.subwords is not None and can_store(vectors.subwords):
        sections |= tensors_of(vectors.subwords)[0]
    for name, array in vectors.tensors.items():
        if (
            name in sections
            or name in _OWN_NAMES
            or name.startswith(_PAD)
            or name == "__metadata__"
        ):
            raise FormatError(path, None, "a further tensor with a name of its own", repr(name))
        sections[name] = np.asarray(array)
    return sections


def _with_padding(
    sections: dict[str, NDArray[Any]], path: str
) -> dict[str, tuple[str, NDArray[Any]]]:
    """(dtype, array) of all tensors in the order of the file, padding and checksums as well."""
    arrays: dict[str, tuple[str, NDArray[Any]]] = {}
    for name, array in sections.items():
        kind = dtype_name(array.dtype)
        if kind is None:
            raise FormatError(
                path, None, f"a number type of safetensors for {name}", array.dtype.str
            )
        arrays[name] = kind, array
        n_missing = -_n_bytes(array) % _PAGE_BYTES
        if n_missing:
            arrays[f"{_PAD}{len(arrays)}"] = "U8", np.zeros(n_missing, np.uint8)
    n_blocks = 1 + len(blocks_of((name, 0, _n_bytes(a)) for name, (_, a) in arrays.items()))
    arrays["checksums"] = "I64", np.zeros(n_blocks, np.int64)
    return arrays


def _header_metadata(vectors: Vectors, path: str) -> dict[str, str]:
    try:
        metadata = json.dumps(vectors.metadata, sort_keys=True)
    except (TypeError, ValueError, RecursionError) as error:
        raise FormatError(path, None, "metadata that JSON can hold", str(error)) from None
    subwords = {}
    if vectors.subwords is not None and can_store(vectors.subwords):
        subwords[_SUBWORDS_KEY] = json.dumps(tensors_of(vectors.subwords)[1], sort_keys=True)
    return subwords | {
        _VERSION_KEY: _VERSION,
        "wordvec.writer": __version__,
        "wordvec.index": json.dumps(_made_with()),
        "wordvec.checksums": json.dumps(_checksum_kind()),
        "wordvec.metadata": metadata,
    }
