"""What pyproject.toml cannot say: the compiled kernels.

Every extension is one .pyx over small C headers.  Files named *_avx2.c and
*_avx512.c hold the loops of one instruction set; they switch it on themselves
with a target pragma, so no -m flag and no -march=native is ever needed and a
wheel runs on every CPU of its architecture.
"""

import platform
import sysconfig
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

KERNELS = Path("wordvec/kernels")
IS_X86_64 = platform.machine().lower() in ("x86_64", "amd64")
IS_FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
# The limited API does not exist for free-threaded builds yet.
USE_ABI3 = not IS_FREE_THREADED

COMPILE_ARGS = ["-O3", "-g0", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast"]


def instruction_set_files(stem: str) -> list[str]:
    """C files that hold the loops of `stem`, one per instruction set of this architecture."""
    levels = ["baseline", "avx2", "avx512"] if IS_X86_64 else ["baseline"]
    return [str(KERNELS / f"{stem}_{level}.c") for level in levels]


def vnni_files(stem: str) -> list[str]:
    """The C file that holds the loops of `stem` for AVX-512 with 8-bit products."""
    return [str(KERNELS / f"{stem}_vnni.c")] if IS_X86_64 else []


def kernel(name: str, *c_files: str) -> Extension:
    return Extension(
        f"wordvec.kernels.{name}",
        [str(KERNELS / f"{name}.pyx"), *c_files],
        include_dirs=[str(KERNELS)],
        depends=[str(path) for path in sorted(KERNELS.glob("*.h"))],
        define_macros=[("Py_LIMITED_API", "0x030B0000")] if USE_ABI3 else [],
        py_limited_api=USE_ABI3,
        extra_compile_args=COMPILE_ARGS,
    )


EXTENSIONS = [
    kernel("simd", *instruction_set_files("simd")),
    kernel("sampling"),
    kernel("sgd", *instruction_set_files("sgd")),
    kernel("tokens"),
    kernel("labelled", *instruction_set_files("subwords")),
    kernel("classify", *instruction_set_files("classify")),
    kernel("topk", *instruction_set_files("topk"), *vnni_files("topk")),
    kernel("merging"),
    kernel("numbers", *instruction_set_files("number_lines")),
    kernel("pickling"),
    kernel("wordindex"),
    kernel("phrases"),
    kernel("collocations"),
    kernel("cooccur"),
    kernel("shuffling"),
    kernel("glove", *instruction_set_files("glove")),
    kernel("subwords", *instruction_set_files("subwords")),
    kernel("pq", *instruction_set_files("pq")),
    kernel("fasttextfile"),
    kernel("edges"),
    kernel("walks"),
]
missing = [e.sources[0] for e in EXTENSIONS if not Path(e.sources[0]).exists()]
assert not missing, f"the sources lack {missing}: an sdist without its .pyx files? (MANIFEST.in)"

setup(
    ext_modules=cythonize(
        EXTENSIONS,
        build_dir="build/cython",
        compiler_directives={
            "language_level": 3,
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": False,
            "embedsignature": True,
            "freethreading_compatible": True,
        },
    ),
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if USE_ABI3 else {},
)
