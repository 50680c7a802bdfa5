"""Our glove beside Stanford's: same start, records and flags; each reads the other's files.

GLOVE_SOURCE names a checkout of github.com/stanfordnlp/GloVe.
"""

import os
import re
import subprocess

import numpy as np
import pytest
from test_cli_glove_training import make_inputs

from wordvec import load

pytestmark = pytest.mark.rivals

COST = re.compile(rb"iter: (\d+), cost: ([\d.]+)")
FLAGS = ["-vector-size", "9", "-threads", "1", "-seed", "7", "-binary", "2", "-x-max", "10"]


@pytest.fixture
def stanford(stanford_tools):
    return stanford_tools / "glove"


@pytest.fixture
def both(stanford, wordvec, tmp_path):
    """Run both with the same flags; the folders of their files and their costs."""
    make_inputs(tmp_path)

    def run(*flags):
        line = [*FLAGS, *map(str, flags)]
        costs = []
        for name in ("theirs", "ours"):
            (tmp_path / name).mkdir(exist_ok=True)
            files = ["-save-file", f"{name}/v", "-gradsq-file", f"{name}/g"]
            if name == "theirs":
                done = subprocess.run(
                    [stanford, *files, *line], cwd=tmp_path, capture_output=True, check=True
                )
            else:
                done = wordvec("glove", "glove", *files, *line)
                assert done.returncode == 0, done.stderr
            costs.append([float(cost) for _, cost in COST.findall(done.stderr)])
            assert b"TRAINING MODEL\nRead 2000 lines.\nInitializing" in done.stderr
        return tmp_path / "theirs", tmp_path / "ours", costs

    return run


@pytest.mark.parametrize("model", [0, 1, 2, 3])
@pytest.mark.parametrize("header", [0, 1])
def test_same_numbers_in_the_same_files(both, model, header):
    theirs, ours, costs = both(
        "-iter", 4, "-model", model, "-write-header", header, "-checkpoint-every", 2,
        "-save-init-param", 1,
    )  # fmt: skip
    np.testing.assert_allclose(costs[1], costs[0], rtol=1e-4)
    assert sorted(os.listdir(theirs)) == sorted(os.listdir(ours))
    for name in os.listdir(theirs):
        if name.endswith(".bin"):
            a, b = (np.fromfile(folder / name) for folder in (theirs, ours))
            np.testing.assert_allclose(b, a, rtol=2e-3, atol=2e-4)
            continue
        a, b = ((folder / name).read_bytes().split(b"\n") for folder in (theirs, ours))
        assert len(a) == len(b) and a[-1] == b[-1] == b""
        for line, other in zip(a[:-1], b[:-1], strict=True):
            assert line.split(b" ")[0] == other.split(b" ")[0]
            x, y = (np.array(text.split(b" ")[1:], float) for text in (line, other))
            np.testing.assert_allclose(y, x, rtol=2e-3, atol=2e-4)


def test_each_goes_on_from_the_other(both, stanford, wordvec, tmp_path):
    theirs, ours, _ = both("-iter", 4, "-checkpoint-every", 2)
    flags = [*FLAGS, "-iter", "2", "-load-init-param", "1", "-load-init-gradsq", "1"]
    done = wordvec(
        "glove", "glove", *flags, "-init-param-file", theirs / "v.002.bin",
        "-init-gradsq-file", theirs / "g.002.bin", "-save-file", "o",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    subprocess.run(
        [stanford, *flags, "-init-param-file", ours / "v.002.bin", "-init-gradsq-file",
         ours / "g.002.bin", "-save-file", "s"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    whole = np.fromfile(theirs / "v.bin")
    for name in ("o.bin", "s.bin"):
        np.testing.assert_allclose(np.fromfile(tmp_path / name), whole, rtol=2e-3, atol=3e-4)
    assert np.array_equal(load(ours / "v.txt").words, load(theirs / "v.txt").words)


def test_missing_files_are_told_alike(stanford, wordvec, tmp_path):
    for flags in (["-vocab-file", "none"], ["-input-file", "none"]):
        make_inputs(tmp_path)
        theirs = subprocess.run([stanford, *flags], cwd=tmp_path, capture_output=True)
        ours = wordvec("glove", "glove", *flags)
        assert (ours.returncode, ours.stderr) == (theirs.returncode, theirs.stderr)
