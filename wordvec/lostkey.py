"""A slip of the original word2phrase that shows in its output, kept so that ours is the same.

After sorting its table of words and pairs by count it drops `</s>`, whose count is 0, by making
the table one entry shorter: at the other end.  Where all entries are frequent enough to stay (as
with -min-count 1), the last one is lost: the one seen last for the first time, of those with the
lowest count.  In a text without shared strings that is always a pair that occurs min_count times,
which scores 0 and joins nothing anyway.  Otherwise it may be a word, and pairs with it are not
joined.
"""

from __future__ import annotations

from typing import Any

import numpy as np

# In longer texts the lost key is looked for among the last words only.  There it is, but for
# texts in which the last few thousand words hold nothing that occurs once.
WATCHED_WORDS = 4096


def drop_lost_key(job: Any, tail: Any, keys: Any) -> None:
    """Take what holds the lost word or pair out of `job.joined`, and its count from
    `job.counts` and `job.after_newline`."""
    min_count = job.options.min_count
    if min_count < 1 or (job.counts[1:] < min_count).any():
        return
    if job.n_words <= WATCHED_WORDS:
        lost = _lost_of_short(job, tail)
    else:
        lost = _lost_of_long(job, tail, keys)
    if lost is None:
        return
    spelling = job.spelling
    for row in range(1, len(job.counts)):
        if spelling.of(row) == lost:
            job.counts[row] = -1
    if job.after_newline is not None:
        for row in np.flatnonzero(job.after_newline).tolist():
            if (b"</s>_" + spelling.of(row))[:59] == lost:
                job.after_newline[row] = 0
    first = (job.joined >> np.uint64(32)).astype(np.int64)
    second = (job.joined & np.uint64(0xFFFFFFFF)).astype(np.int64)
    stays = (job.counts[first] >= 0) & (job.counts[second] >= 0)
    for k in np.flatnonzero(stays):
        stays[k] = _key(spelling.of(first[k]), spelling.of(second[k])) != lost
    job.joined = job.joined[stays]


def _key(first: bytes, second: bytes) -> bytes:
    return (first + b"_" + second)[:59]


def _lost_of_short(job: Any, tail: Any) -> bytes | None:
    """Count everything again, in the original's order."""
    counts: dict[bytes, int] = {}
    before = b""
    for row in tail.rows:
        word = job.spelling.of(row)
        for key in (word, _key(before, word)):
            counts[key] = counts.get(key, 0) + 1
        before = word
    lowest = min(counts.values())
    if lowest < job.options.min_count:
        return None
    return next(key for key in reversed(counts) if counts[key] == lowest)


def _lost_of_long(job: Any, tail: Any, keys: Any) -> bytes | None:
    """The last place in the text that has a word or pair of count 1; a pair loses nothing."""
    if job.options.min_count > 1:
        return None  # the text's first pair would have to occur twice
    counts = np.where(tail.counts > 0, tail.counts, keys.counts_of(tail.pairs))
    shared = keys.counts_of(tail.pairs)
    counts = np.where(shared > 0, shared, counts)
    for k in range(len(tail.pairs) - 1, -1, -1):
        if counts[k] == 1:
            return None
        row = int(tail.rows[k + 1])
        if job.counts[row] == 1:
            found: bytes = job.spelling.of(row)
            return found
    return None
