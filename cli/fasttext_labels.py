"""fasttext test, test-label, predict and predict-prob."""

from __future__ import annotations

import math
import os
import stat
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .fasttext_train import load
from .main import EXIT_ERROR, CommandError
from .numerals import read_number, read_whole

if TYPE_CHECKING:
    from wordvec.models.labelling import Block, Labeller
    from wordvec.models.meters import Meter

PIECE_BYTES = 1 << 20


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


def k_and_threshold(arguments: list[str]) -> tuple[int, float]:
    """The two optional arguments."""
    k, threshold = 1, 0.0
    if arguments:
        whole = read_whole(arguments[0])
        if whole is None:
            raise CommandError(f"k: expected a whole number, found {arguments[0]!r}")
        k = whole
    if len(arguments) > 1:
        number = read_number(arguments[1])
        if number is None:
            raise CommandError(f"threshold: expected a number, found {arguments[1]!r}")
        threshold = number
    if k == 0 or k < -1:
        raise CommandError("k needs to be 1 or higher! (or -1 for all labels)")
    return k, threshold


def texts_of(name: str) -> tuple[Iterator[bytes], int]:
    """(texts of whole lines, threads that may work on them).

    Lines of a pipe or terminal come as soon as they are there: whoever writes them may wait for
    the answer before the next.
    """
    from wordvec.models.labelling import line_chunks

    if name == "-" and not stat.S_ISREG(os.fstat(0).st_mode):
        return lines_as_they_come(0), 1
    if name != "-" and stat.S_ISFIFO(os.stat(name).st_mode):
        return lines_as_they_come(os.open(name, os.O_RDONLY)), 1
    return line_chunks(name, PIECE_BYTES), cores()


def lines_as_they_come(descriptor: int) -> Iterator[bytes]:
    """What can be read without waiting, cut after its last newline."""
    pieces: list[bytes] = []
    while data := os.read(descriptor, PIECE_BYTES):
        end = data.rfind(b"\n") + 1
        if not end:
            pieces.append(data)
            continue
        yield b"".join([*pieces, data[:end]])
        pieces = [data[end:]] if data[end:] else []
    if pieces:
        yield b"".join(pieces)


def may_read(name: str) -> bool:
    return name == "-" or (os.path.exists(name) and os.access(name, os.R_OK))


def make_labeller(model_name: str) -> Labeller:
    from wordvec.models.labelling import Labeller

    return Labeller(load(model_name))


# ---- predict ------------------------------------------------------------------------------------


def predict(command: str, arguments: list[str]) -> int:
    name = arguments[1]
    k, threshold = k_and_threshold(arguments[2:])
    labeller = make_labeller(arguments[0])
    if not may_read(name):
        print("Input file cannot be opened!", file=sys.stderr)
        return EXIT_ERROR
    texts, n_threads = texts_of(name)
    words = labeller.model.dictionary.words
    n_words = labeller.model.dictionary.n_words
    labels = [words.word_bytes(n_words + k) for k in range(labeller.n_labels)]
    if command == "predict" and k == 1 and threshold <= 0 and os.path.isfile(name):
        labeller.expect_only_labels(os.path.getsize(name), n_threads)
    format_block = with_probabilities if command == "predict-prob" else only_labels
    out = sys.stdout.buffer
    for block in labeller.blocks(texts, k, threshold, n_threads):
        out.write(format_block(block, labels))
        out.flush()
    return 0


def only_labels(block: Block, labels: list[bytes]) -> bytes:
    """`LABEL LABEL` a line."""
    if block.labels.shape[1] == 1:
        named = [*labels, b""]  # -1: the last, nothing
        lines = [named[label] for label in block.labels[:, 0].tolist()]
    else:
        lines = [
            b" ".join([labels[label] for label in row if label >= 0])
            for row in block.labels.tolist()
        ]
    return b"".join([line + b"\n" for line in lines])


def with_probabilities(block: Block, labels: list[bytes]) -> bytes:
    """`LABEL PROBABILITY LABEL PROBABILITY` a line."""
    rows = zip(block.labels.tolist(), block.probabilities.tolist(), strict=True)
    return b"".join(
        b" ".join(
            [b"%s %g" % (labels[label], p) for label, p in zip(*row, strict=True) if label >= 0]
        )
        + b"\n"
        for row in rows
    )


# ---- test ---------------------------------------------------------------------------------------


def test(command: str, arguments: list[str]) -> int:
    from wordvec.models.meters import measure

    name = arguments[1]
    k, threshold = k_and_threshold(arguments[2:])
    labeller = make_labeller(arguments[0])
    if not may_read(name):
        print("Test file cannot be opened!", file=sys.stderr)
        return EXIT_ERROR
    texts, n_threads = texts_of(name)
    meter = measure(labeller, texts, k, threshold, n_threads=n_threads)
    out = sys.stdout.buffer
    if command == "test-label":
        for label, label_name in enumerate(labeller.label_names):
            out.write(label_line(meter, label, label_name))
    out.write(general_lines(meter, k, "{:.3f}" if command == "test-label" else "{:.3g}"))
    return 0


def label_line(meter: Meter, label: int, name: str) -> bytes:
    values = [
        ("F1-Score", meter.label_f1(label)),
        ("Precision", meter.label_precision(label)),
        ("Recall", meter.label_recall(label)),
    ]
    text = "".join(
        f"{title} : {'--------' if math.isnan(value) else f'{value:f}'}  "
        for title, value in values
    )
    return f"{text} {name}\n".encode("utf-8", "surrogateescape")


def general_lines(meter: Meter, k: int, style: str) -> bytes:
    precision, recall = style.format(meter.precision), style.format(meter.recall)
    return f"N\t{meter.n_lines}\nP@{k}\t{precision}\nR@{k}\t{recall}\n".encode()
