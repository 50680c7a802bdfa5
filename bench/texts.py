"""The text that is measured on: unpacked once, cut for slow rivals, its words counted."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from bench.measure import BenchError

CHUNK_BYTES = 1 << 20
OPENERS: dict[str, Callable[..., object]] = {".xz": lzma.open, ".gz": gzip.open, ".bz2": bz2.open}


def cache_folder() -> Path:
    """Where rivals and unpacked texts are kept: WORDVEC_BENCH_CACHE or ~/.cache/wordvec-bench."""
    named = os.environ.get("WORDVEC_BENCH_CACHE")
    folder = Path(named) if named else Path.home() / ".cache" / "wordvec-bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def shared_data(root: Path) -> Path:
    """The folder of corpora and judges beside the repository; WORDVEC_DATA overrides."""
    return Path(os.environ.get("WORDVEC_DATA") or root.parent / "shared" / "data")


def plain_text(corpus: Path, cache: Path) -> Path:
    """`corpus` itself, or its unpacked copy in `cache`: the rivals read plain text only."""
    if not corpus.is_file():
        raise BenchError(f"{corpus}: no such text; name one with --corpus FILE")
    opener = OPENERS.get(corpus.suffix)
    if opener is None:
        return corpus.resolve()
    state = corpus.stat()
    unpacked = cache / f"{corpus.stem}.{state.st_size}.{int(state.st_mtime)}.txt"
    if not unpacked.exists():
        half = unpacked.with_suffix(".half")
        with cast(BinaryIO, opener(corpus, "rb")) as source, half.open("wb") as target:
            shutil.copyfileobj(source, target, CHUNK_BYTES)
        half.rename(unpacked)
    return unpacked


def token_chunks(path: Path) -> Iterator[bytes]:
    """The file's bytes in chunks of about 1 MB that end between two tokens."""
    pending = b""
    with path.open("rb") as text:
        while chunk := text.read(CHUNK_BYTES):
            chunk = pending + chunk
            cut = max(chunk.rfind(b" "), chunk.rfind(b"\n"), chunk.rfind(b"\t")) + 1
            pending = chunk[cut:]
            yield chunk[:cut]
    if pending:
        yield pending


def count_tokens(path: Path) -> int:
    """Tokens between white space; line ends are not counted."""
    return sum(len(chunk.split()) for chunk in token_chunks(path))


def write_head(path: Path, target: Path, max_tokens: int) -> Path:
    """Write the first `max_tokens` tokens of `path` to `target`; fewer when the text is shorter."""
    left = max_tokens
    with target.open("wb") as head:
        for chunk in token_chunks(path):
            n_tokens = len(chunk.split())
            if n_tokens < left:
                head.write(chunk)
                left -= n_tokens
                continue
            ends = (found.end() for found in re.finditer(rb"\S+", chunk))
            end = next(end for i, end in enumerate(ends, start=1) if i == left)
            head.write(chunk[:end] + b"\n")
            break
    return target


def read_vocabulary(path: Path) -> dict[bytes, int]:
    """Word -> count of a vocabulary file in word2vec's form (`word count` a line)."""
    counts = {}
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        fields = line.split()
        if len(fields) != 2:
            raise BenchError(f"{path}: line {number}: expected `word count`, found {line!r}")
        counts[fields[0]] = int(fields[1])
    return counts


def count_train_words(path: Path, vocabulary: dict[bytes, int]) -> int:
    """What word2vec.c's meter counts in one epoch: words of the vocabulary plus line ends.

    Words that sub-sampling will drop are counted; words under the minimum count are not.
    """
    n_words = 0
    for chunk in token_chunks(path):
        n_words += sum(1 for token in chunk.split() if token in vocabulary)
        n_words += chunk.count(b"\n")
    return n_words
