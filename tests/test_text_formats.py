"""GloVe's and fastText's text, several threads, packed files and pipes, and gensim beside them."""

import gzip
import io
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fuzz_readers
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordvec.errors import FormatError, MissingExtraError
from wordvec.formats import (
    FORMATS,
    blocks,
    fasttext_vec,
    glove_text,
    lines,
    load,
    recognise,
    save,
    word2vec_binary,
    word2vec_text,
    writing,
)
from wordvec.formats.blocks import BlockReader
from wordvec.formats.request import ReadRequest
from wordvec.keyedvectors import KeyedVectors
from wordvec.vectors import Vectors

ODD_WORDS = ["the", "", "a\xa0b", "🙂", "\udcff\udcfe", "x\ty", "w" * 100_000, "the", "\0", "12"]
ODD_MATRIX = np.round(np.random.default_rng(1).normal(0, 1, (10, 5)), 4).astype(np.float32)


def read(module: Any, data: bytes, sized: bool = True, **options: Any) -> Vectors:
    reader = BlockReader(io.BytesIO(data), "file", len(data) if sized else None)
    found = module.read(reader, ReadRequest(**options))
    assert isinstance(found, Vectors)
    return found


def write(module: Any, words: Any, matrix: np.ndarray) -> bytes:
    stream = io.BytesIO()
    module.write(stream, SimpleNamespace(words=words, matrix=matrix), "file")
    return stream.getvalue()


def test_layouts() -> None:
    rows = np.float32([[0.5, -1], [1e-7, 123456.789]])
    assert write(glove_text, ["a b"[:1], ". ."], rows) == (
        b"a 0.500000 -1.000000\n. . 0.000000 123456.789062\n"
    )
    assert write(fasttext_vec, ["</s>", "b"], rows) == b"2 2\n</s> 0.5 -1 \nb 1e-07 1.2346e+05 \n"
    assert recognise("f", write(glove_text, ["a", "b"], rows)) is glove_text
    assert recognise("f", write(fasttext_vec, ["a", "b"], rows)) is word2vec_text


@pytest.mark.parametrize("module", [glove_text, fasttext_vec])
@pytest.mark.parametrize("sized", [True, False])
def test_odd_words_come_back(module: Any, sized: bool) -> None:
    content = write(module, ODD_WORDS, ODD_MATRIX)
    found = read(module, content, sized)
    assert found.words == ODD_WORDS and np.array_equal(found.matrix, ODD_MATRIX)
    assert write(module, found.words, found.matrix) == content
    assert read(module, content, sized, limit=2).words == ODD_WORDS[:2]
    assert read(module, content, sized, wanted=frozenset(["the", ""])).words == ["the", "", "the"]
    half = read(module, content, sized, dtype="float16").matrix
    assert half.dtype == np.float16 and np.array_equal(half, ODD_MATRIX.astype(np.float16))


glove_words = st.text(max_size=6).map(
    lambda text: text.encode("utf-8", "replace").decode().replace("\n", "_").rstrip(" ")
)


@given(st.lists(glove_words, min_size=1), st.integers(2, 12), st.booleans())
def test_glove_round_trip(words: list[str], dim: int, sized: bool) -> None:
    words = ["first", *words]
    rows = np.random.default_rng(dim).integers(-(10**6), 10**6, (len(words), dim)) / 1e6
    content = write(glove_text, words, rows.astype(np.float32))
    found = read(glove_text, content, sized)
    assert found.words == words
    assert write(glove_text, found.words, found.matrix) == content
    assert glove_text.sniff(content) and not word2vec_text.sniff(content)


def test_what_glove_cannot_hold() -> None:
    for words, message in [([], "one word at least"), (["a b"], "first word without spaces"),
                           (["a", "b "], "space at their end"),
                           (["a", "b\n"], "without newlines")]:  # fmt: skip
        with pytest.raises(FormatError, match=message):
            write(glove_text, words, np.zeros((len(words), 2), dtype=np.float32))


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "no bytes"), (b"a 1 2", "a newline at the end of word 1"), (b"a\nb\n", "a word and its"),
     (b"a 1 2\nb 1 2", "a newline at the end of word 2"), (b"a 1 2\nb 1 x\n", "a number of word 2"),
     (b"a 1 2\nb c 1 2\nd 1 2\ne 1,5 2\n", "a number of word 4, found ',5"),
     (b"a 1 2\n" + b"b 1 2\n" * 200 + b"c 1\n", "2 numbers for word 202, found the end of the"),
     (b"a 1 2\n\nb 1 2\n", "2 numbers for word 2"),
     (b"a 1 2\nb 1\n", "2 numbers for word 2"), (b"a b 1 2\nb 1 2\n", "a number of word 1")],
)  # fmt: skip
def test_damaged_glove_is_named(content: bytes, message: str) -> None:
    for sized in (True, False):
        with pytest.raises(FormatError, match=message):
            read(glove_text, content, sized)


