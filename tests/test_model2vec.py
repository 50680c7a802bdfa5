"""model2vec's folders, and safetensors files of anybody else."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from awkward import assert_same, bits, vectors_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wordvec.errors import FormatError, OptionError, OutputError
from wordvec.formats import load, save
from wordvec.formats.tensors import FileMap, dtype_name, header_bytes, map_under

REUSED_FOLDER = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
NAMES = ["config.json", "model.safetensors", "tokenizer.json"]
WORDS = ["the", "", "a b", "new\nline", "é", "🙂", '"quoted\\', "nul\0", "long" * 25_000]


def write_tensors(path: Path, **tensors: Any) -> None:
    arrays = {name: np.asarray(array) for name, array in tensors.items()}
    entries = {n: (dtype_name(a.dtype) or "", a.shape, a.nbytes) for n, a in arrays.items()}
    path.write_bytes(header_bytes(entries, {}, 8) + b"".join(a.tobytes() for a in arrays.values()))


def write_model(folder: Path, vocab: Any, added: Any = (), **tensors: Any) -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    write_tensors(folder / "model.safetensors", **tensors)
    tokenizer = {"model": {"type": "x", "vocab": vocab}, "added_tokens": list(added)}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    return folder


@given(st.lists(st.text(max_size=8), unique=True, max_size=20), st.integers(1, 17), st.booleans())
@REUSED_FOLDER
def test_round_trip(tmp_path: Path, words: list[str], dim: int, half: bool) -> None:
    dtype = "float16" if half else "float32"
    vectors = vectors_of([w for w in words if w.isascii() or is_utf8(w)], dim, dtype=dtype)
    save(vectors, tmp_path / "m", format="model2vec")
    found = load(tmp_path / "m", dtype=dtype)
    assert_same(found, vectors)
    first = [(tmp_path / "m" / name).read_bytes() for name in NAMES]
    save(found, tmp_path / "m", format="model2vec")
    assert [(tmp_path / "m" / name).read_bytes() for name in NAMES] == first


def is_utf8(word: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in word)


@pytest.mark.parametrize("words", [WORDS, [*WORDS, "[UNK]"], ["[UNK]", "a"], []])
def test_awkward_words(tmp_path: Path, words: list[str]) -> None:
    vectors = vectors_of(words)
    save(vectors, tmp_path / "words.model2vec")
    assert sorted(os.listdir(tmp_path / "words.model2vec")) == NAMES
    assert_same(load(tmp_path / "words.model2vec"), vectors)
    assert_same(load(tmp_path / "words.model2vec" / "model.safetensors"), vectors)


def test_options(tmp_path: Path) -> None:
    vectors = vectors_of(WORDS)
    save(vectors, tmp_path / "m", format="model2vec")
    assert isinstance(map_under(load(tmp_path / "m").matrix), FileMap)
    assert map_under(load(tmp_path / "m", mmap=False).matrix) is None
    assert list(load(tmp_path / "m", limit=2).words) == WORDS[:2]
    assert list(load(tmp_path / "m", words=["é", "the"]).words) == ["the", "é"]
    assert load(tmp_path / "m", dtype="float16").matrix.dtype == np.float16
    with pytest.raises(OptionError, match="checksums"):
        load(tmp_path / "m", verify=True)


def test_refused_writes_leave_nothing(tmp_path: Path) -> None:
    for words, message in [(["a", "b", "a"], "every word once"), (["a", "\udcff"], "UTF-8")]:
        with pytest.raises(FormatError, match=message):
            save(vectors_of(words), tmp_path / "m", format="model2vec")
        assert list(tmp_path.iterdir()) == []
    with pytest.raises(OutputError, match="cannot make the folder"):
        save(vectors_of(["a"]), tmp_path / "missing" / "m", format="model2vec")


@pytest.mark.parametrize("name", ["embeddings", "embedding.weight"])
@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "i1"])
@pytest.mark.parametrize("inner", ["", "0_StaticEmbedding"])
def test_models_of_others(tmp_path: Path, name: str, kind: str, inner: str) -> None:
    matrix = np.arange(12).reshape(4, 3).astype(kind)
    added = [{"id": 3, "content": "[PAD]"}, {"id": 0, "content": "b"}]
    write_model(tmp_path / "m" / inner, {"a": 2, "b": 0, "c": 1}, added, **{name: matrix})
    found = load(tmp_path / "m")
    assert list(found.words) == ["b", "c", "a", "[PAD]"]
    assert found.matrix.dtype == np.float32 and found.matrix.tolist() == matrix.tolist()


def test_mapping_and_weights(tmp_path: Path) -> None:
    rows = np.float32([[1, 2], [3, 4]])
    vocab = [["a", -1.0], ["b", -2.0], ["c", 0.0]]
    mapping = np.int64([1, 0, 1])
    weights = np.float32([1, 2, 0.5])
    write_model(tmp_path / "m", vocab, embeddings=rows, mapping=mapping, weights=weights)
    found = load(tmp_path / "m")
    assert list(found.words) == ["a", "b", "c"]
    assert found.matrix.tolist() == [[3, 4], [2, 4], [1.5, 2]]
    for bad in ([1, 0, 2], [-1, 0, 1], [0, 1]):
        write_model(tmp_path / "m", vocab, embeddings=rows, mapping=np.int64(bad))
        with pytest.raises(FormatError, match="a mapping of 3 tokens"):
            load(tmp_path / "m")
    write_model(tmp_path / "m", vocab, embeddings=rows, mapping=mapping, weights=np.float32([1]))
    with pytest.raises(FormatError, match="weights of 3 tokens"):
        load(tmp_path / "m")


@pytest.mark.parametrize(
    ("vocab", "message"),
    [
        ({"a": 0}, "1 rows"), ({"a": 0, "b": 2}, "a token with id 1"),
        ({"a": 0, "b": 0}, "one token with id 0"), ({"a": -1, "b": 0}, "an id each"),
        ({"a": True, "b": 1}, "an id each"), ([["a", 1], []], "pairs"), ([[1, 1]], "pairs"),
        (None, "a vocabulary in model.vocab"), ("a b", "a vocabulary in model.vocab"),
        ({"a": 0, "b": 10**20}, "a token with id 1"),
    ],
)  # fmt: skip
def test_bad_tokenizers(tmp_path: Path, vocab: Any, message: str) -> None:
    write_model(tmp_path / "m", vocab, embeddings=np.zeros((2, 3), np.float32))
    with pytest.raises(FormatError, match=message):
        load(tmp_path / "m")


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff", b"[" * 5000, b"null"])
def test_tokenizers_that_are_no_json(tmp_path: Path, text: bytes) -> None:
    write_model(tmp_path / "m", {}, embeddings=np.zeros((0, 3), np.float32))
    (tmp_path / "m" / "tokenizer.json").write_bytes(text)
    with pytest.raises(FormatError, match=r"tokenizer\.json"):
        load(tmp_path / "m")


def test_other_safetensors_are_named(tmp_path: Path) -> None:
    write_tensors(tmp_path / "bert", layer=np.zeros((2, 2), np.float32), bias=np.int64([1]))
    with pytest.raises(FormatError, match=r"layer F32\[2, 2\], bias I64\[1\]"):
        load(tmp_path / "bert")
    write_tensors(tmp_path / "lone.safetensors", embeddings=np.zeros((2, 2), np.float32))
    with pytest.raises(FormatError, match=r"tokenizer\.json beside it"):
        load(tmp_path / "lone.safetensors")
    write_tensors(tmp_path / "flat", embeddings=np.zeros(4, np.float32))
    with pytest.raises(FormatError, match=r"embeddings F32\[4\]"):
        load(tmp_path / "flat")
    write_tensors(tmp_path / "odd", **{"new\nline": np.int64([1])})
    with pytest.raises(FormatError, match=r"found new\\nline I64\[1\]"):
        load(tmp_path / "odd")
    with pytest.raises(FormatError, match="a folder"):
        load(tmp_path)


def test_cut_anywhere(tmp_path: Path) -> None:
    save(vectors_of(["a", "é"], 3), tmp_path / "m", format="model2vec")
    for name in ("model.safetensors", "tokenizer.json"):
        data = (tmp_path / "m" / name).read_bytes()
        for length in range(len(data) - 1):  # the tokenizer's last newline carries nothing
            (tmp_path / "m" / name).write_bytes(data[:length])
            with pytest.raises(FormatError) as caught:
                load(tmp_path / "m")
            assert "\n" not in str(caught.value)
        (tmp_path / "m" / name).write_bytes(data)


def test_a_long_header_of_our_own_is_known(tmp_path: Path) -> None:
    """Only model2vec's sniff sees it, when another program has moved our mark from the start."""
    vectors = vectors_of(["a"])
    save(vectors, tmp_path / "v.wordvec")
    data = (tmp_path / "v.wordvec").read_bytes()
    n_bytes = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:n_bytes])
    header["__metadata__"] = {"a": "x" * 70_000, **header["__metadata__"]}
    text = json.dumps(header).encode()
    body = len(text).to_bytes(8, "little") + text + data[n_bytes:]
    (tmp_path / "v.wordvec").write_bytes(body)
    assert_same(load(tmp_path / "v.wordvec"), vectors)


def test_read_by_the_package(tmp_path: Path) -> None:
    """Equal vectors in model2vec itself; WORDVEC_MODEL2VEC names a Python that has it."""
    python = os.environ.get("WORDVEC_MODEL2VEC")
    if python is None:
        pytest.importorskip("model2vec", reason="needs the package model2vec")
        import sys

        python = sys.executable
    vectors = vectors_of(["king", "queen", "é"], 5)
    save(vectors, tmp_path / "m", format="model2vec")
    code = (
        "import sys; from model2vec import StaticModel\n"
        "model = StaticModel.from_pretrained(sys.argv[1])\n"
        "assert list(model.tokens) == ['king', 'queen', 'é', '[UNK]']\n"
        "model.embedding[:3].tofile(sys.argv[2]); model.save_pretrained(sys.argv[3])\n"
        "found = model.encode(['king other queen'])[0] - model.embedding[:2].mean(axis=0)\n"
        "assert abs(found).max() < 1e-6\n"
    )
    subprocess.run(
        [python, "-c", code, tmp_path / "m", tmp_path / "raw", tmp_path / "theirs"], check=True
    )
    assert (tmp_path / "raw").read_bytes() == bits(vectors.matrix)
    assert_same(load(tmp_path / "theirs"), vectors)
