"""Sets of time series as arrays: what the encoders train on, and how files become that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import FormatError


@dataclass
class SeriesSet:
    """N series of C channels, as long as the longest; what is missing, or behind an end, is NaN.

    values    float64[n, longest, n_channels]
    lengths   int64[n]: steps of each series, missing ones within it included
    labels    of the series, as the file spells them; None when it has none
    name      of the problem, or the file
    warnings  what the header says and the data does not, a line each
    """

    values: NDArray[np.float64]
    lengths: NDArray[np.int64]
    labels: list[str] | None = None
    name: str = ""
    warnings: list[str] = field(default_factory=list)

    @property
    def n_channels(self) -> int:
        return int(self.values.shape[2])

    def __len__(self) -> int:
        return len(self.values)

    @classmethod
    def of_arrays(
        cls,
        series: Sequence[NDArray[np.floating]],
        labels: list[str] | None = None,
        name: str = "",
    ) -> SeriesSet:
        """From arrays [steps, channels], or [steps], of any lengths and as many channels."""
        columns = [np.atleast_2d(np.asarray(one, float).T).T for one in series]
        lengths = np.array([len(one) for one in columns], np.int64)
        n_channels = columns[0].shape[1] if columns else 0
        values = np.full((len(columns), int(lengths.max(initial=0)), n_channels), np.nan)
        for row, one in enumerate(columns):
            if one.shape[1] != n_channels:
                raise ValueError(f"series {row} has {one.shape[1]} channels, not {n_channels}")
            values[row, : len(one)] = one
        return cls(values, lengths, labels, name)

    def is_valid(self) -> NDArray[np.bool_]:
        """bool[n, longest]: within the series, and a number in every channel."""
        return np.asarray(np.isfinite(self.values).all(axis=2))


@dataclass
class Scale:
    """Mean and deviation of every channel over the training set; a deviation of 0 counts as 1.

    means, deviations  float64[n_channels]
    """

    means: NDArray[np.float64]
    deviations: NDArray[np.float64]

    @classmethod
    def of(cls, series: SeriesSet) -> Scale:
        flat = series.values.reshape(-1, series.n_channels)
        there = np.isfinite(flat)
        n = np.maximum(there.sum(axis=0), 1)
        means = np.where(there, flat, 0.0).sum(axis=0) / n
        squares = np.where(there, (flat - means) ** 2, 0.0).sum(axis=0)
        deviations = np.sqrt(squares / n)
        return cls(means, np.where(deviations > 0, deviations, 1.0))

    def apply(self, series: SeriesSet) -> NDArray[np.float32]:
        """float32[n, longest, n_channels]; NaN stays.  FormatError for other channels."""
        if series.n_channels != len(self.means):
            expected = f"{len(self.means)} channels, as in training"
            raise FormatError(series.name or "series", None, expected, str(series.n_channels))
        return ((series.values - self.means) / self.deviations).astype(np.float32)


def check_not_empty(series: SeriesSet, path: str) -> None:
    if len(series) == 0:
        raise FormatError(path, None, "series", "none")
