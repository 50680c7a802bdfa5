"""`wordvec graph`: vectors of the nodes of a graph."""

from __future__ import annotations

from typing import Any

import click

from wordvec.graphoptions import GRAPH_FORMATS, GRAPH_METHODS, LINE_ORDERS, GraphOptions
from wordvec.options import spec_of

from .graph_run import Job, run_job

# Options of GraphOptions that have a flag with a value, and their further names.
ALIASES = {
    "vector_size": ("--representation-size", "--dim"),
    "walk_length": (),
    "num_walks": ("--number-walks",),
    "window": (),
    "epochs": ("--iter",),
    "p": (),
    "q": (),
    "gamma": (),
    "negative": (),
    "ns_exponent": (),
    "samples": (),
    "alpha": ("--alpha",),
    "seed": ("--random-state", "--random_state"),
}
ORDERS = (*LINE_ORDERS, "input", "visits")


def setting_options(function: Any) -> Any:
    """--dimensions, --p ...: the settings, with the names that the original tools have."""
    for name in reversed(ALIASES):
        spec = spec_of(GraphOptions, name)
        default = GraphOptions.__dataclass_fields__[name].default
        kind: Any = click.FLOAT if isinstance(default, float) or name == "samples" else click.INT
        shown = "" if name == "samples" else f" (default {default}, or the method's)"
        flags = [spec.flag or "", *ALIASES[name]]
        function = click.option(*flags, name, type=kind, default=None, help=f"{spec.help}{shown}")(
            function
        )
    return function


@click.command("graph")
@click.argument("source", metavar="[GRAPH]", required=False)
@click.option("--input", "input_file", metavar="FILE", help="The graph, if not named before.")
@click.option("-o", "--output", metavar="OUT", required=True, help="Where the vectors go.")
@click.option("--output-format", metavar="NAME", help="Of OUT; by its suffix otherwise.")
@click.option(
    "--method",
    type=click.Choice(GRAPH_METHODS),
    default="node2vec",
    show_default=True,
    help=spec_of(GraphOptions, "method").help + ".",
)
@click.option(
    "--format",
    type=click.Choice(GRAPH_FORMATS),
    help="Of GRAPH; by its suffix otherwise, and an edge list where that says nothing.",
)
@click.option("--weighted/--unweighted", default=None, help="The third column is a weight.")
@click.option("--directed/--undirected", default=None, help="An edge leads one way only.")
@click.option("--delimiter", metavar="CHAR", help="Between columns (default: by the first line).")
@click.option(
    "--implicit-ids",
    "--implicit_ids",
    is_flag=True,
    help="npz: number the nodes, whatever IDs say.",
)
@click.option("--matfile-variable-name", "variable", default="network", help="mat: which matrix.")
@click.option(
    "--duplicates",
    type=click.Choice(["last", "sum"]),
    help="An edge given again: its last weight, or the sum of all (default: last; line: sum).",
)
@click.option("--extend", is_flag=True, help="node2vec+: weights decide what is an edge.")
@click.option("--hs", is_flag=True, help="Hierarchical softmax.")
@click.option("--fresh-negatives", is_flag=True, help="Noise nodes of its own for every pair.")
@click.option(
    "--order",
    "orders",
    multiple=True,
    type=click.Choice(ORDERS),
    help="1, 2 or both: LINE's proximity; input or visits: the order of OUT's rows.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=0, max=4096),
    default=0,
    show_default=True,
    help="Threads; 0: all cores.",
)
@click.option("--walks-out", metavar="FILE", help="Write the walks too, one a line.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object at the end.")
@setting_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    source: str | None,
    input_file: str | None,
    orders: tuple[str, ...],
    fresh_negatives: bool,
    variable: str,
    **asked: Any,
) -> int:
    """Train vectors of the nodes of GRAPH, an edge list, adjacency list, .npz or .mat.

    Ctrl-C while training saves what is there.

    \b
      wordvec graph friends.tsv -o nodes.txt
      wordvec graph friends.tsv -o nodes.txt --p 0.25 --q 0.25 --workers 4
      wordvec graph friends.tsv -o nodes.txt --weighted --extend
      wordvec graph friends.tsv -o nodes.wordvec --method line --order both
      wordvec eval graph nodes.txt --labels groups.tsv
    """
    if (source is None) == (input_file is None):
        raise click.UsageError("name one graph: GRAPH or --input FILE", ctx)
    settings = {name: asked.pop(name) for name in ALIASES}
    for flag, name, value in (("extend", "extend", True), ("hs", "hs", 1)):
        if asked.pop(flag):
            settings[name] = value
    if fresh_negatives:
        settings["negatives"] = "pair"
    for order in orders:
        settings["order" if order in LINE_ORDERS else "rows"] = order
    if asked["method"] != "line" and "order" in settings:
        raise click.UsageError(f"--order {settings['order']}: only with --method line", ctx)
    if asked["method"] == "line" and asked["walks_out"]:
        raise click.UsageError("--walks-out: --method line makes no walks", ctx)
    reading = {
        name: asked.pop(name)
        for name in ("format", "weighted", "directed", "delimiter", "duplicates", "implicit_ids")
    }
    reading["matfile_variable"] = variable
    job = Job(
        source=source or input_file or "",
        output=asked.pop("output"),
        output_format=asked.pop("output_format"),
        walks_out=asked.pop("walks_out"),
        as_json=asked.pop("as_json"),
        method=asked.pop("method"),
        workers=asked.pop("workers"),
        settings=settings,
        reading=reading,
    )
    return run_job(job, ctx)
