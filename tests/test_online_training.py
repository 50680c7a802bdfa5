"""Word2Vec and FastText in steps: vocabulary, training, growth, callbacks, files."""

import copy
import inspect
import logging
import os
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import wordvec
from wordvec.callbacks import CallbackAny2Vec
from wordvec.errors import CorpusError, FormatError, OptionError, TrainingError
from wordvec.options import FastTextOptions, Word2VecOptions
from wordvec.word2vec import (
    RULE_DEFAULT,
    RULE_DISCARD,
    RULE_KEEP,
    BrownCorpus,
    LineSentence,
    PathLineSentences,
    Text8Corpus,
)

TOPICS = [[f"t{topic}w{word}ing" for word in range(8)] for topic in range(5)]
CLASSES = [wordvec.Word2Vec, wordvec.FastText]
KINDS = [{"sg": 1}, {"sg": 0}, {"sg": 1, "hs": 1, "negative": 0}, {"sg": 0, "hs": 1}]


def sentences(n=600, seed=0, topics=TOPICS):
    rng = np.random.default_rng(seed)
    return [list(rng.choice(topics[rng.integers(len(topics))], 10)) for _ in range(n)]


def settings(**options: Any) -> dict[str, Any]:
    usual = {"vector_size": 12, "min_count": 1, "sample": 0, "workers": 1, "epochs": 2}
    return usual | options


def make(cls: Any, corpus: Any = None, **options: Any) -> Any:
    if cls is wordvec.FastText:
        options.setdefault("bucket", 500)
    return cls(corpus, **settings(**options))


@pytest.fixture(params=CLASSES, ids=lambda c: c.__name__)
def cls(request):
    return request.param


# -- the constructor -----------------------------------------------------------------------------


def test_arguments_are_those_of_the_options():
    for cls, options in zip(CLASSES, (Word2VecOptions, FastTextOptions), strict=True):
        parameters = inspect.signature(cls).parameters
        for name, field in options.__dataclass_fields__.items():
            assert parameters[name].default == field.default, name
    model = wordvec.Word2Vec(None, None, 7, 0.04, 3, 2)
    assert (model.vector_size, model.alpha, model.window, model.min_count) == (7, 0.04, 3, 2)
    model = wordvec.FastText(None, None, 1, 0, 7, 0.04, 3, 2)
    assert (model.sg, model.hs, model.vector_size, model.alpha) == (1, 0, 7, 0.04)


def test_a_model_without_text_is_empty(cls):
    model = make(cls)
    assert len(model.wv) == 0 and model.wv.vector_size == 12
    assert model.corpus_count == model.corpus_total_words == 0
    assert not hasattr(model, "syn1neg") and model.cum_table is None
    with pytest.raises(RuntimeError, match="needs a vocabulary"):
        model.train(sentences(5), total_examples=5, epochs=1)


# -- steps give what one call gives --------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_in_steps_as_in_one_call(cls, kind):
    text = sentences()
    at_once = make(cls, text, **kind)
    model = make(cls, **kind)
    model.build_vocab(text)
    assert (model.corpus_count, model.corpus_total_words) == (600, 6000)
    n_trained, n_read = model.train(text, total_examples=600, epochs=model.epochs)
    assert (n_trained, n_read) == (12000, 12000)
    np.testing.assert_array_equal(model.wv.vectors, at_once.wv.vectors)
    assert model.loss_history == at_once.loss_history
    assert model.wv.index_to_key == at_once.wv.index_to_key


def test_a_second_call_goes_on(cls):
    text = sentences()
    model = make(cls, text, sg=1)
    before, losses = model.wv.vectors.copy(), list(model.loss_history)
    wv = model.wv
    model.train(text, total_examples=600, epochs=3)
    assert model.wv is wv and np.abs(wv.vectors - before).max() > 1e-3
    assert model.loss_history[:2] == losses and len(model.loss_history) == 5
    assert model.loss_history[-1] < losses[-1]
    assert model.train_count == 2 and model.epochs == 3


