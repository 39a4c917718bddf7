"""What reports for other programs are made of: one finding a fix, a suggestion, a warning or an error.

A finding's fingerprint stays the same while the lines around it move: it is made of the file's path, the transform and
the instruction that it is about, never of a line number or of the wording of a reason.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from typing import Literal, NamedTuple

from optimizer.report.untrusted import printable
from optimizer.runner import Result
from optimizer.single import Replacement

Level = Literal["error", "warning", "note"]
"""An error: the file cannot be read. A warning: it would change, or something is wrong. A note: it might change."""

UNREADABLE = "unreadable"
"""The rule of a file that cannot be read; every other rule is the name of a transform."""


class Finding(NamedTuple):
    """One thing to tell about one place."""

    rule: str
    level: Level
    path: str
    """As seen from the folder in which the program was started, with slashes; absolute for a file outside of it."""
    line: int
    """From 1 on."""
    column: int
    """From 1 on."""
    message: str
    """Printable, in one line."""
    fingerprint: str
    """32 hexadecimal digits, different from those of all other findings of the run."""
    replacements: tuple[Replacement, ...] = ()
    """What would mend it, alone; none where it can only be mended together with others."""


def findings(result: Result) -> Iterator[Finding]:
    """The findings about one file, in the order of their lines."""
    yield from sorted(_found(result), key=lambda each: (each.line, each.column))


def _found(result: Result) -> Iterator[Finding]:
    path = place(result.task.path)
    seen: Counter[tuple[str, str]] = Counter()

    def fingerprint(rule: str, line: int) -> str:
        about = _instruction(result.text, line)
        seen[rule, about] += 1
        parts = (path, rule, about, str(seen[rule, about]))
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]

    if result.failure is not None:
        _, line, column, message, _ = result.failure
        text = printable(message)
        yield Finding(UNREADABLE, "error", path, max(line, 1), max(column, 1), text, fingerprint(UNREADABLE, 0))
        return
    notes = [*(("warning", each) for each in result.fixes), *(("note", each) for each in result.suggestions)]
    level: Level
    for number, (level, note) in enumerate(notes):  # type: ignore[assignment]
        alone = result.alone[number] if result.alone else ()
        saves = f" (saves {note.saves})" if note.saves else ""
        text = printable(note.reason + saves)
        yield Finding(note.transform, level, path, note.line, 1, text, fingerprint(note.transform, note.line), alone)
    for each in result.refusals:
        if each.warning:
            mark = fingerprint(each.transform, each.line)
            yield Finding(each.transform, "warning", path, each.line, 1, printable(each.reason), mark)


def _instruction(text: str, line: int) -> str:
    """The line of a text, without its blanks: what it says, however it is indented."""
    lines = text.split("\n")
    return " ".join(lines[line - 1].split()) if 0 < line <= len(lines) else ""


def place(path: str) -> str:
    """A path as reports name it: relative to where the program was started, if it lies below, with slashes."""
    relative = os.path.relpath(path) if os.path.isabs(path) else os.path.normpath(path)
    outside = relative == os.pardir or relative.startswith(os.pardir + os.sep)
    return (os.path.abspath(path) if outside else relative).replace(os.sep, "/")
