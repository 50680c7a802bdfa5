"""The approximate index: recall, files, refusals.  Needs usearch (the extra `ann`)."""

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wordvec.ann import ApproximateIndex
from wordvec.errors import FormatError, WordvecError
from wordvec.vectors import Vectors

N_WORDS, DIM = 3000, 24


@pytest.fixture
def vectors() -> Vectors:
    rows = np.random.default_rng(3).normal(size=(N_WORDS, DIM)).astype(np.float32) * 3
    rows[5], rows[6, 0] = 0, np.nan
    return Vectors([f"w{k}" for k in range(N_WORDS)], rows)


def recall(index: ApproximateIndex, vectors: Vectors) -> float:
    directions = np.random.default_rng(8).normal(size=(200, DIM)).astype(np.float32)
    found, cosines = index.nearest(directions, 10)
    exact, exact_cosines = vectors.nearest(directions, 10)
    hits = [len(set(a) & set(b)) for a, b in zip(found.tolist(), exact.tolist(), strict=True)]
    assert (np.diff(cosines, axis=1) <= 1e-6).all() and np.abs(cosines - exact_cosines).max() < 0.5
    return sum(hits) / exact.size


def test_recall_and_files(vectors: Vectors, tmp_path: Path) -> None:
    pytest.importorskip("usearch")
    index = ApproximateIndex.build(vectors)
    assert len(index) == N_WORDS - 2 and recall(index, vectors) > 0.9
    path = tmp_path / "vectors.ann"
    index.save(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["vectors.ann"]
    for mmap in (True, False):
        again = ApproximateIndex.load(path, vectors, mmap=mmap)
        assert recall(again, vectors) > 0.9
    assert [w for w, _ in again.similar("w9", 3)] == [w for w, _ in vectors.similar("w9", 3)]
    assert again.similar(np.zeros(DIM, np.float32)) == []
    with pytest.raises(ValueError, match=r"float32\[n, 24\]"):
        again.nearest(np.zeros((2, 3), np.float32), 3)


def test_refusals(vectors: Vectors, tmp_path: Path) -> None:
    pytest.importorskip("usearch")
    path = tmp_path / "vectors.ann"
    ApproximateIndex.build(vectors).save(path)
    words = vectors.words
    for other, message in [
        (Vectors(words, vectors.matrix[:, :20]), "20 dimensions, found 24"),
        (Vectors(words[:99], vectors.matrix[:99]), "97 rows, found 2998"),
        (Vectors(words, vectors.matrix[::-1]), "the index of these vectors"),
    ]:
        with pytest.raises(FormatError, match=message):
            ApproximateIndex.load(path, other)
    with pytest.raises(FileNotFoundError):
        ApproximateIndex.load(tmp_path / "none", vectors)
    (tmp_path / "text").write_bytes(b"no index " * 99)
    (tmp_path / "empty").write_bytes(b"")
    for name in ("text", "empty"):
        with pytest.raises(FormatError, match="usearch index"):
            ApproximateIndex.load(tmp_path / name, vectors)
    with pytest.raises(OSError, match="none"):
        ApproximateIndex.build(vectors).save(tmp_path / "none" / "file")


def test_without_the_library(vectors: Vectors, monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def refuse(name: str, *args: Any, **options: Any) -> Any:
        if name.startswith("usearch"):
            raise ImportError(name)
        return original(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(WordvecError, match=r"pip install 'wordvec\[ann\]'"):
        ApproximateIndex.build(vectors)
