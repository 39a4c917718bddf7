"""Why an image fails, for programs that mend a rewrite: what is missing in it, and who asks for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class MissingLibrary:
    """The loader does not find a shared library, itself, or a version of a library."""

    library: str
    """As the file that needs it names it: ``libpq.so.5``; the loader by its path."""
    needed_by: str
    """The path of that file; "" where only the loader's own message is known."""
    version: str = ""
    """The version that the library has not, such as ``GLIBC_2.34``."""


@dataclass(frozen=True)
class MissingProgram:
    """Something starts a program that is not there, or may not be executed."""

    program: str
    """A name to be looked up in PATH, or a path."""
    asked_by: str
    """A path, an instruction, or a command given by ``--smoke``; "" where it is not known."""


@dataclass(frozen=True)
class MissingModule:
    """Python does not find a module."""

    module: str
    """Its full name; with leading dots one of a package relative to the file."""
    imported_by: tuple[str, ...]
    """The paths of the files that import it; none where they are not known."""


@dataclass(frozen=True)
class MissingUser:
    """USER names a user or a group that is not there, or has another number."""

    name: str


@dataclass(frozen=True)
class MissingPath:
    """A path that was there is not there any more; of a directory, all below it is gone, too."""

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


_PATH = r"(/[^\s:'\"]*[^\s:'\".,])"
_SAID: tuple[tuple[re.Pattern[str], type[MissingLibrary | MissingProgram | MissingModule | MissingPath]], ...] = (
    # glibc's and musl's loader
    (re.compile(r"error while loading shared libraries: ([^\s:]+): cannot open shared object file"), MissingLibrary),
    (re.compile(r"Error loading shared library ([^\s:]+): No such file or directory"), MissingLibrary),
    # Python, for extension modules
    (re.compile(r"ImportError: ([^\s:/]+\.so[^\s:]*): cannot open shared object file"), MissingLibrary),
    (re.compile(r"(?:ModuleNotFoundError: )?No module named '?([\w.]+)'?"), MissingModule),
    # shells: dash, bash, busybox; env(1); runc and crun
    (re.compile(r"(?:^|: )(?:line )?\d+: ([^\s:]+): not found"), MissingProgram),
    (re.compile(r"(?:^|: )([^\s:]+): (?:command )?not found"), MissingProgram),
    (re.compile(r"env: ['‘]?([^\s:'’]+)['’]?: No such file or directory"), MissingProgram),
    (re.compile(r'exec: "([^"]+)": (?:executable file not found|stat )'), MissingProgram),
    (re.compile(r"executable file ['`]([^'`]+)['`] not found"), MissingProgram),
    # strerror(ENOENT) behind or before a path
    (re.compile(rf"{_PATH}['\"]?: No such file or directory"), MissingPath),
    (re.compile(rf"No such file or directory: b?['\"]{_PATH}['\"]"), MissingPath),
    (re.compile(rf"no such file or directory, \w+ ['\"]{_PATH}['\"]"), MissingPath),
)


def causes_in(lines: Iterable[str], asked_by: str = "") -> Iterator[Cause]:
    """The causes that programs tell in what they write, each once; the first that a line tells.

    :param asked_by: what was run.
    """
    seen: set[Cause] = set()
    for line in lines:
        for pattern, kind in _SAID:
            if found := pattern.search(line):
                cause = _cause(kind, found[1], asked_by)
                if cause not in seen:
                    seen.add(cause)
                    yield cause
                break


def _cause(
    kind: type[MissingLibrary | MissingProgram | MissingModule | MissingPath], name: str, asked_by: str
) -> Cause:
    if kind is MissingLibrary:
        return MissingLibrary(name, "")
    if kind is MissingProgram:
        return MissingProgram(name, asked_by)
    return MissingModule(name, ()) if kind is MissingModule else MissingPath(name)
