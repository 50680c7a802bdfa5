import numpy as np
from numpy.typing import NDArray

_Bytes = NDArray[np.uint8]
_Starts = NDArray[np.int64]
_Numbers = NDArray[np.int32]
_Rows = NDArray[np.float32]

MAX_BUCKETS: int

def hash_bytes(word: bytes | _Bytes) -> int: ...
def count_ngrams(
    arena: _Bytes, starts: _Starts, first: int, end: int, counts: _Starts, min_n: int, max_n: int
) -> None: ...
def ngram_buckets(
    arena: _Bytes,
    starts: _Starts,
    first: int,
    end: int,
    ngram_starts: _Starts,
    buckets: _Numbers,
    min_n: int,
    max_n: int,
    n_buckets: int,
) -> None: ...
def buckets_of_word(word: bytes | _Bytes, min_n: int, max_n: int, n_buckets: int) -> _Numbers: ...
def bucket_uses(
    ngram_starts: _Starts, buckets: _Numbers, counts: _Starts, uses: _Starts
) -> None: ...
def word_rows(
    ngram_starts: _Starts,
    buckets: _Numbers,
    row_of_bucket: _Numbers,
    starts: _Starts,
    rows: _Numbers,
) -> None: ...
def start_rows(
    rows: _Rows,
    seed: int,
    *,
    first_number: int = 0,
    numbers: _Numbers | None = None,
    of_buckets: bool = False,
) -> None: ...
def mean_rows(
    rows: _Rows,
    dim: int,
    starts: _Starts,
    numbers: _Numbers,
    first: int,
    end: int,
    out: _Rows,
    seed: int = 0,
) -> None: ...
