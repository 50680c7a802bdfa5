"""`wordvec fasttext`, run as a program: messages, streams, exit codes and output lines."""

import json
import os
import random
import re
import signal
import subprocess
import time

import pytest
from fasttext_data import labelled_lines
from wordvec_cli.fasttext import fasttext as run
from wordvec_cli.fasttext_flags import FlagError, defaults, help_text, parse
from wordvec_cli.fasttext_usage import GENERAL, ON_STDOUT, USAGES
from wordvec_cli.main import CommandError

import wordvec.fasttext as fasttext
from wordvec.errors import WordvecError


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    path = tmp_path_factory.mktemp("labelled") / "train.txt"
    path.write_text("\n".join(labelled_lines(400)) + "\n")
    return path


@pytest.fixture(scope="module")
def classifier(labelled, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "m.bin"
    fasttext.train_supervised(labelled, dim=8, lr=0.5, epoch=10, thread=1).save_model(path)
    return path


@pytest.fixture(scope="module")
def vectors(labelled, tmp_path_factory):
    path = tmp_path_factory.mktemp("vectors") / "v.bin"
    fasttext.train_unsupervised(labelled, dim=6, bucket=500, minCount=1, thread=1).save_model(path)
    return path


# ---- usage and flags ----------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("-h",)])
def test_no_or_an_unknown_command(capfd, arguments):
    assert run(arguments) == 1
    assert capfd.readouterr() == ("", GENERAL)


@pytest.mark.parametrize("name", sorted(USAGES))
def test_too_few_arguments(capfd, name):
    assert run((name,)) == 1
    out, err = capfd.readouterr()
    said, silent = (out, err) if name in ON_STDOUT else (err, out)
    assert said == USAGES[name] + (help_text("quantize") if name == "quantize" else "")
    assert silent == ""


FLAG_MISTAKES = [
    (["skipgram"], "Empty input or output path."),
    (["supervised", "-input", "x"], "Empty input or output path."),
    (["cbow", "-foo", "1"], "Unknown argument: -foo"),
    (["cbow", "input", "x"], "Provided argument without a dash! Usage:"),
    (["supervised", "-h"], "Here is the help! Usage:"),
    (["supervised", "-lr"], "-lr is missing an argument"),
    (["supervised", "-dim", "99999999999"], "-dim is missing an argument"),
    (["supervised", "-loss", "foo"], "Unknown loss: foo"),
    (["quantize", "-qnorm"], "Empty input or output path."),
]


@pytest.mark.parametrize(("arguments", "message"), FLAG_MISTAKES, ids=lambda v: str(v)[:40])
def test_mistakes_print_the_help(arguments, message):
    with pytest.raises(FlagError) as error:
        parse(arguments[0], arguments[1:])
    assert str(error.value) == message


def test_help_goes_to_stderr_with_what_was_understood(wordvec):
    done = wordvec("fasttext", "supervised", "-lr", "3", "-foo", "1")
    expected = "Unknown argument: -foo\n" + help_text("supervised")
    expected = expected.replace("learning rate [0.1]", "learning rate [3]")
    assert (done.returncode, done.stdout, done.stderr.decode()) == (1, b"", expected)


def test_defaults_differ_by_command():
    skipgram, supervised = help_text("skipgram"), help_text("supervised")
    for line in ("occurences [5]", "char ngram [3]", "char ngram [6]", "rate [0.05]", "} [ns]"):
        assert line in skipgram and line not in supervised
    for line in ("-minCount           minimal number of word occurences [1]", "rate [0.1]",
                 "} [softmax]", "-thread             number of threads (set to 1 to ensure "
                 "reproducible results) [12]"):  # fmt: skip
        assert line in supervised
    assert defaults("quantize")["lr"] == 0.05


def test_values_as_the_original_reads_them():
    required = ["-input", "x", "-output", "y"]
    settings = parse("supervised", [*required, "-dim", "3.7", "-epoch", "2", "-epoch", "7"])
    assert (settings["dim"], settings["epoch"]) == (3, 7)  # the last one wins
    assert settings.given == {"input", "output", "dim", "epoch"}
    settings = parse("skipgram", [*required, "-t", "1e-4", "-saveOutput", "-loss", "one-vs-all"])
    assert settings["t"] == 9.999999747378752e-05  # float32; the default is 1e-4
    assert settings["saveOutput"] and settings["loss"] == "ova"
    assert parse("skipgram", required)["t"] == 1e-4
    assert parse("skipgram", [*required, "-thread", "0"]).options().workers == 1


ERRORS = [
    (["supervised", "-input", "none", "-output", "o"], "none cannot be opened for training!"),
    (["skipgram", "-input", "-", "-output", "o"], "Cannot use stdin for training!"),
    (["skipgram", "-input", "t", "-output", "o", "-dim", "x"], "-dim: expected a whole number"),
    (["skipgram", "-input", "t", "-output", "o", "-dim", "0"], "-dim: expected"),
    (["skipgram", "-input", "t", "-output", "no/o"], "folder"),
    (["supervised", "-input", "t", "-output", "o"], "label prefix"),
    (["skipgram", "-input", "t", "-output", "o", "-minCount", "9"], "no word occurs 9 times"),
    (["quantize", "-input", "t", "-output", "none"], "none.bin cannot be opened for loading!"),
    (["predict", "none.bin", "t"], "none.bin cannot be opened for loading!"),
    (["predict", "t", "t"], "expected a fastText model"),
    (["supervised", "-input", "t", "-output", "o", "-autotune-validation", "none"],
     "Validation file cannot be opened!"),
    (["supervised", "-input", "t", "-output", "o", "-autotune-validation", "t",
      "-autotune-metric", "f2"], "Unknown metric : f2"),
    (["supervised", "-input", "t", "-output", "o", "-autotune-validation", "t",
      "-autotune-metric", "f1:"], "Empty metric label : f1:"),
    (["supervised", "-input", "t", "-output", "o", "-autotune-validation", "t",
      "-autotune-modelsize", "1X"], "1X"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), ERRORS, ids=lambda v: str(v)[:60])
def test_errors(tmp_path, monkeypatch, arguments, message):
    (tmp_path / "t").write_text("some words of no label\n" * 3)
    monkeypatch.chdir(tmp_path)
    with pytest.raises((CommandError, WordvecError)) as error:
        run(tuple(arguments))
    assert message in str(error.value)
    assert os.listdir(tmp_path) == ["t"]


def test_errors_are_one_line(wordvec):
    done = wordvec("fasttext", "predict", "none.bin", "-")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == b"wordvec fasttext: none.bin cannot be opened for loading!\n"


# ---- labels -------------------------------------------------------------------------------------


def test_supervised_says_and_writes(wordvec, labelled, tmp_path):
    done = wordvec("fasttext", "supervised", "-input", labelled, "-output", "m", "-dim", 5,
                   "-saveOutput", "-thread", 2)  # fmt: skip
    assert (done.returncode, done.stdout) == (0, b"")
    lines = done.stderr.decode().replace("\r", "\n").split("\n")
    assert {"Read 0M words", "Number of words:  12", "Number of labels: 3"} <= set(lines)
    assert lines[-2].startswith("Progress: 100.0% words/sec/thread: ")
    assert " lr:  0.000000 avg.loss: " in lines[-2] and lines[-2].endswith("ETA:   0h 0m 0s")
    assert sorted(os.listdir(tmp_path)) == ["m.bin", "m.output", "m.vec"]
    assert (tmp_path / "m.vec").read_bytes().startswith(b"12 5\n")
    assert (tmp_path / "m.output").read_bytes().startswith(b"3 5\n__label__")
    head = (tmp_path / "m.bin").read_bytes()[:8]
    assert head == bytes.fromhex("ba164f2f0c000000")
    assert b"bucket 0\n" in wordvec("fasttext", "dump", "m.bin", "args").stdout


def test_same_seed_same_files(wordvec, labelled, tmp_path):
    for name in ("a", "b"):
        wordvec("fasttext", "skipgram", "-input", labelled, "-output", name, "-dim", 4,
                "-bucket", 50, "-thread", 1, "-verbose", 0)  # fmt: skip
    assert (tmp_path / "a.bin").read_bytes() == (tmp_path / "b.bin").read_bytes()


def test_predict_one_line_a_line(wordvec, classifier):
    lines = b"the cat\n\nan oak and a rose\nbig basalt"
    done = wordvec("fasttext", "predict", classifier, "-", input=lines, stdin=None)
    answers = done.stdout.split(b"\n")
    assert len(answers) == 5 and answers[4] == b""
    assert [answers[k] for k in (0, 2, 3)] == [
        b"__label__animal", b"__label__plant", b"__label__rock"
    ]  # fmt: skip
    done = wordvec("fasttext", "predict-prob", classifier, "-", -1, input=lines, stdin=None)
    assert [len(line.split()) for line in done.stdout.splitlines()] == [6] * 4
    probabilities = [float(p) for p in done.stdout.splitlines()[0].split()[1::2]]
    assert sum(probabilities) == pytest.approx(1 + 3e-5, abs=1e-5)
    done = wordvec("fasttext", "predict-prob", classifier, "-", 3, 0.9, input=lines, stdin=None)
    assert len(done.stdout.splitlines()[0].split()) == 2


def test_predict_answers_while_the_pipe_is_open(command, command_environment, classifier):
    with subprocess.Popen(
        [*command, "fasttext", "predict", str(classifier), "-"], env=command_environment,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as program:  # fmt: skip
        program.stdin.write(b"the dog\n")
        program.stdin.flush()
        assert program.stdout.readline() == b"__label__animal\n"
        program.stdin.close()
        assert program.wait(20) == 0


@pytest.mark.parametrize("from_pipe", [False, True])
def test_test(wordvec, classifier, labelled, from_pipe):
    given = {"input": labelled.read_bytes(), "stdin": None} if from_pipe else {}
    done = wordvec("fasttext", "test", classifier, "-" if from_pipe else labelled, **given)
    assert (done.returncode, done.stdout) == (0, b"N\t400\nP@1\t1\nR@1\t1\n")


def test_test_label(wordvec, classifier, tmp_path):
    (tmp_path / "v").write_text("__label__animal cat\n__label__plant dog\n")
    done = wordvec("fasttext", "test-label", classifier, "v", 1)
    lines = done.stdout.decode().splitlines()
    assert "F1-Score : 0.666667  Precision : 0.500000  Recall : 1.000000   __label__animal" in lines
    assert "F1-Score : --------  Precision : --------  Recall : --------   __label__rock" in lines
    assert lines[-3:] == ["N\t2", "P@1\t0.500", "R@1\t0.500"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predict", "{m}", "none"], "Input file cannot be opened!\n"),
        (["test", "{m}", "none"], "Test file cannot be opened!\n"),
    ],
)
def test_missing_texts(wordvec, classifier, arguments, message):
    done = wordvec("fasttext", *[a.format(m=classifier) for a in arguments])
    assert (done.returncode, done.stdout, done.stderr.decode()) == (1, b"", message)


def test_bad_k_and_unsupervised_models(wordvec, classifier, vectors):
    done = wordvec("fasttext", "predict", classifier, "-", 0)
    assert done.returncode == 1 and b"k needs to be 1 or higher!" in done.stderr
    done = wordvec("fasttext", "predict", vectors, "-")
    assert done.returncode == 1
    assert b"Model needs to be supervised for prediction!" in done.stderr


def test_quantize(wordvec, tmp_path):
    words = [f"__label__{k % 3} w{k}" for k in range(600)]
    (tmp_path / "t").write_text("\n".join(words) + "\n")
    wordvec("fasttext", "supervised", "-input", "t", "-output", "m", "-dim", 4, "-lr", 1,
            "-epoch", 20, "-thread", 1)  # fmt: skip
    done = wordvec("fasttext", "quantize", "-output", "m")
    assert done.returncode == 1 and b"Empty input or output path." in done.stderr
    done = wordvec("fasttext", "quantize", "-input", "t", "-output", "m", "-qnorm", "-cutoff", 400,
                   "-retrain", "-epoch", 1, "-thread", 1)  # fmt: skip
    assert (done.returncode, done.stdout) == (0, b"")
    done = wordvec("fasttext", "dump", "m.ftz", "input")
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr == b"Not supported for quantized models.\n"
    assert wordvec("fasttext", "dump", "m.ftz", "dict").stdout.count(b" word\n") <= 400


def test_autotune(wordvec, labelled, tmp_path):
    done = wordvec("fasttext", "supervised", "-input", labelled, "-output", "m", "-thread", 1,
                   "-autotune-validation", labelled, "-autotune-duration", 1, "-dim", 4,
                   "-autotune-log", "log", "-bucket", 1000)  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = done.stderr.decode()
    assert "\nTraining again with best arguments\n" in said
    assert ("Warning : dim is manually set to a specific value. It will not be automatically "
            "optimized.") in said  # fmt: skip
    assert (tmp_path / "log").read_text().count('"vector_size": 4') >= 1
    assert wordvec("fasttext", "test", "m.bin", labelled).stdout.startswith(b"N\t400\nP@1\t")


# ---- words --------------------------------------------------------------------------------------


def test_print_vectors(wordvec, vectors):
    model = fasttext.load_model(vectors)
    done = wordvec("fasttext", "print-word-vectors", vectors, input=b"cat\nunseen", stdin=None)
    lines = done.stdout.decode().split("\n")
    assert len(lines) == 3 and lines[0].startswith("cat ") and lines[0].endswith(" ")
    assert [float(x) for x in lines[1].split()[1:]] == pytest.approx(
        model["unseen"].tolist(), rel=1e-4
    )
    done = wordvec("fasttext", "print-sentence-vectors", vectors, input=b"the cat\n\n", stdin=None)
    first, second = done.stdout.decode().splitlines()
    assert [float(x) for x in first.split(" ")[:-1]] == pytest.approx(
        model.get_sentence_vector("the cat").tolist(), rel=1e-4, abs=1e-8
    )
    assert second == "0 " * 6


def test_print_ngrams(wordvec, vectors):
    done = wordvec("fasttext", "print-ngrams", vectors, "cat")
    names = [line.split(" ")[0] for line in done.stdout.decode().splitlines()]
    assert names == ["cat", "<ca", "<cat", "<cat>", "cat", "cat>", "at>"]


def test_nn_and_analogies(wordvec, vectors):
    done = wordvec("fasttext", "nn", vectors, 2, input=b"cat\nunseen\n", stdin=None)
    parts = done.stdout.decode().split("Query word? ")
    assert done.returncode == 0 and parts[0] == "" and parts[3] == ""
    assert [part.count("\n") for part in parts] == [0, 2, 2, 0]
    assert "cat " not in [line[:4] for line in parts[1].splitlines()]
    done = wordvec("fasttext", "analogies", vectors, input=b"cat dog oak", stdin=None)
    start = f"Loading model {vectors}\nQuery triplet (A - B + C)? "
    assert done.returncode == 0 and done.stdout.decode().startswith(start)
    assert done.stdout.endswith(b"\nQuery triplet (A - B + C)? ")


def test_dump(wordvec, vectors):
    args = wordvec("fasttext", "dump", vectors, "args").stdout.decode().splitlines()
    names = "dim ws epoch minCount neg wordNgrams loss model bucket minn maxn lrUpdateRate t"
    assert [line.split()[0] for line in args] == names.split()
    assert {"dim 6", "loss ns", "model sg", "bucket 500", "t 0.0001"} <= set(args)
    entries = wordvec("fasttext", "dump", vectors, "dict").stdout.decode().splitlines()
    assert entries[0] == "15" and len(entries) == 16  # labels are entries too
    assert sum(line.endswith(" label") for line in entries) == 3
    rows = wordvec("fasttext", "dump", vectors, "input").stdout.decode().splitlines()
    assert rows[0] == "512 6" and len(rows) == 513 and not rows[1].endswith(" ")
    done = wordvec("fasttext", "dump", vectors, "nonsense")
    assert (done.returncode, done.stdout.decode()) == (1, USAGES["dump"])


# ---- ends ---------------------------------------------------------------------------------------


def test_interrupted_training_writes_the_model(command, command_environment, labelled, tmp_path):
    with subprocess.Popen(
        [*command, "fasttext", "supervised", "-input", str(labelled), "-output", "m", "-epoch",
         "1000000", "-thread", "1", "-dim", "8"],
        cwd=tmp_path, env=command_environment, stderr=subprocess.PIPE,
    ) as program:  # fmt: skip
        said = b""
        while b"Progress" not in said:
            said += program.stderr.read1()
        time.sleep(0.1)
        program.send_signal(signal.SIGINT)
        said += program.stderr.read()
        assert program.wait(20) == 130, said
    assert b"interrupted; the model so far is in m.bin" in said
    assert fasttext.load_model(tmp_path / "m.bin").get_dimension() == 8


def test_in_the_tools_folder(wordvec, tmp_path):
    wordvec("tools", "bin")
    assert " fasttext " in (tmp_path / "bin" / "fasttext").read_text()


# ---- beyond the original ------------------------------------------------------------------------


def test_explain_names_what_made_a_label_win(classifier, tmp_path, capfd):
    (tmp_path / "t").write_text("rose oak rose the\n\nnothingknown zzz\n")
    assert run(("explain", str(classifier), str(tmp_path / "t"), "2")) == 0
    out, err = capfd.readouterr()
    blocks = [block.split("\n") for block in out.strip().split("\n__label__")]
    assert err == "" and len(blocks) == 3  # a line without known words still has its end
    label, probability, rival, margin = blocks[0][0].split()
    assert label == "__label__plant" and float(probability) > 0.5 and rival.startswith("__label__")
    shares = [line.split()[:2] for line in blocks[0][1:]]
    assert len(shares) == 2 and all(kind == "word" for _, kind in shares)
    assert abs(float(shares[0][0])) >= abs(float(shares[1][0])) and float(margin) > 0
    assert run(("explain", str(classifier), str(tmp_path / "t"), "-1", rival)) == 0
    other = capfd.readouterr().out.split("\n")[0].split()
    assert other[0] == rival and float(other[3]) == pytest.approx(-float(margin), rel=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["0"], "n: expected"), (["x"], "n: expected"), (["3", "nobody"], "label: expected")],
)
def test_explain_refuses(classifier, labelled, arguments, message):
    with pytest.raises(CommandError, match=message):
        run(("explain", str(classifier), str(labelled), *arguments))


