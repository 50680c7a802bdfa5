"""The table of commands; a command's module is imported only when it is called."""

from __future__ import annotations

import importlib

import click

# name -> (module of this package, what it does); the module holds a click command `command`.
COMMANDS = {
    "train": ("train", "The best vectors of your text, settings chosen by its size."),
    "plan": ("plan", "What a training will take: words, memory, disk, time; warnings."),
    "word2vec": ("word2vec", "Train word vectors; the flags of the original word2vec."),
    "word2phrase": ("word2phrase", "Join words that belong together; the original's flags."),
    "fasttext": ("fasttext_command", "Subword vectors and classifiers; as the original fasttext."),
    "glove": ("glove", "GloVe: its four tools, and the whole chain in one command."),
    "distance": ("distance", "Nearest words of the lines on stdin; as the original distance."),
    "word-analogy": ("word_analogy", "Analogies on stdin; as the original word-analogy."),
    "compute-accuracy": (
        "compute_accuracy",
        "Score analogy questions on stdin; as the original compute-accuracy.",
    ),
    "nn": ("nn", "The nearest neighbours of words."),
    "analogy": ("analogy", "A is to B as C is to what?"),
    "graph": ("graph", "Vectors of the nodes of a graph: node2vec, DeepWalk, LINE."),
    "eval": ("eval", "Score vectors: analogies, word similarity, categories; nodes of graphs."),
    "update": ("update", "Train a saved model on over more text; old words stay near."),
    "plot": ("plot", "The curves of a log of training."),
    "convert": ("convert", "Turn a file of vectors into another format."),
    "info": ("info", "Say what a file of vectors is and whether it is sound."),
    "images": ("images", "Vectors of images, from an encoder trained on them (PyTorch)."),
    "series": ("series", "Vectors of time series, from an encoder trained on them (PyTorch)."),
    "demo": ("demo", "Train on the documentation of this Python and show neighbours."),
    "doctor": ("doctor", "Say what this machine offers and what is installed."),
    "tools": ("tools", "Write executables with the original tools' names into a folder."),
}

# (command, its first argument) -> (module, click command in it)
NESTED = {
    ("eval", "graph"): ("eval_graph", "command"),
    ("graph", "node2vec"): ("graph_tools", "node2vec"),
    ("graph", "pecanpy"): ("graph_tools", "pecanpy"),
    ("graph", "deepwalk"): ("graph_tools", "deepwalk"),
    ("graph", "line"): ("graph_line", "line"),
}


class LazyGroup(click.Group):
    """A group that lists its commands without importing them (numpy alone costs 0.1 s)."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f".{COMMANDS[cmd_name][0]}", __package__)
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if nested := NESTED.get((name, args[1] if len(args) > 1 else "")):
            module = importlib.import_module(f".{nested[0]}", __package__)
            return " ".join(args[:2]), getattr(module, nested[1]), args[2:]
        if name not in COMMANDS and not name.startswith("-"):
            from difflib import get_close_matches

            close = get_close_matches(name, COMMANDS, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            known = ", ".join(COMMANDS)
            raise click.UsageError(f"no command {name!r}{hint} (there are {known})", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


def print_version(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    from wordvec import __version__

    click.echo(f"wordvec {__version__}")
    ctx.exit()


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=print_version,
    help="Show the version and exit.",
)
@click.pass_context
def wordvec(ctx: click.Context) -> None:
    """Word vectors from your own text.

    Start with `wordvec demo`; it needs no download and takes a few seconds.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
