"""Counts of pairs: equal to a twin with fractions, whatever the budget and the threads."""

import io
import math
import tempfile
from itertools import pairwise

import numpy as np
import pytest
import reference
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wordvec import memory, paircounting, threads
from wordvec.cooccur import CooccurOptions, count_pairs, stanford_limits
from wordvec.corpus import WORD2VEC_RULES, read_corpus
from wordvec.errors import CorpusError, OptionError, OutputError, WordvecError
from wordvec.kernels.cooccur import PairCounter, PairPlan
from wordvec.records import RECORD

texts = st.lists(st.lists(st.integers(0, 6), max_size=40), max_size=12)


def corpus_of(sentences):
    return read_corpus([[f"w{id}" for id in s] for s in sentences], min_count=1)


def ids_by_sentence(corpus):
    ends = corpus.starts.tolist()
    return [corpus.ids[a:b].tolist() for a, b in pairwise(ends)]


def twin_of(corpus, options):
    counts = reference.pairs_within(
        ids_by_sentence(corpus), options.window, options.symmetric, options.distance_weighting
    )
    made = [(row, column, float(value)) for (row, column), value in counts.items()]
    return np.array(made, dtype=RECORD)


def assert_equal_to_twin(found, twin, options):
    assert found[["row", "column"]].tolist() == twin[["row", "column"]].tolist()
    if options.window <= 22 or not options.distance_weighting:
        assert found["value"].tolist() == twin["value"].tolist()  # rounded once, from the exact sum
    np.testing.assert_allclose(found["value"], twin["value"], rtol=1e-14)


@settings(deadline=None, max_examples=60)
@given(
    texts.filter(any),
    st.integers(1, 45),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, 0, 1, 6, 1000]),
    st.integers(1, 3),
    st.sampled_from([None, 1]),
)
@example([[0] * 40] * 5, 22, True, True, 1000, 2, None)  # cells overflow 32 bits
@example([[0, 1] * 40], 30, True, True, 0, 1, None)  # the last window with events of 4 bytes
@example([[0, 1] * 40], 31, True, True, 0, 1, None)
def test_equal_to_the_twin(
    sentences, window, symmetric, weighted, max_product, n_threads, budget
):  # fmt: skip
    corpus = corpus_of(sentences)
    options = CooccurOptions(window=window, symmetric=symmetric, distance_weighting=weighted)
    twin = twin_of(corpus, options)
    with count_pairs(
        corpus, options, memory=budget, n_threads=n_threads, max_product=max_product
    ) as pairs:
        found = pairs.records(n_threads)
        assert pairs.n_records == len(found) and pairs.n_words == len(corpus.vocab)
        assert np.concatenate([found[:0], *pairs.blocks()]).tobytes() == found.tobytes()
        stream = io.BytesIO()
        assert pairs.write(stream, n_threads) == len(found)
        assert stream.getvalue() == found.tobytes()
    assert_equal_to_twin(found, twin, options)


@pytest.fixture(scope="module")
def long_corpus():
    """60,000 words, some frequent, most rare, in sentences of all lengths."""
    rng = np.random.default_rng(5)
    ids = (rng.pareto(0.7, 60_000) * 3).astype(int) % 4000
    cuts = np.sort(rng.choice(60_000, 3000, replace=False))
    return corpus_of([part.tolist() for part in np.split(ids, cuts)])


@pytest.fixture(scope="module")
def long_twin(long_corpus):
    return twin_of(long_corpus, CooccurOptions(window=12))


@pytest.mark.parametrize(
    "means",
    [
        {}, {"n_threads": 2}, {"memory": 1}, {"memory": 1, "n_threads": 3}, {"max_product": 0},
        {"max_product": 0, "memory": 1}, {"max_product": 0, "n_waiting": 1, "n_threads": 2},
        {"max_product": 10**9}, {"memory": 256 << 20, "n_threads": 4},
    ],
)  # fmt: skip
def test_no_budget_changes_a_bit(long_corpus, long_twin, means):
    options = CooccurOptions(window=12)
    with count_pairs(long_corpus, options, **means) as pairs:
        found = pairs.records(means.get("n_threads", 1))
        # The least memory holds half a million events; there are 1.4 million.
        if means.get("max_product") == 0 and len(means) > 1:
            assert pairs.n_spills > 0
    assert_equal_to_twin(found, long_twin, options)


@pytest.mark.parametrize("piece", [5, 1000])
def test_where_the_text_is_cut_changes_nothing(monkeypatch, long_corpus, long_twin, piece):
    monkeypatch.setattr(paircounting, "_PIECE_TOKENS", piece)
    options = CooccurOptions(window=12)
    with count_pairs(long_corpus, options, n_threads=2) as pairs:
        assert pairs.records().tobytes() == long_twin.tobytes()


def test_windows_beyond_the_exact_ones_do_not_depend_on_the_way(long_corpus):
    options = CooccurOptions(window=60)
    results = set()
    ways = [{}, {"max_product": 0, "n_waiting": 1}, {"max_product": 5000, "n_threads": 3}]
    for way in ways:
        with count_pairs(long_corpus, options, **way) as pairs:
            results.add(pairs.records().tobytes())
    assert len(results) == 1


def test_words_outside_the_vocabulary_take_no_place():
    vocab = read_corpus([["a", "b"] * 3], min_count=1).vocab
    corpus = read_corpus([["a", "x", "x", "b"], ["y", "b", "z"]], vocab=vocab)
    with count_pairs(corpus, CooccurOptions(window=1)) as pairs:
        assert pairs.records().tolist() == [(1, 2, 1.0), (2, 1, 1.0)]


