"""GloVe's parameter file: plain doubles, with the vocabulary beside them."""

from pathlib import Path

import numpy as np
import pytest
from awkward import assert_same, bits, vectors_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wordvec.errors import FormatError, OptionError
from wordvec.formats import glove_binary, load, save, word2vec_binary
from wordvec.vectors import Vectors

REUSED_FOLDER = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
glove_words = st.lists(
    st.binary(min_size=1, max_size=12).map(
        lambda raw: raw.translate(bytes.maketrans(b" \t\n\r\v\f", b"______")).decode(
            "utf-8", "surrogateescape"
        )
    ),
    min_size=1,
    max_size=20,
)


def parameters(n_words: int, dim: int) -> np.ndarray:
    """What training leaves: 2 V rows of D + 1 doubles."""
    return np.random.default_rng(3).normal(0, 0.3, (2 * n_words, dim + 1))


def write_glove(folder: Path, n_words: int = 20, dim: int = 5, vocab: str = "vocab.txt") -> Path:
    (folder / vocab).write_text("".join(f"w{k} {100 - k}\n" for k in range(n_words)))
    parameters(n_words, dim).tofile(folder / "vectors.bin")
    return folder / "vectors.bin"


@pytest.mark.parametrize("vocab", ["vocab.txt", "vectors.vocab.txt", "vectors.vocab"])
def test_reads_word_plus_context(tmp_path: Path, vocab: str) -> None:
    path = write_glove(tmp_path, vocab=vocab)
    found = load(path)  # by content
    both = parameters(20, 5)
    assert bits(found.matrix) == bits((both[:20, :5] + both[20:, :5]).astype(np.float32))
    assert found.words[:3] == ["w0", "w1", "w2"]
    assert found.counts is not None and found.counts.tolist() == list(range(100, 80, -1))
    assert bits(load(path, limit=3).matrix) == bits(found.matrix[:3])
    chosen = load(path, words=["w7", "w3"])
    assert list(chosen.words) == ["w3", "w7"] and chosen.counts.tolist() == [97, 93]
    assert bits(chosen.matrix) == bits(found.matrix[[3, 7]])
    assert load(path, dtype="float16").matrix.dtype == np.float16


@given(glove_words, st.integers(1, 9), st.booleans())
@REUSED_FOLDER
def test_round_trip(tmp_path: Path, words: list[str], dim: int, counts: bool) -> None:
    vectors = vectors_of(words, dim, counts=counts)
    if vectors.counts is not None:
        vectors.counts += 1
    save(vectors, tmp_path / "v.glove.bin")
    assert (tmp_path / "v.glove.bin").stat().st_size == 16 * len(words) * (dim + 1)
    found = load(tmp_path / "v.glove.bin", format="glove-binary")
    assert_same(found, vectors)
    first = (tmp_path / "v.glove.bin").read_bytes(), (tmp_path / "v.vocab.txt").read_bytes()
    save(found, tmp_path / "v.glove.bin")
    again = (tmp_path / "v.glove.bin").read_bytes(), (tmp_path / "v.vocab.txt").read_bytes()
    assert again == first


def test_many_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glove_binary, "_STEP_BYTES", 1000)
    vectors = vectors_of([f"w{k}" for k in range(300)], 17)
    save(vectors, tmp_path / "v.glove.bin")
    assert_same(load(tmp_path / "v.glove.bin"), vectors)


def test_damage_is_named(tmp_path: Path) -> None:
    path = write_glove(tmp_path)
    data = path.read_bytes()
    for n_bytes in (0, 1, 8, 319, len(data) - 1, len(data) - 8, len(data) + 8):
        path.write_bytes((data + bytes(8))[:n_bytes])
        with pytest.raises(FormatError, match="2 x 20 rows of doubles") as caught:
            load(path, format="glove-binary")
        assert caught.value.offset == n_bytes
    path.write_bytes(data)
    (tmp_path / "vocab.txt").write_bytes(b"")
    with pytest.raises(FormatError, match="2 x 0 rows"):
        load(path)
    (tmp_path / "vocab.txt").unlink()
    with pytest.raises(FormatError, match=r"none of vectors\.vocab\.txt"):
        load(path)


@pytest.mark.parametrize("word", ["", "a b", "a\tb", "a\nb", "a\r", "\v"])
def test_words_that_do_not_fit(tmp_path: Path, word: str) -> None:
    with pytest.raises(FormatError, match="without white space"):
        save(vectors_of(["ok", word]), tmp_path / "v.glove.bin")
    with pytest.raises(FormatError, match="at least one word"):
        save(vectors_of([]), tmp_path / "v.glove.bin")
    with pytest.raises(OptionError, match="not packed"):
        save(vectors_of(["ok"]), tmp_path / "v.glove.bin.gz")
    assert list(tmp_path.iterdir()) == []


def test_sniff_is_not_fooled() -> None:
    rng = np.random.default_rng(0)
    assert glove_binary.sniff(parameters(50, 5).tobytes())
    assert glove_binary.sniff((parameters(50, 50) / 100).tobytes())
    others = [
        b"", b"\0" * 4096, b"It was a dark night. " * 100, "日本語のテキスト".encode() * 200,
        b"2 3\na 0.5 0.5 0.5\nb 1 2 3\n" * 50, rng.bytes(4096), b"\x93NUMPY" + rng.bytes(4000),
    ]  # fmt: skip
    others += [rng.normal(0, s, 1024).astype(np.float32).tobytes() for s in (0.01, 0.1, 0.3, 1)]
    others += [rng.integers(0, 1000, 1024).astype(t).tobytes() for t in ("<i4", "<i8", "<i2")]
    for head in others:
        assert not glove_binary.sniff(head), head[:20]


def test_bin_without_glove_is_word2vec(tmp_path: Path) -> None:
    save(Vectors(["a"], np.ones((1, 2), np.float32)), tmp_path / "v.bin")
    assert word2vec_binary.sniff((tmp_path / "v.bin").read_bytes())
