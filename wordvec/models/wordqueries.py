"""Questions to a fastText model's words: their pieces, their neighbours, vectors of sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from wordvec.fasttextmodel import SENTENCE_END, FastTextModel
from wordvec.models.labelling import Labeller
from wordvec.nearest import nearest_rows
from wordvec.plane import row_norms
from wordvec.subwords import ngram_texts
from wordvec.words import WordList

BLANKS = re.compile("[ \n\r\t\v\f\0]+")  # what separates words in fastText
# fastText adds this to a length before it divides by it, in analogies.
_ADDED_LENGTH = np.float32(1e-8)

Matrix = NDArray[np.float32]


def tokens_of(text: str) -> list[str]:
    """The words of a text as fastText cuts it: a newline is the word `</s>`."""
    pieces = text.split("\n")
    tokens = [word for word in BLANKS.split(pieces[0]) if word]
    for piece in pieces[1:]:
        tokens.append(SENTENCE_END)
        tokens += [word for word in BLANKS.split(piece) if word]
    return tokens


def subwords_of(model: FastTextModel, word: str) -> tuple[list[str], NDArray[np.int32]]:
    """(pieces, input rows) of a word: itself if the dictionary has it, then its n-grams; those
    that pruning cut away are left out."""
    rows = model.word_rows([word])[1]
    own = [word] if model.dictionary.word_id(word) >= 0 else []
    rules = model.args.rules
    if word == SENTENCE_END or not rules.has_ngrams:
        return own, rows
    pieces = ngram_texts(word, rules)
    if model.dictionary.pruned is not None:
        pieces = [piece for piece in pieces if bucket_row(model, piece) >= 0]
    return own + pieces, rows


def bucket_row(model: FastTextModel, piece: str) -> int:
    """The input row of a character n-gram, -1 when there are no buckets or it was cut away."""
    from wordvec.kernels.subwords import hash_bytes

    if model.args.bucket < 1:
        return -1
    bucket = hash_bytes(piece.encode("utf-8", "surrogateescape")) % model.args.bucket
    rows = model.dictionary.row_of_bucket(model.args.bucket)
    number = bucket if rows is None else int(rows[bucket])
    return -1 if number < 0 else model.dictionary.n_words + number


def sentence_vectors(model: FastTextModel, text: bytes, labeller: Labeller | None = None) -> Matrix:
    """float32[n_lines, dim] of the lines of a text; the last may lack its newline.

    A classifier's: the mean of the line's rows.  Others: the mean of the words' vectors, each of
    length 1, without those that are zero.
    """
    if model.is_supervised:
        labeller = labeller or Labeller(model)
        return labeller.means(labeller.rows_of_text(text, True))
    lines = text.decode("utf-8", "surrogateescape").split("\n")
    if lines[-1] == "":
        del lines[-1]
    words_of_lines = [line.split() for line in lines]
    distinct = {word: k for k, word in enumerate({w: None for ws in words_of_lines for w in ws})}
    vectors = model.word_vectors(list(distinct))
    lengths = np.linalg.norm(vectors, axis=1)
    made = np.zeros((len(lines), model.dim), np.float32)
    for line, words in enumerate(words_of_lines):
        rows = np.array([distinct[word] for word in words], np.int64)
        rows = rows[lengths[rows] > 0] if len(rows) else rows
        if len(rows):
            made[line] = (vectors[rows] / lengths[rows, None]).mean(axis=0)
    return made


class Neighbours:
    """The vectors of a model's words, ready for queries of neighbours and analogies."""

    def __init__(self, model: FastTextModel, n_threads: int = 1) -> None:
        self.model = model
        self.words: WordList = model.dictionary.only_words()
        self._vectors = model.vocabulary_vectors(n_threads)
        self._norms = row_norms(self._vectors)

    def nearest(self, word: str, k: int = 10) -> list[tuple[float, str]]:
        """(similarity, word), best first, for a word seen or not; without the word itself."""
        return self._around(self.model.word_vectors([word])[0], [word], k)

    def analogies(self, a: str, b: str, c: str, k: int = 10) -> list[tuple[float, str]]:
        """The words nearest to a - b + c, without these three."""
        vectors = self.model.word_vectors([a, b, c])
        unit = vectors / (np.linalg.norm(vectors, axis=1) + _ADDED_LENGTH)[:, None]
        return self._around(unit[0] - unit[1] + unit[2], [a, b, c], k)

    def _around(self, query: Matrix, without: Sequence[str], k: int) -> list[tuple[float, str]]:
        if k < 1 or not len(self.words):
            return []
        banned = [row for row in map(self.model.dictionary.word_id, without) if row >= 0]
        n = min(k, len(self.words))
        rows, cosines = nearest_rows(
            self._vectors, self._norms, query[None, :], n, excluded=[banned]
        )
        return [
            (float(cosine), self.words[int(row)])
            for row, cosine in zip(rows[0], cosines[0], strict=True)
            if row >= 0
        ]
