"""Held-out text, losses and probes of each epoch, early stopping, the log and its curves."""

import json
import math
import sys

import numpy as np
import pytest

from wordvec import FastText, Validation, Word2Vec
from wordvec.corpus import read_corpus
from wordvec.errors import CorpusError, FormatError, OptionError, OutputError
from wordvec.heldout import hold_out_by_hash
from wordvec.traininglog import EpochRecord, TrainingLog, read_log

rng = np.random.default_rng(3)
TOPICS = [[f"{kind}{k}" for k in range(40)] for kind in "abcd"]
SENTENCES = [[str(w) for w in rng.choice(TOPICS[k % 4], rng.integers(5, 14))] for k in range(3000)]
SMALL = {"vector_size": 16, "min_count": 1, "workers": 1, "seed": 3, "sample": 0.0}


def sentences_of(corpus):
    bounds = zip(corpus.starts[:-1], corpus.starts[1:], strict=True)
    return [tuple(corpus.vocab.words[k] for k in corpus.ids[a:b]) for a, b in bounds]


def test_every_sentence_is_on_one_side_and_copies_are_on_the_same():
    corpus = read_corpus(SENTENCES + SENTENCES[:500], min_count=1)
    kept, held = hold_out_by_hash(corpus, 0.1, seed=5)
    assert sorted(sentences_of(kept) + sentences_of(held)) == sorted(sentences_of(corpus))
    assert not set(sentences_of(kept)) & set(sentences_of(held))
    assert 0.07 < len(held.starts) / len(corpus.starts) < 0.13
    assert kept.n_tokens_kept == len(kept.ids) and kept.vocab is corpus.vocab


def test_the_same_sentences_in_any_order_and_for_more_of_them():
    one = hold_out_by_hash(read_corpus(SENTENCES, min_count=1), 0.1, 5)[1]
    other = hold_out_by_hash(read_corpus(SENTENCES[::-1], min_count=1, n_threads=3), 0.1, 5)[1]
    assert set(sentences_of(one)) == set(sentences_of(other))
    larger = hold_out_by_hash(read_corpus(SENTENCES, min_count=1), 0.3, 5)[1]
    assert set(sentences_of(one)) < set(sentences_of(larger))
    another = hold_out_by_hash(read_corpus(SENTENCES, min_count=1), 0.1, 6)[1]
    assert set(sentences_of(one)) != set(sentences_of(another))


def test_one_giant_line_is_cut_where_blocks_are_taken_out():
    words = [w for sentence in SENTENCES for w in sentence]
    corpus = read_corpus([words, words[:50]], min_count=1)
    kept, held = hold_out_by_hash(corpus, 0.2, 1)
    assert len(kept.ids) + len(held.ids) == len(corpus.ids)
    assert 0.05 < len(held.ids) / len(corpus.ids) < 0.4
    assert len(kept.starts) > 3 and max(np.diff(held.starts)) >= 1000
    assert sorted(kept.ids.tolist() + held.ids.tolist()) == sorted(corpus.ids.tolist())


def test_a_corpus_on_disk_stays_there(tmp_path):
    read_corpus(SENTENCES, min_count=1)
    path = tmp_path / "t"
    path.write_text("\n".join(map(" ".join, SENTENCES)))
    mapped = read_corpus(path, min_count=1, ids_path=tmp_path / "ids")
    plain = read_corpus(path, min_count=1)
    for a, b in zip(hold_out_by_hash(mapped, 0.1), hold_out_by_hash(plain, 0.1), strict=True):
        assert not a.ids.flags.writeable and np.array_equal(a.ids, b.ids)
        assert np.array_equal(a.starts, b.starts)


@pytest.mark.parametrize("share", [0.0, 1.0, -1, 1e-9])
def test_shares_that_hold_nothing_out(share):
    with pytest.raises((OptionError, CorpusError)):
        hold_out_by_hash(read_corpus(SENTENCES, min_count=1), share)


