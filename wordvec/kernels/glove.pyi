import numpy as np
import numpy.typing as npt

def half_row(dim: int) -> int: ...
def prepare(
    records: npt.NDArray[np.uint64], examples: npt.NDArray[np.uint64], x_max: float, alpha: float
) -> None: ...

class Model:
    def __init__(
        self,
        words: npt.NDArray[np.float32],
        contexts: npt.NDArray[np.float32],
        dim: int,
        eta: float,
        clip: float,
    ) -> None: ...
    def train(self, examples: npt.NDArray[np.uint64]) -> tuple[float, int]: ...

class StartNumbers:
    def __init__(self, seed: int, dim: int) -> None: ...
    def fill(self, out: npt.NDArray[np.float64]) -> None: ...
