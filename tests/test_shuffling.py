"""Shuffles of records: permutations, uniform, the same in any memory, and Stanford's own."""

import io
import math
from collections import Counter
from itertools import islice, permutations

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from wordvec import shuffling
from wordvec.errors import FormatError, OptionError, OutputError
from wordvec.kernels.shuffling import GloveShuffler, Shuffler
from wordvec.records import RECORD
from wordvec.shuffling import shuffle_like_glove, shuffled, shuffled_blocks


def chi_square_tail(statistic, freedom):
    """Chance of at least this much (Wilson and Hilferty 1931)."""
    spread = 2 / (9 * freedom)
    z = ((statistic / freedom) ** (1 / 3) - (1 - spread)) / math.sqrt(spread)
    return 0.5 * math.erfc(z / math.sqrt(2))


def numbered(n):
    made = np.zeros(n, dtype=RECORD)
    made["row"], made["column"], made["value"] = np.arange(n), 1, np.arange(n) / 3
    return made


def cut(records, sizes):
    """The records in blocks whose sizes repeat."""
    done = 0
    while done < len(records):
        for size in sizes:
            yield records[done : done + size]
            done += size


@settings(deadline=None, max_examples=30)
@given(
    st.integers(0, 3000), st.integers(0, 2**64 - 1), st.lists(st.integers(1, 700), min_size=1),
    st.sampled_from([None, 0, 1 << 30]),
)  # fmt: skip
def test_a_permutation_that_only_the_seed_decides(n, seed, sizes, memory):
    records = numbered(n)
    whole = shuffled([records], seed)
    assert sorted(whole["row"].tolist()) == list(range(n))
    assert np.array_equal(whole["value"], whole["row"] / 3)
    assert shuffled(cut(records, sizes), seed, memory=memory).tobytes() == whole.tobytes()
    other = shuffled([records], (seed + 1) % 2**64)
    assert n < 20 or other.tobytes() != whole.tobytes()


@pytest.mark.parametrize("memory", [0, None])
def test_many_pieces_and_buckets_cut_again(monkeypatch, memory):
    monkeypatch.setattr(shuffling, "_STAGED_RECORDS", 900)
    monkeypatch.setattr(shuffling, "_N_BUCKETS", 5)
    monkeypatch.setattr(shuffling, "_MOST_IN_BUCKET", 70)
    records = numbered(4000)
    first = shuffled(cut(records, [333, 2001]), 7, memory=None)
    assert sorted(first["row"].tolist()) == list(range(4000))
    again = np.concatenate(list(shuffled_blocks(cut(records, [4000]), 7, memory=memory)))
    assert again.tobytes() == first.tobytes()


def chi_square(counts, n_kinds):
    assert len(counts) == n_kinds
    found = np.array(list(counts.values()), float)
    expected = found.sum() / len(found)
    return chi_square_tail(((found - expected) ** 2 / expected).sum(), len(found) - 1)


def order_of(records):
    return tuple(records["row"].tolist())


def test_every_order_is_equally_likely():
    records, n = numbered(4), 24 * 40
    ours = Counter(order_of(shuffled([records], seed)) for seed in range(n))
    assert set(ours) == set(permutations(range(4)))
    assert 0.001 < chi_square(ours, 24) < 0.999

    def by_stanford(seed):
        stream = io.BytesIO(records.tobytes())
        out = io.BytesIO()
        shuffle_like_glove(stream, out.write, seed, 100)
        return order_of(np.frombuffer(out.getvalue(), RECORD))

    theirs = Counter(by_stanford(seed) for seed in range(1, n + 1))
    assert 0.001 < chi_square(theirs, 24) < 0.999


def test_every_record_may_come_to_every_place():
    """Where a record was says nothing of where it goes: old and new places in 10 bands each."""
    n = 30_000
    places = np.empty(n, dtype=np.int64)
    places[shuffled([numbered(n)], 3)["row"]] = np.arange(n)
    table = np.histogram2d(np.arange(n), places, bins=10)[0]
    table = np.asarray(table, float)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    freedom = (table.shape[0] - 1) * (table.shape[1] - 1)
    tail = chi_square_tail(((table - expected) ** 2 / expected).sum(), freedom)
    assert 0.001 < tail < 0.999
    # The distance of neighbours that stay together would give a bad shuffle away.
    assert np.mean(np.abs(np.diff(places)) == 1) < 3 / n * 2


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_seeds_out_of_range(seed):
    with pytest.raises(OptionError, match="seed"):
        shuffled([numbered(3)], seed)


