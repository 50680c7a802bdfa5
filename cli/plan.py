"""`wordvec plan`: what a training will take, before the hours."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import click

from wordvec.recipes import PRESETS

from .asking import flags_named
from .flags import SIZE
from .speech import byte_size, json_line, note, printable, say, table, thousands
from .train import setting_options
from .trainreport import clock, figure

if TYPE_CHECKING:
    from wordvec.jobplan import JobPlan

MODELS = ("train", "word2vec", "fasttext")  # jobplan's, which takes its time to import
# What the memory is for, in the order of the table.
PARTS = {
    "program": "the program",
    "buffers": "buffers, and what reading leaves",
    "text": "the text as numbers",
    "words": "words and their tables",
    "weights": "weights",
}


@click.command("plan")
@click.argument("sources", metavar="CORPUS...", nargs=-1, required=True)
@click.option("--model", type=click.Choice(MODELS), default="train", help="Default: train.")
@click.option("--preset", type=click.Choice(PRESETS), help="Of train.")
@click.option("--read", type=SIZE, metavar="BYTES", help="Read about so much (default: 32M).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@setting_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    sources: tuple[str, ...],
    model: str,
    preset: str | None,
    read: int | None,
    as_json: bool,
    **asked: Any,
) -> int:
    """Say what training on CORPUS (files, folders, patterns) will take, in a few seconds.

    Reads a sample of a long text, tries the engine on it, and says how many words to expect, and
    how much memory, disk and time on this machine as it is now; warns of what bites people.
    Nothing is written. Settings are those of `wordvec train`, or, with --model, of the commands
    word2vec and fasttext (skipgram; --sg 0: cbow), whose defaults they are.

    \b
      wordvec plan text.txt
      wordvec plan texts/ --model word2vec --dim 300 --min-count 20
      wordvec plan text.txt.gz --model fasttext --threads 8 --json
    """
    from wordvec.errors import OptionError
    from wordvec.jobplan import plan

    source: Any = sources[0] if len(sources) == 1 else [PurePath(name) for name in sources]
    sampling = {} if read is None else {"n_sample_bytes": read}
    try:
        with flags_named():
            job = plan(source, model, preset=preset, **sampling, **asked)
    except OptionError as error:
        flag = "--" + error.option.replace("_", "-")
        text = f"{flag}: expected {error.expected}, found {error.found}"
        raise click.UsageError(text, ctx) from None
    if as_json:
        say(json_line(as_object(job), indent=2))
        return 0
    for line in job.notes:
        note(f"wordvec plan: note: {line}")
    for line in job.warnings:
        note(f"wordvec plan: warning: {line}")
    sys.stderr.flush()
    say("\n".join(lines_of(job)))
    return 0


def as_object(job: JobPlan) -> dict[str, Any]:
    """Everything, for programs; the keys are JobPlan's."""
    found = dataclasses.asdict(job)
    found["settings"] = [dataclasses.asdict(setting) for setting in job.recipe.settings]
    found["options"] = [dataclasses.asdict(part) for part in job.recipe.parts]
    found["preset"] = job.recipe.preset
    del found["recipe"]
    return found


def lines_of(job: JobPlan) -> list[str]:
    text, memory = job.text, job.memory
    files = f" in {text.n_files:,} files" if text.n_files > 1 else ""
    share = "all of it read" if text.is_exact else f"{text.share:.1%} of it read"
    about = "" if text.is_exact else "about "
    lines = [
        f"text: {byte_size(text.n_bytes)}{files}, {share}",
        f"  {about}{thousands(text.n_tokens)} words, {about}{thousands(text.n_distinct)} "
        f"different ones, {about}{thousands(text.n_words)} of them kept; "
        f"{about}{thousands(text.n_sentences)} lines",
        f"{job.model}{f', preset {job.recipe.preset}' if job.model == 'train' else ''}:",
    ]
    shown = [s for s in job.recipe.settings if s.name != "sg" or job.model != "train"]
    lines += table([["  " + s.name, printable(str(s.value)), s.reason] for s in shown], left=3)
    lines += ["time on this machine, as busy as it is now:"]
    rows = [
        [f"  an epoch, {n} thread{'s' * (n > 1)}", clock(seconds)]
        for n, seconds in job.epoch_seconds.items()
    ]
    epochs = job.recipe.parts[0].epochs
    models = f" of {len(job.recipe.parts)} models" if len(job.recipe.parts) > 1 else ""
    rows += [
        ["  reading the text", clock(job.reading_seconds)],
        [f"  {epochs} epochs{models}, {job.workers} thread{'s' * (job.workers > 1)}",
         f"{clock(job.training_seconds)} ({figure(job.training_cpu_seconds)} CPU-s)"],
    ]  # fmt: skip
    lines += table(rows, left=2)
    lines += [f"memory: {byte_size(memory['peak'])} at most, {_when(memory)}"]
    lines += table([["  " + name, byte_size(memory[key])] for key, name in PARTS.items()])
    files_of = [f"{name} {byte_size(n)}" for name, n in job.disk.items()]
    lines.append("disk: " + ", ".join(files_of))
    return lines + job.advice


def _when(memory: dict[str, int]) -> str:
    if memory["reading"] > memory["training"]:
        return f"while reading; then, for training, {byte_size(memory['training'])}:"
    return f"while training; before, for reading, {byte_size(memory['reading'])}:"
