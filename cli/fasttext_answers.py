"""fasttext explain and probabilities, which the original has not: what is behind an answer."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .fasttext_labels import cores, make_labeller, may_read, texts_of
from .main import EXIT_ERROR, CommandError
from .numerals import read_whole

if TYPE_CHECKING:
    from wordvec.models.explain import Explanation

FEATURES_SHOWN = 10
NOTHING_KNOWN = "no word or n-gram of this line is in the model"


def explain(command: str, arguments: list[str]) -> int:
    """For each line: its label, the closest rival, and what made the difference."""
    from wordvec.errors import OptionError
    from wordvec.models.explain import explain as explain_line

    n_shown = number_shown(arguments[2:])
    label = arguments[3] if len(arguments) > 3 else None
    labeller = make_labeller(arguments[0])
    if label is not None:
        known = labeller.model.dictionary
        if known.label_id(label) < 0 and known.label_id(known.label_prefix + label) < 0:
            raise CommandError(f"label: expected one of the model's, found {label!r}")
    if not may_read(arguments[1]):
        print("Input file cannot be opened!", file=sys.stderr)
        return EXIT_ERROR
    out = sys.stdout.buffer
    for line in lines_of(arguments[1]):
        try:
            text = described(explain_line(labeller, line, label), n_shown)
        except OptionError:  # of the line: the label is known
            text = NOTHING_KNOWN + "\n"
        out.write(text.encode("utf-8", "surrogateescape"))
        out.flush()
    return 0


def number_shown(arguments: list[str]) -> int:
    if not arguments:
        return FEATURES_SHOWN
    n = read_whole(arguments[0])
    if n is None or n == 0 or n < -1:
        raise CommandError(f"n: expected a whole number from 1, or -1, found {arguments[0]!r}")
    return n


def lines_of(name: str) -> Iterator[str]:
    """Lines without their breaks, as soon as they are there."""
    texts, _ = texts_of(name)
    for text in texts:
        lines = text.decode("utf-8", "surrogateescape").split("\n")
        yield from lines[:-1] if lines[-1] == "" else lines


def described(explanation: Explanation, n_shown: int) -> str:
    """`LABEL PROBABILITY RIVAL MARGIN`, then `  SHARE KIND TEXT` of what weighs most.

    A rival of `-`: each label stands for itself in this model, or there is no other.
    """
    lines = [
        f"{explanation.label} {explanation.probability:g} {explanation.rival or '-'} "
        f"{explanation.margin:g}"
    ]
    weighty = sorted(explanation.features, key=lambda feature: -abs(feature.contribution))
    for feature in weighty if n_shown == -1 else weighty[:n_shown]:
        times = f" x{feature.n_times}" if feature.n_times > 1 else ""
        lines.append(f"  {feature.contribution:+.4f} {feature.kind} {feature.text}{times}")
    return "\n".join(lines) + "\n"


def probabilities(command: str, arguments: list[str]) -> int:
    """A line of JSON for each line: its labels, and the probability of every label."""
    from wordvec.models.meters import write_probabilities

    labeller = make_labeller(arguments[0])
    if not may_read(arguments[1]):
        print("Test file cannot be opened!", file=sys.stderr)
        return EXIT_ERROR
    texts, n_threads = texts_of(arguments[1])
    # JSON escapes what is not ASCII.
    out = io.TextIOWrapper(sys.stdout.buffer, "ascii", write_through=False)
    try:
        write_probabilities(labeller, texts, out, min(n_threads, cores()))
        out.flush()
    finally:
        out.detach()
    return 0
