"""`wordvec info`: what a file of vectors is, and whether it is sound."""

from __future__ import annotations

import dataclasses
import os
import stat
from typing import Any

import click

from .asking import file_options, flags_named
from .speech import byte_size, json_line, printable, say, table, thousands

_MOST_METADATA = 200  # characters of one entry


@click.command("info")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="A JSON object on one line for each FILE.")
@file_options
def command(
    files: tuple[str, ...], as_json: bool, format: str | None, limit: int | None, allow_pickle: bool
) -> int:
    """What FILE is: format, words, dimensions, lengths of the rows, where it comes from; and what
    is wrong with it: duplicate words, rows that are zero or not finite.

    Reads all of FILE, or its first N words (--limit).
    """
    for number, path in enumerate(files):
        found = examine(path, format, limit, allow_pickle)
        if as_json:
            say(json_line(found))
        else:
            say("\n".join([""] * (number > 0) + text_of(found)))
    return 0


def examine(path: str, format: str | None, limit: int | None, allow_pickle: bool) -> dict[str, Any]:
    """Everything that info reports, ready for JSON.  Text and binary streams of any size pass
    through: only their words and the lengths of their rows are kept."""
    from wordvec.evaluate import RowLengths, soundness, soundness_of
    from wordvec.formats import ReadRequest, read
    from wordvec.formats.word2vec_binary import looks_byte_swapped

    name, packing = recognised(path, format)
    lengths: dict[int, Any] = {}  # by block: several threads read
    is_swapped = []

    def measure(block: int, rows: Any) -> None:
        found = RowLengths()
        found.add(rows)
        lengths[block] = found.all()
        if block == 0:
            is_swapped.append(looks_byte_swapped(rows))

    with flags_named():
        request = ReadRequest(limit=limit, allow_pickle=allow_pickle, on_rows=measure)
        vectors = read(path, format, request)
    if lengths:
        of_rows = RowLengths([lengths[block] for block in sorted(lengths)])
        sound = soundness_of(vectors.words, vectors.dim, of_rows.all())
    else:
        sound = soundness(vectors)
        first = vectors.matrix[:1000]
        is_swapped = [first.dtype.itemsize == 4 and looks_byte_swapped(first)]
    report = dataclasses.asdict(sound)
    status = os.stat(path)
    counts = vectors.counts
    return {
        "file": path,
        "n_bytes": status.st_size if stat.S_ISREG(status.st_mode) else None,
        "format": name,
        "packing": packing or None,
        "dtype": str(vectors.matrix.dtype),
        **report,
        "limit": limit,
        "first_words": list(vectors.words[:5]),
        "n_tokens": None if counts is None else int(counts.sum()),
        "metadata": vectors.metadata,
        "looks_byte_swapped": any(is_swapped),
        "has_plane": vectors.plane is not None,
        "tensors": {
            name: f"{tensor.dtype}{list(tensor.shape)}" for name, tensor in vectors.tensors.items()
        },
    }


def recognised(path: str, format: str | None) -> tuple[str, str]:
    """(name of the file's format, what it is packed by or "")."""
    from wordvec.formats import HEAD_BYTES, format_named, open_reader, recognise

    if not os.path.isdir(path) and not stat.S_ISREG(os.stat(path).st_mode):
        return format or "found by content; a pipe shows it once only", ""
    with open_reader(path) as reader:
        if format:
            with flags_named():
                return format_named(format).NAME, reader.packing
        return recognise(path, reader.head(HEAD_BYTES), reader.packing).NAME, reader.packing


def text_of(found: dict[str, Any]) -> list[str]:
    size = "" if found["n_bytes"] is None else f", {byte_size(found['n_bytes'])}"
    packing = f", packed by {found['packing']}" if found["packing"] else ""
    only = f" (of the first {thousands(found['limit'])}, as asked)" if found["limit"] else ""
    norms = found["norms"]
    rows = [
        ["file", printable(found["file"])],
        ["format", f"{found['format']}{packing}{size}"],
        ["words", f"{thousands(found['n_words'])}{only}"],
        ["first words", " ".join(map(printable, found["first_words"])) or "none"],
        ["dimensions", f"{found['dim']} ({found['dtype']})"],
        [
            "row lengths",
            "no finite row"
            if norms["min"] is None
            else f"min {norms['min']:.4g}, median {norms['median']:.4g}, max {norms['max']:.4g}",
        ],
    ]
    if found["looks_byte_swapped"]:
        rows.append(["byte order", "the numbers make sense only with their bytes swapped"])
    if found["has_plane"]:
        rows.append(["8-bit plane", "yes"])
    if found["tensors"]:
        shown = ", ".join(f"{printable(n)} {what}" for n, what in found["tensors"].items())
        rows.append(["further tensors", shown])
    if found["n_tokens"] is not None:
        rows.append(["counts", f"yes, of {thousands(found['n_tokens'])} tokens"])
    for label, key, examples in (
        ("duplicate words", "n_duplicates", "duplicate_examples"),
        ("zero rows", "n_zero_rows", "zero_examples"),
        ("non-finite rows", "n_nonfinite_rows", "nonfinite_examples"),
        ("odd words", "n_odd_words", None),
    ):
        text = thousands(found[key]) if found[key] else "none"
        if examples and found[key]:
            shown = ", ".join(repr(printable(word)) for word in found[examples])
            text += f": {shown}{', ...' if found[key] > len(found[examples]) else ''}"
        elif found[key]:
            text += " (empty, or not UTF-8)"
        rows.append([label, text])
    for key, value in found["metadata"].items():
        if value in ({}, []):
            continue  # nothing was given, nothing was given up
        text = value if isinstance(value, str) else json_line(value)
        text = text if len(text) <= _MOST_METADATA else text[:_MOST_METADATA] + "..."
        rows.append([printable(str(key)), printable(text)])
    if not found["metadata"]:
        rows.append(["provenance", "none in the file"])
    return table(rows, left=2)
