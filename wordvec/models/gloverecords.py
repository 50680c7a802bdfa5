"""What GloVe trains on, in a random order: the pairs of a corpus, or the entries of a matrix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.cooccur import count_pairs
from wordvec.corpus import EncodedCorpus
from wordvec.errors import FormatError, TrainingError
from wordvec.memory import physical_bytes
from wordvec.options import GloveModelOptions
from wordvec.progress import Reporter
from wordvec.records import RECORD, Records
from wordvec.shuffling import fresh_records, shuffled, shuffled_blocks
from wordvec.spill import TemporaryFile

_MOST_WORDS = np.iinfo(np.int32).max


@contextmanager
def shuffled_pairs(
    corpus: EncodedCorpus, options: GloveModelOptions, memory: int | None, reporter: Reporter
) -> Iterator[Records | TemporaryFile]:
    """Count and shuffle the pairs of a corpus; in memory when twice their bytes fit the budget.

    The order depends on the seed alone.  TrainingError when no two words stand together.
    """
    budget = physical_bytes() // 2 if memory is None else memory
    with count_pairs(
        corpus, options.counting, memory=memory, n_threads=options.workers, reporter=reporter
    ) as pairs:
        blocks = shuffled_blocks(pairs.blocks(), options.seed, memory=budget // 2)
        first = next(blocks, None)  # by now all pairs have been taken
    if first is None:
        raise TrainingError(
            "no two words of the vocabulary stand together in the text: there is nothing to train "
            "on; lower the minimum count, or use more text"
        )
    assert pairs.n_records is not None
    if 2 * RECORD.itemsize * pairs.n_records <= budget:
        yield _filled(pairs.n_records, first, blocks)
        return
    with closing(TemporaryFile()) as file:
        for block in _chain(first, blocks):
            file.append(block.view(np.uint8))
        yield file


def _chain(first: Records, others: Iterable[Records]) -> Iterator[Records]:
    yield first
    yield from others


def _filled(n_records: int, first: Records, others: Iterable[Records]) -> Records:
    out: Records = fresh_records(n_records)
    words, n_done = out.view(np.uint64), 0
    for block in _chain(first, others):
        numbers = block.view(np.uint64)
        words[n_done : n_done + len(numbers)] = numbers
        n_done += len(numbers)
    return out


def matrix_records(matrix: Any, seed: int) -> tuple[Records, int]:
    """(the entries of a square matrix in a random order, its number of rows).

    SciPy sparse (entries for the same place are added up) or NumPy.  ValueError when it is not a
    square matrix of numbers, FormatError for an entry that is negative or not finite,
    TrainingError when all are zero.
    """
    is_sparse = hasattr(matrix, "tocoo")
    if not is_sparse:
        matrix = np.asarray(matrix)
    shape = matrix.shape
    if len(shape) != 2 or shape[0] != shape[1] or not 0 < shape[0] < _MOST_WORDS:
        found = " x ".join(map(str, shape)) or "a single number"
        raise ValueError(f"cooccurrences: expected a square matrix, n x n, found {found}")
    if not is_sparse:
        if matrix.dtype.kind not in "fiub":
            raise ValueError(f"cooccurrences: expected real numbers, found {matrix.dtype}")
        rows, columns = np.nonzero(matrix)
        values = matrix[rows, columns]
    else:
        rows, columns, values = _sparse_entries(matrix)
    made = np.empty(len(values), RECORD)
    made["row"], made["column"], made["value"] = rows, columns, values
    _need_positive(made)
    made["row"] += 1
    made["column"] += 1
    if len(made) == 0:
        raise TrainingError("cooccurrences: the matrix holds nothing but zeros")
    return shuffled([made], seed), int(shape[0])


def _sparse_entries(matrix: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    if matrix.dtype.kind not in "fiub":
        raise ValueError(f"cooccurrences: expected real numbers, found {matrix.dtype}")
    entries = matrix.tocoo(copy=True).astype(np.float64)
    entries.sum_duplicates()
    kept = entries.data != 0
    return entries.row[kept], entries.col[kept], entries.data[kept]


def _need_positive(made: Records) -> None:
    with np.errstate(invalid="ignore"):
        good = (made["value"] > 0) & (made["value"] < np.inf)
    if good.all():
        return
    row, column, value = made[int(np.argmin(good))].tolist()
    place = f"{value:g} at ({row}, {column})"
    raise FormatError("cooccurrences", None, "positive and finite entries", place)
