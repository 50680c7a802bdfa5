"""The classifier as a whole: training, asking, measuring, explaining; bad input."""

import io
import json
import math
import os
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

from wordvec.errors import CorpusError, OptionError, WordvecError
from wordvec.fasttextmodel import DenseRows
from wordvec.formats.fasttext_bin import read_model, save_model
from wordvec.models import classifier
from wordvec.models.classifier import DivergedError, train_supervised
from wordvec.models.explain import explain
from wordvec.models.labelling import Labeller, line_chunks, names_of, predict
from wordvec.models.meters import all_probabilities, measure, write_probabilities
from wordvec.models.retraining import retrain
from wordvec.vectors import Vectors

TOPICS = {
    "fruit": ["apple", "pear", "plum", "cherry", "ripe", "juice"],
    "tools": ["hammer", "saw", "nail", "drill", "wood", "screw"],
    "sea": ["boat", "sail", "wave", "harbour", "salt", "fish"],
}


def make_lines(n, seed, n_labels=3):
    rng = np.random.default_rng(seed)
    lines = []
    for _ in range(n):
        number = int(rng.integers(n_labels))
        topic = list(TOPICS)[number % 3]
        words = [*rng.choice(TOPICS[topic], 4), *rng.choice(["the", "a", "of", "in", "on"], 3)]
        label = topic if n_labels == 3 else f"{topic}{number}"
        words += [] if n_labels == 3 else [f"mark{number}"]
        lines.append(f"__label__{label} " + " ".join(words))
    return lines


@pytest.fixture(scope="module")
def train_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("train") / "train.txt"
    path.write_text("\n".join(make_lines(400, 0)) + "\n")
    return str(path)


@pytest.fixture(scope="module")
def test_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("test") / "test.txt"
    path.write_text("\n".join(make_lines(150, 1)) + "\n")
    return str(path)


SMALL = {"vector_size": 10, "epochs": 5, "alpha": 0.5, "workers": 1}


@pytest.fixture(scope="module")
def model(train_file):
    return train_supervised(train_file, word_ngrams=2, bucket=1000, **SMALL)


@pytest.mark.parametrize("loss", ["softmax", "ova", "hs", "ns"])
@pytest.mark.parametrize("n_labels", [3, 30])
def test_learns(tmp_path, loss, n_labels):
    path = tmp_path / "text"
    path.write_text("\n".join(make_lines(900, 0, n_labels)) + "\n")
    made = train_supervised(
        str(path), loss=loss, vector_size=20, epochs=30, alpha=1.0, workers=1, min_n=5, max_n=6,
        bucket=2000, word_ngrams=2,
    )  # fmt: skip
    assert measure(made, str(path)).precision > 0.95
    assert made.outcome.epoch_losses[-1] < made.outcome.epoch_losses[0]
    assert made.output.n_rows == n_labels == made.dictionary.n_labels
    assert made.args.kind == "sup" and made.args.bucket == 2000


def test_the_same_whatever_the_memory_and_again(train_file):
    options = {"word_ngrams": 2, "bucket": 5000, "min_n": 2, "max_n": 3, **SMALL}
    first = train_supervised(train_file, **options)
    again = train_supervised(train_file, **options)
    on_the_fly = train_supervised(train_file, memory=1000, **options)
    assert first.input.row_of_bucket is not None  # compact
    assert on_the_fly.input.row_of_bucket is None
    n = first.input.n_rows
    assert n == on_the_fly.input.n_rows
    for other in (again, on_the_fly):
        np.testing.assert_array_equal(first.input.block(0, n), other.input.block(0, n))
        np.testing.assert_array_equal(first.output.matrix, other.output.matrix)
    other_seed = train_supervised(train_file, seed=2, **options)
    assert not np.array_equal(first.output.matrix, other_seed.output.matrix)


def test_threads_learn_as_well(train_file, test_file):
    made = train_supervised(train_file, **{**SMALL, "workers": 3})
    assert measure(made, test_file).precision > 0.95


def test_predict(model):
    labels, p = predict(model, ["a ripe plum", "sail the boat", "nail"], k=2)
    assert labels.shape == p.shape == (3, 2)
    assert [row[0] for row in names_of(model, labels)] == [
        "__label__fruit", "__label__sea", "__label__tools",
    ]  # fmt: skip
    assert (p[:, 0] > p[:, 1]).all()
    every, p = predict(model, ["a ripe plum"], k=-1)
    assert sorted(every[0]) == [0, 1, 2]
    assert p.sum() == pytest.approx(1 + 3e-5, abs=1e-5)
    none, p = predict(model, ["a ripe plum"], k=3, threshold=0.9999)
    assert (none[0, 1:] == -1).all() and not p[0, 1:].any()
    assert predict(model, [], k=2)[0].shape == (0, 2)


