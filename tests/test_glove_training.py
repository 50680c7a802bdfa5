"""GloVe's training: the kernel beside a float64 twin, start, resume, streaming, bad input."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wordvec.errors import DivergedError, FormatError, TrainingError
from wordvec.kernels import simd
from wordvec.models.glove import Parameters, train_glove
from wordvec.options import GloveOptions
from wordvec.records import RECORD

N_WORDS = 30


def some_records(n: int, seed: int = 1) -> Any:
    random = np.random.default_rng(seed)
    made = np.empty(n, RECORD)
    made["row"], made["column"] = random.integers(1, N_WORDS + 1, (2, n))
    made["value"] = random.lognormal(2, 2, n)
    return made


def twin(weights: Any, squares: Any, made: Any, options: GloveOptions) -> float:
    """One epoch of glove in float64, as the original does it; changes its arguments."""
    total = 0.0
    for i, j, value in made.tolist():
        (w, c), (g, h) = weights[[0, 1], [i - 1, j - 1]], squares[[0, 1], [i - 1, j - 1]]
        diff = w[:-1] @ c[:-1] + w[-1] + c[-1] - np.log(value)
        fd = min(1.0, (value / options.x_max) ** options.alpha) * diff
        total += 0.5 * fd * diff
        t = np.clip(fd * np.stack([c, w]), -options.grad_clip, options.grad_clip) * options.eta
        t[:, -1] = fd
        weights[[0, 1], [i - 1, j - 1]] -= t / np.sqrt(np.stack([g, h]))
        squares[[0, 1], [i - 1, j - 1]] += t**2
    return total / len(made)


@pytest.mark.parametrize("level", simd.available())
@pytest.mark.parametrize("dim", [1, 3, 4, 7, 8, 15, 16, 17, 31, 33, 50, 300])
def test_kernel_equals_float64_twin(level: str, dim: int) -> None:
    before = simd.active()
    options = GloveOptions(vector_size=dim, epochs=2, workers=1, grad_clip=0.05, x_max=10)
    made = some_records(400, dim)
    start = Parameters.start(N_WORDS, dim, 1)
    weights, squares = start.weights, start.squares
    costs = [twin(weights, squares, made, options) for _ in range(2)]
    try:
        simd.use(level)
        trained = train_glove(made, N_WORDS, options)
    finally:
        simd.use(before)
    np.testing.assert_allclose(trained.costs, costs, rtol=2e-3)
    np.testing.assert_allclose(trained.parameters.weights, weights, atol=3e-3)
    np.testing.assert_allclose(trained.parameters.squares, squares, rtol=2e-2, atol=1e-3)
    assert np.ptp(weights) > 0.1


def test_start_is_that_of_the_original() -> None:
    first = (1804289383 / 2147483647 - 0.5) / 4
    assert Parameters.start(3, 4, 1).weights[0, 0, 0] == np.float32(first)


def test_resume_and_streaming_equal_one_run(tmp_path: Path) -> None:
    made = some_records(150_000)
    made.tofile(tmp_path / "records.bin")
    kept: dict[int, tuple[Any, Any]] = {}
    whole = train_glove(
        tmp_path / "records.bin", N_WORDS, GloveOptions(vector_size=9, epochs=4, workers=1),
        memory=1,
        after_epoch=lambda epoch, cost, p: kept.update({epoch: (p.weights, p.squares)}),
    )  # fmt: skip
    assert sorted(kept) == [1, 2, 3, 4] and whole.n_epochs_done == 4
    half = GloveOptions(vector_size=9, epochs=2, workers=1)
    again = train_glove(made, N_WORDS, half, parameters=Parameters.of(*kept[2]))
    assert again.costs == pytest.approx(whole.costs[2:], rel=1e-12)
    np.testing.assert_array_equal(again.parameters.weights, whole.parameters.weights)
    np.testing.assert_array_equal(again.parameters.squares, whole.parameters.squares)


def test_two_threads_reach_the_same_cost() -> None:
    made = some_records(300_000)
    costs = [
        train_glove(made, N_WORDS, GloveOptions(vector_size=8, epochs=3, workers=n)).costs[-1]
        for n in (1, 2)
    ]
    assert costs[1] == pytest.approx(costs[0], rel=0.1)


def test_bad_input(tmp_path: Path) -> None:
    options = GloveOptions(vector_size=4, epochs=1, workers=1)
    made = some_records(10)
    with pytest.raises(FormatError, match="vocabulary"):
        train_glove(made, int(made["row"].min()), options)
    (tmp_path / "cut.bin").write_bytes(made.tobytes()[:-5])
    with pytest.raises(FormatError, match="16 bytes"):
        train_glove(tmp_path / "cut.bin", N_WORDS, options)
    weights = np.zeros((2, N_WORDS, 5))
    weights[1, 2, 3] = np.nan
    with pytest.raises(TrainingError, match="context row 2, number 3"):
        Parameters.of(weights, None)
    with pytest.raises(TrainingError, match="squared gradients"):
        Parameters.of(np.zeros((2, N_WORDS, 5)), np.zeros((2, N_WORDS, 5)))


@pytest.mark.parametrize("n_words", [3, 250])
def test_rows_of_text_files(n_words: int) -> None:
    start = Parameters.start(n_words, 4, 7)
    words, contexts = start.weights
    both = (words + contexts)[:, :-1]
    shapes = [start.text_rows(model, 1, n_words).shape for model in (0, 1, 2, 3)]
    assert shapes == [(n_words - 1, n) for n in (10, 4, 4, 8)]
    np.testing.assert_allclose(start.text_rows(2, 0, n_words), both, atol=1e-7)
    rare = both[-min(100, n_words) :].mean(axis=0)
    np.testing.assert_allclose(start.rare_row(2), [rare], atol=1e-7)
    np.testing.assert_array_equal(start.text_rows(0, 0, 1), [[*words[0], *contexts[0]]])
    np.testing.assert_array_equal(start.text_rows(3, 0, 1), [[*words[0, :4], *contexts[0, :4]]])
    np.testing.assert_array_equal(
        np.concatenate(list(start.blocks())), np.vstack([words, contexts])
    )
    assert np.all(np.concatenate(list(start.blocks(squares=True))) == 1)


def test_one_report_for_all_epochs() -> None:
    """With a pause after every epoch, progress still runs from 0 to the end once."""
    reports: list[Any] = []
    options = GloveOptions(vector_size=4, epochs=5, workers=1)
    made = some_records(100)
    start = Parameters.start(N_WORDS, 4, 1)
    train_glove(
        made, N_WORDS, options, reports.append, parameters=start, first_epoch=2,
        after_epoch=lambda *_: None,
    )  # fmt: skip
    done = [report.n_done for report in reports]
    assert done == sorted(done) and done[-1] == 300
    assert {(report.n_total, report.n_epochs, report.unit) for report in reports} == {
        (300, 5, "records")
    }
    assert reports[-1].epoch == 5


def test_nothing_to_train_on(tmp_path: Path) -> None:
    (tmp_path / "none.bin").touch()
    for source in (np.empty(0, RECORD), tmp_path / "none.bin"):
        with pytest.raises(TrainingError, match="no co-occurrence records"):
            train_glove(source, N_WORDS, GloveOptions())


@pytest.mark.parametrize("eta", [1e30, 1e6])
@pytest.mark.parametrize("n_threads", [1, 2])
def test_divergence_is_an_error(eta: float, n_threads: int) -> None:
    options = GloveOptions(vector_size=8, epochs=6, eta=eta, workers=n_threads, grad_clip=1e30)
    with pytest.raises(DivergedError, match=rf"rate {re.escape(f'{eta:g}')}: .*own rate is 0.05"):
        train_glove(some_records(2000), N_WORDS, options)
