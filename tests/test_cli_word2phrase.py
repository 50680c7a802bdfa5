"""`wordvec word2phrase`, run as a program: the original's manners, and its bytes."""

import bz2
import os
import re

import pytest
from reference_phrases import word2phrase
from test_phrases import WORDS, random_text
from word2vec_runs import nothing_left

RECORD = re.compile(rb"Words processed: \d+M     Vocab size: \d+K  \r|Words written: \d+M\r")
PLAIN_WORDS = [b"w%d" % (k * k // 9) for k in range(200)] + [b"new york"] * 9


@pytest.fixture
def phrase_text(tmp_path):
    path = tmp_path / "text"
    path.write_bytes(random_text(1, 4000, PLAIN_WORDS) + b"end")
    return path


def test_no_arguments_print_the_usage(wordvec):
    done = wordvec("word2phrase")
    assert (done.returncode, done.stderr) == (0, b"")
    for flag in b"-train -output -min-count -threshold -debug -threads".split():
        assert flag in done.stdout
    assert b"default 100" in done.stdout and b"default 5)" in done.stdout


def test_a_flag_without_value(wordvec):
    done = wordvec("word2phrase", "-train")
    assert (done.returncode, done.stdout) == (1, b"Argument missing for -train\n")


def test_missing_corpus(wordvec, tmp_path):
    done = wordvec("word2phrase", "-train", "none", "-output", "o")
    assert done.returncode == 1
    assert done.stdout == (
        b"Starting training using file none\nERROR: training data file not found!\n"
    )
    assert nothing_left(tmp_path)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_bytes_of_the_original(wordvec, phrase_text, tmp_path, threads):
    """Item 18 of the originals' checklist, for any number of threads."""
    text = phrase_text.read_bytes()
    expected, n_kept = word2phrase(text, 5, 1.0)
    done = wordvec(
        "word2phrase", "-train", "text", "-output", "o", "-threshold", 1, "-threads", threads
    )
    assert done.returncode == 0, done.stderr
    found = (tmp_path / "o").read_bytes()
    assert found == expected and found[:1] == b" " and found.count(b"_") > 10
    assert found.count(b"\n") == text.count(b"\n")
    assert RECORD.sub(b"", done.stdout) == (
        b"Starting training using file text\n\n"
        b"Vocab size (unigrams + bigrams): %d\nWords in train file: %d\n"
        % (n_kept, len(text.split()) - 1)
    )
    assert b"the last word has no separator" in done.stderr
    assert nothing_left(tmp_path, "text", "o")


def test_progress_records(wordvec, tmp_path):
    (tmp_path / "text").write_bytes(b"a b c d\n" * 600_000)
    done = wordvec("word2phrase", "-train", "text", "-output", "o")
    assert {b"Words processed: 2M     Vocab size: 0K  \r", b"Words written: 3M\r"} & set(
        RECORD.findall(done.stdout)
    )
    assert b"\nVocab size (unigrams + bigrams): 8\nWords in train file: 2400000\n" in done.stdout


@pytest.mark.parametrize("debug, n_lines", [(0, 1), (1, 4)])
def test_debug_levels(wordvec, phrase_text, debug, n_lines):
    done = wordvec("word2phrase", "-train", "text", "-output", "o", "-debug", debug)
    assert done.stdout.count(b"\n") == n_lines and b"\r" not in done.stdout


def test_huge_threshold_joins_nothing(wordvec, tmp_path):
    """Item 19: the text with its blanks made even."""
    (tmp_path / "text").write_bytes(b"a  b\tc\r\n\r\n a b\n" * 20)
    wordvec("word2phrase", "-train", "text", "-output", "o", "-threshold", "1e30")
    assert (tmp_path / "o").read_bytes() == b" a b c\n\n a b\n" * 20


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_long_words_and_line_ends(wordvec, tmp_path, line_end):
    """Items 3 and 5, with this tool's 58 bytes."""
    words = [b"a" * n for n in (57, 58, 59, 120)]
    (tmp_path / "text").write_bytes(b" ".join(words) + line_end)
    wordvec("word2phrase", "-train", "text", "-output", "o", "-min-count", 1)
    lengths = [len(word) for word in (tmp_path / "o").read_bytes().split()]
    assert lengths == [57, 58, 58, 58]


def test_standard_input_to_standard_output(wordvec, phrase_text):
    text = phrase_text.read_bytes()
    done = wordvec("word2phrase", "-train", "-", "-output", "-", "-threshold", 1,
                   stdin=None, input=text)  # fmt: skip
    assert done.returncode == 0
    assert done.stdout == word2phrase(text, 5, 1.0)[0]
    assert done.stderr.startswith(b"Starting training using file -\n")


def test_packed_text(wordvec, tmp_path):
    text = random_text(2, 2000, WORDS)
    (tmp_path / "text.bz2").write_bytes(bz2.compress(text))
    wordvec("word2phrase", "-train", "text.bz2", "-output", "o", "-threshold", 0.5)
    assert (tmp_path / "o").read_bytes() == word2phrase(text, 5, 0.5)[0]


def test_little_memory(wordvec, phrase_text, tmp_path):
    done = wordvec("word2phrase", "-train", "text", "-output", "o", "-memory", "100K",
                   "-threshold", 1)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "o").read_bytes() == word2phrase(phrase_text.read_bytes(), 5, 1.0)[0]


def test_empty_text(wordvec, tmp_path):
    (tmp_path / "text").write_bytes(b"")
    done = wordvec("word2phrase", "-train", "text", "-output", "o")
    assert done.returncode == 0 and (tmp_path / "o").read_bytes() == b""


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["-output", "text"], b"-output: 'text' is the file of -train too"),
        (["-output", "link"], b"-output: 'link' is the file of -train too"),
        ([], b"-output: expected a file for the joined text"),
        (["-output", "no/folder"], b"does not exist"),
        (["-output", "o", "-min-count", "-1"], b"-min-count: expected a whole number"),
        (["-output", "o", "-threshold", "high"], b"-threshold: expected a number"),
        (["-output", "o", "-treshold", "3"], b"did you mean -threshold?"),
    ],
)
def test_mistakes(wordvec, phrase_text, tmp_path, arguments, message):
    os.link(phrase_text, tmp_path / "link")
    before = phrase_text.read_bytes()
    done = wordvec("word2phrase", "-train", "text", *arguments)
    assert done.returncode in (1, 2) and message in done.stderr
    assert done.stderr.count(b"\n") == 1
    assert phrase_text.read_bytes() == before and nothing_left(tmp_path, "text", "link")


def test_full_disk(wordvec, phrase_text):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    done = wordvec("word2phrase", "-train", "text", "-output", "/dev/full")
    assert done.returncode == 1 and b"No space left" in done.stderr
