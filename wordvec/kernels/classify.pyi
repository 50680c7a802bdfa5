import numpy as np
from numpy.typing import NDArray

_Rows = NDArray[np.float32]
_Starts = NDArray[np.int64]
_Numbers = NDArray[np.int32]
_Tree = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.uint8]]

LOSSES: dict[str, int]
MAX_BATCH: int
DIM_STEP: int
PAD: int
DEEPEST_TREE: int
SCORED_LABELS: int

def padded(n: int) -> int: ...

class Classifier:
    n_rows: int
    loss: str
    def __init__(
        self,
        labels: _Rows,
        dim: int,
        n_labels: int,
        loss: str,
        *,
        in_rows: _Rows | None = None,
        transposed: bool = False,
        batch: int = 1,
        paths: _Tree | None = None,
        noise: NDArray[np.uint32] | None = None,
        negative: int = 5,
        label_weights: _Rows | None = None,
        whole_gradients: bool = False,
    ) -> None: ...
    @property
    def n_labels(self) -> int: ...

class Lines:
    n_lines: int
    n_rows: int
    n_labels: int
    def __init__(
        self,
        row_starts: _Starts,
        rows: _Numbers,
        label_starts: _Starts,
        labels: _Numbers,
        token_starts: _Starts,
        n_rows: int,
        n_labels: int,
        weights: _Rows | None = None,
        label_ends: _Starts | None = None,
    ) -> None: ...

class Worker:
    model: Classifier
    def __init__(self, model: Classifier) -> None: ...
    @property
    def loss(self) -> float: ...
    @property
    def n_examples(self) -> int: ...
    def train_lines(
        self,
        lines: Lines,
        first: int,
        end: int,
        key: int,
        rate: float,
        rate_step: float = 0,
    ) -> None: ...
    def predict(
        self, means: _Rows, threshold: float, best: _Numbers, probabilities: _Rows
    ) -> None: ...
    def predict_lines(
        self,
        rows: _Rows,
        row_starts: _Starts,
        ids: _Numbers,
        threshold: float,
        best: _Numbers,
        probabilities: _Rows,
    ) -> None: ...
    def score_rows(self, rows: _Rows, first: int, end: int, out: _Rows) -> None: ...
    def best_by_scores(
        self,
        row_scores: _Rows,
        rows: _Rows,
        row_starts: _Starts,
        ids: _Numbers,
        best: _Numbers,
    ) -> int: ...
    def scores(self, means: _Rows, out: _Rows) -> None: ...
