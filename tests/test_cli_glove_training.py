"""`wordvec glove glove` and `wordvec glove train`, run as programs."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from wordvec import GloVe, load
from wordvec.records import RECORD

N_WORDS = 60
LINE = re.compile(rb"\d\d/\d\d/\d\d - \d\d:\d\d\.\d\d[AP]M, iter: (\d{3}), cost: (\d\.\d{6})\n")
SMALL = ["-vector-size", "4", "-threads", "1", "-seed", "1", "-verbose", "0"]


def make_inputs(folder: Path, n_records: int = 2000) -> None:
    random = np.random.default_rng(4)
    made = np.empty(n_records, RECORD)
    made["row"], made["column"] = random.integers(1, N_WORDS + 1, (2, n_records))
    made["value"] = random.lognormal(1, 2, n_records)
    made.tofile(folder / "cooccurrence.shuf.bin")
    lines = [f"w{k} {1000 - k}\n" for k in range(N_WORDS)]
    (folder / "vocab.txt").write_text("".join(lines))


@pytest.fixture
def inputs(tmp_path):
    make_inputs(tmp_path)
    return tmp_path


def names(folder):
    return sorted(set(os.listdir(folder)) - {"vocab.txt", "cooccurrence.shuf.bin"})


# --- the original's manners -------------------------------------------------------------------


def test_no_arguments_and_missing_value(wordvec):
    done = wordvec("glove", "glove")
    assert done.returncode == 0 and b"-checkpoint-every" in done.stdout
    done = wordvec("glove", "glove", "-iter")
    assert (done.returncode, done.stdout) == (1, b"No argument given for -iter\n")
    done = wordvec("glove", "glove", "-itr", "3")
    assert done.returncode == 2 and b"-iter" in done.stderr


def test_lines_and_text(wordvec, inputs):
    done = wordvec("glove", "glove", "-vector-size", 4, "-iter", 2, "-seed", 1, "-threads", 1)
    assert done.returncode == 0, done.stderr
    found = LINE.findall(done.stderr)
    assert [number for number, _ in found] == [b"001", b"002"] and found[0][1] > found[1][1]
    assert LINE.sub(b"", done.stderr) == (
        b"TRAINING MODEL\nRead 2000 lines.\nInitializing parameters...Using random seed 1\ndone.\n"
        b"vector size: 4\nvocab size: 60\nx_max: 100.000000\nalpha: 0.750000\n"
    )
    assert done.stdout == b"" and names(inputs) == ["vectors.txt"]
    lines = (inputs / "vectors.txt").read_text().splitlines()
    assert len(lines) == N_WORDS + 1 and lines[0].startswith("w0 ") and lines[-1][:5] == "<unk>"
    quiet = wordvec("glove", "glove", *SMALL, "-iter", 1, "-save-file", "q")
    assert LINE.sub(b"", quiet.stderr) == (
        b"TRAINING MODEL\nRead 2000 lines.\nUsing random seed 1\n"
    )


def test_all_files(wordvec, inputs):
    done = wordvec(
        "glove", "glove", *SMALL, "-iter", 4, "-binary", 2, "-checkpoint-every", 2,
        "-gradsq-file", "g", "-save-init-param", 1, "-model", 0, "-write-header", 1,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"    saving intermediate parameters for iter 002...done.\n" in done.stderr
    expected = [
        f"{prefix}{number}.{kind}"
        for prefix in ("vectors", "g") for number in ("", ".000", ".002", ".004")
        for kind in ("txt", "bin")
    ]  # fmt: skip
    assert names(inputs) == sorted(expected)
    start = np.fromfile(inputs / "vectors.000.bin")
    assert len(start) == 2 * N_WORDS * 5
    assert start[0] == np.float32((1804289383 / 2147483647 - 0.5) / 4)
    assert (inputs / "vectors.004.bin").read_bytes() == (inputs / "vectors.bin").read_bytes()
    lines = (inputs / "vectors.txt").read_text().splitlines()
    assert lines[0] == "60 4" and len(lines[1].split(" ")) == 11
    # The checkpoint and its squared gradients go on as if nothing had been.
    done = wordvec(
        "glove", "glove", *SMALL, "-iter", 2, "-binary", 1, "-save-file", "again",
        "-load-init-param", 1, "-init-param-file", "vectors.002.bin",
        "-load-init-gradsq", 1, "-init-gradsq-file", "g.002.bin",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"Loading initial parameters from vectors.002.bin \n" in done.stderr
    assert (inputs / "again.bin").read_bytes() == (inputs / "vectors.bin").read_bytes()
    # The initial parameters reproduce the run that wrote them, whatever the seed.
    done = wordvec(
        "glove", "glove", *SMALL[:-4], "-seed", 99, "-iter", 4, "-binary", 1, "-save-file", "anew",
        "-load-init-param", 1,
    )  # fmt: skip
    assert (inputs / "anew.bin").read_bytes() == (inputs / "vectors.bin").read_bytes()


def test_missing_files(wordvec, inputs):
    for flag, what, name in (
        ("-vocab-file", b"vocab file", "v"),
        ("-input-file", b"cooccurrence file", "c"),
    ):
        done = wordvec("glove", "glove", *SMALL, flag, name)
        said = b"Unable to open %b %b.\nErrno: 2\nError description: No such file or directory\n"
        assert done.returncode == 1 and done.stderr.endswith(said % (what, name.encode()))
    done = wordvec("glove", "glove", *SMALL, "-load-init-param", 1)
    assert done.returncode == 1 and b"Unable to open init file vectors.000.bin." in done.stderr
    (inputs / "empty").touch()
    done = wordvec("glove", "glove", *SMALL, "-vocab-file", "empty")
    assert done.returncode == 1
    assert done.stderr == b"Unable to find any vocab entries in vocab file empty.\n"
    (inputs / "empty").unlink()
    assert names(inputs) == []


@pytest.mark.parametrize("memory", [[], ["-memory", "1e-6"]], ids=["in memory", "streamed"])
@pytest.mark.parametrize("damage", ["cut", "beyond", "zero", "nan", "vocabulary", "none"])
def test_bad_records(wordvec, inputs, damage, memory):
    path = inputs / "cooccurrence.shuf.bin"
    made = np.fromfile(path, RECORD)
    if damage == "beyond":
        made["column"][1500] = N_WORDS + 1
    elif damage == "zero":
        made["row"][1500] = 0
    elif damage == "nan":
        made["value"][1500] = np.nan
    elif damage == "none":
        made = made[:0]
    path.write_bytes(made.tobytes()[: -3 if damage == "cut" else None])
    if damage == "vocabulary":
        (inputs / "vocab.txt").write_text("w0 3\nw1 2\n")
    done = wordvec("glove", "glove", *SMALL, "-iter", 3, *memory)
    assert done.returncode == 1
    expected = {
        "cut": b"records of 16 bytes, found 13 bytes at the end",
        "nan": b"byte 24000: expected a value that is positive and finite",
        "none": b"no co-occurrence records",
        "vocabulary": b"do the records belong to this vocabulary?",
    }.get(damage, b"byte 24000: expected word numbers from 1 to 60")
    last = done.stderr.splitlines()[-1]
    assert expected.replace(b"byte 24000: ", b"") in last, done.stderr
    assert last.startswith(b"wordvec glove") and names(inputs) == []


def test_bad_start(wordvec, inputs):
    numbers = np.ones(2 * N_WORDS * 5)
    numbers[7] = np.inf
    numbers.tofile(inputs / "i.bin")
    start = ["-load-init-param", 1, "-init-param-file", "i.bin"]
    done = wordvec("glove", "glove", *SMALL, *start)
    assert done.returncode == 1
    assert b"i.bin: finite numbers are needed, found inf in word row 1" in done.stderr
    numbers[:-1].tofile(inputs / "i.bin")
    done = wordvec("glove", "glove", *SMALL, *start)
    assert done.returncode == 1 and b"i.bin: expected 4800 bytes" in done.stderr
    assert names(inputs) == ["i.bin"]


def test_refused(wordvec, inputs):
    (inputs / "vectors.txt").write_text("mine")
    for flags, said in (
        (["-save-file", "vocab"], b"is the file of -vocab-file too"),
        (["-input-file", "vectors.txt"], b"is the file of -input-file too"),
        (["-save-file", "x", "-gradsq-file", "x"], b"is the file of"),
        (["-resume", 1], b"-checkpoint-every"),
        (["-iter", 0], b"-iter"),
        (["-vector-size", 0], b"-vector-size"),
    ):
        done = wordvec("glove", "glove", *flags, "-verbose", 0)
        assert done.returncode == 2 and said in done.stderr, done.stderr
    done = wordvec("glove", "glove", *SMALL, "-save-file", "none/v")
    assert done.returncode == 1 and b"does not exist" in done.stderr
    done = wordvec("glove", "glove", "-vocab-file", "/")
    assert done.returncode == 1 and b"Is a directory" in done.stderr
    assert (inputs / "vectors.txt").read_text() == "mine" and names(inputs) == ["vectors.txt"]


def test_info_knows_the_files(wordvec, inputs):
    wordvec("glove", "glove", *SMALL, "-iter", 1, "-binary", 2)
    done = wordvec("info", "vectors.txt", "vectors.bin")
    assert done.returncode == 0, done.stderr
    assert b"glove-text" in done.stdout and b"glove-binary" in done.stdout
    done = wordvec("info", "cooccurrence.shuf.bin")
    assert done.returncode == 1 and b"found co-occurrence records of GloVe" in done.stderr


def test_group_shows_its_commands(wordvec):
    done = wordvec("glove")
    assert done.returncode == 0 and done.stderr == b""
    for name in (b"vocab_count", b"cooccur", b"shuffle", b"glove", b"train"):
        assert re.search(rb"^  %b " % name, done.stdout, re.MULTILINE)


@pytest.mark.parametrize("binary", [0, 1])
def test_a_disk_that_fills_up(command, command_environment, inputs, binary):
    """No file may grow beyond some kB: one clear line, and nothing of the outputs is left."""
    flags = [*SMALL, "-iter", "1", "-binary", str(binary), "-save-gradsq", "1"]
    line = " ".join([*command, "glove", "glove", *flags])
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 2; {line}"], cwd=inputs, env=command_environment,
        capture_output=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert b"cannot write" in done.stderr.splitlines()[-1], done.stderr
    assert names(inputs) == []


# --- killed, interrupted ----------------------------------------------------------------------


def start(command, environment, folder, *arguments):
    return subprocess.Popen(
        [*command, *map(str, arguments)], cwd=folder, env=environment, stderr=subprocess.PIPE
    )


def test_killed_at_random_moments(command, command_environment, wordvec, tmp_path):
    """kill -9 while training and saving; -resume 1 ends where an undisturbed run does."""
    make_inputs(tmp_path, 150_000)
    n_epochs = 30
    flags = [*SMALL, "-iter", n_epochs, "-binary", 1, "-checkpoint-every", 2, "-resume", 1]
    job = ["glove", "glove", *flags, "-save-file", "v", "-gradsq-file", "g"]
    whole = wordvec("glove", "glove", *flags, "-save-file", "whole", "-gradsq-file", "wg")
    assert whole.returncode == 0, whole.stderr
    random = np.random.default_rng()
    n_killed = 0
    for n_lines in (1, *sorted(random.integers(2, 15, 3).tolist())):
        child = start(command, command_environment, tmp_path, *job)
        for _ in range(n_lines):
            while line := child.stderr.readline():
                if LINE.fullmatch(line):
                    break
        time.sleep(random.uniform(0, 0.03))
        child.kill()
        child.stderr.close()
        n_killed += child.wait() == -signal.SIGKILL
    assert n_killed >= 2
    done = wordvec(*job)
    assert done.returncode == 0, done.stderr
    first = int(LINE.findall(done.stderr)[0][0]) if LINE.search(done.stderr) else n_epochs + 1
    assert first > 1 and first % 2 == 1  # after a checkpoint, not from the start
    for ours, theirs in (("v.bin", "whole.bin"), ("g.bin", "wg.bin")):
        assert (tmp_path / ours).read_bytes() == (tmp_path / theirs).read_bytes()


def test_a_damaged_checkpoint_is_named(wordvec, inputs):
    flags = [*SMALL, "-binary", 1, "-checkpoint-every", 2, "-resume", 1, "-gradsq-file", "g"]
    assert wordvec("glove", "glove", *flags, "-iter", 4).returncode == 0
    newest = inputs / "vectors.004.bin"
    newest.write_bytes(newest.read_bytes()[:-8])
    done = wordvec("glove", "glove", *flags, "-iter", 6)
    assert done.returncode == 1 and b"vectors.004.bin: expected" in done.stderr
    assert b"delete it, and -resume 1 goes on after the checkpoint before it" in done.stderr
    newest.unlink()
    done = wordvec("glove", "glove", *flags, "-iter", 6)
    assert done.returncode == 0 and b"iter: 003" in done.stderr


def test_ctrl_c_keeps_the_vectors(command, command_environment, tmp_path):
    make_inputs(tmp_path, 150_000)
    child = start(
        command, command_environment, tmp_path, "glove", "glove", *SMALL, "-iter", 100_000
    )
    while not LINE.fullmatch(child.stderr.readline()):
        pass
    child.send_signal(signal.SIGINT)
    rest = child.stderr.read()
    assert child.wait() == 130
    assert b"interrupted; the vectors so far are in vectors.txt" in rest
    assert len((tmp_path / "vectors.txt").read_bytes().splitlines()) == N_WORDS + 1
    assert names(tmp_path) == ["vectors.txt"]


# --- the chain --------------------------------------------------------------------------------

TEXT = "".join(f"{a} {b} {c} x\n" for a in "abcde" for b in "fgh" for c in "ijkl") * 3
CHAIN = ["--dim", 6, "--iter", 3, "--threads", 1, "--min-count", 2]


@pytest.fixture
def text(tmp_path):
    (tmp_path / "t.txt").write_text(TEXT)
    return "t.txt"


@pytest.mark.parametrize("name", ["v.txt", "v.bin", "v.glove.txt", "v.wordvec", "v.txt.gz"])
def test_chain(wordvec, text, tmp_path, name):
    done = wordvec("glove", "train", text, "-o", name, *CHAIN, "--save-vocab", "voc")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(
        rb"%b: 13 words, 6 dimensions, 3 of 3 epochs, cost \d\.\d+, \d+ s\n"
        % re.escape(name.encode()), done.stdout,
    )  # fmt: skip
    assert done.stderr == b""  # nobody watches
    model = GloVe(corpus_file=tmp_path / text, vector_size=6, epochs=3, workers=1, min_count=2)
    found = load(tmp_path / name)
    assert list(found.words) == list(model.wv.words)
    np.testing.assert_allclose(found.matrix, model.wv.matrix, atol=1e-6)
    assert (tmp_path / "voc").read_bytes().splitlines()[0] == b"x 180"
    assert sorted(os.listdir(tmp_path)) == sorted([name, text, "voc"])


def test_chain_writes_parameters(wordvec, text, tmp_path):
    done = wordvec("glove", "train", text, "-o", "v.glove.bin", *CHAIN)
    assert done.returncode == 0, done.stderr
    model = GloVe(corpus_file=tmp_path / text, vector_size=6, epochs=3, workers=1, min_count=2)
    written = np.fromfile(tmp_path / "v.glove.bin").reshape(2, 13, 7)
    np.testing.assert_array_equal(written, model.parameters.weights)
    found = load(tmp_path / "v.glove.bin")
    np.testing.assert_array_equal(found.matrix, model.wv.matrix)
    assert found.counts.tolist() == model.wv.counts.tolist()


def test_chain_on_a_budget_is_the_same(wordvec, text, tmp_path):
    for budget, name in (("1", "small.txt"), ("1G", "large.txt")):
        done = wordvec("glove", "train", text, "-o", name, *CHAIN, "--memory", budget)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "small.txt").read_bytes() == (tmp_path / "large.txt").read_bytes()


def test_chain_reads_pipes_and_writes_to_them(wordvec, text, tmp_path):
    with open(tmp_path / text, "rb") as stream:
        done = wordvec("glove", "train", "-", "-o", "-", *CHAIN, stdin=stream)
    assert done.returncode == 0 and done.stdout.startswith(b"13 6\nx ")
    assert b"3 of 3 epochs" in done.stderr


def test_chain_goes_on_from_a_checkpoint(wordvec, text, tmp_path):
    done = wordvec("glove", "train", text, "-o", "whole.txt", *CHAIN)
    job = ["glove", "train", text, "--checkpoint", "state", *CHAIN]
    done = wordvec(*job, "--iter", 2, "-o", "v.txt")
    assert done.returncode == 0, done.stderr
    done = wordvec(*job, "-o", "v.txt")
    assert done.returncode == 0 and b"going on after epoch 2 (state)" in done.stderr
    assert (tmp_path / "v.txt").read_bytes() == (tmp_path / "whole.txt").read_bytes()
    done = wordvec(*job, "-o", "v.txt")  # nothing is left to do
    assert done.returncode == 0 and b"going on after epoch 3" in done.stderr
    done = wordvec(*job, "--iter", 2, "-o", "v.txt")
    assert done.returncode == 1 and b"after 3 epochs, more than --epochs 2" in done.stderr
    done = wordvec(*job, "--window", 3, "-o", "v.txt")
    assert done.returncode == 1 and b"with window 15, not 3" in done.stderr
    (tmp_path / text).write_text(TEXT.replace("x", "y"))
    done = wordvec(*job, "-o", "v.txt")
    assert done.returncode == 1 and b"on another text" in done.stderr
    assert (tmp_path / "v.txt").read_bytes() == (tmp_path / "whole.txt").read_bytes()


def test_chain_refuses(wordvec, text, tmp_path):
    (tmp_path / "empty").touch()
    (tmp_path / "alone").write_text("a\nb\na\nb\n")
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "t").write_text(TEXT)
    before = sorted(os.listdir(tmp_path))
    for arguments, code, said in (
        ([text, "-o", text], 2, b"is the file of"),
        ([text, "-o", "v", "--checkpoint", "v"], 2, b"is the file of -o too"),
        (["texts", "-o", "texts/v"], 2, b"lies in the folder"),
        (["none", "-o", "v"], 1, b"no such file"),
        (["empty", "-o", "v"], 1, b"empty"),
        (["alone", "-o", "v"], 1, b"stand together"),
        ([text, "-o", "none/v"], 1, b"does not exist"),
        ([text, "-o", "v", "--min-count", 1000], 1, b"lower --min-count"),
        ([text, "-o", "v", "--x-max", 0], 2, b"x_max"),
        ([text, "-o", "v", "--format", "no"], 2, b"--format"),
        ([text, "-o", "texts"], 2, b"is a folder"),
        ([text, "-o", "v", "--workers", 0], 2, b"workers"),
    ):
        done = wordvec("glove", "train", *CHAIN, *arguments)
        assert done.returncode == code and said in done.stderr, (arguments, done.stderr)
        assert len(done.stderr.splitlines()) == 1 or code == 2
    assert sorted(os.listdir(tmp_path)) == before


def test_chain_without_room_for_temporary_files(command, command_environment, tmp_path):
    (tmp_path / "t.txt").write_text(TEXT)
    line = " ".join([*command, "glove train t.txt -o v.txt --memory 1 --min-count 1"])
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 1; {line}"], cwd=tmp_path, env=command_environment,
        capture_output=True,
    )  # fmt: skip
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert b"a temporary file cannot be written" in done.stderr and b"TMPDIR" in done.stderr
    assert os.listdir(tmp_path) == ["t.txt"]


def test_chain_interrupted(command, command_environment, tmp_path):
    (tmp_path / "t.txt").write_text(TEXT * 40)
    child = start(
        command, command_environment, tmp_path, "glove", "train", "t.txt", "-o", "v.txt",
        "--iter", 1_000_000, "--threads", 1, "--checkpoint", "state",
    )  # fmt: skip
    while not (tmp_path / "state").exists():
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    rest = child.stderr.read()
    assert child.wait() == 130 and b"these are the vectors so far" in rest
    assert len(load(tmp_path / "v.txt")) == 13
    assert GloVe.load(tmp_path / "state").n_epochs_done >= 1


@pytest.mark.skipif(sys.platform == "win32", reason="shell scripts")
def test_demo_of_the_original(wordvec, text, tmp_path, command_environment):
    """The steps of its demo.sh, with the tools under their own names."""
    done = wordvec("tools", "build")
    assert done.returncode == 0, done.stderr
    script = f"""set -e
    build/vocab_count -min-count 5 -verbose 2 < {text} > vocab.txt
    build/cooccur -memory 4.0 -vocab-file vocab.txt -verbose 2 -window-size 15 < {text} > cooccurrence.bin
    build/shuffle -memory 4.0 -verbose 2 < cooccurrence.bin > cooccurrence.shuf.bin
    build/glove -save-file vectors -threads 8 -input-file cooccurrence.shuf.bin -x-max 10 -iter 15 -vector-size 50 -binary 2 -vocab-file vocab.txt -verbose 2
    """  # noqa: E501
    done = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, env=command_environment, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert b"iter: 015" in done.stderr
    assert (tmp_path / "vectors.bin").stat().st_size == 16 * 13 * 51
    assert len((tmp_path / "vectors.txt").read_bytes().splitlines()) == 14
