"""Files of time series: UEA's .ts, UCR's .tsv and .txt, and NumPy's .npz."""

from __future__ import annotations

import itertools
import os
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.deep.series import SeriesSet, check_not_empty
from wordvec.errors import FormatError, WordvecError

FORMATS = ("ts", "tsv", "npz")
_MISSING = ("?", "nan")
_MOST_SHOWN = 40  # characters of a line in a message


def read_series(path: str | os.PathLike[str], format: str | None = None) -> SeriesSet:
    """A file of series, in one of FORMATS: by its name, or by what it holds.

    FormatError with the line, OSError.  What the header says and the data does not is a warning
    when the data can be used all the same.
    """
    name = os.fspath(path)
    with open(name, "rb") as stream:
        head = stream.read(4096)
    found = format or _format_of(name, head)
    if found not in FORMATS:
        raise ValueError(f"format: expected one of {', '.join(FORMATS)}, found {found!r}")
    series = {"ts": _read_ts, "tsv": _read_tsv, "npz": _read_npz}[found](name)
    series.name = series.name or os.path.basename(name)
    check_not_empty(series, name)
    return series


def _format_of(name: str, head: bytes) -> str:
    if head.startswith(b"PK\x03\x04"):
        return "npz"
    is_ts = re.search(rb"(?im)^\s*@(problemname|data|classlabel|univariate)\b", head)
    return "ts" if is_ts or name.endswith(".ts") else "tsv"


def _lines(path: str) -> list[str]:
    """The lines; comments of one archive file are not UTF-8, which must not matter."""
    with open(path, encoding="utf-8", errors="surrogateescape") as stream:
        return stream.read().removeprefix("\ufeff").splitlines()


def _shown(text: str) -> str:
    return repr(text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "...")


# ---- .ts --------------------------------------------------------------------------------------


@dataclass
class _Header:
    """The @ lines; what a file leaves out is as sktime reads it."""

    problem: str = ""
    has_times: bool = False
    has_labels: bool = True
    labels: list[str] = field(default_factory=list)
    is_equal_length: bool | None = None
    is_univariate: bool | None = None
    n_dimensions: int | None = None
    n_steps: int | None = None
    saw_labels: bool = False

    def take(self, path: str, number: int, line: str) -> None:
        key, *rest = line[1:].split()
        kind = key.lower()
        if kind == "problemname":
            self.problem = " ".join(rest)
        elif kind == "timestamps":
            self.has_times = _truth(path, number, key, rest)
        elif kind == "univariate":
            self.is_univariate = _truth(path, number, key, rest)
        elif kind == "equallength":
            self.is_equal_length = _truth(path, number, key, rest)
        elif kind == "dimensions":
            self.n_dimensions = _whole(path, number, key, rest)
        elif kind == "serieslength":
            self.n_steps = _whole(path, number, key, rest)
        elif kind == "classlabel":
            self.has_labels, self.saw_labels = _truth(path, number, key, rest), True
            self.labels = rest[1:]
        elif kind == "targetlabel":
            self.has_labels, self.saw_labels = _truth(path, number, key, rest), True
        elif kind not in ("missing", "data"):
            raise FormatError(path, None, "a header line of .ts", _shown(line), line=number)


def _truth(path: str, number: int, key: str, rest: list[str]) -> bool:
    word = rest[0].lower() if rest else ""
    if word not in ("true", "false"):
        raise FormatError(path, None, f"true or false after @{key}", _shown(word), line=number)
    return word == "true"


def _whole(path: str, number: int, key: str, rest: list[str]) -> int:
    if not rest or not rest[0].isdigit():
        raise FormatError(
            path, None, f"a whole number after @{key}", _shown(" ".join(rest)), line=number
        )
    return int(rest[0])


