"""Whether an image is what the one before was, but for what the fixes say and what differs by itself."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from optimizer.report.untrusted import printable
from optimizer.verify import noise as measured
from optimizer.verify.design import Bases, Design
from optimizer.verify.difference import Aspect, Difference, Place, Verb, differences
from optimizer.verify.entry import Image
from optimizer.verify.noise import Noise
from optimizer.verify.patterns import Patterns, with_folders

MOST_LINES = 20

_SYSTEM = ("/usr", "/var", "/etc", "/lib", "/bin", "/sbin", "/lib64")


@dataclass(frozen=True)
class Comparison:
    """All differences, each in one of three places."""

    failures: tuple[Difference, ...]
    """What nothing accounts for, the most telling first."""
    allowed: tuple[Difference, ...] = ()
    """What a fix says that it does, or what a split into stages is for."""
    noise: tuple[Difference, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether everything is accounted for."""
        return not self.failures

    @property
    def lost(self) -> tuple[str, ...]:
        """The paths that are gone against what was said; of a directory that is gone with all in it, only itself."""
        gone = {each.name for each in self.failures if each.place is Place.FILES and each.verb is Verb.LOST}
        return tuple(path for path in sorted(gone) if path.rpartition("/")[0] not in gone)

    def lines(self, most: int = MOST_LINES) -> list[str]:
        """The failures for a reader, at most so many lines. Text from the images has its control characters escaped."""
        return list(_bounded(list(_told(self.failures)), most))


def compare(
    before: Image,
    after: Image,
    *,
    noise: Noise = measured.NONE,
    allowed: Iterable[str] = (),
    bases: Bases | None = None,
) -> Comparison:
    """Compare two images.

    :param allowed: patterns of the paths that the fixes remove or add (`Fix.paths`).
    :param bases: the base images, where the fixes choose other stages or another base image: then what differs by that
        design is allowed, too (design.py).
    :raises ValueError: for a pattern that is none.
    """
    permits: Callable[[Difference], bool]
    if bases is None:
        permits = _Declared(allowed).permits
    else:
        design = Design(before, after, bases, allowed)
        permits, after = design.permits, design.after
    failures: list[Difference] = []
    permitted: list[Difference] = []
    hidden: list[Difference] = []
    for difference in differences(before, noise.align(before, after)):
        left = noise.without(difference)
        if left is None:
            hidden.append(difference)
        elif permits(left):
            permitted.append(left)
        else:
            failures.append(left)
    emptied = set(_only_hold(failures, (*permitted, *hidden)))
    permitted += [each for each in failures if each in emptied]
    failures = [each for each in failures if each not in emptied]
    return Comparison(tuple(sorted(failures, key=_order)), tuple(permitted), tuple(hidden))


class _Declared:
    """What the fixes say that differs."""

    def __init__(self, allowed: Iterable[str]) -> None:
        patterns = tuple(allowed)
        self._paths = Patterns(patterns)
        self._folders = Patterns(with_folders(patterns))

    def permits(self, difference: Difference) -> bool:
        """Whether a path may differ in this way."""
        if difference.place is Place.CONFIG:
            return False
        unpaired = difference.verb is not Verb.CHANGED
        return (unpaired and self._folders.covers(difference.name)) or self._paths.covers(difference.name)


def _only_hold(failures: Iterable[Difference], accounted: Iterable[Difference]) -> Iterator[Difference]:
    """The directories among the failures that are lost or added only because of what lies in them."""
    opened = {folder for each in accounted if each.place is Place.FILES for folder in _above(each.name)}
    blocked: set[str] = set()
    for each in sorted(failures, key=lambda each: each.name.count("/"), reverse=True):
        if each.place is Place.CONFIG:
            continue
        if each.is_directory and each.verb is not Verb.CHANGED and each.name in opened and each.name not in blocked:
            yield each
        else:
            blocked.update(_above(each.name))


def _above(path: str) -> Iterator[str]:
    """The directories that a path lies in."""
    while path := path.rpartition("/")[0]:
        yield path


def _order(difference: Difference) -> tuple[object, ...]:
    """The configuration first; then what is not there any more, what is different, what came on top.

    The application's own files before those of the system, and a directory before what lies in it.
    """
    place, verb, name, _, _ = difference
    if place is Place.CONFIG:
        return (place,)
    weight = (Verb.LOST, Verb.CHANGED, Verb.ADDED).index(verb)
    return place, weight, name.startswith(tuple(f"{folder}/" for folder in _SYSTEM)), name.split("/")


def _told(failures: Iterable[Difference]) -> Iterator[str]:
    """One line for each difference, but one for all that lies in a lost or added directory, and for equal changes."""
    inside: dict[str, int] = {}
    alike: dict[tuple[Verb, str], list[str]] = {}
    told: list[Difference] = []
    holders: set[tuple[Verb, str]] = set()
    for each in failures:
        holder = next((folder for folder in _above(each.name) if (each.verb, folder) in holders), None)
        if each.place is Place.FILES and each.verb is not Verb.CHANGED and holder:
            inside[holder] = inside.get(holder, 0) + 1
            continue
        if each.is_directory and each.verb is not Verb.CHANGED:
            holders.add((each.verb, each.name))
        told.append(each)
    for each in told:
        what = _what(each)
        if count := inside.get(each.name, 0):
            what += f" with {count} path{'s' if count > 1 else ''} in it"
        alike.setdefault((each.verb, what), []).append(printable(each.name))
    for (verb, what), names in alike.items():
        yield f"{verb}: {_named(names)}: {what}"


def _what(difference: Difference) -> str:
    parts = []
    for aspect, before, after in difference.changes:
        if difference.verb is Verb.CHANGED:
            named = "" if aspect is Aspect.VALUE else f"{aspect} "
            parts.append(f"{named}{before}, now {after}")
        else:
            parts.append(before or after)
    return "; ".join(parts)


def _named(names: list[str]) -> str:
    if len(names) == 1:
        return names[0]
    common = posixpath.commonpath(names) if names[0].startswith("/") else ""
    where = f" in {common}" if len(common) > 1 else ""
    return f"{names[0]} and {len(names) - 1} more{where}"


def _bounded(lines: list[str], most: int) -> Iterator[str]:
    yield from lines[:most]
    if len(lines) > most:
        yield f"… and {len(lines) - most} more"
