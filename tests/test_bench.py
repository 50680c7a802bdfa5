"""The parts of bench/ that decide what a measurement says: meter, texts, scores, verdicts."""

import importlib.util
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parent.parent
EVALUATE = ROOT / "bench" / "evaluate.py"
if "bench" not in sys.modules:
    # Not by sys.path: the repository's root there would hide the installed wordvec.
    spec = importlib.util.spec_from_file_location(
        "bench", ROOT / "bench" / "__init__.py", submodule_search_locations=[str(ROOT / "bench")]
    )
    assert spec is not None and spec.loader is not None
    sys.modules["bench"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["bench"])

from bench import measure, quality, report, rivals, speed, texts  # noqa: E402

RECORD = b"\rAlpha: 0.024000  Progress: 4.00%  Words/thread/sec: 120.50k  "


@given(st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_meter_is_read_whatever_the_chunks(sizes: list[int]) -> None:
    stream = (
        b"Vocab size: 7\n"
        + RECORD.replace(b"4.00", b"0.00")
        + RECORD
        + RECORD.replace(b"4.00", b"44.5")
        + b"\nend"
    )
    meter = measure.MeterReader()
    start = 0
    for number, size in enumerate([*sizes, len(stream)]):
        meter.feed(stream[start : start + size], float(number))
        start += size
    assert meter.first is not None and meter.last is not None
    assert (meter.first.percent, meter.last.percent) == (4.0, 44.5)
    assert meter.last.words_per_cpu_s == 120_500
    assert meter.output() == "Vocab size: 7\nend"


def test_run_program_counts_the_child_alone(tmp_path: Path) -> None:
    work = "sum(range(3_000_000)); x = bytearray(80_000_000); print('done')"
    run = measure.run_program([sys.executable, "-c", work], tmp_path)
    assert run.output == "done"
    assert 0.01 < run.cpu_s < 30
    assert run.max_rss_bytes > 80_000_000
    idle = measure.run_program([sys.executable, "-c", "pass"], tmp_path)
    assert idle.cpu_s < run.cpu_s
    with pytest.raises(measure.BenchError, match="too short to measure"):
        _ = idle.meter_words_per_cpu_s


def test_a_failing_program_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(measure.BenchError, match=r"exit code 3.*no luck"):
        command = [sys.executable, "-c", "import sys; print('no luck'); sys.exit(3)"]
        measure.run_program(command, tmp_path)
    with pytest.raises(measure.BenchError, match="cannot be started"):
        measure.run_program([str(tmp_path / "absent")], tmp_path)


@given(
    words=st.lists(st.sampled_from([b"a", b"bb", b"ccc ", b"\n", b"d\n"]), max_size=60),
    max_tokens=st.integers(1, 70),
    chunk_bytes=st.integers(1, 12),
)
def test_head_holds_the_first_tokens(
    tmp_path_factory: pytest.TempPathFactory, words: list[bytes], max_tokens: int, chunk_bytes: int
) -> None:
    folder = tmp_path_factory.mktemp("head")
    (folder / "text").write_bytes(b" ".join(words))
    kept, texts.CHUNK_BYTES = texts.CHUNK_BYTES, chunk_bytes
    try:
        head = texts.write_head(folder / "text", folder / "head", max_tokens)
        tokens = (folder / "text").read_bytes().split()
        assert head.read_bytes().split() == tokens[:max_tokens]
        assert texts.count_tokens(folder / "text") == len(tokens)
    finally:
        texts.CHUNK_BYTES = kept


def test_train_words_are_known_words_and_line_ends(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"one two rare one\none\n")
    (tmp_path / "vocabulary").write_bytes(b"</s> 2\none 3\ntwo 1\n")
    counts = texts.read_vocabulary(tmp_path / "vocabulary")
    assert texts.count_train_words(tmp_path / "text", counts) == sum(counts.values())
    (tmp_path / "vocabulary").write_bytes(b"one\n")
    with pytest.raises(measure.BenchError, match="line 1"):
        texts.read_vocabulary(tmp_path / "vocabulary")


def write_vectors(path: Path, words: list[str], matrix: np.ndarray) -> None:
    rows = (w.encode() + b" " + row.tobytes() + b"\n" for w, row in zip(words, matrix, strict=True))
    path.write_bytes(b"%d %d\n" % matrix.shape + b"".join(rows))


def test_scores_of_vectors_with_a_known_answer(
    tmp_path: Path, command_environment: dict[str, str]
) -> None:
    words = ["</s>", "man", "king", "woman", "queen", *(f"w{i}" for i in range(30))]
    matrix = np.random.default_rng(1).normal(size=(len(words), 16)).astype(np.float32)
    matrix[1:5] = 0
    matrix[1, 0] = matrix[2, 0] = matrix[3, 1] = matrix[4, 1] = 1  # man, king | woman, queen
    matrix[2, 2] = matrix[4, 2] = 1  # royal
    write_vectors(tmp_path / "vectors", words, matrix)
    (tmp_path / "questions-words.txt").write_text(
        ": family\nMan King woman queen\nman king absent queen\n: gram1\nman woman king w3\n"
    )
    unit = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    pairs = [(f"w{i}", f"w{i + 1}", float(unit[5 + i] @ unit[6 + i])) for i in range(25)]
    (tmp_path / "EN-GOOD.txt").write_text("".join(f"{a}\t{b}\t{s}\n" for a, b, s in pairs))
    (tmp_path / "EN-FEW.txt").write_text("w1 w2 3\n")
    command = [sys.executable, "-P", str(EVALUATE), str(tmp_path / "vectors"), str(tmp_path)]
    scores = json.loads(
        subprocess.run(command, env=command_environment, capture_output=True, check=True).stdout
    )
    assert scores == {
        "analogy": 50.0, "sem": 100.0, "syn": 0.0, "questions": 2, "vocab": 35, "dim": 16,
        "GOOD": 100.0,
    }  # fmt: skip
    matrix[7, 3] = np.nan
    write_vectors(tmp_path / "vectors", words, matrix)
    failed = subprocess.run(command, env=command_environment, capture_output=True, text=True)
    assert failed.returncode == 1 and "NaN" in failed.stderr


def test_same_scores_as_the_judge(tmp_path: Path, command_environment: dict[str, str]) -> None:
    """The judge beside the shared data reads the same file and must say the same."""
    data = Path(os.environ.get("WORDVEC_DATA") or ROOT.parent / "shared" / "data")
    judge = data.parent / "tools" / "evalvec.py"
    if not judge.is_file():
        pytest.skip(f"no judge at {judge}")
    pytest.importorskip("scipy")
    words = set((data / "eval" / "questions-words.txt").read_text().split())
    for pairs in (data / "eval").glob("EN-*.txt"):
        words |= {word for line in pairs.read_text().splitlines() for word in line.split()[:2]}
    some = sorted(words)
    random.Random(1).shuffle(some)
    matrix = np.random.default_rng(2).normal(size=(4000, 8)).astype(np.float32)
    write_vectors(tmp_path / "vectors", ["</s>", *some[:3999]], matrix)
    said = [
        subprocess.run(
            [
                sys.executable,
                "-P",
                str(program),
                str(tmp_path / "vectors"),
                str(data / "eval"),
                *more,
            ],
            env=command_environment,
            capture_output=True,
            check=True,
        ).stdout
        for program, more in ((judge, ["--binary"]), (EVALUATE, []))
    ]
    scores = json.loads(said[0])
    assert scores["questions"] > 0 and len(scores) > 6
    assert json.loads(said[1]) == scores


def test_verdicts_use_the_median_of_the_rounds() -> None:
    record = report.ratio_record("x", [20.0, 44.0, 21.0], [1.0, 2.0, 1.0], 20, 28)
    assert (record["median_ratio"], record["best_ratio"]) == (21.0, 22.0)
    assert record["verdict"] == "must"
    assert report.judge(19.9, 20, 28) == "missed" and report.judge(28, 20, 28) == "aim"
    assert report.missed([record, {"record": "gate", "verdict": "fail"}])
    assert not report.missed([record])


def test_wall_clock_goal_falls_back_on_the_whole_run() -> None:
    goal = speed.Goal("two", "2 threads", "default", 1.8, 1.9, "wall_words_per_s")
    fast = [{"wall_words_per_s": None, "n_train_words": 100, "wall_s": 1.0}]
    slow = [{"wall_words_per_s": 7.0, "n_train_words": 100, "wall_s": 2.0}]
    record = speed.compare(goal, fast, slow)
    assert record["median_ratio"] == 2.0 and record["unit"] == "whole run, wall clock"


def test_every_goal_names_entries_of_its_group() -> None:
    for group, (entries, goals) in speed.GROUPS.items():
        names = {entry.name for entry in entries}
        assert group in rivals.ALGORITHMS and len(names) == len(entries)
        assert {side for goal in goals for side in (goal.over, goal.under)} <= names


def test_gate_compares_means() -> None:
    def trials(tool: str, *shifts: float) -> list[report.Record]:
        base = dict.fromkeys(quality.ALLOWED, 30.0)
        return [
            {"tool": tool, "algorithm": "sgns-d100", "variant": "",
             "scores": {name: value + shift for name, value in base.items()}}
            for shift in shifts
        ]  # fmt: skip

    lines = quality.gate(trials("wordvec", -1.5, -0.5, -1.0), trials("original", 0.5, -0.5))
    assert {line["measure"]: line["verdict"] for line in lines} == {
        "analogy": "pass", "WS-353-ALL": "pass", "MEN-TR-3k": "fail", "SIMLEX-999": "pass",
    }  # fmt: skip
    assert all(line["difference"] == pytest.approx(-1.0) for line in lines)


def test_known_results_must_be_of_this_text(tmp_path: Path) -> None:
    record = {"record": "quality", "tool": "original", "epochs": 3, "corpus_bytes": 10}
    (tmp_path / "known.jsonl").write_text(json.dumps(record) + "\n")
    assert quality.known_trials([tmp_path / "known.jsonl"], 3, 10) == [record]
    with pytest.raises(measure.BenchError, match="another text"):
        quality.known_trials([tmp_path / "known.jsonl"], 1, 10)


def test_tables(tmp_path: Path) -> None:
    results = report.Results(tmp_path / "new" / "r.jsonl")
    for number, rate in enumerate((120_000.0, 130_000.0)):
        results.add({"record": "speed", "group": "g", "entry": "original", "round": number,
                     "words_per_cpu_s": rate})  # fmt: skip
    results.add(report.ratio_record("skip-gram", [40.0], [2.0], 20, 28))
    again = report.markdown(report.read_records([results.path]))
    assert again == report.markdown(results.records)
    assert "| g | original | 130 k | - | - | 2 |" in again
    assert "| skip-gram | 40 | 2 | 20 | 20 | 20 | 28 | must |" in again


def test_seeds_change_both_generators() -> None:
    source = "unsigned long long next_random = 1;\nnext_random = (long long)id;\n"
    assert rivals.seeded(source, 0) == source
    changed = rivals.seeded(source, 2)
    assert "= 1 + 2 * 7919;" in changed and "= (long long)id + 2 * 1000;" in changed
    with pytest.raises(measure.BenchError, match="found 0 times"):
        rivals.seeded("", 1)


def test_memory_limit() -> None:
    weights, ids, vocabulary = 2 * 70_025 * 100 * 4, 4 * 16_900_000, 20 * 70_025
    expected = 1.15 * (weights + ids + vocabulary + 64e6)
    assert speed.memory_limit_bytes(70_025, 100, 16_900_000) == pytest.approx(expected)
