"""What the commands of a RUN are assumed to take, by the table of rates."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from optimizer.context import BuildContext
from optimizer.copies import Copied, origin
from optimizer.cost import rates
from optimizer.cost.rates import BY_COMMAND, LOCKS, Rate
from optimizer.manifests.requirements import lines
from optimizer.model import State
from optimizer.packages.commands import SHELLS, handed
from optimizer.packages.reading import PackageCommand, program_name, read, unversioned, unwrap
from optimizer.runs import Run
from optimizer.shell import Script, Simple, Word, parse, walk

_TOOLS = ("bin", "sbin")
"""Folders of programs that are no scripts of the project."""
_REQUIREMENTS = ("-r", "--requirement")


class Taken(NamedTuple):
    """What one command is assumed to take."""

    seconds: float
    what: str
    """For reports: ``pip install, 12 packages``."""


class Commands:
    """The commands of a RUN, with what is known of the files that they find in the image."""

    def __init__(self, run: Run, state: State, found: Sequence[Copied], context: BuildContext | None) -> None:
        self._run = run
        self._state = state
        self._found = found
        self._context = context
        self._folder = state.workdir
        self._begun: set[str] = set()
        """The programs that have run, of those that are quicker the second time."""

    def taken(self) -> Iterator[Taken]:
        """What each command takes that is certain to be executed, and those in loops once."""
        script = self._run.script
        if script is None:
            script = parse(_quoted(self._run.instruction.exec_form or ()))
        yield from self._script(script if isinstance(script, Script) else None)

    def _script(self, script: Script | None) -> Iterator[Taken]:
        if script is None:
            yield Taken(rates.SCRIPT_SECONDS, "a script that cannot be read")
            return
        for command, where in walk(script):
            if not command.words or (where.conditional and not where.loop) or where.function:
                continue
            name = program_name(command.words[unwrap(command.words) :][0]) if self._runs(command) else None
            if name == "cd":
                self._change(command)
            elif name in SHELLS and (given := handed(command))[0] == "text":
                inner = parse(given[1])
                yield from self._script(inner if isinstance(inner, Script) else None)
            else:
                yield self._command(command, name)

    def _runs(self, command: Simple) -> bool:
        return unwrap(command.words) < len(command.words)

    def _change(self, command: Simple) -> None:
        target = command.words[1].literal if len(command.words) == 2 else None
        self._folder = None if self._folder is None or target is None else posixpath.join(self._folder, target)

    def _command(self, command: Simple, name: str | None) -> Taken:
        call = read(command)
        if call is not None and call.action == "clean":
            return Taken(rates.QUICK_SECONDS, name or "")
        rate = _rate(command, call)
        if rate is not None and rate.command in self._begun:
            return Taken(rates.AGAIN[rate.command], rate.command)
        if rate is not None:
            self._begun |= {rate.command} & rates.AGAIN.keys()
            return self._at(rate, command, call)
        if name in rates.QUICK:
            return Taken(rates.QUICK_SECONDS, name or "")
        if _is_script(command.words[unwrap(command.words) :]):
            return Taken(rates.SCRIPT_SECONDS, "a script of the project")
        return Taken(rates.UNKNOWN_SECONDS, name or "a command whose name is computed")

    def _at(self, rate: Rate, command: Simple, call: PackageCommand | None) -> Taken:
        kept = rate.kept if self._cached else 1.0
        if not rate.unit:
            return Taken(rate.seconds * kept, rate.command)
        if rate.unit == "package":
            count = self._packages(call.arguments if call is not None else command.words[1:])
        else:
            count = self._locked(rate.command.partition(" ")[0].removesuffix("w"))
        plural = "" if count == 1 else "s"
        return Taken((rate.seconds + rate.each * count) * kept, f"{rate.command}, {count:,} {rate.unit}{plural}")

    @cached_property
    def _cached(self) -> bool:
        return any(mount["type"] == "cache" for mount in self._run.mounts)

    def _packages(self, words: Sequence[Word]) -> int:
        """The packages that a command names, itself and in files of requirements."""
        count = 0
        rest = iter(words)
        for word in rest:
            text = word.literal or word.text
            option, _, value = text.partition("=")
            if option in _REQUIREMENTS:
                following = next(rest, None) if not value else None
                count += self._requirements(value or (following.literal if following is not None else None))
            elif not text.startswith("-"):
                count += 1
        return max(1, count)

    def _requirements(self, path: str | None) -> int:
        text = self._text(path) if path is not None else None
        return sum(not line.startswith("-") for line in lines(text)) if isinstance(text, str) else 10

    def _locked(self, program: str) -> int:
        for name, mark in LOCKS.get(program, ()):
            text = self._text(name)
            if text is not None:
                return len(re.findall(mark, text, re.MULTILINE)) if isinstance(text, str) else rates.LARGE
        return rates.LOCKED

    def _text(self, path: str) -> str | bool | None:
        """The text of a file that the command finds; True for one that is too large, None where there is none."""
        if self._context is None:
            return None
        where = path if path.startswith("/") else self._folder and posixpath.join(self._folder, path)
        source = origin(self._found, posixpath.normpath(where), self._context) if where else None
        if source is None or not self._context.is_file(source):
            return None
        return self._context.read(source) or True


def _rate(command: Simple, call: PackageCommand | None) -> Rate | None:
    """The row of the table for a command: the one that names most of its words."""
    words = command.words[unwrap(command.words) :]
    if call is not None:
        given = " ".join(word.literal or "" for word in call.words[call.behind : call.subcommand + 1] if word.literal)
        names = [f"{call.manager.name} {given}".strip(), f"{call.manager.name} {call.action}"]
        if call.manager.family == "rpm":
            names.append(f"dnf {call.action}")
        if found := next((BY_COMMAND[each] for each in names if each in BY_COMMAND), None):
            return found
    if not words or (name := program_name(words[0])) is None:
        return None
    plain = name if name in BY_COMMAND else unversioned(name)
    behind = [word.literal or "" for word in words[1:]]
    named = [(plain, behind)]
    if plain == "python" and behind[:1] == ["-m"] and behind[1:]:
        named.insert(0, (behind[1], behind[2:]))
    candidates = [
        phrase for program, rest in named for phrase in (*(f"{program} {word}" for word in _first(rest)), program)
    ]
    return next((BY_COMMAND[each] for each in candidates if each in BY_COMMAND), None)


def _first(words: Sequence[str]) -> Iterator[str]:
    """The first word that is no option, and the first of all."""
    yield from [word for word in words if not word.startswith("-")][:1]
    yield from words[:1]


def _is_script(words: Sequence[Word]) -> bool:
    folder, slash, _ = words[0].text.rpartition("/") if words else ("", "", "")
    return bool(slash) and folder.rpartition("/")[2].strip("\"'.") not in _TOOLS


def _quoted(words: Sequence[str]) -> str:
    from shlex import join

    return join(words)
