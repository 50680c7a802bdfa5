"""Shards of the corpus to threads: schedule of the rate, progress, loss, Ctrl-C, divergence.

Which tokens a shard holds, its learning rate and its random streams depend on the seed, the epoch
and the shard alone, never on the number of threads; more threads change only the order in which
shards meet the shared weights (Niu et al. 2011, "Hogwild").
"""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from wordvec.errors import DivergedError
from wordvec.kernels import sampling
from wordvec.progress import Progress, Reporter
from wordvec.threads import POLL_SECONDS, Stop, run_workers

LONGEST_SHARD = 8192
GOLDEN_RATIO = (math.sqrt(5) - 1) / 2  # steps of it fill a circle evenly at every moment
# Multiply-adds of a shard of that length at window 5, 5 negatives, 100 dimensions: a few
# milliseconds, so that Ctrl-C, progress and the rate never wait long.
MULTIPLY_ADDS_OF_SHARD = LONGEST_SHARD * 5 * 6 * 100

KEY_OF_EPOCH, KEY_OF_SHARD = 1, 2  # purposes of the random keys

# A loss of so many times that of weights that know nothing is no learning any more.  In the first
# epoch, and when it is still growing in a later one.  (Good weights on text of another kind may
# begin with twice.)
HOPELESS_LOSS, HOPELESS_LOSS_STILL_GROWING, GROWTH = 8.0, 2.0, 1.25
LEAST_SHARE_FOR_VERDICT = 1 / 16  # of an epoch


