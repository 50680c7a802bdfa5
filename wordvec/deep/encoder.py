"""What the encoders share: settings, checkpoints, files."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Iterable
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray

from wordvec.deep.learning import Checkpoints, Learned, device_of
from wordvec.deep.tensorfiles import TensorFile, read_tensors, write_tensors
from wordvec.errors import OptionError

FREE_TO_CHANGE = ("threads", "device")  # between a checkpoint and the run that goes on from it


class Encoder:
    """A network with its settings.  `options` has them, after training without zeros; `learned`
    tells the losses."""

    KIND: ClassVar[str]  # of its files
    OPTIONS: ClassVar[type[Any]]

    def __init__(self, options: Any = None, **settings: Any) -> None:
        self.options: Any = dataclasses.replace(options or self.OPTIONS(), **settings)
        self.learned = Learned()
        self._network: Any = None

    def _prepare(self) -> torch.device:
        """Seeds, threads and device."""
        torch.manual_seed(self.options.seed)
        torch.set_num_threads(self.options.threads)
        return device_of(self.options.device)

    def _checkpoints(
        self, path: str | None, seconds: float, arrays: Iterable[Any], **more: Any
    ) -> Checkpoints | None:
        """Those of a training on `arrays`."""
        if path is None:
            return None
        digest = hashlib.blake2b(digest_size=8)
        for array in arrays:
            digest.update(np.ascontiguousarray(array).tobytes())
        settings = dataclasses.asdict(self.options)
        for free in FREE_TO_CHANGE:
            settings.pop(free)
        return Checkpoints(path, seconds, {**settings, "data": digest.hexdigest(), **more})

    def _in_batches(self, rows: torch.Tensor, make: Any, size: int) -> NDArray[np.float32]:
        """make(rows of a batch), all of them in one array."""
        if self._network is None:
            raise ValueError("the encoder is not trained: call fit, or load one")
        device = device_of(self.options.device)
        self._network.to(device).eval()
        with torch.inference_mode():
            made = [
                make(rows[first : first + size].to(device)).cpu().numpy()
                for first in range(0, len(rows), size)
            ]
        return np.concatenate(made)

    def _save(self, path: str | os.PathLike[str], entries: dict[str, Any]) -> None:
        options = {"options": dataclasses.asdict(self.options), "losses": self.learned.losses}
        write_tensors(path, TensorFile(self.KIND, self._network.state_dict(), options | entries))

    @classmethod
    def _load(
        cls, path: str | os.PathLike[str], settings: dict[str, Any]
    ) -> tuple[Self, TensorFile]:
        file = read_tensors(path, cls.KIND)
        made = cls(cls.OPTIONS(**file.entries["options"]), **settings)
        made.learned.losses = file.entries["losses"]
        return made, file


def parted(n: int, held_out: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(numbers of those to train on, of the held-out ones), by the seed."""
    if not 0 <= held_out < 1:
        raise OptionError("held_out", "a share from 0 to below 1", held_out)
    n_held_out = round(held_out * n)
    if held_out and not 0 < n_held_out < n:
        raise OptionError("held_out", f"a share that leaves some of {n}", held_out)
    order = np.random.default_rng(seed).permutation(n)
    return np.sort(order[n_held_out:]), np.sort(order[:n_held_out])
