"""Model files beside the originals: the fasttext command and gensim read ours, we read theirs."""

import io
import itertools
import os
import random
import shutil
import subprocess

import numpy as np
import pytest

import wordvec
from wordvec.formats import fasttext_bin
from wordvec.models.classifier import train_supervised
from wordvec.quantize import quantize_model

pytestmark = pytest.mark.rivals

UNSEEN = ["w3", "</s>", "unseen", "w1w2", "été", "日本", "zz"]


@pytest.fixture(scope="module")
def fasttext():
    """Runs the command; WORDVEC_FASTTEXT names it, else it is looked for on PATH."""
    program = os.environ.get("WORDVEC_FASTTEXT") or shutil.which("fasttext")
    if not program:
        pytest.skip("no fasttext command: put it on PATH or name it in WORDVEC_FASTTEXT")

    def run(*args, text=None):
        line = [program, *map(str, args)]
        return subprocess.run(line, input=text, capture_output=True, text=True, check=True).stdout

    return run


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """Lines of 300 labels and of words with their own lot of letters."""
    rng = random.Random(3)
    words = [f"w{i}" for i in range(400)] + ["été", "größe", "日本語", "한국어"]
    lines = []
    for _ in range(2500):
        label = rng.randrange(300)
        line = [f"__label__{label}", *rng.choices(words, k=6), words[label]]
        lines.append(" ".join(line))
    path = tmp_path_factory.mktemp("text") / "text"
    path.write_text("\n".join(lines) + "\n")
    return path


COMMON = ["-thread", 10, "-verbose", 0, "-epoch", 2, "-bucket", 3000, "-dim", 9]
MODELS = {
    "skipgram": ["skipgram", "-minCount", 1],
    "cbow-hs": ["cbow", "-minCount", 1, "-loss", "hs", "-maxn", 0],
    "words": ["supervised"],
    "bigrams": ["supervised", "-wordNgrams", 2, "-loss", "ova"],
    "letters": ["supervised", "-minn", 2, "-maxn", 4, "-loss", "hs"],
}
QUANTIZE = {
    "plain": ("words", []),
    "qnorm": ("bigrams", ["-qnorm", "-dsub", 4]),
    "qout": ("letters", ["-qout", "-qnorm", "-dsub", 3]),
    "cutoff": ("letters", ["-cutoff", 600, "-qnorm"]),
    "retrain": ("bigrams", ["-cutoff", 700, "-retrain", "-qout"]),
}


@pytest.fixture(scope="module")
def theirs(fasttext, text, tmp_path_factory):
    """Model files of the original: {name: path}."""
    folder = tmp_path_factory.mktemp("theirs")
    found = {}
    for name, options in MODELS.items():
        fasttext(*options, "-input", text, "-output", folder / name, *COMMON)
        found[name] = folder / f"{name}.bin"
    for name, (base, options) in QUANTIZE.items():
        shutil.copy(found[base], folder / f"{name}.bin")
        line = ["-input", text, "-output", folder / name, "-verbose", 0, "-thread", 2]
        fasttext("quantize", *line, *options)
        found[f"{name}.ftz"] = folder / f"{name}.ftz"
    return found


NAMES = [*MODELS, *(f"{name}.ftz" for name in QUANTIZE)]


@pytest.mark.parametrize("name", NAMES)
def test_their_files_come_back_byte_for_byte(theirs, name):
    stream = io.BytesIO()
    fasttext_bin.write_model(stream, fasttext_bin.read_model(theirs[name]))
    assert stream.getvalue() == theirs[name].read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_vectors_of_seen_and_unseen_words(theirs, fasttext, name):
    lines = fasttext("print-word-vectors", theirs[name], text="\n".join(UNSEEN))
    found = fasttext_bin.read_model(theirs[name]).word_vectors(UNSEEN)
    expected = [f"{w} " + "".join(f"{x:.5g} " for x in row) for w, row in zip(UNSEEN, found)]  # noqa: B905
    assert lines.replace("-0 ", "0 ").splitlines() == [e.replace("-0 ", "0 ") for e in expected]


@pytest.mark.parametrize("name", MODELS)
def test_vec_files_are_the_same(theirs, tmp_path, name):
    model = fasttext_bin.read_model(theirs[name])
    fasttext_bin.save_word_vectors(model, tmp_path / "ours.vec")
    expected = theirs[name].with_suffix(".vec").read_bytes()
    assert (tmp_path / "ours.vec").read_bytes() == expected


@pytest.mark.parametrize(
    "options", [{}, {"qnorm": True, "dsub": 4}, {"qout": True, "dsub": 2, "qnorm": True},
                {"cutoff": 600, "qnorm": True}]
)  # fmt: skip
def test_the_original_predicts_with_our_ftz(theirs, fasttext, text, tmp_path, options):
    """As well as with its own, and its word vectors are ours."""
    small = quantize_model(fasttext_bin.read_model(theirs["letters"]), **options)
    fasttext_bin.save_model(small, tmp_path / "ours.ftz")
    lines = fasttext("print-word-vectors", tmp_path / "ours.ftz", text="\n".join(UNSEEN))
    numbers = np.array([line.split()[1:] for line in lines.splitlines()], np.float64)
    np.testing.assert_allclose(numbers, small.word_vectors(UNSEEN), rtol=1e-4, atol=1e-6)
    assert "P@1" in fasttext("test", tmp_path / "ours.ftz", text)


