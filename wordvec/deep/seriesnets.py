"""The two encoders of time series.  Inputs are float[n, steps, channels] with NaN where missing."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wordvec.deep.contrast import hierarchical, nt_xent

NOISE = 0.05
TEMPERATURE = 0.2
SHORTEST_CROP, LARGEST_SCALING = 0.5, 0.1  # of gru's views
N_BLOCKS = 10  # of conv
DROPOUT, MASKED = 0.1, 0.5


def valid_steps(x: Tensor) -> Tensor:
    """bool[n, steps]: a number in every channel."""
    return torch.isfinite(x).all(dim=2)


def masked_max(x: Tensor, valid: Tensor) -> Tensor:
    """The largest of the valid steps, float[n, d]; zeros for a series without any."""
    largest = x.masked_fill(~valid[:, :, None], float("-inf")).amax(dim=1)
    return torch.where(valid.any(dim=1)[:, None], largest, torch.zeros_like(largest))


def masked_mean(x: Tensor, valid: Tensor) -> Tensor:
    return (x * valid[:, :, None]).sum(dim=1) / valid.sum(dim=1).clamp(min=1)[:, None]


class Gru(nn.Module):
    """A GRU over the series; what it embeds is [summary ; largest and mean state]."""

    def __init__(self, n_channels: int, dim: int, hidden: int, loss: str) -> None:
        super().__init__()
        self.loss_name = loss
        self.encoder = nn.GRU(n_channels, hidden, batch_first=True)
        self.summary = nn.Linear(2 * hidden, dim)
        self.decoder = nn.GRU(dim + 1, hidden, batch_first=True)
        self.output = nn.Linear(hidden, n_channels)

    def steps(self, x: Tensor) -> Tensor:
        """States float[n, steps, hidden]; later steps do not change earlier ones."""
        states: Tensor = self.encoder(torch.nan_to_num(x, nan=0.0))[0]
        return states

    def summarise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(summary, [largest ; mean] of the states)."""
        states, valid = self.steps(x), valid_steps(x)
        features = torch.cat([masked_max(states, valid), masked_mean(states, valid)], dim=1)
        return self.summary(features), features

    def forward(self, x: Tensor) -> Tensor:
        """The embedding, float[n, dim + 2 * hidden]; zeros for a series without a valid step."""
        made = torch.cat(self.summarise(x), dim=1)
        return made * valid_steps(x).any(dim=1)[:, None]

    def loss(self, x: Tensor) -> Tensor:
        if self.loss_name == "contrast":
            views = _crops(torch.cat([x, x]))
            return nt_xent(self.summarise(views)[0], TEMPERATURE)
        z, _ = self.summarise(x + NOISE * torch.randn_like(x))
        n, n_steps = x.shape[:2]
        place = torch.linspace(-1, 1, n_steps, device=x.device)[None, :, None].expand(n, -1, 1)
        known = torch.cat([z[:, None, :].expand(-1, n_steps, -1), place], dim=2)
        guessed = self.output(self.decoder(known)[0])
        there = torch.isfinite(x)
        errors = (guessed - torch.nan_to_num(x, nan=0.0)) ** 2 * there
        return errors.sum() / there.sum().clamp(min=1)


def _crops(x: Tensor) -> Tensor:
    """A part of each series, 50 to 100 % of it, scaled by up to 10 %, with noise."""
    n, n_steps = x.shape[:2]
    lengths = _lengths(x)
    share = SHORTEST_CROP + (1 - SHORTEST_CROP) * torch.rand(n, device=x.device)
    kept = (share * lengths).ceil().clamp(min=1).long()
    first = (torch.rand(n, device=x.device) * (lengths - kept + 1).clamp(min=1)).long()
    steps = torch.arange(n_steps, device=x.device)[None, :]
    places = (first[:, None] + steps).clamp(max=n_steps - 1)
    cut = x.gather(1, places[:, :, None].expand(-1, -1, x.shape[2]))
    cut = cut.masked_fill((steps >= kept[:, None])[:, :, None], float("nan"))
    scale = 1 + LARGEST_SCALING * (2 * torch.rand(n, 1, 1, device=x.device) - 1)
    return (cut * scale + NOISE * torch.randn_like(cut))[:, : int(kept.max())]


