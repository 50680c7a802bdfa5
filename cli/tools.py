"""`wordvec tools DIR`: small executables with the original tools' names.

With DIR first on PATH, scripts written for the originals run on this engine unchanged.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import click

from .main import EXIT_ERROR, complain

# Original tool -> our command; later commands add their lines here.
TOOLS = {
    "word2vec": "word2vec",
    "word2phrase": "word2phrase",
    "distance": "distance",
    "word-analogy": "word-analogy",
    "compute-accuracy": "compute-accuracy",
    "fasttext": "fasttext",
    "vocab_count": "glove vocab_count",
    "cooccur": "glove cooccur",
    "shuffle": "glove shuffle",
    "glove": "glove glove",
    "node2vec": "graph node2vec",
    "pecanpy": "graph pecanpy",
    "deepwalk": "graph deepwalk",
    "line": "graph line",
}
# Not `-m wordvec_cli`: that way Python imports runpy first, for 4 ms.
PROGRAM = "from wordvec_cli.main import run; run()"
# Second line of every file we write, and how we know it again.
MARK = b"# Written by `wordvec tools`; writing again replaces it."


def script_for(tool: str) -> bytes:
    """The executable's text.

    It goes through /bin/sh because a #! line can hold neither blanks nor a long path.  -P keeps
    Python from importing a folder named wordvec in the directory where the script is called.
    """
    python = shlex.quote(sys.executable)
    line = f'exec {python} -P -c "{PROGRAM}" {TOOLS[tool]} "$@"\n'
    return b"#!/bin/sh\n" + MARK + b"\n" + os.fsencode(line)


def is_ours(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return MARK in file.read(1000)
    except OSError:
        return False


@click.command("tools")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace files that `wordvec tools` did not write.")
def command(directory: Path, force: bool) -> int:
    """Write executables with the original tools' names into DIR (made if missing).

    Put DIR first on PATH and scripts made for the originals run on wordvec:

    \b
      wordvec tools ~/wordvec-bin
      PATH=~/wordvec-bin:$PATH ./train.sh
    """
    if not sys.executable:
        raise click.ClickException("this Python does not know its own path (sys.executable)")
    directory.mkdir(parents=True, exist_ok=True)
    foreign = [
        path
        for path in (directory / tool for tool in TOOLS)
        if os.path.lexists(path) and not is_ours(path)
    ]
    if foreign and not force:
        complain(f"wordvec tools: {foreign[0]} exists and is not ours; --force replaces it")
        return EXIT_ERROR
    for tool in TOOLS:
        _write_executable(directory / tool, script_for(tool))
        click.echo(directory / tool)
    if str(directory.absolute()) not in os.environ.get("PATH", "").split(os.pathsep):
        click.echo(f"To use them: export PATH={shlex.quote(str(directory.absolute()))}:$PATH")
    return 0


def _write_executable(path: Path, content: bytes) -> None:
    """Through a temporary file: whoever runs the old one meanwhile keeps a whole file."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.chmod(0o755)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
