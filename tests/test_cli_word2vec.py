"""`wordvec word2vec`, run as a program: the original's manners, files, errors and Ctrl-C."""

import os
import random
import re
import signal
import subprocess
import time

import numpy as np
import pytest

SMALL = ["-size", 8, "-threads", 1, "-iter", 2, "-min-count", 1]
RECORD = re.compile(
    rb"\rAlpha: (\d\.\d{6})  Progress: (\d+\.\d\d)%  Words/thread/sec: (\d+\.\d\d)k  "
)


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """Some thousand sentences in which `king` and `queen` share their neighbours."""
    rng = random.Random(1)
    words = [f"w{k}" for k in range(300)]
    lines = []
    for _ in range(3000):
        line = rng.choices(words, k=9)
        line[4:4] = [rng.choice(["king", "queen"]), "rules", "the", "land"]
        lines.append(" ".join(line))
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def read_text_vectors(path):
    lines = path.read_bytes().split(b"\n")
    n_words, dim = map(int, lines[0].split())
    rows = [line.split(b" ") for line in lines[1:-1]]
    assert len(rows) == n_words and lines[-1] == b""
    # every line ends in a blank, so that the last field is empty
    assert all(len(row) == dim + 2 and row[-1] == b"" for row in rows)
    return [row[0] for row in rows], np.array([row[1:-1] for row in rows], np.float32)


def nothing_left(folder, *expected):
    return sorted(os.listdir(folder)) == sorted(expected)


# --- the original's manners -------------------------------------------------------------------


def test_no_arguments_print_the_usage(wordvec):
    done = wordvec("word2vec")
    assert (done.returncode, done.stderr) == (0, b"")
    for flag in b"-train -output -size -window -sample -hs -negative -threads -iter".split():
        assert flag in done.stdout
    for flag in b"-min-count -alpha -classes -debug -binary -save-vocab -read-vocab -cbow".split():
        assert flag in done.stdout


@pytest.mark.parametrize("flag", ["-train", "-size", "-read-vocab", "-cbow"])
def test_a_flag_without_value(wordvec, flag):
    done = wordvec("word2vec", flag)
    assert (done.returncode, done.stdout) == (1, f"Argument missing for {flag}\n".encode())


@pytest.mark.parametrize("extra", [[], ["-output", "v.txt", "-save-vocab", "voc"]])
def test_missing_corpus(wordvec, tmp_path, extra):
    done = wordvec("word2vec", "-train", "none.txt", *extra)
    assert done.returncode == 1
    assert done.stdout == (
        b"Starting training using file none.txt\nERROR: training data file not found!\n"
    )
    assert nothing_left(tmp_path)


def test_missing_vocabulary_file(wordvec, text):
    done = wordvec("word2vec", "-train", text, "-read-vocab", "none")
    assert done.returncode == 1
    assert done.stdout.endswith(b"\nVocabulary file not found\n")


def test_output_lines_and_records(wordvec, text, tmp_path):
    done = wordvec("word2vec", "-train", text, "-output", "v.txt", *SMALL)
    assert done.returncode == 0, done.stderr
    head = f"Starting training using file {text}\nVocab size: 306\nWords in train file: 42000\n"
    assert done.stdout.startswith(head.encode())
    records = RECORD.findall(done.stdout)
    assert RECORD.sub(b"", done.stdout) == head.encode()  # nothing else, no final newline
    assert float(records[0][0]) == 0.05  # CBOW
    assert float(records[-1][1]) > 95  # all epochs with one thread (deliberate fix 1)
    assert nothing_left(tmp_path, "v.txt")


def test_start_rate_of_skip_gram(wordvec, text):
    done = wordvec("word2vec", "-train", text, "-output", "v.txt", "-cbow", 0, *SMALL)
    assert RECORD.findall(done.stdout)[0][0] == b"0.025000"


