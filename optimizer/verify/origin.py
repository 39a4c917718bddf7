"""Where the original image has what another one lacks, and which package of the distribution brings it there."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import replace

from optimizer.verify.cause import Cause, MissingLibrary, MissingModule, MissingPath, MissingProgram, Origin
from optimizer.verify.entry import Image, Kind
from optimizer.verify.installed import Installed
from optimizer.verify.programs import Programs

_SITES = ("site-packages", "dist-packages")
_STANDARD = ("/lib/", "/usr/lib/", "/usr/local/lib/")


class Origins:
    """What is in the original image. It was read with `optimizer.verify.runtime.Looking`."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._programs = Programs(image)
        self._installed = Installed(image)

    def known(self, causes: Iterable[Cause], after: Image | None) -> Iterator[Cause]:
        """The causes, each with what the original has; without paths that it lacks as well.

        :param after: the image that fails, or None where none came of the build.
        """
        for cause in causes:
            if isinstance(cause, MissingPath):
                cause = replace(cause, path=self._image.absolute(cause.path))
            origin = self._origin(cause, after)
            named = isinstance(cause, MissingPath) or (isinstance(cause, MissingProgram) and "/" in cause.program)
            if origin is not None or not named:
                yield replace(cause, origin=origin)
            if origin is not None and origin.link and after is not None and after.at(origin.real) is None:
                yield from self.known([MissingPath(origin.real)], after)

    def _origin(self, cause: Cause, after: Image | None) -> Origin | None:
        path = self._path(cause)
        real = self._image.resolve(path) if path else None
        if path is None or real is None:
            return None
        package = next(filter(None, (self._package(each, after) for each in dict.fromkeys((path, real)))), "")
        if isinstance(cause, (MissingPath, MissingProgram)) and not package and after is not None:
            path = _topmost(path, after)
            return Origin(path, real, link=self._link(path))
        return Origin(path, real, package)

    def _link(self, path: str) -> str:
        """Where a symbolic link leads, as it says it; "" for anything else."""
        folder = self._image.resolve(posixpath.dirname(path)) or ""
        entry = self._image.entries.get(posixpath.join(folder, posixpath.basename(path)))
        return entry.link if entry is not None and entry.kind is Kind.SYMLINK else ""

    def _package(self, path: str, after: Image | None) -> str:
        """The package of the distribution that has a path, and is not in the other image: there it leaves it out."""
        folder = self._image.resolve(posixpath.dirname(path)) or ""
        owner = self._installed.owner(posixpath.join(folder, posixpath.basename(path)))
        if owner is None or not owner.of_system or (after and owner.record in Installed(after).packages):
            return ""
        return posixpath.basename(owner.record).removesuffix(".list").partition(":")[0]

    def _path(self, cause: Cause) -> str | None:
        match cause:
            case MissingPath(path):
                return path if self._image.at(path) else None
            case MissingProgram(program):
                return self._programs.find(program)
            case MissingLibrary(library, _, ""):
                return self._library(library)
            case MissingModule(module, imported_by):
                return self._module(module, imported_by)
        return None

    def _library(self, name: str) -> str | None:
        if "/" in name:
            return name if self._image.at(name) else None
        if name.startswith("-l"):
            found = [path for path in self._image.entries if _is_version_of(name, path) and self._image.at(path)]
        else:
            found = [path for path in self._image.entries if path.endswith(f"/{name}") and self._image.at(path)]
        return min(found, key=lambda path: (not path.startswith(_STANDARD), len(path), path), default=None)

    def _module(self, module: str, imported_by: tuple[str, ...]) -> str | None:
        """The file or folder of a module, or of the package that it is in."""
        relative = module.lstrip(".")
        name, levels = relative.partition(".")[0], len(module) - len(relative)
        folders = {_above(path, levels or 1) for path in imported_by}
        if not levels:
            folders.add(self._image.config.working_dir)
        found = [
            path for path in self._image.entries
            if posixpath.basename(path).partition(".")[0] == name and path.endswith((f"/{name}", ".py", ".so"))
            and (posixpath.dirname(path) in folders or (not levels and _is_in_site(path)))
        ]  # fmt: skip
        return min(found, key=lambda path: (posixpath.dirname(path) not in folders, path), default=None)


def _is_version_of(linked: str, path: str) -> bool:
    """Whether a path is a version of a library that ld(1) is given as ``-lNAME``: ``libNAME.so.5``."""
    stem, dot, version = posixpath.basename(path).partition(".so.")
    return bool(dot) and stem == f"lib{linked[2:]}" and version.isdigit()


def _above(path: str, levels: int) -> str:
    for _ in range(levels):
        path = posixpath.dirname(path)
    return path


def _is_in_site(path: str) -> bool:
    return posixpath.basename(posixpath.dirname(path)) in _SITES


def _topmost(path: str, after: Image) -> str:
    """The folder highest above a path that an image lacks, or the path itself."""
    parts = path.split("/")
    folders = ("/".join(parts[:end]) for end in range(2, len(parts)))
    return next((folder for folder in folders if after.at(folder) is None), path)
