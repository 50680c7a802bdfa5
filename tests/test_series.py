"""Encoders of time series: losses beside NumPy, masks, files, resume, the command."""

import json
import os
import signal
import subprocess
import time

import click
import numpy as np
import pytest
from wordvec_cli.main import exit_code_of, invoke

torch = pytest.importorskip("torch", reason="pip install 'wordvec[deep]'")
pytest.importorskip("safetensors", reason="pip install 'wordvec[deep]'")

from wordvec.deep import contrast, probes  # noqa: E402
from wordvec.deep.series import SeriesSet  # noqa: E402
from wordvec.deep.seriesencoder import SeriesEncoder  # noqa: E402
from wordvec.errors import DivergedError, OptionError, TrainingError, WordvecError  # noqa: E402

SMALL = {"dim": 6, "hidden": 5, "batch": 8}


def waves(n, n_steps=24, seed=0, n_channels=1):
    """Slow and fast waves with noise, and which is which."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, 2, n)
    time = np.arange(n_steps)[None, :, None]
    starts = rng.uniform(0, 6, (n, 1, n_channels))
    values = np.sin(np.where(kinds, 1.3, 0.4)[:, None, None] * time + starts)
    values += rng.normal(0, 0.1, values.shape)
    return SeriesSet(values, np.full(n, n_steps), [f"kind{k}" for k in kinds])


def log_share(scores, right):
    """-log of softmax(scores)[right], without the entry that is -inf."""
    return np.log(np.exp(scores - scores.max()).sum()) + scores.max() - scores[right]


def test_nt_xent():
    rng = np.random.default_rng(1)
    z = rng.normal(size=(8, 5))
    unit = z / np.linalg.norm(z, axis=1)[:, None]
    scores = unit @ unit.T / 0.3
    np.fill_diagonal(scores, -np.inf)
    expected = np.mean([log_share(scores[i], (i + 4) % 8) for i in range(8)])
    assert float(contrast.nt_xent(torch.tensor(z), 0.3)) == pytest.approx(expected)


def test_supervised_contrast():
    rng = np.random.default_rng(2)
    z, labels = rng.normal(size=(8, 5)), np.array([0, 1, 0, 2])
    unit, of_rows = z / np.linalg.norm(z, axis=1)[:, None], np.tile(labels, 2)
    scores = unit @ unit.T / 0.2
    np.fill_diagonal(scores, -np.inf)
    expected = np.mean([
        np.mean([log_share(scores[i], p) for p in range(8) if p != i and of_rows[p] == of_rows[i]])
        for i in range(8)
    ])  # fmt: skip
    found = contrast.supervised_contrast(torch.tensor(z), torch.tensor(labels), 0.2)
    assert float(found) == pytest.approx(expected)


def twin_hierarchical(r, s):
    """The formulas of the paper, pair by pair."""

    def term(own, other, k):
        scores = np.array([own[k] @ other[j] for j in range(len(own))]
                          + [own[k] @ own[j] for j in range(len(own)) if j != k])  # fmt: skip
        return log_share(scores, k)

    def level(a, b):
        n, t = a.shape[:2]
        steps = [
            term(x[i], y[i], k) for x, y in ((a, b), (b, a)) for i in range(n) for k in range(t)
        ]
        series = [term(x[:, k], y[:, k], i) for x, y in ((a, b), (b, a)) for i in range(n)
                  for k in range(t)]  # fmt: skip
        return (np.mean(series) if n > 1 else 0) / 2 + (np.mean(steps) if t > 1 else 0) / 2

    total, n_levels = 0.0, 0
    while True:
        total, n_levels = total + level(r, s), n_levels + 1
        if r.shape[1] == 1:
            return total / n_levels
        half = r.shape[1] // 2
        r, s = (x[:, : 2 * half].reshape(len(x), half, 2, -1).max(axis=2) for x in (r, s))


@pytest.mark.parametrize("shape", [(3, 5, 4), (1, 4, 2), (2, 1, 3), (2, 7, 1), (1, 1, 2)])
def test_hierarchical_contrast(shape):
    rng = np.random.default_rng(3)
    r, s = rng.normal(size=(2, *shape))
    found = float(contrast.hierarchical(torch.tensor(r), torch.tensor(s)))
    assert found == pytest.approx(twin_hierarchical(r, s))


@pytest.mark.parametrize("arch", ["gru", "conv"])
@pytest.mark.parametrize("loss", ["ae", "contrast"])
def test_kinds_are_told_apart(arch, loss):
    if (arch, loss) == ("conv", "ae"):
        with pytest.raises(OptionError, match="loss"):
            SeriesEncoder(arch=arch, loss=loss)
        return
    train, test = waves(40), waves(60, seed=1)
    settings = SMALL | ({"hidden": 16, "dim": 16, "iterations": 120} if arch == "gru" else
                        {"iterations": 30})  # fmt: skip
    encoder = SeriesEncoder(arch=arch, loss=loss, **settings).fit(train)
    losses = encoder.learned.losses
    assert np.mean(losses[-5:]) < np.mean(losses[:5])
    rows = [encoder.embed(series) for series in (train, test)]
    assert rows[1].shape == (60, encoder.dim) and rows[1].dtype == np.float32
    accuracy = probes.logistic_accuracy(rows[0], train.labels, rows[1], test.labels)
    assert accuracy > 0.9


@pytest.mark.parametrize("arch", ["gru", "conv"])
def test_what_stands_behind_the_end_changes_nothing(arch):
    train = waves(12, n_channels=2)
    encoder = SeriesEncoder(arch=arch, iterations=3, **SMALL).fit(train)
    one = SeriesSet.of_arrays([train.values[0, :9]])
    both = SeriesSet.of_arrays([train.values[0, :9], train.values[1], np.full((4, 2), np.nan)])
    rows = encoder.embed(both)
    np.testing.assert_allclose(rows[0], encoder.embed(one)[0], rtol=1e-4, atol=1e-5)
    assert not rows[2].any() and rows[1].any()
    steps = encoder.embed_steps(both)
    assert steps.shape[:2] == (3, 24) and np.isnan(steps[0, 9:]).all()
    assert np.isfinite(steps[0, :9]).all()
    holes = SeriesSet.of_arrays(
        [np.where(np.arange(24)[:, None] % 5 == 0, np.nan, train.values[2])]
    )
    assert np.isfinite(encoder.embed(holes)).all()


@pytest.mark.parametrize("settings", [{}, {"loss": "contrast"}, {"arch": "conv"}], ids=str)
def test_odd_sets_train(settings):
    sets = [
        SeriesSet.of_arrays([np.array([1.0])]),
        SeriesSet.of_arrays([np.array([1.0, 2]), np.array([np.nan, np.nan, np.nan])]),
        SeriesSet.of_arrays([np.ones((7, 3)), np.ones((2, 3))]),
    ]
    for series in sets:
        encoder = SeriesEncoder(iterations=3, **SMALL, **settings).fit(series)
        assert np.isfinite(encoder.embed(series)).all()


def test_same_seed_same_numbers_and_files(tmp_path):
    train = waves(20)
    first = SeriesEncoder(iterations=5, seed=3, **SMALL).fit(train)
    again = SeriesEncoder(iterations=5, seed=3, **SMALL).fit(train)
    other = SeriesEncoder(iterations=5, seed=4, **SMALL).fit(train)
    assert first.learned.losses == again.learned.losses != other.learned.losses
    first.save(tmp_path / "m")
    loaded = SeriesEncoder.load(tmp_path / "m")
    np.testing.assert_array_equal(loaded.embed(train), first.embed(train))
    assert loaded.options == first.options and loaded.learned.losses == first.learned.losses


class Stop(Exception):
    pass


@pytest.mark.parametrize("arch", ["gru", "conv"])
def test_resume_ends_with_the_same_numbers(tmp_path, monkeypatch, arch):
    train = waves(20)
    settings = {"arch": arch, "iterations": 12, **SMALL}
    fit = {"held_out": 0.2, "checkpoint_seconds": 0}
    whole = SeriesEncoder(**settings).fit(train, held_out=0.2)
    state = str(tmp_path / "state")

    def stop_at(n):
        def report(progress):
            if progress.n_done >= n:
                raise Stop

        return report

    monkeypatch.setattr("wordvec.deep.learning.REPORT_SECONDS", 0)
    for n in (4, 9):
        with pytest.raises(Stop):
            SeriesEncoder(**settings).fit(train, checkpoint=state, reporter=stop_at(n), **fit)
    resumed = SeriesEncoder(**settings).fit(train, checkpoint=state, **fit)
    assert resumed.learned.losses == whole.learned.losses
    assert resumed.learned.held_out == whole.learned.held_out
    np.testing.assert_array_equal(resumed.embed(train), whole.embed(train))
    for changed, message in (({"lr": 0.1}, "with lr "), ({"hidden": 4}, "with hidden 5, not 4")):
        with pytest.raises(TrainingError, match=message):
            SeriesEncoder(**(settings | changed)).fit(train, checkpoint=state, **fit)
    with pytest.raises(TrainingError, match="with data "):
        SeriesEncoder(**settings).fit(waves(20, seed=9), checkpoint=state, **fit)


def test_held_out_loss_keeps_the_best_and_ends_early():
    train = waves(12)
    encoder = SeriesEncoder(iterations=400, lr=0.2, **SMALL).fit(train, held_out=0.3, patience=2)
    looks = [loss for _, loss in encoder.learned.held_out]
    assert encoder.learned.stopped_early and encoder.learned.n_steps < 400
    assert min(looks) == looks[-3] and np.isfinite(encoder.embed(train)).all()
    for share in (0.01, 0.99, 1, -1):
        with pytest.raises(OptionError, match="held_out"):
            SeriesEncoder(**SMALL).fit(train, held_out=share)


def test_divergence_is_an_error(tmp_path, monkeypatch):
    from wordvec.deep import seriesnets

    monkeypatch.setattr(seriesnets.Gru, "loss", lambda self, x: self.summary.weight.sum() * np.nan)
    with pytest.raises(DivergedError, match=r"batch 1 is nan at learning rate 0\.005"):
        SeriesEncoder(**SMALL).fit(waves(9))


def test_logistic_regression_is_scikit_learns():
    linear = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(90, 4)), rng.normal(size=(300, 4))
    labels, others = ([str((row[0] > 0) + (row[1] > 0.5)) for row in rows] for rows in (x, y))
    scaled, scaled_test = probes.standardised(x, y)
    model = linear.LogisticRegression(C=1.0, max_iter=5000).fit(scaled, labels)
    found = probes.logistic_accuracy(x, labels, y, others)
    assert found == pytest.approx(model.score(scaled_test, others), abs=0.004)


def test_nearest():
    train, test = np.array([[1.0, 0], [0, 5]]), np.array([[3.0, 1], [0.1, 1]])
    assert probes.nearest_accuracy(train, ["a", "b"], test, ["a", "a"]) == 1.0
    assert probes.nearest_accuracy(train, ["a", "b"], test, ["a", "a"], by_cosine=True) == 0.5


# ---- the command ------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path):
    for name, n, seed in (("train", 30, 0), ("test", 20, 1)):
        series = waves(n, seed=seed)
        lines = [
            ",".join(f"{value:.6f}" for value in row[:, 0]) + f":{label}"
            for row, label in zip(series.values, series.labels, strict=True)
        ]
        text = "@classLabel true kind0 kind1\n@data\n" + "\n".join(lines)
        (tmp_path / f"{name}.ts").write_text(text)
    return tmp_path


FLAGS = ["--iterations", "20", "--hidden", "8", "--dim", "8"]


def test_command(wordvec, files):
    done = wordvec(
        "series", "train.ts", "-o", "v.txt", "--model", "m", "--probe", "test.ts", *FLAGS
    )
    assert done.returncode == 0, done.stderr
    assert b"v.txt and m: 30 series of 1 channels, 24 dimensions, 20 batches" in done.stdout
    assert b"logistic regression on the vectors" in done.stdout and done.stderr == b""
    assert (files / "v.txt").read_text().startswith("30 24\n0 ")
    done = wordvec("series", "embed", "m", "train.ts", "-o", "w.txt")
    assert done.returncode == 0, done.stderr
    assert (files / "w.txt").read_bytes() == (files / "v.txt").read_bytes()
    done = wordvec("series", "embed", "m", "test.ts", "-o", "steps.npz", "--steps")
    assert done.returncode == 0 and np.load(files / "steps.npz")["data"].shape == (20, 24, 8)
    done = wordvec("series", "train.ts", "--probe", "test.ts", *FLAGS, "--json")
    assert set(json.loads(done.stdout)["probe"]) == {"logistic", "nearest", "nearest_raw"}


def test_command_refuses(monkeypatch, files):
    monkeypatch.chdir(files)
    (files / "two.ts").write_text("@classLabel true a\n@data\n1:2:a\n")
    (files / "plain.ts").write_text("@classLabel false\n@data\n1,2\n")
    (files / "bad.ts").write_text("@data\n1,x:a\n")
    (files / "other").write_bytes(b"no model")
    train = ["train.ts", *FLAGS]
    for arguments, code, said in (
        ([*train], 2, "nothing to do"),
        ([*train, "-o", "v.txt", "--patience", "3"], 2, "--patience needs --held-out"),
        ([*train, "-o", "v.txt", "--arch", "conv", "--loss", "ae"], 2, "loss: expected contrast"),
        ([*train, "-o", "none/v.txt"], 1, "does not exist"),
        ([*train, "-o", "v.txt", "--probe", "two.ts"], 2, "two.ts: expected 1 channels"),
        ([*train, "-o", "v.txt", "--probe", "plain.ts"], 2, "no labels"),
        (["bad.ts", "-o", "v.txt"], 2, "bad.ts: line 2: expected a number, found 'x'"),
        (["none.ts", "-o", "v.txt"], 1, "none.ts"),
        (["embed", "other", "train.ts", "-o", "v.txt"], 1, "expected a series file of wordvec"),
    ):
        with pytest.raises((click.UsageError, WordvecError, OSError), match=said) as caught:
            invoke(["series", *arguments])
        assert exit_code_of(caught.value) == code, arguments
    assert not (files / "v.txt").exists()


def test_ctrl_c_keeps_what_was_reached(command, command_environment, files):
    job = [*command, "series", "train.ts", "--iterations", "1000000", "-o", "v.txt", "--checkpoint",
           "state", "--model", "m"]  # fmt: skip
    child = subprocess.Popen(job, cwd=files, env=command_environment, stderr=subprocess.PIPE)
    while child.poll() is None and not (files / "state").exists():
        time.sleep(0.1)
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=60)
    assert child.returncode == 130
    assert {"v.txt", "m", "state"} <= set(os.listdir(files))
