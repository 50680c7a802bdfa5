"""The suite `fasttext` of bench/: what its lines say, and a tiny run of its cheapest rows."""

import json
import shutil
import sys

import pytest
from fasttext_data import labelled_lines

pytest.importorskip("bench", reason="bench/ is not here")
from bench import fasttext, fasttext_answers, fasttext_files, fasttext_rows, measure, rivals
from bench.fasttext_rows import BITS, ERROR, LINES, PRECISION, RATE, SCORES, TIMES, Goal, Row
from bench.report import markdown


def answers(*values):
    return [{"answer": value} for value in values]


def test_precision_is_judged_by_means_over_three_seeds():
    theirs = answers(0.60, 0.61, 0.59)
    assert fasttext_answers.agreement(PRECISION, answers(0.6, 0.59, 0.6), theirs)["same"] == "yes"
    assert fasttext_answers.agreement(PRECISION, answers(0.59, 0.59, 0.6), theirs)["same"] == "no"
    assert fasttext_answers.agreement(PRECISION, answers(0.7), theirs[:1])["same"] == "-"


@pytest.mark.parametrize(
    ("kind", "ours", "theirs", "expected"),
    [
        (BITS, ["a", "a"], ["a"], "yes"),
        (BITS, ["a", "a"], ["b"], "no"),
        (BITS, ["a"], [], "-"),
        ("", [[1, 2], [1, 2]], [], "yes"),
        ("", [[1, 2], [1, 3]], [], "no"),
        (LINES, [1.0, 0.9995], [], "yes"),
        (LINES, [1.0, 0.99], [], "no"),
        (ERROR, [101.0], [100.0], "yes"),
        (ERROR, [102.0], [100.0], "no"),
        (SCORES, [{"analogy": 3.0}], [{"analogy": 2.0}], "-"),
    ],
)
def test_answers(kind, ours, theirs, expected):
    assert fasttext_answers.agreement(kind, answers(*ours), answers(*theirs))["same"] == expected


