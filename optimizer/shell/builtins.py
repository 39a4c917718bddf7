"""What the built-in commands of sh and bash change in the shell that runs them.

Source: POSIX.1-2024 2.15 and bash's manual, "Shell Builtin Commands". A change that depends on arguments
which are not known is reported with no name, never left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

from optimizer.shell.ast import Simple, Word
from optimizer.shell.walk import Where

Kind = Literal[
    "directory",
    "variable",
    "umask",
    "ulimit",
    "option",
    "alias",
    "function",
    "source",
    "trap",
    "ends",
    "redirection",
    "hash",
    "positional",
    "unknown",
]

_LETTERS = {
    "a": "allexport",
    "b": "notify",
    "e": "errexit",
    "f": "noglob",
    "h": "hashall",
    "k": "keyword",
    "m": "monitor",
    "p": "privileged",
    "u": "nounset",
    "v": "verbose",
    "x": "xtrace",
    "B": "braceexpand",
    "C": "noclobber",
    "E": "errtrace",
    "H": "histexpand",
    "P": "physical",
    "T": "functrace",
}
# Options that every shell either knows, or ends over when it is told to set them.
RELIABLE = frozenset(_LETTERS.values()) | {"pipefail"}
_NAMES = RELIABLE | {"emacs", "history", "ignoreeof", "interactive-comments", "nolog", "posix", "vi"}

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_DECLARED = re.compile(r"([A-Za-z_]\w*)(?:\+?=|\[|\Z)", re.ASCII)


class Change(NamedTuple):
    """A change before it has its place in a script: `does` goes on where the command's text ends."""

    kind: Kind
    name: str | None
    value: str | None
    does: str


class Options(NamedTuple):
    """What `set` is asked for: options and whether each is switched on, and whether it sets $1 and so on."""

    options: tuple[tuple[str | None, bool], ...]  # None for an option that is not known
    positional: bool


def called(command: Simple) -> tuple[Word, ...]:
    """The words of a command from the name that is run, without `command` and `builtin` in front of it.

    Empty for `command -v`, which only asks, and where there are only assignments.
    """
    words = command.words
    while words and words[0].literal in ("command", "builtin"):
        words = words[1:]
        while words and words[0].literal is not None and words[0].literal.startswith("-"):
            if words[0].literal not in ("-p", "--"):
                return ()
            words = words[1:]
    return words


def is_path(word: Word) -> bool:
    """Whether a command's name has a slash of its own: a program, never a built-in or a function.

    A variable in it (`$JAVA_HOME/bin/java`) is taken to hold a path.
    """
    at = word.start
    for expansion in word.expansions:
        if "/" in word.text[at - word.start : expansion.start - word.start]:
            return True
        at = expansion.end
    return "/" in word.text[at - word.start :]


def set_options(words: Sequence[Word]) -> Options:
    """Read the arguments of `set`."""
    options: list[tuple[str | None, bool]] = []
    arguments = [word.literal for word in words[1:]]
    while arguments:
        argument = arguments.pop(0)
        if argument is None:
            return Options((*options, (None, True)), True)
        if argument in ("--", "-") or argument[:1] not in ("-", "+"):
            return Options(tuple(options), argument != "-")
        for letter in argument[1:]:
            if letter != "o":
                options.append((_LETTERS.get(letter), argument[0] == "-"))
            elif arguments:
                name = arguments.pop(0)
                options.append((name if name in _NAMES else None, argument[0] == "-"))
    return Options(tuple(options), False)


def _set(words: Sequence[Word], where: Where) -> Iterator[Change]:
    found = set_options(words)
    for name, on in found.options:
        if name is None:
            yield Change("unknown", None, None, "sets options that are not known")
        else:
            yield Change("option", name, "on" if on else "off", f"switches {name} {'on' if on else 'off'}")
    if found.positional:
        yield Change("positional", None, None, "sets the positional parameters")


def _shopt(words: Sequence[Word], where: Where) -> Iterator[Change]:
    flags = "".join(word.text for word in words[1:] if word.text.startswith("-"))
    if "s" in flags or "u" in flags:
        value = "on" if "s" in flags else "off"
        for word in words[1:]:
            if not word.text.startswith("-"):
                yield Change("option", word.literal, value, f"switches a shell option {value}")


