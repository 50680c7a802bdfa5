"""A run of training and what happens between its epochs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wordvec.corpus import EncodedCorpus
from wordvec.progress import Reporter
from wordvec.trainer import Outcome, Watcher

if TYPE_CHECKING:
    from wordvec.models.checkpoints import Checkpoints
    from wordvec.models.onlinemodel import OnlineModel
    from wordvec.models.validating import Validator
    from wordvec.models.word2vec import Weights

# Rates up to here have never diverged; above, the weights at the start of each epoch are kept,
# which takes their memory once more.
SAFE_ALPHA = 0.05
# A loss so many times the lowest of an earlier epoch is still a good one, unless it is higher than
# that of weights that know nothing.
STILL_GOOD = 1.02


@dataclass
class TrainingJob:
    """One call of `train`: what a Network is to be trained on, and how.

    locks: float32[n_input_rows] to multiply what training adds to each input row by, or None.
    first_epoch: how many epochs were trained before.
    checkpoints: where the state of this training is kept, and gone on from when it is there.
    """

    corpus: EncodedCorpus
    options: Any
    reporter: Reporter
    watcher: Watcher | None = None
    first_epoch: int = 0
    locks: NDArray[np.float32] | None = None
    checkpoints: Checkpoints | None = None


def spread_locks(locks: Any, n_rows: int) -> NDArray[np.float32] | None:
    """float32[n_rows] from an array of any length, repeated as in gensim; None for ones."""
    if locks is None or not len(locks) or bool(np.all(np.asarray(locks) == 1)):
        return None
    return np.ascontiguousarray(np.resize(np.asarray(locks, np.float32), n_rows))


class KeptWeights:
    """A copy of weights, to go back to."""

    def __init__(self, weights: Weights) -> None:
        arrays = [
            weights.in_rows, weights.out_rows, weights.node_rows, weights.position_rows
        ]  # fmt: skip
        self._pairs = [(rows, np.empty_like(rows)) for rows in arrays if rows is not None]

    def keep(self) -> None:
        for rows, copy in self._pairs:
            np.copyto(copy, rows)

    def restore(self) -> None:
        for rows, copy in self._pairs:
            np.copyto(rows, copy)


class EpochWatcher:
    """Between epochs: calls callbacks, sums the loss, keeps weights to go back to, validates."""

    def __init__(
        self,
        model: OnlineModel,
        callbacks: list[Any],
        alpha: float,
        untrained_loss: float,
        validator: Validator | None = None,
    ) -> None:
        self.model = model
        self.callbacks = callbacks
        self.untrained_loss = untrained_loss
        self.keeps_weights = alpha > SAFE_ALPHA
        self.validator = validator
        self.is_needed = bool(callbacks) or self.keeps_weights or validator is not None
        self.kept: KeptWeights | None = None
        self.n_noted = 0

    def epoch_begins(self, epoch: int, outcome: Outcome) -> None:
        losses = [*outcome.epoch_losses, self.untrained_loss]
        if self.keeps_weights and (epoch == 0 or losses[-2] <= STILL_GOOD * min(losses)):
            self._keep()
        for callback in self.callbacks:
            callback.on_epoch_begin(self.model)

    def epoch_ended(self, epoch: int, outcome: Outcome) -> None:
        self.note(outcome)
        if self.callbacks or (self.validator is not None and self.validator.probes):
            self.model._show_rows()
        for callback in self.callbacks:
            callback.on_epoch_end(self.model)
        if self.validator is not None:
            assert self.model.network is not None
            self.validator.epoch_ended(epoch, outcome, self.model.network, lambda: self.model.wv)

    def note(self, outcome: Outcome) -> None:
        """Add the losses of epochs that were not noted before to the model's."""
        pairs = zip(outcome.epoch_losses, outcome.epoch_examples, strict=True)
        for mean, n_examples in list(pairs)[self.n_noted :]:
            self.n_noted += 1
            self.model.n_epochs_trained += 1
            self.model.loss_history.append(mean)
            if n_examples:
                self.model.running_training_loss += mean * n_examples

    def _keep(self) -> None:
        assert self.model.network is not None
        self.kept = self.kept or KeptWeights(self.model.network.weights)
        self.kept.keep()

    def restore(self) -> None:
        if self.kept is not None:
            self.kept.restore()
