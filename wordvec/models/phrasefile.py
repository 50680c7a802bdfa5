"""Saved phrases: lines of JSON, no pickle.

The first line is an object: "format", "version", "kind" (Phrases or FrozenPhrases), the options
and "n_entries".  Then one [key, count or score] a line, and last {"crc32": ...} of all bytes
before it.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Collection
from typing import Any

from wordvec.errors import FormatError
from wordvec.files import OutputFile

FORMAT = "wordvec phrases"
VERSION = 1
_HINT = "expected a file that Phrases.save or FrozenPhrases.save wrote"


def write(
    path: str | os.PathLike[str],
    kind: str,
    fields: dict[str, Any],
    entries: Collection[tuple[str, float]],
) -> None:
    """Write a model of that kind; `fields` as `read` gives them.  OutputError."""
    head = {
        "format": FORMAT, "version": VERSION, "kind": kind, **fields,
        "n_entries": len(entries),
    }  # fmt: skip
    with OutputFile(path) as output:
        line = json.dumps(head).encode() + b"\n"
        output.stream.write(line)
        crc = zlib.crc32(line)
        for entry in entries:
            line = json.dumps(entry).encode() + b"\n"
            output.stream.write(line)
            crc = zlib.crc32(line, crc)
        output.stream.write(json.dumps({"crc32": crc}).encode() + b"\n")


def read(
    path: str | os.PathLike[str], kind: str, fields: dict[str, type], value_type: type
) -> tuple[dict[str, Any], list[tuple[str, Any]]]:
    """(fields with "scoring" and "connector_words", entries); FormatError, or OSError."""
    path = os.fspath(path)
    with open(path, "rb") as file:
        line = file.readline()
        head = _parsed(path, 0, line)
        found = head.get("format") if isinstance(head, dict) else None
        if found != FORMAT:
            raise FormatError(path, 0, f"format {FORMAT!r}", f"{line[:40]!r}", _HINT)
        _check_head(path, head, kind, fields)
        crc, offset = zlib.crc32(line), len(line)
        entries: list[tuple[str, Any]] = []
        for line in file:
            value = _parsed(path, offset, line)
            if isinstance(value, dict):
                break
            if not _is_entry(value, value_type):
                expected = f"[text, {value_type.__name__}]"
                raise FormatError(path, offset, expected, f"{line[:40]!r}", _HINT)
            entries.append((value[0], value[1]))
            crc = zlib.crc32(line, crc)
            offset += len(line)
        else:
            raise FormatError(path, offset, "a line with the checksum", "the end", "it is cut")
        if value.get("crc32") != crc or len(entries) != head["n_entries"] or file.read(1):
            raise FormatError(
                path, offset, f"{head['n_entries']} entries with checksum {value.get('crc32')}",
                f"{len(entries)} with {crc}", "the file is damaged",
            )  # fmt: skip
    names = [*fields, "scoring", "connector_words"]
    return {name: head[name] for name in names}, entries


def _parsed(path: str, offset: int, line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        found = f"{line[:40]!r}" if line else "the end"
        raise FormatError(path, offset, "a line of JSON", found, _HINT) from None


def _check_head(path: str, head: dict[str, Any], kind: str, fields: dict[str, type]) -> None:
    if head.get("version") != VERSION:
        found = f"version {head.get('version')!r}"
        raise FormatError(path, 0, f"version {VERSION}", found, "a newer wordvec may read it")
    if head.get("kind") != kind:
        hint = f"load it with {head.get('kind')}.load"
        raise FormatError(path, 0, f"kind {kind!r}", f"{head.get('kind')!r}", hint)
    types = {**fields, "scoring": str, "n_entries": int, "connector_words": list}
    for name, wanted in types.items():
        value = head.get(name)
        fits = isinstance(value, int | float if wanted is float else wanted)
        if not fits or isinstance(value, bool):
            raise FormatError(path, 0, f"{name} as {wanted.__name__}", f"{value!r:.40}", _HINT)
    if not all(isinstance(word, str) for word in head["connector_words"]):
        raise FormatError(path, 0, "connector_words as texts", "others", _HINT)


def _is_entry(value: Any, value_type: type) -> bool:
    if not (isinstance(value, list) and len(value) == 2 and isinstance(value[0], str)):
        return False
    number = value[1]
    if isinstance(number, bool) or not isinstance(number, int | float):
        return False
    return value_type is float or (isinstance(number, int) and 0 <= number < 2**63)
