"""What stands for a package at run time, and which package has a library or a command."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from optimizer.runtime_packages import table
from optimizer.runtime_packages.releases import Release


class Kind(enum.Enum):
    """What a package is for."""

    BUILD = "build"
    """Compilers, make, packagers: no program needs them to run."""
    DEV = "dev"
    """Headers and link names: a program that was linked needs the libraries."""
    TOOL = "tool"
    """git, curl, unzip, gpg: a build uses them as often as a program; needed to run only if the program calls them."""
    RUNTIME = "runtime"
    """Everything else: libraries, interpreters, fonts, time zones."""
    UNKNOWN = "unknown"
    """Not in the index of the release, or no release that is known."""


@dataclass(frozen=True, slots=True)
class Counterpart:
    """What an image needs at run time in the place of a package of the build."""

    kind: Kind
    packages: tuple[str, ...] = ()
    """Sorted. Of a TOOL or RUNTIME package: itself. None for a -dev package without shared libraries."""
    also: tuple[str, ...] = ()
    """Libraries of the -dev packages that it pulled in: needed where the program links those too, which the index
    does not tell (the ELF file does). Most are dependencies of `packages` anyway."""
    evidence: str = ""
    """One sentence that names the release and the dependency that says so."""


_ALPINE_BUILD = frozenset({
    "alpine-sdk", "autoconf", "automake", "binutils", "bison", "build-base", "cargo", "ccache", "clang", "cmake",
    "flex", "g++", "gcc", "gfortran", "go", "libc-dev", "libtool", "linux-headers", "m4", "make", "meson", "musl-dev",
    "nasm", "ninja", "patch", "pkgconf", "pkgconfig", "re2c", "rust", "samurai", "yasm",
})  # fmt: skip
_ALPINE_TOOLS = frozenset({
    "bzip2", "curl", "git", "gnupg", "mercurial", "rsync", "subversion", "tar", "unzip", "wget", "xz", "zip",
})  # fmt: skip


def runtime_of(release: Release, package: str) -> Counterpart:
    """What stands for a package at run time in a release.

    `package` is a word as apt-get and apk take it: a version (``libpq-dev=15*``), an architecture and a suite are
    passed over. Package names are those of amd64; other architectures differ in a few that no program links.
    """
    name = package.partition("=")[0].partition("/")[0].partition(":")[0]
    if release.distribution == "alpine":
        if name in _ALPINE_BUILD:
            return Counterpart(Kind.BUILD, evidence=f"{name} is a tool of building")
        if name in _ALPINE_TOOLS:
            return Counterpart(Kind.TOOL, (name,), evidence=f"{name} is for building and for running")
        told = f"no index of {release} ships with dockopt; apk installs a library by its name: apk add so:libpq.so.5"
        return Counterpart(Kind.UNKNOWN, evidence=told)
    row, reasons = _resolved(release, name)
    if row is None:
        return Counterpart(Kind.UNKNOWN, evidence=f"the index of {release} of {release.day} has no package {name}")
    if row.kind in "DB":
        packages = tuple(sorted({*_direct(release, row, reasons, {row.name})}))
        also = tuple(sorted({*_pulled(release, row)} - {*packages}))
        kind = Kind.DEV if row.kind == "D" else Kind.BUILD
        if not packages:
            reasons.append(f"{row.name} " + ("has no shared library" if kind is Kind.DEV else "is for building"))
    else:
        packages, also, kind = (row.name,), (), Kind.TOOL if row.kind == "T" else Kind.RUNTIME
        reasons.append(f"{row.name} is for " + ("building and for running" if kind is Kind.TOOL else "running"))
    return Counterpart(kind, packages, also, f"{release}: " + ", ".join(reasons))


def runtime_in_all(releases: Iterable[Release], package: str) -> Counterpart:
    """What stands for a package in each of the releases by the same names; UNKNOWN where there is no such set of names.

    For a tag that moves from release to release. A name that a later release keeps as a virtual one will do:
    ``libssl3`` installs ``libssl3t64`` in trixie.
    """
    found = [(release, runtime_of(release, package)) for release in releases]
    if not found:
        return Counterpart(Kind.UNKNOWN, evidence="the release of the base image is not known")
    if len(found) == 1:
        return found[0][1]
    if unknown := next((part for _, part in found if part.kind is Kind.UNKNOWN), None):
        return unknown
    for _, part in found:
        if all(part.kind is other.kind and _same(release, part, other) for release, other in found):
            return part
    told = "; ".join(f"{', '.join(part.packages) or part.kind.value} in {release}" for release, part in found)
    advice = "name the release in FROM"
    return Counterpart(Kind.UNKNOWN, evidence=f"{package} stands for {told}: {advice}")


def _same(release: Release, part: Counterpart, other: Counterpart) -> bool:
    resolved = {row.name for name in part.packages if (row := _resolved(release, name)[0])}
    return resolved == {*other.packages} and len(resolved) == len(part.packages)


def provider_of_library(release: Release, soname: str) -> tuple[str, ...]:
    """The packages that have a shared library (``libpq.so.5``) where the loader looks, the likeliest first.

    Several where packages stand in for each other (``libblas.so.3``). Alpine's package manager takes the name of the
    library itself (``so:libpq.so.5``; source: apk-package(5), provides).
    """
    if release.distribution == "alpine":
        return (f"so:{soname}",)
    return _sorted(table.holders(release.distribution, release.number, f"!{soname}"))


def provider_of_command(release: Release, name: str) -> tuple[str, ...]:
    """The packages that have a command in ``/usr/bin``, ``/usr/sbin``, ``/bin`` or ``/sbin``, the likeliest first.

    Commands that only update-alternatives links (``java``, ``awk``) belong to no package, and give none.
    """
    if release.distribution == "alpine":
        return (f"cmd:{name}",)
    own = table.row(release.distribution, release.number, name)
    first = (name,) if own and "" in own.marked("@") else ()
    return first + _sorted(table.holders(release.distribution, release.number, f"@{name}"))


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    """The shortest name first: variants of a package have longer names than the package."""
    return tuple(sorted({*names}, key=lambda name: (len(name), name)))


def _resolved(release: Release, name: str) -> tuple[table.Row | None, list[str]]:
    """The line of a package, or of the only one that provides a virtual name."""
    row = table.row(release.distribution, release.number, name)
    if row and row.kind == "V":
        return table.row(release.distribution, release.number, row.words[0]), [f"{name} is {row.words[0]}"]
    return row, []


def _direct(release: Release, row: table.Row, reasons: list[str], seen: set[str]) -> Iterator[str]:
    names, parts = row.marked("="), row.marked("+")
    if names or parts:
        reasons.append(f"{row.name} depends on {', '.join(names + parts)}")
    yield from names
    for part in parts:
        inner = table.row(release.distribution, release.number, part)
        if inner and part not in seen:
            seen.add(part)
            yield from _direct(release, inner, reasons, seen)


def _pulled(release: Release, row: table.Row) -> Iterator[str]:
    waiting, seen = [row], {row.name}
    while waiting:
        current = waiting.pop()
        yield from current.marked("=")
        for name in current.marked("+") + current.marked(">"):
            inner = table.row(release.distribution, release.number, name)
            if inner and name not in seen:
                seen.add(name)
                waiting.append(inner)
