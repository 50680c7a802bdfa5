from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from wordvec.kernels.tokens import WordTable

_Bytes = npt.NDArray[np.uint8]
_Ids = npt.NDArray[np.int32]
_Counts = npt.NDArray[np.int64]
_Pairs = npt.NDArray[np.uint64]
_Flags = npt.NDArray[np.bool_]
_State = tuple[int, int, int]

MAX_WORD_BYTES: int
ARENA_PADDING: int

class PhraseWords:
    def __init__(
        self,
        arena: _Bytes,
        starts: _Counts,
        counts: _Counts,
        table: WordTable,
        *,
        min_count: float,
        threshold: float,
        n_words: float,
        filters: bool,
    ) -> None: ...
    longest: int
    def begin_text(self, empty_row: int, first_row: int) -> None: ...
    @property
    def shares_strings(self) -> bool: ...
    def scores_above_each(self, pairs: _Counts, first: _Counts, second: _Counts) -> _Flags: ...

class PairSink:
    def __init__(self, words: PhraseWords, bits: int) -> None: ...
    @property
    def n_memory_bytes(self) -> int: ...
    def scan(self, ids: _Ids, remap: _Ids, last: int) -> int: ...
    def drain(self, part: int) -> _Pairs: ...

class PartCounter:
    def __init__(self, words: PhraseWords) -> None: ...
    n_kept: int
    def count(
        self,
        part: int,
        sinks: list[PairSink],
        drained: Iterable[_Pairs],
        watched: _Pairs,
        watched_counts: _Counts,
    ) -> None: ...
    def results(self) -> tuple[_Pairs, tuple[_Pairs, _Counts], tuple[_Pairs, _Counts]]: ...

class SharedKeys:
    def __init__(self, words: PhraseWords) -> None: ...
    def add(self, pairs: _Pairs, counts: _Counts) -> None: ...
    def add_first(self, row: int) -> None: ...
    def counts_of(self, pairs: _Pairs) -> _Counts: ...
    def counts_of_words(self) -> _Counts: ...
    def counts_after_newline(self) -> _Counts: ...
    def n_kept(self) -> int: ...

class Rewriter:
    START: _State
    def __init__(
        self,
        words: PhraseWords,
        joined: _Pairs,
        counts: _Counts,
        after_newline: _Counts | None = None,
    ) -> None: ...
    def room_for(self, n_ids: int) -> int: ...
    def write(
        self, ids: _Ids, remap: _Ids, state: _State, out: _Bytes
    ) -> tuple[int, int, _State]: ...
    def skip(self, ids: _Ids, remap: _Ids, state: _State) -> _State: ...
