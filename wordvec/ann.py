"""An approximate index (HNSW, by the usearch library): answers in microseconds, most of them right.

Needs the extra `ann` (pip install 'wordvec[ann]').
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import FormatError, MissingExtraError, OutputError
from wordvec.vectors import Vectors

_ROWS_AT_ONCE = 1 << 16
_CHECKED_ROWS = 16


class ApproximateIndex:
    """The rows of Vectors that have a direction, by cosine.

    Make one with `build` or `load`; it does not follow later changes of the vectors.
    """

    def __init__(self, vectors: Vectors, index: Any) -> None:
        self.vectors = vectors
        self._index = index

    @classmethod
    def build(
        cls, vectors: Vectors, *, connectivity: int = 16, effort: int = 128, n_threads: int = 0
    ) -> ApproximateIndex:
        """Build an index: about 4 * dim + 8 * connectivity bytes a row.

        connectivity  links per row: more find more and cost memory
        effort        candidates looked at for a row that is added
        n_threads     0: all cores
        """
        index = _usearch().Index(
            ndim=vectors.dim, metric="cos", dtype="f32",
            connectivity=connectivity, expansion_add=effort, expansion_search=effort,
        )  # fmt: skip
        for start in range(0, len(vectors), _ROWS_AT_ONCE):
            rows, numbers = _unit_rows(vectors, start, start + _ROWS_AT_ONCE)
            if len(numbers):
                index.add(numbers.astype(np.uint64), rows, threads=n_threads)
        return cls(vectors, index)

    def __len__(self) -> int:
        return len(self._index)

    def nearest(
        self, directions: NDArray[np.float32], n: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """About what Vectors.nearest gives: rows int64 and cosines float32, [n_directions, n]."""
        directions = np.ascontiguousarray(directions, dtype=np.float32)
        if directions.ndim != 2 or directions.shape[1] != self.vectors.dim:
            raise ValueError(
                f"directions: expected float32[n, {self.vectors.dim}], found {directions.shape}"
            )
        found = np.full((len(directions), n), -1, dtype=np.int64)
        cosines = np.full((len(directions), n), np.nan, dtype=np.float32)
        lengths = np.linalg.norm(directions.astype(np.float64), axis=1)
        for number in np.flatnonzero(np.isfinite(lengths) & (lengths > 0) & (len(self) * n > 0)):
            matches = self._index.search(
                (directions[number] / lengths[number]).astype(np.float32), min(n, len(self))
            )
            found[number, : len(matches)] = matches.keys.astype(np.int64)
            cosines[number, : len(matches)] = 1 - matches.distances
        return found, cosines

    def similar(self, query: str | NDArray[np.float32], n: int = 10) -> list[tuple[str, float]]:
        """About what Vectors.similar gives for one word or vector."""
        own = self.vectors.index_of(query) if isinstance(query, str) else -1
        direction = self.vectors.matrix[own] if isinstance(query, str) else query
        rows, cosines = self.nearest(np.asarray(direction)[None], n + 1)
        pairs = zip(rows[0].tolist(), cosines[0].tolist(), strict=True)
        words = self.vectors.words
        return [(words[row], cosine) for row, cosine in pairs if row >= 0 and row != own][:n]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write usearch's own file; to a temporary file beside it first, then renamed."""
        target = Path(path)
        temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        try:
            self._index.save(str(temporary))
            with open(temporary, "rb") as stream:
                os.fsync(stream.fileno())
            os.replace(temporary, target)
        except (OSError, RuntimeError) as error:  # usearch: RuntimeError
            raise OutputError(f"{target}: {error}") from error
        finally:
            temporary.unlink(missing_ok=True)

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], vectors: Vectors, *, mmap: bool = True
    ) -> ApproximateIndex:
        """The index of these vectors from a file; FormatError when it belongs to others.

        Some rows are compared, not all.  With `mmap` the file is not read into memory.
        """
        usearch = _usearch()
        with open(path, "rb"):  # the system's own error, when there is no such file
            pass
        try:
            index = usearch.Index.restore(os.fspath(path), view=mmap)
        except (RuntimeError, ValueError) as error:
            raise FormatError(path, None, "a usearch index", str(error)) from None
        if index is None:
            raise FormatError(path, 0, "a usearch index", "another file")
        if index.ndim != vectors.dim:
            raise FormatError(path, None, f"{vectors.dim} dimensions", f"{index.ndim}")
        step = max(1, len(vectors) // _CHECKED_ROWS)
        n_usable = sum(
            len(_unit_rows(vectors, start, start + _ROWS_AT_ONCE)[1])
            for start in range(0, len(vectors), _ROWS_AT_ONCE)
        )
        if len(index) != n_usable:
            raise FormatError(path, None, f"{n_usable} rows", f"{len(index)}", "build it again")
        for row in range(0, len(vectors), step):
            expected, numbers = _unit_rows(vectors, row, row + 1)
            if len(numbers) and not np.allclose(index.get(row), expected[0], atol=1e-6):
                hint = "build the index again"
                raise FormatError(path, None, "the index of these vectors", "another row", hint)
        return cls(vectors, index)


def _unit_rows(
    vectors: Vectors, first: int, last: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Those of rows first..last that have a direction, scaled to length 1, and their numbers."""
    exact = vectors.matrix[first:last].astype(np.float64)
    squares = np.einsum("ij,ij->i", exact, exact)
    usable = np.flatnonzero(np.isfinite(squares) & (squares > 0))
    rows = exact[usable] / np.sqrt(squares[usable])[:, None]
    return rows.astype(np.float32), usable + first


def _usearch() -> Any:
    try:
        import usearch.index
    except ImportError:
        raise MissingExtraError("an approximate index", "ann", "usearch") from None
    return usearch.index
