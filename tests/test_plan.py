"""`wordvec plan`: samples, the growth of vocabularies, what is foretold and what then happens."""

import gzip
import json
import lzma
import math
import os
import random
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import wordvec as library
from wordvec import vocabgrowth
from wordvec.corpus import read_corpus
from wordvec.errors import CorpusError, OptionError
from wordvec.textsample import PIECE_BYTES, take_sample

QUICK = {"timed_seconds": 0.05, "vector_size": 16, "workers": 1}


def zipf_text(n_words: int, seed: int = 1, n_kinds: int = 200_000) -> str:
    """Words drawn by Zipf's law, 20 a line."""
    rng = np.random.default_rng(seed)
    ranks = np.minimum(rng.zipf(1.35, n_words), n_kinds)
    words = [f"{'abcdefgh'[r % 8]}{r:x}" for r in ranks.tolist()]
    return "\n".join(" ".join(words[k : k + 20]) for k in range(0, n_words, 20)) + "\n"


@pytest.fixture(scope="module")
def long_text(tmp_path_factory):
    path = tmp_path_factory.mktemp("plan") / "long.txt"
    path.write_text(zipf_text(600_000))
    return path


def test_sample_is_whole_lines_of_the_text_and_always_the_same(long_text):
    lines = set(long_text.read_bytes().split(b"\n"))
    with take_sample(long_text, 8 * PIECE_BYTES) as sample:
        first = Path(sample.source[0]).read_bytes()
        assert not sample.is_whole and 0.05 < sample.share < 0.5
        assert sample.share == pytest.approx(len(first) / long_text.stat().st_size, rel=1e-3)
        assert set(first.split(b"\n")) <= lines and sample.n_without_newline == 0
        assert len(set(first.split(b"\n"))) > 0.9 * first.count(b"\n")  # no piece comes twice
    assert not os.path.exists(sample.source[0])
    with take_sample(long_text, 8 * PIECE_BYTES) as sample:
        assert Path(sample.source[0]).read_bytes() == first
    with take_sample(long_text, 8 * PIECE_BYTES, seed=2) as sample:
        assert Path(sample.source[0]).read_bytes() != first


def test_sample_of_packed_files_and_folders(long_text, tmp_path):
    data = long_text.read_bytes()
    (tmp_path / "a.gz").write_bytes(gzip.compress(data))
    (tmp_path / "b.txt").write_bytes(data)
    for name, n_bytes in (("a.gz", len(data)), ("", 2 * len(data))):
        with take_sample(tmp_path / name, 16 * PIECE_BYTES) as sample:
            assert sample.n_text_bytes == pytest.approx(n_bytes, rel=0.4)
            assert any("packed" in note for note in sample.notes) and not sample.is_whole
            read_corpus(sample.source, min_count=1)


def test_sample_of_many_packed_files_looks_into_few(long_text, tmp_path):
    data = long_text.read_bytes()
    size = len(data) // 40
    for k in range(40):
        (tmp_path / f"{k:02}.gz").write_bytes(gzip.compress(data[k * size : (k + 1) * size]))
    with take_sample(tmp_path, 4 * PIECE_BYTES) as sample:
        assert sample.n_pieces <= 8 and sample.n_files == 40
        assert sample.n_text_bytes == pytest.approx(len(data), rel=0.3)


def test_one_giant_line_is_cut_between_words(tmp_path):
    path = tmp_path / "line"
    path.write_text(zipf_text(300_000).replace("\n", " "))
    words = set(path.read_bytes().split())
    with take_sample(path, 6 * PIECE_BYTES) as sample:
        assert sample.n_without_newline == sample.n_pieces > 3
        assert set(Path(sample.source[0]).read_bytes().split()) <= words
    job = library.plan(path, n_sample_bytes=6 * PIECE_BYTES, **QUICK)
    assert any("lines of more than 64 kB" in warning for warning in job.warnings)


