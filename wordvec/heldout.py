"""Which sentences are kept out of training, to measure the loss on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from wordvec.corpus import EncodedCorpus
from wordvec.errors import CorpusError, OptionError
from wordvec.kernels import sampling
from wordvec.spill import TemporaryFile
from wordvec.vocab import Vocab

_LONGEST_UNIT = 10_000  # tokens; longer sentences are decided upon in blocks
_BLOCK = 1000
_PIECE_TOKENS = 1 << 22
_KEY_OF_WORDS = 7
_MIX = np.uint64(0x9E3779B97F4A7C15)


def hold_out_by_hash(
    corpus: EncodedCorpus, share: float, seed: int = 1
) -> tuple[EncodedCorpus, EncodedCorpus]:
    """(what to train on, what to measure on), new corpora with the same vocabulary.

    A sentence is held out when the hash of its words and the seed is among the lowest `share`:
    the same sentences on every run, whatever the number of threads and the order of the text, and
    never a copy of one that is trained on.  Sentences of more than 10,000 tokens are decided upon
    in blocks of 1,000.  A corpus on disk stays there.  CorpusError when nothing or everything is
    held out.
    """
    if not 0 < share < 1:
        raise OptionError("share", "a number between 0 and 1", share)
    starts, is_begin = _units(corpus.starts)
    is_held = _hashes(corpus, starts, seed) < np.uint64(int(share * 2**64))
    if is_held.all() or not is_held.any():
        found = "all" if is_held.all() else "none"
        raise CorpusError(
            f"a share of {share:g} of {len(starts) - 1:,} sentences holds {found} of them out; "
            "give another share, or more text"
        )
    follows_held = np.concatenate([np.zeros(1, np.bool_), is_held[:-1]])
    kept = _part(corpus, starts, ~is_held, is_begin | follows_held)
    held = _part(corpus, starts, is_held, is_begin | ~follows_held)
    return kept, held


def _units(starts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(starts of what is decided upon as one, which of them begin a sentence)."""
    lengths = np.diff(starts)
    n_blocks = np.where(lengths > _LONGEST_UNIT, -(-lengths // _BLOCK), 1)
    if len(n_blocks) == int(n_blocks.sum()):
        return starts, np.ones(len(lengths), np.bool_)
    first = np.repeat(starts[:-1], n_blocks)
    number = np.arange(len(first)) - np.repeat(np.cumsum(n_blocks) - n_blocks, n_blocks)
    return np.append(first + number * _BLOCK, starts[-1]), number == 0


def _hashes(corpus: EncodedCorpus, starts: NDArray[np.int64], seed: int) -> NDArray[np.uint64]:
    """uint64[n_units]: of the words of each, which do not depend on their numbers."""
    of_word = _word_hashes(corpus.vocab, seed)
    found = np.empty(len(starts) - 1, np.uint64)
    for first, end in _pieces(starts):
        begin = int(starts[first])
        hashes = of_word[corpus.ids[begin : int(starts[end])]]
        found[first:end] = np.add.reduceat(hashes, starts[first:end] - begin)
    # The sum alone would make sentences of equal words in turn fall side by side.
    found ^= found >> np.uint64(29)
    found *= _MIX
    return found ^ (found >> np.uint64(32))


def _word_hashes(vocab: Vocab, seed: int) -> NDArray[np.uint64]:
    import hashlib

    key = sampling.key(seed, _KEY_OF_WORDS, 0).to_bytes(8, "little")
    digests = b"".join(
        hashlib.blake2b(vocab.word_bytes(row), digest_size=8, key=key).digest()
        for row in range(len(vocab))
    )
    return np.frombuffer(digests, "<u8").astype(np.uint64)


def _pieces(starts: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """(first, end) of units of a few million tokens at once."""
    first, n = 0, len(starts) - 1
    while first < n:
        end = int(np.searchsorted(starts, starts[first] + _PIECE_TOKENS, side="right")) - 1
        end = min(max(end, first + 1), n)
        yield first, end
        first = end


def _part(
    corpus: EncodedCorpus,
    starts: NDArray[np.int64],
    is_taken: NDArray[np.bool_],
    is_begin: NDArray[np.bool_],
) -> EncodedCorpus:
    """The units that are taken, as a corpus of its own."""
    lengths = np.diff(starts)
    n_tokens = int(lengths[is_taken].sum())
    is_on_disk = not corpus.ids.flags.writeable
    file = TemporaryFile() if is_on_disk else None
    ids = np.empty(0 if is_on_disk else n_tokens, np.int32)
    n_done = 0
    for first, end in _pieces(starts):
        begin, last = int(starts[first]), int(starts[end])
        some = corpus.ids[begin:last][np.repeat(is_taken[first:end], lengths[first:end])]
        if file is not None:
            file.append(some)
        else:
            ids[n_done : n_done + len(some)] = some
        n_done += len(some)
    if file is not None:
        ids = file.map_int32()
        file.close()
    places = np.cumsum(np.where(is_taken, lengths, 0)) - np.where(is_taken, lengths, 0)
    new_starts = np.append(places[is_taken & is_begin], n_tokens).astype(np.int64)
    share = n_tokens / max(len(corpus.ids), 1)
    return dataclasses.replace(
        corpus, ids=ids, starts=new_starts, n_tokens_kept=n_tokens,
        n_tokens_read=round(corpus.n_tokens_read * share),
        n_bytes=round(corpus.n_bytes * share), n_sentences_read=len(new_starts) - 1,
    )  # fmt: skip
