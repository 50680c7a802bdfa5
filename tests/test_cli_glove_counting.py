"""`wordvec glove vocab_count|cooccur|shuffle`, run as programs."""

import math
import os
import random
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import reference

from wordvec.records import RECORD

FULL = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")


def records_of(done):
    assert done.returncode == 0, done.stderr
    return np.frombuffer(done.stdout, RECORD)


@pytest.fixture
def glove(wordvec):
    """Run a tool on bytes."""

    def run(tool, *arguments, text=b"", **options):
        if "stdin" not in options:
            options |= {"stdin": None, "input": text}
        return wordvec("glove", tool, *arguments, **options)

    return run


def one_line(done, part, code=1):
    """The last line of stderr is the error, without a traceback, and nothing is on stdout."""
    *before, line = done.stderr.decode().splitlines()
    assert (done.returncode, done.stdout) == (code, b"")
    assert line.startswith("wordvec glove: ") and part in line, line
    assert not any("Traceback" in other for other in before)


# ---- vocab_count ------------------------------------------------------------------------------


def test_order_of_ties_and_last_word(glove):
    text = "b a é a B b a\r\nfo\ro  zz".encode()
    done = glove("vocab_count", text=text)
    assert done.stdout.decode() == "a 3\nb 2\né 1\nB 1\nfoo 1\nzz 1\n"
    assert done.stderr.decode() == (
        "BUILDING VOCABULARY\nProcessed 0 tokens.\x1b[0GProcessed 9 tokens.\n"
        "Counted 6 unique words.\nUsing vocabulary of size 6.\n\n"
    )


def test_long_words_alike_and_prefixes(glove):
    """Words that differ late; an end counts as zero, so before ASCII and after other bytes."""
    words = [b"x" * 30 + end for end in (b"", b"a", b"\xc3\xa9", b"aa", b"\x01")]
    words += [b"y" * n for n in (7, 8, 9, 23, 24, 25)] + [b"y" * 8 + b"\xff", b"y" * 24 + b"\xff"]
    random.Random(1).shuffle(words)
    done = glove("vocab_count", "-verbose", 0, text=b" ".join(words))

    def key(word):
        return [byte - 256 if byte > 127 else byte for byte in word] + [0]

    assert done.stdout == b"".join(word + b" 1\n" for word in sorted(words, key=key))
    assert done.stderr == b"BUILDING VOCABULARY\nUsing vocabulary of size 13.\n\n"


def test_words_cut_at_999_bytes(glove):
    text = b"a" * 1200 + b" " + "é".encode() * 600 + b" " + b"b" + "\u20ac".encode() * 400
    done = glove("vocab_count", "-verbose", 0, text=text)
    assert b"wordvec glove vocab_count: words cut at 999 bytes: 3\n" in done.stderr
    words = [line.split()[0] for line in done.stdout.splitlines()]
    assert sorted(map(len, words)) == [997, 998, 999]
    assert all(word.decode() for word in words)


@pytest.mark.parametrize("max_vocab, min_count, said", [
    (3, 1, "Truncating vocabulary at size 3."), (3, 4, "Truncating vocabulary at min count 4."),
    (0, 3, "Truncating vocabulary at min count 3."), (9, 1, None),
])  # fmt: skip
def test_limits(glove, max_vocab, min_count, said):
    text = b"".join(b"w%d " % k * k for k in range(1, 6))
    done = glove("vocab_count", "-max-vocab", max_vocab, "-min-count", min_count, text=text)
    expected = [b"w%d %d" % (k, k) for k in range(5, 0, -1) if k >= min_count][: max_vocab or 5]
    assert done.stdout.splitlines() == expected
    lines = done.stderr.decode().splitlines()
    assert (said in lines) if said else not any("Truncating" in line for line in lines)
    assert lines[-2] == f"Using vocabulary of size {len(expected)}."


def test_nothing_frequent_enough_is_an_empty_vocabulary(glove):
    done = glove("vocab_count", "-min-count", 2, text=b"a b c")
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"Using vocabulary of size 0." in done.stderr


def hash_slot(word):
    """The original's: bytes with their sign, 32 bits."""
    h = 1159241
    for byte in word:
        h = (h ^ ((h << 5) + (byte - 256 if byte > 127 else byte) + (h >> 2))) & 0xFFFFFFFF
    return (h & 0x7FFFFFFF) % 1048576


