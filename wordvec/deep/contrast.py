"""Losses that tell two views of one thing from all others.  Torch tensors in and out."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def nt_xent(z: Tensor, temperature: float) -> Tensor:
    """NT-Xent (Chen et al. 2020) of 2n rows, of which i and i + n are views of one thing.

    z float[2n, d], not of unit length yet; the mean over all rows.
    """
    n = len(z) // 2
    z = F.normalize(z, dim=1)
    scores = (z @ z.T / temperature).fill_diagonal_(float("-inf"))
    other = (torch.arange(2 * n, device=z.device) + n) % (2 * n)
    return F.cross_entropy(scores, other)


def supervised_contrast(z: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """SupCon, the form with the sum outside (Khosla et al. 2020), of 2n rows as for nt_xent.

    labels int[n]; positives of a row are all other rows of its label, its second view among them.
    """
    z = F.normalize(z, dim=1)
    scores = (z @ z.T / temperature).fill_diagonal_(float("-inf"))
    log_shares = F.log_softmax(scores, dim=1)
    doubled = torch.cat([labels, labels])
    positive = (doubled[:, None] == doubled[None, :]).fill_diagonal_(False)
    return -(log_shares.masked_fill(~positive, 0).sum(1) / positive.sum(1)).mean()


def hierarchical(r: Tensor, s: Tensor) -> Tensor:
    """TS2Vec's loss (Yue et al. 2022) of two views float[n, steps, d] of the same steps.

    At every level the mean of the contrast between series and, while there are several steps,
    between steps; then both are max-pooled by 2 in time.
    """
    total, n_levels = r.new_zeros(()), 0
    while r.shape[1] > 1:
        total = total + (_between_series(r, s) + _between_steps(r, s)) / 2
        n_levels += 1
        r = F.max_pool1d(r.transpose(1, 2), 2).transpose(1, 2)
        s = F.max_pool1d(s.transpose(1, 2), 2).transpose(1, 2)
    if r.shape[1] == 1:
        total = total + _between_series(r, s) / 2
        n_levels += 1
    return total / max(n_levels, 1)


def _between_series(r: Tensor, s: Tensor) -> Tensor:
    if len(r) == 1:
        return r.new_zeros(())
    return _both_ways(torch.cat([r, s]).transpose(0, 1))


def _between_steps(r: Tensor, s: Tensor) -> Tensor:
    return _both_ways(torch.cat([r, s], dim=1))


def _both_ways(rows: Tensor) -> Tensor:
    """rows float[groups, 2n, d]: each row against all others of its group, i beside i + n."""
    n_groups, n_rows, _ = rows.shape
    scores = rows @ rows.transpose(1, 2)
    diagonal = torch.eye(n_rows, dtype=torch.bool, device=rows.device)
    scores = scores.masked_fill(diagonal, float("-inf"))
    other = (torch.arange(n_rows, device=rows.device) + n_rows // 2) % n_rows
    return F.cross_entropy(scores.reshape(-1, n_rows), other.repeat(n_groups))
