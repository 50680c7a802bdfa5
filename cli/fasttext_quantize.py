"""fasttext quantize: BASE.bin to BASE.ftz; for word vectors also what that costs."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from .fasttext_flags import FlagError, complain_with_help, help_text, parse
from .fasttext_train import OriginalProgress, check_input, load
from .fasttext_usage import USAGES
from .main import EXIT_ERROR, CommandError

if TYPE_CHECKING:
    from wordvec.evaluate import EvaluationSet
    from wordvec.fasttextmodel import FastTextModel


def quantize(command: str, arguments: list[str]) -> int:
    """BASE.bin to BASE.ftz."""
    from wordvec.files import OutputFile
    from wordvec.formats import fasttext_bin
    from wordvec.models.retraining import retrain
    from wordvec.quantize import quantize_model

    if not arguments:
        sys.stderr.write(USAGES[command] + help_text(command))
        return EXIT_ERROR
    try:
        settings = parse(command, arguments)
    except FlagError as error:
        return complain_with_help(error)
    base = settings["output"]
    options = settings.options()
    sets = read_sets(settings["evaluate"])
    if settings["retrain"] and settings["cutoff"] > 0:
        check_input(settings)
    with OutputFile(base + ".ftz") as output:
        model = load(base + ".bin")
        if sets and model.is_supervised:
            raise CommandError("-evaluate is for word vectors; `test` scores classifiers")
        report = OriginalProgress(settings["verbose"], options.workers)

        def train_again(pruned: FastTextModel) -> FastTextModel:
            trained = retrain(pruned, settings["input"], options, reporter=report)
            assert trained.outcome is not None
            report.end(
                trained.outcome.n_tokens_trained, trained.outcome.wall_seconds,
                trained.outcome.loss,
            )  # fmt: skip
            return trained

        quantized = quantize_model(
            model, dsub=settings["dsub"], qnorm=settings["qnorm"], qout=settings["qout"],
            cutoff=settings["cutoff"], retrain=train_again if settings["retrain"] else None,
            n_threads=options.workers,
        )  # fmt: skip
        fasttext_bin.write_model(output.stream, quantized, output.path)
    if not model.is_supervised:
        print_loss(model, quantized, sets)
    return 0


def read_sets(paths: str) -> list[EvaluationSet]:
    """The sets of -evaluate: files and folders of them, with a colon (as in PATH) between."""
    if not paths:
        return []
    from wordvec.evaluate import read_sets as read

    return [item for path in paths.split(os.pathsep) for item in read(path)[0]]


def print_loss(model: FastTextModel, quantized: FastTextModel, sets: list[EvaluationSet]) -> None:
    """On stdout; the original says nothing, but refuses word vectors."""
    from wordvec.models.quantloss import row_error, score_losses

    print(f"error of the rows: {100 * row_error(model, quantized):.3g}% of their length")
    losses, n_lost = score_losses(model, quantized, sets) if sets else ([], 0)
    if n_lost:
        print(f"words of which nothing is left, not scored: {n_lost}")
    for loss in losses:
        before, after = (
            "--------" if score is None else f"{100 * score:.2f}"
            for score in (loss.before, loss.after)
        )
        print(f"{loss.kind} {loss.name}: {before} before, {after} after")
    sys.stdout.flush()
