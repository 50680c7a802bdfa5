"""Vectors of time series: an encoder trained on series without labels."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import os
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from wordvec.deep.learning import Checkpoints, Learned, Schedule, Trainer, device_of
from wordvec.deep.options import SeriesOptions
from wordvec.deep.series import Scale, SeriesSet
from wordvec.deep.seriesnets import NETWORKS
from wordvec.deep.tensorfiles import TensorFile, read_tensors, write_tensors
from wordvec.errors import OptionError
from wordvec.keyedvectors import KeyedVectors
from wordvec.progress import Reporter, silent

KIND = "series"
_EMBEDDED_NUMBERS = 1 << 22  # of the inputs of one batch


class SeriesEncoder:
    """Train with `fit`; then `embed`, `embed_steps`, `vectors`, `save`.

    Settings are those of SeriesOptions.  `options` has them, after `fit` without zeros; `scale`
    is the training set's; `learned` tells the losses.
    """

    def __init__(self, options: SeriesOptions | None = None, **settings: Any) -> None:
        self.options = dataclasses.replace(options or SeriesOptions(), **settings)
        self.scale: Scale | None = None
        self.learned = Learned()
        self._network: Any = None

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
        if not 0 <= held_out < 1:
            raise OptionError("held_out", "a share from 0 to below 1", held_out)
        self.options = options = self.options.filled(series.values.size)
        device = _prepare(options)
        self.scale = Scale.of(series)
        rows = torch.from_numpy(self.scale.apply(series))
        train, others = _parted(rows, held_out, options.seed)
        self._build(series.n_channels, device)
        trainer = Trainer(
            self._network,
            _Batches(self._network, train.to(device), options.batch),
            Schedule(
                options.iterations, options.lr, is_cosine=options.arch == "gru", patience=patience
            ),
            held_out=_held_out_loss(self._network, others.to(device)) if len(others) else None,
            average=copy.deepcopy(self._network) if options.arch == "conv" else None,
            checkpoints=self._checkpoints(checkpoint, checkpoint_seconds, rows, held_out),
        )
        self.learned = trainer.run(reporter)
        return self

    def _build(self, n_channels: int, device: torch.device) -> None:
        options = self.options
        network = NETWORKS[options.arch](n_channels, options.dim, options.hidden, options.loss)
        self._network = network.to(device)

    def _checkpoints(
        self, path: str | None, seconds: float, rows: torch.Tensor, held_out: float
    ) -> Checkpoints | None:
        if path is None:
            return None
        digest = hashlib.blake2b(rows.numpy().tobytes(), digest_size=8).hexdigest()
        settings = dataclasses.asdict(self.options)
        for free in ("threads", "device"):
            settings.pop(free)
        return Checkpoints(path, seconds, {**settings, "series": digest, "held_out": held_out})

    # -- use ------------------------------------------------------------------------------------

    def embed(self, series: SeriesSet) -> NDArray[np.float32]:
        """A row for every series, float32[n, d]; zeros for one without a number."""
        return np.concatenate([np.empty((0, self.dim), np.float32), *self._batches(series, False)])

    def embed_steps(self, series: SeriesSet) -> NDArray[np.float32]:
        """A row for every step, float32[n, longest, d]; NaN behind the end of a series."""
        made = np.concatenate(list(self._batches(series, True)))
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
        return options.dim + 2 * options.hidden if options.arch == "gru" else options.dim

    def _batches(self, series: SeriesSet, of_steps: bool) -> Any:
        if self._network is None or self.scale is None:
            raise ValueError("the encoder is not trained: call fit, or load one")
        device = device_of(self.options.device)
        rows = torch.from_numpy(self.scale.apply(series))
        size = max(1, _EMBEDDED_NUMBERS // max(rows[0].numel(), 1)) if len(rows) else 1
        self._network.to(device).eval()
        with torch.inference_mode():
            for first in range(0, len(rows), size):
                batch = rows[first : first + size].to(device)
                made = self._network.steps(batch) if of_steps else self._network(batch)
                yield made.cpu().numpy()

    # -- files ----------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """One safetensors file with the weights, the settings and the scale."""
        assert self.scale is not None
        entries = {
            "options": dataclasses.asdict(self.options),
            "means": self.scale.means.tolist(),
            "deviations": self.scale.deviations.tolist(),
            "losses": self.learned.losses,
        }
        write_tensors(path, TensorFile(KIND, self._network.state_dict(), entries))

    @classmethod
    def load(cls, path: str | os.PathLike[str], **settings: Any) -> SeriesEncoder:
        """A saved encoder; settings: threads or device of this machine.  FormatError, OSError."""
        file = read_tensors(path, KIND)
        made = cls(SeriesOptions(**file.entries["options"]), **settings)
        made.scale = Scale(np.array(file.entries["means"]), np.array(file.entries["deviations"]))
        device = _prepare(made.options)
        made._build(len(made.scale.means), device)
        made._network.load_state_dict(file.tensors)
        made.learned.losses = file.entries["losses"]
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
    def loss() -> float:
        return float(network.loss(rows))

    return loss


def _parted(rows: torch.Tensor, held_out: float, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(series to train on, held-out ones), by the seed."""
    n = round(held_out * len(rows))
    if held_out and not 0 < n < len(rows):
        raise OptionError("held_out", f"a share that leaves some of {len(rows)} series", held_out)
    order = torch.from_numpy(np.random.default_rng(seed).permutation(len(rows)))
    return rows[order[n:].sort().values], rows[order[:n].sort().values]


def _prepare(options: SeriesOptions) -> torch.device:
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    return device_of(options.device)
