"""The parts of a fastText model file: settings, dictionary, matrices; read with checks, written.

Every count is compared with the bytes that are left before anything is allocated for it.
"""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import FormatError
from wordvec.fasttextmodel import (
    KINDS,
    LOSSES,
    DenseRows,
    FastTextArgs,
    FastTextDictionary,
    Rows,
)
from wordvec.formats.tensors import byte_blocks
from wordvec.kernels import fasttextfile
from wordvec.memory import drop_rows
from wordvec.quantize import N_CENTROIDS, ProductQuantizer, QuantizedRows
from wordvec.words import WordList

MAGIC = 793712314
VERSION = 12
OLD_VERSION = 11
ARGS = struct.Struct("<12id")
_HEAD = struct.Struct("<2i")
_SIZES = struct.Struct("<3i2q")
_SHAPE = struct.Struct("<2q")
_CODED = struct.Struct("<B2qi")
_QUANTIZER = struct.Struct("<4i")
_PAIR_BYTES = 8
_STEP_WORDS = 1 << 18  # entries between two chances for Ctrl-C
_STEP_ROWS = 1 << 12
_MAX_INT = 2**31 - 1
_WRITE_BYTES = 1 << 20


class FileParts:
    """A cursor over the bytes of a whole file, which are not copied; `at` is the next offset."""

    def __init__(self, data: NDArray[np.uint8], path: str) -> None:
        self.data = data
        self.path = path
        self.at = 0

    def error(self, expected: str, found: object, at: int | None = None, hint: str = "") -> Any:
        place = self.at if at is None else at
        return FormatError(self.path, place, expected, str(found), hint)

    def take(self, n_bytes: int, what: str) -> NDArray[np.uint8]:
        """The next bytes; FormatError when the file has fewer."""
        n_left = len(self.data) - self.at
        if n_bytes > n_left:
            expected = f"{n_bytes} bytes of {what}"
            raise self.error(expected, f"only {n_left}", hint="the file is cut short or damaged")
        self.at += n_bytes
        return self.data[self.at - n_bytes : self.at]

    def unpack(self, layout: struct.Struct, what: str) -> tuple[Any, ...]:
        return layout.unpack(self.take(layout.size, what).tobytes())

    def flag(self, what: str) -> bool:
        value = int(self.take(1, what)[0])
        if value > 1:
            raise self.error(f"0 or 1 as {what}", value, self.at - 1)
        return value == 1

    def floats(self, n: int, what: str) -> NDArray[np.float32]:
        """float32[n]: a view, whose numbers may lie at any byte."""
        return self.take(4 * n, what).view("<f4")


# -- reading ------------------------------------------------------------------------------------


def read_args(parts: FileParts) -> FastTextArgs:
    """Magic, version and settings."""
    magic, version = parts.unpack(_HEAD, "magic and version")
    if magic != MAGIC:
        raise parts.error(f"a fastText model, which begins with {MAGIC}", magic, 0)
    if version not in (OLD_VERSION, VERSION):
        raise parts.error(f"version {OLD_VERSION} or {VERSION} of a fastText model", version, 4)
    start = parts.at
    _refuse_floret(parts)
    values = parts.unpack(ARGS, "settings")
    dim, window, epochs, min_count, negative, word_ngrams, loss, kind = values[:8]
    bucket, min_n, max_n, lr_update_rate, sample = values[8:]
    for found, low, high, name, place in (
        (dim, 1, _MAX_INT, "dim", 0),
        (loss, 1, len(LOSSES), "loss", 6),
        (kind, 1, len(KINDS), "model", 7),
        (bucket, 0, _MAX_INT, "bucket", 8),
    ):
        if not low <= found <= high:
            raise parts.error(f"{name} from {low} to {high}", found, start + 4 * place)
    kind_name = KINDS[kind - 1]
    if version == OLD_VERSION and kind_name == "sup":
        max_n = 0  # classifiers of that time had no n-grams of characters
    return FastTextArgs(
        dim, window, epochs, min_count, negative, word_ngrams, LOSSES[loss - 1], kind_name,
        bucket, min_n, max_n, lr_update_rate, sample,
    )  # fmt: skip


def _refuse_floret(parts: FileParts) -> None:
    """floret puts two more numbers before lr_update_rate, under the same magic and version."""
    head = parts.data[parts.at + 44 : parts.at + 64].tobytes()
    if len(head) < 20:
        return
    mode, hash_count, _, sample = struct.unpack("<3id", head)
    (own_sample,) = struct.unpack_from("<d", head, 4)
    has_sample = sample == 0 or 1e-30 < sample <= 1
    looks_like = mode in (1, 2) and 1 <= hash_count <= 4 and has_sample
    if looks_like and 0 < own_sample < 1e-200:
        hint = "export it as a .floret or .vec file"
        raise parts.error("a model of fastText", "one of floret", hint=hint)


