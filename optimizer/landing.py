"""Where COPY and ADD put the files of the build context, and a folder of the image as they have filled it.

Source: BuildKit's dispatchCopy and fsutil's copy: the content of a folder goes into the destination, a file keeps its
name below a destination that is a folder, what comes later replaces what was there.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from optimizer.context import BuildContext
from optimizer.copies import Copied, copied
from optimizer.document import Instruction
from optimizer.model import Stage
from optimizer.wildcard import compiled, has_wildcard


class Landing(NamedTuple):
    """What one source puts into the image. Without a build context ``source`` may be a pattern."""

    instruction: Instruction
    source: str
    """Relative to the context's root; "" is the root."""
    target: str
    """Absolute: the file, or the folder that gets the content."""
    folder: bool

    def origin(self, path: str) -> str | None:
        """Which path of the context comes to lie at a path of the image; None where none can."""
        if path == self.target:
            return self.source
        if not self.folder or not inside(path, self.target):
            return None
        below = path[len(self.target.rstrip("/")) + 1 :]
        return f"{self.source}/{below}" if self.source else below


def inside(path: str, folder: str) -> bool:
    """Whether a path is a folder or lies below it; both absolute and clean."""
    return path == folder or path.startswith(folder if folder == "/" else f"{folder}/")


def touch(one: str, other: str) -> bool:
    """Whether one path is the other, or lies below or above it."""
    return inside(one, other) or inside(other, one)


class Brought(NamedTuple):
    """A COPY or ADD: what it brings, and the places that it may write to."""

    instruction: Instruction
    landings: tuple[Landing, ...]
    unknown: str
    """Why nobody knows what it brings, or where; "" where the landings are all of it."""
    zones: tuple[str, ...]
    """Files and folders it writes to; "/" where that is not known."""

    @property
    def known(self) -> bool:
        return not self.unknown

    @property
    def broad(self) -> bool:
        """Whether it brings whole folders."""
        return any(landing.folder for landing in self.landings)

    @property
    def seems_broad(self) -> bool:
        """Whether it takes whole folders of the build context, by its text."""
        outside = self.instruction.flag("from") is not None
        whole = any(word.endswith(("/", ".", "*")) for word in self.instruction.words[:-1])
        return self.broad or (self.unknown != "" and whole and not outside)


def brought(stage: Stage, context: BuildContext | None) -> Mapping[int, Brought]:
    """Every COPY and ADD of the stage and of those that it is built on, by the instruction's number."""
    found: dict[int, Brought] = {}
    folders = {"/"}
    for each in reversed(list(stage.lineage)):
        sources: dict[int, list[Copied]] = {}
        for source in copied(each):
            sources.setdefault(source.instruction.index, []).append(source)
        for instruction in each.instructions:
            if instruction.keyword == "WORKDIR":
                state = each.state(instruction)
                written = state.expand(instruction.args, instruction.escape)
                folders.add((state.resolve(written) if written else None) or "/")
            elif instruction.keyword in ("COPY", "ADD"):
                found[instruction.index] = _brought(
                    each, instruction, sources.get(instruction.index, ()), context, folders
                )
                folders.update(landing.target for landing in found[instruction.index].landings if landing.folder)
    return found


def _brought(
    stage: Stage, instruction: Instruction, sources: Sequence[Copied], context: BuildContext | None, folders: set[str]
) -> Brought:
    state = stage.state(instruction)
    written = state.expand(instruction.words[-1], instruction.escape)
    destination = None if written is None else state.resolve(written)
    if destination is None or written is None:
        return Brought(instruction, (), "where it puts the files is not known", ("/",))
    into = written.endswith(("/", "/.")) or written == "." or destination in folders or len(sources) > 1
    landings: list[Landing] = []
    for source, word in zip(sources, instruction.words, strict=False):
        if source.source is not None:
            landings += _of_source(source.source, word, instruction, destination, into, context)
    if unknown := _unknown(instruction, sources, landings):
        return Brought(instruction, (), unknown, (destination,))
    zones = dict.fromkeys(zone for landing in landings for zone in _zones(landing, context))
    return Brought(instruction, tuple(landings), "", tuple(zones))


def _unknown(instruction: Instruction, sources: Sequence[Copied], landings: Sequence[Landing]) -> str:
    """Why the landings may not be all that an instruction brings; "" where they are."""
    names = [flag.name for flag in instruction.flags]
    flag = next((name for name in names if name not in ("from", "chown", "chmod", "link")), None)
    if flag is not None:
        return f"--{flag} decides what it brings"
    if len(instruction.words) - 1 != len(sources) or instruction.heredocs:
        return "it brings more than files of the build context"
    if any(source.source is None for source in sources):
        return "it has a variable whose value is not known"
    if instruction.keyword == "ADD" and not all(landing.folder for landing in landings):
        return "ADD may unpack what it brings"
    return ""


