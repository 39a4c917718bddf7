"""Who else wants what a package manager keeps: then it is no cache that nothing needs, and stays.

It can be looked at, copied or handed to another user by later commands, taken by another stage, used by the start of
the image, or be what an earlier instruction has put there for the install to use.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from optimizer.context import BuildContext
from optimizer.landing import Landing, brought, inside, provider
from optimizer.model import Model, Stage
from optimizer.packages.caches import REMOVERS, absolute
from optimizer.packages.managers import APK, APT, Manager
from optimizer.packages.places import Placed, Reading, reading_of
from optimizer.packages.reading import program_name, unwrap
from optimizer.runs import Run

_MAKERS = frozenset({"mkdir", "echo", "install"})
_FOLDERS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/")
_DEEPEST = 3
"""How far scripts are followed that call each other."""
_LONGEST = 50_000
"""Characters of a file in which others are looked for; what is longer is a program."""


def wanted(
    model: Model, stage: Stage, run: Run, reading: Reading, manager: Manager, home: str | None,
    context: BuildContext | None,
) -> str | None:  # fmt: skip
    """Who wants what the manager leaves behind, as a reason; None where nobody does."""
    whose = _Whose(manager, home or "/root")
    reasons = (whose.brought_before(stage, run), whose.used(model, stage, run, reading), whose.taken(model, stage))
    if found := next(filter(None, reasons), None):
        return found
    return _started(model, stage, manager, context) if manager in (APT, APK) and context is not None else None


class _Whose:
    """The folders in question."""

    def __init__(self, manager: Manager, home: str) -> None:
        self.manager = manager
        self.home = home

    def holds(self, path: str | None) -> bool:
        """Whether a path lies in one of the folders, or is one that may be there for their sake alone."""
        if path is None or not path.startswith("/"):
            return False
        path = posixpath.normpath(path)
        for each in self.manager.directories:
            folder = f"{self.home}{each[1:]}" if each.startswith("~") else each
            if inside(path, folder) or (each.startswith("~") and inside(folder, path) and not inside(self.home, path)):
                return True
        return False

    def brought_before(self, stage: Stage, run: Run) -> str | None:
        """What an earlier instruction puts there, or a mount of the RUN: the install is meant to use it."""
        for mount in run.mounts:
            if mount["type"] == "bind" and self.holds(mount.get("target")):
                return f"it is meant to use {mount['target']}, which is mounted"
        for each in stage.lineage:
            for instruction in each.instructions:
                if instruction.keyword not in ("COPY", "ADD") or instruction.index > run.instruction.index:
                    continue
                state = each.state(instruction)
                written = state.expand(instruction.words[-1], instruction.escape)
                if written and self.holds(state.resolve(written)):
                    return f"line {instruction.line} has put into {written} what it is meant to use"
        return None

    def used(self, model: Model, stage: Stage, run: Run, reading: Reading) -> str | None:
        """Which later command uses it."""
        first = next(place.command.start for place, call in reading.calls if call.manager.group == self.manager.group)
        own = (place for place in reading.commands if place.command.start > first)
        places = [(run, place) for place in own]
        for each in _behind(model, stage, run):
            found = reading_of(each)
            places += [(each, place) for place in found.commands] if found else []
        for where, place in places:
            if shown := self.uses(place):
                return f"line {where.instruction.line} uses it with `{shown}`"
        return None

    def uses(self, place: Placed) -> str | None:
        words, call = place.command.words, place.call
        start = unwrap(words)
        name = program_name(words[start]) if start < len(words) else None
        if self.manager is APT and name == "apt-file":
            return name  # its data lie among the lists
        if name is None or name in REMOVERS or name in _MAKERS:
            return None
        shown = " ".join(word.text for word in words[start : start + 3])
        if call is not None:
            asks = call.action == "clean" and any(word.literal == "dir" for word in call.arguments)
            return shown if asks and call.manager.group == self.manager.group else None
        return shown if any(self.holds(absolute(word.text, self.home)) for word in words[start + 1 :]) else None

    def taken(self, model: Model, stage: Stage) -> str | None:
        """Which other stage takes it."""
        for source in model.sources:
            if source.origin is None or stage not in source.origin.lineage:
                continue
            instruction = source.instruction
            if instruction.keyword == "COPY":
                paths = [f"/{word.lstrip('/')}".removesuffix("*") for word in instruction.words[:-1]]
            else:
                mounts = next((run.mounts for run in source.stage.runs if run.instruction is instruction), ())
                paths = [mount.get("source", "/") for mount in mounts if mount.get("from") == source.name]
            if path := next(filter(self.holds, paths), None):
                return f"line {instruction.line} takes {path} from this stage"
        return None


def _behind(model: Model, stage: Stage, run: Run) -> Iterator[Run]:
    """The RUNs behind one, in stages that are built on its own too."""
    yield from (each for each in stage.runs if each.instruction.index > run.instruction.index)
    for child in _descendants(model, stage):
        yield from child.runs


def _descendants(model: Model, stage: Stage) -> Iterator[Stage]:
    return (each for each in model.stages if each is not stage and stage in each.lineage)


def _started(model: Model, stage: Stage, manager: Manager, context: BuildContext) -> str | None:
    """Which script of the build context calls the manager when the image starts."""
    for each in (stage, *_descendants(model, stage)):
        landings = [landing for found in brought(each, context).values() for landing in found.landings]
        for instruction in each.instructions:
            if instruction.keyword in ("CMD", "ENTRYPOINT", "HEALTHCHECK"):
                workdir = each.state(instruction).workdir or "/"
                for path in _scripts(instruction.args, workdir, landings, context, 0):
                    if any(word in manager.programs for word in _words(context.read(path) or "")):
                        return f"{path}, which line {instruction.line} starts, calls {manager.name} in the container"
    return None


def _scripts(
    text: str, workdir: str, landings: list[Landing], context: BuildContext, depth: int
) -> Iterator[str]:  # fmt: skip
    """The files of the build context that a text names by their places in the image, and those that these name."""
    if depth > _DEEPEST or len(text) > _LONGEST:
        return
    for word in dict.fromkeys(_words(text)):
        folders = (workdir,) if "/" in word else (workdir, *_FOLDERS)
        for path in dict.fromkeys(posixpath.normpath(posixpath.join(folder, word)) for folder in folders):
            found = provider(landings, path, context)
            if found is not None and (inner := context.read(found[1])) is not None:
                yield found[1]
                yield from _scripts(inner, workdir, landings, context, depth + 1)


def _words(text: str) -> list[str]:
    """The words of a script or of an instruction, whatever separates or quotes them."""
    return "".join(" " if char in "\"'`;&|()[]{},=<>$" else char for char in text).split()
