"""distance, word-analogy and compute-accuracy against a reference in plain Python."""

import os
import random
import sys

import numpy as np
import pytest
import query_reference as reference
from hypothesis import given, settings
from hypothesis import strategies as st
from wordvec_cli import original_queries
from wordvec_cli.original_scores import OriginalScores

from wordvec.vectors import Vectors


def write_binary(path, words, rows):
    records = [w + b" " + row.tobytes() + b"\n" for w, row in zip(words, rows, strict=True)]
    path.write_bytes(b"%d %d\n" % rows.shape + b"".join(records))
    return path


def tied_rows(rng, n_words, dim):
    """Few different numbers, so that many scores are equal or nearly so."""
    rows = rng.integers(-2, 3, (n_words, dim)).astype(np.float32)
    rows[rng.random(n_words) < 0.3] *= np.float32(0.1)
    return rows


WORDS = [b"</s>", b"king", b"Queen", b"caf\xc3\xa9", b"\xff\xfe", b"x" * 80, b"man", b"woman"]
WORDS += [b"w%d" % k for k in range(70)]


@pytest.fixture(params=[1, 2, 3])
def vectors(request, tmp_path):
    """(path, words, rows): a small file with nasty words, ties and a row of zeros."""
    rng = np.random.default_rng(request.param)
    rows = tied_rows(rng, len(WORDS), int(rng.integers(3, 20)))
    rows[9] = 0
    rows[1:3, 0] = 1  # king and Queen have a direction
    return write_binary(tmp_path / "v.bin", WORDS, rows), WORDS, rows


QUERIES = b"""king
nobody
king Queen
</s>

king  Queen
king\x20
\x20king
caf\xc3\xa9 \xff\xfe
%b
Queen king w1 w2
Queen king nobody w3
</s> king man
king </s> man
w1
KING
w2
man king woman\r
exit
w3""" % (b"x" * 80)


@pytest.mark.parametrize("tool", ["distance", "word-analogy"])
@pytest.mark.parametrize("end", [b"", b"\n", b"\nEXIT\n", b"\nEXIT"])
def test_nearest_tools_print_the_originals_bytes(wordvec, vectors, tool, end):
    path, words, rows = vectors
    text = QUERIES + end
    with np.errstate(all="ignore"):
        lines = text.removesuffix(b"\n").removesuffix(b"\nEXIT")
        expected = reference.nearest_tool(words, rows, lines, tool == "word-analogy")
    done = wordvec(tool, path, stdin=None, input=text)
    assert done.stdout == expected
    assert (done.returncode, done.stderr) == (0, b"")


def test_nothing_after_exit_is_read(wordvec, vectors):
    done = wordvec("distance", vectors[0], stdin=None, input=b"EXIT\nking\n")
    assert done.stdout == b"Enter word or sentence (EXIT to break): " and done.returncode == 0


@pytest.mark.parametrize(("tool", "n_blank"), [("distance", 37), ("word-analogy", 39)])
def test_empty_places_of_a_small_file(wordvec, tmp_path, tool, n_blank):
    rows = np.array([[0, 1], [1, 0.1], [1, 0.2], [1, 0.3]], np.float32)
    path = write_binary(tmp_path / "v.bin", [b"</s>", b"a", b"b", b"c"], rows)
    line = b"a\n" if tool == "distance" else b"a b c\n"
    out = wordvec(tool, path, stdin=None, input=line).stdout
    blank = b" " * 50 + (b"\t\t-1.000000" if tool == "distance" else b"\t\t0.000000")
    lines = out.split(b"\n")
    assert lines.count(blank) == n_blank
    assert sum(line.count(b"\t\t") for line in lines) == 40


def test_a_real_word_in_row_0_can_be_asked_for(wordvec, tmp_path):
    """Deliberately other than the original, which takes row 0 for absent."""
    path = write_binary(tmp_path / "v.bin", [b"a", b"b", b"c", b"d"], np.eye(4, dtype=np.float32))
    done = wordvec("word-analogy", path, stdin=None, input=b"a b c\n")
    assert b"Word: a  Position in vocabulary: 0\n\nWord: b" in done.stdout
    assert b"Out of dictionary" not in done.stdout
    assert b"Out of dictionary" in wordvec("word-analogy", path, stdin=None, input=b"e b c").stdout


def test_other_formats_give_the_same_answers(wordvec, tmp_path):
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(60, 8)).astype(np.float32)
    words = [b"w%d" % k for k in range(60)]
    path = write_binary(tmp_path / "v.bin", words, rows)
    lines = [
        b" ".join([w, *(repr(float(x)).encode() for x in r)])
        for w, r in zip(words, rows, strict=True)
    ]
    (tmp_path / "v.txt").write_bytes(b"60 8\n" + b"\n".join(lines) + b"\n")
    text = b"w3\nw4 w5\n"
    outputs = {wordvec("distance", name, stdin=None, input=text).stdout for name in
               (path, tmp_path / "v.txt")}  # fmt: skip
    assert len(outputs) == 1 and b"w59" in outputs.pop()


def questions(seed):
    """Sections with and without answers, EXIT in several cases, unknown words, case variants."""
    rng = random.Random(seed)
    known = [*WORDS[1:5], *WORDS[6:30]]
    text = b""
    for number in range(9):
        if number or seed % 2:
            text += rng.choice([b": ", b":\t", b"EXIT ", b"exit\n"]) + b"Section-%d\n" % number
        for _ in range(0 if number == 3 else rng.randrange(12)):
            four = [rng.choice([*known, b"nobody"]) for _ in range(4)]
            text += rng.choice([b" ", b"\n", b"  "]).join(
                rng.choice([bytes.upper, bytes.lower])(word) for word in four) + b"\n"  # fmt: skip
    return text


