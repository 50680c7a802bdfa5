"""The search itself, of settings for a judge to try: it trains nothing and knows no file."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Protocol, TextIO

import numpy as np

from wordvec.options import AutotuneOptions, ClassifierOptions

MIN_N_CHOICES = (0, 2, 3)
DEFAULT_DSUB = 2
MOST_TRIALS_KEPT = 10_000  # the log has them all


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


# What did well on texts of many kinds; tried once each before anything is drawn at random.
STARTS: tuple[dict[str, Any], ...] = (
    {"epochs": 25, "alpha": 0.5, "word_ngrams": 2},
    {"epochs": 5, "alpha": 0.5, "word_ngrams": 2},
    {"epochs": 25, "alpha": 1.0, "word_ngrams": 1},
    {"epochs": 25, "alpha": 0.5, "word_ngrams": 2, "min_n": 3, "max_n": 6},
)
MOST_DRAWS = 20  # of settings that promise to be trained within the time left


@dataclass(frozen=True)
class Candidate:
    """Settings to try; `dsub` counts with a model size only."""

    options: ClassifierOptions
    dsub: int = DEFAULT_DSUB

    def changed(self, changes: dict[str, Any], frozen: Collection[str]) -> Candidate:
        """With other options, but for those that are frozen."""
        made = {name: value for name, value in changes.items() if name not in frozen}
        return dataclasses.replace(self, options=dataclasses.replace(self.options, **made))

    @property
    def cost(self) -> float:
        """Time of a trial, roughly and in no unit; the same text is meant."""
        options = self.options
        n_lengths = options.max_n - max(options.min_n, 1) + 1 if options.max_n else 0
        rows_a_word = options.word_ngrams + 4 * n_lengths
        return (options.epochs + 2) * (options.vector_size + 20) * rows_a_word


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
        """Try candidates until the time or the trials are used up, or Ctrl-C comes.

        A number of trials makes the search a function of the seed; else it looks at the clock,
        and passes over settings that would not be trained in time.
        """
        rng = np.random.default_rng(settings.seed)
        start = time.monotonic()
        deadline = start + settings.duration
        candidate = first
        starts = [first.changed(changes, frozen) for changes in STARTS]
        starts = [start for k, start in enumerate(starts) if start not in [first, *starts[:k]]]
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
            seconds_left = deadline - time.monotonic()
            if settings.n_trials is not None:
                share, seconds_left = self.n_trials / settings.n_trials, math.inf
            best = first if self.best is None else self.best.candidate

            def draw() -> Candidate:
                return next_candidate(best, share, frozen, rng)  # noqa: B023 - called at once

            candidate = self._choose(starts, draw, seconds_left)

    def _choose(
        self, starts: list[Candidate], draw: Callable[[], Candidate], seconds_left: float
    ) -> Candidate:
        """The next of `starts` (which is taken from it), or of random settings, that should be
        done in time by the pace of the trials so far; the cheapest where none is."""
        scored = [trial for trial in self.trials if trial.status == "scored"]
        costs = sum(trial.candidate.cost for trial in scored)
        pace = sum(trial.seconds for trial in scored) / costs if costs else 0.0
        while starts:
            candidate = starts.pop(0)
            if pace * candidate.cost <= seconds_left:
                return candidate
        drawn = []
        for _ in range(MOST_DRAWS):
            drawn.append(draw())
            if pace * drawn[-1].cost <= seconds_left:
                return drawn[-1]
        return min(drawn, key=lambda candidate: candidate.cost)

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
