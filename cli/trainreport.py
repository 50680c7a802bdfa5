"""What `wordvec train` says before and after: to people, and as one object for programs."""

from __future__ import annotations

import dataclasses
import os
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .meter import duration, short_number
from .speech import byte_size, printable, table, thousands, width

if TYPE_CHECKING:
    from wordvec.keyedvectors import KeyedVectors
    from wordvec.training import Plan, Result

N_SHOWN, N_NEIGHBOURS = 6, 5
N_FREQUENT = 30_000  # words that analogies of --eval are asked about and answered from
_FUNCTION_WORDS, _LEAST_COUNT = 200, 20
_BUSY_SHARE = 0.85
_MEASURES = {
    "accuracy": (
        f"% of the analogies right, among the {N_FREQUENT:,} most frequent words",
        "questions",
    ),
    "spearman": ("rank correlation with people's judgements, x 100", "pairs"),
    "purity": ("purity of the categories, x 100", "words"),
}


def plan_text(plan: Plan) -> list[str]:
    corpus, facts, recipe = plan.corpus, plan.facts, plan.recipe
    scripts = ", ".join(f"{k} {v:.0%}" for k, v in list(facts.scripts.items())[:3] if v >= 0.01)
    lines = [
        f"{thousands(corpus.n_tokens_read)} words read, {thousands(facts.n_words)} different ones "
        f"kept, {len(corpus.starts) - 1:,} lines; {scripts or 'no letters'}",
        f"preset {recipe.preset}:",
    ]
    rows = [["  " + s.name, str(s.value), s.reason] for s in recipe.settings if s.name != "sg"]
    shown = table(rows, left=3)
    of_second = [k for k, row in enumerate(rows) if row[0].strip() == "algorithm"][1:]
    for k in of_second:
        shown.insert(k, "and a second model, whose rows stand beside the first's:")
    lines += shown
    lines += [f"  given up: {line}" for line in recipe.given_up]
    expected = plan.expected
    lines.append(
        f"expected: {clock(expected.wall_seconds)} of training "
        f"({figure(expected.cpu_seconds)} CPU-s), {byte_size(expected.n_bytes)} of memory"
    )
    share = expected.share_of_cores(recipe.parts[0].workers)
    if share < _BUSY_SHARE:
        lines.append(
            f"  (other work runs here: a trial got {share:.0%} of its cores; the time is longer or "
            "shorter with that)"
        )
    return lines


