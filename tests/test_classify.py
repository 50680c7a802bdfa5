"""The classifier's loops beside NumPy: every loss, instruction set, shape of the label matrix."""

from itertools import pairwise

import numpy as np
import pytest
from reference import logistic_step, softmax_step

from wordvec.kernels import classify, sampling, simd
from wordvec.memory import zero_rows
from wordvec.models.labelling import label_matrix, label_rows

DIMS = [1, 15, 16, 17, 33, 50, 100, 128, 300]
N_LABELS = [1, 2, 15, 16, 17, 33, 100, 300]


@pytest.fixture(params=simd.available())
def level(request):
    before = simd.active()
    simd.use(request.param)
    yield request.param
    simd.use(before)


class Toy:
    """Random weights and lines."""

    def __init__(self, dim, n_labels, loss, *, n_lines=9, seed=0, scale=0.5):
        rng = np.random.default_rng(seed)
        self.dim, self.n_labels, self.loss = dim, n_labels, loss
        self.rows = zero_rows(40, classify.padded(dim))
        self.rows[:, :dim] = rng.normal(0, scale, (40, dim))
        n_out = max(n_labels - 1, 1) if loss == "hs" else n_labels
        self.labels = rng.normal(0, 1 / dim**0.5, (n_out, dim)).astype(np.float32)
        counts = np.sort(rng.integers(1, 50, n_labels))[::-1].astype(np.int64)
        self.paths = sampling.huffman_paths(np.ascontiguousarray(counts))
        # No row twice in a batch: twins add up what the loops add one after the other.
        self.lists = [list(rng.integers(0, 40, rng.integers(1, 6))) for _ in range(n_lines)]
        self.golds = [list(rng.integers(0, n_labels, 1)) for _ in range(n_lines)]

    def lines(self, weights=None):
        def starts(lists):
            return np.cumsum([0] + [len(x) for x in lists]).astype(np.int64)

        return classify.Lines(
            starts(self.lists), np.concatenate(self.lists).astype(np.int32),
            starts(self.golds), np.concatenate(self.golds).astype(np.int32),
            10 * np.arange(len(self.lists) + 1, dtype=np.int64), 40, self.n_labels, weights,
        )  # fmt: skip

    def model(self, *, in_rows=None, **settings):
        n = self.n_labels
        padded_labels = np.zeros((n, self.dim), np.float32)
        padded_labels[: len(self.labels)] = self.labels
        self.matrix, self.transposed = label_matrix(padded_labels, n, self.loss)
        if self.loss == "hs":
            settings["paths"] = self.paths
        if self.loss == "ns":
            noise = sampling.noise_weights(np.ones(n, np.int64), 0.5)
            settings["noise"] = sampling.alias_table(noise).reshape(-1, 2)
        return classify.Classifier(
            self.matrix, self.dim, n, self.loss, in_rows=self.rows, transposed=self.transposed,
            **settings,
        )  # fmt: skip

    def trained_labels(self):
        return label_rows(self.matrix, self.transposed, self.dim, self.n_labels)[: len(self.labels)]

    def twin(self, rate, rate_step=0.0, batch=1, weights=None, label_weights=None):
        """(rows, labels, loss) after training by NumPy in float64."""
        rows = self.rows[:, : self.dim].astype(np.float64)
        labels = self.labels.astype(np.float64)
        total, order = 0.0, range(len(self.lists))
        for first in range(0, len(self.lists), batch):
            part = list(order)[first : first + batch]
            hidden = {i: rows[self.lists[i]].mean(axis=0) for i in part}
            new_labels, gradients = labels.copy(), {}
            for i in part:
                r = rate - rate_step * 10 * i
                r *= 1 if weights is None else weights[i]
                gradients[i], after, loss = self.step(hidden[i], labels, i, r, label_weights)
                new_labels += after - labels
                total += loss
            for i in part:
                for row in self.lists[i]:
                    rows[row] += gradients[i] / len(self.lists[i])
            labels = new_labels
        return rows, labels, total

    def step(self, hidden, labels, i, rate, label_weights):
        target = self.golds[i][0]
        factor = 1 if label_weights is None else label_weights[target]
        if self.loss == "softmax":
            return softmax_step(hidden, labels, target, rate * factor)
        if self.loss == "hs":
            starts, nodes, codes = self.paths
            path = slice(starts[target], starts[target + 1])
            after = labels.copy()
            gradient, after[nodes[path]], loss = logistic_step(
                hidden, labels[nodes[path]], codes[path].astype(float), rate * factor, 8
            )
            return gradient, after, loss
        targets = np.zeros(self.n_labels)
        targets[self.golds[i]] = 1
        z = np.clip(labels @ hidden, -20, 20)
        p = 1 / (1 + np.exp(-z))
        g = rate * (targets - p)
        if label_weights is not None:
            g[targets == 1] *= np.asarray(label_weights)[targets == 1]
        loss = -np.log(np.where(targets == 1, p, 1 - p)).sum()
        return g @ labels, labels + np.outer(g, hidden), loss


