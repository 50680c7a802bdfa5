"""KeyedVectors: Vectors under gensim 4's names.

What scripts need to train, look up and save.  Results and exceptions are gensim 4.4's, except:
rows of length zero are left out of most_similar (gensim lists them last, as nan), and files that
are damaged raise FormatError (a ValueError) with the place, also where gensim raises EOFError.
"""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Iterable, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import OptionError
from wordvec.files import OutputFile
from wordvec.formats import gensim_word2vec, glove_text, open_reader, word2vec_binary, word2vec_text
from wordvec.formats.request import ReadRequest
from wordvec.gensim3 import Gensim3Names, warn_renamed
from wordvec.vectors import Matrix, Row, Vectors

logger = logging.getLogger(__name__)

Key = str | int | np.integer[Any]
_KEYS = (str, int, np.integer)


class KeyedVectors(Gensim3Names):
    """Words and vectors with gensim 4's methods.

    `KeyedVectors(vector_size)` is empty, as in gensim; `add_vectors` fills it, and
    `KeyedVectors.from_vectors` takes words and matrix as they are.
    """

    def __init__(self, vector_size: int, count: int = 0, dtype: Any = np.float32) -> None:
        _need_float32(dtype)
        super().__init__([], np.empty((0, vector_size), dtype=np.float32))
        self._attributes: dict[str, NDArray[Any]] = {}

    @classmethod
    def from_vectors(
        cls, words: Sequence[str], matrix: Matrix, counts: NDArray[np.int64] | None = None
    ) -> KeyedVectors:
        """Words, float32[n_words, dim] (not copied) and counts as KeyedVectors."""
        vectors = cls(matrix.shape[1])
        Vectors.__init__(vectors, words, matrix, counts)
        return vectors

    # Names of what is stored

    @property
    def vectors(self) -> Matrix:
        """float32[n_words, vector_size]: the matrix itself."""
        return self.matrix

    @vectors.setter
    def vectors(self, matrix: Matrix) -> None:
        Vectors.__init__(self, self.words, matrix, self.counts)

    @property
    def vector_size(self) -> int:
        return self.dim

    @property
    def index_to_key(self) -> list[str]:
        return list(self.words)

    @property
    def key_to_index(self) -> dict[str, int]:
        return self.index

    def fill_norms(self, force: bool = False) -> None:
        if force:
            self.matrix_changed()
        _ = self.norms

    def get_normed_vectors(self) -> Matrix:
        """A copy of the matrix with every row scaled to length 1."""
        return np.asarray(self.matrix / self.norms[:, None])

    # Lookup

    def get_index(self, key: Key, default: int | None = None) -> int:
        row = self.index.get(cast(str, key), -1)
        if row >= 0:
            return row
        if isinstance(key, (int, np.integer)) and 0 <= key < len(self.words):
            return int(key)
        if default is not None:
            return default
        raise KeyError(f"Key '{key}' not present")

    def has_index_for(self, key: Key) -> bool:
        return self.get_index(key, -1) >= 0

    def __contains__(self, key: object) -> bool:
        return self.has_index_for(cast(Key, key)) or super().__contains__(key)

    def get_vector(self, key: Key, norm: bool = False) -> Row:
        """The row of a key, read-only; with `norm` a copy of length 1.

        With `subwords`, an unseen word has the mean of its n-grams' rows.
        """
        built = self._built_row(key) if isinstance(key, str) else None
        if built is not None:
            return _unit_or_zero(built) if norm else built
        row = self.get_index(key)
        if not norm:
            return self._row(row)
        scaled = np.asarray(self.matrix[row] / self.norms[row])
        scaled.flags.writeable = False
        return scaled

    def word_vec(self, *args: Any, **kwargs: Any) -> Row:
        warn_renamed("word_vec", "get_vector")
        return self.get_vector(*args, **kwargs)

    def __getitem__(self, key_or_keys: Key | Iterable[Key]) -> NDArray[np.float32]:
        """One key: its row, a read-only view.  Several: a copy, float32[n, vector_size]."""
        if isinstance(key_or_keys, _KEYS):
            return self.get_vector(key_or_keys)
        return np.vstack([self.get_vector(key) for key in key_or_keys])

    def add_vector(self, key: str, vector: Row) -> int:
        """Append one word, or replace its vector; return its row."""
        self.add_vectors([key], np.asarray(vector, dtype=np.float32)[None], replace=True)
        return self.get_index(key)

    def add_vectors(
        self, keys: Sequence[str], weights: Any, extras: Any = None, replace: bool = False
    ) -> None:
        """Append words with rows float32[n, vector_size].  The matrix is copied once.

        A word that is there keeps its vector, or takes the new one if `replace`.
        """
        rows = np.asarray(weights, dtype=np.float32).reshape(len(keys), self.dim)
        known = dict(self.index)
        is_new = np.zeros(len(keys), dtype=bool)
        for k, key in enumerate(keys):
            if key not in known:
                is_new[k] = True
                known[key] = len(self.words) + int(is_new[:k].sum())
        words = [*self.words] + [key for key, new in zip(keys, is_new, strict=True) if new]
        matrix = np.vstack([self.matrix, rows[is_new]])
        counts = None
        if self.counts is not None:
            counts = np.concatenate([self.counts, np.zeros(is_new.sum(), dtype=np.int64)])
        if replace:
            for k in np.flatnonzero(~is_new).tolist():
                matrix[known[keys[k]]] = rows[k]
        attributes = dict(self._attributes)
        Vectors.__init__(self, words, matrix, counts)
        for name, values in attributes.items():
            fresh = np.zeros(len(words), dtype=values.dtype)
            fresh[: len(values)] = values
            attributes[name] = fresh
        self._attributes = attributes
        for name, values in (extras or {}).items():
            for key, value in zip(keys, values, strict=True):
                self.set_vecattr(key, name, value)

    def __setitem__(self, keys: Key | Sequence[Key], weights: Any) -> None:
        if isinstance(keys, _KEYS):
            keys, weights = [keys], np.asarray(weights)[None]
        self.add_vectors(cast("Sequence[str]", keys), weights, replace=True)

    def get_vecattr(self, key: Key, attr: str) -> Any:
        """An attribute of a key, such as its 'count'; KeyError if there is none of that name."""
        row = self.get_index(key)
        if attr == "count" and self.counts is not None:
            return self.counts[row]
        return self._attributes[attr][row]

    def set_vecattr(self, key: Key, attr: str, val: Any) -> None:
        row = self.get_index(key)
        if attr == "count":
            if self.counts is None:
                self.counts = np.zeros(len(self), dtype=np.int64)
            self.counts[row] = val
            return
        if attr not in self._attributes:
            kind = object if isinstance(val, str) else np.asarray(val).dtype
            self._attributes[attr] = np.zeros(len(self), dtype=kind)
        self._attributes[attr][row] = val

    # Comparing

    def get_mean_vector(
        self,
        keys: Sequence[Key | Row],
        weights: Sequence[float] | NDArray[Any] | None = None,
        pre_normalize: bool = True,
        post_normalize: bool = False,
        ignore_missing: bool = True,
    ) -> Row:
        """The weighted mean of the keys' rows, divided by the sum of the weights' sizes."""
        if len(keys) == 0:
            raise ValueError("cannot compute mean with no input")
        factors = np.ones(len(keys)) if weights is None else np.asarray(weights)
        if len(keys) != len(factors):
            raise ValueError("keys and weights array must have same number of elements")
        mean = np.zeros(self.dim, dtype=np.float32)
        total = 0.0
        for key, factor in zip(keys, factors, strict=True):
            if isinstance(key, np.ndarray):
                mean += factor * key
            elif key in self:
                mean += factor * self.get_vector(key, norm=pre_normalize)
            elif ignore_missing:
                continue
            else:
                raise KeyError(f"Key '{key}' not present in vocabulary")
            total += abs(float(factor))
        if total > 0:
            mean = mean / np.float32(total)
        return _unit_or_zero(mean) if post_normalize else mean

    def most_similar(
        self,
        positive: Any = None,
        negative: Any = None,
        topn: int | None = 10,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
        indexer: Any = None,
    ) -> Any:
        """The keys nearest to the mean of `positive` minus `negative`, without those given.

        Each is a key, a vector, or a list of keys, vectors and (key or vector, weight) pairs.
        Returns [(key, cosine)], ties by lower row; with `topn=None` float32 cosines of all rows.
        """
        if isinstance(topn, (int, np.integer)) and topn < 1:
            return []
        if indexer is not None:
            raise OptionError("indexer", "None: every search here is exact", indexer)
        added, taken = _as_list(positive), _as_list(negative)
        keys: list[Any] = []
        weights = np.concatenate([np.ones(len(added)), -np.ones(len(taken))])
        for k, item in enumerate([*added, *taken]):
            if isinstance(item, (*_KEYS, np.ndarray)):
                keys.append(item)
            else:
                keys.append(item[0])
                weights[k] = item[1]
        mean = self.get_mean_vector(keys, weights, post_normalize=True, ignore_missing=False)
        if restrict_vocab:
            clip_start, clip_end = 0, restrict_vocab
        last = min(clip_end or len(self), len(self))
        if not topn:
            return self._cosines(mean, clip_start, last)
        given = [
            self.get_index(key)
            for key in keys
            if isinstance(key, _KEYS) and self.has_index_for(key)  # not so for built rows
        ]
        found = self.nearest(mean[None], min(topn, len(self)), [given], clip_start, last)
        return self._named(*found)[0]

    def similar_by_word(
        self, word: Key, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Any:
        return self.similar_by_key(word, topn, restrict_vocab)

    def similar_by_key(
        self, key: Key, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Any:
        return self.most_similar(positive=[key], topn=topn, restrict_vocab=restrict_vocab)

    def similar_by_vector(
        self, vector: Row, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Any:
        return self.most_similar(positive=[vector], topn=topn, restrict_vocab=restrict_vocab)

    def similarity(self, w1: Key, w2: Key) -> float:
        """The cosine of two keys' rows, as float32."""
        first, second = _unit_or_zero(self.get_vector(w1)), _unit_or_zero(self.get_vector(w2))
        return cast(float, np.dot(first, second))

    def distance(self, w1: Key, w2: Key) -> float:
        return 1 - self.similarity(w1, w2)

    def distances(self, word_or_vector: Key | Row, other_words: Sequence[Key] = ()) -> Row:
        """1 - cosine to `other_words`, or to all rows."""
        if isinstance(word_or_vector, _KEYS):
            vector: Row = self.get_vector(word_or_vector)
        else:
            vector = np.asarray(word_or_vector)
        with np.errstate(divide="ignore", invalid="ignore"):
            direction = np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)
            if not other_words:
                return np.asarray(1 - self._cosines(direction))
            rows = [self.get_index(word) for word in other_words]
            return np.asarray(1 - self.matrix[rows] @ direction / self.norms[rows])

    def n_similarity(self, ws1: Sequence[Key], ws2: Sequence[Key]) -> float:
        """The cosine of the means of two lists of keys."""
        if not (len(ws1) and len(ws2)):
            raise ZeroDivisionError("At least one of the passed list is empty.")
        means = [self.get_mean_vector(keys, pre_normalize=False) for keys in (ws1, ws2)]
        return cast(float, np.dot(_unit_or_zero(means[0]), _unit_or_zero(means[1])))

    def rank_by_centrality(
        self, words: Sequence[Key], use_norm: bool = True
    ) -> list[tuple[float, Key]]:
        """The words that are there with their cosine to the mean of all, best first."""
        used = [word for word in words if word in self]
        if len(used) != len(words):
            missing = set(words) - set(used)
            logger.warning("vectors for words %s are not present in the model, ignoring", missing)
        if not used:
            raise ValueError("cannot select a word from an empty list")
        rows = np.vstack([self.get_vector(word, norm=use_norm) for word in used])
        mean = self.get_mean_vector(cast(Any, rows), post_normalize=True)
        return sorted(zip(rows @ mean, used, strict=True), reverse=True)

    def doesnt_match(self, words: Sequence[Key]) -> Key:
        """The word that is furthest from the mean of all."""
        return self.rank_by_centrality(words)[-1][1]

    # Files

    def save_word2vec_format(
        self,
        fname: str | os.PathLike[str],
        fvocab: str | os.PathLike[str] | None = None,
        binary: bool = False,
        total_vec: int | None = None,
        write_header: bool = True,
        prefix: str = "",
        append: bool = False,
        sort_attr: str = "count",
    ) -> None:
        """Write the bytes that gensim writes: shortest digits, no newline in binary records,
        most frequent words first.  The file appears whole or not at all (not with `append`)."""
        order, sort_values = self._order_by(sort_attr)
        if fvocab is not None and sort_values is None:
            raise ValueError(
                f"Cannot store vocabulary with '{sort_attr}' because that attribute does not exist"
            )
        if fvocab is not None and sort_values is not None:
            lines = (f"{prefix}{self.words[row]} {sort_values[row]}\n" for row in order)
            _write(fvocab, append, (line.encode("utf-8", "surrogateescape") for line in lines))
        header = f"{len(self) if total_vec is None else total_vec} {self.dim}\n"
        pieces = gensim_word2vec.records(
            self.words, self.matrix, order, prefix, binary, os.fspath(fname)
        )
        _write(fname, append, itertools.chain([header.encode() if write_header else b""], pieces))

    def _order_by(self, attr: str) -> tuple[NDArray[np.intp], NDArray[Any] | None]:
        values = self.counts if attr == "count" else self._attributes.get(attr)
        if values is None:
            return np.arange(len(self)), None
        return np.argsort(-values, kind="stable"), values

    @classmethod
    def load_word2vec_format(
        cls,
        fname: str | os.PathLike[str],
        fvocab: str | os.PathLike[str] | None = None,
        binary: bool = False,
        encoding: str = "utf8",
        unicode_errors: str = "strict",
        limit: int | None = None,
        datatype: Any = np.float32,
        no_header: bool = False,
    ) -> KeyedVectors:
        """Read a word2vec file, packed or not.  Of equal words the first is kept, with a warning.

        Counts come from `fvocab` (lines `word count`); without it they are made up as in gensim,
        n, n - 1, ... 1.  `no_header` reads a text file whose first line is a word already; with
        `binary` NotImplementedError, as in gensim.  FormatError if the file is damaged;
        UnicodeDecodeError if a word is not in `encoding` and `unicode_errors` is "strict".
        """
        _need_float32(datatype)
        if no_header and binary:
            raise NotImplementedError("no_header: only text files can be without a first line")
        if binary:
            read = word2vec_binary.read
        else:
            read = glove_text.read if no_header else word2vec_text.read
        with open_reader(os.fspath(fname)) as reader:
            request = ReadRequest(limit=limit or None, encoding=encoding, errors=unicode_errors)
            found = read(reader, request)
        n_rows = len(found)
        words, matrix = gensim_word2vec.drop_duplicates(found.words, found.matrix)
        if fvocab is None:
            counts = np.arange(n_rows, n_rows - len(words), -1, dtype=np.int64)
        else:
            name = os.fspath(fvocab)
            counts = gensim_word2vec.counts_of(words, name, encoding, unicode_errors)
        return cls.from_vectors(words, matrix, counts)


def _need_float32(dtype: Any) -> None:
    if np.dtype(dtype) != np.float32:
        raise OptionError("datatype", "numpy.float32", dtype)


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, _KEYS) or (isinstance(value, np.ndarray) and value.ndim == 1):
        return [value]
    return list(value)


def _unit_or_zero(vector: Row) -> Row:
    """`vector` scaled to length 1; a zero vector stays, as in gensim."""
    length = float(np.sqrt(np.dot(vector.astype(np.float64), vector)))
    return np.asarray(vector / length if length > 0 else vector, dtype=np.float32)


def _write(
    path: str | os.PathLike[str], append: bool, pieces: Iterable[bytes | memoryview]
) -> None:
    if append:
        with open(path, "ab") as stream:
            stream.writelines(pieces)
        return
    with OutputFile(path) as output:
        output.stream.writelines(pieces)
