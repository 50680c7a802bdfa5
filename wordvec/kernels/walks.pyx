# distutils: language = c
"""Random walks and edges drawn from a graph: see walks.h for the rules.

A Walker is only read by its methods, which run without the GIL: threads may share one.
"""

from libc.math cimport sqrt
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memset

import numpy as np


cdef extern from "walks.h" nogil:
    ctypedef struct row_alias:
        uint32_t threshold
        uint32_t other
    ctypedef struct walk_graph:
        int64_t n_nodes
        const int64_t* starts
        const int32_t* neighbours
        const float* weights
        const row_alias* aliases
        const float* thetas
        int is_first_order
        double back
        double out
        double bound
        uint64_t seed
        int64_t length
    int64_t draw_place(const walk_graph*, int32_t, uint64_t*)
    int64_t walk_from(const walk_graph*, int32_t, uint64_t, int32_t*)
    int32_t node_at(int64_t, uint64_t, int64_t)
    int64_t walk_of_number(const walk_graph*, int64_t, int32_t*)
    void alias_row(const float*, int64_t, double*, int32_t*, row_alias*)
    uint64_t wv_key(uint64_t, uint64_t, uint64_t)
    uint64_t wv_stream(uint64_t)
    uint64_t wv_next(uint64_t*)
    uint32_t wv_below(uint64_t, uint32_t)


cdef extern from *:
    """
    static inline void add_visit(int64_t *counts, int32_t node)
    {
        __atomic_fetch_add(counts + node, 1, __ATOMIC_RELAXED);
    }
    """
    void add_visit(int64_t* counts, int32_t node) noexcept nogil


def row_aliases(
    const int64_t[::1] starts, const float[::1] weights, uint32_t[:, ::1] aliases, int64_t low,
    int64_t high,
):
    """Alias tables of the rows [low, high) into aliases uint32[n_edges, 2]; threads may share it.

    Weights must be positive and finite.
    """
    cdef int64_t u, longest = 0, n = starts.shape[0] - 1
    if not 0 <= low <= high <= n or aliases.shape[0] != weights.shape[0] or aliases.shape[1] != 2:
        raise ValueError(f"rows {low} to {high} of {n}")
    if starts[n] != weights.shape[0]:
        raise ValueError("as many weights as starts say are needed")
    for u in range(low, high):
        longest = max(longest, starts[u + 1] - starts[u])
    cdef double[::1] shares = np.empty(longest + 1, np.float64)
    cdef int32_t[::1] stack = np.empty(longest + 1, np.int32)
    with nogil:
        for u in range(low, high):
            if starts[u] < starts[u + 1]:
                alias_row(&weights[starts[u]], starts[u + 1] - starts[u], &shares[0], &stack[0],
                          <row_alias*>&aliases[starts[u], 0])


def noise_thresholds(const int64_t[::1] starts, const float[::1] weights, double gamma):
    """float32[n_nodes], node2vec+'s theta: max(0, mean + gamma * deviation) of a row's weights.

    0 for a row without edges.  Summed in float64; stored as float32, so that a weight which is
    the mean of its row is not below it by rounding.
    """
    cdef int64_t u, k, n = starts.shape[0] - 1, degree
    cdef double total, square, mean
    result = np.zeros(n, np.float32)
    cdef float[::1] out = result
    with nogil:
        for u in range(n):
            degree = starts[u + 1] - starts[u]
            if degree == 0:
                continue
            total = square = 0
            for k in range(starts[u], starts[u + 1]):
                total += weights[k]
            mean = total / degree
            for k in range(starts[u], starts[u + 1]):
                square += (weights[k] - mean) * (weights[k] - mean)
            out[u] = <float>max(0.0, mean + gamma * sqrt(square / degree))
    return result


