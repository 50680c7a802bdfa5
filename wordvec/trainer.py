"""Shards of the corpus to threads: schedule of the rate, progress, loss, Ctrl-C, divergence.

Which tokens a shard holds, its learning rate and its random streams depend on the seed, the epoch
and the shard alone, never on the number of threads; more threads change only the order in which
shards meet the shared weights (Niu et al. 2011, "Hogwild").
"""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol

from wordvec.ledger import Clock, Ledger, Outcome, RunState, Schedule, shard_tokens_for
from wordvec.progress import Progress, Reporter
from wordvec.threads import POLL_SECONDS, Stop, run_workers

__all__ = [
    "Crew",
    "Keeper",
    "Ledger",
    "Outcome",
    "RunState",
    "Schedule",
    "ShardWorker",
    "Watcher",
    "run",
    "run_crew",
    "shard_tokens_for",
]


class ShardWorker(Protocol):
    """What a model's per-thread worker offers; see kernels.sgd.Worker."""

    @property
    def loss(self) -> float: ...
    @property
    def n_examples(self) -> int: ...
    def train_shard(
        self, first: int, end: int, epoch_key: int, shard_key: int, rate: float
    ) -> None: ...


class Watcher(Protocol):
    """Who wants to be called on the main thread between epochs, while no worker runs.

    `outcome` tells what has been done so far; an exception ends the run.
    """

    def epoch_begins(self, epoch: int, outcome: Outcome) -> None: ...
    def epoch_ended(self, epoch: int, outcome: Outcome) -> None: ...


class Keeper(Protocol):
    """Who keeps the state of a run, so that another run can go on from it.

    Called on the main thread; `save` while no worker runs.
    """

    @property
    def start(self) -> RunState | None:
        """What to go on from; None: from the beginning."""

    @property
    def every_tokens(self) -> int | None:
        """Tokens between two calls of `save`; None: whenever it is due."""

    def is_due(self) -> bool: ...
    def save(self, state: RunState) -> None: ...


