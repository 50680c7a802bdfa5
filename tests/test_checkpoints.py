"""Trainings that are broken off and gone on with: the same bytes, or a refusal."""

import contextlib
import functools
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import wordvec as wordvec_module
from wordvec import Checkpoints, FastText, Word2Vec, rounds, trainer
from wordvec.corpus import read_corpus
from wordvec.errors import CheckpointError, FormatError, OutputError, TrainingError
from wordvec.models import checkpoints as module
from wordvec.models.word2vec import train_vectors
from wordvec.options import Word2VecOptions
from wordvec.progress import silent

MODELS = {
    "sg-ns": {"sg": 1},
    "cbow-ns": {"sg": 0, "negatives": "pair"},
    "sg-hs": {"sg": 1, "hs": 1, "negative": 0},
    "cbow-both": {"sg": 0, "hs": 1},
}


@pytest.fixture(scope="module")
def sentences():
    rng = np.random.default_rng(3)
    shares = 1 / np.arange(1, 201)
    draws = rng.choice(200, (600, 20), p=shares / shares.sum())
    return [[f"w{word}" for word in line] for line in draws]


@pytest.fixture(scope="module")
def text(sentences):
    return read_corpus(sentences)


class Broken(BaseException):
    """The power goes."""


class BreakingOff(Checkpoints):
    """Checkpoints every `tokens` whose run ends right after the first `n_saves`."""

    def __init__(self, path, n_saves, tokens=1500, **more):
        super().__init__(path, tokens=tokens, **more)
        self.n_saves = n_saves

    def keeper(self, *arguments):
        return counted(self, super().keeper(*arguments))


def settings(name, **more):
    return {"vector_size": 20, "epochs": 3, "seed": 3, "sample": 0.01, **MODELS[name], **more}


def bytes_of(trained):
    weights = trained.weights
    arrays = [weights.in_rows, weights.out_rows, weights.node_rows]
    return [rows.tobytes() for rows in arrays if rows is not None], trained.outcome.epoch_losses


@pytest.mark.parametrize("threads", [(1, 1, 1, False), (3, 1, 2, True)], ids=["one", "any"])
@pytest.mark.parametrize("name", MODELS)
def test_a_break_changes_no_byte(text, tmp_path, name, threads):
    *workers, deterministic = threads
    options = [
        Word2VecOptions(**settings(name, workers=n, deterministic=deterministic)) for n in workers
    ]
    whole = train_vectors(text, options[0])
    path = tmp_path / "state"
    for number, run in enumerate(options[:2]):
        with pytest.raises(Broken):
            train_vectors(text, run, checkpoints=BreakingOff(path, 2 + 3 * number))
    resumed = train_vectors(text, options[2], checkpoints=Checkpoints(path, resume=True))
    assert bytes_of(resumed) == bytes_of(whole)
    assert resumed.outcome.epoch_examples == whole.outcome.epoch_examples
    assert resumed.outcome.n_tokens_trained == whole.outcome.n_tokens_trained == 3 * len(text.ids)
    assert resumed.outcome.n_tokens_kept == whole.outcome.n_tokens_kept
    assert resumed.n_cuts == whole.n_cuts
    # the last state of all: nothing is left to train
    again = train_vectors(text, options[0], checkpoints=Checkpoints(path, resume=True))
    assert bytes_of(again) == bytes_of(whole)


def test_free_threads_go_on_from_a_whole_state(text, tmp_path):
    lines = []
    options = Word2VecOptions(**settings("sg-ns", workers=3))
    with pytest.raises(Broken):
        train_vectors(text, options, checkpoints=BreakingOff(tmp_path / "state", 3))
    kept = Checkpoints(tmp_path / "state", tell=lines.append)
    resumed = train_vectors(text, options, checkpoints=kept)
    assert resumed.outcome.n_tokens_trained == 3 * len(text.ids)
    (line,) = lines
    assert "going on after" in line and "several threads run freely" in line


