"""Corpus to ids: the rules of word2vec, every kind of source, bad input, memory, the id cache."""

import bz2
import gzip
import io
import lzma
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordvec.corpus import WORD2VEC_RULES, EncodedCorpus, TokenRules, count_vocab, read_corpus
from wordvec.errors import CorpusError, FormatError, OptionError, OutputError
from wordvec.progress import Progress
from wordvec.vocab import Vocab

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("WORDVEC_DATA", ROOT.parent / "shared" / "data"))
PLAIN = TokenRules()


def sentences_of(corpus: EncodedCorpus) -> list[list[bytes]]:
    words = [corpus.vocab.word_bytes(row) for row in range(len(corpus.vocab))]
    return [[words[id] for id in corpus.ids[a:b]] for a, b in pairwise(corpus.starts)]


def same(a: EncodedCorpus, b: EncodedCorpus) -> bool:
    return (
        a.vocab == b.vocab
        and np.array_equal(a.ids, b.ids)
        and np.array_equal(a.starts, b.starts)
        and (a.n_tokens_read, a.n_tokens_kept) == (b.n_tokens_read, b.n_tokens_kept)
        and a.fingerprint == b.fingerprint
    )


# ---- the twin ----------------------------------------------------------------------------------


def twin(
    texts: list[bytes], rules: TokenRules, min_count: int, max_vocab: int | None
) -> tuple[list[tuple[bytes, int]], list[list[bytes]], int]:
    """(vocabulary with counts, sentences of kept words, words read) of files with these texts."""
    sentences: list[list[bytes]] = []
    counts: Counter[bytes] = Counter()
    for text in texts:
        text = text.replace(b"\r", b"").replace(b"\t", b" ")
        if text and rules.drop_unterminated:
            text = text[: max(text.rfind(b" "), text.rfind(b"\n")) + 1]
        for number, line in enumerate(text.split(b"\n")):
            if number and rules.separator:
                counts[b"</s>"] += 1
            sentences.append([])
            for word in line.split(b" "):
                word = word[: rules.max_word_bytes or None]
                word = word.split(b"\0")[0] if rules.nul_ends_word else word
                if word == b"</s>" and rules.separator:
                    counts[word] += 1
                    sentences.append([])
                elif word:
                    counts[word] += 1
                    sentences[-1].append(word)
    n_separators = counts.pop(b"</s>", 0) if rules.separator else 0
    order = sorted(counts.items(), key=lambda item: -item[1])
    kept = [item for item in order if item[1] >= min_count][:max_vocab]
    known = {word for word, _ in kept}
    n_read = sum(map(len, sentences))
    sentences = [[word for word in sentence if word in known] for sentence in sentences]
    vocab = [(b"</s>", n_separators)] * rules.separator + kept
    return vocab, [sentence for sentence in sentences if sentence], n_read


text_bytes = st.one_of(
    st.binary(max_size=300),
    st.lists(
        st.sampled_from(
            [b" ", b" ", b"\n", b"\t", b"\r\n", b"\r", b"a", b"b", b"ab", b"</s>", b"\0", b"\xe9",
             b"word", b"x" * 17, b"y" * 97, b"z" * 99]
        ),
        max_size=120,
    ).map(b"".join),
)  # fmt: skip
all_rules = st.sampled_from([PLAIN, WORD2VEC_RULES, TokenRules(separator=True), TokenRules(3)])


