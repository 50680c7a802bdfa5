"""Classifiers as a search judges them, and autotune, which puts everything together."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, TextIO

from wordvec.errors import TrainingError, WordvecError
from wordvec.fasttextmodel import FastTextModel
from wordvec.models.classifier import TrainedClassifier, train_supervised
from wordvec.models.meters import measure
from wordvec.models.retraining import retrain
from wordvec.options import AutotuneOptions, ClassifierOptions
from wordvec.progress import Progress
from wordvec.quantize import quantize_model
from wordvec.tune.metric import Metric
from wordvec.tune.search import Candidate, Failed, Search, Trial
from wordvec.tune.sizes import N_CENTROIDS, FileSizes, file_bytes, parse_size

TOO_SHORT = "Didn't have enough time to train once: please increase `autotune-duration`."
TOO_SMALL = "Couldn't fulfil model size constraint: please increase `autotune-modelsize`."


class _TimeUp(WordvecError):
    """Raised by a reporter to end a training that exceeds the time."""


class ClassifierJudge:
    """Trains classifiers on a file and scores them on another.

    metric, predictions, n_bytes  as in AutotuneOptions, parsed
    """

    def __init__(
        self,
        path: str,
        validation: str,
        metric: Metric,
        predictions: int = 1,
        n_bytes: int | None = None,
        on_progress: Callable[[], None] | None = None,
        training: dict[str, Any] | None = None,
    ) -> None:
        self.path = path
        self.validation = validation
        self.metric = metric
        self.predictions = predictions
        self.n_bytes = n_bytes
        self.training = training or {}
        self._on_progress = on_progress

    def __call__(self, candidate: Candidate, deadline: float, /) -> tuple[float, int | None]:
        def report(_: Progress) -> None:
            if self._on_progress is not None:
                self._on_progress()
            if time.monotonic() > deadline:
                raise _TimeUp("time is up")

        try:
            model: FastTextModel = self.train(candidate.options, report)
            size = None
            if time.monotonic() > deadline:
                raise _TimeUp("time is up")
            if self.n_bytes is not None:
                model, size = self.shrink(model, candidate, report)
        except _TimeUp:
            raise Failed("time") from None
        except TrainingError:
            raise Failed("diverged") from None
        except MemoryError:
            raise Failed("memory") from None
        return self.score(model, candidate.options.workers), size

    def train(self, options: ClassifierOptions, report: Any) -> TrainedClassifier:
        """Failed("interrupted") when Ctrl-C cut the training short."""
        try:
            model = train_supervised(self.path, options, reporter=report, **self.training)
        except WordvecError as error:
            if "memory" in str(error) and not isinstance(error, TrainingError):
                raise Failed("memory") from None
            raise
        if model.outcome is not None and model.outcome.interrupted:
            raise Failed("interrupted")
        return model

    def score(self, model: FastTextModel, n_threads: int) -> float:
        label = self.metric.number_of(model)
        meter = measure(
            model, self.validation, self.predictions, n_threads=n_threads,
            keep_answers=self.metric.needs_answers,
        )  # fmt: skip
        if not meter.n_lines:
            raise WordvecError(
                f"{self.validation}: no line of it has a label of the training text and a word or "
                "n-gram to go by; nothing can be compared"
            )
        return self.metric.score(meter, label)

    def shrink(
        self, model: FastTextModel, candidate: Candidate, report: Any = None
    ) -> tuple[FastTextModel, int]:
        """(quantised model, its bytes in a file).  Failed("size") when it cannot be made to fit."""
        assert self.n_bytes is not None
        qout = model.output.n_rows >= N_CENTROIDS
        sizes = FileSizes(model, candidate.dsub, qout, candidate.options.workers)
        cutoff = sizes.largest_cutoff(self.n_bytes)
        if cutoff <= N_CENTROIDS:
            raise Failed("size")

        def train_again(pruned: FastTextModel) -> FastTextModel:
            settings = {} if report is None else {"reporter": report}
            return retrain(pruned, self.path, candidate.options, **settings)

        try:
            small = quantize_model(
                model, dsub=candidate.dsub, qnorm=True, qout=qout, cutoff=cutoff,
                retrain=train_again, n_threads=candidate.options.workers,
            )  # fmt: skip
        except (_TimeUp, TrainingError):
            raise
        except WordvecError:  # fewer than 256 rows
            raise Failed("size") from None
        size = file_bytes(small)
        if size > self.n_bytes:
            raise Failed("size")
        return small, size


@dataclass
class Tuned:
    """A search's result: the model of the best candidate, trained again (quantised when a model
    size was asked for), and the search."""

    model: FastTextModel
    candidate: Candidate
    search: Search
    n_bytes: int | None = None


def autotune(
    path: str | os.PathLike[str],
    validation: str | os.PathLike[str],
    options: ClassifierOptions | None = None,
    settings: AutotuneOptions | None = None,
    *,
    frozen: Collection[str] = (),
    log: TextIO | None = None,
    on_trial: Callable[[Trial], None] | None = None,
    on_progress: Callable[[], None] | None = None,
    before_last: Callable[[Search], None] | None = None,
    training: dict[str, Any] | None = None,
    **last_training: Any,
) -> Tuned:
    """Search for the best settings of a classifier and train it with them.

    options     where the search begins, and the value of everything it does not change
    frozen      fields of `options` (and "dsub") that are to stay as they are
    log         gets a line of JSON for every trial
    on_trial, on_progress, before_last   called after every trial, during training, and once the
                search is over
    training    further arguments of train_supervised for all trainings, `last_training` of the
                last

    Ctrl-C ends the search; the best so far is trained.  WordvecError when no trial was scored.
    """
    options = options or ClassifierOptions()
    settings = settings or AutotuneOptions()
    metric, n_bytes = Metric.parse(settings.metric), parse_size(settings.model_size)
    judge = ClassifierJudge(
        os.fspath(path), os.fspath(validation), metric, settings.predictions, n_bytes,
        on_progress, training,
    )  # fmt: skip
    search = Search()
    search.run(Candidate(options), judge, settings, frozen, log, on_trial)
    if search.best is None:
        tried_sizes = any(trial.status == "size" for trial in search.trials)
        raise WordvecError(TOO_SMALL if tried_sizes else TOO_SHORT)
    if before_last is not None:
        before_last(search)
    best = search.best.candidate
    last = {**judge.training, **last_training}
    model: FastTextModel = train_supervised(judge.path, best.options, **last)
    size = None
    if n_bytes is not None:
        try:
            model, size = judge.shrink(model, best)
        except Failed:
            raise WordvecError(TOO_SMALL) from None
    return Tuned(model, best, search, size)
