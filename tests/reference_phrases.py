"""word2phrase again in plain Python: strings in one table, float32 one operation at a time."""

from __future__ import annotations

import numpy as np

NEWLINE = b"</s>"
F = np.float32


def tokens_of(text: bytes) -> list[bytes]:
    """Words of up to 58 bytes; b"</s>" for a newline.  A word without an end is not read."""
    tokens = []
    word = bytearray()
    for byte in text.replace(b"\r", b""):
        if byte not in b" \t\n":
            word.append(byte)
            continue
        if word:
            tokens.append(bytes(word[:58]).split(b"\0")[0])
            word.clear()
        if byte == ord("\n"):
            tokens.append(NEWLINE)
    return tokens


def key_of(first: bytes, second: bytes) -> bytes:
    return (first + b"_" + second)[:59]


def counted(tokens: list[bytes]) -> dict[bytes, int]:
    """Counts of words and pairs, by first appearance; newlines are passed over."""
    counts: dict[bytes, int] = {}
    last = b""
    for word in tokens:
        if word == NEWLINE:
            continue
        for key in (word, key_of(last, word)):
            counts[key] = counts.get(key, 0) + 1
        last = word
    return counts


def kept(counts: dict[bytes, int], min_count: int) -> dict[bytes, int]:
    """Without what is rare, and, where nothing is, without the last by count (the original's
    slip: "</s>" is the rare one, and the end of the table goes for it)."""
    known = {key: n for key, n in counts.items() if n >= min_count}
    if counts and min_count >= 1 and len(known) == len(counts):
        lowest = min(counts.values())
        del known[next(key for key in reversed(counts) if counts[key] == lowest)]
    return known


def word2phrase(text: bytes, min_count: int = 5, threshold: float = 100.0) -> tuple[bytes, int]:
    """(the text with its phrases joined, how many words and pairs occur min_count times)."""
    tokens = tokens_of(text)
    counts = counted(tokens)
    known = kept(counts, min_count)
    n_words = F(sum(token != NEWLINE for token in tokens))
    with np.errstate(over="ignore"):
        limit = F(threshold)
    out = []
    last, last_known, pa, pb = b"", False, 0, 0
    for word in tokens:
        if word == NEWLINE:
            out.append(b"\n")
            last = word
            continue
        key = key_of(last, word)
        last = word
        pb = known.get(word, pb)
        ok = word in known and last_known and key in known and pa >= min_count and pb >= min_count
        last_known = word in known
        score = F(0)
        if ok:
            with np.errstate(divide="ignore", over="ignore"):
                score = F(known[key] - min_count) / F(pa) / F(pb) * n_words
        joined = score > limit
        if joined:
            pb = 0
        out.append((b"_" if joined else b" ") + word)
        pa = pb
    return b"".join(out), sum(n >= min_count for n in counts.values())
