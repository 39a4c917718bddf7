"""From what the user asks for to the Dockerfiles to work on, each with its build context and its rules."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple

from optimizer.problem import Problem
from optimizer.runner import STDIN, Rules, Task


class Ask(NamedTuple):
    """What the command line says about how to work; it goes before any settings file."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    suggested: bool = False
    context: str = ""
    targets: tuple[str, ...] = ()
    config: str = ""


class Tasks(NamedTuple):
    """What there is to do, and what could not be found or read on the way."""

    tasks: tuple[Task, ...]
    missing: tuple[Problem, ...] = ()
    """About the paths that were given."""
    notes: tuple[Problem, ...] = ()
    """About files that say how a Dockerfile is built, and were left out."""


def from_paths(paths: Iterable[str], ask: Ask) -> Tasks:
    """The Dockerfiles that the paths are, or have in them, each once and sorted."""
    from pathlib import Path

    from optimizer.discovery import discover

    discovery = discover([Path(path) for path in paths], Path(ask.context) if ask.context else None)
    tasks = (
        Task(
            str(found.path),
            None if found.context is None else str(found.context),
            (*found.targets, *ask.targets),
            found.targets_known,
            _rules(ask),
        )
        for found in discovery.found
    )
    return Tasks(tuple(tasks), discovery.errors, discovery.notes)


def from_stdin(data: bytes, name: str, ask: Ask) -> Tasks:
    """The Dockerfile that comes through standard input; its name says where it belongs, if it has one."""
    if name and os.path.isfile(name):
        found = from_paths([name], ask)
        return found._replace(tasks=tuple(task._replace(data=data) for task in found.tasks))
    context = ask.context or (os.path.dirname(name) or "." if name else None)
    return Tasks((Task(name or STDIN, context, ask.targets, True, _rules(ask), data),))


def _rules(ask: Ask) -> Rules:
    return Rules(ask.select, ask.ignore, ask.suggested)
