import numpy as np
from numpy.typing import NDArray

_Bytes = NDArray[np.uint8]
_Starts = NDArray[np.int64]
_Numbers = NDArray[np.int32]
_Hashes = NDArray[np.uint32]

CODE_OF_UNKNOWN: int
CODE_OF_LEFT_OUT: int
CODE_OF_LABEL: int
MAX_TEXT_BYTES: int

def hash_words(data: _Bytes, starts: _Starts, hashes: _Hashes) -> None: ...

class LineRules:
    n_entries: int
    def __init__(
        self,
        codes: _Numbers,
        hashes: _Hashes,
        *,
        n_words: int,
        word_ngrams: int = 1,
        n_buckets: int = 0,
        row_of_bucket: _Numbers | None = None,
        start_rows: bool = False,
        ngram_starts: _Starts | None = None,
        ngram_buckets: _Numbers | None = None,
    ) -> None: ...
    def lines_of_ids(
        self,
        ids: _Numbers,
        starts: _Starts,
        first: int,
        end: int,
        rows: _Numbers,
        row_starts: _Starts,
        labels: _Numbers,
        label_starts: _Starts,
        hashes: _Hashes,
    ) -> int: ...

class LineReader:
    def __init__(
        self,
        rules: LineRules,
        data: _Bytes,
        ends: NDArray[np.uint64],
        slots: _Numbers,
        tags: _Bytes,
        seed: int,
        *,
        separator: int,
        prefix: bytes,
        min_n: int = 0,
        max_n: int = 0,
    ) -> None: ...
    def lines_of_text(
        self,
        text: _Bytes,
        begin: int,
        n_bytes: int,
        ends_text: bool,
        rows: _Numbers,
        row_starts: _Starts,
        labels: _Numbers,
        label_starts: _Starts,
        hashes: _Hashes,
    ) -> tuple[int, int, int, bool]: ...

def number_buckets(
    rows: _Numbers, n_words: int, row_of_bucket: _Numbers, most: int = -1
) -> int: ...
def renumber_buckets(rows: _Numbers, n_words: int, row_of_bucket: _Numbers) -> None: ...