def test_a_second_call_draws_other_numbers():
    text = sentences(50)
    one = make(wordvec.Word2Vec, text, sg=1, epochs=1, alpha=1e-9, min_alpha=0)
    loss = one.loss_history[0]
    one.train(text, total_examples=50, epochs=1)
    assert one.loss_history[1] != loss  # other windows and noise words; the rate moves nothing


def test_rates_of_a_call():
    text = sentences(50)
    model = make(wordvec.Word2Vec, text)
    model.train(text, total_examples=50, epochs=1, start_alpha=0.01, end_alpha=0.005)
    assert (model.alpha, model.min_alpha) == (0.01, 0.005)
    model.alpha = 0.001  # below min_alpha until that is set: no error before training
    model.min_alpha = model.alpha
    model.train(text, total_examples=50, epochs=1)
    assert model.min_alpha_yet_reached == 0.001
    model.train(text, total_examples=50, epochs=1, start_alpha=0.001, end_alpha=0.002)
    model.window = 0
    with pytest.raises(OptionError, match="window"):
        model.train(text, total_examples=50, epochs=1)


def test_arguments_that_are_missing(cls):
    text = sentences(20)
    model = make(cls, text)
    with pytest.raises(ValueError, match="total_examples or total_words"):
        model.train(text, epochs=1)
    with pytest.raises(ValueError, match="epochs"):
        model.train(text, total_examples=20)
    with pytest.raises(TypeError, match="no corpus"):
        model.train(total_examples=20, epochs=1)
    with pytest.raises(TypeError, match="not both"):
        model.train(text, "file", total_examples=20, epochs=1)
    with pytest.raises(TypeError, match="no such file"):
        model.train(corpus_file="not there", total_words=20, epochs=1)
    with pytest.raises(TypeError):
        model.build_vocab(3)
    with pytest.raises(TypeError, match="no argument 'size'"):
        model.build_vocab(text, size=3)
    with pytest.raises(RuntimeError):
        make(cls, [["a"]], min_count=2)
    with pytest.raises(RuntimeError):
        make(cls, [])
    if cls is wordvec.Word2Vec:
        with pytest.raises(ValueError, match="hs or negative"):
            make(cls, text, negative=0)


def test_wrong_totals_are_said(caplog):
    model = make(wordvec.Word2Vec, sentences(20))
    with caplog.at_level(logging.WARNING):
        model.train(sentences(20), total_examples=7, epochs=1)
    assert "7 sentences were announced, the corpus has 20" in caplog.text


def test_generators_and_words_unknown(cls):
    model = make(cls, (s for s in sentences(40)))
    assert model.corpus_count == 40
    n_before = len(model.wv)
    n_trained, n_read = model.train(
        ([*s, "unheard"] for s in sentences(40)), total_examples=40, epochs=2
    )
    assert (n_trained, n_read) == (800, 880) and len(model.wv) == n_before


class Failing:
    def __init__(self, good):
        self.good = good

    def __iter__(self):
        yield from self.good
        raise ZeroDivisionError("of the iterator")


def test_an_iterator_that_raises_ends_it(cls):
    with pytest.raises(ZeroDivisionError, match="of the iterator"):
        make(cls, Failing(sentences(30)), workers=3)
    model = make(cls, sentences(30))
    before = model.wv.vectors.copy()
    for step in (model.build_vocab, lambda c: model.train(c, total_examples=30, epochs=1)):
        with pytest.raises(ZeroDivisionError):
            step(Failing(sentences(30)))
    np.testing.assert_array_equal(model.wv.vectors, before)


# -- the vocabulary ------------------------------------------------------------------------------

WORDS = [["b", "a", "b"], ["c", "a", "b", "d"], ["a", "c", "e"]]  # b 3, a 3, c 2, d 1, e 1


