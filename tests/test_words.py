"""WordList beside a list and a dict."""

import pickle
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordvec.kernels import wordindex
from wordvec.words import HASH_NAME, WordIndex, WordList

AWKWARD = ["", "the", "a b", "a\nb", "a\xa0b", "🙂", "größe", "\udcff\udcfe", "x" * 100_000, "the",
           "\0", "\0\0", "12345678", "123456789", ""]  # fmt: skip


def twin_hash(word: bytes, seed: int = 0) -> int:
    """The documented hash, in Python."""
    multiplier, modulus = 0xD6E8FEB86659FD93, 2**64
    value = seed ^ (len(word) * 0x9E3779B97F4A7C15 % modulus)
    for start in range(0, len(word), 8):
        part = int.from_bytes(word[start : start + 8], "little")
        value = (value ^ part) * multiplier % modulus
        value ^= value >> 32
    value = value * multiplier % modulus
    return value ^ value >> 32


def test_the_hash_is_the_documented_one() -> None:
    assert HASH_NAME == "wordvec-mx64"
    for n in [*range(34), 300]:
        word = bytes(range(7, 7 + n)) if n < 200 else bytes(n)
        for seed in (0, 1, 2**64 - 1):
            assert wordindex.hash_bytes(word, seed) == twin_hash(word, seed)
    # In files: these numbers must never change.
    assert wordindex.hash_bytes(b"") == 0
    assert wordindex.hash_bytes(b"king") == 0x25CE3CE9BE13FFBB


def test_as_a_sequence() -> None:
    words = WordList.of(AWKWARD)
    assert len(words) == len(AWKWARD) and words == AWKWARD and list(words) == AWKWARD
    assert words != AWKWARD[1:] and words != [*AWKWARD[:-1], "other"] and words != "text"
    assert words[3] == "a\nb" and words[-1] == "" and words[-2] == "123456789"
    assert words[2:9:3] == AWKWARD[2:9:3] and words[::-1] == AWKWARD[::-1] and words[5:5] == []
    assert words.word_bytes(7) == b"\xff\xfe"
    for row in (len(AWKWARD), -len(AWKWARD) - 1):
        with pytest.raises(IndexError):
            words[row]
    assert words == WordList.of(words) == WordList.of(tuple(AWKWARD))
    assert WordList.of(words) is words and WordList.of(["b"]) != WordList.of(["a"])
    assert pickle.loads(pickle.dumps(words)) == words
    assert repr(WordList.of(["a", "b"])) == "<WordList of 2: 'a', 'b'>"
    assert words.word_index[0].dtype == np.int32 and words.count("the") == 2


def test_no_words() -> None:
    words = WordList.of([])
    assert len(words) == 0 and words == [] and words[:] == [] and words.find("a") == -1
    assert "" not in words and words.find_many(["a", ""]).tolist() == [-1, -1]
    assert words.first_rows().shape == (0,)


def test_looking_up() -> None:
    words = WordList.of(AWKWARD)
    assert not words.has_index
    for word in AWKWARD:
        assert words.find(word) == AWKWARD.index(word) and word in words
    assert words.has_index
    assert words.find("none") == -1 and 3 not in words and "\ud800" not in words
    assert words.find(b"\xff\xfe") == 7
    asked = ["none", *AWKWARD, "\ud800", "", "\udcff\udcfe", b"the"] * 9
    expected = [words.find(word) for word in asked]
    assert words.find_many(asked).tolist() == expected
    assert words.find_many(word for word in asked).dtype == np.int64
    assert words.first_rows().tolist() == [AWKWARD.index(word) for word in AWKWARD]
    with pytest.raises(TypeError, match="a word is a str, not int"):
        words.find(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not NoneType"):
        words.find_many(["a", None])  # type: ignore[list-item]
    with pytest.raises(UnicodeEncodeError):
        WordList.of(["\ud800"])


@given(st.lists(st.binary(max_size=3)), st.lists(st.binary(max_size=3)))
def test_beside_a_dict(words: list[bytes], asked: list[bytes]) -> None:
    found = WordList.of_bytes(words)
    table = {word: row for row, word in reversed(list(enumerate(words)))}
    assert [found.word_bytes(row) for row in range(len(words))] == words
    texts = [word.decode("utf-8", "surrogateescape") for word in asked + words]
    assert found == [word.decode("utf-8", "surrogateescape") for word in words]
    assert found.find_many(texts).tolist() == [table.get(word, -1) for word in asked + words]


def test_arrays_given_from_outside(tmp_path: object) -> None:
    built = WordList.of(AWKWARD)
    slots, tags = (array.copy() for array in built.word_index)
    data, ends = built.data.copy(), built.ends.copy()
    for array in (slots, tags, data, ends):
        array.flags.writeable = False  # as a mapped file is
    words = WordList(data, ends, WordIndex(slots, tags))
    assert words.has_index and words.word_index.slots is slots
    assert words == AWKWARD and words.find("größe") == 6 and words.find("none") == -1
    for wrong in (slots[:-1], slots[:8], slots[:0]):
        with pytest.raises(ValueError, match="slots for 15 words"):
            WordList(data, ends, WordIndex(wrong, tags[: len(wrong)]))
    with pytest.raises(ValueError, match="tags for"):
        WordList(data, ends, WordIndex(slots, tags[1:]))
    with pytest.raises(ValueError, match="behind the bytes"):
        WordList(data[:-1], ends)


def test_damaged_arrays_raise_and_nothing_else() -> None:
    words = [f"w{k}" for k in range(50)]
    built = WordList.of(words)
    rng = np.random.default_rng(0)
    n_errors = 0
    for _ in range(300):
        slots, tags, ends = (np.copy(a) for a in (*built.word_index, built.ends))
        target = (slots, tags, ends[:-1])[rng.integers(3)]
        places = rng.integers(0, len(target), 10)
        target[places] = rng.integers(0, 2**31, 10).astype(target.dtype)
        damaged = WordList(built.data, ends, WordIndex(slots, tags))
        try:
            damaged.find_many(words)
            list(damaged)
        except ValueError:
            n_errors += 1
    assert n_errors > 50
    with pytest.raises(ValueError, match="damaged"):
        full = WordIndex(np.zeros(128, dtype=np.int32), np.zeros(128, dtype=np.uint8))
        WordList(built.data, built.ends, full).find_many(words)


def test_three_million_words_are_quick() -> None:
    lengths = np.full(3_000_000, 7, dtype=np.uint64)
    digits = np.char.zfill(np.arange(3_000_000).astype("S7"), 7)
    data = np.frombuffer(digits.tobytes(), dtype=np.uint8)
    words = WordList(data, np.cumsum(lengths, dtype=np.uint64))
    start = time.process_time()
    assert words.find("2999999") == 2_999_999
    assert time.process_time() - start < 3  # a dict of str takes as long on a quiet machine
    assert words.find("0000000") == 0 and words.find("3000000") == -1
    slots = words.word_index.slots
    used = np.flatnonzero(slots >= 0)
    home = [twin_hash(words.word_bytes(slots[k])) >> 8 & len(slots) - 1 for k in used[:20_000]]
    assert np.mean(used[:20_000] - home) < 1  # steps from the first slot
