"""The names of gensim 3 for what gensim 4 calls otherwise; each warns of its end.

gensim 4 raises AttributeError for most of them.  Here they work, with a DeprecationWarning that
names the new one.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from wordvec.keyedevaluation import KeyedEvaluation
from wordvec.vectors import Matrix, Row


class Gensim3Names(KeyedEvaluation):
    """Vectors under the names that gensim 4 dropped."""

    @property
    def wv(self) -> Gensim3Names:
        warn_renamed("wv.wv", "wv")
        return self

    @property
    def index2word(self) -> list[Any]:
        warn_renamed("index2word", "index_to_key")
        return self.index_to_key

    @index2word.setter
    def index2word(self, keys: list[Any]) -> None:
        warn_renamed("index2word", "index_to_key")
        self.index_to_key = keys

    @property
    def index2entity(self) -> list[Any]:
        warn_renamed("index2entity", "index_to_key")
        return self.index_to_key

    @index2entity.setter
    def index2entity(self, keys: list[Any]) -> None:
        warn_renamed("index2entity", "index_to_key")
        self.index_to_key = keys

    @property
    def syn0(self) -> Matrix:
        warn_renamed("syn0", "vectors")
        return self.vectors

    @syn0.setter
    def syn0(self, matrix: Any) -> None:
        warn_renamed("syn0", "vectors")
        self.vectors = matrix

    @property
    def syn0norm(self) -> Matrix:
        warn_renamed("syn0norm", "get_normed_vectors()")
        return self.get_normed_vectors()

    @property
    def vectors_norm(self) -> Matrix:
        warn_renamed("vectors_norm", "get_normed_vectors()")
        return self.get_normed_vectors()

    @vectors_norm.setter
    def vectors_norm(self, _: Any) -> None:
        """Nothing: gensim 4 ignores it too."""

    @property
    def vocab(self) -> OldVocab:
        """gensim 3's dict of entries with .index and .count: a view of the keys."""
        warn_renamed("vocab", "key_to_index and get_vecattr(key, 'count')")
        return OldVocab(self)

    def word_vec(self, word: Any, use_norm: bool = False, *, norm: bool = False) -> Row:
        warn_renamed("word_vec", "get_vector")
        return self.get_vector(word, norm=norm or use_norm)

    def words_closer_than(self, word1: Any, word2: Any) -> list[Any]:
        warn_renamed("words_closer_than", "closer_than")
        return self.closer_than(word1, word2)

    def init_sims(self, replace: bool = False) -> None:
        warn_renamed("init_sims", "unit_normalize_all" if replace else "fill_norms")
        if replace:
            self.unit_normalize_all()

    def add(self, entities: Any, weights: Any, replace: bool = False) -> None:
        warn_renamed("add", "add_vectors")
        self.add_vectors(entities, weights, replace=replace)

    def similar_by_entity(self, entity: Any, topn: int | None = 10) -> Any:
        warn_renamed("similar_by_entity", "similar_by_key")
        return self.similar_by_key(entity, topn)

    def accuracy(
        self, questions: Any, restrict_vocab: int = 30_000, case_insensitive: bool = True
    ) -> list[dict[str, Any]]:
        """The sections that `evaluate_word_analogies` gives, the last of them with all lines."""
        warn_renamed("accuracy", "evaluate_word_analogies")
        found = self.evaluate_word_analogies(questions, restrict_vocab, case_insensitive)[1]
        found[-1]["section"] = "total"  # as gensim 3 called it
        return found


class OldVocab(Mapping[Any, "OldVocabEntry"]):
    """gensim 3's `vocab`, a view of the keys: nothing is copied."""

    def __init__(self, vectors: KeyedEvaluation) -> None:
        self._vectors = vectors

    def __getitem__(self, key: Any) -> OldVocabEntry:
        row = self._vectors.key_to_index[key]
        return OldVocabEntry(self._vectors, row)

    def __contains__(self, key: object) -> bool:
        return key in self._vectors.key_to_index

    def __iter__(self) -> Iterator[Any]:
        return iter(self._vectors.key_to_index)

    def __len__(self) -> int:
        return len(self._vectors.key_to_index)


class OldVocabEntry:
    """An entry of gensim 3's `vocab`: .index is the row, the rest are attributes of the key."""

    __slots__ = ("_vectors", "index")

    def __init__(self, vectors: KeyedEvaluation, row: int) -> None:
        object.__setattr__(self, "_vectors", vectors)
        object.__setattr__(self, "index", row)

    def __getattr__(self, name: str) -> Any:
        values = self._vectors.expandos.get(name)
        if values is None:
            if name == "count":
                return None
            raise AttributeError(f"no attribute {name!r} was set for any key")
        value = values[self.index]
        return value.item() if isinstance(value, np.generic) else value

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "index":
            raise AttributeError("the row of a key is changed by sorting, not here")
        vectors = self._vectors
        vectors.allocate_vecattrs([name], [type(value)])
        vectors.expandos[name][self.index] = value

    def __repr__(self) -> str:
        return f"OldVocabEntry(count={self.count}, index={self.index})"


def warn_renamed(old: str, new: str) -> None:
    """DeprecationWarning at the caller of the caller."""
    message = f"`{old}` is gensim 3's name: use `{new}`"
    warnings.warn(message, DeprecationWarning, stacklevel=3)
