"""Training over words and n-grams on every instruction set against its twin."""

import numpy as np
import pytest
import reference
from reference_subwords import Ring

from wordvec.kernels import sampling, sgd
from wordvec.memory import zero_rows

RATE = 0.05


class Setup:
    """A small corpus whose words share rows of n-grams, some of them twice."""

    def __init__(self, *, n_words=40, dim=20, n_tokens=200, sentence=37, window=5):
        rng = np.random.default_rng(3)
        shares = 1 / np.arange(1, n_words + 1)
        self.ids = rng.choice(n_words, n_tokens, p=shares / shares.sum()).astype(np.int32)
        self.starts = np.array([*range(0, n_tokens, sentence), n_tokens], np.int64)
        counts = np.sort(np.bincount(self.ids, minlength=n_words))[::-1].astype(np.int64)
        self.keep = sampling.keep_thresholds(counts, 0.05, float(n_tokens))
        self.aliases = sampling.alias_table(sampling.noise_weights(counts + 1, 0.5))
        self.paths = sampling.huffman_paths(counts)
        n_ngrams, self.n_words, self.dim, self.window = 25, n_words, dim, window
        drawn = n_words + rng.integers(0, n_ngrams, (n_words, 6))
        sizes = rng.integers(0, 7, n_words)
        self.rows_of = [[w, *drawn[w, : sizes[w]].tolist()] for w in range(n_words)]
        self.subwords = (
            np.cumsum([0, *map(len, self.rows_of)]).astype(np.int64),
            np.concatenate(self.rows_of).astype(np.int32),
        )
        n_rows_of = {"i": n_words + n_ngrams, "o": n_words, "n": n_words}
        self.rows = {}
        for name, n_rows in n_rows_of.items():
            self.rows[name] = zero_rows(n_rows, sgd.padded(dim))
            self.rows[name][:, :dim] = rng.normal(size=(n_rows, dim), scale=0.2)

    def train(self, first=0, end=None, *, hs=False, negative=5, **options):
        """Train the kernel; (the worker, the twin's arrays from before)."""
        before = {name: rows[:, : self.dim].astype(np.float64) for name, rows in self.rows.items()}
        outputs = {"node_rows": self.rows["n"], "paths": self.paths} if hs else {}
        if negative:
            outputs |= {"out_rows": self.rows["o"], "aliases": self.aliases}
        model = sgd.Model(
            self.rows["i"], keep=self.keep, subwords=self.subwords, window=self.window,
            negative=negative, **outputs, **options,
        )  # fmt: skip
        worker = sgd.Worker(model, len(self.ids))
        tokens = sgd.Tokens(self.ids, self.starts, self.n_words)
        worker.train(tokens, first, len(self.ids) if end is None else end, 7, 99, RATE)
        return worker, before

    def walk(self, twin, worker):
        """Centres with their context's positions, the ring moved along."""
        centres, kept = worker.contexts()
        ring = Ring(twin["i"], self.rows_of, kept, self.window)
        assert len(centres) > 30
        for i, word, low, high in centres:
            ring.move(i)
            yield word, [p for p in range(low, high + 1) if p != i], ring
        ring.empty()

    def check(self, twin, worker, loss):
        for name, rows in self.rows.items():
            np.testing.assert_allclose(rows[:, : self.dim], twin[name], atol=3e-4)
            assert (rows[:, self.dim :] == 0).all()
        assert worker.loss == pytest.approx(loss, rel=1e-4)


def block(ring, positions, matrix, outputs, labels):
    """One update of hidden vectors and distinct output rows."""
    x = np.array([ring.hidden[p] for p in positions])
    all_labels = np.tile(np.asarray(labels)[:, None], len(positions))
    x, y, loss = reference.update_block(x, matrix[outputs], all_labels, RATE)
    matrix[outputs] = y
    for position, row in zip(positions, x, strict=True):
        ring.hidden[position] = row
    return loss


def outputs_of(word, noise):
    outputs = [word] + [w for k, w in enumerate(noise) if w != word and w not in noise[:k]]
    return outputs, [1] + [0] * (len(outputs) - 1)


@pytest.mark.parametrize("window", [1, 5])
@pytest.mark.parametrize(("first", "end"), [(0, None), (61, 175)])
def test_skip_gram(level, first, end, window):
    setup = Setup(window=window, sentence=150)
    worker, twin = setup.train(first, end, negatives="window")
    stream, loss = reference.Stream(99), 0.0
    for word, positions, ring in setup.walk(twin, worker):
        noise = reference.shared_noise(stream, setup.aliases, 5, False)
        if positions:
            loss += block(ring, positions, twin["o"], *outputs_of(word, noise))
    setup.check(twin, worker, loss)


def test_skip_gram_with_many_noise_words(level):
    setup = Setup(n_words=3000, n_tokens=120)
    worker, twin = setup.train(negatives="window", negative=12)
    stream, loss = reference.Stream(99), 0.0
    for word, positions, ring in setup.walk(twin, worker):
        noise = reference.shared_noise(stream, setup.aliases, 12, False)
        for k in range(0, len(positions), 6):
            loss += block(ring, positions[k : k + 6], twin["o"], *outputs_of(word, noise))
    setup.check(twin, worker, loss)


