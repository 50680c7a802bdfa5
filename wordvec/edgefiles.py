"""Graphs out of files; edge lists and adjacency lists are read in parallel."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import CorpusError, FormatError, OptionError
from wordvec.graph import EdgeBlocks, Graph
from wordvec.graphoptions import GRAPH_FORMATS
from wordvec.kernels import edges as kernel
from wordvec.kernels.tokens import WordTable
from wordvec.matrixfiles import read_mat, read_npz
from wordvec.progress import Progress, Reporter, silent
from wordvec.sources import CHUNK_BYTES, Chunk, ChunkBuffer, TextReader
from wordvec.spill import IdPieces
from wordvec.threads import Stop, run_workers
from wordvec.unpacking import STDIN, ReadingStopped, UnpackedFile
from wordvec.words import WordList

_PACKED = (".gz", ".bz2", ".xz", ".zst")
_HEAD_BYTES = 1 << 16
_SHOWN_BYTES = 60
_PROBLEMS = {
    kernel.ONE_FIELD: ("an edge, two node ids", ""),
    kernel.NO_WEIGHT: ("a weight in the third column", ""),
    kernel.BAD_WEIGHT: ("a finite number as weight", ""),
    kernel.NEGATIVE_WEIGHT: ("a weight of at least 0", ""),
}


def read_graph(
    path: str | os.PathLike[str],
    format: str | None = None,
    *,
    weighted: bool = False,
    directed: bool = False,
    delimiter: str | None = None,
    implicit_ids: bool = False,
    duplicates: str = "last",
    drop_loops: bool = False,
    matfile_variable: str = "network",
    n_threads: int = 1,
    reporter: Reporter = silent,
) -> Graph:
    """Read a graph.

    format        "edgelist": lines `u v [weight]`; "adjlist": a node and its neighbours; "npz":
                  rows as scipy's save_npz or PecanPy write them; "mat": MATLAB, needs scipy.
                  Without one, by the name of the file
    weighted      read weights; lists only, the others have them
    directed      an edge u v leads from u to v only
    delimiter     one character between the columns of an edge list; without one, a tab if the
                  first line has one, else blanks, else a comma for .csv
    implicit_ids  npz: nodes are numbered although the file names them
    duplicates    what the weight of an edge that is given again is: the "last" or the "sum"
    drop_loops    leave out edges from a node to itself

    Nodes are numbered by first appearance and keep their ids byte for byte, blanks around them
    taken away; lines that are empty or begin with # or % are skipped; packed files are unpacked.
    Raises FormatError with the line for what cannot be read, CorpusError.
    """
    name = os.fspath(path)
    chosen = format or _format_of(name)
    if chosen not in GRAPH_FORMATS:
        raise OptionError("format", " or ".join(map(repr, GRAPH_FORMATS)), chosen)
    if chosen == "mat":
        rows = read_mat(name, matfile_variable)
    elif chosen == "npz":
        rows = read_npz(name, implicit_ids)
    else:
        if not (name == STDIN or os.path.exists(name)):
            raise CorpusError(f"{name}: no such file")
        blocks = EdgeBlocks(directed, weighted and chosen == "edgelist", drop_loops, duplicates)
        reading = _ListReading(name, chosen, delimiter, blocks, n_threads)
        graph = reading.graph(reporter)
        return graph
    starts, neighbours, weights, ids = rows
    with _Named(name):
        return Graph.from_rows(
            starts, neighbours, weights, ids=ids, directed=directed, duplicates=duplicates,
            drop_loops=drop_loops, n_threads=n_threads,
        )  # fmt: skip


class _Named:
    """Puts the file's name before a CorpusError."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is CorpusError and not str(error).startswith(self.name):
            raise CorpusError(f"{self.name}: {error}") from None


def _without_packing(name: str) -> str:
    lower = name.lower()
    return next((lower[: -len(s)] for s in _PACKED if lower.endswith(s)), lower)


def _format_of(name: str) -> str:
    stem = _without_packing(name)
    for suffix, format in (
        (".npz", "npz"),
        (".mat", "mat"),
        (".adjlist", "adjlist"),
        (".adj", "adjlist"),
    ):
        if stem.endswith(suffix):
            return format
    return "edgelist"