def _directory(words: Sequence[Word], where: Where) -> Iterator[Change]:
    arguments = [word.literal for word in words[1:]]
    targets = [one for one in arguments if one is None or one[:1] not in ("-", "+")]
    yield Change("directory", None, targets[-1] if targets else None, "changes the directory")


def _declare(words: Sequence[Word], where: Where) -> Iterator[Change]:
    if words[0].literal == "local" or (where.function and words[0].literal in ("declare", "typeset")):
        return  # gone when the function returns
    functions = False
    for word in words[1:]:
        if word.text.startswith("-"):
            functions = functions or "f" in word.text
            continue
        match = _DECLARED.match(word.text)
        name = match.group(1) if match else None
        value = word.literal.partition("=")[2] if word.literal and "=" in word.literal else None
        yield Change("function" if functions else "variable", name, value, f"changes {name or 'variables'}")


def _reads(words: Sequence[Word], where: Where) -> Iterator[Change]:
    names = [word.literal for word in words[1:] if word.literal is None or _NAME.fullmatch(word.literal)]
    for name in names or [None]:
        yield Change("variable", name, None, "changes variables")


def _printf(words: Sequence[Word], where: Where) -> Iterator[Change]:
    if len(words) > 2 and words[1].literal == "-v":
        yield Change("variable", words[2].literal, None, "sets a variable")


def _with_arguments(kind: Kind, does: str, asking: frozenset[str] = frozenset()) -> Handler:
    """A handler for a built-in that changes something only with an argument that is not in `asking`."""

    def handler(words: Sequence[Word], where: Where) -> Iterator[Change]:
        if any(word.literal not in asking for word in words[1:]):
            yield Change(kind, None, None, does)

    return handler


def _always(kind: Kind, does: str) -> Handler:
    def handler(words: Sequence[Word], where: Where) -> Iterator[Change]:
        yield Change(kind, None, words[1].literal if len(words) > 1 else None, does)

    return handler


def _exit(words: Sequence[Word], where: Where) -> Iterator[Change]:
    yield Change("ends", None, words[1].literal if len(words) > 1 else None, "ends the shell")


def _return(words: Sequence[Word], where: Where) -> Iterator[Change]:
    if not where.function:
        yield Change("ends", None, None, "may end the shell")


def _break(words: Sequence[Word], where: Where) -> Iterator[Change]:
    if not where.loop:
        yield Change("ends", None, None, "may end a loop around the script")


Handler = Callable[[Sequence[Word], Where], Iterator[Change]]

HANDLERS: dict[str, Handler] = {
    "cd": _directory,
    "chdir": _directory,
    "pushd": _directory,
    "popd": _directory,
    "export": _declare,
    "readonly": _declare,
    "declare": _declare,
    "typeset": _declare,
    "local": _declare,
    "read": _reads,
    "getopts": _reads,
    "mapfile": _reads,
    "readarray": _reads,
    "unset": _reads,
    "let": _with_arguments("variable", "may set a variable"),
    "printf": _printf,
    "umask": _with_arguments("umask", "sets the umask", frozenset({"-S", "-p"})),
    "ulimit": _with_arguments("ulimit", "sets a limit", frozenset({"-a", "-S", "-H"})),
    "set": _set,
    "shopt": _shopt,
    "alias": _with_arguments("alias", "sets an alias"),
    "unalias": _with_arguments("alias", "removes an alias"),
    ".": _always("source", "runs a file in the shell itself"),
    "source": _always("source", "runs a file in the shell itself"),
    "trap": _with_arguments("trap", "sets a trap", frozenset({"-p", "-l"})),
    "exit": _exit,
    "logout": _exit,
    "exec": _with_arguments("ends", "replaces the shell"),
    "return": _return,
    "break": _break,
    "continue": _break,
    "hash": _with_arguments("hash", "changes where commands are found", frozenset({"-l", "-t"})),
    "shift": _always("positional", "shifts the positional parameters"),
    "eval": _with_arguments("unknown", "runs text that is not known"),
    "enable": _with_arguments("unknown", "changes which commands are built in"),
    "complete": _with_arguments("unknown", "changes the shell"),
    "bind": _with_arguments("unknown", "changes the shell"),
}

BUILTINS = frozenset(HANDLERS) | {":", "[", "[[", "test", "true", "false", "echo", "pwd", "kill", "type"}
BUILTINS |= {"command", "builtin", "wait", "jobs", "fg", "bg", "times", "dirs", "disown", "suspend"}
