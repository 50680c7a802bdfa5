"""The suite `use` of bench/: what its lines say, and a tiny run of it."""

import json
import sys

import pytest

pytest.importorskip("bench", reason="bench/ is not here")
from bench import report, use, use_rows
from bench.use_rows import MEMORY, SECONDS, THREADS, TIMES, Goal, Row
from wordvec.formats import FORMATS

HAS_OWN = any(one.NAME == "wordvec" for one in FORMATS)
ROWS_WITHOUT_PEER = ["memory", "open"] if HAS_OWN else ["memory"]


def row(unit, *goals, peer=None):
    return Row("n", "what", "job", {}, unit, *goals, peer=peer)


def runs(*seconds, **more):
    return [{"cpu_s": s, "wall_s": 2 * s, "simd": "avx512", **more} for s in seconds]


def test_ratio_is_best_over_best():
    line = use.line_of(
        row(TIMES, Goal(5, 8), Goal(2, 3), peer={}),
        {"default": runs(2.0, 1.0), "avx2": runs(4.0, 5.0)},
        runs(9.0, 8.0),
    )
    assert (line["figure"], line["figure_avx2"], line["peer"]) == (8.0, 2.0, 8.0)
    assert (line["verdict"], line["verdict_avx2"]) == ("aim", "must")


def test_peers_with_fewer_queries_are_scaled():
    ours = runs(1.0, n_queries=1000)
    line = use.line_of(
        row(TIMES, Goal(5, 10), peer={}), {"default": ours, "avx2": ours}, runs(0.7, n_queries=100)
    )
    assert line["figure"] == pytest.approx(7) and line["verdict"] == "must"


def test_without_avx512_the_avx2_goal_counts():
    slow = [{**run, "simd": "avx2"} for run in runs(1.0)]
    line = use.line_of(
        row(TIMES, Goal(50, 65), Goal(15, 18), peer={}), {"default": slow, "avx2": slow}, runs(16.0)
    )
    assert line["verdict"] == line["verdict_avx2"] == "must"


@pytest.mark.parametrize(
    ("figure", "goal", "unit", "expected"),
    [
        (0.02, Goal(0.06, 0.05), SECONDS, "aim"),
        (0.055, Goal(0.06, 0.05), SECONDS, "must"),
        (1.3, Goal(1.2, 1.05), MEMORY, "missed"),
        (1.8, Goal(1.7, 1.9), THREADS, "must"),
        (21.0, Goal(None, 20), TIMES, "aim"),
        (19.0, Goal(None, 20), TIMES, "-"),
        (19.0, Goal(), TIMES, "-"),
    ],
)
def test_verdicts(figure, goal, unit, expected):
    assert use.verdict(figure, goal, unit) == expected


def test_two_threads_go_by_the_clock():
    line = use.line_of(row(THREADS, Goal(1.7, 1.9)), {"default": runs(3.0), "two": runs(1.5)}, [])
    assert (line["figure"], line["verdict"]) == (2.0, "aim")


def test_peak_memory_is_of_the_matrix():
    kept = runs(1.0, max_rss_bytes=110, matrix_bytes=100)
    line = use.line_of(row(MEMORY, Goal(1.2, 1.05)), {"default": kept, "avx2": kept}, [])
    assert line["figure"] == pytest.approx(1.1) and line["verdict"] == "must"


def test_other_answers_are_a_failure():
    ours = {"default": runs(1.0, check="a"), "avx2": runs(1.0, check="a")}
    some = row(TIMES, Goal(2, 3), peer={})
    assert use.line_of(some, ours, runs(9.0, check="a"))["verdict"] == "aim"
    line = use.line_of(some, ours, runs(9.0, check="b"))
    assert line["verdict"] == "fail" and report.missed([line])
    ours["avx2"] = runs(1.0, check="c")
    assert use.line_of(some, ours, runs(9.0, check="a"))["verdict"] == "fail"


def test_neighbours_are_compared_query_by_query():
    a, b = [["x", "y"], ["z"], ["v"]], [["x", "y"], ["z"]]
    assert use.agreement([{"neighbours": a}], [{"neighbours": b}])["same"] == "yes"
    found = use.agreement([{"neighbours": a}], [{"neighbours": [["x", "y"], ["w"]]}])
    assert found == {"same": "no", "share_of_equal_lists": 0.5}


def test_rows_are_well_formed():
    assert len(set(use_rows.NAMES)) == len(use_rows.ROWS)
    for one in use_rows.ROWS:
        assert (one.peer is not None) == (one.unit == TIMES), one.name


def test_a_tiny_run(tmp_path, monkeypatch, command_environment):
    """Files, workers, table and exit code, on rows that need no peer."""
    main = pytest.importorskip("bench.__main__")
    if "PYTHONPATH" in command_environment:
        monkeypatch.setenv("PYTHONPATH", command_environment["PYTHONPATH"])
    (tmp_path / "text").write_text("a b c\n" * 50)
    found = tmp_path / "found.jsonl"
    code = main.main([
        "use", "--rows", "400", "--rounds", "2", "--only", *ROWS_WITHOUT_PEER, "--corpus",
        str(tmp_path / "text"), "--wordvec", f"{sys.executable} -P -m wordvec_cli", "--json",
        str(found),
    ])  # fmt: skip
    records = [json.loads(line) for line in found.read_text().splitlines()]
    lines = {r["name"]: r for r in records if r["record"] == "use"}
    assert set(lines) == set(ROWS_WITHOUT_PEER) and "error" not in str(lines)
    assert lines["memory"]["figure"] > 1 and lines["memory"]["same"] == "yes"
    assert all(0 < lines[name]["figure"] < 9 for name in ROWS_WITHOUT_PEER if name != "memory")
    assert code == 1  # of so small a matrix, memory is mostly the interpreter's
    assert "| memory | peak memory" in report.markdown(records)
