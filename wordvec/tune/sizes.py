"""Sizes of model files: asked for, foretold, counted."""

from __future__ import annotations

import re
from typing import Any, BinaryIO, cast

import numpy as np

from wordvec.errors import OptionError
from wordvec.fasttextmodel import FastTextModel
from wordvec.formats.fasttext_bin import write_model
from wordvec.quantize import select_rows

UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
N_CENTROIDS = 256
# Flags, sizes and quantiser heads of a matrix with lengths apart, and the lengths' centroids.
_QUANTIZED_BYTES = 1 + 8 + 8 + 4 + 16 + 16 + 4 * N_CENTROIDS


def parse_size(text: str) -> int | None:
    """Bytes of "100000", "100K", "2m"; None for "".  OptionError."""
    if not text:
        return None
    match = re.fullmatch(r"([0-9]+)([kKmMgG]?)", text)
    if match is None or int(match[1]) == 0:
        raise OptionError("model_size", "a number with K, M or G behind it, or without", text)
    return int(match[1]) * UNITS[match[2].lower()]


class FileSizes:
    """How large the quantised file of a model would be with a cutoff, without making it."""

    def __init__(self, model: FastTextModel, dsub: int, qout: bool, n_threads: int = 1) -> None:
        dictionary, dim = model.dictionary, model.dim
        self.n_rows = model.input.n_rows
        entry_bytes = np.diff(dictionary.words.ends.astype(np.int64), prepend=0) + 10
        chosen = select_rows(model, self.n_rows, n_threads)
        is_word = chosen < dictionary.n_words
        # A kept word costs its entry, a kept n-gram its pair of numbers.
        of_rows = np.full(self.n_rows, 8, np.int64)
        of_rows[is_word] = entry_bytes[chosen[is_word]]
        self._of_rows = np.concatenate([[0], np.cumsum(of_rows)])
        self._of_words = int(entry_bytes[: dictionary.n_words].sum())
        self._row_bytes = -(-dim // min(dsub, dim)) + 1
        labels = int(entry_bytes[dictionary.n_words :].sum())
        n_labels = model.output.n_rows
        of_output = 16 + 4 * n_labels * dim
        if qout:
            of_output = _QUANTIZED_BYTES + 4 * N_CENTROIDS * dim + n_labels * (-(-dim // 2) + 1)
        self._fixed = 92 + 2 + labels + _QUANTIZED_BYTES + 4 * N_CENTROIDS * dim + of_output

    def bytes_at(self, cutoff: int) -> int:
        """Of the file with so many rows; all of them: nothing is cut."""
        if cutoff >= self.n_rows:
            return self._fixed + self._of_words + self.n_rows * self._row_bytes
        return self._fixed + int(self._of_rows[cutoff]) + cutoff * self._row_bytes

    def largest_cutoff(self, n_bytes: int) -> int:
        """The most rows that fit; 0 when none do."""
        if self.bytes_at(self.n_rows) <= n_bytes:
            return self.n_rows
        low, high = 0, self.n_rows  # low fits, or is 0; high does not
        while high - low > 1:
            middle = (low + high) // 2
            if self.bytes_at(middle) <= n_bytes:
                low = middle
            else:
                high = middle
        return low


def file_bytes(model: FastTextModel) -> int:
    """How large the file of a model is."""

    class Counter:
        n_bytes = 0

        def write(self, data: Any) -> int:
            n = memoryview(data).nbytes
            self.n_bytes += n
            return n

    counter = Counter()
    write_model(cast(BinaryIO, counter), model)
    return counter.n_bytes
