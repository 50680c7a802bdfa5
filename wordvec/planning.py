"""From a counted corpus to a plan: recipe, expected time and memory, within a budget."""

from __future__ import annotations

import dataclasses
import math
import os
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wordvec.corpus import EncodedCorpus
from wordvec.errors import OptionError
from wordvec.kernels import sampling, sgd
from wordvec.models import fasttext, word2vec
from wordvec.options import FastTextOptions
from wordvec.recipes import Facts, Options, Recipe, cheaper, choose, with_epochs
from wordvec.subwords import NgramRules
from wordvec.threads import Stop, run_workers

_TIMED_SECONDS, _TIMED_SHARE = 0.4, 0.01  # of each candidate; the share is one of a budget
_MOST_TIMED_SECONDS, _TIMED_SHARE_OF_RUN = 2.0, 0.005  # the longer the run, the longer the trial
_WARM_UP_SHARE = 0.25
_SHARD = 2048
_PIECES = 61  # of the text, from which shards are timed in turn
_WORD_BYTES = 120  # of a word as str and in the arrays that find it
_LINK_BYTES = 4


@dataclass(frozen=True, slots=True)
class Speed:
    """What one token of one epoch costs, measured on this machine with all threads."""

    wall_seconds: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a run is expected to take: training time on the clock and of all cores, peak memory;
    and the bytes of its results, the rows of words and those of n-grams."""

    wall_seconds: float
    cpu_seconds: float
    n_bytes: int
    n_row_bytes: int
    n_ngram_bytes: int

    def share_of_cores(self, n_threads: int) -> float:
        """How much of its threads' cores the trial got: 1, or less beside other work."""
        return min(1.0, self.cpu_seconds / max(self.wall_seconds * n_threads, 1e-9))


class Stopwatch:
    """Sizes of models on one corpus, and their times, which are measured once for each kind.

    `peak_before` is the most memory that the process had before it read the corpus.
    """

    def __init__(
        self,
        corpus: EncodedCorpus,
        peak_before: int = 0,
        timed_seconds: float = _TIMED_SECONDS,
    ) -> None:
        self.corpus = corpus
        self.timed_seconds = timed_seconds
        self.speeds: dict[tuple[Any, ...], Speed] = {}
        self.inputs: dict[NgramRules, fasttext.InputRows] = {}
        self.bytes_before = resident_bytes()
        peak = peak_bytes()
        # An old peak says nothing about this run.
        self.peak_of_reading = peak if peak > peak_before else self.bytes_before

    def expect(self, recipe: Recipe) -> Expectation:
        n_tokens = len(self.corpus.ids)
        speeds = [(self.speed(part), n_tokens * part.epochs) for part in recipe.parts]
        ngram_rows = [self.n_ngram_rows(part) * part.vector_size for part in recipe.parts]
        return Expectation(
            sum(speed.wall_seconds * n for speed, n in speeds),
            sum(speed.cpu_seconds * n for speed, n in speeds),
            self.n_bytes(recipe),
            len(self.corpus.vocab) * recipe.dim * 4,
            sum(ngram_rows) * 4,
        )

    def speed(self, options: Options) -> Speed:
        values = dataclasses.asdict(options)
        key = tuple(sorted((k, v) for k, v in values.items() if k not in ("epochs", "alpha")))
        if key not in self.speeds:
            inputs = self.input_rows(options)
            n_tokens = len(self.corpus.ids) * options.epochs
            self.speeds[key] = _measure(self.corpus, options, inputs, self.timed_seconds, n_tokens)
        return self.speeds[key]

    def input_rows(self, options: Options) -> fasttext.InputRows | None:
        if not isinstance(options, FastTextOptions):
            return None
        rules = NgramRules(options.min_n, options.max_n, options.bucket)
        if rules not in self.inputs:
            self.inputs[rules] = fasttext.input_rows(self.corpus.vocab, rules, options.workers)
        return self.inputs[rules]

    def n_ngram_rows(self, options: Options) -> int:
        inputs = self.input_rows(options)
        return 0 if inputs is None else len(inputs.bucket_of_row)

    def n_bytes(self, recipe: Recipe) -> int:
        """Peak memory by formula: what is there before training, the weights, and the words."""
        sizes = [
            (0, 0) if (inputs := self.input_rows(part)) is None
            else (len(inputs.bucket_of_row), len(inputs.rows))
            for part in recipe.parts
        ]  # fmt: skip
        n_words = len(self.corpus.vocab)
        needed = weights_bytes(recipe, n_words, sizes)
        return max(self.peak_of_reading, self.bytes_before + needed + n_words * _WORD_BYTES)


def weights_bytes(recipe: Recipe, n_words: int, sizes: Sequence[tuple[int, int]]) -> int:
    """What training takes at its peak besides text and words: input and output rows of the largest
    model, and what earlier ones leave.

    sizes: of each model, how many n-grams have rows, and how many rows all words together are made
    of; (0, 0) without n-grams.
    """
    kept = most = 0
    for part, (n_ngram_rows, n_links) in zip(recipe.parts, sizes, strict=True):
        stride = sgd.padded(part.vector_size) * 4
        n_matrices = bool(part.n_noise) + bool(part.hs) or 2  # losses over all words: and a copy
        n_bucket = part.bucket * 4 if isinstance(part, FastTextOptions) else 0
        rows = (n_words + n_ngram_rows) * stride
        links = 2 * _LINK_BYTES * n_links
        vectors = n_words * part.vector_size * 4 if n_ngram_rows else 0
        output = n_matrices * n_words * stride
        most = max(most, kept + rows + output + links + n_bucket + vectors)
        kept += rows + vectors + n_bucket
    if len(recipe.parts) > 1:
        most = max(most, kept + n_words * recipe.dim * 4)
    return most


