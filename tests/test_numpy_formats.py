"""NumPy's .npy with words beside it and .npz, without pickles."""

import io
import os
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from awkward import WORDS, any_words, assert_same, bits, vectors_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wordvec.errors import FormatError, OptionError
from wordvec.formats import load, npy, npz, save

REUSED_FOLDER = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
LINES = [word for word in WORDS if "\n" not in word]  # what one line can hold


@given(any_words, st.integers(1, 17), st.booleans(), st.sampled_from(["float32", "float16"]))
@REUSED_FOLDER
def test_round_trips(tmp_path: Path, words: list[str], dim: int, counts: bool, dtype: str) -> None:
    vectors = vectors_of(words, dim, counts=counts, dtype=dtype)
    save(vectors, tmp_path / "v.npz")
    assert_same(load(tmp_path / "v.npz", dtype=dtype), vectors)
    first = (tmp_path / "v.npz").read_bytes()
    save(load(tmp_path / "v.npz", dtype=dtype), tmp_path / "v.npz")
    assert (tmp_path / "v.npz").read_bytes() == first
    vectors = vectors_of([word.replace("\n", "_") for word in words], dim, dtype=dtype)
    save(vectors, tmp_path / "v.npy")
    assert_same(load(tmp_path / "v.npy", dtype=dtype), vectors)


@pytest.mark.parametrize("name", ["v.npy", "v.npz"])
def test_awkward_words_and_options(tmp_path: Path, name: str) -> None:
    vectors = vectors_of(LINES)
    save(vectors, tmp_path / name)
    assert_same(load(tmp_path / name), vectors)
    assert_same(load(tmp_path / name, mmap=False), vectors)
    assert list(load(tmp_path / name, limit=2).words) == LINES[:2]
    chosen = load(tmp_path / name, words=["the", "🙂"])
    assert list(chosen.words) == ["the", "🙂", "the"]
    rows = [row for row, word in enumerate(LINES) if word in ("the", "🙂")]
    assert bits(chosen.matrix) == bits(vectors.matrix[rows])
    half = load(tmp_path / name, dtype="float16").matrix
    assert bits(half) == bits(vectors.matrix.astype(np.float16))
    with pytest.raises(OptionError, match="not packed"):
        save(vectors, tmp_path / f"{name}.gz")


def test_npy_is_what_numpy_writes(tmp_path: Path) -> None:
    vectors = vectors_of(["a", "b c"])
    save(vectors, tmp_path / "v.npy")
    expected = io.BytesIO()
    np.save(expected, vectors.matrix)
    assert (tmp_path / "v.npy").read_bytes() == expected.getvalue()
    assert (tmp_path / "v.words.txt").read_bytes() == b"a\nb c\n"
    found = load(tmp_path / "v.npy").matrix
    assert not found.flags.writeable and load(tmp_path / "v.npy", mmap=False).matrix.flags.writeable


