"""Parquet files of words and vectors; see columns for what is in them.  Needs pyarrow."""

from __future__ import annotations

from typing import Any, BinaryIO

from wordvec.errors import FormatError
from wordvec.formats.columns import (
    Columns,
    CountingStream,
    batches_of,
    gather,
    pyarrow,
    schema_of,
)
from wordvec.formats.request import ReadRequest
from wordvec.formats.tensors import open_regular
from wordvec.vectors import Vectors

NAME = "parquet"
SUFFIXES = (".parquet",)
NEEDS_FILE = True

_MAGIC = b"PAR1"
_READ_ROWS = 1 << 14


def sniff(head: bytes) -> bool:
    return head.startswith(_MAGIC)


def open_file(path: str, request: ReadRequest) -> Vectors:
    """Read words and vectors into memory.  Raises FormatError; OptionError without pyarrow."""
    arrow = pyarrow()
    parquet = _parquet()
    stream, _ = open_regular(path, "a Parquet file")
    with stream:
        try:
            table = parquet.ParquetFile(stream)
            columns = Columns(table.schema_arrow, path)
            batches = table.iter_batches(batch_size=_READ_ROWS, columns=columns.names)
            return gather(batches, columns, request, path)
        except (arrow.ArrowException, OSError, UnicodeDecodeError) as error:
            raise damaged(path, "Parquet", error) from error


def damaged(path: str, what: str, error: Exception) -> FormatError:
    message = (str(error).splitlines() or [type(error).__name__])[0][:160]
    return FormatError(path, None, f"a whole {what} file", message, "make or fetch it again")


def _parquet() -> Any:
    import pyarrow.parquet as module  # type: ignore[import-not-found,import-untyped,unused-ignore]

    return module


def write(stream: BinaryIO, vectors: Vectors, path: str = "output") -> None:
    """Write a table of words and vectors, in batches.  OptionError without pyarrow."""
    schema = schema_of(vectors, path)
    # Vectors hardly pack: a dictionary or zstd would only cost time.
    options = {"compression": "none", "use_dictionary": False}
    with _parquet().ParquetWriter(CountingStream(stream), schema, **options) as writer:
        for batch in batches_of(vectors, schema):
            writer.write_batch(batch)