def _measure(
    corpus: EncodedCorpus,
    options: Options,
    inputs: fasttext.InputRows | None,
    timed_seconds: float,
    n_tokens_planned: int,
) -> Speed:
    """Train a throw-away model on the text for so long, or longer before a long run."""
    n_words, pair = len(corpus.vocab), None
    weights: word2vec.Weights
    if isinstance(options, FastTextOptions) and inputs is not None:
        weights = fasttext.start_weights(n_words, inputs, options)
        pair = (inputs.starts, inputs.rows) if len(inputs.bucket_of_row) else None
    else:
        assert not isinstance(options, FastTextOptions)
        weights = word2vec.start_weights(n_words, options, False)
    model = word2vec.kernel_model(corpus, options, weights, 0, corpus.n_tokens_read, pair)
    tokens = sgd.Tokens(corpus.ids, corpus.starts, n_words)
    workers = [sgd.Worker(model, _SHARD) for _ in range(options.workers)]
    n_tokens = len(corpus.ids)
    n_done = np.zeros(options.workers, np.int64)

    def train(seconds: float) -> tuple[float, float, int]:
        """Until the threads had so much time of their cores, or three times as much passed."""
        n_done[:] = 0
        wall, cpu = time.perf_counter(), time.process_time()

        def is_enough() -> bool:
            busy = time.process_time() - cpu
            return busy >= seconds * options.workers or time.perf_counter() - wall > 3 * seconds

        def work(number: int, stop: Stop) -> None:
            place = number * (n_tokens // options.workers)
            while not stop.requested and not is_enough():
                first = place % n_tokens
                last = min(first + _SHARD, n_tokens)
                workers[number].train(
                    tokens, first, last, sampling.key(options.seed, 3, 0),
                    sampling.key(options.seed, 4, place), options.alpha,
                )  # fmt: skip
                n_done[number] += last - first
                place += n_tokens // _PIECES + _SHARD  # words from all over the text

        if run_workers(work, options.workers).interrupted:
            raise KeyboardInterrupt
        return time.perf_counter() - wall, time.process_time() - cpu, int(n_done.sum())

    train(_WARM_UP_SHARE * timed_seconds)
    wall, cpu, n = train(timed_seconds)
    run_seconds = cpu / max(n, 1) * n_tokens_planned / options.workers
    more = min(_TIMED_SHARE_OF_RUN * run_seconds, _MOST_TIMED_SECONDS) - timed_seconds
    if timed_seconds == _TIMED_SECONDS and more > 0:  # no budget that the trial would eat
        wall_more, cpu_more, n_more = train(more)
        wall, cpu, n = wall + wall_more, cpu + cpu_more, n + n_more
    return Speed(wall / max(n, 1), cpu / max(n, 1))


def fit(
    corpus: EncodedCorpus,
    facts: Facts,
    preset: str,
    given: Mapping[str, Any],
    deadline: float | None = None,
    memory: int | None = None,
    peak_before: int = 0,
) -> tuple[Recipe, Expectation]:
    """The preset's recipe, or the best cheaper one that ends before `deadline` (on the clock of
    time.perf_counter) and takes no more than `memory` bytes.

    OptionError, with what the cheapest needs, when none fits.
    """
    timed = _TIMED_SECONDS
    if deadline is not None:
        timed = min(timed, max(0.02, _TIMED_SHARE * (deadline - time.perf_counter())))
    stopwatch = Stopwatch(corpus, peak_before, timed)
    whole = choose(facts, preset, given)
    if deadline is None and memory is None:
        return whole, stopwatch.expect(whole)
    n_bytes, expected, seconds = 0, None, math.inf
    for recipe, fewest in cheaper(facts, preset, given):
        n_bytes = stopwatch.n_bytes(recipe)
        if memory is not None and n_bytes > memory:
            continue  # before it is timed, which would take that memory
        expected = stopwatch.expect(recipe)
        # Timing the candidates took time too.
        seconds = math.inf if deadline is None else deadline - time.perf_counter()
        if expected.wall_seconds <= seconds:
            return recipe, expected
        n_epochs = recipe.parts[0].epochs
        affordable = int(n_epochs * seconds / expected.wall_seconds)
        if fewest <= affordable < n_epochs and len(recipe.parts) == 1 and "epochs" not in given:
            changed = with_epochs(facts, recipe, affordable, given, whole)
            return changed, stopwatch.expect(changed)
    if expected is None:
        need = f"at least {n_bytes / 1e6:,.1f} MB, which the smallest model takes"
        need += " (a larger min_count makes it smaller)"
        raise OptionError("memory", need, f"{(memory or 0) / 1e6:,.1f} MB")
    cheapest = expected.wall_seconds / max(1, recipe.parts[0].epochs)
    need = f"at least {max(cheapest, 0.1):.1f} s after reading, one pass of the cheapest model"
    raise OptionError("time_budget", need, f"{max(seconds, 0.0):.1f} s left")


def resident_bytes() -> int:
    """Memory of this process now; its peak where the system does not tell."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return peak_bytes()


def peak_bytes() -> int:
    """The most memory that this process has had so far."""
    n = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return n if sys.platform == "darwin" else n * 1024
