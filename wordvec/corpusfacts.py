"""What a counted corpus is like: facts for recipes, warnings, and what to hold out."""

from __future__ import annotations

import dataclasses
import unicodedata
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from wordvec.corpus import EncodedCorpus
from wordvec.errors import CorpusError
from wordvec.recipes import (
    FEW_TOKENS,
    LEAST_TOKENS,
    MOST_COPIES,
    SCRIPTS_WITHOUT_SPACES,
    Facts,
)

_WORDS_LOOKED_AT = 20_000
_SENTENCES_COMPARED = 20_000
_LONG_SENTENCE = 8  # words; shorter ones recur in honest text
_BINARY_SHARE = 0.05
_OTHER_ENCODING_SHARE = 0.05
_LONG_LINE = 100_000  # words
_BYTES_OF_CLAUSE = 18  # of UTF-8: six characters, more than words of those scripts have
_BYTES_OF_SENTENCE = 60  # more than the words of any script have on average
_LEAST_COVERAGE = 0.6
_REPEATED_SHARE = 0.05
_FEW_LETTERS = 1.5
_CAPITALS_SHARE = 0.02  # English has 4 to 5 % for the beginnings of its sentences
_GLUED_SHARE = 0.03

HELD_OUT_TOKENS = 20_000
_HELD_OUT_SHARE = 100
_LEAST_HELD_OUT = 200

# First word of a character's Unicode name -> script, where that is not the name itself.
_SCRIPT_NAMES = {
    "CJK": "Han", "HIRAGANA": "Kana", "KATAKANA": "Kana", "MYANMAR": "Burmese",
    "KATAKANA-HIRAGANA": "Kana", "FULLWIDTH": "Latin",
}  # fmt: skip


def facts_of(corpus: EncodedCorpus, n_threads: int) -> Facts:
    """What a recipe is chosen from."""
    return Facts(
        n_tokens=corpus.n_tokens_kept,
        n_words=len(corpus.vocab),
        scripts=scripts_of(corpus),
        n_copies=copies_of(corpus),
        n_threads=n_threads,
    )


def _frequent(corpus: EncodedCorpus) -> list[tuple[str, int]]:
    """The most frequent words and their counts."""
    vocab = corpus.vocab
    n = min(len(vocab), _WORDS_LOOKED_AT)
    return [
        (vocab.word_bytes(row).decode("utf-8", "surrogateescape"), int(vocab.counts[row]))
        for row in range(n)
    ]


@lru_cache(1 << 14)
def script_of(character: str) -> str | None:
    """The script of a letter, such as "Latin"; None for what is no letter."""
    if not character.isalpha():
        return None
    first = unicodedata.name(character, "").split(" ")[0]
    return _SCRIPT_NAMES.get(first, first.capitalize()) or None


