"""Shuffling co-occurrence records: uniformly, in any memory; and exactly as GloVe's shuffle does.

Our own shuffle draws one of 512 buckets for every record and then shuffles each bucket, in memory
or on disk: buckets of millions of records fit a budget, and small ones fit the processor's cache.
Which records lie in memory changes nothing, so the order depends on nothing but the seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from wordvec.errors import OptionError, WordvecError
from wordvec.kernels.shuffling import GloveShuffler, Shuffler
from wordvec.memory import physical_bytes
from wordvec.records import RECORD, Records, fill, no_whole_records
from wordvec.spill import TemporaryFile, fresh_ids

__all__ = ["shuffle_like_glove", "shuffled", "shuffled_blocks"]

_N_BUCKETS = 512
_STAGED_RECORDS = 1 << 20
_MOST_IN_BUCKET = 1 << 22  # a larger one is cut into buckets itself, whatever the budget
_BYTES_WHILE_STAGING = _STAGED_RECORDS * (2 * RECORD.itemsize + 4)


def shuffled(blocks: Iterable[Records], seed: int, *, memory: int | None = None) -> Records:
    """All records in one array that belongs to the caller, in the order of `shuffled_blocks`.

    It takes twice the records' bytes for a moment, the half of it on disk beyond `memory`.
    """
    with _Buckets(seed, 0, memory, None) as buckets:
        buckets.take(blocks)
        out = fresh_records(buckets.n_records)
        done = 0
        for block in buckets.blocks():
            _words(out[done : done + len(block)])[:] = _words(block)
            done += len(block)
    return out


def shuffled_blocks(
    blocks: Iterable[Records],
    seed: int,
    *,
    memory: int | None = None,
    folder: str | None = None,
) -> Iterator[Records]:
    """The records of all blocks in a random order, every order equally likely.

    `seed` (0 to 2^64 - 1) and the order of the records determine it; how they come in blocks,
    and `memory`, do not.  Records beyond `memory` bytes (default: half of the machine's; about
    100 MB are needed in any case) wait in a nameless file in `folder` (default: the system's for
    temporary files).  What is given out belongs to the caller.  OutputError when that file cannot
    be written.
    """
    yield from _shuffled_part(blocks, seed, 0, memory, folder)


def _shuffled_part(
    blocks: Iterable[Records], seed: int, path: int, memory: int | None, folder: str | None
) -> Iterator[Records]:
    with _Buckets(seed, path, memory, folder) as buckets:
        buckets.take(blocks)
        yield from buckets.blocks()


def fresh_records(n_records: int) -> Records:
    """Zeroed RECORD[n_records] on huge pages that cost nothing until they are written."""
    try:
        return fresh_ids(4 * n_records).view(RECORD)
    except (OSError, OverflowError, ValueError):
        raise WordvecError(
            f"no memory for {n_records:,} records ({16 * n_records / 1e9:.1f} GB)"
        ) from None


def _words(records: Records) -> npt.NDArray[np.uint64]:
    """As the kernels take them; NumPy copies structured records field by field, these at once."""
    return records.view(np.uint64).reshape(-1, 2)


class _Buckets:
    """Records sorted by the bucket drawn for each, in pieces as they came.

    `path` numbers the bucket that is being cut, 0 for all records: it keeps the draws apart.
    """

    def __init__(self, seed: int, path: int, memory: int | None, folder: str | None) -> None:
        if not 0 <= seed < 2**64:
            raise OptionError("seed", "a whole number from 0 to 2^64 - 1", seed)
        budget = physical_bytes() // 2 if memory is None else memory
        self.n_records = 0
        self._seed, self._path, self._memory, self._folder = seed, path, memory, folder
        self._drawer = Shuffler(seed, path)
        self._room = max(budget - _BYTES_WHILE_STAGING, 0)
        # Of each piece: its records, or where they begin in the file; ends of its buckets.
        self._pieces: list[tuple[Records | int, npt.NDArray[np.int64]]] = []
        self._file: TemporaryFile | None = None

    def take(self, blocks: Iterable[Records]) -> None:
        staged = np.empty(_STAGED_RECORDS, dtype=RECORD)
        n_staged = 0
        for block in blocks:
            while len(block):
                n_taken = min(len(block), _STAGED_RECORDS - n_staged)
                _words(staged[n_staged : n_staged + n_taken])[:] = _words(block[:n_taken])
                block, n_staged = block[n_taken:], n_staged + n_taken
                if n_staged == _STAGED_RECORDS:
                    self._keep(staged)
                    n_staged = 0
        self._keep(staged[:n_staged])

    def _keep(self, staged: Records) -> None:
        out = fresh_records(len(staged))
        ends = self._drawer.scatter(_words(staged), _N_BUCKETS, _words(out))
        self.n_records += len(out)
        if out.nbytes <= self._room:
            self._room -= out.nbytes
            self._pieces.append((out, ends))
            return
        self._file = self._file or TemporaryFile(self._folder)
        self._pieces.append((self._file.append(out.view(np.uint8)), ends))

    def blocks(self) -> Iterator[Records]:
        for bucket in range(_N_BUCKETS):
            n_records = sum(int(end - begin) for _, begin, end in self._parts(bucket))
            below = self._path * _N_BUCKETS + bucket + 1
            if n_records > _MOST_IN_BUCKET:
                parts = (self._part(*part) for part in self._parts(bucket))
                yield from _shuffled_part(parts, self._seed, below, self._memory, self._folder)
            elif n_records:
                records = np.empty(n_records, dtype=RECORD)
                done = 0
                for part in self._parts(bucket):
                    read = self._part(*part)
                    _words(records[done : done + len(read)])[:] = _words(read)
                    done += len(read)
                Shuffler(self._seed, below).shuffle(_words(records))
                yield records

    def _parts(self, bucket: int) -> Iterator[tuple[Records | int, int, int]]:
        """(piece, first record, end) of every piece that has some of the bucket."""
        for piece, ends in self._pieces:
            begin, end = int(ends[bucket - 1]) if bucket else 0, int(ends[bucket])
            if begin < end:
                yield piece, begin, end

    def _part(self, piece: Records | int, begin: int, end: int) -> Records:
        if not isinstance(piece, int):
            return piece[begin:end]
        assert self._file is not None
        records = np.empty(end - begin, dtype=RECORD)
        self._file.read_into(records.view(np.uint8), piece + RECORD.itemsize * begin)
        return records

    def __enter__(self) -> _Buckets:
        return self

    def __exit__(self, *error: object) -> None:
        self._pieces = []
        if self._file is not None:
            self._file.close()


# ---- GloVe's own shuffle ----------------------------------------------------------------------


def shuffle_like_glove(
    stream: BinaryIO,
    write: Callable[[Any], object],
    seed: int,
    array_size: int,
    *,
    name: str = "standard input",
    n_records_expected: int | None = None,
    folder: str | None = None,
    on_chunk: Callable[[int], object] = lambda n_records: None,
    on_merged: Callable[[int], object] = lambda n_records: None,
) -> int:
    """Shuffle the records of `stream` as Stanford's shuffle does with this seed; their number.

    The same bytes as the original: chunks of `array_size` records are shuffled; then, in rounds,
    an equal number from each chunk is shuffled together and given to `write`.  Uniform for one
    chunk, nearly so for more.  The chunks wait in a nameless file in `folder`, a single one in
    memory.  Where there are more chunks than `array_size` the original writes nothing; here a
    round takes one record of each.

    `on_chunk` and `on_merged` are told the records done so far.  FormatError when the stream is
    cut inside a record, OutputError when the temporary file cannot be written.
    """
    if array_size < 1:
        raise OptionError("array_size", "a whole number of at least 1", array_size)
    shuffler = GloveShuffler(seed)
    # An array as large as the file, when that is known: the rest would never be touched.
    room = array_size if n_records_expected is None else min(array_size, n_records_expected + 1)
    chunk = fresh_records(room)
    chunks = _Chunks(folder)
    n_read = 0
    try:
        while True:
            n_bytes = fill(stream, chunk.view(np.uint8).data)
            n_records, n_rest = divmod(n_bytes, RECORD.itemsize)
            n_read += n_records
            if n_rest:
                raise no_whole_records(name, n_read * RECORD.itemsize + n_rest)
            shuffler.shuffle(_words(chunk[:n_records]))
            on_chunk(n_read)
            if n_records < array_size and not chunks.n_chunks:
                # The only one: the original's round trip through a file is left out.
                shuffler.shuffle(_words(chunk[:n_records]))
                write(chunk[:n_records].view(np.uint8).data)
                on_merged(n_read)
                return n_read
            chunks.append(chunk[:n_records])
            if n_records < array_size:
                break
        del chunk
        merge_chunks(chunks, shuffler, array_size, write, on_merged)
    finally:
        chunks.close()
    return n_read


class _Chunks:
    """Shuffled chunks on disk, and how much of each was taken back."""

    def __init__(self, folder: str | None) -> None:
        self._folder = folder
        self._file: TemporaryFile | None = None
        self._places: list[list[int]] = []  # next byte, end

    @property
    def n_chunks(self) -> int:
        return len(self._places)

    def append(self, records: Records) -> None:
        self._file = self._file or TemporaryFile(self._folder)
        offset = self._file.append(records.view(np.uint8))
        self._places.append([offset, offset + records.nbytes])

    def take(self, number: int, out: Records) -> int:
        """Read the next records of a chunk into `out`; fewer than it holds at the end."""
        place = self._places[number]
        n_bytes = min(out.nbytes, place[1] - place[0])
        if n_bytes:
            assert self._file is not None
            self._file.read_into(out.view(np.uint8)[:n_bytes], place[0])
            place[0] += n_bytes
        return n_bytes // RECORD.itemsize

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def merge_chunks(
    chunks: _Chunks,
    shuffler: GloveShuffler,
    array_size: int,
    write: Callable[[Any], object],
    on_merged: Callable[[int], object],
) -> None:
    """Rounds of equally many records from every chunk, shuffled together."""
    n_each = max(array_size // chunks.n_chunks, 1)
    together = fresh_records(n_each * chunks.n_chunks)
    n_merged = 0
    while True:
        n = 0
        for number in range(chunks.n_chunks):
            n += chunks.take(number, together[n : n + n_each])
        if not n:
            return
        shuffler.shuffle(_words(together[:n]))
        write(together[:n].view(np.uint8).data)
        n_merged += n
        on_merged(n_merged)
