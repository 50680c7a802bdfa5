"""PyTorch, when it is there."""

from __future__ import annotations

import importlib
from types import ModuleType

from wordvec.errors import MissingExtraError


def need(purpose: str, *packages: str) -> ModuleType:
    """The first package, imported; MissingExtraError names the first that is not installed."""
    modules = []
    for package in packages:
        try:
            modules.append(importlib.import_module(package))
        except ImportError:
            raise MissingExtraError(purpose, "deep", package) from None
    return modules[0]
