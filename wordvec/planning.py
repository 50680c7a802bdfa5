"""From a counted corpus to a plan: recipe, expected time and memory, within a budget."""

from __future__ import annotations

import dataclasses
import math
import os
import resource
import sys
import time
from collections.abc import Mapping
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

_WARM_UP_SECONDS, _TIMED_SECONDS = 0.1, 0.4
_SHARD = 2048
_WORD_BYTES = 120  # of a word as str and in the arrays that find it
_LINK_BYTES = 4


@dataclass(frozen=True, slots=True)
class Speed:
    """What one token of one epoch costs, measured on this machine with all threads."""

    wall_seconds: float
    cpu_seconds: float
    n_rows: int  # of n-grams
    n_links: int  # word to row


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a run is expected to take: training time on the clock and of all cores, peak memory;
    and the bytes of its results, the rows of words and those of n-grams."""

    wall_seconds: float
    cpu_seconds: float
    n_bytes: int
    n_row_bytes: int
    n_ngram_bytes: int


class Stopwatch:
    """Times models on one corpus; each kind once."""

    def __init__(self, corpus: EncodedCorpus) -> None:
        self.corpus = corpus
        self.speeds: dict[tuple[Any, ...], Speed] = {}
        self.bytes_before = resident_bytes()

    def speed(self, options: Options) -> Speed:
        values = dataclasses.asdict(options)
        key = tuple(sorted((k, v) for k, v in values.items() if k not in ("epochs", "alpha")))
        if key not in self.speeds:
            self.speeds[key] = _measure(self.corpus, options)
        return self.speeds[key]

    def expect(self, recipe: Recipe) -> Expectation:
        speeds = [self.speed(part) for part in recipe.parts]
        passes = [len(self.corpus.ids) * part.epochs for part in recipe.parts]
        return Expectation(
            sum(s.wall_seconds * n for s, n in zip(speeds, passes, strict=True)),
            sum(s.cpu_seconds * n for s, n in zip(speeds, passes, strict=True)),
            max(peak_bytes(), self.bytes_before + self._added_bytes(recipe, speeds)),
            len(self.corpus.vocab) * recipe.dim * 4,
            sum(s.n_rows * p.vector_size * 4 for s, p in zip(speeds, recipe.parts, strict=True)),
        )

    def _added_bytes(self, recipe: Recipe, speeds: list[Speed]) -> int:
        """By formula: input and output rows of the largest model, and what earlier ones leave."""
        n_words, kept, most = len(self.corpus.vocab), 0, 0
        for part, speed in zip(recipe.parts, speeds, strict=True):
            stride = sgd.padded(part.vector_size) * 4
            n_matrices = bool(part.negative) + bool(part.hs)
            n_bucket = part.bucket * 4 if isinstance(part, FastTextOptions) else 0
            rows = (n_words + speed.n_rows) * stride
            links = 2 * _LINK_BYTES * speed.n_links + n_bucket
            vectors = n_words * part.vector_size * 4 if speed.n_rows else 0
            most = max(most, kept + rows + n_matrices * n_words * stride + links + vectors)
            kept += rows + vectors + n_bucket
        if len(recipe.parts) > 1:
            most = max(most, kept + n_words * recipe.dim * 4)
        return most + n_words * _WORD_BYTES


def _measure(corpus: EncodedCorpus, options: Options) -> Speed:
    """Train a throw-away model on the text for about half a second."""
    n_words, inputs, rows, n_links = len(corpus.vocab), None, 0, 0
    weights: word2vec.Weights
    if isinstance(options, FastTextOptions):
        rules = NgramRules(options.min_n, options.max_n, options.bucket)
        inputs = fasttext.input_rows(corpus.vocab, rules, options.workers)
        rows, n_links = len(inputs.bucket_of_row), len(inputs.rows)
        weights = fasttext.start_weights(n_words, inputs, options)
    else:
        weights = word2vec.start_weights(n_words, options, False)
    pair = (inputs.starts, inputs.rows) if inputs is not None and rows else None
    model = word2vec.kernel_model(corpus, options, weights, 0, corpus.n_tokens_read, pair)
    tokens = sgd.Tokens(corpus.ids, corpus.starts, n_words)
    workers = [sgd.Worker(model, _SHARD) for _ in range(options.workers)]
    n_tokens = len(corpus.ids)
    n_done = np.zeros(options.workers, np.int64)

    def train(seconds: float) -> tuple[float, float, int]:
        n_done[:] = 0
        end = time.perf_counter() + seconds

        def work(number: int, stop: Stop) -> None:
            place = number * (n_tokens // options.workers)
            while not stop.requested and time.perf_counter() < end:
                first = place % n_tokens
                last = min(first + _SHARD, n_tokens)
                workers[number].train(
                    tokens, first, last, sampling.key(options.seed, 3, 0),
                    sampling.key(options.seed, 4, place), options.alpha,
                )  # fmt: skip
                n_done[number] += last - first
                place += last - first

        wall, cpu = time.perf_counter(), time.process_time()
        if run_workers(work, options.workers).interrupted:
            raise KeyboardInterrupt
        return time.perf_counter() - wall, time.process_time() - cpu, int(n_done.sum())

    train(_WARM_UP_SECONDS)
    wall, cpu, n = train(_TIMED_SECONDS)
    return Speed(wall / max(n, 1), cpu / max(n, 1), rows, n_links)


def fit(
    corpus: EncodedCorpus,
    facts: Facts,
    preset: str,
    given: Mapping[str, Any],
    deadline: float | None = None,
    memory: int | None = None,
) -> tuple[Recipe, Expectation]:
    """The preset's recipe, or the best cheaper one that ends before `deadline` (on the clock of
    time.perf_counter) and takes no more than `memory` bytes.

    OptionError, with what the cheapest needs, when none fits.
    """
    stopwatch = Stopwatch(corpus)
    whole = choose(facts, preset, given)
    if deadline is None and memory is None:
        return whole, stopwatch.expect(whole)
    expected, seconds = None, math.inf
    for recipe, fewest in cheaper(facts, preset, given):
        expected = stopwatch.expect(recipe)
        if memory is not None and expected.n_bytes > memory:
            continue
        # Timing the candidates took time too.
        seconds = math.inf if deadline is None else deadline - time.perf_counter()
        if expected.wall_seconds <= seconds:
            return recipe, expected
        n_epochs = recipe.parts[0].epochs
        affordable = int(n_epochs * seconds / expected.wall_seconds)
        if fewest <= affordable < n_epochs and len(recipe.parts) == 1 and "epochs" not in given:
            changed = with_epochs(facts, recipe, affordable, given, whole)
            return changed, stopwatch.expect(changed)
    assert expected is not None
    if memory is not None and expected.n_bytes > memory:
        need = f"at least {expected.n_bytes / 1e6:,.0f} MB, which the smallest model takes"
        raise OptionError("memory", need + " (a larger min_count makes it smaller)", memory)
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