@pytest.mark.parametrize("kind", [Word2Vec, FastText])
@pytest.mark.parametrize("hs", [0, 1])
@pytest.mark.parametrize("sg", [0, 1])
def test_held_out_loss_falls_and_weights_are_not_touched(kind, hs, sg, tmp_path):
    log = tmp_path / "log.jsonl"
    options = {**SMALL, "sg": sg, "hs": hs, "negative": 5 * (1 - hs), "alpha": 0.05, "epochs": 3}
    model = kind(SENTENCES, validation=Validation(share=0.1, log=log), **options)
    losses = [record.held_out_loss for record in model.validation_records]
    assert len(losses) == 3 and losses == sorted(losses, reverse=True)
    assert [r["held_out_loss"] for r in map(json.loads, log.open())] == losses
    # What is held out is not trained on, and measuring changes nothing.
    corpus = read_corpus(SENTENCES, min_count=1)
    kept, _ = hold_out_by_hash(corpus, 0.1, seed=3)
    other = kind(kept, **options)
    assert np.array_equal(other.wv.matrix, model.wv.matrix)
    assert other.loss_history == model.loss_history


def test_losses_are_the_same_whatever_the_number_of_threads_measured_on():
    """One model, trained once: its held-out loss must not depend on `workers`."""
    from wordvec.models.heldoutloss import held_out_loss, kernel_of_network

    model = Word2Vec(SENTENCES, **SMALL)
    _, held = hold_out_by_hash(read_corpus(SENTENCES, min_count=1), 0.1, 3)
    before = model.wv.matrix.copy()
    found = [
        held_out_loss(held, kernel_of_network(model.network, held, model.options), 3)
        for _ in range(2)
    ]
    assert found[0] == found[1] and np.array_equal(before, model.wv.matrix)


def test_patience_stops_and_the_best_weights_are_back():
    scores, seen = [0.1, 0.5, 0.4, 0.5, 0.3, 0.9], []

    def probe(vectors):
        seen.append(vectors.matrix.copy())
        return scores[len(seen) - 1]

    validation = Validation(share=0, probes=probe, patience=2)
    for kind in (Word2Vec, FastText):
        seen.clear()
        model = kind(SENTENCES, epochs=6, validation=validation, **SMALL)
        assert len(seen) == 4 and [r.is_best for r in model.validation_records] == [
            True, True, False, False,
        ]  # fmt: skip
        assert model.validation_records[-1].stopped == "patience"
        assert np.array_equal(model.wv.matrix, seen[1])
        assert not np.array_equal(seen[1], seen[3])
        assert len(model.loss_history) == 4 and not model.outcome.interrupted
        assert model.outcome.n_tokens_kept == 4 * sum(map(len, SENTENCES))
    assert np.array_equal(model.trained.vectors, seen[1])


def test_patience_without_stopping_goes_back_too():
    scores = iter([0.1, 0.5, 0.4])
    kept = []

    def probe(vectors):
        kept.append(vectors.matrix.copy())
        return {"mine": next(scores), "other": 0.0}

    validation = Validation(share=0, probes=[probe], patience=5, measure="mine")
    model = Word2Vec(SENTENCES, epochs=3, validation=validation, **SMALL)
    assert np.array_equal(model.wv.matrix, kept[1])
    assert [r.probes["mine"] for r in model.validation_records] == [0.1, 0.5, 0.4]
    assert all(r.stopped is None for r in model.validation_records)