@settings(max_examples=150, deadline=None)
@given(
    st.lists(text_bytes, min_size=1, max_size=3),
    all_rules,
    st.sampled_from([1, 1, 2, 3]),
    st.sampled_from([None, None, 1, 3]),
    st.sampled_from([1, 7, 64, 1 << 20]),
    st.integers(1, 3),
    st.sampled_from([1, 100_000, 1 << 30]),
)
def test_any_bytes_give_what_the_twin_gives(
    tmp_path_factory: pytest.TempPathFactory,
    texts: list[bytes],
    rules: TokenRules,
    min_count: int,
    max_vocab: int | None,
    chunk_bytes: int,
    n_threads: int,
    memory: int,
) -> None:
    """For any size of chunk, number of threads and memory."""
    folder = tmp_path_factory.mktemp("texts")
    paths = [folder / str(k) for k in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        # What looks compressed would be unpacked.
        path.write_bytes(b" " + text)
    texts = [b" " + text for text in texts]
    vocab, sentences, n_read = twin(texts, rules, min_count, max_vocab)
    options: dict[str, Any] = {
        "rules": rules, "min_count": min_count, "max_vocab": max_vocab, "n_threads": n_threads,
        "memory": memory, "_chunk_bytes": chunk_bytes,
    }  # fmt: skip
    if not sentences:
        with pytest.raises(CorpusError):
            read_corpus(paths, **options)
        return
    corpus = read_corpus(paths, **options)
    found = [(corpus.vocab.word_bytes(k), int(n)) for k, n in enumerate(corpus.vocab.counts)]
    assert found == vocab
    assert sentences_of(corpus) == sentences
    assert corpus.n_tokens_read == n_read
    assert corpus.n_tokens_kept == len(corpus.ids) == sum(map(len, sentences))
    assert corpus.n_bytes == sum(map(len, texts))
    assert corpus.ids.dtype == np.int32 and corpus.starts.dtype == np.int64
    with_vocab = read_corpus(paths, vocab=corpus.vocab, **{**options, "min_count": 99})
    assert same(corpus, with_vocab)


# ---- word2vec's rules (fact sheet, conformance 3 to 7) -----------------------------------------


def saved_vocab(folder: Path, text: bytes, min_count: int = 1) -> bytes:
    (folder / "text").write_bytes(text)
    vocab = count_vocab(folder / "text", rules=WORD2VEC_RULES, min_count=min_count)
    vocab.save(folder / "vocab")
    return (folder / "vocab").read_bytes()


def test_conformance_3_words_are_cut_at_98_bytes(tmp_path: Path) -> None:
    text = b"a" * 97 + b" " + b"b" * 98 + b" " + b"c" * 99 + b" " + b"d" * 120 + b"\n"
    lines = saved_vocab(tmp_path, text).split(b"\n")[1:-1]
    assert [len(line.split()[0]) for line in lines] == [97, 98, 98, 98]
    corpus = read_corpus(tmp_path / "text", rules=WORD2VEC_RULES, min_count=1)
    assert corpus.notes == ["words cut at 98 bytes: 2"]
    native = read_corpus(tmp_path / "text", min_count=1)
    assert [len(word) for word in native.vocab.words] == [97, 98, 99, 120]
    assert native.notes == []


def test_conformance_4_and_5_line_ends_and_the_last_word(tmp_path: Path) -> None:
    expected = b"</s> 3\nx 1\ny 1\nz 1\n"
    assert saved_vocab(tmp_path, b"x y\tz\r\n\n\nfoo") == expected
    corpus = read_corpus(tmp_path / "text", rules=WORD2VEC_RULES, min_count=1)
    assert corpus.starts.tolist() == [0, 3] and corpus.ids.tolist() == [1, 2, 3]
    assert "last word" in corpus.notes[0]
    assert saved_vocab(tmp_path, b"x y\tz\n\n\n") == expected
    native = read_corpus(tmp_path / "text", min_count=1)
    assert native.vocab.words == ["x", "y", "z"] and native.ids.tolist() == [0, 1, 2]
    (tmp_path / "text").write_bytes(b"foo bar")
    assert read_corpus(tmp_path / "text", min_count=1).vocab.words == ["foo", "bar"]


def test_conformance_6_order(tmp_path: Path) -> None:
    assert saved_vocab(tmp_path, b"c b a b c d ") == b"</s> 0\nc 2\nb 2\na 1\nd 1\n"


def test_conformance_7_pruned_prefix(tmp_path: Path) -> None:
    saved_vocab(tmp_path, b"c b a b c c\nd ")
    Vocab.read(tmp_path / "vocab", min_count=2).save(tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"</s> 1\nc 3\nb 2\n"


def test_prune_at(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"a a b c d d e a b\n")
    corpus = read_corpus(tmp_path / "text", rules=WORD2VEC_RULES, min_count=1, prune_at=3)
    # At c: b and c go (limit 1); at e: a stays with 2? no: the limit is 2, all go; then a, b.
    assert dict(zip(corpus.vocab.words, corpus.vocab.counts.tolist(), strict=True)) == {
        "</s>": 1, "a": 1, "b": 1,
    }  # fmt: skip
    # The text is encoded with the vocabulary that was left, as in the original's second reading.
    assert [corpus.vocab.words[id] for id in corpus.ids] == ["a", "a", "b", "a", "b"]
    assert corpus.n_tokens_read == 9


# ---- sources -----------------------------------------------------------------------------------

TEXT = b"the cat sat on the mat\nthe dog sat on the log\n" * 50


@pytest.fixture
def text_path(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_bytes(TEXT)
    return path


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed_by_content(tmp_path: Path, text_path: Path, pack: Any) -> None:
    packed = tmp_path / "packed.txt"
    packed.write_bytes(pack(TEXT[:1000]) + pack(TEXT[1000:]))
    corpus = read_corpus(packed, n_threads=2, _chunk_bytes=100)
    assert same(corpus, read_corpus(text_path))
    assert corpus.n_bytes == len(TEXT)
    assert "unpacked as" in corpus.notes[0]


def test_text_that_only_begins_like_an_archive(tmp_path: Path) -> None:
    for text in (b"BZh news of the day\n", b"\x1f\x8b\n", b"\xfd7zXZ a\n"):
        (tmp_path / "text").write_bytes(text)
        corpus = read_corpus(tmp_path / "text", min_count=1)
        assert sentences_of(corpus) == [text.split()]


def test_zstd(tmp_path: Path, text_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = tmp_path / "packed"
    packed.write_bytes(b"\x28\xb5\x2f\xfd" + b"rest")
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(CorpusError, match=r"pip install 'wordvec\[zst\]'"):
        read_corpus(packed)
    monkeypatch.undo()
    zstandard = pytest.importorskip("zstandard", reason="zstandard is not installed")
    whole = zstandard.compress(TEXT)
    packed.write_bytes(whole)
    assert same(read_corpus(packed), read_corpus(text_path))
    packed.write_bytes(whole + zstandard.compress(TEXT[:47]))
    assert read_corpus(packed).n_bytes == len(TEXT) + 47
    for damaged, what in [(whole[:-10], "ends too early"), (whole + b"more", "is damaged")]:
        packed.write_bytes(damaged)
        with pytest.raises(CorpusError, match=f"the zstd data {what}"):
            read_corpus(packed)


def test_lists_folders_patterns(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    (folder / "b").mkdir(parents=True)
    (folder / "c.txt").write_bytes(b"c end")
    (folder / "a.txt").write_bytes(b"a end")
    (folder / "b" / "b.txt").write_bytes(b"b end")
    (folder / ".hidden").write_bytes(b"hidden")
    corpus = read_corpus(folder, min_count=1)
    assert sentences_of(corpus) == [[b"a", b"end"], [b"b", b"end"], [b"c", b"end"]]
    assert "1 hidden" in corpus.notes[0]
    assert read_corpus(f"{folder}/*.txt", min_count=1).vocab.words == ["end", "a", "c"]
    assert read_corpus(f"{folder}/**/*.txt", min_count=1).n_tokens_read == 6
    paths = [folder / "c.txt", folder / "a.txt"]
    listed = read_corpus(paths, min_count=1)
    assert sentences_of(listed) == [[b"c", b"end"], [b"a", b"end"]]
    assert same(listed, read_corpus([str(path) for path in paths], min_count=1))
    with pytest.raises(CorpusError, match=r"missing\.txt: no such file"):
        read_corpus([*paths, folder / "missing.txt"])
    with pytest.raises(CorpusError, match=r"missing\.txt: no such file"):
        read_corpus([str(paths[0]), "missing.txt"])
    with pytest.raises(CorpusError, match="no file matches"):
        read_corpus(f"{folder}/*.gz")


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_stdin(text_path: Path, pack: Any) -> None:
    script = (
        "from wordvec.corpus import read_corpus\n"
        "c = read_corpus('-', n_threads=2)\n"
        "print(c.fingerprint, c.n_bytes)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], input=pack(TEXT), capture_output=True, check=True, cwd=ROOT
    )
    assert result.stdout.decode().split() == [read_corpus(text_path).fingerprint, str(len(TEXT))]


def test_named_pipe(tmp_path: Path, text_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(TEXT))
    writer.start()
    assert same(read_corpus(pipe), read_corpus(text_path))
    writer.join()


def test_python_sentences(text_path: Path) -> None:
    lines = [line.split() for line in TEXT.decode().splitlines()]
    expected = read_corpus(text_path)
    for source in (lines, tuple(lines), (tuple(line) for line in lines), (iter(x) for x in lines)):
        assert same(read_corpus(source), expected)
    assert same(read_corpus(lines, memory=1, _chunk_bytes=100), expected)
    assert same(read_corpus(lines, vocab=expected.vocab), expected)
    odd = read_corpus([["New York", "", "\udcff", "x\ny"], [], ["New York"]], min_count=1)
    assert odd.vocab.words == ["New York", "\udcff", "x\ny"]
    assert odd.starts.tolist() == [0, 3, 4]
    assert odd.notes == ["empty words left out: 1"]


def test_integer_arrays() -> None:
    array = np.array([[7, 7, -3], [7, 9, 9]])
    corpus = read_corpus(array, min_count=1)
    assert corpus.vocab.words == ["7", "9", "-3"]
    assert corpus.ids.tolist() == [0, 0, 2, 0, 1, 1] and corpus.starts.tolist() == [0, 3, 6]
    rows = [np.array([0, 2], dtype=np.uint8), np.array([], dtype=np.int64), np.array([1])]
    by_row = read_corpus(rows, vocab=corpus.vocab)
    assert by_row.ids.tolist() == [0, 2, 1] and by_row.starts.tolist() == [0, 2, 3]
    separated = Vocab.from_counts({"a": 2, "b": 1}, separator=True)
    assert read_corpus([np.array([2, 1])], vocab=separated).ids.tolist() == [2, 1]
    with pytest.raises(CorpusError, match=r"sentence 0 holds 0; expected rows .* 1 to 2"):
        read_corpus([np.array([0, 1])], vocab=separated)
    with pytest.raises(CorpusError, match=r"sentence 1 .* 2 dimensions"):
        read_corpus([np.array([0]), array])
    with pytest.raises(CorpusError, match="float64"):
        read_corpus([np.array([0.5])])
    with pytest.raises(CorpusError, match="one 1-D array"):
        read_corpus(np.array([1, 2]))


# ---- bad input ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("missing.txt", "missing.txt: no such file"),
        (b"bytes", "the corpus is bytes"),
        (7, "the corpus is int"),
        (["the cat", "sat"], "list of strings .* expected a list of sentences"),
        ([["a"], "the cat sat"], "sentence 1 is a str .*split it first"),
        ([["a"], 5], "sentence 1 is int"),
        ([["a", 5]], "sentence 0: a token is int"),
        ([["\ud800"]], "sentence 0: .*surrogates"),
        ([], "the corpus is empty"),
        ([[], []], "the corpus is empty"),
        ([["rare", "often", "often"]], "5 times or more; the most frequent is 'often' with 2"),
    ],
)
def test_one_clear_line(source: Any, message: str) -> None:
    with pytest.raises(CorpusError, match=message) as caught:
        read_corpus(source)
    assert "\n" not in str(caught.value)


def test_bad_files(tmp_path: Path) -> None:
    path = tmp_path / "text"
    for text in (b"", b" \n\t\r\n"):
        path.write_bytes(text)
        with pytest.raises(CorpusError, match="text: the corpus is empty"):
            read_corpus(path)
    path.write_bytes(b"a b b\n" * 3)
    for memory in (1, 1 << 30):
        with pytest.raises(CorpusError, match="the most frequent is 'b' with 6"):
            read_corpus(path, min_count=7, memory=memory)
    with pytest.raises(CorpusError, match="none of its 9 words is in the vocabulary"):
        read_corpus(path, vocab=Vocab.from_counts({"x": 5}))
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match="holds no files"):
        read_corpus(tmp_path / "empty")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_damaged_archives_are_named(tmp_path: Path, pack: Any) -> None:
    packed = pack(np.random.default_rng(1).integers(97, 123, 50_000, dtype=np.uint8).tobytes())
    path = tmp_path / "packed"
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(CorpusError, match=r"packed: the .* data ends too early after"):
        read_corpus(path)
    damaged = bytearray(packed)
    damaged[len(packed) // 2] ^= 0xFF
    path.write_bytes(damaged)
    with pytest.raises(CorpusError, match=r"packed: the .* data is damaged"):
        read_corpus(path)


def test_odd_bytes(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"\xff\xfe caf\xe9 nu\0l \x0b\x0c\n")
    corpus = read_corpus(path, min_count=1)
    assert [corpus.vocab.word_bytes(k) for k in range(4)] == [
        b"\xff\xfe", b"caf\xe9", b"nu\0l", b"\x0b\x0c",
    ]  # fmt: skip
    assert corpus.vocab.index("caf\udce9") == 1
    assert corpus.notes == [f"{path}: NUL byte at byte 10; kept"]
    corpus.vocab.save(tmp_path / "vocab")
    assert Vocab.read(tmp_path / "vocab") == corpus.vocab
    original = read_corpus(path, min_count=1, rules=WORD2VEC_RULES)
    assert "nu" in original.vocab and "ignored" in original.notes[0]


def test_giant_words_and_lines(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"a " + b"x" * 50_000_000 + b" b a\n" + b"a b " * 5_000_000)
    started = time.perf_counter()
    corpus = read_corpus(path, min_count=1, n_threads=2)
    assert [len(word) for word in corpus.vocab.words] == [1, 1, 50_000_000]
    assert corpus.starts.tolist() == [0, 4, 10_000_004]
    assert time.perf_counter() - started < 10


def test_options_are_checked() -> None:
    for option in ("min_count", "max_vocab", "prune_at", "n_threads", "memory"):
        with pytest.raises(OptionError, match=option):
            read_corpus([["a"]], **{option: -1})
    with pytest.raises(OptionError, match="prune_at"):
        read_corpus([["a"]], vocab=Vocab.from_counts({"a": 1}), prune_at=5)


# ---- progress and Ctrl-C -----------------------------------------------------------------------


def test_progress_ends_with_everything_read(text_path: Path) -> None:
    seen: list[Progress] = []
    read_corpus(text_path, reporter=seen.append)
    assert seen[-1].stage == "count" and seen[-1].unit == "bytes"
    assert seen[-1].n_done == seen[-1].n_total == len(TEXT)
    assert seen[-1].n_tokens_read == 600
    read_corpus([["a"] * 7], min_count=1, reporter=seen.append)
    assert (seen[-1].unit, seen[-1].n_done, seen[-1].n_total) == ("tokens", 7, None)


def test_an_interrupted_reporter_leaves_nothing(tmp_path: Path, text_path: Path) -> None:
    def interrupt(progress: Progress, /) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_corpus(text_path, ids_path=tmp_path / "ids", reporter=interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]


def test_a_full_disk_while_spilling(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b" ".join(b"w%d" % k for k in range(100_000)) * 2 + b"\n")
    script = (
        "import resource, sys\nfrom wordvec.corpus import read_corpus\n"
        "from wordvec.errors import OutputError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try:\n    read_corpus(sys.argv[1], n_threads=2, memory=1)\n"
        "except OutputError as error:\n    print(error)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "text")],
        capture_output=True, check=True, cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    message = result.stdout.decode()
    assert message.startswith(f"{tmp_path}: a temporary file cannot be written:")
    assert "set TMPDIR" in message and message.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["text"]


def test_ctrl_c_while_counting(tmp_path: Path) -> None:
    """A pipe that never ends: the prompt returns within a second and nothing is left."""
    script = (
        "import sys\nfrom wordvec.corpus import read_corpus\n"
        "print('go', flush=True)\n"
        "try:\n    read_corpus('/dev/zero', ids_path=sys.argv[1], n_threads=2, memory=1 << 26)\n"
        "except KeyboardInterrupt:\n    print('stopped')\n"
    ).replace("/dev/zero", str(tmp_path / "pipe"))
    os.mkfifo(tmp_path / "pipe")
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "ids")],
        stdout=subprocess.PIPE, cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == b"go\n"

    def feed() -> None:
        try:
            with open(tmp_path / "pipe", "wb") as pipe:
                for number in range(10**9):
                    pipe.write(b"%d some words\n" % number * 100)
        except BrokenPipeError:
            pass

    feeder = threading.Thread(target=feed)
    feeder.start()
    time.sleep(0.7)
    started = time.perf_counter()
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=10)
    assert time.perf_counter() - started < 1.0
    feeder.join()
    assert output == b"stopped\n"
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_ctrl_c_while_a_pipe_is_silent() -> None:
    script = (
        "from wordvec.corpus import read_corpus\n"
        "print('go', flush=True)\n"
        "try:\n    read_corpus('-', n_threads=2)\n"
        "except KeyboardInterrupt:\n    print('stopped')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    assert process.stdout is not None and process.stdout.readline() == b"go\n"
    time.sleep(0.3)
    started = time.perf_counter()
    process.send_signal(signal.SIGINT)
    process.wait(timeout=10)
    assert time.perf_counter() - started < 1.0
    assert process.stdout.read() == b"stopped\n"


# ---- the id cache ------------------------------------------------------------------------------


def test_cache_is_made_and_reused(tmp_path: Path, text_path: Path) -> None:
    cache = tmp_path / "ids"
    plain = read_corpus(text_path)
    for memory in (None, 1):
        made = read_corpus(text_path, ids_path=cache, memory=memory)
        stamp = cache.stat().st_mtime_ns
        again = read_corpus(text_path, ids_path=cache)
        assert same(made, plain) and same(again, plain)
        assert again.n_bytes == plain.n_bytes and again.notes == plain.notes
        assert cache.stat().st_mtime_ns == stamp
        assert not again.ids.flags.writeable
        cache.unlink()
    with_vocab = read_corpus(text_path, ids_path=cache, vocab=plain.vocab)
    assert same(read_corpus(text_path, ids_path=cache, vocab=plain.vocab), with_vocab)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ids", "text.txt"]


def test_cache_of_something_else_is_refused(tmp_path: Path, text_path: Path) -> None:
    cache = tmp_path / "ids"
    corpus = read_corpus(text_path, ids_path=cache)
    for options, difference in [
        ({"min_count": 6}, "min_count 5, now 6"),
        ({"max_vocab": 6}, "max_vocab None, now 6"),
        ({"rules": WORD2VEC_RULES}, "drop_unterminated False, now True"),
        ({"vocab": corpus.vocab}, "min_count 5, now None"),
    ]:
        with pytest.raises(CorpusError, match=f"ids: made from {difference}; delete it"):
            read_corpus(text_path, ids_path=cache, **options)
    with pytest.raises(CorpusError, match="ids: exists, and cannot be compared"):
        read_corpus([["a"]], ids_path=cache, min_count=1)
    status = text_path.stat()
    os.utime(text_path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    with pytest.raises(CorpusError, match="file 1 that has been written to since"):
        read_corpus(text_path, ids_path=cache)
    text_path.write_bytes(TEXT.replace(b"cat", b"cow"))
    with pytest.raises(CorpusError, match="file 1 with other contents"):
        read_corpus(text_path, ids_path=cache)
    text_path.write_bytes(TEXT + b"more")
    with pytest.raises(CorpusError, match=f"of {len(TEXT)} bytes, now {len(TEXT) + 4}"):
        read_corpus(text_path, ids_path=cache)
    with pytest.raises(CorpusError, match="1 files, now 2"):
        read_corpus([text_path, text_path], ids_path=cache)


def test_damaged_cache_is_refused(tmp_path: Path, text_path: Path) -> None:
    cache = tmp_path / "ids"
    read_corpus(text_path, ids_path=cache)
    whole = cache.read_bytes()
    for n_bytes in range(0, len(whole), 37):
        cache.write_bytes(whole[:n_bytes])
        with pytest.raises(FormatError, match="ids"):
            read_corpus(text_path, ids_path=cache)
    n_refused = 0
    for place in range(0, len(whole), 37):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        cache.write_bytes(damaged)
        try:
            again = read_corpus(text_path, ids_path=cache)
        except FormatError:
            n_refused += 1
        else:  # zero bytes between the sections
            assert whole[place] == 0 and again.n_tokens_read == 600
    assert n_refused > 100


def test_cache_in_a_missing_folder(tmp_path: Path, text_path: Path) -> None:
    with pytest.raises(OutputError, match="missing"):
        read_corpus(text_path, ids_path=tmp_path / "missing" / "ids")


# ---- real text ---------------------------------------------------------------------------------


def test_korean_wikipedia(tmp_path: Path) -> None:
    source = DATA / "corpora" / "kowiki1m.txt.xz"
    if not source.exists():
        pytest.skip(f"no shared data at {DATA}")
    with lzma.open(source) as stream:
        text = stream.read()
    (tmp_path / "text").write_bytes(text)
    corpus = read_corpus(tmp_path / "text", rules=WORD2VEC_RULES)
    vocab, sentences, n_read = twin([text], WORD2VEC_RULES, 5, None)
    assert [(corpus.vocab.word_bytes(k), n) for k, n in enumerate(corpus.vocab.counts)] == vocab
    assert sentences_of(corpus) == sentences and corpus.n_tokens_read == n_read
    spilled = read_corpus(tmp_path / "text", rules=WORD2VEC_RULES, memory=1 << 20, n_threads=2)
    assert same(corpus, spilled)


def test_results_are_shown_in_units(text_path: Path) -> None:
    out = io.StringIO()
    print(read_corpus(text_path).vocab, file=out)
    assert out.getvalue() == "<Vocab of 7 words, 600 tokens>\n"
