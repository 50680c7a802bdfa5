"""Suite images: `wordvec images` on scikit-learn's digits and 10,000 images of MNIST.

Needs PyTorch and scikit-learn.  The first 1,200 or 8,000 images of RandomState(0)'s permutation
train, the others test.  One thread; CPU-seconds of the whole process.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measure import BenchError, run_program
from bench.report import Results, judge


@dataclass(frozen=True, slots=True)
class Row:
    """What of the answers counts, must and aim."""

    data: str
    loss: str
    epochs: int
    measure: str
    must: float
    aim: float


ROWS = {
    "digits-supcon": Row("digits", "supcon", 30, "nearest", 0.99, 0.998),
    "digits-simclr": Row("digits", "simclr", 60, "probe", 0.95, 0.97),
    "mnist-supcon": Row("mnist", "supcon", 4, "nearest", 0.98, 0.989),
    "mnist-simclr": Row("mnist", "simclr", 4, "probe", 0.88, 0.92),
}
NAMES = tuple(ROWS)
N_TRAIN = {"digits": 1200, "mnist": 8000}


def write_parts(data: str, folder: Path, work: Path) -> tuple[Path, Path]:
    """(training images, test images) as .npz."""
    import numpy as np

    pixels: Any
    if data == "digits":
        try:
            from sklearn.datasets import load_digits
        except ImportError:
            raise BenchError("the digits come with scikit-learn, which is not installed") from None
        digits = load_digits()
        pixels, labels = (digits.images / 16).astype(np.float32), digits.target
    else:
        from wordvec.deep.images import read_images

        found = read_images(folder / "t10k-images-idx3-ubyte.gz")
        pixels, labels = found.pixels, np.array(found.labels)
    order = np.random.RandomState(0).permutation(len(pixels))
    parts = []
    for name, rows in (("train", order[: N_TRAIN[data]]), ("test", order[N_TRAIN[data] :])):
        path = work / f"{data}-{name}.npz"
        np.savez(path, images=pixels[rows], labels=labels[rows])
        parts.append(path)
    return parts[0], parts[1]


def images_suite(
    results: Results, names: Sequence[str], n_seeds: int, folder: Path, work: Path,
    ours: Sequence[str],
) -> None:  # fmt: skip
    """A record for every seed of every row; the verdict is the worst seed's."""
    for name in names:
        row = ROWS[name]
        train, test = write_parts(row.data, folder, work)
        for seed in range(n_seeds):
            command = [*ours, "images", str(train), "--test", str(test), "--loss", row.loss,
                       "--epochs", str(row.epochs), "--seed", str(seed), "--json"]  # fmt: skip
            run = run_program(command, work)
            found = json.loads(run.output)["probe"]
            results.add({
                "record": "images", "name": name, "seed": seed, "cpu_s": run.cpu_s,
                "figure": found[row.measure], "must": row.must, "aim": row.aim, "scores": found,
                "load_before": run.load_before,
                "verdict": judge(found[row.measure], row.must, row.aim),
            })  # fmt: skip
