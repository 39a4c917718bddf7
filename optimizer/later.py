"""Commands that are read only when they are asked for: making the options of all would take longer than most runs."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup


class _Commands(dict[str, Any]):
    """Commands by name; one that has not been asked for yet is the name of the module that has it as ``app``."""

    def get(self, name: str, default: Any = None) -> Any:
        found = super().get(name, default)
        if isinstance(found, str):
            found = self[name] = typer.main.get_command(import_module(found).app)
            found.name = name
        return found

    def __getitem__(self, name: str) -> Any:
        if name not in self:
            raise KeyError(name)
        return self.get(name)

    def items(self) -> Any:
        return {name: self[name] for name in self}.items()


class Group(TyperGroup):
    """A group whose commands in ``later`` come from the modules that are named there."""

    later: ClassVar[Mapping[str, str]] = {}
    """Modules by the names of their commands."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Commands({**self.commands, **self.later})