def test_lines_are_compared_one_by_one(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("a\nb\nc\nd\n")
    other.write_text("a\nx\nc\n")
    assert fasttext_answers.equal_lines(one, one) == 1
    assert fasttext_answers.equal_lines(one, other) == 0.5


def test_ratio_is_the_median_of_the_rounds():
    row = Row("n", "what", "supervised", goal=Goal(5, 8))
    ours = [{"cpu_s": 1.0}, {"cpu_s": 2.0}, {"cpu_s": 1.0}]
    theirs = [{"cpu_s": 6.0}, {"cpu_s": 20.0}, {"cpu_s": 7.0}]
    assert fasttext.figures(row, ours, theirs) == (1.0, 7.0)
    assert fasttext.verdict(7.0, row.goal, TIMES) == "must"


def test_smaller_times_are_better_and_larger_rates():
    assert fasttext.verdict(15.0, Goal(60, 20), fasttext_rows.NANOSECONDS) == "aim"
    assert fasttext.verdict(61.0, Goal(60, 20), fasttext_rows.NANOSECONDS) == "missed"
    assert fasttext.verdict(30.0, Goal(20, 35), RATE) == "must"
    row = Row("n", "what", job="lists", unit=RATE)
    assert fasttext.figures(row, [{"cpu_s": 0.5, "n_tokens": 10**7}], []) == (20, 20)


def test_rows_are_well_formed():
    assert len(set(fasttext_rows.NAMES)) == len(fasttext_rows.ROWS)
    for row in fasttext_rows.ROWS:
        assert bool(row.command) != bool(row.job), row.name
        assert row.answers != PRECISION or row.test, row.name


def test_without_the_original_there_is_one_line(tmp_path, monkeypatch):
    monkeypatch.delenv(rivals.FASTTEXT_SOURCE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(measure.BenchError, match="no original to compare with: name the folder"):
        rivals.find_fasttext(tmp_path)
    monkeypatch.setenv(rivals.FASTTEXT_SOURCE, str(tmp_path))
    with pytest.raises(measure.BenchError, match="is not fastText's source"):
        rivals.find_fasttext(tmp_path)


def test_without_data_or_disk_there_is_one_line(tmp_path):
    files = fasttext_files.Files(tmp_path / "text", tmp_path, [], tmp_path, 10, 10)
    with pytest.raises(measure.BenchError, match="name the folder of data sets in WORDVEC_DATA"):
        files.path("trec.train")
    with pytest.raises(measure.BenchError, match="this row needs 1e\\+12 GB"):
        files.need_disk(1e12)


def test_made_texts(tmp_path):
    text = tmp_path / "text"
    text.write_text(" ".join(f"word{i}" for i in range(16 * 60)))
    files = fasttext_files.Files(text, tmp_path, [], tmp_path, 0, 50)
    lines = files.path("lines").read_text().splitlines()
    held_out = files.path("lines.valid").read_text().splitlines()
    assert (len(lines), len(held_out)) == (51, 1) or (len(lines), len(held_out)) == (50, 2)
    assert all(line.startswith("__label__") and len(line.split()) == 17 for line in lines)
    bare = files.path("lines.words").read_text().splitlines()
    assert bare == [line.split(maxsplit=1)[1] for line in lines]
    assert files.path("unseen").read_text().split()[0] == "0drow"
    assert files.fill("x @lines -y @output", "out") == ["x", str(files.path("lines")), "-y", "out"]


@pytest.mark.skipif(not shutil.which("taskset"), reason="no taskset")
def test_a_program_can_be_held_to_one_core(tmp_path):
    code = "import os; print(len(os.sched_getaffinity(0)))"
    run = measure.run_program([sys.executable, "-c", code], tmp_path, n_cores=1)
    assert run.output == "1"
    run = measure.run_program([sys.executable, "-c", code], tmp_path, output=tmp_path / "said")
    assert run.output == "" and int((tmp_path / "said").read_text()) >= 1


def test_a_tiny_run(tmp_path, monkeypatch, command_environment):
    """Rows of both kinds from files to table; our own command stands in for the original."""
    main = pytest.importorskip("bench.__main__")
    if "PYTHONPATH" in command_environment:
        monkeypatch.setenv("PYTHONPATH", command_environment["PYTHONPATH"])
    ours = f"{sys.executable} -P -m wordvec_cli"
    (tmp_path / "bin").mkdir()
    stand_in = tmp_path / "bin" / "fasttext"
    stand_in.write_text(f'#!/bin/sh\nexec {ours} fasttext "$@"\n')
    stand_in.chmod(0o755)
    monkeypatch.delenv(rivals.FASTTEXT_SOURCE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    data = tmp_path / "data" / "classify"
    data.mkdir(parents=True)
    for name in ("trec.train", "trec.valid"):
        (data / name).write_text("\n".join(labelled_lines(60)) + "\n")
    monkeypatch.setenv("WORDVEC_DATA", str(data.parent))
    (tmp_path / "text").write_text("a bb ccc\n" * 200)
    found = tmp_path / "found.jsonl"
    code = main.main([
        "fasttext", "--rounds", "1", "--only", "trec,ngram-ids", "lists,lists-korean", "--corpus",
        str(tmp_path / "text"), "--wordvec", ours, "--simd", "default", "baseline", "--json",
        str(found),
    ])  # fmt: skip
    records = [json.loads(line) for line in found.read_text().splitlines()]
    lines = {r["name"]: r for r in records if r["record"] == "fasttext"}
    assert set(lines) == {"trec", "ngram-ids", "lists", "lists-korean"}
    assert 0.1 < lines["trec"]["figure"] < 10 and "P@1" in lines["trec"]["quality"]
    assert lines["ngram-ids"]["same"] == lines["lists"]["same"] == "yes"
    assert "kowiki1m.txt.xz" in lines["lists-korean"]["error"]
    assert code == 1  # the original is not slower than itself
    assert "| ngram-ids |" in markdown(records)
    assert main.main(["fasttext", "--only", "nonsense", "--corpus", str(tmp_path / "text")]) == 2
