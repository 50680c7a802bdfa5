"""`wordvec train`: the best vectors by default, from one command."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import click

from wordvec.options import CheckpointOptions, FastTextOptions, spec_of
from wordvec.recipes import OVERRIDABLE, PRESETS

from .asking import flags_named
from .convert import check_target
from .flags import SIZE, FileSet, Value, is_inside
from .main import EXIT_INTERRUPTED
from .meter import Meter
from .speech import byte_size, json_line, note, say
from .trainreport import N_FREQUENT, plan_text, report, result_text, short_result
from .word2vec import is_device, trained_files

if TYPE_CHECKING:
    from wordvec.errors import CorpusError
    from wordvec.keyedvectors import KeyedVectors
    from wordvec.models.checkpoints import Checkpoints
    from wordvec.training import Plan

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


def checkpoint_options(function: Any) -> Any:
    """--checkpoint and, under their own names, the settings of CheckpointOptions."""
    for name in reversed(CheckpointOptions.__dataclass_fields__):
        spec, field = spec_of(CheckpointOptions, name), CheckpointOptions.__dataclass_fields__[name]
        flag = f"--{str(spec.flag)[1:]}"
        if isinstance(field.default, bool):
            help = "The checkpoint must be there; otherwise one that is there is gone on from, too."
            option = click.option(flag, is_flag=True, help=help)
        else:
            kind: Any = click.FLOAT if isinstance(field.default, float) else click.INT
            option = click.option(flag, type=kind, default=field.default, help=spec.help)
        function = option(function)
    help = (
        "Keep the state of the training in FILE until it is over; when it is there, go on from it."
    )
    return click.option("--checkpoint", metavar="FILE", help=help)(function)


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
@checkpoint_options
@setting_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    sources: tuple[str, ...],
    output: str | None,
    format: str | None,
    evaluation: str | None,
    as_json: bool,
    checkpoint: str | None,
    checkpoint_minutes: float,
    checkpoint_tokens: int,
    resume: bool,
    **asked: Any,
) -> int:
    """Train vectors of the words of SOURCE: files, folders, patterns, or - for stdin.

    Settings are chosen by the size and script of the text; each can be given. Ctrl-C saves what
    is there. Through a pipe only the file (and the scores) are told, and what is wrong.

    \b
    fast      whole words: a fifth of the time, no vectors of unseen words
    default   words and their n-grams, 200 numbers
    best      twice the passes
    semantic  default and a model of whole words side by side: meaning before spelling

    \b
      wordvec train text.txt
      wordvec train texts/ -o vectors.bin --preset best --eval evaluation-sets/
      wordvec train text.txt --time-budget 10m --memory 4G
    """
    from wordvec import formats
    from wordvec.errors import CorpusError, OptionError
    from wordvec.training import carry_out, prepare

    start = time.perf_counter()
    target = output or default_output(sources)
    is_piped_out = target in ("-", "/dev/stdout")
    tell = note if is_piped_out else say  # the vectors have stdout
    # To a person everything; through a pipe the result alone, and nothing beside the vectors.
    talks = (sys.stderr if is_piped_out else sys.stdout).isatty() and not as_json
    with flags_named():
        format = chosen_format(target, format)
        check_target(target, format)
    # A list of strings might be sentences; paths are paths, and patterns.
    source: Any = sources[0] if len(sources) == 1 else [PurePath(name) for name in sources]
    check_output(ctx, target, format, source, as_json)
    how_often = checkpoint_minutes, checkpoint_tokens, resume
    checkpoints = open_checkpoints(ctx, target, source, checkpoint, how_often)
    sets = read_sets(evaluation)
    meter = Meter(sys.stderr)
    quiet = as_json or not sys.stderr.isatty()
    reporting: dict[str, Any] = {} if quiet else {"reporter": meter}
    fixed = {name: asked.pop(name) for name in ("preset", "time_budget", "memory", "force")}
    try:
        plan = prepare(source, **fixed, given=asked, **reporting)
        meter.close()
        for line in plan.corpus.notes if talks else ():
            note(f"wordvec train: note: {line}")
        for line in plan.warnings:
            note(f"wordvec train: warning: {line}")
        check_room(plan, target, format)
        if talks:
            tell("\n".join(plan_text(plan)))
        result = carry_out(plan, checkpoints=checkpoints, **reporting)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("nothing was written") from None
    except CorpusError as error:
        raise click.ClickException(with_flags(error)) from None
    except OptionError as error:
        flag = "--" + error.option.replace("_", "-")
        text = f"{flag}: expected {error.expected}, found {error.found}"
        raise click.UsageError(text, ctx) from None
    finally:
        meter.close()
    scores = {} if result.interrupted else score_all(result.vectors, sets)
    if scores:
        result.vectors.metadata["scores"] = scores
    formats.save(result.vectors, target, format)
    seconds = time.perf_counter() - start
    if as_json:
        say(json_line(report(plan, result, target, scores, seconds), indent=2))
    elif talks:
        is_own = formats.format_to_write(target, format).NAME == "wordvec"
        lines = result_text(plan, result, target, scores, seconds, is_own=is_own)
        tell("\n".join(lines))
    elif not is_piped_out:
        tell("\n".join(short_result(result, target, scores, seconds)))
    if checkpoints is not None and result.interrupted:
        note(f"wordvec train: the same command goes on from here ({checkpoints.path})")
    elif checkpoints is not None:
        for number in range(1, len(plan.recipe.parts) + 1):
            checkpoints.part(number).remove()
    return EXIT_INTERRUPTED if result.interrupted else 0


def open_checkpoints(
    ctx: click.Context,
    target: str,
    source: str | list[PurePath],
    checkpoint: str | None,
    how_often: tuple[float, int, bool],
) -> Checkpoints | None:
    """Where the state of the training is kept; None: nowhere."""
    from wordvec.errors import OptionError

    if checkpoint is None and not any(how_often):
        return None
    if checkpoint is None and target in ("-", "/dev/stdout"):
        raise click.UsageError("--checkpoint: name a file, since the vectors go to stdout", ctx)
    path = checkpoint or f"{target}.checkpoint"
    if path == "-" or is_device(path):
        raise click.UsageError(f"--checkpoint: {path!r} is no file to go on from", ctx)
    if trained_files(source).holds(path) or FileSet([target]).holds(path):
        raise click.UsageError(f"--checkpoint: {path!r} is the text's or OUT's file too", ctx)
    from wordvec.models.checkpoints import Checkpoints

    minutes, tokens, resume = how_often
    try:
        made = Checkpoints(
            path, minutes, tokens, resume=resume, tell=lambda line: note(f"wordvec train: {line}")
        )
    except OptionError as error:
        flag = spec_of(CheckpointOptions, error.option).flag
        text = f"-{flag}: expected {error.expected}, found {error.found}"
        raise click.UsageError(text, ctx) from None
    made.check()
    return made


def with_flags(error: CorpusError) -> str:
    """What is wrong with the text, with the flags' own names."""
    from wordvec.errors import RareWordsError

    text = error.message("--min-count") if isinstance(error, RareWordsError) else str(error)
    return text.replace("; force trains", "; --force trains")


