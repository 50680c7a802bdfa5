"""A whole model in one file of our own format, so that training can go on after loading it.

The file is one of vectors (formats/own.py), which every reader of vectors here takes, with further
tensors and one more entry among the metadata:

    model.NAME     the arrays of the model besides the matrix, such as model.out_rows
    "model"        {"class": "Word2Vec", "version": 1, "settings": {...}}, settings as JSON

What the arrays and settings mean is the model's matter; see `OnlineModel._state` and `_restore`.
No pickles; written to a temporary name and renamed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import FormatError
from wordvec.files import OutputFile
from wordvec.formats import own
from wordvec.formats.modelparts import MODEL_ENTRY, MODEL_PREFIX
from wordvec.formats.request import ReadRequest
from wordvec.subwords import Subwords
from wordvec.vectors import Vectors

VERSION = 1

Path = str | os.PathLike[str]


@dataclass
class ModelState:
    """What a file of a model holds.

    kind      name of the model's class
    settings  what JSON can hold: options, counters, the history of losses
    words     the vocabulary in the order of the rows, with counts int64[n_words]
    vectors   float32[n_words, dim]: the vectors that queries see
    arrays    further arrays by name
    subwords  rows of n-grams, or None; every reader of the file as vectors has them too
    """

    kind: str
    settings: dict[str, Any]
    words: Sequence[str]
    counts: NDArray[np.int64]
    vectors: NDArray[np.float32]
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    subwords: Subwords | None = None


def write_state(state: ModelState, path: Path) -> None:
    """Write a model, whole or not at all.  OutputError, FormatError (settings that are no JSON)."""
    entry = {"class": state.kind, "version": VERSION, "settings": state.settings}
    vectors = Vectors(state.words, state.vectors, state.counts, {MODEL_ENTRY: entry})
    vectors.subwords = state.subwords
    vectors.tensors = {MODEL_PREFIX + name: array for name, array in state.arrays.items()}
    with OutputFile(path) as output:
        own.write(output.stream, vectors, os.fspath(path))


def is_state(path: Path) -> bool:
    """Whether a file is in our own format; a pipe or a folder is not."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as stream:
        return own.sniff(stream.read(1 << 16))


def read_state(path: Path) -> ModelState:
    """Read a model after comparing its checksums; the arrays are read-only views of the file.

    FormatError, also for vectors without a model.
    """
    name = os.fspath(path)
    vectors = own.open_file(name, ReadRequest(mmap=True, verify=True))
    entry = vectors.metadata.get(MODEL_ENTRY)
    if not isinstance(entry, dict):
        hint = "KeyedVectors.load and wordvec.load read them"
        raise FormatError(name, 8, "a model", "vectors without one", hint)
    version, kind, settings = (entry.get(key) for key in ("version", "class", "settings"))
    if version != VERSION or not isinstance(kind, str) or not isinstance(settings, dict):
        hint = "use a newer wordvec" if isinstance(version, int) and version > VERSION else ""
        found = f"version {version!r:.20}"
        raise FormatError(name, 8, f"a model of version {VERSION}", found, hint)
    counts = vectors.counts
    if counts is None:
        raise FormatError(name, 8, "counts of the words", "none")
    arrays = {
        key.removeprefix(MODEL_PREFIX): array
        for key, array in vectors.tensors.items()
        if key.startswith(MODEL_PREFIX)
    }
    return ModelState(
        kind, settings, vectors.words, counts, vectors.matrix, arrays, vectors.subwords
    )
