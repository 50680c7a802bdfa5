"""Phrases and FrozenPhrases: gensim 4's phrase detection for sentences that are lists of str."""

from __future__ import annotations

import inspect
import itertools
import logging
import math
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from wordvec.errors import CorpusError, OptionError
from wordvec.kernels.collocations import DEFAULT_SCORING, NPMI_SCORING, PhraseCounts
from wordvec.models import phrasefile

logger = logging.getLogger(__name__)

# Words that join others but neither begin nor end a phrase ("bank of america"); gensim's choice of
# articles, prepositions and conjunctions, so that both find the same phrases.
ENGLISH_CONNECTOR_WORDS = frozenset(
    ["a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with",
     "without"]
)  # fmt: skip

Scorer = Callable[..., float]
SCORER_ARGUMENTS = (
    "worda_count", "wordb_count", "bigram_count", "len_vocab", "min_count", "corpus_word_count"
)  # fmt: skip


def original_scorer(
    worda_count: float, wordb_count: float, bigram_count: float, len_vocab: float,
    min_count: float, corpus_word_count: float,
) -> float:  # fmt: skip
    """(bigram - min_count) / (a * b) * len_vocab, as in Mikolov et al. (2013); -inf for a word
    that does not occur."""
    if worda_count * wordb_count == 0:
        return -math.inf
    return (bigram_count - min_count) / float(worda_count * wordb_count) * len_vocab


def npmi_scorer(
    worda_count: float, wordb_count: float, bigram_count: float, len_vocab: float,
    min_count: float, corpus_word_count: float,
) -> float:  # fmt: skip
    """Normalised pointwise mutual information (Bouma 2009), -1 to 1; -inf below min_count."""
    if bigram_count < min_count:
        return -math.inf
    n_words = float(corpus_word_count)
    p_first, p_second = worda_count / n_words, wordb_count / n_words
    p_pair = bigram_count / n_words
    try:
        return math.log(p_pair / (p_first * p_second)) / -math.log(p_pair)
    except ValueError:  # a count of 0
        return -math.inf


SCORERS: dict[str, Scorer] = {"default": original_scorer, "npmi": npmi_scorer}
_KINDS = {original_scorer: DEFAULT_SCORING, npmi_scorer: NPMI_SCORING}


class JoinedSentences:
    """Sentences with their phrases joined, made anew at each iteration."""

    def __init__(self, phrases: _Joiner, sentences: Iterable[Any]) -> None:
        self.phrases = phrases
        self.sentences = sentences

    def __iter__(self) -> Iterator[list[str]]:
        return (self.phrases._join(sentence) for sentence in self.sentences)

    def __len__(self) -> int:
        return len(self.sentences)  # type: ignore[arg-type]


class _Joiner:
    """What Phrases and FrozenPhrases share: finding phrases in sentences."""

    delimiter: str
    connector_words: frozenset[str]

    def score_candidate(
        self, word_a: str, word_b: str, in_between: list[str]
    ) -> tuple[str, float] | tuple[None, None]:
        """(phrase, score) when the words make a phrase, else (None, None)."""
        raise NotImplementedError

    def analyze_sentence(self, sentence: Iterable[str]) -> Iterator[tuple[str, float | None]]:
        """(phrase, score) for each phrase of the sentence, (word, None) for each other word.

        From left to right; a phrase may hold connector words but neither begins nor ends with
        one.  An empty word at which a phrase might begin vanishes, as in gensim.
        """
        first: str | None = None
        between: list[str] = []
        for word in sentence:
            if word in self.connector_words:
                if first:
                    between.append(word)
                else:
                    yield word, None
                continue
            if first:
                phrase, score = self.score_candidate(first, word, between)
                if phrase is not None and score is not None:
                    yield phrase, score
                    first, between = None, []
                    continue
                yield first, None
                for connector in between:
                    yield connector, None
            first, between = word, []
        if first:
            yield first, None
            for connector in between:
                yield connector, None

    def _join(self, sentence: Iterable[str]) -> list[str]:
        return [token for token, _ in self.analyze_sentence(sentence)]

    def __getitem__(self, sentence: Iterable[Any]) -> list[str] | JoinedSentences:
        """A sentence (iterable of str) as list[str] with its phrases joined; for an iterable of
        sentences, an iterable of such lists."""
        first_look = iter(sentence)
        try:
            first = next(first_look)
        except StopIteration:
            return self._join([])
        whole = itertools.chain([first], first_look)
        if isinstance(first, str):
            return self._join(whole)
        # Of an iterator the first sentence is gone; anything else can be iterated again.
        return JoinedSentences(self, whole if first_look is sentence else sentence)

    def find_phrases(self, sentences: Iterable[Iterable[str]]) -> dict[str, float]:
        """{phrase: score} of all phrases that occur in the sentences."""
        return {
            phrase: score
            for sentence in sentences
            for phrase, score in self.analyze_sentence(sentence)
            if score is not None
        }


