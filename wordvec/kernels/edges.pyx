# distutils: language = c
"""Edges to rows of neighbours: lines of text to pairs, pairs to CSR.

Nothing here opens a file or starts a thread; all loops run without the GIL.  Functions that take a
range of rows may run in several threads at once, each on rows of its own.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

import numpy as np

from wordvec.kernels.tokens cimport TABLE_TOO_MANY_WORDS, TEXT_PADDING, WordTable, word_table


cdef extern from "edges_lines.h" nogil:
    enum:
        LINE_OK, LINE_ONE_FIELD, LINE_NO_WEIGHT, LINE_BAD_WEIGHT, LINE_NEGATIVE_WEIGHT
    ctypedef struct line_rules:
        int delimiter
        int adjacency
        int weighted
        int drop_loops
        uint64_t place
    ctypedef struct line_counts:
        int64_t n_edges
        int64_t n_lines
        int64_t n_zero_weights
        int64_t n_loops
        int64_t n_third_fields
        int error
        int64_t field_begin
        int64_t field_end
    int read_lines(word_table*, const uint8_t*, int64_t, const line_rules*, line_counts*, int32_t*,
                   float*)


cdef extern from "edges_rows.h" nogil:
    ctypedef struct csr_rows:
        int64_t n_nodes
        int64_t* starts
        int32_t* neighbours
        float* weights
    ctypedef struct row_counts:
        int64_t n_repeats
        int64_t n_conflicts
        int64_t n_loops
    void scatter_edges(const csr_rows*, const int32_t*, const float*, int64_t, int, int64_t,
                       int64_t, int64_t*)
    int64_t merge_row(const csr_rows*, int64_t, int, int, uint64_t*, row_counts*)
    void close_gaps(const csr_rows*, const int64_t*)


# What is wrong with a line; 0 is nothing.
ONE_FIELD = LINE_ONE_FIELD
NO_WEIGHT = LINE_NO_WEIGHT
BAD_WEIGHT = LINE_BAD_WEIGHT
NEGATIVE_WEIGHT = LINE_NEGATIVE_WEIGHT


def parse_lines(
    WordTable table not None,
    const uint8_t[::1] text,
    Py_ssize_t n_bytes,
    int32_t[::1] pairs,
    float[::1] weights,
    *,
    int delimiter=-1,
    bint adjacency=False,
    bint drop_loops=False,
    uint64_t chunk_number=0,
):
    """Edges of the lines text[:n_bytes]; ids are numbered from 0 by `table`, and counted there.

    The text ends with a newline and has PADDING bytes behind it.  Edge k is pairs[2k], pairs[2k+1]
    and, unless `weights` is None, weights[k]; `pairs` needs n_bytes + 2 places, `weights` half as
    many.  delimiter: a byte, or -1 for runs of blanks.  Returns a dict of counts (see
    edges_lines.h); "error" is one of the codes above, for line "n_lines" of the text.
    """
    if n_bytes < 0 or n_bytes + TEXT_PADDING > text.shape[0] or n_bytes > 0xFFFFFFFE:
        raise ValueError(f"{n_bytes} bytes and padding do not fit in {text.shape[0]}")
    if n_bytes and text[n_bytes - 1] != 10:
        raise ValueError("the text does not end with a newline")
    if pairs.shape[0] < n_bytes + 2 or (
        weights is not None and weights.shape[0] < n_bytes // 2 + 1
    ):
        raise ValueError(f"no room for the edges of {n_bytes} bytes")
    cdef line_rules rules
    cdef line_counts counts
    cdef int status = 0
    rules.delimiter, rules.adjacency = delimiter, adjacency
    rules.weighted, rules.drop_loops = weights is not None, drop_loops
    rules.place = chunk_number << 32
    cdef float* first_weight = NULL if weights is None else &weights[0]
    with nogil:
        status = read_lines(&table.table, &text[0], n_bytes, &rules, &counts, &pairs[0],
                            first_weight)
    if status == TABLE_TOO_MANY_WORDS:
        raise OverflowError("more than 2,147,483,645 nodes")
    if status:
        raise MemoryError("no memory for the table of node ids")
    return counts


def add_degrees(const int32_t[::1] pairs, int64_t[::1] degrees, bint directed):
    """Add to degrees[u] the places that the edges `pairs` (u0, v0, u1, ...) take in row u."""
    cdef int64_t e, n = pairs.shape[0] // 2
    cdef int32_t u, v
    check_numbers(pairs, degrees.shape[0])
    with nogil:
        for e in range(n):
            u, v = pairs[2 * e], pairs[2 * e + 1]
            degrees[u] += 1
            if not directed and u != v:
                degrees[v] += 1


def renumber(int32_t[::1] pairs, const int32_t[::1] numbers):
    """Put numbers[u] in place of every u of `pairs`."""
    cdef int64_t i
    check_numbers(pairs, numbers.shape[0])
    with nogil:
        for i in range(pairs.shape[0]):
            pairs[i] = numbers[pairs[i]]


cdef int check_numbers(const int32_t[::1] pairs, int64_t n_nodes) except -1:
    cdef int64_t i
    cdef int32_t low = 0, high = -1
    with nogil:
        for i in range(pairs.shape[0]):
            low, high = min(low, pairs[i]), max(high, pairs[i])
    if low < 0 or high >= n_nodes:
        raise ValueError(f"nodes must lie from 0 to {n_nodes - 1}; found {low} to {high}")
    return 0


cdef csr_rows rows_of(int64_t[::1] starts, int32_t[::1] neighbours, float[::1] weights) except *:
    cdef csr_rows rows
    rows.n_nodes = starts.shape[0] - 1
    if rows.n_nodes < 1 or starts[0] != 0 or starts[rows.n_nodes] != neighbours.shape[0]:
        raise ValueError("starts must rise from 0 to the number of neighbours")
    if weights is not None and weights.shape[0] != neighbours.shape[0]:
        raise ValueError("as many weights as neighbours are needed")
    rows.starts = &starts[0]
    rows.neighbours = &neighbours[0] if neighbours.shape[0] else NULL
    rows.weights = NULL if weights is None or not weights.shape[0] else &weights[0]
    return rows


def scatter(
    const int32_t[::1] pairs, const float[::1] weights_of_pairs, int64_t[::1] cursors,
    int64_t[::1] starts, int32_t[::1] neighbours, float[::1] weights,
    int64_t low, int64_t high, bint directed,
):
    """Put edges into the rows [low, high): cursors[u] is the next free place of row u, and moves.

    The caller has counted with add_degrees what `starts` makes room for.
    """
    cdef csr_rows rows = rows_of(starts, neighbours, weights)
    cdef int64_t n = pairs.shape[0] // 2
    if not 0 <= low <= high <= rows.n_nodes or cursors.shape[0] < rows.n_nodes:
        raise ValueError(f"rows {low} to {high} of {rows.n_nodes}")
    if (weights is None) != (weights_of_pairs is None) or (
        weights is not None and weights_of_pairs.shape[0] < n
    ):
        raise ValueError("weights for all edges or none")
    cdef const float* given = NULL if weights_of_pairs is None or not n else &weights_of_pairs[0]
    if n:
        with nogil:
            scatter_edges(&rows, &pairs[0], given, n, directed, low, high, &cursors[0])


def merge_rows(
    int64_t[::1] starts, int32_t[::1] neighbours, float[::1] weights, int64_t[::1] lengths,
    int64_t low, int64_t high, bint directed, bint sum,
):
    """Sort the rows [low, high) by neighbour and merge what is there several times, in place.

    lengths[u] becomes the length of row u; its entries stay at its start.  The last weight given
    counts, or with `sum` all add up.  Returns (edges given again, those of them with another
    weight, self loops); of an undirected edge one direction counts.
    """
    cdef csr_rows rows = rows_of(starts, neighbours, weights)
    cdef row_counts counts
    cdef int64_t u, longest = 0
    if not 0 <= low <= high <= rows.n_nodes or lengths.shape[0] < rows.n_nodes:
        raise ValueError(f"rows {low} to {high} of {rows.n_nodes}")
    counts.n_repeats = counts.n_conflicts = counts.n_loops = 0
    for u in range(low, high):
        longest = max(longest, starts[u + 1] - starts[u])
    cdef uint64_t[::1] scratch = np.empty(2 * longest + 1, np.uint64)
    with nogil:
        for u in range(low, high):
            lengths[u] = merge_row(&rows, u, directed, sum, &scratch[0], &counts)
    return counts.n_repeats, counts.n_conflicts, counts.n_loops


def pack_rows(
    int64_t[::1] starts, int32_t[::1] neighbours, float[::1] weights, const int64_t[::1] lengths
):
    """Move the rows together, in place, once they have these lengths; the entries that are left."""
    cdef csr_rows rows = rows_of(starts, neighbours, weights)
    if lengths.shape[0] < rows.n_nodes:
        raise ValueError(f"{lengths.shape[0]} lengths for {rows.n_nodes} rows")
    with nogil:
        close_gaps(&rows, &lengths[0])
    return starts[rows.n_nodes]


def is_symmetric(
    const int64_t[::1] starts, const int32_t[::1] neighbours, const float[::1] weights
):
    """Whether each edge is there in both directions, with the same weight; rows are sorted."""
    cdef int64_t u, k, low, high, middle, n = starts.shape[0] - 1
    cdef int32_t v
    cdef bint found = True
    with nogil:
        for u in range(n):
            for k in range(starts[u], starts[u + 1]):
                v = neighbours[k]
                low, high = starts[v], starts[v + 1]
                while low < high:
                    middle = (low + high) // 2
                    if neighbours[middle] < u:
                        low = middle + 1
                    else:
                        high = middle
                if low == starts[v + 1] or neighbours[low] != u:
                    found = False
                elif weights is not None and weights[low] != weights[k]:
                    found = False
                if not found:
                    break
            if not found:
                break
    return found
