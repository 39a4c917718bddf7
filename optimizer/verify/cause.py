"""Why an image fails, for programs that mend a rewrite: what is missing in it, and who asks for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Origin:
    """Where the original image has what another one lacks (`optimizer.verify.origin`)."""

    path: str
    real: str
    """The same with all symbolic links followed."""
    package: str = ""
    """The package of the distribution that brings it; "" where none does that the other image has not already."""
    link: str = ""
    """Where a symbolic link at the path leads, as it says it; "" where it is none."""


@dataclass(frozen=True)
class _Missing:
    origin: Origin | None = field(default=None, compare=False, kw_only=True)
    """None where the original has nothing of that name, or nobody looked."""


@dataclass(frozen=True)
class MissingLibrary(_Missing):
    """The loader does not find a shared library, itself, or a version of a library."""

    library: str
    """As the file that needs it names it: ``libpq.so.5``; the loader by its path.

    ``-lpq`` where only the name is known that ld(1) has for it: any version of ``libpq.so`` may be meant.
    """
    needed_by: str
    """The path of that file; "" where only the loader's own message is known."""
    version: str = ""
    """The version that the library has not, such as ``GLIBC_2.34``."""


@dataclass(frozen=True)
class MissingProgram(_Missing):
    """Something starts a program that is not there, or may not be executed."""

    program: str
    """A name to be looked up in PATH, or a path."""
    asked_by: str
    """A path, an instruction, or a command given by ``--smoke``; "" where it is not known."""


@dataclass(frozen=True)
class MissingModule(_Missing):
    """Python does not find a module."""

    module: str
    """Its full name; with leading dots one of a package relative to the file."""
    imported_by: tuple[str, ...]
    """The paths of the files that import it; none where they are not known."""


@dataclass(frozen=True)
class MissingUser(_Missing):
    """USER names a user or a group that is not there, or has another number."""

    name: str


@dataclass(frozen=True)
class MissingPath(_Missing):
    """A path that was there is not there any more; of a directory, all below it is gone, too.

    As a program says it, it may be relative to the working directory.
    """

    path: str


Cause = MissingLibrary | MissingProgram | MissingModule | MissingUser | MissingPath


@dataclass(frozen=True)
class Problems:
    """What speaks against a rewrite: lines for people, and what is known of the causes. True where there is any."""

    lines: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.lines)

    def __add__(self, other: Problems) -> Problems:
        causes = dict.fromkeys((*self.causes, *other.causes))
        return Problems((*self.lines, *other.lines), tuple(causes))


CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
_FONTS, _LOCALES, _ZONES = "/etc/fonts/fonts.conf", "/usr/lib/locale/locale-archive", "/usr/share/zoneinfo"

_Make = Callable[[str, str], Cause]
"""From what a message names, and what was run, to a cause."""


def _library(name: str, asked_by: str) -> Cause:
    return MissingLibrary(name, "")


def _any_version(name: str, asked_by: str) -> Cause:
    return MissingLibrary(f"-l{name}", "")


def _module(name: str, asked_by: str) -> Cause:
    return MissingModule(name, ())


def _path(name: str, asked_by: str) -> Cause:
    return MissingPath(name)


def _zone(name: str, asked_by: str) -> Cause:
    return MissingPath(f"{_ZONES}/{name}")


def _one(path: str) -> _Make:
    """For messages that name no path, of programs that look at one alone."""
    return lambda name, asked_by: MissingPath(path)


_NAME = r"([^\s:'\"‘’`()]*[^\s:'\"‘’`().,])"
_SAID: tuple[tuple[str, _Make], ...] = (
    # glibc's loader, and whoever repeats its message; musl's
    (r"([^\s:'\"]+\.so[\w.]*): cannot open shared object file", _library),
    (r"Error loading shared library ([^\s:]+): No such file or directory", _library),
    # psycopg, python-magic, pyzbar, cairocffi, Django: what ctypes.util.find_library looks for
    (r"\blib([\w+-]+) library not found", _any_version),
    (r"failed to find lib([\w+-]+)\.", _any_version),
    (r"Unable to find ([\w+-]+) shared library", _any_version),
    (r'no library called "(?:lib)?([\w+.-]+?)(?:-\d+)?" was found', _any_version),
    (r'Could not find the \w+ library \(tried "([\w+-]+)"', _any_version),
    # Python, Node, Java, .NET, Ruby
    (r"(?:ModuleNotFoundError: )?No module named '?([\w.]+)'?", _module),
    (r"Cannot find module '(/[^']+)'", _path),
    (r"Unable to access jarfile (\S+)", _path),
    (r"application to execute does not exist: '([^']+)'", _path),
    (r"cannot load such file -- (/\S+)", _path),
    (r"No time zone found with key ([\w/+-]+)", _zone),
    # shells: dash, bash, busybox; env(1); runc and crun
    (r"(?:^|: )(?:line )?\d+: ([^\s:'\"]+): not found", MissingProgram),
    (r"(?:^|: )([^\s:'\"]+): (?:command )?not found", MissingProgram),
    (r"env: ['‘]?([^\s:'’]+)['’]?: No such file or directory", MissingProgram),
    (r'exec: "([^"]+)": (?:executable file not found|stat )', MissingProgram),
    (r"executable file ['`]([^'`]+)['`] not found", MissingProgram),
    # OpenSSL as Python, curl and Node tell it, Go; fontconfig, Java's AWT; bash, Python, Perl
    (r"(CERTIFICATE_VERIFY_FAILED|SSL certificate problem|unable to get local issuer certificate)", _one(CERTIFICATES)),
    (r"(Problem with the SSL CA cert|certificate signed by unknown authority)", _one(CERTIFICATES)),
    (r"(Cannot load default config file|Fontconfig head is null)", _one(_FONTS)),
    (r"(cannot change locale|unsupported locale setting|Setting locale failed)", _one(_LOCALES)),
    # strerror(ENOENT) behind or before a path, as C, Python, Node, Go, Ruby, PHP and Java have it
    (rf"\({_NAME}\): Failed to open stream: No such file or directory", _path),
    (rf"{_NAME}['\"’]?: No such file or directory", _path),
    (r"No such file or directory: b?['\"]([^'\"]+)['\"]", _path),
    (r"no such file or directory, \w+ ['\"]([^'\"]+)['\"]", _path),
    (rf"\b(?:open|stat|chdir) {_NAME}: no such file or directory", _path),
    (r"No such file or directory @ \w+ - (\S+)", _path),
    (rf"(?:FileNotFoundException|NoSuchFileException): {_NAME}", _path),
)
"""What programs write when something is missing; of a line the first that fits counts."""


def causes_in(lines: Iterable[str], asked_by: str = "") -> Iterator[Cause]:
    """The causes that programs tell in what they write, each once; the first that a line tells.

    :param asked_by: what was run.
    """
    seen: set[Cause] = set()
    for line in lines:
        for pattern, make in _SAID:
            if found := re.search(pattern, line):
                cause = make(found[1], asked_by)
                if cause not in seen:
                    seen.add(cause)
                    yield cause
                break
