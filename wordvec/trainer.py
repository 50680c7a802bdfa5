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

from wordvec.errors import TrainingError
from wordvec.kernels import sampling
from wordvec.progress import Progress, Reporter
from wordvec.threads import Stop, run_workers

LONGEST_SHARD = 8192
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
    """How often to pass over the tokens, in which pieces, at which rates (linear decay)."""

    n_tokens: int
    epochs: int
    alpha: float
    min_alpha: float
    seed: int
    shard_tokens: int

    @property
    def n_shards(self) -> int:
        """Shards of one epoch."""
        return -(-self.n_tokens // self.shard_tokens)

    def tokens_of(self, number: int) -> tuple[int, int]:
        """First token of a shard, and the one after its last."""
        first = number * self.shard_tokens
        return first, min(first + self.shard_tokens, self.n_tokens)

    def rate(self, epoch: int, first: int) -> float:
        """Learning rate of the shard that begins at token `first` of an epoch."""
        done = (epoch * self.n_tokens + first) / (self.epochs * self.n_tokens)
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
class Ledger:
    """The queue of shards and the sums over those that are done; all access under `lock`."""

    schedule: Schedule
    lock: threading.Lock = field(default_factory=threading.Lock)
    next_shard: int = 0
    n_tokens_trained: int = 0
    rate: float = 0.0
    losses: list[float] = field(default_factory=list)
    n_examples: list[int] = field(default_factory=list)

    def take(self) -> tuple[int, int] | None:
        """(epoch, number) of the next shard; None when all are given out."""
        with self.lock:
            epoch, number = divmod(self.next_shard, max(self.schedule.n_shards, 1))
            if epoch >= self.schedule.epochs or self.schedule.n_tokens == 0:
                return None
            self.next_shard += 1
            if epoch == len(self.losses):
                self.losses.append(0.0)
                self.n_examples.append(0)
            return epoch, number

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
) -> Outcome:
    """Train `schedule.epochs` epochs with `n_threads` threads, each on a worker of its own.

    The first Ctrl-C ends the run after the shards in hand (`interrupted` in the result), the
    second raises KeyboardInterrupt.  TrainingError when the loss stops being a number.
    """
    ledger = Ledger(schedule)
    workers = [make_worker() for _ in range(n_threads)]
    wall_start, cpu_start = time.perf_counter(), time.process_time()
    next_report = 0.0

    def work(number: int, stop: Stop) -> None:
        worker = workers[number]
        while not stop.requested and (shard := ledger.take()) is not None:
            _train_one(schedule, worker, ledger, *shard)

    def report(always: bool = False) -> None:
        nonlocal next_report
        wall = time.perf_counter() - wall_start
        if always or wall >= next_report:
            next_report = wall + 0.2
            reporter(progress_of(ledger, wall, time.process_time() - cpu_start))

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
    schedule: Schedule, worker: ShardWorker, ledger: Ledger, epoch: int, number: int
) -> None:
    first, end = schedule.tokens_of(number)
    rate = schedule.rate(epoch, first)
    loss_before, n_before = worker.loss, worker.n_examples
    worker.train_shard(first, end, *keys_of_shard(schedule, epoch, number), rate)
    loss = worker.loss - loss_before
    if not math.isfinite(loss):
        raise diverged(schedule, epoch, rate)
    ledger.add(epoch, end - first, rate, loss, worker.n_examples - n_before)


def keys_of_shard(schedule: Schedule, epoch: int, number: int) -> tuple[int, int]:
    """(epoch_key, shard_key): the random streams of a shard, whoever trains it."""
    return (
        sampling.key(schedule.seed, KEY_OF_EPOCH, epoch),
        sampling.key(schedule.seed, KEY_OF_SHARD, epoch * schedule.n_shards + number),
    )


def diverged(schedule: Schedule, epoch: int, rate: float) -> TrainingError:
    return TrainingError(
        f"training diverged in epoch {epoch + 1} at learning rate {rate:g}: the loss is no "
        f"longer a number; start lower than {schedule.alpha:g}"
    )


def progress_of(ledger: Ledger, wall_seconds: float, cpu_seconds: float) -> Progress:
    schedule = ledger.schedule
    means = ledger.means()
    n_done = ledger.n_tokens_trained
    return Progress(
        stage="train",
        unit="tokens",
        n_done=n_done,
        n_total=schedule.epochs * schedule.n_tokens,
        wall_seconds=wall_seconds,
        cpu_seconds=cpu_seconds,
        n_tokens_read=n_done,
        epoch=len(means),
        loss=means[-1] if means and not math.isnan(means[-1]) else None,
        rate=ledger.rate,
    )
