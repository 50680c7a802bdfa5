"""The files around GloVe's training: names, layouts, and what is read back from them."""

from pathlib import Path

import numpy as np
import pytest

from wordvec import load
from wordvec.errors import CorpusError, FormatError, OutputError, TrainingError
from wordvec.models.glove import Parameters
from wordvec.models.glovefiles import BINARY, BOTH, INITIAL, GloveFiles, read_start, read_vocabulary
from wordvec.words import WordList

WORDS = [b"the", b"\xc3\xa9t\xc3\xa9", b"\xff\xfe", b"a"]
DIM = 3


def parameters(seed: int = 1) -> Parameters:
    random = np.random.default_rng(seed)
    shape = (2, len(WORDS), DIM + 1)
    return Parameters.of(random.normal(0, 1, shape), random.uniform(1, 900, shape))


def files(folder: Path, **settings: object) -> GloveFiles:
    return GloveFiles(WordList.of_bytes(WORDS), f"{folder}/v", **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("binary", [0, 1, 2])
@pytest.mark.parametrize("gradsq", [False, True])
def test_names(tmp_path: Path, binary: int, gradsq: bool) -> None:
    prefix = f"{tmp_path}/g" if gradsq else None
    made = files(tmp_path, binary=binary, gradsq=prefix)
    made.write(parameters())
    made.write(parameters(), INITIAL)
    made.write(parameters(), 7)
    kinds = {0: ["txt"], 1: ["bin"], 2: ["bin", "txt"]}[binary]
    prefixes = ["v", "g"] if gradsq else ["v"]
    expected = {f"{p}.{kind}" for p in prefixes for kind in kinds}
    expected |= {f"{p}.007.{kind}" for p in prefixes for kind in kinds}
    expected |= {f"{p}.000.{kind}" for p in prefixes for kind in {*kinds, "bin"}}
    assert {path.name for path in tmp_path.iterdir()} == expected


@pytest.mark.parametrize("model", [0, 1, 2])
def test_text(tmp_path: Path, model: int) -> None:
    made = parameters()
    words, contexts = made.weights
    files(tmp_path, model=model, header=model == 1).write(made)
    lines = (tmp_path / "v.txt").read_bytes().split(b"\n")
    assert lines.pop() == b""
    if model == 1:
        assert lines.pop(0) == b"4 3"  # `<unk>` does not count
    assert [line.split(b" ")[0] for line in lines] == [*WORDS, b"<unk>"]
    table = [np.hstack([words, contexts]), words[:, :-1], (words + contexts)[:, :-1]][model]
    table = np.vstack([table, table.mean(axis=0)])
    found = [line.split(b" ")[1:] for line in lines]
    np.testing.assert_allclose(np.array(found, float), table, atol=1e-6)
    assert all(len(number.split(b".")[1]) == 6 for row in found for number in row)
    if model == 2:
        read = load(tmp_path / "v.txt")
        assert list(read.words)[-1] == "<unk>" and read.dim == DIM


def test_binary_is_what_it_was(tmp_path: Path) -> None:
    made = parameters()
    files(tmp_path, binary=BOTH, gradsq=f"{tmp_path}/g").write(made)
    assert (tmp_path / "v.bin").stat().st_size == 16 * len(WORDS) * (DIM + 1)
    again = read_start(len(WORDS), DIM, 1, f"{tmp_path}/v.bin", f"{tmp_path}/g.bin")
    np.testing.assert_array_equal(again.weights, made.weights)
    np.testing.assert_array_equal(again.squares, made.squares)
    lines = (tmp_path / "g.txt").read_bytes().splitlines()
    assert len(lines) == len(WORDS)  # no <unk>, no header
    assert all(len(line.split(b" ")) == 1 + 2 * (DIM + 1) for line in lines)
    (tmp_path / "v.vocab.txt").write_bytes(b"".join(word + b" 3\n" for word in WORDS))
    both = made.weights.sum(axis=0)[:, :-1]
    np.testing.assert_allclose(load(tmp_path / "v.bin", "glove-binary").matrix, both, rtol=1e-6)


def test_last_checkpoint_is_a_whole_one(tmp_path: Path) -> None:
    made = files(tmp_path, binary=BINARY, gradsq=f"{tmp_path}/g")
    assert made.last_checkpoint(9) == 0
    made.write(parameters(), 2)
    made.write(parameters(), 4)
    assert (made.last_checkpoint(9), made.last_checkpoint(3)) == (4, 2)
    (tmp_path / "g.004.bin").unlink()
    assert made.last_checkpoint(9) == 2


def test_unsound_start(tmp_path: Path) -> None:
    bad = parameters().weights
    bad[1, 2, 0] = np.nan
    path = str(tmp_path / "v.bin")
    bad.tofile(path)
    with pytest.raises(TrainingError, match=r"v\.bin.*nan in context row 2, number 0"):
        read_start(len(WORDS), DIM, 1, path, None)
    np.zeros_like(bad).tofile(path)
    with pytest.raises(TrainingError, match=r"v\.bin: positive"):
        read_start(len(WORDS), DIM, 1, None, path)
    for n_words, dim in ((3, DIM), (4, DIM + 1), (8, 1)):
        expected = 16 * n_words * (dim + 1)
        if expected == bad.nbytes:
            continue
        with pytest.raises(FormatError, match=f"expected {expected} bytes.*another vocabulary"):
            read_start(n_words, dim, 1, path, None)


def test_nothing_half_written(tmp_path: Path) -> None:
    made = files(tmp_path, binary=BOTH, gradsq=f"{tmp_path}/none/g")
    with pytest.raises(OutputError, match="does not exist"):
        made.write(parameters())
    assert list(tmp_path.iterdir()) == []


def test_vocabulary(tmp_path: Path) -> None:
    path = str(tmp_path / "vocab.txt")
    Path(path).write_bytes(b"b 1\na\t9\r\nb 2\nlast 1")  # in its order, the last line counts too
    assert list(read_vocabulary(path)) == ["b", "a", "b", "last"]
    Path(path).write_bytes(b"a 1\n<unk> 1\n")
    with pytest.raises(FormatError, match=r"line 2.*<unk>"):
        read_vocabulary(path)
    Path(path).write_bytes(b"a 1\nb x\n")
    with pytest.raises(FormatError, match="WORD COUNT"):
        read_vocabulary(path)
    Path(path).write_bytes(b"")
    with pytest.raises(CorpusError):
        read_vocabulary(path)
