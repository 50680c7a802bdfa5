"""The files that Stanford's glove reads and writes around a training: parameters, squared
gradients, vectors as text; final ones, initial ones (000) and checkpoints (001, 002 ...)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from wordvec.errors import FormatError
from wordvec.files import OutputFile
from wordvec.formats import glove_binary, glove_text
from wordvec.glovevocab import read_glove_vocab
from wordvec.models.glove import Parameters
from wordvec.words import WordList

FINAL = None  # as an epoch: the files without a number
INITIAL = 0
TEXT, BINARY, BOTH = 0, 1, 2


def read_vocabulary(path: str) -> WordList:
    """The words of a vocabulary file in its order, as `read_glove_vocab` reads it.

    Unlike the original, which counts newlines, a last line without one is a word.  FormatError
    for `<unk>`, which glove adds itself, CorpusError for a file without words.
    """
    vocab, again = read_glove_vocab(path)
    words = [vocab.word_bytes(row) for row in range(len(vocab))]
    if glove_text.UNKNOWN in words:
        found, row = "<unk>", words.index(glove_text.UNKNOWN)
        hint = "glove adds it for rare words; rename or remove it"
        raise FormatError(path, None, "words of the corpus", found, hint, line=row + 1)
    repeated = iter(again)  # they keep their ranks, under names that no text has
    return WordList.of_bytes(next(repeated) if b"\n" in word else word for word in words)


def read_start(
    n_words: int, dim: int, seed: int, parameters: str | None, squares: str | None
) -> Parameters:
    """Parameters from files of earlier runs; where None, those that a training starts from.

    FormatError for a file of another size, TrainingError for numbers that are not finite (or,
    squared gradients, not positive).
    """
    if parameters is None:
        made = Parameters.start(n_words, dim, seed)
    else:
        made = Parameters.zeros(n_words, dim)
        made.take(glove_binary.read_parameters(parameters, n_words, dim), parameters)
    if squares is not None:
        made.take(glove_binary.read_parameters(squares, n_words, dim), squares, squares=True)
    return made


@dataclass(frozen=True)
class GloveFiles:
    """Where a training's results go.

    save     prefix of the parameters' files: SAVE.txt, SAVE.bin, SAVE.001.txt ...
    gradsq   prefix of the squared gradients' files; None: not written
    binary   TEXT, BINARY or BOTH
    model    what a line of SAVE.txt holds; see Parameters.text_rows
    header   whether SAVE.txt begins with the numbers of words and dimensions
    """

    words: WordList
    save: str
    gradsq: str | None = None
    binary: int = TEXT
    model: int = 2
    header: bool = False

    def names(self, epoch: int | None = FINAL) -> list[str]:
        """The files written after an epoch, or at the end."""
        return [name for name, _, _ in self._kinds(epoch)]

    def _kinds(self, epoch: int | None) -> Iterator[tuple[str, bool, bool]]:
        """(name, is binary, holds squares) of each; squares first, so that a checkpoint whose
        parameters are there is whole."""
        number = "" if epoch is FINAL else f".{epoch:03d}"
        for is_binary, suffix in ((True, ".bin"), (False, ".txt")):
            # Initial parameters are always binary too: as text they could not be read again.
            wanted = self.binary != TEXT or epoch == INITIAL
            if not (wanted if is_binary else self.binary != BINARY):
                continue
            if self.gradsq is not None:
                yield f"{self.gradsq}{number}{suffix}", is_binary, True
            yield f"{self.save}{number}{suffix}", is_binary, False

    def open_final(self, stack: ExitStack) -> list[OutputFile]:
        """The final files, to be given to `write`: opened before the work."""
        return [stack.enter_context(OutputFile(name)) for name in self.names()]

    def write(
        self,
        parameters: Parameters,
        epoch: int | None = FINAL,
        outputs: list[OutputFile] | None = None,
        *,
        sync: bool = True,
    ) -> None:
        """Write all files of an epoch; none appears before all are known to fit.  OutputError."""
        with ExitStack() as stack:
            if outputs is None:
                outputs = [stack.enter_context(OutputFile(name)) for name in self.names(epoch)]
            kinds = self._kinds(epoch)
            for output, (_, is_binary, is_squares) in zip(outputs, kinds, strict=True):
                if is_binary:
                    blocks = parameters.blocks(squares=is_squares)
                    glove_binary.write_parameters(output.stream, blocks)
                elif is_squares:
                    glove_text.write_training(output.stream, self.words, parameters.square_rows)
                else:
                    self._write_text(output, parameters)
            for output in outputs:
                output.flush(sync=sync)
            for output in outputs:
                output.commit(sync=sync)

    def _write_text(self, output: OutputFile, parameters: Parameters) -> None:
        glove_text.write_training(
            output.stream,
            self.words,
            lambda first, end: parameters.text_rows(self.model, first, end),
            parameters.rare_row(self.model),
            (len(self.words), parameters.dim) if self.header else None,
        )

    def last_checkpoint(self, n_epochs: int) -> int:
        """The last epoch up to `n_epochs` after which parameters and squares were written as
        binary files; 0 when there is none."""
        for epoch in range(n_epochs, 0, -1):
            if all(os.path.isfile(name) for name in self.checkpoint_names(epoch)):
                return epoch
        return 0

    def checkpoint_names(self, epoch: int) -> list[str]:
        """The binary files of parameters and squares of an epoch, to go on from."""
        return [f"{prefix}.{epoch:03d}.bin" for prefix in (self.save, self.gradsq) if prefix]
