"""From a file with a graph to a file of vectors: what `wordvec graph` and the tools share."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from .flags import FileSet
from .main import EXIT_INTERRUPTED
from .meter import Meter
from .speech import byte_size, json_line, note, say

if TYPE_CHECKING:
    from wordvec.graph import Graph
    from wordvec.graphoptions import GraphOptions
    from wordvec.keyedvectors import KeyedVectors

# Formats whose words end at a blank.
BLANK_ENDS_WORD = {
    "word2vec-text": " \n",
    "word2vec-binary": " \n",
    "glove-text": " \n",
    "fasttext-vec": " \n",
    "glove-binary": " \n",
}
# Options of the library -> what the user types for them.
FLAGS = {
    "vector_size": "--dimensions",
    "window": "--window-size",
    "alpha": "--rho",
    "format": "--format",
    "matfile_variable": "--matfile-variable-name",
}


@dataclass
class Job:
    """What was asked for."""

    source: str
    output: str
    method: str
    settings: dict[str, Any]
    reading: dict[str, Any]
    output_format: str | None = None
    walks_out: str | None = None
    workers: int = 1  # 0: all cores
    as_json: bool = False
    quiet: bool = False
    command: str = "wordvec graph"
    nodes_npz: bool = True  # .npz as PecanPy writes it
    flags: dict[str, str] = field(default_factory=dict)


@contextlib.contextmanager
def usage_errors(job: Job, ctx: click.Context) -> Iterator[None]:
    """What is wrong with the options or the graph ends with exit code 2, in the user's words."""
    from wordvec.errors import CorpusError, FormatError, MissingExtraError, OptionError

    try:
        yield
    except OptionError as error:
        flag = {**FLAGS, **job.flags}.get(error.option, "--" + error.option.replace("_", "-"))
        text = f"{flag}: expected {error.expected}, found {error.found}"
        raise click.UsageError(text, ctx) from None
    except (CorpusError, FormatError, MissingExtraError) as error:
        raise click.UsageError(str(error), ctx) from None


def n_threads_of(workers: int) -> int:
    return workers or len(os.sched_getaffinity(0)) or 1


def run_job(job: Job, ctx: click.Context) -> int:
    """Read, train, write; the exit code."""
    from wordvec.graphoptions import graph_options
    from wordvec.models.graphtraining import train_line, train_walks, walk_source
    from wordvec.models.node2vec import as_graph, check_together, vectors_of

    wall, cpu = time.perf_counter(), time.process_time()
    with usage_errors(job, ctx):
        options = graph_options(job.method, workers=n_threads_of(job.workers), **job.settings)
        check_together(options, bool(job.reading.get("directed")))
        check_output(job, ctx)
    meter = Meter(sys.stderr)
    reporting: dict[str, Any] = {}
    if not (job.as_json or job.quiet) and sys.stderr.isatty():
        reporting["reporter"] = meter
    try:
        with usage_errors(job, ctx):
            graph = as_graph(job.source, options, **job.reading)
            meter.close()
            tell_notes(job, graph)
            check_ids(job, graph, ctx)
            if not (job.as_json or job.quiet or job.output in ("-", "/dev/stdout")):
                say(graph_text(graph, options))
            if options.method == "line":
                trained = train_line(graph, options, **reporting)
            else:
                source = walk_source(graph, options)
                source.count(options.workers, **reporting)
                if job.walks_out:
                    source.write(job.walks_out)
                trained = train_walks(source, options, **reporting)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("nothing was written") from None
    finally:
        meter.close()
    vectors = vectors_of(graph, options, trained)
    write_vectors(job, vectors)
    seconds = time.perf_counter() - wall, time.process_time() - cpu
    summary = summary_of(job, graph, options, vectors, seconds)
    if job.as_json:
        say(json_line(summary, indent=2))
    elif not job.quiet and job.output not in ("-", "/dev/stdout"):
        say("\n".join(summary_text(summary)))
    return EXIT_INTERRUPTED if trained.interrupted else 0


def tell_notes(job: Job, graph: Graph) -> None:
    for line in graph.notes:
        note(f"{job.command}: note: {line}")


