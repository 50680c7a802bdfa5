"""Corpus to ids: any bytes beside a twin in plain Python, and the rules of word2vec."""

import lzma
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from corpora import same, sentences_of
from hypothesis import given, settings
from hypothesis import strategies as st

from wordvec.corpus import WORD2VEC_RULES, TokenRules, count_vocab, read_corpus
from wordvec.errors import CorpusError
from wordvec.vocab import Vocab

PLAIN = TokenRules()


def twin(
    texts: list[bytes], rules: TokenRules, min_count: int, max_vocab: int | None
) -> tuple[list[tuple[bytes, int]], list[list[bytes]], int]:
    """(vocabulary with counts, sentences of kept words, words read) of files with these texts."""
    sentences: list[list[bytes]] = []
    counts: Counter[bytes] = Counter()
    for text in texts:
        text = text.replace(b"\r", b"").replace(b"\t", b" ")
        if text and rules.drop_unterminated:
            text = text[: max(text.rfind(b" "), text.rfind(b"\n")) + 1]
        for number, line in enumerate(text.split(b"\n")):
            if number and rules.separator:
                counts[b"</s>"] += 1
            sentences.append([])
            for word in line.split(b" "):
                word = word[: rules.max_word_bytes or None]
                word = word.split(b"\0")[0] if rules.nul_ends_word else word
                if word == b"</s>" and rules.separator:
                    counts[word] += 1
                    sentences.append([])
                elif word:
                    counts[word] += 1
                    sentences[-1].append(word)
    n_separators = counts.pop(b"</s>", 0) if rules.separator else 0
    order = sorted(counts.items(), key=lambda item: -item[1])
    kept = [item for item in order if item[1] >= min_count][:max_vocab]
    known = {word for word, _ in kept}
    n_read = sum(map(len, sentences))
    sentences = [[word for word in sentence if word in known] for sentence in sentences]
    vocab = [(b"</s>", n_separators)] * rules.separator + kept
    return vocab, [sentence for sentence in sentences if sentence], n_read


text_bytes = st.one_of(
    st.binary(max_size=300),
    st.lists(
        st.sampled_from(
            [b" ", b" ", b"\n", b"\t", b"\r\n", b"\r", b"a", b"b", b"ab", b"</s>", b"\0", b"\xe9",
             b"word", b"x" * 17, b"y" * 97, b"z" * 99]
        ),
        max_size=120,
    ).map(b"".join),
)  # fmt: skip
all_rules = st.sampled_from([PLAIN, WORD2VEC_RULES, TokenRules(separator=True), TokenRules(3)])


