"""What stands for a package at run time: the table by hand, the whole index by its laws, this machine as the judge."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from optimizer.runtime_packages import (
    Kind,
    Release,
    known_releases,
    provider_of_command,
    provider_of_library,
    release_of,
    release_of_os,
    releases_of,
    runtime_in_all,
    runtime_of,
    table,
)
from tools import runtime_packages as script

BULLSEYE, BOOKWORM, TRIXIE = known_releases("debian")
ALPINE = Release("alpine", "3.20")
every_release = pytest.mark.parametrize("release", known_releases("debian"), ids=lambda release: release.codename)

# one column where all three releases agree; by hand from packages.debian.org, not from the data
COUNTERPARTS = """
libpq-dev                   libpq5
libssl-dev                  libssl1.1 | libssl3 | libssl3t64
libffi-dev                  libffi7 | libffi8 | libffi8
libxml2-dev                 libxml2
libxslt1-dev                libxslt1.1
zlib1g-dev                  zlib1g
libjpeg-dev                 libjpeg62-turbo
libpng-dev                  libpng16-16 | libpng16-16 | libpng16-16t64
default-libmysqlclient-dev  libmariadb3
libcurl4-openssl-dev        libcurl4 | libcurl4 | libcurl4t64
libsqlite3-dev              libsqlite3-0
libreadline-dev             libreadline8 | libreadline8 | libreadline8t64
libncurses5-dev             libncurses6 libncursesw6 libtinfo6
libldap2-dev                libldap-2.4-2 | libldap-2.5-0 | libldap2
libsasl2-dev                libsasl2-2
libmagic-dev                libmagic1 | libmagic1 | libmagic1t64
libgdal-dev                 libgdal28 | libgdal32 | libgdal36
libicu-dev                  libicu67 | libicu72 | libicu76
libmagickwand-dev           libmagickwand-6.q16-6 | libmagickwand-6.q16-6 | libmagickwand-7.q16-10
libopenblas-dev             libopenblas0-pthread
libgl1-mesa-dev             libgl1 libglvnd0
libboost-python-dev         libboost-python1.74.0 | libboost-python1.74.0 | libboost-python1.83.0
libboost-dev
tk-dev                      libtcl8.6 libtk8.6
python3-dev                 python3
default-jdk                 default-jre
"""
TABLE = [
    (package, release, names.split())
    for package, columns in ((line[:28].strip(), line[28:].split("|")) for line in COUNTERPARTS.strip().splitlines())
    for release, names in zip((BULLSEYE, BOOKWORM, TRIXIE), columns * (3 // len(columns)), strict=True)
]


@pytest.mark.parametrize(("package", "release", "names"), TABLE, ids=[f"{row[0]}-{row[1].codename}" for row in TABLE])
def test_a_dev_package_stands_for_the_libraries_that_it_links(package: str, release: Release, names: list[str]) -> None:
    found = runtime_of(release, package)
    assert (found.kind, [*found.packages]) == (Kind.DEV, names)


@pytest.mark.parametrize(
    ("package", "kind", "names"),
    [
        ("gcc", Kind.BUILD, ()), ("build-essential", Kind.BUILD, ()), ("cmake", Kind.BUILD, ()),
        ("pkg-config", Kind.BUILD, ()), ("golang", Kind.BUILD, ()), ("cargo", Kind.BUILD, ()),
        ("python3-pip", Kind.BUILD, ("python3",)), ("maven", Kind.BUILD, ("default-jre-headless",)),
        ("npm", Kind.BUILD, ("nodejs",)),
        ("git", Kind.TOOL, ("git",)), ("curl", Kind.TOOL, ("curl",)), ("xz-utils", Kind.TOOL, ("xz-utils",)),
        ("ffmpeg", Kind.RUNTIME, ("ffmpeg",)), ("fonts-dejavu", Kind.RUNTIME, ("fonts-dejavu",)),
        ("tzdata", Kind.RUNTIME, ("tzdata",)), ("ca-certificates", Kind.RUNTIME, ("ca-certificates",)),
        ("libpq5:amd64", Kind.RUNTIME, ("libpq5",)), ("libpq-dev=15.*", Kind.DEV, ("libpq5",)),
        ("google-chrome-stable", Kind.UNKNOWN, ()), ("librust-serde-dev", Kind.UNKNOWN, ()),
        ("", Kind.UNKNOWN, ()), ("#", Kind.UNKNOWN, ()), ("~", Kind.UNKNOWN, ()), ("libpq", Kind.UNKNOWN, ()),
    ],
)  # fmt: skip
@every_release
def test_kinds(release: Release, package: str, kind: Kind, names: tuple[str, ...]) -> None:
    found = runtime_of(release, package)
    assert (found.kind, found.packages) == (kind, names)
    assert found.evidence


@pytest.mark.parametrize(
    ("compiler", "library"), [("g++", "libstdc++6"), ("gfortran", "libgfortran5"), ("gcc", "libgomp1")]
)
@every_release
def test_the_libraries_of_a_compiler_are_told_apart(release: Release, compiler: str, library: str) -> None:
    found = runtime_of(release, compiler)
    assert library in found.also
    assert not found.packages


def test_evidence_names_the_release_and_the_chain() -> None:
    told = runtime_of(BOOKWORM, "default-libmysqlclient-dev").evidence
    assert told == (
        "Debian 12 (bookworm): default-libmysqlclient-dev depends on libmariadb-dev-compat, libmariadb-dev-compat "
        "depends on libmariadb-dev, libmariadb-dev depends on libmariadb3"
    )


def test_a_name_that_another_package_provides_is_that_package() -> None:
    assert runtime_of(TRIXIE, "libssl3").packages == ("libssl3t64",)
    assert runtime_of(TRIXIE, "pkg-config").kind is Kind.BUILD
    assert runtime_of(BOOKWORM, "libssl3").packages == ("libssl3",)


@every_release
def test_everything_that_is_named_can_be_installed_and_runs(release: Release) -> None:
    """Every -dev and build package of the index: what stands for it exists there, and is not one of them."""
    text = (Path(table.__file__).with_name("data") / "debian.txt").read_text()
    lines = text.partition("\n\n")[2].splitlines()
    names = {line.partition(" ")[0] for line in lines if line.split(" ")[1][0] in "DB"}
    wrong = {
        (name, other)
        for name in sorted(names)
        for found in [runtime_of(release, name)]
        for other in (*found.packages, *found.also)
        if runtime_of(release, other).kind not in (Kind.RUNTIME, Kind.TOOL)
    }
    assert len(names) > 8000
    assert not wrong


def test_every_line_is_found_by_its_name() -> None:
    lines = (Path(table.__file__).with_name("data") / "debian.txt").read_text().splitlines()
    lines = lines[lines.index("") + 1 :]
    assert lines == sorted(lines)
    for line in [*lines[:50], *lines[::97], *lines[-50:]]:
        name, kind, *words = line.split(" ")
        numbers = kind[1:] or "123"
        for number in "123":
            row = table.row("debian", number, name)
            assert (row is not None and row.words == tuple(words)) or number not in numbers


@pytest.mark.parametrize(
    ("image", "codenames"),
    [
        ("debian:12", "bookworm"), ("debian:12.5-slim", "bookworm"), ("debian:trixie-20250908", "trixie"),
        ("python:3.11-slim-bookworm", "bookworm"), ("docker.io/library/node:20-bullseye", "bullseye"),
        ("mcr.microsoft.com/dotnet/sdk:8.0-bookworm-slim", "bookworm"), ("debian:13@sha256:00", "trixie"),
        ("python:3.12", "bullseye bookworm trixie"), ("python:3.12-slim", "bullseye bookworm trixie"),
        ("debian:stable-slim", "bullseye bookworm trixie"), ("rust", "bullseye bookworm trixie"),
        ("debian:10", ""), ("debian:sid", ""), ("python:3.8-buster", ""), ("ubuntu:24.04", ""),
        ("node:20-alpine", ""), ("example.com/nginx", ""), ("example.com/python:3.12", ""), ("scratch", ""),
        ("$BASE", ""), ("", ""), ("debian:oldstable-slim", ""), ("swift:5.9-jammy", ""),
    ],
)  # fmt: skip
def test_releases_of_an_image(image: str, codenames: str) -> None:
    found = releases_of(image)
    assert [release.codename for release in found] == codenames.split()
    assert release_of(image) == (found[0] if len(found) == 1 else None)


@pytest.mark.parametrize(("image", "version"), [("alpine:3.20.3", "3.20"), ("node:20-alpine3.19", "3.19")])
def test_alpine_has_a_release_and_no_index(image: str, version: str) -> None:
    release = release_of(image)
    assert release == Release("alpine", version)
    assert release is not None
    assert runtime_of(release, "libpq-dev").kind is Kind.UNKNOWN
    assert "so:" in runtime_of(release, "libpq-dev").evidence
    assert runtime_of(release, "build-base").kind is Kind.BUILD
    assert provider_of_library(release, "libpq.so.5") == ("so:libpq.so.5",)
    assert provider_of_command(release, "psql") == ("cmd:psql",)


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ('PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n', BOOKWORM),
        ('ID=alpine\nVERSION_ID=3.20.3\n', ALPINE),
        ('ID=ubuntu\nVERSION_ID="24.04"\nID_LIKE=debian\n', None),
        ('ID=debian\nVERSION_ID="9"\n', None), ("ID=debian\n", None), ("", None),
    ],
)  # fmt: skip
def test_release_of_os_release(text: str, release: Release | None) -> None:
    assert release_of_os(text) == release


@pytest.mark.parametrize(
    ("releases", "package", "names"),
    [
        (known_releases("debian"), "libpq-dev", ("libpq5",)),
        ((BOOKWORM, TRIXIE), "libssl-dev", ("libssl3",)),  # trixie's libssl3t64 provides it
        ((TRIXIE, BOOKWORM), "libssl-dev", ("libssl3",)),
        ((BOOKWORM,), "libicu-dev", ("libicu72",)),
        (known_releases("debian"), "gcc", ()),
    ],
)
def test_names_that_hold_in_several_releases(
    releases: tuple[Release, ...], package: str, names: tuple[str, ...]
) -> None:
    found = runtime_in_all(releases, package)
    assert found.kind is not Kind.UNKNOWN
    assert found.packages == names


@pytest.mark.parametrize(
    ("releases", "package", "told"),
    [
        ((BOOKWORM, TRIXIE), "libicu-dev", "libicu72 in Debian 12 (bookworm); libicu76 in Debian 13 (trixie)"),
        ((BOOKWORM, TRIXIE), "libpcre3-dev", "no package libpcre3-dev"),
        ((), "libpq-dev", "the release of the base image is not known"),
    ],
)
def test_names_that_differ_between_releases(releases: tuple[Release, ...], package: str, told: str) -> None:
    found = runtime_in_all(releases, package)
    assert found.kind is Kind.UNKNOWN
    assert told in found.evidence


@pytest.mark.parametrize(
    ("soname", "names"),
    [
        ("libpq.so.5", ["libpq5"]), ("libssl.so.3", ["libssl3t64"]), ("libgomp.so.1", ["libgomp1"]),
        ("libdb-5.3.so", ["libdb5.3t64"]), ("libblas.so.3", ["libblas3", "libopenblas0-pthread"]), ("libpq.so", []),
        ("libpq.so.5.17", []), ("libpq.so.", []), ("", []),
    ],
)  # fmt: skip
def test_who_has_a_library(soname: str, names: list[str]) -> None:
    assert [*provider_of_library(TRIXIE, soname)] == names


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("git", ["git"]), ("ffmpeg", ["ffmpeg"]), ("convert", ["imagemagick-6.q16"]), ("ps", ["procps"]),
        ("envsubst", ["gettext-base"]), ("pdftotext", ["poppler-utils"]), ("java", []), ("no-such-command", []),
        ("xargs", ["findutils"]), ("ip", ["iproute2"]),
    ],
)  # fmt: skip
def test_who_has_a_command(command: str, names: list[str]) -> None:
    found = [*provider_of_command(BOOKWORM, command)]
    assert found == names or (command == "convert" and "graphicsmagick-imagemagick-compat" in found)


# This machine as the judge: what dpkg and apt know here was made by Debian, not by the script.


def output(*command: str) -> str:
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout


@cache
def here() -> Release:
    os_release = Path("/etc/os-release")
    release = release_of_os(os_release.read_text()) if os_release.exists() else None
    if release is None or not release.number or not shutil.which("dpkg-query"):
        pytest.skip("this machine runs none of the Debian releases in the data")
    return release


@cache
def owners() -> dict[str, set[str]]:
    """Who has each file on this machine; the merged /usr folders by their one name."""
    found: dict[str, set[str]] = defaultdict(set)
    for listing in Path("/var/lib/dpkg/info").glob("*.list"):
        package = listing.stem.partition(":")[0]
        for name in listing.read_text().splitlines():
            folder, _, base = name.rpartition("/")
            if base:
                found[f"{os.path.realpath(folder)}/{base}"].add(package)
    return found


def test_the_link_names_of_installed_dev_packages_lead_to_their_counterparts() -> None:
    release = here()
    links: dict[str, set[str]] = defaultdict(set)
    for file, names in owners().items():
        base = file.rpartition("/")[2]
        target = os.path.realpath(file)
        if base.startswith("lib") and base.endswith(".so") and target != file and target.count("/") == 4:  # not private
            for package in names:
                links[package] |= owners().get(target, set()) - {package}
    known = {package: runtime_of(release, package) for package in links}
    wrong = {
        package: (found.packages, links[package])
        for package, found in known.items()
        if found.kind is Kind.DEV and not links[package] <= {*found.packages}
    }
    assert not wrong


def test_installed_libraries_and_commands_are_where_the_index_says() -> None:
    """But for the few of packages that come from elsewhere under a name of Debian's."""
    release, checked, missed = here(), 0, []
    provider: Callable[[Release, str], tuple[str, ...]]
    for file, names in owners().items():
        folder, _, base = file.rpartition("/")
        if folder == "/usr/bin" and not base.startswith("x86_64-") and len(base) % 4 == 0:  # a quarter is enough
            provider = provider_of_command
        elif folder == "/usr/lib/x86_64-linux-gnu" and re.fullmatch(r".+\.so\.\d+", base):
            provider = provider_of_library
        else:
            continue
        known = {name for name in names if runtime_of(release, name).kind not in (Kind.UNKNOWN, Kind.DEV)}
        checked += bool(known)
        if known and not known & {*provider(release, base)}:
            missed.append(file)
    assert checked > 50
    assert len(missed) < checked / 100, missed


