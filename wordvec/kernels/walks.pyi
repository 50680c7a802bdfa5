import numpy as np
from numpy.typing import NDArray

def row_aliases(
    starts: NDArray[np.int64],
    weights: NDArray[np.float32],
    aliases: NDArray[np.uint32],
    low: int,
    high: int,
) -> None: ...
def noise_thresholds(
    starts: NDArray[np.int64], weights: NDArray[np.float32], gamma: float
) -> NDArray[np.float32]: ...
def shuffled_nodes(n_nodes: int, seed: int, round: int) -> NDArray[np.int32]: ...

class Walker:
    length: int
    def __init__(
        self,
        starts: NDArray[np.int64],
        neighbours: NDArray[np.int32],
        weights: NDArray[np.float32] | None = None,
        aliases: NDArray[np.uint32] | None = None,
        thetas: NDArray[np.float32] | None = None,
        *,
        p: float = 1.0,
        q: float = 1.0,
        length: int = 80,
        seed: int = 1,
    ) -> None: ...
    @property
    def n_nodes(self) -> int: ...
    def walks(
        self,
        first: int,
        end: int,
        ids: NDArray[np.int32],
        starts: NDArray[np.int64],
        numbers: NDArray[np.int32] | None = None,
    ) -> int: ...
    def count_visits(self, first: int, end: int, counts: NDArray[np.int64]) -> None: ...
    def draw_edges(
        self,
        sources: NDArray[np.uint32],
        key: int,
        ends_from: NDArray[np.int32],
        ends_to: NDArray[np.int32],
    ) -> None: ...
