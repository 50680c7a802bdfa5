"""Our own file: mapped, found by content, and no byte may change unnoticed."""

import json
import mmap
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from awkward import WORDS, any_words, assert_same, bits, vectors_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wordvec.errors import FormatError, OptionError, OutputError
from wordvec.formats import checksums, load, own, save
from wordvec.formats.tensors import FileMap, map_under
from wordvec.vectors import Vectors
from wordvec.words import WordList

REUSED_FOLDER = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with everything in it: 13 words, counts, metadata, a further tensor."""
    vectors = vectors_of(WORDS, counts=True)
    vectors.metadata = {"options": {"vector_size": 7}, "corpus": "fé🙂\udcff", "score": 0.5}
    vectors.tensors = {"out_rows": np.arange(12, dtype=np.float64).reshape(3, 4)}
    save(vectors, tmp_path / "v.wordvec")
    return tmp_path / "v.wordvec"


def header_of(data: bytes) -> tuple[dict[str, Any], int]:
    n_bytes = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:n_bytes]), n_bytes


def with_header(data: bytes, header: Any) -> bytes:
    """The file with another header of the same length."""
    n_bytes = 8 + int.from_bytes(data[:8], "little")
    text = json.dumps(header).encode()
    assert len(text) <= n_bytes - 8
    return data[:8] + text.ljust(n_bytes - 8) + data[n_bytes:]


# -- what comes back ----------------------------------------------------------------------------


@given(any_words, st.integers(1, 33), st.booleans(), st.sampled_from(["float32", "float16"]))
@REUSED_FOLDER
def test_round_trip(tmp_path: Path, words: list[str], dim: int, counts: bool, dtype: str) -> None:
    vectors = vectors_of(words, dim, counts=counts, dtype=dtype)
    save(vectors, tmp_path / "v.wordvec")
    own.verify(str(tmp_path / "v.wordvec"))
    found = load(tmp_path / "v.wordvec", dtype=dtype)
    assert_same(found, vectors)
    assert bits(found.norms) == bits(vectors.norms)
    for row, word in enumerate(words):
        assert found.index_of(word) == words.index(word) <= row
    save(found, tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "v.wordvec").read_bytes()


def test_everything_comes_along(path: Path) -> None:
    for options in ({}, {"mmap": False}, {"verify": True}):
        found = load(path, **options)
        assert_same(found, vectors_of(WORDS, counts=True))
        assert found.metadata == {
            "options": {"vector_size": 7}, "corpus": "fé🙂\udcff", "score": 0.5
        }  # fmt: skip
        assert found.tensors["out_rows"].tolist() == np.arange(12.0).reshape(3, 4).tolist()
        save(found, path.with_name("copy.wordvec"))
        assert path.with_name("copy.wordvec").read_bytes() == path.read_bytes()


def test_any_bits_of_numbers(tmp_path: Path) -> None:
    raw = np.random.default_rng(1).integers(0, 1 << 32, (50, 3), dtype=np.uint32)
    vectors = Vectors([str(k) for k in range(50)], raw.view(np.float32))
    with np.errstate(all="ignore"):
        save(vectors, tmp_path / "v.wordvec")
    assert bits(load(tmp_path / "v.wordvec").matrix) == raw.tobytes()


def test_padded_rows_and_many_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from wordvec.formats import tensors

    monkeypatch.setattr(tensors, "_STEP_BYTES", 1000)
    for module in (checksums, own):
        monkeypatch.setattr(module, "BLOCK_BYTES", 5000)  # room for the header
    wide = vectors_of([f"w{k}" for k in range(500)], 48)
    vectors = Vectors(wide.words, wide.matrix[:, :33])
    save(vectors, tmp_path / "v.wordvec")
    assert_same(load(tmp_path / "v.wordvec"), vectors)
    data = bytearray((tmp_path / "v.wordvec").read_bytes())
    header, n_bytes = header_of(bytes(data))
    own.verify(str(tmp_path / "v.wordvec"))
    start = n_bytes + header["matrix"]["data_offsets"][0]
    data[start + 21_000] ^= 4
    (tmp_path / "v.wordvec").write_bytes(data)
    with pytest.raises(FormatError, match=r"matrix") as caught:
        own.verify(str(tmp_path / "v.wordvec"))
    assert caught.value.offset == start + 20_000


def test_options(path: Path) -> None:
    matrix = vectors_of(WORDS).matrix
    assert load(path, limit=3).words[:] == WORDS[:3]
    assert bits(load(path, limit=3).matrix) == bits(matrix[:3])
    assert load(path, limit=3).index_of("the") == 1 and len(load(path, limit=99)) == len(WORDS)
    assert len(load(path, limit=0)) == 0 and load(path, limit=0).dim == 7
    chosen = load(path, words=["the", "🙂", "missing"])
    assert list(chosen.words) == ["the", "🙂", "the"]  # both rows, as other formats do
    assert bits(chosen.matrix) == bits(matrix[[1, 7, 11]])
    assert chosen.counts is not None and len(chosen.counts) == 3
    assert bits(chosen.norms) == bits(load(path).norms[[1, 7, 11]])
    assert list(load(path, words=["the"], limit=5).words) == ["the"]
    half = load(path, dtype="float16")
    assert half.matrix.dtype == np.float16 and bits(half.matrix) == bits(matrix.astype(np.float16))
    assert list(half.tensors) == ["out_rows"]


def test_chosen_words_of_a_list_without_repeats(tmp_path: Path) -> None:
    words = [f"w{k}" for k in range(100)]
    save(vectors_of(words), tmp_path / "v.wordvec")
    asked = {"w7", "w99", "w3", "missing", "\ud800"}
    assert list(load(tmp_path / "v.wordvec", words=asked).words) == ["w3", "w7", "w99"]
    assert list(load(tmp_path / "v.wordvec", words=asked, limit=7).words) == ["w3"]
    assert len(load(tmp_path / "v.wordvec", words=[])) == 0


def test_left_out_tensors_are_named(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert load(path, limit=3).tensors == {}
    assert "out_rows" in caplog.text


def test_is_mapped_and_read_only(path: Path) -> None:
    found = load(path)
    assert isinstance(map_under(found.matrix), FileMap)
    assert map_under(found[found.words[1]]) is map_under(found.matrix)
    with pytest.raises(ValueError, match="read-only"):
        found.matrix[0, 0] = 1
    in_memory = load(path, mmap=False)
    assert map_under(in_memory.matrix) is None
    in_memory.matrix[0, 0] = 1


def test_a_replaced_file_leaves_the_map_alone(path: Path) -> None:
    found = load(path)
    before = bits(found.matrix)
    save(vectors_of(["other"] * 500), path)
    assert bits(found.matrix) == before
    save(found, path)  # onto another file of the name it came from
    assert bits(load(path).matrix) == before


def test_sections_start_at_pages(path: Path) -> None:
    header, n_bytes = header_of(path.read_bytes())
    assert n_bytes % 4096 == 0
    for name, entry in header.items():
        if name != "__metadata__" and not name.startswith("pad."):
            assert (n_bytes + entry["data_offsets"][0]) % 4096 == 0, name


def test_changed_matrix_gets_new_norms_and_no_plane(tmp_path: Path) -> None:
    vectors = vectors_of(["a", "b"])
    vectors.tensors = {"plane.scale": np.float32([1, 2]), "kept": np.int8([3])}
    old_norms = vectors.norms.copy()
    vectors.matrix[0] *= 2
    vectors.matrix_changed()
    save(vectors, tmp_path / "v.wordvec")
    found = load(tmp_path / "v.wordvec")
    assert list(found.tensors) == ["kept"]
    assert found.norms == pytest.approx(old_norms * [2, 1])


def test_opened_by_the_safetensors_package(path: Path) -> None:
    library = pytest.importorskip("safetensors.numpy", reason="needs `pip install safetensors`")
    found = library.load_file(path)
    assert bits(found["matrix"]) == bits(vectors_of(WORDS).matrix)
    data, ends = found["words.bytes"].tobytes(), found["words.ends"].tolist()
    words = [data[a:b] for a, b in zip([0, *ends], ends, strict=False)]
    assert words == [word.encode("utf-8", "surrogateescape") for word in WORDS]
    assert found["counts"].dtype == np.int64 and "out_rows" in found


def test_rewritten_by_the_safetensors_package(path: Path) -> None:
    """Another order of tensors and no checksums that hold: it opens, verifying says why not."""
    library = pytest.importorskip("safetensors.numpy", reason="needs `pip install safetensors`")
    safetensors = pytest.importorskip("safetensors")
    with safetensors.safe_open(path, "np") as opened:
        metadata = opened.metadata()
    library.save_file(library.load_file(path), path, metadata)
    assert_same(load(path), vectors_of(WORDS, counts=True))
    with pytest.raises(FormatError, match=r"another program|checksum"):
        load(path, verify=True)


# -- damage -------------------------------------------------------------------------------------


def test_every_flipped_byte_is_found(path: Path) -> None:
    """All bytes of the header and all that is not padding; padding by samples."""
    data = bytearray(path.read_bytes())
    header, n_header = header_of(bytes(data))
    places = list(range(n_header))
    for name, entry in header.items():
        if name != "__metadata__":
            first, last = (n_header + offset for offset in entry["data_offsets"])
            step = 1 if last - first < 600 and not name.startswith("pad.") else 397
            places += range(first, last, step)
            places.append(last - 1)
    rng = np.random.default_rng(0)
    damaged = path.with_name("damaged")
    damaged.write_bytes(data)
    with open(damaged, "r+b", buffering=0) as file:
        for place in places:
            flipped = data[place] ^ int(rng.integers(1, 256))
            os.pwrite(file.fileno(), bytes([flipped]), place)
            with pytest.raises(FormatError) as caught:
                own.verify(str(damaged))
            assert "\n" not in str(caught.value)
            os.pwrite(file.fileno(), data[place : place + 1], place)
    own.verify(str(damaged))
    assert len(places) > n_header + 1000


def test_conversion_and_copying_verify(path: Path) -> None:
    data = bytearray(path.read_bytes())
    header, n_header = header_of(bytes(data))
    data[n_header + header["matrix"]["data_offsets"][0] + 3] ^= 1
    path.write_bytes(data)
    mapped = load(path)  # opening reads no numbers
    for name in ("copy.wordvec", "v.npz", "v.bin", "v.npy"):
        with pytest.raises(FormatError, match="matrix"):
            save(mapped, path.with_name(name))
        assert not path.with_name(name).exists()
    for options in ({"mmap": False}, {"dtype": "float16"}, {"verify": True},
                    {"verify": True, "limit": 1}):  # fmt: skip
        with pytest.raises(FormatError, match="matrix"):
            load(path, **options)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_verify_is_for_files_with_checksums(tmp_path: Path) -> None:
    save(vectors_of(["a"]), tmp_path / "v.txt")
    with pytest.raises(OptionError, match="checksums"):
        load(tmp_path / "v.txt", verify=True)


def test_cut_anywhere(path: Path) -> None:
    data = path.read_bytes()
    _, n_header = header_of(data)
    lengths = [*range(n_header // 3 + 20), *range(n_header - 5, n_header + 5)]
    lengths += [*range(n_header, len(data), 997), *range(len(data) - 20, len(data))]
    cut = path.with_name("cut")
    for length in lengths:
        cut.write_bytes(data[:length])
        with pytest.raises(FormatError) as caught:
            load(cut, format="wordvec")
        assert caught.value.offset is not None and caught.value.offset <= max(length, 8)
        assert "\n" not in str(caught.value)
    path.write_bytes(data + b"\0")
    with pytest.raises(FormatError, match="the end of the file, found 1 more bytes"):
        load(path)


LIES = [
    ("matrix", "shape", [13, 8]), ("matrix", "shape", [1 << 62, 7]), ("matrix", "shape", [-13, 7]),
    ("matrix", "shape", [13, 7.0]), ("matrix", "shape", [True, 7]), ("matrix", "shape", 13),
    ("matrix", "shape", [91]), ("matrix", "shape", [7, 13]), ("matrix", "shape", [1] * 40),
    ("matrix", "dtype", "F64"), ("matrix", "dtype", "I32"), ("matrix", "dtype", "F4"),
    ("matrix", "dtype", None), ("matrix", "data_offsets", [0, 364]),
    ("matrix", "data_offsets", [1 << 60, (1 << 60) + 364]), ("matrix", "data_offsets", [364, 0]),
    ("matrix", "data_offsets", [-364, 0]), ("matrix", "data_offsets", [0]),
    ("matrix", "data_offsets", [10**30, 10**30 + 364]), ("matrix", "data_offsets", {}),
    ("words.ends", "dtype", "F64"), ("words.bytes", "dtype", "I8"), ("counts", "dtype", "F64"),
    ("norms", "dtype", "I32"), ("index.slots", "dtype", "F32"), ("index.tags", "shape", [16, 2]),
    ("counts", "shape", [13, 1]), ("words.ends", "shape", [1, 13]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "field", "value"), LIES)
def test_headers_that_lie(path: Path, name: str, field: str, value: Any) -> None:
    data = path.read_bytes()
    header, _ = header_of(data)
    header[name][field] = value
    path.write_bytes(with_header(data, header))
    with pytest.raises(FormatError) as caught:
        load(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h: h.pop("matrix"), "tensor"),
        (lambda h: h.pop("checksums"), "more bytes|end of the file"),
        (lambda h: h["matrix"].pop("dtype"), "dtype, shape and data_offsets"),
        (lambda h: h["matrix"].update(more=1), "dtype, shape and data_offsets"),
        (lambda h: h.update(matrix=3), "dtype, shape and data_offsets"),
        (lambda h: h["__metadata__"].update({"wordvec.format": "2"}), "version '2'.*newer"),
        (lambda h: h["__metadata__"].update({"wordvec.metadata": "[]"}), "JSON object"),
        (lambda h: h["__metadata__"].update({"wordvec.metadata": "{"}), "JSON in wordvec.metadata"),
        (lambda h: h["__metadata__"].update({"wordvec.format": 1}), "strings"),
        (lambda h: h.update({"__metadata__": []}), "strings|wordvec's own"),
    ],
)
def test_headers_that_lack_something(path: Path, change: Any, message: str) -> None:
    data = path.read_bytes()
    header, _ = header_of(data)
    change(header)
    path.write_bytes(with_header(data, header))
    with pytest.raises(FormatError, match=message):
        load(path, format="wordvec")


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"null", b"{}", b"\xff\xfe", b"[" * 4000, b'{"a":1,"a":2}', b"{}x"]
)
def test_headers_that_are_no_header(path: Path, text: bytes) -> None:
    data = path.read_bytes()
    n_bytes = int.from_bytes(data[:8], "little")
    path.write_bytes(data[:8] + text.ljust(n_bytes)[:n_bytes] + data[8 + n_bytes :])
    with pytest.raises(FormatError):
        load(path, format="wordvec")
    for length in (0, 1, 100_000_001, (1 << 64) - 1, len(data)):
        path.write_bytes(length.to_bytes(8, "little") + data[8:])
        with pytest.raises(FormatError):
            load(path, format="wordvec")


def rewrite(path: Path, name: str, array: np.ndarray) -> None:
    """Put other numbers into a section, in place."""
    data = bytearray(path.read_bytes())
    header, n_header = header_of(bytes(data))
    first, last = (n_header + offset for offset in header[name]["data_offsets"])
    raw = np.ascontiguousarray(array).tobytes()
    assert len(raw) == last - first
    data[first:last] = raw
    path.write_bytes(data)


@pytest.mark.parametrize("seed", range(6))
def test_a_damaged_vocabulary_never_crashes(path: Path, seed: int) -> None:
    """Without verifying: every look-up gives an answer or an error, and none reads outside."""
    rng = np.random.default_rng(seed)
    n_slots = len(load(path).words.word_index.slots)
    last = load(path).words.ends[-1:].astype(np.int64)
    bad = [
        ("index.slots", rng.integers(-(1 << 31), 1 << 31, n_slots).astype(np.int32)),
        ("index.slots", np.full(n_slots, 3, np.int32)),  # no empty slot to stop at
        ("index.tags", rng.integers(0, 256, n_slots).astype(np.uint8)),
        ("words.ends", np.append(rng.integers(-(1 << 62), 1 << 62, 12), last)),
        ("words.ends", np.append(np.arange(12)[::-1], last)),
        ("index.slots", np.full(n_slots, -1, np.int32)),
    ][seed]
    rewrite(path, *bad)
    with pytest.raises(FormatError):
        load(path, verify=True)
    found = load(path)
    for ask in (
        lambda: found.words[:], lambda: found.words[5], lambda: list(found.words),
        lambda: found.words.find_many(WORDS), lambda: [w in found for w in (*WORDS, "no", "zz")],
        lambda: found.words.first_rows(),
    ):  # fmt: skip
        try:
            ask()
        except (ValueError, IndexError):
            pass
    for limit in (0, 1, 7):
        try:
            load(path, limit=limit)
        except (FormatError, ValueError):
            pass


def test_last_end_must_fit(path: Path) -> None:
    ends = load(path).words.ends.astype(np.int64)
    for last in (0, -1, int(ends[-1]) + 1, 1 << 62):
        rewrite(path, "words.ends", np.append(ends[:-1], last))
        with pytest.raises(FormatError, match=r"words\.bytes"):
            load(path)


@pytest.mark.parametrize("key", ["hash", "seed"])
def test_an_index_of_another_hash_is_not_used(path: Path, key: str) -> None:
    data = path.read_bytes()
    header, _ = header_of(data)
    kind = json.loads(header["__metadata__"]["wordvec.index"])
    kind[key] = "other" if key == "hash" else 99
    header["__metadata__"]["wordvec.index"] = json.dumps(kind)
    path.write_bytes(with_header(data, header))
    n_slots = len(load(path).words.word_index.slots)
    rewrite(path, "index.slots", np.full(n_slots, -1, np.int32))  # would find nothing
    assert load(path).index_of("🙂") == 7


@given(st.binary(max_size=200), st.integers(0, 40))
@REUSED_FOLDER
def test_any_bytes_give_a_format_error(tmp_path: Path, tail: bytes, n: int) -> None:
    (tmp_path / "v").write_bytes(n.to_bytes(8, "little") + b'{"a":' + tail)
    with pytest.raises(FormatError):
        load(tmp_path / "v", format="wordvec")


def test_no_allocation_larger_than_the_file(path: Path) -> None:
    """Opened with an address space that has room for little more than the file."""
    data = path.read_bytes()
    header, _ = header_of(data)
    header["matrix"]["shape"] = [1 << 40, 7]
    lying = path.with_name("lying")
    lying.write_bytes(with_header(data, header))
    code = (
        "import sys, resource, wordvec; from wordvec.formats import load\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30))\n"
        "try: load(sys.argv[1], mmap=False)\n"
        "except wordvec.FormatError as error: print('refused', error)\n"
    )
    root = Path(own.__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", code, lying], env=environment, capture_output=True, text=True
    )
    assert done.stdout.startswith("refused"), done.stderr


def test_places_that_are_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FormatError, match="pipe"):
        own.verify(str(tmp_path / "pipe"))
    with pytest.raises(FormatError, match="folder"):
        own.verify(str(tmp_path))
    with pytest.raises(FormatError, match="folder"):
        load(tmp_path, format="wordvec")
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none")
    (tmp_path / "empty").touch()
    with pytest.raises(FormatError, match="found 0 bytes"):
        load(tmp_path / "empty", format="wordvec")


# -- writing ------------------------------------------------------------------------------------


def test_refused_writes_leave_nothing(tmp_path: Path) -> None:
    target = tmp_path / "v.wordvec"
    target.write_bytes(b"before")
    bad_metadata = vectors_of(["a"])
    bad_metadata.metadata = {"x": object()}
    bad_name = vectors_of(["a"])
    bad_name.tensors = {"matrix": np.zeros(3)}
    bad_type = vectors_of(["a"])
    bad_type.tensors = {"more": np.array(["text"])}
    large = vectors_of(["a"])
    large.metadata = {"x": "y" * (17 << 20)}
    for vectors, message in [
        (bad_metadata, "JSON"), (bad_name, "name of its own"), (bad_type, "number type"),
        (large, "metadata of less than"), (vectors_of(["a"], dim=0), "dimension"),
    ]:  # fmt: skip
        with pytest.raises(FormatError, match=message):
            save(vectors, target)
        assert target.read_bytes() == b"before" and len(list(tmp_path.iterdir())) == 1
    with pytest.raises(OptionError, match=r"\.gz"):
        save(vectors_of(["a"]), tmp_path / "v.wordvec.gz")
    with pytest.raises(OutputError):
        save(vectors_of(["a"]), tmp_path / "missing" / "v.wordvec")


@pytest.mark.parametrize("kind", ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f8"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (0, 4)])
def test_further_tensors_of_every_type(tmp_path: Path, kind: str, shape: tuple[int, ...]) -> None:
    vectors = vectors_of(["a", "b"])
    array = (np.arange(np.prod(shape, dtype=int)).reshape(shape) % 2).astype(">" + kind)
    vectors.tensors = {"état 🙂": array}
    save(vectors, tmp_path / "v.wordvec")
    own.verify(str(tmp_path / "v.wordvec"))
    found = load(tmp_path / "v.wordvec").tensors["état 🙂"]
    assert found.shape == shape and found.tolist() == array.tolist()
    assert found.dtype == array.dtype.newbyteorder("=")


def test_to_a_stream(tmp_path: Path) -> None:
    """Nothing is written out of order: a pipe takes it."""
    vectors = vectors_of(WORDS)
    os.mkfifo(tmp_path / "pipe")
    copy = open(tmp_path / "copy", "wb")  # noqa: SIM115
    with copy, subprocess.Popen(["cat", tmp_path / "pipe"], stdout=copy):
        save(vectors, tmp_path / "pipe", format="wordvec")
    assert_same(load(tmp_path / "copy", verify=True), vectors)


def test_opening_touches_few_pages(tmp_path: Path) -> None:
    """Opening and a look-up leave most of 20 MB alone."""
    vectors = vectors_of([f"word{k}" for k in range(16_000)], 300)
    save(vectors, tmp_path / "v.wordvec")
    found = load(tmp_path / "v.wordvec")
    mapped = map_under(found.matrix)
    assert mapped is not None and len(mapped) > 19e6
    before = resident_pages(mapped)
    if before is None:
        pytest.skip("needs Linux's smaps")
    assert bits(found["word12345"]) == bits(vectors.matrix[12345])
    after = resident_pages(mapped)
    # With a page the system also maps neighbours that are in memory anyway, up to 2 MB of them.
    assert after is not None and after < len(mapped) / mmap.PAGESIZE / 4


def resident_pages(mapped: FileMap) -> int | None:
    """Pages of a map that this process has; None where the system does not tell."""
    try:
        lines = Path("/proc/self/smaps").read_text(errors="replace").splitlines()
    except OSError:
        return None
    found, inside = 0, False
    for line in lines:
        if line.endswith(os.path.realpath(mapped.path)):
            inside = True
        elif inside and line.startswith("Rss:"):
            found += int(line.split()[1]) * 1024 // mmap.PAGESIZE
            inside = False
    return found


def test_writing_needs_no_second_matrix() -> None:
    """Rows that lie scattered are gathered block by block."""
    wide = vectors_of([f"w{k}" for k in range(40_000)], 272)
    vectors = Vectors(wide.words, wide.matrix[:, :256])
    assert vectors.norms.shape == (40_000,) and vectors.matrix.nbytes > 40e6
    with open(os.devnull, "wb") as stream:
        tracemalloc.start()
        own.write(stream, vectors)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 10e6


def test_word_lists_that_are_longer_than_their_words(tmp_path: Path) -> None:
    words = WordList(np.frombuffer(b"abcdef", np.uint8), np.array([1, 3], np.uint64))
    save(Vectors(words, np.ones((2, 2), np.float32)), tmp_path / "v.wordvec")
    assert list(load(tmp_path / "v.wordvec").words) == ["a", "bc"]


# -- the plane ----------------------------------------------------------------------------------


def test_a_plane_goes_into_the_file_and_comes_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    words = [f"word{n}" for n in range(130)]
    vectors = Vectors(words, rng.standard_normal((130, 17), dtype=np.float32))
    save(vectors, tmp_path / "p.wordvec", plane=True)
    assert not any(name.startswith("plane.") for name in vectors.tensors)
    found = load(tmp_path / "p.wordvec")
    own.verify(str(tmp_path / "p.wordvec"))
    assert found.plane is not None
    assert bits(found.plane.codes) == bits(vectors.build_plane().codes)
    found.keep_plane = False
    directions = rng.standard_normal((40, 17), dtype=np.float32)
    with_plane = found.nearest(directions, 5)
    found.plane = None
    for one, other in zip(with_plane, found.nearest(directions, 5), strict=True):
        assert bits(one) == bits(other)
    # written again it is kept, and left out when that is asked for
    save(load(tmp_path / "p.wordvec"), tmp_path / "again.wordvec")
    assert (tmp_path / "again.wordvec").read_bytes() == (tmp_path / "p.wordvec").read_bytes()
    save(load(tmp_path / "p.wordvec"), tmp_path / "bare.wordvec", plane=False)
    assert load(tmp_path / "bare.wordvec").plane is None
    assert load(tmp_path / "p.wordvec", limit=3).plane is None
    with pytest.raises(OptionError, match="plane"):
        save(vectors, tmp_path / "p.txt", plane=True)


def test_a_plane_of_other_rows_is_refused(tmp_path: Path) -> None:
    vectors = Vectors(["a", "b"], np.ones((2, 5), dtype=np.float32))
    plane = vectors.build_plane()
    vectors.tensors = {
        "plane.codes": plane.codes[:-64], "plane.scales": plane.scales,
        "plane.errors": plane.errors,
    }  # fmt: skip
    save(vectors, tmp_path / "p.wordvec")
    with pytest.raises(FormatError, match="a plane of 2 rows"):
        load(tmp_path / "p.wordvec")
