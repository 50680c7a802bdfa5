"""Scripts written for gensim 4, run with gensim and with only the import changed."""

import importlib
import os
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from wordvec.callbacks import CallbackAny2Vec

pytestmark = pytest.mark.rivals

TOPICS = [[f"t{topic}w{word}ing" for word in range(10)] for topic in range(6)]
NEW_TOPICS = [[f"n{topic}w{word}ly" for word in range(6)] for topic in range(2)]


def sentences(n: int, seed: int, topics: list[list[str]]) -> list[list[str]]:
    rng = np.random.default_rng(seed)
    weights = 1 / np.arange(1, len(topics[0]) + 1)
    return [
        rng.choice(topics[rng.integers(len(topics))], 9, p=weights / weights.sum()).tolist()
        for _ in range(n)
    ]


class Corpus:
    """An iterator corpus, as people write them."""

    def __init__(self, lists):
        self.lists = lists

    def __iter__(self):
        yield from self.lists


def names(which: str) -> SimpleNamespace:
    """The names that a script imports."""
    pytest.importorskip("gensim")
    if which == "gensim":
        models, callbacks = "gensim.models", "gensim.models.callbacks"
        word2vec, utils = "gensim.models.word2vec", "gensim.utils"
    else:
        models, callbacks = "wordvec", "wordvec.callbacks"
        word2vec = utils = "wordvec.word2vec"
    module = importlib.import_module
    return SimpleNamespace(
        which=which,
        Word2Vec=module(models).Word2Vec,
        FastText=module(models).FastText,
        CallbackAny2Vec=module(callbacks).CallbackAny2Vec,
        LineSentence=module(word2vec).LineSentence,
        PathLineSentences=module(word2vec).PathLineSentences,
        Text8Corpus=module(word2vec).Text8Corpus,
        BrownCorpus=module(word2vec).BrownCorpus,
        rules=module(utils),
    )


SETTINGS: dict[str, Any] = {
    "vector_size": 24, "window": 4, "min_count": 3, "sample": 0, "workers": 1, "seed": 3,
    "epochs": 8, "alpha": 0.05,
}  # fmt: skip


def script(g: SimpleNamespace, kind: str, options: dict[str, Any], folder: str) -> dict[str, Any]:
    """Build, train with callbacks, save, load, grow, train on; what can be seen of it."""
    seen: dict[str, Any] = {"calls": [], "losses": []}

    class Watching(g.CallbackAny2Vec):
        def on_train_begin(self, model):
            seen["calls"].append("train")

        def on_epoch_begin(self, model):
            seen["calls"].append("epoch")

        def on_epoch_end(self, model):
            seen["calls"].append("/epoch")
            seen["losses"].append(float(model.get_latest_training_loss()))

        def on_train_end(self, model):
            seen["calls"].append("/train")

    text = [*sentences(1500, 1, TOPICS), ["rare", "rare"], []]
    more = sentences(900, 2, [*NEW_TOPICS, TOPICS[0][:6]])
    model = getattr(g, kind)(**SETTINGS, **options)
    model.build_vocab(Corpus(text), progress_per=100)
    seen["built"] = state(model)
    result = model.train(
        Corpus(text), total_examples=model.corpus_count, epochs=model.epochs,
        compute_loss=True, callbacks=[Watching()],
    )  # fmt: skip
    seen["result"] = [int(number) for number in result]
    seen["trained"] = state(model)
    path = os.path.join(folder, f"{g.which}.model")
    model.save(path)
    model = getattr(g, kind).load(path)
    seen["loaded"] = state(model)
    model.build_vocab(Corpus(more), update=True)
    seen["grown"] = state(model)
    model.train(corpus_iterable=more, total_examples=model.corpus_count, epochs=12)
    seen["again"] = state(model)
    seen["model"] = model
    return seen


def state(model: Any) -> dict[str, Any]:
    wv = model.wv
    attributes = (
        "corpus_count", "corpus_total_words", "epochs", "alpha", "min_alpha", "vector_size",
        "layer1_size", "window", "min_count", "sample", "sg", "hs", "negative", "cbow_mean",
        "ns_exponent", "workers", "seed", "effective_min_count", "max_final_vocab", "null_word",
        "sorted_vocab", "train_count", "shrink_windows", "batch_words", "comment", "raw_vocab",
        "max_vocab_size", "min_alpha_yet_reached",
    )  # fmt: skip
    found = {name: getattr(model, name) for name in attributes}
    found["min_alpha_yet_reached"] = round(found["min_alpha_yet_reached"], 2)
    found["raw_vocab"] = dict(found["raw_vocab"])
    found["counts"] = {word: int(wv.get_vecattr(word, "count")) for word in wv.index_to_key}
    n_old = 60  # words of equal counts come in any order; new words as they appeared
    found["order"] = [found["counts"][word] for word in wv.index_to_key[:n_old]]
    found["new"] = wv.index_to_key[n_old:]
    if found["new"]:
        del found["order"]
    found["rows"] = sorted(wv.key_to_index.values())
    found["shapes"] = [wv.vectors.shape]
    for name in ("syn1", "syn1neg"):
        found["shapes"].append(getattr(model, name).shape if hasattr(model, name) else None)
    found["text"] = str(model)
    return found


