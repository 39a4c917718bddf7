"""What an image needs of a whole folder that it takes over from the stage of the build."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from optimizer.context import BuildContext
from optimizer.document import Instruction
from optimizer.instructions import settings
from optimizer.landing import inside, touch
from optimizer.model import Model, Source, Stage
from optimizer.split import built, shapes
from optimizer.split.kinds import NEUTRAL, SETUP
from optimizer.split.lineage import joined, others
from optimizer.split.plan import Artifact, Found, Question, Refused
from optimizer.split.system import is_system
from optimizer.split.view import Call, Taken, View, runs_anything, shortened

_FLAGS = frozenset({"from", "chown", "chmod", "link"})
_MODULES = "node_modules"


class Narrowed(NamedTuple):
    """A COPY that brings less."""

    at: Instruction
    builder: Stage
    tree: Taken
    """The folder that it brings as it is."""
    artifacts: tuple[Artifact, ...]
    """What it is to bring; empty where it brings the same folder."""
    finish: tuple[str, ...]
    """Instructions at the end of the stage of the build that make the folder smaller."""
    questions: tuple[Question, ...]

    @property
    def kept(self) -> Iterator[str]:
        """Where the artifacts come to lie, as patterns."""
        for each in self.artifacts:
            yield each.target + posixpath.basename(each.path) if each.target.endswith("/") else each.target


def narrow(model: Model, source: Source, context: BuildContext | None) -> Narrowed | Refused | None:
    """What a COPY need bring, why that cannot be told, or None where it brings no tree of sources."""
    at, builder = source.instruction, source.origin
    folder = _folder(source)
    if builder is None or folder is None:
        return None
    runs = [run for each in builder.lineage for run in each.runs]
    if folder.path == "/":
        named = builder.name or f"number {builder.index}"
        reason = f"it copies the whole file system of stage {named}, and what the image needs of it is not known"
        return Refused(at, f"{reason}: name the folders that it needs") if runs else None
    programs = {program for shape in shapes.load() for program in shape.programs}
    if not any(program in run.text for run in runs for program in programs):
        return None
    view = View(model, joined(builder), context, folder)
    tree = any(inside(zone, folder.path) for each in view.brought.values() if each.broad for zone in each.zones)
    found = built(view)
    if not isinstance(found, Found):
        return Refused(at, f"the whole tree goes over: {found.reason}") if found is not None and tree else None
    if not tree and not any(touch(folder.path, each) for each in (*found.sources, *_modules(found))):
        return None
    narrowed = _narrowed(view, source, builder, folder, found)
    if isinstance(narrowed, Refused) and not tree:
        return None
    if isinstance(narrowed, Narrowed) and context is None:
        return Refused(at, "the whole tree goes over: there is no build context to see what else is read of it")
    return narrowed


def _modules(found: Found) -> Iterator[str]:
    """The packages that the build ends with fewer of."""
    if found.finish:
        yield from (f"{each.path}/{_MODULES}" for each in found.artifacts)


def _folder(source: Source) -> Taken | None:
    """The folder that a COPY brings, and where its content goes; None where that is not one, or not known."""
    at, stage = source.instruction, source.stage
    if len(at.words) != 2 or any(flag.name not in _FLAGS for flag in at.flags):
        return None
    state = stage.state(at)
    path, target = (state.expand(word, at.escape) for word in at.words)
    to = None if target is None else state.resolve(target)
    if path is None or to is None or any(letter in path for letter in "*?["):
        return None
    return Taken(joined(stage), posixpath.normpath(f"/{path}").replace("//", "/"), to)


def _narrowed(view: View, source: Source, builder: Stage, folder: Taken, found: Found) -> Narrowed | Refused | None:
    at = source.instruction
    kept = [each for each in found.artifacts if inside(each.path, folder.path)]
    if any(touch(folder.path, each) for each in _modules(found)):
        if used := others(view.model, builder, source.stage):
            return Refused(at, f"packages for development go over, and stay in stage {builder.name}: {used}")
        if builder.final_state.workdir not in [each.path for each in found.artifacts]:
            return Refused(at, "packages for development go over: the stage of the build ends in another directory")
        reason = _reader(view, source.stage, at, [folder.path])
        whole = Narrowed(at, builder, folder, (), found.finish, found.questions)
        return Refused(at, f"packages for development go over: {reason}") if reason else whole
    if not found.sources or any(inside(folder.path, each.path) for each in found.artifacts):
        return None
    if not kept:
        return Refused(at, "the whole tree goes over, and what the program reads of it is not known")
    if reason := _reader(view, source.stage, at, [each.path for each in kept]):
        return Refused(at, f"the whole tree goes over: {reason}")
    artifacts = tuple(each._replace(target=_target(folder, each)) for each in kept)
    return Narrowed(at, builder, folder, artifacts, (), found.questions)


def _target(folder: Taken, artifact: Artifact) -> str:
    """Where an artifact goes; what a pattern stands for goes into a folder."""
    target = folder.there(artifact.path)
    return f"{posixpath.dirname(target)}/" if set(artifact.path) & set("*?") else target


def _reader(view: View, stage: Stage, at: Instruction, kept: Sequence[str]) -> str | None:
    """What else in the stage needs more of the folder than is kept; paths are those of the stage of the build."""
    taken = view.taken
    assert taken is not None

    def lost(path: str | None) -> bool:
        back = None if path is None else taken.back(path)
        return back is not None and back != taken.path and inside(back, taken.path) and not _any_touches(back, kept)

    for call in View(view.model, joined(stage), view.context).calls:
        if call.instruction.index < at.index or is_system(call):
            continue
        known = call.name in NEUTRAL | SETUP and not runs_anything(call)
        if not known or any(lost(call.at(word)) for word in call.operands):
            return f"line {call.instruction.line} runs `{shortened(call.text)}`, which may need more of it"
    for call in view.starts:
        for path in _named(call):
            if view.path_in_context(path) is not None and inside(path, taken.path) and not _any_touches(path, kept):
                return f"line {call.instruction.line} names {taken.there(path)}"
    for each in stage.instructions:
        for setting in settings(each) if each.keyword == "ENV" else ():
            value = stage.state(each).expand(setting.value or "", each.escape) or ""
            if any(lost(part) for part in value.split(":") if part.startswith("/")):
                return f"line {each.line} names {value}"
    return None


def _any_touches(path: str, kept: Iterable[str]) -> bool:
    return any(touch(path, each) for each in kept)


def _named(call: Call) -> Iterator[str]:
    """The paths that a command's words may be."""
    for word in call.argv:
        for text in (word, word.partition("=")[2]):
            if text and (path := call.at(text)) is not None:
                yield path
