"""The manners of `nn` and `analogy`: queries from arguments, stdin or a prompt, answers as text or
JSON lines.

Everything that is asked at once is answered at once, in one pass over the vectors.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

from .main import EXIT_ERROR, EXIT_INTERRUPTED, complain
from .speech import json_line, note, printable, say, table

if TYPE_CHECKING:
    from wordvec.vectors import Vectors

# What is asked -> a dict for JSON: "neighbours" [{"word", and its score}], or "error" (and, for
# unknown words, "suggestions").
Answer = dict[str, Any]
Ask = Callable[[Sequence[str]], list[Answer]]

_READ_BYTES = 1 << 16
_N_FREQUENT = 50_000  # words among which a misspelt one is looked for
_N_SUGGESTIONS = 3


def load_vectors(
    path: str, format: str | None, limit: int | None, allow_pickle: bool, **options: Any
) -> Vectors:
    """wordvec.load, with messages for the command line; `options` are its further ones."""
    import wordvec

    with flags_named():
        return wordvec.load(path, format, limit=limit, allow_pickle=allow_pickle, **options)


@contextlib.contextmanager
def flags_named() -> Iterator[None]:
    """Errors about options of the library name the flag that the user typed, or may type."""
    from wordvec.errors import FormatError, OptionError

    try:
        yield
    except FormatError as error:
        if "allow_pickle" not in error.hint:
            raise
        hint = error.hint.replace("load it with allow_pickle=True", "add --allow-pickle")
        raise FormatError(error.path, error.offset, error.expected, error.found, hint) from None
    except OptionError as error:
        if error.option not in ("format", "limit", "words", "plane", "path"):
            raise
        name = "OUT" if error.option == "path" else f"--{error.option}"
        text = f"{name}: expected {error.expected}, found {error.found!r}"
        raise click.UsageError(text) from None


def count_option(help: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """-k N: how many answers to show."""
    return click.option(
        "-k", "k", type=click.IntRange(min=1), default=10, show_default=True, metavar="N", help=help
    )


def file_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options about the file of vectors that several commands share."""
    for option in (
        click.option(
            "--limit",
            type=click.IntRange(min=1),
            metavar="N",
            help="Load only the first N words (the most frequent ones).",
        ),
        click.option(
            "--format", metavar="NAME", help="The file's format; found by its content otherwise."
        ),
        click.option(
            "--allow-pickle",
            is_flag=True,
            help="Read gensim's own files too (through a restricted unpickler).",
        ),
    ):
        command = option(command)
    return command


def output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--json/--text",
        "as_json",
        default=None,
        help="JSON lines, or text; without either, text on a terminal and JSON lines in a pipe.",
    )(command)


def converse(ask: Ask, arguments: Sequence[str], as_json: bool | None, prompt: str) -> int:
    """Answer the arguments; without any, lines of stdin, or of a prompt on a terminal.

    Exit code 1 when a query given as an argument has no answer.
    """
    if as_json is None:
        as_json = not sys.stdout.isatty()
    if arguments:
        answers = ask(arguments)
        for answer in answers:
            show(answer, as_json, with_title=len(arguments) > 1, errors_to_stderr=not as_json)
        return EXIT_ERROR if any("error" in answer for answer in answers) else 0
    if sys.stdin is None:
        raise click.UsageError("no words were given, and standard input is closed")
    if sys.stdin.isatty():
        return _at_a_prompt(ask, as_json, prompt)
    for lines in stdin_lines():
        for answer in ask(lines):
            show(answer, as_json, with_title=True, errors_to_stderr=False)
    return 0


def show(answer: Answer, as_json: bool, with_title: bool, errors_to_stderr: bool) -> None:
    if as_json:
        say(json_line(answer))
        return
    if "error" in answer:
        line = unknown_text(answer)
        if errors_to_stderr:
            complain(f"{click.get_current_context().command_path}: {line}")
        else:
            say(line)
        return
    if with_title:
        say(printable(str(answer["query"])))
    for word in answer.get("built_from_ngrams", ()):
        note(f"{printable(word)}: not among the words, built from its character n-grams")
    found = [list(neighbour.values()) for neighbour in answer["neighbours"]]
    rows = [[printable(word), f"{score:.4f}"] for word, score in found]
    if not rows:
        say("  no neighbours: the vector has no direction")
    for line in table(rows):
        say("  " + line)


def unknown_text(answer: Answer) -> str:
    text = str(answer["error"])
    if answer.get("suggestions"):
        text += f"; did you mean {', '.join(map(printable, answer['suggestions']))}?"
    return text


def _at_a_prompt(ask: Ask, as_json: bool, prompt: str) -> int:
    try:
        import readline  # noqa: F401  # from now on input() edits lines and keeps a history
    except ImportError:
        pass
    while True:
        try:
            line = _prompted(prompt).strip()
        except EOFError:  # Ctrl-D
            note("")
            return 0
        except KeyboardInterrupt:
            note("")
            return EXIT_INTERRUPTED
        if line:
            for answer in ask([line]):
                show(answer, as_json, with_title=False, errors_to_stderr=False)


def _prompted(prompt: str) -> str:
    if sys.stdout.isatty():
        return input(prompt)
    sys.stderr.write(prompt)  # stdout goes elsewhere, where a prompt would be rubbish
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line


def stdin_lines() -> Iterator[list[str]]:
    """Lines of stdin that are not blank: as many together as have arrived."""
    rest = b""
    while True:
        chunk = os.read(sys.stdin.fileno(), _READ_BYTES)
        if not chunk and not rest:
            return
        *lines, rest = (rest + chunk).split(b"\n") if chunk else (rest, b"")
        texts = [line.decode("utf-8", "surrogateescape").strip() for line in lines]
        if texts := [text for text in texts if text]:
            yield texts


def rows_or_error(
    vectors: Vectors, words: Sequence[str], query: str
) -> tuple[list[int], Answer | None]:
    """The rows of words; or, for the first that has none, an answer that says so."""
    rows = []
    for word in words:
        if word not in vectors.words:
            shown = printable(word)
            error = f"{shown!r} is not among the {len(vectors)} words"
            return [], {"query": query, "error": error, "suggestions": close_words(vectors, word)}
        rows.append(vectors.index_of(word))
    return rows, None


def neighbours(vectors: Vectors, rows: Any, scores: Any, measure: str) -> list[dict[str, Any]]:
    """Rows and scores of one query as they are in an answer; empty places (-1) are left out.

    `measure` is what the score is called.
    """
    return [
        {"word": vectors.words[row], measure: round(float(score), 6)}
        for row, score in zip(rows.tolist(), scores, strict=True)
        if row >= 0
    ]


def close_words(vectors: Vectors, word: str) -> list[str]:
    """Words that somebody who typed `word` may have meant, among the frequent ones."""
    variants = (word.lower(), word.capitalize(), word.upper(), word.title())
    found = [v for v in dict.fromkeys(variants) if v != word and v in vectors.words]
    near = [
        other
        for other in vectors.words[:_N_FREQUENT]
        if abs(len(other) - len(word)) <= 2
        and (other[:1] == word[:1] or other[1:3] == word[1:3] or other[:1] == word[1:2])
    ]
    found += get_close_matches(word, near, n=_N_SUGGESTIONS, cutoff=0.7)
    return list(dict.fromkeys(found))[:_N_SUGGESTIONS]
