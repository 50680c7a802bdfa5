"""`wordvec graph node2vec|pecanpy|deepwalk`: those tools' flags on our engine.

They read their flags with argparse, so that beginnings of a flag's name do as well.
"""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

import click

from .graph_run import Job, run_job


class _Parser(argparse.ArgumentParser):
    """Mistakes end as everywhere: one line, exit code 2."""

    def error(self, message: str) -> NoReturn:
        raise click.UsageError(message)


class ToolCommand(click.Command):
    """Leaves the arguments to argparse."""

    def __init__(self, name: str, parser: argparse.ArgumentParser, run: Any) -> None:
        super().__init__(name, add_help_option=False)
        self.parser = parser
        self.run_tool = run

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta["wordvec.args"] = args
        ctx.args = []
        return []

    def invoke(self, ctx: click.Context) -> Any:
        args: list[str] = ctx.meta["wordvec.args"]
        if any(arg in ("-h", "--help") for arg in args):
            click.echo(self.parser.format_help())
            return 0
        return self.run_tool(self.parser.parse_args(args), ctx)


def _parser(name: str, text: str) -> _Parser:
    return _Parser(prog=name, description=text, add_help=False,
                   formatter_class=argparse.ArgumentDefaultsHelpFormatter)  # fmt: skip


def _node2vec_parser() -> _Parser:
    parser = _parser("node2vec", "Node vectors by biased walks; the flags of node2vec's main.py.")
    add = parser.add_argument
    add("--input", default="graph/karate.edgelist", help="edge list")
    add("--output", default="emb/karate.emb", help="vectors")
    add("--dimensions", type=int, default=128, help="numbers per node")
    add("--walk-length", type=int, default=80, help="nodes of a walk")
    add("--num-walks", type=int, default=10, help="walks from every node")
    add("--window-size", type=int, default=10, help="context of a node")
    add("--iter", type=int, default=1, help="passes over the walks")
    add("--workers", type=int, default=8, help="threads")
    add("--p", type=float, default=1, help="return parameter")
    add("--q", type=float, default=1, help="in-out parameter")
    add("--weighted", dest="weighted", action="store_true", help="third column is a weight")
    add("--unweighted", dest="weighted", action="store_false", help="it is ignored")
    add("--directed", dest="directed", action="store_true", help="edges lead one way")
    add("--undirected", dest="directed", action="store_false", help="both ways")
    parser.set_defaults(weighted=False, directed=False)
    return parser


def _walk_settings(args: argparse.Namespace, epochs: int) -> dict[str, Any]:
    return {
        "vector_size": args.dimensions,
        "walk_length": args.walk_length,
        "num_walks": args.num_walks,
        "window": args.window_size,
        "epochs": epochs,
        "p": args.p,
        "q": args.q,
    }


def _run_node2vec(args: argparse.Namespace, ctx: click.Context) -> int:
    job = Job(
        source=args.input, output=args.output, method="node2vec",
        settings=_walk_settings(args, args.iter),
        reading={"weighted": args.weighted, "directed": args.directed, "format": "edgelist"},
        workers=args.workers, quiet=True, command="node2vec", flags={"epochs": "--iter"},
    )  # fmt: skip
    return run_job(job, ctx)


def _pecanpy_parser() -> _Parser:
    parser = _parser("pecanpy", "Node vectors by biased walks; the flags of PecanPy.")
    add = parser.add_argument
    modes = ["DenseOTF", "FirstOrderUnweighted", "PreComp", "PreCompFirstOrder", "SparseOTF"]
    add("--input", required=True, help="edge list, or .npz")
    add("--output", required=True, help="vectors, .emb (text) or .npz; of tocsr, the graph")
    add("--task", choices=["pecanpy", "tocsr", "todense"], default="pecanpy", help="what to do")
    mode = "taken and not needed; the two first-order ones want p = q = 1"
    add("--mode", choices=modes, default="SparseOTF", help=mode)
    add("--dimensions", type=int, default=128, help="numbers per node")
    add("--walk-length", type=int, default=80, help="nodes of a walk; PecanPy makes one more")
    add("--num-walks", type=int, default=10, help="walks from every node")
    add("--window-size", type=int, default=10, help="context of a node")
    add("--epochs", type=int, default=1, help="passes over the walks")
    add("--workers", type=int, default=0, help="threads, 0: all cores")
    add("--p", type=float, default=1, help="return parameter")
    add("--q", type=float, default=1, help="in-out parameter")
    add("--weighted", action="store_true", help="third column is a weight")
    add("--directed", action="store_true", help="edges lead one way")
    add("--verbose", action="store_true", help="say what was done")
    add("--extend", action="store_true", help="node2vec+")
    add("--gamma", type=float, default=0, help="of node2vec+")
    add("--random_state", type=int, default=None, help="seed (none: 1)")
    add("--delimiter", default="\t", help="between the columns")
    add("--implicit_ids", action="store_true", help="npz: number the nodes")
    return parser


