"""word2phrase: pairs of words that occur together more often than chance become one word.

`join_phrases` reads a text once, as ids; counts its pairs of neighbours; and writes it again from
the ids with the phrases joined, byte for byte as the original word2phrase does.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from wordvec.encoding import Counting
from wordvec.errors import CorpusError
from wordvec.files import OutputFile
from wordvec.kernels.phrases import (
    ARENA_PADDING,
    MAX_WORD_BYTES,
    PairSink,
    PartCounter,
    PhraseWords,
    Rewriter,
    SharedKeys,
)
from wordvec.lostkey import WATCHED_WORDS, drop_lost_key
from wordvec.options import PhraseOptions
from wordvec.progress import Progress, Reporter, silent
from wordvec.rules import ReadingRules, TokenRules
from wordvec.sources import CHUNK_BYTES, TextFiles, TextReader, open_source
from wordvec.spill import Block, IdPieces, TemporaryFile
from wordvec.threads import Stop, run_workers

__all__ = ["PHRASE_RULES", "JoinedText", "join_phrases"]

# What the original reads: 58 bytes of a word, up to a NUL, no last word without a separator.
PHRASE_RULES = TokenRules(
    max_word_bytes=MAX_WORD_BYTES,
    nul_ends_word=True,
    keep_empty=True,
    drop_unterminated=True,
    separator=True,
)

# A part of this many pairs is counted in a table that fits the second-level cache.
_PAIRS_PER_PART = 1 << 15
_MOST_BITS = 10
_REPORT_SECONDS = 0.2
_NEWLINES_AT_ONCE = 1 << 20

_Ids = npt.NDArray[np.int32]
_Pairs = npt.NDArray[np.uint64]
_Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class JoinedText:
    """What join_phrases did.

    `n_words` were read (ends of lines not counted); `n_kept` different words and pairs occur
    min_count times or more (None when they were not counted); `n_joined` words were joined to
    the word before them.  `notes` has one line for each thing that was cut, dropped or unpacked.
    """

    n_words: int
    n_kept: int | None
    n_joined: int
    notes: list[str]


def join_phrases(
    source: Any,
    output: OutputFile | None,
    options: PhraseOptions | None = None,
    *,
    memory: int | None = None,
    count_kept: bool = False,
    reporter: Reporter = silent,
    on_counted: Callable[[int | None, int], None] = lambda n_kept, n_words: None,
    _chunk_bytes: int = CHUNK_BYTES,
) -> JoinedText:
    """Write the text of `source` to `output` with its phrases joined by `_`.

    `source` is what sources.open_source takes for files, "-" for stdin included; it is read once.
    `output` is an open OutputFile, left uncommitted; None counts only.  A pair that occurs n times
    and whose words occur a and b times scores (n - min_count) / a / b * (words of the text), in
    float32; above `options.threshold` it is joined, unless its first word was just joined itself.

    `memory` is the budget in bytes (default: half of the machine's) for ids, pairs and words;
    beyond it they go to temporary files, with the same result.  Only the table of all different
    words, about 90 bytes each, must fit the machine's memory: WordvecError when it does not.
    Pairs that cannot reach the threshold are left out of the counting unless `count_kept` asks
    how many different ones there are; `on_counted(n_kept, n_words)` is called before writing.

    Raises CorpusError for a text that is missing or unreadable, OutputError, OptionError, and
    KeyboardInterrupt, on which nothing is written.
    """
    options = PhraseOptions() if options is None else options
    opened = open_source(source)
    if not isinstance(opened, TextFiles):
        raise CorpusError("join_phrases takes files; for lists of words use wordvec.Phrases")
    rules = ReadingRules(PHRASE_RULES, min_count=1, n_threads=options.workers, memory=memory)
    with Counting(rules, chunk_bytes=_chunk_bytes) as counting:
        notes = opened.notes + _count_words(counting, opened.paths, reporter)
        if not counting.n_words_read:
            on_counted(0, 0)
            _write_newlines(counting.n_separators, output)
            return JoinedText(0, 0, 0, notes)
        job = _Job(counting, options, filters=not count_kept)
        n_kept = job.count_pairs()
        on_counted(n_kept if count_kept else None, job.n_words)
        n_joined = job.write(output, reporter) if output is not None else 0
    return JoinedText(job.n_words, n_kept if count_kept else None, n_joined, notes)


def _count_words(counting: Counting, paths: list[str], reporter: Reporter) -> list[str]:
    """Text to provisional ids; what there is to say about it."""
    reader = TextReader(paths, counting.chunk_bytes)

    def report(progress: Progress, /) -> None:
        reporter(replace(progress, n_distinct=counting.n_distinct_at_most))

    try:
        counting.count_files(reader, report)
    finally:
        reader.close()
    return reader.notes + counting.notes()


def _write_newlines(n_newlines: int, output: OutputFile | None) -> None:
    while n_newlines and output is not None:
        n_now = min(n_newlines, _NEWLINES_AT_ONCE)
        output.stream.write(b"\n" * n_now)
        n_newlines -= n_now


@dataclass
class _Spilled:
    """Pairs of one worker on disk: for each part, where its pieces lie and how long they are."""

    pieces: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    file: TemporaryFile | None = None

    def append(self, part: int, pairs: _Pairs) -> None:
        if not len(pairs):
            return
        self.file = self.file or TemporaryFile()
        place = self.file.append(pairs)
        self.pieces.setdefault(part, []).append((place, len(pairs)))

    def read(self, part: int) -> Iterator[_Pairs]:
        for place, n_pairs in self.pieces.get(part, []):
            assert self.file is not None
            pairs = np.empty(n_pairs, dtype=np.uint64)
            self.file.read_into(pairs, place)
            yield pairs

    def close(self) -> None:
        if self.file is not None:
            self.file.close()


class _Job:
    """One text whose words are counted: its pairs, and the text written again."""

    def __init__(self, counting: Counting, options: PhraseOptions, *, filters: bool) -> None:
        self.counting = counting
        self.options = options
        self.n_words = counting.n_words_read
        for worker in counting.workers:
            worker.end_counting()
        table, self.raw_counts = counting.segments.number_words(counting.corpus_name)
        arena, starts = table.gather(np.arange(len(table) + 1))
        arena = np.concatenate([arena, np.zeros(ARENA_PADDING, dtype=np.uint8)])
        self.words = PhraseWords(
            arena, starts, self.raw_counts, table,
            min_count=options.min_count, threshold=options.threshold, n_words=self.n_words,
            filters=filters,
        )  # fmt: skip
        self.spelling = _Spelling(arena, starts)
        self.empty_row = max(table.find(b"\0"), 0)
        self.blocks: list[tuple[Block, IdPieces]] = sorted(
            ((block, worker.pieces) for worker in counting.workers for block in worker.blocks),
            key=lambda pair: pair[0].chunk_number,
        )
        if self.empty_row:
            self.words.begin_text(self.empty_row, self._first_row())
        self.bits = max(0, min(_MOST_BITS, math.ceil(math.log2(self.n_words / _PAIRS_PER_PART))))
        self.joined: _Pairs = np.empty(0, dtype=np.uint64)
        self.counts: _Counts = self.raw_counts
        self.after_newline: _Counts | None = None

    # -- pairs ----------------------------------------------------------------------------------

    def count_pairs(self) -> int:
        """Find the pairs to join; how many different words and pairs are frequent enough."""
        spilled = [_Spilled() for _ in range(self.options.workers)]
        try:
            counters, tail = self._count_parts(spilled)
        finally:
            for files in spilled:
                files.close()
        results = [counter.results() for counter in counters]
        self.joined = np.concatenate([result[0] for result in results])
        n_kept = sum(counter.n_kept for counter in counters)
        n_kept += int((self.raw_counts[1:] >= self.options.min_count).sum())
        if not self.words.shares_strings:
            # The text's first word makes a pair with nothing; nothing else has that string.
            return n_kept + int(not self.empty_row and self.options.min_count <= 1)
        shared, waiting = (
            (np.concatenate([r[k][0] for r in results]), np.concatenate([r[k][1] for r in results]))
            for k in (1, 2)
        )
        return n_kept + self._judge_shared(shared, waiting, tail)

    def _count_parts(self, spilled: list[_Spilled]) -> tuple[list[PartCounter], _Tail]:
        n_workers = self.options.workers
        sinks = [PairSink(self.words, self.bits) for _ in range(n_workers)]
        share = self.counting.rules.n_memory_bytes // 4 // n_workers
        # The original's first pair is that of an empty word before the text and the first one.
        queue = _BlockQueue(self, self.empty_row, _last_word)

        def scan(number: int, stop: Stop) -> None:
            sink = sinks[number]
            while not stop.requested and (item := queue.take()) is not None:
                _, ids, rows, last = item
                sink.scan(ids, rows, last)
                if sink.n_memory_bytes > share:
                    for part in range(1 << self.bits):
                        spilled[number].append(part, sink.drain(part))

        _run(scan, n_workers)
        tail = self._tail()
        counters = [PartCounter(self.words) for _ in range(n_workers)]
        parts = iter(range(1 << self.bits))

        def count(number: int, stop: Stop) -> None:
            while not stop.requested and (part := next(parts, None)) is not None:
                drained = (pairs for files in spilled for pairs in files.read(part))
                counters[number].count(part, sinks, drained, tail.pairs, tail.counts)

        _run(count, n_workers)
        return counters, tail

    def _judge_shared(
        self, shared: tuple[_Pairs, _Counts], waiting: tuple[_Pairs, _Counts], tail: _Tail
    ) -> int:
        """Judge the pairs that were put off; how many strings are frequent enough, not counting
        the words that hold no `_`, less those that hold one (they are counted already)."""
        words, min_count = self.words, self.options.min_count
        keys = SharedKeys(words)
        keys.add(*shared)
        first_row = self._first_row()
        if not self.empty_row:
            keys.add_first(first_row)
        self.counts = keys.counts_of_words()
        if self.spelling.begins_any(b"</s>_"):
            self.after_newline = keys.counts_after_newline()
        pairs = np.concatenate([shared[0], waiting[0]])
        counts = np.concatenate([keys.counts_of(shared[0]), waiting[1]])
        first = self.counts[(pairs >> np.uint64(32)).astype(np.int64)]
        second = self.counts[(pairs & np.uint64(0xFFFFFFFF)).astype(np.int64)]
        able = (counts >= min_count) & (first >= min_count) & (second >= min_count)
        above = words.scores_above_each(counts, first, second) & able
        self.joined = np.concatenate([self.joined, pairs[above]])
        drop_lost_key(self, tail, keys)
        marked = self.spelling.holds_mark()
        return keys.n_kept() - int((self.raw_counts[marked] >= min_count).sum())

    def _first_row(self) -> int:
        for _, ids, rows, _ in iter(_BlockQueue(self, 0, _last_word).take, None):
            words = ids[ids != 0]
            if len(words):
                return int(rows[words[0]])
        raise AssertionError("a text without words")

    def _tail(self) -> _Tail:
        """The last words, for drop_lost_key; nothing where no strings are shared."""
        wanted = self.words.shares_strings and self.options.min_count >= 1
        rows: list[_Ids] = []
        n_rows = 0
        for block, pieces in reversed(self.blocks if wanted else []):
            ids = self.counting.segments.rows_of(block.segment)[pieces.look(block)]
            rows.append(ids[ids != 0])
            n_rows += len(rows[-1])
            if n_rows > WATCHED_WORDS:
                break
        last = np.concatenate([np.empty(0, dtype=np.int32), *reversed(rows)])[-WATCHED_WORDS - 1 :]
        pairs = last[:-1].astype(np.uint64) << np.uint64(32) | last[1:].astype(np.uint64)
        return _Tail(last, pairs, np.zeros(len(pairs), dtype=np.int64))

    # -- text -----------------------------------------------------------------------------------

    def write(self, output: OutputFile, reporter: Reporter) -> int:
        """The text again; how many words were joined to the one before."""
        rewriter = Rewriter(self.words, self.joined, self.counts, self.after_newline)
        queue = _BlockQueue(self, Rewriter.START, rewriter.skip)
        turns = _Turns()
        n_joined = [0] * self.options.workers

        def rewrite(number: int, stop: Stop) -> None:
            out = np.empty(0, dtype=np.uint8)
            while not stop.requested and (item := queue.take()) is not None:
                k, ids, rows, state = item
                if len(out) < rewriter.room_for(len(ids)):
                    out = np.empty(rewriter.room_for(len(ids)), dtype=np.uint8)
                n_bytes, n_now, _ = rewriter.write(ids, rows, state, out)
                n_joined[number] += n_now
                if turns.wait(k, stop):
                    output.stream.write(out[:n_bytes].data)
                    turns.end(len(ids))

        clock = _WriteClock(reporter, self.n_words + self.counting.n_separators, turns)
        _run(rewrite, self.options.workers, clock.tick)
        clock.tick(last=True)
        return sum(n_joined)


@dataclass(frozen=True)
class _Tail:
    """The last words of a text by row, and the counts of their pairs (of the plain ones)."""

    rows: _Ids
    pairs: _Pairs
    counts: _Counts


class _Spelling:
    """The bytes of words by row."""

    def __init__(self, arena: npt.NDArray[np.uint8], starts: _Counts) -> None:
        self.arena = arena
        self.starts = starts

    def of(self, row: int) -> bytes:
        word = self.arena[self.starts[row] : self.starts[row + 1]].tobytes()
        return b"" if word == b"\0" else word

    def begins_any(self, head: bytes) -> bool:
        """Does any word begin so?  A match across two words is harmless, only slow."""
        return head in self.arena.tobytes()

    def holds_mark(self) -> _Counts:
        """Rows of the words that hold a `_`."""
        places = np.flatnonzero(self.arena == ord("_"))
        return np.unique(np.searchsorted(self.starts, places, side="right") - 1)


# ---- blocks in order, several threads ---------------------------------------------------------


class _BlockQueue:
    """Blocks of ids in the order of the text, each with what must be known before it.

    `advance(ids, rows, state)` gives the state after a block; it is called in order, under the
    lock, and so must be quick.
    """

    def __init__(self, job: _Job, state: Any, advance: Callable[[_Ids, _Ids, Any], Any]) -> None:
        self._blocks = job.blocks
        self._segments = job.counting.segments
        self._state = state
        self._advance = advance
        self._rows: dict[int, _Ids] = {}
        self._last_use = {block.segment: k for k, (block, _) in enumerate(job.blocks)}
        self._next = 0
        self._lock = threading.Lock()

    def take(self) -> tuple[int, _Ids, _Ids, Any] | None:
        """(number, ids, rows by id, the state before it), or None at the end."""
        with self._lock:
            number = self._next
            if number == len(self._blocks):
                return None
            self._next += 1
            block, pieces = self._blocks[number]
            if block.segment not in self._rows:
                self._rows[block.segment] = self._segments.rows_of(block.segment)
            rows = self._rows[block.segment]
            if self._last_use[block.segment] == number:
                del self._rows[block.segment]
            ids, state = pieces.look(block), self._state
            self._state = self._advance(ids, rows, state)
            return number, ids, rows, state


def _last_word(ids: _Ids, rows: _Ids, before: int) -> int:
    """Row of the last word of a block; `before` when it holds only ends of lines."""
    end = len(ids)
    while end:
        words = ids[max(0, end - 64) : end]
        words = words[words != 0]
        if len(words):
            return int(rows[words[-1]])
        end = max(0, end - 64)
    return before


class _Turns:
    """Lets workers write one after the other, in the order of their blocks."""

    def __init__(self) -> None:
        self.n_tokens = 0  # written so far
        self._turn = 0
        self._changed = threading.Condition()

    def wait(self, number: int, stop: Stop) -> bool:
        """True when it is this block's turn; False when the job is stopped."""
        with self._changed:
            while self._turn != number:
                if stop.requested:
                    return False
                self._changed.wait(_REPORT_SECONDS)
        return True

    def end(self, n_tokens: int) -> None:
        with self._changed:
            self._turn += 1
            self.n_tokens += n_tokens
            self._changed.notify_all()


class _WriteClock:
    """Progress of the writing, at most five times a second."""

    def __init__(self, reporter: Reporter, n_total: int, turns: _Turns) -> None:
        self._reporter = reporter
        self._n_total = n_total
        self._turns = turns
        self._wall = self._last = time.perf_counter()
        self._cpu = time.process_time()

    def tick(self, last: bool = False) -> None:
        now = time.perf_counter()
        if not last and now - self._last < _REPORT_SECONDS:
            return
        self._last = now
        self._reporter(
            Progress(
                stage="write", unit="tokens", n_done=self._turns.n_tokens, n_total=self._n_total,
                wall_seconds=now - self._wall, cpu_seconds=time.process_time() - self._cpu,
            )
        )  # fmt: skip


def _run(
    work: Callable[[int, Stop], None], n_workers: int, tick: Callable[[], None] | None = None
) -> None:
    if run_workers(work, n_workers, tick).interrupted:
        raise KeyboardInterrupt
