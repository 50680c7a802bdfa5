"""`wordvec.train`: the best vectors by default, from one call."""

from __future__ import annotations

import dataclasses
import logging
import os
import time
from dataclasses import dataclass
from typing import Any

from wordvec import __version__, centring
from wordvec.corpus import EncodedCorpus, read_corpus
from wordvec.corpusfacts import check_corpus, facts_of, hold_out, warnings_of
from wordvec.errors import CorpusError, OptionError, RareWordsError
from wordvec.kernels import simd
from wordvec.keyedvectors import KeyedVectors
from wordvec.models import fasttext, word2vec
from wordvec.models.checkpoints import Checkpoints
from wordvec.models.heldoutloss import held_out_loss
from wordvec.options import FastTextOptions
from wordvec.planning import Expectation, fit, peak_bytes
from wordvec.progress import Reporter, silent
from wordvec.recipes import RULE_VERSION, Facts, Options, Recipe, choose
from wordvec.sources import Sentences, open_source
from wordvec.subwords import Subwords
from wordvec.trainer import Outcome
from wordvec.vectors import Matrix

logger = logging.getLogger(__name__)

_DEFAULT_MIN_COUNT = 5
_TRAINING_SHARE = 0.95  # of a time budget; reading comes off it too, the rest is for saving


@dataclass(slots=True)
class Plan:
    """What is going to be trained, and on what."""

    corpus: EncodedCorpus
    facts: Facts
    recipe: Recipe
    expected: Expectation
    warnings: list[str]
    given: dict[str, Any]  # settings that were asked for
    limits: dict[str, Any]  # of time_budget (seconds) and memory (bytes) what was asked for


@dataclass(slots=True)
class Result:
    """Trained vectors and what the run did.  Losses are means per example, one for each model;
    share_done is 1 but after Ctrl-C."""

    vectors: KeyedVectors
    interrupted: bool
    share_done: float
    losses: list[float]
    held_out_losses: list[float]
    n_held_out_tokens: int
    wall_seconds: float
    cpu_seconds: float


def train(
    source: Any,
    *,
    preset: str | None = None,
    time_budget: float | None = None,
    memory: int | None = None,
    force: bool = False,
    reporter: Reporter = silent,
    checkpoints: Checkpoints | str | os.PathLike[str] | None = None,
    **settings: Any,
) -> KeyedVectors:
    """Vectors of the words of a text, with settings chosen by its size and script.

    source       what `read_corpus` takes: a path, several, a folder, "-", or sentences
    preset       "fast", "default", "best" or "semantic"; with a time budget the best that fits
    time_budget  seconds on the clock, memory: bytes; both take a cheaper recipe where needed
    force        train on text of which nothing good can come
    checkpoints  a file, or models.checkpoints.Checkpoints: keeps the state of the training, and is
                 gone on from when it is there (FILE.2 is that of a second model); delete it when
                 the vectors are saved.  CheckpointError when it is of another training
    settings     any option of FastTextOptions, which wins over the recipe's; `dim` for vector_size

    The result builds vectors of unseen words (but for "fast"), has had its mean removed
    (centring.restore_mean brings it back), and tells in `metadata` how it was made.  Warnings go
    to the log.  CorpusError, OptionError, TrainingError; after Ctrl-C the vectors so far, with
    metadata["interrupted"] true.
    """
    if "dim" in settings:  # as the command and half of the tools call it
        settings["vector_size"] = settings.pop("dim")
    for name, limit in (("time_budget", time_budget), ("memory", memory)):
        if limit is not None and not isinstance(limit, int | float):
            raise OptionError(name, "a number of seconds or bytes", limit)
    plan = prepare(
        source, preset=preset, time_budget=time_budget, memory=memory, force=force,
        reporter=reporter, given=settings,
    )  # fmt: skip
    for line in plan.corpus.notes:
        logger.info("%s", line)
    for line in plan.warnings:
        logger.warning("%s", line)
    return carry_out(plan, reporter, Checkpoints.of(checkpoints)).vectors


def prepare(
    source: Any,
    *,
    preset: str | None = None,
    time_budget: float | None = None,
    memory: int | None = None,
    force: bool = False,
    reporter: Reporter = silent,
    given: dict[str, Any] | None = None,
) -> Plan:
    """Count the corpus and choose the recipe; see `train`."""
    start, peak = time.perf_counter(), peak_bytes()
    given = {name: value for name, value in (given or {}).items() if value is not None}
    n_threads = given.get("workers") or usable_cores()
    preset = preset or ("default" if time_budget is None else "best")
    choose(Facts(1, 1, n_threads=n_threads), preset, given)  # mistakes show before the work
    corpus = _read(source, given, n_threads, memory, force, reporter)
    check_corpus(corpus, force)
    facts = facts_of(corpus, n_threads)
    deadline = None if time_budget is None else start + _TRAINING_SHARE * time_budget
    recipe, expected = fit(corpus, facts, preset, given, deadline, memory, peak)
    warnings = warnings_of(corpus, facts)
    limits = {"time_budget": time_budget, "memory": memory}
    limits = {name: limit for name, limit in limits.items() if limit is not None}
    return Plan(corpus, facts, recipe, expected, warnings, given, limits)