def test_predict_on_threads_is_the_same(model, test_file):
    labeller = Labeller(model)
    chunks = list(line_chunks(test_file, 200))
    assert len(chunks) > 10
    one = list(labeller.blocks(chunks, 3))
    many = list(labeller.blocks(chunks, 3, n_threads=3))
    assert [b.first for b in one] == [b.first for b in many]
    for a, b in zip(one, many, strict=True):
        np.testing.assert_array_equal(a.labels, b.labels)
        np.testing.assert_array_equal(a.probabilities, b.probabilities)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_many_lines_of_few_labels_are_answered_from_scores_of_rows(tmp_path, test_file, n_threads):
    made = train_supervised(
        test_file, vector_size=40, word_ngrams=2, bucket=300, epochs=5, workers=1
    )
    made.input = DenseRows(made.input.block(0, made.input.n_rows).copy())
    expected = list(Labeller(made).blocks(line_chunks(test_file, 200)))
    labeller = Labeller(made)
    labeller.expect_only_labels(500)  # too few to pay
    (block,) = labeller.blocks([b"a plum\n"])
    assert (block.probabilities > 0).all()
    labeller.expect_only_labels(1 << 20, n_threads)
    found = list(labeller.blocks(line_chunks(test_file, 200), n_threads=n_threads))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a.labels, b.labels)
        assert np.isnan(a.probabilities).all()
    # Other questions are answered as ever.
    (block,) = labeller.blocks([b"a plum\n"], k=2)
    assert (block.probabilities > 0).all()
    nothing = labeller.block(b"zzz", ends_text=True)
    assert nothing.labels.tolist() == [[-1]]


def test_compact_rows_answer_like_all_rows(model):
    assert model.input.row_of_bucket is not None
    dense = classifier.TrainedClassifier(
        model.args, model.dictionary, DenseRows(model.input.block(0, model.input.n_rows).copy()),
        model.output,
    )  # fmt: skip
    lines = ["ripe words never seen", "", "the saw", "unknown"]
    for a, b in zip(predict(model, lines, 3), predict(dense, lines, 3), strict=True):
        np.testing.assert_array_equal(a, b)


def test_blank_and_unterminated_lines(model):
    labeller = Labeller(model)
    block = labeller.block(b"\nplum\n\nsaw")
    assert len(block) == 4
    assert (block.labels >= 0).all()  # a blank line still has </s>
    ended = labeller.block(b"saw\n")
    assert block.n_rows[3] < ended.n_rows[0]  # no </s> without a newline
    nothing = labeller.block(b"zzz")
    assert nothing.labels.tolist() == [[-1]] and nothing.probabilities.tolist() == [[0.0]]
    assert len(labeller.block(b"")) == 0


def test_bad_questions(model):
    with pytest.raises(OptionError, match="1 or higher"):
        predict(model, ["x"], k=0)
    with pytest.raises(ValueError, match="line break"):
        predict(model, ["x\ny"])
    unsupervised = classifier.TrainedClassifier(
        classifier.FastTextArgs(kind="sg"), model.dictionary, model.input, model.output
    )
    with pytest.raises(WordvecError, match="supervised"):
        Labeller(unsupervised)


# ---- meters ----


def test_meter_counts_by_hand(model, tmp_path):
    path = tmp_path / "gold"
    path.write_text(
        "__label__fruit ripe plum\n"
        "__label__tools __label__sea ripe plum\n"  # wrong, two gold labels
        "__label__never ripe plum\n"  # unknown label: not counted
        "no label\n"
        "__label__sea boat sail\n"
    )
    meter = measure(model, str(path))
    names = model.dictionary.labels
    fruit, tools, sea = (names.index(f"__label__{n}") for n in ("fruit", "tools", "sea"))
    assert meter.n_lines == 3
    assert meter.precision == pytest.approx(2 / 3)
    assert meter.recall == pytest.approx(2 / 4)
    assert meter.f1 == pytest.approx(4 / 7)
    assert meter.label_precision(fruit) == 0.5 and meter.label_recall(fruit) == 1
    assert math.isnan(meter.label_precision(tools)) and meter.label_recall(tools) == 0
    assert meter.label_f1(sea) == pytest.approx(2 / 3)
    path.write_text("nothing here\n")
    empty = measure(model, str(path))
    assert empty.n_lines == 0 and math.isnan(empty.precision) and math.isnan(empty.f1)


