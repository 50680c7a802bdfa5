"""Vectors: words and their rows, looked up and compared.  No file work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast, overload

import numpy as np
from numpy.typing import NDArray

from wordvec.analogies import analogy_rows
from wordvec.csls import csls_rows, neighbourhoods
from wordvec.errors import OptionError
from wordvec.nearest import MOST_QUERIES_BY_ROWS, nearest_rows
from wordvec.plane import Plane, pack_plane, plane_pays, row_norms
from wordvec.subwords import Subwords
from wordvec.words import WordBytes, WordList

Matrix = NDArray[np.float32]
Row = NDArray[np.float32]
AnyMatrix = NDArray[np.float32] | NDArray[np.float16]
Neighbours = list[tuple[str, float]]  # words and their cosines, best first

# Queries answered together after which a plane has paid; one asked alone counts tenfold, since the
# scan then waits for memory, of which a plane needs a quarter.
_QUERIES_FOR_PLANE = 500
_BLOCK_NUMBERS = 1 << 22  # numbers of the matrix per step of a query: 16 MB


class Vectors:
    """Words, and one row of numbers for each.

    words     WordList, a sequence of str; a word that occurs twice is looked up at its first row
    matrix    float32 or float16[n_words, dim]; not copied: it may be a view of padded rows or of
              a file, and belongs to whoever made it.  Call `matrix_changed` after changing it.
              Rows come out as float32.
    counts    int64[n_words] or None: how often each word occurred in the training text
    metadata  dict[str, Any]: where the vectors come from; {} when unknown
    tensors   dict[str, array]: what else the file held, to be kept when it is written again;
              those named plane.* are made from the matrix
    subwords  Subwords or None: rows of n-grams, from which unseen words get vectors; may be set
    """

    subwords: Subwords | None = None

    def __init__(
        self,
        words: Sequence[str] | WordBytes | WordList,
        matrix: AnyMatrix,
        counts: NDArray[np.int64] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        matrix = cast(Matrix, np.asarray(matrix))
        if matrix.ndim != 2 or matrix.dtype not in (np.float32, np.float16):
            raise TypeError(
                "matrix: expected float32[n, dim] or float16[n, dim], "
                f"found {matrix.dtype}{matrix.shape}"
            )
        if len(words) != len(matrix):
            raise ValueError(f"{len(words)} words for {len(matrix)} rows")
        if counts is not None and len(counts) != len(words):
            raise ValueError(f"{len(counts)} counts for {len(words)} words")
        self.words = WordList.of(words)
        self.matrix: Matrix = matrix
        self.counts = None if counts is None else np.asarray(counts, dtype=np.int64)
        self.metadata: dict[str, Any] = {} if metadata is None else metadata
        self.tensors: dict[str, NDArray[Any]] = {}
        self._index: dict[str, int] | None = None
        self._norms: Row | None = None

    def __len__(self) -> int:
        return len(self.words)

    def __iter__(self) -> Iterator[str]:
        return iter(self.words)

    def __contains__(self, word: object) -> bool:
        """Has the word a row, or can one be built for it?"""
        return word in self.words or self._can_build(word)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} words, {self.dim} dimensions)"

    @property
    def dim(self) -> int:
        """Numbers per row."""
        return int(self.matrix.shape[1])

    @property
    def index(self) -> dict[str, int]:
        """Word -> row as a dict.  Built on first use, slow for many words; do not change it."""
        if self._index is None:
            # From the last word to the first, so that the first of equal words stays.
            rows = range(len(self.words) - 1, -1, -1)
            self._index = dict(zip(reversed(self.words), rows, strict=True))
        return self._index

    @property
    def norms(self) -> Row:
        """float32[n_words]: the length of each row.  Computed on first use."""
        if self._norms is None:
            self._norms = row_norms(self.matrix)
        return self._norms

    def set_norms(self, norms: Row) -> None:
        """Take the lengths of the rows, float32[n_words], from where they are known: a file."""
        if norms.shape != (len(self),) or norms.dtype != np.float32:
            raise ValueError(f"norms: expected float32[{len(self)}], found {norms.shape}")
        self._norms = norms

    def matrix_changed(self) -> None:
        """Forget what was computed from the matrix."""
        self._norms = None
        self._plane = None
        self._neighbourhoods = None
        self.tensors = {k: v for k, v in self.tensors.items() if not k.startswith("plane.")}

    def index_of(self, word: str) -> int:
        """The row of `word`; KeyError if there is none."""
        row = self.words.find(word)
        if row < 0:
            raise KeyError(f"word {word!r} not in vocabulary")
        return row

    def rows_of(self, words: Iterable[str]) -> NDArray[np.int64]:
        """int64[n]: the row of each word, -1 where there is none."""
        return self.words.find_many(words)

    @overload
    def __getitem__(self, word: str) -> Row: ...
    @overload
    def __getitem__(self, word: Sequence[str]) -> Matrix: ...
    def __getitem__(self, word: str | Sequence[str]) -> NDArray[np.float32]:
        """One word: its row, float32[dim], read-only (a view unless the matrix is float16).  A
        list: a copy, float32[n, dim].

        With `subwords`, an unseen word has the mean of its n-grams' rows.  KeyError for a word
        without either.
        """
        if isinstance(word, str):
            row = self.words.find(word)
            built = self._built(word) if row < 0 else None
            return built if built is not None else self._row(self.index_of(word))
        if self.subwords is not None:
            return self._rows_with_built(word)
        rows = self.matrix[[self.index_of(item) for item in word]]
        return np.asarray(rows, dtype=np.float32)

    def _can_build(self, word: object) -> bool:
        """Can `subwords` make a row for a word that has none of its own?"""
        return self.subwords is not None and isinstance(word, str) and self.subwords.can_build(word)

    def _built(self, word: str) -> Row | None:
        """The row that `subwords` makes, read-only; None where it cannot."""
        row = self.subwords.row_of(word) if self.subwords is not None else None
        if row is None or (not row.any() and not self._can_build(word)):
            return None
        row.flags.writeable = False
        return row

    def _built_row(self, word: str) -> Row:
        """The row that `subwords` makes, read-only; only where _can_build."""
        row = self._built(word)
        assert row is not None
        return row

    def _rows_with_built(self, words: Sequence[str]) -> Matrix:
        """float32[n, dim], new: rows of words, those of unseen ones made all at once."""
        assert self.subwords is not None
        words = list(words)
        rows = self.rows_of(words)
        out = np.empty((len(words), self.dim), np.float32)
        for place in np.flatnonzero(rows >= 0).tolist():
            out[place] = self._row(int(rows[place]))
        unseen = np.flatnonzero(rows < 0).tolist()
        out[unseen] = self.subwords.rows_of([words[place] for place in unseen])
        for place in unseen:
            if not out[place].any() and not self._can_build(words[place]):
                self.index_of(words[place])  # KeyError
        return out

    def _row_unless_built(self, word: str) -> int | None:
        """The row of `word`; None if it has none and `subwords` makes one; KeyError for others."""
        if word not in self.words and self._can_build(word):
            return None
        return self.index_of(word)

    def _row(self, row: int) -> Row:
        view: Row = self.matrix[row].astype(np.float32, copy=False)
        view.flags.writeable = False
        return view

    # What searches keep besides the matrix; matrix_changed forgets it.
    keep_plane = True  # False: never build a plane by itself (a quarter of a float32 matrix)
    _plane: Plane | None = None
    _neighbourhoods: Row | None = None
    _queries_seen = 0

    @property
    def plane(self) -> Plane | None:
        """The rows as 8-bit codes for faster searches with the same answers; None without.  May
        be set, to one that was made of this matrix; large searches make one by themselves, unless
        `keep_plane` is false."""
        return self._plane

    @plane.setter
    def plane(self, plane: Plane | None) -> None:
        self._plane = plane

    def build_plane(self, n_threads: int | None = None) -> Plane:
        """The plane, built now if there is none."""
        if self._plane is None:
            self._plane = pack_plane(self.matrix, self.norms, n_threads)
        return self._plane

    def _plane_for(self, n_queries: int, n_threads: int | None) -> Plane | None:
        """The plane, built if so many queries have come that it pays."""
        if self._plane is None and self.keep_plane and plane_pays(self.matrix):
            self._queries_seen += n_queries if n_queries > MOST_QUERIES_BY_ROWS else 10 * n_queries
            if self._queries_seen >= _QUERIES_FOR_PLANE:
                return self.build_plane(n_threads)
        return self._plane

    def nearest(
        self,
        directions: Matrix,
        n: int,
        excluded: Sequence[Sequence[int]] | None = None,
        first: int = 0,
        last: int | None = None,
        n_threads: int | None = None,
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The `n` rows of first..last with the largest cosine to each of directions
        float32[n_directions, dim]; `excluded` gives for each the rows that are not wanted.

        Returns rows int64 and cosines float32, both [n_directions, n]: best first, exact, ties by
        lower row.  Places that stay empty have row -1 and cosine nan.  `n_threads` None: all cores.
        """
        return nearest_rows(
            self.matrix, self.norms, directions, n,
            excluded=excluded, first=first, last=last, n_threads=n_threads,
            plane=self._plane_for(len(directions), n_threads),
        )  # fmt: skip

    @overload
    def similar(self, query: str | Row, n: int = 10, *, method: str = ...) -> Neighbours: ...
    @overload
    def similar(
        self, query: list[str] | list[Row], n: int = 10, *, method: str = ...
    ) -> list[Neighbours]: ...
    def similar(
        self, query: str | Row | list[str] | list[Row], n: int = 10, *, method: str = "cosine"
    ) -> Neighbours | list[Neighbours]:
        """The `n` words whose rows have the largest cosine with a word's row or a vector.

        Best first, ties by lower row.  The query word itself is left out, and so are rows
        without a direction (all zero, or not finite).  With `subwords`, an unseen word is asked for
        by the mean of its n-grams' rows.  A list of queries (or a matrix, a query in
        each row) is answered together, far faster than one by one: a list for each.

        method="csls" corrects the cosine for hubs (wordvec/csls.py) and gives 2 cos - r - r
        instead; its first use compares all rows with each other.
        """
        if method not in ("cosine", "csls"):
            raise OptionError("method", "'cosine' or 'csls'", method)
        if isinstance(query, str) or (isinstance(query, np.ndarray) and query.ndim < 2):
            return self._similar([query], n, method)[0]
        return self._similar(query, n, method)

    def _similar(self, queries: Sequence[str | Row] | Row, n: int, method: str) -> list[Neighbours]:
        directions = np.empty((len(queries), self.dim), dtype=np.float32)
        excluded: list[list[int]] = []
        for place, query in enumerate(queries):
            if isinstance(query, str):
                row = self._row_unless_built(query)
                excluded.append([] if row is None else [row])
                directions[place] = self._built_row(query) if row is None else self.matrix[row]
            else:
                excluded.append([])
                directions[place] = checked(query, self.dim)
        n = min(n, len(self))
        if method == "cosine":
            return self._named(*self.nearest(directions, n, excluded))
        means = self.neighbourhoods()
        found = csls_rows(
            self.matrix, self.norms, directions, n, means, excluded=excluded, plane=self.plane
        )
        return self._named(*found)

    def neighbourhoods(self) -> Row:
        """float32[n_words]: the mean cosine of each row to its 10 nearest others, for CSLS.

        Computed on first use, by comparing all rows with each other."""
        if self._neighbourhoods is None:
            plane = self._plane_for(len(self), None)
            self._neighbourhoods = neighbourhoods(self.matrix, self.norms, plane=plane)
        return self._neighbourhoods

    def similarity(self, a: str, b: str) -> float:
        """The cosine of two words' rows; nan if one is all zero."""
        return float(np.dot(unit(self[a], self.dim), unit(self[b], self.dim)))

    def analogy(self, a: str, b: str, c: str, n: int = 10) -> Neighbours:
        """a is to b as c is to what?  The words nearest to b - a + c of unit rows, without the
        three."""
        return self.analogies([(a, b, c)], n)[0]

    def analogies(
        self, questions: Sequence[tuple[str, str, str]], n: int = 1, *, method: str = "add"
    ) -> list[Neighbours]:
        """For each (a, b, c): a is to b as c is to what?  The `n` best words without the three,
        and their scores.

        method  "add": cosine with b - a + c; "mul": 3CosMul; "pair": the direction from c like
                that from a to b (wordvec/analogies.py)
        """
        further: list[Row] = []  # of words that have none of their own
        beyond: dict[str, int] = {}
        rows = np.empty((len(questions), 3), dtype=np.int64)
        for number, question in enumerate(questions):
            for place, word in enumerate(question):
                row = self._row_unless_built(word)
                if row is None and word not in beyond:
                    beyond[word] = len(self) + len(further)
                    further.append(self._built_row(word))
                if row is None:
                    row = beyond[word]
                rows[number, place] = row
        built = np.array(further, np.float32).reshape(-1, self.dim)
        found = self.analogy_rows(rows, min(n, len(self)), method=method, further=built)
        return self._named(*found)

    def analogy_rows(
        self,
        questions: NDArray[np.int64],
        n: int = 1,
        *,
        method: str = "add",
        first: int = 0,
        last: int | None = None,
        n_threads: int | None = None,
        further: Matrix | None = None,
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """As `analogies`, for rows int64[n_questions, 3]; answers are taken from first..last.  Rows
        from len(self) on are those of `further`, float32[n_further, dim].

        Returns rows int64 and scores float32, both [n_questions, n]; empty places -1 and nan.
        """
        return analogy_rows(
            self.matrix, self.norms, questions, n,
            method=method, first=first, last=last, n_threads=n_threads, further=further,
            plane=self._plane_for(len(questions), n_threads) if method == "add" else None,
        )  # fmt: skip

    def _named(self, rows: NDArray[np.int64], cosines: NDArray[np.float32]) -> list[Neighbours]:
        """Rows and cosines as `nearest` gives them, as (word, cosine) without the empty places."""
        return [
            [(self.words[row], cosine) for row, cosine in zip(*pair, strict=True) if row >= 0]
            for pair in zip(rows.tolist(), cosines.tolist(), strict=True)
        ]

    def _blocks(self, first: int, last: int) -> Iterator[tuple[int, Matrix]]:
        """(first row, rows) in pieces small enough that Ctrl-C is answered between them."""
        step = max(1, _BLOCK_NUMBERS // self.dim) if self.dim else max(1, last)
        for start in range(first, last, step):
            rows = self.matrix[start : min(start + step, last)]
            yield start, rows.astype(np.float32, copy=False)

    def _cosines(self, direction: Row, first: int = 0, last: int | None = None) -> Row:
        """float32: the cosine of each row in first..last with a unit vector; nan where a row has
        no direction."""
        last = len(self.matrix) if last is None else min(last, len(self.matrix))
        cosines = np.empty(max(0, last - first), dtype=np.float32)
        for start, rows in self._blocks(first, last):
            cosines[start - first : start - first + len(rows)] = rows @ direction
        with np.errstate(divide="ignore", invalid="ignore"):
            cosines /= self.norms[first:last]
        return cosines


def checked(vector: Row, dim: int) -> Row:
    """`vector` as float32[dim]; ValueError when it has another shape."""
    vector = np.asarray(vector, dtype=np.float32)
    if vector.shape != (dim,):
        raise ValueError(f"expected a vector of {dim} numbers, found shape {vector.shape}")
    return vector


def unit(vector: Row, dim: int) -> Row:
    """`vector` scaled to length 1, float32; all nan if its length is 0."""
    vector = checked(vector, dim)
    length = np.sqrt(np.dot(vector.astype(np.float64), vector))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(vector / length, dtype=np.float32)
