"""KeyedVectors: Vectors under gensim 4's names, and gensim's ways to files.

Questions are in keyedqueries, what is stored and how it grows in keyedrows, evaluations in
keyedevaluation, gensim 3's names in gensim3.  Files that are damaged raise FormatError (a
ValueError) with the place, also where gensim raises EOFError.
"""

from __future__ import annotations

import contextlib
import datetime
import itertools
import logging
import os
import platform
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from wordvec import formats
from wordvec.errors import FormatError, OptionError
from wordvec.files import OutputFile
from wordvec.formats import gensim_word2vec, glove_text, open_reader, word2vec_binary, word2vec_text
from wordvec.formats.modelparts import without_model
from wordvec.formats.request import ReadRequest
from wordvec.gensim3 import Gensim3Names
from wordvec.keyedrows import Key, checked_dtype, prep_vectors
from wordvec.vectors import Matrix, Vectors

__all__ = [
    "Doc2VecKeyedVectors",
    "EuclideanKeyedVectors",
    "KeyedVectors",
    "Word2VecKeyedVectors",
    "load_word2vec_format",
    "prep_vectors",
    "pseudorandom_weak_vector",
]

logger = logging.getLogger(__name__)

Path = str | os.PathLike[str]


class KeyedVectors(Gensim3Names):
    """Words and vectors with gensim 4's methods.

    `KeyedVectors(vector_size)` is empty, as in gensim; `add_vectors` fills it, and
    `KeyedVectors.from_vectors` takes words and matrix as they are.
    """

    vectors_lockf: NDArray[np.float32]
    lifecycle_events: list[dict[str, Any]] | None

    @classmethod
    def from_vectors(
        cls,
        words: Sequence[str],
        matrix: Matrix,
        counts: NDArray[np.int64] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> KeyedVectors:
        """Words, float32[n_words, dim] (not copied) and counts as KeyedVectors."""
        vectors = cls(matrix.shape[1])
        Vectors.__init__(vectors, words, matrix, counts, metadata)
        vectors.next_index = len(vectors)
        return vectors

    def vectors_for_all(
        self, keys: Iterable[Key], allow_inference: bool = True, copy_vecattrs: bool = False
    ) -> KeyedVectors:
        """New KeyedVectors of those `keys` that have vectors here, each once, in their order.

        Counts are made up, n, n - 1, ... 1, unless `copy_vecattrs` copies all attributes.
        Without `allow_inference` only stored keys count, no vectors made of subwords.
        """
        known: Any = self if allow_inference else self.key_to_index
        chosen = [key for key in dict.fromkeys(keys) if key in known]
        found = KeyedVectors(self.vector_size, dtype=self.matrix.dtype)
        rows = [self.get_vector(key) for key in chosen]
        found.add_vectors(chosen, np.array(rows).reshape(len(chosen), self.vector_size))
        found.next_index = len(chosen)
        if chosen:
            found.expandos["count"] = np.arange(len(chosen), 0, -1, dtype=np.int64)
        if copy_vecattrs:
            for key, attr in itertools.product(chosen, self.expandos):
                with contextlib.suppress(KeyError):  # a vector made of subwords
                    found.set_vecattr(key, attr, self.get_vecattr(key, attr))
        return found

    # Files of all kinds

    def save(self, fname: Path, *_: Any, **__: Any) -> None:
        """Write one file, without pickle: in our own format, or the one that a suffix such as
        .bin or .txt names.  gensim's further arguments (separately, ...) are taken and not needed.

        OutputError when it cannot be written.  Attributes but "count" are not kept.
        """
        known = any(os.fspath(fname).endswith(module.SUFFIXES) for module in formats.FORMATS)
        formats.save(self, fname, None if known else _own_format())

    @classmethod
    def load(cls, fname: Path, mmap: str | None = None) -> KeyedVectors:
        """Read vectors from any file that `wordvec.load` reads, and from files that gensim 3 or 4
        has saved (KeyedVectors or a whole Word2Vec): these through an unpickler that can make a
        few harmless classes and nothing else.

        mmap: None, or "r": leave the matrix in the file, read-only, where the format allows it.
        """
        if mmap not in (None, "r", "c"):
            raise OptionError("mmap", "None or 'r' (files are never changed in place)", mmap)
        found = formats.load(fname, mmap=mmap is not None, allow_pickle=True)
        vectors = cls.from_vectors(found.words, found.matrix, found.counts, found.metadata)
        vectors.tensors, vectors.plane, vectors._norms = found.tensors, found.plane, found._norms
        vectors.subwords = found.subwords
        without_model(vectors)
        vectors.add_lifecycle_event("loaded", fname=os.fspath(fname))
        return vectors

    def add_lifecycle_event(
        self, event_name: str, log_level: int | None = logging.INFO, **event: Any
    ) -> None:
        """Note in `lifecycle_events` (None: in no list), and log, what happened to the vectors."""
        note = {
            **event,
            "datetime": datetime.datetime.now().isoformat(),
            "python": sys.version,
            "platform": platform.platform(),
            "event": event_name,
        }
        if log_level:
            logger.log(log_level, "%s lifecycle event %s", type(self).__name__, note)
        events = self.__dict__.setdefault("lifecycle_events", [])
        if events is not None:
            events.append(note)

    # word2vec's files, as gensim writes and reads them

    def save_word2vec_format(
        self,
        fname: Path,
        fvocab: Path | None = None,
        binary: bool = False,
        total_vec: int | None = None,
        write_header: bool = True,
        prefix: str = "",
        append: bool = False,
        sort_attr: str = "count",
    ) -> None:
        """Write the bytes that gensim writes: shortest digits, no newline in binary records,
        keys with the largest `sort_attr` first.  The file appears whole or not at all (not with
        `append`)."""
        words, matrix, values = self._stored(sort_attr)
        if fvocab is not None and values is None:
            raise ValueError(
                f"Cannot store vocabulary with '{sort_attr}' because that attribute does not exist"
            )
        if values is None:
            message = "attribute %s not present in %s; will store in internal index_to_key order"
            logger.warning(message, sort_attr, self)
            order = np.arange(len(words))
        else:
            order = np.argsort(_negated(values), kind="stable")
        if fvocab is not None and values is not None:
            lines = (f"{prefix}{words[row]} {values[row]}\n" for row in order.tolist())
            _write(fvocab, append, (line.encode("utf-8", "surrogateescape") for line in lines))
        header = f"{len(words) if total_vec is None else total_vec} {self.dim}\n"
        pieces = gensim_word2vec.records(words, matrix, order, prefix, binary, os.fspath(fname))
        _write(fname, append, itertools.chain([header.encode() if write_header else b""], pieces))

    def _stored(self, attr: str) -> tuple[Sequence[str], Matrix, NDArray[Any] | None]:
        """Keys as text, their rows, and the values of an attribute or None; without the places
        that are still open."""
        self.allocate_vecattrs()
        values = self.expandos.get(attr)
        if self._keys is None:
            return self.words, self.matrix, values
        rows = [row for row, key in enumerate(self._keys) if key is not None]
        words = [str(self._keys[row]) for row in rows]
        if len(rows) == len(self.matrix):
            return words, self.matrix, values
        return words, self.matrix[rows], None if values is None else values[rows]

    @classmethod
    def load_word2vec_format(
        cls,
        fname: Path,
        fvocab: Path | None = None,
        binary: bool = False,
        encoding: str = "utf8",
        unicode_errors: str = "strict",
        limit: int | None = None,
        datatype: Any = np.float32,
        no_header: bool = False,
    ) -> KeyedVectors:
        """Read a word2vec file, packed or not.  Of equal words the first is kept, with a warning.

        Counts come from `fvocab` (lines `word count`); without it they are made up as in gensim,
        n, n - 1, ... 1.  `no_header` reads a text file whose first line is a word already; with
        `binary` NotImplementedError, as in gensim.  datatype: numpy.float32, or numpy.float16 for
        half the memory; OptionError for others.  FormatError if the file is damaged;
        UnicodeDecodeError if a word is not in `encoding` and `unicode_errors` is "strict".
        """
        request = ReadRequest(
            limit=limit or None,
            encoding=encoding,
            errors=unicode_errors,
            dtype=checked_dtype(datatype),
        )
        found = _read_word2vec(fname, binary, no_header, request)
        n_rows = len(found)
        words, matrix = gensim_word2vec.drop_duplicates(found.words, found.matrix)
        if fvocab is None:
            counts = np.arange(n_rows, n_rows - len(words), -1, dtype=np.int64)
        else:
            name = os.fspath(fvocab)
            counts = gensim_word2vec.counts_of(words, name, encoding, unicode_errors)
        vectors = cls.from_vectors(words, matrix, counts)
        vectors.add_lifecycle_event(
            "load_word2vec_format", fname=os.fspath(fname), binary=binary, encoding=encoding
        )
        return vectors

    def intersect_word2vec_format(
        self,
        fname: Path,
        lockf: float = 0.0,
        binary: bool = False,
        encoding: str = "utf8",
        unicode_errors: str = "strict",
    ) -> None:
        """Take the vectors of the words that are here from a word2vec file; no word is added.

        `vectors_lockf`, float32[n_keys], is 1 and for those words `lockf`: gensim multiplies
        updates in training by it; wordvec's training does not read it.  ValueError when the file
        has vectors of another size.
        """
        request = ReadRequest(
            wanted=frozenset(key for key in self.words if isinstance(key, str)),
            encoding=encoding,
            errors=unicode_errors,
        )
        found = _read_word2vec(fname, binary, False, request)
        if found.dim != self.vector_size:
            raise ValueError(f"incompatible vector size {found.dim} in file {os.fspath(fname)}")
        rows = self.rows_of(found.words)
        self._make_writable()
        self.matrix[rows] = found.matrix
        self.matrix_changed()
        before = self.__dict__.get("vectors_lockf")
        if before is None or len(before) != len(self):
            before = np.ones(len(self), dtype=np.float32)
        self.vectors_lockf = before
        self.vectors_lockf[rows] = lockf
        self.add_lifecycle_event(
            "intersect_word2vec_format", msg=f"merged {len(rows)} vectors from {os.fspath(fname)}"
        )


def _read_word2vec(fname: Path, binary: bool, no_header: bool, request: ReadRequest) -> Vectors:
    if no_header and binary:
        raise NotImplementedError("no_header: only text files can be without a first line")
    read: Callable[..., Vectors] = word2vec_binary.read
    if not binary:
        read = glove_text.read if no_header else word2vec_text.read
    with open_reader(os.fspath(fname)) as reader:
        found = read(reader, request)
    if no_header and np.any(found.words.data == ord(" ")):
        # GloVe's words may hold spaces, gensim's may not: a line has a number too many.
        word = next(word for word in found.words if " " in word)
        expected = "words without spaces, and as many numbers in each line"
        raise FormatError(fname, None, expected, f"{word[:40]!r} before the numbers")
    return found


def _own_format() -> str:
    """The format that keeps most: ours, or word2vec's binary one."""
    names = [module.NAME for module in formats.FORMATS]
    return "wordvec" if "wordvec" in names else word2vec_binary.NAME


def _negated(values: NDArray[Any]) -> NDArray[Any]:
    """What sorts the largest values first."""
    return -(values.astype(np.int64) if values.dtype.kind in "ub" else values)


def _write(path: Path, append: bool, pieces: Iterable[bytes | memoryview]) -> None:
    if append:
        with open(path, "ab") as stream:
            stream.writelines(pieces)
        return
    with OutputFile(path) as output:
        output.stream.writelines(pieces)


def load_word2vec_format(*args: Any, **kwargs: Any) -> KeyedVectors:
    """KeyedVectors.load_word2vec_format as a function, as in gensim."""
    return KeyedVectors.load_word2vec_format(*args, **kwargs)


def pseudorandom_weak_vector(
    size: int, seed_string: str | None = None, hashfxn: Callable[[str], int] = hash
) -> NDArray[np.float32]:
    """float32[size]: small numbers, uniform in [-0.5, 0.5) / size, from `seed_string` if given.

    The same as gensim's for the same `hashfxn`; Python's `hash` differs from run to run.
    """
    if seed_string:
        bits: Any = np.random.SFC64(hashfxn(seed_string) & 0xFFFFFFFF)
        generator = np.random.Generator(bits)
    else:
        generator = np.random.default_rng()
    return cast(
        "NDArray[np.float32]", (generator.random(size).astype(np.float32) - np.float32(0.5)) / size
    )


# gensim's names of former classes.
Word2VecKeyedVectors = KeyedVectors
Doc2VecKeyedVectors = KeyedVectors
EuclideanKeyedVectors = KeyedVectors
