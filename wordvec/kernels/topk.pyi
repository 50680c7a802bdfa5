from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK_ROWS: int
METHODS: tuple[str, ...]

class Rows:
    def __init__(self, matrix: NDArray[Any], norms: NDArray[np.float32]) -> None: ...
    @property
    def dim(self) -> int: ...
    def outside(self, first: int, last: int) -> NDArray[np.int64]: ...
    def lengths(self, first: int, last: int, out: NDArray[np.float32]) -> None: ...

class Plane:
    n_rows: int
    dim: int
    def __init__(
        self,
        n_rows: int,
        dim: int,
        codes: NDArray[np.uint8],
        scales: NDArray[np.float32],
        errors: NDArray[np.float32],
    ) -> None: ...
    @staticmethod
    def pack(
        rows: Rows,
        first: int,
        last: int,
        codes: NDArray[np.uint8],
        scales: NDArray[np.float32],
        errors: NDArray[np.float32],
    ) -> None: ...

class Queries:
    def __init__(
        self,
        directions: NDArray[np.float32],
        k: int,
        starts: NDArray[np.int64],
        excluded: NDArray[np.int64],
        plane: Plane | None = None,
    ) -> None: ...

class Scan:
    def __init__(
        self,
        rows: Rows,
        queries: Queries,
        method: str,
        first: int,
        last: int,
        plane: Plane | None = None,
    ) -> None: ...
    def run(self, first: int, last: int) -> None: ...

def finish(
    scans: list[Scan],
    outside: NDArray[np.int64],
    first: int,
    last: int,
    found: NDArray[np.int64],
    cosines: NDArray[np.float32],
) -> None: ...
