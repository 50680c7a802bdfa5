"""Words and matrices that are hard on files of vectors."""

import numpy as np
from hypothesis import strategies as st

from wordvec.vectors import Vectors
from wordvec.words import WordList

WORDS = [
    "</s>",
    "the",
    "",
    "a b",
    "a\xa0b",
    "new\nline",
    "x\ty\r",
    "🙂",
    b"\xff\xfe bad".decode("utf-8", "surrogateescape"),
    "nul\0",
    "long" * 25_000,
    "the",
    "[UNK]",
]

# bytes that may be anything, so invalid UTF-8 as well
any_words = st.lists(
    st.binary(max_size=12).map(lambda raw: raw.decode("utf-8", "surrogateescape")), max_size=40
)


def vectors_of(words, dim=7, seed=0, counts=False, dtype=np.float32) -> Vectors:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(0, 1, (len(words), dim)).astype(dtype)
    known = rng.integers(0, 1 << 40, len(words)) if counts else None
    return Vectors(WordList.of(list(words)), matrix, known)


def bits(matrix: np.ndarray) -> bytes:
    return np.ascontiguousarray(matrix).tobytes()


def assert_same(found: Vectors, vectors: Vectors) -> None:
    """Equal words, equal bits of the rows, equal counts."""
    assert list(found.words) == list(vectors.words)
    assert found.matrix.shape == vectors.matrix.shape
    assert found.matrix.dtype == vectors.matrix.dtype
    assert bits(found.matrix) == bits(vectors.matrix)
    if vectors.counts is None:
        assert found.counts is None
    else:
        assert found.counts is not None
        assert found.counts.tolist() == vectors.counts.tolist()