def _read_ts(path: str) -> SeriesSet:
    header, series, labels = _Header(), [], []
    is_data = False
    n_channels: int | None = None
    unlisted: dict[str, int] = {}
    for number, raw in enumerate(_lines(path), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if not is_data:
            if not line.startswith("@"):
                raise FormatError(path, None, "@data before the data", _shown(line), line=number)
            header.take(path, number, line)
            is_data = line.lower() == "@data"
            continue
        fields = line.split(":")
        if header.has_labels:
            label = fields.pop().strip()
            labels.append(label)
            if header.labels and label not in header.labels:
                unlisted.setdefault(label, number)
        channels = [_channel(path, number, text, header.has_times) for text in fields]
        n_channels = _check_line(path, number, header, channels, n_channels)
        series.append(np.stack(channels, axis=1))
    if not is_data:
        raise FormatError(path, None, "a line @data", "the end of the file")
    made = SeriesSet.of_arrays(series, labels if header.has_labels else None, header.problem)
    for label, number in unlisted.items():
        made.warnings.append(f"{path}: line {number}: the label {label!r} is not in @classLabel")
    if header.is_univariate and made.n_channels > 1:
        made.warnings.append(f"{path}: @univariate true, but {made.n_channels} channels")
    return made


def _channel(path: str, number: int, text: str, has_times: bool) -> NDArray[np.float64]:
    """The values of one channel; with time stamps in their order, which must rise."""
    if not has_times:
        return _numbers(path, number, text.split(","))
    pairs = re.findall(r"\(([^(),]*),([^()]*)\)", text)
    if not pairs and text.strip():
        raise FormatError(path, None, "(time,value) pairs", _shown(text), line=number)
    try:
        times: list[Any] = [float(time) for time, _ in pairs]
    except ValueError:  # dates, which sort as they are written
        times = [time.strip() for time, _ in pairs]
    if any(after <= before for before, after in itertools.pairwise(times)):
        raise FormatError(path, None, "times that rise", "one that does not", line=number)
    return _numbers(path, number, [value for _, value in pairs])


def _numbers(path: str, number: int, fields: list[str]) -> NDArray[np.float64]:
    values = np.empty(len(fields))
    for k, text in enumerate(fields):
        word = text.strip()
        try:
            values[k] = np.nan if word.lower() in _MISSING else float(word)
        except ValueError:
            raise FormatError(path, None, "a number", _shown(word), line=number) from None
    if np.isinf(values).any():
        raise FormatError(path, None, "finite numbers", "inf", line=number)
    return values


def _check_line(
    path: str,
    number: int,
    header: _Header,
    channels: list[NDArray[np.float64]],
    n_channels: int | None,
) -> int:
    """The number of channels, after it and the lengths agree with header and lines before."""
    expected = header.n_dimensions or n_channels or len(channels)
    if len(channels) != expected or not channels:
        what = "@dimensions" if header.n_dimensions else "the line before"
        hint = "" if header.saw_labels else "is the last field no label? then say @classLabel false"
        raise FormatError(
            path, None, f"{max(expected, 1)} channels as in {what}", str(len(channels)), hint,
            line=number,
        )  # fmt: skip
    n_steps = header.n_steps if header.is_equal_length else None
    for channel in channels:
        if len(channel) != (n_steps or len(channels[0])):
            found = f"{len(channel)} values"
            wanted = f"{n_steps or len(channels[0])} in every channel"
            raise FormatError(path, None, wanted, found, line=number)
    return expected


# ---- .tsv -------------------------------------------------------------------------------------


def _read_tsv(path: str) -> SeriesSet:
    """A line a series: its label, then values; tabs, commas or blanks between."""
    labels, series = [], []
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        fields = re.split(r"\t|,", line) if re.search(r"[\t,]", line) else line.split()
        values = _numbers(path, number, fields[1:])
        there = np.flatnonzero(np.isfinite(values))
        labels.append(_plain_label(fields[0].strip()))
        series.append(values[: there[-1] + 1 if len(there) else 0])
    return SeriesSet.of_arrays(series, labels)


def _plain_label(text: str) -> str:
    """Older files write the label 2 as 2.0000000e+00."""
    try:
        value = float(text)
    except ValueError:
        return text
    return str(int(value)) if value.is_integer() else text


# ---- .npz -------------------------------------------------------------------------------------


def _read_npz(path: str) -> SeriesSet:
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, EOFError, OSError, KeyError) as error:
        raise WordvecError(f"{path}: not an .npz file of plain arrays: {error}") from None
    if "series" not in arrays:
        there = ", ".join(arrays) or "nothing"
        raise FormatError(path, None, "an array `series`", there)
    values = arrays["series"]
    if values.ndim not in (2, 3) or values.dtype.kind not in "fiu":
        found = f"{values.dtype}{list(values.shape)}"
        raise FormatError(path, None, "series [n, steps] or [n, steps, channels] of numbers", found)
    values = values.astype(np.float64)
    values = values[:, :, None] if values.ndim == 2 else values
    if np.isinf(values).any():
        raise FormatError(path, None, "finite numbers in `series`", "inf")
    lengths = _npz_lengths(path, arrays, values)
    labels = arrays.get("labels")
    if labels is not None and labels.shape != (len(values),):
        raise FormatError(path, None, f"labels [{len(values)}]", str(list(labels.shape)))
    names = None if labels is None else [str(label) for label in labels.tolist()]
    values[np.arange(values.shape[1]) >= lengths[:, None]] = np.nan
    return SeriesSet(values, lengths, names)


def _npz_lengths(
    path: str, arrays: dict[str, NDArray[np.float64]], values: NDArray[np.float64]
) -> NDArray[np.int64]:
    """As given, or up to the last step with a number."""
    n, longest = values.shape[:2]
    if "lengths" not in arrays:
        there: NDArray[np.bool_] = np.asarray(np.isfinite(values).any(axis=2))
        return np.where(there.any(axis=1), longest - there[:, ::-1].argmax(axis=1), 0)
    lengths = arrays["lengths"]
    if lengths.shape != (n,) or lengths.dtype.kind not in "iu":
        raise FormatError(path, None, f"lengths [{n}] of whole numbers", str(list(lengths.shape)))
    if n and not 0 <= int(lengths.min()) <= int(lengths.max()) <= longest:
        raise FormatError(path, None, f"lengths from 0 to {longest}", "one outside")
    return lengths.astype(np.int64)
