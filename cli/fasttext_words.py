"""fasttext print-word-vectors, print-sentence-vectors, print-ngrams, nn, analogies and dump."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from .fasttext_labels import lines_as_they_come
from .fasttext_train import load
from .fasttext_usage import USAGES
from .main import EXIT_ERROR, CommandError
from .numerals import read_whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wordvec.fasttextmodel import FastTextModel, Rows

LOSS_NAMES = {"hs": "hs", "ns": "ns", "softmax": "softmax", "ova": "one-vs-all"}
BLOCK_ROWS = 1024


def vector_lines(words: list[str], rows: NDArray[np.float32]) -> bytes:
    """`WORD NUMBER ... NUMBER SPACE` a line, five digits."""
    from io import BytesIO

    from wordvec.formats import fasttext_vec
    from wordvec.vectors import Vectors

    stream = BytesIO()
    fasttext_vec.write(stream, Vectors(words, rows), "output")
    return stream.getvalue().partition(b"\n")[2]


def print_word_vectors(command: str, arguments: list[str]) -> int:
    model = load(arguments[0])
    out = sys.stdout.buffer
    for words in words_as_they_come():
        for first in range(0, len(words), BLOCK_ROWS):
            piece = words[first : first + BLOCK_ROWS]
            out.write(vector_lines(piece, model.word_vectors(piece)))
        out.flush()
    return 0


def words_as_they_come() -> Iterator[list[str]]:
    """Words of stdin, a list for each piece that could be read."""
    for text in lines_as_they_come(0):
        words = text.decode("utf-8", "surrogateescape").split(" ")
        if not text.isascii() or any(c in text for c in b"\t\n\r\v\f"):
            words = [word.decode("utf-8", "surrogateescape") for word in text.split()]
        yield [word for word in words if word]


def print_sentence_vectors(command: str, arguments: list[str]) -> int:
    from wordvec.models.labelling import Labeller
    from wordvec.models.wordqueries import sentence_vectors

    model = load(arguments[0])
    labeller = Labeller(model) if model.is_supervised else None
    out = sys.stdout.buffer
    for text in lines_as_they_come(0):
        rows = sentence_vectors(model, text, labeller)
        # Lines of vectors begin with a word; here there is none.
        lines = vector_lines(["-"] * len(rows), rows)
        out.write(lines.replace(b"\n- ", b"\n")[2:])
        out.flush()
    return 0


def print_ngrams(command: str, arguments: list[str]) -> int:
    from wordvec.models.wordqueries import subwords_of

    model = load(arguments[0])
    pieces, rows = subwords_of(model, arguments[1])
    if pieces:
        sys.stdout.buffer.write(vector_lines(pieces, model.input.rows(rows)))
    return 0


# ---- questions ----------------------------------------------------------------------------------


def how_many(arguments: list[str]) -> int:
    if not arguments:
        return 10
    k = read_whole(arguments[0])
    if k is None or k < 1:
        raise CommandError(f"k: expected a whole number from 1, found {arguments[0]!r}")
    return k


def nn(command: str, arguments: list[str]) -> int:
    from wordvec.models.wordqueries import Neighbours

    k = how_many(arguments[1:])
    neighbours = Neighbours(load(arguments[0]))
    ask("Query word? ", 1, lambda words: neighbours.nearest(words[0], k))
    return 0


def analogies(command: str, arguments: list[str]) -> int:
    from wordvec.models.wordqueries import Neighbours

    k = how_many(arguments[1:])
    _out(f"Loading model {arguments[0]}\n")
    neighbours = Neighbours(load(arguments[0]))
    ask(
        "Query triplet (A - B + C)? ",
        3,
        lambda words: neighbours.analogies(words[0], words[1], words[2], k),
    )
    return 0


def ask(prompt: str, n_words: int, answer: Callable[[list[str]], list[tuple[float, str]]]) -> None:
    """Prompt, read so many words, print the answer; until the input ends."""
    _out(prompt)
    waiting: list[str] = []
    for words in words_as_they_come():
        waiting += words
        while len(waiting) >= n_words:
            query, waiting = waiting[:n_words], waiting[n_words:]
            lines = [f"{word} {similarity:g}\n" for similarity, word in answer(query)]
            _out("".join(lines) + prompt)


def _out(text: str) -> None:
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stdout.buffer.flush()


# ---- dump ---------------------------------------------------------------------------------------


def dump(command: str, arguments: list[str]) -> int:
    parts = {"args": dump_args, "dict": dump_dictionary, "input": dump_input, "output": dump_output}
    model = load(arguments[0])
    if arguments[1] not in parts:
        sys.stdout.write(USAGES["dump"])
        return EXIT_ERROR
    parts[arguments[1]](model)
    return 0


def dump_args(model: FastTextModel) -> None:
    args = model.args
    values: list[tuple[str, Any]] = [
        ("dim", args.dim), ("ws", args.window), ("epoch", args.epochs),
        ("minCount", args.min_count), ("neg", args.negative), ("wordNgrams", args.word_ngrams),
        ("loss", LOSS_NAMES[args.loss]), ("model", args.kind),
        ("bucket", args.bucket), ("minn", args.min_n), ("maxn", args.max_n),
        ("lrUpdateRate", args.lr_update_rate), ("t", f"{args.sample:g}"),
    ]  # fmt: skip
    _out("".join(f"{name} {value}\n" for name, value in values))


def dump_dictionary(model: FastTextModel) -> None:
    dictionary = model.dictionary
    out = sys.stdout.buffer
    out.write(b"%d\n" % len(dictionary.words))
    counts = dictionary.counts.tolist()
    for number, count in enumerate(counts):
        kind = b"word" if number < dictionary.n_words else b"label"
        out.write(b"%s %d %s\n" % (dictionary.words.word_bytes(number), count, kind))


def dump_input(model: FastTextModel) -> None:
    _dump_rows(model.input)


def dump_output(model: FastTextModel) -> None:
    _dump_rows(model.output)


def _dump_rows(rows: Rows) -> None:
    if rows.is_quantized:
        print("Not supported for quantized models.", file=sys.stderr)
        return
    out = sys.stdout
    out.write(f"{rows.n_rows} {rows.dim}\n")
    style = " ".join(["%g"] * rows.dim) + "\n"
    for first in range(0, rows.n_rows, BLOCK_ROWS):
        block = rows.block(first, min(first + BLOCK_ROWS, rows.n_rows))
        out.write("".join([style % tuple(row) for row in block.tolist()]))
