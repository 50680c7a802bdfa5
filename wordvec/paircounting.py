"""Counting pairs in threads within a memory budget; what exceeds it goes to disk, summed."""

from __future__ import annotations

import threading
import time

import numpy as np

from wordvec.corpus import EncodedCorpus
from wordvec.errors import WordvecError
from wordvec.kernels.cooccur import BYTES_PER_CHUNK, PairCounter, StripeSorter
from wordvec.memory import need_bytes, physical_bytes
from wordvec.options import CooccurOptions
from wordvec.pairplan import best_product, cells_of_rows, make_plan
from wordvec.progress import Progress, Reporter
from wordvec.records import RECORD, Records
from wordvec.spill import TemporaryFile, fresh_ids
from wordvec.threads import Stop, run_workers

_PIECE_TOKENS = 1 << 16
_PIECE_CELLS = 1 << 20
_FEWEST_CHUNKS = 256
_PAIRS_PER_CELL = 8  # measured: a larger table costs more memory than it saves sorting


class PairCounting:
    """Cells and events of all threads, and what of them went to disk."""

    def __init__(
        self,
        corpus: EncodedCorpus,
        options: CooccurOptions,
        memory: int | None,
        n_threads: int,
        max_product: int | None,
        n_waiting: int | None,
        folder: str | None,
    ) -> None:
        self.corpus = corpus
        self.n_words = len(corpus.vocab)
        self.n_threads = max(1, n_threads)
        self.n_spills = 0
        self._folder = folder
        self._lock = threading.Lock()
        self._spilled: dict[int, list[tuple[TemporaryFile, int, int]]] = {}
        self._files: list[TemporaryFile] = []
        budget = physical_bytes() // 2 if memory is None else min(memory, physical_bytes())
        n_pairs_at_most = len(corpus.ids) * options.window
        if max_product is None:
            n_cells = min(
                budget // (3 * 4 * self.n_threads), max(n_pairs_at_most // _PAIRS_PER_CELL, 1 << 16)
            )
            max_product = best_product(self.n_words, n_cells, options.symmetric)
        n_cells = 1 + int(cells_of_rows(self.n_words, max_product, options.symmetric).sum())
        cells_bytes = 4 * n_cells * self.n_threads
        need_bytes(cells_bytes, "tables of co-occurrence counts", "use a smaller max_product")
        self.plan = make_plan(corpus, options, max_product)
        self.max_product = max_product
        room = max(budget - cells_bytes, 0) * 3 // 4 // self.n_threads
        if n_waiting is not None:
            room = self.plan.event_bytes * n_waiting // self.n_threads
        # Every pair an event, in both directions, and one chunk begun for each stripe.
        most = (
            2 * self.plan.event_bytes * n_pairs_at_most * 9 // 8
            + BYTES_PER_CHUNK * self.plan.n_stripes
        )
        least = (self.plan.n_chunks_reserved + self.plan.n_stripes + _FEWEST_CHUNKS) * (
            BYTES_PER_CHUNK
        )
        n_bytes = max(min(room, most + least), least) + BYTES_PER_CHUNK
        try:
            self.counters = [self._counter(n_bytes) for _ in range(self.n_threads)]
        except (OSError, OverflowError, ValueError) as error:
            raise WordvecError(
                f"no memory for the co-occurrence counts ({cells_bytes + n_bytes} bytes): {error}; "
                "use a smaller memory budget"
            ) from None

    def _counter(self, n_bytes: int) -> PairCounter:
        cells = fresh_ids(self.plan.n_cells).view(np.uint32)
        return PairCounter(self.plan, cells, fresh_ids(n_bytes // 8 * 2).view(np.uint64))

    def count(self, reporter: Reporter) -> None:
        ids = self.corpus.ids
        pieces = iter(range(0, len(ids), _PIECE_TOKENS))
        n_done, started, cpu = 0, time.perf_counter(), time.process_time()

        def work(number: int, stop: Stop) -> None:
            nonlocal n_done
            counter = self.counters[number]
            while not stop.requested:
                with self._lock:
                    begin = next(pieces, None)
                if begin is None:
                    return
                end = min(begin + _PIECE_TOKENS, len(ids))
                self._count_piece(counter, begin, end, stop)
                with self._lock:
                    n_done += end - begin

        def tick() -> None:
            reporter(
                Progress(
                    stage="pairs", unit="tokens", n_done=n_done, n_total=len(ids),
                    wall_seconds=time.perf_counter() - started,
                    cpu_seconds=time.process_time() - cpu, n_tokens_read=n_done,
                )
            )  # fmt: skip

        if run_workers(work, self.n_threads, tick).interrupted:
            raise KeyboardInterrupt
        tick()

    def _count_piece(self, counter: PairCounter, begin: int, end: int, stop: Stop) -> None:
        ids, starts = self.corpus.ids, self.corpus.starts
        while begin < end and not stop.requested:
            sentence = int(np.searchsorted(starts, begin, side="right")) - 1
            begin = counter.count(ids, starts, sentence, begin, end)
            if begin < end:
                self._spill(counter)

    def add_up_cells(self) -> None:
        """All counters' cells into the first one's."""
        if self.n_threads == 1:
            return
        n_cells = self.plan.n_cells
        pieces = iter(range(0, n_cells, _PIECE_CELLS))
        target = self.counters[0]

        def work(number: int, stop: Stop) -> None:
            counter = self.counters[number]
            while not stop.requested:
                with self._lock:
                    first = next(pieces, None)
                if first is None:
                    return
                end = min(first + _PIECE_CELLS, n_cells)
                for other in self.counters[1:]:
                    begin = first
                    while begin < end and not stop.requested:
                        begin = counter.add_cells_of(target, other, begin, end)
                        if begin < end:
                            self._spill(counter)

        if run_workers(work, self.n_threads).interrupted:
            raise KeyboardInterrupt

    # -- disk -----------------------------------------------------------------------------------

    def _spill(self, counter: PairCounter) -> None:
        """Move a counter's events to disk, summed."""
        sorter = StripeSorter(self.plan)
        file = TemporaryFile(self._folder)
        with self._lock:
            self._files.append(file)
            self.n_spills += 1
        for stripe in range(self.plan.n_stripes):
            entries = sorter.entries([counter], stripe)
            if len(entries):
                offset = file.append(entries)
                with self._lock:
                    self._spilled.setdefault(stripe, []).append((file, offset, len(entries)))
        counter.clear_events()

    def records_of(self, stripe: int, sorter: StripeSorter) -> Records:
        """The stripe's records, valid until the next call with this sorter."""
        if not self.counters:
            raise ValueError("the co-occurrences are closed")
        pieces = self._spilled.get(stripe, [])
        spilled = None
        if pieces:
            spilled = np.empty((sum(n for _, _, n in pieces), 2), dtype=np.uint64)
            done = 0
            for file, offset, n_entries in pieces:
                file.read_into(spilled[done : done + n_entries], offset)
                done += n_entries
        words = sorter.records(self.counters, self.counters[0], stripe, spilled)
        return words.reshape(-1).view(RECORD)

    def close(self) -> None:
        self.counters = []
        for file in self._files:
            file.close()
        self._files = []
