"""Every format against damaged files: one FormatError, or valid vectors; never anything else."""

import random
import tracemalloc

import numpy as np
import pytest

import wordvec
from wordvec.errors import FormatError, WordvecError
from wordvec.formats import FORMATS, own
from wordvec.vectors import Vectors

# Places of a file that are damaged; the slow tests take each one of most formats.
MOST_POSITIONS = [270, pytest.param(3_000, marks=pytest.mark.slow)]
WORDS = ["the", "of", "caf\u00e9", "naïve", "word", "x" * 40, "w7"]


def write(folder, vector_format):
    """A tiny file of this format, with the files that belong beside it; skips where there is no
    such file (test_gensim_saved and test_model2vec have damage of their own)."""
    if vector_format.NAME in ("gensim-saved", "model2vec"):
        pytest.skip(f"{vector_format.NAME} is not written, or is a folder")
    rng = np.random.default_rng(1)
    vectors = Vectors(WORDS, rng.normal(size=(len(WORDS), 3)).astype(np.float32))
    suffix = vector_format.SUFFIXES[0] if vector_format.SUFFIXES else ""
    path = folder / f"damaged{suffix}"
    try:
        wordvec.save(vectors, path, format=vector_format.NAME)
    except (ImportError, WordvecError) as error:
        if "package" in str(error):
            pytest.skip(str(error))
        raise
    return path


@pytest.fixture(params=MOST_POSITIONS)
def positions(request):
    """A function: the places of a file to damage; of a large one the ends and some between."""

    def choose(n_bytes, seed):
        if n_bytes <= request.param:
            return list(range(n_bytes))
        third = request.param // 3
        between = random.Random(seed).sample(range(third, n_bytes - third), third)
        return [*range(third), *sorted(between), *range(n_bytes - third, n_bytes)]

    return choose


@pytest.fixture(params=FORMATS, ids=lambda one: one.NAME)
def whole(request, tmp_path):
    """(path of a file that is to be damaged, its bytes, NAME)."""
    path = write(tmp_path, request.param)
    return path, path.read_bytes(), request.param.NAME


def check(path, content, name, what):
    """Load `content`, by content and by name; true if it was taken for whole."""
    path.write_bytes(content)
    valid = False
    for chosen in (None, name):
        try:
            vectors = wordvec.load(path, format=chosen)
            if name == own.NAME:  # opened without being read: its checksums find what changed
                own.verify(str(path))
            assert vectors.matrix.shape == (len(vectors.words), vectors.dim), what
            assert all(isinstance(word, str) for word in vectors.words), what
            assert len(vectors.matrix.tobytes()) == vectors.matrix.nbytes, what  # all can be read
            if len(vectors):
                assert vectors.index_of(vectors.words[0]) == 0, what
            valid = True
        except FormatError as error:
            assert str(path) in str(error) and "\n" not in str(error), what
        except OSError:
            pass
        except Exception as error:
            pytest.fail(f"{name}, {what}, format={chosen}: {type(error).__name__}: {error}")
    return valid


def test_the_whole_file_is_read(whole):
    path, content, name = whole
    assert check(path, content, name, "whole")


def test_cut_off_anywhere(whole, positions):
    path, content, name = whole
    n_valid = sum(
        check(path, content[:end], name, f"cut at {end} of {len(content)}")
        for end in positions(len(content), 1)
    )
    # What ends in white space or inside the last number of a text file may look whole.
    assert n_valid <= 20


def test_any_byte_changed(whole, positions):
    path, content, name = whole
    for place in positions(len(content), 2):
        for other in (content[place] ^ 0x01, content[place] ^ 0xFF, 0):
            damaged = content[:place] + bytes([other]) + content[place + 1 :]
            check(path, damaged, name, f"byte {place} made {other}")


def test_something_between_or_after(whole, positions):
    path, content, name = whole
    for place in (*positions(len(content), 3)[::7], len(content)):
        for extra in (b"\x00", b"9", b"\n", b"\xff" * 9):
            check(path, content[:place] + extra + content[place:], name, f"{extra!r} at {place}")


def test_counts_that_lie_cost_no_memory(whole, positions):
    """Each number of the file made huge or negative, as digits and as little-endian integers."""
    path, content, name = whole
    lies = [b"99999999999", b"-1", b"18446744073709551615", b"0", b""]
    damaged = []
    for place in positions(len(content), 4):
        if (
            content[place : place + 1].isdigit()
            and not content[max(0, place - 1) : place].isdigit()
        ):
            end = place
            while content[end : end + 1].isdigit():
                end += 1
            damaged += [content[:place] + lie + content[end:] for lie in lies]
    for place in positions(len(content), 5)[::3]:
        for value in (2**31 - 1, 2**63 - 1, 2**64 - 1, 10**9):
            packed = value.to_bytes(8, "little")
            damaged.append(content[:place] + packed + content[place + 8 :])
    tracemalloc.start()
    try:
        for number, lying in enumerate(damaged):
            check(path, lying, name, f"lie {number}")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 64e6


@pytest.mark.parametrize("vector_format", FORMATS, ids=lambda one: one.NAME)
def test_what_is_no_file_of_vectors(vector_format, tmp_path):
    name = vector_format.NAME
    if name in ("parquet", "arrow"):
        pytest.importorskip("pyarrow", reason="needs `pip install 'wordvec[arrow]'`")
    for number, content in enumerate(
        [b"", b"\n", b"\x00" * 5000, b"{}", b"PK\x03\x04", b"%PDF-1.4"]
    ):
        check(tmp_path / f"f{number}", content, name, f"content {content[:9]!r}")
    with pytest.raises((FormatError, OSError)):
        wordvec.load(tmp_path, format=name)
    with pytest.raises(OSError):
        wordvec.load(tmp_path / "absent", format=name)
