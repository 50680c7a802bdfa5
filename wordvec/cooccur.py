"""Co-occurrence counts of a corpus, as GloVe trains on them: exact, in any memory, by any number
of threads.

Weights 1/distance are counted in units of 1/lcm(1..window), whole numbers whose sums do not depend
on their order.  Beyond distance 22, where the lcm leaves 32 bits, pairs are counted by distance
and their weights added in float64 from the nearest to the farthest.  So no result depends on the
budget, the number of threads or the way the corpus was cut.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt

from wordvec.corpus import EncodedCorpus
from wordvec.errors import CorpusError, WordvecError
from wordvec.kernels.cooccur import (
    BYTES_PER_CHUNK,
    LARGEST_WINDOW,
    PairCounter,
    PairPlan,
    StripeSorter,
)
from wordvec.memory import need_bytes, physical_bytes
from wordvec.options import CooccurOptions
from wordvec.progress import Progress, Reporter, silent
from wordvec.records import RECORD, Records
from wordvec.spill import TemporaryFile, fresh_ids
from wordvec.threads import Stop, run_workers

__all__ = ["CooccurOptions", "Cooccurrences", "count_pairs"]

_N_CODES = 4096
_CARRY = _N_CODES - 1
_LAST_NEAR = 22  # lcm(1..22) = 232792560; with both directions on the diagonal below 2^32
_PIECE_TOKENS = 1 << 16
_PIECE_CELLS = 1 << 20
_ROWS_PER_STRIPE = 1 << 20
_COST_PER_STRIPE = 1 << 18
_MOST_STRIPES = 4096
_FEWEST_CHUNKS = 256
_EVENT_BYTES = 8
_MOST_STEPS = 1000
_SMALLEST_LOGARITHM = 0.1
_TURN_SECONDS = 0.1

_Numbers = npt.NDArray[np.int64]


class Cooccurrences:
    """The pairs of a corpus, kept as cells and events; made by `count_pairs`.

    `n_words` is the size of the vocabulary.  Records come in order of row and column, each pair
    once; `n_records` is None until all have been given out once.  It holds memory and maybe
    temporary files (nameless): `close` it, or use it as a context manager.
    """

    def __init__(self, counting: _PairCounting) -> None:
        self._counting = counting
        self.n_words = counting.n_words
        self.n_records: int | None = None
        self.n_spills = counting.n_spills

    def blocks(self) -> Iterator[Records]:
        """All records, in blocks that belong to the caller."""
        sorter = StripeSorter(self._counting.plan)
        n_records = 0
        for stripe in range(self._counting.plan.n_stripes):
            records = self._counting.records_of(stripe, sorter)
            n_records += len(records)
            if len(records):
                yield records.copy()
        self.n_records = n_records

    def records(self, n_threads: int = 1) -> Records:
        """All records in one array, which must fit the memory."""
        parts: list[Records] = []
        self._in_order(lambda records: parts.append(records.copy()), n_threads)
        return np.concatenate(parts) if parts else np.empty(0, dtype=RECORD)

    def write(self, stream: BinaryIO, n_threads: int = 1) -> int:
        """Write all records, 16 bytes each; their number.  KeyboardInterrupt when interrupted."""

        def write(records: Records) -> None:
            stream.write(memoryview(cast(Any, records.view(np.uint8))))

        self._in_order(write, n_threads)
        assert self.n_records is not None
        return self.n_records

    def _in_order(self, take: Callable[[Records], object], n_threads: int) -> None:
        """Give every stripe's records to `take`, one after the other and in order."""
        counting, turn = self._counting, _Turn()
        numbers = iter(range(counting.plan.n_stripes))
        n_records = 0

        def work(_: int, stop: Stop) -> None:
            nonlocal n_records
            sorter = StripeSorter(counting.plan)
            while not stop.requested:
                with turn.lock:
                    stripe = next(numbers, None)
                if stripe is None:
                    return
                records = counting.records_of(stripe, sorter)
                if not turn.wait_for(stripe, stop):
                    return
                if len(records):
                    take(records)
                n_records += len(records)
                turn.done(stripe)

        if run_workers(work, n_threads).interrupted:
            raise KeyboardInterrupt
        self.n_records = n_records

    def close(self) -> None:
        self._counting.close()

    def __enter__(self) -> Cooccurrences:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def count_pairs(
    corpus: EncodedCorpus,
    options: CooccurOptions | None = None,
    *,
    memory: int | None = None,
    n_threads: int = 1,
    reporter: Reporter = silent,
    max_product: int | None = None,
    n_waiting: int | None = None,
    folder: str | None = None,
) -> Cooccurrences:
    """Count the pairs of words at most `options.window` words of the vocabulary apart.

    A pair (earlier, later) at distance d counts 1/d, or 1 without `distance_weighting`; with
    `symmetric` it counts for (later, earlier) too.  Sentences (lines) end the window.  Ranks are
    rows of the vocabulary from 1.

    `memory` is the budget in bytes (default: half of the machine's); beyond it events go to
    temporary files in `folder` (default: the system's) and the result is the same.
    `max_product` sets by hand which pairs have a cell: those whose ranks multiplied are at most
    that; `n_waiting` how many other pairs may wait in memory.  Raises CorpusError for a vocabulary
    with a separator, OutputError when a temporary file cannot be written, KeyboardInterrupt.
    """
    if corpus.vocab.has_separator:
        raise CorpusError("the corpus was read with </s> in its vocabulary; GloVe has none")
    counting = _PairCounting(
        corpus, options or CooccurOptions(), memory, n_threads, max_product, n_waiting, folder
    )
    try:
        counting.count(reporter)
        counting.add_up_cells()
    except BaseException:
        counting.close()
        raise
    return Cooccurrences(counting)


