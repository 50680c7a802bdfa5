"""Options of our own commands, made of a class of settings (see wordvec.options)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import click


def settings_of(
    options: type[Any],
    aliases: Mapping[str, str] | None = None,
    defaults: Mapping[str, str] | None = None,
) -> Callable[[Any], Any]:
    """Decorates a command with --window, --x-max ...: every setting under its own name.

    Values that are not given are None.  aliases: further names; defaults: what the help says of
    those whose default is no number to show.
    """

    def decorate(function: Any) -> Any:
        for field in reversed(dataclasses.fields(options)):
            spec = field.metadata["spec"]
            default: Any = field.default
            kind: Any = click.FLOAT if isinstance(default, float) else click.INT
            if isinstance(default, str):
                named = [choice for choice in spec.choices or () if choice]
                kind = click.Choice(named) if named else click.STRING
            elif isinstance(default, bool):
                kind = click.BOOL
            shown = (defaults or {}).get(field.name, default)
            text = f"{spec.help} (default: {shown})" if shown else spec.help
            names = [f"--{field.name.replace('_', '-')}", (aliases or {}).get(field.name)]
            function = click.option(
                *filter(None, names), field.name, type=kind, default=None, help=text
            )(function)
        return function

    return decorate
