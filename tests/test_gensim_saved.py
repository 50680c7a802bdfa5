"""Files that gensim's save wrote, and files that somebody wrote to do harm."""

import io
import os
import pickle
import struct
import sys
import time
import tracemalloc
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wordvec
from wordvec.errors import FormatError, OptionError
from wordvec.formats import gensim_saved, inert_pickle
from wordvec.kernels import pickling
from wordvec.keyedvectors import KeyedVectors

WORDS = ["the", "größe", "🙂", "w3", "w4"]
MATRIX = np.random.default_rng(4).normal(0, 1, (5, 3)).astype(np.float32)
COUNTS = [50, 40, 30, 20, 10]


def load(path: Path, **options: Any) -> wordvec.Vectors:
    return wordvec.load(path, allow_pickle=True, **options)


def check(vectors: wordvec.Vectors, matrix: np.ndarray = MATRIX) -> None:
    assert list(vectors.words) == WORDS
    assert np.array_equal(vectors.matrix, matrix) and vectors.matrix.dtype == np.float32
    assert vectors.counts is not None and vectors.counts.tolist() == COUNTS


# Written by gensim itself


@pytest.fixture
def theirs() -> Any:
    vectors = pytest.importorskip("gensim.models").KeyedVectors(3)
    vectors.add_vectors(WORDS, MATRIX.copy())
    for word, count in zip(WORDS, COUNTS, strict=True):
        vectors.set_vecattr(word, "count", count)
    return vectors


@pytest.mark.rivals
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("separately", [[], ["vectors"]])
def test_gensims_keyedvectors(
    tmp_path: Path, theirs: Any, protocol: int, separately: list[str]
) -> None:
    path = tmp_path / "saved.kv"
    theirs.fill_norms()
    theirs.save(str(path), separately=separately, pickle_protocol=protocol)
    assert (tmp_path / "saved.kv.vectors.npy").exists() == bool(separately)
    check(load(path))
    check(load(path, mmap=False))
    found = KeyedVectors.load(path)
    check(found)
    assert found.most_similar("the")[0][0] == theirs.most_similar("the")[0][0]
    found.vectors[0] = 1  # in memory, and the caller's own
    mapped = KeyedVectors.load(path, mmap="r")
    assert mapped.vectors.flags.writeable != bool(separately)
    mapped.add_vector("new", [1, 2, 3])
    mapped["the"] = [1, 1, 1]
    assert len(mapped) == 6 and load(path)["the"].tolist() == MATRIX[0].tolist()
    with pytest.raises(FormatError, match="allow_pickle=True"):
        wordvec.load(path)
    with open(path, "wb") as stream:
        theirs.save(stream)
    check(load(path))


@pytest.mark.rivals
@pytest.mark.parametrize("kind", ["Word2Vec", "FastText", "Doc2Vec"])
@pytest.mark.parametrize("sep_limit", [10, 10**7])
def test_gensims_models(tmp_path: Path, kind: str, sep_limit: int) -> None:
    models = pytest.importorskip("gensim.models")
    sentences = [[f"w{k % 17}", f"ä{k % 5}", f"v{k % 3}"] for k in range(60)]
    options: dict[str, Any] = {"vector_size": 6, "min_count": 1, "epochs": 1, "workers": 1}
    if kind == "FastText":
        options.update(bucket=500, min_n=1, max_n=4)
    texts: Any = sentences
    if kind == "Doc2Vec":
        tagged = models.doc2vec.TaggedDocument
        texts = [tagged(words, [k]) for k, words in enumerate(sentences)]
    model = getattr(models, kind)(texts, **options)
    for path, saved in ((tmp_path / "model", model), (tmp_path / "vectors", model.wv)):
        saved.save(str(path), sep_limit=sep_limit)
        found = load(path)
        assert list(found.words) == model.wv.index_to_key
        np.testing.assert_allclose(found.matrix, model.wv.vectors, rtol=1e-5, atol=1e-7)
        assert found.counts.tolist() == model.wv.expandos["count"].tolist()
    assert len(list(tmp_path.glob("model.*npy"))) == 0 or sep_limit == 10
    if kind == "Doc2Vec":
        model.dv.save(str(tmp_path / "documents"))
        found = KeyedVectors.load(tmp_path / "documents")
        assert found.index_to_key[:2] == ["0", "1"]
        assert np.array_equal(found[3], model.dv[3])


