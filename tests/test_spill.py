"""Ids that move to disk and come back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordvec.corpus import read_corpus
from wordvec.spill import IdPieces, MemoryShare, TemporaryFile, fresh_ids


@given(
    st.lists(st.integers(0, 40), max_size=40),
    st.sampled_from([0, 100, 300, 10**6]),
    st.sampled_from([1, 16, 100]),
)
def test_blocks_come_back_in_order(sizes: list[int], limit: int, piece_ids: int) -> None:
    share = MemoryShare(limit)
    workers = [IdPieces(share, piece_ids) for _ in range(2)]
    data = [np.arange(size, dtype=np.int32) + 1000 * k for k, size in enumerate(sizes)]
    kept = []
    for number, ids in enumerate(data):
        pieces = workers[number % 3 % 2]
        kept.append((pieces, pieces.append(ids, number, 0, False)))
    if limit == 0 and sum(sizes) > 300:
        assert any(block.piece.ids is None for _, block in kept), "nothing went to disk"
    if limit == 10**6:
        assert all(block.piece.ids is not None for _, block in kept)
    for (pieces, block), ids in zip(kept, data, strict=True):
        assert np.array_equal(pieces.take(block), ids)
    assert share.used == 0
    for pieces in workers:
        pieces.close()


def test_a_corpus_of_several_pieces_on_disk() -> None:
    rng = np.random.default_rng(7)
    rows = rng.integers(0, 500, (30_000, 100))
    in_memory = read_corpus(rows)
    on_disk = read_corpus(rows, memory=1 << 20)
    assert len(in_memory.ids) == 3_000_000
    assert not on_disk.ids.flags.writeable and in_memory.ids.flags.writeable
    assert np.array_equal(in_memory.ids, on_disk.ids)
    assert np.array_equal(in_memory.starts, on_disk.starts)
    words = np.array([int(word) for word in in_memory.vocab.words])
    assert np.array_equal(words[in_memory.ids], rows.ravel())


def test_fresh_memory_and_files() -> None:
    ids = fresh_ids(5)
    assert ids.tolist() == [0] * 5 and ids.flags.writeable
    assert len(fresh_ids(0)) == 0
    file = TemporaryFile()
    assert len(file.map_int32()) == 0
    assert file.append(np.arange(3, dtype=np.int64)) == 0
    assert file.append(b"12345678") == 24
    mapped = file.map_int64()
    file.close()
    assert mapped[:3].tolist() == [0, 1, 2] and not mapped.flags.writeable
    with pytest.raises(ValueError, match="closed"):
        file.append(b"x")
