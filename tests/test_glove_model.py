"""The class GloVe: from text or counts to vectors, on and on, and to files and back."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wordvec
from wordvec import CorpusError, FormatError, GloVe, OptionError, TrainingError
from wordvec.records import RECORD

SETTINGS: dict[str, Any] = {"vector_size": 8, "epochs": 4, "workers": 1, "min_count": 1}
TEXT = [f"{a} {b} {c} .".split() for a in "abcde" for b in "fgh" for c in "ijkl" for _ in range(3)]
N_WORDS = 13


def same(a: GloVe, b: GloVe) -> bool:
    assert a.parameters is not None and b.parameters is not None
    return np.array_equal(a.parameters.words, b.parameters.words) and np.array_equal(
        a.parameters.contexts, b.parameters.contexts
    )


def matrix_of_text() -> tuple[np.ndarray, list[str]]:
    model = GloVe(TEXT, **SETTINGS)
    words = list(model.wv.words)
    counts = np.zeros((len(words), len(words)))
    for sentence in TEXT:
        rows = [words.index(word) for word in sentence]
        for i, row in enumerate(rows):
            for j, column in enumerate(rows[:i]):
                counts[row, column] += 1 / (i - j)
                counts[column, row] += 1 / (i - j)
    return counts, words


def test_manners_of_word2vec(tmp_path: Path) -> None:
    model = GloVe(TEXT, **SETTINGS)
    assert (len(model.wv), model.wv.dim, model.epochs, model.window) == (N_WORDS, 8, 4, 15)
    assert len(model.losses) == 4 and model.losses[-1] < model.losses[0]
    assert model.get_latest_training_loss() == model.losses[-1] == model.outcome.loss
    assert model.wv.counts is not None and int(model.wv.counts[0]) == 180
    assert "vocab=13" in repr(model)
    (tmp_path / "t.txt").write_text("\n".join(map(" ".join, TEXT)))
    assert same(GloVe(corpus_file=tmp_path / "t.txt", **SETTINGS), model)
    assert same(GloVe(memory=1, **SETTINGS).train(TEXT), model)  # temporary files
    assert not same(GloVe(TEXT, seed=2, **SETTINGS), model)
    with pytest.raises(TypeError, match="no option 'dim'"):
        GloVe(TEXT, dim=3)
    with pytest.raises(TypeError, match="either"):
        GloVe(TEXT, cooccurrences=np.eye(3))
    with pytest.raises(OptionError, match="x_max"):
        GloVe(x_max=-1.0)
    with pytest.raises(TrainingError, match="stand together"):
        GloVe([["a"], ["b"]], **SETTINGS)
    with pytest.raises(RuntimeError, match="train"):
        GloVe().save(tmp_path / "x")


@pytest.mark.parametrize("kind", ["coo", "csr", "csc", "array", "dense", "doubled"])
def test_matrices(kind: str) -> None:
    counts, words = matrix_of_text()
    given: Any = counts
    if kind != "dense":
        sparse = pytest.importorskip("scipy.sparse")
        given = sparse.coo_array(counts) if kind == "array" else sparse.coo_matrix(counts)
        if kind in ("csr", "csc"):
            given = given.asformat(kind)
        if kind == "doubled":  # equal places are added up
            r, c, v = given.row, given.col, given.data / 2
            twice = [np.concatenate([x, x]) for x in (v, r, c)]
            given = sparse.coo_matrix((twice[0], (twice[1], twice[2])), shape=counts.shape)
    before = np.array(given.toarray() if kind != "dense" else given)
    model = GloVe(cooccurrences=given, words=words, **SETTINGS)
    np.testing.assert_array_equal(given.toarray() if kind != "dense" else given, before)
    of_text = GloVe(TEXT, **SETTINGS)
    assert list(model.wv.words) == words
    assert model.losses[0] == pytest.approx(of_text.losses[0], rel=0.05)  # another order
    assert model.wv.counts is None
    continued = GloVe(cooccurrences=given, words=words, **{**SETTINGS, "epochs": 1})
    assert same(continued.continue_training(given, 3), model)


def test_asymmetric_matrix() -> None:
    """Rows are words, columns contexts: a word that is only a context keeps its start."""
    counts = np.zeros((3, 3))
    counts[0, 2] = counts[1, 2] = 5
    model = GloVe(cooccurrences=counts, **SETTINGS)
    start = GloVe(cooccurrences=counts, **{**SETTINGS, "epochs": 1, "eta": 0.0})
    moved = model.vectors_of("word") != start.vectors_of("word")
    assert moved[:2].all() and not moved[2].any()
    moved = model.vectors_of("context") != start.vectors_of("context")
    assert moved[2].all() and not moved[:2].any()
    assert list(model.wv.words) == ["0", "1", "2"]


def test_records(tmp_path: Path) -> None:
    made = np.array([(1, 2, 3.0), (2, 1, 2.0), (2, 2, 1.0)], RECORD)
    kept = made.copy()
    model = GloVe(cooccurrences=made, words=["x", "y"], counts=[4, 3], **SETTINGS)
    assert np.array_equal(made, kept) and model.wv.counts.tolist() == [4, 3]
    made.tofile(tmp_path / "r.bin")
    assert same(GloVe(cooccurrences=tmp_path / "r.bin", words=["x", "y"], **SETTINGS), model)
    with pytest.raises(TypeError, match="words"):
        GloVe(cooccurrences=made, **SETTINGS)
    with pytest.raises(FormatError, match="vocabulary"):
        GloVe(cooccurrences=made, words=["x"], **SETTINGS)


def test_bad_matrices() -> None:
    bad = np.ones((3, 3))
    bad[1, 2] = -4
    with pytest.raises(FormatError, match=r"-4 at \(1, 2\)"):
        GloVe(cooccurrences=bad)
    bad[1, 2] = np.nan
    with pytest.raises(FormatError, match=r"nan at \(1, 2\)"):
        GloVe(cooccurrences=bad)
    for shape in ((2, 3), (4,), (0, 0), (2, 2, 2)):
        with pytest.raises(ValueError, match="square"):
            GloVe(cooccurrences=np.ones(shape))
    with pytest.raises(ValueError, match="2 words for a matrix of 3 rows"):
        GloVe(cooccurrences=np.ones((3, 3)), words=["a", "b"])
    with pytest.raises(CorpusError, match="twice"):
        GloVe(cooccurrences=np.ones((2, 2)), words=["a", "a"])
    with pytest.raises(TrainingError, match="zeros"):
        GloVe(cooccurrences=np.zeros((2, 2)))
    with pytest.raises(ValueError, match="real numbers"):
        GloVe(cooccurrences=np.ones((2, 2), complex))


def test_vectors(tmp_path: Path) -> None:
    models = {kind: GloVe(TEXT, vectors=kind, **SETTINGS) for kind in ("sum", "word", "context")}
    word, context = (models[kind].wv.matrix for kind in ("word", "context"))
    np.testing.assert_array_equal(models["sum"].wv.matrix, word + context)
    both = models["sum"].vectors_of("both")
    np.testing.assert_array_equal(both, np.hstack([word, context]))
    of_words, of_contexts = models["sum"].biases
    assert of_words.shape == of_contexts.shape == (N_WORDS,) and of_words.any()
    with pytest.raises(OptionError, match="kind"):
        models["sum"].vectors_of("mean")


class Diary:
    """A callback that notes what it is told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, int]] = []
        self.matrices: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("on_"):
            raise AttributeError(name)

        def note(model: GloVe) -> None:
            self.events.append((name, len(model.losses)))
            self.matrices.append(model.wv.matrix.copy())

        return note


