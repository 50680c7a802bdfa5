"""Files of word vectors: load and save, and one module per format.

What is named here lies in wordvec.formats.table, which imports every format; it is loaded when
the first of the names is asked for, so that whoever needs one format pays for that one.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wordvec.formats.request import ReadRequest
    from wordvec.formats.table import (
        FORMATS,
        HEAD_BYTES,
        VectorFormat,
        format_named,
        format_to_write,
        load,
        needs_file,
        open_reader,
        read,
        recognise,
        save,
    )

__all__ = [
    "FORMATS",
    "HEAD_BYTES",
    "ReadRequest",
    "VectorFormat",
    "format_named",
    "format_to_write",
    "load",
    "needs_file",
    "open_reader",
    "read",
    "recognise",
    "save",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        value = getattr(import_module("wordvec.formats.table"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'wordvec.formats' has no attribute {name!r}")