USUAL = """
libpq-dev libssl-dev libffi-dev libxml2-dev libxslt1-dev zlib1g-dev libjpeg-dev libpng-dev libtiff-dev libwebp-dev
default-libmysqlclient-dev libmariadb-dev libcurl4-openssl-dev libsqlite3-dev libreadline-dev libncurses-dev
libbz2-dev liblzma-dev libldap2-dev libsasl2-dev libmagic-dev libgeos-dev libgdal-dev libproj-dev libfreetype-dev
liblcms2-dev libopenjp2-7-dev libicu-dev libyaml-dev libgmp-dev libzmq3-dev libevent-dev libcairo2-dev
libpango1.0-dev libglib2.0-dev libsndfile1-dev portaudio19-dev libavcodec-dev libgl1-mesa-dev libhdf5-dev
libopenblas-dev libprotobuf-dev libsnappy-dev libkrb5-dev unixodbc-dev libpcre2-dev libonig-dev libzip-dev
libmagickwand-dev libvips-dev librdkafka-dev libxmlsec1-dev libexpat1-dev uuid-dev
"""


def test_apt_comes_to_the_same_packages() -> None:
    """What is named is among what apt would install with the package."""
    release, usual = here(), USUAL.split()
    without = [f"--no-{kind}" for kind in ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")]
    depends: dict[str, set[str]] = defaultdict(set)
    package = ""
    for line in output("apt-cache", "depends", "--recurse", *without, *usual).splitlines():
        if line[0] != " ":
            package = line
        else:  # "  Depends: x", " |Depends: <virtual>", "    provider"
            depends[package].add(line.rpartition(" ")[2].strip("<>").partition(":")[0])
    if not depends:
        pytest.skip("apt has no package lists here: apt-get update")
    for package in usual:
        reached: set[str] = set()
        waiting = [package]
        while waiting:
            current = waiting.pop()
            waiting += depends[current] - reached
            reached |= depends[current]
        found = runtime_of(release, package)
        assert found.packages, package
        assert {*found.packages, *found.also} <= reached, package


# The script, on an archive small enough to see through.

PACKAGES = """\
Package: libx1
Source: x (1.0)
Section: libs
Version: 1.0-1
Provides: libx0 (= 1.0), x-abi

Package: libx-dev
Source: x
Section: universe/libdevel
Depends: libx1 (= 1.0-1), liby-dev (>= 2) | libz-dev, libother1, libc6-dev, x-tools
Description: for linking
 Depends: not this

Package: libx-all-dev
Section: libdevel
Depends: libx-dev:any

Package: liby1
Source: y
Section: libs
Provides: x-abi

Package: liby-dev
Source: y
Section: libdevel
Depends: liby1

Package: libother1
Section: libs

Package: x-tools
Section: devel

Package: librust-x-dev
Section: rust
"""
CONTENTS = b"""\
usr/lib/x86_64-linux-gnu/libx.so.1        libs/libx1
usr/lib/x86_64-linux-gnu/libx.so.1.2.3    libs/libx1
usr/lib/x86_64-linux-gnu/libx.so          libdevel/libx-dev
usr/lib/x86_64-linux-gnu/private/libp.so.1 libs/libx1
usr/lib/x86_64-linux-gnu/liby.so.1        libs/liby1,libs/gone
usr/lib/x86_64-linux-gnu/libother.so.1    libs/libother1
usr/bin/x-tools                           devel/x-tools
usr/bin/x with space                      devel/x-tools
usr/share/x                               devel/x-tools
"""


def test_what_the_script_makes_of_an_archive() -> None:
    archive = script.Archive(script.packages(PACKAGES), script.files(CONTENTS.splitlines(keepends=True)))
    assert archive.lines() == [
        "libother1 R !libother.so.1",
        "libx-all-dev D +libx-dev",
        "libx-dev D =libx1 >liby-dev",
        "libx0 V libx1",
        "libx1 R !libx.so.1",
        "liby-dev D =liby1",
        "liby1 R !liby.so.1",
        "x-tools B @ @x with space",
    ]


def test_lines_of_several_releases_are_merged() -> None:
    assert script.merged([["a R", "b R"], ["a R", "b D =c"]]) == ["a R", "b D2 =c", "b R1"]
