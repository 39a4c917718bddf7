"""Finds the transforms: every module in the package ``transforms`` is one, named as its file is."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from msgspec import Struct

from optimizer.fix import Safety, Transform


class UnknownTransform(ValueError):
    """A name that is no transform's; the message says so and offers the nearest one."""


@cache
def load() -> tuple[Transform, ...]:
    """Every transform, in the order in which they run."""
    package = importlib.import_module("transforms")
    names = sorted(
        path.stem for folder in package.__path__ for path in Path(folder).glob("*.py") if path.stem[0] != "_"
    )
    found = []
    for name in names:
        module = importlib.import_module(f"transforms.{name}")
        transform = next(
            value
            for value in vars(module).values()
            if isinstance(value, type) and issubclass(value, Transform) and value.__module__ == module.__name__
        )
        found.append(transform())
    return tuple(sorted(found, key=lambda transform: (transform.phase, transform.name)))


def find(name: str) -> Transform:
    """The transform of that name.

    :raises UnknownTransform: when there is none.
    """
    by_name = {transform.name: transform for transform in load()}
    if name in by_name:
        return by_name[name]
    from difflib import get_close_matches

    near = get_close_matches(name, by_name, 1)
    hint = f"did you mean {near[0]}?" if near else f"the transforms are {', '.join(by_name)}"
    raise UnknownTransform(f"no transform is called {name!r}: {hint}")


class Choice(Struct, frozen=True):
    """The transforms to run, and the names of those whose suggested fixes are applied too."""

    transforms: tuple[Transform, ...]
    suggested: frozenset[str] = frozenset()

    @property
    def applied(self) -> tuple[Transform, ...]:
        """Those that are not asked only for what they would suggest."""
        return tuple(
            each for each in self.transforms if each.safety is not Safety.SUGGESTED or each.name in self.suggested
        )


def choose(
    *, select: Iterable[str] = (), ignore: Iterable[str] = (), suggested: bool = False, enable: Iterable[str] = ()
) -> Choice:
    """The transforms selected by name, or all of them; without the ignored ones.

    Suggested fixes are applied when suggestions are asked for, and of transforms that are named. One that is opt-in
    runs only when it is named.

    :param enable: names of transforms to run besides.
    :raises UnknownTransform: for a name that is no transform's.
    """
    selected = {find(name).name for name in select}
    enabled = {find(name).name for name in enable}
    ignored = {find(name).name for name in ignore}
    chosen = tuple(
        each
        for each in load()
        if each.name not in ignored
        and (each.name in enabled or (each.name in selected if selected else not each.opt_in))
    )
    return Choice(chosen, frozenset(each.name for each in chosen) if suggested else frozenset(selected | enabled))
