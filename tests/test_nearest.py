"""The nearest rows: every scan and instruction set beside a brute force in float64."""

import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordvec import nearest, plane
from wordvec.kernels import simd, topk
from wordvec.nearest import nearest_rows
from wordvec.plane import Plane, pack_plane, row_norms

METHODS = ["rows", "columns", "plane"]
LEVELS = [(name, True) for name in simd.available()]
if "avx512" in simd.available():
    LEVELS.append(("avx512", False))  # AVX-512 of CPUs without VNNI


@pytest.fixture(params=LEVELS, ids=lambda item: item[0] + ("" if item[1] else "-no-vnni"))
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    before = simd.active()
    simd.use(*request.param)
    yield request.param[0]
    simd.use(before)


def exact_products(a: Any, b: Any) -> Any:
    """Scalar products of rows in float64, with the kernel's order of additions."""
    dim = a.shape[-1]
    products = a.astype(np.float64) * b.astype(np.float64)
    products = np.concatenate([products, np.zeros((len(products), -dim % 8))], axis=1)
    sums = np.zeros((len(products), 8))
    for k in range(0, products.shape[1], 8):
        sums = sums + products[:, k : k + 8]
    s = sums.T
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))


def brute_force(
    matrix: Any, directions: Any, n: int, excluded: Any = None, first: int = 0, last: Any = None
) -> tuple[Any, Any]:
    rows = np.full((len(directions), n), -1)
    cosines = np.full((len(directions), n), np.nan, np.float32)
    matrix = matrix.astype(np.float32)
    for number, direction in enumerate(directions):
        with np.errstate(all="ignore"):
            scores = exact_products(matrix, direction[None]) / np.sqrt(
                exact_products(matrix, matrix)
            )
            scores /= np.sqrt(exact_products(direction[None], direction[None]))
        scores[~np.isfinite(scores)] = -np.inf
        scores[list(excluded[number]) if excluded else []] = -np.inf
        scores[:first] = -np.inf
        scores[len(matrix) if last is None else last :] = -np.inf
        order = np.argsort(-scores, kind="stable")[:n]
        order = order[scores[order] > -np.inf]
        rows[number, : len(order)] = order
        cosines[number, : len(order)] = scores[order]
    return rows, cosines


def search(method: str, monkeypatch: Any, matrix: Any, *args: Any, **options: Any) -> Any:
    """nearest_rows by one method."""
    norms = row_norms(matrix)
    monkeypatch.setattr(nearest, "method_for", lambda n_queries: method)
    if method == "plane" and matrix.shape[1]:
        options["plane"] = pack_plane(matrix, norms)
    return nearest_rows(matrix, norms, *args, **options)


def same(found: Any, expected: Any) -> None:
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


def random_rows(n: int, dim: int, seed: int = 1) -> Any:
    return np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dim", [1, 2, 3, 4, 7, 8, 15, 16, 17, 33, 64, 300])
def test_dimensions(level: str, method: str, dim: int, monkeypatch: Any) -> None:
    matrix, directions = random_rows(193, dim), random_rows(9, dim, 2)
    found = search(method, monkeypatch, matrix, directions, 5)
    assert dim < 2 or len(np.unique(found[0])) > 9
    same(found, brute_force(matrix, directions, 5))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n_rows", [1, 15, 16, 17, 63, 64, 65, 130, 700])
@pytest.mark.parametrize("n_queries", [1, 2, 5, 6, 7, 13, 70])
def test_counts(level: str, method: str, n_rows: int, n_queries: int, monkeypatch: Any) -> None:
    matrix, directions = random_rows(n_rows, 20), random_rows(n_queries, 20, 3)
    for k in (1, 3, n_rows, n_rows + 2):
        same(search(method, monkeypatch, matrix, directions, k), brute_force(matrix, directions, k))


@pytest.mark.parametrize("method", METHODS)
def test_many_dimensions(level: str, method: str, monkeypatch: Any) -> None:
    matrix, directions = random_rows(150, 2000), random_rows(7, 2000, 2)
    same(search(method, monkeypatch, matrix, directions, 4), brute_force(matrix, directions, 4))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n_queries", [1, 4, 40])
