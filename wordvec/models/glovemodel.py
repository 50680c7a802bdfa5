"""GloVe as a class: from text or from co-occurrence counts to vectors."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from wordvec import formats
from wordvec.corpus import EncodedCorpus, read_corpus
from wordvec.errors import CorpusError, FormatError, OptionError
from wordvec.formats import own
from wordvec.keyedvectors import KeyedVectors
from wordvec.models.glove import Parameters, RecordSource, train_glove
from wordvec.models.gloverecords import matrix_records, shuffled_pairs
from wordvec.models.vectormodel import VectorModel
from wordvec.options import VECTOR_KINDS, GloveModelOptions
from wordvec.vocab import Vocab, pack_words
from wordvec.words import WordList

_KIND = "glove"  # of the model, in the metadata of its file
_PARAMETERS, _SQUARES = "glove.parameters", "glove.squares"
_PATHS = (str, os.PathLike)
_TEXT_MODEL = {"sum": 2, "word": 1, "both": 3}  # see Parameters.text_rows


class EpochCallback(Protocol):
    """Told about a training; all of gensim's callbacks have these methods."""

    def on_train_begin(self, model: Any) -> None: ...
    def on_epoch_begin(self, model: Any) -> None: ...
    def on_epoch_end(self, model: Any) -> None: ...
    def on_train_end(self, model: Any) -> None: ...