@pytest.mark.parametrize("debug, n_lines", [(0, 1), (1, 3)])
def test_debug_levels(wordvec, text, debug, n_lines):
    done = wordvec("word2vec", "-train", text, "-output", "v.txt", "-debug", debug, *SMALL)
    assert done.stdout.count(b"\n") == n_lines and b"\r" not in done.stdout


def test_without_output_only_the_vocabulary(wordvec, text, tmp_path):
    done = wordvec("word2vec", "-train", text, "-save-vocab", "voc", "-min-count", 1)
    assert done.returncode == 0 and b"Vocab size: 306\n" in done.stdout
    assert nothing_left(tmp_path, "voc")
    lines = (tmp_path / "voc").read_bytes().splitlines()
    assert lines[0] == b"</s> 3000" and set(lines[1:3]) == {b"rules 3000", b"the 3000"}


def test_tokeniser_of_the_original(wordvec, tmp_path):
    (tmp_path / "t").write_bytes(b"x y\tz\r\n\n\nfoo")
    done = wordvec("word2vec", "-train", "t", "-save-vocab", "voc", "-min-count", 1)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "voc").read_bytes() == b"</s> 3\nx 1\ny 1\nz 1\n"


def test_long_words_are_cut_as_the_original_does_and_it_is_said(wordvec, tmp_path):
    words = [b"a" * 97, b"b" * 98, b"c" * 99, b"d" * 120]
    (tmp_path / "t").write_bytes(b" ".join(words) + b"\n")
    done = wordvec("word2vec", "-train", "t", "-save-vocab", "voc", "-output", "v", *SMALL)
    assert done.returncode == 0, done.stderr
    lengths = [len(line.split()[0]) for line in (tmp_path / "voc").read_bytes().splitlines()[1:]]
    assert lengths == [97, 98, 98, 98]
    assert b"98" in done.stderr


def test_vocabulary_round_trip(wordvec, text, tmp_path):
    wordvec("word2vec", "-train", text, "-save-vocab", "a", "-min-count", 1)
    wordvec("word2vec", "-train", text, "-read-vocab", "a", "-save-vocab", "b", "-min-count", 1)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    wordvec("word2vec", "-train", text, "-read-vocab", "a", "-save-vocab", "c", "-min-count", 120)
    kept = [line for line in (tmp_path / "a").read_bytes().splitlines(True)
            if int(line.split()[1]) >= 120]  # fmt: skip
    assert 4 < len(kept) < 306
    assert (tmp_path / "c").read_bytes() == b"".join(kept)


# --- files ------------------------------------------------------------------------------------


def test_start_vectors_of_the_original(wordvec, text, tmp_path):
    wordvec("word2vec", "-train", text, "-output", "v", *SMALL, "-alpha", 0)
    wordvec("word2vec", "-train", text, "-output", "w", "-size", 5, "-alpha", 0, "-iter", 1)
    first = (tmp_path / "w").read_bytes().split(b"\n")[1]
    assert first == b"</s> 0.080054 0.088388 -0.076605 -0.065561 0.027332 "


def test_text_and_binary_hold_the_same(wordvec, text, tmp_path):
    wordvec("word2vec", "-train", text, "-output", "v.txt", *SMALL)
    wordvec("word2vec", "-train", text, "-output", "v.bin", "-binary", 1, *SMALL)
    words, matrix = read_text_vectors(tmp_path / "v.txt")
    assert words[0] == b"</s>" and b"king" in words
    blob = (tmp_path / "v.bin").read_bytes()
    expected = b"%d %d\n" % matrix.shape
    at = len(expected)
    assert blob.startswith(expected)
    for word, row in zip(words, matrix, strict=True):
        assert blob[at : at + len(word) + 1] == word + b" "
        at += len(word) + 1
        np.testing.assert_allclose(np.frombuffer(blob, "<f4", len(row), at), row, atol=6e-7)
        at += 4 * len(row)
        assert blob[at : at + 1] == b"\n"
        at += 1
    assert at == len(blob)


