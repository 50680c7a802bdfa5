"""Numbers as people write them on a command line."""

from __future__ import annotations

import re

WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def read_whole(text: str) -> int | None:
    return int(text) if WHOLE_NUMBER.fullmatch(text) else None


def read_number(text: str) -> float | None:
    return float(text) if NUMBER.fullmatch(text) else None