@pytest.mark.parametrize("seed", range(4))
def test_compute_accuracy_prints_the_originals_bytes(wordvec, tmp_path, seed):
    rng = np.random.default_rng(seed)
    words = [b"</s>", b"king", b"KING", b"Queen", b"queen", *WORDS[3:30]]
    rows = tied_rows(rng, len(words), 4)
    rows[0] = 1
    path = write_binary(tmp_path / "v.bin", words, rows)
    text = questions(seed)
    with np.errstate(all="ignore"):
        expected = reference.compute_accuracy(words, rows, text)
        first_ten = reference.compute_accuracy(words[:10], rows[:10], text)
    assert b"TOP1: 0.00 %  (0 / 1)" in expected  # a section without an answerable question
    assert wordvec("compute-accuracy", path, stdin=None, input=text).stdout == expected
    assert wordvec("compute-accuracy", path, 0, stdin=None, input=text).stdout == expected
    assert wordvec("compute-accuracy", path, 10, stdin=None, input=text).stdout == first_ten
    assert first_ten != expected and first_ten.splitlines()[-1].startswith(
        b"Questions seen / total"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", b"Questions seen / total: 0 0   -nan % \n"),
        (b":", b"Questions seen / total: 0 0   -nan % \n"),
        (b": name", b"Questions seen / total: 0 0   -nan % \n"),
        (b"b c d", b"Questions seen / total: 0 1   0.00 % \n"),
        (b"b c d e\n", b"Questions seen / total: 1 1   100.00 % \n"),
        (b"b c d e\nb c", b"Questions seen / total: 2 2   100.00 % \n"),
        (b"b c d e\nb", b"Questions seen / total: 1 1   100.00 % \n"),
    ],
)
def test_odd_ends_of_the_questions(wordvec, tmp_path, text, expected):
    """As the original where it is deterministic: checked with it by the rivals test."""
    path = write_binary(tmp_path / "v.bin", [b"a", b"b", b"c", b"d", b"e"],
                        np.ones((5, 2), np.float32))  # fmt: skip
    done = wordvec("compute-accuracy", path, stdin=None, input=text)
    assert done.stdout == expected
    assert (b"ends within a question" in done.stderr) == (text[-2:] in (b" c", b" d"))


@pytest.mark.parametrize("tool", ["distance", "word-analogy", "compute-accuracy"])
def test_manners(wordvec, tmp_path, tool):
    for arguments in ([], ["--help"]):
        usage = wordvec(tool, *arguments)
        assert usage.returncode == 0 and usage.stdout.startswith(b"Usage: ")
    missing = wordvec(tool, "none")
    assert (missing.returncode, missing.stdout) == (255, b"Input file not found\n")
    assert missing.stderr.count(b"\n") == 1 and b"none" in missing.stderr
    (tmp_path / "bad").write_bytes(b"3 2\na ")
    bad = wordvec(tool, "bad")
    assert (bad.returncode, bad.stdout) == (1, b"") and bad.stderr.count(b"\n") == 1
    (tmp_path / "-v").write_bytes(b"0 3\n")
    ignored = wordvec(tool, "-v", "1", "more")
    assert ignored.returncode == 0 and b"ignored: " in ignored.stderr


def test_wrong_threshold(wordvec, tmp_path):
    (tmp_path / "v").write_bytes(b"0 3\n")
    for value in ("ten", "-1"):
        done = wordvec("compute-accuracy", "v", value)
        assert (done.returncode, done.stdout) == (2, b"") and b"whole number" in done.stderr


@given(st.binary(max_size=12).map(lambda line: line.replace(b"\n", b" ")))
def test_lines_are_split_as_by_the_reference(line):
    assert original_queries.tokens_of(line) == reference.split_line(line)


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.integers(1, 40), st.sampled_from([1.0, 1e-30, 1e20, 3e38]))
def test_scores_are_the_originals_to_the_bit(seed, dim, scale):
    """Also where lengths over- or underflow, and with near ties that a fast scan may swap."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(50, dim)).astype(np.float32)
    rows[10:30] = rows[5] * (1 + rng.normal(size=(20, dim)).astype(np.float32) * np.float32(2e-8))
    with np.errstate(over="ignore"):
        rows[30:33] *= np.float32(scale)
    rows[40] = 0
    scores = OriginalScores(Vectors([str(k) for k in range(50)], rows))
    with np.errstate(all="ignore"):
        units = [reference.scaled(row) for row in rows]
        query = reference.scaled(units[int(rng.integers(0, 50))])
        theirs = [(k, reference.dot(query, units[k])) for k in range(50) if k != 7]
    expected = sorted(((k, s) for k, s in theirs if s > -1), key=lambda pair: (-pair[1], pair[0]))
    found = scores.best(np.array(query, np.float32), 40, [7], -1.0)
    assert found == expected[:40]
    answer = scores.best_rows(np.array([query, query], np.float32), [[7], [7]])
    best = next((k for k, s in expected if s > 0), -1)
    assert answer.tolist() == [best, best]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_prompt_shows_on_a_terminal(command, command_environment, vectors):
    """The prompt comes before the answer is typed, and Ctrl-D ends on a line of its own."""
    pty = pytest.importorskip("pty")
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(sys.executable, [*command, "distance", str(vectors[0])], command_environment)
    seen = b""

    def read_until(mark):
        nonlocal seen
        while mark not in seen:
            seen += os.read(terminal, 4096)

    read_until(b"to break): ")
    os.write(terminal, b"nobody\n")
    read_until(b"Out of dictionary word!")
    read_until(b"to break): ")
    os.write(terminal, b"\x04")
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0
