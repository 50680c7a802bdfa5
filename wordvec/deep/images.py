"""Sets of images as arrays, and the files they come from: class folders, IDX, NumPy's .npz."""

from __future__ import annotations

import gzip
import math
import os
import re
import struct
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from wordvec.deep.needed import need
from wordvec.errors import FormatError, WordvecError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
_IDX_TYPES = {
    0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"
}  # fmt: skip
_MOST_DIMENSIONS = 4


@dataclass
class ImageSet:
    """N images of one size.

    pixels  float32[n, height, width, n_channels], from 0 to 1
    labels  of the images, or None
    names   of the images: paths relative to the folder, or numbers from 0
    n_skipped  files that could not be read and were left out
    """

    pixels: NDArray[np.float32]
    labels: list[str] | None
    names: list[str] = field(default_factory=list)
    n_skipped: int = 0

    def __post_init__(self) -> None:
        self.names = self.names or [str(k) for k in range(len(self.pixels))]

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, rows: NDArray[np.int64] | slice) -> ImageSet:
        """Some of the images."""
        order = np.arange(len(self))[rows]
        labels = None if self.labels is None else [self.labels[k] for k in order]
        return ImageSet(self.pixels[order], labels, [self.names[k] for k in order])


@dataclass(frozen=True)
class Reading:
    """size: (height, width) that images are brought to, or None: all must have the first one's.
    labels: an IDX file of labels; None: the one that goes by the name of the images' file."""

    size: tuple[int, int] | None = None
    labels: str | None = None
    skip_bad: bool = False


def read_images(path: str | os.PathLike[str], reading: Reading = Reading()) -> ImageSet:
    """A folder of class folders, an IDX file (also packed with gzip), or .npz with `images`.

    FormatError names file and offset; OSError; MissingExtraError for image files without Pillow.
    """
    name = os.fspath(path)
    if os.path.isdir(name):
        found = _read_folder(name, reading)
    else:
        with open(name, "rb") as stream:
            head = stream.read(4)
        found = _read_npz(name) if head[:4] == b"PK\x03\x04" else _read_idx_pair(name, reading)
    if len(found) == 0:
        raise FormatError(name, None, "images", "none")
    if reading.size is not None and found.pixels.shape[1:3] != reading.size:
        found.pixels = _resized(found.pixels, reading.size)
    return found


def _resized(pixels: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    torch = need("images of another size", "torch")
    rows = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    made = torch.nn.functional.interpolate(rows, size, mode="bilinear", antialias=True)
    resized: NDArray[np.float32] = np.ascontiguousarray(made.permute(0, 2, 3, 1).numpy())
    return resized


# ---- IDX --------------------------------------------------------------------------------------


def read_idx(path: str) -> NDArray[np.generic]:
    """The array of an IDX file, in the byte order of this machine."""
    with open(path, "rb") as stream:
        content = stream.read()
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError) as error:
            raise FormatError(path, None, "a whole gzip file", str(error)) from None
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _IDX_TYPES:
        raise FormatError(path, 0, "an IDX file, 0 0 TYPE DIMENSIONS", repr(content[:4]))
    n_dimensions, kind = content[3], np.dtype(_IDX_TYPES[content[2]])
    begin = 4 + 4 * n_dimensions
    if not 1 <= n_dimensions <= _MOST_DIMENSIONS or len(content) < begin:
        raise FormatError(path, 3, f"1 to {_MOST_DIMENSIONS} dimensions", str(n_dimensions))
    shape = struct.unpack(f">{n_dimensions}I", content[4:begin])
    n_bytes = math.prod(shape) * kind.itemsize
    if len(content) - begin != n_bytes:
        what = f"{n_bytes} bytes of numbers, as the header says"
        raise FormatError(path, begin, what, str(len(content) - begin))
    array = np.frombuffer(content, kind, offset=begin).reshape(shape)
    return array.astype(kind.newbyteorder("="))


def _read_idx_pair(path: str, reading: Reading) -> ImageSet:
    array = read_idx(path)
    if array.ndim not in (3, 4):
        raise FormatError(path, 3, "3 or 4 dimensions, of images", str(array.ndim))
    beside = re.sub(r"images([-.])idx\d", r"labels\1idx1", path)
    name = reading.labels or (beside if beside != path and os.path.exists(beside) else None)
    labels = None
    if name is not None:
        values = read_idx(name)
        if values.shape != (len(array),):
            found = f"{list(values.shape)}"
            raise FormatError(name, 4, f"{len(array)} labels, one for each image", found)
        labels = [str(value) for value in values.tolist()]
    return ImageSet(_pixels(path, array), labels)