def test_trim_rule_and_limits():
    def rule(word, count, min_count):
        assert min_count == 2
        return {"d": RULE_KEEP, "b": RULE_DISCARD}.get(word, RULE_DEFAULT)

    model = make(wordvec.Word2Vec, WORDS, min_count=2, trim_rule=rule)
    assert model.wv.index_to_key == ["a", "c", "d"]
    model = make(wordvec.Word2Vec, min_count=2)
    model.build_vocab(WORDS, trim_rule=rule, keep_raw_vocab=True)
    assert model.wv.index_to_key == ["a", "c", "d"]
    assert list(model.raw_vocab.items()) == [("b", 3), ("a", 3), ("c", 2), ("d", 1), ("e", 1)]
    # Of words with one count all stay or none.
    assert len(make(wordvec.Word2Vec, WORDS, max_final_vocab=4).wv) == 3
    assert make(wordvec.Word2Vec, WORDS, max_final_vocab=4).effective_min_count == 2
    assert len(make(wordvec.Word2Vec, WORDS, max_final_vocab=1, max_vocab=None, min_count=1,
                    trim_rule=lambda *_: RULE_KEEP).wv) == 5  # fmt: skip
    assert len(make(wordvec.Word2Vec, WORDS, max_vocab=4).wv) == 4
    unsorted = make(wordvec.Word2Vec, WORDS, sorted_vocab=0)
    assert unsorted.wv.index_to_key == ["b", "a", "c", "d", "e"]
    with_null = make(wordvec.Word2Vec, WORDS, null_word=1)
    assert with_null.wv.index_to_key[-1] == "\0" and with_null.wv.get_vecattr("\0", "count") == 1


@pytest.mark.parametrize("threads", [1, 3])
def test_order_of_appearance_from_files(tmp_path, threads):
    (tmp_path / "text").write_text("\n".join(" ".join(s) for s in WORDS))
    model = make(wordvec.Word2Vec, sorted_vocab=0, workers=threads)
    model.build_vocab(corpus_file=str(tmp_path / "text"))
    assert model.wv.index_to_key == ["b", "a", "c", "d", "e"]
    assert (model.corpus_count, model.corpus_total_words) == (3, 10)


def test_unsorted_words_get_their_paths():
    """The most frequent words have the shortest codes, wherever they stand."""
    text = sentences(100) + [["often"] * 10] * 100
    model = make(wordvec.Word2Vec, text, sorted_vocab=0, hs=1, negative=0)
    lengths = np.diff(model.network.paths[0])
    assert model.wv.key_to_index["often"] > 0
    assert lengths[model.wv.key_to_index["often"]] == lengths.min() < np.median(lengths)
    assert model.loss_history[1] < model.loss_history[0]


def test_vocabulary_from_counts():
    model = make(wordvec.Word2Vec, min_count=2)
    model.build_vocab_from_freq({"x": 3, "y": 9, "z": 1}, corpus_count=5)
    assert model.wv.index_to_key == ["y", "x"] and model.corpus_count == 5
    assert model.wv.get_vecattr("y", "count") == 9
    assert np.abs(model.wv["y"]).max() <= 0.5 / 12 and not model.syn1neg.any()
    model.build_vocab_from_freq({"z": 4, "x": 1, "rare": 1}, update=True)
    assert model.wv.index_to_key == ["y", "x", "z"]
    assert model.wv.get_vecattr("x", "count") == 4
    with pytest.raises(CorpusError, match="the most frequent is 'a' with 1"):
        make(wordvec.Word2Vec, min_count=2).build_vocab_from_freq({"a": 1})


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_growing_keeps_what_was_learned(cls, kind):
    text = sentences()
    new = [[f"n{topic}w{word}ly" for word in range(4)] for topic in range(3)]
    more = sentences(300, 1, new + TOPICS[:1])
    model = make(cls, text, min_count=2, **kind)
    keys, n_old = model.wv.index_to_key, len(model.wv)
    before = model.wv.vectors.copy()
    outputs = {k: getattr(model, k).copy() for k in ("syn1", "syn1neg") if hasattr(model, k)}
    count = int(model.wv.get_vecattr("t0w0ing", "count"))
    model.build_vocab([*more, ["once"]], update=True)
    assert model.wv.index_to_key is keys and len(model.wv) == n_old + 12
    assert "once" not in model.wv.key_to_index
    assert model.wv.get_vecattr("t0w0ing", "count") == count + sum(s.count("t0w0ing") for s in more)
    # N-grams are shared, so a FastText word may move by start values of new rows only.
    np.testing.assert_allclose(model.wv.vectors[:n_old], before, atol=1e-6)
    for name, rows in outputs.items():
        n_kept = n_old - (name == "syn1")
        np.testing.assert_array_equal(getattr(model, name)[:n_kept], rows[:n_kept])
    for _ in range(4):
        model.train(more, total_examples=300, epochs=5, start_alpha=0.05)
    found = [w for w, _ in model.wv.most_similar("n1w0ly", topn=3)]
    assert all(w.startswith("n1") for w in found)
    with pytest.raises(RuntimeError, match="update of the vocabulary needs"):
        make(cls).build_vocab(more, update=True)


