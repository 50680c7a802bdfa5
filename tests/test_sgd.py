"""The training kernels on every instruction set against their twins in reference.py."""

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from wordvec.kernels import sampling, sgd
from wordvec.memory import zero_rows


def random_rows(n, dim, seed, scale=0.5):
    rows = zero_rows(n, sgd.padded(dim))
    rows[:, :dim] = np.random.default_rng(seed).normal(size=(n, dim), scale=scale)
    return rows


def random_labels(n_stream, n_fixed):
    return np.random.default_rng(9).integers(0, 2, (n_stream, n_fixed)).astype(np.float32)


@pytest.mark.parametrize("dim", [1, 15, 16, 17, 33, 300])
@pytest.mark.parametrize("n_fixed", range(1, 7))
def test_update_block(level, n_fixed, dim):
    for n_stream in (1, 2, 3, 5, 6, 7, 10, 17):
        fixed, stream = random_rows(n_fixed, dim, 1), random_rows(n_stream, dim, 2)
        labels = random_labels(n_stream, n_fixed)
        new_fixed, new_stream, loss = reference.update_block(fixed, stream, labels, 0.3)
        assert np.abs(new_fixed - fixed).max() > 1e-3
        found = sgd.update_block(fixed, stream, labels, 0.3)
        np.testing.assert_allclose(fixed, new_fixed, atol=2e-5)
        np.testing.assert_allclose(stream, new_stream, atol=2e-5)
        assert found == pytest.approx(loss, rel=1e-4)
        assert (fixed[:, dim:] == 0).all() and (stream[:, dim:] == 0).all()


def test_update_block_of_nothing(level):
    fixed = random_rows(2, 16, 1)
    before = fixed.copy()
    assert sgd.update_block(fixed, random_rows(0, 16, 2), np.empty((0, 2), np.float32), 1) == 0
    np.testing.assert_array_equal(fixed, before)


def test_scores_beyond_the_limit_are_flat(level):
    fixed, stream = random_rows(1, 16, 1), random_rows(2, 16, 2)
    fixed[0, :], stream[0, :], stream[1, :] = 3, 3, -3  # scores +-144
    loss = sgd.update_block(fixed, stream, np.array([[1], [0]], np.float32), 0.0)
    assert loss == pytest.approx(2 * np.log1p(np.exp(-8.0)), rel=1e-2)


def test_nan_reaches_the_loss(level):
    fixed, stream = random_rows(2, 16, 1), random_rows(3, 16, 2)
    stream[1, 4] = np.nan
    assert np.isnan(sgd.update_block(fixed, stream, random_labels(3, 2), 0.1))


def test_update_block_checks():
    rows = random_rows(3, 16, 1)
    with pytest.raises(ValueError, match="fixed rows: 1 to 6"):
        sgd.update_block(random_rows(7, 16, 1), rows, random_labels(3, 7), 0.1)
    with pytest.raises(ValueError, match=r"labels: expected float32\[3, 1\]"):
        sgd.update_block(random_rows(1, 16, 1), rows, random_labels(2, 1), 0.1)


class Setup:
    """A small corpus, its model and its twin's arrays."""

    def __init__(
        self, *, n_words=40, dim=20, n_tokens=300, sentence=37, sample=0.05, seed=3, **options
    ):
        rng = np.random.default_rng(seed)
        shares = 1 / np.arange(1, n_words + 1)
        self.ids = rng.choice(n_words, n_tokens, p=shares / shares.sum()).astype(np.int32)
        cuts = list(range(0, n_tokens, sentence))
        self.starts = np.array([*cuts, n_tokens], np.int64)
        self.counts = np.sort(np.bincount(self.ids, minlength=n_words))[::-1].astype(np.int64)
        self.keep = sampling.keep_thresholds(self.counts, sample, float(n_tokens))
        self.aliases = sampling.alias_table(sampling.noise_weights(self.counts + 1, 0.75))
        self.paths = sampling.huffman_paths(self.counts)
        self.dim, self.n_words, self.options = dim, n_words, options
        self.rows = {name: random_rows(n_words, dim, i, 0.2) for i, name in enumerate("ion")}

    def model(self, *, hs=False, **more):
        settings = self.options | more
        outputs = {"node_rows": self.rows["n"], "paths": self.paths} if hs else {}
        if settings.get("negative", 5):
            outputs |= {"out_rows": self.rows["o"], "aliases": self.aliases}
        return sgd.Model(self.rows["i"], keep=self.keep, **outputs, **settings)

    def train(self, model, first=0, end=None, shard_key=99, rate=0.05, worker=None):
        tokens = sgd.Tokens(self.ids, self.starts, self.n_words)
        worker = worker or sgd.Worker(model, len(self.ids))
        worker.train(tokens, first, len(self.ids) if end is None else end, 7, shard_key, rate)
        return worker

    def centres(self, stream, first=0, end=None, window=5, shrink=True):
        end = len(self.ids) if end is None else end
        found = reference.centres(
            self.ids, self.starts, first, end, 7, stream, self.keep, window, shrink
        )
        return list(found)


