"""The search for settings: what it tries, keeps, refuses and says."""

import io
import json
import math

import numpy as np
import pytest
from fasttext_data import labelled_lines

from wordvec.errors import OptionError, WordvecError
from wordvec.models.classifier import train_supervised
from wordvec.options import AutotuneOptions, ClassifierOptions
from wordvec.quantize import quantize_model
from wordvec.tune import (
    RANGES,
    STARTS,
    Candidate,
    Failed,
    FileSizes,
    Metric,
    Search,
    Trial,
    autotune,
    file_bytes,
    next_candidate,
    parse_size,
)

FIRST = Candidate(ClassifierOptions(workers=1))


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    path = tmp_path_factory.mktemp("labelled") / "train.txt"
    path.write_text("\n".join(labelled_lines(300)) + "\n")
    return str(path)


@pytest.mark.parametrize(
    ("text", "metric"),
    [
        ("f1", Metric("f1")),
        ("f1:__label__a", Metric("f1", 0.0, "__label__a")),
        ("f1:a:b", Metric("f1", 0.0, "a:b")),
        ("precisionAtRecall:30", Metric("precision", 0.3)),
        ("recallAtPrecision:5.5:x", Metric("recall", 0.055, "x")),
    ],
)
def test_metrics(text, metric):
    assert Metric.parse(text) == metric


@pytest.mark.parametrize("text", ["f2", "", "precisionAtRecall", "recallAtPrecision:x", "f1:"])
def test_bad_metrics(text):
    with pytest.raises(WordvecError, match="metric"):
        Metric.parse(text)


def test_sizes():
    assert [parse_size(text) for text in ("", "300", "2k", "3M", "1G")] == [
        None, 300, 2000, 3_000_000, 10**9
    ]  # fmt: skip
    for text in ("x", "1.5M", "0", "-3"):
        with pytest.raises(OptionError):
            parse_size(text)


def test_candidates_stay_in_their_ranges_and_vary():
    rng = np.random.default_rng(1)
    seen = []
    best = FIRST
    for k in range(300):
        best = next_candidate(best, k / 300, (), rng)
        seen.append(best)
        assert best.options.max_n in (0, best.options.min_n + 3)
        assert best.dsub in (2, 4, 8, 16)
    for name in ("epochs", "alpha", "vector_size", "bucket", "word_ngrams"):
        values = [getattr(candidate.options, name) for candidate in seen]
        assert RANGES[name].low <= min(values) < max(values) <= RANGES[name].high
        assert len(set(values)) > 4


def test_frozen_settings_stay():
    rng = np.random.default_rng(1)
    for _ in range(50):
        candidate = next_candidate(FIRST, 0.1, {"epochs", "min_n", "dsub"}, rng)
        assert (candidate.options.epochs, candidate.options.min_n) == (5, 0)
        assert (candidate.options.max_n, candidate.dsub) == (0, 2)


def run_search(seed, judge, n_trials=30, **settings):
    search, log = Search(), io.StringIO()
    options = AutotuneOptions(seed=seed, n_trials=n_trials, **settings)
    search.run(FIRST, judge, options, (), log)
    return search, [json.loads(line) for line in log.getvalue().splitlines()]


def near_one(candidate, deadline):
    """Best at a rate of 1 in 60 dimensions."""
    options = candidate.options
    return 1 / (1 + abs(math.log(options.alpha)) + abs(math.log(options.vector_size / 60))), None


def test_the_search_finds_better_and_is_its_seeds():
    search, log = run_search(3, near_one)
    again = run_search(3, near_one)[1]
    other = run_search(4, near_one)[1]
    settings = [[trial[name] for name in ("alpha", "vector_size")] for trial in log]
    assert settings == [[trial[name] for name in ("alpha", "vector_size")] for trial in again]
    assert settings != [[trial[name] for name in ("alpha", "vector_size")] for trial in other]
    assert len(log) == 30 and log[0]["alpha"] == 0.1
    assert [trial["epochs"] for trial in log[1:5]] == [start["epochs"] for start in STARTS]
    assert search.best.score == max(trial["score"] for trial in log) > log[0]["score"]
    assert [trial["best"] for trial in log].count(True) >= 2


