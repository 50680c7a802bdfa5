"""The log of a training: JSON lines, one object for each epoch.

    epoch              number of the epoch, from 1; of all of the model's, if it was trained before
    n_epochs           how many this run will have at most
    n_tokens_trained   of this run so far
    rate               learning rate at the end of the epoch
    loss               mean loss per example while the epoch was trained
    held_out_loss      mean loss per example of the sentences held out; null without any
    n_held_out_tokens  their words
    probes             name of a probe -> score; null where none of its words is known
    is_best            whether the epoch is the best so far by what stops the training
    wall_seconds, cpu_seconds   since the run began, validation included
    stopped            "patience" when the run ends here for want of progress, else null

More keys may follow in later versions; numbers that are none (NaN) are written as null.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
from dataclasses import dataclass, field
from typing import Any

from wordvec.errors import FormatError, OutputError


@dataclass(slots=True)
class EpochRecord:
    """What is known after an epoch; the keys are explained above."""

    epoch: int
    n_epochs: int
    n_tokens_trained: int
    rate: float
    loss: float | None
    held_out_loss: float | None = None
    n_held_out_tokens: int = 0
    probes: dict[str, float | None] = field(default_factory=dict)
    is_best: bool = False
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    stopped: str | None = None

    def as_json(self) -> dict[str, Any]:
        values = dataclasses.asdict(self)
        values["probes"] = {name: _number(score) for name, score in self.probes.items()}
        return {k: _number(v) if isinstance(v, float) else v for k, v in values.items()}


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


class TrainingLog:
    """A log being written: opened, and emptied, at once; each line is there when it is written."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        try:
            self._file = open(self.path, "w", encoding="utf-8")  # noqa: SIM115
        except OSError as error:
            raise OutputError(f"{self.path}: {error.strerror or error}") from error

    def write(self, record: EpochRecord) -> None:
        try:
            self._file.write(json.dumps(record.as_json(), allow_nan=False) + "\n")
            self._file.flush()
        except OSError as error:
            raise OutputError(f"{self.path}: {error.strerror or error}") from error

    def close(self) -> None:
        self._file.close()


def read_log(path: str | os.PathLike[str]) -> list[EpochRecord]:
    """The records of a log; a last line that was cut short is left out.  FormatError, OSError."""
    name = os.fspath(path)
    names = {item.name for item in dataclasses.fields(EpochRecord)}
    with open(name, "rb") as file:
        lines = file.read().split(b"\n")
    records = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
            records.append(EpochRecord(**{k: v for k, v in values.items() if k in names}))
            _check(records[-1])
        except (ValueError, TypeError, AttributeError):
            if number == len(lines) and records:
                break  # the run is writing it, or was killed
            found = line[:40].decode("utf-8", "backslashreplace")
            raise FormatError(
                name, None, "the record of an epoch, as JSON", repr(found), line=number
            ) from None
    if not records:
        raise FormatError(name, None, "a log of training: a JSON object a line", "an empty file")
    return records


def _check(record: EpochRecord) -> None:
    """ValueError for values that no log has."""
    numbers = [record.loss, record.held_out_loss, *record.probes.values()]
    if not isinstance(record.epoch, int) or record.epoch < 1:
        raise ValueError
    if not all(value is None or isinstance(value, int | float) for value in numbers):
        raise ValueError
