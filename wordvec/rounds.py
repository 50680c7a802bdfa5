"""Training with the same result for any number of threads.

Free-running threads write to shared weights whenever they like (trainer.run), so that two runs
differ.  Here the shards of the corpus are trained in rounds: up to SIDE_BY_SIDE shards start from
the same weights, each keeps its changes apart, and when all are done the changes are added in the
order of the shards.  Every number is then the same whichever thread did what, and however many
there were; the price is the copying, and weights that are a round old.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any, Protocol

from wordvec.progress import Reporter
from wordvec.threads import Stop
from wordvec.trainer import Crew, Keeper, Ledger, Outcome, Schedule, Watcher, run_crew

SIDE_BY_SIDE = 8  # shards of a round: more threads than that find nothing to do
# A round is short against the whole training, since its shards do not learn from each other:
# on 1 M tokens the loss rises by less than what another seed changes.
ROUNDS_OF_TRAINING = 4000
SHORTEST_SHARD, LONGEST_SHARD = 64, 2048
# Weights that know nothing change so fast that shards must not be trained side by side: the first
# of all come alone, later ones in rounds of two, three ...
SHARDS_OF_ONE_SIZE = 32
_LOOK_SECONDS = 0.1


class RoundWorker(Protocol):
    """One thread's door to the kernels; see kernels.sgd.Worker."""

    def train_apart(
        self, place: int, first: int, end: int, epoch_key: int, shard_key: int, rate: float
    ) -> tuple[float, int]:
        """Train a shard on the weights as they are; its changes are number `place` of the round.

        Returns the shard's summed loss, and the number of its examples.
        """


