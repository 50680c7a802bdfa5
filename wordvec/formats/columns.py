"""Tables of words and vectors for Parquet and Arrow, through the package pyarrow (an extra).

Written: word (string, or binary when a word is not UTF-8), vector (fixed_size_list of float or
halffloat), count (int64, if known); metadata as JSON under wordvec.metadata.  Read: the first
column of strings or bytes, and either one column of lists of floats or all columns of floats, as
data frames have them; a column of whole numbers called count.  Nothing may be null.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import FormatError, OptionError
from wordvec.formats.request import ReadRequest
from wordvec.formats.selection import chosen_rows, round_rows, words_at
from wordvec.formats.tensors import printable
from wordvec.vectors import Vectors
from wordvec.words import WordList

METADATA_KEY = b"wordvec.metadata"
_STEP_BYTES = 16 << 20


def pyarrow() -> Any:
    """The package; OptionError that names the extra when it is not there."""
    try:
        import pyarrow as module  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        needed = "the package pyarrow for Parquet and Arrow files (pip install 'wordvec[arrow]')"
        raise OptionError("format", needed, "no such package") from None
    return module


# -- reading ------------------------------------------------------------------------------------


class Columns:
    """Which columns of a schema hold what."""

    def __init__(self, schema: Any, path: str) -> None:
        types = pyarrow().types
        self.path = path
        self.word: str | None = None
        self.vector: list[str] = []
        self.count: str | None = None
        wide = []
        for field in schema:
            kind = field.type
            if types.is_dictionary(kind):
                kind = kind.value_type
            if self.word is None and _is_text(types, kind):
                self.word = field.name
            elif field.name == "count" and types.is_integer(kind):
                self.count = field.name
            elif not self.vector and _is_list(types, kind) and types.is_floating(kind.value_type):
                self.vector = [field.name]
            elif types.is_floating(kind):
                wide.append(field.name)
        self.is_wide = not self.vector
        self.vector = self.vector or wide
        names = list(schema.names)
        if self.word is None or not self.vector or len(set(names)) < len(names):
            shown = printable(", ".join(f"{field.name} {field.type}" for field in schema)) or "none"
            expected = "a column of words and one of lists of floats (or columns of floats)"
            raise FormatError(path, None, expected, f"the columns {shown}")
        self.metadata = _metadata(schema.metadata or {}, path)

    @property
    def names(self) -> list[str]:
        assert self.word is not None
        return [self.word, *self.vector, *([self.count] if self.count else [])]

    def words_of(self, batch: Any) -> list[bytes]:
        """The words of a record batch, as bytes: strings of a damaged file may not be UTF-8."""
        arrow = pyarrow()
        column = self._whole(batch.column(batch.schema.get_field_index(self.word)))
        if arrow.types.is_dictionary(column.type):
            column = self._whole(column.dictionary_decode())
        found: list[bytes] = column.cast(arrow.large_binary()).to_pylist()
        return found

    def counts_of(self, batch: Any) -> NDArray[np.int64] | None:
        if self.count is None:
            return None
        column = batch.column(batch.schema.get_field_index(self.count))
        return np.asarray(self._whole(column).to_numpy(zero_copy_only=False), np.int64)

    def rows_of(self, batch: Any) -> NDArray[Any]:
        """float[n, dim] of a record batch; a view of it where that is possible."""
        columns = [batch.column(batch.schema.get_field_index(name)) for name in self.vector]
        if self.is_wide:
            found = [self._whole(c).to_numpy(zero_copy_only=False) for c in columns]
            return np.stack(found, axis=1)
        column = self._whole(columns[0])
        flat = self._whole(column.flatten()).to_numpy(zero_copy_only=False)
        if pyarrow().types.is_fixed_size_list(column.type):
            return np.asarray(flat).reshape(len(column), column.type.list_size)
        dim = len(flat) // len(column) if len(column) else 0
        lengths = column.value_lengths().to_numpy(zero_copy_only=False)
        if (lengths != dim).any():
            row = int(np.argmax(lengths != dim))
            raise FormatError(self.path, None, f"{dim} numbers a row", f"{lengths[row]} in {row}")
        return np.asarray(flat).reshape(len(column), dim)

    def _whole(self, column: Any) -> Any:
        if column.null_count:
            raise FormatError(self.path, None, "no null in words and vectors", "some")
        return column


def _is_text(types: Any, kind: Any) -> bool:
    checks = (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary)
    return any(check(kind) for check in checks)


def _is_list(types: Any, kind: Any) -> bool:
    return bool(types.is_fixed_size_list(kind) or types.is_list(kind) or types.is_large_list(kind))


def _metadata(found: dict[bytes, bytes], path: str) -> dict[str, Any]:
    try:
        metadata = json.loads(found.get(METADATA_KEY, b"{}"))
    except (ValueError, RecursionError):
        metadata = None
    if not isinstance(metadata, dict):
        raise FormatError(path, None, f"a JSON object as {METADATA_KEY.decode()}", "something else")
    return metadata


def gather(batches: Iterable[Any], columns: Columns, request: ReadRequest, path: str) -> Vectors:
    """Vectors from record batches, converted one after the other; stops at the limit."""
    pieces: list[NDArray[Any]] = []
    words: list[bytes] = []
    counts: list[NDArray[np.int64]] = []
    n_seen, dim = 0, -1
    for batch in batches:
        if not len(batch):
            continue
        if request.limit is not None:
            batch = batch.slice(0, request.limit - n_seen)
            if not len(batch):
                break
        n_seen += len(batch)
        rows = columns.rows_of(batch)
        if dim not in (-1, rows.shape[1]) or rows.shape[1] < 1:
            raise FormatError(path, None, f"{max(dim, 1)} numbers a row", str(rows.shape[1]))
        dim = rows.shape[1]
        found = WordList.of_bytes(columns.words_of(batch))
        chosen = chosen_rows(found, ReadRequest(wanted=request.wanted))
        kept = words_at(found, chosen)
        made = np.empty((len(kept), dim), request.dtype)
        round_rows(rows[chosen], made, path, kept, 0)
        pieces.append(made)
        words += [kept.word_bytes(k) for k in range(len(kept))]
        some_counts = columns.counts_of(batch)
        if some_counts is not None:
            counts.append(some_counts[chosen])
    if not pieces:
        return Vectors(WordList.of([]), np.empty((0, max(dim, 1)), request.dtype))
    matrix = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
    all_counts = np.concatenate(counts) if counts else None
    return Vectors(WordList.of_bytes(words), matrix, all_counts, columns.metadata)


# -- writing ------------------------------------------------------------------------------------


class CountingStream(io.RawIOBase):
    """What pyarrow needs of a stream: it asks how far it has written."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._n_bytes = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._n_bytes

    def write(self, data: Any, /) -> int:
        view = memoryview(data).cast("B")
        self._stream.write(view)
        self._n_bytes += len(view)
        return len(view)


