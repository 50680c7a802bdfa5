"""Vocab: the words of a model and their counts; word2vec's vocabulary files.

A word costs its bytes, 8 bytes for its place and 8 for its count; Python strings and the table
for look-ups are made only when somebody asks for them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt

from wordvec.errors import CorpusError, FormatError
from wordvec.files import OutputFile
from wordvec.kernels.tokens import WordTable
from wordvec.words import WordList

SEPARATOR = "</s>"
SEPARATOR_BYTES = SEPARATOR.encode()
BLANKS = b" \t\n\r"
MAX_COUNT = 2**63 - 1
_WRITE_ROWS = 1 << 16


class Vocab:
    """Words in vocabulary order: by count, falling; ties by first appearance.

    `counts` is int64[n_words], owned here and not to be changed.  `has_separator` says that row 0
    is `</s>`, the end of a sentence, which takes no part in the order.  `n_tokens` is the sum of
    the counts, the separator's included (word2vec's train_words).  Words are bytes; as `str` they
    are decoded as UTF-8, with surrogate escapes for what is not.
    """

    def __init__(
        self,
        arena: npt.NDArray[np.uint8],
        starts: npt.NDArray[np.int64],
        counts: npt.NDArray[np.int64],
        *,
        has_separator: bool,
    ) -> None:
        """Word i is arena[starts[i]:starts[i + 1]]; the arrays become the vocabulary's own."""
        self._arena = arena
        self._starts = starts
        self.counts = counts
        self.has_separator = has_separator
        self.n_tokens = int(counts.sum())
        self._words: list[str] | None = None
        self._table: WordTable | None = None

    def __getstate__(self) -> dict[str, Any]:
        """The table for look-ups is made anew in a copy."""
        return self.__dict__ | {"_table": None}

    # -- words ----------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.counts)

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and self._find(word) >= 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocab):
            return NotImplemented
        return (
            self.has_separator == other.has_separator
            and np.array_equal(self.counts, other.counts)
            and np.array_equal(self._starts, other._starts)
            and np.array_equal(self._arena, other._arena)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Vocab of {len(self):,} words, {self.n_tokens:,} tokens>"

    @property
    def words(self) -> list[str]:
        """All words, made at the first call and kept."""
        if self._words is None:
            self._words = [
                self.word_bytes(row).decode("utf-8", "surrogateescape") for row in range(len(self))
            ]
        return self._words

    def word_bytes(self, row: int) -> bytes:
        """The word of a row as it stood in the text; IndexError outside the vocabulary."""
        if not 0 <= row < len(self):
            raise IndexError(f"row {row} is outside a vocabulary of {len(self)} words")
        return self._arena[self._starts[row] : self._starts[row + 1]].tobytes()

    def index(self, word: str) -> int:
        """The row of a word; KeyError when it is not there."""
        row = self._find(word)
        if row < 0:
            raise KeyError(word)
        return row

    def _find(self, word: str) -> int:
        try:
            as_bytes = word.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            return -1
        if not as_bytes:
            return -1
        found = self.table.find(as_bytes)
        return found - self.first_word_id if found >= 0 else -1

    # -- for encoding ---------------------------------------------------------------------------

    @property
    def first_word_id(self) -> int:
        """What to take from an id of `table` to get a row."""
        return 0 if self.has_separator else 1

    @property
    def table(self) -> WordTable:
        """The words as a table for look-ups, made at the first call and kept."""
        if self._table is None:
            table = WordTable(separator=self.has_separator)
            twice = table.add_words(self._arena, self._starts, int(self.has_separator))
            if twice >= 0:
                raise CorpusError(f"the word {_shown(self.word_bytes(twice))} is there twice")
            self._table = table
        return self._table

    def arrays(
        self,
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """(arena, starts, counts), for the id cache; not to be changed."""
        return self._arena, self._starts, self.counts

    @property
    def n_memory_bytes(self) -> int:
        """What the words and counts take, with the table for look-ups once it was made."""
        n_table = 0 if self._table is None else self._table.n_memory_bytes
        return int(self._arena.nbytes + self._starts.nbytes + self.counts.nbytes + n_table)

    def word_list(self) -> WordList:
        """The words as a WordList that shares their bytes."""
        return WordList(self._arena[: int(self._starts[-1])], self._starts[1:].astype(np.uint64))

    def digest(self) -> Any:
        """SHA-256 of words, counts and `has_separator`, to be updated further or read."""
        import hashlib

        digest = hashlib.sha256(b"separator" if self.has_separator else b"")
        for array in self.arrays():
            digest.update(cast(Any, np.ascontiguousarray(array)))
        return digest

    # -- making ---------------------------------------------------------------------------------

    @classmethod
    def from_counts(
        cls,
        counts: Mapping[str, int] | Iterable[tuple[str, int]],
        *,
        min_count: int = 1,
        max_vocab: int | None = None,
        separator: bool = False,
    ) -> Vocab:
        """From words and their counts; equal counts keep the given order.

        With `separator`, `</s>` becomes row 0 (count 0 when it is not among them) and is never
        dropped; `max_vocab` does not count it.
        """
        pairs = counts.items() if isinstance(counts, Mapping) else counts
        words: list[bytes] = []
        numbers: list[int] = []
        n_separators = 0
        for word, count in pairs:
            if not 0 <= count <= MAX_COUNT:
                raise CorpusError(f"the count of {word!r} is {count}, expected 0 to {MAX_COUNT}")
            if separator and word == SEPARATOR:
                n_separators += count
                continue
            words.append(word.encode("utf-8", "surrogateescape"))
            numbers.append(count)
        count_array = np.array(numbers, dtype=np.int64)
        order = frequency_order(count_array, None, min_count, max_vocab)
        chosen = [words[k] for k in order]
        kept = count_array[order]
        if separator:
            chosen.insert(0, SEPARATOR_BYTES)
            kept = np.concatenate([np.array([n_separators], dtype=np.int64), kept])
        vocab = cls(*pack_words(chosen), kept, has_separator=separator)
        vocab.table  # noqa: B018 - finds words that are there twice
        return vocab

    @classmethod
    def read(cls, path: str | os.PathLike[str], *, min_count: int = 1) -> Vocab:
        """Read a vocabulary file of word2vec: `WORD COUNT` lines, space or tab, LF or CRLF.

        The list is sorted by count (equal counts keep their order) and cut at `min_count`, as
        word2vec does.  A first line `</s>` is the separator and keeps its place whatever its
        count; anywhere else `</s>` is a word like others.  Raises FormatError with the offset of
        the first bad line, and CorpusError when the file is missing or no word is left.
        """
        return _read(cls, os.fspath(path), min_count)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a vocabulary file, atomically; see `write`.

        Raises OutputError when the file cannot be written.
        """
        with OutputFile(path) as output:
            self.write(output.stream, os.fspath(path))

    def write(
        self,
        stream: BinaryIO,
        path: str = "output",
        order: npt.NDArray[np.int64] | None = None,
    ) -> None:
        """Write `WORD COUNT` lines in vocabulary order, or those of the rows in `order`; `path` is
        for messages.

        Raises CorpusError, before anything is written, for a word with whitespace in it, which
        such a file cannot hold.
        """
        for blank in BLANKS:
            places = np.flatnonzero(self._arena == blank)
            if len(places):
                row = int(np.searchsorted(self._starts, places[0], side="right")) - 1
                raise CorpusError(
                    f"{path}: the word {_shown(self.word_bytes(row))} holds whitespace; "
                    "a word2vec vocabulary file cannot"
                )
        arena, starts = self._arena.tobytes(), self._starts
        order = np.arange(len(self)) if order is None else order
        for first in range(0, len(order), _WRITE_ROWS):
            some = order[first : first + _WRITE_ROWS]
            columns = (starts[some], starts[some + 1], self.counts[some])
            rows = zip(*(column.tolist() for column in columns), strict=True)
            stream.write(b"".join(b"%b %d\n" % (arena[a:b], n) for a, b, n in rows))


def pack_words(words: list[bytes]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """(arena, starts) of a list of words."""
    starts = np.zeros(len(words) + 1, dtype=np.int64)
    np.cumsum([len(word) for word in words], out=starts[1:])
    return np.frombuffer(b"".join(words), dtype=np.uint8), starts


def frequency_order(
    counts: npt.NDArray[np.int64],
    first_seen: npt.NDArray[np.uint64] | None,
    min_count: int,
    max_vocab: int | None,
) -> npt.NDArray[np.int64]:
    """Indexes of the words to keep, in vocabulary order; at least one occurrence is needed.

    `first_seen` breaks ties; None: the order of the arrays does.
    """
    kept = np.flatnonzero(counts >= min_count)
    if first_seen is None:
        order = np.argsort(-counts[kept], kind="stable")
    else:
        order = np.lexsort((first_seen[kept], -counts[kept]))
    return kept[order][:max_vocab].astype(np.int64, copy=False)


def _shown(word: bytes) -> str:
    text = word.decode("utf-8", "backslashreplace")
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _read(cls: type[Vocab], path: str, min_count: int) -> Vocab:
    words: list[bytes] = []
    counts: list[int] = []
    offset = 0
    try:
        with open(path, "rb") as stream:
            for line in stream:
                word, count = _parse_line(path, offset, line)
                words.append(word)
                counts.append(count)
                offset += len(line)
    except OSError as error:
        raise CorpusError(f"{path}: {error.strerror or error}") from error
    if not words:
        raise FormatError(path, 0, "lines of the form WORD COUNT", "an empty file")
    has_separator = words[0] == SEPARATOR_BYTES
    _refuse_duplicates(path, words)
    all_counts = np.array(counts, dtype=np.int64)
    if sum(counts) > MAX_COUNT:
        raise FormatError(path, None, f"counts that add up to {MAX_COUNT} at most", "more")
    first = int(has_separator)
    order = frequency_order(all_counts[first:], None, min_count, None) + first
    if not len(order):
        raise CorpusError(f"{path}: no word has a count of {min_count} or more")
    if has_separator:
        order = np.concatenate([np.zeros(1, dtype=np.int64), order])
    arena, starts = pack_words([words[k] for k in order])
    return cls(arena, starts, all_counts[order], has_separator=has_separator)


def _parse_line(path: str, offset: int, line: bytes) -> tuple[bytes, int]:
    blanks_as_spaces = line.replace(b"\r", b"").rstrip(b"\n").replace(b"\t", b" ")
    fields = [field for field in blanks_as_spaces.split(b" ") if field]
    if len(fields) != 2:
        raise FormatError(path, offset, "a line of the form WORD COUNT", _shown(line.rstrip()))
    word, number = fields
    # int() would also take underscores, signs and digits of other scripts.
    if not (number.isdigit() and len(number) <= 19 and int(number) <= MAX_COUNT):
        raise FormatError(
            path, offset + len(word) + 1, f"a count from 0 to {MAX_COUNT}", _shown(number)
        )
    return word, int(number)


def _refuse_duplicates(path: str, words: list[bytes]) -> None:
    arena, starts = pack_words(words)
    twice = WordTable().add_words(arena, starts)
    if twice >= 0:
        lines_before = _offset_of_line(path, twice)
        raise FormatError(path, lines_before, "each word once", f"{_shown(words[twice])} again")


def _offset_of_line(path: str, line: int) -> int:
    """Offset of a line of a file, counted from 0."""
    with open(path, "rb") as stream:
        return sum(len(next(stream)) for _ in range(line))
