"""Corpus to ids: progress, Ctrl-C, a full disk, and the id cache of a second run."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from corpora import TEXT, same

from wordvec.corpus import WORD2VEC_RULES, read_corpus
from wordvec.errors import CorpusError, FormatError, OutputError
from wordvec.progress import Progress

ROOT = Path(__file__).resolve().parent.parent


def test_progress_ends_with_everything_read(text_path: Path) -> None:
    seen: list[Progress] = []
    read_corpus(text_path, reporter=seen.append)
    assert seen[-1].stage == "count" and seen[-1].unit == "bytes"
    assert seen[-1].n_done == seen[-1].n_total == len(TEXT)
    assert seen[-1].n_tokens_read == 600
    read_corpus([["a"] * 7], min_count=1, reporter=seen.append)
    assert (seen[-1].unit, seen[-1].n_done, seen[-1].n_total) == ("tokens", 7, None)


def test_an_interrupted_reporter_leaves_nothing(tmp_path: Path, text_path: Path) -> None:
    def interrupt(progress: Progress, /) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_corpus(text_path, ids_path=tmp_path / "ids", reporter=interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]


def test_a_full_disk_while_spilling(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b" ".join(b"w%d" % k for k in range(100_000)) * 2 + b"\n")
    script = (
        "import resource, sys\nfrom wordvec.corpus import read_corpus\n"
        "from wordvec.errors import OutputError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try:\n    read_corpus(sys.argv[1], n_threads=2, memory=1)\n"
        "except OutputError as error:\n    print(error)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "text")],
        capture_output=True, check=True, cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    message = result.stdout.decode()
    assert message.startswith(f"{tmp_path}: a temporary file cannot be written:")
    assert "set TMPDIR" in message and message.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["text"]


def test_ctrl_c_while_counting(tmp_path: Path) -> None:
    """A pipe that never ends: the prompt returns within a second and nothing is left."""
    script = (
        "import sys\nfrom wordvec.corpus import read_corpus\n"
        "print('go', flush=True)\n"
        "try:\n    read_corpus('/dev/zero', ids_path=sys.argv[1], n_threads=2, memory=1 << 26)\n"
        "except KeyboardInterrupt:\n    print('stopped')\n"
    ).replace("/dev/zero", str(tmp_path / "pipe"))
    os.mkfifo(tmp_path / "pipe")
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "ids")],
        stdout=subprocess.PIPE, cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == b"go\n"

    def feed() -> None:
        try:
            with open(tmp_path / "pipe", "wb") as pipe:
                for number in range(10**9):
                    pipe.write(b"%d some words\n" % number * 100)
        except BrokenPipeError:
            pass

    feeder = threading.Thread(target=feed)
    feeder.start()
    time.sleep(0.7)
    started = time.perf_counter()
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=10)
    assert time.perf_counter() - started < 1.0
    feeder.join()
    assert output == b"stopped\n"
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_ctrl_c_while_a_pipe_is_silent() -> None:
    script = (
        "from wordvec.corpus import read_corpus\n"
        "print('go', flush=True)\n"
        "try:\n    read_corpus('-', n_threads=2)\n"
        "except KeyboardInterrupt:\n    print('stopped')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    assert process.stdout is not None and process.stdout.readline() == b"go\n"
    time.sleep(0.3)
    started = time.perf_counter()
    process.send_signal(signal.SIGINT)
    process.wait(timeout=10)
    assert time.perf_counter() - started < 1.0
    assert process.stdout.read() == b"stopped\n"


# ---- the id cache ------------------------------------------------------------------------------


def test_cache_is_made_and_reused(tmp_path: Path, text_path: Path) -> None:
    cache = tmp_path / "ids"
    plain = read_corpus(text_path)
    for memory in (None, 1):
        made = read_corpus(text_path, ids_path=cache, memory=memory)
        stamp = cache.stat().st_mtime_ns
        again = read_corpus(text_path, ids_path=cache)
        assert same(made, plain) and same(again, plain)
        assert again.n_bytes == plain.n_bytes and again.notes == plain.notes
        assert cache.stat().st_mtime_ns == stamp
        assert not again.ids.flags.writeable
        cache.unlink()
    with_vocab = read_corpus(text_path, ids_path=cache, vocab=plain.vocab)
    assert same(read_corpus(text_path, ids_path=cache, vocab=plain.vocab), with_vocab)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ids", "text.txt"]


def test_cache_of_something_else_is_refused(tmp_path: Path, text_path: Path) -> None:
    cache = tmp_path / "ids"
    corpus = read_corpus(text_path, ids_path=cache)
    for options, difference in [
        ({"min_count": 6}, "min_count 5, now 6"),
        ({"max_vocab": 6}, "max_vocab None, now 6"),
        ({"rules": WORD2VEC_RULES}, "drop_unterminated False, now True"),
        ({"vocab": corpus.vocab}, "min_count 5, now None"),
    ]:
        with pytest.raises(CorpusError, match=f"ids: made from {difference}; delete it"):
            read_corpus(text_path, ids_path=cache, **options)
    with pytest.raises(CorpusError, match="ids: exists, and cannot be compared"):
        read_corpus([["a"]], ids_path=cache, min_count=1)
    status = text_path.stat()
    os.utime(text_path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    with pytest.raises(CorpusError, match="file 1 that has been written to since"):
        read_corpus(text_path, ids_path=cache)
    text_path.write_bytes(TEXT.replace(b"cat", b"cow"))
    with pytest.raises(CorpusError, match="file 1 with other contents"):
        read_corpus(text_path, ids_path=cache)
    text_path.write_bytes(TEXT + b"more")
    with pytest.raises(CorpusError, match=f"of {len(TEXT)} bytes, now {len(TEXT) + 4}"):
        read_corpus(text_path, ids_path=cache)
    with pytest.raises(CorpusError, match="1 files, now 2"):
        read_corpus([text_path, text_path], ids_path=cache)


def test_damaged_cache_is_refused(tmp_path: Path, text_path: Path) -> None:
    cache = tmp_path / "ids"
    read_corpus(text_path, ids_path=cache)
    whole = cache.read_bytes()
    for n_bytes in range(0, len(whole), 37):
        cache.write_bytes(whole[:n_bytes])
        with pytest.raises(FormatError, match="ids"):
            read_corpus(text_path, ids_path=cache)
    n_refused = 0
    for place in range(0, len(whole), 37):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        cache.write_bytes(damaged)
        try:
            again = read_corpus(text_path, ids_path=cache)
        except FormatError:
            n_refused += 1
        else:  # zero bytes between the sections
            assert whole[place] == 0 and again.n_tokens_read == 600
    assert n_refused > 100


def test_cache_in_a_missing_folder(tmp_path: Path, text_path: Path) -> None:
    with pytest.raises(OutputError, match="missing"):
        read_corpus(text_path, ids_path=tmp_path / "missing" / "ids")


def test_results_are_shown_in_units(text_path: Path) -> None:
    out = io.StringIO()
    print(read_corpus(text_path).vocab, file=out)
    assert out.getvalue() == "<Vocab of 7 words, 600 tokens>\n"
