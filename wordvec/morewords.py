"""Words that are taken into a vocabulary from elsewhere, as fastText takes those of pretrained
vectors: known words count once more, others join with a count of 1, and all are ranked anew.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wordvec.corpus import EncodedCorpus
from wordvec.linerows import Starts, has_prefix
from wordvec.spill import TemporaryFile, fresh_ids
from wordvec.vocab import Vocab
from wordvec.words import WordList

_STEP_IDS = 1 << 22  # renumbered at a time


@dataclass(slots=True)
class MergedWords:
    """Words and others together, by falling count; words before others that are as frequent.

    words, counts  WordList and int64[n] of all
    order          int64[n]: place of each in `words` and, from len(words) on, among the new ones
    fresh          the words that joined
    n_taken        different words that were offered
    """

    words: WordList
    counts: NDArray[np.int64]
    order: NDArray[np.int64]
    fresh: WordList
    n_taken: int


def starts_of(words: WordList) -> Starts:
    """int64[n + 1]: where each word begins, and the end of the last."""
    starts = np.zeros(len(words) + 1, np.int64)
    starts[1:] = words.ends
    return starts


def gather_words(arena: NDArray[np.uint8], starts: Starts, rows: NDArray[np.int64]) -> WordList:
    """The words of these rows, in their order."""
    lengths = starts[rows + 1] - starts[rows]
    ends = np.cumsum(lengths)
    places = np.arange(ends[-1] if len(ends) else 0) + np.repeat(
        starts[rows] - (ends - lengths), lengths
    )
    return WordList(arena[places], ends.astype(np.uint64))


def joined(lists: list[WordList]) -> WordList:
    """Lists of words one after the other."""
    data = [part.data[: int(part.ends[-1]) if len(part) else 0] for part in lists]
    offsets = np.cumsum([0] + [len(part) for part in data])
    ends = [part.ends + np.uint64(offset) for part, offset in zip(lists, offsets[:-1], strict=True)]
    return WordList(np.concatenate(data), np.concatenate(ends))


def merge_words(
    words: WordList, counts: NDArray[np.int64], more: WordList, label_prefix: str
) -> MergedWords:
    """`words` with `more`, of which labels, empty words and repetitions are left out."""
    prefix = label_prefix.encode("utf-8", "surrogateescape")
    starts = starts_of(more)
    is_new = (more.first_rows() == np.arange(len(more))) & (np.diff(starts) > 0)
    if prefix:
        is_new &= ~has_prefix(more.data, starts, prefix)
    candidates = np.flatnonzero(is_new)
    known = words.find_words(gather_words(more.data, starts, candidates))
    counts = counts.copy()
    counts[known[known >= 0]] += 1
    fresh = gather_words(more.data, starts, candidates[known < 0])
    merged = np.concatenate([counts, np.ones(len(fresh), np.int64)])
    order = np.argsort(-merged, kind="stable")
    together = joined([words, fresh])
    ranked = gather_words(together.data, starts_of(together), order)
    return MergedWords(ranked, merged[order], order, fresh, len(candidates))


def with_words(
    corpus: EncodedCorpus,
    more: WordList,
    *,
    min_count: int,
    max_vocab: int | None = None,
    label_prefix: str = "",
    memory: int | None = None,
) -> EncodedCorpus:
    """A corpus that was read with min_count 1, with the vocabulary of its words that occur
    min_count times, max_vocab of them, and of `more`.

    Words of the text that were too rare but are among `more` are kept, with a count of 1.  The
    result is in memory, or in a temporary file where it exceeds half of `memory`.  OutputError.
    """
    arena, starts, counts = corpus.vocab.arrays()
    assert not corpus.vocab.has_separator
    frequent = np.flatnonzero(counts >= min_count)[:max_vocab]  # the first, as they are ranked
    kept = gather_words(arena, starts, frequent)
    merged = merge_words(kept, counts[frequent], more, label_prefix)
    new_starts = starts_of(merged.words)
    data = merged.words.data[: int(new_starts[-1])]
    vocab = Vocab(data, new_starts, merged.counts, has_separator=False)
    new_ids = merged.words.find_words(corpus.vocab.word_list()).astype(np.int32)
    ids, sentence_starts = renumbered(corpus, new_ids, memory)
    return dataclasses.replace(
        corpus,
        ids=ids,
        starts=sentence_starts,
        vocab=vocab,
        n_tokens_read=corpus.n_tokens_read + merged.n_taken,
        n_tokens_kept=len(ids),
    )


def renumbered(
    corpus: EncodedCorpus, new_ids: NDArray[np.int32], memory: int | None
) -> tuple[NDArray[np.int32], Starts]:
    """(ids, starts) with the ids of `new_ids`; tokens where that is -1 are left out."""
    n_kept = sum(
        int(np.count_nonzero(new_ids[corpus.ids[first : first + _STEP_IDS]] >= 0))
        for first in range(0, len(corpus.ids), _STEP_IDS)
    )
    file = TemporaryFile() if memory is not None and 4 * n_kept > memory // 2 else None
    ids = fresh_ids(n_kept if file is None else 0)
    starts = np.zeros(len(corpus.starts), np.int64)
    n = 0
    try:
        for first in range(0, len(corpus.ids), _STEP_IDS):
            block = new_ids[corpus.ids[first : first + _STEP_IDS]]
            is_kept = block >= 0
            block = block[is_kept]
            before = np.concatenate([[0], np.cumsum(is_kept)])
            low, high = np.searchsorted(corpus.starts, [first, first + len(is_kept)])
            starts[low:high] = n + before[corpus.starts[low:high] - first]
            if file is None:
                ids[n : n + len(block)] = block
            else:
                file.append(block)
            n += len(block)
        starts[corpus.starts == len(corpus.ids)] = n
        # Sentences of which no word is left are none.
        starts = np.concatenate([starts[:1], starts[1:][np.diff(starts) > 0]])
        return (ids if file is None else file.map_int32()), starts
    finally:
        if file is not None:
            file.close()
