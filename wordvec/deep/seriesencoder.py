"""Vectors of time series: an encoder trained on series without labels."""

from __future__ import annotations

import copy
import os
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from wordvec.deep.encoder import Encoder, parted
from wordvec.deep.learning import Schedule, Trainer
from wordvec.deep.options import SeriesOptions
from wordvec.deep.series import Scale, SeriesSet
from wordvec.deep.seriesnets import NETWORKS
from wordvec.keyedvectors import KeyedVectors
from wordvec.progress import Reporter, silent

_EMBEDDED_NUMBERS = 1 << 22  # of the inputs of one batch


class SeriesEncoder(Encoder):
    """Train with `fit`; then `embed`, `embed_steps`, `vectors`, `save`.

    Settings are those of SeriesOptions; `scale` is the training set's.
    """

    KIND = "series"
    OPTIONS = SeriesOptions

    scale: Scale | None = None

    def fit(
        self,
        series: SeriesSet,
        *,
        held_out: float = 0.0,
        patience: int = 0,
        checkpoint: str | None = None,
        checkpoint_seconds: float = 60.0,
        reporter: Reporter = silent,
    ) -> SeriesEncoder:
        """Train on a set of series; labels play no part.

        held_out: this share of the series is not trained on but gives a loss every few batches,
        and the weights are those where it was lowest; patience: so many looks without a lower one
        end the training.  checkpoint: a file for the state, from which a run that finds it goes on
        to the same numbers.  Ctrl-C ends training; what was reached is usable.
        """
        self.options = options = self.options.filled(series.values.size)
        train, others = parted(len(series), held_out, options.seed)
        device = self._prepare()
        self.scale = Scale.of(series)
        rows = torch.from_numpy(self.scale.apply(series))
        self._build(series.n_channels, device)
        trainer = Trainer(
            self._network,
            _Batches(self._network, rows[train].to(device), options.batch),
            Schedule(
                options.iterations, options.lr, is_cosine=options.arch == "gru", patience=patience
            ),
            held_out=_held_out_loss(self._network, rows[others].to(device)),
            average=copy.deepcopy(self._network) if options.arch == "conv" else None,
            checkpoints=self._checkpoints(
                checkpoint, checkpoint_seconds, [rows], held_out=held_out
            ),
        )
        self.learned = trainer.run(reporter)
        return self

    def _build(self, n_channels: int, device: torch.device) -> None:
        options = self.options
        network = NETWORKS[options.arch](n_channels, options.dim, options.hidden, options.loss)
        self._network = network.to(device)

    # -- use ------------------------------------------------------------------------------------

    def embed(self, series: SeriesSet) -> NDArray[np.float32]:
        """A row for every series, float32[n, dim]; zeros for one without a number."""
        return self._made(series, lambda rows: self._network(rows))

    def embed_steps(self, series: SeriesSet) -> NDArray[np.float32]:
        """A row for every step, float32[n, longest, d]; NaN behind the end of a series."""
        made = self._made(series, lambda rows: self._network.steps(rows))
        made[np.arange(made.shape[1]) >= series.lengths[:, None]] = np.nan
        return made

    def vectors(self, series: SeriesSet, names: list[str] | None = None) -> KeyedVectors:
        """The rows under the numbers of the series, from 0, or under `names`."""
        words = names or [str(k) for k in range(len(series))]
        return KeyedVectors.from_vectors(words, self.embed(series))

    @property
    def dim(self) -> int:
        """Numbers of a series' vector."""
        options = self.options
        return int(options.dim + 2 * options.hidden if options.arch == "gru" else options.dim)

    def _made(self, series: SeriesSet, make: Any) -> NDArray[np.float32]:
        if self.scale is None:
            raise ValueError("the encoder is not trained: call fit, or load one")
        rows = torch.from_numpy(self.scale.apply(series))
        n_numbers = max(rows.shape[1] * rows.shape[2], 1)
        return self._in_batches(rows, make, max(1, _EMBEDDED_NUMBERS // n_numbers))

    # -- files ----------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """One safetensors file with the weights, the settings and the scale."""
        assert self.scale is not None
        means, deviations = self.scale.means.tolist(), self.scale.deviations.tolist()
        self._save(path, {"means": means, "deviations": deviations})

    @classmethod
    def load(cls, path: str | os.PathLike[str], **settings: Any) -> SeriesEncoder:
        """A saved encoder; settings: threads or device of this machine.  FormatError, OSError."""
        made, file = cls._load(path, settings)
        made.scale = Scale(np.array(file.entries["means"]), np.array(file.entries["deviations"]))
        made._build(len(made.scale.means), made._prepare())
        made._network.load_state_dict(file.tensors)
        return made


class _Batches:
    """The loss of the next batch: different series, drawn anew for each."""

    def __init__(self, network: Any, rows: torch.Tensor, size: int) -> None:
        self.network, self.rows, self.size = network, rows, min(size, len(rows))

    def __call__(self) -> torch.Tensor:
        chosen = torch.randperm(len(self.rows))[: self.size]
        loss: torch.Tensor = self.network.loss(self.rows[chosen.to(self.rows.device)])
        return loss


def _held_out_loss(network: Any, rows: torch.Tensor) -> Any:
    if len(rows) == 0:
        return None

    def loss() -> float:
        return float(network.loss(rows))

    return loss
