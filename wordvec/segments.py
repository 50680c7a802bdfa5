"""The tables that workers count into, in memory or on disk, and the vocabulary they make.

A segment is a table of words, or the sorted run on disk that it became when it outgrew its share
of the memory.  Segments are merged into one vocabulary; then each gives a map from its own ids
to the rows of the vocabulary.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from wordvec.errors import RareWordsError
from wordvec.kernels.tokens import WordTable
from wordvec.memory import need_bytes
from wordvec.rules import ReadingRules
from wordvec.spill import Run, TemporaryFile, merge_runs, remap_of_run, write_run
from wordvec.vocab import SEPARATOR_BYTES, Vocab, frequency_order

_Bytes = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]
# What a word costs at least in memory: its slot, place and spelling.
_WORD_BYTES = 90
_Words = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int64]]


class Segments:
    """All segments of one corpus; may be shared by threads while they count."""

    def __init__(self, rules: ReadingRules) -> None:
        self.rules = rules
        self.separator = rules.has_separator
        self._merge_bytes = rules.n_memory_bytes // 4
        self._segments: list[WordTable | Run] = []
        self._runs_file: TemporaryFile | None = None
        self._lock = threading.Lock()
        self._merged: list[npt.NDArray[np.int32]] | None = None
        self._numbered: Vocab | None = None

    def append(self, table: WordTable) -> int:
        """Add a table; the number of its segment."""
        with self._lock:
            self._segments.append(table)
            return len(self._segments) - 1

    @property
    def n_words(self) -> int:
        """Words of all segments; those that several segments have count several times."""
        return sum(
            segment.n_words if isinstance(segment, Run) else len(segment)
            for segment in self._segments
        )

    def spill(self, segment: int) -> None:
        """Move a segment's words to disk."""
        table = self._segments[segment]
        assert isinstance(table, WordTable)
        with self._lock:
            if self._runs_file is None:
                self._runs_file = TemporaryFile()
            self._segments[segment] = write_run(table, self._runs_file)

    def make_vocab(self, n_separators: int, corpus: str) -> Vocab:
        """Merge all segments; `n_separators` is the count of row 0 where that ends sentences.

        Raises RareWordsError, which names the `corpus`, when no word is left.
        """
        if all(isinstance(segment, WordTable) for segment in self._segments):
            arena, starts, counts = self._merge_tables(corpus)
        else:
            for number, segment in enumerate(self._segments):
                if isinstance(segment, WordTable):
                    self.spill(number)
            arena, starts, counts = self._merge_runs(corpus)
        if self.separator:
            counts = np.concatenate([np.array([n_separators], dtype=np.int64), counts])
        elif self.rules.tokens.separator_is_word and n_separators >= max(self.rules.min_count, 1):
            arena, starts, counts = self._with_separator(arena, starts, counts, n_separators)
        return Vocab(arena, starts, counts, has_separator=self.separator)

    def _with_separator(
        self,
        arena: npt.NDArray[np.uint8],
        starts: npt.NDArray[np.int64],
        counts: npt.NDArray[np.int64],
        n_separators: int,
    ) -> _Words:
        """The words with `</s>` among them, before those of its count."""
        row = int(np.searchsorted(-counts, -n_separators))
        if self._merged is not None:
            self._merged = [ids + (ids >= row).astype(np.int32) for ids in self._merged]
        word = np.frombuffer(SEPARATOR_BYTES, np.uint8)
        return (
            np.insert(arena, starts[row], word),
            np.insert(starts, row, starts[row]) + len(word) * (np.arange(len(starts) + 1) > row),
            np.insert(counts, row, n_separators),
        )

    def _kept(
        self,
        order: npt.NDArray[np.int64],
        counts: npt.NDArray[np.int64],
        first_seen: npt.NDArray[np.uint64],
        gather: Callable[[npt.NDArray[np.int64]], _Bytes],
    ) -> npt.NDArray[np.int64]:
        """`order` without labels, cut at max_vocab or by the rules' `choice`.

        `gather` gives (arena, starts) of words; counts and first_seen are those of all.
        """
        prefix = self.rules.tokens.label_prefix.encode("utf-8", "surrogateescape")
        if prefix and len(order):
            arena, starts = gather(order)
            padded = np.concatenate([arena, np.zeros(len(prefix), np.uint8)])
            is_label = np.diff(starts) >= len(prefix)
            for place, byte in enumerate(prefix):
                is_label &= padded[starts[:-1] + place] == byte
            order = order[~is_label]
        choice = self.rules.choice
        if choice is None:
            return order[: self.rules.max_vocab]
        chosen = choice.choose(counts[order], first_seen[order], lambda: _texts(*gather(order)))
        return order[chosen]

    def number_words(self, corpus: str) -> tuple[WordTable, npt.NDArray[np.int64]]:
        """Merge all segments into one table of all words, however rare; its ids are the rows that
        `rows_of` gives.  (table, counts int64[n_words + 1]); for texts with a separator, whose id
        is 0."""
        if all(isinstance(segment, WordTable) for segment in self._segments):
            table = self._segments[0]
            assert isinstance(table, WordTable)
            self._merged = [np.arange(len(table) + 1, dtype=np.int32)]
            for number in range(1, len(self._segments)):
                part = self._segments[number]
                assert isinstance(part, WordTable)
                self._merged.append(table.absorb(part))
                self._segments[number] = table  # the part is freed
                del part
            return table, table.counts()
        n_largest = max(s.n_words for s in self._segments if isinstance(s, Run))
        need_bytes(_WORD_BYTES * n_largest, "the different words of the text", "split the text")
        self._numbered = self.make_vocab(0, corpus)
        return self._numbered.table, self._numbered.counts

    def rows_of(self, segment: int) -> npt.NDArray[np.int32]:
        """int32: rows of the words by the ids of the segment; 0 for the separator."""
        if self._numbered is None:
            assert self._merged is not None
            return self._merged[segment]
        rows = self.remap_of(segment, self._numbered)
        rows[0] = 0
        return rows

    def _merge_tables(self, corpus: str) -> _Words:
        """Merge all tables into the first; each is freed as soon as it is merged."""
        min_count = self.rules.least_count
        self._segments.reverse()
        table = self._segments.pop()
        assert isinstance(table, WordTable)
        to_merged = [np.arange(len(table) + 1, dtype=np.int32)]
        while self._segments:
            part = self._segments.pop()
            assert isinstance(part, WordTable)
            to_merged.append(table.absorb(part))
            del part
        counts, first_seen = table.counts(), table.first_seen()
        order = frequency_order(counts[1:], first_seen[1:], max(min_count, 1), None) + np.int64(1)
        order = self._kept(order, counts, first_seen, table.gather)
        if not len(order):
            best = int(np.argmax(counts[1:])) + 1
            word = table.gather(np.array([best]))[0].tobytes()
            raise RareWordsError(corpus, self.rules.min_count, word, int(counts[best]))
        final = np.full(len(counts), -1, dtype=np.int32)
        final[order] = np.arange(len(order), dtype=np.int32) + int(self.separator)
        self._merged = [final[ids] for ids in to_merged]
        arena, starts = table.gather(order, SEPARATOR_BYTES if self.separator else None)
        return arena, starts, counts[order]

    def _merge_runs(self, corpus: str) -> _Words:
        min_count = self.rules.least_count
        runs = [segment for segment in self._segments if isinstance(segment, Run)]
        arena, starts, counts, first_seen = merge_runs(runs, min_count, self._merge_bytes)
        order = frequency_order(counts, first_seen, min_count, None)
        table = WordTable()
        table.add_words(arena, starts)
        order = self._kept(order, counts, first_seen, lambda rows: table.gather(rows + 1))
        if not len(order):
            limit = min_count
            while not len(counts):
                limit //= 2
                arena, starts, counts, first_seen = merge_runs(runs, limit, self._merge_bytes)
            best = frequency_order(counts, first_seen, 1, 1)[0]
            word = arena[starts[best] : starts[best + 1]].tobytes()
            raise RareWordsError(corpus, self.rules.min_count, word, int(counts[best]))
        del arena, starts
        words, word_starts = table.gather(order + 1, SEPARATOR_BYTES if self.separator else None)
        return words, word_starts, counts[order]

    def remap_of(self, segment: int, vocab: Vocab) -> npt.NDArray[np.int32]:
        """int32: rows of `vocab` but for its offset, or -1, by the ids of the segment."""
        if self._merged is not None:
            return self._merged[segment]
        source = self._segments[segment]
        if isinstance(source, Run):
            return remap_of_run(source, vocab.table, vocab.first_word_id)
        # Words were looked up: ids are rows but for an offset; one more stands for "unknown".
        remap = np.arange(len(source) + 2, dtype=np.int32) - np.int32(vocab.first_word_id)
        remap[0] = remap[-1] = -1
        return remap

    def close(self) -> None:
        """Free temporary files and memory."""
        self._segments = []
        if self._runs_file is not None:
            self._runs_file.close()


def _texts(arena: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64]) -> list[str]:
    data, places = arena.tobytes(), starts.tolist()
    pairs = itertools.pairwise(places)
    return [data[a:b].decode("utf-8", "surrogateescape") for a, b in pairs]
