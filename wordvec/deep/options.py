"""Settings of the encoders; declared as those of word vectors are (see wordvec.options)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wordvec.errors import OptionError
from wordvec.options import check_options, option

MANY_NUMBERS = 100_000  # of a training set, from which conv takes more iterations
MOST_SEED = 2**32 - 1


@dataclass(frozen=True)
class SeriesOptions:
    """How an encoder of time series is built and trained; 0 stands for the architecture's own."""

    arch: str = option(
        "gru", "gru, or conv: dilated convolutions (TS2Vec)", choices=("gru", "conv")
    )
    loss: str = option(
        "", "ae: give the series back (gru's own); contrast: tell two views of it from others "
        "(conv's own)", choices=("", "ae", "contrast"),
    )  # fmt: skip
    dim: int = option(0, "numbers of the summary (gru: 64) or of the output (conv: 320)",
                      low=0, high=65536)  # fmt: skip
    hidden: int = option(64, "width of the hidden layers", low=1, high=65536)
    iterations: int = option(
        0, "batches (gru: 300; conv: 200, or 600 from 100,000 numbers on)", low=0
    )
    batch: int = option(0, "series a batch (gru: 32, conv: 8)", low=0, high=1 << 20)
    lr: float = option(0.0, "learning rate at the start (gru: 5e-3, conv: 1e-3)", low=0, high=10)
    seed: int = option(1, "seed of start, batches and noise", low=0, high=MOST_SEED)
    threads: int = option(1, "threads; only one gives the same numbers again", low=1, high=4096)
    device: str = option("auto", "auto, cpu or cuda", choices=("auto", "cpu", "cuda"))

    def __post_init__(self) -> None:
        check_options(self)
        if self.arch == "conv" and self.loss == "ae":
            raise OptionError("loss", "contrast, the only loss of conv", self.loss)

    def filled(self, n_numbers: int) -> SeriesOptions:
        """With the architecture's own values in place of 0, for a set of so many numbers."""
        if self.arch == "gru":
            own: dict[str, Any] = {
                "loss": "ae",
                "dim": 64,
                "iterations": 300,
                "batch": 32,
                "lr": 5e-3,
            }
        else:
            iterations = 200 if n_numbers <= MANY_NUMBERS else 600
            own = {
                "loss": "contrast", "dim": 320, "iterations": iterations, "batch": 8, "lr": 1e-3
            }  # fmt: skip
        values: dict[str, Any] = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return SeriesOptions(
            **{name: value or own.get(name, value) for name, value in values.items()}
        )
