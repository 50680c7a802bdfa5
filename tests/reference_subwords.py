"""Subwords again in plain Python and NumPy: what the C loops must equal."""

from __future__ import annotations

import numpy as np
import reference


def fnv(data: bytes) -> int:
    """fastText's hash: 32-bit FNV-1a, each byte widened with its sign."""
    value = 2166136261
    for byte in data:
        value = (value ^ (byte | 0xFFFFFF00 if byte >= 128 else byte)) * 16777619 & 0xFFFFFFFF
    return value


def characters(data: bytes) -> list[bytes]:
    """A byte and the bytes 10xxxxxx after it."""
    found: list[bytes] = []
    for byte in data:
        if byte & 0xC0 == 0x80 and found:
            found[-1] += bytes([byte])
        else:
            found.append(bytes([byte]))
    return found


def ngrams(word: bytes, min_n: int, max_n: int) -> list[bytes]:
    """By start, then by length; no single character from the ends of <word>."""
    chars = characters(b"<" + word + b">")
    return [
        b"".join(chars[i : i + n])
        for i in range(len(chars))
        for n in range(max(min_n, 1), max_n + 1)
        if i + n <= len(chars) and not (n == 1 and i in (0, len(chars) - 1))
    ]


def start_row(number: int, dim: int, seed: int, of_bucket: bool) -> np.ndarray:
    """Uniform in +-1 / dim, by seed, number and column alone."""
    key = reference.key(seed, 3 if of_bucket else 2, number)
    bits = [reference.bits_at(key, column) for column in range(dim)]
    signed = np.array(bits, np.uint32).view(np.int32)
    return signed.astype(np.float64) / 2**31 / dim


class Ring:
    """Hidden vectors by position: computed on entering, their change spread on leaving."""

    def __init__(self, in_rows, rows_of, kept, window):
        self.in_rows, self.rows_of, self.kept, self.window = in_rows, rows_of, kept, window
        self.hidden, self.before = {}, {}
        self.end = 0

    def move(self, centre):
        for position in [p for p in self.hidden if p < centre - self.window]:
            self.leave(position)
        while self.end < min(centre + self.window + 1, len(self.kept)):
            row = self.in_rows[self.rows_of[self.kept[self.end]]].mean(axis=0)
            self.hidden[self.end], self.before[self.end] = row.copy(), row.copy()
            self.end += 1

    def leave(self, position):
        change = self.hidden.pop(position) - self.before.pop(position)
        np.add.at(self.in_rows, self.rows_of[self.kept[position]], change)

    def empty(self):
        for position in list(self.hidden):
            self.leave(position)