def test_probes_from_files_and_training_in_steps(tmp_path):
    pairs = [f"{a}\t{b}\t{9 if a[0] == b[0] else 1}" for a, b in
             rng.choice(np.concatenate(TOPICS), (80, 2))]  # fmt: skip
    (tmp_path / "pairs.tsv").write_text("\n".join(pairs))
    (tmp_path / "unknown.tsv").write_text("zz\tyy\t3\nxx\tyy\t2\nuu\tvv\t1\n")
    model = Word2Vec(**SMALL | {"alpha": 0.05})
    model.build_vocab(SENTENCES)
    validation = Validation(share=0.1, probes=tmp_path, measure="pairs", patience=9)
    for first in (0, 4):
        model.train(SENTENCES, total_examples=3000, epochs=4, validation=validation)
        records = model.validation_records
        assert [r.epoch for r in records] == [first + k for k in (1, 2, 3, 4)]
        assert {r.n_epochs for r in records} == {first + 4}
        assert all(r.probes["unknown"] is None for r in records)
    assert records[-1].probes["pairs"] > 0.5


def test_mistakes_show_before_the_training(tmp_path):
    def fails(_):
        raise ZeroDivisionError

    for bad, error in (
        ({"share": 0}, OptionError),
        ({"share": 2}, OptionError),
        ({"patience": 0}, OptionError),
        ({"share": 0, "probes": lambda v: 1.0, "measure": "held_out_loss"}, OptionError),
        ({"probes": tmp_path / "none"}, OSError),
        ({"log": tmp_path / "no" / "log"}, OutputError),
        ({"share": 1e-7}, CorpusError),
        ({"probes": fails}, ZeroDivisionError),
        ({"probes": [fails, fails]}, OptionError),
        ({"probes": lambda v: {"a": 1}, "measure": "b"}, (OptionError)),
    ):
        with pytest.raises(error):
            Word2Vec(SENTENCES, validation=Validation(**bad), epochs=1, **SMALL)
    with pytest.raises(OptionError, match="over all words"):
        FastText(SENTENCES, loss="softmax", validation=Validation(), epochs=1, **SMALL)


def test_logs_are_read_back(tmp_path):
    path = tmp_path / "log"
    log = TrainingLog(path)
    records = [EpochRecord(k, 3, 100 * k, 0.1, 1 / k, probes={"p": 0.5}) for k in (1, 2, 3)]
    records[1].loss = math.nan
    for record in records:
        log.write(record)
    log.close()
    records[1].loss = None
    assert read_log(path) == records
    path.write_bytes(path.read_bytes()[:-20])  # killed while it was writing
    assert read_log(path) == records[:2]
    for text in (b"", b"[1]\n", b"{}\n", b'{"epoch": 1}\n', b"text\n" * 3, b"\xff\xfe{"):
        path.write_bytes(text)
        with pytest.raises(FormatError):
            read_log(path)


def log_of(path, n=4, **more):
    log = TrainingLog(path)
    for k in range(1, n + 1):
        log.write(EpochRecord(k, n, k, 0.1, 2 / k, 3 / k, 10, {"p": k / 10}, k == 2, **more))
    log.close()


def test_plot_on_the_terminal(wordvec, tmp_path):
    log_of(tmp_path / "a.jsonl")
    log_of(tmp_path / "b.jsonl", 9)
    done = wordvec("plot", "a.jsonl", "--text")
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0 and lines[0].startswith("loss:") and "best epoch: 2" in lines
    assert sum(line.count("o") for line in lines[1:15]) == 4
    assert any(line.startswith("p:") for line in lines) and max(map(len, lines)) < 80
    both = wordvec("plot", "a.jsonl", "b.jsonl", "--text").stdout.decode()
    assert "a: held out" in both and "b: training" in both
    log_of(tmp_path / "one.jsonl", 1)
    assert wordvec("plot", "one.jsonl", "--text").returncode == 0


def test_plot_says_what_is_wrong(wordvec, tmp_path):
    log_of(tmp_path / "a.jsonl")
    (tmp_path / "bad").write_text("no log\n")
    for arguments, piece in (
        (["bad", "--text"], b"bad: line 1: expected the record of an epoch"),
        (["nowhere", "--text"], b"nowhere"),
        (["a.jsonl", "--text", "-o", "x.png"], b"--text"),
        (["a.jsonl", "-o", "a.jsonl"], b"one of the logs"),
        (["a.jsonl", "-o", "x.txt"], b".png"),
    ):
        done = wordvec("plot", *arguments)
        assert done.returncode and piece in done.stderr and done.stderr.count(b"\n") == 1


