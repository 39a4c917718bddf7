"""Mends a plan after a build of it: what was missing in the image is taken along.

Source for which package has a library or a command: the package indices of the distributions
(`optimizer.runtime_packages`).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import replace

from optimizer.landing import inside
from optimizer.split.plan import Artifact, Question, Split, SystemPackages
from optimizer.split.system import packages_for
from optimizer.verify.cause import Cause, MissingLibrary, MissingModule, MissingPath, MissingProgram

_SHARED = (
    "/usr/lib",
    "/lib",
    "/lib64",
    "/usr/bin",
    "/bin",
    "/sbin",
    "/usr/sbin",
    "/etc",
    "/var",
    "/proc",
    "/sys",
    "/dev",
)
"""Folders of the system: what is in them comes with packages, and is not copied."""


def repair(split: Split, causes: Iterable[Cause]) -> Split | None:
    """The plan with what was missing, or None where nothing is known that would help."""
    causes = tuple(causes)
    names = tuple(dict.fromkeys(name for cause in causes for name in _packages(split, cause)))
    paths = tuple(dict.fromkeys(path for cause in causes for path in _paths(split, cause)))
    if not names and not paths:
        return None
    taken = tuple(Artifact(path, path, "the image did not work without it") for path in paths)
    # What takes over a folder takes over what lies in it.
    artifacts = [each for each in split.artifacts if not any(inside(each.path, path) for path in paths)]
    return replace(
        split,
        packages=_with(split, names) if names else split.packages,
        artifacts=(*artifacts, *taken),
        leaves=tuple(name for name in split.leaves if name not in names),
        questions=(
            *split.questions,
            *(Question(f"what else a part of the image needs that needs {name}") for name in names),
        ),
    )


def _with(split: Split, names: tuple[str, ...]) -> SystemPackages:
    if split.packages is None:
        return packages_for(split.stage, split.stage.origin, names)
    return split.packages._replace(names=tuple(dict.fromkeys((*split.packages.names, *names))))


def _packages(split: Split, cause: Cause) -> Iterator[str]:
    """The package that brings what is missing; of several the likeliest."""
    from optimizer.runtime_packages import provider_of_command, provider_of_library, releases_of

    releases = releases_of(split.stage.base or "")
    found: list[tuple[str, ...]] = []
    if isinstance(cause, MissingLibrary) and not cause.library.startswith("/") and not cause.version:
        found = [provider_of_library(release, cause.library) for release in releases]
    elif isinstance(cause, MissingProgram) and posixpath.dirname(cause.program) in ("", "/usr/bin", "/bin"):
        found = [provider_of_command(release, posixpath.basename(cause.program)) for release in releases]
    if not found or not all(found):
        return
    shared = [name for name in found[0] if all(name in each for each in found)]
    has = split.packages.names if split.packages else ()
    yield from (name for name in shared[:1] if name not in has)


def _paths(split: Split, cause: Cause) -> Iterator[str]:
    """What the builder has and the image lacks."""
    path = cause.path if isinstance(cause, MissingPath) else cause.program if isinstance(cause, MissingProgram) else ""
    if isinstance(cause, MissingModule):
        path = next((posixpath.dirname(each) for each in cause.imported_by), "") if cause.module.startswith(".") else ""
    if not path.startswith("/") or any(inside(path, folder) for folder in _SHARED):
        return
    if not any(inside(path, each.path) for each in split.artifacts):
        yield path
