"""The curves of logs of training: losses and probes by epoch."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wordvec.errors import MissingExtraError, OptionError
from wordvec.files import OutputFile
from wordvec.traininglog import EpochRecord

SUFFIXES = (".png", ".svg", ".pdf")
_MARKS = "ox+*#@%&"

Logs = Mapping[str, Sequence[EpochRecord]]


@dataclass(frozen=True, slots=True)
class Curve:
    """Values by epoch, those that are known; `best` is the epoch that was kept, or None."""

    name: str
    epochs: list[int]
    values: list[float]
    best: int | None = None


def curves_of(logs: Logs) -> dict[str, list[Curve]]:
    """Title of a panel -> its curves: "loss" with both losses, and one for each probe."""
    panels: dict[str, list[Curve]] = {}
    for name, records in logs.items():
        prefix = f"{name}: " if len(logs) > 1 else ""
        best = max((r.epoch for r in records if r.is_best), default=None)
        for title, values in (
            ("training", {r.epoch: r.loss for r in records}),
            ("held out", {r.epoch: r.held_out_loss for r in records}),
        ):
            _add(panels, "loss", Curve(prefix + title, *_known(values), best))
        probes = dict.fromkeys(probe for record in records for probe in record.probes)
        for probe in probes:
            values = {r.epoch: r.probes.get(probe) for r in records}
            _add(panels, probe, Curve(prefix + probe, *_known(values), best))
    return panels


def _known(values: Mapping[int, float | None]) -> tuple[list[int], list[float]]:
    known = {k: float(v) for k, v in values.items() if v is not None and math.isfinite(v)}
    return list(known), list(known.values())


def _add(panels: dict[str, list[Curve]], title: str, curve: Curve) -> None:
    if curve.values:
        panels.setdefault(title, []).append(curve)


def draw_curves(logs: Logs, path: str | os.PathLike[str]) -> None:
    """Write the curves of logs (name -> records) as a picture: .png, .svg or .pdf.

    MissingExtraError without matplotlib, OptionError for another suffix or logs without values,
    OutputError.
    """
    name = os.fspath(path)
    suffix = os.path.splitext(name)[1].lower()
    if suffix not in SUFFIXES:
        raise OptionError("path", f"a name that ends in {', '.join(SUFFIXES)}", name)
    panels = _panels(logs)
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("a picture of the curves", "plot", "matplotlib") from None
    figure: Any = Figure(figsize=(7, 3 * len(panels)), layout="constrained")
    for place, (title, curves) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(len(panels), 1, place)
        for curve in curves:
            (line,) = axes.plot(curve.epochs, curve.values, marker=".", label=curve.name)
            if curve.best in curve.epochs:
                value = curve.values[curve.epochs.index(curve.best)]
                axes.plot([curve.best], [value], marker="o", fillstyle="none", markersize=10,
                          color=line.get_color())  # fmt: skip
        axes.set_title(title)
        axes.set_xlabel("epoch")
        axes.locator_params(axis="x", integer=True)
        axes.grid(alpha=0.3)
        if len(curves) > 1:
            axes.legend()
    with OutputFile(name) as file:
        figure.savefig(file.stream, format=suffix[1:])


def text_curves(logs: Logs, width: int = 72, height: int = 14) -> list[str]:
    """The curves in lines of ASCII characters, at most `width` wide: a panel each.

    OptionError for logs without values.
    """
    lines: list[str] = []
    for title, curves in _panels(logs).items():
        marked = list(zip(curves, (_MARKS * len(curves))[: len(curves)], strict=True))
        names = "   ".join(f"{mark} {curve.name}" for curve, mark in marked)
        lines += [*([""] if lines else []), f"{title}:   {names}"]
        lines += _grid(marked, max(width, 30), max(height, 4))
        best = {curve.best for curve in curves} - {None}
        if best:
            lines.append(f"best epoch: {', '.join(map(str, sorted(filter(None, best))))}")
    return lines


def _grid(marked: list[tuple[Curve, str]], width: int, height: int) -> list[str]:
    values = [value for curve, _ in marked for value in curve.values]
    epochs = [epoch for curve, _ in marked for epoch in curve.epochs]
    low, high = min(values), max(values)
    first, last = min(epochs), max(epochs)
    labels = [f"{high - (high - low) * row / (height - 1):.4g}" for row in range(height)]
    room = max(map(len, labels))
    n_columns = width - room - 2
    cells = [[" "] * n_columns for _ in range(height)]
    for curve, mark in marked:
        for epoch, value in zip(curve.epochs, curve.values, strict=True):
            column = round((epoch - first) / max(last - first, 1) * (n_columns - 1))
            row = round((high - value) / (high - low) * (height - 1)) if high > low else 0
            cells[row][column] = mark
    lines = [
        f"{label:>{room}} |{''.join(row)}".rstrip()
        for label, row in zip(labels, cells, strict=True)
    ]
    lines.append(" " * (room + 1) + "+" + "-" * n_columns)
    begin, end = f"epoch {first}", f"{last}" if last > first else ""
    return [*lines, " " * (room + 2) + begin + end.rjust(n_columns - len(begin))]


def _panels(logs: Logs) -> dict[str, list[Curve]]:
    panels = curves_of(logs)
    if not panels:
        raise OptionError("logs", "logs with a loss or a probe", "none")
    return panels
