"""`wordvec glove glove`: Stanford's trainer, its flags, files and lines, on our engine."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from wordvec.options import GloveOptions

from .flags import (
    SWITCH,
    FileSet,
    file_flag,
    option_flags,
    options_from_flags,
    refuse_overwriting,
    whole_number,
)
from .glove_flags import MEMORY, GloveCommand, n_bytes_of, need_readable, tell, verbose_flag
from .main import EXIT_ERROR, EXIT_INTERRUPTED
from .word2vec import remark

if TYPE_CHECKING:
    from wordvec.files import OutputFile
    from wordvec.models.glove import Parameters
    from wordvec.models.glovefiles import GloveFiles

MOST = 2**31 - 1
LARGEST_MODEL = 3


@dataclass(frozen=True)
class Job:
    """What was asked for, beside the model's own options."""

    verbose: int
    write_header: bool
    binary: int
    model: int
    input_file: str
    vocab_file: str
    save_file: str
    gradsq_file: str | None
    save_gradsq: bool
    checkpoint_every: int
    load_init_param: bool
    init_param_file: str
    save_init_param: bool
    load_init_gradsq: bool
    init_gradsq_file: str
    resume: bool
    memory: float | None

    @property
    def gradsq(self) -> str | None:
        """The prefix of the squared gradients' files; naming it asks for them."""
        return self.gradsq_file or ("gradsq" if self.save_gradsq else None)


def _number(flag: str, default: int, high: int, help: str) -> click.Option:
    name = flag.lstrip("-").replace("-", "_")
    return click.Option(
        [flag, name], type=whole_number(0, high), metavar="N", default=default,
        help=f"{help} (default {default})",
    )  # fmt: skip


def _switch(flag: str, help: str) -> click.Option:
    name = flag.lstrip("-").replace("-", "_")
    return click.Option(
        [flag, name], type=SWITCH, metavar="0|1", default=False, help=f"1: {help} (default 0)"
    )


def _file(flag: str, default: str | None, help: str) -> click.Option:
    made = file_flag(flag, flag.lstrip("-").replace("-", "_"), help)
    made.default = default
    return made


FLAGS: list[click.Parameter] = [
    *option_flags(GloveOptions, {}, {"seed": "0: the time of day"}),
    verbose_flag("0: the lines of the iterations, 1: and settings, 2: and steps"),
    _switch("-write-header", "text files begin with a line `WORDS DIMENSIONS`"),
    _number("-binary", 0, 2, "0: text files, 1: binary files, 2: both"),
    _number("-model", 2, LARGEST_MODEL, "text files hold 0: word and context vectors with their "
            "biases, 1: word vectors, 2: the sums of word and context vectors"),
    _file("-input-file", "cooccurrence.shuf.bin", "records to train on, made by cooccur and "
          "shuffle (default cooccurrence.shuf.bin)"),
    _file("-vocab-file", "vocab.txt", "vocabulary made by vocab_count (default vocab.txt)"),
    _file("-save-file", "vectors", "where vectors go, without .txt or .bin (default vectors)"),
    _file("-gradsq-file", None, "where squared gradients go, likewise (default gradsq); switches "
          "-save-gradsq on"),
    _switch("-save-gradsq", "keep the sums of squared gradients, to go on from"),
    _number("-checkpoint-every", 0, MOST, "write files with the iteration's number after every N "
            "iterations; 0: none"),
    _switch("-load-init-param", "start from the parameters in -init-param-file"),
    _file("-init-param-file", "vectors.000.bin", "a binary file (default vectors.000.bin)"),
    _switch("-save-init-param", "write the parameters that training starts from"),
    _switch("-load-init-gradsq", "start from the squared gradients in -init-gradsq-file"),
    _file("-init-gradsq-file", "gradsq.000.bin", "a binary file (default gradsq.000.bin)"),
    _switch("-resume", "not in the original: go on after the last checkpoint that is there "
            "(needs -checkpoint-every, squared gradients and -binary 1 or 2)"),
    click.Option(
        ["-memory", "memory"], type=MEMORY, metavar="GIB", default=None,
        help="not in the original: a larger -input-file is read anew in every iteration "
        "(default: half of the machine's memory)",
    ),
]  # fmt: skip


@click.pass_context
def glove(ctx: click.Context, /, **values: Any) -> int:
    """Train GloVe vectors on shuffled co-occurrences.

    Flags, defaults, files and lines on stderr are those of Stanford's glove; unknown flags and
    values out of range are errors. Ctrl-C stops cleanly and writes the vectors reached so far
    (exit code 130).
    """
    job = Job(**{name: values.pop(name) for name in Job.__dataclass_fields__})
    # As in the original, but known to the resumed run too: it is only the start's.
    values["seed"] = values["seed"] or int(time.time())
    options = options_from_flags(GloveOptions, values, {}, ctx)
    if job.resume and not (job.checkpoint_every and job.gradsq and job.binary):
        raise click.UsageError(
            "-resume 1: expected -checkpoint-every N, -save-gradsq 1 and -binary 1 or 2 as well, "
            "without which no checkpoint can be gone on from", ctx,
        )  # fmt: skip
    if job.model == LARGEST_MODEL:
        remark(ctx.command_path, "note: -model 3 means 2, as it does in the original")
    return run_job(job, options, ctx)


