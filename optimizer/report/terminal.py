"""What is shown to people: diffs, a line a fix, a closing line."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, TextIO

from optimizer.report.untrusted import printable

if TYPE_CHECKING:
    from optimizer.diff import Line
    from optimizer.runner import Note, Refused
    from optimizer.source import Failure

RESET = "\x1b[0m"
BOLD, DIM, REVERSED, RED, GREEN, YELLOW, CYAN = "1", "2", "7", "31", "32", "33", "36"
MARKS = {"-": RED, "+": GREEN}


class Style(NamedTuple):
    """How text is shown on one stream."""

    colour: bool = False
    escape: bool = False
    """Whether the control characters of a file are escaped in a diff: a terminal would obey them."""

    def paint(self, text: str, *codes: str) -> str:
        return f"\x1b[{';'.join(codes)}m{text}{RESET}" if self.colour and codes and text else text


PLAIN = Style()


def style(stream: TextIO, when: str) -> Style:
    """The style for a stream; ``when`` is what --color says: auto, always or never.

    Source: no-color.org and force-color.org.
    """
    terminal = stream.isatty()
    if when == "auto":
        wanted = bool(os.environ.get("FORCE_COLOR")) or (terminal and os.environ.get("TERM") != "dumb")
        return Style(wanted and not os.environ.get("NO_COLOR"), terminal)
    return Style(when == "always", terminal)


def show_diff(path: str, before: bytes | None, after: bytes, style: Style) -> str:
    """The change of a file (before is None for a new one) as a diff, to be encoded with surrogateescape."""
    from optimizer import diff

    old = None if before is None else before.decode("utf-8", "surrogateescape")
    new = after.decode("utf-8", "surrogateescape")
    if style == PLAIN:
        return diff.unified(path, old, new)
    shown = []
    for hunk in diff.hunks(old or "", new):
        shown.append(style.paint(hunk.header.rstrip("\n"), CYAN) + "\n")
        shown += (_diff_line(line, style) for line in (diff.highlight(hunk) if style.colour else hunk).lines)
    heading = (style.paint(line, BOLD) + "\n" for line in diff.heading(path, new=old is None).splitlines())
    return "".join((*heading, *shown)) if shown else ""


def _diff_line(line: Line, style: Style) -> str:
    from optimizer.diff import NO_NEWLINE

    body = line.text.removesuffix("\n").removesuffix("\r")
    end = line.text[len(body) :]
    done, pieces = 0, []
    codes = [MARKS[line.mark]] if line.mark in MARKS else []
    for start, stop in line.changed:
        pieces += [(body[done:start], codes), (body[start:stop], [*codes, REVERSED])]
        done = stop
    pieces.append((body[done:], codes))
    shown = (style.paint(printable(text, "\t") if style.escape else text, *how) for text, how in pieces)
    return style.paint(line.mark, *codes) + "".join(shown) + (end if end.endswith("\n") else f"{end}\n{NO_NEWLINE}")


def fix(note: Note, style: Style) -> str:
    """What a fix does and why."""
    saves = style.paint(_saves(note), GREEN)
    return f"{style.paint(note.transform, CYAN)}  {printable(note.reason)}{saves}{repairs(note.repairs, style)}"


def repairs(sentences: Sequence[str], style: Style) -> str:
    """What builds have added to a fix, each on a line of its own below it."""
    return "".join(f"\n      {style.paint('repaired', YELLOW)}: {printable(each)}" for each in sentences)


def suggestion(note: Note, style: Style) -> str:
    """What a suggested fix would do and why."""
    return f"{style.paint(f'{note.transform} (suggested)', YELLOW)}  {printable(note.reason)}{_saves(note)}"


def refusal(refused: Refused, style: Style) -> str:
    """Why a transform did nothing; or what is wrong, when that is all it has to say."""
    if refused.warning:
        return f"{style.paint(refused.transform, YELLOW)}  {printable(refused.reason)}"
    paragraph = f"  (docs/never.md, {refused.paragraph})" if refused.paragraph else ""
    return style.paint(f"{refused.transform}  left as it is: {printable(refused.reason)}{paragraph}", DIM)


def _saves(note: Note) -> str:
    return f"  (saves {printable(note.saves)})" if note.saves else ""


def at(path: str, line: int, text: str, style: Style) -> str:
    """A line of text about a line of a file."""
    return f"{style.paint(f'{printable(path)}:{line}', BOLD)}  {text}"


def failure_line(path: str, failure: Failure, style: Style) -> str:
    """What went wrong with a file."""
    return problem_line(path, failure.line, failure.column, failure.message, style, RED)


def problem_line(path: str, line: int, column: int, message: str, style: Style, *codes: str) -> str:
    """``path:line:column: what happened, and how to mend it``; a line or column of 0 is left out."""
    place = ":".join([printable(path), *(str(number) for number in (line, column) if number)])
    return f"{style.paint(place, BOLD)}: {style.paint(printable(message), *codes)}"


def summary(files: int, changed: int, fixes: int, suggestions: int, warnings: int, failed: int, done: str) -> str:
    """The closing line; ``done`` says what becomes of the files that change."""
    parts = [_count(files, "file"), f"{changed} {done}", _count(fixes, "fix", "fixes")]
    if warnings:
        parts.append(_count(warnings, "warning"))
    if failed:
        parts.append(f"{failed} not read")
    more = f"; --suggested shows {suggestions} more" if suggestions else ""
    return ", ".join(parts) + more


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
