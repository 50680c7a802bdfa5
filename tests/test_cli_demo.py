"""`wordvec demo`: finds English on any machine with Python, learns from it, spares files."""

import os
import signal
import subprocess
import time

import pytest

import wordvec as library


def test_prose_is_docstrings_and_comments():
    from wordvec_cli.demotext import prose

    source = '''#!/usr/bin/python
"""Module text with "quotes" and a \\\\ backslash."""
x = "not # a comment"  # after code: left out
y = """not a docstring"""
# first line
#   second line

# another block
class C:
    r\'\'\'Raw text.\'\'\'
    def f(self): return 'it\\'s' + '# no'
'''
    assert [text.strip() for text in prose(source)] == [
        "!/usr/bin/python",
        'Module text with "quotes" and a \\\\ backslash.',
        "first line\n   second line",
        "another block",
        "Raw text.",
    ]


def test_the_library_gives_enough_text():
    from wordvec_cli.demo import LEAST_TOKENS, WORDS_SHOWN
    from wordvec_cli.demotext import sentences

    text = sentences()
    words = {word for line in text for word in line}
    assert sum(map(len, text)) > 4 * LEAST_TOKENS
    assert words.issuperset(WORDS_SHOWN)
    assert len({tuple(line) for line in text}) == len(text)


@pytest.mark.slow
def test_demo_shows_neighbours_and_writes_them(wordvec, tmp_path):
    start = time.monotonic()
    done = wordvec("demo")
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - start < 60  # 10 s on two idle cores; the limit in words is 20
    out = done.stdout.decode()
    assert "\r" not in out and "words/s" in out and "loss" in out
    neighbours = {line.split()[0]: line for line in out.splitlines() if line.startswith("  ")}
    # Singular and plural share contexts and letters; any sound training finds this.
    assert "files" in neighbours["file"] and "errors" in neighbours["error"]
    vectors = library.load(tmp_path / "wordvec-demo.wordvec")
    assert len(vectors) > 2000 and "expected:" in out and "wordvec train" in out
    assert wordvec("demo").returncode == 0  # a second run replaces its own file


def test_demo_spares_files_of_others(wordvec, tmp_path):
    for arguments, name in ((["demo"], "wordvec-demo.wordvec"), (["demo", "-o", "mine"], "mine")):
        (tmp_path / name).write_bytes(b"precious")
        done = wordvec(*arguments)
        assert done.returncode == 1 and b"--force" in done.stderr
        assert (tmp_path / name).read_bytes() == b"precious"
    done = wordvec("demo", "-o", "no/such/folder/v")
    assert done.returncode == 1 and done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("seconds_before", [0.6, 2.5])
def test_ctrl_c_in_the_demo(command, command_environment, tmp_path, seconds_before):
    process = subprocess.Popen(
        [*command, "demo"], cwd=tmp_path, env=command_environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    time.sleep(seconds_before)
    process.send_signal(signal.SIGINT)
    start = time.monotonic()
    _, errors = process.communicate(timeout=30)
    assert time.monotonic() - start < 3
    assert process.returncode == 130 and b"Traceback" not in errors
    assert os.listdir(tmp_path) in ([], ["wordvec-demo.wordvec"])
