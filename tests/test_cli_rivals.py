"""Our `word2vec` beside the original C program: the same bytes where both must agree."""

import os
import random
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.rivals


@pytest.fixture(scope="module")
def original():
    """The original, compiled from the source that bench/ keeps or downloads."""
    rivals = pytest.importorskip("bench.rivals", reason="bench/ builds the original")
    cache = Path(os.environ.get("WORDVEC_BENCH_CACHE") or Path.home() / ".cache/wordvec-bench")
    try:
        return rivals.build_original(cache)
    except (rivals.BenchError, OSError) as error:
        pytest.skip(f"the original cannot be built: {error}")


def nasty_text(seed):
    """Blanks of all kinds, long and broken words, empty lines, a literal </s>, ties."""
    rng = random.Random(seed)
    words = [b"a", b"bb", b"caf\xc3\xa9", b"\xff\xfe", b"</s>", b"x" * 97, b"x" * 98, b"x" * 120,
             b"\xc3\xa9" * 60, b"dot.", b"1e5", b"a\x0bb"]  # fmt: skip
    words += [b"w%d" % k for k in range(60)]
    blanks = [b" ", b" ", b" ", b" ", b"\t", b"  ", b"\n", b"\r\n", b"\n\n", b" \n"]
    text = b"".join(rng.choice(words) + rng.choice(blanks) for _ in range(5000))
    return text + rng.choice([b"", b"last", b"last\n", b"last "])


@pytest.fixture(params=range(4))
def text(request, tmp_path):
    path = tmp_path / "text"
    path.write_bytes(nasty_text(request.param))
    return path


@pytest.fixture
def both(original, wordvec, tmp_path):
    """Run both with the same arguments, each in a folder of its own."""

    def run(*arguments):
        results = []
        for name in ("theirs", "ours"):
            (tmp_path / name).mkdir(exist_ok=True)
        line = [str(original), *map(str, arguments)]
        theirs = subprocess.run(line, cwd=tmp_path / "theirs", capture_output=True, check=False)
        ours = wordvec("word2vec", *arguments, cwd=tmp_path / "ours")
        results = [theirs, ours]
        assert ours.returncode == theirs.returncode, ours.stderr
        return results

    return run


def same_files(tmp_path, *names):
    for name in names:
        theirs, ours = ((tmp_path / who / name).read_bytes() for who in ("theirs", "ours"))
        assert ours == theirs and ours, name


@pytest.mark.parametrize("min_count", [1, 5, 70])
def test_vocabulary_and_output_lines(both, text, tmp_path, min_count):
    theirs, ours = both("-train", text, "-save-vocab", "voc", "-min-count", min_count, "-debug", 1)
    same_files(tmp_path, "voc")
    assert ours.stdout == theirs.stdout


def test_vocabulary_read_again(both, text, tmp_path):
    both("-train", text, "-save-vocab", "voc", "-min-count", 1)
    theirs, ours = both(
        "-train", text, "-read-vocab", "voc", "-save-vocab", "voc2", "-min-count", 60, "-debug", 1
    )
    same_files(tmp_path, "voc2")
    assert ours.stdout == theirs.stdout


@pytest.mark.parametrize("extra", [[], ["-binary", 1], ["-classes", 5]])
def test_untrained_files_are_the_same_bytes(both, text, tmp_path, extra):
    """Without learning the start vectors come out: layout, order and rounding all in one."""
    both(
        "-train", text, "-output", "v", "-size", 7, "-hs", 0, "-negative", 0, "-iter", 1,
        "-threads", 1, "-min-count", 1, *extra,
    )  # fmt: skip
    same_files(tmp_path, "v")


def test_errors_that_scripts_may_look_for(both, text):
    for arguments in (["-train"], ["-train", "none"], ["-train", text, "-read-vocab", "none"]):
        theirs, ours = both(*arguments)
        assert ours.stdout == theirs.stdout
