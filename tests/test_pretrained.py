"""Word vectors trained from pretrained ones: the dictionary and rows of fastText, any format."""

import numpy as np
import pytest

from wordvec import FastText, Vectors, save
from wordvec.corpus import FASTTEXT_RULES, read_corpus
from wordvec.errors import CorpusError, OptionError
from wordvec.fasttext import train_unsupervised
from wordvec.morewords import with_words
from wordvec.words import WordList

TEXT = "b a a\nc a b d\n\nb a\n"  # a 4, </s> 4, b 3, c 1, d 1


def vectors(words=("z", "c", "a", "z", "__label__x"), dim=4):
    rng = np.random.default_rng(0)
    return Vectors(list(words), rng.normal(size=(len(words), dim)).astype(np.float32))


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text"
    path.write_text(TEXT)
    return str(path)


def read(text, **reading):
    return read_corpus(text, rules=FASTTEXT_RULES, min_count=1, **reading)


@pytest.mark.parametrize("memory", [None, 1])
def test_words_join_the_vocabulary(text, memory):
    more = WordList.of(vectors().words)
    corpus = with_words(read(text), more, min_count=2, label_prefix="__label__", memory=memory)
    counts = dict(zip(corpus.vocab.words, corpus.vocab.counts.tolist(), strict=True))
    assert counts == {"a": 5, "</s>": 4, "b": 3, "z": 1, "c": 1}
    assert corpus.vocab.counts.tolist() == sorted(corpus.vocab.counts.tolist(), reverse=True)
    read_back = [
        [corpus.vocab.words[i] for i in corpus.ids[a:b]]
        for a, b in zip(corpus.starts[:-1], corpus.starts[1:], strict=True)
    ]
    # d is too rare; c as well, but the vectors have it
    assert read_back == [
        ["b", "a", "a", "</s>"], ["c", "a", "b", "</s>"], ["</s>"], ["b", "a", "</s>"],
    ]  # fmt: skip
    assert corpus.n_tokens_kept == len(corpus.ids) == 12
    assert corpus.n_tokens_read == 13 + 3  # a, c, z


def test_sentences_without_words_vanish():
    corpus = read_corpus([["x", "y"], ["a"], ["y"], ["a", "a"]], min_count=1)
    taken = with_words(corpus, WordList.of(["q"]), min_count=3)
    assert taken.vocab.words == ["a", "q"]
    assert taken.ids.tolist() == [0, 0, 0] and taken.starts.tolist() == [0, 1, 3]


def test_the_limit_of_words_is_of_the_text():
    corpus = read_corpus([["a", "a", "a", "b", "b", "c"]], min_count=1)
    taken = with_words(corpus, WordList.of(["c", "q"]), min_count=1, max_vocab=1)
    assert taken.vocab.words == ["a", "c", "q"] and taken.ids.tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("form", ["m.vec", "m.bin", "m.npz", "m.safetensors"])
def test_rows_start_as_the_vectors(text, tmp_path, form):
    start = vectors(("z", "c", "a"))
    save(start, tmp_path / form)
    model = train_unsupervised(
        text, minCount=2, dim=4, maxn=0, lr=0.0, t=1, pretrainedVectors=str(tmp_path / form),
        thread=1, verbose=0,
    )  # fmt: skip
    assert model.words == ["a", "</s>", "b", "c", "z"] or model.words[0] == "a"
    for word in ("z", "c", "a"):
        assert np.allclose(model[word], start[word], atol=1e-4)
    assert np.abs(model["b"]).max() <= 0.25


def test_a_later_duplicate_wins(text):
    start = vectors()
    model = FastText(
        corpus_file=text, pretrained=start, min_count=1, vector_size=4, max_n=0, alpha=0.0,
        min_alpha=0.0, workers=1,
    )  # fmt: skip
    assert np.array_equal(model.wv["z"], start.matrix[3])
    assert "__label__x" in model.wv  # no prefix is a label's here


def test_the_command(wordvec, text, tmp_path):
    (tmp_path / "p.vec").write_text("3 4\nz 1 2 3 4\nc 0 0 1 0\na 1 1 1 1\n")
    result = wordvec(
        "fasttext", "skipgram", "-input", text, "-output", "m", "-minCount", 2, "-dim", 4,
        "-maxn", 0, "-lr", 0, "-pretrainedVectors", "p.vec",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    lines = (tmp_path / "m.vec").read_text().splitlines()
    assert lines[0] == "5 4" and "z 1 2 3 4 " in lines and "c 0 0 1 0 " in lines


def test_mistakes(text):
    with pytest.raises(OptionError, match="4, as the pretrained vectors"):
        FastText(corpus_file=text, pretrained=vectors(), min_count=1, vector_size=5)
    with pytest.raises(FileNotFoundError):
        FastText(corpus_file=text, pretrained="no such file", min_count=1)
    with pytest.raises(CorpusError, match="give the text"):
        FastText(read(text), pretrained=vectors(), min_count=1, vector_size=4)
