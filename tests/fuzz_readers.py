"""Damage files of every format and read them: only Vectors or FormatError may come out.

    python tests/fuzz_readers.py [SECONDS per format] [FORMAT ...]

Plain mutation (bits, bytes, cut, doubled, joined pieces) of files that the formats themselves
write; with atheris installed and `--atheris FORMAT`, coverage-guided.  A file that fails is kept
in the current folder as fuzz-FORMAT-SEED.  New formats are covered as soon as FORMATS has them.
"""

from __future__ import annotations

import os
import random
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import fasttext_bytes as book
import numpy as np

from wordvec.errors import FormatError, OptionError
from wordvec.formats import FORMATS, format_named, load, save
from wordvec.vectors import Vectors

MAX_SECONDS = 10.0  # for one small file
MEMORY_BYTES = 8 << 30  # of address space: what a few kB must never ask for
SNIPPETS = [b"", b"0", b"-1", b"\n", b" ", b"\0", b"\xff" * 8, b"nan", b"inf", b"1e999", b"1 1\n",
            b"9" * 20, b"18446744073709551616", b"2147483648",
            b'{"', b"}", b"[", b"\xf0\x9f"]  # fmt: skip


def samples(name: str, folder: Path) -> list[bytes]:
    """Files of a format, small and sound."""
    found = []
    rng = np.random.default_rng(0)
    for words, dim in [(["a"], 1), (["the", "</s>", "größe", "🙂"], 3), (list("abcdefghij"), 17)]:
        matrix = rng.normal(0, 0.3, (len(words), dim)).astype(np.float32)
        path = folder / f"sample-{dim}"
        try:
            save(Vectors(words, matrix), path, format=name)
            found.append(path.read_bytes())
        except (OptionError, NotImplementedError, ImportError, AttributeError, IsADirectoryError):
            continue  # a format that is only read here, or needs an extra
    if name == "fasttext-bin":  # pruned and quantised ones, which no vectors make
        found += [book.quantised()[2], book.quantised(qout=True, dsub=1)[2], book.classifier()[2]]
    return found


def mutate(data: bytes, rng: random.Random) -> bytes:
    """`data` with a few damages."""
    content = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 8))):
        place = rng.randrange(len(content) + 1)
        if rng.random() < 0.5:
            place = min(place, rng.randrange(80))  # headers
        kind = rng.randrange(7)
        if kind == 0 and content:
            content[min(place, len(content) - 1)] ^= 1 << rng.randrange(8)
        elif kind == 1 and content:
            content[min(place, len(content) - 1)] = rng.randrange(256)
        elif kind == 2:
            del content[place:]
        elif kind == 3:
            del content[place : place + rng.randrange(1, 20)]
        elif kind == 4:
            content[place:place] = rng.choice(SNIPPETS)
        elif kind == 5:
            content[place : place + 8] = rng.choice(SNIPPETS)
        else:
            start = rng.randrange(len(content) + 1)
            content[place:place] = content[start : start + rng.randrange(40)]
    return bytes(content)


def try_one(path: Path, content: bytes, options: dict[str, Any]) -> bool:
    """Whether the file was read; anything but FormatError goes through."""
    path.write_bytes(content)
    start = time.monotonic()
    try:
        vectors = load(path, **options)
    except FormatError as error:
        assert "\n" not in str(error), "a message of several lines"
        return False
    finally:
        assert time.monotonic() - start < MAX_SECONDS, "too slow"
    assert len(vectors.words) == len(vectors.matrix)
    if len(vectors):  # what is read lazily
        list(vectors.words)
        vectors.words.find("a")
        np.asarray(vectors.matrix).sum(dtype=np.float64)
    return True


def fuzz(name: str, seconds: float, seed: int = 0) -> tuple[int, int]:
    """(files tried, files that were read all the same)."""
    rng = random.Random(seed)
    n_tried = n_read = 0
    with tempfile.TemporaryDirectory() as folder:
        contents = samples(name, Path(folder))
        path = Path(folder) / "file"
        deadline = time.monotonic() + seconds
        while contents and time.monotonic() < deadline:
            content = mutate(rng.choice(contents), rng)
            options = rng.choice(
                [{}, {"format": name}, {"format": name, "mmap": False}, {"limit": 2},
                 {"format": name, "words": ["a", "the"]}, {"format": name, "dtype": "float16"}]
            )  # fmt: skip
            try:
                n_read += try_one(path, content, options)
            except Exception as error:
                kept = Path(f"fuzz-{name}-{seed}-{n_tried}")
                kept.write_bytes(content)
                raise AssertionError(f"{name}: {kept} read with {options}") from error
            n_tried += 1
    return n_tried, n_read


def guided(name: str) -> None:
    """Coverage-guided, until interrupted or -max_total_time (atheris' own flags) is over."""
    import atheris  # type: ignore[import-not-found]

    path = Path(tempfile.mkdtemp()) / "file"

    def one_input(content: bytes) -> None:
        try_one(path, content, {"format": name})

    atheris.instrument_all()
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


def main() -> None:
    arguments = sys.argv[1:]
    if arguments[:1] == ["--atheris"]:
        name = format_named(arguments[1]).NAME
        sys.argv[1:] = arguments[2:]
        guided(name)
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    seconds = float(arguments[0]) if arguments else 10.0
    names = arguments[1:] or [vector_format.NAME for vector_format in FORMATS]
    for name in names:
        n_tried, n_read = fuzz(name, seconds, seed=int.from_bytes(os.urandom(4)))
        print(f"{name}: {n_tried} files, {n_read} of them read, nothing found", flush=True)


if __name__ == "__main__":
    main()
