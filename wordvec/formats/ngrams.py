"""Subwords as tensors of our own format, and back.

    subwords.rows     F32[n_rows, dim]  the rows of n-gram buckets, only those that have one
    subwords.buckets  I32[n_rows]       the bucket of each
    subwords.mean     F32[dim]          what was subtracted from the vectors after training, if any

and one JSON object: min_n, max_n, bucket and hash ("fasttext": 32-bit FNV-1a over signed bytes),
seed (start values of buckets without a row; null: they are left out), and of a Finish unit and
width.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.subwords import Finish, NgramRules, Subwords

NGRAM_TENSORS = ("subwords.rows", "subwords.buckets", "subwords.mean")
_HASH = "fasttext"
_MOST_BUCKETS = 2**31 - 1


def can_store(subwords: Subwords | None) -> bool:
    """Whether there are rows to store: those of quantised and pruned models are made anew for
    each word, and are left out."""
    if subwords is None or not subwords.rules.has_ngrams:
        return False
    return subwords.row_of_bucket is not None or len(subwords.rows) >= subwords.rules.bucket


def tensors_of(subwords: Subwords) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """(tensors, JSON object); the rows are a view where they can be."""
    rules = subwords.rules
    if subwords.row_of_bucket is None:
        buckets = np.arange(len(subwords.rows), dtype=np.int32)
    else:
        reached = np.flatnonzero(subwords.row_of_bucket >= 0)
        buckets = np.full(len(subwords.rows), -1, np.int32)
        buckets[subwords.row_of_bucket[reached]] = reached
    rows = subwords.rows[:, : subwords.dim]
    tensors: dict[str, NDArray[Any]] = {"subwords.rows": rows, "subwords.buckets": buckets}
    entry: dict[str, Any] = {
        "min_n": rules.min_n, "max_n": rules.max_n, "bucket": rules.bucket, "hash": _HASH,
        "seed": subwords.seed,
    }  # fmt: skip
    if subwords.finish is not None:
        tensors["subwords.mean"] = subwords.finish.mean
        entry |= {"unit": subwords.finish.unit, "width": subwords.finish.width}
    return tensors, entry


def subwords_of(tensors: Mapping[str, NDArray[Any]], entry: Any, dim: int) -> Subwords:
    """The Subwords that `tensors_of` took apart, on the same arrays; they make rows of `dim`.

    KeyError, TypeError or ValueError, with what was found, when the parts do not fit each other.
    """
    if not isinstance(entry, dict):
        raise TypeError(f"{type(entry).__name__} as rules")
    if entry.get("hash") != _HASH:
        raise ValueError(f"the hash {entry.get('hash')!r:.40}")
    rules = NgramRules(
        *(_whole(entry, name, _MOST_BUCKETS) for name in ("min_n", "max_n", "bucket"))
    )
    rows, buckets = tensors["subwords.rows"], tensors["subwords.buckets"]
    if rows.dtype != np.float32 or rows.ndim != 2:
        raise TypeError(f"rows {rows.dtype}{rows.shape}")
    if buckets.dtype != np.int32 or buckets.shape != rows.shape[:1]:
        raise TypeError(f"buckets {buckets.dtype}{buckets.shape} for {len(rows)} rows")
    if rules.bucket > max(1 << 24, 1024 * len(rows)):
        raise ValueError(f"{rules.bucket} buckets for {len(rows)} rows")
    if len(buckets) and not 0 <= int(buckets.min()) <= int(buckets.max()) < rules.bucket:
        raise ValueError(f"buckets outside 0 to {rules.bucket - 1}")
    row_of_bucket = np.full(rules.bucket, -1, np.int32)
    row_of_bucket[buckets] = np.arange(len(buckets), dtype=np.int32)
    finish = None
    if "subwords.mean" in tensors:
        finish = Finish(
            tensors["subwords.mean"], bool(entry.get("unit")), _whole(entry, "width", dim)
        )
    made = max(rows.shape[1], finish.width) if finish else rows.shape[1]
    if made != dim:
        raise ValueError(f"{made} numbers for an unseen word in a file of {dim}")
    seed = None if entry.get("seed") is None else _whole(entry, "seed", 2**63 - 1)
    return Subwords(
        rules, rows, rows.shape[1], row_of_bucket=row_of_bucket, seed=seed, finish=finish
    )


def _whole(entry: dict[str, Any], name: str, most: int) -> int:
    value = entry[name]
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"{name} {value!r:.40}")
    return value