def schema_of(vectors: Vectors, path: str) -> Any:
    arrow = pyarrow()
    number = arrow.float16() if vectors.matrix.dtype == np.float16 else arrow.float32()
    words = vectors.words
    text = arrow.string() if _all_utf8(words) else arrow.binary()
    if vectors.dim < 1:
        raise FormatError(path, None, "at least one dimension", "0")
    fields = [("word", text), ("vector", arrow.list_(number, vectors.dim))]
    if vectors.counts is not None:
        fields.append(("count", arrow.int64()))
    try:
        text_metadata = json.dumps(vectors.metadata, sort_keys=True)
    except (TypeError, ValueError, RecursionError) as error:
        raise FormatError(path, None, "metadata that JSON can hold", str(error)) from None
    return arrow.schema(fields, metadata={METADATA_KEY: text_metadata.encode("ascii")})


def _all_utf8(words: WordList) -> bool:
    """Whether no word has other bytes; a character may not run from one word into the next."""
    for first in range(0, len(words), 1 << 14):
        for word in words[first : first + (1 << 14)]:
            if not word.isascii():
                try:
                    word.encode("utf-8")
                except UnicodeEncodeError:
                    return False
    return True


def batches_of(vectors: Vectors, schema: Any) -> Iterator[Any]:
    """Record batches of about 16 MB."""
    arrow = pyarrow()
    words = vectors.words
    step = max(1, _STEP_BYTES // (4 * vectors.dim))
    for first in range(0, len(words), step):
        rows = np.ascontiguousarray(vectors.matrix[first : first + step])
        texts = [words.word_bytes(k) for k in range(first, first + len(rows))]
        flat = arrow.array(rows.reshape(-1))
        columns = [
            arrow.array(texts, arrow.binary()).cast(schema.field("word").type),
            arrow.FixedSizeListArray.from_arrays(flat, vectors.dim),
        ]
        if vectors.counts is not None:
            columns.append(arrow.array(np.ascontiguousarray(vectors.counts[first : first + step])))
        yield arrow.record_batch(columns, schema=schema)
