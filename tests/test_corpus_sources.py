"""Corpus to ids: every kind of source, and what is said of bad ones."""

import bz2
import gzip
import lzma
import os
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from corpora import TEXT, same, sentences_of

from wordvec.corpus import WORD2VEC_RULES, read_corpus
from wordvec.errors import CorpusError, OptionError
from wordvec.vocab import Vocab

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed_by_content(tmp_path: Path, text_path: Path, pack: Any) -> None:
    packed = tmp_path / "packed.txt"
    packed.write_bytes(pack(TEXT[:1000]) + pack(TEXT[1000:]))
    corpus = read_corpus(packed, n_threads=2, _chunk_bytes=100)
    assert same(corpus, read_corpus(text_path))
    assert corpus.n_bytes == len(TEXT)
    assert "unpacked as" in corpus.notes[0]


def test_text_that_only_begins_like_an_archive(tmp_path: Path) -> None:
    for text in (b"BZh news of the day\n", b"\x1f\x8b\n", b"\xfd7zXZ a\n"):
        (tmp_path / "text").write_bytes(text)
        corpus = read_corpus(tmp_path / "text", min_count=1)
        assert sentences_of(corpus) == [text.split()]


def test_zstd(tmp_path: Path, text_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = tmp_path / "packed"
    packed.write_bytes(b"\x28\xb5\x2f\xfd" + b"rest")
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(CorpusError, match=r"pip install 'wordvec\[zst\]'"):
        read_corpus(packed)
    monkeypatch.undo()
    zstandard = pytest.importorskip("zstandard", reason="zstandard is not installed")
    whole = zstandard.compress(TEXT)
    packed.write_bytes(whole)
    assert same(read_corpus(packed), read_corpus(text_path))
    packed.write_bytes(whole + zstandard.compress(TEXT[:47]))
    assert read_corpus(packed).n_bytes == len(TEXT) + 47
    for damaged, what in [(whole[:-10], "ends too early"), (whole + b"more", "is damaged")]:
        packed.write_bytes(damaged)
        with pytest.raises(CorpusError, match=f"the zstd data {what}"):
            read_corpus(packed)


def test_lists_folders_patterns(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    (folder / "b").mkdir(parents=True)
    (folder / "c.txt").write_bytes(b"c end")
    (folder / "a.txt").write_bytes(b"a end")
    (folder / "b" / "b.txt").write_bytes(b"b end")
    (folder / ".hidden").write_bytes(b"hidden")
    corpus = read_corpus(folder, min_count=1)
    assert sentences_of(corpus) == [[b"a", b"end"], [b"b", b"end"], [b"c", b"end"]]
    assert "1 hidden" in corpus.notes[0]
    assert read_corpus(f"{folder}/*.txt", min_count=1).vocab.words == ["end", "a", "c"]
    assert read_corpus(f"{folder}/**/*.txt", min_count=1).n_tokens_read == 6
    paths = [folder / "c.txt", folder / "a.txt"]
    listed = read_corpus(paths, min_count=1)
    assert sentences_of(listed) == [[b"c", b"end"], [b"a", b"end"]]
    assert same(listed, read_corpus([str(path) for path in paths], min_count=1))
    with pytest.raises(CorpusError, match=r"missing\.txt: no such file"):
        read_corpus([*paths, folder / "missing.txt"])
    with pytest.raises(CorpusError, match=r"missing\.txt: no such file"):
        read_corpus([str(paths[0]), "missing.txt"])
    with pytest.raises(CorpusError, match="no file matches"):
        read_corpus(f"{folder}/*.gz")


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_stdin(text_path: Path, pack: Any) -> None:
    script = (
        "from wordvec.corpus import read_corpus\n"
        "c = read_corpus('-', n_threads=2)\n"
        "print(c.fingerprint, c.n_bytes)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], input=pack(TEXT), capture_output=True, check=True, cwd=ROOT
    )
    assert result.stdout.decode().split() == [read_corpus(text_path).fingerprint, str(len(TEXT))]


def test_named_pipe(tmp_path: Path, text_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(TEXT))
    writer.start()
    assert same(read_corpus(pipe), read_corpus(text_path))
    writer.join()


def test_python_sentences(text_path: Path) -> None:
    lines = [line.split() for line in TEXT.decode().splitlines()]
    expected = read_corpus(text_path)
    for source in (lines, tuple(lines), (tuple(line) for line in lines), (iter(x) for x in lines)):
        assert same(read_corpus(source), expected)
    assert same(read_corpus(lines, memory=1, _chunk_bytes=100), expected)
    assert same(read_corpus(lines, vocab=expected.vocab), expected)
    odd = read_corpus([["New York", "", "\udcff", "x\ny"], [], ["New York"]], min_count=1)
    assert odd.vocab.words == ["New York", "\udcff", "x\ny"]
    assert odd.starts.tolist() == [0, 3, 4]
    assert odd.notes == ["empty words left out: 1"]


def test_integer_arrays() -> None:
    array = np.array([[7, 7, -3], [7, 9, 9]])
    corpus = read_corpus(array, min_count=1)
    assert corpus.vocab.words == ["7", "9", "-3"]
    assert corpus.ids.tolist() == [0, 0, 2, 0, 1, 1] and corpus.starts.tolist() == [0, 3, 6]
    rows = [np.array([0, 2], dtype=np.uint8), np.array([], dtype=np.int64), np.array([1])]
    by_row = read_corpus(rows, vocab=corpus.vocab)
    assert by_row.ids.tolist() == [0, 2, 1] and by_row.starts.tolist() == [0, 2, 3]
    separated = Vocab.from_counts({"a": 2, "b": 1}, separator=True)
    assert read_corpus([np.array([2, 1])], vocab=separated).ids.tolist() == [2, 1]
    with pytest.raises(CorpusError, match=r"sentence 0 holds 0; expected rows .* 1 to 2"):
        read_corpus([np.array([0, 1])], vocab=separated)
    with pytest.raises(CorpusError, match=r"sentence 1 .* 2 dimensions"):
        read_corpus([np.array([0]), array])
    with pytest.raises(CorpusError, match="float64"):
        read_corpus([np.array([0.5])])
    with pytest.raises(CorpusError, match="one 1-D array"):
        read_corpus(np.array([1, 2]))


# ---- bad input ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("missing.txt", "missing.txt: no such file"),
        (b"bytes", "the corpus is bytes"),
        (7, "the corpus is int"),
        (["the cat", "sat"], "list of strings .* expected a list of sentences"),
        ([["a"], "the cat sat"], "sentence 1 is a str .*split it first"),
        ([["a"], 5], "sentence 1 is int"),
        ([["a", 5]], "sentence 0: a token is int"),
        ([["\ud800"]], "sentence 0: .*surrogates"),
        ([], "the corpus is empty"),
        ([[], []], "the corpus is empty"),
        ([["rare", "often", "often"]], "5 times or more; the most frequent is 'often' with 2"),
    ],
)
def test_one_clear_line(source: Any, message: str) -> None:
    with pytest.raises(CorpusError, match=message) as caught:
        read_corpus(source)
    assert "\n" not in str(caught.value)