@pytest.mark.parametrize("loss", ["softmax", "ova", "hs"])
@pytest.mark.parametrize("n_labels", N_LABELS)
@pytest.mark.parametrize("dim", [1, 17, 50])
def test_training_equals_its_twin(level, loss, n_labels, dim):
    toy = Toy(dim, n_labels, loss, seed=dim)
    model = toy.model(batch=1)
    rows, labels, loss_of_twin = toy.twin(0.3, 0.001)
    worker = classify.Worker(model)
    worker.train_lines(toy.lines(), 0, len(toy.lists), 7, 0.3, 0.001)
    assert worker.n_examples == len(toy.lists)
    np.testing.assert_allclose(toy.rows[:, :dim], rows, atol=2e-5)
    np.testing.assert_allclose(toy.trained_labels(), labels, atol=2e-5)
    assert worker.loss == pytest.approx(loss_of_twin, rel=1e-3, abs=2e-3 * n_labels)
    assert not toy.rows[:, dim:].any()


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("batch", [1, 2, 3, 4, 5, 8])
def test_batches_add_up_gradients_of_the_same_values(level, dim, batch):
    toy = Toy(dim, 37, "softmax", n_lines=11, seed=dim)
    model = toy.model(batch=batch)
    rows, labels, _ = toy.twin(0.2, batch=batch)
    classify.Worker(model).train_lines(toy.lines(), 0, 11, 0, 0.2)
    np.testing.assert_allclose(toy.rows[:, :dim], rows, atol=3e-5)
    np.testing.assert_allclose(toy.trained_labels(), labels, atol=3e-5)
    padding = toy.matrix.copy()
    padding[:dim, :37] = 0
    assert not padding.any()


@pytest.mark.parametrize("loss", ["softmax", "ova"])
@pytest.mark.parametrize("n_labels", [3, 40])
def test_weights_of_lines_and_labels(loss, n_labels):
    toy = Toy(20, n_labels, loss)
    weights = np.linspace(0, 2, len(toy.lists)).astype(np.float32)
    label_weights = np.linspace(0.5, 3, n_labels).astype(np.float32)
    model = toy.model(label_weights=label_weights)
    rows, labels, _ = toy.twin(0.3, weights=weights, label_weights=label_weights)
    classify.Worker(model).train_lines(toy.lines(weights), 0, len(toy.lists), 0, 0.3)
    np.testing.assert_allclose(toy.rows[:, :20], rows, atol=2e-5)
    np.testing.assert_allclose(toy.trained_labels(), labels, atol=2e-5)


@pytest.mark.parametrize("loss", ["softmax", "ova", "hs"])
def test_gradient_is_the_slope_of_the_loss(loss):
    """The step of a row is minus the rate times the numeric derivative of the loss."""
    dim, n_labels, rate = 6, 20, 1e-3

    def loss_with(row, column, change):
        toy = Toy(dim, n_labels, loss, n_lines=1, scale=0.3)
        toy.rows[row, column] += change
        worker = classify.Worker(toy.model())
        worker.train_lines(toy.lines(), 0, 1, 0, 0.0)
        return worker.loss

    toy = Toy(dim, n_labels, loss, n_lines=1, scale=0.3)
    before = toy.rows.copy()
    classify.Worker(toy.model()).train_lines(toy.lines(), 0, 1, 0, rate)
    row = toy.lists[0][0]
    n_times = toy.lists[0].count(row)
    assert n_times
    for column in range(dim):
        slope = (loss_with(row, column, 0.25) - loss_with(row, column, -0.25)) / 0.5
        step = (toy.rows[row, column] - before[row, column]) / rate
        assert step == pytest.approx(-slope, abs=0.02)


def test_drawn_labels_never_include_the_target():
    toy = Toy(16, 3, "ns", n_lines=1)
    toy.labels[:] = 0
    toy.golds = [[1]]
    for key in range(20):
        model = toy.model(negative=4)
        classify.Worker(model).train_lines(toy.lines(), 0, 1, key, 0.5)
        hidden = toy.rows[toy.lists[0], :16].mean(axis=0)
        along = toy.trained_labels() @ hidden
        assert along[1] > 0
        assert along[0] <= 0 and along[2] <= 0 and (along[0] < 0 or along[2] < 0)


