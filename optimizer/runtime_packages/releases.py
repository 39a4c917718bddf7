"""Which release of which distribution an image is made of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from optimizer.images import known, parse_reference
from optimizer.runtime_packages import table


@dataclass(frozen=True, slots=True)
class Release:
    """A release of a distribution: ``debian 12 bookworm``. Alpine's have no codename."""

    distribution: str
    version: str
    codename: str = ""
    number: str = ""
    """Its mark in the data file; empty for Alpine, whose index does not ship."""
    day: str = ""
    """The day of the index, ISO 8601."""

    def __str__(self) -> str:
        return f"{self.distribution.capitalize()} {self.version}" + (f" ({self.codename})" if self.codename else "")


_ALPINE = re.compile(r"3\.\d+")
_OTHERS = frozenset({
    "experimental", "unstable", "sid", "testing", "forky", "duke", "buster", "stretch", "jessie", "wheezy",
    "oldstable", "oldoldstable",
})  # fmt: skip
"""Words of a tag that name a release, or may, which the data does not tell of."""


@cache
def known_releases(distribution: str) -> tuple[Release, ...]:
    """The releases of a distribution that the data tells of, the oldest first; none for an unknown distribution."""
    if distribution not in table.DISTRIBUTIONS:
        return ()
    return tuple(
        Release(distribution, version, codename, number, day)
        for number, version, codename, day in table.heads(distribution)
    )


def releases_of(image: str) -> tuple[Release, ...]:
    """Every release that an image name may mean; none when that is not known.

    One where the tag names it (``python:3.12-slim-bookworm``, ``debian:12``, ``node:20-alpine3.20``). Several for an
    official image that is Debian by default and moves from release to release under the same tag (``python:3.12``).
    """
    reference = parse_reference(image)
    words = (reference.tag or "").split("-")
    for release in (release for name in table.DISTRIBUTIONS for release in known_releases(name)):
        if release.codename in words:
            return (release,)
    base = reference.official
    for word in words:
        if base == "alpine" or word.startswith("alpine"):
            version = ".".join(word.removeprefix("alpine").split(".")[:2])
            if _ALPINE.fullmatch(version):
                return (Release("alpine", version),)
    if base in table.DISTRIBUTIONS and words[0][:1].isdigit():
        return tuple(release for release in known_releases(base) if release.version == words[0].partition(".")[0])
    if known(image).family != "debian" or not _OTHERS.isdisjoint(words):
        return ()
    return known_releases("debian")


def release_of(image: str) -> Release | None:
    """The release of an image, where its name leaves one only; else None."""
    releases = releases_of(image)
    return releases[0] if len(releases) == 1 else None


def release_of_os(text: str) -> Release | None:
    """The release that an image's ``/etc/os-release`` names (source: os-release(5)); None when it is not known."""
    fields = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    distribution, version = (fields.get(key, "").strip("\"'") for key in ("ID", "VERSION_ID"))
    if distribution == "alpine":
        return Release("alpine", ".".join(version.split(".")[:2]))
    return next((release for release in known_releases(distribution) if release.version == version), None)