def test_any_reader_takes_the_vectors(text, tmp_path):
    options = Word2VecOptions(**settings("sg-ns", workers=1))
    with pytest.raises(Broken):
        train_vectors(text, options, checkpoints=BreakingOff(tmp_path / "state", 1))
    vectors = wordvec_module.load(tmp_path / "state")
    assert vectors.matrix.shape == (len(text.vocab), 20) and "w1" in vectors
    with pytest.raises(FormatError, match="expected a Word2Vec, found a Checkpoint; give it as"):
        Word2Vec.load(tmp_path / "state")


def test_another_training_is_refused(text, sentences, tmp_path):
    path, good = tmp_path / "state", settings("sg-ns", workers=1)
    with pytest.raises(TrainingError, match="there is no checkpoint"):
        train_vectors(text, Word2VecOptions(**good), checkpoints=Checkpoints(path, resume=True))
    with pytest.raises(Broken):
        train_vectors(text, Word2VecOptions(**good), checkpoints=BreakingOff(path, 1))
    before = path.read_bytes()

    def refused(match, corpus=text, **more):
        with pytest.raises(CheckpointError, match=match):
            train_vectors(
                corpus, Word2VecOptions(**{**good, **more}), checkpoints=Checkpoints(path)
            )

    refused("of a training with window 5, not 6; delete it or name another file", window=6)
    refused("alpha 0.025, not 0.05", alpha=0.05)
    refused("epochs 3, not 4", epochs=4)
    refused("deterministic False, not True", deterministic=True)
    refused("tokens 11996, not 11976", read_corpus(sentences[1:]))
    swapped = [sentences[1], sentences[0], *sentences[2:]]
    refused("another text", read_corpus(swapped))
    renamed = [["x" + word for word in line] for line in sentences]
    refused("another vocabulary", read_corpus(renamed))
    with pytest.raises(CheckpointError, match="window 5, not 6"):
        Checkpoints(path).check(Word2VecOptions(**{**good, "window": 6}))
    Checkpoints(path).check(Word2VecOptions(**{**good, "workers": 2}))
    assert path.read_bytes() == before


def test_files_that_are_no_checkpoints(text, tmp_path):
    options = Word2VecOptions(**settings("sg-ns", workers=1))
    (tmp_path / "text").write_text("no vectors at all\n" * 100)
    for act in (Checkpoints.check, lambda c, o: train_vectors(text, o, checkpoints=c)):
        with pytest.raises(FormatError):
            act(Checkpoints(tmp_path / "text"), options)
    Word2Vec(vector_size=4).save(tmp_path / "model")
    with pytest.raises(FormatError, match="expected a checkpoint"):
        Checkpoints(tmp_path / "model").check(options)
    with pytest.raises(Broken):
        train_vectors(text, options, checkpoints=BreakingOff(tmp_path / "state", 1))
    data = bytearray((tmp_path / "state").read_bytes())
    data[-20_000] ^= 1
    (tmp_path / "state").write_bytes(data)
    with pytest.raises(FormatError, match="checksum"):
        train_vectors(text, options, checkpoints=Checkpoints(tmp_path / "state"))
    with pytest.raises(OutputError, match="does not exist"):
        Checkpoints(tmp_path / "nowhere" / "state").check(options)


def test_a_full_disk_does_not_end_the_training(text, tmp_path, monkeypatch):
    lines = []
    options = Word2VecOptions(**settings("sg-ns", workers=1))
    whole = train_vectors(text, options)
    path = tmp_path / "state"
    with pytest.raises(Broken):
        train_vectors(text, options, checkpoints=BreakingOff(path, 2))
    before = path.read_bytes()

    def full(*_):
        raise OutputError(f"{path}: no space left on device")

    monkeypatch.setattr(module, "write_state", full)
    kept = Checkpoints(path, tokens=1500, tell=lines.append)
    resumed = train_vectors(text, options, checkpoints=kept)
    assert bytes_of(resumed) == bytes_of(whole) and path.read_bytes() == before
    assert "no checkpoint was written, training goes on" in lines[1] and len(lines) > 3


