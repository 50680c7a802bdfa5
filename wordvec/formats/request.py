"""What a caller wants from a file of vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import OptionError

DTYPES = ("float32", "float16")


@dataclass(frozen=True)
class ReadRequest:
    """The options of `load`, as every format gets them.

    limit         only the first so many words of the file; the rest is neither read nor checked
    wanted        of those, only words in this set, in the order of the file; None: all
    encoding, errors   how word bytes become str (only gensim's old options change them)
    dtype         numpy.dtype float32 or float16 of the matrix that is made
    mmap          formats that can may give a read-only view of the file as matrix
    allow_pickle  formats that hold pickled objects may be read (restricted, but off by default)
    verify        compare the checksums of the format that has them with the whole file first
    on_rows       formats that are read block by block keep no rows: they call on_rows(number of
                  the block, float32[n, dim]), from several threads, and the matrix is all zeros
                  that take no memory.  The rows are the callee's until it returns.  Formats that
                  are mapped never call it.
    """

    limit: int | None = None
    wanted: frozenset[str] | None = None
    encoding: str = "utf-8"
    errors: str = "surrogateescape"
    dtype: Any = "float32"
    mmap: bool = True
    allow_pickle: bool = False
    verify: bool = False
    on_rows: Callable[[int, NDArray[np.float32]], None] | None = None

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 0:
            raise OptionError("limit", "None, or 0 or more words", self.limit)
        if isinstance(self.wanted, str):
            raise OptionError("words", "a list of words", self.wanted)
        try:
            dtype = np.dtype(self.dtype)
        except TypeError:
            dtype = np.dtype(object)
        if dtype.name not in DTYPES:
            raise OptionError("dtype", " or ".join(DTYPES), self.dtype)
        object.__setattr__(self, "dtype", dtype.newbyteorder("="))

    def n_wanted(self, n_rows: int) -> int:
        """How many of `n_rows` words in the file are to be looked at."""
        return n_rows if self.limit is None else min(n_rows, self.limit)
