"""`wordvec glove train`: from a text to GloVe vectors in one command, without files between."""

from __future__ import annotations

import dataclasses
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from wordvec.options import GloveModelOptions

from .asking import flags_named
from .convert import check_target
from .flags import SIZE, is_inside, refuse_overwriting
from .glove_flags import n_threads_of
from .main import EXIT_INTERRUPTED
from .meter import Meter, duration
from .settings import settings_of
from .speech import note, say, thousands
from .word2vec import is_device, trained_files

if TYPE_CHECKING:
    from wordvec.corpus import EncodedCorpus
    from wordvec.models.glovemodel import GloVe

ALIASES = {"vector_size": "--dim", "workers": "--threads", "epochs": "--iter"}
# What may differ between a checkpoint and the run that goes on from it.
FREE_TO_CHANGE = ("epochs", "workers", "vectors")


@click.command("train")
@click.argument("sources", metavar="CORPUS...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="OUT", required=True, help="Where the vectors go.")
@click.option("--format", metavar="NAME", help="Of OUT; by its suffix otherwise.")
@click.option(
    "--memory",
    type=SIZE,
    metavar="BYTES",
    help="Budget, such as 4G; beyond it "
    "temporary files are used (default: half of the machine's memory).",
)
@click.option("--save-vocab", metavar="FILE", help="Write the vocabulary, WORD COUNT a line.")
@click.option(
    "--checkpoint",
    metavar="FILE",
    help="Keep the state of the training in FILE; when it is there, go on from it.",
)
@click.option(
    "--checkpoint-every",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Epochs between two checkpoints.",
)
@settings_of(GloveModelOptions, ALIASES, {"workers": "the processor's cores", "max_vocab": "all"})
@click.pass_context
def command(
    ctx: click.Context,
    /,
    sources: tuple[str, ...],
    output: str,
    format: str | None,
    memory: int | None,
    save_vocab: str | None,
    checkpoint: str | None,
    checkpoint_every: int,
    **asked: Any,
) -> int:  # fmt: skip
    """Train GloVe vectors on CORPUS: files, folders, patterns, or - for stdin.

    Counts words and their co-occurrences, shuffles and trains, in memory when it allows. The
    format of OUT follows from its suffix: .txt and .bin as word2vec's, .glove.txt as GloVe's, and
    all that `wordvec convert` writes. Ctrl-C during training saves the vectors reached so far.

    \b
      wordvec glove train text.txt -o vectors.txt
      wordvec glove train texts/ -o vectors.bin --dim 300 --window 10 --iter 50 --checkpoint state
    """
    start = time.perf_counter()
    settings = {name: value for name, value in asked.items() if value is not None}
    settings.setdefault("workers", n_threads_of(None))
    options = GloveModelOptions(**settings)
    check_files(ctx, sources, output, format, checkpoint, save_vocab)
    meter = Meter(sys.stderr)
    reporting: dict[str, Any] = {"reporter": meter} if sys.stderr.isatty() else {}
    try:
        corpus = read_text(sources, options, memory, reporting)
        model = made_model(options, corpus, memory, reporting, checkpoint)
        if checkpoint is not None:
            model.callbacks.append(Checkpoints(checkpoint, checkpoint_every))
        if save_vocab is not None:
            corpus.vocab.save(save_vocab)
        train(model, corpus, options.epochs)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("no vectors were written") from None
    finally:
        meter.close()
    return write(model, output, format, options, time.perf_counter() - start)


def check_files(
    ctx: click.Context,
    sources: tuple[str, ...],
    output: str,
    format: str | None,
    checkpoint: str | None,
    save_vocab: str | None,
) -> None:
    """Find out before the work what would be wrong with the files that are to be written."""
    from wordvec.files import OutputFile

    outputs = [("-o", output), ("--checkpoint", checkpoint), ("--save-vocab", save_vocab)]
    named = [(flag, name) for flag, name in outputs if name is not None and name != "-"]
    inputs = {f"the text {source}": trained_files(source) for source in sources}
    refuse_overwriting(inputs, named, ctx)
    for flag, name in named:
        for source in sources:
            if not is_device(name) and is_inside(name, source):
                raise click.UsageError(
                    f"{flag}: {name!r} lies in the folder {source!r}, where the next run would "
                    "take it for text; name a file elsewhere", ctx,
                )  # fmt: skip
        with flags_named():
            if flag == "-o":
                check_target(name, format)
            elif not is_device(name):
                OutputFile(name).discard()  # a folder that is not there shows now


def read_text(
    sources: tuple[str, ...],
    options: GloveModelOptions,
    memory: int | None,
    reporting: dict[str, Any],
) -> EncodedCorpus:
    from wordvec.corpus import read_corpus
    from wordvec.errors import RareWordsError
    from wordvec.rules import GLOVE_RULES

    try:
        corpus = read_corpus(
            list(sources) if len(sources) > 1 else sources[0],
            rules=GLOVE_RULES,
            min_count=options.min_count,
            max_vocab=options.max_vocab,
            n_threads=options.workers,
            memory=memory,
            **reporting,
        )
    except RareWordsError as error:
        raise click.ClickException(error.message("--min-count")) from None
    for line in corpus.notes:
        note(f"wordvec glove train: {line}")
    return corpus


class Checkpoints:
    """Saves the model after every N epochs."""

    def __init__(self, path: str, every: int) -> None:
        self.path, self.every = path, every

    def on_train_begin(self, model: GloVe) -> None: ...
    def on_epoch_begin(self, model: GloVe) -> None: ...
    def on_train_end(self, model: GloVe) -> None: ...

    def on_epoch_end(self, model: GloVe) -> None:
        if model.n_epochs_done % self.every == 0:
            model.save_state(self.path)


def made_model(
    options: GloveModelOptions,
    corpus: EncodedCorpus,
    memory: int | None,
    reporting: dict[str, Any],
    checkpoint: str | None,
) -> GloVe:
    """A new model, or the one in the checkpoint, which must be of this text and these settings."""
    from wordvec.models.glovemodel import GloVe

    if checkpoint is None or not os.path.exists(checkpoint):
        return GloVe(memory=memory, **reporting, **dataclasses.asdict(options))
    model = GloVe.load(checkpoint, memory=memory, workers=options.workers, **reporting)
    for field in dataclasses.fields(options):
        then, now = getattr(model.options, field.name), getattr(options, field.name)
        if then != now and field.name not in FREE_TO_CHANGE:
            raise click.ClickException(
                f"{checkpoint} is there, of a training with {field.name} {then}, not {now}; "
                "delete it or name another file"
            )
    if model.n_epochs_done > options.epochs:
        raise click.ClickException(
            f"{checkpoint} is there, after {model.n_epochs_done} epochs, more than --epochs "
            f"{options.epochs}; ask for as many, or delete it"
        )
    assert model.vocab is not None
    if model.vocab != corpus.vocab:
        raise click.ClickException(
            f"{checkpoint} is there, of a training on another text; delete it or name another file"
        )
    model.options = dataclasses.replace(model.options, vectors=options.vectors)
    note(f"wordvec glove train: going on after epoch {model.n_epochs_done} ({checkpoint})")
    return model


def train(model: GloVe, corpus: EncodedCorpus, n_epochs: int) -> None:
    if model.parameters is None:
        model.train(corpus)
    elif model.n_epochs_done < n_epochs:
        model.continue_training(corpus, n_epochs - model.n_epochs_done)


def write(
    model: GloVe, output: str, format: str | None, options: GloveModelOptions, seconds: float
) -> int:
    from wordvec import formats

    assert model.wv is not None
    with flags_named():
        if formats.format_to_write(output, format).NAME == formats.glove_binary.NAME:
            save_parameters(model, output)
        else:
            formats.save(model.wv, output, format)
    interrupted = model.outcome is not None and model.outcome.interrupted
    tell = note if output in ("-", "/dev/stdout") else say
    losses = f", cost {model.losses[-1]:.6f}" if model.losses else ""
    tell(
        f"{output}: {thousands(len(model.wv))} words, {model.wv.dim} dimensions, "
        f"{model.n_epochs_done} of {options.epochs} epochs{losses}, {duration(seconds)}"
    )
    if interrupted:
        note("wordvec glove train: interrupted; these are the vectors so far")
        return EXIT_INTERRUPTED
    return 0


def save_parameters(model: GloVe, output: str) -> None:
    """GloVe's binary file as GloVe would write it, with context vectors and biases, and the
    vocabulary beside it."""
    from contextlib import ExitStack

    from wordvec.files import OutputFile
    from wordvec.formats import glove_binary

    assert model.parameters is not None and model.vocab is not None
    with ExitStack() as stack:
        files = [stack.enter_context(OutputFile(n)) for n in glove_binary.output_names(output)]
        glove_binary.write_parameters(files[0].stream, model.parameters.blocks())
        model.vocab.write(files[1].stream, files[1].path)
        for file in files:
            file.flush()
