"""`wordvec glove vocab_count|cooccur|shuffle`: text to records, with the original's flags, lines on
stderr and bytes on stdout."""

from __future__ import annotations

import os
import stat
import time
from typing import TYPE_CHECKING, Any

import click

from wordvec.options import CooccurOptions

from .flags import option_flags, options_from_flags, whole_number
from .glove_flags import (
    MEMORY,
    NAME,
    GloveCommand,
    folder_of,
    n_bytes_of,
    n_threads_of,
    need_readable,
    tell,
    threads_flag,
    verbose_flag,
)
from .main import EXIT_ERROR
from .word2vec import remark

if TYPE_CHECKING:
    from wordvec.corpus import EncodedCorpus
    from wordvec.progress import Progress
    from wordvec.vocab import Vocab

MOST = 2**62
TOKENS_PER_RECORD = 100_000
# Of the memory that shuffle is given, records may take this share; and they take 16 bytes each.
SHUFFLE_SHARE = 0.95
RECORD_BYTES = 16


class Counter:
    """The original's running numbers: `column` is where on the line they stand."""

    def __init__(self, column: int, after: str, *, shown: bool) -> None:
        self.column, self.after, self.shown = column, after, shown
        self._n_last = 0

    def __call__(self, n: int) -> None:
        step = n // TOKENS_PER_RECORD
        if self.shown and step > self._n_last:
            tell(f"\x1b[{self.column}G{step * TOKENS_PER_RECORD}{self.after}")
        self._n_last = step

    def report(self, progress: Progress, /) -> None:
        if progress.stage == "count":
            self(progress.n_tokens_read)


# ---- vocab_count ------------------------------------------------------------------------------

VOCAB_FLAGS: list[click.Parameter] = [
    click.Option(
        ["-max-vocab", "max_vocab"], type=whole_number(0, MOST), metavar="N", default=0,
        help="keep only the N most frequent words (default 0: all)",
    ),
    click.Option(
        ["-min-count", "min_count"], type=whole_number(0, MOST), metavar="N", default=1,
        help="drop words that occur less often (default 1)",
    ),
    threads_flag("threads; the vocabulary is the same for any number"),
    verbose_flag("0, 1 or 2"),
]  # fmt: skip


@click.pass_context
def run_vocab_count(
    ctx: click.Context, /, max_vocab: int, min_count: int, threads: int | None, verbose: int
) -> int:
    """Count the words of the text on stdin; write the vocabulary to stdout.

    Flags, order, lines and bytes are those of the original vocab_count; unknown flags and values
    out of range are errors.

    \b
    Example:
      wordvec glove vocab_count -min-count 5 < text.txt > vocab.txt
    """
    from wordvec.corpus import count_vocab, read_corpus
    from wordvec.files import OutputFile
    from wordvec.glovevocab import glove_order
    from wordvec.rules import GLOVE_RULES

    tell("BUILDING VOCABULARY\n")
    if verbose > 1:
        tell("Processed 0 tokens.")
    counter = Counter(11, " tokens.", shown=verbose > 1)
    reading: dict[str, Any] = {
        "rules": GLOVE_RULES, "min_count": 1, "n_threads": n_threads_of(threads),
        "reporter": counter.report,
    }  # fmt: skip
    corpus: EncodedCorpus | None = None
    notes: list[str] = []
    with OutputFile("-") as output:
        if max_vocab:  # which of the words tied at the cut stay depends on where they stand
            corpus = read_corpus("-", **reading)
            vocab, notes = corpus.vocab, corpus.notes
        else:
            vocab = count_vocab("-", **reading, notes=notes)
        if "<unk>" in vocab:
            tell(
                "\nError, <unk> vector found in corpus.\nPlease remove <unk>s from your corpus "
                "(e.g. cat text8 | sed -e 's/<unk>/<raw_unk>/g' > text8.new)\n"
            )
            return EXIT_ERROR
        if verbose > 1:
            tell(f"\x1b[0GProcessed {vocab.n_tokens} tokens.\n")
            tell(f"Counted {len(vocab)} unique words.\n")
        for note in notes:
            remark(ctx.command_path, note)
        rows = glove_order(vocab, min_count, max_vocab, corpus)
        vocab.write(output.stream, "the vocabulary", rows)
    _tell_vocab(vocab, len(rows), min_count, max_vocab, verbose)
    return 0


