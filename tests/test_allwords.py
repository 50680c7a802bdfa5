"""Softmax and one-vs-all over the vocabulary: the lists of examples, training, files, options."""

from pathlib import Path

import numpy as np
import pytest
from test_fasttext import TOPICS, sentences, share_of_neighbours, train

from wordvec import FastText
from wordvec.corpus import FASTTEXT_RULES, read_corpus
from wordvec.errors import OptionError
from wordvec.fasttext import train_unsupervised
from wordvec.formats.fasttext_bin import read_model
from wordvec.kernels import sampling, sgd
from wordvec.memory import zero_rows
from wordvec.models.allwords import cut_sentences
from wordvec.models.facebook import load_facebook_model, save_facebook_model
from wordvec.options import FastTextOptions

# ---- the lists --------------------------------------------------------------------------------


def worker_of(ids, starts, n_words, *, use_cbow, subwords=None, keep=None, window=3):
    rows = zero_rows(n_words + 5 if subwords else n_words, 16)
    model = sgd.Model(
        rows, keep=keep, window=window, use_cbow=use_cbow, subwords=subwords, negative=0
    )
    return sgd.Worker(model, len(ids)), sgd.Tokens(ids, starts, n_words)


def words_and_rows(seed, n_words, with_ngrams):
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, n_words, 90).astype(np.int32)
    starts = np.array([0, 1, 31, 31, 60, 90], np.int64)
    if not with_ngrams:
        return ids, starts, [[w] for w in range(n_words)], None
    rows_of = [[w, *rng.integers(n_words, n_words + 5, w % 4)] for w in range(n_words)]
    subwords = (
        np.cumsum([0, *map(len, rows_of)]).astype(np.int64),
        np.concatenate(rows_of).astype(np.int32),
    )
    return ids, starts, rows_of, subwords


@pytest.mark.parametrize("use_cbow", [False, True])
@pytest.mark.parametrize("with_ngrams", [False, True])
@pytest.mark.parametrize(("first", "end"), [(0, 90), (0, 1), (20, 45), (35, 90)])
def test_examples_are_those_of_the_windows(use_cbow, with_ngrams, first, end):
    ids, starts, rows_of, subwords = words_and_rows(1, 12, with_ngrams)
    worker, tokens = worker_of(ids, starts, 12, use_cbow=use_cbow, subwords=subwords)
    row_starts, rows, label_starts, label_ends, labels = worker.examples(tokens, first, end, 5, 6)
    expected = []
    centres, kept = worker.contexts()
    for i, word, low, high in centres:
        context = [kept[c] for c in range(low, high + 1) if c != i]
        if use_cbow and context:
            expected.append(([row for c in context for row in rows_of[c]], [word]))
        elif not use_cbow:
            expected += [(list(rows_of[word]), [c]) for c in context]
    found = [
        (rows[row_starts[i] : row_starts[i + 1]].tolist(), labels[a:b].tolist())
        for i, (a, b) in enumerate(zip(label_starts, label_ends, strict=True))
    ]
    assert len(centres) == end - first
    assert found == expected


@pytest.mark.parametrize("use_cbow", [False, True])
def test_examples_with_the_words_of_their_sentences(use_cbow):
    ids, starts, _, _ = words_and_rows(2, 12, False)
    counts = np.bincount(ids, minlength=12)
    keep = sampling.keep_thresholds(counts.astype(np.int64), 0.01, 90.0)
    worker, tokens = worker_of(ids, starts, 12, use_cbow=use_cbow, keep=keep)
    whole = worker.examples(tokens, 0, 90, 5, 6, True)
    single = worker.examples(tokens, 0, 90, 5, 6)
    assert 0 < len(worker.contexts()[1]) < 90
    assert np.array_equal(whole[0], single[0]) and np.array_equal(whole[1], single[1])
    # a part of the corpus gives its sentences whole
    half = worker.examples(tokens, 0, 75, 5, 6, True)
    assert half[4].tolist() == whole[4].tolist()
    for i, target in enumerate(single[4]):
        labels = whole[4][whole[2][i] : whole[3][i]].tolist()
        assert target in labels and len(set(labels)) == len(labels) > 1


def test_examples_need_uncut_sentences():
    model = sgd.Model(zero_rows(4, 16), max_sentence=5, negative=0)
    tokens = sgd.Tokens(np.zeros(3, np.int32), np.array([0, 3], np.int64), 4)
    with pytest.raises(ValueError, match="must not be cut"):
        sgd.Worker(model, 3).examples(tokens, 0, 3, 0, 0)
    model = sgd.Model(zero_rows(4, 16), negative=0)
    with pytest.raises(ValueError, match="out of range"):
        sgd.Worker(model, 3).examples(tokens, 0, 4, 0, 0)


