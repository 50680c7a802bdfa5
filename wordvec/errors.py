"""The errors that wordvec raises on purpose.

Each message is one line for a person: what was expected, what was found, what to do.
The command line prints it after `wordvec: ` and adds no traceback.
"""

from __future__ import annotations

import os
from typing import Any


class WordvecError(Exception):
    """Base of every error raised on purpose."""


class OptionError(WordvecError, ValueError):
    """An option has a value it cannot take, or two options contradict each other.

    `option` is the Python name (`vector_size`); commands translate it to their own flag.
    """

    def __init__(self, option: str, expected: str, found: object) -> None:
        self.option = option
        self.expected = expected
        self.found = found
        super().__init__(f"{option}: expected {expected}, found {found!r}")


class CorpusError(WordvecError):
    """The training text is missing, empty, unreadable, or gives no vocabulary."""


class EmptyCorpusError(CorpusError, RuntimeError):
    """There is nothing to train on.  (gensim: RuntimeError, there is no vocabulary.)"""


class MissingCorpusError(CorpusError, FileNotFoundError):
    """A file of text is not there."""


class CorpusTypeError(CorpusError, TypeError):
    """What was given can be no corpus.  (gensim: TypeError.)"""


class RareWordsError(EmptyCorpusError):
    """No word occurs `min_count` times.

    `word` is the most frequent one, with its `count`.  Commands translate `min_count` to their
    own flag by `message`.
    """

    def __init__(self, corpus: str, min_count: int, word: bytes, count: int) -> None:
        self.corpus = corpus
        self.min_count = min_count
        self.word = word
        self.count = count
        super().__init__(self.message("min_count"))

    def message(self, option: str) -> str:
        shown = self.word.decode("utf-8", "backslashreplace")
        return (
            f"{self.corpus}: no word occurs {self.min_count} times or more; the most frequent is "
            f"{shown!r:.60} with {self.count}; lower {option}"
        )


class FormatError(WordvecError, ValueError):
    """A file is not what its format promises.

    `offset` counts bytes from the start of the (unpacked) file; None when no single place is
    to blame.  Text that people write and edit is pointed at by `line` instead, from 1.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        offset: int | None,
        expected: str,
        found: str,
        hint: str = "",
        line: int | None = None,
    ) -> None:
        self.path = os.fspath(path)
        self.offset = offset
        self.expected = expected
        self.found = found
        self.hint = hint
        self.line = line
        place = self.path if offset is None else f"{self.path}: byte {offset}"
        place += "" if line is None else f": line {line}"
        message = f"{place}: expected {expected}, found {found}"
        super().__init__(f"{message}; {hint}" if hint else message)


class OutputError(WordvecError, OSError):
    """A file could not be written; nothing half-written was left behind."""


class TrainingError(WordvecError):
    """Training cannot go on."""


class CheckpointError(TrainingError):
    """A checkpoint is of another training than the one that shall go on from it.

    `option` is the name of the option that differs, from `then` to `now`, or None when it is
    something else, `what`.  Commands put their own flag into `message`.
    """

    def __init__(self, path: str, option: str | None, then: Any, now: Any, what: str = "") -> None:
        self.path, self.option, self.then, self.now, self.what = path, option, then, now, what
        super().__init__(self.message(option or what))

    def message(self, name: str) -> str:
        difference = f"{name} {self.then}, not {self.now}" if self.then is not None else name
        return (
            f"{self.path} is there, of a training with {difference}; delete it or name another file"
        )


class DivergedError(TrainingError):
    """The learning rate is too high: the loss is no longer a number, or grows beyond all bounds.

    model   what training has so far, in the form that it would have returned: the weights from
            before the update that failed, all of them numbers, although hardly good ones; None
            where the trainer keeps nothing.  For Word2Vec and FastText the model itself, with the
            last good weights
    """

    model: Any = None


class MissingExtraError(WordvecError, ImportError):
    """A package that wordvec can do without is needed for what was asked."""

    def __init__(self, purpose: str, extra: str, package: str) -> None:
        self.extra = extra
        super().__init__(
            f"{purpose} needs the package {package}, which is not installed; "
            f"install it with: pip install 'wordvec[{extra}]'"
        )
