"""`wordvec compute-accuracy`: the original tool's score on a file of analogy questions."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import click
import numpy as np
from numpy.typing import NDArray

from .flags import whole_number
from .main import complain
from .original_queries import load_vectors, query_command, standard_input
from .original_scores import OriginalScores

if TYPE_CHECKING:
    from wordvec.vectors import Vectors

# Sections 1 to 5 of the original's question file are semantic; it goes by their number alone.
N_SEMANTIC_SECTIONS = 5
QUESTIONS_PER_BLOCK = 2000


def compute_accuracy(ctx: click.Context, file: str, threshold: int | None) -> int:
    """Score vectors on the analogy questions of standard input.

    Output is that of the original tool, byte for byte; FILE may be of any format that wordvec
    reads. Words are compared in upper case (A to Z alone). THRESHOLD keeps the first words of
    FILE only, such as 30000; 0 keeps all.

    \b
    Example:
      wordvec compute-accuracy vectors.bin 30000 < questions-words.txt
    """
    vectors = load_vectors(ctx, file, threshold or None)
    test = Test(vectors, sys.stdout.buffer)
    if test.take(Tokens(standard_input())):
        complain(f"{ctx.command_path}: note: input ends within a question; it is counted with "
                 "the words of the one before, as in the original")  # fmt: skip
    return 0


class Tokens:
    """What `scanf("%s")` reads: words between white space, and whether the input has ended."""

    def __init__(self, stream: BinaryIO) -> None:
        self._words = self._read(stream)
        self.ended = False  # C's feof: also true once a word ran up to the last byte

    def _read(self, stream: BinaryIO) -> Iterator[bytes]:
        for line in stream:
            words = line.split()
            for number, word in enumerate(words, start=1):
                self.ended = number == len(words) and line.endswith(word)
                yield word

    def next(self) -> bytes | None:
        word = next(self._words, None)
        if word is None:
            self.ended = True
        return word


@dataclass
class Score:
    """Questions answered and those answered rightly."""

    n_right: int = 0
    n: int = 0

    def add(self, is_right: bool) -> None:
        self.n += 1
        self.n_right += is_right

    @property
    def percent(self) -> bytes:
        """Two decimals of n_right / n * 100 in float32, the original's arithmetic."""
        return percent(self.n_right, self.n)


def percent(part: int, whole: int) -> bytes:
    if whole == 0:
        return b"-nan"  # 0/0 on x86-64 with glibc, where the published figures come from
    return b"%.2f" % float(np.float32(part) / np.float32(whole) * np.float32(100))


class Test:
    """One run over the questions; writes the originals' lines as sections end."""

    __test__ = False  # no test case of pytest

    def __init__(self, vectors: Vectors, out: BinaryIO) -> None:
        self.out = out
        self.scores = OriginalScores(vectors)
        self.words = [upper(word) for word in vectors.words]
        # From the last word to the first, so that the first of equal words stays.
        self.row_of = {self.words[row]: row for row in range(len(self.words) - 1, -1, -1)}
        self.n_sections = 0
        self.n_questions = 0
        self.section, self.total = Score(), Score()
        self.semantic, self.syntactic = Score(), Score()
        self._waiting: list[list[int]] = []

    def take(self, tokens: Tokens) -> bool:
        """Read all questions; true if the input ended within one."""
        question = [b""] * 4
        ended_within = False
        while True:
            first = tokens.next()
            question[0] = question[0] if first is None else first.upper()
            if tokens.ended or question[0] in (b":", b"EXIT"):
                self.end_section()
                name = tokens.next()
                if name is None or tokens.ended:
                    break
                self.out.write(name + b":\n")
                self.out.flush()
                question[0] = name
                continue
            for place in (1, 2, 3):
                word = tokens.next()
                # A question that is cut off keeps the words of the one before it.
                ended_within |= word is None
                question[place] = question[place] if word is None else word.upper()
            self.ask(question)
        n_seen = self.total.n
        line = b"Questions seen / total: %d %d   " % (n_seen, self.n_questions)
        self.out.write(line + percent(n_seen, self.n_questions) + b" % \n")
        self.out.flush()
        return ended_within

    def ask(self, question: list[bytes]) -> None:
        """Count a question; it waits for others to be answered with if its words are known."""
        self.n_questions += 1
        rows = [self.row_of.get(word) for word in question]
        if None in rows:
            return
        self._waiting.append([row for row in rows if row is not None])
        if len(self._waiting) == QUESTIONS_PER_BLOCK:
            self.answer()

    def answer(self) -> None:
        """Answer the waiting questions and count them for the present section."""
        if not self._waiting:
            return
        asked = np.array(self._waiting, np.int64)
        answers = self.scores.best_rows(self._queries(asked), asked[:, :3].tolist())
        kind = self.semantic if self.n_sections <= N_SEMANTIC_SECTIONS else self.syntactic
        for row, expected in zip(answers.tolist(), asked[:, 3].tolist(), strict=True):
            # Words, not rows: another case variant of the expected word is right too.
            is_right = row >= 0 and self.words[row] == self.words[expected]
            for score in (self.section, self.total, kind):
                score.add(is_right)
        self._waiting = []

    def _queries(self, asked: NDArray[np.int64]) -> NDArray[np.float32]:
        """float32[n, dim]: second - first + third unit row, not scaled."""
        needed, places = np.unique(asked[:, :3], return_inverse=True)
        units = self.scores.units(needed)
        first, second, third = places.reshape(len(asked), 3).T
        return np.asarray(units[second] - units[first] + units[third])

    def end_section(self) -> None:
        self.answer()
        if self.n_sections > 0:
            n = self.section.n or 1  # the original's way around 0/0 in this line alone
            shown = percent(self.section.n_right, n)
            self.out.write(
                b"ACCURACY TOP1: %b %%  (%d / %d)\n" % (shown, self.section.n_right, n)
                + b"Total accuracy: %b %%   " % self.total.percent
                + b"Semantic accuracy: %b %%   " % self.semantic.percent
                + b"Syntactic accuracy: %b %% \n" % self.syntactic.percent
            )
        self.n_sections += 1
        self.section = Score()


def upper(word: str) -> bytes:
    """A word's bytes in upper case by the ASCII rule, whatever the locale."""
    return word.encode("utf-8", "surrogateescape").upper()


command = query_command(
    "compute-accuracy",
    compute_accuracy,
    click.Argument(["threshold"], metavar="[THRESHOLD]", type=whole_number(0, 2**63 - 1),
                   required=False),
)  # fmt: skip
