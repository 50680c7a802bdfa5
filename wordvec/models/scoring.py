"""What a trained network says about text: probable words, and how probable sentences are."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from wordvec.models.onlinemodel import OnlineModel

logger = logging.getLogger(__name__)

_SENTENCES_AT_ONCE = 256
_NODES_AT_ONCE = 1 << 15  # rows of the tree that are gathered at a time


def predict_output_word(
    model: OnlineModel, context: Sequence[str | int], topn: int
) -> list[tuple[str, float]] | None:
    """The `topn` words most probable between context words (words or rows), with probabilities.

    A softmax over all output rows with the mean (or sum, as the model has it) of the context's
    vectors, also for skip-gram, which is not quite how either was trained.  None, with a warning,
    when no context word is known.  RuntimeError without negative sampling.
    """
    if not model.negative:
        raise RuntimeError("predict_output_word needs a model with negative sampling")
    if model.network is None:
        raise RuntimeError("the model has nothing to predict with: build a vocabulary and train")
    rows = [model.wv.get_index(word) for word in context if model.wv.has_index_for(word)]
    if not rows:
        logger.warning("none of the context words is in the vocabulary")
        return None
    hidden = model.wv.vectors[rows].sum(axis=0)
    if model.cbow_mean:
        hidden /= len(rows)
    scores = model.syn1neg @ hidden
    shares = np.exp(scores - scores.max())
    shares /= shares.sum()
    n = min(topn, len(shares)) if topn else len(shares)
    best = np.argpartition(-shares, n - 1)[:n] if n < len(shares) else np.arange(len(shares))
    best = best[np.argsort(-shares[best], kind="stable")]
    return [(model.wv.index_to_key[row], shares[row]) for row in best]


def score(
    model: OnlineModel, sentences: Iterable[Sequence[str]], total_sentences: int
) -> NDArray[np.float32]:
    """float32[n]: log probability of each of the first `total_sentences` sentences.

    The sum over all pairs of a word and a context word (skip-gram) or all words with their context
    (CBOW), windows whole and nothing thinned out, of the logarithms along the word's Huffman path
    (Taddy 2015).  Exact, where gensim leaves out steps with a score beyond 6.  RuntimeError
    without a vocabulary or hierarchical softmax.
    """
    network = model._need_network("score")
    if not model.hs or network.paths is None:
        raise RuntimeError("score needs a model with hierarchical softmax (hs=1, negative=0)")
    taken = islice(iter(sentences), total_sentences)
    scores: list[float] = []
    while batch := list(islice(taken, _SENTENCES_AT_ONCE)):
        ids = [[row for w in words if (row := model.wv._find(w)) >= 0] for words in batch]
        scores += _score_batch(model, ids).tolist()
    return np.array(scores, dtype=np.float32)


def _score_batch(model: OnlineModel, sentences: list[list[int]]) -> NDArray[np.float64]:
    centres, contexts, owners = _pairs(sentences, model.window)
    words = np.concatenate(
        [np.asarray(ids, np.int64) for ids in sentences] or [np.zeros(0, np.int64)]
    )
    totals = np.zeros(len(sentences))
    if not len(centres):
        return totals
    rows = model.wv.vectors
    if model.sg:
        hidden, targets = rows[words[contexts]], words[centres]
    else:
        firsts = np.flatnonzero(np.diff(centres, prepend=-1))  # pairs of a centre lie together
        hidden = np.add.reduceat(rows[words[contexts]], firsts, axis=0)
        if model.cbow_mean:
            hidden /= np.diff(np.append(firsts, len(centres)))[:, None]
        targets, owners = words[centres[firsts]], owners[firsts]
    np.add.at(totals, owners, _path_logs(model, hidden, targets))
    return totals


def _pairs(
    sentences: list[list[int]], window: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(places of centre words, places of their context words, numbers of the sentences), places
    counted over all sentences."""
    centres, contexts, owners = [], [], []
    first = 0
    for number, ids in enumerate(sentences):
        places = np.arange(len(ids))
        near = np.abs(places[:, None] - places) <= window
        np.fill_diagonal(near, False)
        mine, others = np.nonzero(near)
        centres.append(mine + first)
        contexts.append(others + first)
        owners.append(np.full(len(mine), number))
        first += len(ids)
    return np.concatenate(centres), np.concatenate(contexts), np.concatenate(owners)


def _path_logs(
    model: OnlineModel, hidden: NDArray[np.float32], targets: NDArray[np.int64]
) -> NDArray[np.float64]:
    """float64[n]: for each hidden vector the log probability of the path of its target."""
    network = model._need_network("score")
    assert network.paths is not None
    starts, nodes, codes = network.paths
    lengths = np.diff(starts)[targets]
    logs = np.zeros(len(targets))
    ends = np.cumsum(lengths)
    first = 0
    while first < len(targets):
        done = int(ends[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(ends, done + _NODES_AT_ONCE)))
        part = slice(first, last)
        owner = np.repeat(np.arange(first, last), lengths[part])
        begin = np.cumsum(lengths[part]) - lengths[part]
        place = np.arange(len(owner)) - np.repeat(begin - starts[targets[part]], lengths[part])
        signs = 1.0 - 2.0 * codes[place]
        scores = np.einsum("ij,ij->i", hidden[owner], model.syn1[nodes[place]])
        np.add.at(logs, owner, -np.logaddexp(0.0, -signs * scores))
        first = last
    return cast("NDArray[np.float64]", logs)
