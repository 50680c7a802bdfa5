"""Validation between the epochs of a training, and stopping when there is no more progress."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from wordvec.corpus import EncodedCorpus
from wordvec.errors import OptionError
from wordvec.heldout import hold_out_by_hash
from wordvec.models.heldoutloss import held_out_loss, kernel_of_network
from wordvec.models.network import Network
from wordvec.models.watching import KeptWeights
from wordvec.options import ValidationOptions
from wordvec.trainer import Outcome
from wordvec.traininglog import EpochRecord, TrainingLog
from wordvec.vectors import Vectors

HELD_OUT_LOSS = "held_out_loss"
_RESTRICT = 30_000  # words that analogies are asked about and answered from, as wordvec train's

# A file or folder of evaluation sets, or what gives a score (or several, by name) for vectors.
Probe = str | os.PathLike[str] | Callable[[Vectors], float | Mapping[str, float]]


class StopTraining(Exception):
    """Raised between two epochs to end a training without an error; see trainer.Watcher."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome


@dataclass(frozen=True)
class Validation(ValidationOptions):
    """What is to be measured after each epoch, and when training stops.

    share     of the sentences is held out of training (heldout.hold_out_by_hash); 0: none.  The
              text's ids are copied for it: 4 bytes a word
    probes    files or folders of evaluation sets, and functions of the model's vectors (a higher
              score is better; a number, or a mapping of names to numbers)
    measure   what counts for `patience`: "held_out_loss" or the name of a probe (the stem of its
              file, the function's __name__); None: the loss when text is held out, else the first
    patience  stop after so many epochs without a better measure, and go back to the weights of the
              best epoch, also when there is no epoch left or Ctrl-C ends it; None: never
    least_gain   by how much a measure must be better to count
    log       file for JSON lines, see traininglog
    """

    probes: Probe | Sequence[Probe] = ()
    log: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.share and not self.probe_list:
            raise OptionError("share", "above 0, or a probe: nothing is measured", self.share)

    @property
    def probe_list(self) -> list[Probe]:
        if isinstance(self.probes, str | os.PathLike) or callable(self.probes):
            return [self.probes]
        return list(self.probes)