def test_the_disk_fills_up(monkeypatch, tmp_path):
    def pwrite(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.pwrite", pwrite)
    with pytest.raises(OutputError, match="No space left on device"):
        list(shuffled_blocks([numbered(100)], 1, memory=0, folder=str(tmp_path)))
    with pytest.raises(OutputError, match="No space left on device"):
        shuffle_like_glove(io.BytesIO(bytes(1600)), io.BytesIO().write, 1, 10, folder=str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_no_folder(tmp_path):
    with pytest.raises(OutputError, match="No such file"):
        list(shuffled_blocks([numbered(100)], 1, memory=0, folder=str(tmp_path / "none")))


# ---- Stanford's ---------------------------------------------------------------------------------


def test_glibc_rand():
    """The numbers of srand(seed); rand() on every Linux."""
    for seed, first in ((1, [1804289383, 846930886, 1681692777]), (42, [71876166, 708592740])):
        generator = GloveShuffler(seed)
        assert [generator.rand() for _ in first] == first
    for seed in (1, 3, 2**31 - 1):
        generator = GloveShuffler(seed)
        expected = list(islice(reference.glibc_rand(seed), 5000))
        assert [generator.rand() for _ in range(5000)] == expected
    assert GloveShuffler(0).rand() == GloveShuffler(1).rand()


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 400), st.integers(1, 500), st.integers(1, 2**31 - 1), st.booleans())
def test_stanfords_order(n, array_size, seed, is_file):
    records = numbered(n)
    out = io.BytesIO()
    told = []
    n_done = shuffle_like_glove(
        io.BytesIO(records.tobytes()), out.write, seed, array_size,
        n_records_expected=n if is_file else None, on_merged=told.append,
    )  # fmt: skip
    assert n_done == n and (not n or told[-1] == n)
    found = np.frombuffer(out.getvalue(), RECORD)
    assert found["row"].tolist() == reference.glove_shuffle(list(range(n)), array_size, seed)


def test_large_numbers_are_drawn_as_the_original_does():
    """From 4,096 on remainders come from a reciprocal; the twin divides."""
    n = 20_000
    out = io.BytesIO()
    shuffle_like_glove(io.BytesIO(numbered(n).tobytes()), out.write, 9, n + 1)
    found = np.frombuffer(out.getvalue(), RECORD)
    assert found["row"].tolist() == reference.glove_shuffle(list(range(n)), n + 1, 9)


@pytest.mark.parametrize("n_bytes", [1, 15, 17, 160 * 16 + 8])
def test_a_file_cut_in_a_record(n_bytes):
    out = io.BytesIO()
    with pytest.raises(FormatError, match=r"^x: byte \d+: expected records of 16 bytes") as error:
        shuffle_like_glove(io.BytesIO(bytes(n_bytes)), out.write, 1, 50, name="x")
    assert error.value.offset == n_bytes // 16 * 16
    assert out.getvalue() == b""


def test_array_size_out_of_range():
    with pytest.raises(OptionError, match="array_size"):
        shuffle_like_glove(io.BytesIO(), io.BytesIO().write, 1, 0)


# ---- kernels ------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 2, 15, 16, 17, 33, 63, 64, 65, 66, 300])
def test_kernels_at_awkward_lengths(n):
    words = np.arange(2 * n, dtype=np.uint64).reshape(-1, 2)
    for shuffler in (GloveShuffler(3), Shuffler(3), Shuffler(3, 8)):
        mixed = words.copy()
        shuffler.shuffle(mixed)
        assert sorted(mixed.tolist()) == words.tolist()
    out = np.empty_like(words)
    ends = Shuffler(3).scatter(words, 7, out)
    assert len(ends) == 7 and ends[-1] == n and np.all(np.diff(ends) >= 0)
    assert sorted(out.tolist()) == words.tolist()
    for begin, end in zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True):
        assert np.all(np.diff(out[begin:end, 0].astype(np.int64)) > 0)  # a bucket keeps the order


def test_kernels_refuse_other_widths():
    with pytest.raises(ValueError, match="3 words, expected 2"):
        Shuffler(1).shuffle(np.zeros((4, 3), np.uint64))
    with pytest.raises(ValueError, match="too little room"):
        Shuffler(1).scatter(np.zeros((4, 2), np.uint64), 3, np.zeros((3, 2), np.uint64))
