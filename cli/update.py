"""`wordvec update`: more text for a model that was saved whole."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import click

from .flags import FileSet
from .main import EXIT_INTERRUPTED
from .meter import Meter
from .speech import byte_size, json_line, printable, say

if TYPE_CHECKING:
    from wordvec.models.updating import UpdateReport

N_SHOWN = 10


@click.command("update")
@click.argument("model_path", metavar="MODEL")
@click.argument("sources", metavar="TEXT...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="OUT", required=True, help="The model with the new text.")
@click.option("--epochs", type=click.INT, help="Passes over the new text (default: the model's).")
@click.option("--alpha", type=click.FLOAT, help="Learning rate (default: the model's).")
@click.option("--min-count", type=click.INT, help="Of new words (default: the model's).")
@click.option(
    "--anchor", type=click.FLOAT, default=0.5, show_default=True, metavar="0..1",
    help="How firmly old words are held: 0 not at all, 1 they stay.",
)  # fmt: skip
@click.option("--threads", type=click.IntRange(1, 4096), help="Default: the cores there are.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object at the end.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    model_path: str,
    sources: tuple[str, ...],
    output: str,
    threads: int | None,
    as_json: bool,
    **asked: Any,
) -> int:
    """Train MODEL on over TEXT alone: new words join, old ones are held near where they were.

    MODEL is a whole model: what Word2Vec.save or FastText.save wrote (gensim's as well), or a .bin
    of fasttext skipgram or cbow. OUT is our own format, or a .bin for a .bin. Says how far the old
    words moved.

    \b
      wordvec update model.bin news.txt -o model2.bin --epochs 2 --anchor 0.8
    """
    from wordvec.errors import OptionError
    from wordvec.files import OutputFile
    from wordvec.models.updating import describe
    from wordvec.training import usable_cores

    source: Any = sources[0] if len(sources) == 1 else [PurePath(name) for name in sources]
    if output == "-" or os.path.isdir(output):
        raise click.UsageError(f"-o: expected the name of a file, found {output!r}", ctx)
    if FileSet(sources).holds(output):
        raise click.UsageError(f"-o: {output!r} is one of the texts to train on", ctx)
    OutputFile(output).discard()  # a missing folder shows now
    model, is_fasttext_file = load_model(model_path)
    if output.endswith(".bin") != is_fasttext_file:
        expected = "a name that ends in .bin" if is_fasttext_file else "one that does not"
        raise click.UsageError(f"-o: expected {expected}, as MODEL, found {output!r}", ctx)
    model.workers = threads or usable_cores()
    meter = Meter(sys.stderr)
    if not as_json and sys.stderr.isatty():
        model._reporter = meter
    try:
        report = model.update(source, n_shown=N_SHOWN, **asked)
    except OptionError as error:
        flag = "--" + error.option.replace("_", "-")
        text = f"{flag}: expected {error.expected}, found {error.found}"
        raise click.UsageError(text, ctx) from None
    except KeyboardInterrupt:
        raise KeyboardInterrupt("nothing was written") from None
    finally:
        meter.close()
    save_model(model, output, is_fasttext_file)
    if as_json:
        say(json_line(as_object(report, output), indent=2))
    else:
        say("\n".join(printable(line) for line in describe(report)))
        interrupted = "interrupted; what was learned so far is in " * report.outcome.interrupted
        say(f"{interrupted}{output}: {byte_size(os.path.getsize(output))}")
    return EXIT_INTERRUPTED if report.outcome.interrupted else 0


def load_model(path: str) -> tuple[Any, bool]:
    """The model of a file, and whether that is one of fastText's."""
    from wordvec.errors import FormatError
    from wordvec.formats import fasttext_bin
    from wordvec.models.facebook import load_facebook_model
    from wordvec.models.fasttext import FastText
    from wordvec.models.word2vec import Word2Vec

    with open(path, "rb") as file:
        head = file.read(4096)
    if fasttext_bin.sniff(head):
        return load_facebook_model(path), True
    try:
        return Word2Vec.load(path), False
    except FormatError as error:
        if "FastText" not in str(error):
            raise
    return FastText.load(path), False


def save_model(model: Any, path: str, is_fasttext_file: bool) -> None:
    from wordvec.models.facebook import save_facebook_model

    if is_fasttext_file:
        save_facebook_model(model, path)
    else:
        model.save(path)


def as_object(report: UpdateReport, output: str) -> dict[str, Any]:
    """Everything, for programs; movements have null where there was no word to compare."""
    found = dataclasses.asdict(report)
    for name in ("moved", "moved_in_text"):
        if not found[name]["n_words"]:
            found[name]["mean"] = None
    outcome = found.pop("outcome")
    return found | {
        "file": output,
        "interrupted": outcome["interrupted"],
        "epoch_losses": [x if x == x else None for x in outcome["epoch_losses"]],
    }
