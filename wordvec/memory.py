"""Big arrays: zeroed, aligned, on huge pages where the system has them."""

from __future__ import annotations

import mmap
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import WordvecError

HUGE_PAGE_BYTES = 2 << 20
_PRIVATE = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS


def zero_rows(n_rows: int, n_columns: int) -> NDArray[np.float32]:
    """float32[n_rows, n_columns] of zeros that belongs to the caller, on a 2 MB boundary.

    Rows drawn at random cost up to 1.6 times less on huge pages (fewer page walks), so the system
    is asked for them; pages are taken only when they are first written.  WordvecError when the
    system will not give the address space.
    """
    n_bytes = n_rows * n_columns * 4
    if n_bytes == 0:
        return np.zeros((n_rows, n_columns), np.float32)
    try:
        # Private: Python's default is shared memory, whose pages are never huge and which a
        # forked child would share.
        area = mmap.mmap(-1, n_bytes + HUGE_PAGE_BYTES, flags=_PRIVATE)
    except (OSError, OverflowError, ValueError):
        raise WordvecError(
            f"no memory for {n_rows} x {n_columns} weights ({n_bytes / 1e9:.1f} GB); "
            "use a smaller vector size or a larger minimum count"
        ) from None
    # Less than a page: finding one free may take the system longer than the work on it.
    if n_bytes >= HUGE_PAGE_BYTES and hasattr(mmap, "MADV_HUGEPAGE"):
        try:
            area.madvise(mmap.MADV_HUGEPAGE)
        except OSError:
            pass  # a kernel without transparent huge pages: slower, not wrong
    raw = np.frombuffer(area, np.uint8)
    start = -raw.ctypes.data % HUGE_PAGE_BYTES
    return raw[start : start + n_bytes].view(np.float32).reshape(n_rows, n_columns)


def drop_rows(array: NDArray[Any], first: int, end: int) -> None:
    """Give back the memory of array[first:end] of a `zero_rows`; its numbers are lost, or zero.

    Does nothing for other arrays.  Whole huge pages go, and the one that `first` lies in, so that
    rows dropped in their order are all gone but the last.
    """
    owner = _owner(array)
    if not isinstance(owner, mmap.mmap) or not hasattr(mmap, "MADV_DONTNEED"):
        return
    if memoryview(owner).readonly:
        return  # a map of a file
    offset = array.ctypes.data - np.frombuffer(owner, np.uint8).ctypes.data
    begin, stop = (
        (offset + row * array.strides[0]) // HUGE_PAGE_BYTES * HUGE_PAGE_BYTES
        for row in (first, end)
    )
    if begin < stop:
        owner.madvise(mmap.MADV_DONTNEED, begin, stop - begin)


def _owner(array: NDArray[Any]) -> Any:
    """What holds the memory that the array is a view of."""
    owner: Any = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    return owner.obj if isinstance(owner, memoryview) else owner


def release_pages(array: NDArray[Any], end: int) -> None:
    """Let go of the pages under array[:end] when a file is mapped there; else nothing.

    They come back from the file when they are read again.  Mapped pages count as memory of the
    process, so a corpus that lies on disk would otherwise be all in memory after one pass.
    """
    owner = _owner(array)
    # Only a map of a file is read-only; the pages of any other would be lost.
    is_file = isinstance(owner, mmap.mmap) and memoryview(owner).readonly
    if not is_file or not hasattr(mmap, "MADV_DONTNEED"):
        return
    offset = array.ctypes.data - np.frombuffer(owner, np.uint8).ctypes.data
    n_bytes = (offset + end * array.itemsize) // mmap.PAGESIZE * mmap.PAGESIZE
    if n_bytes:
        owner.madvise(mmap.MADV_DONTNEED, 0, n_bytes)


def need_bytes(n_bytes: int, what: str, remedy: str) -> None:
    """WordvecError when `n_bytes` exceed what this process may use.

    Asked before the hours of work: the system itself would promise the memory, and end the
    process without a word when its pages are written.
    """
    n_there = physical_bytes()
    if n_bytes > n_there:
        raise WordvecError(
            f"{what} need {n_bytes / 1e9:.1f} GB of memory, this machine has "
            f"{n_there / 1e9:.1f} GB; {remedy}"
        )


def physical_bytes() -> int:
    """Bytes of memory that this process may use: the machine's, or its control group's limit."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            with open(path) as file:
                total = min(total, int(file.read()))
        except (OSError, ValueError):
            continue  # not Linux, or no limit ("max")
    return total
