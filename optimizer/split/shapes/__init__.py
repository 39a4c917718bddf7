"""How the results of a build are recognised, a language a module. Each module of this package is one.

A shape has ``PROGRAMS``, the programs of which the stage must call one, ``BASES``, the images that it knows (official
ones by their short name), and ``find(view)``: what it knows of the
build, why it cannot be told, or None where the stage does not build with this language.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from optimizer.split.plan import Found, Refused
from optimizer.split.view import View

Find = Callable[[View], Found | Refused | None]


class Shape(NamedTuple):
    """A language that builds."""

    name: str
    programs: frozenset[str]
    bases: frozenset[str]
    find: Find


@cache
def load() -> tuple[Shape, ...]:
    """Every shape, by name."""
    names = sorted(path.stem for folder in __path__ for path in Path(folder).glob("*.py") if path.stem[0] != "_")
    modules = [(name, import_module(f"{__name__}.{name}")) for name in names]
    return tuple(Shape(name, module.PROGRAMS, module.BASES, module.find) for name, module in modules)
