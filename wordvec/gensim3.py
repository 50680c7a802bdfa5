"""The names of gensim 3 for what gensim 4 calls otherwise; each warns of its end."""

from __future__ import annotations

import warnings

from wordvec.vectors import Matrix, Vectors


class Gensim3Names(Vectors):
    """Vectors under the names that gensim 4 dropped."""

    @property
    def index2word(self) -> list[str]:
        warn_renamed("index2word", "index_to_key")
        return list(self.words)

    @property
    def index2entity(self) -> list[str]:
        warn_renamed("index2entity", "index_to_key")
        return list(self.words)

    @property
    def syn0(self) -> Matrix:
        warn_renamed("syn0", "vectors")
        return self.matrix

    @property
    def vocab(self) -> dict[str, OldVocabEntry]:
        """gensim 3's dict of entries with .index and .count; built anew each time."""
        warn_renamed("vocab", "key_to_index and get_vecattr(key, 'count')")
        counts = self.counts
        return {
            word: OldVocabEntry(row, None if counts is None else int(counts[row]))
            for word, row in self.index.items()
        }


class OldVocabEntry:
    """An entry of gensim 3's `vocab`."""

    __slots__ = ("count", "index")

    def __init__(self, index: int, count: int | None) -> None:
        self.index = index
        self.count = count


def warn_renamed(old: str, new: str) -> None:
    """DeprecationWarning at the caller of the caller."""
    message = f"`{old}` is gensim 3's name: use `{new}`"
    warnings.warn(message, DeprecationWarning, stacklevel=3)
