"""Do two sets of vectors agree on which words are neighbours?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from wordvec.vectors import Vectors


@dataclass(frozen=True, slots=True)
class OverlapScore:
    """`jaccard`: the mean, over the shared words, of |A and B| / |A or B|, where A and B are a
    word's `k` nearest neighbours in one and in the other, looked for among the shared words.

    None when no shared word has a neighbour in both.  `n_shared` counts the words that both have
    among their first `n_frequent`, `n_used` those with a direction in both.
    """

    k: int
    n_frequent: int
    n_shared: int
    n_used: int
    jaccard: float | None


def neighbour_overlap(
    first: Vectors, second: Vectors, k: int = 10, n_frequent: int = 10_000
) -> OverlapScore:
    """Compare the `k` nearest neighbours of the words that are frequent in both.

    Words count as shared when they are equal; cosine; 1 is full agreement.
    """
    rows = shared_rows(first, second, n_frequent)
    found = [_neighbours(v, rows[side], k) for side, v in enumerate((first, second))]
    # Places that could not be filled hold -1, at the end.
    n_found = [(side >= 0).sum(axis=1) for side in found]
    used = (n_found[0] > 0) & (n_found[1] > 0)
    n_both = np.zeros(len(used), np.int64)
    for column in found[0].T:
        n_both += ((found[1] == column[:, None]) & (column >= 0)[:, None]).any(axis=1)
    n_either = n_found[0] + n_found[1] - n_both
    jaccard = float(np.mean(n_both[used] / n_either[used])) if used.any() else None
    return OverlapScore(k, n_frequent, rows.shape[1], int(used.sum()), jaccard)


def shared_rows(first: Vectors, second: Vectors, n_frequent: int) -> NDArray[np.int64]:
    """int64[2, n_shared]: rows of the words that both have among the first `n_frequent`."""
    row_of = {word: row for row, word in reversed(list(enumerate(second.words[:n_frequent])))}
    pairs: dict[int, int] = {}  # of equal words in one file the first counts
    for row, word in enumerate(first.words[:n_frequent]):
        other = row_of.get(word)
        if other is not None and other not in pairs:
            pairs[other] = row
    return np.array([list(pairs.values()), list(pairs.keys())], np.int64).reshape(2, -1)


def _neighbours(vectors: Vectors, rows: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """int64[n, k]: for each of `rows` the places in `rows` of its nearest, -1 for none."""
    from wordvec.vectors import Vectors

    part = np.asarray(vectors.matrix[rows], np.float32)
    alone = [[place] for place in range(len(rows))]
    # Numbers as words: only rows matter here.
    found, _ = Vectors([str(place) for place in alone], part).nearest(part, k, excluded=alone)
    return np.asarray(found)
