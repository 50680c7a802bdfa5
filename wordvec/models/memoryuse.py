"""How many bytes a model takes while it is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wordvec.kernels import sgd
from wordvec.options import FastTextOptions

if TYPE_CHECKING:
    from wordvec.models.onlinemodel import OnlineModel

_TYPICAL_WORD_BYTES = 9 + 8 + 8  # with place and count
_TABLE_BYTES = 70  # of a word in the table for look-ups, which FastText makes
_TYPICAL_PATH = 20  # inner nodes above a word, in vocabularies of the usual size
_INDEX_BYTES = 15  # of a word in the hash index: 2 to 4 slots of a number and a tag
# While sampling is prepared: thresholds 4, aliases 8, and float64 numbers that they are made from.
_SAMPLING_BYTES = 28
_SCRATCH_BYTES = 5 << 20  # of one thread: a chunk of text and its ids, later rows of its own


def estimate(
    model: OnlineModel, vocab_size: int | None, report: dict[str, int] | None
) -> dict[str, int]:
    """Bytes by what they are for, and their "total"; without the interpreter itself.

    vocab   words, counts and their index
    tables  what sampling and the Huffman tree need
    vectors, syn1, syn1neg   the weights (rows are padded to 64 bytes)
    syn0_ngrams, buckets_word   FastText: rows of n-grams, and which of them each word has; of the
            vocabulary that is there, or all buckets for another `vocab_size`
    corpus  the ids of the text counted last
    threads what each thread works with
    """
    network = model.network
    n_words = vocab_size or len(model.wv)
    is_own = network is not None and n_words == len(network.vocab)
    row_bytes = sgd.padded(model.vector_size) * 4
    report = dict(report or {})
    is_fasttext = isinstance(model.options, FastTextOptions)
    n_bytes = n_words * (_TYPICAL_WORD_BYTES + _TABLE_BYTES * is_fasttext)
    if network is not None and is_own:
        n_bytes = network.vocab.n_memory_bytes
    report["vocab"] = n_bytes + n_words * (8 + _INDEX_BYTES)
    report["tables"] = n_words * (_SAMPLING_BYTES if model.negative else 4)
    report["vectors"] = n_words * row_bytes
    if model.hs:
        report["syn1"] = n_words * row_bytes
        length = _TYPICAL_PATH
        if network is not None and is_own and network.paths is not None:
            length = len(network.paths[1]) // n_words
        report["tables"] += n_words * (8 + 5 * length)
    if model.negative:
        report["syn1neg"] = n_words * row_bytes
    if is_fasttext:
        report["syn0_words"] = n_words * row_bytes  # `vectors` are means of these and n-grams
        n_rows, n_entries = model.bucket, 20 * n_words
        if network is not None and is_own and network.inputs is not None:
            n_rows, n_entries = len(network.inputs.bucket_of_row), len(network.inputs.rows)
        report["syn0_ngrams"] = n_rows * row_bytes
        report["buckets_word"] = 4 * model.bucket + 4 * n_rows + 8 * n_words + 4 * n_entries
    report["corpus"] = 4 * model.corpus_total_words + 8 * model.corpus_count
    report["threads"] = model.workers * _SCRATCH_BYTES
    report["total"] = sum(value for name, value in report.items() if name != "total")
    return report