@pytest.mark.rivals
def test_places_without_a_word(tmp_path: Path) -> None:
    """gensim leaves None behind for words that occurred twice in a file."""
    models = pytest.importorskip("gensim.models")
    (tmp_path / "twice.txt").write_text("3 1\na 1\na 2\nb 3\n")
    vectors = models.KeyedVectors.load_word2vec_format(str(tmp_path / "twice.txt"))
    vectors.save(str(tmp_path / "saved"))
    found = load(tmp_path / "saved")
    assert list(found.words) == ["a", "b"] and found.matrix.tolist() == [[1], [3]]


OLD_FILES = [
    *(f"old_w2v_models/w2v_{version}.mdl" for version in (
        "0.12.0", "0.12.4", "0.13.3", "0.13.4", "1.0.1", "2.3.0", "3.0.0", "3.2.0", "3.4.0")),
    "model-from-gensim-3.8.0.w2v", "word2vec_3.3", "word2vec_old_sep", "word2vec_pre_kv_py2",
    "word2vec_pre_kv_sep_py3", "word2vec_pre_kv_py3_4", "compatible-hash-true.model",
    "old_d2v_models/d2v_3.4.0.mdl", "old_keyedvectors_320.dat", "lee_fasttext",
]  # fmt: skip


@pytest.mark.rivals
@pytest.mark.parametrize("name", OLD_FILES)
def test_files_of_old_gensims(name: str) -> None:
    """Files that gensim keeps for its own tests; some of them gensim 4 itself cannot read."""
    models = pytest.importorskip("gensim.models")
    path = Path(models.__file__).parents[1] / "test" / "test_data" / name
    if not path.exists():
        pytest.skip(f"this gensim lacks {name}")
    found = load(path)
    assert len(found) > 2 and np.isfinite(found.matrix).all() and found.counts is not None
    assert (np.linalg.norm(found.matrix, axis=1) > 0).all() and found.counts.min() > 0
    try:
        saved = models.KeyedVectors.load(str(path))
        theirs = getattr(saved, "wv", saved)
    except Exception:  # too old for it
        return
    assert list(found.words) == theirs.index_to_key
    np.testing.assert_allclose(found.matrix, theirs.vectors, rtol=1e-5, atol=1e-7)
    assert found.counts.tolist() == theirs.expandos["count"].tolist()


# As gensim 3 wrote them: the same names of classes, made here for as long as a pickle is written


@pytest.fixture
def old() -> Iterator[Any]:
    kept = {name: sys.modules.get(name) for name in MODULES}
    made: dict[str, Any] = {}
    for module in MODULES:
        sys.modules[module] = types.ModuleType(module)
    for module, name in OLD_CLASSES:
        made[name] = type(name, (), {"__module__": module, "__qualname__": name})
        setattr(sys.modules[module], name, made[name])
    yield types.SimpleNamespace(**made)
    for module, before in kept.items():
        if before is None:
            del sys.modules[module]
        else:
            sys.modules[module] = before


MODULES = ["gensim", "gensim.models", "gensim.models.keyedvectors", "gensim.models.word2vec"]
OLD_CLASSES = [
    ("gensim.models.keyedvectors", "Word2VecKeyedVectors"),
    ("gensim.models.keyedvectors", "Vocab"),
    ("gensim.models.word2vec", "Word2Vec"),
    ("gensim.models.word2vec", "Word2VecVocab"),
    ("gensim.models.word2vec", "Word2VecTrainables"),
]


