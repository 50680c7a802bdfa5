"""`wordvec series`: vectors of time series, from an encoder trained on them without labels."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from wordvec.deep.options import SeriesOptions

from .asking import flags_named
from .convert import check_target
from .main import EXIT_INTERRUPTED
from .meter import Meter, duration
from .settings import settings_of
from .speech import json_line, note, say, table, thousands

if TYPE_CHECKING:
    from wordvec.deep.series import SeriesSet
    from wordvec.deep.seriesencoder import SeriesEncoder

FORMAT = click.Choice(["ts", "tsv", "npz"])


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


@click.group("series", cls=TrainingGroup, context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Vectors of time series: .ts (UEA), .tsv and .txt (UCR), .npz.

    \b
      wordvec series GunPoint_TRAIN.ts -o vectors.txt --model gun.series --probe GunPoint_TEST.ts
      wordvec series embed gun.series GunPoint_TEST.ts -o test.txt
    """


@command.command("train")
@click.argument("source", metavar="FILE")
@click.option(
    "-o", "--output", metavar="OUT", help="Where the vectors go, the format by its suffix."
)
@click.option("--model", "model_file", metavar="FILE", help="Where the encoder goes.")
@click.option(
    "--probe", metavar="TEST", help="Say how well labels of TEST follow from the vectors."
)
@click.option("--from", "source_format", type=FORMAT, help="Format of the series.")
@click.option(
    "--held-out",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.0,
    metavar="SHARE",
    help="Of the series: not trained on; the weights with the lowest loss on them are kept.",
)
@click.option(
    "--patience",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="End after N looks at the held-out loss without a lower one.",
)
@click.option(
    "--checkpoint",
    metavar="FILE",
    help="Keep the state of the training in FILE; when it is there, go on from it.",
)
@click.option("--json", "as_json", is_flag=True, help="The result as a JSON object.")
@settings_of(SeriesOptions)
@click.pass_context
def train(
    ctx: click.Context,
    /,
    source: str,
    output: str | None,
    model_file: str | None,
    probe: str | None,
    source_format: str | None,
    held_out: float,
    patience: int,
    checkpoint: str | None,
    as_json: bool,
    **asked: Any,
) -> int:  # fmt: skip
    """Train an encoder on the series in FILE, whose labels play no part, and write their vectors.

    The vectors are called by the number of the series, from 0.  Ctrl-C ends the training; what was
    reached is written.
    """
    if output is None and model_file is None and probe is None:
        raise click.UsageError("nothing to do with it: -o OUT, --model FILE or --probe TEST", ctx)
    if patience and not held_out:
        raise click.UsageError("--patience needs --held-out", ctx)
    need_torch()
    start = time.perf_counter()
    options = SeriesOptions(**{name: value for name, value in asked.items() if value is not None})
    check_outputs(output, model_file)
    series = read(source, source_format)
    tests = read_test(probe, source_format, series) if probe else None
    encoder = fitted(series, options, held_out=held_out, patience=patience, checkpoint=checkpoint)
    written = write(encoder, series, output, model_file)
    result: dict[str, Any] = {
        "series": len(series), "channels": series.n_channels, "dim": encoder.dim,
        "batches": encoder.learned.n_steps, "loss": encoder.learned.losses[-1:],
        "held_out": encoder.learned.held_out[-1:], "seconds": time.perf_counter() - start,
        "files": written, "probe": probes(encoder, series, tests) if tests else None,
    }  # fmt: skip
    tell(result, as_json, output)
    return EXIT_INTERRUPTED if encoder.learned.interrupted else 0


@command.command("embed")
@click.argument("model_file", metavar="MODEL")
@click.argument("source", metavar="FILE")
@click.option("-o", "--output", metavar="OUT", required=True, help="Where the vectors go.")
@click.option("--from", "source_format", type=FORMAT, help="Format of the series.")
@click.option("--steps", is_flag=True, help="A vector for every step: OUT is .npz, `data`.")
@click.option("--threads", type=click.IntRange(min=1), default=1, help="Threads (default 1).")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto")
def embed(
    model_file: str, source: str, output: str, source_format: str | None, steps: bool,
    threads: int, device: str,
) -> int:  # fmt: skip
    """Vectors of the series in FILE by the encoder in MODEL."""
    need_torch()
    if steps:
        if not output.endswith(".npz"):
            raise click.UsageError(f"-o: the vectors of steps go to a file .npz, not {output!r}")
        check_outputs(None, output)
    else:
        check_outputs(output, None)
    from wordvec.deep.seriesencoder import SeriesEncoder

    encoder = SeriesEncoder.load(model_file, threads=threads, device=device)
    series = read(source, source_format)
    assert encoder.scale is not None
    check_channels(series, source, len(encoder.scale.means))
    if steps:
        write_steps(encoder, series, output)
    else:
        write(encoder, series, output, None)
    tell_file = note if output in ("-", "/dev/stdout") else say
    tell_file(f"{output}: {thousands(len(series))} series, {encoder.dim} dimensions")
    return 0