def _tell_vocab(vocab: Vocab, n_kept: int, min_count: int, max_vocab: int, verbose: int) -> None:
    n_before = min(max_vocab, len(vocab)) if max_vocab else len(vocab)
    if verbose > 0 and n_kept < n_before:
        tell(f"Truncating vocabulary at min count {min_count}.\n")
    elif verbose > 0 and n_kept < len(vocab):
        tell(f"Truncating vocabulary at size {max_vocab}.\n")
    tell(f"Using vocabulary of size {n_kept}.\n\n")


# ---- cooccur ----------------------------------------------------------------------------------

COOCCUR_FLAGS: list[click.Parameter] = [
    *option_flags(CooccurOptions, {}, {}),
    click.Option(
        ["-vocab-file", "vocab_file"], type=NAME, metavar="FILE", default="vocab.txt",
        help="the vocabulary, made by vocab_count (default vocab.txt)",
    ),
    click.Option(
        ["-memory", "memory"], type=MEMORY, metavar="GIB", default=3.0,
        help="budget in GiB (default 3.0); more goes to files, and the records are the same",
    ),
    click.Option(
        ["-max-product", "max_product"], type=whole_number(0, MOST), metavar="N", default=None,
        help="pairs whose ranks multiplied are at most N are counted in a table, the others "
        "sorted; changes no record (default: from -memory)",
    ),
    click.Option(
        ["-overflow-length", "overflow_length"], type=whole_number(1, MOST), metavar="N",
        default=None,
        help="pairs beside the table that may wait in memory; changes no record (default: from "
        "-memory)",
    ),
    click.Option(
        ["-overflow-file", "overflow_file"], type=NAME, metavar="FILE", default="overflow",
        help="temporary files lie, nameless, in this file's folder (default overflow)",
    ),
    threads_flag("threads; the records are the same for any number"),
    verbose_flag("0, 1, 2 or more"),
]  # fmt: skip


@click.pass_context
def run_cooccur(
    ctx: click.Context, /, vocab_file: str, memory: float, max_product: int | None,
    overflow_length: int | None, overflow_file: str, threads: int | None, verbose: int,
    **values: Any,
) -> int:  # fmt: skip
    """Count the pairs of words that stand near each other in the text on stdin; write their
    records to stdout: 16 bytes each, sorted, every pair once.

    Flags, defaults, lines and records are those of the original cooccur, but for a first record
    that it doubles when nothing overflows; unknown flags and values out of range are errors.

    \b
    Example:
      wordvec glove cooccur -vocab-file vocab.txt -window-size 10 < text.txt > cooccurrence.bin
    """
    from wordvec.cooccur import count_pairs
    from wordvec.corpus import read_corpus
    from wordvec.files import OutputFile
    from wordvec.glovevocab import read_glove_vocab
    from wordvec.rules import GLOVE_RULES

    options = options_from_flags(CooccurOptions, values, {}, ctx)
    n_threads, n_bytes = n_threads_of(threads), n_bytes_of(memory)
    _tell_settings(options, memory, max_product, overflow_length, verbose)
    need_readable("vocab file", vocab_file)
    with OutputFile("-") as output:
        if verbose > 1:
            tell(f'Reading vocab from file "{vocab_file}"...')
        vocab, again = read_glove_vocab(vocab_file)
        for word in again:
            tell(f"Error, duplicate entry located: {word.decode('utf-8', 'surrogateescape')}.\n")
        if verbose > 1:
            tell(f"loaded {len(vocab)} words.\nProcessing token: 0")
        counter = Counter(19, "", shown=verbose > 1)
        corpus = read_corpus(
            "-", rules=GLOVE_RULES, vocab=vocab, n_threads=n_threads, memory=n_bytes,
            reporter=counter.report,
        )  # fmt: skip
        if verbose > 1:
            tell(f"\x1b[0GProcessed {corpus.n_tokens_read} tokens.\n")
        for note in corpus.notes:
            remark(ctx.command_path, note)
        with count_pairs(
            corpus, options, memory=n_bytes, n_threads=n_threads, max_product=max_product,
            n_waiting=overflow_length, folder=folder_of(overflow_file),
        ) as pairs:  # fmt: skip
            n_records = pairs.write(output.stream, n_threads)
    tell(f"\x1b[0GMerging cooccurrence files: processed {n_records} lines.\n\n")
    return 0


def _tell_settings(
    options: CooccurOptions, memory: float, max_product: int | None, overflow_length: int | None,
    verbose: int,
) -> None:  # fmt: skip
    tell("COUNTING COOCCURRENCES\n")
    if verbose > 0:
        tell(f"window size: {options.window}\n")
        tell(f"context: {'symmetric' if options.symmetric else 'asymmetric'}\n")
    if verbose > 1:
        from wordvec.cooccur import stanford_limits

        product, length = stanford_limits(memory)
        tell(f"max product: {product if max_product is None else max_product}\n")
        tell(f"overflow length: {length if overflow_length is None else overflow_length}\n")