@settings(max_examples=150, deadline=None)
@given(
    st.lists(text_bytes, min_size=1, max_size=3),
    all_rules,
    st.sampled_from([1, 1, 2, 3]),
    st.sampled_from([None, None, 1, 3]),
    st.sampled_from([1, 7, 64, 1 << 20]),
    st.integers(1, 3),
    st.sampled_from([1, 100_000, 1 << 30]),
)
def test_any_bytes_give_what_the_twin_gives(
    tmp_path_factory: pytest.TempPathFactory,
    texts: list[bytes],
    rules: TokenRules,
    min_count: int,
    max_vocab: int | None,
    chunk_bytes: int,
    n_threads: int,
    memory: int,
) -> None:
    """For any size of chunk, number of threads and memory."""
    folder = tmp_path_factory.mktemp("texts")
    paths = [folder / str(k) for k in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        # What looks compressed would be unpacked.
        path.write_bytes(b" " + text)
    texts = [b" " + text for text in texts]
    vocab, sentences, n_read = twin(texts, rules, min_count, max_vocab)
    options: dict[str, Any] = {
        "rules": rules, "min_count": min_count, "max_vocab": max_vocab, "n_threads": n_threads,
        "memory": memory, "_chunk_bytes": chunk_bytes,
    }  # fmt: skip
    if not sentences:
        with pytest.raises(CorpusError):
            read_corpus(paths, **options)
        return
    corpus = read_corpus(paths, **options)
    found = [(corpus.vocab.word_bytes(k), int(n)) for k, n in enumerate(corpus.vocab.counts)]
    assert found == vocab
    assert sentences_of(corpus) == sentences
    assert corpus.n_tokens_read == n_read
    assert corpus.n_tokens_kept == len(corpus.ids) == sum(map(len, sentences))
    assert corpus.n_bytes == sum(map(len, texts))
    assert corpus.ids.dtype == np.int32 and corpus.starts.dtype == np.int64
    with_vocab = read_corpus(paths, vocab=corpus.vocab, **{**options, "min_count": 99})
    assert same(corpus, with_vocab)


# ---- word2vec's rules (fact sheet, conformance 3 to 7) -----------------------------------------


def saved_vocab(folder: Path, text: bytes, min_count: int = 1) -> bytes:
    (folder / "text").write_bytes(text)
    vocab = count_vocab(folder / "text", rules=WORD2VEC_RULES, min_count=min_count)
    vocab.save(folder / "vocab")
    return (folder / "vocab").read_bytes()


def test_conformance_3_words_are_cut_at_98_bytes(tmp_path: Path) -> None:
    text = b"a" * 97 + b" " + b"b" * 98 + b" " + b"c" * 99 + b" " + b"d" * 120 + b"\n"
    lines = saved_vocab(tmp_path, text).split(b"\n")[1:-1]
    assert [len(line.split()[0]) for line in lines] == [97, 98, 98, 98]
    corpus = read_corpus(tmp_path / "text", rules=WORD2VEC_RULES, min_count=1)
    assert corpus.notes == ["words cut at 98 bytes: 2"]
    native = read_corpus(tmp_path / "text", min_count=1)
    assert [len(word) for word in native.vocab.words] == [97, 98, 99, 120]
    assert native.notes == []


def test_conformance_4_and_5_line_ends_and_the_last_word(tmp_path: Path) -> None:
    expected = b"</s> 3\nx 1\ny 1\nz 1\n"
    assert saved_vocab(tmp_path, b"x y\tz\r\n\n\nfoo") == expected
    corpus = read_corpus(tmp_path / "text", rules=WORD2VEC_RULES, min_count=1)
    assert corpus.starts.tolist() == [0, 3] and corpus.ids.tolist() == [1, 2, 3]
    assert "last word" in corpus.notes[0]
    assert saved_vocab(tmp_path, b"x y\tz\n\n\n") == expected
    native = read_corpus(tmp_path / "text", min_count=1)
    assert native.vocab.words == ["x", "y", "z"] and native.ids.tolist() == [0, 1, 2]
    (tmp_path / "text").write_bytes(b"foo bar")
    assert read_corpus(tmp_path / "text", min_count=1).vocab.words == ["foo", "bar"]


def test_conformance_6_order(tmp_path: Path) -> None:
    assert saved_vocab(tmp_path, b"c b a b c d ") == b"</s> 0\nc 2\nb 2\na 1\nd 1\n"


def test_conformance_7_pruned_prefix(tmp_path: Path) -> None:
    saved_vocab(tmp_path, b"c b a b c c\nd ")
    Vocab.read(tmp_path / "vocab", min_count=2).save(tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"</s> 1\nc 3\nb 2\n"


def test_prune_at(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"a a b c d d e a b\n")
    corpus = read_corpus(tmp_path / "text", rules=WORD2VEC_RULES, min_count=1, prune_at=3)
    # At c: b and c go (limit 1); at e: a stays with 2? no: the limit is 2, all go; then a, b.
    assert dict(zip(corpus.vocab.words, corpus.vocab.counts.tolist(), strict=True)) == {
        "</s>": 1, "a": 1, "b": 1,
    }  # fmt: skip
    # The text is encoded with the vocabulary that was left, as in the original's second reading.
    assert [corpus.vocab.words[id] for id in corpus.ids] == ["a", "a", "b", "a", "b"]
    assert corpus.n_tokens_read == 9


def test_prune_at_changes_nothing_below_its_limit(tmp_path: Path) -> None:
    """Then the exact count stands, with all threads and within the budget of memory."""
    text = " ".join(f"w{i % 50}" for i in range(3000)) + "\n"
    (tmp_path / "text").write_text(text)
    settings: dict[str, Any] = {"rules": WORD2VEC_RULES, "min_count": 1}
    plain = read_corpus(tmp_path / "text", **settings)
    for memory in (None, 1):
        same = read_corpus(tmp_path / "text", prune_at=5000, n_threads=2, memory=memory, **settings)
        assert same.fingerprint == plain.fingerprint
    assert count_vocab(tmp_path / "text", prune_at=5000, n_threads=2, **settings).n_tokens == 3001


def test_prune_at_needs_two_readings(tmp_path: Path) -> None:
    corpus = read_corpus([list("aabcddeab")], min_count=1, prune_at=3)
    assert sorted(corpus.vocab.words) == list("abcde")
    assert any("more than 3 distinct words" in note for note in corpus.notes)


# ---- real text ---------------------------------------------------------------------------------


def test_korean_wikipedia(tmp_path: Path, shared_data: Path) -> None:
    source = shared_data / "corpora" / "kowiki1m.txt.xz"
    if not source.exists():
        pytest.skip(f"no {source}")
    with lzma.open(source) as stream:
        text = stream.read()
    (tmp_path / "text").write_bytes(text)
    corpus = read_corpus(tmp_path / "text", rules=WORD2VEC_RULES)
    vocab, sentences, n_read = twin([text], WORD2VEC_RULES, 5, None)
    assert [(corpus.vocab.word_bytes(k), n) for k, n in enumerate(corpus.vocab.counts)] == vocab
    assert sentences_of(corpus) == sentences and corpus.n_tokens_read == n_read
    spilled = read_corpus(tmp_path / "text", rules=WORD2VEC_RULES, memory=1 << 20, n_threads=2)
    assert same(corpus, spilled)