def test_trees_are_joined():
    model = make(wordvec.Word2Vec, sentences(50), hs=1, negative=0)
    old = model.network.paths
    model.build_vocab([["one"], ["two"], ["two"]], update=True)
    starts, nodes, codes = model.network.paths
    n_words, root = len(model.wv), len(model.wv) - 2
    seen = set()
    for w in range(n_words):
        path = slice(starts[w], starts[w + 1])
        assert nodes[path][0] == root and codes[path][0] == (w >= n_words - 2)
        seen.add((tuple(nodes[path]), tuple(codes[path])))
    assert len(seen) == n_words and set(nodes) == set(range(n_words - 1))
    np.testing.assert_array_equal(nodes[starts[3] + 1 : starts[4]], old[1][old[0][3] : old[0][4]])


def test_words_added_to_the_vectors_are_trained():
    text = sentences()
    model = make(wordvec.Word2Vec, text)
    row = np.full(12, 0.1, np.float32)
    model.wv.add_vector("added", row)
    model.train([*text, ["added", *TOPICS[0]]], total_examples=601, epochs=1)
    assert model.wv.index_to_key[-1] == "added" and len(model.syn1neg) == len(model.wv)
    assert np.abs(model.wv["added"] - row).max() > 0
    model.wv.vectors = np.zeros_like(model.wv.vectors)
    model.train(text, total_examples=600, epochs=1, start_alpha=1e-6, end_alpha=1e-6)
    assert np.abs(model.wv.vectors).max() < 0.01
    del model.wv.index_to_key[0]
    with pytest.raises(RuntimeError, match="removed, renamed"):
        model.train(text, total_examples=600, epochs=1)


def test_rows_of_words_and_ngrams_under_gensims_names():
    wv = make(wordvec.FastText, sentences()).wv
    assert wv.vectors_vocab.shape == (40, 12) and wv.vectors_ngrams.shape[1] == 12
    assert (wv.min_n, wv.max_n, wv.bucket) == (3, 6, 500)


def test_reset_from_and_init_weights(cls):
    model = make(cls, sentences())
    other = make(cls, seed=9, vector_size=5)
    other.reset_from(model)
    assert other.wv.index_to_key == model.wv.index_to_key and other.corpus_count == 600
    assert other.wv.vectors.shape == (40, 5)
    fresh = make(cls)
    fresh.build_vocab(sentences())
    model.init_weights()
    np.testing.assert_array_equal(model.wv.vectors, fresh.wv.vectors)


# -- while training ------------------------------------------------------------------------------


class Recorder(CallbackAny2Vec):
    def __init__(self):
        self.calls = []
        self.vectors = []
        self.losses = []

    def on_train_begin(self, model):
        self.calls.append("begin")

    def on_train_end(self, model):
        self.calls.append("end")

    def on_epoch_begin(self, model):
        self.calls.append("epoch")

    def on_epoch_end(self, model):
        self.calls.append("/epoch")
        self.vectors.append(model.wv.vectors.copy())
        self.losses.append(model.get_latest_training_loss())


@pytest.mark.parametrize("workers", [1, 3])
def test_callbacks(cls, workers):
    recorder = Recorder()
    model = make(cls, sentences(), callbacks=[recorder], workers=workers, compute_loss=True)
    assert recorder.calls == ["begin", "epoch", "/epoch", "epoch", "/epoch", "end"]
    np.testing.assert_array_equal(recorder.vectors[-1], model.wv.vectors)
    assert np.abs(recorder.vectors[0] - recorder.vectors[1]).max() > 0
    first, both = recorder.losses
    pairs = zip(model.outcome.epoch_losses, model.outcome.epoch_examples, strict=True)
    assert both == model.running_training_loss == pytest.approx(sum(m * n for m, n in pairs))
    assert 0 < both - first < first
    if workers == 1:
        alone = make(cls, sentences())
        np.testing.assert_array_equal(alone.wv.vectors, model.wv.vectors)


