"""`wordvec train`: the best vectors by default, from one command."""

from __future__ import annotations

import dataclasses
import os
import re
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from wordvec.options import FastTextOptions, spec_of
from wordvec.recipes import OVERRIDABLE, PRESETS

from .flags import SIZE, Value
from .main import EXIT_INTERRUPTED
from .meter import Meter, duration, short_number
from .speech import byte_size, json_line, note, printable, say, table, thousands

if TYPE_CHECKING:
    from wordvec.keyedvectors import KeyedVectors
    from wordvec.training import Plan, Result

N_SHOWN, N_NEIGHBOURS = 6, 5
_FIRST_SHARE, _LEAST_COUNT = 200, 20
SECONDS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
ALIASES = {"vector_size": ("--dim",), "workers": ("--threads",)}


def read_duration(text: str) -> float | None:
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(s|m|min|h|d|)", text)
    return float(match[1]) * SECONDS[match[2]] or None if match else None


def setting_options(function: Any) -> Any:
    """--epochs, --alpha ...: every setting of the engine, under its own name."""
    for name in reversed(OVERRIDABLE):
        spec = spec_of(FastTextOptions, name)
        default = FastTextOptions.__dataclass_fields__[name].default
        kind: Any = click.FLOAT if isinstance(default, float) else click.INT
        if isinstance(default, str):
            kind = click.Choice(spec.choices or ())
        elif isinstance(default, bool):
            kind = click.BOOL
        flags = ["--" + name.replace("_", "-"), *ALIASES.get(name, ())]
        help = f"{spec.help} (default: by rule)"
        function = click.option(*flags, name, type=kind, default=None, help=help)(function)
    return function


