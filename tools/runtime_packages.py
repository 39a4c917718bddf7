r"""Make optimizer/runtime_packages/data/ from the indices of a Debian or Ubuntu archive.

    python -m tools.runtime_packages bullseye bookworm trixie
    python -m tools.runtime_packages --distribution ubuntu --mirror http://archive.ubuntu.com/ubuntu \
        --component main --component universe jammy noble

apt fetches the indices and checks their signatures, in folders of its own: nothing of the machine changes. Needs apt,
the archive's key, and about 300 MB of memory and of disk. What a line means is told in docs/runtime-packages.md.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

ARCHITECTURE = "amd64"
DATA = Path(__file__).parents[1] / "optimizer" / "runtime_packages" / "data"


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


LIBRARY_FOLDERS = (
    b"lib/", b"usr/lib/", b"lib/x86_64-linux-gnu/", b"usr/lib/x86_64-linux-gnu/",
    # update-alternatives links from the folder above to these
    b"usr/lib/x86_64-linux-gnu/blas/", b"usr/lib/x86_64-linux-gnu/lapack/",
    b"usr/lib/x86_64-linux-gnu/openblas-pthread/",
)  # fmt: skip
COMMAND_FOLDERS = (b"bin/", b"sbin/", b"usr/bin/", b"usr/sbin/")
"""Where the loader and a shell look by default. Anything else is a package's private matter."""

BUILD_SECTIONS = frozenset({"devel", "golang", "haskell", "ocaml", "rust"})
BUILD_TOOLS = _names(
    "ant bundler composer dpkg-dev fakeroot gradle m4 maven nasm npm pipenv pipx python3-build python3-pip "
    "python3-pip-whl python3-poetry python3-poetry-core python3-setuptools python3-setuptools-whl python3-venv "
    "python3-virtualenv python3-wheel ruby-bundler swig texinfo virtualenv yarnpkg yasm"
)
"""Tools of building that Debian files under the section of their language or of utilities."""
DEVELOPS = re.compile(r"-(dev|jdk|jdk-headless)(-|$)")
"""The name of a package for compiling or linking against another, whatever its section."""
LANGUAGES = re.compile(r"nodejs|php-cli|python3|ruby|.+-jre(-headless)?")
"""What runs the programs that a BUILD_TOOLS package helps to build: installing the tool is often what brings it in."""
TOOLS_SECTIONS = frozenset({"vcs"})
TOOLS = _names(
    "apt-transport-https apt-utils aria2 bzip2 curl debconf-utils dirmngr file gnupg gnupg1 gnupg2 gpg gpg-agent "
    "lsb-release lz4 patch p7zip-full rsync software-properties-common unzip wget xz-utils zip zstd"
)
"""Fetching, unpacking and checking keys: a build needs them as often as a program does."""
COMPILER_LIBRARIES = re.compile(r"libc6-dev|linux-libc-dev|lib(gcc|stdc\+\+|gfortran|objc)-\d+-dev")
"""Every -dev package of a C++ library names these; they are no part of what it stands for."""
LEFT_OUT = re.compile(
    r"librust-.+|golang-.+-dev|libghc-.+|(lib.+-ocaml|coq-.+)-dev|r-(cran|bioc)-.+"  # linked statically, or by R
    r"|(node|elpa|task|libtest)-.+"
    r"|.+-(doc|dbg|cross|locales|l10n(-.+)?)|.+-doc-.+"
)
"""Half of the archive, seldom installed in an image build: left out, hence unknown."""

ROLES = ("library", "language", "sibling", "related", "whole")
"""What stands for a package at run time, the best first: the libraries that it links, the interpreter of a language,
the -dev packages of the same source, its other packages of the same version, the -dev packages it is made of."""

_DEPENDENCY = re.compile(r"(?P<name>[a-z0-9][a-z0-9+.-]*)(?::\w+)?(?:\s*\((?P<relation>[<>=]+)[^)]+\))?")
_SHARED_OBJECT = re.compile(r"[^/]+\.so(?:\.\d+)+")


@dataclass(frozen=True, slots=True)
class Dependency:
    """One alternative of a Depends or Provides field."""

    name: str
    exact: bool
    """Whether it asks for one version and no other."""


