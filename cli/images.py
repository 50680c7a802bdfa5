"""`wordvec images`: vectors of images, from an encoder trained on them."""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING, Any

import click

from wordvec.deep.options import ImageOptions

from .encoders import (
    TrainingGroup,
    check_outputs,
    check_training,
    embedding_options,
    fitted,
    need_torch,
    speaker,
    summary,
    training_options,
    write,
    wrong_usage,
)
from .flags import Value
from .main import EXIT_INTERRUPTED
from .settings import settings_of
from .speech import json_line, note, table, thousands

if TYPE_CHECKING:
    from wordvec.deep.imageencoder import ImageEncoder
    from wordvec.deep.images import ImageSet

N_PROBED = 200  # training images of the logistic regression


def read_size(text: str) -> tuple[int, int] | None:
    found = re.fullmatch(r"([1-9][0-9]{0,4})(?:x([1-9][0-9]{0,4}))?", text)
    return (int(found[1]), int(found[2] or found[1])) if found else None


def reading_options(function: Any) -> Any:
    """How the images are read."""
    for option in (
        click.option(
            "--skip-bad", is_flag=True, help="Leave files out that cannot be read, and count them."
        ),
        click.option(
            "--size",
            type=Value("HxW", "a size in pixels such as 28 or 32x48", read_size),
            metavar="HxW",
            help="Bring all images to this size (default: all must have the first one's).",
        ),
    ):
        function = option(function)
    return function


