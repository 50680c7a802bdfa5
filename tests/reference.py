"""The kernels again in plain Python and NumPy, slow and short: what the C loops must equal."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

import numpy as np

M64 = (1 << 64) - 1


def sigmoid(x):
    return 1 / (1 + np.exp(-np.clip(np.asarray(x, np.float64), -8, 8)))


def update_block(fixed, stream, labels, rate):
    """New (fixed, stream) and the summed loss of one logistic mini-batch, in float64."""
    fixed, stream = fixed.astype(np.float64), stream.astype(np.float64)
    scores = stream @ fixed.T
    gradient = rate * (labels - sigmoid(scores))
    loss = -np.log(np.where(labels == 1, sigmoid(scores), 1 - sigmoid(scores))).sum()
    return fixed + gradient.T @ stream, stream + gradient @ fixed, loss


# ---- random numbers ----


def mix(z: int) -> int:
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & M64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & M64
    return z ^ (z >> 31)


def key(seed: int, a: int, b: int) -> int:
    inner = mix((mix((seed + 0x9E3779B97F4A7C15) & M64) + a) & M64)
    return mix((inner + 0xD1B54A32D192ED03 * (b + 1)) & M64)


def bits_at(epoch_key: int, position: int) -> int:
    z = (epoch_key + position * 0x9E3779B97F4A7C15) & M64
    for _ in range(2):
        z = (z ^ (z >> 32)) * 0xD6E8FEB86659FD93 & M64
    return z >> 32


class Stream:
    """xorshift64* and the draws made from it."""

    def __init__(self, from_key: int, *, has_noise: bool = True) -> None:
        self.state = mix(from_key) | 1
        self.for_noise = Stream(from_key + 1, has_noise=False) if has_noise else self
        self.pool: list[int] = []
        self.n_pool_draws = 0

    def next(self) -> int:
        x = self.state
        x = (x ^ (x << 13)) & M64
        x ^= x >> 7
        self.state = x = (x ^ (x << 17)) & M64
        return x * 0x2545F4914F6CDD1D & M64

    def below(self, n: int) -> int:
        return (self.next() >> 32) * n >> 32

    def noise(self, aliases) -> int:
        draw = self.for_noise.next()
        slot = (draw >> 32) * len(aliases) >> 32
        return slot if draw & 0xFFFFFFFF < aliases[slot][0] else int(aliases[slot][1])

    def recycled(self, aliases) -> int:
        slot = (self.next() >> 40) % 256
        word = self.pool[slot]
        self.n_pool_draws += 1
        if self.n_pool_draws % 8 == 0:
            self.pool[slot] = self.noise(aliases)
        return word


# ---- sampling ----


def keep_thresholds(counts, sample, n_tokens):
    """word2vec.c's rule as 32-bit thresholds."""
    limit = sample * n_tokens
    chance = [1.0 if c == 0 else (np.sqrt(c / limit) + 1) * limit / c for c in counts]
    return [min(int(p * 2**32), 2**32 - 1) for p in chance]


def alias_shares(table):
    """The probability of each word that an alias table stands for."""
    n = len(table)
    shares = np.zeros(n)
    for slot, (threshold, other) in enumerate(table):
        shares[slot] += threshold / 2**32 / n
        shares[other] += (1 - threshold / 2**32) / n
    return shares


def huffman_cost(counts) -> int:
    """Sum of count x path length of an optimal prefix code."""
    heap = [int(c) for c in counts]
    heapq.heapify(heap)
    total = 0
    while len(heap) > 1:
        merged = heapq.heappop(heap) + heapq.heappop(heap)
        total += merged
        heapq.heappush(heap, merged)
    return total


def original_start(n_rows, dim, seed=1):
    """word2vec.c's start vectors."""
    state, rows = seed, np.empty((n_rows, dim), np.float32)
    for i in range(n_rows):
        for j in range(dim):
            state = (state * 25214903917 + 11) & M64
            rows[i, j] = (np.float32(state & 0xFFFF) / np.float32(65536) - np.float32(0.5)) / dim
    return rows


# ---- a shard ----


def centres(ids, starts, first, end, epoch_key, stream, keep, window, shrink) -> Iterator:
    """(word, [context words]) of each kept token of [first, end), over whole sentences."""
    for begin, stop in pairwise(starts):
        kept = [p for p in range(begin, stop) if bits_at(epoch_key, p) <= keep[ids[p]]]
        for i, position in enumerate(kept):
            if first <= position < end:
                radius = window - (stream.below(window) if shrink else 0)
                around = kept[max(0, i - radius) : i] + kept[i + 1 : i + 1 + radius]
                yield ids[position], [ids[p] for p in around]


def shared_noise(stream, aliases, n, recycled):
    """Noise words for one centre: drawn again up to 3 times while equal to an earlier one."""
    words: list[int] = []
    for _ in range(n):
        for _ in range(4):
            word = stream.recycled(aliases) if recycled else stream.noise(aliases)
            if word not in words:
                break
        words.append(word)
    return words


def step(in_rows, out_rows, contexts, outputs, labels, rate):
    """One block: context words x output words (distinct ones of each)."""
    x, y, loss = update_block(
        in_rows[contexts],
        out_rows[outputs],
        np.tile(np.asarray(labels)[:, None], len(contexts)),
        rate,
    )
    in_rows[contexts], out_rows[outputs] = x, y
    return loss


