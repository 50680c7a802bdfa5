"""The programs that are measured, and how each is called for one algorithm.

The original is word2vec.c from the source distribution of the Python package word2vec 0.11.1.
That copy trains every epoch; the newest commit upstream stops after the first when it runs with
one thread, so it must not be used as a rival.
"""

from __future__ import annotations

import hashlib
import shlex
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from bench.measure import BenchError

PACKAGE = "word2vec==0.11.1"
MEMBER = "word2vec-0.11.1/word2vec/includes/word2vec.c"
SOURCE_SHA256 = "7fe3f308088e3a9000ffa10c70c232c16a4439ef297bd22ed2ee8253550caeb6"
COMPILE_FLAGS = ["-O3", "-march=native", "-ffast-math", "-funroll-loops"]

# The options of one algorithm, for the original and for wordvec alike.
COMMON = "-window 5 -sample 1e-4 -min-count 5 -binary 1"
ALGORITHMS = {
    "sgns-d100": "-cbow 0 -hs 0 -negative 5 -size 100 -alpha 0.025",
    "sgns-d300": "-cbow 0 -hs 0 -negative 5 -size 300 -alpha 0.025",
    "cbow-d100": "-cbow 1 -hs 0 -negative 5 -size 100 -alpha 0.05",
    "hs-d100": "-cbow 0 -hs 1 -negative 0 -size 100 -alpha 0.025",
    "cbow-hs-d100": "-cbow 1 -hs 1 -negative 0 -size 100 -alpha 0.05",
}


def train_options(algorithm: str, n_epochs: int, n_threads: int = 1) -> list[str]:
    return [
        *shlex.split(f"{ALGORITHMS[algorithm]} {COMMON}"),
        *("-iter", str(n_epochs), "-threads", str(n_threads)),
    ]


def wordvec_command(named: str | None) -> list[str]:
    """The command of the installed wordvec; `named` (the option --wordvec) overrides."""
    if named:
        return shlex.split(named)
    beside = Path(sys.executable).with_name("wordvec")
    found = str(beside) if beside.exists() else shutil.which("wordvec")
    if found is None:
        raise BenchError("no command `wordvec`: install it (pip install .) or give --wordvec")
    return [found]


def original_source(cache: Path) -> str:
    """The C source of the original, downloaded once by pip into `cache`."""
    archive = cache / "word2vec-0.11.1.tar.gz"
    if not archive.exists():
        flags = ["--quiet", "--no-deps", "--no-binary", ":all:", "--dest", str(cache)]
        command = [sys.executable, "-m", "pip", "download", PACKAGE, *flags]
        if subprocess.run(command, stdout=subprocess.DEVNULL).returncode != 0:
            raise BenchError(f"pip cannot download {PACKAGE}; put {archive.name} into {cache}")
    with tarfile.open(archive) as files:
        member = files.extractfile(MEMBER)
        assert member is not None
        source = member.read()
    digest = hashlib.sha256(source).hexdigest()
    if digest != SOURCE_SHA256:
        raise BenchError(f"{archive}: word2vec.c has sha256 {digest}, expected {SOURCE_SHA256}")
    return source.decode("utf-8")


def seeded(source: str, seed: int) -> str:
    """The original with another start of its two generators; seed 0 leaves it as it is.

    It has no option for that: InitNet starts at 1 and each thread at its number.
    """
    if seed == 0:
        return source
    for old, new in (
        ("next_random = 1;", f"next_random = 1 + {seed} * 7919;"),
        ("next_random = (long long)id;", f"next_random = (long long)id + {seed} * 1000;"),
    ):
        if source.count(old) != 1:
            raise BenchError(f"word2vec.c: expected `{old}` once, found {source.count(old)} times")
        source = source.replace(old, new)
    return source


def build_original(cache: Path, seed: int = 0) -> Path:
    """The compiled original for one seed, built anew: the cache may come from another CPU."""
    source = seeded(original_source(cache), seed)
    c_file = cache / f"word2vec-{seed}.c"
    program = cache / f"word2vec-{seed}"
    c_file.write_text(source, encoding="utf-8")
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise BenchError("no C compiler (gcc or cc) to build the original with")
    # -w: its warnings (unchecked fscanf, fread) are known and not ours to mend.
    libraries = ["-lm", "-pthread"]
    fresh = program.with_suffix(".new")  # another benchmark may be running the present one
    command = [compiler, *COMPILE_FLAGS, "-w", str(c_file), "-o", str(fresh), *libraries]
    if subprocess.run(command).returncode != 0:
        raise BenchError(f"the original cannot be compiled: {shlex.join(command)}")
    return fresh.replace(program)
