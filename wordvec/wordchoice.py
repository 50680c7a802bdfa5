"""Which of the words that were counted make the vocabulary, by gensim's rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from wordvec.errors import OptionError

RULE_DEFAULT, RULE_DISCARD, RULE_KEEP = 0, 1, 2

# (word, count, min_count) -> one of the three above
TrimRule = Callable[[str, int, int], Any]


@dataclass
class WordChoice:
    """Which words stay, and in what order.

    min_count        words that occur less often are dropped, unless `trim_rule` keeps them
    max_final_vocab  raises min_count so far that at most so many words are left: of words with
                     the same count all stay or none
    max_vocab        at most so many of the most frequent words, the earlier of equal ones
    sorted_vocab     order by count, falling; else as the words first appeared
    trim_rule        called for every word; RULE_KEEP and RULE_DISCARD decide, all else leaves it
                     to min_count
    keep_counts      put all words and their counts into `raw_counts`, as they first appeared

    `effective_min_count` is the limit that was used.
    """

    min_count: int
    max_final_vocab: int | None = None
    max_vocab: int | None = None
    sorted_vocab: bool = True
    trim_rule: TrimRule | None = None
    keep_counts: bool = False
    effective_min_count: int = 0
    raw_counts: dict[str, int] = field(default_factory=dict)

    def choose(
        self,
        counts: npt.NDArray[np.int64],
        first_seen: npt.NDArray[np.uint64],
        words_of: Callable[[], Sequence[str]],
    ) -> npt.NDArray[np.int64]:
        """Numbers of the chosen words in the order of the vocabulary.

        counts      int64[n], falling, of all words
        first_seen  uint64[n]: smaller numbers for words that appeared earlier
        words_of    gives the words; called only when they are needed
        """
        self.effective_min_count = self.min_count
        if self.max_final_vocab is not None and self.max_final_vocab < len(counts):
            limit = int(counts[self.max_final_vocab]) + 1
            self.effective_min_count = max(self.min_count, limit)
        kept = counts >= self.effective_min_count
        if self.trim_rule is not None:
            kept = self._by_rule(kept, counts, words_of())
        if self.keep_counts:
            words, order = words_of(), np.argsort(first_seen, kind="stable")
            self.raw_counts = {words[k]: int(counts[k]) for k in order.tolist()}
        chosen = np.flatnonzero(kept)[: self.max_vocab]
        if not self.sorted_vocab:
            chosen = chosen[np.argsort(first_seen[chosen], kind="stable")]
        return chosen.astype(np.int64, copy=False)

    def _by_rule(
        self, kept: npt.NDArray[np.bool_], counts: npt.NDArray[np.int64], words: Sequence[str]
    ) -> npt.NDArray[np.bool_]:
        assert self.trim_rule is not None
        decided = kept.copy()
        for k, (word, count) in enumerate(zip(words, counts.tolist(), strict=True)):
            answer = self.trim_rule(word, count, self.effective_min_count)
            if answer == RULE_KEEP:
                decided[k] = True
            elif answer == RULE_DISCARD:
                decided[k] = False
        return decided

    def origin(self) -> dict[str, Any]:
        """What decides the choice, as JSON.  OptionError with a `trim_rule`, which is none."""
        if self.trim_rule is not None:
            raise OptionError("trim_rule", "None when the ids are kept in a file", self.trim_rule)
        return {"max_final_vocab": self.max_final_vocab, "sorted_vocab": self.sorted_vocab}

    def choose_of(
        self, counts: npt.NDArray[np.int64], words: Sequence[str]
    ) -> npt.NDArray[np.int64]:
        """As `choose`, for words and counts in the order of their appearance."""
        order = np.argsort(-counts, kind="stable")
        chosen = self.choose(
            counts[order], order.astype(np.uint64), lambda: [words[k] for k in order.tolist()]
        )
        return order[chosen]
