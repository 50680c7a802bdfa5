import numpy as np
import numpy.typing as npt

_Words = npt.NDArray[np.uint64]
_Numbers = npt.NDArray[np.int64]
_Ids = npt.NDArray[np.int32]

LARGEST_WINDOW: int
BYTES_PER_CHUNK: int
BITS_OF_NARROW_PAIR: int
LARGEST_NARROW_WINDOW: int

class PairPlan:
    scale: float
    n_cells: int
    n_stripes: int
    event_bytes: int
    def __init__(
        self,
        *,
        n_words: int,
        max_product: int,
        window: int,
        symmetric: bool,
        near: int,
        scale: float,
        row_start: _Numbers,
        row_begin: _Numbers,
        stripe_of: _Ids,
        first_rows: _Numbers,
        units: _Words,
    ) -> None: ...
    @property
    def n_chunks_reserved(self) -> int: ...

class PairCounter:
    plan: PairPlan
    def __init__(self, plan: PairPlan, cells: npt.NDArray[np.uint32], memory: _Words) -> None: ...
    def count(self, ids: _Ids, starts: _Numbers, sentence: int, begin: int, end: int) -> int: ...
    def add_cells_of(
        self, target: PairCounter, other: PairCounter, begin: int, end: int
    ) -> int: ...
    def n_events(self, stripe: int) -> int: ...
    def clear_events(self) -> None: ...

class StripeSorter:
    def __init__(self, plan: PairPlan) -> None: ...
    def entries(
        self, counters: list[PairCounter], stripe: int, spilled: _Words | None = None
    ) -> _Words: ...
    def records(
        self,
        counters: list[PairCounter],
        cells: PairCounter,
        stripe: int,
        spilled: _Words | None = None,
    ) -> npt.NDArray[np.float64]: ...
