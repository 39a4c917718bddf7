"""What differs between two builds of the same Dockerfile says nothing about a rewrite.

It is measured: the original is built twice (drawn.py has what is called otherwise each time). Beside that stands a
short list of files that a build may write differently for reasons that two builds need not show, such as a merge of
two RUNs that starts apt once less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from optimizer.verify.difference import Aspect, Difference, Place, Verb, differences
from optimizer.verify.drawn import Drawn, Shape, draw, under_the_same_names
from optimizer.verify.entry import Image
from optimizer.verify.patterns import Patterns


class Known(NamedTuple):
    """Files that are known to differ, and why. `whole`: also whether they are there, not only their content."""

    pattern: str
    whole: bool
    why: str


KNOWN = (
    Known("/**/__pycache__", True, "Python compiles on first import; the file holds the time of its source"),
    Known("/var/log", False, "what was run, and when"),
    Known("/dev", True, "made by the container's runtime"),
    Known("/proc", True, "made by the container's runtime"),
    Known("/sys", True, "made by the container's runtime"),
    Known("/.dockerenv", True, "made by the container's runtime"),
    Known("/etc/hostname", True, "made by the container's runtime"),
    Known("/etc/hosts", True, "made by the container's runtime"),
    Known("/etc/mtab", True, "made by the container's runtime"),
    Known("/etc/resolv.conf", True, "made by the container's runtime"),
    Known("/etc/machine-id", False, "drawn by lot"),
    Known("/var/lib/dbus/machine-id", False, "drawn by lot"),
    Known("/etc/ssh/ssh_host_*", False, "keys drawn by lot"),
    Known("/etc/ssl/private/ssl-cert-snakeoil.key", False, "drawn by lot"),
    Known("/etc/ssl/certs/ssl-cert-snakeoil.pem", False, "drawn by lot, with its time"),
    Known("/etc/ssl/certs/java/cacerts", False, "holds the time of its making"),
    Known("/var/cache/ldconfig/aux-cache", True, "holds inode numbers and times"),
    Known("/var/cache/apt/*.bin", True, "apt's index of its package lists, made anew when it is missing"),
    Known("/var/cache/fontconfig", True, "holds times"),
    Known("/var/cache/debconf/*-old", True, "the state before the last run of debconf"),
    Known("/var/lib/dpkg/*-old", True, "the state before the last run of dpkg"),
    Known("/etc/*-", True, "the state of passwd, group, shadow and the like before the last change"),
    Known("/**/.npm/_logs", True, "what was run, and when"),
    Known("/**/.npm/_update-notifier-last-checked", True, "the time of a check"),
    Known("/**/.cache/pip/selfcheck", True, "the time of a check"),
    Known("/**/.wget-hsts", True, "holds the time of a download"),
)
"""Known to differ."""

EXISTENCE = "existence"


_TELLING = 3
"""Characters that names in a shape have in common, or more: fewer could be any name."""


@dataclass(frozen=True)
class Noise:
    """What differs by itself: names drawn by lot; under the same names aspects of a path or field, or its existence."""

    drawn: Drawn = field(default_factory=Drawn)
    unstable: Mapping[tuple[Place, str], frozenset[str]] = field(default_factory=dict)
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    """How names look of which the two builds do not have equally many, by their directory."""

    def align(self, first: Image, other: Image) -> Image:
        """Another image, with what it drew by lot under the names of the first build of the original."""
        return under_the_same_names(first, other, _known(True).covers, self.drawn)

    def without(self, difference: Difference) -> Difference | None:
        """What of a difference is no noise; None if nothing."""
        place, verb, name, changes, _ = difference
        unstable = self.unstable.get((place, name), frozenset())
        if place is Place.FILES:
            if _known(True).covers(name) or self._comes_and_goes(name, verb):
                return None
            if _known(False).covers(name):
                unstable |= {Aspect.CONTENT}
        if EXISTENCE in unstable:
            return None
        if verb is not Verb.CHANGED:
            return difference
        left = tuple(change for change in changes if change.aspect not in unstable)
        return difference._replace(changes=left) if left else None

    def _comes_and_goes(self, path: str, verb: Verb) -> bool:
        """Whether the path, or a directory above it, is there in some builds only, by name or by the look of it."""
        while path:
            folder, _, name = path.rpartition("/")
            if EXISTENCE in self.unstable.get((Place.FILES, path), ()):
                return True
            if verb is Verb.ADDED and folder in self.shapes and self.shapes[folder].fits(name):
                return True
            path = folder
        return False


NONE = Noise()


@cache
def _known(whole: bool) -> Patterns:
    return Patterns(known.pattern for known in KNOWN if known.whole is whole)


def measure(first: Image, second: Image) -> Noise:
    """The noise that two builds of the same Dockerfile show: images of the first and of the second."""
    second, drawn = draw(first, second, _known(True).covers)
    unstable: dict[tuple[Place, str], frozenset[str]] = {}
    unpaired: dict[str, dict[Verb, list[str]]] = {}
    for place, verb, name, changes, _ in differences(first, second):
        if verb is Verb.CHANGED:
            unstable[place, name] = frozenset(change.aspect for change in changes)
            continue
        unstable[place, name] = frozenset((EXISTENCE,))
        folder, _, base = name.rpartition("/")
        if place is Place.FILES and (place, folder) not in unstable:
            unpaired.setdefault(folder, {}).setdefault(verb, []).append(base)
    shapes = {
        folder: shape for folder, found in unpaired.items() if (shape := _shape(found, drawn.names.get(folder, ())))
    }
    return Noise(drawn, unstable, shapes)


def _shape(found: Mapping[Verb, list[str]], drawn: Sequence[str]) -> Shape | None:
    """What the names have in common that only one build has, where they are seen to be drawn by lot."""
    if len(found) < 2 and not drawn:
        return None
    shape = Shape.of([*drawn, *(name for group in found.values() for name in group)])
    return shape if len(shape.prefix) + len(shape.suffix) >= _TELLING else None