def test_one_word_and_no_pair():
    with count_pairs(corpus_of([[0], [0], [1]])) as pairs:
        assert len(pairs.records()) == 0 and pairs.write(io.BytesIO()) == 0
        assert list(pairs.blocks()) == [] and pairs.n_records == 0


def test_a_vocabulary_with_a_separator_is_refused(text_path):
    corpus = read_corpus(text_path, rules=WORD2VEC_RULES, min_count=1)
    with pytest.raises(CorpusError, match="</s>"):
        count_pairs(corpus)


@pytest.mark.parametrize("window", [0, 4095, -1, 2.5])
def test_windows_out_of_range(window):
    with pytest.raises(OptionError, match="window"):
        CooccurOptions(window=window)


# ---- what may fail ----------------------------------------------------------------------------


def spilling(corpus, **settings):
    return count_pairs(corpus, CooccurOptions(window=12), max_product=0, n_waiting=1, **settings)


def test_no_folder_for_temporary_files(long_corpus, tmp_path):
    with pytest.raises(OutputError, match="temporary file cannot be written: No such file"):
        spilling(long_corpus, folder=str(tmp_path / "none"))


def test_a_disk_that_fills_up(long_corpus, tmp_path, monkeypatch):
    def pwrite(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.pwrite", pwrite)
    with pytest.raises(OutputError, match="No space left on device; name another folder"):
        spilling(long_corpus, folder=str(tmp_path), n_threads=2)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_in_the_folder(long_corpus, long_twin, tmp_path):
    with spilling(long_corpus, folder=str(tmp_path)) as pairs:
        assert pairs.n_spills > 1
        assert pairs.records().tobytes() == long_twin.tobytes()
        assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="closed"):
        pairs.records()


def test_ctrl_c_while_counting(long_corpus, monkeypatch):
    monkeypatch.setattr(threads, "POLL_SECONDS", 1e-4)
    monkeypatch.setattr(paircounting, "_PIECE_TOKENS", 10)

    def interrupt(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        count_pairs(long_corpus, reporter=interrupt)


def test_an_error_of_the_stream_ends_the_writing(long_corpus):
    class Full(io.RawIOBase):
        def write(self, data):
            raise OSError(28, "No space left on device")

    with count_pairs(long_corpus) as pairs:
        for n_threads in (1, 3):
            with pytest.raises(OSError, match="No space"):
                pairs.write(Full(), n_threads)


def test_progress_ends_with_all_tokens(long_corpus):
    reports = []
    count_pairs(long_corpus, reporter=reports.append).close()
    assert reports[-1].n_done == reports[-1].n_total == len(long_corpus.ids)
    assert reports[-1].stage == "pairs"


# ---- the kernel's own checks ------------------------------------------------------------------


def small_plan(**changes):
    units = np.zeros(4096, dtype=np.uint64)
    units[1] = 1
    settings = {
        "n_words": 2, "max_product": 0, "window": 1, "symmetric": True, "near": 1, "scale": 1.0,
        "row_start": np.zeros(4, dtype=np.int64), "row_begin": np.ones(4, dtype=np.int64),
        "stripe_of": np.zeros(4, dtype=np.int32), "first_rows": np.array([1, 3]), "units": units,
    }  # fmt: skip
    return PairPlan(**(settings | changes))


def test_the_kernel_refuses_what_it_cannot_count():
    plan = small_plan()
    counter = PairCounter(plan, np.zeros(1, np.uint32), np.zeros(1 << 20, np.uint64))
    ids, starts = np.array([0, 1], np.int32), np.array([0, 2])
    assert counter.count(ids, starts, 0, 0, 2) == 2 and counter.n_events(0) == 2
    with pytest.raises(ValueError, match="id 2 at 1, expected 0 to 1"):
        counter.count(np.array([0, 2], np.int32), starts, 0, 0, 2)
    with pytest.raises(ValueError, match="outside the corpus"):
        counter.count(ids, starts, 0, 0, 3)
    with pytest.raises(ValueError, match="does not hold the position"):
        counter.count(ids, np.array([1, 2]), 0, 0, 2)
    with pytest.raises(IndexError, match="stripe 1 of 1"):
        counter.n_events(1)
    for changes in ({"window": 0}, {"n_words": 0}, {"units": np.zeros(3, np.uint64)}):
        with pytest.raises(ValueError):
            small_plan(**changes)
    with pytest.raises(ValueError, match="too little memory"):
        PairCounter(plan, np.zeros(1, np.uint32), np.zeros(600, np.uint64))


def test_a_table_that_no_memory_holds(monkeypatch):
    monkeypatch.setattr(memory, "physical_bytes", lambda: 1 << 20)
    corpus = corpus_of([range(2000)])
    with pytest.raises(WordvecError, match=r"counts need 0.0 GB .*; use a smaller max_product"):
        count_pairs(corpus, max_product=10**9)


# ---- Stanford's numbers -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "memory, limits",
    [(1, (3731501, 9507089)), (2, (7157978, 19014178)), (3, (10485784, 28521267)),
     (4, (13752509, 38028356)), (8, (26461224, 76056712))],
)  # fmt: skip
def test_stanford_limits(memory, limits):
    assert stanford_limits(memory) == limits


@pytest.mark.parametrize("memory", [1e-12, 1e-9, 1e-7, 1e-6, 1e-3, 1e6, 2.0**30])
def test_stanford_limits_of_any_memory(memory):
    product, length = stanford_limits(memory)
    assert product >= 0 and length == math.floor(0.85 * memory * 2**30 / 16) // 6


def test_temporary_files_go_where_the_system_says(long_corpus, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(OutputError, match="set TMPDIR"):
        spilling(long_corpus)
