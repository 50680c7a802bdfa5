"""model.update: new words, anchored old ones, and how far these moved."""

import json

import numpy as np
import pytest

import wordvec as library
from wordvec import FastText, Word2Vec
from wordvec.errors import CorpusError, OptionError
from wordvec.movement import movement

rng = np.random.default_rng(5)
OLD = [[f"{kind}{k}" for k in range(30)] for kind in "abc"]
NEW = [f"new{k}" for k in range(10)]
FIRST = [[str(w) for w in rng.choice(OLD[k % 3], 10)] for k in range(600)]
MORE = [[str(w) for w in rng.choice([*OLD[0], *NEW], 10)] for k in range(300)]
SMALL = {"vector_size": 12, "min_count": 2, "workers": 1, "epochs": 3, "sample": 0.0, "alpha": 0.05}


@pytest.fixture(params=[Word2Vec, FastText])
def kind(request):
    return request.param


@pytest.mark.parametrize("options", [{}, {"hs": 1, "negative": 0}, {"sg": 1}])
def test_new_words_join_and_old_ones_stay_when_they_are_held(kind, options):
    model = kind(FIRST, **SMALL, **options)
    before, words = model.wv.matrix.copy(), list(model.wv.index_to_key)
    report = model.update(MORE, anchor=1)
    assert set(report.new_words) == set(NEW) and model.wv.index_to_key[: len(words)] == words
    assert np.array_equal(model.wv.matrix[: len(words)], before)
    assert report.moved.n_moved == 0 and report.moved.mean == 1 and not report.moved.most_moved
    assert model.wv.get_vecattr("new1", "count") == sum(s.count("new1") for s in MORE)
    assert model.wv.similarity("new1", "a3") > model.wv.similarity("new1", "b3")


def test_a_heavier_anchor_moves_less(kind):
    moved = []
    for anchor in (0, 0.5, 0.9, 1):
        model = kind(FIRST, **SMALL)
        report = model.update(iter(MORE), anchor=anchor, epochs=5)
        moved.append(1 - report.moved_in_text.mean)
        assert report.moved_in_text.n_words == 30 and report.moved.n_words == 90
        assert report.n_tokens_read == report.n_tokens_kept == 3000
        others = [w for w, _ in report.moved.most_moved if w[0] != "a"]
        assert not others or kind is FastText
    assert moved[0] > moved[1] > moved[2] > moved[3] == 0


def test_own_schedule_and_settings_come_back(kind):
    model = kind(FIRST, **SMALL)
    seen = []

    class Watch:
        def on_train_begin(self, model):
            seen.append((model.alpha, model.epochs, model.min_count))

        on_train_end = on_epoch_begin = on_epoch_end = lambda self, model: None

    report = model.update(MORE, epochs=2, alpha=0.01, min_count=100, callbacks=[Watch()])
    assert seen == [(0.01, 2, 100)] and len(report.outcome.epoch_losses) == 2
    assert len(report.new_words) < 10
    assert (model.alpha, model.epochs, model.min_count) == (0.05, 3, 2)
    assert model.n_epochs_trained == 5
    lock = "vectors_lockf" if kind is Word2Vec else "vectors_vocab_lockf"
    assert lock != "vectors_lockf" or np.array_equal(model.wv.vectors_lockf, [1])
    assert not hasattr(model.wv, "vectors_ngrams_lockf")


def test_updates_follow_each_other_and_are_saved(kind, tmp_path):
    model = kind(FIRST, **SMALL)
    model.update(MORE)
    model.save(tmp_path / "m.wordvec")
    loaded = kind.load(tmp_path / "m.wordvec")
    for one in (model, loaded):
        report = one.update([["later", "a1", "new2"] * 3] * 40)
        assert report.new_words == ["later"]
    assert np.array_equal(loaded.wv.matrix, model.wv.matrix)


def test_files_and_mistakes(kind, tmp_path):
    model = kind(FIRST, **SMALL)
    (tmp_path / "t").write_text("\n".join(map(" ".join, MORE)))
    same = kind(FIRST, **SMALL)
    assert len(model.update(tmp_path / "t").new_words) == 10
    same.update(MORE)
    assert set(same.wv.index_to_key) == set(model.wv.index_to_key)
    before = model.wv.matrix.copy()
    for source, options, error in (
        (MORE, {"anchor": 2}, OptionError),
        (MORE, {"epochs": 0}, OptionError),
        (MORE, {"alpha": -1}, OptionError),
        ([], {}, CorpusError),
        ([["x", "y"]], {}, CorpusError),
        (tmp_path / "none", {}, CorpusError),
    ):
        with pytest.raises(error):
            model.update(source, **options)
        assert np.array_equal(model.wv.matrix, before)
    with pytest.raises(RuntimeError):
        kind(**SMALL).update(MORE)


def test_movement_of_known_vectors():
    before = np.array([[1, 0], [1, 0], [1, 1], [0, 0], [1, 0]], np.float32)
    after = np.array([[2, 0], [0, 1], [1, 1], [1, 0], [-1, 0]], np.float32)
    found = movement(before, after, list("abcde"), 2)
    assert found.n_words == 4 and found.n_moved == 4
    assert found.most_moved == [("e", -1.0), ("b", 0.0)] and found.mean == pytest.approx(0.25)
    assert movement(before[:0], after[:0], []).n_words == 0


@pytest.mark.parametrize("tool", ["fasttext", "word2vec"])
def test_command(wordvec, tmp_path, tool):
    (tmp_path / "t").write_text("\n".join(map(" ".join, FIRST)))
    (tmp_path / "more").write_text("\n".join(map(" ".join, MORE)))
    name, out = ("m.bin", "n.bin") if tool == "fasttext" else ("m.wordvec", "n.wordvec")
    if tool == "fasttext":
        wordvec("fasttext", "skipgram", "-input", "t", "-output", "m", "-dim", 8, "-bucket", 500,
                "-minCount", 2)  # fmt: skip
    else:
        Word2Vec(FIRST, **SMALL).save(tmp_path / name)
    done = wordvec("update", name, "more", "-o", out, "--epochs", 2, "--threads", 1)
    assert done.returncode == 0, done.stderr
    assert b"10 new words" in done.stdout and b"moved most:" in done.stdout
    done = wordvec("update", name, "more", "-o", out, "--anchor", 1, "--json", "--threads", 1)
    found = json.loads(done.stdout)
    assert set(found["new_words"]) == set(NEW) and found["moved"]["mean"] > 0.999999
    old, new = library.load(tmp_path / name), library.load(tmp_path / out)
    assert np.allclose(new["b3"], old["b3"]) and new["new3"].any()
    if tool == "fasttext":
        return
    np.savetxt(tmp_path / "text.vec", np.ones((2, 2)), header="2 2", comments="")
    for arguments, piece in (
        ([name, "nowhere", "-o", out], b"nowhere"),
        ([name, "more", "-o", "more"], b"one of the texts"),
        ([name, "more", "-o", out, "--anchor", 3], b"--anchor: expected a number from 0 to 1"),
        ([name, "more", "-o", "no/such/" + out], b"no/such"),
        (["text.vec", "more", "-o", out], b"expected a model of wordvec or gensim"),
        (["gone.bin", "more", "-o", out], b"gone.bin"),
    ):
        done = wordvec("update", *arguments)
        assert done.returncode and piece in done.stderr and done.stderr.count(b"\n") == 1