def _read(
    source: Any,
    given: dict[str, Any],
    n_threads: int,
    memory: int | None,
    force: bool,
    reporter: Reporter,
) -> EncodedCorpus:
    min_count = given.get("min_count", _DEFAULT_MIN_COUNT)
    reading: dict[str, Any] = {
        "max_vocab": given.get("max_vocab"),
        "n_threads": n_threads,
        "memory": None if memory is None else max(memory // 2, 1),
        "reporter": reporter,
    }
    try:
        return read_corpus(source, min_count=min_count, **reading)
    except RareWordsError:
        if "min_count" in given or _is_gone(source):
            raise
    corpus = read_corpus(source, min_count=1, **reading)
    check_corpus(corpus, force)
    if not force:
        raise CorpusError(
            f"no word occurs {min_count} times or more: is this text?; force trains all the same"
        )
    given["min_count"] = 1
    corpus.notes.append(f"no word occurs {min_count} times: all words are kept (min_count 1)")
    return corpus


def _is_gone(source: Any) -> bool:
    """Whether what was read cannot be read again."""
    opened = open_source(source)
    if isinstance(opened, Sentences):
        return not isinstance(source, list | tuple)
    return not all(os.path.isfile(path) for path in opened.paths)


def usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


@dataclass(slots=True)
class _Part:
    """One trained model of a recipe."""

    matrix: Matrix
    subwords: Subwords | None
    outcome: Outcome
    held_out_loss: float | None


def carry_out(
    plan: Plan, reporter: Reporter = silent, checkpoints: Checkpoints | None = None
) -> Result:
    """Train what was planned; each model has its own Checkpoints.part."""
    wall, cpu = time.perf_counter(), time.process_time()
    corpus, held_out = hold_out(plan.corpus)
    options = plan.recipe.parts
    parts: list[_Part] = []
    for number, part in enumerate(options, start=1):
        model = f"model {number} of {len(options)}" if len(options) > 1 else ""
        kept = None if checkpoints is None else checkpoints.part(number)
        parts.append(_train_part(corpus, held_out, part, _naming(reporter, model), kept))
        if parts[-1].outcome.interrupted:
            break
    interrupted = parts[-1].outcome.interrupted
    losses = [part.outcome.loss for part in parts]
    held = [part.held_out_loss for part in parts if part.held_out_loss is not None]
    n_planned = sum(part.epochs for part in options) * len(corpus.ids)
    n_done = sum(part.outcome.n_tokens_trained for part in parts)
    vocab = plan.corpus.vocab
    vectors = KeyedVectors.from_vectors(vocab.words, parts[0].matrix, vocab.counts)
    vectors.subwords = parts[0].subwords
    vectors.metadata = provenance(plan, losses, held, interrupted)
    if len(parts) == 1:
        centring.remove_mean(vectors)
    else:
        centring.join_parts(vectors, [part.matrix for part in parts], parts[0].subwords)
    return Result(
        vectors, interrupted, n_done / max(n_planned, 1), losses, held,
        0 if held_out is None else len(held_out.ids),
        time.perf_counter() - wall, time.process_time() - cpu,
    )  # fmt: skip


def _naming(reporter: Reporter, model: str) -> Reporter:
    """The reporter, told which of several models it hears of."""
    if not model or reporter is silent:
        return reporter
    return lambda progress: reporter(dataclasses.replace(progress, model=model))


def _train_part(
    corpus: EncodedCorpus,
    held_out: EncodedCorpus | None,
    part: Options,
    reporter: Reporter,
    checkpoints: Checkpoints | None,
) -> _Part:
    trained: Any
    pair, subwords = None, None
    if isinstance(part, FastTextOptions):
        trained = fasttext.train_subwords(corpus, part, reporter, checkpoints=checkpoints)
        subwords = trained.subwords
        if len(trained.inputs.bucket_of_row):
            pair = (trained.inputs.starts, trained.inputs.rows)
    else:
        trained = word2vec.train_vectors(corpus, part, reporter, checkpoints=checkpoints)
    held = None
    if held_out is not None:
        model = word2vec.kernel_model(
            held_out, part, trained.weights, 0, corpus.n_tokens_read, pair
        )
        held = held_out_loss(held_out, model, part.seed)
    return _Part(trained.vectors, subwords, trained.outcome, held)


def provenance(
    plan: Plan, losses: list[float], held_out: list[float], interrupted: bool
) -> dict[str, Any]:
    """How vectors were made, as JSON; the same for two runs that did the same."""
    corpus, recipe = plan.corpus, plan.recipe
    return {
        "made_by": f"wordvec {__version__} train",
        "rules": RULE_VERSION,
        "preset": recipe.preset,
        "models": [dataclasses.asdict(part) for part in recipe.parts],
        "given": {**plan.limits, **plan.given},
        "given_up": list(recipe.given_up),
        "corpus": {
            "fingerprint": corpus.fingerprint,
            "n_tokens_read": corpus.n_tokens_read,
            "n_tokens_kept": corpus.n_tokens_kept,
            "n_words": len(corpus.vocab),
            "n_bytes": corpus.n_bytes,
            "n_sentences": len(corpus.starts) - 1,
            "scripts": {k: round(v, 4) for k, v in plan.facts.scripts.items() if v > 1e-3},
        },
        "notes": corpus.notes,
        "warnings": plan.warnings,
        "losses": losses,
        "held_out_losses": held_out,
        "interrupted": interrupted,
        "instruction_set": simd.active(),
    }