class ShardWorker(Protocol):
    """What a model's per-thread worker offers; see kernels.sgd.Worker."""

    @property
    def loss(self) -> float: ...
    @property
    def n_examples(self) -> int: ...
    def train_shard(
        self, first: int, end: int, epoch_key: int, shard_key: int, rate: float
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often to pass over the tokens, in which pieces, at which rates (linear decay).

    `n_extra_tokens` more are trained after the last epoch, rounded up to a shard: the beginning of
    another epoch (or several).  With `is_spread` the shards of an epoch come from all over the text
    in turn, not in its order: neighbours are about the same things, and what many of them agree on
    is soon forgotten.
    """

    n_tokens: int
    epochs: int
    alpha: float
    min_alpha: float
    seed: int
    shard_tokens: int
    first_epoch: int = 0  # epochs trained before, so that their random choices are not made again
    untrained_loss: float = math.inf  # mean per example of weights that know nothing
    n_extra_tokens: int = 0
    is_spread: bool = False

    @property
    def n_tokens_to_train(self) -> int:
        """Over all epochs."""
        return self.epochs * self.n_tokens + self.n_extra_tokens

    @property
    def n_shards(self) -> int:
        """Shards of one epoch."""
        return -(-self.n_tokens // self.shard_tokens)

    @property
    def stride(self) -> int:
        """Shards between one and the next in time, counted round the text."""
        if not self.is_spread:
            return 1
        stride = max(1, int(self.n_shards * GOLDEN_RATIO))
        while math.gcd(stride, self.n_shards) > 1:  # else some would come twice, others never
            stride -= 1
        return stride

    def tokens_of(self, turn: int) -> tuple[int, int]:
        """First token, and the one after the last, of the shard that comes as number `turn`."""
        first = turn * self.stride % self.n_shards * self.shard_tokens
        return first, min(first + self.shard_tokens, self.n_tokens)

    def rate_at(self, epoch: int, turn: int) -> float:
        """Learning rate of a shard."""
        return self.rate(epoch, turn * self.shard_tokens)

    def keys_of(self, epoch: int, turn: int) -> tuple[int, int]:
        """(epoch_key, shard_key): the random streams of a shard, whoever trains it."""
        epoch += self.first_epoch
        number = epoch * self.n_shards + turn * self.stride % self.n_shards
        return (
            sampling.key(self.seed, KEY_OF_EPOCH, epoch),
            sampling.key(self.seed, KEY_OF_SHARD, number),
        )

    def rate(self, epoch: int, n_done: int) -> float:
        """Learning rate of the shard that begins after `n_done` tokens of an epoch."""
        done = (epoch * self.n_tokens + n_done) / self.n_tokens_to_train
        return self.alpha - (self.alpha - self.min_alpha) * done


def shard_tokens_for(n_tokens: int, multiply_adds_per_token: float) -> int:
    """Tokens per shard: at least 64 shards an epoch where the text allows, quick enough each."""
    by_text = min(LONGEST_SHARD, max(512, n_tokens // 64))
    by_cost = int(MULTIPLY_ADDS_OF_SHARD / multiply_adds_per_token)
    return max(16, min(by_text, by_cost))


@dataclass(slots=True)
class Outcome:
    """What a training run did."""

    interrupted: bool
    n_tokens_trained: int
    wall_seconds: float
    cpu_seconds: float
    epoch_losses: list[float]  # float64 mean per example of each epoch begun
    epoch_examples: list[int] = field(default_factory=list)  # that each of these is the mean of
    n_tokens_kept: int = 0  # of those trained, what subsampling left; 0 where nobody counts it

    @property
    def loss(self) -> float:
        """Mean loss per example of the last epoch that was begun; NaN when nothing was."""
        return self.epoch_losses[-1] if self.epoch_losses else math.nan

    @property
    def loss_sum(self) -> float:
        """Loss of all examples of all epochs."""
        pairs = zip(self.epoch_losses, self.epoch_examples, strict=False)
        return math.fsum(mean * n for mean, n in pairs if n)


class Watcher(Protocol):
    """Who wants to be called on the main thread between epochs, while no worker runs.

    `outcome` tells what has been done so far; an exception ends the run.
    """

    def epoch_begins(self, epoch: int, outcome: Outcome) -> None: ...
    def epoch_ended(self, epoch: int, outcome: Outcome) -> None: ...


@dataclass(slots=True)
class Ledger:
    """The queue of shards and the sums over those that are done; all access under `lock`."""

    schedule: Schedule
    lock: threading.Lock = field(default_factory=threading.Lock)
    next_shard: int = 0
    end_epoch: int = sys.maxsize  # shards of this and later epochs are not given out yet
    n_tokens_trained: int = 0
    rate: float = 0.0
    losses: list[float] = field(default_factory=list)
    n_examples: list[int] = field(default_factory=list)

    def take(self) -> tuple[int, int] | None:
        """(epoch, turn in it) of the next shard; None when all are given out."""
        with self.lock:
            schedule = self.schedule
            epoch, turn = divmod(self.next_shard, max(schedule.n_shards, 1))
            n_given = epoch * schedule.n_tokens + turn * schedule.shard_tokens
            is_over = n_given >= schedule.n_tokens_to_train or schedule.n_tokens == 0
            if is_over or epoch >= self.end_epoch:
                return None
            self.next_shard += 1
            if epoch == len(self.losses):
                self.losses.append(0.0)
                self.n_examples.append(0)
            return epoch, turn

    def add(self, epoch: int, n_tokens: int, rate: float, loss: float, n_examples: int) -> None:
        with self.lock:
            self.n_tokens_trained += n_tokens
            self.rate = rate
            self.losses[epoch] += loss
            self.n_examples[epoch] += n_examples

    def check(self, epoch: int, rate: float, loss: float) -> None:
        """DivergedError when `loss`, of a shard of this epoch, or the mean of it is beyond hope."""
        if not math.isfinite(loss):
            what = "is no longer a number"
        elif self.is_hopeless(epoch):
            what = f"grows far beyond that of no training, {self.schedule.untrained_loss:.3g}"
        else:
            return
        raise DivergedError(
            f"training diverged in epoch {epoch + 1} at learning rate {rate:g}: the loss {what}; "
            f"start lower than {self.schedule.alpha:g}"
        )

    def is_hopeless(self, epoch: int) -> bool:
        """Has the mean loss of an epoch grown beyond what learning can come back from?"""
        untrained = self.schedule.untrained_loss
        with self.lock:
            if self.n_examples[epoch] < LEAST_SHARE_FOR_VERDICT * max(self.n_examples):
                return False
            if epoch == 0 and self.n_tokens_trained < LEAST_SHARE_FOR_VERDICT * max(
                self.schedule.n_tokens, self.schedule.shard_tokens
            ):
                return False
            mean = self.losses[epoch] / max(self.n_examples[epoch], 1)
            if epoch == 0:
                return mean > HOPELESS_LOSS * untrained
            before = self.losses[epoch - 1] / max(self.n_examples[epoch - 1], 1)
            return mean > max(HOPELESS_LOSS_STILL_GROWING * untrained, GROWTH * before)

    def means(self) -> list[float]:
        with self.lock:
            pairs = zip(self.losses, self.n_examples, strict=True)
            return [loss / n if n else math.nan for loss, n in pairs]


class Crew(Protocol):
    """How the threads of a run share its shards, which a Ledger gives out."""

    def begin(self) -> None:
        """Called on the main thread whenever the threads are about to be started."""

    def work(self, number: int, stop: Stop) -> None:
        """What thread `number` does until the ledger gives out no more."""


def run(
    schedule: Schedule,
    make_worker: Callable[[], ShardWorker],
    n_threads: int,
    reporter: Reporter,
    n_alone: int = 0,
    watcher: Watcher | None = None,
) -> Outcome:
    """Train `schedule.epochs` epochs with `n_threads` free-running threads; see run_crew.

    The first `n_alone` shards are trained by one thread while the others wait.  Losses over all
    labels need it: at the start every label is equally likely, so every line moves all of them the
    same way by much, and a dozen threads that do so at once, or one that was put to sleep over it
    and goes on later, overshoot so far that training diverges.  After one shard that is over.
    """

    def make_crew(ledger: Ledger) -> Crew:
        return _FreeCrew(ledger, [make_worker() for _ in range(n_threads)], n_alone)

    return run_crew(schedule, make_crew, n_threads, reporter, watcher)


def run_crew(
    schedule: Schedule,
    make_crew: Callable[[Ledger], Crew],
    n_threads: int,
    reporter: Reporter,
    watcher: Watcher | None = None,
) -> Outcome:
    """Train `schedule.epochs` epochs with `n_threads` threads, who share the work as a Crew does.

    With a watcher all threads wait for each other at the end of each epoch.

    The first Ctrl-C ends the run after the shards in hand (`interrupted` in the result), the
    second raises KeyboardInterrupt.  DivergedError when the loss stops being a number
    or grows beyond all bounds.
    """
    ledger = Ledger(schedule)
    crew = make_crew(ledger)
    wall_start, cpu_start = time.perf_counter(), time.process_time()
    next_report = 0.0

    def report(always: bool = False) -> None:
        nonlocal next_report
        wall = time.perf_counter() - wall_start
        if always or wall >= next_report:
            next_report = wall + 0.2
            reporter(_progress(ledger, wall, time.process_time() - cpu_start))

    def outcome(interrupted: bool = False) -> Outcome:
        return Outcome(
            interrupted=interrupted,
            n_tokens_trained=ledger.n_tokens_trained,
            wall_seconds=time.perf_counter() - wall_start,
            cpu_seconds=time.process_time() - cpu_start,
            epoch_losses=ledger.means(),
            epoch_examples=list(ledger.n_examples),
        )

    interrupted = False
    for epoch in range(schedule.epochs if watcher is not None else 1):
        is_last = watcher is None or epoch + 1 == schedule.epochs
        ledger.end_epoch = sys.maxsize if is_last else epoch + 1
        if watcher is not None:
            watcher.epoch_begins(epoch, outcome())
        crew.begin()
        interrupted = run_workers(crew.work, n_threads, report).interrupted
        if interrupted:
            break
        if watcher is not None:
            watcher.epoch_ended(epoch, outcome())
    report(always=True)
    return outcome(interrupted)


class _FreeCrew:
    """Each thread takes the next shard when it is done with one, whatever the others do."""

    def __init__(self, ledger: Ledger, workers: list[ShardWorker], n_alone: int) -> None:
        self._ledger, self._workers, self._n_alone = ledger, workers, n_alone
        self._has_begun = threading.Event()

    def begin(self) -> None:
        pass

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
