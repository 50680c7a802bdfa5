import numpy as np
from numpy.typing import NDArray

_Codes = NDArray[np.uint8]
_Floats = NDArray[np.float32]

N_CENTROIDS: int

def n_parts_of(dim: int, dsub: int) -> int: ...
def train_part(
    rows: _Floats, centroids: _Floats, seed: int = 0, part: int = 0, n_rounds: int = 25
) -> None: ...
def encode(
    rows: _Floats, centroids: _Floats, dsub: int, codes: _Codes, norms: _Floats | None = None
) -> None: ...
def add_rows(
    rows: _Floats,
    dsub: int,
    codes: _Codes,
    first_part: int,
    end_part: int,
    sums: NDArray[np.float64],
    sizes: NDArray[np.int64],
    norms: _Floats | None = None,
) -> None: ...
def mean_rows(
    codes: _Codes,
    centroids: _Floats,
    dsub: int,
    starts: NDArray[np.int64],
    ids: NDArray[np.int32],
    first: int,
    end: int,
    out: _Floats,
    norm_codes: _Codes | None = None,
    norm_centroids: _Floats | None = None,
) -> None: ...
