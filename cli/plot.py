"""`wordvec plot`: the curves of a log of training."""

from __future__ import annotations

import os
import shutil

import click

from .flags import FileSet
from .speech import note, printable, say


@click.command("plot")
@click.argument("logs", metavar="LOG...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="OUT", help=".png, .svg or .pdf (default: LOG.png here).")
@click.option("--text", "as_text", is_flag=True, help="On the terminal; needs no other package.")
@click.pass_context
def command(ctx: click.Context, /, logs: tuple[str, ...], output: str | None, as_text: bool) -> int:
    """Draw losses and probes by epoch, from the logs that training with -log wrote.

    Several logs share a picture. The best epoch has a ring. Pictures need matplotlib (the extra
    plot). A log has a line of JSON for each epoch: epoch, n_epochs, n_tokens_trained, rate, loss,
    held_out_loss, n_held_out_tokens, probes, is_best, wall_seconds, cpu_seconds, stopped.

    \b
      wordvec word2vec -train text.txt -output vectors.txt -validate 0.01 -log log.jsonl
      wordvec plot log.jsonl --text
      wordvec plot log.jsonl -o curves.svg
    """
    from wordvec.errors import OptionError
    from wordvec.plots import draw_curves, text_curves
    from wordvec.traininglog import read_log

    if as_text and output is not None:
        raise click.UsageError("--text writes to the terminal: leave out -o", ctx)
    names = names_of(logs)
    records = {name: read_log(path) for name, path in zip(names, logs, strict=True)}
    if as_text:
        width = shutil.get_terminal_size((80, 24)).columns - 1
        say("\n".join(map(printable, text_curves(records, width))))
        return 0
    target = output or os.path.splitext(os.path.basename(logs[0]))[0] + ".png"
    if FileSet(logs).holds(target):
        raise click.UsageError(f"-o: {target!r} is one of the logs", ctx)
    try:
        draw_curves(records, target)
    except OptionError as error:
        flag = "-o" if error.option == "path" else "LOG"
        text = f"{flag}: expected {error.expected}, found {error.found!r}"
        raise click.UsageError(text, ctx) from None
    except ImportError as error:
        raise click.ClickException(f"{error}; or --text draws on the terminal") from None
    note(f"wordvec plot: {target}")
    return 0


def names_of(logs: tuple[str, ...]) -> list[str]:
    """The files' own names, or whole paths where two have the same."""
    names = [os.path.splitext(os.path.basename(path))[0] for path in logs]
    if len(set(names)) < len(names):
        names = [f"{path} ({k})" for k, path in enumerate(logs, 1)]
    return names
