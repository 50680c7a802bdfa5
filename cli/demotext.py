"""English text that is on every machine with Python: the documentation inside its own library."""

from __future__ import annotations

import os
import re
import sysconfig
from collections.abc import Iterator

# Folders of the standard library's tree that are not the library, or whose text is no prose.
SKIPPED_FOLDERS = frozenset(
    {"site-packages", "dist-packages", "test", "tests", "idle_test", "__pycache__", "encodings"}
)
# Comments and all kinds of string literals in the order in which they stand, so that a quote
# inside a comment does not open a string.  The loops are unrolled: the library is 10 MB of text.
_IN_TRIPLE = r"{0}{0}{0}([^{0}\\]*(?:(?:\\.|{0}(?!{0}{0}))[^{0}\\]*)*){0}{0}{0}"
_IN_SINGLE = r"{0}[^{0}\\\n]*(?:\\.[^{0}\\\n]*)*{0}"
LITERALS = re.compile(
    "|".join([r"#[^\n]*", *(form.format(q) for form in (_IN_TRIPLE, _IN_SINGLE) for q in "\"'")]),
    re.DOTALL,
)
# What may stand on the line before a triple-quoted string that is a docstring.
BEFORE_DOCSTRING = re.compile(r"[ \t]*[rRuU]?")
# Examples of the interactive interpreter are code, not prose.
PROMPT = re.compile(r"^[ \t]*(>>>|\.\.\. ).*$", re.MULTILINE)
PARAGRAPH_END = re.compile(r"\n[ \t]*\n")
TOKEN = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*(?:'(?:t|s|re|ll|ve|d)\b)?|[0-9]+")


def documents() -> Iterator[str]:
    """Docstrings and comments of the standard library (read, not imported), pydoc's topics."""
    for path in library_files():
        try:
            with open(path, encoding="utf-8") as file:
                source = file.read()
        except (OSError, UnicodeDecodeError):
            continue
        yield from prose(source)
    try:
        from pydoc_data.topics import topics
    except ImportError:  # some distributions put it into a package of its own
        return
    yield from topics.values()


def library_files() -> Iterator[str]:
    for folder, subfolders, names in os.walk(sysconfig.get_path("stdlib")):
        subfolders[:] = sorted(set(subfolders) - SKIPPED_FOLDERS)
        for name in sorted(names):
            if name.endswith(".py"):
                yield os.path.join(folder, name)


def prose(source: str) -> Iterator[str]:
    """The docstrings of one module's source text, and its comments of whole lines.

    A docstring is a triple-quoted string that begins its line; comment lines that follow each
    other are one text.
    """
    block: list[str] = []
    block_end = 0
    for match in LITERALS.finditer(source):
        line_start = source.rfind("\n", 0, match.start()) + 1
        is_comment = match[0].startswith("#")
        if block and not (is_comment and source[block_end : match.start()].strip(" \t") == "\n"):
            yield "\n".join(block)
            block.clear()
        if is_comment:
            if not source[line_start : match.start()].strip():
                block.append(match[0].lstrip("#"))
                block_end = match.end()
        elif (match[1] or match[2]) and BEFORE_DOCSTRING.fullmatch(
            source, line_start, match.start()
        ):
            yield match[1] or match[2]
    if block:
        yield "\n".join(block)


def sentences() -> list[list[str]]:
    """Paragraphs as lists of lower-case words; a paragraph that is only code-like is dropped."""
    found = []
    seen = set()
    for text in documents():
        for paragraph in PARAGRAPH_END.split(PROMPT.sub("", text)):
            words = TOKEN.findall(paragraph.lower())
            key = tuple(words)
            # Licence texts and inherited docstrings are there many times over.
            if len(words) < 3 or key in seen:
                continue
            seen.add(key)
            found.append(words)
    return found
