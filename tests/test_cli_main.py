"""The program's manners: help, exit codes, one line for every error, tools, doctor."""

import json
import os
import stat
import subprocess
import sys

import pytest
from wordvec_cli.tools import TOOLS


def test_no_arguments_is_help(wordvec):
    done = wordvec()
    assert done.returncode == 0
    assert b"word2vec" in done.stdout and b"demo" in done.stdout and done.stderr == b""


def test_version_is_the_packages(wordvec):
    done = wordvec("--version")
    assert done.returncode == 0
    assert done.stdout.split()[0] == b"wordvec" and done.stdout.split()[1][:1].isdigit()


@pytest.mark.parametrize("arguments", [["wrod2vec"], ["--verison"], ["doctor", "--jsno"]])
def test_wrong_usage_is_one_line_and_2(wordvec, arguments):
    done = wordvec(*arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.count(b"\n") == 1 and done.stderr.startswith(b"wordvec")


def test_a_misspelt_command_is_recognised(wordvec):
    assert b"did you mean word2vec?" in wordvec("wrod2vec").stderr


def test_help_does_not_import_numpy(command, command_environment):
    line = [*command[:-2], "-X", "importtime", *command[-2:], "--help"]
    done = subprocess.run(line, env=command_environment, capture_output=True, check=True)
    modules = done.stderr.decode()
    assert "wordvec_cli.app" in modules  # or the list would prove nothing
    assert "numpy" not in modules


def test_a_closed_pipe_is_quiet(command, command_environment):
    line = subprocess.list2cmdline(command)
    script = f"set -o pipefail; {line} word2vec --help | true"
    done = subprocess.run(
        ["bash", "-c", script], env=command_environment, capture_output=True, check=False
    )
    assert done.stderr == b""
    assert done.returncode in (0, 141)  # 0: the pipe took it all before it closed


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_stdout_is_one_line(wordvec):
    with open("/dev/full", "wb") as full:
        done = wordvec("doctor", stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1 and b"No space left" in done.stderr


def test_doctor_tells_instruction_sets(wordvec):
    done = wordvec("doctor")
    assert done.returncode == 0, done.stderr
    assert b"instruction sets" in done.stdout and b"active: " in done.stdout


def test_doctor_json(wordvec):
    report = json.loads(wordvec("doctor", "--json").stdout)
    assert report["instruction_set_active"] in report["instruction_sets"]
    assert report["versions"]["python"] == sys.version.split()[0]
    assert report["cores_usable"] >= 1
    assert report["extras"]["pytest"]["version"] == pytest.__version__


def test_doctor_obeys_forced_instruction_set(wordvec, command_environment):
    environment = command_environment | {"WORDVEC_SIMD": "baseline"}
    report = json.loads(wordvec("doctor", "--json", env=environment).stdout)
    assert report["instruction_set_active"] == "baseline"
    assert report["instruction_set_forced"] == "baseline"


def test_tools_work_from_a_folder_with_blanks(wordvec, command_environment, tmp_path):
    folder = tmp_path / "my old 'tools'"
    assert wordvec("tools", folder).returncode == 0
    tool = folder / "word2vec"
    assert tool.read_bytes().startswith(b"#!") and tool.stat().st_mode & stat.S_IXUSR
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", "word2vec -train"],
        env=command_environment | {"PATH": path},
        capture_output=True,
        cwd=tmp_path,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, b"Argument missing for -train\n"), done.stderr


def test_tools_are_not_led_astray_by_a_folder_of_that_name(wordvec, command_environment, tmp_path):
    (tmp_path / "wordvec").mkdir()
    (tmp_path / "wordvec" / "__init__.py").write_text("raise SystemExit(99)")
    wordvec("tools", "bin")
    done = subprocess.run(
        ["bin/word2vec"], cwd=tmp_path, env=command_environment, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_tools_replace_their_own_files_only(wordvec, tmp_path):
    assert wordvec("tools", "bin").returncode == 0
    assert wordvec("tools", "bin").returncode == 0
    precious = tmp_path / "bin" / "word2vec"
    precious.write_bytes(b"somebody else's")
    done = wordvec("tools", "bin")
    assert done.returncode == 1 and b"--force" in done.stderr
    assert precious.read_bytes() == b"somebody else's"
    assert wordvec("tools", "bin", "--force").returncode == 0
    assert precious.read_bytes().startswith(b"#!")
    assert sorted(os.listdir(tmp_path / "bin")) == sorted(TOOLS)