def test_growth_of_the_vocabulary_is_foretold(long_text):
    whole = read_corpus(long_text, min_count=1)
    with take_sample(long_text, long_text.stat().st_size // 4) as sample:
        part = read_corpus(sample.source, min_count=1)
    parts = vocabgrowth.counts_of_parts(part.ids, len(part.vocab))
    for min_count in (1, 2, 5):
        expected = vocabgrowth.expected_words(parts, 1 / sample.share, min_count)
        there = int((whole.vocab.counts >= min_count).sum())
        assert expected == pytest.approx(there, rel=0.2)  # a law without the bend of real text
    numbers = [vocabgrowth.expected_words(parts, ratio, 5) for ratio in (1, 2, 10, 1e3, 1e6)]
    assert numbers == sorted(numbers) and math.isfinite(numbers[-1])
    assert numbers[0] == (part.vocab.counts >= 5).sum()


def test_growth_of_a_real_vocabulary(shared_data, tmp_path):
    text = tmp_path / "ko.txt"
    text.write_bytes(lzma.decompress((shared_data / "corpora/kowiki1m.txt.xz").read_bytes()))
    whole = read_corpus(text, min_count=1)
    with take_sample(text, 4 << 20) as sample:
        part = read_corpus(sample.source, min_count=1)
    parts = vocabgrowth.counts_of_parts(part.ids, len(part.vocab))
    for min_count in (1, 2, 5, 10):
        expected = vocabgrowth.expected_words(parts, 1 / sample.share, min_count)
        assert expected == pytest.approx((whole.vocab.counts >= min_count).sum(), rel=0.08)


def test_whole_text_gives_exact_numbers(long_text):
    job = library.plan(long_text, "word2vec", **QUICK)
    corpus = read_corpus(long_text)
    assert job.text.is_exact and job.text.share == 1
    assert job.text.n_kept == corpus.n_tokens_kept and job.text.n_tokens == corpus.n_tokens_read
    assert job.text.n_words == len(corpus.vocab) + 1  # and the end of a sentence
    assert job.memory["weights"] == 2 * 64 * job.text.n_words
    twice = library.plan(long_text, "word2vec", **QUICK, hs=1, max_vocab=100)
    assert twice.text.n_words == 101 and twice.memory["weights"] == 3 * 64 * 101


def test_a_sample_foretells_what_the_whole_text_gives(long_text):
    whole = library.plan(long_text, "fasttext", bucket=10_000, **QUICK)
    part = library.plan(
        long_text, "fasttext", bucket=10_000, n_sample_bytes=16 * PIECE_BYTES, **QUICK
    )
    assert part.text.share < 0.5 and not part.text.is_exact
    for name in ("n_tokens", "n_kept", "n_words", "n_distinct", "n_sentences"):
        assert getattr(part.text, name) == pytest.approx(getattr(whole.text, name), rel=0.1)
    assert part.n_ngram_rows == pytest.approx(whole.n_ngram_rows, rel=0.1)
    assert part.memory["weights"] == pytest.approx(whole.memory["weights"], rel=0.1)


def test_a_long_text_has_words_that_the_sample_has_not(long_text):
    """Rows are made up for them, so that the trial has the size of the real thing."""
    whole = library.plan(
        long_text, "word2vec", min_count=1, n_sample_bytes=4 * PIECE_BYTES, **QUICK
    )
    with take_sample(long_text, 4 * PIECE_BYTES) as sample:
        n_sampled = len(read_corpus(sample.source, min_count=1).vocab)
    assert whole.text.n_words > 1.5 * n_sampled


@pytest.mark.parametrize(
    "make, piece",
    [
        (lambda words: "".join(" ".join(w) + "\n" for w in words), "was the text split"),
        (lambda words: "\n".join(" ".join(words) for _ in range(3000)), "says each of its"),
        (lambda words: zipf_text(40_000) + 4 * zipf_text(2000, seed=3), "were there before"),
        (lambda words: "zz qq\n" + " ".join(f"w{k}" for k in range(20_000)), "no word occurs 5"),
        (lambda words: "The cat. the dog, The bird the cat bird\n" * 3000, "not lower-cased"),
        (lambda words: "the cat. the dog, the bird the cat bird dog\n" * 3000, "not tokenised"),
        (lambda words: zipf_text(150_000).replace("\n", " "), "words are on one line"),
        (lambda words: zipf_text(1000), "only 1,000 words"),
        (lambda words: "ab\x01c d\x02e " * 20_000, "binary"),
    ],
)
def test_what_bites_people_is_said(tmp_path, make, piece):
    path = tmp_path / "t"
    path.write_text(make([f"word{k}" for k in range(12)]))
    job = library.plan(path, **QUICK)
    assert any(piece in warning for warning in job.warnings), job.warnings
    assert job.epoch_seconds[1] > 0 and job.memory["peak"] > 1e6


def test_good_text_gets_no_warning(tmp_path):
    rng = random.Random(1)
    words = [f"{rng.choice('bcdfg')}{rng.choice('aeiou')}{k}" for k in range(3000)]
    lines = (" ".join(rng.choices(words, k=20)) for _ in range(30_000))
    (tmp_path / "t").write_text("\n".join(lines))
    assert library.plan(tmp_path / "t", **QUICK).warnings == []


@pytest.mark.parametrize(
    "content, code, piece",
    [
        (b"", 1, b"empty"),
        (b" \n\n", 1, b"empty"),
        (b"few words only " * 12, 0, b"warning: only 36 words"),
        (bytes(range(256)) * 400, 0, b"binary"),
        (b"one\n", 0, b"no word occurs 5 times"),
        (os.urandom(300_000), 0, b"warning"),
    ],
)
def test_odd_files(wordvec, tmp_path, content, code, piece):
    (tmp_path / "t").write_bytes(content)
    models = [[], ["--model", "word2vec"], ["--model", "fasttext"]]
    for more in models if content == b"one\n" else models[:1]:
        done = wordvec("plan", "t", "--dim", "8", "--threads", "1", *more)
        assert done.returncode == code and piece in done.stderr, done.stderr
        assert b"Traceback" not in done.stderr and b"a bug" not in done.stderr
        assert (b"memory:" in done.stdout) == (code == 0)
    assert os.listdir(tmp_path) == ["t"]


def test_command(wordvec, long_text, tmp_path):
    options = ["--dim", "16", "--threads", "1", "--epochs", "3"]
    done = wordvec("plan", long_text, *options, "--read", "500K", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert found["options"][0]["epochs"] == 3 and not found["text"]["is_exact"]
    assert found["training_seconds"] == pytest.approx(3 * found["epoch_seconds"]["1"], rel=1e-6)
    done = wordvec("plan", long_text, *options)
    for piece in (b"all of it read", b"an epoch, 1 thread", b"memory:", b"disk: .wordvec"):
        assert piece in done.stdout
    for arguments, piece in (
        (["-"], b"regular file"),
        (["nowhere.txt"], b"no such file"),
        ([long_text, "--model", "word2vec", "--min-n", "2"], b"--min-n: expected one of"),
        ([long_text, "--model", "word2vec", "--preset", "fast"], b"--preset"),
        ([long_text, "--dim", "0"], b"expected"),
    ):
        done = wordvec("plan", *arguments, stdin=subprocess.DEVNULL)
        assert done.returncode and piece in done.stderr and done.stderr.count(b"\n") == 1
    folder = tmp_path / "folder"
    folder.mkdir()
    assert b"holds no files" in wordvec("plan", folder).stderr
    (folder / "a").write_bytes(long_text.read_bytes())
    (folder / "b").write_bytes(long_text.read_bytes())
    done = wordvec("plan", folder, *options)
    assert b"in 2 files" in done.stdout and b"says each" not in done.stdout


def test_errors_of_the_function(tmp_path):
    with pytest.raises(OptionError):
        library.plan(tmp_path, "glove")
    with pytest.raises(CorpusError, match="files"):
        library.plan([["a", "b"]])


@pytest.mark.slow
@pytest.mark.parametrize("model", ["word2vec", "fasttext"])
def test_memory_and_time_are_what_then_happens(model, long_text, tmp_path, command,
                                               command_environment):  # fmt: skip
    """On a text of which a third is read; time in CPU-seconds, which other jobs change less."""
    text = tmp_path / "text"
    text.write_bytes(b"".join(long_text.read_bytes() for _ in range(8)))
    job = library.plan(text, model, n_sample_bytes=8 << 20, workers=1)
    flags = {
        "word2vec": ["word2vec", "-train", text, "-output", "v", "-iter", "5", "-threads", "1"],
        "fasttext": ["fasttext", "skipgram", "-input", text, "-output", "v", "-thread", "1"],
    }[model]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*command, *map(str, flags)], cwd=tmp_path, env=command_environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert seconds > 0.6 * job.training_cpu_seconds
    if sys.platform == "linux" and after.ru_maxrss > before.ru_maxrss:
        assert job.memory["peak"] == pytest.approx(after.ru_maxrss * 1024, rel=0.15)
