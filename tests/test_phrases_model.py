"""Phrases and FrozenPhrases beside gensim's own, method by method, and their files."""

from __future__ import annotations

import copy
import json
import math
import pickle
import random
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordvec import ENGLISH_CONNECTOR_WORDS, FrozenPhrases, Phrases
from wordvec.errors import CorpusError, FormatError, OptionError

WORDS = ["a", "b", "a_b", "_", "_a", "b_", "of", "the", "", "cœur", "new", "york", "new_york",
         "\udc80", "x" * 90, "a::b", ":"]  # fmt: skip
sentences_of_words = st.lists(st.lists(st.sampled_from(WORDS), max_size=12), max_size=12)


def gensim_phrases() -> Any:
    return pytest.importorskip("gensim.models.phrases", reason="gensim is not installed")


def own_scorer(
    worda_count: float, wordb_count: float, bigram_count: float, len_vocab: float,
    min_count: float, corpus_word_count: float,
) -> float:  # fmt: skip
    return bigram_count / max(worda_count, wordb_count) + len_vocab / (1 + corpus_word_count)


def compare(sentences: list[list[str]], more: list[list[str]], **options: Any) -> int:
    """Every method of both; the number of phrases found."""
    module = gensim_phrases()
    theirs, ours = module.Phrases(sentences, **options), Phrases(sentences, **options)
    for _ in range(2):
        assert ours.vocab == dict(theirs.vocab)
        assert str(ours) == str(theirs)
        assert ours.corpus_word_count == theirs.corpus_word_count
        assert ours.min_reduce == theirs.min_reduce
        expected = theirs.export_phrases()
        assert ours.export_phrases() == expected
        assert ours.find_phrases(sentences) == theirs.find_phrases(sentences)
        frozen, their_frozen = ours.freeze(), theirs.freeze()
        assert frozen.phrasegrams == their_frozen.phrasegrams
        assert str(frozen) == str(their_frozen)
        for mine, other in ((ours, theirs), (frozen, their_frozen)):
            for sentence in sentences:
                assert list(mine.analyze_sentence(sentence)) == list(
                    other.analyze_sentence(sentence)
                )
                assert mine[sentence] == other[sentence]
            if sentences and any(sentences):
                assert list(mine[iter(sentences)]) == list(other[iter(sentences)])
            assert mine.score_candidate("new", "york", []) == other.score_candidate(
                "new", "york", []
            )
        ours.add_vocab(more)
        theirs.add_vocab(more)
    return len(expected)


@settings(max_examples=60, deadline=None)
@given(
    sentences_of_words,
    sentences_of_words,
    st.sampled_from([("default", 0.1), ("default", 1.0), ("npmi", -0.5), ("npmi", 0.3)]),
    st.integers(1, 2),
    st.sampled_from(["_", "::", "b"]),
    st.sampled_from([frozenset(), frozenset(["of", "the"]), frozenset(["a", ""])]),
    st.sampled_from([40_000_000, 12]),
)
def test_equal_to_gensim(
    sentences: list[list[str]],
    more: list[list[str]],
    scoring: tuple[str, float],
    min_count: int,
    delimiter: str,
    connectors: frozenset[str],
    max_vocab_size: int,
) -> None:
    compare(
        sentences, more, scoring=scoring[0], threshold=scoring[1], min_count=min_count,
        delimiter=delimiter, connector_words=connectors, max_vocab_size=max_vocab_size,
    )  # fmt: skip


@pytest.fixture(scope="module")
def real_sentences(shared_data: Path) -> list[list[str]]:
    files = sorted(path for path in shared_data.rglob("*.txt") if path.stat().st_size > 100_000)
    if not files:
        pytest.skip(f"no plain text in {shared_data}")
    with files[0].open(encoding="utf-8", errors="surrogateescape") as file:
        text = file.read(600_000)
    words = text.split()
    return [words[k : k + 25] for k in range(0, len(words), 25)]


@pytest.mark.parametrize(
    "options",
    [
        {"threshold": 5.0},
        {"threshold": 1.0, "connector_words": ENGLISH_CONNECTOR_WORDS, "min_count": 2},
        {"scoring": "npmi", "threshold": 0.4},
        {"scoring": own_scorer, "threshold": 0.6, "min_count": 1},
        {"threshold": 2.0, "max_vocab_size": 20_000},
    ],
    ids=["default", "connectors", "npmi", "own", "pruned"],
)
def test_real_text(real_sentences: list[list[str]], options: dict[str, Any]) -> None:
    half = len(real_sentences) // 2
    assert compare(real_sentences[:half], real_sentences[half:], **options) > 20


def test_connector_words_are_gensims() -> None:
    assert gensim_phrases().ENGLISH_CONNECTOR_WORDS == ENGLISH_CONNECTOR_WORDS


# ---- without gensim --------------------------------------------------------------------------


def small_sentences() -> list[list[str]]:
    rng = random.Random(3)
    words = [f"w{k}" for k in range(30)]
    sentences = [rng.choices(words, k=6) for _ in range(100)]
    for sentence in sentences[::3]:
        sentence[2:4] = ["new", "york"]
    for sentence in sentences[::5]:
        sentence[3:6] = ["bank", "of", "america"]
    return sentences


