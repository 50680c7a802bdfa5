"""What is packed: the sdist can build, the wheel can run, and neither carries ballast."""

import re
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.skipif(
    not (ROOT / "setup.py").exists(), reason="only the source checkout can build packages"
)


def tracked_files():
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("not a git checkout")
    return {name.decode() for name in done.stdout.split(b"\0") if name}


def test_c_files_are_loops_of_one_instruction_set():
    """What Cython generates goes to build/; a .c file in the tree was written by a person."""
    names = {name for name in tracked_files() if name.endswith(".c")}
    assert not [
        n for n in names if not n.endswith(("_baseline.c", "_avx2.c", "_avx512.c", "_vnni.c"))
    ]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Folder with an sdist, and a wheel built from that sdist, in an isolated environment."""
    folder = tmp_path_factory.mktemp("dist")
    pytest.importorskip("build", reason="needs `pip install build`")
    subprocess.run(
        [sys.executable, "-P", "-m", "build", "--outdir", str(folder), str(ROOT)], check=True
    )
    return folder


@pytest.mark.slow
def test_sdist_holds_everything_that_is_tracked(built):
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    missing = tracked_files() - names - {".gitignore"}
    assert not missing
    assert not [name for name in names if name.endswith((".so", ".pyc"))]


@pytest.mark.slow
def test_wheel_is_abi3_and_holds_what_runs(built):
    (path,) = built.glob("*.whl")
    assert re.search(r"-cp311-abi3-\w+\.whl$", path.name)
    names = set(zipfile.ZipFile(path).namelist())
    for name in tracked_files():
        if name.startswith("wordvec/") and name.endswith((".py", ".pyi", "py.typed")):
            assert name in names
        elif name.startswith("wordvec/kernels/") and name.endswith(".pyx"):
            assert name.replace(".pyx", ".abi3.so") in names
        elif name.startswith("cli/"):
            assert name.replace("cli/", "wordvec_cli/", 1) in names
    suffixes, folders = (".c", ".h", ".pyx", ".pxd"), ("tests/", "cli/", "bench/")
    ballast = [name for name in names if name.endswith(suffixes) or name.startswith(folders)]
    assert not ballast


def test_the_installed_command_is_ours():
    try:
        installed = version("wordvec")
    except Exception:
        pytest.skip("wordvec is not installed, only built in place")
    import wordvec

    assert installed == wordvec.__version__
    (command,) = entry_points(group="console_scripts", name="wordvec")
    assert command.value == "wordvec_cli.main:run"
