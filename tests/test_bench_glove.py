"""The suite `glove` of bench/: what its lines say, and how two files of records are compared."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("bench", reason="bench/ is not here")
from bench import __main__ as entry
from bench import glove, report, rivals
from bench.glove import OURS, STANFORD, TWO, Row
from bench.measure import BenchError
from bench.use_rows import THREADS, Goal


def runs(*seconds):
    return [{"cpu_s": s, "wall_s": 3 * s} for s in seconds]


def job(bench, who):
    return runs({OURS: 1.0, STANFORD: 6.0, TWO: 0.6}[who])[0]


def test_best_over_best():
    row = Row("n", "what", job, goal=Goal(5, 7))
    line = glove.line_of(row, {OURS: runs(1.5, 1.0), STANFORD: runs(6.0, 9.0)}, [{"same": "yes"}])
    assert (line["figure"], line["verdict"], line["same"]) == (6.0, "must", "yes")
    line = glove.line_of(row, {OURS: runs(1.0), STANFORD: runs(4.0)}, [])
    assert line["verdict"] == "missed"
    line = glove.line_of(row, {OURS: runs(1.0), STANFORD: runs(8.0)}, [{"same": "no"}])
    assert line["verdict"] == "fail" and report.missed([line])


def test_one_round_that_differs_is_enough():
    row = Row("n", "what", job, goal=Goal(5, 7))
    checks = [{"same": "yes"}, {"same": "no"}, {"same": "yes"}]
    line = glove.line_of(row, {OURS: runs(1.0), STANFORD: runs(8.0)}, checks)
    assert line["same"] == "no" and line["verdict"] == "fail"


def test_threads_are_compared_by_the_clock():
    row = Row("n", "what", job, THREADS, Goal(1.7, 1.9), (OURS, TWO))
    line = glove.line_of(row, {OURS: runs(1.0), TWO: runs(0.5)}, [])
    assert line["ours"] == 3.0 and line["figure"] == 2.0 and line["verdict"] == "aim"


def test_a_suite_of_one_row(tmp_path):
    results = report.Results(tmp_path / "r.jsonl")
    bench = glove.Bench(Path("text"), tmp_path, ["wordvec"], tmp_path)
    rows = [Row("n", "what", job, goal=Goal(5, 7), check=lambda bench: {"same": "yes"})]
    glove.glove_suite(bench, rows, 2, results)
    assert [record["record"] for record in results.records] == ["glove-run"] * 4 + ["glove"]
    assert "| n | what |" in report.markdown(results.records)


@pytest.mark.parametrize("change, expected", [
    (None, (True, True, 0.0)), ((0, "value", 8.0), (False, True, 0.0)),
    ((5, "value", 3.0), (False, True, 2.0)), ((9, "column", 4), (False, False, 0.0)),
])  # fmt: skip
def test_files_of_records_are_compared(tmp_path, change, expected):
    records = np.ones(10, np.dtype([("row", "<i4"), ("column", "<i4"), ("value", "<f8")]))
    records.tofile(tmp_path / "b")
    if change is not None:
        place, name, value = change
        records[name][place] = value
    records.tofile(tmp_path / "a")
    bench = glove.Bench(Path("text"), tmp_path, [], tmp_path)
    found = bench.compared("a", "b")
    names = ("same_bytes", "same_pairs", "largest_difference")
    assert tuple(found[name] for name in names) == expected and found["n_records"] == 10
    records[:9].tofile(tmp_path / "a")
    assert bench.compared("a", "b")["same_pairs"] is False


def test_programs_get_their_files(tmp_path):
    (tmp_path / "in").write_bytes(b"words")
    (tmp_path / "vocab_count").write_text("#!/bin/sh\necho $1; cat")
    (tmp_path / "vocab_count").chmod(0o755)
    bench = glove.Bench(Path("text"), tmp_path, [], tmp_path)
    run = bench.tool(STANFORD, "vocab_count", ["-x"], "in", "out")
    assert (tmp_path / "out").read_bytes() == b"-x\nwords" and run.cpu_s >= 0


def test_where_stanfords_source_must_be(tmp_path):
    with pytest.raises(BenchError, match="GLOVE_SOURCE"):
        rivals.build_glove(tmp_path, tmp_path)
    assert "glove" in entry.SUITES