def test_long_sentences_are_cut_before_subsampling():
    corpus = read_corpus([["a"] * 7, ["b"] * 3, ["a"] * 2], min_count=1)
    cut, n_cuts = cut_sentences(corpus, 3)
    assert n_cuts == 2 and cut.starts.tolist() == [0, 3, 6, 7, 10, 12]
    assert cut_sentences(corpus, 7) == (corpus, 0) == cut_sentences(corpus, 0)


# ---- training ---------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["softmax", "ova"])
@pytest.mark.parametrize("sg", [0, 1])
def test_words_of_a_topic_come_together(loss, sg):
    # CBOW with one-vs-all is stiff: at 0.05 the original's words come apart too.
    model = train(sg=sg, loss=loss, epochs=2, alpha=0.05 if loss == "softmax" else 0.01)
    assert share_of_neighbours(model) > 0.95
    assert model.outcome.n_tokens_trained == 2 * 25_000
    know_nothing = {"softmax": np.log(40), "ova": 40 * np.log(2)}
    assert max(model.outcome.epoch_losses) < 0.7 * know_nothing[loss]


def test_softmax_learns_the_shares_of_words():
    """The mean loss of skip-gram goes to the entropy of a topic's 8 words, log 8."""
    model = train(sg=1, loss="softmax", epochs=3, alpha=0.1)
    assert abs(model.outcome.loss - np.log(8)) < 0.1


@pytest.mark.parametrize("loss", ["softmax", "ova"])
def test_same_seed_same_bytes(loss):
    first, second = (train(sg=1, loss=loss, epochs=1) for _ in range(2))
    assert np.array_equal(first.wv.vectors, second.wv.vectors)
    other = train(sg=1, loss=loss, epochs=1, workers=3)
    assert share_of_neighbours(other) > 0.9


def test_two_words_and_no_ngrams():
    text = [["a", "b"]] * 50
    for loss in ("softmax", "ova"):
        model = FastText(text, min_count=1, loss=loss, max_n=0, vector_size=3, workers=1, sample=0)
        assert np.isfinite(model.wv.vectors).all() and model.outcome.loss < 1.4


def test_options():
    assert FastTextOptions(loss="hs").hs == 1 and FastTextOptions(hs=1).loss_name == "hs"
    assert FastTextOptions(loss="softmax", negative=0).n_noise == 0
    assert FastTextOptions(loss="hs").n_noise == 0 and FastTextOptions(hs=1).n_noise == 5
    for settings in (
        {"loss": "ns", "negative": 0}, {"loss": "softmax", "hs": 1}, {"loss": "nonsense"},
        {"negative": 0},
    ):  # fmt: skip
        with pytest.raises(OptionError):
            FastTextOptions(**settings)


# ---- files and doors --------------------------------------------------------------------------


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text"
    path.write_text("\n".join(" ".join(words) for words in sentences(300)) + "\n")
    return path


@pytest.mark.parametrize("loss", ["softmax", "ova"])
@pytest.mark.parametrize("model", ["cbow", "skipgram"])
def test_command_module_and_file(wordvec, text, loss, model):
    result = wordvec(
        "fasttext", model, "-input", text, "-output", text.parent / "m", "-loss", loss,
        "-minCount", 1, "-dim", 11, "-bucket", 50, "-t", 1, "-thread", 1, "-saveOutput",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    written = read_model(text.parent / "m.bin")
    assert (written.args.loss, written.args.negative) == (loss, 5)
    assert written.args.kind == {"cbow": "cbow", "skipgram": "sg"}[model]
    assert written.output.n_rows == written.dictionary.n_words == 41  # with </s>
    assert len((text.parent / "m.output").read_text().splitlines()) == 42
    made = train_unsupervised(
        str(text), model, loss=loss, minCount=1, dim=11, bucket=50, t=1, thread=1, verbose=0
    )
    assert np.array_equal(made.get_output_matrix(), written.output.block(0, 41))
    assert np.abs(made.get_output_matrix()).max() > 0
    made.save_model(str(text.parent / "m2.bin"))
    assert Path(text.parent / "m2.bin").read_bytes() == Path(text.parent / "m.bin").read_bytes()


def test_gensim_names_keep_the_loss(tmp_path):
    model = train(sg=0, loss="softmax", epochs=1, bucket=100)
    save_facebook_model(model, tmp_path / "m.bin")
    again = load_facebook_model(tmp_path / "m.bin")
    assert again.options.loss == "softmax" and again.options.sg == 0
    word = TOPICS[0][0]
    assert np.array_equal(again.wv[word], model.wv[word])
    save_facebook_model(again, tmp_path / "again.bin")
    assert (tmp_path / "again.bin").read_bytes() == (tmp_path / "m.bin").read_bytes()


def test_lines_of_the_file_are_sentences(text):
    corpus = read_corpus(str(text), rules=FASTTEXT_RULES, min_count=1)
    assert len(corpus.starts) == 301
