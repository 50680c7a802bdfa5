import numpy as np
from numpy.typing import NDArray

_Bytes = NDArray[np.uint8]
_Ends = NDArray[np.uint64]
_Counts = NDArray[np.int64]

ENTRY_BYTES: int
STOP_CUT: int
STOP_TYPE: int

def scan_entries(
    data: _Bytes,
    offset: int,
    first: int,
    n_words: int,
    ends: _Ends,
    counts: _Counts,
    limit: int,
) -> tuple[int, int, int]: ...
def copy_words(data: _Bytes, offset: int, ends: _Ends, words: _Bytes) -> None: ...
def write_entries(
    words: _Bytes,
    ends: _Ends,
    counts: _Counts,
    n_words: int,
    first: int,
    end: int,
    out: _Bytes | bytearray,
) -> int: ...
