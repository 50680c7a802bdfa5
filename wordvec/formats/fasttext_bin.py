"""fastText's model files: .bin, and quantised .ftz; mapped into memory.

Layout (little-endian): magic, version, 12 int32 and a float64 of settings; sizes; the words, then
the labels, each with a zero byte, int64 count and int8 type; pairs (bucket, row) of a pruned model;
a flag and the input matrix; a flag and the output matrix; the end.  Versions 11 and 12 are read,
12 is written, byte for byte what was read.

Opening parses the dictionary; the matrices stay in the file, wherever its bytes put them.  Word
vectors are made from the rows when they are asked for.  Quantised word vectors (.ftz of skipgram
or cbow) have the same layout; the original makes none, but reads them.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from wordvec.fasttextmodel import DenseRows, FastTextArgs, FastTextDictionary, FastTextModel
from wordvec.fasttextvectors import FastTextVectors, ModelRows
from wordvec.files import OutputFile
from wordvec.formats import fasttext_vec
from wordvec.formats.fasttext_parts import (
    MAGIC,
    FileParts,
    read_args,
    read_dictionary,
    read_rows,
    write_args,
    write_dictionary,
    write_rows,
)
from wordvec.formats.request import ReadRequest
from wordvec.formats.selection import chosen_rows, decoded_words, select_vectors, words_at
from wordvec.formats.tensors import open_regular
from wordvec.formats.writing import encoded_words
from wordvec.vectors import Vectors

NAME = "fasttext-bin"
SUFFIXES: tuple[str, ...] = (".ftz",)  # what .bin means when written is word2vec's affair
NEEDS_FILE = True

_STEP_WORDS = 1 << 16


def sniff(head: bytes) -> bool:
    return head[:4] == MAGIC.to_bytes(4, "little")


# -- reading ------------------------------------------------------------------------------------


def read_model(path: str | os.PathLike[str], mmap: bool = True) -> FastTextModel:
    """The model in a .bin or .ftz file.  FormatError, or the OSError of a file that cannot be
    opened.

    With `mmap` its matrices are read-only views of the file (which must not be changed in place
    meanwhile); else they are in memory and may be written to.
    """
    name = os.fspath(path)
    parts = FileParts(_content(name, mmap), name)
    args = read_args(parts)
    dictionary = read_dictionary(parts, args)
    pruned = dictionary.pruned
    n_rows = dictionary.n_words + (args.bucket if pruned is None else len(pruned))
    start = parts.at
    is_coded = parts.flag("flag of a quantised input matrix")
    if pruned is not None and not is_coded:
        raise parts.error("a quantised input matrix, for the model is pruned", "a dense one", start)
    rows = read_rows(parts, is_coded, "input", args, n_rows)
    is_coded_too = parts.flag("flag of a quantised output matrix") and is_coded
    n_outputs = dictionary.n_labels if args.kind == "sup" else dictionary.n_words
    output = read_rows(parts, is_coded_too, "output", args, n_outputs)
    if parts.at != len(parts.data):
        found = f"{len(parts.data) - parts.at} more bytes"
        raise parts.error("the end of the file", found, hint="the file is damaged")
    return FastTextModel(args, dictionary, rows, output)


def _content(path: str, is_mapped: bool) -> NDArray[np.uint8]:
    stream, n_bytes = open_regular(path, "a fastText model")
    with stream:
        if is_mapped and n_bytes:
            area = mmap.mmap(stream.fileno(), n_bytes, access=mmap.ACCESS_READ)
            return np.frombuffer(area, np.uint8)
        return np.fromfile(stream, np.uint8)


def open_file(path: str, request: ReadRequest) -> Vectors:
    """The words of a model with their vectors, and `subwords` for unseen ones.

    With `limit` or chosen words, or as float16, they are made at once and stand alone: without
    subwords, for a word that was left out would get another vector than it has.
    """
    model = read_model(path, request.mmap)
    own_words = model.dictionary.only_words()
    words = decoded_words(own_words, request)
    rows = chosen_rows(words, request)
    is_whole = isinstance(rows, slice) and rows.stop == len(words)
    if is_whole and words is own_words and request.dtype == np.float32:
        return FastTextVectors(model)
    if isinstance(rows, slice):
        rows = np.arange(rows.stop)
    matrix = model.word_vectors(words_at(own_words, rows))
    chosen = words_at(words, rows)
    counts = model.dictionary.counts[rows]
    return select_vectors(chosen, matrix, slice(0, len(chosen)), request, path, counts)


# -- writing ------------------------------------------------------------------------------------


def write_model(
    stream: BinaryIO, model: FastTextModel, path: str = "output", *, consume: bool = False
) -> None:
    """Write a model; the rows that training never made are made as they are written.

    `consume`: give back the memory of the input rows that are written.  The model is lost, but
    matrix and file need not fit the memory side by side, and no fresh memory is paid for.
    """
    write_args(stream, model.args)
    write_dictionary(stream, model.dictionary, path)
    stream.write(bytes([model.input.is_quantized]))
    write_rows(stream, model.input, path, consume=consume)
    stream.write(bytes([model.output.is_quantized]))
    write_rows(stream, model.output, path)


def save_model(model: FastTextModel, path: str | os.PathLike[str]) -> None:
    """Write a .bin or .ftz file, whole or not at all.  OutputError, FormatError."""
    _save(path, lambda stream: write_model(stream, model, os.fspath(path)))


def save_word_vectors(model: FastTextModel, path: str | os.PathLike[str]) -> None:
    """Write the .vec file: the words, without labels, and their vectors."""
    words = model.dictionary.only_words()
    vectors = Vectors(words, model.vocabulary_vectors())
    _save(path, lambda stream: fasttext_vec.write(stream, vectors, os.fspath(path)))


def save_output_vectors(model: FastTextModel, path: str | os.PathLike[str]) -> None:
    """Write the .output file: labels (of a classifier) or words, and their output rows."""
    vectors = output_vectors(model)
    _save(path, lambda stream: fasttext_vec.write(stream, vectors, os.fspath(path)))


def output_vectors(model: FastTextModel) -> Vectors:
    """The output rows under their labels (of a classifier) or words."""
    dictionary = model.dictionary
    names = dictionary.labels if model.is_supervised else list(dictionary.only_words())
    return Vectors(names, model.output.block(0, len(names)))


def _save(path: str | os.PathLike[str], write_to: Callable[[BinaryIO], Any]) -> None:
    with OutputFile(path) as output:
        write_to(output.stream)


def write(stream: BinaryIO, vectors: Vectors, path: str) -> None:
    """Write vectors as a model of word vectors.

    Those of a model are written as the model they come from.  Others become a skip-gram model
    without an output matrix of use (zeros): with their n-gram rows if they have `subwords`, and
    rows of words such that their vectors come out as they are, to float32 rounding.
    """
    if isinstance(vectors, ModelRows) and vectors.fits_model:
        write_model(stream, vectors.model, path)
    else:
        write_model(stream, model_of_vectors(vectors, path), path)


def model_of_vectors(vectors: Vectors, path: str = "output") -> FastTextModel:
    """A skip-gram model whose words have these vectors.  FormatError for words that no file
    can hold."""
    words = encoded_words(vectors.words, path)
    matrix = np.asarray(vectors.matrix, np.float32)
    subwords = getattr(vectors, "subwords", None)
    args = FastTextArgs(dim=vectors.dim, bucket=0, min_n=0, max_n=0)
    counts = np.ones(len(words), np.int64) if vectors.counts is None else vectors.counts
    dictionary = FastTextDictionary(words, counts, len(words), n_tokens=int(counts.sum()))
    output = DenseRows(np.broadcast_to(np.float32(0), matrix.shape), vectors.dim)
    model = FastTextModel(args, dictionary, DenseRows(matrix, vectors.dim), output)
    finish = None if subwords is None else subwords.finish
    if subwords is None or not subwords.rules.has_ngrams or (finish and finish.unit):
        return model  # no rows of n-grams add up to rows that were scaled to length 1
    rules = subwords.rules
    args.bucket, args.min_n, args.max_n = rules.bucket, rules.min_n, rules.max_n
    rows = np.empty((len(words) + rules.bucket, vectors.dim), np.float32)
    rows[len(words) :] = subwords.dense_rows(0, rules.bucket)
    if finish is not None:
        rows[len(words) :] -= finish.mean  # so the mean of any of them is without it too
    model.input = DenseRows(rows, vectors.dim)
    for first in range(0, len(words), _STEP_WORDS):
        end = min(first + _STEP_WORDS, len(words))
        names = words[first:end]
        starts, ids = model.word_rows(names, own=np.full(len(names), -1))
        means = np.zeros((len(names), vectors.dim), np.float32)
        model.input.means(starts, ids, means)
        n_ngrams = np.diff(starts)[:, None].astype(np.float64)
        rows[first:end] = matrix[first:end] * (n_ngrams + 1) - means * n_ngrams
    return model