def test_pictures(wordvec, tmp_path, monkeypatch):
    log_of(tmp_path / "a.jsonl")
    from wordvec.errors import MissingExtraError
    from wordvec.plots import draw_curves

    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "matplotlib", None)
        patch.setitem(sys.modules, "matplotlib.figure", None)
        with pytest.raises(MissingExtraError, match=r"wordvec\[plot\]"):
            draw_curves({"a": read_log(tmp_path / "a.jsonl")}, tmp_path / "a.png")
    pytest.importorskip("matplotlib")
    for name, head in (("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.pdf", b"%PDF")):
        assert wordvec("plot", "a.jsonl", "-o", name).returncode == 0
        assert (tmp_path / name).read_bytes().startswith(head)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "t").write_text("\n".join(map(" ".join, SENTENCES)) + "\n")
    pairs = rng.choice(np.concatenate(TOPICS), (60, 2))
    rows = (f"{a}\t{b}\t{9 if a[0] == b[0] else 1}" for a, b in pairs)
    (tmp_path / "pairs.tsv").write_text("\n".join(rows))
    return tmp_path


def command_of(tool, *more):
    if tool == "word2vec":
        start = ["word2vec", "-train", "t", "-output", "v.bin", "-binary", 1, "-size", 8,
                 "-min-count", 1, "-iter", 3, "-threads", 1]  # fmt: skip
    else:
        start = ["fasttext", tool, "-input", "t", "-output", "v", "-dim", 8, "-minCount", 1,
                 "-epoch", 3, "-thread", 1, "-bucket", 1000]  # fmt: skip
    return [*start, *more]


@pytest.mark.parametrize("tool", ["word2vec", "skipgram"])
def test_commands_measure_stop_and_log(wordvec, files, tool):
    more = ["-validate", 0.1, "-probe", "pairs.tsv", "-log", "log", "-patience", 1]
    done = wordvec(*command_of(tool, *more))
    assert done.returncode == 0 and done.stderr.count(b"held out") == 3, done.stderr
    records = read_log(files / "log")
    assert [r.epoch for r in records] == [1, 2, 3] and set(records[0].probes) == {"pairs"}
    assert records[0].held_out_loss > records[2].held_out_loss
    gain = ["-leastGain" if tool != "word2vec" else "-least-gain", 50]
    done = wordvec(*command_of(tool, *more, *gain))
    assert b"vectors are those of epoch 1" in done.stderr and (files / "v.bin").stat().st_size
    assert [r.stopped for r in read_log(files / "log")] == [None, "patience"]


@pytest.mark.parametrize("tool", ["word2vec", "skipgram"])
def test_commands_say_what_is_wrong(wordvec, files, tool):
    for more, piece in (
        (["-patience", 3], b"-validate or -probe"),
        (["-validate", 2], b"-validate: expected a number from 0 to 0.9"),
        (["-probe", "nowhere.tsv"], b"nowhere.tsv"),
        (["-probe", "pairs.tsv", "-measure", "x"], b"-measure: expected 'held_out_loss'"),
        (["-validate", 0.1, "-log", "no/such/log"], b"no/such/log"),
    )[:: 1 if tool == "word2vec" else 3]:
        done = wordvec(*command_of(tool, *more))
        lines = [x for x in done.stderr.splitlines() if x.startswith((b"wordvec", b"fasttext"))]
        assert done.returncode and piece in done.stderr and len(lines) == 1, done.stderr
    assert not list(files.glob("v*"))
    done = wordvec("fasttext", "supervised", "-input", "t", "-output", "v", "-validate", 0.1)
    assert b"skipgram and cbow" in done.stderr and done.returncode
