"""Checksums of a file's sections: CRC-32 of each block of 16 MiB.

CRC-32 finds every change within four neighbouring bytes for certain and any other with
probability 1 - 2**-32.  It guards against accidents, not against forgery.  Blocks let several
threads verify one section and name the place of the damage.
"""

from __future__ import annotations

import os
import threading
import zlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import FormatError
from wordvec.threads import Stop, run_workers

BLOCK_BYTES = 16 << 20
_MAX_THREADS = 8

Span = tuple[str, int, int]  # name of a section, its first byte, the byte after it


def blocks_of(spans: Iterable[Span]) -> list[Span]:
    """The blocks that have a checksum each; every section starts a new one."""
    return [
        (name, place, min(place + BLOCK_BYTES, stop))
        for name, start, stop in spans
        for place in range(start, stop, BLOCK_BYTES)
    ]


class BlockSums:
    """Checksums of a section after another while they are written."""

    def __init__(self) -> None:
        self.sums: list[int] = []
        self._sum = 0
        self._n_bytes = 0  # of the block that is not yet full

    def add(self, data: memoryview) -> None:
        """Count in the next bytes of the section."""
        while len(data):
            piece = data[: BLOCK_BYTES - self._n_bytes]
            self._sum = zlib.crc32(piece, self._sum)
            self._n_bytes += len(piece)
            data = data[len(piece) :]
            if self._n_bytes == BLOCK_BYTES:
                self.end_section()

    def end_section(self) -> None:
        if self._n_bytes:
            self.sums.append(self._sum)
        self._sum = self._n_bytes = 0


def verify_blocks(
    descriptor: int, path: str, spans: Sequence[Span], sums: NDArray[np.int64]
) -> None:
    """Compare `sums` with an open file; FormatError names the first section that was changed.

    Ctrl-C is answered after the current block.  `path` is for messages.
    """
    blocks = blocks_of(spans)
    if len(blocks) != len(sums):
        raise FormatError(path, None, f"{len(blocks)} checksums", str(len(sums)))
    lock = threading.Lock()
    todo = iter(range(len(blocks)))
    damaged: list[int] = []

    def work(number: int, stop: Stop) -> None:
        while not stop.requested:
            with lock:
                block = next(todo, None)
            if block is None:
                return
            name, start, end = blocks[block]
            data = os.pread(descriptor, end - start, start)
            if len(data) < end - start:
                expected, found = f"{end - start} bytes of {name!r}", str(len(data))
                raise FormatError(path, start, expected, found, "the file was cut short")
            if zlib.crc32(data) != sums[block]:
                damaged.append(block)

    n_threads = max(1, min(len(blocks), os.cpu_count() or 1, _MAX_THREADS))
    if run_workers(work, n_threads).interrupted:
        raise KeyboardInterrupt
    if damaged:
        name, start, end = blocks[min(damaged)]
        raise FormatError(
            path,
            start,
            f"checksum {int(sums[min(damaged)]):08x} of bytes {start} to {end} ({name})",
            "another one",
            "the file was damaged or changed after it was written; fetch or make it again",
        )
