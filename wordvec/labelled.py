"""Labelled lines: fastText's `__label__sports the match was ...`, as a dictionary and numbers.

The text is read once, by the corpus engine, which gives every different token a number; here the
tokens become words and labels, and lines the rows of a classifier's input matrix.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.corpus import TokenRules, read_corpus
from wordvec.errors import CorpusError, RareWordsError
from wordvec.fasttextmodel import FastTextDictionary
from wordvec.kernels import labelled as kernel
from wordvec.linerows import LineRows, Numbers, Starts, has_prefix
from wordvec.morewords import gather_words, joined, merge_words, starts_of
from wordvec.options import ClassifierOptions
from wordvec.progress import Reporter, silent
from wordvec.sources import Sentences, open_source
from wordvec.spill import fresh_ids
from wordvec.subwords import NgramRules
from wordvec.words import WordList

# fastText's tokens, labels among them.
_RULES = TokenRules(separator=True, more_blanks=True, separator_is_word=True)

_BLANKS = re.compile("[ \n\r\t\v\f\0]+")


@dataclass
class LabelledText:
    """A labelled text as numbers of its different tokens ("entries").

    ids, starts  int32[n_tokens], int64[n_lines + 1]: entries of line i are
                 ids[starts[i]:starts[i + 1]]; mapped from a file when they exceed the memory
    arena, entry_starts, entry_counts
                 spelling of entry e, arena[entry_starts[e]:entry_starts[e + 1]], and its count
    codes        int32[n_entries]: what each entry is, see kernels.labelled.LineRules
    dictionary   the words and labels that were kept
    n_tokens     all tokens, ends of lines and labels included
    notes        one line for each thing worth knowing
    """

    ids: Numbers
    starts: Starts
    arena: NDArray[np.uint8]
    entry_starts: Starts
    entry_counts: NDArray[np.int64]
    codes: Numbers
    dictionary: FastTextDictionary
    n_tokens: int
    notes: list[str]

    @property
    def n_lines(self) -> int:
        return len(self.starts) - 1


def read_labelled(
    source: Any,
    options: ClassifierOptions,
    *,
    reporter: Reporter = silent,
    memory: int | None = None,
) -> LabelledText:
    """Read a labelled text: files, folders or patterns as for read_corpus but not stdin, or an
    iterable of (labels, text).

    `labels` is a str or several, with or without the prefix; a text is one line, whatever breaks
    it has.  CorpusError for a text without lines, words or labels, and what read_corpus raises.
    """
    corpus = read_corpus(
        _checked(source, options.label_prefix),
        rules=_RULES,
        min_count=1,
        n_threads=options.workers,
        memory=memory,
        reporter=reporter,
    )
    arena, starts, counts = corpus.vocab.arrays()
    codes, kept = _codes(arena, starts, counts, options)
    n_words, n_labels = (int(np.count_nonzero(part)) for part in (codes >= 0, codes <= -3))
    name = source if isinstance(source, str) else "the text"
    prefix = options.label_prefix
    if not n_words:
        word = corpus.vocab.word_bytes(0)
        raise RareWordsError(str(name), options.min_count, word, int(counts[0]))
    if not n_labels:
        raise CorpusError(
            f"{name}: no word of it begins with the label prefix {prefix!r}"
            + ("" if options.min_count_label < 2 else " and occurs min_count_label times")
            + "; expected lines such as "
            f"'{prefix}sports the match was ...'"
        )
    dictionary = FastTextDictionary(
        gather_words(arena, starts, kept), counts[kept], n_words, n_labels, corpus.n_tokens_read,
        label_prefix=prefix,
    )  # fmt: skip
    return LabelledText(
        corpus.ids, corpus.starts, arena, starts, counts, codes, dictionary,
        corpus.n_tokens_read, corpus.notes,
    )  # fmt: skip


def _checked(source: Any, prefix: str) -> Any:
    """A source for read_corpus: (labels, text) pairs become lists of words."""
    if source == "-":
        raise CorpusError("stdin cannot be trained on: its size is unknown; give a file")
    opened = open_source(source)
    if isinstance(opened, Sentences):
        return _token_lists(opened.sentences, prefix)
    if "-" in opened.paths:
        raise CorpusError("stdin cannot be trained on: its size is unknown; give a file")
    return source


def _token_lists(pairs: Iterable[Any], prefix: str) -> Iterator[list[str]]:
    for number, pair in enumerate(pairs):
        if not isinstance(pair, tuple | list) or len(pair) != 2 or not isinstance(pair[1], str):
            raise CorpusError(
                f"example {number} is {pair!r:.60}; expected a pair (labels, text), the labels a "
                "str or a list of str"
            )
        labels = [pair[0]] if isinstance(pair[0], str) else list(pair[0])
        tokens = []
        for label in labels:
            if not isinstance(label, str) or not label or _BLANKS.search(label):
                raise CorpusError(f"example {number}: {label!r:.40} is no label (a word)")
            tokens.append(label if label.startswith(prefix) else prefix + label)
        yield tokens + [word for word in _BLANKS.split(pair[1]) if word]


def _codes(
    arena: NDArray[np.uint8],
    starts: Starts,
    counts: NDArray[np.int64],
    options: ClassifierOptions,
) -> tuple[Numbers, NDArray[np.int64]]:
    """(codes of all entries, entries that were kept: words, then labels)."""
    is_label = has_prefix(arena, starts, options.label_prefix.encode("utf-8", "surrogateescape"))
    words = np.flatnonzero(~is_label & (counts >= options.min_count))
    labels = np.flatnonzero(is_label & (counts >= options.min_count_label))
    codes = np.where(is_label, kernel.CODE_OF_LEFT_OUT, kernel.CODE_OF_UNKNOWN).astype(np.int32)
    codes[words] = np.arange(len(words), dtype=np.int32)
    codes[labels] = kernel.CODE_OF_LABEL - np.arange(len(labels), dtype=np.int32)
    return codes, np.concatenate([words, labels])


def add_words(text: LabelledText, words: WordList) -> None:
    """Take more words into the dictionary, as fastText does with those of pretrained vectors.

    Each counts once more, words of the text that were too rare are words again, and the order is
    by count anew (`FastTextDictionary.n_tokens` grows too).
    """
    old = text.dictionary
    merged = merge_words(old.only_words(), old.counts[: old.n_words], words, old.label_prefix)
    rows = np.arange(old.n_words, old.n_words + old.n_labels)
    labels = gather_words(old.words.data, starts_of(old.words), rows)
    dictionary = FastTextDictionary(
        joined([merged.words, labels]),
        np.concatenate([merged.counts, old.counts[old.n_words :]]),
        len(merged.words), old.n_labels, old.n_tokens + merged.n_taken,
        label_prefix=old.label_prefix,
    )  # fmt: skip
    entries = WordList(text.arena, text.entry_starts[1:].astype(np.uint64))
    found = dictionary.words.find_words(entries)
    is_word = (found >= 0) & (found < dictionary.n_words)
    text.codes = np.where(is_word, found, np.minimum(text.codes, -1)).astype(np.int32)
    text.dictionary = dictionary


def most_rows(text: LabelledText, ngrams: NgramRules, word_ngrams: int) -> int:
    """An upper limit for the rows of all lines."""
    n_rows = text.n_tokens * (word_ngrams if ngrams.bucket else 1)
    if ngrams.has_ngrams:
        # a character n-gram begins at a character and has one of so many lengths
        lengths = np.diff(text.entry_starts) + 2
        n_rows += int(text.entry_counts @ lengths) * (ngrams.max_n - max(ngrams.min_n, 1) + 1)
    return n_rows


def rows_of_lines(
    text: LabelledText, rules: kernel.LineRules, first: int, end: int, n_rows: int
) -> LineRows:
    """Rows and labels of the lines first to end - 1; `n_rows` is a guess that may be too small."""
    n_tokens = int(text.starts[end] - text.starts[first])
    longest = int(np.diff(text.starts[first : end + 1]).max(initial=0))
    hashes = np.empty(longest, np.uint32)
    labels = fresh_ids(n_tokens)
    row_starts, label_starts = np.empty((2, end - first + 1), np.int64)
    while True:
        rows = fresh_ids(n_rows)
        n_done = rules.lines_of_ids(
            text.ids, text.starts, first, end, rows, row_starts, labels, label_starts, hashes
        )
        if n_done == end - first:
            break
        n_rows = 2 * n_rows + n_tokens
    return LineRows(row_starts, rows[: row_starts[-1]], label_starts, labels[: label_starts[-1]])