@dataclass(frozen=True, slots=True)
class Package:
    """What the index says of one binary package."""

    name: str
    source: str
    section: str
    depends: tuple[tuple[Dependency, ...], ...]
    provides: tuple[str, ...]

    @property
    def kind(self) -> str:
        """D: for linking against, B: for building, T: a tool that either may need, R: for running."""
        name = self.name
        if name in BUILD_TOOLS or name.startswith("linux-headers-"):
            return "B"
        if self.section == "libdevel" or DEVELOPS.search(name):
            return "D"
        if self.section in BUILD_SECTIONS:
            return "B"
        return "T" if self.section in TOOLS_SECTIONS or name in TOOLS else "R"


@dataclass(frozen=True, slots=True)
class Files:
    """What the contents index says of one binary package: names in the folders that everybody looks into."""

    libraries: frozenset[str]
    commands: frozenset[str]


NO_FILES = Files(frozenset(), frozenset())


def dependencies(field: str) -> tuple[tuple[Dependency, ...], ...]:
    """A Depends or Provides field: all of the groups, one of the alternatives in each."""
    groups = (
        tuple(
            Dependency(match["name"], match["relation"] == "=")
            for part in group.split("|")
            if (match := _DEPENDENCY.match(part.strip()))
        )
        for group in field.split(",")
    )
    return tuple(group for group in groups if group)


def packages(text: str) -> Iterator[Package]:
    """The paragraphs of a Packages file."""
    for paragraph in text.split("\n\n"):
        lines = (line.split(": ", 1) for line in paragraph.splitlines() if not line.startswith(" ") and ": " in line)
        fields = dict(lines)
        if name := fields.get("Package"):
            wanted = ", ".join(fields[key] for key in ("Pre-Depends", "Depends") if key in fields)
            yield Package(
                name,
                fields.get("Source", name).split()[0],
                fields.get("Section", "").rpartition("/")[2],
                dependencies(wanted),
                tuple(group[0].name for group in dependencies(fields.get("Provides", ""))),
            )


def files(lines: Iterable[bytes]) -> dict[str, Files]:
    """The lines of Contents files: a path, and the packages that hold it."""
    libraries: dict[str, set[str]] = defaultdict(set)
    commands: dict[str, set[str]] = defaultdict(set)
    for line in lines:
        if not line.startswith((b"usr/lib/", b"usr/bin/", b"usr/sbin/", b"bin/", b"sbin/", b"lib/")):
            continue
        path, _, holders = line.rstrip().rpartition(b" ")
        folder, slash, name = path.rstrip().rpartition(b"/")
        folder += slash
        if folder in COMMAND_FOLDERS and not name.startswith(b"x86_64-"):
            into = commands
        elif folder in LIBRARY_FOLDERS and b".so" in name:
            into = libraries
        else:
            continue
        for holder in holders.decode().split(","):
            into[holder.rpartition("/")[2]].add(name.decode())
    return {
        holder: Files(frozenset(libraries[holder]), frozenset(commands[holder]))
        for holder in libraries.keys() | commands.keys()
    }


def sonames(names: frozenset[str]) -> frozenset[str]:
    """The names the loader asks for: of ``libx.so.5`` and ``libx.so.5.2``, which it is a link to, the first.

    ``libdb-5.3.so`` is one as well: without a number, yet in a package that is for running.
    """
    whole = {name for name in names if _SHARED_OBJECT.fullmatch(name)}
    bare = (name for name in names if name.startswith("lib") and name.endswith(".so"))
    return frozenset(name for name in whole if not any(name.startswith(f"{other}.") for other in whole)).union(bare)


