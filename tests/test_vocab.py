"""Vocabularies and word2vec's vocabulary files."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordvec.errors import CorpusError, FormatError, OutputError
from wordvec.vocab import Vocab

word_bytes = st.binary(min_size=1, max_size=20).filter(lambda w: not set(w) & set(b" \t\n\r"))


def test_from_counts_orders_cuts_and_finds() -> None:
    counts = {"b": 2, "a": 7, "c": 2, "d": 1, "e": 9}
    vocab = Vocab.from_counts(counts, min_count=2)
    assert vocab.words == ["e", "a", "b", "c"]
    assert vocab.counts.tolist() == [9, 7, 2, 2] and vocab.counts.dtype == np.int64
    assert vocab.n_tokens == 20 and len(vocab) == 4 and not vocab.has_separator
    assert [vocab.index(word) for word in vocab.words] == [0, 1, 2, 3]
    assert "a" in vocab and "d" not in vocab and "" not in vocab and 3 not in vocab
    with pytest.raises(KeyError):
        vocab.index("d")
    with pytest.raises(IndexError):
        vocab.word_bytes(4)
    assert Vocab.from_counts(counts, max_vocab=2).words == ["e", "a"]


def test_separator_is_row_0_whatever_its_count() -> None:
    vocab = Vocab.from_counts([("a", 3), ("</s>", 1)], min_count=2, separator=True)
    assert vocab.words == ["</s>", "a"] and vocab.counts.tolist() == [1, 3]
    assert vocab.has_separator and vocab.n_tokens == 4
    assert vocab.index("</s>") == 0 and vocab.index("a") == 1
    assert Vocab.from_counts([("a", 3)], separator=True).counts.tolist() == [0, 3]
    plain = Vocab.from_counts([("a", 3), ("</s>", 5)])
    assert plain.words == ["</s>", "a"] and not plain.has_separator
    assert plain.index("</s>") == 0


def test_a_word_twice_or_a_negative_count_is_refused() -> None:
    with pytest.raises(CorpusError, match="'a' is there twice"):
        Vocab.from_counts([("a", 3), ("a", 4)])
    with pytest.raises(CorpusError, match="-1"):
        Vocab.from_counts([("a", -1)])


@settings(deadline=None)
@given(st.dictionaries(word_bytes, st.integers(1, 50), min_size=1, max_size=30), st.booleans())
def test_file_round_trip(tmp_path_factory: pytest.TempPathFactory, counts, separator) -> None:
    counts.pop(b"</s>", None)
    words = {word.decode("utf-8", "surrogateescape"): n for word, n in counts.items()}
    if not words:
        words = {"a": 1}
    vocab = Vocab.from_counts(words, separator=separator)
    folder = tmp_path_factory.mktemp("vocab")
    vocab.save(folder / "a")
    again = Vocab.read(folder / "a")
    assert again == vocab
    again.save(folder / "b")
    assert (folder / "a").read_bytes() == (folder / "b").read_bytes()
    lines = (folder / "a").read_bytes().split(b"\n")
    assert lines[-1] == b"" and len(lines) == len(vocab) + 1
    assert [line.split(b" ")[0] for line in lines[:-1]] == [
        vocab.word_bytes(row) for row in range(len(vocab))
    ]


@pytest.mark.parametrize(
    "text",
    [
        b"</s> 3\na 5\nb 2\n",
        b"</s> 3\r\na 5\r\nb 2\r\n",
        b"</s>\t3\na\t5\nb 2",
        b"</s> 3\nb 2\na 5",
    ],
)
def test_read_accepts_what_the_original_does(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "v").write_bytes(text)
    vocab = Vocab.read(tmp_path / "v")
    assert vocab.words == ["</s>", "a", "b"] and vocab.counts.tolist() == [3, 5, 2]
    assert vocab.has_separator and vocab.n_tokens == 10
    pruned = Vocab.read(tmp_path / "v", min_count=4)
    assert pruned.words == ["</s>", "a"] and pruned.n_tokens == 8


def test_read_without_separator_first(tmp_path: Path) -> None:
    (tmp_path / "v").write_bytes(b"a 5\n</s> 9\n")
    vocab = Vocab.read(tmp_path / "v")
    assert not vocab.has_separator and vocab.words == ["</s>", "a"]


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        (b"", 0),
        (b"a 5\nb\n", 4),
        (b"a 5\n\nb 3\n", 4),
        (b"a 5\nb 3 4\n", 4),
        (b"a 5\nb x\n", 6),
        (b"a 5\nb -3\n", 6),
        (b"a 5\nb 1_0\n", 6),
        (b"a 5\nb 9223372036854775808\n", 6),
        (b"a 5\nbb 3\na 2\n", 9),
        (b"a 9223372036854775807\nb 1\n", None),
    ],
)
def test_bad_files_are_named_with_their_offset(tmp_path: Path, text: bytes, offset: int) -> None:
    (tmp_path / "v").write_bytes(text)
    with pytest.raises(FormatError) as caught:
        Vocab.read(tmp_path / "v")
    assert caught.value.offset == offset
    assert str(tmp_path / "v") in str(caught.value) and "\n" not in str(caught.value)


def test_missing_file_and_nothing_left(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="No such file"):
        Vocab.read(tmp_path / "missing")
    (tmp_path / "v").write_bytes(b"a 5\n")
    with pytest.raises(CorpusError, match="count of 6"):
        Vocab.read(tmp_path / "v", min_count=6)


def test_save_refuses_what_the_file_cannot_hold(tmp_path: Path) -> None:
    vocab = Vocab.from_counts({"fine": 9, "New York": 3})
    with pytest.raises(CorpusError, match="'New York' holds whitespace"):
        vocab.save(tmp_path / "v")
    assert not list(tmp_path.iterdir())
    with pytest.raises(OutputError):
        Vocab.from_counts({"a": 1}).save(tmp_path / "missing" / "v")