def window_step(in_rows, out_rows, contexts, outputs, labels, rate):
    """One block with context words that may repeat: all scores are from before; a repeated word
    takes one step after the other, and its second gradient for the outputs sees the first."""
    old = out_rows[outputs].copy()
    scores = in_rows[contexts] @ old.T
    gradient = rate * (labels - sigmoid(scores))
    for context, g in zip(contexts, gradient, strict=True):
        out_rows[outputs] += np.outer(g, in_rows[context])
        in_rows[context] = in_rows[context] + g @ old
    return -np.log(np.where(labels == 1, sigmoid(scores), sigmoid(-scores))).sum()


# ---- the classifier ----


def softmax_step(hidden, labels, target, rate):
    """(gradient of the hidden vector, new labels, loss) of one line, in float64."""
    scores = labels @ hidden
    p = np.exp(scores - scores.max())
    p /= p.sum()
    g = -rate * p
    g[target] += rate
    return g @ labels, labels + np.outer(g, hidden), -np.log(p[target])


def logistic_step(hidden, rows, targets, rate, limit):
    """The same for logistic units: rows float[n, dim] against targets of 0 and 1."""
    z = np.clip(rows @ hidden, -limit, limit)
    p = 1 / (1 + np.exp(-z))
    g = rate * (targets - p)
    loss = -np.log(np.where(targets == 1, p, 1 - p)).sum()
    return g @ rows, rows + np.outer(g, hidden), loss


def fnv(word: bytes) -> int:
    """fastText's hash: bytes from 128 on widened with their sign."""
    value = 2166136261
    for byte in word:
        value = (value ^ (byte if byte < 128 else byte | 0xFFFFFF00)) * 16777619 & 0xFFFFFFFF
    return value


def _as_signed(value: int) -> int:
    return value - (1 << 32) if value >> 31 else value


def character_buckets(word: bytes, min_n: int, max_n: int, bucket: int) -> list[int]:
    marked = b"<" + word + b">"
    begins = [i for i, byte in enumerate(marked) if byte & 0xC0 != 0x80] + [len(marked)]
    n_chars = len(begins) - 1
    return [
        fnv(marked[begins[i] : begins[i + n]]) % bucket
        for i in range(n_chars)
        for n in range(max(min_n, 1), max_n + 1)
        if i + n <= n_chars and not (n == 1 and i in (0, n_chars - 1))
    ]


def line_rows(tokens, words, labels, *, word_ngrams, bucket, min_n, max_n, prefix=b"__label__"):
    """(rows, label numbers) of one line's tokens, `</s>` included, by fastText's rules."""
    rows, gold, hashes = [], [], []
    for token in tokens:
        if token in labels or token.startswith(prefix):
            gold += [labels.index(token)] if token in labels else []
            continue
        hashes.append(_as_signed(fnv(token)))
        if token in words:
            rows.append(words.index(token))
        if token != b"</s>" and max_n > 0 and bucket:
            buckets = character_buckets(token, min_n, max_n, bucket)
            rows += [len(words) + b for b in buckets]
    for i in range(len(hashes) if bucket else 0):
        value = hashes[i] & M64
        for j in range(i + 1, min(len(hashes), i + word_ngrams)):
            value = (value * 116049371 + hashes[j]) & M64
            rows.append(len(words) + value % bucket)
    return rows, gold


# ---- GloVe's counts and shuffle ----


def pairs_within(sentences, window, symmetric, distance_weighting):
    """{(row, column): exact weight} of sentences of ids from 0; rows and columns are from 1."""
    scale = math.lcm(*range(1, window + 1)) if distance_weighting else 1
    counts: dict[tuple[int, int], int] = {}
    for sentence in sentences:
        for place, later in enumerate(sentence):
            for distance in range(1, min(window, place) + 1):
                earlier = sentence[place - distance]
                weight = scale // distance if distance_weighting else 1
                both = [(earlier + 1, later + 1), (later + 1, earlier + 1)]
                for pair in both if symmetric else both[:1]:
                    counts[pair] = counts.get(pair, 0) + weight
    return {pair: Fraction(counts[pair], scale) for pair in sorted(counts)}


def glibc_rand(seed: int) -> Iterator[int]:
    """glibc's rand() after srand(seed)."""
    r = [seed or 1]
    for _ in range(30):
        r.append(16807 * r[-1] % 2147483647)
    r += r[:3]
    while True:
        r.append((r[-3] + r[-31]) & 0xFFFFFFFF)
        if len(r) > 344:
            yield r[-1] >> 1


def glove_shuffle(items: list, array_size: int, seed: int) -> list:
    """Stanford's shuffle: chunks, then rounds of equally many of each."""
    rand = glibc_rand(seed)
    limit = (2147483647 + 2) * 2147483647

    def shuffle(some):
        for last in range(len(some) - 1, 0, -1):
            n = last + 1
            while True:
                draw = 2147483648 * next(rand) + next(rand)
                if draw < limit - limit % n:
                    break
            some[last], some[draw % n] = some[draw % n], some[last]
        return some

    n_chunks = len(items) // array_size + 1  # the last one may be empty
    chunks = [shuffle(items[k * array_size : (k + 1) * array_size]) for k in range(n_chunks)]
    n_each = max(array_size // n_chunks, 1)
    out: list = []
    while any(chunks):
        out += shuffle([item for chunk in chunks for item in chunk[:n_each]])
        chunks = [chunk[n_each:] for chunk in chunks]
    return out
