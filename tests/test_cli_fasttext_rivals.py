"""`wordvec fasttext` beside the original program, where PATH has one."""

import shutil
import subprocess

import pytest
from fasttext_data import labelled_lines
from test_cli_fasttext import FLAG_MISTAKES

ORIGINAL = shutil.which("fasttext")
pytestmark = [
    pytest.mark.rivals,
    pytest.mark.skipif(ORIGINAL is None, reason="no fasttext program on PATH"),
]


@pytest.fixture
def both(wordvec, tmp_path):
    """Run a command in both programs: (ours, the original's) results."""

    def run(*arguments, input=b""):
        line = [ORIGINAL, *map(str, arguments)]
        original = subprocess.run(
            line, cwd=tmp_path, input=input, capture_output=True, timeout=60, check=False
        )
        return wordvec("fasttext", *arguments, input=input, stdin=None), original

    return run


@pytest.fixture
def models(wordvec, tmp_path):
    """m.bin, v.bin (hs), t: a classifier, word vectors, their text."""
    (tmp_path / "t").write_text("\n".join(labelled_lines(300)) + "\n")
    wordvec("fasttext", "supervised", "-input", "t", "-output", "m", "-dim", 7, "-lr", 0.5,
            "-wordNgrams", 2, "-bucket", 100, "-epoch", 10)  # fmt: skip
    wordvec("fasttext", "cbow", "-input", "t", "-output", "v", "-dim", 7, "-bucket", 100,
            "-minCount", 1, "-loss", "hs", "-t", "1e-4")  # fmt: skip
    return tmp_path


COMMANDS = [
    "",
    "nonsense",
    "quantize",
    "test",
    "test-label",
    "predict",
    "predict-prob",
    "print-word-vectors",
    "print-sentence-vectors",
    "print-ngrams",
    "nn",
    "analogies",
    "dump",
]


@pytest.mark.parametrize("name", COMMANDS)
def test_usages(both, name):
    ours, original = both(*filter(None, [name]))
    assert (ours.returncode, ours.stdout, ours.stderr) == (
        original.returncode, original.stdout, original.stderr
    )  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), FLAG_MISTAKES, ids=lambda v: str(v)[:40])
def test_flag_mistakes(both, arguments, message):
    ours, original = both(*arguments)
    assert (ours.returncode, ours.stdout) == (original.returncode, original.stdout)
    assert ours.stderr == original.stderr


EXACT = [
    (["predict", "m.bin", "t"], b""),
    (["predict", "m.bin", "-", 2], b"a cat\n\nbasalt oak"),
    (["predict", "m.bin", "-", 3, 0.2], b"a cat\n\nbasalt oak"),
    (["test", "m.bin", "t"], b""),
    (["test", "m.bin", "t", 2, 0.3], b""),
    (["predict", "m.bin", "none"], b""),
    (["test", "m.bin", "none"], b""),
    (["print-word-vectors", "v.bin"], b"cat \xc3\xbcber\tunseen\xff x"),
    (["print-ngrams", "v.bin", "cat"], b""),
    (["dump", "v.bin", "args"], b""),
    (["dump", "v.bin", "dict"], b""),
    (["dump", "m.bin", "args"], b""),
    (["dump", "m.bin", "dict"], b""),
    (["dump", "m.bin", "input"], b""),
    (["dump", "m.bin", "output"], b""),
    (["dump", "v.bin", "output"], b""),
    (["dump", "m.bin", "nonsense"], b""),
]


def test_answers(both, models):
    for arguments, input in EXACT:
        ours, original = both(*arguments, input=input)
        assert ours.stdout == original.stdout, arguments
        assert (ours.returncode, ours.stderr) == (original.returncode, original.stderr), arguments


def numbers(text):
    """Words as they are, numbers as numbers."""
    made = []
    for word in text.split():
        try:
            made.append(float(word))
        except ValueError:
            made.append(word)
    return made


def test_answers_with_rounding(both, models):
    """Sums in another order: the last digit may differ."""
    for arguments, input in [
        (["predict-prob", "m.bin", "t", -1], b""),
        (["print-sentence-vectors", "m.bin"], b"a cat\n\nbig oak"),
        (["print-sentence-vectors", "v.bin"], b"a cat\n\nbig oak unseen\n"),
        (["nn", "v.bin", 2], b"cat unseen"),
    ]:
        ours, original = both(*arguments, input=input)
        ours, original = numbers(ours.stdout.decode()), numbers(original.stdout.decode())
        assert len(ours) == len(original), arguments
        for mine, its in zip(ours, original, strict=True):
            assert mine == (pytest.approx(its, rel=2e-5, abs=2e-6) if type(its) is float else its)


def test_its_models_here_and_ours_there(both, models):
    subprocess.run(
        [ORIGINAL, "supervised", "-input", "t", "-output", "o", "-dim", "5", "-lr", "1"],
        cwd=models, capture_output=True, check=True,
    )  # fmt: skip
    ours, original = both("test", "o.bin", "t")
    assert ours.stdout == original.stdout
    ours, original = both("predict", "o.bin", "t", 3)
    assert ours.stdout == original.stdout


@pytest.mark.parametrize("loss", ["ns", "hs", "softmax", "ova"])
@pytest.mark.parametrize("kind", ["skipgram", "cbow"])
def test_files_of_all_losses(both, wordvec, tmp_path, kind, loss):
    """The same settings, dictionary and sizes; the original reads what we write."""
    (tmp_path / "t").write_text("\n".join(labelled_lines(300)) + "\n")
    (tmp_path / "p.vec").write_text("2 4\nzzzq 1 2 3 4\nword1 0 0 1 0\n")
    flags = ["-input", "t", "-dim", 4, "-minCount", 1, "-bucket", 50, "-loss", loss, "-lr", 0.01,
             "-thread", 1, "-pretrainedVectors", "p.vec"]  # fmt: skip
    assert wordvec("fasttext", kind, *flags, "-output", "ours").returncode == 0
    assert both(kind, *flags, "-output", "original")[1].returncode == 0  # which writes last
    assert (tmp_path / "ours.bin").stat().st_size == (tmp_path / "original.bin").stat().st_size
    for what in ("args", "dict"):
        dumps = [both("dump", name, what)[1].stdout for name in ("ours.bin", "original.bin")]
        assert sorted(dumps[0].splitlines()) == sorted(dumps[1].splitlines())
        assert b"zzzq 1 word" in dumps[0] or what == "args"
    assert both("print-word-vectors", "ours.bin", input=b"zzzq x")[1].returncode == 0
