"""The order of Stanford's vocab_count, and vocabulary files as its other tools read them."""

from __future__ import annotations

import os

import numpy as np
import numpy.typing as npt

from wordvec.corpus import EncodedCorpus
from wordvec.errors import CorpusError, FormatError
from wordvec.vocab import MAX_COUNT, Vocab, pack_words

__all__ = ["glove_order", "read_glove_vocab"]

_N_HASH_BUCKETS = 1 << 20
_HASH_SEED = 1159241
_KEY_BYTES = 24
_KEY_ROWS = 1 << 16
_SIGN = bytes(byte ^ 0x80 for byte in range(256))

_Rows = npt.NDArray[np.int64]


def glove_order(
    vocab: Vocab, min_count: int = 1, max_vocab: int = 0, corpus: EncodedCorpus | None = None
) -> _Rows:
    """Rows of `vocab` in the order in which vocab_count writes them.

    `vocab` must be in our own order (count, falling, then first appearance) and hold all words
    of the corpus.  Ties are in the order of their bytes taken as signed, so that words that begin
    with a byte from 128 on come before ASCII ones.

    0 < `max_vocab` < len(vocab) keeps that many; among words tied at the cut those that come
    first in the original's hash table, whose order among words of one slot needs the `corpus`.
    `min_count` then drops rarer ones.
    """
    if 0 < max_vocab < len(vocab):
        rows = _first_in_hash_table(vocab, max_vocab, corpus)
        rows = rows[vocab.counts[rows] >= min_count]
    else:
        rows = np.flatnonzero(vocab.counts >= min_count)
    return _sorted_by_ties(vocab, rows)


def _sorted_by_ties(vocab: Vocab, rows: _Rows) -> _Rows:
    """The rows by count, falling, then by signed bytes."""
    keys = _signed_keys(vocab, rows)
    columns = [keys[:, k] for k in range(keys.shape[1] - 1, -1, -1)]
    falling = -vocab.counts[rows]
    order = np.lexsort((*columns, falling))
    rows, keys, falling = rows[order], keys[order], falling[order]
    same = (falling[1:] == falling[:-1]) & (keys[1:] == keys[:-1]).all(axis=1)
    for begin, end in _runs(same):  # words alike in their first bytes
        some = sorted(rows[begin:end].tolist(), key=lambda row: _signed(vocab.word_bytes(row)))
        rows[begin:end] = some
    return rows


def _signed(word: bytes) -> bytes:
    """Sorts as the original compares: signed bytes, and an end that counts as zero."""
    return word.translate(_SIGN) + b"\x80"


def _signed_keys(vocab: Vocab, rows: _Rows) -> npt.NDArray[np.uint64]:
    """uint64[n, 3]: the first 24 bytes of `_signed`, to be compared as numbers."""
    arena, starts, _ = vocab.arrays()
    keys = np.empty((len(rows), _KEY_BYTES // 8), dtype=np.uint64)
    places = np.arange(_KEY_BYTES)
    for first in range(0, len(rows), _KEY_ROWS):
        some = rows[first : first + _KEY_ROWS]
        begins, lengths = starts[some], starts[some + 1] - starts[some]
        inside = places < lengths[:, None]
        texts = np.zeros((len(some), _KEY_BYTES), dtype=np.uint8)
        texts[inside] = arena[(begins[:, None] + places)[inside]]
        keys[first : first + len(some)] = (texts ^ 0x80).view(">u8")
    return keys


def _runs(same_as_before: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Ranges [begin, end) whose neighbours are all the same."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], same_as_before, [False]]).astype(int)))
    return [(int(begin), int(end) + 1) for begin, end in edges.reshape(-1, 2)]


# ---- which of equally frequent words stay ------------------------------------------------------


def _first_in_hash_table(vocab: Vocab, n_kept: int, corpus: EncodedCorpus | None) -> _Rows:
    """The `n_kept` most frequent rows; at the cut those whose hash slot comes first."""
    counts = vocab.counts
    tied = np.flatnonzero(counts == counts[n_kept - 1])
    n_above = int(tied[0])
    slots = _hash_slots(vocab, tied)
    in_slot = tied  # of words that occur once: the order of their appearance, which is ours
    if counts[n_kept - 1] > 1:
        # A word that comes again moves to the front of its slot: the last one seen is the first.
        if corpus is None:
            raise ValueError("the corpus decides between words of one slot")
        last_seen = np.zeros(len(vocab), dtype=np.int64)
        last_seen[corpus.ids] = np.arange(len(corpus.ids))
        in_slot = -last_seen[tied]
    chosen = tied[np.lexsort((in_slot, slots))[: n_kept - n_above]]
    return np.concatenate([np.arange(n_above), chosen])


def _hash_slots(vocab: Vocab, rows: _Rows) -> _Rows:
    """The slot of each word in the original's hash table."""
    arena, starts, _ = vocab.arrays()
    begins, lengths = starts[rows], starts[rows + 1] - starts[rows]
    hashes = np.full(len(rows), _HASH_SEED, dtype=np.uint32)
    for place in range(int(lengths.max(initial=0))):
        left = np.flatnonzero(lengths > place)
        byte = arena[begins[left] + place].astype(np.int8).astype(np.uint32)  # signed, as in C
        old = hashes[left]
        hashes[left] = old ^ ((old << np.uint32(5)) + byte + (old >> np.uint32(2)))
    return (hashes & np.uint32(0x7FFFFFFF)).astype(np.int64) % _N_HASH_BUCKETS


# ---- files --------------------------------------------------------------------------------------


def read_glove_vocab(path: str | os.PathLike[str]) -> tuple[Vocab, list[bytes]]:
    """A vocabulary in the order of the file's lines, `WORD COUNT` or `WORD`; and words that are
    there again.

    The first of equal words keeps its rank; the others keep their ranks from later words, and
    nothing ever has them.  Raises CorpusError when the file is missing or holds no word, and
    FormatError with the offset of the first bad line.
    """
    name = os.fspath(path)
    words: list[bytes] = []
    counts: list[int] = []
    again: list[bytes] = []
    seen: set[bytes] = set()
    offset = 0
    try:
        with open(path, "rb") as stream:
            for line in stream:
                blanks_as_spaces = line.replace(b"\r", b"").rstrip(b"\n").replace(b"\t", b" ")
                fields = [field for field in blanks_as_spaces.split(b" ") if field]
                if not fields:
                    offset += len(line)
                    continue
                if len(fields) not in (1, 2) or not _is_count(fields[1:]):
                    found = repr(line[:60].decode("utf-8", "backslashreplace"))
                    raise FormatError(name, offset, "a line of the form WORD COUNT", found)
                word = fields[0]
                if word in seen:
                    again.append(word)
                    word = b"\n%d" % len(words)  # no text holds it: a newline is no part of words
                seen.add(word)
                words.append(word)
                counts.append(int(fields[1]) if len(fields) == 2 else 1)
                offset += len(line)
    except OSError as error:
        raise CorpusError(f"{name}: {error.strerror or error}") from error
    if not words:
        raise CorpusError(f"{name}: the vocabulary is empty (no words in it)")
    arena, starts = pack_words(words)
    return Vocab(arena, starts, np.array(counts, dtype=np.int64), has_separator=False), again


def _is_count(fields: list[bytes]) -> bool:
    return all(f.isdigit() and len(f) <= 19 and int(f) <= MAX_COUNT for f in fields)
