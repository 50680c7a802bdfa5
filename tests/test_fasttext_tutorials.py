"""fastText's tutorials, command by command, with the folder of `wordvec tools` on PATH."""

import json
import os
import subprocess

import pytest

pytestmark = pytest.mark.slow

WORD_VECTORS = """
fasttext skipgram -input text -output fil9
fasttext cbow -input text -output fil9cbow
echo "asparagus pidgey yellow" | fasttext print-word-vectors fil9.bin > printed
fasttext skipgram -input text -output fil9b -minn 2 -maxn 5 -dim 30
fasttext skipgram -input text -output fil9c -epoch 1 -lr 0.5
fasttext skipgram -input text -output fil9d -thread 4
printf 'asparagus\\npidgey\\n' | fasttext nn fil9.bin > neighbours
echo "berlin germany france" | fasttext analogies fil9.bin > analogies
fasttext skipgram -input text -output fil9-none -maxn 0
echo "accomodation" | fasttext nn fil9-none.bin
"""

CLASSIFICATION = """
fasttext supervised -input cooking.train -output model_cooking
echo "Which baking dish is best to bake a banana bread ?" | fasttext predict model_cooking.bin -
fasttext test model_cooking.bin cooking.valid
fasttext test model_cooking.bin cooking.valid 5
fasttext supervised -input cooking.train -output model_cooking -epoch 25
fasttext supervised -input cooking.train -output model_cooking -lr 1.0
fasttext supervised -input cooking.train -output model_cooking -lr 1.0 -epoch 25
fasttext test model_cooking.bin cooking.valid > plain
fasttext supervised -input cooking.train -output model_cooking -lr 1.0 -epoch 25 -wordNgrams 2
fasttext test model_cooking.bin cooking.valid > bigrams
fasttext supervised -input cooking.train -output model_cooking -lr 1.0 -epoch 25 -wordNgrams 2 \
    -bucket 200000 -dim 50 -loss hs
fasttext test model_cooking.bin cooking.valid > hs
fasttext supervised -input cooking.train -output model_cooking -lr 0.5 -epoch 25 -wordNgrams 2 \
    -bucket 200000 -dim 50 -loss one-vs-all
echo "Which baking dish is best to bake a banana bread ?" \
    | fasttext predict-prob model_cooking.bin - -1 0.5 > several
fasttext test model_cooking.bin cooking.valid -1 0.5 > ova
"""

QUANTIZATION = """
fasttext supervised -input cooking.train -output model -lr 1.0 -epoch 25 -wordNgrams 2 \
    -bucket 200000 -dim 50
fasttext quantize -output model -input cooking.train -qnorm -retrain -epoch 1 -cutoff 100000
fasttext test model.bin cooking.valid > dense
fasttext test model.ftz cooking.valid > quantized
ls -l model.bin model.ftz
"""

AUTOTUNE = """
fasttext supervised -input cooking.train -output model_cooking -autotune-validation cooking.valid \
    -autotune-duration 5 -autotune-modelsize 2M
fasttext test model_cooking.ftz cooking.valid > tuned
"""

# By a number of trials and a single thread the search is a function of its seeds.
BY_TRIALS = """
fasttext supervised -input cooking.train -output found -autotune-validation cooking.valid \
    -autotune-trials 2 -autotune-modelsize 2M -thread 1 -autotune-log trials
fasttext test found.ftz cooking.valid > by_trials
"""


@pytest.fixture
def tutorial(wordvec, command_environment, shared_data, tmp_path):
    """Run a script; gives its folder."""
    wordvec("tools", "tools")
    for name in ("cooking.train", "cooking.valid"):
        source = shared_data / "classify" / name
        if not source.exists():
            pytest.skip(f"no {source}")
        (tmp_path / name).symlink_to(source)
    words = b" ".join((shared_data / "classify" / "cooking.train").read_bytes().split()[::2])
    (tmp_path / "text").write_bytes(words[:400_000])
    path = os.pathsep.join([str(tmp_path / "tools"), os.environ["PATH"]])

    def run(script):
        done = subprocess.run(
            ["sh", "-e", "-c", script], cwd=tmp_path, env=command_environment | {"PATH": path},
            capture_output=True, timeout=500, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        return tmp_path

    return run


def precision(folder, name):
    """P@k of the output of `fasttext test`."""
    return float((folder / name).read_text().splitlines()[1].split("\t")[1])


def test_word_vectors(tutorial):
    folder = tutorial(WORD_VECTORS)
    printed = (folder / "printed").read_text().splitlines()
    assert [line.split()[0] for line in printed] == ["asparagus", "pidgey", "yellow"]
    assert (folder / "neighbours").read_text().count("\n") == 20
    assert (folder / "analogies").read_text().startswith("Loading model fil9.bin\nQuery triplet")


def test_classification(tutorial):
    folder = tutorial(CLASSIFICATION)
    assert precision(folder, "plain") > 0.55
    assert precision(folder, "bigrams") > 0.57
    assert precision(folder, "hs") > 0.52
    assert precision(folder, "ova") > 0.6
    assert (folder / "several").read_text().startswith("__label__ba")


def test_quantization(tutorial):
    folder = tutorial(QUANTIZATION)
    assert precision(folder, "quantized") > precision(folder, "dense") - 0.05
    sizes = [os.path.getsize(folder / name) for name in ("model.ftz", "model.bin")]
    assert sizes[0] * 5 < sizes[1]


def test_autotune(tutorial):
    folder = tutorial(AUTOTUNE)
    assert os.path.getsize(folder / "model_cooking.ftz") <= 2_000_000
    # A busy machine manages the first trial only, with the settings as they are by default.
    assert precision(folder, "tuned") > 0.08


def test_autotune_by_trials(tutorial):
    folder = tutorial(BY_TRIALS)
    trials = [json.loads(line) for line in (folder / "trials").read_text().splitlines()]
    assert [trial["status"] for trial in trials] == ["scored", "scored"]
    # As good as the tutorial's own settings (lr 1, 25 epochs, bigrams), within the size.
    assert trials[1]["score"] > 0.34 > 0.12 > trials[0]["score"]
    assert precision(folder, "by_trials") > 0.57
    assert os.path.getsize(folder / "found.ftz") <= 2_000_000
