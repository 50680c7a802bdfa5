"""The FastText class: texts of known structure, unseen words, start values, threads."""

import copy
import os
import pickle
import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import reference_subwords as twin

import wordvec
from wordvec.corpus import FASTTEXT_RULES, read_corpus
from wordvec.errors import OptionError, TrainingError
from wordvec.models.facebook import load_facebook_model, save_facebook_model
from wordvec.models.fasttext import input_rows, train_subwords
from wordvec.options import FastTextOptions, spec_of
from wordvec.subwords import NgramRules
from wordvec.vocab import Vocab

STEMS = ["glarb", "strom", "plenk", "quivv", "dwest"]
ENDINGS = ["ing", "ed", "er", "s", "able", "ness", "ly", "ish"]
TOPICS = [[stem + ending for ending in ENDINGS] for stem in STEMS]


def sentences(n=2500):
    """Each sentence takes its words from one stem."""
    rng = np.random.default_rng(0)
    return [list(rng.choice(TOPICS[rng.integers(5)], 10)) for _ in range(n)]


def train(**options: Any) -> wordvec.FastText:
    settings: dict[str, Any] = {
        "vector_size": 20, "min_count": 1, "sample": 0, "workers": 1, "epochs": 3, "alpha": 0.05,
        "bucket": 5000,
    }  # fmt: skip
    return wordvec.FastText(sentences(), **(settings | options))


def share_of_neighbours(model):
    """Of the 7 nearest words of each word, how many come from its own topic."""
    topic_of = {word: k for k, topic in enumerate(TOPICS) for word in topic}
    found = [
        topic_of[word] == topic_of[other]
        for word in topic_of
        for other, _ in model.wv.most_similar(word, topn=7)
    ]
    return np.mean(found)


@pytest.mark.parametrize(
    "options",
    [
        {"sg": 1},
        {"sg": 1, "negatives": "recycled"},
        {"sg": 1, "negatives": "pair"},
        {"sg": 1, "hs": 1, "negative": 0},
        {"sg": 0},
        {"sg": 0, "cbow_mean": 0},
        {"sg": 0, "hs": 1, "negative": 0},
        {"sg": 1, "max_n": 0},
        {"sg": 1, "workers": 3},
    ],
    ids=str,
)
def test_words_of_a_topic_come_together(options):
    model = train(**options)
    assert share_of_neighbours(model) > 0.95
    assert model.outcome.n_tokens_trained == 3 * 25_000
    assert model.outcome.epoch_losses[-1] < model.outcome.epoch_losses[0]


def test_unseen_words_find_their_topic():
    model = train(sg=1)
    for stem in STEMS:
        unseen = stem + "ier"
        assert unseen in model.wv and not model.wv.has_index_for(unseen)
        best = [word for word, _ in model.wv.most_similar(unseen, topn=5)]
        assert sum(word.startswith(stem) for word in best) >= 4
    assert "zz" in model.wv  # n-grams that training never met have start values
    assert np.abs(model.wv["zz"]).max() < 1 / 20


def test_a_words_vector_is_the_mean_of_its_rows():
    model = train(sg=1)
    trained = model.trained
    dense = trained.subwords.dense_rows(0, 5000)
    words = list(model.wv.index_to_key)
    for row, word in enumerate(words[:10]):
        buckets = [twin.fnv(g) % 5000 for g in twin.ngrams(word.encode(), 3, 6)]
        rows = np.vstack([trained.weights.in_rows[row, :20], dense[buckets]])
        np.testing.assert_allclose(model.wv[word], rows.mean(axis=0), atol=1e-6)
    assert trained.weights.in_rows.shape[0] == len(words) + len(trained.inputs.bucket_of_row)
    assert len(trained.inputs.bucket_of_row) < 1500


def test_untouched_buckets_keep_their_start_values():
    trained = train(seed=7).trained
    untouched = np.flatnonzero(trained.inputs.row_of_bucket < 0)
    dense = trained.subwords.dense_rows(0, 5000)
    for bucket in untouched[:5].tolist():
        np.testing.assert_allclose(dense[bucket], twin.start_row(bucket, 20, 7, True), rtol=1e-5)


def test_rate_zero_leaves_start_values():
    trained = train(alpha=0, min_alpha=0, seed=7).trained
    for row in (0, 3):
        expected = twin.start_row(row, 20, 7, False)
        np.testing.assert_allclose(trained.weights.in_rows[row, :20], expected, rtol=1e-5)
    bucket = int(trained.inputs.bucket_of_row[2])
    found = trained.subwords.rows[2, :20]
    np.testing.assert_allclose(found, twin.start_row(bucket, 20, 7, True), rtol=1e-5)
    assert not trained.weights.out_rows.any()


