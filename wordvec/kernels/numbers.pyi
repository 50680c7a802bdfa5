from typing import Any

import numpy as np
from numpy.typing import NDArray

# Anything with a writable buffer of bytes: bytearray, memoryview, uint8 array.
Buffer = bytearray | memoryview | NDArray[np.uint8]

PADDING: int
MAX_FIXED6_BYTES: int
NO_PROBLEM: int
NOT_A_NUMBER: int
TOO_FEW_NUMBERS: int
TOO_MANY_NUMBERS: int
NEWLINE_IN_WORD: int

def round_exactly(text: bytes) -> float: ...
def read_text_rows(
    buffer: Buffer, start: int, stop: int, rows: NDArray[np.float32], words: Buffer
) -> tuple[int, int, int, int]: ...
def read_binary_rows(
    buffer: Buffer, start: int, stop: int, rows: NDArray[np.float32], words: Buffer
) -> tuple[int, int, int, int]: ...
def write_text_rows(
    words: bytes, rows: NDArray[np.float32], out: Buffer, shortest: bool = False
) -> int: ...
def write_binary_rows(words: bytes, rows: NDArray[np.float32], out: Buffer) -> int: ...
def format_fixed6(rows: NDArray[np.float32]) -> bytes: ...
def parse_numbers(text: bytes, out: NDArray[Any]) -> int: ...