def test_same_seed_one_thread_same_bytes(wordvec, text, tmp_path):
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        wordvec("word2vec", "-train", text, "-output", name, "-seed", seed, *SMALL)
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b != c


def test_it_learns(wordvec, text, tmp_path):
    done = wordvec(
        "word2vec", "-train", text, "-output", "v", "-cbow", 0, "-size", 20, "-iter", 10,
        "-sample", 0, "-threads", 2,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    words, matrix = read_text_vectors(tmp_path / "v")
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    scores = matrix @ matrix[words.index(b"king")]
    assert words[np.argsort(-scores)[1]] == b"queen"


@pytest.mark.parametrize("hs, negative", [(1, 0), (0, 5), (1, 5), (0, 0)])
def test_both_outputs_are_independent_switches(wordvec, text, tmp_path, hs, negative):
    wordvec("word2vec", "-train", text, "-output", "start", *SMALL, "-alpha", 0)
    wordvec("word2vec", "-train", text, "-output", "v", *SMALL, "-hs", hs, "-negative", negative)
    same = (tmp_path / "v").read_bytes() == (tmp_path / "start").read_bytes()
    assert same == (hs == negative == 0)


def test_classes_follow_the_rule(wordvec, text, tmp_path):
    wordvec("word2vec", "-train", text, "-output", "v", "-binary", 1, *SMALL)
    wordvec("word2vec", "-train", text, "-output", "c", "-classes", 7, *SMALL)
    blob = (tmp_path / "v").read_bytes()
    at, words, rows = blob.index(b"\n") + 1, [], []
    while at < len(blob):
        end = blob.index(b" ", at)
        words.append(blob[at:end])
        rows.append(np.frombuffer(blob, "<f4", 8, end + 1))
        at = end + 1 + 32 + 1
    lines = (tmp_path / "c").read_bytes().splitlines()
    assert [line.split()[0] for line in lines] == words
    classes = np.array([int(line.split()[1]) for line in lines])
    assert set(classes) <= set(range(7)) and len(set(classes)) > 1
    # Words without a pattern lie almost between two classes; the last bit decides some of them.
    assert np.mean(classes == k_means(np.array(rows), 7)) > 0.9


@pytest.mark.parametrize(
    "n_words, dim, n_classes", [(300, 8, 7), (5, 3, 9), (9000, 16, 3), (1, 1, 1)]
)
def test_classes_equal_the_loop_over_words(n_words, dim, n_classes):
    from wordvec_cli.classes import classes_of

    vectors = np.random.default_rng(0).standard_normal((n_words, dim)).astype(np.float32)
    padded = np.zeros((n_words, dim + 5), np.float32)
    padded[:, :dim] = vectors
    expected = k_means(vectors, n_classes)
    assert classes_of(padded[:, :dim], n_classes).tolist() == expected


def k_means(vectors, n_classes):
    """The original's loop over words, as plainly as it can be said."""
    classes = [i % n_classes for i in range(len(vectors))]
    for _ in range(10):
        sums = np.zeros((n_classes, vectors.shape[1]), np.float32)
        sizes = np.ones(n_classes, np.float32)
        for i, row in enumerate(vectors):
            sums[classes[i]] += row
            sizes[classes[i]] += 1
        means = sums / sizes[:, None]
        with np.errstate(invalid="ignore"):
            means /= np.sqrt((means**2).sum(axis=1))[:, None]
        for i, row in enumerate(vectors):
            best, classes[i] = np.float32(-10), 0
            for k, score in enumerate(means @ row):
                if score > best:
                    best, classes[i] = score, k
    return classes


def test_ids_are_kept_and_used_again(wordvec, text, tmp_path):
    for name in ("a", "b"):
        done = wordvec("word2vec", "-train", text, "-output", name, "-ids", "ids", *SMALL)
        assert done.returncode == 0, done.stderr
    wordvec("word2vec", "-train", text, "-output", "c", *SMALL)
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b == c
    assert nothing_left(tmp_path, "a", "b", "c", "ids")


def test_bytes_that_are_not_utf8_survive(wordvec, tmp_path):
    (tmp_path / "t").write_bytes(b"caf\xe9 \xff\xfe ok\n" * 20)
    done = wordvec("word2vec", "-train", "t", "-output", "v", "-save-vocab", "voc", *SMALL)
    assert done.returncode == 0, done.stderr
    words, _ = read_text_vectors(tmp_path / "v")
    assert words == [b"</s>", b"caf\xe9", b"\xff\xfe", b"ok"]
    assert [line.split()[0] for line in (tmp_path / "voc").read_bytes().splitlines()] == words


def test_a_file_name_that_is_not_utf8(wordvec, text, tmp_path):
    name = os.fsdecode(b"t\xff.txt")
    try:
        (tmp_path / name).write_bytes(text.read_bytes())
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    done = wordvec("word2vec", "-train", name, "-output", "v", *SMALL)
    assert done.returncode == 0 and done.stdout.startswith(
        b"Starting training using file t\xff.txt\n"
    )


def test_output_to_stdout_is_the_file_alone(wordvec, text, tmp_path):
    wordvec("word2vec", "-train", text, "-output", "v", *SMALL)
    done = wordvec("word2vec", "-train", text, "-output", "-", *SMALL)
    assert done.returncode == 0
    assert done.stdout == (tmp_path / "v").read_bytes()
    assert done.stderr.startswith(b"Starting training using file")
    assert nothing_left(tmp_path, "v")


def test_text_from_stdin(wordvec, text, tmp_path):
    wordvec("word2vec", "-train", text, "-output", "v", *SMALL)
    with text.open("rb") as stream:
        done = wordvec("word2vec", "-train", "-", "-output", "w", *SMALL, stdin=stream)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "v").read_bytes() == (tmp_path / "w").read_bytes()


