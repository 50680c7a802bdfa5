"""Files of weights for a classifier's training: of labels, or of lines."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import CorpusError, FormatError
from wordvec.models.lineweights import MOST_WEIGHT
from wordvec.unpacking import UnpackedFile

_READ_BYTES = 1 << 20


def read_label_weights(path: str) -> dict[str, float]:
    """{label: weight} of a file with a label and its weight on each line; labels that it does not
    name weigh 1.

    Empty lines are passed over.  CorpusError for a file that cannot be read, FormatError with the
    line for what is no weight from 0 to 1e9 or a label that comes twice.
    """
    weights: dict[str, float] = {}
    for number, line in _lines(path):
        parts = line.split()
        if not parts:
            continue
        if len(parts) != 2:
            expected = "a label and its weight, with a blank between"
            raise FormatError(path, None, expected, repr(_text(line)), line=number)
        label = _text(parts[0])
        if label in weights:
            raise FormatError(path, None, "every label once", f"{label!r} again", line=number)
        weights[label] = _weight(path, number, parts[1])
    return weights


def read_line_weights(path: str) -> NDArray[np.float32]:
    """float32[n_lines]: one weight on each line of the file, in the order of the text's lines.

    Errors as read_label_weights; an empty line is one.
    """
    return np.array([_weight(path, number, line) for number, line in _lines(path)], np.float32)


def _weight(path: str, number: int, text: bytes) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not 0 <= weight <= MOST_WEIGHT:
        expected = f"a weight from 0 to {MOST_WEIGHT:g}"
        raise FormatError(path, None, expected, repr(_text(text.strip())), line=number)
    return weight


def _lines(path: str) -> Iterator[tuple[int, bytes]]:
    """(number from 1, line without its break), packed files unpacked."""
    file = UnpackedFile(path, lambda: False)
    buffer = bytearray(_READ_BYTES)
    rest, number = b"", 0
    try:
        while n_read := file.fill(memoryview(buffer)):
            *lines, rest = (rest + bytes(memoryview(buffer)[:n_read])).split(b"\n")
            for line in lines:
                number += 1
                yield number, line
            if len(rest) > _READ_BYTES:
                raise CorpusError(f"{path}: line {number + 1} has no end; a weight was expected")
        if rest:
            yield number + 1, rest
    finally:
        file.close()


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
