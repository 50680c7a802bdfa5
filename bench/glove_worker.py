"""Compares two files of co-occurrence records; a process of its own, as it takes memory."""

from __future__ import annotations

import json
import sys

import numpy as np

RECORD = np.dtype([("row", "<i4"), ("column", "<i4"), ("value", "<f8")])
BLOCK = 1 << 20


def compare(one: str, other: str) -> dict[str, object]:
    """Number of records, equality of bytes and pairs, and the largest relative difference of
    values, without the first record's."""
    files = [np.memmap(path, RECORD, "r") for path in (one, other)]
    n_records = len(files[0])
    found: dict[str, object] = {"n_records": n_records}
    if len(files[1]) != n_records:
        return {**found, "same_bytes": False, "same_pairs": False, "largest_difference": None}
    same_bytes = same_pairs = True
    largest = 0.0
    for first in range(0, n_records, BLOCK):
        a, b = (np.array(file[first : first + BLOCK]) for file in files)
        same_bytes &= a.tobytes() == b.tobytes()
        same_pairs &= all(np.array_equal(a[name], b[name]) for name in ("row", "column"))
        skipped = int(first == 0)
        differences = np.abs(a["value"][skipped:] / b["value"][skipped:] - 1)
        largest = max(largest, float(differences.max(initial=0)))
    return {
        **found, "same_bytes": same_bytes, "same_pairs": same_pairs, "largest_difference": largest,
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(compare(*sys.argv[1:])))
