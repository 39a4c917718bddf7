"""What commands change that set an image up: files of the system, and the files and folders that they name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile

from optimizer.independence import UNKNOWN
from optimizer.split.view import Call

_MODES = frozenset({"chmod", "chown", "chgrp"})
_FILES = frozenset({"mkdir", "touch", "ln"})
_SCRIPT = ("-e", "--expression", "-f", "--file")


def changes_a_setting(call: Call) -> bool:
    """Whether it writes a line into a file of the system, other than those of the package managers, or edits one."""
    if paths := edited(call):
        return all(path.startswith("/etc/") for path in paths)
    targets = [redirect.target.literal for redirect in call.command.redirects if redirect.op in (">", ">>")]
    path = targets[0] if len(targets) == 1 else None
    return call.name in ("echo", "printf") and path is not None and path.startswith("/etc/") and path[4:9] != "/apt/"


def edited(call: Call) -> tuple[str, ...]:
    """The files that sed(1) changes where they lie."""
    words = call.argv[1:]
    options = [word for word in words if word.startswith("-")]
    if call.name != "sed" or not any(_edits(word) for word in options):
        return ()
    scripted = call.has(*_SCRIPT)
    values = {at + 1 for at, word in enumerate(words) if word in _SCRIPT}
    named = [word for at, word in enumerate(words) if not word.startswith("-") and at not in values]
    return tuple(named if scripted else named[1:])


def _edits(option: str) -> bool:
    """Whether an option of sed is ``-i``, by itself or behind others that take no value."""
    if option.startswith("--"):
        return option.startswith("--in-place")
    return "i" in option.partition("e")[0].partition("f")[0].partition("l")[0]


def paths_of(calls: Sequence[Call]) -> Iterator[str]:
    """What commands that make files and folders, or give them modes and owners, name as paths."""
    for call in calls:
        operands = call.operands[1:] if call.name in _MODES else call.operands if call.name in _FILES else ()
        yield from (word for word in operands if UNKNOWN not in word)


def made(call: Call) -> tuple[str, ...]:
    """The files and folders that a command works on: of a link the link itself, not where it leads."""
    return call.operands[-1:] if call.name == "ln" and len(call.operands) > 1 else tuple(paths_of([call]))


def removed(call: Call) -> tuple[str, ...]:
    """What rm(1) takes away, or where find(1) looks for it."""
    if call.name == "find" and {"-delete", "rm"} & set(call.argv):
        folders = tuple(takewhile(lambda word: word[0] not in "-(!", call.argv[1:]))
        return folders or (".",)
    return call.operands if call.name in ("rm", "rmdir") else ()


def is_nothing(call: Call) -> bool:
    """Whether its output goes nowhere."""
    return all(
        each.target.text in ("/dev/null", "/dev/stdout", "/dev/stderr", "1", "2") for each in call.command.redirects
    )
