"""What a stage takes from the build context, and which file of the context a path in the image is.

Source: BuildKit's dispatchCopy: sources are patterns below the context's root, a folder gives its content, a file
keeps its name below a destination that is a folder.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

from msgspec import Struct

from optimizer.context import BuildContext
from optimizer.document import Instruction
from optimizer.model import Stage, State
from optimizer.runs import parse_mount
from optimizer.wildcard import clean


class Copied(Struct, frozen=True):
    """One source of a COPY, an ADD or a bind mount. None stands for what the text cannot tell."""

    instruction: Instruction
    source: str | None
    """A pattern relative to the context's root; "" is the root."""
    destination: str | None
    """Where it goes, absolute; a file may also go below it."""
    parents: bool = False
    """Whether the source's folders are made again below the destination (COPY --parents)."""

    def is_broad(self, context: BuildContext) -> bool:
        """Whether it stands for whatever lies there, and not for files by their names."""
        if self.source is None or self.instruction.keyword == "RUN":
            return False
        return posixpath.basename(self.source) == "*" or context.is_dir(self.source)

    def lands(self, path: str, context: BuildContext) -> str | None:
        """Where a path of the context comes to lie in the image; None where it is not copied, or that is not known."""
        if self.source is None or self.destination is None:
            return None
        for match in context.glob(self.source):
            folder = context.is_dir(match)
            if path != match and not (folder and (not match or path.startswith(f"{match}/"))):
                continue
            below = path if self.parents else path[len(match) :].strip("/") if folder else posixpath.basename(match)
            return posixpath.normpath(posixpath.join(self.destination, below))
        return None


def copied(stage: Stage) -> Iterator[Copied]:
    """What the stage itself takes from the context, in order; triggers of ONBUILD are another build's."""
    for instruction in stage.instructions:
        state = stage.state(instruction)
        if instruction.keyword in ("COPY", "ADD"):
            yield from _of_copy(instruction, state)
        elif instruction.keyword == "RUN":
            for flag in instruction.flags:
                mount = parse_mount(flag.value or "") if flag.name == "mount" else {}
                if mount.get("type") == "bind" and not mount.get("from"):
                    source = state.expand(mount.get("source", ""), instruction.escape)
                    target = state.expand(mount.get("target", ""), instruction.escape)
                    yield Copied(instruction, _in_context(source), None if not target else state.resolve(target))


def _of_copy(instruction: Instruction, state: State) -> Iterator[Copied]:
    if instruction.flag("from") is not None:
        return
    *sources, last = instruction.words
    expanded = state.expand(last, instruction.escape)
    destination = None if expanded is None else state.resolve(expanded)
    for written in sources:
        source = state.expand(written, instruction.escape)
        if written.startswith("<<") or _is_remote(written if source is None else source):
            continue
        yield Copied(instruction, _in_context(source), destination, instruction.flag("parents") is not None)


def _is_remote(source: str) -> bool:
    return "://" in source or source.startswith("git@")


def _in_context(source: str | None) -> str | None:
    return None if source is None else clean(f"/{source}").removeprefix("/")


def origin(found: Sequence[Copied], path: str, context: BuildContext) -> str | None:
    """The path in the context that an absolute path of the image was copied from; None where there is none."""
    for each in reversed(found):
        if each.source is None or each.destination is None:
            continue
        for match in context.glob(each.source):
            target = posixpath.normpath(posixpath.join(each.destination, match if each.parents else ""))
            if context.is_dir(match):
                below = posixpath.relpath(path, target)
                candidate = match if below == "." else clean(f"/{match}/{below}").removeprefix("/")
                if not below.startswith("..") and (context.is_file(candidate) or context.is_dir(candidate)):
                    return candidate
            elif path in (target, posixpath.join(target, posixpath.basename(match))):
                return match
    return None
