"""How many bytes a model takes while it is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wordvec.kernels import sgd
from wordvec.options import FastTextOptions

if TYPE_CHECKING:
    from wordvec.models.onlinemodel import OnlineModel

_TYPICAL_WORD_BYTES = 9
_TYPICAL_PATH = 20  # inner nodes above a word, in vocabularies of the usual size
_INDEX_BYTES = 15  # of a word in the hash index: 2 to 4 slots of a number and a tag
_SCRATCH_BYTES = 1 << 20  # of one thread


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
    word_bytes = _TYPICAL_WORD_BYTES
    if network is not None and is_own:
        word_bytes = -(-int(network.vocab.arrays()[1][-1]) // max(n_words, 1))
    report["vocab"] = n_words * (word_bytes + 8 + 8 + 8 + _INDEX_BYTES)
    report["tables"] = n_words * (4 * bool(model.sample) + 16 * bool(model.negative))
    report["vectors"] = n_words * row_bytes
    if model.hs:
        report["syn1"] = n_words * row_bytes
        length = _TYPICAL_PATH
        if network is not None and is_own and network.paths is not None:
            length = len(network.paths[1]) // n_words
        report["tables"] += n_words * (8 + 5 * length)
    if model.negative:
        report["syn1neg"] = n_words * row_bytes
    if isinstance(model.options, FastTextOptions):
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