def test_the_choice_among_ties_follows_the_hash_table(glove):
    assert (hash_slot(b"the"), hash_slot(b"of")) == (985692, 551688)
    words = [f"wörd{k}".encode() for k in range(300)]
    done = glove("vocab_count", "-max-vocab", 100, text=b" ".join(words + [b"top"] * 2))
    kept = {line.split()[0] for line in done.stdout.splitlines()}
    assert kept == {b"top", *sorted(words, key=hash_slot)[:99]}


def words_of_one_slot(n):
    """Different words that the original's hash table keeps in one place."""
    slots = {}
    for k in range(10**6):
        word = b"v%d" % k
        alike = slots.setdefault(hash_slot(word), [])
        alike.append(word)
        if len(alike) == n:
            return alike
    raise AssertionError


def test_words_of_one_slot_as_they_were_last_seen(glove):
    """A word met again moves to the front of its slot; a new one is appended."""
    a, b, c = words_of_one_slot(3)
    for text, kept in (([a, b, c], [a, b]), ([a, b, c, c, b, a], [a, b]),
                       ([a, b, c, a, b, c], [c, b]), ([c, a, b, a, c, b], [b, c])):  # fmt: skip
        done = glove("vocab_count", "-max-vocab", 2, text=b" ".join(text))
        assert {line.split()[0] for line in done.stdout.splitlines()} == set(kept)


@pytest.mark.parametrize("flags", [[], ["-max-vocab", 9]])
def test_nul_bytes_are_told(glove, flags):
    """The original counts the empty word too, and its own readers stumble over that line."""
    done = glove("vocab_count", *flags, text=b"a b\0c \0d")
    assert done.stdout == b"a 1\nb 1\n"
    assert b"vocab_count: empty words left out: 1\n" in done.stderr


def test_unk_in_the_corpus(glove):
    done = glove("vocab_count", text=b"a <unk> b")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"\nError, <unk> vector found in corpus.\n" in done.stderr


@pytest.mark.parametrize("text", [b"", b"\n \n\t\r\n", b"\0\0 \0"])
def test_empty_corpora(glove, tmp_path, text):
    one_line(glove("vocab_count", text=text), "the corpus is empty")
    (tmp_path / "vocab.txt").write_bytes(b"a 3\n")
    one_line(glove("cooccur", "-window-size", 2, text=text), "the corpus is empty")


# ---- cooccur ----------------------------------------------------------------------------------


@pytest.fixture
def vocab(tmp_path):
    (tmp_path / "vocab.txt").write_bytes(b"a 2\nb 1\n")


def test_the_sheets_example(glove, vocab):
    done = glove("cooccur", "-verbose", 2, text=b"a b a")
    assert records_of(done).tolist() == [(1, 1, 1.0), (1, 2, 2.0), (2, 1, 2.0)]
    assert done.stderr.decode() == (
        "COUNTING COOCCURRENCES\nwindow size: 15\ncontext: symmetric\nmax product: 10485784\n"
        'overflow length: 28521267\nReading vocab from file "vocab.txt"...loaded 2 words.\n'
        "Processing token: 0\x1b[0GProcessed 3 tokens.\n"
        "\x1b[0GMerging cooccurrence files: processed 3 lines.\n\n"
    )


@pytest.mark.parametrize(
    "flags, expected",
    [
        (["-symmetric", 0], [(1, 1, 0.5), (1, 2, 1.0), (2, 1, 1.0)]),
        (["-distance-weighting", 0], [(1, 1, 2.0), (1, 2, 2.0), (2, 1, 2.0)]),
        (["-window-size", 1], [(1, 2, 2.0), (2, 1, 2.0)]),
        (["-max-product", 0], [(1, 1, 1.0), (1, 2, 2.0), (2, 1, 2.0)]),
    ],
)
def test_flags_of_cooccur(glove, vocab, flags, expected):
    assert records_of(glove("cooccur", *flags, text=b"a b a")).tolist() == expected


def test_other_words_newlines_and_the_last_word(glove, vocab):
    done = glove("cooccur", "-window-size", 1, text=b"a x y\tb\r\na\n\nb zz a")
    assert records_of(done).tolist() == [(1, 2, 2.0), (2, 1, 2.0)]


def test_the_vocabulary_files_order_and_words_that_are_there_again(glove, tmp_path):
    (tmp_path / "v").write_bytes(b"z 1\na 9\nz 5\nb\n")
    done = glove("cooccur", "-vocab-file", "v", "-verbose", 0, text=b"z b a")
    assert records_of(done)["row"].tolist() == [1, 1, 2, 2, 4, 4]
    assert b"Error, duplicate entry located: z.\n" in done.stderr


