"""Validation of the training commands: from flags, and in words."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wordvec.models.validating import Validation
    from wordvec.traininglog import EpochRecord


def validation_of(
    values: Mapping[str, Any], flag_of: Mapping[str, str], complain: Callable[[str], Exception]
) -> Validation | None:
    """What the flags ask for; None for nothing.  values: share, measure, patience, least_gain,
    probes (paths with : between them), log.

    flag_of: these names -> flags, for messages, which `complain` turns into an error.
    """
    from wordvec.errors import OptionError

    probes = [path for path in (values["probes"] or "").split(os.pathsep) if path]
    if not values["share"] and not probes:
        for name in ("patience", "measure", "log", "least_gain"):
            if values[name]:
                flags = f"{flag_of['share']} or {flag_of['probes']}"
                raise complain(f"{flag_of[name]}: expected {flags} too: nothing is measured")
        return None
    from wordvec.models.validating import Validation

    named = {name: values[name] or None for name in ("measure", "patience", "log")}
    try:
        return Validation(
            share=values["share"], probes=probes, least_gain=values["least_gain"], **named
        )
    except OptionError as error:
        raise complain(in_flags(error, flag_of)) from None


def in_flags(error: Any, flag_of: Mapping[str, str]) -> str:
    """The message of an OptionError, with the flag's name."""
    name = flag_of.get(error.option, error.option)
    return f"{name}: expected {error.expected}, found {error.found}"


def lines_of(records: Sequence[EpochRecord]) -> list[str]:
    """What was measured: a line for each epoch, and what was kept."""
    lines = []
    for record in records:
        cells = [f"epoch {record.epoch}:"]
        if record.loss is not None:
            cells.append(f"loss {record.loss:.4f}")
        if record.held_out_loss is not None:
            cells.append(f"held out {record.held_out_loss:.4f}")
        for name, score in record.probes.items():
            cells.append(f"{name} -" if score is None else f"{name} {100 * score:.1f}")
        lines.append(" ".join(cells) + (" *" if record.is_best else ""))
    best = max((record.epoch for record in records if record.is_best), default=0)
    if records and records[-1].stopped:
        lines.append(f"stopped for want of progress; the vectors are those of epoch {best}")
    return lines
