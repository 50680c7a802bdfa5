"""`wordvec graph line`: the flags of LINE's `line`, on our engine."""

from __future__ import annotations

from typing import Any

import click

from .flags import SWITCH, OriginalCommand, Value, file_flag, whole_number
from .graph_run import Job, run_job
from .numerals import read_number

POSITIVE = Value("X", "a number above 0", read_number)
ORDER = Value("1|2", "1 or 2", lambda text: text if text in ("1", "2") else None)

FLAGS: list[click.Parameter] = [
    file_flag("-train", "train", "the graph: lines `u v weight`"),
    file_flag("-output", "output", "where the vectors go"),
    click.Option(["-binary", "binary"], type=SWITCH, metavar="0|1", default=False,
                 help="1: binary vector file (default 0: text)"),
    click.Option(["-size", "vector_size"], type=whole_number(1, 65536), metavar="N", default=100,
                 help="numbers per node (default 100)"),
    click.Option(["-order", "order"], type=ORDER, metavar="1|2", default="2",
                 help="1: nodes are near that share an edge, 2: neighbours (default 2)"),
    click.Option(["-negative", "negative"], type=whole_number(1, 1000), metavar="N", default=5,
                 help="noise nodes per edge (default 5)"),
    click.Option(["-samples", "samples"], type=POSITIVE, metavar="X", default=1.0,
                 help="millions of edges drawn (default 1); fractions are taken as they are"),
    click.Option(["-rho", "alpha"], type=POSITIVE, metavar="X", default=0.025,
                 help="learning rate at the start (default 0.025)"),
    click.Option(["-threads", "workers"], type=whole_number(1, 4096), metavar="N", default=1,
                 help="threads (default 1)"),
]  # fmt: skip


@click.pass_context
def run_line(ctx: click.Context, /, **values: Any) -> int:
    """Vectors of nodes by their edges: LINE's flags and files.

    Edges are directed, as in the original: an undirected graph has a line for each direction.
    """
    if not values["train"] or not values["output"]:
        raise click.UsageError("-train FILE and -output FILE are needed", ctx)
    names = ("vector_size", "order", "negative", "samples", "alpha")
    job = Job(
        source=values["train"], output=values["output"], method="line",
        settings={name: values[name] for name in names},
        reading={"weighted": True, "directed": True, "format": "edgelist"},
        output_format="word2vec-binary" if values["binary"] else "word2vec-text",
        workers=values["workers"], quiet=True, command="line",
        flags={"vector_size": "-size", "samples": "-samples", "alpha": "-rho"},
    )  # fmt: skip
    return run_job(job, ctx)


line = OriginalCommand("line", params=FLAGS, callback=run_line, help=run_line.__doc__)