def test_awkward_rows(level: str, method: str, n_queries: int, monkeypatch: Any) -> None:
    """Duplicates, multiples, near ties, rows without direction, extreme lengths."""
    rng = np.random.default_rng(4)
    matrix = random_rows(400, 30)
    directions = random_rows(n_queries, 30, 5)
    matrix[100:160] = matrix[50]  # ties, to be ordered by row
    matrix[160:180] = matrix[50] * rng.uniform(0.1, 9, (20, 1)).astype(np.float32)
    matrix[180:220] = matrix[51] * (1 + 1e-7 * rng.normal(size=(40, 30))).astype(np.float32)
    matrix[220:240] = directions[0]
    matrix[240:260] = np.nextafter(directions[0], np.float32(9))
    matrix[260:270] = 0
    matrix[270, 3], matrix[271, 29], matrix[272, 0] = np.nan, np.inf, -np.inf
    for row, size in enumerate([1e-44, 1e-38, 1e-30, 1e-15, 1e15, 1e30, 1e37], 300):
        matrix[row] = directions[0] * np.float32(size)
    matrix[310] = np.float32(3e38) * np.sign(directions[0])  # its length is no float32
    directions[-1] = matrix[50]
    with np.errstate(over="ignore"):
        norms = row_norms(matrix)
    assert norms[300] > 0 and np.isinf(norms[310]) and norms[260] == 0 and np.isnan(norms[270])
    for k in (1, 10, 100, 500):
        expected = brute_force(matrix, directions, k)
        same(search(method, monkeypatch, matrix, directions, k), expected)
    assert 310 in expected[0] and not {260, 270, 271, 272} & set(expected[0].flat)


@pytest.mark.parametrize("method", METHODS)
def test_ranges_and_exclusions(level: str, method: str, monkeypatch: Any) -> None:
    matrix, directions = random_rows(300, 12), random_rows(8, 12, 2)
    excluded = [[7, 3, 250, 3], [], [299], list(range(300)), [0], [1, 2], [-1, 900], range(100)]
    for first, last in [(0, 300), (5, 290), (64, 128), (65, 66), (100, 100), (120, 50), (128, 900)]:
        options: dict[str, Any] = {"excluded": excluded, "first": first, "last": last}
        found = search(method, monkeypatch, matrix, directions, 6, **options)
        options["excluded"] = [[row for row in rows if 0 <= row < 300] for rows in excluded]
        same(found, brute_force(matrix, directions, 6, **options))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dim", [1, 5, 16, 50])
def test_half_precision(level: str, method: str, dim: int, monkeypatch: Any) -> None:
    matrix = random_rows(200, dim).astype(np.float16)
    matrix[7] = np.float16(6e-8)  # subnormal
    matrix[8] = 65504
    matrix[9], matrix[10, 0], matrix[11, 0] = 0, np.inf, np.nan
    directions = random_rows(14, dim, 2)
    same(search(method, monkeypatch, matrix, directions, 9), brute_force(matrix, directions, 9))


def test_every_half(level: str) -> None:
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)[:, None]
    expected = np.abs(halves.astype(np.float32)[:, 0])
    np.testing.assert_array_equal(row_norms(halves), np.where(np.isnan(expected), np.nan, expected))


def test_layouts_of_memory(monkeypatch: Any) -> None:
    base = random_rows(200, 40)
    directions = random_rows(20, 40, 2)[:, 3:23]
    odd = np.frombuffer(b"x" + base[:, :20].tobytes(), np.uint8)[1:].view(np.float32)
    for matrix in (
        base[:, 3:23], base[::2, 3:23], base[::-1, 3:23], np.asfortranarray(base[:, :20]),
        odd.reshape(200, 20),
    ):  # fmt: skip
        expected = brute_force(matrix, directions, 5)
        for method in METHODS:
            same(search(method, monkeypatch, matrix, directions, 5), expected)


@pytest.mark.parametrize("method", METHODS)
def test_threads_and_passes_change_nothing(method: str, monkeypatch: Any) -> None:
    matrix, directions = random_rows(3000, 24), random_rows(50, 24, 2)
    matrix[1500:] = matrix[:1500]
    directions[7], directions[20] = 0, np.nan
    expected = brute_force(matrix, directions, 7)
    monkeypatch.setattr(nearest, "_PIECE_PRODUCTS", 1 << 14)
    monkeypatch.setattr(nearest, "_MOST_QUERIES", 11)
    for n_threads in (1, 2, 7, None):
        same(search(method, monkeypatch, matrix, directions, 7, n_threads=n_threads), expected)
    assert (expected[0][[7, 20]] == -1).all() and np.isnan(expected[1][7]).all()


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.integers(1, 150), st.integers(1, 40), st.integers(1, 15),
    st.integers(1, 20), st.sampled_from([2, 3, 5, 1000]), st.integers(-20, 20),
)  # fmt: skip
def test_any_matrix(
    seed: int, n_rows: int, dim: int, n_queries: int, k: int, n_values: int, power: int
) -> None:
    """Few different values: many ties and near ties; every scan gives the same list."""
    rng = np.random.default_rng(seed)
    matrix = rng.integers(-n_values, n_values + 1, (n_rows, dim)).astype(np.float32)
    matrix *= np.float32(2.0) ** (power * rng.integers(-5, 6, (n_rows, 1))).astype(np.float32)
    directions = rng.integers(-n_values, n_values + 1, (n_queries, dim)).astype(np.float32)
    expected = brute_force(matrix, directions, k)
    with pytest.MonkeyPatch.context() as patch:
        for method in METHODS:
            same(search(method, patch, matrix, directions, k), expected)