class Crew(Protocol):
    """How the threads of a run share its shards, which a Ledger gives out."""

    def begin(self) -> None:
        """Called on the main thread whenever the threads are about to be started."""

    def work(self, number: int, stop: Stop) -> None:
        """What thread `number` does until the ledger gives out no more."""

    def settle(self) -> None:
        """Called on the main thread after Ctrl-C: what was begun is forgotten and given back."""

    def state(self) -> dict[str, Any]:
        """What JSON can hold of what is remembered from shard to shard."""

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`."""


def run(
    schedule: Schedule,
    make_worker: Callable[[], ShardWorker],
    n_threads: int,
    reporter: Reporter,
    n_alone: int = 0,
    watcher: Watcher | None = None,
    keeper: Keeper | None = None,
) -> Outcome:
    """Train `schedule.epochs` epochs with `n_threads` free-running threads; see run_crew.

    The first `n_alone` shards are trained by one thread while the others wait.  Losses over all
    labels need it: at the start every label is equally likely, so every line moves all of them the
    same way by much, and a dozen threads that do so at once, or one that was put to sleep over it
    and goes on later, overshoot so far that training diverges.  After one shard that is over.
    """

    def make_crew(ledger: Ledger) -> Crew:
        return _FreeCrew(ledger, [make_worker() for _ in range(n_threads)], n_alone)

    return run_crew(schedule, make_crew, n_threads, reporter, watcher, keeper)


def run_crew(
    schedule: Schedule,
    make_crew: Callable[[Ledger], Crew],
    n_threads: int,
    reporter: Reporter,
    watcher: Watcher | None = None,
    keeper: Keeper | None = None,
) -> Outcome:
    """Train `schedule.epochs` epochs with `n_threads` threads, who share the work as a Crew does.

    With a watcher all threads wait for each other at the end of each epoch; with a keeper, whenever
    it saves, and it saves once more at the end and after Ctrl-C.

    The first Ctrl-C ends the run after the shards in hand (`interrupted` in the result), the
    second raises KeyboardInterrupt.  DivergedError when the loss stops being a number
    or grows beyond all bounds.
    """
    ledger = Ledger(schedule)
    crew = make_crew(ledger)
    clock = Clock()
    if keeper is not None and keeper.start is not None:
        ledger.restore(keeper.start)
        crew.restore(keeper.start.crew)
        clock = Clock(keeper.start.wall_seconds, keeper.start.cpu_seconds)
    next_report = 0.0

    def report(always: bool = False) -> None:
        nonlocal next_report
        wall, cpu = clock.seconds()
        if always or wall >= next_report:
            next_report = wall + 0.2
            reporter(_progress(ledger, wall, cpu))
        if keeper is not None and keeper.is_due():
            ledger.pause_after(0)

    interrupted = False
    first = ledger.next_shard // max(schedule.n_shards, 1) if watcher is not None else 0
    for epoch in range(first, schedule.epochs if watcher is not None else 1):
        is_last = watcher is None or epoch + 1 == schedule.epochs
        ledger.end_epoch = sys.maxsize if is_last else epoch + 1
        if watcher is not None:
            watcher.epoch_begins(epoch, ledger.outcome(clock))
        interrupted = _run_and_save(ledger, crew, n_threads, report, clock, keeper)
        if interrupted:
            break
        if watcher is not None:
            watcher.epoch_ended(epoch, ledger.outcome(clock))
    report(always=True)
    if keeper is not None:
        interrupted = _save(ledger, crew, clock, keeper) or interrupted
    return ledger.outcome(clock, interrupted)


def _run_and_save(
    ledger: Ledger,
    crew: Crew,
    n_threads: int,
    report: Callable[[], None],
    clock: Clock,
    keeper: Keeper | None,
) -> bool:
    """Train what the ledger gives out, with pauses for the keeper; True after Ctrl-C."""
    while True:
        ledger.pause_after(None if keeper is None else keeper.every_tokens)
        crew.begin()
        if run_workers(crew.work, n_threads, report).interrupted:
            crew.settle()
            return True
        if keeper is None or not ledger.has_more:
            return False
        if _save(ledger, crew, clock, keeper):
            return True


def _save(ledger: Ledger, crew: Crew, clock: Clock, keeper: Keeper) -> bool:
    """True when Ctrl-C came meanwhile."""
    try:
        keeper.save(ledger.state(clock, crew.state()))
    except KeyboardInterrupt:
        return True
    return False


class _FreeCrew:
    """Each thread takes the next shard when it is done with one, whatever the others do."""

    def __init__(self, ledger: Ledger, workers: list[ShardWorker], n_alone: int) -> None:
        self._ledger, self._workers, self._n_alone = ledger, workers, n_alone
        self._has_begun = threading.Event()

    def begin(self) -> None:
        pass

    def settle(self) -> None:
        pass

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        self._has_begun.set()  # nothing has to be trained alone any more

    def work(self, number: int, stop: Stop) -> None:
        if number == 0 and not self._has_begun.is_set():
            self._train_alone(stop)
        while not self._has_begun.wait(POLL_SECONDS) and not stop.requested:
            pass
        while not stop.requested and (shard := self._ledger.take()) is not None:
            _train_one(self._workers[number], self._ledger, *shard)

    def _train_alone(self, stop: Stop) -> None:
        try:
            for _ in range(self._n_alone):
                if not stop.requested and (shard := self._ledger.take()) is not None:
                    _train_one(self._workers[0], self._ledger, *shard)
        finally:
            self._has_begun.set()


def _train_one(worker: ShardWorker, ledger: Ledger, epoch: int, turn: int) -> None:
    schedule = ledger.schedule
    first, end = schedule.tokens_of(turn)
    rate = schedule.rate_at(epoch, turn)
    loss_before, n_before = worker.loss, worker.n_examples
    worker.train_shard(first, end, *schedule.keys_of(epoch, turn), rate)
    loss = worker.loss - loss_before
    if math.isfinite(loss):
        ledger.add(epoch, end - first, rate, loss, worker.n_examples - n_before)
    ledger.check(epoch, rate, loss)


def _progress(ledger: Ledger, wall_seconds: float, cpu_seconds: float) -> Progress:
    schedule = ledger.schedule
    means = ledger.means()
    n_done = ledger.n_tokens_trained
    return Progress(
        stage="train",
        unit="tokens",
        n_done=n_done,
        n_total=schedule.n_tokens_to_train,
        wall_seconds=wall_seconds,
        cpu_seconds=cpu_seconds,
        n_tokens_read=n_done,
        epoch=len(means),
        n_epochs=schedule.epochs,
        loss=means[-1] if means and not math.isnan(means[-1]) else None,
        rate=ledger.rate,
    )