@pytest.fixture(scope="module")
def large_text():
    rng = random.Random(2)
    lines = [" ".join(f"w{int(rng.paretovariate(0.6)) % 3000}" for _ in range(40))
             for _ in range(1500)]  # fmt: skip
    return "\n".join(lines).encode()


def test_any_memory_and_threads_give_the_same_bytes(glove, large_text, tmp_path):
    (tmp_path / "vocab.txt").write_bytes(glove("vocab_count", text=large_text).stdout)
    before = set(os.listdir(tmp_path))
    first = glove("cooccur", "-threads", 1, text=large_text)
    words = [line.split()[0] for line in (tmp_path / "vocab.txt").read_bytes().splitlines()]
    ids = {word: id for id, word in enumerate(words)}
    sentences = [[ids[word] for word in line.split()] for line in large_text.splitlines()]
    twin = reference.pairs_within(sentences, 15, True, True)
    assert [(row, column, float(value)) for (row, column), value in twin.items()] == records_of(
        first
    ).tolist()
    for flags in (
        ["-memory", 1e-4, "-threads", 3], ["-max-product", 0, "-overflow-length", 1],
        ["-max-product", 10**12, "-memory", 16, "-threads", 2],
    ):  # fmt: skip
        assert glove("cooccur", *flags, text=large_text).stdout == first.stdout
    assert set(os.listdir(tmp_path)) == before


def test_no_vocabulary(glove, tmp_path):
    done = glove("cooccur", "-verbose", 0, text=b"a")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode() == (
        "COUNTING COOCCURRENCES\nUnable to open vocab file vocab.txt.\nErrno: 2\n"
        "Error description: No such file or directory\n"
    )
    (tmp_path / "vocab.txt").touch()
    one_line(glove("cooccur", "-window-size", 5, text=b"a"), "the vocabulary is empty")
    (tmp_path / "vocab.txt").write_bytes(b"a 1\nb 2 c\n")
    one_line(glove("cooccur", "-window-size", 5, text=b"a"), "byte 4: expected a line of the form")
    (tmp_path / "vocab.txt").write_bytes(b"a 1\n")
    one_line(glove("cooccur", "-window-size", 5, text=b"b b"), "none of its 2 words")


def test_no_room_for_temporary_files(
    glove, command_environment, large_text, tmp_path
):  # fmt: skip
    (tmp_path / "vocab.txt").write_bytes(glove("vocab_count", text=large_text).stdout)
    spill = ["-max-product", "0", "-overflow-length", "1"]
    done = glove("cooccur", *spill, "-overflow-file", "none/overflow", text=large_text)
    one_line(done, "none: a temporary file cannot be written: No such file")
    program = (
        "import resource, runpy, signal, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "sys.argv[0] = 'wordvec'\n"
        "runpy.run_module('wordvec_cli', run_name='__main__')"
    )
    records = glove("cooccur", "-threads", 2, text=large_text).stdout
    for tool, flags, text in (
        ("cooccur", spill, large_text), ("shuffle", ["-array-size", "10000"], records)
    ):  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-P", "-c", program, "glove", tool, *flags], cwd=tmp_path,
            env=command_environment, input=text, capture_output=True, check=False,
        )  # fmt: skip
        one_line(done, ".: a temporary file cannot be written: File too large")
    assert os.listdir(tmp_path) == ["vocab.txt"]


# ---- shuffle ----------------------------------------------------------------------------------


def numbered(n):
    made = np.zeros(n, dtype=RECORD)
    made["row"], made["value"] = np.arange(n) + 1, 1
    return made


@pytest.mark.parametrize("flags, array_size", [
    ([], 127506841), (["-array-size", 60], 60), (["-array-size", 1], 1),
    (["-memory", 0.000001], math.floor(0.95 * 0.000001 * 2**30 / 16)),
])  # fmt: skip
def test_shuffle_as_the_original(glove, flags, array_size):
    n = 500
    done = glove("shuffle", "-seed", 42, *flags, text=numbered(n).tobytes())
    expected = reference.glove_shuffle(list(range(1, n + 1)), array_size, 42)
    assert records_of(done)["row"].tolist() == expected
    lines = done.stderr.decode()
    assert lines.startswith(
        f"Using random seed 42\nSHUFFLING COOCCURRENCES\narray size: {array_size}\n"
        "Shuffling by chunks: processed 0 lines.\x1b[22Gprocessed "
    )
    assert f"\nWrote {n // array_size + 1} temporary file(s).\n" in lines
    assert lines.endswith("\x1b[0GMerging temp files: processed 500 lines.\n\n")


