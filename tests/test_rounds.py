"""Training in rounds: the same numbers for any number of threads."""

import math
import os
import signal
import threading
import time

import numpy as np
import pytest

from wordvec import Word2Vec, rounds
from wordvec.corpus import read_corpus
from wordvec.errors import TrainingError
from wordvec.kernels import sampling, sgd
from wordvec.memory import zero_rows
from wordvec.models.sidebyside import NodeDamping
from wordvec.options import Word2VecOptions
from wordvec.progress import silent
from wordvec.trainer import Schedule

MODELS = {
    "sg-ns": {"sg": 1},
    "sg-pairs": {"sg": 1, "negatives": "pair", "negative": 3},
    "sg-hs": {"sg": 1, "hs": 1, "negative": 0},
    "cbow-ns": {"sg": 0},
    "cbow-hs": {"sg": 0, "hs": 1, "negative": 0},
    "both": {"sg": 1, "hs": 1, "negative": 2},
}


def schedule(**changes):
    settings = {
        "n_tokens": 1000, "epochs": 3, "alpha": 0.05, "min_alpha": 0.01, "seed": 1,
        "shard_tokens": 30,
    }  # fmt: skip
    return Schedule(**(settings | changes))


class Paper:
    """Weights, changes and their merging as lists of what happened."""

    def __init__(self, pause=0.0, fail_at=None, loss_per_token=2.0):
        self.pause, self.fail_at, self.loss_per_token = pause, fail_at, loss_per_token
        self.places = [None] * rounds.SIDE_BY_SIDE
        self.added = {}  # part -> shards in the order of their addition
        self.n_training = 0
        self.rates, self.sizes = [], []
        self.lock = threading.Lock()

    def worker(self):
        return Apart(self)

    def prepare(self, rate, n_shards):
        self.rates.append(rate)
        self.sizes.append(n_shards)

    def state(self):
        return {"n_rounds": len(self.rates)}

    def restore(self, state):
        del self.rates[state["n_rounds"] :]

    def add(self, n_places, part, n_parts):
        assert self.n_training == 0
        self.added.setdefault(part, []).extend(self.places[:n_places])


class Apart:
    def __init__(self, paper):
        self.paper = paper

    def train_apart(self, place, first, end, epoch_key, shard_key, rate):
        with self.paper.lock:
            self.paper.n_training += 1
        time.sleep(self.paper.pause)
        if self.paper.fail_at == first:
            raise OSError("the disk is gone")
        self.paper.places[place] = (first, end, epoch_key, shard_key, rate)
        with self.paper.lock:
            self.paper.n_training -= 1
        return self.paper.loss_per_token * (end - first), end - first


def run(paper, n_threads, **changes):
    return rounds.run_rounds(schedule(**changes), paper.worker, paper, n_threads, silent)


@pytest.mark.parametrize("n_threads", [1, 2, 3, 11])
def test_every_part_adds_every_shard_in_order(n_threads):
    paper = Paper()
    outcome = run(paper, n_threads)
    assert set(paper.added) == set(range(n_threads))
    for shards in paper.added.values():
        assert shards == paper.added[0]
    covered = [(first, end) for first, end, *_ in paper.added[0]]
    assert covered == [(i, min(i + 30, 1000)) for _ in range(3) for i in range(0, 1000, 30)]
    assert len({keys[3] for keys in paper.added[0]}) == len(covered)
    assert outcome.n_tokens_trained == 3000 and outcome.epoch_losses == [2.0, 2.0, 2.0]
    # 34 shards an epoch: rounds end with it
    assert paper.sizes == [1] * 32 + [2] + [2] * 15 + [3, 1] + [3] * 10 + [4]
    assert len(paper.rates) == len(paper.sizes) and paper.rates[0] == 0.05


def test_rounds_grow_to_their_full_size():
    paper = Paper()
    run(paper, 2, n_tokens=10_000)
    assert paper.sizes[:90] == sorted(paper.sizes[:90]) and max(paper.sizes) == 8
    later = Paper()
    run(later, 2, n_tokens=10_000, first_epoch=1)
    assert later.sizes[:10] == [8] * 10


def test_nothing_to_train():
    outcome = run(Paper(), 2, n_tokens=0)
    assert outcome.n_tokens_trained == 0 and math.isnan(outcome.loss)


def test_the_first_error_ends_all():
    with pytest.raises(OSError, match="the disk is gone"):
        run(Paper(fail_at=90, pause=0.001), 3)


def test_divergence_is_an_error():
    with pytest.raises(TrainingError, match=r"diverged in epoch 1 at learning rate 0.05.*lower"):
        run(Paper(loss_per_token=math.nan), 2)


