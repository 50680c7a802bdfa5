"""Big arrays: where they lie, and what is refused before it is taken."""

import mmap
import os
from pathlib import Path

import numpy as np
import pytest

from wordvec import memory
from wordvec.errors import WordvecError


@pytest.mark.parametrize("shape", [(0, 16), (1, 16), (3, 112), (100_000, 16)])
def test_zero_rows(shape):
    rows = memory.zero_rows(*shape)
    assert rows.shape == shape and rows.dtype == np.float32 and not rows.any()
    assert rows.size == 0 or rows.ctypes.data % memory.HUGE_PAGE_BYTES == 0
    rows += 1
    assert (memory.zero_rows(*shape) == 0).all()


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="no /proc of Linux")
def test_weights_are_private_memory():
    """Shared pages are never huge, and a forked child would train its parent's weights."""
    rows = memory.zero_rows(1 << 20, 16)
    rows[:] = 1
    child = os.fork()
    if child == 0:
        rows[0, 0] = 42
        os._exit(0)
    os.waitpid(child, 0)
    assert rows[0, 0] == 1


@pytest.mark.skipif(not hasattr(mmap, "MADV_HUGEPAGE"), reason="no transparent huge pages")
def test_weights_lie_on_huge_pages():
    setting = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    if not setting.exists() or "[never]" in setting.read_text():
        pytest.skip("huge pages are switched off on this machine")
    rows = memory.zero_rows(1 << 20, 16)  # 64 MB
    rows[:] = 1
    kilobytes = [
        int(line.split()[1])
        for line in Path("/proc/self/smaps_rollup").read_text().splitlines()
        if line.startswith("AnonHugePages:")
    ]
    assert kilobytes and kilobytes[0] > 30_000


def test_more_than_the_machine_has_is_refused():
    memory.need_bytes(1, "two words", "nothing")
    with pytest.raises(WordvecError, match=r"weights need .* GB of memory, this machine has .*; x"):
        memory.need_bytes(memory.physical_bytes() + 1, "weights", "x")


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc of Linux")
def test_pages_of_a_mapped_file_are_let_go(tmp_path):
    (tmp_path / "ids").write_bytes(np.arange(1 << 23, dtype=np.int32).tobytes())  # 32 MB
    with open(tmp_path / "ids", "rb") as file:
        area = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    ids = np.frombuffer(area, np.int32)[1000:]
    total, before = int(ids.sum(dtype=np.int64)), resident_bytes()
    memory.release_pages(ids, len(ids))
    assert before - resident_bytes() > 25 << 20
    assert int(ids.sum(dtype=np.int64)) == total  # and they come back


def test_pages_of_no_file_stay():
    for array in (np.ones(1 << 20, np.int32), memory.zero_rows(1 << 16, 16) + 1):
        memory.release_pages(array, len(array))
        assert (array == 1).all()
    rows = memory.zero_rows(1 << 16, 16)
    rows[:] = 1
    memory.release_pages(rows, len(rows))
    assert (rows == 1).all()
