"""Recipes: from the size and script of a counted corpus to settings, each with its reason.

Pure functions; nothing is read, timed or trained here.  The rules were fitted to English text of
2 to 17 million tokens; elsewhere they are extrapolated, and the reasons say so.  A change of any
rule changes RULE_VERSION, which is kept with the vectors.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from wordvec.errors import OptionError
from wordvec.options import FastTextOptions, Word2VecOptions

RULE_VERSION = "2"  # 2: recycled noise; words alone: spread text, 96 numbers, more passes
PRESETS = ("fast", "default", "best", "semantic")

LEAST_TOKENS = 10_000  # below, vectors are noise: only when told to
FEW_TOKENS = 500_000  # below, a warning
MOST_COPIES = 3  # of each sentence; from there on the text counts once

_TOKENS_TO_SEE = 85e6
_FEWEST_EPOCHS, _MOST_EPOCHS = 3, 20
_FITTED_TOKENS = (2e6, 18e6)
_HIGHEST_RATE, _LOWEST_CAP = 0.05, 0.035
_MANY_WORDS = 150_000
_SMALL_DIM = 96  # six cache lines of a row; 100 takes seven and gains nothing
_MORE_PASSES = 1.2  # for words alone, which saturate later
_SHARE_OF_SCRIPT = 0.1  # of the text's letters, from which on a script has a say

# Script -> (shortest, longest n-gram, why).  A Hangul syllable is one character of two or three
# letters, and a Han character is a morpheme; n-grams of four would be whole words.  Hangul was
# measured on 1 M words of Korean: 1 to 3 gave 2.426 and 2.438 with two seeds, 2 to 4 gave 2.413
# and 2.426, at the same cost.
NGRAMS = {
    "Latin": (4, 6, "measured: better and faster than 3 to 6"),
    "Hangul": (2, 4, "measured: a lower held-out loss than 1 to 3"),
    "Han": (1, 3, "one character is a morpheme"),
    "Kana": (1, 3, "one character is a syllable"),
}
_OTHER_NGRAMS = (3, 6, "fastText's; not measured for this script")
SCRIPTS_WITHOUT_SPACES = frozenset(["Han", "Kana", "Thai", "Lao", "Khmer", "Burmese", "Tibetan"])

# What a user may set: every option of the engine but those that the recipe itself stands for.
OVERRIDABLE = tuple(
    item.name
    for item in dataclasses.fields(FastTextOptions)
    if item.name not in ("word_ngrams", "lr_update_rate", "as_command", "loss", "position_weights")
)
_ONLY_SUBWORDS = frozenset(["min_n", "max_n", "bucket"])
# Settings whose reasons were measured with skip-gram.
_MEASURED = frozenset(["vector_size", "negative", "negatives", "alpha", "window", "sample"])

Options = FastTextOptions | Word2VecOptions


@dataclass(frozen=True, slots=True)
class Facts:
    """What a recipe is chosen from.

    n_tokens   words of the text that are in the vocabulary, each time they occur
    n_words    words of the vocabulary
    scripts    script -> share (0 to 1) of the text's letters
    n_copies   how often the text seems to say each of its sentences, 1 normally
    n_threads  threads to train with, unless another number is asked for
    """

    n_tokens: int
    n_words: int
    scripts: Mapping[str, float] = field(default_factory=dict)
    n_copies: float = 1.0
    n_threads: int = 1

    @property
    def n_distinct_tokens(self) -> float:
        """Tokens without the copies: what there is to learn from."""
        return self.n_tokens / self.n_copies if self.n_copies >= MOST_COPIES else self.n_tokens


@dataclass(frozen=True, slots=True)
class Setting:
    """One chosen value and, in half a line, why."""

    name: str
    value: Any
    reason: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to train: one model or, for `semantic`, two whose rows are put side by side.

    parts     options of each; FastTextOptions for words with subwords, Word2VecOptions for words
    settings  the values that were chosen, with reasons; later parts add only what differs
    given_up  one line for each thing that a budget took away, none otherwise
    """

    preset: str
    parts: tuple[Options, ...]
    settings: tuple[Setting, ...]
    given_up: tuple[str, ...] = ()

    @property
    def has_subwords(self) -> bool:
        return any(has_subwords(part) for part in self.parts)

    @property
    def dim(self) -> int:
        """Numbers per vector of the result."""
        return sum(part.vector_size for part in self.parts)


