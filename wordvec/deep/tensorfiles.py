"""Files of PyTorch tensors: safetensors with entries as JSON, whole or not at all."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from wordvec.deep.needed import need
from wordvec.errors import FormatError
from wordvec.files import OutputFile

_ENTRY = "wordvec.deep"
VERSION = 1


@dataclass
class TensorFile:
    """kind: what it is the file of, such as "series"; entries: what JSON can hold."""

    kind: str
    tensors: dict[str, Tensor]
    entries: dict[str, Any] = field(default_factory=dict)

    def under(self, prefix: str) -> dict[str, Tensor]:
        """The tensors whose names begin so, under the rest of their names."""
        return {k.removeprefix(prefix): v for k, v in self.tensors.items() if k.startswith(prefix)}


def write_tensors(path: str | os.PathLike[str], file: TensorFile) -> None:
    """OutputError; MissingExtraError."""
    codec = need("a model of an encoder", "safetensors.torch")
    entry = json.dumps({"kind": file.kind, "version": VERSION, **file.entries})
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in file.tensors.items()}
    with OutputFile(path) as output:
        output.stream.write(codec.save(tensors, {_ENTRY: entry}))


def read_tensors(path: str | os.PathLike[str], kind: str) -> TensorFile:
    """FormatError for a file of another kind or a damaged one; OSError."""
    safetensors = need("a model of an encoder", "safetensors", "safetensors.torch")
    name = os.fspath(path)
    what = f"a {kind} file of wordvec"
    try:
        with safetensors.safe_open(name, framework="pt") as found:
            entries = json.loads((found.metadata() or {}).get(_ENTRY, "{}"))
            if entries.get("kind") != kind:
                is_ours = (
                    f"one of {entries['kind']}" if "kind" in entries else "another safetensors file"
                )
                raise FormatError(name, None, what, is_ours)
            tensors = {key: found.get_tensor(key) for key in found.keys()}  # noqa: SIM118
    except safetensors.SafetensorError as error:
        raise FormatError(name, 0, what, f"a damaged or other file ({error})") from None
    if entries.pop("version") > VERSION:
        raise FormatError(
            name, None, f"version {VERSION} or before", "a later one", "update wordvec"
        )
    del entries["kind"]
    return TensorFile(kind, tensors, entries)
