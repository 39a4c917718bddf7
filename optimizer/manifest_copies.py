"""The COPYs that bring what an install reads, and nothing else, in the manner of the COPY that brings it all."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from optimizer.document import Instruction
from optimizer.installs import Install
from optimizer.landing import Brought, Landing, inside, provider
from optimizer.rewrite import WIDTH

if TYPE_CHECKING:
    from optimizer.context import BuildContext

_ODD = frozenset(" \t\"'$\\[]?*`#<")
"""Characters that COPY reads as more than themselves."""


class NewCopy(NamedTuple):
    """A COPY to be written: the instruction that it is taken from, its sources and its destination."""

    like: Instruction
    sources: tuple[str, ...]
    destination: str

    @property
    def _wide(self) -> bool:
        return len(" ".join(self._words)) > WIDTH

    @property
    def _words(self) -> list[str]:
        keyword = "copy" if self.like.written_keyword.islower() else "COPY"
        flags = [self.like.text[flag.start : flag.end] for flag in self.like.flags]
        return [keyword, *flags, *self.sources, self.destination]

    def lines(self, newline: str) -> str:
        """The instruction as it is written, broken where it would be too wide."""
        first, second, *more = self._words
        seam = f" {self.like.escape}{newline}    " if self._wide else " "
        return seam.join([f"{first} {second}", *more]) + newline

    @property
    def text(self) -> str:
        """The instruction as the checks know it."""
        args = (" " * 5 if self._wide else " ").join((*self.sources, self.destination))
        return " ".join(("COPY", *(flag.text for flag in self.like.flags), args))


class Manifests(NamedTuple):
    """What has to be copied first, by the number of the instruction that brings it now; and all of it as paths."""

    copies: Mapping[int, tuple[NewCopy, ...]]
    paths: frozenset[str]


def manifests(
    installs: Sequence[Install], delayed: Sequence[Brought], staying: Sequence[Landing], context: BuildContext | None
) -> Manifests | str:
    """What the installs need of the COPYs that are to come after them; or what cannot be copied first."""
    later = {each.instruction.index for each in delayed}
    everything = sorted(
        [*staying, *(landing for each in delayed for landing in each.landings)], key=lambda each: each.instruction.index
    )
    groups: dict[int, dict[str, dict[str, None]]] = {}
    needed: set[str] = set()
    made = {path for install in installs for path in install.makes}
    for install in installs:
        for file in install.needs.files:
            path = posixpath.normpath(posixpath.join(install.workdir, file)) + "/" * file.endswith("/")
            if path in made:
                continue
            found = provider(everything, path, context)
            if found is None and not file.endswith("*"):
                return f"{file} is not among the copied files"
            if found is None:
                continue
            landing, origin = found
            needed.add(path)
            before = provider(staying, path, context)
            if landing.instruction.index not in later or (before and before[1] == origin.removesuffix("*")):
                continue
            name = origin.removesuffix("*") if context is None else origin
            if set(name) & _ODD:
                return f"{name} has a name that COPY would read otherwise"
            source = origin + "/" * file.endswith("/")
            folder = _destination(landing, path)
            groups.setdefault(landing.instruction.index, {}).setdefault(folder, {})[source] = None
    copies = {
        each.instruction.index: tuple(
            NewCopy(each.instruction, tuple(sorted(sources, key=_order)), folder)
            for folder, sources in sorted(groups.get(each.instruction.index, {}).items(), key=_nearest)
        )
        for each in delayed
    }
    return Manifests(copies, frozenset(needed))


def _destination(landing: Landing, path: str) -> str:
    """Where the file goes, in the words of the COPY that brings it now."""
    written = landing.instruction.words[-1]
    if not landing.folder:
        return written
    folder = path.rstrip("/") if path.endswith("/") else posixpath.dirname(path)
    below = posixpath.relpath(folder, landing.target) if inside(folder, landing.target) else "."
    base = "./" if written in (".", "./") else written.rstrip("/") + "/"
    return base if below == "." else f"{base}{below}/"


def _nearest(group: tuple[str, object]) -> tuple[int, str]:
    return group[0].removeprefix("./").count("/"), group[0]


def _order(source: str) -> tuple[bool, int, str]:
    """Manifests first, as people write them, then their locks, then settings."""
    name = posixpath.basename(source)
    lock = 2 if "shrinkwrap" in name else int("lock" in name or name == "go.sum")
    return name.startswith("."), lock, source
