"""`wordvec word2vec`, run as a program: wrong flags and files, full disks, Ctrl-C."""

import os
import re
import signal
import subprocess
import time

import numpy as np
import pytest
from word2vec_runs import SMALL, nothing_left, read_text_vectors

BAD_VALUES = [
    ("-size", "0"), ("-size", "ten"), ("-size", "1.5"), ("-window", "0"), ("-iter", "0"),
    ("-threads", "0"), ("-threads", "-1"), ("-cbow", "2"), ("-hs", "yes"), ("-negative", "-1"),
    ("-sample", "much"), ("-sample", "-1"), ("-alpha", "nan"), ("-min-count", "-3"),
    ("-negatives", "none"), ("-memory", "lots"), ("-memory", "0"), ("-classes", "-1"),
    ("-binary", "7"), ("-seed", "-1"), ("-size", "1_0"), ("-debug", "x"), ("-output", ""),
]  # fmt: skip


@pytest.mark.parametrize("flag, value", BAD_VALUES)
def test_bad_values_are_errors_that_name_the_flag(wordvec, text, tmp_path, flag, value):
    done = wordvec("word2vec", "-train", text, flag, value)
    line = done.stderr.decode()
    assert (done.returncode, done.stdout) == (2, b"")
    assert line.startswith(f"wordvec word2vec: {flag}: expected ") and line.count("\n") == 1
    assert "found" in line and value in line
    assert nothing_left(tmp_path)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["-trian", "x"], "did you mean -train?"),
        (["-frobnicate", "x"], "no flag -frobnicate"),
        (["stray"], "expected a flag"),
        (["-size=5"], "as the next argument"),
        (["-train", "-output", "v"], "found the flag -output"),
        (["--train", "x"], "did you mean -train?"),
    ],
)
def test_wrong_flags(wordvec, arguments, message):
    done = wordvec("word2vec", *arguments)
    assert done.returncode == 2 and message in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1 and done.stdout == b""


def test_the_first_of_two_equal_flags_counts(wordvec, text, tmp_path):
    done = wordvec("word2vec", "-train", text, "-save-vocab", "a", "-save-vocab", "b")
    assert done.returncode == 0 and nothing_left(tmp_path, "a")
    assert b"-save-vocab is given twice" in done.stderr


@pytest.mark.parametrize("flag", ["-output", "-save-vocab"])
def test_no_output_may_replace_the_corpus(wordvec, text, flag):
    before = text.read_bytes()
    done = wordvec("word2vec", "-train", text, flag, text)
    assert done.returncode == 2 and flag.encode() in done.stderr
    assert text.read_bytes() == before


@pytest.mark.parametrize("flag", ["-output", "-save-vocab", "-ids"])
@pytest.mark.parametrize(
    "train, output",
    [("s?.txt", "s2.txt"), ("s?.txt", "link"), (".", "s1.txt"), (".", "new"), (".", "sub/new")],
)
def test_no_output_may_lie_in_the_corpus(wordvec, text, tmp_path, flag, train, output):
    for name in ("s1.txt", "s2.txt"):
        (tmp_path / name).write_bytes(text.read_bytes())
    (tmp_path / "sub").mkdir()
    (tmp_path / "link").symlink_to("s1.txt")
    done = wordvec("word2vec", "-train", train, flag, output)
    assert done.returncode == 2 and done.stdout == b"" and done.stderr.count(b"\n") == 1
    assert f"{flag}: '{output}'".encode() in done.stderr and b"-train" in done.stderr
    assert nothing_left(tmp_path, "link", "s1.txt", "s2.txt", "sub")
    assert (tmp_path / "s2.txt").read_bytes() == text.read_bytes()


def test_no_output_may_replace_redirected_stdin(wordvec, text, tmp_path):
    (tmp_path / "t").write_bytes(text.read_bytes())
    with open(tmp_path / "t", "rb") as file:
        done = wordvec("word2vec", "-train", "-", "-output", "t", stdin=file)
    assert done.returncode == 2 and b"-output: 't'" in done.stderr


def test_stdin_to_stdout(wordvec, text):
    with open(text, "rb") as file:
        done = wordvec("word2vec", "-train", "-", "-output", "-", *SMALL, stdin=file)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split(b"\n")[1].startswith(b"</s> ")
    assert b"Vocab size" in done.stderr  # the output lines went elsewhere


def test_two_outputs_in_one_file_are_refused(wordvec, text, tmp_path):
    for name in ("-", "v"):
        done = wordvec("word2vec", "-train", text, "-output", name, "-save-vocab", name)
        assert done.returncode == 2 and b"is the file of -output too" in done.stderr
    assert nothing_left(tmp_path)