def test_a_callback_may_reset_the_loss_and_end_it():
    class Resetting(CallbackAny2Vec):
        def __init__(self):
            self.losses = []

        def on_epoch_end(self, model):
            self.losses.append(model.get_latest_training_loss())
            model.running_training_loss = 0.0
            if len(self.losses) == 2:
                raise StopIteration("enough")

    model = make(wordvec.Word2Vec)
    model.build_vocab(sentences())
    callback = Resetting()
    with pytest.raises(StopIteration, match="enough"):
        model.train(sentences(), total_examples=600, epochs=9, callbacks=[callback])
    assert callback.losses[1] < callback.losses[0] * 1.1
    assert len(model.loss_history) == 2 and np.isfinite(model.wv.vectors).all()


def test_a_callback_may_save(tmp_path, cls):
    class Saving(CallbackAny2Vec):
        def on_epoch_end(self, model):
            model.save(tmp_path / f"{len(model.loss_history)}.model")

    model = make(cls, sentences(), callbacks=[Saving()])
    assert sorted(os.listdir(tmp_path)) == ["1.model", "2.model"]
    loaded = cls.load(tmp_path / "2.model")
    np.testing.assert_array_equal(loaded.wv.vectors, model.wv.vectors)


def test_losses_are_those_of_the_formula():
    """At a rate of nothing all output rows are zero: log 2 for each of 1 + negative scores."""
    model = make(wordvec.Word2Vec, sentences(), sg=1, alpha=0, min_alpha=0, negatives="pair")
    per_pair = model.get_latest_training_loss() / sum(model.outcome.epoch_examples)
    assert per_pair == pytest.approx(6 * np.log(2), rel=0.05)  # noise that is the centre counts not


def test_divergence_keeps_the_last_good_state(cls):
    model = make(cls, sentences(), sg=1)
    before = model.wv.vectors.copy()
    with pytest.raises(TrainingError, match="epoch 1 at learning rate") as caught:
        model.train(sentences(), total_examples=600, epochs=2, start_alpha=1e8, end_alpha=1e7)
    assert caught.value.model is model
    np.testing.assert_array_equal(model.wv.vectors, before)
    assert model.wv.most_similar("t0w0ing", topn=1)
    with pytest.raises(TrainingError) as caught:
        make(cls, sentences(), sg=1, alpha=1e8)
    assert np.isfinite(caught.value.model.wv.vectors).all()


@pytest.mark.parametrize("kind", [{"sg": 1}, {"sg": 0}, {"sg": 0, "hs": 1, "negative": 0}], ids=str)
def test_a_loss_that_grows_is_divergence(kind):
    """The numbers stay finite for long; the loss says it earlier."""
    words = np.array([f"w{k}" for k in range(1500)])
    shares = 1 / np.arange(1, 1501)
    drawn = np.random.default_rng(0).choice(words, (1500, 20), p=shares / shares.sum())
    options = {"alpha": 0.35, "min_alpha": 0.35, "vector_size": 50, "epochs": 12} | kind
    with pytest.raises(TrainingError, match="diverged") as caught:
        make(wordvec.Word2Vec, drawn.tolist(), **options)
    good = caught.value.model
    good.train(drawn.tolist(), total_examples=1500, epochs=1, start_alpha=0.01, end_alpha=0.01)
    assert good.loss_history[-1] < 8 and np.abs(good.wv.vectors).max() < 50


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_locked_rows_stay(kind):
    text = sentences()
    model = make(wordvec.Word2Vec, text, **kind)
    free = make(wordvec.Word2Vec, text, **kind)
    start = model.wv.vectors.copy()
    locks = np.ones(len(model.wv), np.float32)
    locks[:10], locks[10:20] = 0.0, 0.5
    model.wv.vectors_lockf = locks
    for each in (model, free):
        each.train(text, total_examples=600, epochs=1)
    moved = np.abs(model.wv.vectors - start).max(axis=1)
    freely = np.abs(free.wv.vectors - start).max(axis=1)
    assert (moved[:10] == 0).all() and (moved[10:] > 0).all()
    assert 0.2 < np.median(moved[10:20] / freely[10:20]) < 0.9
    model.wv.vectors_lockf = np.zeros(1, np.float32)
    before = model.wv.vectors.copy()
    model.train(text, total_examples=600, epochs=1)
    np.testing.assert_array_equal(model.wv.vectors, before)


