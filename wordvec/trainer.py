"""Shards of the corpus to threads: schedule of the rate, progress, loss, Ctrl-C, divergence.

Which tokens a shard holds, its learning rate and its random streams depend on the seed, the epoch
and the shard alone, never on the number of threads; more threads change only the order in which
shards meet the shared weights (Niu et al. 2011, "Hogwild").
"""

from __future__ import annotations

import math
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

    @property
    def loss(self) -> float:
        """Mean loss per example of the last epoch that was begun; NaN when nothing was."""
        return self.epoch_losses[-1] if self.epoch_losses else math.nan


@dataclass(slots=True)
class _Ledger:
    """The queue of shards and the sums over those that are done; all access under `lock`."""

    schedule: Schedule
    lock: threading.Lock = field(default_factory=threading.Lock)
    next_shard: int = 0
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
            if n_given >= schedule.n_tokens_to_train or schedule.n_tokens == 0:
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

    def means(self) -> list[float]:
        with self.lock:
            pairs = zip(self.losses, self.n_examples, strict=True)
            return [loss / n if n else math.nan for loss, n in pairs]


def run(
    schedule: Schedule,
    make_worker: Callable[[], ShardWorker],
    n_threads: int,
    reporter: Reporter,
    n_alone: int = 0,
) -> Outcome:
    """Train `schedule.epochs` epochs with `n_threads` threads, each on a worker of its own.

    The first `n_alone` shards are trained by one thread while the others wait.  Losses over all
    labels need it: at the start every label is equally likely, so every line moves all of them the
    same way by much, and a dozen threads that do so at once, or one that was put to sleep over it
    and goes on later, overshoot so far that training diverges.  After one shard that is over.

    The first Ctrl-C ends the run after the shards in hand (`interrupted` in the result), the
    second raises KeyboardInterrupt.  DivergedError when the loss stops being a number.
    """
    ledger = _Ledger(schedule)
    workers = [make_worker() for _ in range(n_threads)]
    wall_start, cpu_start = time.perf_counter(), time.process_time()
    next_report = 0.0

    has_begun = threading.Event()

    def begin(stop: Stop) -> None:
        try:
            for _ in range(n_alone):
                if not stop.requested and (shard := ledger.take()) is not None:
                    _train_one(schedule, workers[0], ledger, *shard)
        finally:
            has_begun.set()

    def work(number: int, stop: Stop) -> None:
        worker = workers[number]
        if number == 0:
            begin(stop)
        while not has_begun.wait(POLL_SECONDS) and not stop.requested:
            pass
        while not stop.requested and (shard := ledger.take()) is not None:
            _train_one(schedule, worker, ledger, *shard)

    def report(always: bool = False) -> None:
        nonlocal next_report
        wall = time.perf_counter() - wall_start
        if always or wall >= next_report:
            next_report = wall + 0.2
            reporter(_progress(ledger, wall, time.process_time() - cpu_start))

    stop = run_workers(work, n_threads, report)
    report(always=True)
    return Outcome(
        interrupted=stop.interrupted,
        n_tokens_trained=ledger.n_tokens_trained,
        wall_seconds=time.perf_counter() - wall_start,
        cpu_seconds=time.process_time() - cpu_start,
        epoch_losses=ledger.means(),
    )


def _train_one(
    schedule: Schedule, worker: ShardWorker, ledger: _Ledger, epoch: int, turn: int
) -> None:
    number = turn * schedule.stride % schedule.n_shards
    first = number * schedule.shard_tokens
    end = min(first + schedule.shard_tokens, schedule.n_tokens)
    rate = schedule.rate(epoch, turn * schedule.shard_tokens)
    loss_before, n_before = worker.loss, worker.n_examples
    worker.train_shard(
        first,
        end,
        sampling.key(schedule.seed, KEY_OF_EPOCH, epoch),
        sampling.key(schedule.seed, KEY_OF_SHARD, epoch * schedule.n_shards + number),
        rate,
    )
    loss = worker.loss - loss_before
    if not math.isfinite(loss):
        raise DivergedError(
            f"training diverged in epoch {epoch + 1} at learning rate {rate:g}: the loss is no "
            f"longer a number; start lower than {schedule.alpha:g}"
        )
    ledger.add(epoch, end - first, rate, loss, worker.n_examples - n_before)


def _progress(ledger: _Ledger, wall_seconds: float, cpu_seconds: float) -> Progress:
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
