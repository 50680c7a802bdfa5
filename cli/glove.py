"""`wordvec glove`: GloVe's four tools under their own names, and the whole chain in one command."""

from __future__ import annotations

import importlib

import click

# name -> (module of this package, its click command, what it does)
COMMANDS = {
    "vocab_count": ("glove_counting", "vocab_count", "Count the words of a text."),
    "cooccur": ("glove_counting", "cooccur", "Count the words that stand near each other."),
    "shuffle": ("glove_counting", "shuffle", "Shuffle a file of co-occurrence records."),
    "glove": ("glove_training", "command", "Train vectors on shuffled records."),
    "train": ("glove_train", "command", "All of that in one step: from a text to vectors."),
}


class LazyCommands(click.Group):
    """Lists its commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(f".{module}", __package__), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (*_, summary) in COMMANDS.items()])


@click.group(
    "glove",
    cls=LazyCommands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Train GloVe vectors: Stanford's four tools, their flags and files, on our engine.

    \b
    The four steps, as in Stanford's demo:
      wordvec glove vocab_count -min-count 5 < text.txt > vocab.txt
      wordvec glove cooccur -vocab-file vocab.txt < text.txt > cooccurrence.bin
      wordvec glove shuffle < cooccurrence.bin > cooccurrence.shuf.bin
      wordvec glove glove -vocab-file vocab.txt -save-file vectors -iter 15

    \b
    Or all at once, without files between:
      wordvec glove train text.txt -o vectors.txt
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
