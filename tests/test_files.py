"""OutputFile: whole or not at all, whatever happens."""

import contextlib
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import wordvec
from wordvec.errors import OutputError
from wordvec.files import OutputFile

ROOT = Path(wordvec.__file__).parent.parent  # the package under test, installed or in place
is_root = os.geteuid() == 0


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_appears_at_commit(tmp_path: Path) -> None:
    output = OutputFile(tmp_path / "out.txt")
    output.stream.write(b"hello")
    (temporary,) = names(tmp_path)
    assert temporary.startswith(".out.txt.") and temporary.endswith(".tmp")
    output.commit()
    output.commit()
    output.discard()
    assert names(tmp_path) == ["out.txt"]
    assert (tmp_path / "out.txt").read_bytes() == b"hello"
    assert output.stream.closed


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_exception_discards(tmp_path: Path, error: type[BaseException]) -> None:
    (tmp_path / "out").write_bytes(b"old")
    with pytest.raises(error), OutputFile(tmp_path / "out") as output:
        output.stream.write(b"new" * 10_000_000)
        raise error
    assert names(tmp_path) == ["out"]
    assert (tmp_path / "out").read_bytes() == b"old"
    output.discard()
    with pytest.raises(OutputError, match="discarded"):
        output.commit()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing/out", r"missing does not exist"),
        ("folder", "it is a folder"),
        ("folder/", "it is a folder"),
        ("none/", "does not exist"),
        ("x" * 256, "too long"),
        ("file/out", "Not a directory"),
        ("loop", "Too many levels"),
    ],
)
def test_refused_at_once(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    before = names(tmp_path)
    with pytest.raises(OutputError, match=message) as caught:
        OutputFile(f"{tmp_path}/{name}")
    assert "\n" not in str(caught.value) and str(tmp_path) in str(caught.value)
    assert names(tmp_path) == before


@pytest.mark.skipif(is_root, reason="root may write everywhere")
def test_no_permission(tmp_path: Path) -> None:
    (tmp_path / "file").touch(0o444)
    with pytest.raises(OutputError, match="may not be written"):
        OutputFile(tmp_path / "file")
    (tmp_path / "folder").mkdir(0o555)
    with pytest.raises(OutputError, match="Permission denied"):
        OutputFile(tmp_path / "folder" / "file")


def test_longest_name(tmp_path: Path) -> None:
    name = "é" * 127 + "x"
    with OutputFile(tmp_path / name) as output:
        output.stream.write(b"1")
    assert names(tmp_path) == [name]


def test_mode_bits_follow_umask_or_the_old_file(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        with OutputFile(tmp_path / "new"):
            pass
        (tmp_path / "old").touch()
        (tmp_path / "old").chmod(0o604)
        with OutputFile(tmp_path / "old"):
            pass
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "old").stat().st_mode) == 0o604


def test_symbolic_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there/target")
    for content in (b"first", b"second"):  # the target is missing, then there
        with OutputFile(tmp_path / "link") as output:
            output.stream.write(content)
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "there" / "target").read_bytes() == content
    assert names(tmp_path / "there") == ["target"]


def test_devices_and_pipes_are_written_directly(tmp_path: Path) -> None:
    with OutputFile("/dev/null") as output:
        output.stream.write(b"gone")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    message = r"/dev/full: No space left on device after 0 bytes$"
    with pytest.raises(OutputError, match=message), OutputFile("/dev/full") as output:
        output.stream.write(b"x" * 5_000_000)
    os.mkfifo(tmp_path / "pipe")
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    with OutputFile(tmp_path / "pipe") as output:
        output.stream.write(b"through")
    reader.join(5)
    assert received == [b"through"]
    assert names(tmp_path) == ["pipe"]


def test_a_reader_that_leaves_is_a_broken_pipe() -> None:
    for n_bytes in (10, 5_000_000):  # found by commit, and by write
        reading, writing = os.pipe()
        output = OutputFile(f"/dev/fd/{writing}")
        os.close(reading)
        with pytest.raises(BrokenPipeError), output:
            output.stream.write(b"x" * n_bytes)
        os.close(writing)


def run(code: str, *args: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", f"from wordvec.files import OutputFile\n{code}", *args]
    return subprocess.run(command, capture_output=True, env=environment, timeout=60)


@pytest.mark.parametrize("path", ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output(tmp_path: Path, path: str) -> None:
    code = f"print('a')\nwith OutputFile({path!r}) as o: o.stream.write(b'b')\nprint('c')"
    assert (
        run("import sys; sys.stdout.reconfigure(write_through=True)\n" + code).stdout == b"a\nbc\n"
    )


def test_redirected_standard_output_is_not_replaced(tmp_path: Path) -> None:
    code = "with OutputFile('/dev/stdout') as o: o.stream.write(b'b')"
    with open(tmp_path / "out", "wb") as out:
        out.write(b"a")
        out.flush()
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", f"from wordvec.files import OutputFile\n{code}"]
        subprocess.run(command, stdout=out, env=environment, check=True, timeout=60)
    assert (tmp_path / "out").read_bytes() == b"ab"


def test_standard_output_that_python_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    with OutputFile("-") as output:
        output.stream.write(b"captured")
    assert capsys.readouterr().out == "captured"


def test_exit_removes_what_was_not_committed(tmp_path: Path) -> None:
    run("o = OutputFile(__import__('sys').argv[1]); o.stream.write(b'x')", str(tmp_path / "out"))
    assert names(tmp_path) == []


def test_a_forked_child_leaves_it_alone(tmp_path: Path) -> None:
    code = """
import os, sys
o = OutputFile(sys.argv[1])
if os.fork() == 0:
    sys.exit()
os.wait()
o.stream.write(b'whole')
o.commit()"""
    done = run(code, str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out").read_bytes() == b"whole"
    assert names(tmp_path) == ["out"]


@contextlib.contextmanager
def disk_of(n_bytes: int) -> Iterator[None]:
    """A limit on the file size stands for the disk: the system refuses at the same place."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, limits[1]))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("n_bytes", [50_000, 5_000_000])
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, n_bytes: int) -> None:
    (tmp_path / "out").write_bytes(b"old")
    with (
        disk_of(40_000),
        pytest.raises(OutputError) as caught,
        OutputFile(tmp_path / "out", n_bytes) as output,
    ):
        for _ in range(n_bytes // 10_000):
            output.stream.write(b"x" * 10_000)
    expected = f"cannot write {tmp_path / 'out'}: File too large after 40000 of {n_bytes} bytes"
    assert str(caught.value) == expected + "; nothing was left behind"
    assert names(tmp_path) == ["out"]
    assert (tmp_path / "out").read_bytes() == b"old"


@pytest.mark.parametrize("name, format", [("v.npy", None), ("folder", "model2vec")])
def test_a_full_disk_leaves_all_of_several_files(
    tmp_path: Path, name: str, format: str | None
) -> None:
    """The words fit and the matrix does not: old words beside a new matrix would be wrong, and so
    would new ones beside the old."""
    old = wordvec.Vectors(["a", "b"], np.ones((2, 300), np.float32))
    new = wordvec.Vectors(["c", "d"], np.zeros((2, 300), np.float32))
    wordvec.save(old, tmp_path / name, format)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    with disk_of(1_500), pytest.raises(OutputError):
        wordvec.save(new, tmp_path / name, format)
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before
    with disk_of(1_500), pytest.raises(OutputError):
        wordvec.save(new, tmp_path / f"other-{name}", format)
    assert not list(tmp_path.glob("other-*"))
