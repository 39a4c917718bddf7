"""A stage as a list of the commands that build it, each with the directory and the environment that it runs in."""

from __future__ import annotations

import itertools
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from optimizer.context import BuildContext
from optimizer.copies import Copied, copied, origin
from optimizer.document import Instruction
from optimizer.independence import UNKNOWN, behind_wrappers, value
from optimizer.instructions import health
from optimizer.landing import Brought, brought, inside
from optimizer.model import Model, Stage
from optimizer.packages.commands import SHELLS, handed
from optimizer.packages.reading import PackageCommand, program_name, read, unversioned, unwrap
from optimizer.runs import Run
from optimizer.shell import Command, Compound, Item, List, Opaque, Script, Simple, parse, walk

Environment = Mapping[str, str | None]
STARTS = frozenset({"CMD", "ENTRYPOINT", "HEALTHCHECK"})
"""Instructions that say what the image runs."""
INITS = frozenset({"tini", "dumb-init", "catatonit"})
"""Programs that start another one, and stay its parent."""
_APART = frozenset({"subshell"})
_PLAIN = frozenset({"subshell", "group"})


class Call(NamedTuple):
    """One command of a RUN, or of what the image starts."""

    instruction: Instruction
    command: Simple
    argv: tuple[str, ...]
    """The program and its arguments, behind ``sudo`` and the like; UNKNOWN stands for a part that is not known."""
    workdir: str | None
    environment: Environment
    text: str
    """The command as it is written, with its redirections, in one line."""
    certain: bool
    """Whether it is a link of the RUN's own chain of ``&&``: it runs always, by itself, in the RUN's shell."""

    @property
    def name(self) -> str:
        """The program without its folder and its version; "" where it is computed."""
        program = self.argv[0] if self.argv else ""
        return "" if UNKNOWN in program else unversioned(posixpath.basename(program))

    @property
    def program(self) -> str:
        """The program without its folder."""
        return posixpath.basename(self.argv[0]) if self.argv else ""

    @property
    def operands(self) -> tuple[str, ...]:
        return tuple(word for word in self.argv[1:] if not word.startswith("-"))

    @property
    def subcommand(self) -> str:
        """The first word that is no option."""
        return next(iter(self.operands), "")

    def has(self, *options: str) -> bool:
        return any(word.partition("=")[0] in options for word in self.argv[1:])

    def option(self, *names: str) -> str | None:
        """The value of an option, written as ``--name value``, ``--name=value`` or ``-nvalue``."""
        for at, word in enumerate(self.argv[1:], 1):
            if word in names:
                return self.argv[at + 1] if at + 1 < len(self.argv) else None
            name, equals, text = word.partition("=")
            if equals and name in names:
                return text
            if len(word) > 2 and word[:2] in names and word[1] != "-":
                return word[2:]
        return None

    def at(self, path: str) -> str | None:
        """An absolute path; None where the directory, or a part of the path, is not known."""
        if UNKNOWN in path or (self.workdir is None and not path.startswith("/")):
            return None
        return posixpath.normpath(posixpath.join(self.workdir or "/", path))

    @property
    def package(self) -> PackageCommand | None:
        return read(self.command)


class Unreadable(NamedTuple):
    """A RUN of which nothing may be concluded, and why."""

    instruction: Instruction
    reason: str


class Taken(NamedTuple):
    """A folder that another stage takes over from the one that builds, by COPY --from."""

    stage: Stage
    """The stage that takes it, with what it is built on."""
    path: str
    """Where the folder lies in the stage that builds."""
    target: str
    """Where its content goes."""

    def back(self, path: str) -> str:
        """Where a path of the image lies in the stage that builds."""
        if not inside(path, self.target):
            return path
        return posixpath.normpath(posixpath.join(self.path, posixpath.relpath(path, self.target)))

    def there(self, path: str) -> str:
        """Where a path in the folder comes to lie in the image."""
        return posixpath.normpath(posixpath.join(self.target, posixpath.relpath(path, self.path)))


@dataclass(frozen=True)
class View:
    """A stage that may become two."""

    model: Model
    stage: Stage
    context: BuildContext | None
    taken: Taken | None = None
    """Set where another stage starts what this one builds."""

    @cached_property
    def _read(self) -> tuple[tuple[Call, ...], tuple[Unreadable, ...]]:
        calls: list[Call] = []
        unreadable: list[Unreadable] = []
        for run in self.stage.runs:
            state = self.stage.state(run.instruction)
            script = script_of(run)
            if isinstance(script, str):
                unreadable.append(Unreadable(run.instruction, script))
            else:
                calls += calls_of(run.instruction, script, state.workdir, state.env)
        return tuple(calls), tuple(unreadable)

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every command of every RUN, in order."""
        return self._read[0]

    @property
    def unreadable(self) -> tuple[Unreadable, ...]:
        return self._read[1]

    def of(self, instruction: Instruction) -> tuple[Call, ...]:
        return tuple(call for call in self.calls if call.instruction is instruction)

    @cached_property
    def brought(self) -> Mapping[int, Brought]:
        """Every COPY and ADD, by the instruction's number."""
        return brought(self.stage, self.context)

    @cached_property
    def copied(self) -> Sequence[Copied]:
        return tuple(copied(self.stage))

    def path_in_context(self, path: str | None) -> str | None:
        """Which path of the build context lies at an absolute path of the image; None where none is seen there."""
        if path is None or self.context is None:
            return None
        return origin(self.copied, path, self.context)

    def text(self, path: str | None) -> str | None:
        """The text of a file of the image that comes from the build context."""
        found = self.path_in_context(path)
        return None if found is None or self.context is None else self.context.read(found)

    @cached_property
    def starts(self) -> tuple[Call, ...]:
        """What the image starts by itself: the last ENTRYPOINT, CMD and HEALTHCHECK; none for what cannot be read.

        Paths are those of the stage that builds.
        """
        stage = self.taken.stage if self.taken else self.stage
        found: list[Call] = []
        for keyword in ("ENTRYPOINT", "CMD", "HEALTHCHECK"):
            last = next((each for each in reversed(stage.instructions) if each.keyword == keyword), None)
            if last is not None:
                found += self._started(last, stage)
        if (taken := self.taken) is None:
            return tuple(found)
        return tuple(
            call._replace(
                argv=tuple(taken.back(word) if word.startswith("/") else word for word in call.argv),
                workdir=None if call.workdir is None else taken.back(call.workdir),
            )
            for call in found
        )

    def _started(self, instruction: Instruction, stage: Stage) -> Iterator[Call]:
        state = stage.final_state
        exec_form, text = instruction.exec_form, instruction.args
        if instruction.keyword == "HEALTHCHECK":
            checked = health(instruction)
            exec_form, text = checked.exec_form, checked.command
        script = parse(quoted(exec_form) if exec_form else text)
        if isinstance(script, Script):
            yield from calls_of(instruction, script, state.workdir, state.env)

    def mentions(self, text: str, instructions: Sequence[Instruction]) -> bool:
        """Whether one of the instructions has a text in it."""
        return any(text in each.text or any(text in body.content for body in each.heredocs) for each in instructions)


