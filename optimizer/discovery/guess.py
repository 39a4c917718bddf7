"""The build context of a Dockerfile that no file names: its folder, or one above it that has what it copies."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from optimizer.document import Instruction, ParseError, parse
from optimizer.runs import parse_mount
from optimizer.source import Unreadable, decode, read

_NOT_PLAIN = frozenset("$*?[<:")
"""Characters of what stands for several files, for none of the context, or for what a build argument says."""


def guess(path: Path, folders: Sequence[Path]) -> Path | None:
    """The folder that has most of the files that are copied, the nearest of those that have as many.

    None where the Dockerfile's own folder has nothing to copy, and all of it is copied or none of the files that are
    copied by name is in any of them: then it is another one.

    :param folders: the Dockerfile's folder, as it is to be shown, and those above it up to the repository's root.
    """
    alone = not _has_more(path.parent)
    if len(folders) < 2 and not alone:
        return path.parent
    try:
        instructions = parse(decode(read(str(path)))).instructions
    except (Unreadable, ParseError):
        return path.parent
    copied = {source.strip("/") for each in instructions for source in _sources(each)}
    plain = {source for source in copied if source not in ("", ".") and _NOT_PLAIN.isdisjoint(source)}
    found = [sum(os.path.lexists(folder / source) for source in plain) for folder in folders]
    if alone and copied and not any(found):
        return None
    return folders[found.index(max(found))]


def _sources(instruction: Instruction) -> Iterator[str]:
    """What an instruction takes from the build context, relative to it."""
    if instruction.keyword in ("COPY", "ADD") and instruction.flag("from") is None:
        yield from (os.path.normpath(word) for word in instruction.words[:-1])
    for flag in instruction.flags if instruction.keyword == "RUN" else ():
        mount = parse_mount(flag.value or "") if flag.name == "mount" else {}
        if mount.get("type") == "bind" and "from" not in mount:
            yield os.path.normpath(mount.get("source", "."))


def _has_more(folder: Path) -> bool:
    """Whether a folder has anything but Dockerfiles and files that say how to build them."""
    said = ("docker", "compose", "containerfile", ".docker", "readme")
    try:
        names = [name.lower() for name in os.listdir(folder)]
    except OSError:  # a folder whose files can be read, and not be listed
        return True
    return any(not name.startswith(said) and not name.endswith(".dockerfile") for name in names)
