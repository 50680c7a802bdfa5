"""The query tools beside the original C programs: the same bytes."""

import os
import random
import subprocess
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.rivals

WORDS = [b"</s>", b"king", b"Queen", b"queen", b"caf\xc3\xa9", b"\xff\xfe", b"x" * 48]
WORDS += [b"w%d" % k for k in range(300)]


@pytest.fixture(scope="module")
def original():
    rivals = pytest.importorskip("bench.rivals", reason="bench/ builds the originals")
    cache = Path(os.environ.get("WORDVEC_BENCH_CACHE") or Path.home() / ".cache/wordvec-bench")

    def build(name):
        try:
            return rivals.build_tool(cache, name)
        except (rivals.BenchError, OSError) as error:
            pytest.skip(f"the original cannot be built: {error}")

    return build


@pytest.fixture(params=["plain", "ties", "extremes", "records without newline"])
def vectors(request, tmp_path):
    """A binary file of many dimensions, of equal scores, of lengths beyond float32, ..."""
    rng = np.random.default_rng(3)
    if request.param == "plain":
        rows = rng.normal(size=(len(WORDS), 100)).astype(np.float32)
    else:
        rows = rng.integers(-2, 3, (len(WORDS), 6)).astype(np.float32)
    if request.param == "extremes":
        rows[20:30] *= np.float32(1e-25)
        rows[30:40] *= np.float32(1e25)
        rows[40:50] = 0
    end = b"" if request.param.startswith("records") else b"\n"
    records = [w + b" " + row.tobytes() + end for w, row in zip(WORDS, rows, strict=True)]
    path = tmp_path / "v.bin"
    path.write_bytes(b"%d %d\n" % rows.shape + b"".join(records))
    return path


def query_lines(seed, known, n):
    rng = random.Random(seed)
    lines = []
    for _ in range(n):
        words = rng.choices(known, k=rng.choice([1, 2, 3, 3, 4]))
        if rng.random() < 0.1:
            words.insert(rng.randrange(3), rng.choice([b"nobody", b"", b"KING"]))
        lines.append(b" ".join(words) or b"nobody")
    # A space at the end makes the original read on in the previous line.
    return b"".join(line.rstrip(b" ") + b"\n" for line in lines) + b"EXIT\n"


def same_output(program, wordvec, tool, path, *more, text):
    line = [str(program), str(path), *map(str, more)]
    theirs = subprocess.run(line, input=text, capture_output=True, check=False)
    ours = wordvec(tool, path, *more, stdin=None, input=text)
    assert ours.stdout == theirs.stdout
    assert ours.returncode == theirs.returncode
    return ours.stdout


@pytest.mark.parametrize("tool", ["distance", "word-analogy"])
def test_nearest_tools(original, wordvec, vectors, tool):
    out = same_output(original(tool), wordvec, tool, vectors, text=query_lines(1, WORDS, 60))
    assert out.count(b"\t\t") > 400
    same_output(original(tool), wordvec, tool, "none", text=b"")


@pytest.mark.parametrize("threshold", [0, 50])
def test_compute_accuracy(original, wordvec, vectors, threshold):
    rng = random.Random(2)
    text = b""
    for number in range(8):
        text += b": section-%d\n" % number if number % 3 else b"exit Section\n"
        for _ in range(rng.randrange(40)):
            text += b" ".join(rng.choices([*WORDS[:80], b"nobody", b"KING"], k=4)) + b"\n"
    tool = "compute-accuracy"
    for end in (b"", b": \n", b": last", b"w1 w2 w3 w4", b"w1 w2 w3 w4\nw5 w6", b"w9", b"w9 w8\n"):
        out = same_output(original(tool), wordvec, tool, vectors, threshold, text=text + end)
        assert out.count(b"ACCURACY") == 8 and b"Questions seen" in out
    for text in (b"", b":", b": a"):
        same_output(original(tool), wordvec, tool, vectors, threshold, text=text)


@pytest.mark.slow
def test_real_vectors(original, wordvec, shared_data, tmp_path):
    """Trained vectors, the questions that come with word2vec, and their words as queries."""
    lzma = pytest.importorskip("lzma")
    with lzma.open(shared_data / "corpora" / "enwiki17m.txt.xz") as packed:
        (tmp_path / "text").write_bytes(packed.read(20_000_000))
    wordvec("word2vec", "-train", "text", "-output", "v.bin", "-binary", 1, "-size", 100,
            "-cbow", 0, "-iter", 1, timeout=600)  # fmt: skip
    questions = (shared_data / "eval" / "questions-words.txt").read_bytes()
    path = tmp_path / "v.bin"
    known = sorted({word.lower() for word in questions.split() if word.isalpha()})
    for tool in ("distance", "word-analogy"):
        same_output(original(tool), wordvec, tool, path, text=query_lines(4, known, 150))
    out = same_output(original("compute-accuracy"), wordvec, "compute-accuracy", path, 10_000,
                      text=questions)  # fmt: skip
    assert out.count(b"ACCURACY") == 14
