"""Word Mover's Distance (Kusner et al. 2015): what it costs to move one text's words onto
another's, by the lengths of the ways between their vectors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import MissingExtraError

_NOTHING = 1e-8  # gensim's: distances that add up to less are taken for none at all


def movers_distance(
    first: Sequence[Hashable],
    second: Sequence[Hashable],
    rows_of: Callable[[list[Any]], NDArray[Any]],
) -> float:
    """The distance of two texts, neither empty; `rows_of` gives float[n, dim] for words.

    0 for texts of one and the same word.  Infinite when all ways have no length (gensim's choice,
    for example two words with equal vectors).
    """
    counts = [Counter(text) for text in (first, second)]
    if len(counts[0] | counts[1]) == 1:
        return 0.0
    rows = [np.asarray(rows_of(list(count)), dtype=np.float64) for count in counts]
    lengths = np.array([np.linalg.norm(rows[1] - row, axis=1) for row in rows[0]])
    if abs(lengths.sum()) < _NOTHING:
        return float("inf")
    shares = [np.array(list(count.values())) / count.total() for count in counts]
    return transport_cost(shares[0], shares[1], lengths)


def transport_cost(
    supply: NDArray[np.float64], demand: NDArray[np.float64], lengths: NDArray[np.float64]
) -> float:
    """The least sum of amount x length that moves `supply` [n] onto `demand` [m], both with the
    sum 1, over ways of `lengths` [n, m].

    Computed by POT (the extra `wmd`) where it is installed, otherwise by SciPy's linear
    programming, which is slower; MissingExtraError without both.
    """
    try:
        import ot  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return _transport_cost_by_scipy(supply, demand, lengths)
    return float(ot.emd2(supply, demand, lengths))


def _transport_cost_by_scipy(
    supply: NDArray[np.float64], demand: NDArray[np.float64], lengths: NDArray[np.float64]
) -> float:
    try:
        from scipy import optimize, sparse  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        raise MissingExtraError("Word Mover's Distance", "wmd", "POT") from None
    n, m = lengths.shape
    leaving = sparse.kron(sparse.eye(n), np.ones((1, m)))
    arriving = sparse.kron(np.ones((1, n)), sparse.eye(m))
    # The last row follows from the others, up to rounding, and could contradict them.
    found = optimize.linprog(
        lengths.ravel(),
        A_eq=sparse.vstack([leaving, arriving]).tocsr()[:-1],
        b_eq=np.concatenate([supply, demand])[:-1],
        method="highs",
    )
    return float(found.fun)
