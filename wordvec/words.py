"""WordList: many words kept as bytes, decoded when asked for, found through a hash index.

A million words as str take 60 MB and as many objects; a dict of them a third of a second and
100 MB more.  Here they are one array of bytes, one of offsets, and an index that is built at the
first look-up or comes with the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol, cast, overload, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from wordvec.kernels.wordindex import HASH_NAME, HASH_SEED, MAX_WORDS, PackedWords

__all__ = ["HASH_NAME", "HASH_SEED", "MAX_WORDS", "WordBytes", "WordIndex", "WordList"]

_STEP_WORDS = 1 << 14


@runtime_checkable
class WordBytes(Protocol):
    """Words that are kept as bytes elsewhere, such as a vocabulary's."""

    def __len__(self) -> int: ...
    def word_bytes(self, index: int, /) -> bytes: ...


class WordIndex(NamedTuple):
    """The hash index of a word list as arrays; hash and seed are HASH_NAME and HASH_SEED."""

    slots: NDArray[np.int32]
    tags: NDArray[np.uint8]


class WordList(Sequence[str]):
    """An unchangeable list of words.

    data   uint8[n_bytes]: the words one after the other; UTF-8, but any bytes are kept (as str
           they have surrogate escapes)
    ends   uint64[n_words]: where in `data` each word ends
    index  arrays that were made before for these words; else built at the first look-up

    The arrays are not copied, may be views of a mapped file, and must not change.  ValueError
    when they contradict each other, if need be only when the damaged place is used.
    """

    def __init__(
        self,
        data: NDArray[np.uint8],
        ends: NDArray[np.uint64],
        index: WordIndex | None = None,
    ) -> None:
        self._packed = PackedWords(data, ends)
        if index is not None:
            self._packed.use_index(index.slots, index.tags)

    @classmethod
    def of(cls, words: Sequence[str] | WordBytes | WordList) -> WordList:
        """Words from anywhere.  UnicodeEncodeError for lone surrogates that escape no byte."""
        if isinstance(words, WordList):
            return words
        if isinstance(words, WordBytes):
            table = words
            return cls.of_bytes(table.word_bytes(row) for row in range(len(table)))
        return cls.of_bytes(word.encode("utf-8", "surrogateescape") for word in words)

    @classmethod
    def of_bytes(cls, words: Iterable[bytes]) -> WordList:
        """Words given as bytes."""
        pieces = words if isinstance(words, list) else list(words)
        lengths = np.fromiter(map(len, pieces), dtype=np.uint64, count=len(pieces))
        data = np.frombuffer(b"".join(pieces), dtype=np.uint8)
        return cls(data, np.cumsum(lengths, dtype=np.uint64))

    # -- what it holds ----------------------------------------------------------------------------

    @property
    def data(self) -> NDArray[np.uint8]:
        return self._packed.data

    @property
    def ends(self) -> NDArray[np.uint64]:
        return self._packed.ends

    @property
    def word_index(self) -> WordIndex:
        """The hash index; built now if there was none."""
        if not self._packed.has_index:
            self._packed.build_index()
        return WordIndex(
            cast("NDArray[np.int32]", self._packed.slots),
            cast("NDArray[np.uint8]", self._packed.tags),
        )

    @property
    def has_index(self) -> bool:
        return self._packed.has_index

    def word_bytes(self, row: int, /) -> bytes:
        """The bytes of a word; IndexError outside 0..n - 1."""
        return self._packed.word_bytes(row)

    # -- as a sequence ----------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._packed)

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> list[str]: ...
    def __getitem__(self, row: int | slice) -> str | list[str]:
        if isinstance(row, slice):
            return self._packed.words(*row.indices(len(self)))
        number = row.__index__()
        return self._packed.word(number + len(self) if number < 0 else number)

    def __iter__(self) -> Iterator[str]:
        for first in range(0, len(self), _STEP_WORDS):
            yield from self._packed.words(first, min(first + _STEP_WORDS, len(self)))

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and self._packed.find(word) >= 0

    def __eq__(self, other: object) -> bool:
        if isinstance(other, WordList):
            n_bytes = int(self.ends[-1]) if len(self) else 0
            return bool(
                np.array_equal(self.ends, other.ends)
                and np.array_equal(self.data[:n_bytes], other.data[:n_bytes])
            )
        if isinstance(other, (list, tuple)):
            return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = ", ".join(repr(word) for word in self[:5])
        return f"<WordList of {len(self):,}: {shown}{', ...' if len(self) > 5 else ''}>"

    def __reduce__(self) -> tuple[object, ...]:
        return WordList, (np.asarray(self.data), np.asarray(self.ends))

    # -- looking up -------------------------------------------------------------------------------

    def find(self, word: str | bytes) -> int:
        """The row of a word, the first of equal ones; -1 when it is not there."""
        return self._packed.find(word)

    def find_many(self, words: Iterable[str | bytes]) -> NDArray[np.int64]:
        """int64[n]: the row of each word as from `find`."""
        return self._packed.find_many(words)

    def first_rows(self) -> NDArray[np.int64]:
        """int64[n_words]: for each row the first row with the same word, itself unless a word
        occurs twice."""
        return self._packed.find_words(self._packed)

    def find_words(self, words: WordList) -> NDArray[np.int64]:
        """As `find_many`, for the words of another list, which need not be decoded."""
        return self._packed.find_words(words._packed)
