"""`wordvec train` and `wordvec.train`: the real program on small text, files with unseen words."""

import json
import signal
import subprocess
import time

import numpy as np
import pytest

import wordvec as library
from wordvec import centring

SMALL = ["--vector-size", "16", "--epochs", "2", "--workers", "1"]


def test_text_to_file_and_back(wordvec, text, tmp_path):
    done = wordvec("train", text, *SMALL)
    assert done.returncode == 0, done.stderr
    out = done.stdout.decode()
    for piece in (
        "as given",
        "expected:",
        "neighbours:",
        "next:",
        "text.wordvec",
        "not trained on",
    ):
        assert piece in out
    assert b"little text" in done.stderr and b"\r" not in done.stdout + done.stderr
    vectors = library.load(tmp_path / "text.wordvec")
    assert vectors.dim == 16 and "kingly" not in vectors.words
    assert vectors["kingly"].any() and vectors.metadata["rules"] == "1"
    assert abs(vectors.matrix.mean(axis=0)).max() < 1e-5
    neighbours = wordvec("nn", "text.wordvec", "kingly", "--text")
    assert neighbours.returncode == 0 and neighbours.stdout.count(b"\n") == 10
    assert wordvec("train", text, *SMALL).returncode == 0  # over its own file


def test_json_formats_and_scores(wordvec, text, tmp_path):
    folder = tmp_path / "sets"
    folder.mkdir()
    rows = "\n".join(f"w{k}\tw{k + 1}\t{k % 7}" for k in range(60))
    (folder / "pairs.tsv").write_text(rows + "\n")
    done = wordvec("train", text, *SMALL, "-o", "v.bin", "--json", "--eval", folder)
    found = json.loads(done.stdout)
    assert found["dim"] == 16 and len(found["neighbours"]) == 6 and found["held_out_losses"]
    assert list(found["scores"]) and (tmp_path / "v.bin").stat().st_size == found["n_bytes"]


@pytest.mark.parametrize(
    "content, options, piece",
    [
        (b"few words only " * 12, [], b"words of text"),
        (bytes(range(256)) * 400, ["--min-count", "1"], b""),
        (b"ab\x01c d\x02e " * 20_000, [], b"binary"),
        (b"", [], b"empty"),
    ],
)
def test_no_text(wordvec, tmp_path, content, options, piece):
    (tmp_path / "t").write_bytes(content)
    done = wordvec("train", "t", "-o", "v.wordvec", *options)
    assert done.returncode == 1 and done.stderr.count(b"\n") == 1 and piece in done.stderr
    assert not (tmp_path / "v.wordvec").exists()


def test_fifty_words_when_told_to(wordvec, tmp_path):
    (tmp_path / "t").write_bytes(b"a tale of fifty words about one small cat " * 6)
    done = wordvec("train", "t", "--force", *SMALL)
    assert done.returncode == 0 and b"little text" in done.stderr


def test_budgets(wordvec, text):
    done = wordvec("train", text, "--time-budget", "1ms")
    assert done.returncode == 2 and b"--time-budget" in done.stderr
    done = wordvec("train", text, "--time-budget", "0.001s")
    assert done.returncode == 2 and b"at least" in done.stderr
    done = wordvec("train", text, "--memory", "1M")
    assert done.returncode == 2 and b"memory" in done.stderr


def test_one_line_and_copies(text, tmp_path, caplog):
    words = text.read_text().split()
    one_line = tmp_path / "line"
    one_line.write_text(" ".join(words * 3))
    library.train(str(one_line), vector_size=8, epochs=1, workers=1)
    assert "on one line" in caplog.text
    caplog.clear()
    many = tmp_path / "many"
    many.write_text("".join(text.read_text().splitlines(keepends=True)[:200]) * 60)
    vectors = library.train(str(many), vector_size=8, workers=1)
    assert "about 60 times" in caplog.text and vectors.metadata["models"][0]["epochs"] == 1


@pytest.mark.parametrize("preset", ["fast", "default", "semantic"])
def test_mean_removal_is_undone(text, tmp_path, preset):
    vectors = library.train(str(text), preset=preset, vector_size=8, epochs=1, workers=1)
    path = tmp_path / "v.wordvec"
    library.save(vectors, path)
    loaded = library.load(path)
    assert np.array_equal(loaded.matrix, vectors.matrix)
    if preset == "fast":
        assert loaded.subwords is None
    else:
        assert np.array_equal(loaded["kingdom"], vectors["kingdom"])
        assert len(loaded["kingdom"]) == loaded.dim
    before = np.array(loaded.matrix)
    centring.restore_mean(loaded)
    assert "mean_removed" not in loaded.metadata
    if preset != "semantic":
        centring.remove_mean(loaded)
        assert np.allclose(loaded.matrix, before, atol=1e-5)
    with pytest.raises(ValueError):
        centring.restore_mean(loaded) if preset == "semantic" else centring.remove_mean(loaded)


def test_ctrl_c_saves_what_is_there(command, command_environment, text, tmp_path):
    process = subprocess.Popen(
        [*command, "train", str(text), "--epochs", "10000", "--workers", "1", "-o", "v.wordvec"],
        cwd=tmp_path, env=command_environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    while b"expected:" not in process.stdout.readline():
        assert process.poll() is None
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and b"Interrupted" in out
    assert library.load(tmp_path / "v.wordvec").metadata["interrupted"] is True
