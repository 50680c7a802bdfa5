"""join_phrases beside word2phrase in plain Python: the same bytes on every text."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reference_phrases import word2phrase

from wordvec import phrases
from wordvec.errors import CorpusError
from wordvec.files import OutputFile
from wordvec.options import PhraseOptions
from wordvec.phrases import join_phrases

# Few different words, many of them made of the others' letters and marks.
WORDS = [
    b"a", b"b", b"a_b", b"_", b"_a", b"b_", b"a_", b"_b", b"a_b_a", b"b_a", b"__", b"</s>",
    b"</s>_a", b"</s>_", b"</s>_a_b", b"\0", b"\0a", b"a\0b", b"_\0", b"\xff", b"a\r", b"\r",
    b"x" * 28, b"x" * 29, b"x" * 30, b"x" * 29 + b"_", b"x" * 28 + b"_x", b"x" * 57, b"x" * 58,
    b"x" * 59, b"x" * 70, b"_" + b"x" * 29, b"</s>_" + b"x" * 53, b"y" * 52 + b"_a",
    b"y" * 53 + b"\0", b"c", b"d", b"c_d",
]  # fmt: skip
BLANKS = [b" ", b" ", b" ", b"\n", b"\t", b"  ", b"\r\n", b"\n\n"]
THRESHOLDS = [-1.0, 0.0, 0.1, 0.5, 1.0, 2.0, 1e39]
texts = st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(BLANKS)), max_size=60)
few_words = st.lists(
    st.tuples(st.sampled_from([b"a", b"b", b"a_b", b"\0", b"</s>_a", b"_a"]), st.just(b" ")),
    max_size=30,
)


def joined(
    folder: Path, text: bytes, min_count: int, threshold: float, **options: object
) -> tuple[bytes, phrases.JoinedText]:
    threads = int(options.pop("threads", 1))  # type: ignore[call-overload]
    path = folder / "text"
    path.write_bytes(text)
    with OutputFile(folder / "out") as output:
        result = join_phrases(path, output, PhraseOptions(min_count, threshold, threads), **options)  # type: ignore[arg-type]
    return (folder / "out").read_bytes(), result


def random_text(seed: int, n_words: int, words: list[bytes]) -> bytes:
    rng = random.Random(seed)
    return b"".join(rng.choice(words) + rng.choice(BLANKS) for _ in range(n_words))


@settings(max_examples=300, deadline=None)
@given(
    texts | few_words,
    st.sampled_from([b"", b"a", b"a_b"]),
    st.integers(0, 3),
    st.sampled_from(THRESHOLDS),
    st.booleans(),
)
@example([(b"a_b", b" "), (b"a", b" "), (b"b", b" ")], b"", 1, 0.1, True)
def test_any_text(
    tmp_path_factory: pytest.TempPathFactory,
    pairs: list[tuple[bytes, bytes]],
    end: bytes,
    min_count: int,
    threshold: float,
    count_kept: bool,
) -> None:
    text = b"".join(word + blank for word, blank in pairs) + end
    expected, n_kept = word2phrase(text, min_count, threshold)
    folder = tmp_path_factory.mktemp("t", numbered=True)
    found, result = joined(folder, text, min_count, threshold, count_kept=count_kept)
    assert found == expected
    if count_kept:
        assert result.n_kept == n_kept


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_chunks_and_memory_change_nothing(tmp_path: Path, seed: int, threads: int) -> None:
    words = WORDS if seed % 2 else [b"w%d" % (k * k // 9) for k in range(200)]
    text = random_text(seed, 3000, words)
    min_count, threshold = seed % 4, [0.5, 1.5, 2.0][seed % 3]
    expected, n_kept = word2phrase(text, min_count, threshold)
    for memory in (None, 20_000):
        found, result = joined(
            tmp_path, text, min_count, threshold, threads=threads, memory=memory, count_kept=True,
            _chunk_bytes=500,
        )  # fmt: skip
        assert found == expected
        assert result.n_kept == n_kept
        assert result.n_joined > 0


def test_pairs_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With several parts per text and next to no memory every pair goes through a file."""
    monkeypatch.setattr(phrases, "_PAIRS_PER_PART", 64)
    written: list[int] = []
    append = phrases._Spilled.append

    def spy(self: phrases._Spilled, part: int, pairs: np.ndarray) -> None:
        written.append(len(pairs))
        append(self, part, pairs)

    monkeypatch.setattr(phrases._Spilled, "append", spy)
    text = random_text(5, 4000, [b"w%d" % (k * k // 9) for k in range(200)])
    found, result = joined(tmp_path, text, 2, 3.0, memory=20_000, _chunk_bytes=500, threads=2)
    assert found == word2phrase(text, 2, 3.0)[0] and result.n_joined
    assert sum(written) > 3000 and len(written) > 64


@pytest.mark.parametrize("n_repeats", [1, 400])
def test_lost_word_of_short_and_long_texts(tmp_path: Path, n_repeats: int) -> None:
    """`b` is the last word that occurs once, and so unknown: the original's slip."""
    text = b"x y z q\n" * 2 * n_repeats * 2 + b"a_b " * 2 + b"a b a_b a_b a_b a_b x y "
    found, _ = joined(tmp_path, text, 1, 0.01)
    assert found == word2phrase(text, 1, 0.01)[0]


@pytest.mark.parametrize("text", [b"", b"\n", b"\n\n\r\n", b"   ", b"word", b"\n</s> word"])
def test_texts_without_words(tmp_path: Path, text: bytes) -> None:
    found, result = joined(tmp_path, text, 1, 1.0)
    assert found == word2phrase(text, 1, 1.0)[0]
    assert result.n_words == 0


def test_counts_only(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"a b a b\n")
    result = join_phrases(tmp_path / "text", None, PhraseOptions(1, 0.1), count_kept=True)
    assert (result.n_words, result.n_kept, result.n_joined) == (4, 5, 0)


def test_lists_of_words_are_not_for_this(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"wordvec\.Phrases"):
        join_phrases([["a", "b"]], None)