def _zones(landing: Landing, context: BuildContext | None) -> list[str]:
    """What the landing may write to; into the root of the image, only what is there to be written."""
    if landing.target != "/" or context is None:
        return [landing.target]
    return [f"/{posixpath.basename(path)}" for path in context.glob(posixpath.join(landing.source, "*"))]


def _of_source(
    source: str, word: str, instruction: Instruction, destination: str, into: bool, context: BuildContext | None
) -> Iterator[Landing]:
    if context is None:
        whole = source == "" or word.endswith("/") or posixpath.basename(source) == "*"
        matches = [(source.removesuffix("*").rstrip("/") if whole else source, whole)]
    else:
        matches = [(match, context.is_dir(match)) for match in context.glob(source)]
        into = into or len(matches) > 1
    for match, folder in matches:
        target = destination if folder or not into else posixpath.join(destination, posixpath.basename(match))
        yield Landing(instruction, match, target, folder)


class Folder(NamedTuple):
    """A folder of the image with what the landings put there: the ProjectFiles that `optimizer.manifests` asks."""

    workdir: str
    landings: tuple[Landing, ...]
    context: BuildContext
    made: frozenset[str] = frozenset()
    """Files that a command before makes, and that name nothing of the project: they are read as empty."""

    def absolute(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(self.workdir, path))

    def _origin(self, path: str, *, folder: bool) -> str | None:
        absolute = self.absolute(path)
        is_there = self.context.is_dir if folder else self.context.is_file
        for landing in reversed(self.landings):
            origin = landing.origin(absolute)
            if origin is not None and is_there(origin):
                return origin
        return None

    def read(self, path: str) -> str | None:
        origin = self._origin(path, folder=False)
        if origin is None or self.absolute(path) in self.made:
            return "" if self.is_file(path) else None
        return self.context.read(origin)

    def is_file(self, path: str) -> bool:
        return self.absolute(path) in self.made or self._origin(path, folder=False) is not None

    def is_dir(self, path: str) -> bool:
        absolute = self.absolute(path)
        if absolute == "/":
            return False  # it is above every project, and nothing is above it
        holds = any(inside(landing.target, absolute) for landing in self.landings if landing.target != absolute)
        return holds or self._origin(path, folder=True) is not None

    def files(self, under: str = "") -> Iterator[str]:
        top = self.absolute(under)
        found: dict[str, None] = {}
        for landing in self.landings:
            if not landing.folder:
                if inside(landing.target, top):
                    found[landing.target] = None
                continue
            origin = landing.source if inside(landing.target, top) else landing.origin(top)
            if origin is None:
                continue
            at = landing.target if inside(landing.target, top) else top
            skip = len(origin) + 1 if origin else 0
            for path in self.context.files(origin):
                if path.startswith(f"{origin}/" if origin else ""):
                    found[posixpath.join(at, path[skip:])] = None
        for path in sorted(found):
            if path != top:
                yield posixpath.join(under, path[len(top.rstrip("/")) + 1 :])


def holds(landing: Landing, path: str, context: BuildContext | None) -> str | None:
    """Which path of the context the landing puts at a path of the image; one that ends in "/" is a folder.

    Without a build context a folder is taken to hold whatever is asked for, and a pattern what it matches.
    """
    absolute = path.rstrip("/") or "/"
    if context is None and not landing.folder and has_wildcard(landing.source):
        folder, name = posixpath.split(absolute.removesuffix("*"))
        matches = compiled(posixpath.basename(landing.source)).fullmatch(name)
        inside_it = folder in (landing.target, posixpath.dirname(landing.target))
        return posixpath.join(posixpath.dirname(landing.source), name) if matches and inside_it else None
    origin = landing.origin(absolute)
    if origin is None and context is None and not landing.folder:
        origin = landing.origin(absolute.removesuffix("*"))
    if origin is None or (context is None and (landing.folder or not path.endswith("/"))):
        return origin
    if context is None:
        return None
    there = context.is_dir(origin) if path.endswith("/") else context.is_file(origin)
    return origin if there else None


def provider(landings: Iterable[Landing], path: str, context: BuildContext | None) -> tuple[Landing, str] | None:
    """The last landing that puts a file or folder at a path of the image, with its path in the context."""
    found = None
    for landing in landings:
        if (origin := holds(landing, path, context)) is not None:
            found = landing, origin
    return found