class Archive:
    """The index of one release, with what is asked of it."""

    def __init__(self, known: Iterable[Package], contents: dict[str, Files]) -> None:
        self.packages = {package.name: package for package in known}
        self.contents = contents
        self.providers: dict[str, set[str]] = defaultdict(set)
        for package in self.packages.values():
            for name in package.provides:
                if name not in self.packages:
                    self.providers[name].add(package.name)
        self.sonames = {name: sonames(contents[name].libraries) for name in self.packages if name in contents}

    def chosen(self, alternatives: tuple[Dependency, ...]) -> tuple[Package, bool] | None:
        """What apt installs for a dependency: the first that exists, or the only one that provides it."""
        for wanted in alternatives:
            if package := self.packages.get(wanted.name):
                return package, wanted.exact
            if len(names := self.providers.get(wanted.name, set())) == 1:
                return self.packages[next(iter(names))], False
        return None

    def line(self, package: Package) -> str:
        """Everything that is known of a package, on one line."""
        words = [package.name, package.kind]
        if package.kind in "DB":
            words += self.counterparts(package)
        if package.kind != "D":
            words += sorted(f"!{name}" for name in self.sonames.get(package.name, ()))
            commands = self.contents.get(package.name, NO_FILES).commands
            words += sorted("@" if name == package.name else f"@{name}" for name in commands)
        return " ".join(words)

    def counterparts(self, package: Package) -> list[str]:
        """What stands for a -dev or build package at run time: ``=package``, ``+what stands for that``, ``>pulled in``.

        The -dev packages that it merely pulls in are kept apart: a program may link them as well.
        """
        names = self.contents.get(package.name, NO_FILES).libraries
        links = {name for name in names if name.endswith(".so")}
        found: dict[str, set[str]] = defaultdict(set)
        for other, exact in filter(None, map(self.chosen, package.depends)):
            if role := self.role(package, links, other, exact):
                found[role].add(other.name)
        best = next((role for role in ROLES if found[role]), "")
        kept = {best}
        if best == "library" and not links:  # a transitional package, which stands for its sibling too
            kept.add("sibling")
        if best == "sibling" and links:  # its links lead to libraries of another source
            kept.add("whole")
        signs = {role: "=" if role in kept - {"sibling", "whole"} else "+" if role in kept else ">" for role in found}
        dropped = {"language", "related"} - kept
        words = {signs[role] + name for role, names in found.items() if role not in dropped for name in names}
        return sorted(words, key=lambda word: ("=+>".index(word[0]), word))

    def role(self, package: Package, links: set[str], other: Package, exact: bool) -> str | None:
        """What a dependency is to a -dev or build package, or None for what only its own programs need."""
        if package.kind == "B":
            language = package.name in BUILD_TOOLS and LANGUAGES.fullmatch(other.name)
            return "pulled" if other.kind in "DB" else "language" if language else None
        related = other.source == package.source
        if other.kind == "B":
            return None
        if other.kind == "D":
            if COMPILER_LIBRARIES.fullmatch(other.name):
                return "pulled" if COMPILER_LIBRARIES.fullmatch(package.name) else None
            return "sibling" if related else "whole"
        if libraries := self.sonames.get(other.name):
            linked = any(library.startswith(f"{link}.") for link in links for library in libraries)
            return "library" if related or exact or linked else None
        if related and LANGUAGES.fullmatch(other.name):
            return "language"
        beside = LEFT_OUT.fullmatch(other.name) or other.name.startswith("gir1.2-")  # documents, other languages
        return "related" if related and exact and not beside else None

    def lines(self) -> list[str]:
        """Every package and every name that stands for one, sorted by their bytes."""
        virtual = (f"{name} V {next(iter(names))}" for name, names in self.providers.items() if len(names) == 1)
        lines = [*virtual, *(self.line(package) for package in self.packages.values())]
        return sorted(line for line in lines if not any(map(LEFT_OUT.fullmatch, line.split(" ", 3)[:3:2])))


