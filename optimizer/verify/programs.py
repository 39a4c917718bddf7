"""Finds the programs that an image starts, as execve(2), PATH and a script's first line do."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from optimizer.packages.reading import unwrap
from optimizer.runs import POSIX_SHELLS
from optimizer.shell import Opaque, parse, walk
from optimizer.shell.builtins import BUILTINS
from optimizer.verify.entry import Config, Image, Kind
from optimizer.verify.imports import Import

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""What Docker sets where the image sets none."""
FIRST_LINE = 256
"""Bytes of a first line that Linux reads."""
_MOST_INTERPRETERS = 4
"""As in Linux: an interpreter that is a script has an interpreter of its own, and so on, but not for ever."""
_ANYBODY = 0o111


class Script(NamedTuple):
    """What a file's first line `#!…` says: its interpreter, and the one argument behind it."""

    interpreter: str
    argument: str = ""

    @property
    def program(self) -> str:
        """What reads the script: behind `/usr/bin/env`, the program that it is asked for."""
        words = self.argument.removeprefix("-S").split()
        return words[0] if posixpath.basename(self.interpreter) == "env" and words else self.interpreter


class Code(NamedTuple):
    """What is learnt of a text that is run."""

    script: Script | None = None
    imports: tuple[Import, ...] = ()


class Broken(NamedTuple):
    """Why a program cannot be started: what is missing, itself or what reads it, and in words."""

    missing: str
    why: str


def first_line(content: bytes) -> Script | None:
    """The interpreter in a first line, if there is one. Source: Linux, fs/binfmt_script.c."""
    if not content.startswith(b"#!"):
        return None
    line = content[2:FIRST_LINE].split(b"\n")[0].strip(b" \t\r").decode("utf-8", "surrogateescape")
    interpreter, _, argument = line.replace("\t", " ").partition(" ")
    return Script(interpreter, argument.strip()) if interpreter else None


class Programs:
    """The programs of one image. Scripts are Code in `Entry.found`."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self.directories = tuple(filter(None, (image.config.env.get("PATH") or PATH).split(":")))

    def find(self, name: str) -> str | None:
        """The path at which a program is started, links not followed; None where there is none."""
        if "/" in name:
            paths = [self._image.absolute(name)]
        else:
            paths = [f"{directory}/{name}" for directory in self.directories]
        return next((path for path in paths if self._executable(path)), None)

    def _executable(self, path: str) -> bool:
        entry = self._image.at(path)
        return entry is not None and entry.kind is Kind.FILE and bool(entry.mode & _ANYBODY)

    def chain(self, name: str) -> Iterator[tuple[str, str | None]]:
        """The program, then what reads it, and so on: each name with its path, None where it is not there."""
        for _ in range(_MOST_INTERPRETERS):
            path = self.find(name)
            yield name, path
            script = self.script(path) if path else None
            if script is None:
                return
            if script.program != script.interpreter:
                yield script.interpreter, self.find(script.interpreter)
            name = script.program

    def broken(self, name: str) -> Broken | None:
        """Why a program cannot be started; None where it can, as far as this tells."""
        for link, path in self.chain(name):
            if path is None:
                there = self._image.at(link) if "/" in link else None
                why = "may not be executed" if there and there.kind is Kind.FILE else "is not in the image"
                return Broken(link, why if link == name else f"is run by {link}, which {why}")
        return None

    def script(self, path: str) -> Script | None:
        """The first line of a script."""
        entry = self._image.at(path)
        return entry.found.script if entry and isinstance(entry.found, Code) else None


class Word(NamedTuple):
    """A word that may name a program or a file, and the field of the configuration in which it stands."""

    field: str
    text: str


def started(config: Config) -> tuple[Word, ...]:
    """The words of what the image starts by itself, those of shell commands included where they are certain."""
    test = config.healthcheck.get("Test")
    probe = [str(word) for word in test] if isinstance(test, (list, tuple)) else []
    if probe[:1] == ["CMD-SHELL"]:
        probe = [*(config.shell or ("/bin/sh", "-c")), *probe[1:]]
    elif probe[:1] == ["CMD"]:
        probe = probe[1:]
    fields = (("ENTRYPOINT", config.entrypoint), ("CMD", config.cmd), ("HEALTHCHECK", probe))
    return tuple(dict.fromkeys(Word(field, text) for field, words in fields for text in _words(words)))


def _words(argv: Sequence[str]) -> Iterator[str]:
    if argv and posixpath.basename(argv[0]) in POSIX_SHELLS:
        for option, text in pairwise(argv):
            if option.startswith("-") and not option.startswith("--") and "c" in option:
                yield argv[0]
                yield from _in_shell(text)
                return
    for word in argv:
        if word and not word.startswith("-"):
            yield word


def _in_shell(text: str) -> Iterator[str]:
    script = parse(text)
    if isinstance(script, Opaque):
        return
    for command, _ in walk(script):
        words = command.words[unwrap(command.words) :]
        for word in words:
            text = word.literal or ""
            if text and not text.startswith("-") and text not in BUILTINS:
                yield text
