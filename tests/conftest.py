"""Shared by all tests: which wordvec is tested, its command, and where real data may be."""

import importlib.util
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

# How long an example takes says more of the machine than of the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent

# A checkout that was not built in place has wordvec/ without kernels; `python -m pytest` would
# put it before the installed package.
if not list((ROOT / "wordvec" / "kernels").glob("*.so")):
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT]
    os.environ["PYTHONSAFEPATH"] = "1"  # the same for the programs that tests start

sys.path.insert(0, str(TESTS))  # for `import reference` and `import corpora`

# Only now, from where the lines above say.
from corpora import TEXT  # noqa: E402

from wordvec.kernels import simd  # noqa: E402


def import_folder(name: str, folder: Path) -> None:
    """Make a folder of the checkout importable under a package name of its own.

    Not by sys.path: the repository's root there would hide the installed wordvec.
    """
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None and spec.loader is not None
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])


# After `build_ext --inplace`, wordvec is importable, but cli/ is not wordvec_cli.
IS_CHECKOUT = importlib.util.find_spec("wordvec_cli") is None
if IS_CHECKOUT:
    import_folder("wordvec_cli", ROOT / "cli")
if "bench" not in sys.modules and (ROOT / "bench").is_dir():
    import_folder("bench", ROOT / "bench")

SHARED_DATA = Path(os.environ.get("WORDVEC_DATA", ROOT.parent / "shared" / "data"))

Finished = subprocess.CompletedProcess[bytes]


@pytest.fixture(scope="session")
def stanford_tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of Stanford's GloVe, built as it ships."""
    rivals = pytest.importorskip("bench.rivals", reason="bench/ builds the original")
    source = os.environ.get("GLOVE_SOURCE")
    if not source:
        pytest.skip("GLOVE_SOURCE does not name Stanford's source")
    built: Path = rivals.build_glove(Path(source), tmp_path_factory.mktemp("glove"))
    return built


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real corpora; the test is skipped where there is none."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no shared data at {SHARED_DATA} (WORDVEC_DATA names another folder)")
    return SHARED_DATA


@pytest.fixture(scope="session")
def command_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment in which `python -P -m wordvec_cli` is the program under test.

    Nothing is to be done where the package is installed.  After `build_ext --inplace` only
    wordvec is importable; wordvec_cli is the folder cli/ under another name.
    """
    environment = {k: v for k, v in os.environ.items() if k not in ("WORDVEC_DEBUG", "COLUMNS")}
    if IS_CHECKOUT:
        links = tmp_path_factory.mktemp("import")
        (links / "wordvec_cli").symlink_to(ROOT / "cli")
        paths = [str(links), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment["PYTHONPATH"] = os.pathsep.join(paths)
    return environment


@pytest.fixture(scope="session")
def command(command_environment: dict[str, str]) -> list[str]:
    """The start of the command line: everything before `word2vec -train ...`."""
    return [sys.executable, "-P", "-m", "wordvec_cli"]


@pytest.fixture
def wordvec(
    command: list[str], command_environment: dict[str, str], tmp_path: Path
) -> Callable[..., Finished]:
    """Run the program in an empty folder; gives its exit code and bytes."""

    def run(*arguments: object, **options: object) -> Finished:
        settings: dict[str, object] = {
            "cwd": tmp_path, "env": command_environment, "timeout": 120, "stdin": subprocess.DEVNULL
        }  # fmt: skip
        settings.update(options)
        line = [*command, *map(str, arguments)]
        if "stdout" not in settings:
            settings["capture_output"] = True
        return subprocess.run(line, **settings)  # type: ignore[call-overload,no-any-return]

    return run


@pytest.fixture
def text_path(tmp_path: Path) -> Path:
    """A small corpus: corpora.TEXT in a file."""
    path = tmp_path / "text.txt"
    path.write_bytes(TEXT)
    return path


@pytest.fixture(params=simd.available())
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each instruction set of this machine in turn."""
    before = simd.active()
    simd.use(request.param)
    yield request.param
    simd.use(before)


@pytest.fixture(scope="session")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some thousand sentences in which `king` and `queen` share their neighbours."""
    rng = random.Random(1)
    words = [f"w{k}" for k in range(300)]
    lines = []
    for _ in range(3000):
        line = rng.choices(words, k=9)
        line[4:4] = [rng.choice(["king", "queen"]), "rules", "the", "land"]
        lines.append(" ".join(line))
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(autouse=True, scope="session")
def interrupts_are_heard():
    """Where the tests run in the background of a shell, Ctrl-C is ignored, and so it would be by
    them and by the programs that they start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
