"""`wordvec train` and `wordvec.train`: the real program on small text, files with unseen words."""

import contextlib
import functools
import json
import os
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path

import click
import numpy as np
import pytest

import wordvec as library
from wordvec import centring, planning
from wordvec.errors import OptionError
from wordvec.recipes import RULE_VERSION
from wordvec.training import prepare, train

SMALL = ["--vector-size", "16", "--epochs", "2", "--workers", "1"]


@pytest.fixture
def at_a_terminal(command, command_environment, tmp_path):
    """Run the program with a terminal as its stdout; gives its exit code and text."""

    def run(*arguments):
        ours, its = os.openpty()
        with os.fdopen(ours, "rb", 0) as screen:
            process = subprocess.Popen(
                [*command, *map(str, arguments)], cwd=tmp_path, env=command_environment,
                stdin=subprocess.DEVNULL, stdout=its, stderr=subprocess.PIPE,
            )  # fmt: skip
            os.close(its)
            shown = []
            with contextlib.suppress(OSError):  # Linux: EIO once nobody has the other end open
                while piece := screen.read(1 << 16):
                    shown.append(piece)
        _, errors = process.communicate(timeout=60)
        out = b"".join(shown).replace(b"\r\n", b"\n")
        return subprocess.CompletedProcess(process.args, process.returncode, out, errors)

    return run


def test_quiet_through_a_pipe(wordvec, text, tmp_path):
    done = wordvec("train", text, *SMALL)
    assert done.returncode == 0 and done.stderr.count(b"\n") == 1  # little text
    assert done.stdout.startswith(b"text.wordvec: ") and done.stdout.count(b"\n") == 1
    with (tmp_path / "out.bin").open("wb") as file:
        done = wordvec("train", text, *SMALL, "-o", "-", stdout=file, stderr=subprocess.PIPE)
    assert done.returncode == 0 and done.stderr.count(b"\n") == 1
    done = wordvec("train", text, *SMALL, "-o", "v.ftz")
    assert done.returncode == 2 and b"quantised" in done.stderr
    assert not (tmp_path / "v.ftz").exists()


def test_scores_come_with_coverage_and_mean(wordvec, text, tmp_path):
    folder = tmp_path / "sets"
    folder.mkdir()
    for name, first in (("known", "w"), ("half", "w"), ("none", "x")):
        rows = [f"{first}{k}\tw{k + 1}\t{k % 7}" for k in range(60)]
        rows += [f"y{k}\tw{k}\t{k % 5}" for k in range(60)] if name == "half" else []
        (folder / f"{name}.tsv").write_text("\n".join(rows) + "\n")
    done = wordvec("train", text, "--preset", "fast", *SMALL, "--eval", folder)
    lines = {line.split()[0]: line.split() for line in done.stdout.decode().splitlines()}
    assert lines["known"][2:6] == ["60", "of", "60", "pairs;"]
    assert lines["half"][2:5] == ["60", "of", "120"]
    assert lines["none"][1:5] == ["-", "0", "of", "60"]
    mean = (float(lines["known"][1]) + float(lines["half"][1])) / 2
    assert abs(float(lines["mean"][1]) - mean) < 0.11


def test_text_to_file_and_back(wordvec, at_a_terminal, text, tmp_path):
    done = at_a_terminal("train", text, *SMALL)
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
    assert b"little text" in done.stderr and b"\r" not in done.stderr
    vectors = library.load(tmp_path / "text.wordvec")
    assert vectors.dim == 16 and "kingly" not in vectors.words
    assert vectors["kingly"].any() and vectors.metadata["rules"] == RULE_VERSION
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
    assert done.returncode == 2 and b"--time-budget: expected at least" in done.stderr
    done = wordvec("train", text, "--memory", "1M")
    assert done.returncode == 2 and b"--memory: expected at least" in done.stderr


