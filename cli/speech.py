"""What commands say: text for people, whatever bytes its words hold, and JSON for programs."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Sequence
from typing import Any


def say(text: str) -> None:
    """One or more lines on stdout, at once: whoever reads it through a pipe may wait for it."""
    sys.stdout.flush()
    sys.stdout.buffer.write((text + "\n").encode("utf-8", "surrogateescape"))
    sys.stdout.buffer.flush()


def note(text: str) -> None:
    """A line on stderr that is no error."""
    print(text.encode("utf-8", "backslashreplace").decode(), file=sys.stderr, flush=True)


def json_line(value: Any, indent: int | None = None) -> str:
    """JSON as UTF-8; words that are not UTF-8 are escaped, so that it stays valid."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=False)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value, indent=indent, allow_nan=False)
    return text


def printable(word: str) -> str:
    """A word as a terminal may show it: control characters, which could do harm, are escaped."""
    if word.isprintable():
        return word
    shown = word.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown)


def width(text: str) -> int:
    """Columns that a text takes on a terminal: most East Asian characters take two."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def table(rows: Sequence[Sequence[str]], left: int = 1, gap: str = "  ") -> list[str]:
    """Rows of cells as aligned lines; the first `left` columns to the left, the others right."""
    n_columns = max(map(len, rows), default=0)
    widths = [max(width(row[k]) for row in rows if k < len(row)) for k in range(n_columns)]
    lines = []
    for row in rows:
        cells = []
        for k, cell in enumerate(row):
            room = " " * (widths[k] - width(cell))
            cells.append(cell + room if k < left else room + cell)
        lines.append(gap.join(cells).rstrip())
    return lines


def thousands(number: int) -> str:
    return f"{number:,}"


def byte_size(n_bytes: int) -> str:
    """A size for people: 28.7 MB (10^6 bytes)."""
    if n_bytes < 1000:
        return f"{n_bytes} bytes"
    size, units = n_bytes / 1000, ["kB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size /= 1000
        del units[0]
    return f"{size:.1f} {units[0]}"