class GloVe(VectorModel):
    """Word vectors from co-occurrence counts (Pennington et al. 2014), with Word2Vec's manners.

    sentences, corpus_file: the text, as for Word2Vec.  cooccurrences: counts instead of a text,
    with their `words` (and `counts` of words, if known); see `train_cooccurrences`.  With none of
    them, an untrained model is made that `train` or `train_cooccurrences` can fill.  Options: see
    `GloveModelOptions`; `vectors` says which vectors `wv` gives: the "sum" of a word's vectors as
    word and as context, "word", "context" or "both" side by side.  callbacks: objects with
    on_train_begin, on_epoch_begin, on_epoch_end and on_train_end, called with the model, whose
    `wv` and `losses` are up to date.  rules, memory (bytes; beyond it temporary files are used,
    with as good a result), reporter: as for Word2Vec.

    Ctrl-C during training ends it cleanly and returns the model so far, with `outcome.interrupted`
    true; a second Ctrl-C raises KeyboardInterrupt.  An unknown option is a TypeError.

    After training, `wv` holds the vectors, `parameters` all that was trained (float32, both
    matrices with biases and sums of squared gradients), `losses` the mean loss per record of each
    epoch, `n_epochs_done` how many were whole, `outcome` what the last run did.
    """

    OPTIONS = GloveModelOptions

    def __init__(
        self,
        sentences: Iterable[Sequence[str]] | None = None,
        corpus_file: str | os.PathLike[str] | None = None,
        *,
        cooccurrences: Any = None,
        words: Sequence[str] | None = None,
        counts: Sequence[int] | NDArray[np.int64] | None = None,
        callbacks: Iterable[EpochCallback] = (),
        **settings: Any,
    ) -> None:
        self.callbacks = list(callbacks)
        self.parameters: Parameters | None = None
        self.losses: list[float] = []
        self.n_epochs_done = 0
        self.vocab: Vocab | None = None
        if cooccurrences is not None and not (sentences is None and corpus_file is None):
            raise TypeError("give either cooccurrences or a text, not both")
        if words is not None and cooccurrences is None:
            raise TypeError("words are those of cooccurrences, which were not given")
        super().__init__(sentences, corpus_file, **settings)
        if cooccurrences is not None:
            self.train_cooccurrences(cooccurrences, words, counts)

    # -- training -------------------------------------------------------------------------------

    def _fit(self, corpus: EncodedCorpus) -> None:
        self._restart(corpus.vocab)
        with shuffled_pairs(corpus, self.options, self._memory, self._reporter) as source:
            self._train(source, self.options.epochs, consume=True)

    def train_cooccurrences(
        self,
        cooccurrences: Any,
        words: Sequence[str] | None = None,
        counts: Sequence[int] | NDArray[np.int64] | None = None,
    ) -> Self:
        """Train from the start on counts of co-occurrences.

        cooccurrences: a square SciPy sparse matrix or array, or a dense NumPy array [n, n], whose
        entry (i, j) says how often, or with which weight, word j was met around word i: positive
        and finite, or 0 for never.  It need not be symmetric; it is not changed.  Or records
        (`wordvec.records.RECORD[n]`, ranks from 1), or the path of a file of them, trained in
        their order: shuffle them first.  words: n different words, by default "0", "1", ...

        The memory budget and the options of counting play no part.  FormatError for entries that
        are negative or not finite and for ranks outside the words; ValueError for a matrix that is
        not square or does not fit the words; TrainingError when there is nothing to train on.
        """
        given, n_words, is_ours = self._given(cooccurrences, None if words is None else len(words))
        names = [str(k) for k in range(n_words)] if words is None else list(words)
        self._restart(_vocab_of(names, counts))
        self._train(given, self.options.epochs, consume=is_ours)
        return self

    def _given(self, cooccurrences: Any, n_words: int | None) -> tuple[RecordSource, int, bool]:
        """(records, number of words, whether the records are ours to overwrite)."""
        if not _are_records(cooccurrences):
            made, n_rows = matrix_records(cooccurrences, self.options.seed)
            if n_words is not None and n_rows != n_words:
                raise ValueError(f"{n_words} words for a matrix of {n_rows} rows")
            return made, n_rows, True
        if n_words is None:
            raise TypeError("records need their words, which say how many there are")
        return cooccurrences, n_words, False

    def continue_training(self, source: Any, epochs: int | None = None) -> Self:
        """Go on for `epochs` more epochs (default: as many as the first time) with the words,
        parameters and sums of squared gradients as they are.

        source: a text, of which other words than the model's are left out; a matrix (SciPy
        sparse, or NumPy with a floating dtype: whole numbers are taken for sentences) or an array
        of records, as for `train_cooccurrences`.  With the same source and one thread, two
        trainings of 5 epochs give what one of 10 gives.
        """
        if self.vocab is None or self.parameters is None:
            raise RuntimeError("the model is not trained: call train first")
        n_epochs = self.options.epochs if epochs is None else epochs
        if n_epochs < 1:
            raise ValueError(f"epochs: expected a whole number of at least 1, found {epochs}")
        n_all = self.n_epochs_done + n_epochs
        if _is_matrix(source) or (_are_records(source) and not isinstance(source, _PATHS)):
            given, _, is_ours = self._given(source, len(self.vocab))
            self._train(given, n_all, consume=is_ours)
            return self
        corpus = source if isinstance(source, EncodedCorpus) else self._read_again(source)
        if corpus.vocab is not self.vocab and corpus.vocab.words != self.vocab.words:
            raise CorpusError("the corpus was read with another vocabulary than the model's")
        with shuffled_pairs(corpus, self.options, self._memory, self._reporter) as records:
            self._train(records, n_all, consume=True)
        return self

    def _read_again(self, source: Any) -> EncodedCorpus:
        return read_corpus(
            source,
            rules=self._rules,
            vocab=self.vocab,
            n_threads=self.options.workers,
            memory=self._memory,
            reporter=self._reporter,
        )

    def _restart(self, vocab: Vocab) -> None:
        self.vocab = vocab
        self.parameters = Parameters.start(len(vocab), self.options.vector_size, self.options.seed)
        self.losses = []
        self.n_epochs_done = 0

    def _train(self, source: RecordSource, n_epochs: int, *, consume: bool) -> None:
        """Train until `n_epochs` are done."""
        assert self.vocab is not None and self.parameters is not None
        losses = list(self.losses)

        def after_epoch(n_done: int, cost: float, _: Parameters) -> None:
            self.n_epochs_done = n_done
            self.losses.append(cost)
            self._refresh()
            self._tell("on_epoch_end")
            if n_done < n_epochs:
                self._tell("on_epoch_begin")

        self._refresh()
        self._tell("on_train_begin")
        self._tell("on_epoch_begin")
        trained = train_glove(
            source,
            len(self.vocab),
            replace(self.options, epochs=n_epochs),
            self._reporter,
            parameters=self.parameters,
            memory=self._memory,
            consume=consume,
            first_epoch=self.n_epochs_done,
            after_epoch=after_epoch if self.callbacks else None,
        )
        self.outcome = trained.outcome
        self.losses = losses + trained.costs[: trained.n_epochs_done - len(losses)]
        self.n_epochs_done = trained.n_epochs_done
        self._refresh()
        self._tell("on_train_end")

    def _tell(self, event: str) -> None:
        for callback in self.callbacks:
            getattr(callback, event, lambda model: None)(self)

    # -- what comes out -------------------------------------------------------------------------

    def _refresh(self) -> None:
        """`wv` from the parameters."""
        assert self.vocab is not None
        matrix = self.vectors_of(self.options.vectors)
        counts = self.vocab.counts if self.vocab.n_tokens else None
        self.wv = KeyedVectors.from_vectors(self.vocab.words, matrix, counts)
        self.wv.metadata.update(self._metadata())

    def vectors_of(self, kind: str) -> NDArray[np.float32]:
        """float32[n_words, n], a copy: vectors of the words as "word", as "context", their "sum",
        or "both" side by side."""
        if self.parameters is None:
            raise RuntimeError("the model has no vectors yet: train it first")
        if kind not in VECTOR_KINDS:
            raise OptionError("kind", " or ".join(map(repr, VECTOR_KINDS)), kind)
        n_words, dim = len(self.parameters), self.parameters.dim
        if kind == "context":
            return self.parameters.contexts[:, :dim].copy()
        return self.parameters.text_rows(_TEXT_MODEL[kind], 0, n_words)

    @property
    def biases(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(of words, of contexts), float32[n_words] each, copies."""
        if self.parameters is None:
            raise RuntimeError("the model has no vectors yet: train it first")
        dim = self.parameters.dim
        return self.parameters.words[:, dim].copy(), self.parameters.contexts[:, dim].copy()

    def get_latest_training_loss(self) -> float:
        """Mean loss per record of the last epoch that was begun, float64."""
        return super().get_latest_training_loss()

    def _metadata(self) -> dict[str, Any]:
        return {
            "model": _KIND,
            "options": asdict(self.options),
            "epochs_done": self.n_epochs_done,
            "losses": self.losses,
        }

    # -- files ----------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model, all that `load` and `continue_training` need, as one file in our own
        format, which `wordvec.load` reads as vectors too.

        A suffix of another format (.txt, .bin, .npz ...) writes the vectors of `wv` alone, in that
        format.  The file appears whole or not at all; OutputError when it cannot be written.
        """
        if self.wv is None or self.parameters is None:
            raise RuntimeError("the model has no vectors yet: train it first")
        name = os.fspath(path)
        stem = formats.packing.split_suffix(name)[0]
        claimed = any(stem.endswith(module.SUFFIXES) for module in formats.FORMATS)
        if claimed and formats.format_to_write(name).NAME != own.NAME:
            formats.save(self.wv, name)
            return
        self.save_state(name)

    def save_state(self, path: str | os.PathLike[str]) -> None:
        """Write the whole model in our own format, whatever the suffix; see `save`."""
        if self.wv is None:
            raise RuntimeError("the model has no vectors yet: train it first")
        kept = self.wv.tensors
        try:
            self.wv.tensors = {**kept, **self._tensors()}
            formats.save(self.wv, path, own.NAME)
        finally:
            self.wv.tensors = kept

    def _tensors(self) -> dict[str, NDArray[Any]]:
        assert self.parameters is not None
        parts = {_PARAMETERS: False, _SQUARES: True}
        return {
            name: np.concatenate(list(self.parameters.blocks(squares=squares)))
            for name, squares in parts.items()
        }

    @classmethod
    def load(cls, path: str | os.PathLike[str], **settings: Any) -> Self:
        """Read a model that `save` has written whole, with its options.

        settings: memory, reporter, rules, callbacks, which are not in the file, and `workers`.
        FormatError for other files, and for one with vectors alone.
        """
        found = formats.load(path, mmap=True)
        described = found.metadata
        if described.get("model") != _KIND or not {_PARAMETERS, _SQUARES} <= set(found.tensors):
            hint = "it may hold vectors alone, which wordvec.load reads"
            raise FormatError(path, None, "a model that GloVe.save wrote", "none", hint)
        options = {**described["options"], **_popped(settings, "workers")}
        model = cls(**settings, **options)
        words = WordList.of(found.words)
        starts = np.concatenate([[0], words.ends]).astype(np.int64)
        counts = np.zeros(len(words), np.int64) if found.counts is None else found.counts.copy()
        model.vocab = Vocab(words.data.copy(), starts, counts, has_separator=False)
        dim = model.options.vector_size
        weights, squares = (
            _shaped(found.tensors[name], len(words), dim, path) for name in (_PARAMETERS, _SQUARES)
        )
        model.parameters = Parameters.of(weights, squares)
        model.n_epochs_done = int(described["epochs_done"])
        model.losses = [float(loss) for loss in described["losses"]]
        model._refresh()
        return model


def _popped(settings: dict[str, Any], name: str) -> dict[str, Any]:
    return {name: settings.pop(name)} if name in settings else {}


def _shaped(tensor: NDArray[Any], n_words: int, dim: int, path: Any) -> NDArray[Any]:
    shape = (2 * n_words, dim + 1)
    if tensor.shape != shape:
        expected = f"tensors of {shape[0]} rows of {shape[1]} numbers"
        raise FormatError(path, None, expected, str(tensor.shape))
    return tensor.reshape(2, n_words, dim + 1)


def _are_records(source: Any) -> bool:
    """Records, or the path of a file of them."""
    return isinstance(source, _PATHS) or bool(
        getattr(getattr(source, "dtype", None), "names", None)
    )


def _is_matrix(source: Any) -> bool:
    if hasattr(source, "tocoo"):
        return True
    return isinstance(source, np.ndarray) and source.ndim == 2 and source.dtype.kind == "f"


def _vocab_of(words: Sequence[str], counts: Any) -> Vocab:
    """The words in their order, not sorted by count; CorpusError for one that is there twice."""
    numbers = np.zeros(len(words), np.int64) if counts is None else np.array(counts, np.int64)
    if numbers.shape != (len(words),):
        raise ValueError(f"counts: expected one for each of {len(words)} words")
    packed = pack_words([word.encode("utf-8", "surrogateescape") for word in words])
    vocab = Vocab(*packed, numbers, has_separator=False)
    vocab.table  # noqa: B018 - finds words that are there twice
    return vocab
