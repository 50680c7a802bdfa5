"""The suites plan and iterables of bench: which rows their runs give."""

import pytest
import test_bench  # noqa: F401 - makes bench importable

from bench import iterables, plans, report


def test_the_worst_job_decides():
    runs = [
        {"record": "plan", "memory": -0.04, "cpu": 0.1, "wall": None},
        {"record": "plan", "memory": 0.02, "cpu": -0.3, "wall": 0.2},
    ]
    found = {row["what"].split(":")[0]: row for row in plans.rows(runs)}
    assert found["memory"]["figure"] == 0.04 and found["memory"]["verdict"] == "aim"
    assert found["cpu"]["verdict"] == "missed" and found["wall"]["verdict"] == "must"
    assert found["wall"]["jobs"] == 1
    assert "worst of all jobs" in report.markdown(list(found.values()))


def test_commands_fit_their_plans(tmp_path):
    text = tmp_path / "t"
    for job in plans.JOBS:
        command = plans.command_of(job, text, 3, ["wordvec"])
        assert str(text) in command and command.count("3") == 1


def test_ratios_of_iterables_are_within_a_round(tmp_path):
    def run(cpu, wall):
        return {"n_tokens": 100, "cpu_s": cpu, "wall_s": wall, "call_cpu_s": 2 * cpu}

    rounds = [{"file, 1": run(1.0, 2.0), "lists, 1": run(1.25, 2.0), "lists, 2": run(1.4, 1.0)}]
    found = iterables.rows("lines", rounds)
    assert [row["median_ratio"] for row in found] == pytest.approx([0.8, 1, 0.8, 2])
    assert [row["verdict"] for row in found] == ["must", "aim", "-", "aim"]
    source = tmp_path / "a"
    source.write_text("a b c\nd e f g\n")
    short = iterables.write_short_sentences(source, tmp_path / "b")
    assert short.read_text() == "a b c d e\nf g\n"
