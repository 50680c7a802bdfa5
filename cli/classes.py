"""The file that `-classes` writes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray


def write_classes(out: BinaryIO, words: Iterable[str], classes: NDArray[np.int64]) -> None:
    """`WORD CLASS` lines in vocabulary order, without a header."""
    for word, k in zip(words, classes.tolist(), strict=True):
        out.write(f"{word} {k}\n".encode("utf-8", "surrogateescape"))