@pytest.mark.parametrize("deterministic", [False, True])
def test_ctrl_c_keeps_where_it_stopped(text, tmp_path, deterministic):
    options = Word2VecOptions(
        **settings("sg-hs", workers=1, epochs=40, deterministic=deterministic)
    )
    whole = train_vectors(text, options)
    path = tmp_path / "state"
    timer = threading.Timer(whole.outcome.wall_seconds / 3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    first = train_vectors(text, options, checkpoints=Checkpoints(path))
    timer.join()
    assert first.interrupted and first.outcome.n_tokens_trained < 40 * len(text.ids)
    resumed = train_vectors(text, options, checkpoints=Checkpoints(path))
    assert not resumed.interrupted and bytes_of(resumed) == bytes_of(whole)


@pytest.mark.parametrize("cls", [Word2Vec, FastText])
def test_classes(sentences, tmp_path, cls):
    more = {"bucket": 500} if cls is FastText else {}
    arguments = settings("sg-ns", workers=1, **more)
    whole = cls(sentences, **arguments)
    path = tmp_path / "state"
    with pytest.raises(Broken):
        cls(sentences, checkpoints=BreakingOff(path, 4), **arguments)
    resumed = cls(sentences, checkpoints=path, **arguments)
    assert resumed.wv.vectors.tobytes() == whole.wv.vectors.tobytes()
    assert resumed.loss_history == whole.loss_history and resumed.n_epochs_trained == 3
    assert resumed.running_training_loss == whole.running_training_loss
    resumed.save(tmp_path / "model")
    assert cls.load(tmp_path / "model").n_epochs_trained == 3
    with pytest.raises(CheckpointError, match="options of"):
        other = FastText if cls is Word2Vec else Word2Vec
        other(sentences, checkpoints=path, **settings("sg-ns", workers=1))


def test_steps_of_train_keep_checkpoints_of_their_own(sentences, tmp_path):
    def model():
        made = Word2Vec(sentences, **settings("cbow-both", workers=1))
        made.wv.vectors_lockf = np.linspace(0, 1, 5).astype(np.float32)
        return made

    totals = {"total_examples": 600, "epochs": 2}
    whole = model()
    whole.train(sentences, **totals)
    with pytest.raises(Broken):
        model().train(sentences, checkpoints=BreakingOff(tmp_path / "state", 2), **totals)
    resumed = model()
    resumed.train(sentences, checkpoints=tmp_path / "state", **totals)
    assert resumed.wv.vectors.tobytes() == whole.wv.vectors.tobytes()
    assert resumed.loss_history == whole.loss_history and len(resumed.loss_history) == 5
    with pytest.raises(CheckpointError, match="epochs before it 3, not 5"):
        resumed.train(sentences, checkpoints=tmp_path / "state", **totals)


def test_losses_over_all_words_say_that_they_keep_none(sentences, tmp_path):
    with pytest.raises(TrainingError, match="loss softmax keeps no checkpoints"):
        FastText(sentences, loss="softmax", bucket=100, checkpoints=tmp_path / "state")


class Notes:
    """A keeper that notes states, and says when one is due."""

    start = None
    every_tokens = None

    def __init__(self, start=None, every_tokens=None):
        self.start, self.every_tokens, self.states = start, every_tokens, []

    def is_due(self):
        return self.every_tokens is None

    def save(self, state):
        self.states.append(state)


class Counting:
    """A worker for trainer.run and rounds.run_rounds, and a merger."""

    def __init__(self, calls, pause=0.0):
        self.calls, self.pause, self.loss, self.n_examples = calls, pause, 0.0, 0

    def train_shard(self, *shard):
        time.sleep(self.pause)
        self.calls.append(shard)
        self.loss += 1.5
        self.n_examples += 1

    def train_apart(self, _place, *shard):
        time.sleep(self.pause)
        self.calls.append(shard)
        return 1.5, 1

    def prepare(self, rate, n_shards): ...
    def add(self, n_places, part, n_parts): ...
    def restore(self, state): ...

    def state(self):
        return {}


def run(how, calls, keeper, n_threads=3, pause=0.0):
    schedule = trainer.Schedule(3000, 2, 0.05, 0.01, 1, 30)

    def worker():
        return Counting(calls, pause)

    if how == "free":
        return trainer.run(schedule, worker, n_threads, silent, keeper=keeper)
    return rounds.run_rounds(schedule, worker, worker(), n_threads, silent, keeper=keeper)


@pytest.mark.parametrize("how", ["free", "rounds"])
def test_pauses_lose_no_shard(how):
    plain, paused, calls = [], [], []
    run(how, plain, None)
    keeper = Notes(every_tokens=500)
    outcome = run(how, paused, keeper)
    assert sorted(plain) == sorted(paused) and outcome.epoch_losses == [1.5, 1.5]
    assert len(keeper.states) >= 9  # rounds end when they are whole
    for state in keeper.states:
        assert state.n_tokens_trained == 30 * state.next_shard == 30 * sum(state.n_examples)
    state = keeper.states[3]
    json.dumps(state.crew)
    outcome = run(how, calls, Notes(state))
    assert sorted(calls) == sorted(plain[state.next_shard :]) or how == "free"
    assert len(calls) == 200 - state.next_shard and outcome.n_tokens_trained == 6000
    assert outcome.wall_seconds >= state.wall_seconds > 0


@pytest.mark.parametrize("how", ["free", "rounds"])
def test_what_is_due_by_the_clock_pauses_soon(how):
    keeper, calls = Notes(), []
    run(how, calls, keeper, pause=0.005)
    assert len(calls) == 200 and len(keeper.states) > 2


class CutShort(Notes):
    def save(self, state):
        super().save(state)
        raise KeyboardInterrupt


@pytest.mark.parametrize("how", ["free", "rounds"])
def test_ctrl_c_while_saving_ends_the_run_cleanly(how):
    keeper, calls = CutShort(every_tokens=900), []
    outcome = run(how, calls, keeper)
    assert outcome.interrupted and outcome.n_tokens_trained == 30 * len(calls) < 6000
    assert len(keeper.states) == 2  # and once more at the end


# -- the command ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def text_file(tmp_path_factory):
    rng = np.random.default_rng(5)
    shares = 1 / np.arange(1, 3001)
    draws = rng.choice(3000, (6000, 20), p=shares / shares.sum())
    path = tmp_path_factory.mktemp("checkpoints") / "text"
    path.write_text("".join(" ".join(f"w{word}" for word in line) + "\n" for line in draws))
    return path


def when_written(path):
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def wait_a_while(process, checkpoint, rng):
    """Until a moment in the start, or soon after the next checkpoint; whether it still runs."""
    if rng.integers(4) == 0:
        time.sleep(rng.uniform(0, 0.4))
    else:
        before = when_written(checkpoint)
        while process.poll() is None and when_written(checkpoint) in (0, before):
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.03))
    return process.poll() is None


