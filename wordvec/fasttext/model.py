"""The model object of the `fasttext` module."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import FormatError
from wordvec.fasttextmodel import DenseRows, FastTextModel
from wordvec.formats.fasttext_bin import read_model, save_model, write_model
from wordvec.models.explain import Explanation, explain
from wordvec.models.labelling import Labeller
from wordvec.models.meters import Meter as Counts
from wordvec.models.meters import measure
from wordvec.models.retraining import retrain as train_again
from wordvec.models.wordqueries import (
    Neighbours,
    bucket_row,
    sentence_vectors,
    subwords_of,
    tokens_of,
)
from wordvec.options import ClassifierOptions
from wordvec.quantize import quantize_model

_LINES_A_THREAD = 2000  # fewer are not worth another thread

Row = NDArray[np.float32]
Matrix = NDArray[np.float32]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


def load_model(path: str | os.PathLike[str]) -> FastText:
    """A .bin or .ftz file, mapped.  ValueError for a file that is missing or no model."""
    name = os.fspath(path)
    try:
        return FastText(read_model(name))
    except FormatError as error:
        raise ValueError(f"{name} has wrong file format! {error}") from error
    except (FileNotFoundError, PermissionError) as error:
        raise ValueError(f"{name} cannot be opened for loading!") from error


class FastText:
    """A model, trained or loaded.

    A trained one carries its settings as attributes (lr, dim, ws, epoch ...), a loaded one does
    not.  `f` is the FastTextModel underneath.  Copies and pickles hold the whole model.
    """

    def __init__(self, model: FastTextModel, attributes: dict[str, Any] | None = None) -> None:
        self.f = model
        self._settings = dict(attributes or {})
        self.__dict__.update(self._settings)
        self._forget()

    def _forget(self) -> None:
        """Drop what was derived from the model."""
        self._made_labeller: Labeller | None = None
        self._neighbours: Neighbours | None = None
        self._words: list[str] | None = None
        self._labels: list[str] | None = None

    def labeller(self) -> Labeller:
        """What answers for labels.  ValueError for a model of word vectors."""
        if not self.f.is_supervised:
            raise ValueError("Model needs to be supervised for prediction!")
        if self._made_labeller is None:
            self._made_labeller = Labeller(self.f)
        return self._made_labeller

    # -- copies -----------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        stream = io.BytesIO()
        write_model(stream, self.f)
        return {
            "model": stream.getvalue(),
            "settings": self._settings,
            "label_prefix": self.f.dictionary.label_prefix,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        with tempfile.NamedTemporaryFile(suffix=".bin") as file:
            file.write(state["model"])
            file.flush()
            model = read_model(file.name, mmap=False)
        model.dictionary.label_prefix = state["label_prefix"]
        FastText.__init__(self, model, state["settings"])

    # -- words ------------------------------------------------------------------------------------

    def is_quantized(self) -> bool:
        return self.f.is_quantized

    def get_dimension(self) -> int:
        """Numbers per vector."""
        return self.f.dim

    def get_word_vector(self, word: str) -> Row:
        """float32[dim], of a word seen or not."""
        return np.asarray(self.f.word_vectors([word])[0])

    def __getitem__(self, word: str) -> Row:
        return self.get_word_vector(word)

    def __contains__(self, word: str) -> bool:
        return self.f.dictionary.word_id(word) >= 0

    def get_sentence_vector(self, text: str) -> Row:
        """float32[dim] of one line.  ValueError for a line break in it."""
        _check_line(text)
        data = text.encode("utf-8", "surrogateescape") + b"\n"
        labeller = self.labeller() if self.f.is_supervised else None
        return np.asarray(sentence_vectors(self.f, data, labeller)[0])

    def get_input_vector(self, ind: int) -> Row:
        """float32[dim]: a row of the input matrix."""
        return np.asarray(self.f.input.rows(np.array([ind]))[0])

    def get_nearest_neighbors(
        self, word: str, k: int = 10, on_unicode_error: str = "strict"
    ) -> list[tuple[float, str]]:
        """[(similarity, word)], best first."""
        return _decoded_pairs(self._neighbourhood().nearest(word, k), on_unicode_error)

    def get_analogies(
        self, wordA: str, wordB: str, wordC: str, k: int = 10, on_unicode_error: str = "strict"
    ) -> list[tuple[float, str]]:
        """[(similarity, word)] around wordA - wordB + wordC, best first."""
        found = self._neighbourhood().analogies(wordA, wordB, wordC, k)
        return _decoded_pairs(found, on_unicode_error)

    def _neighbourhood(self) -> Neighbours:
        if self._neighbours is None:
            self._neighbours = Neighbours(self.f, _cores())
        return self._neighbours

    def get_word_id(self, word: str) -> int:
        """-1 when it is none; a label's number follows the words'."""
        return int(self.f.dictionary.words.find(word))

    def get_subword_id(self, subword: str) -> int:
        """The input row of an n-gram, -1 when there are none."""
        return bucket_row(self.f, subword)

    def get_label_id(self, label: str) -> int:
        """-1 when it is unknown; a word gives another negative number, as in the original."""
        number = self.f.dictionary.words.find(label)
        return -1 if number < 0 else int(number) - self.f.dictionary.n_words

    def get_subwords(
        self, word: str, on_unicode_error: str = "strict"
    ) -> tuple[list[str], NDArray[np.int32]]:
        """(pieces, their input rows)."""
        pieces, rows = subwords_of(self.f, word)
        return [_decoded(piece, on_unicode_error) for piece in pieces], rows

    def get_words(
        self, include_freq: bool = False, on_unicode_error: str = "strict"
    ) -> list[str] | tuple[list[str], NDArray[np.int64]]:
        """The words, with their counts if wanted."""
        dictionary = self.f.dictionary
        return self._listed(slice(0, dictionary.n_words), include_freq, on_unicode_error)

    def get_labels(
        self, include_freq: bool = False, on_unicode_error: str = "strict"
    ) -> list[str] | tuple[list[str], NDArray[np.int64]]:
        """The labels, with their counts if wanted; the words of a model of word vectors."""
        if not self.f.is_supervised:
            return self.get_words(include_freq, on_unicode_error)
        n_words = self.f.dictionary.n_words
        return self._listed(slice(n_words, None), include_freq, on_unicode_error)

    def _listed(
        self, part: slice, include_freq: bool, on_unicode_error: str
    ) -> list[str] | tuple[list[str], NDArray[np.int64]]:
        words = self._names(part, on_unicode_error)
        return (words, np.array(self.f.dictionary.counts[part])) if include_freq else words

    def _names(self, part: slice, on_unicode_error: str) -> list[str]:
        return [_decoded(word, on_unicode_error) for word in self.f.dictionary.words[part]]

    @property
    def words(self) -> list[str]:
        if self._words is None:
            self._words = self._names(slice(0, self.f.dictionary.n_words), "strict")
        return self._words

    @property
    def labels(self) -> list[str]:
        if self._labels is None:
            first = self.f.dictionary.n_words if self.f.is_supervised else 0
            end = None if self.f.is_supervised else self.f.dictionary.n_words
            self._labels = self._names(slice(first, end), "strict")
        return self._labels

    def get_line(
        self, text: str | Sequence[str], on_unicode_error: str = "strict"
    ) -> tuple[Any, Any]:
        """(words, labels) of a line, or of several; unknown words are there, unknown labels not."""
        if not isinstance(text, str):
            pairs = [self.get_line(line) for line in text]
            return [words for words, _ in pairs], [labels for _, labels in pairs]
        _check_line(text)
        dictionary = self.f.dictionary
        words, labels = [], []
        for token in tokens_of(text + "\n"):
            number = dictionary.words.find(token)
            is_label = number >= dictionary.n_words or (
                number < 0 and token.startswith(dictionary.label_prefix)
            )
            if not is_label:
                words.append(token)
            elif number >= 0:
                labels.append(token)
        return words, labels

    # -- labels -----------------------------------------------------------------------------------

    def predict(
        self,
        text: str | Sequence[str],
        k: int = 1,
        threshold: float = 0.0,
        on_unicode_error: str = "strict",
    ) -> tuple[Any, Any]:
        """Labels and their probabilities, best first, of a line or a list of lines.

        Of a str: (tuple of labels, float64[n]).  Of a list, by all cores: (list of lists of
        labels, list of float32[n]).  k = -1: all labels.  ValueError for a model of word
        vectors, a line break in a text, or k = 0.
        """
        labeller = self.labeller()
        names = labeller.label_names
        lines = [text] if isinstance(text, str) else list(text)
        for line in lines:
            _check_line(line)
        n_threads = max(1, min(_cores(), len(lines) // _LINES_A_THREAD))
        if isinstance(text, str) and not text.strip():
            lines = [""]
        numbers, probabilities = labeller.predict(lines, k, threshold, n_threads)
        all_labels, all_scores = [], []
        for row, scores in zip(numbers.tolist(), probabilities, strict=True):
            labels = [_decoded(names[n], on_unicode_error) for n in row if n >= 0]
            all_labels.append(labels)
            all_scores.append(scores[: len(labels)].copy())
        if isinstance(text, str):
            return tuple(all_labels[0]), all_scores[0].astype(np.float64)
        return all_labels, all_scores

    def explain(self, text: str, label: str | None = None, rival: str | None = None) -> Explanation:
        """Why a line gets `label` (the likeliest) and not `rival` (the next), by its words and
        n-grams; not in the original.  Errors as wordvec.models.explain.explain."""
        return explain(self.labeller(), text, label, rival)

    def test(self, path: str, k: int = 1, threshold: float = 0.0) -> tuple[int, float, float]:
        """(lines that counted, precision at k, recall at k) on a file of labelled lines."""
        meter = self._measured(path, k, threshold)
        return meter.n_lines, meter.precision, meter.recall

    def test_label(
        self, path: str, k: int = 1, threshold: float = 0.0
    ) -> dict[str, dict[str, float]]:
        """{label: {"precision": p, "recall": r, "f1score": f}}, NaN where undefined."""
        meter = self._measured(path, k, threshold)
        return {
            name: {
                "precision": meter.label_precision(label),
                "recall": meter.label_recall(label),
                "f1score": meter.label_f1(label),
            }
            for label, name in enumerate(self.labeller().label_names)
        }

    def get_meter(self, path: str, k: int = -1) -> Meter:
        """Curves of a file of labelled lines."""
        return Meter(self, self._measured(path, k, 0.0, keep_answers=True))

    def _measured(self, path: str, k: int, threshold: float, keep_answers: bool = False) -> Counts:
        labeller = self.labeller()
        name = os.fspath(path)
        if not os.path.exists(name):
            raise ValueError(f"{name}: Test file cannot be opened!")
        return measure(labeller, name, k, threshold, n_threads=_cores(), keep_answers=keep_answers)

    # -- matrices and files -----------------------------------------------------------------------

    def get_input_matrix(self) -> Matrix:
        """float32[rows, dim], a new array.  ValueError for a quantised model."""
        return self._dense(self.f.input)

    def get_output_matrix(self) -> Matrix:
        """float32[rows, dim], a new array.  ValueError for a quantised model."""
        return self._dense(self.f.output)

    def _dense(self, rows: Any) -> Matrix:
        if self.f.is_quantized:
            raise ValueError("Can't get quantized Matrix")
        return np.array(rows.block(0, rows.n_rows))

    def set_matrices(self, input_matrix: Any, output_matrix: Any) -> None:
        """Replace both matrices; the dimension becomes that of the input."""
        made = [np.ascontiguousarray(m, np.float32) for m in (input_matrix, output_matrix)]
        for name, matrix, old in zip(
            ("input", "output"), made, (self.f.input, self.f.output), strict=True
        ):
            if matrix.ndim != 2 or len(matrix) != old.n_rows or matrix.shape[1] < 1:
                raise ValueError(f"{name}: expected {old.n_rows} rows, found {matrix.shape}")
        if made[0].shape[1] != made[1].shape[1]:
            raise ValueError(f"columns differ: {made[0].shape[1]} and {made[1].shape[1]}")
        self.f.args.dim = made[0].shape[1]
        self.f.input, self.f.output = DenseRows(made[0].copy()), DenseRows(made[1].copy())
        self._forget()

    def save_model(self, path: str | os.PathLike[str]) -> None:
        """Write a .bin or .ftz file, whole or not at all."""
        save_model(self.f, path)

    def quantize(
        self,
        input: str | None = None,
        qout: bool = False,
        cutoff: int = 0,
        retrain: bool = False,
        epoch: int | None = None,
        lr: float | None = None,
        thread: int | None = None,
        verbose: int | None = None,
        dsub: int = 2,
        qnorm: bool = False,
    ) -> None:
        """Quantise the model in place; `retrain` trains on `input` after a cutoff."""
        if retrain and not input:
            raise ValueError("Need input file path if retraining")
        settings = self._settings
        options = ClassifierOptions(
            epochs=epoch or settings.get("epoch") or 5,
            alpha=lr or settings.get("lr") or 0.1,
            workers=max(1, thread or settings.get("thread") or _cores()),
        )
        self.f = quantize_model(
            self.f, dsub=dsub, qnorm=qnorm, qout=qout, cutoff=cutoff, n_threads=options.workers,
            retrain=(lambda model: train_again(model, str(input), options)) if retrain else None,
        )  # fmt: skip
        self._forget()


class Meter:
    """Precision and recall of a model on a file, over all thresholds; see get_meter."""

    def __init__(self, model: FastText, counts: Counts) -> None:
        self._model = model
        self.counts = counts

    def _number(self, label: str | None) -> int | None:
        if label is None:
            return None
        number = self._model.f.dictionary.label_id(label)
        if number < 0:
            raise ValueError(f"the model has no label {label!r}")
        return number

    def score_vs_true(self, label: str) -> tuple[Row, Row]:
        """(scores, 1 or 0 for right or wrong), float32, of the answers that name a label."""
        number = self._number(label)
        assert number is not None
        return self.counts.score_vs_true(number)

    def precision_recall_curve(
        self, label: str | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(precision, recall)."""
        return self.counts.precision_recall_curve(self._number(label))

    def precision_at_recall(self, recall: float, label: str | None = None) -> float:
        """The best precision with at least this recall."""
        return self.counts.precision_at_recall(recall, self._number(label))

    def recall_at_precision(self, precision: float, label: str | None = None) -> float:
        """The best recall with at least this precision."""
        return self.counts.recall_at_precision(precision, self._number(label))


def _check_line(text: str) -> None:
    if "\n" in text:
        raise ValueError("predict processes one line at a time (remove '\\n')")


def _decoded(word: str, on_unicode_error: str) -> str:
    """Words hold escaped bytes where they are no UTF-8: treated as `bytes.decode` would."""
    if word.isascii():
        return word
    return word.encode("utf-8", "surrogateescape").decode("utf-8", on_unicode_error)


def _decoded_pairs(pairs: list[tuple[float, str]], errors: str) -> list[tuple[float, str]]:
    return [(similarity, _decoded(word, errors)) for similarity, word in pairs]