@click.group("images", cls=TrainingGroup, context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Vectors of images: a folder with a folder for each label, IDX files, or .npz.

    \b
      wordvec images photographs/ -o vectors.wordvec --model photos.images --size 64
      wordvec images t10k-images-idx3-ubyte.gz --loss simclr --epochs 4 -o digits.txt
      wordvec images embed photos.images more/ -o more.txt --size 64
    """


@command.command("train")
@click.argument("source", metavar="IMAGES")
@training_options
@click.option("--labels", metavar="FILE", help="IDX file of labels (default: the one beside).")
@click.option(
    "--test", "probe", metavar="IMAGES", help="Say how well labels of these follow from vectors."
)
@click.option("--test-labels", metavar="FILE", help="IDX file of their labels.")
@reading_options
@settings_of(ImageOptions)
def train(
    source: str,
    output: str | None,
    model_file: str | None,
    labels: str | None,
    probe: str | None,
    test_labels: str | None,
    size: tuple[int, int] | None,
    skip_bad: bool,
    held_out: float,
    patience: int,
    checkpoint: str | None,
    as_json: bool,
    **asked: Any,
) -> int:
    """Train an encoder on IMAGES and write their vectors, called by their paths or numbers.

    A folder with train/ and test/ in it is trained on the one and tested on the other.  Ctrl-C ends
    the training; what was reached is written.
    """
    need_torch("wordvec images")
    from wordvec.deep.imageencoder import ImageEncoder

    start = time.perf_counter()
    source, probe = parts_of(source, probe)
    check_training(output, model_file, probe, held_out, patience)
    encoder = ImageEncoder(**{name: value for name, value in asked.items() if value is not None})
    images = read(source, labels, size, skip_bad)
    tests = None
    if probe is not None:
        tests = read(probe, test_labels, size, skip_bad)
        check_test(images, tests, probe)
    fitted(encoder, images, held_out=held_out, patience=patience, checkpoint=checkpoint)
    result: dict[str, Any] = {
        "images": len(images), "labels": len(set(images.labels or [])),
        "dim": encoder.dim, "batches": encoder.learned.n_steps,
        "loss": encoder.learned.losses[-1:], "held_out": encoder.learned.held_out[-1:],
        "files": write(encoder, images, output, model_file),
        "seconds": time.perf_counter() - start,
        "probe": probes(encoder, images, tests) if tests is not None else None,
    }  # fmt: skip
    tell(result, as_json, output)
    return EXIT_INTERRUPTED if encoder.learned.interrupted else 0


@command.command("embed")
@click.argument("model_file", metavar="MODEL")
@click.argument("source", metavar="IMAGES")
@embedding_options
@reading_options
def embed(
    model_file: str, source: str, output: str, size: tuple[int, int] | None, skip_bad: bool,
    threads: int, device: str,
) -> int:  # fmt: skip
    """Vectors of IMAGES by the encoder in MODEL."""
    need_torch("wordvec images")
    check_outputs(output, None)
    from wordvec.deep.imageencoder import ImageEncoder

    encoder = ImageEncoder.load(model_file, threads=threads, device=device)
    images = read(source, None, size, skip_bad)
    with wrong_usage():
        encoder.check_shape(images, source)
    write(encoder, images, output)
    speaker(output)(f"{output}: {thousands(len(images))} images, {encoder.dim} dimensions")
    return 0


def parts_of(source: str, probe: str | None) -> tuple[str, str | None]:
    """(what to train on, what to test on): train/ and test/ of a folder that has both."""
    parts = [os.path.join(source, name) for name in ("train", "test")]
    if all(os.path.isdir(part) for part in parts):
        return parts[0], probe or parts[1]
    return source, probe


def read(path: str, labels: str | None, size: tuple[int, int] | None, skip_bad: bool) -> ImageSet:
    from wordvec.deep.images import Reading, read_images

    with wrong_usage():
        images = read_images(path, Reading(size, labels, skip_bad))
    if images.n_skipped:
        note(f"wordvec images: warning: {path}: {images.n_skipped} files left out")
    return images


def check_test(images: ImageSet, tests: ImageSet, path: str) -> None:
    if images.labels is None or tests.labels is None:
        raise click.UsageError("--test: the images have no labels")
    if images.pixels.shape[1:] != tests.pixels.shape[1:]:
        raise click.UsageError(f"{path}: images of another size than those to train on; --size HxW")


def probes(encoder: ImageEncoder, train: ImageSet, test: ImageSet) -> dict[str, float]:
    """Accuracies on `test`: of the vectors, and of the pixels."""
    import numpy as np

    from wordvec.deep.probes import logistic_accuracy, nearest_accuracy

    labels, others = train.labels or [], test.labels or []
    vectors = [encoder.embed(images) for images in (train, test)]
    pixels = [images.pixels.reshape(len(images), -1) for images in (train, test)]

    def probe(rows: list[Any]) -> float:
        """Mean of three draws of a few training images."""
        found = []
        for seed in range(3):
            some = np.random.RandomState(seed).permutation(len(labels))[:N_PROBED]
            names = [labels[k] for k in some]
            found.append(logistic_accuracy(rows[0][some], names, rows[1], others))
        return float(np.mean(found))

    def nearest(rows: list[Any], by_cosine: bool) -> float:
        return nearest_accuracy(rows[0], labels, rows[1], others, by_cosine=by_cosine)

    return {
        "nearest": nearest(vectors, True), "probe": probe(vectors),
        "nearest_raw": max(nearest(pixels, False), nearest(pixels, True)),
        "probe_raw": probe(pixels),
    }  # fmt: skip


def tell(result: dict[str, Any], as_json: bool, output: str | None) -> None:
    speak = speaker(output)
    if as_json:
        speak(json_line(result))
        return
    speak(summary(result, f"{thousands(result['images'])} images"))
    if result["probe"] is None:
        return
    found = result["probe"]
    few = f"from {min(N_PROBED, result['images'])} labelled images"
    rows = [
        ["accuracy on the test images", "vectors", "pixels"],
        ["nearest neighbour", f"{found['nearest']:.3f}", f"{found['nearest_raw']:.3f}"],
        [f"logistic regression {few}", f"{found['probe']:.3f}", f"{found['probe_raw']:.3f}"],
    ]
    speak("\n".join(table(rows)))
    if found["nearest_raw"] > found["nearest"]:
        speak("The pixels themselves have the better neighbours here.")
