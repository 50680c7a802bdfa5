"""Rows that a request wants, out of a matrix that is there already: mapped, or read whole."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import FormatError
from wordvec.formats.request import ReadRequest
from wordvec.vectors import Vectors
from wordvec.words import WordList

_STEP_BYTES = 4 << 20

Rows = slice | NDArray[np.int64]


def decoded_words(words: WordList, request: ReadRequest) -> WordList:
    """The words as the request's encoding has them; the same when that is UTF-8."""
    if request.encoding.lower() in ("utf-8", "utf8") and request.errors == "surrogateescape":
        return words
    return WordList.of(
        [words.word_bytes(k).decode(request.encoding, request.errors) for k in range(len(words))]
    )


def chosen_rows(words: WordList, request: ReadRequest) -> Rows:
    """The rows of a file that are wanted: the first so many, or those of the wanted words.

    Every row of a word that occurs twice is taken, as a reader from the first word to the last
    would do.
    """
    n_looked_at = request.n_wanted(len(words))
    if request.wanted is None:
        return slice(0, n_looked_at)
    wanted = request.wanted
    if words.has_index and int(np.count_nonzero(words.word_index.slots >= 0)) == len(words):
        rows = words.find_many(wanted)  # no word occurs twice
        return np.unique(rows[(rows >= 0) & (rows < n_looked_at)])
    found = (k for k in range(n_looked_at) if words[k] in wanted)
    return np.fromiter(found, np.int64)


def select_vectors(
    words: WordList,
    matrix: NDArray[Any],
    rows: Rows,
    request: ReadRequest,
    path: str,
    counts: NDArray[np.int64] | None = None,
    metadata: dict[str, Any] | None = None,
) -> Vectors:
    """Vectors with these rows of `matrix` in the type that is wanted.

    A view of the matrix if the request allows one and nothing is to be converted or picked, else
    a copy, made in blocks.  `matrix` is of any float type.
    """
    chosen = words_at(words, rows)
    if counts is not None:
        counts = counts[rows] if request.mmap else np.array(counts[rows])
    is_view = request.mmap and isinstance(rows, slice) and matrix.dtype == request.dtype
    if is_view:
        return Vectors(chosen, matrix[rows], counts, metadata)
    return Vectors(chosen, _converted(matrix, rows, request, path, chosen), counts, metadata)


def words_at(words: WordList, rows: Rows) -> WordList:
    """The words of some rows; all of them with the index they have."""
    if isinstance(rows, slice):
        n = rows.stop
        if n == len(words):
            return words
        n_bytes = int(words.ends[n - 1]) if n else 0
        if n_bytes > len(words.data):
            raise ValueError(f"word {n - 1} ends at byte {n_bytes} of {len(words.data)}")
        return WordList(words.data[:n_bytes], words.ends[:n])
    return WordList.of([words[int(row)] for row in rows])


def _converted(
    matrix: NDArray[Any], rows: Rows, request: ReadRequest, path: str, words: WordList
) -> NDArray[Any]:
    n_rows, dim = len(words), matrix.shape[1]
    made = np.empty((n_rows, dim), request.dtype)
    step = max(1, _STEP_BYTES // max(1, dim * matrix.itemsize))
    for first in range(0, n_rows, step):
        last = min(first + step, n_rows)
        block = matrix[first:last] if isinstance(rows, slice) else matrix[rows[first:last]]
        round_rows(block, made[first:last], path, words, first)
    return made


def round_rows(
    block: NDArray[Any], made: NDArray[Any], path: str, words: WordList, first: int
) -> None:
    """made[:] = block in the type of `made`; FormatError for numbers that would become infinite.

    `first` is the number of the block's first row in `words`, for the message.
    """
    with np.errstate(over="ignore"):
        made[:] = block
    if block.dtype.kind != "f" or np.finfo(block.dtype).max <= np.finfo(made.dtype).max:
        return
    lost = np.isinf(made) & np.isfinite(block)
    if lost.any():
        row, column = np.argwhere(lost)[0]
        raise FormatError(
            path,
            None,
            f"numbers of size {np.finfo(made.dtype).max:g} at most for {made.dtype}",
            f"{block[row, column]:g} in the row of {words[first + int(row)]!r:.60}",
            "load it as float32" if made.dtype == np.float16 else "",
        )
