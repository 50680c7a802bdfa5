"""Models whose vocabulary is made before training and can grow later, as gensim's."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from wordvec.corpus import TokenRules, count_corpus
from wordvec.errors import CorpusTypeError, RareWordsError
from wordvec.keyedvectors import KeyedVectors, pseudorandom_weak_vector
from wordvec.models.network import Network, extended, move_weights, padded_rows
from wordvec.models.vectormodel import VectorModel
from wordvec.progress import Reporter
from wordvec.vectors import Vectors
from wordvec.vocab import Vocab, pack_words
from wordvec.wordchoice import TrimRule, WordChoice
from wordvec.words import WordList

logger = logging.getLogger(__name__)

NULL_WORD = "\0"


class GrowingModel(VectorModel):
    """Vocabulary and weights under gensim's names; a subclass makes the Network.

    Every option (see OPTIONS) is an attribute that may be changed between two calls; `options` is
    made of them, and checked, when it is asked for.

    wv                 KeyedVectors; of Word2Vec its rows are the weights themselves: what training
                       does shows at once, and rows that are changed train on from there
    network            Network, or None before there is a vocabulary
    corpus_count       sentences of the text counted last (lines of a file, blank ones too)
    corpus_total_words its words, those that were left out among them
    raw_vocab          word -> count of all of them, if `keep_raw_vocab` asked for it
    """

    wv: KeyedVectors
    network: Network | None = None
    epochs: int = 5
    vector_size: int = 100
    corpus_count: int = 0
    corpus_total_words: int = 0
    effective_min_count: int
    lifecycle_events: list[dict[str, Any]] | None
    _rules: TokenRules
    _memory: int | None
    _reporter: Reporter
    _shown_words: WordList | None = None

    def _new_network(self, vocab: Vocab, n_text_tokens: int, is_sorted: bool) -> Network:
        """Fresh weights for a vocabulary."""
        raise NotImplementedError

    @property
    def options(self) -> Any:
        """The options as they are now, frozen and checked.  OptionError.

        A rate that would start below its end starts there, as in gensim.
        """
        values = {f.name: self.__dict__[f.name] for f in dataclasses.fields(self.OPTIONS)}
        return self.OPTIONS(**values | {"alpha": max(self.alpha, self.min_alpha)})

    @options.setter
    def options(self, options: Any) -> None:
        for item in dataclasses.fields(self.OPTIONS):
            self.__dict__[item.name] = getattr(options, item.name)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    # -- gensim's names of the weights ----------------------------------------------------------

    @property
    def syn1neg(self) -> NDArray[np.float32]:
        """float32[n_words, vector_size]: the output rows of negative sampling, a view."""
        if self.network is None or self.network.weights.out_rows is None:
            raise AttributeError("syn1neg: there is no negative sampling, or no vocabulary yet")
        return self.network.weights.out_rows[:, : self.vector_size]

    @property
    def syn1(self) -> NDArray[np.float32]:
        """float32[n_words, vector_size]: the rows of the inner nodes of the Huffman tree, a view;
        the last one is not used."""
        if self.network is None or self.network.weights.node_rows is None:
            raise AttributeError("syn1: there is no hierarchical softmax, or no vocabulary yet")
        return self.network.weights.node_rows[:, : self.vector_size]

    @property
    def layer1_size(self) -> int:
        return self.vector_size

    @property
    def cum_table(self) -> NDArray[np.uint32] | None:
        """uint32[n_words]: running share of each word in the draws of noise words, in 2**31 - 1.

        Made when asked for: training draws from an alias table.
        """
        if self.network is None or not self.negative:
            return None
        powers = np.asarray(self.network.vocab.counts, np.float64) ** self.ns_exponent
        return cast(
            "NDArray[np.uint32]",
            np.round(np.cumsum(powers) / powers.sum() * (2**31 - 1)).astype(np.uint32),
        )

    # -- the vocabulary -------------------------------------------------------------------------

    def build_vocab(
        self,
        corpus_iterable: Any = None,
        corpus_file: Any = None,
        update: bool = False,
        progress_per: int = 10000,
        keep_raw_vocab: bool = False,
        trim_rule: TrimRule | None = None,
        **settings: Any,
    ) -> None:
        """Count the words of a text, choose the vocabulary and start its weights.

        update: words that are new (and frequent enough in this text) are added behind those that
        are there, and all counts grow; what has been learned stays.  settings: min_count and
        sample for these and later calls.  progress_per is taken and not needed: give the model a
        `reporter`.  Raises TypeError for no corpus or two, CorpusError (which is a RuntimeError
        too) when no word is left, RuntimeError for an update without a vocabulary.
        """
        source = one_source(corpus_iterable, corpus_file)
        self._apply(settings)
        if update:
            self._need_network("an update of the vocabulary")
        choice = WordChoice(1, sorted_vocab=False) if update else self._choice(trim_rule)
        choice.keep_counts = keep_raw_vocab
        counted = count_corpus(
            source,
            choice,
            rules=self._rules,
            n_threads=self.workers,
            memory=self._memory,
            reporter=self._reporter,
        )
        self.corpus_count = counted.n_sentences_read
        self.corpus_total_words = counted.n_tokens_read
        if update:
            vocab = counted.vocab
            self._grow(vocab.words, vocab.counts, counted.n_tokens_read, trim_rule)
        else:
            self.effective_min_count = choice.effective_min_count
            self._take_vocab(counted.vocab, counted.n_tokens_read)
        self.raw_vocab = choice.raw_counts
        self.add_lifecycle_event("build_vocab", update=update, trim_rule=str(trim_rule))

    def build_vocab_from_freq(
        self,
        word_freq: Mapping[str, int],
        keep_raw_vocab: bool = False,
        corpus_count: int | None = None,
        trim_rule: TrimRule | None = None,
        update: bool = False,
    ) -> None:
        """As `build_vocab`, from words and their counts."""
        words, counts = list(word_freq), np.array(list(word_freq.values()), dtype=np.int64)
        self.corpus_count = corpus_count or 0
        n_tokens = int(counts.sum())
        if update:
            self._need_network("an update of the vocabulary")
            self._grow(words, counts, n_tokens, trim_rule)
        else:
            choice = self._choice(trim_rule)
            rows = choice.choose_of(counts, words)
            if not len(rows):
                best = int(np.argmax(counts)) if words else 0
                word = words[best].encode("utf-8", "surrogateescape") if words else b""
                most = int(counts.max(initial=0))
                raise RareWordsError("the given counts", choice.effective_min_count, word, most)
            self.effective_min_count = choice.effective_min_count
            packed = pack_words([words[k].encode("utf-8", "surrogateescape") for k in rows])
            self._take_vocab(Vocab(*packed, counts[rows], has_separator=False), n_tokens)
        self.raw_vocab = dict(word_freq) if keep_raw_vocab else {}
        self.add_lifecycle_event("build_vocab_from_freq", update=update)

    def _choice(self, trim_rule: TrimRule | None) -> WordChoice:
        return WordChoice(
            self.min_count,
            max_final_vocab=self.max_final_vocab,
            max_vocab=self.max_vocab,
            sorted_vocab=bool(self.sorted_vocab),
            trim_rule=trim_rule,
        )

    def _apply(self, settings: dict[str, Any]) -> None:
        unknown = settings.keys() - {"min_count", "sample"}
        if unknown:
            raise TypeError(f"build_vocab has no argument {min(unknown)!r}")
        self.__dict__.update({k: v for k, v in settings.items() if v is not None})

    def _need_network(self, what: str) -> Network:
        if self.network is None or not len(self.network.vocab):
            raise RuntimeError(f"{what} needs a vocabulary: build one first, from a corpus")
        return self.network

    def _take_vocab(self, vocab: Vocab, n_text_tokens: int) -> None:
        """Start anew with this vocabulary."""
        if self.null_word and NULL_WORD not in vocab:
            vocab = extended(vocab, [NULL_WORD], np.append(vocab.counts, 1))
        self.network = self._new_network(vocab, n_text_tokens, bool(self.sorted_vocab))
        self._show_words()

    def _grow(
        self,
        words: Sequence[str],
        counts: NDArray[np.int64],
        n_tokens: int,
        trim_rule: TrimRule | None,
    ) -> None:
        """Add what is new among words in the order of their appearance."""
        self._synchronise()
        network = self._need_network("an update of the vocabulary")
        known = network.vocab.word_list().find_words(WordList.of(words))
        choice = self._choice(trim_rule)
        choice.sorted_vocab, choice.max_vocab = False, None
        chosen = choice.choose_of(counts, words)
        self.effective_min_count = choice.effective_min_count
        added = chosen[known[chosen] < 0]
        totals = np.concatenate([network.vocab.counts, counts[added]])
        there = known >= 0
        np.add.at(totals, known[there], counts[there])
        new_words = [words[k] for k in added.tolist()]
        n_old = len(network.vocab)
        vocab = extended(network.vocab, new_words, totals)
        network.n_text_tokens += n_tokens
        if new_words:
            fresh = self._new_network(vocab, network.n_text_tokens, False)
            self.network = move_weights(network, fresh)
        else:
            network.vocab = vocab
        keys, rows = self.wv.index_to_key, self.wv.key_to_index
        keys.extend(new_words)
        rows.update(zip(new_words, range(n_old, len(vocab)), strict=True))
        self._show_rows()

    # -- the vectors ----------------------------------------------------------------------------

    def _show_words(self) -> None:
        """Fill `wv` anew: words, counts, rows."""
        network = self._need_network("showing vectors")
        matrix = network.word_vectors(self.vector_size, self.workers)
        if type(self.wv) is not KeyedVectors:
            self.wv = KeyedVectors(self.vector_size)
        words = self._shown_words = network.vocab.word_list()
        Vectors.__init__(self.wv, words, matrix, network.vocab.counts)
        self.wv.next_index = len(matrix)
        self.wv.vectors_lockf = np.ones(1, np.float32)
        self._show_rows(matrix)

    def _show_rows(self, matrix: NDArray[np.float32] | None = None) -> None:
        """Bring the rows of `wv` up to date; its words are."""
        network = self._need_network("showing vectors")
        wv = self.wv
        if matrix is None:
            n_rows = len(network.vocab)
            is_reused = network.inputs is not None and wv.matrix.shape[0] == n_rows
            if is_reused and wv.matrix.flags.writeable:
                matrix = network.fill_means(wv.matrix, self.workers)
            else:
                matrix = network.word_vectors(self.vector_size, self.workers)
        wv.matrix = matrix
        wv.counts = network.vocab.counts
        wv.allocate_vecattrs()
        wv.matrix_changed()

    def _synchronise(self) -> None:
        """Take over what was done to `wv` from outside: new words, other counts, other rows."""
        network, wv = self._need_network("training"), self.wv
        network.align()
        n_words, counts = len(network.vocab), wv.counts
        if counts is None or len(counts) != len(wv):
            counts = np.ones(len(wv), np.int64)
            counts[:n_words] = network.vocab.counts[: len(wv)]
        is_as_shown = wv.words is self._shown_words  # nobody has asked for a list of the words
        if not is_as_shown and wv.index_to_key[:n_words] != network.vocab.words:
            raise RuntimeError(
                "words of the model's vectors were removed, renamed or put in another order; "
                "their weights are lost"
            )
        if len(wv) > n_words or int(counts.sum()) != network.vocab.n_tokens:
            vocab = extended(network.vocab, wv.index_to_key[n_words:], counts)
            if len(wv) > n_words:
                fresh = self._new_network(vocab, network.n_text_tokens, False)
                network = self.network = move_weights(network, fresh)
            network.vocab = vocab
        if network.inputs is None:
            mine = network.weights.in_rows[:, : self.vector_size]
            if wv.matrix.ctypes.data != mine.ctypes.data:
                network.weights.in_rows = padded_rows(wv.matrix)
        self._show_rows()

    def init_weights(self) -> None:
        """Start the weights anew; the vocabulary stays."""
        network = self._need_network("init_weights")
        self.network = self._new_network(network.vocab, network.n_text_tokens, network.is_sorted)
        self._show_rows()

    def reset_from(self, other_model: GrowingModel) -> None:
        """Take the vocabulary of another model, and start the weights anew."""
        network = other_model._need_network("reset_from")
        self.corpus_count = other_model.corpus_count
        self.corpus_total_words = other_model.corpus_total_words
        self.network = self._new_network(network.vocab, network.n_text_tokens, network.is_sorted)
        self._show_words()

    def add_null_word(self) -> None:
        """Add a word that no text has, "\\0", with the count 1; `null_word=1` does so at once."""
        network = self._need_network("add_null_word")
        if NULL_WORD not in network.vocab:
            self.wv.add_vectors([NULL_WORD], np.zeros((1, self.vector_size), np.float32))
            self.wv.set_vecattr(NULL_WORD, "count", 1)
            self._synchronise()

    def seeded_vector(self, seed_string: str, vector_size: int) -> NDArray[np.float32]:
        """gensim's start vector of former times for a word; see pseudorandom_weak_vector."""
        return pseudorandom_weak_vector(vector_size, seed_string, self.hashfxn)

    def init_sims(self, replace: bool = False) -> None:
        """Needed no longer, as in gensim; with `replace` the vectors are scaled to length 1."""
        self.wv.init_sims(replace)

    add_lifecycle_event: Any = KeyedVectors.add_lifecycle_event


def one_source(corpus_iterable: Any, corpus_file: Any) -> Any:
    """The one corpus that was given.  CorpusTypeError (a TypeError) for none, two, or a file that
    is not there."""
    if corpus_iterable is not None and corpus_file is not None:
        raise CorpusTypeError("give either sentences or corpus_file, not both")
    if corpus_file is None:
        if corpus_iterable is None:
            raise CorpusTypeError("no corpus: give corpus_iterable or corpus_file")
        return corpus_iterable
    if not isinstance(corpus_file, str | os.PathLike):
        return corpus_file
    name = os.fspath(corpus_file)
    if name != "-" and not os.path.exists(name) and not any(mark in name for mark in "*?["):
        raise CorpusTypeError(f"{name}: no such file")
    return name