def test_probabilities_of_a_test_set(classifier, labelled, capfd):
    assert run(("probabilities", str(classifier), str(labelled))) == 0
    records = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [record["line"] for record in records] == list(range(1, len(records) + 1))
    assert len(records) == len(labelled.read_text().splitlines())
    assert all(abs(sum(r["probabilities"].values()) - 1) < 1e-3 for r in records)
    right = [max(r["probabilities"], key=r["probabilities"].get) in r["labels"] for r in records]
    assert sum(right) / len(right) == pytest.approx(
        fasttext.load_model(classifier).test(str(labelled))[1]
    )


@pytest.fixture
def contradicting(tmp_path, monkeypatch):
    """A folder with a text in which half of the equal lines say a, half b."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t").write_text("__label__a same words\n__label__b same words\n" * 100)
    return tmp_path


TRAIN = ("supervised", "-input", "t", "-output", "m", "-thread", "1", "-dim", "4", "-lr", "0.5")


@pytest.mark.parametrize("winner", ["a", "b"])
def test_weights_from_files_decide(contradicting, winner, capfd):
    (contradicting / "labels").write_text(f"__label__{winner} 9\n\n")
    (contradicting / "lines").write_text(("9\n1\n" if winner == "a" else "1\n9\n") * 100)
    for flags in (("-labelWeights", "labels"), ("-lineWeights", "lines")):
        assert run((*TRAIN, *flags)) == 0
        labels, scores = fasttext.load_model("m.bin").predict("same words")
        assert labels == (f"__label__{winner}",) and scores[0] > 0.7
    assert run((*TRAIN, "-labelWeights", "balanced")) == 0
    capfd.readouterr()


WEIGHT_MISTAKES = [
    ("-labelWeights", "a 1 2\n", "line 1: expected a label and its weight"),
    ("-labelWeights", "__label__a 1\n__label__b x\n", "line 2: expected a weight from 0 to"),
    ("-labelWeights", "a 1\na 2\n", "line 2: expected every label once"),
    ("-labelWeights", "__label__nobody 1\n", "-labelWeights: expected labels of the text"),
    ("-lineWeights", "1\n" * 199 + "-1\n", "line 200: expected a weight from 0 to"),
    ("-lineWeights", "1\n\n" * 100, "line 2: expected a weight"),
    ("-lineWeights", "1\n" * 7, "-lineWeights: expected 200 numbers from 0 to 1e9, one a line"),
    ("-lineWeights", "", "-lineWeights: expected 200 numbers"),
]


@pytest.mark.parametrize(("flag", "content", "message"), WEIGHT_MISTAKES, ids=str)
def test_weights_that_do_not_fit(contradicting, flag, content, message):
    (contradicting / "w").write_text(content)
    with pytest.raises((CommandError, WordvecError), match=message):
        run((*TRAIN, flag, "w"))
    assert not (contradicting / "m.bin").exists()


def test_pretrained_vectors_of_another_size(labelled, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "start.vec").write_text("1 3\nroot 1 2 3\n")
    for name in ("supervised", "skipgram"):
        job = (name, "-input", str(labelled), "-output", "m", "-pretrainedVectors", "start.vec")
        with pytest.raises(CommandError, match="-dim: expected 3, as the pretrained vectors"):
            run((*job, "-dim", "4"))


def test_weights_are_for_supervised_and_must_be_there(contradicting):
    with pytest.raises(CommandError, match="-labelWeights is for supervised"):
        run(("cbow", "-input", "t", "-output", "m", "-labelWeights", "balanced"))
    with pytest.raises(WordvecError, match="none"):
        run((*TRAIN, "-lineWeights", "none"))


def test_ours_are_not_in_the_originals_help():
    for text in (GENERAL, help_text("supervised")):
        assert not any(name in text for name in ("explain", "Weights", "probabilities "))


def test_quantizing_word_vectors_tells_the_loss(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    rng = random.Random(3)
    words = [f"w{k}" for k in range(300)]
    (tmp_path / "t").write_text("\n".join(" ".join(rng.choices(words, k=9)) for _ in range(400)))
    pairs = [(*rng.sample(words, 2), rng.randint(0, 10)) for _ in range(40)]
    (tmp_path / "pairs").write_text("".join(f"{a}\t{b}\t{s}\n" for a, b, s in pairs))
    (tmp_path / "questions").write_text(
        ": s\n" + "".join(" ".join(rng.sample(words, 4)) + "\n" for _ in range(20))
    )
    model = fasttext.train_unsupervised(
        "t", dim=8, minCount=1, bucket=400, epoch=3, minn=2, maxn=3, thread=1
    )
    model.save_model("v.bin")
    quantize = ("quantize", "-input", "t", "-output", "v")
    assert run((*quantize, "-dsub", "1", "-evaluate", "pairs:questions")) == 0
    out = capfd.readouterr().out.splitlines()
    assert re.fullmatch(r"error of the rows: [0-9.]+% of their length", out[0])
    assert 0 < float(out[0].split()[4].rstrip("%")) < 10
    assert re.fullmatch(r"similarity pairs: -?[0-9.]+ before, -?[0-9.]+ after", out[1])
    assert re.fullmatch(r"analogies questions: [0-9.]+ before, [0-9.]+ after", out[2])
    before, after = (
        float(number) for number in re.findall(r"(-?[0-9.]+) (?:before|after)", out[1])
    )
    assert abs(before - after) < 15
    assert run((*quantize, "-dsub", "4", "-cutoff", "300")) == 0
    coarse = capfd.readouterr().out
    assert float(coarse.split()[4].rstrip("%")) > float(out[0].split()[4].rstrip("%"))


def test_what_evaluate_is_not_for(classifier, labelled, tmp_path):
    base = str(classifier).removesuffix(".bin")
    (tmp_path / "pairs").write_text("cat\tdog\t5\noak\trose\t6\n")
    sets = ("-evaluate", str(tmp_path / "pairs"))
    with pytest.raises(CommandError, match="for word vectors"):
        run(("quantize", "-input", str(labelled), "-output", base, *sets))
    with pytest.raises(CommandError, match="-evaluate is for quantize"):
        run(("supervised", "-input", str(labelled), "-output", base, *sets))
    assert not os.path.exists(base + ".ftz")


ODD_TEXTS = {
    "labels only": "__label__a\n__label__b\n" * 20,
    "empty lines among others": "\n\n__label__a x y\n\n__label__b z\n\n",
    "a line of a megabyte": "__label__a " + "some words " * 100_000 + "\n__label__b z\n",
    "a word of a megabyte": "__label__a " + "x" * 1_000_000 + "\n__label__b z\n",
    "no last newline": "__label__a x\n__label__b y",
}


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS)
def test_odd_texts_are_trained_on_and_answered(tmp_path, monkeypatch, capfd, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t").write_text(text)
    assert run((*TRAIN, "-verbose", "0", "-wordNgrams", "2", "-bucket", "50")) == 0
    assert run(("predict", "m.bin", "t")) == 0
    answers = capfd.readouterr().out.splitlines()
    assert len(answers) == len(text.splitlines())
    assert set(answers) <= {"__label__a", "__label__b"}
    assert run(("test", "m.bin", "t")) == 0
    assert capfd.readouterr().out.startswith(f"N\t{text.count('__label__')}\nP@1\t")


def test_a_label_that_only_the_test_has_does_not_count(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t").write_text("__label__a x\n__label__b y\n" * 50)
    (tmp_path / "v").write_text("__label__never x\n__label__never __label__a x\n")
    assert run((*TRAIN, "-verbose", "0", "-epoch", "20")) == 0
    assert run(("test", "m.bin", "v")) == 0
    assert capfd.readouterr().out == "N\t1\nP@1\t1\nR@1\t1\n"