@click.command("train")
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="OUT", help="Vector file (default: SOURCE.wordvec here).")
@click.option("--format", metavar="NAME", help="Of OUT; by its suffix otherwise.")
@click.option("--preset", type=click.Choice(PRESETS), help="Default: default; best in a budget.")
@click.option(
    "--time-budget",
    type=Value("TIME", "a time such as 90s, 10m or 2h", read_duration),
    metavar="TIME",
    help="Take the best recipe that ends in this time, such as 10m.",
)
@click.option("--memory", type=SIZE, metavar="BYTES", help="Stay within this, such as 4G.")
@click.option("--eval", "evaluation", metavar="FOLDER", help="Score the vectors on these sets.")
@click.option("--force", is_flag=True, help="Train on text of which nothing good can come.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object at the end.")
@setting_options
def command(
    sources: tuple[str, ...],
    output: str | None,
    format: str | None,
    preset: str | None,
    time_budget: float | None,
    memory: int | None,
    evaluation: str | None,
    force: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """Train vectors of the words of SOURCE: files, folders, patterns, or - for stdin.

    Settings are chosen by the size and script of the text; each can be given. Ctrl-C saves what
    is there.

    \b
      wordvec train text.txt
      wordvec train texts/ -o vectors.bin --preset best --eval evaluation-sets/
      wordvec train text.txt --time-budget 10m --memory 4G
    """
    from wordvec import formats
    from wordvec.files import OutputFile
    from wordvec.training import carry_out, prepare

    start = time.perf_counter()
    target = output or default_output(sources)
    if format is not None:
        formats.format_named(format)
    elif output is not None and not any(target.endswith(f.SUFFIXES) for f in formats.FORMATS):
        format = "wordvec"
    sets = read_sets(evaluation)
    OutputFile(target).discard()  # a missing folder shows now, not after hours
    meter = Meter(sys.stderr)
    quiet = as_json or not sys.stderr.isatty()
    reporting: dict[str, Any] = {} if quiet else {"reporter": meter}
    try:
        plan = prepare(
            list(sources), preset=preset, time_budget=time_budget, memory=memory, force=force,
            given=given, **reporting,
        )  # fmt: skip
        meter.close()
        for line in plan.warnings:
            note(f"wordvec train: warning: {line}")
        if not as_json:
            say("\n".join(plan_text(plan)))
        result = carry_out(plan, **reporting)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("nothing was written") from None
    finally:
        meter.close()
    scores = score_all(result.vectors, sets)
    if scores:
        result.vectors.metadata["scores"] = scores
    formats.save(result.vectors, target, format)
    seconds = time.perf_counter() - start
    if as_json:
        say(json_line(report(plan, result, target, scores, seconds), indent=2))
    else:
        say("\n".join(result_text(plan, result, target, scores, seconds)))
    return EXIT_INTERRUPTED if result.interrupted else 0


def default_output(sources: tuple[str, ...]) -> str:
    """A name in the folder where we are, after the first source."""
    from wordvec.formats import own

    name = os.path.basename(sources[0].rstrip(os.sep)).split(".")[0]
    if not name or any(c in name for c in "*?[") or sources[0] == "-":
        name = "vectors"
    path = name + ".wordvec"
    if os.path.isfile(path):
        with open(path, "rb") as file:
            if not own.sniff(file.read(4096)):
                raise click.ClickException(
                    f"{path} exists and is no file of vectors; -o names another, or this one"
                )
    return path


def plan_text(plan: Plan) -> list[str]:
    corpus, facts, recipe = plan.corpus, plan.facts, plan.recipe
    scripts = ", ".join(f"{k} {v:.0%}" for k, v in list(facts.scripts.items())[:3] if v >= 0.01)
    lines = [
        f"{thousands(corpus.n_tokens_read)} words read, {thousands(facts.n_words)} different ones "
        f"kept, {len(corpus.starts) - 1:,} lines; {scripts or 'no letters'}",
        f"preset {recipe.preset}:",
    ]
    rows = [["  " + s.name, str(s.value), s.reason] for s in recipe.settings if s.name != "sg"]
    lines += table(rows, left=3)
    lines += [f"  given up: {line}" for line in recipe.given_up]
    expected = plan.expected
    lines.append(
        f"expected: {duration(expected.wall_seconds)} of training, "
        f"{byte_size(expected.n_bytes)} of memory"
    )
    return lines


def shown_words(vectors: KeyedVectors) -> list[str]:
    """Six words by rule: real words of four letters or more, evenly spaced by rank among those
    that are frequent (20 times or more) but behind the most frequent, which are function words."""
    counts, n = vectors.counts, len(vectors)
    assert counts is not None
    first = min(_FIRST_SHARE, n // 4)
    last = int((counts >= _LEAST_COUNT).sum())
    candidates = vectors.words[first : max(last, first + 50)]
    words = [word for word in candidates if is_plain(word)]
    words = words if len(words) >= N_SHOWN else list(candidates)
    words = words[: max(N_SHOWN, len(words) // 4)]
    step = max(1, len(words) // N_SHOWN)
    return words[::step][:N_SHOWN]


def is_plain(word: str) -> bool:
    return word.isalpha() and (len(word) >= 4 or not word.isascii()) and len(word) >= 2


def result_text(
    plan: Plan, result: Result, target: str, scores: dict[str, Any], seconds: float
) -> list[str]:
    vectors, lines = result.vectors, []
    if result.interrupted:
        lines.append("Interrupted: these are the vectors so far.")
    size = f", {byte_size(os.path.getsize(target))}" if os.path.isfile(target) else ""
    lines.append(
        f"{target}: {thousands(len(vectors))} words, {vectors.dim} numbers each{size}; "
        f"{duration(seconds)}, {short_number(result.cpu_seconds)} CPU-s of training"
    )
    if vectors.subwords is not None and not target.endswith((".wordvec", ".safetensors")):
        lines.append("(this format has no place for vectors of unseen words; .wordvec has)")
    if result.held_out_losses:
        losses = ", ".join(f"{loss:.4f}" for loss in result.held_out_losses)
        n = thousands(result.n_held_out_tokens)
        lines.append(f"loss on the last {n} words, which were not trained on: {losses}")
    words = shown_words(vectors)
    rows = [
        ["  " + printable(word), ", ".join(printable(w) for w, _ in found)]
        for word, found in zip(words, vectors.similar(words, N_NEIGHBOURS), strict=True)
    ]
    lines += ["neighbours:", *table(rows, left=2)]
    for name, value in scores.items():
        lines.append(f"  {name}: {'none of its words' if value is None else f'{100 * value:.1f}'}")
    word = words[0] if words else vectors.words[0]
    lines += [
        "next:",
        f"  wordvec nn {target} {printable(word)}",
        f"  wordvec info {target}",
        f"  wordvec convert {target} vectors.bin",
    ]
    return lines


def read_sets(folder: str | None) -> list[Any]:
    if folder is None:
        return []
    from wordvec.evaluate import read_sets

    return read_sets(folder)[0]


def score_all(vectors: KeyedVectors, sets: list[Any]) -> dict[str, Any]:
    """Name of a set -> accuracy, rank correlation or purity, 0 to 1; None without known words."""
    from wordvec import evaluate

    scores: dict[str, Any] = {}
    for item in sets:
        if isinstance(item, evaluate.AnalogySet):
            value = evaluate.evaluate_analogies(vectors, item, restrict=30_000).total.accuracy
        elif isinstance(item, evaluate.WordPairs):
            value = evaluate.evaluate_pairs(vectors, item).spearman
        else:
            value = evaluate.evaluate_categories(vectors, item).purity
        scores[item.name] = None if value is None or value != value else float(value)
    return scores


def report(
    plan: Plan, result: Result, target: str, scores: dict[str, Any], seconds: float
) -> dict[str, Any]:
    """Everything, for programs."""
    words = shown_words(result.vectors)
    found = result.vectors.similar(words, N_NEIGHBOURS)
    return {
        "file": target,
        "n_bytes": os.path.getsize(target) if os.path.isfile(target) else None,
        "n_words": len(result.vectors),
        "dim": result.vectors.dim,
        "interrupted": result.interrupted,
        "preset": plan.recipe.preset,
        "settings": [dataclasses.asdict(s) for s in plan.recipe.settings],
        "given_up": list(plan.recipe.given_up),
        "warnings": plan.warnings,
        "expected": dataclasses.asdict(plan.expected),
        "training_wall_seconds": result.wall_seconds,
        "training_cpu_seconds": result.cpu_seconds,
        "wall_seconds": seconds,
        "losses": result.losses,
        "held_out_losses": result.held_out_losses,
        "n_held_out_tokens": result.n_held_out_tokens,
        "neighbours": {w: [other for other, _ in f] for w, f in zip(words, found, strict=True)},
        "scores": scores,
    }
