"""Commands in the original tools' manner: -name VALUE, one dash, the value in the next argument.

Where the originals swallow a mistake (an unknown flag, `-size ten`), these commands stop with
one line and exit code 2.  What scripts may depend on is kept: no arguments print the usage and
exit 0, a flag without its value prints `Argument missing for -train` on stdout and exits 1, the
first of two equal flags wins.
"""

from __future__ import annotations

import dataclasses
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

import click

from .numerals import read_number, read_whole

HELP_FLAGS = ("--help", "-h", "-help")
SIZE_UNITS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}  # powers of 1000, or of 1024 with an i


class OriginalCommand(click.Command):
    """A click command whose arguments are pairs of -name and value.

    `needs_arguments`: without any it shows its help; `no_value_text` is for a last flag alone.
    """

    needs_arguments = True
    no_value_text = "Argument missing for {}"

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if (not args and self.needs_arguments) or any(flag in HELP_FLAGS for flag in args[::2]):
            click.echo(self.get_help(ctx))
            ctx.exit()
        return super().parse_args(ctx, self.pairs(ctx, args))

    def pairs(self, ctx: click.Context, args: list[str]) -> list[str]:
        """`args` without repeated flags; every mistake in their order is reported here."""
        known = {flag for param in self.params for flag in param.opts}
        values: dict[str, str] = {}
        rest = iter(args)
        for flag in rest:
            if flag not in known:
                raise click.UsageError(_unknown(flag, known), ctx)
            value = next(rest, None)
            if value is None:
                click.echo(self.no_value_text.format(flag))
                ctx.exit(1)
            if value in known:
                raise click.UsageError(f"{flag}: expected a value, found the flag {value}", ctx)
            if flag in values:
                # The originals take the first one, so a script may append its defaults.
                print(f"{ctx.command_path}: note: {flag} is given twice; the first, "
                      f"{values[flag]!r}, counts", file=sys.stderr)  # fmt: skip
            values.setdefault(flag, value)
        return [part for pair in values.items() for part in pair]

    def get_help_option(self, ctx: click.Context) -> None:
        return None  # the help flags are not part of the pairs


def _unknown(flag: str, known: set[str]) -> str:
    if not flag.startswith("-"):
        return f"expected a flag such as -train, found {flag!r}"
    name, equals, _ = flag.partition("=")
    if equals and name in known:
        return f"{name}: expected the value as the next argument, found {flag!r}"
    close = get_close_matches("-" + flag.lstrip("-"), known, n=1)
    return f"no flag {flag}" + (f"; did you mean {close[0]}?" if close else " (see --help)")


class Value(click.ParamType):  # type: ignore[type-arg]  # no generic in click 8.1
    """One value from the command line, turned into a Python object by `read`.

    `read` gives None for text it cannot take.  Ranges are not checked here: the options class
    knows them.
    """

    def __init__(self, name: str, expected: str, read: Callable[[str], Any]) -> None:
        self.name = name
        self.expected = expected
        self.read = read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value  # a default
        result = self.read(value)
        if result is None:
            flag = param.opts[0] if param is not None else "value"
            raise click.UsageError(f"{flag}: expected {self.expected}, found {value!r}", ctx)
        return result