def test_callbacks() -> None:
    diary = Diary()
    model = GloVe(TEXT, callbacks=[diary], **SETTINGS)
    expected = [("on_train_begin", 0)]
    for epoch in range(4):
        expected += [("on_epoch_begin", epoch), ("on_epoch_end", epoch + 1)]
    assert diary.events == [*expected, ("on_train_end", 4)]
    assert not np.array_equal(diary.matrices[2], diary.matrices[4])
    assert same(model, GloVe(TEXT, **SETTINGS))


def test_go_on_after_a_file(tmp_path: Path) -> None:
    whole = GloVe(TEXT, **SETTINGS)
    half = GloVe(TEXT, **{**SETTINGS, "epochs": 2})
    half.save(tmp_path / "model.wordvec")
    again = GloVe.load(tmp_path / "model.wordvec")
    assert again.options == half.options and again.losses == half.losses
    assert same(again, half) and again.n_epochs_done == 2
    again.continue_training(TEXT)
    assert same(again, whole) and again.n_epochs_done == 4
    assert again.losses == pytest.approx(whole.losses, rel=1e-12)
    assert again.wv.metadata["epochs_done"] == 4
    again.continue_training([["a", "f", "new"]], 1)  # other words are left out
    assert len(again.wv) == N_WORDS and again.n_epochs_done == 5
    with pytest.raises(RuntimeError, match="train first"):
        GloVe().continue_training(TEXT)


def test_files(tmp_path: Path) -> None:
    model = GloVe(TEXT, **SETTINGS)
    for name in ("v.txt", "v.bin", "v.npz", "v.glove.txt"):
        model.save(tmp_path / name)
        found = wordvec.load(tmp_path / name)
        np.testing.assert_allclose(found.matrix, model.wv.matrix, atol=1e-6)
        with pytest.raises(FormatError, match=r"GloVe\.save"):
            GloVe.load(tmp_path / name)
    model.save(tmp_path / "whole.wordvec")
    np.testing.assert_array_equal(wordvec.load(tmp_path / "whole.wordvec").matrix, model.wv.matrix)
    assert model.wv.tensors == {}


def test_two_threads() -> None:
    random = np.random.default_rng(1)
    text = [[f"w{n}" for n in random.zipf(1.5, 20) if n < 200] for _ in range(2000)]
    one, two = (GloVe(text, vector_size=10, epochs=3, workers=n, min_count=1) for n in (1, 2))
    assert two.losses[-1] == pytest.approx(one.losses[-1], rel=0.1)


def test_readme_in_python(tmp_path, monkeypatch, capsys):
    readme = Path(__file__).parent.parent / "README.md"
    if not readme.exists():
        pytest.skip("only a checkout has the README")
    blocks = readme.read_text("utf-8").split("```python\n")[1:]
    code = next(block.split("```")[0] for block in blocks if "import GloVe" in block)
    (tmp_path / "text8").write_text("\n".join("the king " + " ".join(line) for line in TEXT))
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    assert "[(" in capsys.readouterr().out
    assert GloVe.load("glove.wordvec").n_epochs_done == 15
