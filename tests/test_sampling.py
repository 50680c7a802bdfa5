"""Subsampling, noise words, Huffman paths and start vectors against their definitions."""

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st

from wordvec.kernels import sampling

COUNTS = np.array([50, 1000, 400, 400, 90, 7, 3, 1, 0], np.int64)

falling_counts = st.lists(st.integers(1, 10**9), min_size=2, max_size=60).map(
    lambda counts: np.array(sorted(counts, reverse=True), np.int64)
)


def test_keep_thresholds():
    for sample in (1e-1, 1e-3, 1e-5):
        found = sampling.keep_thresholds(COUNTS, sample, float(COUNTS.sum()))
        assert found.tolist() == reference.keep_thresholds(COUNTS, sample, COUNTS.sum())
    assert sampling.keep_thresholds(COUNTS, 1e-5, 1e3)[1] < 2**31


@given(st.lists(st.floats(0, 1e12), min_size=1, max_size=50))
def test_alias_table_stands_for_the_weights(weights):
    weights = np.array(weights)
    if weights.sum() < 1e-200:
        with pytest.raises(ValueError, match="no usable weight"):
            sampling.alias_table(np.zeros(len(weights)))
        return
    shares = reference.alias_shares(sampling.alias_table(weights))
    np.testing.assert_allclose(shares, weights / weights.sum(), atol=1e-8)


def test_draws_follow_the_weights():
    weights = sampling.noise_weights(COUNTS, 0.75)
    np.testing.assert_allclose(weights, np.where(COUNTS > 0, COUNTS**0.75, 0))
    n = 200_000
    drawn = np.bincount(sampling.draw(sampling.alias_table(weights), 5, n), minlength=len(COUNTS))
    expected = n * weights / weights.sum()
    assert drawn[-1] == 0  # never a word of weight 0
    chi_square = ((drawn - expected)[:-1] ** 2 / expected[:-1]).sum()
    assert chi_square < 30  # 7 degrees of freedom: beyond 30 once in 10,000 seeds
    again = sampling.draw(sampling.alias_table(weights), 5, 100)
    assert (again == sampling.draw(sampling.alias_table(weights), 5, 100)).all()


def test_negative_weights_are_refused():
    with pytest.raises(ValueError, match="weight of word 1 is -2"):
        sampling.alias_table(np.array([1.0, -2.0]))


@given(falling_counts)
def test_huffman_paths_are_an_optimal_prefix_code(counts):
    starts, nodes, codes = sampling.huffman_paths(counts)
    n = len(counts)
    lengths = np.diff(starts)
    assert int((lengths * counts).sum()) == reference.huffman_cost(counts)
    assert sum(2.0 ** -float(length) for length in lengths) == pytest.approx(1)
    paths = {bytes(codes[starts[w] : starts[w + 1]]) for w in range(n)}
    assert len(paths) == n
    assert all(nodes[starts[w]] == n - 2 for w in range(n))  # from the root down
    assert set(nodes) == set(range(n - 1))


def test_huffman_ties_as_in_word2vec():
    """Worked by hand from the fact: a leaf only when strictly smaller than the inner node."""
    starts, nodes, codes = sampling.huffman_paths(np.array([4, 2, 1, 1], np.int64))
    paths = [
        list(zip(nodes[starts[w] : starts[w + 1]], codes[starts[w] : starts[w + 1]], strict=True))
        for w in range(4)
    ]
    assert paths == [[(2, 1)], [(2, 0), (1, 1)], [(2, 0), (1, 0), (0, 1)], [(2, 0), (1, 0), (0, 0)]]


def test_huffman_deeper_than_the_original_allows():
    """word2vec.c overflows its buffers beyond 40 levels."""
    fibonacci = [1, 1]
    while len(fibonacci) < 80:
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    starts, _, _ = sampling.huffman_paths(np.array(fibonacci[::-1], np.int64))
    assert np.diff(starts).max() == 79


@pytest.mark.parametrize("n", [0, 1])
def test_huffman_of_no_choice(n):
    starts, nodes, codes = sampling.huffman_paths(np.ones(n, np.int64))
    assert (starts == 0).all() and len(nodes) == len(codes) == 0


def test_original_start_vectors():
    rows = np.zeros((3, 5), np.float32)
    sampling.start_rows(rows, 1, True)
    np.testing.assert_array_equal(rows, reference.original_start(3, 5))
    shown = " ".join(f"{x:f}" for x in rows[0])
    assert shown == "0.080054 0.088388 -0.076605 -0.065561 0.027332"  # word2vec -size 5


def test_start_vectors_do_not_repeat():
    rows = np.zeros((70_000, 4), np.float32)
    sampling.start_rows(rows, 1, False)
    assert np.abs(rows).max() <= 0.125 and abs(rows.mean()) < 1e-3
    assert rows.std() == pytest.approx(0.25 / np.sqrt(12), rel=0.01)
    assert len(np.unique(rows, axis=0)) == len(rows)
    other = np.zeros((10, 4), np.float32)
    sampling.start_rows(other, 2, False)
    assert not np.isin(other, rows[:10]).any()
    few = np.zeros((10, 4), np.float32)
    sampling.start_rows(few, 1, False)
    np.testing.assert_array_equal(few, rows[:10])  # a row does not depend on how many there are