def old_vectors(old: Any, **attributes: Any) -> Any:
    vectors = old.Word2VecKeyedVectors()
    entries = {}
    for row, word in enumerate(WORDS):
        entries[word] = old.Vocab()
        # NumPy numbers, as gensim 3 had them after training.
        entries[word].__dict__.update(
            count=COUNTS[row] if row % 2 else np.int64(COUNTS[row]),
            index=row,
            sample_int=np.uint32(2**32 - 1),
        )
    vectors.__dict__.update(
        vocab=entries, vector_size=3, index2word=WORDS, vectors=MATRIX, vectors_norm=None
    )
    vectors.__dict__.update(attributes)
    return vectors


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("rows_name", ["vectors", "syn0"])
def test_gensim_3(
    tmp_path: Path, old: Any, protocol: int, apart: bool, inside: bool, rows_name: str
) -> None:
    vectors = old_vectors(old)
    vectors.__dict__[rows_name] = vectors.__dict__.pop("vectors")
    path = tmp_path / "model"
    place = f"{path}.wv" if inside else str(path)
    if apart:
        np.save(f"{place}.{rows_name}.npy", vectors.__dict__.pop(rows_name))
        vectors.__dict__["__numpys"] = [rows_name]
    saved = vectors
    if inside:
        saved = old.Word2Vec()
        vocabulary, trainables = old.Word2VecVocab(), old.Word2VecTrainables()
        trainables.__dict__.update(syn1neg=np.zeros((5, 3), np.float32), hashfxn=hash)
        vocabulary.__dict__.update(raw_vocab=dict.fromkeys(WORDS, 1), cum_table=np.arange(5))
        saved.__dict__.update(
            wv=vectors, vocabulary=vocabulary, trainables=trainables, total_train_time=0.5,
            random=np.random.RandomState(1), callbacks=(), ids={1, 2},
        )  # fmt: skip
    path.write_bytes(pickle.dumps(saved, protocol))
    check(load(path))


def test_fortran_order_and_other_types(tmp_path: Path, old: Any) -> None:
    for k, rows in enumerate(
        [np.asfortranarray(MATRIX), MATRIX.astype(">f4"), MATRIX.astype("f8")]
    ):
        (tmp_path / str(k)).write_bytes(pickle.dumps(old_vectors(old, vectors=rows), 2))
        check(load(tmp_path / str(k)))
    found = load(tmp_path / "0", dtype="float16", limit=3, words=["🙂", "w4", "none"])
    assert list(found.words) == ["🙂"] and found.matrix.dtype == np.float16
    assert found.counts is not None and found.counts.tolist() == [30]


# What is wrong


