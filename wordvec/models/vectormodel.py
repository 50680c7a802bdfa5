"""What the classes that train word vectors share: their constructor, corpus and attributes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Self

from wordvec.corpus import EncodedCorpus, TokenRules, read_corpus
from wordvec.formats import save
from wordvec.keyedvectors import KeyedVectors
from wordvec.progress import Reporter, silent
from wordvec.trainer import Outcome


class VectorModel:
    """The manners of Word2Vec and FastText; a subclass names OPTIONS and says how to `_fit`."""

    OPTIONS: ClassVar[type[Any]]

    def __init__(
        self,
        sentences: Iterable[Sequence[str]] | None = None,
        corpus_file: str | os.PathLike[str] | None = None,
        *,
        rules: TokenRules = TokenRules(),  # noqa: B008 - frozen
        memory: int | None = None,
        ids_path: str | os.PathLike[str] | None = None,
        reporter: Reporter = silent,
        max_final_vocab: int | None = None,
        **options: Any,
    ) -> None:
        if max_final_vocab is not None:
            options["max_vocab"] = max_final_vocab
        known = self.OPTIONS.__dataclass_fields__
        for name in options:
            if name not in known:
                raise TypeError(
                    f"{type(self).__name__} has no option {name!r}; "
                    f"there are {', '.join(sorted(known))}"
                )
        self.options = self.OPTIONS(**options)
        self._rules = rules
        self._memory = memory
        self._ids_path = ids_path
        self._reporter = reporter
        self.wv: KeyedVectors | None = None
        self.outcome: Outcome | None = None
        if sentences is not None and corpus_file is not None:
            raise TypeError("give either sentences or corpus_file, not both")
        source = sentences if corpus_file is None else corpus_file
        if source is not None:
            self.train(source)

    def train(self, source: Any) -> Self:
        """Count the vocabulary of `source`, train on it from the start, and return the model."""
        self._fit(self._read(source))
        return self

    def _read(self, source: Any) -> EncodedCorpus:
        """The source as ids."""
        if isinstance(source, EncodedCorpus):
            return source
        return read_corpus(
            source,
            rules=self._rules,
            min_count=self.options.min_count,
            max_vocab=self.options.max_vocab,
            n_threads=self.options.workers,
            memory=self._memory,
            ids_path=self._ids_path,
            reporter=self._reporter,
        )

    def _fit(self, corpus: EncodedCorpus) -> None:
        """Train on the corpus; sets `wv` and `outcome`."""
        raise NotImplementedError

    @property
    def epochs(self) -> int:
        return int(self.options.epochs)

    @property
    def vector_size(self) -> int:
        return int(self.options.vector_size)

    def get_latest_training_loss(self) -> float:
        """Mean loss per example of the last epoch, float64.  (gensim's is a float32 sum.)"""
        return self.outcome.loss if self.outcome is not None else 0.0

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the word vectors in the format of the suffix: word2vec's binary for .bin, text
        for one that no format claims."""
        if self.wv is None:
            raise RuntimeError("the model has no vectors yet: train it first")
        save(self.wv, path)

    def __getattr__(self, name: str) -> Any:
        """The options under their own names: window, min_count, sg, alpha ..."""
        if name != "options" and name in self.OPTIONS.__dataclass_fields__:
            return getattr(self.options, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __repr__(self) -> str:
        n_words = len(self.wv) if self.wv is not None else 0
        return (
            f"{type(self).__name__}<vocab={n_words}, vector_size={self.vector_size}, "
            f"alpha={self.options.alpha}>"
        )