def has_subwords(options: Options) -> bool:
    return isinstance(options, FastTextOptions)


# ---- the rules -----------------------------------------------------------------------------------


def epochs_for(n_tokens: float, n_copies: float = 1.0) -> int:
    """Passes over a text of so many distinct tokens, each of which it repeats `n_copies` times."""
    wanted = min(_MOST_EPOCHS, max(_FEWEST_EPOCHS, round(_TOKENS_TO_SEE / max(n_tokens, 1.0))))
    return max(1, round(wanted / n_copies)) if n_copies >= MOST_COPIES else wanted


def rate_for(n_tokens: float, n_passes: float, highest: float = _HIGHEST_RATE) -> float:
    """The learning rate at the start: more passes bear less, or rare words overfit."""
    bearable = min(0.5, 0.35 * (17e6 / max(n_tokens, 1.0)) ** 0.35)
    return float(f"{min(highest, bearable / max(n_passes, 1.0)):.3g}")


def ngram_range(scripts: Mapping[str, float]) -> tuple[int, int, str]:
    """(shortest, longest, why) for the scripts that have a share worth the name."""
    seen = [name for name, share in scripts.items() if share >= _SHARE_OF_SCRIPT]
    ranges = [NGRAMS.get(name, _OTHER_NGRAMS) for name in sorted(seen, key=lambda n: -scripts[n])]
    if not ranges:
        return NGRAMS["Latin"]
    if len({(low, high) for low, high, _ in ranges}) == 1:
        return ranges[0]
    low, high = min(r[0] for r in ranges), max(r[1] for r in ranges)
    return low, high, f"the text mixes {' and '.join(sorted(seen))}"


def bucket_for(n_words: int) -> int:
    return 500_000 if n_words <= _MANY_WORDS else 2_000_000


# ---- presets -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Shape:
    """What presets and their cheaper forms differ in."""

    subwords: bool
    dim: int
    negative: int
    epochs: int
    highest_rate: float
    why_epochs: str


def choose(facts: Facts, preset: str = "default", given: Mapping[str, Any] | None = None) -> Recipe:
    """The recipe of a preset for this corpus; `given` are the user's own settings, which win.

    OptionError for an unknown preset or setting, or a value out of range.
    """
    given = _checked(preset, given)
    shapes = [_shape(facts, preset)]
    if preset == "semantic":
        shapes.append(dataclasses.replace(shapes[0], subwords=False, highest_rate=_LOWEST_CAP))
    return _recipe(facts, preset, shapes, given)


