"""Autotune: the settings of a classifier that do best on a validation file, within a given time.

A trial trains with some settings and scores the validation file.  The first takes the settings as
they are given; each later one changes the best so far by random amounts that shrink as time goes
by.  Only settings and scores are kept, so a search needs the memory of one model; the best are
trained again at the end.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import re
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol, TextIO, cast

import numpy as np

from wordvec.errors import OptionError, TrainingError, WordvecError
from wordvec.fasttextmodel import FastTextModel
from wordvec.formats.fasttext_bin import write_model
from wordvec.models.classifier import TrainedClassifier, retrain, train_supervised
from wordvec.models.meters import Meter, measure
from wordvec.options import AutotuneOptions, ClassifierOptions
from wordvec.progress import Progress
from wordvec.quantize import quantize_model, select_rows

UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
N_CENTROIDS = 256
MIN_N_CHOICES = (0, 2, 3)
DEFAULT_DSUB = 2

TOO_SHORT = "Didn't have enough time to train once: please increase `autotune-duration`."
TOO_SMALL = "Couldn't fulfil model size constraint: please increase `autotune-modelsize`."


# ---- the measure --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Metric:
    """What is to be made as large as possible: "f1", "precision" (at recall `at`) or "recall" (at
    precision `at`), `at` from 0 to 1; of one label or all."""

    kind: str
    at: float = 0.0
    label: str | None = None

    @classmethod
    def parse(cls, text: str) -> Metric:
        """OptionError with the original's words."""
        name, *parts = text.split(":", 2)
        kinds = {"precisionAtRecall": "precision", "recallAtPrecision": "recall"}
        if name == "f1":
            label = ":".join(parts) if parts else None
            return cls("f1", 0.0, _label(text, label))
        if name not in kinds or not parts:
            raise WordvecError(f"Unknown metric : {text}")
        try:
            at = float(parts[0]) / 100
        except ValueError:
            raise WordvecError(f"Unknown metric : {text}") from None
        if not 0 <= at <= 1:
            raise WordvecError(f"Unknown metric : {text} (expected 0 to 100 percent)")
        return cls(kinds[name], at, _label(text, parts[1] if len(parts) > 1 else None))

    @property
    def needs_answers(self) -> bool:
        return self.kind != "f1"

    def number_of(self, model: FastTextModel) -> int | None:
        """The label's number; WordvecError when the model lacks it."""
        if self.label is None:
            return None
        number = model.dictionary.label_id(self.label)
        if number < 0:
            raise WordvecError(f"Unknown autotune metric label: {self.label}")
        return number

    def score(self, meter: Meter, label: int | None) -> float:
        """0 to 1; 0 where it is not defined."""
        if self.kind == "precision":
            value = meter.precision_at_recall(self.at, label)
        elif self.kind == "recall":
            value = meter.recall_at_precision(self.at, label)
        else:
            value = meter.f1 if label is None else meter.label_f1(label)
        return 0.0 if math.isnan(value) else value


def _label(metric: str, label: str | None) -> str | None:
    if label == "":
        raise WordvecError(f"Empty metric label : {metric}")
    return label


def parse_size(text: str) -> int | None:
    """Bytes of "100000", "100K", "2m"; None for "".  OptionError."""
    if not text:
        return None
    match = re.fullmatch(r"([0-9]+)([kKmMgG]?)", text)
    if match is None or int(match[1]) == 0:
        raise OptionError("model_size", "a number with K, M or G behind it, or without", text)
    return int(match[1]) * UNITS[match[2].lower()]


# ---- the search ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Range:
    """How a setting is varied: from `low` to `high`, by a factor of 2 ** N or, `additive`, by N,
    where N is normal with a deviation that falls from `first` to `last`."""

    low: float
    high: float
    first: float
    last: float
    additive: bool = False

    def vary(self, value: float, share: float, rng: np.random.Generator) -> float:
        """A new value; `share` of the time, 0 to 1, has gone by."""
        done = min(max(share - 0.25, 0.0), 0.5) / 0.5
        step = rng.normal(0.0, self.first - (self.first - self.last) * done)
        new = value + step if self.additive else value * 2.0**step
        return min(max(new, self.low), self.high)


