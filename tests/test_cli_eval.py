"""`wordvec eval`, run as a program."""

import json

import numpy as np
import pytest

import wordvec as library
from wordvec import Vectors, evaluate

WORDS = ["man", "king", "woman", "queen", "dog", "cat", "red", "blue"]


@pytest.fixture
def folder(tmp_path):
    """Two files of vectors and a folder of sets."""
    rng = np.random.default_rng(1)
    for name in ("one.bin", "two.txt"):
        matrix = rng.normal(size=(len(WORDS), 5)).astype(np.float32)
        library.save(Vectors(WORDS, matrix), tmp_path / name)
    sets = tmp_path / "sets"
    sets.mkdir()
    (sets / "questions.txt").write_text(
        ": family\nMan King woman queen\nman king woman absent\n: gram1\ndog cat red blue\n"
    )
    (sets / "pairs.tsv").write_text("man\tking\t3\ndog\tcat\t5\nred\tman\t1\nno\tone\t2\n")
    (sets / "kinds.tsv").write_text("man\tx\nking\tx\ndog\ty\ncat\ty\n")
    return tmp_path


def test_several_files_side_by_side(wordvec, folder):
    done = wordvec("eval", "one.bin", "sets", "two.txt", "--overlap", "2", "--bootstrap", "50",
                   "--sections")  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    out = done.stdout.decode()
    lines = out.splitlines()
    assert lines[0] == "[1] one.bin: 8 words, 5 dimensions" and lines[1].startswith("[2] two.txt")
    rows = {line.split()[0]: line.split() for line in lines if line[:1] not in ("[", "")}
    assert rows["questions"][1] == "3" and rows["questions"][3] == "33.3"  # OOV: one of three
    assert rows["pairs"][1] == "4" and rows["pairs"][-1] == "25.0"
    assert rows["kinds"][1] == "4" and len(rows["kinds"]) == 2 + 2 * 3
    assert "semantic" in rows and "gram1" in rows
    assert "Neighbour overlap with [1]" in out and lines[-1].startswith("[2]  ")
    assert max(map(len, lines)) <= 140


def test_json_has_every_count(wordvec, folder):
    done = wordvec("eval", "one.bin", "two.txt", "sets", "--json", "--bootstrap", "20")
    report = json.loads(done.stdout)
    first, second = report["files"]
    vectors = library.load(folder / "one.bin")
    questions, pairs, kinds = (
        evaluate.read_set(folder / "sets" / name)
        for name in ("questions.txt", "pairs.tsv", "kinds.tsv")
    )
    total = evaluate.evaluate_analogies(vectors, questions).total
    assert first["analogies"][0]["total"]["n_correct"] == total.n_correct
    assert (total.n_seen, total.n_skipped) == (2, 1)
    similarity = evaluate.evaluate_pairs(vectors, pairs, n_resamples=20)
    assert first["similarity"][0]["spearman"] == similarity.spearman
    assert first["similarity"][0]["pearson_interval"]["n_resamples"] <= 20
    purity = evaluate.evaluate_categories(vectors, kinds).purity
    assert first["categories"][0]["purity"] == purity
    assert second["file"] == "two.txt" and second["overlap_with_first"] is None


def test_without_sets_neighbours_are_compared(wordvec, folder):
    done = wordvec("eval", "one.bin", "one.bin")
    assert done.returncode == 0 and done.stdout.decode().endswith("[2]  100.0  over 8 words\n")


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        (["one.bin"], 2, "nothing to score: name an evaluation set"),
        (["sets"], 2, "no file of word vectors among sets"),
        (["one.bin", "absent"], 1, "absent: No such file or directory"),
        (["one.bin", "readme"], 1, "readme: expected a file of word vectors"),
        (["one.bin", "-s", "readme"], 1, "readme: line 1: expected an evaluation set"),
        (["one.bin", "-s", "empty"], 1, "empty: expected an evaluation set, found no lines"),
        (["one.bin", "nothing"], 1, "nothing: expected a folder with evaluation sets"),
        (["one.bin", "sets/pairs.tsv", "--layout", "questions"], 1, "line 1: expected four words"),
        (["one.bin", "sets", "--restrict", "-1"], 2, "--restrict"),
        ([], 2, "Missing argument"),
    ],
)
def test_errors_are_one_line(wordvec, folder, arguments, code, message):
    (folder / "readme").write_text("This is no set, as everybody who reads it sees at once.\n")
    (folder / "empty").write_text("")
    (folder / "nothing").mkdir()
    done = wordvec("eval", *arguments)
    line = done.stderr.decode()
    assert (done.returncode, done.stdout) == (code, b"")
    assert line.startswith("wordvec eval: ") and message in line and line.count("\n") == 1


def test_files_of_a_folder_that_are_no_sets_are_named(wordvec, folder):
    (folder / "sets" / "README").write_text("Where these sets come from, and who made them.\n")
    done = wordvec("eval", "one.bin", "sets")
    assert done.returncode == 0 and done.stderr.decode().startswith("wordvec eval: note: left out")
    assert b"README" in done.stderr and done.stderr.count(b"\n") == 1


def test_a_set_without_usable_entries(wordvec, folder):
    (folder / "pairs").write_text("no\tone\t1\nknows\tthese\t2\n")
    done = wordvec("eval", "one.bin", "pairs")
    assert done.returncode == 0
    assert [line.split() for line in done.stdout.decode().splitlines() if "pairs " in line][1] == [
        "pairs", "2", "-", "-", "100.0",
    ]  # fmt: skip
    report = json.loads(wordvec("eval", "one.bin", "pairs", "--json", "--bootstrap", "5").stdout)
    assert report["files"][0]["similarity"][0]["spearman"] is None


def test_restrict_and_case(wordvec, folder):
    def seen(*arguments):
        done = wordvec("eval", "one.bin", "sets/questions.txt", "--json", *arguments)
        return json.loads(done.stdout)["files"][0]["analogies"][0]["total"]["n_seen"]

    assert [seen(), seen("--case-sensitive"), seen("--restrict", "4")] == [2, 1, 1]
    assert seen("--restrict", "0", "--method", "3cosmul") == 2
