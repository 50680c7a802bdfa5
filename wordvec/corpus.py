"""Corpus to ids: `read_corpus` gives every trainer its `ids` and `starts`."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from wordvec import idcache
from wordvec.encoding import Counting
from wordvec.errors import CorpusError, EmptyCorpusError
from wordvec.progress import Reporter, silent
from wordvec.rules import ReadingRules, TokenRules
from wordvec.sources import CHUNK_BYTES, Sentences, Source, TextFiles, TextReader, open_source
from wordvec.spill import TemporaryFile, fresh_ids
from wordvec.vocab import Vocab
from wordvec.wordchoice import WordChoice

__all__ = [
    "FASTTEXT_RULES",
    "WORD2VEC_RULES",
    "CountedCorpus",
    "EncodedCorpus",
    "TokenRules",
    "count_corpus",
    "count_vocab",
    "read_corpus",
]

# What the original reads: 98 bytes of a word, up to a NUL, no last word without a separator.
WORD2VEC_RULES = TokenRules(
    max_word_bytes=98, nul_ends_word=True, drop_unterminated=True, separator=True
)

# What the fasttext command reads: a last word without a separator counts, labels do not.
FASTTEXT_RULES = TokenRules(
    separator=True, more_blanks=True, separator_is_word=True, label_prefix="__label__"
)


@dataclass
class EncodedCorpus:
    """A corpus as numbers.

    `ids` is int32[n_tokens_kept], rows of `vocab`, the separator's only where the rules make it a
    word; words that are not in
    the vocabulary are left out.  Sentence k is ids[starts[k]:starts[k + 1]]; `starts` is
    int64[n_sentences + 1] and holds only non-empty sentences.  Both are mapped from a file
    (read-only) when they exceeded the memory budget or come from an id cache.

    `n_tokens_read` counts words before anything was left out, ends of sentences only where the
    rules make them words;
    `n_bytes` is the size of the unpacked text (0 for Python sentences).  `notes` has one line for
    each thing that was cut, dropped or unpacked.  `n_sentences_read` counts lines or Python
    sentences, empty ones too; of an id cache it is the number kept.
    """

    ids: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int64]
    vocab: Vocab
    n_tokens_read: int
    n_tokens_kept: int
    n_bytes: int
    notes: list[str]
    n_sentences_read: int = 0

    @cached_property
    def fingerprint(self) -> str:
        """The same for the same words, counts and numbers of tokens and sentences, wherever they
        came from."""
        import json

        digest = self.vocab.digest()
        numbers = [self.n_tokens_read, len(self.ids), len(self.starts) - 1]
        digest.update(json.dumps(numbers).encode())
        return str(digest.hexdigest())


@dataclass
class CountedCorpus:
    """What counting alone tells; see EncodedCorpus."""

    vocab: Vocab
    n_tokens_read: int
    n_sentences_read: int
    notes: list[str]


def read_corpus(
    source: Any,
    *,
    rules: TokenRules = TokenRules(),  # noqa: B008 - frozen
    vocab: Vocab | None = None,
    min_count: int = 5,
    max_vocab: int | None = None,
    prune_at: int | None = None,
    choice: WordChoice | None = None,
    n_threads: int = 1,
    memory: int | None = None,
    ids_path: str | os.PathLike[str] | None = None,
    reporter: Reporter = silent,
    _chunk_bytes: int = CHUNK_BYTES,
) -> EncodedCorpus:
    """Read a corpus once and give it as ids.

    `source`: see sources.open_source.  Integer arrays (2-D, or an iterable of 1-D arrays) are
    sentences whose words are the numbers; with `vocab` they are its rows.  With `vocab` nothing
    is counted: unknown words are left out, and whether `</s>` ends a sentence is the
    vocabulary's matter.  `max_vocab` does not count the separator.  `choice` picks the words in
    place of `min_count` and `max_vocab`.  `prune_at` applies word2vec's reduction rule when there
    are more distinct words: a second reading, in one thread and without a limit of memory.

    `memory` is the budget in bytes (default: half of the machine's); beyond it words and ids go
    to temporary files and the result is exactly the same.

    `ids_path` keeps the ids in a file.  When it exists it must have been made from the same files
    with the same settings, and is used instead of reading the corpus; otherwise CorpusError names
    the difference.

    Raises CorpusError for a corpus that is missing, unreadable, empty or gives no vocabulary,
    FormatError for a damaged id cache, OutputError when a file cannot be written, OptionError,
    and KeyboardInterrupt, which leaves nothing behind.
    """
    reading = ReadingRules(rules, vocab, min_count, max_vocab, prune_at, n_threads, memory, choice)
    opened = open_source(source)
    if ids_path is None:
        return _read(opened, reading, reporter, _chunk_bytes)
    return _read_or_reuse(opened, reading, os.fspath(ids_path), reporter, _chunk_bytes)


def _read_or_reuse(
    opened: Source, reading: ReadingRules, ids_path: str, reporter: Reporter, chunk_bytes: int
) -> EncodedCorpus:
    origin = _origin(opened, reading)
    if os.path.exists(ids_path):
        return _from_cache(ids_path, origin, reading.vocab)
    writer = idcache.Writer(ids_path)
    try:
        return _read(opened, reading, reporter, chunk_bytes, writer, origin)
    finally:
        writer.close()


def _read(
    opened: Source,
    reading: ReadingRules,
    reporter: Reporter,
    chunk_bytes: int,
    writer: idcache.Writer | None = None,
    origin: dict[str, Any] | None = None,
) -> EncodedCorpus:
    with Counting(_without_pruning(reading), chunk_bytes=chunk_bytes) as counting:
        n_bytes, notes = _count(counting, opened, reporter)
        again = _prunes(counting, reading, opened, notes)
        if not again:
            return _finish(counting, opened, n_bytes, notes, writer, origin)
    with Counting(reading, chunk_bytes=chunk_bytes) as counting:
        n_bytes, notes = _count(counting, opened, reporter)
        return _finish(counting, opened, n_bytes, notes, writer, origin)


def _without_pruning(reading: ReadingRules) -> ReadingRules:
    return dataclasses.replace(reading, prune_at=None)


def _prunes(counting: Counting, reading: ReadingRules, opened: Source, notes: list[str]) -> bool:
    """Must the text be counted again by word2vec's reduction rule?

    The rule bites only when there are more than `prune_at` distinct words; below, the exact
    count, which takes all threads and the memory budget, is the same.  Where the text cannot be
    read twice, the exact count stands, and a note says so.
    """
    if reading.prune_at is None or counting.n_distinct_at_most < reading.prune_at:
        return False
    if isinstance(opened, TextFiles) and all(os.path.isfile(path) for path in opened.paths):
        return True
    notes.append(
        f"more than {reading.prune_at:,} distinct words: word2vec would drop its rarest while "
        "counting, here all are counted"
    )
    return False


def _finish(
    counting: Counting,
    opened: Source,
    n_bytes: int,
    notes: list[str],
    writer: idcache.Writer | None,
    origin: dict[str, Any] | None,
) -> EncodedCorpus:
    vocab = counting.make_vocab()
    parts = idcache.Parts(vocab, counting.n_tokens_read, 0, 0, n_bytes, notes)
    ids, starts = _write_ids(counting, parts, writer, origin, _name_of(opened))
    corpus = _encoded(ids, starts, parts)
    corpus.n_sentences_read = counting.n_sentences_read
    return corpus


def _write_ids(
    counting: Counting,
    parts: idcache.Parts,
    writer: idcache.Writer | None,
    origin: dict[str, Any] | None,
    name: str,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """(ids, starts); completes `parts`."""
    target = _IdTarget(counting, writer)
    try:
        parts.n_tokens_kept, parts.n_sentences = counting.write_ids(target.write)
        if not parts.n_tokens_kept:
            raise CorpusError(
                f"{name}: none of its {parts.n_tokens_read:,} words is in the vocabulary"
            )
        return target.finish(parts, origin)
    finally:
        target.close()


def count_vocab(
    source: Any,
    *,
    rules: TokenRules = TokenRules(),  # noqa: B008 - frozen
    min_count: int = 5,
    max_vocab: int | None = None,
    prune_at: int | None = None,
    n_threads: int = 1,
    memory: int | None = None,
    reporter: Reporter = silent,
    notes: list[str] | None = None,
) -> Vocab:
    """The vocabulary alone; arguments and errors as in read_corpus.

    `notes` gets the lines that EncodedCorpus.notes would hold.
    """
    reading = ReadingRules(rules, None, min_count, max_vocab, prune_at, n_threads, memory)
    counted = _counted(source, reading, reporter)
    if notes is not None:
        notes += counted.notes
    return counted.vocab


def count_corpus(
    source: Any,
    choice: WordChoice,
    *,
    rules: TokenRules = TokenRules(),  # noqa: B008 - frozen
    n_threads: int = 1,
    memory: int | None = None,
    reporter: Reporter = silent,
) -> CountedCorpus:
    """The vocabulary that `choice` makes, and how much was read; errors as in read_corpus."""
    reading = ReadingRules(
        rules, min_count=choice.min_count, n_threads=n_threads, memory=memory, choice=choice
    )
    return _counted(source, reading, reporter)


def _counted(source: Any, reading: ReadingRules, reporter: Reporter) -> CountedCorpus:
    opened = open_source(source)
    for rules in (_without_pruning(reading), reading):
        with Counting(rules, keep_ids=False) as counting:
            _, notes = _count(counting, opened, reporter)
            if rules is reading or not _prunes(counting, reading, opened, notes):
                n_tokens, n_sentences = counting.n_tokens_read, counting.n_sentences_read
                return CountedCorpus(counting.make_vocab(), n_tokens, n_sentences, notes)
    raise AssertionError("the second round returns")


def _count(counting: Counting, opened: Source, reporter: Reporter) -> tuple[int, list[str]]:
    """Read everything; (n_bytes, notes)."""
    n_bytes, notes = 0, []
    if isinstance(opened, Sentences):
        counting.count_sentences(opened.sentences, reporter)
    else:
        reader = TextReader(opened.paths, counting.chunk_bytes)
        try:
            counting.count_files(reader, reporter)
        finally:
            reader.close()
        n_bytes, notes = reader.n_bytes, opened.notes + reader.notes
    if not counting.n_words_read:
        raise EmptyCorpusError(f"{_name_of(opened)}: the corpus is empty (no words in it)")
    return n_bytes, notes + counting.notes()


def _name_of(opened: Source) -> str:
    if isinstance(opened, Sentences):
        return "the corpus"
    return opened.paths[0] if len(opened.paths) == 1 else f"{len(opened.paths)} files"


# ---- where the final ids go -------------------------------------------------------------------


class _IdTarget:
    """Final ids and starts: in memory, or in a file when they exceed their share or are kept."""

    def __init__(self, counting: Counting, writer: idcache.Writer | None) -> None:
        tallies = [worker.tally for worker in counting.workers]
        # Without pruning or a given vocabulary this is exact; starts are an upper limit.
        n_ids = counting.n_tokens_read
        n_starts = sum(tally.n_sentence_ends + tally.n_files for tally in tallies) + 2
        room = max((tally.n_largest_block for tally in tallies), default=0)
        self._ends = np.empty(room, dtype=np.int64)
        self._in_memory = 4 * n_ids + 8 * n_starts <= counting.ids_share.limit
        self._writer = writer
        self._ids_file = None if self._in_memory or self._writer else TemporaryFile()
        self._starts_file = None if self._in_memory else TemporaryFile()
        to_memory = self._in_memory and self._writer is None
        self._ids = fresh_ids(n_ids + room) if to_memory else np.empty(room, dtype=np.int32)
        n_start_ids = 2 * n_starts if self._in_memory else 2
        self._starts = fresh_ids(n_start_ids).view(np.int64)
        self._to_memory = to_memory
        self._n_starts = 0
        self._append_starts(np.zeros(1, dtype=np.int64))

    def _append_starts(self, ends: npt.NDArray[np.int64]) -> None:
        if self._starts_file is not None:
            self._starts_file.append(ends)
        else:
            self._starts[self._n_starts : self._n_starts + len(ends)] = ends
        self._n_starts += len(ends)

    def write(self, block: Any, remap: Any, remapper: Any) -> None:
        """Renumber one block; None for the end of a file."""
        if block is None:
            if remapper.end_sentence():
                self._append_starts(np.array([remapper.n_ids], dtype=np.int64))
            return
        out = self._ids[remapper.n_ids :] if self._to_memory else self._ids
        n_ids, n_ends = remapper.remap(block, remap, out, self._ends)
        self._append_starts(self._ends[:n_ends])
        if self._writer is not None:
            self._writer.append_ids(out[:n_ids])
        elif self._ids_file is not None:
            self._ids_file.append(out[:n_ids])

    def finish(
        self, parts: idcache.Parts, origin: dict[str, Any] | None
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """(ids, starts), in memory or mapped."""
        if self._starts_file is not None:
            starts = self._starts_file.map_int64()
        else:
            starts = self._starts[: self._n_starts]
        if self._writer is not None:
            assert origin is not None
            return self._writer.finish(starts, parts, origin)
        if self._ids_file is not None:
            return self._ids_file.map_int32(), starts
        return self._ids[: parts.n_tokens_kept], starts

    def close(self) -> None:
        """Free temporary files."""
        for file in (self._ids_file, self._starts_file):
            if file is not None:
                file.close()


# ---- the id cache and fingerprints ------------------------------------------------------------


def _origin(opened: Source, reading: ReadingRules) -> dict[str, Any]:
    """What an id cache must have been made from, as JSON; compared key by key."""
    files = opened.paths if isinstance(opened, TextFiles) else None
    return {"corpus": idcache.file_stamps(files) if files else None, **reading.origin()}


def _from_cache(ids_path: str, origin: dict[str, Any], vocab: Vocab | None) -> EncodedCorpus:
    if origin["corpus"] is None:
        raise CorpusError(
            f"{ids_path}: exists, and cannot be compared with a corpus that is no regular file; "
            "delete it or name another file"
        )
    ids, starts, parts = idcache.read(ids_path, origin)
    if vocab is not None:
        parts.vocab = vocab
    return _encoded(ids, starts, parts)


def _encoded(
    ids: npt.NDArray[np.int32], starts: npt.NDArray[np.int64], parts: idcache.Parts
) -> EncodedCorpus:
    return EncodedCorpus(
        ids=ids,
        starts=starts,
        vocab=parts.vocab,
        n_tokens_read=parts.n_tokens_read,
        n_tokens_kept=parts.n_tokens_kept,
        n_bytes=parts.n_bytes,
        notes=parts.notes,
        n_sentences_read=len(starts) - 1,
    )