def kill_and_go_on(environment, folder, text_file, modes, n_kills, seed):
    """Kill -9 at random moments until the training is over; the bytes of the vectors."""
    rng = np.random.default_rng(seed)
    command = [
        sys.executable, "-P", "-m", "wordvec_cli", "word2vec", "-train", str(text_file),
        "-output", "out", "-size", "60", "-cbow", "0", "-iter", "12", "-debug", "0",
        "-min-count", "1",
    ]  # fmt: skip
    subprocess.run([*command, *modes[0]], cwd=folder, env=environment, check=True, timeout=120)
    whole = (folder / "out").read_bytes()
    (folder / "out").unlink()
    n_killed = 0
    while not (folder / "out").exists():
        mode = modes[n_killed % len(modes)]
        process = subprocess.Popen(
            [*command, *mode, "-checkpoint-tokens", "40000"], cwd=folder, env=environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        if n_killed < n_kills and wait_a_while(process, folder / "out.checkpoint", rng):
            process.kill()
            process.communicate()
            n_killed += 1
        else:
            _, said = process.communicate(timeout=120)
            assert process.returncode == 0, said
    assert not (folder / "out.checkpoint").exists()
    return whole, (folder / "out").read_bytes(), n_killed


ONE = [["-threads", "1"]]
ANY = [["-threads", str(n), "-deterministic", "1"] for n in (2, 1, 8, 3)]


@pytest.mark.parametrize("modes", [ONE, ANY], ids=["one", "any"])
def test_kill(command_environment, tmp_path, text_file, modes):
    whole, resumed, n_killed = kill_and_go_on(
        command_environment, tmp_path, text_file, modes, 2, seed=1
    )
    assert n_killed >= 1 and resumed == whole


@pytest.mark.slow
def test_kill_twenty_times(command_environment, tmp_path, text_file):
    n_all, seed = 0, 2
    while n_all < 20:
        folder, modes = tmp_path / str(seed), (ONE, ANY)[seed % 2]
        folder.mkdir()
        n_most = min(20 - n_all, 6)
        whole, resumed, n_killed = kill_and_go_on(
            command_environment, folder, text_file, modes, n_most, seed
        )
        assert resumed == whole
        n_all, seed = n_all + n_killed, seed + 1


def test_the_fasttext_command(command_environment, wordvec, tmp_path, text_file):
    flags = [
        "fasttext", "skipgram", "-input", str(text_file), "-dim", "20", "-bucket", "2000", "-epoch",
        "4", "-thread", "1", "-verbose", "0",
    ]  # fmt: skip
    whole = wordvec(*flags, "-output", "whole")
    assert whole.returncode == 0
    arguments = [*flags, "-output", "out", "-checkpoint-tokens", "20000"]
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "wordvec_cli", *arguments], cwd=tmp_path,
        env=command_environment, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    end = time.monotonic() + 60
    while not (tmp_path / "out.checkpoint").exists() and time.monotonic() < end:
        time.sleep(0.01)
    process.kill()
    process.communicate()
    result = wordvec(*arguments, "-ws", 6)
    assert result.returncode == 1 and b"of a training with -ws 5, not 6" in result.stderr
    result = wordvec(*arguments, "-resume")
    assert result.returncode == 0 and b"going on after" in result.stderr
    for end_of_name in (".bin", ".vec"):
        files = [(tmp_path / (name + end_of_name)).read_bytes() for name in ("whole", "out")]
        assert files[0] == files[1]
    assert not (tmp_path / "out.checkpoint").exists()
    result = wordvec("fasttext", "supervised", *arguments[2:])
    assert result.returncode == 1 and b"-checkpoint is for skipgram and cbow" in result.stderr


