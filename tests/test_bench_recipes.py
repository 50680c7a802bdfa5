"""Which rows the runs of recipes give, and what they say."""

import pytest
import test_bench  # noqa: F401 - makes bench importable

from bench import recipes, report


def run(name, text="all", seed=1, **values):
    measures = {"mean": 57.5, "sem": 50.0, "cpu_s": 100.0, "training_wall_s": 10.0, **values}
    return {"record": "recipe", "name": name, "text": text, "seed": seed, **measures}


def row(found, what):
    return next(r for r in found if r["what"] == what)


def test_rows_are_means_over_the_seeds_against_the_originals():
    records = [
        run("default", mean=57.0, plan_cpu=-0.2, plan_wall=0.1, plan_memory=0.01),
        run("default", seed=2, mean=58.0, cpu_s=120.0, plan_cpu=0.3, plan_wall=0.1,
            plan_memory=0.06),
        run(recipes.WORD2VEC, seed=0, mean=44.0, cpu_s=250.0),
        run("default", "first", training_wall_s=19.0),
        run(recipes.TWO, "first", training_wall_s=10.0),
    ]  # fmt: skip
    found = recipes.rows(records)
    mean = row(found, "default: mean")
    assert (mean["figure"], mean["seeds"], mean["verdict"]) == (57.5, 2, "must")
    cpu = row(found, "default: CPU, of word2vec.c's")
    assert cpu["figure"] == pytest.approx(0.44) and cpu["verdict"] == "must"
    assert row(found, "two threads against one: wall")["verdict"] == "aim"
    assert row(found, "plan_cpu: worst of all runs")["verdict"] == "missed"
    assert row(found, "plan_memory: worst of all runs")["verdict"] == "must"
    assert not [r for r in found if "fastText" in r["what"]]  # it was not run
    assert "default: mean" in report.markdown([*records, *found])


def test_every_goal_has_its_trial():
    planned = recipes.trials(recipes.NAMES, 3)
    assert len(planned) == len(set(planned))
    for goal in recipes.GOALS:
        for name in filter(None, (goal.name, goal.against)):
            text = "first" if name == recipes.TWO else goal.text
            assert any(t.name == name and t.text == text for t in planned)


def test_earlier_runs_are_not_run_again(tmp_path):
    text = tmp_path / "text"
    text.write_text("a b c\n")
    earlier = tmp_path / "earlier.jsonl"
    results = report.Results(earlier)
    results.add({**run("fast"), "corpus_bytes": text.stat().st_size})
    bench = recipes.prepare(text, tmp_path, tmp_path, ["no-such-program"], None)
    again = report.Results(tmp_path / "again.jsonl")
    recipes.recipes_suite(again, ["fast"], 1, bench, [earlier])
    assert [r["record"] for r in again.records] == ["recipe", *["recipe-row"] * 1]
    with pytest.raises(recipes.BenchError):
        recipes.recipes_suite(again, ["fast"], 2, bench, [earlier])
