"""`wordvec convert`: the same vectors in another format."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from .asking import flags_named, load_vectors
from .flags import FileSet
from .info import recognised
from .speech import byte_size, note, say, thousands

if TYPE_CHECKING:
    from wordvec.vectors import Vectors

_ROUNDED_ROWS = 100  # looked at for a note that numbers are rounded


@click.command("convert")
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@click.option("--format", "format", metavar="NAME", help="Format of OUT; its suffix otherwise.")
@click.option(
    "--from", "source_format", metavar="NAME", help="Format of IN; found by its content otherwise."
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="Only the first N words (the most frequent ones).",
)
@click.option(
    "--words",
    "words_file",
    metavar="FILE",
    help="Only the words in FILE: one a line, up to a blank or tab (a vocabulary with "
    "counts will do).",
)
@click.option(
    "--float16",
    is_flag=True,
    help="Round the numbers to 11 bits; half the size in formats that hold float16.",
)
@click.option(
    "--plane",
    is_flag=True,
    help="Add 8-bit copies of the rows, for faster searches with the same answers "
    "(.wordvec only; a quarter more space).",
)
@click.option(
    "--restore-mean",
    is_flag=True,
    help="Add the mean again that `wordvec train` took away.",
)
@click.option(
    "--allow-pickle",
    is_flag=True,
    help="Read gensim's own files too (through a restricted unpickler).",
)
def command(
    source: str,
    target: str,
    format: str | None,
    source_format: str | None,
    limit: int | None,
    words_file: str | None,
    float16: bool,
    plane: bool,
    restore_mean: bool,
    allow_pickle: bool,
) -> int:
    """Write the vectors of IN to OUT in another format, or fewer of them in the same.

    The format of OUT follows from its suffix, or from --format; .gz, .bz2 and .xz pack it.  OUT
    appears whole or not at all.  IN may be -, standard input, and OUT -, standard output.

    \b
      wordvec convert GoogleNews-vectors-negative300.bin.gz vectors.txt --limit 200000
      wordvec convert vectors.txt vectors.bin --words my-vocabulary.txt
    """
    import wordvec

    source = "/dev/stdin" if source == "-" else source
    refuse_same_file(source, target, words_file)
    with flags_named():
        check_target(target, format)
    if restore_mean and (limit is not None or words_file is not None):
        raise click.UsageError("--restore-mean needs all of IN: convert again for fewer words")
    words = None if words_file is None else read_words(words_file)
    dtype = "float16" if float16 else "float32"
    vectors = load_vectors(source, source_format, limit, allow_pickle, words=words, dtype=dtype)
    if words is not None:
        report_missing(words, vectors, source, str(words_file))
    if restore_mean:
        add_mean(vectors, source)
    with flags_named():
        wordvec.save(vectors, target, format, plane=plane or None)
    report_rounding(vectors, target, format)
    report_ngrams(vectors, target, format)
    if target != "-" and os.path.isfile(target):
        name, packing = recognised(target, format)
        packed = f" in {packing}" if packing else ""
        size = byte_size(os.path.getsize(target))
        say(
            f"{target}: {thousands(len(vectors))} words, {vectors.dim} dimensions, "
            f"{name}{packed}, {size}"
        )
    return 0


def add_mean(vectors: Vectors, source: str) -> None:
    from wordvec import centring

    try:
        centring.restore_mean(vectors)
    except ValueError as error:
        raise click.ClickException(f"{source}: {error}") from None


def refuse_same_file(source: str, target: str, words_file: str | None) -> None:
    inputs = [source] if words_file is None else [source, words_file]
    for name in inputs:
        if FileSet([name]).holds(target):
            raise click.UsageError(f"OUT is the same file as {name}; give it another name")


def check_target(target: str, format: str | None) -> None:
    """Find out before the work that OUT cannot be written: a word is saved as the vectors will be.

    An unknown format, a missing package, a folder that is not there or stands in OUT's place.
    """
    import tempfile

    import numpy as np

    from wordvec import formats
    from wordvec.errors import OptionError, WordvecError
    from wordvec.files import OutputFile
    from wordvec.keyedvectors import KeyedVectors

    if format is not None:
        formats.format_named(format)
    is_folder = os.path.isdir(target)
    if target == "-" or (os.path.exists(target) and not os.path.isfile(target) and not is_folder):
        return  # a device, a pipe
    word = KeyedVectors.from_vectors(["word"], np.ones((1, 2), np.float32), np.ones(1, np.int64))
    with tempfile.TemporaryDirectory() as folder:
        trial = os.path.join(folder, os.path.basename(os.path.normpath(target)))
        if formats.format_to_write(target, format).NAME != formats.glove_binary.NAME:
            try:
                formats.save(word, trial, format)
            except OptionError as error:
                found = target if error.found == trial else error.found
                raise OptionError(error.option, error.expected, found) from None
            except WordvecError as error:
                raise click.ClickException(str(error).replace(trial, target)) from None
        if is_folder and not os.path.isdir(trial):
            raise click.UsageError(f"{target!r} is a folder; name a file")
    if not is_folder:
        OutputFile(target).discard()


def read_words(path: str) -> list[str]:
    """The words of a list or vocabulary file, in its order."""
    with open(path, "rb") as stream:
        lines = stream.read().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    firsts = (line.replace(b"\t", b" ").strip(b" \r").split(b" ")[0] for line in lines)
    words = [first.decode("utf-8", "surrogateescape") for first in firsts if first]
    if not words:
        raise click.ClickException(f"{path}: expected a word a line, found none")
    return words


def report_rounding(vectors: Vectors, target: str, format: str | None) -> None:
    """Say that text of few digits does not give the same numbers back, if it does not."""
    import numpy as np

    from wordvec.formats import format_to_write

    chosen = format_to_write(target, format)
    style = getattr(chosen, "ROUNDED_TO", None)
    if style is None or not len(vectors):
        return
    step = -(-len(vectors) // _ROUNDED_ROWS)
    sample = np.asarray(vectors.matrix[::step], np.float32).ravel()
    read_back = np.array([style % number for number in sample.tolist()], np.float32)
    if not np.array_equal(read_back, sample, equal_nan=True):
        note(
            f"wordvec convert: note: {chosen.NAME} rounds numbers to {style}; --format gensim-text "
            "or a binary format keeps them as they are"
        )


def report_ngrams(vectors: Vectors, target: str, format: str | None) -> None:
    """Say that vectors of unseen words can no longer be built, if that is so."""
    from wordvec.formats import fasttext_bin, format_to_write, ngrams, own

    chosen = format_to_write(target, format)
    if vectors.subwords is None or not vectors.subwords.rules.has_ngrams:
        return
    if chosen.NAME == own.NAME and not ngrams.can_store(vectors.subwords):
        note("wordvec convert: note: the n-grams of quantised and pruned models are left out")
    elif chosen.NAME not in (own.NAME, fasttext_bin.NAME):
        note(
            f"wordvec convert: note: {chosen.NAME} has no place for the n-grams that make vectors "
            f"of unseen words; {own.NAME} and {fasttext_bin.NAME} have"
        )


def report_missing(words: list[str], vectors: Any, source: str, words_file: str) -> None:
    wanted = dict.fromkeys(words)
    missing = [word for word in wanted if word not in vectors.words]
    if len(missing) == len(wanted):
        raise click.ClickException(
            f"none of the {len(wanted)} words in {words_file} is in {source} (the first: "
            f"{missing[0]!r:.60})"
        )
    if missing:
        note(
            f"wordvec convert: note: {len(missing)} of {len(wanted)} words are not in {source} "
            f"(the first: {missing[0]!r:.60})"
        )