def need_torch() -> None:
    from wordvec.deep.needed import need
    from wordvec.errors import MissingExtraError

    try:
        need("wordvec series", "torch", "safetensors")
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


def read(path: str, format: str | None) -> SeriesSet:
    """The file; a mistake in it is wrong usage, exit code 2."""
    from wordvec.deep.seriesfiles import read_series
    from wordvec.errors import FormatError

    try:
        series = read_series(path, format)
    except FormatError as error:
        raise click.UsageError(str(error)) from None
    for line in series.warnings:
        note(f"wordvec series: warning: {line}")
    n_empty = int((~series.is_valid().any(axis=1)).sum())
    if n_empty:
        note(f"wordvec series: warning: {path}: {n_empty} series without a number; zeros")
    return series


def read_test(path: str, format: str | None, train: SeriesSet) -> SeriesSet:
    tests = read(path, format)
    if train.labels is None or tests.labels is None:
        raise click.UsageError("--probe: the series have no labels")
    check_channels(tests, path, train.n_channels)
    return tests


def check_channels(series: SeriesSet, path: str, n_channels: int) -> None:
    if series.n_channels != n_channels:
        raise click.UsageError(
            f"{path}: expected {n_channels} channels, as in training, found {series.n_channels}"
        )


def fitted(series: SeriesSet, options: SeriesOptions, **how: Any) -> SeriesEncoder:
    from wordvec.deep.seriesencoder import SeriesEncoder

    meter = Meter(sys.stderr)
    try:
        encoder = SeriesEncoder(options)
        if meter.is_live:
            how["reporter"] = meter
        return encoder.fit(series, **how)
    finally:
        meter.close()


def write(
    encoder: SeriesEncoder, series: SeriesSet, output: str | None, model_file: str | None
) -> list[str]:
    from wordvec import formats

    if model_file is not None:
        encoder.save(model_file)
    if output is not None:
        with flags_named():
            formats.save(encoder.vectors(series), output)
    return [name for name in (output, model_file) if name is not None]


def write_steps(encoder: SeriesEncoder, series: SeriesSet, output: str) -> None:
    import numpy as np

    from wordvec.files import OutputFile

    with OutputFile(output) as file:
        np.savez(file.stream, data=encoder.embed_steps(series), lengths=series.lengths)


def probes(encoder: SeriesEncoder, train: SeriesSet, test: SeriesSet) -> dict[str, float]:
    """Accuracies on `test`: of the vectors, and of the values themselves."""
    from wordvec.deep.probes import logistic_accuracy, nearest_accuracy

    assert encoder.scale is not None and train.labels is not None and test.labels is not None
    rows = [encoder.embed(series) for series in (train, test)]
    found = {
        "logistic": logistic_accuracy(rows[0], train.labels, rows[1], test.labels),
        "nearest": nearest_accuracy(rows[0], train.labels, rows[1], test.labels),
    }
    import numpy as np

    longest = max(train.values.shape[1], test.values.shape[1])
    raw = []
    for series in (train, test):
        values = np.nan_to_num(encoder.scale.apply(series))
        padded = np.pad(values, ((0, 0), (0, longest - values.shape[1]), (0, 0)))
        raw.append(padded.reshape(len(series), -1))
    found["nearest_raw"] = nearest_accuracy(raw[0], train.labels, raw[1], test.labels)
    return found


def tell(result: dict[str, Any], as_json: bool, output: str | None) -> None:
    speak = note if output in ("-", "/dev/stdout") else say
    if as_json:
        speak(json_line(result))
        return
    loss = f", loss {result['loss'][0]:.4f}" if result["loss"] else ""
    names = " and ".join(result["files"])
    speak(
        f"{names + ': ' if names else ''}{thousands(result['series'])} series of "
        f"{result['channels']} channels, {result['dim']} dimensions, {result['batches']} batches"
        f"{loss}, {duration(result['seconds'])}"
    )
    if result["probe"] is None:
        return
    found = result["probe"]
    rows = [
        ["accuracy on TEST", ""],
        ["logistic regression on the vectors", f"{found['logistic']:.3f}"],
        ["nearest neighbour by the vectors", f"{found['nearest']:.3f}"],
        ["nearest neighbour by the values", f"{found['nearest_raw']:.3f}"],
    ]
    speak("\n".join(table(rows)))
    if found["nearest_raw"] > max(found["logistic"], found["nearest"]):
        speak("The values themselves do better here than the vectors.")
