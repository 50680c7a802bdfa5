"""Vectors of images: an encoder trained to tell images, or their labels, apart."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wordvec.deep.contrast import nt_xent, supervised_contrast
from wordvec.deep.encoder import Encoder, parted
from wordvec.deep.imagenets import Backbone, Cnn, Network
from wordvec.deep.images import ImageSet
from wordvec.deep.learning import Schedule, Trainer
from wordvec.deep.options import ImageOptions
from wordvec.errors import FormatError, TrainingError
from wordvec.keyedvectors import KeyedVectors
from wordvec.progress import Reporter, silent

SMALLEST_BATCH = 16  # the last batch of an epoch is left out when it is smaller
WEIGHT_DECAY = 1e-4
_EMBEDDED_PIXELS = 1 << 22


class ImageEncoder(Encoder):
    """Train with `fit`; then `embed`, `vectors`, `save`.  Settings are those of ImageOptions."""

    KIND = "images"
    OPTIONS = ImageOptions

    shape: tuple[int, ...] = ()  # height, width, channels of the images

    def fit(
        self,
        images: ImageSet,
        *,
        held_out: float = 0.0,
        patience: int = 0,
        checkpoint: str | None = None,
        checkpoint_seconds: float = 60.0,
        reporter: Reporter = silent,
    ) -> ImageEncoder:
        """Train on a set of images, all of one size; arguments as SeriesEncoder.fit's.

        TrainingError for supcon without labels, or with a single one.
        """
        self.options = options = self.options.filled(images.labels is not None)
        numbers = _numbers_of_labels(images, options.loss)
        train, others = parted(len(images), held_out, options.seed)
        device = self._prepare()
        self.shape = images.pixels.shape[1:]
        self._build(device)
        pixels = _to_torch(images.pixels)
        self._scale(pixels[torch.from_numpy(train)])
        data = (pixels.to(device), numbers.to(device))
        batches = _Batches(self._network, options, *(part[train] for part in data))
        trainer = Trainer(
            self._network,
            batches,
            Schedule(
                options.epochs * batches.per_epoch, options.lr, weight_decay=WEIGHT_DECAY,
                patience=patience,
            ),
            held_out=_held_out_loss(self._network, options, *(part[others] for part in data)),
            checkpoints=self._checkpoints(
                checkpoint, checkpoint_seconds, [pixels, numbers], held_out=held_out
            ),
        )  # fmt: skip
        batches.trainer = trainer
        self.learned = trainer.run(reporter)
        return self

    def _build(self, device: torch.device) -> None:
        options, (height, width, n_channels) = self.options, self.shape
        encoder: Any = (
            Backbone(options.backbone, n_channels, options.dim)
            if options.backbone
            else Cnn(n_channels, (height, width), options.dim)
        )
        self._network = Network(encoder, options.dim, n_channels).to(device)

    def _scale(self, pixels: Tensor) -> None:
        """Mean and deviation of every channel; the background is the median of the border."""
        border = torch.cat([
            pixels[:, :, 0], pixels[:, :, -1], pixels[:, :, :, 0], pixels[:, :, :, -1]
        ], dim=2)  # fmt: skip
        n_channels = pixels.shape[1]
        network = self._network
        flat = pixels.transpose(0, 1).reshape(n_channels, -1)
        sides = border.transpose(0, 1).reshape(n_channels, -1)
        deviations = flat.std(dim=1, correction=0)
        for name, values in (
            ("background", sides.median(dim=1).values),
            ("means", flat.mean(dim=1)),
            ("deviations", torch.where(deviations > 0, deviations, torch.ones(n_channels))),
        ):
            getattr(network, name).copy_(values[:, None, None])

    # -- use ------------------------------------------------------------------------------------

    def embed(self, images: ImageSet) -> NDArray[np.float32]:
        """A row for every image, float32[n, dim].  FormatError for another size."""
        self.check_shape(images)
        size = max(1, _EMBEDDED_PIXELS // int(np.prod(self.shape)))
        return self._in_batches(_to_torch(images.pixels), lambda rows: self._network(rows), size)

    def check_shape(self, images: ImageSet, path: str = "images") -> None:
        if images.pixels.shape[1:] != self.shape:
            shown = [" x ".join(map(str, shape)) for shape in (self.shape, images.pixels.shape[1:])]
            raise FormatError(path, None, f"images of {shown[0]} as in training", shown[1])

    def vectors(self, images: ImageSet) -> KeyedVectors:
        """The rows under the names of the images."""
        return KeyedVectors.from_vectors(images.names, self.embed(images))

    @property
    def dim(self) -> int:
        return int(self.options.dim)

    # -- files ----------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """One safetensors file with the weights, the settings and the scale."""
        self._save(path, {"shape": list(self.shape)})

    @classmethod
    def load(cls, path: str | os.PathLike[str], **settings: Any) -> ImageEncoder:
        """A saved encoder; settings: threads or device of this machine.  FormatError, OSError."""
        made, file = cls._load(path, settings)
        made.shape = tuple(file.entries["shape"])
        made._build(made._prepare())
        made._network.load_state_dict(file.tensors)
        return made


def _to_torch(pixels: NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)))


def _numbers_of_labels(images: ImageSet, loss: str) -> Tensor:
    """int[n]; zeros for a loss that does not ask for them."""
    if loss != "supcon":
        return torch.zeros(len(images), dtype=torch.int64)
    if images.labels is None:
        raise TrainingError("supcon learns from labels, and the images have none; use simclr")
    names = sorted(set(images.labels))
    if len(names) < 2:
        raise TrainingError(f"supcon needs two labels; all images have {names[0]!r}")
    return torch.tensor([names.index(label) for label in images.labels])


class _Batches:
    """The loss of the next batch; every epoch takes the images in an order of its own."""

    def __init__(
        self, network: Network, options: ImageOptions, pixels: Tensor, labels: Tensor
    ) -> None:
        self.network, self.options, self.pixels, self.labels = network, options, pixels, labels
        self.trainer: Trainer
        n, size = len(pixels), options.batch
        self.per_epoch = max(1, n // size + (n % size >= SMALLEST_BATCH))

    def __call__(self) -> Tensor:
        epoch, number = divmod(self.trainer.learned.n_steps, self.per_epoch)
        order = np.random.default_rng((self.options.seed, epoch)).permutation(len(self.pixels))
        chosen = torch.from_numpy(order[number * self.options.batch :][: self.options.batch])
        return loss_of(self.network, self.options, self.pixels[chosen], self.labels[chosen])


def loss_of(network: Network, options: ImageOptions, pixels: Tensor, labels: Tensor) -> Tensor:
    """Of two views of each image."""
    projected = network.projected(torch.cat([pixels, pixels]), options.augment)
    if options.loss == "supcon":
        return supervised_contrast(projected, labels, options.temperature)
    return nt_xent(projected, options.temperature)


def _held_out_loss(network: Network, options: ImageOptions, pixels: Tensor, labels: Tensor) -> Any:
    if len(pixels) == 0:
        return None

    def loss() -> float:
        return float(loss_of(network, options, pixels, labels))

    return loss
