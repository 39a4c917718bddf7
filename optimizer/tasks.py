"""From what the user asks for to the Dockerfiles to work on, each with its build context and its rules."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from optimizer import config, registry
from optimizer.config import Config
from optimizer.fix import Options
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
    enable: tuple[str, ...] = ()
    timings: str = ""
    newest: str = "HEAD"
    """The commit with which the history ends that changes are expected by."""


class Tasks(NamedTuple):
    """What there is to do, and what was wrong on the way."""

    tasks: tuple[Task, ...]
    missing: tuple[Problem, ...] = ()
    """About the paths that were given."""
    settings: tuple[Problem, ...] = ()
    """About settings files; the Dockerfiles that they are for are not among the tasks."""
    notes: tuple[Problem, ...] = ()
    """About files that say how a Dockerfile is built, and were left out."""


def from_paths(paths: Iterable[str], ask: Ask) -> Tasks:
    """The Dockerfiles that the paths are, or have in them, each once and sorted."""
    from optimizer.discovery import discover

    discovery = discover([Path(path) for path in paths], Path(ask.context) if ask.context else None)
    tasks: list[Task] = []
    problems: dict[Problem, None] = {}
    config_of = lru_cache(lambda folder: _config(folder, ask))
    for found in discovery.found:
        settings = config_of(found.path.parent)
        if settings.problems:
            problems |= dict.fromkeys(settings.problems)
        elif found.explicit or not settings.excludes(found.path):
            context = None if found.context is None else str(found.context)
            targets = (*found.targets, *ask.targets)
            tasks.append(Task(str(found.path), context, targets, found.targets_known, _rules(settings, ask)))
    return Tasks(tuple(tasks), discovery.errors, tuple(problems), discovery.notes)


def from_stdin(data: bytes, name: str, ask: Ask) -> Tasks:
    """The Dockerfile that comes through standard input; its name says where it belongs, if it has one."""
    if name and os.path.isfile(name):
        found = from_paths([name], ask)
        return found._replace(tasks=tuple(task._replace(data=data) for task in found.tasks))
    folder = os.path.dirname(name) or "."
    settings = _config(Path(folder), ask)
    if settings.problems:
        return Tasks((), settings=settings.problems)
    context = ask.context or (folder if name else None)
    return Tasks((Task(name or STDIN, context, ask.targets, True, _rules(settings, ask), data),))


def _config(folder: Path, ask: Ask) -> Config:
    """The settings for the Dockerfiles of a folder."""
    names = {transform.name for transform in registry.load()}
    if ask.config:
        found = config.read(Path(ask.config), names) or Config()
    else:
        found = config.load(folder / "Dockerfile", names)
    return config.override(
        found, select=ask.select, ignore=ask.ignore, suggested=ask.suggested, enable=ask.enable
    )  # fmt: skip


def _rules(found: Config, ask: Ask) -> Rules:
    settings = found.settings
    options = Options(settings.merge_in_builder_stages, settings.min_saving, ask.timings, ask.newest)
    return Rules(settings.select, settings.ignore, settings.suggested, options, settings.enable)