@pytest.mark.parametrize("kind", ["<f2", ">f4", "<f8", ">f8"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_npy_of_other_programs(tmp_path: Path, kind: str, order: Any, version: Any) -> None:
    matrix = np.arange(12).reshape(4, 3).astype(kind, order=order)
    with open(tmp_path / "v.npy", "wb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's about versions 2 and 3
        np.lib.format.write_array(file, matrix, version)
    (tmp_path / "v.vocab").write_bytes(b"a 4\nb 3\nc d 2\ne 1")
    found = load(tmp_path / "v.npy")
    assert found.matrix.dtype == np.float32
    assert found.matrix.tolist() == matrix.tolist()
    assert list(found.words) == ["a", "b", "c d", "e"]
    assert found.counts is not None and found.counts.tolist() == [4, 3, 2, 1]


def test_npz_is_read_by_numpy(tmp_path: Path) -> None:
    vectors = vectors_of(["a", "é", ""], counts=True)
    vectors.metadata = {"corpus": "x"}
    save(vectors, tmp_path / "v.npz")
    with np.load(tmp_path / "v.npz", allow_pickle=False) as found:
        assert found["words"].tolist() == ["a", "é", ""]
        assert bits(found["vectors"]) == bits(vectors.matrix)
        assert found["counts"].tolist() == vectors.counts.tolist()
        assert str(found["metadata"]) == '{"corpus": "x"}'
    save(vectors_of(WORDS), tmp_path / "v.npz")
    with np.load(tmp_path / "v.npz", allow_pickle=False) as found:
        ends = found["words_ends"].tolist()
        raw = found["words_bytes"].tobytes()
        assert [raw[a:b] for a, b in zip([0, *ends], ends, strict=False)][3] == b"a b"


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("words", [np.array(["a", "é"]), np.array([b"a", b"\xff"])])
def test_npz_of_other_programs(tmp_path: Path, compressed: bool, words: np.ndarray) -> None:
    write = np.savez_compressed if compressed else np.savez
    matrix = np.arange(6, dtype=np.float64).reshape(2, 3, order="F")
    write(tmp_path / "v.npz", vocab=words, embeddings=np.asfortranarray(matrix), other=[1])
    found = load(tmp_path / "v.npz")
    assert found.matrix.tolist() == matrix.tolist()
    assert list(found.words) == ["a", "é" if words.dtype.kind == "U" else "\udcff"]


# -- damage -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["v.npy", "v.npz"])
def test_cut_anywhere(tmp_path: Path, name: str) -> None:
    save(vectors_of(["a", "b"]), tmp_path / name)
    data = (tmp_path / name).read_bytes()
    for length in range(len(data)):
        (tmp_path / name).write_bytes(data[:length])
        with pytest.raises(FormatError) as caught:
            load(tmp_path / name, format=name[2:])
        assert "\n" not in str(caught.value)
    if name == "v.npy":
        (tmp_path / name).write_bytes(data + b"\0")
        with pytest.raises(FormatError, match="bytes for an array of 2 x 7"):
            load(tmp_path / name)


def test_flipped_bytes_of_an_archive(tmp_path: Path) -> None:
    """zip has checksums of its own: a value that is right, or an error."""
    vectors = vectors_of(["a", "b"])
    save(vectors, tmp_path / "v.npz")
    data = bytearray((tmp_path / "v.npz").read_bytes())
    for place in range(len(data)):
        for bit in (1, 128):
            data[place] ^= bit
            (tmp_path / "v.npz").write_bytes(data)
            try:
                assert_same(load(tmp_path / "v.npz", format="npz"), vectors)
            except FormatError as error:
                assert "\n" not in str(error)
            data[place] ^= bit


def npy_with(header: str, body: bytes = b"") -> bytes:
    raw = header.encode("latin-1")
    return b"\x93NUMPY\x01\x00" + len(raw).to_bytes(2, "little") + raw + body


def array(kind: str, shape: str, body: bytes = b"") -> bytes:
    return npy_with(f"{{'descr': {kind!r}, 'fortran_order': False, 'shape': {shape}}}", body)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (array("|O", "(2, 3)", b"x" * 48), "objects"),
        (array("<i4", "(2, 3)", b"x" * 24), "float"),
        (npy_with("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}"), "a struct"),
        (array("<f4", "(6,)", b"x" * 24), "shape"),
        (array("<f4", "(2, 0)"), "shape"),
        (array("<f4", "(-2, 3)"), "shape of sizes"),
        (array("<f4", "(10**9, 3)"), "header with"),
        (array("<f4", f"({10**18}, 3)"), "bytes"),
        (array("<f4", f"({10**30}, 3)"), "sizes"),
        (array("<f4", "(3, 3)", b"x" * 24), "bytes"),
        (npy_with("{'descr': '<f4', 'shape': (3, 3)}"), "header with"),
        (npy_with("__import__('os').abort()"), "header with"),
        (npy_with("(" * 5000), "header with"),
        (npy_with("[]"), "header with"),
        (b"\x93NUMPY\x09\x00aaaa", "version 9"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "of header"),
    ],
)  # fmt: skip
def test_bad_arrays(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "v.npy").write_bytes(data)
    (tmp_path / "v.words.txt").write_bytes(b"a\nb\n")
    with pytest.raises(FormatError, match=message):
        load(tmp_path / "v.npy")
    with zipfile.ZipFile(tmp_path / "v.npz", "w") as archive:
        archive.writestr("vectors.npy", data)
        archive.writestr(
            "words.npy",
            array("<U1", "(2,)", b"a\0\0\0b\0\0\0"),
        )
    with pytest.raises(FormatError):
        load(tmp_path / "v.npz")


def test_words_beside(tmp_path: Path) -> None:
    save(vectors_of(["a", "b"]), tmp_path / "v.npy")
    for text, message in [(b"a\n", "1 lines"), (b"a\nb\nc\n", "3 lines"), (b"", "0 lines")]:
        (tmp_path / "v.words.txt").write_bytes(text)
        with pytest.raises(FormatError, match=message):
            load(tmp_path / "v.npy")
    (tmp_path / "v.words.txt").unlink()
    with pytest.raises(FormatError, match=r"none of v\.words\.txt, v\.vocab"):
        load(tmp_path / "v.npy")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(FormatError, match=r"without newline.*word 1"):
        save(vectors_of(["a", "b\nc"]), tmp_path / "new.npy")
    assert sorted(tmp_path.iterdir()) == before  # neither of the two files
    save(vectors_of([]), tmp_path / "none.npy")
    assert len(load(tmp_path / "none.npy")) == 0


def archive_of(path: Path, **arrays: Any) -> Path:
    np.savez(path, **{name: np.asarray(array) for name, array in arrays.items()})
    return path


def test_bad_archives(tmp_path: Path) -> None:
    path = tmp_path / "v.npz"
    matrix = np.zeros((2, 3), np.float32)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"x": [1]}, "the array words, found the arrays x"),
        ({"words": ["a", "b"]}, "the array vectors"),
        ({"words": ["a"], "vectors": matrix}, "2 words for the rows"),
        ({"words": [["a", "b"]], "vectors": matrix}, "strings"),
        ({"words": [1, 2], "vectors": matrix}, "strings"),
        ({"words": np.array(["a", "b"], object), "vectors": matrix}, "Python objects"),
        ({"words": ["a", "b"], "vectors": matrix, "counts": [1]}, "counts"),
        ({"words": ["a", "b"], "vectors": matrix, "counts": [1.5, 2]}, "counts"),
        ({"words_bytes": np.uint8([65]), "words_ends": [0, 2], "vectors": matrix}, "words_ends"),
        ({"words_bytes": np.uint8([65]), "words_ends": [9, 1], "vectors": matrix}, "grow"),
        ({"words_bytes": np.int8([65]), "words_ends": [0, 1], "vectors": matrix}, "words_ends"),
    ]
    for arrays, message in cases:
        with pytest.raises(FormatError, match=message):
            load(archive_of(path, **arrays))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "no arrays")
    with pytest.raises(FormatError, match="found the arrays none"):
        load(path, format="npz")