def read_size(text: str) -> int | None:
    """Bytes, at least one, from `4G`, `500M`, `1.5GB` (10^9, as in all that is printed), `4GiB`
    (2^30) or a plain number."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(?:([KMGT])(i?))?B?", text, re.IGNORECASE)
    if match is None:
        return None
    base = 1024 if match[3] else 1000
    return int(float(match[1]) * base ** SIZE_UNITS[(match[2] or "").upper()]) or None


def read_switch(text: str) -> bool | None:
    return {"0": False, "1": True}.get(text)


FILE = Value("FILE", "a file name", lambda text: text or None)
SWITCH = Value("0|1", "0 or 1", read_switch)
SIZE = Value("BYTES", "a size in bytes such as 4G or 500M", read_size)


def whole_number(low: int, high: int) -> Value:
    def read(text: str) -> int | None:
        number = read_whole(text)
        return number if number is not None and low <= number <= high else None

    return Value("N", f"a whole number from {low} to {high}", read)


def file_flag(flag: str, name: str, help: str) -> click.Option:
    return click.Option([flag, name], type=FILE, metavar="FILE", default=None, help=help)


def option_flags(
    options: type[Any], inverted: Mapping[str, str], default_texts: Mapping[str, str]
) -> list[click.Option]:
    """A click option for every field of an options class that has a flag.

    `inverted` maps 0/1 fields whose flag has the opposite sense to the flag's help (`sg` is the
    opposite of -cbow).  `default_texts` holds the defaults that depend on other options, in
    words; these parameters default to None.
    """
    params = []
    for field in dataclasses.fields(options):
        spec = field.metadata["spec"]
        if spec.flag is None:
            continue
        default: Any = field.default if spec.original is None else spec.original
        if field.name in inverted:
            default = 1 - default
        if field.name in default_texts:
            shown, default = default_texts[field.name], None
        else:
            shown = "none" if default is None else _as_typed(default)
        help = inverted.get(field.name, spec.help)
        params.append(
            click.Option(
                [spec.flag, field.name],
                type=_value_type(field.default, spec),
                metavar=_metavar(field.default, spec),
                default=default,
                help=f"{help} (default {shown})",
            )
        )
    return params


def _as_typed(default: Any) -> str:
    return str(int(default)) if isinstance(default, bool) else f"{default}"


def _value_type(default: Any, spec: Any) -> Value:
    if isinstance(default, str):
        return Value("NAME", spec.expected, lambda text: text if text in spec.choices else None)
    if isinstance(default, bool) or spec.choices == (0, 1):
        return SWITCH
    if isinstance(default, float):
        return Value("X", spec.expected, read_number)
    expected = spec.expected.replace("a number", "a whole number")
    return Value("N", expected, read_whole)


def _metavar(default: Any, spec: Any) -> str:
    if isinstance(default, str):
        return "|".join(spec.choices)
    return _value_type(default, spec).name


def options_from_flags(
    options: type[Any], values: Mapping[str, Any], inverted: Mapping[str, str], ctx: click.Context
) -> Any:
    """The options object; a value outside its range is an error that names the flag."""
    from wordvec.errors import OptionError

    kinds = {f.name: type(f.default) for f in dataclasses.fields(options)}
    arguments = {}
    for name, value in values.items():
        if name in inverted:
            value = 1 - int(value)
        elif isinstance(value, bool) and kinds[name] is int:
            value = int(value)
        arguments[name] = value
    try:
        return options(**arguments)
    except OptionError as error:
        flag = options.__dataclass_fields__[error.option].metadata["spec"].flag
        found = values.get(error.option, error.found)
        whole = kinds[error.option] in (int, type(None))
        expected = error.expected
        if whole and "whole" not in expected:
            expected = expected.replace("a number", "a whole number")
        raise click.UsageError(f"{flag}: expected {expected}, found {found}", ctx) from None


class FileSet:
    """Files to compare others with: the same by name, or by a link, or as an open file's number."""

    def __init__(self, files: Iterable[str | int]) -> None:
        self._names: set[str] = set()
        self._identities: set[tuple[int, int]] = set()
        for file in files:
            if isinstance(file, str):
                self._names.add(os.path.abspath(file))
            try:
                status = os.stat(file)
            except OSError:
                continue
            self._identities.add((status.st_dev, status.st_ino))

    def holds(self, name: str) -> bool:
        if os.path.abspath(name) in self._names:
            return True
        try:
            status = os.stat(name)
        except OSError:
            return False
        return (status.st_dev, status.st_ino) in self._identities


def refuse_overwriting(
    inputs: Mapping[str, FileSet], outputs: Iterable[tuple[str, str]], ctx: click.Context
) -> None:
    """No output (flag, name) may replace an input or another output; devices may serve twice."""
    earlier: list[tuple[str, FileSet]] = []
    for flag, name in outputs:
        if os.path.exists(name) and not os.path.isfile(name):
            continue
        for other, files in [*inputs.items(), *earlier]:
            if files.holds(name):
                raise click.UsageError(f"{flag}: {name!r} is the file of {other} too", ctx)
        earlier.append((flag, FileSet([name])))


def is_inside(name: str, folder: str) -> bool:
    """Whether file `name` lies, or would lie, in `folder` or below it, links followed."""
    if not os.path.isdir(folder):
        return False
    top = os.path.realpath(folder)
    return os.path.commonpath([top, os.path.realpath(name)]) == top