RANGES = {
    "epochs": Range(1, 100, 2.8, 2.5),
    "alpha": Range(0.01, 5.0, 1.9, 1.0),
    "vector_size": Range(1, 1000, 1.4, 0.3),
    "bucket": Range(10_000, 10_000_000, 2.0, 1.5),
    "word_ngrams": Range(1, 5, 4.3, 2.4, additive=True),
    "min_n": Range(0, len(MIN_N_CHOICES) - 1, 4.0, 1.4, additive=True),
    "dsub": Range(1, 4, 2.0, 1.0, additive=True),  # of its logarithm to base 2
}
FIRST_BUCKET = 2_000_000
# Fields of ClassifierOptions that a search changes; the flag in its warnings.
TUNED = {
    "epochs": "epoch", "alpha": "lr", "vector_size": "dim", "word_ngrams": "wordNgrams",
    "loss": "loss", "bucket": "bucket", "min_n": "minn", "max_n": "maxn", "dsub": "dsub",
}  # fmt: skip


@dataclass(frozen=True)
class Candidate:
    """Settings to try; `dsub` counts with a model size only."""

    options: ClassifierOptions
    dsub: int = DEFAULT_DSUB


def next_candidate(
    best: Candidate, share: float, frozen: Collection[str], rng: np.random.Generator
) -> Candidate:
    """The best candidate so far, changed at random in everything that is not frozen."""
    old = best.options
    changes: dict[str, Any] = {}
    # All are drawn, frozen or not, so that a seed means the same for the others.
    changes["epochs"] = int(RANGES["epochs"].vary(old.epochs, share, rng))
    changes["alpha"] = RANGES["alpha"].vary(old.alpha, share, rng)
    changes["vector_size"] = int(RANGES["vector_size"].vary(old.vector_size, share, rng))
    changes["word_ngrams"] = int(RANGES["word_ngrams"].vary(old.word_ngrams, share, rng))
    exponent = RANGES["dsub"].vary(math.log2(best.dsub), share, rng)
    place = MIN_N_CHOICES.index(old.min_n) if old.min_n in MIN_N_CHOICES else 0
    min_n = MIN_N_CHOICES[int(RANGES["min_n"].vary(place, share, rng))]
    changes["min_n"] = min_n
    changes["max_n"] = 0 if min_n == 0 else min_n + 3
    bucket = RANGES["bucket"].vary(old.bucket or FIRST_BUCKET, share, rng)
    changes["bucket"] = int(bucket)
    if "min_n" in frozen and "max_n" not in frozen:
        changes["max_n"] = 0 if old.min_n == 0 else old.min_n + 3
    made = {name: value for name, value in changes.items() if name not in frozen}
    dsub = best.dsub if "dsub" in frozen else 2 ** int(exponent)
    return Candidate(dataclasses.replace(old, **made), dsub)


@dataclass
class Trial:
    """What came of one candidate.  `status`: "scored", or why there is no score: "diverged",
    "memory", "size", "time", "interrupted"."""

    number: int
    candidate: Candidate
    status: str
    score: float | None
    seconds: float
    elapsed: float
    n_bytes: int | None = None
    is_best: bool = False

    def as_json(self) -> str:
        """One line, without its newline."""
        options = dataclasses.asdict(self.candidate.options)
        return json.dumps(
            {
                "trial": self.number, "status": self.status, "score": self.score,
                "best": self.is_best, "seconds": round(self.seconds, 3),
                "elapsed": round(self.elapsed, 3), "bytes": self.n_bytes,
                "dsub": self.candidate.dsub,
                **{name: options[name] for name in TUNED if name in options},
            }
        )  # fmt: skip


class Failed(Exception):
    """A candidate gave no score; `status` of its trial."""

    def __init__(self, status: str) -> None:
        self.status = status
        super().__init__(status)


class Judge(Protocol):
    """Trains a candidate until `deadline` (time.monotonic) and scores it: (score, bytes of the
    quantised model or None).  Failed when it cannot."""

    def __call__(self, candidate: Candidate, deadline: float, /) -> tuple[float, int | None]: ...


