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
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, cast

import numpy as np

from wordvec.corpus import EncodedCorpus
from wordvec.errors import CorpusError
from wordvec.kernels.cooccur import StripeSorter
from wordvec.options import CooccurOptions
from wordvec.paircounting import PairCounting
from wordvec.progress import Reporter, silent
from wordvec.records import RECORD, Records
from wordvec.threads import Stop, run_workers

__all__ = ["CooccurOptions", "Cooccurrences", "count_pairs"]

_MOST_STEPS = 1000
_SMALLEST_LOGARITHM = 0.1
_TURN_SECONDS = 0.1


class Cooccurrences:
    """The pairs of a corpus, kept as cells and events; made by `count_pairs`.

    `n_words` is the size of the vocabulary.  Records come in order of row and column, each pair
    once; `n_records` is None until all have been given out once.  It holds memory and maybe
    temporary files (nameless): `close` it, or use it as a context manager.
    """

    def __init__(self, counting: PairCounting) -> None:
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
    counting = PairCounting(
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