def test_train_goes_on_with_each_of_its_models(sentences, tmp_path):
    settings = {
        "preset": "semantic",
        "dim": 12,
        "workers": 1,
        "epochs": 2,
        "min_count": 1,
        "bucket": 500,
    }
    whole = wordvec_module.train(sentences, force=True, **settings)
    path = tmp_path / "state"
    for n_saves, names in ((2, ["state"]), (9, ["state", "state.2"])):
        kept = BreakingOff(path, n_saves, tokens=4000)
        kept.part = functools.partial(part_breaking_off, kept)
        with pytest.raises(Broken):
            wordvec_module.train(sentences, force=True, checkpoints=kept, **settings)
        assert sorted(os.listdir(tmp_path)) == names
    resumed = wordvec_module.train(sentences, force=True, checkpoints=path, **settings)
    assert resumed.matrix.tobytes() == whole.matrix.tobytes()
    assert resumed.metadata == whole.metadata


def part_breaking_off(kept, number):
    """The part shares the count of what may be saved."""
    made = Checkpoints.part(kept, number)
    if made is kept:
        return kept
    made.keeper = lambda *arguments: counted(kept, Checkpoints.keeper(made, *arguments))
    return made


def counted(kept, keeper):
    save = keeper.save

    def save_and_break(state):
        save(state)
        kept.n_saves -= 1
        if kept.n_saves == 0:
            raise Broken

    keeper.save = save_and_break
    return keeper