@dataclass
class Search:
    """The trials of one search; `best` is None until one was scored."""

    trials: list[Trial] = field(default_factory=list)
    n_trials: int = 0
    best: Trial | None = None
    interrupted: bool = False

    def run(
        self,
        first: Candidate,
        judge: Judge,
        settings: AutotuneOptions,
        frozen: Collection[str] = (),
        log: TextIO | None = None,
        on_trial: Callable[[Trial], None] | None = None,
    ) -> None:
        """Try candidates until the time or the trials are used up, or Ctrl-C comes."""
        rng = np.random.default_rng(settings.seed)
        start = time.monotonic()
        deadline = start + settings.duration
        candidate = first
        while time.monotonic() < deadline and not self.interrupted:
            trial = self._try(candidate, judge, start, deadline)
            if log is not None:
                log.write(trial.as_json() + "\n")
                log.flush()
            if on_trial is not None:
                on_trial(trial)
            if settings.n_trials is not None and self.n_trials >= settings.n_trials:
                return
            share = min((time.monotonic() - start) / max(settings.duration, 1e-9), 1.0)
            if settings.n_trials is not None:
                share = self.n_trials / settings.n_trials
            best = first if self.best is None else self.best.candidate
            candidate = next_candidate(best, share, frozen, rng)

    def _try(self, candidate: Candidate, judge: Judge, start: float, deadline: float) -> Trial:
        began = time.monotonic()
        score = n_bytes = None
        status = "scored"
        try:
            score, n_bytes = judge(candidate, deadline)
        except Failed as failure:
            status = failure.status
        except KeyboardInterrupt:
            status = "interrupted"
        self.interrupted = status == "interrupted"
        now = time.monotonic()
        self.n_trials += 1
        trial = Trial(self.n_trials, candidate, status, score, now - began, now - start, n_bytes)
        if score is not None and (self.best is None or score > (self.best.score or 0.0)):
            trial.is_best = True
            self.best = trial
        self.trials.append(trial)
        del self.trials[:-MOST_TRIALS_KEPT]
        return trial


MOST_TRIALS_KEPT = 10_000  # the log has them all


# ---- classifiers --------------------------------------------------------------------------------


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


class FileSizes:
    """How large the quantised file of a model would be with a cutoff, without making it."""

    def __init__(self, model: FastTextModel, dsub: int, qout: bool, n_threads: int = 1) -> None:
        dictionary, dim = model.dictionary, model.dim
        self.n_rows = model.input.n_rows
        entry_bytes = np.diff(dictionary.words.ends.astype(np.int64), prepend=0) + 10
        chosen = select_rows(model, self.n_rows, n_threads)
        is_word = chosen < dictionary.n_words
        # A kept word costs its entry, a kept n-gram its pair of numbers.
        of_rows = np.full(self.n_rows, 8, np.int64)
        of_rows[is_word] = entry_bytes[chosen[is_word]]
        self._of_rows = np.concatenate([[0], np.cumsum(of_rows)])
        self._of_words = int(entry_bytes[: dictionary.n_words].sum())
        self._row_bytes = -(-dim // min(dsub, dim)) + 1
        labels = int(entry_bytes[dictionary.n_words :].sum())
        n_labels = model.output.n_rows
        of_output = 16 + 4 * n_labels * dim
        if qout:
            of_output = _QUANTIZED_BYTES + 4 * N_CENTROIDS * dim + n_labels * (-(-dim // 2) + 1)
        self._fixed = 92 + 2 + labels + _QUANTIZED_BYTES + 4 * N_CENTROIDS * dim + of_output

    def bytes_at(self, cutoff: int) -> int:
        """Of the file with so many rows; all of them: nothing is cut."""
        if cutoff >= self.n_rows:
            return self._fixed + self._of_words + self.n_rows * self._row_bytes
        return self._fixed + int(self._of_rows[cutoff]) + cutoff * self._row_bytes

    def largest_cutoff(self, n_bytes: int) -> int:
        """The most rows that fit; 0 when none do."""
        if self.bytes_at(self.n_rows) <= n_bytes:
            return self.n_rows
        low, high = 0, self.n_rows  # low fits, or is 0; high does not
        while high - low > 1:
            middle = (low + high) // 2
            if self.bytes_at(middle) <= n_bytes:
                low = middle
            else:
                high = middle
        return low


# Flags, sizes and quantiser heads of a matrix with lengths apart, and the lengths' centroids.
_QUANTIZED_BYTES = 1 + 8 + 8 + 4 + 16 + 16 + 4 * N_CENTROIDS


def file_bytes(model: FastTextModel) -> int:
    """How large the file of a model is."""

    class Counter:
        n_bytes = 0

        def write(self, data: Any) -> int:
            n = memoryview(data).nbytes
            self.n_bytes += n
            return n

    counter = Counter()
    write_model(cast(BinaryIO, counter), model)
    return counter.n_bytes


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
