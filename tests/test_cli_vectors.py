"""`wordvec nn`, `analogy`, `convert` and `info`, run as programs."""

import json
import os
import pty
import select
import signal
import subprocess
import threading
import time

import numpy as np
import pytest

import wordvec as library
from wordvec import Vectors

WORDS = ["</s>", "man", "king", "woman", "queen", "kings", "new york", "café", "k\udcffx", "zero"]


@pytest.fixture
def vectors(tmp_path):
    """A text file of some words with a known answer, and the same as Vectors."""
    matrix = np.random.default_rng(1).normal(scale=0.1, size=(len(WORDS), 6)).astype(np.float32)
    matrix[[1, 2], 0] += 2
    matrix[[3, 4], 1] += 2
    matrix[[2, 4], 2] += 1
    matrix[9] = 0
    words = [word.replace(" ", "_") for word in WORDS]
    made = Vectors(words, matrix)
    library.save(made, tmp_path / "v.bin")
    return made


def lines_of(done):
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def test_neighbours_of_arguments(wordvec, vectors):
    done = wordvec("nn", "v.bin", "king", "-k", "3")
    (answer,) = lines_of(done)  # not on a terminal: JSON
    assert done.returncode == 0 and done.stderr == b"" and answer["query"] == "king"
    expected = vectors.similar("king", 3)
    assert [n["word"] for n in answer["neighbours"]] == [word for word, _ in expected]
    assert answer["neighbours"][0]["cosine"] == pytest.approx(expected[0][1], abs=1e-5)
    text = wordvec("nn", "v.bin", "king", "-k", "3", "--text").stdout.decode()
    shown = [word.replace("\udcff", "\\xff") for word, _ in expected]
    assert [line.split()[0] for line in text.splitlines()] == shown
    assert len({line.index("0.") for line in text.splitlines() if "-" not in line}) == 1


def test_several_words_of_one_query_are_summed(wordvec, vectors):
    (answer,) = lines_of(wordvec("nn", "v.bin", "man king", "-k", "1"))
    units = [vectors[word] / np.linalg.norm(vectors[word]) for word in ("man", "king")]
    rows, _ = vectors.nearest(np.array([sum(units)]), 1, [[1, 2]])
    assert answer["neighbours"][0]["word"] == vectors.words[rows[0, 0]]


def test_an_unknown_argument_is_exit_code_1(wordvec, vectors):
    done = wordvec("nn", "v.bin", "king", "kngs", "--text")
    assert done.returncode == 1 and done.stdout.startswith(b"king\n")
    assert done.stderr == (
        b"wordvec nn: 'kngs' is not among the 10 words; did you mean kings, king?\n"
    )
    done = wordvec("nn", "v.bin", "KING")
    assert done.returncode == 1 and done.stderr == b""
    assert lines_of(done)[0]["suggestions"][0] == "king"


def test_queries_from_standard_input(wordvec, vectors):
    done = wordvec("nn", "v.bin", "-k", "2", stdin=None, input=b"king\n\nnope\nk\xffx\nzero")
    assert done.returncode == 0 and done.stderr == b""
    king, nope, odd, zero = lines_of(done)
    assert king["query"] == "king" and "error" in nope and len(odd["neighbours"]) == 2
    assert zero["neighbours"] == []
    text = wordvec("nn", "v.bin", "-k", "1", "--text", stdin=None, input=b"k\xffx\nzero\n").stdout
    assert text.startswith(b"k\\xffx\n  ") and b"zero\n  no neighbours" in text
    assert wordvec("nn", "v.bin").stdout == b""  # nothing asked