# --- errors -----------------------------------------------------------------------------------

BAD_VALUES = [
    ("-size", "0"), ("-size", "ten"), ("-size", "1.5"), ("-window", "0"), ("-iter", "0"),
    ("-threads", "0"), ("-threads", "-1"), ("-cbow", "2"), ("-hs", "yes"), ("-negative", "-1"),
    ("-sample", "much"), ("-sample", "-1"), ("-alpha", "nan"), ("-min-count", "-3"),
    ("-negatives", "none"), ("-memory", "lots"), ("-classes", "-1"), ("-binary", "7"),
    ("-seed", "-1"), ("-size", "1_0"), ("-debug", "x"), ("-output", ""),
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


# --- Ctrl-C -----------------------------------------------------------------------------------

PROMPT_SECONDS = 2.0


def interrupt(process, n_times=1):
    """Send SIGINT; seconds until the program has ended, its output and its errors."""
    start = time.monotonic()
    for _ in range(n_times):
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    out, errors = process.communicate(timeout=30)
    return time.monotonic() - start, out, errors


@pytest.fixture
def started(command, command_environment, tmp_path):
    """Start the program; it is killed at the end of the test if it still runs."""
    processes = []

    def start(*arguments):
        process = subprocess.Popen(
            [*command, "word2vec", *map(str, arguments)],
            cwd=tmp_path, env=command_environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
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


@pytest.mark.parametrize("seconds_before", [0.05, 0.1, 0.15, 0.2, 0.3, 0.4])
def test_ctrl_c_at_any_moment(started, text, tmp_path, seconds_before):
    process = started("-train", text, "-output", "v", "-iter", 10**6, "-threads", 2)
    time.sleep(seconds_before)
    seconds, _, errors = interrupt(process)
    assert seconds < PROMPT_SECONDS
    # While Python itself starts, it is not our program that answers.
    is_pythons_start = process.returncode in (1, -signal.SIGINT) and b"wordvec" not in errors
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
