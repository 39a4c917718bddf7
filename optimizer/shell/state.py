"""What a script changes in the process of its shell, and what it reads of that process.

A change counts where it happens in the shell itself: in lists, groups, branches, loops and functions, not in
subshells, substitutions, pipelines of several commands (no shell here runs their last one itself) or the
background. Source: POSIX.1-2024 2.13 (execution environment) and 2.15 (special built-ins), bash's manual.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from optimizer.shell.ast import Compound, Expansion, List, Redirect, Script, Simple, Word
from optimizer.shell.builtins import BUILTINS, HANDLERS, Change, Kind, called, is_path, set_options
from optimizer.shell.compound import SPECIAL_BUILTINS
from optimizer.shell.walk import Where, backgrounds, traverse, walk

UseKind = Literal["background", "jobs", "parameter", "unread", "misuse"]

_ASSIGNS = re.compile(r"(?<![=!<>])=(?!=)|<<=|>>=|\+\+|--")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_PROGRAM = re.compile(r"(?<![\w.-])[\w-]+")  # not the ending of a file's name
_PROGRAMS = re.compile(r"bin/?\Z")  # a folder of programs
_JOBS = frozenset({"jobs", "wait", "fg", "bg", "disown", "times", "suspend"})
_PROCESS_PARAMETERS = frozenset({"?", "$", "!", "0", "_", "-", "PPID", "BASHPID", "LINENO", "SECONDS"})
_PROCESS_PARAMETERS |= {"RANDOM", "PIPESTATUS", "BASH_COMMAND", "BASH_SUBSHELL", "BASH_EXECUTION_STRING"}


class StateChange(NamedTuple):
    """One change of the shell's state that reaches whatever runs behind it in the same shell."""

    kind: Kind
    start: int
    end: int
    name: str | None  # of the variable, option or function; None where it is not known
    value: str | None  # the directory, "on" or "off" of an option, the status of exit; None if not known
    reason: str


class ProcessUse(NamedTuple):
    """Something that depends on the shell's own process: a job, or a parameter such as `$$`."""

    kind: UseKind
    start: int
    end: int
    name: str  # of the parameter or command
    first: bool  # before the first command of the script is over
    reason: str


def effects(script: Script) -> tuple[StateChange, ...]:
    """The state changes of a script, in the order of the text; those in its functions count as if called."""
    places = traverse(script)
    functions = {node.name for node, _ in places if isinstance(node, Compound) and node.kind == "function"}
    found: list[StateChange] = []
    for node, where in places:
        if where.subshell or isinstance(node, List):
            continue
        for kind, name, value, does in _changes(script, node, where, functions):
            reason = f"`{_shown(script.text[node.start : node.end])}` {does}"
            found.append(StateChange(kind, node.start, node.end, name, value, reason))
    return tuple(found)


def _changes(
    script: Script, node: Compound | Expansion | Simple, where: Where, functions: set[str | None]
) -> Iterator[Change]:
    if isinstance(node, Simple):
        yield from _simple(node, where, functions)
        yield from _redirections(node.redirects)
    elif isinstance(node, Compound):
        yield from _compound(script, node)
        yield from _redirections(node.redirects)
    elif node.operator in ("=", ":="):
        yield Change("variable", node.name, None, "sets a variable")
    elif node.kind == "arithmetic" and _ASSIGNS.search(script.text, node.start, node.end):
        yield Change("variable", None, None, "may set a variable")


def _simple(node: Simple, where: Where, functions: set[str | None]) -> Iterator[Change]:
    words = called(node)
    name = words[0].literal if words else None
    if node.assignments and (not node.words or name is None or name in SPECIAL_BUILTINS or name in functions):
        # sh keeps an assignment in front of a special built-in, and some keep one in front of a function
        for assignment in node.assignments:
            yield Change("variable", assignment.name, assignment.value.literal, "sets a variable")
    if not words:
        return
    if name is None:
        if not is_path(words[0]):
            yield Change("unknown", None, None, "runs a command whose name is not known before it runs")
    elif name in HANDLERS:
        if name == "exec" and len(words) == 1:
            if node.redirects:
                yield Change("redirection", None, None, "redirects the shell itself")
        else:
            yield from HANDLERS[name](words, where)


