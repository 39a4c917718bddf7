"""Gathers what the commands of one RUN read and write, and resolves the words that they are called with."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from optimizer.effects.ground import Ground
from optimizer.effects.table import BASIC, HOME, LIBRARIES, METADATA, PLACES, POINTERS, STANDARD_PATH, SYSTEM, TOLD
from optimizer.effects.zones import EVERYTHING, Made, Zone, place
from optimizer.independence import UNKNOWN, value
from optimizer.landing import Landing, inside
from optimizer.shell import Word

ACCOUNTS = (Zone("/etc/passwd", False), Zone("/etc/group", False))
_GLOB = "*?[{"


class NotKnown(Exception):
    """Why nothing can be said about a RUN; a clause for the user."""


@dataclass
class Around:
    """Where a command runs: the directories that may be the current one, and the variables."""

    folders: tuple[str | None, ...]
    environment: Mapping[str, str | None]

    def copy(self) -> Around:
        return Around(self.folders, self.environment)

    def having(self, name: str, content: str | None) -> None:
        self.environment = {**self.environment, name: content}


@dataclass
class Doing:
    """What a RUN does, as far as it has been read."""

    ground: Ground
    number: int
    user: str | None
    home: str | None
    path: tuple[str | None, ...]
    """The folders of programs besides the standard ones; None for one that is not known."""
    masks: tuple[str, ...]
    """Where mounts lie: what is there is no part of the image."""
    variables: frozenset[str]
    """The names of all ENV and ARG of the stage."""
    told: Mapping[str, str | None] = field(default_factory=dict)
    """The variables of the image by which tools may be told where their files are."""
    mounted: tuple[Landing, ...] = ()
    """What bind mounts show of the build context."""
    reads: list[Zone] = field(default_factory=list)
    looks: list[Zone] = field(default_factory=list)
    writes: list[Zone] = field(default_factory=list)
    makes: list[Made] = field(default_factory=list)
    programs: list[Zone] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    """The names of variables that are read."""
    installs: list[Zone] = field(default_factory=list)
    """What package managers write: it leaves the plain programs as they are."""
    usual: bool = True
    """Whether folders are made for certain, and with the usual modes: no exit and no umask has been called."""
    tooled: object = None
    """Under what the places of tools have been added last."""
    network: bool = False
    seen: bool = False
    """Whether `reads` holds everything that is read of the files that COPYs have brought."""

    def zones(self, path: str, *, tree: bool = True) -> Iterator[Zone]:
        """The places of an absolute path, but for those in a mount."""
        if not any(inside(place(path), mask) for mask in self.masks):
            yield from self.ground.zones(path, tree=tree)

    def read(self, *paths: str) -> None:
        self.reads += self._all(paths)

    def write(self, *paths: str) -> None:
        for path in paths:
            zones = list(self.zones(path))
            self.ground.written(zones)
            self.writes += zones

    def install(self, *paths: str) -> None:
        self.installs += self._all(paths)

    def _all(self, paths: Iterable[str]) -> Iterable[Zone]:
        if not self.masks:
            return self.ground.all_zones(paths)
        return (zone for path in paths for zone in self.zones(path))

    def change(self, *paths: str) -> None:
        self.read(*paths)
        self.write(*paths)

    def make(self, path: str, owner: str, *, certain: bool) -> None:
        """A folder that is made with those above it, where they are missing.

        It counts as written where it may not be made after all, where the RUN has used it before, or where a link
        leads there: what the link leads to must be there then.
        """
        zones = list(self.zones(path, tree=False))
        if len(zones) > 1 or EVERYTHING in zones:
            self.writes += zones
        for zone in zones:
            if zone == EVERYTHING:
                continue
            for made in self.ground.makes(zone.path, owner, self.number, certain=certain):
                used = any(inside(each.path, made.path) for each in (*self.reads, *self.looks, *self.writes))
                if certain and not used:
                    self.makes.append(made)
                elif certain or made.path not in self.ground.made:
                    self.writes.append(Zone(made.path, False))
                else:
                    self.reads.append(Zone(made.path, False))  # it relies on who has made it

    def reach(self, *paths: str) -> None:
        """Places whose folders a tool makes on its way, where they are missing."""
        for path in paths:
            self.make(posixpath.dirname(path), "a tool", certain=False)

    def paths(self, word: Word, around: Around) -> list[str]:
        """The absolute paths that a word may stand for; a folder stands for what a pattern may match in it.

        :raises NotKnown: where it may be anything.
        """
        text = value(word, around.environment)
        if text is None:
            text = self._pattern(word, around)
        elif word.literal is None and not word.quoted and UNKNOWN not in text and set(text) & set(_GLOB):
            raise NotKnown(f"`{word.text}` may match any file")
        return self.resolved(text, word.text, around)

    def resolved(self, text: str, shown: str, around: Around) -> list[str]:
        """The absolute paths of a word whose text is known but for UNKNOWN parts."""
        if UNKNOWN in text:
            head = text.partition(UNKNOWN)[0]
            text = head.rpartition("/")[0] + "/" if "/" in head else ""
            if not text:
                raise NotKnown(f"`{shown}` may be any file")
        if ".." in text.split("/") and self.ground.links:
            raise NotKnown(f"`{shown}` may lead through a link")
        if text.startswith("/"):
            return [posixpath.normpath(text)]
        if None in around.folders:
            raise NotKnown(f"the directory of `{shown}` is not known")
        return [posixpath.normpath(posixpath.join(folder or "/", text)) for folder in around.folders]

    def _pattern(self, word: Word, around: Around) -> str:
        """The folder in which what a word matches must lie."""
        text = word.text
        if word.expansions:
            cut = min(each.start for each in word.expansions) - word.start
            text = text[:cut] + UNKNOWN
        else:
            cut = min((text.find(char) for char in _GLOB if char in text), default=len(text))
            if text.startswith("~"):
                head, _, rest = text[:cut].partition("/")
                if head != "~" or self.home is None:
                    raise NotKnown(f"where `{word.text}` is, is not known")
                text = posixpath.join(self.home, rest) + (UNKNOWN if cut < len(text) else "")
            elif cut < len(text):
                text = text[:cut] + UNKNOWN
            else:
                raise NotKnown(f"what `{word.text}` stands for is not known")
        if set(text) & set("\"'\\") or "/.." in word.text or word.text.startswith(".."):
            raise NotKnown(f"what `{word.text}` stands for is not known")
        if text == UNKNOWN or (UNKNOWN in text and "/" not in text):
            if word.expansions:
                raise NotKnown(f"`{word.text}` may be any file")
            return "."  # a pattern in the current directory
        return text

    def program(self, name: str) -> None:
        """A plain program, which package managers leave as it is."""
        for folder in (*STANDARD_PATH, *self.path):
            if folder is None:
                self.reads.append(EVERYTHING)
            elif "/" not in name:
                self.programs.append(Zone(place(posixpath.join(folder, name)), False))
        self.programs += (Zone(library, False) for library in LIBRARIES)

    def tool(self, around: Around, *, writes: bool = False) -> None:
        """A program that depends on what is installed, and is told by variables and settings where its files are."""
        known = (writes, tuple(around.environment.items()), len(self.ground.links), len(self.ground.regions))
        if known == self.tooled:
            return
        self.tooled = known
        places = [*SYSTEM]
        for folder in self.path:
            if folder is None:
                raise NotKnown("which programs it runs is not known: PATH has a part that is not")
            root = posixpath.dirname(folder) if posixpath.basename(folder) in ("bin", "sbin") else folder
            places.append(folder if root in ("/", "/usr", "/usr/local") else root)
        self.read(*places)
        if writes:
            self.install(*places)
        self.settings(around, writes=writes)

    def settings(self, around: Around, *, writes: bool = False) -> None:
        """The files that tools keep in the home, and where variables say that they are."""
        name = (self.user or "").partition(":")[0]
        homes = [self.home] if self.home else [f"/home/{name}", "/root", *self.ground.homes]
        found = [posixpath.join(home, name) for home in homes for name in HOME]
        if not self.home and (not name or name.isdigit()):
            found += ("/home", "/root")
        for name, content in {**around.environment, **self.told}.items():
            upper = name.upper()
            if upper == "PATH" or not upper.startswith(POINTERS):
                continue
            if content is None and upper.endswith(PLACES):
                raise NotKnown(f"the value of {name} is not known")
            found += (piece for piece in (content or "").split(":") if piece.startswith("/") and piece != "/")
        self.read(*found)
        if writes:
            self.install(*found)

    def uses_variables(self, kind: str) -> None:
        """The variables that a program reads: ``basic``, ``tool`` (none that only tells about the build) or ``all``."""
        for name in self.variables:
            if kind == "all" or (kind == "tool" and not _tells(name)) or name.upper().startswith(BASIC):
                self.used.add(name)


def _tells(name: str) -> bool:
    """Whether a variable only tells about the build, by its name: GIT_COMMIT, BUILD_DATE."""
    words = set(name.upper().split("_"))
    return words <= METADATA and bool(words & TOLD)


def literals(words: Iterable[Word], environment: Mapping[str, str | None]) -> list[str | None]:
    """What the words stand for, as `independence.value` knows it."""
    return [value(word, environment) for word in words]


def exact(word: Word, around: Around) -> bool:
    """Whether a word stands for one path that is known."""
    text = value(word, around.environment)
    plain_home = word.literal is None and word.text.startswith("~") and not has_pattern(word)
    return plain_home if text is None else UNKNOWN not in text


def has_pattern(word: Word) -> bool:
    """Whether a word has a pattern outside of quotes, so that it looks into folders."""
    if word.literal is not None:
        return False
    at, quote = 0, ""
    while at < len(word.text):
        inside_it = next((each for each in word.expansions if each.start - word.start == at), None)
        if inside_it is not None:
            at = inside_it.end - word.start
            continue
        char = word.text[at]
        if char == "\\" and quote != "'":
            at += 1
        elif char == quote:
            quote = ""
        elif char in "\"'" and not quote:
            quote = char
        elif char in "*?[" and not quote:
            return True
        at += 1
    return False
