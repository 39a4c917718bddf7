"""Reads one simple command as a call of a package manager, through sudo, env and the like in front of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from optimizer.packages.managers import BY_PROGRAM, COMPOSER, PACMAN, PIP, Manager
from optimizer.shell import Simple, Word

Action = Literal["install", "upgrade", "update", "look", "clean", "other"]

_WRAPPERS: dict[str, tuple[frozenset[str], int]] = {
    "sudo": (frozenset({"-u", "--user", "-g", "--group", "-h", "-p", "-C", "-r", "-t", "-D"}), 0),
    "env": (frozenset({"-u", "--unset", "-C", "--chdir"}), 0),
    "command": (frozenset(), 0),
    "builtin": (frozenset(), 0),
    "exec": (frozenset({"-a"}), 0),
    "time": (frozenset({"-f", "-o"}), 0),
    "nice": (frozenset({"-n"}), 0),
    "ionice": (frozenset({"-c", "-n"}), 0),
    "nohup": (frozenset(), 0),
    "eatmydata": (frozenset(), 0),
    "stdbuf": (frozenset({"-i", "-o", "-e"}), 0),
    "timeout": (frozenset({"-s", "--signal", "-k", "--kill-after"}), 1),
    "linux32": (frozenset(), 0),
    "linux64": (frozenset(), 0),
    "gosu": (frozenset(), 1),
    "su-exec": (frozenset(), 1),
    "setuser": (frozenset(), 1),
    "xargs": (frozenset({"-a", "-d", "-E", "-I", "-L", "-n", "-P", "-s", "--arg-file", "--max-args"}), 0),
}
"""Commands that run the command behind them: their options that take the next word, and how many words come first."""

_RUNNERS = frozenset({"sudo", "gosu", "su-exec", "setuser"})
_VERSION = re.compile(r"(?<=[A-Za-z])[-.]?\d[\d.]*\Z")
_PYTHON = frozenset({"python", "pypy"})
_PYTHON_VALUED = frozenset({"-W", "-X"})


def program_name(word: Word) -> str | None:
    """The name of the program that a word calls, without its folder; None where the name is computed.

    A variable may stand in the folder: ``$CONDA_DIR/bin/conda``.
    """
    if word.literal is not None:
        return word.literal.rpartition("/")[2]
    base = word.start + word.text.rfind("/") + 1
    if base == word.start or any(each.end > base for each in word.expansions):
        return None
    name = word.text[base - word.start :].strip("\"'")
    return name if name and not set(name) & set("*?[]{}$`\\\"'") else None


def unversioned(name: str) -> str:
    """``python`` for ``python3.12``, ``pip`` for ``pip3``."""
    return _VERSION.sub("", name)


def unwrap(words: Sequence[Word]) -> int:
    """Where in the words the command begins that is really run: behind ``sudo``, ``env A=b``, ``timeout 60``."""
    at = 0
    while at < len(words):
        end = _wrapped(words, at)
        if end == at:
            break
        at = end
    return at


def _wrapped(words: Sequence[Word], at: int) -> int:
    """Where the command begins that the wrapper at ``at`` runs; ``at`` itself where that is no wrapper."""
    name = program_name(words[at])
    if name not in _WRAPPERS or at + 1 == len(words):
        return at
    valued, operands = _WRAPPERS[name]
    at += 1
    if name == "command" and words[at].literal in ("-v", "-V"):
        return len(words)
    while at < len(words) and words[at].text.startswith("-"):
        at += 2 if words[at].literal in valued else 1
    if name in ("sudo", "env"):
        while at < len(words) and "=" in words[at].text and words[at].text[0].isalpha():
            at += 1
    return at + operands


class PackageCommand(Struct, frozen=True):
    """A call of a package manager that is certain."""

    manager: Manager
    action: Action
    command: Simple
    program: int
    """Number of the first word of the program: of ``python`` in ``sudo python -m pip install``."""
    behind: int
    """Number of the word behind the program: of ``install``."""
    subcommand: int
    """Number of the last word of the subcommand; of the program's last word where there is none."""

    @property
    def words(self) -> tuple[Word, ...]:
        return self.command.words

    @property
    def arguments(self) -> tuple[Word, ...]:
        """The words behind the subcommand."""
        return self.words[self.subcommand + 1 :]

    @property
    def fetches(self) -> bool:
        """Whether it downloads packages."""
        return self.action in ("install", "upgrade")

    @property
    def writes(self) -> bool:
        """Whether it leaves something behind that can be cleaned."""
        return self.action in ("install", "upgrade", "update")

    @property
    def program_text(self) -> str:
        """The program as the author calls it."""
        return " ".join(word.text for word in self.words[self.program : self.behind])

    @property
    def prefix(self) -> tuple[str | None, ...]:
        """The words in front of the program."""
        return tuple(word.literal for word in self.words[: self.program])

    @property
    def runner(self) -> str:
        """What makes another user run the command: ``sudo -E``, ``gosu app``; "" where nothing does."""
        parts: list[str] = []
        at = 0
        while at < self.program:
            end = _wrapped(self.words, at)
            if self.words[at].literal in _RUNNERS:
                parts += (word.text for word in self.words[at:end] if "=" not in word.text)
            at = end
        return " ".join(parts)

    @property
    def sudo(self) -> str:
        """``sudo`` where root is become by it, else ""."""
        return "sudo" if self.runner.startswith("sudo") else ""

    def has(self, *options: str) -> bool:
        """Whether one of the options is given, alone or with a value (``--option=value``)."""
        return any(word.text.strip("\"'").partition("=")[0] in options for word in self.words[self.program :])