def test_answers_do_not_wait_for_the_end_of_the_input(
    command, command_environment, vectors, tmp_path
):
    line = [*command, "nn", "v.bin", "-k", "1"]
    with subprocess.Popen(line, cwd=tmp_path, env=command_environment, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as running:  # fmt: skip
        for word in ("king", "queen"):
            running.stdin.write(word.encode() + b"\n")
            running.stdin.flush()
            assert json.loads(running.stdout.readline())["query"] == word
        running.stdin.close()
        assert running.wait(20) == 0


def on_a_terminal(command, environment, folder, arguments, keys):
    """What a command prints on a terminal where somebody types `keys`; and its exit code."""
    terminal, inside = pty.openpty()
    running = subprocess.Popen(
        [*command, *arguments], cwd=folder, env=environment | {"TERM": "dumb"},
        stdin=inside, stdout=inside, stderr=inside, start_new_session=True,
    )  # fmt: skip
    os.close(inside)
    shown = b""
    keys, sent = list(keys), None
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if not select.select([terminal], [], [], 1)[0]:
                if sent is not None:  # one that came before the prompt waited for input was lost
                    running.send_signal(sent)
                continue
            shown += os.read(terminal, 4096)
        except OSError:  # the other side is gone
            break
        if keys and shown.endswith(b"> "):
            key = keys.pop(0)
            if isinstance(key, bytes):
                os.write(terminal, key)
            else:
                running.send_signal(sent := key)
    os.close(terminal)
    running.kill()
    return shown.decode(), running.wait(20)


def test_a_prompt_on_a_terminal(command, command_environment, vectors, tmp_path):
    shown, code = on_a_terminal(
        command, command_environment, tmp_path, ["nn", "v.bin", "-k", "2"],
        [b"king\n", b"kign\n", b"\n", b"\x04"],
    )  # fmt: skip
    assert (code == 0 and "  queen" in shown) or "  man" in shown
    assert "did you mean king" in shown and "Traceback" not in shown and "{" not in shown


def test_ctrl_c_at_the_prompt_is_quiet(command, command_environment, vectors, tmp_path):
    shown, code = on_a_terminal(
        command, command_environment, tmp_path, ["nn", "v.bin"], [signal.SIGINT]
    )
    assert code == 130 and shown.replace("\r", "").strip() == "word>"


def test_analogies(wordvec, vectors):
    (answer,) = lines_of(wordvec("analogy", "v.bin", "man", "king", "woman", "-k", "1"))
    assert answer["neighbours"][0]["word"] == "queen" and answer["query"] == "man king woman"
    for method in ("3cosmul", "pairwise"):
        done = wordvec("analogy", "v.bin", "man", "king", "woman", "--method", method, "--text")
        assert done.stdout.split()[0] == b"queen"
    done = wordvec("analogy", "v.bin", stdin=None, input=b"man king woman\na b\nman king zzz\n")
    good, short, unknown = lines_of(done)
    assert good["neighbours"] and "found 2" in short["error"] and "zzz" in unknown["error"]
    assert done.returncode == 0
    assert wordvec("analogy", "v.bin", "man", "king", "nobody").returncode == 1


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["nn"], b"Missing argument 'FILE'"),
        (["nn", "v.bin", "-k", "0"], b"-k"),
        (["nn", "v.bin", "king", "--format", "nope"], b"--format: expected "),
        (["analogy", "v.bin", "a", "b"], b"expected three words A B C, or none; found 2"),
        (["analogy", "v.bin", "--method", "x"], b"--method"),
        (["convert", "v.bin", "v.bin"], b"OUT is the same file as v.bin"),
        (["convert", "v.bin", "o", "--format", "nope"], b"--format: expected "),
        (["info"], b"Missing argument 'FILE...'"),
    ],
)
def test_wrong_usage_is_one_line_and_2(wordvec, vectors, arguments, message):
    done = wordvec(*arguments)
    assert done.returncode == 2 and message in done.stderr and done.stdout == b""
    assert done.stderr.startswith(b"wordvec " + arguments[0].encode())
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("name", ["nn", "analogy", "info", "convert"])
def test_files_that_are_none_are_one_line_and_1(wordvec, tmp_path, name):
    (tmp_path / "bad").write_bytes(b"\x00\x01 nothing")
    for file in ("bad", "absent", "."):
        done = wordvec(name, file, *(["out"] if name == "convert" else []))
        assert done.returncode == 1 and done.stdout == b"" and done.stderr.count(b"\n") == 1
        assert file.encode() in done.stderr
    assert sorted(os.listdir(tmp_path)) == ["bad"]


def test_convert(wordvec, vectors, tmp_path):
    done = wordvec("convert", "v.bin", "v.txt.gz")
    assert done.returncode == 0 and done.stderr.count(b"\n") == 1, done.stderr
    assert done.stdout.startswith(b"v.txt.gz: 10 words, 6 dimensions, word2vec-text in gzip, ")
    again = library.load(tmp_path / "v.txt.gz")
    assert list(again.words) == list(vectors.words)
    assert again.matrix == pytest.approx(vectors.matrix, abs=1e-6)
    assert wordvec("convert", "v.bin", "w", "--format", "word2vec-binary").returncode == 0
    assert (tmp_path / "w").read_bytes() == (tmp_path / "v.bin").read_bytes()
    wordvec("convert", "v.bin", "few.bin", "--limit", "3")
    assert len(library.load(tmp_path / "few.bin")) == 3
    out = wordvec("convert", "v.bin", "-", "--format", "word2vec-binary").stdout
    assert out == (tmp_path / "v.bin").read_bytes()


def test_convert_some_words(wordvec, vectors, tmp_path):
    (tmp_path / "list").write_bytes(b"queen 7\r\nking\nabsent\t3\n\nk\xffx\n")
    done = wordvec("convert", "v.bin", "some.bin", "--words", "list")
    assert done.returncode == 0 and b"note: 1 of 4 words are not in v.bin" in done.stderr
    assert list(library.load(tmp_path / "some.bin").words) == ["king", "queen", "k\udcffx"]
    (tmp_path / "list").write_bytes(b"absent\n")
    done = wordvec("convert", "v.bin", "none.bin", "--words", "list")
    assert done.returncode == 1 and b"none of the 1 words" in done.stderr
    (tmp_path / "list").write_bytes(b"\n")
    assert wordvec("convert", "v.bin", "none.bin", "--words", "list").returncode == 1
    assert not (tmp_path / "none.bin").exists()
    os.symlink("v.bin", tmp_path / "link")
    before = (tmp_path / "v.bin").read_bytes()
    assert wordvec("convert", "v.bin", "link").returncode == 2
    assert (tmp_path / "v.bin").read_bytes() == before