def check_output(job: Job, ctx: click.Context) -> None:
    """Find out before the work what would be wrong with the outputs."""
    from wordvec import formats
    from wordvec.files import OutputFile

    formats.format_to_write(job.output, job.output_format)
    if job.as_json and job.output in ("-", "/dev/stdout"):
        raise click.UsageError("--json and the vectors cannot both go to stdout", ctx)
    for name in (job.output, job.walks_out):
        if name is None or name == "-" or (os.path.exists(name) and not os.path.isfile(name)
                                           and not os.path.isdir(name)):  # fmt: skip
            continue
        if os.path.isdir(name):
            raise click.UsageError(f"{name!r} is a folder; name a file", ctx)
        if FileSet([job.source]).holds(name):
            raise click.UsageError(f"{name!r} is the graph itself; name another file", ctx)
        OutputFile(name).discard()  # a missing folder shows now


def check_ids(job: Job, graph: Graph, ctx: click.Context) -> None:
    """Formats that end a word at a blank cannot hold every id; said before the training."""
    from wordvec import formats

    chosen = formats.format_to_write(job.output, job.output_format).NAME
    blanks = [job.walks_out] if job.walks_out else []
    if chosen not in BLANK_ENDS_WORD and not blanks:
        return
    for name in graph.ids:
        if any(blank in name for blank in " \n\t"):
            where = job.walks_out if chosen not in BLANK_ENDS_WORD else job.output
            raise click.UsageError(
                f"{where}: the node id {name!r} holds a blank, where {chosen} would end it; "
                "write to .npz or .safetensors", ctx,
            )  # fmt: skip


def write_vectors(job: Job, vectors: KeyedVectors) -> None:
    from wordvec import formats
    from wordvec.files import OutputFile
    from wordvec.formats import npz

    chosen = formats.format_to_write(job.output, job.output_format)
    if chosen.NAME == npz.NAME and job.nodes_npz:
        with OutputFile(job.output) as output:
            npz.write_nodes(output.stream, vectors)
        return
    formats.save(vectors, job.output, job.output_format)


def summary_of(
    job: Job,
    graph: Graph,
    options: GraphOptions,
    vectors: KeyedVectors,
    seconds: tuple[float, float],
) -> dict[str, Any]:
    metadata: Any = vectors.metadata
    return {
        "output": job.output,
        "method": options.method,
        "n_nodes": graph.n_nodes,
        "n_stored_edges": graph.n_stored,
        "directed": graph.directed,
        "weighted": graph.weights is not None,
        "dim": vectors.dim,
        "losses": [loss if loss == loss else None for loss in metadata["losses"]],
        "notes": graph.notes,
        "wall_seconds": round(seconds[0], 3),
        "cpu_seconds": round(seconds[1], 3),
        "interrupted": metadata["interrupted"],
    }


def graph_text(graph: Graph, options: GraphOptions) -> str:
    """What there is, and how much memory it and its vectors take; said before the training."""
    from wordvec.kernels import sgd

    kind = "directed" if graph.directed else "undirected"
    weights = ", weighted" if graph.weights is not None else ""
    arrays = (graph.starts, graph.neighbours, graph.weights)
    n_bytes = sum(array.nbytes for array in arrays if array is not None)
    if graph.weights is not None and options.method != "deepwalk":
        n_bytes += 8 * graph.n_stored  # alias tables
    n_matrices = 1 + bool(options.negative) + options.hs
    rows = n_matrices * graph.n_nodes * sgd.padded(options.vector_size) * 4
    return (
        f"graph:   {graph.n_nodes:,} nodes, {graph.n_stored:,} stored edges, {kind}{weights}; "
        f"{byte_size(n_bytes)}, and {byte_size(rows)} of weights"
    )


def summary_text(summary: dict[str, Any]) -> list[str]:
    losses = ", ".join("none" if loss is None else f"{loss:.4f}" for loss in summary["losses"])
    done = "interrupted; the vectors so far" if summary["interrupted"] else "vectors"
    return [
        f"{summary['method']}: loss {losses}, {summary['wall_seconds']:.1f} s "
        f"({summary['cpu_seconds']:.1f} CPU-s)",
        f"{done}: {summary['output']}, {summary['dim']} numbers a node",
    ]
