"""The programs that are measured, and how each is called for one algorithm.

The originals are word2vec.c and its four tools, from the source distribution of the Python
package word2vec 0.11.1.  That copy of word2vec.c trains every epoch; the newest commit upstream
stops after the first when it runs with one thread, so it must not be used as a rival.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measure import BenchError

PACKAGE = "word2vec==0.11.1"
FOLDER = "word2vec-0.11.1/word2vec/includes"
SOURCES_SHA256 = {
    "word2vec": "7fe3f308088e3a9000ffa10c70c232c16a4439ef297bd22ed2ee8253550caeb6",
    "word2phrase": "266c48f83799109207b9c9d5d05f607571d3e3136df8fcfabf65c5c4c94dd5d5",
    "distance": "6dcdb0f63b08f1abe94b79f6d63bb33ee9da7203bb70eefae5eb1c2a9da93ff3",
    "word-analogy": "b604af271db1dc595f6aff6489a67b8ff28bc620ffd6ed152fecd350a9989ee7",
    "compute-accuracy": "70fef4c517652c03e4748e108ac2633899617a78945fcfad5adbc6dbf48e9588",
}
COMPILE_FLAGS = ["-O3", "-march=native", "-ffast-math", "-funroll-loops"]
# Without -ffast-math, which adds up in another order: for the tools whose output is compared.
EXACT_FLAGS = ["-O3", "-funroll-loops", "-ffp-contract=off"]

GLOVE_TOOLS = ("vocab_count", "cooccur", "shuffle", "glove")

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


def original_source(cache: Path, name: str = "word2vec") -> str:
    """The C source of an original tool, downloaded once by pip into `cache`."""
    archive = cache / "word2vec-0.11.1.tar.gz"
    if not archive.exists():
        flags = ["--quiet", "--no-deps", "--no-binary", ":all:", "--dest", str(cache)]
        command = [sys.executable, "-m", "pip", "download", PACKAGE, *flags]
        if subprocess.run(command, stdout=subprocess.DEVNULL).returncode != 0:
            raise BenchError(f"pip cannot download {PACKAGE}; put {archive.name} into {cache}")
    with tarfile.open(archive) as files:
        member = files.extractfile(f"{FOLDER}/{name}.c")
        assert member is not None
        source = member.read()
    digest, expected = hashlib.sha256(source).hexdigest(), SOURCES_SHA256[name]
    if digest != expected:
        raise BenchError(f"{archive}: {name}.c has sha256 {digest}, expected {expected}")
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
    return _compile(cache, f"word2vec-{seed}", source, COMPILE_FLAGS)


def build_tool(cache: Path, name: str, flags: Sequence[str] = EXACT_FLAGS) -> Path:
    """A compiled original tool: word2phrase, distance, word-analogy or compute-accuracy."""
    return _compile(cache, name, original_source(cache, name), flags)


def _compile(cache: Path, name: str, source: str, flags: Sequence[str]) -> Path:
    c_file = cache / f"{name}.c"
    program = cache / name
    c_file.write_text(source, encoding="utf-8")
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise BenchError("no C compiler (gcc or cc) to build the original with")
    # -w: its warnings (unchecked fscanf, fread) are known and not ours to mend.
    libraries = ["-lm", "-pthread"]
    fresh = program.with_suffix(".new")  # another benchmark may be running the present one
    command = [compiler, *flags, "-w", str(c_file), "-o", str(fresh), *libraries]
    if subprocess.run(command).returncode != 0:
        raise BenchError(f"the original cannot be compiled: {shlex.join(command)}")
    return fresh.replace(program)


FASTTEXT_SOURCE = "FASTTEXT_SOURCE"
VECTORS_SOURCE = Path(__file__).resolve().parent / "original_vectors.cc"


@dataclass(frozen=True, slots=True)
class FastText:
    """The original fastText."""

    program: str
    what: str  # which one, for people
    vectors: str | None  # a program that writes its vectors' bits; None without its source


def find_fasttext(cache: Path) -> FastText:
    """The original from the source in the folder FASTTEXT_SOURCE, else the one on PATH."""
    if named := os.environ.get(FASTTEXT_SOURCE):
        return build_fasttext(Path(named), cache)
    found = shutil.which("fasttext")
    if found is None:
        raise BenchError(
            f"no original to compare with: name the folder of fastText's source in "
            f"{FASTTEXT_SOURCE} (release 0.9.2), or put the program `fasttext` on PATH"
        )
    return FastText(found, f"{found} as it is; {FASTTEXT_SOURCE} would build it for this CPU", None)


def build_fasttext(source: Path, cache: Path) -> FastText:
    """Build in a copy, with its own Makefile and flags; once for this source and CPU."""
    if not (source / "Makefile").is_file() or not (source / "src" / "fasttext.cc").is_file():
        raise BenchError(f"{FASTTEXT_SOURCE}: {source} is not fastText's source: no Makefile, "
                         "src/fasttext.cc")  # fmt: skip
    files = [source / "Makefile", *sorted((source / "src").iterdir()), VECTORS_SOURCE]
    key = hashlib.sha256((platform.machine() + _cpu_flags()).encode())
    for file in files:
        if file.suffix in ("", ".cc", ".h"):
            key.update(file.name.encode() + b"\0" + file.read_bytes())
    folder = cache / f"fasttext-{key.hexdigest()[:16]}"
    flags = _makefile_flags(source / "Makefile")
    program, vectors = folder / "fasttext", folder / "vectors"
    if not vectors.exists():  # the last thing that is made
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        shutil.copytree(source / "src", folder / "src")
        shutil.copy(source / "Makefile", folder)
        _build(["make", "opt"], folder)
        objects = sorted(str(path) for path in folder.glob("*.o"))
        compiler = [shutil.which("c++") or "g++", *flags, "-I."]
        _build([*compiler, str(VECTORS_SOURCE), *objects, "-o", "vectors"], folder)
    return FastText(str(program), f"fastText of {source.resolve().name}/, {' '.join(flags)}",
                    str(vectors))  # fmt: skip


def _cpu_flags() -> str:
    """What -march=native depends on."""
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text().splitlines() if cpu.exists() else []
    return next((line for line in lines if line.startswith("flags")), "")


def _makefile_flags(makefile: Path) -> list[str]:
    """The compiler flags of the Makefile's own release build."""
    lines = makefile.read_text("utf-8").splitlines()
    heads = ("CXXFLAGS =", "opt: CXXFLAGS +=")
    return [flag for head in heads for line in lines if line.startswith(head)
            for flag in line.removeprefix(head).split()]  # fmt: skip