def runs_anything(call: Call) -> bool:
    """Whether a shell runs more than a text that is given to it."""
    return call.name in SHELLS and handed(call.command)[0] != "text"


def shortened(text: str) -> str:
    """A command as a reason names it."""
    return text if len(text) <= 60 else text[:59] + "…"


def quoted(words: Sequence[str]) -> str:
    """The words of an exec form as a shell would be given them."""
    return " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)


def script_of(run: Run) -> Script | str:
    """The script of a RUN, also of one in exec form, or why there is none."""
    if run.form == "exec":
        script = parse(quoted(run.instruction.exec_form or ()))
    elif run.script is None:
        return "it has no script"
    else:
        script = run.script
    if isinstance(script, Opaque):
        return f"its script could not be read: {script.reason}"
    return script


def calls_of(instruction: Instruction, script: Script, workdir: str | None, environment: Environment) -> Iterator[Call]:
    """The commands of a script, those of scripts handed to ``sh -c`` included."""
    yield from _Walk(instruction, script.text).body(script.body, [workdir], environment, True)


class _Walk:
    """Goes through one script; the directory is a list of one, so that a ``cd`` is seen behind it."""

    def __init__(self, instruction: Instruction, text: str) -> None:
        self.instruction = instruction
        self.text = text

    def body(self, body: List, at: list[str | None], environment: Environment, certain: bool) -> Iterator[Call]:
        plain = certain and all(item.connector in ("", "&&") for item in body.items) and body.terminator != "&"
        for item in body.items:
            yield from self.item(item, at, environment, plain)

    def item(self, item: Item, at: list[str | None], environment: Environment, certain: bool) -> Iterator[Call]:
        pipeline = item.pipeline
        alone = len(pipeline.commands) == 1 and not pipeline.negated and not pipeline.timed
        for command in pipeline.commands:
            yield from self.command(command, at if alone else list(at), environment, certain and alone)

    def command(
        self, command: Command, at: list[str | None], environment: Environment, certain: bool
    ) -> Iterator[Call]:
        if isinstance(command, Compound):
            inner = at if command.kind not in _APART else list(at)
            for body in command.bodies:
                yield from self.body(body, inner if command.kind in _PLAIN else list(at), environment, False)
            return
        if command.name == "cd":
            target = value(command.words[1], environment) if len(command.words) == 2 else None
            known = target is not None and UNKNOWN not in target and target != "-"
            joined = posixpath.join(at[0] or "/", target or "")
            at[0] = posixpath.normpath(joined) if known and (at[0] is not None or joined == target) else None
        call = self.call(command, at[0], environment, certain)
        yield call
        if call.name in INITS and self.instruction.keyword in STARTS:
            options = itertools.takewhile(lambda word: word.startswith("-"), call.argv[1:])
            yield call._replace(argv=call.argv[1 + len(tuple(options)) :])
        for word in command.words:
            for expansion in word.expansions:
                if expansion.body is not None:
                    for nested, _ in walk(expansion.body):
                        yield self.call(nested, at[0], environment, False)
        if call.name in SHELLS:
            kind, text = handed(command)
            script = parse(text) if kind == "text" else None
            if isinstance(script, Script):
                yield from calls_of(self.instruction, script, at[0], environment)

    def call(self, command: Simple, workdir: str | None, environment: Environment, certain: bool) -> Call:
        if command.assignments:
            own = {each.name: value(each.value, environment) for each in command.assignments}
            environment = {**environment, **own}
        start = unwrap(command.words) if self.instruction.keyword in STARTS else behind_wrappers(command)
        words = () if start is None else command.words[start:]
        argv = tuple(UNKNOWN if (text := value(word, environment)) is None else text for word in words)
        if start is None and command.words:
            argv = (UNKNOWN,)
        elif words and UNKNOWN in argv[0] and (name := program_name(words[0])) is not None:
            argv = (name, *argv[1:])
        text = " ".join(self.text[command.start : command.end].split())
        return Call(self.instruction, command, argv, workdir, environment, text, certain)
