"""n-gram ids of every word of a Korean text: beside a plain twin, and beside the original."""

import lzma
import os
import shutil
import subprocess

import fasttext_bytes
import numpy as np
import pytest
import reference_subwords as twin

from wordvec.subwords import NgramRules, ngrams_of_words

BUCKET = 2_000_000
BASE = 128  # 128 ** 3 > BUCKET: three digits hold a bucket, and 5 printed digits a sum of them


@pytest.fixture(scope="module")
def counts(shared_data):
    """{word: count} of the whole text, in the order of their first use."""
    found = {}
    with lzma.open(shared_data / "corpora" / "kowiki1m.txt.xz") as text:
        for word in text.read().split():
            found[word] = found.get(word, 0) + 1
    return found


def buckets_of(words):
    """(starts, buckets) of many words by the kernel."""
    starts = np.zeros(len(words) + 1, np.int64)
    np.cumsum([len(word) for word in words], out=starts[1:])
    return ngrams_of_words(np.frombuffer(b"".join(words), np.uint8), starts, NgramRules())


def test_ids_equal_the_twins(counts):
    words = [word for word, count in counts.items() if count >= 20]
    assert len(words) > 4000
    starts, buckets = buckets_of(words)
    expected = [[twin.fnv(gram) % BUCKET for gram in twin.ngrams(word, 3, 6)] for word in words]
    assert np.diff(starts).tolist() == [len(one) for one in expected]
    assert buckets.tolist() == [bucket for one in expected for bucket in one]


@pytest.mark.rivals
def test_ids_equal_the_originals_on_every_word(counts, tmp_path):
    """The row of each bucket is the bucket's number in three digits, so that the vector of a word
    tells the sum of its ids digit by digit."""
    program = os.environ.get("WORDVEC_FASTTEXT") or shutil.which("fasttext")
    if not program:
        pytest.skip("no fasttext command: put it on PATH or name it in WORDVEC_FASTTEXT")
    numbers = np.arange(BUCKET)
    digits = np.stack([numbers // BASE**2, numbers // BASE % BASE, numbers % BASE], axis=1)
    rows = np.concatenate([np.zeros((1, 3)), digits]).astype(np.float32)
    shape = np.array(rows.shape, np.int64).tobytes()
    content = fasttext_bytes.head(loss=2, kind=2, bucket=BUCKET, min_n=3, max_n=6, word_ngrams=1)
    content += fasttext_bytes.dictionary(["</s>"], [])
    output = np.array([1, 3], np.int64).tobytes() + bytes(12)
    (tmp_path / "m.bin").write_bytes(content + b"\0" + shape + rows.tobytes() + b"\0" + output)
    words = [word for word in counts if word != b"</s>"]
    said = subprocess.run(
        [program, "print-word-vectors", tmp_path / "m.bin"],
        input=b"\n".join(words) + b"\n", capture_output=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    assert len(said) == len(words) > 200_000
    means = np.array([line.rsplit(None, 3)[1:] for line in said], np.float64)
    starts, buckets = buckets_of(words)
    sums = np.concatenate([np.zeros((1, 3)), np.cumsum(digits[buckets], axis=0)])
    sums = sums[starts[1:]] - sums[starts[:-1]]
    n_ngrams = np.diff(starts)[:, None]
    assert n_ngrams.min() >= 0 and n_ngrams.max() < 500
    # A printed mean is exact to half a unit of its fifth digit; times the n-grams below 1 here.
    is_exact = (np.abs(means * n_ngrams - sums) < 1e-4 * np.maximum(sums, 1)).all(axis=1)
    assert is_exact.all(), [words[i].decode() for i in np.flatnonzero(~is_exact)[:5]]