# -- lists ---------------------------------------------------------------------------------------


class _ListReading:
    """The parallel reading of one edge list or adjacency list."""

    def __init__(
        self, name: str, format: str, delimiter: str | None, blocks: EdgeBlocks, n_threads: int
    ) -> None:
        self.name = name
        self.adjacency = format == "adjlist"
        self.blocks = blocks
        self.n_threads = n_threads
        self.delimiter: int | None = None if delimiter is None else _delimiter_byte(delimiter)
        self.reader = TextReader([name], CHUNK_BYTES, whole_lines=True)
        self.first: tuple[Chunk, ChunkBuffer] | None = None
        self.parts = [_Part(self, k) for k in range(n_threads)]

    def graph(self, reporter: Reporter) -> Graph:
        self._look_at_first()
        reader = self.reader

        def tick() -> None:
            n_done, n_total = reader.n_raw_done(), reader.n_raw_total
            reporter(Progress("count", "bytes", n_done, n_total, 0.0, 0.0))

        try:
            stop = run_workers(lambda k, stop: self.parts[k].read(stop), self.n_threads, tick)
        finally:
            reader.close()
        if stop.interrupted:
            raise KeyboardInterrupt
        ids = self._merge_ids()
        with _Named(self.name):
            return self.blocks.graph(ids, self.n_threads)

    def _look_at_first(self) -> None:
        """Find the delimiter by the first line with an edge; the chunk is kept for a worker."""
        buffer = ChunkBuffer(CHUNK_BYTES)
        chunk = self.reader.next_chunk(buffer)
        if chunk is None:
            return
        self.first = chunk, buffer
        if self.delimiter is not None or self.adjacency:
            self.delimiter = -1 if self.delimiter is None else self.delimiter
            return
        head = buffer.bytes[: chunk.n_bytes].tobytes()
        line = next((line for line in head.split(b"\n") if _is_data(line)), b"")
        if b"\t" in line.strip():
            self.delimiter = ord("\t")
        elif (
            _without_packing(self.name).endswith(".csv")
            and b"," in line
            and not (len(line.split()) > 1 and b"," not in line.split()[0])
        ):
            self.delimiter = ord(",")
        else:
            self.delimiter = -1

    def take_first(self) -> tuple[Chunk, ChunkBuffer] | None:
        first, self.first = self.first, None
        return first

    def _merge_ids(self) -> WordList:
        """Number the nodes of all parts by first appearance."""
        table = self.parts[0].table
        maps = [np.arange(len(table) + 1, dtype=np.int32)]
        maps += [table.absorb(part.table) for part in self.parts[1:]]
        first_seen = table.first_seen()[1:]
        order = np.argsort(first_seen, kind="stable")
        numbers = np.empty(len(order), np.int32)
        numbers[order] = np.arange(len(order), dtype=np.int32)
        arena, starts = table.gather(order + 1)
        for part, own in zip(self.parts, maps, strict=True):
            self.blocks.numbers.append(numbers[own[1:] - 1])
            self.blocks.degrees.append(part.degrees)
            self.blocks.n_zero_weights += part.n_zero_weights
            self.blocks.n_loops += part.n_loops
            self.blocks.n_third_fields += part.n_third_fields
        self.blocks.notes += self.reader.notes
        self.parts = []
        return WordList(arena, starts[1:].astype(np.uint64))


def _is_data(line: bytes) -> bool:
    return line.strip()[:1] not in (b"", b"#", b"%")


