from typing import Any

import numpy as np
from numpy.typing import NDArray

# Anything with a writable buffer of bytes: bytearray, memoryview, uint8 array.
Buffer = bytearray | memoryview | NDArray[np.uint8]

PADDING: int
MAX_NUMBER_BYTES: int
STYLE_FIXED6_AND_SPACE: int
STYLE_FIXED6: int
STYLE_SHORTEST: int
STYLE_GENERAL5_AND_SPACE: int
NO_PROBLEM: int
NOT_A_NUMBER: int
TOO_FEW_NUMBERS: int
TOO_MANY_NUMBERS: int
NEWLINE_IN_WORD: int

def round_exactly(text: bytes) -> float: ...
def count_lines(buffer: Buffer, start: int, stop: int, n: int) -> tuple[int, int]: ...
def read_text_rows(
    buffer: Buffer,
    start: int,
    stop: int,
    rows: NDArray[np.float32],
    words: Buffer,
    word_ends: NDArray[np.uint64],
    spaces_allowed: bool = False,
) -> tuple[int, int, int, int]: ...
def read_binary_rows(
    buffer: Buffer,
    start: int,
    stop: int,
    rows: NDArray[np.float32],
    words: Buffer,
    word_ends: NDArray[np.uint64],
) -> tuple[int, int, int, int]: ...
def find_unwritable(
    data: NDArray[np.uint8],
    ends: NDArray[np.uint64],
    first: int,
    last: int,
    spaces_allowed: bool = False,
) -> int: ...
def write_text_rows(
    data: NDArray[np.uint8],
    ends: NDArray[np.uint64],
    first: int,
    rows: NDArray[np.float32],
    out: Buffer,
    style: int,
) -> int: ...
def write_binary_rows(
    data: NDArray[np.uint8],
    ends: NDArray[np.uint64],
    first: int,
    rows: NDArray[np.float32],
    out: Buffer,
    newline: bool = True,
) -> int: ...
def parse_numbers(text: bytes, out: NDArray[Any]) -> int: ...