def stanford_limits(memory: float) -> tuple[int, int]:
    """(max product, overflow length) that Stanford's cooccur derives from `memory` in GiB."""
    n_records = 0.85 * memory * 2**30 / RECORD.itemsize
    product = 1e5
    for _ in range(_MOST_STEPS):  # the original's fixed point; it never ends for tiny memories
        step = n_records / max(math.log(product) + 0.1544313298, _SMALLEST_LOGARITHM)
        if abs(n_records - product * (math.log(product) + 0.1544313298)) <= 1e-3:
            break
        product = max(step, 1.0)
    return int(product), int(n_records) // 6


class _Turn:
    """Lets threads pass one after the other in the order of their numbers."""

    def __init__(self) -> None:
        self.lock = threading.Condition()
        self._next = 0

    def wait_for(self, number: int, stop: Stop) -> bool:
        """True when it is this number's turn, False when all are to stop."""
        with self.lock:
            while self._next != number:
                if stop.requested:
                    return False
                self.lock.wait(_TURN_SECONDS)
        return True

    def done(self, number: int) -> None:
        with self.lock:
            self._next = number + 1
            self.lock.notify_all()


# ---- how pairs are kept -----------------------------------------------------------------------


def _units(options: CooccurOptions) -> tuple[int, int, npt.NDArray[np.uint64]]:
    """(near, scale, units by distance); see PairPlan."""
    units = np.zeros(_N_CODES, dtype=np.uint64)
    units[_CARRY] = 1 << 32
    if not options.distance_weighting:
        units[1 : options.window + 1] = 1
        return options.window, 1, units
    near = min(options.window, _LAST_NEAR)
    scale = math.lcm(*range(1, near + 1))
    units[1 : near + 1] = [scale // distance for distance in range(1, near + 1)]
    return near, scale, units


def _cells_of_rows(n_words: int, max_product: int, symmetric: bool) -> _Numbers:
    """int64[n_words]: cells of the rows 1, 2, ..."""
    rows = np.arange(1, n_words + 1, dtype=np.int64)
    last = np.minimum(max_product // rows, n_words)
    return np.maximum(last - rows + 1, 0) if symmetric else last


def _best_product(n_words: int, n_cells: int, symmetric: bool) -> int:
    """The largest product of ranks for which `n_cells` cells are enough."""
    low, high = 0, n_words * n_words
    while low < high:
        middle = (low + high + 1) // 2
        if int(_cells_of_rows(n_words, middle, symmetric).sum()) <= n_cells:
            low = middle
        else:
            high = middle - 1
    return low


def _make_plan(corpus: EncodedCorpus, options: CooccurOptions, max_product: int) -> PairPlan:
    n_words = len(corpus.vocab)
    near, scale, units = _units(options)
    cells = _cells_of_rows(n_words, max_product, options.symmetric)
    row_begin = np.zeros(n_words + 2, dtype=np.int64)
    row_begin[1] = 1  # cell 0 belongs to no pair
    np.cumsum(cells, out=row_begin[2:])
    row_begin[2:] += 1
    first_column = np.ones(n_words + 2, dtype=np.int64)
    if options.symmetric:
        first_column[:] = np.arange(n_words + 2)
    stripe_of, first_rows = _stripes(corpus, options, max_product)
    return PairPlan(
        n_words=n_words,
        max_product=max_product,
        window=options.window,
        symmetric=options.symmetric,
        near=near,
        scale=float(scale),
        row_start=row_begin - first_column,
        row_begin=row_begin,
        stripe_of=stripe_of,
        first_rows=first_rows,
        units=units,
    )


def _stripes(
    corpus: EncodedCorpus, options: CooccurOptions, max_product: int
) -> tuple[npt.NDArray[np.int32], _Numbers]:
    """Rows cut into ranges of about the same number of records, by an upper limit for these."""
    n_words = len(corpus.vocab)
    rows = np.arange(1, n_words + 1, dtype=np.int64)
    in_cells = np.minimum(max_product // rows, n_words)
    counts = np.clip(corpus.vocab.counts, 1, n_words)
    others = np.minimum(n_words - in_cells, counts * 2 * options.window)
    cost = np.cumsum(in_cells + others + 16)
    n_wanted = min(max(int(cost[-1]) // _COST_PER_STRIPE, 1), _MOST_STRIPES)
    share = (cost - 1) * n_wanted // int(cost[-1])
    share += (rows - 1) // _ROWS_PER_STRIPE * _MOST_STRIPES  # rows of a stripe must fit their bits
    begins = np.concatenate([[True], share[1:] != share[:-1]])
    stripe_of = np.zeros(n_words + 2, dtype=np.int32)
    stripe_of[1 : n_words + 1] = np.cumsum(begins) - 1
    first_rows = np.append(rows[begins], n_words + 1)
    return stripe_of, first_rows


# ---- counting ---------------------------------------------------------------------------------


class _PairCounting:
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
            n_cells = min(budget // (3 * 4 * self.n_threads), max(n_pairs_at_most // 5, 1 << 16))
            max_product = _best_product(self.n_words, n_cells, options.symmetric)
        self.plan = _make_plan(corpus, options, max_product)
        self.max_product = max_product
        cells_bytes = 4 * self.plan.n_cells * self.n_threads
        need_bytes(cells_bytes, "tables of co-occurrence counts", "use a smaller max_product")
        room = max(budget - cells_bytes, 0) * 3 // 4 // self.n_threads
        if n_waiting is not None:
            room = _EVENT_BYTES * n_waiting // self.n_threads
        # Every pair an event, in both directions, and one chunk begun for each stripe.
        most = 16 * n_pairs_at_most * 9 // 8 + BYTES_PER_CHUNK * self.plan.n_stripes
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


assert LARGEST_WINDOW == _CARRY - 1
