"""fastText's model files under gensim's names: load_facebook_model and its siblings."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial

import numpy as np

from wordvec.errors import FormatError, WordvecError
from wordvec.fasttextmodel import (
    DenseRows,
    FastTextDictionary,
    FastTextModel,
)
from wordvec.fasttextvectors import ModelRows, placeholder
from wordvec.formats.fasttext_bin import read_model, save_model
from wordvec.formats.request import ReadRequest
from wordvec.formats.selection import decoded_words
from wordvec.keyedvectors import KeyedVectors
from wordvec.models.fasttext import FastText, file_args, file_output, new_network
from wordvec.models.network import Network
from wordvec.models.restoring import vocab_of
from wordvec.words import WordList

Path = str | os.PathLike[str]
_ROWS_A_PIECE = 1 << 16


class FastTextKeyedVectors(ModelRows, KeyedVectors):
    """KeyedVectors of a model in a file: rows of unseen words are built, the matrix of all words
    is made when a query needs it."""

    @classmethod
    def of_model(cls, model: FastTextModel) -> FastTextKeyedVectors:
        words = model.dictionary.only_words()
        counts = model.dictionary.counts[: len(words)]
        made = cls.from_vectors(words, placeholder(words, model.dim), counts)
        assert isinstance(made, FastTextKeyedVectors)
        made.attach(model)
        return made


def load_facebook_vectors(path: Path, encoding: str = "utf-8") -> FastTextKeyedVectors:
    """The word vectors of a .bin or .ftz file, also of a classifier's, with those of unseen words.

    The file is mapped, not read.  FormatError, or the OSError of a file that cannot be opened.
    """
    return FastTextKeyedVectors.of_model(_read(path, encoding))


def load_facebook_model(path: Path, encoding: str = "utf-8") -> FastText:
    """A skip-gram or CBOW model: `wv` as from load_facebook_vectors, its settings, and its weights,
    which are read when the model is first trained on or grows.

    The rows of a Huffman tree start anew then.  FormatError for a classifier; a quantised model
    can be asked, and raises WordvecError when it is to be trained.
    """
    model = _read(path, encoding)
    args = model.args
    if model.is_supervised:
        hint = "load_facebook_vectors takes its word vectors"
        raise FormatError(path, 36, "a skipgram or cbow model", "a classifier", hint)
    made = FastText(
        vector_size=args.dim, window=args.window, epochs=args.epochs, min_count=args.min_count,
        negative=args.negative, loss=args.loss, sg=int(args.kind == "sg"),
        bucket=args.bucket, min_n=args.min_n, max_n=args.max_n, sample=args.sample,
        lr_update_rate=args.lr_update_rate, word_ngrams=args.word_ngrams,
    )  # fmt: skip
    made.wv = FastTextKeyedVectors.of_model(model)
    made.network_source = partial(network_of, model)
    return made


def network_of(model: FastTextModel, trained: FastText) -> Network:
    """The weights of a model in a file, copied, to be trained on.  WordvecError when quantised."""
    if model.input.is_quantized or model.dictionary.pruned is not None:
        raise WordvecError("a quantised model cannot be trained on; load the .bin it was made from")
    words = model.dictionary.only_words()
    n_words, dim = len(words), model.dim
    vocab = vocab_of(words, model.dictionary.counts[:n_words])
    n_tokens = max(model.dictionary.n_tokens, vocab.n_tokens)
    network = new_network(vocab, trained.options, n_tokens, False, every_bucket=True)
    in_rows = network.weights.in_rows
    for first in range(0, len(in_rows), _ROWS_A_PIECE):
        end = min(first + _ROWS_A_PIECE, len(in_rows))
        in_rows[first:end, :dim] = model.input.block(first, end)
    if network.weights.out_rows is not None:
        network.weights.out_rows[:, :dim] = model.output.block(0, n_words)
    return network


def save_facebook_model(
    model: FastText,
    path: Path,
    encoding: str = "utf-8",
    lr_update_rate: int = 100,
    word_ngrams: int = 1,
) -> None:
    """Write a trained model as fastText's .bin; the original and gensim read it.

    WordvecError for a model without vectors, OutputError, FormatError.
    """
    found = model_of(model)
    if encoding.lower() not in ("utf-8", "utf8"):
        words = [word.encode(encoding) for word in found.dictionary.words]
        dictionary = replace(found.dictionary, words=WordList.of_bytes(words))
        found = replace(found, dictionary=dictionary)
    args = replace(found.args, lr_update_rate=lr_update_rate, word_ngrams=word_ngrams)
    save_model(replace(found, args=args), path)


def model_of(trained: FastText) -> FastTextModel:
    """What a FastText holds, as a FastTextModel that shares its arrays.  WordvecError for one
    without vectors."""
    wv, options = trained.wv, trained.options
    if isinstance(wv, ModelRows) and wv.fits_model:
        return wv.model
    if isinstance(wv, ModelRows):
        hint = "wordvec.save(model.wv, path, format='fasttext-bin') writes them all the same"
        raise WordvecError(f"the vectors were changed, the model no longer fits them; {hint}")
    if trained.network is None or wv.subwords is None:
        raise WordvecError("the model has no vectors yet: train it first")
    dim, n_words = options.vector_size, len(wv)
    subwords, weights = wv.subwords, trained.network.weights
    if n_words + len(subwords.rows) != len(weights.in_rows):
        raise WordvecError("words were added to the vectors or removed: the model no longer fits")
    rules = subwords.rules
    args = file_args(options, rules)
    args.max_n = rules.max_n if rules.has_ngrams else 0  # gensim reads it so
    counts = np.ones(n_words, np.int64) if wv.counts is None else wv.counts
    rows = DenseRows(
        weights.in_rows,
        dim,
        n_fixed=n_words,
        row_of_bucket=subwords.row_of_bucket if rules.has_ngrams else None,
        seed=options.seed,
    )
    return FastTextModel(
        args,
        FastTextDictionary(WordList.of(wv.words), counts, n_words, n_tokens=int(counts.sum())),
        rows,
        file_output(weights, options, n_words),
    )


def _read(path: Path, encoding: str) -> FastTextModel:
    model = read_model(path)
    words = decoded_words(model.dictionary.words, ReadRequest(encoding=encoding))
    if words is not model.dictionary.words:
        model.dictionary = replace(model.dictionary, words=words)
    return model