def cheaper(
    facts: Facts, preset: str, given: Mapping[str, Any] | None = None
) -> Iterator[tuple[Recipe, int]]:
    """(recipe, fewest epochs) from the preset's own downwards; each costs less than the one before.

    A budget takes the first whose time, at its own or fewer epochs, and memory fit.  `given`
    settings stay in all; recipes that they make equal come once.
    """
    given = _checked(preset, given)
    whole = choose(facts, preset, given)
    top = _shape(facts, preset)
    standard = epochs_for(facts.n_distinct_tokens, facts.n_copies)
    yield whole, min(standard, whole.parts[0].epochs)
    small = dataclasses.replace(top, dim=_SMALL_DIM, negative=5, epochs=standard)
    ladder: list[tuple[_Shape, int]] = []
    if preset != "fast":
        middle = dataclasses.replace(top, epochs=standard, highest_rate=_HIGHEST_RATE)
        # Half the passes take less from the vectors than half the numbers do, a quarter more.
        # Two passes with subwords beat five without (52.8 against 49.2) in the same time.
        half = max(min(_FEWEST_EPOCHS, standard), standard // 2)
        ladder += [(middle, half), (small, max(1, standard // 5))]
    words = dataclasses.replace(small, subwords=False, highest_rate=_LOWEST_CAP)
    ladder += [(words, 1), (dataclasses.replace(words, dim=50, negative=5), 1)]
    before = whole.parts
    for shape, fewest in ladder:
        recipe = _recipe(facts, preset, [shape], given)
        if recipe.parts != before or fewest < recipe.parts[0].epochs:
            lost = _differences(whole, recipe)
            yield dataclasses.replace(recipe, given_up=lost), min(fewest, recipe.parts[0].epochs)
        before = recipe.parts


def with_epochs(
    facts: Facts, recipe: Recipe, n_epochs: int, given: Mapping[str, Any], whole: Recipe
) -> Recipe:
    """The same recipe with fewer epochs, and the learning rate that goes with them."""
    if n_epochs == recipe.parts[0].epochs:
        return recipe
    given = {**given, "epochs": n_epochs}
    part = recipe.parts[0]
    highest = _HIGHEST_RATE if has_subwords(part) else _LOWEST_CAP
    shape = _Shape(
        has_subwords(part),
        part.vector_size,
        part.negative,
        n_epochs,
        highest,
        "what the time allows",
    )
    changed = _recipe(facts, recipe.preset, [shape], given)
    settings = tuple(
        Setting("epochs", n_epochs, "what the time allows") if s.name == "epochs" else s
        for s in changed.settings
    )
    lost = _differences(whole, changed)
    return dataclasses.replace(changed, settings=settings, given_up=lost)


def _checked(preset: str, given: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if preset not in PRESETS:
        raise OptionError("preset", " or ".join(map(repr, PRESETS)), preset)
    for name in given or {}:
        if name not in OVERRIDABLE:
            raise OptionError(name, f"one of {', '.join(OVERRIDABLE)}", name)
    wanted = {name: value for name, value in (given or {}).items() if value is not None}
    if wanted.get("negative") == 0 and not wanted.get("hs"):
        raise OptionError("negative", "1 or more, or hierarchical softmax (hs 1) instead", 0)
    low, high = wanted.get("min_n"), wanted.get("max_n")
    if low is not None and high is not None and 0 < high < low:
        raise OptionError("max_n", f"at least min_n, {low}, or 0 for no n-grams", high)
    return wanted


def _shape(facts: Facts, preset: str) -> _Shape:
    standard = epochs_for(facts.n_distinct_tokens, facts.n_copies)
    why = _why_epochs(facts)
    if preset == "fast":
        more = max(standard, min(_MOST_EPOCHS, round(_MORE_PASSES * standard)))
        why = "a fifth more than with subwords" if more > standard else why
        return _Shape(False, _SMALL_DIM, 5, more, _LOWEST_CAP, why)
    if preset == "best":
        most = max(standard, min(2 * standard, _MOST_EPOCHS))
        why = "twice the default's" if most == 2 * standard else "more than 20 never paid"
        return _Shape(True, 200, 10, most, _HIGHEST_RATE, why)
    return _Shape(True, 200, 10, standard, _HIGHEST_RATE, why)


def _why_epochs(facts: Facts) -> str:
    if facts.n_copies >= MOST_COPIES:
        return f"the text repeats itself about {facts.n_copies:,.0f} times"
    low, high = _FITTED_TOKENS
    text = "85 million tokens to see, at least 3 and at most 20 passes"
    return text if low <= facts.n_tokens <= high else text + " (extrapolated)"


def _recipe(facts: Facts, preset: str, shapes: list[_Shape], given: Mapping[str, Any]) -> Recipe:
    parts: list[Options] = []
    settings: list[Setting] = []
    for shape in shapes:
        chosen = _settings(facts, shape, given)
        seen = {(s.name, s.value) for s in settings}
        settings += [s for s in chosen if (s.name, s.value) not in seen]
        values = {s.name: s.value for s in chosen if s.name != "algorithm"}
        # The engine's own options that no rule chooses, such as max_vocab.
        extra = {k: v for k, v in given.items() if shape.subwords or k not in _ONLY_SUBWORDS}
        kind = FastTextOptions if shape.subwords else Word2VecOptions
        parts.append(kind(**{"min_alpha": 0.0, **values, **extra}))
    return Recipe(preset, tuple(parts), tuple(settings))


def _settings(facts: Facts, shape: _Shape, given: Mapping[str, Any]) -> list[Setting]:
    """The values of one model and their reasons, with the user's own in their places."""
    n_epochs = given.get("epochs", shape.epochs)
    checked = FastTextOptions(**{k: v for k, v in given.items() if k == "epochs"})
    n_passes = checked.epochs * (facts.n_copies if facts.n_copies >= MOST_COPIES else 1.0)
    if "epochs" not in given:
        n_passes = n_passes / checked.epochs * shape.epochs
    has_ngrams = shape.subwords and given.get("max_n", 1) > 0 and given.get("bucket", 1) > 0
    algorithm = "skip-gram with subwords" if has_ngrams else "skip-gram on whole words"
    what = "the largest gain of all" if has_ngrams else "cheap; no vectors of unseen words"
    what = "as given" if has_ngrams != shape.subwords else what
    alpha = rate_for(facts.n_distinct_tokens, n_passes, shape.highest_rate)
    found = [
        Setting("algorithm", algorithm, what),
        Setting("sg", 1, "CBOW was worse at every size measured"),
        Setting("vector_size", shape.dim, "200 gained more than anything but subwords"
                if shape.dim >= 200 else "half the time of 200; 100 gained nothing"),
        Setting("negative", shape.negative, "10 beat 5" if shape.negative >= 10
                else "half the time of 10"),
        Setting("negatives", "recycled", "as good as fresh ones, and a third faster"),
        Setting("epochs", n_epochs, shape.why_epochs),
        Setting("alpha", alpha, "rate x passes that a text of this size bears"),
        Setting("window", 5, "wider is more topical, no better"),
        Setting("sample", 1e-4, "as good as 1e-3 and 30 % faster"),
        Setting("ns_exponent", 0.5 if shape.subwords else 0.75, "as the original does"),
        Setting("min_count", 5, "rarer words have too few contexts"),
        Setting("workers", facts.n_threads, "the cores that this process may use"),
    ]  # fmt: skip
    if not shape.subwords:
        why = "words alone gain 0.4 points when the text comes from all over it in turn"
        found.append(Setting("spread", True, why))
    else:
        low, high, why = _fitting(ngram_range(facts.scripts), given)
        found += [
            Setting("min_n", low, why),
            Setting("max_n", high, why),
            Setting("bucket", bucket_for(facts.n_words), "more for more words"),
        ]
    own = [Setting(s.name, given[s.name], "as given") if s.name in given else s for s in found]
    if not given.get("sg", 1):
        own = [
            s if s.reason == "as given" or s.name not in _MEASURED else
            dataclasses.replace(s, reason="as for skip-gram; not measured for CBOW")
            for s in own
        ]  # fmt: skip
        own[0] = Setting("algorithm", algorithm.replace("skip-gram", "CBOW"), "as given")
    if given.get("negative") == 0:
        own = [s for s in own if s.name not in ("negatives", "ns_exponent")]
    shown = {s.name for s in own}
    rest = [Setting(k, v, "as given") for k, v in given.items() if k not in shown]
    return own + [s for s in rest if shape.subwords or s.name not in _ONLY_SUBWORDS]


def _fitting(by_rule: tuple[int, int, str], given: Mapping[str, Any]) -> tuple[int, int, str]:
    """The n-gram range beside a user's own end of it: what was measured holds for both alone."""
    low, high, _ = by_rule
    if given.get("min_n", low) == low and given.get("max_n", high) == high:
        return by_rule
    if "min_n" in given:
        return low, max(high, given["min_n"]), "the usual one, or min_n where that is more"
    if given["max_n"] == 0:
        return low, high, "of no account without n-grams"
    return min(low, given["max_n"]), high, "the usual one, or max_n where that is less"


def _differences(whole: Recipe, cheap: Recipe) -> tuple[str, ...]:
    """What the cheaper of two recipes lacks, a line each."""
    lost = []
    if len(cheap.parts) < len(whole.parts):
        lost.append("the second, word-only model of the preset semantic")
    if whole.has_subwords and not cheap.has_subwords:
        lost.append("subwords, and with them vectors of unseen words")
    first, now = whole.parts[0], cheap.parts[0]
    for name, text in (("epochs", "epochs"), ("vector_size", "dimensions"),
                       ("negative", "negatives")):  # fmt: skip
        before, after = getattr(first, name), getattr(now, name)
        if after < before:
            lost.append(f"{text}: {after} instead of {before}")
    return tuple(lost)
