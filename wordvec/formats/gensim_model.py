"""Whole models that gensim 3 or 4 has saved: vectors, weights, settings, Huffman codes.

Reading only, by inert_pickle; gensim_saved reads the vectors among it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import FormatError
from wordvec.formats.gensim_saved import KNOWN, SavedVectors, read_array, sniff
from wordvec.formats.inert_pickle import SavedArray, SavedObject, read_pickle
from wordvec.formats.request import ReadRequest
from wordvec.vectors import Vectors

# gensim 3 kept these apart, with files of their own.
_PARTS = ("vocabulary", "trainables")
_ARRAYS = ("syn1neg", "syn1")
_WV_ARRAYS = ("vectors_vocab", "vectors_ngrams", "vectors_lockf")


@dataclass
class SavedModel:
    """What is taken from a file.

    kind     the class's name, "Word2Vec" or "FastText"
    values   numbers, texts and None by gensim's names; those of `wv` (min_n, bucket, ...) too
    vectors  words, float32 rows and counts of `wv`
    arrays   syn1neg, syn1, vectors_vocab, vectors_ngrams, vectors_lockf, where there are any
    codes, points  for each word its Huffman codes uint8[n] and inner nodes int32[n]; None without
    """

    kind: str
    values: dict[str, Any]
    vectors: Vectors
    arrays: dict[str, NDArray[Any]]
    codes: list[NDArray[np.uint8]] | None
    points: list[NDArray[np.int32]] | None


def is_saved_model(path: str) -> bool:
    """Whether a file can be a pickle of gensim's."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as stream:
        return sniff(stream.read(2))


def read_saved_model(path: str) -> SavedModel:
    """Read a Word2Vec or FastText of gensim's; FormatError for everything else."""
    saved = read_pickle(path, KNOWN)
    wv = saved.attributes.get("wv") if isinstance(saved, SavedObject) else None
    kind = saved.kind.rpartition(".")[2] if isinstance(saved, SavedObject) else ""
    if not isinstance(wv, SavedObject) or kind not in ("Word2Vec", "FastText"):
        found = kind or type(saved).__name__
        hint = "KeyedVectors.load reads vectors alone"
        raise FormatError(path, None, "a Word2Vec or FastText that gensim saved", found, hint)
    parts = SavedVectors(wv, path, f"{path}.wv")
    vectors = parts.vectors(ReadRequest(mmap=False, allow_pickle=True))
    values = _values(wv)
    arrays = {name: array for name in _WV_ARRAYS if (array := parts._array(name)) is not None}
    for name in _PARTS:
        part = saved.attributes.get(name)
        if isinstance(part, SavedObject):
            values.update(_values(part))
            arrays.update(_arrays(part, path, f"{path}.{name}"))
    values.update(_values(saved))
    arrays.update(_arrays(saved, path, path))
    codes, points = _paths(wv, len(vectors))
    return SavedModel(kind, values, vectors, arrays, codes, points)


def _values(saved: SavedObject) -> dict[str, Any]:
    simple = (int, float, str, bool, type(None))
    found = {k: v for k, v in saved.attributes.items() if isinstance(v, simple)}
    if "iter" in found and "epochs" not in found:
        found["epochs"] = found["iter"]
    return found


def _arrays(saved: SavedObject, path: str, place: str) -> dict[str, NDArray[Any]]:
    apart = saved.attributes.get("__numpys")
    found: dict[str, NDArray[Any]] = {}
    for name in _ARRAYS:
        value = saved.attributes.get(name)
        if isinstance(apart, list) and name in apart:
            found[name] = read_array(f"{place}.{name}.npy", path)
        elif isinstance(value, SavedArray) and isinstance(value.items, np.ndarray):
            found[name] = value.items
    return found


def _paths(
    wv: SavedObject, n_words: int
) -> tuple[list[NDArray[np.uint8]], list[NDArray[np.int32]]] | tuple[None, None]:
    expandos = wv.attributes.get("expandos")
    entries = wv.attributes.get("vocab")
    found: list[list[Any]] = []
    for name in ("code", "point"):
        values: Any = None
        if isinstance(expandos, dict) and isinstance(expandos.get(name), SavedArray):
            values = expandos[name].items
        elif isinstance(entries, dict):
            keys = wv.attributes.get("index2word") or []
            values = [
                entries[key].attributes.get(name) if isinstance(entries.get(key), SavedObject)
                else None
                for key in keys
            ]  # fmt: skip
        if values is None or len(values) != n_words:
            return None, None
        found.append([v.items if isinstance(v, SavedArray) else v for v in values])
    if any(value is None for values in found for value in values):
        return None, None
    codes = [np.asarray(value, dtype=np.uint8).reshape(-1) for value in found[0]]
    points = [np.asarray(value, dtype=np.int32).reshape(-1) for value in found[1]]
    return codes, points