def test_one_label_with_drawn_ones_ends():
    toy = Toy(8, 1, "ns")
    worker = classify.Worker(toy.model())
    worker.train_lines(toy.lines(), 0, len(toy.lists), 0, 0.1)
    assert worker.n_examples == len(toy.lists)


@pytest.mark.parametrize("n_labels", [3, 40])
@pytest.mark.parametrize("poison", [np.nan, np.inf, 1e16])
def test_divergence_writes_nothing(level, n_labels, poison):
    toy = Toy(20, n_labels, "softmax", scale=1)
    model = toy.model()
    toy.rows[:, 3] = poison
    before, labels = toy.rows.copy(), toy.matrix.copy()
    worker = classify.Worker(model)
    worker.train_lines(toy.lines(), 0, len(toy.lists), 0, 0.1)
    assert np.isnan(worker.loss)
    np.testing.assert_array_equal(toy.rows, before)
    np.testing.assert_array_equal(toy.matrix, labels)


# ---- best labels ----


def table_sigmoid(z):
    z = np.asarray(z, np.float64)
    x = (np.trunc((z + 8) * 512 / 8 / 2) * 16) / 512 - 8
    return np.where(z < -8, 0, np.where(z > 8, 1, 1 / (1 + np.exp(-x))))


@pytest.mark.parametrize("loss", ["softmax", "ova", "ns"])
@pytest.mark.parametrize("n_labels", N_LABELS)
@pytest.mark.parametrize("k", [1, 2, 16, 17, 1000])
def test_best_labels(level, loss, n_labels, k):
    k = min(k, n_labels)
    toy = Toy(20, n_labels, loss, seed=n_labels)
    worker = classify.Worker(toy.model())
    means = np.random.default_rng(1).normal(0, 1, (7, 20)).astype(np.float32)
    best, p = np.empty((7, k), np.int32), np.empty((7, k), np.float32)
    worker.predict(means, 0.0, best, p)
    scores = means.astype(np.float64) @ toy.labels.T.astype(np.float64)
    out = np.empty((7, n_labels), np.float32)
    worker.scores(means, out)
    np.testing.assert_allclose(out, scores, atol=1e-4)
    order = np.lexsort((np.broadcast_to(np.arange(n_labels), out.shape), -out), axis=1)[:, :k]
    np.testing.assert_array_equal(best, order)
    if loss == "softmax":
        exact = np.exp(scores - scores.max(axis=1, keepdims=True))
        exact /= exact.sum(axis=1, keepdims=True)
        expected = np.take_along_axis(exact, order, axis=1)
        np.testing.assert_allclose(p, expected + 1e-5, rtol=3e-4, atol=1e-6)
    else:
        expected = np.take_along_axis(table_sigmoid(out), order, axis=1)
        np.testing.assert_allclose(p, expected + 1e-5, atol=1e-6)


def test_ties_go_to_the_lower_label(level):
    toy = Toy(5, 300, "softmax")
    toy.labels[:] = 0
    worker = classify.Worker(toy.model())
    for k in (1, 3, 20, 300):
        best, p = np.empty((2, k), np.int32), np.empty((2, k), np.float32)
        worker.predict(np.ones((2, 5), np.float32), 0.0, best, p)
        np.testing.assert_array_equal(best, np.tile(np.arange(k), (2, 1)))
        worker.predict(np.ones((2, 5), np.float32), 0.5, best, p)
        assert (best == -1).all() and not p.any()


@pytest.mark.parametrize("n_labels", [1, 2, 3, 20, 300])
@pytest.mark.parametrize("k", [1, 3, 300])
def test_tree_search_finds_the_best_of_all_paths(level, n_labels, k):
    k = min(k, n_labels)
    toy = Toy(20, n_labels, "hs", seed=n_labels)
    worker = classify.Worker(toy.model())
    means = np.random.default_rng(1).normal(0, 1, (6, 20)).astype(np.float32)
    best, p = np.empty((6, k), np.int32), np.empty((6, k), np.float32)
    worker.predict(means, 0.0, best, p)
    starts, nodes, codes = toy.paths
    for i in range(6):
        f = 1 / (1 + np.exp(-(toy.labels.astype(np.float64) @ means[i])))
        logs = np.array([
            np.log(np.where(codes[a:b], f[nodes[a:b]], 1 - f[nodes[a:b]]) + 1e-5).sum()
            for a, b in pairwise(starts)
        ])  # fmt: skip
        order = np.argsort(-logs, kind="stable")[:k]
        kept = order[logs[order] >= np.log(1e-5)]
        np.testing.assert_array_equal(best[i, : len(kept)], kept)
        np.testing.assert_allclose(p[i, : len(kept)], np.exp(logs[kept]), rtol=1e-3)
        assert (best[i, len(kept) :] == -1).all()