def test_counts_and_scores_by_hand() -> None:
    sentences = small_sentences()
    phrases = Phrases(sentences, min_count=2, threshold=3)
    words = Counter(word for sentence in sentences for word in sentence)
    pairs = Counter(f"{a}_{b}" for s in sentences for a, b in pairwise(s))
    assert phrases.vocab == words + pairs
    n_pair, n_new, n_york = pairs["new_york"], words["new"], words["york"]
    score = (n_pair - 2) / (n_new * n_york) * len(words + pairs)
    assert phrases.export_phrases()["new_york"] == score
    assert phrases[["in", "new", "york", "new"]] == ["in", "new_york", "new"]
    npmi = Phrases(sentences, min_count=2, threshold=0.1, scoring="npmi")
    n = sum(words.values())
    expected = math.log(n_pair / n / (n_new / n * (n_york / n))) / -math.log(n_pair / n)
    assert npmi.export_phrases()["new_york"] == pytest.approx(expected, rel=1e-12)


def test_connectors_stand_inside() -> None:
    phrases = Phrases(
        small_sentences(), min_count=1, threshold=1, connector_words=ENGLISH_CONNECTOR_WORDS
    )
    for model in (phrases, phrases.freeze()):
        assert model[["the", "bank", "of", "america", "of"]] == ["the", "bank_of_america", "of"]


def test_streams_of_sentences() -> None:
    phrases = Phrases(small_sentences(), threshold=3)
    joined = phrases[small_sentences()]
    assert list(joined) == list(joined) == [phrases[s] for s in small_sentences()]
    assert phrases[(s for s in small_sentences())] is not None
    assert list(phrases[(s for s in small_sentences())]) == list(joined)
    assert phrases[[]] == [] and phrases[(w for w in ["new", "york"])] == ["new_york"]


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("scoring", ["default", "npmi", own_scorer])
def test_save_and_load(tmp_path: Path, scoring: Any, frozen: bool) -> None:
    threshold = 0.3 if scoring == "npmi" else 3
    sentences = [*small_sentences(), ["\udc80", "tab\there", "line\nhere", "ü"]] * 3
    phrases = Phrases(
        sentences, threshold=threshold, scoring=scoring, connector_words=["of"], delimiter="::"
    )
    model: Any = phrases.freeze() if frozen else phrases
    path = tmp_path / "saved"
    model.save(path)
    own = None if isinstance(scoring, str) else scoring
    again = type(model).load(path, own)
    assert str(again) == str(model)
    assert {k: v for k, v in vars(again).items() if k not in ("_counts", "_ends", "_vocab")} == {
        k: v for k, v in vars(model).items() if k not in ("_counts", "_ends", "_vocab")
    }
    assert [again[s] for s in sentences] == [model[s] for s in sentences]
    if not frozen:
        assert again.vocab == model.vocab and list(again.vocab) == list(model.vocab)
        again.add_vocab(sentences)
        model.add_vocab(sentences)
        assert again.export_phrases() == model.export_phrases()
    if own is not None:
        with pytest.raises(OptionError, match="own_scorer"):
            type(model).load(path)


def test_damaged_files(tmp_path: Path) -> None:
    path = tmp_path / "saved"
    Phrases(small_sentences()).save(path)
    whole = path.read_bytes()
    with pytest.raises(FormatError, match=r"Phrases\.load"):
        FrozenPhrases.load(path)
    lines = whole.splitlines(keepends=True)
    bad = [b"", b"\x80\x04pickle", b"[]\n", b'{"format": 1}\n', b"".join(lines[:-1])]
    bad += [whole[: len(whole) // 2], b"".join(lines[:5] + lines[6:]), whole + b"x"]
    bad += [whole.replace(b'"version": 1', b'"version": 9')]
    bad += [whole.replace(b'"min_count": 5', b'"min_count": "5"')]
    bad += [lines[0] + b'["a", -1]\n' + b"".join(lines[2:])]
    for content in bad:
        path.write_bytes(content)
        with pytest.raises(FormatError, match="saved"):
            Phrases.load(path)
    rng = random.Random(0)
    for _ in range(200):
        place = rng.randrange(len(whole))
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises((FormatError, OptionError)):
            Phrases.load(path)
    assert json.loads(lines[0])["format"] == "wordvec phrases"


def test_copies(tmp_path: Path) -> None:
    phrases = Phrases(small_sentences(), threshold=3)
    for other in (copy.deepcopy(phrases), pickle.loads(pickle.dumps(phrases))):
        assert other.vocab == phrases.vocab
        assert other.export_phrases() == phrases.export_phrases()


@pytest.mark.parametrize(
    "options",
    [
        {"min_count": 0}, {"threshold": 0}, {"scoring": "npmi", "threshold": 2},
        {"scoring": "pmi"}, {"scoring": len}, {"progress_per": 0},
    ],
)  # fmt: skip
def test_values_out_of_range(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        Phrases(**options)


@pytest.mark.parametrize("sentences", ["text.txt", ["a b c"], [["a", 1]], [["a"], [b"b"]]])
def test_wrong_sentences(sentences: Any) -> None:
    with pytest.raises(CorpusError, match=r"expected"):
        Phrases(sentences)
