"""Hooks of training, under gensim's names."""

from __future__ import annotations

from typing import Any


class CallbackAny2Vec:
    """Base class for what is to happen while a Word2Vec or FastText trains.

    Override what is needed; each hook gets the model, whose `wv`, `alpha`, losses and so on are up
    to date, and which may be saved or queried (hooks run on the main thread, while no worker does).
    An exception ends the training and is raised by `train`; the weights stay as they are then.
    Objects with these four methods, gensim's own subclasses among them, do as well.
    """

    def on_train_begin(self, model: Any) -> None:
        """Before the first epoch of a call of `train`."""

    def on_train_end(self, model: Any) -> None:
        """After the last epoch, also when Ctrl-C made it the last."""

    def on_epoch_begin(self, model: Any) -> None:
        """Before each epoch."""

    def on_epoch_end(self, model: Any) -> None:
        """After each epoch that was trained to its end."""
