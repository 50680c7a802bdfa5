"""word2vec's formats: bytes that come back as they were, and damage that is named."""

import bz2
import gzip
import io
import lzma
import os
import re
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import wordvec
from wordvec.errors import FormatError, OptionError, OutputError
from wordvec.formats import (
    blocks,
    load,
    rows,
    save,
    table,
    word2vec_binary,
    word2vec_text,
    writing,
)
from wordvec.formats.blocks import BlockReader
from wordvec.formats.request import ReadRequest
from wordvec.vectors import Vectors

FORMATS = [word2vec_text, word2vec_binary]
WORDS = [
    "</s>",
    "the",
    "a\xa0b",
    "🙂",
    b"\xff\xfe bad"[:2].decode("utf-8", "surrogateescape"),
    "x\ty",
]
MATRIX = np.arange(18, dtype=np.float32).reshape(6, 3) / 8 - 1


def read(
    module: Any, data: bytes, sized: bool = True, **options: Any
) -> tuple[Sequence[str], np.ndarray]:
    reader = BlockReader(io.BytesIO(data), "file", len(data) if sized else None)
    found = module.read(reader, ReadRequest(**options))
    return found.words, found.matrix


def write(module: Any, words: Any, matrix: np.ndarray) -> bytes:
    stream = io.BytesIO()
    module.write(stream, SimpleNamespace(words=words, matrix=matrix))
    return stream.getvalue()


def bits(matrix: np.ndarray) -> bytes:
    return np.ascontiguousarray(matrix).tobytes()


def test_layout_of_text() -> None:
    data = write(word2vec_text, ["</s>", "é"], np.float32([[0.5, -1], [1e-7, 123456.789]]))
    assert data == b"2 2\n</s> 0.500000 -1.000000 \n\xc3\xa9 0.000000 123456.789062 \n"


def test_layout_of_binary() -> None:
    data = write(word2vec_binary, ["</s>", "é"], np.float32([[0.5, -1], [2, 3]]))
    records = [b"</s> " + struct.pack("<2f", 0.5, -1), b"\xc3\xa9 " + struct.pack("<2f", 2, 3)]
    assert data == b"2 2\n" + b"".join(record + b"\n" for record in records)


words_strategy = st.lists(
    st.binary(max_size=12)
    .map(lambda raw: re.sub(rb"[ \n]", b"_", raw))
    .map(lambda raw: raw.decode("utf-8", "surrogateescape"))
)
# Every sixth decimal that float32 can hold is written as it was read.
short_numbers = st.integers(-(10**7), 10**7).map(lambda k: np.float32(k / 10**6))
any_bits = st.integers(0, 2**32 - 1).map(lambda k: np.uint32(k).view(np.float32))


@given(words_strategy, st.integers(1, 5), st.booleans(), st.data())
def test_text_round_trip(words: list[str], dim: int, sized: bool, data: st.DataObject) -> None:
    n_numbers = len(words) * dim
    numbers = data.draw(st.lists(short_numbers, min_size=n_numbers, max_size=n_numbers))
    matrix = np.array(numbers, dtype=np.float32).reshape(len(words), dim)
    content = write(word2vec_text, words, matrix)
    found_words, found = read(word2vec_text, content, sized)
    assert found_words == words
    assert found.shape == matrix.shape and found.dtype == np.float32
    assert np.abs(found - matrix).max(initial=0) < 1.5e-6
    assert write(word2vec_text, found_words, found) == content
    assert word2vec_text.sniff(content)


@given(words_strategy, st.integers(1, 5), st.booleans(), st.data())
def test_binary_round_trip(words: list[str], dim: int, sized: bool, data: st.DataObject) -> None:
    n_numbers = len(words) * dim
    numbers = data.draw(st.lists(any_bits, min_size=n_numbers, max_size=n_numbers))
    matrix = np.array(numbers, dtype=np.float32).reshape(len(words), dim)
    content = write(word2vec_binary, words, matrix)
    found_words, found = read(word2vec_binary, content, sized)
    assert found_words == words and bits(found) == bits(matrix)
    assert write(word2vec_binary, found_words, found) == content
    assert word2vec_binary.sniff(content)


