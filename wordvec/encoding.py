"""Text to ids in one pass: count and number the words as they come, then renumber.

While the vocabulary is not known, words get provisional ids in order of first appearance.  Each
worker counts into a table of its own (a segment) and keeps the provisional ids of its chunks.
When a table outgrows its share of the memory, its words go to disk and a new segment begins;
counts stay exact.  At the end the segments are merged and one pass over all
blocks, in corpus order, writes the final ids.

No result depends on the number of threads, the size of the chunks or the memory.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from wordvec.kernels.merging import SentenceRemapper
from wordvec.kernels.tokens import (
    StagedTokens,
    WordTable,
    blank_controls,
    find_nul,
    last_boundary,
    remove_returns,
)
from wordvec.progress import Progress, Reporter
from wordvec.rules import ReadingRules
from wordvec.segments import Segments
from wordvec.sentences import numbers_as_words, rows_of, stage_sentence
from wordvec.sources import CHUNK_BYTES, Chunk, ChunkBuffer, TextReader
from wordvec.spill import Block, IdPieces, MemoryShare
from wordvec.threads import Stop, run_workers
from wordvec.unpacking import ReadingStopped
from wordvec.vocab import SEPARATOR, Vocab

_REPORT_SECONDS = 0.2
_STAGED_TOKENS = 1 << 17
# A table that grows holds its old half beside the new whole for a moment.
_GROWTH = 1.5


@dataclass
class Tally:
    """What one worker met; `first_nul` is (chunk number, path, offset)."""

    n_ids: int = 0
    n_sentence_ends: int = 0
    n_files: int = 0
    n_open_lines: int = 0  # last lines without an end
    n_largest_block: int = 0
    n_cut: int = 0
    n_with_nul: int = 0
    n_empty: int = 0
    first_nul: tuple[int, str, int] | None = None
    unterminated: list[str] = field(default_factory=list)


class Counting:
    """Provisional ids and counts of one corpus; see the module's text.

    With a vocabulary in the rules its words are only looked up.  Use it as a context manager: it
    frees temporary files and memory.
    """

    def __init__(
        self,
        rules: ReadingRules,
        *,
        keep_ids: bool = True,
        chunk_bytes: int = CHUNK_BYTES,
    ) -> None:
        self.rules = rules
        self.vocab = rules.vocab
        self.keep_ids = keep_ids
        self.chunk_bytes = chunk_bytes
        self.table_share = rules.n_memory_bytes // 4 // rules.n_workers
        self.ids_share = MemoryShare(rules.n_memory_bytes // 2)
        self.segments = Segments(rules)
        self.workers: list[Worker] = []
        self.corpus_name = "the corpus"  # for messages

    # -- counting -------------------------------------------------------------------------------

    def count_files(self, reader: TextReader, reporter: Reporter) -> None:
        """Read everything; KeyboardInterrupt when interrupted."""
        self.corpus_name = reader.name
        clock = _Clock(reporter, "bytes", reader.n_raw_total)
        self.workers = [Worker(self) for _ in range(self.rules.n_workers)]

        def work(number: int, stop: Stop) -> None:
            self.workers[number].count_chunks(reader, stop)

        stop = run_workers(
            work, self.rules.n_workers, lambda: clock.tick(reader.n_raw_done(), self.n_words_read)
        )
        if stop.interrupted:
            raise KeyboardInterrupt
        clock.tick(reader.n_raw_done(), self.n_words_read, last=True)

    def count_sentences(self, sentences: Iterable[Any], reporter: Reporter) -> None:
        """Read all sentences; see StagedTokens and sources.open_source for what they may be."""
        clock = _Clock(reporter, "tokens", None)
        worker = Worker(self)
        self.workers = [worker]
        staged = StagedTokens()
        for number, sentence in enumerate(sentences):
            if isinstance(sentence, np.ndarray):
                if self.vocab is not None:
                    worker.count_staged(staged)
                    worker.keep_rows(rows_of(sentence, number, self.vocab))
                    continue
                sentence = numbers_as_words(sentence, number)
            stage_sentence(staged, sentence, number)
            if staged.n_tokens >= _STAGED_TOKENS or staged.n_text_bytes >= self.chunk_bytes:
                worker.count_staged(staged)
                clock.tick(self.n_words_read, self.n_words_read)
        worker.count_staged(staged)
        worker.tally.n_empty = staged.n_empty
        clock.tick(self.n_words_read, self.n_words_read, last=True)

    @property
    def n_words_read(self) -> int:
        """Words read so far, ends of sentences not counted."""
        return sum(w.tally.n_ids - w.tally.n_sentence_ends for w in self.workers)

    @property
    def n_tokens_read(self) -> int:
        """Words read so far, with the ends of sentences where they are words."""
        return self.n_words_read + self.n_separators * self.rules.tokens.separator_is_word

    @property
    def n_distinct_at_most(self) -> int:
        """An upper limit for the distinct words read: those of all segments, added up."""
        return self.segments.n_words

    @property
    def n_separators(self) -> int:
        """Ends of sentences read so far, empty sentences included."""
        return sum(w.tally.n_sentence_ends for w in self.workers)

    @property
    def n_sentences_read(self) -> int:
        """Lines or Python sentences read so far, empty ones included."""
        return self.n_separators + sum(worker.tally.n_open_lines for worker in self.workers)

    def notes(self) -> list[str]:
        """One line for each thing that was cut or dropped while self."""
        tallies = [worker.tally for worker in self.workers]
        rules = self.rules.tokens
        notes = []
        nuls = [tally.first_nul for tally in tallies if tally.first_nul is not None]
        if nuls:
            _, path, offset = min(nuls)
            what = "it and the rest of its word are ignored" if rules.nul_ends_word else "kept"
            what = "it separates words" if rules.more_blanks else what
            notes.append(f"{path}: NUL byte at byte {offset}; {what}")
        if rules.nul_ends_word and (n_with_nul := sum(tally.n_with_nul for tally in tallies)):
            notes.append(f"words ended by a NUL byte: {n_with_nul:,}")
        if n_cut := sum(tally.n_cut for tally in tallies):
            notes.append(f"words cut at {rules.max_word_bytes} bytes: {n_cut:,}")
        n_empty = sum(tally.n_empty for tally in tallies)
        if n_empty and not rules.keep_empty:
            notes.append(f"empty words left out: {n_empty:,}")
        for path in sorted(path for tally in tallies for path in tally.unterminated):
            notes.append(f"{path}: the last word has no separator after it and was not read")
        needs_row = rules.separator and not rules.separator_is_word
        if self.vocab is not None and needs_row and not self.vocab.has_separator:
            notes.append("the vocabulary does not begin with </s>: ends of sentences have no row")
        return notes

    def make_vocab(self) -> Vocab:
        """Merge what was counted; from here on ids can be renumbered.

        Raises RareWordsError when no word is left.
        """
        if self.vocab is None:
            for worker in self.workers:
                worker.end_counting()
            self.vocab = self.segments.make_vocab(self.n_separators, self.corpus_name)
        return self.vocab

    # -- final ids ------------------------------------------------------------------------------

    def write_ids(self, write: Any) -> tuple[int, int]:
        """Renumber all blocks in corpus order; (n_ids, n_sentences).

        `write(block, remap, remapper)` is called for each block and `write(None, None, remapper)`
        at the end of each file.  Blocks are freed on the way.
        """
        assert self.vocab is not None
        blocks = sorted(
            ((block, worker.pieces) for worker in self.workers for block in worker.blocks),
            key=lambda pair: pair[0].chunk_number,
        )
        for worker in self.workers:
            worker.blocks = []
        last_use = {block.segment: block.chunk_number for block, _ in blocks}
        remaps: dict[int, npt.NDArray[np.int32]] = {}
        remapper = SentenceRemapper(self._separator_row())
        blocks.reverse()
        while blocks:
            block, pieces = blocks.pop()
            if block.segment not in remaps:
                remaps[block.segment] = self.segments.remap_of(block.segment, self.vocab)
            write(pieces.take(block), remaps[block.segment], remapper)
            if block.ends_file:
                write(None, None, remapper)
            if last_use[block.segment] == block.chunk_number:
                del remaps[block.segment]
        write(None, None, remapper)
        return remapper.n_ids, remapper.n_sentences

    def _separator_row(self) -> int:
        """The id that ends of sentences leave, or -1."""
        assert self.vocab is not None
        is_word = self.rules.tokens.separator_is_word and not self.vocab.has_separator
        return self.vocab.index(SEPARATOR) if is_word and SEPARATOR in self.vocab else -1

    def close(self) -> None:
        for worker in self.workers:
            worker.pieces.close()
        self.workers = []
        self.segments.close()

    def __enter__(self) -> Counting:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class Worker:
    """One thread's part of a Counting."""

    def __init__(self, job: Counting) -> None:
        self.job = job
        self.tally = Tally()
        self.pieces = IdPieces(job.ids_share)
        self.blocks: list[Block] = []
        self._ids = np.empty(0, dtype=np.int32)
        self._n_chunks = 0
        self._begin_segment()

    def _begin_segment(self) -> None:
        job = self.job
        if job.vocab is not None:
            self._table = job.vocab.table
        else:
            self._table = WordTable(
                separator=job.rules.tokens.separator, prune_at=job.rules.prune_at
            )
        self._segment = job.segments.append(self._table)

    def end_counting(self) -> None:
        """Let go of what only counting needs."""
        del self._table
        self._ids = np.empty(0, dtype=np.int32)

    def _end_chunk(
        self, ids: npt.NDArray[np.int32], n_sentence_ends: int, number: int, ends_file: bool
    ) -> None:
        job, tally = self.job, self.tally
        tally.n_ids += len(ids)
        tally.n_sentence_ends += n_sentence_ends
        tally.n_files += ends_file
        tally.n_largest_block = max(tally.n_largest_block, len(ids))
        if job.keep_ids:
            self.blocks.append(self.pieces.append(ids, number, self._segment, ends_file))
        if job.vocab is not None or job.rules.prune_at is not None:
            return
        if self._table.n_memory_bytes * _GROWTH > job.table_share:
            job.segments.spill(self._segment)
            self._begin_segment()

    def _room_for(self, n_ids: int) -> npt.NDArray[np.int32]:
        if len(self._ids) < n_ids:
            self._ids = np.empty(n_ids, dtype=np.int32)
        return self._ids

    # -- text -----------------------------------------------------------------------------------

    def count_chunks(self, reader: TextReader, stop: Stop) -> None:
        buffer = ChunkBuffer(self.job.chunk_bytes)
        reader.stop_requested = lambda: stop.requested
        while not stop.requested:
            try:
                chunk = reader.next_chunk(buffer)
            except ReadingStopped:
                return
            if chunk is None:
                return
            self._count_chunk(chunk, buffer)

    def _count_chunk(self, chunk: Chunk, buffer: ChunkBuffer) -> None:
        rules, tally, text = self.job.rules.tokens, self.tally, buffer.bytes
        self._look_for_nul(chunk, text)
        if rules.more_blanks:
            n_bytes = chunk.n_bytes
            blank_controls(text, n_bytes)
        else:
            n_bytes = remove_returns(text, chunk.n_bytes)
        if chunk.ends_file and n_bytes and text[n_bytes - 1] != ord("\n"):
            tally.n_open_lines += 1
        if chunk.ends_file and n_bytes and text[n_bytes - 1] not in b" \t\n":
            if rules.drop_unterminated:
                tally.unterminated.append(chunk.path)
                n_bytes = max(last_boundary(text, 0, n_bytes), 0)
            else:
                text[n_bytes] = ord(" ")
                n_bytes += 1
        ids = self._room_for(n_bytes)
        n_ids, n_ends, n_cut, n_with_nul, n_empty = self._table.encode_text(
            text,
            n_bytes,
            ids,
            chunk_number=chunk.number,
            max_word_bytes=rules.max_word_bytes,
            nul_ends_word=rules.nul_ends_word,
            keep_empty=rules.keep_empty,
            whole_characters=rules.whole_characters,
            look_up=self.job.vocab is not None,
        )
        tally.n_cut += n_cut
        tally.n_with_nul += n_with_nul
        tally.n_empty += n_empty
        self._end_chunk(ids[:n_ids], n_ends, chunk.number, chunk.ends_file)

    def _look_for_nul(self, chunk: Chunk, text: npt.NDArray[np.uint8]) -> None:
        if self.tally.first_nul is None:
            place = find_nul(text, chunk.n_bytes)
            if place >= 0:
                self.tally.first_nul = (chunk.number, chunk.path, chunk.offset + place)

    # -- Python sentences -----------------------------------------------------------------------

    def count_staged(self, staged: StagedTokens) -> None:
        """Count and number the staged tokens, and clear them."""
        if not staged.n_tokens:
            return
        ids = self._room_for(staged.n_tokens)
        look_up = self.job.vocab is not None
        n_ids, n_ends = self._table.encode_staged(
            staged, ids, chunk_number=self._n_chunks, look_up=look_up
        )
        staged.clear()
        self._end_chunk(ids[:n_ids], n_ends, self._n_chunks, False)
        self._n_chunks += 1

    def keep_rows(self, ids: npt.NDArray[np.int32]) -> None:
        """A sentence that came as rows of the vocabulary."""
        self._end_chunk(ids, 1, self._n_chunks, False)
        self._n_chunks += 1


class _Clock:
    """Progress reports, at most five a second."""

    def __init__(self, reporter: Reporter, unit: str, n_total: int | None) -> None:
        self._reporter = reporter
        self._unit = unit
        self._n_total = n_total
        self._wall = self._last = time.perf_counter()
        self._cpu = time.process_time()

    def tick(self, n_done: int, n_tokens_read: int, last: bool = False) -> None:
        now = time.perf_counter()
        if not last and now - self._last < _REPORT_SECONDS:
            return
        self._last = now
        progress = Progress(
            stage="count",
            unit=self._unit,
            n_done=n_done,
            n_total=self._n_total,
            wall_seconds=now - self._wall,
            cpu_seconds=time.process_time() - self._cpu,
            n_tokens_read=n_tokens_read,
        )
        self._reporter(progress)
