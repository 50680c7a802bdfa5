"""The progress line of our own commands: alive on a terminal, a few quiet lines elsewhere."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from wordvec.progress import Progress

# Not on a terminal: a line each time this much of the work is done.
QUIET_STEP = 0.25
SECONDS_BETWEEN_LINES = 0.1
VERBS = {"count": "reading", "pairs": "counting pairs", "train": "training", "walks": "walking"}


class Meter:
    """A reporter (see wordvec.progress) that writes to `stream`; call `close` when done."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.is_live = stream.isatty()
        self.shown = False
        self.last_time = 0.0
        self.last_step = -1
        self.last_stage = ""

    def __call__(self, progress: Progress, /) -> None:
        share = progress.n_done / progress.n_total if progress.n_total else None
        if self.is_live:
            now = time.monotonic()
            if now - self.last_time >= SECONDS_BETWEEN_LINES or share == 1.0:
                self.last_time = now
                self._show("\r" + describe(progress, share)[: self._width()] + "\x1b[K")
            return
        if progress.stage != self.last_stage:
            self.last_stage, self.last_step = progress.stage, 0
        step = int((share or 0.0) / QUIET_STEP)
        if progress.stage == "train" and step > self.last_step:
            self.last_step = step
            self._show(describe(progress, share) + "\n")

    def _width(self) -> int:
        return max(20, shutil.get_terminal_size().columns - 1)

    def _show(self, text: str) -> None:
        self.shown = True
        self.stream.write(text)
        self.stream.flush()

    def close(self) -> None:
        """End the live line, so that what follows starts on a line of its own."""
        if self.is_live and self.shown:
            self._show("\n")
            self.shown = False


def describe(progress: Progress, share: float | None) -> str:
    """One line: how far, how fast (tokens of the text per second of the clock), how long still."""
    parts = [VERBS.get(progress.stage, progress.stage)]
    if share is not None:
        parts[0] += f" {share:4.0%}"
    if progress.model:
        parts[0] = f"{progress.model}: {parts[0]}"
    if progress.epoch:
        parts.append(f"epoch {progress.epoch} of {progress.n_epochs}")
    n_tokens = progress.n_done if progress.unit == "tokens" else progress.n_tokens_read
    if progress.wall_seconds > 0 and n_tokens:
        parts.append(f"{short_number(n_tokens / progress.wall_seconds)} words/s")
    if progress.loss is not None:
        parts.append(f"loss {progress.loss:.4f}")
    if share and share < 1:
        parts.append(f"{duration(progress.wall_seconds * (1 - share) / share)} left")
    if progress.rate is not None:
        parts.append(f"rate {progress.rate:.4f}")
    return "  ".join(parts)


def short_number(value: float) -> str:
    for limit, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= limit:
            return f"{value / limit:.2f}{unit}"
    return f"{value:.0f}"


def duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02} h"
