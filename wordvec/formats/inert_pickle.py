"""Pickles, read without running anything that they hold.

Python's own unpickler would call whatever a file names.  Here it gets stand-ins: classes of ours
that only keep what they are given.  A name that is not in the table is an error; the standard
library, NumPy and gensim never see the file.  Before that, kernels.pickling has gone through the
instructions and refused those that could take more memory or time than the file justifies.
"""

from __future__ import annotations

import io
import mmap
import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import FormatError
from wordvec.kernels import pickling

_READ_BYTES = 1 << 20
_DTYPE = re.compile(r"(f[248]|[iu][1248]|b1)")

_PROBLEMS = {
    pickling.CUT_SHORT: ("more bytes", "the end of the file"),
    pickling.UNKNOWN: ("an instruction of pickle protocol 2 to 5", "another one"),
    pickling.NOT_BALANCED: ("an instruction that finds what it takes", "too little on the stack"),
    pickling.NOT_IN_MEMO: ("a place of the memo that is in use", "another one"),
    pickling.TOO_MANY: ("as many objects as a file of this size needs", "far more"),
    pickling.BAD_KEY: ("words or small numbers as keys", "something else"),
    pickling.LONG_NUMBER: ("a number or a name of usual length", "a longer one"),
    pickling.TRAILING: ("the end of the file", "more bytes behind the pickle"),
}


class Refused(Exception):
    """A stand-in was given what it cannot stand for.

    The text never shows what was given: writing out nested tuples could take years.
    """


class SavedObject:
    """An object of one of gensim's classes: its class's name and its attributes."""

    __slots__ = ("attributes",)
    kind = ""

    def __new__(cls, *_: Any) -> SavedObject:
        made = super().__new__(cls)
        made.attributes = {}
        return made

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, dict):
            raise Refused(f"attributes of {self.kind} that are no dict")
        self.attributes = state


class SavedDict(dict[Any, Any]):
    """collections.OrderedDict and defaultdict; begins empty whatever it is called with."""

    __slots__ = ()

    def __init__(self, *_: Any) -> None:
        super().__init__()

    def __setstate__(self, state: Any) -> None:
        raise Refused("attributes of a dict")


class Ignored:
    """What gensim's files have and nobody here needs, such as random generators."""

    __slots__ = ()

    def __new__(cls, *_: Any) -> Ignored:
        return super().__new__(cls)

    def __setstate__(self, state: Any) -> None:
        """Nothing is kept."""


class SavedType:
    """numpy.dtype: one of a number, or of objects."""

    __slots__ = ("code", "order")
    code: Any
    order: str

    def __new__(cls, code: Any = "", *_: Any) -> SavedType:
        made = super().__new__(cls)
        made.code, made.order = code, "="
        return made

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, tuple) and len(state) > 1 and state[1] in ("<", ">", "=", "|"):
            self.order = state[1]
        else:
            raise Refused("a NumPy type that is no number")

    @property
    def holds_objects(self) -> bool:
        return self.code in ("O", "O8")

    def dtype(self) -> np.dtype[Any]:
        if not (isinstance(self.code, str) and _DTYPE.fullmatch(self.code)):
            raise Refused("an array of another type than numbers")
        return np.dtype(self.order.replace("|", "=") + self.code)


class SavedArray:
    """numpy.ndarray: made empty, then given shape, type and bytes, which have to fit."""

    __slots__ = ("items",)
    items: NDArray[Any] | list[Any]

    def __new__(cls, *_: Any) -> SavedArray:
        made = super().__new__(cls)
        made.items = []
        return made

    def __setstate__(self, state: Any) -> None:
        if not (isinstance(state, tuple) and len(state) == 5):
            raise Refused("an array without shape, type and bytes")
        _, shape, kind, is_fortran, raw = state
        self._fill(raw, kind, shape, bool(is_fortran))

    def _fill(self, raw: Any, kind: Any, shape: Any, is_fortran: bool) -> None:
        if not isinstance(kind, SavedType):
            raise Refused("an array without a type")
        n_items = _product(shape)
        if kind.holds_objects:
            if not (isinstance(raw, list) and len(raw) == n_items):
                raise Refused("an array of objects that lacks some")
            self.items = raw
            return
        dtype, data = kind.dtype(), _as_bytes(raw)
        if len(data) != n_items * dtype.itemsize:
            raise Refused(f"an array of {n_items} {dtype} with {len(data)} bytes")
        flat = np.frombuffer(data, dtype)
        order: Any = "F" if is_fortran else "C"
        self.items = np.array(flat.reshape(shape, order=order), dtype.newbyteorder("="))


def _product(shape: Any) -> int:
    if not isinstance(shape, tuple) or len(shape) > 8:
        raise Refused("an array without a shape")
    n_items = 1
    for size in shape:
        if type(size) is not int or not 0 <= size < 1 << 62:
            raise Refused("an array with a shape that is none")
        n_items *= size
    return n_items


def _as_bytes(raw: Any) -> bytes | bytearray:
    if isinstance(raw, str):  # bytes in pickles of Python 2
        return raw.encode("latin-1")
    if not isinstance(raw, (bytes, bytearray)):
        raise Refused("an array without bytes")
    return raw


