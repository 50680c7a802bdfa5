"""What the commands of encoders (`series`, `images`) share."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import click

from .asking import flags_named
from .convert import check_target
from .meter import Meter, duration
from .speech import note, say, thousands


class TrainingGroup(click.Group):
    """A group whose command `train` need not be named."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.commands:
            args = ["train", *args]
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0].startswith("-") and args[0] not in ctx.help_option_names:
            args = ["train", *args]
        return super().parse_args(ctx, args)


def training_options(function: Any) -> Any:
    """-o, --model, --held-out ... of the command that trains."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="The result as a JSON object."),
        click.option(
            "--checkpoint",
            metavar="FILE",
            help="Keep the state of the training in FILE; when it is there, go on from it.",
        ),
        click.option(
            "--patience",
            type=click.IntRange(min=0),
            default=0,
            metavar="N",
            help="End after N looks at the held-out loss without a lower one.",
        ),
        click.option(
            "--held-out",
            type=click.FloatRange(0, 1, max_open=True),
            default=0.0,
            metavar="SHARE",
            help="Not trained on; the weights with the lowest loss on it are kept.",
        ),
        click.option("--model", "model_file", metavar="FILE", help="Where the encoder goes."),
        click.option(
            "-o", "--output", metavar="OUT",
            help="Where the vectors go, the format by its suffix.",
        ),
    ):  # fmt: skip
        function = option(function)
    return function


def embedding_options(function: Any) -> Any:
    """-o, --threads, --device of the command that embeds."""
    for option in (
        click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto"),
        click.option("--threads", type=click.IntRange(min=1), default=1, help="(default 1)"),
        click.option("-o", "--output", metavar="OUT", required=True, help="Where the vectors go."),
    ):
        function = option(function)
    return function


def check_training(output: str | None, model_file: str | None, probe: str | None, held_out: float,
                   patience: int) -> None:  # fmt: skip
    """What can be known before anything is read."""
    if output is None and model_file is None and probe is None:
        raise click.UsageError("nothing to do with it: -o OUT, --model FILE or --probe TEST")
    if patience and not held_out:
        raise click.UsageError("--patience needs --held-out")
    check_outputs(output, model_file)


def need_torch(what: str) -> None:
    from wordvec.deep.needed import need
    from wordvec.errors import MissingExtraError

    try:
        need(what, "torch", "safetensors")
    except MissingExtraError as error:
        raise click.UsageError(str(error)) from None


def check_outputs(vectors: str | None, other: str | None) -> None:
    """Find out before the work that a file cannot be written."""
    from wordvec.files import OutputFile

    if vectors is not None:
        with flags_named():
            check_target(vectors, None)
    if other is not None:
        OutputFile(other).discard()


@contextlib.contextmanager
def wrong_usage() -> Iterator[None]:
    """Mistakes in files are wrong usage here, exit code 2."""
    from wordvec.errors import FormatError

    try:
        yield
    except FormatError as error:
        raise click.UsageError(str(error)) from None


def fitted(encoder: Any, data: Any, **how: Any) -> None:
    """Train, with a live line on a terminal."""
    meter = Meter(sys.stderr)
    try:
        if meter.is_live:
            how["reporter"] = meter
        encoder.fit(data, **how)
    finally:
        meter.close()


def write(encoder: Any, data: Any, output: str | None, model_file: str | None = None) -> list[str]:
    """The encoder and the vectors of the data; the files' names."""
    from wordvec import formats

    if model_file is not None:
        encoder.save(model_file)
    if output is not None:
        with flags_named():
            formats.save(encoder.vectors(data), output)
    return [name for name in (output, model_file) if name is not None]


def speaker(output: str | None) -> Any:
    """Where lines go: the vectors may have stdout."""
    return note if output in ("-", "/dev/stdout") else say


def summary(result: dict[str, Any], what: str) -> str:
    """The line at the end of a training."""
    loss = f", loss {result['loss'][0]:.4f}" if result["loss"] else ""
    names = " and ".join(result["files"])
    return (
        f"{names + ': ' if names else ''}{what}, {result['dim']} dimensions, "
        f"{thousands(result['batches'])} batches{loss}, {duration(result['seconds'])}"
    )