def _run_pecanpy(args: argparse.Namespace, ctx: click.Context) -> int:
    is_npz = args.input.endswith(".npz")
    reading = {
        "weighted": args.weighted,
        "directed": args.directed,
        "implicit_ids": args.implicit_ids,
        "format": "npz" if is_npz else "edgelist",
        "delimiter": None if is_npz else args.delimiter,
    }
    if args.mode in ("FirstOrderUnweighted", "PreCompFirstOrder") and (args.p, args.q) != (1, 1):
        raise click.UsageError(f"--mode {args.mode}: expected --p 1 --q 1", ctx)
    settings = _walk_settings(args, args.epochs)
    settings |= {"seed": args.random_state}
    if args.extend:
        settings |= {"extend": True, "gamma": args.gamma}
    job = Job(
        source=args.input, output=args.output, method="node2vec", settings=settings,
        reading=reading, workers=args.workers, quiet=not args.verbose, command="pecanpy",
        flags={"seed": "--random_state"},
    )  # fmt: skip
    if args.task != "pecanpy":
        from .graph_convert import convert_graph

        return convert_graph(job, dense=args.task == "todense", ctx=ctx)
    return run_job(job, ctx)


def _deepwalk_parser() -> _Parser:
    parser = _parser("deepwalk", "Node vectors by uniform walks; the flags of DeepWalk.")
    add = parser.add_argument
    add("--input", required=True, nargs="?", help="graph")
    add("--output", required=True, help="vectors")
    add("--format", choices=["adjlist", "edgelist", "mat"], default="adjlist", help="of the graph")
    add("--matfile-variable-name", default="network", help="which matrix of a .mat file")
    add("--number-walks", type=int, default=10, help="walks from every node")
    add("--walk-length", type=int, default=40, help="nodes of a walk")
    add("--window-size", type=int, default=5, help="context of a node")
    add("--representation-size", type=int, default=64, help="numbers per node")
    add("--workers", type=int, default=1, help="threads")
    add("--seed", type=int, default=0, help="of all random choices")
    # `type=bool` in the original makes every text true; --directed is how to say no.
    add("--undirected", default="True", help="whatever is said means yes, as in the original")
    add("--directed", action="store_true", help="not in the original: edges lead one way")
    add("--vertex-freq-degree", action="store_true", help="taken; visits are always counted")
    add("--max-memory-data-size", type=int, default=1_000_000_000, help="taken and not needed")
    add("-l", "--log", default="INFO", help="taken and not needed")
    add("--debug", action="store_true", help="taken and not needed")
    return parser


def _run_deepwalk(args: argparse.Namespace, ctx: click.Context) -> int:
    job = Job(
        source=args.input, output=args.output, method="deepwalk",
        settings={
            "vector_size": args.representation_size, "walk_length": args.walk_length,
            "num_walks": args.number_walks, "window": args.window_size, "seed": args.seed,
        },
        reading={"directed": args.directed, "format": args.format,
                 "matfile_variable": args.matfile_variable_name},
        workers=args.workers, quiet=True, command="deepwalk",
        flags={"vector_size": "--representation-size", "num_walks": "--number-walks"},
    )  # fmt: skip
    return run_job(job, ctx)


node2vec = ToolCommand("node2vec", _node2vec_parser(), _run_node2vec)
pecanpy = ToolCommand("pecanpy", _pecanpy_parser(), _run_pecanpy)
deepwalk = ToolCommand("deepwalk", _deepwalk_parser(), _run_deepwalk)
