"""What is installed in an image, by what the package managers keep of it there: whose a file is, and who needs whom.

Source: dpkg's `/var/lib/dpkg/info/*.list` and apt's `extended_states`; update-alternatives(1) and what its source says
of the format of `/var/lib/dpkg/alternatives`; apk's `/lib/apk/db/installed` and world; the
PyPA's specification of installed distributions (`*.dist-info`, REQUESTED among it); `package.json` in node_modules,
found by a package as Node does: from its own directory upwards.
"""

from __future__ import annotations

import csv
import operator
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from itertools import takewhile
from typing import Any, NamedTuple

from optimizer.verify.entry import Image, Kind, Pieces, Wanted

_DPKG = "/var/lib/dpkg/info/"
_ALTERNATIVES = "/var/lib/dpkg/alternatives/"
_AUTO = "/var/lib/apt/extended_states"
_APK = "/lib/apk/db/installed"
_WORLD = "/etc/apk/world"
_RECORD, _METADATA = ".dist-info/RECORD", ".dist-info/METADATA"
_DEBIANS = "/usr/lib/python3/dist-packages"
"""Where the distribution's own packages lie, and its Python looks behind /usr/local. Source: Debian's Python policy."""
_MODULES, _BIN = "/node_modules/", "/node_modules/.bin/"
_REQUIRES = re.compile(r"Requires-Dist: *([A-Za-z0-9][A-Za-z0-9._-]*)([^;]*)(.*)")
_COMPARED = re.compile(r"(\w+) *(==|!=|<=|>=|<|>) *[\"']([^\"']*)[\"']")
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt,
}  # fmt: skip
_LINUX = {"sys_platform": "linux", "os_name": "posix", "platform_system": "Linux"}
MOST = 1 << 24
"""Bytes of the largest record that is read."""


class Manifest(NamedTuple):
    """What a package.json says of its package: what it needs, what else it may use, and its programs' names."""

    needs: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()


class Package(NamedTuple):
    """One package. `record` is the path that says that it is there; in apk's one database, a name below its path."""

    record: str
    of_system: bool
    """Whether it is the distribution's."""
    asked: bool
    """Whether somebody wanted it by its name, and not another package alone."""
    needs: frozenset[str] = frozenset()
    """The records of the packages that it cannot do without; of the distribution's that is not read."""
    uses: frozenset[str] = frozenset()
    """The records of all that may have come with it."""


def look(path: str, size: int) -> Wanted | None:
    """What to keep of a file, if it is a record."""
    if size > MOST:
        return None
    if path.endswith("/package.json"):
        return Wanted((range(size),), _manifest)
    if path.endswith(_METADATA):
        return Wanted((range(size),), lambda pieces: pieces.at(0, size).partition(b"\n\n")[0])
    if path in (_AUTO, _APK, _WORLD) or path.endswith(_RECORD) or path.startswith(_ALTERNATIVES):
        return Wanted((range(size),), lambda pieces: pieces.at(0, size))
    if path.startswith(_DPKG) and path.endswith(".list"):
        return Wanted((range(size),), lambda pieces: pieces.at(0, size))
    return None


def _manifest(pieces: Pieces) -> object:
    import json

    try:
        found = json.loads(pieces.at(0, pieces.size))
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    fields = {name: value if isinstance(value := found.get(name), dict) else {} for name in _FIELDS}
    needs, optional, peers, about_peers = fields.values()
    can_lack = {name for name, about in about_peers.items() if isinstance(about, dict) and about.get("optional")}
    firm = (*(name for name in needs if name not in optional), *(name for name in peers if name not in can_lack))
    programs = found.get("bin")
    if isinstance(programs, str):
        programs = {str(found.get("name")).rpartition("/")[2]: programs}
    return Manifest(
        tuple(dict.fromkeys(firm)), tuple(dict.fromkeys((*optional, *can_lack.intersection(peers)))),
        tuple(programs) if isinstance(programs, dict) else (),
    )  # fmt: skip


_FIELDS = ("dependencies", "optionalDependencies", "peerDependencies", "peerDependenciesMeta")


