"""What a long job tells whoever waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Progress:
    """One moment of a job.

    `stage` is "count" (text to ids), "pairs" (ids to co-occurrences), "train", or "write" (ids to
    text).  `n_done` and `n_total` are in `unit` ("bytes", "tokens" or "records"; the latter two
    over all epochs); `n_total` is None when the size of the source is unknown.  `n_distinct` words
    were met while counting (words that several threads met may count several times).  `loss` is the
    mean per example since training started, `rate` the current learning rate; both are None outside
    training.
    """

    stage: str
    unit: str
    n_done: int
    n_total: int | None
    wall_seconds: float
    cpu_seconds: float
    n_tokens_read: int = 0
    n_distinct: int = 0
    epoch: int = 0
    loss: float | None = None
    rate: float | None = None
    n_epochs: int = 0
    model: str = ""


class Reporter(Protocol):
    """Called on the main thread, at most about five times a second, and once at the end."""

    def __call__(self, progress: Progress, /) -> None: ...


def silent(progress: Progress, /) -> None:
    """The reporter that says nothing."""
