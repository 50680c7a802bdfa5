from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from wordvec.kernels.tokens import WordTable

ONE_FIELD: int
NO_WEIGHT: int
BAD_WEIGHT: int
NEGATIVE_WEIGHT: int

class LineCounts(TypedDict):
    n_edges: int
    n_lines: int
    n_zero_weights: int
    n_loops: int
    n_third_fields: int
    error: int
    field_begin: int
    field_end: int

def parse_lines(
    table: WordTable,
    text: NDArray[np.uint8],
    n_bytes: int,
    pairs: NDArray[np.int32],
    weights: NDArray[np.float32] | None,
    *,
    delimiter: int = -1,
    adjacency: bool = False,
    drop_loops: bool = False,
    chunk_number: int = 0,
) -> LineCounts: ...
def add_degrees(pairs: NDArray[np.int32], degrees: NDArray[np.int64], directed: bool) -> None: ...
def renumber(pairs: NDArray[np.int32], numbers: NDArray[np.int32]) -> None: ...
def scatter(
    pairs: NDArray[np.int32],
    weights_of_pairs: NDArray[np.float32] | None,
    cursors: NDArray[np.int64],
    starts: NDArray[np.int64],
    neighbours: NDArray[np.int32],
    weights: NDArray[np.float32] | None,
    low: int,
    high: int,
    directed: bool,
) -> None: ...
def merge_rows(
    starts: NDArray[np.int64],
    neighbours: NDArray[np.int32],
    weights: NDArray[np.float32] | None,
    lengths: NDArray[np.int64],
    low: int,
    high: int,
    directed: bool,
    sum: bool,
) -> tuple[int, int, int]: ...
def pack_rows(
    starts: NDArray[np.int64],
    neighbours: NDArray[np.int32],
    weights: NDArray[np.float32] | None,
    lengths: NDArray[np.int64],
) -> int: ...
def is_symmetric(
    starts: NDArray[np.int64], neighbours: NDArray[np.int32], weights: NDArray[np.float32] | None
) -> bool: ...