def _compound(script: Script, node: Compound) -> Iterator[Change]:
    if node.kind == "function":
        yield Change("function", node.name, None, "defines a function")
    elif node.kind in ("for", "select"):
        yield Change("variable", node.name, None, "sets a variable")
    elif node.kind == "arithmetic":
        if _ASSIGNS.search(script.text, node.start, node.end):
            yield Change("variable", None, None, "may set a variable")
    elif node.kind == "conditional" and "=~" in script.text[node.start : node.end]:
        yield Change("variable", "BASH_REMATCH", None, "sets BASH_REMATCH")


def _redirections(redirects: tuple[Redirect, ...]) -> Iterator[Change]:
    for redirect in redirects:
        if redirect.fd and redirect.fd[0] == "{":
            yield Change("redirection", redirect.fd[1:-1], None, "opens a file that stays open")


def uses(script: Script) -> tuple[ProcessUse, ...]:
    """What in a script, at any depth, depends on the process of the shell that runs it."""
    items = script.body.items
    first_end = items[0].pipeline.end if items else 0
    first_places = len(traverse(items[0])) if items else 0  # they follow the list itself
    found: list[ProcessUse] = []
    for index, (node, where) in enumerate(traverse(script)):
        for kind, name, start, end, does in _uses(script, node, where):
            first = index <= first_places if index else start < first_end
            reason = f"`{_shown(script.text[start:end])}` {does}"
            found.append(ProcessUse(kind, start, end, name, first, reason))
    return tuple(found)


def _uses(
    script: Script, node: Compound | Expansion | List | Simple, where: Where
) -> Iterator[tuple[UseKind, str, int, int, str]]:
    match node:
        case List():
            for at, running in enumerate(backgrounds(node)):
                behind = node.items[at + 1].connector if at + 1 < len(node.items) else node.terminator
                if running and behind == "&":
                    pipeline = node.items[at].pipeline
                    yield "background", "&", pipeline.start, pipeline.end, "runs in the background"
        case Simple():
            words = called(node)
            if words and words[0].literal in _JOBS:
                yield "jobs", str(words[0].literal), node.start, node.end, "depends on the shell's jobs"
            if words and _is_misused(words, where):
                does = "is an error to some shells, which end over it or not depending on what is around it"
                yield "misuse", str(words[0].literal), node.start, node.end, does
        case Expansion():
            if node.kind == "process":
                yield "background", "<(", node.start, node.end, "runs in the background"
            elif node.kind == "command" and node.body is None:
                yield "unread", "`", node.start, node.end, "holds commands behind backslashes"
            else:
                names = [node.name] if node.name else _IDENTIFIER.findall(script.text, node.start, node.end)
                for name in names if node.kind != "command" else ():
                    if name in _PROCESS_PARAMETERS:
                        yield "parameter", name, node.start, node.end, "depends on the process of the shell"


def _is_misused(words: Sequence[Word], where: Where) -> bool:
    """Whether a special built-in is used as none should be; bash as sh then treats it as `set -e` would."""
    if words[0].literal == "set":
        return any(name is None for name, _ in set_options(words).options)
    return words[0].literal == "return" and not where.function


def programs(script: Script, *, in_shell: bool = False) -> frozenset[str]:
    """The names that the script looks up in PATH, as far as they are known.

    With `in_shell` only those that the shell itself looks up and then remembers the place of.
    """
    places = traverse(script)
    functions = {node.name for node, _ in places if isinstance(node, Compound) and node.kind == "function"}
    names: set[str] = set()
    for node, where in places:
        if isinstance(node, Simple) and not (in_shell and where.subshell):
            words = called(node) or node.words
            asking = words and words[0].literal in ("command", "type", "hash")
            literals = [word.literal for word in (words if asking else words[:1])]
            names.update(name for name in literals if name and not name.startswith("-"))
    return frozenset(name for name in names - BUILTINS - functions if "/" not in name)


def _shown(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 40 else text[:39] + "…"


def placed(script: Script) -> frozenset[str] | None:
    """The names under which the script may put programs into PATH: those in its arguments. None: any name.

    A program comes under its name: as a package (`pip install -U pip`), a file, or a link. What is put into a
    folder of programs with a wildcard may have any name.
    """
    named: set[str] = set()
    for command, _ in walk(script):
        # What is removed or changed elsewhere is no program that the shell remembers.
        arguments = (word for word in command.words[1:] if command.name not in ("rm", "sed") or "bin/" in word.text)
        words = [*arguments, *(redirect.target for redirect in command.redirects)]
        if any(word.literal is None for word in words) and any(_PROGRAMS.search(word.text) for word in words):
            return None
        for word in words:
            named.update(_PROGRAM.findall(word.text))
    return frozenset(named)
