"""fastText's .bin and .ftz: read, written, as vectors; files made by hand."""

import io
import mmap
import struct

import fasttext_bytes as book
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wordvec
from wordvec.errors import FormatError, WordvecError
from wordvec.fasttextmodel import DenseRows, FastTextArgs, FastTextDictionary, FastTextModel
from wordvec.formats import fasttext_bin
from wordvec.memory import zero_rows
from wordvec.words import WordList

PRUNED = ((7, 1), (3, 0), (11, 2))
FILES = {
    "classifier": book.classifier()[2],
    "skipgram": book.word_model()[2],
    "pruned": book.quantised()[2],
    "nothing kept": book.quantised(pruned=())[2],
    "whole, dsub 3": book.quantised(pruned=None, dsub=3, qnorm=False)[2],
    "qout": book.quantised(qout=True, dsub=1)[2],
}


def read(tmp_path, content, mmap=True):
    path = tmp_path / "model.bin"
    path.write_bytes(content)
    return fasttext_bin.read_model(path, mmap)


def written(model):
    stream = io.BytesIO()
    fasttext_bin.write_model(stream, model)
    return stream.getvalue()


def test_a_model_written_for_the_last_time_gives_its_memory_back():
    bucket, dim = 5000, 300  # 6 MB: some huge pages
    words = WordList.of(["a", "__label__b"])
    dictionary = FastTextDictionary(words, np.array([1, 1]), 1, 1, 2)
    matrix = zero_rows(1 + bucket, dim + 4)
    matrix[:] = np.arange(1, matrix.size + 1).reshape(matrix.shape)
    args = FastTextArgs(dim=dim, kind="sup", bucket=bucket, word_ngrams=2)
    output = DenseRows(np.ones((1, dim), np.float32))
    model = FastTextModel(args, dictionary, DenseRows(matrix, dim), output)
    expected, stream = written(model), io.BytesIO()
    fasttext_bin.write_model(stream, model, consume=True)
    assert stream.getvalue() == expected
    if hasattr(mmap, "MADV_DONTNEED"):
        assert not matrix[:1700].any() and matrix[-1].all()


@pytest.mark.parametrize("mmap", [True, False])
@pytest.mark.parametrize("name", FILES)
def test_what_was_read_is_written_again(tmp_path, name, mmap):
    assert written(read(tmp_path, FILES[name], mmap)) == FILES[name]


def test_settings_and_dictionary(tmp_path):
    model = read(tmp_path, book.classifier()[2])
    assert model.args == FastTextArgs(
        dim=3, window=5, epochs=7, min_count=1, negative=5, word_ngrams=2, loss="softmax",
        kind="sup", bucket=50, min_n=2, max_n=3, lr_update_rate=100, sample=1e-4,
    )  # fmt: skip
    dictionary = model.dictionary
    assert dictionary.words == book.WORDS + book.LABELS
    assert dictionary.counts.tolist() == [10, 9, 8, 7, 10, 9]
    assert (dictionary.n_words, dictionary.n_labels, dictionary.n_tokens) == (4, 2, 99)
    assert dictionary.word_id("été") == 2 and dictionary.word_id("__label__a") == -1
    assert dictionary.label_id("__label__b") == 1 and dictionary.label_id("the") == -1
    assert dictionary.labels == book.LABELS and dictionary.only_words() == book.WORDS


@pytest.mark.parametrize("word", ["the", "été", "</s>", "unseen", "x", "日本語", ""])
def test_rows_and_vectors_of_words(tmp_path, word):
    rows, _, content = book.word_model()
    model = read(tmp_path, content)
    ids = book.row_ids(word)
    assert model.word_rows([word])[1].tolist() == ids == model.row_ids(word).tolist()
    np.testing.assert_array_equal(model.word_vectors([word])[0], book.mean(rows, ids))
    np.testing.assert_array_equal(model.vector(model.row_ids(word)), book.mean(rows, ids))


