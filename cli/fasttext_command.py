"""`wordvec fasttext` as a command of click, for its place in the help of `wordvec`.

Calls go past this, to .fasttext, as soon as .main sees whose they are: see main.invoke.
"""

from __future__ import annotations

import click

from .fasttext import fasttext


class OriginalCommand(click.Command):
    """Hands all arguments on as they are: the original's are none that click could parse."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args[:1] == ["--help"]:
            click.echo(self.get_help(ctx))
            ctx.exit()
        ctx.params = {"arguments": tuple(args)}
        return []

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return ["COMMAND", "[ARGUMENTS]"]


@click.pass_context
def _callback(ctx: click.Context, /, arguments: tuple[str, ...]) -> int:
    return fasttext(arguments)


command = OriginalCommand(
    "fasttext", callback=_callback, help=fasttext.__doc__, add_help_option=False
)
