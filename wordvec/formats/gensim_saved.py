"""What gensim 3 and 4 write with `save`: KeyedVectors, Word2Vec, FastText, Doc2Vec.

    NAME                   a pickle of the object, without its large arrays
    NAME.vectors.npy       each large array; for a model NAME.wv.vectors.npy

Only the words, their vectors and attributes are taken.  The pickle is read by inert_pickle, and
only when asked for.  Reading only: nothing here writes pickles.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import FormatError, OptionError
from wordvec.formats.inert_pickle import Ignored, SavedArray, SavedObject, read_pickle, saved_class
from wordvec.formats.request import ReadRequest
from wordvec.subwords import NgramRules, ngrams_of_words
from wordvec.vectors import Vectors

NAME = "gensim-saved"
SUFFIXES: tuple[str, ...] = ()
NEEDS_FILE = True

_CLASSES = {
    "keyedvectors": "KeyedVectors Word2VecKeyedVectors EuclideanKeyedVectors FastTextKeyedVectors "
    "Doc2VecKeyedVectors WordEmbeddingsKeyedVectors BaseKeyedVectors Vocab CompatVocab",
    "word2vec": "Word2Vec Word2VecVocab Word2VecTrainables Vocab",
    "fasttext": "FastText FastTextKeyedVectors FastTextVocab FastTextTrainables",
    "wrappers.fasttext": "FastText FastTextKeyedVectors",
    "doc2vec": "Doc2Vec Doc2VecVocab Doc2VecTrainables Doctag DocvecsArray",
}
KNOWN: dict[tuple[str, str], Any] = {
    (f"gensim.models.{module}", name): saved_class(f"gensim.models.{module}.{name}")
    for module, names in _CLASSES.items()
    for name in names.split()
}
KNOWN["gensim.utils", "call_on_class_only"] = Ignored
_EXPECTED = "word vectors that gensim saved"
_LONGEST_NGRAM = 100  # longer ones would take a long word's length squared
_WORDS_A_PIECE = 4096  # whose n-grams are found together
_ROW_ATTRIBUTES = ("vectors", "syn0")


def sniff(head: bytes) -> bool:
    """Any pickle of protocol 2 to 5: gensim never wrote older ones."""
    return head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")


def open_file(path: str, request: ReadRequest) -> Vectors:
    """Read words and rows; large arrays stay in their files if the request allows it.

    FormatError unless `allow_pickle` was given.
    """
    if not request.allow_pickle:
        raise FormatError(
            path, 0, "a file without pickled objects", "a pickle",
            "if it is gensim's, load it with allow_pickle=True (no code in it is run)",
        )  # fmt: skip
    saved = read_pickle(path, KNOWN)
    place = path
    if isinstance(saved, SavedObject) and isinstance(saved.attributes.get("wv"), SavedObject):
        saved, place = saved.attributes["wv"], f"{path}.wv"
    if not isinstance(saved, SavedObject):
        raise FormatError(path, None, _EXPECTED, f"a {type(saved).__name__}")
    return SavedVectors(saved, path, place).vectors(request)


def write(stream: BinaryIO, vectors: Vectors, path: str) -> NoReturn:
    raise OptionError("format", "one that is written here (no pickles are)", NAME)


class SavedVectors:
    """The attributes of KeyedVectors as gensim of some version saved them.

    `path` is the pickle's, for messages; `place` is what the names of array files begin with.
    """

    def __init__(self, saved: SavedObject, path: str, place: str) -> None:
        self.path = path
        self.place = place
        self.kind = saved.kind
        self.attributes = saved.attributes
        self.apart = set(self._texts("__numpys"))

    def vectors(self, request: ReadRequest) -> Vectors:
        keys = self._keys()
        matrix = self._matrix(keys)
        if matrix.ndim != 2 or matrix.dtype.kind != "f" or matrix.shape[1] < 1:
            found = f"{matrix.dtype}{list(matrix.shape)}"
            raise FormatError(self.path, None, "a matrix of floats", found)
        if len(matrix) != len(keys):
            expected = f"{len(keys)} rows, one for each word"
            raise FormatError(self.path, None, expected, f"{len(matrix)}")
        counts = self._counts(keys)
        rows = self._wanted(keys, request)
        if rows is not None:
            keys, matrix = [keys[row] for row in rows], matrix[rows]
            counts = counts if counts is None else counts[rows]
        if not request.mmap or matrix.dtype != request.dtype or not matrix.dtype.isnative:
            matrix = np.array(matrix, dtype=request.dtype)
        words = keys if set(map(type, keys)) == {str} else [_word(key) for key in keys]
        return Vectors(words, np.asarray(matrix), counts, {"gensim_class": self.kind})

    def _wanted(self, keys: list[Any], request: ReadRequest) -> list[int] | None:
        """The rows that are asked for, None for all; those that gensim left without a key are
        not."""
        if request.limit is None and request.wanted is None and None not in keys:
            return None
        rows = [row for row in range(request.n_wanted(len(keys))) if keys[row] is not None]
        if request.wanted is None:
            return rows
        return [row for row in rows if keys[row] in request.wanted]

    def _keys(self) -> list[Any]:
        for name in ("index_to_key", "index2word", "index2entity"):
            keys = self.attributes.get(name)
            if isinstance(keys, list):
                if not set(map(type, keys)) <= {str, int, type(None)}:
                    raise FormatError(self.path, None, f"words in {name}", "other things")
                return keys
        raise FormatError(
            self.path, None, f"{_EXPECTED}, with index_to_key or index2word",
            f"{self.kind or 'an object'} without",
        )  # fmt: skip

    def _matrix(self, keys: list[Any]) -> NDArray[Any]:
        for name in _ROW_ATTRIBUTES:
            found = self._array(name)
            if found is not None:
                return found
        # FastText's word vectors are not saved: they are means of these.
        return self._means_of_subwords(keys)

    def _means_of_subwords(self, keys: list[Any]) -> NDArray[Any]:
        words, ngrams = self._array("vectors_vocab"), self._array("vectors_ngrams")
        if words is None or ngrams is None:
            raise FormatError(self.path, None, f"{_EXPECTED}, with an array of vectors", "none")
        found = [self.attributes.get(name) for name in ("min_n", "max_n", "bucket")]
        min_n, max_n, bucket = (number if type(number) is int else -1 for number in found)
        if min(min_n, max_n, bucket) < 0:
            raise FormatError(self.path, None, "min_n, max_n and bucket", "none")
        if self.attributes.get("compatible_hash") is False:
            hint = "save it again with gensim 3.8.3"
            raise FormatError(self.path, None, "fastText's hash", "gensim's former one", hint)
        if len(words) != len(keys) or words.shape[1:] != ngrams.shape[1:] or len(ngrams) != bucket:
            shapes = f"{words.shape} and {ngrams.shape}"
            raise FormatError(self.path, None, "rows for all words and n-grams", shapes)
        if max_n > _LONGEST_NGRAM:
            raise FormatError(self.path, None, f"max_n of {_LONGEST_NGRAM} at most", f"{max_n}")
        rows = np.array(words, dtype=np.float32)
        if bucket == 0:
            return rows
        rules = NgramRules(min_n, max_n, bucket)
        with np.errstate(all="ignore"):  # rows may hold anything
            for first in range(0, len(keys), _WORDS_A_PIECE):
                part = keys[first : first + _WORDS_A_PIECE]
                for row, places in enumerate(ngram_rows(part, rules), first):
                    rows[row] = (rows[row] + ngrams[places].sum(axis=0)) / (len(places) + 1)
        return rows

    def _counts(self, keys: list[Any]) -> NDArray[np.int64] | None:
        expandos = self.attributes.get("expandos")
        if isinstance(expandos, dict):
            found = expandos.get("count")
            if isinstance(found, SavedArray):
                return self._checked_counts(found.items, len(keys))
        entries = self.attributes.get("vocab")
        if not isinstance(entries, dict):
            return None
        found = [
            entry.attributes.get("count") if isinstance(entry, SavedObject) else None
            for entry in (entries.get(key) for key in keys)
        ]
        return None if None in found else self._checked_counts(found, len(keys))

    def _checked_counts(self, values: Any, n_keys: int) -> NDArray[np.int64] | None:
        if isinstance(values, np.ndarray) and values.dtype.kind in "iu":
            return values.astype(np.int64) if values.shape == (n_keys,) else None
        try:
            counts = np.array([0 if value is None else value for value in values], dtype=np.int64)
        except (TypeError, ValueError, OverflowError):
            raise FormatError(self.path, None, "whole numbers as counts", "others") from None
        return counts if counts.shape == (n_keys,) else None

    def _array(self, name: str) -> NDArray[Any] | None:
        """An array of the pickle, or of the file beside it."""
        if name in self.apart:
            return read_array(f"{self.place}.{name}.npy", self.path)
        found = self.attributes.get(name)
        if isinstance(found, SavedArray) and isinstance(found.items, np.ndarray):
            return found.items
        return None

    def _texts(self, name: str) -> list[str]:
        found = self.attributes.get(name)
        return [text for text in found if isinstance(text, str)] if isinstance(found, list) else []


def _word(key: Any) -> str:
    """A key as a word; Doc2Vec has whole numbers too."""
    return key if isinstance(key, str) else str(key)


def read_array(path: str, pickle_path: str) -> NDArray[Any]:
    """Map the array of a .npy file; FormatError when it is missing or damaged."""
    if not os.path.isfile(path):
        hint = "gensim writes several files: keep them together"
        raise FormatError(pickle_path, None, f"the file {path} beside it", "none", hint)
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]
    except OSError:
        raise
    except Exception as error:  # NumPy evaluates the header, and fails in many ways
        found = (str(error).splitlines() or [""])[0][:120]
        raise FormatError(path, None, "a NumPy array of numbers", found) from None


def ngram_rows(keys: list[Any], rules: NgramRules) -> Iterator[NDArray[np.int32]]:
    """For each key the rows of `vectors_ngrams` that its character n-grams have; none for None."""
    # A lone surrogate is hashed as gensim does it, by the bytes that it would have.
    words = [b"" if key is None else _word(key).encode("utf-8", "surrogatepass") for key in keys]
    starts = np.zeros(len(words) + 1, np.int64)
    np.cumsum([len(word) for word in words], out=starts[1:])
    arena = np.frombuffer(b"".join(words), np.uint8)
    ends, buckets = ngrams_of_words(arena, starts, rules)
    for row, key in enumerate(keys):
        yield buckets[ends[row] : ends[row + 1]] if key is not None else buckets[:0]