@pytest.mark.parametrize("word", ["the", "été", "</s>", "unseen", "theof"])
def test_vectors_of_pruned_and_quantised_models(tmp_path, word):
    for content, rows, pruned in (
        (FILES["pruned"], book.quantised()[0], PRUNED),
        (FILES["nothing kept"], book.quantised(pruned=())[0], ()),
        (FILES["whole, dsub 3"], book.quantised(None, 3, False)[0], None),
    ):
        model = read(tmp_path, content)
        ids = book.row_ids(word, pruned=pruned)
        assert model.word_rows([word])[1].tolist() == ids == model.row_ids(word).tolist()
        np.testing.assert_array_equal(model.word_vectors([word])[0], book.mean(rows, ids))
        np.testing.assert_array_equal(model.input.rows(np.arange(len(rows))), rows)


def test_vectors_of_a_file(tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(book.word_model()[2])
    vectors = wordvec.load(path)
    model = fasttext_bin.read_model(path)
    unseen = vectors["unseen"]
    assert vectors._made is None  # one row does not need all
    np.testing.assert_array_equal(unseen, model.word_vectors(["unseen"])[0])
    one = vectors["été"].copy()
    np.testing.assert_array_equal(vectors.matrix, model.word_vectors(book.WORDS))
    np.testing.assert_array_equal(vectors["été"], one)
    assert "unseen" in vectors and "" in vectors and len(vectors) == 4
    assert vectors.counts.tolist() == [10, 9, 8, 7]
    np.testing.assert_array_equal(vectors[["the", "unseen"]][1], unseen)
    assert vectors.similar("the", 2)[0][0] in book.WORDS


@pytest.mark.parametrize(
    "options", [{"limit": 2}, {"words": ["of", "the", "nowhere"]}, {"dtype": "float16"},
                {"mmap": False}, {"limit": 0}]
)  # fmt: skip
def test_a_selection_of_words(tmp_path, options):
    path = tmp_path / "model.bin"
    path.write_bytes(book.classifier()[2])
    whole = wordvec.load(path)
    some = wordvec.load(path, **options)
    expected = list(whole.words)[: options.get("limit")]
    if "words" in options:
        expected = ["the", "of"]
    assert list(some.words) == expected
    assert some.matrix.dtype == options.get("dtype", np.float32)
    rows = whole.matrix[[whole.index_of(word) for word in expected]].astype(some.matrix.dtype)
    np.testing.assert_array_equal(some.matrix, rows)


def test_version_11_classifiers_have_no_character_ngrams(tmp_path):
    old = read(tmp_path, book.classifier(version=11)[2])
    assert old.args.max_n == 0 and old.word_rows(["the"])[1].tolist() == [1]
    words = book.word_model()[2]
    words = words[:4] + struct.pack("<i", 11) + words[8:]
    assert read(tmp_path, words).args.max_n == 3


@pytest.mark.parametrize(
    ("place", "layout", "value", "message"),
    [
        (4, "<i", 13, "version 11 or 12"),
        (8, "<i", 0, "dim"),
        (8, "<i", -3, "dim"),
        (32, "<i", 5, "loss"),
        (36, "<i", 0, "model"),
        (40, "<i", -1, "bucket"),
        (40, "<i", 51, "matrix"),
        (64, "<i", 7, "entries"),
        (68, "<i", 5, "entries"),
        (76, "<q", -5, "tokens"),
        (84, "<q", 1 << 40, "kept buckets"),
        (84, "<q", -2, "kept buckets"),
        (97, "<q", -2, "count"),
        (105, "<b", 1, "to be a word"),
    ],
)
def test_damage_is_named_with_its_place(tmp_path, place, layout, value, message):
    content = bytearray(FILES["classifier"])
    content[place : place + struct.calcsize(layout)] = struct.pack(layout, value)
    with pytest.raises(FormatError, match=message) as caught:
        read(tmp_path, bytes(content))
    assert caught.value.offset is not None and "model.bin" in str(caught.value)


@pytest.mark.parametrize("name", FILES)
def test_every_cut_is_found(tmp_path, name):
    content = FILES[name]
    ends = range(0, len(content), 1 if len(content) < 2000 else 37)
    for end in ends:
        with pytest.raises(FormatError):
            read(tmp_path, content[:end])
    with pytest.raises(FormatError, match="end of the file"):
        read(tmp_path, content + b"\0")


def test_dense_and_pruned_is_refused(tmp_path):
    content = book.head() + book.dictionary(pruned=PRUNED) + b"\0" + book.matrix(7, 3, 1)[1]
    with pytest.raises(FormatError, match="pruned"):
        read(tmp_path, content + b"\0" + book.matrix(2, 3, 1)[1])


@pytest.mark.parametrize("pair", [(50, 0), (-1, 0), (0, 3), (0, -1)])
def test_pairs_that_point_outside(tmp_path, pair):
    content = FILES["pruned"].replace(struct.pack("<2i", 11, 2), struct.pack("<2i", *pair))
    with pytest.raises(FormatError, match="bucket below 50"):
        read(tmp_path, content)


def test_a_model_of_floret_is_recognised(tmp_path):
    content = FILES["skipgram"]
    content = content[:52] + struct.pack("<2i", 2, 1) + content[52:]
    with pytest.raises(FormatError, match="floret"):
        read(tmp_path, content)


def test_compact_rows_are_written_whole(tmp_path):
    """Rows that training never reached: in the file and in vectors they are the same bits."""
    rng = np.random.default_rng(1)
    words = WordList.of(["the", "été"])
    row_of_bucket = np.full(40, -1, np.int32)
    row_of_bucket[[3, 17, 39]] = [2, 0, 1]
    padded = rng.normal(size=(5, 16)).astype(np.float32)
    rows = DenseRows(padded, 5, n_fixed=2, row_of_bucket=row_of_bucket, seed=9)
    model = FastTextModel(
        FastTextArgs(dim=5, bucket=40),
        FastTextDictionary(words, np.array([3, 2]), 2, n_tokens=5),
        rows,
        DenseRows(np.zeros((2, 5), np.float32)),
    )
    again = read(tmp_path, written(model))
    assert again.input.n_rows == rows.n_rows == 42
    ids = np.array([41, 0, 5, 19, 1])
    np.testing.assert_array_equal(again.input.rows(ids), rows.rows(ids))
    np.testing.assert_array_equal(again.input.rows(ids[:2])[0], padded[3, :5])
    np.testing.assert_array_equal(again.input.block(1, 30), rows.block(1, 30))
    names = ["the", "unseen", "été", "q"]
    np.testing.assert_array_equal(again.word_vectors(names), model.word_vectors(names))
    with pytest.raises(IndexError):
        rows.rows(np.array([42]))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
             unique=True, max_size=6),
    st.integers(1, 20),
)  # fmt: skip
def test_any_vectors_come_back(tmp_path_factory, words, dim):
    path = tmp_path_factory.mktemp("any") / "v.bin"
    matrix = np.random.default_rng(len(words)).normal(size=(len(words), dim)).astype(np.float32)
    wordvec.save(wordvec.Vectors(words, matrix), path, format="fasttext-bin")
    found = wordvec.load(path)
    assert list(found.words) == words
    np.testing.assert_array_equal(found.matrix, matrix)