def _lengths(x: Tensor) -> Tensor:
    """Steps up to the last with a number in any channel, int[n]."""
    there = torch.isfinite(x).any(dim=2)
    steps = torch.arange(1, x.shape[1] + 1, device=x.device)
    return (there * steps).amax(dim=1)


class _Block(nn.Module):
    """Two dilated convolutions over time and the way around them."""

    def __init__(self, n_in: int, n_out: int, dilation: int, is_last: bool) -> None:
        super().__init__()
        self.first = nn.Conv1d(n_in, n_out, 3, padding=dilation, dilation=dilation)
        self.second = nn.Conv1d(n_out, n_out, 3, padding=dilation, dilation=dilation)
        self.around = nn.Conv1d(n_in, n_out, 1) if n_in != n_out or is_last else None

    def forward(self, x: Tensor, within: Tensor) -> Tensor:
        """x float[n, n_in, steps], zeros where `within` float[n, 1, steps] is; so is the result."""
        past = x if self.around is None else self.around(x)
        made: Tensor = self.second(F.gelu(self.first(F.gelu(x))) * within) + past
        return made * within


class Conv(nn.Module):
    """TS2Vec's encoder: a vector for every step, their maximum for the series."""

    def __init__(self, n_channels: int, dim: int, hidden: int, loss: str) -> None:
        super().__init__()
        assert loss == "contrast"
        self.entry = nn.Linear(n_channels, hidden)
        widths = [hidden] * (N_BLOCKS + 1) + [dim]
        self.blocks = nn.ModuleList(
            _Block(widths[k], widths[k + 1], 2**k, is_last=k == N_BLOCKS)
            for k in range(N_BLOCKS + 1)
        )
        self.dropout = nn.Dropout(DROPOUT)

    def steps(self, x: Tensor) -> Tensor:
        """float[n, steps, dim]; while training, half of the steps are hidden from it."""
        valid = valid_steps(x)
        inner = self.entry(torch.nan_to_num(x, nan=0.0) * valid[:, :, None])
        if self.training:
            valid = valid & (torch.rand(valid.shape, device=x.device) >= MASKED)
        made: Tensor = (inner * valid[:, :, None]).transpose(1, 2)
        steps = torch.arange(x.shape[1], device=x.device)
        # What stands behind the end of a series must look like the padding of a convolution.
        within = (steps < _lengths(x)[:, None])[:, None, :].to(made.dtype)
        for block in self.blocks:
            made = block(made, within)
        made = self.dropout(made)
        return made.transpose(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        """float[n, dim]; zeros for a series without a valid step."""
        return masked_max(self.steps(x), valid_steps(x))

    def loss(self, x: Tensor) -> Tensor:
        """Of two crops that overlap, compared where they do; edges differ from series to series."""
        n_steps = x.shape[1]
        if n_steps < 2:
            return sum(weight.sum() * 0 for weight in self.parameters())  # type: ignore[return-value]
        size = int(torch.randint(2, n_steps + 1, ()))
        left = int(torch.randint(0, n_steps - size + 1, ()))
        right = left + size
        first = int(torch.randint(0, left + 1, ()))
        end = int(torch.randint(right, n_steps + 1, ()))
        shift = torch.randint(-first, n_steps - end + 1, (len(x),), device=x.device)
        earlier = self.steps(_windows(x, shift + first, right - first))
        later = self.steps(_windows(x, shift + left, end - left))
        return hierarchical(earlier[:, -size:], later[:, :size])


def _windows(x: Tensor, first: Tensor, n_steps: int) -> Tensor:
    places = first[:, None] + torch.arange(n_steps, device=x.device)[None, :]
    return x[torch.arange(len(x), device=x.device)[:, None], places]


NETWORKS: dict[str, Any] = {"gru": Gru, "conv": Conv}
