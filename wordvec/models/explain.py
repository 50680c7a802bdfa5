"""Why a label won: what each word and n-gram of a line added to its lead.

A line's vector is the mean of its rows, and scores are linear in it; so the lead of one label over
another is exactly the sum of what the rows contribute, row . (label - rival) / number of rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from wordvec.errors import OptionError
from wordvec.fasttextmodel import SENTENCE_END, FastTextModel
from wordvec.kernels import sampling
from wordvec.kernels.subwords import hash_bytes
from wordvec.models.labelling import Labeller
from wordvec.subwords import Subwords, ngram_texts, word_bytes

_BLANKS = re.compile("[ \r\t\v\f\0]+")
_M64 = (1 << 64) - 1


@dataclass(frozen=True)
class Feature:
    """What one word or n-gram added.

    kind          "word", "characters" (an n-gram of them) or "words" (an n-gram of them)
    contribution  its share of the lead, over all its places in the line
    n_times       how often it stands there
    """

    text: str
    kind: str
    contribution: float
    n_times: int


@dataclass(frozen=True)
class Explanation:
    """Why `label` leads `rival` by `margin`.

    margin       difference of their scores before softmax; with ova and ns, and without a rival,
                 the score of the label itself; with hs, the score at the node where the paths to
                 both part, towards the label.  The sum of all contributions but for rounding
    features     largest contribution first
    probability  of the label, as predict reports it
    """

    label: str
    rival: str | None
    probability: float
    margin: float
    features: list[Feature]


def explain(
    model: FastTextModel | Labeller, line: str, label: str | None = None, rival: str | None = None
) -> Explanation:
    """Why a line gets `label` (default: the best one) and not `rival` (default: the best other).

    ValueError for a line with a line break; OptionError for labels that the model does not know,
    or a line without anything that it knows.
    """
    labeller = model if isinstance(model, Labeller) else Labeller(model)
    model = labeller.model
    labels, probabilities = labeller.predict([line], -1)
    ranked = [number for number in labels[0].tolist() if number >= 0]
    found = list(_features(model, line))
    if not found or not ranked:
        raise OptionError("line", "a word or n-gram that the model knows", line)
    winner = ranked[0] if label is None else _number_of(model, label, "label")
    others = [number for number in ranked if number != winner]
    loser: int | None = others[0] if others else None
    if rival is not None:
        loser = _number_of(model, rival, "rival")
    if rival is None and model.args.loss in ("ova", "ns"):
        loser = None
    direction = _direction(model, winner, loser)
    rows = model.input.rows(np.array([row for _, _, row in found], np.int32))
    shares = rows.astype(np.float64) @ direction / len(found)
    sums: dict[tuple[str, str], tuple[float, int]] = {}
    for (text, kind, _), share in zip(found, shares.tolist(), strict=True):
        total, n_times = sums.get((text, kind), (0.0, 0))
        sums[text, kind] = (total + share, n_times + 1)
    features = [Feature(text, kind, *value) for (text, kind), value in sums.items()]
    features.sort(key=lambda feature: -feature.contribution)
    at = np.flatnonzero(labels[0] == winner)
    names = labeller.label_names
    return Explanation(
        names[winner],
        None if loser is None else names[loser],
        float(probabilities[0, at[0]]) if len(at) else 0.0,
        float(shares.sum()),
        features,
    )


def _number_of(model: FastTextModel, label: str, option: str) -> int:
    number = model.dictionary.label_id(label)
    if number < 0:
        number = model.dictionary.label_id(model.dictionary.label_prefix + label)
    if number < 0:
        raise OptionError(option, "a label of the model", label)
    return number


def _direction(model: FastTextModel, winner: int, loser: int | None) -> np.ndarray:
    """float64[dim]: what a line's vector is multiplied with to give the margin."""
    if model.args.loss == "hs":
        return _at_fork(model, winner, loser)
    ids = [winner] if loser is None else [winner, loser]
    rows = model.output.rows(np.array(ids, np.int32)).astype(np.float64)
    return np.asarray(rows[0] if loser is None else rows[0] - rows[1])


def _at_fork(model: FastTextModel, winner: int, loser: int | None) -> np.ndarray:
    counts = model.dictionary.counts[model.dictionary.n_words :]
    starts, nodes, codes = sampling.huffman_paths(np.ascontiguousarray(counts, np.int64))
    if loser is None or loser == winner:
        return np.zeros(model.dim)
    at = 0
    first, second = int(starts[winner]), int(starts[loser])
    while codes[first + at] == codes[second + at]:
        at += 1
    row = model.output.rows(np.array([nodes[first + at]], np.int32))[0].astype(np.float64)
    return np.asarray(row if codes[first + at] else -row)


def _features(model: FastTextModel, line: str) -> Iterator[tuple[str, str, int]]:
    """(text, kind, input row) of all that a line holds, in the order of kernels.labelled."""
    dictionary, args = model.dictionary, model.args
    row_of_bucket = dictionary.row_of_bucket(args.bucket)

    def rows_of(bucket: int) -> list[int]:
        row = bucket if row_of_bucket is None else int(row_of_bucket[bucket])
        return [] if row < 0 else [dictionary.n_words + row]

    words = []
    characters = Subwords(args.rules, np.zeros((args.bucket, 1), np.float32), 1)
    for word in [*(w for w in _BLANKS.split(line) if w), SENTENCE_END]:
        entry = dictionary.words.find(word)
        if entry >= dictionary.n_words or (entry < 0 and word.startswith(dictionary.label_prefix)):
            continue  # a label
        words.append(word)
        if entry >= 0:
            yield word, "word", entry
        if args.rules.has_ngrams and word != SENTENCE_END:
            buckets = characters.buckets_of(word).tolist()
            for text, bucket in zip(ngram_texts(word, args.rules), buckets, strict=True):
                for row in rows_of(bucket):
                    yield text, "characters", row
    if args.word_ngrams < 2 or args.bucket == 0:
        return
    hashes = [_signed(hash_bytes(word_bytes(word))) for word in words]
    for i in range(len(words)):
        value = hashes[i] & _M64
        for j in range(i + 1, min(len(words), i + args.word_ngrams)):
            value = (value * 116049371 + hashes[j]) & _M64
            for row in rows_of(value % args.bucket):
                yield " ".join(words[i : j + 1]), "words", row


def _signed(value: int) -> int:
    """fastText widens its 32-bit hashes with their sign; ids in its files depend on it."""
    return value - (1 << 32) if value >= 1 << 31 else value