def pair(hidden, matrix, outputs):
    """One pair in place; an output row named twice takes both steps."""
    x, labels = hidden.copy(), np.arange(len(outputs)) == 0
    scores = matrix[outputs] @ x
    gradient = RATE * (labels - reference.sigmoid(scores))
    for g, output in zip(gradient, outputs, strict=True):
        hidden += g * matrix[output]
        matrix[output] += g * x
    return -np.log(reference.sigmoid(np.where(labels, scores, -scores))).sum()


@pytest.mark.parametrize("sentence", [1, 2, 37])
def test_skip_gram_with_noise_for_every_pair(level, sentence):
    setup = Setup(n_words=300, sentence=sentence)
    worker, twin = setup.train(negatives="pair")
    stream, loss = reference.Stream(99), 0.0
    for word, positions, ring in setup.walk(twin, worker):
        for position in positions:
            noise = [stream.noise(setup.aliases) for _ in range(5)]
            outputs = [word] + [w for w in noise if w != word]
            loss += pair(ring.hidden[position], twin["o"], outputs)
    setup.check(twin, worker, loss)


def path_of(setup, word):
    starts, nodes, codes = setup.paths
    part = slice(starts[word], starts[word + 1])
    return list(nodes[part]), list(1 - codes[part].astype(int))


def test_skip_gram_with_hierarchical_softmax(level):
    setup = Setup()
    worker, twin = setup.train(negative=0, hs=True, hs_batch=3)
    loss = 0.0
    for word, positions, ring in setup.walk(twin, worker):
        for k in range(0, len(positions), 3):
            loss += block(ring, positions[k : k + 3], twin["n"], *path_of(setup, word))
    setup.check(twin, worker, loss)


@pytest.mark.parametrize("mean", [True, False])
@pytest.mark.parametrize("hs", [True, False])
def test_cbow(level, hs, mean):
    """The mean is over all rows of all context words; each row takes the step."""
    setup = Setup(n_words=3000)
    worker, twin = setup.train(
        negative=0 if hs else 5, hs=hs, use_cbow=True, cbow_mean=mean, negatives="window"
    )
    stream, loss = reference.Stream(99), 0.0
    for word, positions, ring in setup.walk(twin, worker):
        if hs:
            outputs, labels = path_of(setup, word)
        else:
            noise = reference.shared_noise(stream, setup.aliases, 5, False)
            outputs, labels = outputs_of(word, noise)
        if not positions:
            continue
        weights = np.array([len(setup.rows_of[ring.kept[p]]) for p in positions])
        hidden = sum(n * ring.hidden[p] for n, p in zip(weights, positions, strict=True))
        hidden = hidden / (weights.sum() if mean else 1)
        matrix = twin["n" if hs else "o"]
        x, y, part = reference.update_block(
            hidden[None], matrix[outputs], np.array(labels)[:, None], RATE
        )
        matrix[outputs] = y
        loss += part
        for position in positions:
            ring.hidden[position] += (x[0] - hidden) / (1 if mean else weights.sum())
    setup.check(twin, worker, loss)


def test_a_word_of_one_row_trains_as_a_word(level):
    """With its own row alone for every word and no word twice in reach, the ring changes nothing
    but when steps are taken."""
    setup = Setup(n_words=5000, n_tokens=400)
    setup.ids = np.random.default_rng(1).permutation(5000)[:400].astype(np.int32)
    setup.keep = np.full(5000, 2**32 - 1, np.uint32)
    alone = (np.arange(5001, dtype=np.int64), np.arange(5000, dtype=np.int32))
    results = []
    for subwords in (alone, None):
        rows = {name: rows.copy() for name, rows in setup.rows.items()}
        aligned = {name: zero_rows(*rows[name].shape) for name in "io"}
        for name in "io":
            aligned[name][:] = rows[name]
        model = sgd.Model(
            aligned["i"] if subwords else aligned["i"][:5000], aligned["o"],
            aliases=setup.aliases, subwords=subwords, negatives="window",
        )  # fmt: skip
        worker = sgd.Worker(model, 400)
        worker.train(sgd.Tokens(setup.ids, setup.starts, 5000), 0, 400, 7, 99, RATE)
        results.append(aligned["i"][:5000].copy())
    assert np.abs(results[0] - setup.rows["i"][:5000]).max() > 1e-3
    np.testing.assert_allclose(*results, atol=1e-6)


def test_copies_of_busy_rows_change_nothing_for_one_worker(level):
    one, two = Setup(), Setup()
    one.train(negatives="window")
    two.train(negatives="window", n_hot=8)
    for name in "io":
        np.testing.assert_allclose(one.rows[name], two.rows[name], atol=1e-6)


@pytest.mark.parametrize("n_words", [1, 2, 3])
@pytest.mark.parametrize("options", [{}, {"negatives": "pair"}, {"use_cbow": True}, {"hs": True}])
def test_tiny_vocabularies(level, n_words, options):
    setup = Setup(n_words=n_words)
    setup.train(**options)
    assert all(np.isfinite(rows).all() for rows in setup.rows.values())


def test_subwords_must_fit():
    setup = Setup()
    starts, rows = setup.subwords
    for wrong in [
        (starts, rows + 30), (starts, rows - 1), (starts[:-1], rows), (starts * 0, rows[:0]),
    ]:  # fmt: skip
        setup.subwords = wrong
        with pytest.raises(ValueError, match=r"subwords|n_words|aliases|keep"):
            setup.train()
