"""Arrow (Feather version 2) files of words and vectors; see columns.  Needs pyarrow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from wordvec.formats.columns import (
    Columns,
    CountingStream,
    batches_of,
    gather,
    pyarrow,
    schema_of,
)
from wordvec.formats.parquet import damaged
from wordvec.formats.request import ReadRequest
from wordvec.formats.tensors import open_regular
from wordvec.vectors import Vectors

NAME = "arrow"
SUFFIXES = (".arrow", ".feather", ".ipc")
NEEDS_FILE = True

_MAGIC = b"ARROW1\0\0"


def sniff(head: bytes) -> bool:
    return head.startswith(_MAGIC)


def open_file(path: str, request: ReadRequest) -> Vectors:
    """Read words and vectors into memory.  Raises FormatError; OptionError without pyarrow."""
    arrow = pyarrow()
    stream, _ = open_regular(path, "an Arrow file")
    with stream:
        try:
            reader = arrow.ipc.open_file(stream)
            columns = Columns(reader.schema, path)
            return gather(_checked_batches(reader), columns, request, path)
        except (arrow.ArrowException, OSError, UnicodeDecodeError) as error:
            raise damaged(path, "Arrow", error) from error


def _checked_batches(reader: Any) -> Iterator[Any]:
    for number in range(reader.num_record_batches):
        batch = reader.get_batch(number)
        batch.validate(full=True)  # offsets that lie would be followed
        yield batch


def write(stream: BinaryIO, vectors: Vectors, path: str = "output") -> None:
    """Write a table of words and vectors, in batches.  OptionError without pyarrow."""
    schema = schema_of(vectors, path)
    with pyarrow().ipc.new_file(CountingStream(stream), schema) as writer:
        for batch in batches_of(vectors, schema):
            writer.write_batch(batch)
