"""Entry point of `wordvec`: every way a command can end, turned into one line and an exit code.

0 done, 1 an error while working, 2 wrong usage, 130 Ctrl-C, 141 the reader of our output left,
128 + N ended by signal N (SIGHUP, SIGTERM).
Nothing but the standard library is imported before the first `try`, so that Ctrl-C during the
slow imports (click, numpy) ends as cleanly as any other.  Before that, while Python itself
starts, it is Python that answers, with a traceback or without.
"""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys

TYPE_CHECKING = False  # as typing's own, whose import takes time in which Ctrl-C would hurt
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 128 + 2
EXIT_BROKEN_PIPE = 128 + 13
ENDING_SIGNALS = (signal.SIGHUP, signal.SIGTERM)


# Imports leave some 100,000 objects behind, none of them garbage; looking through them all the
# while takes a third of the time of a short command.
OBJECTS_BETWEEN_COLLECTIONS = 200_000


class CommandError(Exception):
    """A command cannot do what it was asked: the message, one line, and exit code 1."""


class Ended(BaseException):
    """A signal asks the process to end; no Exception, so that nobody on the way takes it."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(number)


def run(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave the process; never shows a traceback.

    The environment variable WORDVEC_DEBUG=1 lets errors through with their traceback.
    """
    args = list(sys.argv[1:] if arguments is None else arguments)
    name = command_name(args)
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    try:
        end_cleanly_by_signals()
        code = invoke(args)
        sys.stdout.flush()
        ignore_signals()
    except KeyboardInterrupt as stopped:
        ignore_signals()
        # Worker threads may still be inside a kernel, on arrays that an orderly shutdown would
        # free under them; files are closed and temporary files removed by now.
        complain("; ".join([f"{name}: interrupted", *map(str, stopped.args)]))
        leave_at_once(EXIT_INTERRUPTED)
    except Ended as end:
        ignore_signals()
        complain(f"{name}: ended by {signal.Signals(end.number).name}")
        leave_at_once(128 + end.number)
    except BrokenPipeError:
        leave_at_once(EXIT_BROKEN_PIPE)
    except Exception as error:
        if os.environ.get("WORDVEC_DEBUG", "0") not in ("", "0"):
            raise
        complain(f"{name}: {explain(error)}")
        leave_at_once(exit_code_of(error))
    leave_at_once(code)  # the system takes memory back faster than Python, object by object


def end_cleanly_by_signals() -> None:
    """Let SIGHUP and SIGTERM raise Ended, so that temporary files are removed on the way out.

    Python runs the handler in the main thread, between two of its own steps: never inside a
    kernel.  Workers are told to stop as by Ctrl-C, but nothing is saved.
    """

    def end(number: int, _frame: object) -> NoReturn:
        raise Ended(number)

    for number in ENDING_SIGNALS:
        try:
            if signal.getsignal(number) == signal.SIG_DFL:  # else: nohup, or our caller's own
                signal.signal(number, end)
        except ValueError:
            return  # called from another thread than the main one


def ignore_signals() -> None:
    """From here on the end is near: one more signal must not turn it into a traceback."""
    for number in (signal.SIGINT, *ENDING_SIGNALS):
        while True:
            try:
                signal.signal(number, signal.SIG_IGN)
                break
            except (KeyboardInterrupt, Ended):  # it came while the call was on its way
                continue


def invoke(args: list[str]) -> int:
    """Run the command and give back its exit code; errors pass through."""
    if args[:1] == ["fasttext"] and args[1:2] != ["--help"]:
        return invoke_fasttext(args[1:])
    import click

    from .app import wordvec

    # Not `wordvec.main(args)`: click would end the process itself on a broken pipe or Ctrl-C.
    try:
        with wordvec.make_context("wordvec", args) as context:
            result = wordvec.invoke(context)
    except click.exceptions.Exit as end:  # --help, --version
        return end.exit_code
    return result if isinstance(result, int) else 0


def invoke_fasttext(args: list[str]) -> int:
    """The original's programs are called over and over by scripts, for little work: without
    click, of which their flags make no use, and without BLAS's threads, for which they have no
    work but which take time to start and, waiting for it, to idle."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from .fasttext import fasttext

    return fasttext(tuple(args))


def command_name(args: list[str]) -> str:
    """`wordvec word2vec` when a command was named, else `wordvec`: the start of every message."""
    return f"wordvec {args[0]}" if args and args[0][:1].isalpha() else "wordvec"


def explain(error: Exception) -> str:
    """The one line that a person needs."""
    click = sys.modules.get("click")  # not loaded: then nobody can have raised one
    if isinstance(error, CommandError):
        text = str(error)
    elif click is not None and isinstance(error, click.ClickException):
        text = str(error.format_message())
    elif isinstance(error, MemoryError):
        text = f"not enough memory{': ' + str(error) if str(error) else ''}"
    elif isinstance(error, OSError) and error.strerror and type(error).__module__ == "builtins":
        where = f"{_text(error.filename)}: " if error.filename is not None else ""
        text = where + error.strerror
    elif is_ours(error) or str(error).startswith("WORDVEC_SIMD="):
        text = str(error)  # the latter is an ImportError, of the kernels
    else:
        text = f"unexpected {type(error).__name__}: {error} (a bug; WORDVEC_DEBUG=1 shows where)"
    return " ".join(text.split())


def is_ours(error: Exception) -> bool:
    """Whether wordvec raised this on purpose, with a message made for people."""
    errors = sys.modules.get("wordvec.errors")  # not loaded: then nobody can have raised one
    return errors is not None and isinstance(error, errors.WordvecError)


def exit_code_of(error: Exception) -> int:
    errors, click = sys.modules.get("wordvec.errors"), sys.modules.get("click")
    is_usage = errors is not None and isinstance(error, errors.OptionError)
    is_usage = is_usage or (click is not None and isinstance(error, click.UsageError))
    return EXIT_USAGE if is_usage else EXIT_ERROR


def _text(name: object) -> str:
    return os.fsdecode(name) if isinstance(name, (str, bytes)) else str(name)


def complain(line: str) -> None:
    """One line on stderr, whatever bytes it holds and even if nobody listens."""
    try:
        # A progress line may stand unfinished on the terminal; start below it.
        start = "\n" if sys.stdout.isatty() and sys.stderr.isatty() else ""
        try:
            sys.stdout.flush()
        except (OSError, ValueError):
            pass  # a full disk or a closed pipe may be what the line is about
        sys.stderr.flush()
        sys.stderr.buffer.write((start + line + "\n").encode("utf-8", "surrogateescape"))
        sys.stderr.flush()
    except (OSError, ValueError):
        pass


def leave_at_once(code: int) -> NoReturn:
    """End the process without waiting for threads or closing a pipe that is gone."""
    ignore_signals()
    atexit._run_exitfuncs()  # removes what temporary files are left
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    os._exit(code)