def test_failures_are_passed_over():
    calls = iter(["diverged", "memory", None, "size"])

    def judge(candidate, deadline):
        status = next(calls)
        if status:
            raise Failed(status)
        return 0.5, 100

    search, log = run_search(1, judge, n_trials=4)
    assert [trial["status"] for trial in log] == ["diverged", "memory", "scored", "size"]
    assert search.best.number == 3 and search.best.n_bytes == 100


def test_an_interrupt_keeps_the_best():
    calls = []

    def judge(candidate, deadline):
        calls.append(candidate)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return 0.1 * len(calls), None

    search, log = run_search(1, judge)
    assert search.interrupted and len(log) == 3 and log[2]["status"] == "interrupted"
    assert search.best.number == 2


def test_no_time():
    search, log = run_search(1, near_one, duration=0)
    assert search.best is None and log == []


def test_autotune_trains_the_best(labelled):
    tuned = autotune(
        labelled, labelled, ClassifierOptions(workers=1, vector_size=8),
        AutotuneOptions(n_trials=3, duration=30), frozen={"vector_size", "bucket"},
    )  # fmt: skip
    assert tuned.model.dim == 8 and tuned.search.n_trials == 3
    assert tuned.model.args.epochs == tuned.candidate.options.epochs
    assert tuned.search.best.score > 0.9


def test_too_short_and_unknown_labels(labelled, tmp_path):
    options = ClassifierOptions(workers=1)
    with pytest.raises(WordvecError, match="increase `autotune-duration`"):
        autotune(labelled, labelled, options, AutotuneOptions(duration=0))
    with pytest.raises(WordvecError, match="Unknown autotune metric label"):
        autotune(labelled, labelled, options, AutotuneOptions(metric="f1:none", n_trials=1))
    for text in ("", "no label at all\n", "__label__never cat dog\n"):
        (tmp_path / "valid").write_text(text)
        with pytest.raises(WordvecError, match="valid: no line of it has a label of"):
            autotune(labelled, tmp_path / "valid", options, AutotuneOptions(n_trials=1))
    with pytest.raises(WordvecError, match="increase `autotune-modelsize`"):
        autotune(labelled, labelled, options, AutotuneOptions(model_size="1K", n_trials=1))


@pytest.mark.parametrize(("dim", "dsub", "n_labels"), [(8, 2, 3), (7, 4, 3), (9, 2, 300)])
def test_file_sizes_are_exact(tmp_path, dim, dsub, n_labels):
    lines = [f"__label__{k % n_labels} w{k * 7} w{k % 50}" for k in range(700)]
    path = tmp_path / "t"
    path.write_text("\n".join(lines) + "\n")
    model = train_supervised(
        str(path), vector_size=dim, workers=1, word_ngrams=2, bucket=1000, epochs=1
    )
    qout = n_labels >= 256
    sizes = FileSizes(model, dsub, qout)
    for cutoff in (256, 500, 10**9):
        small = quantize_model(model, dsub=dsub, qnorm=True, qout=qout, cutoff=cutoff)
        assert file_bytes(small) == sizes.bytes_at(cutoff)
    fits = sizes.bytes_at(500)
    assert sizes.largest_cutoff(fits) == 500
    assert sizes.largest_cutoff(fits - 1) < 500


def test_settings_that_take_too_long_are_passed_over():
    search = Search()
    first = Trial(1, FIRST, "scored", 0.5, seconds=1.0, elapsed=1.0)
    search.trials.append(first)
    slow = FIRST.changed({"epochs": 90}, ())
    fast = FIRST.changed({"epochs": 6}, ())
    starts = [slow, fast]
    assert search._choose(starts, lambda: slow, seconds_left=2.0) == fast and not starts
    draws = iter([slow, slow, fast, slow])
    assert search._choose([], lambda: next(draws), seconds_left=2.0) == fast
    assert search._choose([], lambda: slow, seconds_left=2.0) == slow  # none fits: the cheapest
    assert search._choose([slow], lambda: fast, seconds_left=math.inf) == slow


def test_starts_leave_frozen_settings_alone():
    calls = []

    def judge(candidate, deadline):
        calls.append(candidate.options)
        return 0.1, None

    Search().run(FIRST, judge, AutotuneOptions(n_trials=8), {"epochs", "alpha", "min_n", "max_n"})
    assert {(options.epochs, options.alpha, options.max_n) for options in calls} == {(5, 0.1, 0)}
    assert [options.word_ngrams for options in calls[:2]] == [1, 2]
    assert calls.count(calls[1]) == 1  # equal starts are tried once