def test_a_word_with_a_zero_byte_is_refused(tmp_path):
    vectors = wordvec.Vectors(["a", "b\0c"], np.zeros((2, 3), np.float32))
    with pytest.raises(FormatError, match=r"zero byte.*word 1"):
        wordvec.save(vectors, tmp_path / "v.bin", format="fasttext-bin")
    assert not list(tmp_path.iterdir())


def test_vec_and_output(tmp_path):
    _, output, content = book.classifier()
    model = read(tmp_path, content)
    fasttext_bin.save_word_vectors(model, tmp_path / "m.vec")
    fasttext_bin.save_output_vectors(model, tmp_path / "m.output")
    lines = (tmp_path / "m.vec").read_text().splitlines()
    assert lines[0] == "4 3" and len(lines) == 5
    numbers = " ".join(f"{x:.5g}" for x in model.word_vectors(["the"])[0])
    assert lines[2] == f"the {numbers} "
    lines = (tmp_path / "m.output").read_text().splitlines()
    assert lines[2] == "__label__b " + " ".join(f"{x:.5g}" for x in output[1]) + " "


# -- gensim's names -----------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[{"sg": 1}, {"hs": 1, "negative": 0}, {"max_n": 0}])
def trained(request):
    sentences = [f"a{i % 9} b{i % 7} the of c{i % 5} été".split() for i in range(300)]
    return wordvec.FastText(
        sentences, vector_size=7, bucket=500, min_count=1, epochs=1, workers=1, **request.param
    )


