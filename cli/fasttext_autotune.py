"""fasttext supervised -autotune-validation: search, then train with what was found."""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from .fasttext_flags import Settings, field_names
from .fasttext_train import OriginalProgress, check_input, training_of, write_outputs
from .main import EXIT_INTERRUPTED, CommandError

if TYPE_CHECKING:
    from wordvec.tune import Search, Trial

REPORT_SECONDS = 0.5


class AutotuneProgress:
    """The original's record on stderr, twice a second; trials on stdout when very verbose."""

    def __init__(self, verbose: int, duration: float) -> None:
        self.verbose = verbose
        self.duration = duration
        self._start = time.monotonic()
        self._last = 0.0
        self._n_trials = 0
        self._best = "unknown"

    def on_progress(self) -> None:
        if time.monotonic() - self._last >= REPORT_SECONDS:
            self._record(time.monotonic())

    def _record(self, now: float) -> None:
        if self.verbose < 1:
            return
        self._last = now
        elapsed = now - self._start
        percent = min(100.0, elapsed * 100 / max(self.duration, 1e-9))
        hours, rest = divmod(max(int(self.duration - elapsed), 0), 3600)
        best = self._best if self._best == "unknown" else f"{float(self._best):9.6f}"
        sys.stderr.write(
            f"\rProgress: {percent:5.1f}% Trials: {self._n_trials:4d} Best score: {best} "
            f"ETA: {hours:3d}h{rest // 60:2d}m{rest % 60:2d}s"
        )
        sys.stderr.flush()

    def on_trial(self, trial: Trial) -> None:
        self._n_trials += 1
        if trial.is_best:
            self._best = str(trial.score)
        if self.verbose > 2:
            self._print(trial)
        self._record(time.monotonic())

    def _print(self, trial: Trial) -> None:
        from wordvec.tune import TUNED

        print(f"Trial = {trial.number}")
        for field, name in TUNED.items():
            value = getattr(trial.candidate.options, field, trial.candidate.dsub)
            print(f"{name} = {value}")
        print(f"currentScore = {trial.score if trial.score is not None else trial.status}")
        sys.stdout.flush()

    def before_last(self, search: Search) -> None:
        if self.verbose > 0:
            sys.stderr.write("\nTraining again with best arguments\n")
            sys.stderr.flush()


def autotune(settings: Settings) -> int:
    """The whole command."""
    from wordvec.files import OutputFile
    from wordvec.models.classifier import TrainedClassifier
    from wordvec.options import AutotuneOptions
    from wordvec.tune import Metric, parse_size
    from wordvec.tune import autotune as search_and_train

    check_input(settings)
    if not os.access(settings["autotune-validation"], os.R_OK):
        raise CommandError("Validation file cannot be opened!")
    options = settings.options()
    names = field_names(AutotuneOptions)
    search_settings = AutotuneOptions(**{name: settings[flag] for flag, name in names.items()})
    Metric.parse(search_settings.metric)
    has_size = parse_size(search_settings.model_size) is not None
    frozen = frozen_fields(settings, has_size)
    progress = AutotuneProgress(settings["verbose"], search_settings.duration)
    report = OriginalProgress(settings["verbose"], options.workers)
    with ExitStack() as stack:

        def open_output(suffix: str) -> OutputFile:
            return stack.enter_context(OutputFile(settings["output"] + suffix))

        suffixes = [".ftz" if has_size else ".bin", ".vec"]
        outputs = [open_output(suffix) for suffix in suffixes]
        if settings["saveOutput"]:
            outputs.append(open_output(".output"))
        log = None
        if settings["autotune-log"]:
            log = stack.enter_context(open(settings["autotune-log"], "w", encoding="utf-8"))
        tuned = search_and_train(
            settings["input"], settings["autotune-validation"], options, search_settings,
            frozen=frozen, log=log, on_trial=progress.on_trial, on_progress=progress.on_progress,
            before_last=progress.before_last,
            training=training_of(settings),
            reporter=report, on_dictionary=report.on_dictionary,
        )  # fmt: skip
        outcome = tuned.model.outcome if isinstance(tuned.model, TrainedClassifier) else None
        if outcome is not None:
            report.end(outcome.n_tokens_trained, outcome.wall_seconds, outcome.loss)
        write_outputs(tuned.model, outputs)
    return EXIT_INTERRUPTED if outcome is not None and outcome.interrupted else 0


def frozen_fields(settings: Settings, has_size: bool) -> set[str]:
    """Options that were given, each with the original's warning."""
    from wordvec.tune import TUNED

    frozen = set()
    for field, flag in TUNED.items():
        if flag not in settings.given or (field == "dsub" and not has_size):
            continue
        frozen.add(field)
        print(f"Warning : {flag} is manually set to a specific value. It will not be "
              "automatically optimized.", file=sys.stderr)  # fmt: skip
    return frozen