def topic_share(model: Any, topics: list[list[str]]) -> float:
    """Of the 4 nearest words of each word, how many come from its own topic."""
    hits = [
        other in topic
        for topic in topics
        for word in topic[:5]
        for other, _ in model.wv.most_similar(word, topn=4)
    ]
    return float(np.mean(hits))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("Word2Vec", {"sg": 1}),
        ("Word2Vec", {"sg": 0}),
        ("Word2Vec", {"sg": 1, "hs": 1, "negative": 0}),
        ("FastText", {"sg": 1, "bucket": 2000, "min_n": 3, "max_n": 4}),
        ("FastText", {"sg": 0, "bucket": 2000, "min_n": 3, "max_n": 4}),
    ],
    ids=str,
)
def test_one_script_two_imports(kind, options, tmp_path):
    ours = script(names("wordvec"), kind, options, str(tmp_path))
    theirs = script(names("gensim"), kind, options, str(tmp_path))
    for step in ("built", "trained", "loaded", "grown", "again"):
        for name, value in theirs[step].items():
            assert ours[step][name] == value, (step, name)
    assert ours["calls"] == theirs["calls"]
    assert ours["result"] == theirs["result"]
    if kind == "Word2Vec":  # gensim's FastText counts none
        sums = np.diff([0.0, *ours["losses"]]) / np.diff([0.0, *theirs["losses"]])
        assert sums.min() > 0.7 and sums.max() < 1.4
    for which in (ours, theirs):
        assert topic_share(which["model"], NEW_TOPICS) > 0.9
    assert topic_share(ours["model"], TOPICS) > topic_share(theirs["model"], TOPICS) - 0.1


class Watched(CallbackAny2Vec):
    def __init__(self):
        self.n_epochs = 0

    def on_epoch_end(self, model):
        self.n_epochs += 1


def test_gensims_own_callbacks_work():
    g, w = names("gensim"), names("wordvec")

    class Theirs(g.CallbackAny2Vec):
        n_epochs = 0

        def on_epoch_end(self, model):
            self.n_epochs += 1

    for callback in (Theirs(), Watched()):
        w.Word2Vec(sentences(50, 1, TOPICS), **SETTINGS, callbacks=[callback])
        assert callback.n_epochs == 8


def generator():
    yield from sentences(30, 1, TOPICS)


MISTAKES = {
    "train without a vocabulary": lambda g: g.Word2Vec().train([["a"]], total_examples=1, epochs=1),
    "no totals": lambda g: built(g).train([["a"]], epochs=1),
    "no epochs": lambda g: built(g).train([["a"]], total_examples=1),
    "no corpus": lambda g: built(g).train(total_examples=1, epochs=1),
    "two corpora": lambda g: built(g).train([["a"]], "x", total_examples=1, epochs=1),
    "no such file": lambda g: g.Word2Vec(corpus_file="not there"),
    "not iterable": lambda g: g.Word2Vec(7),
    "nothing to build": lambda g: g.Word2Vec().build_vocab(),
    "nothing frequent": lambda g: g.Word2Vec([["a"]], min_count=2),
    "nothing at all": lambda g: g.Word2Vec([]),
    "no softmax": lambda g: g.Word2Vec([["a", "a"]], min_count=1, hs=0, negative=0),
    "update of nothing": lambda g: g.Word2Vec(min_count=1).build_vocab([["a"]], update=True),
    "unknown argument": lambda g: g.Word2Vec(sice=3),
    "score without a tree": lambda g: built(g).score([["a"]]),
    "score without words": lambda g: g.Word2Vec(hs=1).score([["a"]]),
    "predict without noise": lambda g: built(g, hs=1, negative=0).predict_output_word(["a"]),
    "missing lines": lambda g: g.Word2Vec(g.LineSentence("not there")),
    "missing folder": lambda g: g.PathLineSentences("not there"),
    "load nothing": lambda g: g.Word2Vec.load("not there"),
    "unknown word": lambda g: built(g).wv["unheard"],
}


def built(g: SimpleNamespace, **options: Any) -> Any:
    model = g.Word2Vec(min_count=1, vector_size=5, **options)
    model.build_vocab([["a", "b", "a"]])
    return model


