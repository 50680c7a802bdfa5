"""`wordvec series`: vectors of time series, from an encoder trained on them without labels."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from wordvec.deep.options import SeriesOptions

from .encoders import (
    TrainingGroup,
    check_outputs,
    check_training,
    embedding_options,
    fitted,
    need_torch,
    speaker,
    summary,
    training_options,
    write,
    wrong_usage,
)
from .main import EXIT_INTERRUPTED
from .settings import settings_of
from .speech import json_line, note, table, thousands

if TYPE_CHECKING:
    from wordvec.deep.series import SeriesSet
    from wordvec.deep.seriesencoder import SeriesEncoder

FORMAT = click.option(
    "--from",
    "source_format",
    type=click.Choice(["ts", "tsv", "npz"]),
    help="Format of the series; found by name and content otherwise.",
)


@click.group("series", cls=TrainingGroup, context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Vectors of time series: .ts (UEA), .tsv and .txt (UCR), .npz.

    \b
      wordvec series GunPoint_TRAIN.ts -o vectors.txt --model gun.series --probe GunPoint_TEST.ts
      wordvec series embed gun.series GunPoint_TEST.ts -o test.txt
    """


@command.command("train")
@click.argument("source", metavar="FILE")
@training_options
@click.option("--probe", metavar="TEST", help="Say how well labels of TEST follow from vectors.")
@FORMAT
@settings_of(SeriesOptions)
def train(
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
) -> int:
    """Train an encoder on the series in FILE, whose labels play no part, and write their vectors.

    The vectors are called by the number of the series, from 0.  Ctrl-C ends the training; what was
    reached is written.
    """
    need_torch("wordvec series")
    from wordvec.deep.seriesencoder import SeriesEncoder

    start = time.perf_counter()
    check_training(output, model_file, probe, held_out, patience)
    encoder = SeriesEncoder(**{name: value for name, value in asked.items() if value is not None})
    series = read(source, source_format)
    tests = read_test(probe, source_format, series) if probe else None
    fitted(encoder, series, held_out=held_out, patience=patience, checkpoint=checkpoint)
    result: dict[str, Any] = {
        "series": len(series), "channels": series.n_channels, "dim": encoder.dim,
        "batches": encoder.learned.n_steps, "loss": encoder.learned.losses[-1:],
        "held_out": encoder.learned.held_out[-1:],
        "files": write(encoder, series, output, model_file),
        "seconds": time.perf_counter() - start,
        "probe": probes(encoder, series, tests) if tests else None,
    }  # fmt: skip
    tell(result, as_json, output)
    return EXIT_INTERRUPTED if encoder.learned.interrupted else 0


@command.command("embed")
@click.argument("model_file", metavar="MODEL")
@click.argument("source", metavar="FILE")
@embedding_options
@FORMAT
@click.option("--steps", is_flag=True, help="A vector for every step: OUT is .npz, `data`.")
def embed(
    model_file: str, source: str, output: str, source_format: str | None, steps: bool,
    threads: int, device: str,
) -> int:  # fmt: skip
    """Vectors of the series in FILE by the encoder in MODEL."""
    need_torch("wordvec series")
    if steps and not output.endswith(".npz"):
        raise click.UsageError(f"-o: the vectors of steps go to a file .npz, not {output!r}")
    check_outputs(*((None, output) if steps else (output, None)))
    from wordvec.deep.seriesencoder import SeriesEncoder

    encoder = SeriesEncoder.load(model_file, threads=threads, device=device)
    series = read(source, source_format)
    assert encoder.scale is not None
    check_channels(series, source, len(encoder.scale.means))
    if steps:
        write_steps(encoder, series, output)
    else:
        write(encoder, series, output)
    speaker(output)(f"{output}: {thousands(len(series))} series, {encoder.dim} dimensions")
    return 0


def read(path: str, format: str | None) -> SeriesSet:
    from wordvec.deep.seriesfiles import read_series

    with wrong_usage():
        series = read_series(path, format)
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


def write_steps(encoder: SeriesEncoder, series: SeriesSet, output: str) -> None:
    import numpy as np

    from wordvec.files import OutputFile

    with OutputFile(output) as file:
        np.savez(file.stream, data=encoder.embed_steps(series), lengths=series.lengths)


def probes(encoder: SeriesEncoder, train: SeriesSet, test: SeriesSet) -> dict[str, float]:
    """Accuracies on `test`: of the vectors, and of the values themselves."""
    import numpy as np

    from wordvec.deep.probes import logistic_accuracy, nearest_accuracy

    assert encoder.scale is not None and train.labels is not None and test.labels is not None
    rows = [encoder.embed(series) for series in (train, test)]
    longest = max(train.values.shape[1], test.values.shape[1])
    raw = []
    for series in (train, test):
        values = np.nan_to_num(encoder.scale.apply(series))
        padded = np.pad(values, ((0, 0), (0, longest - values.shape[1]), (0, 0)))
        raw.append(padded.reshape(len(series), -1))
    return {
        "logistic": logistic_accuracy(rows[0], train.labels, rows[1], test.labels),
        "nearest": nearest_accuracy(rows[0], train.labels, rows[1], test.labels),
        "nearest_raw": nearest_accuracy(raw[0], train.labels, raw[1], test.labels),
    }


def tell(result: dict[str, Any], as_json: bool, output: str | None) -> None:
    speak = speaker(output)
    if as_json:
        speak(json_line(result))
        return
    speak(summary(result, f"{thousands(result['series'])} series of {result['channels']} channels"))
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
