from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

NEGATIVES: dict[str, int]
FLOATS_PER_LINE: int
GROUP_WORDS: int

def padded(dim: int) -> int: ...
def update_block(
    fixed: NDArray[np.float32],
    stream: NDArray[np.float32],
    labels: NDArray[np.float32],
    rate: float,
) -> float: ...

class Model:
    level: str
    def __init__(
        self,
        in_rows: NDArray[np.float32],
        out_rows: NDArray[np.float32] | None = None,
        node_rows: NDArray[np.float32] | None = None,
        *,
        position_rows: NDArray[np.float32] | None = None,
        keep: NDArray[np.uint32] | None = None,
        aliases: NDArray[np.uint32] | None = None,
        paths: Any = None,
        subwords: tuple[NDArray[np.int64], NDArray[np.int32]] | None = None,
        locks: NDArray[np.float32] | None = None,
        window: int = 5,
        negative: int = 5,
        negatives: str = "recycled",
        use_cbow: bool = False,
        cbow_mean: bool = True,
        shrink_windows: bool = True,
        max_sentence: int = 0,
        hs_batch: int = 3,
        n_hot: int = 0,
    ) -> None: ...

class Tokens:
    n_tokens: int
    n_words: int
    def __init__(
        self,
        ids: NDArray[np.int32],
        starts: NDArray[np.int64],
        n_words: int,
        release: Callable[[int], None] | None = None,
    ) -> None: ...

class Changes:
    model: Model
    longest_shard: int
    def __init__(self, model: Model, longest_shard: int) -> None: ...
    def clear(self) -> None: ...
    def add(
        self, part: int = 0, n_parts: int = 1, node_shares: NDArray[np.float32] | None = None
    ) -> None: ...

class Worker:
    model: Model
    longest_shard: int
    loss: float
    n_examples: int
    n_kept: int
    n_cuts: int
    def __init__(self, model: Model, longest_shard: int) -> None: ...
    def train_pairs(
        self,
        inputs: NDArray[np.int32],
        outputs: NDArray[np.int32],
        key: int,
        rate: float,
    ) -> None: ...
    def train(
        self,
        tokens: Tokens,
        first: int,
        end: int,
        epoch_key: int,
        shard_key: int,
        rate: float,
        changes: Changes | None = None,
    ) -> None: ...
    def take_loss(self) -> tuple[float, int]: ...
    def sums(self) -> tuple[float, int, int, int]: ...
    def set_sums(self, loss: float, n_examples: int, n_kept: int, n_cuts: int) -> None: ...
    def examples(
        self,
        tokens: Tokens,
        first: int,
        end: int,
        epoch_key: int,
        shard_key: int,
        whole_sentences: bool = False,
    ) -> tuple[
        NDArray[np.int64],
        NDArray[np.int32],
        NDArray[np.int64],
        NDArray[np.int64],
        NDArray[np.int32],
    ]: ...
    def contexts(self) -> tuple[list[tuple[int, int, int, int]], list[int]]: ...
