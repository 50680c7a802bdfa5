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


@dataclass(frozen=True)
class ImageOptions:
    """How an encoder of images is built and trained."""

    loss: str = option(
        "", "supcon: images of a label are alike (when there are labels); simclr: two views of an "
        "image are", choices=("", "supcon", "simclr"),
    )  # fmt: skip
    dim: int = option(64, "numbers of a vector", low=1, high=65536)
    epochs: int = option(0, "passes over the images (supcon: 30, simclr: 60)", low=0)
    batch: int = option(256, "images a batch", low=2, high=1 << 20)
    lr: float = option(2e-3, "learning rate at the start", low=1e-12, high=10)
    temperature: float = option(0.0, "of the loss (supcon: 0.1, simclr: 0.5)", low=0, high=100)
    augment: str = option(
        "affine", "views: none, small (moved) or affine (turned, scaled, sheared, moved)",
        choices=("none", "small", "affine"),
    )  # fmt: skip
    backbone: str = option("", "a model of torchvision in place of the small network")
    seed: int = option(1, "seed of start, batches and views", low=0, high=MOST_SEED)
    threads: int = option(1, "threads; only one gives the same numbers again", low=1, high=4096)
    device: str = option("auto", "auto, cpu or cuda", choices=("auto", "cpu", "cuda"))

    def __post_init__(self) -> None:
        check_options(self)

    def filled(self, has_labels: bool) -> ImageOptions:
        """With what the loss takes in place of 0."""
        values: dict[str, Any] = {name: getattr(self, name) for name in self.__dataclass_fields__}
        values["loss"] = self.loss or ("supcon" if has_labels else "simclr")
        own = {"supcon": (30, 0.1), "simclr": (60, 0.5)}[values["loss"]]
        values["epochs"], values["temperature"] = self.epochs or own[0], self.temperature or own[1]
        return ImageOptions(**values)