def test_the_printed_seed_gives_the_same_order_again(glove, tmp_path):
    records = numbered(300).tobytes()
    first = glove("shuffle", "-verbose", 0, text=records)
    seed = re.match(rb"Using random seed (\d+)\n", first.stderr)[1].decode()
    assert abs(int(seed) - time.time()) < 100
    assert glove("shuffle", "-seed", seed, text=records).stdout == first.stdout
    (tmp_path / "in").write_bytes(records)
    with open(tmp_path / "in", "rb") as stream:  # a file instead of a pipe
        assert glove("shuffle", "-seed", seed, stdin=stream).stdout == first.stdout
    assert glove("shuffle", "-seed", "5", text=records).stdout != first.stdout


def test_shuffle_of_nothing_and_of_a_cut_file(glove):
    assert records_of(glove("shuffle", text=b"")).tolist() == []
    one_line(glove("shuffle", text=bytes(40)), "byte 32: expected records of 16 bytes, found 8")


# ---- all three --------------------------------------------------------------------------------

TOOLS = ("vocab_count", "cooccur", "shuffle")


@pytest.mark.parametrize("tool", TOOLS)
def test_help_and_flags_without_values(glove, tool):
    for flag in ("-h", "--help", "-help"):
        done = glove(tool, flag)
        assert done.returncode == 0 and done.stdout.startswith(b"Usage: ") and not done.stderr
    done = glove(tool, "-verbose")
    assert (done.returncode, done.stdout) == (1, b"No argument given for -verbose\n")


def test_cooccur_alone_shows_its_help(glove):
    assert glove("cooccur", text=b"a").stdout.startswith(b"Usage: ")


@pytest.mark.parametrize("tool, flag, value", [
    ("vocab_count", "-min-count", "-1"), ("vocab_count", "-max-vocab", "many"),
    ("cooccur", "-window-size", "0"), ("cooccur", "-memory", "0"), ("cooccur", "-memory", "nan"),
    ("cooccur", "-symmetric", "2"), ("cooccur", "-overflow-length", "0"),
    ("shuffle", "-array-size", "0"), ("shuffle", "-seed", "x"), ("shuffle", "-memory", "1e-12"),
    ("shuffle", "-frob", "1"), ("cooccur", "-threads", "0"),
])  # fmt: skip
def test_bad_values(glove, tool, flag, value):
    done = glove(tool, flag, value, text=b"a b")
    one_line(done, flag, code=2)


@FULL
@pytest.mark.parametrize("tool", TOOLS)
def test_a_full_disk(glove, vocab, tool):
    text = {"shuffle": numbered(10).tobytes()}.get(tool, b"a b a")
    with open("/dev/full", "wb") as full:
        done = glove(tool, "-verbose", 0, text=text, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert b"wordvec glove: cannot write standard output: No space left" in done.stderr


@pytest.mark.parametrize("tool", TOOLS)
def test_ctrl_c_while_waiting_for_input(command, command_environment, tmp_path, vocab, tool):
    line = [*command, "glove", tool, "-verbose", "1"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(line, cwd=tmp_path, env=command_environment, **pipes) as process:
        process.stderr.readline()  # its first line is there: the program runs
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stdout.read() == b"" and b"interrupted" in process.stderr.read()
    assert os.listdir(tmp_path) == ["vocab.txt"]


@pytest.mark.parametrize("tool", ["cooccur", "shuffle"])
def test_ctrl_c_at_work(command, command_environment, tmp_path, large_text, tool):
    """More input than any machine gets through before the signal; nothing is left."""
    (tmp_path / "vocab.txt").write_bytes(b"".join(b"w%d 1\n" % k for k in range(3000)))
    chunk = large_text if tool == "cooccur" else numbered(20_000).tobytes()
    flags = ["-memory", "0.001"]
    line = [*command, "glove", tool, *flags]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(line, cwd=tmp_path, env=command_environment, **pipes) as process:
        process.stderr.readline()
        os.set_blocking(process.stdin.fileno(), False)
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            try:
                os.write(process.stdin.fileno(), chunk)
            except BlockingIOError:
                time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stdout.read() == b"" and b"interrupted\n" in process.stderr.read()
    assert os.listdir(tmp_path) == ["vocab.txt"]


def test_tools_are_written(wordvec, command_environment, tmp_path):
    assert wordvec("tools", "bin").returncode == 0
    for tool in TOOLS:
        done = subprocess.run(
            [tmp_path / "bin" / tool, "--help"], capture_output=True, check=False,
            env=command_environment,
        )  # fmt: skip
        assert done.returncode == 0 and f"glove {tool}".encode() in done.stdout
