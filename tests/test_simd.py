"""Every instruction set of this machine against NumPy, at awkward lengths."""

import os
import subprocess
import sys

import numpy as np
import pytest

from wordvec.kernels import simd

LENGTHS = [0, 1, 3, 4, 7, 8, 15, 16, 17, 33, 100, 300]


def vectors(n, seed):
    values = np.random.default_rng(seed).normal(size=n).astype(np.float32)
    assert n < 2 or values.std() > 0
    return values


@pytest.mark.parametrize("n", LENGTHS)
def test_dot(level, n):
    a, b = vectors(n, 1), vectors(n, 2)
    assert simd.dot(a, b) == pytest.approx(float(a.astype(float) @ b.astype(float)), abs=1e-4)


@pytest.mark.parametrize("n", LENGTHS)
def test_axpy(level, n):
    x, y = vectors(n, 1), vectors(n, 2)
    expected = y + np.float32(0.37) * x
    simd.axpy(0.37, x, y)
    np.testing.assert_allclose(y, expected, atol=1e-6)


@pytest.mark.parametrize("n", LENGTHS)
def test_sigmoid(level, n):
    x = 6 * vectors(n, 3)
    out = np.full(n, np.nan, np.float32)
    simd.sigmoid(x, out)
    np.testing.assert_allclose(out, 1 / (1 + np.exp(-np.clip(x, -8, 8))), rtol=1e-5)


def test_sigmoid_at_the_edges(level):
    x = np.array([0, 8, 9, 1e30, np.inf, -8, -1e30, -np.inf, np.nan], np.float32)
    out = np.empty_like(x)
    simd.sigmoid(x, out)
    top = 1 / (1 + np.exp(-8.0))
    np.testing.assert_allclose(out[:-1], [0.5, top, top, top, top, *[1 - top] * 3], rtol=1e-5)
    assert np.isnan(out[-1])


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="lengths differ: 3 and 4"):
        simd.dot(vectors(3, 1), vectors(4, 1))


def test_levels():
    assert "baseline" in simd.available()
    assert simd.active() in simd.available()
    assert simd.LEVELS[simd.active_level()] == simd.active()
    with pytest.raises(ValueError, match="'mmx' is not available here; there are baseline"):
        simd.use("mmx")


def run_with(value):
    code = "from wordvec.kernels import simd; print(simd.active())"
    environment = os.environ | {"WORDVEC_SIMD": value}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )


def test_the_environment_chooses():
    assert run_with("baseline").stdout == "baseline\n"
    assert run_with("").stdout.strip() == simd.available()[-1]
    wrong = run_with("sse9")
    assert wrong.returncode != 0
    assert "WORDVEC_SIMD=sse9: instruction set 'sse9' is not available here" in wrong.stderr


def test_vnni_comes_only_with_avx512():
    before = simd.active()
    try:
        for name in simd.available():
            simd.use(name, vnni=False)
            assert not simd.vnni()
            simd.use(name)
            assert name == "avx512" or not simd.vnni()
    finally:
        simd.use(before)
