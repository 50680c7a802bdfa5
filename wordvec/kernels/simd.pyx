"""Instruction sets: which exist here, which is in use, and their primitives for tests.

The level is chosen once, at import: the best that this CPU has, or the one that the environment
variable WORDVEC_SIMD names (baseline, avx2 or avx512).
"""

import os

from libc.stdint cimport int64_t


cdef extern from "simd.h":
    ctypedef struct wv_simd_ops:
        float (*dot)(const float *, const float *, int64_t) noexcept nogil
        void (*axpy)(float, const float *, float *, int64_t) noexcept nogil
        void (*sigmoid)(const float *, float *, int64_t) noexcept nogil
    int WV_BASELINE, WV_N_LEVELS
    int wv_level_available(int level) noexcept
    int wv_vnni_available() noexcept
    const wv_simd_ops *wv_simd_ops_of(int level) noexcept


LEVELS = ("baseline", "avx2", "avx512")
_active = 0
_vnni = False


def available():
    """Names of the levels that this machine can run, the fastest last."""
    return [name for number, name in enumerate(LEVELS) if wv_level_available(number)]


def active():
    """Name of the level in use."""
    return LEVELS[_active]


def active_level():
    """Number of the level in use, as the kernels' C code counts them."""
    return _active


def vnni():
    """True when kernels may use AVX-512's 8-bit products (VNNI) besides the level in use."""
    return _vnni


def use(name, vnni=True):
    """Switch to a level by name, for tests and bug reports; ValueError when it cannot run here.

    VNNI comes with avx512 where the CPU has it, unless `vnni` is false.  Kernels that are already
    set up keep the level that they were made with.
    """
    global _active, _vnni
    if name not in available():
        raise ValueError(
            f"instruction set {name!r} is not available here; there are {', '.join(available())}"
        )
    _active = LEVELS.index(name)
    _vnni = bool(vnni and name == "avx512" and wv_vnni_available())


cdef const wv_simd_ops *_ops():
    return wv_simd_ops_of(_active)


def dot(const float[::1] a, const float[::1] b):
    """Sum of a[i] * b[i]; a and b are float32[n] of equal length."""
    if a.shape[0] != b.shape[0]:
        raise ValueError(f"lengths differ: {a.shape[0]} and {b.shape[0]}")
    if a.shape[0] == 0:
        return 0.0
    return _ops().dot(&a[0], &b[0], a.shape[0])


def axpy(float scale, const float[::1] x, float[::1] y):
    """y += scale * x in place; x and y are float32[n] of equal length."""
    if x.shape[0] != y.shape[0]:
        raise ValueError(f"lengths differ: {x.shape[0]} and {y.shape[0]}")
    if x.shape[0]:
        _ops().axpy(scale, &x[0], &y[0], x.shape[0])


def sigmoid(const float[::1] x, float[::1] out):
    """out = 1 / (1 + exp(-x)) with x clipped to +-8; NaN stays NaN; float32[n] of equal length."""
    if x.shape[0] != out.shape[0]:
        raise ValueError(f"lengths differ: {x.shape[0]} and {out.shape[0]}")
    if x.shape[0]:
        _ops().sigmoid(&x[0], &out[0], x.shape[0])


def _choose():
    wanted = os.environ.get("WORDVEC_SIMD", "").strip().lower()
    try:
        use(wanted or max(available(), key=LEVELS.index))
    except ValueError as error:
        raise ImportError(f"WORDVEC_SIMD={wanted}: {error}") from None


_choose()