def run_job(job: Job, options: GloveOptions, ctx: click.Context) -> int:
    from wordvec.errors import CorpusError
    from wordvec.models.glovefiles import GloveFiles, read_vocabulary

    need_readable("vocab file", job.vocab_file)
    try:
        words = read_vocabulary(job.vocab_file)
    except CorpusError:
        tell(f"Unable to find any vocab entries in vocab file {job.vocab_file}.\n")
        return EXIT_ERROR
    tell("TRAINING MODEL\n")
    need_readable("cooccurrence file", job.input_file)
    files = GloveFiles(
        words, job.save_file, job.gradsq, job.binary, min(job.model, 2), job.write_header
    )
    check_files(job, files, options.epochs, ctx)
    with ExitStack() as stack:
        outputs = files.open_final(stack)
        parameters, first_epoch = _start(job, options, files)
        if job.verbose > 0:
            tell(f"vector size: {options.vector_size}\nvocab size: {len(words)}\n")
            tell(f"x_max: {options.x_max:f}\nalpha: {options.alpha:f}\n")
        return _train_and_write(job, options, files, parameters, first_epoch, outputs, ctx)


def check_files(job: Job, files: GloveFiles, n_epochs: int, ctx: click.Context) -> None:
    """No output may replace the vocabulary, the records or another output."""
    inputs = {
        "-input-file": FileSet([job.input_file]),
        "-vocab-file": FileSet([job.vocab_file]),
    }
    epochs = [None, *([0] if job.save_init_param else [])]
    if job.checkpoint_every:
        epochs += range(job.checkpoint_every, n_epochs + 1, job.checkpoint_every)
    names = [name for epoch in epochs for name in files.names(epoch)]
    refuse_overwriting(inputs, [("-save-file", name) for name in names], ctx)


def _start(job: Job, options: GloveOptions, files: GloveFiles) -> tuple[Parameters, int]:
    """(parameters, iterations done)."""
    from wordvec.errors import FormatError
    from wordvec.models.glovefiles import INITIAL, read_start
    from wordvec.records import count_of_file

    n_records = count_of_file(job.input_file)
    tell(f"Read {n_records} lines.\n")
    if job.verbose > 1:
        tell("Initializing parameters...")
    tell(f"Using random seed {options.seed}\n")
    done = files.last_checkpoint(options.epochs) if job.resume else 0
    names = [
        job.init_param_file if job.load_init_param else None,
        job.init_gradsq_file if job.load_init_gradsq else None,
    ]
    if done:
        names = list(files.checkpoint_names(done))
    for name, what in zip(names, ("parameters", "squared gradients"), strict=True):
        if name is not None:
            tell(f"\nLoading initial {what} from {name} \n")
            need_readable("init file", name)
    try:
        parameters = read_start(len(files.words), options.vector_size, options.seed, *names)
    except FormatError as error:
        if not done:
            raise
        raise click.ClickException(
            f"{error}; delete it, and -resume 1 goes on after the checkpoint before it"
        ) from None
    if job.verbose > 1:
        tell("done.\n")
    if job.save_init_param and not done:
        if job.verbose > 1:
            tell("Saving initial parameters... ")
        files.write(parameters, INITIAL)
        if job.verbose > 1:
            tell("done.\n")
    return parameters, done


def _train_and_write(
    job: Job,
    options: GloveOptions,
    files: GloveFiles,
    parameters: Parameters,
    first_epoch: int,
    outputs: list[OutputFile],
    ctx: click.Context,
) -> int:
    from wordvec.memory import physical_bytes
    from wordvec.models.glove import train_glove

    def after_epoch(epoch: int, cost: float, parameters: Parameters) -> None:
        now = time.strftime("%x - %I:%M.%S%p")
        tell(f"{now}, iter: {epoch:03d}, cost: {cost:f}\n")
        if job.checkpoint_every and epoch % job.checkpoint_every == 0:
            tell(f"    saving intermediate parameters for iter {epoch:03d}...")
            files.write(parameters, epoch)
            tell("done.\n")

    trained = train_glove(
        job.input_file,
        len(files.words),
        options,
        parameters=parameters,
        memory=n_bytes_of(job.memory) if job.memory else physical_bytes() // 2,
        first_epoch=first_epoch,
        after_epoch=after_epoch,
    )
    if trained.n_skipped:
        remark(ctx.command_path, f"note: {trained.n_skipped} steps were left out because they "
               "were not finite")  # fmt: skip
    files.write(parameters, outputs=outputs, sync=not trained.interrupted)
    if trained.interrupted:
        remark(ctx.command_path, "interrupted; the vectors so far are in "
               + " and ".join(files.names()))  # fmt: skip
        return EXIT_INTERRUPTED
    return 0


command = GloveCommand("glove", params=FLAGS, callback=glove, help=glove.__doc__)
