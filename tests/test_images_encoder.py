"""Encoders of images: files, views, training, the command."""

import gzip
import json
import struct

import click
import numpy as np
import pytest
from wordvec_cli.main import exit_code_of, invoke

from wordvec.deep.images import Reading, read_idx, read_images
from wordvec.errors import FormatError, MissingExtraError, WordvecError

torch = pytest.importorskip("torch", reason="pip install 'wordvec[deep]'")
pytest.importorskip("safetensors", reason="pip install 'wordvec[deep]'")

from wordvec.deep import imagenets, probes  # noqa: E402
from wordvec.deep.imageencoder import ImageEncoder  # noqa: E402
from wordvec.deep.images import ImageSet  # noqa: E402
from wordvec.errors import OptionError, TrainingError  # noqa: E402


def shapes(n, size=12, seed=0):
    """Bars that lie or stand, somewhere, with noise."""
    rng = np.random.default_rng(seed)
    kinds, pixels = rng.integers(0, 2, n), rng.uniform(0, 0.2, (n, size, size, 1))
    for image, kind in zip(pixels, kinds, strict=True):
        place = rng.integers(2, size - 2)
        image[(slice(None), place) if kind else (place, slice(None))] = 1
    return ImageSet(pixels.astype(np.float32), [f"kind{k}" for k in kinds])


def idx(array, code=0x08):
    kinds = {0x08: ">u1", 0x0B: ">i2", 0x0D: ">f4"}
    head = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(kinds[code]).tobytes()


# ---- files ------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [0x08, 0x0B, 0x0D])
@pytest.mark.parametrize("packed", [False, True])
def test_idx(tmp_path, code, packed):
    array = np.arange(24).reshape(2, 3, 4)
    content = idx(array, code)
    (tmp_path / "x").write_bytes(gzip.compress(content) if packed else content)
    found = read_idx(str(tmp_path / "x"))
    np.testing.assert_array_equal(found, array)
    assert found.dtype.isnative


def test_images_and_labels_of_idx(tmp_path):
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3) * 15
    (tmp_path / "a-images-idx3-ubyte").write_bytes(idx(pixels))
    assert read_images(tmp_path / "a-images-idx3-ubyte").labels is None
    (tmp_path / "a-labels-idx1-ubyte").write_bytes(idx(np.array([7, 1])))
    found = read_images(tmp_path / "a-images-idx3-ubyte")
    assert found.labels == ["7", "1"] and found.names == ["0", "1"]
    np.testing.assert_allclose(found.pixels[:, :, :, 0], pixels / 255, rtol=1e-6)
    resized = read_images(tmp_path / "a-images-idx3-ubyte", Reading((6, 5)))
    assert resized.pixels.shape == (2, 6, 5, 1)
    (tmp_path / "other").write_bytes(idx(np.array([7, 1, 3])))
    with pytest.raises(FormatError, match=r"other: byte 4: expected 2 labels.*found \[3\]"):
        read_images(tmp_path / "a-images-idx3-ubyte", Reading(labels=str(tmp_path / "other")))


IDX_MISTAKES = [
    (b"", "byte 0: expected an IDX file"),
    (b"\0\0\x07\x03", "byte 0: expected an IDX file"),
    (b"\0\0\x08\0", "byte 3: expected 1 to 4 dimensions, found 0"),
    (b"\0\0\x08\x02\0\0", "byte 3: expected 1 to 4 dimensions"),
    (idx(np.zeros((2, 3, 3)))[:-1], "byte 16: expected 18 bytes of numbers.*found 17"),
    (idx(np.zeros((2, 3, 3))) + b"x", "byte 16: expected 18 bytes of numbers.*found 19"),
    (b"\0\0\x08\x03" + b"\xff" * 12 + b"\0", "byte 16: expected 7922816245"),
    (idx(np.zeros(3)), "byte 3: expected 3 or 4 dimensions"),
    (idx(np.full((1, 2, 2), 2.0), 0x0D), "expected pixels from 0 to 255, or floats from 0 to 1"),
    (idx(np.zeros((0, 2, 2))), "expected images, found none"),
    (b"\x1f\x8bxx", "expected a whole gzip file"),
]