class Apt:
    """apt with folders of its own."""

    def __init__(self, folder: Path, mirror: str, suite: str, components: list[str]) -> None:
        self.folder, self.mirror, self.suite, self.components = folder, mirror.rstrip("/"), suite, components
        (folder / "lists" / "partial").mkdir(parents=True)
        (folder / "cache" / "archives" / "partial").mkdir(parents=True)
        (folder / "sources.list").write_text(f"deb {self.mirror} {suite} {' '.join(components)}\n")
        settings = {
            "Dir::State::Lists": folder / "lists", "Dir::Cache": folder / "cache",
            "Dir::Etc::SourceList": folder / "sources.list", "Dir::Etc::SourceParts": "/dev/null",
            "APT::Architecture": ARCHITECTURE, "APT::Architectures": ARCHITECTURE, "APT::Sandbox::User": "root",
            "Acquire::Languages": "none", "APT::Update::Post-Invoke-Success": "",
        }  # fmt: skip
        self.options = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]

    def run(self, program: str, *arguments: str | Path) -> bytes:
        return subprocess.run([program, *self.options, *arguments], check=True, stdout=subprocess.PIPE).stdout

    def helper(self, *arguments: str | Path) -> bytes:
        return self.run("/usr/lib/apt/apt-helper", *arguments)

    def update(self) -> str:
        """Fetch the package index, and return the text of the signed Release file."""
        self.run("apt-get", "update", "-q")
        return next((self.folder / "lists").glob("*_InRelease")).read_text()

    def packages(self) -> str:
        """The text of the package index."""
        found = sorted((self.folder / "lists").glob("*_Packages*"))
        return "\n\n".join(self.helper("cat-file", path).decode() for path in found)

    def contents(self, release: str) -> tuple[list[Path], bool]:
        """Fetch the contents indices, and tell whether all are those that the Release file names.

        A mirror's copy may be of the point release before: good enough for what is asked, but to be told.
        """
        names = [f"{component}/Contents-{kind}.gz" for component in self.components for kind in ("all", ARCHITECTURE)]
        names = [name for name in names if f" {name}\n" in release] or [f"Contents-{ARCHITECTURE}.gz"]
        fetched, current = [], True
        for number, name in enumerate(names):
            url, target = f"{self.mirror}/dists/{self.suite}/{name}", self.folder / f"{number}.gz"
            match = re.search(rf"^ ([0-9a-f]{{64}}) +\d+ {re.escape(name)}$", release, re.MULTILINE)
            try:
                self.helper("download-file", url, target, *([f"SHA256:{match[1]}"] if match else []))
            except subprocess.CalledProcessError:
                current = False
                self.helper("download-file", url, target)
            fetched.append(target)
        return fetched, current


def read(path: Path) -> Iterator[bytes]:
    """The lines of a compressed file; zcat is twice as fast as the gzip module."""
    with subprocess.Popen(["zcat", path], stdout=subprocess.PIPE) as process:
        assert process.stdout
        yield from process.stdout


def fetched(distribution: str, suite: str, mirror: str, components: list[str]) -> tuple[str, list[str]]:
    """What is told of one release at the head of the file, and its lines."""
    with tempfile.TemporaryDirectory() as folder:
        apt = Apt(Path(folder), mirror, suite, components)
        release = apt.update()
        known = list(packages(apt.packages()))
        paths, current = apt.contents(release)
        archive = Archive(known, files(line for path in paths for line in read(path)))
    fields = dict(re.findall(r"^([A-Z][\w-]*): (.*)$", release, re.MULTILINE))
    day = datetime.strptime(fields["Date"], "%a, %d %b %Y %H:%M:%S %Z").date()
    version = fields["Version"] if distribution == "ubuntu" else fields["Version"].partition(".")[0]
    age = "" if current else "; contents index as served, of an earlier date"
    head = f"{version} {fields['Codename']} {day} ({fields['Version']}; {', '.join(components)}; {ARCHITECTURE}{age})"
    return head, archive.lines()


def merged(releases: list[list[str]]) -> list[str]:
    """The lines of all releases, each once; the kind is followed by the numbers of its releases, if not all."""
    holders: dict[str, str] = defaultdict(str)
    for number, lines in enumerate(releases, 1):
        for line in lines:
            holders[line] += str(number)
    every = "".join(str(number) for number in range(1, len(releases) + 1))
    marked = (
        " ".join([name, kind + ("" if numbers == every else numbers), *rest])
        for line, numbers in holders.items()
        for name, kind, *rest in [line.split(" ", 2)]
    )
    return sorted(marked)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "suites", nargs="+", metavar="SUITE", help="all that the file is to hold: bullseye bookworm trixie"
    )
    parser.add_argument("--distribution", default="debian")
    parser.add_argument("--mirror", default="http://deb.debian.org/debian")
    parser.add_argument("--component", action="append", dest="components", help="main, unless given")
    arguments = parser.parse_args()
    components = arguments.components or ["main"]
    heads, releases = zip(
        *(fetched(arguments.distribution, suite, arguments.mirror, components) for suite in arguments.suites),
        strict=True,
    )
    target = DATA / f"{arguments.distribution}.txt"
    numbered = [f"# {number} {head}" for number, head in enumerate(heads, 1)]
    made = "# made by tools/runtime_packages.py; docs/runtime-packages.md tells what a line means"
    target.write_text("\n".join([*numbered, made, "", *merged(list(releases))]) + "\n")


if __name__ == "__main__":
    main()
