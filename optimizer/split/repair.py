"""Mends a plan, or a narrower COPY, after a build of it: what was missing in the image is taken along.

Source: what the original image has (`optimizer.verify.origin`); where that does not tell, which package has a library
or a command comes from the package indices of the distributions (`optimizer.runtime_packages`). ldconfig(8).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from shlex import quote
from typing import TYPE_CHECKING, NamedTuple

from optimizer.landing import inside
from optimizer.split.plan import Artifact, Split, SystemPackages
from optimizer.split.system import packages_for
from optimizer.verify.cause import (
    CERTIFICATES,
    Cause,
    MissingLibrary,
    MissingModule,
    MissingPath,
    MissingProgram,
    MissingUser,
)

if TYPE_CHECKING:
    from optimizer.split.narrowing import Narrowed

MOST = 8
"""So many paths may be missing: a plan that lacks more than that is not the right one."""
_GENERATED = {CERTIFICATES: "ca-certificates"}
"""Files that a package makes when it is installed, and that therefore belong to none."""
_NEVER = ("/dev", "/proc", "/run", "/sys", "/tmp", "/var/cache/apt", "/var/lib/apt", "/var/lib/dpkg", "/lib/apk")
"""Folders of which nothing is copied."""
_SYSTEM = ("/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64", "/bin", "/sbin", "/lib", "/lib64", "/etc")
"""Folders whose files come with packages, where nobody has looked which."""
_LOADED = frozenset({"/lib", "/usr/lib", "/usr/local/lib"})
"""Folders that ldconfig reads, and those of an architecture in them."""
_SITES = frozenset({"site-packages", "dist-packages"})
_EVIDENCE = "the image did not work without it"


class Repaired(NamedTuple):
    """A plan with what was missing, and what was done to it, in sentences."""

    split: Split
    told: tuple[str, ...]


def repair(split: Split, causes: Iterable[Cause]) -> Repaired | None:
    """The plan with what was missing, or None where nothing is known that would help."""
    work = _Repair(split)
    for cause in causes:
        work.take(cause)
    return work.repaired()


@dataclass
class _Repair:
    """One plan in the mending; what is added, with the sentence that says so."""

    split: Split
    packages: dict[str, str] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    symlinks: dict[str, str] = field(default_factory=dict)
    """Of the paths those that are symbolic links, with where they lead: COPY would follow them."""
    links: bool = False
    """Whether libraries come that ldconfig has to make known."""

    def repaired(self) -> Repaired | None:
        split, names, paths = self.split, tuple(self.packages), tuple(self.paths)
        leaves = tuple(name for name in split.leaves if name not in names)
        if len(paths) > MOST or not leaves or not (names or paths):
            return None
        # What takes over a folder takes over what lies in it.
        kept = (each for each in split.artifacts if each.path != each.target or not _in_any(each.path, paths))
        outer = [path for path in paths if not _in_any(posixpath.dirname(path), paths)]
        files = [path for path in outer if path not in self.symlinks]
        made = [f"RUN ln -s {quote(self.symlinks[path])} {quote(path)}" for path in outer if path in self.symlinks]
        linked = self.links and "RUN ldconfig" not in split.after
        mended = replace(
            split,
            packages=self.install(names) if names else split.packages,
            artifacts=(*kept, *(Artifact(path, path, _EVIDENCE, self.owner(path)) for path in files)),
            after=(*split.after, *made, *(["RUN ldconfig"] if linked else [])),
            leaves=leaves,
        )
        return Repaired(mended, (*self.packages.values(), *(self.paths[path] for path in outer)))

    def owner(self, path: str) -> str:
        """Whose a path is: what lies beside, or in, what another user has built is his, too."""
        beside = (each for each in self.split.artifacts if inside(path, posixpath.dirname(each.path)))
        return next((each.owner for each in beside), "")

    def install(self, names: tuple[str, ...]) -> SystemPackages:
        packages = self.split.packages
        if packages is None:
            return packages_for(self.split.stage, self.split.stage.origin, names)
        return packages._replace(names=tuple(dict.fromkeys((*packages.names, *names))))

    def take(self, cause: Cause) -> None:
        """Add what mends one cause, if that is known."""
        if name := self.package(cause):
            if name not in (self.split.packages.names if self.split.packages else ()):
                self.packages.setdefault(name, f"{name} is added: {_needs(cause)}")
        elif path := self.path(cause):
            needs = _EVIDENCE if isinstance(cause, MissingPath) and cause.path == path else _needs(cause)
            self.paths.setdefault(path, f"{path} is taken along: {needs}")
            if cause.origin is not None and cause.origin.link and cause.origin.path == path:
                self.symlinks[path] = cause.origin.link
            self.links |= isinstance(cause, MissingLibrary) and self.split.stage.image.family != "alpine"

    def package(self, cause: Cause) -> str:
        """The package that brings what is missing; "" for none."""
        if isinstance(cause, MissingPath) and cause.path in _GENERATED:
            return _GENERATED[cause.path]
        if cause.origin is not None:
            return cause.origin.package
        return next(iter(self.indexed(cause)), "")

    def indexed(self, cause: Cause) -> tuple[str, ...]:
        """The packages that have it in each release that the base may be of, the likeliest first."""
        from optimizer.runtime_packages import provider_of_command, provider_of_library, releases_of

        releases = releases_of(self.split.stage.base or "")
        found: list[tuple[str, ...]] = []
        if isinstance(cause, MissingLibrary) and not cause.version and cause.library[0] not in "/-":
            found = [provider_of_library(release, cause.library) for release in releases]
        elif isinstance(cause, MissingProgram) and posixpath.dirname(cause.program) in ("", "/usr/bin", "/bin"):
            found = [provider_of_command(release, posixpath.basename(cause.program)) for release in releases]
        return tuple(name for name in found[0] if all(name in each for each in found)) if found else ()

    def path(self, cause: Cause) -> str:
        """What the builder has and the image lacks; "" where that is not known, or nothing to be copied."""
        origin = cause.origin
        path = ""
        if isinstance(cause, MissingLibrary) and origin is not None:
            path = self.library(origin.path, origin.real)
        elif isinstance(cause, MissingModule) and origin is not None:
            folder = posixpath.dirname(origin.path)
            path = folder if posixpath.basename(folder) in _SITES else origin.path
        elif isinstance(cause, (MissingPath, MissingProgram)):
            named = cause.path if isinstance(cause, MissingPath) else cause.program
            if origin is not None:
                real = origin.real if isinstance(cause, MissingProgram) and not origin.link else named
                path = _below(origin.path, real, self.split.loses)
            elif not _in_any(named, _SYSTEM):
                path = named
        if not path.startswith("/") or path == "/" or _in_any(path, _NEVER):
            return ""
        return "" if any(inside(path, each.target) for each in self.split.artifacts) else path

    def library(self, path: str, real: str) -> str:
        """The file of a library where ldconfig finds it and makes its link; elsewhere the whole folder."""
        folder = posixpath.dirname(real)
        standard = folder in _LOADED or (
            posixpath.dirname(folder) in _LOADED and "-linux-" in posixpath.basename(folder)
        )
        if self.split.stage.image.family == "alpine":
            return path
        return real if standard else folder


def widen(narrowed: Narrowed, causes: Iterable[Cause]) -> tuple[Narrowed, tuple[str, ...]]:
    """A COPY with what was missing of its folder, and sentences that say so; as it is, where nothing would help."""
    tree = narrowed.tree
    taken: dict[str, str] = {}
    for cause in causes if narrowed.artifacts else ():
        named = cause.path if isinstance(cause, MissingPath) else cause.origin.path if cause.origin else ""
        top = cause.origin.path if cause.origin else named
        path = _below(top, named, (tree.target,))
        if path != tree.target and inside(path, tree.target) and not _in_any(path, narrowed.kept):
            needs = _EVIDENCE if isinstance(cause, MissingPath) and cause.path == path else _needs(cause)
            taken.setdefault(path, f"{path} is taken along: {needs}")
    if len(taken) > MOST:
        return narrowed, ()
    outer = [path for path in taken if not _in_any(posixpath.dirname(path), taken)]
    artifacts = (Artifact(tree.back(path), path, _EVIDENCE) for path in outer)
    kept = (each for each in narrowed.artifacts if not _in_any(each.target, outer))
    return narrowed._replace(artifacts=(*kept, *artifacts)), tuple(taken[path] for path in outer)


def _below(folder: str, path: str, left: Iterable[str]) -> str:
    """The uppermost of the folders down to a path that does not bring back what is to be left behind."""
    while inside(path, folder) and path != folder and any(inside(each, folder) for each in left):
        rest = path[len(folder) :].lstrip("/")
        folder = posixpath.join(folder, rest.partition("/")[0])
    return folder


def _in_any(path: str, folders: Iterable[str]) -> bool:
    return any(inside(path, folder) for folder in folders)


def _needs(cause: Cause) -> str:
    """Who needs what, as a sentence says it."""
    match cause:
        case MissingLibrary(library, needed_by):
            return f"{needed_by or 'a program'} needs {library}"
        case MissingProgram(program, asked_by):
            return f"{asked_by or 'something'} calls {program}"
        case MissingModule(module, imported_by):
            return f"{next(iter(imported_by), 'the program')} imports {module}"
        case MissingPath(path):
            return f"the image did not work without {path}"
        case MissingUser(name):
            return f"USER names {name}"
