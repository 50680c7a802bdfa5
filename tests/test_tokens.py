"""The token kernels beside a twin in plain Python."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordvec.kernels.merging import RunMerger, SentenceRemapper
from wordvec.kernels.tokens import (
    PADDING,
    StagedTokens,
    WordTable,
    find_nul,
    last_boundary,
    remove_returns,
    separator_masks,
)
from wordvec.spill import TemporaryFile, merge_runs, remap_of_run, write_run

LENGTHS = [0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 300]
few_bytes = st.lists(st.sampled_from([b" ", b"\n", b"\t", b"a", b"b", b"\0", b"\xff", b"xyz" * 7]))


def padded(text: bytes) -> np.ndarray:
    # Padding of letters: a kernel that reads too far would make them part of a word.
    return np.frombuffer(text + b"q" * PADDING, dtype=np.uint8).copy()


def encode(table: WordTable, text: bytes, **options: object) -> tuple[list[int], tuple[int, ...]]:
    ids = np.empty(len(text) + 1, dtype=np.int32)
    result = table.encode_text(padded(text), len(text), ids, **options)
    return ids[: result[0]].tolist(), result


def words_of(table: WordTable) -> list[bytes]:
    arena, starts = table.gather(np.arange(1, len(table) + 1))
    return [arena[a:b].tobytes() for a, b in pairwise(starts)]


def twin_ids(text: bytes) -> tuple[list[int], dict[bytes, int]]:
    """Provisional ids and the number of each word."""
    numbers: dict[bytes, int] = {}
    ids = []
    for line in text.replace(b"\t", b" ").split(b"\n"):
        for word in line.split(b" "):
            if word:
                ids.append(numbers.setdefault(word, len(numbers) + 1))
        ids.append(0)
    return ids[:-1], numbers


@pytest.mark.parametrize("n_bytes", LENGTHS)
def test_words_of_any_length_are_told_apart(n_bytes: int) -> None:
    rng = np.random.default_rng(n_bytes)
    base = bytes(rng.integers(97, 123, n_bytes, dtype=np.uint8))
    # Words that differ from the first in one byte, or only in length.
    words = [base] + [base[:k] + b"#" + base[k + 1 :] for k in range(n_bytes)]
    words += [base + b"a", base + b"\0", base[:-1]]
    text = b" ".join(words * 2) + b"\n"
    table = WordTable()
    ids, _ = encode(table, text)
    expected, numbers = twin_ids(text)
    assert ids == expected
    assert words_of(table) == list(numbers)
    assert len(numbers) >= n_bytes + 2


@given(few_bytes.map(b"".join).map(lambda text: text + b" "))
def test_ids_equal_the_twin(text: bytes) -> None:
    table = WordTable()
    ids, (n_ids, n_ends, *_) = encode(table, text)
    expected, numbers = twin_ids(text)
    assert ids == expected
    assert n_ids == len(expected) and n_ends == expected.count(0)
    assert table.counts().tolist() == [expected.count(k) for k in range(len(numbers) + 1)]


@given(st.binary(min_size=64, max_size=64))
def test_masks_are_the_same_on_every_instruction_set(block: bytes) -> None:
    fast, portable = (separator_masks(block, portable=p) for p in (False, True))
    assert fast == portable
    assert portable[1] == sum(1 << k for k in range(64) if block[k] == 10)
    assert portable[0] == sum(1 << k for k in range(64) if block[k] in b" \t\n")


@given(st.lists(st.sampled_from([b"\r", b"a", b"bc", b"\n", b"\0"])).map(b"".join))
def test_bytes_helpers(text: bytes) -> None:
    buffer = padded(text)
    assert find_nul(buffer, len(text)) == text.find(b"\0")
    boundary = max(text.rfind(b" "), text.rfind(b"\n"), text.rfind(b"\t")) + 1
    assert last_boundary(buffer, 0, len(text)) == (boundary or -1)
    n_bytes = remove_returns(buffer, len(text))
    assert buffer[:n_bytes].tobytes() == text.replace(b"\r", b"")


def test_growth_keeps_every_word() -> None:
    words = [b"%d" % (k * 7919 % 100_003) for k in range(50_000)]
    text = b" ".join(words) + b"\n" + b" ".join(reversed(words)) + b" "
    table = WordTable()
    ids, _ = encode(table, text)
    expected, numbers = twin_ids(text)
    assert ids == expected and len(table) == len(numbers) == 50_000
    assert words_of(table) == words
    assert [table.find(word) for word in words] == list(range(1, 50_001))
    assert table.find(b"nowhere") == -1


def test_literal_separator() -> None:
    text = b"a </s> b\n</s> "
    assert encode(WordTable(separator=True), text)[0] == [1, 0, 2, 0, 0]
    table = WordTable()
    assert encode(table, text)[0] == [1, 2, 3, 0, 2]


def test_look_up_changes_nothing() -> None:
    table = WordTable()
    encode(table, b"a b c b ")
    counts = table.counts().tolist()
    ids, _ = encode(table, b"b x c \n y ", look_up=True)
    assert ids == [2, 4, 3, 0, 4]
    assert table.counts().tolist() == counts == [0, 1, 2, 1]


def test_cut_and_nul() -> None:
    text = b"abcdef abcxyz ab\0cd \0zz ab "
    table = WordTable()
    ids, (_, _, n_cut, n_with_nul, n_empty) = encode(
        table, text, max_word_bytes=3, nul_ends_word=True
    )
    assert words_of(table) == [b"abc", b"ab"]
    assert ids == [1, 1, 2, 2]
    assert (n_cut, n_with_nul, n_empty) == (3, 2, 1)


def test_many_nul_words_over_block_borders() -> None:
    text = b"a\0b \0 cc " * 400
    ids, (_, _, _, n_with_nul, n_empty) = encode(WordTable(), text, nul_ends_word=True)
    assert ids == [1, 2] * 400
    assert (n_with_nul, n_empty) == (800, 400)


def twin_pruned_counts(tokens: list[bytes], prune_at: int) -> dict[bytes, int]:
    """word2vec.c's rule, entry 0 exempt; the order of the dict is the vocabulary's."""
    counts: dict[bytes, int] = {}
    min_reduce = 1
    for token in tokens:
        counts[token] = counts.get(token, 0) + 1
        if len(counts) + 1 > prune_at:
            counts = {word: n for word, n in counts.items() if n > min_reduce}
            min_reduce += 1
    return counts


@given(st.lists(st.integers(0, 30), max_size=400), st.integers(3, 12))
def test_pruning_equals_the_twin(numbers: list[int], prune_at: int) -> None:
    tokens = [b"w%d" % (n * n // 30) for n in numbers]
    table = WordTable(prune_at=prune_at)
    encode(table, b" ".join([*tokens, b""]))
    counts, seen = table.counts(), table.first_seen()
    live = sorted((int(seen[k]), k) for k in range(1, len(table) + 1) if counts[k])
    words = words_of(table)
    found = {words[k - 1]: int(counts[k]) for _, k in live}
    expected = twin_pruned_counts(tokens, prune_at)
    assert found == expected
    assert list(found) == list(expected)


@settings(max_examples=50)
@given(st.lists(few_bytes.map(b"".join).map(lambda t: t + b"\n"), min_size=1, max_size=6))
def test_absorb_and_runs_equal_one_table(texts: list[bytes]) -> None:
    whole = WordTable()
    parts, part_ids = [], []
    for number, text in enumerate(texts):
        encode(whole, text, chunk_number=number)
        parts.append(WordTable())
        part_ids.append(encode(parts[-1], text, chunk_number=number)[0])
    merged = WordTable()
    maps = [merged.absorb(part) for part in parts]
    numbers = {word: k + 1 for k, word in enumerate(words_of(whole))}
    merged_words = words_of(merged)
    assert sorted(merged_words) == sorted(numbers)
    for k, word in enumerate(merged_words, 1):
        assert merged.counts()[k] == whole.counts()[numbers[word]]
        assert merged.first_seen()[k] == whole.first_seen()[numbers[word]]
    file = TemporaryFile()
    runs = [write_run(part, file) for part in parts]
    arena, starts, counts, seen = merge_runs(runs, 1, 1)
    run_words = [arena[a:b].tobytes() for a, b in pairwise(starts)]
    assert run_words == sorted(numbers)
    assert [whole.counts()[numbers[w]] for w in run_words] == counts.tolist()
    assert [whole.first_seen()[numbers[w]] for w in run_words] == seen.tolist()
    for run, local, part in zip(runs, maps, parts, strict=True):
        remap = remap_of_run(run, whole, 0)
        expected = [numbers[merged_words[k - 1]] for k in local[1:]]
        assert remap[1:].tolist() == expected and len(remap) == len(part) + 1


@pytest.mark.parametrize("n_runs", [1, 2, 33])
def test_merge_of_words_longer_than_the_buffers(n_runs: int) -> None:
    file = TemporaryFile()
    runs = []
    for number in range(n_runs):
        table = WordTable()
        words = [b"x" * 400_000, b"y" * 5000, b"z%d" % number, b"z"]
        encode(table, b" ".join(words) + b" ", chunk_number=number)
        runs.append(write_run(table, file))
    arena, starts, counts, seen = merge_runs(runs, 1, 1)
    assert counts.tolist() == [n_runs, n_runs, n_runs] + [1] * n_runs
    assert seen[:3].tolist() == [0, 1, 3]
    assert starts[1] == 400_000 and arena[:400_000].tobytes() == b"x" * 400_000
    frequent = merge_runs(runs, 2, 1)[2]
    assert frequent.tolist() == ([n_runs] * 3 if n_runs > 1 else [])


def test_remapper_and_its_twin() -> None:
    rng = np.random.default_rng(3)
    remap = np.array([-1, 0, -1, 1, 2], dtype=np.int32)
    remapper = SentenceRemapper()
    ids, ends, all_blocks = [], [], []
    for n in [0, 1, 15, 16, 17, 33, 300]:
        block = rng.integers(0, 5, n).astype(np.int32)
        out, block_ends = np.empty(n, dtype=np.int32), np.empty(n, dtype=np.int64)
        n_ids, n_ends = remapper.remap(block, remap, out, block_ends)
        ids += out[:n_ids].tolist()
        ends += block_ends[:n_ends].tolist()
        all_blocks += block.tolist()
    if remapper.end_sentence():
        ends.append(remapper.n_ids)
    sentences: list[list[int]] = [[]]
    for id in all_blocks:
        if id == 0:
            sentences.append([])
        elif remap[id] >= 0:
            sentences[-1].append(int(remap[id]))
    sentences = [sentence for sentence in sentences if sentence]
    assert ids == [id for sentence in sentences for id in sentence]
    assert ends == np.cumsum([len(sentence) for sentence in sentences]).tolist()
    assert remapper.n_sentences == len(sentences) > 50


def test_staged_tokens() -> None:
    staged, table = StagedTokens(), WordTable()
    staged.add_sentence(["a", "", "ü b", "a", "\udcff", "x" * 40])
    staged.add_sentence([])
    staged.add_sentence(("a",))
    ids = np.empty(staged.n_tokens, dtype=np.int32)
    assert table.encode_staged(staged, ids) == (9, 3)
    assert ids.tolist() == [1, 2, 1, 3, 4, 0, 0, 1, 0]
    assert words_of(table) == [b"a", "ü b".encode(), b"\xff", b"x" * 40]
    assert staged.n_empty == 1
    with pytest.raises(TypeError, match="int"):
        staged.add_sentence([3])
    with pytest.raises(UnicodeEncodeError):
        staged.add_sentence(["\ud800"])


@pytest.mark.parametrize(
    "word", [b"", b"a", b"q" * 16, b"q" * 17, b"q" * 64, b"q" * 65, b"q" * 999]
)
def test_find_reads_no_further_than_the_word(word: bytes) -> None:
    table = WordTable()
    arena = np.frombuffer(word, dtype=np.uint8)
    assert table.add_words(arena, np.array([0, len(word)])) == (-1 if word else 0)
    assert table.find(word) == (1 if word else 0)
    assert table.find(word + b"q") == -1


def test_checks() -> None:
    table, text = WordTable(), padded(b"abc ")
    ids = np.empty(10, dtype=np.int32)
    with pytest.raises(ValueError, match="padding"):
        table.encode_text(text, len(text), ids)
    with pytest.raises(ValueError, match="separator"):
        table.encode_text(text, 3, ids)
    with pytest.raises(ValueError, match="places"):
        table.encode_text(text, 4, ids[:2])
    with pytest.raises(ValueError, match="not in the table"):
        table.gather(np.array([1]))
    with pytest.raises(ValueError, match="outside the arena"):
        table.add_words(text, np.array([0, 1000]))
    with pytest.raises(ValueError, match="n_runs"):
        RunMerger(0, 1)
