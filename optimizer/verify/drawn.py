"""Names drawn by lot: siblings that each build calls otherwise, such as the folders of a package manager's cache.

Two builds of the same Dockerfile show which names these are. An image is then compared under the names that the first
build drew: what lies below is compared like everything else, so nothing can be lost behind such a name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple, Self

from optimizer.verify.entry import Entry, Image

Skip = Callable[[str], bool]
"""Whether a path says nothing of what lies there."""
_Subtree = Mapping[str, Entry]
"""What stands at a path and below it, by what follows that path."""
_DEEPEST = 64
"""Names drawn by lot within each other that are followed."""


class Shape(NamedTuple):
    """How names drawn by lot look: what those seen have in common, and how long they are."""

    prefix: str
    suffix: str
    shortest: int
    longest: int

    @classmethod
    def of(cls, names: Sequence[str]) -> Self:
        """The shape of at least one name."""
        prefix = _common_start(names)
        suffix = _common_start([name[len(prefix) :][::-1] for name in names])[::-1]
        lengths = [len(name) for name in names]
        return cls(prefix, suffix, min(lengths), max(lengths))

    def fits(self, name: str) -> bool:
        """Whether the name looks like those seen."""
        return (
            self.shortest <= len(name) <= self.longest and name.startswith(self.prefix) and name.endswith(self.suffix)
        )


def _common_start(names: Sequence[str]) -> str:
    first, last = min(names), max(names)
    same = next((at for at, (one, two) in enumerate(zip(first, last, strict=False)) if one != two), len(first))
    return first[:same]


@dataclass(frozen=True)
class Drawn:
    """The names that two builds drew by lot."""

    paths: frozenset[str] = frozenset()
    """Those of the first build."""
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The names that both drew, by the path of their directory in the first build."""

    @cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """How the names in each directory look."""
        return {folder: Shape.of(names) for folder, names in self.names.items()}


def draw(first: Image, second: Image, skip: Skip) -> tuple[Image, Drawn]:
    """What two builds of the same Dockerfile drew by lot, and the second image under the names of the first."""
    names: dict[str, list[str]] = {}
    paths: set[str] = set()
    for pairs in _rounds(first, second, skip, None):
        for new, old in pairs.names.items():
            names.setdefault(_folder(old), []).extend((_base(old), _base(new)))
            paths.add(old)
        second = pairs.image
    return second, Drawn(frozenset(paths), {folder: tuple(found) for folder, found in names.items()})


def under_the_same_names(first: Image, other: Image, skip: Skip, drawn: Drawn) -> Image:
    """Another image, with what it drew by lot under the names that the first drew."""
    for pairs in _rounds(first, other, skip, drawn):
        other = pairs.image
    return other


class _Pairs(NamedTuple):
    names: Mapping[str, str]
    """Paths of the other image, each with the path of the first that it stands for."""
    image: Image
    """The other image under these."""


def _rounds(first: Image, other: Image, skip: Skip, drawn: Drawn | None) -> Iterator[_Pairs]:
    """Pairs of names, then pairs of those within what was paired, and so on."""
    for _ in range(_DEEPEST):
        names = _pairs(first, other, skip, drawn)
        if not names:
            return
        other = _under(other, names)
        yield _Pairs(names, other)


def _pairs(first: Image, other: Image, skip: Skip, drawn: Drawn | None) -> dict[str, str]:
    """Paths of the other image, each with the path of the first that it stands for.

    They stand in the same directory, each in one of the images only. Paired are first those with the same content
    below, then those with the same paths below, then the only one left with the only one left. Where it is known what
    is drawn by lot, no other path of the first image is paired, and what has another content must look like it.
    """
    here = {path for path in _alone(first, other) if drawn is None or path in drawn.paths}
    folders = {_folder(path) for path in here}
    there = {path for path in _alone(other, first) if _folder(path) in folders}
    if not here or not there:
        return {}
    one, two = _subtrees(first, here, skip), _subtrees(other, there, skip)
    pairs: dict[str, str] = {}
    for alike in (_content, _paths, _kind):
        if alike is _paths and drawn is not None:
            two = {path: tree for path, tree in two.items() if drawn.shapes[_folder(path)].fits(_base(path))}
        old, new = (_grouped(each, alike) for each in (one, two))
        for key in old.keys() & new.keys():
            if alike is not _kind or len(old[key]) == len(new[key]) == 1:
                pairs |= dict(zip(new[key], old[key], strict=False))
        taken = {*pairs, *pairs.values()}
        one, two = ({path: tree for path, tree in each.items() if path not in taken} for each in (one, two))
    return pairs


def _alone(one: Image, two: Image) -> Iterator[str]:
    """The paths that only one of the images has, in directories that both have."""
    for path in one.entries.keys() - two.entries.keys():
        folder = _folder(path)
        if not folder or (folder in one.entries and folder in two.entries):
            yield path


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _base(path: str) -> str:
    return path.rpartition("/")[2]


def _subtrees(image: Image, tops: Collection[str], skip: Skip) -> Mapping[str, _Subtree]:
    """What stands at and below each top; nothing for those that are skipped themselves."""
    found: dict[str, dict[str, Entry]] = {path: {} for path in sorted(tops) if not skip(path)}
    for path, entry in image.entries.items():
        top = _top(path, found)
        if top is not None and not skip(path):
            found[top][path[len(top) :]] = entry
    return found


def _top(path: str, tops: Collection[str]) -> str | None:
    """Which of the tops the path is, or lies below."""
    while path:
        if path in tops:
            return path
        path = _folder(path)
    return None


def _grouped(trees: Mapping[str, _Subtree], alike: Callable[[_Subtree], Hashable]) -> dict[Hashable, list[str]]:
    """The tops, sorted, by their directory and what is alike of what lies there."""
    groups: dict[Hashable, list[str]] = {}
    for path, tree in trees.items():
        groups.setdefault((_folder(path), alike(tree)), []).append(path)
    return groups


def _content(tree: _Subtree) -> Hashable:
    return frozenset((path, entry._replace(mtime=0, found=None)) for path, entry in tree.items())


def _paths(tree: _Subtree) -> Hashable:
    return frozenset((path, entry.kind) for path, entry in tree.items())


def _kind(tree: _Subtree) -> Hashable:
    return tree[""].kind


def _under(image: Image, names: Mapping[str, str]) -> Image:
    """The image with some of its paths, and all below these, under other names."""

    def named(path: str) -> str:
        top = _top(path, names)
        return path if top is None else names[top] + path[len(top) :]

    return replace(
        image,
        entries={named(path): entry for path, entry in image.entries.items()},
        links={named(path): named(first) for path, first in image.links.items()},
    )