def test_prose_is_not_glove() -> None:
    for text in (b"It was a dark night.\n", b"a\nb\n", b"1\n2\n", b"a 1\n", b"a 1\nthe end\n",
                 b"year count x\n2001 3 4\n", b"\n\n", b"a 1"):  # fmt: skip
        assert not glove_text.sniff(text)
    with pytest.raises(FormatError, match="a file of word vectors"):
        recognise("f", b"It was a dark night.\n")


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("module", [word2vec_text, glove_text])
def test_several_threads(
    module: Any, n_threads: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Blocks side by side, chunks of the matrix that end within a block, packed or not."""
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 3000)
    monkeypatch.setattr("wordvec.formats.rows._CHUNK_BYTES", 5000)
    monkeypatch.setattr(lines.LineReading, "_n_threads", lambda self: n_threads)
    rng = np.random.default_rng(0)
    matrix = np.round(rng.normal(0, 1, (3000, 9)), 5).astype(np.float32)
    words = [f"w{k}" + "x" * int(rng.integers(0, 40)) for k in range(3000)]
    content = write(module, words, matrix)
    for sized in (True, False):
        for dtype in ("float32", "float16"):
            found = read(module, content, sized, dtype=dtype)
            assert found.words == words
            assert np.array_equal(found.matrix, matrix.astype(dtype))
    assert read(module, content, limit=1234).words == words[:1234]
    damaged = bytearray(content)
    places = [
        content.index(b"\n" + words[k].encode() + b" ") + len(words[k]) + 3 for k in (900, 2900)
    ]
    for place in places:
        damaged[place] = ord("x")
    for _ in range(5):
        with pytest.raises(FormatError, match="a number of word 901"):
            read(module, bytes(damaged))
    (tmp_path / "v.gz").write_bytes(gzip.compress(content))
    assert load(tmp_path / "v.gz").words == words


@pytest.mark.parametrize("name", ["v.txt", "v.bin", "v.glove", "v.vec"])
@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2", ".xz", ".zst"])
def test_files_packed_or_not_and_pipes(tmp_path: Path, name: str, suffix: str) -> None:
    if suffix == ".zst":
        pytest.importorskip("zstandard")
    vectors = Vectors(ODD_WORDS, ODD_MATRIX)
    path = tmp_path / (name + suffix)
    save(vectors, path)
    found = load(path)
    assert found.words == ODD_WORDS and np.array_equal(found.matrix, ODD_MATRIX)
    reading, writing = os.pipe()
    writer = threading.Thread(
        target=lambda: (os.write(writing, path.read_bytes()[:200_000]), os.close(writing))
    )
    writer.start()
    try:
        found = load(f"/dev/fd/{reading}", limit=3)
    finally:
        os.close(reading)
        writer.join()
    assert found.words == ODD_WORDS[:3] and np.array_equal(found.matrix, ODD_MATRIX[:3])


def test_without_zstandard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    (tmp_path / "v").write_bytes(b"\x28\xb5\x2f\xfd" + bytes(20))
    with pytest.raises(MissingExtraError, match="the package zstandard"):
        load(tmp_path / "v")


def test_stdin(tmp_path: Path, command_environment: dict[str, str]) -> None:
    program = "import wordvec; print(list(wordvec.load('/dev/stdin').words))"
    content = write(word2vec_text, ["a", "b"], np.zeros((2, 2), dtype=np.float32))
    done = subprocess.run(
        [sys.executable, "-c", program], input=content, env=command_environment, cwd=tmp_path,
        stdout=subprocess.PIPE, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == b"['a', 'b']\n"


@pytest.mark.parametrize("name", [f.NAME for f in FORMATS])
def test_fuzz_briefly(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    n_tried, _ = fuzz_readers.fuzz(name, 0.7)
    assert n_tried > 0 or not fuzz_readers.samples(name, tmp_path)


@pytest.mark.parametrize("binary", [False, True])
def test_gensim_and_we_read_each_other(tmp_path: Path, binary: bool) -> None:
    gensim = pytest.importorskip("gensim.models")
    bits = np.random.default_rng(0).integers(0, 2**32, (40, 11), dtype=np.uint32)
    matrix = bits.view(np.float32)
    # from 10^6 on NumPy's str, and so gensim's files, differ between versions of NumPy
    matrix[~(np.abs(matrix) < 1e6)] = 1e-40
    words = ["</s>", "größe", "🙂", *(f"w{k}" for k in range(37))]
    theirs = gensim.KeyedVectors(11)
    theirs.add_vectors(words, matrix)
    theirs.save_word2vec_format(str(tmp_path / "theirs"), binary=binary)
    found = load(tmp_path / "theirs")
    assert found.words == words and np.array_equal(
        found.matrix.view(np.uint32), matrix.view(np.uint32)
    )
    KeyedVectors.from_vectors(words, matrix).save_word2vec_format(tmp_path / "ours", binary=binary)
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()
    module = word2vec_binary if binary else word2vec_text
    (tmp_path / "own").write_bytes(write(module, words, np.round(matrix.clip(-9, 9), 6)))
    again = gensim.KeyedVectors.load_word2vec_format(str(tmp_path / "own"), binary=binary)
    ours = load(tmp_path / "own")
    assert again.index_to_key == ours.words
    assert np.array_equal(again.vectors.view(np.uint32), ours.matrix.view(np.uint32))


def test_a_folder_and_a_device(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="a folder"):
        load(tmp_path)
    with pytest.raises(FormatError, match="an empty file"):
        load("/dev/null")


def test_big_endian_numbers_are_noticed() -> None:
    matrix = np.random.default_rng(0).normal(0, 0.3, (50, 7)).astype(np.float32)
    words = [f"w{k}" for k in range(50)]
    with pytest.raises(FormatError, match="expected little-endian numbers") as caught:
        read(word2vec_binary, write(word2vec_binary, words, matrix.byteswap()))
    assert caught.value.offset == 5
    for odd in (np.zeros_like(matrix), matrix * 1e30, matrix * np.inf, matrix * 1e-30):
        found = read(word2vec_binary, write(word2vec_binary, words, odd)).matrix
        assert np.array_equal(found.view(np.uint32), odd.view(np.uint32))


@pytest.mark.parametrize("limit", [None, 1, 5])
@pytest.mark.parametrize("dim", [2, 20])
def test_decimal_commas_are_not_taken_for_binary(
    tmp_path: Path, dim: int, limit: int | None
) -> None:
    """With a limit nothing behind the first words would tell that their numbers are none."""
    lines = [
        f"w{row} " + " ".join(f"-0,{row}{column:02}5" for column in range(dim)) for row in range(50)
    ]
    (tmp_path / "v").write_text(f"50 {dim}\n" + "\n".join(lines) + "\n")
    with pytest.raises(FormatError, match=f"found text that begins '50 {dim}"):
        load(tmp_path / "v", limit=limit)


@pytest.mark.parametrize("packed", [False, True])
def test_a_header_of_glove_does_not_count_unk(tmp_path: Path, packed: bool) -> None:
    content = b"2 3\na 1 2 3\nb 4 5 6\n<unk> 7 8 9\n"
    path = tmp_path / ("v.txt.gz" if packed else "v.txt")
    path.write_bytes(gzip.compress(content) if packed else content)
    vectors = load(path)
    assert list(vectors.words) == ["a", "b", "<unk>"]
    np.testing.assert_array_equal(vectors.matrix, np.arange(1, 10, dtype=np.float32).reshape(3, 3))
    assert list(load(path, limit=2).words) == ["a", "b"]
    for end, message in ((b"<unk> 7 8 9", "a newline"), (b"<unk> 7 8\n", "3 numbers"),
                         (b"c 7 8 9\n", "the end of the file"),
                         (b"<unk> 7 8 9\nc 1 2 3\n", "the end of the file")):  # fmt: skip
        path = tmp_path / "bad.txt"
        path.write_bytes(b"2 3\na 1 2 3\nb 4 5 6\n" + end)
        with pytest.raises(FormatError, match=message):
            load(path)


def test_threads_write_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = np.random.default_rng(0).standard_normal((3000, 7)).astype(np.float32)
    names = [f"word{row}" * (1 + row % 9) for row in range(3000)]
    expected, found = io.BytesIO(), io.BytesIO()
    word2vec_text.write(expected, Vectors(names, matrix))
    monkeypatch.setattr(writing, "NUMBERS_FOR_THREADS", 0)
    monkeypatch.setattr(writing, "BLOCK_BYTES", 9000)  # dozens of blocks, several times over
    monkeypatch.setattr(writing, "n_cores", lambda: 3)
    word2vec_text.write(found, Vectors(names, matrix))
    assert found.getvalue() == expected.getvalue()
    for row in (2999, 1234, 40):  # the first that is wrong is named, whichever is met first
        names[row] = f"a space {row}"
        with pytest.raises(FormatError, match=f"word {row}: "):
            word2vec_text.write(io.BytesIO(), Vectors(names, matrix))
