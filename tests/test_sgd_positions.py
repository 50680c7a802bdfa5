"""Position-weighted CBOW: the kernel against its twin, and what it can learn that CBOW cannot."""

import numpy as np
import pytest
import reference
from test_sgd_subwords import RATE, Setup, outputs_of, path_of

from wordvec import FastText
from wordvec.errors import DivergedError, OptionError
from wordvec.kernels import sgd
from wordvec.memory import zero_rows

WINDOW = 5


def positions_of(dim):
    rows = zero_rows(2 * WINDOW, sgd.padded(dim))
    rows[:, :dim] = np.random.default_rng(4).normal(1, 0.3, (2 * WINDOW, dim))
    return rows


@pytest.mark.parametrize("mean", [True, False])
@pytest.mark.parametrize("hs", [True, False])
@pytest.mark.parametrize("dim", [1, 15, 16, 17, 33])
def test_cbow_by_places(level, hs, mean, dim):
    setup = Setup(n_words=3000, dim=dim, n_tokens=50)  # n-grams that everybody shares diverge soon
    setup.keep[:] = 2**32 - 1
    for rows in setup.rows.values():
        rows *= 0.3
    places = positions_of(dim)
    d = places[:, :dim].astype(np.float64)
    worker, twin = setup.train(
        negative=0 if hs else 5, hs=hs, use_cbow=True, cbow_mean=mean, negatives="window",
        position_rows=places,
    )  # fmt: skip
    stream, loss = reference.Stream(99), 0.0
    centres = [centre for centre, *_ in worker.contexts()[0]]
    walk = setup.walk(twin, worker)
    for i, (word, positions, ring) in zip(centres, walk, strict=True):
        if hs:
            outputs, labels = path_of(setup, word)
        else:
            noise = reference.shared_noise(stream, setup.aliases, 5, False)
            outputs, labels = outputs_of(word, noise)
        if not positions:
            continue
        n_rows = np.array([len(setup.rows_of[ring.kept[p]]) for p in positions])
        shares = n_rows / (n_rows.sum() if mean else 1)
        index = [WINDOW + p - i - (p > i) for p in positions]
        u = np.array([ring.hidden[p] for p in positions])
        hidden = (shares[:, None] * d[index] * u).sum(axis=0)
        matrix = twin["n" if hs else "o"]
        x, y, part = reference.update_block(
            hidden[None], matrix[outputs], np.array(labels)[:, None], RATE
        )
        matrix[outputs] = y
        loss += part
        step = (x[0] - hidden) / (1 if mean else n_rows.sum())
        for k, p in enumerate(positions):
            ring.hidden[p] += step * d[index[k]]
        d[index] += shares[:, None] * step * u
    setup.check(twin, worker, loss)
    np.testing.assert_allclose(places[:, :dim], d, atol=3e-4)
    assert np.abs(places[:, :dim] - positions_of(dim)[:, :dim]).max() > 1e-4
    assert (places[:, dim:] == 0).all()


def test_weights_of_one_are_plain_cbow(level):
    """For the first centre, before they change."""
    results = []
    for weighted in (False, True):
        setup = Setup(n_words=3000)
        ones = zero_rows(2 * WINDOW, sgd.padded(20))
        ones[:, :20] = 1
        setup.train(
            0, 1, use_cbow=True, negatives="window", position_rows=ones if weighted else None
        )
        results.append(setup.rows)
    for name in "io":
        np.testing.assert_allclose(results[0][name], results[1][name], atol=1e-6)


def test_shapes():
    rows = zero_rows(30, 16)
    for wrong in (zero_rows(9, 16), zero_rows(10, 32)):
        with pytest.raises(ValueError, match="position_rows"):
            sgd.Model(rows, use_cbow=True, negative=0, position_rows=wrong)
    with pytest.raises(ValueError, match="for CBOW"):
        sgd.Model(rows, negative=0, position_rows=zero_rows(10, 16))


def next_words():
    """Sentences in which each word tells the next but not the one before."""
    rng = np.random.default_rng(0)
    follower = rng.permutation(30)
    text = []
    for _ in range(1500):
        a, b = rng.integers(0, 30, 2)
        text.append([f"w{a}", f"v{follower[a]}", f"w{b}", f"v{follower[b]}"])
    return text


SMALL = {
    "sg": 0, "vector_size": 16, "window": 2, "min_count": 1, "sample": 0, "epochs": 8,
    "alpha": 0.1, "shrink_windows": False, "bucket": 100, "max_n": 0,
}  # fmt: skip


@pytest.mark.parametrize("workers", [1, 3])
def test_places_tell_what_the_mean_cannot(workers):
    text = next_words()
    plain = FastText(text, workers=workers, **SMALL)
    weighted = FastText(text, workers=workers, position_weights=True, **SMALL)
    assert weighted.outcome.loss < 0.9 * plain.outcome.loss
    places = weighted.trained.weights.position_rows
    assert places.shape == (4, 16) and np.abs(places - 1).max() > 0.1


def test_one_seed_one_model():
    first, second = (
        FastText(next_words(), workers=1, position_weights=True, **SMALL | {"epochs": 1})
        for _ in range(2)
    )
    assert np.array_equal(first.wv.vectors, second.wv.vectors)


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("rate", [50, 1e5, 1e9])
def test_divergence(rate, workers):
    with pytest.raises(DivergedError, match="start lower than") as caught:
        FastText(next_words(), workers=workers, position_weights=True, **SMALL | {"alpha": rate})
    weights = caught.value.model.network.weights
    for rows in (weights.in_rows, weights.out_rows, weights.position_rows):
        assert np.isfinite(rows).all()


@pytest.mark.parametrize("settings", [{"sg": 1}, {"loss": "softmax"}, {"loss": "ova"}])
def test_only_for_cbow(settings):
    with pytest.raises(OptionError, match="position_weights"):
        FastText(position_weights=True, **settings)