def test_a_budget_says_what_it_took(text, monkeypatch):
    given = {"workers": 1, "bucket": 200_000}
    for name in ("peak_bytes", "resident_bytes"):  # what the tests before this one took
        monkeypatch.setattr(planning, name, lambda: 0)
    whole = prepare(str(text), given=given)
    n_bytes = whole.expected.n_bytes
    assert n_bytes > whole.expected.n_row_bytes + whole.expected.n_ngram_bytes > 0
    small = prepare(str(text), memory=n_bytes - 1, given=given)
    assert small.recipe.given_up and small.expected.n_bytes < n_bytes

    # As if the default took 1,000 s, in which half as many numbers take half as long.
    def measure(corpus, options, *_):
        seconds = 1000 / (20 * len(corpus.ids)) * options.vector_size / 200
        return planning.Speed(seconds, seconds)

    monkeypatch.setattr(planning, "_measure", measure)
    for budget, n_epochs, dim in ((1100, 20, 200), (800, 15, 200), (300, 12, 96)):
        deadline = time.perf_counter() + budget
        recipe, expected = planning.fit(whole.corpus, whole.facts, "default", given, deadline)
        part = recipe.parts[0]
        assert part.vector_size == dim and abs(part.epochs - n_epochs) <= 1
        assert expected.wall_seconds <= budget
        assert bool(recipe.given_up) == (budget < 1000)
        if budget < 1000:
            assert f"epochs: {part.epochs} instead of 20" in recipe.given_up


def test_outputs_are_no_inputs(wordvec, text, tmp_path):
    before = text.read_bytes()
    (tmp_path / "link").symlink_to(text)
    for arguments in ([text, "-o", text], [text, "-o", "link"], [tmp_path, "-o", "v"]):
        done = wordvec("train", *arguments, *SMALL)
        assert done.returncode == 2 and done.stderr.count(b"\n") == 1 and b"-o:" in done.stderr
    done = wordvec("train", text, "--json", "-o", "-")
    assert done.returncode == 2 and b"--json" in done.stderr
    assert text.read_bytes() == before
    (tmp_path / "text.wordvec").write_bytes(b"precious")
    done = wordvec("train", text, *SMALL)
    assert done.returncode == 1 and (tmp_path / "text.wordvec").read_bytes() == b"precious"


@pytest.mark.parametrize(
    "arguments, code, piece",
    [
        (["missing.txt"], 1, b"missing.txt: no such file"),
        (["*.nothing"], 1, b"no file matches"),
        (["empty"], 1, b"holds no files"),
        (["text.txt", "-o", "no/such/v.bin"], 1, b"create it first"),
        (["text.txt", "--epochs", "0"], 2, b"--epochs"),
        (["text.txt", "--format", "nope"], 2, b"--format"),
        (["unspaced"], 1, b"no blanks"),
        (["text.txt", "-o", "empty"], 2, b"is a folder"),
        (["text.txt", "-o", "v", "--format", "gensim-saved"], 2, b"gensim-saved"),
        (["text.txt", "--negative", "0"], 2, b"--negative: expected 1 or more"),
        (["text.txt", "--min-n", "4", "--max-n", "3"], 2, b"at least min_n, 4"),
    ],
)
def test_mistakes_are_one_line(wordvec, text, tmp_path, arguments, code, piece):
    (tmp_path / "empty").mkdir()
    lines = text.read_text().splitlines()
    (tmp_path / "unspaced").write_text("".join(line.replace(" ", "") * 9 + "\n" for line in lines))
    named = [text if name == "text.txt" else name for name in arguments]
    done = wordvec("train", *named)
    assert done.returncode == code and done.stderr.count(b"\n") == 1 and piece in done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_full_disk(wordvec, text):
    done = wordvec("train", text, *SMALL, "-o", "/dev/full")
    assert done.returncode == 1 and b"No space left" in done.stderr


def test_no_room_is_said_before_the_training(text, tmp_path, monkeypatch):
    from wordvec_cli.train import check_room

    plan = prepare(str(text), given={"vector_size": 8, "workers": 1})
    check_room(plan, str(tmp_path / "v.wordvec"), None)
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(click.ClickException, match="are free there"):
        check_room(plan, str(tmp_path / "v.wordvec"), None)


def test_from_stdin_to_stdout(command, command_environment, text, tmp_path):
    with text.open("rb") as stdin, (tmp_path / "out").open("wb") as stdout:
        done = subprocess.run(
            [*command, "train", "-", "-o", "-", *SMALL], stdin=stdin, stdout=stdout,
            stderr=subprocess.PIPE, env=command_environment, check=False,
        )  # fmt: skip
    assert done.returncode == 0 and b"expected:" not in done.stderr
    assert library.load(tmp_path / "out").dim == 16