def test_same_seed_same_bytes():
    def vectors(**options: Any) -> bytes:
        return bytes(train(sg=1, epochs=1, **options).wv.vectors.tobytes())

    assert vectors(seed=5) == vectors(seed=5)
    assert vectors(seed=5) != vectors(seed=6)


def test_rows_in_the_order_of_use():
    vocab = Vocab.from_counts({"</s>": 90, "abc": 50, "bcd": 30, "xabcd": 2})
    inputs = input_rows(vocab, NgramRules(3, 3, 100_000), n_threads=2)
    names = {twin.fnv(g.encode()) % 100_000: g for g in ["abc", "bcd", "<ab", "cd>"]}
    assert inputs.starts[1] == 1 and inputs.rows[0] == 0  # </s> has its own row alone
    first = inputs.rows[inputs.starts[1] : inputs.starts[2]]
    buckets = inputs.bucket_of_row[first[1:] - 4].tolist()
    assert first[0] == 1
    assert buckets == [twin.fnv(g) % 100_000 for g in twin.ngrams(b"abc", 3, 3)]
    assert names[int(inputs.bucket_of_row[0])] == "abc"
    assert len(set(inputs.bucket_of_row.tolist())) == len(inputs.bucket_of_row) == 8


def test_the_end_of_a_sentence_is_trained(tmp_path):
    path = tmp_path / "text"
    path.write_text("\n".join(" ".join(s) for s in sentences(300)) + "\n")
    model = wordvec.FastText(
        corpus_file=path, rules=FASTTEXT_RULES, vector_size=10, min_count=1, sample=0, workers=1
    )
    row = model.wv.key_to_index["</s>"]
    assert model.wv.get_vecattr("</s>", "count") == 300
    assert np.abs(model.wv["</s>"] - twin.start_row(row, 10, 1, False)).max() > 1e-3


def test_names_and_options():
    model = wordvec.FastText(vector_size=7, min_n=2, window=3)
    assert (model.vector_size, model.min_n, model.max_n, model.window) == (7, 2, 6, 3)
    assert (model.bucket, model.sg, model.hs, model.word_ngrams) == (2_000_000, 0, 0, 1)
    assert not hasattr(model, "no_such_name")
    with pytest.raises(TypeError, match="no option 'size'"):
        wordvec.FastText(size=3)
    with pytest.raises(OptionError, match="negative"):
        wordvec.FastText(negative=0)


@pytest.mark.parametrize(
    ("name", "flag", "default"),
    [("alpha", "-lr", 0.05), ("sample", "-t", 1e-4), ("seed", "-seed", 0), ("sg", None, 1),
     ("workers", "-thread", 12), ("ns_exponent", "-nsExponent", 0.5)],
)  # fmt: skip
def test_defaults_of_the_original(name, flag, default):
    spec = spec_of(FastTextOptions, name)
    assert (spec.flag, spec.original) == (flag, default)


@pytest.mark.parametrize(
    "copied", [lambda x: pickle.loads(pickle.dumps(x)), copy.copy, copy.deepcopy]
)
def test_copies_build_the_same_unseen_words(copied, tmp_path):
    model = train(sg=1, bucket=300, epochs=1)
    save_facebook_model(model, tmp_path / "m.bin")
    for made in (copied(model), copied(load_facebook_model(tmp_path / "m.bin"))):
        for wv in (made.wv, copied(made.wv)):
            for word in (TOPICS[0][0], STEMS[0] + "ier"):
                assert np.array_equal(wv[word], model.wv[word])
        assert made.options.sg == 1 and made.options.bucket == 300


def test_a_rate_that_diverges_is_an_error():
    with pytest.raises(TrainingError, match="diverged in epoch"):
        train(sg=1, alpha=1e9, min_alpha=1e8)


def test_interrupt_keeps_the_model_so_far():
    corpus = read_corpus(sentences(), min_count=1)
    options = FastTextOptions(vector_size=50, epochs=100_000, min_count=1, workers=2, bucket=5000)
    timer = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    trained = train_subwords(corpus, options)
    assert trained.interrupted and np.isfinite(trained.vectors).all()
    assert 0 < trained.outcome.n_tokens_trained < 100_000 * 25_000


def test_korean_buckets_on_real_words(shared_data: Path):
    import lzma

    with lzma.open(shared_data / "corpora" / "kowiki1m.txt.xz") as text:
        words = sorted(set(text.read(200_000).split()))[:2000]
    vocab = Vocab.from_counts([(w.decode("utf-8", "surrogateescape"), 1) for w in words])
    inputs = input_rows(vocab, NgramRules())
    for row in range(0, len(vocab), 7):
        numbers = inputs.rows[inputs.starts[row] : inputs.starts[row + 1]]
        assert numbers[0] == row
        expected = [twin.fnv(g) % 2_000_000 for g in twin.ngrams(vocab.word_bytes(row), 3, 6)]
        assert inputs.bucket_of_row[numbers[1:] - len(vocab)].tolist() == expected
