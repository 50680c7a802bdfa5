"""Labelled lines to rows: fastText's numbering, against a plain twin, by both ways in."""

import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reference import line_rows

from wordvec.errors import CorpusError
from wordvec.fasttextmodel import DenseRows, FastTextArgs, FastTextModel
from wordvec.kernels import labelled as kernel
from wordvec.labelled import (
    add_words,
    most_rows,
    read_labelled,
    rows_of_lines,
)
from wordvec.linerows import entry_rules, hashes_of
from wordvec.models.labelling import Labeller, line_chunks
from wordvec.options import ClassifierOptions
from wordvec.subwords import NgramRules
from wordvec.words import WordList

PIECES = [
    b"cat", b"caf\xc3\xa9", b"\xff\xfe", b"a", b"__label__x", b"__label__y", b"__label__rare",
    b"</s>", b" ", b" ", b"\n", b"\n", b"\t", b"\r", b"\0", b"rare", b"supercalifragilistic" * 5,
]  # fmt: skip


def test_hashes_are_fasttexts():
    words = WordList.of(["a", "king", "</s>", "é", "日本"])
    starts = np.concatenate([[0], words.ends]).astype(np.int64)
    assert hashes_of(words.data, starts).tolist() == [
        3826002220, 3658736598, 3617362777, 1023043777, 4164387409,
    ]  # fmt: skip


def lines_of(text: bytes) -> list[list[bytes]]:
    lines: list[list[bytes]] = [[]]
    for part in re.split(rb"(\n)", text):
        if part == b"\n":
            lines[-1].append(b"</s>")
            lines.append([])
        else:
            lines[-1] += [t for t in re.split(rb"[ \r\t\v\f\0]+", part) if t]
    return [line for line in lines if line]


def ended_by_words(lines: list[list[bytes]]) -> list[list[bytes]]:
    """Lines as training takes them: a `</s>` that stands in the text ends one, as in fastText;
    when asked, a line is a line."""
    ended: list[list[bytes]] = []
    for line in lines:
        begins = True
        for token in line:
            if begins:
                ended.append([])
            ended[-1].append(token)
            begins = token == b"</s>"
    return ended


def model_of(text, options):
    """An untrained model over the dictionary of a text."""
    d = text.dictionary
    args = FastTextArgs(
        dim=4, word_ngrams=options.word_ngrams, loss="softmax", kind="sup",
        bucket=options.n_buckets, min_n=options.min_n, max_n=options.max_n,
    )  # fmt: skip
    rows = np.arange((d.n_words + options.n_buckets) * 4, dtype=np.float32).reshape(-1, 4)
    return FastTextModel(args, d, DenseRows(rows), DenseRows(np.zeros((d.n_labels, 4), np.float32)))


@settings(max_examples=80, deadline=None)
@example([b"__label__x", b" ", b"</s>", b" ", b"cat", b" ", b"</s>", b"\n"], 2, (1, 2), 1)
@given(
    st.lists(st.sampled_from(PIECES), max_size=60),
    st.integers(1, 3),
    st.sampled_from([(0, 0), (1, 2), (3, 6), (2, 20)]),
    st.integers(1, 2),
)
def test_rows_equal_a_twin(tmp_path_factory, pieces, word_ngrams, sizes, min_count):
    data = b"".join(pieces)
    path = tmp_path_factory.mktemp("lines") / "text"
    path.write_bytes(data)
    options = ClassifierOptions(
        word_ngrams=word_ngrams, min_n=sizes[0], max_n=sizes[1], bucket=97, min_count=min_count,
        workers=1,
    )  # fmt: skip
    lines = lines_of(data)
    try:
        text = read_labelled(str(path), options)
    except CorpusError:
        tokens = [t for line in lines for t in line]
        kept = [t for t in tokens if not t.startswith(b"__label__") and
                tokens.count(t) >= min_count]  # fmt: skip
        has_label = any(t.startswith(b"__label__") for t in tokens)
        only_ends = not any(t != b"</s>" for t in tokens)
        assert not kept or not has_label or only_ends
        return
    d = text.dictionary
    entries = [d.words.word_bytes(i) for i in range(len(d.words))]
    words, labels = entries[: d.n_words], entries[d.n_words :]
    assert text.n_tokens == sum(map(len, lines))
    assert (np.diff(d.counts[: d.n_words]) <= 0).all()
    assert (np.diff(d.counts[d.n_words :]) <= 0).all()
    settings_ = {
        "word_ngrams": word_ngrams, "bucket": options.n_buckets, "min_n": sizes[0],
        "max_n": sizes[1],
    }  # fmt: skip
    expected = [line_rows(line, words, labels, **settings_) for line in ended_by_words(lines)]

    ngrams = NgramRules(sizes[0], sizes[1], options.n_buckets)
    rules = entry_rules(
        text.arena, text.entry_starts, text.codes, d.n_words, ngrams, word_ngrams
    )  # fmt: skip
    limit = most_rows(text, ngrams, word_ngrams)
    assert limit >= sum(len(rows) for rows, _ in expected)
    for guess in (limit, 0):
        by_ids = rows_of_lines(text, rules, 0, text.n_lines, guess)
        assert unpacked(by_ids) == expected
    expected = [line_rows(line, words, labels, **settings_) for line in lines]
    labeller = Labeller(model_of(text, options))
    assert unpacked(labeller.rows_of_text(data, True)) == expected