class Installed:
    """The packages of one image, which was read with `look`."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._folders: dict[str, str] = {}

    @cached_property
    def packages(self) -> Mapping[str, Package]:
        """Every package, by its record."""
        found = (*self._dpkg(), *self._apk(), *self._distributions(), *self._modules())
        return {each.record: each for each in found}

    def owner(self, path: str) -> Package | None:
        """The package that brought a path."""
        if (record := self._files.get(path)) is not None:
            return self.packages.get(record)
        while _MODULES in path:
            module = _module(path)
            if module is not None and module in self.packages:
                return self.packages[module]
            path = (module or path).rpartition(_MODULES)[0]
        return None

    def holder(self, package: Package) -> Package | None:
        """The package in node_modules in whose own directory another one lies."""
        above, modules, _ = package.record.rpartition(_MODULES)
        return self.owner(above) if modules else None

    @cached_property
    def alternatives(self) -> frozenset[str]:
        """The links in /etc/alternatives that nobody has set by hand, and those that go with them."""
        found: set[str] = set()
        for path in self._image.entries:
            lines = self._text(path).splitlines() if path.startswith(_ALTERNATIVES) else []
            if lines[:1] == ["auto"]:
                names = (posixpath.basename(path), *takewhile(bool, lines[2::2]))
                found.update(f"/etc/alternatives/{name}" for name in names)
        return frozenset(found)

    @cached_property
    def _files(self) -> Mapping[str, str]:
        """What the distribution's packages and Python's list as theirs, and what starts Node's."""
        found: dict[str, str] = {}
        for record, path in (*self._listed(), *self._recorded(), *self._started()):
            folder, _, name = path.rpartition("/")
            found.setdefault(f"{self._real(folder)}/{name}", record)
        return found

    def _real(self, folder: str) -> str:
        """A directory with links followed: with /usr merged, packages still list files in /lib."""
        if folder not in self._folders:
            real = self._image.resolve(folder) if folder else ""
            self._folders[folder] = folder if real is None else real.removesuffix("/")
        return self._folders[folder]

    def _text(self, path: str) -> str:
        entry = self._image.entries.get(path)
        found = entry.found if entry else None
        return found.decode("utf-8", "surrogateescape") if isinstance(found, bytes) else ""

    def _listed(self) -> Iterator[tuple[str, str]]:
        for package in self._dpkg():
            yield from ((package.record, line) for line in self._text(package.record).splitlines() if line[1:2] != ".")
        name = folder = ""
        for line in self._text(_APK).splitlines():
            kind, _, value = line.partition(":")
            if kind == "P":
                name, folder = value, ""
            elif kind == "F":
                folder = value
            elif kind == "R":
                yield f"{_APK}/{name}", f"/{folder}/{value}" if folder else f"/{value}"

    def _dpkg(self) -> Iterator[Package]:
        auto = set()
        name = ""
        for line in self._text(_AUTO).splitlines():
            key, _, value = line.partition(": ")
            if key == "Package":
                name = value
            elif key == "Auto-Installed" and value.strip() == "1":
                auto.add(name)
        for path in self._image.entries:
            if path.startswith(_DPKG) and path.endswith(".list"):
                plain = path.removeprefix(_DPKG).removesuffix(".list").partition(":")[0]
                yield Package(path, True, plain not in auto)

    def _apk(self) -> Iterator[Package]:
        world = {re.split(r"[<>=~@]", word, maxsplit=1)[0] for word in self._text(_WORLD).split()}
        for line in self._text(_APK).splitlines():
            if line.startswith("P:"):
                yield Package(f"{_APK}/{line[2:]}", True, line[2:] in world)

    @cached_property
    def _dists(self) -> Mapping[str, str]:
        """The directories of Python's distributions, with the directory and name by which others need them.

        Debian's packages have older forms of them, too.
        """
        found = {}
        for path, entry in self._image.entries.items():
            site, _, base = path.rpartition("/")
            if (base.endswith(".dist-info") and entry.kind is Kind.DIRECTORY) or (
                base.endswith(".egg-info") and site == _DEBIANS
            ):
                found[path] = f"{site}/{distribution(path)}"
        return found

    def _recorded(self) -> Iterator[tuple[str, str]]:
        for record in self._dists:
            site = posixpath.dirname(record)
            for row in csv.reader(self._text(f"{record}/RECORD").splitlines()):
                if row and row[0]:
                    yield record, posixpath.normpath(posixpath.join(site, row[0]))

    def _distributions(self) -> Iterator[Package]:
        named = {name: record for record, name in self._dists.items()}
        for record in self._dists:
            needs: set[str] = set()
            uses: set[str] = set()
            for line in self._text(f"{record}/METADATA").splitlines():
                if (found := _REQUIRES.match(line)) is None:
                    continue
                site = posixpath.dirname(record)
                sites = (site, _DEBIANS) if posixpath.basename(site) == "dist-packages" else (site,)
                others = (named.get(f"{each}/{_plain(found[1])}") for each in sites)
                if (other := next(filter(None, others), None)) is not None:
                    uses.add(other)
                    needs.update((other,) if _applies(found[3].removeprefix(";"), site) else ())
            asked = f"{record}/REQUESTED" in self._image.entries
            yield Package(record, False, asked, frozenset(needs), frozenset(uses))

    def _modules(self) -> Iterator[Package]:
        manifests = {
            posixpath.dirname(path): entry.found
            for path, entry in self._image.entries.items() if isinstance(entry.found, Manifest)
        }  # fmt: skip
        within = {folder: module for folder in manifests if (module := _module(folder)) is not None}
        packages = {folder: manifests[folder] for folder, module in within.items() if folder == module}
        above = {folder.rpartition(_MODULES)[0] for folder in packages}
        roots = {folder for folder in above if _MODULES not in folder}
        asked: set[str] = set()
        for root in roots:
            project = manifests.get(root)
            if project is not None:
                asked.update(self._found(root, (*project.needs, *project.optional), packages))
            elif f"{root}/package.json" not in self._image.entries:
                asked.update(each for each in packages if each.rpartition(_MODULES)[0] == root)
        for folder, manifest in packages.items():
            needs = frozenset(self._found(folder, manifest.needs, packages))
            uses = needs.union(self._found(folder, manifest.optional, packages))
            yield Package(folder, False, folder in asked, needs, uses)

    def _started(self) -> Iterator[tuple[str, str]]:
        """The scripts that pnpm writes to start the programs of packages, where npm and yarn make links."""
        scripts = {
            path for path, entry in self._image.entries.items() if _BIN in path and entry.kind is Kind.FILE
        }  # fmt: skip
        places = {path.rpartition(_BIN)[0] for path in scripts}
        for path in self._image.entries if places else ():
            above, modules, name = path.rpartition(_MODULES)
            if above not in places or not modules or name.count("/") != name.startswith("@"):
                continue
            record = self._image.resolve(path)
            manifest = self._image.entries.get(f"{record}/package.json")
            if record and manifest and isinstance(manifest.found, Manifest):
                started = (f"{above}{_BIN}{program}" for program in manifest.found.programs)
                yield from ((record, script) for script in started if script in scripts)

    def _found(self, folder: str, names: tuple[str, ...], packages: Mapping[str, object]) -> Iterator[str]:
        """The packages of these names that code in a directory gets."""
        above = [folder]
        while above[-1]:
            above.append(above[-1].rpartition("/")[0])
        for name in names:
            for each in above:
                real = self._image.resolve(f"{each}/node_modules/{name}")
                if real in packages:
                    yield str(real)
                    break


def _module(path: str) -> str | None:
    """The directory of the package in node_modules that a path lies in, or is."""
    above, modules, below = path.rpartition(_MODULES)
    parts = below.split("/")
    if not modules or parts[0].startswith("."):
        return None
    name = "/".join(parts[: 2 if parts[0].startswith("@") else 1])
    return f"{above}{_MODULES}{name}"


def _applies(marker: str, site: str) -> bool:
    """Whether a requirement may hold for the Python of a directory, on Linux. Source: PEP 508, environment markers."""
    if " or " in marker:
        return True
    known = {"python_version": _numbers(site.rpartition("/python")[2].partition("/")[0]), **_LINUX}
    for name, sign, text in _COMPARED.findall(marker):
        value = _numbers(text) if name == "python_version" else text
        if name == "extra" or (name in known and not _COMPARE[sign](known[name], value)):
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split(".") if number.isdigit())


def distribution(record: str) -> str:
    """The name of one of Python's distributions by its record."""
    return _plain(posixpath.basename(record).rpartition(".")[0].partition("-")[0])


def _plain(name: str) -> str:
    """The name of a Python distribution as all its spellings are compared. Source: PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()