def test_plane_bounds(level: str) -> None:
    """What the codes miss is no longer than the stored error, and not much shorter."""
    matrix = random_rows(130, 37)
    matrix[5], matrix[6] = 0, 1e-40
    packed = pack_plane(matrix, row_norms(matrix))
    codes = packed.codes.reshape(-1, 10, 16, 4).transpose(0, 2, 1, 3).reshape(-1, 40)[:130, :37]
    approximate = (codes.astype(np.float64) - 128) * packed.scales[:130, None]
    exact = matrix.astype(np.float64)
    exact /= np.maximum(np.sqrt((exact**2).sum(axis=1, keepdims=True)), 1e-300)
    missed = np.sqrt(((exact - approximate) ** 2).sum(axis=1))
    usual = np.r_[0:5, 7:130]
    assert (missed[usual] <= packed.errors[usual]).all()
    assert (packed.errors[usual] < 1.001 * missed[usual] + 1e-6).all() and missed[
        usual
    ].max() < 0.02
    assert np.isneginf(packed.errors[[5, 6]]).all() and np.isneginf(packed.errors[130:]).all()


def test_plane_is_the_same_everywhere() -> None:
    matrix = random_rows(1000, 21)
    norms = row_norms(matrix)
    before = simd.active()
    expected = pack_plane(matrix, norms)
    assert expected.n_bytes == 1024 * (24 + 8)
    try:
        for name, vnni in LEVELS:
            simd.use(name, vnni)
            packed = pack_plane(matrix, norms, n_threads=3)
            np.testing.assert_array_equal(packed.codes, expected.codes)
            np.testing.assert_array_equal(packed.scales, expected.scales)
            np.testing.assert_allclose(packed.errors, expected.errors, rtol=1e-4)
    finally:
        simd.use(before)
    again = Plane.from_arrays(1000, 21, expected.codes, expected.scales, expected.errors)
    directions = random_rows(4, 21, 2)
    same(
        nearest_rows(matrix, norms, directions, 3, plane=again), brute_force(matrix, directions, 3)
    )


def test_refusals() -> None:
    matrix = random_rows(10, 4)
    norms = row_norms(matrix)
    with pytest.raises(ValueError, match=r"float32\[n, 4\], found shape \(2, 5\)"):
        nearest_rows(matrix, norms, random_rows(2, 5), 3)
    with pytest.raises(ValueError, match="1 lists of excluded rows for 2 directions"):
        nearest_rows(matrix, norms, random_rows(2, 4), 3, excluded=[[1]])
    with pytest.raises(ValueError, match="9 lengths for 10 rows"):
        nearest_rows(matrix, norms[:9], random_rows(2, 4), 3)
    with pytest.raises(TypeError, match="float64"):
        nearest_rows(matrix.astype(np.float64), norms, random_rows(2, 4), 3)
    packed = pack_plane(matrix, norms)
    with pytest.raises(ValueError, match="plane of these rows"):
        nearest_rows(matrix[:5], norms[:5], random_rows(2, 4), 3, plane=packed)
    with pytest.raises(ValueError, match="expected 512 codes, 64 scales and errors"):
        Plane.from_arrays(10, 5, packed.codes[:-1], packed.scales, packed.errors)


def test_nothing_to_find() -> None:
    for n_rows, dim, n_queries, n in [(0, 4, 2, 3), (5, 0, 2, 3), (5, 4, 0, 3), (5, 4, 2, 0)]:
        matrix = random_rows(n_rows, dim)
        norms = row_norms(matrix)
        packed = pack_plane(matrix, norms)
        for given_plane in (None, packed):
            rows, cosines = nearest_rows(
                matrix, norms, random_rows(n_queries, dim, 2), n, plane=given_plane
            )
            assert rows.shape == cosines.shape == (n_queries, n)
            assert (rows == -1).all() and np.isnan(cosines).all()


def test_interrupt_comes_between_pieces() -> None:
    """Ctrl-C in a search of many seconds is answered within a fraction of one."""
    matrix, directions = random_rows(60_000, 500), random_rows(2000, 500, 2)
    matrix = np.concatenate([matrix] * 10)
    norms = row_norms(matrix)
    main = threading.get_ident()
    sent = []

    def interrupt() -> None:
        sent.append(time.perf_counter())
        signal.pthread_kill(main, signal.SIGINT)

    timer = threading.Timer(0.3, interrupt)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        nearest_rows(matrix, norms, directions, 10, n_threads=1)
    assert time.perf_counter() - sent[0] < 1.0


def test_pieces() -> None:
    done: list[tuple[int, int]] = []
    plane.over_pieces(lambda first, last: done.append((first, last)), 10, 4, 3)
    assert sorted(done) == [(0, 4), (4, 8), (8, 10)]
    assert plane.piece_rows(5) == topk.BLOCK_ROWS and plane.piece_rows(200) == 192