class _Part:
    """One thread's share of the reading: a table of ids, and the edges by its numbers."""

    def __init__(self, reading: _ListReading, number: int) -> None:
        self.reading = reading
        self.number = number
        self.table = WordTable()
        self.pieces = IdPieces(reading.blocks.share)
        self.degrees = np.zeros(1024, np.int64)
        self.pairs = np.empty(0, np.int32)
        self.weights: NDArray[np.float32] | None = None
        self.n_zero_weights = self.n_loops = self.n_third_fields = 0

    def read(self, stop: Stop) -> None:
        reader = self.reading.reader
        buffer: ChunkBuffer | None = None
        if self.number == 0 and (first := self.reading.take_first()) is not None:
            self._parse(*first)
            buffer = first[1]
        buffer = buffer or ChunkBuffer(CHUNK_BYTES)
        reader.stop_requested = lambda: stop.requested
        while not stop.requested:
            try:
                chunk = reader.next_chunk(buffer)
            except ReadingStopped:
                return
            if chunk is None:
                return
            self._parse(chunk, buffer)

    def _parse(self, chunk: Chunk, buffer: ChunkBuffer) -> None:
        blocks, text, n_bytes = self.reading.blocks, buffer.bytes, chunk.n_bytes
        if not n_bytes:
            return
        if text[n_bytes - 1] != ord("\n"):
            text[n_bytes] = ord("\n")
            n_bytes += 1
        if len(self.pairs) < n_bytes + 2:
            self.pairs = np.empty(n_bytes + 2, np.int32)
            if blocks.weighted:
                self.weights = np.empty(n_bytes // 2 + 1, np.float32)
        if len(text) < n_bytes + 64:  # the newline took a byte of the padding
            text = np.concatenate([text, np.zeros(64, np.uint8)])
        try:
            counts = self._counts_of(chunk, text, n_bytes)
        except OverflowError as error:
            raise CorpusError(f"{chunk.path}: {error}") from None
        if counts["error"]:
            self._complain(chunk, text, counts)
        self.n_zero_weights += counts["n_zero_weights"]
        self.n_loops += counts["n_loops"]
        self.n_third_fields += counts["n_third_fields"]
        n_edges = counts["n_edges"]
        if len(self.degrees) < len(self.table):
            grown = np.zeros(2 * len(self.table), np.int64)
            grown[: len(self.degrees)] = self.degrees
            self.degrees = grown
        pairs = self.pairs[: 2 * n_edges]
        kernel.add_degrees(pairs, self.degrees, blocks.directed)
        weights = None if self.weights is None else self.weights[:n_edges]
        blocks.keep(pairs, weights, chunk.number, self.number, self.pieces)

    def _counts_of(self, chunk: Chunk, text: NDArray[np.uint8], n_bytes: int) -> kernel.LineCounts:
        return kernel.parse_lines(
            self.table, text, n_bytes, self.pairs, self.weights,
            delimiter=self.reading.delimiter if self.reading.delimiter is not None else -1,
            adjacency=self.reading.adjacency, drop_loops=self.reading.blocks.drop_loops,
            chunk_number=chunk.number,
        )  # fmt: skip

    def _complain(self, chunk: Chunk, text: NDArray[np.uint8], counts: kernel.LineCounts) -> None:
        expected, hint = _PROBLEMS[counts["error"]]
        begin = counts["field_begin"]
        end = min(counts["field_end"], begin + _SHOWN_BYTES)
        found = text[begin:end].tobytes().strip().decode("utf-8", "backslashreplace")
        line = _lines_before(chunk) + counts["n_lines"]
        raise FormatError(chunk.path, None, expected + hint, repr(found), line=line)


def _lines_before(chunk: Chunk) -> int:
    """Lines before a chunk; 0, and so a number within it, where they cannot be read again."""
    if chunk.path == STDIN or not os.path.isfile(chunk.path):
        return 0
    file = UnpackedFile(chunk.path, lambda: False)
    buffer = bytearray(CHUNK_BYTES)
    n_lines, n_left = 0, chunk.offset
    while n_left > 0:
        n_read = file.fill(memoryview(buffer)[: min(n_left, len(buffer))])
        if not n_read:
            break
        n_lines += buffer.count(b"\n", 0, n_read)
        n_left -= n_read
    file.close()
    return n_lines


def _delimiter_byte(delimiter: str) -> int:
    """The byte that separates columns; -1 (runs of blanks) for a blank."""
    text = {"\\t": "\t", "tab": "\t", "comma": ","}.get(delimiter, delimiter)
    if len(text) != 1 or not text.isascii() or text in "\r\n\0":
        raise OptionError("delimiter", "one ASCII character, such as ',' or a tab", delimiter)
    return -1 if text == " " else ord(text)