def test_a_trained_model_is_saved_and_loaded(trained, tmp_path):
    path, again = tmp_path / "m.bin", tmp_path / "again.bin"
    wordvec.save_facebook_model(trained, path)
    names = ["the", "été"] + ([] if trained.max_n == 0 else ["unseen", "日本"])
    loaded = wordvec.load_facebook_model(path)
    wv = wordvec.load_facebook_vectors(path)
    for word in names:
        np.testing.assert_array_equal(wv[word], trained.wv[word])
        np.testing.assert_array_equal(loaded.wv[word], trained.wv[word])
    np.testing.assert_array_equal(wv.vectors, trained.wv.vectors)
    assert [w for w, _ in wv.most_similar("the", topn=3)] == [
        w for w, _ in trained.wv.most_similar("the", topn=3)
    ]
    for name in ("vector_size", "window", "sg", "hs", "negative", "min_n", "sample"):
        assert getattr(loaded, name) == getattr(trained, name), name
    wordvec.save_facebook_model(loaded, again)
    assert again.read_bytes() == path.read_bytes()


def test_vectors_with_subwords_become_a_model(trained, tmp_path):
    path = tmp_path / "m.bin"
    wordvec.save(trained.wv, path, format="fasttext-bin")
    found = wordvec.load(path)
    names = ["the", "été"] + ([] if trained.max_n == 0 else ["unseen"])
    for word in names:
        np.testing.assert_allclose(found[word], trained.wv[word], atol=1e-6)


def test_changed_vectors_are_not_written_as_the_model_they_were(tmp_path):
    path = tmp_path / "m.bin"
    path.write_bytes(book.word_model()[2])
    wv = wordvec.load_facebook_vectors(path)
    wv.add_vector("new", np.array([1, 2, 3], np.float32))
    wordvec.save(wv, tmp_path / "n.bin", format="fasttext-bin")
    again = wordvec.load(tmp_path / "n.bin")
    np.testing.assert_allclose(again["new"], [1, 2, 3], atol=1e-6)
    np.testing.assert_allclose(again["the"], wv["the"], atol=1e-6)
    vectors = wordvec.load(path)
    vectors.matrix[1] = 5
    vectors.matrix_changed()
    wordvec.save(vectors, tmp_path / "n.bin", format="fasttext-bin")
    np.testing.assert_allclose(wordvec.load(tmp_path / "n.bin")["the"], 5, atol=1e-5)
    model = wordvec.load_facebook_model(path)
    model.wv.add_vector("new", np.array([1, 2, 3], np.float32))
    with pytest.raises(WordvecError, match="no longer fits"):
        wordvec.save_facebook_model(model, tmp_path / "n.bin")


def test_what_gensims_names_refuse(tmp_path):
    path = tmp_path / "m.bin"
    path.write_bytes(book.classifier()[2])
    assert "the" in wordvec.load_facebook_vectors(path)
    with pytest.raises(FormatError, match="classifier"):
        wordvec.load_facebook_model(path)
    with pytest.raises(WordvecError, match="train it first"):
        wordvec.save_facebook_model(wordvec.FastText(), path)


def test_another_encoding(tmp_path):
    path = tmp_path / "m.bin"
    content = book.word_model()[2].replace("été".encode(), "été".encode("latin-1"))
    path.write_bytes(content)
    assert "été" in wordvec.load_facebook_vectors(path, encoding="latin-1").key_to_index
    assert list(wordvec.load(path).words)[2] == "\udce9t\udce9"