@pytest.mark.parametrize(("content", "message"), IDX_MISTAKES, ids=range(len(IDX_MISTAKES)))
def test_mistakes_in_idx(tmp_path, content, message):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(FormatError, match=message):
        read_images(tmp_path / "x")


def test_npz(tmp_path):
    np.savez(tmp_path / "x", images=np.full((2, 3, 3, 3), 51, np.uint8), labels=["a", "b"])
    found = read_images(tmp_path / "x.npz")
    assert found.labels == ["a", "b"] and found.pixels[0, 0, 0] == pytest.approx(0.2)
    assert found[np.array([1])].labels == ["b"] and len(found[:1]) == 1
    for arrays, message in (
        ({"data": np.zeros(3)}, "an array `images`"),
        ({"images": np.zeros(3)}, "height, width"),
        ({"images": np.zeros((2, 3, 3)), "labels": np.zeros(3)}, r"labels \[2\]"),
        ({"images": np.array([{}], object)}, "plain arrays"),
    ):
        np.savez(tmp_path / "x", **arrays)
        with pytest.raises(WordvecError, match=message):
            read_images(tmp_path / "x.npz")


def test_folders(tmp_path):
    images = pytest.importorskip("PIL.Image", reason="image files need Pillow")
    for name, mode, size, color in (
        ("b/2.png", "L", (4, 3), 255), ("b/1.jpg", "L", (4, 3), 0), ("a/x.PNG", "L", (4, 3), 51),
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        images.new(mode, size, color).save(tmp_path / name)
    (tmp_path / "b" / ".hidden.png").write_bytes(b"")
    (tmp_path / "b" / "notes.txt").write_bytes(b"")
    found = read_images(tmp_path)
    assert found.names == ["a/x.PNG", "b/1.jpg", "b/2.png"] and found.labels == ["a", "b", "b"]
    assert found.pixels.shape == (3, 3, 4, 1) and found.pixels[:, 0, 0, 0].tolist() == [
        pytest.approx(0.2), 0, 1
    ]  # fmt: skip
    images.new("L", (5, 5)).save(tmp_path / "b" / "3.png")
    with pytest.raises(FormatError, match=r"3\.png: expected 3 x 4 pixels.*--size"):
        read_images(tmp_path)
    assert read_images(tmp_path, Reading((4, 4))).pixels.shape == (4, 4, 4, 1)
    (tmp_path / "b" / "3.png").write_bytes(b"no image")
    with pytest.raises(FormatError, match=r"3\.png: expected an image.*--skip-bad"):
        read_images(tmp_path)
    assert read_images(tmp_path, Reading(skip_bad=True)).n_skipped == 1
    images.new("RGB", (4, 3)).save(tmp_path / "b" / "3.png")
    with pytest.raises(FormatError, match="expected a grey image as the first, found coloured"):
        read_images(tmp_path)
    with pytest.raises(FormatError, match="folders of images"):
        read_images(tmp_path / "a")


# ---- the encoder ------------------------------------------------------------------------------


def test_views_move_and_turn():
    x = torch.zeros(64, 1, 15, 15)
    x[:, :, 7, 7] = 1
    torch.manual_seed(0)
    assert imagenets.views(x, "none") is x
    for augment in ("small", "affine"):
        made = imagenets.views(x, augment)
        where = made.flatten(1).argmax(dim=1)
        away = torch.maximum((where // 15 - 7).abs(), (where % 15 - 7).abs())
        assert 1 <= int(away.max()) <= 2  # 15 % of half the width
        assert float(made.sum(dim=(1, 2, 3)).mean()) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("loss", ["supcon", "simclr"])
def test_kinds_are_told_apart(loss):
    train, test = shapes(96), shapes(60, seed=1)
    encoder = ImageEncoder(loss=loss, epochs=6, batch=32, dim=16).fit(train)
    losses = encoder.learned.losses
    assert len(losses) == 18 and np.mean(losses[-3:]) < np.mean(losses[:3])
    rows = [encoder.embed(images) for images in (train, test)]
    found = probes.logistic_accuracy(rows[0], train.labels, rows[1], test.labels)
    assert rows[1].shape == (60, 16) and found > 0.9


def test_files_resume_and_refusals(tmp_path, monkeypatch):
    images = shapes(40)
    settings = {"epochs": 4, "batch": 16, "dim": 8}
    whole = ImageEncoder(**settings).fit(images)
    assert whole.options.loss == "supcon" and len(whole.learned.losses) == 4 * 2  # 8 are too few
    whole.save(tmp_path / "m")
    np.testing.assert_array_equal(
        ImageEncoder.load(tmp_path / "m").embed(images), whole.embed(images)
    )
    monkeypatch.setattr("wordvec.deep.learning.REPORT_SECONDS", 0)

    def stop(progress):
        if progress.n_done == 5:
            raise InterruptedError

    fit = {"checkpoint": str(tmp_path / "state"), "checkpoint_seconds": 0}
    with pytest.raises(InterruptedError):
        ImageEncoder(**settings).fit(images, reporter=stop, **fit)
    resumed = ImageEncoder(**settings).fit(images, **fit)
    assert resumed.learned.losses == whole.learned.losses
    np.testing.assert_array_equal(resumed.embed(images), whole.embed(images))
    with pytest.raises(TrainingError, match="with dim 8, not 9"):
        ImageEncoder(**(settings | {"dim": 9})).fit(images, **fit)
    with pytest.raises(FormatError, match="12 x 12 x 1 as in training, found 10 x 10 x 1"):
        whole.embed(shapes(3, size=10))
    with pytest.raises(TrainingError, match="supcon needs two labels"):
        ImageEncoder(loss="supcon").fit(ImageSet(images.pixels, ["a"] * 40))
    with pytest.raises(TrainingError, match="the images have none"):
        ImageEncoder(loss="supcon").fit(ImageSet(images.pixels, None))


def test_backbones():
    try:
        encoder = ImageEncoder(backbone="resnet18", epochs=1, batch=8, dim=8)
        encoder.fit(shapes(8, size=32))
    except MissingExtraError as error:
        assert "torchvision" in str(error)
        return
    assert encoder.embed(shapes(2, size=32)).shape == (2, 8)
    with pytest.raises(OptionError, match="backbone"):
        ImageEncoder(backbone="nope").fit(shapes(8, size=32))


# ---- the command ------------------------------------------------------------------------------


def test_command(wordvec, tmp_path):
    for name, seed in (("train", 0), ("test", 1)):
        images = shapes(40, seed=seed)
        np.savez(tmp_path / name, images=images.pixels, labels=images.labels)
    flags = ["--epochs", "2", "--batch", "20", "--dim", "8"]
    done = wordvec(
        "images", "train.npz", "-o", "v.txt", "--model", "m", "--test", "test.npz", *flags
    )
    assert done.returncode == 0 and done.stderr == b"", done.stderr
    assert b"v.txt and m: 40 images, 8 dimensions, 4 batches" in done.stdout
    assert b"logistic regression from 40 labelled images" in done.stdout
    done = wordvec("images", "embed", "m", "train.npz", "-o", "w.txt")
    assert (
        done.returncode == 0
        and (tmp_path / "w.txt").read_bytes() == (tmp_path / "v.txt").read_bytes()
    )


def test_command_refuses(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    np.savez("train", images=shapes(40).pixels)
    np.savez("one", images=shapes(4).pixels, labels=["a"] * 4)
    np.savez("large", images=shapes(4, size=20).pixels, labels=["a", "b"] * 2)
    (tmp_path / "bad").write_bytes(b"\0\0\x08\x03")
    for arguments, code, said in (
        (["train.npz"], 2, "nothing to do"),
        (["train.npz", "-o", "v.txt", "--size", "0"], 2, "a size in pixels"),
        (["train.npz", "-o", "v.txt", "--test", "one.npz"], 2, "no labels"),
        (["one.npz", "-o", "v.txt", "--test", "large.npz"], 2, "another size"),
        (["one.npz", "-o", "v.txt"], 1, "supcon needs two labels"),
        (["bad", "-o", "v.txt"], 2, "bad: byte 3: expected 1 to 4"),
        (["none", "-o", "v.txt"], 1, "none"),
    ):
        with pytest.raises((click.UsageError, WordvecError, OSError), match=said) as caught:
            invoke(["images", *arguments])
        assert exit_code_of(caught.value) == code, arguments
    assert not (tmp_path / "v.txt").exists()
    assert invoke(["images", "train.npz", "-o", "v.txt", "--epochs", "1", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["labels"] == 0