def _pixels(path: str, array: NDArray[np.generic]) -> NDArray[np.float32]:
    """[n, height, width(, channels)] of whole numbers to 255, or of floats from 0 to 1."""
    values = array[:, :, :, None] if array.ndim == 3 else array
    if values.dtype.kind in "iu":
        made = values.astype(np.float32) / np.float32(255)
    else:
        made = values.astype(np.float32)
    if made.size and not (made.min() >= 0 and made.max() <= 1):  # NaN as well
        raise FormatError(path, None, "pixels from 0 to 255, or floats from 0 to 1", "others")
    return made


# ---- .npz -------------------------------------------------------------------------------------


def _read_npz(path: str) -> ImageSet:
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, EOFError, OSError, KeyError) as error:
        raise WordvecError(f"{path}: not an .npz file of plain arrays: {error}") from None
    if "images" not in arrays:
        raise FormatError(path, None, "an array `images`", ", ".join(arrays) or "nothing")
    array = arrays["images"]
    if array.ndim not in (3, 4) or array.dtype.kind not in "fiu":
        found = f"{array.dtype}{list(array.shape)}"
        raise FormatError(path, None, "images [n, height, width(, channels)] of numbers", found)
    labels = arrays.get("labels")
    if labels is not None and labels.shape != (len(array),):
        raise FormatError(path, None, f"labels [{len(array)}]", str(list(labels.shape)))
    names = None if labels is None else [str(label) for label in labels.tolist()]
    return ImageSet(_pixels(path, array), names)


# ---- folders ----------------------------------------------------------------------------------


def folder_files(root: str) -> list[tuple[str, str]]:
    """(label, path relative to root) of the images in root/LABEL/, sorted; hidden ones left out."""
    found = []
    for label in sorted(os.listdir(root)):
        folder = os.path.join(root, label)
        if label.startswith(".") or not os.path.isdir(folder):
            continue
        for name in sorted(os.listdir(folder)):
            if not name.startswith(".") and name.lower().endswith(SUFFIXES):
                found.append((label, f"{label}/{name}"))
    return found


def _read_folder(root: str, reading: Reading) -> ImageSet:
    module = need("reading image files", "PIL.Image")
    files = folder_files(root)
    if not files:
        raise FormatError(root, None, "folders of images, ROOT/LABEL/NAME.png", "none")
    images: list[NDArray[np.float32]] = []
    kept: list[tuple[str, str]] = []
    size = reading.size
    for label, name in files:
        path = os.path.join(root, name)
        try:
            with module.open(path) as image:
                is_grey = image.mode in ("1", "L", "LA", "I;16", "I")
                image = image.convert("L" if is_grey else "RGB")
                if size is not None and image.size != (size[1], size[0]):
                    image = image.resize((size[1], size[0]))
                array = np.atleast_3d(np.asarray(image, np.float32) / np.float32(255))
        except (OSError, ValueError, SyntaxError) as error:
            if reading.skip_bad:
                continue
            raise FormatError(
                path, None, "an image", str(error), "--skip-bad leaves it out"
            ) from None
        if images and array.shape != images[0].shape:
            _complain_of_shape(path, array, images[0])
        images.append(array)
        kept.append((label, name))
    pixels = np.stack(images) if images else np.empty((0, 1, 1, 1), np.float32)
    labels, names = [label for label, _ in kept], [name for _, name in kept]
    return ImageSet(pixels, labels, names, len(files) - len(kept))


def _complain_of_shape(path: str, array: NDArray[np.float32], first: NDArray[np.float32]) -> None:
    if array.shape[2] != first.shape[2]:
        kinds = {1: "grey", 3: "coloured"}
        found = kinds[array.shape[2]]
        raise FormatError(path, None, f"a {kinds[first.shape[2]]} image as the first", found)
    shapes = [f"{shape[0]} x {shape[1]}" for shape in (first.shape, array.shape)]
    hint = "--size brings all to one size"
    raise FormatError(path, None, f"{shapes[0]} pixels as the first image", shapes[1], hint)