class Phrases(_Joiner):
    """Finds phrases: words that follow each other more often than chance; gensim 4's class.

    `sentences`: an iterable of sentences, each an iterable of str, or None to begin empty.
    `threshold`: phrases score above it.  `scoring`: "default", "npmi" or a function that takes
    the arguments of `original_scorer`.  With more than `max_vocab_size` different words and
    phrases the rarest are forgotten while counting, by gensim's rule.  `connector_words` may
    stand inside a phrase.  `progress_per` sentences make a line in the log.

    Counts are kept outside Python's objects; `vocab` is a dict of them made when asked for, whose
    changes do not come back here.  Raises OptionError (a ValueError) for a value out of range and
    CorpusError for sentences that are strings or hold anything but str.
    """

    def __init__(
        self,
        sentences: Iterable[Iterable[str]] | None = None,
        min_count: float = 5,
        threshold: float = 10.0,
        max_vocab_size: int = 40_000_000,
        delimiter: str = "_",
        progress_per: int = 10_000,
        scoring: str | Scorer = "default",
        connector_words: Iterable[str] = frozenset(),
    ) -> None:
        if min_count <= 0:
            raise OptionError("min_count", "at least 1", min_count)
        if scoring == "default" and threshold <= 0:
            raise OptionError("threshold", "more than 0 for default scoring", threshold)
        if scoring == "npmi" and not -1 <= threshold <= 1:
            raise OptionError("threshold", "a number from -1 to 1 for npmi scoring", threshold)
        if progress_per < 1:
            raise OptionError("progress_per", "at least 1", progress_per)
        self.scoring = scorer_of(scoring)
        self.min_count = min_count
        self.threshold = threshold
        self.max_vocab_size = max_vocab_size
        self.delimiter = delimiter
        self.progress_per = progress_per
        self.connector_words = frozenset(connector_words)
        self.min_reduce = 1
        self.corpus_word_count = 0
        self._counts = PhraseCounts(delimiter)
        self._vocab: dict[str, int] | None = None
        if sentences is not None:
            self.add_vocab(sentences)

    def __str__(self) -> str:
        return (
            f"{type(self).__name__}<{len(self._counts)} vocab, min_count={self.min_count}, "
            f"threshold={self.threshold}, max_vocab_size={self.max_vocab_size}>"
        )

    @property
    def vocab(self) -> dict[str, int]:
        """{word or phrase: how often it occurs}; a copy, kept until more is counted."""
        if self._vocab is None:
            self._vocab = dict(self._counts.items())
        return self._vocab

    @vocab.setter
    def vocab(self, counts: dict[str, int]) -> None:
        self._counts = PhraseCounts(self.delimiter)
        for key, count in counts.items():
            self._counts.add(key, count)
        self._vocab = None

    def add_vocab(self, sentences: Iterable[Iterable[str]]) -> None:
        """Count the words and phrases of more sentences."""
        counts, n_words, min_reduce = self._counted(sentences)
        self.corpus_word_count += n_words
        self._vocab = None
        if not len(self._counts):
            self._counts = counts
            return
        self.min_reduce = max(self.min_reduce, min_reduce)
        self._counts.absorb(counts)
        if len(self._counts) > self.max_vocab_size:
            self._counts = self._counts.frequent(self.min_reduce - 1)
            self.min_reduce += 1

    def _counted(self, sentences: Iterable[Iterable[str]]) -> tuple[PhraseCounts, int, int]:
        """(counts, number of words, the next limit for forgetting)."""
        if isinstance(sentences, str | bytes | os.PathLike):
            raise CorpusError(
                f"sentences is {sentences!r:.40}; expected an iterable of lists of words (for "
                "files: `wordvec word2phrase`, or wordvec.phrases.join_phrases)"
            )
        counts, connectors = PhraseCounts(self.delimiter), self.connector_words
        n_words, min_reduce = 0, 1
        for number, sentence in enumerate(sentences):
            if number % self.progress_per == 0:
                logger.info(
                    "sentence %d, %d words, %d at most different words and phrases",
                    number, n_words, counts.n_keys_at_most,
                )  # fmt: skip
            if isinstance(sentence, str | bytes):
                raise CorpusError(
                    f"sentence {number} is {sentence!r:.40}; expected a list of words"
                )
            try:
                n_words += counts.add_sentence(sentence, connectors)
            except (TypeError, OverflowError) as error:
                raise CorpusError(f"sentence {number}: {error}") from error
            if counts.n_keys_at_most > self.max_vocab_size and len(counts) > self.max_vocab_size:
                counts = counts.frequent(min_reduce - 1)
                min_reduce += 1
        counts.flush()
        return counts, n_words, min_reduce

    def score_candidate(
        self, word_a: str, word_b: str, in_between: list[str]
    ) -> tuple[str, float] | tuple[None, None]:
        first, second = self._counts.count(word_a), self._counts.count(word_b)
        phrase = self.delimiter.join([word_a, *in_between, word_b])
        n_phrase = self._counts.count(phrase)
        if first <= 0 or second <= 0 or n_phrase <= 0:
            return None, None
        score = self.scoring(
            worda_count=first, wordb_count=second, bigram_count=n_phrase,
            len_vocab=len(self._counts), min_count=self.min_count,
            corpus_word_count=self.corpus_word_count,
        )  # fmt: skip
        return (phrase, score) if score > self.threshold else (None, None)

    def _join(self, sentence: Iterable[str]) -> list[str]:
        kind = _KINDS.get(self.scoring)
        if kind is None:
            return super()._join(sentence)
        return self._counts.analyze(
            sentence, self.connector_words, kind, self.min_count, self.threshold,
            self.corpus_word_count,
        )  # fmt: skip

    def export_phrases(self) -> dict[str, float]:
        """{phrase: score} of all phrases counted."""
        kind = _KINDS.get(self.scoring)
        if kind is not None:
            return self._counts.export(kind, self.min_count, self.threshold, self.corpus_word_count)
        found = {}
        for key, _ in self._counts.items():
            parts = key.split(self.delimiter)
            if len(parts) > 1:
                phrase, score = self.score_candidate(parts[0], parts[-1], parts[1:-1])
                if phrase is not None and score is not None:
                    found[phrase] = score
        return found

    def freeze(self) -> FrozenPhrases:
        """The phrases alone: smaller, faster, and nothing can be added."""
        return FrozenPhrases(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything to a file; see phrasefile for its form.  OutputError.

        A scoring function of your own is not written: give it to `load`.
        """
        phrasefile.write(path, "Phrases", _fields_of(self, "Phrases"), self._counts.items())

    @classmethod
    def load(cls, path: str | os.PathLike[str], scoring: Scorer | None = None) -> Phrases:
        """Read what `save` wrote.  FormatError for anything else; OptionError when the file was
        saved with a scoring function of its own and none is given."""
        fields, entries = phrasefile.read(path, "Phrases", _FIELDS["Phrases"], int)
        self = cls.__new__(cls)
        _take_fields(self, fields, scoring)
        self._counts = PhraseCounts(self.delimiter)
        for key, count in entries:
            self._counts.add(key, count)
        self._vocab = None
        return self

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        state["_counts"], state["_vocab"] = self._counts.items(), None
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.vocab = dict(state["_counts"])


class FrozenPhrases(_Joiner):
    """The phrases of a Phrases and their scores, nothing more; gensim 4's class.

    `phrasegrams` is {phrase: score}.
    """

    def __init__(self, phrases_model: Phrases) -> None:
        self.threshold = phrases_model.threshold
        self.min_count = phrases_model.min_count
        self.delimiter = phrases_model.delimiter
        self.scoring = phrases_model.scoring
        self.connector_words = phrases_model.connector_words
        self.phrasegrams = phrases_model.export_phrases()
        self._ends: tuple[int, frozenset[str], frozenset[str]] | None = None

    def __str__(self) -> str:
        return (
            f"{type(self).__name__}<{len(self.phrasegrams)} phrases, min_count={self.min_count}, "
            f"threshold={self.threshold}>"
        )

    def score_candidate(
        self, word_a: str, word_b: str, in_between: list[str]
    ) -> tuple[str, float] | tuple[None, None]:
        phrase = self.delimiter.join([word_a, *in_between, word_b])
        score = self.phrasegrams.get(phrase, -math.inf)
        return (phrase, score) if score > self.threshold else (None, None)

    def _first_and_last_parts(self) -> tuple[frozenset[str], frozenset[str]]:
        """Everything that stands before, and behind, a delimiter in some phrase: most words of a
        text do not, and need no look at the phrases.  Made anew when phrases were added."""
        if self._ends is None or self._ends[0] != len(self.phrasegrams):
            begins, ends = set(), set()
            for phrase in self.phrasegrams:
                place = phrase.find(self.delimiter)
                while place >= 0:
                    begins.add(phrase[:place])
                    ends.add(phrase[place + len(self.delimiter) :])
                    place = phrase.find(self.delimiter, place + 1)
            self._ends = (len(self.phrasegrams), frozenset(begins), frozenset(ends))
        return self._ends[1], self._ends[2]

    def _join(self, sentence: Iterable[str]) -> list[str]:
        if self.connector_words or not self.delimiter:
            return super()._join(sentence)
        begins, ends = self._first_and_last_parts()
        grams, threshold, delimiter = self.phrasegrams, self.threshold, self.delimiter
        result: list[str] = []
        first: str | None = None
        for word in sentence:
            if first:
                if word in ends and first in begins:
                    phrase = first + delimiter + word
                    if grams.get(phrase, -math.inf) > threshold:
                        result.append(phrase)
                        first = None
                        continue
                result.append(first)
            first = word
        if first:
            result.append(first)
        return result

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the phrases to a file; as Phrases.save."""
        fields = _fields_of(self, "FrozenPhrases")
        phrasefile.write(path, "FrozenPhrases", fields, self.phrasegrams.items())

    @classmethod
    def load(cls, path: str | os.PathLike[str], scoring: Scorer | None = None) -> FrozenPhrases:
        """Read what `save` wrote; as Phrases.load."""
        fields, entries = phrasefile.read(path, "FrozenPhrases", _FIELDS["FrozenPhrases"], float)
        self = cls.__new__(cls)
        _take_fields(self, fields, scoring)
        self.phrasegrams = dict(entries)
        self._ends = None
        return self


# What a file holds beside the scorer, the connector words and the counts or scores.
_FIELDS: dict[str, dict[str, type]] = {
    "Phrases": {
        "min_count": float, "threshold": float, "delimiter": str, "max_vocab_size": int,
        "progress_per": int, "min_reduce": int, "corpus_word_count": int,
    },
    "FrozenPhrases": {"min_count": float, "threshold": float, "delimiter": str},
}  # fmt: skip


def _fields_of(model: Any, kind: str) -> dict[str, Any]:
    fields = {name: getattr(model, name) for name in _FIELDS[kind]}
    fields["scoring"] = scorer_name(model.scoring)
    fields["connector_words"] = sorted(model.connector_words)
    return fields


def _take_fields(model: Any, fields: dict[str, Any], scoring: Scorer | None) -> None:
    name = fields.pop("scoring")
    if scoring is None and name not in SCORERS:
        raise OptionError("scoring", f"the function {name} that the phrases were saved with", None)
    model.scoring = scorer_of(name if scoring is None else scoring)
    model.connector_words = frozenset(fields.pop("connector_words"))
    for field, value in fields.items():
        setattr(model, field, value)


def scorer_of(scoring: str | Scorer) -> Scorer:
    """The scoring function of that name, or the function itself when it takes what it must."""
    if isinstance(scoring, str):
        if scoring not in SCORERS:
            raise OptionError("scoring", "'default', 'npmi' or a function", scoring)
        return SCORERS[scoring]
    if not callable(scoring):
        raise OptionError("scoring", "'default', 'npmi' or a function", scoring)
    missing = [n for n in SCORER_ARGUMENTS if n not in inspect.getfullargspec(scoring).args]
    if missing:
        raise OptionError("scoring", f"a function that takes {', '.join(missing)}", scoring)
    return scoring


def scorer_name(scoring: Scorer) -> str:
    """default, npmi, or where a function of the user's own is found."""
    for name, scorer in SCORERS.items():
        if scorer is scoring:
            return name
    return f"{scoring.__module__}.{getattr(scoring, '__qualname__', '?')}"
