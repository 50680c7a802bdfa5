"""Lines as rows of a classifier's input matrix, and the rules by which they become that.

Training and asking share this; the texts of training are wordvec.labelled's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.fasttextmodel import SENTENCE_END
from wordvec.kernels import labelled as kernel
from wordvec.subwords import NgramRules, ngrams_of_words

Starts = NDArray[np.int64]
Numbers = NDArray[np.int32]


def has_prefix(arena: NDArray[np.uint8], starts: Starts, prefix: bytes) -> NDArray[np.bool_]:
    """bool[n]: does arena[starts[i]:starts[i + 1]] begin with `prefix`?"""
    padded = np.concatenate([arena, np.zeros(len(prefix) + 1, np.uint8)])
    begins = np.diff(starts) >= len(prefix)
    for place, byte in enumerate(prefix):
        begins &= padded[starts[:-1] + place] == byte
    return np.asarray(begins)


def hashes_of(arena: NDArray[np.uint8], starts: Starts) -> NDArray[np.uint32]:
    """uint32[n]: fastText's hash of each word."""
    hashes = np.empty(len(starts) - 1, np.uint32)
    kernel.hash_words(arena, starts, hashes)
    return hashes


def entry_rules(
    arena: NDArray[np.uint8],
    starts: Starts,
    codes: Numbers,
    n_words: int,
    ngrams: NgramRules,
    word_ngrams: int,
    *,
    row_of_bucket: Numbers | None = None,
    start_rows: bool = False,
    n_threads: int = 1,
) -> kernel.LineRules:
    """LineRules of entries that lie in an arena."""
    settings: dict[str, Any] = {}
    if ngrams.has_ngrams:
        separator = np.flatnonzero(
            (np.diff(starts) == len(SENTENCE_END)) & has_prefix(arena, starts, b"</s>")
        )
        without = int(separator[0]) if len(separator) else None
        ngram_starts, buckets = ngrams_of_words(arena, starts, ngrams, n_threads, without)
        settings = {"ngram_starts": ngram_starts, "ngram_buckets": buckets}
    return kernel.LineRules(
        codes, hashes_of(arena, starts), n_words=n_words, word_ngrams=word_ngrams,
        n_buckets=ngrams.bucket, row_of_bucket=row_of_bucket, start_rows=start_rows, **settings,
    )  # fmt: skip


@dataclass
class LineRows:
    """Lines as rows of the input matrix and labels.

    Line i: rows[row_starts[i]:row_starts[i + 1]], labels likewise.
    """

    row_starts: Starts
    rows: Numbers
    label_starts: Starts
    labels: Numbers
