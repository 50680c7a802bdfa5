"""The encoder of images and the random views it is trained on.  Pixels are float[n, c, h, w]."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wordvec.deep.needed import need
from wordvec.errors import OptionError

WIDTHS = (32, 32, 64, 64)
# Halved after a layer when the shorter side has at least so many pixels; after the second always.
HALVED_FROM = (16, 4, 64, 128)
HEAD = 64
ROTATION, SCALING, SHEAR, SHIFT, NOISE = math.radians(15), 0.1, 0.1, 0.15, 0.1


class Cnn(nn.Module):
    """Four layers of convolutions, the largest and the mean of each map, a linear layer."""

    def __init__(self, n_channels: int, size: tuple[int, int], dim: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        n_in = n_channels
        for n_out, least in zip(WIDTHS, HALVED_FROM, strict=True):
            layers += [nn.Conv2d(n_in, n_out, 3, padding=1), nn.BatchNorm2d(n_out), nn.ReLU()]
            if min(size) >= least:
                layers.append(nn.MaxPool2d(2))
            n_in = n_out
        self.maps = nn.Sequential(*layers)
        self.linear = nn.Linear(2 * n_in, dim)

    def forward(self, x: Tensor) -> Tensor:
        maps = self.maps(x)
        made: Tensor = self.linear(torch.cat([maps.amax(dim=(2, 3)), maps.mean(dim=(2, 3))], dim=1))
        return made


class Backbone(nn.Module):
    """A model of torchvision, with random weights, whose classes are the numbers of the vector."""

    def __init__(self, name: str, n_channels: int, dim: int) -> None:
        super().__init__()
        models = need("--backbone", "torchvision.models")
        if name not in models.list_models(module=models):
            raise OptionError("backbone", "a classification model of torchvision", name)
        self.n_channels = n_channels
        self.model: Any = models.get_model(name, weights=None, num_classes=dim)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.model(x.expand(-1, 3, -1, -1) if self.n_channels == 1 else x)
        return made


class Network(nn.Module):
    """Encoder and, for the loss alone, the head; scales its inputs by the training set's numbers.

    background, means, deviations: float[c]; see Scale of the encoder.
    """

    def __init__(self, encoder: nn.Module, dim: int, n_channels: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Sequential(nn.Linear(dim, HEAD), nn.ReLU(), nn.Linear(HEAD, HEAD))
        for name in ("background", "means", "deviations"):
            self.register_buffer(name, torch.ones(n_channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.encoder((x - self.means) / self.deviations)
        return made

    def projected(self, x: Tensor, augment: str) -> Tensor:
        """What the loss compares, of a random view of each image."""
        seen = views(x - self.background, augment) + self.background
        made = (seen - self.means) / self.deviations
        if augment != "none":
            made = made + NOISE * torch.randn_like(made)
        projection: Tensor = self.head(self.encoder(made))
        return projection


def views(x: Tensor, augment: str) -> Tensor:
    """Each image moved (small), or turned, scaled, sheared and moved (affine); 0 comes in from
    the sides."""
    if augment == "none":
        return x
    n = len(x)

    def drawn(most: float) -> Tensor:
        return most * (2 * torch.rand(n, device=x.device) - 1)

    turned = augment == "affine"
    angle, shear = (drawn(ROTATION), drawn(SHEAR)) if turned else (drawn(0), drawn(0))
    scale = 1 + drawn(SCALING if turned else 0)
    cosine, sine = torch.cos(angle) * scale, torch.sin(angle) * scale
    rows = [
        torch.stack([cosine, -sine + shear * cosine, drawn(SHIFT)], dim=1),
        torch.stack([sine, cosine + shear * sine, drawn(SHIFT)], dim=1),
    ]
    grid = F.affine_grid(torch.stack(rows, dim=1), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, align_corners=False)
