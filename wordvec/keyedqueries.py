"""gensim's questions to vectors: neighbours, distances, the odd one out.

Results and exceptions are gensim 4.4's, but rows and queries without a direction (all zero, or
not finite) have no neighbours and are nobody's: gensim lists them last, as nan.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from wordvec.keyedrows import KEYS, Key, KeyedRows
from wordvec.movers import movers_distance
from wordvec.vectors import Neighbours, Row

logger = logging.getLogger(__name__)

_COSMUL_EPSILON = 0.000001  # Levy and Goldberg 2014: keeps the quotient finite


class KeyedQueries(KeyedRows):
    """KeyedRows that answer gensim's questions.

    A key is a word, or a row number.  Cosines come as Python floats in lists of neighbours, and
    as NumPy's float32 otherwise, as in gensim.
    """

    def get_mean_vector(
        self,
        keys: Sequence[Key | Row] | NDArray[Any],
        weights: Sequence[float] | NDArray[Any] | None = None,
        pre_normalize: bool = True,
        post_normalize: bool = False,
        ignore_missing: bool = True,
    ) -> Row:
        """The weighted mean of the keys' rows, divided by the sum of the weights' sizes."""
        if len(keys) == 0:
            raise ValueError("cannot compute mean with no input")
        factors = np.ones(len(keys)) if weights is None else np.asarray(weights)
        if len(keys) != len(factors):
            raise ValueError("keys and weights array must have same number of elements")
        mean = np.zeros(self.dim, dtype=np.float32)
        total = 0.0
        for key, factor in zip(keys, factors, strict=True):
            if isinstance(key, np.ndarray):
                mean += factor * key
            elif key in self:
                mean += factor * self.get_vector(key, norm=pre_normalize)
            elif ignore_missing:
                continue
            else:
                raise KeyError(f"Key '{key}' not present in vocabulary")
            total += abs(float(factor))
        if total > 0:
            mean = mean / np.float32(total)
        return _unit_or_zero(mean) if post_normalize else mean

    # Neighbours

    def most_similar(
        self,
        positive: Any = None,
        negative: Any = None,
        topn: int | None = 10,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
        indexer: Any = None,
    ) -> Any:
        """The keys nearest to the mean of `positive` minus `negative`, without those given.

        Each is a key, a vector, or a list of keys, vectors and (key or vector, weight) pairs.
        Only rows clip_start..clip_end (restrict_vocab: 0..restrict_vocab) are looked at.
        Returns [(key, cosine)], ties by lower row; with `topn=None` float32 cosines of all rows.
        With `indexer`, what its `most_similar(direction, topn)` returns.
        """
        if isinstance(topn, (int, np.integer)) and topn < 1:
            return []
        direction, given = self._target(_as_list(positive), _as_list(negative))
        if indexer is not None and isinstance(topn, int):
            return indexer.most_similar(direction, topn)
        first, last = self._clipped(clip_start, clip_end, restrict_vocab)
        if not topn:
            return self._cosines(direction, first, last)
        found = self.nearest(direction[None], min(topn, len(self)), [given], first, last)
        return self._named(*found)[0]

    def most_similar_batch(
        self, queries: Iterable[Any], topn: int = 10, restrict_vocab: int | None = None
    ) -> list[Neighbours]:
        """`most_similar(positive=query, topn=topn)` for each query, far faster than one by one.

        gensim has no such method: its `most_similar` takes a list as one query, a sum.
        """
        queries = list(queries)
        if topn < 1 or not queries:
            return [[] for _ in queries]
        targets = [self._target(_as_list(query), []) for query in queries]
        first, last = self._clipped(0, None, restrict_vocab)
        directions = np.array([direction for direction, _ in targets], dtype=np.float32)
        excluded = [given for _, given in targets]
        return self._named(*self.nearest(directions, min(topn, len(self)), excluded, first, last))

    def _target(self, added: list[Any], taken: list[Any]) -> tuple[Row, list[int]]:
        """The direction of the mean, and the rows of the keys that it is made of."""
        keys: list[Any] = []
        weights = np.concatenate([np.ones(len(added)), -np.ones(len(taken))])
        for k, item in enumerate([*added, *taken]):
            if isinstance(item, (*KEYS, np.ndarray)):
                keys.append(item)
            else:
                keys.append(item[0])
                weights[k] = item[1]
        mean = self.get_mean_vector(keys, weights, post_normalize=True, ignore_missing=False)
        given = [
            self.get_index(key) for key in keys if isinstance(key, KEYS) and self.has_index_for(key)
        ]
        return mean, given

    def _clipped(
        self, clip_start: int, clip_end: int | None, restrict_vocab: int | None
    ) -> tuple[int, int]:
        """The first row and the row behind the last one that a query looks at."""
        if restrict_vocab:
            clip_start, clip_end = 0, restrict_vocab
        first, last, _ = slice(clip_start, clip_end or None).indices(len(self.matrix))
        return first, last

    def similar_by_word(
        self, word: Key, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Any:
        return self.similar_by_key(word, topn, restrict_vocab)

    def similar_by_key(
        self, key: Key, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Any:
        return self.most_similar(positive=[key], topn=topn, restrict_vocab=restrict_vocab)

    def similar_by_vector(
        self, vector: Row, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Any:
        return self.most_similar(positive=[vector], topn=topn, restrict_vocab=restrict_vocab)

    def most_similar_cosmul(
        self,
        positive: Any = None,
        negative: Any = None,
        topn: int | None = 10,
        restrict_vocab: int | None = None,
    ) -> Any:
        """The keys with the largest 3CosMul (Levy and Goldberg 2014), without those given.

        The score is the product of the similarities (1 + cosine) / 2 to `positive`, divided by
        that to `negative`.  Vectors among them should have length 1.  gensim takes
        `restrict_vocab` and does nothing with it; here it works as its documentation says.
        """
        if isinstance(topn, (int, np.integer)) and topn < 1:
            return []
        added, taken = _as_list(positive), _as_list(negative)
        given = [
            self.get_index(item)
            for item in [*added, *taken]
            if isinstance(item, KEYS) and self.has_index_for(item)
        ]
        factors = [
            np.asarray([self._unit_term(item) for item in items], dtype=np.float32)
            for items in (added, taken)
        ]
        if not added:
            raise ValueError("cannot compute similarity with no input")
        first, last = self._clipped(0, None, restrict_vocab)
        scores = np.empty(last - first, dtype=np.float32)
        for start, rows in self._blocks(first, last):
            step = slice(start - first, start - first + len(rows))
            norms = self.norms[start : start + len(rows), None]
            with np.errstate(divide="ignore", invalid="ignore"):
                above, below = (
                    np.prod((1 + rows @ terms.reshape(-1, self.dim).T / norms) / 2, axis=1)
                    for terms in factors
                )
            scores[step] = above / (below + np.float32(_COSMUL_EPSILON))
        if not topn:
            return scores
        scores[[row for row in given if row < last]] = np.nan
        return [(self.words[row], float(scores[row])) for row in _best(scores, topn)]

    def _unit_term(self, item: Any) -> Row:
        if isinstance(item, KEYS):
            return self.get_vector(item, norm=True)
        return np.asarray(item, dtype=np.float32)

    # Two keys, or a few

    def similarity(self, w1: Key, w2: Key) -> float:
        """The cosine of two keys' rows, a NumPy float32; 0 if one is all zero."""
        first, second = _unit_or_zero(self[w1]), _unit_or_zero(self[w2])
        return cast(float, np.dot(first, second))

    def distance(self, w1: Key, w2: Key) -> float:
        return 1 - self.similarity(w1, w2)

    @staticmethod
    def cosine_similarities(vector_1: NDArray[Any], vectors_all: NDArray[Any]) -> NDArray[Any]:
        """[n]: the cosines of a vector [dim] and the rows of a matrix [n, dim]; nan where one is
        all zero."""
        lengths = np.linalg.norm(vector_1) * np.linalg.norm(vectors_all, axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.dot(vectors_all, vector_1) / lengths)

    def distances(self, word_or_vector: Key | Row, other_words: Sequence[Key] = ()) -> Row:
        """1 - cosine to `other_words`, or to all rows; nan where one is all zero."""
        if isinstance(word_or_vector, KEYS):
            vector: Row = self.get_vector(word_or_vector)
        else:
            vector = np.asarray(word_or_vector)
        if other_words:
            rows = [self.get_index(word) for word in other_words]
            return np.asarray(1 - self.cosine_similarities(vector, self.matrix[rows]))
        with np.errstate(divide="ignore", invalid="ignore"):
            direction = vector / np.linalg.norm(vector)
            return np.asarray(1 - self._cosines(direction))

    def n_similarity(self, ws1: Sequence[Key], ws2: Sequence[Key]) -> float:
        """The cosine of the means of two lists of keys."""
        if not (len(ws1) and len(ws2)):
            raise ZeroDivisionError("At least one of the passed list is empty.")
        means = [self.get_mean_vector(keys, pre_normalize=False) for keys in (ws1, ws2)]
        return cast(float, np.dot(_unit_or_zero(means[0]), _unit_or_zero(means[1])))

    def most_similar_to_given(self, key1: Key, keys_list: Sequence[Key]) -> Key:
        """The one of `keys_list` with the largest cosine to `key1`."""
        return keys_list[int(np.argmax([self.similarity(key1, key) for key in keys_list]))]

    def closer_than(self, key1: Key, key2: Key) -> list[Any]:
        """The keys that are nearer to `key1` than `key2` is, by row."""
        distances = self.distances(key1)
        own, other = self.get_index(key1), self.get_index(key2)
        nearer = np.flatnonzero(distances < distances[other]).tolist()
        return [self.words[row] for row in nearer if row != own]

    def rank(self, key1: Key, key2: Key) -> int:
        """The place of `key2` among the neighbours of `key1`; the nearest has 1."""
        return len(self.closer_than(key1, key2)) + 1

    def rank_by_centrality(
        self, words: Sequence[Key], use_norm: bool = True
    ) -> list[tuple[float, Key]]:
        """The words that are there with their cosine to the mean of all, best first."""
        used = [word for word in words if word in self]
        if len(used) != len(words):
            missing = set(words) - set(used)
            logger.warning("vectors for words %s are not present in the model, ignoring", missing)
        if not used:
            raise ValueError("cannot select a word from an empty list")
        rows = np.vstack([self.get_vector(word, norm=use_norm) for word in used])
        mean = self.get_mean_vector(rows, post_normalize=True)
        return sorted(zip(rows @ mean, used, strict=True), reverse=True)

    def doesnt_match(self, words: Sequence[Key]) -> Key:
        """The word that is furthest from the mean of all."""
        return self.rank_by_centrality(words)[-1][1]

    def relative_cosine_similarity(self, wa: Key, wb: Key, topn: int = 10) -> float:
        """The cosine of two keys, divided by the sum of those of the `topn` nearest to `wa`
        (Leeuwenberg et al. 2016): above 1 / topn for synonyms more often than not."""
        found = self.similar_by_word(wa, topn)
        if not found:
            raise ValueError(
                "Cannot calculate relative cosine similarity without any similar words."
            )
        return float(self.similarity(wa, wb)) / cast(float, sum(cosine for _, cosine in found))

    def wmdistance(
        self, document1: Iterable[Key], document2: Iterable[Key], norm: bool = True
    ) -> float:
        """Word Mover's Distance (Kusner et al. 2015) of two lists of words; inf if one of them
        has no word that is there.  Needs the extra `wmd`: see movers.transport_cost."""
        documents = [list(document) for document in (document1, document2)]
        known = [[word for word in document if word in self] for document in documents]
        n_missing = [len(a) - len(b) for a, b in zip(documents, known, strict=True)]
        if any(n_missing):
            logger.info(
                "Removed %d and %d OOV words from document 1 and 2 (respectively).", *n_missing
            )
        if not all(known):
            logger.warning("At least one of the documents had no words in the vocabulary.")
            return float("inf")

        def rows_of(words: list[Key]) -> NDArray[Any]:
            return np.array([self.get_vector(word, norm=norm) for word in words])

        return movers_distance(known[0], known[1], rows_of)

    def similarity_unseen_docs(self, *args: Any, **kwargs: Any) -> float:
        raise NotImplementedError("Call similarity_unseen_docs on a Doc2Vec model instead.")


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, KEYS) or (isinstance(value, np.ndarray) and value.ndim == 1):
        return [value]
    return list(value)


def _unit_or_zero(vector: Row) -> Row:
    """`vector` scaled to length 1; a zero vector stays, as in gensim."""
    length = float(np.sqrt(np.dot(vector.astype(np.float64), vector)))
    return np.asarray(vector / length if length > 0 else vector, dtype=np.float32)


def _best(scores: NDArray[np.float32], n: int) -> list[int]:
    """The places of the `n` largest numbers, best first, ties by lower place; nan is none."""
    scores = np.where(np.isnan(scores), -np.inf, scores)
    worst = -np.inf
    if n < len(scores):
        worst = np.partition(scores, len(scores) - n)[len(scores) - n]
    places = np.flatnonzero((scores >= worst) & (scores > -np.inf))
    found: list[int] = places[np.argsort(-scores[places], kind="stable")][:n].tolist()
    return found
