"""Schedule, queue, loss, divergence and Ctrl-C of the trainer, with and without real kernels."""

import itertools
import math
import os
import signal
import threading
import time

import pytest

from wordvec import threads, trainer
from wordvec.errors import TrainingError
from wordvec.progress import silent


def schedule(**changes):
    settings = {
        "n_tokens": 1000, "epochs": 3, "alpha": 0.05, "min_alpha": 0.01, "seed": 1,
        "shard_tokens": 90,
    }  # fmt: skip
    return trainer.Schedule(**(settings | changes))


class Recorder:
    """A worker that notes what it was given."""

    def __init__(self, calls, pause=0.0, loss_per_token=2.0, fail_at=None):
        self.calls, self.pause, self.loss_per_token = calls, pause, loss_per_token
        self.loss, self.n_examples, self.fail_at = 0.0, 0, fail_at

    def train_shard(self, first, end, epoch_key, shard_key, rate):
        self.calls.append((first, end, epoch_key, shard_key, rate))
        time.sleep(self.pause)
        if self.fail_at == len(self.calls):
            raise OSError("the disk is gone")
        self.loss += self.loss_per_token * (end - first)
        self.n_examples += end - first


@pytest.mark.parametrize("n_threads", [1, 3])
def test_every_token_once_per_epoch(n_threads):
    calls = []
    outcome = trainer.run(schedule(), lambda: Recorder(calls), n_threads, silent)
    covered = sorted(token for first, end, *_ in calls for token in range(first, end))
    assert covered == sorted(list(range(1000)) * 3)
    assert outcome.n_tokens_trained == 3000 and not outcome.interrupted
    assert outcome.epoch_losses == [2.0, 2.0, 2.0] and outcome.loss == 2.0


def test_threads_change_nothing_but_the_order():
    one, four = [], []
    trainer.run(schedule(), lambda: Recorder(one), 1, silent)
    trainer.run(schedule(), lambda: Recorder(four), 4, silent)
    assert sorted(one) == sorted(four)
    assert len({call[2] for call in one}) == 3  # one key an epoch
    assert len({call[3] for call in one}) == len(one)  # one key a shard
    other_seed = []
    trainer.run(schedule(seed=2), lambda: Recorder(other_seed), 1, silent)
    assert not {call[3] for call in one} & {call[3] for call in other_seed}


def test_rate_falls_linearly():
    calls = []
    trainer.run(schedule(), lambda: Recorder(calls), 1, silent)
    for number, (first, *_, rate) in enumerate(calls):
        done = (number // 12 * 1000 + first) / 3000
        assert rate == pytest.approx(0.05 - 0.04 * done)
    assert calls[0][-1] == 0.05 and calls[-1][-1] < 0.012


@pytest.mark.parametrize("n_extra", [1, 90, 91, 1000, 2500])
def test_extra_tokens_begin_another_epoch(n_extra):
    calls = []
    plan = schedule(n_extra_tokens=n_extra)
    outcome = trainer.run(plan, lambda: Recorder(calls), 2, silent)
    assert 3000 + n_extra <= outcome.n_tokens_trained < 3000 + n_extra + 90
    assert len(outcome.epoch_losses) == 3 + -(-n_extra // 1000)
    calls.sort(key=lambda call: -call[-1])
    for number, (first, *_, rate) in enumerate(calls):
        done = (number // 12 * 1000 + first) / (3000 + n_extra)
        assert rate == pytest.approx(0.05 - 0.04 * done)


@pytest.mark.parametrize("n_tokens", [1, 90, 91, 1000, 9000, 12345])
def test_spread_shards_come_once_an_epoch_from_far_apart(n_tokens):
    calls, plain = [], []
    trainer.run(schedule(n_tokens=n_tokens, is_spread=True), lambda: Recorder(calls), 1, silent)
    trainer.run(schedule(n_tokens=n_tokens), lambda: Recorder(plain), 1, silent)
    assert sorted(call[:4] for call in calls) == sorted(call[:4] for call in plain)
    assert [call[4] for call in calls] == [call[4] for call in plain]  # the rate falls all the same
    firsts = [call[0] for call in calls[: -(-n_tokens // 90)]]
    if len(firsts) > 10:
        steps = [abs(b - a) for a, b in itertools.pairwise(firsts)]
        assert min(steps) > n_tokens / 5
        assert max(firsts[:5]) - min(firsts[:5]) > n_tokens / 2


def test_nothing_to_train():
    outcome = trainer.run(schedule(n_tokens=0), lambda: Recorder([]), 2, silent)
    assert outcome.n_tokens_trained == 0 and math.isnan(outcome.loss)


def test_divergence_is_an_error():
    with pytest.raises(TrainingError, match=r"diverged in epoch 1 at learning rate 0.0.*start"):
        trainer.run(schedule(), lambda: Recorder([], loss_per_token=math.nan), 2, silent)


def test_first_error_wins_and_stops_the_others():
    calls = []
    with pytest.raises(OSError, match="the disk is gone"):
        trainer.run(schedule(), lambda: Recorder(calls, 0.002, fail_at=5), 3, silent)
    assert len(calls) < 20


def test_progress_reaches_the_total():
    seen = []
    trainer.run(schedule(epochs=40), lambda: Recorder([], 0.002), 2, seen.append)
    assert len(seen) >= 2
    assert [p.n_done for p in seen] == sorted(p.n_done for p in seen)
    last = seen[-1]
    assert last.n_done == last.n_total == 40_000 and last.loss == 2.0 and last.epoch == 40
    assert 0 < last.rate < 0.02


def test_an_error_in_the_reporter_stops_training():
    def broken(_progress):
        raise ZeroDivisionError("in the reporter")

    with pytest.raises(ZeroDivisionError):
        trainer.run(schedule(epochs=1000), lambda: Recorder([], 0.01), 2, broken)


def press_ctrl_c(after):
    timer = threading.Timer(after, os.kill, [os.getpid(), signal.SIGINT])
    timer.daemon = True
    timer.start()


def test_first_ctrl_c_keeps_the_model():
    calls = []
    press_ctrl_c(0.3)
    start = time.perf_counter()
    outcome = trainer.run(schedule(epochs=10_000), lambda: Recorder(calls, 0.01), 2, silent)
    assert outcome.interrupted and time.perf_counter() - start < 2
    assert 0 < outcome.n_tokens_trained == sum(end - first for first, end, *_ in calls)


def test_second_ctrl_c_leaves_at_once():
    def work(_number, _stop):
        time.sleep(3)  # does not look at stop, like a long kernel call

    press_ctrl_c(0.2)
    press_ctrl_c(0.6)
    start = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        threads.run_workers(work, 1)
    assert time.perf_counter() - start < 2


def test_shards_are_short_enough():
    assert trainer.shard_tokens_for(10**9, 5 * 6 * 100) == 8192
    assert trainer.shard_tokens_for(10**9, 5 * 6 * 1000) == 819
    assert trainer.shard_tokens_for(100_000, 3000) == 1562
    assert trainer.shard_tokens_for(10, 3000) == 512
    assert trainer.shard_tokens_for(10**9, 1e12) == 16