def curve_twin(answers, n_gold):
    """fastText's precisionRecallCurve over (score, is right)."""
    points, right, wrong, last = [], 0, 0, None
    for score, good in sorted(answers, reverse=True):
        right, wrong = right + good, wrong + (not good)
        if score == last:
            points[-1] = (right, wrong)
        else:
            points.append((right, wrong))
        last = score
    kept = []
    for right, wrong in points:
        kept.append((right / (right + wrong), right / n_gold))
        if right >= n_gold:
            break
    return [*kept, (1.0, 0.0)]


def test_curves(model, test_file):
    meter = measure(model, test_file, k=-1, keep_answers=True)
    assert len(meter.labels) == 3 * meter.n_lines == 450
    for label in (None, 0, 2):
        own = meter.labels == label if label is not None else np.ones(450, bool)
        n_gold = int(meter.gold.sum() if label is None else meter.gold[label])
        answers = list(zip(meter.scores[own].tolist(), meter.is_right[own].tolist(), strict=True))
        precision, recall = meter.precision_recall_curve(label)
        np.testing.assert_allclose(
            np.stack([precision, recall], axis=1), curve_twin(answers, n_gold)
        )
    scores, gold = meter.score_vs_true(1)
    assert len(scores) == 150 and (np.diff(scores) >= 0).all() and set(gold) <= {0.0, 1.0}
    assert meter.precision_at_recall(0.5) > 0.9
    assert meter.recall_at_precision(0.5) > 0.9
    assert meter.precision_at_recall(1.1) == 0.0


def test_all_probabilities(model, test_file):
    (block, dense), *rest = all_probabilities(model, test_file)
    assert not rest and dense.shape == (150, 3)
    np.testing.assert_allclose(dense.sum(axis=1), 1, atol=1e-4)
    np.testing.assert_array_equal(dense.max(axis=1), block.probabilities[:, 0])
    stream = io.StringIO()
    assert write_probabilities(model, test_file, stream) == 150
    records = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert records[4]["line"] == 5
    assert list(records[4]["probabilities"].values()) == pytest.approx(dense[4].tolist())
    assert records[0]["labels"] == [Path(test_file).read_text().split()[0]]


# ---- explanations ----


@pytest.mark.parametrize("loss", ["softmax", "ova", "hs"])
def test_contributions_add_up_to_the_margin(train_file, loss):
    made = train_supervised(
        train_file, loss=loss, word_ngrams=2, min_n=3, max_n=4, bucket=300, **SMALL
    )
    line = "a ripe plum by the harbour unheardof"
    why = explain(made, line)
    assert sum(f.contribution for f in why.features) == pytest.approx(why.margin)
    labeller = Labeller(made)
    means = labeller.means(labeller.rows_of_text(line.encode() + b"\n", True))
    if loss != "hs":
        scores = labeller.scores(means)[0]
        names = labeller.label_names
        expected = scores[names.index(why.label)]
        if loss == "softmax":
            expected -= scores[names.index(why.rival)]
        assert why.margin == pytest.approx(expected, abs=1e-5)
    assert why.margin > 0
    assert {f.kind for f in why.features} == {"word", "characters", "words"}
    n_rows = len(labeller.rows_of_text(line.encode() + b"\n", True).rows)
    assert sum(f.n_times for f in why.features) == n_rows


def test_explain_says_which_word(model):
    why = explain(model, "the harbour", label="sea", rival="__label__fruit")
    assert (why.label, why.rival) == ("__label__sea", "__label__fruit")
    assert why.features[0].text in ("harbour", "the harbour", "harbour </s>")
    with pytest.raises(OptionError, match="label of the model"):
        explain(model, "x", label="nobody")


# ---- weights and vectors to start from ----


def test_weights_change_what_is_learned(train_file):
    n = Path(train_file).read_text().count("\n")
    heavy = train_supervised(train_file, class_weights={"sea": 0.0}, **SMALL)
    sea = heavy.dictionary.label_id("__label__sea")
    labels, _ = predict(heavy, ["boat sail wave harbour"])
    assert labels[0, 0] != sea
    zero = train_supervised(train_file, sample_weights=np.zeros(n), **SMALL)
    assert not zero.output.matrix.any()
    balanced = train_supervised(train_file, class_weights="balanced", **SMALL)
    assert measure(balanced, train_file).precision > 0.95
    for bad in (np.ones(n - 1), -np.ones(n), np.full(n, np.nan)):
        with pytest.raises(OptionError, match="sample_weights"):
            train_supervised(train_file, sample_weights=bad, **SMALL)
    with pytest.raises(OptionError, match="class_weights"):
        train_supervised(train_file, class_weights={"nobody": 2.0}, **SMALL)


