"""The Word2Vec class on texts whose structure is known."""

import os
import signal
import threading
from typing import Any

import numpy as np
import pytest

import wordvec
from wordvec.errors import CorpusError, OptionError, WordvecError
from wordvec.models import word2vec

TOPICS = [[f"t{topic}w{word}" for word in range(8)] for topic in range(5)]


def sentences(n=3000, seed=0):
    """Each sentence takes its words from one topic, so words of a topic belong together."""
    rng = np.random.default_rng(seed)
    return [list(rng.choice(TOPICS[rng.integers(5)], 10)) for _ in range(n)]


def train(**options: Any) -> wordvec.Word2Vec:
    settings: dict[str, Any] = {
        "vector_size": 20, "min_count": 1, "sample": 0, "workers": 1, "epochs": 4, "alpha": 0.05,
    }  # fmt: skip
    return wordvec.Word2Vec(sentences(), **(settings | options))


def share_of_neighbours_in_topic(model):
    """Of the 7 nearest words of each word, how many come from its own topic."""
    found = [
        word[:2] == other[:2]
        for topic in TOPICS
        for word in topic
        for other, _ in model.wv.most_similar(word, topn=7)
    ]
    return np.mean(found)


@pytest.mark.parametrize(
    "options",
    [
        {"sg": 1},
        {"sg": 1, "negatives": "window"},
        {"sg": 1, "negatives": "pair"},
        {"sg": 1, "negative": 12},
        {"sg": 1, "hs": 1, "negative": 0},
        {"sg": 1, "hs": 1},
        {"sg": 0},
        {"sg": 0, "cbow_mean": 0},
        {"sg": 0, "hs": 1, "negative": 0},
        {"sg": 1, "shrink_windows": False, "workers": 3},
    ],
    ids=str,
)
def test_words_of_a_topic_come_together(options):
    model = train(**options)
    assert share_of_neighbours_in_topic(model) > 0.95
    assert model.outcome.n_tokens_trained == 4 * 30_000
    losses = model.outcome.epoch_losses
    assert len(losses) == 4 and losses[-1] < losses[0]
    assert model.loss_history == losses
    assert model.get_latest_training_loss() == pytest.approx(model.outcome.loss_sum)


def test_untrained_words_do_not():
    """The measure above must be able to fail."""
    assert share_of_neighbours_in_topic(train(sg=1, alpha=0, min_alpha=0)) < 0.4


def test_same_seed_same_bytes():
    def vectors(**options: Any) -> bytes:
        return bytes(train(sg=1, **options).wv.vectors.tobytes())

    assert vectors(seed=5) == vectors(seed=5)
    assert vectors(seed=5) != vectors(seed=6)


def test_threads_see_the_same_tokens():
    one, three = train(sg=1), train(sg=1, workers=3)
    assert one.outcome.n_tokens_trained == three.outcome.n_tokens_trained
    assert one.outcome.loss == pytest.approx(three.outcome.loss, rel=0.05)


def test_look_up_and_save(tmp_path):
    model = train(sg=1)
    assert len(model.wv) == 40 and model.wv["t0w0"].shape == (20,)
    assert model.wv.get_vecattr("t0w0", "count") > 500
    assert "vocab=40, vector_size=20" in repr(model)
    for name in ("v.bin", "v.txt"):
        model.wv.save(tmp_path / name)
        loaded = wordvec.load(tmp_path / name)
        assert list(loaded.words) == model.wv.index_to_key
        tolerance = 0 if name == "v.bin" else 1e-6
        np.testing.assert_allclose(loaded.matrix, model.wv.vectors, atol=tolerance)


def test_a_file_gives_what_its_sentences_give(tmp_path):
    (tmp_path / "text").write_text("\n".join(" ".join(s) for s in sentences()) + "\n")
    options = {"vector_size": 8, "workers": 1, "epochs": 1}
    from_file = wordvec.Word2Vec(corpus_file=tmp_path / "text", **options)
    from_lists = wordvec.Word2Vec(sentences(), **options)
    assert from_file.wv.index_to_key == from_lists.wv.index_to_key
    np.testing.assert_array_equal(from_file.wv.vectors, from_lists.wv.vectors)


def test_bad_arguments():
    with pytest.raises(OptionError, match="vector_size: expected a number from 1"):
        train(vector_size=0)
    with pytest.raises(OptionError, match="min_alpha: expected at most alpha"):
        train(min_alpha=0.1)
    with pytest.raises(OptionError, match="negatives: expected 'recycled' or 'window' or"):
        train(negatives="fresh")
    with pytest.raises(TypeError, match="Word2Vec has no option"):
        train(vectorsize=10)
    with pytest.raises(TypeError, match="either sentences or corpus_file"):
        wordvec.Word2Vec([["a"]], corpus_file="text")
    with pytest.raises(CorpusError):
        wordvec.Word2Vec(["a plain string"])
    assert train(vector_size=8.0, epochs=np.int64(1)).wv.vectors.shape == (40, 8)


def test_more_than_the_memory_is_refused_before_it_is_taken(monkeypatch):
    monkeypatch.setattr("wordvec.memory.physical_bytes", lambda: 10_000)
    with pytest.raises(WordvecError, match=r"40 words with 300 .* smaller vector"):
        train(vector_size=300, memory=10**6)


def test_ctrl_c_keeps_the_model():
    timer = threading.Timer(0.7, os.kill, [os.getpid(), signal.SIGINT])
    timer.daemon = True
    timer.start()
    model = train(sg=1, epochs=10**6)
    assert model.outcome.interrupted and np.isfinite(model.wv.vectors).all()


def test_copies_of_rows_only_where_they_pay():
    assert word2vec.hot_rows(70_000, 112, 16_000_000, 1) == 0
    assert word2vec.hot_rows(70_000, 112, 16_000_000, 2) == 256
    assert word2vec.hot_rows(70_000, 304, 16_000_000, 2) == 107
    assert word2vec.hot_rows(70_000, 112, 1_000, 2) == 0
    assert word2vec.hot_rows(70_000, 112, 16_000_000, 64) == 0
    assert word2vec.hot_rows(80, 112, 16_000_000, 2) == 10