def test_locked_rows_of_words_and_ngrams():
    text = sentences()
    model = make(wordvec.FastText, text)
    rows = model.network.weights.in_rows.copy()
    model.wv.vectors_vocab_lockf = np.zeros(1, np.float32)
    model.train(text, total_examples=600, epochs=1)
    after = model.network.weights.in_rows
    n_words = len(model.wv)
    np.testing.assert_array_equal(after[:n_words], rows[:n_words])
    assert np.abs(after[n_words:] - rows[n_words:]).max() > 0


# -- questions -----------------------------------------------------------------------------------


def test_predict_output_word():
    model = make(wordvec.Word2Vec, sentences(), epochs=20, alpha=0.05)
    found = model.predict_output_word(["t1w0ing", "t1w1ing", "unheard"], topn=5)
    assert [w[:2] for w, _ in found] == ["t1"] * 5
    assert sum(p for _, p in model.predict_output_word(["t1w0ing"], topn=40)) == pytest.approx(1)
    assert model.predict_output_word(["unheard"]) is None
    with pytest.raises(RuntimeError, match="negative sampling"):
        make(wordvec.Word2Vec, sentences(), hs=1, negative=0).predict_output_word(["t1w0ing"])


@pytest.mark.parametrize("sg", [0, 1])
def test_scores_are_those_of_the_formula(sg):
    model = make(wordvec.Word2Vec, sentences(), hs=1, negative=0, sg=sg, window=2, epochs=5)
    starts, nodes, codes = model.network.paths

    def log_p(word, hidden):
        path = slice(starts[word], starts[word + 1])
        signs = 1.0 - 2.0 * codes[path]
        return -np.log1p(np.exp(-signs * (model.syn1[nodes[path]] @ hidden))).sum()

    def expected(words):
        ids = [model.wv.key_to_index[w] for w in words if w in model.wv]
        total = 0.0
        for i, word in enumerate(ids):
            near = [k for k in range(max(0, i - 2), min(len(ids), i + 3)) if k != i]
            rows = [model.wv.vectors[ids[k]] for k in near]
            if sg:
                total += sum(log_p(word, row) for row in rows)
            elif rows:
                total += log_p(word, np.mean(rows, axis=0))
        return total

    texts = [*sentences(20, 3), [], ["unheard", "t1w1ing"], TOPICS[0] + TOPICS[1]]
    scores = model.score(texts)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, [expected(t) for t in texts], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(model.score(iter(texts), total_sentences=7), scores[:7])
    own, mixed = model.score([TOPICS[0], [TOPICS[k % 5][k] for k in range(8)]])
    assert own > mixed
    with pytest.raises(RuntimeError, match="hierarchical softmax"):
        make(wordvec.Word2Vec, texts).score(texts)


