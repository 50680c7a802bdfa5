"""The whole text as a sample shows it: how many words it has, and ids like its own."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from wordvec.corpus import EncodedCorpus, TokenRules, read_corpus
from wordvec.corpusfacts import check_corpus, facts_of, warnings_of
from wordvec.errors import CorpusError
from wordvec.morewords import renumbered
from wordvec.recipes import Facts
from wordvec.textsample import TextSample
from wordvec.vocab import Vocab, pack_words
from wordvec.vocabgrowth import counts_of_parts, expected_words

_MOST_TRIAL_WORDS = 2_000_000
_MOST_LINES_OF_PIECE = 0.5


@dataclass(frozen=True, slots=True)
class TextExpectation:
    """The whole text, as the sample shows it; `is_exact` when all of it was read.

    share           of the text that was read
    n_tokens        words, n_kept of which are in the vocabulary
    n_words         different words of the vocabulary; n_distinct with those that are too rare
    n_sentences     lines that are not empty
    """

    n_bytes: int
    share: float
    is_exact: bool
    n_tokens: int
    n_kept: int
    n_words: int
    n_distinct: int
    n_sentences: int
    n_files: int


class ExpectedText:
    """The sample as ids, with the vocabulary that the whole text will have.

    given: min_count and max_vocab.  RareWordsError is never raised: see `warnings`.

    corpus   ids are the sample's; all numbers of tokens and bytes are the whole text's
    """

    def __init__(
        self, sample: TextSample, rules: TokenRules, given: Mapping[str, Any], n_threads: int
    ) -> None:
        self.sample = sample
        self.warnings: list[str] = []
        self.min_count = int(given.get("min_count", 5))
        start = time.perf_counter()
        whole = read_corpus(sample.source, rules=rules, min_count=1, n_threads=n_threads)
        seconds = time.perf_counter() - start
        n_read = whole.n_bytes if sample.is_whole else sample.n_sampled_bytes
        n_bytes = n_read if sample.is_whole else sample.n_text_bytes
        self.ratio = n_bytes / max(n_read, 1)
        self.reading_seconds = seconds * self.ratio
        self.parts = counts_of_parts(whole.ids, len(whole.vocab))
        self.n_distinct = self.distinct_of_share(1.0)
        n_words = self._n_words(whole, given.get("max_vocab"))
        self.corpus = cut_to(whole, n_words, self.ratio, n_bytes)
        self.expected = TextExpectation(
            n_bytes, sample.share, sample.is_whole, self.corpus.n_tokens_read,
            self.corpus.n_tokens_kept, n_words, self.n_distinct,
            round((len(whole.starts) - 1) * self.ratio), sample.n_files,
        )  # fmt: skip
        _, starts, _ = whole.vocab.arrays()
        self.mean_spelling = float(starts[-1]) / max(len(whole.vocab), 1)

    def distinct_of_share(self, share: float) -> int:
        """Different words of a share of the whole text."""
        return max(1, round(expected_words(self.parts, self.ratio * share, 1)))

    def _n_words(self, whole: EncodedCorpus, most: int | None) -> int:
        found = round(expected_words(self.parts, self.ratio, self.min_count))
        n_first = int(whole.vocab.has_separator)
        if found <= n_first:
            row = n_first + int(np.argmax(whole.vocab.counts[n_first:]))
            word = whole.vocab.word_bytes(row).decode("utf-8", "backslashreplace")
            n = int(whole.vocab.counts[row] * self.ratio)
            self.warnings.append(
                f"no word occurs {self.min_count} times: the most frequent is {word!r:.60} with "
                f"{n}; with a min_count of 1, which this plan takes, each word is kept"
            )
            self.min_count = 1
            found = self.n_distinct
        found += n_first  # which is in no sentence
        return min(found, most + n_first) if most else found

    def facts(self, n_threads: int) -> Facts:
        return facts_of(self.corpus, n_threads)

    def all_warnings(self, facts: Facts) -> list[str]:
        found = list(self.warnings)
        try:
            check_corpus(self.corpus, force=False)
        except CorpusError as error:
            found.append(str(error).replace("; force trains", "; train --force trains"))
        found += warnings_of(self.corpus, facts)
        sample = self.sample
        if sample.n_without_newline > _MOST_LINES_OF_PIECE * max(sample.n_pieces, 1):
            found.append(
                "most of the text is on lines of more than 64 kB: contexts reach across the ends "
                "of sentences; better is one sentence or paragraph a line"
            )
        return found


def cut_to(whole: EncodedCorpus, n_words: int, ratio: float, n_bytes: int) -> EncodedCorpus:
    """The corpus with `n_words` words: the most frequent, and made-up rare ones where the sample
    has fewer."""
    arena, starts, counts = whole.vocab.arrays()
    n_kept = min(n_words, len(counts))
    numbers = np.arange(len(counts), dtype=np.int32)
    ids, new_starts = renumbered(whole, np.where(numbers < n_kept, numbers, -1), None)
    n_made_up = min(n_words, max(_MOST_TRIAL_WORDS, n_kept)) - n_kept
    new_counts = np.maximum(np.round(counts[:n_kept] * ratio), 1).astype(np.int64)
    words = arena[: starts[n_kept]], starts[: n_kept + 1]
    if n_made_up:
        more, more_starts = pack_words(_made_up(whole.vocab, n_made_up))
        words = (
            np.concatenate([words[0], more]),
            np.concatenate([words[1], words[1][-1] + more_starts[1:]]),
        )
        least = int(new_counts[-1])
        new_counts = np.concatenate([new_counts, np.full(n_made_up, least, np.int64)])
    vocab = Vocab(*words, new_counts, has_separator=whole.vocab.has_separator)
    return EncodedCorpus(
        ids, new_starts, vocab, round(whole.n_tokens_read * ratio), round(len(ids) * ratio),
        n_bytes, list(whole.notes), round(whole.n_sentences_read * ratio),
    )  # fmt: skip


def _made_up(vocab: Vocab, n: int) -> list[bytes]:
    """Words with n-grams such as rare words have: the first half of one, the second of another."""
    rng = np.random.default_rng(1)
    n_there = len(vocab)
    rows = rng.integers(n_there // 2, n_there, (2, n)).tolist()
    found = []
    for k, (a, b) in enumerate(zip(*rows, strict=True)):
        first = vocab.word_bytes(a).decode("utf-8", "surrogateescape")
        second = vocab.word_bytes(b).decode("utf-8", "surrogateescape")
        word = first[: (len(first) + 1) // 2] + second[len(second) // 2 :]
        found.append(word.encode("utf-8", "surrogateescape") + b"\x7f%d" % k)
    return found
