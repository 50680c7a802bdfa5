"""How a corpus is read: what a word is, and which words make the vocabulary."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from wordvec.errors import OptionError
from wordvec.memory import physical_bytes
from wordvec.vocab import Vocab
from wordvec.wordchoice import WordChoice


@dataclass(frozen=True)
class TokenRules:
    """How bytes become words.

    Space, tab and newline separate words, a newline ends the sentence, carriage returns are
    ignored wherever they stand; everything else belongs to a word.

    `max_word_bytes`: longer words are cut (0: never).  `nul_ends_word`: the rest of a word after
    a NUL byte is ignored; a word that begins with one is left out, or, with `keep_empty`, kept as
    the word of one NUL byte, which stands for the empty one.  `whole_characters`: a word of
    `max_word_bytes` loses the UTF-8 character that is cut at its end.
    `drop_unterminated`: a last word without a separator after it is not read.  `separator`: the
    end of a sentence is row 0 of the vocabulary, `</s>`, and the same word in the text ends a
    sentence too.

    The rest is fastText's: `more_blanks`: carriage return, vertical tab, form feed and NUL
    separate words as well.  `separator_is_word`: `</s>` is a word like others, counted once a
    line, blank ones included, with its place by its count (before equal ones), and the last id of
    each sentence; it goes with `separator`.  `label_prefix`: words that begin so are labels and no
    part of the vocabulary.

    Only `separator`, `separator_is_word` and `label_prefix` apply to Python sentences.
    """

    max_word_bytes: int = 0
    nul_ends_word: bool = False
    drop_unterminated: bool = False
    separator: bool = False
    keep_empty: bool = False
    whole_characters: bool = False
    more_blanks: bool = False
    separator_is_word: bool = False
    label_prefix: str = ""

    def __post_init__(self) -> None:
        """Raises OptionError."""
        if self.separator_is_word and not self.separator:
            raise OptionError("separator_is_word", "False without separator", True)


# What GloVe's tools read: 999 bytes of a word, up to a NUL; the last word counts in any case.
GLOVE_RULES = TokenRules(max_word_bytes=999, nul_ends_word=True, whole_characters=True)


@dataclass(frozen=True)
class ReadingRules:
    """Everything that decides what a corpus gives, and the means to get it; see read_corpus.

    Of these, `n_threads` and `memory` (a budget in bytes, None: half of the machine's) change no
    result.  `choice` decides in place of `min_count` and `max_vocab`.
    """

    tokens: TokenRules = TokenRules()
    vocab: Vocab | None = None
    min_count: int = 5
    max_vocab: int | None = None
    prune_at: int | None = None
    n_threads: int = 1
    memory: int | None = None
    choice: WordChoice | None = None

    def __post_init__(self) -> None:
        """Raises OptionError."""
        for name, value, low in (
            ("max_word_bytes", self.tokens.max_word_bytes, 0),
            ("min_count", self.min_count, 0),
            ("max_vocab", self.max_vocab, 1),
            ("prune_at", self.prune_at, 1),
            ("n_threads", self.n_threads, 1),
            ("memory", self.memory, 1),
        ):
            if value is not None and value < low:
                raise OptionError(name, f"a whole number of at least {low}", value)
        if self.vocab is not None and self.prune_at is not None:
            raise OptionError("prune_at", "nothing, as the vocabulary is given", self.prune_at)

    @property
    def has_separator(self) -> bool:
        """Is row 0 of the vocabulary the end of a sentence?  A given vocabulary decides."""
        if self.vocab is not None:
            return self.vocab.has_separator
        return self.tokens.separator and not self.tokens.separator_is_word

    @property
    def least_count(self) -> int:
        """Words that occur less often are out of the question for the vocabulary."""
        return self.min_count if self.choice is None else 1

    @property
    def n_memory_bytes(self) -> int:
        """The budget."""
        if self.memory is not None:
            return self.memory
        return physical_bytes() // 2

    @property
    def n_workers(self) -> int:
        """Threads that can be used: the original's reduction rule needs all counts in one place."""
        return self.n_threads if self.prune_at is None else 1

    def origin(self) -> dict[str, Any]:
        """What decides the result, as JSON; a given vocabulary comes as its hash."""
        origin: dict[str, Any] = asdict(self.tokens)
        if self.vocab is None:
            origin.update(
                min_count=self.min_count, max_vocab=self.max_vocab, prune_at=self.prune_at
            )
            origin["vocabulary"] = None
            if self.choice is not None:
                origin.update(self.choice.origin())
        else:
            origin["vocabulary"] = self.vocab.digest().hexdigest()
        return origin