def scripts_of(corpus: EncodedCorpus) -> dict[str, float]:
    """Script -> share of the letters of the frequent words, each as often as it occurs."""
    totals: dict[str, int] = {}
    for word, count in _frequent(corpus):
        for character in word:
            script = script_of(character)
            if script is not None:
                totals[script] = totals.get(script, 0) + count
    n_letters = sum(totals.values())
    shares = {script: count / n_letters for script, count in totals.items()}
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def copies_of(corpus: EncodedCorpus) -> float:
    """How often the text says each of its long sentences: 1 normally, 1000 for a text that was
    written a thousand times over.

    From how many pairs of a sample are equal: n (n - 1) / 2 pairs of n sentences out of N, of
    which D are different, hold n (n - 1) / 2 D equal ones.
    """
    n_long, counts = _recurring(corpus)
    if n_long < 100:
        return 1.0
    n_compared = int(counts.sum())
    if n_compared == n_long:
        return n_compared / len(counts)
    n_equal = int((counts * (counts - 1) // 2).sum())
    n_pairs = n_compared * (n_compared - 1) / 2
    return max(1.0, n_equal / n_pairs * n_long)


def repeated_share(corpus: EncodedCorpus) -> float:
    """Share of the long sentences that were there before; of a sample of them, so that of a long
    text it is more."""
    n_long, counts = _recurring(corpus)
    return 0.0 if n_long < 100 else 1 - len(counts) / int(counts.sum())


def _recurring(corpus: EncodedCorpus) -> tuple[int, NDArray[np.int64]]:
    """Long sentences of the text, and how often each different one of a sample is in it."""
    lengths = np.diff(corpus.starts)
    long = np.flatnonzero(lengths >= _LONG_SENTENCE)
    rng = np.random.default_rng(1)
    sample = long
    if len(long) > _SENTENCES_COMPARED:
        sample = rng.choice(long, _SENTENCES_COMPARED, replace=False)
        sample.sort()  # in the order of the file, which may be on disk
    seen: dict[bytes, int] = {}
    for first, length in zip(corpus.starts[sample].tolist(), lengths[sample].tolist(), strict=True):
        key = corpus.ids[first : first + min(length, 64)].tobytes()
        seen[key] = seen.get(key, 0) + 1
    # The ids may be a sample of a longer text.
    n_long = round(len(long) * corpus.n_tokens_kept / max(len(corpus.ids), 1))
    return n_long, np.array(list(seen.values()), np.int64)


def check_corpus(corpus: EncodedCorpus, force: bool) -> None:
    """CorpusError for text from which vectors would be noise, unless `force`d."""
    if force:
        return
    share = _share(corpus, _has_control)
    if share > _BINARY_SHARE:
        raise CorpusError(
            f"this looks like binary data, not text: {share:.0%} of its words hold control "
            "characters; force trains all the same"
        )
    n_bytes_a_word = corpus.n_bytes / max(corpus.n_tokens_read, 1)
    if n_bytes_a_word > _BYTES_OF_SENTENCE:
        raise CorpusError(
            f"a word of this text has {n_bytes_a_word:,.0f} bytes on average: are there no blanks "
            "between words? Split them with a segmenter, or into characters "
            "(sed 's/./& /g'); force trains all the same"
        )
    if corpus.n_tokens_read < LEAST_TOKENS:
        raise CorpusError(
            f"only {corpus.n_tokens_read:,} words of text: vectors of any use need {FEW_TOKENS:,}, "
            "good ones many millions; force trains all the same"
        )


def warnings_of(corpus: EncodedCorpus, facts: Facts) -> list[str]:
    """One line for each thing about the text that its owner should know."""
    found = []
    if corpus.n_tokens_read < FEW_TOKENS:
        found.append(
            f"{corpus.n_tokens_read:,} words are little text: expect rough neighbours below "
            f"{FEW_TOKENS:,}, good ones from many millions on"
        )
    if facts.n_copies >= MOST_COPIES:
        n_distinct = corpus.n_tokens_read / facts.n_copies
        found.append(
            f"the text says each of its sentences about {facts.n_copies:,.0f} times, some "
            f"{n_distinct:,.0f} words without the copies: passes and rate are chosen as if it said "
            "them once; remove the copies"
        )
    elif (share := repeated_share(corpus)) > _REPEATED_SHARE:
        found.append(
            f"{share:.0%} of the long lines were there before, word for word: they count twice; "
            "remove the copies (sort -u, or a deduplicator)"
        )
    longest = int(np.diff(corpus.starts).max(initial=0))
    if longest >= _LONG_LINE and 2 * longest > corpus.n_tokens_kept:
        found.append(
            f"{longest:,} words are on one line: contexts reach across the ends of sentences, "
            "which costs little; better is one sentence or paragraph a line"
        )
    invalid = _share(corpus, _is_not_utf8)
    if invalid > _OTHER_ENCODING_SHARE:
        found.append(
            f"{invalid:.0%} of the words are not UTF-8: subwords need it; convert the text "
            "(iconv -f latin1 -t utf-8)"
        )
    if _has_no_spaces(corpus, facts):
        found.append(
            "the text has no blanks between words: what stands between blanks counts as a word; "
            "split it with a segmenter, or into characters (sed 's/./& /g')"
        )
    return found + _warnings_of_words(corpus, facts)


def _warnings_of_words(corpus: EncodedCorpus, facts: Facts) -> list[str]:
    """What the frequent words say about how the text was prepared."""
    counts = dict(_frequent(corpus))
    n_all = max(sum(counts.values()), 1)
    found = []
    n_letters = sum(len(word) * count for word, count in counts.items()) / n_all
    without_spaces = sum(facts.scripts.get(script, 0.0) for script in SCRIPTS_WITHOUT_SPACES)
    if n_letters < _FEW_LETTERS and without_spaces < 0.5:
        found.append(
            f"a word has {n_letters:.1f} characters on average: was the text split into characters?"
        )
    capitals = [w for w in counts if w != w.lower() and w.lower() in counts]
    share = sum(counts[word] for word in capitals) / n_all
    if share > _CAPITALS_SHARE:
        word = max(capitals, key=counts.__getitem__)
        found.append(
            f"the text is not lower-cased: {share:.0%} of it are words such as {word!r} that "
            f"stand beside {word.lower()!r} and share nothing with it; lower-case it, unless "
            "capitals matter"
        )
    glued = {w: core for w in counts if (core := _without_marks(w)) != w and core in counts}
    share = sum(counts[word] for word in glued) / n_all
    if share > _GLUED_SHARE:
        word = max(glued, key=counts.__getitem__)
        found.append(
            f"the text is not tokenised: {share:.0%} of it are words such as {word!r} beside "
            f"{glued[word]!r}; put blanks around punctuation, or remove it"
        )
    return found


def _without_marks(word: str) -> str:
    """A word without punctuation before and behind it; the word itself when nothing is left."""
    if word[:1].isalnum() and word[-1:].isalnum():
        return word
    first, last = 0, len(word)
    while first < last and unicodedata.category(word[first])[0] == "P":
        first += 1
    while last > first and unicodedata.category(word[last - 1])[0] == "P":
        last -= 1
    return word[first:last] or word


def _share(corpus: EncodedCorpus, is_odd: object) -> float:
    """The share of the frequent words' occurrences for which is_odd(word)."""
    assert callable(is_odd)
    frequent = _frequent(corpus)
    n_all = sum(count for _, count in frequent)
    return sum(count for word, count in frequent if is_odd(word)) / max(n_all, 1)


def _has_control(word: str) -> bool:
    return not word.isprintable() and any(unicodedata.category(c) == "Cc" for c in word)


def _is_not_utf8(word: str) -> bool:
    return any("\ud800" <= c <= "\udfff" for c in word)


def _has_no_spaces(corpus: EncodedCorpus, facts: Facts) -> bool:
    n_bytes_a_word = corpus.n_bytes / max(corpus.n_tokens_read, 1)
    if n_bytes_a_word > _BYTES_OF_SENTENCE:
        return True
    share = sum(facts.scripts.get(script, 0.0) for script in SCRIPTS_WITHOUT_SPACES)
    if share < 0.5:
        return False
    coverage = corpus.n_tokens_kept / max(corpus.n_tokens_read, 1)
    return n_bytes_a_word > _BYTES_OF_CLAUSE or coverage < _LEAST_COVERAGE


def hold_out(corpus: EncodedCorpus) -> tuple[EncodedCorpus, EncodedCorpus | None]:
    """(what to train on, what to measure the loss on): views of the corpus.

    The last 1 % of the words, 20,000 at most, in whole sentences if there are several; None of a
    text so small that they would be missed.
    """
    n = min(HELD_OUT_TOKENS, len(corpus.ids) // _HELD_OUT_SHARE)
    if n < _LEAST_HELD_OUT:
        return corpus, None
    starts = corpus.starts
    first = int(np.searchsorted(starts, len(corpus.ids) - n))
    if first < len(starts) - 1 and first > 0:
        cut = int(starts[first])
        kept_starts, held_starts = starts[: first + 1], starts[first:] - cut
    else:  # one sentence fills the end of the text
        cut = len(corpus.ids) - n
        inside = int(np.searchsorted(starts, cut))
        kept_starts = np.append(starts[:inside], cut)
        held_starts = np.append(0, starts[inside:] - cut)
    return _part(corpus, 0, cut, kept_starts), _part(corpus, cut, None, held_starts)


def _part(
    corpus: EncodedCorpus, first: int, last: int | None, starts: NDArray[np.int64]
) -> EncodedCorpus:
    ids = corpus.ids[first:last]
    return dataclasses.replace(corpus, ids=ids, starts=starts, n_tokens_kept=len(ids))