# ---- shuffle ----------------------------------------------------------------------------------

SHUFFLE_FLAGS: list[click.Parameter] = [
    click.Option(
        ["-memory", "memory"], type=MEMORY, metavar="GIB", default=2.0,
        help="GiB for the records that are shuffled at once (default 2.0)",
    ),
    click.Option(
        ["-array-size", "array_size"], type=whole_number(1, MOST), metavar="N", default=None,
        help="records that are shuffled at once (default: from -memory)",
    ),
    click.Option(
        ["-temp-file", "temp_file"], type=NAME, metavar="FILE", default="temp_shuffle",
        help="temporary files lie, nameless, in this file's folder (default temp_shuffle)",
    ),
    click.Option(
        ["-seed", "seed"], type=whole_number(-(2**31), 2**31 - 1), metavar="N", default=0,
        help="seed of the order; the same seed and array size, the same order (default 0: the "
        "time of day)",
    ),
    verbose_flag("0, 1 or 2"),
]  # fmt: skip


def run_shuffle(
    memory: float, array_size: int | None, temp_file: str, seed: int, verbose: int
) -> int:
    """Shuffle the co-occurrence records on stdin; write them to stdout.

    Flags, defaults, lines and, for the same -seed and -array-size, the bytes of the output are
    those of the original shuffle; unknown flags and values out of range are errors.

    \b
    Example:
      wordvec glove shuffle -memory 4.0 < cooccurrence.bin > cooccurrence.shuf.bin
    """
    from wordvec.files import OutputFile
    from wordvec.shuffling import shuffle_like_glove

    seed = seed or int(time.time()) % 2**31
    size = array_size
    if size is None:
        size = int(min(SHUFFLE_SHARE * memory * 2**30 / RECORD_BYTES, MOST))
        if size < 1:
            raise click.UsageError(f"-memory: {memory:g} GiB hold no record")
    tell(f"Using random seed {seed}\nSHUFFLING COOCCURRENCES\n")
    if verbose > 0:
        tell(f"array size: {size}\n")
    if verbose > 1:
        tell("Shuffling by chunks: processed 0 lines.")
    progress = _ShuffleLines(verbose)
    with OutputFile("-") as output, open(0, "rb", buffering=0, closefd=False) as stream:
        n_records = shuffle_like_glove(
            stream, output.stream.write, seed, size,
            n_records_expected=_n_records_of(stream), folder=folder_of(temp_file),
            on_chunk=progress.chunk, on_merged=progress.merged,
        )  # fmt: skip
    progress.end(n_records)
    return 0


def _n_records_of(stream: Any) -> int | None:
    """Records that are left in a regular file; None for a pipe."""
    status = os.fstat(stream.fileno())
    if not stat.S_ISREG(status.st_mode):
        return None
    return max(status.st_size - int(stream.tell()), 0) // RECORD_BYTES


class _ShuffleLines:
    """The original's lines on stderr."""

    def __init__(self, verbose: int) -> None:
        self.verbose = verbose
        self._n_chunks = 0
        self._merging = False

    def chunk(self, n_records: int) -> None:
        self._n_chunks += 1
        if self.verbose > 1:
            tell(f"\x1b[22Gprocessed {n_records} lines.")

    def merged(self, n_records: int) -> None:
        if not self._merging:
            self._merging = True
            if self.verbose > 1:
                tell(f"\nWrote {self._n_chunks} temporary file(s).\n")
            if self.verbose > 0:
                tell("Merging temp files: processed 0 lines.")
        if self.verbose > 0:
            tell(f"\x1b[31G{n_records} lines.")

    def end(self, n_records: int) -> None:
        tell(f"\x1b[0GMerging temp files: processed {n_records} lines.\n\n")


vocab_count = GloveCommand(
    "vocab_count", params=VOCAB_FLAGS, callback=run_vocab_count, help=run_vocab_count.__doc__,
    runs_alone=True,
)  # fmt: skip
cooccur = GloveCommand(
    "cooccur", params=COOCCUR_FLAGS, callback=run_cooccur, help=run_cooccur.__doc__
)
shuffle = GloveCommand(
    "shuffle", params=SHUFFLE_FLAGS, callback=run_shuffle, help=run_shuffle.__doc__,
    runs_alone=True,
)  # fmt: skip
