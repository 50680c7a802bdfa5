"""`wordvec word2vec`, run as a program: the original's manners, and its files."""

import os
import re

import numpy as np
import pytest
from word2vec_runs import SMALL, nothing_left, read_text_vectors

RECORD = re.compile(
    rb"\rAlpha: (\d\.\d{6})  Progress: (\d+\.\d\d)%  Words/thread/sec: (\d+\.\d\d)k  "
)


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
    from wordvec.kmeans import word2vec_classes

    vectors = np.random.default_rng(0).standard_normal((n_words, dim)).astype(np.float32)
    padded = np.zeros((n_words, dim + 5), np.float32)
    padded[:, :dim] = vectors
    expected = k_means(vectors, n_classes)
    assert word2vec_classes(padded[:, :dim], n_classes).tolist() == expected


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