@pytest.mark.parametrize("mistake", MISTAKES)
def test_same_exceptions(mistake):
    with pytest.raises(Exception) as theirs:
        MISTAKES[mistake](names("gensim"))
    with pytest.raises(theirs.type):
        MISTAKES[mistake](names("wordvec"))


def test_same_vocabularies():
    text = [*sentences(300, 5, TOPICS), ["keep"], ["drop"] * 50]

    def rule(rules):
        return lambda word, count, min_count: (
            rules.RULE_KEEP if word == "keep"
            else rules.RULE_DISCARD if word == "drop" else rules.RULE_DEFAULT
        )  # fmt: skip

    for options in (
        {"max_final_vocab": 20}, {"max_final_vocab": 20, "min_count": 60}, {"sorted_vocab": 0},
        {"null_word": 1}, {"min_count": 40},
    ):  # fmt: skip
        found = []
        for which in ("gensim", "wordvec"):
            g = names(which)
            model = g.Word2Vec(vector_size=5, **options)
            model.build_vocab(text, keep_raw_vocab=True, trim_rule=rule(g.rules))
            counts = {
                word: int(model.wv.get_vecattr(word, "count")) for word in model.wv.key_to_index
            }
            words = model.wv.index_to_key if "sorted_vocab" in options else sorted(counts)
            found.append((words, counts, dict(model.raw_vocab), model.effective_min_count))
        assert found[0] == found[1], options


def test_gensims_models_are_trained_on(tmp_path):
    g, w = names("gensim"), names("wordvec")
    text = sentences(1500, 1, TOPICS)
    for kind, options in (
        ("Word2Vec", {"sg": 1}),
        ("Word2Vec", {"sg": 0, "hs": 1, "negative": 0}),
        ("FastText", {"sg": 1, "bucket": 700, "min_n": 3, "max_n": 4}),
    ):
        theirs = getattr(g, kind)(text, **SETTINGS, **options)
        theirs.save(str(tmp_path / "model"))
        ours = getattr(w, kind).load(tmp_path / "model")
        np.testing.assert_allclose(ours.wv.vectors, theirs.wv.vectors, atol=1e-6)
        assert ours.wv.index_to_key == theirs.wv.index_to_key
        for name in ("syn1", "syn1neg"):
            if hasattr(theirs, name):
                np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
        for name in ("window", "sg", "hs", "epochs", "corpus_count", "seed", "min_count"):
            assert getattr(ours, name) == getattr(theirs, name)
        if kind == "FastText":
            np.testing.assert_allclose(ours.wv["unheard"], theirs.wv["unheard"], atol=1e-6)
        if options.get("hs"):
            scores = [list(m.score(text[:20])) for m in (ours, theirs)]
            np.testing.assert_allclose(scores[0], scores[1], rtol=0.05)
        else:
            found = [dict(m.predict_output_word(text[0][:3], topn=60)) for m in (ours, theirs)]
            assert found[0] == pytest.approx(found[1], rel=1e-3)
        ours.train(text, total_examples=1500, epochs=2, start_alpha=0.01)
        fresh = getattr(w, kind)(text, **SETTINGS | {"epochs": 1}, **options)
        assert ours.loss_history[-1] < fresh.loss_history[0]
        assert topic_share(ours, TOPICS) > 0.9
        ours.save(tmp_path / "ours")
        again = getattr(w, kind).load(tmp_path / "ours")
        np.testing.assert_array_equal(again.wv.vectors, ours.wv.vectors)
        if kind == "FastText":
            np.testing.assert_array_equal(again.wv["unheard"], ours.wv["unheard"])


def test_same_sentences_from_files(tmp_path):
    (tmp_path / "a.txt").write_text("one two three four\n\n five\tsix \n" + "w " * 30)
    (tmp_path / "folder").mkdir()
    for name in ("b", "a"):
        (tmp_path / "folder" / name).write_text(f"{name} and {name}\nand more\n")
    brown = tmp_path / "brown"
    brown.mkdir()
    (brown / "ca01").write_text("\tThe/at Jury/nn-tl ,/, said/vbd A/B/c\n\n")
    found = []
    for which in ("gensim", "wordvec"):
        g = names(which)
        found.append([
            list(g.LineSentence(str(tmp_path / "a.txt"), max_sentence_length=3)),
            list(g.LineSentence(str(tmp_path / "a.txt"), limit=2)),
            list(g.PathLineSentences(str(tmp_path / "folder"))),
            list(g.PathLineSentences(str(tmp_path / "folder"), limit=1)),
            list(g.Text8Corpus(str(tmp_path / "a.txt"), max_sentence_length=7)),
            list(g.BrownCorpus(str(brown))),
        ])  # fmt: skip
    assert found[0] == found[1]
