"""Text files as iterables of sentences, under gensim's names.

They can be iterated over as often as one likes.  As a corpus of anything here they are not: where
`files` names the files that hold the same text, those are read directly, without Python.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator
from typing import Any

from wordvec.unpacking import STDIN, UnpackedFile

MAX_WORDS_IN_BATCH = 10000
_READ_BYTES = 1 << 16

Path = str | os.PathLike[str]


class TextSentences:
    """What the classes below share."""

    def __iter__(self) -> Iterator[list[str]]:
        raise NotImplementedError

    def files(self) -> list[str] | None:
        """Files whose lines are the sentences; None when only iterating gives them."""
        return None


class LineSentence(TextSentences):
    """One sentence a line, words separated by whitespace; lines without words are left out.

    source               path of a file, packed or not, or an open file that can seek
    max_sentence_length  longer lines are cut after so many words, when iterated over.  Training
                         from the path does not cut (`max_sentence` of the models would)
    limit                only the first so many lines
    """

    def __init__(
        self,
        source: Any,
        max_sentence_length: int = MAX_WORDS_IN_BATCH,
        limit: int | None = None,
    ) -> None:
        self.source = source
        self.max_sentence_length = max_sentence_length
        self.limit = limit

    def __iter__(self) -> Iterator[list[str]]:
        if isinstance(self.source, str | os.PathLike):
            yield from self._sentences(_lines_of(os.fspath(self.source)))
            return
        self.source.seek(0)
        yield from self._sentences(self.source)

    def _sentences(self, lines: Iterable[bytes | str]) -> Iterator[list[str]]:
        for line in itertools.islice(lines, self.limit):
            words = _text(line).split()
            for first in range(0, len(words), self.max_sentence_length):
                yield words[first : first + self.max_sentence_length]

    def files(self) -> list[str] | None:
        if self.limit is not None or not isinstance(self.source, str | os.PathLike):
            return None
        return [os.fspath(self.source)]


class PathLineSentences(LineSentence):
    """As LineSentence, for all files of a folder (not of those in it) in the order of their names.

    `limit` is one for each file.  ValueError when there is no such file or folder.
    """

    def __init__(
        self,
        source: Any,
        max_sentence_length: int = MAX_WORDS_IN_BATCH,
        limit: int | None = None,
    ) -> None:
        super().__init__(source, max_sentence_length, limit)
        name = os.fspath(source)
        if os.path.isfile(name):
            self.input_files = [name]
        elif os.path.isdir(name):
            self.source = os.path.join(name, "")
            self.input_files = [self.source + entry for entry in sorted(os.listdir(name))]
        else:
            raise ValueError(f"{name}: no such file or folder")
        import logging  # here, since every reading of a text imports this module

        logging.getLogger(__name__).info("%s: %d files", name, len(self.input_files))

    def __iter__(self) -> Iterator[list[str]]:
        for name in self.input_files:
            yield from self._sentences(_lines_of(name))

    def files(self) -> list[str] | None:
        return list(self.input_files) if self.limit is None else None


class Text8Corpus(TextSentences):
    """A file that is one long line, such as text8, in sentences of `max_sentence_length` words.

    Training from it takes the lines of the file as they are: one sentence, for text8.
    """

    def __init__(self, fname: Path, max_sentence_length: int = MAX_WORDS_IN_BATCH) -> None:
        self.fname = fname
        self.max_sentence_length = max_sentence_length

    def __iter__(self) -> Iterator[list[str]]:
        words: list[str] = []
        for piece in _word_pieces(os.fspath(self.fname)):
            words += _text(piece).split()
            while len(words) >= self.max_sentence_length:
                yield words[: self.max_sentence_length]
                del words[: self.max_sentence_length]
        if words:
            yield words

    def files(self) -> list[str] | None:
        return [os.fspath(self.fname)]


class BrownCorpus(TextSentences):
    """The Brown corpus as NLTK has it: a folder of files of WORD/TAG, a sentence a line.

    Sentences are lists of `word/tt`: the word in lower case, two letters of its tag; what has no
    letters for a tag (punctuation) is left out.
    """

    def __init__(self, dirname: Path) -> None:
        self.dirname = dirname

    def __iter__(self) -> Iterator[list[str]]:
        folder = os.fspath(self.dirname)
        for entry in os.listdir(folder):
            name = os.path.join(folder, entry)
            if not os.path.isfile(name):
                continue
            for line in _lines_of(name):
                pairs = [token.split("/") for token in _text(line).split()]
                words = [
                    f"{pair[0].lower()}/{pair[1][:2]}"
                    for pair in pairs
                    if len(pair) == 2 and pair[1][:2].isalpha()
                ]
                if words:
                    yield words


def _text(line: bytes | str) -> str:
    """UTF-8; other bytes are kept as surrogate escapes, as everywhere here."""
    return line if isinstance(line, str) else line.decode("utf-8", "surrogateescape")


def _blocks_of(path: str) -> Iterator[bytes]:
    if path == STDIN:
        raise ValueError("standard input cannot be read again and again; give it as corpus_file")
    file = UnpackedFile(path, lambda: False)
    buffer = bytearray(_READ_BYTES)
    try:
        while n_read := file.fill(memoryview(buffer)):
            yield bytes(buffer[:n_read])
            if n_read < len(buffer):
                return
    finally:
        file.close()


def _lines_of(path: str) -> Iterator[bytes]:
    carry: list[bytes] = []
    for block in _blocks_of(path):
        lines = block.split(b"\n")
        if len(lines) > 1:
            yield b"".join([*carry, lines[0]])
            yield from lines[1:-1]
            carry = []
        carry.append(lines[-1])
    if any(carry):
        yield b"".join(carry)


def _word_pieces(path: str) -> Iterator[bytes]:
    """The text in pieces that end between words."""
    carry = b""
    for block in _blocks_of(path):
        text = carry + block
        end = max(text.rfind(b" "), text.rfind(b"\n"))
        yield text[: end + 1]
        carry = text[end + 1 :]
    yield carry
