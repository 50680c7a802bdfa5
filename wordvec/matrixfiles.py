"""Graphs as matrices in files: .npz of scipy and of PecanPy, .mat."""

from __future__ import annotations

import math
import zipfile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import CorpusError, FormatError, MissingExtraError

_MAX_INFLATION = 1032  # of deflate: no honest archive promises more

# (starts, neighbours, weights, ids) as the file has them, checked
Rows = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32] | None, list[str] | None]


def read_npz(name: str, implicit_ids: bool) -> Rows:
    """scipy's save_npz of a CSR matrix, PecanPy's CSR or its dense matrix."""
    try:
        _check_sizes(name)
        with np.load(name, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except FileNotFoundError:
        raise CorpusError(f"{name}: no such file") from None
    except ValueError as error:
        if "allow_pickle" in str(error):
            raise FormatError(name, None, "arrays of numbers", "pickled objects") from None
        raise FormatError(name, None, "a NumPy archive", str(error)) from None
    except (OSError, EOFError, zipfile.BadZipFile, KeyError) as error:
        raise FormatError(name, None, "a NumPy archive", str(error)) from None
    ids = None
    if "IDs" in arrays and not implicit_ids:
        ids = [str(item) for item in arrays["IDs"].tolist()]
    format = arrays.get("format")
    if format is not None:
        kind = bytes(format.item()).decode() if format.dtype.kind == "S" else str(format.item())
        if kind != "csr":
            raise FormatError(name, None, "format: a CSR matrix", kind,
                              "save matrix.tocsr() instead")  # fmt: skip
    if "data" in arrays and "indptr" not in arrays and arrays["data"].ndim == 2:
        return _dense_rows(name, arrays["data"], ids)
    for key in ("indptr", "indices"):
        if key not in arrays:
            raise FormatError(name, None, f"the array {key}", ", ".join(arrays) or "nothing")
    return _checked_rows(name, arrays, ids)


def _check_sizes(name: str) -> None:
    """FormatError for arrays that promise more than the file holds, before memory is taken."""
    with zipfile.ZipFile(name) as archive:
        for info in archive.infolist():
            if info.file_size > _MAX_INFLATION * (info.compress_size + 1):
                raise FormatError(name, None, "an honest archive", f"{info.filename}: a bomb")
            if not info.filename.endswith(".npy"):
                continue
            with archive.open(info) as member:
                version = np.lib.format.read_magic(member)
                read = np.lib.format.read_array_header_1_0
                if version != (1, 0):
                    read = np.lib.format.read_array_header_2_0
                shape, _, dtype = read(member)
                n_bytes = math.prod(shape) * dtype.itemsize
                n_left = info.file_size - member.tell()
            if n_bytes != n_left and not dtype.hasobject:
                found = f"{info.filename}: {n_left} bytes for an array of {n_bytes}"
                raise FormatError(name, None, "whole arrays", found)


def _dense_rows(name: str, data: NDArray[Any], ids: list[str] | None) -> Rows:
    if data.shape[0] != data.shape[1] or data.dtype.kind not in "iufb":
        raise FormatError(name, None, "data: a square matrix", f"{data.dtype}{data.shape}")
    rows, columns = np.nonzero(data)
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(data)))])
    weights = _weights_of(name, data[rows, columns])
    return (
        starts.astype(np.int64),
        columns.astype(np.int32),
        weights,
        _checked_ids(name, ids, len(data)),
    )


def _checked_rows(name: str, arrays: dict[str, NDArray[Any]], ids: list[str] | None) -> Rows:
    starts, columns = arrays["indptr"], arrays["indices"]
    for key in ("indptr", "indices"):
        if arrays[key].ndim != 1 or arrays[key].dtype.kind not in "iu":
            found = f"{arrays[key].dtype}{arrays[key].shape}"
            raise FormatError(name, None, f"{key}: one row of whole numbers", found)
    n_nodes = len(starts) - 1
    if n_nodes < 1 or starts[0] != 0 or starts[-1] != len(columns):
        raise FormatError(name, None, f"indptr: numbers from 0 to {len(columns)}", "others")
    starts = starts.astype(np.int64)
    if np.diff(starts).min() < 0:
        place = int(np.argmax(np.diff(starts) < 0))
        raise FormatError(name, None, "indptr: numbers that never fall", f"a fall after {place}")
    if len(columns) and not (columns.min() >= 0 and columns.max() < n_nodes):
        raise FormatError(name, None, f"indices: numbers below {n_nodes}", str(columns.max()))
    if "shape" in arrays and tuple(arrays["shape"].tolist()) != (n_nodes, n_nodes):
        raise FormatError(name, None, "shape: a square matrix", str(arrays["shape"].tolist()))
    weights = None
    if "data" in arrays:
        if arrays["data"].shape != columns.shape:
            raise FormatError(name, None, f"data: {len(columns)} numbers, as many as indices",
                              str(arrays["data"].shape))  # fmt: skip
        weights = _weights_of(name, arrays["data"])
    return starts, columns.astype(np.int32), weights, _checked_ids(name, ids, n_nodes)


def _weights_of(name: str, data: NDArray[Any]) -> NDArray[np.float32] | None:
    if data.ndim != 1 or data.dtype.kind not in "iufb":
        raise FormatError(name, None, "data: real numbers", f"{data.dtype}{data.shape}")
    with np.errstate(over="ignore"):
        weights = data.astype(np.float32)
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(bad):
        raise FormatError(name, None, "data: finite weights of at least 0", str(data[bad[0]]))
    return None if (weights == 1).all() else weights


def _checked_ids(name: str, ids: list[str] | None, n_nodes: int) -> list[str] | None:
    if ids is not None and (len(ids) != n_nodes or len(set(ids)) != n_nodes):
        raise FormatError(name, None, f"IDs: {n_nodes} different names", str(len(set(ids))))
    return ids


def read_mat(name: str, variable: str) -> Rows:
    try:
        from scipy.io import loadmat
        from scipy.sparse import csr_matrix
    except ImportError:
        raise MissingExtraError("reading .mat files", "mat", "scipy") from None
    try:
        found = loadmat(name, variable_names=[variable])
    except FileNotFoundError:
        raise CorpusError(f"{name}: no such file") from None
    except Exception as error:  # scipy raises whatever its parser stumbled over
        raise FormatError(name, None, "a MATLAB file of version 4 to 7.2", str(error)) from None
    if variable not in found:
        raise FormatError(name, None, f"the variable {variable}", "none of that name")
    matrix = csr_matrix(found[variable])
    arrays = {"indptr": matrix.indptr, "indices": matrix.indices, "data": matrix.data,
              "shape": np.array(matrix.shape)}  # fmt: skip
    return _checked_rows(name, arrays, None)