def read_dictionary(parts: FileParts, args: FastTextArgs) -> FastTextDictionary:
    """Sizes, entries and the pairs of a pruned model."""
    start = parts.at
    size, n_words, n_labels, n_tokens, n_pruned = parts.unpack(_SIZES, "dictionary sizes")
    if min(n_words, n_labels) < 0 or size != n_words + n_labels:
        expected = "as many entries as words and labels together"
        raise parts.error(expected, f"{size} entries, {n_words} words, {n_labels} labels", start)
    if n_tokens < 0:
        raise parts.error("a number of tokens", n_tokens, start + 12)
    if n_pruned < -1 or n_pruned > args.bucket:
        raise parts.error(f"-1 or 0 to {args.bucket} kept buckets", n_pruned, start + 20)
    n_left = len(parts.data) - parts.at
    if size * fasttextfile.ENTRY_BYTES + max(n_pruned, 0) * _PAIR_BYTES > n_left:
        expected = f"{size} words and labels and {max(n_pruned, 0)} kept buckets"
        raise parts.error(expected, f"only {n_left} bytes", hint="the file is cut short or damaged")
    words, counts = _read_entries(parts, size, n_words)
    pruned = None if n_pruned < 0 else _read_pruned(parts, args, n_pruned)
    return FastTextDictionary(words, counts, n_words, n_labels, n_tokens, pruned)


def _read_entries(parts: FileParts, size: int, n_words: int) -> tuple[WordList, NDArray[np.int64]]:
    ends, counts = np.empty(size, np.uint64), np.empty(size, np.int64)
    start, done = parts.at, 0
    while done < size:
        parts.at, done, problem = fasttextfile.scan_entries(
            parts.data, parts.at, done, n_words, ends, counts, _STEP_WORDS
        )
        if problem == fasttextfile.STOP_CUT:
            raise parts.error(f"entry {done} of {size}", "the end of the file")
        if problem == fasttextfile.STOP_TYPE:
            expected = f"entry {done} to be a {'word' if done < n_words else 'label'}"
            raise parts.error(expected, "something else")
    data = np.empty(int(ends[-1]) if size else 0, np.uint8)
    fasttextfile.copy_words(parts.data, start, ends, data)
    if size and int(counts.min()) < 0:
        row = int(counts.argmin())
        raise parts.error(f"a count for entry {row}", int(counts[row]), start)
    return WordList(data, ends), counts


def _read_pruned(parts: FileParts, args: FastTextArgs, n_pruned: int) -> NDArray[np.int32]:
    start = parts.at
    flat = parts.take(_PAIR_BYTES * n_pruned, "kept buckets").view("<i4")
    pairs = flat.reshape(n_pruned, 2).astype(np.int32)
    if n_pruned:
        outside = (pairs < 0) | (pairs >= [args.bucket, n_pruned])
        if outside.any():
            place = int(outside.any(axis=1).argmax())
            expected = f"a bucket below {args.bucket} and a row below {n_pruned}"
            raise parts.error(expected, pairs[place].tolist(), start + _PAIR_BYTES * place)
    return pairs


def read_rows(parts: FileParts, is_quantized: bool, name: str, args: FastTextArgs, n: int) -> Rows:
    """A matrix of at least `n` rows of args.dim numbers; what is large stays a view of the file."""
    return (_read_coded if is_quantized else _read_dense)(parts, f"the {name} matrix", args.dim, n)


def _check_shape(
    parts: FileParts, at: int, what: str, shape: tuple[int, int], n: int, dim: int
) -> None:
    if shape[0] < n or shape[0] > _MAX_INT or shape[1] != dim:
        expected = f"{what} of {n} rows of {dim} numbers"
        raise parts.error(expected, f"{shape[0]} of {shape[1]}", at)


def _read_dense(parts: FileParts, what: str, dim: int, n: int) -> DenseRows:
    start = parts.at
    n_rows, n_columns = parts.unpack(_SHAPE, f"the size of {what}")
    _check_shape(parts, start, what, (n_rows, n_columns), n, dim)
    flat = parts.floats(n_rows * dim, what)
    return DenseRows(flat.reshape(n_rows, dim), dim)


def _read_coded(parts: FileParts, what: str, dim: int, n: int) -> QuantizedRows:
    start = parts.at
    qnorm, n_rows, n_columns, n_codes = parts.unpack(_CODED, f"the size of {what}")
    if qnorm > 1:
        raise parts.error(f"0 or 1 as norm flag of {what}", qnorm, start)
    _check_shape(parts, start + 1, what, (n_rows, n_columns), n, dim)
    if n_codes < 0 or (n_codes % n_rows if n_rows else n_codes):
        raise parts.error(f"a multiple of {n_rows} codes", n_codes, start + 17)
    codes = parts.take(n_codes, f"codes of {what}")
    place = parts.at
    quantizer = _read_quantizer(parts, what, dim)
    if n_codes != n_rows * quantizer.n_parts:
        raise parts.error(f"{n_codes} codes for {n_rows} rows", f"{quantizer.n_parts} a row", place)
    norm_codes = norms = None
    if qnorm:
        norm_codes = parts.take(n_rows, f"norms of {what}")
        norms = _read_quantizer(parts, f"norms of {what}", 1)
    return QuantizedRows(codes.reshape(n_rows, quantizer.n_parts), quantizer, norm_codes, norms)


