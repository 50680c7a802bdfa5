"""Learning rates that are too high: reported, and nothing but numbers is left behind."""

import numpy as np
import pytest
from test_fasttext import sentences

from wordvec.errors import DivergedError
from wordvec.fasttext import train_unsupervised
from wordvec.models.classifier import train_supervised
from wordvec.models.wordmodel import train_unsupervised as train_words
from wordvec.options import FastTextOptions
from wordvec.trainer import Schedule, run

LOSSES = ["ns", "hs", "softmax", "ova"]


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("divergence") / "text"
    path.write_text("\n".join(" ".join(words) for words in sentences(800)) + "\n")
    return str(path)


def assert_numbers(model):
    for matrix in (model.input, model.output):
        assert np.isfinite(matrix.block(0, matrix.n_rows)).all()
    assert np.isfinite(model.vocabulary_vectors()).all()


@pytest.mark.parametrize("workers", [1, 2, 12])
@pytest.mark.parametrize("rate", [50, 1000, 1e9])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("settings", [{"sg": 1}, {"sg": 0}, {"sg": 0, "cbow_mean": 0}], ids=str)
def test_word_vectors(text, loss, rate, settings, workers):
    options = FastTextOptions(
        loss=loss, alpha=rate, workers=workers, vector_size=9, min_count=1, sample=0, bucket=300,
        epochs=2, **settings,
    )  # fmt: skip
    try:
        model = train_words(text, options)
    except DivergedError as error:
        assert f"start lower than {rate:g}" in str(error) and "in epoch " in str(error)
        assert error.model.dictionary.n_words == 41
        model = error.model
    else:
        assert rate == 50 and np.isfinite(model.outcome.loss)
    assert_numbers(model)


@pytest.mark.parametrize("workers", [1, 12])
def test_the_rate_of_the_tutorial_learns(shared_data, tmp_path, workers):
    """-lr 0.5: noise words shared by a window end with three times the loss of no training."""
    source = shared_data / "classify" / "cooking.train"
    if not source.exists():
        pytest.skip(f"no {source}")
    words = source.read_bytes().split()[::2]
    (tmp_path / "text").write_bytes(b" ".join(words)[:400_000])
    options = FastTextOptions(
        sg=1, alpha=0.5, epochs=1, workers=workers, bucket=30_000, sample=1e-4
    )  # fmt: skip
    model = train_words(str(tmp_path / "text"), options)
    assert model.outcome.loss < 0.9 * 6 * np.log(2)


@pytest.mark.parametrize("workers", [1, 2, 12])
@pytest.mark.parametrize("loss", LOSSES)
def test_classifiers(tmp_path, loss, workers):
    rng = np.random.default_rng(0)
    path = tmp_path / "text"
    path.write_text(
        "\n".join(
            f"__label__{rng.integers(0, 40)} " + " ".join(map(str, rng.integers(0, 50, 8)))
            for _ in range(1500)
        )
    )
    for rate in (50, 1000, 1e9):
        try:
            model = train_supervised(
                str(path), loss=loss, alpha=rate, workers=workers, vector_size=9, epochs=2
            )
        except DivergedError as error:
            assert f"start lower than {rate:g}" in str(error)
            model = error.model
        assert_numbers(model)


@pytest.mark.parametrize("kind", ["skipgram", "cbow"])
def test_no_file_is_written(wordvec, text, tmp_path, kind):
    result = wordvec(
        "fasttext", kind, "-input", text, "-output", "m", "-lr", 1000, "-minCount", 1, "-t", 1,
        "-dim", 5, "-bucket", 100, "-thread", 2,
    )  # fmt: skip
    message = result.stderr.decode()
    assert result.returncode == 1 and "in epoch 1 at learning rate" in message
    assert "nothing was written: lower -lr (1000)" in message and "Traceback" not in message
    assert list(tmp_path.glob("m*")) == []


def test_the_module_raises(text):
    with pytest.raises(DivergedError, match="epoch 1 at learning rate"):
        train_unsupervised(text, lr=1000, minCount=1, t=1, dim=5, bucket=100, thread=2, verbose=0)


class _Shards:
    """A worker that notes who is at work when a shard is trained."""

    n_examples = 0
    loss = 0.0

    def __init__(self, busy, seen):
        self.busy, self.seen = busy, seen

    def train_shard(self, first, end, epoch_key, shard_key, rate):
        self.busy.append(first)
        self.seen.append((first, len(self.busy)))
        for _ in range(2000):
            pass
        self.busy.remove(first)


@pytest.mark.parametrize("n_alone", [0, 1, 3])
def test_the_first_shards_are_trained_alone(n_alone):
    """Losses over all labels diverged now and then with 12 threads on 2 cores, when several began
    at once."""
    busy, seen = [], []
    schedule = Schedule(200, 2, 0.1, 0.0, 1, 10)
    outcome = run(schedule, lambda: _Shards(busy, seen), 8, lambda progress: None, n_alone)
    assert outcome.n_tokens_trained == 400 and len(seen) == 40
    assert [first for first, _ in seen[:n_alone]] == [0, 10, 20][:n_alone]
    assert all(n_busy == 1 for _, n_busy in seen[:n_alone])


def test_an_error_in_the_first_shard_stops_all():
    class Broken(_Shards):
        def train_shard(self, *_):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(Schedule(50, 1, 0.1, 0.0, 1, 10), lambda: Broken([], []), 4, lambda _: None, 1)
