"""`wordvec demo`: real vectors from text that is already on the machine, in a few seconds."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from .meter import Meter, short_number

if TYPE_CHECKING:
    from wordvec.files import OutputFile
    from wordvec.keyedvectors import KeyedVectors

DEFAULT_OUTPUT = "wordvec-demo.txt"
# Chosen by looking at neighbours: half a million words want many passes and few rare words.
SETTINGS: dict[str, Any] = {
    "vector_size": 100,
    "window": 5,
    "min_count": 10,
    "sg": 0,
    "negative": 10,
    "sample": 1e-3,
    "alpha": 0.05,
    "epochs": 20,
}
MAX_THREADS = 4
WORDS_SHOWN = ("file", "list", "error", "thread", "socket", "string", "server", "directory")
N_NEIGHBOURS = 6
LEAST_TOKENS = 50_000


@click.command("demo")
@click.option(
    "-o", "--output", metavar="FILE", default=None, help=f"Vector file (default {DEFAULT_OUTPUT})."
)
@click.option("--force", is_flag=True, help="Replace FILE even if this demo did not write it.")
def command(output: str | None, force: bool) -> int:
    """Train on the documentation of this Python's own library and show neighbours.

    Needs no download and takes about ten seconds. Writes the vectors as text.
    """
    path = output or DEFAULT_OUTPUT
    if not force:
        refuse_foreign(path)
    from wordvec.files import OutputFile

    from .main import EXIT_INTERRUPTED

    with OutputFile(path) as file:
        start = time.perf_counter()
        vectors, interrupted = train(start)
        show_neighbours(vectors)
        write(vectors, file)
    seconds = time.perf_counter() - start
    print(f"\n{len(vectors)} vectors are in {path}; the whole demo took {seconds:.1f} s.")
    print_next_steps(path)
    return EXIT_INTERRUPTED if interrupted else 0


def refuse_foreign(path: str) -> None:
    """Stop unless `path` is free, no regular file, or a vector file such as this demo writes."""
    try:
        with open(path, "rb") as file:
            if not file.seekable():
                return
            head = file.readline(100).split() + file.readline(100).split(b" ")[:1]
    except FileNotFoundError:
        return
    size = b"%d" % SETTINGS["vector_size"]
    looks_ours = len(head) == 3 and head[1] == size and head[2] in (b"the", b"</s>")
    if not looks_ours:
        raise click.ClickException(
            f"{path} exists and was not written by this demo: "
            "-o takes another name, --force replaces it"
        )


def train(start: float) -> tuple[KeyedVectors, bool]:
    """The vectors, and whether Ctrl-C ended their training early."""
    from wordvec.models.word2vec import Word2Vec

    from .demotext import sentences
    from .doctor import usable_cores

    print("Text: docstrings and comments of Python's standard library, and pydoc's topics.")
    text = sentences()
    n_tokens = sum(map(len, text))
    if n_tokens < LEAST_TOKENS:
        raise click.ClickException(
            f"this Python carries only {n_tokens} words of documentation (its library's source "
            "files are missing); use `wordvec word2vec -train YOUR_TEXT -output vectors.txt`"
        )
    n_threads = min(MAX_THREADS, usable_cores() or 1)
    print(
        f"{short_number(n_tokens)} words in {len(text)} paragraphs, read in "
        f"{time.perf_counter() - start:.1f} s. Training {SETTINGS['epochs']} passes "
        f"with {n_threads} thread{'s' if n_threads > 1 else ''} (CBOW, "
        f"{SETTINGS['vector_size']} dimensions):",
        flush=True,
    )
    meter = Meter(sys.stdout)
    try:
        model = Word2Vec(text, workers=n_threads, reporter=meter, **SETTINGS)
    finally:
        meter.close()
    assert model.wv is not None and model.outcome is not None  # it has been trained
    if model.outcome.interrupted:
        print("Interrupted: these are the vectors so far.")
    return model.wv, model.outcome.interrupted


def show_neighbours(vectors: KeyedVectors) -> None:
    print("\nNearest neighbours by cosine:")
    for word in WORDS_SHOWN:
        if word in vectors:
            found = vectors.similar(word, N_NEIGHBOURS)
            print(f"  {word:<10} " + ", ".join(f"{other} {cosine:.2f}" for other, cosine in found))


def write(vectors: KeyedVectors, file: OutputFile) -> None:
    from wordvec.formats import word2vec_text

    word2vec_text.write(file.stream, vectors, file.path)


def print_next_steps(path: str) -> None:
    print(
        f"""
Now with your own text: one sentence or paragraph a line, words separated by blanks.
  wordvec word2vec -train TEXT.txt -output vectors.txt -cbow 0
or in Python:
  from wordvec import Word2Vec
  model = Word2Vec(corpus_file="TEXT.txt", sg=1)
  model.wv.similar("{WORDS_SHOWN[0]}")
`wordvec word2vec --help` lists all options; any tool that reads word2vec's
text format reads {path}."""
    )