def shown_words(vectors: KeyedVectors) -> list[str]:
    """Six words by rule: real words of four letters or more, evenly spaced by rank among those
    that are frequent (20 times or more) but behind the most frequent, which are function words."""
    counts, n = vectors.counts, len(vectors)
    assert counts is not None
    first = min(_FUNCTION_WORDS, n // 4)
    last = int((counts >= _LEAST_COUNT).sum())
    candidates = vectors.words[first : max(last, first + 50)]
    words = [word for word in candidates if is_plain(word)]
    words = words if len(words) >= N_SHOWN else list(candidates or vectors.words)
    words = words[: max(N_SHOWN, len(words) // 4)]
    step = max(1, len(words) // N_SHOWN)
    return words[::step][:N_SHOWN]


def is_plain(word: str) -> bool:
    return word.isalpha() and (len(word) >= 4 or not word.isascii()) and len(word) >= 2


def result_text(
    plan: Plan,
    result: Result,
    target: str,
    scores: dict[str, Any],
    seconds: float,
    named: Sequence[str] = (),
    is_own: bool = True,
) -> list[str]:
    """What is said at the end; `named` words are shown instead of six by rule.

    is_own: the vectors are in our own format.
    """
    vectors, lines = result.vectors, file_lines(result, target, seconds)
    if not is_own:
        unseen = "" if vectors.subwords is None else " the vectors of unseen words and"
        lines.append(f"(only our own format, .wordvec, keeps{unseen} how these were made)")
    if result.held_out_losses:
        losses = ", ".join(f"{loss:.4f}" for loss in result.held_out_losses)
        n = thousands(result.n_held_out_tokens)
        lines.append(f"loss on the last {n} words, which were not trained on: {losses}")
    words = [word for word in named if word in vectors.key_to_index] or shown_words(vectors)
    rows = [
        ["  " + printable(word), ", ".join(printable(w) for w, _ in found)]
        for word, found in zip(words, vectors.similar(words, N_NEIGHBOURS), strict=True)
    ]
    lines += ["neighbours:", *table(rows, left=2)]
    return lines + score_lines(scores) + next_commands(target, words)


def score_lines(scores: dict[str, Any]) -> list[str]:
    """A line for each set, with what of it could be asked, and their mean; none without sets."""
    rows = [["  " + name, *score_cells(found)] for name, found in scores.items()]
    if not rows:
        return []
    mean = mean_score(scores)
    if mean is not None and len(rows) > 1:
        rows.append(["  mean", f"{100 * mean:.1f}", "", "of the sets with a score"])
    numbers = table([row[:3] for row in rows], left=1)
    room = max(map(width, numbers))
    pairs = zip(numbers, rows, strict=True)
    return ["scores:", *(line + " " * (room - width(line)) + "  " + row[3] for line, row in pairs)]


def mean_score(scores: dict[str, Any]) -> float | None:
    """The mean over the sets that could be scored, 0 to 1."""
    known = [found["score"] for found in scores.values() if found["score"] is not None]
    return sum(known) / len(known) if known else None


def short_result(result: Result, target: str, scores: dict[str, Any], seconds: float) -> list[str]:
    """What a program or a log is told: the file, and the scores if any were asked for."""
    return [*file_lines(result, target, seconds), *score_lines(scores)]


def file_lines(result: Result, target: str, seconds: float) -> list[str]:
    """What was written, and in what time."""
    lines = []
    if result.interrupted:
        lines.append(f"Interrupted at {result.share_done:.1%}: these are the vectors so far.")
    size = f", {byte_size(os.path.getsize(target))}" if os.path.isfile(target) else ""
    lines.append(
        f"{target}: {thousands(len(result.vectors))} words, {result.vectors.dim} numbers each"
        f"{size}; {clock(seconds)} in all, {clock(result.wall_seconds)} of training "
        f"({figure(result.cpu_seconds)} CPU-s)"
    )
    return lines


def figure(value: float) -> str:
    return f"{value:.1f}" if value < 10 else short_number(value)


def clock(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else duration(seconds)


def score_cells(found: dict[str, Any]) -> list[str]:
    """Score, coverage, and what they are."""
    measure, unit = _MEASURES[found["measure"]]
    covered = f"{thousands(found['n_used'])} of {thousands(found['n_all'])}"
    if found["score"] is None:
        return ["-", covered, f"{unit} known: no score"]
    return [f"{100 * found['score']:.1f}", covered, f"{unit}; {measure}"]


def next_commands(target: str, words: list[str]) -> list[str]:
    """Three commands that work as they stand here; none for a pipe or a device."""
    if not os.path.exists(target) or not (os.path.isfile(target) or os.path.isdir(target)):
        return []
    name = "./" + target if target.startswith("-") else target
    word = next((w for w in words if w.isalnum()), "")
    stem, suffix = os.path.splitext(name)
    other = ".bin" if suffix != ".bin" else ".txt"
    free = next(
        path
        for path in (f"{stem}{mark}{other}" for mark in ("", *(f"-{k}" for k in range(2, 10**6))))
        if not os.path.exists(path)
    )
    return [
        "next:",
        f"  wordvec nn {shlex.quote(name)} {word}".rstrip(),
        f"  wordvec info {shlex.quote(name)}",
        f"  wordvec convert {shlex.quote(name)} {shlex.quote(free)}",
    ]


def report(
    plan: Plan, result: Result, target: str, scores: dict[str, Any], seconds: float
) -> dict[str, Any]:
    """Everything, for programs."""
    from wordvec.planning import peak_bytes

    words = shown_words(result.vectors)
    found = result.vectors.similar(words, N_NEIGHBOURS)
    return {
        "file": target,
        "n_bytes": os.path.getsize(target) if os.path.isfile(target) else None,
        "n_words": len(result.vectors),
        "dim": result.vectors.dim,
        "interrupted": result.interrupted,
        "share_done": result.share_done,
        "preset": plan.recipe.preset,
        "settings": [dataclasses.asdict(s) for s in plan.recipe.settings],
        "given_up": list(plan.recipe.given_up),
        "notes": plan.corpus.notes,
        "warnings": plan.warnings,
        "n_tokens_read": plan.corpus.n_tokens_read,
        "n_tokens_kept": plan.corpus.n_tokens_kept,
        "scripts": dict(plan.facts.scripts),
        "expected": dataclasses.asdict(plan.expected),
        "training_wall_seconds": result.wall_seconds,
        "training_cpu_seconds": result.cpu_seconds,
        "wall_seconds": seconds,
        "peak_bytes": peak_bytes(),
        "losses": result.losses,
        "held_out_losses": result.held_out_losses,
        "n_held_out_tokens": result.n_held_out_tokens,
        "neighbours": {w: [other for other, _ in f] for w, f in zip(words, found, strict=True)},
        "scores": scores,
        "mean_score": mean_score(scores),
    }
