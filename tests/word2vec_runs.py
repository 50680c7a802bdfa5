"""What the tests of `wordvec word2vec` share; found by the path that conftest.py sets."""

import os

import numpy as np

SMALL = ["-size", 8, "-threads", 1, "-iter", 2, "-min-count", 1]


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