def default_output(sources: tuple[str, ...]) -> str:
    """A name in the folder where we are, after the first source."""
    from wordvec.formats import own

    name = os.path.basename(os.path.abspath(sources[0])).split(".")[0]
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


def chosen_format(target: str, format: str | None) -> str | None:
    """The format to save in; our own where neither --format nor the suffix says one."""
    from wordvec import formats
    from wordvec.formats import packing

    if format is not None:
        formats.format_named(format)
    stem = packing.split_suffix(target)[0]
    known = any(stem.endswith(module.SUFFIXES) for module in formats.FORMATS)
    return format or (None if known else "wordvec")


def check_output(
    ctx: click.Context,
    target: str,
    format: str | None,
    source: str | list[PurePath],
    as_json: bool,
) -> None:
    """Find out before the hours of work what would be wrong with OUT."""
    if format is None and target.endswith(".ftz"):
        stem = target[:-4]
        raise click.UsageError(
            f"-o: .ftz files are quantised, and train makes none; -o {stem}.bin --format "
            f"fasttext-bin, then wordvec fasttext quantize -input TEXT -output {stem}", ctx,
        )  # fmt: skip
    if target in ("-", "/dev/stdout") and as_json:
        raise click.UsageError("--json and the vectors cannot both go to stdout; -o FILE", ctx)
    if target == "-" or is_device(target):
        return
    if trained_files(source).holds(target):
        raise click.UsageError(f"-o: {target!r} is one of the texts to train on", ctx)
    for name in [source] if isinstance(source, str) else map(str, source):
        if is_inside(target, name):
            raise click.UsageError(
                f"-o: {target!r} lies in the folder {name!r}, where the next run would take it "
                "for text; name a file elsewhere", ctx,
            )  # fmt: skip


def check_room(plan: Plan, target: str, format: str | None) -> None:
    """Stop before the training when the disk cannot hold the vectors."""
    from wordvec.formats import format_to_write, own, packing

    packed = bool(packing.split_suffix(target)[1])
    if target == "-" or packed or is_device(target):
        return
    has_ngrams = format_to_write(target, format).NAME == own.NAME
    n_bytes = plan.expected.n_row_bytes + has_ngrams * plan.expected.n_ngram_bytes
    n_free = shutil.disk_usage(os.path.dirname(os.path.realpath(target))).free
    if n_bytes > n_free:
        raise click.ClickException(
            f"{target}: the vectors take {byte_size(n_bytes)}, but only {byte_size(n_free)} are "
            "free there; -o names a file on another disk"
        )


def read_sets(folder: str | None) -> list[Any]:
    if folder is None:
        return []
    from wordvec.evaluate import read_sets

    sets, left_out = read_sets(folder)
    for file in left_out:
        note(f"wordvec train: note: {file.path}: {file.reason}")
    return sets


def score_all(vectors: KeyedVectors, sets: list[Any]) -> dict[str, dict[str, Any]]:
    """Name of a set -> its "measure" and "score", 0 to 1, None without known words, and of its
    "n_all" questions, pairs or words the "n_used" whose words are known.

    Ctrl-C leaves out the rest: the vectors have yet to be saved.
    """
    from wordvec import evaluate

    scores: dict[str, dict[str, Any]] = {}
    try:
        for item in sets:
            if isinstance(item, evaluate.AnalogySet):
                total = evaluate.evaluate_analogies(vectors, item, restrict=N_FREQUENT).total
                measure, value = "accuracy", total.accuracy
                n_used, n_all = total.n_seen, total.n_total
            elif isinstance(item, evaluate.WordPairs):
                pairs = evaluate.evaluate_pairs(vectors, item)
                measure, value = "spearman", pairs.spearman
                n_used, n_all = pairs.n_used, pairs.n_pairs
            else:
                groups = evaluate.evaluate_categories(vectors, item)
                measure, value = "purity", groups.purity
                n_used, n_all = groups.n_used, groups.n_words
            score = None if value is None or value != value else float(value)
            scores[item.name] = {
                "measure": measure, "score": score, "n_used": n_used, "n_all": n_all
            }  # fmt: skip
    except KeyboardInterrupt:
        note("wordvec train: interrupted: the scores that were missing are left out")
    return scores
