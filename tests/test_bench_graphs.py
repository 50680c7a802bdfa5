"""The suite graphs on a small graph, with the real program."""

import sys

import pytest
import test_bench  # noqa: F401 - makes bench importable

from bench import graphs, report


def small_bench(tmp_path, **more):
    data = tmp_path / "data"
    data.mkdir()
    pairs = [(f"{g}{a}", f"{g}{b}") for g in "xy" for a in range(10) for b in range(a)]
    (data / "small.edges").write_text("".join(f"{a}\t{b}\n" for a, b in [*pairs, ("x0", "y0")]))
    (data / "small.labels").write_text("".join(f"{g}{k}\t{g}\n" for g in "xy" for k in range(10)))
    ours = [sys.executable, "-P", "-m", "wordvec_cli"]
    return graphs.Bench(data, tmp_path, ours, 1, None, **more)


def test_a_row_is_trained_and_judged(tmp_path, command_environment, monkeypatch):
    if "PYTHONPATH" in command_environment:
        monkeypatch.setenv("PYTHONPATH", command_environment["PYTHONPATH"])
    bench = small_bench(tmp_path, n_nodes=300, n_edges=3000)
    figure = graphs.classes("small", 2, "--epochs", "3", "--dim", "16")
    row = graphs.Row("small", "two groups", 0.9, 0.99, figure)
    record = graphs.record_of(row, *row.figure(bench), 1)
    assert record["verdict"] in ("must", "aim") and record["cpu_s"] > 0
    assert "two groups" in report.markdown([record])
    beside, told = graphs.memory(bench)
    assert told["n_nodes"] == 300 and told["n_steps"] > 300 * 70 and 5 < beside < 500
    with pytest.raises(graphs.BenchError, match=r"no missing\.edges"):
        bench.graph("missing")


def test_smaller_is_better_where_it_says_so():
    row = next(row for row in graphs.ROWS if row.name == "memory")
    assert [graphs.record_of(row, mb, {}, 1)["verdict"] for mb in (90, 150, 201)] == [
        "aim", "must", "missed",
    ]  # fmt: skip