MEASURE = """
import sys, wordvec, wordvec.callbacks
from wordvec.models import fasttext, word2vec

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

class Watching(wordvec.callbacks.CallbackAny2Vec):
    def on_epoch_end(self, model):
        self.n_bytes = resident() - before

watching, before = Watching(), resident()
model = getattr(wordvec, sys.argv[1])(
    corpus_file=sys.argv[2], vector_size=200, min_count=1, epochs=1, workers=2, bucket=30000,
    callbacks=[watching]
) if sys.argv[1] == "FastText" else wordvec.Word2Vec(
    corpus_file=sys.argv[2], vector_size=200, min_count=1, epochs=1, workers=2,
    callbacks=[watching]
)
print(model.estimate_memory()["total"] / watching.n_bytes)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="measures as Linux does")
def test_memory_is_estimated(cls, tmp_path):
    numbers = np.random.default_rng(0).permutation(np.arange(300_000) % 50_000).tolist()
    lines = [" ".join(f"word{k:x}" for k in numbers[i : i + 20]) for i in range(0, 300_000, 20)]
    (tmp_path / "text").write_text("\n".join(lines))
    command = [sys.executable, "-c", MEASURE, cls.__name__, str(tmp_path / "text")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert 0.9 < float(done.stdout) < 1.1
    report = make(wordvec.Word2Vec).estimate_memory(1_000_000, {"mine": 7})
    assert report["mine"] == 7 and report["total"] == sum(
        n for name, n in report.items() if name != "total"
    )
    assert report["vectors"] == 64_000_000  # rows of 12 numbers are padded to 16


# -- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_go_on(cls, copied):
    text = sentences()
    model = make(cls, text, hs=1)
    other = copied(model)
    for each in (model, other):
        each.train(text, total_examples=600, epochs=1)
    np.testing.assert_array_equal(other.wv.vectors, model.wv.vectors)
    assert not np.shares_memory(other.wv.vectors, model.wv.vectors)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_loaded_model_goes_on_as_if_never_saved(cls, kind, tmp_path):
    text = sentences()
    model = make(cls, text, **kind)
    model.build_vocab([["fresh", "words"]] * 9, update=True)
    model.save(tmp_path / "model")
    assert os.listdir(tmp_path) == ["model"]
    loaded = cls.load(tmp_path / "model")
    assert loaded.options == model.options and loaded.wv.index_to_key == model.wv.index_to_key
    for name in ("corpus_count", "train_count", "loss_history", "running_training_loss"):
        assert getattr(loaded, name) == getattr(model, name)
    for each in (model, loaded):
        each.train(text, total_examples=600, epochs=2)
    np.testing.assert_array_equal(loaded.wv.vectors, model.wv.vectors)
    for name in ("syn1", "syn1neg"):
        if hasattr(model, name):
            np.testing.assert_array_equal(getattr(loaded, name), getattr(model, name))
    if cls is wordvec.FastText:
        np.testing.assert_array_equal(loaded.wv["unseening"], model.wv["unseening"])


def test_a_model_is_a_file_of_vectors_too(cls, tmp_path, caplog):
    model = make(cls, sentences())
    model.save(tmp_path / "model.bin")
    assert "whole model" in caplog.text
    for load in (wordvec.load, wordvec.KeyedVectors.load):
        np.testing.assert_array_equal(load(tmp_path / "model.bin").matrix, model.wv.vectors)
    vectors = wordvec.KeyedVectors.load(tmp_path / "model.bin")
    if cls is wordvec.FastText:
        np.testing.assert_array_equal(vectors["unseening"], model.wv["unseening"])
    vectors.save(tmp_path / "vectors.wordvec")
    with pytest.raises(FormatError, match="expected a model, found vectors without one"):
        cls.load(tmp_path / "vectors.wordvec")
    other = CLASSES[cls is wordvec.Word2Vec]
    with pytest.raises(FormatError, match=f"load it with {cls.__name__}.load"):
        other.load(tmp_path / "model.bin")
    (tmp_path / "text").write_text("no model\n")
    with pytest.raises(FormatError, match="something else"):
        cls.load(tmp_path / "text")
    with pytest.raises(FileNotFoundError):
        cls.load(tmp_path / "nothing")


def test_damage_is_found(tmp_path):
    make(wordvec.Word2Vec, sentences()).save(tmp_path / "model")
    data = bytearray((tmp_path / "model").read_bytes())
    data[-5000] ^= 1
    (tmp_path / "model").write_bytes(data)
    with pytest.raises(FormatError):
        wordvec.Word2Vec.load(tmp_path / "model")


def test_an_untrained_model_is_saved(cls, tmp_path):
    model = make(cls, window=3)
    model.save(tmp_path / "empty")
    loaded = cls.load(tmp_path / "empty")
    assert loaded.window == 3 and len(loaded.wv) == 0
    loaded.build_vocab(sentences(20))
    loaded.save(tmp_path / "built")
    loaded = cls.load(tmp_path / "built")
    loaded.train(sentences(20), total_examples=20, epochs=1)
    assert np.isfinite(loaded.wv.vectors).all()


# -- text files as iterables ---------------------------------------------------------------------


def test_line_sentences(tmp_path):
    lines = ["a b c d e", "", "  f\tg ", "h\xa0i"]
    (tmp_path / "text").write_text("\n".join(lines))
    expected = [["a", "b", "c"], ["d", "e"], ["f", "g"], ["h", "i"]]
    source = LineSentence(str(tmp_path / "text"), max_sentence_length=3)
    assert list(source) == expected == list(source)
    with open(tmp_path / "text", "rb") as stream:
        opened = LineSentence(stream, 3)
        assert list(opened) == expected == list(opened) and opened.files() is None
    assert list(LineSentence(tmp_path / "text", 3, limit=1)) == expected[:2]
    with pytest.raises(FileNotFoundError):
        make(wordvec.Word2Vec, LineSentence("not there"))


def test_folders_and_long_lines(tmp_path):
    import gzip

    (tmp_path / "folder").mkdir()
    with gzip.open(tmp_path / "folder" / "b.gz", "wb") as stream:
        stream.write(b"c d\n")
    (tmp_path / "folder" / "a").write_text("a b\n" * 3)
    source = PathLineSentences(str(tmp_path / "folder"))
    assert list(source) == [["a", "b"]] * 3 + [["c", "d"]]
    assert list(PathLineSentences(str(tmp_path / "folder"), limit=1)) == [["a", "b"], ["c", "d"]]
    assert make(wordvec.Word2Vec, source).wv.index_to_key == ["a", "b", "c", "d"]
    with pytest.raises(ValueError):
        PathLineSentences("not there")
    words = [f"w{k % 100}" for k in range(25000)]
    (tmp_path / "text8").write_text(" ".join(words))
    found = list(Text8Corpus(tmp_path / "text8"))
    assert [len(s) for s in found] == [10000, 10000, 5000] and [
        w for s in found for w in s
    ] == words
    (tmp_path / "brown").mkdir()
    (tmp_path / "brown" / "ca01").write_text("The/at-hl Jury/nn said/vbd ,/, x/y/z\n\n ./.\n")
    assert list(BrownCorpus(tmp_path / "brown")) == [["the/at", "jury/nn", "said/vb"]]


def test_a_file_is_read_directly(tmp_path, monkeypatch):
    (tmp_path / "text").write_text("\n".join(" ".join(s) for s in sentences()) + "\n")
    monkeypatch.setattr(LineSentence, "__iter__", None)
    model = make(wordvec.Word2Vec, LineSentence(tmp_path / "text"))
    np.testing.assert_array_equal(model.wv.vectors, make(wordvec.Word2Vec, sentences()).wv.vectors)


def test_models_in_fasttexts_files_are_trained_on(tmp_path):
    text = sentences()
    model = make(wordvec.FastText, text, sg=1)
    wordvec.save_facebook_model(model, tmp_path / "model.bin")
    loaded = wordvec.load_facebook_model(tmp_path / "model.bin")
    before = loaded.wv.vectors.copy()
    unseen = loaded.wv["unseening"].copy()
    loaded.workers = 1
    loaded.build_vocab([["newing", "words"]] * 9, update=True)
    assert loaded.wv.index_to_key[40:] == ["newing", "words"]
    np.testing.assert_allclose(loaded.wv.vectors[:40], before, atol=1e-6)
    np.testing.assert_allclose(loaded.wv["unseening"], unseen, atol=1e-6)
    loaded.train(text, total_examples=600, epochs=1, start_alpha=0.01)
    assert loaded.loss_history[0] < model.loss_history[0]
    assert np.abs(loaded.wv.vectors[:40] - before).max() > 1e-4
    wordvec.save_facebook_model(loaded, tmp_path / "again.bin")
    again = wordvec.load_facebook_model(tmp_path / "again.bin")
    np.testing.assert_allclose(again.wv.vectors, loaded.wv.vectors, atol=1e-6)