def copies(setup):
    return {name: rows[:, : setup.dim].astype(np.float64) for name, rows in setup.rows.items()}


def twin_of_shared(setup, twin, stream, centres, negative, recycled):
    """skip_gram_shared for up to 5 noise words."""
    loss = 0.0
    for word, contexts in centres:
        noise = reference.shared_noise(stream, setup.aliases, negative, recycled)
        outputs = [word]
        outputs += [w for i, w in enumerate(noise) if w != word and w not in noise[:i]]
        labels = np.array([1] + [0] * (len(outputs) - 1))
        loss += reference.window_step(twin["i"], twin["o"], contexts, outputs, labels, 0.05)
    return loss


def distinct_runs(words, most=1000):
    """Words in order, split wherever one would repeat or a run would exceed `most`."""
    run = []
    for word in words:
        if word in run or len(run) == most:
            yield run
            run = []
        run.append(word)
    if run:
        yield run


def check(setup, twin, rtol=0):
    for name, rows in setup.rows.items():
        np.testing.assert_allclose(rows[:, : setup.dim], twin[name], atol=3e-4, rtol=rtol)
        assert (rows[:, setup.dim :] == 0).all()


@pytest.mark.parametrize("recycled", [False, True])
@pytest.mark.parametrize("negative", [1, 2, 3, 4, 5])
def test_skip_gram_with_shared_noise(level, negative, recycled):
    setup = Setup(n_tokens=250)
    twin, stream = copies(setup), reference.Stream(99)
    centres = setup.centres(stream)
    if recycled:
        stream.pool = [stream.noise(setup.aliases) for _ in range(256)]
    loss = twin_of_shared(setup, twin, stream, centres, negative, recycled)
    model = setup.model(negative=negative, negatives="recycled" if recycled else "window")
    worker = setup.train(model)
    check(setup, twin)
    assert worker.n_examples == sum(len(contexts) for _, contexts in centres) > 500
    assert worker.n_kept == len(centres)
    assert worker.loss == pytest.approx(loss, rel=1e-4)


def test_skip_gram_with_many_noise_words(level):
    setup = Setup(n_words=3000, n_tokens=120)
    twin, stream = copies(setup), reference.Stream(99)
    loss = 0.0
    for word, contexts in (centres := setup.centres(stream)):
        noise = reference.shared_noise(stream, setup.aliases, 12, False)
        outputs = [word] + [w for w in noise if w != word]
        for batch in distinct_runs(contexts, 6):
            labels = [1] + [0] * (len(outputs) - 1)
            loss += reference.step(twin["i"], twin["o"], batch, outputs, labels, 0.05)
    worker = setup.train(setup.model(negative=12, negatives="window"))
    check(setup, twin)
    assert worker.loss == pytest.approx(loss, rel=1e-4) and len(centres) > 50