def test_next_commands_run_as_printed(wordvec, at_a_terminal, text, tmp_path):
    name = "it's mine.wordvec"
    done = at_a_terminal("train", text, *SMALL, "-o", name)
    lines = done.stdout.decode().split("next:\n")[1].splitlines()
    assert len(lines) == 3
    for line in lines:
        program, *arguments = shlex.split(line)
        assert program == "wordvec"
        ran = wordvec(*arguments)
        assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "it's mine.bin").exists()
    again = at_a_terminal("train", text, *SMALL, "-o", name)
    assert "mine-2.bin" in again.stdout.decode()  # nothing that is there is named as a target


def test_the_mean_comes_back_by_command(wordvec, text, tmp_path):
    wordvec("train", text, *SMALL, "-o", "v.wordvec")
    assert wordvec("convert", "v.wordvec", "raw.wordvec", "--restore-mean").returncode == 0
    centred, raw = library.load(tmp_path / "v.wordvec"), library.load(tmp_path / "raw.wordvec")
    mean = centred.tensors["training.mean"]
    assert np.allclose(raw.matrix, centred.matrix + mean, atol=1e-6)
    assert np.allclose(raw["kingdomly"], centred["kingdomly"] + mean, atol=1e-5)
    again = wordvec("convert", "raw.wordvec", "x.wordvec", "--restore-mean")
    assert again.returncode == 1 and b"no mean was removed" in again.stderr
    assert wordvec("convert", "v.wordvec", "x", "--restore-mean", "--limit", "3").returncode == 2


def test_unseen_words_in_other_formats(wordvec, text, tmp_path):
    wordvec("train", text, *SMALL, "--bucket", "5000", "-o", "v.wordvec")
    own = library.load(tmp_path / "v.wordvec")
    to_bin = wordvec("convert", "v.wordvec", "v.bin")
    assert b"unseen words" in to_bin.stderr
    assert wordvec("convert", "v.wordvec", "ft.bin", "--format", "fasttext-bin").returncode == 0
    assert wordvec("convert", "ft.bin", "back.wordvec").returncode == 0
    for name in ("ft.bin", "back.wordvec"):
        found = library.load(tmp_path / name)
        for word in ("kingdomly", own.words[50]):
            assert np.allclose(found[word], own[word], atol=1e-5)


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
    assert process.stderr is not None
    while b"little text" not in process.stderr.readline():
        assert process.poll() is None
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and b"Interrupted" in out
    assert library.load(tmp_path / "v.wordvec").metadata["interrupted"] is True


def test_readme_in_python(text, tmp_path, monkeypatch, capsys):
    readme = Path(__file__).parent.parent / "README.md"
    if not readme.exists():
        pytest.skip("only a checkout has the README")
    blocks = readme.read_text("utf-8").split("```python\n")[1:]
    code = next(block.split("```")[0] for block in blocks if "wordvec.train(" in block)
    lines = text.read_text().splitlines()
    (tmp_path / "text8").write_text("\n".join(f"{line} king" for line in lines))
    monkeypatch.chdir(tmp_path)
    short = {"vector_size": 8, "epochs": 1}
    monkeypatch.setattr(library, "train", functools.partial(library.train, **short))
    exec(compile(code, "README.md", "exec"), {})
    assert "(" in capsys.readouterr().out
    assert library.load(tmp_path / "text8.wordvec").dim == 8


def test_names_and_mistakes_in_python(text, tmp_path):
    vectors = train(str(text), preset="fast", dim=7, epochs=1)
    assert vectors.matrix.shape[1] == 7
    for wrong in ({"time_budget": "1s"}, {"memory": "4G"}, {"negative": 0}):
        with pytest.raises(OptionError, match=next(iter(wrong))):
            train(str(text), **wrong)


def test_an_unknown_suffix_is_our_own_format(at_a_terminal, text, tmp_path):
    done = at_a_terminal("train", text, *SMALL, "-o", tmp_path / "v.xyz")
    assert done.returncode == 0 and b"only our own format" not in done.stdout
