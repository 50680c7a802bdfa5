"""Our vocab_count, cooccur and shuffle beside Stanford's, and each reading the other's files.

GLOVE_SOURCE names a checkout of github.com/stanfordnlp/GloVe.
"""

import lzma
import random
import subprocess

import numpy as np
import pytest
from test_cli_rivals import nasty_text

from wordvec.records import RECORD

pytestmark = pytest.mark.rivals


@pytest.fixture(scope="session")
def stanford(stanford_tools):
    """Run one of Stanford's tools on bytes."""

    def run(tool, *arguments, text, cwd):
        line = [stanford_tools / tool, *map(str, arguments)]
        return subprocess.run(line, cwd=cwd, input=text, capture_output=True, check=True).stdout

    return run


@pytest.fixture
def ours(wordvec):
    def run(tool, *arguments, text, cwd):
        done = wordvec("glove", tool, *arguments, stdin=None, input=text, cwd=cwd)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def corpus_start(shared_data, name, n_bytes):
    with lzma.open(shared_data / "corpora" / name) as stream:
        return stream.read(n_bytes)


def texts(shared_data):
    """Real text in two scripts, and text made to be nasty (no word begins with NUL there)."""
    yield corpus_start(shared_data, "enwiki17m.txt.xz", 2_000_000)
    yield corpus_start(shared_data, "kowiki1m.txt.xz", 2_000_000)
    for seed in range(2):
        yield nasty_text(seed) + b" \xe2\x82" * seed + b"z" * 990 + "\u20ac".encode() * (5 + seed)


VOCAB_FLAGS = [
    ["-min-count", 5], ["-max-vocab", 50], ["-max-vocab", 12_345], ["-max-vocab", 3001],
]  # fmt: skip


def test_vocabularies_are_the_same_bytes(stanford, ours, shared_data, tmp_path):
    for text in texts(shared_data):
        for flags in VOCAB_FLAGS:
            theirs = stanford("vocab_count", *flags, text=text, cwd=tmp_path)
            assert ours("vocab_count", *flags, text=text, cwd=tmp_path) == theirs, flags
            assert len(theirs) > 100


@pytest.mark.slow
@pytest.mark.parametrize("name", ["enwiki17m.txt.xz", "kowiki1m.txt.xz"])
def test_vocabularies_of_whole_corpora(stanford, ours, shared_data, tmp_path, name):
    text = corpus_start(shared_data, name, -1)
    for flags in ([], ["-min-count", 5], ["-max-vocab", 20_001], ["-max-vocab", 100_000]):
        theirs = stanford("vocab_count", *flags, text=text, cwd=tmp_path)
        assert ours("vocab_count", *flags, text=text, cwd=tmp_path) == theirs, flags


@pytest.mark.parametrize(
    "flags",
    [
        [], ["-symmetric", 0], ["-distance-weighting", 0], ["-window-size", 3],
        ["-window-size", 40, "-symmetric", 0],
    ],
)  # fmt: skip
def test_records(stanford, ours, shared_data, tmp_path, flags):
    """All pairs, in order; values but for the order of the original's additions.

    Overflow is forced: without any, the original doubles its first record.
    """
    text = corpus_start(shared_data, "kowiki1m.txt.xz", 600_000)
    vocab = stanford("vocab_count", "-min-count", 2, text=text, cwd=tmp_path)
    (tmp_path / "vocab.txt").write_bytes(vocab)
    spill = ["-max-product", 20_000, "-overflow-length", 30_000]
    theirs = stanford("cooccur", *spill, *flags, "-memory", 1, text=text, cwd=tmp_path)
    found = ours("cooccur", "-threads", 2, *flags, text=text, cwd=tmp_path)
    expected, records = (np.frombuffer(data, RECORD) for data in (theirs, found))
    assert len(records) > 100_000
    for column in ("row", "column"):
        assert np.array_equal(records[column], expected[column])
    np.testing.assert_allclose(records["value"], expected["value"], rtol=1e-9)
    if "-distance-weighting" in flags:
        assert found == theirs


def test_the_first_record_is_not_doubled(stanford, ours, tmp_path):
    """What the original does when nothing overflows."""
    (tmp_path / "vocab.txt").write_bytes(b"a 2\nb 1\n")
    theirs = np.frombuffer(stanford("cooccur", "-memory", 1, text=b"a b a", cwd=tmp_path), RECORD)
    found = np.frombuffer(ours("cooccur", "-memory", 1, text=b"a b a", cwd=tmp_path), RECORD)
    assert theirs.tolist() == [(1, 1, 2.0), (1, 2, 2.0), (2, 1, 2.0)]
    assert found.tolist() == [(1, 1, 1.0), (1, 2, 2.0), (2, 1, 2.0)]


def some_records(n):
    rng = np.random.default_rng(1)
    made = np.empty(n, RECORD)
    made["row"], made["column"] = rng.integers(1, 50, (2, n))
    made["value"] = rng.random(n) + 0.1
    return made.tobytes()


@pytest.mark.parametrize("n, array_size", [
    (1000, 10_000), (1000, 1000), (1000, 100), (20_000, 7001), (20_000, 30_000), (0, 5), (999, 64),
])  # fmt: skip
def test_shuffles_are_the_same_bytes(stanford, ours, tmp_path, n, array_size):
    data = some_records(n)
    for seed in (42, -7):
        flags = ["-seed", seed, "-array-size", array_size]
        theirs = stanford("shuffle", *flags, text=data, cwd=tmp_path)
        assert ours("shuffle", *flags, text=data, cwd=tmp_path) == theirs
        assert sorted(np.frombuffer(theirs, RECORD).tolist()) == sorted(
            np.frombuffer(data, RECORD).tolist()
        )


def test_more_chunks_than_the_original_can_merge(stanford, ours, tmp_path):
    data = some_records(5000)
    flags = ["-seed", 1, "-array-size", 60]
    assert stanford("shuffle", *flags, text=data, cwd=tmp_path) == b""  # it loses everything
    found = ours("shuffle", *flags, text=data, cwd=tmp_path)
    assert sorted(np.frombuffer(found, RECORD).tolist()) == sorted(
        np.frombuffer(data, RECORD).tolist()
    )


def test_each_reads_what_the_other_wrote(stanford, ours, tmp_path):
    """The chain with every step by one or the other: the same bytes in the end."""
    rng = random.Random(3)
    words = [f"w{k}" for k in range(80)]
    text = "\n".join(" ".join(rng.choices(words, k=20)) for _ in range(200)).encode()
    flags = ["-distance-weighting", 0, "-max-product", 100, "-overflow-length", 2000]
    results = set()
    for tools in ([stanford, ours, stanford], [ours, stanford, ours], [ours, ours, stanford]):
        count, cooccur, shuffle = tools
        (tmp_path / "vocab.txt").write_bytes(count("vocab_count", text=text, cwd=tmp_path))
        records = cooccur("cooccur", *flags, "-memory", 1, text=text, cwd=tmp_path)
        results.add(shuffle("shuffle", "-seed", 5, "-memory", 1, text=records, cwd=tmp_path))
        (tmp_path / "cooccurrence.shuf.bin").write_bytes(max(results))
        options = ["-vector-size", 3, "-iter", 1, "-threads", 1, "-seed", 1, "-save-file", "v"]
        stanford("glove", *options, text=b"", cwd=tmp_path)
        assert len((tmp_path / "v.txt").read_bytes().splitlines()) == 81
    assert len(results) == 1