@pytest.mark.parametrize("window", [1, 3, 5, 8])
@pytest.mark.parametrize("negative", [1, 4, 5])
def test_skip_gram_with_noise_for_every_five_context_words(level, negative, window):
    setup = Setup(n_tokens=250)
    twin, stream = copies(setup), reference.Stream(99)
    loss = 0.0
    for word, contexts in setup.centres(stream, window=window):
        for first in range(0, len(contexts), 5):
            group = [(word, contexts[first : first + 5])]
            loss += twin_of_shared(setup, twin, stream, group, negative, False)
    worker = setup.train(setup.model(negative=negative, negatives="group", window=window))
    check(setup, twin)
    assert worker.loss == pytest.approx(loss, rel=1e-4)


def test_skip_gram_with_many_noise_words_for_every_five_context_words(level):
    setup = Setup(n_words=3000, n_tokens=120)
    twin, stream = copies(setup), reference.Stream(99)
    loss = 0.0
    for word, contexts in setup.centres(stream, window=9):
        sets = [
            reference.shared_noise(stream, setup.aliases, 12, False)
            for _ in range(-(-len(contexts) // 5))
        ]
        for number, batch in enumerate(distinct_runs(contexts, 5)):
            outputs = [word] + [w for w in sets[min(number, len(sets) - 1)] if w != word]
            labels = [1] + [0] * (len(outputs) - 1)
            loss += reference.step(twin["i"], twin["o"], batch, outputs, labels, 0.05)
    worker = setup.train(setup.model(negative=12, negatives="group", window=9))
    check(setup, twin)
    assert worker.loss == pytest.approx(loss, rel=1e-4)


def test_skip_gram_with_noise_for_every_pair(level):
    setup = Setup(n_words=3000, n_tokens=250)
    twin, stream = copies(setup), reference.Stream(99)
    loss = 0.0
    for word, contexts in setup.centres(stream):
        for context in contexts:
            noise = [stream.noise(setup.aliases) for _ in range(5)]
            outputs = [word] + [w for w in noise if w != word]
            labels = [1] + [0] * (len(outputs) - 1)
            for run in [outputs] if len(set(outputs)) == len(outputs) else []:
                loss += reference.step(twin["i"], twin["o"], [context], run, labels, 0.05)
            if len(set(outputs)) < len(outputs):
                loss += step_with_repeats(twin, context, outputs, labels)
    worker = setup.train(setup.model(negatives="pair"))
    check(setup, twin)
    assert worker.loss == pytest.approx(loss, rel=1e-4)


def step_with_repeats(twin, context, outputs, labels):
    """All gradients from before; a row named twice takes both steps."""
    x = twin["i"][context].copy()
    scores = twin["o"][outputs] @ x
    gradient = 0.05 * (np.array(labels) - reference.sigmoid(scores))
    for g, word in zip(gradient, outputs, strict=True):
        twin["i"][context] += g * twin["o"][word]
        twin["o"][word] += g * x
    chance = np.where(np.array(labels) == 1, reference.sigmoid(scores), reference.sigmoid(-scores))
    return -np.log(chance).sum()


def path_of(setup, word):
    starts, nodes, codes = setup.paths
    part = slice(starts[word], starts[word + 1])
    return list(nodes[part]), list(1 - codes[part].astype(int))


@pytest.mark.parametrize("batch", [1, 3, 6])
def test_skip_gram_with_hierarchical_softmax(level, batch):
    setup = Setup(n_tokens=150)
    twin = copies(setup)
    loss = 0.0
    for word, contexts in setup.centres(reference.Stream(99)):
        for run in distinct_runs(contexts, batch):
            nodes, labels = path_of(setup, word)
            loss += reference.step(twin["i"], twin["n"], run, nodes, labels, 0.05)
    worker = setup.train(setup.model(negative=0, hs=True, hs_batch=batch))
    check(setup, twin)
    assert worker.loss == pytest.approx(loss, rel=1e-4)


def cbow_step(setup, twin, matrix, contexts, outputs, labels, mean):
    """The hidden row is trained like an input row; its step goes to every context row."""
    n = len(contexts)
    hidden = twin["i"][contexts].sum(0) / (n if mean else 1)
    x, y, loss = reference.update_block(
        hidden[None], twin[matrix][outputs], np.array(labels)[:, None], 0.05
    )
    twin[matrix][outputs] = y
    for context in contexts:
        twin["i"][context] += (x[0] - hidden) / (1 if mean else n)
    return loss


@pytest.mark.parametrize("mean", [True, False])
@pytest.mark.parametrize("recycled", [False, True])
def test_cbow_with_noise(level, mean, recycled):
    setup = Setup(n_words=3000)
    twin, stream = copies(setup), reference.Stream(99)
    centres = setup.centres(stream)
    if recycled:
        stream.pool = [stream.noise(setup.aliases) for _ in range(256)]
    loss = n_examples = 0
    for word, contexts in centres:
        noise = reference.shared_noise(stream, setup.aliases, 5, recycled)
        if contexts:
            outputs = [word] + [w for i, w in enumerate(noise) if w != word]
            assert len(set(outputs)) == len(outputs)
            labels = [1] + [0] * (len(outputs) - 1)
            loss += cbow_step(setup, twin, "o", contexts, outputs, labels, mean)
            n_examples += 1
    negatives = "recycled" if recycled else "window"
    worker = setup.train(setup.model(use_cbow=True, cbow_mean=mean, negatives=negatives))
    check(setup, twin)
    assert worker.n_examples == n_examples > 100
    assert worker.loss == pytest.approx(loss, rel=1e-4)


def test_cbow_with_hierarchical_softmax(level):
    setup = Setup(n_tokens=150)
    twin = copies(setup)
    for word, contexts in setup.centres(reference.Stream(99)):
        if contexts:
            nodes, labels = path_of(setup, word)
            cbow_step(setup, twin, "n", contexts, nodes, labels, True)
    setup.train(setup.model(negative=0, hs=True, use_cbow=True))
    check(setup, twin)


@pytest.mark.parametrize("use_cbow", [False, True])
def test_both_together_are_one_after_the_other(level, use_cbow):
    """With negative sampling and hierarchical softmax, each passes over the shard in turn."""
    one, two = Setup(), Setup()
    one.train(one.model(use_cbow=use_cbow, hs=True))
    two.train(two.model(use_cbow=use_cbow, hs=True, negative=0))
    two.train(two.model(use_cbow=use_cbow))
    for name in "ion":
        np.testing.assert_array_equal(one.rows[name], two.rows[name])
        assert name == "i" or np.abs(one.rows[name] - Setup().rows[name]).max() > 1e-3


@given(
    first=st.integers(0, 299), length=st.integers(1, 120), window=st.integers(1, 9),
    shrink=st.booleans(), sentence=st.sampled_from([1, 2, 5, 37, 299, 300]),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_windows_of_a_shard(first, length, window, shrink, sentence):
    """Contexts reach over the borders of a shard, never over those of a sentence."""
    setup = Setup(sentence=sentence)
    end = min(first + length, 300)
    stream = reference.Stream(99)
    expected = setup.centres(stream, first, end, window, shrink)
    worker = setup.train(setup.model(window=window, shrink_windows=shrink), first, end)
    found, kept = worker.contexts()
    assert [
        (word, kept[low:i] + kept[i + 1 : high + 1]) for i, word, low, high in found
    ] == expected


def test_max_sentence_cuts_after_kept_words():
    setup = Setup(sentence=300, sample=1.0)
    worker = setup.train(setup.model(max_sentence=100, shrink_windows=False))
    found, _ = worker.contexts()
    assert [(low, high) for _, _, low, high in found[97:103]] == [
        (92, 99), (93, 99), (94, 99), (100, 105), (100, 106), (100, 107),
    ]  # fmt: skip
    assert worker.n_cuts == 2


@pytest.mark.parametrize("n_words", [1, 2, 3])
@pytest.mark.parametrize("options", [{}, {"negatives": "pair"}, {"use_cbow": True}, {"hs": True}])
def test_tiny_vocabularies(level, n_words, options):
    """Fewer words than negatives: nothing distinct to draw, and nothing may hang or break."""
    setup = Setup(n_words=n_words, sample=1.0)
    setup.train(setup.model(**options))
    assert all(np.isfinite(rows).all() for rows in setup.rows.values())


@pytest.mark.parametrize("dim", [1, 4096])
def test_extreme_dims(level, dim):
    setup = Setup(dim=dim, n_tokens=60)
    before = setup.rows["i"].copy()
    worker = setup.train(setup.model())
    assert np.isfinite(worker.loss) and np.abs(setup.rows["i"] - before).max() > 0
    assert (setup.rows["i"][:, dim:] == 0).all()


def test_same_seed_same_bytes(level):
    results = []
    for _ in range(2):
        setup = Setup()
        worker = setup.train(setup.model(), end=150)
        setup.train(setup.model(), first=150, shard_key=100, worker=worker)
        results.append(setup.rows["i"].tobytes())
    assert results[0] == results[1]


@pytest.mark.parametrize("options", [{}, {"negatives": "pair"}, {"use_cbow": True}, {"hs": True}])
def test_copies_of_the_busiest_rows(level, options):
    """One worker with copies of rows does what it does without, but for rounding."""
    plain, copied = Setup(), Setup()
    for setup, n_hot in ((plain, 0), (copied, 12)):
        model = setup.model(n_hot=n_hot, **options)
        worker = setup.train(model, end=150)
        setup.train(model, first=150, shard_key=100, worker=worker)
    for name in "ion":
        np.testing.assert_allclose(copied.rows[name], plain.rows[name], atol=1e-5)
    assert np.abs(plain.rows["i"][:12] - Setup().rows["i"][:12]).max() > 1e-2


def test_copies_bring_together_what_two_workers_learn():
    """Both start from the same rows: the second adds its changes to those of the first."""
    alone = []
    for first, end in ((0, 150), (150, 300)):
        setup = Setup()
        before = setup.rows["i"][:12].copy()
        setup.train(setup.model(n_hot=12), first, end)
        alone.append(setup.rows["i"][:12] - before)
    setup = Setup(n_words=40)
    before = setup.rows["i"][:12].copy()
    model = setup.model(n_hot=12)
    workers = [sgd.Worker(model, 300), sgd.Worker(model, 300)]
    setup.train(model, 0, 150, worker=workers[0])
    np.testing.assert_allclose(setup.rows["i"][:12] - before, alone[0], atol=1e-6)
    setup.train(model, 150, 300, worker=workers[1])
    # The second saw the first's changes of rows that have no copies, so this is not exact.
    both = setup.rows["i"][:12] - before
    assert np.abs(both - (alone[0] + alone[1])).max() < 0.3 * np.abs(both).max()
    assert np.corrcoef(both.ravel(), (alone[0] + alone[1]).ravel())[0, 1] > 0.95


def test_bad_input_is_refused_before_the_loops():
    setup = Setup()
    with pytest.raises(ValueError, match="ids must lie from 0 to 9"):
        sgd.Tokens(setup.ids, setup.starts, 10)
    with pytest.raises(ValueError, match="starts must rise"):
        sgd.Tokens(setup.ids, setup.starts[:-1], 40)
    with pytest.raises(ValueError, match=r"shard 0..300 of 300 tokens is out of range"):
        setup.train(setup.model(), worker=sgd.Worker(setup.model(), 100))
    with pytest.raises(ValueError, match="multiple of 16"):
        sgd.Model(np.zeros((3, 10), np.float32))
    with pytest.raises(ValueError, match=r"aliases: expected uint32\[40, 2\]"):
        sgd.Model(setup.rows["i"], setup.rows["o"])
    with pytest.raises(ValueError, match="n_hot must be 0 to 39"):
        setup.model(n_hot=40)
    with pytest.raises(ValueError, match="tokens of 40 words for a model of 30"):
        few = sgd.Model(random_rows(30, 20, 1), negative=0)
        sgd.Worker(few, 300).train(sgd.Tokens(setup.ids, setup.starts, 40), 0, 9, 1, 1, 0.1)
    with pytest.raises(ValueError, match="paths do not fit"):
        broken = (setup.paths[0], setup.paths[1] + 1, setup.paths[2])
        sgd.Model(setup.rows["i"], node_rows=setup.rows["n"], paths=broken, negative=0)
