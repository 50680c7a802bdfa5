"""fastText model files made by hand, from the layout alone, and what is in them by the book."""

import struct

import numpy as np

WORDS = ["</s>", "the", "été", "of"]
LABELS = ["__label__a", "__label__b"]
BUCKET = 50


def head(dim=3, loss=3, kind=3, bucket=BUCKET, min_n=2, max_n=3, version=12, t=1e-4, word_ngrams=2):
    return struct.pack(
        "<2i12id", 793712314, version, dim, 5, 7, 1, 5, word_ngrams, loss, kind, bucket, min_n,
        max_n, 100, t,
    )  # fmt: skip


def dictionary(words=WORDS, labels=LABELS, pruned=None, n_tokens=99):
    n_pruned = -1 if pruned is None else len(pruned)
    out = struct.pack(
        "<3i2q", len(words) + len(labels), len(words), len(labels), n_tokens, n_pruned
    )
    for kind, names in enumerate((words, labels)):
        for number, name in enumerate(names):
            out += name.encode() + b"\0" + struct.pack("<qb", 10 - number, kind)
    for pair in pruned or []:
        out += struct.pack("<2i", *pair)
    return out


def matrix(n_rows, dim, seed):
    """float32[n_rows, dim] and its bytes in a file."""
    rows = np.random.default_rng(seed).normal(size=(n_rows, dim)).astype(np.float32)
    return rows, struct.pack("<2q", n_rows, dim) + rows.tobytes()


def coded(n_rows, dim, dsub, seed, qnorm=False):
    """(rows decoded by the book, bytes in a file)."""
    rng = np.random.default_rng(seed)
    n_parts, last = -(-dim // dsub), dim % dsub or dsub
    codes = rng.integers(0, 256, (n_rows, n_parts)).astype(np.uint8)
    centroids = rng.normal(size=dim * 256).astype(np.float32)
    rows = np.zeros((n_rows, dim), np.float32)
    for row in range(n_rows):
        for part in range(n_parts):
            width = last if part == n_parts - 1 else dsub
            start = part * 256 * dsub + int(codes[row, part]) * width
            rows[row, part * dsub : part * dsub + width] = centroids[start : start + width]
    out = struct.pack("<B2qi", qnorm, n_rows, dim, codes.size) + codes.tobytes()
    out += struct.pack("<4i", dim, n_parts, dsub, last) + centroids.tobytes()
    if qnorm:
        norm_codes = rng.integers(0, 256, n_rows).astype(np.uint8)
        norms = rng.uniform(1, 2, 256).astype(np.float32)
        rows *= norms[norm_codes][:, None]
        out += norm_codes.tobytes() + struct.pack("<4i", 1, 1, 1, 1) + norms.tobytes()
    return rows, out


def classifier(**changes):
    """(input rows, output rows, bytes) of a dense classifier."""
    rows, rows_bytes = matrix(len(WORDS) + BUCKET, 3, 1)
    output, output_bytes = matrix(len(LABELS), 3, 2)
    return (
        rows, output,
        head(**changes) + dictionary() + b"\0" + rows_bytes + b"\0" + output_bytes,
    )  # fmt: skip


def word_model(loss=2, kind=2):
    """(input rows, output rows, bytes) of a skip-gram model; its matrices lie at odd offsets."""
    rows, rows_bytes = matrix(len(WORDS) + BUCKET, 3, 1)
    output, output_bytes = matrix(len(WORDS), 3, 2)
    start = head(loss=loss, kind=kind, word_ngrams=1) + dictionary(labels=[])
    return rows, output, start + b"\0" + rows_bytes + b"\0" + output_bytes


def quantised(pruned=((7, 1), (3, 0), (11, 2)), dsub=2, qnorm=True, qout=False):
    """(input rows, output rows, bytes) of a quantised, pruned classifier."""
    n_kept = BUCKET if pruned is None else len(pruned)
    rows, rows_bytes = coded(len(WORDS) + n_kept, 3, dsub, 3, qnorm)
    output, output_bytes = coded(2, 3, 2, 4, qnorm) if qout else matrix(2, 3, 2)
    flag = b"\1" if qout else b"\0"
    start = head() + dictionary(pruned=pruned)
    return rows, output, start + b"\1" + rows_bytes + flag + output_bytes


def fnv(data):
    """fastText's hash: FNV-1a whose bytes are signed."""
    value = 2166136261
    for byte in data:
        value = (value ^ (byte | (0xFFFFFF00 if byte >= 128 else 0))) * 16777619 & 0xFFFFFFFF
    return value


def row_ids(word, words=WORDS, pruned=None, min_n=2, max_n=3, bucket=BUCKET):
    """Input rows of a word by the book."""
    own = [words.index(word)] if word in words else []
    if word == "</s>":
        return own
    marked = f"<{word}>"
    numbers = []
    for start in range(len(marked)):
        for n in range(1, max_n + 1):
            is_edge = n == 1 and start in (0, len(marked) - 1)
            if start + n <= len(marked) and n >= min_n and not is_edge:
                numbers.append(fnv(marked[start : start + n].encode()) % bucket)
    if pruned is not None:
        kept = dict(pruned)
        numbers = [kept[number] for number in numbers if number in kept]
    return own + [len(words) + number for number in numbers]


def mean(rows, ids):
    """Sum in order, then times 1 / n, all in float32."""
    total = np.zeros(rows.shape[1], np.float32)
    for number in ids:
        total += rows[number]
    return total * np.float32(1 / len(ids)) if len(ids) else total
