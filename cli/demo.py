"""`wordvec demo`: `wordvec train` on text that comes with Python, in half a minute at most."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from .meter import Meter, short_number
from .train import chosen_format
from .trainreport import plan_text, result_text

if TYPE_CHECKING:
    from wordvec.training import Plan, Result

DEFAULT_OUTPUT = "wordvec-demo.wordvec"
MADE_OF = "the documentation of Python's standard library"  # in the file: made by this demo
SETTINGS: dict[str, Any] = {"preset": "default", "time_budget": 20.0}
MOST_THREADS = 4
WORDS_SHOWN = ("file", "list", "error", "thread", "socket", "string", "server", "directory")
LEAST_TOKENS = 50_000


@click.command("demo")
@click.option(
    "-o", "--output", metavar="FILE", default=None, help=f"Vector file (default {DEFAULT_OUTPUT})."
)
@click.option("--force", is_flag=True, help="Replace FILE even if this demo did not write it.")
def command(output: str | None, force: bool) -> int:
    """Train on the documentation of this Python's own library and show neighbours.

    Needs no download and takes about ten seconds, 20 at most. Does what `wordvec train` does.
    """
    path = output or DEFAULT_OUTPUT
    if not force:
        refuse_foreign(path)
    from wordvec import formats
    from wordvec.files import OutputFile

    from .main import EXIT_INTERRUPTED

    start = time.perf_counter()
    OutputFile(path).discard()  # a missing folder shows now
    plan, result = train(start)
    result.vectors.metadata["text"] = MADE_OF
    formats.save(result.vectors, path, chosen_format(path, None))
    seconds = time.perf_counter() - start
    print("\n" + "\n".join(result_text(plan, result, path, {}, seconds, WORDS_SHOWN)))
    print(
        """
Now with your own text: one sentence or paragraph a line, words separated by blanks.
  wordvec train TEXT.txt"""
    )
    return EXIT_INTERRUPTED if result.interrupted else 0


def refuse_foreign(path: str) -> None:
    """Stop unless `path` is free, no regular file, or a file that this demo wrote."""
    from wordvec import WordvecError, load

    try:
        with open(path, "rb") as file:
            if not file.seekable():
                return
        metadata = load(path, "wordvec").metadata
    except FileNotFoundError:
        return
    except (WordvecError, OSError):
        metadata = {}
    if metadata.get("text") != MADE_OF:
        raise click.ClickException(
            f"{path} exists and was not written by this demo: "
            "-o takes another name, --force replaces it"
        )


def train(start: float) -> tuple[Plan, Result]:
    from wordvec.training import carry_out, prepare, usable_cores

    from .demotext import sentences

    print("Text: docstrings and comments of Python's standard library, and pydoc's topics.")
    text = sentences()
    n_tokens = sum(map(len, text))
    if n_tokens < LEAST_TOKENS:
        raise click.ClickException(
            f"this Python carries only {n_tokens} words of documentation (its library's source "
            "files are missing); use `wordvec train YOUR_TEXT`"
        )
    seconds = time.perf_counter() - start
    print(f"{short_number(n_tokens)} words in {len(text)} paragraphs, read in {seconds:.1f} s.")
    given = {"workers": min(MOST_THREADS, usable_cores())}
    plan = prepare(text, **SETTINGS, given=given)
    print("\n".join(plan_text(plan)), flush=True)
    meter = Meter(sys.stdout)
    try:
        return plan, carry_out(plan, meter)
    finally:
        meter.close()