@pytest.mark.parametrize(("base", "name", "options"), [
    ("words", "plain.ftz", {}), ("bigrams", "qnorm.ftz", {"qnorm": True, "dsub": 4}),
    ("letters", "qout.ftz", {"qnorm": True, "dsub": 3, "qout": True}),
    ("letters", "cutoff.ftz", {"qnorm": True, "cutoff": 600}),
])  # fmt: skip
def test_the_error_is_that_of_the_original(theirs, base, name, options):
    """Within 1 % (and some for luck with few rows), for the same rows after the same cutoff."""
    whole, their_own = fasttext_bin.read_model(theirs[base]), fasttext_bin.read_model(theirs[name])
    ours = quantize_model(whole, **options)
    assert ours.dictionary.words == their_own.dictionary.words
    assert ours.input.n_rows == their_own.input.n_rows
    if ours.dictionary.pruned is not None:
        key = np.argsort(ours.dictionary.pruned[:, 0])
        own = np.argsort(their_own.dictionary.pruned[:, 0])
        np.testing.assert_array_equal(ours.dictionary.pruned[key], their_own.dictionary.pruned[own])
        return
    rows = whole.input.block(0, whole.input.n_rows).astype(np.float64)
    if options.get("qnorm"):  # k-means looks at directions; a few long rows would decide the rest
        rows /= np.linalg.norm(rows, axis=1)[:, None]
    errors = []
    for coded in (ours.input, their_own.input):
        found = coded.block(0, len(rows)).astype(np.float64)
        if coded.norms is not None:
            found /= coded.norms.centroids[coded.norm_codes][:, None]
        errors.append(((rows - found) ** 2).sum())
    assert errors[0] < 1.03 * errors[1]


@pytest.mark.parametrize("options", [{"sg": 1}, {"sg": 0, "hs": 1, "negative": 0}, {"max_n": 0}])
def test_both_read_what_we_train(fasttext, text, tmp_path, options):
    sentences = [line.split()[1:] for line in text.read_text().splitlines()]
    model = wordvec.FastText(
        sentences, vector_size=9, bucket=3000, min_count=1, epochs=1, workers=1, **options
    )
    path = tmp_path / "m.bin"
    wordvec.save_facebook_model(model, path)
    names = ["w3", "été"] + ([] if model.max_n == 0 else ["unseen", "日本"])
    ours = np.array([model.wv[name] for name in names])
    lines = fasttext("print-word-vectors", path, text="\n".join(names))
    numbers = np.array([line.split()[1:] for line in lines.splitlines()], np.float64)
    np.testing.assert_allclose(numbers, ours, rtol=1e-4, atol=1e-6)
    fasttext_models = pytest.importorskip("gensim.models.fasttext")
    wv = fasttext_models.load_facebook_model(str(path)).wv
    np.testing.assert_allclose(np.array([wv[name] for name in names]), ours, atol=1e-6)


def test_gensims_own_file(tmp_path, text):
    fasttext_models = pytest.importorskip("gensim.models.fasttext")
    sentences = [line.split()[1:] for line in text.read_text().splitlines()]
    model = fasttext_models.FastText(sentences, vector_size=9, bucket=300, min_count=1, epochs=1)
    fasttext_models.save_facebook_model(model, str(tmp_path / "g.bin"))
    found = wordvec.load_facebook_vectors(tmp_path / "g.bin")
    names = ["w3", "été", "unseen"]
    np.testing.assert_allclose(
        np.array([found[n] for n in names]), np.array([model.wv[n] for n in names]), atol=1e-6
    )


QUANTIZERS = {
    "plain": [],
    "lengths": ["-qnorm"],
    "parts of 5, the last shorter": ["-dsub", 5],
    "output too": ["-qnorm", "-qout", "-dsub", 4],
}


@pytest.mark.parametrize("flags", QUANTIZERS.values(), ids=QUANTIZERS)
def test_the_quantisers_error_is_the_originals(fasttext, tmp_path, flags):
    """Both quantise one model; the error of their rows, decoded by us, differs by a hundredth."""
    rng = np.random.default_rng(7)
    lines = [
        f"__label__{rng.integers(300)} " + " ".join(f"w{k}" for k in rng.zipf(1.3, 8) % 4000)
        for _ in range(6000)
    ]
    (tmp_path / "t").write_text("\n".join(lines) + "\n")
    model = train_supervised(
        str(tmp_path / "t"), vector_size=18, word_ngrams=2, bucket=20_000, epochs=3, alpha=0.5,
        workers=1,
    )  # fmt: skip
    assert model.dictionary.n_labels >= 256
    fasttext_bin.save_model(model, tmp_path / "m.bin")
    fasttext("quantize", "-input", tmp_path / "t", "-output", tmp_path / "m", *flags)
    theirs = fasttext_bin.read_model(str(tmp_path / "m.ftz"))
    ours = quantize_model(
        model, dsub=dict(itertools.pairwise(flags)).get("-dsub", 2), qnorm="-qnorm" in flags,
        qout="-qout" in flags,
    )  # fmt: skip
    for name in ("input", "output"):
        exact = getattr(model, name).block(0, getattr(model, name).n_rows).astype(np.float64)
        errors = []
        for coded in (ours, theirs):
            rows = getattr(coded, name)
            errors.append(np.square(rows.block(0, rows.n_rows) - exact).sum())
        if name == "input" or "-qout" in flags:
            assert 0 < errors[0] < 1.01 * errors[1]
        else:
            assert errors == [0, 0]