def test_convert_fails_before_the_work(wordvec, vectors):
    done = wordvec("convert", "absent", "nowhere/out.bin")
    assert done.returncode == 1 and b"folder" in done.stderr  # not that IN is missing
    done = wordvec("convert", "v.bin", "v.npz.gz")
    assert done.returncode == 2 and b" OUT: expected a name without .gz" in done.stderr


def test_info(wordvec, tmp_path):
    matrix = np.array([[3, 4], [0, 0], [np.nan, 1], [1, 0]], np.float32)
    library.save(Vectors(["a", "b", "a", "k\x1bx"], matrix), tmp_path / "v.bin")
    done = wordvec("info", "v.bin", "--json")
    (found,) = lines_of(done)
    assert (found["format"], found["n_words"], found["dim"]) == ("word2vec-binary", 4, 2)
    assert found["norms"] == {"min": 0, "median": 1, "max": 5}
    assert (found["n_duplicates"], found["n_zero_rows"], found["n_nonfinite_rows"]) == (1, 1, 1)
    assert found["n_bytes"] == os.path.getsize(tmp_path / "v.bin")
    text = wordvec("info", "v.bin", "v.bin").stdout.decode()
    assert text.count("non-finite rows  1: 'a'") == 2 and "\x1b" not in text
    assert "min 0, median 1, max 5" in text
    library.save(Vectors([], np.empty((0, 2), np.float32)), tmp_path / "empty.bin")
    assert b"no finite row" in wordvec("info", "empty.bin").stdout


def test_a_closed_pipe_is_quiet(command, command_environment, vectors, tmp_path):
    line = subprocess.list2cmdline(command)
    script = f"yes king | {line} nn v.bin | head -1 > /dev/null; exit ${{PIPESTATUS[1]}}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=command_environment, capture_output=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert done.stderr == b"" and done.returncode == 141


def test_convert_says_when_digits_are_lost(wordvec, vectors, tmp_path):
    for target, style in (("v.txt", b"%.6f"), ("v.vec", b"%.5g"), ("v.glove.txt", b"%.6f")):
        done = wordvec("convert", "v.bin", target)
        assert done.returncode == 0
        assert done.stderr.startswith(b"wordvec convert: note: ") and style in done.stderr
    assert library.load(tmp_path / "v.glove.txt").words == library.load(tmp_path / "v.txt").words
    assert not (tmp_path / "v.glove.txt").read_bytes().startswith(b"10 ")  # GloVe has no first line
    again = wordvec("convert", "v.vec", "again.txt", "--format", "fasttext-vec")
    assert again.stderr == b""  # these digits are all there are

    done = wordvec("convert", "v.bin", "exact.txt", "--format", "gensim-text")
    assert (done.returncode, done.stderr) == (0, b"")
    found, expected = library.load(tmp_path / "exact.txt"), vectors
    assert found.words == expected.words and np.array_equal(found.matrix, expected.matrix)


def test_convert_from_standard_input(wordvec, vectors, tmp_path):
    with open(tmp_path / "v.bin", "rb") as stream:
        done = wordvec("convert", "-", "out.npz", stdin=stream)
    assert done.returncode == 0, done.stderr
    found, expected = library.load(tmp_path / "out.npz"), vectors
    assert np.array_equal(found.matrix, expected.matrix)


@pytest.mark.parametrize("arguments", [["nn", "p", "w"], ["info", "p"], ["convert", "p", "o.npy"]])
def test_a_pickle_is_refused_with_the_flag_to_type(wordvec, tmp_path, arguments):
    (tmp_path / "p").write_bytes(b"\x80\x04N.")
    done = wordvec(*arguments)
    assert done.returncode == 1 and done.stdout == b""
    assert b"add --allow-pickle" in done.stderr and b"=True" not in done.stderr


def test_eval_of_a_pipe(wordvec, vectors, tmp_path):
    """It can be read only once: what it is must not be looked up before."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "pairs.txt").write_text("king queen 5\nman woman 3\nking man 1\n")
    writer = threading.Thread(
        target=lambda: (tmp_path / "pipe").write_bytes((tmp_path / "v.bin").read_bytes())
    )
    writer.start()
    done = wordvec("eval", "pipe", "pairs.txt", "--json")
    writer.join(10)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["files"][0]["dim"] == vectors.dim


def test_info_reads_a_pipe(command, command_environment, vectors, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(
        [*command, "info", "pipe"], cwd=tmp_path, env=command_environment, stdout=subprocess.PIPE
    ) as running:
        (tmp_path / "pipe").write_bytes((tmp_path / "v.bin").read_bytes())
        shown = running.communicate(timeout=60)[0]
    assert running.returncode == 0 and b"dimensions" in shown and b"pipe" in shown