def test_ctrl_c_drops_the_unfinished_round():
    paper = Paper(pause=0.01)
    timer = threading.Timer(0.25, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    outcome = run(paper, 3, epochs=100)
    timer.join()
    assert outcome.interrupted
    assert len({len(shards) for shards in paper.added.values()}) <= 1
    n_added = sum(end - first for first, end, *_ in paper.added.get(0, []))
    assert outcome.n_tokens_trained == n_added < 100_000


def test_shards_are_short_against_the_training():
    assert rounds.shard_tokens_of_rounds(1000, 5) == rounds.SHORTEST_SHARD
    assert rounds.shard_tokens_of_rounds(10**9, 5) == rounds.LONGEST_SHARD
    n = rounds.shard_tokens_of_rounds(10**6, 5)
    assert n * rounds.SIDE_BY_SIDE * rounds.ROUNDS_OF_TRAINING <= 5 * 10**6


class Corpus:
    """Ids without a text."""

    def __init__(self, n_words=50, n_tokens=400, dim=20, **settings):
        rng = np.random.default_rng(5)
        shares = 1 / np.arange(1, n_words + 1)
        ids = rng.choice(n_words, n_tokens, p=shares / shares.sum()).astype(np.int32)
        self.tokens = sgd.Tokens(ids, np.array([0, 150, n_tokens], np.int64), n_words)
        counts = np.sort(np.bincount(ids, minlength=n_words))[::-1].astype(np.int64)
        self.rows = [zero_rows(n_words, sgd.padded(dim)) for _ in range(3)]
        for rows in self.rows:
            rows[:, :dim] = rng.normal(size=(n_words, dim), scale=0.2)
        hs = settings.pop("hs", 0)
        settings["use_cbow"] = not settings.pop("sg")
        self.model = sgd.Model(
            self.rows[0],
            self.rows[1] if settings.get("negative", 5) else None,
            self.rows[2] if hs else None,
            aliases=sampling.alias_table(sampling.noise_weights(counts + 1, 0.75)),
            paths=sampling.huffman_paths(counts) if hs else None,
            **settings,
        )

    def copies(self):
        return [rows.copy() for rows in self.rows]


@pytest.mark.parametrize("name", MODELS)
def test_changes_of_one_shard_are_its_training(level, name):
    plain, apart = Corpus(**MODELS[name]), Corpus(**MODELS[name])
    before = apart.copies()
    sgd.Worker(plain.model, 400).train(plain.tokens, 0, 300, 1, 2, 0.1)
    worker, changes = sgd.Worker(apart.model, 400), sgd.Changes(apart.model, 300)
    worker.train(apart.tokens, 0, 300, 1, 2, 0.1, changes)
    for rows, old in zip(apart.rows, before, strict=True):
        np.testing.assert_array_equal(rows, old)
    changes.add()
    for rows, new in zip(apart.rows, plain.rows, strict=True):
        np.testing.assert_allclose(rows, new, atol=1e-6)
    assert np.abs(apart.rows[0] - before[0]).max() > 1e-3
    # a worker forgets what it touched
    worker.train(apart.tokens, 300, 400, 1, 3, 0.1, changes)
    changes.add()
    sgd.Worker(plain.model, 400).train(plain.tokens, 300, 400, 1, 3, 0.1)
    for rows, new in zip(apart.rows, plain.rows, strict=True):
        np.testing.assert_allclose(rows, new, atol=2e-6)


def test_parts_add_every_row_once():
    whole, parts = Corpus(sg=1, hs=1), Corpus(sg=1, hs=1)
    for corpus, n_parts in ((whole, 1), (parts, 7)):
        changes = sgd.Changes(corpus.model, 200)
        sgd.Worker(corpus.model, 200).train(corpus.tokens, 0, 200, 1, 2, 0.1, changes)
        for part in range(n_parts):
            changes.add(part, n_parts)
    for a, b in zip(whole.rows, parts.rows, strict=True):
        np.testing.assert_array_equal(a, b)


def test_node_shares_scale_the_changes_of_nodes_alone():
    whole, half = Corpus(sg=1, hs=1), Corpus(sg=1, hs=1)
    before = whole.copies()
    for corpus, shares in ((whole, None), (half, np.full(49, 0.5, np.float32))):
        changes = sgd.Changes(corpus.model, 200)
        sgd.Worker(corpus.model, 200).train(corpus.tokens, 0, 200, 1, 2, 0.1, changes)
        changes.add(0, 1, shares)
    np.testing.assert_array_equal(whole.rows[0], half.rows[0])
    np.testing.assert_allclose(half.rows[2] - before[2], (whole.rows[2] - before[2]) / 2, atol=1e-6)


def test_changes_are_checked():
    corpus, other = Corpus(sg=1), Corpus(sg=1, n_hot=4)
    worker = sgd.Worker(corpus.model, 400)
    with pytest.raises(ValueError, match="shards of 100 tokens of one model; this one has 101"):
        worker.train(corpus.tokens, 0, 101, 1, 2, 0.1, sgd.Changes(corpus.model, 100))
    with pytest.raises(ValueError, match="or another model"):
        worker.train(corpus.tokens, 0, 10, 1, 2, 0.1, sgd.Changes(other.model, 100))
    with pytest.raises(ValueError, match="n_hot"):
        sgd.Worker(other.model, 400).train(
            other.tokens, 0, 10, 1, 2, 0.1, sgd.Changes(other.model, 100)
        )
    changes = sgd.Changes(corpus.model, 100)
    with pytest.raises(ValueError, match="part 2 of 2"):
        changes.add(2, 2)


@pytest.fixture(scope="module")
def text():
    rng = np.random.default_rng(2)
    shares = 1 / np.arange(1, 301)
    draws = rng.choice(300, (400, 25), p=shares / shares.sum())
    return read_corpus([[f"w{word}" for word in line] for line in draws])


@pytest.mark.parametrize("name", MODELS)
def test_no_number_of_threads_changes_a_bit(level, text, name):
    found = set()
    for workers in (1, 2, 3, 8):
        model = Word2Vec(
            text, vector_size=24, epochs=2, seed=3, workers=workers, deterministic=True,
            sample=0.01, **MODELS[name],
        )  # fmt: skip
        found.add((model.wv.vectors.tobytes(), model.outcome.loss))
    assert len(found) == 1
    other = Word2Vec(text, vector_size=24, epochs=2, seed=4, deterministic=True, **MODELS[name])
    assert other.wv.vectors.tobytes() not in {vectors for vectors, _ in found}


@pytest.mark.parametrize("name", ["sg-ns", "cbow-ns", "sg-hs", "cbow-hs"])
def test_rounds_learn_as_much(text, name):
    settings = dict(vector_size=24, epochs=8, seed=3, alpha=0.05, **MODELS[name])
    free = Word2Vec(text, workers=1, **settings)
    rounds_ = Word2Vec(text, workers=2, deterministic=True, **settings)
    first, last = free.outcome.epoch_losses[0], free.outcome.epoch_losses[-1]
    assert last < first and abs(rounds_.outcome.loss - last) < 0.25 * (first - last)


@pytest.mark.parametrize("sg", [1, 0])
def test_long_shards_do_not_diverge_at_the_start(monkeypatch, sg):
    """Without rounds that grow, and looks at the lengths of rows that grow fast, they did."""
    monkeypatch.setattr("wordvec.models.sidebyside.shard_tokens_of_rounds", lambda *_: 1000)
    rng = np.random.default_rng(2)
    shares = 1 / np.arange(1, 301)
    draws = rng.choice(300, (2000, 25), p=shares / shares.sum())
    model = Word2Vec(
        [[f"w{word}" for word in line] for line in draws], vector_size=24, epochs=2, seed=3,
        workers=2, deterministic=True, sg=sg, hs=1, negative=0, alpha=0.025 if sg else 0.05,
    )  # fmt: skip
    first, last = model.outcome.epoch_losses
    assert last < first < 5.7


def test_damping_is_between_mean_and_sum(text):
    options = Word2VecOptions(hs=1, negative=0, sg=1)
    damping = NodeDamping(
        text, options, np.ones((len(text.vocab), 16), np.float32),
        sampling.huffman_paths(text.vocab.counts), 2048,
    )  # fmt: skip
    shares = damping.shares(0.05, rounds.SIDE_BY_SIDE)
    assert shares.dtype == np.float32 and len(shares) == len(text.vocab) - 1
    assert ((shares >= 1 / rounds.SIDE_BY_SIDE) & (shares <= 1)).all()
    assert shares[-1] == pytest.approx(1 / rounds.SIDE_BY_SIDE, rel=0.1)  # the root
    assert damping.shares(0.0005, rounds.SIDE_BY_SIDE).max() > 2 * shares[-1]
    np.testing.assert_allclose(damping.shares(1e-9, 2), 1, atol=1e-4)
    np.testing.assert_array_equal(damping.shares(0.05, 1), 1)