def test_pretrained_vectors(train_file, tmp_path):
    matrix = np.full((2, 10), 0.25, np.float32)
    vectors = Vectors(["plum", "unseenword"], matrix)
    made = train_supervised(train_file, pretrained=vectors, **{**SMALL, "alpha": 0.0})
    for word in ("plum", "unseenword"):
        row = made.dictionary.word_id(word)
        np.testing.assert_array_equal(made.input.rows(np.array([row]))[0], matrix[0])
    path = tmp_path / "vectors.txt"
    path.write_text("2 10\nplum " + "0.25 " * 10 + "\nunseenword " + "0.25 " * 10 + "\n")
    same = train_supervised(train_file, pretrained=path, **{**SMALL, "alpha": 0.0})
    np.testing.assert_array_equal(same.input.matrix, made.input.matrix)
    with pytest.raises(OptionError, match="vector_size"):
        train_supervised(train_file, pretrained=vectors, vector_size=11)


def test_retrain(model, train_file):
    weak = train_supervised(train_file, **{**SMALL, "alpha": 0.0, "bucket": 0})
    better = retrain(weak, train_file, classifier.ClassifierOptions(epochs=5, alpha=0.5, workers=1))
    assert measure(better, train_file).precision > 0.95
    assert not weak.output.matrix.any()


def test_retraining_reaches_buckets_that_training_did_not(train_file, test_file, tmp_path):
    """A model in memory has rows only for the buckets it met; one of a file has them all."""
    settings = {**SMALL, "word_ngrams": 2, "bucket": 5000}
    compact = train_supervised(train_file, **settings)
    assert compact.input.row_of_bucket is not None
    save_model(compact, tmp_path / "m.bin")
    options = classifier.ClassifierOptions(epochs=3, alpha=0.5, workers=1)
    ours = retrain(compact, test_file, options)
    whole = retrain(read_model(str(tmp_path / "m.bin")), test_file, options)
    assert len(ours.input.matrix) > len(compact.input.matrix)
    assert np.count_nonzero(ours.input.row_of_bucket >= 0) < 5000
    every = np.arange(whole.input.n_rows)
    np.testing.assert_array_equal(ours.input.rows(every), whole.input.rows(every))
    np.testing.assert_array_equal(ours.output.matrix, whole.output.matrix)
    again = retrain(ours, test_file, options)
    assert len(again.input.matrix) == len(ours.input.matrix)
    with pytest.raises(WordvecError, match="no line of it has a word"):
        (tmp_path / "empty").write_text("")
        retrain(compact, tmp_path / "empty", options)


# ---- what goes wrong ----


def test_divergence_keeps_numbers(train_file):
    with pytest.raises(DivergedError, match=r"epoch 1 at learning rate 1e\+09.*start lower") as e:
        train_supervised(train_file, **{**SMALL, "alpha": 1e9})
    kept = e.value.model
    assert np.isfinite(kept.input.matrix).all() and np.isfinite(kept.output.matrix).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("\n\n\n", "empty"),
        ("no label here\nat all\n", "label prefix"),
        ("__label__a x\n", "no word occurs 2 times"),
    ],
)
def test_files_that_cannot_be_learned_from(tmp_path, text, message):
    path = tmp_path / "text"
    path.write_text(text)
    with pytest.raises(CorpusError, match=message):
        train_supervised(str(path), min_count=2 if "x" in text else 1, **SMALL)


def test_labels_only_and_odd_lines(tmp_path):
    path = tmp_path / "text"
    path.write_text("__label__a\n\n__label__b\n" + "__label__a " + "w " * 100_000 + "\nx")
    made = train_supervised(str(path), **SMALL)
    assert made.dictionary.labels == ["__label__a", "__label__b"]
    assert measure(made, str(path)).n_lines == 3


def test_options(train_file):
    for bad in ({"vector_size": 0}, {"loss": "hinge"}, {"batch": 9}, {"label_prefix": ""}):
        with pytest.raises(OptionError):
            train_supervised(train_file, **bad)
    with pytest.raises(CorpusError, match="no such file"):
        train_supervised(train_file + ".missing")


def test_ctrl_c_gives_the_model_so_far(train_file):
    def interrupt(progress):
        if progress.stage == "train" and not sent:
            sent.append(progress)
            os.kill(os.getpid(), signal.SIGINT)

    sent = []
    made = train_supervised(train_file, reporter=interrupt, **{**SMALL, "epochs": 200_000})
    assert threading.current_thread() is threading.main_thread()
    assert made.outcome.interrupted and sent[0].n_total > made.outcome.n_tokens_trained > 0
    assert measure(made, train_file).precision > 0.9
