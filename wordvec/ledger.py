"""The plan of a training run and the book that is kept of it: which shard comes when, at which
rate, with which random streams; what is done, and what it lost."""

from __future__ import annotations

import math
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from wordvec.errors import DivergedError
from wordvec.kernels import sampling

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


class Clock:
    """Seconds since a run began, those of the runs before it included."""

    def __init__(self, wall_before: float = 0.0, cpu_before: float = 0.0) -> None:
        self._wall = time.perf_counter() - wall_before
        self._cpu = time.process_time() - cpu_before

    def seconds(self) -> tuple[float, float]:
        """(wall, cpu)"""
        return time.perf_counter() - self._wall, time.process_time() - self._cpu


@dataclass(slots=True)
class RunState:
    """Where a run stands between two shards: with the weights, all that it takes to go on.

    (Random choices need no generator's state: they follow from seed, epoch and shard.)  JSON can
    hold the fields.  `crew` is what a Crew remembers from shard to shard.
    """

    next_shard: int
    n_tokens_trained: int
    rate: float
    losses: list[float]
    n_examples: list[int]
    wall_seconds: float
    cpu_seconds: float
    crew: dict[str, Any] = field(default_factory=dict)


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
    pause_at: float = math.inf  # tokens given out, from which on there is a pause

    def take(self, heeds_pause: bool = True) -> tuple[int, int] | None:
        """(epoch, turn in it) of the next shard; None when all are given out, or in a pause."""
        with self.lock:
            shard = self._next()
            if shard is None or (heeds_pause and self._n_given(*shard) >= self.pause_at):
                return None
            epoch, turn = shard
            self.next_shard += 1
            if epoch == len(self.losses):
                self.losses.append(0.0)
                self.n_examples.append(0)
            return epoch, turn

    def _next(self) -> tuple[int, int] | None:
        schedule = self.schedule
        epoch, turn = divmod(self.next_shard, max(schedule.n_shards, 1))
        is_over = self._n_given(epoch, turn) >= schedule.n_tokens_to_train
        return (
            None if is_over or schedule.n_tokens == 0 or epoch >= self.end_epoch else (epoch, turn)
        )

    def _n_given(self, epoch: int, turn: int) -> int:
        return epoch * self.schedule.n_tokens + turn * self.schedule.shard_tokens

    @property
    def has_more(self) -> bool:
        """Are there shards that will be given out after a pause?"""
        with self.lock:
            return self._next() is not None

    def pause_after(self, n_tokens: int | None) -> None:
        """Give out no more shards after `n_tokens` more tokens; None: no end."""
        with self.lock:
            given = self._n_given(*divmod(self.next_shard, max(self.schedule.n_shards, 1)))
            self.pause_at = math.inf if n_tokens is None else given + n_tokens

    def give_back(self, n_shards: int) -> None:
        """The last `n_shards` that were given out were not trained."""
        with self.lock:
            self.next_shard -= n_shards

    def add(self, epoch: int, n_tokens: int, rate: float, loss: float, n_examples: int) -> None:
        with self.lock:
            self.n_tokens_trained += n_tokens
            self.rate = rate
            self.losses[epoch] += loss
            self.n_examples[epoch] += n_examples

    def outcome(self, clock: Clock, interrupted: bool = False) -> Outcome:
        wall, cpu = clock.seconds()
        return Outcome(
            interrupted=interrupted,
            n_tokens_trained=self.n_tokens_trained,
            wall_seconds=wall,
            cpu_seconds=cpu,
            epoch_losses=self.means(),
            epoch_examples=list(self.n_examples),
        )

    def state(self, clock: Clock, crew: dict[str, Any]) -> RunState:
        with self.lock:
            return RunState(
                self.next_shard, self.n_tokens_trained, self.rate, list(self.losses),
                list(self.n_examples), *clock.seconds(), crew,
            )  # fmt: skip

    def restore(self, state: RunState) -> None:
        with self.lock:
            self.next_shard, self.n_tokens_trained = state.next_shard, state.n_tokens_trained
            self.rate, self.losses = state.rate, list(state.losses)
            self.n_examples = list(state.n_examples)

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