@pytest.mark.parametrize("loss", ["softmax", "ova", "ns"])
@pytest.mark.parametrize("n_labels", [1, 2, 3, 14, 15])
@pytest.mark.parametrize("dim", [1, 16, 17, 100])
def test_best_labels_from_scores_of_rows(level, loss, n_labels, dim):
    toy = Toy(dim, n_labels, loss, seed=dim)
    rng = np.random.default_rng(n_labels)
    twins = min(2, n_labels - 1)
    toy.labels[n_labels - twins :] = toy.labels[:twins]  # ties that rounding must not decide
    rows = rng.normal(0, 1, (700, dim + 3)).astype(np.float32)[:, :dim]  # beside other numbers
    rows[5] = np.nan
    sizes = rng.integers(0, 40, 300)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    ids = rng.integers(0, 700, starts[-1]).astype(np.int32)
    worker = classify.Worker(toy.model())
    expected, probabilities = np.empty((300, 1), np.int32), np.empty((300, 1), np.float32)
    worker.predict_lines(rows, starts, ids, 0.0, expected, probabilities)
    scores = np.full((700, classify.SCORED_LABELS + 1), np.nan, np.float32)
    worker.score_rows(rows, 0, 333, scores)
    worker.score_rows(rows, 333, 700, scores)
    exact = rows.astype(np.float64) @ toy.labels.astype(np.float64).T
    np.testing.assert_allclose(scores[:, :n_labels], exact, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(scores[:, -1], np.linalg.norm(rows, axis=1), rtol=1e-5)
    found = np.empty((300, 1), np.int32)
    n_doubtful = worker.best_by_scores(scores, rows, starts, ids, found)
    there = sizes > 0
    np.testing.assert_array_equal(found[there], expected[there])
    has_nan = [5 in ids[a:b] for a, b in pairwise(starts)]
    certain = 300 - np.count_nonzero(~there | has_nan)
    if n_labels == 1:
        assert n_doubtful == 300 - certain
    if n_labels > 10 and dim == 100:
        assert 300 - certain < n_doubtful < 200


def test_scores_of_rows_are_for_few_labels_in_rows():
    out = np.zeros((4, classify.SCORED_LABELS + 1), np.float32)
    rows = np.zeros((4, 20), np.float32)
    for n_labels, loss in ((16, "softmax"), (40, "softmax"), (3, "hs")):
        with pytest.raises(ValueError, match="up to 15 labels"):
            classify.Worker(Toy(20, n_labels, loss).model()).score_rows(rows, 0, 4, out)
    worker = classify.Worker(Toy(20, 3, "softmax").model())
    with pytest.raises(ValueError, match="rows 0 to 5 of 4"):
        worker.score_rows(rows, 0, 5, out)
    for starts, ids in (([0, 1], [4]), ([0, 1], [-1]), ([0, 2], [0]), ([1, 0], [0])):
        with pytest.raises(ValueError, match="outside the rows"):
            worker.best_by_scores(
                out, rows, np.array(starts), np.array(ids, np.int32), np.zeros((1, 1), np.int32)
            )
    with pytest.raises(ValueError, match="scores of 4 rows for 3"):
        worker.best_by_scores(
            out, rows[:3], np.array([0, 1]), np.zeros(1, np.int32), np.zeros((1, 1), np.int32)
        )


def test_bad_arrays_are_refused():
    toy = Toy(20, 40, "softmax")
    model = toy.model()
    with pytest.raises(ValueError, match="labels: expected"):
        classify.Classifier(np.zeros((3, 16), np.float32), 20, 40, "softmax")
    with pytest.raises(ValueError, match="contradict"):
        classify.Lines(
            np.array([0, 2]), np.array([0, 99], np.int32), np.array([0, 1]),
            np.array([0], np.int32), np.array([0, 5]), 40, 40,
        )  # fmt: skip
    worker = classify.Worker(model)
    with pytest.raises(ValueError, match="lines 0 to 99"):
        worker.train_lines(toy.lines(), 0, 99, 0, 0.1)
    with pytest.raises(ValueError, match="best and probabilities"):
        worker.predict(
            np.zeros((2, 20), np.float32), 0, np.zeros((1, 1), np.int32),
            np.zeros((2, 1), np.float32),
        )  # fmt: skip
