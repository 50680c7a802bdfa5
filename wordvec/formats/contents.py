"""What a file is that is none of ours: for messages, told by its first bytes."""

from __future__ import annotations

import json
import math
import struct

MAX_TENSORS_HEADER_BYTES = 1 << 30

# (how the file begins, what it is)
_BEGINNINGS = [
    (b"\x1f\x8b", "gzip data"),
    (b"BZh", "bzip2 data"),
    (b"\xfd7zXZ\x00", "xz data"),
    (b"\x28\xb5\x2f\xfd", "zstd data"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a rar archive"),
    (b"\x93NUMPY", "a NumPy array (.npy)"),
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow file"),
    (b"\xff\xff\xff\xff", "an Arrow stream"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"GGUF", "a GGUF model"),
    (b"\x7fELF", "an ELF program"),
    (b"\xcf\xfa\xed\xfe", "a macOS program"),
    (b"MZ", "a Windows program"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"#!", "a script"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
]


def describe(head: bytes) -> str:
    """What a file that starts with `head` (some kB, all of it if short) is, in a few words."""
    if not head:
        return "an empty file"
    for beginning, name in _BEGINNINGS:
        if head.startswith(beginning):
            return name
    if head.startswith(b"PK\x03\x04"):
        return _zip_kind(head)
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "a pickle"
    if head[257:262] == b"ustar":
        return "a tar archive"
    if _is_safetensors(head):
        return "a safetensors file"
    if _is_records(head):
        return "co-occurrence records of GloVe, which `wordvec glove glove` trains on"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    shown = repr(head[:40])[1:]
    if _is_json(text):
        return f"JSON, {shown}"
    if (text[:1] == b"<" and text[1:2] in (b"!", b"?")) or text[:5].lower() == b"<html":
        return f"HTML or XML, {shown}"
    if not head.strip(b"\0"):
        return "nothing but zero bytes"
    if b"\0" not in head and _is_utf8(head):
        return f"text that begins {shown}"
    return f"binary data that begins {shown}"


def _zip_kind(head: bytes) -> str:
    if b".npy" in head[:200]:
        return "a NumPy archive (.npz)"
    if b"/data.pkl" in head[:200]:
        return "a PyTorch model"
    return "a zip archive"


def _is_safetensors(head: bytes) -> bool:
    """Eight bytes with the length of a JSON object, then the object."""
    if len(head) < 9 or head[8:9] != b"{":
        return False
    return 2 <= int.from_bytes(head[:8], "little") <= MAX_TENSORS_HEADER_BYTES


def _is_records(head: bytes) -> bool:
    """Two ranks from 1 and a positive number, over and over, as GloVe's tools pass them on."""
    n_bytes = min(len(head), 1 << 12) // 16 * 16
    return n_bytes > 0 and all(
        0 < row < 1 << 24 and 0 < column < 1 << 24 and 0 < value < math.inf
        for row, column, value in struct.iter_unpack("<iid", head[:n_bytes])
    )


def _is_json(text: bytes) -> bool:
    if text[:1] not in (b"{", b"["):
        return False
    rest = text[1:].lstrip()[:1]
    if text[:1] == b"{":
        return rest in (b'"', b"}", b"")
    if rest in (b'"', b"{", b"[", b"]"):
        return True
    try:  # numbers: a word that is a bracket looks like that as well
        json.loads(text)
    except ValueError:
        return False
    return True


def _is_utf8(head: bytes) -> bool:
    try:
        head[:-4].decode("utf-8") if len(head) > 8 else head.decode("utf-8")
    except UnicodeDecodeError as error:
        return len(head) > 8 and error.end >= len(head) - 8
    return True
