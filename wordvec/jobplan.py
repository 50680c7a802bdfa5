"""`wordvec.plan`: what a training will take, from a sample of the text and a short trial.

The sample gives the words of the whole text (vocabgrowth), a trial of the real kernels on it the
time (planning.Stopwatch), formulas the memory.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wordvec.corpus import FASTTEXT_RULES, WORD2VEC_RULES, EncodedCorpus, TokenRules
from wordvec.errors import OptionError
from wordvec.expectedtext import ExpectedText, TextExpectation, cut_to
from wordvec.kernels import sgd
from wordvec.memory import physical_bytes
from wordvec.options import FastTextOptions, Word2VecOptions
from wordvec.planning import Speed, Stopwatch, resident_bytes, weights_bytes
from wordvec.recipes import PRESETS, Facts, Options, Recipe, Setting, bucket_for, choose
from wordvec.textsample import SAMPLE_BYTES, take_sample
from wordvec.training import usable_cores

MODELS = ("train", "word2vec", "fasttext")

_TIMED_SECONDS = 1.0
_TRIAL_SECONDS_A_WORD = 1e-6  # at most: a short text needs no long trial
_TRIAL_SHARE = 0.25  # of the machine's memory, at most, for the weights of the trial
# Memory of a process: buffers, then bytes of a word while it is counted; see _reading_bytes.
_LEFT_BYTES, _LEFT_THREAD_BYTES, _LEFT_PLACES = 8_000_000, 4_000_000, 0.3  # after reading
_SHARED_BYTES, _READING_THREAD_BYTES, _IDS_SLACK = (
    3_000_000,
    7_500_000,
    0.15,
)  # the last pieces of ids are not full
_TOKENS_PER_WORD_SLOPE = 1.7  # tokens grow as words to this power (Heaps)
_LATE_BYTES = 6_000_000  # of modules that the word2vec command imports after it has read
_SLOT_BYTES, _PLACE_BYTES, _CHOICE_BYTES = 32, 16, 30
_VOCAB_BYTES = 16  # of a word beside its spelling
_SAMPLING_BYTES = 28  # see models.memoryuse
_KEYED_BYTES = 120  # of a word in KeyedVectors
_TEXT_BYTES_A_NUMBER = {"word2vec": 9.5, "fasttext": 8.8}


@dataclass(frozen=True, slots=True)
class JobPlan:
    """What a training is expected to take.  Seconds are on the clock, of this machine as it was
    while the plan was made; with `_cpu` those of all cores.

    epoch_seconds       of one pass over the text, by number of threads
    training_seconds    of all passes; reading_seconds come before
    memory              bytes by what they are for, and the "peak" of the process
    disk                bytes by file: outputs, and "temporary" where the ids exceed the memory
    n_ngram_rows        buckets that n-grams of the words reach; share_of_buckets of them all
    advice, warnings, notes: lines for people
    """

    model: str
    recipe: Recipe
    text: TextExpectation
    workers: int
    reading_seconds: float
    epoch_seconds: dict[int, float]
    epoch_cpu_seconds: float
    training_seconds: float
    training_cpu_seconds: float
    memory: dict[str, int]
    disk: dict[str, int]
    n_ngram_rows: int
    share_of_buckets: float
    advice: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def plan(
    source: Any,
    model: str = "train",
    *,
    preset: str | None = None,
    n_sample_bytes: int = SAMPLE_BYTES,
    timed_seconds: float = _TIMED_SECONDS,
    **settings: Any,
) -> JobPlan:
    """Say what training on the files of `source` will take, before it is begun.

    model     "train" (wordvec.train, with its `preset`), or "word2vec" or "fasttext" for the
              commands of that name; defaults are theirs, but for workers: the cores there are
    settings  any setting of the engine, under its own name
    n_sample_bytes   how much of a long text is read; timed_seconds: how long each trial takes

    A text of which nothing can come still gets a plan, whose first warning says so.  CorpusError
    for what cannot be read or holds no words, OptionError.
    """
    given = {name: value for name, value in settings.items() if value is not None}
    if "dim" in given:
        given["vector_size"] = given.pop("dim")
    n_threads = given.get("workers", usable_cores())
    _recipe(model, preset, given, Facts(1, 1, n_threads=n_threads))  # mistakes show at once
    bytes_before = resident_bytes()
    with take_sample(source, n_sample_bytes) as sample:
        text = ExpectedText(sample, _RULES[model], given, n_threads)
    timed_seconds = min(timed_seconds, 0.05 + text.expected.n_kept * _TRIAL_SECONDS_A_WORD)
    stopwatch = Stopwatch(text.corpus, timed_seconds=timed_seconds)
    recipe = _recipe(model, preset, given, text.facts(n_threads))
    return _Job(model, recipe, text, stopwatch, bytes_before).plan()


_RULES = {"train": TokenRules(), "word2vec": WORD2VEC_RULES, "fasttext": FASTTEXT_RULES}


def _recipe(model: str, preset: str | None, given: Mapping[str, Any], facts: Facts) -> Recipe:
    """The settings of the run that is planned."""
    if model == "train":
        return choose(facts, preset or "default", given)
    kinds: dict[str, type[Options]] = {"word2vec": Word2VecOptions, "fasttext": FastTextOptions}
    if model not in kinds:
        raise OptionError("model", " or ".join(map(repr, MODELS)), model)
    if preset is not None:
        raise OptionError("preset", f"one with the model 'train' ({', '.join(PRESETS)})", preset)
    kind = kinds[model]
    values: dict[str, Any] = {} if model == "word2vec" else {"as_command": True}
    values |= {"workers": facts.n_threads, "min_alpha": 0.0}
    for item in dataclasses.fields(kind):
        original = item.metadata["spec"].original
        values.setdefault(item.name, item.default if original is None else original)
    for name in given:
        if name not in values:
            raise OptionError(name, f"one of {', '.join(values)} with {model}", name)
    options = kind(**values | dict(given))
    why = {"workers": "the cores that this process may use"}
    rows = tuple(
        Setting(name, getattr(options, name), "as given" if name in given else why.get(name, ""))
        for name in values
        if name not in ("as_command", "word_ngrams", "lr_update_rate")
    )
    return Recipe(model, (options,), rows)


# ---- the job ---------------------------------------------------------------------------------


@dataclass
class _Job:
    model: str
    recipe: Recipe
    text: ExpectedText
    stopwatch: Stopwatch
    bytes_before: int

    def plan(self) -> JobPlan:
        text, parts = self.text, self.recipe.parts
        workers = parts[0].workers
        notes = [*text.sample.notes, *text.corpus.notes]
        trial = self.stopwatch.corpus = self._trial_corpus(notes)
        epoch = self._times(parts, 1)
        total = self._times(parts, None)
        by_threads = {workers: epoch.wall_seconds}
        if workers > 1:
            alone = tuple(dataclasses.replace(part, workers=1) for part in parts)
            by_threads = {1: self._times(alone, 1).wall_seconds} | by_threads
        sizes = [self._ngram_size(part, len(trial.vocab)) for part in parts]
        memory = self.memory(sizes)
        n_rows = max(n for n, _ in sizes)
        bucket = max((p.bucket for p in parts if isinstance(p, FastTextOptions)), default=0)
        job = JobPlan(
            self.model, self.recipe, text.expected, workers, text.reading_seconds,
            by_threads, epoch.cpu_seconds, total.wall_seconds, total.cpu_seconds,
            memory, self.disk(sizes), n_rows, n_rows / bucket if bucket else 0.0,
            warnings=text.all_warnings(text.facts(workers)), notes=notes,
        )  # fmt: skip
        job.advice.extend(_advice(job))
        n_there = physical_bytes()
        if memory["peak"] > n_there:
            job.warnings.insert(0, f"this machine has {n_there / 1e9:.1f} GB of memory, the job "
                                f"needs {memory['peak'] / 1e9:.1f} GB: take a larger min_count, "
                                "or fewer numbers per vector")  # fmt: skip
        return job

    def _times(self, parts: tuple[Options, ...], epochs: int | None) -> Speed:
        """Of so many passes (None: all) of all models over the whole text."""
        wall = cpu = 0.0
        for part in parts:
            speed = self.stopwatch.speed(part)
            n_tokens = self._tokens_of_epoch(part) * (epochs or part.epochs)
            wall += speed.wall_seconds * n_tokens
            cpu += speed.cpu_seconds * n_tokens
        return Speed(wall, cpu)

    def _trial_corpus(self, notes: list[str]) -> EncodedCorpus:
        """The corpus, with fewer words where their weights would take too much memory."""
        corpus, n_words = self.text.corpus, len(self.text.corpus.vocab)
        n_bytes = max(3 * sgd.padded(part.vector_size) * 4 * n_words for part in self.recipe.parts)
        room = int(_TRIAL_SHARE * physical_bytes())
        n = min(n_words, max(1000, n_words * room // max(n_bytes, 1)))
        if n < self.text.expected.n_words:
            notes.append(f"the trial was made with {n:,} of the words; with all it is slower")
        if n == n_words:
            return corpus
        cut = cut_to(corpus, n, 1.0, corpus.n_bytes)
        return dataclasses.replace(
            cut, n_tokens_read=corpus.n_tokens_read, n_tokens_kept=corpus.n_tokens_kept
        )

    def _tokens_of_epoch(self, part: Options) -> int:
        """The fasttext command's epochs are as long as if unknown words were known."""
        text = self.text.expected
        as_command = isinstance(part, FastTextOptions) and part.as_command
        return text.n_tokens if as_command else text.n_kept

    def _ngram_size(self, part: Options, n_trial_words: int) -> tuple[int, int]:
        """(rows of n-grams, rows that all words are made of) with all words."""
        inputs = self.stopwatch.input_rows(part)
        if inputs is None:
            return 0, 0
        assert isinstance(part, FastTextOptions)
        growth = self.text.expected.n_words / max(n_trial_words, 1)
        n_rows, bucket = len(inputs.bucket_of_row), max(part.bucket, 1)
        if growth > 1 and n_rows < bucket:  # so many balls into so many boxes
            n_different = -bucket * math.log1p(-n_rows / bucket) * growth
            n_rows = round(bucket * -math.expm1(-n_different / bucket))
        return n_rows, round(len(inputs.rows) * growth)

    # -- memory and disk ------------------------------------------------------------------------

    def memory(self, sizes: list[tuple[int, int]]) -> dict[str, int]:
        """Bytes by what they are for, while training; "reading" and "peak" are of the process."""
        text, workers = self.text.expected, self.recipe.parts[0].workers
        n_id_bytes = 4 * text.n_kept + 8 * text.n_sentences
        if self._spills:
            n_id_bytes = 0  # on disk, mapped piece by piece
        spelling = self.text.mean_spelling
        a_word = _VOCAB_BYTES + _SAMPLING_BYTES + spelling
        if self.model == "train":
            a_word += _KEYED_BYTES
        reading, rest = self._reading_bytes(workers)
        found = {
            "program": self.bytes_before,
            "buffers": rest,
            "text": n_id_bytes,
            "words": round(a_word * text.n_words),
            "weights": weights_bytes(self.recipe, text.n_words, sizes),
        }
        training = sum(found.values())
        return found | {"reading": reading, "training": training, "peak": max(reading, training)}

    def _reading_bytes(self, workers: int) -> tuple[int, int]:
        """(peak while the text is read, what is left of it afterwards besides ids and words).

        Each thread counts into a hash table of its own, whose slots double when they are half
        full, the old ones beside the new for a moment; then all are merged into one.
        """
        text = self.text.expected
        ids = 0 if self._spills else 4 * text.n_tokens + 4 * text.n_sentences
        a_place = _PLACE_BYTES + self.text.mean_spelling
        each = self.text.distinct_of_share(1 / workers)
        places = round(workers * each * a_place + (text.n_distinct * a_place if workers > 1 else 0))
        merged, mine = _slot_bytes(text.n_distinct), _slot_bytes(each)
        slots = workers * mine
        base = self.bytes_before + workers * _READING_THREAD_BYTES - _SHARED_BYTES
        base -= _LATE_BYTES * (self.model == "word2vec")
        ids = round(ids * (1 + _IDS_SLACK))
        if workers > 1:
            at_growth = ids + slots + (merged if merged > mine else 0)
        else:  # when the slots were doubled last there were fewer words
            share = (mine / 4 / _SLOT_BYTES / max(text.n_distinct, 1)) ** _TOKENS_PER_WORD_SLOPE
            at_growth = round(ids * share) + mine + mine // 2
        at_end = ids + max(slots, merged) + _CHOICE_BYTES * text.n_distinct
        budget = physical_bytes() // 8  # beyond, words go to disk as well
        peak = base + places + max(at_growth, at_end)
        left = (
            _LEFT_BYTES + workers * _LEFT_THREAD_BYTES + round(_LEFT_PLACES * min(places, budget))
        )
        return round(min(peak, base + ids + 3 * budget)), left

    @property
    def _spills(self) -> bool:
        """Whether the ids go to disk; see corpus.read_corpus."""
        text = self.text.expected
        return 4 * text.n_tokens + 8 * text.n_sentences > physical_bytes() // 4

    def disk(self, sizes: list[tuple[int, int]]) -> dict[str, int]:
        """Bytes of the files that the run writes."""
        text, n_words = self.text.expected, self.text.expected.n_words
        dim = self.recipe.dim
        n_word_bytes = round(n_words * (self.text.mean_spelling + 1))
        found: dict[str, int] = {}
        if self.model == "word2vec":
            found["text"] = round(n_words * dim * _TEXT_BYTES_A_NUMBER["word2vec"]) + n_word_bytes
            found["binary"] = 4 * n_words * dim + n_word_bytes
        elif self.model == "fasttext":
            part = self.recipe.parts[0]
            assert isinstance(part, FastTextOptions)
            n_rows = part.bucket + 2 * n_words
            found[".bin"] = 4 * n_rows * dim + n_word_bytes + 9 * n_words
            found[".vec"] = round(n_words * dim * _TEXT_BYTES_A_NUMBER["fasttext"]) + n_word_bytes
        else:
            rows = sum(
                4 * n * p.vector_size for (n, _), p in zip(sizes, self.recipe.parts, strict=True)
            )
            found[".wordvec"] = 4 * n_words * dim + rows + 3 * n_word_bytes + 8 * n_words
            found[".wordvec"] += sum(
                4 * p.bucket for p in self.recipe.parts if isinstance(p, FastTextOptions)
            )
        if self._spills:
            found["temporary"] = 4 * (text.n_tokens + text.n_kept) + 8 * text.n_sentences
        return found


def _slot_bytes(n_words: int) -> int:
    return int(_SLOT_BYTES * 2 ** math.ceil(math.log2(2 * max(n_words, 256))))


def _advice(job: JobPlan) -> list[str]:
    """Sensible threads and buckets, and why."""
    cores = usable_cores()
    found = []
    times = job.epoch_seconds
    gain = f", {times[1] / times[job.workers]:.1f}x one" if len(times) > 1 else ""
    if job.workers > cores:
        found.append(f"threads: {cores}, the cores there are; {job.workers} are no faster{gain}")
    else:
        found.append(f"threads: {cores}, the cores that this process may use{gain}")
    if job.n_ngram_rows:
        sensible = bucket_for(job.text.n_words)
        share = job.share_of_buckets
        found.append(
            f"bucket: {sensible:,} for {job.text.n_words:,} words; of the buckets planned, n-grams "
            f"reach {share:.0%}, and only these take memory"
        )
    return found