def unpacked(lines):
    def lists(starts, values):
        return [values[a:b].tolist() for a, b in pairwise(starts)]

    rows = lists(lines.row_starts, lines.rows)
    return list(zip(rows, lists(lines.label_starts, lines.labels), strict=True))


def test_small_buffers_are_asked_for_again(tmp_path):
    path = tmp_path / "text"
    path.write_bytes(b"__label__a b c d\n" * 50)
    options = ClassifierOptions(word_ngrams=3, bucket=50, workers=1)
    labeller = Labeller(model_of(read_labelled(str(path), options), options))
    whole = labeller.rows_of_text(path.read_bytes(), True)
    text = np.full(50 * 17 + 128, 32, np.uint8)
    text[: 50 * 17] = np.frombuffer(path.read_bytes(), np.uint8)
    begin, n_lines, is_full, rows = 0, 0, True, []
    while is_full:
        room, starts, label_starts = np.empty(25, np.int32), np.empty(9, np.int64), np.empty(9, int)
        n, begin, n_tokens, is_full = labeller.reader.lines_of_text(
            text, begin, 50 * 17, True, room, starts, np.empty(3, np.int32), label_starts,
            np.empty(9, np.uint32),
        )  # fmt: skip
        assert n <= 2 and n_tokens == 5 * n
        n_lines += n
        rows += room[: starts[n]].tolist()
    assert n_lines == 50
    assert rows == whole.rows.tolist()


def test_chunks_are_whole_lines(tmp_path):
    path = tmp_path / "text"
    data = b"".join(b"w" * (i % 70) + b"\n" for i in range(300)) + b"no newline"
    path.write_bytes(data)
    for size in (1, 7, 64, 1000, 1 << 20):
        chunks = list(line_chunks(str(path), size))
        assert b"".join(chunks) == data
        assert all(chunk.endswith(b"\n") for chunk in chunks[:-1])


def test_a_long_line(tmp_path):
    path = tmp_path / "long"
    path.write_bytes(b"__label__a " + b"word " * 200_000 + b"\n__label__b x\n")
    options = ClassifierOptions(workers=1)
    text = read_labelled(str(path), options)
    assert text.n_lines == 2
    labeller = Labeller(model_of(text, options))
    lengths = [np.diff(labeller.rows_of_text(c, True).row_starts) for c in line_chunks(str(path))]
    assert np.concatenate(lengths).tolist() == [200_001, 2]


def test_pretrained_words_join(tmp_path):
    path = tmp_path / "text"
    path.write_bytes(b"__label__a one two two rare\n")
    text = read_labelled(str(path), ClassifierOptions(workers=1, min_count=1))
    add_words(text, WordList.of(["new", "one", "__label__no", "one", "newer"]))
    d = text.dictionary
    words = d.words[: d.n_words]
    counts = dict(zip(words, d.counts.tolist(), strict=False))
    assert counts == {"two": 2, "one": 2, "rare": 1, "</s>": 1, "new": 1, "newer": 1}
    assert d.labels == ["__label__a"] and d.n_tokens == text.n_tokens + 3
    numbers = [int(text.codes[i]) for i in text.ids]
    assert [words[n] for n in numbers if n >= 0] == ["one", "two", "two", "rare", "</s>"]
    assert [n for n in numbers if n < 0] == [kernel.CODE_OF_LABEL]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("-", "stdin cannot be trained on"),
        ([("a", "b"), "oops"], "example 1"),
        ([("two words", "b")], "is no label"),
        ([(["x", ""], "b")], "is no label"),
        ([], "empty"),
    ],
)
def test_sources_that_cannot_be_meant(source, message):
    with pytest.raises(CorpusError, match=message):
        read_labelled(iter(source) if isinstance(source, list) else source, ClassifierOptions())


def test_pairs_equal_the_file(tmp_path):
    path = tmp_path / "text"
    path.write_bytes(b"__label__a __label__b one two\n__label__a three\n")
    pairs = [(["a", "__label__b"], "one\ntwo"), ("a", " three\0")]
    options = ClassifierOptions(workers=1)
    by_file, by_pairs = read_labelled(str(path), options), read_labelled(iter(pairs), options)
    assert by_file.dictionary.words == by_pairs.dictionary.words
    np.testing.assert_array_equal(by_file.ids, by_pairs.ids)
    np.testing.assert_array_equal(by_file.starts, by_pairs.starts)


def test_buckets_are_numbered_as_they_come():
    rows = np.array([3, 7, 0, 5, 7, 12, 5, 2], np.int32)  # 3 words, 10 buckets
    row_of_bucket = np.full(10, -1, np.int32)
    assert kernel.number_buckets(rows, 3, row_of_bucket) == 4
    assert row_of_bucket.tolist() == [0, -1, 2, -1, 1, -1, -1, -1, -1, 3]
    kernel.renumber_buckets(rows, 3, row_of_bucket)
    assert rows.tolist() == [3, 4, 0, 5, 4, 6, 5, 2]
    assert kernel.number_buckets(np.zeros(0, np.int32), 3, row_of_bucket) == 0
    first_three = np.full(10, -1, np.int32)
    assert kernel.number_buckets(rows, 3, first_three, 2) == 3
    assert first_three.tolist() == [0, 1, 2] + 7 * [-1]
    with pytest.raises(ValueError, match="beyond 3 words and 10 buckets"):
        kernel.number_buckets(np.array([13], np.int32), 3, row_of_bucket)
    with pytest.raises(ValueError, match="no row of its own"):
        kernel.renumber_buckets(np.array([4], np.int32), 3, np.full(10, -1, np.int32))