cdef class Walker:
    """Walks over a graph.

    starts int64[n_nodes + 1], neighbours int32[n_edges] rising in each row, weights
    float32[n_edges] or None, aliases: see row_aliases; needed with weights.  thetas float32[n_nodes]:
    node2vec+, needs weights.  p, q: the larger, the rarer a walk goes back, or further away.
    length: nodes of a walk at most.  Arrays are kept, not copied, and must not change.
    """

    cdef walk_graph graph
    cdef tuple owners
    cdef readonly int64_t length

    def __init__(
        self,
        const int64_t[::1] starts not None,
        const int32_t[::1] neighbours not None,
        const float[::1] weights=None,
        const uint32_t[:, ::1] aliases=None,
        const float[::1] thetas=None,
        *,
        double p=1.0,
        double q=1.0,
        int64_t length=80,
        uint64_t seed=1,
    ):
        cdef int64_t n = starts.shape[0] - 1, n_edges = neighbours.shape[0]
        if n < 1 or starts[0] != 0 or starts[n] != n_edges or np.diff(starts).min() < 0:
            raise ValueError("starts must rise from 0 to the number of neighbours")
        if n > 2**31 - 1 or (n_edges and not 0 <= np.min(neighbours) <= np.max(neighbours) < n):
            raise ValueError(f"neighbours must be numbers of {n} nodes")
        if (weights is None) != (aliases is None) or (thetas is not None and weights is None):
            raise ValueError("aliases go with weights, and thetas need both")
        if weights is not None and (weights.shape[0] != n_edges or aliases.shape[0] != n_edges):
            raise ValueError(f"{n_edges} weights and aliases are needed")
        if thetas is not None and thetas.shape[0] != n:
            raise ValueError(f"{n} thetas are needed")
        if not (p > 0 and q > 0 and length >= 1):
            raise ValueError("p and q must be above 0, length at least 1")
        memset(&self.graph, 0, sizeof(self.graph))
        self.graph.n_nodes = n
        self.graph.starts = &starts[0]
        if n_edges:
            self.graph.neighbours = &neighbours[0]
        if weights is not None and n_edges:
            self.graph.weights = &weights[0]
            self.graph.aliases = <const row_alias*>&aliases[0, 0]
            if thetas is not None:
                self.graph.thetas = &thetas[0]
        self.graph.is_first_order = p == 1 and q == 1
        self.graph.back, self.graph.out = 1 / p, 1 / q
        self.graph.bound = max(1.0, 1 / p, 1 / q)
        self.graph.seed, self.graph.length = seed, length
        self.length = length
        self.owners = (starts, neighbours, weights, aliases, thetas)

    @property
    def n_nodes(self):
        return self.graph.n_nodes

    def walks(self, int64_t first, int64_t end, int32_t[::1] ids, int64_t[::1] starts,
              const int32_t[::1] numbers=None):
        """The walks first ... end - 1, one after the other, in `ids`; how many nodes they are.

        Walk k belongs to round k // n_nodes; each round starts once from every node.  Walk k is
        ids[starts[k - first]:starts[k - first + 1]]; `ids` needs (end - first) * length places.
        numbers: int32[n_nodes], what is written in place of a node's number.
        """
        cdef int64_t k, i, n = 0, n_walks = end - first
        if first < 0 or n_walks < 0 or starts.shape[0] <= n_walks:
            raise ValueError(f"walks {first} to {end}: starts has {starts.shape[0]} places")
        if n_walks and ids.shape[0] // self.length < n_walks:
            raise ValueError(f"{n_walks} walks do not fit in {ids.shape[0]} places")
        if numbers is not None and numbers.shape[0] < self.graph.n_nodes:
            raise ValueError(f"{numbers.shape[0]} numbers for {self.graph.n_nodes} nodes")
        with nogil:
            starts[0] = 0
            for k in range(n_walks):
                n += walk_of_number(&self.graph, first + k, &ids[n])
                starts[k + 1] = n
            if numbers is not None:
                for i in range(n):
                    ids[i] = numbers[ids[i]]
        return n

    def count_visits(self, int64_t first, int64_t end, int64_t[::1] counts):
        """Add to counts int64[n_nodes] how often the walks first ... end - 1 come to each node.

        Threads may share `counts`.
        """
        cdef int64_t k, i, n
        cdef int32_t[::1] nodes = np.empty(self.length, np.int32)
        if counts.shape[0] < self.graph.n_nodes or first < 0:
            raise ValueError(f"{counts.shape[0]} counts for {self.graph.n_nodes} nodes")
        with nogil:
            for k in range(first, end):
                n = walk_of_number(&self.graph, k, &nodes[0])
                for i in range(n):
                    add_visit(&counts[0], nodes[i])

    def draw_edges(self, const uint32_t[:, ::1] sources, uint64_t key, int32_t[::1] ends_from,
                   int32_t[::1] ends_to):
        """Draw edges u->v in proportion to their weights, as many as ends_from and ends_to hold.

        sources: alias table (sampling.alias_table) of the row sums, which picks u.
        """
        cdef uint64_t stream = wv_stream(key), draw
        cdef uint32_t slot, n = <uint32_t>sources.shape[0]
        cdef int64_t k, n_draws = ends_from.shape[0]
        cdef int32_t u
        if sources.shape[0] != self.graph.n_nodes or ends_to.shape[0] < n_draws:
            raise ValueError("sources must be a table of all nodes, both ends of one length")
        with nogil:
            for k in range(n_draws):
                draw = wv_next(&stream)
                slot = wv_below(draw, n)
                u = <int32_t>(slot if <uint32_t>draw < sources[slot, 0] else sources[slot, 1])
                ends_from[k] = u
                ends_to[k] = self.graph.neighbours[draw_place(&self.graph, u, &stream)]


def shuffled_nodes(int64_t n_nodes, uint64_t seed, uint64_t round):
    """int32[n_nodes]: the order of the nodes in a round of walks."""
    cdef int64_t k
    result = np.empty(n_nodes, np.int32)
    cdef int32_t[::1] out = result
    cdef uint64_t key = wv_key(seed, 11, round)
    for k in range(n_nodes):
        out[k] = node_at(n_nodes, key, k)
    return result
