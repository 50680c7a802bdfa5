"""Rows under keys, as gensim's KeyedVectors stores them: look up, add, attributes of keys.

The words of `Vectors` stay as they are until somebody asks for `index_to_key` or `key_to_index`
or adds a key.  Then a real list and a real dict are made, and from there on they are what counts:
a script that changes them changes the vectors' names, as in gensim.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import OptionError
from wordvec.vectors import Matrix, Row, Vectors
from wordvec.words import WordList

Key = str | int | np.integer[Any]
KEYS = (str, int, np.integer)

_MATRIX = ""  # the name of the matrix in _spare, which no attribute of keys can have


class KeyedRows(Vectors):
    """Vectors that can grow, with gensim's names for what they store.

    expandos    dict of arrays [n_keys], one for each attribute; "count" is `counts`.  Use
                set_vecattr and get_vecattr rather than the dict.
    next_index  the first place that `KeyedVectors(vector_size, count)` left open
    """

    _words: WordList
    _keys: list[Any] | None = None
    _rows_by_key: dict[Any, int] | None = None

    def __init__(
        self, vector_size: int, count: int = 0, dtype: Any = np.float32, mapfile_path: Any = None
    ) -> None:
        matrix = np.zeros((count, vector_size), dtype=checked_dtype(dtype))
        super().__init__([], matrix[:0])
        if count:
            self._keys, self._rows_by_key = [None] * count, {}
            self.matrix = matrix
        self.next_index = 0
        self.mapfile_path = mapfile_path  # gensim's; not used there either

    # What Vectors keeps, with names that may change

    @property
    def words(self) -> Any:
        """The keys by row: `index_to_key` once that was made."""
        return self._words if self._keys is None else self._keys

    @words.setter
    def words(self, words: Any) -> None:
        self._words = words
        self._keys = self._rows_by_key = None

    @property
    def counts(self) -> NDArray[np.int64] | None:
        """int64[n_keys]: the attribute "count" of the keys, or None."""
        values = self.expandos.get("count")
        return None if values is None else np.asarray(values, dtype=np.int64)

    @counts.setter
    def counts(self, counts: NDArray[np.int64] | None) -> None:
        if counts is None:
            self.expandos.pop("count", None)
        else:
            self.expandos["count"] = np.asarray(counts)

    @property
    def expandos(self) -> dict[str, NDArray[Any]]:
        found: dict[str, NDArray[Any]] = self.__dict__.setdefault("_expandos", {})
        return found

    @expandos.setter
    def expandos(self, arrays: dict[str, NDArray[Any]]) -> None:
        self.__dict__["_expandos"] = arrays

    @property
    def norms(self) -> Row:
        """float32[n_keys]: the lengths of the rows; computed on first use (gensim's are None
        before `fill_norms`).  Setting None forgets them."""
        return super().norms

    @norms.setter
    def norms(self, norms: Row | None) -> None:
        self._norms = None if norms is None else np.asarray(norms, dtype=np.float32)

    @property
    def vectors(self) -> Matrix:
        """float32[n_keys, vector_size]: the matrix itself.  After changing it in place, call
        `fill_norms(force=True)`, as in gensim."""
        return self.matrix

    @vectors.setter
    def vectors(self, matrix: Any) -> None:
        matrix = np.asarray(matrix)
        if matrix.dtype not in (np.float32, np.float16):
            matrix = matrix.astype(np.float32)
        if matrix.ndim != 2:
            raise ValueError(f"vectors: expected a matrix, found shape {matrix.shape}")
        self.matrix = matrix
        self.matrix_changed()

    @property
    def vector_size(self) -> int:
        return self.dim

    @property
    def index_to_key(self) -> list[Any]:
        """The keys by row: a list made on first access, and what counts from then on."""
        if self._keys is None:
            self._keys = list(self._words)
        return self._keys

    @index_to_key.setter
    def index_to_key(self, keys: list[Any]) -> None:
        _ = self.key_to_index  # look-ups stay what they were, as in gensim
        self._keys = keys

    @property
    def key_to_index(self) -> dict[Any, int]:
        """Key -> row: a dict made on first access, and what counts from then on."""
        if self._rows_by_key is None:
            keys = self.index_to_key
            # From the last key to the first, so that the first of equal keys stays.
            last_first = zip(reversed(keys), range(len(keys) - 1, -1, -1), strict=True)
            rows = dict(last_first)
            self._rows_by_key = {key: rows[key] for key in keys}
        return self._rows_by_key

    @key_to_index.setter
    def key_to_index(self, rows: dict[Any, int]) -> None:
        _ = self.index_to_key
        self._rows_by_key = rows

    def __str__(self) -> str:
        return f"{type(self).__name__}<vector_size={self.vector_size}, {len(self)} keys>"

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_spare"}

    # Look up

    def _find(self, key: Any) -> int:
        """The row of a key that has a name; -1 where there is none."""
        if self._rows_by_key is not None:
            return self._rows_by_key.get(key, -1)
        if isinstance(key, str):
            return self._words.find(key)
        hash(key)  # TypeError for what can be no key, as from a dict
        return -1

    def index_of(self, word: str) -> int:
        row = self._find(word)
        if row < 0:
            raise KeyError(f"word {word!r} not in vocabulary")
        return row

    def rows_of(self, words: Iterable[str]) -> NDArray[np.int64]:
        return np.array([self._find(word) for word in words], dtype=np.int64)

    def get_index(self, key: Key, default: int | None = None) -> int:
        """The row of a key; a whole number that is no key is a row itself.

        KeyError, or `default`, when there is none.
        """
        row = self._find(key)
        if row >= 0:
            return row
        if isinstance(key, (int, np.integer)) and 0 <= key < len(self):
            return int(key)
        if default is not None:
            return default
        raise KeyError(f"Key '{key}' not present")

    def has_index_for(self, key: Key) -> bool:
        return self.get_index(key, -1) >= 0

    def __contains__(self, key: object) -> bool:
        return self.has_index_for(cast(Key, key)) or self._can_build(key)

    def get_vector(self, key: Key, norm: bool = False) -> Row:
        """The row of a key, read-only; with `norm` a copy of length 1.

        With `subwords`, an unseen word has the mean of its n-grams' rows.
        """
        built = None
        if isinstance(key, str) and self.subwords is not None and not self.has_index_for(key):
            built = self._built(key)
        if built is not None:
            if norm:
                built = built / np.float32(np.linalg.norm(built) or 1)
                built.flags.writeable = False
            return built
        row = self.get_index(key)
        if not norm:
            return self._row(row)
        scaled = np.asarray(self.matrix[row] / self.norms[row], dtype=np.float32)
        scaled.flags.writeable = False
        return scaled

    def __getitem__(self, key_or_keys: Key | Iterable[Key]) -> NDArray[np.float32]:
        """One key: its row, a read-only view.  Several: a copy, float32[n, vector_size]."""
        if isinstance(key_or_keys, KEYS):
            return self.get_vector(key_or_keys)
        keys = list(key_or_keys)
        if keys and self.subwords is not None and all(isinstance(key, str) for key in keys):
            return self._rows_with_built(cast(list[str], keys))
        return np.vstack([self.get_vector(key) for key in keys])

    # Norms

    def fill_norms(self, force: bool = False) -> None:
        """Compute `norms`; anew with `force`, which is needed after changing `vectors` in place."""
        if force:
            self.matrix_changed()
        _ = self.norms

    def get_normed_vectors(self) -> Matrix:
        """A copy of the matrix with every row scaled to length 1; a row of zeros becomes nan."""
        return np.asarray(self.matrix / self.norms[:, None])

    def unit_normalize_all(self) -> None:
        """Scale every row to length 1, in place.  A row of zeros becomes nan, as in gensim."""
        self._make_writable()
        self.matrix /= self.norms[:, None]
        self.matrix_changed()
        self.norms = np.ones(len(self.matrix), dtype=np.float32)

    # Add and replace

    def add_vector(self, key: Key, vector: Any) -> int:
        """Put a key into the next open place, or at the end; return its row.

        A key that is there keeps its vector, unless there are open places (as in gensim).  Adding
        one by one takes the same time for each.
        """
        keys, index, row = self.index_to_key, self.key_to_index, self.next_index
        numbers = np.asarray(vector, dtype=self.matrix.dtype).reshape(self.dim)
        if row < len(keys) and keys[row] is None:
            self._make_writable()
            keys[row] = key
        elif key in index:
            return index[key]
        else:
            row = len(keys)
            self.matrix = self._grown(_MATRIX, self.matrix, row + 1)
            keys.append(key)
            for name, values in self.expandos.items():
                self.expandos[name] = self._grown(name, values, row + 1)
        self.matrix[row] = numbers
        index[key] = row
        self.next_index = row + 1
        self.matrix_changed()
        return row

    def add_vectors(
        self,
        keys: Key | Sequence[Key],
        weights: Any,
        extras: Mapping[str, Any] | None = None,
        replace: bool = False,
    ) -> None:
        """Append keys with rows float32[n, vector_size].

        A key that is there (or came before in `keys`) keeps its vector, or takes the new one if
        `replace`.  extras: arrays [n] of attributes.
        """
        if isinstance(keys, KEYS):
            keys = [keys]
        rows = np.asarray(weights, dtype=self.matrix.dtype).reshape(len(keys), self.dim)
        extras = {name: np.asarray(values) for name, values in (extras or {}).items()}
        for name, values in extras.items():
            if len(values) != len(keys):
                raise ValueError(f"extras: {len(values)} values of {name!r} for {len(keys)} keys")
        self.allocate_vecattrs(list(extras), [values.dtype for values in extras.values()])
        names, index = self.index_to_key, self.key_to_index
        n_before = len(names)
        places = np.empty(len(keys), dtype=np.int64)
        is_first = np.zeros(len(keys), dtype=bool)
        for k, key in enumerate(keys):
            places[k] = index.setdefault(key, len(names))
            if places[k] == len(names):
                names.append(key)
                is_first[k] = True
        chosen = slice(None) if replace else is_first
        if replace and not is_first.all():
            self._make_writable()
        if len(names) > n_before:
            self.matrix = self._grown(_MATRIX, self.matrix, len(names))
        self.matrix[places[chosen]] = rows[chosen]
        self.allocate_vecattrs()
        for name, values in extras.items():
            self.expandos[name][places[chosen]] = values[chosen]
        self.matrix_changed()

    def __setitem__(self, keys: Key | list[Key], weights: Any) -> None:
        """Replace the vectors of a key or a list of keys, or append them."""
        many = keys if isinstance(keys, list) else [keys]
        self.add_vectors(many, weights, replace=True)

    def _make_writable(self) -> None:
        """Copy a matrix that is a view of a file."""
        if not self.matrix.flags.writeable:
            self.matrix = np.array(self.matrix)

    def _grown(self, name: str, array: NDArray[Any], n_rows: int) -> NDArray[Any]:
        """`array` with `n_rows` rows, new ones zero.

        It is a view of a buffer with an eighth to spare, so that adding one by one copies each
        row a few times, and not each time.  A buffer is used again only if `array` is all of it
        that was given out: else the new rows could be somebody's old ones.
        """
        spare: dict[str, tuple[NDArray[Any], int]] = self.__dict__.setdefault("_spare", {})
        buffer, n_used = spare.get(name, (array[:0], -1))
        fits = n_rows <= len(buffer) and n_used == len(array)
        if not (fits and array.base is buffer and array.strides == buffer.strides):
            buffer = np.zeros((n_rows + n_rows // 8 + 16, *array.shape[1:]), dtype=array.dtype)
            n_kept = min(len(array), n_rows)
            buffer[:n_kept] = array[:n_kept]
        spare[name] = (buffer, n_rows)
        return buffer[:n_rows]

    def resize_vectors(self, seed: int = 0) -> None:
        """Give every key of `index_to_key` a row: new ones small and random, as gensim's."""
        shape = (len(self), self.vector_size)
        self.vectors = prep_vectors(shape, self.matrix, seed)
        self.allocate_vecattrs()

    def sort_by_descending_frequency(self) -> None:
        """Order keys, rows and attributes by "count"; KeyError when there is none.

        Of equal counts the one that came later comes first, as in gensim.
        """
        if not len(self):
            return
        counts = np.asarray(self.expandos["count"], dtype=np.int64)
        order = np.lexsort((-np.arange(len(counts)), -counts))
        keys = self.index_to_key
        self.allocate_vecattrs()
        for name, values in self.expandos.items():
            self.expandos[name] = values[order]
        if len(self.matrix):
            self.matrix = self.matrix[order]
        self.key_to_index, self.index_to_key = {}, [keys[row] for row in order]
        self.key_to_index = {key: row for row, key in enumerate(self.index_to_key)}
        self.matrix_changed()

    # Attributes

    def allocate_vecattrs(
        self, attrs: Iterable[str] | None = None, types: Iterable[Any] | None = None
    ) -> None:
        """Make arrays of zeros for attributes of these types; bring all to the number of keys.

        TypeError when an attribute is there with a type that does not hold the new one.
        """
        if attrs is None or types is None:
            attrs = list(self.expandos)
            types = [self.expandos[name].dtype for name in attrs]
        for name, kind in zip(attrs, types, strict=True):
            wanted = np.int64 if kind is int else object if kind is str else kind
            values = self.expandos.get(name)
            if values is None:
                self.expandos[name] = np.zeros(len(self), dtype=wanted)
                continue
            if not np.issubdtype(wanted, values.dtype):
                raise TypeError(
                    f"Can't allocate type {wanted} for attribute {name}, "
                    f"conflicts with its existing type {values.dtype}"
                )
            if len(values) != len(self):
                self.expandos[name] = self._grown(name, values, len(self))

    def set_vecattr(self, key: Key, attr: str, val: Any) -> None:
        """Set an attribute of a key; its first value decides the type for all keys."""
        self.allocate_vecattrs([attr], [type(val)])
        row = self.get_index(key)
        if not self.expandos[attr].flags.writeable:
            self.expandos[attr] = np.array(self.expandos[attr])
        self.expandos[attr][row] = val

    def get_vecattr(self, key: Key, attr: str) -> Any:
        """An attribute of a key, such as its "count"; KeyError if there is none of that name."""
        row = self.get_index(key)
        return self.expandos[attr][row]


def checked_dtype(dtype: Any) -> np.dtype[Any]:
    """float32 or float16; OptionError for other types, which no kernel here reads."""
    if np.dtype(dtype) not in (np.float32, np.float16):
        raise OptionError("datatype", "numpy.float32 or numpy.float16", dtype)
    return cast("np.dtype[Any]", np.dtype(dtype))


def prep_vectors(
    target_shape: tuple[int, int],
    prior_vectors: NDArray[Any] | None = None,
    seed: int = 0,
    dtype: Any = np.float32,
) -> NDArray[Any]:
    """`prior_vectors` in the first rows and columns of a matrix of `target_shape` whose other
    numbers are gensim's start values: uniform in [-1, 1) / n_columns from `seed`."""
    if prior_vectors is None:
        prior_vectors = np.zeros((0, 0), dtype=dtype)
    if prior_vectors.shape == target_shape:
        return prior_vectors
    fresh = np.random.default_rng(seed=seed).random(target_shape, dtype=dtype)
    fresh *= 2.0
    fresh -= 1.0
    fresh /= target_shape[1]
    n_rows, n_columns = prior_vectors.shape
    fresh[:n_rows, :n_columns] = prior_vectors
    return fresh
