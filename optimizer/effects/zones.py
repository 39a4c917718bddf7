"""Places of the image that an instruction reads, writes, or makes where they are missing.

A path stands for its real place: `/bin` is `/usr/bin` on nearly every base image, and where it is not, taking both
for one only keeps more in order.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from optimizer.landing import inside

_SAME = (
    ("/bin", "/usr/bin"), ("/sbin", "/usr/bin"), ("/usr/sbin", "/usr/bin"), ("/lib", "/usr/lib"),
    ("/lib32", "/usr/lib"), ("/lib64", "/usr/lib"), ("/libx32", "/usr/lib"), ("/usr/lib32", "/usr/lib"),
    ("/usr/lib64", "/usr/lib"), ("/usr/libx32", "/usr/lib"), ("/usr/tmp", "/var/tmp"), ("/var/run", "/run"),
    ("/var/lock", "/run/lock"), ("/var/mail", "/var/spool/mail"), ("/usr/local/man", "/usr/local/share/man"),
)  # fmt: skip
"""Links that distributions make. Source: the Filesystem Hierarchy Standard 3.0 and the merge of /usr."""
NO_FILES = ("/dev", "/proc", "/sys")
"""What the builder mounts into every RUN: nothing of it is part of the image."""


class Zone(NamedTuple):
    """A place of the image: absolute and clean."""

    path: str
    tree: bool = True
    """Whether what lies below it counts too."""

    def meets(self, other: Zone) -> bool:
        """Whether both have a place in common."""
        return (
            self.path == other.path
            or (self.tree and inside(other.path, self.path))
            or (other.tree and inside(self.path, other.path))
        )

    def shown(self) -> str:
        return "every file" if self.path == "/" and self.tree else self.path


EVERYTHING = Zone("/")


class Made(NamedTuple):
    """A folder that is made where it is missing, as `mkdir -p`, WORKDIR and COPY do with the folders above."""

    path: str
    owner: str
    """Who makes it and how: two that agree in this leave the same folder, whichever comes first."""
    since: int
    """Number of the instruction of the stage that makes it in the author's order: this one, or one before."""


@lru_cache(maxsize=4096)
def place(path: str) -> str:
    """Where an absolute path really lies."""
    cleaned = posixpath.normpath(path)
    cleaned = cleaned[1:] if cleaned.startswith("//") else cleaned
    for link, target in _SAME:
        if inside(cleaned, link):
            return target + cleaned[len(link) :]
    return cleaned


@lru_cache(maxsize=4096)
def tree_at(path: str) -> Zone:
    """What lies at an absolute path, and below it."""
    return Zone(place(path))


def above(path: str) -> Iterator[str]:
    """The folders above a path, the nearest first, without the root."""
    folder = posixpath.dirname(path)
    while folder != "/":
        yield folder
        folder = posixpath.dirname(folder)


def merged(zones: Iterable[Zone]) -> tuple[Zone, ...]:
    """The zones without those that lie in another one, and without what is no part of the image."""
    found = set(zones)
    trees = {zone.path for zone in found if zone.tree}
    return tuple(
        zone
        for zone in sorted(found, key=lambda each: (each.path.count("/"), each.path))
        if (zone.tree or zone.path not in trees)
        and trees.isdisjoint(folders := {*above(zone.path)})
        and ("/" not in trees or zone.path == "/")
        and not any(each == zone.path or each in folders for each in NO_FILES)
    )