def test_the_train_command(wordvec, tmp_path, text_file):
    flags = ["train", text_file, "-o", "v.wordvec", "--dim", 8, "--epochs", 1, "--threads", 1,
             "--preset", "fast"]  # fmt: skip
    result = wordvec(*flags, "--resume")
    assert result.returncode == 1 and b"there is no checkpoint to go on from" in result.stderr
    for more, said in (
        (["--checkpoint", "v.wordvec"], b"is the text's or OUT's file too"),
        (["--checkpoint-tokens", -1], b"--checkpoint-tokens: expected"),
    ):
        result = wordvec(*flags, *more)
        assert result.returncode == 2 and said in result.stderr
    result = wordvec(*flags, "--checkpoint-tokens", 20_000)
    assert result.returncode == 0 and os.listdir(tmp_path) == ["v.wordvec"]


def test_a_disk_too_full_for_checkpoints(wordvec, tmp_path, text_file):
    """The vectors fit, the state, which is twice as much, does not."""

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    result = wordvec(
        "word2vec", "-train", text_file, "-output", "out", "-size", 50, "-iter", 2, "-debug", 0,
        "-binary", 1, "-min-count", 1, "-checkpoint-tokens", 60_000, preexec_fn=small_files,
    )  # fmt: skip
    lines = result.stderr.decode().splitlines()
    assert result.returncode == 0 and os.listdir(tmp_path) == ["out"]
    assert len(wordvec_module.load(tmp_path / "out")) > 2900
    assert len(lines) >= 2 and all(
        "no checkpoint was written, training goes on" in x for x in lines
    )


def test_the_command_refuses_in_one_line(wordvec, tmp_path, text_file):
    base = ["word2vec", "-train", text_file, "-output", "out", "-size", 10, "-debug", 0]
    result = wordvec(*base, "-resume", 1)
    assert result.returncode == 1 and b"there is no checkpoint to go on from" in result.stderr
    corpus = read_corpus(str(text_file), rules=module_rules(), min_count=5)
    options = Word2VecOptions(
        vector_size=10, workers=1, alpha=0.05, min_alpha=0.05 * 1e-4, max_sentence=1000
    )
    with contextlib.suppress(Broken):
        kept = BreakingOff(tmp_path / "out.checkpoint", 1, tokens=10_000)
        train_vectors(corpus, options, original_start=True, checkpoints=kept)
    for flags, said in (
        (["-cbow", 0, "-alpha", 0.05], "-cbow 1, not 0"),
        (["-size", 10, "-window", 7], "-window 5, not 7"),
        (["-min-count", 2], "-min-count 5, not 2"),
    ):
        result = wordvec(*base, "-resume", 1, *flags)
        (line,) = result.stderr.decode().splitlines()[-1:]
        assert result.returncode == 1 and said in line and "delete it" in line, line
        assert "Traceback" not in result.stderr.decode()
    (tmp_path / "other").write_bytes(text_file.read_bytes() + b"w1 w2 w3\n")
    result = wordvec(*base[:1], "-train", "other", *base[3:], "-resume", 1)
    assert result.returncode == 1 and b"of a training with tokens" in result.stderr
    result = wordvec(*base, "-resume", 1, "-threads", 1)
    assert result.returncode == 0 and b"going on after" in result.stderr
    assert not (tmp_path / "out.checkpoint").exists()
    result = wordvec(*base, "-checkpoint", "out")
    assert result.returncode == 2 and b"-checkpoint: 'out' is the file of -output" in result.stderr


def module_rules():
    from wordvec.corpus import WORD2VEC_RULES

    return WORD2VEC_RULES
