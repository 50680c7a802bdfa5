"""Sentences that come as Python objects: what they may be, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from wordvec.errors import CorpusError
from wordvec.kernels.tokens import StagedTokens
from wordvec.vocab import Vocab


def stage_sentence(staged: StagedTokens, sentence: Any, number: int) -> None:
    """Append an iterable of str; CorpusError names the sentence and what is wrong with it."""
    if isinstance(sentence, str | bytes):
        raise CorpusError(
            f"sentence {number} is a {type(sentence).__name__} ({sentence!r:.40}); "
            "expected a list of words: split it first"
        )
    if not isinstance(sentence, Iterable):
        raise CorpusError(
            f"sentence {number} is {type(sentence).__name__} ({sentence!r:.40}); "
            "expected a list of words"
        )
    try:
        staged.add_sentence(sentence)
    except (TypeError, UnicodeEncodeError, OverflowError) as error:
        raise CorpusError(f"sentence {number}: {error}") from error


def _integers_of(row: npt.NDArray[Any], number: int) -> npt.NDArray[Any]:
    if row.ndim != 1 or row.dtype.kind not in "iu":
        raise CorpusError(
            f"sentence {number} is an array of {row.ndim} dimensions and type {row.dtype}; "
            "expected a 1-D array of integers"
        )
    return row


def numbers_as_words(row: npt.NDArray[Any], number: int) -> list[str]:
    """The words of a sentence that came as an array: its integers in decimal, or its strings."""
    if row.ndim == 1 and row.dtype.kind in "UO":
        words: list[str] = row.tolist()
        return words
    return [str(value) for value in _integers_of(row, number).tolist()]


def rows_of(row: npt.NDArray[Any], number: int, vocab: Vocab) -> npt.NDArray[np.int32]:
    """Ids in `vocab.table` of an array of its rows, and the end of the sentence."""
    row = _integers_of(row, number)
    low = int(vocab.has_separator)
    outside = (row < low) | (row >= len(vocab))
    if outside.any():
        raise CorpusError(
            f"sentence {number} holds {row[outside][0]}; expected rows of the vocabulary, "
            f"{low} to {len(vocab) - 1}"
        )
    ids = np.zeros(len(row) + 1, dtype=np.int32)
    ids[:-1] = row
    ids[:-1] += np.int32(vocab.first_word_id)
    return ids