def test_archive_sizes_that_lie(tmp_path: Path) -> None:
    """The sizes in the directory of an archive are not believed."""
    save(vectors_of(["a", "b"]), tmp_path / "v.npz")
    data = (tmp_path / "v.npz").read_bytes()
    n_bytes = (128 + 2 * 7 * 4).to_bytes(4, "little")
    at = data.index(b"PK\x01\x02") + 24  # of the first member
    assert data[at : at + 4] == n_bytes
    (tmp_path / "v.npz").write_bytes(data[:at] + b"\xf0\xff\xff\x7f" + data[at + 4 :])
    with pytest.raises(FormatError, match="that the archive can hold"):
        load(tmp_path / "v.npz")


def test_float64_out_of_range(tmp_path: Path) -> None:
    archive_of(tmp_path / "v.npz", words=["a", "b"], vectors=[[1.0, 2], [1e300, 0]])
    with pytest.raises(FormatError, match="1e\\+300 in the row of 'b'"):
        load(tmp_path / "v.npz")
    archive_of(tmp_path / "v.npz", words=["a", "b"], vectors=[[1.0, 2], [np.inf, np.nan]])
    assert np.isinf(load(tmp_path / "v.npz").matrix[1, 0])


@pytest.mark.parametrize("module", [npy, npz])
def test_places_that_are_no_file(tmp_path: Path, module: Any) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FormatError, match="pipe"):
        module.open_file(str(tmp_path / "pipe"), load.__globals__["ReadRequest"]())
    with pytest.raises(FormatError, match="folder"):
        load(tmp_path, format=module.NAME)


@given(st.binary(max_size=300), st.sampled_from(["npy", "npz"]))
@REUSED_FOLDER
def test_any_bytes_give_a_format_error(tmp_path: Path, data: bytes, name: str) -> None:
    start = b"\x93NUMPY\x01\x00" if name == "npy" else b"PK\x03\x04"
    (tmp_path / "v").write_bytes(start + data)
    with pytest.raises(FormatError):
        load(tmp_path / "v", format=name)
