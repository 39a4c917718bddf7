"""What is known of the image's folders and links when an instruction of a stage begins."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

from optimizer.context import BuildContext
from optimizer.effects.zones import EVERYTHING, Made, Zone, above, place, tree_at
from optimizer.landing import Landing, inside

BEFORE = -1
"""Stands for the number of the instruction where the base image, or a stage before, has made a folder."""
_FOLDERS = ("/", "/etc", "/home", "/opt", "/root", "/srv", "/tmp", "/usr", "/usr/bin", "/usr/lib", "/usr/share", "/var",
            "/var/lib", "/var/log", "/var/cache", "/usr/local", "/usr/local/bin", "/usr/local/lib")  # fmt: skip
"""Folders that a base image of a known distribution has. Source: what debian:12, alpine:3.20 and fedora:40 hold."""
_MOST_LINKS = 16


class Ground:
    """Folders that are certain to be there, links, and places of unknown content; grows instruction by instruction."""

    def __init__(self, context: BuildContext | None, known_base: bool) -> None:
        self.context = context
        self.made = dict.fromkeys(_FOLDERS if known_base else ("/",), BEFORE)
        self.links: list[tuple[str, str]] = []
        """From where to where a link leads; hard links lead both ways."""
        self.regions: list[str] = []
        """Folders with links in them that nobody has seen: each is taken to lead to somewhere in the folder."""
        self.landings: list[Landing] = []
        self.homes: list[str] = []
        """Homes that commands have given to users."""
        self.sure: set[int] = set()
        """Numbers of the COPYs of the stage that bring their landings and nothing else."""

    def all_zones(self, paths: Iterable[str]) -> Iterator[Zone]:
        """The same for many paths with what lies below them: mostly hundreds that tools may read, again and again."""
        if self.links or self.regions:
            for path in paths:
                yield from self.zones(path)
            return
        targets = [] if self.context is None else [landing.target for landing in self.landings]
        for zone in map(tree_at, paths):
            if any(inside(zone.path, target) for target in targets):
                yield from self.zones(zone.path)
            else:
                yield zone

    def zones(self, path: str, *, tree: bool = True) -> Iterator[Zone]:
        """Every place that an absolute path may stand for, through the links on its way."""
        todo, found = [place(path)], set[str]()
        while todo:
            here = todo.pop()
            if here in found:
                continue
            found.add(here)
            if len(found) > _MOST_LINKS or self._leads_away(here):
                yield EVERYTHING
                return
            yield Zone(here, tree)
            for link, target in self.links:
                if inside(here, link):
                    todo.append(place(target + here[len(link) :]))
            for region in self.regions:
                if inside(here, region) and here != region:
                    yield Zone(region)

    def _leads_away(self, path: str) -> bool:
        """Whether a link that the build context has brought lies on the way."""
        if self.context is None:
            return False
        for landing in self.landings:
            if inside(path, landing.target):
                origins = map(landing.origin, (path, *above(path)))
                if any(origin and self.context.is_link(origin) for origin in origins):
                    return True
        return False

    def makes(self, path: str, owner: str, number: int, *, certain: bool = True) -> Iterator[Made]:
        """The folder at a path and those above it, as far as they are not there before the stage begins.

        ``certain``: whether they are there afterwards.
        """
        for folder in (place(path), *above(place(path))):
            since = self.made.get(folder, number)
            if certain:
                self.made[folder] = since
            if since != BEFORE:
                yield Made(folder, owner, since)

    def written(self, zones: Iterable[Zone]) -> None:
        """Forget the folders that a write may have taken away, or changed; nobody takes away all of the system."""
        for zone in zones:
            for folder in [each for each in self.made if inside(each, zone.path) and each != "/"]:
                if zone != EVERYTHING or self.made[folder] != BEFORE:
                    del self.made[folder]

    def linked(self, link: str, target: str, *, hard: bool = False) -> None:
        """A link: it may also lie in a folder that is at its place, under the target's own name."""
        for at in (link, posixpath.join(link, posixpath.basename(target))):
            to = posixpath.join(posixpath.dirname(at), target)
            self.links.append((place(at), place(to)))
            if hard:
                self.links.append((place(to), place(at)))

    def holds_link(self, path: str) -> bool:
        """Whether a link that is known of lies at a path or below it."""
        return any(inside(link, place(path)) for link, _ in self.links)

    def through_link(self, path: str) -> bool:
        """Whether a link that is known of lies at a path or above it, or leads there."""
        return any(inside(path, link) or inside(path, target) for link, target in self.links)
