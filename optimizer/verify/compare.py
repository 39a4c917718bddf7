"""Whether an image is what the one before was, but for what the fixes say and what differs by itself."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from optimizer.report.untrusted import printable
from optimizer.verify import noise as measured
from optimizer.verify.difference import Aspect, Difference, Place, Verb, differences
from optimizer.verify.entry import Entry, Image
from optimizer.verify.noise import Noise
from optimizer.verify.patterns import Patterns, with_folders

MOST_LINES = 20

INSTALLED = (
    "/var/lib/dpkg", "/var/lib/apt", "/var/cache/debconf", "/lib/apk/db", "/etc/apk/world", "/var/lib/rpm",
    "/usr/lib/sysimage", "/etc/ld.so.cache", "/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/subuid",
    "/etc/subgid", "/etc/shells", "/etc/ca-certificates.conf", "/usr/share/info/dir", "/usr/share/mime",
    "/usr/share/applications/mimeinfo.cache",
)  # fmt: skip
"""Files that list what is installed, or whom packages need: another base image has others. What has to be in them for
the image to work is checked by itself (runtime.py)."""

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
    split: bool = False,
    base: Mapping[str, Entry] | None = None,
) -> Comparison:
    """Compare two images.

    :param allowed: patterns of the paths that the fixes remove or add (`Fix.paths`).
    :param split: whether the fixes choose other stages or another base image. Then the patterns say what may be gone or
        come, and all that stays has to be as it was, but for what lists the packages and users of a system; whether
        the programs find what they need is for runtime.py to say.
    :param base: with `split`, what is in the new base image: that this is as it is there is by design.
    :raises ValueError: for a pattern that is none.
    """
    accounts = _Account(after, allowed, split, base or {})
    failures: list[Difference] = []
    permitted: list[Difference] = []
    hidden: list[Difference] = []
    for difference in differences(before, noise.align(before, after)):
        left = noise.without(difference)
        if left is None:
            hidden.append(difference)
        elif left.place is Place.FILES and accounts.permits(left):
            permitted.append(left)
        else:
            failures.append(left)
    emptied = set(_only_hold(failures, (*permitted, *hidden)))
    permitted += [each for each in failures if each in emptied]
    failures = [each for each in failures if each not in emptied]
    return Comparison(tuple(sorted(failures, key=_order)), tuple(permitted), tuple(hidden))


class _Account:
    """What may differ, and why."""

    def __init__(self, after: Image, allowed: Iterable[str], split: bool, base: Mapping[str, Entry]) -> None:
        patterns = tuple(allowed)
        self._declared = Patterns(patterns)
        self._folders = Patterns(with_folders(patterns))
        self._installed = Patterns(INSTALLED)
        self._after = after
        self._split = split
        self._base = base

    def permits(self, difference: Difference) -> bool:
        """Whether a path may differ in this way."""
        path, unpaired = difference.name, difference.verb is not Verb.CHANGED
        if self._split and (self._given(path) or self._lists(difference)):
            return True
        return (unpaired and self._folders.covers(path)) or (not self._split and self._declared.covers(path))

    def _given(self, path: str) -> bool:
        """Whether what is there is the new base image's."""
        given, there = self._base.get(path), self._after.entries.get(path)
        return given is not None and there is not None and _same(there, given)

    def _lists(self, difference: Difference) -> bool:
        """Whether it lists what is installed, and says something else in the same way."""
        aspects = {change.aspect for change in difference.changes}
        return aspects <= {Aspect.CONTENT, Aspect.TYPE} and self._installed.covers(difference.name)


def _same(one: Entry, two: Entry) -> bool:
    return one._replace(mtime=0, found=None) == two._replace(mtime=0, found=None)


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
