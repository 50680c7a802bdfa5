"""Our word2phrase beside the original C program: the same bytes.

The original takes 2 GB of memory and some seconds for the shortest text, so it is run a few times
on texts that hold everything at once.
"""

import os
import subprocess
from pathlib import Path

import pytest
from test_phrases import WORDS, random_text

pytestmark = [pytest.mark.rivals, pytest.mark.slow]


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """WORDVEC_WORD2PHRASE_C names the original's source, word2phrase.c."""
    source = os.environ.get("WORDVEC_WORD2PHRASE_C")
    if not source or not Path(source).is_file():
        pytest.skip("WORDVEC_WORD2PHRASE_C does not name the original's word2phrase.c")
    program = tmp_path_factory.mktemp("original") / "word2phrase"
    subprocess.run(["gcc", "-O3", "-w", source, "-o", str(program), "-lm"], check=True)
    return program


@pytest.mark.parametrize(
    "seed, n_words, min_count, threshold",
    [(1, 3000, 1, 0.5), (2, 200, 1, 0.1), (3, 5000, 5, 2), (4, 3000, 0, 3), (5, 300, 2, 0),
     (6, 100, 3, -1)],
)  # fmt: skip
def test_same_bytes(original, wordvec, tmp_path, seed, n_words, min_count, threshold):
    words = WORDS if seed % 2 else [b"a", b"b", b"a_b", b"\0", b"</s>_a", b"_a", b"c"]
    (tmp_path / "text").write_bytes(random_text(seed, n_words, words) + b"end")
    options = ["-min-count", str(min_count), "-threshold", str(threshold), "-debug", "0"]
    line = [str(original), "-train", "text", "-output", "theirs", *options]
    theirs = subprocess.run(line, cwd=tmp_path, capture_output=True, check=True)
    ours = wordvec("word2phrase", "-train", "text", "-output", "ours", *options)
    assert ours.stdout == theirs.stdout
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()