class Builder:
    """A function that a pickle may call.  It is an object without attributes, so that the pickle
    cannot change it."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make

    def __call__(self, *args: Any) -> Any:
        return self._make(*args)

    def __setstate__(self, state: Any) -> None:
        raise Refused("attributes of a function")


def _scalar(kind: Any, raw: Any = b"", *_: Any) -> Any:
    """numpy.core.multiarray.scalar, as a Python number."""
    array = SavedArray()
    array._fill(raw, kind, (), False)
    return array.items.item() if isinstance(array.items, np.ndarray) else None


def _from_buffer(raw: Any, kind: Any, shape: Any, order: Any, *_: Any) -> SavedArray:
    """numpy.core.numeric._frombuffer (protocol 5)."""
    array = SavedArray()
    array._fill(raw, kind, shape, order == "F")
    return array


def _reconstruct(kind: Any, *_: Any) -> SavedArray:
    if kind is not SavedArray:
        raise Refused("an array of a class of its own")
    return SavedArray()


def _reconstructor(kind: Any, *_: Any) -> Any:
    """copyreg._reconstructor: objects in pickles of old protocols."""
    if not (isinstance(kind, type) and issubclass(kind, (SavedObject, Ignored))):
        raise Refused("an object of a class that is not gensim's")
    return kind()


def _encode(text: Any, encoding: Any = "latin1", *_: Any) -> bytes:
    """_codecs.encode: bytes in protocol 2."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise Refused("bytes in an unusual encoding")
    return text.encode("latin-1")


def saved_class(kind: str) -> type[SavedObject]:
    return type(kind, (SavedObject,), {"__slots__": (), "kind": kind})


_NUMPY: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): SavedArray,
    ("numpy", "dtype"): SavedType,
    ("numpy.random", "__RandomState_ctor"): Ignored,
    ("numpy.random._pickle", "__generator_ctor"): Ignored,
    ("numpy.random._pickle", "__randomstate_ctor"): Ignored,
    ("numpy.random._pickle", "__bit_generator_ctor"): Ignored,
    ("numpy.random._pcg64", "PCG64"): Ignored,
    ("numpy.random._mt19937", "MT19937"): Ignored,
    ("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence"): Ignored,
    ("numpy.random.bit_generator", "SeedSequence"): Ignored,
    ("numpy.random._bit_generator", "__pyx_unpickle_SeedSequence"): Ignored,
    ("numpy.random._bit_generator", "SeedSequence"): Ignored,
}
for _core in ("numpy.core", "numpy._core"):
    _NUMPY[f"{_core}.multiarray", "_reconstruct"] = Builder(_reconstruct)
    _NUMPY[f"{_core}.multiarray", "scalar"] = Builder(_scalar)
    _NUMPY[f"{_core}.numeric", "_frombuffer"] = Builder(_from_buffer)
_PYTHON: dict[tuple[str, str], Any] = {
    ("_codecs", "encode"): Builder(_encode),
    ("collections", "OrderedDict"): SavedDict,
    ("collections", "defaultdict"): SavedDict,
    # What Python 3.4 called it in protocol 2, for Python 2.
    ("UserString", "defaultdict"): SavedDict,
}
for _builtins, _copyreg in (("builtins", "copyreg"), ("__builtin__", "copy_reg")):
    _PYTHON[_copyreg, "_reconstructor"] = Builder(_reconstructor)
    for _name in ("hash", "int", "long", "object", "set", "frozenset"):
        _PYTHON[_builtins, _name] = Ignored


class _InertUnpickler(pickle.Unpickler):
    """Finds stand-ins, and nothing but stand-ins."""

    def __init__(self, stream: Any, path: str, classes: dict[tuple[str, str], Any]) -> None:
        super().__init__(stream, encoding="latin-1")
        self._path = path
        self._classes = classes

    def find_class(self, module: str, name: str) -> Any:
        for table in (self._classes, _NUMPY, _PYTHON):
            if (module, name) in table:
                return table[module, name]
        raise FormatError(
            self._path,
            None,
            "a pickle of word vectors",
            f"one that asks for {f'{module}.{name}'!r:.80}",
            "nothing of it was run; do not open it with pickle or gensim unless you trust it",
        )

    def persistent_load(self, pid: Any) -> Any:
        raise Refused("an object outside the file")


class _Memory(io.RawIOBase):
    """A map of a file as a stream."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._position = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._data[self._position : self._position + len(buffer)]
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)


def read_pickle(path: str, classes: dict[tuple[str, str], Any]) -> Any:
    """The object that a pickle holds, made of SavedObject, SavedArray, dicts, lists, words and
    numbers.  `classes` gives a class made by `saved_class` for each (module, name) to expect.

    FormatError for everything else, among it each class that is not expected.
    """
    with open(path, "rb") as stream:
        if stream.seek(0, io.SEEK_END) == 0:
            raise FormatError(path, 0, "a pickle", "an empty file")
        with (
            mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as area,
            memoryview(area) as data,
        ):
            return _read(data, path, classes)


def _read(data: memoryview, path: str, classes: dict[tuple[str, str], Any]) -> Any:
    problem, place = pickling.check_pickle(data)
    if problem != pickling.FINE:
        raise FormatError(path, place, *_PROBLEMS[problem])
    stream = io.BufferedReader(_Memory(data), _READ_BYTES)
    try:
        return _InertUnpickler(stream, path, classes).load()
    except FormatError:
        raise
    except Refused as error:
        raise FormatError(path, None, "a pickle of word vectors", str(error)) from None
    except Exception as error:  # whatever the unpickler finds wrong with the file
        found = f"{type(error).__name__}: {error}".splitlines()[0][:120]
        raise FormatError(path, None, "a pickle of word vectors", found) from None