def write(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "bad"
    path.write_bytes(data)
    return path


def refused(tmp_path: Path, data: bytes, message: str = "expected") -> str:
    path = write(tmp_path, data)
    for reader in (load, KeyedVectors.load):
        with pytest.raises(FormatError, match=message) as caught:
            reader(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("change", [
    {"vectors": None}, {"vectors": "text"}, {"vectors": MATRIX[:3]}, {"vectors": MATRIX[0]},
    {"vectors": np.arange(15).reshape(5, 3)}, {"index2word": None}, {"index2word": [1.5] * 5},
    {"__numpys": ["vectors"]}, {"__numpys": ["../vectors"], "vectors": None},
])  # fmt: skip
def test_attributes_that_do_not_fit(tmp_path: Path, old: Any, change: dict[str, Any]) -> None:
    refused(tmp_path, pickle.dumps(old_vectors(old, **change), 4))


def test_a_pickle_of_something_else(tmp_path: Path) -> None:
    for value in (None, 3, [1, 2], {"wv": 1}, "word", np.arange(3)):
        refused(tmp_path, pickle.dumps(value, 4), "gensim saved")


@pytest.mark.parametrize("cut", [b"", b"\x93NUM", b"whole"])
def test_damaged_array_files(tmp_path: Path, old: Any, cut: bytes) -> None:
    vectors = old_vectors(old, __numpys=["vectors"])
    path = write(tmp_path, pickle.dumps(vectors, 4))
    stream = io.BytesIO()
    np.save(stream, MATRIX)
    data = stream.getvalue()[:-1] if cut == b"whole" else cut
    (tmp_path / "bad.vectors.npy").write_bytes(data)
    with pytest.raises(FormatError, match=r"vectors\.npy"):
        load(path)
    lying = stream.getvalue().replace(b"(5, 3), }       ", b"(5, 3000000), } ")
    (tmp_path / "bad.vectors.npy").write_bytes(lying)
    with pytest.raises(FormatError, match=r"vectors\.npy"):
        load(path)
    objects = np.array([Evil("os.system")], dtype=object)
    np.save(tmp_path / "bad.vectors.npy", objects, allow_pickle=True)
    with pytest.raises(FormatError, match=r"vectors\.npy"):
        load(path)


CALLS: list[str] = []


def harm(*args: Any) -> None:
    CALLS.append("called")


class Evil:
    """Pickled as a call of any function."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.function = function
        self.args = args

    def __reduce__(self) -> Any:
        function = os.system if self.function == "os.system" else self.function
        return function, self.args or ("exit 1",)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_code_is_never_run(tmp_path: Path, protocol: int) -> None:
    marker = tmp_path / "marker"
    for function, args, name in [
        (os.system, (f"touch {marker}",), "system"),
        (eval, (f"open({str(marker)!r}, 'w')",), "eval"),
        (exec, (f"open({str(marker)!r}, 'w')",), "exec"),
        (open, (str(marker), "w"), "open"),
        (getattr, ("a", "b"), "getattr"),
        (np.load, (str(marker),), "load"),
        (pickle.loads, (b"",), "loads"),
        (__import__, ("os",), "__import__"),
    ]:
        evil = Evil(function, *args)
        for value in (evil, [1, {"a": (evil, 2)}], {"wv": evil}):
            assert name in refused(tmp_path, pickle.dumps(value, protocol), "asks for")
    assert not marker.exists()


def test_the_same_pickles_do_run_code_elsewhere() -> None:
    """The pickles above must be harmful, or refusing them shows nothing."""
    pickle.loads(pickle.dumps(Evil(harm)))
    assert CALLS == ["called"]


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


KV = b"cgensim.models.keyedvectors\nKeyedVectors\n"
DTYPE = b"cnumpy\ndtype\n"
RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n"
HAND_MADE = {
    "nested calls": b"cbuiltins\ngetattr\n(cos\nsystem\n" + text("x") + b"tR" + b"(tR.",
    "dotted name": b"\x80\x04" + text("gensim.models.keyedvectors") + text("KeyedVectors.load")
    + b"\x93)R.",
    "a name of gensim": b"cgensim.models.keyedvectors\nnp\n.",
    "a name of numpy": b"cnumpy\nsave\n.",
    "stack global of no text": b"\x80\x04K\x01K\x02\x93.",
    "state of a class": KV + b"}" + text("x") + b"K\x01sb.",
    "slot state of a class": KV + b"N}" + text("__setstate__") + b"cbuiltins\nhash\ns\x86b.",
    "state of a function": b"c_codecs\nencode\n}" + text("a") + b"K\x01sb.",
    "slot state of a function": b"c_codecs\nencode\nN}" + text("_make")
    + b"cbuiltins\nhash\ns\x86b.",
    "state of a list": b"]}" + text("append") + b"K\x01sb.",
    "state that is no dict": KV + b")\x81K\x01b.",
    "slot state": KV + b")\x81N}" + text("attributes") + b"K\x01s\x86b.",
    "an array of a class": RECONSTRUCT + b"(" + KV + b"K\x00\x85C\x01btR.",
    "a huge array": RECONSTRUCT + b"(cnumpy\nndarray\nK\x00\x85C\x01btR"
    + b"(K\x01J\xff\xff\xff\x7f\x85" + DTYPE + text("f8") + b"\x85R\x89C\x01xtb.",
    "a negative array": RECONSTRUCT + b"(cnumpy\nndarray\nK\x00\x85C\x01btR"
    + b"(K\x01J\xff\xff\xff\xff\x85" + DTYPE + text("f8") + b"\x85R\x89C\x01xtb.",
    "a type of its own": RECONSTRUCT + b"(cnumpy\nndarray\nK\x00\x85C\x01btR"
    + b"(K\x01K\x01\x85" + DTYPE + text("V99999999") + b"\x85R\x89C\x01xtb.",
    "a type by another name": DTYPE + text("f4,O") + b"\x85R.",
    "a scalar without bytes": b"cnumpy.core.multiarray\nscalar\n" + DTYPE + text("f8")
    + b"\x85RC\x01x\x86R.",
    "a call without a tuple": KV + b"K\x01R.",
    "a call of a number": b"K\x01)R.",
    "persistent": b"K\x01Q.",
    "persistent text": b"Px\n.",
    "extension": b"\x82\x01.",
    "old instance": b"(icollections\nOrderedDict\n.",
    "old object": b"(cos\nsystem\n" + text("x") + b"o.",
    "out of band": b"\x97.",
    "a memo bomb": b"Nr\xff\xff\xff\x7f.",
    "an empty memo": b"j\xff\xff\xff\x7f.",
    "a string bomb": b"\x8d" + b"\xff" * 7 + b"\x00.",
    "a bytes bomb": b"\x8e\x00\x00\x00\x00\x10\x00\x00\x00.",
    "a bytearray bomb": b"\x96\x00\x00\x00\x00\x10\x00\x00\x00.",
    "a frame bomb": b"\x95" + b"\xff" * 8 + b"N.",
    "a large number": b"\x8b\xff\xff\x00\x00" + b"\x01" * 65535 + b".",
    "a number of digits": b"I" + b"9" * 5000 + b"\n.",
    "a bad number": b"Ix\n.",
    "sets": b"\x8f" * 100_000 + b".",
    "lists": b"]" * 100_000 + b".",
    "tuples in tuples": b")" + b"2\x86" * 60 + b"}" + b"N0N.",
    "hashing for years": b"}" + b")" + b"2\x86" * 60 + b"K\x01s.",
    "hashing in a set": b"\x8f(" + b")" + b"2\x86" * 60 + b"\x90.",
    "hashing in a frozen set": b"(" + b")" + b"2\x86" * 60 + b"\x91.",
    "hashing by setitems": b"}(" + b")" + b"2\x86" * 60 + b"K\x01u.",
    "showing for years": RECONSTRUCT + b"(cnumpy\nndarray\nK\x00\x85C\x01btR(K\x01K\x01\x85"
    + DTYPE + b")" + b"2\x86" * 60 + b"\x85R\x89C\x01xtb.",
    "showing a shape": RECONSTRUCT + b"(cnumpy\nndarray\nK\x00\x85C\x01btR(K\x01"
    + b")" + b"2\x86" * 60 + DTYPE + text("f4") + b"\x85R\x89C\x01xtb.",
    "hashing in an ordered dict": b"ccollections\nOrderedDict\n](" + b")" + b"2\x86" * 60
    + b"K\x01e\x85\x85R)R.",
    "collisions": b"}\x8a\x09" + b"\x01" * 9 + b"K\x01s.",
    "no mark": b"t.",
    "an empty stack": b"0.",
    "nothing": b".",
    "only a mark": b"(.",
    "an odd number of items": b"}(Ku.",
    "a newer protocol": b"\x80\x06N.",
    "more behind": b"N.N.",
    "no end": b"N",
}  # fmt: skip


@pytest.mark.parametrize("name", HAND_MADE)
def test_hand_made(tmp_path: Path, name: str) -> None:
    start = time.perf_counter()
    data = HAND_MADE[name]
    refused(tmp_path, data if data[:1] == b"\x80" else b"\x80\x04" + data)
    assert time.perf_counter() - start < 2


def test_refusing_leaves_nothing_behind(tmp_path: Path, old: Any) -> None:
    """Files cannot change the stand-ins for those that come after."""
    for name in ("state of a class", "slot state of a class", "slot state of a function"):
        refused(tmp_path, b"\x80\x04" + HAND_MADE[name])
    path = write(tmp_path, pickle.dumps(old_vectors(old), 2))
    check(load(path))


def test_memory_follows_the_size_of_the_file(tmp_path: Path) -> None:
    """What the kernel lets through must not take more than some 60 bytes for each of the file."""
    for data in (b"]a" * 200_000, b"\x8f0" * 200_000, b"N\x850" * 200_000, b"}0" * 200_000):
        path = write(tmp_path, b"\x80\x04]" + data + b".")
        tracemalloc.start()
        with pytest.raises(FormatError):
            load(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 60 * len(data) + (1 << 22)


def sample(old: Any) -> bytes:
    return pickle.dumps(old_vectors(old), 4)


def test_cut_short_at_every_byte(tmp_path: Path, old: Any) -> None:
    data = sample(old)
    for length in range(2, len(data), 2):
        with pytest.raises(FormatError):
            load(write(tmp_path, data[:length]))


def test_every_byte_changed(tmp_path: Path, old: Any) -> None:
    """Any one byte may be wrong: an error or other numbers, but never anything else."""
    rng = np.random.default_rng(0)
    for protocol in (2, 4, 5):
        data = pickle.dumps(old_vectors(old), protocol)
        for place in range(2, len(data), 3):
            changed = bytearray(data)
            changed[place] ^= int(rng.integers(1, 256))
            try:
                load(write(tmp_path, bytes(changed)))
            except FormatError:
                pass


INSTRUCTIONS = [bytes([code]) for code in range(256)] + [
    b"K\x01", b"X\x01\x00\x00\x00a", b"\x8c\x01b", b"C\x02xy", b"q\x00", b"h\x00", b"h\x01",
    KV, DTYPE, RECONSTRUCT, b"cnumpy\nndarray\n", b"cbuiltins\nhash\n",
    b"ccollections\nOrderedDict\n",
    b"cnumpy.core.multiarray\nscalar\n", b"c_codecs\nencode\n", b"ccopyreg\n_reconstructor\n",
]  # fmt: skip


@settings(deadline=None, max_examples=400)
@given(st.lists(st.sampled_from(INSTRUCTIONS), max_size=40), st.sampled_from([b".", b""]))
def test_any_instructions(pieces: list[bytes], end: bytes) -> None:
    data = b"\x80\x04" + b"".join(pieces) + end
    try:
        with memoryview(data) as view:
            inert_pickle._read(view, "file", gensim_saved.KNOWN)
    except FormatError:
        pass


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text()
    | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    | st.tuples(inner, inner) | st.sets(st.text()),
    max_leaves=30,
)  # fmt: skip


@settings(deadline=None)
@given(values, st.integers(2, 5))
def test_the_kernel_lets_real_pickles_through(value: Any, protocol: int) -> None:
    data = pickle.dumps(value, protocol)
    assert pickling.check_pickle(data) == (pickling.FINE, len(data) - 1)
    for length in range(len(data)):
        assert pickling.check_pickle(data[:length])[0] != pickling.FINE


def test_it_is_not_written() -> None:
    with pytest.raises(OptionError, match="no pickles"):
        wordvec.save(wordvec.Vectors(WORDS, MATRIX), os.devnull, format="gensim-saved")
