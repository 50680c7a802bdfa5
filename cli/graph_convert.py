"""`pecanpy --task tocsr` and `todense`: a graph as PecanPy's archives."""

from __future__ import annotations

import click

from .graph_run import Job, check_output, n_threads_of, tell_notes, usage_errors


def convert_graph(job: Job, *, dense: bool, ctx: click.Context) -> int:
    """Write the graph as .npz: `IDs`, and rows (`data`, `indptr`, `indices`) or a dense `data`."""
    from typing import Any

    import numpy as np

    from wordvec.edgefiles import read_graph
    from wordvec.files import OutputFile
    from wordvec.memory import need_bytes

    if not job.output.endswith(".npz"):
        raise click.UsageError("--output: expected a name that ends in .npz", ctx)
    with usage_errors(job, ctx):
        check_output(job, ctx)
        reading = {name: value for name, value in job.reading.items() if value is not None}
        graph = read_graph(job.source, n_threads=n_threads_of(job.workers), **reading)
        tell_notes(job, graph)
        ids = np.array(list(graph.ids))
        weights = graph.weights
        if weights is None:
            weights = np.ones(graph.n_stored, np.float32)
        arrays: dict[str, Any] = {
            "IDs": ids,
            "data": weights,
            "indptr": graph.starts.astype(np.uint32),
            "indices": graph.neighbours.astype(np.uint32),
        }
        if dense:
            need_bytes(8 * graph.n_nodes**2, f"{graph.n_nodes:,} x {graph.n_nodes:,} weights",
                       "use tocsr")  # fmt: skip
            matrix = np.zeros((graph.n_nodes, graph.n_nodes))
            rows = np.repeat(np.arange(graph.n_nodes), np.diff(graph.starts))
            matrix[rows, graph.neighbours] = weights
            arrays = {"IDs": ids, "data": matrix}
        elif graph.n_stored >= 2**32:
            raise click.UsageError("PecanPy's indptr holds less than 2^32 edges", ctx)
    with OutputFile(job.output) as output:
        np.savez(output.stream, **arrays)
    return 0