@pytest.mark.parametrize("module", FORMATS)
@pytest.mark.parametrize("dim", [1, 15, 16, 17, 33, 300])
def test_many_blocks(module: Any, dim: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records across the borders of blocks, long words, doubles, padded rows."""
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 5000)
    monkeypatch.setattr(writing, "BLOCK_BYTES", 5000)
    monkeypatch.setattr(rows, "_CHUNK_BYTES", 2000)
    rng = np.random.default_rng(dim)
    padded = np.round(rng.normal(0, 1, (200, dim + 16)), 3).astype(np.float32)
    matrix = padded[:, :dim]
    words = ["same"] * 5 + ["w" * int(n) for n in rng.integers(0, 300, 194)] + ["long" * 25_000]
    content = write(module, words, matrix)
    for sized in (True, False):
        found_words, found = read(module, content, sized)
        assert found_words == words
        assert write(module, found_words, found) == content
        assert bits(found) == bits(matrix)


class ByteWords:
    def __len__(self) -> int:
        return 2

    def word_bytes(self, index: int, /) -> bytes:
        return [b"a", b"\xff"][index]


def test_words_as_bytes_and_matrices_of_any_order() -> None:
    matrix = np.asfortranarray(MATRIX[:2])
    for module in FORMATS:
        assert write(module, ByteWords(), matrix) == write(module, ["a", "\udcff"], MATRIX[:2])


def test_text_of_other_programs() -> None:
    same = np.float32([[0.5, -1], [1e-7, 3]])
    for content in (
        b"2 2\na 0.5 -1.0\nb 1e-07 3.0\n",
        b"2 2\r\na 0.5 -1\r\nb 1e-7 3 \r\n",
        b" 2\t2 \na  .5\t-1. \nb 1E-07 +3\n\n \n",
    ):
        assert word2vec_text.sniff(content)
        words, matrix = read(word2vec_text, content)
        assert words == ["a", "b"] and bits(matrix) == bits(same)
    words, matrix = read(word2vec_text, b"1 3\nx nan -inf inf\n")
    assert np.isnan(matrix[0, 0]) and matrix[0, 1] == -np.inf and matrix[0, 2] == np.inf


def test_binary_without_newlines() -> None:
    content = b"2 1\na " + struct.pack("<f", 1) + b"b " + struct.pack("<f", 2)
    words, matrix = read(word2vec_binary, content)
    assert words == ["a", "b"] and matrix.tolist() == [[1], [2]]


@pytest.mark.parametrize("module", FORMATS)
def test_no_words(module: Any) -> None:
    words, matrix = read(module, b"0 100\n")
    assert words == [] and matrix.shape == (0, 100)
    assert write(module, words, matrix) == b"0 100\n"


@pytest.mark.parametrize("module", FORMATS)
@pytest.mark.parametrize("sized", [True, False])
def test_cut_short_at_every_byte(module: Any, sized: bool) -> None:
    content = write(module, WORDS, MATRIX)
    # The newline after the last binary record carries nothing: gensim leaves it out.
    n_needed = len(content) - (module is word2vec_binary)
    for length in range(n_needed):
        with pytest.raises(FormatError) as caught:
            read(module, content[:length], sized)
        assert "\n" not in str(caught.value)
        assert caught.value.offset is not None and caught.value.offset <= length
    assert read(module, content[:n_needed], sized)[0] == WORDS


@pytest.mark.parametrize("module", FORMATS)
@pytest.mark.parametrize("sized", [True, False])
@pytest.mark.parametrize(
    "header",
    ["", "6", "x y", "6 x", "-6 3", "6 -3", "6 0", "0 0", "6.0 3", "6 3 1", "7 3", "5 3", "6 2",
     "6 4", "1e3 3", "999999999999999999999999 3", "6 99999999999999999999",
     "4000000000000 1000000", "9" * 300 + " 3", "6 " * 200, "²6 3"],
)  # fmt: skip
def test_headers_that_lie(module: Any, sized: bool, header: str) -> None:
    body = write(module, WORDS, MATRIX).partition(b"\n")[2]
    with pytest.raises(FormatError) as caught:
        read(module, header.encode() + b"\n" + body, sized)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1000


@pytest.mark.parametrize("module", FORMATS)
def test_limit(module: Any) -> None:
    content = write(module, WORDS, MATRIX)
    words, matrix = read(module, content, limit=2)
    assert words == WORDS[:2] and bits(matrix) == bits(MATRIX[:2])


@pytest.mark.parametrize(
    ("body", "offset", "message"),
    [
        (b"a 1 2\n", 9, "expected 3 numbers for word 1, found the end of the line"),
        (b"aaaaaaa\n", 11, "expected 3 numbers for word 1"),
        (b"a 1 2 3 4\n", 12, "the end of word 1 after 3 numbers, found b?'4"),
        (b"a b 1 2 3\n", 6, "expected a number of word 1, found 'b 1 2 3"),
        (b"a 1 2,5 3\n", 9, "expected a number of word 1, found ',5 3"),
        (b"a 1 2 3", 11, "a newline at the end of word 1 of 1"),
        (b"a 1 2 3\nb 1 2 3\n", 12, "the end of the file after 1 words, found 'b 1 2 3"),
    ],
)
def test_damaged_text_is_named(body: bytes, offset: int, message: str) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        read(word2vec_text, b"1 3\n" + body)
    assert caught.value.offset == offset


@given(st.binary(max_size=80), st.sampled_from(FORMATS), st.booleans())
@settings(max_examples=300)
def test_any_bytes_give_a_value_or_a_format_error(tail: bytes, module: Any, sized: bool) -> None:
    try:
        words, matrix = read(module, b"2 2\n" + tail, sized)
    except FormatError:
        return
    assert len(words) == 2 and matrix.shape == (2, 2)


@pytest.mark.parametrize("module", FORMATS)
@pytest.mark.parametrize("word", ["a b", "a\nb", "\n", " "])
def test_words_that_do_not_fit(module: Any, word: str) -> None:
    with pytest.raises(FormatError, match=r"word 1: .*replace the space") as caught:
        write(module, ["ok", word], MATRIX[:2])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("module", FORMATS)
def test_writers_check_their_arguments(module: Any) -> None:
    with pytest.raises(FormatError, match="UTF-8"):
        write(module, ["\ud800"], MATRIX[:1])
    with pytest.raises(ValueError, match="1 words for 2 rows"):
        write(module, ["a"], MATRIX[:2])
    with pytest.raises(TypeError, match="float64"):
        write(module, ["a"], MATRIX[:1].astype(np.float64))


@pytest.mark.parametrize("module", FORMATS)
@pytest.mark.parametrize("sized", [True, False])
def test_chosen_words_and_half_precision(
    module: Any, sized: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 500)
    monkeypatch.setattr(rows, "_CHUNK_BYTES", 100)
    matrix = np.random.default_rng(0).integers(-99, 99, (200, 3)).astype(np.float32) / 8
    words = [f"w{k % 150}" for k in range(200)]
    content = write(module, words, matrix)
    for limit in (None, 0, 20, 170):
        wanted = frozenset(["w3", "w149", "w10", "none"])
        kept = [k for k, word in enumerate(words[:limit]) if word in wanted]
        found, numbers = read(module, content, sized, wanted=wanted, limit=limit)
        assert found == [words[k] for k in kept] and bits(numbers) == bits(matrix[kept])
        found, numbers = read(module, content, sized, dtype="float16", limit=limit)
        assert found == words[:limit] and numbers.dtype == np.float16
        assert np.array_equal(numbers, matrix[:limit])
    with pytest.raises(FormatError, match=r"65504 at most for float16, found 1e\+06 in row 1"):
        read(module, write(module, ["a", "b"], np.float32([[1], [1e6]])), dtype=np.float16)
    infinite = write(module, ["a"], np.float32([[np.inf]]))
    assert read(module, infinite, dtype=np.float16)[1] == np.inf
    half = MATRIX.astype(np.float16)
    assert write(module, WORDS, half) == write(module, WORDS, half.astype(np.float32))


def test_requests_are_checked(tmp_path: Path) -> None:
    for options, message in [({"limit": -1}, "limit: expected None, or 0"),
                             ({"dtype": "int8"}, "float32 or float16, found 'int8'"),
                             ({"dtype": "odd"}, "float32 or float16"),
                             ({"words": "the"}, "a list of words")]:  # fmt: skip
        with pytest.raises(OptionError, match=message):
            load(tmp_path / "v", **options)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "an empty file"), (b"{\"a\": [1]}", "JSON"), (b"[[1, 2], [3]]", "JSON"),
     (b"\x7fELF\2\1\1", "an ELF program"),
     (b"PK\3\4" + b"x" * 40, "a zip archive"),
     (bytes(100), "nothing but zero"),
     (b"\xff\xfeh\0i\0", "UTF-16 text"), (b"<!DOCTYPE html>", "HTML or XML"),
     (b"It was a dark night.", "text that begins 'It was a dark"),
     (b"\1\2\3\xfe", "binary data that begins")],
)  # fmt: skip
def test_what_a_file_is_instead(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "v").write_bytes(content)
    with pytest.raises(FormatError, match=f"found {message}") as caught:
        load(tmp_path / "v")
    assert caught.value.offset == 0
    (tmp_path / "v.gz").write_bytes(gzip.compress(content))
    with pytest.raises(FormatError, match=f"found gzip of {message}"):
        load(tmp_path / "v.gz")


def test_formats_that_need_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mapped = SimpleNamespace(
        NAME="mapped", SUFFIXES=(".map",), NEEDS_FILE=True,
        sniff=lambda head: head.startswith(b"MAPPED"),
        open_file=lambda path, request: Vectors(["a"], MATRIX[:1], metadata={"path": path}),
    )  # fmt: skip
    monkeypatch.setattr(table, "FORMATS", (mapped, *table.FORMATS))
    (tmp_path / "v").write_bytes(b"MAPPED")
    assert load(tmp_path / "v").metadata == {"path": str(tmp_path / "v")}
    (tmp_path / "v.gz").write_bytes(gzip.compress(b"MAPPED"))
    with pytest.raises(FormatError, match="a plain file, which mapped needs, found gzip data"):
        load(tmp_path / "v.gz")
    with pytest.raises(OptionError, match=r"a name without \.gz"):
        save(Vectors(WORDS, MATRIX), tmp_path / "v.map.gz")
    reading, writing = os.pipe()
    os.write(writing, b"MAPPED")
    os.close(writing)
    with pytest.raises(FormatError, match="found a pipe or a device"):
        load(f"/dev/fd/{reading}")
    os.close(reading)


@given(words_strategy, st.integers(1, 4), st.data())
def test_sniff_tells_binary_from_text(words: list[str], dim: int, data: st.DataObject) -> None:
    assume(words)
    n_numbers = len(words) * dim
    numbers = data.draw(st.lists(any_bits, min_size=n_numbers, max_size=n_numbers))
    matrix = np.array(numbers, dtype=np.float32).reshape(len(words), dim)
    # Floats whose bytes spell white space or numbers are for format="word2vec-binary".
    assume(not re.search(rb"[-+.0-9\s]", bits(matrix[0])))
    content = write(word2vec_binary, words, matrix)
    assert not word2vec_text.sniff(content) and word2vec_binary.sniff(content)


def test_sniff_of_typical_vectors() -> None:
    """No typical binary file may be taken for text, whatever its first row."""
    rng = np.random.default_rng(0)
    for dim in (1, 2, 5, 25, 100, 300):
        rows = rng.normal(0, 0.3, (500, 1, dim)).astype(np.float32)
        contents = [write(word2vec_binary, ["</s>"], row) for row in rows]
        contents += [content[:-1] for content in contents]  # gensim's
        n_wrong = sum(word2vec_text.sniff(content) for content in contents)
        assert n_wrong <= (10 if dim < 25 else 0)


@pytest.mark.parametrize(
    ("body", "message"),
    [(b"a b 1 2 3\n", "a number of word 1"), (b"\n\n\n\n\n\n\n", "3 numbers for word 1"),
     (b"a\t1\t2\t3\n", "3 numbers for word 1"), (b"a 1 2 3 4\n", "after 3 numbers"),
     (b"a 1 2 x\n", "a number of word 1"), (b"", "room for 1 words"), (b"aaaaaaaa 1 2", "newline")],
)  # fmt: skip
def test_damaged_text_is_not_taken_for_binary(tmp_path: Path, body: bytes, message: str) -> None:
    (tmp_path / "v").write_bytes(b"1 3\n" + body)
    with pytest.raises(FormatError, match=message):
        load(tmp_path / "v")


def test_load_and_save(tmp_path: Path) -> None:
    vectors = Vectors(WORDS, MATRIX)
    for name, start in [("v.txt", b"6 3\n"), ("v.bin", b"6 3\n"), ("v.txt.gz", b"\x1f\x8b"),
                        ("v.bin.xz", b"\xfd7z"), ("v.bz2", b"BZh"), ("v", b"6 3\n")]:  # fmt: skip
        save(vectors, tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(start)
        found = load(tmp_path / name)
        assert found.words == WORDS and bits(found.matrix) == bits(MATRIX)
    assert (tmp_path / "v.txt").read_bytes() == write(word2vec_text, WORDS, MATRIX)
    assert (tmp_path / "v.bin").read_bytes() == write(word2vec_binary, WORDS, MATRIX)
    save(vectors, tmp_path / "odd.txt", format="word2vec-binary")
    assert (tmp_path / "odd.txt").read_bytes() == (tmp_path / "v.bin").read_bytes()
    assert load(tmp_path / "odd.txt", format="word2vec-binary").words == WORDS
    with pytest.raises(OptionError, match="'word2vec-text' or 'word2vec-binary'"):
        load(tmp_path / "v.txt", format="word2vec")


def test_load_refuses(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "prose").write_text("It was a dark night.\n")
    packed = gzip.compress(write(word2vec_text, WORDS, MATRIX))
    (tmp_path / "cut.gz").write_bytes(packed[:-12])
    (tmp_path / "bad.gz").write_bytes(packed[:20] + b"\xff\xff\xff" + packed[23:])
    (tmp_path / "bad.bz2").write_bytes(bz2.compress(b"1 1\n")[:-4] + b"zzzz")
    (tmp_path / "bad.xz").write_bytes(lzma.compress(b"1 1\n")[:-4] + b"zzzz")
    for name, message in [("empty", "an empty file"), ("prose", "It was a dark"), ("", "a folder"),
                          ("cut.gz", "compressed"), ("bad.gz", "compressed"),
                          ("bad.bz2", "compressed"), ("bad.xz", "compressed")]:  # fmt: skip
        with pytest.raises(FormatError, match=message):
            load(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "missing")


def test_failed_save_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FormatError):
        save(Vectors(["a b"], MATRIX[:1]), tmp_path / "v.txt.gz")
    with pytest.raises(OutputError):
        save(Vectors(WORDS, MATRIX), tmp_path / "missing" / "v.txt")
    with pytest.raises(OutputError, match="No space left"):
        save(Vectors(WORDS, MATRIX), "/dev/full")
    assert os.listdir(tmp_path) == []


ENDLESS = """
import sys
from types import SimpleNamespace

import numpy as np
from wordvec.files import OutputFile
from wordvec.formats import word2vec_binary, word2vec_text

class Words:
    def __len__(self):
        return 20_000
    def word_bytes(self, index):
        return b"word%d" % index

matrix = np.broadcast_to(np.linspace(-1, 1, 300_000, dtype=np.float32), (20_000, 300_000))
module = word2vec_text if sys.argv[2] == "text" else word2vec_binary
with OutputFile(sys.argv[1]) as output:
    module.write(output.stream, SimpleNamespace(words=Words(), matrix=matrix))
"""


@pytest.mark.parametrize("kind", ["text", "binary"])
def test_ctrl_c_while_writing(tmp_path: Path, kind: str) -> None:
    """24 GB to write and 1 MB in memory; the interrupt ends it within a second."""
    root = Path(wordvec.__file__).parent.parent  # the package under test, installed or in place
    command = [sys.executable, "-c", ENDLESS, str(tmp_path / "v"), kind]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    writer = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 30
    while not any(path.stat().st_size for path in tmp_path.iterdir()):
        assert time.monotonic() < deadline and writer.poll() is None
        time.sleep(0.01)
    sent = time.monotonic()
    writer.send_signal(signal.SIGINT)
    _, message = writer.communicate(timeout=20)
    assert time.monotonic() - sent < 1.5  # a second, and a half for a busy machine
    assert b"KeyboardInterrupt" in message
    assert os.listdir(tmp_path) == []


def test_load_from_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    content = write(word2vec_text, WORDS, MATRIX)
    writer = subprocess.Popen(["sh", "-c", f"cat > '{tmp_path}/pipe'"], stdin=subprocess.PIPE)
    assert writer.stdin is not None
    writer.stdin.write(content)
    writer.stdin.close()
    assert load(tmp_path / "pipe").words == WORDS
    writer.wait(5)


def test_a_lying_header_costs_no_memory() -> None:
    """400 GB promised by a stream whose size is unknown: refused after what is there."""
    with pytest.raises(FormatError, match="100000000 words, found the end of the file after 1"):
        read(word2vec_text, b"100000000 1000\na" + b" 1" * 1000 + b"\n", sized=False)


@pytest.mark.skipif(
    "WORDVEC_WORD2VEC_C" not in os.environ,
    reason="WORDVEC_WORD2VEC_C does not name the original word2vec program",
)
@pytest.mark.rivals
@pytest.mark.parametrize(("binary", "module"), list(enumerate(FORMATS)))
def test_files_of_the_original(tmp_path: Path, binary: int, module: Any) -> None:
    rng = np.random.default_rng(1)
    vocabulary = [f"w{k}" for k in range(300)] + ["größe", "🙂", "a\xa0b"]
    lines = [" ".join(rng.choice(vocabulary, 30)) for _ in range(400)]
    (tmp_path / "corpus").write_text("\n".join(lines) + "\n", encoding="utf-8")
    output = tmp_path / "vectors"
    options = {"train": tmp_path / "corpus", "output": output, "size": 37, "binary": binary,
               "iter": 1, "threads": 1, "debug": 0, "min-count": 1}  # fmt: skip
    arguments = [str(item) for pair in options.items() for item in ("-" + pair[0], pair[1])]
    subprocess.run([os.environ["WORDVEC_WORD2VEC_C"], *arguments], check=True, timeout=60)
    vectors = load(output)
    assert vectors.words[0] == "</s>" and vectors.matrix.shape == (304, 37)
    assert np.abs(vectors.matrix).max() > 0
    assert write(module, vectors.words, vectors.matrix) == output.read_bytes()


@pytest.mark.rivals
@pytest.mark.parametrize("name", ["v.txt", "v.bin"])
def test_gensim_reads_ours(tmp_path: Path, name: str) -> None:
    gensim = pytest.importorskip("gensim.models")
    matrix = np.round(np.random.default_rng(3).normal(0, 1, (6, 20)), 6).astype(np.float32)
    words = ["</s>", "the", "a\xa0b", "🙂", "größe", "x"]
    save(Vectors(words, matrix), tmp_path / name)
    theirs = gensim.KeyedVectors.load_word2vec_format(
        str(tmp_path / name), binary=name.endswith("bin")
    )
    assert theirs.index_to_key == words
    assert bits(theirs.vectors) == bits(load(tmp_path / name).matrix) == bits(matrix)