def _build(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    except OSError as error:
        raise BenchError(f"fastText cannot be built: {command[0]}: {error.strerror}") from error
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["nothing said"])[-1]
        raise BenchError(f"fastText cannot be built: {shlex.join(command)}: {last}")


def build_glove(source: Path, cache: Path) -> Path:
    """The folder of Stanford's four GloVe tools, built as they ship: `make` on a copy of `source`.

    `source` is a checkout of github.com/stanfordnlp/GloVe (measured: 52f7dbc).
    """
    makefile = source / "Makefile"
    if not makefile.is_file() or not (source / "src" / "cooccur.c").is_file():
        raise BenchError(
            f"{source}: expected the source of Stanford's GloVe (Makefile, src/cooccur.c); "
            "clone github.com/stanfordnlp/GloVe and name its folder in GLOVE_SOURCE"
        )
    with tempfile.TemporaryDirectory(dir=cache) as fresh:
        shutil.copy(makefile, fresh)
        shutil.copytree(source / "src", Path(fresh) / "src")
        made = subprocess.run(["make"], cwd=fresh, capture_output=True)
        if made.returncode != 0:
            said = made.stderr.decode("utf-8", "replace").strip().splitlines()
            raise BenchError(f"{source}: make failed: {said[-1] if said else 'nothing said'}")
        folder = cache / "glove-tools"
        folder.mkdir(exist_ok=True)
        for tool in GLOVE_TOOLS:
            (Path(fresh) / "build" / tool).replace(folder / tool)
    return folder
