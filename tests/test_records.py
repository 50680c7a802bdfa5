"""Files of co-occurrence records: blocks, streams, and every kind of damage."""

import io
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordvec.errors import FormatError, OutputError
from wordvec.records import RECORD, count_of_file, read_blocks, write_records


def made_of(n, n_words=9):
    records = np.zeros(n, dtype=RECORD)
    records["row"] = np.arange(n) % n_words + 1
    records["column"] = np.arange(n) // n_words % n_words + 1
    records["value"] = 0.25 + np.arange(n)
    return records


@settings(deadline=None)
@given(st.integers(0, 300), st.integers(1, 100))
def test_round_trip_in_blocks_of_any_size(n, block_records):
    records = made_of(n)
    stream = io.BytesIO()
    write_records(stream, records[: n // 2])
    write_records(stream, records[n // 2 :])
    assert stream.getvalue() == records.tobytes()
    stream.seek(0)
    blocks = list(read_blocks("x", 9, stream=stream, block_records=block_records))
    assert all(0 < len(block) <= block_records for block in blocks)
    assert np.concatenate([records[:0], *blocks]).tobytes() == records.tobytes()


def test_a_stream_that_gives_little_at_a_time():
    class Slow(io.BytesIO):
        def readinto(self, buffer):
            return super().readinto(memoryview(buffer)[:7])

    records = made_of(50)
    blocks = list(read_blocks("x", stream=Slow(records.tobytes()), block_records=20))
    assert np.concatenate(blocks).tobytes() == records.tobytes()


def test_files(tmp_path):
    path = tmp_path / "records.bin"
    made_of(30).tofile(path)
    assert count_of_file(path) == 30
    assert len(next(read_blocks(path, 9))) == 30
    with open(path, "ab") as file:
        file.write(b"12345")
    for read in (count_of_file, lambda path: list(read_blocks(path, block_records=4))):
        with pytest.raises(FormatError) as error:
            read(path)
        assert (error.value.path, error.value.offset) == (os.fspath(path), 480)
        assert "found 5 bytes at the end" in str(error.value)
    with pytest.raises(FileNotFoundError):
        next(read_blocks(tmp_path / "none"))


DAMAGE = [
    ("row", 0, "word numbers from 1 to 9"), ("row", 10, "word numbers from 1 to 9"),
    ("column", -5, "word numbers from 1 to 9"), ("column", 10, "word numbers from 1 to 9"),
    ("value", 0.0, "a value that is positive and finite"),
    ("value", -1.0, "a value that is positive and finite"),
    ("value", np.nan, "a value that is positive and finite"),
    ("value", np.inf, "a value that is positive and finite"),
]  # fmt: skip


@pytest.mark.parametrize("name, value, expected", DAMAGE)
@pytest.mark.parametrize("place", [0, 17, 49])
def test_the_first_bad_record_is_named(name, value, expected, place):
    records = made_of(50)
    records[name][place] = value
    records[name][place + 1 :] = value
    stream = io.BytesIO(records.tobytes())
    with pytest.raises(FormatError, match=expected) as error:
        list(read_blocks("x", 9, stream=stream, block_records=16))
    assert error.value.offset == 16 * place and f"{value:g}" in error.value.found
    stream.seek(0)
    unchecked = np.concatenate(list(read_blocks("x", 9, stream=stream, check=False)))
    assert unchecked.tobytes() == records.tobytes()


def test_without_a_vocabulary_ranks_only_begin_at_one():
    records = made_of(3)
    records["row"][1] = 2**31 - 1
    assert len(next(read_blocks("x", stream=io.BytesIO(records.tobytes())))) == 3
    records["column"][2] = 0
    with pytest.raises(FormatError, match="word numbers at least 1"):
        next(read_blocks("x", stream=io.BytesIO(records.tobytes())))


def test_only_records_are_written():
    with pytest.raises(OutputError, match="expected records"):
        write_records(io.BytesIO(), np.zeros(4))