class Merger(Protocol):
    """Who adds the changes of a round to the weights."""

    def prepare(self, rate: float, n_shards: int) -> None:
        """Before a round of `n_shards`; one thread calls it while the others wait."""

    def state(self) -> dict[str, Any]:
        """What JSON can hold of what is remembered from round to round."""

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`."""

    def add(self, n_places: int, part: int, n_parts: int) -> None:
        """Add the changes of the places 0 to n_places - 1, in order, to one part of the rows."""


def shard_tokens_of_rounds(n_tokens: int, epochs: int, rounds: int = ROUNDS_OF_TRAINING) -> int:
    """Tokens per shard, so that the training has at least so many rounds."""
    by_text = n_tokens * epochs // (rounds * SIDE_BY_SIDE)
    return max(SHORTEST_SHARD, min(LONGEST_SHARD, by_text))


def run_rounds(
    schedule: Schedule,
    make_worker: Callable[[], RoundWorker],
    merger: Merger,
    n_threads: int,
    reporter: Reporter,
    watcher: Watcher | None = None,
    keeper: Keeper | None = None,
) -> Outcome:
    """Train in rounds with `n_threads` threads; otherwise as trainer.run_crew.

    Ctrl-C ends the run with the last whole round.
    """

    def make_crew(ledger: Ledger) -> Crew:
        return _RoundCrew(ledger, [make_worker() for _ in range(n_threads)], merger)

    return run_crew(schedule, make_crew, n_threads, reporter, watcher, keeper)


class _RoundCrew:
    """The round at hand: its shards, who has taken them, and what they lost."""

    def __init__(self, ledger: Ledger, workers: list[RoundWorker], merger: Merger) -> None:
        self.ledger, self.workers, self.merger = ledger, workers, merger
        self.schedule = ledger.schedule
        self.shards: list[tuple[int, int]] = []  # (epoch, turn); none: no more for now
        self.losses: list[tuple[float, int]] = [(0.0, 0)] * SIDE_BY_SIDE
        self.meeting = _Meeting(len(workers))
        self._lock = threading.Lock()
        self._n_taken = 0
        self._merger_before = merger.state()  # before the round at hand

    def begin(self) -> None:
        self._open()

    def settle(self) -> None:
        self.ledger.give_back(len(self.shards))
        self.merger.restore(self._merger_before)
        self.shards = []

    def state(self) -> dict[str, Any]:
        return self.merger.state()

    def restore(self, state: dict[str, Any]) -> None:
        self.merger.restore(state)

    def work(self, number: int, stop: Stop) -> None:
        try:
            self._work(number, stop)
        except BaseException:
            self.meeting.call_off()
            raise

    def _work(self, number: int, stop: Stop) -> None:
        while self.shards:
            while (place := self._take()) is not None and not stop.requested:
                self._train(self.workers[number], place)
            # Nobody adds before all have trained; after Ctrl-C the unfinished round is dropped.
            if not self.meeting.wait(stop):
                return
            self.merger.add(len(self.shards), number, len(self.workers))
            if not self.meeting.wait(None, self._close):
                return

    def _open(self) -> None:
        """The next round: what follows in the epoch, and no further.  Only before a round there
        may be a pause, so that pauses change no round."""
        self.shards = []
        self._merger_before = self.merger.state()
        most, shard = 0, self.ledger.take()
        while shard is not None:
            self.shards.append(shard)
            most = most or self._most_shards(*shard)
            if len(self.shards) == most or shard[1] + 1 == self.schedule.n_shards:
                break
            shard = self.ledger.take(heeds_pause=False)
        self._n_taken = 0
        if self.shards:
            self.merger.prepare(self.schedule.rate_at(*self.shards[0]), len(self.shards))

    def _most_shards(self, epoch: int, turn: int) -> int:
        """Of the round that begins with a shard."""
        n_before = (self.schedule.first_epoch + epoch) * self.schedule.n_shards + turn
        return min(SIDE_BY_SIDE, 1 + n_before // SHARDS_OF_ONE_SIZE)

    def _take(self) -> int | None:
        with self._lock:
            place = self._n_taken
            self._n_taken += 1
        return place if place < len(self.shards) else None

    def _train(self, worker: RoundWorker, place: int) -> None:
        epoch, turn = self.shards[place]
        first, end = self.schedule.tokens_of(turn)
        keys = self.schedule.keys_of(epoch, turn)
        rate = self.schedule.rate_at(epoch, turn)
        self.losses[place] = worker.train_apart(place, first, end, *keys, rate)

    def _close(self) -> None:
        """The sums of a finished round, in the order of its shards, and the next one opened."""
        for place, (epoch, turn) in enumerate(self.shards):
            loss, n_examples = self.losses[place]
            rate = self.schedule.rate_at(epoch, turn)
            if math.isfinite(loss):
                first, end = self.schedule.tokens_of(turn)
                self.ledger.add(epoch, end - first, rate, loss, n_examples)
            self.ledger.check(epoch, rate, loss)
        self._open()


class _Meeting:
    """A barrier that can be left: when somebody fails, or on request while it is incomplete.

    (threading.Barrier cannot tell a request from a failure, and would wait for ever for threads
    that could not be started.)
    """

    def __init__(self, n_threads: int) -> None:
        self.n_threads = n_threads
        self._changed = threading.Condition()
        self._n_there = 0
        self._n_held = 0
        self._is_off = False

    def call_off(self) -> None:
        """Nobody shall wait any more."""
        with self._changed:
            self._is_off = True
            self._changed.notify_all()

    def wait(self, stop: Stop | None, then: Callable[[], None] | None = None) -> bool:
        """True when all threads have come, after the last has called `then`; False when called
        off.  With `stop`, a request for it calls the meeting off, for all or for nobody."""
        with self._changed:
            if stop is not None and stop.requested:
                self._is_off = True
                self._changed.notify_all()
            if self._is_off:
                return False
            self._n_there += 1
            if self._n_there == self.n_threads:
                if then is not None:
                    then()
                self._n_there = 0
                self._n_held += 1
                self._changed.notify_all()
                return True
            n_held = self._n_held
            while self._n_held == n_held and not self._is_off:
                self._changed.wait(_LOOK_SECONDS)
                if stop is not None and stop.requested and self._n_held == n_held:
                    self._is_off = True
                    self._changed.notify_all()
            return self._n_held != n_held