@lru_cache(maxsize=4096)
def _named(name: str) -> Manager | Literal["python", "php", "wrapper"] | None:
    """What a program of that name is."""
    if name in _WRAPPERS:
        return "wrapper"
    plain = unversioned(name)
    if plain in _PYTHON:
        return "python"
    return "php" if plain == "php" else BY_PROGRAM.get(name) or BY_PROGRAM.get(plain)


def read(command: Simple) -> PackageCommand | None:
    """The call of a package manager that a command is, or None where it is none for certain."""
    words = command.words
    name = program_name(words[0]) if words else None
    found = _named(name) if name else None
    start = 0
    if found == "wrapper":
        start = unwrap(words)
        name = program_name(words[start]) if start < len(words) else None
        found = _named(name) if name else None
    behind = start + 1
    if found == "python":
        behind = _python_module(words, behind)
        found = PIP if behind else None
    elif found == "php":
        found = COMPOSER if behind < len(words) and program_name(words[behind]) in COMPOSER.programs else None
        behind += 1
    if not isinstance(found, Manager):
        return None
    if found is PACMAN:
        return PackageCommand(PACMAN, _pacman(words[behind:]), command, start, behind, behind - 1)
    return _subcommand(found, command, start, behind)


def _python_module(words: Sequence[Word], at: int) -> int:
    """Behind ``-m pip`` in a call of python, or 0."""
    while at < len(words) and words[at].text.startswith("-"):
        if words[at].literal == "-m":
            return at + 2 if at + 1 < len(words) and words[at + 1].literal == "pip" else 0
        at += 2 if words[at].literal in _PYTHON_VALUED else 1
    return 0


def _subcommand(manager: Manager, command: Simple, start: int, behind: int) -> PackageCommand:
    words = command.words
    found: list[str] = []
    ends: list[int] = []
    at = behind
    while at < len(words) and len(found) < 2:
        literal = words[at].literal
        if words[at].text.startswith("-"):
            if found and words[at].text != "-":
                break
            at += 2 if literal in manager.valued else 1
            continue
        if literal is None:
            # An option kept in a variable, as in `apt-get $OPTIONS install`.
            if found:
                break
            at += 1
            continue
        found.append(literal)
        ends.append(at)
        at += 1
    for size in (2, 1):
        name = " ".join(found[:size])
        if len(found) >= size and (action := _action(manager, name)) != "other":
            return PackageCommand(manager, action, command, start, behind, ends[size - 1])
    if not found and _action(manager, "") == "install" and not _asks(words[behind:]):
        return PackageCommand(manager, "install", command, start, behind, behind - 1)
    return PackageCommand(manager, "other", command, start, behind, ends[0] if ends else behind - 1)


def _asks(words: Sequence[Word]) -> bool:
    return any(word.literal is None or word.literal in ("-v", "--version", "-h", "--help") for word in words)


def _action(manager: Manager, name: str) -> Action:
    if name in manager.install:
        return "install"
    if name in manager.upgrade:
        return "upgrade"
    if name in manager.update:
        return "update"
    if name in manager.reads:
        return "look"
    return "clean" if name in manager.clean else "other"


_PACMAN_LONG = {"--sync": "S", "--refresh": "y", "--sysupgrade": "u", "--clean": "c", "--upgrade": "U"}


def _pacman(words: Sequence[Word]) -> Action:
    letters = ""
    targets = False
    for word in words:
        if word.text.startswith("--"):
            letters += _PACMAN_LONG.get(word.literal or "", "")
        elif word.text.startswith("-"):
            letters += word.text[1:]
        else:
            targets = True
    if "S" not in letters or set(letters) & set("lsigp"):
        return "other"
    if "c" in letters:
        return "clean"
    if targets:
        return "install"
    return "upgrade" if "u" in letters else "update" if "y" in letters else "other"