class Validator:
    """One training's validation; a part of its watcher.

    corpus   what to train on: without what is held out
    records  of the epochs so far; best is one of them
    """

    def __init__(
        self, validation: Validation, corpus: EncodedCorpus, options: Any, first_epoch: int = 0
    ) -> None:
        """Reads the probes and opens the log.  OptionError, CorpusError, FormatError, OSError."""
        if validation.share and getattr(options, "loss", None) in ("softmax", "ova"):
            expected = "0 with a loss over all words, whose held-out loss is not there yet"
            raise OptionError("share", expected, validation.share)
        self.validation = validation
        self.options = options
        self.first_epoch = first_epoch
        self.probes = _read_probes(validation.probe_list)
        self.measure = validation.measure or self._usual_measure()
        self._check_measure()
        self.held_out: EncodedCorpus | None = None
        self.corpus = corpus
        if validation.share:
            self.corpus, self.held_out = hold_out_by_hash(corpus, validation.share, options.seed)
        self.log = None if validation.log is None else TrainingLog(validation.log)
        self.records: list[EpochRecord] = []
        self.best: EpochRecord | None = None
        self._kept: KeptWeights | None = None
        self._kernel: Any = None

    def _check_measure(self) -> None:
        """OptionError.  A function may give scores of any name: what it lacks shows later."""
        if self.measure == HELD_OUT_LOSS:
            if not self.validation.share:
                expected = "the name of a probe: no text is held out"
                raise OptionError("measure", expected, self.measure)
        elif not any(map(callable, self.validation.probe_list)):
            names = [name for name, _ in self.probes]
            if self.measure not in names:
                choices = " or ".join(map(repr, [HELD_OUT_LOSS, *names]))
                raise OptionError("measure", choices, self.measure)

    def _usual_measure(self) -> str:
        if self.validation.share or not self.probes:
            return HELD_OUT_LOSS
        return self.probes[0][0]

    def epoch_ended(
        self, epoch: int, outcome: Outcome, network: Network, vectors: Callable[[], Vectors]
    ) -> None:
        """Measure, note, and raise StopTraining when patience is at its end."""
        options, done = self.options, (epoch + 1) / self.options.epochs
        record = EpochRecord(
            epoch=self.first_epoch + epoch + 1,
            n_epochs=self.first_epoch + options.epochs,
            n_tokens_trained=outcome.n_tokens_trained,
            rate=options.alpha - (options.alpha - options.min_alpha) * done,
            loss=outcome.loss,
        )
        if self.held_out is not None:
            if self._kernel is None:
                self._kernel = kernel_of_network(network, self.held_out, options)
            record.held_out_loss = held_out_loss(self.held_out, self._kernel, options.seed)
            record.n_held_out_tokens = len(self.held_out.ids)
        for name, probe in self.probes:
            found = probe(vectors())
            record.probes |= found if isinstance(found, Mapping) else {name: found}
        record.wall_seconds, record.cpu_seconds = outcome.wall_seconds, outcome.cpu_seconds
        self.records.append(record)
        self._compare(record, network)
        if self.log is not None:
            self.log.write(record)
        if record.stopped is not None:
            raise StopTraining(outcome)

    def _compare(self, record: EpochRecord, network: Network) -> None:
        value = self._value(record)
        best = -math.inf if self.best is None else self._value(self.best)
        record.is_best = self.best is None or value > best + self.validation.least_gain
        patience = self.validation.patience
        if record.is_best:
            self.best = record
            if patience is not None:
                self._kept = self._kept or KeptWeights(network.weights)
                self._kept.keep()
        elif patience is not None and record.epoch - self.best_epoch >= patience:
            record.stopped = "patience" if record.epoch < record.n_epochs else None

    @property
    def best_epoch(self) -> int:
        """Number of the best epoch, 0 before there is one."""
        return 0 if self.best is None else self.best.epoch

    def _value(self, record: EpochRecord) -> float:
        """The measure, higher is better; what is no number is worst."""
        if self.measure == HELD_OUT_LOSS:
            loss = record.held_out_loss
            return -math.inf if loss is None or not math.isfinite(loss) else -loss
        if self.measure not in record.probes:
            choices = " or ".join(map(repr, record.probes)) or "the name of a probe"
            raise OptionError("measure", choices, self.measure)
        score = record.probes[self.measure]
        return -math.inf if score is None or not math.isfinite(score) else score

    def finish(self) -> None:
        """Go back to the best weights, where patience was asked for, and close the log."""
        if self._kept is not None:
            self._kept.restore()
        self._kept = None
        self.close()

    def close(self) -> None:
        if self.log is not None:
            self.log.close()


class NetworkWatcher:
    """Validates a network after each epoch of its training; see trainer.Watcher."""

    def __init__(
        self, validator: Validator, network: Network, vectors: Callable[[], Vectors]
    ) -> None:
        self.validator = validator
        self.network = network
        self.vectors = vectors

    def epoch_begins(self, epoch: int, outcome: Outcome) -> None:
        pass

    def epoch_ended(self, epoch: int, outcome: Outcome) -> None:
        self.validator.epoch_ended(epoch, outcome, self.network, self.vectors)


def _read_probes(probes: list[Probe]) -> list[tuple[str, Callable[[Any], Any]]]:
    """(name, function of vectors) of each set and function."""
    found: list[tuple[str, Callable[[Any], Any]]] = []
    for probe in probes:
        if callable(probe):
            found.append((getattr(probe, "__name__", type(probe).__name__), probe))
            continue
        if not isinstance(probe, str | os.PathLike):
            raise OptionError("probes", "files, folders or functions", probe)
        from wordvec.evaluate import read_sets  # which most trainings do not need

        sets, _ = read_sets(probe)
        found += [(item.name, partial(_score, item)) for item in sets]
    names = [name for name, _ in found]
    for name in names:
        if names.count(name) > 1:
            raise OptionError("probes", "probes of different names", name)
    return found


def _score(item: Any, vectors: Any) -> float | None:
    """Share of the analogies right, rank correlation, or purity: 0 to 1; None without words."""
    from wordvec import evaluate

    value: float | None
    if isinstance(item, evaluate.AnalogySet):
        value = evaluate.evaluate_analogies(vectors, item, restrict=_RESTRICT).total.accuracy
    elif isinstance(item, evaluate.WordPairs):
        value = evaluate.evaluate_pairs(vectors, item).spearman
    else:
        value = evaluate.evaluate_categories(vectors, item).purity
    return None if value is None or np.isnan(value) else float(value)