@pytest.mark.parametrize("flag", ["-output", "-save-vocab"])
def test_a_missing_folder_is_found_before_the_work(wordvec, text, tmp_path, flag):
    done = wordvec("word2vec", "-train", text, flag, "no/such/folder/v", *SMALL)
    assert done.returncode == 1 and done.stderr.count(b"\n") == 1
    assert b"no/such/folder" in done.stderr and b"Vocab size" not in done.stdout
    assert nothing_left(tmp_path)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_one_line(wordvec, text):
    done = wordvec("word2vec", "-train", text, "-output", "/dev/full", *SMALL)
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1 and b"/dev/full" in done.stderr


@pytest.mark.parametrize("content", [b"", b"\n\n", b"too rare\n"])
def test_no_vocabulary_is_one_line(wordvec, tmp_path, content):
    (tmp_path / "t").write_bytes(content)
    done = wordvec("word2vec", "-train", "t", "-output", "v", "-save-vocab", "voc")
    assert done.returncode == 1 and done.stderr.count(b"\n") == 1
    assert nothing_left(tmp_path, "t")


def test_a_truncated_gz_is_one_line(wordvec, text, tmp_path):
    import gzip

    packed = gzip.compress(text.read_bytes())
    (tmp_path / "t.gz").write_bytes(packed[: len(packed) // 2])
    done = wordvec("word2vec", "-train", "t.gz", "-output", "v", *SMALL)
    assert done.returncode == 1 and done.stderr.count(b"\n") == 1 and b"t.gz" in done.stderr
    assert nothing_left(tmp_path, "t.gz")


def test_an_old_output_survives_a_failed_run(wordvec, tmp_path):
    (tmp_path / "v").write_bytes(b"precious")
    (tmp_path / "t").write_bytes(b"too rare\n")
    assert wordvec("word2vec", "-train", "t", "-output", "v").returncode == 1
    assert (tmp_path / "v").read_bytes() == b"precious"


def test_rare_words_name_the_file_and_the_flag(wordvec, tmp_path):
    (tmp_path / "t").write_bytes(b"rare words rare\n")
    done = wordvec("word2vec", "-train", "t", "-output", "v", "-min-count", 3)
    assert done.returncode == 1
    assert done.stderr == (
        b"wordvec word2vec: t: no word occurs 3 times or more; "
        b"the most frequent is 'rare' with 2; lower -min-count\n"
    )


def test_whole_limits_are_whole_numbers(wordvec):
    done = wordvec("word2vec", "-train", "t", "-seed", "-1")
    assert b"a whole number from 0 to 9223372036854775807, found -1" in done.stderr


def test_an_unknown_instruction_set_is_one_line(wordvec, command_environment, text):
    environment = command_environment | {"WORDVEC_SIMD": "bogus"}
    done = wordvec("word2vec", "-train", text, "-output", "v", *SMALL, env=environment)
    assert done.returncode == 1 and done.stderr.count(b"\n") == 1
    assert done.stderr.startswith(b"wordvec word2vec: WORDVEC_SIMD=bogus: ")


# --- Ctrl-C -----------------------------------------------------------------------------------

PROMPT_SECONDS = 5.0  # half a second on a quiet machine


def interrupt(process, n_times=1):
    """Send SIGINT; seconds until the program has ended, its output and its errors."""
    start = time.monotonic()
    for _ in range(n_times):
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    out, errors = process.communicate(timeout=30)
    return time.monotonic() - start, out, errors


def heed_hangups():
    """Tests may themselves run under nohup, whose children would inherit its deaf ear."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def started(command, command_environment, tmp_path):
    """Start the program; it is killed at the end of the test if it still runs."""
    processes = []

    def start(*arguments):
        process = subprocess.Popen(
            [*command, "word2vec", *map(str, arguments)],
            cwd=tmp_path, env=command_environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            preexec_fn=heed_hangups,
        )  # fmt: skip
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def wait_for(process, marker):
    """Read stdout until `marker` has come."""
    seen = b""
    while marker not in seen:
        piece = os.read(process.stdout.fileno(), 4096)
        assert piece, (seen, process.stderr.read())
        seen += piece


def test_ctrl_c_in_training_keeps_the_vectors(started, text, tmp_path):
    process = started(
        "-train", text, "-output", "v", "-save-vocab", "voc", "-iter", 10**6, "-threads", 2
    )
    wait_for(process, b"Progress: 0.")
    time.sleep(0.5)
    seconds, _, errors = interrupt(process)
    assert process.returncode == 130
    assert b"interrupted" in errors and errors.count(b"\n") == 1 and b"Traceback" not in errors
    assert seconds < PROMPT_SECONDS
    words, matrix = read_text_vectors(tmp_path / "v")
    assert b"king" in words and np.isfinite(matrix).all()
    assert nothing_left(tmp_path, "v", "voc")


def test_ctrl_c_while_counting_leaves_nothing(started, tmp_path):
    process = started("-train", "-", "-output", "v", "-save-vocab", "voc", "-min-count", 1)
    wait_for(process, b"\n")
    process.stdin.write(b"some words that never end\n" * 10000)
    process.stdin.flush()
    time.sleep(0.5)
    seconds, _, errors = interrupt(process)
    assert process.returncode == 130 and seconds < PROMPT_SECONDS
    assert b"nothing was written" in errors and errors.count(b"\n") == 1
    assert nothing_left(tmp_path)


def test_ctrl_c_while_a_named_pipe_has_no_writer(started, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    process = started("-train", "pipe", "-output", "v", "-threads", 2)
    wait_for(process, b"\n")
    time.sleep(0.4)
    seconds, _, errors = interrupt(process)
    assert process.returncode == 130 and seconds < PROMPT_SECONDS
    assert b"nothing was written" in errors and errors.count(b"\n") == 1
    assert nothing_left(tmp_path, "pipe")


def test_a_late_writer_of_a_named_pipe_is_waited_for(started, text, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    process = started("-train", "pipe", "-output", "v", *SMALL)
    wait_for(process, b"\n")
    time.sleep(0.4)
    with open(tmp_path / "pipe", "wb") as pipe:
        time.sleep(0.3)  # open, and nothing to read yet
        pipe.write(text.read_bytes())
    out, errors = process.communicate(timeout=30)
    assert process.returncode == 0 and errors == b"", errors
    assert b"Words in train file: 42000" in out
    assert nothing_left(tmp_path, "pipe", "v")


@pytest.mark.parametrize("seconds_before", [0.05, 0.1, 0.15, 0.2, 0.3, 0.4])
def test_ctrl_c_at_any_moment(started, text, tmp_path, seconds_before):
    process = started("-train", text, "-output", "v", "-iter", 10**6, "-threads", 2)
    time.sleep(seconds_before)
    seconds, _, errors = interrupt(process)
    assert seconds < PROMPT_SECONDS
    # While Python itself starts, up to the first import, it is not our program that answers.
    files = re.findall(rb'File "([^"]*)"', errors)
    is_pythons_start = process.returncode in (1, -signal.SIGINT) and all(
        b"wordvec" not in name or name.endswith(b"__main__.py") for name in files
    )
    assert is_pythons_start or (process.returncode == 130 and b"Traceback" not in errors), errors
    if (tmp_path / "v").exists():
        read_text_vectors(tmp_path / "v")
        assert nothing_left(tmp_path, "v")
    else:
        assert nothing_left(tmp_path)


def test_two_ctrl_c_end_at_once(started, text, tmp_path):
    process = started("-train", text, "-output", "v", "-iter", 10**6, "-threads", 2)
    wait_for(process, b"Progress: 0.")
    seconds, _, errors = interrupt(process, n_times=3)
    assert process.returncode == 130 and seconds < PROMPT_SECONDS
    assert b"Traceback" not in errors
    if (tmp_path / "v").exists():
        read_text_vectors(tmp_path / "v")


def test_progress_pipe_closed_is_quiet(started, text):
    process = started("-train", text, "-output", "v", "-iter", 10**6)
    wait_for(process, b"Progress: 0.")
    process.stdout.close()
    assert process.wait(timeout=10) == 141
    assert process.stderr.read() == b""
    process.stdout = None  # for communicate() at the end


@pytest.mark.parametrize("flag", ["-output", "-save-vocab"])
def test_reader_of_the_vectors_leaves(started, text, tmp_path, flag):
    # The rows are more than a pipe holds.
    process = started("-train", text, flag, "-", "-size", 1000, "-iter", 1, "-min-count", 1)
    process.stdout.close()
    assert process.wait(timeout=30) == 141
    assert b"wordvec" not in process.stderr.read()  # only the output lines
    process.stdout = None  # for communicate() at the end
    assert nothing_left(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("moment", ["counting", "training"])
def test_ending_signals_leave_nothing(started, text, tmp_path, number, moment):
    source = text if moment == "training" else "-"
    process = started("-train", source, "-output", "v", "-ids", "i", "-iter", 10**6)
    wait_for(process, b"Progress: 0." if moment == "training" else b"\n")
    time.sleep(0.2)
    assert any(name.endswith(".tmp") for name in os.listdir(tmp_path))
    process.send_signal(number)
    errors = process.communicate(timeout=PROMPT_SECONDS)[1]
    assert process.returncode == 128 + number
    assert errors.strip() == f"wordvec word2vec: ended by {number.name}".encode()
    assert nothing_left(tmp_path, *(["i"] if moment == "training" else []))


def test_an_ignored_hangup_stays_ignored(command, command_environment, text, tmp_path):
    line = [*command, "word2vec", "-train", text, "-output", "v", "-iter", str(10**6)]
    process = subprocess.Popen(
        ["nohup", *line], cwd=tmp_path, env=command_environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    wait_for(process, b"Progress: 0.")
    process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert process.poll() is None
    process.terminate()
    process.communicate(timeout=PROMPT_SECONDS)
    assert process.returncode == 128 + signal.SIGTERM