def test_bad_files(tmp_path: Path) -> None:
    path = tmp_path / "text"
    for text in (b"", b" \n\t\r\n"):
        path.write_bytes(text)
        with pytest.raises(CorpusError, match="text: the corpus is empty"):
            read_corpus(path)
    path.write_bytes(b"a b b\n" * 3)
    for memory in (1, 1 << 30):
        with pytest.raises(CorpusError, match="the most frequent is 'b' with 6"):
            read_corpus(path, min_count=7, memory=memory)
    with pytest.raises(CorpusError, match="none of its 9 words is in the vocabulary"):
        read_corpus(path, vocab=Vocab.from_counts({"x": 5}))
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match="holds no files"):
        read_corpus(tmp_path / "empty")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_damaged_archives_are_named(tmp_path: Path, pack: Any) -> None:
    packed = pack(np.random.default_rng(1).integers(97, 123, 50_000, dtype=np.uint8).tobytes())
    path = tmp_path / "packed"
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(CorpusError, match=r"packed: the .* data ends too early after"):
        read_corpus(path)
    damaged = bytearray(packed)
    damaged[len(packed) // 2] ^= 0xFF
    path.write_bytes(damaged)
    with pytest.raises(CorpusError, match=r"packed: the .* data is damaged"):
        read_corpus(path)


@pytest.mark.parametrize(
    "pack, unpacker",
    [
        (gzip.compress, lambda: zlib.decompressobj(wbits=31)),
        (bz2.compress, bz2.BZ2Decompressor),
        (lambda data: lzma.compress(data, preset=0), lzma.LZMADecompressor),
    ],
)
def test_offset_of_the_end_of_a_cut_archive(tmp_path: Path, pack: Any, unpacker: Any) -> None:
    letters = np.random.default_rng(1).integers(97, 123, 2_500_000, dtype=np.uint8)
    letters[::7] = ord(" ")
    packed = pack(letters.tobytes())
    packed = packed[: len(packed) * 3 // 4]
    n_readable = len(unpacker().decompress(packed))
    assert n_readable > 1_500_000
    path = tmp_path / "packed"
    path.write_bytes(packed)
    with pytest.raises(CorpusError, match=f"ends too early after {n_readable} unpacked bytes"):
        read_corpus(path)
    damaged = bytearray(packed)
    damaged[len(packed) // 2 :] = bytes(len(packed) - len(packed) // 2)
    path.write_bytes(damaged)
    with pytest.raises(CorpusError, match=r"after [1-9]\d{5,6} unpacked bytes"):
        read_corpus(path)


def test_odd_bytes(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"\xff\xfe caf\xe9 nu\0l \x0b\x0c\n")
    corpus = read_corpus(path, min_count=1)
    assert [corpus.vocab.word_bytes(k) for k in range(4)] == [
        b"\xff\xfe", b"caf\xe9", b"nu\0l", b"\x0b\x0c",
    ]  # fmt: skip
    assert corpus.vocab.index("caf\udce9") == 1
    assert corpus.notes == [f"{path}: NUL byte at byte 10; kept"]
    corpus.vocab.save(tmp_path / "vocab")
    assert Vocab.read(tmp_path / "vocab") == corpus.vocab
    original = read_corpus(path, min_count=1, rules=WORD2VEC_RULES)
    assert "nu" in original.vocab and "ignored" in original.notes[0]


def test_giant_words_and_lines(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"a " + b"x" * 50_000_000 + b" b a\n" + b"a b " * 5_000_000)
    started = time.perf_counter()
    corpus = read_corpus(path, min_count=1, n_threads=2)
    assert [len(word) for word in corpus.vocab.words] == [1, 1, 50_000_000]
    assert corpus.starts.tolist() == [0, 4, 10_000_004]
    assert time.perf_counter() - started < 10


def test_options_are_checked() -> None:
    for option in ("min_count", "max_vocab", "prune_at", "n_threads", "memory"):
        with pytest.raises(OptionError, match=option):
            read_corpus([["a"]], **{option: -1})
    with pytest.raises(OptionError, match="prune_at"):
        read_corpus([["a"]], vocab=Vocab.from_counts({"a": 1}), prune_at=5)
