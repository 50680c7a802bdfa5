"""Graph kernels again, in plain Python: rows of neighbours, and chances of a walk's next step."""

import math


def rows_of(edges, directed=False, sums=False, drop_loops=False):
    """{node: {neighbour: weight}} of (u, v, weight), nodes in order of first appearance."""
    rows = {}
    for u, v, weight in edges:
        rows.setdefault(u, {})
        rows.setdefault(v, {})
        if weight == 0 or (drop_loops and u == v):
            continue
        for a, b in {(u, v)} if directed or u == v else {(u, v), (v, u)}:
            rows[a][b] = rows[a].get(b, 0) + weight if sums else weight
    return rows


def thetas(rows, gamma):
    """node2vec+'s limit between edges and noise."""
    found = {}
    for u, row in rows.items():
        mean = sum(row.values()) / len(row)
        deviation = math.sqrt(sum((w - mean) ** 2 for w in row.values()) / len(row))
        found[u] = max(0.0, mean + gamma * deviation)
    return found


def chances(rows, t, v, p, q, theta=None):
    """{x: probability} of the step from v after t; theta: node2vec+."""
    shares = {}
    for x, weight in rows[v].items():
        to_x = rows[t].get(x)
        if x == t:
            alpha = 1 / p
        elif theta is None:
            alpha = 1 if to_x is not None else 1 / q
        elif to_x is not None and to_x >= theta[x]:
            alpha = 1
        elif weight < theta[v]:
            alpha = min(1, 1 / q)
        else:
            alpha = 1 / q + (1 - 1 / q) * ((to_x or 0) / theta[x] if theta[x] else 0)
        shares[x] = alpha * weight
    total = sum(shares.values())
    return {x: share / total for x, share in shares.items()}
