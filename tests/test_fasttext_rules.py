"""fastText's tokens: separators, the trained end of a sentence, labels; against a twin."""

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordvec.corpus import FASTTEXT_RULES, TokenRules, count_vocab, read_corpus
from wordvec.errors import CorpusError, OptionError

PIECES = [
    b"a", b"b", b"cc", b"\xff", b"__label__x", b"__label_", b"</s>", b" ", b" ", b"\n", b"\n",
    b"\r", b"\t", b"\v", b"\f", b"\0",
]  # fmt: skip


def twin(text: bytes, min_count: int):
    """(words with counts by count, sentences, tokens read) as fastText reads a file."""
    tokens: list[bytes] = []
    for line in re.split(rb"(\n)", text):
        if line == b"\n":
            tokens.append(b"</s>")
        else:
            tokens += [t for t in re.split(rb"[ \r\t\v\f\0]+", line) if t]
    counts = Counter(t for t in tokens if not t.startswith(b"__label__"))
    kept = {t: n for t, n in counts.items() if n >= min_count}
    sentences: list[list[bytes]] = [[]]
    for token in tokens:
        sentences[-1] += [token] if token in kept else []
        if token == b"</s>":
            sentences.append([])
    return kept, [s for s in sentences if s], len(tokens)


def sentences_of(corpus):
    words = [corpus.vocab.word_bytes(row) for row in range(len(corpus.vocab))]
    ids = [words[i] for i in corpus.ids]
    return [ids[a:b] for a, b in zip(corpus.starts[:-1], corpus.starts[1:], strict=True)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=60), st.integers(1, 3), st.booleans())
def test_reads_as_fasttext(tmp_path_factory, pieces, min_count, spills):
    text = b"".join(pieces)
    path = tmp_path_factory.mktemp("rules") / "text"
    path.write_bytes(text)
    kept, sentences, n_tokens = twin(text, min_count)
    options = {"rules": FASTTEXT_RULES, "min_count": min_count}
    if not set(kept) - {b"</s>"}:
        with pytest.raises(CorpusError):
            read_corpus(path, **options)
        return
    corpus = read_corpus(path, **options, memory=64 if spills else None)
    vocab = corpus.vocab
    found = {vocab.word_bytes(row): int(vocab.counts[row]) for row in range(len(vocab))}
    assert found == kept
    assert sorted(vocab.counts, reverse=True) == list(vocab.counts)
    assert not vocab.has_separator
    assert corpus.n_tokens_read == n_tokens
    assert sentences_of(corpus) == sentences
    assert count_vocab(path, **options) == vocab
    again = read_corpus(path, vocab=vocab, rules=FASTTEXT_RULES)
    np.testing.assert_array_equal(again.ids, corpus.ids)


def test_the_last_word_counts_and_blank_lines_too(tmp_path):
    path = tmp_path / "text"
    path.write_bytes(b"a a\n\n\n\na b\vb")
    corpus = read_corpus(path, rules=FASTTEXT_RULES, min_count=1)
    assert corpus.vocab.words == ["</s>", "a", "b"]
    assert corpus.vocab.counts.tolist() == [4, 3, 2]
    assert corpus.ids.tolist() == [1, 1, 0, 0, 0, 0, 1, 2, 2]
    assert corpus.starts.tolist() == [0, 3, 4, 5, 6, 9]


def test_max_vocab_counts_neither_labels_nor_the_separator(tmp_path):
    path = tmp_path / "text"
    path.write_bytes(b"__label__a __label__a __label__a x x y\n" * 3)
    corpus = read_corpus(path, rules=FASTTEXT_RULES, min_count=1, max_vocab=1)
    assert corpus.vocab.words == ["x", "</s>"]


def test_python_sentences():
    corpus = read_corpus([["x", "y"], ["x", "__label__z"]], rules=FASTTEXT_RULES, min_count=1)
    assert sentences_of(corpus) == [[b"x", b"y", b"</s>"], [b"x", b"</s>"]]


def test_a_separator_that_is_a_word_must_be_a_separator():
    with pytest.raises(OptionError, match="separator_is_word"):
        TokenRules(separator_is_word=True)