def _read_quantizer(parts: FileParts, what: str, dim: int) -> ProductQuantizer:
    start = parts.at
    found = parts.unpack(_QUANTIZER, f"the quantiser of {what}")
    dsub = found[2]
    if found[0] != dim or not 1 <= dsub <= dim or found != quantizer_sizes(dim, dsub):
        expected = f"dim {dim} and fitting parts in the quantiser of {what}"
        raise parts.error(expected, f"dim, parts, their size and the last's: {found}", start)
    centroids = parts.floats(dim * N_CENTROIDS, f"centroids of {what}").copy()
    return ProductQuantizer(dim, dsub, centroids)


def quantizer_sizes(dim: int, dsub: int) -> tuple[int, int, int, int]:
    """dim, number of parts, size of a part, size of the last part."""
    return dim, -(-dim // dsub), dsub, dim % dsub or dsub


# -- writing ------------------------------------------------------------------------------------


def write_args(stream: BinaryIO, args: FastTextArgs) -> None:
    stream.write(_HEAD.pack(MAGIC, VERSION))
    stream.write(
        ARGS.pack(
            args.dim, args.window, args.epochs, args.min_count, args.negative, args.word_ngrams,
            LOSSES.index(args.loss) + 1, KINDS.index(args.kind) + 1, args.bucket, args.min_n,
            args.max_n, args.lr_update_rate, args.sample,
        )
    )  # fmt: skip


def write_dictionary(stream: BinaryIO, dictionary: FastTextDictionary, path: str) -> None:
    """FormatError for words with a zero byte, which ends a word in a file."""
    words = dictionary.words
    size, pruned = len(words), dictionary.pruned
    if size > _MAX_INT:
        raise FormatError(path, None, f"at most {_MAX_INT} words and labels", str(size))
    n_pruned = -1 if pruned is None else len(pruned)
    stream.write(
        _SIZES.pack(size, dictionary.n_words, dictionary.n_labels, dictionary.n_tokens, n_pruned)
    )
    ends = words.ends
    n_bytes = int(ends[-1]) if size else 0
    zeros = np.flatnonzero(words.data[:n_bytes] == 0)
    if len(zeros):
        row = int(np.searchsorted(ends, zeros[0], side="right"))
        raise FormatError(
            path, None, "words without a zero byte", f"word {row}: {words[row]!r:.60}"
        )
    counts = np.ascontiguousarray(dictionary.counts, np.int64)
    for first in range(0, size, _STEP_ROWS):
        end = min(first + _STEP_ROWS, size)
        start = int(ends[first - 1]) if first else 0
        n_out = int(ends[end - 1]) - start + (end - first) * fasttextfile.ENTRY_BYTES
        out = np.empty(n_out, np.uint8)
        fasttextfile.write_entries(words.data, ends, counts, dictionary.n_words, first, end, out)
        stream.write(out.data)
    if pruned is not None:
        stream.write(np.ascontiguousarray(pruned, "<i4").tobytes())


def write_rows(stream: BinaryIO, rows: Rows, path: str, *, consume: bool = False) -> None:
    """A matrix; a compact one with the rows that it does not hold.  See `write_model`."""
    if isinstance(rows, QuantizedRows):
        _write_coded(stream, rows, path)
        return
    stream.write(_SHAPE.pack(rows.n_rows, rows.dim))
    step = max(1, _WRITE_BYTES // (4 * rows.dim))
    for first in range(0, rows.n_rows, step):
        end = min(first + step, rows.n_rows)
        for piece in byte_blocks(rows.block(first, end)):
            stream.write(piece)
        if consume and isinstance(rows, DenseRows) and rows.row_of_bucket is None:
            drop_rows(rows.matrix, first, end)


def _write_coded(stream: BinaryIO, rows: QuantizedRows, path: str) -> None:
    if rows.codes.size > _MAX_INT:
        hint = "use larger parts (dsub) or a cutoff"
        expected = f"at most {_MAX_INT} codes, all that the format can count"
        raise FormatError(path, None, expected, str(rows.codes.size), hint)
    has_norms = rows.norm_codes is not None
    stream.write(_CODED.pack(has_norms, rows.n_rows, rows.dim, rows.codes.size))
    for piece in byte_blocks(rows.codes):
        stream.write(piece)
    _write_quantizer(stream, rows.quantizer)
    if rows.norm_codes is not None and rows.norms is not None:
        stream.write(rows.norm_codes.tobytes())
        _write_quantizer(stream, rows.norms)


def _write_quantizer(stream: BinaryIO, quantizer: ProductQuantizer) -> None:
    stream.write(_QUANTIZER.pack(*quantizer_sizes(quantizer.dim, quantizer.dsub)))
    stream.write(np.ascontiguousarray(quantizer.centroids, "<f4").tobytes())
